//! The epochs of a layout, on any machine.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};
use core::ops::ControlFlow;

use num_traits::Zero;

use super::{Progress, Umap};
use crate::backend::{Alloc, Backend, Epoch, Graph, upload};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::neighbors::Csr;
use crate::random::Draws;

/// Vertices that machines may take side by side.
const SIDE: usize = 8;
/// An epoch moves the vertices in so many parts, each seeing where those before it went.
const PARTS: usize = 16;
/// Vertices of a part, at least.
const LEAST: usize = 64;
/// Purpose of the draws of an order.
const ORDER: u32 = 0x6f72_6465;

/// Whether vertices are moved once all the others are, and how far at first.
pub(super) struct Schedule {
    pub(super) epochs: u32,
    pub(super) rate: f64,
    /// Rows at the front that stay where they are; 0 where all move.
    pub(super) fixed: usize,
}

/// Points, and after how many epochs.
type Done<B> = (Vec<<B as Backend>::Elem>, u32);

/// Moves all vertices of the graph but the fixed ones; returns where they end. Strengths are shares of the strongest.
pub(super) fn run<B: Alloc>(
    backend: &B,
    graph: &Csr<B::Elem>,
    start: &[B::Elem],
    (umap, schedule): (&Umap, &Schedule),
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Done<B>, Error<B::Error>> {
    let (n, dim) = (graph.len(), umap.components);
    check_edges(graph.targets.len())?;
    let order = if schedule.fixed > 0 { (0..n as u32).collect() } else { order(graph, umap.seed) };
    let graph = placed(backend, graph, &order);
    let start: Vec<B::Elem> =
        order.iter().flat_map(|&row| &start[row as usize * dim..][..dim]).copied().collect();
    let mut at = upload(backend, &start)?;
    let mut next = upload(backend, &start)?;
    let offsets: Vec<u32> = graph.offsets.iter().map(|&o| o as u32).collect();
    let (offsets, targets) = (upload(backend, &offsets)?, upload(backend, &graph.targets)?);
    let weights = upload(backend, &graph.weights)?;
    let (mut done, first) = (0, umap.first_epoch(schedule, n));
    for number in 0..schedule.epochs {
        let left = 1.0 - f64::from(number) / f64::from(schedule.epochs);
        let epoch = Epoch { number, rate: (schedule.rate * left) as f32, ..first };
        for part in parts(schedule.fixed, n) {
            let from = crate::rows::rows::<B>(at.borrow(), dim)?.range(part.start, part.end)?;
            let graph = Graph {
                offsets: offsets.borrow(),
                targets: targets.borrow(),
                weights: weights.borrow(),
            };
            backend.layout(graph, epoch, from, next.borrow_mut()).map_err(Error::Backend)?;
            let (first, len) = (part.start * dim, part.len() * dim);
            backend
                .copy(next.borrow(), first, at.borrow_mut(), first, len)
                .map_err(Error::Backend)?;
        }
        done = number + 1;
        if progress(Progress { epoch: done, epochs: schedule.epochs }).is_break() {
            break;
        }
    }
    let mut placed = vec![B::Elem::zero(); n * dim];
    backend.read::<B::Elem>(at.borrow(), 0, &mut placed).map_err(Error::Backend)?;
    let mut out = placed.clone();
    for (&row, at) in order.iter().zip(placed.chunks_exact(dim)) {
        out[row as usize * dim..][..dim].copy_from_slice(at);
    }
    Ok((out, done))
}

/// Machines count edges in 32 bits.
fn check_edges(edges: usize) -> Result<(), ShapeError> {
    let too_many = |_| ShapeError { what: "edges", expected: u32::MAX as usize, found: edges };
    u32::try_from(edges).map(drop).map_err(too_many)
}

impl Umap {
    fn first_epoch(&self, schedule: &Schedule, n: usize) -> Epoch {
        let (a, b) = self.curve();
        let pool = if schedule.fixed > 0 { schedule.fixed } else { n };
        Epoch {
            a: a as f32,
            b: b as f32,
            repulsion: self.repulsion as f32,
            rate: schedule.rate as f32,
            negatives: self.negatives,
            pool: pool as u32,
            number: 0,
            seed: self.seed,
        }
    }
}

/// The parts of an epoch. Vertices among fixed ones do not see each other: one part.
fn parts(fixed: usize, n: usize) -> impl Iterator<Item = core::ops::Range<usize>> {
    let count = if fixed > 0 { 1 } else { (n / LEAST).clamp(1, PARTS) };
    let step = ((n - fixed).div_ceil(count)).next_multiple_of(SIDE).max(1);
    (fixed..n).step_by(step).map(move |start| start..(start + step).min(n))
}

/// An order in which vertices next to each other have about as many active edges, and are
/// otherwise mixed: by strength in groups of eight, and the groups by draws.
fn order<T: Element>(graph: &Csr<T>, seed: u64) -> Vec<u32> {
    let n = graph.len();
    let strength: Vec<f64> =
        (0..n).map(|i| graph.row(i).1.iter().map(|w| w.as_f64()).sum()).collect();
    let mut by_strength: Vec<u32> = (0..n as u32).collect();
    by_strength
        .sort_by(|&a, &b| strength[a as usize].total_cmp(&strength[b as usize]).then(a.cmp(&b)));
    let draws = Draws::new(seed, ORDER);
    let (whole, rest) = by_strength.as_chunks::<SIDE>();
    let mut groups: Vec<usize> = (0..whole.len()).collect();
    groups.sort_by_cached_key(|&group| (draws.bits(group as u64, 0), group));
    groups.into_iter().flat_map(|group| whole[group]).chain(rest.iter().copied()).collect()
}

/// The graph with its vertices in another order.
fn placed<B: Backend>(backend: &B, graph: &Csr<B::Elem>, order: &[u32]) -> Csr<B::Elem> {
    let mut place = vec![0u32; order.len()];
    for (new, &row) in order.iter().enumerate() {
        place[row as usize] = new as u32;
    }
    Csr::of_rows_on(backend, order.len(), |i, out| {
        let (to, weights) = graph.row(order[i] as usize);
        out.targets.extend(to.iter().map(|&to| place[to as usize]));
        out.weights.extend_from_slice(weights);
    })
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn edges_that_32_bits_cannot_count_are_refused() {
        let most = u32::MAX as usize;
        assert_eq!(check_edges(most), Ok(()));
        for found in [most + 1, 2 * most + 2, usize::MAX] {
            assert_eq!(
                check_edges(found),
                Err(ShapeError { what: "edges", expected: most, found })
            );
        }
    }
}
