//! The cells: up to K centres of D coordinates, and the two functions that run for every sample.
//!
//! Coordinates are `f32`, or `i16` for parts without a floating-point unit. Both follow the same
//! rules, and nothing here panics, allocates or loops longer than K·D:
//!
//! - a squared distance is summed in order of the coordinates, multiplication and addition
//!   rounded on their own, so every machine agrees; ties go to the lower cell;
//! - a cell of n rows moves towards a row by 2^−⌊log₂ n⌋ of their gap, at least by 2^−memory: a
//!   power of two needs no division, and a bounded rate never freezes.

use super::Cell;

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

/// A row in units of a scale, with all of its digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<T: Cell, const D: usize> {
    center: [T; D],
    rests: [T::Rest; D],
    scale: i32,
}

/// A cell that a row was counted for: its centre, what is left of its steps, and the rate at which it
/// follows.
type Met<'a, T, const D: usize> = (&'a mut [T; D], &'a mut [<T as Cell>::Rest; D], u32);

impl<T: Cell, const D: usize> Row<T, D> {
    fn at(values: &[f32; D], scale: i32) -> Self {
        let mut row = Self { center: [T::ZERO; D], rests: [T::NO_REST; D], scale };
        for ((center, rest), &value) in row.center.iter_mut().zip(&mut row.rests).zip(values) {
            (*center, *rest) = T::split(value, scale);
        }
        row
    }

    /// In deviations.
    pub(super) fn values(&self) -> [f32; D] {
        values(&self.center, &self.rests, self.scale)
    }

    /// A squared distance with all digits.
    #[inline(always)]
    fn refine(&self, square: T::Square, center: &[T; D], rests: &[T::Rest; D]) -> f32 {
        T::refine(square, (&self.center, &self.rests), (center, rests), self.scale)
    }
}

/// Coordinates in deviations.
fn values<T: Cell, const D: usize>(center: &[T; D], rests: &[T::Rest; D], scale: i32) -> [f32; D] {
    let mut out = [0.0; D];
    for (out, (center, rest)) in out.iter_mut().zip(center.iter().zip(rests)) {
        *out = center.value(*rest, scale);
    }
    out
}

