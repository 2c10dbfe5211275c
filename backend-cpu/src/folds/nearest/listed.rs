//! Rows that meet a list of rows each: rectangles one row of x high.
//!
//! The rows of a list lie anywhere in memory. Four distances at a time wait for it, and for each
//! other's additions, together.

use enfold_core::{Block, Element, Metric, Pairs, Visit};

use super::Best;
use crate::direct::{TILE, Table, euclidean_each};
use crate::isa::{Isa, Native, Task};
use crate::lanes::Lanes;
use crate::{small, threads};

/// The rectangles, where all of them are one row high and the metric has a form of its own.
pub(super) fn takes<'a, E>(pairs: &Pairs<'a, [E]>) -> Option<&'a [Block]> {
    let Visit::Blocks(blocks) = pairs.visited() else { return None };
    let euclidean = matches!(pairs.metric(), Metric::SqEuclidean | Metric::Euclidean);
    let wide = euclidean && pairs.dim() > small::MOST_DIM;
    (wide && blocks.iter().all(|block| block.x.1 - block.x.0 == 1)).then_some(blocks)
}

/// [`nearest`](enfold_core::Backend::nearest) over such rectangles.
pub(super) fn nearest<E: Native>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    blocks: &[Block],
    k: usize,
    out: (&mut [E], &mut [u32]),
) {
    let table = |data| Table { data, dim: pairs.dim() };
    let (x, y) = (table(pairs.x().data()), table(pairs.y().data()));
    let range = pairs.x().start()..pairs.x().end();
    let met: usize = blocks.iter().map(|block| (block.y.1 - block.y.0) as usize).sum();
    let work = met / range.len().max(1) * pairs.dim();
    threads::rows(range, work, out, (k, k), |rows, dist, index| {
        let mut best = Best { first: rows.start, k, dist, index };
        let mine = |block: &&Block| rows.contains(&(block.x.0 as usize));
        let mut list = Vec::new();
        for blocks in blocks.chunk_by(|a, b| a.x == b.x).filter(|blocks| mine(&&blocks[0])) {
            list.clear();
            list.extend(blocks.iter().flat_map(|block| block.y.0..block.y.1));
            let row = (blocks[0].x.0 as usize, &list[..]);
            E::enter(isa, Listed { metric: pairs.metric(), x, y, row, best: &mut best });
        }
    });
}

/// One row and those that it meets.
struct Listed<'a, 'b, 'c, E> {
    metric: Metric,
    x: Table<'a, E>,
    y: Table<'a, E>,
    row: (usize, &'b [u32]),
    best: &'b mut Best<'c, E>,
}

impl<E: Element> Task<E> for Listed<'_, '_, '_, E> {
    type Out = ();

    #[inline(always)]
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(self, l: L) {
        let Self { metric, x, y, row: (i, list), best } = self;
        let me = x.row(i);
        let mut dist = [E::zero(); TILE];
        for list in list.chunks(TILE) {
            let pair = |p: usize| (me, y.row(list[p] as usize));
            let dist = &mut dist[..list.len()];
            euclidean_each::<L, S>(l, metric == Metric::Euclidean, pair, dist);
            for (&j, &d) in list.iter().zip(&*dist) {
                if d <= E::max_value() {
                    best.offer(i, (d, j));
                }
            }
        }
    }
}
