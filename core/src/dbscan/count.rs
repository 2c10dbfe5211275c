//! Which rows are core: the weight within eps, by folds where eps is clear and in f64 where not.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use num_traits::Zero;

use super::Pass;
use super::eps::widen;
use super::weights::Weights;
use crate::backend::{Alloc, Indices, Values};
use crate::error::Error;
use crate::order::{Judge, Node, walk};
use crate::rows::{Block, Pairs, Visit};

/// What is known of every row, by position.
#[derive(Debug)]
pub(super) struct Cores {
    /// Whether it is a core row.
    pub(super) is_core: Vec<bool>,
    /// Whether a pair of it may lie in the band of eps.
    pub(super) unsure: Vec<bool>,
}

/// Finds the core rows.
pub(super) fn find<B: Alloc>(
    pass: &Pass<'_, B>,
    weights: &Weights,
    need: i128,
) -> Result<Cores, Error<B::Error>> {
    let n = pass.order().len();
    let mut cores = Cores { is_core: vec![false; n], unsure: vec![false; n] };
    let mut judge = Counter::new(pass, weights, need)?;
    if let Some(root) = pass.order().root() {
        walk(root, Some(root), &mut judge);
    }
    judge.flush();
    judge.settle(&mut cores)?;
    Ok(cores)
}

/// Collects the rectangles to count and the weights that need no counting.
struct Counter<'a, 'b, B: Alloc> {
    pass: &'a Pass<'b, B>,
    weights: &'a Weights,
    need: i128,
    /// By node: the weight of the nodes that are wholly within eps of it.
    sure: Vec<i128>,
    /// By block: whether its rows are core without counting.
    dense: Vec<bool>,
    batch: Vec<Block>,
    tally: Tally<B>,
    failed: Option<Error<B::Error>>,
}

/// What is counted around every row: rows on the backend, or weights on the host.
enum Tally<B: Alloc> {
    Rows { radii: B::Owned<B::Elem>, counts: B::Owned<u32> },
    Weights { low: Vec<i128>, band: Vec<u32>, tile: Vec<B::Elem> },
}

impl<'a, 'b, B: Alloc> Counter<'a, 'b, B> {
    fn new(
        pass: &'a Pass<'b, B>,
        weights: &'a Weights,
        need: i128,
    ) -> Result<Self, Error<B::Error>> {
        let order = pass.order();
        let tally = if weights.are_equal() {
            Tally::Rows { radii: radii(pass)?, counts: pass.indices(2 * order.len())? }
        } else {
            let n = order.len();
            Tally::Weights { low: vec![0; n], band: vec![0; n], tile: Vec::new() }
        };
        Ok(Self {
            pass,
            weights,
            need,
            sure: vec![0; order.nodes()],
            dense: vec![false; order.blocks()],
            batch: Vec::with_capacity(pass.batch),
            tally,
            failed: None,
        })
    }

    fn flush(&mut self) {
        if self.failed.is_none() && !self.batch.is_empty() {
            self.failed = self.fold().err();
        }
        self.batch.clear();
    }

    fn fold(&mut self) -> Result<(), Error<B::Error>> {
        let rows = self.pass.placed.rows()?;
        let x =
            rows.range(self.batch[0].x.0 as usize, self.batch[self.batch.len() - 1].x.1 as usize)?;
        let pairs = Pairs::new(x, rows, self.pass.eps.fold)?;
        match &mut self.tally {
            Tally::Rows { radii, counts } => {
                let pairs = pairs.visit(Visit::Blocks(&self.batch))?;
                let backend = self.pass.backend;
                backend
                    .count_within(
                        pairs,
                        Borrow::<Values<B>>::borrow(&*radii),
                        2,
                        counts.borrow_mut(),
                    )
                    .map_err(Error::Backend)
            }
            Tally::Weights { low, band, tile } => {
                for block in &self.batch {
                    weigh(self.pass, &pairs.narrow(*block), self.weights, (low, band), tile)?;
                }
                Ok(())
            }
        }
    }

