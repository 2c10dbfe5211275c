//! SKAB: experiments on a water circuit, eight sensors at 1 Hz, the first 400 rows normal.

use std::fs;

use enfold_core::anomaly::{Cell, Detector, Feature, Options, Window};
use serde_json::{Value, json};

use super::{SKAB, SKAB_TRAIN as TRAIN, SKAB_WINDOW, round};
use crate::failure::Outcome;
use crate::file;

/// One experiment: a sample and whether it is anomalous, row by row.
pub(super) struct Experiment {
    samples: Vec<[f32; 8]>,
    labels: Vec<bool>,
}

/// What a detector said of the rows after training.
#[derive(Default)]
pub(super) struct Said {
    scores: Vec<f32>,
    alarms: Vec<bool>,
    labels: Vec<bool>,
}

impl Said {
    /// Alarms as other thresholds would have had them, where alarms do not change what is learned.
    pub(super) fn step(&mut self, clear: f32, raise: f32) {
        let mut on = false;
        for (score, alarm) in self.scores.iter().zip(&mut self.alarms) {
            on = *score > if on { clear } else { raise };
            *alarm = on;
        }
    }
}

/// How good alarms and scores are.
pub(super) struct Quality {
    pub(super) f1: f64,
    /// The share of normal rows that are in alarm.
    pub(super) false_alarms: f64,
    /// The share of anomalous rows that are not.
    pub(super) missed: f64,
}

impl Quality {
    pub(super) fn of(said: &[Said]) -> Self {
        let all =
            |pick: fn(&Said) -> &[bool]| said.iter().flat_map(pick).copied().collect::<Vec<_>>();
        let (alarms, labels) = (all(|s| &s.alarms), all(|s| &s.labels));
        let count = |alarm, label| {
            let both = alarms.iter().zip(&labels).filter(|&(&a, &l)| (a, l) == (alarm, label));
            both.count() as f64
        };
        let (hits, false_alarms) = (count(true, true), count(true, false));
        let missed = count(false, true);
        Self {
            f1: 2.0 * hits / (2.0 * hits + false_alarms + missed),
            false_alarms: false_alarms / (false_alarms + count(false, false)),
            missed: missed / (hits + missed),
        }
    }
}

/// The area under the ROC curve of every experiment.
pub(super) fn aucs(said: &[Said]) -> Vec<f64> {
    said.iter().map(|said| auc(&said.scores, &said.labels)).collect()
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The labelled experiments of some folders, by name.
pub(super) fn load(folder: &str, parts: &[&str]) -> Outcome<Vec<Experiment>> {
    let mut files = Vec::new();
    for part in parts {
        let part = format!("{folder}/{part}");
        for entry in fs::read_dir(&part).map_err(|e| format!("{part}: {e}"))? {
            files.push(entry?.path());
        }
    }
    files.sort();
    files.iter().map(|path| parse(&file::text(path)?)).collect()
}

fn parse(text: &str) -> Outcome<Experiment> {
    let (mut samples, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let cells: Vec<f32> = line.split(';').skip(1).map(str::parse).collect::<Result<_, _>>()?;
        let (sample, rest) = cells.split_first_chunk::<8>().ok_or("a row of 8 sensors")?;
        samples.push(*sample);
        labels.push(rest.first().is_some_and(|&label| label > 0.5));
    }
    Ok(Experiment { samples, labels })
}

/// The detector as it is set for SKAB.
pub(super) fn measure<T: Cell>(experiments: &[Experiment], cells: &str) -> Value {
    let said = run::<T, SKAB_WINDOW>(experiments, SKAB);
    let (found, aucs) = (Quality::of(&said), aucs(&said));
    json!({
        "task": "anomaly", "set": "skab", "files": experiments.len(), "cells": cells,
        "rows": experiments.iter().map(|e| e.labels.len() - TRAIN).sum::<usize>(),
        "auc": round(mean(&aucs)), "f1": round(found.f1),
        "false_alarm_rate": round(found.false_alarms), "missed_rate": round(found.missed),
        "window": SKAB_WINDOW, "raise": SKAB.alarm.raise, "clear": SKAB.alarm.clear,
        "auc_by_file": aucs.iter().map(|&auc| round(auc)).collect::<Vec<_>>(),
    })
}

/// Runs the detector over every experiment anew, with windows of W samples.
pub(super) fn run<T: Cell, const W: usize>(
    experiments: &[Experiment],
    options: Options,
) -> Vec<Said> {
    experiments.iter().map(|e| watch::<T, W>(e, options)).collect()
}

fn watch<T: Cell, const W: usize>(experiment: &Experiment, options: Options) -> Said {
    let (mut window, mut detector) = (Window::<8, W>::new(), Detector::<T, 8, 16>::new(options));
    let mut said = Said::default();
    for (t, (sample, &label)) in experiment.samples.iter().zip(&experiment.labels).enumerate() {
        let mut row = [0.0; 16];
        let seen = window
            .push(sample)
            .and_then(|()| window.features(&[Feature::Mean, Feature::Deviation], &mut row))
            .and_then(|()| detector.watch(&row));
        if let (Ok(verdict), true) = (seen, t >= TRAIN) {
            said.scores.push(verdict.score.map_or(0.0, |score| score.value));
            said.alarms.push(verdict.alarm);
            said.labels.push(label);
        }
    }
    said
}

/// Area under the ROC curve: the chance that an anomalous row scores above a normal one, ties half.
fn auc(scores: &[f32], labels: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let positives = labels.iter().filter(|&&label| label).count() as f64;
    let negatives = labels.len() as f64 - positives;
    let (mut ranks, mut before) = (0.0, 0.0);
    for equal in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let middle = before + (equal.len() as f64 + 1.0) / 2.0;
        ranks += middle * equal.iter().filter(|&&i| labels[i]).count() as f64;
        before += equal.len() as f64;
    }
    (ranks - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_counts_pairs() {
        let labels = [false, true, false, true];
        assert_eq!(auc(&[0.0, 1.0, 0.0, 2.0], &labels), 1.0);
        assert_eq!(auc(&[1.0, 1.0, 1.0, 1.0], &labels), 0.5);
        assert_eq!(auc(&[0.0, 1.0, 2.0, 3.0], &labels), 0.75);
    }
}
