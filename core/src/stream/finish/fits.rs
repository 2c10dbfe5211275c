//! Fits on a core-set, cheap ones on its means first.
//!
//! Candidates: greedy weighted k-means++ and Lloyd on the core-set, several times; the best of many
//! cheap fits on the means, polished by Lloyd on the core-set; and the best of all these after
//! swaps on the means, polished again. What costs least on the core-set stays.

use alloc::vec::Vec;
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

/// Elements of a core-set that fits beside each other may have a copy of each: 32 MB in `f32`.
const BESIDE: usize = 1 << 23;

/// Swaps tried on the means, per cluster.
const SWAPS: u32 = 4;

impl<T: Element> Coreset<T> {
    /// The cheapest of some fits of k clusters.
    pub(super) fn fit<B: Alloc<Elem = T>>(
        &self,
        b: &B,
        k: usize,
        seed: u64,
        fits: (u64, u64),
    ) -> Result<Clusters<T>, Error<B::Error>> {
        let seeds = Draws::new(seed, PURPOSE);
        let seed = |fit: u64| seeds.bits(fit, k as u32);
        let work = |rows: &[T]| (rows.len() * k).max(1) as u64;
        let cheap = (CHEAP_WORK / work(&self.means)).clamp(CHEAP.0, CHEAP.1) as u32;
        let full = (FULL_WORK / work(&self.points)).clamp(fits.0, fits.1);
        let mut best = self.cheapest(b, full + 1, |b, fit| match fit {
            0 => self.polish(b, &KMeans::new(k).seed(seed(0)).restarts(cheap)),
            _ => self.on_points(b, &KMeans::new(k).seed(seed(fit))),
        })?;
        let again = from(&best).seed(seed(u64::MAX)).swaps(SWAPS * best.k() as u32);
        best = cheaper(best, self.polish(b, &again)?);
        best.requested = k;
        self.judge(b, best)
    }

    /// The cheapest of fits that know nothing of each other, the first of equals.
    fn cheapest<B: Alloc<Elem = T>>(
        &self,
        b: &B,
        fits: u64,
        fit: impl Fn(&B, u64) -> Result<Model<T>, Error<B::Error>> + Sync,
    ) -> Result<Model<T>, Error<B::Error>> {
        let mut found = Vec::new();
        found.resize_with(fits as usize, || None);
        let jobs = (0..fits).zip(&mut found);
        if self.points.len() <= BESIDE {
            b.each_with(jobs, |b, (number, found)| *found = Some(fit(b, number)));
        } else {
            jobs.for_each(|(number, found)| *found = Some(fit(b, number)));
        }
        let all: Result<Vec<_>, _> = found.into_iter().flatten().collect();
        let none = Error::Parameter { name: "fits", why: "must be at least 1" };
        all?.into_iter().reduce(cheaper).ok_or(none)
    }

    fn on_points<B: Alloc<Elem = T>>(
        &self,
        b: &B,
        fit: &KMeans,
    ) -> Result<Model<T>, Error<B::Error>> {
        self.on(b, (&self.points, &self.point_weights), fit)
    }

    /// A fit on the means, and Lloyd on the core-set from there.
    fn polish<B: Alloc<Elem = T>>(
        &self,
        b: &B,
        rough: &KMeans,
    ) -> Result<Model<T>, Error<B::Error>> {
        let rough = self.on(b, (&self.means, &self.weights), rough)?;
        self.on_points(b, &from(&rough))
    }

    fn on<B: Alloc<Elem = T>>(
        &self,
        b: &B,
        (data, weights): (&[T], &[T]),
        fit: &KMeans,
    ) -> Result<Model<T>, Error<B::Error>> {
        let (data, weights) = (upload(b, data)?, upload(b, weights)?);
        let rows = rows::<B>(data.borrow(), self.dim)?;
        Ok(fit.fit_weighted(b, rows, Some(weights.borrow()))?.model)
    }

    /// Bounds of the true cost.
    fn judge<B: Alloc<Elem = T>>(
        &self,
        b: &B,
        mut model: Model<T>,
    ) -> Result<Clusters<T>, Error<B::Error>> {
        let (means, centers) = (upload(b, &self.means)?, upload(b, &model.centers)?);
        let (x, y) = (means.borrow(), centers.borrow());
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
