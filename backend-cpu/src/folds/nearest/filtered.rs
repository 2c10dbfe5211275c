//! Lists by the filter: the two lowest bounds of every row, or every pair under the limit.

use super::Best;
use crate::bounds::Bounds;
use crate::direct;
use crate::filter::{self, Filter, Group, Sweep, TILE, Tile, Which};
use crate::isa::{Isa, Native};
use crate::lanes::{Lanes, MOST};
use crate::pack::Panel;
use crate::sweep::{self, Job};
use enfold_core::{Element, NONE};

/// The panel's rows against the job's.
pub(super) fn search<E: Native>(
    isa: Isa,
    job: &Job<'_, E>,
    panel: &Panel<E>,
    best: &mut Best<'_, E>,
) {
    let bounds = filter::bounds(job);
    let rows = Which::Range(job.rows.clone());
    if best.k == 1 {
        let mut lowest = Lowest { job, bounds, best, open: Vec::new() };
        let sweep = Sweep { job, panel, rows, filter: &mut lowest };
        let direct = E::enter(isa, sweep);
        let open = lowest.open;
        tally::add(job.rows.len(), open.len());
        if !open.is_empty() {
            let mut under = Under { job, bounds, best };
            let rows = Which::List(&open);
            E::enter(isa, Sweep { job, panel, rows, filter: &mut under });
        }
        sweep::left_out(isa, job, &direct, best);
    } else {
        under(isa, job, panel, rows, best);
    }
}

/// Some of the job's rows, by their lists' last entries.
pub(super) fn under<E: Native>(
    isa: Isa,
    job: &Job<'_, E>,
    panel: &Panel<E>,
    rows: Which<'_>,
    best: &mut Best<'_, E>,
) {
    let mut under = Under { job, bounds: filter::bounds(job), best };
    let direct = E::enter(isa, Sweep { job, panel, rows, filter: &mut under });
    sweep::left_out(isa, job, &direct, best);
}

/// The lowest bound of every row, who has it, and the second lowest.
struct Lowest<'a, 'b, 'c, E> {
    job: &'a Job<'a, E>,
    bounds: Bounds<E>,
    best: &'b mut Best<'c, E>,
    /// Rows that the two bounds do not decide.
    open: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Two<L: Lanes, const V: usize> {
    low: [L::V; V],
    who: [L::V; V],
    second: [L::V; V],
}

impl<E: Element> Filter<E> for Lowest<'_, '_, '_, E> {
    type State<L: Lanes<E = E>, const V: usize> = Two<L, V>;

    #[inline(always)]
    fn open<L: Lanes<E = E>, const V: usize>(&mut self, l: L, _: &Tile<L, V>) -> Two<L, V> {
        let far = l.splat(E::infinity());
        Two { low: [far; V], who: [l.splat_index(NONE); V], second: [far; V] }
    }

    #[inline(always)]
    fn meet<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(
        &mut self,
        l: L,
        state: &mut Two<L, V>,
        _: &Tile<L, V>,
        group: Group<E>,
        bound: &[[L::V; V]; G],
    ) {
        for q in 0..G {
            let number = l.splat_index((group.first + q) as u32);
            for v in 0..V {
                let (new, low) = (bound[q][v], state.low[v]);
                state.who[v] = l.if_less(new, low, number, state.who[v]);
                state.second[v] = l.min(l.max(new, low), state.second[v]);
                state.low[v] = l.min(new, low);
            }
        }
    }

    #[inline(always)]
    fn close<L: Lanes<E = E>, const S: usize, const V: usize>(
        &mut self,
        l: L,
        state: &Two<L, V>,
        tile: &Tile<L, V>,
    ) {
        let mut who = [NONE; TILE];
        for v in 0..V {
            let mut lane = [0; MOST];
            l.store_index(state.who[v], &mut lane);
            who[v * L::WIDTH..][..L::WIDTH].copy_from_slice(&lane[..L::WIDTH]);
        }
        let (mut known, mut n) = ([0; TILE], 0);
        for r in 0..tile.n {
            if tile.tame >> r & 1 == 1 && who[r] != NONE {
                known[n] = r;
                n += 1;
            }
        }
        let (x, y) = (self.job.x, self.job.y);
        let pair = |p: usize| (x.row(tile.rows[known[p]] as usize), y.row(who[known[p]] as usize));
        let mut dist = [E::zero(); TILE];
        direct::euclidean_each::<L, S>(l, self.bounds.root, pair, &mut dist[..n]);
        for p in 0..n {
            self.best.offer(tile.rows[known[p]] as usize, (dist[p], who[known[p]]));
        }
        let mut worst = [E::zero(); TILE];
        for r in 0..tile.n {
            worst[r] = self.best.worst(tile.rows[r] as usize).0;
        }
        let mut open = 0;
        for v in 0..V {
            let worst = l.load(&worst[v * L::WIDTH..]);
            let limit = self.bounds.above_each(l, worst, tile.norm[v]);
            open |= l.le(state.second[v], limit) << (v * L::WIDTH);
        }
        open &= tile.tame;
        while open != 0 {
            self.open.push(tile.rows[open.trailing_zeros() as usize]);
            open &= open - 1;
        }
    }
}

