//! Laws of `distances`: accuracy, one distance, what is left alone.

use crate::backend::Alloc;
use crate::conformance::bed::{Bed, bits};
use crate::conformance::cases::{self, Family, Scene};
use crate::conformance::tolerance::{Expected, expected, is_whole};
use crate::distance::distance;
use crate::element::Element;
use crate::rows::Visit;

use super::{each, on};

/// Every distance is within the error model's bound of the true one; NaN, ∞ and overflow give a
/// number that is not finite (semantics 4, 9).
pub fn distances_are_accurate<B: Alloc>(b: &B) {
    each(b, accurate);
}

/// Accuracy where it is hardest: data whose mean is 1e3, 1e4, 1e5 times their spread. The
/// expanded form `‖x‖² + ‖y‖² − 2xy` does not pass.
pub fn distances_are_accurate_far_off_centre<B: Alloc>(b: &B) {
    for offset in [1e3, 1e4, 1e5] {
        on(b, cases::of(Family::OffCentre(offset)), accurate);
    }
}

fn accurate<B: Alloc>(bed: &Bed<'_, B>) {
    let (scene, table) = (&bed.scene, bed.table());
    for (at, cell) in table.cells.iter().enumerate() {
        let (i, j) = (table.x.start + at / table.y.len(), table.y.start + at % table.y.len());
        let Some(found) = *cell else { continue };
        let model = expected(scene.case.metric, scene.x_row(i), scene.y_row(j));
        assert!(model.admits(found), "d({i}, {j}) = {found:e}, {model:?}: {:?}", scene.case);
    }
}

/// Sums of small integers are exact, and so is their distance.
pub fn lattice_distances_are_exact<B: Alloc>(b: &B) {
    let exact = |c: &cases::Case| is_whole(c.metric);
    on(b, cases::of(Family::Lattice).filter(exact), |bed| {
        for (i, j, found) in cells(bed) {
            let (x, y) = (bed.scene.x_row(i), bed.scene.y_row(j));
            let Expected::Near { truth, .. } = expected(bed.scene.case.metric, x, y) else {
                continue;
            };
            assert_eq!(found, truth, "d({i}, {j}): {:?}", bed.scene.case);
        }
    });
}

/// The visited cells of a bed with their row numbers.
fn cells<B: Alloc>(bed: &Bed<'_, B>) -> impl Iterator<Item = (usize, usize, f64)> + use<B> {
    let table = bed.table();
    let (x, y) = (table.x.start, table.y.clone());
    let named = move |(at, cell): (usize, Option<f64>)| {
        cell.map(|d| (x + at / y.len(), y.start + at % y.len(), d))
    };
    table.cells.into_iter().enumerate().filter_map(named)
}

/// The distance of a pair is one number: the same bits alone, in its row, in its column, in any
/// rectangle and visit (semantics 9).
pub fn a_pair_has_one_distance<B: Alloc>(b: &B) {
    each(b, |bed| {
        let (x, y) = (bed.scene.x_range.clone(), bed.scene.y_range.clone());
        let whole = bits(&bed.distances(bed.part(x.clone(), y.clone(), Visit::All)));
        let at = |i: usize, j: usize| whole[(i - x.start) * y.len() + j - y.start];
        let stride = (x.len() * y.len() / 40).max(1);
        for (i, j) in (0..x.len() * y.len()).step_by(stride).map(|p| (p / y.len(), p % y.len())) {
            let (i, j) = (x.start + i, y.start + j);
            let end = (j + 1 + i % 19).min(y.end);
            let alone = bits(&bed.distances(bed.part(i..i + 1, j..j + 1, Visit::All)));
            let tile = bits(&bed.distances(bed.part(i..i + 1, j..end, Visit::All)));
            assert_eq!(alone, [at(i, j)], "d({i}, {j}) alone: {:?}", bed.scene.case);
            assert_eq!(tile[0], at(i, j), "d({i}, {j}) in a tile: {:?}", bed.scene.case);
        }
        for part in bed.narrowed() {
            let found = bits(&bed.distances(part));
            for (p, found) in found.into_iter().enumerate() {
                let (i, j) = (part.x().start() + p / part.y().len(), p % part.y().len());
                let j = part.y().start() + j;
                let left_out = i == j && matches!(part.visited(), Visit::OffDiagonal);
                let same = left_out || found == at(i, j);
                assert!(same, "d({i}, {j}) in a rectangle: {:?}", bed.scene.case);
            }
        }
    });
}

/// A pair that the visit leaves out is not written; one that it meets is the same number as
/// without the visit (semantics 1, 2).
pub fn distances_write_only_what_is_visited<B: Alloc>(b: &B) {
    each(b, |bed| {
        let (x, y) = (bed.scene.x_range.clone(), bed.scene.y_range.clone());
        let whole = bits(&bed.distances(bed.part(x.clone(), y.clone(), Visit::All)));
        let found = bits(&bed.distances(bed.pairs()));
        let mark = bits(&[-B::Elem::of_f64(1.0)])[0];
        for (at, (found, whole)) in found.into_iter().zip(whole).enumerate() {
            let (i, j) = (x.start + at / y.len(), y.start + at % y.len());
            let expected = if bed.scene.visits(i, j) { whole } else { mark };
            assert_eq!(found, expected, "d({i}, {j}): {:?}", bed.scene.case);
        }
    });
}

/// d(x, x) = 0, d(x, y) = d(y, x) to the bit, and no distance is negative.
pub fn distances_are_symmetric_and_never_negative<B: Alloc>(b: &B) {
    let shared = cases::all().map(|case| cases::Case { shared: true, m: case.n, ..case });
    on(b, shared.filter(|case| case.n < 130), |bed| {
        let rows = bed.scene.x_range.clone();
        let d = bed.distances(bed.part(rows.clone(), rows.clone(), Visit::All));
        let (n, code) = (rows.len(), bits(&d));
        for (i, j) in (0..n * n).map(|at| (at / n, at % n)) {
            let (found, case) = (d[i * n + j].as_f64(), &bed.scene.case);
            assert_eq!(code[i * n + j], code[j * n + i], "d({i}, {j}) ≠ d({j}, {i}): {case:?}");
            assert!(found.is_nan() || found >= 0.0, "d({i}, {j}) = {found}: {case:?}");
            let finite = bed.scene.x_row(rows.start + i).iter().all(|v| v.abs2() < BIG);
            assert!(i != j || !finite || found == 0.0, "d({i}, {i}) = {found}: {case:?}");
        }
    });
}

/// Rows whose squares stay below this cannot overflow.
const BIG: f64 = 1e37 / 257.0;

trait Square {
    fn abs2(self) -> f64;
}

impl<T: Element> Square for T {
    fn abs2(self) -> f64 {
        let value = self.as_f64();
        if value.is_finite() { value * value } else { f64::INFINITY }
    }
}

/// A machine with IEEE arithmetic gives, bit for bit, the number of
/// [`distance`](crate::distance::distance). Not asked of others.
pub fn ieee_distances_are_the_definition<B: Alloc>(b: &B) {
    each(b, |bed| {
        let scene: &Scene<B::Elem> = &bed.scene;
        for (i, j, found) in cells(bed) {
            let defined = distance(scene.case.metric, scene.x_row(i), scene.y_row(j));
            let found = B::Elem::of_f64(found);
            assert_eq!(bits(&[found]), bits(&[defined]), "d({i}, {j}): {:?}", scene.case);
        }
    });
}
