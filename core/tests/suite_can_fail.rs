//! The suite can fail: one planted mistake at a time, and a law that notices it.
#![cfg(feature = "conformance")]

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytemuck::Pod;
use enfold_core::conformance::laws;
use enfold_core::distance::{distance, dot};
use enfold_core::{Alloc, Backend, Metric, Nearest, Pairs, Rows, Sums, Visit, host};

/// Mistakes that backends make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    /// None: the control.
    None,
    /// `<=` where `<` keeps the lower row.
    TieToTheHigherRow,
    /// Entries are not looked up before they are entered.
    EntersTwice,
    /// Row numbers count from the start of the range.
    RelativeRows,
    /// The whole output is set up, not only x's range.
    ResetsAllRows,
    /// The last row of a rectangle is left out where it has many.
    DropsLastOfBlock,
    /// NaN and ∞ count as 0.
    NanIsZero,
    /// ‖x‖² + ‖y‖² − 2xy, as it comes.
    ExpandedForm,
    /// Fast code for whole tiles adds in another order than the code for the rest.
    OrderByTile,
    /// Correlation of the rows as they stand, without their means.
    NotCentred,
    /// 0/0 where both coordinates are zero.
    ZeroOverZero,
    /// The spherical law of cosines, which loses near points.
    LawOfCosines,
    /// Powers are added up and no root is taken.
    NoRoot,
    /// A metric that the backend does not know is taken for squares.
    UnknownIsSquares,
    /// Distances are written for every pair.
    WritesUnvisited,
    /// NaN passes `!(d > radius)`.
    NanIsWithin,
    /// `<` where the radius belongs to the ball.
    OpenBall,
    /// Counts are set, not added.
    CountsAnew,
    /// The larger root wins.
    LargerRoot,
    /// Running sums in f32.
    F32Counter,
    /// Every second call adds something.
    Unsteady,
    /// Weights are not looked at.
    IgnoresWeights,
    /// Offsets are cut off, not rounded.
    Truncates,
    /// New memory holds what it held.
    DirtyMemory,
    /// Copies one element too few.
    ShortCopy,
    /// What changed is set, not added.
    ForgetsTheCount,
    /// Of several buffers the first is read.
    ReadsTheFirst,
    EveryOtherJob,
    FirstJobOnly,
}

/// A backend over slices with one mistake.
#[derive(Debug, Clone)]
struct Planted(Bug, Arc<AtomicUsize>);

type Fine = Result<(), Infallible>;

impl Planted {
    fn new(bug: Bug) -> Self {
        Self(bug, Arc::default())
    }

    fn has(&self, bug: Bug) -> bool {
        self.0 == bug
    }

    fn distance(&self, metric: Metric, x: &[f32], y: &[f32], together: usize) -> f32 {
        let clean = |v: &[f32]| -> Vec<f32> {
            v.iter().map(|v| if v.is_finite() { *v } else { 0.0 }).collect()
        };
        match (self.0, metric) {
            (Bug::NanIsZero, _) => distance(metric, &clean(x), &clean(y)),
            (Bug::ExpandedForm, Metric::SqEuclidean) => dot(x, x) + dot(y, y) - 2.0 * dot(x, y),
            (Bug::OrderByTile, Metric::Manhattan) if together > 1 => {
                x.iter().zip(y).map(|(a, b)| (a - b).abs()).sum()
            }
            (Bug::NotCentred, Metric::Correlation) => distance(Metric::Cosine, x, y),
            (Bug::ZeroOverZero, Metric::Canberra) => {
                x.iter().zip(y).map(|(a, b)| (a - b).abs() / (a.abs() + b.abs())).sum()
            }
            (Bug::LawOfCosines, Metric::Haversine) => {
                let turn = (x[1] - y[1]).cos();
                (x[0].sin() * y[0].sin() + x[0].cos() * y[0].cos() * turn).clamp(-1.0, 1.0).acos()
            }
            (Bug::NoRoot, Metric::Minkowski(power)) => {
                let p = power.get() as f32;
                x.iter().zip(y).map(|(a, b)| (a - b).abs().powf(p)).sum()
            }
            (Bug::UnknownIsSquares, Metric::Hamming | Metric::Jaccard) => {
                distance(Metric::SqEuclidean, x, y)
            }
            _ => distance(metric, x, y),
        }
    }

