//! WebAssembly `simd128`: four lanes of f32, no fused multiply-add.

use core::arch::wasm32::*;

use super::{Lanes, MOST};

/// `simd128`, which the crate was compiled for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Simd128(());

impl Simd128 {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl Lanes for Simd128 {
    type E = f32;
    type V = v128;
    const WIDTH: usize = 4;

    #[inline(always)]
    fn splat(self, value: f32) -> v128 {
        f32x4_splat(value)
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> v128 {
        let from = &from[..4];
        // SAFETY: four elements are there; loads need no alignment.
        unsafe { v128_load(from.as_ptr().cast()) }
    }

    #[inline(always)]
    fn load_part(self, from: &[f32]) -> v128 {
        let mut lane = [0.0; 4];
        for (lane, &x) in lane.iter_mut().zip(from) {
            *lane = x;
        }
        self.load(&lane)
    }

    #[inline(always)]
    fn store(self, v: v128, to: &mut [f32]) {
        let to = &mut to[..4];
        // SAFETY: four elements are there; stores need no alignment.
        unsafe { v128_store(to.as_mut_ptr().cast(), v) }
    }

    #[inline(always)]
    fn add(self, a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }

    #[inline(always)]
    fn sub(self, a: v128, b: v128) -> v128 {
        f32x4_sub(a, b)
    }

    #[inline(always)]
    fn mul(self, a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: v128, b: v128, c: v128) -> v128 {
        f32x4_add(f32x4_mul(a, b), c)
    }

    #[inline(always)]
    fn abs(self, a: v128) -> v128 {
        f32x4_abs(a)
    }

    #[inline(always)]
    fn sqrt(self, a: v128) -> v128 {
        f32x4_sqrt(a)
    }

    // `pmin(p, q)` is q < p ? q : p.
    #[inline(always)]
    fn min(self, a: v128, b: v128) -> v128 {
        f32x4_pmin(b, a)
    }

    #[inline(always)]
    fn max(self, a: v128, b: v128) -> v128 {
        f32x4_pmax(b, a)
    }

    #[inline(always)]
    fn if_less(self, a: v128, b: v128, then: v128, other: v128) -> v128 {
        v128_bitselect(then, other, f32x4_lt(a, b))
    }

    #[inline(always)]
    fn le(self, a: v128, b: v128) -> u32 {
        u32::from(u32x4_bitmask(f32x4_le(a, b)))
    }

    #[inline(always)]
    fn fold(self, v: v128) -> f32 {
        let half = f32x4_add(v, i32x4_shuffle::<2, 3, 0, 1>(v, v));
        f32x4_extract_lane::<0>(half) + f32x4_extract_lane::<1>(half)
    }

    #[inline(always)]
    fn transpose(self, r: &mut [v128; MOST]) {
        let a = i32x4_shuffle::<0, 4, 1, 5>(r[0], r[2]);
        let b = i32x4_shuffle::<2, 6, 3, 7>(r[0], r[2]);
        let c = i32x4_shuffle::<0, 4, 1, 5>(r[1], r[3]);
        let d = i32x4_shuffle::<2, 6, 3, 7>(r[1], r[3]);
        r[0] = i32x4_shuffle::<0, 4, 1, 5>(a, c);
        r[1] = i32x4_shuffle::<2, 6, 3, 7>(a, c);
        r[2] = i32x4_shuffle::<0, 4, 1, 5>(b, d);
        r[3] = i32x4_shuffle::<2, 6, 3, 7>(b, d);
    }

    #[inline(always)]
    fn splat_index(self, index: u32) -> v128 {
        u32x4_splat(index)
    }

    #[inline(always)]
    fn load_index(self, from: &[u32; MOST]) -> v128 {
        // SAFETY: sixteen elements are there; loads need no alignment.
        unsafe { v128_load(from.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store_index(self, v: v128, to: &mut [u32; MOST]) {
        // SAFETY: sixteen elements are there; stores need no alignment.
        unsafe { v128_store(to.as_mut_ptr().cast(), v) }
    }

    #[inline(always)]
    fn add_rounded<const SQUARES: bool>(self, v: v128, sums: &mut [i64], squares: &mut [u64; 8]) {
        let sums = &mut sums[..4];
        let q = i32x4_trunc_sat_f32x4(f32x4_nearest(v));
        let (low, high) = (i64x2_extend_low_i32x4(q), i64x2_extend_high_i32x4(q));
        for (at, q) in [(0, low), (2, high)] {
            sums[at] = sums[at].wrapping_add(i64x2_extract_lane::<0>(q));
            sums[at + 1] = sums[at + 1].wrapping_add(i64x2_extract_lane::<1>(q));
            if SQUARES {
                let qq = i64x2_mul(q, q);
                squares[at] = squares[at].wrapping_add(i64x2_extract_lane::<0>(qq) as u64);
                squares[at + 1] = squares[at + 1].wrapping_add(i64x2_extract_lane::<1>(qq) as u64);
            }
        }
    }
}
