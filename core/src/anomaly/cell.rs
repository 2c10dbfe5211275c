//! Coordinates of cells: `f32`, or `i16` for parts without a floating-point unit.
//!
//! Fixed point is *block floating* (Wilkinson 1963): all centres share a power of two as their unit,
//! the smallest that leaves room for the largest coordinate. A row beyond the rails is compared in
//! its own coarser unit; where it is learned the centres follow. So nothing saturates, and a calm
//! machine is not looked at through the unit of a wild one. Cells are told apart by 13 bits of a
//! gap; the distance to the one that was found, which is what a score is made of, is taken from all
//! 29.

/// A coordinate.
///
/// Sealed: `f32`, or `i16` in units of 1/64 deviation – or, in a [`Detector`](super::Detector), of
/// that times a power of two.
pub trait Cell: Copy + PartialEq + core::fmt::Debug + sealed::Sealed + 'static {
    /// A squared distance.
    #[doc(hidden)]
    type Square: Copy + PartialOrd;
    /// What `Self` leaves of a coordinate's digits.
    #[doc(hidden)]
    type Rest: Copy + PartialEq + core::fmt::Debug;
    /// What stands for the type in checkpoints: 4 for `f32`, 2 for `i16`.
    const CODE: u16;
    /// Whether units are those of a scale: so many bits finer than 1/64.
    #[doc(hidden)]
    const HAS_SCALES: bool;
    /// Most coordinates whose squares have room in a sum.
    #[doc(hidden)]
    const LONGEST: usize;
    #[doc(hidden)]
    const ZERO: Self;
    #[doc(hidden)]
    const NO_REST: Self::Rest;
    #[doc(hidden)]
    const NEAREST: Self::Square;
    #[doc(hidden)]
    const FARTHEST: Self::Square;
    /// The nearest coordinate; the range is ±64 deviations, and more counts as that (`i16`).
    fn of(y: f32) -> Self;
    /// The finest scale with room for numbers of this size.
    #[doc(hidden)]
    fn scale_for(largest: f32) -> i32;
    #[doc(hidden)]
    fn is_scale(scale: i32) -> bool;
    /// The coordinate below, and what that leaves.
    #[doc(hidden)]
    fn split(y: f32, scale: i32) -> (Self, Self::Rest);
    /// In deviations.
    #[doc(hidden)]
    fn value(self, rest: Self::Rest, scale: i32) -> f32;
    /// How many bits finer the scale could be if no coordinate were larger.
    #[doc(hidden)]
    fn headroom(self, rest: Self::Rest) -> i32;
    /// In units of another scale, by so many bits finer.
    #[doc(hidden)]
    fn rescaled(self, rest: Self::Rest, finer: i32) -> (Self, Self::Rest);
    /// A sum and the squares of the gaps of x and y, added in order.
    #[doc(hidden)]
    fn add(sum: Self::Square, x: &[Self], y: &[Self]) -> Self::Square;
    /// A squared distance in deviations².
    #[doc(hidden)]
    fn as_f32(square: Self::Square, scale: i32) -> f32;
    /// The same with the digits that `square` leaves out.
    #[doc(hidden)]
    fn refine(square: Self::Square, x: Digits<'_, Self>, y: Digits<'_, Self>, scale: i32) -> f32;
    /// Moves a centre towards x by 2^−rate of the gap.
    #[doc(hidden)]
    fn follow(x: (Self, Self::Rest), center: &mut Self, rest: &mut Self::Rest, rate: u32);
    /// From the bits of a checkpoint.
    #[doc(hidden)]
    fn from_bits(bits: u32) -> Option<(Self, Self::Rest)>;
    #[doc(hidden)]
    fn to_bits(self, rest: Self::Rest) -> u32;
}

/// Coordinates with all of their digits.
#[doc(hidden)]
pub type Digits<'a, T> = (&'a [T], &'a [<T as Cell>::Rest]);

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i16 {}
}

impl Cell for f32 {
    type Square = f32;
    type Rest = ();
    const CODE: u16 = 4;
    const HAS_SCALES: bool = false;
    const LONGEST: usize = usize::MAX;
    const ZERO: Self = 0.0;
    const NO_REST: () = ();
    const NEAREST: f32 = 0.0;
    const FARTHEST: f32 = f32::INFINITY;

    #[inline]
    fn of(y: f32) -> Self {
        y
    }

    fn scale_for(_: f32) -> i32 {
        0
    }

    fn is_scale(scale: i32) -> bool {
        scale == 0
    }

    #[inline]
    fn split(y: f32, _: i32) -> (Self, ()) {
        (y, ())
    }

    #[inline]
    fn value(self, (): (), _: i32) -> f32 {
        self
    }

    fn headroom(self, (): ()) -> i32 {
        0
    }

    fn rescaled(self, (): (), _: i32) -> (Self, ()) {
        (self, ())
    }

    #[inline(always)]
    fn add(mut sum: f32, x: &[Self], y: &[Self]) -> f32 {
        for (x, y) in x.iter().zip(y) {
            sum += (x - y) * (x - y);
        }
        sum
    }

    #[inline]
    fn as_f32(square: f32, _: i32) -> f32 {
        square
    }

    #[inline(always)]
    fn refine(square: f32, _: Digits<'_, f32>, _: Digits<'_, f32>, _: i32) -> f32 {
        square
    }

    #[inline]
    fn follow((x, ()): (Self, ()), center: &mut Self, (): &mut (), rate: u32) {
        *center += (x - *center) * power(-(rate as i32));
    }

