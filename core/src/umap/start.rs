//! Where a layout begins.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::spectral::{Walk, needed};
use crate::backend::{Backend, NONE};
use crate::element::Element;
use crate::neighbors::Csr;
use crate::random::Draws;

/// Side of the square, cube, … that a layout begins in.
const SIDE: f64 = 10.0;
/// Noise that keeps equal rows apart.
const NOISE: f64 = 1e-4;
/// Share of its box that a component takes.
const INSIDE: f64 = 0.8;
/// Purposes of draws.
const PLACES: u32 = 0x706c_6163;
const JITTER: u32 = 0x6a69_7474;

/// Positions drawn evenly.
pub(super) fn random(n: usize, dim: usize, seed: u64) -> Vec<f64> {
    let draws = Draws::new(seed, PLACES);
    let place = |at: usize| SIDE * draws.unit64((at / dim) as u64, (at % dim) as u32);
    (0..n * dim).map(place).collect()
}

/// Noise on all positions, and every coordinate stretched to 0..10.
pub(super) fn fitted<T: Element>(mut at: Vec<f64>, dim: usize, seed: u64) -> Vec<T> {
    let most = at.iter().fold(0f64, |most, v| most.max(libm::fabs(*v)));
    let draws = Draws::new(seed, JITTER);
    let unit = if most > 0.0 { SIDE / most } else { 1.0 };
    for (place, v) in at.iter_mut().enumerate() {
        *v = *v * unit + NOISE * draws.normal(place as u64);
    }
    for t in 0..dim {
        let column = || at.iter().skip(t).step_by(dim).copied();
        let (low, high) = (column().fold(f64::MAX, f64::min), column().fold(f64::MIN, f64::max));
        let unit = if high > low { SIDE / (high - low) } else { 0.0 };
        at.iter_mut().skip(t).step_by(dim).for_each(|v| *v = (*v - low) * unit);
    }
    at.into_iter().map(T::of_f64).collect()
}

/// Leading eigenvectors of the graph. Components that nothing connects get boxes of their own,
/// as large as their share of the rows; small ones are drawn evenly there. None where a graph in
/// one piece has eigenvectors that cannot be had.
pub(super) fn spectral<B: Backend>(
    backend: &B,
    graph: &Csr<B::Elem>,
    dim: usize,
    seed: u64,
) -> Option<Vec<f64>> {
    let components = components(graph);
    let mut numbers = vec![NONE; graph.len()];
    if let [all] = &components[..] {
        return if all.len() < needed(dim) {
            Some(random(all.len(), dim, seed))
        } else {
            walk(graph, all, &mut numbers).vectors(backend, dim, seed)
        };
    }
    let sizes: Vec<usize> = components.iter().map(Vec::len).collect();
    let (mut boxes, mut at) = (Vec::new(), random(graph.len(), dim, seed));
    divide(&sizes, vec![0.0..SIDE; dim], &mut boxes);
    for (rows, space) in components.iter().zip(&boxes) {
        let large = rows.len() >= needed(dim);
        let inner =
            large.then(|| walk(graph, rows, &mut numbers).vectors(backend, dim, seed)).flatten();
        let drawn = || rows.iter().flat_map(|&i| &at[i as usize * dim..][..dim]).copied().collect();
        let inner: Vec<f64> = inner.unwrap_or_else(drawn);
        place(&inner, rows, space, &mut at);
    }
    Some(at)
}

/// The rows of every connected component, the largest first, then by their lowest row.
fn components<T>(graph: &Csr<T>) -> Vec<Vec<u32>> {
    let mut seen = vec![false; graph.len()];
    let mut all: Vec<Vec<u32>> = Vec::new();
    for first in 0..graph.len() {
        if seen[first] {
            continue;
        }
        seen[first] = true;
        let (mut rows, mut next) = (vec![first as u32], 0);
        while next < rows.len() {
            for &to in graph.row(rows[next] as usize).0 {
                if !core::mem::replace(&mut seen[to as usize], true) {
                    rows.push(to);
                }
            }
            next += 1;
        }
        rows.sort_unstable();
        all.push(rows);
    }
    all.sort_by_key(|rows| core::cmp::Reverse(rows.len()));
    all
}

/// The graph among the rows of a component; `numbers` is room for one of each row of the graph.
fn walk<T: Element>(graph: &Csr<T>, rows: &[u32], numbers: &mut [u32]) -> Walk {
    for (new, &row) in rows.iter().enumerate() {
        numbers[row as usize] = new as u32;
    }
    let (mut offsets, mut targets, mut weights) = (vec![0], Vec::new(), Vec::new());
    for &row in rows {
        let (to, strength) = graph.row(row as usize);
        targets.extend(to.iter().map(|&to| numbers[to as usize]));
        weights.extend(strength.iter().map(|w| w.as_f64()));
        offsets.push(targets.len());
    }
    Walk::new(offsets, targets, &weights)
}

/// Boxes as large as the sizes, by cutting the longest side again and again.
fn divide(sizes: &[usize], space: Vec<Range<f64>>, out: &mut Vec<Vec<Range<f64>>>) {
    if sizes.len() <= 1 {
        out.extend((!sizes.is_empty()).then_some(space));
        return;
    }
    let all: usize = sizes.iter().sum();
    let (mut cut, mut first) = (1, sizes[0]);
    while cut + 1 < sizes.len() && 2 * (first + sizes[cut]) <= all {
        first += sizes[cut];
        cut += 1;
    }
    let length = |side: &Range<f64>| side.end - side.start;
    let longest =
        (0..space.len()).fold(0, |l, t| if length(&space[t]) > length(&space[l]) { t } else { l });
    let side = space[longest].clone();
    let at = side.start + length(&side) * first as f64 / all as f64;
    let (mut low, mut high) = (space.clone(), space);
    (low[longest], high[longest]) = (side.start..at, at..side.end);
    divide(&sizes[..cut], low, out);
    divide(&sizes[cut..], high, out);
}

/// Stretches positions to the inside of a box.
fn place(inner: &[f64], rows: &[u32], space: &[Range<f64>], at: &mut [f64]) {
    let dim = space.len();
    for (t, side) in space.iter().enumerate() {
        let column = || inner.iter().skip(t).step_by(dim).copied();
        let (low, high) = (column().fold(f64::MAX, f64::min), column().fold(f64::MIN, f64::max));
        let unit = if high > low { 1.0 / (high - low) } else { 0.0 };
        let (middle, room) = ((side.start + side.end) / 2.0, INSIDE * (side.end - side.start));
        for (&row, v) in rows.iter().zip(column()) {
            let share = if unit > 0.0 { (v - low) * unit - 0.5 } else { 0.0 };
            at[row as usize * dim + t] = middle + share * room;
        }
    }
}
