//! Embeddings and clusterings of one set of rows, each run a trial; one search for neighbours
//! serves them all.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::Path;

use enfold::neighbors::{Lists, k_distances};
use enfold::scores::{Silhouette, trustworthiness};
use enfold::select::Reach;
use enfold::trials::{Fingerprint, Goal, Leaderboard, Outcome, Params, Trial, Trials};
use enfold::umap::Model;
use enfold::{Dbscan, Device, KMeans, Metric, NONE, Rows, Table, Umap};
use indicatif::{ProgressBar, ProgressStyle};

use crate::Fault;

/// Coordinates of an embedding.
pub(crate) const COMPONENTS: usize = 3;
/// Neighbours that trustworthiness looks at.
pub(crate) const TRUSTED: usize = 15;

/// What is tried.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) neighbors: Vec<usize>,
    pub(crate) min_dists: Vec<f64>,
    pub(crate) min_samples: Vec<usize>,
    /// DBSCAN's radius as multiples of the knee of the k-distance curve.
    pub(crate) reaches: Vec<f64>,
    pub(crate) clusters: Vec<usize>,
    /// The fewest segments that are of use.
    pub(crate) least: usize,
    pub(crate) seed: u64,
}

impl Settings {
    /// Every run: both algorithms on the rows themselves, then on every embedding.
    pub(crate) fn runs(&self) -> Vec<Params> {
        let mut spaces = vec![Params::new().with("space", "rows")];
        for &neighbors in &self.neighbors {
            for &min_dist in &self.min_dists {
                let umap = Params::new().with("space", "umap").with("min_dist", min_dist);
                spaces.push(umap.with("neighbors", neighbors as i64));
            }
        }
        spaces.iter().flat_map(|space| self.clusterings(space)).collect()
    }

    fn clusterings(&self, space: &Params) -> Vec<Params> {
        let space = space.clone().with("seed", self.seed as i64);
        let dbscan = |least: usize, reach: f64| {
            let run = space.clone().with("algorithm", "dbscan");
            run.with("min_samples", least as i64).with("reach", reach)
        };
        let kmeans = |k: usize| space.clone().with("algorithm", "kmeans").with("k", k as i64);
        let radii = |&least: &usize| self.reaches.iter().map(move |&reach| (least, reach));
        let dense =
            self.min_samples.iter().flat_map(radii).map(|(least, reach)| dbscan(least, reach));
        dense.chain(self.clusters.iter().map(|&k| kmeans(k))).collect()
    }
}

/// An embedding and how far its neighbours are true.
#[derive(Debug)]
pub(crate) struct Embedding {
    pub(crate) model: Model<f32>,
    pub(crate) trust: f64,
}

/// The rows, their neighbours, and the embeddings made so far.
pub(crate) struct Bench<'a> {
    device: Device,
    rows: Rows<'a, [f32]>,
    lists: Lists<f32>,
    seed: u64,
    embeddings: BTreeMap<(usize, u64), Embedding>,
}

impl<'a> Bench<'a> {
    /// Looks for as many neighbours as the largest setting needs, once.
    pub(crate) fn new(table: &'a Table, settings: &Settings) -> Result<Self, Fault> {
        let most = settings.neighbors.iter().copied().max().unwrap_or(2);
        let (device, rows) = (Device::cpu(), table.rows());
        let lists = Umap::new(COMPONENTS).neighbors(most).lists(&device, rows)?;
        Ok(Self { device, rows, lists, seed: settings.seed, embeddings: BTreeMap::new() })
    }

    /// The embedding of these options: made when first asked for.
    pub(crate) fn embedding(
        &mut self,
        neighbors: usize,
        min_dist: f64,
    ) -> Result<&Embedding, Fault> {
        let key = (neighbors, min_dist.to_bits());
        if !self.embeddings.contains_key(&key) {
            let embedding = self.embed(neighbors, min_dist, self.seed)?;
            self.embeddings.insert(key, embedding);
        }
        Ok(&self.embeddings[&key])
    }

    /// Graph, start and layout from the lists that are there.
    pub(crate) fn embed(
        &self,
        neighbors: usize,
        min_dist: f64,
        seed: u64,
    ) -> Result<Embedding, Fault> {
        let umap = Umap::new(COMPONENTS).neighbors(neighbors).min_dist(min_dist).seed(seed);
        let graph = umap.graph(&self.device, &self.lists.first(neighbors - 1))?;
        let start = umap.start(&self.device, &graph, Some(self.rows))?;
        let on = &mut |_| ControlFlow::Continue(());
        let model = umap.layout(&self.device, &graph, &start, on)?;
        let points = model.points();
        let trust = trustworthiness(&self.device, self.rows, Metric::Euclidean, points, TRUSTED)?;
        Ok(Embedding { model, trust })
    }

    /// One run: labels in the space that its parameters name, and what they are worth.
    pub(crate) fn run(&mut self, params: &Params) -> Result<Outcome, Fault> {
        let (device, rows) = (self.device, self.rows);
        if params.text("space")? == "rows" {
            return cluster(&device, rows, params);
        }
        let neighbors = params.int("neighbors")? as usize;
        let embedding = self.embedding(neighbors, params.float("min_dist")?)?;
        let outcome = cluster(&device, embedding.model.points(), params)?;
        Ok(outcome.metric("trustworthiness", embedding.trust))
    }
}

