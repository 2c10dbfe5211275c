//! k clusters out of a state: the calibrated core-set.
//!
//! 1. The sampled rows of each micro-cluster are weighted, shifted and stretched so that they have
//!    its weight, mean and variance; a micro-cluster without a sampled row enters as its mean.
//!    (That removes the variance of plain importance sampling, Feldman and Langberg 2011, and the
//!    bias of bare micro-clusters.)
//! 2. Some fits on it, of which the cheapest stays: `fits`.
//!
//! Without samples the means are the core-set.

mod fits;

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::Borrow;

use super::{Head, Stream, elem, sample, sums};
use crate::backend::{Alloc, upload};
use crate::element::Element;
use crate::error::{Error, SnapshotError};
use crate::kmeans::Model;
use crate::kmeans::lloyd::nearest;
use crate::rows::rows;
use crate::store::{Sizes, Slots, Store};

/// Standard errors within which sampled rows are made to agree with their micro-cluster.
const DOUBT: f64 = 3.0;
/// The most that they are stretched about their mean, to have its variance.
const MOST_STRETCH: f64 = 2.0;

/// k clusters read out of a stream.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Clusters<T> {
    /// The centres, heaviest first. `model.cost` and the clusters' weights, radii and costs are
    /// those of the core-set, which stands for every row: estimates of the true ones.
    pub model: Model<T>,
    /// The true cost – the sum over all rows of weight × squared distance – is at least this …
    pub least_cost: f64,
    /// … and at most this. Neither is a matter of chance: with Q the variance inside the
    /// micro-clusters and cf the cost of their means, they are `max(0, √cf − √Q)²` and `Q + cf`.
    pub most_cost: f64,
}

