//! x86-64, AVX2 and FMA: eight lanes of f32.

use core::arch::x86_64::*;

use super::{Lanes, MOST};

/// The proof that AVX2 and FMA are there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// # Safety
    /// The machine has AVX2 and FMA.
    pub(crate) const unsafe fn new() -> Self {
        Self(())
    }
}

/// `MASKS[8 − n..]` has n lanes on.
const MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// Methods that are one intrinsic.
macro_rules! plain {
    ($($name:ident($($a:ident),+) = $intrinsic:ident;)+) => {$(
        #[inline(always)]
        fn $name(self, $($a: __m256),+) -> __m256 {
            // SAFETY: `self` proves AVX2 and FMA.
            unsafe { $intrinsic($($a),+) }
        }
    )+};
}

/// [`Lanes::products`], with all registers to itself.
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
fn products<const V: usize, const G: usize>(
    l: Avx2,
    x: &[[__m256; V]],
    y: &[[f32; G]],
    start: &[f32; G],
    to: &mut [[__m256; V]; G],
) {
    super::products(l, x, y, start, to);
}

impl Lanes for Avx2 {
    type E = f32;
    type V = __m256;
    const WIDTH: usize = 8;
    const MOVES: bool = true;

    plain! {
        add(a, b) = _mm256_add_ps;
        sub(a, b) = _mm256_sub_ps;
        mul(a, b) = _mm256_mul_ps;
        mul_add(a, b, c) = _mm256_fmadd_ps;
        sqrt(a) = _mm256_sqrt_ps;
        min(a, b) = _mm256_min_ps;
        max(a, b) = _mm256_max_ps;
    }

    #[inline(always)]
    fn products<const V: usize, const G: usize>(
        self,
        x: &[[__m256; V]],
        y: &[[f32; G]],
        start: &[f32; G],
        to: &mut [[__m256; V]; G],
    ) {
        // SAFETY: `self` proves the features.
        unsafe { products(self, x, y, start, to) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: `self` proves AVX.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m256 {
        let from = &from[..8];
        // SAFETY: `self` proves AVX; eight elements are there.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn load_part(self, from: &[f32]) -> __m256 {
        let n = from.len().min(8);
        // SAFETY: `self` proves AVX; the mask, read inside MASKS, is on for the n elements that are there.
        unsafe {
            let mask = _mm256_loadu_si256(MASKS.as_ptr().add(8 - n).cast());
            _mm256_maskload_ps(from.as_ptr(), mask)
        }
    }

    #[inline(always)]
    fn store(self, v: __m256, to: &mut [f32]) {
        let to = &mut to[..8];
        // SAFETY: `self` proves AVX; eight elements are there.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn abs(self, a: __m256) -> __m256 {
        // SAFETY: `self` proves AVX.
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
    }

    #[inline(always)]
    fn if_less(self, a: __m256, b: __m256, then: __m256, other: __m256) -> __m256 {
        // SAFETY: `self` proves AVX.
        unsafe { _mm256_blendv_ps(other, then, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) }
    }

    #[inline(always)]
    fn le(self, a: __m256, b: __m256) -> u32 {
        // SAFETY: `self` proves AVX.
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(a, b)) as u32 }
    }

    #[inline(always)]
    fn fold(self, v: __m256) -> f32 {
        // SAFETY: `self` proves AVX.
        unsafe {
            let v = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let v = _mm_add_ps(v, _mm_movehl_ps(v, v));
            _mm_cvtss_f32(_mm_add_ss(v, _mm_movehdup_ps(v)))
        }
    }

