//! The largest eigenvalues of a symmetric matrix, and their vectors.
//!
//! Householder's reduction to three diagonals, one pass over the matrix per column; Sturm counts
//! and bisection for the eigenvalues asked for, which cannot fail to converge; inverse iteration
//! with every vector kept orthogonal to all before it (Wilkinson: "The Algebraic Eigenvalue
//! Problem", 1965, §5.29–5.57; Barth, Martin, Wilkinson: "Calculation of the eigenvalues of a
//! symmetric tridiagonal matrix by the method of bisection", 1967). Cost: ⁴⁄₃·n³ for the
//! reduction, then `O(k·n²)`. Plain `f64` in a fixed order: the same bits on any machine.

use enfold_core::random::Draws;
use pulp::Arch;

/// Running sums of a product of vectors.
const LANES: usize = 8;
/// Solutions per eigenvector at most, and after how many a new start is drawn. Two are the rule;
/// one of many equal eigenvalues may need more, as most of a solution lies along those found.
const ROUNDS: u32 = 16;
const FRESH: u32 = 8;

/// A sum of squares that counts as 0.
const NEGLIGIBLE: f64 = 1e-60;

/// Eigenvalues, largest first, and a row of `n` per vector.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Eigen {
    pub(super) values: Vec<f64>,
    pub(super) vectors: Vec<f64>,
}

/// The largest eigenvalues and their vectors of a finite n × n matrix, of which the lower triangle
/// counts: as many until those found so far are `enough`.
pub(super) fn largest(mut matrix: Vec<f64>, n: usize, enough: impl Fn(&[f64]) -> bool) -> Eigen {
    let size = matrix.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    // A power of two, so that nothing is rounded; squares then neither overflow nor vanish.
    let unit = if size > 0.0 { size.log2().ceil().exp2() } else { 1.0 };
    matrix.iter_mut().for_each(|v| *v /= unit);
    let mut values: Vec<f64> = vec![];
    let mut vectors = vec![];
    // With vector instructions where there are any; the operations are the same ones.
    Arch::new().dispatch(|| {
        let three = Tridiagonal::of(&mut matrix, n);
        for at in 0..n {
            let scaled: Vec<f64> = values.iter().map(|v| v * unit).collect();
            if enough(&scaled) {
                break;
            }
            values.push(three.eigenvalue(at));
        }
        vectors = three.vectors(&values);
        three.turn_back(&matrix, &mut vectors);
    });
    values.iter_mut().for_each(|v| *v *= unit);
    Eigen { values, vectors }
}

/// Three diagonals, and the reflections that led to them: row i of the matrix holds the vector of
/// reflection i in its first i elements.
struct Tridiagonal {
    diagonal: Vec<f64>,
    /// Element i is beside i − 1; the first is 0.
    beside: Vec<f64>,
    /// 2 / |v|² of each reflection; 0 for none.
    reflections: Vec<f64>,
}

impl Tridiagonal {
    /// From the last row to the first, each row's elements but the one beside the diagonal are
    /// reflected away. The change of the rows before it waits until they are read for the next
    /// reflection, so that each step passes over the matrix once.
    #[inline(always)]
    fn of(matrix: &mut [f64], n: usize) -> Self {
        let mut three =
            Self { diagonal: vec![0.0; n], beside: vec![0.0; n], reflections: vec![0.0; n] };
        let (mut v, mut w) = (vec![0.0; n], vec![0.0; n]);
        for i in (0..n).rev() {
            let (rows, row) = matrix.split_at_mut(i * n);
            let row = &mut row[..=i];
            change(row, v[i], &w, w[i], &v);
            three.diagonal[i] = row[i];
            let row = &mut row[..i];
            let (beside, scale) = reflect(row);
            (three.beside[i], three.reflections[i]) = (beside, scale);
            // w = s·A·v − ½·s²·(vᵀ·A·v)·v, and A − v·wᵀ − w·vᵀ is the reflected matrix.
            let mut image = vec![0.0; n];
            for (r, old) in rows.chunks_exact_mut(n).enumerate() {
                let (before, own) = old[..=r].split_at_mut(r);
                own[0] -= 2.0 * v[r] * w[r];
                let product =
                    change_and_multiply(before, (v[r], w[r]), (&v, &w), row, (&mut image, row[r]));
                image[r] += product + own[0] * row[r];
            }
            image.iter_mut().for_each(|p| *p *= scale);
            let half = 0.5 * scale * dot(&image[..i], row);
            add(&mut image[..i], -half, row);
            w = image;
            v[..i].copy_from_slice(row);
            v[i..].fill(0.0);
            if scale == 0.0 {
                v.fill(0.0);
            }
        }
        three
    }

