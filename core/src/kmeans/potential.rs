//! Drawing rows in proportion to weight × squared distance, by chunk sums.

use alloc::vec;
use alloc::vec::Vec;

use crate::element::Element;

/// Rows per chunk sum.
const CHUNK: usize = 1024;
/// Running sums of one chunk: a single one would wait for every addition.
const LANES: usize = 8;

/// What every row would still pay, and how it adds up.
pub(super) struct Potential<'a, T> {
    pub(super) dist: Vec<T>,
    weights: Option<&'a [T]>,
    sums: Vec<f64>,
}

impl<'a, T: Element> Potential<'a, T> {
    /// Every row at distance 1: draws go by weight alone.
    pub(super) fn new(n: usize, weights: Option<&'a [T]>) -> Self {
        let mut new = Self { dist: vec![T::one(); n], weights, sums: vec![0.0; n.div_ceil(CHUNK)] };
        new.add_up();
        new
    }

    /// Sums the chunks again, after `dist` has changed.
    pub(super) fn add_up(&mut self) {
        for chunk in 0..self.sums.len() {
            let mut lanes = [0f64; LANES];
            let end = self.dist.len().min((chunk + 1) * CHUNK);
            for start in (chunk * CHUNK..end).step_by(LANES) {
                for (lane, i) in (start..end.min(start + LANES)).enumerate() {
                    lanes[lane] += self.term(i);
                }
            }
            self.sums[chunk] = lanes.iter().sum();
        }
    }

    /// Weight × distance of row `i`.
    pub(super) fn term(&self, i: usize) -> f64 {
        self.dist[i].as_f64() * self.weights.map_or(1.0, |w| w[i].as_f64())
    }

    /// The cost of all rows.
    pub(super) fn total(&self) -> f64 {
        self.sums.iter().sum()
    }

    /// The row that the share `u` in (0, 1) of the total falls on; None where the total is 0.
    ///
    /// Only rows that pay are ever drawn, wherever rounding puts the share.
    pub(super) fn pick(&self, u: f64) -> Option<usize> {
        let mut left = u * self.total();
        let mut last = None;
        for (chunk, &sum) in self.sums.iter().enumerate().filter(|(_, sum)| **sum > 0.0) {
            last = Some((chunk, left));
            if left < sum {
                break;
            }
            left -= sum;
        }
        last.and_then(|(chunk, left)| self.pick_in(chunk, left))
    }

    fn pick_in(&self, chunk: usize, mut left: f64) -> Option<usize> {
        let mut last = None;
        for i in chunk * CHUNK..self.dist.len().min((chunk + 1) * CHUNK) {
            let term = self.term(i);
            if term > 0.0 {
                last = Some(i);
                if left < term {
                    break;
                }
                left -= term;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-learn#8583: the last cumulative value and rounding must not lead outside.
    #[test]
    fn the_largest_share_falls_on_the_last_row_that_pays() {
        for n in [1, 1023, 1024, 1025, 100_000] {
            let mut potential = Potential::<f32>::new(n, None);
            for (i, d) in potential.dist.iter_mut().enumerate() {
                *d = 0.1 + (i % 7) as f32 * 1e-3;
            }
            potential.add_up();
            let above = 1.0 + 1e-9;
            assert_eq!(potential.pick(above), Some(n - 1));
            assert_eq!(potential.pick(0.0), Some(0));
        }
    }

    #[test]
    fn rows_that_pay_nothing_are_never_drawn() {
        let weights: Vec<f64> = (0..3000).map(|i| f64::from(u8::from(i % 3 == 1))).collect();
        let potential = Potential::new(3000, Some(&weights));
        for step in 0..=1000 {
            let row = potential.pick(f64::from(step) / 1000.0);
            assert_eq!(row.map(|r| r % 3), Some(1));
        }
        let none = [0.0f64; 5];
        assert_eq!(Potential::new(5, Some(&none)).pick(0.5), None);
    }
}
