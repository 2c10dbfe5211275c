//! Rows that suit a metric, for the tests that walk all metrics.

use enfold_core::{Element, Metric};

/// Rows that the metric takes: under haversine the numbers become angles, the largest of them a
/// pole or the meridian opposite to where longitudes begin.
pub(crate) fn suited<T: Element>(metric: Metric, data: &[T]) -> Vec<T> {
    let most = data.iter().fold(1.0, |most: f64, v| most.max(v.as_f64().abs()));
    let angle = |(at, v): (usize, &T)| {
        let full = std::f64::consts::FRAC_PI_2 * (at % 2 + 1) as f64;
        T::of_f64(v.as_f64() / most * full)
    };
    if metric == Metric::Haversine {
        data.iter().enumerate().map(angle).collect()
    } else {
        data.to_vec()
    }
}
