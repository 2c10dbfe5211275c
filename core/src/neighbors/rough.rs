//! The k nearest, nearly: cells nearby until enough of a sample is right.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use super::search::Held;
use super::{Lists, MANY, Neighbors, check_rows};
use crate::backend::{Alloc, MAX_NEIGHBORS, NONE, Values};
use crate::error::Error;
use crate::order::cells::Cells;
use crate::rows::{Block, Metric, Pairs, Rows, Visit};

/// Rows whose true neighbours are looked up, at most.
const SAMPLE: usize = 256;
/// What the sample must show above what is asked.
const MARGIN: f64 = 0.001;
/// The first round looks at one cell in so many; each round doubles what was looked at.
const FIRST: usize = 12;

/// Lists that may lack some neighbours, and how many by measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Rough<T> {
    /// The lists. Distances are right for the rows they name.
    pub lists: Lists<T>,
    /// Share of the true neighbours that is there, on a sample of up to 256 rows. 1 means exact
    /// when `visited` is 1, too.
    pub recall: f64,
    /// Share of the pairs that were looked at.
    pub visited: f64,
}

impl Neighbors {
    /// The k nearest among `rows` for each of them, without the row itself, until about `recall`
    /// of them are found: for many coordinates, where an exact search looks at every pair.
    ///
    /// Rows are grouped into cells around centres; cells are looked at in order of the distance
    /// of their centres, in rounds, until a sample of rows has that share of its true
    /// neighbours. Among rows at the very same distance any may be named. Few rows, and k of
    /// [`MAX_NEIGHBORS`] on, are searched exactly.
    ///
    /// # Errors
    /// As [`within`](Self::within); `recall` is not in (0, 1].
    pub fn roughly<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        recall: f64,
    ) -> Result<Rough<B::Elem>, Error<B::Error>> {
        self.check()?;
        if !(recall > 0.0 && recall <= 1.0) {
            return Err(Error::Parameter { name: "recall", why: "a share above 0, up to 1" });
        }
        if rows.len() < MANY || self.k >= MAX_NEIGHBORS || !self.metric.has_bounds() {
            let lists = self.within(backend, rows)?;
            return Ok(Rough { lists, recall: 1.0, visited: 1.0 });
        }
        check_rows(backend, rows, self.metric)?;
        check_rows(backend, rows, Metric::SqEuclidean)?;
        let cells = Cells::new(backend, rows, cells_for(rows.len()), 0)?;
        let mut held = Held::new(backend, rows.len(), self.k)?;
        let sample = Sample::of(backend, &cells, self)?;
        let (mut seen, mut next) = (0, cells.len().div_ceil(FIRST));
        loop {
            look(&cells, self.metric, seen..next, &mut held)?;
            (seen, next) = (next, (2 * next).min(cells.len()));
            let share = sample.share(&held)?;
            if share >= (recall + MARGIN).min(1.0) && recall < 1.0 || seen == cells.len() {
                let found = held.read(0..rows.len())?;
                let lists = named(&cells, &found, rows.start());
                let visited = seen as f64 / cells.len() as f64;
                return Ok(Rough { lists, recall: share, visited });
            }
        }
    }
}

/// Cells of about √n rows.
fn cells_for(rows: usize) -> usize {
    (libm::sqrt(rows as f64) as usize).clamp(1, MAX_NEIGHBORS)
}

/// Every cell meets the cells that are nearest to it by rank `ranks`; rank 0 is the cell itself.
fn look<B: Alloc>(
    cells: &Cells<B>,
    metric: Metric,
    ranks: core::ops::Range<usize>,
    held: &mut Held<'_, B>,
) -> Result<(), Error<B::Error>> {
    let rows = cells.rows()?;
    let mut blocks = Vec::new();
    for at in 0..cells.len() {
        let own = cells.cell(at);
        let x = (own.start as u32, own.end as u32);
        if ranks.start == 0 {
            let own = rows.range(own.start, own.end)?;
            held.fold(Pairs::new(own, own, metric)?.visit(Visit::OffDiagonal)?)?;
        }
        // Of equal centres another may come first.
        let others = cells.near(at).iter().filter(|&&other| other as usize != at);
        for &other in others
            .skip(ranks.start.saturating_sub(1))
            .take(ranks.len() - usize::from(ranks.start == 0))
        {
            let y = cells.cell(other as usize);
            blocks.push(Block { x, y: (y.start as u32, y.end as u32) });
        }
    }
    held.fold(Pairs::new(rows, rows, metric)?.visit(Visit::Blocks(&blocks))?)
}

