//! Laws of `layout`.

use core::ops::Range;
use std::vec;
use std::vec::Vec;

use crate::backend::{Alloc, Epoch, Graph};
use crate::conformance::bed::{FINE, bits, get, put, view, view_mut};
use crate::conformance::oracle::Drawing;
use crate::element::Element;
use crate::random::Draws;
use crate::rows::Rows;

const EPOCH: Epoch = Epoch {
    a: 1.577,
    b: 0.895,
    repulsion: 1.0,
    rate: 0.5,
    negatives: 3,
    pool: 0,
    number: 0,
    seed: 11,
};

/// A ring with chords: strengths are dyadic, so that every machine agrees which edges are active.
fn drawing<T: Element>(rows: usize, dim: usize, range: Range<usize>) -> Drawing {
    let draws = Draws::new((rows * dim) as u64, 6);
    let (mut offsets, mut targets, mut weights) = (vec![0], Vec::new(), Vec::new());
    for i in 0..rows {
        for s in 0..i % 4 {
            targets.push((range.start + (i + s * s + 1) % range.len().max(1)) as u32);
            weights.push([1.0, 0.5, 0.25, 0.75][(i + s) % 4]);
        }
        offsets.push(targets.len() as u32);
    }
    let at = (0..rows * dim).map(|p| 4.0 * draws.unit64(p as u64, 0) - 2.0);
    let at = at.map(|p| T::of_f64(p).as_f64()).collect();
    Drawing { offsets, targets, weights, at, dim, range }
}

/// Rows of the buffer, coordinates, and the rows to move.
const SIZES: [(usize, usize, Range<usize>); 7] = [
    (1, 2, 0..1),
    (2, 1, 0..2),
    (9, 2, 0..9),
    (20, 3, 2..17),
    (33, 5, 0..33),
    (65, 2, 1..64),
    (7, 32, 0..0),
];

fn run<B: Alloc>(b: &B, drawing: &Drawing, epoch: Epoch) -> Vec<B::Elem> {
    let elements = |v: &[f64]| v.iter().map(|&v| B::Elem::of_f64(v)).collect::<Vec<_>>();
    let (offsets, targets) = (put(b, &drawing.offsets), put(b, &drawing.targets));
    let (weights, from) = (put(b, &elements(&drawing.weights)), put(b, &elements(&drawing.at)));
    let mut to = put(b, &vec![-B::Elem::of_f64(9.0); drawing.at.len()]);
    let rows = Rows::on::<B>(view::<B, B::Elem>(&from), drawing.dim).expect(FINE);
    let rows = rows.range(drawing.range.start, drawing.range.end).expect(FINE);
    let graph = Graph {
        offsets: view::<B, u32>(&offsets),
        targets: view::<B, u32>(&targets),
        weights: view::<B, B::Elem>(&weights),
    };
    b.layout(graph, epoch, rows, view_mut::<B, B::Elem>(&mut to)).expect(FINE);
    get(b, &to)
}

fn each(mut check: impl FnMut(usize, usize, Range<usize>, Epoch)) {
    for (rows, dim, range) in SIZES {
        // Pushes from all rows, from those before the range, from none.
        for (number, pool) in [(0, rows), (1, rows), (2, range.start), (7, rows.div_ceil(2))] {
            let (pool, seed) = (pool as u32, 11 + rows as u64);
            check(rows, dim, range.clone(), Epoch { number, pool, seed, ..EPOCH });
        }
    }
}

/// One epoch moves every row of its range by the forces of its active edges and its draws, and
/// no other row (semantics 2, 10).
pub fn layout_agrees_with_the_oracle<B: Alloc>(b: &B) {
    each(|rows, dim, range, epoch| {
        let drawing = drawing::<B::Elem>(rows, dim, range.clone());
        let found = run(b, &drawing, epoch);
        for i in 0..rows {
            let moved = range.contains(&i).then(|| drawing.step(i, &epoch));
            let moved = moved.unwrap_or_else(|| vec![(-9.0, 0.0); dim]);
            for (found, (expected, size)) in found[i * dim..].iter().zip(moved) {
                let room = 1024.0 * B::Elem::ROUNDOFF * (size + expected.abs());
                let near = (found.as_f64() - expected).abs() <= room;
                assert!(near, "row {i}: {found} for {expected}; {rows} × {dim}, {epoch:?}");
            }
        }
    });
}

/// The same epoch gives the same bits (semantics 8).
pub fn layout_is_repeatable<B: Alloc>(b: &B) {
    each(|rows, dim, range, epoch| {
        let drawing = drawing::<B::Elem>(rows, dim, range);
        let (once, again) = (run(b, &drawing, epoch), run(b, &drawing, epoch));
        assert_eq!(bits(&once), bits(&again), "{rows} × {dim}, {epoch:?}");
    });
}
