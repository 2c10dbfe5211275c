//! Host rows: tables out of slices, arrays, iterators, arrays of other crates, and files.
//!
//! A [`Table`] is checked once, where it is made: it has at least one row and one column, and
//! all its rows are of one length. Readers of files – `csv`, `npy`, features – give tables of a few
//! thousand rows each, so that a file of any size passes through bounded memory.

#[cfg(feature = "csv")]
pub mod csv;
pub(crate) mod door;
mod error;
mod exact;
#[cfg(feature = "npy")]
pub mod npy;
pub mod scale;

use std::sync::Arc;

use enfold_core::Rows;

pub use error::{CellError, DataError, NpyError};
pub use scale::{Scaler, Scaling};

/// Rows of `f32` on the host, row-major, with the names of their columns where known.
///
/// Shape: n × dim, n ≥ 1, dim ≥ 1. Memory: `4·n·dim` bytes. Coordinates may be anything;
/// [`check_finite`](Self::check_finite) finds NaN and infinities.
///
/// ```
/// use enfold::Table;
/// let table = Table::from_arrays(&[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])?;
/// assert_eq!((table.rows().len(), table.dim()), (3, 2));
/// assert_eq!(table.row(1), [2.0, 3.0]);
/// # Ok::<(), enfold::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    values: Vec<f32>,
    dim: usize,
    names: Arc<[String]>,
}

impl Table {
    /// Takes a vector of whole rows of `dim` elements. No copy.
    ///
    /// # Errors
    /// `dim` is 0, there is no row, the length is no multiple of `dim`, or there are 2³²−1 rows
    /// or more.
    pub fn new(values: Vec<f32>, dim: usize) -> Result<Self, DataError> {
        check(values.len(), dim)?;
        Ok(Self { values, dim, names: Arc::new([]) })
    }

    /// Copies a slice of whole rows of `dim` elements.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_slice(values: &[f32], dim: usize) -> Result<Self, DataError> {
        check(values.len(), dim)?;
        Self::new(values.to_vec(), dim)
    }

    /// Copies rows of fixed length. [`array_rows`] lends them without a copy.
    ///
    /// # Errors
    /// There is no row, or `D` is 0.
    pub fn from_arrays<const D: usize>(rows: &[[f32; D]]) -> Result<Self, DataError> {
        Self::from_slice(rows.as_flattened(), D)
    }

    /// Collects rows of any kind – vectors, slices, arrays. The first row sets the length.
    ///
    /// ```
    /// use enfold::{DataError, Table};
    /// let ragged = Table::from_rows([vec![1.0, 2.0], vec![3.0]]);
    /// assert!(matches!(ragged, Err(DataError::Ragged { row: 1, expected: 2, found: 1 })));
    /// ```
    ///
    /// # Errors
    /// There is no row, the first is empty, or another is of another length.
    pub fn from_rows<R: AsRef<[f32]>>(
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Self, DataError> {
        let (mut values, mut dim) = (Vec::new(), None);
        for (row, cells) in rows.into_iter().enumerate() {
            let cells = cells.as_ref();
            let expected = *dim.get_or_insert(cells.len());
            if cells.len() != expected {
                return Err(DataError::Ragged { row, expected, found: cells.len() });
            }
            values.extend_from_slice(cells);
        }
        Self::new(values, dim.ok_or(DataError::Empty)?)
    }

    /// Copies an ndarray view of any memory order. [`view_rows`] lends one without a copy.
    ///
    /// ```
    /// let array = ndarray::array![[1.0f32, 2.0], [3.0, 4.0]];
    /// let table = enfold::Table::from_view(&array.t())?;
    /// assert_eq!(table.row(0), [1.0, 3.0]);
    /// # Ok::<(), enfold::DataError>(())
    /// ```
    ///
    /// # Errors
    /// There is no row or no column.
    #[cfg(feature = "ndarray")]
    pub fn from_view(view: &ndarray::ArrayView2<'_, f32>) -> Result<Self, DataError> {
        Self::new(view.iter().copied().collect(), view.ncols())
    }

    /// The same rows with names for their columns.
    ///
    /// # Errors
    /// There are not as many names as columns.
    pub fn with_names<S: Into<String>>(
        self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self, DataError> {
        self.with_shared_names(names.into_iter().map(Into::into).collect())
    }

    /// As [`with_names`](Self::with_names), for the batches of one file: the names are shared.
    pub(crate) fn with_shared_names(self, names: Arc<[String]>) -> Result<Self, DataError> {
        if names.len() != self.dim {
            return Err(DataError::Names { expected: self.dim, found: names.len() });
        }
        Ok(Self { names, ..self })
    }

    /// The rows, as every algorithm takes them.
    #[must_use]
    pub fn rows(&self) -> Rows<'_, [f32]> {
        Rows::new(&self.values, self.dim).expect("every constructor checks the shape")
    }

    /// Elements per row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The names of the columns; empty where none were given.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// All elements, row by row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All elements, to change them in place: [`Scaling::apply`] does.
    #[must_use]
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Row `i`.
    ///
    /// # Panics
    /// There is no such row.
    #[must_use]
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    /// Column `t` from the first row to the last.
    ///
    /// # Panics
    /// There is no such column.
    pub fn column(&self, t: usize) -> impl ExactSizeIterator<Item = f32> + '_ {
        assert!(t < self.dim, "column {t} of {}", self.dim);
        self.values[t..].iter().step_by(self.dim).copied()
    }

    /// The rows in pieces of `size` (the last may be shorter; size 0 counts as 1).
    pub fn batches(&self, size: usize) -> impl Iterator<Item = Rows<'_, [f32]>> {
        let (rows, size) = (self.rows(), size.max(1));
        (0..rows.len())
            .step_by(size)
            .filter_map(move |start| rows.range(start, rows.len().min(start + size)).ok())
    }

    /// `Ok` when every coordinate is finite. `O(n·dim)`.
    ///
    /// # Errors
    /// [`DataError::NotFinite`] with the row and column (from 0) of the first that is not.
    pub fn check_finite(&self) -> Result<(), DataError> {
        match self.values.iter().position(|v| !v.is_finite()) {
            Some(at) => {
                Err(DataError::NotFinite { row: (at / self.dim) as u64, column: at % self.dim })
            }
            None => Ok(()),
        }
    }
}

