//! k-means: k centres such that rows are close to their nearest one.
//!
//! [`KMeans`] seeds (see [`init`]) and iterates (see [`lloyd`]) over rows that any backend holds,
//! and leaves a [`Model`] of plain host data. It decides on canonical distances and sums
//! integers, so the same rows and seed give the same labels for any number of threads and, with
//! IEEE arithmetic, on any machine.
//!
//! # Numbers
//!
//! - Rows must be finite and small enough that no squared distance overflows: every |coordinate|
//!   at most √(MAX / 4.1·dim), which [`Metric::takes`] asks. Others are an [`Error::NotFinite`] that
//!   names the row. Rows closer
//!   than √MIN (1e-19 for `f32`) are the same row: their squared distance is 0.
//! - Means are right to 2⁻³⁰ of the data's range before they are rounded to an element, whatever
//!   the offset of the data from the origin.
//! - Weights are finite, not negative, and at most 2³⁰. They are brought to a fixed point by a
//!   power of two – the heaviest to 2¹⁵, or their sum to 2³¹ – and rounded to a multiple of 2⁻¹⁶
//!   there; what rounds to 0, like weight 0, takes part in nothing but still gets a label. Rows
//!   of weight w and w copies of a row give the same centres.

pub mod batch;
mod bounds;
mod door;
mod drawing;
pub mod init;
pub mod lloyd;
mod model;
mod potential;
mod swaps;

use core::ops::ControlFlow;

pub use batch::{BatchState, MiniBatch};
pub use init::Init;
pub use model::{Assignment, Cluster, Fit, Model};

use self::bounds::Bounds;
use self::door::Input;
use self::lloyd::Lloyd;
use crate::backend::{Alloc, Values};
use crate::element::Element;
use crate::error::Error;
use crate::random::Draws;
use crate::rows::{Metric, Rows};

use alloc::vec::Vec;

/// Purpose of the draws that give each restart its seed.
const RESTART: u32 = 0x4B4D_0000;

/// What becomes of a centre that no row is nearest to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum EmptyCluster {
    /// It is put on the row that costs most (weight × squared distance to its centre; of equals the
    /// lower row), each such centre on another row. Where no row costs anything – fewer rows differ
    /// than k – it is left out.
    #[default]
    Farthest,
    /// It is left out of the model.
    Drop,
    /// It stays where it is, with weight 0.
    Keep,
}

/// Told where a fit stands.
type Watch<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Where a fit stands, after each assignment of rows to centres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Number of the restart, from 0.
    pub restart: u32,
    /// Updates of the centres so far.
    pub iteration: u32,
    /// Σ w·d²; None where [bounds](KMeans::bounds) let rows be skipped, so that nobody knows.
    pub cost: Option<f64>,
    /// Rows whose nearest centre changed.
    pub moved: usize,
}

/// Options of batch k-means.
///
/// Cost of a fit: one reading of the rows; seeding, `O(n·k·ln k·dim)` for greedy k-means++;
/// `O(n·k·dim)` per iteration, less where bounds pay. Memory: 4 elements per row and
/// 4 · k · dim, plus a copy of the rows for spherical k-means or ranges that do not begin with
/// row 0.
///
/// ```
/// use enfold_core::{KMeans, Rows};
/// use enfold_cpu::Cpu;
///
/// let data = [1.0f32, 1.0, 1.2, 0.8, 0.9, 1.1, 8.0, 8.0, 8.2, 7.9];
/// let fit = KMeans::new(2).seed(1).fit(&Cpu::<f32>::new(), Rows::new(&data[..], 2)?)?;
/// assert_eq!(fit.labels, [0, 0, 0, 1, 1]);
/// assert_eq!(fit.model.clusters[0].weight, 3.0);
/// assert!(fit.model.converged);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct KMeans {
    k: usize,
    seed: u64,
    init: Init,
    restarts: u32,
    swaps: u32,
    max_iter: u32,
    tolerance: f64,
    metric: Metric,
    empty: EmptyCluster,
    bounds: bool,
}