impl<T: Element> Clusters<T> {
    /// How many clusters there are: fewer than asked for where fewer rows differ.
    #[must_use]
    pub fn len(&self) -> usize {
        self.model.k()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The micro-clusters and the core-set, on the host: fits beside each other have copies of their own
/// on the machine.
struct Coreset<T> {
    dim: usize,
    means: Vec<T>,
    weights: Vec<T>,
    /// What weights are divided by for the fits.
    unit: f64,
    /// Weights on the host, unrounded.
    mass: Vec<f64>,
    /// Σ variance within micro-clusters.
    inside: f64,
    points: Vec<T>,
    point_weights: Vec<T>,
    /// Variance of the micro-clusters that enter as their means.
    unseen: f64,
}

/// A micro-cluster in floating point.
struct Mean<T> {
    key: (u32, u64),
    weight: f64,
    variance: f64,
    mean: Vec<T>,
}

/// A sampled row and the number of rows it stands for.
struct Point<T> {
    weight: f64,
    row: Vec<T>,
}

impl<B: Alloc, S: Store<B>> Stream<B, S> {
    /// The best k clusters of everything taken in. Does not change the state; any k, any time.
    ///
    /// Where fewer than k rows differ there are as many clusters as rows that do. Cost, whatever the
    /// number of rows taken in: 5 to 22 fits on up to K + sample rows and 5 to 65 on K rows, more of
    /// them the less one takes. A CPU's threads take one each, with a copy of the core-set (where that
    /// is 2²³ elements at most), and find the same clusters as one thread.
    ///
    /// # Errors
    /// k is 0, nothing has been taken in; the machine's.
    pub fn finish(&self, k: usize) -> Result<Clusters<B::Elem>, Error<B::Error>> {
        if k == 0 {
            return Err(Error::Parameter { name: "k", why: "must be at least 1" });
        }
        self.coreset()?.fit(&self.backend, k, self.options.seed, fits::FULL)
    }

    /// [`finish`](Self::finish) for k = 2 … `k_max`, from the one state: `k_max − 1` entries
    /// (those beyond the number of distinct rows repeat it). For an elbow or its knee.
    ///
    /// Cheaper per k than `finish`: three fits on the core-set instead of five or more.
    ///
    /// ```
    /// use enfold_core::store::{Sizes, Slots};
    /// use enfold_core::{Rows, Stream, StreamOptions, StreamState};
    /// use enfold_cpu::Cpu;
    ///
    /// let cpu = Cpu::<f32>::new();
    /// let store = Slots::alloc(&cpu, 1, Sizes { capacity: 32, batch: 16, sample: 64, lists: 4 })?;
    /// let mut stream = Stream::new(cpu, store, 1, StreamOptions::new())?;
    /// for i in 0..300u32 {
    ///     stream.push(Rows::new(&[(i % 3) as f32 * 10.0], 1)?, None)?;
    /// }
    /// let costs: Vec<f64> = stream.elbow(4)?.iter().map(|found| found.model.cost).collect();
    /// assert!(costs[0] > 1000.0 && costs[1..] == [0.0, 0.0], "two clusters do not do, three do");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn elbow(&self, k_max: usize) -> Result<Vec<Clusters<B::Elem>>, Error<B::Error>> {
        let coreset = self.coreset()?;
        (2..=k_max).map(|k| coreset.fit(&self.backend, k, self.options.seed, (1, 1))).collect()
    }

    /// Unites the parts of a deferred merge into one state, in order of their stream numbers.
    fn united(&self) -> Result<Stream<B, impl Store<B> + use<B, S>>, Error<B::Error>> {
        let sizes = Sizes { batch: 1, ..self.sizes() };
        let empty = || -> Result<_, Error<B::Error>> {
            let store = Slots::alloc(&self.backend, self.dim, sizes).map_err(Error::Backend)?;
            Stream::new(self.backend.clone(), store, self.dim, self.options)
        };
        let (mut all, mut one) = (empty()?, empty()?);
        let own = self.own_part()?;
        let mut parts = self.others.clone();
        parts.extend(own.map(|part| (self.options.stream, part)));
        for part in parts.values() {
            one.load(Some(part))?;
            all.work().take_over(&one.store.view(), &one.head)?;
        }
        Ok(all)
    }

    fn coreset(&self) -> Result<Coreset<B::Elem>, Error<B::Error>> {
        self.check_whole()?;
        if self.others.is_empty() { self.build() } else { self.united()?.build() }
    }

    fn build(&self) -> Result<Coreset<B::Elem>, Error<B::Error>> {
        let means = self.means()?;
        if means.is_empty() {
            return Err(Error::Parameter { name: "stream", why: "must have taken in a row" });
        }
        let (b, dim) = (&self.backend, self.dim);
        let flat: Vec<B::Elem> = means.iter().flat_map(|m| m.mean.iter().copied()).collect();
        let mass: Vec<f64> = means.iter().map(|m| m.weight).collect();
        let mut points = self.sampled()?;
        // Where nothing was let go the sample is all there is, and needs no calibration.
        let whole =
            !points.is_empty() && self.head.threshold[0] == f64::INFINITY && self.head.expired == 0;
        let unseen =
            if whole { 0.0 } else { calibrate(b, dim, &means, &upload(b, &flat)?, &mut points)? };
        let rows: Vec<B::Elem> = points.iter().flat_map(|p| p.row.iter().copied()).collect();
        // A power of two: fits are as they would be, and weights of any size are admitted.
        let heaviest = mass.iter().fold(f64::MIN_POSITIVE, |most, &w| most.max(w));
        let unit = sums::power(sums::floor_log2(heaviest));
        let weights: Vec<B::Elem> = points.iter().map(|p| elem(p.weight / unit)).collect();
        let mean_weights: Vec<B::Elem> = mass.iter().map(|&w| elem(w / unit)).collect();
        Ok(Coreset {
            dim,
            unit,
            weights: mean_weights,
            means: flat,
            inside: means.iter().map(|m| m.variance).sum(),
            mass,
            points: rows,
            point_weights: weights,
            unseen,
        })
    }

    /// The micro-clusters in order of their keys, with weights as of now.
    fn means(&self) -> Result<Vec<Mean<B::Elem>>, Error<B::Error>> {
        let (view, dim, len) = (self.store.view(), self.dim, self.head.len);
        let mut anchors = vec![B::Elem::default(); len * dim];
        let (mut offsets, mut mass, mut scatter) = (vec![0; len * dim], vec![0; len], vec![0; len]);
        self.backend.read(view.anchors, 0, &mut anchors).map_err(Error::Backend)?;
        self.backend.read(view.offsets, 0, &mut offsets).map_err(Error::Backend)?;
        self.backend.read(view.mass, 0, &mut mass).map_err(Error::Backend)?;
        self.backend.read(view.scatter, 0, &mut scatter).map_err(Error::Backend)?;
        let (scale, now) = (sums::power(self.head.exponent), self.factor());
        let mut means: Vec<Mean<B::Elem>> = (0..len)
            .map(|c| {
                let span = c * dim..(c + 1) * dim;
                let (anchor, offset) = (&anchors[span.clone()], &offsets[span]);
                mean_of(view.micro[c].key(), anchor, offset, mass[c], scatter[c], scale, now)
            })
            .collect();
        means.sort_by_key(|m| m.key);
        Ok(means)
    }

    /// The sampled rows, each once, in order of their keys.
    fn sampled(&self) -> Result<Vec<Point<B::Elem>>, Error<B::Error>> {
        let (view, Head { kept, threshold, .. }) = (self.store.view(), self.head);
        let mut all: Vec<_> = sample::halves(view.sample.len())
            .into_iter()
            .zip(kept)
            .flat_map(|((start, _), len)| view.sample[start..start + len].iter().copied())
            .filter(|kept| kept.weight > 0.0)
            .collect();
        all.sort_by_key(|kept| (kept.stream, kept.row));
        all.dedup_by_key(|kept| (kept.stream, kept.row));
        let chance =
            |w: f64, gap: f64| (threshold[0] * w).min(1.0).max((threshold[1] * w * gap).min(1.0));
        all.into_iter()
            .map(|kept| {
                let mut row = vec![B::Elem::default(); self.dim];
                let at = kept.slot as usize * self.dim;
                self.backend.read(view.kept, at, &mut row).map_err(Error::Backend)?;
                Ok(Point { weight: kept.weight / chance(kept.weight, kept.gap), row })
            })
            .collect()
    }
}

fn mean_of<T: Element>(
    key: (u32, u64),
    anchor: &[T],
    offset: &[i64],
    mass: i64,
    scatter: i64,
    scale: f64,
    now: f64,
) -> Mean<T> {
    let weight = sums::weight(mass);
    let steps = || offset.iter().map(|&r| r as f64 / (weight * scale));
    let mean = anchor.iter().zip(steps()).map(|(a, s)| elem(a.as_f64() + s)).collect();
    let shift: f64 = steps().map(|s| s * s).sum();
    let spread = scatter as f64 * sums::scatter_unit() / scale / scale;
    let variance = (spread - weight * shift).max(0.0);
    Mean { key, weight: weight / now, variance: variance / now, mean }
}

/// Makes the sampled rows agree with the micro-clusters they are nearest to, and adds the means
/// of those without any; returns the variance that these leave out.
fn calibrate<B: Alloc>(
    b: &B,
    dim: usize,
    means: &[Mean<B::Elem>],
    on_device: &B::Owned<B::Elem>,
    points: &mut Vec<Point<B::Elem>>,
) -> Result<f64, Error<B::Error>> {
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); means.len()];
    if !points.is_empty() {
        let flat: Vec<B::Elem> = points.iter().flat_map(|p| p.row.iter().copied()).collect();
        let sampled = upload(b, &flat)?;
        let (x, y) = (rows::<B>(sampled.borrow(), dim)?, rows::<B>(on_device.borrow(), dim)?);
        let (_, nearest) = nearest(b, x, y, 1)?;
        for (point, &c) in nearest.iter().enumerate() {
            members.get_mut(c as usize).ok_or(SnapshotError::Value)?.push(point as u32);
        }
    }
    let mut unseen = 0.0;
    for (mean, members) in means.iter().zip(&members) {
        // Rows that are all the same say no more than their mean.
        if members.is_empty() || mean.variance <= 0.0 {
            unseen += mean.variance;
            members.iter().for_each(|&p| points[p as usize].weight = 0.0);
            points.push(Point { weight: mean.weight, row: mean.mean.clone() });
        } else {
            fit_members(mean, members, points);
        }
    }
    points.retain(|point| point.weight > 0.0);
    let (all, now) = (means.iter().map(|m| m.weight), points.iter().map(|p| p.weight));
    let rest = all.sum::<f64>() / now.sum::<f64>();
    points.iter_mut().for_each(|point| point.weight *= rest);
    Ok(unseen)
}

