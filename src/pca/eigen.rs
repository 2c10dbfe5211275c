//! The largest eigenvalues of a symmetric matrix, and their vectors: nalgebra's, in order.
//!
//! Householder's reduction and implicit QR steps (Golub and Van Loan, §8.3). All vectors are
//! computed, also where few are asked for: `O(n³)`.

use nalgebra::{DMatrix, SymmetricEigen};

/// Running sums of a product of vectors.
const LANES: usize = 8;

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
    let all = SymmetricEigen::new(DMatrix::from_row_slice(n, n, &matrix));
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| all.eigenvalues[b].total_cmp(&all.eigenvalues[a]).then(a.cmp(&b)));
    let mut found = Eigen { values: vec![], vectors: vec![] };
    for at in order {
        if enough(&found.values) {
            break;
        }
        found.values.push(all.eigenvalues[at] * unit);
        found.vectors.extend(all.eigenvectors.column(at).iter());
    }
    found
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

#[cfg(test)]
mod tests {
    use enfold_core::random::Draws;
    use proptest::prelude::*;

    use super::*;

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
