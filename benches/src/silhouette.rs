//! The silhouette against scikit-learn's, in alternating rounds.

use std::path::Path;

use enfold_core::scores::Silhouette;
use enfold_core::{Metric, Rows};
use enfold_cpu::Cpu;
use serde_json::{Value, json};

use crate::clock::timed;
use crate::failure::Outcome;
use crate::file;
use crate::peer::Peer;
use crate::sets::{self, Set};

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Rows of each set.
    pub(crate) rows: usize,
    /// Elements per row, a set each.
    pub(crate) dims: Vec<usize>,
    /// Clusters.
    pub(crate) k: usize,
    /// Rounds; the least of them counts.
    pub(crate) rounds: usize,
    /// Python with scikit-learn installed, if it is to run.
    pub(crate) python: Option<String>,
    /// Where the peer finds the sets.
    pub(crate) data: String,
}

/// Runs the plan and prints one JSON line per set: milliseconds, and both scores.
pub(crate) fn run(plan: &Plan) -> Outcome<()> {
    let mut peer = plan.python.as_deref().map(Peer::start).transpose()?;
    for &dim in &plan.dims {
        println!("{}", measure(plan, &sets::mixture(plan.rows, dim, plan.k, 7), peer.as_mut())?);
    }
    Ok(())
}

fn measure(plan: &Plan, set: &Set, mut peer: Option<&mut Peer>) -> Outcome<Value> {
    let (n, d, cpu) = (set.rows(), set.dim, Cpu::<f32>::new());
    let rows = Rows::new(&set.data[..], d)?;
    let path = Path::new(&plan.data).join(format!("silhouette_{n}_{d}_{}.npy", plan.k));
    let labels = path.with_extension("labels");
    if peer.is_some() {
        file::write_rows(&path, &set.data, set.dim)?;
        std::fs::write(
            &labels,
            set.labels.iter().flat_map(|l| l.to_le_bytes()).collect::<Vec<_>>(),
        )?;
    }
    let (mut ours, mut by_means, mut theirs) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
    let (mut score, mut peer_score) = (f64::NAN, f64::NAN);
    for _ in 0..plan.rounds {
        let (took, found) = timed(|| Silhouette::new().score(&cpu, rows, &set.labels));
        (ours, score) = (ours.min(took), found?);
        let squared = Silhouette::new().metric(Metric::SqEuclidean);
        let (took, found) = timed(|| squared.score(&cpu, rows, &set.labels));
        (by_means, _) = (by_means.min(took), found?);
        if let Some(peer) = &mut peer {
            let answer =
                peer.ask(&json!({"task": "silhouette", "path": path, "labels": labels}))?;
            theirs = theirs.min(answer["ms"].as_f64().unwrap_or(f64::INFINITY));
            peer_score = answer["score"].as_f64().unwrap_or(f64::NAN);
        }
    }
    Ok(json!({"task": "silhouette", "n": n, "d": d, "k": plan.k, "isa": format!("{:?}", cpu.isa()),
        "threads": rayon::current_num_threads(), "mpairs_s": (n * n) as f64 / ours / 1e3,
        "times": theirs / ours, "score": {"enfold": score, "sklearn": peer_score},
        "ms": {"enfold": ours, "enfold_squared": by_means, "sklearn_silhouette_score": theirs}}))
}
