//! The nearest row alone, by the matrix unit: the lowest bound of every row, who has it, and the
//! second lowest.
//!
//! Where the second lowest bound lies above the distance of the lowest, the winner is certain.
//! The other rows are gathered into tiles of their own, which meet all rows of y once more; what
//! their bounds do not rule out is judged by its distance.

use std::vec::Vec;

use enfold_core::NONE;

use super::{BLOCK, Panel, bounds, length, some};
use crate::bounds::{Bounds, tame};
use crate::isa::Task;
use crate::lanes::amx::{Amx, HALF, PART, Part, SIDE, STEP, Sums, Tiles};
use crate::lanes::{Lanes, MOST};
use crate::{direct, sweep::Job};

/// The nearest rows of a panel for the rows of a job, merged into `dist` and `index`.
pub(crate) struct Lowest<'a, 'b> {
    pub(crate) unit: Amx,
    pub(crate) job: &'b Job<'a, f32>,
    pub(crate) panel: &'b Panel,
    pub(crate) dist: &'b mut [f32],
    pub(crate) index: &'b mut [u32],
}

/// Up to [`SIDE`] rows of x.
#[derive(Debug, Clone)]
struct Tile<V> {
    rows: [u32; SIDE],
    n: usize,
    /// |x'|²; NaN where there is no row, or one for the direct tier.
    norm: [f32; SIDE],
    /// 2|x₂| and 2|x'|.
    rest: [V; 2],
    length: [V; 2],
    found: Two<V>,
}

/// The lowest bounds so far.
#[derive(Debug, Clone, Copy)]
struct Two<V> {
    low: [V; 2],
    who: [V; 2],
    second: [V; 2],
}

impl Task<f32> for Lowest<'_, '_> {
    type Out = Vec<u32>;

    /// Returns the rows that are for the direct tier.
    #[inline(always)]
    fn run<L: Lanes<E = f32>, const S: usize, const V: usize, const G: usize>(
        mut self,
        l: L,
    ) -> Vec<u32> {
        let (rows, steps) = (self.job.rows.clone(), self.job.x.dim.div_ceil(STEP));
        let together = (BLOCK / (steps * size_of::<Part>())).clamp(1, rows.len().div_ceil(SIDE));
        let mut parts = vec![Part([0; PART]); steps * together];
        let (mut direct, mut open) = (Vec::new(), Vec::new());
        let all: Vec<u32> = rows.map(|i| i as u32).collect();
        let tiles = self.unit.tiles();
        for rows in all.chunks(together * SIDE) {
            self.search::<L, S>(l, &tiles, rows, &mut parts, (&mut direct, &mut open));
        }
        for rows in open.chunks(SIDE) {
            self.settle::<L, S>(l, &tiles, rows, &mut parts[..steps]);
        }
        direct
    }
}

impl Lowest<'_, '_> {
    /// The lowest two bounds of some rows; those that they do not decide go to `open`.
    #[inline(always)]
    fn search<L: Lanes<E = f32>, const S: usize>(
        &mut self,
        l: L,
        unit: &Tiles,
        rows: &[u32],
        parts: &mut [Part],
        (direct, open): (&mut Vec<u32>, &mut Vec<u32>),
    ) {
        let steps = self.job.x.dim.div_ceil(STEP);
        let mut tiles: Vec<Tile<L::V>> = Vec::with_capacity(rows.len().div_ceil(SIDE));
        for (rows, parts) in rows.chunks(SIDE).zip(parts.chunks_exact_mut(steps)) {
            tiles.push(self.pack(l, rows, parts));
        }
        let mut sums = Sums([[0.0; SIDE]; SIDE]);
        for (g, of_y) in self.panel.parts.chunks_exact(steps).enumerate() {
            for (tile, of_x) in tiles.iter_mut().zip(parts.chunks_exact(steps)) {
                unit.products(of_x, of_y, false, &mut sums);
                tile.meet(l, &sums, self.panel, g);
            }
        }
        let bounds = bounds(self.job.metric, self.job.x.dim);
        for tile in &tiles {
            let rows = tile.rows.iter().zip(&tile.norm).take(tile.n);
            direct.extend(rows.filter(|(_, norm)| norm.is_nan()).map(|(row, _)| row));
            self.close::<L, S>(l, tile, bounds, open);
        }
    }

