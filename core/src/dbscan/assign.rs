//! Which cluster a row belongs to that is no core row: that of its nearest core row within eps.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::eps::{Eps, widen};
use super::read;
use crate::backend::{Alloc, NONE};
use crate::error::Error;
use crate::neighbors::Held;
use crate::order::Placed;
use crate::rows::{Block, Pairs, Visit};

/// The two closest core rows: whether the closest is certain shows in the second.
const K: usize = 2;
/// Rectangles to a fold.
const BATCH: usize = 1 << 16;

/// Core rows in order, with the label of each.
pub(super) struct Cores<'a, B: Alloc> {
    pub(super) backend: &'a B,
    pub(super) placed: &'a Placed<B>,
    pub(super) labels: &'a [u32],
    pub(super) eps: &'a Eps<B::Elem>,
}

impl<B: Alloc> Cores<'_, B> {
    /// The label of every row of `x`, by position; [`NONE`] where no core row is within eps.
    pub(super) fn label(&self, x: &Placed<B>) -> Result<Vec<u32>, Error<B::Error>> {
        let n = x.order.len();
        let held = self.nearest(x)?;
        let mut labels = vec![NONE; n];
        let mut open = Vec::new();
        for block in 0..x.order.blocks() {
            let (start, end) = x.order.span(x.order.block(block));
            let (start, end) = (start as usize, end as usize);
            let lists = held.read(start..end)?;
            let found = lists.distances().chunks_exact(K).zip(lists.indices().chunks_exact(K));
            for ((i, label), (d, j)) in (start..).zip(&mut labels[start..end]).zip(found) {
                if j[0] == NONE || d[0] > self.eps.high {
                    continue;
                }
                if d[0] <= self.eps.low && !(j[1] != NONE && self.eps.rivals(d[0], d[1])) {
                    *label = self.labels[j[0] as usize];
                } else {
                    open.push(i);
                }
            }
            self.decide(x, block, &open, &mut labels)?;
            open.clear();
        }
        Ok(labels)
    }

    /// The nearest core rows of every row, as the backend sees distances.
    fn nearest(&self, x: &Placed<B>) -> Result<Held<'_, B>, Error<B::Error>> {
        let mut held = Held::new(self.backend, x.order.len(), K)?;
        let mut batch = Vec::new();
        let mut result = Ok(());
        let mut fold = |batch: &mut Vec<Block>| {
            if result.is_ok() && !batch.is_empty() {
                result = self.fold(x, batch, &mut held);
            }
            batch.clear();
        };
        x.order.pairs_within(&self.placed.order, self.eps.fold, self.eps.high, |block| {
            batch.push(block);
            if batch.len() == BATCH {
                fold(&mut batch);
            }
        });
        fold(&mut batch);
        result?;
        Ok(held)
    }

    fn fold(
        &self,
        x: &Placed<B>,
        batch: &[Block],
        held: &mut Held<'_, B>,
    ) -> Result<(), Error<B::Error>> {
        let rows = x.rows()?;
        let (first, last) = (batch[0].x.0 as usize, batch[batch.len() - 1].x.1 as usize);
        let pairs = Pairs::new(rows.range(first, last)?, self.placed.rows()?, self.eps.fold)?;
        held.fold(pairs.visit(Visit::Blocks(batch))?)
    }

    /// Rows of one block whose nearest core row is not certain, in f64; equally near core rows
    /// go by their coordinates, the lower first, so that no row number has a say.
    fn decide(
        &self,
        x: &Placed<B>,
        block: usize,
        open: &[usize],
        labels: &mut [u32],
    ) -> Result<(), Error<B::Error>> {
        if open.is_empty() {
            return Ok(());
        }
        let (node, dim) = (x.order.block(block), x.order.dim());
        let first = x.order.span(node).0 as usize;
        let mine = widen(&read(self.backend, x, x.order.span(node))?);
        let mut best: Vec<Best> = open.iter().map(|_| Best::default()).collect();
        let mut blocks = Vec::new();
        let (order, eps) = (&self.placed.order, self.eps);
        x.order.pairs_of(node, order, eps.fold, eps.high, |block| blocks.push(block));
        for block in blocks {
            let others = widen(&read(self.backend, self.placed, block.y)?);
            for (best, &i) in best.iter_mut().zip(open) {
                let row = &mine[(i - first) * dim..][..dim];
                for (y, &label) in others.chunks_exact(dim).zip(&self.labels[block.y.0 as usize..])
                {
                    if eps.holds(row, y) {
                        best.meet(eps.exact(row, y), y, label);
                    }
                }
            }
        }
        for (best, &i) in best.iter().zip(open) {
            labels[i] = best.found.as_ref().map_or(NONE, |&(_, label)| label);
        }
        Ok(())
    }
}

/// The nearest core row so far.
#[derive(Default)]
struct Best {
    found: Option<(f64, u32)>,
    row: Vec<f64>,
}

impl Best {
    fn meet(&mut self, distance: f64, row: &[f64], label: u32) {
        let before = |&(best, _): &(f64, u32)| {
            let order = distance.total_cmp(&best);
            order.then_with(|| row.partial_cmp(&self.row).unwrap_or(Ordering::Equal)).is_lt()
        };
        if self.found.as_ref().is_none_or(before) {
            self.found = Some((distance, label));
            self.row.clear();
            self.row.extend_from_slice(row);
        }
    }
}
