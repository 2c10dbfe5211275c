//! x86-64, AMX: tiles of 16 rows × 32 bf16, whose products add into 16 × 16 sums of f32.
//!
//! Sixteen times the multiply-adds of AVX-512, at eight bits of precision: for a filter, whose
//! bounds know what the rounding of the rows costs. Linux lends the tiles on request.

use core::arch::asm;
use core::arch::x86_64::*;
use std::sync::OnceLock;

use crate::isa::has_avx512;

/// Rows of x by rows of y of a block of sums.
pub(crate) const SIDE: usize = 32;
/// Rows of a tile.
pub(crate) const HALF: usize = SIDE / 2;
/// Coordinates that one step takes.
pub(crate) const STEP: usize = 32;
/// Elements of a step of [`SIDE`] rows: two tiles.
pub(crate) const PART: usize = SIDE * STEP;

/// A block of sums: `[y][x]`.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Sums(pub(crate) [[f32; SIDE]; SIDE]);

/// Elements of bf16 as bits, aligned to cache lines.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Part(pub(crate) [u16; PART]);

/// The shapes of the eight tiles: sixteen rows of 64 bytes each.
#[repr(C, align(64))]
struct Shapes([u8; 64]);

/// The proof that AMX with bf16 is there and lent to this process, and AVX-512 with bf16 beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amx(());

/// Tiles of this thread, set up; released when dropped.
#[derive(Debug)]
pub(crate) struct Tiles {
    /// Tiles belong to a thread.
    here: core::marker::PhantomData<*const ()>,
}

impl Amx {
    /// The tiles, if this machine has them and the system lends them.
    pub(crate) fn get() -> Option<Self> {
        static LENT: OnceLock<bool> = OnceLock::new();
        LENT.get_or_init(|| has_avx512() && has_tiles() && borrow()).then_some(Self(()))
    }

    /// Sets up the tiles of this thread.
    pub(crate) fn tiles(self) -> Tiles {
        let mut shapes = Shapes([0; 64]);
        shapes.0[0] = 1;
        for tile in 0..8 {
            shapes.0[16 + 2 * tile] = 64;
            shapes.0[48 + tile] = 16;
        }
        // SAFETY: `self` proves AMX; what is read are the 64 bytes of `shapes`, which name palette 1 and
        // eight tiles of 16 rows × 64 bytes, the most it has.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const shapes, options(nostack)) }
        Tiles { here: core::marker::PhantomData }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: a `Tiles` is made by `Amx::tiles` only, and cannot leave the thread that made it.
        unsafe { asm!("tilerelease", options(nostack, nomem)) }
    }
}

