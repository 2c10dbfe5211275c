//! Which columns say the same: correlation matrices, and columns to drop.
//!
//! ```
//! use enfold::{StreamState, Table, correlation::Correlation, pca::Covariance};
//!
//! let rows = [[1.0, 2.1, 7.0], [2.0, 3.9, 7.0], [3.0, 6.0, 7.0], [4.0, 8.1, 7.0]];
//! let table = Table::from_arrays(&rows)?.with_names(["price", "with tax", "always 7"])?;
//! let mut state = Covariance::new(3)?;
//! state.push(table.rows(), None)?;
//! let pearson = Correlation::of(&state)?.with_names(table.names())?;
//! assert!(pearson.at(0, 1) > 0.99);
//! assert_eq!(pearson.at(0, 2), 0.0); // a constant column goes with nothing
//!
//! let pruned = pearson.prune(0.9);
//! assert_eq!(pruned.kept, [0, 2]);
//! assert_eq!((pruned.dropped[0].column, pruned.dropped[0].because), (1, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use enfold_core::{Error, Rows};

use crate::data::door::check_finite;
use crate::data::{DataError, Table};
use crate::pca::{Covariance, PcaError};

/// A correlation matrix, symmetric, with 1 on the diagonal; free of NaN.
///
/// A constant column has correlation 0 with every other.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    dim: usize,
    values: Vec<f64>,
    names: Vec<String>,
}

/// What [`Correlation::prune`] leaves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pruned {
    /// Columns that stay, ascending.
    pub kept: Vec<usize>,
    /// Columns that go, ascending.
    pub dropped: Vec<Dropped>,
}

/// A column that says the same as one that stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropped {
    /// The column.
    pub column: usize,
    /// The first column that stays with which it is correlated above the threshold.
    pub because: usize,
    /// Their correlation.
    pub correlation: f64,
}

impl Correlation {
    /// Pearson's correlations of all that a state has seen, in `O(dim²)`; right to about 10⁻⁶.
    ///
    /// # Errors
    /// The state has seen a weight of 1 or less.
    pub fn of(state: &Covariance) -> Result<Self, PcaError> {
        let (_, matrix) = state
            .moments()
            .ok_or(Error::Parameter { name: "rows", why: "must be at least two" })?;
        Ok(Self::of_covariances(state.dim(), matrix))
    }

    /// Spearman's correlations (1904): Pearson's of the ranks within each column, equal values
    /// sharing the mean of their ranks. `O(n·dim·log n + n·dim²)`, and 12·n·dim bytes.
    ///
    /// ```
    /// use enfold::{Table, correlation::Correlation};
    /// let table = Table::from_arrays(&[[1.0, 1.0], [2.0, 10.0], [3.0, 1e6], [4.0, 2e6]])?;
    /// assert!((Correlation::spearman(table.rows())?.at(0, 1) - 1.0).abs() < 1e-15);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than two rows, or a value that is not finite.
    pub fn spearman(rows: Rows<'_, [f32]>) -> Result<Self, PcaError> {
        if rows.len() < 2 {
            return Err(Error::Parameter { name: "rows", why: "must be at least two" });
        }
        let (values, dim) = (rows.as_slice(), rows.dim());
        check_finite(rows)?;
        let column = |t: usize| values[t..].iter().step_by(dim).copied().collect::<Vec<f32>>();
        let ranks: Vec<Vec<f64>> = (0..dim).map(|t| centred_ranks(&column(t))).collect();
        let mut matrix = vec![0.0; dim * dim];
        for i in 0..dim {
            for j in 0..=i {
                let product = ranks[i].iter().zip(&ranks[j]).map(|(a, b)| a * b).sum();
                (matrix[i * dim + j], matrix[j * dim + i]) = (product, product);
            }
        }
        Ok(Self::of_covariances(dim, matrix))
    }

