//! The error model: how far a distance may be from the true one.
//!
//! A direct sum over differences loses at most one rounding per difference, product and addition,
//! each relative to terms that are never negative. Hence the bound is **relative to the true
//! distance**, wherever the data stand: a backend that returns `‖x‖² + ‖y‖² − 2xy` as it comes
//! fails far off centre, as it must. Cosine subtracts from 1 and is bounded relative to 1.
//! What is smaller than the smallest normal number may be flushed to zero.

use crate::element::Element;
use crate::metric::Metric;

use super::oracle;

/// What the model says about the distance of one pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expected {
    /// A number this near to the true distance.
    Near {
        /// The true distance.
        truth: f64,
        /// The largest error.
        bound: f64,
    },
    /// NaN or an infinity: nobody's neighbour.
    NotFinite,
    /// At the rim of overflow, or the cosine of rows whose squares underflow: nothing is said.
    Anything,
}

impl Expected {
    /// Whether `found` is what is expected.
    #[must_use]
    pub fn admits(self, found: f64) -> bool {
        match self {
            Self::Near { truth, bound } => (found - truth).abs() <= bound,
            Self::NotFinite => !found.is_finite(),
            Self::Anything => true,
        }
    }
}

pub use crate::distance::accuracy as relative;

/// What the model says about the pair `x`, `y`.
#[must_use]
pub fn expected<T: Element>(metric: Metric, x: &[T], y: &[T]) -> Expected {
    if !x.iter().chain(y).all(|v| v.is_finite()) {
        return Expected::NotFinite;
    }
    match metric {
        Metric::Cosine => cosine(x, y),
        Metric::Correlation => correlation(x, y),
        Metric::Haversine if !(metric.takes(x) && metric.takes(y)) => Expected::Anything,
        Metric::Haversine => near::<T>(metric, x, y),
        Metric::Hamming | Metric::Jaccard | Metric::Canberra | Metric::BrayCurtis => {
            of_shares(metric, x, y)
        }
        Metric::SqEuclidean | Metric::Euclidean | Metric::Manhattan => of_differences(metric, x, y),
        Metric::Chebyshev | Metric::Minkowski(_) => of_differences(metric, x, y),
    }
}

/// Whether distances of rows of small integers are small integers, exact on every machine.
#[must_use]
pub fn is_whole(metric: Metric) -> bool {
    matches!(metric, Metric::SqEuclidean | Metric::Manhattan | Metric::Chebyshev)
}

/// The true distance and the accuracy that is signed, where that is absolute.
fn near<T: Element>(metric: Metric, x: &[T], y: &[T]) -> Expected {
    Expected::Near { truth: oracle::distance(metric, x, y), bound: relative::<T>(metric, x.len()) }
}

fn of_differences<T: Element>(metric: Metric, x: &[T], y: &[T]) -> Expected {
    let (relative, truth) = (relative::<T>(metric, x.len()), oracle::distance(metric, x, y));
    let squared = matches!(metric, Metric::SqEuclidean | Metric::Euclidean);
    let peak = if squared { oracle::distance(Metric::SqEuclidean, x, y) } else { truth };
    let flushed = x.len() as f64 * T::min_positive_value().as_f64();
    match overflow::<T>(peak, relative) {
        Some(expected) => expected,
        None if metric == Metric::Euclidean && peak < flushed / T::ROUNDOFF => {
            Expected::Near { truth, bound: relative * truth + flushed.sqrt() }
        }
        None if metric == Metric::Euclidean => Expected::Near { truth, bound: relative * truth },
        None => Expected::Near { truth, bound: relative * truth + flushed },
    }
}

fn cosine<T: Element>(x: &[T], y: &[T]) -> Expected {
    let vanishes =
        |row: &[T]| vanishes::<T>(oracle::dot(row, row), row.iter().all(T::is_zero), row);
    let peak = oracle::dot(x, x).max(oracle::dot(y, y));
    match overflow::<T>(peak, relative::<T>(Metric::Cosine, x.len())) {
        Some(expected) => expected,
        None if vanishes(x) || vanishes(y) => Expected::Anything,
        None => near::<T>(Metric::Cosine, x, y),
    }
}

