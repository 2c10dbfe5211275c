//! The cells: up to K centres of D coordinates, and the two functions that run for every sample.
//!
//! Coordinates are `f32`, or `i16` for parts without a floating-point unit. Both follow the same
//! rules, and nothing here panics, allocates or loops longer than K·D:
//!
//! - a squared distance is summed in order of the coordinates, multiplication and addition
//!   rounded on their own, so every machine agrees; ties go to the lower cell;
//! - a cell of n rows moves towards a row by 2^−⌊log₂ n⌋ of their gap, at least by 2^−memory: a
//!   power of two needs no division, and a bounded rate never freezes.

/// A coordinate.
///
/// Sealed: `f32`, or `i16` in units of 1/64 deviation.
pub trait Cell: Copy + PartialEq + core::fmt::Debug + sealed::Sealed + 'static {
    /// A squared distance.
    #[doc(hidden)]
    type Square: Copy + PartialOrd;
    /// What `Self` leaves of a centre's digits.
    #[doc(hidden)]
    type Rest: Copy + PartialEq + core::fmt::Debug;
    /// Short name as in checkpoints: 4 for `f32`, 2 for `i16`.
    const CODE: u16;
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
    /// In deviations.
    fn value(self, rest: Self::Rest) -> f32;
    /// A sum and the squares of the gaps of x and y, added in order.
    #[doc(hidden)]
    fn add(sum: Self::Square, x: &[Self], y: &[Self]) -> Self::Square;
    #[doc(hidden)]
    fn as_f32(square: Self::Square) -> f32;
    /// Moves a centre towards x by 2^−rate of the gap.
    #[doc(hidden)]
    fn follow(x: Self, center: &mut Self, rest: &mut Self::Rest, rate: u32);
    /// From the bits of a checkpoint.
    #[doc(hidden)]
    fn from_bits(bits: u32) -> Option<(Self, Self::Rest)>;
    #[doc(hidden)]
    fn to_bits(self, rest: Self::Rest) -> u32;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i16 {}
}

impl Cell for f32 {
    type Square = f32;
    type Rest = ();
    const CODE: u16 = 4;
    const LONGEST: usize = usize::MAX;
    const ZERO: Self = 0.0;
    const NO_REST: () = ();
    const NEAREST: f32 = 0.0;
    const FARTHEST: f32 = f32::INFINITY;

    #[inline]
    fn of(y: f32) -> Self {
        y
    }

    #[inline]
    fn value(self, (): ()) -> f32 {
        self
    }

    #[inline(always)]
    fn add(mut sum: f32, x: &[Self], y: &[Self]) -> f32 {
        for (x, y) in x.iter().zip(y) {
            sum += (x - y) * (x - y);
        }
        sum
    }

    #[inline]
    fn as_f32(square: f32) -> f32 {
        square
    }

    #[inline]
    fn follow(x: Self, center: &mut Self, (): &mut (), rate: u32) {
        *center += (x - *center) * power(rate);
    }

    fn from_bits(bits: u32) -> Option<(Self, ())> {
        let value = Self::from_bits(bits);
        (value.abs() <= super::front::FARTHEST).then_some((value, ()))
    }

    fn to_bits(self, (): ()) -> u32 {
        Self::to_bits(self)
    }
}

/// 2^−rate, for rate below 127.
#[inline]
fn power(rate: u32) -> f32 {
    f32::from_bits(127u32.wrapping_sub(rate) << 23)
}

/// Units of an `i16` coordinate per deviation.
const UNITS: f32 = 64.0;
/// Largest `i16` coordinate: squares of gaps fit 26 bits, and 63 of them 32 bits.
const RAIL: i32 = 4095;

impl Cell for i16 {
    type Square = u32;
    /// Sixteen more bits of the centre.
    type Rest = u16;
    const CODE: u16 = 2;
    const LONGEST: usize = 63;
    const ZERO: Self = 0;
    const NO_REST: u16 = 0;
    const NEAREST: u32 = 0;
    const FARTHEST: u32 = u32::MAX;

