//! Sums by label of Euclidean distances, block against block: on every level, near the sums in
//! f64 whatever the rows, and the same for any number of threads.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use common::{levels, threads};
use enfold_core::conformance::oracle;
use enfold_core::{Backend, Element, Metric, NONE, Pairs, Rows, Visit};
use enfold_cpu::{Cpu, Folds, Isa};

/// What the documents promise of a sum, relative to it (f32).
const PROMISED: f64 = 5.4e-6;

/// Rows and their labels, of which there are three; some rows are noise.
struct Given<E> {
    data: Vec<E>,
    dim: usize,
    labels: Vec<u32>,
}

impl<E: Folds> Given<E> {
    /// `value(row, coordinate, noise in −1..1)`; label 0 has half of the rows.
    fn new(n: usize, dim: usize, value: impl Fn(usize, usize, f64) -> f64) -> Self {
        let noise = common::uniform(n * dim, 11);
        let cell = |at: usize| E::of_f64(value(at / dim, at % dim, f64::from(noise[at])));
        let label = |i: usize| [0, 1, 0, 2, 0, NONE, 0, 1][i % 8];
        Self { data: (0..n * dim).map(cell).collect(), dim, labels: (0..n).map(label).collect() }
    }

    fn rows(&self, start: usize, end: usize) -> Rows<'_, [E]> {
        Rows::new(&self.data[..], self.dim).unwrap().range(start, end).unwrap()
    }

    fn sums(&self, cpu: &Cpu<E>, x: (usize, usize), y: (usize, usize), visit: Visit<'_>) -> Vec<E> {
        let (x, y) = (self.rows(x.0, x.1), self.rows(y.0, y.1));
        let pairs = Pairs::new(x, y, Metric::Euclidean).unwrap().visit(visit).unwrap();
        let mut sums = vec![E::of_f64(0.5); x.len() * 3];
        cpu.sum_by_label(pairs, &self.labels, 3, &mut sums).unwrap();
        sums
    }

    /// The sums in f64, over the true distances.
    fn truth(&self, x: (usize, usize), y: (usize, usize)) -> Vec<f64> {
        let all = self.rows(0, self.labels.len());
        let mut sums = vec![0.5; (x.1 - x.0) * 3];
        for i in x.0..x.1 {
            for j in y.0..y.1 {
                if self.labels[j] != NONE {
                    sums[(i - x.0) * 3 + self.labels[j] as usize] +=
                        oracle::distance(Metric::Euclidean, all.row(i), all.row(j));
                }
            }
        }
        sums
    }

    /// On every level, for the same and for different rows of x and y.
    fn check(&self, what: &str, promised: f64, levels: &[Isa]) {
        let n = self.labels.len();
        for (x, y) in [((0, n), (0, n)), ((3, n - 2), (3, n - 2)), ((40, 300), (1, n))] {
            let truth = self.truth(x, y);
            for &isa in levels {
                let cpu = Cpu::<E>::with_isa(isa).unwrap();
                for visit in [Visit::All, Visit::OffDiagonal] {
                    let sums = self.sums(&cpu, x, y, visit);
                    for (at, (sum, truth)) in sums.iter().zip(&truth).enumerate() {
                        let near = (sum.as_f64() - truth).abs() <= promised * truth;
                        assert!(near, "{what} {isa:?} {visit:?} sum {at}: {sum} for {truth}");
                    }
                }
            }
        }
    }
}

/// Blocks of 1024 rows begin and end: label 0 has about half of the rows.
const ROWS: usize = 2100;

#[test]
fn sums_of_blocks_are_near_the_sums_in_f64() {
    for dim in [1, 2, 8, 9, 16, 31, 33, 64, 70] {
        let n = if dim == 16 { ROWS } else { 600 + dim };
        Given::<f32>::new(n, dim, |_, _, noise| noise).check("noise", PROMISED, &levels());
    }
    Given::<f32>::new(500, 700, |_, _, noise| noise).check("long rows", PROMISED, &levels());
}

#[test]
fn sums_of_blocks_hold_in_f64() {
    let given = Given::<f64>::new(700, 20, |i, _, noise| 1e3 * (i % 8) as f64 + noise);
    given.check("f64", PROMISED * f64::ROUNDOFF / f32::ROUNDOFF + 1e-13, &levels());
}

#[test]
fn sums_of_blocks_hold_where_squares_cancel() {
    let far = |i: usize, t: usize, noise: f64| 1e5 + (i % 8 * 7 + t) as f64 + noise;
    Given::<f32>::new(600, 17, far).check("far from the origin", PROMISED, &levels());
    let twin = |i: usize, t: usize, _: f64| (i / 2 * (t + 3) % 17) as f64;
    Given::<f32>::new(600, 12, twin).check("duplicates", PROMISED, &levels());
    let same = |_: usize, t: usize, _: f64| t as f64;
    Given::<f32>::new(400, 12, same).check("one row over and over", PROMISED, &levels());
    let line = |i: usize, t: usize, noise: f64| (i * i % 601) as f64 + 1e-3 * noise * t as f64;
    Given::<f32>::new(600, 33, line).check("a line", PROMISED, &levels());
    let tight =
        |i: usize, _: usize, noise: f64| if i.is_multiple_of(16) { 500.0 } else { 1e-3 * noise };
    Given::<f32>::new(600, 16, tight).check("tight, and far from it", PROMISED, &levels());
    let dipole =
        |i: usize, _: usize, noise: f64| if i % 16 < 8 { 30.0 } else { -30.0 } + 1e-2 * noise;
    Given::<f32>::new(600, 16, dipole).check("two ends of a label", PROMISED, &levels());
}

#[test]
fn sums_of_blocks_hold_at_the_ends_of_the_range() {
    for scale in [1e-30, 1e-22, 1e-18, 1e15, 1e18] {
        let value = |_: usize, _: usize, noise: f64| noise * scale;
        let given = Given::<f32>::new(400, 16, value);
        let cpu = Cpu::<f32>::new();
        let (found, plain) = (
            given.sums(&cpu, (0, 400), (0, 400), Visit::All),
            given.sums(
                &cpu,
                (0, 400),
                (0, 400),
                Visit::Blocks(&[enfold_core::Block { x: (0, 400), y: (0, 400) }]),
            ),
        );
        for (found, plain) in found.iter().zip(&plain) {
            let near = (found - plain).abs() <= 1e-5 * plain;
            assert!(near, "{scale:e}: {found} for {plain}");
        }
    }
}

#[test]
fn rows_that_are_not_finite_are_left_out() {
    let mut given = Given::<f32>::new(400, 10, |_, _, noise| noise);
    given.data[77 * 10 + 3] = f32::NAN;
    let mut without = Given::<f32>::new(400, 10, |_, _, noise| noise);
    without.labels[77] = NONE;
    let found = given.sums(&Cpu::new(), (100, 400), (0, 400), Visit::All);
    let expected = without.truth((100, 400), (0, 400));
    for (found, expected) in found.iter().zip(&expected) {
        assert!((f64::from(*found) - expected).abs() <= PROMISED * expected);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let given = Given::<f32>::new(5000, 18, |i, _, noise| (i % 3) as f64 + noise);
    for x in [(0, 5000), (10, 3000)] {
        let run = |count| {
            let sums = threads(count, || given.sums(&Cpu::new(), x, (0, 5000), Visit::OffDiagonal));
            sums.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        let one = run(1);
        for count in [2, 3, 7] {
            assert!(run(count) == one, "{count} threads");
        }
    }
}
