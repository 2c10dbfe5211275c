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
    /// Keeps a copy of the other, by its stream number; they are united at `finish`. The same
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
    /// Number of the logical shard: streams to be merged need different ones.
    pub stream: u32,
    /// How fast old rows lose weight.
    pub half_life: HalfLife,
    /// A micro-cluster whose present weight falls below this many usual rows is dropped.
    pub evict: f64,
    /// What a rebuild multiplies the price by, in (1, 100].
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

    /// What [`check`](Self::check) finds, for constants.
    pub(super) const fn is_valid(&self) -> bool {
        let half_life = match self.half_life {
            HalfLife::Never => 1.0,
            HalfLife::Rows(h) | HalfLife::Batches(h) | HalfLife::Time(h) => h,
        };
        half_life > 0.0
            && half_life < f64::INFINITY
            && self.evict >= 0.0
            && self.evict <= 1e6
            && self.growth > 1.0
            && self.growth <= 100.0
            && self.low_water > 0.0
            && self.low_water < 1.0
    }

    pub(super) fn check<E>(&self) -> Result<(), Error<E>> {
        let rule = |good: bool, name, why| {
            if good { Ok(()) } else { Err(Error::Parameter { name, why }) }
        };
        let half_life = match self.half_life {
            HalfLife::Never => 1.0,
            HalfLife::Rows(h) | HalfLife::Batches(h) | HalfLife::Time(h) => h,
        };
        let positive = half_life > 0.0 && half_life < f64::INFINITY;
        rule(positive, "half_life", "must be positive and finite")?;
        rule((0.0..=1e6).contains(&self.evict), "evict", "must be in 0..=1e6")?;
        rule(self.growth > 1.0 && self.growth <= 100.0, "growth", "must be in (1, 100]")?;
        rule(self.low_water > 0.0 && self.low_water < 1.0, "low_water", "must be in (0, 1)")
    }

    /// The half-life in the unit of the clock; `None` for [`HalfLife::Never`].
    pub(super) fn period(&self) -> Option<f64> {
        match self.half_life {
            HalfLife::Never => None,
            HalfLife::Rows(h) | HalfLife::Batches(h) | HalfLife::Time(h) => Some(h),
        }
    }
}
