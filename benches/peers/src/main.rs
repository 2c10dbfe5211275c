//! kiddo, ann-search-rs and rustyml, answering the requests of `enfold-bench --also`.
//!
//! A request is a JSON line, as for `against/peers.py`. `{"task": "knn", "path": x.npy, "k": k,
//! "ways": ["kiddo", "kmknn"]}` is answered with seconds for the k nearest of every row, without the
//! row itself; `{"task": "dbscan", "path": x.npy, "eps": eps, "need": n}` with milliseconds. What
//! goes wrong is answered as `{"error": text}`.

use std::error::Error;
use std::hint::black_box;
use std::io::BufRead;
use std::num::NonZero;

use ann_search_rs::{Verbosity, build_kmknn_index, query_kmknn_self};
use kiddo::{ImmutableKdTree, SquaredEuclidean};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Rows of f32.
struct Table {
    values: Vec<f32>,
    rows: usize,
    dim: usize,
}

impl Table {
    /// A `.npy` file of f32, row-major, version 1.
    fn read(path: &str) -> Outcome<Self> {
        let bytes = std::fs::read(path)?;
        let head = bytes.get(8..10).ok_or("not .npy")?;
        let end = 10 + usize::from(u16::from_le_bytes([head[0], head[1]]));
        let text = std::str::from_utf8(bytes.get(10..end).ok_or("not .npy")?)?;
        if !text.contains("<f4") || !text.contains("'fortran_order': False") {
            return Err("wanted f32, row-major".into());
        }
        let shape = text.split(['(', ')']).nth(1).ok_or("no shape")?;
        let mut sizes = shape.split(',').filter_map(|size| size.trim().parse().ok());
        let (rows, dim) = sizes.next().zip(sizes.next()).ok_or("no shape")?;
        let values = bytes[end..].chunks_exact(4);
        let values = values.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Self { values, rows, dim })
    }
}

/// Seconds on the clock that enfold-bench reads for itself: processor time of this process with one
/// thread, else wall time.
fn now() -> f64 {
    let one = std::env::var("RAYON_NUM_THREADS").is_ok_and(|threads| threads == "1");
    let time = clock_gettime(if one { ClockId::ProcessCPUTime } else { ClockId::Monotonic });
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// A k-d tree, and what it is asked for every row.
fn kiddo<const D: usize>(
    table: &Table,
    k: NonZero<usize>,
    out: &mut Map<String, Value>,
) -> Outcome<()> {
    let (rows, _) = table.values.as_chunks::<D>();
    let start = now();
    let tree: ImmutableKdTree<f32, D> =
        ImmutableKdTree::new_from_slice(rows).map_err(|e| format!("kiddo: {e:?}"))?;
    let built = now();
    for row in rows {
        black_box(tree.query(row).nearest_n::<SquaredEuclidean<f32>>(k).execute());
    }
    out.insert("kiddo".into(), json!(now() - start));
    out.insert("kiddo_build".into(), json!(built - start));
    Ok(())
}

fn kmknn(table: &Table, k: usize, out: &mut Map<String, Value>) -> Outcome<()> {
    let start = now();
    let rows = (&table.values[..], table.rows, table.dim);
    let index = build_kmknn_index(rows, "euclidean", None, None, 1, Verbosity::Quiet)?;
    let built = now();
    black_box(&query_kmknn_self(&index, k, true, Verbosity::Quiet));
    out.insert("kmknn".into(), json!(now() - start));
    out.insert("kmknn_build".into(), json!(built - start));
    Ok(())
}

fn knn(request: &Value, table: &Table) -> Outcome<Value> {
    // The row itself is found too.
    let k = 1 + request["k"].as_u64().ok_or("no k")? as usize;
    let wanted = |way: &str| request["ways"].as_array().is_some_and(|w| w.iter().any(|v| v == way));
    let mut out = Map::new();
    if wanted("kiddo") {
        let k = NonZero::new(k).ok_or("no k")?;
        match table.dim {
            2 => kiddo::<2>(table, k, &mut out)?,
            3 => kiddo::<3>(table, k, &mut out)?,
            16 => kiddo::<16>(table, k, &mut out)?,
            // Its dimension is part of its type; wide rows are not what it is for.
            _ => {}
        }
    }
    if wanted("kmknn") {
        kmknn(table, k, &mut out)?;
    }
    Ok(Value::Object(out))
}

fn dbscan(request: &Value, table: &Table) -> Outcome<Value> {
    let wide = table.values.iter().map(|v| f64::from(*v)).collect();
    let rows = ndarray::Array2::from_shape_vec((table.rows, table.dim), wide)?;
    let eps = request["eps"].as_f64().ok_or("no eps")?;
    let need = request["need"].as_u64().ok_or("no need")? as usize;
    let start = now();
    black_box(rustyml::machine_learning::DBSCAN::new(eps, need)?.fit_predict(&rows)?);
    Ok(json!({"rustyml": (now() - start) * 1e3}))
}

fn answer(line: &str) -> Outcome<Value> {
    let request: Value = serde_json::from_str(line)?;
    let table = Table::read(request["path"].as_str().ok_or("no path")?)?;
    match request["task"].as_str() {
        Some("knn") => knn(&request, &table),
        Some("dbscan") => dbscan(&request, &table),
        _ => Err("no such task".into()),
    }
}

fn main() -> Outcome<()> {
    for line in std::io::stdin().lock().lines() {
        // Standard output ends a line by writing it.
        match answer(&line?) {
            Ok(answer) => println!("{answer}"),
            Err(error) => println!("{}", json!({"error": error.to_string()})),
        }
    }
    Ok(())
}
