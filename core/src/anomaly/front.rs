//! From features to coordinates in which a distance means something.
//!
//! Sensors have units, and they move together: a distance over raw features is decided by the
//! largest unit and counts what two sensors have in common twice. The front learns mean and
//! covariance of rows as they pass (Welford 1962) and turns rows into uncorrelated coordinates of
//! deviation 1: with `R = L·Lᵀ` the correlation matrix plus a ridge, so that a constant or a
//! doubled sensor does no harm, `y = L⁻¹ (x − m)/σ` by forward substitution. The distance of two
//! rows is then Mahalanobis' distance.
//!
//! One square holds both: co-moments on and above the diagonal, the factor L below it, so rows go
//! on teaching while a fit is in use.

use super::Reject;

/// Mean, covariance and a fit of them for rows of D features: 4·D² + 16·D + 8 bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Front<const D: usize> {
    /// Rows so far.
    pub(super) rows: u32,
    /// Their mean.
    pub(super) running: [f32; D],
    /// The mean when the fit was made.
    pub(super) mean: [f32; D],
    /// 1/σ of every feature; 0 where it is constant.
    pub(super) inverse: [f32; D],
    /// 1/Lᵢᵢ.
    pub(super) pivot: [f32; D],
    /// Σ (x−m)(x−m)ᵀ on and above the diagonal, L below.
    pub(super) square: [[f32; D]; D],
    /// Whether there is a fit.
    pub(super) fitted: bool,
}

/// A feature that varies less than this share of its mean's size is constant.
const CONSTANT: f32 = 1e-6;
/// More deviations than this count as this many: sums of their squares stay finite.
pub(super) const FARTHEST: f32 = 1e15;

/// Rows after which an `f32` sum of squares would take in too little of the next one.
pub(super) const MOST_ROWS: u32 = 1 << 20;

/// No deviation is larger than that of numbers of [`LARGEST`](super::LARGEST) size.
const LEAST_INVERSE: f32 = 1e-13;
/// Entries of L are at most √(1 + ridge), but for rounding.
const LARGEST_ENTRY: f32 = 2.0;

impl<const D: usize> Front<D> {
    pub(super) const fn new() -> Self {
        Self {
            rows: 0,
            running: [0.0; D],
            mean: [0.0; D],
            inverse: [0.0; D],
            pivot: [0.0; D],
            square: [[0.0; D]; D],
            fitted: false,
        }
    }

    /// Adds a row to mean and co-moments. `O(D²)`.
    pub(super) fn add(&mut self, row: &[f32; D]) {
        self.rows = self.rows.saturating_add(1);
        let share = 1.0 / self.rows as f32;
        let mut gaps = [0.0; D];
        for ((gap, mean), &x) in gaps.iter_mut().zip(&mut self.running).zip(row) {
            *gap = x - *mean;
            *mean += *gap * share;
        }
        // (x_i − old m_i)(x_j − new m_j), and the new gap is (1 − 1/n) of the old one.
        let rest = 1.0 - share;
        for (i, (line, &a)) in self.square.iter_mut().zip(&gaps).enumerate() {
            let a = a * rest;
            for (moment, &b) in line.iter_mut().zip(&gaps).skip(i) {
                *moment += a * b;
            }
        }
    }

    /// Fits the scales of the rows; then [`factor_line`](Self::factor_line) for every line, and
    /// [`accept`](Self::accept): `O(D³)` in all.
    pub(super) fn scale(&mut self) {
        let share = 1.0 / self.rows as f32;
        for (i, (line, inverse)) in self.square.iter().zip(&mut self.inverse).enumerate() {
            let variance = line.get(i).map_or(0.0, |sum| sum * share);
            let least = self.running.get(i).map_or(0.0, |mean| mean.abs() * CONSTANT);
            let varies = variance > least * least;
            *inverse = if varies { 1.0 / libm::sqrtf(variance) } else { 0.0 };
        }
    }

    /// From here on the fit is in use.
    pub(super) fn accept(&mut self) {
        (self.mean, self.fitted) = (self.running, true);
    }

