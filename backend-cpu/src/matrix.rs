//! The filter on a matrix unit: bounds from products of rows rounded to bf16.
//!
//! Rows are shifted by a centre c and rounded: x' = x − c = x₁ + x₂ with x₁ in bf16, and likewise
//! y'. The unit gives −2 x₁·y₁, which differs from −2 x'·y' by no more than
//! `2(|x₂||y₁| + |x'||y₂|)` (Cauchy, Schwarz). All four lengths are known from packing, so that a
//! row's limit is widened by the most that a group of rows of y can cost; the rest of the error
//! is that of [`bounds`](crate::bounds). Denormals are flushed by the unit: packing flushes them
//! into x₂, and products that are lost are in `tiny` below.
//!
//! For a tile of 32 × 32 pairs the unit works as long as the vectors that compare its sums,
//! hence the sums are compared four rows of y at a time and looked at one by one only where one
//! of them passes.

pub(crate) mod lowest;

use core::any::TypeId;
use core::ops::Range;

use enfold_core::{Element, Metric, Pairs};

use crate::bounds::{Bounds, tame};
use crate::direct::Table;
use crate::isa::{Isa, Task};
use crate::lanes::Lanes;
use crate::lanes::amx::{Amx, HALF, PART, Part, SIDE, STEP, Sums};
use crate::pack;
use crate::sweep::Job;

/// Bytes of packed y that are swept by all rows of x before the next are packed.
const PANEL: usize = 256 << 20;
/// Bytes of packed x that meet a group of y while it is near.
const BLOCK: usize = 768 << 10;
/// Steps of a group of rows of y that stay in the nearest cache while x passes by: 20 KiB.
const CHUNK: usize = 10;
/// The rows of y compared together.
const TOGETHER: usize = 4;

/// The matrix unit, where this element and these pairs suit it.
pub(crate) fn unit<E: Element>(isa: Isa, pairs: &Pairs<'_, [E]>) -> Option<Amx> {
    let suits = matches!(pairs.metric(), Metric::SqEuclidean | Metric::Euclidean)
        && TypeId::of::<E>() == TypeId::of::<f32>()
        && (crate::small::MOST_DIM + 1..=crate::bounds::MOST_DIM).contains(&pairs.dim());
    if suits && isa == Isa::Amx { Amx::get() } else { None }
}

/// Rows of y in a panel.
pub(crate) fn rows_of_panel(dim: usize) -> usize {
    (PANEL / (dim.next_multiple_of(STEP) * 2)).max(SIDE)
}

/// At least the length of a row of `dim` elements whose squares add up to `square`, summed in
/// sixteen parts with a rounding each.
fn length(square: f32, dim: usize) -> f32 {
    (f64::from(square).sqrt() * (1.0 + 1e-6 + dim as f64 * f32::ROUNDOFF)) as f32
}

/// Packed rows of y.
#[derive(Debug)]
pub(crate) struct Panel {
    /// Numbers of the rows.
    pub(crate) rows: Range<usize>,
    /// What is subtracted from every row.
    centre: Vec<f32>,
    /// −2 y₁, as many parts per group of [`SIDE`] rows as there are steps.
    parts: Vec<Part>,
    /// |y'|²(1 − e); ∞ for rows that are nobody's neighbour.
    start: Vec<f32>,
    /// The largest |y₁| and |y₂| of each group.
    most: Vec<(f32, f32)>,
}

/// The error model, with what the unit adds to it.
fn bounds(metric: Metric, dim: usize) -> Bounds<f32> {
    Bounds::new(metric, dim)
        .wider(32.0 * f32::ROUNDOFF as f32, (4 * dim + 64) as f32 * f32::MIN_POSITIVE)
}

