//! Walking the pairs: rectangles, threads, and which tier a rectangle goes to.

use core::ops::Range;

use enfold_core::{Block, Element, Metric, Pairs, Visit};

use crate::direct::{self, TILE, Table};
use crate::isa::{Isa, Native, Task};
use crate::lanes::Lanes;
use crate::{small, threads};

/// One rectangle of pairs.
#[derive(Debug, Clone)]
pub(crate) struct Job<'a, E> {
    pub(crate) metric: Metric,
    pub(crate) x: Table<'a, E>,
    pub(crate) y: Table<'a, E>,
    /// Rows of x.
    pub(crate) rows: Range<usize>,
    /// Rows of y.
    pub(crate) others: Range<usize>,
    /// Whether pairs of equal row numbers are left out.
    pub(crate) off_diagonal: bool,
}

impl<'a, E: Element> Job<'a, E> {
    pub(crate) fn new(pairs: &Pairs<'a, [E]>, block: Block) -> Self {
        let table = |data| Table { data, dim: pairs.dim() };
        let range = |(start, end): (u32, u32)| start as usize..end as usize;
        let off_diagonal = matches!(pairs.visited(), Visit::OffDiagonal);
        Self {
            metric: pairs.metric(),
            x: table(pairs.x().data()),
            y: table(pairs.y().data()),
            rows: range(block.x),
            others: range(block.y),
            off_diagonal,
        }
    }

    /// The same pairs, for these rows of x only.
    pub(crate) fn of_rows(&self, rows: Range<usize>) -> Self {
        Self { rows, ..self.clone() }
    }

    /// The same pairs, with these rows of y only.
    #[cfg(feature = "std")]
    pub(crate) fn with_others(&self, others: Range<usize>) -> Self {
        Self { others, ..self.clone() }
    }
}

/// Packed rows of y, where the filter is used.
#[cfg(feature = "std")]
pub(crate) type Panel<E> = crate::pack::Panel<E>;
/// Without a heap there are none.
#[cfg(not(feature = "std"))]
#[derive(Debug)]
pub(crate) struct Panel<E>(core::convert::Infallible, core::marker::PhantomData<E>);

/// Pairs of a rectangle.
pub(crate) fn area(block: Block) -> u64 {
    u64::from(block.x.1 - block.x.0) * u64::from(block.y.1 - block.y.0)
}

/// Rows of y that pay for packing where lists are kept: all but the nearest are looked at anyway.
pub(crate) const MANY: usize = 12;

/// Rows of y that pay for packing where one number is kept of each row of x: x is packed too, and
/// the wider it is the longer that takes. Measured with AVX2, against the direct tier: with 8 rows
/// 2.5 times as fast for 16 coordinates, as fast for 64, 0.7 times for 256.
pub(crate) fn few(dim: usize) -> usize {
    (dim / 16 + 2).min(MANY)
}

