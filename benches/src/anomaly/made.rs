//! Made signals, from which the settings are chosen: SKAB and NAB have no say in them.
//!
//! A *plant*: eight sensors that follow a load of first order, each with a gain, a level and noise
//! of its own, in one to three ways of running that take turns of 100 rows. Faults: two sensors shift by two deviations of
//! their noise, or become three times as restless; one no longer follows the load, or is stuck; one
//! drifts away. A *series*: one value with a daily course, noise and wandering level; it jumps,
//! becomes restless, loses its course or has single spikes.
//!
//! A recording has one kind of fault, three times after training, at a place and of a length drawn
//! anew. What is judged is the area under the ROC curve of the rows after training, and which share
//! of the windows without a faulty sample is in alarm.

use enfold_core::anomaly::{AlarmOptions, Detector, Feature, Options, Window};
use enfold_core::random::Draws;
use serde_json::{Value, json};

use super::{round, skab::auc};

/// What the first sweep chooses, for the others.
const RIDGE: f32 = 0.025;
const PRICE: f32 = 1.0;
/// Made recordings of each kind of fault.
const SEEDS: u64 = 24;
const ROWS: usize = 1600;
/// Rows that only train.
const TRAIN: usize = 400;
const FAULTS: u64 = 5;
const MOMENTS: [Feature; 2] = [Feature::Mean, Feature::Deviation];
/// All kinds that say something of one sensor's last samples.
const COURSE: [Feature; 5] =
    [Feature::Mean, Feature::Deviation, Feature::Least, Feature::Greatest, Feature::Slope];

/// Samples of S sensors with what is normal of them.
struct Made<const S: usize> {
    samples: Vec<[f32; S]>,
    faulty: Vec<bool>,
}

/// Sums of what was found.
#[derive(Default)]
struct Found {
    auc: f64,
    recordings: f64,
    normal: f64,
    alarms: f64,
}

/// Where the faults are: a start in every 400 rows after training, and a length of 40 to 200.
fn faults(draws: &Draws) -> Vec<bool> {
    let mut faulty = vec![false; ROWS];
    for (part, from) in (TRAIN..ROWS).step_by(400).enumerate() {
        let length = 40 + draws.below(part as u64, 90, 160) as usize;
        let start = from + 50 + draws.below(part as u64, 91, 150) as usize;
        faulty[start..start + length].fill(true);
    }
    faulty
}

/// About normal: twelve uniform draws.
fn normal(draws: &Draws, t: usize, lane: u32) -> f32 {
    (0..12).map(|i| draws.unit(t as u64, 200 + 12 * lane + i)).sum::<f32>() - 6.0
}

fn plant(kind: u64, seed: u64) -> Made<8> {
    let draws = Draws::new(seed, 1 + kind as u32);
    let faulty = faults(&draws);
    let ways = 1 + draws.below(0, 0, 3);
    let gain = |s: u32| 3.0 * draws.unit(1, s) - 1.0;
    let pace = 0.02 + 0.2 * draws.unit(2, 0);
    let victim = draws.below(3, 0, 8) as usize;
    let (mut load, mut noise, mut held, mut drift) = (0.0, [0.0f32; 8], 0.0, 0.0);
    let samples = faulty.iter().enumerate().map(|(t, &faulty)| {
        let way = t as u64 / 100 % ways;
        load += pace * (normal(&draws, t, 8) * 4.0 - load);
        drift = if faulty { drift + 0.02 } else { 0.0 };
        core::array::from_fn(|s| {
            let is_victim = s == victim || kind < 2 && s == (victim + 3) % 8;
            let hit = faulty && is_victim;
            noise[s] += 0.5 * (normal(&draws, t, s as u32) - noise[s]);
            let follows = if hit && kind == 2 { 0.0 } else { gain(s as u32) };
            let restless = if hit && kind == 1 { 3.0 } else { 1.0 };
            let off = if hit && kind == 0 { 1.2 } else { 0.0 }
                + if hit && kind == 4 { drift } else { 0.0 };
            let level = (way as f32) * 4.0 * draws.unit(5, s as u32) + 10.0 * s as f32;
            let value = level + follows * load + restless * noise[s] + off;
            held = if is_victim && s == victim && !faulty { value } else { held };
            if hit && kind == 3 { held } else { value }
        })
    });
    Made { samples: samples.collect(), faulty: faulty.clone() }
}

