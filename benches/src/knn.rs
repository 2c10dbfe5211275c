//! The 15 nearest rows of every row, against FAISS, scikit-learn, oneDAL, pynndescent and peers in
//! Rust.

use std::path::Path;

use enfold_core::distance::distance;
use enfold_core::neighbors::{Lists, Neighbors, Search};
use enfold_core::random::Draws;
use enfold_core::{Backend, Metric, NONE, Nearest, Pairs, Rows, Visit};
use enfold_cpu::Cpu;
use serde_json::{Map, Value, json};

use crate::args::Against;
use crate::clock::{keep_least, timed};
use crate::failure::{Outcome, usage};
use crate::file;
use crate::peer::Peer;
use crate::peers;

/// Neighbours of a row, without the row itself.
const K: usize = 15;
/// Ways of ours, those of `peers.py`, and those of the peers in Rust.
const OURS: [&str; 6] = ["fold", "all", "cells", "ordered", "auto", "rough"];
const THEIRS: [&str; 5] = ["faiss", "sklearn", "sklearn_auto", "onedal", "pynndescent"];
const RUST: [&str; 3] = ["kiddo", "linfa", "ann-search-rs"];

/// Seconds by way.
type Times = Map<String, Value>;

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Names of sets, `.npy` files in `data`.
    pub(crate) sets: Vec<String>,
    /// Ways to run, of ours and theirs.
    pub(crate) ways: Vec<String>,
    /// The program of those in Rust.
    pub(crate) rust_peers: String,
    /// Rows to ask for where a way does all pairs; times are scaled to all rows.
    pub(crate) queries: usize,
    /// Draws the rows that are checked.
    pub(crate) seed: Option<u64>,
    /// What it is compared with.
    pub(crate) against: Against,
}

/// What a way of ours found, as it came: copies would be timed.
enum Found {
    /// Distances and numbers.
    Fold(Vec<f32>, Vec<u32>),
    Lists(Lists<f32>),
}

impl Found {
    /// Entries of the rows that were asked for.
    fn entries(&self) -> (&[f32], &[u32]) {
        match self {
            Self::Fold(dist, index) => (dist, index),
            Self::Lists(lists) => (lists.distances(), lists.indices()),
        }
    }

    /// Rows asked.
    fn rows(&self) -> usize {
        self.entries().0.len() / K
    }
}

/// The fold alone, for the first rows.
fn fold(cpu: &Cpu<f32>, rows: Rows<'_, [f32]>, queries: usize) -> Outcome<Found> {
    let n = rows.len().min(queries);
    let (mut dist, mut index) = (vec![f32::INFINITY; n * K], vec![NONE; n * K]);
    let pairs = Pairs::new(rows.range(0, n)?, rows, Metric::SqEuclidean)?;
    let best = Nearest { k: K, dist: &mut dist[..], index: &mut index[..] };
    cpu.nearest(pairs.visit(Visit::OffDiagonal)?, best)?;
    Ok(Found::Fold(dist, index))
}

/// All rows through the library's door.
fn whole(cpu: &Cpu<f32>, rows: Rows<'_, [f32]>, search: Search) -> Outcome<Found> {
    Ok(Found::Lists(Neighbors::new(K).search(search).within(cpu, rows)?))
}

fn run_way(way: &str, rows: Rows<'_, [f32]>, queries: usize) -> Outcome<Option<Found>> {
    let cpu = Cpu::<f32>::new();
    Ok(match way {
        "fold" => Some(fold(&cpu, rows, queries)?),
        "all" => Some(whole(&cpu, rows, Search::All)?),
        "cells" => Some(whole(&cpu, rows, Search::Cells)?),
        "ordered" => Some(whole(&cpu, rows, Search::Ordered)?),
        "rough" => {
            let rough = Neighbors::new(K).roughly(&cpu, rows, 0.99)?;
            eprintln!("recall {} by sample, {} of the pairs", rough.recall, rough.visited);
            Some(Found::Lists(rough.lists))
        }
        "auto" => Some(whole(&cpu, rows, Search::Auto)?),
        _ => None,
    })
}

/// The rows that are checked: up to 500, evenly spaced, or 1000 drawn by a seed.
fn checked(rows: usize, seed: Option<u64>) -> Vec<usize> {
    let even = 500.min(rows);
    match seed {
        None => (0..even).map(|q| q * rows / even).collect(),
        Some(seed) => {
            let draws = Draws::new(seed, 0x6b6e_6e00);
            (0..1000).map(|q| draws.below(q, 0, rows as u64) as usize).collect()
        }
    }
}

/// Σ (a − b)² in f64, eight strided sums.
fn square(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0f64; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (f64::from(a) - f64::from(b)) * (f64::from(a) - f64::from(b));
        }
    }
    sums.iter().sum()
}

