//! A layout epoch: lanes are vertices.
//!
//! Eight vertices side by side meet their k-th active edges together, and eight neighbouring rows
//! in every push. Forces are those of [`Curve`], pair by pair in the order of the provided body,
//! so the bits are the same on every level of instructions and in every body.

use enfold_core::host::layout::{Curve, MAX_DIM, Shifts, active};
use enfold_core::{Element, Epoch, Graph, Rows};
use num_traits::{One, Zero};

use crate::isa::{Isa, Native, Task};
use crate::lanes::Lanes;
use crate::threads;

/// Vertices side by side.
const SIDE: usize = 8;
/// Others that each of them meets at once: a force is a long chain of steps, and chains beside
/// each other hide their waits.
const AT_ONCE: usize = 4;
/// Forces at once, in one flat row, which compilers take in whole vectors.
const WIDE: usize = SIDE * AT_ONCE;
/// Multiply-adds that a force costs, about.
const FORCE: usize = 32;

/// Coordinates of the others, or of the gaps to them.
type Others<E, const D: usize> = [[E; WIDE]; D];

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
    let plan = Plan { graph, epoch, curve: Curve::of(&epoch), from, shifts: &shifts, most };
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
    curve: Curve<E>,
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
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(self, l: L) {
        match self.plan.from.dim() {
            2 => self.gather::<L, 2>(l, 2),
            3 => self.gather::<L, 3>(l, 3),
            dim => self.gather::<L, MAX_DIM>(l, dim),
        }
    }
}

impl<E: Element> Gather<'_, '_, E> {
    #[inline(always)]
    fn gather<L: Lanes<E = E>, const D: usize>(self, l: L, dim: usize) {
        let Self { plan, rows, to } = self;
        let mut near = vec![[0u32; SIDE]; plan.most + 1];
        let mut hits = vec![0u32; plan.most * SIDE];
        let rate = E::of_f64(f64::from(plan.epoch.rate));
        for (first, to) in rows.clone().step_by(SIDE).zip(to.chunks_mut(SIDE * dim)) {
            let lanes = SIDE.min(rows.end - first);
            let counts = plan.active(first, lanes, &mut hits, &mut near);
            let mut side = Side::<L, D>::at(l, plan, dim, (first, lanes));
            side.pulls(&counts, &near);
            side.pushes(&counts);
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
    fn active(
        &self,
        first: usize,
        lanes: usize,
        hits: &mut [u32],
        near: &mut [[u32; SIDE]],
    ) -> [u32; SIDE] {
        let offsets = &self.graph.offsets[first..=first + lanes];
        let edges = offsets[0] as usize..offsets[lanes] as usize;
        let hits = &mut hits[..edges.len()];
        for (hit, &weight) in hits.iter_mut().zip(&self.graph.weights[edges.clone()]) {
            *hit = u32::from(active(weight, self.epoch.number));
        }
        let (mut counts, targets) = ([0; SIDE], &self.graph.targets[edges.clone()]);
        for l in 0..lanes {
            let mine = offsets[l] as usize - edges.start..offsets[l + 1] as usize - edges.start;
            let mut count = 0;
            for (&hit, &target) in hits[mine.clone()].iter().zip(&targets[mine]) {
                // Written before it is judged: there is no branch to guess.
                near[count][l] = target;
                count += hit as usize;
            }
            counts[l] = count as u32;
        }
        counts
    }
}

/// Vertices side by side: where they are – once for each that they meet at once – and what moves
/// them.
struct Side<'a, L: Lanes, const D: usize> {
    l: L,
    plan: Plan<'a, L::E>,
    /// Coordinates: D, but where D is the most there can be.
    dim: usize,
    first: usize,
    lanes: usize,
    at: Others<L::E, D>,
    force: [[L::E; SIDE]; D],
}

impl<'a, L: Lanes, const D: usize> Side<'a, L, D> {
    #[inline(always)]
    fn at(l: L, plan: Plan<'a, L::E>, dim: usize, (first, lanes): (usize, usize)) -> Self {
        let mut at = [[L::E::zero(); WIDE]; D];
        let place = &plan.from.data()[first * dim..(first + lanes) * dim];
        for (l, place) in place.chunks_exact(dim).enumerate() {
            for (t, &v) in place.iter().enumerate() {
                for j in 0..AT_ONCE {
                    at[t][j * SIDE + l] = v;
                }
            }
        }
        let force = [[L::E::zero(); SIDE]; D];
        Self { l, plan, dim, first, lanes, at, force }
    }

    /// Known when this is compiled, where it can be.
    #[inline(always)]
    fn dim(&self) -> usize {
        if D < MAX_DIM { D } else { self.dim }
    }