/// Lends rows of fixed length without a copy.
///
/// ```
/// let sensor = [[0.0f32, 1.0], [2.0, 3.0]];
/// assert_eq!(enfold::data::array_rows(&sensor)?.len(), 2);
/// # Ok::<(), enfold::DataError>(())
/// ```
///
/// # Errors
/// There is no row, or `D` is 0.
pub fn array_rows<const D: usize>(rows: &[[f32; D]]) -> Result<Rows<'_, [f32]>, DataError> {
    slice_rows(rows.as_flattened(), D)
}

/// Lends a slice of whole rows of `dim` elements without a copy.
///
/// # Errors
/// As [`Table::new`].
pub fn slice_rows(values: &[f32], dim: usize) -> Result<Rows<'_, [f32]>, DataError> {
    check(values.len(), dim)?;
    Rows::new(values, dim).map_err(|_| DataError::Length { len: values.len(), dim })
}

/// Lends an ndarray view in standard layout without a copy; `None` for any other layout, which
/// [`Table::from_view`] copies.
///
/// # Errors
/// There is no row or no column.
#[cfg(feature = "ndarray")]
pub fn view_rows<'a>(
    view: &ndarray::ArrayView2<'a, f32>,
) -> Result<Option<Rows<'a, [f32]>>, DataError> {
    view.to_slice().map(|values| slice_rows(values, view.ncols())).transpose()
}

/// Whether `len` elements are rows of `dim`.
fn check(len: usize, dim: usize) -> Result<(), DataError> {
    match (len, dim) {
        (_, 0) => Err(DataError::NoColumns),
        (0, _) => Err(DataError::Empty),
        _ if !len.is_multiple_of(dim) => Err(DataError::Length { len, dim }),
        _ if len / dim >= u32::MAX as usize => Err(DataError::TooManyRows { rows: len / dim }),
        _ => Ok(()),
    }
}