/// Shares of neighbours found and of numbers that are right, on some rows, by an f64 oracle.
///
/// A neighbour counts where it is no further than the K-th true one and the rounding of both.
fn check(rows: Rows<'_, [f32]>, found: &Found, seed: Option<u64>) -> (f64, f64) {
    let ((dist, index), asked) = (found.entries(), checked(found.rows(), seed));
    let (mut near, mut right) = (0, 0);
    for &i in &asked {
        let wide = |j: usize| square(rows.row(i), rows.row(j));
        let mut truth: Vec<f64> = (0..rows.len()).filter(|&j| j != i).map(wide).collect();
        truth.select_nth_unstable_by(K - 1, f64::total_cmp);
        let limit = truth[K - 1] * (1.0 + 2e-7 * (rows.dim() as f64 / 16.0 + 8.0));
        for at in i * K..(i + 1) * K {
            let j = index[at] as usize;
            if index[at] != NONE && j != i {
                near += usize::from(wide(j) <= limit);
                let exact = distance(Metric::SqEuclidean, rows.row(i), rows.row(j));
                right += usize::from(exact.to_bits() == dist[at].to_bits());
            }
        }
    }
    let all = (asked.len() * K) as f64;
    (near as f64 / all, right as f64 / all)
}

/// Refuses ways that nobody of this run has: they would be left out without a word.
fn check_ways(plan: &Plan) -> Outcome<()> {
    for way in plan.ways.iter().map(String::as_str) {
        if THEIRS.contains(&way) && plan.against.python.is_none() {
            return Err(usage(format!("--ways {way}: a peer's, which wants --python")));
        }
        let known = [&OURS[..], &THEIRS, &RUST].concat();
        if !known.contains(&way) {
            return Err(usage(format!("--ways {way}: there are {}", known.join(", "))));
        }
    }
    Ok(())
}

/// Seconds of the ways that `peers.py` has.
fn ask_python(peer: &mut Peer, plan: &Plan, path: &Path, seconds: &mut Times) -> Outcome<()> {
    let request = json!({"task": "knn", "path": path, "k": K, "ways": plan.ways,
        "queries": plan.queries});
    for (name, value) in peer.ask(&request)?.as_object().ok_or("not an object")? {
        keep_least(seconds, name, value.as_f64().unwrap_or(f64::INFINITY));
    }
    Ok(())
}

/// Seconds of the ways of the peers in Rust, and of building their indexes.
fn ask_rust(peer: &mut Peer, plan: &Plan, path: &Path, seconds: &mut Times) -> Outcome<()> {
    for way in plan.ways.iter().filter(|way| RUST.contains(&&way[..])) {
        let answer = peer.ask(&json!({"task": "knn", "path": path, "k": K, "way": way}))?;
        for (name, key) in [(way.clone(), "ms"), (format!("{way}_build"), "build_ms")] {
            keep_least(seconds, &name, 1e-3 * answer[key].as_f64().ok_or("no time")?);
        }
    }
    Ok(())
}

/// Runs the plan and prints one JSON line per set.
pub(crate) fn run(plan: &Plan) -> Outcome<()> {
    check_ways(plan)?;
    let mut python = plan.against.python.as_deref().map(Peer::start).transpose()?;
    let mut rust = peers::in_rust(&plan.ways, &plan.rust_peers)?;
    for name in &plan.sets {
        let (path, table) = file::set(&plan.against.data, name)?;
        let rows = table.rows();
        let (mut seconds, mut checks) = (Map::new(), Map::new());
        for round in 0..plan.against.rounds {
            for way in &plan.ways {
                let (took, found) = timed(|| run_way(way, rows, plan.queries));
                let Some(found) = found? else { continue };
                let name = format!("enfold_{way}");
                let scale = rows.len() as f64 / found.rows() as f64;
                keep_least(&mut seconds, &name, took * 1e-3 * scale);
                if round == 0 {
                    let (near, right) = check(rows, &found, plan.seed);
                    checks.insert(name, json!({"recall": near, "canonical": right}));
                }
            }
            if let Some(peer) = &mut python {
                ask_python(peer, plan, &path, &mut seconds)?;
            }
            if let Some(peer) = &mut rust {
                ask_rust(peer, plan, &path, &mut seconds)?;
            }
        }
        let isa = format!("{:?}", Cpu::<f32>::new().isa());
        let row = json!({"task": "knn", "set": name, "n": rows.len(), "d": rows.dim(), "k": K,
            "isa": isa, "threads": rayon::current_num_threads(), "seconds": seconds,
            "checks": checks, "checked_rows_by_seed": plan.seed, "queries": plan.queries});
        println!("{row}");
    }
    Ok(())
}
