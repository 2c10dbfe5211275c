//! Every fold, straight from its definition, in `f64` and in the order of the words.
//!
//! Nobody optimises this file. The folds work on a [`Table`] of distances, so that the same
//! definition is checked twice: on the true distances, within the error model, and on the
//! distances that the backend itself reports, exactly.

use core::ops::Range;
use std::vec::Vec;

use crate::backend::{Epoch, NONE};
use crate::element::Element;
use crate::random::Draws;
use crate::rows::Metric;

use super::cases::Scene;

/// The distance of two rows as the metric defines it, in `f64`.
#[must_use]
pub fn distance<T: Element>(metric: Metric, x: &[T], y: &[T]) -> f64 {
    let gaps = x.iter().zip(y).map(|(a, b)| (a.as_f64() - b.as_f64()).abs());
    match metric {
        Metric::SqEuclidean => gaps.map(|g| g * g).sum(),
        Metric::Euclidean => gaps.map(|g| g * g).sum::<f64>().sqrt(),
        Metric::Manhattan => gaps.sum(),
        Metric::Chebyshev => gaps.fold(0.0, f64::max),
        Metric::Cosine => angular(&wide(x), &wide(y)),
        Metric::Minkowski(power) => norm(&gaps.collect::<Vec<_>>(), power.get()),
        Metric::Correlation => angular(&centred(x), &centred(y)),
        Metric::Hamming => share(x, y, |a, b| (a != b, true)),
        Metric::Jaccard => share(x, y, |a, b| ((a != 0.0) != (b != 0.0), a != 0.0 || b != 0.0)),
        Metric::Canberra => {
            let sizes = x.iter().zip(y).map(|(a, b)| a.as_f64().abs() + b.as_f64().abs());
            gaps.zip(sizes).map(|(gap, size)| if size == 0.0 { 0.0 } else { gap / size }).sum()
        }
        Metric::BrayCurtis => {
            let size: f64 = x.iter().chain(y).map(|v| v.as_f64().abs()).sum();
            if size == 0.0 { 0.0 } else { gaps.sum::<f64>() / size }
        }
        Metric::Haversine => sphere([x[0].as_f64(), x[1].as_f64()], [y[0].as_f64(), y[1].as_f64()]),
    }
}

fn wide<T: Element>(row: &[T]) -> Vec<f64> {
    row.iter().map(|v| v.as_f64()).collect()
}

/// 1 − cos of the angle between two rows.
fn angular(x: &[f64], y: &[f64]) -> f64 {
    let (xy, xx, yy) = (dot(x, y), dot(x, x), dot(y, y));
    match (xx == 0.0, yy == 0.0) {
        (true, true) => 0.0,
        (true, false) | (false, true) => 1.0,
        (false, false) => 1.0 - xy / (xx.sqrt() * yy.sqrt()),
    }
}

/// A row less its mean, taken twice: what the first leaves is far below the spread.
pub(super) fn centred<T: Element>(row: &[T]) -> Vec<f64> {
    let mut row = wide(row);
    if row.iter().all(|v| *v == row[0]) {
        row.fill(0.0);
    }
    for _ in 0..2 {
        let mean = row.iter().sum::<f64>() / row.len() as f64;
        row.iter_mut().for_each(|v| *v -= mean);
    }
    row
}

/// (Σ g^p)^(1/p), with the largest g in front.
fn norm(gaps: &[f64], p: f64) -> f64 {
    let most = gaps.iter().copied().fold(0.0, f64::max);
    if most == 0.0 || most == f64::INFINITY {
        return most;
    }
    most * gaps.iter().map(|g| (g / most).powf(p)).sum::<f64>().powf(1.0 / p)
}

/// Of the coordinates that count, the share of those that differ; 0 where none counts.
fn share<T: Element>(x: &[T], y: &[T], of: impl Fn(f64, f64) -> (bool, bool)) -> f64 {
    let both: Vec<_> = x.iter().zip(y).map(|(a, b)| of(a.as_f64(), b.as_f64())).collect();
    let (differ, count) =
        (both.iter().filter(|b| b.0).count(), both.iter().filter(|b| b.1).count());
    if count == 0 { 0.0 } else { differ as f64 / count as f64 }
}

/// The angle between two points given by latitude and longitude, from their unit vectors: by
/// the length of the cross product and the product.
fn sphere(x: [f64; 2], y: [f64; 2]) -> f64 {
    let unit = |[along, around]: [f64; 2]| {
        [along.cos() * around.cos(), along.cos() * around.sin(), along.sin()]
    };
    let (a, b) = (unit(x), unit(y));
    let cross = |s: usize, t: usize| a[s] * b[t] - a[t] * b[s];
    let across = [cross(1, 2), cross(2, 0), cross(0, 1)];
    dot(&across, &across).sqrt().atan2(dot(&a, &b))
}

/// Σ xy.
#[must_use]
pub fn dot<T: Element>(x: &[T], y: &[T]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a.as_f64() * b.as_f64()).sum()
}

