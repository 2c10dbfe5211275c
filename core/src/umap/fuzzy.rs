//! The fuzzy graph: how strongly a row holds on to each of its neighbours.

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::Backend;
use crate::element::Element;
use crate::host::parts;
use crate::neighbors::{Csr, Lists};

/// Steps of the search for a width.
const STEPS: usize = 64;
/// A sum this near to its target is there.
const NEAR: f64 = 1e-5;
/// The smallest width, as a share of a mean distance.
const LEAST: f64 = 1e-3;

/// What distances of each row are measured from and by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scales {
    /// The width σ of each row.
    pub(super) sigma: Vec<f64>,
    /// The distance ρ to its nearest neighbour: up to there strength is 1.
    pub(super) rho: Vec<f64>,
}

impl Scales {
    /// For lists of neighbours without the row itself: Σ exp(−(d − ρ)/σ) = log₂(k + 1), k being
    /// the neighbours that a list can hold. `local` nearest neighbours (part of one, too) have
    /// strength 1. `O(n·k)`.
    pub(super) fn of<B: Backend>(backend: &B, lists: &Lists<B::Elem>, local: f64) -> Self {
        let finite = lists.distances().iter().map(|d| d.as_f64()).filter(|d| d.is_finite());
        let all = finite.sum::<f64>() / (lists.len() * (lists.k() + 1)) as f64;
        Self::by(backend, lists, local, Some(all))
    }

    /// The same for lists whose rows are to know nothing of each other.
    pub(super) fn of_each<B: Backend>(backend: &B, lists: &Lists<B::Elem>, local: f64) -> Self {
        Self::by(backend, lists, local, None)
    }

    /// `all` is the mean distance that stands in where a row's nearest are all at distance 0.
    fn by<B: Backend>(backend: &B, lists: &Lists<B::Elem>, local: f64, all: Option<f64>) -> Self {
        let scales = parts::map(backend, lists.len(), |rows| {
            let of = |i| scale(lists.row(i).0, local, all);
            rows.map(of).collect::<Vec<(f64, f64)>>()
        });
        let (sigma, rho) = scales.into_iter().flatten().unzip();
        Self { sigma, rho }
    }

    pub(super) fn strength(&self, i: usize, dist: f64) -> f64 {
        let over = dist - self.rho[i];
        if over <= 0.0 || self.sigma[i] == 0.0 { 1.0 } else { libm::exp(-over / self.sigma[i]) }
    }
}

/// σ and ρ of a row with neighbours at these distances.
fn scale<T: Element>(dist: &[T], local: f64, all: Option<f64>) -> (f64, f64) {
    let dist: Vec<f64> = dist.iter().map(|d| d.as_f64()).collect();
    let nearest = nearest(&dist, local);
    let target = libm::log2((dist.len() + 1) as f64);
    let mean = dist.iter().sum::<f64>() / (dist.len() + 1) as f64;
    let least = LEAST * if nearest > 0.0 { mean } else { all.unwrap_or(mean) };
    (width(&dist, nearest, target).max(least), nearest)
}

/// The distance of the `local`-th neighbour that is not at distance 0, between two of them where
/// `local` is no whole number; of the last where there are fewer.
fn nearest(dist: &[f64], local: f64) -> f64 {
    let apart = &dist[dist.partition_point(|&d| d <= 0.0)..];
    let whole = libm::floor(local);
    let (part, whole) = (local - whole, whole as usize);
    let at =
        |place: usize| if place == 0 { 0.0 } else { apart.get(place - 1).copied().unwrap_or(0.0) };
    if (apart.len() as f64) < local {
        return apart.last().copied().unwrap_or(0.0);
    }
    if part > NEAR { at(whole) + part * (at(whole + 1) - at(whole)) } else { at(whole) }
}

