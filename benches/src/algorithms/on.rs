//! The algorithms of one backend, timed one at a time on rows that lie on its machine.

use std::borrow::{Borrow, BorrowMut};

use enfold::pca::Pca;
use enfold_core::kmeans::{Init, init};
use enfold_core::neighbors::Neighbors;
use enfold_core::scores::Silhouette;
use enfold_core::store::{Owned, Sizes};
use enfold_core::{
    Alloc, Dbscan, KMeans, NONE, Rows, Stream, StreamOptions, StreamState, Umap, rows,
};
use serde_json::{Value, json};

use super::data::{Data, NEED};
use crate::backends::Work;
use crate::clock::timed_on;
use crate::failure::Outcome;
use crate::memory;

/// Lloyd steps of `kmeans`.
pub(crate) const STEPS: u32 = 10;
/// Neighbours of `knn`.
pub(crate) const NEIGHBORS: usize = 15;
/// Rows of a batch of `stream`.
pub(crate) const BATCH: usize = 4096;
pub(crate) const SEED: u64 = 1;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// Lloyd steps from given centres.
    KMeans,
    /// Greedy k-means++.
    Seeding,
    /// One pass, and k clusters.
    Stream,
    /// Nearest rows of every row.
    Knn,
    Dbscan,
    Silhouette,
    Umap,
    Pca,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 8] = [
        Self::KMeans,
        Self::Seeding,
        Self::Stream,
        Self::Knn,
        Self::Dbscan,
        Self::Silhouette,
        Self::Umap,
        Self::Pca,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KMeans => "kmeans",
            Self::Seeding => "seeding",
            Self::Stream => "stream",
            Self::Knn => "knn",
            Self::Dbscan => "dbscan",
            Self::Silhouette => "silhouette",
            Self::Umap => "umap",
            Self::Pca => "pca",
        }
    }

    /// Whether all pairs of rows are visited, or may be.
    pub(crate) fn all_pairs(self) -> bool {
        matches!(self, Self::Knn | Self::Dbscan | Self::Silhouette | Self::Umap)
    }

    /// The k that it is told: clusters, neighbours, components.
    pub(crate) fn k(self, data: &Data<'_>) -> usize {
        match self {
            Self::KMeans | Self::Seeding | Self::Stream | Self::Silhouette => data.k,
            Self::Knn => NEIGHBORS,
            Self::Dbscan => NEED,
            Self::Umap => 2,
            Self::Pca => (data.dim / 2).clamp(1, 50),
        }
    }

    /// Whether it can be asked of so few rows or clusters.
    pub(crate) fn fits(self, data: &Data<'_>) -> bool {
        let n = data.rows();
        match self {
            Self::Knn | Self::Umap => n > 2 * NEIGHBORS,
            Self::Silhouette => data.k > 1 && data.k < n,
            Self::Pca => n > 1,
            _ => true,
        }
    }

    /// Whether its words are labels, which may be compared up to their names.
    pub(crate) fn labels(self) -> bool {
        matches!(self, Self::KMeans | Self::Dbscan)
    }
}

/// What a call took.
#[derive(Debug, Clone, Copy)]
struct Took {
    ms: f64,
    mib: f64,
}

impl Took {
    fn found(self, words: Vec<u32>, result: Value) -> Found {
        Found { ms: self.ms, mib: self.mib, words, result }
    }
}

/// What one call took and gave.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) ms: f64,
    /// Memory above what was held before.
    pub(crate) mib: f64,
    /// Labels, row numbers, or numbers to the bit.
    pub(crate) words: Vec<u32>,
    /// What says how good it is.
    pub(crate) result: Value,
}

/// One pass over a stream.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) push_ms: f64,
    pub(crate) finish_ms: f64,
    pub(crate) mib: f64,
    pub(crate) snapshot: Vec<u8>,
    pub(crate) centers: Vec<f32>,
}