    /// Calls `fold(i, j, d)` for each visited pair.
    fn visit(&self, pairs: Pairs<'_, [f32]>, mut fold: impl FnMut(usize, usize, f32)) {
        let off = matches!(pairs.visited(), Visit::OffDiagonal);
        for block in pairs.rectangles() {
            for i in block.x.0 as usize..block.x.1 as usize {
                let mut end = block.y.1 as usize;
                if self.has(Bug::DropsLastOfBlock) && end - block.y.0 as usize > 30 {
                    end -= 1;
                }
                for j in (block.y.0 as usize..end).filter(|&j| i != j || !off) {
                    fold(i, j, distance(pairs.metric(), pairs.x().row(i), pairs.y().row(j)));
                }
            }
        }
    }

    /// Enters one pair into the entries of a row.
    fn enter(&self, dist: &mut [f32], index: &mut [u32], (d, j): (f32, u32)) {
        let known = dist.iter().zip(&*index).any(|(a, b)| *a == d && *b == j);
        if !d.is_finite() || (known && !self.has(Bug::EntersTwice)) {
            return;
        }
        let higher = self.has(Bug::TieToTheHigherRow);
        let before = |at: usize| {
            if higher { d <= dist[at] } else { d < dist[at] || (d == dist[at] && j < index[at]) }
        };
        if let Some(at) = (0..dist.len()).find(|&at| before(at)) {
            dist[at..].rotate_right(1);
            index[at..].rotate_right(1);
            (dist[at], index[at]) = (d, j);
        }
    }
}

impl Backend for Planted {
    type Elem = f32;
    type Error = Infallible;
    type Buf<T: Pod> = [T];

    fn len<T: Pod>(buf: &[T]) -> usize {
        buf.len()
    }

    fn write<T: Pod>(&self, dst: &mut [T], at: usize, src: &[T]) -> Fine {
        dst[at..at + src.len()].copy_from_slice(src);
        Ok(())
    }

    fn read<T: Pod>(&self, src: &[T], at: usize, dst: &mut [T]) -> Fine {
        dst.copy_from_slice(&src[at..at + dst.len()]);
        Ok(())
    }

    fn distances(&self, pairs: Pairs<'_, [f32]>, out: &mut [f32]) -> Fine {
        let (x, y) = (pairs.x(), pairs.y());
        let off = matches!(pairs.visited(), Visit::OffDiagonal);
        let all = if self.has(Bug::WritesUnvisited) { pairs.visit(Visit::All) } else { Ok(pairs) };
        for block in all.expect("the same rows").rectangles() {
            for i in block.x.0 as usize..block.x.1 as usize {
                for j in block.y.0 as usize..block.y.1 as usize {
                    if i != j || !off {
                        out[(i - x.start()) * y.len() + j - y.start()] =
                            self.distance(pairs.metric(), x.row(i), y.row(j), y.len());
                    }
                }
            }
        }
        Ok(())
    }

    fn nearest(&self, pairs: Pairs<'_, [f32]>, best: Nearest<'_, [f32], [u32]>) -> Fine {
        let own = [
            Bug::TieToTheHigherRow,
            Bug::EntersTwice,
            Bug::RelativeRows,
            Bug::ResetsAllRows,
            Bug::DropsLastOfBlock,
        ];
        if self.0 != Bug::None && !own.contains(&self.0) {
            return host::nearest(self, pairs, best);
        }
        let Nearest { k, dist, index } = best;
        if self.has(Bug::ResetsAllRows) {
            let outside = |at: &usize| !(pairs.x().start()..pairs.x().end()).contains(&(at / k));
            (0..dist.len()).filter(outside).for_each(|at| dist[at] = f32::INFINITY);
        }
        let first = if self.has(Bug::RelativeRows) { pairs.y().start() } else { 0 };
        self.visit(pairs, |i, j, d| {
            let row = i * k..i * k + k;
            self.enter(&mut dist[row.clone()], &mut index[row], (d, (j - first) as u32));
        });
        Ok(())
    }

    fn count_within(
        &self,
        pairs: Pairs<'_, [f32]>,
        radii: &[f32],
        k: usize,
        counts: &mut [u32],
    ) -> Fine {
        if self.has(Bug::CountsAnew) {
            counts[pairs.x().start() * k..pairs.x().end() * k].fill(0);
        }
        self.visit(pairs, |i, _, d| {
            for at in i * k..i * k + k {
                let within = match self.0 {
                    Bug::NanIsWithin => {
                        d.partial_cmp(&radii[at]) != Some(std::cmp::Ordering::Greater)
                    }
                    Bug::OpenBall => d < radii[at],
                    _ => host::within(d, radii[at]),
                };
                counts[at] += u32::from(within);
            }
        });
        Ok(())
    }

