//! What a backend is asked to look at: rows, pairs of rows, and which pairs.

use crate::backend::{Backend, Values};
use crate::error::ShapeError;

pub use crate::metric::Metric;

/// A range of rows of a row-major buffer, checked on construction: the only door to a kernel.
///
/// `V` is a backend's buffer type: `[f32]` on a CPU, a handle on a device. Row numbers are
/// positions in the buffer, so a range keeps the numbers of its rows.
///
/// ```
/// # use enfold_core::Rows;
/// let data = [0.0f32, 0.0, 1.0, 1.0, 2.0, 2.0];
/// let rows = Rows::new(&data[..], 2)?;
/// assert_eq!(rows.len(), 3);
/// assert_eq!(rows.range(1, 3)?.start(), 1);
/// # Ok::<(), enfold_core::ShapeError>(())
/// ```
#[derive(Debug)]
pub struct Rows<'a, V: ?Sized> {
    data: &'a V,
    start: usize,
    end: usize,
    dim: usize,
}

impl<V: ?Sized> Clone for Rows<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: ?Sized> Copy for Rows<'_, V> {}

impl<'a, T> Rows<'a, [T]> {
    /// All rows of a slice of whole rows.
    ///
    /// # Errors
    /// `dim` is 0 or does not divide the length; 2³²−1 rows or more.
    pub fn new(data: &'a [T], dim: usize) -> Result<Self, ShapeError> {
        Self::of_len(data, data.len(), dim)
    }

    /// The elements of these rows, `len × dim`.
    #[must_use]
    pub fn as_slice(&self) -> &'a [T] {
        &self.data[self.start * self.dim..self.end * self.dim]
    }

    /// Row `i` (absolute).
    #[must_use]
    pub fn row(&self, i: usize) -> &'a [T] {
        &self.data[i * self.dim..(i + 1) * self.dim]
    }
}

impl<'a, V: ?Sized> Rows<'a, V> {
    /// All rows of a backend's buffer of whole rows.
    ///
    /// # Errors
    /// `dim` is 0 or does not divide the length; 2³²−1 rows or more.
    pub fn on<B>(data: &'a V, dim: usize) -> Result<Self, ShapeError>
    where
        B: Backend<Buf<<B as Backend>::Elem> = V>,
    {
        Self::of_len(data, B::len::<B::Elem>(data), dim)
    }

    fn of_len(data: &'a V, len: usize, dim: usize) -> Result<Self, ShapeError> {
        ShapeError::at_least("dim", 1, dim)?;
        ShapeError::check("elements of whole rows", len / dim * dim, len)?;
        let rows = len / dim;
        if rows >= u32::MAX as usize {
            let expected = u32::MAX as usize - 1;
            return Err(ShapeError { what: "rows", expected, found: rows });
        }
        Ok(Self { data, start: 0, end: rows, dim })
    }

    /// The rows `start..end` of the same buffer (absolute numbers, inside this range).
    ///
    /// # Errors
    /// The range is reversed or leaves this one.
    pub fn range(&self, start: usize, end: usize) -> Result<Self, ShapeError> {
        ShapeError::at_least("row range start", self.start, start)?;
        ShapeError::at_least("row range end", start, end)?;
        ShapeError::at_least("rows", end, self.end)?;
        Ok(Self { start, end, ..*self })
    }

    /// The rows of the same numbers in another buffer of as many rows.
    #[cfg(feature = "alloc")]
    pub(crate) fn on_another<'b, W: ?Sized>(&self, data: &'b W) -> Rows<'b, W> {
        Rows { data, start: self.start, end: self.end, dim: self.dim }
    }

    /// The part of these rows with the numbers of a range inside them.
    #[cfg(feature = "alloc")]
    pub(crate) fn narrowed(self, rows: core::ops::Range<usize>) -> Self {
        Self { start: rows.start, end: rows.end, ..self }
    }

    /// The buffer these rows stand in.
    #[must_use]
    pub fn data(&self) -> &'a V {
        self.data
    }

    /// Number of the first row.
    #[must_use]
    pub fn start(&self) -> usize {
        self.start
    }

    /// One past the number of the last row.
    #[must_use]
    pub fn end(&self) -> usize {
        self.end
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Elements per row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }
}

