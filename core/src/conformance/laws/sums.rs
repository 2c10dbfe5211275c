//! Laws of the sums: `accumulate`, `sums`, `sum_by_label`.

use core::ops::Range;
use std::vec;
use std::vec::Vec;

use num_traits::{Float, One, Zero};

use crate::backend::{Alloc, NONE};
use crate::conformance::bed::{self, Bed, bits};
use crate::conformance::cases::{Case, Family, Visiting};
use crate::conformance::decorators::Bare;
use crate::conformance::oracle::{self, Sums, Weighed};
use crate::conformance::tolerance::of_sum;
use crate::element::Element;
use crate::random::Draws;
use crate::rows::Metric;

use super::{each, on};

/// Dims and numbers of rows, at the edges of lanes and tiles.
const SIZES: [(usize, usize); 16] = [
    (1, 0),
    (1, 1),
    (1, 130),
    (2, 2),
    (3, 65),
    (4, 17),
    (5, 33),
    (7, 9),
    (8, 16),
    (9, 15),
    (16, 31),
    (17, 64),
    (63, 8),
    (64, 5),
    (65, 7),
    (257, 4),
];
const LABELS: usize = 3;

/// What the weights of the rows are like.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Weighing {
    None,
    Eighths,
    /// Odd multiples of 2⁻¹⁷: `rint(w·2¹⁶)` ties.
    Ties,
    Thirds,
    /// 2²⁴ in one row: a float counter would not notice the others.
    Heavy,
}

const WEIGHINGS: [Weighing; 5] =
    [Weighing::None, Weighing::Eighths, Weighing::Ties, Weighing::Thirds, Weighing::Heavy];

impl Weighing {
    fn of<T: Element>(self, rows: usize) -> Option<Vec<T>> {
        let weight = |i: usize| match self {
            Self::None => 1.0,
            Self::Eighths => (i % 17) as f64 / 8.0,
            Self::Ties => (2 * i + 1) as f64 / 131_072.0,
            Self::Thirds => i as f64 / 3.0,
            Self::Heavy => [1.0, 16_777_216.0][usize::from(i == 2)],
        };
        (self != Self::None).then(|| (0..rows).map(|i| T::of_f64(weight(i))).collect())
    }
}

/// Rows to add up: quarters at scale 2, where `rint` meets ties, or uniform at scale 2¹⁶. Two
/// rows before the range and one after it are not to be added.
fn weighed<T: Element>(dim: usize, n: usize, quarters: bool, weighing: Weighing) -> Weighed<T> {
    let draws = Draws::new((dim * 1000 + n) as u64, 4);
    let cell = |at: usize| {
        let whole = draws.below(at as u64, 0, 81) as f64 - 40.0;
        if quarters { whole / 4.0 } else { 2.0 * draws.unit64(at as u64, 1) - 1.0 }
    };
    let origin = |at: usize| if quarters { (at % 5) as f64 } else { draws.unit64(at as u64, 2) };
    let label = |i: usize| if i % 5 == 4 { NONE } else { draws.below(i as u64, 3, 3) as u32 };
    Weighed {
        x: (0..(n + 3) * dim).map(|at| T::of_f64(cell(at))).collect(),
        dim,
        range: 2..n + 2,
        labels: (0..n + 3).map(label).collect(),
        weights: weighing.of(n + 3),
        origins: (0..LABELS * dim).map(|at| T::of_f64(origin(at))).collect(),
        scale: T::of_f64(if quarters { 2.0 } else { 65_536.0 }),
    }
}

/// Sums that are there before: of both signs, and past what a float counts.
fn start(dim: usize) -> Sums {
    let big = |at: usize| (1 << 40) * (at as i64 % 3 - 1) + at as i64;
    let of = |len: usize| (0..len).map(big).collect();
    Sums { offsets: of(LABELS * dim), mass: of(LABELS), scatter: of(LABELS) }
}

fn each_weighed<T: Element>(mut check: impl FnMut(&Weighed<T>, &str)) {
    for (turn, (dim, n)) in SIZES.into_iter().enumerate() {
        for weighing in WEIGHINGS {
            let quarters = (turn + weighing as usize).is_multiple_of(2);
            let name = std::format!("dim {dim}, {n} rows, {weighing:?}, quarters: {quarters}");
            check(&weighed(dim, n, quarters, weighing), &name);
        }
    }
}

fn whole<T>(given: &Weighed<T>) -> &[Range<usize>] {
    core::slice::from_ref(&given.range)
}

