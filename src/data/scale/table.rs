//! Scales that need the whole table, and logarithms.

use super::Scaling;
use crate::data::{DataError, Table};

impl Scaling {
    /// Subtracts the median of each column and divides by the distance of its quartiles: a few
    /// wild values do not move it. A column whose quartiles are equal is only moved.
    ///
    /// Quartiles between two values are on the line between them (type 7 of Hyndman and Fan 1996,
    /// as in NumPy). `O(n·dim·log n)`, and 4·n bytes.
    ///
    /// ```
    /// use enfold::{Table, data::Scaling};
    /// let mut table = Table::from_arrays(&[[1.0], [2.0], [3.0], [4.0], [1e9]])?;
    /// let robust = Scaling::robust(&table)?;
    /// assert_eq!((robust.means(), robust.units()), (&[3.0][..], &[2.0][..]));
    /// robust.apply(table.values_mut())?;
    /// assert_eq!(table.values()[..4], [-1.0, -0.5, 0.0, 0.5]);
    /// # Ok::<(), enfold::DataError>(())
    /// ```
    ///
    /// # Errors
    /// A value that is not finite.
    pub fn robust(table: &Table) -> Result<Self, DataError> {
        table.check_finite()?;
        let (mut means, mut units) = (Vec::new(), Vec::new());
        for t in 0..table.dim() {
            let mut column: Vec<f32> = table.column(t).collect();
            column.sort_by(f32::total_cmp);
            let range = quantile(&column, 3) - quantile(&column, 1);
            means.push(quantile(&column, 2));
            units.push(if range > 0.0 { range } else { 1.0 });
        }
        Ok(Self { means, units })
    }
}

/// The quantile at so many quarters of ascending values.
fn quantile(ascending: &[f32], quarters: usize) -> f64 {
    let place = (ascending.len() - 1) * quarters;
    let (at, part) = (place / 4, (place % 4) as f64 / 4.0);
    let (low, high) =
        (f64::from(ascending[at]), f64::from(ascending[ascending.len().min(at + 2) - 1]));
    low + (high - low) * part
}

/// ln(1 + x) of some columns, and the way back: for counts and amounts, of which a few are very
/// large.
///
/// The logarithm is the same on every machine.
///
/// ```
/// use enfold::{Table, data::scale::Logarithm};
/// let mut table = Table::from_arrays(&[[0.0, 5.0], [999.0, 6.0]])?;
/// let logarithm = Logarithm::of(2, [0])?;
/// logarithm.apply(table.values_mut())?;
/// assert_eq!(table.row(0), [0.0, 5.0]);
/// assert!((table.row(1)[0] - 6.9078).abs() < 1e-4);
/// logarithm.invert(table.values_mut())?;
/// assert!((table.row(1)[0] - 999.0).abs() < 1e-3);
/// # Ok::<(), enfold::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logarithm {
    columns: Vec<bool>,
}

impl Logarithm {
    /// Of these columns of rows of `dim` elements.
    ///
    /// # Errors
    /// `dim` is 0, or there is no such column.
    pub fn of(dim: usize, columns: impl IntoIterator<Item = usize>) -> Result<Self, DataError> {
        if dim == 0 {
            return Err(DataError::NoColumns);
        }
        let mut chosen = vec![false; dim];
        for column in columns {
            let unknown = || DataError::UnknownColumn(column.to_string());
            *chosen.get_mut(column).ok_or_else(unknown)? = true;
        }
        Ok(Self { columns: chosen })
    }

    /// Replaces x by ln(1 + x) in place, for whole rows. `O(n·dim)`.
    ///
    /// # Errors
    /// The slice is not whole rows, or a value of these columns is −1 or less or not finite;
    /// nothing is changed.
    pub fn apply(&self, values: &mut [f32]) -> Result<(), DataError> {
        self.each(values, libm::log1p)
    }

    /// Replaces y by eʸ − 1 in place, for whole rows.
    ///
    /// # Errors
    /// The slice is not whole rows, or a result is too large for `f32`; nothing is changed.
    pub fn invert(&self, values: &mut [f32]) -> Result<(), DataError> {
        self.each(values, libm::expm1)
    }

    fn each(&self, values: &mut [f32], to: impl Fn(f64) -> f64) -> Result<(), DataError> {
        let dim = self.columns.len();
        if !values.len().is_multiple_of(dim) {
            return Err(DataError::Length { len: values.len(), dim });
        }
        let of = |(at, value): (usize, &f32)| match self.columns[at % dim] {
            true => to(f64::from(*value)) as f32,
            false => *value,
        };
        let changed: Vec<f32> = values.iter().enumerate().map(of).collect();
        let bad = |(at, value): (usize, &f32)| self.columns[at % dim] && !value.is_finite();
        match changed.iter().enumerate().position(bad) {
            Some(at) => Err(DataError::NotFinite { row: (at / dim) as u64, column: at % dim }),
            None => {
                values.copy_from_slice(&changed);
                Ok(())
            }
        }
    }
}
