//! Rows within a radius: how many, and which.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use num_traits::{Float, Zero};

use super::near::Near;
use super::{Csr, check_rows, pays};
use crate::backend::{Alloc, Indices, Values};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::host::within;
use crate::rows::{Metric, Pairs, Rows, Visit};

/// How many of `rows` are within `radius` of each of `queries`; where both are the same buffer
/// and `apart` is set, without the row itself.
///
/// `O(n·m·dim)` for all pairs. From [`MANY`](super::MANY) rows on and for up to
/// [`NARROW`](super::NARROW) coordinates, where the metric has bounds, only blocks of a k-d tree
/// that come near each other are met: `O(n log n)` and the pairs near the radius, and a copy of
/// the rows. The answer is the same.
///
/// # Errors
/// The radius is negative or NaN; a row is not finite; the dims differ; the machine's.
///
/// ```
/// use enfold_core::{Metric, Rows, neighbors::count_within};
/// use enfold_cpu::Cpu;
///
/// let data = [0.0f32, 1.0, 2.0, 10.0];
/// let rows = Rows::new(&data[..], 1)?;
/// let cpu = Cpu::<f32>::new();
/// assert_eq!(count_within(&cpu, rows, rows, true, Metric::Euclidean, 1.0)?, [1, 2, 1, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn count_within<B: Alloc>(
    backend: &B,
    queries: Rows<'_, Values<B>>,
    rows: Rows<'_, Values<B>>,
    apart: bool,
    metric: Metric,
    radius: B::Elem,
) -> Result<Vec<u32>, Error<B::Error>> {
    let asked = Request { backend, queries, rows, apart, metric, radius };
    asked.check()?;
    if asked.ordered() { Near::new(&asked)?.counts() } else { asked.counts() }
}

/// Rows of x and of y whose distances are read together.
pub(super) const TILE: (usize, usize) = (64, 1024);

/// The rows within `radius` of each of `queries`, ascending by row number, with their distances.
///
/// They are counted first: more than `budget` edges are an error before memory is taken for
/// them. Time as [`count_within`], twice.
///
/// # Errors
/// As [`count_within`]; [`Error::Shape`] where there are more than `budget` edges.
///
/// ```
/// use enfold_core::{Metric, Rows, neighbors::list_within};
/// use enfold_cpu::Cpu;
///
/// let data = [0.0f32, 1.0, 2.0, 10.0];
/// let (cpu, rows) = (Cpu::<f32>::new(), Rows::new(&data[..], 1)?);
/// let near = (Metric::Euclidean, 1.0);
/// let graph = list_within(&cpu, rows, rows, true, near, 100)?;
/// assert_eq!(graph.row(1), (&[0, 2][..], &[1.0, 1.0][..]));
/// assert!(list_within(&cpu, rows, rows, true, near, 3).is_err(), "there are 4 edges");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn list_within<B: Alloc>(
    backend: &B,
    queries: Rows<'_, Values<B>>,
    rows: Rows<'_, Values<B>>,
    apart: bool,
    (metric, radius): (Metric, B::Elem),
    budget: usize,
) -> Result<Csr<B::Elem>, Error<B::Error>> {
    let asked = Request { backend, queries, rows, apart, metric, radius };
    asked.check()?;
    if asked.ordered() {
        let near = Near::new(&asked)?;
        let mut graph = places(&near.counts()?, budget)?;
        near.fill(&mut graph)?;
        return Ok(graph);
    }
    let mut graph = places(&asked.counts()?, budget)?;
    asked.fill(&mut graph)?;
    Ok(graph)
}

/// A graph with room for so many edges in each row.
fn places<T: Element>(counts: &[u32], budget: usize) -> Result<Csr<T>, ShapeError> {
    let mut offsets = vec![0; counts.len() + 1];
    for (i, &count) in counts.iter().enumerate() {
        offsets[i + 1] = offsets[i] + count as usize;
    }
    let edges = offsets[counts.len()];
    if edges > budget {
        let what = "edges within the radius, for the budget";
        return Err(ShapeError { what, expected: budget, found: edges });
    }
    Ok(Csr { offsets, targets: vec![0; edges], weights: vec![T::zero(); edges] })
}

