//! Lists of neighbours for rows of few coordinates.
//!
//! Rows of y stand in lanes, 64 to a tile, and every tile has a box. The distance of a row of x
//! to the nearest point of the box goes through the operations of a distance, and rounding is
//! monotone: it is never above the distance to a row of the tile, so a row of x whose list is
//! nearer passes the tile by. That is asked for as many rows of x at once as there are lanes.
//! The first tile of a list is entered [by rank](ranked), not row after row.
//! Lists of up to two vectors are kept in registers while a tile is looked at.

use enfold_core::{Element, Metric};
use num_traits::{Float, Zero};

use super::entries::Entries;
use super::{Best, ranked};
use crate::direct::{Gaps, Largest, Squares, TILE, Term, finite};
use crate::isa::Task;
use crate::lanes::{Lanes, MOST};
use crate::small::{self, by_shape};
use crate::sweep::Job;

/// All pairs of a rectangle.
pub(super) struct Lists<'a, 'b, 'c, E> {
    pub(super) job: &'b Job<'a, E>,
    pub(super) best: Best<'c, E>,
}

impl<E: Element> Task<E> for Lists<'_, '_, '_, E> {
    type Out = ();

    #[inline(always)]
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(self, l: L) {
        let Self { job, mut best } = self;
        by_shape!(lists_of::<L>, job.metric, job.x.dim, (l, job, &mut best));
    }
}

/// Up to [`TILE`] rows of y by columns, and their box.
struct Tile<L: Lanes, const D: usize> {
    first: usize,
    n: usize,
    columns: small::Columns<L::E>,
    low: [L::V; D],
    high: [L::V; D],
}

impl<L: Lanes, const D: usize> Tile<L, D> {
    /// Rows `first..first + n` of y; the rest of the columns is as it was.
    #[inline(always)]
    fn fill(&mut self, l: L, job: &Job<'_, L::E>, first: usize, n: usize) {
        (self.first, self.n) = (first, n);
        // What is not a number is in no box, and in no list.
        let far = l.splat(L::E::infinity());
        let (mut low, mut above) = ([far; D], [far; D]);
        for at in (0..n).step_by(L::WIDTH) {
            // The last vector begins earlier where it would not be full.
            let at = at.min(n.saturating_sub(L::WIDTH));
            let rows = small::points::<L, D>(l, job.y, first + at, L::WIDTH.min(n));
            for t in 0..D {
                l.store(rows[t], &mut self.columns[t][at..]);
                low[t] = l.min(rows[t], low[t]);
                above[t] = l.min(l.sub(l.splat(L::E::zero()), rows[t]), above[t]);
            }
        }
        for t in 0..D {
            (self.low[t], self.high[t]) = (l.splat(least(l, low[t])), l.splat(-least(l, above[t])));
        }
    }

    /// One bit for each of the rows `x` whose limit is not below the box.
    #[inline(always)]
    fn reached<T: Term>(&self, l: L, root: bool, x: [L::V; D], limit: L::V) -> u32 {
        let mut near = x;
        for t in 0..D {
            near[t] = l.min(l.max(x[t], self.low[t]), self.high[t]);
        }
        let mut gap = T::each(l, small::lanewise::<L, T, D>(l, x, near));
        if root {
            gap = l.sqrt(gap);
        }
        l.le(gap, limit)
    }
}

/// The least lane.
#[inline(always)]
fn least<L: Lanes>(l: L, v: L::V) -> L::E {
    let mut lanes = [L::E::infinity(); MOST];
    l.store(v, &mut lanes);
    let mut half = L::WIDTH / 2;
    while half > 0 {
        for r in 0..half {
            if lanes[r + half] < lanes[r] {
                lanes[r] = lanes[r + half];
            }
        }
        half /= 2;
    }
    lanes[0]
}

#[inline(always)]
fn lists_of<L: Lanes, T: Term, const D: usize>(
    l: L,
    job: &Job<'_, L::E>,
    best: &mut Best<'_, L::E>,
) {
    let zero = l.splat(L::E::zero());
    let root = job.metric == Metric::Euclidean;
    let columns = [[L::E::zero(); TILE]; small::MOST_DIM];
    let mut tile = Tile::<L, D> { first: 0, n: 0, columns, low: [zero; D], high: [zero; D] };
    for first in job.others.clone().step_by(TILE) {
        tile.fill(l, job, first, TILE.min(job.others.end - first));
        for i in job.rows.clone().step_by(L::WIDTH) {
            let n = L::WIDTH.min(job.rows.end - i);
            let mut limit = [L::E::nan(); MOST];
            for (r, limit) in limit[..n].iter_mut().enumerate() {
                *limit = finite(best.worst(i + r).0);
            }
            let x = small::points::<L, D>(l, job.x, i, n);
            let mut reached = tile.reached::<T>(l, root, x, l.load(&limit));
            while reached != 0 {
                let r = reached.trailing_zeros() as usize;
                reached &= reached - 1;
                row::<L, T, D>(l, job, &tile, i + r, limit[r], best);
            }
        }
    }
}

/// The list of row `i` meets a tile.
#[inline(always)]
fn row<L: Lanes, T: Term, const D: usize>(
    l: L,
    job: &Job<'_, L::E>,
    tile: &Tile<L, D>,
    i: usize,
    limit: L::E,
    best: &mut Best<'_, L::E>,
) {
    let mut x = [l.splat(L::E::zero()); D];
    for (to, &x) in x.iter_mut().zip(job.x.row(i)) {
        *to = l.splat(x);
    }
    let limit = l.splat(limit);
    let mut dist = [L::E::zero(); TILE];
    let mut near = 0u64;
    for at in (0..tile.n).step_by(L::WIDTH) {
        let mut y = [limit; D];
        for t in 0..D {
            y[t] = l.load(&tile.columns[t][at..]);
        }
        let mut d = T::each(l, small::lanewise::<L, T, D>(l, x, y));
        if job.metric == Metric::Euclidean {
            d = l.sqrt(d);
        }
        near |= u64::from(l.le(d, limit)) << at;
        l.store(d, &mut dist[at..]);
    }
    near &= u64::MAX >> (TILE - tile.n);
    if job.off_diagonal && (tile.first..tile.first + tile.n).contains(&i) {
        near &= !(1 << (i - tile.first));
    }
    if near == 0 {
        return;
    }
    if best.k <= 2 * L::WIDTH && best.is_blank(i) {
        ranked::enter(l, best, (i, tile.first), near, &mut dist);
    } else if best.k <= L::WIDTH {
        enter::<L, 1>(l, best, (i, tile.first), near, &dist);
    } else if L::MOVES && best.k <= MOST && best.k <= 2 * L::WIDTH {
        enter::<L, 2>(l, best, (i, tile.first), near, &dist);
    } else {
        while near != 0 {
            let t = near.trailing_zeros() as usize;
            near &= near - 1;
            best.offer(i, (dist[t], (tile.first + t) as u32));
        }
    }
}

/// Enters rows `j + t` for the bits t of `near` into the list of row `i`, of up to N vectors.
#[inline(always)]
fn enter<L: Lanes, const N: usize>(
    l: L,
    best: &mut Best<'_, L::E>,
    (i, j): (usize, usize),
    mut near: u64,
    dist: &[L::E; TILE],
) {
    let mut list = Entries::<L, N>::load(l, best, i);
    while near != 0 {
        let t = near.trailing_zeros() as usize;
        near &= near - 1;
        list.offer(l, best.k, (dist[t], (j + t) as u32));
    }
    list.store(l, best, i);
}
