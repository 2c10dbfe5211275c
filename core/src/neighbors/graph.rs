//! What a search gives: lists, and graphs in compressed rows.

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::{Backend, NONE};
use crate::element::Element;
use crate::host::parts;

/// k neighbours of every row, ascending by (distance, row number), padded with (∞, [`NONE`]).
///
/// Shape: `rows × k` distances and as many row numbers, which are positions in the buffer of the
/// rows that were looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Lists<T> {
    pub(super) k: usize,
    pub(super) dist: Vec<T>,
    pub(super) index: Vec<u32>,
}

/// A weighted graph in compressed rows: the edges of row i stand at `offsets[i]..offsets[i + 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Csr<T> {
    /// `rows + 1` positions, ascending from 0.
    pub offsets: Vec<usize>,
    /// The other end of every edge.
    pub targets: Vec<u32>,
    /// A distance, or 1.
    pub weights: Vec<T>,
}

impl<T: Element> Lists<T> {
    /// Lists of `rows` rows without a neighbour.
    pub(super) fn empty(rows: usize, k: usize) -> Self {
        Self { k, dist: vec![T::infinity(); rows * k], index: vec![NONE; rows * k] }
    }

    /// Entries per row.
    #[must_use]
    pub fn k(&self) -> usize {
        self.k
    }

    /// How many rows were asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dist.len() / self.k
    }

    /// Whether no row was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dist.is_empty()
    }

    /// All distances, `rows × k`.
    #[must_use]
    pub fn distances(&self) -> &[T] {
        &self.dist
    }

    /// All row numbers, `rows × k`.
    #[must_use]
    pub fn indices(&self) -> &[u32] {
        &self.index
    }

    /// Distances and numbers of the neighbours of the `i`-th row asked for; fewer than k where
    /// there are no more.
    #[must_use]
    pub fn row(&self, i: usize) -> (&[T], &[u32]) {
        let (dist, index) =
            (&self.dist[i * self.k..][..self.k], &self.index[i * self.k..][..self.k]);
        let found = index.iter().take_while(|&&j| j != NONE).count();
        (&dist[..found], &index[..found])
    }

    /// The same lists cut to their first `k` entries, from 1 to all of them: one search for the
    /// longest lists serves everything that needs shorter ones.
    ///
    /// ```
    /// use enfold_core::{Rows, neighbors::Neighbors};
    /// use enfold_cpu::Cpu;
    ///
    /// let data = [0.0f32, 1.0, 2.0, 10.0];
    /// let (cpu, rows) = (Cpu::<f32>::new(), Rows::new(&data[..], 1)?);
    /// let long = Neighbors::new(3).within(&cpu, rows)?;
    /// assert_eq!(long.first(1), Neighbors::new(1).within(&cpu, rows)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn first(&self, k: usize) -> Self {
        let k = k.clamp(1, self.k);
        let mut cut = Self { k, dist: vec![], index: vec![] };
        for start in (0..self.dist.len()).step_by(self.k) {
            cut.dist.extend_from_slice(&self.dist[start..][..k]);
            cut.index.extend_from_slice(&self.index[start..][..k]);
        }
        cut
    }

    /// The k-th distances, largest first. `O(n log n)`.
    #[must_use]
    pub fn curve(&self) -> Vec<T> {
        let mut curve: Vec<T> =
            self.dist.iter().skip(self.k - 1).step_by(self.k).copied().collect();
        curve.sort_unstable_by(|a, b| b.partial_cmp(a).unwrap_or(core::cmp::Ordering::Equal));
        curve
    }

    /// The graph of neighbours, weighted by distance.
    #[must_use]
    pub fn graph(&self) -> Csr<T> {
        Csr::of_rows(self.len(), |i, graph| {
            let (dist, index) = self.row(i);
            graph.targets.extend_from_slice(index);
            graph.weights.extend_from_slice(dist);
        })
    }

    /// The graph of neighbours with all weights 1.
    #[must_use]
    pub fn connectivity(&self) -> Csr<T> {
        let graph = self.graph();
        Csr { weights: vec![T::one(); graph.weights.len()], ..graph }
    }
}

impl<T> Csr<T> {
    /// Row by row: `add` appends the edges of row i.
    pub(crate) fn of_rows(rows: usize, mut add: impl FnMut(usize, &mut Self)) -> Self {
        let mut graph = Self { offsets: vec![0], targets: vec![], weights: vec![] };
        for i in 0..rows {
            add(i, &mut graph);
            graph.offsets.push(graph.targets.len());
        }
        graph
    }

    /// The same on the threads of a machine.
    pub(crate) fn of_rows_on<B: Backend>(
        backend: &B,
        rows: usize,
        add: impl Fn(usize, &mut Self) + Sync,
    ) -> Self
    where
        T: Send,
    {
        let parts = parts::map(backend, rows, |part| {
            Self::of_rows(part.len(), |i, graph| add(part.start + i, graph))
        });
        let mut graph = Self { offsets: vec![0], targets: vec![], weights: vec![] };
        for part in parts {
            let first = graph.targets.len();
            graph.offsets.extend(part.offsets[1..].iter().map(|&end| first + end));
            graph.targets.extend(part.targets);
            graph.weights.extend(part.weights);
        }
        graph
    }

    /// One more edge of the row that is being added.
    pub(crate) fn push(&mut self, target: u32, weight: T) {
        self.targets.push(target);
        self.weights.push(weight);
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The edges of row `i`: targets and weights.
    #[must_use]
    pub fn row(&self, i: usize) -> (&[u32], &[T]) {
        let edges = self.offsets[i]..self.offsets[i + 1];
        (&self.targets[edges.clone()], &self.weights[edges])
    }
}