    #[inline]
    fn of(y: f32) -> Self {
        // A float becomes the nearest integer that there is: no overflow here.
        let scaled = y * UNITS;
        let half = if scaled < 0.0 { -0.5 } else { 0.5 };
        ((scaled + half) as i32).clamp(-RAIL, RAIL) as Self
    }

    #[inline]
    fn value(self, rest: u16) -> f32 {
        joined(self, rest) as f32 * (1.0 / (UNITS * 65536.0))
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
    fn as_f32(square: u32) -> f32 {
        square as f32 * (1.0 / (UNITS * UNITS))
    }

    #[inline]
    fn follow(x: Self, center: &mut Self, rest: &mut u16, rate: u32) {
        let old = joined(*center, *rest);
        // |gap| < 2¹³ · 2¹⁶: no overflow.
        let gap = (i32::from(x) << 16).wrapping_sub(old);
        let new = old.wrapping_add(gap >> (rate & 31));
        (*center, *rest) = ((new >> 16) as Self, new as u16);
    }

    fn from_bits(bits: u32) -> Option<(Self, u16)> {
        let joined = bits as i32;
        let parts = ((joined >> 16) as Self, joined as u16);
        (i32::from(parts.0).abs() <= RAIL).then_some(parts)
    }

    fn to_bits(self, rest: u16) -> u32 {
        joined(self, rest) as u32
    }
}

fn joined(center: i16, rest: u16) -> i32 {
    (i32::from(center) << 16) | i32::from(rest)
}

/// Coordinates that are summed before a look at whether the cell can still be the nearest.
const STRIDE: usize = 8;

/// The squared distance where it is below `least`. Sums of squares never fall, also when rounded,
/// so one that has reached `least` half way need not be summed to its end.
#[inline(always)]
fn square_below<T: Cell, const D: usize>(
    x: &[T; D],
    y: &[T; D],
    least: T::Square,
) -> Option<T::Square> {
    const { assert!(D <= T::LONGEST, "a sum of squares of so many coordinates overflows") };
    let ((xs, x_rest), (ys, y_rest)) = (x.as_chunks::<STRIDE>(), y.as_chunks::<STRIDE>());
    // The same question also at the end, so that it is asked once where no coordinates remain.
    let is_below = |sum| sum < least;
    let mut sum = T::NEAREST;
    for (x, y) in xs.iter().zip(ys) {
        sum = T::add(sum, x, y);
        if !is_below(sum) {
            return None;
        }
    }
    sum = T::add(sum, x_rest, y_rest);
    is_below(sum).then_some(sum)
}

/// The nearest cell of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Its number.
    pub cell: usize,
    /// Its squared distance, in deviations².
    pub square: f32,
}

/// The pair of cells that is cheapest to merge, of those compared so far; none where both are 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cheapest {
    pair: [u32; 2],
    cost: f32,
}

impl Cheapest {
    pub(super) const NONE: Self = Self { pair: [0; 2], cost: 0.0 };
}

/// Up to K centres of D coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells<T: Cell, const K: usize, const D: usize> {
    pub(super) centers: [[T; D]; K],
    pub(super) rests: [[T::Rest; D]; K],
    pub(super) mass: [u32; K],
    pub(super) len: usize,
}

