//! Made signals, from which the settings are chosen: SKAB's and NAB's labels have no say in them.
//!
//! [`plants`] imitate SKAB's kind, [`series`] NAB's, as far as their own descriptions and the
//! literature on faults tell (DESIGN.md says what was taken from where), and are judged by the same
//! measures. Nothing is scored before [`choose`] has been run.

use enfold_core::anomaly::Options;
use enfold_core::random::Draws;
use serde_json::{Value, json};

use super::nab::{self, Series};
use super::skab::{self, Experiment, Quality, Said};
use super::{NAB_PROTOCOL, NAB_TRAIN, SKAB_PROTOCOL, SKAB_TRAIN, round, trained_on};

/// Most normal rows in alarm: the limit that was set for SKAB.
const FALSE_ALARMS: f64 = 0.3;

/// Plants of each kind of fault; series.
const SEEDS: u64 = 24;
const SERIES: u64 = 160;
/// Rows of a plant, at one a second, and of a series, at one in five minutes.
const SECONDS: usize = 1150;
const ROWS: usize = 4000;
const DAY: f32 = 288.0;

/// What goes wrong in a plant: at sensors, and in the process, which all of them see.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Bias,
    Noise,
    Loose,
    Stuck,
    Drift,
    Process,
}
use Fault::{Bias, Drift, Loose, Noise, Process, Stuck};

const FAULTS: [Fault; 6] = [Bias, Noise, Loose, Stuck, Drift, Process];

/// About normal: twelve uniform draws.
fn normal(draws: &Draws, t: usize, lane: u32) -> f32 {
    (0..12).map(|i| draws.unit(t as u64, 200 + 12 * lane + i)).sum::<f32>() - 6.0
}

/// Evenly from `from` to `to`.
fn within(draws: &Draws, lane: u32, at: u32, from: f32, to: f32) -> f32 {
    from + (to - from) * draws.unit(u64::from(at), lane)
}

/// What a plant's sensors have of their own, in deviations of their noise.
struct Sensor {
    /// Of the load, which is of first order.
    gain: f32,
    /// Of what wanders and does not come back.
    slow: f32,
    /// Of a process that has gone wrong.
    effect: f32,
    is_victim: bool,
}

fn sensors(draws: &Draws, fault: Fault) -> [Sensor; 8] {
    let victim = draws.below(3, 0, 8) as usize;
    let pair = matches!(fault, Bias | Noise);
    core::array::from_fn(|s| {
        let at = s as u32;
        let slow = draws.unit(4, at) < 0.5;
        Sensor {
            gain: within(draws, 1, at, -1.0, 2.0),
            slow: if slow { within(draws, 6, at, -2.0, 2.0) } else { 0.0 },
            effect: within(draws, 7, at, -2.0, 2.0),
            is_victim: s == victim || pair && s == (victim + 3) % 8,
        }
    })
}

/// Eight sensors of one plant, with one fault that takes from a sixth to nearly half of the rows.
fn plant(fault: Fault, seed: u64) -> Experiment {
    let draws = Draws::new(seed, 1 + fault as u32);
    let sensors = sensors(&draws, fault);
    let start = SKAB_TRAIN + within(&draws, 2, 0, 50.0, 200.0) as usize;
    let end = start + within(&draws, 2, 1, 200.0, 500.0) as usize;
    let pace = within(&draws, 2, 2, 0.02, 0.2);
    // It comes and goes as fast as the plant, and is over when it is mended, not when it has faded.
    let onset = within(&draws, 2, 3, 0.02, 1.0);
    let (mut load, mut wander, mut depth, mut drift) = (0.0, 0.0, 0.0f32, 0.0);
    let (mut noise, mut held) = ([0.0f32; 8], [0.0f32; 8]);
    let labels: Vec<bool> = (0..SECONDS).map(|t| (start..end).contains(&t)).collect();
    let samples = labels.iter().enumerate().map(|(t, &faulty)| {
        load += pace * (normal(&draws, t, 8) * 4.0 - load);
        wander += 0.05 * normal(&draws, t, 9);
        depth += onset * (f32::from(u8::from(faulty)) - depth);
        drift = if faulty { drift + 0.01 } else { 0.0 };
        core::array::from_fn(|s| {
            let sensor = &sensors[s];
            noise[s] += 0.5 * (normal(&draws, t, s as u32) - noise[s]);
            let hit = |which| if fault == which && sensor.is_victim { depth } else { 0.0 };
            let process = if fault == Process { depth * sensor.effect } else { 0.0 };
            let value = 10.0 * s as f32
                + sensor.gain * load * (1.0 - hit(Loose))
                + sensor.slow * wander
                + noise[s] * (1.0 + 2.0 * hit(Noise))
                + 1.2 * hit(Bias)
                + drift * hit(Drift)
                + process;
            let is_held = faulty && fault == Stuck && sensor.is_victim;
            held[s] = if is_held { held[s] } else { value };
            held[s]
        })
    });
    Experiment { samples: samples.collect(), labels: labels.clone() }
}

