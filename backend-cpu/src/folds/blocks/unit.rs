//! Blocks of x against a block of y.

use enfold_core::Element;
use num_traits::{Float, Zero};

use super::{CHUNK, FLUSH, NEAR, TILES};
use crate::direct::{self, Table};
use crate::filter::TILE;
use crate::isa::Task;
use crate::lanes::{Lanes, MOST};
use crate::pack;

/// Blocks of rows of x and one of rows of y.
pub(super) struct Unit<'a, E> {
    pub(super) x: Table<'a, E>,
    pub(super) y: Table<'a, E>,
    /// With each block, whether rows of y want sums over it as well.
    pub(super) rows: &'a [(&'a [u32], bool)],
    pub(super) others: &'a [u32],
}

/// Sums over the other block for every row.
#[derive(Debug)]
pub(super) struct Out {
    pub(super) rows: Vec<f64>,
    /// Empty where they are not wanted.
    pub(super) others: Vec<f64>,
}

/// Rows of y, shifted by their mean.
struct Packed<E> {
    centre: Vec<E>,
    /// [group][t][G], −2(y − c); zeros where there is no row.
    data: Vec<E>,
    /// |y − c|².
    norm: Vec<E>,
}

/// θ and the least square that counts as normal.
#[derive(Debug, Clone, Copy)]
struct Limit<E> {
    theta: E,
    tiny: E,
}

impl<E: Element> Limit<E> {
    fn of(dim: usize) -> Self {
        let e = dim.min(CHUNK) + dim.div_ceil(CHUNK) + 5;
        let tiny = 4.0 * dim as f64 * E::min_positive_value().as_f64();
        Self { theta: E::of_f64(e as f64 / (2.0 * NEAR)), tiny: E::of_f64(tiny) }
    }
}

impl<E: Element> Packed<E> {
    #[inline(always)]
    fn of<const G: usize>(y: Table<'_, E>, rows: &[u32]) -> Self {
        let (dim, groups) = (y.dim, rows.len().div_ceil(G));
        let centre = mean(y, rows);
        let zeros = |len| vec![E::zero(); len];
        let (mut data, mut norm) = (zeros(groups * dim * G), zeros(groups * G));
        for (at, &j) in rows.iter().enumerate() {
            let row = y.row(j as usize);
            norm[at] = E::of_f64(pack::squares(row, &centre));
            let (out, _) = data[at / G * dim * G..][..dim * G].as_chunks_mut::<G>();
            for ((out, &value), &c) in out.iter_mut().zip(row).zip(&centre) {
                let shifted = value - c;
                out[at % G] = -(shifted + shifted);
            }
        }
        Self { centre, data, norm }
    }
}

/// The mean of rows, zeros up to a multiple of the lanes.
#[inline(always)]
fn mean<E: Element>(y: Table<'_, E>, rows: &[u32]) -> Vec<E> {
    let mut sum = vec![0f64; y.dim];
    for &j in rows {
        for (sum, &value) in sum.iter_mut().zip(y.row(j as usize)) {
            *sum += value.as_f64();
        }
    }
    let mut centre = vec![E::zero(); y.dim.next_multiple_of(MOST)];
    for (centre, sum) in centre.iter_mut().zip(sum) {
        *centre = E::of_f64(sum / rows.len() as f64);
    }
    centre
}

/// Rows of x in lanes.
struct Tile<'a, L: Lanes, const V: usize> {
    rows: &'a [u32],
    /// |x − c|².
    norm: [L::V; V],
    /// 1, or 0 in lanes without a row.
    weight: [L::V; V],
    /// Whether there are such lanes.
    ragged: bool,
}

impl<'a, L: Lanes, const V: usize> Tile<'a, L, V> {
    #[inline(always)]
    fn of(l: L, x: Table<'_, L::E>, rows: &'a [u32], centre: &[L::E]) -> Self {
        let (mut norm, mut weight) = ([L::E::zero(); TILE], [L::E::zero(); TILE]);
        for (r, &i) in rows.iter().enumerate() {
            norm[r] = L::E::of_f64(pack::squares(x.row(i as usize), centre));
            weight[r] = L::E::of_f64(1.0);
        }
        let ragged = rows.len() < V * L::WIDTH;
        Self { rows, norm: Self::load(l, &norm), weight: Self::load(l, &weight), ragged }
    }

