//! The anomaly detector on SKAB and NAB: the code that runs on a microcontroller, on the host.
//!
//! One setting per collection, for all of its files; thresholds are the detector's own, except
//! where a column says that it is the best one – NAB is defined with a threshold tuned on the set.

mod nab;
mod skab;

use std::error::Error;

use enfold_core::anomaly::{AlarmOptions, Options};
use serde_json::Value;

/// SKAB: 8 sensors, mean and deviation of 16 samples. 384 rows of features are the training, which
/// are the first 399 samples; nothing is learned afterwards. Alarms from 1.3 down to 1.
pub(crate) const SKAB: Options = Options::new().front(96).train(384).gate(0.0);

/// NAB: one sensor, five features of 16 samples; scores from the 200th row on; everything is
/// learned, for what is normal changes; an alarm is followed by 120 rows of quiet.
pub(crate) const NAB: Options = Options::new()
    .front(100)
    .train(200)
    .ridge(0.2)
    .price(1.0)
    .gate(f32::INFINITY)
    .alarm(AlarmOptions::new().between(1.0, 1.1).hold(120));

/// What to measure.
pub(crate) struct Plan {
    /// A folder with `skab/` and `nab/`.
    pub(crate) data: String,
}

/// Measures with cells of `f32` and of `i16`; a line of JSON each.
pub(crate) fn run(plan: &Plan) -> Result<(), Box<dyn Error>> {
    let experiments = skab::load(&format!("{}/skab", plan.data))?;
    let series = nab::load(&format!("{}/nab", plan.data))?;
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
