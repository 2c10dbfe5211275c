//! What k-means leaves behind: plain host data.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use super::door::{self, Input};
use super::lloyd::nearest;
use crate::backend::{Alloc, NONE, Values};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::rows::{Metric, Pairs, Rows};

/// One cluster of a [`Model`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Cluster {
    /// Σ w over its rows.
    pub weight: f64,
    /// √(cost / weight): how far a row is from the centre, typically.
    pub rms: f64,
    /// The distance (not squared) of its farthest row of positive weight.
    pub radius: f64,
    /// Σ w·d² over its rows.
    pub cost: f64,
}

/// Centres and what is known of their clusters.
///
/// Clusters stand by weight, heaviest first; equal weights by their first row. (Rows exactly
/// halfway between two centres belong to the one that stands first; they are counted after the
/// clusters are put in order.) Distances are Euclidean on the rows as given; on rows of unit
/// length under [`Metric::Cosine`], where d² = 2 · (1 − cos).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Model<T> {
    /// Coordinates per centre.
    pub dim: usize,
    /// k × dim, row-major.
    pub centers: Vec<T>,
    /// One for each centre.
    pub clusters: Vec<Cluster>,
    /// `SqEuclidean`, or `Cosine` for spherical k-means.
    pub metric: Metric,
    /// The k that was asked for; [`k`](Self::k) is less where fewer rows differ.
    pub requested: usize,
    /// Σ w·d² over all rows (inertia).
    pub cost: f64,
    /// Updates of the centres.
    pub iterations: u32,
    /// Whether the iteration came to rest, rather than to its limit or a cancellation.
    pub converged: bool,
}

/// A model, and what it says about the rows it was made of.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Fit<T> {
    /// The centres.
    pub model: Model<T>,
    /// The nearest centre of each row.
    pub labels: Vec<u32>,
    /// The squared distance to it.
    pub distances: Vec<T>,
}

/// The two nearest centres of some rows.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Assignment<T> {
    /// The nearest centre of each row.
    pub index: Vec<u32>,
    /// The squared distance to it.
    pub dist: Vec<T>,
    /// The second nearest centre; [`NONE`](crate::NONE) where there is only one.
    pub second_index: Vec<u32>,
    /// The squared distance to it; ∞ where there is none.
    pub second_dist: Vec<T>,
}

impl<T: Element> Model<T> {
    /// How many clusters were found.
    #[must_use]
    pub fn k(&self) -> usize {
        self.clusters.len()
    }

    /// The coordinates of one centre; empty where there is no such centre.
    #[must_use]
    pub fn center(&self, c: usize) -> &[T] {
        self.centers.get(c * self.dim..(c + 1) * self.dim).unwrap_or(&[])
    }