    #[inline(always)]
    fn pack<L: Lanes<E = f32>>(&self, l: L, rows: &[u32], parts: &mut [Part]) -> Tile<L::V> {
        let (zero, far) = (l.splat(0.0), l.splat(f32::INFINITY));
        let found = Two { low: [far; 2], who: [l.splat_index(NONE); 2], second: [far; 2] };
        let mut tile = Tile {
            rows: [NONE; SIDE],
            n: rows.len(),
            norm: [f32::NAN; SIDE],
            rest: [zero; 2],
            length: [zero; 2],
            found,
        };
        tile.rows[..rows.len()].copy_from_slice(rows);
        for half in 0..2 {
            let mine = &rows[(half * HALF).min(rows.len())..rows.len().min((half + 1) * HALF)];
            let (x, n) = some(self.job.x, mine.iter().copied());
            let rounded = self.unit.round_x(&x[..n], &self.panel.centre, half, parts);
            for (to, &norm) in tile.norm[half * HALF..].iter_mut().zip(&rounded.norm[..mine.len()])
            {
                *to = if norm < tame::<f32>() { norm } else { f32::NAN };
            }
            let twice = l.splat(2.0 * length(1.0, self.job.x.dim));
            tile.rest[half] = l.mul(l.sqrt(l.load(&rounded.rest)), twice);
            tile.length[half] = l.mul(l.sqrt(l.load(&rounded.norm)), twice);
        }
        tile
    }

    /// Measures who had the lowest bounds; notes the rows for which that does not settle it.
    #[inline(always)]
    fn close<L: Lanes<E = f32>, const S: usize>(
        &mut self,
        l: L,
        tile: &Tile<L::V>,
        bounds: Bounds<f32>,
        open: &mut Vec<u32>,
    ) {
        let root = self.job.metric == enfold_core::Metric::Euclidean;
        for half in 0..2 {
            let (mut who, mut second) = ([NONE; MOST], [0f32; MOST]);
            l.store_index(tile.found.who[half], &mut who);
            l.store(tile.found.second[half], &mut second);
            let (rows, norms) = (&tile.rows[half * HALF..], &tile.norm[half * HALF..]);
            let (mut known, mut n) = ([0; HALF], 0);
            for r in 0..tile.n.saturating_sub(half * HALF).min(HALF) {
                if who[r] != NONE && !norms[r].is_nan() {
                    known[n] = r;
                    n += 1;
                }
            }
            let (x, y) = (self.job.x, self.job.y);
            let pair = |p: usize| (x.row(rows[known[p]] as usize), y.row(who[known[p]] as usize));
            let mut dist = [0f32; HALF];
            direct::euclidean_each::<L, S>(l, root, pair, &mut dist[..n]);
            for (&r, &distance) in known[..n].iter().zip(&dist) {
                self.enter(rows[r] as usize, (distance, who[r]));
                if second[r] <= bounds.above(self.limit(rows[r] as usize), norms[r]) {
                    open.push(rows[r]);
                }
            }
        }
    }

