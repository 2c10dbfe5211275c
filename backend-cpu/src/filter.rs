//! The filter tier: a lower bound of every distance in registers, canonical numbers only for
//! pairs whose bound does not decide.
//!
//! A register tile holds `V` vectors of points (one per lane) by `G` rows of y; the inner loop
//! is one broadcast and `V` fused multiply-adds per row of y and coordinate. Nothing of the
//! n × m bounds is ever written to memory.

use core::ops::Range;

use enfold_core::{Element, Metric};
use num_traits::{Float, Zero};

use crate::bounds::{self, Bounds};
use crate::direct::Table;
use crate::isa::Task;
use crate::lanes::{Lanes, MOST};
use crate::pack::{self, Panel};
use crate::sweep::Job;

/// The most rows of x in a register tile.
pub(crate) const TILE: usize = 2 * MOST;
/// Bytes of packed y that stay near: while they do, one tile at a time meets all of them. Measured
/// on Zen 3 (L2 512 KiB): 800 KiB streamed from L3 beat strips that fit L2 by 4 %.
const STRIP: usize = 1 << 20;
/// Bytes of packed x that are swept together where y has several strips.
const BLOCK: usize = 128 << 10;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Whether packing a rectangle pays that has at least so many rows of y.
pub(crate) fn pays<E>(job: &Job<'_, E>, least: usize) -> bool {
    let dim = job.x.dim;
    matches!(job.metric, Metric::SqEuclidean | Metric::Euclidean)
        && dim > crate::small::MOST_DIM
        && dim <= bounds::MOST_DIM
        && job.rows.len() >= 24
        && job.others.len() >= least
}

/// Rows of x in lanes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tile<L: Lanes, const V: usize> {
    /// Numbers of the rows.
    pub(crate) rows: [u32; TILE],
    /// How many there are.
    pub(crate) n: usize,
    /// |x − c|².
    pub(crate) norm: [L::V; V],
    /// One bit per row that the bounds hold for; others are for the direct tier.
    pub(crate) tame: u32,
}

impl<L: Lanes, const V: usize> Tile<L, V> {
    /// |x − c|² of every row; NaN where there is none and for rows of the direct tier.
    #[inline(always)]
    pub(crate) fn norms(&self, l: L) -> [L::E; TILE] {
        let mut norm = [L::E::nan(); TILE];
        for v in 0..V {
            l.store(self.norm[v], &mut norm[v * L::WIDTH..]);
        }
        for (r, norm) in norm[..V * L::WIDTH].iter_mut().enumerate() {
            if self.tame >> r & 1 == 0 {
                *norm = L::E::nan();
            }
        }
        norm
    }
}

/// `G` rows of y.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group<E> {
    /// Number of the first row.
    pub(crate) first: usize,
    /// How many rows there are, up to G; the bounds of others are ∞.
    pub(crate) n: usize,
    /// The largest |y − c|².
    pub(crate) most: E,
}

/// What is done with bounds.
pub(crate) trait Filter<E> {
    /// What is kept for a tile between groups.
    type State<L: Lanes<E = E>, const V: usize>: Copy;

    fn open<L: Lanes<E = E>, const V: usize>(
        &mut self,
        l: L,
        tile: &Tile<L, V>,
    ) -> Self::State<L, V>;

    fn meet<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(
        &mut self,
        l: L,
        state: &mut Self::State<L, V>,
        tile: &Tile<L, V>,
        group: Group<E>,
        bound: &[[L::V; V]; G],
    );

    fn close<L: Lanes<E = E>, const S: usize, const V: usize>(
        &mut self,
        l: L,
        state: &Self::State<L, V>,
        tile: &Tile<L, V>,
    );
}

/// Which rows of x are swept.
#[derive(Debug, Clone)]
pub(crate) enum Which<'a> {
    /// A range.
    Range(Range<usize>),
    /// A list.
    List(&'a [u32]),
}

impl Which<'_> {
    /// The elements of up to `n` rows from the `at`-th on, where they are in a row.
    fn ahead<'a, E: Copy>(&self, x: Table<'a, E>, at: usize, n: usize) -> &'a [E] {
        match self {
            Self::Range(range) => {
                let start = (range.start + at).min(range.end);
                &x.data[start * x.dim..(start + n).min(range.end) * x.dim]
            }
            Self::List(_) => &[],
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::List(list) => list.len(),
        }
    }

    fn get(&self, at: usize) -> u32 {
        match self {
            Self::Range(range) => (range.start + at) as u32,
            Self::List(list) => list[at],
        }
    }
}

/// Sweeps rows of x over a panel. Returns the rows that are for the direct tier.
pub(crate) struct Sweep<'a, 'b, E, F> {
    pub(crate) job: &'b Job<'a, E>,
    pub(crate) panel: &'b Panel<E>,
    pub(crate) rows: Which<'b>,
    pub(crate) filter: &'b mut F,
}

impl<E: Element, F: Filter<E>> Task<E> for Sweep<'_, '_, E, F> {
    type Out = Vec<u32>;

    #[inline(always)]
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(
        self,
        l: L,
    ) -> Vec<u32> {
        sweep::<L, F, S, V, G>(l, self.job, self.panel, &self.rows, self.filter)
    }
}