/// Packs rows of y; `None` where a row is finite but too long for the filter.
pub(crate) fn pack(unit: Amx, y: Table<'_, f32>, rows: Range<usize>) -> Option<Panel> {
    let (dim, steps) = (y.dim, y.dim.div_ceil(STEP));
    let relative = bounds(Metric::SqEuclidean, dim).relative;
    let groups = rows.len().div_ceil(SIDE);
    let mut panel = Panel {
        parts: vec![Part([0; PART]); groups * steps],
        start: vec![f32::INFINITY; groups * SIDE],
        most: vec![(0.0, 0.0); groups],
        rows: rows.clone(),
        centre: pack::centre(y, rows.clone()),
    };
    for (at, first) in rows.clone().step_by(HALF).enumerate() {
        let (group, half) = (at / 2, at % 2);
        let (of_y, n) = some(y, (first..rows.end).map(|j| j as u32));
        let parts = &mut panel.parts[group * steps..(group + 1) * steps];
        // Times −2, so squares are four times as large.
        let rounded = unit.round_y(&of_y[..n], (&panel.centre, -2.0), half, parts);
        for (q, row) in of_y[..n].iter().enumerate() {
            let (norm, rest) = (rounded.norm[q] / 4.0, rounded.rest[q] / 4.0);
            // No for NaN, too: only then is it asked whether the row is finite.
            if norm.is_nan() || norm >= tame() {
                if row.iter().all(|v| v.is_finite()) {
                    return None;
                }
                // Nobody's neighbour; its sums must not spoil those of others.
                parts.iter_mut().for_each(|part| {
                    part.0[(half * HALF + q) * STEP..][..STEP].fill(0);
                });
                continue;
            }
            panel.start[first - rows.start + q] = norm * (1.0 - relative);
            let (most, gap) = &mut panel.most[group];
            *gap = gap.max(length(rest, dim));
            *most = most.max(length(norm, dim) + length(rest, dim));
        }
    }
    Some(panel)
}

/// The first rows of a list, up to half a group, and how many they are.
#[inline(always)]
fn some(x: Table<'_, f32>, list: impl Iterator<Item = u32>) -> ([&[f32]; HALF], usize) {
    let (mut rows, mut n): ([&[f32]; HALF], _) = ([&[]; HALF], 0);
    for (row, i) in rows.iter_mut().zip(list) {
        *row = x.row(i as usize);
        n += 1;
    }
    (rows, n)
}

/// Up to [`SIDE`] rows of x.
#[derive(Debug, Clone)]
struct Tile {
    /// Number of the first row.
    first: usize,
    /// |x'|²; NaN where there is no row, or one for the direct tier.
    norm: [f32; SIDE],
    /// 2|x₂| and 2|x'|.
    rest: [f32; SIDE],
    length: [f32; SIDE],
    /// Bounds above this, and what rounding costs, are of no interest.
    limit: [f32; SIDE],
}

/// Packs rows of x into `parts`; rows for the direct tier go to `direct`.
#[inline(always)]
fn pack_tile(
    unit: Amx,
    x: Table<'_, f32>,
    rows: Range<usize>,
    centre: &[f32],
    parts: &mut [Part],
    direct: &mut Vec<u32>,
) -> Tile {
    let none = [f32::NAN; SIDE];
    let mut tile = Tile { first: rows.start, norm: none, rest: none, length: none, limit: none };
    for half in 0..2 {
        let first = (rows.start + half * HALF).min(rows.end);
        let (of_x, n) = some(x, (first..rows.end).map(|i| i as u32));
        let rounded = unit.round_x(&of_x[..n], centre, half, parts);
        for r in 0..n {
            let (norm, rest, at) = (rounded.norm[r], rounded.rest[r], half * HALF + r);
            if norm.is_nan() || norm >= tame::<f32>() {
                direct.push((first + r) as u32);
                continue;
            }
            tile.norm[at] = norm;
            tile.rest[at] = 2.0 * length(rest, x.dim);
            tile.length[at] = 2.0 * length(norm, x.dim);
        }
    }
    tile
}

/// What is done with pairs whose bound does not rule them out.
pub(crate) trait Judge {
    /// Distances of row `i` above this are of no interest.
    fn limit(&self, i: usize) -> f32;
    /// Looks at pairs (i, j) by their distances.
    fn judge<L: Lanes<E = f32>, const S: usize, const N: usize>(
        &mut self,
        l: L,
        pairs: [(usize, usize); N],
    );
}

/// Sweeps the rows of a job over parts of a panel.
pub(crate) struct Sweep<'a, 'b, J> {
    pub(crate) unit: Amx,
    pub(crate) job: &'b Job<'a, f32>,
    pub(crate) panel: &'b Panel,
    /// Rows of y, inside the panel.
    pub(crate) others: &'b [Range<usize>],
    /// Pairs that a row may have judged before it is asked whether the bounds are any good.
    pub(crate) patience: usize,
    pub(crate) judge: &'b mut J,
}

