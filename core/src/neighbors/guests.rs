//! Who enters which cell, and what is gathered of them.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};
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

    /// All cells, in runs whose guests can be gathered, of one cell at least.
    fn slabs(&self) -> Vec<Range<usize>> {
        let (mut slabs, mut first) = (Vec::new(), 0);
        while first + 1 < self.starts.len() {
            let most = self.starts[first] + GATHERED;
            let end = self.starts.partition_point(|&start| start <= most) - 1;
            slabs.push(first..end.max(first + 1));
            first = end.max(first + 1);
        }
        slabs
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
        let placed = gathered(backend, (rows, dim), cells.numbers())?;
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
        let placed = crate::rows::rows::<B>(self.placed.borrow(), self.dim)?;
        let slabs = guests.slabs();
        let most = slabs.iter().map(|slab| guests.of(slab.clone()).len()).max().unwrap_or(0);
        let mut room = Room {
            host: vec![B::Elem::zero(); most * self.dim],
            on: self.backend.alloc(most * self.dim).map_err(Error::Backend)?,
        };
        let mut met = 0;
        for slab in slabs {
            let mine = self.cells.cell(slab.start).start..self.cells.cell(slab.end - 1).end;
            let x = placed.range(mine.start, mine.end)?;
            met += self.slab((guests, slab.clone()), x, &mut room, held)?;
            done(mine, guests.of(slab), held)?;
        }
        Ok(met)
    }

    fn slab(
        &self,
        (guests, slab): (&Guests, Range<usize>),
        x: Rows<'_, Values<B>>,
        room: &mut Room<B>,
        held: &mut Held<'_, B>,
    ) -> Result<u64, Error<B::Error>> {
        let who = guests.of(slab.clone());
        let gathered = &mut room.host[..who.len() * self.dim];
        gather(self.backend, (self.rows, self.dim), who, gathered);
        self.backend.write::<B::Elem>(room.on.borrow_mut(), 0, gathered).map_err(Error::Backend)?;
        let y = crate::rows::rows::<B>(room.on.borrow(), self.dim)?.range(0, who.len())?;
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

/// Where guests are gathered, and where they are on the machine: the same for all slabs, for fresh
/// memory costs more than what is copied into it.
struct Room<B: Alloc> {
    host: Vec<B::Elem>,
    on: B::Owned<B::Elem>,
}

/// Some rows side by side, on the machine.
pub(super) fn gathered<B: Alloc>(
    backend: &B,
    (rows, dim): (&[B::Elem], usize),
    numbers: &[u32],
) -> Result<B::Owned<B::Elem>, Error<B::Error>> {
    let mut out = vec![B::Elem::zero(); numbers.len() * dim];
    gather(backend, (rows, dim), numbers, &mut out);
    upload(backend, &out)
}

/// Writes some rows side by side.
fn gather<B: Backend>(
    backend: &B,
    (rows, dim): (&[B::Elem], usize),
    numbers: &[u32],
    out: &mut [B::Elem],
) {
    parts::fill(backend, out, COPIED * dim, |part, out| {
        for (&i, to) in numbers[part * COPIED..].iter().zip(out.chunks_exact_mut(dim)) {
            to.copy_from_slice(&rows[i as usize * dim..][..dim]);
        }
    });
}
