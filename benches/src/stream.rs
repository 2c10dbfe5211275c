//! One pass over a stream in batches: how fast, how good beside `MiniBatchKMeans`, how large.

use serde_json::{Value, json};

use crate::algorithms::{self, Data, Open, SEED};
use crate::backends::{self, REFERENCE};
use crate::clock::least_and_median;
use crate::failure::Outcome;
use crate::output::Output;
use crate::peers::Peers;
use crate::shape::Shape;
use crate::suite::Plan;

/// Rows of a batch.
const BATCHES: [usize; 2] = [512, 4096];

/// Runs the plan.
pub(crate) fn run(plan: &Plan, peers: &mut Peers, output: &mut Output) -> Outcome<()> {
    for size in &plan.shapes {
        let shape = Shape::make(*size);
        let data = Data::new(&shape, shape.rows()).share(peers)?;
        for batch in BATCHES {
            measure(&shape, &data, batch, plan, peers, output)?;
        }
    }
    Ok(())
}

fn measure(
    shape: &Shape,
    data: &Data<'_>,
    batch: usize,
    plan: &Plan,
    peers: &mut Peers,
    output: &mut Output,
) -> Outcome<()> {
    let names = algorithms::timed(&plan.backends);
    let machines: Outcome<Vec<_>> = names.iter().map(|n| backends::with(n, Open)).collect();
    let machines = machines?;
    let mut passes: Vec<Vec<_>> = names.iter().map(|_| Vec::new()).collect();
    let mut theirs = Vec::new();
    let mut cost = None;
    for _ in plan.turns() {
        for (machine, passes) in machines.iter().zip(&mut passes) {
            passes.push(machine.pass(data, batch)?);
        }
        if peers.names.iter().any(|peer| peer.name == "sklearn") {
            let request = json!({"task": "one_pass", "path": data.path, "k": data.k,
                "batch": batch, "seed": SEED});
            let answer = peers.ask(&request)?;
            theirs.push(answer["ms"].as_f64().ok_or("no time")?);
            cost = answer["cost_per_row"].as_f64();
        }
    }
    let line = |who: Value, ms: Vec<f64>| {
        let (least, median) = least_and_median(ms);
        let mut line = json!({"task": "stream", "shape": shape.name, "n": data.rows(),
            "d": data.dim, "k": data.k, "batch": batch, "threads": rayon::current_num_threads(),
            "ms_least": least, "ms_median": median,
            "rows_per_s": 1e3 * data.rows() as f64 / least});
        who.as_object().into_iter().flatten().for_each(|(key, v)| line[key] = v.clone());
        line
    };
    let few = algorithms::compared(shape, data.rows());
    let expected = backends::with(REFERENCE, Open)?.pass(&few, batch)?.snapshot;
    for ((name, machine), passes) in names.iter().zip(&machines).zip(passes) {
        let last = passes.last().ok_or("no rounds")?;
        let own = machine.cost(data, &last.centers)?;
        let finish = passes.iter().map(|p| p.finish_ms).fold(f64::INFINITY, f64::min);
        let mib = passes.iter().map(|p| p.mib).fold(0.0, f64::max);
        let found = machine.pass(&few, batch)?.snapshot;
        let differ = algorithms::differing(&expected, &found);
        let who = json!({"backend": name, "finish_ms": finish, "cost_per_row": own,
            "cost_share": cost.map(|theirs| own / theirs), "snapshot_bytes": last.snapshot.len(),
            "differ": differ, "compared": expected.len(), "peak_mib": mib});
        output.push(line(who, passes.iter().map(|p| p.push_ms).collect()))?;
    }
    if let Some(peer) = peers.names.iter().find(|peer| peer.name == "sklearn") {
        let who = json!({"peer": peer.name, "version": peer.version, "cost_per_row": cost});
        output.push(line(who, theirs))?;
    }
    Ok(())
}
