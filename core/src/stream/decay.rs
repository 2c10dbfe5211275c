//! Forward decay (Cormode, Shkapenyuk, Srivastava, Xu 2009): old rows are left alone, new rows
//! weigh more.
//!
//! A row at time t weighs `2^(t/h − L)` relative to the landmark L, counted in half-lives. The
//! landmark advances by whole half-lives, so that bringing the sums along is a shift; what has
//! become too light to matter is dropped then.

use super::{HalfLife, Stream, Work, sums};
use crate::backend::Backend;
use crate::error::Error;
use crate::store::Store;

impl HalfLife {
    /// Whether the clock counts rows.
    pub(super) fn counts_rows(self) -> bool {
        matches!(self, Self::Rows(_))
    }
}

/// Half-lives completed at a time.
fn landmark(time: f64, period: f64) -> i64 {
    libm::floor(time / period) as i64
}

/// What a row weighs at a time, relative to the landmark.
fn factor(time: f64, period: f64, halvings: i64) -> f64 {
    libm::exp2(time / period - halvings as f64)
}

impl<B: Backend, S: Store<B>> Stream<B, S> {
    /// What weight 1 now is worth relative to the landmark.
    pub(super) fn factor(&self) -> f64 {
        let head = &self.head;
        self.options.period().map_or(1.0, |h| factor(head.clock, h, head.halvings))
    }
}

impl<B: Backend> Work<'_, B> {
    /// The factor of the row at place `to` of the portion being filled.
    pub(super) fn factor_of(&self, to: usize) -> f64 {
        let Some(period) = self.options.period() else { return 1.0 };
        let ahead = if self.options.half_life.counts_rows() { to as f64 } else { 0.0 };
        factor(self.head.clock + ahead, period, self.head.halvings)
    }

    /// How many rows may come before the landmark must advance.
    pub(super) fn until_landmark(&self) -> usize {
        let HalfLife::Rows(period) = self.options.half_life else { return usize::MAX };
        let (clock, now) = (self.head.clock, self.head.halvings);
        let guess = (now + 1) as f64 * period - clock;
        let mut rows = if guess < 1e9 { libm::ceil(guess).max(1.0) as usize } else { 1 << 30 };
        // The guess may be off by a rounding; the landmark function itself decides.
        while rows > 1 && landmark(clock + (rows - 1) as f64, period) > now {
            rows -= 1;
        }
        while rows < 1 << 30 && landmark(clock + rows as f64, period) <= now {
            rows += 1;
        }
        rows
    }

    /// See [`decay`](crate::StreamState::decay).
    pub(super) fn decay(&mut self, time: f64) -> Result<(), Error<B::Error>> {
        // Rows are counted whole: a fraction would make sums of rows inexact.
        let time = if self.options.half_life.counts_rows() { libm::floor(time) } else { time };
        if !(time >= self.head.clock && time < 9e15) {
            let why = "must be finite and never go backwards";
            return Err(Error::Parameter { name: "time", why });
        }
        self.head.clock = time;
        self.advance()
    }

    /// Moves the landmark to the half-life that the clock is in.
    pub(super) fn advance(&mut self) -> Result<(), Error<B::Error>> {
        let Some(period) = self.options.period() else { return Ok(()) };
        let now = landmark(self.head.clock, period);
        if now > self.head.halvings { self.advance_to(now) } else { Ok(()) }
    }

    /// Halves every weight until the landmark is at `halvings`.
    pub(super) fn advance_to(&mut self, halvings: i64) -> Result<(), Error<B::Error>> {
        let bits = (halvings - self.head.halvings).clamp(0, 1000) as i32;
        self.head.halvings = halvings;
        self.shift_sums(bits, bits, bits)?;
        self.head.expired = sums::shift(self.head.expired, bits);
        self.age_samples(sums::power(bits));
        self.evict()
    }

    /// Drops micro-clusters that are too light, and lowers the price where room is plenty.
    fn evict(&mut self) -> Result<(), Error<B::Error>> {
        let least = self.options.evict * self.head.unit * self.factor_of(0);
        let (mut live, mut gone) = (0, 0);
        self.compact(|work, c| {
            let mass = work.mass(c)?;
            let stays = mass > 0 && sums::weight(mass) >= least;
            *(if stays { &mut live } else { &mut gone }) += mass;
            Ok(stays)
        })?;
        self.head.expired = self.head.expired.saturating_add(gone);
        self.head.mass = self.head.expired.saturating_add(live);
        if self.head.len == 0 {
            // Nothing is left of the past: begin again.
            (self.head.price, self.head.unit, self.head.exponent) = (0.0, 1.0, 0);
        } else if self.head.price > 0.0 && self.head.len < self.sizes.capacity / 4 {
            self.set_price(self.head.price / self.options.growth)?;
        }
        Ok(())
    }
}
