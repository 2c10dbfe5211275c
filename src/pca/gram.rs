//! Products of columns: Σ q·qᵀ over a block of rows, in `f32`, added into `f64`.
//!
//! Every product sum is made of chains of fused multiply-adds over 64 rows each, whatever the
//! width of the vector unit and the number of threads: the same bits everywhere. Where there is
//! no fused multiply-add, software computes it, slowly.
//!
//! Where all of some neighbouring columns lie at the origin throughout a chain – the border of
//! images, words that a text lacks – their products are +0, which changes no sum: they are left out.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Rows of a sum in `f32`: in a longer one many small products would vanish beside a large one.
pub(super) const CHAIN: usize = 64;
/// Rows of a block.
pub(super) const BLOCK: usize = 512;
/// Columns whose products with a panel are made at once: with two vectors of the panel they keep
/// twelve sums in registers, and leave some for what is read.
const GROUP: usize = 6;
/// Vectors across a panel of columns.
const VECTORS: usize = 2;
/// Groups that meet a panel while a chain of it lies in the nearest cache.
const SHARE: usize = 4;
/// Panels whose products are kept in a near cache until they are added, row by row.
const STRIP: usize = 8;
/// Chains of a block.
const CHAINS: usize = BLOCK / CHAIN;
/// From this many columns on, a block is shared between threads.
const SHARED: usize = 96;

/// A block of rows in two forms, each in the order in which products read it.
#[derive(Debug, Clone)]
pub(super) struct Panels {
    /// Panel, then row, then column; what a vector needs.
    panels: Vec<f32>,
    /// Group, then row, then column; what is multiplied with the vectors.
    groups: Vec<[f32; GROUP]>,
    /// Of each panel and each group, the chains in which it is not all 0.
    panels_in: Vec<[bool; CHAINS]>,
    groups_in: Vec<[bool; CHAINS]>,
    dim: usize,
    rows: usize,
    width: usize,
}

impl Panels {
    /// Of no rows, for rows of `dim`.
    pub(super) fn new(dim: usize) -> Self {
        let width = VECTORS * Arch::new().dispatch(Lanes);
        let (panels, groups) = (dim.div_ceil(width), dim.div_ceil(GROUP));
        Self {
            panels: vec![0.0; panels * width * BLOCK],
            groups: vec![[0.0; GROUP]; groups * BLOCK],
            panels_in: vec![[false; CHAINS]; panels],
            groups_in: vec![[false; CHAINS]; groups],
            dim,
            rows: 0,
            width,
        }
    }

    /// Adds a chain: [`CHAIN`] rows of `dim` elements, or fewer at last. There is room for
    /// [`BLOCK`] rows.
    pub(super) fn push(&mut self, rows: &[f32]) {
        let start = self.rows;
        self.rows += rows.len() / self.dim;
        Arch::new().dispatch(Load { panels: self, start, rows });
    }

    /// Forgets the rows.
    pub(super) fn clear(&mut self) {
        self.rows = 0;
    }

    /// Adds Σ q·qᵀ into the lower triangle of a dim × dim matrix.
    pub(super) fn add_products(&self, into: &mut [f64]) {
        let share = |(s, rows): (usize, &mut [f64])| {
            Arch::new().dispatch(Share { panels: self, first: s * SHARE, into: rows });
        };
        let size = SHARE * GROUP * self.dim;
        if self.dim < SHARED {
            into.chunks_mut(size).enumerate().for_each(share);
        } else {
            into.par_chunks_mut(size).enumerate().for_each(share);
        }
    }
}

/// Elements of a vector.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// Writes rows in both forms.
struct Load<'a> {
    panels: &'a mut Panels,
    start: usize,
    rows: &'a [f32],
}

impl WithSimd for Load<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { panels: all, start, rows } = self;
        let Panels { panels, groups, panels_in, groups_in, dim, width, .. } = all;
        let (dim, width) = (*dim, *width);
        let (chain, count) = (start / CHAIN, rows.len() / dim);
        for (p, panel) in panels.chunks_exact_mut(BLOCK * width).enumerate() {
            let columns = p * width..dim.min((p + 1) * width);
            let panel = &mut panel[start * width..][..count * width];
            for (to, row) in panel.chunks_exact_mut(width).zip(rows.chunks_exact(dim)) {
                let from = &row[columns.clone()];
                if from.len() == width {
                    S::as_mut_simd_f32s(to).0.copy_from_slice(S::as_simd_f32s(from).0);
                } else {
                    to[..from.len()].copy_from_slice(from);
                }
            }
            panels_in[p][chain] = holds_any(panel);
        }
        for (g, group) in groups.chunks_exact_mut(BLOCK).enumerate() {
            let group = &mut group[start..][..count];
            for (to, row) in group.iter_mut().zip(rows.chunks_exact(dim)) {
                let from = &row[g * GROUP..];
                match from.first_chunk() {
                    Some(from) => *to = *from,
                    None => to[..from.len()].copy_from_slice(from),
                }
            }
            groups_in[g][chain] = holds_any(group.as_flattened());
        }
    }
}

