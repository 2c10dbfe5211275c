//! One pass over a stream in batches: how fast, how good beside `MiniBatchKMeans`, how large.

use serde_json::{Value, json};

use crate::algorithms::{self, Data, Machine, Open, SEED};
use crate::backends::{self, REFERENCE};
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
    for _ in 0..plan.rounds {
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
    let line = |who: Value, mut ms: Vec<f64>| {
        ms.sort_unstable_by(f64::total_cmp);
        let mut line = json!({"task": "stream", "shape": shape.name, "n": data.rows(),
            "d": data.dim, "k": data.k, "batch": batch, "threads": rayon::current_num_threads(),
            "ms_least": ms[0], "ms_median": ms[ms.len() / 2],
            "rows_per_s": 1e3 * data.rows() as f64 / ms[0]});
        who.as_object().into_iter().flatten().for_each(|(key, v)| line[key] = v.clone());
        line
    };
    for ((name, machine), passes) in names.iter().zip(&machines).zip(passes) {
        let last = passes.last().ok_or("no rounds")?;
        let own = machine.cost(data, &last.centers)?;
        let finish = passes.iter().map(|p| p.finish_ms).fold(f64::INFINITY, f64::min);
        let mib = passes.iter().map(|p| p.mib).fold(0.0, f64::max);
        let (differ, compared) = differing(shape, data.rows(), &**machine, batch)?;
        let who = json!({"backend": name, "finish_ms": finish, "cost_per_row": own,
            "cost_share": cost.map(|theirs| own / theirs), "snapshot_bytes": last.snapshot.len(),
            "differ": differ, "compared": compared, "peak_mib": mib});
        output.push(line(who, passes.iter().map(|p| p.push_ms).collect()))?;
    }
    if let Some(peer) = peers.names.iter().find(|peer| peer.name == "sklearn") {
        let who = json!({"peer": peer.name, "version": peer.version, "cost_per_row": cost});
        output.push(line(who, theirs))?;
    }
    Ok(())
}

/// Bytes of the snapshot after some rows that are not the reference's.
fn differing(
    shape: &Shape,
    rows: usize,
    machine: &dyn Machine,
    batch: usize,
) -> Outcome<(usize, usize)> {
    let data = algorithms::compared(shape, rows);
    let expected = backends::with(REFERENCE, Open)?.pass(&data, batch)?.snapshot;
    let found = machine.pass(&data, batch)?.snapshot;
    Ok((algorithms::differing(&expected, &found), expected.len()))
}
