//! What a stream can be told.

use crate::error::Error;

/// How fast old rows lose weight: half of it per half-life.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum HalfLife {
    /// Every row weighs the same for ever.
    #[default]
    Never,
    /// In rows.
    Rows(f64),
    /// In pushes: the only setting under which the state depends on the batches, by its meaning.
    Batches(f64),
    /// In the caller's unit of time: [`decay`](crate::StreamState::decay) moves the clock.
    Time(f64),
}

/// What to do with rows that are not finite, or so large that distances could overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NonFinite {
    /// Refuse the whole push and name the row.
    #[default]
    Reject,
    /// Leave them out and count them.
    Skip,
}

/// How micro-clusters are merged when there is no room left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Rebuild {
    /// The pair that costs least, again and again (Ward 1963): the better clusters.
    #[default]
    Ward,
    /// Online facility location over the micro-clusters (Shindler, Wong, Meyerson 2011): a
    /// constant-factor guarantee in expectation, and the smaller code.
    Facility,
}

/// What merging another stream does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Merge {
    /// Takes the other's micro-clusters into the own capacity. Memory stays bounded; the answer
    /// depends a little on the order of merges.
    #[default]
    Compact,
    /// Keeps a copy of the other, by its [stream number](StreamOptions::stream); they are united at
    /// `finish`. The same
    /// bytes for any tree and any repetition of merges; memory grows with the shards.
    #[cfg(feature = "alloc")]
    Deferred,
}

/// What a stream can be told; the capacities are those of its store.
///
/// ```
/// use enfold_core::stream::{HalfLife, StreamOptions};
/// let options = StreamOptions::new().seed(7).half_life(HalfLife::Rows(5000.0));
/// assert_eq!(options.seed, 7);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StreamOptions {
    /// Seed of every draw.
    pub seed: u64,
    /// Number of this stream among those that may be merged with it (shards of one data set, devices
    /// of one plant): each needs its own.
    pub stream: u32,
    /// How fast old rows lose weight.
    pub half_life: HalfLife,
    /// A micro-cluster whose weight, as of now, falls below that of this many usual rows is dropped.
    /// In 0..=1e6; matters only with a half-life.
    pub evict: f64,
    /// What a rebuild multiplies the price of opening a micro-cluster by, in (1, 100].
    pub growth: f64,
    /// The share of the capacity that a rebuild leaves filled, in (0, 1).
    pub low_water: f64,
    /// Rows that are not finite.
    pub non_finite: NonFinite,
    /// How a rebuild merges.
    pub rebuild: Rebuild,
    /// How another stream is merged.
    pub merge: Merge,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl StreamOptions {
    /// Seed 0, stream 0, no decay, eviction at 0.05, growth 1.5, low water 0.8, non-finite rows
    /// rejected, Ward rebuilds, compact merges.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            seed: 0,
            stream: 0,
            half_life: HalfLife::Never,
            evict: 0.05,
            growth: 1.5,
            low_water: 0.8,
            non_finite: NonFinite::Reject,
            rebuild: Rebuild::Ward,
            merge: Merge::Compact,
        }
    }

    /// Sets [`seed`](Self::seed).
    #[must_use]
    pub const fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Sets [`stream`](Self::stream).
    #[must_use]
    pub const fn stream(self, stream: u32) -> Self {
        Self { stream, ..self }
    }

    /// Sets [`half_life`](Self::half_life).
    #[must_use]
    pub const fn half_life(self, half_life: HalfLife) -> Self {
        Self { half_life, ..self }
    }

    /// Sets [`evict`](Self::evict).
    #[must_use]
    pub const fn evict(self, evict: f64) -> Self {
        Self { evict, ..self }
    }

    /// Sets [`growth`](Self::growth).
    #[must_use]
    pub const fn growth(self, growth: f64) -> Self {
        Self { growth, ..self }
    }

    /// Sets [`low_water`](Self::low_water).
    #[must_use]
    pub const fn low_water(self, low_water: f64) -> Self {
        Self { low_water, ..self }
    }

    /// Sets [`non_finite`](Self::non_finite).
    #[must_use]
    pub const fn non_finite(self, non_finite: NonFinite) -> Self {
        Self { non_finite, ..self }
    }

    /// Sets [`rebuild`](Self::rebuild).
    #[must_use]
    pub const fn rebuild(self, rebuild: Rebuild) -> Self {
        Self { rebuild, ..self }
    }

    /// Sets [`merge`](Self::merge).
    #[must_use]
    pub const fn merge(self, merge: Merge) -> Self {
        Self { merge, ..self }
    }

    /// The first option out of its range, and the rule that it breaks.
    const fn broken(&self) -> Option<(&'static str, &'static str)> {
        let half_life = match self.half_life {
            HalfLife::Never => 1.0,
            HalfLife::Rows(h) | HalfLife::Batches(h) | HalfLife::Time(h) => h,
        };
        // NaN fails each comparison.
        if !(half_life > 0.0 && half_life < f64::INFINITY) {
            Some(("half_life", "must be positive and finite"))
        } else if !(self.evict >= 0.0 && self.evict <= 1e6) {
            Some(("evict", "must be in 0..=1e6"))
        } else if !(self.growth > 1.0 && self.growth <= 100.0) {
            Some(("growth", "must be in (1, 100]"))
        } else if !(self.low_water > 0.0 && self.low_water < 1.0) {
            Some(("low_water", "must be in (0, 1)"))
        } else {
            None
        }
    }

    /// Whether every option is in its range.
    pub(super) const fn is_valid(&self) -> bool {
        self.broken().is_none()
    }

    pub(super) fn check<E>(&self) -> Result<(), Error<E>> {
        self.broken().map_or(Ok(()), |(name, why)| Err(Error::Parameter { name, why }))
    }

    /// The half-life in the unit of the clock; `None` for [`HalfLife::Never`].
    pub(super) fn period(&self) -> Option<f64> {
        match self.half_life {
            HalfLife::Never => None,
            HalfLife::Rows(h) | HalfLife::Batches(h) | HalfLife::Time(h) => Some(h),
        }
    }
}
