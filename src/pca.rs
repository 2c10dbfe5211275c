//! Principal components: the directions in which rows differ most, and rows along them.
//!
//! [`Pca`] says what is wanted, [`PcaModel`] is what was found, as plain data. [`Covariance`] is
//! the streaming state behind it: push batches, merge shards, and finish at any time for any
//! number of components. Wide tables, whose dim × dim matrix would not fit, have the randomized
//! solver.
//!
//! ```
//! use enfold::{StreamState, Table, pca::{Covariance, Pca}};
//!
//! // Points near the line y = 2·x.
//! let table = Table::from_arrays(&[[0.0, 0.1], [1.0, 1.9], [2.0, 4.0], [3.0, 6.1], [4.0, 7.9]])?;
//! let model = Pca::new(1).fit(table.rows())?;
//! assert!(model.ratios()[0] > 0.999);
//! let along = model.transform(table.rows())?;
//! assert_eq!(along.dim(), 1);
//! let back = model.invert(along.rows())?;
//! assert!(back.values().iter().zip(table.values()).all(|(a, b)| (a - b).abs() < 0.15));
//!
//! // The same in batches; the same bits.
//! let mut state = Covariance::new(2)?;
//! for batch in table.batches(2) {
//!     state.push(batch, None)?;
//! }
//! assert_eq!(Pca::new(1).finish(&state)?, model);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod covariance;
mod eigen;
mod gram;
mod householder;
mod randomized;
mod state;
mod sturm;
mod tridiagonal;

use std::convert::Infallible;

use enfold_core::{Error, Rows, ShapeError, StreamState};
use pulp::Arch;
use rayon::prelude::*;

use crate::data::Table;
use crate::data::door::check_finite;

pub use covariance::Covariance;
pub use randomized::Randomized;

/// Errors of this module: no machine is involved that could fail.
pub type PcaError = Error<Infallible>;

/// Rows that a thread transforms at once.
const ROWS: usize = 256;
/// Components whose variance is a smaller share of the largest are nothing but rounding.
const NOTHING: f64 = 1e-14;

/// How many components to keep.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Keep {
    Count(usize),
    Share(f64),
}

impl Keep {
    /// How many are kept for sure.
    fn at_least(self) -> usize {
        match self {
            Self::Count(components) => components,
            Self::Share(_) => 1,
        }
    }

    /// Whether these variances, of all that there are, are enough.
    fn is_met(self, variances: &[f64], total: f64) -> bool {
        match self {
            Self::Count(components) => variances.len() == components,
            Self::Share(share) => {
                !variances.is_empty() && variances.iter().sum::<f64>() >= share * total
            }
        }
    }
}

/// Principal component analysis (Pearson 1901; Hotelling 1933).
///
/// The directions are the eigenvectors of the covariance matrix, by a solver that computes only
/// those asked for; [`randomized`](Self::randomized) never forms the matrix. Columns of different
/// units should be standardised first ([`Scaler`](crate::data::Scaler)).
///
/// Of a direction and its opposite, the one whose largest element is positive is taken, of equal
/// ones the first: signs do not depend on the machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pca {
    keep: Keep,
    whiten: bool,
    randomized: Option<Randomized>,
}

impl Pca {
    /// The `components` directions of most variance.
    #[must_use]
    pub fn new(components: usize) -> Self {
        Self { keep: Keep::Count(components), whiten: false, randomized: None }
    }

