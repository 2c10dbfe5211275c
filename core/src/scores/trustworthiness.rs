//! Trustworthiness of an embedding (Venna and Kaski 2001), by counting.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};
use core::ops::Range;

use num_traits::{One, Zero};

use crate::backend::{Alloc, MAX_NEIGHBORS, NONE, Values};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::neighbors::Held;
use crate::rows::{Block, Metric, Pairs, Rows, Visit};

use super::finite;

/// Single pairs asked for in one call.
const PAIRS: usize = 1 << 16;

/// How far the k nearest neighbours in an embedding are neighbours among the rows it embeds:
/// 1 where all of them are among the k nearest there, less the farther away they really are.
///
/// ```text
/// 1 − 2 / (n·k·(2n − 3k − 1)) · Σ_i Σ_{j ∈ k nearest of i in the embedding} max(0, r(i, j) − k)
/// ```
///
/// where r(i, j) is the rank of j among the neighbours of i under `metric`: one more than the
/// rows nearer than j, and **of the rows at the same distance those with lower numbers come
/// first**. The embedding's neighbours are the Euclidean ones, with the same rule. Duplicate rows
/// therefore have definite ranks, and the score never leaves \[0, 1\].
///
/// With the roles of rows and embedding exchanged this is the *continuity*.
///
/// Ranks are counted, not sorted: `O(n²·dim)` for each of the k counts, `O(n·k)` memory.
///
/// ```
/// # use enfold_core::{Metric, Rows, scores::trustworthiness};
/// # use enfold_cpu::Cpu;
/// let data = [0.0f32, 1.0, 2.0, 4.0, 8.0, 16.0];
/// let (rows, twice) = (Rows::new(&data[..], 1)?, data.map(|v| 2.0 * v));
/// let score = trustworthiness(
///     &Cpu::new(), rows, Metric::Euclidean, Rows::new(&twice[..], 1)?, 2)?;
/// assert_eq!(score, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The numbers of rows differ, a row is not finite, or k is 0, above [`MAX_NEIGHBORS`], or not
/// below half the number of rows, where the score is not defined: so zero, one and two rows are
/// refused.
pub fn trustworthiness<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    metric: Metric,
    embedded: Rows<'_, Values<B>>,
    k: usize,
) -> Result<f64, Error<B::Error>> {
    ShapeError::check("embedded rows", rows.len(), embedded.len())?;
    if k == 0 || k > MAX_NEIGHBORS || 2 * k >= rows.len() {
        let why = "must be from 1 to 256 and below half the number of rows";
        return Err(Error::Parameter { name: "k", why });
    }
    finite(backend, rows, metric)?;
    finite(backend, embedded, Metric::Euclidean)?;
    let pairs = Pairs::new(rows, rows, metric)?;
    let near = neighbours(backend, embedded, k)?;
    let mut ranks = Ranks::new(backend, pairs, k)?;
    ranks.measure(&near, embedded.start())?;
    let excess = ranks.excess()? as f64;
    let (n, k) = (rows.len() as f64, k as f64);
    Ok(1.0 - 2.0 * excess / (n * k * (2.0 * n - 3.0 * k - 1.0)))
}

/// The row numbers of the k nearest rows of every row.
fn neighbours<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    k: usize,
) -> Result<Vec<u32>, Error<B::Error>> {
    let pairs = Pairs::new(rows, rows, Metric::Euclidean)?.visit(Visit::OffDiagonal)?;
    let mut best = Held::new(backend, rows.end(), k)?;
    best.fold(pairs)?;
    Ok(best.read(rows.start()..rows.end())?.indices().to_vec())
}

/// Counts the ranks of k chosen rows for every row.
struct Ranks<'a, B: Alloc> {
    backend: &'a B,
    /// The rows against themselves.
    pairs: Pairs<'a, Values<B>>,
    k: usize,
    /// The chosen rows of every row, n × k, ascending by (distance, row).
    index: Vec<u32>,
    dist: Vec<B::Elem>,
}

impl<'a, B: Alloc> Ranks<'a, B> {
    fn new(backend: &'a B, pairs: Pairs<'a, Values<B>>, k: usize) -> Result<Self, Error<B::Error>> {
        let len = pairs.x().len() * k;
        Ok(Self { backend, pairs, k, index: vec![NONE; len], dist: vec![B::Elem::zero(); len] })
    }

