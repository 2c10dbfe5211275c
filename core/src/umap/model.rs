//! An embedding, and where new rows go in it.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::epochs::{self, Schedule};
use super::fuzzy::Scales;
use super::{FEW, Start, Umap};
use crate::backend::{Alloc, Values};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::neighbors::{Csr, Lists, Neighbors};
use crate::rows::Rows;

/// A new row is moved by so much less than the rows of a fit.
const GENTLE: f64 = 0.25;

/// Points of few coordinates, one for each row that was embedded: plain host data.
///
/// Memory and [bytes](Self::to_bytes): the points and a hundred bytes; the rows are not kept.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Model<T> {
    pub(super) umap: Umap,
    pub(super) embedding: Vec<T>,
    pub(super) epochs: u32,
    pub(super) began: Option<Start>,
}

impl<T: Element> Model<T> {
    /// The points, row-major, `n × components`.
    #[must_use]
    pub fn embedding(&self) -> &[T] {
        &self.embedding
    }

    /// Coordinates of a point.
    #[must_use]
    pub fn components(&self) -> usize {
        self.umap.components
    }

    /// The points as rows on a CPU.
    #[must_use]
    pub fn points(&self) -> Rows<'_, [T]> {
        Rows::new(&self.embedding, self.umap.components).expect("whole points")
    }

    /// The options it was made with.
    #[must_use]
    pub fn options(&self) -> &Umap {
        &self.umap
    }

    /// Epochs of the layout: fewer than wanted where it was broken off.
    #[must_use]
    pub fn epochs(&self) -> u32 {
        self.epochs
    }

    /// Where the layout began: another start than the wanted one says that this could not be
    /// had. None for a layout from given positions.
    #[must_use]
    pub fn began(&self) -> Option<Start> {
        self.began
    }

    /// Points for new rows among the embedded ones, which do not move: `reference` are the rows
    /// of the fit. A row's point depends on that row alone – not on the others, nor on its place
    /// among them. `O(m·n·dim)` for the neighbours.
    ///
    /// # Errors
    /// `reference` has another number of rows than the embedding; dims differ; a row is not
    /// finite; the machine's.
    pub fn transform<B: Alloc<Elem = T>>(
        &self,
        backend: &B,
        reference: Rows<'_, Values<B>>,
        rows: Rows<'_, Values<B>>,
    ) -> Result<Vec<T>, Error<B::Error>> {
        let n = self.embedding.len() / self.umap.components;
        ShapeError::check("rows of the reference", n, reference.len())?;
        let search = Neighbors::new(self.umap.neighbors.min(n)).metric(self.umap.metric);
        let lists = search.among(backend, rows, reference)?;
        let graph = self.edges(backend, &lists, reference.start());
        let start: Vec<T> = self.embedding.iter().copied().chain(self.means(&graph)).collect();
        let epochs = match self.umap.epochs {
            Some(epochs) => epochs / 3,
            None => {
                if n <= FEW {
                    100
                } else {
                    30
                }
            }
        };
        let schedule = Schedule { epochs, rate: GENTLE * self.umap.rate, fixed: n };
        let mut on = |_| ControlFlow::Continue(());
        let (all, _) = epochs::run(backend, &graph, &start, (&self.umap, &schedule), &mut on)?;
        Ok(all[self.embedding.len()..].to_vec())
    }

    /// Edges from new rows, which stand behind the embedded ones, to these; strengths are shares
    /// of a row's strongest, so that no row depends on another.
    fn edges<B: Alloc<Elem = T>>(&self, backend: &B, lists: &Lists<T>, first: usize) -> Csr<T> {
        let n = self.embedding.len() / self.umap.components;
        let scales = Scales::of_each(backend, lists, (self.umap.connectivity - 1.0).max(0.0));
        Csr::of_rows(n + lists.len(), |row, out| {
            let Some(i) = row.checked_sub(n) else { return };
            let (dist, to) = lists.row(i);
            let strengths: Vec<f64> = dist.iter().map(|d| scales.strength(i, d.as_f64())).collect();
            let most = strengths.iter().fold(0f64, |most, &w| most.max(w));
            for (&to, w) in to.iter().zip(strengths).filter(|(_, w)| *w > 0.0) {
                out.push(to - first as u32, T::of_f64(w / most));
            }
        })
    }

    /// Where new rows begin: at the mean of their neighbours, by strength.
    fn means(&self, graph: &Csr<T>) -> Vec<T> {
        let dim = self.umap.components;
        let mut out = Vec::new();
        for i in self.embedding.len() / dim..graph.len() {
            let (to, weights) = graph.row(i);
            let mass: f64 = weights.iter().map(|w| w.as_f64()).sum();
            for t in 0..dim {
                let at = |&to: &u32| self.embedding[to as usize * dim + t].as_f64();
                let sum: f64 = to.iter().zip(weights).map(|(to, w)| w.as_f64() * at(to)).sum();
                out.push(T::of_f64(if mass > 0.0 { sum / mass } else { 0.0 }));
            }
        }
        out
    }
}
