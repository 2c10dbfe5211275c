//! Columns of one scale: means and deviations of a stream, and their use.
//!
//! k-means measures all columns with one ruler. Where their units differ – degrees, counts,
//! shares – standardise first; where they are one unit, don't: it would make noise as loud as
//! signal. [`Scaler`] sees the rows once; [`Scaling`] is what it learned, as plain data.
//! [`Extremes`] and [`Scaling::robust`] give other scales, [`Logarithm`] tames long tails.

mod extremes;
mod state;
mod table;

use enfold_core::backend::WEIGHT_BITS;

use super::DataError;
use super::exact::{Double, Linear, Square};

pub use extremes::Extremes;
pub use table::Logarithm;

/// What to do to each column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Nothing.
    None,
    /// Subtract the mean.
    Centre,
    /// Subtract the mean, then divide by the standard deviation.
    #[default]
    Standardise,
}

/// Mean and variance of every column of a stream, exactly.
///
/// Sums are kept without rounding, so the state – and every bit of its snapshot – is the same
/// for any order of the rows, any cut into batches and any tree of merges (as long as nothing
/// decays). It is a [`StreamState`](crate::StreamState): push, merge, decay, snapshot, restore.
/// Memory: 248 bytes per column. Cost of a push: `O(n·dim)`, some 20 ns per value.
///
/// ```
/// use enfold::{StreamState, Table, data::Scaler, data::scale::Mode};
/// let mut table = Table::from_arrays(&[[1.0, 7.0], [3.0, 7.0]])?;
/// let mut scaler = Scaler::new(2)?;
/// scaler.push(table.rows(), None)?;
/// assert_eq!((scaler.means(), scaler.deviations()), (vec![2.0, 7.0], vec![1.0, 0.0]));
///
/// let scaling = scaler.scaling(Mode::Standardise);
/// scaling.apply(table.values_mut())?;
/// assert_eq!(table.values(), [-1.0, 0.0, 1.0, 0.0]); // a constant column becomes 0
/// scaling.invert(table.values_mut())?;
/// assert_eq!(table.values(), [1.0, 7.0, 3.0, 7.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scaler {
    columns: Vec<Column>,
    /// Σ weights in units of 2⁻¹⁶.
    mass: u64,
    time: f64,
    half_life: Option<f64>,
}

/// Σ m·x and Σ m·x² of one column.
#[derive(Debug, Clone, PartialEq, Default)]
struct Column {
    sum: Linear,
    squares: Square,
}

impl Scaler {
    /// For rows of `dim` elements.
    ///
    /// # Errors
    /// `dim` is 0.
    pub fn new(dim: usize) -> Result<Self, DataError> {
        if dim == 0 {
            return Err(DataError::NoColumns);
        }
        Ok(Self { columns: vec![Column::default(); dim], mass: 0, time: 0.0, half_life: None })
    }

    /// Rows count half once the clock has moved on by `half_life`; a value that is not positive
    /// means never. Without it, moving the clock changes nothing.
    #[must_use]
    pub fn with_half_life(self, half_life: f64) -> Self {
        Self { half_life: super::door::half_life(half_life), ..self }
    }

    /// Elements per row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.columns.len()
    }

    /// Total weight seen: the number of rows where no weights were given.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.mass as f64 / f64::from(1u32 << WEIGHT_BITS)
    }

    /// The mean of each column; 0 while nothing has been seen.
    #[must_use]
    pub fn means(&self) -> Vec<f64> {
        self.columns.iter().map(|c| c.mean(self.mass)).collect()
    }

    /// The standard deviation of each column (of the rows seen, not of a population behind
    /// them); exactly 0 where all values are equal.
    #[must_use]
    pub fn deviations(&self) -> Vec<f64> {
        self.columns.iter().map(|c| c.variance(self.mass).sqrt()).collect()
    }

    /// What was learned so far, ready for use.
    #[must_use]
    pub fn scaling(&self, mode: Mode) -> Scaling {
        let (mut means, mut units) = (vec![0.0; self.dim()], vec![1.0; self.dim()]);
        if mode != Mode::None {
            means = self.means();
        }
        if mode == Mode::Standardise {
            units = self.deviations();
            // A constant column holds nothing to stretch.
            units.iter_mut().filter(|unit| **unit == 0.0).for_each(|unit| *unit = 1.0);
        }
        Scaling { means, units }
    }
}

impl Column {
    fn mean(&self, mass: u64) -> f64 {
        if mass == 0 { 0.0 } else { self.sum.total().value() / mass as f64 }
    }

    /// (m·Σx² − (Σx)²) / m² in twice the precision: the difference cancels.
    fn variance(&self, mass: u64) -> f64 {
        if mass == 0 {
            return 0.0;
        }
        let (sum, total) = (self.sum.total(), Double::of_i64(mass as i64));
        let spread = self.squares.total().mul(total).add(sum.mul(sum).neg()).value();
        (spread / mass as f64 / mass as f64).max(0.0)
    }
}

/// One subtraction and one division per column, and the way back.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    means: Vec<f64>,
    units: Vec<f64>,
}

impl Scaling {
    /// What is subtracted from each column.
    #[must_use]
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// What each column is divided by after that; never 0.
    #[must_use]
    pub fn units(&self) -> &[f64] {
        &self.units
    }

    /// `(x − mean) / unit` in place, for whole rows. `O(n·dim)`.
    ///
    /// # Errors
    /// The slice is not whole rows; nothing is changed.
    pub fn apply(&self, values: &mut [f32]) -> Result<(), DataError> {
        self.each(values, |value, mean, unit| (value - mean) / unit)
    }

    /// `x · unit + mean` in place, for whole rows: centres back in the units of the data.
    ///
    /// # Errors
    /// The slice is not whole rows; nothing is changed.
    pub fn invert(&self, values: &mut [f32]) -> Result<(), DataError> {
        self.each(values, |value, mean, unit| value * unit + mean)
    }

    fn each(&self, values: &mut [f32], to: impl Fn(f64, f64, f64) -> f64) -> Result<(), DataError> {
        let dim = self.means.len();
        if !values.len().is_multiple_of(dim) {
            return Err(DataError::Length { len: values.len(), dim });
        }
        for row in values.chunks_exact_mut(dim) {
            for ((value, &mean), &unit) in row.iter_mut().zip(&self.means).zip(&self.units) {
                *value = to(f64::from(*value), mean, unit) as f32;
            }
        }
        Ok(())
    }
}
