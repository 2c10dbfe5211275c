//! DBSCAN against scikit-learn, the grid of Wang, Gu and Shun, and peers in Rust, in alternating
//! rounds, and those in Python against the definition in f64.

use enfold_core::{Dbscan, NONE};
use enfold_cpu::Cpu;
use serde_json::{Map, Value, json};

use crate::args::Against;
use crate::clock::{keep_least, timed};
use crate::failure::{Outcome, usage};
use crate::file;
use crate::memory::peak_mib;
use crate::peer::Peer;
use crate::peers::{self, Home};

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// `set:eps:min_samples`, a set being the name of an .npy file in the folder.
    pub(crate) specs: Vec<String>,
    /// Peers: grid, `kd_tree`, `ball_tree`, brute, linfa, rustyml.
    pub(crate) ways: Vec<String>,
    /// The program of those in Rust.
    pub(crate) rust_peers: String,
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
pub(crate) fn run(plan: &Plan) -> Outcome<()> {
    let specs: Outcome<Vec<_>> = plan.specs.iter().map(|spec| parse(spec)).collect();
    let specs = specs?;
    let mut peers = start(plan)?;
    for (name, eps, need) in specs {
        println!("{}", one(plan, &mut peers, name, (eps, need))?);
    }
    Ok(())
}

/// The programs of the peers, in Python and in Rust.
type Programs = (Option<Peer>, Option<Peer>);

fn start(plan: &Plan) -> Outcome<Programs> {
    let python = plan.against.python.as_deref();
    match plan.ways.iter().find(|way| !in_rust(way)) {
        Some(way) if python.is_none() => {
            Err(usage(format!("--ways {way}: a peer's, which wants --python")))
        }
        _ => Ok((
            python.map(Peer::start).transpose()?,
            peers::in_rust(&plan.ways, &plan.rust_peers)?,
        )),
    }
}

fn in_rust(way: &str) -> bool {
    peers::home(way) == Some(Home::Rust)
}

/// Set, radius and least number of rows.
fn parse(spec: &str) -> Outcome<(&str, f64, usize)> {
    let parts: Vec<&str> = spec.split(':').collect();
    let parsed = match parts[..] {
        [name, eps, need] => eps.parse().ok().zip(need.parse().ok()).map(|(e, n)| (name, e, n)),
        _ => None,
    };
    let wrong = || usage(format!("{spec}: wanted SET:EPS:MIN_SAMPLES, such as {}", SPECS[0]));
    parsed.ok_or_else(wrong)
}

fn one(
    plan: &Plan,
    (python, rust): &mut Programs,
    name: &str,
    (eps, need): (f64, usize),
) -> Outcome<Value> {
    let (path, table) = file::set(&plan.against.data, name)?;
    let (cpu, rows, dim) = (Cpu::<f32>::new(), table.rows(), table.dim());
    let mut ms: Map<String, Value> = Map::new();
    let before = peak_mib();
    let mut fit = None;
    for _ in 0..plan.against.rounds {
        let (took, done) = timed(|| Dbscan::new(eps, need).fit(&cpu, rows));
        fit = Some(done?);
        keep_least(&mut ms, "enfold", took);
        for way in &plan.ways {
            let peer = if in_rust(way) { &mut *rust } else { &mut *python };
            let ask = json!({"task": "dbscan", "path": path, "eps": eps, "need": need, "way": way});
            let answer = peer.as_mut().ok_or("no peer")?.ask(&ask)?;
            keep_least(&mut ms, way, answer["ms"].as_f64().ok_or("no time")?);
        }
    }
    let fit = fit.ok_or("no rounds")?;
    let mut row = json!({"task": "dbscan", "set": name, "n": rows.len(), "d": dim, "eps": eps,
        "min_samples": need, "isa": format!("{:?}", cpu.isa()),
        "threads": rayon::current_num_threads(), "ms": ms, "clusters": fit.model.clusters(),
        "noise": fit.labels.iter().filter(|&&l| l == NONE).count(), "cores": fit.cores.len(),
        "peak_mib_above_input": peak_mib() - before,
        "required_mib": Dbscan::required_bytes::<f32>(rows.len(), dim, false) as f64 / 1048576.0});
    if let Some(peer) = python.as_mut().filter(|_| plan.check) {
        let file = path.with_extension("labels");
        let mut bytes: Vec<u8> = fit.labels.iter().flat_map(|l| l.to_le_bytes()).collect();
        bytes.extend(fit.cores.iter().flat_map(|c| c.to_le_bytes()));
        std::fs::write(&file, bytes)?;
        let ways: Vec<&String> = plan.ways.iter().filter(|way| !in_rust(way)).collect();
        let ask = json!({"task": "dbscan_check", "path": path, "eps": eps, "need": need,
            "labels": file, "ways": ways});
        row["against_f64"] = peer.ask(&ask)?;
    }
    Ok(row)
}