    fn from_bits(bits: u32) -> Option<(Self, ())> {
        let value = Self::from_bits(bits);
        (value.abs() <= super::front::FARTHEST).then_some((value, ()))
    }

    fn to_bits(self, (): ()) -> u32 {
        Self::to_bits(self)
    }
}

/// 2^by, for |by| below 127.
#[inline]
fn power(by: i32) -> f32 {
    f32::from_bits(((127 + by) as u32) << 23)
}

/// Largest `i16` coordinate, 2¹²: squares of gaps fit 26 bits, and 63 of them 32 bits.
const RAIL: i32 = 1 << RAIL_BITS;
const RAIL_BITS: i32 = 12;
/// Digits of a coordinate below the units of `i16`.
const REST_BITS: i32 = 16;
/// log₂ of the units of a deviation at scale 0.
const UNIT_BITS: i32 = 6;
/// Units of 2⁻¹⁶ deviations: whatever is nearer may be equal.
const FINEST: i32 = 10;
/// Rails at 2⁵⁰ deviations: more than the front's [`FARTHEST`](super::front::FARTHEST).
const COARSEST: i32 = -44;

impl Cell for i16 {
    type Square = u32;
    /// Sixteen more bits.
    type Rest = u16;
    const CODE: u16 = 2;
    const HAS_SCALES: bool = true;
    const LONGEST: usize = 63;
    const ZERO: Self = 0;
    const NO_REST: u16 = 0;
    const NEAREST: u32 = 0;
    const FARTHEST: u32 = u32::MAX;

    #[inline]
    fn of(y: f32) -> Self {
        Self::split(y + 0.5 / (1 << UNIT_BITS) as f32, 0).0
    }

    fn scale_for(largest: f32) -> i32 {
        let exponent = (largest.to_bits() >> 23) as i32 - 127;
        (RAIL_BITS - UNIT_BITS - 1 - exponent).clamp(COARSEST, FINEST)
    }

    fn is_scale(scale: i32) -> bool {
        (COARSEST..=FINEST).contains(&scale)
    }

    #[inline]
    fn split(y: f32, scale: i32) -> (Self, u16) {
        // A float becomes the nearest integer that there is: no overflow here.
        let joined = (y * power(scale + UNIT_BITS + REST_BITS)) as i32;
        parts(joined.clamp(-RAIL << REST_BITS, RAIL << REST_BITS))
    }

    #[inline]
    fn value(self, rest: u16, scale: i32) -> f32 {
        joined(self, rest) as f32 * power(-(scale + UNIT_BITS + REST_BITS))
    }

    fn headroom(self, rest: u16) -> i32 {
        let bits = 32 - joined(self, rest).unsigned_abs().leading_zeros() as i32;
        (RAIL_BITS + REST_BITS - bits).max(0)
    }

    fn rescaled(self, rest: u16, finer: i32) -> (Self, u16) {
        let joined = joined(self, rest);
        if finer >= 0 {
            return parts(joined << (finer & 31));
        }
        // A coordinate has 30 bits: by more all are 0.
        let coarser = finer.unsigned_abs().min(30);
        parts((joined + (1 << (coarser - 1))) >> coarser)
    }

    #[inline(always)]
    fn add(mut sum: u32, x: &[Self], y: &[Self]) -> u32 {
        for (&x, &y) in x.iter().zip(y) {
            let gap = i32::from(x) - i32::from(y);
            sum = sum.wrapping_add(gap.wrapping_mul(gap) as u32);
        }
        sum
    }

    #[inline]
    fn as_f32(square: u32, scale: i32) -> f32 {
        square as f32 * power(-2 * (UNIT_BITS + scale))
    }

    #[inline(always)]
    fn refine(square: u32, x: Digits<'_, i16>, y: Digits<'_, i16>, scale: i32) -> f32 {
        // What is left takes less than a unit from a gap, so from the distance of 63 coordinates less
        // than 8: below 2^shift units it is, with 16 more bits below 2^(16 + shift), and after the
        // shift a sum of squares below 2³².
        let shift = (32 - square.leading_zeros()).div_ceil(2).max(3) + 1;
        let mut sum = 0u32;
        for ((&x, &a), (&y, &b)) in x.0.iter().zip(x.1).zip(y.0.iter().zip(y.1)) {
            let gap = joined(x, a).wrapping_sub(joined(y, b)) >> (shift & 31);
            sum = sum.wrapping_add(gap.wrapping_mul(gap) as u32);
        }
        sum as f32 * power(2 * (shift as i32 - REST_BITS - UNIT_BITS - scale))
    }

    #[inline]
    fn follow(x: (Self, u16), center: &mut Self, rest: &mut u16, rate: u32) {
        let old = joined(*center, *rest);
        // |gap| ≤ 2¹³ · 2¹⁶: no overflow.
        let gap = joined(x.0, x.1).wrapping_sub(old);
        (*center, *rest) = parts(old.wrapping_add(gap >> (rate & 31)));
    }

    fn from_bits(bits: u32) -> Option<(Self, u16)> {
        let joined = bits as i32;
        let limits = -RAIL << REST_BITS..=RAIL << REST_BITS;
        limits.contains(&joined).then(|| parts(joined))
    }

    fn to_bits(self, rest: u16) -> u32 {
        joined(self, rest) as u32
    }
}

#[inline(always)]
fn joined(center: i16, rest: u16) -> i32 {
    (i32::from(center) << REST_BITS) | i32::from(rest)
}

/// Whole units, and what is left: always rounded down, so that it cancels in a gap.
#[inline(always)]
fn parts(joined: i32) -> (i16, u16) {
    ((joined >> REST_BITS) as i16, joined as u16)
}
