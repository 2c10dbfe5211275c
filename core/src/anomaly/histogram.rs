//! Quantiles of a stream of positive numbers, in 64 counters.
//!
//! Numbers are entered by their *level*, a logarithm read off the bits: the exponent, and the
//! mantissa as the fraction. It is within 0.09 of log₂, monotone, and the same on every machine
//! for a few integer instructions. Counters stand for quarters of an octave, so a quantile is
//! within a quarter of the true one whatever the data are; inside a counter it is interpolated.
//! When a counter is full all are halved: old entries lose weight, and the quantile follows the
//! data.

/// How many counters there are.
pub(super) const COUNTERS: usize = 64;
/// The level of the first counter.
const FIRST: f32 = -6.0;
/// Above this, counters are halved.
const FULL: u16 = 4096;

/// Counts of levels from −6 to 10; what lies outside counts at the ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Histogram {
    pub(super) counts: [u16; COUNTERS],
}

impl Histogram {
    pub(super) const fn new() -> Self {
        Self { counts: [0; COUNTERS] }
    }

    /// Enters a level; NaN must not come here.
    pub(super) fn enter(&mut self, level: f32) {
        // A float becomes the nearest integer that there is.
        let place = (((level - FIRST) * 4.0) as usize).min(COUNTERS - 1);
        let Some(count) = self.counts.get_mut(place) else { return };
        *count = count.saturating_add(1);
        if *count >= FULL {
            self.halve();
        }
    }

    /// Moves all entries by a level, to the nearest counter.
    pub(super) fn shift(&mut self, level: f32) {
        let old = core::mem::replace(&mut self.counts, [0; COUNTERS]);
        let half = if level < 0.0 { -0.5 } else { 0.5 };
        let most = COUNTERS as i32;
        let by = ((level * 4.0 + half) as i32).clamp(-most, most);
        for (at, &count) in (0i32..).zip(&old) {
            let to = (at + by).clamp(0, COUNTERS as i32 - 1) as usize;
            if let Some(place) = self.counts.get_mut(to) {
                *place = place.saturating_add(count).min(FULL - 1);
            }
        }
    }

    fn halve(&mut self) {
        for count in &mut self.counts {
            *count /= 2;
        }
    }

    /// Entries, with what halving left of them.
    pub(super) fn total(&self) -> u32 {
        self.counts.iter().fold(0, |sum, &count| sum + u32::from(count))
    }

    /// The level that a share `upper` of all entries lies above, with `upper` in units of 2⁻¹⁶;
    /// `None` without entries.
    pub(super) fn quantile(&self, upper: u16) -> Option<f32> {
        let total = self.total();
        if total == 0 {
            return None;
        }
        // In units of 2⁻¹⁶ entries: 64 · 4096 · 2¹⁶ needs more than 32 bits.
        let above = u64::from(total) * u64::from(upper);
        let mut met = 0u64;
        for (at, &count) in self.counts.iter().enumerate().rev() {
            let here = u64::from(count) << 16;
            if met + here > above {
                let share = (above - met) as f32 / here as f32;
                return Some(FIRST + 0.25 * ((at + 1) as f32 - share));
            }
            met += here;
        }
        Some(FIRST)
    }
}

/// The level of a number: about log₂; −127 for 0.
pub(super) fn level(value: f32) -> f32 {
    value.to_bits() as f32 * (1.0 / 8_388_608.0) - 127.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_about_the_logarithm_and_monotone() {
        let mut last = f32::NEG_INFINITY;
        for i in 1..4000u32 {
            let value = i as f32 * 0.37;
            let gap = level(value) - value.log2();
            assert!((-0.0862..=0.0001).contains(&gap) && level(value) > last, "{value} {gap}");
            last = level(value);
        }
        assert_eq!((level(0.0), level(1.0), level(8.0)), (-127.0, 0.0, 3.0));
    }

    #[test]
    fn a_quantile_is_within_a_quarter_octave() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile(655), None);
        let mut levels: std::vec::Vec<f32> =
            (0..2000u32).map(|i| level(0.05 + (i * 7919 % 2000) as f32 * 0.01)).collect();
        levels.iter().for_each(|&v| histogram.enter(v));
        levels.sort_by(f32::total_cmp);
        for upper in [655u16, 3277, 6554, 32768] {
            let truth = levels[2000 - 2000 * usize::from(upper) / 65536 - 1];
            let gap = histogram.quantile(upper).unwrap() - truth;
            assert!(gap.abs() < 0.25, "{upper}: {gap}");
        }
    }

    #[test]
    fn the_ends_hold_what_lies_outside() {
        let mut histogram = Histogram::new();
        [-127.0, -100.0, 128.0].into_iter().for_each(|v| histogram.enter(v));
        assert_eq!((histogram.counts[0], histogram.counts[COUNTERS - 1]), (2, 1));
        assert!(histogram.quantile(1).unwrap() <= 10.0);
    }

    #[test]
    fn what_is_shifted_has_the_quantiles_of_shifted_levels() {
        let mut histogram = Histogram::new();
        (0..100u8).for_each(|i| histogram.enter(f32::from(i) * 0.04));
        let before = [655, 32768].map(|upper| histogram.quantile(upper).unwrap());
        histogram.shift(-2.6);
        let after = [655, 32768].map(|upper| histogram.quantile(upper).unwrap());
        for (after, before) in after.iter().zip(before) {
            assert!((after - (before - 2.5)).abs() < 1e-5, "{after} {before}");
        }
        assert_eq!(histogram.total(), 100);
        histogram.shift(f32::INFINITY);
        assert_eq!(histogram.counts[COUNTERS - 1], 100);
        histogram.shift(-127.0);
        assert_eq!(histogram.counts[0], 100);
    }

    #[test]
    fn full_counters_are_halved_and_the_quantile_follows_the_data() {
        let mut histogram = Histogram::new();
        (0..100_000).for_each(|_| histogram.enter(0.0));
        assert!(histogram.total() < 4096);
        (0..10_000).for_each(|_| histogram.enter(7.0));
        assert!(histogram.quantile(32768).unwrap() > 6.9);
    }
}
