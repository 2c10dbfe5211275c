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

use crate::backend::{Alloc, Values, upload};
use crate::error::{Error, ShapeError};
use crate::kmeans::{Init, KMeans};
use crate::neighbors::{Lists, Neighbors, Search};
use crate::rows::Rows;

/// Sampled rows for each centre.
const SAMPLED: usize = 24;
/// Rounds of k-means on the sample.
const ROUNDS: u32 = 4;

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
        let dim = rows.dim();
        let sample = sample(backend, rows, SAMPLED * centres)?;
        let model = KMeans::new(centres)
            .seed(seed)
            .init(Init::Random)
            .max_iter(ROUNDS)
            .fit(backend, crate::rows::rows::<B>(sample.borrow(), dim)?)?
            .model;
        let homes = model.predict(backend, rows)?;
        let (rows, starts) = by_label(&homes, model.k());
        let host: Vec<B::Elem> = (0..model.k()).flat_map(|c| model.center(c)).copied().collect();
        let centres = upload(backend, &host)?;
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

/// About `wanted` rows, evenly spaced, on the backend.
fn sample<B: Alloc>(
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
