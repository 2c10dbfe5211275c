//! k-means of linfa and ann-search-rs.

use ann_search_rs::Verbosity;
use ann_search_rs::prelude::{Dist, KMeansInit as AnnInit, KMeansTrainingParams};
use ann_search_rs::utils::k_means_utils::{
    fast_random_init, kmeans_parallel_init, train_centroids,
};
use linfa::traits::{Fit, FitWith};
use linfa::{DatasetBase, ParamGuard};
use linfa_clustering::{IncrKMeansError, KMeans, KMeansInit};
use ndarray_0_16::{ArrayView2, Axis, Slice};
use serde_json::{Value, json};

use crate::clock::timed;
use crate::table::Table;
use crate::{Outcome, count, word};

/// What draws the rows that ann-search-rs starts from.
const SEED: usize = 1;

/// Milliseconds, and centres.
type Found = (f64, Vec<f32>);

fn said(table: &Table, (ms, centers): Found) -> Value {
    json!({"ms": ms, "cost_per_row": cost(table, &centers)})
}

/// So many Lloyd steps from every (n div k)-th row.
pub(crate) fn steps(request: &Value, table: &Table) -> Outcome<Value> {
    let (k, steps) = (clusters(request, table)?, count(request, "steps")?);
    let found = match word(request, "way")? {
        "linfa" => linfa_steps(table, k, steps)?,
        "ann-search-rs" => ann_steps(table, k, steps)?,
        way => return Err(format!("no k-means of {way}").into()),
    };
    Ok(said(table, found))
}

fn clusters(request: &Value, table: &Table) -> Outcome<usize> {
    let k = count(request, "k")?;
    if k == 0 || k > table.rows { Err(format!("{k} clusters").into()) } else { Ok(k) }
}

/// The rows that are the centres before the first step.
fn starts(table: &Table, k: usize) -> impl Iterator<Item = usize> {
    let step = table.rows / k;
    (0..k).map(move |c| c * step)
}

/// Its steps count the old centre among a cluster's rows, so they end elsewhere than others'.
fn linfa_steps(table: &Table, k: usize, steps: usize) -> Outcome<Found> {
    let starts: Vec<usize> = starts(table, k).collect();
    let rows = DatasetBase::from(table.older()?);
    let model = KMeans::params(k)
        .init_method(KMeansInit::Precomputed(rows.records().select(Axis(0), &starts)))
        .n_runs(1)
        // It wants one above 0: steps end where nothing moves.
        .tolerance(f32::MIN_POSITIVE)
        .max_n_iterations(steps as u64)
        .check()?;
    let (ms, fit) = timed(|| model.fit(&rows));
    Ok((ms, fit?.centroids().iter().copied().collect()))
}

/// It takes no centres, but draws rows: they are laid so that it draws those that are given.
fn ann_steps(table: &Table, k: usize, steps: usize) -> Outcome<Found> {
    let laid = laid(table, k);
    let params = KMeansTrainingParams::new(steps, Some(AnnInit::Random), None);
    let metric = Dist::SquaredEuclidean;
    let (dim, n, quiet) = (table.dim, table.rows, Verbosity::Quiet);
    let (ms, centers) =
        timed(|| train_centroids(&laid, dim, n, k, &metric, Some(params), SEED, quiet));
    Ok((ms, centers?))
}

/// All rows, the starts at the places that ann-search-rs draws.
fn laid(table: &Table, k: usize) -> Vec<f32> {
    let numbers: Vec<f64> = (0..table.rows).map(|i| i as f64).collect();
    let drawn = fast_random_init(&numbers, 1, table.rows, k, SEED);
    let (mut row, mut place): (Vec<usize>, Vec<usize>) =
        ((0..table.rows).collect(), (0..table.rows).collect());
    for (start, to) in starts(table, k).zip(drawn) {
        let (from, to) = (place[start], to as usize);
        row.swap(from, to);
        place[row[from]] = from;
        place[row[to]] = to;
    }
    row.iter().flat_map(|&i| table.row(i)).copied().collect()
}

/// k-means|| of ann-search-rs: rounds of many rows, of which k-means++ takes k.
pub(crate) fn seeding(request: &Value, table: &Table) -> Outcome<Value> {
    let (k, seed) = (clusters(request, table)?, count(request, "seed")?);
    if word(request, "way")? != "ann-search-rs" {
        return Err("seeding is ann-search-rs's".into());
    }
    let (dim, n) = (table.dim, table.rows);
    let draw = || {
        let length = |row: &[f32]| row.iter().map(|v| v * v).sum::<f32>().sqrt();
        let lengths: Vec<f32> = table.values.chunks_exact(dim).map(length).collect();
        kmeans_parallel_init(&table.values, &lengths, dim, n, k, &Dist::SquaredEuclidean, seed)
    };
    Ok(said(table, timed(draw)))
}