/// What is asked for.
pub(super) struct Request<'b, B: Alloc> {
    pub(super) backend: &'b B,
    pub(super) queries: Rows<'b, Values<B>>,
    pub(super) rows: Rows<'b, Values<B>>,
    pub(super) apart: bool,
    pub(super) metric: Metric,
    pub(super) radius: B::Elem,
}

impl<B: Alloc> Request<'_, B> {
    fn check(&self) -> Result<(), Error<B::Error>> {
        if self.radius.is_nan() || self.radius < B::Elem::zero() {
            let why = "must not be negative";
            return Err(Error::Parameter { name: "radius", why });
        }
        ShapeError::check("dim of rows", self.queries.dim(), self.rows.dim())?;
        check_rows(self.backend, self.queries, self.metric)?;
        check_rows(self.backend, self.rows, self.metric)
    }

    /// Whether the queries and the rows are in one buffer.
    pub(super) fn one_buffer(&self) -> bool {
        core::ptr::eq(self.queries.data(), self.rows.data())
    }

    /// Whether trees are built. That a row is within the radius of itself is known of one buffer.
    fn ordered(&self) -> bool {
        pays(self.rows, self.metric) && (self.one_buffer() || !self.apart)
    }

    /// Counts over every pair.
    fn counts(&self) -> Result<Vec<u32>, Error<B::Error>> {
        let &Self { backend, queries, rows, metric, radius, .. } = self;
        let visit = if self.apart { Visit::OffDiagonal } else { Visit::All };
        let pairs = Pairs::new(queries, rows, metric)?.visit(visit)?;
        counted(backend, (queries.start(), queries.end()), radius, |radii, counts| {
            backend.count_within(pairs, radii, 1, counts).map_err(Error::Backend)
        })
    }

    /// Writes the edges to their places, a tile of distances at a time.
    fn fill(&self, graph: &mut Csr<B::Elem>) -> Result<(), Error<B::Error>> {
        let &Self { backend, queries: x, rows: y, apart, metric, radius } = self;
        let mut tile = vec![B::Elem::zero(); TILE.0 * TILE.1];
        let mut next = graph.offsets.clone();
        for i in (x.start()..x.end()).step_by(TILE.0) {
            let rows = x.range(i, (i + TILE.0).min(x.end()))?;
            for j in (y.start()..y.end()).step_by(TILE.1) {
                let others = y.range(j, (j + TILE.1).min(y.end()))?;
                let tile = &mut tile[..rows.len() * others.len()];
                let pairs = Pairs::new(rows, others, metric)?;
                backend.distances(pairs, tile).map_err(Error::Backend)?;
                for (r, dist) in tile.chunks_exact(others.len()).enumerate() {
                    let next = &mut next[i + r - x.start()];
                    for (j, &d) in (j..).zip(dist) {
                        if within(d, radius) && !(apart && j == i + r) {
                            (graph.targets[*next], graph.weights[*next]) = (j as u32, d);
                            *next += 1;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Runs a count over rows `start..end`, all with one radius, and reads it.
pub(super) fn counted<B: Alloc>(
    backend: &B,
    (start, end): (usize, usize),
    radius: B::Elem,
    count: impl FnOnce(&Values<B>, &mut Indices<B>) -> Result<(), Error<B::Error>>,
) -> Result<Vec<u32>, Error<B::Error>> {
    let mut radii = backend.alloc::<B::Elem>(end).map_err(Error::Backend)?;
    let mut counts = backend.alloc::<u32>(end).map_err(Error::Backend)?;
    backend.fill::<B::Elem>(radii.borrow_mut(), radius).map_err(Error::Backend)?;
    count(radii.borrow(), counts.borrow_mut())?;
    let (from, mut out): (&Indices<B>, _) = (counts.borrow(), vec![0; end - start]);
    backend.read::<u32>(from, start, &mut out).map_err(Error::Backend)?;
    Ok(out)
}
