//! AArch64 Advanced SIMD: four lanes of f32.

use core::arch::aarch64::*;

use super::{Lanes, MOST};

/// Advanced SIMD, which the crate was compiled for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neon(());

impl Neon {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

/// Methods that are one intrinsic.
macro_rules! plain {
    ($($name:ident($($a:ident),+) = $intrinsic:ident;)+) => {$(
        #[inline(always)]
        fn $name(self, $($a: float32x4_t),+) -> float32x4_t {
            // SAFETY: this module is compiled with the feature on.
            unsafe { $intrinsic($($a),+) }
        }
    )+};
}

impl Lanes for Neon {
    type E = f32;
    type V = float32x4_t;
    const WIDTH: usize = 4;

    plain! {
        add(a, b) = vaddq_f32;
        sub(a, b) = vsubq_f32;
        mul(a, b) = vmulq_f32;
        abs(a) = vabsq_f32;
        sqrt(a) = vsqrtq_f32;
    }

    #[inline(always)]
    fn splat(self, value: f32) -> float32x4_t {
        // SAFETY: the feature is on.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> float32x4_t {
        let from = &from[..4];
        // SAFETY: the feature is on; four elements are there.
        unsafe { vld1q_f32(from.as_ptr()) }
    }

    #[inline(always)]
    fn load_part(self, from: &[f32]) -> float32x4_t {
        let mut lane = [0.0; 4];
        for (lane, &x) in lane.iter_mut().zip(from) {
            *lane = x;
        }
        self.load(&lane)
    }

    #[inline(always)]
    fn store(self, v: float32x4_t, to: &mut [f32]) {
        let to = &mut to[..4];
        // SAFETY: the feature is on; four elements are there.
        unsafe { vst1q_f32(to.as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: the feature is on.
        unsafe { vfmaq_f32(c, a, b) }
    }

    // The instructions FMIN and FMAX return NaN where either is NaN; the contract of `Lanes` is
    // the second operand, so these compare and select.
    #[inline(always)]
    fn min(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        self.if_less(a, b, a, b)
    }

    #[inline(always)]
    fn max(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        self.if_less(b, a, a, b)
    }

    #[inline(always)]
    fn if_less(
        self,
        a: float32x4_t,
        b: float32x4_t,
        then: float32x4_t,
        other: float32x4_t,
    ) -> float32x4_t {
        // SAFETY: the feature is on.
        unsafe { vbslq_f32(vcltq_f32(a, b), then, other) }
    }

    #[inline(always)]
    fn le(self, a: float32x4_t, b: float32x4_t) -> u32 {
        // SAFETY: the feature is on; the array has four elements.
        unsafe {
            let bit = vld1q_u32([1u32, 2, 4, 8].as_ptr());
            vaddvq_u32(vandq_u32(vcleq_f32(a, b), bit))
        }
    }

    #[inline(always)]
    fn fold(self, v: float32x4_t) -> f32 {
        // SAFETY: the feature is on.
        unsafe {
            let half = vadd_f32(vget_low_f32(v), vget_high_f32(v));
            vget_lane_f32::<0>(half) + vget_lane_f32::<1>(half)
        }
    }

    #[inline(always)]
    fn transpose(self, r: &mut [float32x4_t; MOST]) {
        // SAFETY: the feature is on.
        unsafe {
            let (a, b) = (vzip1q_f32(r[0], r[2]), vzip2q_f32(r[0], r[2]));
            let (c, d) = (vzip1q_f32(r[1], r[3]), vzip2q_f32(r[1], r[3]));
            r[0] = vzip1q_f32(a, c);
            r[1] = vzip2q_f32(a, c);
            r[2] = vzip1q_f32(b, d);
            r[3] = vzip2q_f32(b, d);
        }
    }

    #[inline(always)]
    fn splat_index(self, index: u32) -> float32x4_t {
        // SAFETY: the feature is on.
        unsafe { vreinterpretq_f32_u32(vdupq_n_u32(index)) }
    }

    #[inline(always)]
    fn load_index(self, from: &[u32; MOST]) -> float32x4_t {
        // SAFETY: the feature is on; sixteen elements are there.
        unsafe { vreinterpretq_f32_u32(vld1q_u32(from.as_ptr())) }
    }

    #[inline(always)]
    fn store_index(self, v: float32x4_t, to: &mut [u32; MOST]) {
        // SAFETY: the feature is on; sixteen elements are there.
        unsafe { vst1q_u32(to.as_mut_ptr(), vreinterpretq_u32_f32(v)) }
    }

    #[inline(always)]
    fn add_rounded<const SQUARES: bool>(
        self,
        v: float32x4_t,
        sums: &mut [i64],
        squares: &mut [u64; 8],
    ) {
        let sums = &mut sums[..4];
        // SAFETY: four sums and eight squares are there.
        unsafe {
            let q = vcvtnq_s32_f32(v);
            for (at, q) in [(0, vget_low_s32(q)), (2, vget_high_s32(q))] {
                let sum = sums.as_mut_ptr().add(at);
                vst1q_s64(sum, vaddw_s32(vld1q_s64(sum), q));
                if SQUARES {
                    let square = squares.as_mut_ptr().add(at);
                    let qq = vreinterpretq_u64_s64(vmull_s32(q, q));
                    vst1q_u64(square, vaddq_u64(vld1q_u64(square), qq));
                }
            }
        }
    }
}
