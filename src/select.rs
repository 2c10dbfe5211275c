//! Choosing: how many clusters, which radius, and what a grid of options gives.
//!
//! - [`Elbow`]: the k after which more clusters stop paying.
//! - [`Reach`]: the radius after which neighbours stop being near, for DBSCAN's eps.
//! - [`densities`] and [`counts`] run a grid and return one row per fit.
//!
//! A stream answers for every k from one state, so an elbow costs one pass over the data.
//! The knee is found by Kneedle (Satopää, Albrecht, Irwin, Raghavan: "Finding a 'kneedle' in a
//! haystack", ICDCS Workshops 2011, §III): scale the curve into the unit square, look where it
//! is farthest below the straight line between its ends, and believe the place only if the curve
//! comes back towards the line by a stated margin. A curve without a bend has no knee, and then
//! the answer is `None`, not a guess.

mod reach;
mod sweep;

pub use reach::Reach;
pub use sweep::{Count, Density, counts, densities};

/// A curve of cost against k, with k ascending.
///
/// ```
/// use enfold::select::Elbow;
/// let bent = Elbow::new([(2, 100.0), (3, 40.0), (4, 35.0), (5, 31.0), (6, 28.0)]);
/// assert_eq!(bent.knee(), Some(3));
/// let straight = Elbow::new((2..8).map(|k| (k, 100.0 - 10.0 * k as f64)));
/// assert_eq!(straight.knee(), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Elbow {
    points: Vec<(usize, f64)>,
}

/// Kneedle's sensitivity for a curve that is known as a whole (§IV of the paper).
pub const SENSITIVITY: f64 = 1.0;

impl Elbow {
    /// Takes pairs of k and cost in any order; of equal k the lowest cost counts, and costs that
    /// are not finite are left out. `O(n log n)`.
    pub fn new(points: impl IntoIterator<Item = (usize, f64)>) -> Self {
        let mut points: Vec<_> = points.into_iter().filter(|p| p.1.is_finite()).collect();
        points.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        points.dedup_by_key(|p| p.0);
        Self { points }
    }

    /// The points, k ascending.
    #[must_use]
    pub fn points(&self) -> &[(usize, f64)] {
        &self.points
    }

    /// The k after which more clusters stop paying, or `None` where the curve has no bend.
    #[must_use]
    pub fn knee(&self) -> Option<usize> {
        self.knee_with(SENSITIVITY)
    }

    /// As [`knee`](Self::knee); the bend must stand out by `sensitivity` mean steps of k.
    ///
    /// Where there are several knees, the first that stands out most.
    #[must_use]
    pub fn knee_with(&self, sensitivity: f64) -> Option<usize> {
        let bend = self.bend()?;
        let margin = sensitivity / (bend.len() - 1) as f64;
        let knees = peaks(&bend).filter(|&at| falls(&bend[at..], margin));
        let best = knees.reduce(|best, at| if bend[at] > bend[best] { at } else { best })?;
        Some(self.points[best].0)
    }

    /// How far each point lies below the line between the ends, in the unit square.
    /// `None` for fewer than three points or a curve that does not fall.
    #[must_use]
    pub fn bend(&self) -> Option<Vec<f64>> {
        let [(k0, first), .., (k1, last)] = *self.points else { return None };
        if self.points.len() < 3 || first <= last {
            return None;
        }
        let place = |k: usize| (k - k0) as f64 / (k1 - k0) as f64;
        let height = |cost: f64| (cost - last) / (first - last);
        Some(self.points.iter().map(|&(k, cost)| 1.0 - height(cost) - place(k)).collect())
    }
}

/// Positions of local maxima, the first of a plateau.
fn peaks(bend: &[f64]) -> impl Iterator<Item = usize> + '_ {
    (1..bend.len() - 1).filter(|&i| bend[i] > bend[i - 1] && bend[i] >= bend[i + 1])
}

/// Whether the curve sinks by `margin` from its start before it rises above it.
fn falls(bend: &[f64], margin: f64) -> bool {
    let after = bend[1..].iter().take_while(|&&b| b <= bend[0]);
    after.into_iter().any(|&b| b < bend[0] - margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_rising_and_flat_curves_have_no_knee() {
        assert_eq!(Elbow::new([]).knee(), None);
        assert_eq!(Elbow::new([(2, 5.0), (3, 1.0)]).knee(), None);
        assert_eq!(Elbow::new((2..9).map(|k| (k, 3.0))).knee(), None);
        assert_eq!(Elbow::new((2..9).map(|k| (k, k as f64))).knee(), None);
        assert_eq!(
            Elbow::new([(2, f64::NAN), (3, 1.0), (4, 0.5), (5, f64::INFINITY)]).knee(),
            None
        );
    }

    #[test]
    fn the_published_example_has_its_knee_at_two() {
        // Figure 2 of the paper: y = −1/x + 5 on ten points has its knee near x = 0.22 of the
        // unit interval; turned upside down to fall.
        let curve = (0..10).map(|i| (i, -(-1.0 / (i as f64 / 9.0 + 0.1) + 5.0)));
        assert_eq!(Elbow::new(curve).knee(), Some(2));
    }

    #[test]
    fn scaling_order_and_duplicates_do_not_matter() {
        let points = [(2, 90.0), (3, 50.0), (4, 20.0), (5, 18.0), (6, 16.0), (7, 15.0)];
        assert_eq!(Elbow::new(points).knee(), Some(4));
        let scaled = points.iter().rev().map(|&(k, c)| (k, c * 1e12 + 7.0));
        assert_eq!(Elbow::new(scaled.chain([(2, 1e20)])).knee(), Some(4));
    }
}
