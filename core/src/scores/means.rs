//! Scores of rows and labels by means: Calinski–Harabasz, Davies–Bouldin, inertia.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use num_traits::Float;

use crate::backend::{Alloc, NONE, Nearest, Values};
use crate::door;
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::rows::{Metric, Pairs, Rows, rows as rows_of};

use super::{Groups, admit, finite};

/// Mean, size, and distances to the mean of each group of rows, in f64 on the host.
pub(super) struct Means {
    pub(super) dim: usize,
    /// k × dim.
    pub(super) mean: Vec<f64>,
    pub(super) sizes: Vec<u32>,
    /// Σ |x − mean|² of each group.
    pub(super) squares: Vec<f64>,
    /// Σ |x − mean| of each group.
    distances: Vec<f64>,
}

impl Means {
    /// Two passes over the rows: means, then distances to them. `O(n·dim)`; memory `O(k·dim)`.
    pub(super) fn of<B: Alloc>(
        backend: &B,
        rows: Rows<'_, Values<B>>,
        groups: &Groups,
    ) -> Result<Self, Error<B::Error>> {
        let (k, dim) = (groups.k(), rows.dim());
        let mut means = Self {
            dim,
            mean: vec![0.0; k * dim],
            sizes: groups.sizes.clone(),
            squares: vec![0.0; k],
            distances: vec![0.0; k],
        };
        each_row(backend, rows, groups, |c, row| {
            for (sum, v) in means.mean[c * dim..(c + 1) * dim].iter_mut().zip(row) {
                *sum += v.as_f64();
            }
        })?;
        for (mean, &size) in means.mean.chunks_exact_mut(dim).zip(&groups.sizes) {
            mean.iter_mut().for_each(|sum| *sum /= f64::from(size));
        }
        each_row(backend, rows, groups, |c, row| {
            let square = means.square(c, row);
            means.squares[c] += square;
            means.distances[c] += libm::sqrt(square);
        })?;
        Ok(means)
    }

    fn mean(&self, c: usize) -> &[f64] {
        &self.mean[c * self.dim..(c + 1) * self.dim]
    }

    /// |row − mean of c|².
    pub(super) fn square<T: Element>(&self, c: usize, row: &[T]) -> f64 {
        square_distance(self.mean(c).iter().copied(), row.iter().map(|v| v.as_f64()))
    }

    /// Σ over groups of size·|mean − mean of all rows|².
    fn between(&self) -> f64 {
        let n: f64 = self.sizes.iter().map(|&s| f64::from(s)).sum();
        let mut centre = vec![0.0; self.dim];
        for (c, &size) in self.sizes.iter().enumerate() {
            for (sum, v) in centre.iter_mut().zip(self.mean(c)) {
                *sum += v * f64::from(size) / n;
            }
        }
        let gap = |c: usize| square_distance(self.mean(c).iter().copied(), centre.iter().copied());
        self.sizes.iter().enumerate().map(|(c, &s)| f64::from(s) * gap(c)).sum()
    }
}

/// Calls `take(group, row)` for every row that is not noise.
pub(super) fn each_row<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    groups: &Groups,
    mut take: impl FnMut(usize, &[B::Elem]),
) -> Result<(), Error<B::Error>> {
    door::each_part(backend, rows, |at, part| {
        for (row, &c) in part.chunks_exact(rows.dim()).zip(&groups.of[at..]) {
            if c != NONE {
                take(c as usize, row);
            }
        }
        Ok(())
    })
}

/// Eight running sums, so that additions overlap.
fn square_distance(
    a: impl ExactSizeIterator<Item = f64>,
    b: impl ExactSizeIterator<Item = f64>,
) -> f64 {
    let mut lanes = [0.0; 8];
    for (t, (a, b)) in a.zip(b).enumerate() {
        lanes[t % 8] += (a - b) * (a - b);
    }
    lanes.iter().sum()
}

