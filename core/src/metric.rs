//! The distances that there are, and what algorithms ask about them.

use core::fmt::{self, Display, Formatter};

use crate::element::Element;
use crate::error::{Error, ShapeError};

/// A distance. See [`distance`](crate::distance) for what each one computes, step by step.
///
/// | metric | of | 0/0 | values | triangle inequality |
/// |---|---|---|---|---|
/// | squared Euclidean | – | – | ≥ 0 | no |
/// | Euclidean, Manhattan, Chebyshev, Minkowski | Minkowski 1896 | – | ≥ 0 | yes |
/// | cosine | – | 0 for two zero rows, 1 for one | 0 to 2 | no |
/// | correlation | Pearson 1895 | 0 for two constant rows, 1 for one | 0 to 2 | no |
/// | Hamming | Hamming 1950 | – | 0 to 1 | yes |
/// | Jaccard | Jaccard 1901 | 0 for two empty sets | 0 to 1 | yes |
/// | Canberra | Lance and Williams 1967 | a term is 0 | 0 to dim | yes |
/// | Bray–Curtis | Bray and Curtis 1957 | 0 for two zero rows | 0 to 1 | no |
/// | haversine | Inman 1835 | – | 0 to π | yes |
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Metric {
    /// Σ (x−y)²: what k-means minimises.
    #[default]
    SqEuclidean,
    /// √Σ (x−y)².
    Euclidean,
    /// 1 − x·y / (|x| |y|); 1 where exactly one row is zero, 0 where both are.
    Cosine,
    /// Σ |x−y|.
    Manhattan,
    /// max |x−y|.
    Chebyshev,
    /// (Σ |x−y|^p)^(1/p), without overflow of the powers.
    Minkowski(Power),
    /// The cosine distance of both rows less their means: 1 − Pearson's correlation. 1 where
    /// exactly one row is constant, 0 where both are (other libraries give NaN).
    Correlation,
    /// The share of coordinates that differ.
    Hamming,
    /// Of the coordinates that are not zero in either row, the share that are zero in one: rows
    /// stand for sets, 1 − |both| / |either|. 0 where both are empty.
    Jaccard,
    /// Σ |x−y| / (|x|+|y|), where 0/0 is 0.
    Canberra,
    /// Σ |x−y| / Σ (|x|+|y|); 0 where both rows are zero. That is Σ |x−y| / Σ |x+y| wherever no
    /// coordinate is negative; elsewhere that one can divide by zero and this one cannot.
    BrayCurtis,
    /// The angle between two points of a sphere, in radians, of rows (latitude, longitude) in
    /// radians: times the radius it is the length of the great circle. Only for dim 2; latitudes
    /// are from −π/2 to π/2, longitudes from −2π to 2π.
    Haversine,
}

impl Metric {
    /// Every metric, in declaration order, [`Minkowski`](Self::Minkowski) with a whole power and
    /// a broken one: for tests and reports.
    pub const ALL: [Self; 13] = [
        Self::SqEuclidean,
        Self::Euclidean,
        Self::Cosine,
        Self::Manhattan,
        Self::Chebyshev,
        Self::Minkowski(Power(3f64.to_bits())),
        Self::Minkowski(Power(1.5f64.to_bits())),
        Self::Correlation,
        Self::Hamming,
        Self::Jaccard,
        Self::Canberra,
        Self::BrayCurtis,
        Self::Haversine,
    ];

    /// Those of [`ALL`](Self::ALL) that take rows of `dim` elements.
    pub fn of_dim(dim: usize) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |metric| metric.check_dim(dim).is_ok())
    }

    /// `Ok` where this is a distance of rows of `dim` elements.
    ///
    /// # Errors
    /// Haversine of rows that are not pairs.
    pub fn check_dim(self, dim: usize) -> Result<(), ShapeError> {
        match self {
            Self::Haversine => ShapeError::check("dim of latitude and longitude", 2, dim),
            _ => Ok(()),
        }
    }

    /// Whether distances among such rows are finite and as accurate as
    /// [`accuracy`](crate::distance::accuracy) says: coordinates are finite, not too large, and
    /// for haversine a latitude and a longitude.
    ///
    /// ```
    /// # use enfold_core::Metric;
    /// assert!(Metric::Haversine.takes(&[0.8f32, 0.2]));
    /// assert!(!Metric::Haversine.takes(&[48.1f32, 11.6]), "degrees");
    /// assert!(!Metric::SqEuclidean.takes(&[1e30f32]), "its square is ∞");
    /// ```
    #[must_use]
    pub fn takes<T: Element>(self, row: &[T]) -> bool {
        self.refused(row, row.len().max(1)).is_none()
    }

    /// The first of some rows that it does not [take](Self::takes).
    pub(crate) fn refused<T: Element>(self, rows: &[T], dim: usize) -> Option<usize> {
        use core::f64::consts::{FRAC_PI_2, TAU};
        let mut rows = rows.chunks_exact(dim);
        if self == Self::Haversine && dim == 2 {
            // Room for π/2 and 2π as they come from degrees, and from f32.
            let [pole, turn] = [FRAC_PI_2, TAU].map(|v| T::of_f64(v * (1.0 + 4.0 * f32::ROUNDOFF)));
            return rows.position(|row| !(row[0].abs() <= pole && row[1].abs() <= turn));
        }
        let most = self.largest(dim);
        // No for NaN, too; without a way out in the middle, which would cost more than it saves.
        rows.position(|row| !row.iter().fold(true, |ok, v| ok & (v.abs() <= most)))
    }

    /// Coordinates up to this in size give finite distances.
    fn largest<T: Element>(self, dim: usize) -> T {
        let (max, dim) = (T::max_value().as_f64() / 4.0, dim as f64);
        T::of_f64(match self {
            Self::Manhattan | Self::Chebyshev | Self::Minkowski(_) => max / dim,
            Self::Canberra | Self::BrayCurtis => max / dim,
            Self::Hamming | Self::Jaccard => max,
            Self::Cosine => libm::sqrt(max / dim),
            Self::Correlation => libm::sqrt(max / dim) / 2.0,
            Self::SqEuclidean | Self::Euclidean => libm::sqrt(max / (1.025 * dim)),
            Self::Haversine => 0.0,
        })
    }

    /// Whether a box around rows bounds their distances, so that trees and cells prune.
    #[must_use]
    pub fn has_bounds(self) -> bool {
        match self {
            Self::SqEuclidean | Self::Euclidean | Self::Manhattan => true,
            Self::Chebyshev | Self::Minkowski(_) => true,
            Self::Cosine | Self::Correlation | Self::Hamming | Self::Jaccard => false,
            Self::Canberra | Self::BrayCurtis | Self::Haversine => false,
        }
    }

    /// Whether [`accuracy`](crate::distance::accuracy) is absolute, not relative to the distance.
    #[must_use]
    pub fn is_absolute(self) -> bool {
        match self {
            Self::Cosine | Self::Correlation | Self::Haversine => true,
            Self::SqEuclidean | Self::Euclidean | Self::Manhattan => false,
            Self::Chebyshev | Self::Minkowski(_) => false,
            Self::Hamming | Self::Jaccard | Self::Canberra | Self::BrayCurtis => false,
        }
    }

    /// Whether distances stay the same when a row is multiplied by a positive number.
    #[cfg(feature = "alloc")]
    pub(crate) fn ignores_length(self) -> bool {
        matches!(self, Self::Cosine | Self::Correlation)
    }
}

