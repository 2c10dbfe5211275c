//! Where the centres start: k-means++, k-means‖, rows at random, or given.
//!
//! Every draw is a pure function of (seed, step, trial), so a start depends on the data alone –
//! not on threads, batches or the machine.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use num_traits::{Float, Zero};

use super::door::Input;
use super::potential::Potential;
use crate::backend::{Alloc, Indices, NONE, Values};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::random::Draws;
use crate::rows::{Metric, Pairs, Rows};

/// Purposes of draws; no other algorithm of this crate uses these numbers.
const PLUS_PLUS: u32 = 0x4B4D_0001;
const RANDOM: u32 = 0x4B4D_0002;
const PARALLEL: u32 = 0x4B4D_0003;

/// Bytes of rows looked at together, so that all candidates meet them in cache.
const CACHED: usize = 1 << 18;

/// How the first centres are chosen.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Init {
    /// Greedy k-means++ (Arthur, Vassilvitskii 2007): one row at a time, drawn in proportion to
    /// weight × squared distance to the nearest centre so far, the best of some trials kept.
    PlusPlus {
        /// Candidates tried per centre; `None` for 2 + ⌊ln k⌋, as scikit-learn.
        trials: Option<u32>,
    },
    /// k-means‖ (Bahmani et al., "Scalable k-means++", 2012): a few rounds draw many rows at
    /// once, and weighted k-means++ picks the centres among them. For k in the hundreds.
    Parallel {
        /// Rounds, 5 where unsure.
        rounds: u32,
        /// Rows drawn per round, as a multiple of k; 2 where unsure.
        oversampling: f64,
    },
    /// Different rows at random, in proportion to their weight.
    Random,
    /// These centres, k × dim. Every `f32` is a `f64`, so nothing is lost; see
    /// [`given`](Self::given).
    Given(Vec<f64>),
}

impl Default for Init {
    fn default() -> Self {
        Self::PlusPlus { trials: None }
    }
}

impl Init {
    /// Starts from these centres, k × dim.
    #[must_use]
    pub fn given<T: Element>(centers: &[T]) -> Self {
        Self::Given(centers.iter().map(|c| c.as_f64()).collect())
    }

    pub(super) fn check<E>(&self, k: usize, dim: usize) -> Result<(), Error<E>> {
        match self {
            Self::PlusPlus { trials: Some(0) } => {
                Err(Error::Parameter { name: "trials", why: "must be at least 1" })
            }
            Self::Parallel { rounds: 0, .. } => {
                Err(Error::Parameter { name: "rounds", why: "must be at least 1" })
            }
            Self::Parallel { oversampling, .. }
                if oversampling.is_nan() || *oversampling <= 0.0 =>
            {
                Err(Error::Parameter { name: "oversampling", why: "must be above 0" })
            }
            Self::Given(centers) => Ok(ShapeError::check("given centres", k * dim, centers.len())?),
            _ => Ok(()),
        }
    }
}

/// Row numbers of up to k first centres by greedy k-means++, in the order they were drawn.
///
/// Fewer than k where fewer rows (of positive weight) differ. `trials` as in [`Init::PlusPlus`].
/// `O(n·k·trials·dim)`; n + k·dim elements of scratch.
///
/// Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding" (2007), section 2.2;
/// the trials are those of its last section.
///
/// # Errors
/// Rows or weights that [`KMeans`](super::KMeans) would reject; `k` or `trials` is 0; the machine's.
///
/// ```
/// use enfold_core::{Rows, kmeans::init::plus_plus};
/// use enfold_cpu::Cpu;
///
/// let data = [0.0f32, 0.1, 10.0, 10.1, 20.0, 20.1];
/// let mut rows = plus_plus(&Cpu::<f32>::new(), Rows::new(&data[..], 1)?, None, 3, None, 7)?;
/// rows.sort();
/// assert_eq!(rows.iter().map(|r| r / 2).collect::<Vec<_>>(), [0, 1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn plus_plus<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    weights: Option<&Values<B>>,
    k: usize,
    trials: Option<u32>,
    seed: u64,
) -> Result<Vec<u32>, Error<B::Error>> {
    super::check_k(k)?;
    Init::PlusPlus { trials }.check(k, rows.dim())?;
    let input = Input::admit(backend, rows, weights, Metric::SqEuclidean)?;
    let mut found = draw_plus_plus(&input, k, trials, seed)?;
    found.iter_mut().for_each(|row| *row += rows.start() as u32);
    Ok(found)
}

