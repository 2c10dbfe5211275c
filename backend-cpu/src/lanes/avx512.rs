//! x86-64, AVX-512 F, BW, DQ and VL: sixteen lanes of f32.

use core::arch::x86_64::*;

use super::{Lanes, MOST};

/// The proof that AVX-512 F, BW, DQ and VL, AVX2 and FMA are there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// # Safety
    /// The machine has AVX-512 F, BW, DQ and VL, AVX2 and FMA.
    pub(crate) const unsafe fn new() -> Self {
        Self(())
    }
}

/// Methods that are one intrinsic.
macro_rules! plain {
    ($($name:ident($($a:ident),+) = $intrinsic:ident;)+) => {$(
        #[inline(always)]
        fn $name(self, $($a: __m512),+) -> __m512 {
            // SAFETY: `self` proves AVX-512.
            unsafe { $intrinsic($($a),+) }
        }
    )+};
}

/// [`Lanes::products`], with all registers to itself.
#[inline(never)]
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
fn products<const V: usize, const G: usize>(
    l: Avx512,
    x: &[[__m512; V]],
    y: &[[f32; G]],
    start: &[f32; G],
    to: &mut [[__m512; V]; G],
) {
    super::products(l, x, y, start, to);
}

impl Lanes for Avx512 {
    type E = f32;
    type V = __m512;
    const WIDTH: usize = 16;
    const MOVES: bool = true;

    plain! {
        add(a, b) = _mm512_add_ps;
        sub(a, b) = _mm512_sub_ps;
        mul(a, b) = _mm512_mul_ps;
        mul_add(a, b, c) = _mm512_fmadd_ps;
        sqrt(a) = _mm512_sqrt_ps;
        min(a, b) = _mm512_min_ps;
        max(a, b) = _mm512_max_ps;
        abs(a) = _mm512_abs_ps;
    }

    #[inline(always)]
    fn products<const V: usize, const G: usize>(
        self,
        x: &[[__m512; V]],
        y: &[[f32; G]],
        start: &[f32; G],
        to: &mut [[__m512; V]; G],
    ) {
        // SAFETY: `self` proves the features.
        unsafe { products(self, x, y, start, to) }
    }