/// Whether the squares of a row that is not zero may vanish.
fn vanishes<T: Element>(square: f64, zero: bool, row: &[T]) -> bool {
    square < row.len() as f64 * T::min_positive_value().as_f64() / T::ROUNDOFF && !zero
}

/// The angle of rows less their means; nothing is said where a plain sum overflows.
fn correlation<T: Element>(x: &[T], y: &[T]) -> Expected {
    let (mut peak, mut lost) = (0.0f64, false);
    for row in [x, y] {
        let centred = oracle::centred(row);
        let square = oracle::dot(&centred, &centred);
        let sum: f64 = row.iter().map(|v| v.as_f64().abs()).sum();
        peak = peak.max(square);
        lost |= vanishes::<T>(square, row.iter().all(|v| *v == row[0]), row);
        lost |= sum > T::max_value().as_f64() / 4.0;
    }
    match overflow::<T>(peak, relative::<T>(Metric::Correlation, x.len())) {
        Some(expected) => expected,
        None if lost => Expected::Anything,
        None => near::<T>(Metric::Correlation, x, y),
    }
}

/// Quotients of coordinates: one that may be flushed to zero may change them beyond all bounds.
fn of_shares<T: Element>(metric: Metric, x: &[T], y: &[T]) -> Expected {
    let (least, relative) =
        (T::min_positive_value().as_f64() / T::ROUNDOFF, relative::<T>(metric, x.len()));
    let sizes = x.iter().zip(y).map(|(a, b)| a.as_f64().abs() + b.as_f64().abs());
    let (mut sum, mut most, mut tiny) = (0.0, 0.0f64, false);
    for size in sizes {
        (sum, most, tiny) = (sum + size, most.max(size), tiny || size > 0.0 && size < least);
    }
    let peak = if metric == Metric::BrayCurtis { sum } else { 0.0 };
    match overflow::<T>(peak, relative) {
        Some(expected) => expected,
        // Sums of two coordinates overflow there; the definition goes round it.
        None if metric == Metric::Canberra && most >= T::max_value().as_f64() => Expected::Anything,
        None if tiny => Expected::Anything,
        None => {
            let truth = oracle::distance(metric, x, y);
            Expected::Near { truth, bound: relative * truth }
        }
    }
}

/// What is said where the largest intermediate is at or beyond the largest number.
fn overflow<T: Element>(peak: f64, relative: f64) -> Option<Expected> {
    let most = T::max_value().as_f64();
    if peak * (1.0 - relative) > most {
        Some(Expected::NotFinite)
    } else if peak * (1.0 + relative) > most {
        Some(Expected::Anything)
    } else {
        None
    }
}

/// The largest error of a float sum of `n` terms that are not negative, relative to the sum.
///
/// Logarithmic in n: blocks of bounded length, added up in a tree or in wider numbers.
#[must_use]
pub fn of_sum<T: Element>(n: usize) -> f64 {
    8.0 * (8.0 + libm::log2(n as f64 + 2.0)) * T::ROUNDOFF
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{distance, dot};

    #[test]
    fn the_definition_passes_and_the_expanded_form_fails_far_off_centre() {
        let x: [f32; 24] = core::array::from_fn(|t| 1e5 + (t as f32 * 0.7).sin());
        let y: [f32; 24] = core::array::from_fn(|t| 1e5 + (t as f32 * 0.9).cos());
        let model = expected(Metric::SqEuclidean, &x, &y);
        assert!(model.admits(f64::from(distance(Metric::SqEuclidean, &x, &y))));
        assert!(!model.admits(f64::from(dot(&x, &x) + dot(&y, &y) - 2.0 * dot(&x, &y))));
    }

    #[test]
    fn overflow_and_poison_are_not_finite() {
        let far = expected(Metric::SqEuclidean, &[1e30f32], &[-1e30]);
        assert_eq!(far, Expected::NotFinite);
        assert_eq!(expected(Metric::Chebyshev, &[f32::NAN], &[0.0]), Expected::NotFinite);
    }
}
