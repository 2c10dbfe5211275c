//! Leading eigenvectors of a graph's random walk, by a filtered subspace iteration that ends.
//!
//! Chebyshev-filtered subspace iteration (Zhou, Saad, Tiago, Chelikowsky 2006): a polynomial that
//! is small on the unwanted part of the spectrum is applied to a few vectors, which are then made
//! orthonormal and turned to the eigenvectors of the projection. The number of rounds is bounded;
//! what is left over is no danger, for a start need not be exact.

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::Backend;
use crate::host::parts;
use crate::random::Draws;

/// Vectors side by side.
const SIDE: usize = 8;
/// Vertices that a thread takes at a time.
const PART: usize = 1 << 11;
/// Vectors more than wanted, at least: they take the part next to the wanted one.
const GUARD: usize = 4;
/// Degree of the filter.
const DEGREE: usize = 20;
/// Rounds, at most.
const ROUNDS: usize = 6;
/// A residual of this share of 1 − λ is none.
const ENOUGH: f64 = 0.05;
/// Stands for the value of the first vector: above all others.
const FIRST: f64 = 2.0;
/// Sweeps of Jacobi's method, at most; a dozen is plenty.
const SWEEPS: usize = 50;
/// Purpose of the draws of first vectors.
const VECTORS: u32 = 0x7370_6563;

/// Some vectors over all vertices, eight to a panel.
type Panels = Vec<Vec<Row>>;
/// What the vectors of a panel hold for one vertex.
type Row = [f32; SIDE];

/// A connected graph as D^-½·W·D^-½.
#[derive(Debug)]
pub(super) struct Walk {
    offsets: Vec<usize>,
    targets: Vec<u32>,
    weights: Vec<f32>,
    /// √degree: the eigenvector of 1.
    root: Vec<f32>,
}

/// Vertices that a graph needs to have `dim` coordinates from here.
pub(super) fn needed(dim: usize) -> usize {
    2 * (dim + GUARD).div_ceil(SIDE) * SIDE
}

impl Walk {
    /// Of symmetric strengths, each row's edges after another.
    pub(super) fn new(offsets: Vec<usize>, targets: Vec<u32>, strengths: &[f64]) -> Self {
        let degree = |i: usize| strengths[offsets[i]..offsets[i + 1]].iter().sum::<f64>();
        let root: Vec<f64> = (0..offsets.len() - 1).map(|i| libm::sqrt(degree(i))).collect();
        let mut weights = Vec::with_capacity(strengths.len());
        for i in 0..root.len() {
            for e in offsets[i]..offsets[i + 1] {
                let both = root[i] * root[targets[e] as usize];
                weights.push(if both > 0.0 { (strengths[e] / both) as f32 } else { 0.0 });
            }
        }
        Self { offsets, targets, weights, root: root.iter().map(|&r| r as f32).collect() }
    }

    fn len(&self) -> usize {
        self.root.len()
    }

    /// The `dim` eigenvectors after the first, vertex by vertex; none where numbers ran out.
    pub(super) fn vectors<B: Backend>(
        &self,
        backend: &B,
        dim: usize,
        seed: u64,
    ) -> Option<Vec<f64>> {
        let mut x = self.first(dim, seed);
        // Before anything is known: most of the spectrum of a neighbour graph is below.
        let mut cut = 0.9;
        for _ in 0..ROUNDS {
            self.filter(backend, &mut x, cut);
            self.first_is_root(&mut x);
            if !orthonormal(&mut x) {
                return None;
            }
            let (values, left) = self.turn(backend, &mut x, dim);
            cut = values[values.len() - 1].clamp(0.0, 0.9999) as f32;
            if (1..=dim).all(|v| left[v] <= ENOUGH * (1.0 - values[v])) {
                break;
            }
        }
        let at = |i: usize, v: usize| f64::from(x[v / SIDE][i][v % SIDE]);
        let out: Vec<f64> = (0..self.len())
            .flat_map(|i| (1..=dim).map(move |v| (i, v)))
            .map(|(i, v)| at(i, v))
            .collect();
        out.iter().all(|v| v.is_finite()).then_some(out)
    }