impl<T: Cell, const K: usize, const D: usize> Default for Cells<T, K, D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Cell, const K: usize, const D: usize> Cells<T, K, D> {
    /// No cells.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(K > 0 && D > 0, "there is at least one cell of one coordinate") };
        Self { centers: [[T::ZERO; D]; K], rests: [[T::NO_REST; D]; K], mass: [0; K], len: 0 }
    }

    /// Cells in use.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The nearest cell; `None` where there is none. `O(K·D)`.
    #[must_use]
    #[inline(always)]
    pub fn nearest(&self, row: &[T; D]) -> Option<Near> {
        let (mut cell, mut least) = (K, T::FARTHEST);
        for (c, center) in self.used().iter().enumerate() {
            if let Some(square) = square_below(row, center, least) {
                (cell, least) = (c, square);
            }
        }
        (cell < K).then(|| Near { cell, square: T::as_f32(least) })
    }

    #[inline(always)]
    fn used(&self) -> &[[T; D]] {
        self.centers.get(..self.len).unwrap_or(&self.centers)
    }

    /// Moves a cell towards a row. `O(D)`.
    #[inline]
    pub fn follow(&mut self, cell: usize, row: &[T; D], memory: u32) {
        let places = self.centers.get_mut(cell).zip(self.rests.get_mut(cell));
        let Some(((center, rest), mass)) = places.zip(self.mass.get_mut(cell)) else { return };
        *mass = mass.saturating_add(1);
        let rate = (31 - (*mass | 1).leading_zeros()).min(memory);
        for ((center, rest), &x) in center.iter_mut().zip(rest).zip(row) {
            T::follow(x, center, rest, rate);
        }
    }

    /// Opens a cell at a row; `false` where there is no room.
    pub fn open(&mut self, row: &[T; D]) -> bool {
        let slot = self.len;
        let places = self.centers.get_mut(slot).zip(self.rests.get_mut(slot));
        let Some(((center, rest), mass)) = places.zip(self.mass.get_mut(slot)) else {
            return false;
        };
        (*center, *rest, *mass) = (*row, [T::NO_REST; D], 1);
        self.len = slot + 1;
        true
    }

    /// Merges the two cells that cost least – `v·w/(v + w)·|a − b|²` (Ward 1963) – into the
    /// first of them. `O(K²·D)`; needs two cells.
    pub fn merge_cheapest(&mut self) {
        let mut cheapest = Cheapest::NONE;
        (0..self.len).for_each(|cell| self.compare(cell, &mut cheapest));
        self.merge(cheapest);
    }

    /// What merging a cell with those after it costs. `O(K·D)`.
    pub(super) fn compare(&self, cell: usize, cheapest: &mut Cheapest) {
        let mut all = self.used().iter().zip(&self.mass).enumerate().skip(cell);
        let Some((i, (a, &wa))) = all.next() else { return };
        for (j, (b, &wb)) in all {
            let Some(square) = square_below(a, b, T::FARTHEST) else { continue };
            let cost = T::as_f32(square) * (wa as f32 * wb as f32 / (wa as f32 + wb as f32));
            if cheapest.pair == [0; 2] || cost < cheapest.cost {
                *cheapest = Cheapest { pair: [i as u32, j as u32], cost };
            }
        }
    }

    /// Merges a pair, into the first of them. `O(D)`.
    pub(super) fn merge(&mut self, cheapest: Cheapest) {
        let [stays, gone] = cheapest.pair.map(|cell| cell as usize);
        if stays == gone {
            return;
        }
        let weights = self.mass.get(stays).zip(self.mass.get(gone));
        let Some((&ours, &theirs)) = weights else { return };
        let share = theirs as f32 / (ours as f32 + theirs as f32);
        let (mut mean, other) = (self.values(stays), self.values(gone));
        for (a, b) in mean.iter_mut().zip(other) {
            *a += (b - *a) * share;
        }
        self.place(stays, &mean);
        if let Some(mass) = self.mass.get_mut(stays) {
            *mass = ours.saturating_add(theirs);
        }
        self.remove(gone);
    }

    /// Takes a cell out; the last one takes its number.
    fn remove(&mut self, cell: usize) {
        let last = self.len.saturating_sub(1);
        if cell < K && last < K {
            self.centers.swap(cell, last);
            self.rests.swap(cell, last);
            self.mass.swap(cell, last);
        }
        self.len = last;
    }

    /// The coordinates of a centre, in deviations.
    pub(super) fn values(&self, cell: usize) -> [f32; D] {
        let mut out = [0.0; D];
        if let Some((center, rest)) = self.centers.get(cell).zip(self.rests.get(cell)) {
            for (out, (c, r)) in out.iter_mut().zip(center.iter().zip(rest)) {
                *out = c.value(*r);
            }
        }
        out
    }

    /// Moves a centre.
    pub(super) fn place(&mut self, cell: usize, values: &[f32; D]) {
        let places = self.centers.get_mut(cell).zip(self.rests.get_mut(cell));
        if let Some((center, rest)) = places {
            (*center, *rest) = (values.map(T::of), [T::NO_REST; D]);
        }
    }
}
