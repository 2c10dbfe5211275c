//! The nearest rows of every row, by kiddo, linfa and ann-search-rs.

use std::num::NonZero;

use ann_search_rs::{Verbosity, build_kmknn_index, query_kmknn_self};
use kiddo::{ImmutableKdTree, SquaredEuclidean};
use linfa_nn::distance::L2Dist;
use linfa_nn::{KdTree, NearestNeighbour};
use serde_json::{Value, json};

use crate::clock::now;
use crate::table::Table;
use crate::{Outcome, count, word};

/// What was measured.
struct Found {
    build_ms: f64,
    ms: f64,
    /// Σ of the distances of the last of each row.
    sum: f64,
}

/// The k nearest of every row without the row itself, which is found too and asked for as one more.
pub(crate) fn answer(request: &Value, table: &Table) -> Outcome<Value> {
    let k = 1 + count(request, "k")?;
    let found = match (word(request, "way")?, table.dim) {
        // Its number of coordinates is part of its type; wide rows are not what it is for.
        ("kiddo", 2) => kiddo::<2>(table, k)?,
        ("kiddo", 3) => kiddo::<3>(table, k)?,
        ("kiddo", 4) => kiddo::<4>(table, k)?,
        ("kiddo", 8) => kiddo::<8>(table, k)?,
        ("kiddo", 16) => kiddo::<16>(table, k)?,
        // Of wider rows it takes minutes.
        ("linfa", ..=8) => linfa(table, k)?,
        ("ann-search-rs", _) => kmknn(table, k)?,
        (way, dim) => return Err(format!("no neighbours by {way} in {dim} coordinates").into()),
    };
    let kth = found.sum / table.rows as f64;
    Ok(json!({"ms": found.ms, "build_ms": found.build_ms, "kth": kth}))
}

/// A k-d tree, and what it is asked for every row.
fn kiddo<const D: usize>(table: &Table, k: usize) -> Outcome<Found> {
    let (rows, _) = table.values.as_chunks::<D>();
    let k = NonZero::new(k).ok_or("no k")?;
    let start = now();
    let tree: ImmutableKdTree<f32, D> =
        ImmutableKdTree::new_from_slice(rows).map_err(|e| format!("kiddo: {e:?}"))?;
    let built = now();
    let mut sum = 0.0;
    for row in rows {
        let found = tree.query(row).nearest_n::<SquaredEuclidean<f32>>(k).execute();
        sum += found.last().map_or(0.0, |last| f64::from(last.distance).sqrt());
    }
    Ok(Found { build_ms: built - start, ms: now() - start, sum })
}

/// A k-d tree of linfa's, which gives rows and no distances.
fn linfa(table: &Table, k: usize) -> Outcome<Found> {
    let rows = table.older()?;
    let start = now();
    let tree = KdTree::new().from_batch(&rows, L2Dist)?;
    let built = now();
    let mut last = Vec::with_capacity(table.rows);
    for row in rows.rows() {
        last.push(tree.k_nearest(row, k)?.last().ok_or("no neighbour")?.1);
    }
    let ms = now() - start;
    let sum = (0..table.rows).zip(last).map(|(i, j)| distance(table.row(i), table.row(j))).sum();
    Ok(Found { build_ms: built - start, ms, sum })
}

/// Exact, by k-means cells.
fn kmknn(table: &Table, k: usize) -> Outcome<Found> {
    let start = now();
    let rows = (&table.values[..], table.rows, table.dim);
    let index = build_kmknn_index(rows, "euclidean", None, None, 1, Verbosity::Quiet)?;
    let built = now();
    let (lists, _) = query_kmknn_self(&index, k, true, Verbosity::Quiet)?;
    let ms = now() - start;
    let furthest = |(i, list): (usize, &Vec<usize>)| {
        let far = list.iter().map(|&j| distance(table.row(i), table.row(j)));
        far.fold(0.0, f64::max)
    };
    let sum = lists.iter().enumerate().map(furthest).sum();
    Ok(Found { build_ms: built - start, ms, sum })
}

/// In f64.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a line of whole numbers the second nearest is at 1, but at 2 from both ends.
    #[test]
    fn every_way_finds_the_same_distances() {
        let rows = 100;
        let values: Vec<f32> = (0..rows).flat_map(|i| [i as f32, 0.0]).collect();
        let table = Table { values, rows, dim: 2 };
        for way in ["kiddo", "linfa", "ann-search-rs"] {
            let found = answer(&json!({"k": 2, "way": way}), &table).expect("answered");
            let kth = found["kth"].as_f64().expect("a number");
            assert!((kth - 1.02).abs() < 1e-6, "{way}: {kth}");
            assert!(found["ms"].as_f64() >= found["build_ms"].as_f64(), "{way}");
        }
    }

    #[test]
    fn wide_rows_are_refused_by_trees() {
        let table = Table { values: vec![0.0; 90], rows: 10, dim: 9 };
        for way in ["kiddo", "linfa", "rustyml"] {
            assert!(answer(&json!({"k": 2, "way": way}), &table).is_err());
        }
    }
}
