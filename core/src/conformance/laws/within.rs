//! Laws of the folds with a radius: `count_within`, `lowest_within`, `join_within`.

use std::vec::Vec;

use num_traits::{Float, Zero};

use crate::backend::{Alloc, NONE};
use crate::conformance::bed::{Bed, count_within, join_within, lowest_within};
use crate::conformance::cases::{self, Case};
use crate::conformance::decorators::Bare;
use crate::conformance::oracle;
use crate::element::Element;
use crate::random::Draws;

use super::{each, on};

/// Radii per row in the laws of `count_within`.
const RADII: usize = 3;

/// A radius that occurs as a distance, another one, and one of NaN, ∞, −1 and 0.
fn radii<B: Alloc>(bed: &Bed<'_, B>) -> Vec<B::Elem> {
    let table = bed.table();
    let special = [B::Elem::nan(), B::Elem::infinity(), -B::Elem::of_f64(1.0), B::Elem::zero()];
    let (near, far) = (bed.radius(&table, 1), bed.radius(&table, 3));
    let of = |at: usize| [near, far, special[at / RADII % 4]][at % RADII];
    (0..bed.x_rows() * RADII).map(of).collect()
}

/// Counts that are there before the fold.
fn marks(len: usize) -> Vec<u32> {
    (0..len as u32).map(|at| 5 + at % 7).collect()
}

/// `count_within` counts the finite distances up to each radius, the radius included, on top of
/// what is there; what is outside x's range stays (semantics 1, 2, 4).
pub fn count_within_is_the_fold_of_the_distances<B: Alloc>(b: &B) {
    each(b, |bed| {
        let (radii, start) = (radii(bed), marks(bed.x_rows() * RADII));
        let found = count_within(b, [bed.pairs()], &radii, RADII, &start);
        let (mut expected, radii) = (start, radii.iter().map(|r| r.as_f64()).collect::<Vec<_>>());
        oracle::count_within(&bed.table(), &radii, RADII, &mut expected);
        assert_eq!(found, expected, "{:?}", bed.scene.case);
    });
}

/// Any partition of the pairs gives the counts of one call; so does the provided body.
pub fn count_within_splits_and_equals_the_provided_body<B: Alloc>(b: &B) {
    each(b, |bed| {
        let (radii, start) = (radii(bed), marks(bed.x_rows() * RADII));
        let whole = count_within(b, [bed.pairs()], &radii, RADII, &start);
        for (turn, cut) in bed.cuts().into_iter().enumerate() {
            let split = count_within(b, cut, &radii, RADII, &start);
            assert_eq!(split, whole, "cut {turn}: {:?}", bed.scene.case);
        }
        let provided = count_within(&Bare(b.clone()), [bed.pairs()], &radii, RADII, &start);
        assert_eq!(whole, provided, "provided body: {:?}", bed.scene.case);
    });
}

/// Values of the rows of y, some of them [`NONE`].
fn values<B: Alloc>(bed: &Bed<'_, B>) -> Vec<u32> {
    let draws = Draws::new(bed.scene.case.seed, 3);
    let value = |j: u64| if j % 5 == 2 { NONE } else { draws.below(j, 0, 1000) as u32 };
    (0..bed.y_rows() as u64).map(value).collect()
}

/// Where `lowest` starts: empty in most rows, already low in some.
fn start_of_lowest<B: Alloc>(bed: &Bed<'_, B>) -> Vec<u32> {
    (0..bed.x_rows()).map(|i| if i % 4 == 3 { 20 } else { NONE }).collect()
}

/// `lowest_within` takes the lowest value within the radius and never raises one.
pub fn lowest_within_is_the_fold_of_the_distances<B: Alloc>(b: &B) {
    each(b, |bed| {
        let (table, values) = (bed.table(), values(bed));
        for turn in 0..2 {
            let (radius, start) = (bed.radius(&table, turn + 1), start_of_lowest(bed));
            let found = lowest_within(b, [bed.pairs()], radius, &values, &start);
            let mut expected = start;
            oracle::lowest_within(&table, radius.as_f64(), &values, &mut expected);
            assert_eq!(found, expected, "radius {radius}: {:?}", bed.scene.case);
        }
    });
}

/// Any partition of the pairs gives the values of one call; so does the provided body.
pub fn lowest_within_splits_and_equals_the_provided_body<B: Alloc>(b: &B) {
    each(b, |bed| {
        let (radius, values) = (bed.radius(&bed.table(), 2), values(bed));
        let start = start_of_lowest(bed);
        let whole = lowest_within(b, [bed.pairs()], radius, &values, &start);
        for (turn, cut) in bed.cuts().into_iter().enumerate() {
            let split = lowest_within(b, cut, radius, &values, &start);
            assert_eq!(split, whole, "cut {turn}: {:?}", bed.scene.case);
        }
        let provided = lowest_within(&Bare(b.clone()), [bed.pairs()], radius, &values, &start);
        assert_eq!(whole, provided, "provided body: {:?}", bed.scene.case);
    });
}

/// The cases with x and y in one buffer.
fn joins() -> impl Iterator<Item = Case> {
    cases::all().map(|case| Case { shared: true, ..case }).filter(|c| c.n * c.m < 20_000)
}

fn members<B: Alloc>(bed: &Bed<'_, B>) -> Vec<u32> {
    (0..bed.x_rows() as u32).map(|i| if i % 6 == 4 { 0 } else { 1 + i % 3 }).collect()
}

/// A forest to start from: rows alone, or in chains of three.
fn forest<B: Alloc>(bed: &Bed<'_, B>, chains: bool) -> Vec<u32> {
    (0..bed.x_rows() as u32).map(|i| if chains && i % 3 != 0 { i - 1 } else { i }).collect()
}

/// `join_within` unites the members within the radius with what was united before, under the
/// smallest row of each set.
pub fn join_within_is_the_fold_of_the_distances<B: Alloc>(b: &B) {
    on(b, joins(), |bed| {
        let (table, member) = (bed.table(), members(bed));
        for turn in 0..3 {
            let (radius, start) = (bed.radius(&table, turn), forest(bed, turn == 1));
            let found = join_within(b, [bed.pairs()], radius, &member, &start);
            let roots = oracle::roots(&start);
            let expected = oracle::join_within(&table, radius.as_f64(), &member, &roots);
            assert_eq!(oracle::roots(&found), expected, "radius {radius}: {:?}", bed.scene.case);
        }
    });
}

/// Any partition of the pairs gives the roots of one call; so does the provided body.
pub fn join_within_splits_and_equals_the_provided_body<B: Alloc>(b: &B) {
    on(b, joins(), |bed| {
        let (radius, member) = (bed.radius(&bed.table(), 1), members(bed));
        let start = forest(bed, true);
        let whole = oracle::roots(&join_within(b, [bed.pairs()], radius, &member, &start));
        for (turn, cut) in bed.cuts().into_iter().enumerate() {
            let split = oracle::roots(&join_within(b, cut, radius, &member, &start));
            assert_eq!(split, whole, "cut {turn}: {:?}", bed.scene.case);
        }
        let provided = join_within(&Bare(b.clone()), [bed.pairs()], radius, &member, &start);
        assert_eq!(whole, oracle::roots(&provided), "provided body: {:?}", bed.scene.case);
    });
}