    /// The first eigenvector, and draws.
    fn first(&self, dim: usize, seed: u64) -> Panels {
        let draws = Draws::new(seed, VECTORS);
        let panels = (dim + GUARD).div_ceil(SIDE);
        let mut x = vec![vec![[0f32; SIDE]; self.len()]; panels];
        for (p, panel) in x.iter_mut().enumerate() {
            for (i, row) in panel.iter_mut().enumerate() {
                for (v, to) in row.iter_mut().enumerate() {
                    *to = draws.unit(i as u64, (p * SIDE + v) as u32) - 0.5;
                }
            }
        }
        self.first_is_root(&mut x);
        x
    }

    /// The first vector is known. It is put back and left out of every turn: where parts of the
    /// graph hardly hold together, other values are 1 but for rounding, too, and vectors would mix.
    fn first_is_root(&self, x: &mut Panels) {
        for (row, &root) in x[0].iter_mut().zip(&self.root) {
            row[0] = root;
        }
    }

    /// Hands Ax to `write`: the numbers of vertices, what is written for them, and their rows.
    fn times<B: Backend>(
        &self,
        backend: &B,
        x: &[Row],
        out: &mut [Row],
        write: impl Fn(usize, Row, &mut Row) + Sync,
    ) {
        parts::fill(backend, out, PART, |part, out| {
            for (i, out) in (part * PART..).zip(out) {
                write(i, self.row(x, i), out);
            }
        });
    }

    /// Row `i` of Ax. Inlined into what threads do it takes twice the time, number by number.
    #[inline(never)]
    fn row(&self, x: &[Row], i: usize) -> Row {
        let mut sum = [0f32; SIDE];
        let edges = self.offsets[i]..self.offsets[i + 1];
        for (&to, &w) in self.targets[edges.clone()].iter().zip(&self.weights[edges]) {
            for (sum, &v) in sum.iter_mut().zip(&x[to as usize]) {
                *sum += w * v;
            }
        }
        sum
    }

    /// The polynomial of Chebyshev that stays within 1 on [−1, cut] and grows beyond it.
    fn filter<B: Backend>(&self, backend: &B, x: &mut Panels, cut: f32) {
        let (half, mid) = ((cut + 1.0) / 2.0, (cut - 1.0) / 2.0);
        for panel in x {
            let mut next = vec![[0f32; SIDE]; panel.len()];
            self.times(backend, panel, &mut next, |i, ax, next| {
                for (v, next) in next.iter_mut().enumerate() {
                    *next = (ax[v] - mid * panel[i][v]) / half;
                }
            });
            // The polynomial before becomes the one after next, in its place.
            let mut before = core::mem::replace(panel, next);
            for _ in 1..DEGREE {
                self.times(backend, panel, &mut before, |i, ax, next| {
                    for (v, next) in next.iter_mut().enumerate() {
                        *next = 2.0 * (ax[v] - mid * panel[i][v]) / half - *next;
                    }
                });
                core::mem::swap(&mut before, panel);
            }
        }
    }

    /// Turns orthonormal vectors to the eigenvectors of the projection (Rayleigh, Ritz); returns
    /// their values, descending, and what is left of the first `dim + 1`: |Ax − λx|.
    fn turn<B: Backend>(&self, backend: &B, x: &mut Panels, dim: usize) -> (Vec<f64>, Vec<f64>) {
        let (m, n) = (x.len() * SIDE, self.len());
        let mut image: Panels = vec![vec![[0f32; SIDE]; n]; x.len()];
        for (panel, image) in x.iter().zip(&mut image) {
            self.times(backend, panel, image, |_, ax, image| *image = ax);
        }
        let mut h = vec![0f64; m * m];
        h[0] = FIRST;
        for a in 1..m {
            for b in 1..=a {
                let half = (dot(x, a, &image, b) + dot(x, b, &image, a)) / 2.0;
                (h[a * m + b], h[b * m + a]) = (half, half);
            }
        }
        let (values, vectors) = eigen(h, m);
        rotate(x, &vectors);
        rotate(&mut image, &vectors);
        let left = |v: usize| {
            let (p, at) = (v / SIDE, v % SIDE);
            let rest = |(a, b): (&[f32; SIDE], &[f32; SIDE])| {
                let rest = f64::from(a[at]) - values[v] * f64::from(b[at]);
                rest * rest
            };
            libm::sqrt(image[p].iter().zip(&x[p]).map(rest).sum())
        };
        let left = (0..=dim).map(left).collect();
        (values, left)
    }
}

