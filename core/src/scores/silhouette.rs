//! The silhouette (Rousseeuw 1987).
//!
//! For a row with mean distance a to the other rows of its cluster and b to the rows of the
//! nearest other cluster, `s = (b − a) / max(a, b)`, from −1 to 1.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use num_traits::Zero;

use crate::backend::{Alloc, NONE, Values};
use crate::door;
use crate::element::Element;
use crate::error::Error;
use crate::rows::{Metric, Pairs, Rows, Visit};

use super::means::Means;
use super::{Groups, admit};

/// What becomes of rows labelled [`NONE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Noise {
    /// They are left out: not scored, in no mean, nobody's neighbour. Per row they read 0.
    #[default]
    Exclude,
    /// They are an error.
    Reject,
    /// They are one more cluster.
    Cluster,
}

/// Silhouette of rows and labels: options, then [`score`](Self::score) or
/// [`per_row`](Self::per_row).
///
/// Use it to compare clusterings of one data set; it favours round clusters of like size, so it
/// is no judge of what DBSCAN finds in rings. A row alone in its cluster scores 0, and so does one
/// with a = b = 0.
///
/// `O(n²·dim)` through [`sum_by_label`](crate::Backend::sum_by_label), a few thousand rows at a
/// time: memory is `O(n)` besides a fixed tile of 2²² sums. Under
/// [`Metric::SqEuclidean`] mean distances follow from means and spreads of the clusters,
/// `mean |x − y|² = |x − m|² + mean |y − m|²`: exact, `O(n·k·dim)`, in f64 on the host.
///
/// Scores are f64 from sums of distances, so off by no more than twice the relative error of a
/// sum: on the CPU 1.1·10⁻⁵ at the very worst and 10⁻⁷ in practice, in f32 as well. They have the
/// same bits for any number of threads; between instruction sets the last digits may differ.
///
/// ```
/// # use enfold_core::{Metric, Rows, scores::Silhouette};
/// # use enfold_cpu::Cpu;
/// let data = [0.0f32, 1.0, 10.0, 11.0];
/// let rows = Rows::new(&data[..], 1)?;
/// let score = Silhouette::new().metric(Metric::Manhattan).score(&Cpu::new(), rows, &[0, 0, 1, 1])?;
/// assert!((score - 0.8997).abs() < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silhouette {
    metric: Metric,
    noise: Noise,
}

impl Default for Silhouette {
    fn default() -> Self {
        Self::new()
    }
}

/// Sums held at a time, and rows that they are of, at most.
const SUMS: usize = 1 << 22;

impl Silhouette {
    /// Euclidean distances, noise left out.
    #[must_use]
    pub const fn new() -> Self {
        Self { metric: Metric::Euclidean, noise: Noise::Exclude }
    }

    /// The distance; Euclidean unless set.
    #[must_use]
    pub const fn metric(self, metric: Metric) -> Self {
        Self { metric, ..self }
    }

    /// What becomes of noise; left out unless set.
    #[must_use]
    pub const fn noise(self, noise: Noise) -> Self {
        Self { noise, ..self }
    }

