//! Embeddings and clusterings of one set of rows, each run a trial; one search for neighbours
//! serves them all.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::ops::ControlFlow;

use enfold::neighbors::{Lists, k_distances};
use enfold::scores::{Silhouette, trustworthiness};
use enfold::select::Reach;
use enfold::trials::{Fingerprint, Outcome, Params, Trial, Trials};
use enfold::umap::Model;
use enfold::{Dbscan, Device, KMeans, Metric, NONE, Rows, Table, Umap};
use indicatif::{ProgressBar, ProgressStyle};

use crate::Fault;

/// Coordinates of an embedding.
pub(crate) const COMPONENTS: usize = 3;
/// Neighbours that trustworthiness looks at.
pub(crate) const TRUSTED: usize = 15;
/// The smallest share of all customers that is a segment: nobody acts on less.
pub(crate) const SMALLEST: f64 = 0.02;

/// What is tried.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) neighbors: Vec<usize>,
    pub(crate) min_dists: Vec<f64>,
    pub(crate) min_samples: Vec<usize>,
    /// How many customers lie beyond DBSCAN's radius, as multiples of those beyond the knee of the
    /// k-distance curve.
    pub(crate) tails: Vec<f64>,
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
        let dbscan = |least: usize, tail: f64| {
            let run = space.clone().with("algorithm", "dbscan");
            run.with("min_samples", least as i64).with("tail", tail)
        };
        let kmeans = |k: usize| space.clone().with("algorithm", "kmeans").with("k", k as i64);
        let radii = |&least: &usize| self.tails.iter().map(move |&tail| (least, tail));
        let dense =
            self.min_samples.iter().flat_map(radii).map(|(least, tail)| dbscan(least, tail));
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
    /// What tells trials of these rows from those of others.
    pub(crate) fn data(&self) -> Fingerprint {
        Fingerprint::of(self.rows)
    }

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

/// DBSCAN's radius and where it comes from.
#[derive(Debug)]
pub(crate) struct Density {
    /// The k-distance curve.
    pub(crate) reach: Reach,
    /// Where it turns upwards, if it does.
    pub(crate) knee: Option<f64>,
    pub(crate) eps: f64,
    pub(crate) min_samples: usize,
}

impl Density {
    /// That of a run of DBSCAN on these rows.
    pub(crate) fn of(
        device: &Device,
        rows: Rows<'_, [f32]>,
        params: &Params,
    ) -> Result<Self, Fault> {
        let min_samples = params.int("min_samples")? as usize;
        let curve = k_distances(device, rows, Metric::Euclidean, min_samples.max(2) - 1)?;
        let reach = Reach::new(curve.into_iter().map(f64::from));
        let knee = reach.knee();
        let eps = radius(reach.distances(), knee, params.float("tail")?);
        Ok(Self { eps: eps.ok_or("too few customers for DBSCAN")?, reach, knee, min_samples })
    }

    /// The share of customers who have fewer than `min_samples` within the radius.
    pub(crate) fn beyond(&self) -> f64 {
        let curve = self.reach.distances();
        beyond(curve, self.eps) as f64 / curve.len() as f64
    }
}

/// The radius beyond which `tail` times as many rows have their k-th neighbour as beyond the knee:
/// it follows the curve of each embedding, whatever its scale. Where nothing stands out, a tenth
/// takes the place of the knee's share (Ester et al. 1996, §4.2, have it estimated by the user).
pub(crate) fn radius(curve: &[f64], knee: Option<f64>, tail: f64) -> Option<f64> {
    let rows = curve.len();
    let many = knee.map_or(rows / 10, |knee| beyond(curve, knee)) as f64;
    let within = rows.saturating_sub((tail * many).round() as usize);
    // Rows that are all the same are no distance apart, and a radius is positive.
    curve.get(within.saturating_sub(1)).map(|&d| d.max(f64::MIN_POSITIVE))
}

/// How many distances of an ascending curve are larger.
fn beyond(curve: &[f64], distance: f64) -> usize {
    curve.len() - curve.partition_point(|&d| d <= distance)
}

/// Labels and metrics of one clustering.
fn cluster(device: &Device, rows: Rows<'_, [f32]>, params: &Params) -> Result<Outcome, Fault> {
    let (labels, density) = labels(device, rows, params)?;
    let outcome = density.map_or(Outcome::new(), |density| {
        Outcome::new().metric("eps", density.eps).metric("beyond", density.beyond())
    });
    measured(device, rows, labels, outcome)
}

/// The clustering that the parameters name, and where DBSCAN's radius came from.
pub(crate) fn labels(
    device: &Device,
    rows: Rows<'_, [f32]>,
    params: &Params,
) -> Result<(Vec<u32>, Option<Density>), Fault> {
    if params.text("algorithm")? == "dbscan" {
        let density = Density::of(device, rows, params)?;
        let fit = Dbscan::new(density.eps, density.min_samples).fit(device, rows)?;
        return Ok((without_splinters(&fit.labels), Some(density)));
    }
    let kmeans = KMeans::new(params.int("k")? as usize).restarts(5);
    let fit = kmeans.seed(params.int("seed")? as u64).fit(device, rows)?;
    Ok((without_splinters(&fit.labels), None))
}

/// Clusters too small to act on are no segments: their customers are in none.
pub(crate) fn without_splinters(labels: &[u32]) -> Vec<u32> {
    let least = SMALLEST * labels.len() as f64;
    let mut next = 0..;
    let place = sizes(labels).into_iter().map(|size| match size as f64 >= least {
        true => next.next().unwrap_or(NONE),
        false => NONE,
    });
    let place: Vec<u32> = place.collect();
    labels.iter().map(|&label| place.get(label as usize).copied().unwrap_or(NONE)).collect()
}

/// Adds the number of clusters, the share without one, the smallest share, the silhouette of those
/// in a cluster, and the score: the mean silhouette of all, where those in none count 0.
fn measured(
    device: &Device,
    rows: Rows<'_, [f32]>,
    labels: Vec<u32>,
    outcome: Outcome,
) -> Result<Outcome, Fault> {
    let sizes = sizes(&labels);
    let share = |count: usize| count as f64 / labels.len() as f64;
    let inside = share(sizes.iter().sum());
    let mut outcome = outcome
        .metric("clusters", sizes.len() as f64)
        .metric("noise", 1.0 - inside)
        .metric("smallest", share(sizes.iter().copied().min().unwrap_or(0)));
    // One cluster, or none, has no silhouette.
    if sizes.len() > 1 {
        let silhouette = Silhouette::new().score(device, rows, &labels)?;
        outcome = outcome.metric("silhouette", silhouette).metric("score", inside * silhouette);
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

/// Runs everything that is not among the trials yet, and returns the trials of these runs only:
/// a file may hold others, of other seeds or rows.
pub(crate) fn run(
    bench: &mut Bench<'_>,
    runs: &[Params],
    mut known: Trials,
) -> Result<Trials, Fault> {
    let (bar, data) = (bar(runs.len() as u64)?, bench.data());
    known.run(
        runs.iter().cloned(),
        |params| bench.run(params),
        |progress| {
            bar.set_position(progress.done as u64);
            bar.set_message(progress.trial.params().to_string());
            ControlFlow::Continue(())
        },
    )?;
    bar.finish_and_clear();
    let asked = |trial: &&Trial| trial.data() == data && runs.contains(trial.params());
    let mut trials = Trials::new(data);
    for trial in known.all().iter().filter(asked) {
        trials.add(trial.clone())?;
    }
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
