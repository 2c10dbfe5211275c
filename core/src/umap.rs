//! UMAP: an embedding in few dimensions that keeps neighbours together.
//!
//! Uniform Manifold Approximation and Projection (McInnes, Healy, Melville 2018): neighbours, a
//! fuzzy graph of them, a start, and a layout by pulls along edges and pushes from rows drawn at
//! random. Here every vertex *gathers* its forces from positions that nobody writes meanwhile, and
//! draws are functions of counters: the same rows and seed give the same bits on any number of
//! threads, on every CPU. (A GPU rounds otherwise; there an embedding repeats itself.)
//!
//! ```
//! use enfold_core::{Rows, Umap};
//! use enfold_cpu::Cpu;
//!
//! // Two groups of 20 rows.
//! let value = |i: usize, t: usize| (i * 7 % 20 + i * t % 5) as f32 + if i < 20 { 0.0 } else { 500.0 };
//! let data: Vec<f32> = (0..40).flat_map(|i| (0..4).map(move |t| value(i, t))).collect();
//! let rows = Rows::new(&data[..], 4)?;
//! let cpu = Cpu::<f32>::new();
//!
//! let umap = Umap::new(2).neighbors(10).seed(7);
//! let model = umap.fit(&cpu, rows)?;
//! assert_eq!(model.embedding().len(), 40 * 2);
//! assert_eq!(model, umap.fit(&cpu, rows)?);
//! let again = model.transform(&cpu, rows, rows.range(3, 5)?)?; // new rows, each for itself
//! assert_eq!(again.len(), 2 * 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The steps are there one by one, so that several embeddings, DBSCAN's radius and a sweep share
//! the neighbours, which cost most: [`Umap::lists`], [`Umap::graph`], [`Umap::classes`],
//! [`Umap::start`], [`Umap::layout`].
//!
//! | input | outcome |
//! |---|---|
//! | no rows | [`Error::Shape`] |
//! | one row | one point, at the origin |
//! | fewer rows than neighbours | all the others are neighbours |
//! | equal rows | close together, not necessarily equal |
//! | groups that no neighbour connects | boxes of their own, as large as their share of the rows |
//! | a coordinate NaN, infinite or too large | [`Error::NotFinite`] |
//! | 0 components or more than 32, a parameter out of its range | [`Error::Parameter`] |

mod bytes;
mod curve;
mod epochs;
mod fuzzy;
mod model;
mod spectral;
mod start;
mod target;

use alloc::vec;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use crate::backend::{Alloc, Backend, Values};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::host::layout::MAX_DIM;
use crate::neighbors::{Csr, Lists, NARROW, Neighbors, leading};
use crate::rows::{Metric, Rows};

pub use model::Model;

/// Multiply-adds of all pairs up to which neighbours are looked for exactly.
const CHEAP: f64 = 1e10;
/// Rows up to which an embedding takes 500 epochs; a transform 100, else 30.
const FEW: usize = 10_000;

/// Where a layout begins.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Start {
    /// Leading eigenvectors of the graph; the principal directions where they cannot be had.
    #[default]
    Spectral,
    /// Leading principal directions of a sample of the rows.
    Principal,
    /// Drawn evenly.
    Random,
}

/// Points that a layout begins with, `n × components`: from [`Umap::start`], or given.
#[derive(Debug, Clone, PartialEq)]
pub struct Positions<T> {
    /// Row-major.
    pub at: Vec<T>,
    /// Which start they are; none where they are given.
    pub began: Option<Start>,
}

impl<T> From<Vec<T>> for Positions<T> {
    fn from(at: Vec<T>) -> Self {
        Self { at, began: None }
    }
}

/// How far a layout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Epochs done.
    pub epoch: u32,
    /// Epochs in all.
    pub epochs: u32,
}

/// Options of an embedding; the defaults are those of the authors' implementation, but for the
/// epochs of many rows in one or two coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Umap {
    components: usize,
    neighbors: usize,
    metric: Metric,
    recall: f64,
    min_dist: f64,
    spread: f64,
    curve: Option<(f64, f64)>,
    epochs: Option<u32>,
    rate: f64,
    negatives: u32,
    repulsion: f64,
    mix: f64,
    connectivity: f64,
    start: Start,
    seed: u64,
}

impl Umap {
    /// An embedding of `components` coordinates, 1 to 32.
    #[must_use]
    pub const fn new(components: usize) -> Self {
        Self {
            components,
            neighbors: 15,
            metric: Metric::Euclidean,
            recall: 0.95,
            min_dist: 0.1,
            spread: 1.0,
            curve: None,
            epochs: None,
            rate: 1.0,
            negatives: 5,
            repulsion: 1.0,
            mix: 1.0,
            connectivity: 1.0,
            start: Start::Spectral,
            seed: 0,
        }
    }

    /// Rows that count as near, the row itself among them: more keep the large picture, fewer the
    /// detail. From 2; 15 unless set.
    #[must_use]
    pub const fn neighbors(self, neighbors: usize) -> Self {
        Self { neighbors, ..self }
    }