/// The width at which strengths add up to `target`: by Newton's steps for 1/width, of which the
/// sum is a convex function, and by halving where one leads out of what is left.
fn width(dist: &[f64], rho: f64, target: f64) -> f64 {
    let over = |d: &f64| (d - rho).max(0.0);
    let mean = dist.iter().map(over).sum::<f64>() / dist.len() as f64;
    let (mut low, mut high) = (0.0, f64::INFINITY);
    let mut mid = if mean > 0.0 { mean } else { 1.0 };
    for _ in 0..STEPS {
        let (mut sum, mut slope) = (0.0, 0.0);
        for over in dist.iter().map(over) {
            let strength = if over > 0.0 { libm::exp(-over / mid) } else { 1.0 };
            sum += strength;
            slope += over * strength;
        }
        if libm::fabs(sum - target) < NEAR {
            break;
        }
        if sum > target {
            high = mid;
        } else {
            low = mid;
        }
        let step = 1.0 / (1.0 / mid + (sum - target) / slope);
        let half = if high == f64::INFINITY { 2.0 * mid } else { 0.5 * (low + high) };
        // Not a number is within nothing.
        mid = if step > low && step < high { step } else { half };
    }
    mid
}

/// Strengths both ways: a of an edge, b of the edge back, 0 where there is none.
#[derive(Clone, Copy)]
struct Both {
    to: u32,
    a: f64,
    b: f64,
}

/// The strengths of all neighbours, and of the same pairs seen from the other side:
/// `mix·(a + b − a·b) + (1 − mix)·a·b`. Targets ascend. `O(n·k log k)`.
pub(super) fn graph<B: Backend>(
    backend: &B,
    lists: &Lists<B::Elem>,
    scales: &Scales,
    mix: f64,
) -> Csr<B::Elem> {
    let strengths = Csr::of_rows_on(backend, lists.len(), |i, graph| {
        let (dist, to) = lists.row(i);
        for (d, &to) in dist.iter().zip(to) {
            graph.push(to, scales.strength(i, d.as_f64()));
        }
    });
    united(backend, &strengths, mix)
}

/// The union of a graph with itself turned round.
pub(super) fn united<B: Backend>(backend: &B, graph: &Csr<f64>, mix: f64) -> Csr<B::Elem> {
    let n = graph.len();
    let mut offsets = vec![0usize; n + 1];
    for i in 0..n {
        offsets[i + 1] += graph.row(i).0.len();
        graph.row(i).0.iter().for_each(|&to| offsets[to as usize + 1] += 1);
    }
    for i in 0..n {
        offsets[i + 1] += offsets[i];
    }
    let mut next = offsets.clone();
    let mut both: Vec<Both> = Vec::new();
    both.resize_with(offsets[n], || Both { to: 0, a: 0.0, b: 0.0 });
    let mut enter = |row: usize, edge: Both| {
        both[next[row]] = edge;
        next[row] += 1;
    };
    for i in 0..n {
        let (to, strengths) = graph.row(i);
        for (&to, &a) in to.iter().zip(strengths) {
            enter(i, Both { to, a, b: 0.0 });
            enter(to as usize, Both { to: i as u32, a: 0.0, b: a });
        }
    }
    Csr::of_rows_on(backend, n, |i, out| {
        merge(&mut both[offsets[i]..offsets[i + 1]].to_vec(), mix, out);
    })
}

/// Adds the edges of one row, those to the same row united.
fn merge<T: Element>(row: &mut [Both], mix: f64, out: &mut Csr<T>) {
    row.sort_unstable_by_key(|edge| edge.to);
    for same in row.chunk_by(|a, b| a.to == b.to) {
        let a: f64 = same.iter().map(|edge| edge.a).sum();
        let b: f64 = same.iter().map(|edge| edge.b).sum();
        hold(out, same[0].to, mix * (a + b - a * b) + (1.0 - mix) * a * b);
    }
}

/// Adds an edge, unless nothing is left of its strength.
pub(super) fn hold<T: Element>(out: &mut Csr<T>, to: u32, strength: f64) {
    let strength = T::of_f64(strength);
    if strength > T::zero() {
        out.push(to, strength);
    }
}
