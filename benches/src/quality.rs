//! What one pass costs on all rows, against the best of many multi-pass fits.

use std::path::Path;
use std::time::Instant;

use enfold_core::store::{Owned, Sizes};
use enfold_core::{KMeans, Rows, Stream, StreamOptions, StreamState};
use enfold_cpu::Cpu;
use serde_json::{Value, json};

use crate::failure::Outcome;
use crate::file;
use crate::order::Order;
use crate::sets::{self, Set};

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Made sets by name; `.npy` files with labels beside them (`x.lab.npy`); `.data` text files
    /// with `.labels0` beside them.
    pub(crate) sets: Vec<String>,
    /// Orders of arrival.
    pub(crate) orders: Vec<Order>,
    /// Seeds per order.
    pub(crate) seeds: u64,
    /// Micro-clusters per cluster.
    pub(crate) extra: usize,
    /// Rows sampled.
    pub(crate) sample: usize,
    /// Under `cost`, by name of the set: cost per row of the reference fits. Sets that are not there
    /// are fitted here.
    pub(crate) reference: Value,
    /// k for files whose name is not known.
    pub(crate) k: Option<usize>,
}

/// The file of reference costs.
pub(crate) fn reference(path: &str) -> Outcome<Value> {
    Ok(serde_json::from_str(&file::text(Path::new(path))?).map_err(|e| format!("{path}: {e}"))?)
}

/// Runs the plan; prints a line per set and order, and a summary over all runs.
pub(crate) fn run(plan: &Plan) -> Outcome<()> {
    let mut all = Vec::new();
    for name in &plan.sets {
        let set = open(name, plan.k)?;
        let reference = match plan.reference["cost"][&set.name].as_f64() {
            Some(cost) => cost,
            None => multi_pass(&set)?,
        };
        for &order in &plan.orders {
            all.extend(judge(plan, &set, order, reference)?);
        }
    }
    all.sort_by(f64::total_cmp);
    let middle = all.get(all.len() / 2).copied();
    let row = json!({"task": "quality summary", "runs": all.len(), "median": middle,
        "worst": all.last(), "extra": plan.extra, "sample": plan.sample});
    println!("{row}");
    Ok(())
}

/// The ratios of one set in one order over all seeds.
fn judge(plan: &Plan, set: &Set, order: Order, reference: f64) -> Outcome<Vec<f64>> {
    let (mut ratios, mut seconds) = (Vec::new(), [0.0; 2]);
    let mut rebuilds = 0;
    for seed in 1..=plan.seeds {
        let data = order.apply(set, seed);
        let (centers, spent, rebuilt) = one_pass(plan, set, &data, seed)?;
        ratios.push(cost_per_row(set, &centers)? / reference);
        seconds = [seconds[0] + spent[0], seconds[1] + spent[1]];
        rebuilds = rebuilt;
    }
    ratios.sort_by(f64::total_cmp);
    let n = ratios.len() as f64;
    let row = json!({"task": "quality", "set": set.name, "n": set.rows(), "d": set.dim,
        "k": set.k, "order": format!("{order:?}"), "seeds": plan.seeds,
        "median": ratios[ratios.len() / 2], "best": ratios[0], "worst": ratios[ratios.len() - 1],
        "push_s": seconds[0] / n, "finish_s": seconds[1] / n, "rebuilds": rebuilds});
    println!("{row}");
    Ok(ratios)
}

/// Centres of one pass, and the seconds of push and finish.
fn one_pass(plan: &Plan, set: &Set, data: &[f32], seed: u64) -> Outcome<(Vec<f32>, [f64; 2], u64)> {
    let cpu = Cpu::<f32>::new();
    let capacity = (plan.extra * set.k).max(32);
    let sizes = Sizes { capacity, sample: plan.sample, ..Sizes::for_clusters(set.k) };
    let store = Owned::<Cpu<f32>>::alloc(&cpu, set.dim, sizes)?;
    let mut stream = Stream::new(cpu, store, set.dim, StreamOptions::new().seed(seed))?;
    let start = Instant::now();
    for batch in data.chunks(4096 * set.dim) {
        stream.push(Rows::new(batch, set.dim)?, None)?;
    }
    let pushed = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let clusters = stream.finish(set.k)?;
    let spent = [pushed, start.elapsed().as_secs_f64()];
    Ok((clusters.model.centers, spent, stream.rebuilds()))
}

/// Mean squared distance of all rows to the nearest centre.
fn cost_per_row(set: &Set, centers: &[f32]) -> Outcome<f64> {
    let cpu = Cpu::<f32>::new();
    let k = centers.len() / set.dim;
    let model = KMeans::new(k).init(enfold_core::kmeans::Init::given(centers)).max_iter(0);
    let rows = Rows::new(&set.data[..], set.dim)?;
    Ok(model.fit(&cpu, rows)?.model.cost / set.rows() as f64)
}

/// Cost per row of the best of ten multi-pass fits.
fn multi_pass(set: &Set) -> Outcome<f64> {
    let rows = Rows::new(&set.data[..], set.dim)?;
    let fit = KMeans::new(set.k).seed(1).restarts(10).fit(&Cpu::<f32>::new(), rows)?;
    Ok(fit.model.cost / set.rows() as f64)
}

/// A set by name or from a file.
fn open(name: &str, k: Option<usize>) -> Outcome<Set> {
    if let Some(set) = sets::make(name) {
        return Ok(set);
    }
    let path = Path::new(name);
    let mut set = if name.ends_with(".npy") { from_npy(path)? } else { from_text(path)? };
    if let Some(k) = k {
        set.k = k;
    }
    Ok(set)
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned())
}

fn from_npy(path: &Path) -> Outcome<Set> {
    let table = file::table(path)?;
    let labels = file::table(&path.with_extension("lab.npy"));
    let labels: Vec<u32> = match labels {
        Ok(labels) => labels.values().iter().map(|&v| v.max(0.0) as u32).collect(),
        Err(_) => vec![0; table.rows().len()],
    };
    let name = stem(path);
    let k = match name.as_str() {
        "mnist60k" | "mnist_sorted" => 100,
        _ => distinct(&labels).max(2),
    };
    Ok(Set { name, data: table.values().to_vec(), dim: table.dim(), k, labels })
}

/// Whitespace-separated rows, and integers from 1 (0 is noise) in the labels beside them.
fn from_text(path: &Path) -> Outcome<Set> {
    let text = file::text(path)?;
    let dim = text.lines().next().map_or(0, |line| line.split_whitespace().count());
    let data: Result<Vec<f32>, _> = text.split_whitespace().map(str::parse).collect();
    let labels = file::text(&path.with_extension("labels0"))?;
    let labels: Result<Vec<u32>, _> = labels.split_whitespace().map(str::parse).collect();
    let labels = labels?;
    let folder = path.parent().map(stem).unwrap_or_default();
    let k = distinct(&labels) - usize::from(labels.contains(&0));
    Ok(Set { name: format!("{folder}/{}", stem(path)), data: data?, dim, k, labels })
}

fn distinct(labels: &[u32]) -> usize {
    let mut seen = labels.to_vec();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}
