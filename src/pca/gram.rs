//! Products of columns: Σ q·qᵀ over a block of rows, in `f32`, added into `f64`.
//!
//! Every product sum is made of chains of fused multiply-adds over 64 rows each, whatever the
//! width of the vector unit and the number of threads: the same bits everywhere. Where there is
//! no fused multiply-add, software computes it, slowly.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Rows of a sum in `f32`: in a longer one many small products would vanish beside a large one.
const CHAIN: usize = 64;
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

    /// Adds a row of `dim` elements; there is room for [`BLOCK`].
    pub(super) fn push(&mut self, row: &[f32]) {
        let r = self.rows;
        Arch::new().dispatch(Load { panels: self, r, row });
        self.rows += 1;
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

/// Writes a row in both forms.
struct Load<'a> {
    panels: &'a mut Panels,
    r: usize,
    row: &'a [f32],
}

impl WithSimd for Load<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panels: to, r, row } = self;
        let (vectors, rest) = S::as_simd_f32s(row);
        let panels = to.panels.chunks_exact_mut(BLOCK * to.width);
        for (panel, from) in panels.zip(vectors.chunks(VECTORS)) {
            let (piece, _) = S::as_mut_simd_f32s(&mut panel[r * to.width..][..to.width]);
            piece[..from.len()].copy_from_slice(from);
        }
        let done = row.len() - rest.len();
        let start = done / to.width * BLOCK * to.width + r * to.width + done % to.width;
        if !rest.is_empty() {
            simd.partial_store_f32s(
                &mut to.panels[start..][..rest.len()],
                simd.partial_load_f32s(rest),
            );
        }
        let (whole, rest) = row.as_chunks::<GROUP>();
        let groups = to.groups.chunks_exact_mut(BLOCK);
        for (group, from) in groups.zip(whole) {
            group[r] = *from;
        }
        if !rest.is_empty() {
            to.groups[whole.len() * BLOCK + r][..rest.len()].copy_from_slice(rest);
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