/// Runs `body` on every rectangle and chunk of rows with its share of the outputs `a` and `b`,
/// which hold `per.0` and `per.1` elements for each row of x, from the first row of its range.
/// `least` rows of y are packed into panels; none where it is None.
pub(crate) fn each<E: Native, A: Send, B: Send>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    (a, b): (&mut [A], &mut [B]),
    per: (usize, usize),
    least: Option<usize>,
    body: impl Fn(Job<'_, E>, Option<&Panel<E>>, &mut [A], &mut [B]) + Sync,
) {
    let first = pairs.x().start();
    let one = match pairs.visited() {
        Visit::Blocks(blocks) => <&[Block; 1]>::try_from(blocks).ok().map(|[block]| *block),
        _ => pairs.rectangles().next(),
    };
    if let Some(block) = one {
        let job = Job::new(pairs, block);
        let (a, b) = part(&job.rows, first, (a, b), per);
        panels(isa, least, &job, |job, panel| {
            let work = job.others.len() * job.x.dim;
            threads::rows(job.rows.clone(), work, (&mut *a, &mut *b), per, |rows, a, b| {
                body(job.of_rows(rows), panel, a, b);
            });
        });
        return;
    }
    let range = first..pairs.x().end();
    let visited: u64 = pairs.rectangles().map(area).sum();
    let work = visited as usize / range.len().max(1) * pairs.dim();
    let some = |rows: Range<usize>, a: &mut [A], b: &mut [B]| {
        for block in pairs.rectangles() {
            let job = Job::new(pairs, block);
            let cut = job.rows.start.max(rows.start)..job.rows.end.min(rows.end);
            if !cut.is_empty() {
                let (a, b) = part(&cut, rows.start, (&mut *a, &mut *b), per);
                panels(isa, least, &job.of_rows(cut), |job, panel| body(job, panel, a, b));
            }
        }
    };
    #[cfg(feature = "std")]
    if let Some(pieces) = between(pairs, (visited as usize).saturating_mul(pairs.dim())) {
        return threads::pieces(pieces.into_iter(), (a, b), per, some);
    }
    threads::rows(range, work, (a, b), per, some);
}

/// Pieces of the rows of x that end where rectangles do, but for large ones: each piece of a
/// rectangle packs its panels anew. None where rectangles do not follow each other, or one thread
/// does it.
#[cfg(feature = "std")]
fn between<E: Element>(pairs: &Pairs<'_, [E]>, work: usize) -> Option<Vec<Range<usize>>> {
    let (Visit::Blocks(blocks), piece) = (pairs.visited(), threads::piece(work)?) else {
        return None;
    };
    let (mut ends, mut held, mut last) = (vec![], 0, pairs.x().start());
    for block in blocks {
        let (start, end) = (block.x.0 as usize, block.x.1 as usize);
        if start < last {
            return None;
        }
        let work = area(*block) as usize * pairs.dim();
        if held + work > piece {
            ends.push(start);
            held = 0;
        }
        let step = (end - start).div_ceil((work / piece).max(1));
        let step = step.next_multiple_of(threads::STEP).max(threads::STEP);
        ends.extend((start..end).step_by(step).skip(1));
        (held, last) = (held + work, end);
    }
    ends.push(pairs.x().end());
    let starts = core::iter::once(pairs.x().start()).chain(ends.clone());
    Some(
        starts.zip(ends).map(|(start, end)| start..end).filter(|piece| !piece.is_empty()).collect(),
    )
}

/// Runs `body` on every rectangle, on this thread.
pub(crate) fn in_order<E: Native>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    mut body: impl FnMut(Job<'_, E>, Option<&Panel<E>>),
) {
    for block in pairs.rectangles() {
        panels(isa, Some(few(pairs.dim())), &Job::new(pairs, block), &mut body);
    }
}

/// The elements of `rows` in outputs that begin with row `first`.
fn part<'a, A, B>(
    rows: &Range<usize>,
    first: usize,
    (a, b): (&'a mut [A], &'a mut [B]),
    per: (usize, usize),
) -> (&'a mut [A], &'a mut [B]) {
    let (start, end) = (rows.start - first, rows.end - first);
    (&mut a[start * per.0..end * per.0], &mut b[start * per.1..end * per.1])
}

/// The job on rows of `f32`, if that is what they are.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(crate) fn as_f32<'a, E: Element>(job: &Job<'a, E>) -> Option<Job<'a, f32>> {
    let table = |t: Table<'a, E>| {
        bytemuck::try_cast_slice(t.data).ok().map(|data| Table { data, dim: t.dim })
    };
    let same = core::any::TypeId::of::<E>() == core::any::TypeId::of::<f32>();
    let (x, y) = table(job.x).zip(table(job.y)).filter(|_| same)?;
    let Job { metric, ref rows, ref others, off_diagonal, .. } = *job;
    Some(Job { metric, x, y, rows: rows.clone(), others: others.clone(), off_diagonal })
}