    /// One step of Newton from a reciprocal root of 14 bits: the divider would take 18 cycles.
    #[inline(always)]
    fn near_sqrt(self, a: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        let reciprocal = unsafe { _mm512_rsqrt14_ps(a) };
        let root = self.mul(a, reciprocal);
        let half = self.mul(reciprocal, self.splat(0.5));
        // SAFETY: as above.
        let rest = unsafe { _mm512_fnmadd_ps(root, root, a) };
        self.mul_add(rest, half, root)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        let from = &from[..16];
        // SAFETY: `self` proves AVX-512; sixteen elements are there.
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn load_part(self, from: &[f32]) -> __m512 {
        let n = from.len().min(16);
        // SAFETY: `self` proves AVX-512; the mask is on for the n elements that are there.
        unsafe { _mm512_maskz_loadu_ps(((1u32 << n) - 1) as u16, from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, v: __m512, to: &mut [f32]) {
        let to = &mut to[..16];
        // SAFETY: `self` proves AVX-512; sixteen elements are there.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn if_less(self, a: __m512, b: __m512, then: __m512, other: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_mask_mov_ps(other, _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), then) }
    }

    #[inline(always)]
    fn le(self, a: __m512, b: __m512) -> u32 {
        // SAFETY: `self` proves AVX-512.
        u32::from(unsafe { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b) })
    }

    #[inline(always)]
    fn fold(self, v: __m512) -> f32 {
        // SAFETY: `self` proves AVX-512 and AVX2.
        unsafe {
            let v = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps::<1>(v));
            let v = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let v = _mm_add_ps(v, _mm_movehl_ps(v, v));
            _mm_cvtss_f32(_mm_add_ss(v, _mm_movehdup_ps(v)))
        }
    }

    #[inline(always)]
    fn transpose(self, r: &mut [__m512; MOST]) {
        let mut s = [self.splat(0.0); 16];
        // SAFETY: `self` proves AVX-512.
        unsafe {
            for i in 0..8 {
                s[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
                s[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
            }
            for i in 0..4 {
                let (a, b, c, d) = (s[4 * i], s[4 * i + 1], s[4 * i + 2], s[4 * i + 3]);
                r[4 * i] = _mm512_shuffle_ps::<0x44>(a, c);
                r[4 * i + 1] = _mm512_shuffle_ps::<0xee>(a, c);
                r[4 * i + 2] = _mm512_shuffle_ps::<0x44>(b, d);
                r[4 * i + 3] = _mm512_shuffle_ps::<0xee>(b, d);
            }
            for i in 0..4 {
                s[i] = _mm512_shuffle_f32x4::<0x88>(r[i], r[4 + i]);
                s[4 + i] = _mm512_shuffle_f32x4::<0xdd>(r[i], r[4 + i]);
                s[8 + i] = _mm512_shuffle_f32x4::<0x88>(r[8 + i], r[12 + i]);
                s[12 + i] = _mm512_shuffle_f32x4::<0xdd>(r[8 + i], r[12 + i]);
            }
            for i in 0..4 {
                r[i] = _mm512_shuffle_f32x4::<0x88>(s[i], s[8 + i]);
                r[8 + i] = _mm512_shuffle_f32x4::<0xdd>(s[i], s[8 + i]);
                r[4 + i] = _mm512_shuffle_f32x4::<0x88>(s[4 + i], s[12 + i]);
                r[12 + i] = _mm512_shuffle_f32x4::<0xdd>(s[4 + i], s[12 + i]);
            }
        }
    }

    #[inline(always)]
    fn columns<const D: usize>(self, from: &[f32]) -> [__m512; D] {
        let from = &from[..16 * D];
        let mut out = [self.splat(0.0); D];
        // SAFETY: `self` proves AVX-512; lane r of column t reads element r·D + t < 16·D.
        unsafe {
            let step = _mm512_mullo_epi32(
                _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                _mm512_set1_epi32(D as i32),
            );
            let mut row = out;
            for r in 0..D {
                row[r] = self.load(&from[16 * r..]);
            }
            for (t, out) in out.iter_mut().enumerate() {
                let at = _mm512_add_epi32(step, _mm512_set1_epi32(t as i32));
                *out = match D {
                    2 => _mm512_permutex2var_ps(row[0], at, row[1]),
                    4 => {
                        // Lanes 0..8 come from the first two vectors, 8..16 from the others.
                        let low = _mm512_permutex2var_ps(row[0], at, row[1]);
                        let high = _mm512_permutex2var_ps(row[2], at, row[3]);
                        _mm512_mask_mov_ps(low, 0xff00, high)
                    }
                    8 => {
                        // Each two vectors have a quarter.
                        let mut part = [row[0]; 4];
                        for q in 0..4 {
                            part[q] = _mm512_permutex2var_ps(row[2 * q], at, row[2 * q + 1]);
                        }
                        let low = _mm512_mask_mov_ps(part[0], 0x00f0, part[1]);
                        let high = _mm512_mask_mov_ps(part[2], 0xf000, part[3]);
                        _mm512_mask_mov_ps(low, 0xff00, high)
                    }
                    _ => _mm512_i32gather_ps::<4>(at, from.as_ptr()),
                };
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
    fn insert(self, v: __m512, at: usize, new: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_mask_expand_ps(new, !(1u16 << (at & 15)), v) }
    }

    #[inline(always)]
    fn splat_index(self, index: u32) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_castsi512_ps(_mm512_set1_epi32(index as i32)) }
    }

    #[inline(always)]
    fn load_index(self, from: &[u32; MOST]) -> __m512 {
        // SAFETY: `self` proves AVX-512; sixteen elements are there.
        unsafe { _mm512_castsi512_ps(_mm512_loadu_si512(from.as_ptr().cast())) }
    }

    #[inline(always)]
    fn store_index(self, v: __m512, to: &mut [u32; MOST]) {
        // SAFETY: `self` proves AVX-512; sixteen elements are there.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), _mm512_castps_si512(v)) }
    }

    #[inline(always)]
    fn add_rounded<const SQUARES: bool>(self, v: __m512, sums: &mut [i64], squares: &mut [u64; 8]) {
        let sums = &mut sums[..16];
        // SAFETY: `self` proves AVX-512; sixteen sums and eight squares are there. Rounding is to nearest
        // even.
        unsafe {
            let q = _mm512_cvtps_epi32(v);
            let low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(q));
            let high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64::<1>(q));
            for (at, q) in [(0, low), (8, high)] {
                let sum: *mut __m512i = sums.as_mut_ptr().add(at).cast();
                _mm512_storeu_si512(sum, _mm512_add_epi64(_mm512_loadu_si512(sum), q));
                if SQUARES {
                    let square: *mut __m512i = squares.as_mut_ptr().cast();
                    let qq = _mm512_mul_epi32(q, q);
                    _mm512_storeu_si512(square, _mm512_add_epi64(_mm512_loadu_si512(square), qq));
                }
            }
        }
    }
}
