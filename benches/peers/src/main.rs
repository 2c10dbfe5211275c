//! Rust crates that enfold is measured against – linfa, kiddo, ann-search-rs and rustyml – answering
//! one measurement per line, as `against/peers.py` does: started by enfold-bench, and not meant to be
//! called by hand.
//!
//! A request is a JSON line on standard input, the answer one on standard output; what goes wrong is
//! answered as `{"error": text}`. `path` is an .npy file of f32, `way` the crate. "task" says which:
//!
//! ```text
//! versions    packages                       their versions, null where this program lacks them
//! kmeans      path, k, steps, way            ms, cost_per_row: Lloyd steps from given centres
//! seeding     path, k, seed, way             ms, cost_per_row
//! one_pass    path, k, batch, way            ms, cost_per_row: k-means in batches
//! knn         path, k, way                   ms, build_ms, kth: the mean distance of the last
//! dbscan      path, eps, need, way           ms, clusters, noise
//! silhouette  path, labels (u32), way        ms, score
//! ```
//!
//! Threads come from `RAYON_NUM_THREADS`. One thread is timed by processor time, more by wall time.

mod clock;
mod dbscan;
mod kmeans;
mod knn;
mod silhouette;
mod table;
mod versions;

use std::any::Any;
use std::error::Error;
use std::io::BufRead;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use crate::table::Table;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A number of a request.
fn count(request: &Value, key: &str) -> Outcome<usize> {
    let number = request[key].as_u64().ok_or_else(|| format!("no {key}"))?;
    Ok(usize::try_from(number)?)
}

/// A word of a request.
fn word<'a>(request: &'a Value, key: &str) -> Outcome<&'a str> {
    Ok(request[key].as_str().ok_or_else(|| format!("no {key}"))?)
}

fn answer(line: &str) -> Outcome<Value> {
    let request: Value = serde_json::from_str(line)?;
    let table = || Table::read(word(&request, "path")?);
    match word(&request, "task")? {
        "versions" => versions::answer(&request),
        "kmeans" => kmeans::steps(&request, &table()?),
        "seeding" => kmeans::seeding(&request, &table()?),
        "one_pass" => kmeans::one_pass(&request, &table()?),
        "knn" => knn::answer(&request, &table()?),
        "dbscan" => dbscan::answer(&request, &table()?),
        "silhouette" => silhouette::answer(&request, &table()?),
        task => Err(format!("no task {task}").into()),
    }
}

/// What a panic said; some of these crates panic on input that they do not take.
fn panicked(what: &(dyn Any + Send)) -> String {
    let text = what.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| what.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("without a word"))
}

/// The answer to a line, whatever happens.
fn reply(line: &str) -> Value {
    let error = |text: String| json!({"error": text});
    match catch_unwind(AssertUnwindSafe(|| answer(line))) {
        Ok(Ok(answer)) => answer,
        Ok(Err(wrong)) => error(wrong.to_string()),
        Err(what) => error(panicked(&*what)),
    }
}

fn main() -> Outcome<()> {
    for line in std::io::stdin().lock().lines() {
        // Standard output ends a line by writing it.
        println!("{}", reply(&line?));
    }
    Ok(())
}