    /// As few directions as hold this share of the variance, above 0 and up to 1.
    ///
    /// ```
    /// use enfold::{Table, pca::Pca};
    /// let table = Table::from_arrays(&[[0.0, 0.0, 0.0], [9.0, 1.0, 0.0], [0.0, 1.0, 0.1]])?;
    /// assert_eq!(Pca::share(0.95).fit(table.rows())?.count(), 1);
    /// assert_eq!(Pca::share(0.9999).fit(table.rows())?.count(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn share(share: f64) -> Self {
        Self { keep: Keep::Share(share), ..Self::new(0) }
    }

    /// Whether transformed rows have variance 1 along every component. Components without
    /// variance stay 0.
    #[must_use]
    pub fn whiten(self, whiten: bool) -> Self {
        Self { whiten, ..self }
    }

    /// Uses the randomized solver, in [`fit`](Self::fit) only and for a number of components.
    #[must_use]
    pub fn randomized(self, options: Randomized) -> Self {
        Self { randomized: Some(options), ..self }
    }

    /// Fits rows in memory. `O(n·dim²)` and 8·dim² bytes for the covariances, then `O(dim³)`; see
    /// [`Randomized`] for its cost.
    ///
    /// # Errors
    /// Fewer than two rows, a value that is not finite, components that are none or more than the
    /// smaller of rows and columns, a share outside (0, 1].
    pub fn fit(&self, rows: Rows<'_, [f32]>) -> Result<PcaModel, PcaError> {
        if let Some(options) = &self.randomized {
            let Keep::Count(components) = self.keep else {
                let why = "must be a number of components for the randomized solver";
                return Err(Error::Parameter { name: "share", why });
            };
            check_count(components, rows.dim(), rows.len() as f64)?;
            return Ok(options.fit(rows, components)?.model(self.whiten));
        }
        let mut state = Covariance::new(rows.dim()).map_err(|_| no_columns())?;
        // A block is checked and taken in while it lies in a cache.
        for start in (rows.start()..rows.end()).step_by(gram::BLOCK) {
            state.push(rows.range(start, rows.end().min(start + gram::BLOCK))?, None)?;
        }
        self.finish(&state)
    }

    /// The components of all that a state has seen; the state can go on.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), with the weight for the number of rows; options for the randomized
    /// solver, which needs the rows.
    pub fn finish(&self, state: &Covariance) -> Result<PcaModel, PcaError> {
        if self.randomized.is_some() {
            return Err(Error::Parameter {
                name: "randomized",
                why: "must not be set: that solver needs the rows, not a state",
            });
        }
        let (n, dim) = (state.weight(), state.dim());
        match self.keep {
            Keep::Count(components) => check_count(components, dim, n)?,
            Keep::Share(share) if share > 0.0 && share <= 1.0 => {}
            Keep::Share(_) => {
                return Err(Error::Parameter {
                    name: "share",
                    why: "must be above 0 and at most 1",
                });
            }
        }
        let (means, matrix) = state.moments().ok_or_else(too_few)?;
        let total: f64 = matrix.iter().step_by(dim + 1).sum();
        let eigen::Eigen { values, vectors } = eigen::largest(matrix, dim, self.keep);
        Ok(Parts { means, values, vectors, total }.model(self.whiten))
    }
}

fn check_count(components: usize, dim: usize, n: f64) -> Result<(), PcaError> {
    if n < 2.0 {
        return Err(too_few());
    }
    if components == 0 || components > dim || components as f64 > n {
        let why = "must be at least 1 and at most the smaller of rows and columns";
        return Err(Error::Parameter { name: "components", why });
    }
    Ok(())
}

fn too_few() -> PcaError {
    Error::Parameter { name: "rows", why: "must be at least two" }
}

fn no_columns() -> PcaError {
    ShapeError { what: "dim", expected: 1, found: 0 }.into()
}

/// What a solver found.
struct Parts {
    means: Vec<f64>,
    values: Vec<f64>,
    /// A row per value.
    vectors: Vec<f64>,
    total: f64,
}

impl Parts {
    fn model(self, whiten: bool) -> PcaModel {
        let Self { means, values, mut vectors, total } = self;
        vectors.chunks_exact_mut(means.len()).for_each(turn);
        // Rounding can leave less than nothing.
        let variances: Vec<f64> = values.into_iter().map(|value| value.max(0.0)).collect();
        PcaModel { means, components: vectors, variances, total, whiten }
    }
}

/// Makes the element that is largest in size positive, of equal ones the first.
fn turn(vector: &mut [f64]) {
    let largest =
        vector.iter().fold(0.0f64, |most, v| if v.abs() > most.abs() { *v } else { most });
    if largest < 0.0 {
        vector.iter_mut().for_each(|v| *v = -*v);
    }
}

/// Components that were found: a change of coordinates, and the way back.
#[derive(Debug, Clone, PartialEq)]
pub struct PcaModel {
    means: Vec<f64>,
    components: Vec<f64>,
    variances: Vec<f64>,
    total: f64,
    whiten: bool,
}