    /// Line i of L (Cholesky, in Banachiewicz's order). `O(i²)`.
    pub(super) fn factor_line(&mut self, i: usize, ridge: f32) {
        let share = 1.0 / self.rows as f32;
        // A constant feature has nothing in common with any other, and its own pivot.
        let mut left = 1.0 + ridge;
        let mut done = [0.0f32; D];
        for j in 0..i {
            let scales = self.inverse.get(i).zip(self.inverse.get(j));
            let moment = self.square.get(j).and_then(|line| line.get(i)).zip(scales);
            let (Some((moment, (a, b))), Some(line)) = (moment, self.square.get(j)) else { return };
            let inner = done.iter().zip(line).take(j).fold(0.0, |sum, (x, y)| sum + x * y);
            let pivot = self.pivot.get(j).map_or(0.0, |pivot| *pivot);
            let entry = (moment * share * a * b - inner) * pivot;
            // Larger or NaN only where the moments are none, which a restored state may have.
            let entry = if entry.abs() <= LARGEST_ENTRY { entry } else { 0.0 };
            left -= entry * entry;
            if let Some(place) = done.get_mut(j) {
                *place = entry;
            }
        }
        let left = if left > ridge { left } else { ridge };
        if let Some((line, pivot)) = self.square.get_mut(i).zip(self.pivot.get_mut(i)) {
            *pivot = 1.0 / libm::sqrtf(left);
            line.iter_mut().zip(&done).take(i).for_each(|(place, &entry)| *place = entry);
        }
    }

    /// What a squared distance has become since the fit whose 1/σ are given: the mean, over the
    /// features that vary in both, of the ratio of their squares; 1 without any.
    pub(super) fn stretch(&self, old: &[f32; D]) -> f32 {
        let (mut sum, mut count) = (0.0, 0.0);
        for (new, old) in self.inverse.iter().zip(old) {
            if *new > 0.0 && *old > 0.0 {
                sum += (new / old) * (new / old);
                count += 1.0;
            }
        }
        if count > 0.0 { sum / count } else { 1.0 }
    }

    /// Whether a fit can have these scales: what is divided by them stays finite.
    pub(super) fn is_sound(&self) -> bool {
        let mut scales = self.inverse.iter().zip(&self.pivot);
        scales.all(|(&inverse, pivot)| {
            (inverse == 0.0 || inverse >= LEAST_INVERSE) && (0.5..=1e3).contains(pivot)
        })
    }

    /// The coordinates of a row, once there is a fit. `O(D²)`.
    pub(super) fn apply(&self, row: &[f32; D]) -> Result<[f32; D], Reject> {
        if self.fitted { Ok(self.project(row, &self.mean)) } else { Err(Reject::Untrained) }
    }

    /// y = L⁻¹ (x − m)/σ. `O(D²)`. One copy of it, for flash.
    #[inline(never)]
    pub(super) fn project(&self, row: &[f32; D], mean: &[f32; D]) -> [f32; D] {
        let mut y = [0.0f32; D];
        let fit = mean.iter().zip(&self.inverse);
        for ((y, x), (mean, inverse)) in y.iter_mut().zip(row).zip(fit) {
            *y = ((x - mean) * inverse).clamp(-FARTHEST, FARTHEST);
        }
        for i in 0..D {
            let (done, rest) = y.split_at_mut_checked(i).unwrap_or((&mut [], &mut []));
            let (Some(line), Some(pivot)) = (self.square.get(i), self.pivot.get(i)) else { break };
            let sum = done.iter().zip(line).fold(0.0, |sum, (y, l)| sum + y * l);
            if let Some(y) = rest.first_mut() {
                *y = ((*y - sum) * pivot).clamp(-FARTHEST, FARTHEST);
            }
        }
        y
    }

    /// z = L·y: from coordinates to deviations of the features. `O(D²)`. One copy of it.
    #[inline(never)]
    pub(super) fn deviations(&self, y: &[f32; D]) -> [f32; D] {
        let mut z = [0.0; D];
        for (i, (z, line)) in z.iter_mut().zip(&self.square).enumerate() {
            let sum = y.iter().zip(line).take(i).fold(0.0, |sum, (y, l)| sum + y * l);
            *z = sum + y.get(i).zip(self.pivot.get(i)).map_or(0.0, |(y, pivot)| y / pivot);
        }
        z
    }
}

/// x = m + σ·z: from deviations to features. A constant feature is its mean.
pub(super) fn features<const D: usize>(
    z: &[f32; D],
    mean: &[f32; D],
    inverse: &[f32; D],
) -> [f32; D] {
    let mut x = *mean;
    for ((x, z), inverse) in x.iter_mut().zip(z).zip(inverse) {
        *x += if *inverse > 0.0 { z / inverse } else { 0.0 };
    }
    x
}
