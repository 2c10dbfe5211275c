//! *One distance*: what the distance of two rows is, operation by operation.
//!
//! Every decision in enfold – who is nearest, who is within a radius, whether a stream opens a
//! centre – is taken on the number defined here, not on a rearranged form of it. A backend may
//! find candidates by any faster route (`‖x‖² + ‖y‖² − 2x·y`, bf16, bounds) as long as what it
//! decides and returns is what these functions would have given. That makes answers independent
//! of tile, batch, thread count and instruction set, exactly.
//!
//! Terms go to [`LANES`] running sums, term `t` to sum `t % LANES`, in order of `t`; the sums are
//! then folded in half (`lane[i] += lane[i + half]`, half = 8, 4, 2, 1). Each multiplication and
//! addition is rounded on its own: no fused multiply-add, so a machine without one agrees with a
//! machine that has it. A vector unit with 4, 8 or 16 lanes does this at full width.

pub(crate) mod further;

use crate::element::Element;
use crate::metric::Metric;

/// How many running sums a distance has.
pub const LANES: usize = 16;

/// The distance of two rows of equal length under `metric`. `O(dim)`.
///
/// NaN where a coordinate is NaN or an infinity makes it undefined; infinite or NaN where it
/// overflows, and NaN where the metric is none of rows of that length.
///
/// ```
/// # use enfold_core::{distance::distance, Metric};
/// assert_eq!(distance(Metric::SqEuclidean, &[0.0f32, 0.0], &[3.0, 4.0]), 25.0);
/// assert_eq!(distance(Metric::Euclidean, &[0.0f32, 0.0], &[3.0, 4.0]), 5.0);
/// ```
#[must_use]
pub fn distance<T: Element>(metric: Metric, x: &[T], y: &[T]) -> T {
    match metric {
        Metric::SqEuclidean => sq_euclidean(x, y),
        Metric::Euclidean => sq_euclidean(x, y).sqrt(),
        Metric::Cosine => cosine(dot(x, y), dot(x, x), dot(y, y)),
        Metric::Manhattan => strided_sum(x, y, |a, b| (a - b).abs()),
        Metric::Chebyshev => chebyshev(x, y),
        Metric::Minkowski(power) => further::minkowski(power, x, y),
        Metric::Correlation => further::correlation(x, y),
        Metric::Hamming => further::hamming(x, y),
        Metric::Jaccard => further::jaccard(x, y),
        Metric::Canberra => further::canberra(x, y),
        Metric::BrayCurtis => further::bray_curtis(x, y),
        Metric::Haversine => further::haversine(x, y),
    }
}

/// How far a machine's distance of two rows of `dim` elements may be from the true one, relative
/// to it – absolutely where [`Metric::is_absolute`]: the accuracy that every backend signs.
///
/// One rounding per addition, in any order, and room for a square root of 2.5 units in the last
/// place, which is what shading languages promise. What is below the least positive normal number
/// may be flushed to zero besides: a distance that divides by coordinates, or asks whether they
/// are equal or zero, says nothing about coordinates below that number over the round-off.
///
/// | metric | roundings |
/// |---|---|
/// | Minkowski | the quotients, one per addition over p, and two powers: room for `exp2(p·log2 v)` |
/// | correlation | those of cosine, and the means, whose error enters squared: dim³ round-offs |
/// | Hamming, Jaccard | counts are exact; one quotient |
/// | Canberra, Bray–Curtis | two for each term, one per addition (twice), one quotient |
/// | haversine | that of angles up to 2π and their differences; each function within an ulp or two |
#[must_use]
pub fn accuracy<T: Element>(metric: Metric, dim: usize) -> f64 {
    let n = dim as f64;
    let roundings = match metric {
        Metric::SqEuclidean | Metric::Euclidean | Metric::Manhattan => n + 16.0,
        Metric::Canberra => n + 16.0,
        Metric::Chebyshev => 4.0,
        Metric::Cosine => 2.0 * n + 16.0,
        Metric::Correlation => 4.0 * n + 32.0 + n * n * n * T::ROUNDOFF,
        Metric::Minkowski(_) => n + 64.0,
        Metric::Hamming | Metric::Jaccard => 8.0,
        Metric::BrayCurtis => 2.0 * n + 16.0,
        Metric::Haversine => 64.0,
    };
    roundings * T::ROUNDOFF
}

/// Σ (x−y)².
#[must_use]
pub fn sq_euclidean<T: Element>(x: &[T], y: &[T]) -> T {
    strided_sum(x, y, |a, b| (a - b) * (a - b))
}