fn plants() -> Vec<Experiment> {
    FAULTS.iter().flat_map(|&fault| (0..SEEDS).map(move |seed| plant(fault, seed))).collect()
}

/// One value with a daily course, wandering level and noise that is at times much stronger: one to
/// three times something happens, and lasts. The windows around share a tenth of the rows.
fn series(seed: u64) -> Series {
    let draws = Draws::new(seed, 100);
    let count = 1 + draws.below(0, 0, 3) as usize;
    let part = (ROWS - 800) / count;
    let height = within(&draws, 1, 0, 0.0, 4.0);
    let events: Vec<(usize, usize, u64)> = (0..count)
        .map(|i| {
            let at = i as u32;
            let start = 800 + i * part + (within(&draws, 2, at, 0.2, 0.7) * part as f32) as usize;
            let length = within(&draws, 3, at, 1.0, 200.0) as usize;
            (start, start + length, draws.below(4, at, 5))
        })
        .collect();
    let half = ROWS / 20 / count;
    let mut level = 0.0;
    let values = (0..ROWS).map(|t| {
        level += 0.02 * normal(&draws, t, 0);
        let course = height * (core::f32::consts::TAU * t as f32 / DAY).sin();
        let unrest = (0.5 * normal(&draws, t, 2)).exp();
        let quiet = level + course + unrest * normal(&draws, t, 1);
        match events.iter().find(|(start, end, _)| (*start..*end).contains(&t)) {
            Some((_, _, 0)) => quiet + 4.0,
            Some((_, _, 1)) => quiet - 4.0,
            Some((_, _, 2)) => level + course + 3.0 * unrest * normal(&draws, t, 1),
            Some((_, _, 3)) => level,
            Some((start, _, 4)) if t < start + 3 => quiet + 10.0,
            _ => quiet,
        }
    });
    let windows = events.iter().map(|(start, ..)| (start - half, (start + half).min(ROWS - 1)));
    Series { values: values.collect(), windows: windows.collect() }
}

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

fn run_plants(plants: &[Experiment], options: Options, window: usize) -> Vec<Said> {
    let options = trained_on(options, SKAB_TRAIN, window);
    match window {
        8 => skab::run::<f32, 8>(plants, options),
        16 => skab::run::<f32, 16>(plants, options),
        32 => skab::run::<f32, 32>(plants, options),
        _ => skab::run::<f32, 64>(plants, options),
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

/// For a plant: the largest F1 of those with at most 30 % of the normal rows in alarm.
fn choose_for_plants(say: &mut impl FnMut(Value)) {
    let plants = plants();
    let line = |(ridge, price, window): (f32, f32, usize)| {
        let mut said = run_plants(&plants, SKAB_PROTOCOL.ridge(ridge).price(price), window);
        let ([clear, raise], found) = best_thresholds(&mut said)?;
        Some(json!({
            "task": "anomaly", "set": "made plants", "window": window,
            "ridge": round(ridge.into()), "price": round(price.into()),
            "clear": round(clear.into()), "raise": round(raise.into()),
            "auc": round(skab::mean(&skab::aucs(&said))), "f1": round(found.f1),
            "false_alarm_rate": round(found.false_alarms), "missed_rate": round(found.missed),
        }))
    };
    say_all(settings().into_iter().filter_map(line).collect(), "f1", say);
}

fn judge_series(made: &[Series], options: Options, window: usize) -> (f64, f32) {
    let options = trained_on(options, NAB_TRAIN, window);
    let thresholds = (7..=14u8).map(|tenths| f32::from(tenths) * 0.1);
    match window {
        8 => nab::best::<f32, 8>(made, options, thresholds),
        16 => nab::best::<f32, 16>(made, options, thresholds),
        32 => nab::best::<f32, 32>(made, options, thresholds),
        _ => nab::best::<f32, 64>(made, options, thresholds),
    }
}

/// For series: the highest score of NAB's at the best threshold.
fn choose_for_series(say: &mut impl FnMut(Value)) {
    let made: Vec<Series> = (0..SERIES).map(series).collect();
    let line = |(ridge, price, window): (f32, f32, usize)| {
        let (found, raise) = judge_series(&made, NAB_PROTOCOL.ridge(ridge).price(price), window);
        json!({
            "task": "anomaly", "set": "made series", "window": window, "raise": round(raise.into()),
            "ridge": round(ridge.into()), "price": round(price.into()), "standard": round(found),
        })
    };
    say_all(settings().into_iter().map(line).collect(), "standard", say);
}

/// A line of JSON for every setting that is tried, and for what is chosen.
pub(super) fn choose(mut say: impl FnMut(Value)) {
    choose_for_plants(&mut say);
    choose_for_series(&mut say);
}