/// Gives the sampled rows of one micro-cluster its weight, mean and variance, as far as chance
/// explains the difference.
///
/// Membership is by the nearest mean now; the sums are of the rows it absorbed. Where it had to
/// absorb rows that have nearer means by now – a sorted stream does that –, the members differ by
/// more than [`DOUBT`] standard errors, and then they are the better witness.
fn fit_members<T: Element>(mean: &Mean<T>, members: &[u32], points: &mut [Point<T>]) {
    let total: f64 = members.iter().map(|&p| points[p as usize].weight).sum();
    let (mut centers, mut variance, mut off) = (Vec::with_capacity(mean.mean.len()), 0.0, 0.0);
    for (t, target) in mean.mean.iter().enumerate() {
        let value = |p: &u32| (points[*p as usize].weight, points[*p as usize].row[t].as_f64());
        let center = members.iter().map(value).map(|(w, x)| w * x).sum::<f64>() / total;
        let spread = |(w, x): (f64, f64)| w * (x - center) * (x - center);
        variance += members.iter().map(value).map(spread).sum::<f64>() / total;
        off += (target.as_f64() - center) * (target.as_f64() - center);
        centers.push(center);
    }
    let error = DOUBT / libm::sqrt(members.len() as f64);
    // The weights tell whether these are the rows it absorbed; variances are too wild to.
    let ratio = mean.weight / total;
    let (least, most) = (1.0 / (1.0 + error), 1.0 + error);
    let same = (least..=most).contains(&ratio);
    let bound = |x: f64| if same { x.min(MOST_STRETCH) } else { x.clamp(least, most) };
    let wanted = mean.variance / mean.weight;
    let stretch = if variance > 0.0 { bound(libm::sqrt(wanted / variance)) } else { 0.0 };
    let far = error * libm::sqrt(variance.max(wanted));
    let step = if !same && off > far * far { far / libm::sqrt(off) } else { 1.0 };
    for &p in members {
        let point = &mut points[p as usize];
        for ((x, target), center) in point.row.iter_mut().zip(&mean.mean).zip(&centers) {
            let middle = center + step * (target.as_f64() - center);
            *x = elem(middle + stretch * (x.as_f64() - center));
        }
        point.weight *= ratio.clamp(least, most);
    }
}