    /// The distance between rows; Euclidean unless set.
    #[must_use]
    pub const fn metric(self, metric: Metric) -> Self {
        Self { metric, ..self }
    }

    /// Share of the true neighbours that is enough where finding all is dear, in (0, 1]; 1 is
    /// always exact. 0.95 unless set.
    #[must_use]
    pub const fn recall(self, recall: f64) -> Self {
        Self { recall, ..self }
    }

    /// How near to each other points may lie, up to the spread; 0.1 unless set.
    #[must_use]
    pub const fn min_dist(self, min_dist: f64) -> Self {
        Self { min_dist, ..self }
    }

    /// The scale of the embedding; 1 unless set.
    #[must_use]
    pub const fn spread(self, spread: f64) -> Self {
        Self { spread, ..self }
    }

    /// The curve 1 / (1 + a·d^(2b)) itself, in place of `min_dist` and `spread`.
    #[must_use]
    pub const fn with_curve(self, a: f64, b: f64) -> Self {
        Self { curve: Some((a, b)), ..self }
    }

    /// Epochs of the layout; unless set 500 for up to 10 000 rows, and for more 300 where there are
    /// one or two coordinates, in which it is longer until classes part, 200 where there are more.
    #[must_use]
    pub const fn epochs(self, epochs: u32) -> Self {
        Self { epochs: Some(epochs), ..self }
    }

    /// The first step size, which falls to 0; 1 unless set.
    #[must_use]
    pub const fn rate(self, rate: f64) -> Self {
        Self { rate, ..self }
    }

    /// Pushes for every pull; 5 unless set.
    #[must_use]
    pub const fn negatives(self, negatives: u32) -> Self {
        Self { negatives, ..self }
    }

    /// Strength of a push; 1 unless set.
    #[must_use]
    pub const fn repulsion(self, repulsion: f64) -> Self {
        Self { repulsion, ..self }
    }

    /// 1: an edge counts where either row sees the other; 0: where both do; between, a mixture.
    #[must_use]
    pub const fn set_op_mix_ratio(self, mix: f64) -> Self {
        Self { mix, ..self }
    }

    /// How many nearest neighbours a row holds on to with full strength; 1 unless set.
    #[must_use]
    pub const fn local_connectivity(self, connectivity: f64) -> Self {
        Self { connectivity, ..self }
    }

    /// Where the layout begins.
    #[must_use]
    pub const fn start_from(self, start: Start) -> Self {
        Self { start, ..self }
    }

    /// Another seed gives other draws; 0 unless set.
    #[must_use]
    pub const fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// a and b of the curve 1 / (1 + a·d^(2b)): those given, or the best for `min_dist` and
    /// `spread`.
    #[must_use]
    pub fn curve(&self) -> (f64, f64) {
        self.curve.unwrap_or_else(|| curve::fit(self.min_dist, self.spread))
    }

