//! Lists by the matrix unit.

use core::ops::Range;

use enfold_core::{Block, Metric, Pairs};

use super::Best;
use crate::direct;
use crate::filter::{self, Which};
use crate::isa::{Isa, Native};
use crate::lanes::Lanes;
use crate::lanes::amx::Amx;
use crate::matrix::lowest::Lowest;
use crate::matrix::{self, Judge, Panel, Sweep};
use crate::sweep::{self, Job};
use crate::threads;

/// Multiply-adds of the unit in the time of one of the vectors, about.
const SPEED: usize = 8;
/// Of narrower rows, the nearest alone is found as fast by the vectors.
pub(super) const LEAST_DIM: usize = 48;
/// A row of y is worth packing if it meets so many rows of x.
const WORTH: u64 = 32;

/// As [`nearest`](super::nearest), where the unit pays; where it does not, false, and nothing is done.
///
/// Rows of y are packed once for all rectangles, which are parts of the panel.
pub(super) fn nearest<E: Native>(
    (isa, unit): (Isa, Amx),
    pairs: &Pairs<'_, [E]>,
    k: usize,
    (dist, index): (&mut [E], &mut [u32]),
) -> bool {
    let listed = || pairs.rectangles().filter(|b| b.x.0 < b.x.1 && b.y.0 < b.y.1);
    let visited: u64 = listed().map(sweep::area).sum();
    let first = listed().map(|b| b.y.0).min().unwrap_or(0);
    let last = listed().map(|b| b.y.1).max().unwrap_or(0);
    if visited < WORTH * u64::from(last - first).max(WORTH) {
        return false;
    }
    let blocks: Vec<Block> = listed().collect();
    let x = pairs.x().start()..pairs.x().end();
    let work = visited as usize / x.len() * pairs.dim() / SPEED;
    let step = matrix::rows_of_panel(pairs.dim());
    for start in (first as usize..last as usize).step_by(step) {
        let rows = start..(start + step).min(last as usize);
        let job = Job::new(pairs, Block { x: (0, 0), y: (0, 0) });
        let Some(job32) = sweep::as_f32(&job) else { return false };
        let panel = matrix::pack(unit, job32.y, rows.clone());
        let out = (&mut *dist, &mut *index);
        threads::rows(x.clone(), work, out, (k, k), |mine, dist, index| {
            for run in blocks.chunk_by(|a, b| a.x == b.x) {
                let others: Vec<Range<usize>> =
                    run.iter().map(|b| common(b.y, &rows)).filter(|r| !r.is_empty()).collect();
                let cut = common(run[0].x, &mine);
                if cut.is_empty() || others.is_empty() {
                    continue;
                }
                let at = (cut.start - mine.start) * k..(cut.end - mine.start) * k;
                let (dist, index) = (&mut dist[at.clone()], &mut index[at]);
                let best = Best { first: cut.start, k, dist, index };
                meet((isa, unit), &job.of_rows(cut), panel.as_ref(), &others, best);
            }
        });
    }
    true
}

/// What a block's range has in common with rows.
fn common((start, end): (u32, u32), rows: &Range<usize>) -> Range<usize> {
    rows.start.max(start as usize)..rows.end.min(end as usize)
}

/// Rows of x against parts of a panel.
fn meet<E: Native>(
    (isa, unit): (Isa, Amx),
    job: &Job<'_, E>,
    panel: Option<&Panel>,
    others: &[Range<usize>],
    best: Best<'_, E>,
) {
    let Best { first, k, dist, index } = best;
    let mut left = matrix::Left::default();
    if let (Some(panel), Some(job), Ok(dist)) =
        (panel, sweep::as_f32(job), bytemuck::try_cast_slice_mut(&mut *dist))
    {
        if k == 1 && !job.off_diagonal && others == [panel.rows.clone()] {
            let index = &mut *index;
            left.direct = f32::enter(isa, Lowest { unit, job: &job, panel, dist, index });
            let mut best = Best { first, k, dist, index };
            return sweep::left_out(isa, &job, &left.direct, &mut best);
        }
        let root = job.metric == Metric::Euclidean;
        let best = Best { first, k, dist, index: &mut *index };
        let mut lists = Lists { job: &job, root, best };
        let (job, patience, judge) = (&job, 16 * k + 256, &mut lists);
        left = f32::enter(isa, Sweep { unit, job, panel, others, patience, judge });
    } else {
        left.blurred.extend(job.rows.start as u32..job.rows.end as u32);
    }
    let mut best = Best { first, k, dist, index };
    for others in others {
        let job = job.with_others(others.clone());
        sweep::left_out(isa, &job, &left.direct, &mut best);
        if !left.blurred.is_empty() {
            again(isa, &job, &left.blurred, &mut best);
        }
    }
}

/// Rows that the unit did not help, by the vectors.
fn again<E: Native>(isa: Isa, job: &Job<'_, E>, rows: &[u32], best: &mut Best<'_, E>) {
    let panel = if filter::pays(job, sweep::MANY) && rows.len() >= 8 {
        E::enter(isa, crate::pack::Pack { y: job.y, rows: job.others.clone() })
    } else {
        None
    };
    match panel {
        Some(panel) => super::filtered::under(isa, job, &panel, Which::List(rows), best),
        None => sweep::left_out(isa, job, rows, best),
    }
}

/// The lists, and the rows they are of.
struct Lists<'a, 'b, 'c> {
    job: &'b Job<'a, f32>,
    root: bool,
    best: Best<'c, f32>,
}

impl Judge for Lists<'_, '_, '_> {
    #[inline(always)]
    fn limit(&self, i: usize) -> f32 {
        self.best.worst(i).0
    }

    #[inline(always)]
    fn judge<L: Lanes<E = f32>, const S: usize, const N: usize>(
        &mut self,
        l: L,
        pairs: [(usize, usize); N],
    ) {
        let xs = pairs.map(|(i, _)| self.job.x.row(i));
        let ys = pairs.map(|(_, j)| self.job.y.row(j));
        let distances = direct::euclidean::<L, S, N>(l, self.root, xs, ys);
        for ((i, j), distance) in pairs.into_iter().zip(distances) {
            self.best.offer(i, (distance, j as u32));
        }
    }
}
