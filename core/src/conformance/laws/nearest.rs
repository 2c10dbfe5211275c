//! Laws of `nearest`.

use std::vec::Vec;

use crate::backend::{Alloc, MAX_NEIGHBORS, NONE};
use crate::conformance::bed::{Bed, Entries};
use crate::conformance::cases::{self, Case, Family};
use crate::conformance::decorators::Bare;
use crate::conformance::oracle;
use crate::conformance::tolerance::{Expected, expected, is_whole};

use super::{each, on};

/// Entries per row, in turn: below, at and above the width of lanes, and more than there are rows.
fn k_of(case: &Case) -> usize {
    [1, 2, 3, 5, 8, 16, 33][case.seed as usize % 7]
}

fn empty<B: Alloc>(bed: &Bed<'_, B>, k: usize) -> Entries<B::Elem> {
    Entries::empty(bed.x_rows(), k, &bed.scene.x_range)
}

fn found<B: Alloc>(bed: &Bed<'_, B>, k: usize) -> Entries<B::Elem> {
    empty(bed, k).fold(bed.b, [bed.pairs()])
}

/// `nearest` is the k first by (distance, row) of exactly the numbers that `distances` gives,
/// under absolute row numbers; what is outside x's range stays (semantics 2, 3, 9).
pub fn nearest_is_the_fold_of_the_distances<B: Alloc>(b: &B) {
    each(b, |bed| {
        let k = k_of(&bed.scene.case);
        let mut expected = empty(bed, k).pairs();
        oracle::nearest(&bed.table(), k, &mut expected);
        assert_eq!(found(bed, k).pairs(), expected, "k = {k}: {:?}", bed.scene.case);
    });
}

/// The same with the largest k that every backend accepts.
pub fn nearest_takes_the_largest_k<B: Alloc>(b: &B) {
    let wide = |case: &Case| matches!(case.family, Family::Lattice) && case.m > 60;
    on(b, cases::all().filter(wide), |bed| {
        let mut expected = empty(bed, MAX_NEIGHBORS).pairs();
        oracle::nearest(&bed.table(), MAX_NEIGHBORS, &mut expected);
        assert_eq!(found(bed, MAX_NEIGHBORS).pairs(), expected, "{:?}", bed.scene.case);
    });
}

/// On small integers the rows found are the oracle's, ties and all; on other numbers the p-th
/// neighbour's true distance is the oracle's p-th within the bound (semantics 3, 9).
pub fn nearest_agrees_with_the_oracle<B: Alloc>(b: &B) {
    each(b, |bed| {
        let k = k_of(&bed.scene.case);
        let found = found(bed, k).pairs();
        let exact = is_whole(bed.scene.case.metric);
        if exact && bed.scene.case.family == Family::Lattice {
            let mut truth = empty(bed, k).pairs();
            oracle::nearest(&oracle::Table::truth(&bed.scene), k, &mut truth);
            assert_eq!(found, truth, "{:?}", bed.scene.case);
        }
        for i in bed.scene.x_range.clone() {
            agrees(bed, i, &found[i * k..(i + 1) * k]);
        }
    });
}

/// Compares the entries of row `i` with the true distances, rank by rank.
fn agrees<B: Alloc>(bed: &Bed<'_, B>, i: usize, found: &[(f64, u32)]) {
    let (scene, case) = (&bed.scene, &bed.scene.case);
    let model = |j: usize| expected(case.metric, scene.x_row(i), scene.y_row(j));
    let mut truths = Vec::new();
    for j in scene.y_range.clone().filter(|&j| scene.visits(i, j)) {
        match model(j) {
            Expected::Near { truth, bound } => truths.push((truth, bound)),
            Expected::NotFinite => {}
            Expected::Anything => return,
        }
    }
    truths.sort_by(|a, b| a.0.total_cmp(&b.0));
    let held = found.iter().filter(|e| e.1 != NONE).count();
    assert_eq!(held, truths.len().min(found.len()), "row {i}: {case:?}");
    for (rank, ((_, j), (truth, bound))) in found.iter().zip(&truths).enumerate() {
        let Expected::Near { truth: own, bound: slack } = model(*j as usize) else {
            panic!("row {i} found row {j}, whose distance is not finite: {case:?}");
        };
        let near = (own - truth).abs() <= 2.01 * (bound + slack);
        assert!(near, "row {i}, rank {rank}: {own:e} for {truth:e} ± {bound:e}: {case:?}");
    }
}

/// Any partition of the pairs, in any order of calls, gives the bits of one call (semantics 1).
pub fn nearest_splits<B: Alloc>(b: &B) {
    each(b, |bed| {
        let empty = empty(bed, k_of(&bed.scene.case));
        let whole = empty.fold(b, [bed.pairs()]).bits();
        for (turn, cut) in bed.cuts().into_iter().enumerate() {
            assert_eq!(empty.fold(b, cut).bits(), whole, "cut {turn}: {:?}", bed.scene.case);
        }
    });
}

/// Folding the same pairs again enters nothing twice.
pub fn nearest_again_changes_nothing<B: Alloc>(b: &B) {
    each(b, |bed| {
        let once = found(bed, k_of(&bed.scene.case));
        let again = once.fold(b, [bed.pairs()]);
        assert_eq!(again.bits(), once.bits(), "{:?}", bed.scene.case);
        let parts = once.fold(b, bed.narrowed());
        assert_eq!(parts.bits(), once.bits(), "in parts: {:?}", bed.scene.case);
    });
}

/// The k nearest are the first k of the 10k nearest.
pub fn nearest_of_few_is_the_start_of_nearest_of_many<B: Alloc>(b: &B) {
    each(b, |bed| {
        let k = k_of(&bed.scene.case).min(MAX_NEIGHBORS / 10);
        let (few, many) = (found(bed, k).pairs(), found(bed, 10 * k).pairs());
        for i in bed.scene.x_range.clone() {
            let (few, many) = (&few[i * k..][..k], &many[i * 10 * k..][..k]);
            assert_eq!(few, many, "row {i}, k = {k}: {:?}", bed.scene.case);
        }
    });
}

/// Among equals the lower row wins, whatever tile or call it comes in: here all rows are equal.
pub fn nearest_gives_ties_to_the_lower_row<B: Alloc>(b: &B) {
    let equal = cases::of(Family::Scaled(0.0)).filter(|c| c.m > 0);
    on(b, equal, |bed| {
        let (k, case) = (3, &bed.scene.case);
        for cut in bed.cuts() {
            let found = empty(bed, k).fold(b, cut);
            for i in bed.scene.x_range.clone() {
                let visited = bed.scene.y_range.clone().filter(|&j| bed.scene.visits(i, j));
                let lowest = visited.map(|j| j as u32).chain([NONE; 3]).take(k);
                assert!(lowest.eq(found.index[i * k..][..k].iter().copied()), "{i}: {case:?}");
            }
        }
    });
}

/// The override gives the bits of the provided body.
pub fn nearest_equals_the_provided_body<B: Alloc>(b: &B) {
    each(b, |bed| {
        let empty = empty(bed, k_of(&bed.scene.case));
        let provided = empty.fold(&Bare(b.clone()), [bed.pairs()]);
        assert_eq!(empty.fold(b, [bed.pairs()]).bits(), provided.bits(), "{:?}", bed.scene.case);
    });
}
