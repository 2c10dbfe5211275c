//! Cells: rows next to each other by their nearest centre, for many coordinates.
//!
//! Boxes say nothing in high dimension, and neither do bounds from centres: almost every cell
//! could hold a neighbour of almost every row. But neighbours *are* mostly in the cells nearby,
//! so that looking at cells in order of the distance of their centres finds nearly all of them
//! early (inverted lists: Jégou, Douze, Schmid 2011). A search over cells is approximate when it
//! is stopped; how much it found is measured, not assumed.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};
use core::ops::Range;

use num_traits::Zero;

use crate::backend::{Alloc, MAX_NEIGHBORS, Values};
use crate::error::{Error, ShapeError};
use crate::kmeans::{Init, KMeans};
use crate::neighbors::{Neighbors, Search};
use crate::rows::Rows;

/// Sampled rows for each centre.
const SAMPLED: usize = 24;
/// Rounds of k-means on the sample.
const ROUNDS: u32 = 4;

/// Rows in the order of their cells, on a backend.
pub struct Cells<B: Alloc> {
    data: B::Owned<B::Elem>,
    dim: usize,
    rows: Vec<u32>,
    /// Where each cell begins, and the end.
    starts: Vec<usize>,
    /// All cells for each cell, by the distance of their centres.
    near: Vec<u32>,
}

impl<B: Alloc> core::fmt::Debug for Cells<B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Cells").field("cells", &self.len()).finish_non_exhaustive()
    }
}

impl<B: Alloc> Cells<B> {
    /// Up to `centres` cells, by k-means on a sample of the rows. `O(n·centres·dim)`; two copies
    /// of the rows on the host while it is built, one on the backend.
    ///
    /// # Errors
    /// There are no rows, or fewer than one or more than [`MAX_NEIGHBORS`] centres; a row is not
    /// finite; the machine's.
    pub fn new(
        backend: &B,
        rows: Rows<'_, Values<B>>,
        centres: usize,
        seed: u64,
    ) -> Result<Self, Error<B::Error>> {
        ShapeError::at_least("centres", 1, centres)?;
        ShapeError::at_least("most centres", centres, MAX_NEIGHBORS)?;
        let (dim, n) = (rows.dim(), rows.len());
        let mut host = vec![B::Elem::zero(); n * dim];
        backend.read(rows.data(), rows.start() * dim, &mut host).map_err(Error::Backend)?;
        let step = (n / (SAMPLED * centres)).max(1);
        let sample: Vec<B::Elem> =
            host.chunks_exact(dim).step_by(step).flatten().copied().collect();
        let sample = put(backend, &sample)?;
        let model = KMeans::new(centres)
            .seed(seed)
            .init(Init::Random)
            .max_iter(ROUNDS)
            .fit(backend, crate::rows::rows::<B>(sample.borrow(), dim)?)?
            .model;
        let labels = model.predict(backend, rows)?;
        let (order, starts) = by_label(&labels, model.k());
        let placed: Vec<B::Elem> =
            order.iter().flat_map(|&i| &host[i as usize * dim..][..dim]).copied().collect();
        let data = put(backend, &placed)?;
        let centres: Vec<B::Elem> = (0..model.k()).flat_map(|c| model.center(c)).copied().collect();
        let centres = put(backend, &centres)?;
        let centres = crate::rows::rows::<B>(centres.borrow(), dim)?;
        let near =
            Neighbors::new(model.k()).search(Search::All).among(backend, centres, centres)?;
        Ok(Self { data, dim, rows: order, starts, near: near.indices().to_vec() })
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

    /// All cells in order of the distance of their centres from that of cell `at`.
    #[must_use]
    pub fn near(&self, at: usize) -> &[u32] {
        &self.near[at * self.len()..(at + 1) * self.len()]
    }

    /// The caller's number of the row at each position, counted from the first.
    #[must_use]
    pub fn numbers(&self) -> &[u32] {
        &self.rows
    }

    /// The rows, by position.
    ///
    /// # Errors
    /// None for what the constructor made.
    pub fn rows(&self) -> Result<Rows<'_, Values<B>>, Error<B::Error>> {
        Ok(crate::rows::rows::<B>(self.data.borrow(), self.dim)?)
    }
}

/// A copy of `host` on the backend.
fn put<B: Alloc>(backend: &B, host: &[B::Elem]) -> Result<B::Owned<B::Elem>, Error<B::Error>> {
    let mut data = backend.alloc::<B::Elem>(host.len()).map_err(Error::Backend)?;
    backend.write(data.borrow_mut(), 0, host).map_err(Error::Backend)?;
    Ok(data)
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
