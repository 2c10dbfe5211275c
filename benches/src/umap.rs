//! UMAP against umap-learn, stage by stage; both embeddings are judged by the same script.

use std::ops::ControlFlow;
use std::path::Path;

use enfold::data::npy;
use enfold_core::neighbors::Lists;
use enfold_core::{Metric, Rows, Umap};
use enfold_cpu::Cpu;
use serde_json::{Map, Value, json};

use crate::args::Against;
use crate::clock::timed;
use crate::failure::Outcome;
use crate::file;
use crate::peer::Peer;

/// Seconds of each stage, and the embedding.
type Fitted = (Vec<(&'static str, f64)>, Vec<f32>);

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Names of sets, `.npy` files in the folder of sets, with labels in `.lab.npy`.
    pub(crate) sets: Vec<String>,
    /// The first so many rows; 0 for all.
    pub(crate) rows: usize,
    /// Coordinates of the embeddings.
    pub(crate) components: Vec<usize>,
    /// Seeds.
    pub(crate) seeds: Vec<u64>,
    /// Epochs and recall of neighbours; the library's where none is given.
    pub(crate) epochs: Option<u32>,
    pub(crate) recall: Option<f64>,
    /// What it is compared with.
    pub(crate) against: Against,
}

/// Runs the plan and prints one JSON line for each set, number of coordinates and seed.
pub(crate) fn run(plan: &Plan) -> Outcome<()> {
    let mut peer = plan.against.python.as_deref().map(Peer::start).transpose()?;
    for set in &plan.sets {
        let (path, table) = file::set(&plan.against.data, set)?;
        let rows = if plan.rows == 0 { table.rows().len() } else { plan.rows };
        let rows = table.rows().range(0, rows)?;
        for &components in &plan.components {
            for &seed in &plan.seeds {
                println!("{}", one((set, &path), rows, (components, seed), plan, &mut peer)?);
            }
        }
    }
    Ok(())
}

fn one(
    (set, path): (&str, &Path),
    rows: Rows<'_, [f32]>,
    (components, seed): (usize, u64),
    plan: &Plan,
    peer: &mut Option<Peer>,
) -> Outcome<Value> {
    let mut umap = Umap::new(components).seed(seed);
    umap = plan.epochs.map_or(umap, |epochs| umap.epochs(epochs));
    umap = plan.recall.map_or(umap, |recall| umap.recall(recall));
    let (mut stages, mut theirs, mut ours) = (Map::new(), Map::new(), json!({}));
    let mut total = f64::INFINITY;
    for _ in 0..plan.against.rounds {
        // In the pool, where its threads are all that work: called from outside, the caller is one
        // more than there are cores.
        let (took, found) = rayon::scope(|_| fit(&umap, rows).map_err(|e| e.to_string()))?;
        let sum: f64 = took.iter().map(|stage| stage.1).sum();
        if sum < total {
            total = sum;
            stages = took.iter().map(|(name, s)| ((*name).to_string(), json!(s))).collect();
        }
        let (least, most) =
            found.iter().fold((f32::MAX, f32::MIN), |(l, m), &v| (l.min(v), m.max(v)));
        ours = json!({"least": least, "most": most, "finite": found.iter().all(|v| v.is_finite())});
        let Some(peer) = peer else { continue };
        let out = path.with_extension(format!("umap{components}.npy"));
        npy::write(std::fs::File::create(&out)?, Rows::new(&found[..], components)?)?;
        let answer = peer.ask(&json!({"task": "umap", "path": path, "rows": rows.len(),
            "components": components, "seed": seed, "embedding": out}))?;
        ours["quality"] = answer["quality"].clone();
        let slower = theirs
            .get("total")
            .and_then(Value::as_f64)
            .is_some_and(|t| t <= answer["total"].as_f64().unwrap_or(0.0));
        if !slower {
            theirs = answer["theirs"].as_object().cloned().unwrap_or_default();
        }
    }
    let times = theirs.get("total").and_then(Value::as_f64).map(|theirs| theirs / total);
    Ok(
        json!({"task": "umap", "set": set, "n": rows.len(), "d": rows.dim(), "components": components,
        "seed": seed, "epochs": plan.epochs, "recall": plan.recall, "isa": format!("{:?}", Cpu::<f32>::new().isa()), "times": times,
        "threads": rayon::current_num_threads(),
        "enfold": {"total": total, "stages": stages, "embedding": ours}, "umap_learn": theirs}),
    )
}

/// Fits, stage by stage.
fn fit(umap: &Umap, rows: Rows<'_, [f32]>) -> Outcome<Fitted> {
    let cpu = Cpu::<f32>::new();
    let umap = umap.metric(Metric::Euclidean);
    let (knn, lists) = timed(|| umap.lists(&cpu, rows));
    let lists: Lists<f32> = lists?;
    let (fuzzy, graph) = timed(|| umap.graph(&cpu, &lists));
    let graph = graph?;
    let (init, start) = timed(|| umap.start(&cpu, &graph, Some(rows)));
    let start = start?;
    let (layout, model) =
        timed(|| umap.layout(&cpu, &graph, &start, &mut |_| ControlFlow::Continue(())));
    let took = [("neighbors", knn), ("graph", fuzzy), ("start", init), ("layout", layout)];
    Ok((took.map(|(name, ms)| (name, ms * 1e-3)).to_vec(), model?.embedding().to_vec()))
}
