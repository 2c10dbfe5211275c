//! The k nearest, nearly: candidates from cells of a sketch, distances of the rows themselves.

use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use super::candidates::Candidates;
use super::search::Held;
use super::sketch::Sketch;
use super::{Lists, MANY, Neighbors, Search, check_rows};
use crate::backend::{Alloc, MAX_NEIGHBORS, NONE, Values};
use crate::element::Element;
use crate::error::Error;
use crate::rows::{Block, Metric, Pairs, Rows, Visit};

/// Rows whose true neighbours are looked up, at most.
const SAMPLE: usize = 512;
/// Rows whose candidates are compared in one fold.
const COMPARED: usize = 4096;

/// Lists that may lack some neighbours, and how many by measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Rough<T> {
    /// The lists. Distances are right for the rows they name.
    pub lists: Lists<T>,
    /// Share of the true neighbours that is there, on the sample of up to 512 rows that the search
    /// was planned for: over all rows it is a little less. 1 means exact
    /// when `visited` is 1, too.
    pub recall: f64,
    /// Share of the pairs whose sketches were looked at.
    pub visited: f64,
}

impl Neighbors {
    /// The k nearest among `rows` for each of them, without the row itself, until about `recall`
    /// of them are found: for many coordinates, where an exact search looks at every pair.
    ///
    /// Rows of more than 64 coordinates are sketched by those along their 64 leading principal
    /// directions. A row lives in the cell of its nearest centre and enters a few cells more;
    /// those that live in a cell meet those that enter it, and the nearest by sketch are compared
    /// by distance. How many cells and how many candidates are wanted follows from the true
    /// neighbours of up to 512 rows, evenly spaced: of *their* neighbours at least `recall` is
    /// found, and [`Rough::recall`] is what is found of them. It is a sample's, and the plan was made
    /// for that sample: over all rows it may be less by some thousandths (MNIST, k = 15: 0.9931 by
    /// the sample, 0.9900 on 500 other rows, for 0.99).
    ///
    /// Among rows at the very same distance any may be named. The same rows give the same lists
    /// on any number of threads. Few rows, k of 128 on, Cosine, a recall of 1, and rows
    /// whose sketches say too little are searched exactly.
    ///
    /// Time: `O(n·√n·dim)` about, and `O(n·dim)` for the sample. Memory: about four sketches,
    /// `4·n` bytes for each cell that a row enters and `12·n` for each candidate.
    ///
    /// Sources: inverted lists, Jégou, Douze, Schmid 2011; leading directions of a sample, Halko,
    /// Martinsson, Tropp 2011.
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
            return Err(Error::Parameter {
                name: "recall",
                why: "must be a share above 0, up to 1",
            });
        }
        if recall < 1.0 && self.sketched(rows.len()) {
            check_rows(backend, rows, self.metric)?;
            if let Some(rough) = sketched(backend, rows, self, recall)? {
                return Ok(rough);
            }
        }
        let lists = self.within(backend, rows)?;
        Ok(Rough { lists, recall: 1.0, visited: 1.0 })
    }

    /// Whether a sketch can say anything.
    fn sketched(&self, rows: usize) -> bool {
        self.metric.has_bounds() && rows >= MANY && self.k < MAX_NEIGHBORS / 2
    }
}

/// The rough search; none where the sketch says too little.
fn sketched<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    options: &Neighbors,
    recall: f64,
) -> Result<Option<Rough<B::Elem>>, Error<B::Error>> {
    let Some(sketch) = Sketch::new(backend, rows, options.metric)? else { return Ok(None) };
    let sample = Sample::of(backend, rows, options)?;
    let candidates = Candidates::new(backend, sketch)?;
    let Some(plan) = candidates.plan(&sample.pairs(), (recall, options.k + 1))? else {
        return Ok(None);
    };
    let (near, visited) = candidates.lists(plan)?;
    let mut held = Held::new(backend, rows.end(), options.k)?;
    compare(rows, options.metric, (candidates.order(), &near), &mut held)?;
    let lists = held.read(rows.start()..rows.end())?;
    Ok(Some(Rough { recall: sample.share(&lists), lists, visited }))
}