/// The first centres on the host, at most k × dim.
pub(super) fn centers<B: Alloc>(
    input: &Input<'_, B>,
    init: &Init,
    k: usize,
    seed: u64,
) -> Result<Vec<B::Elem>, Error<B::Error>> {
    match init {
        Init::PlusPlus { trials } => read_rows(input, &draw_plus_plus(input, k, *trials, seed)?),
        Init::Random => read_rows(input, &draw_random(input, k, seed)),
        Init::Parallel { rounds, oversampling } => {
            read_rows(input, &draw_parallel(input, k, *rounds, *oversampling, seed)?)
        }
        Init::Given(centers) => given(input, centers),
    }
}

fn given<B: Alloc>(input: &Input<'_, B>, from: &[f64]) -> Result<Vec<B::Elem>, Error<B::Error>> {
    let mut centers: Vec<B::Elem> = from.iter().map(|&c| B::Elem::of_f64(c)).collect();
    if Metric::SqEuclidean.refused(&centers, input.dim).is_some() {
        let why = "must be centres that are finite, with distances that are";
        return Err(Error::Parameter { name: "init", why });
    }
    if input.metric == Metric::Cosine {
        super::door::normalize(&mut centers, input.dim)?;
    }
    Ok(centers)
}

fn read_rows<B: Alloc>(
    input: &Input<'_, B>,
    rows: &[u32],
) -> Result<Vec<B::Elem>, Error<B::Error>> {
    let dim = input.dim;
    let mut centers = vec![B::Elem::zero(); rows.len() * dim];
    for (&row, center) in rows.iter().zip(centers.chunks_exact_mut(dim)) {
        let at = row as usize * dim;
        input.backend.read(input.rows()?.data(), at, center).map_err(Error::Backend)?;
    }
    Ok(centers)
}

/// k different rows, by weight: the k largest of ln(u)/w (Efraimidis, Spirakis 2006).
fn draw_random<B: Alloc>(input: &Input<'_, B>, k: usize, seed: u64) -> Vec<u32> {
    let draws = Draws::new(seed, RANDOM);
    let key = |i: usize| libm::log(draws.unit64(i as u64, 0)) / input.weight(i);
    let with_key = (0..input.n).filter(|&i| input.weight(i) > 0.0).map(|i| (key(i), i as u32));
    let mut all: Vec<(f64, u32)> = with_key.collect();
    all.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    all.into_iter().take(k).map(|(_, row)| row).collect()
}

pub(super) fn draw_plus_plus<B: Alloc>(
    input: &Input<'_, B>,
    k: usize,
    trials: Option<u32>,
    seed: u64,
) -> Result<Vec<u32>, Error<B::Error>> {
    let trials = trials.map_or_else(|| 2 + libm::log(k as f64) as usize, |t| t as usize);
    let draws = Draws::new(seed, PLUS_PLUS);
    let mut seeding = Seeding::new(input, trials)?;
    let mut found = Vec::new();
    let first = seeding.potential.pick(draws.unit64(0, 0));
    seeding.potential.dist.fill(B::Elem::infinity());
    let mut next = first.map(|row| row as u32);
    while let Some(row) = next {
        found.push(row);
        if found.len() == k {
            break;
        }
        seeding.open(row)?;
        next = seeding.best(&draws, found.len() as u64)?;
    }
    Ok(found)
}

/// k-means++ under way: what rows still pay, and room for candidates.
struct Seeding<'a, B: Alloc> {
    input: &'a Input<'a, B>,
    potential: Potential<'a, B::Elem>,
    trials: usize,
    candidates: B::Owned<B::Elem>,
    /// Rows per step, and their distances to every candidate.
    step: usize,
    tile: Vec<B::Elem>,
}

