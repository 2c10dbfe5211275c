//! Sums without rounding: the same total for any order and any cut into batches.
//!
//! An `f32` is an integer times a power of two of which there are only 254, so a sum of them –
//! and of their squares – is one long integer. It is kept in digits of 32 bits inside words of
//! 64, so that carries can wait (the "small superaccumulator" of Neal: "Fast exact summation
//! using small and large superaccumulators", 2015).

/// Weight of the lowest bit of an `f32`: 2⁻¹⁴⁹.
const LOWEST: i32 = -149;
/// Additions after which a digit could overflow if carries waited any longer.
const MAX_PENDING: u32 = 1 << 30;

/// The parts of a finite `f32`: ±`mantissa`·2^(`shift`−149), mantissa below 2²⁴.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    negative: bool,
    mantissa: u64,
    shift: u32,
}

impl Parts {
    pub(super) fn of(value: f32) -> Self {
        let bits = value.to_bits();
        let (exponent, fraction) = (bits >> 23 & 0xff, u64::from(bits & 0x7f_ffff));
        let hidden = u64::from(exponent > 0) << 23;
        Self {
            negative: value.is_sign_negative(),
            mantissa: fraction | hidden,
            shift: exponent.saturating_sub(1),
        }
    }
}

/// A sum in `N` digits of 32 bits; digit 0 counts units of 2^`low`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exact<const N: usize> {
    digits: [i64; N],
    pending: u32,
    low: i32,
}

/// Σ m·x for masses below 2⁶³ in total: 24 + 253 + 63 bits and a sign.
pub(super) type Linear = Exact<11>;
/// Σ m·x²: 48 + 506 + 63 bits and a sign.
pub(super) type Square = Exact<20>;

/// Digits of both together.
pub(super) const DIGITS: usize = 11 + 20;

impl Linear {
    pub(super) fn add(&mut self, x: Parts, mass: u64) {
        self.add_shifted(x.negative, u128::from(x.mantissa) * u128::from(mass), x.shift);
    }
}

impl Square {
    pub(super) fn add(&mut self, x: Parts, mass: u64) {
        let square = u128::from(x.mantissa * x.mantissa);
        self.add_shifted(false, square * u128::from(mass), 2 * x.shift);
    }
}

impl Default for Linear {
    fn default() -> Self {
        Self { digits: [0; 11], pending: 0, low: LOWEST }
    }
}

impl Default for Square {
    fn default() -> Self {
        Self { digits: [0; 20], pending: 0, low: 2 * LOWEST }
    }
}

impl<const N: usize> Exact<N> {
    /// Adds ±`magnitude`·2^`shift` units; the magnitude is below 2⁹⁶.
    fn add_shifted(&mut self, negative: bool, magnitude: u128, shift: u32) {
        let mut rest = magnitude << (shift % 32);
        let mut at = (shift / 32) as usize;
        while rest != 0 {
            let digit = i64::from(rest as u32);
            self.digits[at] += if negative { -digit } else { digit };
            rest >>= 32;
            at += 1;
        }
        self.pending += 1;
        if self.pending == MAX_PENDING {
            self.carry();
        }
    }

    /// Carries, so that equal totals have equal digits.
    pub(super) fn carry(&mut self) {
        for i in 1..N {
            let carry = self.digits[i - 1] >> 32;
            self.digits[i - 1] -= carry << 32;
            self.digits[i] += carry;
        }
        self.pending = 0;
    }

    /// Adds another sum; both must have carried.
    pub(super) fn merge(&mut self, other: &Self) {
        for (a, b) in self.digits.iter_mut().zip(&other.digits) {
            *a += b;
        }
        self.carry();
    }

    /// The total to about 104 bits. Exact while the leading digits cancel.
    pub(super) fn total(&self) -> Double {
        let digits = self.digits.iter().enumerate().rev();
        digits.fold(Double::default(), |sum, (i, &digit)| {
            sum.add(Double::of_i64(digit).scaled(power_of_two(self.low + 32 * i as i32)))
        })
    }