    /// The k-th active edge of every vertex that has one.
    #[inline(always)]
    fn pulls(&mut self, counts: &[u32; SIDE], near: &[[u32; SIDE]]) {
        let (mut others, place) = ([[L::E::zero(); WIDE]; D], self.plan.from.data());
        let limits = limits(counts, 1);
        for start in (0..most(counts)).step_by(AT_ONCE) {
            for (j, targets) in near[start..].iter().enumerate().take(AT_ONCE) {
                for l in 0..self.lanes {
                    let there = start + j < counts[l] as usize;
                    let target = if there { targets[l] as usize } else { self.first };
                    for t in 0..self.dim() {
                        others[t][j * SIDE + l] = place[target * self.dim() + t];
                    }
                }
            }
            self.meet::<true>(&mut others, start, &limits);
        }
    }

    /// The rows drawn, turn by turn.
    #[inline(always)]
    fn pushes(&mut self, counts: &[u32; SIDE]) {
        let (mut others, negatives) = ([[L::E::zero(); WIDE]; D], self.plan.epoch.negatives);
        let limits = limits(counts, negatives);
        let turns = self.plan.shifts.len().min(most(counts) * negatives as usize);
        for (part, shifts) in self.plan.shifts[..turns].chunks(AT_ONCE).enumerate() {
            for (j, &shift) in shifts.iter().enumerate() {
                self.draw(shift as usize, j * SIDE, &mut others);
            }
            self.meet::<false>(&mut others, part * AT_ONCE, &limits);
        }
    }

    /// The rows that push in a turn: neighbours, where none is past the end of the pool.
    #[inline(always)]
    fn draw(&self, shift: usize, to: usize, others: &mut Others<L::E, D>) {
        let (pool, place) = (self.plan.epoch.pool as usize, self.plan.from.data());
        let start = self.first + shift;
        let start = if start >= pool { start - pool } else { start };
        if self.first + SIDE <= pool && start + SIDE <= pool {
            self.take_side(&place[start * self.dim()..(start + SIDE) * self.dim()], to, others);
            return;
        }
        for l in 0..self.lanes {
            let row = self.first + l;
            let row = if row < pool { (row + shift) % pool } else { shift };
            for t in 0..self.dim() {
                others[t][to + l] = place[row * self.dim() + t];
            }
        }
    }

    /// Takes eight rows that stand next to each other.
    #[inline(always)]
    fn take_side(&self, near: &[L::E], to: usize, others: &mut Others<L::E, D>) {
        if D < MAX_DIM && SIDE.is_multiple_of(L::WIDTH) {
            for first in (0..SIDE).step_by(L::WIDTH) {
                let columns = self.l.columns::<D>(&near[first * D..]);
                for t in 0..D {
                    self.l.store(columns[t], &mut others[t][to + first..]);
                }
            }
            return;
        }
        for t in 0..self.dim() {
            for l in 0..SIDE {
                others[t][to + l] = near[l * self.dim() + t];
            }
        }
    }

    /// Adds the forces of others, pulls or pushes, which become gaps: entry `at` counts where
    /// `start` is below its limit.
    #[inline(always)]
    fn meet<const PULL: bool>(
        &mut self,
        gap: &mut Others<L::E, D>,
        start: usize,
        limits: &[i32; WIDE],
    ) {
        let mut d2 = [L::E::zero(); WIDE];
        for t in 0..self.dim() {
            for at in 0..WIDE {
                gap[t][at] = self.at[t][at] - gap[t][at];
                d2[at] = d2[at] + gap[t][at] * gap[t][at];
            }
        }
        let mut force = [L::E::zero(); WIDE];
        for at in 0..WIDE {
            force[at] =
                if PULL { self.plan.curve.pull(d2[at]) } else { self.plan.curve.push(d2[at]) };
        }
        for at in 0..WIDE {
            // A factor instead of a choice: compilers make a branch of a choice.
            let counts = (start as i32) < limits[at];
            force[at] = force[at] * if counts { L::E::one() } else { L::E::zero() };
        }
        for t in 0..self.dim() {
            for at in 0..WIDE {
                gap[t][at] = self.plan.curve.clip(force[at] * gap[t][at]);
            }
            for j in 0..AT_ONCE {
                for l in 0..SIDE {
                    self.force[t][l] = self.force[t][l] + gap[t][j * SIDE + l];
                }
            }
        }
    }
}

/// Up to where each entry counts: vertex l has `counts[l]·times` turns, entry j·8 + l is j ahead.
#[inline(always)]
fn limits(counts: &[u32; SIDE], times: u32) -> [i32; WIDE] {
    let mut limits = [0; WIDE];
    for j in 0..AT_ONCE {
        for l in 0..SIDE {
            limits[j * SIDE + l] = (counts[l] * times) as i32 - j as i32;
        }
    }
    limits
}

#[inline(always)]
fn most(counts: &[u32; SIDE]) -> usize {
    counts.iter().copied().max().unwrap_or(0) as usize
}
