//! The largest eigenvalues of a symmetric matrix, and their vectors.
//!
//! Few of them come from the tridiagonal form alone; many, and those that fail the check there,
//! from nalgebra's implicit QR steps, which turn all vectors (Golub and Van Loan, §8.3).

use enfold_core::random::Draws;
use nalgebra::{DMatrix, SymmetricEigen};

use super::Keep;
use super::tridiagonal::Tridiagonal;

/// Vectors of a matrix with so many times as many rows count as few.
const FEW: usize = 4;
/// What rounding leaves of nothing, for each row of a matrix of elements up to 1.
const ROUNDING: f64 = 1e-14;
/// Purpose of the draws of a check.
const CHECK: u32 = 0x6368_6563;
/// Running sums of a product of vectors.
pub(super) const LANES: usize = 8;

/// Eigenvalues, largest first, and a row of `n` per vector.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Eigen {
    pub(super) values: Vec<f64>,
    pub(super) vectors: Vec<f64>,
}

/// The largest eigenvalues and their vectors of a finite n × n matrix, of which the lower triangle
/// counts: as many as are to be kept.
pub(super) fn largest(mut matrix: Vec<f64>, n: usize, keep: Keep) -> Eigen {
    let size = matrix.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    // A power of two, so that nothing is rounded; squares then neither overflow nor vanish.
    let unit = if size > 0.0 { size.log2().ceil().exp2() } else { 1.0 };
    matrix.iter_mut().for_each(|v| *v /= unit);
    let mut found = solve(&matrix, n, keep);
    found.values.iter_mut().for_each(|value| *value *= unit);
    found
}

/// By the cheaper way; where that fails its check by the other one. Both can: inverse iteration on
/// many equal eigenvalues, nalgebra's steps on matrices of mostly zeros.
fn solve(matrix: &[f64], n: usize, keep: Keep) -> Eigen {
    let right = |found: &Eigen| found.is_right(matrix);
    let quick = if keep.at_least() <= n / FEW { few(matrix, n, n / FEW, keep) } else { None };
    quick.filter(right).unwrap_or_else(|| {
        let all = many(matrix, n, keep);
        let last = if right(&all) { None } else { few(matrix, n, n, keep) };
        last.unwrap_or(all)
    })
}

impl Eigen {
    /// Whether A·v = λ·v and vectors are orthogonal units, up to rounding: judged by one sum w of
    /// all vectors with drawn factors, where what is wrong with one of them shows (Freivalds 1977).
    fn is_right(&self, matrix: &[f64]) -> bool {
        let n = matrix.len().isqrt();
        let draws = Draws::new(0, CHECK);
        let factor = |k: usize| draws.unit64(k as u64, 0) + 0.5;
        let (mut sum, mut image) = (vec![0.0; n], vec![0.0; n]);
        for (k, (value, vector)) in self.values.iter().zip(self.vectors.chunks(n)).enumerate() {
            add(&mut sum, factor(k), vector);
            add(&mut image, factor(k) * value, vector);
        }
        // Not a number is near nothing.
        let near = |a: f64, b: f64| (a - b).abs() <= ROUNDING * n as f64;
        matrix.chunks(n).zip(&image).all(|(row, &image)| near(dot(row, &sum), image))
            && self.vectors.chunks(n).enumerate().all(|(k, v)| near(dot(v, &sum), factor(k)))
    }
}

/// From the tridiagonal form; `None` where more than `most` are to be kept.
fn few(matrix: &[f64], n: usize, most: usize, keep: Keep) -> Option<Eigen> {
    let total = matrix.iter().step_by(n + 1).sum();
    let form = Tridiagonal::reduce(matrix.to_vec(), n);
    let (mut found, mut values) = (vec![], vec![]);
    for next in form.values() {
        if keep.is_met(&values, total) {
            break;
        }
        values.push(next.value);
        found.push(next);
    }
    if values.len() > most {
        return None;
    }
    Some(Eigen { values, vectors: form.vectors(&found) })
}