    /// The mean silhouette of all scored rows.
    ///
    /// # Errors
    /// As [`per_row`](Self::per_row).
    pub fn score<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        labels: &[u32],
    ) -> Result<f64, Error<B::Error>> {
        let groups = self.groups(backend, rows, labels)?;
        let mut sum = 0.0;
        self.each(backend, rows, &groups, |_, s| sum += s)?;
        Ok(sum / groups.rows() as f64)
    }

    /// The silhouette of every row, in the order of the rows.
    ///
    /// # Errors
    /// Lengths differ, a row is not finite, there are fewer than two clusters or as many as rows,
    /// or noise is met and to be rejected.
    pub fn per_row<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        labels: &[u32],
    ) -> Result<Vec<f64>, Error<B::Error>> {
        let groups = self.groups(backend, rows, labels)?;
        let mut out = vec![0.0; rows.len()];
        self.each(backend, rows, &groups, |i, s| out[i] = s)?;
        Ok(out)
    }

    fn groups<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        labels: &[u32],
    ) -> Result<Groups, Error<B::Error>> {
        admit(backend, rows, self.metric, labels)?;
        if self.noise == Noise::Reject && labels.contains(&NONE) {
            return Err(Error::Parameter {
                name: "labels",
                why: "must not hold noise, which is to be rejected",
            });
        }
        let groups = Groups::of(labels.iter().copied(), self.noise == Noise::Cluster);
        groups.check()
    }

    /// Calls `take(i, s)` for the i-th row, in order, unless it is noise.
    fn each<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        groups: &Groups,
        take: impl FnMut(usize, f64),
    ) -> Result<(), Error<B::Error>> {
        if self.metric == Metric::SqEuclidean {
            by_means(backend, rows, groups, take)
        } else {
            self.by_sums(backend, rows, groups, take)
        }
    }

    /// Through sums by label, a tile of rows at a time.
    fn by_sums<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        groups: &Groups,
        mut take: impl FnMut(usize, f64),
    ) -> Result<(), Error<B::Error>> {
        let (k, first) = (groups.k(), rows.start());
        let step = (SUMS / k).clamp(1, rows.len());
        let mut labels: B::Owned<u32> = backend.alloc(rows.end()).map_err(Error::Backend)?;
        backend.write(labels.borrow_mut(), first, &groups.of).map_err(Error::Backend)?;
        let mut held: B::Owned<B::Elem> = backend.alloc(step * k).map_err(Error::Backend)?;
        let mut sums = vec![B::Elem::zero(); step * k];
        let mut mean = vec![0.0; k];
        for at in (0..rows.len()).step_by(step) {
            let end = (at + step).min(rows.len());
            let x = rows.range(first + at, first + end)?;
            let pairs = Pairs::new(x, rows, self.metric)?.visit(Visit::OffDiagonal)?;
            let sums = &mut sums[..x.len() * k];
            let mut fold = || -> Result<(), B::Error> {
                backend.fill(held.borrow_mut(), B::Elem::zero())?;
                backend.sum_by_label(pairs, labels.borrow(), k, held.borrow_mut())?;
                backend.read(held.borrow(), 0, sums)
            };
            fold().map_err(Error::Backend)?;
            for (i, sums) in (at..end).zip(sums.chunks_exact(k)) {
                if groups.of[i] != NONE {
                    let own = groups.of[i] as usize;
                    for (c, (mean, sum)) in mean.iter_mut().zip(sums).enumerate() {
                        *mean = sum.as_f64() / others(groups.sizes[c], c == own);
                    }
                    take(i, of_means(groups, own, &mean));
                }
            }
        }
        Ok(())
    }
}

/// Squared Euclidean distances: mean distances by means and spreads.
fn by_means<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    groups: &Groups,
    mut take: impl FnMut(usize, f64),
) -> Result<(), Error<B::Error>> {
    let means = Means::of(backend, rows, groups)?;
    let mut mean = vec![0.0; groups.k()];
    door::each_part(backend, rows, |at, part| {
        for (i, row) in (at..).zip(part.chunks_exact(rows.dim())) {
            if groups.of[i] != NONE {
                let own = groups.of[i] as usize;
                for (c, mean) in mean.iter_mut().enumerate() {
                    let size = f64::from(groups.sizes[c]);
                    let sum = size * means.square(c, row) + means.squares[c];
                    *mean = sum / others(groups.sizes[c], c == own);
                }
                take(i, of_means(groups, own, &mean));
            }
        }
        Ok(())
    })
}

/// How many rows of a cluster a row has distances to.
fn others(size: u32, own: bool) -> f64 {
    f64::from(size - u32::from(own)).max(1.0)
}

/// The silhouette from the mean distances to all clusters.
fn of_means(groups: &Groups, own: usize, mean: &[f64]) -> f64 {
    let a = mean[own];
    let other = mean.iter().enumerate().filter(|&(c, _)| c != own);
    let b = other.fold(f64::INFINITY, |b, (_, &mean)| b.min(mean));
    let most = a.max(b);
    if groups.sizes[own] < 2 || most <= 0.0 { 0.0 } else { (b - a) / most }
}