/// A radius and where it comes from.
#[derive(Debug)]
pub(crate) struct Density {
    /// The k-distance curve.
    pub(crate) reach: Reach,
    /// Where it turns upwards.
    pub(crate) knee: f64,
    pub(crate) eps: f64,
    pub(crate) min_samples: usize,
}

impl Density {
    /// That of a DBSCAN run on an embedding.
    pub(crate) fn of(embedding: &Embedding, trial: &Trial) -> Result<Self, Fault> {
        let min_samples = trial.params().int("min_samples")? as usize;
        let reach = reach(embedding.model.points(), min_samples)?;
        let knee = reach.knee().ok_or("the k-distance curve has no knee")?;
        Ok(Self { reach, knee, eps: knee * trial.params().float("reach")?, min_samples })
    }

    /// The radius as a multiple of the knee.
    pub(crate) fn factor(&self) -> f64 {
        self.eps / self.knee
    }
}

/// The k-distance curve that belongs to a least number of rows within the radius.
fn reach(rows: Rows<'_, [f32]>, min_samples: usize) -> Result<Reach, Fault> {
    let curve = k_distances(&Device::cpu(), rows, Metric::Euclidean, min_samples.max(2) - 1)?;
    Ok(Reach::new(curve.into_iter().map(f64::from)))
}

/// Labels and metrics of one clustering.
fn cluster(device: &Device, rows: Rows<'_, [f32]>, params: &Params) -> Result<Outcome, Fault> {
    let (labels, eps) = labels(device, rows, params)?;
    let outcome = eps.map_or(Outcome::new(), |eps| Outcome::new().metric("eps", eps));
    measured(device, rows, labels, outcome)
}

/// The clustering that the parameters name, and DBSCAN's radius.
pub(crate) fn labels(
    device: &Device,
    rows: Rows<'_, [f32]>,
    params: &Params,
) -> Result<(Vec<u32>, Option<f64>), Fault> {
    if params.text("algorithm")? == "dbscan" {
        let least = params.int("min_samples")? as usize;
        let knee = reach(rows, least)?.knee().ok_or("the k-distance curve has no knee")?;
        let eps = knee * params.float("reach")?;
        return Ok((Dbscan::new(eps, least).fit(device, rows)?.labels, Some(eps)));
    }
    let kmeans = KMeans::new(params.int("k")? as usize).restarts(5);
    Ok((kmeans.seed(params.int("seed")? as u64).fit(device, rows)?.labels, None))
}

/// Adds the number of clusters, the share without one, the smallest share, and the silhouette.
fn measured(
    device: &Device,
    rows: Rows<'_, [f32]>,
    labels: Vec<u32>,
    outcome: Outcome,
) -> Result<Outcome, Fault> {
    let sizes = sizes(&labels);
    let share = |count: usize| count as f64 / labels.len() as f64;
    let inside: usize = sizes.iter().sum();
    let mut outcome = outcome
        .metric("clusters", sizes.len() as f64)
        .metric("noise", share(labels.len() - inside))
        .metric("smallest", share(sizes.iter().copied().min().unwrap_or(0)));
    // One cluster, or none, has no silhouette.
    if sizes.len() > 1 {
        outcome = outcome.metric("silhouette", Silhouette::new().score(device, rows, &labels)?);
    }
    Ok(outcome.labels(labels))
}

/// Rows in each cluster.
pub(crate) fn sizes(labels: &[u32]) -> Vec<usize> {
    let clusters = labels.iter().filter(|&&label| label != NONE).max().map_or(0, |&most| most + 1);
    let mut sizes = vec![0; clusters as usize];
    labels.iter().filter(|&&label| label != NONE).for_each(|&label| sizes[label as usize] += 1);
    sizes
}

/// Runs everything that has no trial in the file yet.
pub(crate) fn run(bench: &mut Bench<'_>, runs: &[Params], journal: &Path) -> Result<Trials, Fault> {
    let (mut trials, _) = Trials::open(journal, Fingerprint::of(bench.rows))?;
    let bar = bar(runs.len() as u64)?;
    trials.run(
        runs.iter().cloned(),
        |params| bench.run(params),
        |progress| {
            bar.set_position(progress.done as u64);
            bar.set_message(progress.trial.params().to_string());
            ControlFlow::Continue(())
        },
    )?;
    bar.finish_and_clear();
    Ok(trials)
}

/// A bar on a terminal; nothing elsewhere.
fn bar(total: u64) -> Result<ProgressBar, Fault> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?;
    Ok(ProgressBar::new(total).with_style(style))
}

/// The smallest share of all customers that is a segment of use.
pub(crate) const SMALLEST: f64 = 0.02;
/// The largest share of them that may be in none.
pub(crate) const NOISE: f64 = 0.05;
/// More segments than that nobody treats differently.
const MOST: f64 = 12.0;

/// What a segmentation must be to be of use: some segments, none too small to act on, few
/// customers without one.
pub(crate) fn useful(trial: &Trial, settings: &Settings) -> bool {
    let within = |name, low, high| trial.metric(name).is_some_and(|v| (low..=high).contains(&v));
    within("clusters", settings.least as f64, MOST)
        && within("noise", 0.0, NOISE)
        && within("smallest", SMALLEST, 1.0)
}

/// All trials by silhouette, equal ones by trustworthiness, then by who is in no segment.
pub(crate) fn leaderboard(trials: &Trials) -> Leaderboard<'_> {
    let goals = [Goal::max("silhouette"), Goal::max("trustworthiness"), Goal::min("noise")];
    trials.leaderboard(&goals)
}
