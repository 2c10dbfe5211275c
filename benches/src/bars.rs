//! The bars that were set, against the newest records: met or missed, and by how much.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::failure::Outcome;
use crate::file;
use crate::record::{self, figure};
use crate::tables::Table;

/// What becomes of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texts {
    /// The bars are printed, and that is all.
    Alone,
    /// They are put into the texts.
    Write,
    /// Fails where the texts have others.
    Check,
}

/// One bar of the list.
#[derive(Debug, Deserialize)]
struct Bar {
    what: String,
    /// Record, below the folder.
    record: String,
    /// What its line says.
    of: Map<String, Value>,
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

/// Where the texts, the lists and the records are.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The text that has the bars.
const TEXT: &str = "COMPARE.md";

/// Prints the bars; writes or checks all tables where asked to.
pub(crate) fn run(texts: Texts) -> Outcome<()> {
    let folder = Path::new(HERE).join("record");
    let bars: Vec<Bar> = list("bars.json")?;
    let lines: Outcome<Vec<String>> = bars.iter().map(|bar| bar.line(&folder)).collect();
    let head = "| bar | machine | wanted | measured | |\n|---|---|---|---|---|\n";
    let bars = format!("{head}{}", lines?.concat());
    println!("{bars}");
    if texts == Texts::Alone {
        return Ok(());
    }
    put(TEXT, "bars", &bars, texts)?;
    let tables: Vec<Table> = list("tables.json")?;
    tables.iter().try_for_each(|t| put(&t.text, &t.name, &t.markdown(&folder)?, texts))
}

fn list<T: DeserializeOwned>(name: &str) -> Outcome<Vec<T>> {
    let text = file::text(&Path::new(HERE).join(name))?;
    Ok(serde_json::from_str(&text).map_err(|e| format!("{name}: {e}"))?)
}

fn put(text: &str, name: &str, table: &str, texts: Texts) -> Outcome<()> {
    let path = Path::new(HERE).join("..").join(text);
    let (old, new) = record::with(&path, name, table)?;
    match texts {
        Texts::Check if old != new => {
            Err(format!("{text}: {name} is not what `enfold-bench bars --write` makes").into())
        }
        Texts::Write => Ok(std::fs::write(path, new)?),
        _ => Ok(()),
    }
}

impl Bar {
    /// Its row of the table, from the last line of the record that has what it needs.
    fn line(&self, folder: &Path) -> Outcome<String> {
        let path = folder.join(&self.record);
        let (wanted, measured, met) = record::last(&path, &self.of, |line| self.judge(line))?;
        let machine = record::machine(&self.record);
        let word = if met { "met" } else { "**missed**" };
        Ok(format!("| {} | {machine} | {wanted} | {measured} | {word} |\n", self.what))
    }

    /// Wanted, measured, and whether it is met; None where a line lacks a figure.
    fn judge(&self, line: &Value) -> Option<(String, String, bool)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const BAR: &str = r#"{"what": "w", "record": "m/r.jsonl", "of": {"set": "a"}, "ours": "ms.us",
        "times_as_fast_as": {"theirs": "ms.them", "at_least": 2.0}}"#;

    #[test]
    fn a_ratio_is_judged_and_a_line_without_it_is_not() {
        let bar: Bar = serde_json::from_str(BAR).expect("a bar");
        let line = |us: f64| serde_json::json!({"ms": {"us": us, "them": 4.0}});
        assert_eq!(bar.judge(&serde_json::json!({"ms": {"us": 1.0}})), None);
        assert_eq!(bar.judge(&line(2.0)), Some(("≥ 2 ×".into(), "2.00 ×".into(), true)));
        assert!(!bar.judge(&line(2.01)).expect("judged").2);
    }
}
