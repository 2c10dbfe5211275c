//! Neighbours: the k nearest rows, rows within a radius, and graphs of both.
//!
//! Exact, under every [`Metric`], on any backend; only [`Neighbors::roughly`] may miss some, and says
//! how many. Decisions are taken on canonical distances, so the same rows and distances come out on
//! every machine, for every way to search, and ties go to the lower row number. A row is never its own neighbour in a self-join: it is left out by its
//! number, not by its distance, so that a duplicate of it is found.
//!
//! ```
//! use enfold_core::{Rows, neighbors::Neighbors};
//! use enfold_cpu::Cpu;
//!
//! let cpu = Cpu::<f32>::new();
//! let data = [0.0f32, 1.0, 2.5, 10.0];
//! let rows = Rows::new(&data[..], 1)?;
//! let lists = Neighbors::new(2).within(&cpu, rows)?;
//! assert_eq!(lists.row(0), (&[1.0, 6.25][..], &[1, 2][..]));
//! assert_eq!(lists.row(3).1, [2, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | input | outcome |
//! |---|---|
//! | k = 0 | [`Error::Parameter`] |
//! | k ≥ the number of rows to find | lists end with (∞, [`NONE`]) |
//! | no rows | no lists, or empty ones |
//! | one row | its list is empty in a self-join |
//! | equal rows | distance 0, lower numbers first |
//! | a coordinate NaN, infinite, or so large that a distance overflows | [`Error::NotFinite`] |
//! | a latitude beyond π/2, a longitude beyond 2π (haversine) | [`Error::NotFinite`] |
//! | dims differ, or are not 2 (haversine) | [`Error::Shape`] |

mod candidates;
mod celled;
mod graph;
mod guests;
mod host;
mod near;
mod radius;
mod rough;
mod search;
mod sketch;

use alloc::vec::Vec;

use crate::backend::{Alloc, MAX_NEIGHBORS, NONE, Values};
use crate::door;
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::order::Placed;
use crate::rows::{Metric, Rows};

pub use graph::{Csr, Lists};
pub use radius::{count_within, list_within};
pub use rough::Rough;
pub(crate) use search::Held;
pub(crate) use sketch::leading;

/// How to look for neighbours. It changes the time, never the answer.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Search {
    /// [`Ordered`](Self::Ordered) for up to [`NARROW`] coordinates, from [`MANY`] rows on and for
    /// k below [`MAX_NEIGHBORS`], where the metric has bounds; [`Cells`](Self::Cells) within many
    /// rows where a sample of them says that most pairs are left out; else [`All`](Self::All).
    #[default]
    Auto,
    /// Every pair.
    All,
    /// A k-d tree of blocks, in rounds; every pair where that cannot be.
    Ordered,
    /// Cells of centres, and the triangle inequality for each row and cell; within rows, under a
    /// Euclidean metric. Every pair where that cannot be. `O(n·√n·dim)`, and the pairs that are
    /// left; memory: two copies of the rows and 8 bytes for each cell that a row may be near to.
    Cells,
}

/// Up to so many coordinates a k-d tree is worth building.
pub const NARROW: usize = 8;
/// From so many rows on a k-d tree is worth building.
pub const MANY: usize = 2048;
/// From so many rows on cells are tried.
const CELLED: usize = 1 << 14;
/// Rows of a block.
const LEAF: usize = 64;

/// Options of a search for the k nearest rows; the [module](self) has an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbors {
    k: usize,
    metric: Metric,
    search: Search,
}

impl Neighbors {
    /// The `k` nearest by squared Euclidean distance.
    #[must_use]
    pub const fn new(k: usize) -> Self {
        Self { k, metric: Metric::SqEuclidean, search: Search::Auto }
    }

    /// Another distance.
    #[must_use]
    pub const fn metric(self, metric: Metric) -> Self {
        Self { metric, ..self }
    }

    /// A way to search, where the automatic choice is not wanted.
    #[must_use]
    pub const fn search(self, search: Search) -> Self {
        Self { search, ..self }
    }

