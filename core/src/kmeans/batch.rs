//! Mini-batch k-means (Sculley, "Web-scale k-means clustering", 2010): the baseline of streaming.
//!
//! Every centre is the running mean of all rows that ever came to it: a row moves it by
//! 1 / count. Means and counts are kept in f64, so the 2²⁴-th row still counts.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::Borrow;

use super::door::Input;
use super::drawing::{Drawing, Rest};
use super::lloyd::Lloyd;
use super::model::{Cluster, Fit, Model};
use super::potential::Potential;
use super::{EmptyCluster, Init, KMeans, Run, check_k, init};
use crate::backend::{Alloc, Values, WEIGHT_BITS};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::random::Draws;
use crate::rows::{Metric, Rows};

/// Purposes of draws.
const ROWS: u32 = 0x4B4D_0010;
const RESEED: u32 = 0x4B4D_0011;
const SAMPLE: u32 = 0x4B4D_0012;

/// Options of mini-batch k-means, for squared Euclidean distances.
///
/// ```
/// use enfold_core::{Rows, kmeans::MiniBatch};
/// use enfold_cpu::Cpu;
///
/// let (cpu, options) = (Cpu::<f32>::new(), MiniBatch::new(2).seed(3));
/// let mut state = options.start::<f32>();
/// for batch in [[0.0f32, 0.2, 9.0, 9.2], [0.1, 0.1, 9.1, 9.1]] {
///     state.partial_fit(&cpu, Rows::new(&batch[..], 1)?, None)?;
/// }
/// assert_eq!(state.model().clusters[0].weight, 4.0);
/// # Ok::<(), enfold_core::Error<core::convert::Infallible>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MiniBatch {
    k: usize,
    seed: u64,
    init: Init,
    batch: usize,
    epochs: u32,
    patience: u32,
    reassign: f64,
}

impl MiniBatch {
    /// k clusters: batches of 1024 rows, greedy k-means++ on the first rows, at most 100 epochs,
    /// patience 10, reassignment below 0.01 – the defaults of scikit-learn.
    #[must_use]
    pub fn new(k: usize) -> Self {
        let init = Init::default();
        Self { k, seed: 0, init, batch: 1024, epochs: 100, patience: 10, reassign: 0.01 }
    }

    /// The seed of every draw; 0 where not set.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How the first centres are chosen, among the first rows that come.
    #[must_use]
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// Rows per batch of [`fit`](Self::fit).
    #[must_use]
    pub fn batch(mut self, rows: usize) -> Self {
        self.batch = rows;
        self
    }

    /// The most rows that [`fit`](Self::fit) draws, as a multiple of all rows.
    #[must_use]
    pub fn epochs(mut self, epochs: u32) -> Self {
        self.epochs = epochs;
        self
    }

    /// [`fit`](Self::fit) ends after this many batches without a lower smoothed cost.
    #[must_use]
    pub fn patience(mut self, batches: u32) -> Self {
        self.patience = batches;
        self
    }

    /// Centres with a count below this share of the largest one are starved: now and then (every
    /// 10·k rows) they are put on far rows of the batch. 0 never does it; below 1.
    #[must_use]
    pub fn reassign(mut self, share: f64) -> Self {
        self.reassign = share;
        self
    }

    /// A state that has seen nothing; its first rows decide the dim.
    #[must_use]
    pub fn start<T: Element>(&self) -> BatchState<T> {
        self.state(0)
    }

    fn state<T: Element>(&self, dim: usize) -> BatchState<T> {
        BatchState {
            options: self.clone(),
            dim,
            centers: Vec::new(),
            rounded: Vec::new(),
            clusters: Vec::new(),
            step: 0,
            since: 0,
        }
    }

    fn check<E>(&self, dim: usize) -> Result<(), Error<E>> {
        check_k(self.k)?;
        ShapeError::at_least("dim", 1, dim)?;
        ShapeError::at_least("batch", 1, self.batch)?;
        if !(0.0..1.0).contains(&self.reassign) {
            return Err(Error::Parameter {
                name: "reassign",
                why: "must be at least 0 and below 1",
            });
        }
        self.init.check(self.k, dim)
    }