/// From all: `O(n³)`.
fn many(matrix: &[f64], n: usize, keep: Keep) -> Eigen {
    let total = matrix.iter().step_by(n + 1).sum();
    let all = SymmetricEigen::new(DMatrix::from_row_slice(n, n, matrix));
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| all.eigenvalues[b].total_cmp(&all.eigenvalues[a]).then(a.cmp(&b)));
    let mut found = Eigen { values: vec![], vectors: vec![] };
    for at in order {
        if keep.is_met(&found.values, total) {
            break;
        }
        found.values.push(all.eigenvalues[at]);
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
pub(super) fn fold([a, b, c, d, e, f, g, h]: [f64; LANES]) -> f64 {
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
    use proptest::prelude::*;

    use super::*;

    /// Asserts what eigenvalues and vectors are: A·v = λ·v, and vectors are orthogonal units.
    fn check(matrix: &[f64], n: usize, k: usize) {
        check_found(largest(matrix.to_vec(), n, Keep::Count(k)), matrix, n, k);
    }

    fn check_found(found: Eigen, matrix: &[f64], n: usize, k: usize) {
        let Eigen { values, vectors } = found;
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
        let found = largest(matrix, n, Keep::Count(n)).values;
        for (i, value) in found.iter().rev().enumerate() {
            let angle = std::f64::consts::PI * (i + 1) as f64 / (n + 1) as f64;
            assert!((value - (2.0 - 2.0 * angle.cos())).abs() < 1e-14);
        }
    }

    /// Turns a diagonal by reflections along vectors that are drawn.
    fn turned(diagonal: &[f64], draws: Draws) -> Vec<f64> {
        let n = diagonal.len();
        let mut a: Vec<f64> =
            (0..n * n).map(|i| if i / n == i % n { diagonal[i / n] } else { 0.0 }).collect();
        for turn in 0..3 {
            let mut v: Vec<f64> = (0..n).map(|i| draws.normal((turn * n + i) as u64)).collect();
            unit(&mut v);
            for _side in 0..2 {
                for row in a.chunks_mut(n) {
                    let along = dot(row, &v);
                    add(row, -2.0 * along, &v);
                }
                a = (0..n * n).map(|i| a[i % n * n + i / n]).collect();
            }
        }
        a
    }

    /// Spectra that make inverse iteration hard: every eigenvalue of the n is one of these.
    const SPECTRA: [fn(usize, f64) -> f64; 8] = [
        |_, _| 1.0,
        |i, _| if i < 5 { 1.0 } else { 0.0 },
        |i, gap| 1.0 + gap * i as f64,
        |i, gap| (i / 3) as f64 + gap * (i % 3) as f64,
        |i, gap| if i % 2 == 0 { -1.0 } else { 1.0 } * (1.0 + gap * i as f64),
        |i, _| 0.1f64.powi(i as i32),
        |i, _| 1.0 / (1 + i) as f64,
        |i, gap| if i == 0 { 1e12 } else { gap },
    ];

    #[test]
    fn what_is_wrong_shows() {
        let matrix = made(20, |i, j| 1.0 / (i + j + 1) as f64);
        let found = few(&matrix, 20, 20, Keep::Count(6)).unwrap();
        assert!(found.is_right(&matrix));
        let mut value = found.clone();
        value.values[3] += 1e-9;
        let mut vector = found.clone();
        vector.vectors[47] += 1e-9;
        let mut length = found.clone();
        length.vectors[40..60].iter_mut().for_each(|v| *v *= 1.0 + 1e-9);
        let mut none = found;
        none.vectors[47] = f64::NAN;
        assert!([value, vector, length, none].iter().all(|wrong| !wrong.is_right(&matrix)));
    }

    /// Once ended in an eigenvalue that is not a number.
    #[test]
    fn matrices_of_zeros_but_a_few_have_their_eigenvectors() {
        let draws = Draws::new(18095891258414967722, 0);
        let n = 19;
        let at = |i: usize, j: usize| {
            let number = (i * n + j) as u64;
            let there = draws.unit64(number, 1) < 0.023172077749036;
            if there { draws.below(number, 0, 41) as f64 - 1.0 } else { 0.0 }
        };
        for k in [1, 4, 10, n] {
            check(&made(n, at), n, k);
        }
    }

    #[test]
    fn weakly_joined_copies_have_their_eigenvectors() {
        // Glued Wilkinson matrices: groups of eigenvalues that agree to many digits.
        for glue in [0.0, 1e-18, 1e-15, 1e-12, 1e-8, 1e-3] {
            let n = 21 * 4;
            let matrix = made(n, |i, j| match i - j {
                0 => (10.0 - (i % 21) as f64).abs(),
                1 => {
                    if i % 21 == 0 {
                        glue
                    } else {
                        1.0
                    }
                }
                _ => 0.0,
            });
            for k in [1, 8, n / 2, n] {
                check_found(few(&matrix, n, n, Keep::Count(k)).unwrap(), &matrix, n, k);
            }
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

        #[test]
        fn any_spectrum_has_its_eigenvectors(
            n in 1usize..70,
            seed in any::<u64>(),
            spectrum in 0usize..SPECTRA.len(),
            digits in 0i32..18,
            share in 0.0f64..1.0,
        ) {
            let diagonal: Vec<f64> =
                (0..n).map(|i| SPECTRA[spectrum](i, 0.1f64.powi(digits))).collect();
            let matrix = turned(&diagonal, Draws::new(seed, 0));
            let k = 1 + (share * (n - 1) as f64) as usize;
            check(&matrix, n, k);
            let found = few(&matrix, n, n, Keep::Count(k)).unwrap();
            // It may fail where many are equal; then that must show.
            if found.is_right(&matrix) {
                check_found(found, &matrix, n, k);
            }
        }
    }
}
