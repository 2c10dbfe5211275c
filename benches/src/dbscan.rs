//! DBSCAN against scikit-learn and the grid of Wang, Gu and Shun, in alternating rounds, and all
//! of them against the definition in f64.

use std::path::Path;

use enfold::data::npy;
use enfold_core::{Dbscan, NONE};
use enfold_cpu::Cpu;
use serde_json::{Map, Value, json};

use crate::args::Against;
use crate::clock::timed;
use crate::memory::peak_mib;
use crate::peer::Peer;

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// `set:eps:min_samples`, a set being the name of an .npy file in the folder.
    pub(crate) specs: Vec<String>,
    /// Peers: grid, `kd_tree`, `ball_tree`, brute.
    pub(crate) ways: Vec<String>,
    /// Whether labels are compared with the definition.
    pub(crate) check: bool,
    /// What it is compared with.
    pub(crate) against: Against,
}

/// Specifications of the recorded runs.
pub(crate) const SPECS: [&str; 6] = [
    "k_100k_2:0.05:10",
    "k_100k_3:0.15:10",
    "k_1m_2:0.02:10",
    "k_1m_3:0.1:10",
    "db_50k_10:1.5:20",
    "db_50k_16:2.0:20",
];

/// Runs the plan and prints one JSON line per set.
pub(crate) fn run(plan: &Plan) -> Result<(), Box<dyn std::error::Error>> {
    let mut peer = plan.against.python.as_deref().map(Peer::start).transpose()?;
    let mut also = plan.against.also.as_deref().map(Peer::program).transpose()?;
    for spec in &plan.specs {
        let mut parts = spec.split(':');
        let mut part = || parts.next().ok_or("a spec is set:eps:min_samples");
        let (name, eps, need) = (part()?, part()?.parse::<f64>()?, part()?.parse::<usize>()?);
        println!("{}", one(plan, (peer.as_mut(), also.as_mut()), name, (eps, need))?);
    }
    Ok(())
}

fn one(
    plan: &Plan,
    (mut peer, mut also): (Option<&mut Peer>, Option<&mut Peer>),
    name: &str,
    (eps, need): (f64, usize),
) -> Result<Value, Box<dyn std::error::Error>> {
    let path = Path::new(&plan.against.data).join(format!("{name}.npy"));
    let table = npy::read_table(&path)?;
    let (cpu, rows, dim) = (Cpu::<f32>::new(), table.rows(), table.dim());
    let mut ms: Map<String, Value> = Map::new();
    let mut least = |name: &str, took: f64| {
        let old = ms.get(name).and_then(Value::as_f64).unwrap_or(f64::INFINITY);
        ms.insert(name.into(), json!(old.min(took)));
    };
    let before = peak_mib();
    let mut fit = None;
    for _ in 0..plan.against.rounds {
        let (took, done) = timed(|| Dbscan::new(eps, need).fit(&cpu, rows));
        fit = Some(done?);
        least("enfold", took);
        for way in &plan.ways {
            if let Some(peer) = &mut peer {
                let ask = json!({"task": "dbscan", "path": path, "eps": eps, "need": need,
                    "way": way});
                least(way, peer.ask(&ask)?["ms"].as_f64().ok_or("no time")?);
            }
        }
        if let Some(also) = &mut also {
            let ask = json!({"task": "dbscan", "path": path, "eps": eps, "need": need});
            for (name, ms) in also.ask(&ask)?.as_object().ok_or("not an object")? {
                least(name, ms.as_f64().ok_or("no time")?);
            }
        }
    }
    let fit = fit.ok_or("no rounds")?;
    let mut row = json!({"task": "dbscan", "set": name, "n": rows.len(), "d": dim, "eps": eps,
        "min_samples": need, "isa": format!("{:?}", cpu.isa()),
        "threads": rayon::current_num_threads(), "ms": ms, "clusters": fit.model.clusters(),
        "noise": fit.labels.iter().filter(|&&l| l == NONE).count(), "cores": fit.cores.len(),
        "peak_mib_above_input": peak_mib() - before,
        "required_mib": Dbscan::required_bytes::<f32>(rows.len(), dim, false) as f64 / 1048576.0});
    if let Some(peer) = peer.filter(|_| plan.check) {
        let file = path.with_extension("labels");
        let mut bytes: Vec<u8> = fit.labels.iter().flat_map(|l| l.to_le_bytes()).collect();
        bytes.extend(fit.cores.iter().flat_map(|c| c.to_le_bytes()));
        std::fs::write(&file, bytes)?;
        let ask = json!({"task": "dbscan_check", "path": path, "eps": eps, "need": need,
            "labels": file, "ways": plan.ways});
        row["against_f64"] = peer.ask(&ask)?;
    }
    Ok(row)
}
