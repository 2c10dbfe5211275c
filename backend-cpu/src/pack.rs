//! Packing for the filter: rows of y as [group][t][G] premultiplied by −2, rows of x by columns.

use core::ops::Range;

use enfold_core::Element;
use enfold_core::distance::{LANES, fold_lanes};

use crate::bounds::{Bounds, tame};
use crate::direct::Table;
use crate::isa::Task;
use crate::lanes::{Lanes, MOST};

/// Bytes of a panel: y is packed once for all rows of x, piece by piece.
const PANEL: usize = 16 << 20;

/// Rows of y in a panel.
pub(crate) fn rows_of_panel<E>(dim: usize) -> usize {
    (PANEL / (dim * size_of::<E>())).clamp(64, 1 << 20)
}

/// Packed rows of y.
#[derive(Debug)]
pub(crate) struct Panel<E> {
    /// Numbers of the rows.
    pub(crate) rows: Range<usize>,
    /// Rows in a group, G.
    pub(crate) group: usize,
    /// What is subtracted from every row, zeros up to a multiple of 16.
    pub(crate) centre: Vec<E>,
    /// [group][t][G], −2(y − c).
    pub(crate) data: Vec<E>,
    /// Where accumulators start: |y − c|²(1 − e); ∞ for rows that are nobody's neighbour.
    pub(crate) start: Vec<E>,
    /// The largest |y − c|² of each group.
    pub(crate) most: Vec<E>,
}

/// Packs rows of y; `None` where a row is finite but too long for the filter.
pub(crate) struct Pack<'a, E> {
    pub(crate) y: Table<'a, E>,
    pub(crate) rows: Range<usize>,
}

impl<E: Element> Task<E> for Pack<'_, E> {
    type Out = Option<Panel<E>>;

    #[inline(always)]
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(
        self,
        _: L,
    ) -> Option<Panel<E>> {
        let Self { y, rows } = self;
        let dim = y.dim;
        let relative = Bounds::<E>::new(enfold_core::Metric::SqEuclidean, dim).relative;
        let groups = rows.len().div_ceil(G);
        let centre = centre(y, rows.clone());
        let mut data = vec![E::zero(); groups * dim * G];
        let mut start = vec![E::infinity(); groups * G];
        let mut most = vec![E::zero(); groups];
        for (at, j) in rows.clone().enumerate() {
            let (group, q) = (at / G, at % G);
            let row = y.row(j);
            if !finite(row) {
                continue;
            }
            let norm = E::of_f64(squares(row, &centre));
            if norm >= tame::<E>() || !norm.is_finite() {
                return None;
            }
            let (out, _) = data[group * dim * G..][..dim * G].as_chunks_mut::<G>();
            for ((out, &value), &c) in out.iter_mut().zip(row).zip(&centre) {
                let shifted = value - c;
                out[q] = -(shifted + shifted);
            }
            start[at] = norm * (E::one() - relative);
            most[group] = most[group].max(norm);
        }
        Some(Panel { rows, group: G, centre, data, start, most })
    }
}

/// Whether all elements are finite: sixteen strided sums, for one sum waits for itself.
#[inline(always)]
fn finite<E: Element>(row: &[E]) -> bool {
    let mut lanes = [E::zero(); LANES];
    for part in row.chunks(LANES) {
        for (lane, &v) in lanes.iter_mut().zip(part) {
            *lane = *lane + v * E::zero();
        }
    }
    fold_lanes(lanes).is_finite()
}

/// Σ (x−c)² in f64, sixteen strided sums.
#[inline(always)]
pub(crate) fn squares<E: Element>(row: &[E], centre: &[E]) -> f64 {
    let mut lanes = [0f64; LANES];
    for (x, c) in row.chunks(LANES).zip(centre.chunks(LANES)) {
        for ((lane, &x), &c) in lanes.iter_mut().zip(x).zip(c) {
            let shifted = (x - c).as_f64();
            *lane += shifted * shifted;
        }
    }
    fold_lanes(lanes)
}

/// Rows that the centre is the mean of, at most: any centre is right, a near one is tight.
const SAMPLE: usize = 4096;

/// The mean of the finite rows, in steps where there are many.
#[inline(always)]
pub(crate) fn centre<E: Element>(y: Table<'_, E>, rows: Range<usize>) -> Vec<E> {
    let mut sum = vec![0f64; y.dim];
    let mut count = 0u32;
    let step = rows.len().div_ceil(SAMPLE).max(1);
    for j in rows.step_by(step) {
        let row = y.row(j);
        if finite(row) {
            count += 1;
            for (sum, &value) in sum.iter_mut().zip(row) {
                *sum += value.as_f64();
            }
        }
    }
    let each = 1.0 / f64::from(count.max(1));
    let mut centre = vec![E::zero(); y.dim.next_multiple_of(MOST)];
    for (centre, sum) in centre.iter_mut().zip(sum) {
        let mean = E::of_f64(sum * each);
        *centre = if mean.is_finite() { mean } else { E::zero() };
    }
    centre
}

/// Writes rows of x, shifted by the centre, by columns: `out[t][v]` holds coordinate t of rows
/// `v·WIDTH..`. Returns their squared lengths. Lanes without a row are zero.
#[inline(always)]
pub(crate) fn columns<L: Lanes, const V: usize>(
    l: L,
    x: Table<'_, L::E>,
    rows: &[u32],
    centre: &[L::E],
    out: &mut [[L::V; V]],
) -> [L::V; V] {
    let (dim, zero) = (x.dim, l.splat(L::E::default()));
    let out = &mut out[..dim];
    let mut norm = [zero; V];
    for v in 0..V {
        // Four sums, so that additions overlap.
        let mut part = [zero; 4];
        let mine = rows.len().saturating_sub(v * L::WIDTH).min(L::WIDTH);
        let from = (v * L::WIDTH).min(rows.len());
        let mut row: [&[L::E]; MOST] = [&[]; MOST];
        for (row, &i) in row.iter_mut().zip(&rows[from..from + mine]) {
            *row = x.row(i as usize);
        }
        let mut block = [zero; MOST];
        let mut t = 0;
        while t + L::WIDTH <= dim {
            let c = l.load(&centre[t..]);
            if mine == L::WIDTH {
                for r in 0..L::WIDTH {
                    block[r] = l.sub(l.load(&row[r][t..t + L::WIDTH]), c);
                }
            } else {
                for r in 0..mine {
                    block[r] = l.sub(l.load(&row[r][t..t + L::WIDTH]), c);
                }
                for r in mine..L::WIDTH {
                    block[r] = zero;
                }
            }
            l.transpose(&mut block);
            for r in 0..L::WIDTH {
                out[t + r][v] = block[r];
                part[r % 4] = l.mul_add(block[r], block[r], part[r % 4]);
            }
            t += L::WIDTH;
        }
        if t < dim {
            let c = l.load(&centre[t..]);
            for r in 0..L::WIDTH {
                block[r] = if r < mine { l.sub(l.load_part(&row[r][t..]), c) } else { zero };
            }
            l.transpose(&mut block);
            for r in 0..L::WIDTH {
                if t + r < dim {
                    out[t + r][v] = block[r];
                    part[r % 4] = l.mul_add(block[r], block[r], part[r % 4]);
                }
            }
        }
        norm[v] = l.add(l.add(part[0], part[1]), l.add(part[2], part[3]));
    }
    norm
}