    /// The two nearest centres of each row, one entry per row of the range. `O(n·k·dim)`.
    ///
    /// # Errors
    /// Rows of another dim or not finite; the machine's.
    pub fn assign<B: Alloc<Elem = T>>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
    ) -> Result<Assignment<T>, Error<B::Error>> {
        self.with(backend, rows, |x, centers| {
            let (dist, index) = nearest(backend, x, centers, 2)?;
            let nth = |n: usize| dist.iter().copied().skip(n).step_by(2).collect();
            let nth_index = |n: usize| index.iter().copied().skip(n).step_by(2).collect();
            Ok(Assignment {
                index: nth_index(0),
                dist: nth(0),
                second_index: nth_index(1),
                second_dist: nth(1),
            })
        })
    }

    /// The nearest centre of each row. `O(n·k·dim)`.
    ///
    /// ```
    /// use enfold_core::{KMeans, Rows};
    /// use enfold_cpu::Cpu;
    ///
    /// let (cpu, data) = (Cpu::<f32>::new(), [0.0f32, 0.2, 0.1, 9.0, 9.2]);
    /// let model = KMeans::new(2).fit(&cpu, Rows::new(&data[..], 1)?)?.model;
    /// let new = [8.0f32, 1.0];
    /// assert_eq!(model.predict(&cpu, Rows::new(&new[..], 1)?)?, [1, 0]); // heaviest first
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Rows of another dim or not finite; the machine's.
    pub fn predict<B: Alloc<Elem = T>>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
    ) -> Result<Vec<u32>, Error<B::Error>> {
        self.with(backend, rows, |x, centers| Ok(nearest(backend, x, centers, 1)?.1))
    }

    /// Σ w·d² of other rows: what [`cost`](Self::cost) is for the model's own. `O(n·k·dim)`.
    ///
    /// # Errors
    /// Rows of another dim or not finite, weights that are negative, not finite or too large;
    /// the machine's.
    pub fn score<B: Alloc<Elem = T>>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        weights: Option<&Values<B>>,
    ) -> Result<f64, Error<B::Error>> {
        let weights = weights.map(|w| door::read_weights(backend, rows, w)).transpose()?;
        let (dist, _) = self.with(backend, rows, |x, centers| nearest(backend, x, centers, 1))?;
        let weight = |i: usize| weights.as_ref().map_or(1.0, |w| w[i].as_f64());
        Ok(dist.iter().enumerate().map(|(i, d)| weight(i) * d.as_f64()).sum())
    }

    /// The squared distances of each row to every centre, n × k. `O(n·k·dim)`.
    ///
    /// # Errors
    /// Rows of another dim or not finite; the machine's.
    pub fn distances<B: Alloc<Elem = T>>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
    ) -> Result<Vec<T>, Error<B::Error>> {
        self.with(backend, rows, |x, centers| {
            let mut out = vec![T::zero(); x.len() * centers.len()];
            let pairs = Pairs::new(x, centers, Metric::SqEuclidean)?;
            backend.distances(pairs, &mut out).map_err(Error::Backend)?;
            Ok(out)
        })
    }

    /// Checks the rows, puts the centres next to them, and lets `then` compare both.
    fn with<B: Alloc<Elem = T>, R>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        then: impl FnOnce(Rows<'_, Values<B>>, Rows<'_, Values<B>>) -> Result<R, Error<B::Error>>,
    ) -> Result<R, Error<B::Error>> {
        ShapeError::check("dim of rows", self.dim, rows.dim())?;
        let mut centers: B::Owned<T> = backend.alloc(self.centers.len()).map_err(Error::Backend)?;
        backend.write(centers.borrow_mut(), 0, &self.centers).map_err(Error::Backend)?;
        let centers = crate::rows::rows::<B>(centers.borrow(), self.dim)?;
        let copy = door::prepare(backend, rows, self.metric)?;
        match &copy {
            Some(own) => then(crate::rows::rows::<B>(own.borrow(), self.dim)?, centers),
            None => then(rows, centers),
        }
    }
}

/// Weight and first row of each label, for rows with labels below k.
pub(super) fn masses<B: Alloc>(input: &Input<'_, B>, labels: &[u32], k: usize) -> Vec<(f64, u32)> {
    let mut masses = vec![(0.0, NONE); k];
    for (i, &label) in labels.iter().enumerate() {
        let (mass, first) = &mut masses[label as usize];
        // Weights are whole multiples of 2⁻¹⁶ with a bounded sum: this addition is exact.
        *mass += input.weight(i);
        *first = (*first).min(i as u32);
    }
    masses
}

/// Weight, cost and extent of each cluster.
pub(super) fn clusters<B: Alloc>(
    input: &Input<'_, B>,
    labels: &[u32],
    dist: &[B::Elem],
    k: usize,
) -> Vec<Cluster> {
    let mut clusters = vec![Cluster::default(); k];
    for (i, (&label, &d)) in labels.iter().zip(dist).enumerate() {
        let (cluster, weight, d) = (&mut clusters[label as usize], input.weight(i), d.as_f64());
        cluster.weight += weight;
        cluster.cost += weight * d;
        if weight > 0.0 && d > cluster.radius {
            cluster.radius = d;
        }
    }
    for cluster in &mut clusters {
        let mean = if cluster.weight > 0.0 { cluster.cost / cluster.weight } else { 0.0 };
        cluster.rms = libm::sqrt(mean);
        cluster.radius = libm::sqrt(cluster.radius);
        cluster.weight *= input.unit();
        cluster.cost *= input.unit();
    }
    clusters
}
