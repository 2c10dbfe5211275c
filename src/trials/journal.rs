//! The file of trials: one JSON object per line, appended and flushed as trials finish.
//!
//! A line holds `id`, `data`, `params`, `metrics`, `tags`, `began_ms`, `ended_ms`, and `labels`
//! where they were kept. Numbers are written so that reading gives the same bits; a parameter
//! that is a whole number has no point.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Fingerprint, Id, Outcome, Param, Params, Trial, TrialError};

/// What was found in a file of trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Trials read.
    pub trials: usize,
    /// Bytes of a last line that was cut short, as by a power cut or a kill. They were removed
    /// from the file; their trial runs again.
    pub dropped: u64,
}

/// A file that grows by a line per trial.
#[derive(Debug)]
pub(super) struct Journal(File);

impl Journal {
    /// Opens or makes a file; returns the trials in it.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Trial>, Recovered), TrialError> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (trials, dropped) = read(&bytes)?;
        if dropped > 0 {
            file.set_len((bytes.len() - dropped) as u64)?;
        } else if bytes.last().is_some_and(|&last| last != b'\n') {
            file.write_all(b"\n")?;
        }
        let recovered = Recovered { trials: trials.len(), dropped: dropped as u64 };
        Ok((Self(file), trials, recovered))
    }

    /// Appends a trial and waits until it is on the disk.
    pub(super) fn append(&mut self, trial: &Trial) -> Result<(), TrialError> {
        self.0.write_all(format!("{}\n", json_of(trial)).as_bytes())?;
        Ok(self.0.sync_data()?)
    }
}

/// All trials, and the bytes of a last line that was cut short.
fn read(bytes: &[u8]) -> Result<(Vec<Trial>, usize), TrialError> {
    let mut trials = Vec::new();
    for (line, text) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match parse(text) {
            Ok(trial) => trials.push(trial),
            // Only the last line can lack its end.
            Err(_) if text.last() != Some(&b'\n') => return Ok((trials, text.len())),
            Err(why) => return Err(TrialError::Line { line, why }),
        }
    }
    Ok((trials, 0))
}

fn json_of(trial: &Trial) -> Value {
    let params: Map<_, _> = trial.params.iter().map(|(k, v)| (k.into(), value_of(v))).collect();
    let Outcome { metrics, tags, labels } = &trial.outcome;
    let mut line = json!({
        "id": trial.id.to_string(), "data": trial.data.to_string(), "params": params,
        "metrics": metrics, "tags": tags, "began_ms": trial.began_ms, "ended_ms": trial.ended_ms,
    });
    if let Some(labels) = labels {
        line["labels"] = json!(labels);
    }
    line
}

fn value_of(param: &Param) -> Value {
    match param {
        Param::Int(value) => json!(value),
        Param::Float(value) => json!(value),
        Param::Bool(value) => json!(value),
        Param::Text(value) => json!(value),
    }
}

fn param_of(value: &Value) -> Option<Param> {
    match value {
        Value::Bool(value) => Some(Param::Bool(*value)),
        Value::String(value) => Some(Param::Text(value.clone())),
        Value::Number(value) => value.as_i64().map(Param::Int).or(value.as_f64().map(Param::Float)),
        _ => None,
    }
}

/// A trial from its line; what is wrong with the line otherwise.
fn parse(line: &[u8]) -> Result<Trial, String> {
    let line: Value = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let lacks = |field: &str| format!("no `{field}`, or not of its kind");
    let text = |field: &str| line[field].as_str().ok_or_else(|| lacks(field));
    let time = |field: &str| line[field].as_u64().ok_or_else(|| lacks(field));
    let id: Id = text("id")?.parse().map_err(|_| lacks("id"))?;
    let data: Fingerprint = text("data")?.parse().map_err(|_| lacks("data"))?;
    let params = each(&line["params"], param_of).ok_or_else(|| lacks("params"))?;
    let params = params.into_iter().fold(Params::new(), |params, (k, v)| params.with(k, v));
    let outcome = Outcome {
        metrics: each(&line["metrics"], Value::as_f64).ok_or_else(|| lacks("metrics"))?,
        tags: each(&line["tags"], |v| v.as_str().map(Into::into)).ok_or_else(|| lacks("tags"))?,
        labels: labels_of(line.get("labels")).ok_or_else(|| lacks("labels"))?,
    };
    let trial = Trial::new(params, data, outcome, (time("began_ms")?, time("ended_ms")?));
    let same = trial.id == id;
    same.then_some(trial).ok_or_else(|| "the id is not that of these parameters and data".into())
}

/// Every field of an object; `None` where it is none or a field is not of its kind.
fn each<T>(object: &Value, of: impl Fn(&Value) -> Option<T>) -> Option<BTreeMap<String, T>> {
    object.as_object()?.iter().map(|(name, value)| Some((name.clone(), of(value)?))).collect()
}

/// The labels where there are any; `None` where there is something else.
fn labels_of(value: Option<&Value>) -> Option<Option<Vec<u32>>> {
    let Some(value) = value else { return Some(None) };
    let label = |value: &Value| value.as_u64().and_then(|label| u32::try_from(label).ok());
    value.as_array()?.iter().map(label).collect::<Option<_>>().map(Some)
}
