//! One pass over a stream in batches: how fast, how good beside mini-batch k-means, how large.

use serde_json::{Value, json};

use crate::algorithms::{self, Data, Open};
use crate::backends::{self, REFERENCE};
use crate::clock::least_and_median;
use crate::failure::Outcome;
use crate::output::Output;
use crate::peers::{Named, Peers};
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
    let mut theirs: Vec<Asked> =
        peers.names.iter().filter_map(|p| Asked::new(p, data, batch)).collect();
    for _ in plan.turns() {
        for (machine, passes) in machines.iter().zip(&mut passes) {
            passes.push(machine.pass(data, batch)?);
        }
        theirs.retain_mut(|asked| asked.went_well(peers));
    }
    // Beside the first of the peers.
    let cost = theirs.first().map(|asked| asked.cost);
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
    for Asked { peer, ms, cost, .. } in theirs {
        let who = json!({"peer": peer.name, "version": peer.version, "cost_per_row": cost});
        output.push(line(who, ms))?;
    }
    Ok(())
}

/// A peer, what it is asked, and what came of it.
struct Asked {
    peer: Named,
    request: Value,
    ms: Vec<f64>,
    cost: f64,
}

impl Asked {
    /// None where it has no such pass.
    fn new(peer: &Named, data: &Data<'_>, batch: usize) -> Option<Self> {
        let request = algorithms::pass_of(&peer.name, data, batch)?;
        Some(Self { peer: peer.clone(), request, ms: Vec::new(), cost: f64::NAN })
    }

    /// A round of its; says what went wrong, and the run goes on without it.
    fn went_well(&mut self, peers: &mut Peers) -> bool {
        let read = |said: &Value| said["ms"].as_f64().zip(said["cost_per_row"].as_f64());
        let told = peers.answer(&self.peer, &self.request, read);
        told.map(|(ms, cost)| (self.ms.push(ms), self.cost = cost)).is_some()
    }
}