impl Tiles {
    /// `to[q][r] = Σ x_r·y_q` over all steps, or more of it where `more` is set.
    ///
    /// A part of y is `[row][coordinate]`; a part of x is `[half][pair of coordinates][row][2]`.
    #[inline(always)]
    pub(crate) fn products(&self, x: &[Part], y: &[Part], more: bool, to: &mut Sums) {
        let steps = x.len().min(y.len());
        if steps == 0 {
            return;
        }
        // SAFETY: the tiles of this thread are set up. `x` and `y` go forward by a part, 2048 bytes, for
        // each of `steps`, which both have; the four tiles of sums are the quarters of `to`, whose rows
        // are 128 bytes.
        unsafe {
            asm!(
                "test {more:e}, {more:e}",
                "jnz 3f",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "jmp 2f",
                "3:",
                "tileloadd tmm0, [{to} + {row}]",
                "tileloadd tmm1, [{to} + {row} + 64]",
                "tileloadd tmm2, [{to} + {row} + 2048]",
                "tileloadd tmm3, [{to} + {row} + 2112]",
                "2:",
                "tileloadd tmm4, [{y} + {line}]",
                "tileloadd tmm6, [{x} + {line}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{x} + {line} + 1024]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{y} + {line} + 1024]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {x}, 2048",
                "add {y}, 2048",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{to} + {row}], tmm0",
                "tilestored [{to} + {row} + 64], tmm1",
                "tilestored [{to} + {row} + 2048], tmm2",
                "tilestored [{to} + {row} + 2112], tmm3",
                x = inout(reg) x.as_ptr() => _,
                y = inout(reg) y.as_ptr() => _,
                steps = inout(reg) steps => _,
                to = in(reg) &raw mut *to,
                more = in(reg) u32::from(more),
                line = in(reg) 64usize,
                row = in(reg) 128usize,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

/// Rows rounded for the unit: their bits are in the parts.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Rounded {
    /// Squared lengths of the rows less the centre, times the factor.
    pub(crate) norm: [f32; HALF],
    /// Squared lengths of what rounding took off.
    pub(crate) rest: [f32; HALF],
}

impl Amx {
    /// Rounds up to sixteen rows, less the centre and times a power of two, into one half of the
    /// parts: `[row][coordinate]` for y.
    pub(crate) fn round_y(
        self,
        rows: &[&[f32]],
        (centre, factor): (&[f32], f32),
        half: usize,
        parts: &mut [Part],
    ) -> Rounded {
        // SAFETY: `self` proves AVX-512 F, BW, DQ, VL and bf16, AVX2 and FMA.
        unsafe { round::<false>(rows, centre, factor, half, parts) }
    }

    /// The same for x: `[pair of coordinates][row][2]`.
    pub(crate) fn round_x(
        self,
        rows: &[&[f32]],
        centre: &[f32],
        half: usize,
        parts: &mut [Part],
    ) -> Rounded {
        // SAFETY: `self` proves AVX-512 F, BW, DQ, VL and bf16, AVX2 and FMA.
        unsafe { round::<true>(rows, centre, 1.0, half, parts) }
    }
}

/// Body of [`Amx::round_x`] and [`Amx::round_y`]. Rows that are not there are zeros.
///
/// Loops, not closures: those would not have the features.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
fn round<const TURN: bool>(
    rows: &[&[f32]],
    centre: &[f32],
    factor: f32,
    half: usize,
    parts: &mut [Part],
) -> Rounded {
    // SAFETY: this function is compiled for the features, so its caller vouches for them.
    let lanes = unsafe { super::avx512::Avx512::new() };
    let zero = _mm512_setzero_ps();
    let (mut norm, mut rest) = ([zero; HALF], [zero; HALF]);
    for (s, part) in parts.iter_mut().enumerate() {
        let at = s * STEP;
        let mut block = [zero; HALF];
        for (r, row) in rows.iter().take(HALF).enumerate() {
            let low = shifted(row, centre, at, factor);
            let high = shifted(row, centre, at + STEP / 2, factor);
            // SAFETY: both are 64 bytes without a forbidden pattern.
            let bits: __m512i = unsafe { core::mem::transmute(_mm512_cvtne2ps_pbh(high, low)) };
            block[r] = _mm512_castsi512_ps(bits);
            let low_rest = _mm512_sub_ps(low, wide(_mm512_castsi512_si256(bits)));
            let high_rest = _mm512_sub_ps(high, wide(_mm512_extracti64x4_epi64::<1>(bits)));
            norm[r] = _mm512_fmadd_ps(high, high, _mm512_fmadd_ps(low, low, norm[r]));
            let low_rest = _mm512_fmadd_ps(low_rest, low_rest, rest[r]);
            rest[r] = _mm512_fmadd_ps(high_rest, high_rest, low_rest);
        }
        if TURN {
            super::Lanes::transpose(lanes, &mut block);
        }
        let to = &mut part.0[half * HALF * STEP..(half + 1) * HALF * STEP];
        for (to, row) in to.chunks_exact_mut(STEP).zip(&block) {
            // SAFETY: a chunk is STEP elements of two bytes, the 64 bytes of a vector.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr().cast(), *row) }
        }
    }
    Rounded { norm: totals(lanes, norm), rest: totals(lanes, rest) }
}

/// Sixteen bf16 as f32.
#[inline]
#[target_feature(enable = "avx512f")]
fn wide(bits: __m256i) -> __m512 {
    _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(bits)))
}

/// The sum of each vector's elements.
#[inline]
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
fn totals(lanes: super::avx512::Avx512, mut sums: [__m512; HALF]) -> [f32; HALF] {
    super::Lanes::transpose(lanes, &mut sums);
    let mut total = sums[0];
    for sum in &sums[1..] {
        total = _mm512_add_ps(total, *sum);
    }
    let mut out = [0.0; HALF];
    super::Lanes::store(lanes, total, &mut out);
    out
}

/// Sixteen elements of a row from `at` on, less the centre, times the factor; zeros past its end.
#[inline]
#[target_feature(enable = "avx512f")]
fn shifted(row: &[f32], centre: &[f32], at: usize, factor: f32) -> __m512 {
    let n = row.len().min(centre.len()).saturating_sub(at).min(16);
    let mask = ((1u32 << n) - 1) as u16;
    // SAFETY: the mask is on for the n elements that both have; the others are not touched.
    let (row, centre) = unsafe {
        let (row, centre) = (row.as_ptr().wrapping_add(at), centre.as_ptr().wrapping_add(at));
        (_mm512_maskz_loadu_ps(mask, row), _mm512_maskz_loadu_ps(mask, centre))
    };
    _mm512_mul_ps(_mm512_sub_ps(row, centre), _mm512_set1_ps(factor))
}

/// Whether the processor has tiles and products of bf16, and vectors that round to it.
fn has_tiles() -> bool {
    const BF16: u32 = 1 << 22;
    const TILE: u32 = 1 << 24;
    #[allow(unused_unsafe, reason = "safe from Rust 1.93 on")]
    // SAFETY: every x86-64 has `cpuid`; leaf 7 is there where leaf 0 says so.
    let leaf = unsafe { if __cpuid_count(0, 0).eax < 7 { 0 } else { __cpuid_count(7, 0).edx } };
    leaf & (BF16 | TILE) == BF16 | TILE && std::is_x86_feature_detected!("avx512bf16")
}

/// Asks Linux for the tiles' state (`arch_prctl`, `ARCH_REQ_XCOMP_PERM`, component 18).
#[cfg(target_os = "linux")]
fn borrow() -> bool {
    let refused: i64;
    // SAFETY: a system call that takes two integers and changes what this process may use.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") 158i64 => refused,
            in("rdi") 0x1023,
            in("rsi") 18,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    refused == 0
}

/// Other systems are not asked.
#[cfg(not(target_os = "linux"))]
fn borrow() -> bool {
    false
}