impl KMeans {
    /// k clusters: greedy k-means++, one start, at most 300 iterations, tolerance 1e-4.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self {
            k,
            seed: 0,
            init: Init::default(),
            restarts: 1,
            swaps: 0,
            max_iter: 300,
            tolerance: 1e-4,
            metric: Metric::SqEuclidean,
            empty: EmptyCluster::default(),
            bounds: true,
        }
    }

    /// The seed of every draw; 0 where not set.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How the first centres are chosen.
    #[must_use]
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// Independent starts, of which the cheapest result is kept (the earliest of equals).
    #[must_use]
    pub fn restarts(mut self, restarts: u32) -> Self {
        self.restarts = restarts;
        self
    }

    /// Swaps to try between seeding and iterating, 0 where not set: local search (Lattanzi, Sohler
    /// 2019), which gets a start out of optima where two centres share a cluster. `O(n·dim)` for
    /// each, and `O(n·k·dim)` for each that lowers the cost; 2 · k where unsure.
    #[must_use]
    pub fn swaps(mut self, swaps: u32) -> Self {
        self.swaps = swaps;
        self
    }

    /// The most updates of one start; 0 leaves the first centres as they are.
    #[must_use]
    pub fn max_iter(mut self, max_iter: u32) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// Comes to rest when Σ |step of a centre|² ≤ tolerance × mean variance of a coordinate, as
    /// in scikit-learn. It always does when no label changes; 0 waits for that.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// `SqEuclidean`, or `Cosine` for spherical k-means (Dhillon, Modha 2001): rows and centres
    /// of unit length. A zero row has no direction and is an error there.
    #[must_use]
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = metric;
        self
    }

    /// What becomes of a centre without rows.
    #[must_use]
    pub fn empty(mut self, empty: EmptyCluster) -> Self {
        self.empty = empty;
        self
    }

    /// Whether rows that provably keep their centre may be skipped, where that pays (default).
    /// The result is the same, bit for bit.
    #[must_use]
    pub fn bounds(mut self, bounds: bool) -> Self {
        self.bounds = bounds;
        self
    }

    /// Clusters rows of equal weight.
    ///
    /// # Errors
    /// No rows, rows that are not finite, options outside their range; the machine's.
    pub fn fit<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
    ) -> Result<Fit<B::Elem>, Error<B::Error>> {
        self.fit_weighted(backend, rows, None)
    }

    /// Clusters rows with a weight each; `weights` is as long as the buffer of the rows.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and weights that are negative, not finite, above 2³⁰, or all 0.
    pub fn fit_weighted<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        weights: Option<&Values<B>>,
    ) -> Result<Fit<B::Elem>, Error<B::Error>> {
        self.fit_watched(backend, rows, weights, None)
    }

    /// [`fit_weighted`](Self::fit_weighted), telling `progress` after each assignment how it
    /// stands. A `Break` ends the fit with the best centres so far, not converged.
    ///
    /// # Errors
    /// As [`fit_weighted`](Self::fit_weighted).
    pub fn fit_with<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        weights: Option<&Values<B>>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Fit<B::Elem>, Error<B::Error>> {
        self.fit_watched(backend, rows, weights, Some(progress))
    }

    fn fit_watched<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        weights: Option<&Values<B>>,
        mut watch: Option<Watch<'_>>,
    ) -> Result<Fit<B::Elem>, Error<B::Error>> {
        self.check(rows.dim())?;
        let input = Input::admit(backend, rows, weights, self.metric)?;
        let mut best: Option<Run<'_, B>> = None;
        for restart in 0..self.restarts {
            let run = self.run(&input, restart, &mut watch)?;
            let cancelled = run.cancelled;
            if best.as_ref().is_none_or(|best| run.cost < best.cost) {
                best = Some(run);
            }
            if cancelled {
                break;
            }
        }
        let none = Error::Parameter { name: "restarts", why: "must be at least 1" };
        self.finish(&input, best.ok_or(none)?)
    }

    fn check<E>(&self, dim: usize) -> Result<(), Error<E>> {
        check_k(self.k)?;
        door::check_metric(self.metric)?;
        if self.restarts == 0 {
            return Err(Error::Parameter { name: "restarts", why: "must be at least 1" });
        }
        if self.tolerance.is_nan() || self.tolerance < 0.0 {
            return Err(Error::Parameter { name: "tolerance", why: "must not be negative" });
        }
        self.init.check(self.k, dim)
    }

    /// One start, iterated until it rests.
    fn run<'a, B: Alloc>(
        &self,
        input: &'a Input<'a, B>,
        restart: u32,
        watch: &mut Option<Watch<'_>>,
    ) -> Result<Run<'a, B>, Error<B::Error>> {
        let mut centers = init::centers(input, &self.init, self.k, self.seed_of(restart))?;
        swaps::improve(input, &mut centers, self.swaps, self.seed_of(restart))?;
        let mut lloyd = Lloyd::new(input, centers)?;
        let mut skip = Skip::new(self.bounds, lloyd.k(), input.dim);
        let still = self.tolerance * input.variance;
        let (mut iterations, mut relocated, mut resting) = (0, 0, false);
        loop {
            let last = resting || iterations == self.max_iter;
            let moved = skip.assign(&mut lloyd, !last)?;
            // Nobody who does not look pays for the cost, which a device would wait for.
            let cancelled = match watch {
                Some(progress) => {
                    let cost = lloyd.cost()?;
                    progress(Progress { restart, iteration: iterations, cost, moved }).is_break()
                }
                None => false,
            };
            resting |= moved == 0 && relocated == 0;
            if cancelled || resting || iterations == self.max_iter {
                let cost = lloyd.measured_cost()?;
                return Ok(Run { lloyd, cost, iterations, converged: resting, cancelled });
            }
            let step = lloyd.update(self.empty == EmptyCluster::Farthest)?;
            relocated = step.relocated;
            resting = relocated == 0 && step.shift <= still;
            iterations += 1;
        }
    }

    fn seed_of(&self, restart: u32) -> u64 {
        match restart {
            0 => self.seed,
            _ => Draws::new(self.seed, RESTART).bits(u64::from(restart), 0),
        }
    }

    /// Puts the clusters in order, leaves out empty ones, and describes the rest.
    fn finish<B: Alloc>(
        &self,
        input: &Input<'_, B>,
        run: Run<'_, B>,
    ) -> Result<Fit<B::Elem>, Error<B::Error>> {
        let Run { mut lloyd, iterations, converged, .. } = run;
        let order = self.order(input, &mut lloyd)?;
        lloyd.select(&order)?;
        lloyd.assign(false)?;
        if self.empty != EmptyCluster::Keep && any_empty(input, &mut lloyd)? {
            // Rows on a tie went to the heavier cluster and left theirs empty: as they were.
            let mut back: Vec<usize> = (0..order.len()).collect();
            back.sort_by_key(|&at| order[at]);
            lloyd.select(&back)?;
            lloyd.assign(false)?;
        }
        // A fit that was cut short may still have empty clusters; each round drops some.
        while self.empty != EmptyCluster::Keep && any_empty(input, &mut lloyd)? {
            let k = lloyd.k();
            let masses = model::masses(input, lloyd.labels()?, k);
            let full: Vec<usize> = (0..k).filter(|&c| masses[c].0 > 0.0).collect();
            lloyd.select(&full)?;
            lloyd.assign(false)?;
        }
        let (k, labels) = (lloyd.k(), lloyd.labels()?.to_vec());
        let distances = lloyd.dist()?;
        let model = Model {
            dim: input.dim,
            clusters: model::clusters(input, &labels, &distances, k),
            metric: self.metric,
            requested: self.k,
            cost: lloyd.measured_cost()?,
            iterations,
            converged,
            centers: lloyd.centers,
        };
        Ok(Fit { model, labels, distances })
    }

    /// Clusters to keep: heaviest first, then by first row.
    fn order<B: Alloc>(
        &self,
        input: &Input<'_, B>,
        lloyd: &mut Lloyd<'_, B>,
    ) -> Result<Vec<usize>, Error<B::Error>> {
        let k = lloyd.k();
        let masses = model::masses(input, lloyd.labels()?, k);
        let keep = |c: &usize| self.empty == EmptyCluster::Keep || masses[*c].0 > 0.0;
        let mut order: Vec<usize> = (0..k).filter(keep).collect();
        order.sort_by(|&a, &b| {
            masses[b].0.total_cmp(&masses[a].0).then(masses[a].1.cmp(&masses[b].1))
        });
        Ok(order)
    }
}