/// linfa's mini-batch k-means, once over all rows; k-means++ in the first batch draws its centres by
/// a seed of its own.
pub(crate) fn one_pass(request: &Value, table: &Table) -> Outcome<Value> {
    let k = clusters(request, table)?;
    if word(request, "way")? != "linfa" {
        return Err("a pass in batches is linfa's".into());
    }
    let (rows, size) = (table.older()?, count(request, "batch")?.max(k));
    let (ms, centers) = timed(|| push_all(rows, size, k));
    Ok(said(table, (ms, centers?)))
}

fn push_all(rows: ArrayView2<'_, f32>, size: usize, k: usize) -> Outcome<Vec<f32>> {
    let params = KMeans::params(k).n_runs(1).check()?;
    let mut model = None;
    for first in (0..rows.nrows()).step_by(size) {
        let end = (first + size).min(rows.nrows());
        let batch = DatasetBase::from(rows.slice_axis(Axis(0), Slice::from(first..end)));
        model = Some(match params.fit_with(model, &batch) {
            // That centres hardly moved is no reason to leave rows out.
            Ok(new) | Err(IncrKMeansError::NotConverged(new)) => new,
            Err(wrong) => return Err(wrong.into()),
        });
    }
    Ok(model.ok_or("no rows")?.centroids().iter().copied().collect())
}

/// Mean squared distance to the nearest centre, in f64.
fn cost(table: &Table, centers: &[f32]) -> f64 {
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    let apart = |row: &[f32], center: &[f32]| row.iter().zip(center).map(square).sum::<f64>();
    let nearest = |row: &[f32]| {
        let all = centers.chunks_exact(table.dim).map(|center| apart(row, center));
        all.fold(f64::INFINITY, f64::min)
    };
    table.values.chunks_exact(table.dim).map(nearest).sum::<f64>() / table.rows as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four rows each around 0, 100 and 200.
    fn table() -> Table {
        let values: Vec<f32> = (0..12).map(|i| (i / 4 * 100 + i % 4) as f32).collect();
        Table { rows: values.len(), values, dim: 1 }
    }

    #[test]
    fn rows_are_laid_so_that_the_starts_are_drawn() {
        let table = table();
        for k in 1..=12 {
            let laid = laid(&table, k);
            let drawn = fast_random_init(&laid, 1, table.rows, k, SEED);
            let given: Vec<f32> = starts(&table, k).map(|i| table.values[i]).collect();
            assert_eq!(drawn, given);
            let mut sorted = laid.clone();
            sorted.sort_unstable_by(f32::total_cmp);
            assert_eq!(sorted, table.values);
        }
    }

    #[test]
    fn all_find_clusters_that_are_far_apart() {
        // Of 0, 1, 2, 3 the mean is 1.5: squares of 0.5 and 1.5, two of each.
        let best = 1.25;
        let ask = |way: &str| json!({"k": 3, "steps": 30, "seed": 1, "batch": 12, "way": way});
        let cost = |answer: Outcome<Value>| answer.expect("answered")["cost_per_row"].clone();
        let table = table();
        assert_eq!(cost(steps(&ask("ann-search-rs"), &table)), json!(best));
        let linfa = cost(steps(&ask("linfa"), &table));
        assert!((linfa.as_f64().expect("a cost") - best).abs() < 1e-4, "{linfa}");
        // Rows are centres here: at best a third of each cluster's rows is at 0, 1, 1, 2.
        let seeds = cost(seeding(&ask("ann-search-rs"), &table)).as_f64().expect("a cost");
        assert!((1.5..=3.5).contains(&seeds), "{seeds}");
        let pass = cost(one_pass(&ask("linfa"), &table)).as_f64().expect("a cost");
        assert!((best..=3.5).contains(&pass), "{pass}");
    }

    #[test]
    fn what_there_is_not_is_refused() {
        let ask = json!({"k": 3, "steps": 1, "seed": 1, "batch": 4, "way": "kiddo"});
        for answer in [steps(&ask, &table()), seeding(&ask, &table()), one_pass(&ask, &table())] {
            assert!(answer.is_err());
        }
        assert!(steps(&json!({"k": 13, "steps": 1, "way": "linfa"}), &table()).is_err());
    }
}
