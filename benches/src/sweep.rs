//! DBSCAN over a grid of radii and least numbers on labelled sets: the best agreement with the
//! labels, beside scikit-learn's on the same grid.

use std::path::{Path, PathBuf};

use enfold::select::{self, Density};
use enfold_core::neighbors::k_distances;
use enfold_core::scores::Agreement;
use enfold_core::{Dbscan, Metric, Rows};
use enfold_cpu::Cpu;
use serde_json::{Value, json};

use crate::failure::Outcome;
use crate::file;
use crate::peer::Peer;

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// `.data` text files with labels beside them (`.labels0`, `.labels1`, …).
    pub(crate) files: Vec<String>,
    /// Python with scikit-learn, if it is to run.
    pub(crate) python: Option<String>,
}

/// Radii of a grid.
const RADII: usize = 12;
/// Least numbers of a grid.
const LEAST: [usize; 4] = [3, 5, 10, 20];
/// Radii lie between the 1 % and the 99 % quantile of the distance to this neighbour.
const NEIGHBOR: usize = 5;

/// Runs the plan; prints one JSON line per set and a summary.
pub(crate) fn run(plan: &Plan) -> Outcome<()> {
    let mut peer = plan.python.as_deref().map(Peer::start).transpose()?;
    let mut lower = Vec::new();
    for file in &plan.files {
        let row = one(&Labelled::read(Path::new(file))?, peer.as_mut())?;
        println!("{row}");
        let ahead = |theirs: f64| row["best"].as_f64() < Some(theirs - ROUNDING);
        if row["sklearn_best"].as_f64().is_some_and(ahead) {
            lower.push(row["set"].clone());
        }
    }
    println!("{}", json!({"task": "sweep summary", "sets": plan.files.len(), "lower": lower}));
    Ok(())
}

fn one(set: &Labelled, peer: Option<&mut Peer>) -> Outcome<Value> {
    let (cpu, rows) = (Cpu::<f64>::new(), Rows::new(&set.data[..], set.dim)?);
    let eps = radii(&k_distances(&cpu, rows, Metric::Euclidean, NEIGHBOR)?);
    let score = |found: &[u32]| set.agreement(found);
    let table = select::densities(&cpu, rows, &eps, &LEAST, Dbscan::new, score)?;
    let best = table.iter().reduce(|a, b| if b.score > a.score { b } else { a });
    let best = best.ok_or("an empty grid")?;
    let mut row = json!({"task": "sweep", "set": set.name, "n": rows.len(), "d": set.dim,
        "labellings": set.labels.len(), "best": best.score, "eps": best.eps,
        "min_samples": best.min_samples, "clusters": best.clusters, "noise": best.noise});
    if let Some(peer) = peer {
        let fits = peer.ask(&json!({"task": "sweep", "path": set.path, "labels": set.beside,
            "eps": eps, "min_samples": LEAST}))?;
        compare(&table, &fits, &mut row)?;
    }
    Ok(row)
}

/// Adds scikit-learn's best, and how many points of the grid differ in what.
fn compare(table: &[Density], fits: &Value, row: &mut Value) -> Outcome<()> {
    let numbers = |name: &str| -> Option<Vec<f64>> {
        fits[name].as_array()?.iter().map(Value::as_f64).collect()
    };
    let [ari, clusters, noise] =
        ["ari", "clusters", "noise"].map(|name| numbers(name).ok_or("no answer of the peer"));
    let (ari, clusters, noise) = (ari?, clusters?, noise?);
    let count = |differs: &dyn Fn(usize, &Density) -> bool| {
        table.iter().enumerate().filter(|(i, fit)| differs(*i, fit)).count()
    };
    row["fits"] = json!(table.len());
    row["sklearn_best"] = json!(ari.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    row["clusters_differ"] = json!(count(&|i, fit| f64::from(fit.clusters) != clusters[i]));
    row["noise_differs"] = json!(count(&|i, fit| fit.noise as f64 != noise[i]));
    row["ari_higher"] = json!(count(&|i, fit| fit.score > ari[i] + ROUNDING));
    row["ari_lower"] = json!(count(&|i, fit| fit.score < ari[i] - ROUNDING));
    Ok(())
}

/// Two programs compute an adjusted Rand index this near to each other.
const ROUNDING: f64 = 1e-12;

/// A geometric grid from a curve of distances, largest first.
fn radii(curve: &[f64]) -> Vec<f64> {
    let apart = curve.partition_point(|&d| d > 0.0);
    let at = |share: f64| (apart.saturating_sub(1) as f64 * (1.0 - share)).round() as usize;
    let (low, high) = (curve[at(0.01)], curve[at(0.99)]);
    let step = |i: usize| (high / low).powf(i as f64 / (RADII - 1) as f64);
    (0..RADII).map(|i| low * step(i)).collect()
}

/// Rows with one or more labellings.
struct Labelled {
    name: String,
    path: PathBuf,
    /// Files of labels.
    beside: Vec<PathBuf>,
    data: Vec<f64>,
    dim: usize,
    /// From 1; 0 is a row that belongs nowhere and is not judged.
    labels: Vec<Vec<u32>>,
}

impl Labelled {
    fn read(path: &Path) -> Outcome<Self> {
        let text = file::text(path)?;
        let dim = text.lines().next().map_or(0, |line| line.split_whitespace().count());
        let data: Result<_, _> = text.split_whitespace().map(str::parse).collect();
        let beside: Vec<PathBuf> = (0..)
            .map(|i| path.with_extension(format!("labels{i}")))
            .take_while(|file| file.exists())
            .collect();
        let labels = beside.iter().map(|file| {
            let text = file::text(file)?;
            Ok(text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
        });
        let labels: Outcome<_> = labels.collect();
        let stem = |path: &Path| path.file_stem().map(|s| s.to_string_lossy().into_owned());
        let folder = path.parent().and_then(stem).unwrap_or_default();
        let name = format!("{folder}/{}", stem(path).unwrap_or_default());
        Ok(Self { name, path: path.into(), beside, data: data?, dim, labels: labels? })
    }

    /// The adjusted Rand index with the labelling that fits best.
    fn agreement(&self, found: &[u32]) -> f64 {
        let with = |truth: &Vec<u32>| {
            let judged = truth.iter().zip(found).filter(|(label, _)| **label > 0);
            let (a, b): (Vec<u32>, Vec<u32>) = judged.unzip();
            Agreement::of(&a, &b).map_or(f64::NAN, |both| both.adjusted_rand())
        };
        self.labels.iter().map(with).fold(f64::NEG_INFINITY, f64::max)
    }
}
