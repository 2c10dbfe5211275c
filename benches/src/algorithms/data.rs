//! The rows of one measurement, and what algorithms want to be told about them.

use std::path::PathBuf;

use crate::failure::Outcome;
use crate::file::write_rows;
use crate::peers::Peers;
use crate::shape::{self, Shape};

/// Neighbours that make a row of DBSCAN a core row, itself included.
pub(crate) const NEED: usize = 10;
/// Rows whose distances are looked at for a radius.
const LOOKED: usize = 101;

/// The first rows of a shape.
#[derive(Debug)]
pub(crate) struct Data<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) dim: usize,
    pub(crate) k: usize,
    /// Every (n div k)-th row.
    pub(crate) centers: Vec<f32>,
    /// The component each row was drawn from.
    pub(crate) labels: Vec<u32>,
    /// A radius within which about half of the rows are core rows.
    pub(crate) eps: f64,
    /// Where the peers find the rows, and with `.labels` the labels.
    pub(crate) path: PathBuf,
}

impl<'a> Data<'a> {
    pub(crate) fn new(shape: &'a Shape, rows: usize) -> Self {
        let (dim, k) = (shape.dim, shape.centers());
        let n = rows.min(shape.rows()).max(k);
        let x = &shape.x[..n * dim];
        let centers = shape::spread(x, dim, k);
        let labels = (0..n).map(|i| (i % k) as u32).collect();
        Self { x, dim, k, centers, labels, eps: radius(x, dim), path: PathBuf::new() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.x.len() / self.dim
    }

    /// Files for the peers, where there are any.
    pub(crate) fn share(mut self, peers: &Peers) -> Outcome<Self> {
        if peers.any() {
            let name = format!("mixture_{}x{}x{}.npy", self.rows(), self.dim, self.k);
            self.path = peers.folder.join(name);
            write_rows(&self.path, self.x, self.dim).map_err(|e| format!("--data: {e}"))?;
            let labels: Vec<u8> = self.labels.iter().flat_map(|l| l.to_le_bytes()).collect();
            std::fs::write(self.path.with_extension("labels"), labels)?;
        }
        Ok(self)
    }
}

/// The middle of the distances to the `NEED`-th nearest, of rows spread over all.
fn radius(x: &[f32], dim: usize) -> f64 {
    let n = x.len() / dim;
    let row = |i: usize| &x[i * dim..][..dim];
    let reach = |i: usize| {
        let mut all: Vec<f64> = (0..n).map(|j| shape::squared(row(i), row(j))).collect();
        *all.select_nth_unstable_by(NEED.min(n) - 1, f64::total_cmp).1
    };
    let mut middle: Vec<f64> = (0..n).step_by(n.div_ceil(LOOKED)).map(reach).collect();
    let half = middle.len() / 2;
    // A little above, so that no rounding decides whether those two are neighbours.
    1.000_01 * middle.select_nth_unstable_by(half, f64::total_cmp).1.sqrt()
}
