//! Candidates: the rows whose sketches are nearest, among those that enter the same cell.
//!
//! A row lives in the cell of its nearest centre and *enters* the cells of its `depth` nearest
//! ones. The rows that live in a cell meet all that enter it: one rectangle for each cell, whose
//! lists stay near. Whoever enters is gathered next to each other, some cells at a time.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::ops::Range;

use super::search::Held;
use super::sketch::Sketch;
use super::{Neighbors, Search};
use crate::backend::{Alloc, MAX_NEIGHBORS, NONE, Values, upload};
use crate::error::Error;
use crate::order::cells::Cells;
use crate::rows::{Block, Pairs, Rows, Visit};

/// The most cells to enter, and the most candidates.
const MOST: usize = MAX_NEIGHBORS - 1;
/// Cells for each root of the number of rows.
const CELLS: f64 = 2.0;
/// Rows gathered at a time, about.
const GATHERED: usize = 1 << 17;

/// How much is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Cells that every row enters.
    pub(super) depth: usize,
    /// Candidates of every row, itself among them.
    pub(super) candidates: usize,
}

/// Sketched rows and their cells.
pub(super) struct Candidates<'b, B: Alloc> {
    backend: &'b B,
    sketch: Sketch<B::Elem>,
    /// The sketch on the backend.
    data: B::Owned<B::Elem>,
    cells: Cells<B>,
}

impl<'b, B: Alloc> Candidates<'b, B> {
    pub(super) fn new(backend: &'b B, sketch: Sketch<B::Elem>) -> Result<Self, Error<B::Error>> {
        let data = upload(backend, &sketch.data)?;
        let rows = crate::rows::rows::<B>(data.borrow(), sketch.dim)?;
        let centres = (CELLS * libm::sqrt(rows.len() as f64)) as usize;
        let cells = Cells::new(backend, rows, centres.max(1), 0)?;
        Ok(Self { backend, sketch, data, cells })
    }