impl<'a, B: Alloc> Seeding<'a, B> {
    fn new(input: &'a Input<'a, B>, trials: usize) -> Result<Self, Error<B::Error>> {
        let step = (CACHED / size_of::<B::Elem>() / input.dim).clamp(64, 1 << 14);
        Ok(Self {
            input,
            potential: Potential::new(input.n, input.weight_host()),
            trials,
            candidates: input.alloc(trials * input.dim)?,
            step,
            tile: vec![B::Elem::zero(); step * trials],
        })
    }

    /// Opens a centre: every row pays at most its distance to it.
    fn open(&mut self, row: u32) -> Result<(), Error<B::Error>> {
        self.input.copy_row(row as usize, self.candidates.borrow_mut(), 0)?;
        self.sweep(1, |potential, at, tile| {
            let paid = potential.dist[at..].iter_mut();
            for (paid, &d) in paid.zip(tile) {
                *paid = if d < *paid { d } else { *paid };
            }
        })?;
        self.potential.add_up();
        Ok(())
    }

    /// The best of several drawn rows; None where nobody pays any more.
    fn best(&mut self, draws: &Draws, step: u64) -> Result<Option<u32>, Error<B::Error>> {
        let mut rows = Vec::with_capacity(self.trials);
        for trial in 0..self.trials {
            let drawn = self.potential.pick(draws.unit64(step, trial as u32));
            rows.extend(drawn.map(|row| row as u32).filter(|row| !rows.contains(row)));
        }
        if rows.len() < 2 {
            return Ok(rows.first().copied());
        }
        let costs = self.costs(&rows)?;
        let order = |a: &usize, b: &usize| costs[*a].total_cmp(&costs[*b]);
        Ok((0..rows.len()).min_by(order).map(|best| rows[best]))
    }

    /// The total cost with each of these rows as one more centre.
    fn costs(&mut self, rows: &[u32]) -> Result<Vec<f64>, Error<B::Error>> {
        for (to, &row) in rows.iter().enumerate() {
            self.input.copy_row(row as usize, self.candidates.borrow_mut(), to)?;
        }
        let mut costs = vec![0f64; rows.len()];
        let weights = self.input.weight_host();
        self.sweep(rows.len(), |potential, at, tile| {
            for (i, to_all) in tile.chunks_exact(rows.len()).enumerate() {
                let paid = potential.dist[at + i];
                let weight = weights.map_or(1.0, |w| w[at + i].as_f64());
                for (cost, &d) in costs.iter_mut().zip(to_all) {
                    *cost += weight * (if d < paid { d } else { paid }).as_f64();
                }
            }
        })?;
        Ok(costs)
    }