fn dot(x: &Panels, a: usize, y: &Panels, b: usize) -> f64 {
    let rows = x[a / SIDE].iter().zip(&y[b / SIDE]);
    rows.map(|(x, y)| f64::from(x[a % SIDE]) * f64::from(y[b % SIDE])).sum()
}

/// Gram's and Schmidt's method, twice; false where a vector has nothing of its own.
fn orthonormal(x: &mut Panels) -> bool {
    for v in 0..x.len() * SIDE {
        for _ in 0..2 {
            for other in 0..v {
                let share = dot(x, v, x, other) as f32;
                for i in 0..x[0].len() {
                    let part = share * x[other / SIDE][i][other % SIDE];
                    x[v / SIDE][i][v % SIDE] -= part;
                }
            }
            let length = libm::sqrt(dot(x, v, x, v));
            if !(length > 0.0 && length.is_finite()) {
                return false;
            }
            for row in &mut x[v / SIDE] {
                row[v % SIDE] = (f64::from(row[v % SIDE]) / length) as f32;
            }
        }
    }
    true
}

/// x·V, V being row-major and square.
fn rotate(x: &mut Panels, vectors: &[f64]) {
    let m = x.len() * SIDE;
    let mut row = vec![0f64; m];
    for i in 0..x[0].len() {
        for (v, to) in row.iter_mut().enumerate() {
            *to = f64::from(x[v / SIDE][i][v % SIDE]);
        }
        for v in 0..m {
            let turned: f64 = row.iter().enumerate().map(|(u, x)| x * vectors[u * m + v]).sum();
            x[v / SIDE][i][v % SIDE] = turned as f32;
        }
    }
}

/// Eigenvalues, descending, and eigenvectors as columns of a symmetric matrix (Jacobi 1846).
fn eigen(mut h: Vec<f64>, m: usize) -> (Vec<f64>, Vec<f64>) {
    let mut v = vec![0f64; m * m];
    for i in 0..m {
        v[i * m + i] = 1.0;
    }
    for _ in 0..SWEEPS {
        let mut turned = false;
        for p in 0..m {
            for q in p + 1..m {
                turned |= jacobi(&mut h, &mut v, m, (p, q));
            }
        }
        if !turned {
            break;
        }
    }
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&a, &b| h[b * m + b].total_cmp(&h[a * m + a]));
    let values = order.iter().map(|&i| h[i * m + i]).collect();
    let vectors = (0..m * m).map(|at| v[at / m * m + order[at % m]]).collect();
    (values, vectors)
}

/// Makes one pair of entries 0; false where they are.
fn jacobi(h: &mut [f64], v: &mut [f64], m: usize, (p, q): (usize, usize)) -> bool {
    let off = h[p * m + q];
    if libm::fabs(off) <= 1e-15 * libm::sqrt(libm::fabs(h[p * m + p] * h[q * m + q])) + 1e-300 {
        return false;
    }
    let theta = (h[q * m + q] - h[p * m + p]) / (2.0 * off);
    let sign = if theta < 0.0 { -1.0 } else { 1.0 };
    let t = sign / (libm::fabs(theta) + libm::sqrt(theta * theta + 1.0));
    let c = 1.0 / libm::sqrt(t * t + 1.0);
    let s = t * c;
    let turn = |x: &mut f64, y: &mut f64| (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    for k in 0..m {
        let (mut x, mut y) = (h[k * m + p], h[k * m + q]);
        turn(&mut x, &mut y);
        (h[k * m + p], h[k * m + q]) = (x, y);
    }
    for k in 0..m {
        let (mut x, mut y) = (h[p * m + k], h[q * m + k]);
        turn(&mut x, &mut y);
        (h[p * m + k], h[q * m + k]) = (x, y);
        let (mut x, mut y) = (v[k * m + p], v[k * m + q]);
        turn(&mut x, &mut y);
        (v[k * m + p], v[k * m + q]) = (x, y);
    }
    true
}