    #[inline(always)]
    fn load(l: L, from: &[L::E; TILE]) -> [L::V; V] {
        let mut to = [l.splat(L::E::zero()); V];
        for v in 0..V {
            to[v] = l.load(&from[v * L::WIDTH..]);
        }
        to
    }
}

impl<E: Element> Task<E> for Unit<'_, E> {
    type Out = Vec<Out>;

    #[inline(always)]
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(
        self,
        l: L,
    ) -> Vec<Out> {
        let packed = Packed::of::<G>(self.y, self.others);
        let mut out = Vec::with_capacity(self.rows.len());
        for &(rows, both) in self.rows {
            out.push(self.block::<L, S, V, G>(l, &packed, rows, both));
        }
        out
    }
}

impl<E: Element> Unit<'_, E> {
    /// One block of x.
    #[inline(always)]
    fn block<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(
        &self,
        l: L,
        packed: &Packed<E>,
        rows: &[u32],
        both: bool,
    ) -> Out {
        let groups = self.others.len().div_ceil(G);
        let mut columns = vec![l.splat(E::zero()); if both { groups * G } else { 0 }];
        let mut out =
            Out { rows: Vec::new(), others: vec![0.0; if both { self.others.len() } else { 0 }] };
        for rows in rows.chunks(TILES * V * L::WIDTH) {
            self.tiles::<L, S, V, G>(l, packed, rows, &mut columns, &mut out.rows);
            for (sum, column) in out.others.iter_mut().zip(&mut columns) {
                *sum += across(l, *column);
                *column = l.splat(E::zero());
            }
        }
        out
    }

    /// Up to [`TILES`] tiles: adds to the columns in their lanes.
    #[inline(always)]
    fn tiles<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(
        &self,
        l: L,
        packed: &Packed<E>,
        rows: &[u32],
        columns: &mut [L::V],
        sums: &mut Vec<f64>,
    ) {
        let (zero, limit) = (l.splat(E::zero()), Limit::of(self.x.dim));
        let groups = self.others.len().div_ceil(G);
        let mut points = vec![[zero; V]; self.x.dim];
        // Made once: to clear them for every group took a tenth of the time.
        let [mut products, mut more, mut dist] = [[[zero; V]; G]; 3];
        for rows in rows.chunks(V * L::WIDTH) {
            pack::columns(l, self.x, rows, &packed.centre, &mut points);
            let tile = Tile::<L, V>::of(l, self.x, rows, &packed.centre);
            let (mut part, mut total) = ([zero; V], [0f64; TILE]);
            for g in 0..groups {
                let others = &self.others[g * G..self.others.len().min(g * G + G)];
                let norms = &packed.norm[g * G..][..G];
                multiply(l, packed, &points, g, &mut products, &mut more);
                if distances(l, limit, norms, &tile, &products, &mut dist) {
                    let at = (&tile, others, norms);
                    self.correct::<L, S, V, G>(l, limit, at, &products, &mut dist);
                }
                let mut sum = dist[0];
                for dist in &dist[1..others.len()] {
                    for v in 0..V {
                        sum[v] = l.add(sum[v], dist[v]);
                    }
                }
                for v in 0..V {
                    part[v] = l.add(part[v], sum[v]);
                }
                if !columns.is_empty() {
                    for (column, dist) in columns[g * G..][..G].iter_mut().zip(&dist) {
                        let mut sum = dist[0];
                        for v in 1..V {
                            sum = l.add(sum, dist[v]);
                        }
                        *column = l.add(*column, sum);
                    }
                }
                if g % FLUSH == FLUSH - 1 || g + 1 == groups {
                    flush(l, &mut part, &mut total);
                }
            }
            sums.extend_from_slice(&total[..rows.len()]);
        }
    }

    /// Canonical distances in place of those whose squares are too low.
    #[inline(always)]
    fn correct<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(
        &self,
        l: L,
        limit: Limit<E>,
        (tile, others, norms): (&Tile<'_, L, V>, &[u32], &[E]),
        products: &[[L::V; V]; G],
        dist: &mut [[L::V; V]; G],
    ) {
        for (q, &j) in others.iter().enumerate() {
            for v in 0..V {
                let (_, above) = square(l, limit, tile.norm[v], l.splat(norms[q]), products[q][v]);
                let mut bits = l.le(above, l.splat(limit.tiny));
                if bits == 0 {
                    continue;
                }
                let mut lane = [E::zero(); MOST];
                l.store(dist[q][v], &mut lane);
                while bits != 0 {
                    let r = bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    let row = tile.rows.get(v * L::WIDTH + r);
                    lane[r] = row.map_or(E::zero(), |&i| {
                        let (x, y) = (self.x.row(i as usize), self.y.row(j as usize));
                        let [distance] = direct::euclidean::<L, S, 1>(l, true, [x], [y]);
                        distance
                    });
                }
                dist[q][v] = l.load(&lane);
            }
        }
    }
}

