//! What this machine can do at most, measured before anything else is.

use std::fmt::{self, Display, Formatter};
use std::hint::black_box;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::clock::timed;

/// The two limits, with the threads of this run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// 10⁹ single-precision operations a second, a fused multiply-add being two.
    pub(crate) gflops: f64,
    /// 10⁹ bytes a second, read from memory.
    pub(crate) gbytes: f64,
}

/// Bytes that no cache holds.
const STREAM: usize = 256 << 20;
/// Turns of the arithmetic loop.
const TURNS: usize = 4_000_000;
/// Sums that hide each other's latency.
const CHAINS: usize = 12;

impl Limits {
    /// Measures both, the best of five.
    pub(crate) fn measure() -> Self {
        let threads = rayon::current_num_threads();
        let words = vec![1u64; STREAM / 8];
        let best = |work: &dyn Fn() -> f64| (0..5).map(|_| work()).fold(0.0, f64::max);
        let flops = || {
            let all = || (0..threads).into_par_iter().map(|_| Arch::new().dispatch(Multiply)).sum();
            let (ms, done): (f64, usize) = timed(all);
            done as f64 / ms / 1e6
        };
        let bytes = || {
            let part = words.len().div_ceil(threads);
            let add = |part: &[u64]| part.iter().fold(0u64, |sum, v| sum.wrapping_add(*v));
            let (ms, _) = timed(|| black_box(words.par_chunks(part).map(add).sum::<u64>()));
            STREAM as f64 / ms / 1e6
        };
        Self { gflops: best(&flops), gbytes: best(&bytes) }
    }

    pub(crate) fn json(&self) -> Value {
        json!({"task": "limits", "gflops": self.gflops, "gbytes": self.gbytes,
            "threads": rayon::current_num_threads()})
    }
}

impl Display for Limits {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let threads = rayon::current_num_threads();
        write!(f, "limits with {threads} threads: {:.1} GFLOP/s in f32, ", self.gflops)?;
        write!(f, "{:.1} GB/s read from memory", self.gbytes)
    }
}

/// Fused multiply-adds in registers; gives how many operations that were.
struct Multiply;

impl WithSimd for Multiply {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let (a, b) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(0.001)));
        let mut sums = [simd.splat_f32s(1.0); CHAINS];
        for _ in 0..TURNS {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, a, b);
            }
        }
        let all = sums.into_iter().fold(a, |all, sum| simd.add_f32s(all, sum));
        black_box(simd.reduce_sum_f32s(all));
        2 * CHAINS * TURNS * size_of::<S::f32s>() / 4
    }
}
