//! The knee of a k-distance curve.

use super::{Elbow, SENSITIVITY};

/// Points of the curve that are looked at: more would take noise for knees.
const POINTS: usize = 256;

/// The k-distance curve: how far every row is from its k-th neighbour, ascending (Ester, Kriegel,
/// Sander, Xu 1996, §4.2). Most rows have near neighbours; where the curve turns upwards those
/// without begin, and the distance there is a radius for DBSCAN with `min_samples` = k + 1.
///
/// ```
/// use enfold::select::Reach;
/// let near = (0..90).map(|i| 1.0 + f64::from(i) * 0.001);
/// let far = (0..10).map(|i| 2.0 + f64::from(i));
/// let eps = Reach::new(near.chain(far)).knee().expect("a bend");
/// assert!((1.0..3.5).contains(&eps), "{eps}");
/// assert_eq!(Reach::new((0..100).map(f64::from)).knee(), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Reach {
    distances: Vec<f64>,
}

impl Reach {
    /// Takes one distance per row, in any order; those that are not finite are left out – rows
    /// with fewer than k neighbours. `O(n log n)`.
    pub fn new(distances: impl IntoIterator<Item = f64>) -> Self {
        let mut distances: Vec<f64> = distances.into_iter().filter(|d| d.is_finite()).collect();
        distances.sort_unstable_by(f64::total_cmp);
        Self { distances }
    }

    /// The distances, ascending.
    #[must_use]
    pub fn distances(&self) -> &[f64] {
        &self.distances
    }

    /// The distance where the curve turns upwards, or `None` where it has no bend: then no
    /// radius stands out. Found by Kneedle, as an [`Elbow`] is.
    #[must_use]
    pub fn knee(&self) -> Option<f64> {
        self.knee_with(SENSITIVITY)
    }

    /// As [`knee`](Self::knee); the bend must stand out by `sensitivity` mean steps of the curve,
    /// of which there are at most 256 however many rows there are.
    #[must_use]
    pub fn knee_with(&self, sensitivity: f64) -> Option<f64> {
        // From the far end the curve falls, as a curve of costs does.
        let last = self.distances.len().checked_sub(1)?;
        let steps = last.clamp(1, POINTS - 1);
        let points = (0..=steps).map(|at| (at, self.distances[last - at * last / steps]));
        let at = Elbow::new(points).knee_with(sensitivity)?;
        Some(self.distances[last - at * last / steps])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_without_a_bend_have_no_knee() {
        assert_eq!(Reach::new([]).knee(), None);
        assert_eq!(Reach::new([1.0]).knee(), None);
        assert_eq!(Reach::new([1.0; 50]).knee(), None);
        assert_eq!(Reach::new([f64::NAN, 1.0, f64::INFINITY, 2.0]).knee(), None);
        assert_eq!(Reach::new((0..100_000).map(f64::from)).knee(), None);
    }

    #[test]
    fn the_knee_is_where_the_tail_begins() {
        for n in [100, 1000, 100_000] {
            let curve = (0..n).map(|i| {
                let at = f64::from(i) / f64::from(n);
                if at < 0.9 { 1.0 + 0.1 * at } else { 1.09 + 100.0 * (at - 0.9) }
            });
            let knee = Reach::new(curve).knee().expect("a knee");
            assert!((1.05..1.7).contains(&knee), "{n}: {knee}");
        }
    }

    #[test]
    fn order_does_not_matter() {
        let curve: Vec<f64> = (1..60).map(|i| 1.0 / f64::from(i)).collect();
        let knee = Reach::new(curve.clone()).knee();
        assert!(knee.is_some());
        assert_eq!(Reach::new(curve.into_iter().rev()).knee(), knee);
    }
}
