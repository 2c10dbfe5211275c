//! Householder's reduction of a symmetric matrix to three diagonals.
//!
//! Rows are reduced from the last one up (Golub and Van Loan, §8.3.1), and the matrix takes in
//! what sixteen steps change at once: between, a step only reads it (Dongarra, Hammarling and
//! Sorensen 1989).

use super::eigen::{LANES, add, dot, fold};

/// Steps that the matrix takes in at once.
const DELAY: usize = 16;
/// Rows that are worked on at once, so many elements of each.
const ROWS: usize = 4;

/// Three diagonals, and what led to them.
pub(super) struct Reduced {
    pub(super) diagonal: Vec<f64>,
    /// Left of the diagonal, 0 in the first row.
    pub(super) beside: Vec<f64>,
    /// Row i: the v of I − v·vᵀ in the elements before i.
    pub(super) reflectors: Vec<f64>,
}

/// Reduces an n × n matrix, of which the lower triangle counts.
#[inline(always)]
pub(super) fn reduce(mut matrix: Vec<f64>, n: usize) -> Reduced {
    let (mut diagonal, mut beside) = (vec![0.0; n], vec![0.0; n]);
    let mut image = vec![0.0; n];
    let mut delayed = Delayed::new(n);
    for i in (0..n).rev() {
        let (rows, row) = matrix.split_at_mut(i * n);
        let row = &mut row[..=i];
        delayed.take_in_row(row);
        diagonal[i] = row[i];
        beside[i] = reflector(&mut row[..i]);
        let (v, image) = (&row[..i], &mut image[..i]);
        multiply(rows, n, v, image);
        delayed.correct(v, image);
        add(image, -dot(v, image) / 2.0, v);
        delayed.push(v, image);
        if delayed.count == DELAY {
            delayed.take_in(rows);
        }
    }
    Reduced { diagonal, beside, reflectors: matrix }
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

/// Steps A − v·qᵀ − q·vᵀ that the matrix has not taken in.
struct Delayed {
    n: usize,
    count: usize,
    /// Rows of n, of which those that count are the first.
    v: Vec<f64>,
    q: Vec<f64>,
}

impl Delayed {
    fn new(n: usize) -> Self {
        Self { n, count: 0, v: vec![0.0; DELAY * n], q: vec![0.0; DELAY * n] }
    }

    #[inline(always)]
    fn push(&mut self, v: &[f64], q: &[f64]) {
        let start = self.count * self.n;
        self.v[start..][..v.len()].copy_from_slice(v);
        self.q[start..][..q.len()].copy_from_slice(q);
        self.count += 1;
    }

    /// The v and q of each step, from the first.
    #[inline(always)]
    fn steps(&self) -> impl Iterator<Item = (&[f64], &[f64])> {
        self.v.chunks_exact(self.n).zip(self.q.chunks_exact(self.n)).take(self.count)
    }

    /// Brings a row up to date, which ends with its diagonal.
    #[inline(always)]
    fn take_in_row(&self, row: &mut [f64]) {
        let last = row.len() - 1;
        for (v, q) in self.steps() {
            add(row, -v[last], q);
            add(row, -q[last], v);
        }
    }

    /// Makes of x's product with the old matrix the one with the new.
    #[inline(always)]
    fn correct(&self, x: &[f64], image: &mut [f64]) {
        for (v, q) in self.steps() {
            let (v, q) = (&v[..x.len()], &q[..x.len()]);
            let (along_v, along_q) = (dot(v, x), dot(q, x));
            add(image, -along_q, v);
            add(image, -along_v, q);
        }
    }

    /// Brings all these rows up to date and forgets the steps.
    #[inline(always)]
    fn take_in(&mut self, rows: &mut [f64]) {
        for (block, rows) in rows.chunks_mut(ROWS * self.n).enumerate() {
            let j = block * ROWS;
            if rows.len() == ROWS * self.n {
                self.take_in_rows::<ROWS>(j, rows);
            } else {
                for (r, row) in rows.chunks_mut(self.n).enumerate() {
                    self.take_in_rows::<1>(j + r, row);
                }
            }
        }
        self.count = 0;
    }

    /// Rows `j..j + R`, up to the diagonal.
    #[inline(always)]
    fn take_in_rows<const R: usize>(&self, j: usize, rows: &mut [f64]) {
        let mut t = 0;
        while t + LANES <= j {
            let mut pieces = [[0.0; LANES]; R];
            for r in 0..R {
                pieces[r].copy_from_slice(&rows[r * self.n + t..][..LANES]);
            }
            for (v, q) in self.steps() {
                let (v_here, q_here) = (&v[t..][..LANES], &q[t..][..LANES]);
                for r in 0..R {
                    for l in 0..LANES {
                        pieces[r][l] -= v[j + r] * q_here[l] + q[j + r] * v_here[l];
                    }
                }
            }
            for r in 0..R {
                rows[r * self.n + t..][..LANES].copy_from_slice(&pieces[r]);
            }
            t += LANES;
        }
        for r in 0..R {
            for t in t..=j + r {
                for (v, q) in self.steps() {
                    rows[r * self.n + t] -= v[j + r] * q[t] + q[j + r] * v[t];
                }
            }
        }
    }
}

/// Multiplies rows of a symmetric matrix, of which the lower triangle counts, with x.
#[inline(always)]
fn multiply(rows: &[f64], n: usize, x: &[f64], image: &mut [f64]) {
    image.fill(0.0);
    for (block, rows) in rows.chunks(ROWS * n).enumerate() {
        let j = block * ROWS;
        if rows.len() == ROWS * n {
            multiply_rows::<ROWS>(rows, j, x, image);
        } else {
            for (r, row) in rows.chunks(n).enumerate() {
                multiply_rows::<1>(row, j + r, x, image);
            }
        }
    }
}

/// Takes rows `j..j + R`, up to the diagonal; each element also stands for its mirror image.
#[inline(always)]
fn multiply_rows<const R: usize>(rows: &[f64], j: usize, x: &[f64], image: &mut [f64]) {
    let n = rows.len() / R;
    let (mut sums, mut t) = ([[0.0; LANES]; R], 0);
    while t + LANES <= j {
        let (here, to) = (&x[t..][..LANES], &mut image[t..][..LANES]);
        for r in 0..R {
            let row = &rows[r * n + t..][..LANES];
            for l in 0..LANES {
                sums[r][l] += row[l] * here[l];
                to[l] += row[l] * x[j + r];
            }
        }
        t += LANES;
    }
    for r in 0..R {
        image[j + r] += fold(sums[r]);
        for t in t..=j + r {
            let value = rows[r * n + t];
            image[j + r] += value * x[t];
            if t < j + r {
                image[t] += value * x[j + r];
            }
        }
    }
}
