//! The numbers that rows are made of.

use core::fmt::{Debug, Display};

use bytemuck::Pod;
use num_traits::Float;

mod sealed {
    /// Functions by the portable library: the same bits on every platform, with `std` or without.
    pub trait Portable: Sized {
        fn power(self, p: Self) -> Self;
        /// `self^p` for normal numbers above 0, by products and sums alone where the element is
        /// `f32` (within 4 units of 2⁻²³ for |p·log₂ self| up to 8; results beyond 2^±126 stop
        /// there): every level of instructions gives the same bits, in lanes too.
        fn swift_power(self, p: Self) -> Self;
        fn sine(self) -> Self;
        fn cosine(self) -> Self;
        /// The angle of the point (x, self).
        fn angle(self, x: Self) -> Self;
    }

    macro_rules! portable {
        ($element:ty: $pow:ident, $swift:path, $sin:ident, $cos:ident, $atan2:ident) => {
            impl Portable for $element {
                fn power(self, p: Self) -> Self {
                    libm::$pow(self, p)
                }
                #[inline(always)]
                fn swift_power(self, p: Self) -> Self {
                    $swift(self, p)
                }
                fn sine(self) -> Self {
                    libm::$sin(self)
                }
                fn cosine(self) -> Self {
                    libm::$cos(self)
                }
                fn angle(self, x: Self) -> Self {
                    libm::$atan2(self, x)
                }
            }
        };
    }

    #[inline(always)]
    fn swift_power(x: f32, p: f32) -> f32 {
        exp2(p * log2(x))
    }

    /// With the mantissa m in [√½, √2) and t = (m − 1)/(m + 1): e + (2/ln 2)·artanh t.
    #[inline(always)]
    fn log2(x: f32) -> f32 {
        let bits = x.to_bits() as i32;
        let exponent = (bits - 0x3f35_04f3) >> 23;
        let m = f32::from_bits((bits - (exponent << 23)) as u32);
        let t = (m - 1.0) / (m + 1.0);
        let u = t * t;
        let p = ((0.412_198_57 * u + 0.577_078_02) * u + 0.961_796_7) * u + 2.885_39;
        exponent as f32 + t * p
    }

    /// 2^r · 2^f with r the nearest integer (adding 1.5·2²³ leaves no bits for a fraction).
    #[inline(always)]
    fn exp2(x: f32) -> f32 {
        const SHIFT: f32 = 12_582_912.0;
        let x = if x > 126.0 { 126.0 } else { x };
        let x = if x < -126.0 { -126.0 } else { x };
        let shifted = x + SHIFT;
        let f = x - (shifted - SHIFT);
        let p = ((1.535_336_2e-4 * f + 1.339_887_4e-3) * f + 9.618_437e-3) * f + 5.550_332_5e-2;
        let p = ((p * f + 0.240_226_48) * f + core::f32::consts::LN_2) * f + 1.0;
        // The low bits of the shifted number are r.
        let r = shifted.to_bits().wrapping_sub(SHIFT.to_bits());
        f32::from_bits(p.to_bits().wrapping_add(r << 23))
    }

    portable!(f32: powf, swift_power, sinf, cosf, atan2f);
    portable!(f64: pow, libm::pow, sin, cos, atan2);
}

/// A coordinate, distance or weight: `f32`, or `f64` where the machine has it.
///
/// Sealed: the set is closed because every backend compiles each of them.
pub trait Element:
    Float + Pod + Default + Debug + Display + Send + Sync + 'static + sealed::Portable
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

    #[inline]
    fn of_f64(value: f64) -> Self {
        value as f32
    }

    #[inline]
    fn as_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline]
    fn rint(self) -> i64 {
        // Adding 1.5·2²³ leaves no bits for a fraction, and the machine rounds ties to even;
        // numbers from 2²³ on have no fraction.
        const SHIFT: f32 = 12_582_912.0;
        match self.abs() {
            size if size < 4_194_304.0 => ((self + SHIFT) - SHIFT) as i64,
            size if size < 8_388_608.0 => libm::rintf(self) as i64,
            _ => self as i64,
        }
    }
}

impl Element for f64 {
    const NAME: &'static str = "f64";
    const ROUNDOFF: f64 = 1.0 / (1u64 << 53) as f64;

    #[inline]
    fn of_f64(value: f64) -> Self {
        value
    }

    #[inline]
    fn as_f64(self) -> f64 {
        self
    }

    #[inline]
    fn rint(self) -> i64 {
        libm::rint(self) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rint_is_that_of_the_mathematical_library() {
        let grid = (0..1 << 16).map(|i| f32::from_bits(i << 16));
        let near = (0..4096).map(|i| 4_194_304.0 + (i as f32 - 2048.0) * 0.5);
        for v in grid.chain(near.clone()).chain(near.map(|v| -2.0 * v)) {
            assert_eq!(v.rint(), libm::rintf(v) as i64, "{v}");
        }
    }

    #[test]
    fn rint_rounds_ties_to_even_and_saturates() {
        assert_eq!([0.5f32, 1.5, 2.5, -0.5, -1.5].map(Element::rint), [0, 2, 2, 0, -2]);
        assert_eq!([0.5f64, 1.5, 2.5, -0.5, -1.5].map(Element::rint), [0, 2, 2, 0, -2]);
        assert_eq!(f32::NAN.rint(), 0);
        assert_eq!(f32::INFINITY.rint(), i64::MAX);
    }
}
