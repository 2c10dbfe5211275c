//! The Numenta Anomaly Benchmark: series of one value, windows around what went wrong.
//!
//! Scoring as its standard profile does (Lavin and Ahmad 2015): the earliest detection in a window
//! counts, the more the earlier; every detection outside costs 0.11, less shortly after a window;
//! a missed window costs 1; 0 is a detector that says nothing, 100 a perfect one. The first 15 %
//! of a series (at most 750 rows) are on probation: nothing there counts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use enfold_core::anomaly::{Cell, Detector, Feature, Options, Window};
use serde_json::{Value, json};

use super::{NAB, NAB_WINDOW, round};
use crate::failure::Outcome;
use crate::file;

/// Cost of a detection outside windows.
const FALSE_ALARM: f64 = 0.11;
const KINDS: [Feature; 5] =
    [Feature::Mean, Feature::Deviation, Feature::Least, Feature::Greatest, Feature::Slope];

/// One series with the rows, first and last, of its windows.
pub(super) struct Series {
    values: Vec<f32>,
    windows: Vec<(usize, usize)>,
}

/// All series that the list of windows names and the folder holds, by name.
pub(super) fn load(folder: &str) -> Outcome<Vec<Series>> {
    let text = file::text(&Path::new(folder).join("windows.json"))?;
    let windows: BTreeMap<String, Vec<[String; 2]>> = serde_json::from_str(&text)?;
    let present = |name: &String| fs::exists(format!("{folder}/{name}")).unwrap_or(false);
    let mut found = Vec::new();
    for (name, windows) in windows.iter().filter(|(name, _)| present(name)) {
        found.push(parse(&file::text(&Path::new(folder).join(name))?, windows)?);
    }
    Ok(found)
}

/// Every second series by name, and the others.
pub(super) fn halves(series: Vec<Series>) -> (Vec<Series>, Vec<Series>) {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for (i, series) in series.into_iter().enumerate() {
        if i % 2 == 0 { one.push(series) } else { other.push(series) }
    }
    (one, other)
}

fn parse(text: &str, windows: &[[String; 2]]) -> Outcome<Series> {
    // The times of windows have fractions of seconds, those of rows have none.
    let whole = |time: &str| time.split('.').next().unwrap_or_default().to_owned();
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let (time, value) = line.split_once(',').ok_or("a row of time and value")?;
        times.push(whole(time));
        values.push(value.parse()?);
    }
    let row = |time: &String| times.iter().position(|t| *t == whole(time)).ok_or("a known time");
    let windows = windows.iter().map(|[from, to]| Ok::<_, &str>((row(from)?, row(to)?)));
    Ok(Series { values, windows: windows.collect::<Result<_, _>>()? })
}

/// The detector as it is set for NAB: at its own threshold, and at the best one of a grid.
pub(super) fn measure<T: Cell>(series: &[Series], cells: &str) -> Value {
    let grid = (20..=80).map(|step| step as f32 * 0.025);
    let (best, raise) = best::<T, NAB_WINDOW>(series, NAB, grid);
    json!({
        "task": "anomaly", "set": "nab", "files": series.len(), "cells": cells,
        "rows": series.iter().map(|s| s.values.len()).sum::<usize>(),
        "windows": series.iter().map(|s| s.windows.len()).sum::<usize>(),
        "standard": round(best), "raise": raise,
        "standard_at_default": round(at::<T, NAB_WINDOW>(series, NAB, NAB.alarm.raise)),
        "default": NAB.alarm.raise, "window": NAB_WINDOW,
    })
}

/// The score at the best of some thresholds, and which that is.
pub(super) fn best<T: Cell, const W: usize>(
    series: &[Series],
    options: Options,
    thresholds: impl Iterator<Item = f32>,
) -> (f64, f32) {
    let tried = thresholds.map(|raise| (at::<T, W>(series, options, raise), raise));
    tried.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default()
}

/// The score at a threshold, with windows of W samples.
pub(super) fn at<T: Cell, const W: usize>(series: &[Series], options: Options, raise: f32) -> f64 {
    let options = options.alarm(options.alarm.between(raise.min(1.0), raise));
    let raised: Vec<Vec<usize>> = series.iter().map(|s| watch::<T, W>(s, options)).collect();
    score(series, &raised)
}

/// The rows that raise an alarm.
fn watch<T: Cell, const W: usize>(series: &Series, options: Options) -> Vec<usize> {
    let mut window = Window::<1, W>::new();
    let mut detector = Detector::<T, 8, 5>::new(options);
    let raised = |value: &f32| {
        let mut row = [0.0; 5];
        window
            .push(&[*value])
            .and_then(|()| window.features(&KINDS, &mut row))
            .and_then(|()| detector.watch(&row))
            .is_ok_and(|verdict| verdict.raised)
    };
    let found: Vec<bool> = series.values.iter().map(raised).collect();
    (0..found.len()).filter(|&t| found[t]).collect()
}

/// The score of a whole set.
fn score(series: &[Series], raised: &[Vec<usize>]) -> f64 {
    let windows = series.iter().map(|s| s.windows.len()).sum::<usize>() as f64;
    let raw: f64 = series.iter().zip(raised).map(|(s, raised)| score_of(s, raised)).sum();
    100.0 * (raw + windows) / (2.0 * windows)
}

fn score_of(series: &Series, raised: &[usize]) -> f64 {
    let probation = (series.values.len() * 15 / 100).min(750);
    let counted = || raised.iter().copied().filter(|&t| t >= probation);
    let within = |t: usize, w: &(usize, usize)| (w.0..=w.1).contains(&t);
    let hits = series.windows.iter().map(|window| {
        let first = counted().find(|&t| within(t, window));
        first.map_or(-1.0, |t| {
            let width = (window.1 - window.0 + 1) as f64;
            sigmoid(-((window.1 - t + 1) as f64) / width) / sigmoid(-1.0)
        })
    });
    let outside = counted().filter(|&t| !series.windows.iter().any(|w| within(t, w)));
    let costs = outside.map(|t| {
        let last = series.windows.iter().rfind(|w| w.1 < t);
        let past = last.map(|w| sigmoid((t - w.1) as f64 / (w.1 - w.0) as f64));
        FALSE_ALARM * past.unwrap_or(-1.0)
    });
    hits.sum::<f64>() + costs.sum::<f64>()
}

/// What a detection is worth at a place relative to a window: from 1 before its end to −1.
fn sigmoid(place: f64) -> f64 {
    if place > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * place).exp()) - 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_worth_0_and_the_first_row_of_every_window_100() {
        let series = [Series { values: vec![0.0; 1000], windows: vec![(300, 340), (600, 700)] }];
        assert_eq!(score(&series, &[vec![]]), 0.0);
        assert_eq!(score(&series, &[vec![300, 600]]), 100.0);
        // In the probation; a second detection in a window; half way; far outside.
        assert_eq!(score(&series, &[vec![100, 300, 310, 600]]), 100.0);
        assert!(score(&series, &[vec![320, 650]]) < 96.0);
        assert!((score(&series, &[vec![200, 300, 600]]) - 97.25).abs() < 1e-9);
    }
}