    /// The k nearest among `rows` for each of them, without the row itself.
    ///
    /// `O(n²·dim)` for all pairs, `O(n log n)` about with a k-d tree, and what is left of the pairs
    /// with [cells](Search::Cells); memory: a copy of the rows where there is a tree, two where
    /// there are cells, and `8·n·k` bytes. k above [`MAX_NEIGHBORS`] is selected on the
    /// host: slow, and exact.
    ///
    /// # Errors
    /// k is 0; a row is not finite; the machine's.
    pub fn within<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
    ) -> Result<Lists<B::Elem>, Error<B::Error>> {
        self.check()?;
        check_rows(backend, rows, self.metric)?;
        if self.ordered(rows) {
            let placed = Placed::kd(backend, rows, LEAF)?;
            return search::ordered(backend, (&placed, &placed), rows.start(), self);
        }
        if self.celled(rows)
            && let Some(lists) = celled::within(backend, rows, self)?
        {
            return Ok(lists);
        }
        search::all(backend, (rows, rows), true, self)
    }

    /// The k nearest among `rows` for each of `queries`.
    ///
    /// # Errors
    /// As [`within`](Self::within); the dims differ.
    pub fn among<B: Alloc>(
        &self,
        backend: &B,
        queries: Rows<'_, Values<B>>,
        rows: Rows<'_, Values<B>>,
    ) -> Result<Lists<B::Elem>, Error<B::Error>> {
        self.check()?;
        ShapeError::check("dim of rows", queries.dim(), rows.dim())?;
        check_rows(backend, queries, self.metric)?;
        check_rows(backend, rows, self.metric)?;
        if self.ordered(rows) {
            let x = Placed::kd(backend, queries, LEAF)?;
            let y = Placed::kd(backend, rows, LEAF)?;
            return search::ordered(backend, (&x, &y), rows.start(), self);
        }
        search::all(backend, (queries, rows), false, self)
    }

    fn check<E>(&self) -> Result<(), Error<E>> {
        let why = "must be at least 1";
        if self.k == 0 { Err(Error::Parameter { name: "k", why }) } else { Ok(()) }
    }

    /// Whether a tree is built. Lists hold one entry more than asked, to see ties.
    fn ordered<V: ?Sized>(&self, rows: Rows<'_, V>) -> bool {
        let can = self.k < MAX_NEIGHBORS && self.metric.has_bounds() && !rows.is_empty();
        can && match self.search {
            Search::Auto => pays(rows, self.metric),
            Search::All | Search::Cells => false,
            Search::Ordered => true,
        }
    }

    /// Whether cells are tried.
    fn celled<V: ?Sized>(&self, rows: Rows<'_, V>) -> bool {
        let euclidean = matches!(self.metric, Metric::SqEuclidean | Metric::Euclidean);
        let can = self.k < MAX_NEIGHBORS && euclidean && rows.len() > self.k;
        can && match self.search {
            Search::Auto => rows.len() >= CELLED,
            Search::Cells => true,
            Search::All | Search::Ordered => false,
        }
    }
}

/// Whether a k-d tree of the rows is worth building.
fn pays<V: ?Sized>(rows: Rows<'_, V>, metric: Metric) -> bool {
    metric.has_bounds() && rows.dim() <= NARROW && rows.len() >= MANY
}

/// The distance of every row to its k-th neighbour, largest first: where the curve bends is a
/// radius for DBSCAN (Ester et al. 1996). ∞ for rows with fewer neighbours.
///
/// # Errors
/// As [`Neighbors::within`].
///
/// ```
/// use enfold_core::{Metric, Rows, neighbors::k_distances};
/// use enfold_cpu::Cpu;
///
/// let data = [0.0f32, 1.0, 2.0, 10.0];
/// let curve = k_distances(&Cpu::<f32>::new(), Rows::new(&data[..], 1)?, Metric::Euclidean, 1)?;
/// assert_eq!(curve, [8.0, 1.0, 1.0, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn k_distances<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    metric: Metric,
    k: usize,
) -> Result<Vec<B::Elem>, Error<B::Error>> {
    Ok(Neighbors::new(k).metric(metric).within(backend, rows)?.curve())
}

/// Refuses rows that the metric does not [take](Metric::takes): a coordinate is not finite, or so
/// large that a distance could overflow.
fn check_rows<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    metric: Metric,
) -> Result<(), Error<B::Error>> {
    metric.check_dim(rows.dim())?;
    door::each_part(backend, rows, |at, part| {
        door::suits(metric, (part, rows.dim()), rows.start() + at)
    })
}

/// An empty list entry.
fn empty<T: Element>() -> (T, u32) {
    (T::infinity(), NONE)
}
