//! The bars that were set, against the newest records: met or missed, and by how much.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What to do.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The list of bars.
    pub(crate) bars: String,
    /// The folder of records.
    pub(crate) record: String,
    /// A text whose part between the marks is to be the table.
    pub(crate) markdown: Option<String>,
    /// Do not write; fail where something would change.
    pub(crate) check: bool,
}

impl Plan {
    /// The table alone, of this repository's list and records.
    pub(crate) fn usual() -> Self {
        let of = |path: &str| format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        Self { bars: of("bars.json"), record: of("record"), markdown: None, check: false }
    }
}

/// One bar of the list.
#[derive(Debug, Deserialize)]
struct Bar {
    what: String,
    /// Record, below the folder.
    record: String,
    /// What its line says.
    of: BTreeMap<String, Value>,
    /// Where our figure is: `ms.enfold`.
    ours: String,
    #[serde(flatten)]
    wanted: Wanted,
}

/// What is wanted of our figure.
#[derive(Debug, Deserialize)]
enum Wanted {
    /// The peer at `theirs` takes so many times as long.
    #[serde(rename = "times_as_fast_as")]
    Faster { theirs: String, at_least: f64 },
    /// It is at least such a share of the peer's.
    #[serde(rename = "share_of")]
    Share { theirs: String, at_least: f64 },
    /// It is at least this.
    #[serde(rename = "at_least")]
    AtLeast(f64),
    /// It is at most this.
    #[serde(rename = "at_most")]
    AtMost(f64),
}

const MARKS: [&str; 2] =
    ["<!-- bars: made by `enfold-bench bars`, do not edit -->\n", "<!-- end -->"];

/// Prints the table; writes or checks it where asked to.
pub(crate) fn run(plan: &Plan) -> Outcome<()> {
    let read = |path: &str| std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"));
    let bars: Vec<Bar> =
        serde_json::from_str(&read(&plan.bars)?).map_err(|e| format!("{}: {e}", plan.bars))?;
    let lines: Result<Vec<String>, _> =
        bars.iter().map(|bar| bar.line(Path::new(&plan.record))).collect();
    let head = "| bar | machine | wanted | measured | |\n|---|---|---|---|---|\n";
    let table = format!("{head}{}", lines?.concat());
    println!("{table}");
    let Some(path) = &plan.markdown else { return Ok(()) };
    let old = read(path)?;
    let new = between(&old, &table).ok_or_else(|| format!("{path} has no marks for the table"))?;
    match plan.check {
        true if new != old => Err(format!("{path} is not what `enfold-bench bars` makes").into()),
        true => Ok(()),
        false => Ok(std::fs::write(path, new)?),
    }
}

/// The text with the table between the marks.
fn between(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(MARKS[0])?;
    let (_, after) = rest.split_once(MARKS[1])?;
    Some([before, MARKS[0], table, MARKS[1], after].concat())
}

impl Bar {
    /// Its row of the table, from the last line of the record that has what it needs.
    fn line(&self, folder: &Path) -> Outcome<String> {
        let path = folder.join(&self.record);
        let text =
            std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let lines: Result<Vec<Value>, _> =
            text.lines().filter(|l| !l.trim().is_empty()).map(serde_json::from_str).collect();
        let found = lines?.iter().rev().find_map(|line| self.judge(line));
        let none = || format!("{}: no line for \"{}\"", path.display(), self.what);
        let (wanted, measured, met) = found.ok_or_else(none)?;
        let machine = self.record.split('/').next().unwrap_or_default();
        let word = if met { "met" } else { "**missed**" };
        Ok(format!("| {} | {machine} | {wanted} | {measured} | {word} |\n", self.what))
    }

    /// Wanted, measured, and whether it is met; None where a line is of something else.
    fn judge(&self, line: &Value) -> Option<(String, String, bool)> {
        if !self.of.iter().all(|(key, value)| line[key] == *value) {
            return None;
        }
        let ours = figure(line, &self.ours)?;
        Some(match &self.wanted {
            Wanted::Faster { theirs, at_least } => {
                let ratio = figure(line, theirs)? / ours;
                (format!("≥ {at_least} ×"), format!("{ratio:.2} ×"), ratio >= *at_least)
            }
            Wanted::Share { theirs, at_least } => {
                let share = ours / figure(line, theirs)?;
                (format!("≥ {at_least} of it"), format!("{share:.3}"), share >= *at_least)
            }
            Wanted::AtLeast(least) => (format!("≥ {least}"), format!("{ours:.3}"), ours >= *least),
            Wanted::AtMost(most) => (format!("≤ {most}"), format!("{ours:.3}"), ours <= *most),
        })
    }
}

/// A number by its path: `ms.enfold`.
fn figure(line: &Value, path: &str) -> Option<f64> {
    path.split('.').try_fold(line, |at, key| at.get(key))?.as_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAR: &str = r#"{"what": "w", "record": "m/r.jsonl", "of": {"set": "a"}, "ours": "ms.us",
        "times_as_fast_as": {"theirs": "ms.them", "at_least": 2.0}}"#;

    #[test]
    fn a_ratio_is_judged_and_other_lines_are_not() {
        let bar: Bar = serde_json::from_str(BAR).expect("a bar");
        let line =
            |set: &str, us: f64| serde_json::json!({"set": set, "ms": {"us": us, "them": 4.0}});
        assert_eq!(bar.judge(&line("b", 1.0)), None);
        assert_eq!(bar.judge(&line("a", 2.0)), Some(("≥ 2 ×".into(), "2.00 ×".into(), true)));
        assert!(!bar.judge(&line("a", 2.01)).expect("judged").2);
    }

    #[test]
    fn a_table_is_put_between_its_marks() {
        let text = format!("a\n{}old\n{}b", MARKS[0], MARKS[1]);
        let new = between(&text, "new\n").expect("marks");
        assert_eq!(new, format!("a\n{}new\n{}b", MARKS[0], MARKS[1]));
        assert_eq!(between("no marks", ""), None);
    }
}