/// Every pair whose bound is not above the last entry of its row's list.
struct Under<'a, 'b, 'c, E> {
    job: &'a Job<'a, E>,
    bounds: Bounds<E>,
    best: &'b mut Best<'c, E>,
}

/// Pairs whose distances are taken together: they wait for memory and for additions together.
const TOGETHER: usize = 8;
/// Cache lines of a row that are asked for when it is found.
const LINES: usize = 4;

/// What the rows of a tile still look for.
#[derive(Debug, Clone, Copy)]
struct Wanted<E> {
    /// Places in the tile and rows of y, found and not looked at yet.
    found: [(u32, u32); TOGETHER],
    n: usize,
    /// Bounds above this are of no interest; NaN where there is no row for the filter.
    limit: [E; TILE],
    norm: [E; TILE],
}

impl<E: Element> Filter<E> for Under<'_, '_, '_, E> {
    type State<L: Lanes<E = E>, const V: usize> = Wanted<E>;

    #[inline(always)]
    fn open<L: Lanes<E = E>, const V: usize>(&mut self, l: L, tile: &Tile<L, V>) -> Wanted<E> {
        let norm = tile.norms(l);
        let mut limit = [E::nan(); TILE];
        for r in 0..tile.n {
            if !norm[r].is_nan() {
                let worst = self.best.worst(tile.rows[r] as usize).0;
                limit[r] = self.bounds.above(worst, norm[r]);
            }
        }
        Wanted { found: [(0, 0); TOGETHER], n: 0, limit, norm }
    }

    #[inline(always)]
    fn meet<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(
        &mut self,
        l: L,
        wanted: &mut Wanted<E>,
        tile: &Tile<L, V>,
        group: Group<E>,
        bound: &[[L::V; V]; G],
    ) {
        for v in 0..V {
            let limit = l.load(&wanted.limit[v * L::WIDTH..]);
            let mut low = bound[0][v];
            for q in 1..G {
                low = l.min(low, bound[q][v]);
            }
            if l.le(low, limit) == 0 {
                continue;
            }
            for q in 0..group.n {
                let mut near = l.le(bound[q][v], limit);
                while near != 0 {
                    let at = v * L::WIDTH + near.trailing_zeros() as usize;
                    near &= near - 1;
                    let (i, j) = (tile.rows[at] as usize, group.first + q);
                    if self.job.off_diagonal && i == j {
                        continue;
                    }
                    for line in self.job.y.row(j).chunks(64 / size_of::<E>()).take(LINES) {
                        l.prefetch(line);
                    }
                    wanted.found[wanted.n] = (at as u32, j as u32);
                    wanted.n += 1;
                    if wanted.n == TOGETHER {
                        self.settle::<L, S, V>(l, wanted, tile);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn close<L: Lanes<E = E>, const S: usize, const V: usize>(
        &mut self,
        l: L,
        wanted: &Wanted<E>,
        tile: &Tile<L, V>,
    ) {
        let mut wanted = *wanted;
        self.settle::<L, S, V>(l, &mut wanted, tile);
    }
}

impl<E: Element> Under<'_, '_, '_, E> {
    /// Enters the pairs found.
    #[inline(always)]
    fn settle<L: Lanes<E = E>, const S: usize, const V: usize>(
        &mut self,
        l: L,
        wanted: &mut Wanted<E>,
        tile: &Tile<L, V>,
    ) {
        let (x, y, found) = (self.job.x, self.job.y, wanted.found);
        let row = |p: usize| tile.rows[found[p].0 as usize] as usize;
        let pair = |p: usize| (x.row(row(p)), y.row(found[p].1 as usize));
        let mut dist = [E::zero(); TOGETHER];
        direct::euclidean_each::<L, S>(l, self.bounds.root, pair, &mut dist[..wanted.n]);
        for p in 0..wanted.n {
            let (i, at) = (row(p), found[p].0 as usize);
            super::offer(l, self.best, i, (dist[p], found[p].1));
            wanted.limit[at] = self.bounds.above(self.best.worst(i).0, wanted.norm[at]);
        }
        wanted.n = 0;
    }
}

/// How many rows a search certified and how many it swept again, for reports.
pub(crate) mod tally {
    use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

    static ROWS: AtomicU64 = AtomicU64::new(0);
    static OPEN: AtomicU64 = AtomicU64::new(0);

    pub(crate) fn add(rows: usize, open: usize) {
        ROWS.fetch_add(rows as u64, Relaxed);
        OPEN.fetch_add(open as u64, Relaxed);
    }

    pub(crate) fn take() -> (u64, u64) {
        (ROWS.swap(0, Relaxed), OPEN.swap(0, Relaxed))
    }
}
