//! How far two labellings of the same rows agree.

use alloc::vec::Vec;

use crate::backend::NONE;
use crate::error::ShapeError;

use super::Groups;

/// The contingency table of two labellings, and the scores that are read off it.
///
/// Every score is symmetric in the two labellings except [`homogeneity`](Self::homogeneity) and
/// [`completeness`](Self::completeness), which are each other's mirror; none depends on which
/// numbers the labels are. Making it costs `O(n·log n)` time and `O(n)` memory, whatever the
/// number of labels; a score costs what its table costs, and
/// [`adjusted_mutual_information`](Self::adjusted_mutual_information) says what it costs.
///
/// Zero rows, and a single label on both sides, are perfect agreement: 1.
///
/// ```
/// # use enfold_core::scores::Agreement;
/// let found = Agreement::of(&[0, 0, 1, 1], &[0, 0, 1, 2])?;
/// assert!((found.adjusted_rand() - 4.0 / 7.0).abs() < 1e-12);
/// assert!((found.completeness() - 2.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), enfold_core::ShapeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Agreement {
    n: f64,
    /// Rows with each label of the first and of the second labelling.
    sizes: [Vec<u32>; 2],
    /// (label, label, rows) where there are any, ascending.
    cells: Vec<(u32, u32, u32)>,
}

impl Agreement {
    /// Compares two labellings. [`NONE`] counts as a label like any other: noise is one group.
    ///
    /// # Errors
    /// The lengths differ.
    pub fn of(a: &[u32], b: &[u32]) -> Result<Self, ShapeError> {
        ShapeError::check("labels", a.len(), b.len())?;
        Ok(Self::of_pairs(&a.iter().copied().zip(b.iter().copied()).collect::<Vec<_>>()))
    }

    /// Compares two labellings on the rows that neither calls noise.
    ///
    /// # Errors
    /// The lengths differ.
    pub fn without_noise(a: &[u32], b: &[u32]) -> Result<Self, ShapeError> {
        ShapeError::check("labels", a.len(), b.len())?;
        let pairs = a.iter().copied().zip(b.iter().copied());
        Ok(Self::of_pairs(&pairs.filter(|&(a, b)| a != NONE && b != NONE).collect::<Vec<_>>()))
    }

    fn of_pairs(pairs: &[(u32, u32)]) -> Self {
        let a = Groups::of(pairs.iter().map(|p| p.0), true);
        let b = Groups::of(pairs.iter().map(|p| p.1), true);
        let mut both: Vec<(u32, u32)> = a.of.into_iter().zip(b.of).collect();
        both.sort_unstable();
        let mut cells: Vec<(u32, u32, u32)> = Vec::new();
        for (a, b) in both {
            match cells.last_mut() {
                Some(last) if (last.0, last.1) == (a, b) => last.2 += 1,
                _ => cells.push((a, b, 1)),
            }
        }
        Self { n: pairs.len() as f64, sizes: [a.sizes, b.sizes], cells }
    }

    /// Adjusted Rand index (Hubert and Arabie 1985): 1 for equal partitions, 0 expected of
    /// independent ones, at least −½. `O(cells)`.
    #[must_use]
    pub fn adjusted_rand(&self) -> f64 {
        let squares = |sizes: &[u32]| sizes.iter().map(|&s| square(f64::from(s))).sum::<f64>();
        let both: f64 = self.cells.iter().map(|c| square(f64::from(c.2))).sum();
        // Ordered pairs of rows that are together in both, in one only, in none.
        let (together, first, second) =
            (both - self.n, squares(&self.sizes[0]) - both, squares(&self.sizes[1]) - both);
        if first <= 0.0 && second <= 0.0 {
            return 1.0;
        }
        let apart = square(self.n) - both - first - second;
        2.0 * (together * apart - first * second)
            / ((together + first) * (first + apart) + (together + second) * (second + apart))
    }

    /// Mutual information in nats, never negative. `O(cells)`.
    #[must_use]
    pub fn mutual_information(&self) -> f64 {
        let term = |&(a, b, rows): &(u32, u32, u32)| {
            let (a, b) = (self.sizes[0][a as usize], self.sizes[1][b as usize]);
            self.share(f64::from(rows), f64::from(a), f64::from(b))
        };
        self.cells.iter().map(term).sum::<f64>().max(0.0)
    }

    /// Mutual information over the mean of the two entropies: 1 for equal partitions, 0 for
    /// independent ones.
    #[must_use]
    pub fn normalized_mutual_information(&self) -> f64 {
        let mean = self.mean_entropy();
        if mean <= 0.0 { 1.0 } else { (self.mutual_information() / mean).min(1.0) }
    }

