//! Sums of Euclidean distances by label, block against block.
//!
//! Rows of y are sorted by label and cut into blocks of one label each; a unit of work is a block
//! of x against a block of y. Rows of x stand in lanes; rows of y, shifted by the mean c of
//! their block, are broadcast; distances go from registers into a sum per lane. Where x and y are
//! the same rows, both are cut alike and a unit serves both its blocks: each distance is computed
//! once and added twice.
//!
//! # Accuracy
//!
//! A sum of floats has no one right answer to the bit, so here – and only here – distances need
//! not be canonical, but near. With x' = fl(x − c), a = |x'|, b = |y'| and the unit round-off u,
//! `D² = (a² + b²) − 2x'·y'` is off by at most e·(a² + b²) with
//!
//! | source | error, at most |
//! |---|---|
//! | products in chunks of 32, then chunk by chunk | (min(dim, 32) + ⌈dim/32⌉)·u·(a² + b²) |
//! | a² and b², each rounded once from f64 | u·(a² + b²) |
//! | the two additions | 4u·(a² + b²) |
//!
//! so D is off by at most e/(2θ) of itself wherever D² ≥ θ·(a² + b²). θ is chosen to make that
//! [`NEAR`] units of round-off; pairs below it – duplicates, and rows much nearer to each other
//! than to c – are computed canonically, one by one. The shift adds u·(a + b) ≤ 4u·D, the root 2u.
//!
//! The G distances of a group and [`FLUSH`] such sums are added up in a lane, in a column [`TILES`]
//! tiles; then sums go on in f64. All in all a sum is within 90u – 5.4·10⁻⁶ in f32 – at the very
//! worst, and within 10⁻⁶ in practice. Units and the order in which they are added do not depend
//! on the number of threads, so neither do the bits; instruction sets differ in them.
//!
//! Memory: a packed block and the sums of a unit for each thread, and 4 bytes per row.

mod unit;

use core::ops::Range;

use enfold_core::{Element, Metric, NONE, Pairs, Rows, Visit};

use self::unit::{Out, Unit};
use crate::direct::Table;
use crate::isa::{Isa, Native};
use crate::lanes::MOST;

/// Rows of a block, at most.
const BLOCK: usize = 1024;
/// Rows of y for each label, at least: blocks of a few rows do not pay.
const FEWEST: usize = 12;
/// Coordinates multiplied in one go.
const CHUNK: usize = 32;
/// Coordinates for which θ stays well below 1.
const MOST_DIM: usize = 1024;
/// Error of one distance, in units of round-off.
const NEAR: f64 = 48.0;
/// Groups whose distances are added up in a lane.
const FLUSH: usize = 8;
/// Blocks of x that meet a block of y while it is packed.
const TOGETHER: usize = 8;
/// Tiles that a column of distances is added up over.
const TILES: usize = 32;
/// Units whose sums are kept until they are added.
const BATCH: usize = 16;

/// Rows of one label.
#[derive(Debug, Clone, Copy)]
struct Block<'a> {
    label: u32,
    rows: &'a [u32],
}

/// [`sum_by_label`](enfold_core::Backend::sum_by_label) where this way pays; else false, and
/// nothing is done.
pub(super) fn sum<E: Native>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    labels: &[u32],
    k: usize,
    sums: &mut [E],
) -> bool {
    let (x, y) = (pairs.x(), pairs.y());
    if !takes(pairs, k) {
        return false;
    }
    let both = core::ptr::eq(x.data(), y.data()) && (x.start(), x.end()) == (y.start(), y.end());
    let mut by_label: Vec<u32> = (y.start() as u32..y.end() as u32).collect();
    by_label.sort_by_key(|&j| labels[j as usize]);
    let in_order: Vec<u32> = (x.start() as u32..x.end() as u32).collect();
    let ys = blocks(&by_label, |j| labels[j as usize]);
    let xs = if both { ys.clone() } else { blocks(&in_order, |_| NONE) };
    let work = Work { x, y, both, xs, ys };
    let sink = Sink { first: x.start(), k, sums };
    work.run(isa, sink);
    true
}

