//! The anomaly detector on SKAB and NAB: the code that runs on a microcontroller, on the host.
//!
//! Settings are the library's, which were chosen from made signals ([`made`]); what differs between
//! the collections is what their protocols say. Thresholds are the detector's own, except where a
//! column says that it is the best one – NAB is defined with a threshold tuned on the set.

mod made;
mod nab;
mod skab;

use std::error::Error;

use enfold_core::anomaly::{AlarmOptions, Options};
use serde_json::Value;

/// SKAB: 8 sensors, mean and deviation of every window. The first 400 samples train, as its
/// leaderboard has it; nothing is learned afterwards unless a gate is set.
const SKAB_PROTOCOL: Options = Options::new().gate(0.0);
const SKAB_TRAIN: usize = 400;
/// What is chosen from made plants.
pub(crate) const SKAB: Options = trained_on(
    SKAB_PROTOCOL.ridge(0.0125).price(8.0).alarm(AlarmOptions::new().between(0.6, 0.8)),
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
/// What is chosen from made series.
pub(crate) const NAB: Options = trained_on(
    NAB_PROTOCOL.ridge(0.8).price(2.0).alarm(NAB_PROTOCOL.alarm.between(1.0, 1.1)),
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
    /// A folder with `skab/` and `nab/`; made signals where there is none.
    pub(crate) data: Option<String>,
}

/// Measures with cells of `f32` and of `i16`; a line of JSON each.
pub(crate) fn run(plan: &Plan) -> Result<(), Box<dyn Error>> {
    let Some(data) = &plan.data else {
        made::choose(|line| println!("{line}"));
        return Ok(());
    };
    let experiments = skab::load(&format!("{data}/skab"))?;
    let series = nab::load(&format!("{data}/nab"))?;
    let lines: [Value; 4] = [
        skab::measure::<f32>(&experiments, "f32"),
        skab::measure::<i16>(&experiments, "q15"),
        nab::measure::<f32>(&series, "f32"),
        nab::measure::<i16>(&series, "q15"),
    ];
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
