//! Features of a rolling window.
//!
//! Raw samples make poor features: what is unusual about a sensor is mostly its level, its unrest
//! or its trend over the last moments. A [`Window`] keeps the last W samples of S sensors and
//! computes such numbers anew from them, so that nothing drifts, however long it runs.

use super::Reject;

/// What a window can say of one sensor.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// The mean.
    Mean,
    /// The standard deviation (divided by W), never negative.
    Deviation,
    /// The least sample.
    Least,
    /// The greatest sample.
    Greatest,
    /// The slope of the least-squares line, in units of the sensor per sample.
    Slope,
    /// The newest sample.
    Newest,
}

/// The last W samples of S sensors: plain arrays, `const`, 4·S·W + 8 bytes.
///
/// ```
/// use enfold_core::anomaly::{Feature, Window};
/// let mut window = Window::<2, 4>::new();
/// for t in 0..10 {
///     window.push(&[t as f32, 5.0])?;
/// }
/// let mut row = [0.0; 4];
/// window.features(&[Feature::Mean, Feature::Slope], &mut row)?;
/// assert_eq!(row, [7.5, 5.0, 1.0, 0.0]);
/// # Ok::<(), enfold_core::anomaly::Reject>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Window<const S: usize, const W: usize> {
    samples: [[f32; W]; S],
    at: usize,
    seen: usize,
}

impl<const S: usize, const W: usize> Default for Window<S, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const S: usize, const W: usize> Window<S, W> {
    /// An empty window.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(W > 0 && S > 0, "a window has sensors and samples") };
        Self { samples: [[0.0; W]; S], at: 0, seen: 0 }
    }

    /// Whether W samples have been seen.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.seen >= W
    }

    /// Forgets all samples: after a gap, old ones say nothing about new ones.
    pub fn clear(&mut self) {
        (self.at, self.seen) = (0, 0);
    }

    /// Takes in one sample of every sensor. `O(S)`.
    ///
    /// # Errors
    /// [`Reject::DimMismatch`] or [`Reject::NonFinite`]; the window is as it was.
    pub fn push(&mut self, sample: &[f32]) -> Result<(), Reject> {
        if sample.len() != S {
            return Err(Reject::DimMismatch);
        }
        if !super::all_usable(sample) {
            return Err(Reject::NonFinite);
        }
        for (ring, &value) in self.samples.iter_mut().zip(sample) {
            if let Some(place) = ring.get_mut(self.at) {
                *place = value;
            }
        }
        self.at = if self.at + 1 >= W { 0 } else { self.at + 1 };
        self.seen = (self.seen + 1).min(W);
        Ok(())
    }

    /// Writes the features: all sensors of the first kind, then of the second, and so on.
    /// `out`: S × kinds. `O(S·W)` per kind.
    ///
    /// # Errors
    /// [`Reject::Untrained`] before W samples were seen, [`Reject::DimMismatch`].
    pub fn features(&self, kinds: &[Feature], out: &mut [f32]) -> Result<(), Reject> {
        if !self.is_full() {
            return Err(Reject::Untrained);
        }
        if out.len() != S.wrapping_mul(kinds.len()) {
            return Err(Reject::DimMismatch);
        }
        for (&kind, out) in kinds.iter().zip(out.chunks_exact_mut(S)) {
            for (ring, out) in self.samples.iter().zip(out) {
                *out = self.feature(kind, ring);
            }
        }
        Ok(())
    }

    fn feature(&self, kind: Feature, ring: &[f32; W]) -> f32 {
        match kind {
            Feature::Mean => mean(ring),
            Feature::Deviation => deviation(ring),
            Feature::Least => ring.iter().fold(f32::MAX, |low, &x| if x < low { x } else { low }),
            Feature::Greatest => {
                ring.iter().fold(f32::MIN, |top, &x| if x > top { x } else { top })
            }
            Feature::Slope => slope(in_order(ring, self.at)),
            Feature::Newest => in_order(ring, self.at).last().unwrap_or(0.0),
        }
    }
}

