//! The door: which rows come in, with which weight, and in which portions.

use super::{HalfLife, NonFinite, TILE, Work, elem, sums};
use crate::backend::{Backend, Values};
use crate::element::Element;
use crate::error::Error;
use crate::host::mass_of;
use crate::rows::Rows;
use crate::state::Pushed;

/// Largest weight of a row: its products with an offset stay below 2⁶² (see the module).
const MAX_WEIGHT: f64 = (1u32 << 24) as f64;
/// Largest total mass: a scatter of 2²⁶ per unit of weight stays below 2⁶².
const MAX_MASS: i64 = 1 << 52;

/// What a look at a row says.
enum Look {
    Take,
    Skip,
}

/// The largest |coordinate| for which no squared distance can overflow: two such rows are at most
/// 4·dim·limit² apart, half of what an element holds.
pub(super) fn limit<T: Element>(dim: usize) -> T {
    elem(libm::sqrt(T::max_value().as_f64() / (8.0 * dim as f64)))
}

/// Whether a coordinate is within the limit; NaN is not.
pub(super) fn fits<T: Element>(value: T, limit: T) -> bool {
    value.abs() <= limit
}

impl<B: Backend> Work<'_, B> {
    /// Takes in rows that [`inspect`](Self::inspect) has passed.
    pub(super) fn push(
        &mut self,
        rows: Rows<'_, Values<B>>,
        weights: Option<&Values<B>>,
    ) -> Result<Pushed, Error<B::Error>> {
        let opened = self.head.opened;
        let mut at = rows.start();
        let mut pushed = Pushed::default();
        while at < rows.end() {
            self.advance()?;
            let (taken, next) = self.fill(rows, weights, at)?;
            self.take(taken, weights.is_some() || self.options.period().is_some())?;
            pushed.rows += taken;
            pushed.skipped += next - at - taken;
            at = next;
        }
        self.head.skipped += pushed.skipped as u64;
        if matches!(self.options.half_life, HalfLife::Batches(_)) && !rows.is_empty() {
            self.head.clock += 1.0;
        }
        pushed.opened = (self.head.opened - opened) as usize;
        Ok(pushed)
    }

    /// Checks the whole push before anything changes.
    pub(super) fn inspect(
        &self,
        rows: Rows<'_, Values<B>>,
        weights: Option<&Values<B>>,
    ) -> Result<(), Error<B::Error>> {
        if self.options.non_finite == NonFinite::Reject {
            self.first_unfit(rows)?;
        }
        let mut total = self.head.mass;
        let mut tile = [B::Elem::default(); TILE];
        let factor = if self.options.period().is_some() { 2.0 } else { 1.0 };
        for at in (rows.start()..rows.end()).step_by(TILE) {
            let tile = &mut tile[..TILE.min(rows.end() - at)];
            match weights {
                Some(weights) => self.read(weights, at, tile)?,
                None => tile.fill(elem(1.0)),
            }
            for (row, w) in (at..).zip(tile.iter()) {
                let w = w.as_f64() * factor;
                // Not a range test alone: NaN must fail it.
                if !(0.0..=MAX_WEIGHT).contains(&w) {
                    return Err(Error::Weight { row });
                }
                total = total.saturating_add(mass_of(elem::<B::Elem>(w)));
                if total > MAX_MASS {
                    return Err(Error::Weight { row });
                }
            }
        }
        Ok(())
    }

    fn first_unfit(&self, rows: Rows<'_, Values<B>>) -> Result<(), Error<B::Error>> {
        let (mut tile, limit) = ([B::Elem::default(); 8 * TILE], limit::<B::Elem>(self.dim));
        let end = rows.end() * self.dim;
        for at in (rows.start() * self.dim..end).step_by(tile.len()) {
            let tile = &mut tile[..(8 * TILE).min(end - at)];
            self.read(rows.data(), at, tile)?;
            // A sum of flags, not a search: it has no order and runs in vector registers.
            let fit = tile.iter().map(|&v| u32::from(fits(v, limit))).sum::<u32>();
            if fit as usize != tile.len() {
                let bad = tile.iter().position(|&v| !fits(v, limit)).unwrap_or(0);
                return Err(Error::NotFinite { row: (at + bad) / self.dim });
            }
        }
        Ok(())
    }

    /// Copies rows from `at` on into the batch buffer, up to its size or the next landmark;
    /// returns how many, and the first row not looked at.
    fn fill(
        &mut self,
        rows: Rows<'_, Values<B>>,
        weights: Option<&Values<B>>,
        at: usize,
    ) -> Result<(usize, usize), Error<B::Error>> {
        let most = self.sizes.batch.min(self.until_landmark());
        if weights.is_none() && self.options.non_finite == NonFinite::Reject {
            let taken = most.min(rows.end() - at);
            self.copy_rows(rows, at, 0, taken)?;
            (0..taken).for_each(|to| self.set_weight(to, 1.0));
            return self.send_weights(taken, at + taken);
        }
        let (mut taken, mut next) = (0, at);
        while taken < most && next < rows.end() {
            let mut w = [elem::<B::Elem>(1.0)];
            if let Some(weights) = weights {
                self.read(weights, next, &mut w)?;
            }
            self.set_weight(taken, w[0].as_f64());
            if matches!(self.look(rows, next, taken)?, Look::Take) {
                self.copy_rows(rows, next, taken, 1)?;
                taken += 1;
            }
            next += 1;
        }
        self.send_weights(taken, next)
    }

    fn look(
        &self,
        rows: Rows<'_, Values<B>>,
        row: usize,
        to: usize,
    ) -> Result<Look, Error<B::Error>> {
        if mass_of(self.parts.host[self.sizes.batch + to]) == 0 {
            return Ok(Look::Skip);
        }
        if self.options.non_finite == NonFinite::Reject {
            return Ok(Look::Take);
        }
        match self.first_unfit(rows.range(row, row + 1)?) {
            Ok(()) => Ok(Look::Take),
            Err(Error::NotFinite { .. }) => Ok(Look::Skip),
            Err(other) => Err(other),
        }
    }

    fn copy_rows(
        &mut self,
        rows: Rows<'_, Values<B>>,
        from: usize,
        to: usize,
        n: usize,
    ) -> Result<(), Error<B::Error>> {
        let dim = self.dim;
        self.backend
            .copy(rows.data(), from * dim, self.parts.batch, to * dim, n * dim)
            .map_err(Error::Backend)
    }

    /// Notes the weight of the row at `to` of the batch, relative to the landmark.
    fn set_weight(&mut self, to: usize, weight: f64) {
        let factor = self.factor_of(to);
        self.parts.host[self.sizes.batch + to] = elem(weight * factor);
    }

    fn send_weights(
        &mut self,
        taken: usize,
        next: usize,
    ) -> Result<(usize, usize), Error<B::Error>> {
        let batch = self.sizes.batch;
        let weights = &self.parts.host[batch..batch + taken];
        self.backend.write(self.parts.weights, 0, weights).map_err(Error::Backend)?;
        Ok((taken, next))
    }

    /// Σ of the masses of rows `from..to` of the batch.
    pub(super) fn batch_mass(&self, from: usize, to: usize) -> i64 {
        let batch = self.sizes.batch;
        self.parts.host[batch + from..batch + to].iter().map(|&w| mass_of(w)).sum()
    }

    /// The usual weight: the power of two below the mean weight of the micro-clusters' rows.
    pub(super) fn usual_weight(&self) -> f64 {
        let mean = sums::weight(self.head.mass) / self.head.rows.max(1) as f64;
        sums::power(sums::floor_log2(mean.max(f64::MIN_POSITIVE)))
    }
}