    /// Distances of all rows to the first `count` candidates, a cacheful of rows at a time.
    fn sweep(
        &mut self,
        count: usize,
        mut take: impl FnMut(&mut Potential<'a, B::Elem>, usize, &[B::Elem]),
    ) -> Result<(), Error<B::Error>> {
        let y =
            crate::rows::rows::<B>(self.candidates.borrow(), self.input.dim)?.range(0, count)?;
        let pairs = Pairs::new(self.input.rows()?, y, Metric::SqEuclidean)?;
        for at in (0..self.input.n).step_by(self.step) {
            let end = self.input.n.min(at + self.step);
            let tile = &mut self.tile[..(end - at) * count];
            let pairs = Pairs::new(pairs.x().range(at, end)?, y, Metric::SqEuclidean)?;
            self.input.backend.distances(pairs, tile).map_err(Error::Backend)?;
            take(&mut self.potential, at, tile);
        }
        Ok(())
    }
}

/// Row numbers by k-means‖.
fn draw_parallel<B: Alloc>(
    input: &Input<'_, B>,
    k: usize,
    rounds: u32,
    oversampling: f64,
    seed: u64,
) -> Result<Vec<u32>, Error<B::Error>> {
    let draws = Draws::new(seed, PARALLEL);
    let mut potential = Potential::new(input.n, input.weight_host());
    let mut found: Vec<u32> =
        potential.pick(draws.unit64(0, 0)).map(|r| r as u32).into_iter().collect();
    let mut owner = vec![0u32; input.n];
    potential.dist.fill(B::Elem::infinity());
    let mut opened = 0;
    for round in 1..=rounds {
        reach(input, &found, opened, &mut potential, &mut owner)?;
        opened = found.len();
        let share = oversampling * k as f64 / potential.total();
        let drawn = |i: &usize| draws.unit64(*i as u64, round) < share * potential.term(*i);
        found.extend((0..input.n).filter(drawn).map(|i| i as u32));
    }
    if found.len() <= k {
        // Few rows, or few that differ: exact seeding is cheap, and knows when to stop.
        return draw_plus_plus(input, k, None, seed);
    }
    reach(input, &found, opened, &mut potential, &mut owner)?;
    let chosen = among(input, &found, &owner, k, seed)?;
    // Many rows were found, but copies of a few: then so it is, too.
    if chosen.len() < k { draw_plus_plus(input, k, None, seed) } else { Ok(chosen) }
}

/// Lets every row find the nearest of the rows opened since `opened`.
fn reach<B: Alloc>(
    input: &Input<'_, B>,
    found: &[u32],
    opened: usize,
    potential: &mut Potential<'_, B::Elem>,
    owner: &mut [u32],
) -> Result<(), Error<B::Error>> {
    let new = &found[opened..];
    if new.is_empty() {
        return Ok(());
    }
    let mut y: B::Owned<B::Elem> = input.alloc(new.len() * input.dim)?;
    for (to, &row) in new.iter().enumerate() {
        input.copy_row(row as usize, y.borrow_mut(), to)?;
    }
    let y = crate::rows::rows::<B>(y.borrow(), input.dim)?;
    let (dist, index) = super::lloyd::nearest(input.backend, input.rows()?, y, 1)?;
    for (i, (&d, &j)) in dist.iter().zip(&index).enumerate() {
        if d < potential.dist[i] {
            (potential.dist[i], owner[i]) = (d, opened as u32 + j);
        }
    }
    potential.add_up();
    Ok(())
}

/// Weighted k-means++ among found rows: each weighs what belongs to it.
fn among<B: Alloc>(
    input: &Input<'_, B>,
    found: &[u32],
    owner: &[u32],
    k: usize,
    seed: u64,
) -> Result<Vec<u32>, Error<B::Error>> {
    let mut mass = vec![0f64; found.len()];
    for (i, &o) in owner.iter().enumerate() {
        mass[o as usize] += input.weight(i);
    }
    // Weights above the door's bound would be rejected; only their ratios matter here.
    let most = mass.iter().fold(1f64, |m, &w| m.max(w));
    let mass: Vec<B::Elem> = mass.iter().map(|w| B::Elem::of_f64(w / most)).collect();
    let mut buf: B::Owned<B::Elem> = input.alloc(found.len() * input.dim)?;
    for (to, &row) in found.iter().enumerate() {
        input.copy_row(row as usize, buf.borrow_mut(), to)?;
    }
    let mut weights: B::Owned<B::Elem> = input.alloc(found.len())?;
    input.backend.write(weights.borrow_mut(), 0, &mass).map_err(Error::Backend)?;
    let rows = crate::rows::rows::<B>(buf.borrow(), input.dim)?;
    let chosen = plus_plus(input.backend, rows, Some(weights.borrow()), k, None, seed)?;
    Ok(chosen.into_iter().map(|at| found[at as usize]).collect())
}

/// What [`Nearest`] starts from: nobody, infinitely far.
pub(super) fn empty<B: Alloc>(
    backend: &B,
    dist: &mut Values<B>,
    index: &mut Indices<B>,
) -> Result<(), Error<B::Error>> {
    backend.fill(dist, B::Elem::infinity()).map_err(Error::Backend)?;
    backend.fill(index, NONE).map_err(Error::Backend)
}