/// The p of [`Metric::Minkowski`]: finite, and at least 1, below which the triangle inequality
/// fails.
///
/// ```
/// use enfold_core::{Metric, Power, distance::distance};
///
/// let metric = Metric::Minkowski(Power::new(3.0)?);
/// let d = distance(metric, &[0.0f64, 0.0, 0.0], &[3.0, 4.0, 5.0]);
/// assert!((d - 6.0).abs() < 1e-14);
/// assert!(Power::new(0.5).is_err());
/// # Ok::<(), enfold_core::PowerError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "f64", into = "f64"))]
pub struct Power(
    /// Bits, so that a metric can be compared and hashed.
    u64,
);

impl Power {
    /// A power.
    ///
    /// # Errors
    /// It is below 1, infinite or NaN.
    pub const fn new(p: f64) -> Result<Self, PowerError> {
        if p >= 1.0 && p < f64::INFINITY { Ok(Self(p.to_bits())) } else { Err(PowerError) }
    }

    /// Its value.
    #[must_use]
    pub const fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl fmt::Debug for Power {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}

impl From<Power> for f64 {
    fn from(power: Power) -> Self {
        power.get()
    }
}

impl TryFrom<f64> for Power {
    type Error = PowerError;

    fn try_from(p: f64) -> Result<Self, PowerError> {
        Self::new(p)
    }
}

/// A number that is no [`Power`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerError;

impl PowerError {
    const WHY: &'static str = "must be finite and at least 1";
}

impl Display for PowerError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "the power of a Minkowski distance {}", Self::WHY)
    }
}

impl core::error::Error for PowerError {}

impl<E> From<PowerError> for Error<E> {
    fn from(_: PowerError) -> Self {
        Self::Parameter { name: "power", why: PowerError::WHY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_finite_and_at_least_one() {
        for bad in [0.99, 0.0, -2.0, f64::INFINITY, f64::NAN] {
            assert_eq!(Power::new(bad), Err(PowerError), "{bad}");
        }
        for good in [1.0, 1.5, 1e300] {
            assert_eq!(Power::new(good).map(Power::get), Ok(good));
        }
    }

    #[test]
    fn rows_that_are_taken_have_finite_distances() {
        let check = |metric: Metric, dim: usize, most: f32| {
            let (a, b) = (std::vec![most; dim], std::vec![-most; dim]);
            assert!(metric.takes(&a) && metric.takes(&b), "{metric:?} {dim}");
            let mut c = a.clone();
            c[0] = -most;
            for (x, y) in [(&a, &b), (&a, &c), (&c, &b)] {
                assert!(crate::distance::distance(metric, x, y).is_finite(), "{metric:?} {dim}");
            }
        };
        for dim in [1usize, 2, 17, 300] {
            for metric in Metric::of_dim(dim).filter(|&m| m != Metric::Haversine) {
                check(metric, dim, metric.largest(dim));
            }
        }
        let pole = core::f32::consts::FRAC_PI_2;
        assert!(
            Metric::Haversine.takes(&[pole, -4.0 * pole])
                && !Metric::Haversine.takes(&[1.6f32, 0.0])
        );
        assert!(Metric::Haversine.takes(&[90f32.to_radians(), 360f32.to_radians()]));
        for metric in Metric::of_dim(2) {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                assert!(!metric.takes(&[0.0, bad]) && !metric.takes(&[bad, 0.0]), "{metric:?}");
            }
        }
    }
}
