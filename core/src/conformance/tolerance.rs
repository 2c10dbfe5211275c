//! The error model: how far a distance may be from the true one.
//!
//! A direct sum over differences loses at most one rounding per difference, product and addition,
//! each relative to terms that are never negative. Hence the bound is **relative to the true
//! distance**, wherever the data stand: a backend that returns `‖x‖² + ‖y‖² − 2xy` as it comes
//! fails far off centre, as it must. Cosine subtracts from 1 and is bounded relative to 1.
//! What is smaller than the smallest normal number may be flushed to zero.

use crate::element::Element;
use crate::rows::Metric;

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
        _ => of_differences(metric, x, y),
    }
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
    let relative = relative::<T>(Metric::Cosine, x.len());
    let (xx, yy) = (oracle::dot(x, x), oracle::dot(y, y));
    let floor = x.len() as f64 * T::min_positive_value().as_f64() / T::ROUNDOFF;
    let zero = |v: &[T]| v.iter().all(T::is_zero);
    if let Some(expected) = overflow::<T>(xx.max(yy), relative) {
        return expected;
    }
    if (xx < floor && !zero(x)) || (yy < floor && !zero(y)) {
        return Expected::Anything;
    }
    Expected::Near { truth: oracle::distance(Metric::Cosine, x, y), bound: relative }
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
