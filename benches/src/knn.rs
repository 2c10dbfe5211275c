//! The 15 nearest rows of every row, against FAISS, scikit-learn, oneDAL, pynndescent and any
//! program that answers the same lines.

use std::path::Path;

use enfold::data::npy;
use enfold_core::distance::distance;
use enfold_core::neighbors::{Neighbors, Search};
use enfold_core::{Backend, Metric, NONE, Nearest, Pairs, Rows, Visit};
use enfold_cpu::Cpu;
use serde_json::{Map, Value, json};

use crate::Against;
use crate::clock::timed;
use crate::peer::Peer;

/// Neighbours of a row, without the row itself.
const K: usize = 15;

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Names of sets, `.npy` files in `data`.
    pub(crate) sets: Vec<String>,
    /// Ways to run, of ours and theirs.
    pub(crate) ways: Vec<String>,
    /// Rows to ask for where a way does all pairs; times are scaled to all rows.
    pub(crate) queries: usize,
    /// What it is compared with.
    pub(crate) against: Against,
}

/// What a way of ours found.
struct Found {
    /// Entries per row.
    dist: Vec<f32>,
    index: Vec<u32>,
    /// Rows asked.
    rows: usize,
}

type Failure = Box<dyn std::error::Error>;

/// The fold alone, for the first rows.
fn fold(cpu: &Cpu<f32>, rows: Rows<'_, [f32]>, queries: usize) -> Result<Found, Failure> {
    let n = rows.len().min(queries);
    let (mut dist, mut index) = (vec![f32::INFINITY; n * K], vec![NONE; n * K]);
    let pairs = Pairs::new(rows.range(0, n)?, rows, Metric::SqEuclidean)?;
    let best = Nearest { k: K, dist: &mut dist[..], index: &mut index[..] };
    cpu.nearest(pairs.visit(Visit::OffDiagonal)?, best)?;
    Ok(Found { dist, index, rows: n })
}

/// All rows through the library's door.
fn whole(cpu: &Cpu<f32>, rows: Rows<'_, [f32]>, search: Search) -> Result<Found, Failure> {
    let lists = Neighbors::new(K).search(search).within(cpu, rows)?;
    let (dist, index) = (lists.distances().to_vec(), lists.indices().to_vec());
    Ok(Found { dist, index, rows: rows.len() })
}

fn run_way(way: &str, rows: Rows<'_, [f32]>, queries: usize) -> Result<Option<Found>, Failure> {
    let cpu = Cpu::<f32>::new();
    Ok(match way {
        "fold" => Some(fold(&cpu, rows, queries)?),
        "all" => Some(whole(&cpu, rows, Search::All)?),
        "cells" => Some(whole(&cpu, rows, Search::Cells)?),
        "ordered" => Some(whole(&cpu, rows, Search::Ordered)?),
        "rough" => {
            let rough = Neighbors::new(K).roughly(&cpu, rows, 0.99)?;
            eprintln!("recall {} by sample, {} of the pairs", rough.recall, rough.visited);
            let (dist, index) = (rough.lists.distances(), rough.lists.indices());
            Some(Found { dist: dist.to_vec(), index: index.to_vec(), rows: rows.len() })
        }
        "auto" => Some(whole(&cpu, rows, Search::Auto)?),
        _ => None,
    })
}

/// Shares of neighbours found and of numbers that are right, on up to 500 rows, by an f64 oracle.
///
/// A neighbour counts where it is no further than the K-th true one and the rounding of both.
fn check(rows: Rows<'_, [f32]>, found: &Found) -> (f64, f64) {
    let asked = 500.min(found.rows);
    let (mut near, mut right) = (0, 0);
    for q in 0..asked {
        let i = q * found.rows / asked;
        let wide = |j: usize| -> f64 {
            let gap = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
            rows.row(i).iter().zip(rows.row(j)).map(gap).sum()
        };
        let mut truth: Vec<f64> = (0..rows.len()).filter(|&j| j != i).map(wide).collect();
        truth.select_nth_unstable_by(K - 1, f64::total_cmp);
        let limit = truth[K - 1] * (1.0 + 2e-7 * (rows.dim() as f64 / 16.0 + 8.0));
        for at in i * K..(i + 1) * K {
            let j = found.index[at] as usize;
            if found.index[at] != NONE && j != i {
                near += usize::from(wide(j) <= limit);
                let exact = distance(Metric::SqEuclidean, rows.row(i), rows.row(j));
                right += usize::from(exact.to_bits() == found.dist[at].to_bits());
            }
        }
    }
    let all = (asked * K) as f64;
    (near as f64 / all, right as f64 / all)
}

fn least(into: &mut Map<String, Value>, name: &str, seconds: f64) {
    let old = into.get(name).and_then(Value::as_f64).unwrap_or(f64::INFINITY);
    into.insert(name.into(), json!(old.min(seconds)));
}

/// Runs the plan and prints one JSON line per set.
pub(crate) fn run(plan: &Plan) -> Result<(), Failure> {
    let mut peers = Vec::new();
    for command in [&plan.against.python, &plan.against.also].into_iter().flatten() {
        let script = plan.against.python.as_ref() == Some(command);
        peers.push(if script { Peer::start(command)? } else { Peer::program(command)? });
    }
    for name in &plan.sets {
        let path = Path::new(&plan.against.data).join(format!("{name}.npy"));
        let table = npy::read_table(&path)?;
        let rows = table.rows();
        let (mut seconds, mut checks) = (Map::new(), Map::new());
        for round in 0..plan.against.rounds {
            for way in &plan.ways {
                let (took, found) = timed(|| run_way(way, rows, plan.queries));
                let Some(found) = found? else { continue };
                let name = format!("enfold_{way}");
                least(&mut seconds, &name, took * 1e-3 * rows.len() as f64 / found.rows as f64);
                if round == 0 {
                    let (near, right) = check(rows, &found);
                    checks.insert(name, json!({"recall": near, "canonical": right}));
                }
            }
            let request = json!({"task": "knn", "path": path, "k": K, "ways": plan.ways,
                "queries": plan.queries});
            for peer in &mut peers {
                for (name, value) in peer.ask(&request)?.as_object().ok_or("not an object")? {
                    least(&mut seconds, name, value.as_f64().unwrap_or(f64::INFINITY));
                }
            }
        }
        let isa = format!("{:?}", Cpu::<f32>::new().isa());
        let row = json!({"task": "knn", "set": name, "n": rows.len(), "d": rows.dim(), "k": K,
            "isa": isa, "threads": rayon::current_num_threads(), "seconds": seconds,
            "checks": checks, "queries": plan.queries});
        println!("{row}");
    }
    Ok(())
}