/// Takes coordinates to units that are so many bits finer.
fn rescale<T: Cell>(center: &mut [T], rests: &mut [T::Rest], finer: i32) {
    for (center, rest) in center.iter_mut().zip(rests) {
        (*center, *rest) = center.rescaled(*rest, finer);
    }
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
    pub(super) len: u32,
    /// How many bits finer units are than those of T.
    pub(super) scale: i32,
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
        Self {
            centers: [[T::ZERO; D]; K],
            rests: [[T::NO_REST; D]; K],
            mass: [0; K],
            len: 0,
            scale: 0,
        }
    }

    /// Cells in use.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
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
        let (cell, least) = self.scan(row)?;
        Some(Near { cell, square: T::as_f32(least, self.scale) })
    }

    #[inline(always)]
    fn scan(&self, row: &[T; D]) -> Option<(usize, T::Square)> {
        let (mut cell, mut least) = (K, T::FARTHEST);
        for (c, center) in self.used().iter().enumerate() {
            if let Some(square) = square_below(row, center, least) {
                (cell, least) = (c, square);
            }
        }
        (cell < K).then_some((cell, least))
    }

    /// A row in units of the cells, or in coarser ones where it has no room in these.
    pub(super) fn row(&self, values: &[f32; D]) -> Row<T, D> {
        let wider = |top: f32, value: &f32| if value.abs() > top { value.abs() } else { top };
        let scale = T::scale_for(values.iter().fold(0.0, wider));
        Row::at(values, if self.len == 0 { scale } else { scale.min(self.scale) })
    }

    /// The nearest cell of such a row, its distance from all digits.
    pub(super) fn nearest_to(&self, row: &Row<T, D>) -> Option<Near> {
        if T::HAS_SCALES && row.scale < self.scale {
            return self.nearest_from_afar(row);
        }
        let (cell, least) = self.scan(&row.center)?;
        let (center, rests) = self.centers.get(cell).zip(self.rests.get(cell))?;
        Some(Near { cell, square: row.refine(least, center, rests) })
    }

    /// The same in the coarser units of the row.
    #[inline(never)]
    fn nearest_from_afar(&self, row: &Row<T, D>) -> Option<Near> {
        let (mut near, mut least) = (None, T::FARTHEST);
        for (cell, (&center, &rests)) in self.used().iter().zip(&self.rests).enumerate() {
            let mut center = Row { center, rests, scale: self.scale };
            rescale(&mut center.center, &mut center.rests, row.scale - self.scale);
            if let Some(square) = square_below(&row.center, &center.center, least) {
                least = square;
                near =
                    Some(Near { cell, square: row.refine(square, &center.center, &center.rests) });
            }
        }
        near
    }

    /// Takes the centres to another scale. `O(K·D)`.
    #[inline(never)]
    fn rescale(&mut self, scale: i32) {
        let cells = self.centers.iter_mut().zip(&mut self.rests);
        for (center, rests) in cells.take(self.len as usize) {
            rescale(center, rests, scale - self.scale);
        }
        self.scale = scale;
    }

    /// Makes units as fine as the centres leave room for. `O(K·D)`.
    pub(super) fn refine_scale(&mut self) {
        if !T::HAS_SCALES {
            return;
        }
        let mut finer = i32::MAX;
        for (center, rest) in self.used().iter().flatten().zip(self.rests.iter().flatten()) {
            finer = finer.min(center.headroom(*rest));
        }
        self.rescale(self.scale.saturating_add(finer).min(T::scale_for(0.0)));
    }

    fn put(&mut self, cell: usize, row: &Row<T, D>) {
        if let Some((center, rest)) = self.centers.get_mut(cell).zip(self.rests.get_mut(cell)) {
            (*center, *rest) = (row.center, row.rests);
        }
    }

    #[inline(always)]
    fn used(&self) -> &[[T; D]] {
        self.centers.get(..self.len()).unwrap_or(&self.centers)
    }

    /// Moves a cell towards a row. `O(D)`.
    #[inline]
    pub fn follow(&mut self, cell: usize, row: &[T; D], memory: u32) {
        let Some((center, rests, rate)) = self.meet(cell, memory) else { return };
        for ((center, rest), &x) in center.iter_mut().zip(rests).zip(row) {
            T::follow((x, T::NO_REST), center, rest, rate);
        }
    }

    /// Counts a row of a cell: its centre, and the rate at which that follows.
    #[inline(always)]
    fn meet(&mut self, cell: usize, memory: u32) -> Option<Met<'_, T, D>> {
        let mass = self.mass.get_mut(cell)?;
        *mass = mass.saturating_add(1);
        let rate = (31 - (*mass | 1).leading_zeros()).min(memory);
        Some((self.centers.get_mut(cell)?, self.rests.get_mut(cell)?, rate))
    }

    /// Opens a cell at a row; `false` where there is no room.
    pub fn open(&mut self, row: &[T; D]) -> bool {
        let slot = self.len();
        let places = self.centers.get_mut(slot).zip(self.rests.get_mut(slot));
        let Some(((center, rest), mass)) = places.zip(self.mass.get_mut(slot)) else {
            return false;
        };
        (*center, *rest, *mass) = (*row, [T::NO_REST; D], 1);
        self.len += 1;
        true
    }

    /// Moves a cell towards a row of [`row`](Self::row).
    pub(super) fn take(&mut self, cell: usize, row: &Row<T, D>, memory: u32) {
        self.give_way(row);
        let Some((center, rests, rate)) = self.meet(cell, memory) else { return };
        let row = row.center.iter().zip(&row.rests);
        for ((center, rest), (&x, &digits)) in center.iter_mut().zip(rests).zip(row) {
            T::follow((x, digits), center, rest, rate);
        }
    }

    /// Opens a cell at such a row, where there is room.
    pub(super) fn open_at(&mut self, row: &Row<T, D>) {
        self.give_way(row);
        if self.open(&row.center) {
            self.put(self.len() - 1, row);
        }
    }

    /// Takes the centres to the coarser units of a row.
    fn give_way(&mut self, row: &Row<T, D>) {
        if T::HAS_SCALES && row.scale != self.scale {
            self.rescale(row.scale);
        }
    }

    /// What merging a cell with those after it costs – `v·w/(v + w)·|a − b|²` (Ward 1963). `O(K·D)`.
    pub(super) fn compare(&self, cell: usize, cheapest: &mut Cheapest) {
        let cells = self.used().iter().zip(&self.rests).zip(&self.mass);
        let mut all = cells.enumerate().skip(cell);
        let Some((i, ((a, a_rests), &wa))) = all.next() else { return };
        for (j, ((b, b_rests), &wb)) in all {
            let Some(square) = square_below(a, b, T::FARTHEST) else { continue };
            let square = T::refine(square, (a, a_rests), (b, b_rests), self.scale);
            let cost = square * (wa as f32 * wb as f32 / (wa as f32 + wb as f32));
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
        let last = self.len().saturating_sub(1);
        if cell < K && last < K {
            self.centers.swap(cell, last);
            self.rests.swap(cell, last);
            self.mass.swap(cell, last);
        }
        self.len = self.len.saturating_sub(1);
    }

    /// The coordinates of a centre, in deviations.
    pub(super) fn values(&self, cell: usize) -> [f32; D] {
        let parts = self.centers.get(cell).zip(self.rests.get(cell));
        parts.map_or([0.0; D], |(center, rests)| values(center, rests, self.scale))
    }

    /// Moves a centre.
    pub(super) fn place(&mut self, cell: usize, values: &[f32; D]) {
        let row = self.row(values);
        self.give_way(&row);
        self.put(cell, &row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Draws;

    /// Values of sizes 2^low to 2^high, of either sign.
    fn values<const D: usize>(draws: &Draws, n: u64, [low, high]: [i32; 2]) -> [f32; D] {
        core::array::from_fn(|d| {
            let size = low as f32 + (high - low) as f32 * draws.unit(n, 2 * d as u32);
            (2.0 * draws.unit(n, 2 * d as u32 + 1) - 1.0) * size.exp2()
        })
    }

    fn distance<const D: usize>(a: &[f32; D], b: &[f32; D]) -> f64 {
        let squares = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        squares.sum::<f64>().sqrt()
    }

    /// Opens six cells and looks for rows: both distances as close as 13 bits of the largest
    /// coordinate tell cells apart, the one that is given as 14 bits of itself.
    fn as_the_oracle_says<const D: usize>(sizes: [i32; 2], row_sizes: [i32; 2]) {
        let draws = Draws::new(17, D as u32);
        for trial in 0..200 {
            let centers: [[f32; D]; 6] =
                core::array::from_fn(|c| values(&draws, trial * 8 + c as u64, sizes));
            let mut cells = Cells::<i16, 6, D>::new();
            centers.iter().for_each(|center| cells.open_at(&cells.row(center)));
            cells.refine_scale();
            let row = values::<D>(&draws, trial * 8 + 7, row_sizes);
            let near = cells.nearest_to(&cells.row(&row)).unwrap();
            let largest =
                centers.iter().chain([&row]).flatten().fold(0.0f32, |a, b| a.max(b.abs()));
            let unit = (f64::from(largest) / 2048.0).max(1.0 / 65536.0);
            let root = (D as f64).sqrt();
            let least =
                centers.iter().map(|center| distance(center, &row)).fold(f64::MAX, f64::min);
            let (found, truth) =
                (f64::from(near.square).sqrt(), distance(&centers[near.cell], &row));
            assert!(truth <= least + 2.0 * root * unit, "{trial}: {truth} {least}");
            // The last digits of row and centre, and what the shift takes.
            let digits = unit * (2.0 / 65536.0 + 1.0 / 4096.0);
            let allowed = truth * root / 8192.0 + root * digits;
            assert!((found - truth).abs() <= allowed, "{trial}: {found} {truth} {unit}");
        }
    }

    #[test]
    fn fixed_point_finds_what_the_oracle_finds_at_every_size() {
        for [low, high] in [[-30, -20], [-8, 0], [0, 3], [-3, 9], [10, 20], [-10, 49]] {
            as_the_oracle_says::<1>([low, high], [low, high]);
            as_the_oracle_says::<16>([low, high], [low, high]);
            as_the_oracle_says::<63>([low, high], [low, high]);
        }
        // A row from afar, and cells afar.
        as_the_oracle_says::<16>([-2, 2], [20, 30]);
        as_the_oracle_says::<16>([20, 30], [-2, 2]);
    }

    #[test]
    fn sums_of_squares_have_room_at_the_rails() {
        let most = [f32::from(4096i16) / 64.0; 63];
        let least = most.map(|y| -y);
        let mut cells = Cells::<i16, 1, 63>::new();
        assert!(cells.open(&most.map(i16::of)));
        let near = cells.nearest(&least.map(i16::of)).unwrap();
        assert!((near.square / (63.0 * 128.0 * 128.0) - 1.0).abs() < 1e-3, "{near:?}");
    }

    #[test]
    fn a_scale_that_comes_and_goes_leaves_the_centres_where_they_were() {
        let mut cells = Cells::<i16, 2, 2>::new();
        cells.open_at(&cells.row(&[3.0, -0.3]));
        assert_eq!(cells.scale, 4);
        cells.open_at(&cells.row(&[3e6, 1.0]));
        assert_eq!(cells.scale, -16);
        assert!((cells.values(0)[0] - 3.0).abs() < 0.01, "{:?}", cells.values(0));
        cells.remove(1);
        cells.refine_scale();
        assert_eq!(cells.scale, 4);
        assert!((cells.values(0)[1] + 0.3).abs() < 0.01, "{:?}", cells.values(0));
    }
}
