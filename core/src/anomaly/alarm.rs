//! From scores to alarms: hysteresis and hold-off.

/// When an alarm is raised and when it ends.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlarmOptions {
    /// A score above this raises the alarm; 1 is the edge of normal.
    pub raise: f32,
    /// The alarm ends when scores are at or below this; not above `raise`.
    pub clear: f32,
    /// Rows after an alarm was raised during which no new one is raised.
    pub hold: u32,
}

impl Default for AlarmOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl AlarmOptions {
    /// Raised above 1.2, ends at 1, no hold-off.
    #[must_use]
    pub const fn new() -> Self {
        Self { raise: 1.2, clear: 1.0, hold: 0 }
    }

    /// Sets [`raise`](Self::raise) and [`clear`](Self::clear).
    #[must_use]
    pub const fn between(self, clear: f32, raise: f32) -> Self {
        Self { raise, clear, ..self }
    }

    /// Sets [`hold`](Self::hold).
    #[must_use]
    pub const fn hold(self, hold: u32) -> Self {
        Self { hold, ..self }
    }

    pub(super) const fn is_valid(&self) -> bool {
        self.clear >= 0.0 && self.clear <= self.raise && self.raise <= super::LARGEST
    }
}

/// Whether an alarm is on, and how long none may be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alarm {
    pub(super) on: bool,
    pub(super) quiet: u32,
}

impl Alarm {
    pub(super) const OFF: Self = Self { on: false, quiet: 0 };

    /// Takes in the score of the next row; whether the alarm is on, and whether this row
    /// raised it.
    pub(super) fn step(&mut self, score: f32, options: &AlarmOptions) -> (bool, bool) {
        let was = self.on;
        let above = score > if was { options.clear } else { options.raise };
        self.quiet = self.quiet.saturating_sub(1);
        self.on = above && (was || self.quiet == 0);
        let raised = self.on && !was;
        if raised {
            self.quiet = options.hold;
        }
        (self.on, raised)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(options: AlarmOptions, scores: &[f32]) -> std::vec::Vec<bool> {
        let mut alarm = Alarm::OFF;
        scores.iter().map(|s| alarm.step(*s, &options).0).collect()
    }

    #[test]
    fn an_alarm_lasts_until_scores_are_low() {
        let found = run(AlarmOptions::new(), &[1.2, 1.4, 1.1, 1.2, 1.0, 1.2, 1.5]);
        assert_eq!(found, [false, true, true, true, false, false, true]);
    }

    #[test]
    fn hold_off_keeps_quiet_for_so_many_rows() {
        let found = run(AlarmOptions::new().hold(3), &[3.0, 0.0, 3.0, 3.0, 3.0]);
        assert_eq!(found, [true, false, false, true, true]);
        assert_eq!(run(AlarmOptions::new(), &[3.0, 0.0, 3.0]), [true, false, true]);
    }
}