    fn of_covariances(dim: usize, mut values: Vec<f64>) -> Self {
        let deviations: Vec<f64> = values.iter().step_by(dim + 1).map(|v| v.sqrt()).collect();
        for (i, row) in values.chunks_exact_mut(dim).enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                let unit = deviations[i] * deviations[j];
                // Rounding can pass 1, or leave something where nothing varies.
                *value = if unit > 0.0 { (*value / unit).clamp(-1.0, 1.0) } else { 0.0 };
            }
            row[i] = 1.0;
        }
        Self { dim, values, names: Vec::new() }
    }

    /// The same with the names of the columns.
    ///
    /// # Errors
    /// There are not as many names as columns; none at all are fine.
    pub fn with_names<S: Into<String> + Clone>(self, names: &[S]) -> Result<Self, DataError> {
        if !names.is_empty() && names.len() != self.dim {
            return Err(DataError::Names { expected: self.dim, found: names.len() });
        }
        Ok(Self { names: names.iter().cloned().map(Into::into).collect(), ..self })
    }

    /// Number of columns.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The names of the columns; empty where none were given.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The correlation of two columns.
    ///
    /// # Panics
    /// There is no such column.
    #[must_use]
    pub fn at(&self, a: usize, b: usize) -> f64 {
        assert!(a < self.dim && b < self.dim, "columns {a} and {b} of {}", self.dim);
        self.values[a * self.dim + b]
    }

    /// All correlations, row by row.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The pairs of different columns, strongest correlation first, of equal ones the lower.
    #[must_use]
    pub fn pairs(&self) -> Vec<(usize, usize, f64)> {
        let below = |b: usize| (0..b).map(move |a| (a, b));
        let mut pairs: Vec<_> = (0..self.dim).flat_map(below).collect();
        pairs.sort_by(|x, y| {
            let strength = |&(a, b): &(usize, usize)| self.at(a, b).abs();
            strength(y).total_cmp(&strength(x)).then(x.cmp(y))
        });
        pairs.into_iter().map(|(a, b)| (a, b, self.at(a, b))).collect()
    }

    /// Keeps columns so that no two are correlated above `threshold` in size.
    ///
    /// From the first column to the last: a column stays unless a column before it that stays is
    /// correlated with it above the threshold. So the order of the columns is the order of
    /// preference, and every column that goes is represented by one that stays.
    #[must_use]
    pub fn prune(&self, threshold: f64) -> Pruned {
        let mut pruned = Pruned::default();
        for column in 0..self.dim {
            let same = |&&kept: &&usize| self.at(kept, column).abs() > threshold;
            match pruned.kept.iter().find(same) {
                Some(&because) => {
                    let correlation = self.at(because, column);
                    pruned.dropped.push(Dropped { column, because, correlation });
                }
                None => pruned.kept.push(column),
            }
        }
        pruned
    }
}

impl Pruned {
    /// The columns that stay of a table, with their names.
    ///
    /// # Errors
    /// The table has not as many columns as there were.
    pub fn apply(&self, table: &Table) -> Result<Table, DataError> {
        let dim = self.kept.len() + self.dropped.len();
        if table.dim() != dim {
            return Err(DataError::Ragged { row: 0, expected: dim, found: table.dim() });
        }
        let rows = table.values().chunks_exact(dim);
        let values = rows.flat_map(|row| self.kept.iter().map(|&t| row[t])).collect();
        let names = self.kept.iter().filter_map(|&t| table.names().get(t).cloned());
        let kept = Table::new(values, self.kept.len())?;
        if table.names().is_empty() { Ok(kept) } else { kept.with_names(names) }
    }
}

/// Ranks less their mean; equal values share the mean of their ranks.
fn centred_ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    // Both zeros are one value.
    let key = |i: &usize| values[*i] + 0.0;
    order.sort_by(|a, b| key(a).total_cmp(&key(b)));
    let middle = (values.len() - 1) as f64 / 2.0;
    let (mut ranks, mut start) = (vec![0.0; values.len()], 0);
    for equal in order.chunk_by(|a, b| key(a) == key(b)) {
        let end = start + equal.len() - 1;
        let rank = (start + end) as f64 / 2.0 - middle;
        equal.iter().for_each(|&i| ranks[i] = rank);
        start = end + 1;
    }
    ranks
}
