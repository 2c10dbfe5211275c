//! Eigenvalues of tridiagonal matrices, by bisection (Golub and Van Loan, §8.4.1).

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

/// Eigenvalues that are bisected side by side.
const SIDE: usize = 16;
/// Halvings of the interval of all eigenvalues: more than there are digits.
const HALVINGS: usize = 60;
/// Stands for a pivot of nothing; what is divided by it stays finite.
const PIVOT: f64 = 1e-290;

/// A part of a symmetric tridiagonal matrix that nothing joins with the others, and its eigenvalues,
/// largest first.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    /// Of the whole matrix.
    pub(super) rows: Range<usize>,
    diagonal: &'a [f64],
    /// Left of the diagonal, 0 in the first row.
    beside: &'a [f64],
    norm: f64,
    taken: usize,
    next: [f64; SIDE],
}

impl<'a> Part<'a> {
    /// Some rows of a matrix of this norm.
    pub(super) fn new(
        rows: Range<usize>,
        diagonal: &'a [f64],
        beside: &'a [f64],
        norm: f64,
    ) -> Self {
        let mut part = Self { rows, diagonal, beside, norm, taken: 0, next: [0.0; SIDE] };
        part.find();
        part
    }

    /// The largest that was not taken.
    pub(super) fn head(&self) -> Option<f64> {
        (self.taken < self.diagonal.len()).then_some(self.next[self.taken % SIDE])
    }

    /// Takes it.
    pub(super) fn take(&mut self) {
        self.taken += 1;
        if self.taken.is_multiple_of(SIDE) && self.taken < self.diagonal.len() {
            self.find();
        }
    }

    fn find(&mut self) {
        self.next = match self.diagonal {
            [value] => [*value; SIDE],
            _ => Arch::new().dispatch(Bisect { part: self }),
        };
    }

    /// How many eigenvalues are above each number: as many as the matrix less the number has
    /// positive pivots (Sylvester).
    #[inline(always)]
    fn above(&self, numbers: &[f64; SIDE]) -> [f64; SIDE] {
        let (mut counts, mut pivots) = ([0.0; SIDE], [1.0; SIDE]);
        for (diagonal, beside) in self.diagonal.iter().zip(self.beside) {
            let square = beside * beside;
            for l in 0..SIDE {
                let pivot = diagonal - numbers[l] - square / pivots[l];
                let pivot = if pivot.abs() < PIVOT { -PIVOT } else { pivot };
                counts[l] += if pivot > 0.0 { 1.0 } else { 0.0 };
                pivots[l] = pivot;
            }
        }
        counts
    }
}

/// Bisection with the instructions of this machine.
struct Bisect<'a> {
    part: &'a Part<'a>,
}

impl WithSimd for Bisect<'_> {
    type Output = [f64; SIDE];

    /// The eigenvalues with so many above each as were taken, and one more, and so on; the last one
    /// again where there are no more.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; SIDE] {
        let Part { diagonal, norm, taken, .. } = *self.part;
        let (mut low, mut high, mut middle) = ([-norm; SIDE], [norm; SIDE], [0.0; SIDE]);
        for _halving in 0..HALVINGS {
            for l in 0..SIDE {
                middle[l] = 0.5 * (low[l] + high[l]);
            }
            let above = self.part.above(&middle);
            for l in 0..SIDE {
                let up = above[l] > (taken + l).min(diagonal.len() - 1) as f64;
                low[l] = if up { middle[l] } else { low[l] };
                high[l] = if up { high[l] } else { middle[l] };
            }
        }
        middle
    }
}
