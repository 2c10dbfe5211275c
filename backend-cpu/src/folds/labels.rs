//! Distances themselves, and their sums by label.

use enfold_core::{Element, NONE, Pairs};

use crate::direct::TILE;
use crate::isa::{Isa, Native};
use crate::sweep::{self, Direct, Fold};

/// Writes distances: those of row `i` to `out[(i − first)·width..]`, row `from` of y first.
struct Write<'a, E> {
    first: usize,
    from: usize,
    width: usize,
    out: &'a mut [E],
}

impl<E: Element> Fold<E> for Write<'_, E> {
    fn takes_all(&self) -> bool {
        true
    }

    fn limit(&self, _: usize) -> E {
        E::max_value()
    }

    fn meet(&mut self, i: usize, j: usize, near: u64, dist: &[E; TILE]) {
        let n = 64 - near.leading_zeros() as usize;
        let out = &mut self.out[(i - self.first) * self.width + j - self.from..][..n];
        if near == u64::MAX >> (64 - n) {
            out.copy_from_slice(&dist[..n]);
        } else {
            for (t, (out, &d)) in out.iter_mut().zip(dist).enumerate() {
                if near >> t & 1 == 1 {
                    *out = d;
                }
            }
        }
    }
}

/// [`distances`](enfold_core::Backend::distances).
pub(crate) fn distances<E: Native>(isa: Isa, pairs: &Pairs<'_, [E]>, out: &mut [E]) {
    let (width, from) = (pairs.y().len(), pairs.y().start());
    let out = (&mut out[..pairs.x().len() * width], &mut [(); 0][..]);
    sweep::each(isa, pairs, out, (width, 0), None, |job, _, out, _| {
        let mut fold = Write { first: job.rows.start, from, width, out };
        E::enter(isa, Direct { job: &job, fold: &mut fold });
    });
}

/// Adds distances to the sums of their labels, tile by tile: a tile's distances are added to
/// each other first, so errors grow with the number of tiles only.
struct Add<'a, E> {
    first: usize,
    k: usize,
    labels: &'a [u32],
    sums: &'a mut [E],
    /// The labels that occur in the tile, and which of them each of its rows has.
    present: [u32; TILE],
    count: usize,
    slot: [u8; TILE],
}

impl<E: Element> Fold<E> for Add<'_, E> {
    fn begin(&mut self, j: usize, n: usize) {
        self.count = 0;
        for (slot, &label) in self.slot.iter_mut().zip(&self.labels[j..j + n]) {
            let known = self.present[..self.count].iter().position(|&other| other == label);
            let at = known.unwrap_or(self.count);
            if at == self.count {
                self.present[at] = label;
                self.count += 1;
            }
            *slot = at as u8;
        }
    }

    fn limit(&self, _: usize) -> E {
        E::max_value()
    }

    fn meet(&mut self, i: usize, _: usize, near: u64, dist: &[E; TILE]) {
        // Two tables, so that equal labels next to each other do not wait for each other.
        let mut part = [[E::zero(); TILE]; 2];
        if near == u64::MAX {
            for t in 0..TILE / 2 {
                for half in 0..2 {
                    let slot = &mut part[half][self.slot[2 * t + half] as usize & (TILE - 1)];
                    *slot = *slot + dist[2 * t + half];
                }
            }
        } else {
            let mut near = near;
            while near != 0 {
                let t = near.trailing_zeros() as usize;
                near &= near - 1;
                let slot = &mut part[t & 1][self.slot[t] as usize & (TILE - 1)];
                *slot = *slot + dist[t];
            }
        }
        let sums = &mut self.sums[(i - self.first) * self.k..][..self.k];
        for (at, &label) in self.present[..self.count].iter().enumerate() {
            if label != NONE {
                let sum = &mut sums[label as usize];
                *sum = *sum + (part[0][at] + part[1][at]);
            }
        }
    }
}

/// [`sum_by_label`](enfold_core::Backend::sum_by_label).
pub(crate) fn sum<E: Native>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    labels: &[u32],
    k: usize,
    sums: &mut [E],
) {
    #[cfg(feature = "std")]
    if super::blocks::sum(isa, pairs, labels, k, sums) {
        return;
    }
    let out = (&mut sums[..pairs.x().len() * k], &mut [(); 0][..]);
    sweep::each(isa, pairs, out, (k, 0), None, |job, _, sums, _| {
        let mut fold = Add {
            first: job.rows.start,
            k,
            labels,
            sums,
            present: [NONE; TILE],
            count: 0,
            slot: [0; TILE],
        };
        E::enter(isa, Direct { job: &job, fold: &mut fold });
    });
}
