//! Products of columns: Σ q·qᵀ over a block of rows, in `f32`, added into `f64`.
//!
//! Every product sum is made of chains of fused multiply-adds over 64 rows each, whatever the
//! width of the vector unit and the number of threads: the same bits everywhere. Where there is
//! no fused multiply-add, software computes it, slowly.

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
/// From this many columns on, a block is shared between threads.
const SHARED: usize = 96;

/// A block of rows in two forms, each in the order in which products read it.
#[derive(Debug, Clone)]
pub(super) struct Panels {
    /// Panel, then row, then column; what a vector needs.
    panels: Vec<f32>,
    /// Group, then row, then column; what is multiplied with the vectors.
    groups: Vec<[f32; GROUP]>,
    dim: usize,
    rows: usize,
    width: usize,
}

impl Panels {
    /// Of no rows, for rows of `dim`.
    pub(super) fn new(dim: usize) -> Self {
        let width = VECTORS * Arch::new().dispatch(Lanes);
        let panels = vec![0.0; dim.div_ceil(width) * width * BLOCK];
        let groups = vec![[0.0; GROUP]; dim.div_ceil(GROUP) * BLOCK];
        Self { panels, groups, dim, rows: 0, width }
    }

    /// Adds rows of `dim` elements; there is room for [`BLOCK`]. Best are [`CHAIN`] at once: a
    /// row by itself goes to places whose distance is a power of two, for which caches have few
    /// lines.
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
        let group = |(g, rows): (usize, &mut [f64])| {
            Arch::new().dispatch(Group { panels: self, number: g, into: rows });
        };
        if self.dim < SHARED {
            into.chunks_mut(GROUP * self.dim).enumerate().for_each(group);
        } else {
            into.par_chunks_mut(GROUP * self.dim).enumerate().for_each(group);
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
        let Self { panels: Panels { panels, groups, dim, width, .. }, start, rows } = self;
        let (dim, width) = (*dim, *width);
        for (p, panel) in panels.chunks_exact_mut(BLOCK * width).enumerate() {
            let columns = p * width..dim.min((p + 1) * width);
            let places = panel[start * width..].chunks_exact_mut(width);
            for (to, row) in places.zip(rows.chunks_exact(dim)) {
                let from = &row[columns.clone()];
                if from.len() == width {
                    S::as_mut_simd_f32s(to).0.copy_from_slice(S::as_simd_f32s(from).0);
                } else {
                    to[..from.len()].copy_from_slice(from);
                }
            }
        }
        for (g, group) in groups.chunks_exact_mut(BLOCK).enumerate() {
            for (to, row) in group[start..].iter_mut().zip(rows.chunks_exact(dim)) {
                let from = &row[g * GROUP..];
                match from.first_chunk() {
                    Some(from) => *to = *from,
                    None => to[..from.len()].copy_from_slice(from),
                }
            }
        }
    }
}

/// Products of a group of columns with all columns up to them.
struct Group<'a> {
    panels: &'a Panels,
    number: usize,
    into: &'a mut [f64],
}

impl WithSimd for Group<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panels: all, number, into } = self;
        let group = &all.groups[number * BLOCK..][..all.rows];
        let last = all.dim.min((number + 1) * GROUP) - 1;
        let mut sums = vec![0.0f32; GROUP * all.width];
        let mut totals = vec![0.0f64; GROUP * all.width];
        for (p, start) in (0..=last).step_by(all.width).enumerate() {
            let panel = &all.panels[p * BLOCK * all.width..][..all.rows * all.width];
            totals.fill(0.0);
            let links = panel.chunks(CHAIN * all.width).zip(group.chunks(CHAIN));
            for (panel, group) in links {
                simd.vectorize(Tile { group, panel, sums: &mut sums });
                totals.iter_mut().zip(&sums).for_each(|(to, &sum)| *to += f64::from(sum));
            }
            let rows = into.chunks_exact_mut(all.dim).zip(totals.chunks_exact(all.width));
            for (t, (row, totals)) in (number * GROUP..).zip(rows) {
                // Up to the diagonal.
                let end = (start + all.width).min(t + 1).max(start);
                row[start..end].iter_mut().zip(totals).for_each(|(to, total)| *to += total);
            }
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
