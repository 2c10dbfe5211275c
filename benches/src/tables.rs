//! Tables of times beside peers, made of the records.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::failure::Outcome;
use crate::record::{self, figure};

/// A table of a text.
#[derive(Debug, Deserialize)]
pub(crate) struct Table {
    /// The text, in the folder above this crate's.
    pub(crate) text: String,
    pub(crate) name: String,
    /// Whether only the best peer is named.
    #[serde(default)]
    best: bool,
    rows: Vec<Row>,
}

/// What was timed.
#[derive(Debug, Deserialize)]
struct Row {
    what: String,
    /// Record, below the folder.
    record: String,
    /// What its line says.
    of: Map<String, Value>,
    unit: String,
    ours: Figure,
    /// By name.
    peers: Vec<(String, Figure)>,
}

/// Where a time is, and what belongs to it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Figure {
    At(String),
    With { at: String, word: String, figure: String },
}

impl Figure {
    /// The time, and it as text.
    fn read(&self, line: &Value) -> Option<(f64, String)> {
        let (Self::At(at) | Self::With { at, .. }) = self;
        let time = figure(line, at)?;
        Some(match self {
            Self::At(_) => (time, short(time)),
            Self::With { word, figure: at, .. } => {
                (time, format!("{} ({word} {:.3})", short(time), figure(line, at)?))
            }
        })
    }
}

impl Table {
    /// Its rows, the quicker of ours and the best peer in bold letters.
    pub(crate) fn markdown(&self, folder: &Path) -> Outcome<String> {
        let head = if self.best { "best peer" } else { "peers" };
        let mut text = format!("| | machine | enfold | {head} |\n|---|---|---|---|\n");
        for row in &self.rows {
            text += &record::last(&folder.join(&row.record), &row.of, |line| row.cells(line))
                .map(|cells| self.line(row, cells))?;
        }
        Ok(text)
    }

    fn line(&self, row: &Row, ((ours, mut text), mut peers): Cells) -> String {
        peers.sort_by(|a, b| a.0.total_cmp(&b.0));
        let bold = |text: &str| format!("**{text}**");
        if ours <= peers[0].0 {
            text = bold(&text);
        } else {
            peers[0].1 = bold(&peers[0].1);
        }
        let shown = if self.best { 1 } else { peers.len() };
        let peers: Vec<String> = peers.into_iter().take(shown).map(|(_, text)| text).collect();
        let (machine, unit) = (record::machine(&row.record), &row.unit);
        format!("| {}, {unit} | {machine} | {text} | {} |\n", row.what, peers.join("; "))
    }
}

/// Ours, and the peers', as number and text.
type Cells = ((f64, String), Vec<(f64, String)>);

impl Row {
    /// None where a line lacks a figure, or there are no peers.
    fn cells(&self, line: &Value) -> Option<Cells> {
        let named = |(name, figure): &(String, Figure)| {
            let (time, text) = figure.read(line)?;
            Some((time, format!("{name} {text}")))
        };
        let peers: Option<Vec<_>> = self.peers.iter().map(named).collect();
        Some((self.ours.read(line)?, peers.filter(|peers| !peers.is_empty())?))
    }
}

/// Three digits.
fn short(value: f64) -> String {
    let digits = (2.0 - value.abs().max(1e-9).log10().floor()).clamp(0.0, 9.0);
    format!("{value:.*}", digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_kept() {
        let shown = [31.04, 135.2, 0.1652, 9.999, 1902.0].map(short);
        assert_eq!(shown, ["31.0", "135", "0.165", "10.00", "1902"]);
    }

    #[test]
    fn the_quicker_one_is_bold_and_the_best_peer_first() {
        let row = |ours: f64| {
            let line = serde_json::json!({"ms": {"us": ours, "a": 4.0, "b": 3.0}, "r": 0.5});
            let table: Table = serde_json::from_str(
                r#"{"text": "t", "name": "n", "rows": [{"what": "w", "record": "m/r", "of": {},
                "unit": "ms", "ours": {"at": "ms.us", "word": "recall", "figure": "r"},
                "peers": [["A", "ms.a"], ["B", "ms.b"]]}]}"#,
            )
            .expect("a table");
            table.line(&table.rows[0], table.rows[0].cells(&line).expect("cells"))
        };
        assert_eq!(row(2.0), "| w, ms | m | **2.00 (recall 0.500)** | B 3.00; A 4.00 |\n");
        assert_eq!(row(5.0), "| w, ms | m | 5.00 (recall 0.500) | **B 3.00**; A 4.00 |\n");
    }
}