    /// Looks at every pair of some rows that its bound does not rule out.
    #[inline(always)]
    fn settle<L: Lanes<E = f32>, const S: usize>(
        &mut self,
        l: L,
        unit: &Tiles,
        rows: &[u32],
        parts: &mut [Part],
    ) {
        let tile = self.pack(l, rows, parts);
        let bounds = bounds(self.job.metric, self.job.x.dim);
        let mut limit = [f32::NAN; SIDE];
        for r in 0..tile.n {
            limit[r] = bounds.above(self.limit(tile.rows[r] as usize), tile.norm[r]);
        }
        let mut sums = Sums([[0.0; SIDE]; SIDE]);
        for (g, of_y) in self.panel.parts.chunks_exact(parts.len()).enumerate() {
            unit.products(parts, of_y, false, &mut sums);
            let wide = tile.wide(l, self.panel.most[g]);
            for q in 0..SIDE {
                let start = l.splat(self.panel.start[g * SIDE + q]);
                let mut near = 0;
                for v in 0..2 {
                    let bound = l.add(l.load(&sums.0[q][v * HALF..]), start);
                    let limit = l.add(l.load(&limit[v * HALF..]), wide[v]);
                    near |= l.le(bound, limit) << (v * HALF);
                }
                while near != 0 {
                    let r = near.trailing_zeros() as usize;
                    near &= near - 1;
                    let i = tile.rows[r] as usize;
                    self.offer::<L, S>(l, i, (self.panel.rows.start + g * SIDE + q) as u32);
                    limit[r] = bounds.above(self.limit(i), tile.norm[r]);
                }
            }
        }
    }

    fn limit(&self, i: usize) -> f32 {
        self.dist[i - self.job.rows.start]
    }

    /// Lets row `j` of y be the nearest of row `i`, if it is.
    #[inline(always)]
    fn offer<L: Lanes<E = f32>, const S: usize>(&mut self, l: L, i: usize, j: u32) {
        let root = self.job.metric == enfold_core::Metric::Euclidean;
        let (x, y) = (self.job.x.row(i), self.job.y.row(j as usize));
        let [distance] = direct::euclidean::<L, S, 1>(l, root, [x], [y]);
        self.enter(i, (distance, j));
    }

    #[inline(always)]
    fn enter(&mut self, i: usize, new: (f32, u32)) {
        let at = i - self.job.rows.start;
        if enfold_core::host::precedes(new, (self.dist[at], self.index[at])) {
            (self.dist[at], self.index[at]) = new;
        }
    }
}

impl<V: Copy> Tile<V> {
    /// What rounding may have added to the bounds of a group of rows of y.
    #[inline(always)]
    fn wide<L: Lanes<E = f32, V = V>>(&self, l: L, (most, gap): (f32, f32)) -> [V; 2] {
        let (most, gap) = (l.splat(most), l.splat(gap));
        let mut wide = [most; 2];
        for v in 0..2 {
            wide[v] = l.mul_add(self.length[v], gap, l.mul(self.rest[v], most));
        }
        wide
    }

    /// The sums with one group of rows of y.
    #[inline(always)]
    fn meet<L: Lanes<E = f32, V = V>>(&mut self, l: L, sums: &Sums, panel: &Panel, g: usize) {
        let far = l.splat(f32::INFINITY);
        let mut new = Two { low: [far; 2], who: [l.splat_index(NONE); 2], second: [far; 2] };
        let first = panel.rows.start + g * SIDE;
        let start = &panel.start[g * SIDE..(g + 1) * SIDE];
        for (q, &start) in start.iter().enumerate() {
            let (start, number) = (l.splat(start), l.splat_index((first + q) as u32));
            for v in 0..2 {
                let bound = l.add(l.load(&sums.0[q][v * HALF..]), start);
                new.second[v] = l.min(l.max(bound, new.low[v]), new.second[v]);
                new.who[v] = l.if_less(bound, new.low[v], number, new.who[v]);
                new.low[v] = l.min(bound, new.low[v]);
            }
        }
        let wide = self.wide(l, panel.most[g]);
        let old = &mut self.found;
        for v in 0..2 {
            let (low, second) = (l.sub(new.low[v], wide[v]), l.sub(new.second[v], wide[v]));
            let other = l.max(low, old.low[v]);
            old.second[v] = l.min(other, l.min(second, old.second[v]));
            old.who[v] = l.if_less(low, old.low[v], new.who[v], old.who[v]);
            old.low[v] = l.min(low, old.low[v]);
        }
    }
}