/// −2x'·y' of a tile and a group; `more` is scratch.
#[inline(always)]
fn multiply<L: Lanes, const V: usize, const G: usize>(
    l: L,
    packed: &Packed<L::E>,
    points: &[[L::V; V]],
    g: usize,
    sum: &mut [[L::V; V]; G],
    more: &mut [[L::V; V]; G],
) {
    let dim = points.len();
    let (rows, _) = packed.data[g * dim * G..][..dim * G].as_chunks::<G>();
    let start = [L::E::zero(); G];
    l.products(&points[..dim.min(CHUNK)], &rows[..dim.min(CHUNK)], &start, sum);
    let mut t = CHUNK;
    while t < dim {
        let end = dim.min(t + CHUNK);
        l.products(&points[t..end], &rows[t..end], &start, more);
        for q in 0..G {
            for v in 0..V {
                sum[q][v] = l.add(sum[q][v], more[q][v]);
            }
        }
        t = end;
    }
}

/// A squared distance, and how far it is above θ·(|x'|² + |y'|²).
#[inline(always)]
fn square<L: Lanes>(
    l: L,
    limit: Limit<L::E>,
    x_norm: L::V,
    y_norm: L::V,
    product: L::V,
) -> (L::V, L::V) {
    let norms = l.add(x_norm, y_norm);
    let square = l.add(product, norms);
    (square, l.mul_add(norms, l.splat(-limit.theta), square))
}

/// Distances from products; returns whether any square is so low that it may not be near.
#[inline(always)]
fn distances<L: Lanes, const V: usize, const G: usize>(
    l: L,
    limit: Limit<L::E>,
    norms: &[L::E],
    tile: &Tile<'_, L, V>,
    products: &[[L::V; V]; G],
    dist: &mut [[L::V; V]; G],
) -> bool {
    let mut least = [l.splat(L::E::infinity()); V];
    for q in 0..G {
        let norm = l.splat(norms[q]);
        for v in 0..V {
            let (square, above) = square(l, limit, tile.norm[v], norm, products[q][v]);
            least[v] = l.min(above, least[v]);
            dist[q][v] = l.near_sqrt(square);
            if tile.ragged {
                dist[q][v] = l.mul(dist[q][v], tile.weight[v]);
            }
        }
    }
    let tiny = l.splat(limit.tiny);
    let mut any = 0;
    for v in 0..V {
        any |= l.le(least[v], tiny);
    }
    any != 0
}

/// Moves the sums of the lanes on to f64.
#[inline(always)]
fn flush<L: Lanes, const V: usize>(l: L, part: &mut [L::V; V], total: &mut [f64; TILE]) {
    for v in 0..V {
        let mut lane = [L::E::zero(); MOST];
        l.store(part[v], &mut lane);
        for (total, lane) in total[v * L::WIDTH..].iter_mut().zip(&lane[..L::WIDTH]) {
            *total += lane.as_f64();
        }
        part[v] = l.splat(L::E::zero());
    }
}

/// The sum over the lanes.
#[inline(always)]
fn across<L: Lanes>(l: L, column: L::V) -> f64 {
    let mut lane = [L::E::zero(); MOST];
    l.store(column, &mut lane);
    let mut sum = 0.0;
    for lane in &lane[..L::WIDTH] {
        sum += lane.as_f64();
    }
    sum
}