    /// Mutual information adjusted for chance (Vinh, Epps, Bailey 2010), with the mean of the
    /// entropies as its bound: 1 for equal partitions, 0 expected of independent ones.
    ///
    /// The expectation is exact. Costs a few standard deviations of a hypergeometric
    /// distribution – at most about `√n` terms – for each pair of *different* cluster sizes.
    #[must_use]
    pub fn adjusted_mutual_information(&self) -> f64 {
        let (mean, expected) = (self.mean_entropy(), self.expected_information());
        let room = mean - expected;
        if self.is_equal() {
            1.0
        } else if room <= 1e-12 * mean.max(1.0) {
            0.0
        } else {
            (self.mutual_information() - expected) / room
        }
    }

    /// 1 where every label of the second labelling has rows of one label of the first only
    /// (Rosenberg and Hirschberg 2007); the first is the truth.
    #[must_use]
    pub fn homogeneity(&self) -> f64 {
        self.covered(0)
    }

    /// 1 where all rows of a label of the first labelling have one label of the second.
    #[must_use]
    pub fn completeness(&self) -> f64 {
        self.covered(1)
    }

    /// Weighted harmonic mean of homogeneity and completeness, which weighs `beta`; with 1 it is
    /// the normalized mutual information.
    #[must_use]
    pub fn v_measure(&self, beta: f64) -> f64 {
        let (h, c) = (self.homogeneity(), self.completeness());
        if h + c <= 0.0 { 0.0 } else { (1.0 + beta) * h * c / (beta * h + c) }
    }

    /// Mutual information as a share of the entropy of one labelling.
    fn covered(&self, side: usize) -> f64 {
        let entropy = self.entropy(side);
        if entropy <= 0.0 { 1.0 } else { (self.mutual_information() / entropy).min(1.0) }
    }

    /// Whether the partitions are the same.
    fn is_equal(&self) -> bool {
        self.cells.len() == self.sizes[0].len() && self.cells.len() == self.sizes[1].len()
    }

    fn entropy(&self, side: usize) -> f64 {
        if self.sizes[side].len() < 2 {
            return 0.0;
        }
        let term = |&size: &u32| {
            let share = f64::from(size) / self.n;
            share * libm::log(share)
        };
        -self.sizes[side].iter().map(term).sum::<f64>()
    }

    fn mean_entropy(&self) -> f64 {
        0.5 * (self.entropy(0) + self.entropy(1))
    }

    /// What `rows` common rows of labels with a and b rows add to the mutual information.
    fn share(&self, rows: f64, a: f64, b: f64) -> f64 {
        rows / self.n * libm::log(self.n * rows / (a * b))
    }

    /// The mutual information expected of labellings with these sizes, over all permutations.
    fn expected_information(&self) -> f64 {
        let [a, b] = [0, 1].map(|side| counted(&self.sizes[side]));
        let mut sum = 0.0;
        for &(a, times_a) in &a {
            for &(b, times_b) in &b {
                sum += times_a * times_b * self.expected_share(a, b);
            }
        }
        sum
    }

    /// What a pair of labels with a and b rows is expected to add: the number of common rows is
    /// hypergeometric.
    ///
    /// Probabilities are products of ratios from the mode outwards, divided by their sum: no
    /// factorial is met, so nothing cancels however large n is.
    fn expected_share(&self, a: f64, b: f64) -> f64 {
        const NEGLIGIBLE: f64 = 1e-22;
        let (least, most) = ((a + b - self.n).max(0.0), a.min(b));
        let mode = libm::floor((a + 1.0) * (b + 1.0) / (self.n + 2.0)).clamp(least, most);
        let up = |x: f64| (a - x) * (b - x) / ((x + 1.0) * (self.n - a - b + x + 1.0));
        let share = |x: f64| if x > 0.0 { self.share(x, a, b) } else { 0.0 };
        let (mut total, mut sum) = (1.0, share(mode));
        let (mut x, mut weight) = (mode, 1.0);
        while x < most && weight > NEGLIGIBLE {
            weight *= up(x);
            x += 1.0;
            total += weight;
            sum += weight * share(x);
        }
        (x, weight) = (mode, 1.0);
        while x > least && weight > NEGLIGIBLE {
            x -= 1.0;
            weight /= up(x);
            total += weight;
            sum += weight * share(x);
        }
        sum / total
    }
}

/// Every size that occurs and how often.
fn counted(sizes: &[u32]) -> Vec<(f64, f64)> {
    let mut sorted = sizes.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(|run| (f64::from(run[0]), run.len() as f64)).collect()
}

fn square(v: f64) -> f64 {
    v * v
}
