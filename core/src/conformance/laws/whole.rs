//! Laws of all folds together: repeatable, empty sides, rows that are not finite.

use std::vec;
use std::vec::Vec;

use num_traits::{Float, Zero};

use crate::backend::{Alloc, NONE};
use crate::conformance::bed::{
    Bed, Entries, bits, count_within, join_within, lowest_within, sum_by_label,
};
use crate::conformance::cases::{self, Case, Family};
use crate::conformance::decorators::Bare;

use super::{each, on};

/// What every fold over pairs gives for a case, as bits.
#[derive(Debug, PartialEq, Eq)]
struct Answers {
    nearest: (Vec<u64>, Vec<u32>),
    counts: Vec<u32>,
    lowest: Vec<u32>,
    sums: Vec<u64>,
    parent: Vec<u32>,
}

/// Runs every fold with one radius.
fn answers<B: Alloc>(bed: &Bed<'_, B>, radius: B::Elem) -> Answers {
    let (b, pairs, rows) = (bed.b, bed.pairs(), bed.x_rows());
    let label: Vec<u32> = (0..bed.y_rows() as u32).map(|j| j % 2).collect();
    let itself: Vec<u32> = (0..rows.max(bed.y_rows()) as u32).collect();
    let zeros = vec![B::Elem::zero(); 2 * pairs.x().len()];
    let parent = if bed.scene.case.shared {
        join_within(b, [pairs], radius, &vec![1; itself.len()], &itself)
    } else {
        itself
    };
    Answers {
        nearest: Entries::empty(rows, 4, &bed.scene.x_range).fold(b, [pairs]).bits(),
        counts: count_within(b, [pairs], &vec![radius; rows], 1, &vec![0; rows]),
        lowest: lowest_within(b, [pairs], radius, &label, &vec![NONE; rows]),
        sums: bits(&sum_by_label(b, [pairs], &label, 2, &zeros)),
        parent,
    }
}

/// The same call on the same input gives the same bits (semantics 8).
pub fn every_fold_is_repeatable<B: Alloc>(b: &B) {
    each(b, |bed| {
        let radius = bed.radius(&bed.table(), 2);
        let (once, again) = (answers(bed, radius), answers(bed, radius));
        let case = &bed.scene.case;
        assert_eq!(once.nearest, again.nearest, "nearest: {case:?}");
        assert_eq!(once.counts, again.counts, "count_within: {case:?}");
        assert_eq!(once.lowest, again.lowest, "lowest_within: {case:?}");
        assert_eq!(once.sums, again.sums, "sum_by_label: {case:?}");
        assert_eq!(once.parent, again.parent, "join_within: {case:?}");
    });
}

/// No rows of x, or none of y, at either end of their buffers: nothing changes.
pub fn empty_sides_change_nothing<B: Alloc>(b: &B) {
    let case = |n, m| Case { n, m, windowed: true, shared: false, ..some_case() };
    let sizes = [(0, 0), (0, 70), (70, 0)];
    on(b, sizes.into_iter().map(|(n, m)| case(n, m)), |bed| {
        let found = answers(bed, B::Elem::infinity());
        let (rows, range) = (bed.x_rows(), &bed.scene.x_range);
        assert_eq!(found.nearest, Entries::<B::Elem>::empty(rows, 4, range).bits());
        assert_eq!(found.counts, vec![0; rows]);
        assert_eq!(found.lowest, vec![NONE; rows]);
        assert_eq!(found.sums, vec![0; 2 * range.len()]);
        assert_eq!(bed.distances(bed.pairs()).len(), 0);
    });
}

fn some_case() -> Case {
    let plain = |c: &Case| c.visiting == cases::Visiting::All && c.dim == 3;
    cases::of(Family::Uniform).find(plain).unwrap_or_else(|| unreachable!("a plain case"))
}

/// A row with NaN, ∞ or an overflowing square is nobody's neighbour and finds none, in every
/// fold, even with an infinite radius (semantics 4).
pub fn rows_that_are_not_finite_have_no_neighbours<B: Alloc>(b: &B) {
    on(b, cases::of(Family::NotFinite), |bed| {
        let (scene, found) = (&bed.scene, answers(bed, B::Elem::infinity()));
        let bad = |row: &[B::Elem]| !row.iter().all(|v| v.is_finite());
        for i in scene.x_range.clone().filter(|&i| bad(scene.x_row(i))) {
            assert_eq!(found.nearest.1[4 * i..][..4], [NONE; 4], "row {i}: {:?}", scene.case);
            assert_eq!(found.counts[i], 0, "row {i}: {:?}", scene.case);
            assert_eq!(found.lowest[i], NONE, "row {i}: {:?}", scene.case);
            let sums = &found.sums[2 * (i - scene.x_range.start)..][..2];
            assert_eq!(sums, [0, 0], "row {i}: {:?}", scene.case);
            assert_eq!(found.parent[i], i as u32, "row {i}: {:?}", scene.case);
        }
        let inside = scene.x_range.start * 4..scene.x_range.end * 4;
        for &j in found.nearest.1[inside].iter().filter(|j| **j != NONE) {
            assert!(!bad(scene.y_row(j as usize)), "found row {j}: {:?}", scene.case);
        }
    });
}

/// All folds at once against the provided bodies, on the cases of every family.
pub fn every_fold_equals_the_provided_body<B: Alloc>(b: &B) {
    let bare = Bare(b.clone());
    for family in Family::ALL {
        on(b, cases::of(family), |bed| {
            let radius = bed.radius(&bed.table(), 3);
            let provided = answers(&Bed::of(&bare, bed.scene.clone()), radius);
            let (found, case) = (answers(bed, radius), &bed.scene.case);
            assert_eq!(found.nearest, provided.nearest, "nearest: {case:?}");
            assert_eq!(found.counts, provided.counts, "count_within: {case:?}");
            assert_eq!(found.lowest, provided.lowest, "lowest_within: {case:?}");
        });
    }
}
