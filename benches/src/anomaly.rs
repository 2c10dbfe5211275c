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
/// leaderboard has it: 384 windows.
const SKAB_PROTOCOL: Options = Options::new().front(96).train(384).gate(0.0);
/// What is chosen from made plants.
pub(crate) const SKAB: Options = SKAB_PROTOCOL;

/// NAB: one sensor, five features of every window. The probation of its shortest series, 15 % of
/// 1126 rows, trains: 144 windows. What is normal changes, and nobody says so: everything is
/// learned. An alarm is an event, and is not raised again for eight windows.
const NAB_PROTOCOL: Options =
    Options::new().front(36).train(144).gate(f32::INFINITY).alarm(AlarmOptions::new().hold(128));
/// What is chosen from made series.
pub(crate) const NAB: Options = NAB_PROTOCOL;

/// Samples in a window.
pub(crate) const WINDOW: usize = 16;

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
