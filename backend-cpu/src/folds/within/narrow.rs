//! Rows of few elements: a vector of rows of x meets the rows of y one by one. Nothing is packed
//! and nothing is allocated, so small rectangles cost little more than their pairs.

use core::ops::Range;

use enfold_core::{Element, Metric};
use num_traits::{Float, One};

use super::Near;
use super::shares::Share;
use crate::direct::{Gaps, Largest, Squares, Term, finite};
use crate::isa::Task;
use crate::lanes::{Lanes, MOST};
use crate::small::{by_shape, lanewise, points};
use crate::sweep::Job;

/// Rows of y that stay near while all rows of x meet them; counts in a lane stay exact.
const STRIP: usize = 2048;

/// Counts for all of the k radii; `counts` begin with the first row of the share.
pub(super) struct Count<'a, 'b, E> {
    pub(super) share: Share<'a, E>,
    pub(super) radii: &'b [E],
    pub(super) k: usize,
    pub(super) counts: &'b mut [u32],
}

impl<E: Element> Task<E> for Count<'_, '_, E> {
    type Out = ();

    #[inline(always)]
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(self, l: L) {
        let Job { metric, x, .. } = self.share.job;
        by_shape!(count_of::<L>, metric, x.dim, (l, self));
    }
}

/// Up to a vector of rows of x.
struct Tile<L: Lanes, const D: usize> {
    x: [L::V; D],
    first: usize,
    n: usize,
}

/// Calls `body` with every vector of rows of x and strip of y.
#[inline(always)]
fn tiles<L: Lanes, const D: usize>(
    l: L,
    share: &Share<'_, L::E>,
    mut body: impl FnMut(&Tile<L, D>, Range<usize>),
) {
    for (x, y) in share.rectangles() {
        let mut from = y.start;
        while from < y.end {
            let strip = from..(from + STRIP).min(y.end);
            let mut first = x.start;
            while first < x.end {
                let n = L::WIDTH.min(x.end - first);
                let x = points::<L, D>(l, share.job.x, first, n);
                body(&Tile { x, first, n }, strip.clone());
                first += n;
            }
            from = strip.end;
        }
    }
}

/// Distances of a tile to row j of y; ∞ to the row itself where it is left out.
#[inline(always)]
fn distances<L: Lanes, T: Term, const D: usize>(
    l: L,
    job: &Job<'_, L::E>,
    tile: &Tile<L, D>,
    j: usize,
) -> L::V {
    let mut y = [l.splat(L::E::default()); D];
    for (y, &value) in y.iter_mut().zip(job.y.row(j)) {
        *y = l.splat(value);
    }
    let mut d = T::each(l, lanewise::<L, T, D>(l, tile.x, y));
    if job.metric == Metric::Euclidean {
        d = l.sqrt(d);
    }
    if job.off_diagonal && j.wrapping_sub(tile.first) < tile.n {
        let mut lane = [L::E::default(); MOST];
        l.store(d, &mut lane);
        lane[j - tile.first] = L::E::infinity();
        d = l.load(&lane);
    }
    d
}

#[inline(always)]
fn count_of<L: Lanes, T: Term, const D: usize>(l: L, task: Count<'_, '_, L::E>) {
    let Count { share, radii, k, counts } = task;
    let first = share.job.rows.start;
    tiles::<L, D>(l, &share, |tile, strip| {
        let (radii, counts) = (&radii[tile.first * k..], &mut counts[(tile.first - first) * k..]);
        if k == 2 {
            return count::<L, T, D, 2>(l, &share.job, tile, strip, (radii, k), counts);
        }
        for at in 0..k {
            let (radii, counts) = (&radii[at..], &mut counts[at..]);
            count::<L, T, D, 1>(l, &share.job, tile, strip.clone(), (radii, k), counts);
        }
    });
}

/// Counts for `K` of the k radii.
#[inline(always)]
fn count<L: Lanes, T: Term, const D: usize, const K: usize>(
    l: L,
    job: &Job<'_, L::E>,
    tile: &Tile<L, D>,
    strip: Range<usize>,
    (radii, k): (&[L::E], usize),
    counts: &mut [u32],
) {
    let (zero, one) = (l.splat(L::E::default()), l.splat(L::E::one()));
    let far = l.splat(L::E::infinity());
    let (mut limit, mut sum) = ([zero; K], [zero; K]);
    for q in 0..K {
        // No distance is below 0, so nothing is within a radius of −1.
        let mut lane = [-L::E::one(); MOST];
        for (lane, &r) in lane[..tile.n].iter_mut().zip(radii[q..].iter().step_by(k)) {
            *lane = if r >= L::E::default() { finite(r) } else { *lane };
        }
        limit[q] = l.load(&lane);
    }
    for j in strip {
        // A distance that is not a number becomes ∞.
        let d = l.min(distances::<L, T, D>(l, job, tile, j), far);
        for q in 0..K {
            sum[q] = l.if_less(limit[q], d, sum[q], l.add(sum[q], one));
        }
    }
    for q in 0..K {
        let mut lane = [L::E::default(); MOST];
        l.store(sum[q], &mut lane);
        for (r, &found) in lane[..tile.n].iter().enumerate() {
            let count = &mut counts[r * k + q];
            *count = count.saturating_add(found.as_f64() as u32);
        }
    }
}

/// Every pair within the largest radius, to one `near`.
pub(super) struct Hits<'a, 'b, E, N> {
    pub(super) share: Share<'a, E>,
    pub(super) near: &'b mut N,
}

impl<E: Element, N: Near<E>> Task<E> for Hits<'_, '_, E, N> {
    type Out = ();

    #[inline(always)]
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(self, l: L) {
        let Job { metric, x, .. } = self.share.job;
        by_shape!(hits_of::<L>, metric, x.dim, (l, &self.share, self.near));
    }
}

#[inline(always)]
fn hits_of<L: Lanes, T: Term, const D: usize>(
    l: L,
    share: &Share<'_, L::E>,
    near: &mut impl Near<L::E>,
) {
    tiles::<L, D>(l, share, |tile, strip| {
        let rows = tile.first..tile.first + tile.n;
        let (mut lane, mut any) = ([L::E::nan(); MOST], false);
        for (lane, i) in lane.iter_mut().zip(rows.clone()) {
            *lane = finite(near.radii(i).1);
            any |= *lane >= L::E::default();
        }
        if !any {
            return;
        }
        near.open(rows.clone());
        let limit = l.load(&lane);
        for j in strip {
            if !near.wants(j) {
                continue;
            }
            let mut hits = l.le(distances::<L, T, D>(l, &share.job, tile, j), limit);
            if hits != 0 {
                while hits != 0 {
                    near.hit(tile.first + hits.trailing_zeros() as usize, j);
                    hits &= hits - 1;
                }
                near.open(rows.clone());
            }
        }
    });
}