/// Distances of the rows `x` to the rows `y`, and which of them are visited.
#[derive(Debug, Clone)]
pub struct Table {
    /// Numbers of the rows of x.
    pub x: Range<usize>,
    /// Numbers of the rows of y.
    pub y: Range<usize>,
    /// Row by row; None where the visit leaves the pair out.
    pub cells: Vec<Option<f64>>,
}

impl Table {
    /// The table of a scene whose distances `distance(i, j)` gives.
    pub fn new<T: Element>(scene: &Scene<T>, distance: impl Fn(usize, usize) -> f64) -> Self {
        let (x, y) = (scene.x_range.clone(), scene.y_range.clone());
        let pairs = x.clone().flat_map(|i| y.clone().map(move |j| (i, j)));
        let cell = |(i, j)| scene.visits(i, j).then(|| distance(i, j));
        Self { cells: pairs.map(cell).collect(), x, y }
    }

    /// The true distances of a scene.
    #[must_use]
    pub fn truth<T: Element>(scene: &Scene<T>) -> Self {
        Self::new(scene, |i, j| distance(scene.case.metric, scene.x_row(i), scene.y_row(j)))
    }

    /// Row `i`: the visited j with their finite distances, in order of j.
    pub fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let cells = &self.cells[(i - self.x.start) * self.y.len()..][..self.y.len()];
        let finite = |cell: &Option<f64>| cell.filter(|d| d.is_finite());
        self.y.clone().zip(cells).filter_map(move |(j, cell)| Some((j, finite(cell)?)))
    }
}

/// Merges every row's neighbours into entries (distance, row), k per row.
pub fn nearest(table: &Table, k: usize, best: &mut [(f64, u32)]) {
    for i in table.x.clone() {
        let mine = &mut best[i * k..(i + 1) * k];
        let mut all = mine.to_vec();
        all.extend(table.row(i).map(|(j, d)| (d, j as u32)));
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.dedup_by(|a, b| a == b && a.1 != NONE);
        mine.copy_from_slice(&all[..k]);
    }
}

/// Adds to `counts[i·k + s]` the rows within `radii[i·k + s]`.
pub fn count_within(table: &Table, radii: &[f64], k: usize, counts: &mut [u32]) {
    for i in table.x.clone() {
        for s in 0..k {
            let within = table.row(i).filter(|(_, d)| *d <= radii[i * k + s]);
            counts[i * k + s] += within.count() as u32;
        }
    }
}

/// Lowers `lowest[i]` to the smallest value among the rows within `radius`.
pub fn lowest_within(table: &Table, radius: f64, values: &[u32], lowest: &mut [u32]) {
    for i in table.x.clone() {
        for (j, _) in table.row(i).filter(|(_, d)| *d <= radius) {
            lowest[i] = lowest[i].min(values[j]);
        }
    }
}

/// The smallest row of each row's set, after uniting the members within `radius`.
#[must_use]
pub fn join_within(table: &Table, radius: f64, member: &[u32], roots: &[u32]) -> Vec<u32> {
    let mut roots = roots.to_vec();
    for i in table.x.clone() {
        for (j, _) in table.row(i).filter(|(_, d)| *d <= radius) {
            if member[i] != 0 && member[j] != 0 {
                let (keep, drop) = (roots[i].min(roots[j]), roots[i].max(roots[j]));
                roots.iter_mut().filter(|r| **r == drop).for_each(|r| *r = keep);
            }
        }
    }
    roots
}

/// The root of every row in a union-find forest.
#[must_use]
pub fn roots(parent: &[u32]) -> Vec<u32> {
    let root = |mut i: u32| {
        while parent[i as usize] != i {
            i = parent[i as usize];
        }
        i
    };
    parent.iter().map(|&i| root(i)).collect()
}

/// Adds to `sums[(i − x.start)·k + label]` the distances to the rows of each label.
pub fn sum_by_label(table: &Table, labels: &[u32], k: usize, sums: &mut [f64]) {
    for i in table.x.clone() {
        for (j, d) in table.row(i).filter(|(j, _)| labels[*j] != NONE) {
            sums[(i - table.x.start) * k + labels[j] as usize] += d;
        }
    }
}

/// Integer sums by label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    /// k × dim offsets.
    pub offsets: Vec<i64>,
    /// k masses.
    pub mass: Vec<i64>,
    /// k scatters.
    pub scatter: Vec<i64>,
}

/// What [`accumulate`] is given.
#[derive(Debug, Clone)]
pub struct Weighed<T> {
    /// Rows.
    pub x: Vec<T>,
    /// Elements per row.
    pub dim: usize,
    /// The rows to add.
    pub range: Range<usize>,
    /// A label per row of the buffer.
    pub labels: Vec<u32>,
    /// A weight per row of the buffer; 1 where None.
    pub weights: Option<Vec<T>>,
    /// k × dim origins.
    pub origins: Vec<T>,
    /// Units per 1.
    pub scale: T,
}

