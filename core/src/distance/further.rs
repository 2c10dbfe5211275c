//! Distances beyond sums of differences, operation by operation.
//!
//! Powers, sines and arctangents are those of the crate `libm`, not of the platform: the same
//! bits everywhere. What is not finite makes the distance so, whatever the other coordinates are.

use super::{chebyshev, cosine, strided_sum};
use crate::element::Element;
use crate::metric::Power;

/// (Σ |x−y|^p)^(1/p), as `m · (Σ (|x−y|/m)^p)^(1/p)` with `m = max |x−y|`: no power overflows.
pub(super) fn minkowski<T: Element>(power: Power, x: &[T], y: &[T]) -> T {
    let most = chebyshev(x, y);
    if !(most > T::zero() && most < T::infinity()) {
        return most;
    }
    let sum = strided_sum(x, y, |a, b| raised((a - b).abs() / most, power));
    most * root(sum, power)
}

/// v^p: whole powers up to 16 by one multiplication after another, others by `libm`.
#[inline]
pub(crate) fn raised<T: Element>(v: T, power: Power) -> T {
    let p = power.get();
    if p <= 16.0 && libm::trunc(p) == p {
        (1..p as u32).fold(v, |product, _| product * v)
    } else {
        v.power(T::of_f64(p))
    }
}

/// v^(1/p).
pub(crate) fn root<T: Element>(v: T, power: Power) -> T {
    v.power(T::one() / T::of_f64(power.get()))
}

/// The cosine of rows less their means. Each row is shifted by its first coordinate before its
/// mean is taken: an offset does not cancel digits, and a constant row becomes zero exactly.
pub(super) fn correlation<T: Element>(x: &[T], y: &[T]) -> T {
    let (of_x, of_y) = (Centre::of(x), Centre::of(y));
    let xy = strided_sum(x, y, |a, b| of_x.offset(a) * of_y.offset(b));
    cosine(xy, of_x.square(x), of_y.square(y))
}

/// The mean of a row, as its first coordinate and what is to be added.
#[derive(Clone, Copy)]
struct Centre<T> {
    first: T,
    mean: T,
}

impl<T: Element> Centre<T> {
    fn of(row: &[T]) -> Self {
        let first = row.first().copied().unwrap_or_default();
        let mean = strided_sum(row, row, |v, _| v - first) / T::of_f64(row.len() as f64);
        Self { first, mean }
    }

    fn offset(self, v: T) -> T {
        (v - self.first) - self.mean
    }

    /// Σ (v − mean)².
    fn square(self, row: &[T]) -> T {
        strided_sum(row, row, |v, _| self.offset(v) * self.offset(v))
    }
}

/// 1 or 0; NaN where a coordinate is not finite.
fn flag<T: Element>(set: bool, a: T, b: T) -> T {
    let one = if set { T::one() } else { T::zero() };
    one + (a * T::zero() + b * T::zero())
}

/// The share of coordinates that differ.
pub(super) fn hamming<T: Element>(x: &[T], y: &[T]) -> T {
    strided_sum(x, y, |a, b| flag(a != b, a, b)) / T::of_f64(x.len() as f64)
}

/// Coordinates that are zero in exactly one row, over those that are not zero in both.
pub(super) fn jaccard<T: Element>(x: &[T], y: &[T]) -> T {
    let zero = T::zero();
    let either = strided_sum(x, y, |a, b| flag(a != zero || b != zero, a, b));
    if either == zero {
        return zero;
    }
    strided_sum(x, y, |a, b| flag((a != zero) != (b != zero), a, b)) / either
}

/// Σ |x−y| / (|x|+|y|).
pub(super) fn canberra<T: Element>(x: &[T], y: &[T]) -> T {
    strided_sum(x, y, |a, b| {
        let size = a.abs() + b.abs();
        if size == T::zero() {
            return T::zero();
        }
        if size < T::infinity() {
            return (a - b).abs() / size;
        }
        // Halves of numbers so large are exact, and their sum does not overflow.
        let half = T::of_f64(0.5);
        (a * half - b * half).abs() / ((a * half).abs() + (b * half).abs())
    })
}

/// Σ |x−y| / Σ (|x|+|y|); NaN where the sum overflows.
pub(super) fn bray_curtis<T: Element>(x: &[T], y: &[T]) -> T {
    let size = strided_sum(x, y, |a, b| a.abs() + b.abs());
    if size == T::zero() {
        T::zero()
    } else if size < T::infinity() {
        strided_sum(x, y, |a, b| (a - b).abs()) / size
    } else {
        T::nan()
    }
}

/// The angle between two points of a sphere; NaN for rows that are not pairs.
///
/// With `a = hav d` and `b = 1 − hav d = hav (π − d)`, taken to the antipode by the same formula,
/// it is 2·atan2(√a, √b): neither of two near points nor of two opposite ones are digits lost.
pub(super) fn haversine<T: Element>(x: &[T], y: &[T]) -> T {
    let (&[of_x, along_x], &[of_y, along_y]) = (x, y) else { return T::nan() };
    let half = T::of_f64(0.5);
    let square = |v: T| v * v;
    let parallels = of_x.cosine() * of_y.cosine();
    let turn = (along_x - along_y) * half;
    let near = square(((of_x - of_y) * half).sine()) + parallels * square(turn.sine());
    let far = square(((of_x + of_y) * half).sine()) + parallels * square(turn.cosine());
    let side = |v: T| if v < T::zero() { T::zero() } else { v.sqrt() };
    side(near).angle(side(far)) * T::of_f64(2.0)
}