    /// Eigenvalue number `at` from the largest, to the last bits.
    fn eigenvalue(&self, at: usize) -> f64 {
        let reach = self.reach();
        let (mut low, mut high) = (-reach, reach);
        while high - low > 2.0 * f64::EPSILON * low.abs().max(high.abs()) + f64::MIN_POSITIVE {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if self.above(middle) > at { low = middle } else { high = middle }
        }
        let value = 0.5 * (low + high);
        // What is as small as the rounding of the reduction is nothing.
        if value.abs() < f64::EPSILON * reach { 0.0 } else { value }
    }

    /// No eigenvalue is larger in size (Gershgorin).
    fn reach(&self) -> f64 {
        let n = self.diagonal.len();
        let next = |i: usize| if i + 1 < n { self.beside[i + 1].abs() } else { 0.0 };
        let row = |i: usize| self.diagonal[i].abs() + self.beside[i].abs() + next(i);
        (0..n).map(row).fold(0.0, f64::max) * (1.0 + 4.0 * f64::EPSILON)
    }

    /// Number of eigenvalues from `x` on: by Sylvester's law, of pivots that are not negative.
    #[inline(always)]
    fn above(&self, x: f64) -> usize {
        let (mut count, mut pivot) = (0, 1.0);
        for (&d, &e) in self.diagonal.iter().zip(&self.beside) {
            let safe = if pivot == 0.0 { f64::MIN_POSITIVE } else { pivot };
            pivot = (d - x) - e * (e / safe);
            // One that is nought counts as the least above it, here and for the next.
            count += usize::from(pivot >= 0.0);
        }
        count
    }

    /// A row per eigenvalue: unit vectors, each orthogonal to all before it.
    #[inline(always)]
    fn vectors(&self, values: &[f64]) -> Vec<f64> {
        let n = self.diagonal.len();
        let (draws, mut all) = (Draws::new(0, 0x00E1_6E40), Vec::with_capacity(n * values.len()));
        for (number, &value) in values.iter().enumerate() {
            let least = (f64::EPSILON * self.reach()).max(f64::MIN_POSITIVE);
            let solver = Solver::new(self, value, least);
            let mut vector = vec![0.0; n];
            for round in 0..ROUNDS {
                if round % FRESH == 0 {
                    let draw = |i| draws.unit64(i as u64, number as u32 ^ round << 24) - 0.5;
                    vector = (0..n).map(draw).collect();
                }
                solver.solve(&mut vector);
                unit(&mut vector);
                // Twice is enough (Parlett and Kahan).
                for before in all.chunks_exact(n).chain(all.chunks_exact(n)) {
                    let along = dot(before, &vector);
                    add(&mut vector, -along, before);
                }
                unit(&mut vector);
                if self.residual(&vector, value) <= 8.0 * least {
                    break;
                }
            }
            all.extend_from_slice(&vector);
        }
        all
    }

    /// The largest element of T·v − x·v.
    #[inline(always)]
    fn residual(&self, v: &[f64], x: f64) -> f64 {
        let n = v.len();
        let mut most = 0.0f64;
        for i in 0..n {
            let before = if i > 0 { self.beside[i] * v[i - 1] } else { 0.0 };
            let after = if i + 1 < n { self.beside[i + 1] * v[i + 1] } else { 0.0 };
            most = most.max(((self.diagonal[i] - x) * v[i] + before + after).abs());
        }
        most
    }

    /// From vectors of the three diagonals to those of the matrix.
    #[inline(always)]
    fn turn_back(&self, matrix: &[f64], vectors: &mut [f64]) {
        let n = self.diagonal.len();
        for (i, &scale) in self.reflections.iter().enumerate().filter(|r| *r.1 != 0.0) {
            let reflection = &matrix[i * n..][..i];
            for vector in vectors.chunks_exact_mut(n) {
                let along = scale * dot(reflection, &vector[..i]);
                add(&mut vector[..i], -along, reflection);
            }
        }
    }
}

/// Makes of a row the vector of the reflection that leaves only its last element. Returns that
/// element, and 2 / |v|².
#[inline(always)]
fn reflect(row: &mut [f64]) -> (f64, f64) {
    let Some((last, rest)) = row.split_last_mut() else { return (0.0, 0.0) };
    let others = dot(rest, rest);
    // Nothing beside a matrix of size 1; and squares of less could lose digits to underflow, with
    // which the reflection would be none.
    if others < NEGLIGIBLE {
        return (*last, 0.0);
    }
    let length = (others + *last * *last).sqrt();
    // Away from the element, so that nothing cancels.
    let left = if *last > 0.0 { -length } else { length };
    *last -= left;
    (left, 2.0 / (others + *last * *last))
}

