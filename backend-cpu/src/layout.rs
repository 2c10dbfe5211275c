//! A layout epoch: lanes are vertices.
//!
//! Eight vertices side by side meet their k-th active edges together, and eight neighbouring rows
//! in every push. Forces are those of [`Curve`], pair by pair in the order of the provided body,
//! so the bits are the same on every level of instructions and in every body.

use enfold_core::host::layout::{Curve, MAX_DIM, Shifts, active};
use enfold_core::{Element, Epoch, Graph, Rows};

use crate::isa::{Isa, Native, Task};
use crate::lanes::Lanes;
use crate::threads;

/// Vertices side by side.
const SIDE: usize = 8;
/// Multiply-adds that a force costs, about.
const FORCE: usize = 32;

/// Coordinates of the vertices side by side.
type Points<E, const D: usize> = [[E; SIDE]; D];

/// [`layout`](enfold_core::Backend::layout) for up to [`MAX_DIM`] coordinates.
pub(crate) fn layout<E: Native>(
    isa: Isa,
    graph: &Graph<'_, [E], [u32]>,
    epoch: Epoch,
    from: Rows<'_, [E]>,
    to: &mut [E],
) {
    if from.is_empty() {
        return;
    }
    let (dim, rows) = (from.dim(), from.start()..from.end());
    let offsets = &graph.offsets[rows.start..=rows.end];
    let degree = |pair: &[u32]| pair[1].saturating_sub(pair[0]) as usize;
    let edges: usize = offsets.windows(2).map(degree).sum();
    let most = offsets.windows(2).map(degree).max().unwrap_or(0);
    let shifts = shifts(&epoch, most);
    let plan = Plan { graph, epoch, from, shifts: &shifts, most };
    let work = edges / rows.len().max(1) * (1 + epoch.negatives as usize) * FORCE * dim;
    let to = &mut to[rows.start * dim..rows.end * dim];
    threads::rows::<E, E>(rows, work, (to, &mut []), (dim, 0), |rows, to, _| {
        E::enter(isa, Gather { plan, rows, to });
    });
}

/// The shifts of an epoch, as many as the row with the most edges can take.
fn shifts(epoch: &Epoch, most: usize) -> Vec<u32> {
    let turns = if epoch.pool > 0 { most as u32 * epoch.negatives } else { 0 };
    let shifts = Shifts::of(epoch);
    (0..turns).map(|turn| shifts.get(turn)).collect()
}

/// What all threads share.
#[derive(Debug, Clone, Copy)]
struct Plan<'a, E> {
    graph: &'a Graph<'a, [E], [u32]>,
    epoch: Epoch,
    from: Rows<'a, [E]>,
    shifts: &'a [u32],
    /// Edges of a row, at most.
    most: usize,
}

/// Some rows of a plan.
struct Gather<'a, 'b, E> {
    plan: Plan<'a, E>,
    rows: core::ops::Range<usize>,
    to: &'b mut [E],
}

impl<E: Element> Task<E> for Gather<'_, '_, E> {
    type Out = ();

    #[inline(always)]
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(self, _: L) {
        match self.plan.from.dim() {
            2 => self.gather::<2>(2),
            3 => self.gather::<3>(3),
            dim => self.gather::<MAX_DIM>(dim),
        }
    }
}

impl<E: Element> Gather<'_, '_, E> {
    #[inline(always)]
    fn gather<const D: usize>(self, dim: usize) {
        let Self { plan, rows, to } = self;
        let mut near = vec![[0u32; SIDE]; plan.most + 1];
        let rate = E::of_f64(f64::from(plan.epoch.rate));
        for (first, to) in rows.clone().step_by(SIDE).zip(to.chunks_mut(SIDE * dim)) {
            let lanes = SIDE.min(rows.end - first);
            let mut side = Side::<E, D>::at(plan, dim, first, lanes);
            let counts = plan.active(first, lanes, &mut near);
            side.pulls(plan, &counts, &near);
            side.pushes(plan, &counts);
            for (l, to) in to.chunks_exact_mut(dim).enumerate() {
                for (t, to) in to.iter_mut().enumerate() {
                    *to = side.at[t][l] + rate * side.force[t][l];
                }
            }
        }
    }
}

impl<E: Element> Plan<'_, E> {
    /// Writes the targets of active edges, one column of `near` per vertex; returns how many.
    #[inline(always)]
    fn active(&self, first: usize, lanes: usize, near: &mut [[u32; SIDE]]) -> [u32; SIDE] {
        let mut counts = [0; SIDE];
        for l in 0..lanes {
            let edges =
                self.graph.offsets[first + l] as usize..self.graph.offsets[first + l + 1] as usize;
            let mut count = 0;
            for (&weight, &target) in
                self.graph.weights[edges.clone()].iter().zip(&self.graph.targets[edges])
            {
                // Written before it is judged: there is no branch to guess.
                near[count][l] = target;
                count += usize::from(active(weight, self.epoch.number));
            }
            counts[l] = count as u32;
        }
        counts
    }
}