/// Every row meets its candidates, without itself: rows in `order`, for near ones share theirs.
fn compare<B: Alloc>(
    rows: Rows<'_, Values<B>>,
    metric: Metric,
    (order, near): (&[u32], &[u32]),
    held: &mut Held<'_, B>,
) -> Result<(), Error<B::Error>> {
    let (first, wide) = (rows.start() as u32, near.len() / order.len());
    let (mut blocks, mut list) = (Vec::new(), Vec::with_capacity(wide));
    for part in order.chunks(COMPARED) {
        blocks.clear();
        for &i in part {
            list.clear();
            list.extend(near[i as usize * wide..][..wide].iter().filter(|&&j| j != NONE && j != i));
            list.sort_unstable();
            let runs = list.chunk_by(|a, b| a + 1 == *b);
            let ends = |run: &[u32]| (first + run[0], first + run[0] + run.len() as u32);
            let x = (first + i, first + i + 1);
            blocks.extend(runs.map(|run| Block { x, y: ends(run) }));
        }
        held.fold(Pairs::new(rows, rows, metric)?.visit(Visit::Blocks(&blocks))?)?;
    }
    Ok(())
}

/// Some rows and their true neighbours.
struct Sample<T> {
    /// Counted from the first row.
    positions: Vec<usize>,
    /// Numbers of the first row of all.
    first: usize,
    /// k + 1 entries for each, itself among them.
    lists: Lists<T>,
    k: usize,
}

impl<T: Element> Sample<T> {
    fn of<B: Alloc<Elem = T>>(
        backend: &B,
        rows: Rows<'_, Values<B>>,
        options: &Neighbors,
    ) -> Result<Self, Error<B::Error>> {
        let (dim, k) = (rows.dim(), options.k);
        let step = rows.len().div_ceil(SAMPLE);
        let positions: Vec<usize> = (0..rows.len()).step_by(step).collect();
        let mut some = backend.alloc::<T>(positions.len() * dim).map_err(Error::Backend)?;
        for (to, &at) in positions.iter().enumerate() {
            let from = (rows.start() + at) * dim;
            backend
                .copy(rows.data(), from, some.borrow_mut(), to * dim, dim)
                .map_err(Error::Backend)?;
        }
        let queries = crate::rows::rows::<B>(some.borrow(), dim)?;
        let all = Neighbors { k: k + 1, search: Search::All, ..*options };
        let lists = all.among(backend, queries, rows)?;
        Ok(Self { positions, first: rows.start(), lists, k })
    }

    /// (distance, number) of the true neighbours of the `at`-th, counted from the first row.
    fn of_row(&self, at: usize) -> impl Iterator<Item = (T, u32)> {
        let ((dist, index), me) = (self.lists.row(at), self.positions[at] as u32);
        let numbers = index.iter().map(|j| j - self.first as u32);
        // The row itself may be missing from a list of its duplicates.
        dist.iter().copied().zip(numbers).filter(move |e| e.1 != me).take(self.k)
    }

    /// Every row with each of its true neighbours.
    fn pairs(&self) -> Vec<(u32, u32)> {
        let of = |(at, &me): (usize, &usize)| self.of_row(at).map(move |e| (me as u32, e.1));
        self.positions.iter().enumerate().flat_map(of).collect()
    }

    /// Share of the true neighbours that the lists hold, by distance.
    fn share(&self, lists: &Lists<T>) -> f64 {
        let (mut found, mut all) = (0, 0);
        for (at, &me) in self.positions.iter().enumerate() {
            let Some((worst, _)) = self.of_row(at).last() else { continue };
            all += self.of_row(at).count();
            found += lists.row(me).0.iter().filter(|&&d| d <= worst).count();
        }
        if all == 0 { 1.0 } else { found as f64 / all as f64 }
    }
}
