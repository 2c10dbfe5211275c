//! Every algorithm × shape × backend, and the peers on the same rows in alternating rounds.

mod beside;
mod data;
mod on;

use std::collections::BTreeSet;

use enfold_core::scores::Agreement;
use serde_json::{Map, Value, json};

use crate::backends::{self, HOST, REFERENCE};
use crate::clock::least_and_median;
use crate::failure::Outcome;
use crate::output::Output;
use crate::peers::{Named, Peers};
use crate::shape::Shape;
use crate::suite::Plan;
pub(crate) use data::Data;
use on::Found;
pub(crate) use on::{Algorithm, Open};

/// What a peer is asked for a pass in batches; None where it has none.
pub(crate) fn pass_of(peer: &str, data: &Data<'_>, batch: usize) -> Option<Value> {
    let mut request = beside::request(Algorithm::Stream, peer, data)?;
    request["batch"] = json!(batch);
    Some(request)
}

/// Rows, at most or twice as many as clusters, on which answers are compared.
const COMPARED: usize = 4096;

/// The rows on which answers are compared with the reference's.
pub(crate) fn compared(shape: &Shape, rows: usize) -> Data<'_> {
    Data::new(shape, COMPARED.max(2 * shape.centers()).min(rows))
}

/// Those that are timed: all but the reference, unless it is the only one.
pub(crate) fn timed(backends: &[String]) -> Vec<&str> {
    let names = backends.iter().map(String::as_str);
    let timed: Vec<&str> = names.filter(|name| *name != REFERENCE).collect();
    if timed.is_empty() { vec![REFERENCE] } else { timed }
}

/// Runs the plan.
pub(crate) fn run(plan: &Plan, peers: &mut Peers, output: &mut Output) -> Outcome<()> {
    // What does not depend on all of a shape is not measured twice.
    let mut done = BTreeSet::new();
    for size in &plan.shapes {
        let shape = Shape::make(*size);
        let all = Data::new(&shape, shape.rows()).share(peers)?;
        let few = Data::new(&shape, plan.pairs).share(peers)?;
        for algorithm in Algorithm::ALL {
            let data = if algorithm.all_pairs() { &few } else { &all };
            let what = (algorithm.name(), data.rows(), data.dim, algorithm.k(data));
            if algorithm.fits(data) && done.insert(what) {
                Case { algorithm, shape: &shape, data }.measure(plan, peers, output)?;
            }
        }
    }
    Ok(())
}

/// One algorithm on one shape.
struct Case<'a> {
    algorithm: Algorithm,
    shape: &'a Shape,
    data: &'a Data<'a>,
}

/// Who was measured, and what came of it.
#[derive(Debug, Default)]
struct Row {
    /// What only its line says.
    own: Map<String, Value>,
    ms: Vec<f64>,
    mib: Option<f64>,
    result: Value,
}

impl Row {
    fn new(own: Value) -> Self {
        let own = if let Value::Object(own) = own { own } else { Map::new() };
        Self { own, ..Self::default() }
    }

    fn ours(&mut self, found: &Found) {
        self.ms.push(found.ms);
        self.mib = Some(self.mib.unwrap_or(0.0).max(found.mib));
        self.result = found.result.clone();
    }

    fn theirs(&mut self, ms: f64, result: Value) {
        self.ms.push(ms);
        self.result = result;
    }