/// Calinski–Harabasz score (1974): spread between clusters over spread within, each by its
/// degrees of freedom. Higher is better; 1 where no cluster has any spread. `O(n·dim)`.
///
/// Noise is left out. Means and sums are in f64 on the host.
///
/// # Errors
/// Lengths differ, a row is not finite, there are fewer than two clusters or as many as rows.
pub fn calinski_harabasz<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    labels: &[u32],
) -> Result<f64, Error<B::Error>> {
    let means = means(backend, rows, labels)?;
    let within: f64 = means.squares.iter().sum();
    if within <= 0.0 {
        return Ok(1.0);
    }
    let k = means.sizes.len() as f64;
    let n: f64 = means.sizes.iter().map(|&s| f64::from(s)).sum();
    Ok(means.between() * (n - k) / (within * (k - 1.0)))
}

/// Davies–Bouldin score (1979): for each cluster the worst ratio of spread – mean distances to
/// the means – to the distance of the means, averaged. Lower is better. `O(n·dim + k²·dim)`.
///
/// 0 where no cluster has any spread; pairs of clusters with equal means are left out, as in
/// scikit-learn. Noise is left out. Means and sums are in f64 on the host.
///
/// # Errors
/// Lengths differ, a row is not finite, there are fewer than two clusters or as many as rows.
pub fn davies_bouldin<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    labels: &[u32],
) -> Result<f64, Error<B::Error>> {
    let means = means(backend, rows, labels)?;
    let k = means.sizes.len();
    let spread: Vec<f64> =
        means.distances.iter().zip(&means.sizes).map(|(d, &s)| d / f64::from(s)).collect();
    let ratio = |a: usize, b: usize| {
        let gap = libm::sqrt(square_distance(
            means.mean(a).iter().copied(),
            means.mean(b).iter().copied(),
        ));
        if a == b || gap <= 0.0 { 0.0 } else { (spread[a] + spread[b]) / gap }
    };
    let worst = |a: usize| (0..k).map(|b| ratio(a, b)).fold(0.0, f64::max);
    Ok((0..k).map(worst).sum::<f64>() / k as f64)
}

fn means<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    labels: &[u32],
) -> Result<Means, Error<B::Error>> {
    admit(backend, rows, Metric::SqEuclidean, labels)?;
    Means::of(backend, rows, &Groups::of(labels.iter().copied(), false).check()?)
}

/// Rows looked at together.
const TILE: usize = 1 << 16;

/// Inertia: the sum of the squared distances of all rows to their nearest centre, what k-means
/// minimises. `O(n·k·dim)`, memory for 65 536 rows whatever n.
///
/// Distances are canonical and their sum is in f64; zero rows give 0.
///
/// # Errors
/// The dims differ, there is no centre, or a row or centre is not finite.
pub fn inertia<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    centers: Rows<'_, Values<B>>,
) -> Result<f64, Error<B::Error>> {
    ShapeError::at_least("centers", 1, centers.len())?;
    ShapeError::check("dim of centers", rows.dim(), centers.dim())?;
    finite(backend, rows, Metric::SqEuclidean)?;
    finite(backend, centers, Metric::SqEuclidean)?;
    let (dim, step) = (rows.dim(), TILE.min(rows.len()));
    let mut tile: B::Owned<B::Elem> = backend.alloc(step * dim).map_err(Error::Backend)?;
    let mut dist: B::Owned<B::Elem> = backend.alloc(step).map_err(Error::Backend)?;
    let mut index: B::Owned<u32> = backend.alloc(step).map_err(Error::Backend)?;
    let mut total = 0.0;
    for at in (rows.start()..rows.end()).step_by(step.max(1)) {
        let n = step.min(rows.end() - at);
        let mut sum = [0.0];
        let mut fold = || -> Result<(), B::Error> {
            backend.copy(rows.data(), at * dim, tile.borrow_mut(), 0, n * dim)?;
            backend.fill::<B::Elem>(dist.borrow_mut(), B::Elem::infinity())?;
            backend.fill(index.borrow_mut(), NONE)
        };
        fold().map_err(Error::Backend)?;
        let x = rows_of::<B>(tile.borrow(), dim)?.range(0, n)?;
        let pairs = Pairs::new(x, centers, Metric::SqEuclidean)?;
        let best = Nearest { k: 1, dist: dist.borrow_mut(), index: index.borrow_mut() };
        backend.nearest(pairs, best).map_err(Error::Backend)?;
        backend.sums(dist.borrow(), None, n, n, &mut sum).map_err(Error::Backend)?;
        total += sum[0];
    }
    Ok(total)
}