impl PcaModel {
    /// Number of components.
    #[must_use]
    pub fn count(&self) -> usize {
        self.variances.len()
    }

    /// Elements per row of the data.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.means.len()
    }

    /// The mean of each column.
    #[must_use]
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// The directions, [`count`](Self::count) × [`dim`](Self::dim), most variance first: unit
    /// vectors, orthogonal to each other.
    pub fn components(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.components.chunks_exact(self.dim())
    }

    /// The variance along each component, with the number of rows less 1 below.
    #[must_use]
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// The variance of all columns together.
    #[must_use]
    pub fn total_variance(&self) -> f64 {
        self.total
    }

    /// The share of each component in the variance of all columns; 0 where all are constant.
    #[must_use]
    pub fn ratios(&self) -> Vec<f64> {
        let share = |v: &f64| if self.total > 0.0 { v / self.total } else { 0.0 };
        self.variances.iter().map(share).collect()
    }

    /// Rows along the components: n × [`count`](Self::count). `O(n·dim·count)`.
    ///
    /// # Errors
    /// Rows of another dim, no row, or a value that is not finite.
    pub fn transform(&self, rows: Rows<'_, [f32]>) -> Result<Table, PcaError> {
        let units = self.units(|unit| if unit > 0.0 { 1.0 / unit } else { 0.0 });
        let dim = self.dim();
        map(rows, dim, self.count(), |row, centred, out| {
            for ((c, &value), mean) in centred.iter_mut().zip(row).zip(&self.means) {
                *c = f64::from(value) - mean;
            }
            let components = self.components.chunks_exact(dim).zip(&units);
            for (to, (component, unit)) in out.iter_mut().zip(components) {
                *to = eigen::dot(centred, component) * unit;
            }
        })
    }

    /// Rows along the components back in the columns of the data: n × [`dim`](Self::dim). What
    /// other components held is lost. `O(n·dim·count)`.
    ///
    /// # Errors
    /// Rows of another length than [`count`](Self::count), no row, or a value that is not finite.
    pub fn invert(&self, rows: Rows<'_, [f32]>) -> Result<Table, PcaError> {
        let (units, dim) = (self.units(|unit| unit), self.dim());
        map(rows, self.count(), dim, |row, _, out| {
            out.copy_from_slice(&self.means);
            let components = self.components.chunks_exact(dim).zip(&units);
            for (&value, (component, unit)) in row.iter().zip(components) {
                eigen::add(out, f64::from(value) * unit, component);
            }
        })
    }

    /// 1, or where rows are whitened, what `of` makes of each component's deviation; a deviation
    /// that is nothing but rounding counts as 0.
    fn units(&self, of: impl Fn(f64) -> f64) -> Vec<f64> {
        let least = NOTHING * self.variances.first().copied().unwrap_or(0.0);
        let unit = |&v: &f64| of(if v > least { v.sqrt() } else { 0.0 });
        self.variances.iter().map(|v| if self.whiten { unit(v) } else { 1.0 }).collect()
    }
}

/// Makes a table, row by row, on all threads: `each` gets a row, room of its length, and what to
/// write.
fn map(
    rows: Rows<'_, [f32]>,
    from: usize,
    to: usize,
    each: impl Fn(&[f32], &mut [f64], &mut [f64]) + Sync,
) -> Result<Table, PcaError> {
    ShapeError::check("dim", from, rows.dim())?;
    check_finite(rows)?;
    let mut values = vec![0.0f32; rows.len() * to];
    let blocks = rows.as_slice().par_chunks(ROWS * from).zip(values.par_chunks_mut(ROWS * to));
    blocks.for_each(|(rows, values)| {
        let (mut room, mut out) = (vec![0.0; from], vec![0.0; to]);
        Arch::new().dispatch(|| {
            for (row, values) in rows.chunks_exact(from).zip(values.chunks_exact_mut(to)) {
                each(row, &mut room, &mut out);
                values.iter_mut().zip(&out).for_each(|(value, &out)| *value = out as f32);
            }
        });
    });
    Table::new(values, to).map_err(|_| ShapeError { what: "rows", expected: 1, found: 0 }.into())
}
