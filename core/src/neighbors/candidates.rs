//! Candidates: the rows whose sketches are nearest, among those that enter the same cell.
//!
//! A row lives in the cell of its nearest centre and *enters* the cells of its `depth` nearest
//! ones. The rows that live in a cell meet all that enter it: one rectangle for each cell, whose
//! lists stay near. Whoever enters is gathered next to each other, some cells at a time.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::Borrow;

use super::guests::{Guests, Hosts, gathered};
use super::search::Held;
use super::sketch::Sketch;
use super::{Neighbors, Search};
use crate::backend::{Alloc, MAX_NEIGHBORS, NONE, Values, upload};
use crate::error::Error;
use crate::order::cells::Cells;
use crate::rows::Rows;

/// The most cells to enter, and the most candidates.
const MOST: usize = MAX_NEIGHBORS - 1;
/// Cells for each root of the number of rows.
const CELLS: f64 = 2.0;
/// Of the loss that is allowed, what a plan may spend: it is made for a sample, which flatters.
const SPENT: f64 = 0.75;

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
    fn gathered(&self, numbers: &[u32]) -> Result<B::Owned<B::Elem>, Error<B::Error>> {
        gathered(self.backend, (&self.sketch.data, self.sketch.dim), numbers)
    }

    /// The least that finds the share `wanted` of these pairs (row, neighbour) with some to spare,
    /// half of the loss to cells and half to candidates, `fewest` at least; none where no plan does.
    pub(super) fn plan(
        &self,
        pairs: &[(u32, u32)],
        (wanted, fewest): (f64, usize),
    ) -> Result<Option<Plan>, Error<B::Error>> {
        let share = 1.0 - SPENT * (1.0 - wanted) / 2.0;
        let depth = least(self.ranks(pairs)?, share);
        let candidates = least(self.places(pairs)?, share);
        let plan =
            |(depth, candidates): (_, usize)| Plan { depth, candidates: candidates.max(fewest) };
        Ok(depth.zip(candidates).map(plan))
    }

    /// Which of the cells that the neighbour enters is home to the row, from 1 on.
    fn ranks(&self, pairs: &[(u32, u32)]) -> Result<Vec<Option<usize>>, Error<B::Error>> {
        let neighbours: Vec<u32> = pairs.iter().map(|pair| pair.1).collect();
        let neighbours = self.gathered(&neighbours)?;
        let queries = crate::rows::rows::<B>(neighbours.borrow(), self.sketch.dim)?;
        let home = |pair: &(u32, u32)| self.cells.homes()[pair.0 as usize];
        let homes: Vec<u32> = pairs.iter().map(home).collect();
        let ranks = self.cells.ranks(self.backend, queries, &homes)?;
        Ok(ranks.into_iter().map(|rank| Some(rank).filter(|&rank| rank <= MOST)).collect())
    }

    /// Where the neighbour stands in the list of the row's nearest sketches, from 1 on.
    fn places(&self, pairs: &[(u32, u32)]) -> Result<Vec<Option<usize>>, Error<B::Error>> {
        let mut places = Vec::with_capacity(pairs.len());
        let runs: Vec<&[(u32, u32)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
        let asked = self.gathered(&runs.iter().map(|run| run[0].0).collect::<Vec<_>>())?;
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
        let (wide, n) = (plan.candidates, self.order().len());
        let Sketch { data, dim, metric } = &self.sketch;
        let entered = self.cells.nearest(self.backend, self.rows()?, plan.depth)?;
        let guests = Guests::by_rank(self.cells.len(), entered.k(), entered.indices());
        let hosts = Hosts::new(self.backend, &self.cells, (data, *dim), *metric)?;
        let mut held = Held::new(self.backend, n, wide)?;
        let mut near = vec![NONE; n * wide];
        let met = hosts.meet(&guests, &mut held, |mine, who, held| {
            let found = held.read(mine.clone())?;
            for (&row, list) in self.order()[mine].iter().zip(found.indices().chunks_exact(wide)) {
                let to = &mut near[row as usize * wide..][..wide];
                for (to, &at) in to.iter_mut().zip(list).filter(|(_, at)| **at != NONE) {
                    *to = who[at as usize];
                }
            }
            Ok(())
        })?;
        Ok((near, met as f64 / (n as f64 * n as f64)))
    }
}

/// The least number that is not below the given share of all; none where that is not known.
fn least(mut all: Vec<Option<usize>>, share: f64) -> Option<usize> {
    all.sort_unstable_by_key(|place| place.unwrap_or(usize::MAX));
    let at = libm::ceil(share * all.len() as f64) as usize;
    *all.get(at.max(1) - 1)?
}
