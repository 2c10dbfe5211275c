//! What "within eps" means, and how folds on rounded distances decide it.
//!
//! A pair is within eps when its distance *computed in f64* by [`distance`] – direct differences,
//! square root and all – is at most eps. A machine's distance of `f32` rows may differ from that
//! by the [accuracy] it signs, so eps becomes a band: up to `low` a pair is certainly within,
//! above `high` it is certainly not, and what falls between is decided here, in f64, on the
//! host. Answers are those of f64 on every machine, also on one that has none.

use alloc::vec::Vec;

use crate::distance::{accuracy, distance};
use crate::element::Element;
use crate::rows::Metric;

/// eps as folds can use it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Eps<T> {
    /// The metric asked for, and the radius in its unit.
    metric: Metric,
    eps: f64,
    /// The metric that folds compute: squares spare the roots.
    pub(super) fold: Metric,
    /// Distances of `fold` up to this belong to pairs within eps.
    pub(super) low: T,
    /// Distances of `fold` above this belong to pairs beyond it.
    pub(super) high: T,
    relative: f64,
    absolute: f64,
}

impl<T: Element> Eps<T> {
    pub(super) fn new(metric: Metric, eps: f64, dim: usize) -> Self {
        let (fold, bound) = match metric {
            Metric::Euclidean => (Metric::SqEuclidean, eps * eps),
            other => (other, eps),
        };
        // Twice what is signed: for f64's own roundings, and for those of the band.
        let accuracy = 2.0 * accuracy::<T>(fold, dim);
        let flushed = dim as f64 * T::min_positive_value().as_f64();
        let (relative, absolute) =
            if fold.is_absolute() { (0.0, accuracy) } else { (accuracy, flushed) };
        let low = (bound - absolute) * (1.0 - 2.0 * relative);
        let high = (bound + absolute) * (1.0 + 2.0 * relative);
        let most = T::max_value().as_f64();
        let (low, high) = (T::of_f64(low.min(most)), T::of_f64(high.min(most)));
        Self { metric, eps, fold, low, high, relative, absolute }
    }

    /// Whether a pair is within eps: the definition.
    pub(super) fn holds(&self, x: &[f64], y: &[f64]) -> bool {
        self.exact(x, y) <= self.eps
    }

    /// The distance in f64.
    pub(super) fn exact(&self, x: &[f64], y: &[f64]) -> f64 {
        distance(self.metric, x, y)
    }

    /// Whether a distance of `fold` may belong to a pair as close as one at distance `best`.
    pub(super) fn rivals(&self, best: T, other: T) -> bool {
        let (best, other) = (best.as_f64(), other.as_f64());
        other <= (best + 2.0 * self.absolute) * (1.0 + 4.0 * self.relative)
    }
}

/// Rows as `f64`, which loses nothing.
pub(super) fn widen<T: Element>(rows: &[T]) -> Vec<f64> {
    rows.iter().map(|v| v.as_f64()).collect()
}

/// Scales rows by powers of two so that their largest coordinate is in [1, 2): angles stay as
/// they are, and squares neither overflow nor underflow.
pub(super) fn rescale<T: Element>(rows: &mut [T], dim: usize) {
    for row in rows.chunks_exact_mut(dim) {
        let most = row.iter().fold(0.0, |most: f64, v| most.max(v.as_f64().abs()));
        if most > 0.0 {
            let power = 1 - libm::frexp(most).1;
            for v in row {
                *v = T::of_f64(libm::ldexp(v.as_f64(), power));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_holds_what_a_machine_may_return() {
        let eps = Eps::<f32>::new(Metric::Euclidean, 0.1, 3);
        assert!(f64::from(eps.low) < 0.1 * 0.1 && 0.1 * 0.1 < f64::from(eps.high));
        assert!(f64::from(eps.high) < 0.010_001 && f64::from(eps.low) > 0.009_999);
        let tiny = Eps::<f32>::new(Metric::Euclidean, 1e-30, 3);
        assert!(tiny.low < 0.0 && tiny.high > 0.0, "nothing is certain below the least square");
        let huge = Eps::<f32>::new(Metric::Euclidean, 1e300, 3);
        assert_eq!((huge.low, huge.high), (f32::MAX, f32::MAX));
    }

    #[test]
    fn scaled_rows_keep_their_angles() {
        let mut rows = [3e-30f32, 4e-30, 0.0, 0.0, 3e30, -4e30];
        rescale(&mut rows, 2);
        assert!(rows[..2].iter().all(|v| (0.5..2.0).contains(v)) && rows[2..4] == [0.0, 0.0]);
        assert_eq!(distance(Metric::Cosine, &rows[..2], &[3.0, 4.0]), 0.0);
    }
}
