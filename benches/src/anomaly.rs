//! The anomaly detector on SKAB and NAB: the code that runs on a microcontroller, on the host.
//!
//! What their protocols say is given; ridge, price, window and thresholds are chosen on one half of
//! each collection ([`choose`]) and scored on the other, and on everything. Thresholds are the
//! detector's own, except where a column says that it is the best one – NAB is defined with a
//! threshold tuned on the set.

mod choose;
mod nab;
mod skab;

use enfold_core::anomaly::{AlarmOptions, Options};
use serde_json::Value;

use crate::failure::Outcome;

/// SKAB: 8 sensors, mean and deviation of every window. The first 400 samples train, as its
/// leaderboard has it; afterwards only rows are learned that score 0 or less.
const SKAB_PROTOCOL: Options = Options::new().gate(0.0);
const SKAB_TRAIN: usize = 400;
/// What is chosen on `valve1`.
pub(crate) const SKAB: Options = trained_on(
    SKAB_PROTOCOL.ridge(0.2).price(8.0).alarm(AlarmOptions::new().between(0.6, 1.0)),
    SKAB_TRAIN,
    SKAB_WINDOW,
);
/// Samples in a window.
pub(crate) const SKAB_WINDOW: usize = 32;

/// NAB: one sensor, five features of every window. The probation of its shortest series, 15 % of
/// 1126 rows, trains. What is normal changes, and nobody says so: everything is learned. An alarm
/// is an event, and is not raised again for 128 rows.
const NAB_PROTOCOL: Options =
    Options::new().gate(f32::INFINITY).alarm(AlarmOptions::new().hold(128));
const NAB_TRAIN: usize = 168;
/// What is chosen on every second series.
pub(crate) const NAB: Options = trained_on(
    NAB_PROTOCOL.ridge(0.2).price(1.0).alarm(NAB_PROTOCOL.alarm.between(1.0, 1.1)),
    NAB_TRAIN,
    NAB_WINDOW,
);
/// Samples in a window.
pub(crate) const NAB_WINDOW: usize = 32;

/// Training ends with so many samples, and the front is fitted at a quarter of it.
const fn trained_on(options: Options, samples: usize, window: usize) -> Options {
    let quarter = ((samples - window) / 4) as u32;
    options.front(quarter).train(4 * quarter)
}

/// What to measure.
pub(crate) struct Plan {
    /// A folder with `skab/` and `nab/`.
    pub(crate) data: String,
    /// Tries settings on the halves that choose, instead of scoring.
    pub(crate) choose: bool,
}

/// A line of JSON for every setting that is tried, or for what the chosen ones score, with cells of
/// `f32` and of `i16`: first on the halves that had no say in them, then on everything.
pub(crate) fn run(plan: &Plan) -> Outcome<()> {
    let (skab, nab) = (format!("{}/skab", plan.data), format!("{}/nab", plan.data));
    let mut say = |line: Value| println!("{line}");
    let (choosing, held_out) = nab::halves(nab::load(&nab)?);
    if plan.choose {
        choose::for_skab(&skab::load(&skab, &["valve1"])?, &mut say);
        choose::for_nab(&choosing, &mut say);
        return Ok(());
    }
    for experiments in [&["valve2", "other"][..], &["valve1", "valve2", "other"]] {
        let experiments = skab::load(&skab, experiments)?;
        say(skab::measure::<f32>(&experiments, "f32"));
        say(skab::measure::<i16>(&experiments, "q15"));
    }
    for series in [&held_out, &nab::load(&nab)?] {
        say(nab::measure::<f32>(series, "f32"));
        say(nab::measure::<i16>(series, "q15"));
    }
    Ok(())
}

fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