    /// The whole way. Time: the neighbours – `O(n²·dim)` for all pairs, about `O(n·√n·dim)` where
    /// a recall below 1 is enough – and `O(n · neighbors · negatives)` per epoch. Memory: about
    /// `60·n·neighbors` bytes besides the rows.
    ///
    /// # Errors
    /// See the [module](self); the machine's.
    pub fn fit<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
    ) -> Result<Model<B::Elem>, Error<B::Error>> {
        self.fit_with(backend, rows, &mut |_| ControlFlow::Continue(()))
    }

    /// The whole way, with a report after each epoch; a break ends the layout there.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_with<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Model<B::Elem>, Error<B::Error>> {
        let lists = self.lists(backend, rows)?;
        let graph = self.graph(backend, &lists)?;
        let start = self.start(backend, &graph, Some(rows))?;
        self.layout(backend, &graph, &start, progress)
    }

    /// The neighbours of each row, without the row itself: exact where all pairs are cheap or a
    /// tree helps, else [nearly all](Neighbors::roughly) of them.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn lists<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
    ) -> Result<Lists<B::Elem>, Error<B::Error>> {
        self.check()?;
        ShapeError::at_least("rows", 1, rows.len())?;
        let n = rows.len() as f64;
        let search =
            Neighbors::new((self.neighbors - 1).min(rows.len().max(2) - 1)).metric(self.metric);
        if rows.dim() <= NARROW || n * n * rows.dim() as f64 <= CHEAP || self.recall >= 1.0 {
            return search.within(backend, rows);
        }
        Ok(search.roughly(backend, rows, self.recall)?.lists)
    }

    /// The fuzzy graph of lists of neighbours, by distance and without the row itself, from
    /// [`lists`](Self::lists) or elsewhere: symmetric, targets ascending, strengths in (0, 1].
    ///
    /// # Errors
    /// A parameter is out of its range; a neighbour is no row, or a row its own.
    pub fn graph<B: Backend>(
        &self,
        backend: &B,
        lists: &Lists<B::Elem>,
    ) -> Result<Csr<B::Elem>, Error<B::Error>> {
        self.check()?;
        for i in 0..lists.len() {
            if lists.row(i).1.iter().any(|&j| j as usize >= lists.len() || j as usize == i) {
                let why = "must name other rows of the lists";
                return Err(Error::Parameter { name: "lists", why });
            }
        }
        let scales = fuzzy::Scales::of(backend, lists, self.connectivity);
        Ok(fuzzy::graph(backend, lists, &scales, self.mix))
    }

    /// Where a layout of the graph begins: without rows there are no principal directions, and
    /// where those fail, too, positions are drawn.
    ///
    /// # Errors
    /// A parameter is out of its range; the machine's.
    pub fn start<B: Alloc>(
        &self,
        backend: &B,
        graph: &Csr<B::Elem>,
        rows: Option<Rows<'_, Values<B>>>,
    ) -> Result<Positions<B::Elem>, Error<B::Error>> {
        self.check()?;
        let (dim, n) = (self.components, graph.len());
        let mut found = None;
        if self.start == Start::Spectral {
            found = start::spectral(backend, graph, dim, self.seed).map(|at| (at, Start::Spectral));
        }
        if let (None, Some(rows)) = (&found, rows.filter(|_| self.start != Start::Random)) {
            ShapeError::check("rows", n, rows.len())?;
            found = leading(backend, rows, dim)?.map(|at| (at, Start::Principal));
        }
        let (at, began) =
            found.unwrap_or_else(|| (start::random(n, dim, self.seed), Start::Random));
        Ok(Positions { at: start::fitted(at, dim, self.seed), began: Some(began) })
    }

    /// Lays a symmetric graph out from `start`. Edges too weak to be active in
    /// any epoch are left out. `O(edges · negatives)` per epoch; on a device nothing is read back
    /// before the end.
    ///
    /// # Errors
    /// A parameter is out of its range; `start` has another length; more than 2³² − 1 edges; the
    /// machine's.
    pub fn layout<B: Alloc>(
        &self,
        backend: &B,
        graph: &Csr<B::Elem>,
        start: &Positions<B::Elem>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Model<B::Elem>, Error<B::Error>> {
        self.check()?;
        ShapeError::at_least("rows", 1, graph.len())?;
        ShapeError::check("start", graph.len() * self.components, start.at.len())?;
        let usual = match (graph.len() <= FEW, self.components > 2) {
            (true, _) => 500,
            (false, false) => 300,
            (false, true) => 200,
        };
        let epochs = self.epochs.unwrap_or(usual);
        let schedule = epochs::Schedule { epochs, rate: self.rate, fixed: 0 };
        let strong = strong(backend, graph, epochs);
        let (embedding, epochs) = if graph.len() == 1 {
            (vec![B::Elem::of_f64(0.0); self.components], epochs)
        } else {
            epochs::run(backend, &strong, &start.at, (self, &schedule), progress)?
        };
        Ok(Model { umap: *self, embedding, epochs, began: start.began })
    }

    fn check<E>(&self) -> Result<(), Error<E>> {
        let positive = |v: f64| v > 0.0 && v.is_finite();
        let rules = [
            ("components", "must be 1 to 32", (1..=MAX_DIM).contains(&self.components)),
            ("neighbors", "must be at least 2, the row itself among them", self.neighbors >= 2),
            ("recall", "must be a share above 0, up to 1", self.recall > 0.0 && self.recall <= 1.0),
            ("spread", "must be above 0", positive(self.spread)),
            (
                "min_dist",
                "must be 0 to the spread",
                self.min_dist >= 0.0 && self.min_dist <= self.spread,
            ),
            (
                "curve",
                "must have a and b above 0",
                self.curve.is_none_or(|(a, b)| positive(a) && positive(b)),
            ),
            ("rate", "must be above 0", positive(self.rate)),
            (
                "repulsion",
                "must not be negative",
                self.repulsion >= 0.0 && self.repulsion.is_finite(),
            ),
            ("negatives", "must be up to 1000", self.negatives <= 1000),
            ("set_op_mix_ratio", "must be 0 to 1", (0.0..=1.0).contains(&self.mix)),
            (
                "local_connectivity",
                "must be 0 or more",
                self.connectivity >= 0.0 && self.connectivity.is_finite(),
            ),
        ];
        match rules.into_iter().find(|rule| !rule.2) {
            Some((name, why, _)) => Err(Error::Parameter { name, why }),
            None => Ok(()),
        }
    }
}

/// Strengths as shares of the strongest, without those that no epoch would see.
fn strong<B: Backend>(backend: &B, graph: &Csr<B::Elem>, epochs: u32) -> Csr<B::Elem> {
    let most = graph.weights.iter().fold(0f64, |most, w| most.max(w.as_f64()));
    let least = most / f64::from(epochs.max(1));
    Csr::of_rows_on(backend, graph.len(), |i, out| {
        let (to, weights) = graph.row(i);
        for (&to, w) in to.iter().zip(weights).filter(|(_, w)| w.as_f64() >= least) {
            out.push(to, B::Elem::of_f64(w.as_f64() / most));
        }
    })
}
