//! Symmetric matrices as three diagonals: eigenvalues and vectors there, and the way back.
//!
//! Inverse iteration (Golub and Van Loan, §8.2.2) after Householder's reduction. Every sum has a
//! fixed order and nothing is fused: the same bits on every machine.

use std::ops::Range;

use enfold_core::random::Draws;
use pulp::{Arch, Simd, WithSimd};

use super::eigen::{add, dot, unit};
use super::householder::{self, Reduced};
use super::sturm::Part;

/// Solves of inverse iteration, at most: two are enough but where many eigenvalues are equal.
const SOLVES: usize = 8;
/// Times the digits' end and √n: parts that are joined by less, of the norm, are not joined.
const SPLIT: f64 = 2.0;
/// The same for what is left of T·v − λ·v.
const LEFT: f64 = 32.0;
/// Purpose of the draws of first vectors.
const FIRST: u32 = 0x6569_6765;

/// A symmetric matrix A = Q·T·Qᵀ.
#[derive(Debug, Clone)]
pub(super) struct Tridiagonal {
    n: usize,
    diagonal: Vec<f64>,
    /// Left of the diagonal, 0 in the first row.
    beside: Vec<f64>,
    /// Row i: the v of I − v·vᵀ, a factor of Q, in the elements before i.
    reflectors: Vec<f64>,
    /// No eigenvalue is larger in size.
    norm: f64,
}

/// An eigenvalue, and the rows of the part of T that has it: an eigenvector is 0 elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) value: f64,
    part: Range<usize>,
}

impl Tridiagonal {
    /// Reduces an n × n matrix, of which the lower triangle counts: 4/3·n³ operations.
    pub(super) fn reduce(matrix: Vec<f64>, n: usize) -> Self {
        Arch::new().dispatch(Reduce { matrix, n })
    }

    #[inline(always)]
    fn reduced(matrix: Vec<f64>, n: usize) -> Self {
        let Reduced { diagonal, mut beside, reflectors } = householder::reduce(matrix, n);
        let after = |i: usize| beside.get(i + 1).map_or(0.0, |b: &f64| b.abs());
        let sums = (0..n).map(|i| diagonal[i].abs() + beside[i].abs() + after(i));
        let norm = sums.fold(0.0, f64::max);
        // What rounding left is nothing, or equal eigenvalues of parts would seem joined.
        let nothing = SPLIT * f64::EPSILON * (n as f64).sqrt() * norm;
        beside.iter_mut().filter(|b| b.abs() <= nothing).for_each(|b| *b = 0.0);
        Self { n, diagonal, beside, reflectors, norm }
    }

    /// The eigenvalues, largest first: those of the parts, each bisected as far as it is asked.
    pub(super) fn values(&self) -> impl Iterator<Item = Value> {
        let part = |rows: Range<usize>| {
            let (diagonal, beside) = (&self.diagonal[rows.clone()], &self.beside[rows.clone()]);
            Part::new(rows, diagonal, beside, self.norm)
        };
        let mut parts: Vec<Part<'_>> = self.parts().into_iter().map(part).collect();
        (0..self.n).map(move |_| {
            let (mut largest, mut from) = (f64::NEG_INFINITY, 0);
            for (p, part) in parts.iter().enumerate() {
                if let Some(value) = part.head().filter(|&value| value > largest) {
                    (largest, from) = (value, p);
                }
            }
            parts[from].take();
            Value { value: largest, part: parts[from].rows.clone() }
        })
    }

    /// Rows up to the next that nothing joins with those before.
    fn parts(&self) -> Vec<Range<usize>> {
        let mut starts: Vec<usize> = (0..self.n).filter(|&i| self.beside[i] == 0.0).collect();
        starts.push(self.n);
        starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }

    /// A row per eigenvalue, of the matrix that was reduced: `O(n·k² + n²·k)` for k of them.
    pub(super) fn vectors(&self, values: &[Value]) -> Vec<f64> {
        let mut vectors = vec![0.0; values.len() * self.n];
        Arch::new().dispatch(Vectors { of: self, values, into: &mut vectors });
        vectors
    }

