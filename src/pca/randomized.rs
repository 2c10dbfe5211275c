//! Components without the matrix of covariances.

use enfold_core::Rows;
use enfold_core::random::Draws;
use rayon::prelude::*;

use super::{Keep, Parts, PcaError, eigen};
use crate::data::door::check_finite;

/// Rows of a sum that one thread makes.
const BLOCK: usize = 512;
/// Sums that are made at once; they are added in order, so that threads do not matter.
const AT_ONCE: usize = 8;

/// The randomized solver: a random subspace, a little larger than asked for, is turned towards
/// the directions of most variance by a few passes over the rows (Halko, Martinsson, Tropp:
/// "Finding structure with randomness", SIAM Review 2011, algorithm 4.4).
///
/// For wide tables: with l = components + [`oversample`](Self::oversample), it costs
/// 4·n·dim·l operations for each of [`passes`](Self::passes) + 1 passes, and 8·dim·l bytes for
/// each of eight threads, where the covariances cost n·dim² and 8·dim² bytes. Directions whose
/// variance stands out are right to many digits, those at the end of a flat spectrum are not:
/// variances come out somewhat too small there, never too large.
///
/// ```
/// use enfold::{Table, pca::{Pca, Randomized}};
/// let row = |i: usize| (0..40).map(move |t| ((i * 7 + t * 3) % 11) as f32 + (i % 5 * t) as f32);
/// let table = Table::from_rows((0..60).map(|i| row(i).collect::<Vec<_>>()))?;
/// let quick = Pca::new(2).randomized(Randomized::default().seed(7)).fit(table.rows())?;
/// let exact = Pca::new(2).fit(table.rows())?;
/// assert!((quick.variances()[0] / exact.variances()[0] - 1.0).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Randomized {
    oversample: usize,
    passes: usize,
    seed: u64,
}

impl Default for Randomized {
    /// 10 more directions than asked for, 7 passes, seed 0.
    fn default() -> Self {
        Self { oversample: 10, passes: 7, seed: 0 }
    }
}

impl Randomized {
    /// Directions beyond those asked for.
    #[must_use]
    pub fn oversample(self, oversample: usize) -> Self {
        Self { oversample, ..self }
    }

    /// Passes that turn the subspace; 0 takes it as it was drawn.
    #[must_use]
    pub fn passes(self, passes: usize) -> Self {
        Self { passes, ..self }
    }

    /// The seed of the first subspace.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// `components` is at least 1 and at most the smaller of rows and columns, of at least two
    /// rows.
    pub(super) fn fit(&self, rows: Rows<'_, [f32]>, components: usize) -> Result<Parts, PcaError> {
        check_finite(rows)?;
        let dim = rows.dim();
        let size = components.saturating_add(self.oversample).min(dim);
        let work = Centred { rows, means: means(rows) };
        let mut space = self.draw(dim, size);
        for _pass in 0..self.passes {
            orthonormal(&mut space, dim);
            space = work.sum(space.len(), |row, sum| {
                for (direction, sum) in space.chunks_exact(dim).zip(sum.chunks_exact_mut(dim)) {
                    eigen::add(sum, eigen::dot(row, direction), row);
                }
            });
        }
        orthonormal(&mut space, dim);
        let free = (rows.len() - 1) as f64;
        let within = work.sum(size * size, |row, sum| {
            let along: Vec<f64> = space.chunks_exact(dim).map(|d| eigen::dot(row, d)).collect();
            for (sum, &a) in sum.chunks_exact_mut(size).zip(&along) {
                eigen::add(sum, a / free, &along);
            }
        });
        let total = work.sum(1, |row, sum| sum[0] += eigen::dot(row, row) / free)[0];
        let found = eigen::largest(within, size, Keep::Count(components));
        let mut vectors = vec![0.0; components * dim];
        let turns = found.vectors.chunks_exact(size).zip(vectors.chunks_exact_mut(dim));
        for (turn, vector) in turns {
            let parts = turn.iter().zip(space.chunks_exact(dim));
            parts.for_each(|(&part, direction)| eigen::add(vector, part, direction));
        }
        Ok(Parts { means: work.means, values: found.values, vectors, total })
    }

    /// Normal draws, by Box and Muller.
    fn draw(&self, dim: usize, size: usize) -> Vec<f64> {
        let draws = Draws::new(self.seed, 0x5043_4131);
        (0..(size * dim) as u64).map(|i| draws.normal(i)).collect()
    }
}

/// Rows less their means.
struct Centred<'a> {
    rows: Rows<'a, [f32]>,
    means: Vec<f64>,
}

impl Centred<'_> {
    /// `len` sums over all rows: blocks of rows on all threads, added in order.
    fn sum(&self, len: usize, add_row: impl Fn(&[f64], &mut [f64]) + Sync) -> Vec<f64> {
        let dim = self.rows.dim();
        let block = |rows: &[f32]| {
            let (mut sum, mut centred) = (vec![0.0; len], vec![0.0; dim]);
            pulp::Arch::new().dispatch(|| {
                for row in rows.chunks_exact(dim) {
                    for ((c, &value), mean) in centred.iter_mut().zip(row).zip(&self.means) {
                        *c = f64::from(value) - mean;
                    }
                    add_row(&centred, &mut sum);
                }
            });
            sum
        };
        let mut total = vec![0.0; len];
        for blocks in self.rows.as_slice().chunks(AT_ONCE * BLOCK * dim) {
            let sums: Vec<Vec<f64>> = blocks.par_chunks(BLOCK * dim).map(block).collect();
            sums.iter().for_each(|sum| eigen::add(&mut total, 1.0, sum));
        }
        total
    }
}

fn means(rows: Rows<'_, [f32]>) -> Vec<f64> {
    let zero = Centred { rows, means: vec![0.0; rows.dim()] };
    let mut means = zero.sum(rows.dim(), |row, sum| eigen::add(sum, 1.0, row));
    means.iter_mut().for_each(|mean| *mean /= rows.len() as f64);
    means
}

/// Makes unit vectors, each orthogonal to all before it, of the same space; 0 where there is no
/// further direction.
fn orthonormal(space: &mut [f64], dim: usize) {
    for i in 0..space.len() / dim {
        let (before, own) = space.split_at_mut(i * dim);
        let own = &mut own[..dim];
        eigen::unit(own);
        // Twice is enough (Parlett and Kahan).
        for other in before.chunks_exact(dim).chain(before.chunks_exact(dim)) {
            let along = eigen::dot(other, own);
            eigen::add(own, -along, other);
        }
        // What rounding left of a vector that lay in the space is no direction.
        if eigen::dot(own, own) > 1e-20 { eigen::unit(own) } else { own.fill(0.0) }
    }
}