/// Rows of x that are left to others.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Too long for the filter.
    pub(crate) direct: Vec<u32>,
    /// Eight bits do not tell their neighbours from the rest.
    pub(crate) blurred: Vec<u32>,
}

impl<J: Judge> Task<f32> for Sweep<'_, '_, J> {
    type Out = Left;

    #[inline(always)]
    fn run<L: Lanes<E = f32>, const S: usize, const V: usize, const G: usize>(self, l: L) -> Left {
        let Self { unit, job, panel, others, patience, judge } = self;
        let steps = job.x.dim.div_ceil(STEP);
        let together = (BLOCK / (steps * size_of::<Part>())).max(1);
        let bounds = bounds(job.metric, job.x.dim);
        let mut parts = vec![Part([0; PART]); steps * together.min(job.rows.len().div_ceil(SIDE))];
        let mut left = Left::default();
        let mut tiles = Vec::with_capacity(together);
        let held = if steps > CHUNK { together } else { 1 };
        let mut sums = vec![Sums([[0.0; SIDE]; SIDE]); held];
        let mut passed = [(0, 0); SIDE * SIDE];
        let tiles_on = unit.tiles();
        for start in job.rows.clone().step_by(together * SIDE) {
            let end = (start + together * SIDE).min(job.rows.end);
            tiles.clear();
            for (first, parts) in (start..end).step_by(SIDE).zip(parts.chunks_exact_mut(steps)) {
                let rows = first..(first + SIDE).min(end);
                let out = &mut left.direct;
                let mut tile = pack_tile(unit, job.x, rows, &panel.centre, parts, out);
                for r in 0..SIDE {
                    tile.limit_of(r, bounds, judge);
                }
                tiles.push(tile);
            }
            let (mut visited, mut judged) = (0, 0);
            for (g, span) in groups(panel, others) {
                let of_y = &panel.parts[g * steps..(g + 1) * steps];
                let group = Group { panel, g, span };
                if held > 1 {
                    for at in (0..steps).step_by(CHUNK) {
                        let chunk = at..(at + CHUNK).min(steps);
                        let of_x = parts.chunks_exact(steps);
                        for (sums, of_x) in sums.iter_mut().zip(of_x).take(tiles.len()) {
                            let (of_x, of_y) = (&of_x[chunk.clone()], &of_y[chunk.clone()]);
                            tiles_on.products(of_x, of_y, at > 0, sums);
                        }
                    }
                }
                for (t, tile) in tiles.iter_mut().enumerate() {
                    let sums = &mut sums[t % held];
                    if held == 1 {
                        tiles_on.products(&parts[t * steps..(t + 1) * steps], of_y, false, sums);
                    }
                    let given = (job, bounds, &mut passed);
                    judged += meet::<L, J, S>(l, sums, &group, tile, given, judge);
                }
                visited += SIDE * (end - start);
                if judged > patience * (end - start) + visited / BLURRED {
                    left.blurred.extend(start as u32..end as u32);
                    break;
                }
            }
        }
        left.blurred.retain(|row| left.direct.binary_search(row).is_err());
        left
    }
}

/// One pair in so many may be judged; a unit that decides less saves nothing.
const BLURRED: usize = 24;

/// The groups that hold rows of y, and which rows.
#[inline(always)]
fn groups<'a>(
    panel: &'a Panel,
    others: &'a [Range<usize>],
) -> impl Iterator<Item = (usize, Range<usize>)> + 'a {
    others.iter().flat_map(|rows| {
        let first = panel.rows.start;
        let groups = (rows.start - first) / SIDE..(rows.end - first).div_ceil(SIDE);
        groups.map(|g| (g, rows.clone()))
    })
}

/// Lanes and rows of y of the pairs of a tile that pass; kept, for clearing it takes long.
type Passed = [(u8, u8); SIDE * SIDE];

/// A group of rows of y and the rows that are asked for.
#[derive(Debug)]
struct Group<'a> {
    panel: &'a Panel,
    g: usize,
    span: Range<usize>,
}

impl Tile {
    /// Asks for the limit of row `r` of the tile.
    #[inline(always)]
    fn limit_of<J: Judge>(&mut self, r: usize, bounds: Bounds<f32>, judge: &J) {
        if !self.norm[r].is_nan() {
            self.limit[r] = bounds.above(judge.limit(self.first + r), self.norm[r]);
        }
    }