/// Whether some centre has no weight.
fn any_empty<B: Alloc>(
    input: &Input<'_, B>,
    lloyd: &mut Lloyd<'_, B>,
) -> Result<bool, Error<B::Error>> {
    let k = lloyd.k();
    Ok(model::masses(input, lloyd.labels()?, k).iter().any(|(mass, _)| *mass <= 0.0))
}

/// k is at least 1.
fn check_k<E>(k: usize) -> Result<(), Error<E>> {
    match k {
        0 => Err(Error::Parameter { name: "k", why: "must be at least 1" }),
        _ => Ok(()),
    }
}

/// One start, iterated to its end.
struct Run<'a, B: Alloc> {
    lloyd: Lloyd<'a, B>,
    cost: f64,
    iterations: u32,
    converged: bool,
    cancelled: bool,
}

/// Decides, by counts alone, which assignments use bounds.
///
/// Who begins with bounds pays for all rows at once, and nobody knows how many steps are left to
/// make it good. So twice that price is spent on full assignments first (as with skis that are
/// rented before they are bought), and twice as much again after each time that bounds did not pay.
struct Skip<T> {
    worth: bool,
    bounds: Option<Bounds<T>>,
    /// Full assignments before bounds are tried, the next time …
    wait: u32,
    /// … and after that.
    pause: u32,
}

impl<T: Element> Skip<T> {
    /// With few centres a search costs less than its bookkeeping.
    fn new(wanted: bool, k: usize, dim: usize) -> Self {
        let price = 2 * bounds::second(dim) as u32;
        Self { worth: wanted && k >= 8, bounds: None, wait: price, pause: 2 * price }
    }

    /// How many labels changed. `sums` says whether an update follows that needs the sums.
    fn assign<B: Alloc<Elem = T>>(
        &mut self,
        lloyd: &mut Lloyd<'_, B>,
        sums: bool,
    ) -> Result<usize, Error<B::Error>> {
        if let Some(bounds) = &mut self.bounds {
            if let Some(moved) = lloyd.assign_bounded(bounds)? {
                return Ok(moved);
            }
            (self.bounds, self.wait) = (None, self.pause);
            self.pause = self.pause.saturating_mul(2);
        }
        let moved = lloyd.assign(sums)?;
        self.wait = self.wait.saturating_sub(1);
        // While more than a tenth of the rows move, centres do, and bounds say little.
        if self.worth && self.wait == 0 && moved * 10 <= lloyd.input.n {
            self.bounds = Some(lloyd.probe()?);
        }
        Ok(moved)
    }
}
