//! Rows by the cells of centres: an order for many coordinates.
//!
//! A k-d tree excludes next to nothing beyond about ten coordinates, for the boxes of its blocks
//! overlap. Neighbours in data with any structure *are* mostly in the cells whose centres are
//! nearest, so that every row enters a few cells and meets the rows that live there (inverted
//! lists with several assignments: Jégou, Douze, Schmid 2011). A search over cells is approximate;
//! how much it finds is measured, not assumed.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};
use core::ops::Range;

use num_traits::Zero;

use crate::backend::{Alloc, Values, upload};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::kmeans::{Init, KMeans, Model};
use crate::metric::Metric;
use crate::neighbors::{Lists, Neighbors, Search};
use crate::rows::{Pairs, Rows};

/// Sampled rows for each centre, and rounds of k-means on them. Fewer of either make cells that
/// neighbours share less: on MNIST a row had to enter 50 instead of 37.
const TRAINING: (usize, u32) = (96, 8);

/// Rows whose distances to the centres are taken together.
const PART: usize = 512;

/// Centres, and rows in the order of the cells that they are nearest to.
pub struct Cells<B: Alloc> {
    dim: usize,
    centres: B::Owned<B::Elem>,
    /// The cell of every row, by number.
    homes: Vec<u32>,
    rows: Vec<u32>,
    /// Where each cell begins, and the end.
    starts: Vec<usize>,
}

impl<B: Alloc> core::fmt::Debug for Cells<B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Cells").field("cells", &self.len()).finish_non_exhaustive()
    }
}

impl<B: Alloc> Cells<B> {
    /// Up to `centres` cells, by k-means on a sample of the rows. `O(n·centres·dim)`.
    ///
    /// # Errors
    /// There are no rows, or no centres; a row is not finite; the machine's.
    pub fn new(
        backend: &B,
        rows: Rows<'_, Values<B>>,
        centres: usize,
        seed: u64,
    ) -> Result<Self, Error<B::Error>> {
        ShapeError::at_least("centres", 1, centres)?;
        let (sampled, rounds) = TRAINING;
        let sample = sample(backend, rows, sampled * centres)?;
        let sample = crate::rows::rows::<B>(sample.borrow(), rows.dim())?;
        Self::of(backend, rows, &train(backend, sample, (centres, rounds), seed)?)
    }

    /// The cells of a model's centres.
    pub(crate) fn of(
        backend: &B,
        rows: Rows<'_, Values<B>>,
        model: &Model<B::Elem>,
    ) -> Result<Self, Error<B::Error>> {
        let (dim, homes) = (rows.dim(), model.predict(backend, rows)?);
        let (rows, starts) = by_label(&homes, model.k());
        let centres = upload(backend, &centres(model))?;
        Ok(Self { dim, centres, homes, rows, starts })
    }

    /// Cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The positions of a cell's rows.
    #[must_use]
    pub fn cell(&self, at: usize) -> Range<usize> {
        self.starts[at]..self.starts[at + 1]
    }

    /// The number of the row at each position, counted from the first.
    #[must_use]
    pub fn numbers(&self) -> &[u32] {
        &self.rows
    }

    /// The cell of each row, by its number.
    #[must_use]
    pub fn homes(&self) -> &[u32] {
        &self.homes
    }

    /// Which of the cells that are nearest to each row is the one named for it, from 1 on; the
    /// lower cell first where two are as near.
    ///
    /// # Errors
    /// The machine's.
    pub(crate) fn ranks(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        named: &[u32],
    ) -> Result<Vec<usize>, Error<B::Error>> {
        let (n, mut ranks) = (self.len(), Vec::with_capacity(named.len()));
        let centres = crate::rows::rows::<B>(self.centres.borrow(), self.dim)?;
        let mut dist = vec![B::Elem::zero(); PART.min(rows.len()) * n];
        for start in (rows.start()..rows.end()).step_by(PART) {
            let part = rows.range(start, (start + PART).min(rows.end()))?;
            let dist = &mut dist[..part.len() * n];
            let pairs = Pairs::new(part, centres, Metric::SqEuclidean)?;
            backend.distances(pairs, dist).map_err(Error::Backend)?;
            for dist in dist.chunks_exact(n) {
                let cell = named[ranks.len()] as usize;
                let (lower, higher) = dist.split_at(cell);
                let before = lower.iter().filter(|&&d| d <= dist[cell]).count();
                ranks.push(1 + before + higher.iter().filter(|&&d| d < dist[cell]).count());
            }
        }
        Ok(ranks)
    }

    /// The `depth` cells that are nearest to each row, of all where there are fewer.
    ///
    /// # Errors
    /// As [`Neighbors::among`].
    pub fn nearest(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        depth: usize,
    ) -> Result<Lists<B::Elem>, Error<B::Error>> {
        let centres = crate::rows::rows::<B>(self.centres.borrow(), self.dim)?;
        Neighbors::new(depth.min(self.len())).search(Search::All).among(backend, rows, centres)
    }
}

/// Centres of sampled rows.
pub(crate) fn train<B: Alloc>(
    backend: &B,
    sample: Rows<'_, Values<B>>,
    (centres, rounds): (usize, u32),
    seed: u64,
) -> Result<Model<B::Elem>, Error<B::Error>> {
    let options = KMeans::new(centres).seed(seed).init(Init::Random).max_iter(rounds);
    Ok(options.fit(backend, sample)?.model)
}

/// The centres of a model, one after the other.
pub(crate) fn centres<T: Element>(model: &Model<T>) -> Vec<T> {
    (0..model.k()).flat_map(|c| model.center(c)).copied().collect()
}

/// About `wanted` rows, evenly spaced, on the backend.
pub(crate) fn sample<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    wanted: usize,
) -> Result<B::Owned<B::Elem>, Error<B::Error>> {
    let (dim, step) = (rows.dim(), (rows.len() / wanted).max(1));
    let mut some =
        backend.alloc::<B::Elem>(rows.len().div_ceil(step) * dim).map_err(Error::Backend)?;
    for (to, from) in (rows.start()..rows.end()).step_by(step).enumerate() {
        backend
            .copy(rows.data(), from * dim, some.borrow_mut(), to * dim, dim)
            .map_err(Error::Backend)?;
    }
    Ok(some)
}

/// Row numbers by label, each label's ascending, and where each label begins.
fn by_label(labels: &[u32], k: usize) -> (Vec<u32>, Vec<usize>) {
    let mut starts = vec![0; k + 1];
    for &label in labels {
        starts[label as usize + 1] += 1;
    }
    for c in 0..k {
        starts[c + 1] += starts[c];
    }
    let (mut next, mut order) = (starts.clone(), vec![0; labels.len()]);
    for (i, &label) in labels.iter().enumerate() {
        order[next[label as usize]] = i as u32;
        next[label as usize] += 1;
    }
    (order, starts)
}
