//! Many rectangles: each thread's share of them, and panels of y that all of them use.

use core::ops::Range;

use enfold_core::{Block, Pairs, Visit};

use crate::isa::{Isa, Native};
use crate::sweep::{self, Job, Panel};
use crate::threads;

/// Rectangles of some rows of x.
#[derive(Debug)]
pub(super) struct Share<'a, E> {
    /// Tables, and the rows of x.
    pub(super) job: Job<'a, E>,
    /// Rectangles, to be cut to those rows.
    blocks: &'a [Block],
}

impl<E: enfold_core::Element> Share<'_, E> {
    /// The rectangles as ranges of x and y.
    pub(super) fn rectangles(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let rows = &self.job.rows;
        self.blocks.iter().filter_map(move |block| {
            let x = (block.x.0 as usize).max(rows.start)..(block.x.1 as usize).min(rows.end);
            (!x.is_empty()).then_some((x, block.y.0 as usize..block.y.1 as usize))
        })
    }
}

/// The rectangle of a visit that lists none.
fn all<E>(pairs: &Pairs<'_, [E]>) -> Block {
    let range = |start, end| (start as u32, end as u32);
    Block {
        x: range(pairs.x().start(), pairs.x().end()),
        y: range(pairs.y().start(), pairs.y().end()),
    }
}

/// The blocks that may meet `rows`: fewer where they ascend.
fn meeting<'a>(blocks: &'a [Block], ascend: bool, rows: &Range<usize>) -> &'a [Block] {
    if !ascend {
        return blocks;
    }
    let from = blocks.partition_point(|block| block.x.1 as usize <= rows.start);
    let end = blocks.partition_point(|block| (block.x.0 as usize) < rows.end);
    &blocks[from..end.max(from)]
}

/// Whether blocks ascend in x, as an order lists them.
fn ascend(blocks: &[Block]) -> bool {
    blocks.is_sorted_by(|a, b| a.x.0 <= b.x.0 && a.x.1 <= b.x.1)
}

/// Multiply-adds for a row of x, on average.
fn work<E>(pairs: &Pairs<'_, [E]>, blocks: &[Block]) -> usize {
    let visited: u64 = blocks.iter().copied().map(sweep::area).sum();
    (visited / pairs.x().len().max(1) as u64) as usize * pairs.dim()
}

/// Runs `body` on the rectangles of every chunk of rows with its share of `out`, which holds
/// `per` elements for each row of x.
pub(super) fn each<E: Native, A: Send>(
    pairs: &Pairs<'_, [E]>,
    out: &mut [A],
    per: usize,
    body: impl Fn(Share<'_, E>, &mut [A]) + Sync,
) {
    let whole = [all(pairs)];
    let blocks = if let Visit::Blocks(blocks) = pairs.visited() { blocks } else { &whole };
    let (job, ascend) = (Job::new(pairs, whole[0]), ascend(blocks));
    let rows = job.rows.clone();
    threads::rows(rows, work(pairs, blocks), (out, &mut [(); 0]), (per, 0), |rows, out, _| {
        let blocks = meeting(blocks, ascend, &rows);
        body(Share { job: job.of_rows(rows), blocks }, out);
    });
}

/// Runs `body` on all rectangles, on this thread.
pub(super) fn whole<E: Native>(pairs: &Pairs<'_, [E]>, body: impl FnOnce(Share<'_, E>)) {
    let whole = [all(pairs)];
    let blocks = if let Visit::Blocks(blocks) = pairs.visited() { blocks } else { &whole };
    body(Share { job: Job::new(pairs, whole[0]), blocks });
}