/// Some rows and the distance of their true k-th neighbour.
struct Sample<T> {
    positions: Vec<usize>,
    /// All k distances of each.
    dist: Vec<T>,
    k: usize,
}

impl<T: crate::element::Element> Sample<T> {
    fn of<B: Alloc<Elem = T>>(
        backend: &B,
        cells: &Cells<B>,
        options: &Neighbors,
    ) -> Result<Self, Error<B::Error>> {
        let rows = cells.rows()?;
        let (dim, k) = (rows.dim(), options.k);
        let step = rows.len().div_ceil(SAMPLE);
        let positions: Vec<usize> = (0..rows.len()).step_by(step).collect();
        let mut some = backend.alloc::<T>(positions.len() * dim).map_err(Error::Backend)?;
        for (to, &from) in positions.iter().enumerate() {
            backend
                .copy(rows.data(), from * dim, some.borrow_mut(), to * dim, dim)
                .map_err(Error::Backend)?;
        }
        let mut held = Held::new(backend, positions.len(), k + 1)?;
        let queries = crate::rows::rows::<B>(some.borrow(), dim)?;
        held.fold(Pairs::new(queries, rows, options.metric)?)?;
        let found = held.read(0..positions.len())?;
        let mut dist = Vec::with_capacity(positions.len() * k);
        for (at, &me) in positions.iter().enumerate() {
            let (all, index) = found.row(at);
            // The row itself may be missing from a list of its duplicates.
            let own = index.iter().position(|&j| j as usize == me).unwrap_or(k);
            let others = all.iter().enumerate().filter(|e| e.0 != own).map(|e| *e.1).take(k);
            dist.extend(others.chain(core::iter::repeat(T::infinity())).take(k));
        }
        Ok(Self { positions, dist, k })
    }

    /// Share of the true neighbours that the lists hold, by distance.
    fn share<B: Alloc<Elem = T>>(&self, held: &Held<'_, B>) -> Result<f64, Error<B::Error>> {
        let (mut found, mut all) = (0, 0);
        for (truth, &at) in self.dist.chunks_exact(self.k).zip(&self.positions) {
            let worst = truth.iter().rev().copied().find(|d| d.is_finite());
            let list = held.read(at..at + 1)?;
            all += truth.iter().filter(|d| d.is_finite()).count();
            found += list.dist.iter().filter(|&&d| worst.is_some_and(|worst| d <= worst)).count();
        }
        Ok(if all == 0 { 1.0 } else { found as f64 / all as f64 })
    }
}

/// Lists by number from lists by position.
fn named<B: Alloc>(cells: &Cells<B>, found: &Lists<B::Elem>, first: usize) -> Lists<B::Elem> {
    let (k, numbers) = (found.k, cells.numbers());
    let mut out = Lists { k, dist: found.dist.clone(), index: vec![NONE; found.index.len()] };
    let mut list: Vec<(B::Elem, u32)> = Vec::with_capacity(k);
    for (at, &row) in numbers.iter().enumerate() {
        let entries = found.dist[at * k..].iter().zip(&found.index[at * k..]).take(k);
        let number = |j: u32| if j == NONE { NONE } else { numbers[j as usize] + first as u32 };
        list.clear();
        list.extend(entries.map(|(&d, &j)| (d, number(j))));
        for run in list.chunk_by_mut(|a, b| a.0 == b.0) {
            run.sort_unstable_by_key(|e| e.1);
        }
        for (entry, to) in list.iter().zip(row as usize * k..) {
            (out.dist[to], out.index[to]) = *entry;
        }
    }
    out
}
