//! How time grows with n, d, k and threads: a picture for each that the lines tell something of.

use std::collections::BTreeMap;

use plotters::prelude::*;
use serde_json::Value;

use super::chart::{COLORS, Drawn, axes, legend, log, log_at, picture};
use crate::table::{number, what, who};

/// What may grow; the rest stands still.
const KEYS: [&str; 4] = ["n", "d", "k", "threads"];

/// Which of the curves are shown.
const DRAWN: &str = "All else is the same along a line. Of several backends the one with most points is \
    drawn, then the quickest.";

/// Points of one curve, by what grows.
type Curve = Vec<(f64, f64)>;

/// Pictures under headings; nothing where nothing grows.
pub(super) fn all(heading: &str, lines: &[&Value]) -> String {
    KEYS.iter()
        .map(|key| {
            let curves = curves(lines, key);
            if curves.is_empty() {
                return String::new();
            }
            let shown = picture(|area| draw(area, key, &curves));
            format!("<h2>{heading}: time over {key}</h2><p>{DRAWN}</p>{shown}\n")
        })
        .collect()
}

/// For each fold or algorithm the longest curve there is; of equals the one that ends lowest.
fn curves(lines: &[&Value], key: &str) -> Vec<(String, Curve)> {
    let mut groups: BTreeMap<String, (&Value, Curve)> = BTreeMap::new();
    for line in lines {
        let rest = KEYS.iter().filter(|other| **other != key).map(|other| line[*other].to_string());
        let name = format!("{} {} {}", what(line), who(line), rest.collect::<Vec<_>>().join(" "));
        let point = (number(line, key), number(line, "ms_least"));
        if point.0 > 0.0 && point.1 > 0.0 {
            groups.entry(name).or_insert_with(|| (*line, Vec::new())).1.push(point);
        }
    }
    let mut best: BTreeMap<&str, (&Value, Curve)> = BTreeMap::new();
    for (line, mut curve) in groups.into_values() {
        curve.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        curve.dedup_by_key(|point| point.0);
        let better = |old: &Curve| (old.len(), -last(old)) < (curve.len(), -last(&curve));
        if curve.len() > 1 && best.get(what(line)).is_none_or(|old| better(&old.1)) {
            best.insert(what(line), (line, curve));
        }
    }
    best.into_values().map(|(l, curve)| (format!("{} {}", what(l), who(l)), curve)).collect()
}

/// The time at the end of a curve.
fn last(curve: &Curve) -> f64 {
    curve.last().map_or(f64::INFINITY, |point| point.1)
}

/// What was measured: the only places of the axis that mean something.
fn grown(curves: &[(String, Curve)]) -> Vec<f64> {
    let mut all: Vec<f64> = curves.iter().flat_map(|(_, curve)| curve).map(|p| p.0).collect();
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    all
}

fn draw(area: &super::chart::Area<'_>, key: &str, curves: &[(String, Curve)]) -> Drawn {
    let points = || curves.iter().flat_map(|(_, curve)| curve);
    let range = |of: fn(&(f64, f64)) -> f64, room: f64| {
        let low = points().map(of).fold(f64::INFINITY, f64::min);
        (low / room, points().map(of).fold(0.0, f64::max) * room)
    };
    let (low, high) = range(|p| p.0, 1.05);
    // Room on the left, for the names.
    let x = log_at(low * (low / high).powf(0.35), high, grown(curves));
    let (least, most) = range(|p| p.1, 1.6);
    let mut chart = axes(area, (x, key), (log(least, most), "ms"))?;
    for ((name, curve), color) in curves.iter().zip(COLORS.into_iter().cycle()) {
        chart
            .draw_series(
                LineSeries::new(curve.iter().copied(), color.stroke_width(2)).point_size(3),
            )?
            .label(name)
            .legend(move |at| Circle::new(at, 4, color.filled()));
    }
    legend(&mut chart, SeriesLabelPosition::UpperLeft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_grows_alone_is_a_curve() {
        let line = |n: u64, d: u64, backend: &str, ms: f64| {
            json!({"fold": "nearest", "n": n, "d": d, "k": 4, "threads": 1, "backend": backend,
                "ms_least": ms})
        };
        let lines = [line(20, 2, "fast", 2.0), line(10, 2, "fast", 1.0), line(10, 2, "slow", 5.0)];
        let lines: Vec<&Value> = lines.iter().collect();
        let expected = vec![("nearest fast".to_string(), vec![(10.0, 1.0), (20.0, 2.0)])];
        assert_eq!(curves(&lines, "n"), expected);
        assert_eq!(curves(&lines, "d"), vec![]);
        assert_eq!(curves(&lines, "threads"), vec![]);
    }
}
