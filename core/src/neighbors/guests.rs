//! Who enters which cell, and what is gathered of them.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::ops::Range;

use num_traits::Zero;

use super::search::Held;
use crate::backend::{Alloc, Backend, Values, upload};
use crate::error::Error;
use crate::host::parts;
use crate::metric::Metric;
use crate::order::cells::Cells;
use crate::rows::{Block, Pairs, Rows, Visit};

/// Rows gathered at a time, about.
const GATHERED: usize = 1 << 17;
/// Rows that a thread copies at a time.
const COPIED: usize = 1 << 10;

/// The rows that enter each cell.
pub(super) struct Guests {
    starts: Vec<usize>,
    rows: Vec<u32>,
}

impl Guests {
    /// From the cells that each row enters, `depth` of them, nearest first: for which it is nearest
    /// come first.
    pub(super) fn by_rank(cells: usize, depth: usize, entered: &[u32]) -> Self {
        let ranks = (0..depth).map(|rank| entered.iter().skip(rank).step_by(depth));
        Self::fill(cells, entered, ranks.flat_map(|rank| (0..).zip(rank.copied())))
    }

    /// From the cells that each row enters, row after row, and where those of each row end:
    /// guests of a cell ascend.
    pub(super) fn by_row(cells: usize, entered: &[u32], ends: &[usize]) -> Self {
        let starts = core::iter::once(0).chain(ends.iter().copied());
        let pairs = starts.zip(ends).enumerate();
        let of = |(row, (start, &end)): (usize, (usize, &usize))| {
            entered[start..end].iter().map(move |&cell| (row as u32, cell))
        };
        Self::fill(cells, entered, pairs.flat_map(of))
    }

    fn fill(cells: usize, entered: &[u32], pairs: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut starts = vec![0; cells + 1];
        entered.iter().for_each(|&cell| starts[cell as usize + 1] += 1);
        for cell in 0..cells {
            starts[cell + 1] += starts[cell];
        }
        let (mut next, mut rows) = (starts.clone(), vec![0; entered.len()]);
        for (row, cell) in pairs {
            rows[next[cell as usize]] = row;
            next[cell as usize] += 1;
        }
        Self { starts, rows }
    }

    /// Cells from `first` on, at least one, with a number of guests that can be gathered.
    pub(super) fn slab(&self, first: usize) -> Range<usize> {
        let most = self.starts[first] + GATHERED;
        first..(self.starts.partition_point(|&start| start <= most) - 1).max(first + 1)
    }

    /// The guests of some cells, one cell after the other.
    pub(super) fn of(&self, slab: Range<usize>) -> &[u32] {
        &self.rows[self.starts[slab.start]..self.starts[slab.end]]
    }

    /// Where the guests of a cell are among those of a slab.
    pub(super) fn place(&self, slab: &Range<usize>, cell: usize) -> (u32, u32) {
        let first = self.starts[slab.start];
        ((self.starts[cell] - first) as u32, (self.starts[cell + 1] - first) as u32)
    }
}

/// Cells whose rows meet their guests.
pub(super) struct Hosts<'a, B: Alloc> {
    backend: &'a B,
    cells: &'a Cells<B>,
    /// Rows by number, on the host.
    rows: &'a [B::Elem],
    dim: usize,
    metric: Metric,
    /// Rows by position.
    placed: B::Owned<B::Elem>,
}

impl<'a, B: Alloc> Hosts<'a, B> {
    pub(super) fn new(
        backend: &'a B,
        cells: &'a Cells<B>,
        (rows, dim): (&'a [B::Elem], usize),
        metric: Metric,
    ) -> Result<Self, Error<B::Error>> {
        let placed = upload(backend, &gather(backend, (rows, dim), cells.numbers()))?;
        Ok(Self { backend, cells, rows, dim, metric, placed })
    }

    /// Those who live in a cell meet its guests; lists are by position, and name positions among
    /// the guests of a slab. After each slab `done(positions, guests, lists)` is told. Returns
    /// how many pairs met.
    pub(super) fn meet(
        &self,
        guests: &Guests,
        held: &mut Held<'_, B>,
        mut done: impl FnMut(Range<usize>, &[u32], &Held<'_, B>) -> Result<(), Error<B::Error>>,
    ) -> Result<u64, Error<B::Error>> {
        let (mut met, mut first) = (0, 0);
        let placed = crate::rows::rows::<B>(self.placed.borrow(), self.dim)?;
        while first < self.cells.len() {
            let slab = guests.slab(first);
            first = slab.end;
            let mine = self.cells.cell(slab.start).start..self.cells.cell(slab.end - 1).end;
            let x = placed.range(mine.start, mine.end)?;
            met += self.slab(guests, slab.clone(), x, held)?;
            done(mine, guests.of(slab), held)?;
        }
        Ok(met)
    }

    fn slab(
        &self,
        guests: &Guests,
        slab: Range<usize>,
        x: Rows<'_, Values<B>>,
        held: &mut Held<'_, B>,
    ) -> Result<u64, Error<B::Error>> {
        let who = gather(self.backend, (self.rows, self.dim), guests.of(slab.clone()));
        let gathered = upload(self.backend, &who)?;
        let y = crate::rows::rows::<B>(gathered.borrow(), self.dim)?;
        let (mut blocks, mut met) = (Vec::with_capacity(slab.len()), 0);
        for cell in slab.clone() {
            let (own, theirs) = (self.cells.cell(cell), guests.place(&slab, cell));
            blocks.push(Block { x: (own.start as u32, own.end as u32), y: theirs });
            met += own.len() as u64 * u64::from(theirs.1 - theirs.0);
        }
        held.fold(Pairs::new(x, y, self.metric)?.visit(Visit::Blocks(&blocks))?)?;
        Ok(met)
    }
}

/// Some rows, side by side.
pub(super) fn gather<B: Backend>(
    backend: &B,
    (rows, dim): (&[B::Elem], usize),
    numbers: &[u32],
) -> Vec<B::Elem> {
    let mut out = vec![B::Elem::zero(); numbers.len() * dim];
    parts::fill(backend, &mut out, COPIED * dim, |part, out| {
        for (&i, to) in numbers[part * COPIED..].iter().zip(out.chunks_exact_mut(dim)) {
            to.copy_from_slice(&rows[i as usize * dim..][..dim]);
        }
    });
    out
}
