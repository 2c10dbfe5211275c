//! The silhouette of linfa and rustyml.

use linfa::DatasetBase;
use linfa::metrics::SilhouetteScore;
use ndarray::Array1;
use rustyml::math::DistanceCalculationMetric;
use rustyml::metrics::silhouette_score;
use serde_json::{Value, json};

use crate::clock::timed;
use crate::table::{Table, words};
use crate::{Outcome, word};

pub(crate) fn answer(request: &Value, table: &Table) -> Outcome<Value> {
    let labels = std::fs::read(word(request, "labels")?)?;
    let labels: Vec<usize> = words(&labels).map(|label| label as usize).collect();
    if labels.len() != table.rows {
        return Err("not as many labels as rows".into());
    }
    let (ms, score) = match word(request, "way")? {
        "linfa" => linfa(table, labels)?,
        "rustyml" => rustyml(table, &labels)?,
        way => return Err(format!("no silhouette of {way}").into()),
    };
    Ok(json!({"ms": ms, "score": score}))
}

/// In f32, as the rows are.
fn linfa(table: &Table, labels: Vec<usize>) -> Outcome<(f64, f64)> {
    let rows = DatasetBase::new(table.older()?, ndarray_0_16::Array1::from(labels));
    let (ms, score) = timed(|| rows.silhouette_score());
    Ok((ms, f64::from(score?)))
}

fn rustyml(table: &Table, labels: &[usize]) -> Outcome<(f64, f64)> {
    let rows = table.wide()?;
    let labels: Array1<isize> = labels.iter().map(|label| *label as isize).collect();
    Ok(timed(|| silhouette_score(&rows, &labels, DistanceCalculationMetric::Euclidean)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows 0, 1 | 10, 11: of each a is 1, and b 10.5 or 9.5.
    #[test]
    fn both_have_the_score_of_the_definition() {
        let table = Table { values: vec![0.0, 1.0, 10.0, 11.0], rows: 4, dim: 1 };
        let expected = (9.5 / 10.5 + 8.5 / 9.5) / 2.0;
        let labels = vec![0, 0, 1, 1];
        let (_, wide) = rustyml(&table, &labels).expect("a score");
        assert!((wide - expected).abs() < 1e-12, "{wide}");
        let (_, narrow) = linfa(&table, labels).expect("a score");
        assert!((narrow - expected).abs() < 1e-6, "{narrow}");
    }
}