    fn join_within(
        &self,
        pairs: Pairs<'_, [f32]>,
        radius: f32,
        member: &[u32],
        parent: &mut [u32],
    ) -> Fine {
        if !self.has(Bug::LargerRoot) {
            return host::join_within(self, pairs, radius, member, parent);
        }
        let root = |parent: &[u32], mut i: usize| {
            while parent[i] as usize != i {
                i = parent[i] as usize;
            }
            i
        };
        self.visit(pairs, |i, j, d| {
            if member[i] != 0 && member[j] != 0 && host::within(d, radius) {
                let (a, b) = (root(parent, i), root(parent, j));
                parent[a.min(b)] = a.max(b) as u32;
            }
        });
        Ok(())
    }

    fn sum_by_label(
        &self,
        pairs: Pairs<'_, [f32]>,
        labels: &[u32],
        k: usize,
        sums: &mut [f32],
    ) -> Fine {
        if self.has(Bug::F32Counter) {
            let first = pairs.x().start();
            self.visit(pairs, |i, j, d| {
                if labels[j] != enfold_core::NONE && d.is_finite() {
                    sums[(i - first) * k + labels[j] as usize] += d;
                }
            });
            return Ok(());
        }
        host::sum_by_label(self, pairs, labels, k, sums)?;
        if self.has(Bug::Unsteady) && self.1.fetch_add(1, Relaxed) % 2 == 1 {
            sums.iter_mut().for_each(|s| *s *= 1.0 + f32::EPSILON);
        }
        Ok(())
    }

    fn accumulate(
        &self,
        x: Rows<'_, [f32]>,
        labels: &[u32],
        weights: Option<&[f32]>,
        origins: Rows<'_, [f32]>,
        scale: f32,
        into: Sums<'_, Self>,
    ) -> Fine {
        let weights = if self.has(Bug::IgnoresWeights) { None } else { weights };
        if !self.has(Bug::Truncates) {
            return host::accumulate(self, x, labels, weights, origins, scale, into);
        }
        let whole: Vec<f32> = x.data().iter().map(|v| (v * scale).trunc() / scale).collect();
        let rows = Rows::new(&whole[..], x.dim()).and_then(|r| r.range(x.start(), x.end()));
        host::accumulate(self, rows.expect("the same shape"), labels, weights, origins, scale, into)
    }

    fn sums(
        &self,
        values: &[f32],
        weights: Option<&[f32]>,
        len: usize,
        chunk: usize,
        out: &mut [f64],
    ) -> Fine {
        if !self.has(Bug::F32Counter) {
            return host::sums(self, values, weights, len, chunk, out);
        }
        for (c, out) in out.iter_mut().enumerate() {
            let term = |i: usize| values[i] * weights.map_or(1.0, |w| w[i]);
            *out = f64::from((c * chunk..len.min((c + 1) * chunk)).map(term).sum::<f32>());
        }
        Ok(())
    }

    fn count_changed(&self, a: &[u32], b: &[u32], len: usize, count: &mut [i64]) -> Fine {
        if self.has(Bug::ForgetsTheCount) {
            count[0] = 0;
        }
        host::count_changed(self, a, b, len, count)
    }

    fn read_all<T: Pod>(&self, parts: &mut [(&[T], &mut [T])]) -> Fine {
        let most = if self.has(Bug::ReadsTheFirst) { 1 } else { parts.len() };
        parts.iter_mut().take(most).try_for_each(|(src, dst)| self.read(src, 0, dst))
    }

    fn each<J>(&self, jobs: impl Iterator<Item = J> + Send, work: impl Fn(J) + Sync) {
        jobs.step_by(1 + usize::from(self.has(Bug::EveryOtherJob))).for_each(work);
    }

    fn each_with<J>(&self, jobs: impl Iterator<Item = J> + Send, work: impl Fn(&Self, J) + Sync) {
        let most = if self.has(Bug::FirstJobOnly) { 1 } else { usize::MAX };
        jobs.take(most).for_each(|job| work(self, job));
    }