    /// Takes the distances of the chosen rows: each pair is a block of its own.
    fn measure(&mut self, chosen: &[u32], from: usize) -> Result<(), Error<B::Error>> {
        let (k, rows) = (self.k, self.pairs.x());
        let start = rows.start();
        let mut best = Held::new(self.backend, rows.end(), k)?;
        let mut blocks = Vec::new();
        let step = (PAIRS / k).max(1);
        for (at, chosen) in (0..).step_by(step).zip(chosen.chunks(step * k)) {
            blocks.clear();
            for (i, chosen) in (start + at..).zip(chosen.chunks_exact(k)) {
                let pair =
                    |&j: &u32| block(i, j as usize - from + start..j as usize - from + start + 1);
                blocks.extend(chosen.iter().map(pair));
            }
            let x = rows.range(start + at, start + at + chosen.len() / k)?;
            let pairs = Pairs::new(x, rows, self.pairs.metric())?.visit(Visit::Blocks(&blocks))?;
            best.fold(pairs)?;
        }
        let found = best.read(start..rows.end())?;
        (self.dist, self.index) = (found.distances().to_vec(), found.indices().to_vec());
        Ok(())
    }

    /// Σ max(0, rank − k).
    fn excess(&self) -> Result<u64, Error<B::Error>> {
        let up_to =
            self.count(self.pairs.visit(Visit::OffDiagonal)?, self.k, |at| self.dist[at])?;
        let below =
            self.count(self.pairs.visit(Visit::OffDiagonal)?, self.k, |at| before(self.dist[at]))?;
        let mut rank = up_to;
        for slot in 0..self.k {
            // Rows at the same distance: those with lower numbers are to be counted.
            let tied = |at: usize| at % self.k == slot && rank[at] > below[at] + 1;
            let ties: Vec<usize> = (0..rank.len()).filter(|&at| tied(at)).collect();
            for (&at, lower) in ties.iter().zip(self.lower(&ties)?) {
                rank[at] = below[at] + lower + 1;
            }
        }
        Ok(rank.iter().map(|&r| u64::from(r).saturating_sub(self.k as u64)).sum())
    }

    /// How many rows with lower numbers are exactly as far, for entries of different rows.
    fn lower(&self, entries: &[usize]) -> Result<Vec<u32>, Error<B::Error>> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let start = self.pairs.x().start();
        let mut radius = vec![-B::Elem::one(); self.pairs.x().len()];
        let mut blocks = Vec::new();
        for &at in entries {
            let (i, j) = (start + at / self.k, self.index[at] as usize);
            radius[at / self.k] = self.dist[at];
            blocks.extend(
                [start..j.min(i), i + 1..j]
                    .into_iter()
                    .filter(|y| !y.is_empty())
                    .map(|y| block(i, y)),
            );
        }
        let pairs = self.pairs.visit(Visit::Blocks(&blocks))?;
        let up_to = self.count(pairs, 1, |i| radius[i])?;
        let below = self.count(pairs, 1, |i| before(radius[i]))?;
        Ok(entries.iter().map(|at| at / self.k).map(|i| up_to[i] - below[i]).collect())
    }

    /// How many rows are within each of k radii of every row.
    fn count(
        &self,
        pairs: Pairs<'_, Values<B>>,
        k: usize,
        radius: impl Fn(usize) -> B::Elem,
    ) -> Result<Vec<u32>, Error<B::Error>> {
        let (backend, rows) = (self.backend, pairs.x());
        let (first, len) = (rows.start() * k, rows.len() * k);
        let radius: Vec<B::Elem> = (0..len).map(radius).collect();
        let mut radii: B::Owned<B::Elem> = backend.alloc(first + len).map_err(Error::Backend)?;
        let mut counts: B::Owned<u32> = backend.alloc(first + len).map_err(Error::Backend)?;
        let mut out = vec![0; len];
        let mut fold = || -> Result<(), B::Error> {
            backend.write(radii.borrow_mut(), first, &radius)?;
            backend.count_within(pairs, radii.borrow(), k, counts.borrow_mut())?;
            backend.read(counts.borrow(), first, &mut out)
        };
        fold().map_err(Error::Backend)?;
        Ok(out)
    }
}

fn block(i: usize, y: Range<usize>) -> Block {
    Block { x: (i as u32, i as u32 + 1), y: (y.start as u32, y.end as u32) }
}

/// The largest number below a distance; of 0, a negative one.
fn before<T: Element>(distance: T) -> T {
    let least = T::min_positive_value() * T::of_f64(2.0 * T::ROUNDOFF);
    let (normal, denormal) = (distance * T::of_f64(1.0 - T::ROUNDOFF), distance - least);
    if normal < denormal { normal } else { denormal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_is_the_next_number_down() {
        for bits in (0..0x7f80_0000u32).step_by(98_765).chain([0, 1, 2, 0x7f_ffff, 0x80_0000]) {
            let v = f32::from_bits(bits);
            let next = if bits == 0 { -f32::from_bits(1) } else { f32::from_bits(bits - 1) };
            assert_eq!(before(v), next, "{v:e}");
        }
        for v in [0.0, 5e-324, 1e-310, 1.0, 1.5, 2.0 - 2f64.powi(-52), 1e300] {
            assert_eq!(before(v), v.next_down(), "{v:e}");
        }
    }
}
