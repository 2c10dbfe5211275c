//! Chooses settings on one half of the collections, by the measures that the other half is scored
//! with: SKAB's `valve1`, and every second series of NAB by name.

use enfold_core::anomaly::Options;
use serde_json::{Value, json};

use super::nab::{self, Series};
use super::skab::{self, Experiment, Quality, Said};
use super::{NAB_PROTOCOL, NAB_TRAIN, SKAB_PROTOCOL, SKAB_TRAIN, round, trained_on};

/// Most normal rows in alarm: the limit that was set for SKAB.
const FALSE_ALARMS: f64 = 0.3;

/// What is tried, in every combination; of equals the first is taken: the largest ridge and price,
/// which keep a fit from following chance, and the shortest window.
const RIDGES: [f32; 4] = [0.8, 0.2, 0.05, 0.0125];
const PRICES: [f32; 4] = [8.0, 4.0, 2.0, 1.0];
const WINDOWS: [usize; 4] = [8, 16, 32, 64];

/// Ridge, price, window.
fn settings() -> Vec<(f32, f32, usize)> {
    let prices = |ridge| PRICES.into_iter().map(move |price| (ridge, price));
    let windows = |(ridge, price)| WINDOWS.map(|window| (ridge, price, window));
    RIDGES.into_iter().flat_map(prices).flat_map(windows).collect()
}

/// The line with the most under `measure`, and before it all.
fn say_all(lines: Vec<Value>, measure: &str, say: &mut impl FnMut(Value)) {
    let (mut best, mut most) = (Value::Null, f64::MIN);
    for line in lines {
        let found = line.get(measure).and_then(Value::as_f64).unwrap_or(f64::MIN);
        if found > most {
            (best, most) = (line.clone(), found);
        }
        say(line);
    }
    say(json!({ "chosen": best }));
}

fn run(experiments: &[Experiment], options: Options, window: usize) -> Vec<Said> {
    let options = trained_on(options, SKAB_TRAIN, window);
    match window {
        8 => skab::run::<f32, 8>(experiments, options),
        16 => skab::run::<f32, 16>(experiments, options),
        32 => skab::run::<f32, 32>(experiments, options),
        _ => skab::run::<f32, 64>(experiments, options),
    }
}

/// The thresholds with the largest F1 of those that leave at most 30 % of the normal rows in alarm;
/// `None` where all leave more.
fn best_thresholds(said: &mut [Said]) -> Option<([f32; 2], Quality)> {
    let above = |clear| [0, 2, 4].map(|more| [clear, clear + more]);
    let grid = (4..=20u8).step_by(2).flat_map(above);
    let mut best: Option<([f32; 2], Quality)> = None;
    for tenths in grid {
        let [clear, raise] = tenths.map(|tenths| f32::from(tenths) * 0.1);
        said.iter_mut().for_each(|said| said.step(clear, raise));
        let found = Quality::of(said);
        let is_better = best.as_ref().is_none_or(|(_, best)| found.f1 > best.f1);
        if found.false_alarms <= FALSE_ALARMS && is_better {
            best = Some(([clear, raise], found));
        }
    }
    best
}

/// The largest F1 of those with at most 30 % of the normal rows in alarm.
pub(super) fn for_skab(experiments: &[Experiment], say: &mut impl FnMut(Value)) {
    let line = |(ridge, price, window): (f32, f32, usize)| {
        let mut said = run(experiments, SKAB_PROTOCOL.ridge(ridge).price(price), window);
        let ([clear, raise], found) = best_thresholds(&mut said)?;
        Some(json!({
            "task": "anomaly", "set": "skab", "files": experiments.len(), "window": window,
            "ridge": round(ridge.into()), "price": round(price.into()),
            "clear": round(clear.into()), "raise": round(raise.into()),
            "auc": round(skab::mean(&skab::aucs(&said))), "f1": round(found.f1),
            "false_alarm_rate": round(found.false_alarms), "missed_rate": round(found.missed),
        }))
    };
    say_all(settings().into_iter().filter_map(line).collect(), "f1", say);
}

fn judge(series: &[Series], options: Options, window: usize) -> (f64, f32) {
    let options = trained_on(options, NAB_TRAIN, window);
    let thresholds = (7..=14u8).map(|tenths| f32::from(tenths) * 0.1);
    match window {
        8 => nab::best::<f32, 8>(series, options, thresholds),
        16 => nab::best::<f32, 16>(series, options, thresholds),
        32 => nab::best::<f32, 32>(series, options, thresholds),
        _ => nab::best::<f32, 64>(series, options, thresholds),
    }
}

/// The highest score of NAB's at the best threshold.
pub(super) fn for_nab(series: &[Series], say: &mut impl FnMut(Value)) {
    let line = |(ridge, price, window): (f32, f32, usize)| {
        let (found, raise) = judge(series, NAB_PROTOCOL.ridge(ridge).price(price), window);
        json!({
            "task": "anomaly", "set": "nab", "files": series.len(), "window": window,
            "ridge": round(ridge.into()), "price": round(price.into()), "raise": round(raise.into()),
            "standard": round(found),
        })
    };
    say_all(settings().into_iter().map(line).collect(), "standard", say);
}