    /// The limits that hold for sums with a group of rows of y.
    #[inline(always)]
    fn limits<L: Lanes<E = f32>>(&self, l: L, (most, gap): (f32, f32)) -> [L::V; 2] {
        let mut limits = [l.splat(0.0); 2];
        for (v, limit) in limits.iter_mut().enumerate() {
            let at = v * SIDE / 2;
            let wide = l.mul(l.load(&self.rest[at..]), l.splat(most));
            let wide = l.mul_add(l.load(&self.length[at..]), l.splat(gap), wide);
            *limit = l.add(l.load(&self.limit[at..]), wide);
        }
        limits
    }
}

/// A tile of sums: pairs whose bound is not above the limit are judged. Returns how many.
#[inline(always)]
fn meet<L: Lanes<E = f32>, J: Judge, const S: usize>(
    l: L,
    sums: &Sums,
    group: &Group<'_>,
    tile: &mut Tile,
    (job, bounds, passed): (&Job<'_, f32>, Bounds<f32>, &mut Passed),
    judge: &mut J,
) -> usize {
    let &Group { panel, g, ref span } = group;
    let start = &panel.start[g * SIDE..(g + 1) * SIDE];
    let limit = tile.limits(l, panel.most[g]);
    let mut n = 0;
    for q in (0..SIDE).step_by(TOGETHER) {
        let mut low = [l.splat(f32::INFINITY); 2];
        for q in q..q + TOGETHER {
            let start = l.splat(start[q]);
            for v in 0..2 {
                low[v] = l.min(l.add(l.load(&sums.0[q][v * 16..]), start), low[v]);
            }
        }
        if l.le(low[0], limit[0]) | l.le(low[1], limit[1]) == 0 {
            continue;
        }
        for q in q..q + TOGETHER {
            let j = panel.rows.start + g * SIDE + q;
            let start = l.splat(start[q]);
            let mut near = 0;
            for v in 0..2 {
                let bound = l.add(l.load(&sums.0[q][v * 16..]), start);
                near |= l.le(bound, limit[v]) << (v * 16);
            }
            if !span.contains(&j) {
                continue;
            }
            while near != 0 {
                let r = near.trailing_zeros() as usize;
                near &= near - 1;
                if !(job.off_diagonal && tile.first + r == j) {
                    passed[n] = (r as u8, q as u8);
                    n += 1;
                }
            }
        }
    }
    look::<L, J, S>(l, sums, group, tile, (&passed[..n], bounds), judge)
}

/// Pairs whose distances are computed side by side, so that additions overlap.
const LOOKED: usize = 4;

/// Judges pairs that passed, but for those that what was found meanwhile rules out.
#[inline(always)]
fn look<L: Lanes<E = f32>, J: Judge, const S: usize>(
    l: L,
    sums: &Sums,
    group: &Group<'_>,
    tile: &mut Tile,
    (passed, bounds): (&[(u8, u8)], Bounds<f32>),
    judge: &mut J,
) -> usize {
    let &Group { panel, g, .. } = group;
    let (start, (most, gap)) = (&panel.start[g * SIDE..(g + 1) * SIDE], panel.most[g]);
    let (mut few, mut n, mut judged) = ([(0, 0); LOOKED], 0, 0);
    for &(r, q) in passed {
        let (r, q) = (usize::from(r) % SIDE, usize::from(q) % SIDE);
        // Roundings of this sum are in the slack of the limit, as those of `limits` are.
        let wide = (tile.rest[r] * most + tile.length[r] * gap) * (1.0 + 1e-5);
        if sums.0[q][r] + start[q] > tile.limit[r] + wide {
            continue;
        }
        few[n] = (tile.first + r, panel.rows.start + g * SIDE + q);
        n += 1;
        if n == LOOKED {
            judge.judge::<L, S, LOOKED>(l, few);
            for (i, _) in few {
                tile.limit_of(i - tile.first, bounds, judge);
            }
            (n, judged) = (0, judged + LOOKED);
        }
    }
    for &(i, j) in &few[..n] {
        judge.judge::<L, S, 1>(l, [(i, j)]);
        tile.limit_of(i - tile.first, bounds, judge);
    }
    judged + n
}
