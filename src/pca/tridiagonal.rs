//! Symmetric matrices as three diagonals: eigenvalues and vectors there, and the way back.
//!
//! Householder's reduction and inverse iteration (Golub and Van Loan, §8.3.1, §8.2.2). Every sum has a fixed order and nothing is fused: the same bits on
//! every machine.

use std::ops::Range;

use enfold_core::random::Draws;
use pulp::{Arch, Simd, WithSimd};

use super::eigen::{add, dot, fold, unit};
use super::sturm::Part;

/// Rows that take in a reflector at once, so many elements of each.
const ROWS: usize = 4;
const LANES: usize = 8;
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

    /// From the last row up. The matrix takes in a reflector while the next one is multiplied
    /// with it, so that each step reads the matrix once.
    #[inline(always)]
    fn reduced(mut matrix: Vec<f64>, n: usize) -> Self {
        let (mut diagonal, mut beside) = (vec![0.0; n], vec![0.0; n]);
        let (mut v, mut q, mut image) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        for i in (0..n).rev() {
            let (rows, row) = matrix.split_at_mut(i * n);
            let row = &mut row[..=i];
            add(row, -v[i], &q[..=i]);
            add(row, -q[i], &v[..=i]);
            diagonal[i] = row[i];
            beside[i] = reflector(&mut row[..i]);
            let (new, image) = (&row[..i], &mut image[..i]);
            image.fill(0.0);
            let step = Step { v: &v[..i], q: &q[..i], next: new };
            for (block, rows) in rows.chunks_mut(ROWS * n).enumerate() {
                let j = block * ROWS;
                if rows.len() == ROWS * n {
                    step.rows::<ROWS>(j, n, rows, image);
                } else {
                    for (r, row) in rows.chunks_mut(n).enumerate() {
                        step.rows::<1>(j + r, n, row, image);
                    }
                }
            }
            let half = dot(new, image) / 2.0;
            add(image, -half, new);
            v[..i].copy_from_slice(new);
            q[..i].copy_from_slice(image);
        }
        let after = |i: usize| beside.get(i + 1).map_or(0.0, |b: &f64| b.abs());
        let sums = (0..n).map(|i| diagonal[i].abs() + beside[i].abs() + after(i));
        let norm = sums.fold(0.0, f64::max);
        // What rounding left is nothing, or equal eigenvalues of parts would seem joined.
        let nothing = SPLIT * f64::EPSILON * (n as f64).sqrt() * norm;
        beside.iter_mut().filter(|b| b.abs() <= nothing).for_each(|b| *b = 0.0);
        Self { n, diagonal, beside, reflectors: matrix, norm }
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

/// Makes of x the v, of length √2 or 0, with (I − v·vᵀ)·x nothing but a last element; returns it.
#[inline(always)]
fn reflector(x: &mut [f64]) -> f64 {
    let size = x.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    let Some((&mut last, rest)) = x.split_last_mut() else { return 0.0 };
    if rest.iter().all(|&v| v == 0.0) {
        x.fill(0.0);
        return last;
    }
    x.iter_mut().for_each(|v| *v /= size);
    let length = dot(x, x).sqrt();
    let signed = length.copysign(last);
    x[x.len() - 1] += signed;
    let root = (length * (length + (last / size).abs())).sqrt();
    x.iter_mut().for_each(|v| *v /= root);
    -signed * size
}

/// A reflector that rows of the matrix take in, A − v·qᵀ − q·vᵀ, and the next one, with which
/// the matrix is multiplied.
#[derive(Clone, Copy)]
struct Step<'a> {
    v: &'a [f64],
    q: &'a [f64],
    next: &'a [f64],
}

impl Step<'_> {
    /// Takes rows `j..j + R`, up to the diagonal; each element also stands for its mirror image.
    #[inline(always)]
    fn rows<const R: usize>(self, j: usize, n: usize, rows: &mut [f64], image: &mut [f64]) {
        let (mut sums, mut t) = ([[0.0; LANES]; R], 0);
        while t + LANES <= j {
            for r in 0..R {
                self.piece(j + r, t, &mut rows[r * n + t..], &mut sums[r], &mut image[t..]);
            }
            t += LANES;
        }
        for r in 0..R {
            image[j + r] += fold(sums[r]);
            for t in t..=j + r {
                let at = &mut rows[r * n + t];
                *at -= self.v[j + r] * self.q[t] + self.q[j + r] * self.v[t];
                image[j + r] += *at * self.next[t];
                if t < j + r {
                    image[t] += *at * self.next[j + r];
                }
            }
        }
    }

    /// A vector's worth of row i.
    #[inline(always)]
    fn piece(
        self,
        i: usize,
        t: usize,
        row: &mut [f64],
        sums: &mut [f64; LANES],
        image: &mut [f64],
    ) {
        let (v, q, next) = (&self.v[t..][..LANES], &self.q[t..][..LANES], &self.next[t..][..LANES]);
        let (row, image) = (&mut row[..LANES], &mut image[..LANES]);
        for l in 0..LANES {
            row[l] -= self.v[i] * q[l] + self.q[i] * v[l];
            sums[l] += row[l] * next[l];
            image[l] += row[l] * self.next[i];
        }
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