    #[inline(always)]
    fn transpose(self, r: &mut [__m256; MOST]) {
        let mut s = [self.splat(0.0); 8];
        // SAFETY: `self` proves AVX.
        unsafe {
            for i in 0..4 {
                s[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
                s[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
            }
            for i in 0..2 {
                let (a, b, c, d) = (s[4 * i], s[4 * i + 1], s[4 * i + 2], s[4 * i + 3]);
                r[4 * i] = _mm256_shuffle_ps::<0x44>(a, c);
                r[4 * i + 1] = _mm256_shuffle_ps::<0xee>(a, c);
                r[4 * i + 2] = _mm256_shuffle_ps::<0x44>(b, d);
                r[4 * i + 3] = _mm256_shuffle_ps::<0xee>(b, d);
            }
            for i in 0..4 {
                let (low, high) = (r[i], r[i + 4]);
                r[i] = _mm256_permute2f128_ps::<0x20>(low, high);
                r[i + 4] = _mm256_permute2f128_ps::<0x31>(low, high);
            }
        }
    }

    #[inline(always)]
    fn columns<const D: usize>(self, from: &[f32]) -> [__m256; D] {
        let from = &from[..8 * D];
        let mut out = [self.splat(0.0); D];
        let mut row = out;
        for r in 0..D {
            row[r] = self.load(&from[8 * r..]);
        }
        match D {
            2 => {
                let (a, b) = (row[0], row[1]);
                // SAFETY: `self` proves AVX2.
                let (a, b) = unsafe {
                    let low = _mm256_permute2f128_ps::<0x20>(a, b);
                    let high = _mm256_permute2f128_ps::<0x31>(a, b);
                    (_mm256_shuffle_ps::<0x88>(low, high), _mm256_shuffle_ps::<0xdd>(low, high))
                };
                (out[0], out[1]) = (a, b);
            }
            3 => {
                let (a, b, c) = (row[0], row[1], row[2]);
                // SAFETY: `self` proves AVX2.
                unsafe {
                    // Halves of rows 0 and 4, then x y z x, y z x y and z x y z in each.
                    let xyzx = _mm256_blend_ps::<0xf0>(a, b);
                    let yzxy = _mm256_permute2f128_ps::<0x21>(a, c);
                    let zxyz = _mm256_blend_ps::<0xf0>(b, c);
                    let xy = _mm256_shuffle_ps::<0x9e>(yzxy, zxyz);
                    let yz = _mm256_shuffle_ps::<0x49>(xyzx, yzxy);
                    out[0] = _mm256_shuffle_ps::<0x8c>(xyzx, xy);
                    out[1] = _mm256_shuffle_ps::<0xd8>(yz, xy);
                    out[2] = _mm256_shuffle_ps::<0xcd>(yz, zxyz);
                }
            }
            4 => {
                let (a, b, c, d) = (row[0], row[1], row[2], row[3]);
                // SAFETY: `self` proves AVX2.
                unsafe {
                    // Rows 0 and 4, 1 and 5, 2 and 6, 3 and 7, each pair in two halves.
                    let (p, q) = (
                        _mm256_permute2f128_ps::<0x20>(a, c),
                        _mm256_permute2f128_ps::<0x31>(a, c),
                    );
                    let (r, s) = (
                        _mm256_permute2f128_ps::<0x20>(b, d),
                        _mm256_permute2f128_ps::<0x31>(b, d),
                    );
                    let (pq, pq_high) = (_mm256_unpacklo_ps(p, q), _mm256_unpackhi_ps(p, q));
                    let (rs, rs_high) = (_mm256_unpacklo_ps(r, s), _mm256_unpackhi_ps(r, s));
                    out[0] = _mm256_shuffle_ps::<0x44>(pq, rs);
                    out[1] = _mm256_shuffle_ps::<0xee>(pq, rs);
                    out[2] = _mm256_shuffle_ps::<0x44>(pq_high, rs_high);
                    out[3] = _mm256_shuffle_ps::<0xee>(pq_high, rs_high);
                }
            }
            8 => {
                let mut block = [self.splat(0.0); MOST];
                block[..8].copy_from_slice(&row);
                self.transpose(&mut block);
                out.copy_from_slice(&block[..D]);
            }
            _ => {
                for (t, out) in out.iter_mut().enumerate() {
                    let at = |r: usize| from[r * D + t];
                    // SAFETY: `self` proves AVX.
                    *out = unsafe {
                        _mm256_setr_ps(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7))
                    };
                }
            }
        }
        out
    }

    #[inline(always)]
    fn prefetch(self, from: &[f32]) {
        // SAFETY: `self` proves SSE; a hint, which reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.as_ptr().cast()) }
    }

    #[inline(always)]
    fn splat_index(self, index: u32) -> __m256 {
        // SAFETY: `self` proves AVX.
        unsafe { _mm256_castsi256_ps(_mm256_set1_epi32(index as i32)) }
    }

    #[inline(always)]
    fn load_index(self, from: &[u32; MOST]) -> __m256 {
        // SAFETY: `self` proves AVX; sixteen elements are there.
        unsafe { _mm256_castsi256_ps(_mm256_loadu_si256(from.as_ptr().cast())) }
    }

    #[inline(always)]
    fn store_index(self, v: __m256, to: &mut [u32; MOST]) {
        // SAFETY: `self` proves AVX; sixteen elements are there.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm256_castps_si256(v)) }
    }

    #[inline(always)]
    fn insert(self, v: __m256, at: usize, new: __m256) -> __m256 {
        let at = at.min(7);
        // SAFETY: `self` proves AVX; both masks, of the first `at` lanes and one more, are read inside
        // MASKS, since `at` is below 8.
        unsafe {
            let before = _mm256_loadu_ps(MASKS.as_ptr().add(8 - at).cast());
            let through = _mm256_loadu_ps(MASKS.as_ptr().add(7 - at).cast());
            let moved = _mm256_blendv_ps(self.rotate(v), new, through);
            _mm256_blendv_ps(moved, v, before)
        }
    }

    #[inline(always)]
    fn rotate(self, v: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(7, 0, 1, 2, 3, 4, 5, 6)) }
    }

    #[inline(always)]
    fn add_rounded<const SQUARES: bool>(self, v: __m256, sums: &mut [i64], squares: &mut [u64; 8]) {
        let sums = &mut sums[..8];
        // SAFETY: `self` proves AVX2; eight sums and eight squares are there. The rounding mode is to
        // nearest even.
        unsafe {
            let q = _mm256_cvtps_epi32(v);
            let low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(q));
            let high = _mm256_cvtepi32_epi64(_mm256_extracti128_si256::<1>(q));
            for (at, q) in [(0, low), (4, high)] {
                let sum: *mut __m256i = sums.as_mut_ptr().add(at).cast();
                _mm256_storeu_si256(sum, _mm256_add_epi64(_mm256_loadu_si256(sum), q));
                if SQUARES {
                    let square: *mut __m256i = squares.as_mut_ptr().add(at).cast();
                    let qq = _mm256_mul_epi32(q, q);
                    _mm256_storeu_si256(square, _mm256_add_epi64(_mm256_loadu_si256(square), qq));
                }
            }
        }
    }
}