/// The ring from the oldest sample to the newest; `at` is the place of the oldest.
fn in_order<const W: usize>(ring: &[f32; W], at: usize) -> impl Iterator<Item = f32> + Clone {
    let (new, old) = ring.split_at_checked(at).unwrap_or((ring, &[]));
    old.iter().chain(new).copied()
}

fn mean<const W: usize>(ring: &[f32; W]) -> f32 {
    ring.iter().fold(0.0, |sum, &x| sum + x) * (1.0 / W as f32)
}

fn deviation<const W: usize>(ring: &[f32; W]) -> f32 {
    let middle = mean(ring);
    let sum = ring.iter().fold(0.0, |sum, &x| sum + (x - middle) * (x - middle));
    libm::sqrtf(sum * (1.0 / W as f32))
}

/// Σ (t − t̄)·x over Σ (t − t̄)².
fn slope(samples: impl Iterator<Item = f32> + Clone) -> f32 {
    let n = samples.clone().fold(0.0, |n, _| n + 1.0);
    let middle = (n - 1.0) * 0.5;
    let (mut sum, mut t) = (0.0, -middle);
    for x in samples {
        sum += t * x;
        t += 1.0;
    }
    // Σ (t − t̄)² = n(n² − 1)/12, and nothing to divide by for a window of one.
    let squares = n * (n * n - 1.0) * (1.0 / 12.0);
    if squares > 0.0 { sum / squares } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Feature; 6] = [
        Feature::Mean,
        Feature::Deviation,
        Feature::Least,
        Feature::Greatest,
        Feature::Slope,
        Feature::Newest,
    ];

    #[test]
    fn features_are_those_of_the_last_samples() {
        let mut window = Window::<1, 5>::new();
        let mut out = [0.0; 6];
        assert_eq!(window.features(&ALL, &mut out), Err(Reject::Untrained));
        let series = [9.0f32, -3.0, 2.0, 4.0, 4.0, 7.0, 1.0, 0.5];
        for (n, &x) in series.iter().enumerate() {
            window.push(&[x]).unwrap();
            if n < 4 {
                continue;
            }
            window.features(&ALL, &mut out).unwrap();
            let last = &series[n - 4..=n];
            let m = last.iter().map(|&x| f64::from(x)).sum::<f64>() / 5.0;
            let v = last.iter().map(|&x| (f64::from(x) - m).powi(2)).sum::<f64>() / 5.0;
            let g = (0..5).map(|t| (t as f64 - 2.0) * f64::from(last[t])).sum::<f64>() / 10.0;
            let low = last.iter().copied().fold(f32::INFINITY, f32::min);
            let top = last.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let truth = [m, v.sqrt(), f64::from(low), f64::from(top), g, f64::from(x)];
            for (found, truth) in out.iter().zip(truth) {
                assert!((f64::from(*found) - truth).abs() < 1e-6, "{n}: {out:?} {truth}");
            }
        }
    }

    #[test]
    fn what_is_rejected_changes_nothing() {
        let mut window = Window::<2, 3>::new();
        for t in 0..5 {
            window.push(&[t as f32, 1.0]).unwrap();
        }
        let before = window.clone();
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
            assert_eq!(window.push(&[0.0, bad]), Err(Reject::NonFinite));
        }
        assert_eq!(window.push(&[0.0]), Err(Reject::DimMismatch));
        assert_eq!(window.features(&ALL, &mut [0.0; 11]), Err(Reject::DimMismatch));
        assert_eq!(window, before);
    }

    #[test]
    fn a_window_of_one_has_no_slope_and_no_deviation() {
        let mut window = Window::<1, 1>::new();
        window.push(&[3.5]).unwrap();
        let mut out = [0.0; 6];
        window.features(&ALL, &mut out).unwrap();
        assert_eq!(out, [3.5, 0.0, 3.5, 3.5, 0.0, 3.5]);
    }
}