    fn rows(&self) -> Result<Rows<'_, Values<B>>, Error<B::Error>> {
        Ok(crate::rows::rows::<B>(self.data.borrow(), self.sketch.dim)?)
    }

    /// Sketches of some rows, side by side.
    fn gather(&self, numbers: impl Iterator<Item = u32>) -> Vec<B::Elem> {
        let mut out = Vec::with_capacity(numbers.size_hint().0 * self.sketch.dim);
        numbers.for_each(|i| out.extend_from_slice(self.sketch.row(i as usize)));
        out
    }

    /// The least that finds the share `wanted` of these pairs (row, neighbour), half of the loss
    /// to cells and half to candidates, `fewest` at least; none where no plan does.
    pub(super) fn plan(
        &self,
        pairs: &[(u32, u32)],
        (wanted, fewest): (f64, usize),
    ) -> Result<Option<Plan>, Error<B::Error>> {
        let share = f64::midpoint(1.0, wanted);
        let depth = least(self.ranks(pairs)?, share);
        let candidates = least(self.places(pairs)?, share);
        let plan =
            |(depth, candidates): (_, usize)| Plan { depth, candidates: candidates.max(fewest) };
        Ok(depth.zip(candidates).map(plan))
    }

    /// Which of the cells that the neighbour enters is home to the row, from 1 on.
    fn ranks(&self, pairs: &[(u32, u32)]) -> Result<Vec<Option<usize>>, Error<B::Error>> {
        let neighbours = upload(self.backend, &self.gather(pairs.iter().map(|pair| pair.1)))?;
        let queries = crate::rows::rows::<B>(neighbours.borrow(), self.sketch.dim)?;
        let near = self.cells.nearest(self.backend, queries, MOST)?;
        let rank = |(at, &(row, _)): (usize, &(u32, u32))| {
            let home = self.cells.homes()[row as usize];
            near.row(at).1.iter().position(|&cell| cell == home).map(|rank| rank + 1)
        };
        Ok(pairs.iter().enumerate().map(rank).collect())
    }

    /// Where the neighbour stands in the list of the row's nearest sketches, from 1 on.
    fn places(&self, pairs: &[(u32, u32)]) -> Result<Vec<Option<usize>>, Error<B::Error>> {
        let mut places = Vec::with_capacity(pairs.len());
        let runs: Vec<&[(u32, u32)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
        let asked = upload(self.backend, &self.gather(runs.iter().map(|run| run[0].0)))?;
        let queries = crate::rows::rows::<B>(asked.borrow(), self.sketch.dim)?;
        let search = Neighbors::new(MOST).metric(self.sketch.metric).search(Search::All);
        let near = search.among(self.backend, queries, self.rows()?)?;
        for (at, run) in runs.iter().enumerate() {
            let list = near.row(at).1;
            let place = |j: u32| list.iter().position(|&other| other == j).map(|place| place + 1);
            places.extend(run.iter().map(|pair| place(pair.1)));
        }
        Ok(places)
    }

    /// The numbers of the rows, near ones near each other.
    pub(super) fn order(&self) -> &[u32] {
        self.cells.numbers()
    }

    /// The candidates of every row, `plan.candidates` numbers each, and the share of pairs met.
    pub(super) fn lists(&self, plan: Plan) -> Result<(Vec<u32>, f64), Error<B::Error>> {
        let wide = plan.candidates;
        let guests = self.guests(plan.depth)?;
        let host = self.gather(self.cells.numbers().iter().copied());
        let placed = upload(self.backend, &host)?;
        let placed = crate::rows::rows::<B>(placed.borrow(), self.sketch.dim)?;
        let mut held = Held::new(self.backend, placed.len(), wide)?;
        let mut near = vec![NONE; placed.len() * wide];
        let (mut met, mut first) = (0, 0);
        while first < self.cells.len() {
            let slab = guests.slab(first);
            first = slab.end;
            let who = guests.of(slab.clone());
            met += self.meet(&guests, slab.clone(), placed, &mut held)?;
            let mine = self.cells.cell(slab.start).start..self.cells.cell(slab.end - 1).end;
            let found = held.read(mine.clone())?;
            for (&row, list) in
                self.cells.numbers()[mine].iter().zip(found.indices().chunks_exact(wide))
            {
                let to = &mut near[row as usize * wide..][..wide];
                for (to, &at) in to.iter_mut().zip(list).filter(|(_, at)| **at != NONE) {
                    *to = who[at as usize];
                }
            }
        }
        let all = placed.len() as f64;
        Ok((near, met as f64 / (all * all)))
    }

    /// The rows of some cells meet their guests, by position in the slab. Returns how many pairs.
    fn meet(
        &self,
        guests: &Guests,
        slab: Range<usize>,
        placed: Rows<'_, Values<B>>,
        held: &mut Held<'_, B>,
    ) -> Result<u64, Error<B::Error>> {
        let who = guests.of(slab.clone());
        let gathered = upload(self.backend, &self.gather(who.iter().copied()))?;
        let y = crate::rows::rows::<B>(gathered.borrow(), self.sketch.dim)?;
        let (mut blocks, mut met) = (Vec::with_capacity(slab.len()), 0);
        let first = guests.starts[slab.start];
        for cell in slab.clone() {
            let (own, theirs) = (self.cells.cell(cell), &guests.starts[cell..cell + 2]);
            let y = ((theirs[0] - first) as u32, (theirs[1] - first) as u32);
            blocks.push(Block { x: (own.start as u32, own.end as u32), y });
            met += own.len() as u64 * u64::from(y.1 - y.0);
        }
        let mine = self.cells.cell(slab.start).start..self.cells.cell(slab.end - 1).end;
        let x = placed.range(mine.start, mine.end)?;
        held.fold(Pairs::new(x, y, self.sketch.metric)?.visit(Visit::Blocks(&blocks))?)?;
        Ok(met)
    }

    /// Who enters each cell, the rows for which it is nearest first.
    fn guests(&self, depth: usize) -> Result<Guests, Error<B::Error>> {
        let near = self.cells.nearest(self.backend, self.rows()?, depth)?;
        let mut starts = vec![0; self.cells.len() + 1];
        near.indices().iter().for_each(|&cell| starts[cell as usize + 1] += 1);
        for cell in 0..self.cells.len() {
            starts[cell + 1] += starts[cell];
        }
        let (mut next, mut rows) = (starts.clone(), vec![0; near.indices().len()]);
        for rank in 0..near.k() {
            for (row, &cell) in near.indices().iter().skip(rank).step_by(near.k()).enumerate() {
                rows[next[cell as usize]] = row as u32;
                next[cell as usize] += 1;
            }
        }
        Ok(Guests { starts, rows })
    }
}

/// The rows that enter each cell.
struct Guests {
    starts: Vec<usize>,
    rows: Vec<u32>,
}

impl Guests {
    /// Cells from `first` on, at least one, with about [`GATHERED`] guests.
    fn slab(&self, first: usize) -> Range<usize> {
        let most = self.starts[first] + GATHERED;
        first..(self.starts.partition_point(|&start| start <= most) - 1).max(first + 1)
    }

    fn of(&self, slab: Range<usize>) -> &[u32] {
        &self.rows[self.starts[slab.start]..self.starts[slab.end]]
    }
}

/// The least number that is not below the given share of all; none where that is not known.
fn least(mut all: Vec<Option<usize>>, share: f64) -> Option<usize> {
    all.sort_unstable_by_key(|place| place.unwrap_or(usize::MAX));
    let at = libm::ceil(share * all.len() as f64) as usize;
    *all.get(at.max(1) - 1)?
}