    fn least(&self) -> f64 {
        self.ms.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// A peer, what it is asked, and what came of it.
struct Asked {
    request: Value,
    peer: Named,
    row: Row,
}

impl Case<'_> {
    fn measure(&self, plan: &Plan, peers: &mut Peers, output: &mut Output) -> Outcome<()> {
        let algorithm = self.algorithm;
        let names = match algorithm {
            Algorithm::Pca => vec![HOST],
            _ => timed(&plan.backends),
        };
        let machines: Outcome<Vec<_>> = names.iter().map(|n| backends::with(n, Open)).collect();
        let machines = machines?;
        let mut ours: Vec<Row> = names.iter().map(|n| Row::new(json!({"backend": n}))).collect();
        let mut theirs = self.asked(peers);
        for _ in plan.turns() {
            for (machine, row) in machines.iter().zip(&mut ours) {
                row.ours(&machine.run(algorithm, self.data)?);
            }
            theirs.retain_mut(|asked| self.went_well(asked, peers));
        }
        if algorithm != Algorithm::Pca {
            let few = compared(self.shape, self.data.rows());
            let expected = backends::with(REFERENCE, Open)?.run(algorithm, &few)?;
            for (row, machine) in ours.iter_mut().zip(&machines) {
                let found = machine.run(algorithm, &few)?;
                row.own.append(&mut self.agreement(&found, &expected)?);
            }
        }
        let quickest = ours.iter().map(Row::least).fold(f64::INFINITY, f64::min);
        let all = ours.into_iter().chain(theirs.into_iter().map(|asked| asked.row));
        all.map(|row| self.line(row, quickest)).try_for_each(|line| output.push(line))
    }

    /// The peers that have this algorithm.
    fn asked(&self, peers: &Peers) -> Vec<Asked> {
        let of = |peer: &Named| {
            let request = beside::request(self.algorithm, &peer.name, self.data)?;
            let row = Row::new(json!({"peer": peer.name, "version": peer.version}));
            Some(Asked { request, peer: peer.clone(), row })
        };
        peers.names.iter().filter_map(of).collect()
    }

    /// A round of a peer's; says what went wrong, and the run goes on without it.
    fn went_well(&self, asked: &mut Asked, peers: &mut Peers) -> bool {
        let told =
            peers.answer(&asked.peer, &asked.request, |said| beside::answer(self.algorithm, said));
        told.map(|(ms, result)| asked.row.theirs(ms, result)).is_some()
    }

    /// How far the answer on some rows is the reference's.
    fn agreement(&self, found: &Found, expected: &Found) -> Outcome<Map<String, Value>> {
        let (ours, theirs) = (&found.words, &expected.words);
        let differ = differing(ours, theirs);
        let ari = self.algorithm.labels().then(|| Agreement::of(theirs, ours)).transpose()?;
        let line = json!({"differ": differ, "compared": theirs.len(),
            "apart": apart(&found.result, &expected.result),
            "ari": ari.map(|both| both.adjusted_rand())});
        Ok(line.as_object().cloned().unwrap_or_default())
    }

    fn line(&self, row: Row, quickest: f64) -> Value {
        let (least, median) = least_and_median(row.ms);
        let mut line = json!({"task": "algorithm", "algorithm": self.algorithm.name(),
            "shape": self.shape.name, "n": self.data.rows(), "d": self.data.dim,
            "k": self.algorithm.k(self.data), "threads": rayon::current_num_threads(),
            "ms_least": least, "ms_median": median, "times": least / quickest,
            "result": row.result, "peak_mib": row.mib});
        for (key, value) in row.own {
            line[&key] = value;
        }
        line
    }
}

/// In how many places two answers are not the same.
pub(crate) fn differing<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a != b).count() + a.len().abs_diff(b.len())
}

/// The largest relative difference of two results' figures; None where there are none.
fn apart(a: &Value, b: &Value) -> Option<f64> {
    let figures = a.as_object()?.iter();
    let pairs = figures.filter_map(|(key, a)| Some((a.as_f64()?, b[key].as_f64()?)));
    let off = |(a, b): (f64, f64)| (a - b).abs() / b.abs().max(f64::MIN_POSITIVE);
    pairs.map(off).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_as_far_apart_as_their_worst_figure() {
        let a = json!({"cost": 11.0, "clusters": 3, "name": "x"});
        assert_eq!(apart(&a, &json!({"cost": 10.0, "clusters": 3, "name": "y"})), Some(0.1));
        assert_eq!(apart(&a, &a), Some(0.0));
        assert_eq!(apart(&json!({}), &a), None);
        assert_eq!(differing(&[1, 2, 3], &[1, 3]), 2);
    }
}
