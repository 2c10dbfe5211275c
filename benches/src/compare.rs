//! Two runs, line by line: what became slower, what faster, what says something else.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::failure::Outcome;
use crate::file;

/// What to compare.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The earlier run, JSON lines.
    pub(crate) before: String,
    /// The later run.
    pub(crate) after: String,
    /// Times that differ by less than this share count as equal.
    pub(crate) tolerance: f64,
}

/// Figures by what they are of: "nearest 50000x32x64 avx2 1" → milliseconds.
type Figures = BTreeMap<String, f64>;

/// Compares and prints; gives how many figures became slower.
pub(crate) fn run(plan: &Plan) -> Outcome<usize> {
    let (before, after) = (figures(&plan.before)?, figures(&plan.after)?);
    let mut slower = 0;
    for (what, old) in &before {
        let Some(new) = after.get(what) else {
            println!("{what:<60} gone");
            continue;
        };
        let ratio = new / old;
        let word = match ratio {
            r if r > 1.0 + plan.tolerance => "SLOWER",
            r if r < 1.0 / (1.0 + plan.tolerance) => "faster",
            _ => "",
        };
        slower += usize::from(word == "SLOWER");
        println!("{what:<60} {old:>12.3} {new:>12.3}  {ratio:>6.2} {word}");
    }
    for what in after.keys().filter(|what| !before.contains_key(*what)) {
        println!("{what:<60} new");
    }
    println!("{slower} slower by more than {:.0} %", 100.0 * plan.tolerance);
    Ok(slower)
}

/// The least of every figure of a file.
fn figures(path: &str) -> Outcome<Figures> {
    let text = file::text(Path::new(path))?;
    let mut all = Figures::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Value =
            serde_json::from_str(line).map_err(|e| format!("{path}, line {}: {e}", number + 1))?;
        for (what, value) in of_line(&line) {
            let old = all.entry(what).or_insert(f64::INFINITY);
            *old = old.min(value);
        }
    }
    Ok(all)
}

/// The times of one record: one for a fold, one for each way of the other tasks.
fn of_line(line: &Value) -> Vec<(String, f64)> {
    let word = |key: &str| match &line[key] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let keys = [
        "task",
        "fold",
        "algorithm",
        "shape",
        "set",
        "n",
        "d",
        "k",
        "components",
        "batch",
        "backend",
        "peer",
        "threads",
    ];
    let named: Vec<String> = keys.iter().map(|key| word(key)).filter(|w| !w.is_empty()).collect();
    let name = named.join(" ");
    let mut all: Vec<(String, f64)> =
        line["ms_least"].as_f64().map(|ms| (name.clone(), ms)).into_iter().collect();
    for group in ["ms", "seconds"] {
        for (way, time) in line[group].as_object().into_iter().flatten() {
            all.extend(time.as_f64().map(|time| (format!("{name} {way}"), time)));
        }
    }
    all
}