/// Runs `body` on every rectangle and chunk of rows; y is packed once for all rectangles.
pub(super) fn panelled<E: Native, A: Send>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    out: &mut [A],
    per: usize,
    body: impl Fn(Job<'_, E>, Option<&Panel<E>>, &mut [A]) + Sync,
) {
    #[cfg(feature = "std")]
    if let Some(blocks) = shared(pairs) {
        let ascend = ascend(blocks);
        let work = work(pairs, blocks);
        return panels(isa, pairs, blocks, |job, panel| {
            let rows = job.rows.clone();
            threads::rows(rows, work, (&mut *out, &mut [(); 0]), (per, 0), |rows, out, _| {
                let blocks = meeting(blocks, ascend, &rows);
                let share = Share { job: job.of_rows(rows.clone()), blocks };
                for (x, y) in share.rectangles() {
                    let part = (x.start - rows.start) * per..(x.end - rows.start) * per;
                    on_panel(isa, job, (x, y), panel, |job, panel| {
                        body(job, panel, &mut out[part.clone()]);
                    });
                }
            });
        });
    }
    let out = (out, &mut [(); 0][..]);
    let few = Some(sweep::few(pairs.dim()));
    sweep::each(isa, pairs, out, (per, 0), few, |job, panel, out, _| body(job, panel, out));
}

/// Runs `body` on every rectangle, on this thread; y is packed once for all of them.
pub(super) fn in_order<E: Native>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    body: impl FnMut(Job<'_, E>, Option<&Panel<E>>),
) {
    #[cfg(feature = "std")]
    if let Some(blocks) = shared(pairs) {
        let mut body = body;
        return panels(isa, pairs, blocks, |job, panel| {
            let share = Share { job: job.clone(), blocks };
            for (x, y) in share.rectangles() {
                on_panel(isa, job, (x, y), panel, &mut body);
            }
        });
    }
    sweep::in_order(isa, pairs, body);
}

/// The rectangles, where a panel is to be shared between them.
#[cfg(feature = "std")]
fn shared<'a, E: Native>(pairs: &Pairs<'a, [E]>) -> Option<&'a [Block]> {
    let Visit::Blocks(blocks) = pairs.visited() else { return None };
    let few = sweep::few(pairs.dim());
    let pays = crate::filter::pays(&Job::new(pairs, all(pairs)), few);
    (blocks.len() > 1 && pays).then_some(blocks)
}

/// Packs all rows of y that rectangles meet, piece by piece.
#[cfg(feature = "std")]
fn panels<E: Native>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    blocks: &[Block],
    mut body: impl FnMut(&Job<'_, E>, Option<&Panel<E>>),
) {
    let job = Job::new(pairs, all(pairs));
    let start = blocks.iter().map(|block| block.y.0 as usize).min().unwrap_or(0);
    let end = blocks.iter().map(|block| block.y.1 as usize).max().unwrap_or(0);
    let step = crate::pack::rows_of_panel::<E>(job.x.dim).next_multiple_of(threads::STEP);
    for start in (start..end).step_by(step) {
        let part = job.with_others(start..(start + step).min(end));
        let pack = crate::pack::Pack { y: part.y, rows: part.others.clone() };
        body(&part, E::enter(isa, pack).as_ref());
    }
}

/// Runs `body` on what a piece of y, packed or not, holds of a rectangle; on a panel of its own
/// where the groups of rows are cut elsewhere.
#[cfg(feature = "std")]
fn on_panel<E: Native>(
    isa: Isa,
    piece: &Job<'_, E>,
    (x, y): (Range<usize>, Range<usize>),
    panel: Option<&Panel<E>>,
    mut body: impl FnMut(Job<'_, E>, Option<&Panel<E>>),
) {
    let others = y.start.max(piece.others.start)..y.end.min(piece.others.end);
    if others.is_empty() {
        return;
    }
    let job = piece.of_rows(x).with_others(others);
    let Some(panel) = panel else { return body(job, None) };
    let whole = |at: usize| (at - panel.rows.start).is_multiple_of(panel.group);
    let ends = whole(job.others.end) || job.others.end == panel.rows.end;
    if whole(job.others.start) && ends {
        body(job, Some(panel));
    } else {
        sweep::panels(isa, Some(sweep::few(job.x.dim)), &job, body);
    }
}
