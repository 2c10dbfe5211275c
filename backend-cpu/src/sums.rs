//! Sums of values in f64, sixteen strided running sums per chunk.

use enfold_core::Element;
use enfold_core::distance::{LANES, fold_lanes};

use crate::isa::Task;
use crate::lanes::Lanes;

/// [`sums`](enfold_core::Backend::sums).
#[derive(Debug)]
pub struct Total<'a, E> {
    pub(crate) values: &'a [E],
    pub(crate) weights: Option<&'a [E]>,
    pub(crate) chunk: usize,
    pub(crate) out: &'a mut [f64],
}

impl<E: Element> Task<E> for Total<'_, E> {
    type Out = ();

    #[inline(always)]
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(self, _: L) {
        let chunk = self.chunk.max(1);
        match self.weights {
            None => {
                for (out, values) in self.out.iter_mut().zip(self.values.chunks(chunk)) {
                    *out = plain(values);
                }
            }
            Some(weights) => {
                let chunks = self.values.chunks(chunk).zip(weights.chunks(chunk));
                for (out, (values, weights)) in self.out.iter_mut().zip(chunks) {
                    *out = weighted(values, weights);
                }
            }
        }
    }
}

#[inline(always)]
fn plain<E: Element>(values: &[E]) -> f64 {
    let mut lanes = [0f64; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for values in whole {
        for (lane, &v) in lanes.iter_mut().zip(values) {
            *lane += v.as_f64();
        }
    }
    for (lane, &v) in lanes.iter_mut().zip(rest) {
        *lane += v.as_f64();
    }
    fold_lanes(lanes)
}

#[inline(always)]
fn weighted<E: Element>(values: &[E], weights: &[E]) -> f64 {
    let mut lanes = [0f64; LANES];
    for (values, weights) in values.chunks(LANES).zip(weights.chunks(LANES)) {
        for ((lane, &v), &w) in lanes.iter_mut().zip(values).zip(weights) {
            *lane += v.as_f64() * w.as_f64();
        }
    }
    fold_lanes(lanes)
}