/// Adds the labelled rows; every step in integers that cannot overflow.
pub fn accumulate<T: Element>(given: &Weighed<T>, into: &mut Sums) {
    let dim = given.dim;
    for i in given.range.clone().filter(|&i| given.labels[i] != NONE) {
        let c = given.labels[i] as usize;
        let weight = given.weights.as_ref().map_or(1.0, |w| w[i].as_f64());
        let m = round(weight * 65536.0);
        let mut squares = 0;
        for t in 0..dim {
            let (a, o) = (given.x[i * dim + t].as_f64(), given.origins[c * dim + t].as_f64());
            let difference = T::of_f64(a - o).as_f64();
            let q = round(T::of_f64(difference * given.scale.as_f64()).as_f64());
            into.offsets[c * dim + t] += ((q * m + (1 << 15)) >> 16) as i64;
            squares += q * q;
        }
        into.mass[c] += m as i64;
        into.scatter[c] += ((squares * m + (1 << 39)) >> 40) as i64;
    }
}

/// The nearest integer, ties to even.
fn round(value: f64) -> i128 {
    let floor = value.floor();
    let up = match (value - floor).total_cmp(&0.5) {
        core::cmp::Ordering::Less => false,
        core::cmp::Ordering::Equal => floor as i128 % 2 != 0,
        core::cmp::Ordering::Greater => true,
    };
    floor as i128 + i128::from(up)
}

/// Σ w·v of each chunk, without rounding that matters: Neumaier's sum.
#[must_use]
pub fn sums(terms: &[f64], chunk: usize) -> Vec<f64> {
    let total = |chunk: &[f64]| {
        let (mut sum, mut lost) = (0.0f64, 0.0f64);
        for &term in chunk {
            let new = sum + term;
            lost += if sum.abs() >= term.abs() { (sum - new) + term } else { (term - new) + sum };
            sum = new;
        }
        sum + lost
    };
    terms.chunks(chunk).map(total).collect()
}

/// A graph with its positions.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// Row i owns the edges `offsets[i]..offsets[i + 1]`.
    pub offsets: Vec<u32>,
    /// Other ends.
    pub targets: Vec<u32>,
    /// Strengths.
    pub weights: Vec<f64>,
    /// Positions, `dim` per row.
    pub at: Vec<f64>,
    /// Coordinates per row.
    pub dim: usize,
    /// The rows to move.
    pub range: Range<usize>,
}

impl Drawing {
    /// Where row `i` goes in one epoch: its position plus `rate` times all its forces. The second
    /// number of each coordinate is the sum of the sizes of the forces.
    #[must_use]
    pub fn step(&self, i: usize, epoch: &Epoch) -> Vec<(f64, f64)> {
        let mut force = std::vec![(0.0, 0.0); self.dim];
        let e = f64::from(epoch.number);
        let mut active = 0;
        for edge in self.offsets[i]..self.offsets[i + 1] {
            let w = self.weights[edge as usize];
            if ((e + 1.0) * w).floor() > (e * w).floor() {
                let target = self.targets[edge as usize] as usize;
                self.add(&mut force, i, target, |d2| pull(epoch, d2));
                active += 1;
            }
        }
        for j in drawn(i, active, epoch) {
            self.add(&mut force, i, j, |d2| push(epoch, d2));
        }
        let at = &self.at[i * self.dim..][..self.dim];
        at.iter().zip(force).map(|(p, (f, size))| (p + f64::from(epoch.rate) * f, size)).collect()
    }

    fn add(&self, force: &mut [(f64, f64)], i: usize, j: usize, of: impl Fn(f64) -> f64) {
        let gap = |t: usize| self.at[i * self.dim + t] - self.at[j * self.dim + t];
        let c = of((0..self.dim).map(|t| gap(t) * gap(t)).sum());
        for (t, force) in force.iter_mut().enumerate() {
            let clipped = (c * gap(t)).clamp(-4.0, 4.0);
            *force = (force.0 + clipped, force.1 + clipped.abs());
        }
    }
}

/// The rows that push a row with so many active edges, drawn with the purpose "umap".
fn drawn(i: usize, active: u32, epoch: &Epoch) -> impl Iterator<Item = usize> + use<> {
    let draws = Draws::new(epoch.seed, u32::from_be_bytes(*b"umap"));
    let (number, pool) = (u64::from(epoch.number), epoch.pool as usize);
    let base = if i < pool { i } else { 0 };
    let turns = if pool > 0 { active * epoch.negatives } else { 0 };
    (0..turns).map(move |s| (base + draws.below(number, s, pool as u64) as usize) % pool)
}

/// −2ab d^{2(b−1)} / (1 + a d^{2b}).
fn pull(e: &Epoch, d2: f64) -> f64 {
    let (a, b) = (f64::from(e.a), f64::from(e.b));
    if d2 > 0.0 { -2.0 * a * b * d2.powf(b - 1.0) / (1.0 + a * d2.powf(b)) } else { 0.0 }
}

/// 2γb / ((0.001 + d²) (1 + a d^{2b})).
fn push(e: &Epoch, d2: f64) -> f64 {
    let (a, b) = (f64::from(e.a), f64::from(e.b));
    2.0 * f64::from(e.repulsion) * b / ((0.001 + d2) * (1.0 + a * d2.powf(b)))
}