/// Whether one of them is not 0.
#[inline(always)]
fn holds_any(values: &[f32]) -> bool {
    // Without a branch for each value: in vectors. The sign is shifted out.
    values.iter().fold(0, |any, value| any | value.to_bits() << 1) != 0
}

/// Products of some groups of columns with all columns up to them.
struct Share<'a> {
    panels: &'a Panels,
    first: usize,
    into: &'a mut [f64],
}

impl WithSimd for Share<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panels: all, first, into } = self;
        let rows = into.len() / all.dim;
        let groups = first..first + rows.div_ceil(GROUP);
        let mut sums = vec![0.0f32; GROUP * all.width];
        let mut totals = vec![0.0f64; STRIP * SHARE * GROUP * all.width];
        for strip in (0..(first * GROUP + rows).div_ceil(all.width)).step_by(STRIP) {
            totals.fill(0.0);
            all.strip(simd, (strip, groups.clone()), &mut sums, &mut totals);
            all.add_strip((strip, first * GROUP), &totals, into);
        }
    }
}

impl Panels {
    /// Adds products of a strip and some groups into totals: panel, then row, then column.
    #[inline(always)]
    fn strip<S: Simd>(
        &self,
        simd: S,
        (strip, groups): (usize, Range<usize>),
        sums: &mut [f32],
        totals: &mut [f64],
    ) {
        let totals = totals.chunks_exact_mut(SHARE * GROUP * self.width);
        for (panel, totals) in (strip..self.panels_in.len()).zip(totals) {
            for chain in 0..self.rows.div_ceil(CHAIN) {
                let totals = totals.chunks_exact_mut(GROUP * self.width);
                for (group, totals) in groups.clone().zip(totals) {
                    if self.meet(panel, group, chain) {
                        simd.vectorize(self.tile(panel, group, chain, sums));
                        let each = totals.iter_mut().zip(&*sums);
                        each.for_each(|(total, &sum)| *total += f64::from(sum));
                    }
                }
            }
        }
    }

    /// Adds totals into rows of the matrix from `first` on, up to the diagonal.
    #[inline(always)]
    fn add_strip(&self, (strip, first): (usize, usize), totals: &[f64], into: &mut [f64]) {
        for (r, row) in into.chunks_exact_mut(self.dim).enumerate() {
            let places = row[..=first + r].chunks_mut(self.width).skip(strip);
            for (place, totals) in places.zip(totals.chunks_exact(SHARE * GROUP * self.width)) {
                let totals = &totals[r * self.width..];
                place.iter_mut().zip(totals).for_each(|(to, total)| *to += total);
            }
        }
    }

    /// Whether a panel and a group have products that count and are not all 0, in a chain.
    fn meet(&self, panel: usize, group: usize, chain: usize) -> bool {
        panel * self.width < (group + 1) * GROUP
            && self.panels_in[panel][chain]
            && self.groups_in[group][chain]
    }

    fn tile<'a>(
        &'a self,
        panel: usize,
        group: usize,
        chain: usize,
        sums: &'a mut [f32],
    ) -> Tile<'a> {
        let rows = chain * CHAIN..self.rows.min((chain + 1) * CHAIN);
        let panel = &self.panels[panel * BLOCK * self.width..];
        Tile {
            panel: &panel[rows.start * self.width..rows.end * self.width],
            group: &self.groups[group * BLOCK..][rows],
            sums,
        }
    }
}

/// Sums over rows of the products of a group with a panel: a function of its own, or the
/// sums would not stay in registers.
struct Tile<'a> {
    group: &'a [[f32; GROUP]],
    panel: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; GROUP];
        let (rows, _) = S::as_simd_f32s(self.panel).0.as_chunks::<VECTORS>();
        for (row, group) in rows.iter().zip(self.group) {
            for m in 0..GROUP {
                let value = simd.splat_f32s(group[m]);
                for v in 0..VECTORS {
                    sums[m][v] = simd.mul_add_f32s(value, row[v], sums[m][v]);
                }
            }
        }
        self.sums.copy_from_slice(bytemuck::cast_slice(&sums));
    }
}
