//! DBSCAN of linfa and rustyml.

use linfa::ParamGuard;
use linfa::traits::Transformer;
use linfa_clustering::Dbscan;
use linfa_nn::CommonNearestNeighbour;
use linfa_nn::distance::L2Dist;
use rustyml::machine_learning::DBSCAN;
use serde_json::{Value, json};

use crate::clock::timed;
use crate::table::Table;
use crate::{Outcome, count, word};

/// Coordinates up to which linfa's k-d tree is quicker than its scan of all rows.
const TREE: usize = 12;

pub(crate) fn answer(request: &Value, table: &Table) -> Outcome<Value> {
    let eps = request["eps"].as_f64().ok_or("no eps")?;
    let need = count(request, "need")?;
    let (ms, labels) = match word(request, "way")? {
        "linfa" => linfa(table, eps, need)?,
        "rustyml" => rustyml(table, eps, need)?,
        way => return Err(format!("no DBSCAN of {way}").into()),
    };
    let clusters = labels.iter().flatten().max().map_or(0, |last| last + 1);
    let noise = labels.iter().filter(|label| label.is_none()).count();
    Ok(json!({"ms": ms, "clusters": clusters, "noise": noise}))
}

/// Milliseconds, and for each row its cluster.
type Found = (f64, Vec<Option<usize>>);

/// In f32, as the rows are.
fn linfa(table: &Table, eps: f64, need: usize) -> Outcome<Found> {
    let rows = table.older()?;
    let tree = table.dim <= TREE;
    let search =
        if tree { CommonNearestNeighbour::KdTree } else { CommonNearestNeighbour::LinearSearch };
    let model = Dbscan::params_with(need, L2Dist, search).tolerance(eps as f32).check()?;
    let (ms, labels) = timed(|| model.transform(&rows));
    Ok((ms, labels.to_vec()))
}

fn rustyml(table: &Table, eps: f64, need: usize) -> Outcome<Found> {
    let rows = table.wide()?;
    let mut model = DBSCAN::new(eps, need)?;
    let (ms, labels) = timed(|| model.fit_predict(&rows));
    Ok((ms, labels?.iter().map(|label| usize::try_from(*label).ok()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clusters and a row far from both, by every way.
    #[test]
    fn clusters_and_noise_are_counted() {
        let values: Vec<f32> = vec![0.0, 0.5, 1.0, 1.5, 10.0, 10.5, 11.0, 11.5, 50.0];
        let table = Table { rows: values.len(), values, dim: 1 };
        for way in ["linfa", "rustyml"] {
            let request = json!({"eps": 0.75, "need": 3, "way": way});
            let answer = answer(&request, &table).expect("answered");
            assert_eq!((&answer["clusters"], &answer["noise"]), (&json!(2), &json!(1)), "{way}");
        }
        assert!(answer(&json!({"eps": 0.75, "need": 3, "way": "kiddo"}), &table).is_err());
    }
}