/// A rectangle of pairs: half-open ranges of absolute row numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Block {
    /// Rows of x, `x.0..x.1`.
    pub x: (u32, u32),
    /// Rows of y, `y.0..y.1`.
    pub y: (u32, u32),
}

/// Which pairs to visit.
#[non_exhaustive]
#[derive(Debug, Clone, Copy)]
pub enum Visit<'a> {
    /// Every pair.
    All,
    /// Every pair with different row numbers: a self-join without the row itself.
    OffDiagonal,
    /// Only these rectangles, which must not overlap: the seam for every index.
    Blocks(&'a [Block]),
}

/// Rows of x against rows of y under a metric.
#[derive(Debug)]
pub struct Pairs<'a, V: ?Sized> {
    x: Rows<'a, V>,
    y: Rows<'a, V>,
    metric: Metric,
    visit: Visit<'a>,
}

impl<V: ?Sized> Clone for Pairs<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: ?Sized> Copy for Pairs<'_, V> {}

impl<'a, V: ?Sized> Pairs<'a, V> {
    /// Every pair of a row of `x` and a row of `y`.
    ///
    /// # Errors
    /// The dims differ; the metric is none of rows of that dim.
    pub fn new(x: Rows<'a, V>, y: Rows<'a, V>, metric: Metric) -> Result<Self, ShapeError> {
        ShapeError::check("dim of y", x.dim, y.dim)?;
        metric.check_dim(x.dim)?;
        Ok(Self { x, y, metric, visit: Visit::All })
    }

    /// The same rows with another choice of pairs.
    ///
    /// # Errors
    /// A block is reversed or leaves the ranges of x and y.
    pub fn visit(self, visit: Visit<'a>) -> Result<Self, ShapeError> {
        if let Visit::Blocks(blocks) = visit {
            for block in blocks {
                self.x.range(block.x.0 as usize, block.x.1 as usize)?;
                self.y.range(block.y.0 as usize, block.y.1 as usize)?;
            }
        }
        Ok(Self { visit, ..self })
    }

    /// All pairs of one rectangle, which must come from [`rectangles`](Self::rectangles).
    #[must_use]
    pub(crate) fn narrow(&self, block: Block) -> Self {
        let cut = |rows: Rows<'a, V>, (start, end): (u32, u32)| Rows {
            start: start as usize,
            end: end as usize,
            ..rows
        };
        Self { x: cut(self.x, block.x), y: cut(self.y, block.y), visit: Visit::All, ..*self }
    }

    /// The pairs of the same numbers in other buffers, with another choice among them.
    #[cfg(feature = "alloc")]
    pub(crate) fn on_others<'b, W: ?Sized>(
        &self,
        x: Rows<'b, W>,
        y: Rows<'b, W>,
        visit: Visit<'b>,
    ) -> Pairs<'b, W> {
        Pairs { x, y, metric: self.metric, visit }
    }

    /// The rows that results are for.
    #[must_use]
    pub fn x(&self) -> Rows<'a, V> {
        self.x
    }

    /// The rows that are looked at.
    #[must_use]
    pub fn y(&self) -> Rows<'a, V> {
        self.y
    }

    /// The distance between them.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Which pairs.
    #[must_use]
    pub fn visited(&self) -> Visit<'a> {
        self.visit
    }

    /// Elements per row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.x.dim
    }

    /// The rectangles to walk: one for `All` and `OffDiagonal`, the listed ones for `Blocks`.
    pub fn rectangles(&self) -> impl Iterator<Item = Block> + use<'a, V> {
        let whole = Block {
            x: (self.x.start as u32, self.x.end as u32),
            y: (self.y.start as u32, self.y.end as u32),
        };
        let (one, many) = match self.visit {
            Visit::Blocks(blocks) => (None, blocks),
            _ => (Some(whole), &[][..]),
        };
        one.into_iter().chain(many.iter().copied())
    }
}

/// The rows of a backend's buffer: [`Rows::on`] with the backend's types named.
///
/// # Errors
/// As [`Rows::on`].
pub fn rows<B: Backend>(data: &Values<B>, dim: usize) -> Result<Rows<'_, Values<B>>, ShapeError> {
    Rows::of_len(data, B::len::<B::Elem>(data), dim)
}