/// `accumulate` adds exactly the integers of its definition to what is there: ties to even,
/// arithmetic shifts, rows labelled [`NONE`] and rows outside the range left out (semantics 8).
pub fn accumulate_is_exact<B: Alloc>(b: &B) {
    each_weighed(|given, name| {
        let (start, mut expected) = (start(given.dim), start(given.dim));
        oracle::accumulate(given, &mut expected);
        let found = bed::accumulate(b, given, whole(given), true, &start);
        assert_eq!(found, expected, "{name}");
        let without = bed::accumulate(b, given, whole(given), false, &start);
        assert_eq!(without, Sums { scatter: start.scatter, ..expected }, "no scatter: {name}");
    });
}

/// The largest offsets that are allowed, just below 2³¹, with and without weights.
pub fn accumulate_reaches_its_limits<B: Alloc>(b: &B) {
    for weighing in WEIGHINGS.into_iter().filter(|w| *w != Weighing::Heavy) {
        let mut given = weighed::<B::Elem>(5, 20, true, weighing);
        let far = |at: usize| B::Elem::of_f64([2_147_483_520.0, -2_147_483_520.0][at * at % 3 % 2]);
        given.x = (0..given.x.len()).map(far).collect();
        given.origins.fill(B::Elem::zero());
        given.scale = B::Elem::one();
        let mut expected = start(5);
        oracle::accumulate(&given, &mut expected);
        let found = bed::accumulate(b, &given, whole(&given), false, &start(5));
        let expected = Sums { scatter: start(5).scatter, ..expected };
        assert_eq!(found, expected, "{weighing:?}");
    }
}

/// Neither the order of rows nor the cut into calls changes a bit; nor does the override.
pub fn accumulate_has_no_order<B: Alloc>(b: &B) {
    each_weighed::<B::Elem>(|given, name| {
        let (start, r) = (start(given.dim), given.range.clone());
        let one = bed::accumulate(b, given, whole(given), true, &start);
        let (third, half) = (r.start + r.len() / 3, r.start + r.len() / 2);
        let three = [half..r.end, r.start..third, third..half];
        assert_eq!(bed::accumulate(b, given, &three, true, &start), one, "three calls: {name}");
        let turned = backwards(given);
        let back = bed::accumulate(b, &turned, whole(&turned), true, &start);
        assert_eq!(back, one, "rows backwards: {name}");
        let bare = bed::accumulate(&Bare(b.clone()), given, whole(given), true, &start);
        assert_eq!(bare, one, "provided body: {name}");
    });
}

/// The same rows from last to first.
fn backwards<T: Element>(given: &Weighed<T>) -> Weighed<T> {
    let rows = given.labels.len();
    Weighed {
        x: given.x.chunks(given.dim).rev().flatten().copied().collect(),
        labels: given.labels.iter().rev().copied().collect(),
        weights: given.weights.as_ref().map(|w| w.iter().rev().copied().collect()),
        range: rows - given.range.end..rows - given.range.start,
        ..given.clone()
    }
}

/// Each chunk of `sums` is the sum of its terms to f64 accuracy, with 16 running sums as defined:
/// the provided body's bits.
pub fn sums_are_sums_of_chunks<B: Alloc>(b: &B) {
    let draws = Draws::new(5, 5);
    for len in [0, 1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 257, 1000] {
        for chunk in [1, 3, 16, 17, 64, 100, 4096] {
            let of = |lane| move |i| B::Elem::of_f64(2.0 * draws.unit64(i, lane) - 1.0);
            let values: Vec<B::Elem> = (0..len as u64 + 3).map(of(0)).collect();
            let weights: Vec<B::Elem> = (0..len as u64 + 3).map(of(1)).collect();
            for weights in [None, Some(&weights[..])] {
                let found = bed::sums(b, &values, weights, len, chunk);
                let bare = bed::sums(&Bare(b.clone()), &values, weights, len, chunk);
                assert_eq!(bits(&found), bits(&bare), "provided body: {len} by {chunk}");
                near_the_sums(&values[..len], weights, chunk, &found);
            }
        }
    }
}

fn near_the_sums<T: Element>(values: &[T], weights: Option<&[T]>, chunk: usize, found: &[f64]) {
    let weight = |i: usize| weights.map_or(1.0, |w| w[i].as_f64());
    let terms: Vec<f64> = values.iter().enumerate().map(|(i, v)| v.as_f64() * weight(i)).collect();
    let sizes: Vec<f64> = terms.iter().map(|t| t.abs()).collect();
    let (exact, sizes) = (oracle::sums(&terms, chunk), oracle::sums(&sizes, chunk));
    assert_eq!(found.len(), exact.len());
    for ((found, exact), size) in found.iter().zip(exact).zip(sizes) {
        let near = (found - exact).abs() <= of_sum::<f64>(values.len()) * size;
        assert!(near, "{found} for {exact}: {} by {chunk}", values.len());
    }
}