/// Vertices side by side: where they are, and what moves them.
struct Side<E, const D: usize> {
    dim: usize,
    first: usize,
    lanes: usize,
    at: Points<E, D>,
    force: Points<E, D>,
}

impl<E: Element, const D: usize> Side<E, D> {
    #[inline(always)]
    fn at(plan: Plan<'_, E>, dim: usize, first: usize, lanes: usize) -> Self {
        let mut at = [[E::zero(); SIDE]; D];
        let place = &plan.from.data()[first * dim..(first + lanes) * dim];
        for (l, place) in place.chunks_exact(dim).enumerate() {
            for (t, &v) in place.iter().enumerate() {
                at[t][l] = v;
            }
        }
        Self { dim, first, lanes, at, force: [[E::zero(); SIDE]; D] }
    }

    /// The k-th active edge of every vertex that has one.
    #[inline(always)]
    fn pulls(&mut self, plan: Plan<'_, E>, counts: &[u32; SIDE], near: &[[u32; SIDE]]) {
        let (curve, place) = (Curve::of(&plan.epoch), plan.from.data());
        for (k, targets) in near.iter().enumerate().take(most(counts)) {
            let mut gap = [[E::zero(); SIDE]; D];
            for l in 0..self.lanes {
                let target = if (k as u32) < counts[l] { targets[l] as usize } else { self.first };
                let other = &place[target * self.dim..(target + 1) * self.dim];
                for t in 0..self.dim {
                    gap[t][l] = other[t];
                }
            }
            let d2 = self.gaps(&mut gap);
            let mut coefficient = [E::zero(); SIDE];
            for l in 0..SIDE {
                coefficient[l] = curve.pull(d2[l]) * share((k as u32) < counts[l]);
            }
            self.add(&coefficient, &gap, &curve);
        }
    }

    /// The rows drawn, turn by turn.
    #[inline(always)]
    fn pushes(&mut self, plan: Plan<'_, E>, counts: &[u32; SIDE]) {
        let curve = Curve::of(&plan.epoch);
        let mut turns = *counts;
        for turns in &mut turns {
            *turns *= plan.epoch.negatives;
        }
        for (turn, &shift) in plan.shifts.iter().enumerate().take(most(&turns)) {
            let mut gap = self.drawn(plan, shift as usize);
            let d2 = self.gaps(&mut gap);
            let mut coefficient = [E::zero(); SIDE];
            for l in 0..SIDE {
                coefficient[l] = curve.push(d2[l]) * share((turn as u32) < turns[l]);
            }
            self.add(&coefficient, &gap, &curve);
        }
    }

    /// The rows that push in a turn: neighbours, where none is past the end of the pool.
    #[inline(always)]
    fn drawn(&self, plan: Plan<'_, E>, shift: usize) -> Points<E, D> {
        let (pool, place) = (plan.epoch.pool as usize, plan.from.data());
        let mut out = [[E::zero(); SIDE]; D];
        let mut start = self.first + shift;
        if start >= pool {
            start -= pool;
        }
        if self.first + SIDE <= pool && start + SIDE <= pool {
            let near = &place[start * self.dim..(start + SIDE) * self.dim];
            for t in 0..self.dim {
                for l in 0..SIDE {
                    out[t][l] = near[l * self.dim + t];
                }
            }
            return out;
        }
        for l in 0..self.lanes {
            let row = self.first + l;
            let row = if row < pool { (row + shift) % pool } else { shift };
            for t in 0..self.dim {
                out[t][l] = place[row * self.dim + t];
            }
        }
        out
    }

    /// Other points become gaps to them; returns their squared lengths.
    #[inline(always)]
    fn gaps(&self, other: &mut Points<E, D>) -> [E; SIDE] {
        let mut d2 = [E::zero(); SIDE];
        for t in 0..self.dim {
            for l in 0..SIDE {
                let gap = self.at[t][l] - other[t][l];
                other[t][l] = gap;
                d2[l] = d2[l] + gap * gap;
            }
        }
        d2
    }

    #[inline(always)]
    fn add(&mut self, coefficient: &[E; SIDE], gap: &Points<E, D>, curve: &Curve<E>) {
        for t in 0..self.dim {
            for l in 0..SIDE {
                self.force[t][l] = self.force[t][l] + curve.clip(coefficient[l] * gap[t][l]);
            }
        }
    }
}

/// A factor instead of a choice: compilers turn a choice into a branch for each lane.
#[inline(always)]
fn share<E: Element>(counts: bool) -> E {
    if counts { E::one() } else { E::zero() }
}

#[inline(always)]
fn most(counts: &[u32; SIDE]) -> usize {
    counts.iter().copied().max().unwrap_or(0) as usize
}
