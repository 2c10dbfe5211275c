//! Distances themselves, and their sums by label.

use enfold_core::{Element, Pairs};

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
    const EVERY: bool = true;

    #[inline(always)]
    fn limit(&self, _: usize) -> E {
        E::max_value()
    }

    #[inline(always)]
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
    sweep::each(isa, pairs, out, (width, 0), false, |job, _, out, _| {
        let mut fold = Write { first: job.rows.start, from, width, out };
        E::enter(isa, Direct { job: &job, fold: &mut fold });
    });
}