/// 2²⁴ and a thousand ones: an f32 counter stops here.
pub fn sums_go_on_past_what_f32_counts<B: Alloc>(b: &B) {
    let mut values = vec![B::Elem::one(); 1001];
    values[0] = B::Elem::of_f64(16_777_216.0);
    assert_eq!(bed::sums(b, &values, None, 1001, 4096), [16_778_216.0]);
}

/// Few labels, or more than a tile holds.
fn labels_of(case: &Case) -> usize {
    [LABELS, 130][case.seed as usize % 5 / 4]
}

fn labels<B: Alloc>(bed: &Bed<'_, B>) -> Vec<u32> {
    let k = labels_of(&bed.scene.case);
    let label = |j: usize| if j % 6 == 5 { NONE } else { (j * j % 137 % k) as u32 };
    (0..bed.y_rows()).map(label).collect()
}

/// Sums that are there before, and three that are nobody's.
fn start_of_sums<B: Alloc>(bed: &Bed<'_, B>) -> Vec<B::Elem> {
    let value = |at: usize| B::Elem::of_f64((at % 3) as f64);
    (0..bed.scene.case.n * labels_of(&bed.scene.case) + 3).map(value).collect()
}

/// `sum_by_label` adds the finite distances of each label to what is there, to the accuracy of
/// the model, in one call or in any partition of the pairs that keeps x's range.
pub fn sum_by_label_is_the_fold_of_the_distances<B: Alloc>(b: &B) {
    each(b, |bed| {
        let (k, labels, start) = (labels_of(&bed.scene.case), labels(bed), start_of_sums(bed));
        let mut expected: Vec<f64> = start.iter().map(|s| s.as_f64()).collect();
        oracle::sum_by_label(&bed.table(), &labels, k, &mut expected);
        let mut cuts = bed.splits();
        cuts.push(vec![bed.pairs()]);
        for (turn, cut) in cuts.into_iter().enumerate() {
            let found = bed::sum_by_label(b, cut, &labels, k, &start);
            near::<B>(&found, &expected, bed.scene.case.m, &bed.scene.case, turn);
        }
    });
}

fn near<B: Alloc>(found: &[B::Elem], expected: &[f64], m: usize, case: &Case, turn: usize) {
    let (relative, most) = (of_sum::<B::Elem>(m), B::Elem::max_value().as_f64());
    let tiny = m as f64 * B::Elem::min_positive_value().as_f64();
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let near = (found.as_f64() - expected).abs() <= relative * expected + tiny;
        let overflows = *expected > most * (1.0 - relative);
        assert!(near || overflows, "sum {at}: {found} for {expected}, cut {turn}: {case:?}");
    }
}

/// A distance of 2²⁴ and then twenty thousand of 1: an f32 counter stops here.
pub fn sum_by_label_goes_on_past_what_f32_counts<B: Alloc>(b: &B) {
    let (m, metric, family) = (20_000, Metric::SqEuclidean, Family::Scaled(0.0));
    let visiting = Visiting::All;
    let (windowed, shared, seed) = (false, false, 0);
    let case = Case { n: 1, m, dim: 1, metric, family, visiting, windowed, shared, seed };
    let mut scene = crate::conformance::cases::Scene::<B::Elem>::new(case);
    scene.y.fill(B::Elem::one());
    scene.y[0] = B::Elem::of_f64(4096.0);
    let bed = Bed::of(b, scene);
    let found = bed::sum_by_label(b, [bed.pairs()], &vec![0; m], 1, &[B::Elem::zero()]);
    near::<B>(&found, &[16_777_216.0 + m as f64 - 1.0], m, &case, 0);
}

/// A label that no row has gets nothing, to the bit.
pub fn sum_by_label_leaves_other_labels_alone<B: Alloc>(b: &B) {
    on(b, crate::conformance::cases::of(Family::Uniform), |bed| {
        let (labels, start) = (vec![1; bed.y_rows()], start_of_sums(bed));
        let k = labels_of(&bed.scene.case);
        let found = bed::sum_by_label(b, [bed.pairs()], &labels, k, &start);
        let end = bed.scene.case.n * k;
        for (at, (found, start)) in found.iter().zip(&start).enumerate() {
            let own = at % k == 1 && at < end;
            assert!(own || found == start, "sum {at}: {:?}", bed.scene.case);
        }
    });
}
