//! The numbers that rows are made of.

use core::fmt::{Debug, Display};

use bytemuck::Pod;
use num_traits::Float;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A coordinate, distance or weight: `f32`, or `f64` where the machine has it.
///
/// Sealed: the set is closed because every backend compiles each of them.
pub trait Element:
    Float + Pod + Default + Debug + Display + Send + Sync + 'static + sealed::Sealed
{
    /// Short name, `"f32"` or `"f64"`, as it stands in snapshots and reports.
    const NAME: &'static str;
    /// Unit round-off of round-to-nearest: 2⁻²⁴ or 2⁻⁵³.
    const ROUNDOFF: f64;

    /// The nearest element to `value`, ties to even.
    fn of_f64(value: f64) -> Self;
    /// The same value as `f64`, exactly.
    fn as_f64(self) -> f64;
    /// Rounds to the nearest integer, ties to even; saturates, and NaN gives 0.
    fn rint(self) -> i64;
}

impl Element for f32 {
    const NAME: &'static str = "f32";
    const ROUNDOFF: f64 = 1.0 / (1u64 << 24) as f64;

    fn of_f64(value: f64) -> Self {
        value as f32
    }

    fn as_f64(self) -> f64 {
        f64::from(self)
    }

    fn rint(self) -> i64 {
        libm::rintf(self) as i64
    }
}

impl Element for f64 {
    const NAME: &'static str = "f64";
    const ROUNDOFF: f64 = 1.0 / (1u64 << 53) as f64;

    fn of_f64(value: f64) -> Self {
        value
    }

    fn as_f64(self) -> f64 {
        self
    }

    fn rint(self) -> i64 {
        libm::rint(self) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rint_rounds_ties_to_even_and_saturates() {
        assert_eq!([0.5f32, 1.5, 2.5, -0.5, -1.5].map(Element::rint), [0, 2, 2, 0, -2]);
        assert_eq!([0.5f64, 1.5, 2.5, -0.5, -1.5].map(Element::rint), [0, 2, 2, 0, -2]);
        assert_eq!(f32::NAN.rint(), 0);
        assert_eq!(f32::INFINITY.rint(), i64::MAX);
    }
}