#[inline(always)]
fn sweep<L: Lanes, F: Filter<L::E>, const S: usize, const V: usize, const G: usize>(
    l: L,
    job: &Job<'_, L::E>,
    panel: &Panel<L::E>,
    which: &Which<'_>,
    filter: &mut F,
) -> Vec<u32> {
    let dim = job.x.dim;
    let wide = V * L::WIDTH;
    let mut direct = Vec::new();
    // A job may take part of a panel that is cut between groups.
    let skipped = (job.others.start - panel.rows.start) / G;
    let end = (job.others.end - panel.rows.start).div_ceil(G);
    let groups = end - skipped;
    let strip = (STRIP / (dim * G * size_of::<L::E>())).max(1);
    let together = if groups <= strip {
        1
    } else {
        (BLOCK / (dim * wide * size_of::<L::E>())).clamp(2, which.len().div_ceil(wide).max(2))
    };
    let zero = l.splat(L::E::zero());
    let tame = l.splat(bounds::tame());
    let mut points = vec![[zero; V]; dim * together];
    let mut tiles: Vec<(Tile<L, V>, F::State<L, V>)> = Vec::with_capacity(together);
    let mut at = 0;
    while at < which.len() {
        tiles.clear();
        for points in points.chunks_exact_mut(dim) {
            let n = which.len().saturating_sub(at).min(wide);
            if n == 0 {
                break;
            }
            let mut tile = Tile { rows: [0; TILE], n, norm: [zero; V], tame: 0 };
            for (r, row) in tile.rows[..n].iter_mut().enumerate() {
                *row = which.get(at + r);
            }
            tile.norm = pack::columns(l, job.x, &tile.rows[..n], &panel.centre, points);
            for v in 0..V {
                tile.tame |= l.le(tile.norm[v], tame) << (v * L::WIDTH);
            }
            let all = u32::MAX >> (32 - n);
            tile.tame &= all;
            if tile.tame != all {
                direct.extend((0..n).filter(|r| tile.tame >> r & 1 == 0).map(|r| tile.rows[r]));
            }
            let state = filter.open(l, &tile);
            tiles.push((tile, state));
            at += n;
        }
        // The next rows come from memory while these are worked on.
        let mut ahead = which.ahead(job.x, at, together * wide);
        let share =
            ahead.len().div_ceil(groups * together).next_multiple_of(LINE / size_of::<L::E>());
        let mut from = skipped;
        while from < end {
            let end = (from + strip).min(end);
            for ((tile, state), points) in tiles.iter_mut().zip(points.chunks_exact(dim)) {
                for g in from..end {
                    let (now, later) = ahead.split_at(share.min(ahead.len()));
                    for line in now.chunks(LINE / size_of::<L::E>()) {
                        l.prefetch(line);
                    }
                    ahead = later;
                    let first = panel.rows.start + g * G;
                    let group =
                        Group { first, n: G.min(panel.rows.end - first), most: panel.most[g] };
                    let (rows, _) = panel.data[g * dim * G..][..dim * G].as_chunks::<G>();
                    let (start, _) = panel.start[g * G..][..G].as_chunks::<G>();
                    let mut bound = [[zero; V]; G];
                    l.products(points, rows, &start[0], &mut bound);
                    if job.off_diagonal && meets_itself(tile, group) {
                        leave_out_diagonal(l, tile, group, &mut bound);
                    }
                    filter.meet::<L, S, V, G>(l, state, tile, group, &bound);
                }
            }
            from = end;
        }
        for (tile, state) in &tiles {
            filter.close::<L, S, V>(l, state, tile);
        }
    }
    direct
}

/// Whether a tile and a group have a row number in common. Rows of a tile ascend.
#[inline(always)]
fn meets_itself<L: Lanes, const V: usize>(tile: &Tile<L, V>, group: Group<L::E>) -> bool {
    let (low, high) = (tile.rows[0] as usize, tile.rows[(tile.n - 1) & (TILE - 1)] as usize);
    high >= group.first && low < group.first + group.n
}

/// Bounds of pairs of equal row numbers become ∞.
#[inline(always)]
fn leave_out_diagonal<L: Lanes, const V: usize, const G: usize>(
    l: L,
    tile: &Tile<L, V>,
    group: Group<L::E>,
    bound: &mut [[L::V; V]; G],
) {
    for v in 0..V {
        let mut lane = [[L::E::zero(); MOST]; G];
        for q in 0..G {
            l.store(bound[q][v], &mut lane[q]);
        }
        let rows = &tile.rows[v * L::WIDTH..(v + 1) * L::WIDTH];
        erase(rows, group.first, &mut lane);
        for q in 0..G {
            bound[q][v] = l.load(&lane[q]);
        }
    }
}

/// Rare, and not to be mixed with the registers of the sweep.
#[cold]
#[inline(never)]
fn erase<E: Element>(rows: &[u32], first: usize, lane: &mut [[E; MOST]]) {
    for (r, &i) in rows.iter().enumerate() {
        if let Some(lane) = (i as usize).checked_sub(first).and_then(|q| lane.get_mut(q)) {
            lane[r] = E::infinity();
        }
    }
}

/// The error model of a job.
pub(crate) fn bounds<E: Element>(job: &Job<'_, E>) -> Bounds<E> {
    Bounds::new(job.metric, job.x.dim)
}
