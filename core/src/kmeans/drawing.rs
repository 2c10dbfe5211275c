//! Batches drawn at random from rows that are all there, and when to stop drawing.

use alloc::vec::Vec;
use core::borrow::BorrowMut;

use super::door::{Held, Input};
use super::potential::Potential;
use crate::backend::Alloc;
use crate::error::Error;
use crate::random::Draws;

/// Draws batches of rows by weight.
pub(super) struct Drawing<'a, B: Alloc> {
    input: &'a Input<'a, B>,
    potential: Option<Potential<'a, B::Elem>>,
    seed: u64,
}

impl<'a, B: Alloc> Drawing<'a, B> {
    pub(super) fn new(input: &'a Input<'a, B>, seed: u64) -> Self {
        let weights = input.weight_host();
        Self { input, potential: weights.map(|w| Potential::new(input.n, Some(w))), seed }
    }

    fn row(&self, draws: &Draws, number: u64, lane: u32) -> usize {
        let by_weight = |p: &Potential<'_, B::Elem>| p.pick(draws.unit64(number, lane));
        let uniform = || draws.below(number, lane, self.input.n as u64) as usize;
        self.potential.as_ref().and_then(by_weight).unwrap_or_else(uniform)
    }

    /// Drawn rows, next to each other; in order of their numbers, for the memory's sake.
    pub(super) fn gather(
        &self,
        purpose: u32,
        number: u64,
        rows: usize,
    ) -> Result<Held<B>, Error<B::Error>> {
        let draws = Draws::new(self.seed, purpose);
        let mut drawn: Vec<usize> =
            (0..rows).map(|at| self.row(&draws, number, at as u32)).collect();
        drawn.sort_unstable();
        let mut buf: B::Owned<B::Elem> = self.input.alloc(rows * self.input.dim)?;
        for (to, &row) in drawn.iter().enumerate() {
            self.input.copy_row(row, buf.borrow_mut(), to)?;
        }
        Ok(buf)
    }
}

/// Watches the smoothed cost per row, as scikit-learn does.
pub(super) struct Rest {
    smoothing: f64,
    smooth: Option<f64>,
    lowest: f64,
    patience: u32,
    waited: u32,
    /// Whether it came to rest.
    pub(super) reached: bool,
}

impl Rest {
    pub(super) fn new(batch: usize, n: usize, patience: u32) -> Self {
        let smoothing = (2.0 * batch as f64 / (n as f64 + 1.0)).min(1.0);
        Self { smoothing, smooth: None, lowest: f64::INFINITY, patience, waited: 0, reached: false }
    }

    pub(super) fn reached(&mut self, cost: f64) -> bool {
        let smooth = self.smooth.map_or(cost, |s| s + (cost - s) * self.smoothing);
        self.smooth = Some(smooth);
        self.waited = if smooth < self.lowest { 0 } else { self.waited + 1 };
        self.lowest = self.lowest.min(smooth);
        self.reached = self.waited >= self.patience;
        self.reached
    }
}