    /// Clusters rows that are all there, from batches drawn at random – by weight, with
    /// replacement. `O(batch·k·dim)` per batch, and one assignment of all rows at the end.
    ///
    /// # Errors
    /// As [`KMeans::fit_weighted`].
    pub fn fit<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        weights: Option<&Values<B>>,
    ) -> Result<Fit<B::Elem>, Error<B::Error>> {
        self.check(rows.dim())?;
        let input = Input::admit(backend, rows, weights, Metric::SqEuclidean)?;
        let draw = Drawing::new(&input, self.seed);
        let mut state = self.state::<B::Elem>(input.dim);
        state.seed_from(&input, &draw)?;
        let batches = self.epochs as usize * input.n.div_ceil(self.batch);
        let mut rest = Rest::new(self.batch, input.n, self.patience);
        for batch in 0..batches {
            let rows = draw.gather(ROWS, batch as u64, self.batch)?;
            let rows = crate::rows::rows::<B>(rows.borrow(), input.dim)?;
            let cost = state.partial_fit(backend, rows, None)?;
            if rest.reached(cost / self.batch as f64) {
                break;
            }
        }
        state.finish(&input, rest.reached)
    }
}

/// Running means of the rows seen so far.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BatchState<T> {
    options: MiniBatch,
    dim: usize,
    /// The means.
    centers: Vec<f64>,
    /// The means as elements, which distances are taken to.
    rounded: Vec<T>,
    /// Counts, and what rows paid when they came.
    clusters: Vec<Cluster>,
    step: u64,
    /// Rows since starved centres were last looked for.
    since: usize,
}

impl<T: Element> BatchState<T> {
    /// Centres so far: none before the first rows, fewer than k where too few rows differed.
    #[must_use]
    pub fn k(&self) -> usize {
        self.clusters.len()
    }

    /// Takes in a batch: rows go to their nearest centre, then centres to their running means.
    /// The first batch also chooses the first centres. Returns Σ w·d² to the centres before they
    /// moved. `O(n·k·dim)`.
    ///
    /// # Errors
    /// Options outside their range, rows of another dim or not finite, weights that are negative,
    /// not finite, too large or all 0; the machine's. Nothing is taken in.
    pub fn partial_fit<B: Alloc<Elem = T>>(
        &mut self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        weights: Option<&Values<B>>,
    ) -> Result<f64, Error<B::Error>> {
        self.options.check(rows.dim())?;
        let mut next = self.clone();
        if next.clusters.is_empty() {
            next.dim = rows.dim();
        }
        ShapeError::check("dim of rows", next.dim, rows.dim())?;
        let input = Input::admit(backend, rows, weights, Metric::SqEuclidean)?;
        let cost = next.take(&input)?;
        *self = next;
        Ok(cost)
    }

    fn take<B: Alloc<Elem = T>>(&mut self, input: &Input<'_, B>) -> Result<f64, Error<B::Error>> {
        if self.clusters.is_empty() {
            let first =
                init::centers(input, &self.options.init, self.options.k, self.options.seed)?;
            self.open(&first, 0.0);
        }
        self.step += 1;
        self.since += input.n;
        let mut lloyd = Lloyd::new(input, self.rounded.clone())?;
        lloyd.assign(true)?;
        let dist = lloyd.dist()?;
        self.pay(input, lloyd.labels()?, &dist);
        let cost = lloyd.measured_cost()?;
        self.move_all(input, &lloyd);
        if self.options.reassign > 0.0 && self.since >= 10 * self.options.k {
            self.since = 0;
            self.reseed(input, dist)?;
        }
        Ok(cost)
    }

    /// Books what the rows pay; counts follow with the means.
    fn pay<B: Alloc<Elem = T>>(&mut self, input: &Input<'_, B>, labels: &[u32], dist: &[T]) {
        for (i, (&label, d)) in labels.iter().zip(dist).enumerate() {
            let (cluster, weight) = (&mut self.clusters[label as usize], input.weight(i));
            cluster.cost += weight * input.unit() * d.as_f64();
            if weight > 0.0 {
                cluster.radius = cluster.radius.max(libm::sqrt(d.as_f64()));
            }
        }
    }

    /// Every centre to the mean of all its rows: c += (Σ w·x − W·c) / (count + W).
    fn move_all<B: Alloc<Elem = T>>(&mut self, input: &Input<'_, B>, lloyd: &Lloyd<'_, B>) {
        let sums = lloyd.offsets.chunks_exact(self.dim).zip(&lloyd.mass);
        let centers = self.centers.chunks_exact_mut(self.dim);
        let centers = centers.zip(self.rounded.chunks_exact_mut(self.dim));
        for (((center, rounded), (offsets, &mass)), cluster) in
            centers.zip(sums).zip(&mut self.clusters)
        {
            if mass == 0 {
                continue;
            }
            let mass = mass as f64 / f64::from(1u32 << WEIGHT_BITS);
            cluster.weight += mass * input.unit();
            let share = mass * input.unit() / cluster.weight;
            for ((c, r), &offset) in center.iter_mut().zip(rounded).zip(offsets) {
                // Offsets are from the rounded centre.
                let mean = r.as_f64() + offset as f64 / (mass * lloyd.scale.as_f64());
                *c += (mean - *c) * share;
                *r = T::of_f64(*c);
            }
        }
    }