    /// Replaces the total by `factor` (at most 1) times itself, rounded to about 100 bits.
    pub(super) fn shrink(&mut self, factor: f64) {
        let total = self.total().mul(Double(factor, 0.0));
        self.digits = [0; N];
        self.add_f64(total.0);
        self.add_f64(total.1);
        self.carry();
    }

    /// Adds what of `value` lies above the lowest unit.
    fn add_f64(&mut self, value: f64) {
        let bits = value.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as i32;
        if exponent == 0 {
            return;
        }
        let mantissa = u128::from(bits & ((1 << 52) - 1) | 1 << 52);
        let shift = exponent - 1075 - self.low;
        let magnitude = if shift < 0 { mantissa >> (-shift).min(64) } else { mantissa };
        self.add_shifted(value.is_sign_negative(), magnitude, shift.max(0) as u32);
    }

    /// The digits after carrying, for a snapshot.
    pub(super) fn digits(&self) -> &[i64; N] {
        &self.digits
    }

    /// The same sum with other digits; `None` where no sum has carried to them.
    pub(super) fn with_digits(&self, digits: [i64; N]) -> Option<Self> {
        let low = &digits[..N - 1];
        let carried = low.iter().all(|d| (0..1 << 32).contains(d));
        (carried && digits[N - 1].unsigned_abs() < 1 << 32).then_some(Self {
            digits,
            pending: 0,
            low: self.low,
        })
    }
}

fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// A number as the unevaluated sum of two `f64`, about 104 bits (Dekker 1971).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Double(pub(super) f64, pub(super) f64);

impl Double {
    /// Exactly.
    pub(super) fn of_i64(value: i64) -> Self {
        let high = value >> 32 << 32;
        two_sum(high as f64, (value - high) as f64)
    }

    /// Times a power of two, exactly.
    fn scaled(self, power: f64) -> Self {
        Self(self.0 * power, self.1 * power)
    }

    pub(super) fn add(self, other: Self) -> Self {
        let (high, low) = (two_sum(self.0, other.0), two_sum(self.1, other.1));
        let sum = two_sum(high.0, high.1 + low.0);
        two_sum(sum.0, sum.1 + low.1)
    }

    pub(super) fn mul(self, other: Self) -> Self {
        let product = self.0 * other.0;
        let error = self.0.mul_add(other.0, -product);
        two_sum(product, error + (self.0 * other.1 + self.1 * other.0))
    }

    pub(super) fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }

    pub(super) fn value(self) -> f64 {
        self.0 + self.1
    }
}

/// `a + b` and what rounding took from it (Knuth).
fn two_sum(a: f64, b: f64) -> Double {
    let sum = a + b;
    let part = sum - a;
    Double(sum, (a - (sum - part)) + (b - part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f32]) -> Linear {
        let mut sum = Linear::default();
        values.iter().for_each(|&v| sum.add(Parts::of(v), 1));
        sum.carry();
        sum
    }

    #[test]
    fn nothing_is_lost_between_the_extremes() {
        let tiny = f32::from_bits(1);
        let there_and_back = sum(&[f32::MAX, tiny, -1.0, -f32::MAX, 1.0]);
        assert_eq!(there_and_back, sum(&[tiny]));
        assert_eq!(there_and_back.total().value(), f64::from(tiny));
        assert_eq!(sum(&[-3.5, 1.25]).total().value(), -2.25);
        assert_eq!(sum(&[f32::MAX; 4]).total().value(), 4.0 * f64::from(f32::MAX));
    }

    #[test]
    fn squares_are_exact_too() {
        let mut squares = Square::default();
        for v in [f32::MAX, f32::MIN_POSITIVE, -3.0] {
            squares.add(Parts::of(v), 1 << 16);
        }
        squares.carry();
        let max = f64::from(f32::MAX);
        assert_eq!(squares.total().value(), max * max * 65536.0);
    }

    #[test]
    fn shrinking_halves_and_forgets_what_is_below_the_lowest_unit() {
        let mut half = sum(&[3.0, -7.0]);
        half.shrink(0.5);
        assert_eq!(half, sum(&[-2.0]));
        let mut none = sum(&[f32::from_bits(1)]);
        none.shrink(0.25);
        assert_eq!(none, sum(&[]));
    }
}