/// `row −= v·ws + w·vs`.
#[inline(always)]
fn change(row: &mut [f64], v: f64, ws: &[f64], w: f64, vs: &[f64]) {
    for ((x, b), a) in row.iter_mut().zip(ws).zip(vs) {
        *x -= v * b + w * a;
    }
}

/// [`change`]s a row, adds `factor` times it to an image, and returns its product with `next`: all
/// in one go, as reading rows is what takes the time.
#[inline(always)]
fn change_and_multiply(
    row: &mut [f64],
    (v, w): (f64, f64),
    (vs, ws): (&[f64], &[f64]),
    next: &[f64],
    (image, factor): (&mut [f64], f64),
) -> f64 {
    let len = row.len();
    let (row, row_rest) = row.as_chunks_mut::<LANES>();
    let (vs, vs_rest) = vs[..len].as_chunks::<LANES>();
    let (ws, ws_rest) = ws[..len].as_chunks::<LANES>();
    let (next, next_rest) = next[..len].as_chunks::<LANES>();
    let (image, image_rest) = image[..len].as_chunks_mut::<LANES>();
    let mut sums = [0.0; LANES];
    for ((((row, vs), ws), next), image) in row.iter_mut().zip(vs).zip(ws).zip(next).zip(image) {
        for t in 0..LANES {
            row[t] -= v * ws[t] + w * vs[t];
            sums[t] += row[t] * next[t];
            image[t] += factor * row[t];
        }
    }
    change(row_rest, v, ws_rest, w, vs_rest);
    add(image_rest, factor, row_rest);
    fold(sums) + product(row_rest, next_rest)
}

/// In eight running sums, so that vector units have something to do.
#[inline(always)]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for t in 0..LANES {
            sums[t] += a[t] * b[t];
        }
    }
    fold(sums) + product(a_rest, b_rest)
}

/// One after the other.
#[inline(always)]
fn product(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (a, b) in a.iter().zip(b) {
        sum += a * b;
    }
    sum
}