    /// Decides every row.
    fn settle(mut self, cores: &mut Cores) -> Result<(), Error<B::Error>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let (leaf, n) = (self.pass.order().leaf(), cores.is_core.len());
        let mut counts = vec![0u32; 2 * leaf];
        for block in 0..self.dense.len() {
            let (first, end) = (block * leaf, ((block + 1) * leaf).min(n));
            if self.dense[block] {
                cores.is_core[first..end].fill(true);
                cores.unsure[first..end].fill(true);
                continue;
            }
            if let Tally::Rows { counts: from, .. } = &self.tally {
                let counts = &mut counts[..2 * (end - first)];
                let from: &Indices<B> = from.borrow();
                self.pass.backend.read(from, 2 * first, counts).map_err(Error::Backend)?;
            }
            let sure = self.sure[self.pass.order().block(block).index()];
            let mut open = Vec::new();
            for at in first..end {
                let (low, banded) = self.tally.of_row(at, at - first, &counts);
                cores.unsure[at] = banded;
                cores.is_core[at] = sure + low >= self.need;
                if banded && (self.weights.signed || !cores.is_core[at]) {
                    open.push(at);
                }
            }
            self.decide(block, &open, cores)?;
        }
        Ok(())
    }

    /// Decides rows of a block whose band is not empty.
    fn decide(
        &self,
        block: usize,
        open: &[usize],
        cores: &mut Cores,
    ) -> Result<(), Error<B::Error>> {
        if open.is_empty() {
            return Ok(());
        }
        let (order, eps, dim) = (self.pass.order(), &self.pass.eps, self.pass.order().dim());
        let node = order.block(block);
        let first = order.span(node).0 as usize;
        let mine = widen(&self.pass.read(order.span(node))?);
        let mut sums = vec![0i128; open.len()];
        for block in self.pass.near(node) {
            let others = widen(&self.pass.read(block.y)?);
            for (sum, &i) in sums.iter_mut().zip(open) {
                let x = &mine[(i - first) * dim..][..dim];
                for (j, y) in (block.y.0 as usize..).zip(others.chunks_exact(dim)) {
                    if eps.holds(x, y) {
                        *sum += self.weights.sum(j..j + 1);
                    }
                }
            }
        }
        for (sum, &i) in sums.iter().zip(open) {
            cores.is_core[i] = *sum >= self.need;
        }
        Ok(())
    }
}

impl<B: Alloc> Tally<B> {
    /// The weight certainly within eps of the row at `at`, and whether its band holds a pair;
    /// `counts` are those of its block.
    fn of_row(&self, at: usize, local: usize, counts: &[u32]) -> (i128, bool) {
        match self {
            Self::Rows { .. } => {
                let (low, high) = (counts[2 * local], counts[2 * local + 1]);
                (Weights::of_count(u64::from(low)), low != high)
            }
            Self::Weights { low, band, .. } => (low[at], band[at] != 0),
        }
    }
}

/// The two radii of every row.
fn radii<B: Alloc>(pass: &Pass<'_, B>) -> Result<B::Owned<B::Elem>, Error<B::Error>> {
    let n = pass.order().len();
    let mut radii = pass.backend.alloc::<B::Elem>(2 * n).map_err(Error::Backend)?;
    let part = [pass.eps.low, pass.eps.high].repeat(n.min(1 << 12));
    for at in (0..2 * n).step_by(part.len().max(1)) {
        let part = &part[..part.len().min(2 * n - at)];
        pass.backend.write(radii.borrow_mut(), at, part).map_err(Error::Backend)?;
    }
    Ok(radii)
}

/// Adds weights over the distances of one rectangle.
fn weigh<B: Alloc>(
    pass: &Pass<'_, B>,
    pairs: &Pairs<'_, Values<B>>,
    weights: &Weights,
    (low, band): (&mut [i128], &mut [u32]),
    tile: &mut Vec<B::Elem>,
) -> Result<(), Error<B::Error>> {
    let (x, y) = (pairs.x(), pairs.y());
    tile.resize(x.len() * y.len(), B::Elem::zero());
    pass.backend.distances(*pairs, tile).map_err(Error::Backend)?;
    for (i, row) in (x.start()..).zip(tile.chunks_exact(y.len())) {
        for (j, &d) in (y.start()..).zip(row) {
            if d <= pass.eps.low {
                low[i] += weights.sum(j..j + 1);
            } else if d <= pass.eps.high {
                band[i] += 1;
            }
        }
    }
    Ok(())
}

impl<B: Alloc> Judge for Counter<'_, '_, B> {
    fn enter(&mut self, x: Node) -> bool {
        let sure = self.sure[x.index()];
        // A weight below 0 may come later.
        if sure >= self.need && !self.weights.signed {
            let blocks = x.blocks();
            self.dense[blocks.start as usize..blocks.end as usize].fill(true);
            return false;
        }
        for half in x.halves().into_iter().flatten() {
            self.sure[half.index()] = sure;
        }
        true
    }

    fn alone(&mut self, x: Node) {
        if self.enter(x) {
            for half in x.halves().into_iter().flatten() {
                self.alone(half);
            }
        }
    }

    fn near(&mut self, x: Node, y: Node) -> bool {
        let (order, eps) = (self.pass.order(), &self.pass.eps);
        if order.lower(x, order, y, eps.fold) > eps.high {
            return false;
        }
        if order.upper(x, order, y, eps.fold) > eps.low {
            return true;
        }
        let (start, end) = order.span(y);
        self.sure[x.index()] += self.weights.sum(start as usize..end as usize);
        false
    }

    fn meet(&mut self, x: Node, near: &[Node]) {
        let (order, batch) = (self.pass.order(), &mut self.batch);
        order.runs(x, order, near, |block| batch.push(block));
        if self.batch.len() + order.blocks().min(1 << 10) > self.pass.batch {
            self.flush();
        }
    }
}