/// A backend, whichever it is.
pub(crate) trait Machine {
    fn run(&self, algorithm: Algorithm, data: &Data<'_>) -> Outcome<Found>;
    fn pass(&self, data: &Data<'_>, batch: usize) -> Outcome<Pass>;
    /// Mean squared distance of the rows to the nearest of some centres.
    fn cost(&self, data: &Data<'_>, centers: &[f32]) -> Outcome<f64>;
}

/// Makes machines by name.
pub(crate) struct Open;

impl Work for Open {
    type Out = Box<dyn Machine>;

    fn on<B>(self, backend: B, afar: bool) -> Outcome<Self::Out>
    where
        B: Alloc<Elem = f32> + Clone + 'static,
        B::Error: 'static,
    {
        Ok(Box::new(On { backend, afar }))
    }
}

struct On<B> {
    backend: B,
    afar: bool,
}

impl<B> On<B>
where
    B: Alloc<Elem = f32> + Clone + 'static,
    B::Error: 'static,
{
    fn upload(&self, values: &[f32]) -> Outcome<B::Owned<f32>> {
        let mut own = self.backend.alloc(values.len())?;
        self.backend.write(own.borrow_mut(), 0, values)?;
        self.backend.sync()?;
        Ok(own)
    }

    /// What it took, and what came of it.
    fn take<R, E>(&self, work: impl FnOnce() -> Result<R, E>) -> Outcome<(Took, R)>
    where
        E: std::error::Error + 'static,
    {
        let (mib, (ms, done)) = memory::above(|| timed_on(self.afar, work));
        Ok((Took { ms, mib }, done?))
    }

    /// The rows at these numbers.
    fn pick(data: &Data<'_>, numbers: &[u32]) -> Vec<f32> {
        let row = |i: &u32| &data.x[*i as usize * data.dim..][..data.dim];
        numbers.iter().flat_map(row).copied().collect()
    }

    fn kmeans(&self, data: &Data<'_>, x: Rows<'_, B::Buf<f32>>) -> Outcome<Found> {
        let model = KMeans::new(data.k).init(Init::given(&data.centers)).tolerance(0.0);
        let model = model.max_iter(STEPS);
        let (took, fit) = self.take(|| model.fit(&self.backend, x))?;
        let cost = fit.model.cost / data.rows() as f64;
        Ok(took.found(fit.labels, json!({"cost_per_row": cost})))
    }

    fn seeding(&self, data: &Data<'_>, x: Rows<'_, B::Buf<f32>>) -> Outcome<Found> {
        let draw = || init::plus_plus(&self.backend, x, None, data.k, None, SEED);
        let (took, drawn) = self.take(draw)?;
        let cost = self.cost(data, &Self::pick(data, &drawn))?;
        Ok(took.found(drawn, json!({"cost_per_row": cost})))
    }

    fn stream(&self, data: &Data<'_>) -> Outcome<Found> {
        let pass = self.pass(data, BATCH)?;
        let took = Took { ms: pass.push_ms + pass.finish_ms, mib: pass.mib };
        let cost = self.cost(data, &pass.centers)?;
        Ok(took.found(bits(&pass.centers), json!({"cost_per_row": cost})))
    }

    fn knn(&self, x: Rows<'_, B::Buf<f32>>) -> Outcome<Found> {
        let (took, lists) = self.take(|| Neighbors::new(NEIGHBORS).within(&self.backend, x))?;
        let last =
            lists.distances().chunks_exact(NEIGHBORS).map(|row| f64::from(row[NEIGHBORS - 1]));
        let kth = last.map(f64::sqrt).sum::<f64>() / x.len() as f64;
        Ok(took.found(lists.indices().to_vec(), json!({"kth": kth})))
    }

    fn dbscan(&self, data: &Data<'_>, x: Rows<'_, B::Buf<f32>>) -> Outcome<Found> {
        let (took, fit) = self.take(|| Dbscan::new(data.eps, NEED).fit(&self.backend, x))?;
        let noise = fit.labels.iter().filter(|label| **label == NONE).count();
        let result =
            json!({"clusters": fit.model.clusters(), "cores": fit.cores.len(), "noise": noise});
        Ok(took.found(fit.labels, result))
    }

    fn silhouette(&self, data: &Data<'_>, x: Rows<'_, B::Buf<f32>>) -> Outcome<Found> {
        let score = || Silhouette::new().score(&self.backend, x, &data.labels);
        let (took, score) = self.take(score)?;
        Ok(took.found(Vec::new(), json!({"score": score})))
    }

    fn umap(&self, x: Rows<'_, B::Buf<f32>>) -> Outcome<Found> {
        let (took, model) = self.take(|| Umap::new(2).seed(SEED).fit(&self.backend, x))?;
        Ok(took.found(bits(model.embedding()), json!({})))
    }

    fn pca(&self, data: &Data<'_>) -> Outcome<Found> {
        let components = Algorithm::Pca.k(data);
        let rows = Rows::new(data.x, data.dim)?;
        let (took, model) = self.take(|| Pca::new(components).fit(rows))?;
        let share: f64 = model.ratios().iter().sum();
        Ok(took.found(Vec::new(), json!({"variance": share})))
    }
}

/// Numbers to the bit.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

impl<B> Machine for On<B>
where
    B: Alloc<Elem = f32> + Clone + 'static,
    B::Error: 'static,
{
    fn run(&self, algorithm: Algorithm, data: &Data<'_>) -> Outcome<Found> {
        let own = self.upload(data.x)?;
        let x = rows::<B>(own.borrow(), data.dim)?;
        match algorithm {
            Algorithm::KMeans => self.kmeans(data, x),
            Algorithm::Seeding => self.seeding(data, x),
            Algorithm::Stream => self.stream(data),
            Algorithm::Knn => self.knn(x),
            Algorithm::Dbscan => self.dbscan(data, x),
            Algorithm::Silhouette => self.silhouette(data, x),
            Algorithm::Umap => self.umap(x),
            Algorithm::Pca => self.pca(data),
        }
    }

    fn pass(&self, data: &Data<'_>, batch: usize) -> Outcome<Pass> {
        let own = self.upload(data.x)?;
        let x = rows::<B>(own.borrow(), data.dim)?;
        let sizes = Sizes::for_clusters(data.k);
        let push = || {
            let store = Owned::<B>::alloc(&self.backend, data.dim, sizes)
                .map_err(enfold_core::Error::Backend)?;
            let options = StreamOptions::new().seed(SEED);
            let mut stream = Stream::new(self.backend.clone(), store, data.dim, options)?;
            for first in (0..x.len()).step_by(batch) {
                stream.push(x.range(first, (first + batch).min(x.len()))?, None)?;
            }
            Ok::<_, enfold_core::Error<B::Error>>(stream)
        };
        let (pushed, stream) = self.take(push)?;
        let (finished, clusters) = self.take(|| stream.finish(data.k))?;
        let (snapshot, centers) = (stream.to_bytes()?, clusters.model.centers);
        let mib = pushed.mib.max(finished.mib);
        Ok(Pass { push_ms: pushed.ms, finish_ms: finished.ms, mib, snapshot, centers })
    }

    fn cost(&self, data: &Data<'_>, centers: &[f32]) -> Outcome<f64> {
        let own = self.upload(data.x)?;
        let model = KMeans::new(centers.len() / data.dim).init(Init::given(centers)).max_iter(0);
        let fit = model.fit(&self.backend, rows::<B>(own.borrow(), data.dim)?)?;
        Ok(fit.model.cost / data.rows() as f64)
    }
}