    /// Puts starved and missing centres on rows drawn by distance, at most half of the batch,
    /// each with the lowest count of the centres that stay, so that they live for a while.
    fn reseed<B: Alloc<Elem = T>>(
        &mut self,
        input: &Input<'_, B>,
        dist: Vec<T>,
    ) -> Result<(), Error<B::Error>> {
        let most = self.clusters.iter().fold(0f64, |m, c| m.max(c.weight));
        let is_starved = |c: &Cluster| c.weight < self.options.reassign * most;
        let mut starved: Vec<usize> =
            (0..self.k()).filter(|&c| is_starved(&self.clusters[c])).collect();
        starved.extend(self.k()..self.options.k);
        let stay = self.clusters.iter().filter(|c| !is_starved(c));
        let count = stay.fold(most, |least, c| least.min(c.weight));
        starved.truncate(input.n / 2);
        let draws = Draws::new(self.options.seed, RESEED);
        let mut potential = Potential::new(input.n, input.weight_host());
        potential.dist = dist;
        for (lane, c) in starved.into_iter().enumerate() {
            potential.add_up();
            let Some(row) = potential.pick(draws.unit64(self.step, lane as u32)) else { break };
            potential.dist[row] = T::zero();
            self.put(input, c, row, count)?;
        }
        Ok(())
    }

    /// Puts centre `c`, or a new one, on a row.
    fn put<B: Alloc<Elem = T>>(
        &mut self,
        input: &Input<'_, B>,
        c: usize,
        row: usize,
        count: f64,
    ) -> Result<(), Error<B::Error>> {
        let (dim, mut center) = (self.dim, vec![T::zero(); self.dim]);
        let data = input.rows()?;
        input.backend.read(data.data(), row * dim, &mut center).map_err(Error::Backend)?;
        if c >= self.k() {
            self.open(&center, count);
            return Ok(());
        }
        self.rounded[c * dim..(c + 1) * dim].copy_from_slice(&center);
        for (to, from) in self.centers[c * dim..].iter_mut().zip(&center) {
            *to = from.as_f64();
        }
        self.clusters[c] = Cluster { weight: count, ..Cluster::default() };
        Ok(())
    }

    fn open(&mut self, centers: &[T], count: f64) {
        self.centers.extend(centers.iter().map(|c| c.as_f64()));
        self.rounded.extend_from_slice(centers);
        let new = Cluster { weight: count, ..Cluster::default() };
        self.clusters.extend(vec![new; centers.len() / self.dim]);
    }

    /// The first centres, from a sample of three batches, or from all rows where they are fewer.
    fn seed_from<B: Alloc<Elem = T>>(
        &mut self,
        input: &Input<'_, B>,
        draw: &Drawing<'_, B>,
    ) -> Result<(), Error<B::Error>> {
        let (k, seed) = (self.options.k, self.options.seed);
        let rows = 3 * self.options.batch.max(k);
        let first = if rows >= input.n {
            init::centers(input, &self.options.init, k, seed)?
        } else {
            let sample = draw.gather(SAMPLE, 0, rows)?;
            let sample = crate::rows::rows::<B>(sample.borrow(), self.dim)?;
            let sample = Input::admit(input.backend, sample, None, Metric::SqEuclidean)?;
            init::centers(&sample, &self.options.init, k, seed)?
        };
        self.open(&first, 0.0);
        Ok(())
    }

    /// The centres so far, in the order they were opened. Weights are counts; costs and radii
    /// are what rows paid when they came, to the centres of that time.
    #[must_use]
    pub fn model(&self) -> Model<T> {
        let with_rms = |c: &Cluster| {
            let mean = if c.weight > 0.0 { c.cost / c.weight } else { 0.0 };
            Cluster { rms: libm::sqrt(mean), ..*c }
        };
        Model {
            dim: self.dim,
            centers: self.rounded.clone(),
            clusters: self.clusters.iter().map(with_rms).collect(),
            metric: Metric::SqEuclidean,
            requested: self.options.k,
            cost: self.clusters.iter().map(|c| c.cost).sum(),
            iterations: u32::try_from(self.step).unwrap_or(u32::MAX),
            converged: false,
        }
    }

    fn finish<B: Alloc<Elem = T>>(
        self,
        input: &Input<'_, B>,
        converged: bool,
    ) -> Result<Fit<T>, Error<B::Error>> {
        let mut lloyd = Lloyd::new(input, self.rounded)?;
        lloyd.assign(false)?;
        let iterations = u32::try_from(self.step).unwrap_or(u32::MAX);
        let run = Run { lloyd, cost: 0.0, iterations, converged, cancelled: false };
        KMeans::new(self.options.k).empty(EmptyCluster::Drop).finish(input, run)
    }
}
