//! Vectors: what the kernels need of an instruction set, and nothing else.
//!
//! A value of a [`Lanes`] type is the proof that the instructions are there: making one for an
//! x86 level is `unsafe` and happens in `isa.rs` only, so all methods are safe to call.

use core::fmt::Debug;

use enfold_core::Element;

#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(crate) mod amx;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
pub(crate) mod neon;
mod scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) mod wasm;

pub(crate) use scalar::Scalar;

/// The most lanes a vector has.
pub(crate) const MOST: usize = 16;

/// Vectors of [`WIDTH`](Self::WIDTH) elements. Every method is inlined into its caller.
pub(crate) trait Lanes: Copy + Send + Sync {
    /// What stands in a lane.
    type E: Element;
    /// A vector.
    type V: Copy + Send + Sync + Debug;
    /// Lanes of a vector; divides 16.
    const WIDTH: usize;
    /// Whether lanes are moved in registers, so that lists are worth keeping there.
    const MOVES: bool = false;

    /// The same value in every lane.
    fn splat(self, value: Self::E) -> Self::V;
    /// The first `WIDTH` elements of `from`.
    fn load(self, from: &[Self::E]) -> Self::V;
    /// All of `from`, which may be shorter than a vector; zeros after it.
    fn load_part(self, from: &[Self::E]) -> Self::V;
    /// Writes to the first `WIDTH` elements of `to`.
    fn store(self, v: Self::V, to: &mut [Self::E]);

    /// a + b.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// a − b.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// a · b.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a · b + c with one rounding or two: for bounds, never for what is returned.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// |a|.
    fn abs(self, a: Self::V) -> Self::V;
    /// √a.
    fn sqrt(self, a: Self::V) -> Self::V;
    /// √a to two units in the last place, for finite normal a above 0.
    #[inline(always)]
    fn near_sqrt(self, a: Self::V) -> Self::V {
        self.sqrt(a)
    }
    /// a where a < b, else b: b where either is NaN.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// a where a > b, else b: b where either is NaN.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `then` where a < b, else `other`; `other` where either is NaN.
    fn if_less(self, a: Self::V, b: Self::V, then: Self::V, other: Self::V) -> Self::V;
    /// One bit per lane: a ≤ b; no where either is NaN.
    fn le(self, a: Self::V, b: Self::V) -> u32;
    /// The lanes folded in half by addition until one is left.
    fn fold(self, v: Self::V) -> Self::E;
    /// Transposes the square of `WIDTH` rows in `block[..WIDTH]`.
    fn transpose(self, block: &mut [Self::V; MOST]);
    /// The columns of `WIDTH` rows of `D` elements each, which stand at the start of `from`.
    fn columns<const D: usize>(self, from: &[Self::E]) -> [Self::V; D] {
        let mut columns = [self.splat(Self::E::default()); D];
        for (t, column) in columns.iter_mut().enumerate() {
            let mut lane = [Self::E::default(); MOST];
            for (r, lane) in lane[..Self::WIDTH].iter_mut().enumerate() {
                *lane = from[r * D + t];
            }
            *column = self.load(&lane);
        }
        columns
    }

    /// `to[q] = start[q] + Σ_t x[t]·y[t][q]` for every lane and q: the loop everything else is
    /// there for.
    ///
    /// A level with few registers puts it into a function of its own: inlined into a whole
    /// sweep, two of the sums of AVX2 lived on the stack and the loop ran at half its speed.
    #[inline(always)]
    fn products<const V: usize, const G: usize>(
        self,
        x: &[[Self::V; V]],
        y: &[[Self::E; G]],
        start: &[Self::E; G],
        to: &mut [[Self::V; V]; G],
    ) {
        products(self, x, y, start, to);
    }

    /// Asks for the cache line that `from` begins in.
    #[inline(always)]
    fn prefetch(self, from: &[Self::E]) {
        let _ = from;
    }

    /// A row number in every lane, as bits.
    fn splat_index(self, index: u32) -> Self::V;
    /// The first `WIDTH` row numbers of `from`, as bits.
    fn load_index(self, from: &[u32; MOST]) -> Self::V;
    /// The row numbers of [`splat_index`](Self::splat_index).
    fn store_index(self, v: Self::V, to: &mut [u32; MOST]);

    /// The lanes from `at` on move up by one, and the lane `at`, below `WIDTH`, becomes `new`.
    fn insert(self, v: Self::V, at: usize, new: Self::V) -> Self::V {
        let (mut lane, mut from) = ([Self::E::default(); MOST], [Self::E::default(); MOST]);
        self.store(v, &mut lane);
        self.store(new, &mut from);
        for t in (at + 1..Self::WIDTH).rev() {
            lane[t] = lane[t - 1];
        }
        lane[at] = from[at];
        self.load(&lane)
    }

    /// Every lane moves up by one, and the last becomes the first.
    fn rotate(self, v: Self::V) -> Self::V {
        let mut lane = [Self::E::default(); MOST];
        self.store(v, &mut lane);
        lane[..Self::WIDTH].rotate_right(1);
        self.load(&lane)
    }

    /// `sums[t] += rint(v[t])`, ties to even, and `squares[t % 8] += rint(v[t])²` where wanted.
    /// Every lane is below 2³¹ in magnitude.
    fn add_rounded<const SQUARES: bool>(
        self,
        v: Self::V,
        sums: &mut [i64],
        squares: &mut [u64; 8],
    ) {
        let mut lane = [Self::E::default(); MOST];
        self.store(v, &mut lane);
        for (t, (sum, v)) in sums.iter_mut().zip(&lane[..Self::WIDTH]).enumerate() {
            let q = v.rint();
            *sum = sum.wrapping_add(q);
            if SQUARES {
                squares[t % 8] = squares[t % 8].wrapping_add(q.wrapping_mul(q) as u64);
            }
        }
    }
}

/// Body of [`Lanes::products`].
#[inline(always)]
fn products<L: Lanes, const V: usize, const G: usize>(
    l: L,
    x: &[[L::V; V]],
    y: &[[L::E; G]],
    start: &[L::E; G],
    to: &mut [[L::V; V]; G],
) {
    // A closure in `map` may be compiled without the features of this level.
    let mut sum = [[l.splat(L::E::default()); V]; G];
    for (sum, &start) in sum.iter_mut().zip(start) {
        *sum = [l.splat(start); V];
    }
    for (x, y) in x.iter().zip(y) {
        for (sum, &y) in sum.iter_mut().zip(y) {
            let y = l.splat(y);
            for (sum, &x) in sum.iter_mut().zip(x) {
                *sum = l.mul_add(x, y, *sum);
            }
        }
    }
    *to = sum;
}