    fn copy(&self, src: &[f32], from: usize, dst: &mut [f32], to: usize, len: usize) -> Fine {
        let len = if self.has(Bug::ShortCopy) { len.saturating_sub(1) } else { len };
        host::copy(self, src, from, dst, to, len)
    }
}

impl Alloc for Planted {
    type Owned<T: Pod> = Vec<T>;

    fn alloc<T: Pod>(&self, len: usize) -> Result<Vec<T>, Infallible> {
        let mut new = vec![T::zeroed(); len];
        if self.has(Bug::DirtyMemory) {
            bytemuck::cast_slice_mut::<T, u8>(&mut new).fill(0xA5);
        }
        Ok(new)
    }
}

/// The law holds without the mistake, and names it when it is there.
fn notices(bug: Bug, law: fn(&Planted)) {
    law(&Planted::new(Bug::None));
    let verdict = catch_unwind(AssertUnwindSafe(|| law(&Planted::new(bug))));
    assert!(verdict.is_err(), "the law did not notice {bug:?}");
}

/// One test per mistake and law.
macro_rules! noticed {
    ($($test:ident: $bug:ident by $($law:ident),+;)*) => {
        $(
            #[test]
            fn $test() {
                $(notices(Bug::$bug, laws::$law);)+
            }
        )*
    };
}

noticed! {
    ties_to_the_higher_row: TieToTheHigherRow by nearest_gives_ties_to_the_lower_row,
        nearest_is_the_fold_of_the_distances, nearest_agrees_with_the_oracle, nearest_splits;
    duplicate_entries: EntersTwice by nearest_again_changes_nothing;
    relative_row_numbers: RelativeRows by nearest_is_the_fold_of_the_distances,
        nearest_agrees_with_the_oracle, nearest_gives_ties_to_the_lower_row;
    outputs_of_other_rows: ResetsAllRows by nearest_is_the_fold_of_the_distances,
        nearest_equals_the_provided_body;
    off_by_one_in_a_block: DropsLastOfBlock by nearest_splits,
        nearest_is_the_fold_of_the_distances, count_within_is_the_fold_of_the_distances;
    nan_taken_for_zero: NanIsZero by distances_are_accurate,
        rows_that_are_not_finite_have_no_neighbours, ieee_distances_are_the_definition;
    expanded_form: ExpandedForm by distances_are_accurate_far_off_centre, distances_are_accurate,
        distances_are_symmetric_and_never_negative;
    two_orders_of_addition: OrderByTile by a_pair_has_one_distance;
    correlation_without_means: NotCentred by distances_are_accurate,
        distances_are_accurate_far_off_centre;
    zero_over_zero: ZeroOverZero by distances_are_accurate, nearest_agrees_with_the_oracle;
    law_of_cosines: LawOfCosines by distances_are_accurate;
    powers_without_a_root: NoRoot by distances_are_accurate, nearest_agrees_with_the_oracle;
    unknown_metrics_are_squares: UnknownIsSquares by distances_are_accurate,
        ieee_distances_are_the_definition;
    unvisited_pairs_written: WritesUnvisited by distances_write_only_what_is_visited;
    nan_within_a_radius: NanIsWithin by count_within_is_the_fold_of_the_distances,
        rows_that_are_not_finite_have_no_neighbours;
    open_ball: OpenBall by count_within_is_the_fold_of_the_distances,
        count_within_splits_and_equals_the_provided_body;
    counts_that_start_anew: CountsAnew by count_within_is_the_fold_of_the_distances,
        count_within_splits_and_equals_the_provided_body;
    larger_root: LargerRoot by join_within_is_the_fold_of_the_distances;
    f32_counter: F32Counter by sums_go_on_past_what_f32_counts,
        sum_by_label_goes_on_past_what_f32_counts, sums_are_sums_of_chunks;
    other_bits_each_time: Unsteady by every_fold_is_repeatable;
    weights_ignored: IgnoresWeights by accumulate_is_exact;
    offsets_cut_off: Truncates by accumulate_is_exact;
    memory_not_cleared: DirtyMemory by new_buffers_hold_zeros;
    short_copy: ShortCopy by copy_and_fill_do_what_they_say;
    count_set_anew: ForgetsTheCount by count_changed_counts_positions_that_differ;
    every_other_job: EveryOtherJob by each_does_every_job_once;
    first_job_only: FirstJobOnly by each_does_every_job_once;
    first_of_several: ReadsTheFirst by read_all_reads_each_from_its_start;
}