/// Σ xy.
#[must_use]
pub fn dot<T: Element>(x: &[T], y: &[T]) -> T {
    strided_sum(x, y, |a, b| a * b)
}

/// The cosine distance from x·y, x·x and y·y; never negative, 0 for identical rows.
#[must_use]
pub fn cosine<T: Element>(xy: T, xx: T, yy: T) -> T {
    let (zero, one) = (T::zero(), T::one());
    if xx == zero || yy == zero {
        return if xx == yy { zero } else { one + (xx + yy) * zero };
    }
    // Equal rows: √xx·√yy below would be off by a rounding where the product leaves its range.
    if xy == xx && xy == yy && xy < T::infinity() {
        return zero;
    }
    let product = xx * yy;
    let norms = if product.is_normal() { product.sqrt() } else { xx.sqrt() * yy.sqrt() };
    let distance = one - xy / norms;
    if norms == T::infinity() {
        T::nan()
    } else if distance < zero {
        zero
    } else {
        distance
    }
}

/// max |x−y|; NaN or infinite where any difference is not finite.
fn chebyshev<T: Element>(x: &[T], y: &[T]) -> T {
    let (mut most, mut poison) = (T::zero(), T::zero());
    for (&a, &b) in x.iter().zip(y) {
        let gap = (a - b).abs();
        poison = poison + gap * T::zero();
        if gap > most {
            most = gap;
        }
    }
    most + poison
}

/// Adds `term(x[t], y[t])` over `t` in the order that defines a distance.
#[inline]
pub fn strided_sum<T: Element>(x: &[T], y: &[T], term: impl Fn(T, T) -> T) -> T {
    let mut lanes = [T::zero(); LANES];
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let tail = xs.remainder().iter().zip(ys.remainder());
    for (a, b) in xs.zip(ys) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane = *lane + term(a, b);
        }
    }
    for (lane, (&a, &b)) in lanes.iter_mut().zip(tail) {
        *lane = *lane + term(a, b);
    }
    fold_lanes(lanes)
}

/// Folds the running sums in half until one is left.
#[inline]
#[must_use]
pub fn fold_lanes<T: Element>(mut lanes: [T; LANES]) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        for (a, &b) in low.iter_mut().zip(high.iter()) {
            *a = *a + b;
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identical_rows_are_at_distance_zero_under_every_metric() {
        let row: [f32; 37] = core::array::from_fn(|t| (t as f32 * 0.37).sin() * 1e3);
        for metric in Metric::of_dim(37) {
            assert_eq!(distance(metric, &row, &row), 0.0, "{metric:?}");
        }
        assert_eq!(distance(Metric::Haversine, &[1.2f32, -3.1], &[1.2, -3.1]), 0.0);
    }

    #[test]
    fn cosine_knows_zero_rows_and_extremes() {
        let d = |x: &[f32], y: &[f32]| distance(Metric::Cosine, x, y);
        assert_eq!(d(&[0.0, 0.0], &[0.0, 0.0]), 0.0);
        assert_eq!(d(&[0.0, 0.0], &[1.0, 0.0]), 1.0);
        assert_eq!(d(&[1.0, 0.0], &[-2.0, 0.0]), 2.0);
        assert_eq!(d(&[1e18, 0.0], &[1e18, 0.0]), 0.0);
        for tiny in [1e-15f32, 3e-15, 1.7e-16, 3e17] {
            assert_eq!(d(&[tiny, 2.0 * tiny, 0.3 * tiny], &[tiny, 2.0 * tiny, 0.3 * tiny]), 0.0);
        }
        assert!(d(&[f32::INFINITY, 0.0], &[f32::INFINITY, 0.0]).is_nan());
        assert!(d(&[1e30, 0.0], &[1e30, 0.0]).is_nan());
        assert!(d(&[f32::NAN, 0.0], &[1.0, 0.0]).is_nan());
        assert!(d(&[0.0, 0.0], &[f32::INFINITY, 0.0]).is_nan());
    }

    #[test]
    fn no_metric_hides_a_nan() {
        let (mut x, y) = ([1.0f64; 20], [2.0f64; 20]);
        for bad in [f64::NAN, f64::INFINITY] {
            for t in [0, 7, 19] {
                x[t] = bad;
                for metric in Metric::ALL {
                    assert!(!distance(metric, &x, &y).is_finite(), "{metric:?} {t}");
                }
                x[t] = 1.0;
            }
            for (x, y) in [([bad, 0.0], [0.1, 0.2]), ([0.0, bad], [0.1, 0.2])] {
                assert!(distance(Metric::Haversine, &x, &y).is_nan());
                assert!(distance(Metric::Haversine, &y, &x).is_nan());
            }
        }
    }
}