/// Cuts a rectangle into panels of y where the filter pays; else one part without a panel.
pub(crate) fn panels<E: Native>(
    isa: Isa,
    least: Option<usize>,
    job: &Job<'_, E>,
    mut body: impl FnMut(Job<'_, E>, Option<&Panel<E>>),
) {
    if job.rows.is_empty() || job.others.is_empty() {
        return;
    }
    #[cfg(feature = "std")]
    if least.is_some_and(|least| crate::filter::pays(job, least)) {
        let step = crate::pack::rows_of_panel::<E>(job.x.dim);
        for start in job.others.clone().step_by(step) {
            let part = job.with_others(start..(start + step).min(job.others.end));
            let panel = E::enter(isa, crate::pack::Pack { y: part.y, rows: part.others.clone() });
            body(part, panel.as_ref());
        }
        return;
    }
    let _ = (isa, least);
    body(job.clone(), None);
}

/// What is done with canonical distances, tile by tile.
///
/// Called through a `dyn`: once per row and tile, for one copy of the kernels instead of one for
/// each fold.
pub(crate) trait Fold<E> {
    /// Whether every distance is of interest, NaN too, whatever the limit.
    fn takes_all(&self) -> bool {
        false
    }
    /// Rows `j..j + n` of y come next, n ≤ [`TILE`].
    fn begin(&mut self, j: usize, n: usize) {
        let _ = (j, n);
    }
    /// Distances of row `i` above this are of no interest; never ∞.
    fn limit(&self, i: usize) -> E;
    /// Row `i` meets rows `j..`: bit t of `near` says that `dist[t]` is at most the limit.
    fn meet(&mut self, i: usize, j: usize, near: u64, dist: &[E; TILE]);
}

/// Every pair of a rectangle through the direct tier.
pub(crate) struct Direct<'a, 'b, E> {
    pub(crate) job: &'b Job<'a, E>,
    pub(crate) fold: &'b mut dyn Fold<E>,
}

/// The direct tier for rows that the filter left out.
#[cfg(feature = "std")]
pub(crate) fn left_out<E: Native>(
    isa: Isa,
    job: &Job<'_, E>,
    rows: &[u32],
    fold: &mut dyn Fold<E>,
) {
    for &i in rows {
        let i = i as usize;
        E::enter(isa, Direct { job: &job.of_rows(i..i + 1), fold });
    }
}

impl<E: Element> Task<E> for Direct<'_, '_, E> {
    type Out = ();

    #[inline(always)]
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(self, l: L) {
        let Self { job, fold } = self;
        let zero = E::zero();
        let (mut dist, mut norms) = ([zero; TILE], [zero; TILE]);
        let mut columns = [[zero; TILE]; small::MOST_DIM];
        let small = small::takes(job.metric, job.x.dim);
        let takes_all = fold.takes_all();
        let mut j = job.others.start;
        while j < job.others.end {
            let n = TILE.min(job.others.end - j);
            if small {
                small::columns(job.y, (j, n), &mut columns);
            } else if job.metric == Metric::Cosine {
                direct::norms::<L, S>(l, job.y, (j, n), &mut norms);
            }
            let all = u64::MAX >> (TILE - n);
            fold.begin(j, n);
            for i in job.rows.clone() {
                let x = job.x.row(i);
                if small {
                    small::row(l, job.metric, x, n, &columns, &mut dist);
                } else {
                    direct::row::<L, S>(l, job.metric, x, job.y, (j, n), &norms, &mut dist);
                }
                let mut near = all;
                if !takes_all {
                    near &= direct::near(l, &dist, fold.limit(i));
                }
                if job.off_diagonal && (j..j + n).contains(&i) {
                    near &= !(1 << (i - j));
                }
                if near != 0 {
                    fold.meet(i, j, near, &dist);
                }
            }
            j += n;
        }
    }
}
