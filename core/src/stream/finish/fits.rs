//! Fits on a core-set, cheap ones on its means first.
//!
//! Candidates: greedy weighted k-means++ and Lloyd on the core-set, several times; the best of many
//! cheap fits on the means, polished by Lloyd on the core-set; and the best of all these after
//! swaps on the means, polished again. What costs least on the core-set stays.

use core::borrow::Borrow;

use super::{Clusters, Coreset, nearest, upload};
use crate::backend::Alloc;
use crate::element::Element;
use crate::error::Error;
use crate::kmeans::{Init, KMeans, Model};
use crate::random::Draws;
use crate::rows::rows;

/// Draws for the seeds of fits.
const PURPOSE: u32 = 0x5354_4649;
/// Fits on the core-set: at least, at most, and how many products of rows·k·dim a step of them may
/// take between. Narrow data with many clusters (a lattice of 100 in the plane) have many poor
/// optima; there the best of 4 was 3 % dearer than the reference's best of 10.
pub(super) const FULL: (u64, u64) = (3, 20);
const FULL_WORK: u64 = 200_000_000;
/// Fits on the means: at least, at most, and how many products of K·k·dim they may take between.
/// Data with rare spikes (one-hot columns) have many poor optima; there the best of 10 was 8 %
/// dearer than the reference in one run of five, the best of 64 in none.
const CHEAP: (u64, u64) = (4, 64);
const CHEAP_WORK: u64 = 2_000_000_000;

/// Swaps tried on the means, per cluster.
const SWAPS: u32 = 4;

impl<B: Alloc> Coreset<B> {
    /// The cheapest of some fits of k clusters.
    pub(super) fn fit(
        &self,
        b: &B,
        k: usize,
        seed: u64,
        fits: (u64, u64),
    ) -> Result<Clusters<B::Elem>, Error<B::Error>> {
        let seeds = Draws::new(seed, PURPOSE);
        let seed = |fit: u64| seeds.bits(fit, k as u32);
        let work = |rows: usize| (rows * k * self.dim).max(1) as u64;
        let cheap = (CHEAP_WORK / work(self.mass.len())).clamp(CHEAP.0, CHEAP.1) as u32;
        let full = (FULL_WORK / work(rows::<B>(self.points.borrow(), self.dim)?.len()))
            .clamp(fits.0, fits.1);
        let mut best = self.polish(b, &KMeans::new(k).seed(seed(0)).restarts(cheap))?;
        for fit in 1..=full {
            best = cheaper(best, self.on_points(b, &KMeans::new(k).seed(seed(fit)))?);
        }
        let again = from(&best).seed(seed(u64::MAX)).swaps(SWAPS * best.k() as u32);
        best = cheaper(best, self.polish(b, &again)?);
        best.requested = k;
        self.judge(b, best)
    }

    fn on_points(&self, b: &B, fit: &KMeans) -> Result<Model<B::Elem>, Error<B::Error>> {
        let points = rows::<B>(self.points.borrow(), self.dim)?;
        Ok(fit.fit_weighted(b, points, Some(self.point_weights.borrow()))?.model)
    }

    /// A fit on the means, and Lloyd on the core-set from there.
    fn polish(&self, b: &B, rough: &KMeans) -> Result<Model<B::Elem>, Error<B::Error>> {
        let means = rows::<B>(self.means.borrow(), self.dim)?;
        let rough = rough.fit_weighted(b, means, Some(self.weights.borrow()))?.model;
        self.on_points(b, &from(&rough))
    }

    /// Bounds of the true cost.
    fn judge(
        &self,
        b: &B,
        mut model: Model<B::Elem>,
    ) -> Result<Clusters<B::Elem>, Error<B::Error>> {
        let centers = upload(b, &model.centers)?;
        let (x, y) = (self.means.borrow(), centers.borrow());
        let (dist, _) = nearest(b, rows::<B>(x, self.dim)?, rows::<B>(y, self.dim)?, 1)?;
        let outside: f64 = dist.iter().zip(&self.mass).map(|(d, w)| d.as_f64() * w).sum();
        let gap = (libm::sqrt(outside) - libm::sqrt(self.inside)).max(0.0);
        for cluster in &mut model.clusters {
            cluster.weight *= self.unit;
            cluster.cost *= self.unit;
        }
        model.cost = model.cost * self.unit + self.unseen;
        let most_cost = self.inside + outside;
        // The square of a root may be a last place above what it was the root of.
        Ok(Clusters { model, least_cost: (gap * gap).min(most_cost), most_cost })
    }
}

/// Starts from the centres of a model.
fn from<T: Element>(model: &Model<T>) -> KMeans {
    KMeans::new(model.k()).init(Init::given(&model.centers))
}

/// The cheaper of two models, the first of equals.
fn cheaper<T: Element>(a: Model<T>, b: Model<T>) -> Model<T> {
    if b.cost < a.cost { b } else { a }
}
