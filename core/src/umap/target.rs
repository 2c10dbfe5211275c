//! What is known of rows besides themselves: classes, or numbers.

use alloc::vec::Vec;

use super::Umap;
use super::fuzzy::{hold, united};
use crate::backend::{Backend, NONE};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::neighbors::Csr;

/// An edge to or from a row of unknown class keeps exp(−1) of its strength.
const UNKNOWN: f64 = 1.0;
/// An edge between classes keeps exp(−2.5 / (1 − weight)).
const APART: f64 = 2.5;

impl Umap {
    /// The graph with what is known of classes: edges between rows of different classes keep
    /// exp(−2.5 / (1 − weight)) of their strength – 0.007 at the usual `weight` of 0.5, nothing at
    /// 1 – and edges of rows that are not known, of class [`NONE`], exp(−1).
    /// Then every row's strongest edge is made 1 again (McInnes, Healy, Melville 2018, §5.2, and
    /// the authors' implementation). `O(edges)`.
    ///
    /// # Errors
    /// Not one class for each row; `weight` is not in 0..=1.
    pub fn classes<B: Backend>(
        &self,
        backend: &B,
        graph: &Csr<B::Elem>,
        classes: &[u32],
        weight: f64,
    ) -> Result<Csr<B::Elem>, Error<B::Error>> {
        ShapeError::check("classes", graph.len(), classes.len())?;
        check(weight)?;
        let apart = if weight < 1.0 { libm::exp(-APART / (1.0 - weight)) } else { 0.0 };
        let share = |a: u32, b: u32| match (a, b) {
            (NONE, _) | (_, NONE) => libm::exp(-UNKNOWN),
            (a, b) if a == b => 1.0,
            _ => apart,
        };
        let kept: Csr<B::Elem> = Csr::of_rows(graph.len(), |i, out| {
            let (to, weights) = graph.row(i);
            for (&to, w) in to.iter().zip(weights) {
                hold(out, to, w.as_f64() * share(classes[i], classes[to as usize]));
            }
        });
        Ok(connected(backend, &kept))
    }

    /// The graph met with the graph of a target that is numbers: [`graph`](Self::graph) of the
    /// [`lists`](Self::lists) of the target's rows. A `weight` of 0 keeps this graph alone, 1 the
    /// target's; an edge that only one of them has counts in the other with half the weakest
    /// strength there (the authors' `general_simplicial_set_intersection`). `O(edges)`.
    ///
    /// # Errors
    /// The graphs differ in rows; `weight` is not in 0..=1.
    pub fn met<B: Backend>(
        &self,
        backend: &B,
        graph: &Csr<B::Elem>,
        target: &Csr<B::Elem>,
        weight: f64,
    ) -> Result<Csr<B::Elem>, Error<B::Error>> {
        ShapeError::check("rows of the target", graph.len(), target.len())?;
        check(weight)?;
        let least = |graph: &Csr<B::Elem>| {
            let least = graph.weights.iter().fold(f64::MAX, |least, w| least.min(w.as_f64()));
            if graph.weights.is_empty() { 1e-8 } else { (least / 2.0).max(1e-8) }
        };
        let absent = (least(graph), least(target));
        let mixed = |a: f64, b: f64| {
            if weight < 0.5 {
                a * libm::pow(b, weight / (1.0 - weight))
            } else {
                libm::pow(a, (1.0 - weight) / weight) * b
            }
        };
        let both: Csr<B::Elem> = Csr::of_rows(graph.len(), |i, out| {
            for (to, a, b) in joined(graph.row(i), target.row(i)) {
                hold(out, to, mixed(a.unwrap_or(absent.0), b.unwrap_or(absent.1)));
            }
        });
        Ok(connected(backend, &both))
    }
}

fn check<E>(weight: f64) -> Result<(), Error<E>> {
    let fine = (0.0..=1.0).contains(&weight);
    if fine { Ok(()) } else { Err(Error::Parameter { name: "weight", why: "must be 0 to 1" }) }
}

/// The edges of either row of a graph, by target.
fn joined<'a, T: Element>(
    a: (&'a [u32], &'a [T]),
    b: (&'a [u32], &'a [T]),
) -> Vec<(u32, Option<f64>, Option<f64>)> {
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while i < a.0.len() || j < b.0.len() {
        let to = |row: (&[u32], &[T]), at: usize| row.0.get(at).copied().unwrap_or(NONE);
        let least = to(a, i).min(to(b, j));
        let take = |row: (&[u32], &[T]), at: &mut usize| {
            let here = (to(row, *at) == least).then(|| row.1[*at].as_f64());
            *at += usize::from(here.is_some());
            here
        };
        let (left, right) = (take(a, &mut i), take(b, &mut j));
        out.push((least, left, right));
    }
    out
}

/// Every row's strongest edge made 1, then the union of both directions.
fn connected<B: Backend>(backend: &B, graph: &Csr<B::Elem>) -> Csr<B::Elem> {
    let shares = Csr::of_rows(graph.len(), |i, out| {
        let (to, weights) = graph.row(i);
        let most = weights.iter().fold(0f64, |most, w| most.max(w.as_f64()));
        for (&to, w) in to.iter().zip(weights) {
            out.push(to, w.as_f64() / most);
        }
    });
    united(backend, &shares, 1.0)
}