fn series(kind: u64, seed: u64) -> Made<1> {
    let draws = Draws::new(seed, 100 + kind as u32);
    let faulty = faults(&draws);
    let period = 40.0 + 160.0 * draws.unit(0, 0);
    let height = 4.0 * draws.unit(1, 0);
    let mut level = 0.0;
    let samples = faulty.iter().enumerate().map(|(t, &faulty)| {
        level += 0.02 * normal(&draws, t, 0);
        let course = height * (core::f32::consts::TAU * t as f32 / period).sin();
        let course = if faulty && kind == 2 { 0.0 } else { course };
        let restless = if faulty && kind == 1 { 3.0 } else { 1.0 };
        let off = match kind {
            0 if faulty => 3.0,
            3 if faulty && draws.below(t as u64, 3, 10) == 0 => 6.0,
            4 if faulty => -3.0,
            _ => 0.0,
        };
        [level + course + restless * normal(&draws, t, 1) + off]
    });
    Made { samples: samples.collect(), faulty: faulty.clone() }
}

impl Found {
    fn watch<const S: usize, const D: usize, const W: usize>(
        &mut self,
        made: &Made<S>,
        kinds: &[Feature],
        options: Options,
    ) {
        let (mut window, mut detector) =
            (Window::<S, W>::new(), Detector::<f32, 8, D>::new(options));
        let (mut scores, mut labels) = (Vec::new(), Vec::new());
        for (t, sample) in made.samples.iter().enumerate() {
            let mut row = [0.0; D];
            let seen = window
                .push(sample)
                .and_then(|()| window.features(kinds, &mut row))
                .and_then(|()| detector.watch(&row));
            let Ok(verdict) = seen else { continue };
            if t < TRAIN {
                continue;
            }
            scores.push(verdict.score.map_or(0.0, |score| score.value));
            labels.push(made.faulty[t]);
            let normal = !made.faulty[t + 1 - W..=t].contains(&true);
            self.normal += f64::from(normal);
            self.alarms += f64::from(normal && verdict.alarm);
        }
        self.auc += auc(&scores, &labels);
        self.recordings += 1.0;
    }

    fn all<const W: usize>(of: &str, options: Options) -> Self {
        let mut found = Self::default();
        for kind in 0..FAULTS {
            for seed in 0..SEEDS {
                match of {
                    "plant" => found.watch::<8, 16, W>(&plant(kind, seed), &MOMENTS, options),
                    _ => found.watch::<1, 5, W>(&series(kind, seed), &COURSE, options),
                }
            }
        }
        found
    }

    fn line(&self, of: &str, window: usize, options: &Options) -> Value {
        json!({
            "task": "anomaly", "set": "made", "of": of, "window": window, "train": options.train,
            "ridge": round(options.ridge.into()), "price": round(options.price.into()),
            "raise": round(options.alarm.raise.into()), "auc": round(self.auc / self.recordings),
            "normal_in_alarm": round(self.alarms / self.normal),
        })
    }
}

/// A line of JSON for every setting.
pub(super) fn sweep(mut say: impl FnMut(Value)) {
    for of in ["plant", "series"] {
        // Nothing is learned after training in a plant, everything in a series.
        let options = match of {
            "plant" => Options::new().front(96).train(384).gate(0.0),
            _ => Options::new().front(48).train(192).gate(f32::INFINITY),
        };
        for ridge in [0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8] {
            for price in [1.0, 2.0, 4.0, 8.0] {
                let options = options.ridge(ridge).price(price);
                say(Found::all::<16>(of, options).line(of, 16, &options));
            }
        }
        let options = options.ridge(RIDGE).price(PRICE);
        say(Found::all::<8>(of, options).line(of, 8, &options));
        say(Found::all::<16>(of, options).line(of, 16, &options));
        say(Found::all::<32>(of, options).line(of, 32, &options));
        say(Found::all::<64>(of, options).line(of, 64, &options));
        for step in 0..=10u8 {
            let raise = 1.0 + 0.1 * f32::from(step);
            let options = options.alarm(AlarmOptions::new().between(1.0, raise));
            say(Found::all::<16>(of, options).line(of, 16, &options));
        }
    }
}