    /// Inverse iteration. Each vector is kept orthogonal to all before it of its part, and so those
    /// of close eigenvalues differ.
    #[inline(always)]
    fn iterate(&self, values: &[Value], vectors: &mut [f64]) {
        let draws = Draws::new(0, FIRST);
        let mut factors = Factors::new(self.n);
        for (k, Value { value, part }) in values.iter().enumerate() {
            factors.of(self, part.clone(), *value);
            let (before, own) = vectors.split_at_mut(k * self.n);
            let own = &mut own[..self.n];
            for (i, x) in own[part.clone()].iter_mut().enumerate() {
                *x = draws.unit64(i as u64, k as u32) - 0.5;
            }
            for solve in 0..SOLVES {
                factors.solve(&mut own[part.clone()]);
                unit(own);
                // Twice is enough (Parlett and Kahan).
                for _twice in 0..2 {
                    let others = before.chunks_exact(self.n).zip(values);
                    for (other, _) in others.filter(|(_, other)| other.part == *part) {
                        let along = dot(other, own);
                        add(own, -along, other);
                    }
                }
                unit(own);
                if solve > 0 && self.fits(*value, own) {
                    break;
                }
            }
        }
    }

    /// Whether T·v = λ·v up to rounding.
    #[inline(always)]
    fn fits(&self, value: f64, v: &[f64]) -> bool {
        let most = LEFT * f64::EPSILON * (self.n as f64).sqrt() * self.norm;
        (0..self.n).all(|i| {
            let before = if i > 0 { self.beside[i] * v[i - 1] } else { 0.0 };
            let after = if i + 1 < self.n { self.beside[i + 1] * v[i + 1] } else { 0.0 };
            // Not a number is near nothing.
            (before + (self.diagonal[i] - value) * v[i] + after).abs() <= most
        })
    }

    /// Q·v of each vector.
    #[inline(always)]
    fn back(&self, vectors: &mut [f64]) {
        for (i, reflector) in self.reflectors.chunks_exact(self.n).enumerate() {
            for vector in vectors.chunks_exact_mut(self.n) {
                let along = dot(&reflector[..i], &vector[..i]);
                add(&mut vector[..i], -along, &reflector[..i]);
            }
        }
    }
}

/// The steps with the instructions of this machine.
struct Reduce {
    matrix: Vec<f64>,
    n: usize,
}

impl WithSimd for Reduce {
    type Output = Tridiagonal;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Tridiagonal {
        Tridiagonal::reduced(self.matrix, self.n)
    }
}

struct Vectors<'a> {
    of: &'a Tridiagonal,
    values: &'a [Value],
    into: &'a mut [f64],
}

impl WithSimd for Vectors<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { of, values, into } = self;
        of.iterate(values, into);
        of.back(into);
    }
}

/// P·L·U = T − λ: elimination with a choice of two rows.
#[derive(Debug, Clone)]
struct Factors {
    /// Rows of U: the diagonal and two beside it.
    upper: Vec<[f64; 3]>,
    /// What of a row was taken from the next, and whether they changed places before.
    lower: Vec<(f64, bool)>,
}

impl Factors {
    fn new(n: usize) -> Self {
        Self { upper: vec![[0.0; 3]; n], lower: vec![(0.0, false); n] }
    }

    /// Pivots of nothing become tiny.
    fn of(&mut self, t: &Tridiagonal, part: Range<usize>, value: f64) {
        let tiny = f64::EPSILON * if t.norm > 0.0 { t.norm } else { 1.0 };
        let (diagonal, beside) = (&t.diagonal[part.clone()], &t.beside[part]);
        let on = |i: usize| diagonal.get(i).map_or(0.0, |d| d - value);
        let off = |i: usize| beside.get(i).copied().unwrap_or(0.0);
        let mut row = [on(0), off(1), 0.0];
        for i in 0..diagonal.len() {
            let mut next = [off(i + 1), on(i + 1), off(i + 2)];
            let swap = next[0].abs() > row[0].abs();
            if swap {
                std::mem::swap(&mut row, &mut next);
            }
            if row[0].abs() < tiny {
                row[0] = tiny.copysign(row[0]);
            }
            let factor = next[0] / row[0];
            self.upper[i] = row;
            self.lower[i] = (factor, swap);
            row = [next[1] - factor * row[1], next[2] - factor * row[2], 0.0];
        }
    }

    /// Solves for the right side given.
    fn solve(&self, x: &mut [f64]) {
        for i in 0..x.len() - 1 {
            let (factor, swap) = self.lower[i];
            if swap {
                x.swap(i, i + 1);
            }
            x[i + 1] -= factor * x[i];
        }
        let (mut first, mut second) = (0.0, 0.0);
        for (x, upper) in x.iter_mut().zip(&self.upper).rev() {
            let value = (*x - upper[1] * first - upper[2] * second) / upper[0];
            (first, second) = (value, first);
            *x = value;
        }
    }
}