/// Whether the blocks are for these pairs.
fn takes<E: Element>(pairs: &Pairs<'_, [E]>, k: usize) -> bool {
    let (x, y) = (pairs.x(), pairs.y());
    let visited = match pairs.visited() {
        Visit::All => true,
        // A row is at distance zero from itself, so leaving it out changes nothing.
        Visit::OffDiagonal => core::ptr::eq(x.data(), y.data()),
        _ => false,
    };
    visited
        && pairs.metric() == Metric::Euclidean
        && pairs.dim() <= MOST_DIM
        && x.len() >= 2 * MOST
        && y.len() / FEWEST >= k
        && tame(x)
        && tame(y)
}

/// Whether all rows are finite and so small that nothing overflows.
fn tame<E: Element>(rows: Rows<'_, [E]>) -> bool {
    let most = (E::max_value() / E::of_f64(64.0 * rows.dim() as f64)).sqrt();
    rows.as_slice().chunks(MOST).all(|part| part.iter().fold(true, |ok, v| ok & (v.abs() <= most)))
}

/// Runs of equal labels, cut.
fn blocks(rows: &[u32], label: impl Fn(u32) -> u32) -> Vec<Block<'_>> {
    let runs = rows.chunk_by(|&a, &b| label(a) == label(b));
    runs.flat_map(|run| run.chunks(BLOCK))
        .map(|rows| Block { label: label(rows[0]), rows })
        .collect()
}

/// Where sums go.
struct Sink<'a, E> {
    first: usize,
    k: usize,
    sums: &'a mut [E],
}

impl<E: Element> Sink<'_, E> {
    fn add(&mut self, rows: &[u32], label: u32, parts: &[f64]) {
        if label == NONE {
            return;
        }
        for (&i, part) in rows.iter().zip(parts) {
            let sum = &mut self.sums[(i as usize - self.first) * self.k + label as usize];
            *sum = E::of_f64(sum.as_f64() + part);
        }
    }
}

/// All blocks of x against all blocks of y, or each pair of blocks once where they are the same.
struct Work<'a, E> {
    x: Rows<'a, [E]>,
    y: Rows<'a, [E]>,
    both: bool,
    xs: Vec<Block<'a>>,
    ys: Vec<Block<'a>>,
}

impl<E: Native> Work<'_, E> {
    /// Units are added in one order, whoever computes them.
    fn run(&self, isa: Isa, mut sink: Sink<'_, E>) {
        let units: Vec<(Range<usize>, usize)> = self.units().collect();
        let mut add = |(xs, b): &(Range<usize>, usize), outs: &[Out]| {
            xs.clone().zip(outs).for_each(|(a, out)| self.add((a, *b), out, &mut sink));
        };
        if rayon::current_num_threads() > 1 {
            use rayon::prelude::*;
            for units in units.chunks(BATCH) {
                let outs: Vec<Vec<Out>> =
                    units.par_iter().map(|unit| self.meet(isa, unit)).collect();
                units.iter().zip(&outs).for_each(|(unit, outs)| add(unit, outs));
            }
        } else {
            units.iter().for_each(|unit| add(unit, &self.meet(isa, unit)));
        }
    }

    /// Blocks of x, and the block of y that they meet: each pair of blocks once.
    fn units(&self) -> impl Iterator<Item = (Range<usize>, usize)> {
        (0..self.ys.len()).flat_map(|b| {
            let end = if self.both { b + 1 } else { self.xs.len() };
            // Noise is summed up over, never summed up.
            let none = self.ys[b].label == NONE && !self.both;
            let starts = (0..if none { 0 } else { end }).step_by(TOGETHER);
            starts.map(move |a| (a..end.min(a + TOGETHER), b))
        })
    }

    fn meet(&self, isa: Isa, (xs, b): &(Range<usize>, usize)) -> Vec<Out> {
        let rows: Vec<(&[u32], bool)> =
            xs.clone().map(|a| (self.xs[a].rows, self.both && a != *b)).collect();
        E::enter(
            isa,
            Unit {
                x: Table { data: self.x.data(), dim: self.x.dim() },
                y: Table { data: self.y.data(), dim: self.y.dim() },
                rows: &rows,
                others: self.ys[*b].rows,
            },
        )
    }

    fn add(&self, (a, b): (usize, usize), out: &Out, sink: &mut Sink<'_, E>) {
        sink.add(self.xs[a].rows, self.ys[b].label, &out.rows);
        if self.both && a != b {
            sink.add(self.ys[b].rows, self.xs[a].label, &out.others);
        }
    }
}