#[inline(always)]
fn fold([a, b, c, d, e, f, g, h]: [f64; LANES]) -> f64 {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// `to += factor·from`.
#[inline(always)]
pub(super) fn add(to: &mut [f64], factor: f64, from: &[f64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}

/// Divides by the length, where there is one.
#[inline(always)]
pub(super) fn unit(vector: &mut [f64]) {
    let most = vector.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    if most > 0.0 {
        vector.iter_mut().for_each(|v| *v /= most);
        let length = dot(vector, vector).sqrt();
        vector.iter_mut().for_each(|v| *v /= length);
    }
}

/// T − x·1 as a product of triangles, with the larger pivot of each two rows.
struct Solver {
    /// Pivot, and the two elements after it, of each row.
    upper: Vec<[f64; 3]>,
    /// What is subtracted of a row from the next, and whether both changed places before.
    lower: Vec<(f64, bool)>,
}

impl Solver {
    /// `least` stands for pivots that are smaller.
    fn new(three: &Tridiagonal, x: f64, least: f64) -> Self {
        let n = three.diagonal.len();
        let beside = |i: usize| three.beside.get(i).copied().unwrap_or(0.0);
        let safe = |pivot: f64| if pivot.abs() < least { least } else { pivot };
        let (mut upper, mut lower) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let mut row = [three.diagonal[0] - x, beside(1), 0.0];
        for i in 1..n {
            let next = [beside(i), three.diagonal[i] - x, beside(i + 1)];
            let changed = next[0].abs() > row[0].abs();
            let (top, under) = if changed { (next, row) } else { (row, next) };
            let top = [safe(top[0]), top[1], top[2]];
            let factor = under[0] / top[0];
            upper.push(top);
            lower.push((factor, changed));
            row = [under[1] - factor * top[1], under[2] - factor * top[2], 0.0];
        }
        upper.push([safe(row[0]), 0.0, 0.0]);
        Self { upper, lower }
    }

    /// Replaces the right side by the solution, scaled on the way so that it stays finite.
    fn solve(&self, right: &mut [f64]) {
        for (i, &(factor, changed)) in self.lower.iter().enumerate() {
            if changed {
                right.swap(i, i + 1);
            }
            right[i + 1] -= factor * right[i];
        }
        let at = |right: &[f64], i: usize| right.get(i).copied().unwrap_or(0.0);
        for (i, [pivot, next, after]) in self.upper.iter().enumerate().rev() {
            let rest = next * at(right, i + 1) + after * at(right, i + 2);
            right[i] = (right[i] - rest) / pivot;
            if right[i].abs() > 1e200 {
                right.iter_mut().for_each(|v| *v *= 1e-200);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at_most(k: usize) -> impl Fn(&[f64]) -> bool {
        move |values| values.len() == k
    }

    /// Asserts what eigenvalues and vectors are: A·v = λ·v, and vectors are orthogonal units.
    fn check(matrix: &[f64], n: usize, k: usize) {
        let Eigen { values, vectors } = largest(matrix.to_vec(), n, at_most(k));
        assert_eq!((values.len(), vectors.len()), (k, k * n));
        assert!(values.is_sorted_by(|a, b| a >= b), "{values:?}");
        let size = matrix.iter().fold(0.0f64, |most, v| most.max(v.abs()));
        let near = |a: f64, b: f64, unit: f64| (a - b).abs() <= 1e-14 * n as f64 * unit;
        for (i, (value, v)) in values.iter().zip(vectors.chunks(n)).enumerate() {
            for (row, x) in matrix.chunks(n).zip(v) {
                let image = row.iter().zip(v).map(|(a, b)| a * b).sum::<f64>();
                assert!(near(image, value * x, size), "{image} for {value} times {x}");
            }
            for (j, other) in vectors.chunks(n).enumerate() {
                let product = v.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
                assert!(near(product, f64::from(u8::from(i == j)), 1.0), "{i} {j} {product}");
            }
        }
        let trace: f64 = (0..n).map(|i| matrix[i * n + i]).sum();
        assert!(k < n || near(values.iter().sum(), trace, size * n as f64));
    }

    fn made(n: usize, at: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        (0..n * n).map(|i| at((i / n).max(i % n), (i / n).min(i % n))).collect()
    }

    #[test]
    fn awkward_matrices_have_their_eigenvectors() {
        let wilkinson = |i: usize, j: usize| match i - j {
            0 => (10.0 - i as f64).abs(),
            1 => 1.0,
            _ => 0.0,
        };
        for (n, matrix) in [
            (1, vec![-3.0]),
            (2, vec![0.0, 1.0, 1.0, 0.0]),
            (7, vec![0.0; 49]),
            (9, made(9, |i, j| f64::from(u8::from(i == j)))),
            (9, made(9, |_, _| 1.0)),
            (21, made(21, wilkinson)),
            (30, made(30, |i, j| f64::from(u8::from(i == j && i % 3 == 0)))),
            (12, made(12, |i, j| 1.0 / (i + j + 1) as f64)),
            (16, made(16, |i, j| if i == j { 10f64.powi(-2 * i as i32) } else { 0.0 })),
            (40, made(40, |i, j| if i / 2 == j / 2 { 1e150 } else { 0.0 })),
            (11, made(11, |i, j| 1e-200 * (1 + i * j % 3) as f64)),
        ] {
            check(&matrix, n, n);
            check(&matrix, n, n.div_ceil(3));
        }
    }

    #[test]
    fn known_eigenvalues_are_found() {
        // The second difference: 2 − 2·cos(π·i / (n + 1)).
        let n = 50;
        let matrix = made(n, |i, j| [2.0, -1.0, 0.0][(i - j).min(2)]);
        let found = largest(matrix, n, |_| false).values;
        for (i, value) in found.iter().rev().enumerate() {
            let angle = std::f64::consts::PI * (i + 1) as f64 / (n + 1) as f64;
            assert!((value - (2.0 - 2.0 * angle.cos())).abs() < 1e-14);
        }
    }

    proptest! {
        #[test]
        fn any_matrix_has_its_eigenvectors(
            n in 1usize..40,
            seed in any::<u64>(),
            levels in 1u64..50,
            share in 0.0f64..1.0,
        ) {
            // Few levels and many zeros make repeated eigenvalues and blocks.
            let draws = Draws::new(seed, 0);
            let at = |i: usize, j: usize| {
                let number = (i * n + j) as u64;
                let there = draws.unit64(number, 1) < share;
                if there { draws.below(number, 0, levels) as f64 - 1.0 } else { 0.0 }
            };
            let k = 1 + draws.below(0, 2, n as u64) as usize;
            check(&made(n, at), n, k);
        }
    }
}
