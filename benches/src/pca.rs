//! Principal components against scikit-learn's, in alternating rounds.

use enfold::pca::{Pca, PcaModel};
use serde_json::{Map, Value, json};

use crate::args::Against;
use crate::clock::{keep_least, timed};
use crate::failure::Outcome;
use crate::file;
use crate::peer::Peer;

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Names of .npy files.
    pub(crate) sets: Vec<String>,
    /// What it is compared with.
    pub(crate) against: Against,
    /// Components.
    pub(crate) components: usize,
    /// Solvers of the peer.
    pub(crate) ways: Vec<String>,
}

/// Runs the plan and prints one JSON line per set: milliseconds of a fit, and how far apart the
/// variances are.
pub(crate) fn run(plan: &Plan) -> Outcome<()> {
    let mut peer = plan.against.python.as_deref().map(Peer::start).transpose()?;
    for set in &plan.sets {
        println!("{}", measure(plan, set, peer.as_mut())?);
    }
    Ok(())
}

fn measure(plan: &Plan, name: &str, mut peer: Option<&mut Peer>) -> Outcome<Value> {
    let (path, table) = file::set(&plan.against.data, name)?;
    let (mut ms, mut off) = (Map::new(), json!({}));
    for _ in 0..plan.against.rounds {
        let (took, model) = timed(|| Pca::new(plan.components).fit(table.rows()));
        let model = model?;
        keep_least(&mut ms, "enfold", took);
        let Some(peer) = &mut peer else { continue };
        for way in &plan.ways {
            let request =
                json!({"task": "pca", "path": path, "components": plan.components, "way": way});
            let answer = peer.ask(&request)?;
            keep_least(&mut ms, way, answer["ms"].as_f64().unwrap_or(f64::INFINITY));
            off[way] = json!(apart(&model, &answer));
        }
    }
    Ok(json!({"task": "pca", "set": name, "n": table.rows().len(), "d": table.dim(),
        "components": plan.components, "threads": rayon::current_num_threads(),
        "ms": ms, "variances_apart": off}))
}

/// The largest relative difference of the variances.
fn apart(model: &PcaModel, answer: &Value) -> f64 {
    let theirs = answer["variances"].as_array().into_iter().flatten().filter_map(Value::as_f64);
    let pairs = model.variances().iter().zip(theirs);
    pairs.map(|(a, b)| (a - b).abs() / a).fold(0.0, f64::max)
}
