//! Work that cannot change a label is not done (Hamerly, "Making k-means even faster", 2010).
//!
//! For every row an upper bound of the distance to its own centre and a lower bound of the
//! distance to all others are kept, moved by as much as the centres move. Both are kept on the
//! safe side of every rounding, including those of the backend's distances, so a skipped row has
//! exactly the label that a full search would give it: ties and all.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use super::door::Input;
use super::init::empty;
use super::lloyd::{nearest, squared};
use crate::backend::{Alloc, Nearest, Values};
use crate::element::Element;
use crate::error::Error;
use crate::rows::{Metric, Pairs, Rows};

/// Elements of gathered rows searched together.
const GATHERED: usize = 1 << 20;
/// Rows that tell whether bounds would pay.
const PROBED: usize = 512;
/// A few roundings of f64.
const FEW: f64 = 8.0 * f64::EPSILON;

/// What gathering a row and finding its two nearest centres costs, in searches for one. Measured
/// on the CPU backend, where searching for one has a path of its own for few coordinates.
pub(super) fn second(dim: usize) -> f64 {
    match dim {
        0..=16 => 10.0,
        17..=48 => 6.0,
        _ => 3.0,
    }
}

/// Bounds of every row, as distances (not squared).
pub(super) struct Bounds<T> {
    /// Upper bound to the own centre, lower bound to every other one.
    row: Vec<(f64, f64)>,
    /// The centres that the bounds hold for.
    centers: Vec<T>,
    error: Rounding,
    /// How many rows have bounds, while it is not all.
    probed: Option<usize>,
}

/// How far a computed squared distance may be from the true one.
#[derive(Clone, Copy)]
struct Rounding {
    relative: f64,
    absolute: f64,
}

impl Rounding {
    /// The canonical distance rounds each term three times and adds dim/16 + 4 times.
    fn of<T: Element>(dim: usize) -> Self {
        let steps = dim.div_ceil(16) as f64 + 12.0;
        Self {
            relative: steps * T::ROUNDOFF + 2.0 * FEW,
            absolute: dim as f64 * T::min_positive_value().as_f64(),
        }
    }

    /// A true distance is at most this for a computed squared one.
    fn above(&self, squared: f64) -> f64 {
        libm::sqrt((squared + self.absolute) / (1.0 - self.relative)) * (1.0 + FEW)
    }

    /// A true distance is at least this for a computed squared one.
    fn below(&self, squared: f64) -> f64 {
        libm::sqrt((squared - self.absolute).max(0.0) / (1.0 + self.relative)) * (1.0 - FEW)
    }

    /// Whether a computed distance of at most `upper` is below every one of at least `lower`.
    fn certain(&self, (upper, lower): (f64, f64)) -> bool {
        let most = upper * upper * (1.0 + self.relative) + self.absolute;
        most < lower * lower * (1.0 - self.relative) - self.absolute
    }
}

impl<T: Element> Bounds<T> {
    /// Bounds of a few rows spread over all, to learn from the next step of the centres whether
    /// bounds of all rows would pay.
    pub(super) fn probe<B: Alloc<Elem = T>>(
        input: &Input<'_, B>,
        centers: Rows<'_, Values<B>>,
        host: &[T],
        labels: &mut [u32],
    ) -> Result<Self, Error<B::Error>> {
        let rows: Vec<usize> = (0..input.n).step_by(input.n.div_ceil(PROBED)).collect();
        let mut new = Self {
            row: vec![(f64::INFINITY, 0.0); input.n],
            centers: host.to_vec(),
            error: Rounding::of::<T>(input.dim),
            probed: Some(rows.len()),
        };
        new.search(input, centers, &rows, labels)?;
        Ok(new)
    }

    /// Brings `labels` to what a full search gives; returns how many changed. None, and nothing
    /// is done, where a full search costs less.
    pub(super) fn assign<B: Alloc<Elem = T>>(
        &mut self,
        input: &Input<'_, B>,
        centers: Rows<'_, Values<B>>,
        host: &[T],
        labels: &mut [u32],
    ) -> Result<Option<usize>, Error<B::Error>> {
        let rows = self.uncertain(input, centers, host, labels)?;
        self.centers.copy_from_slice(host);
        if !self.pays(labels.len(), rows.len(), input.dim) {
            return Ok(None);
        }
        self.probed = None;
        self.search(input, centers, &rows, labels).map(Some)
    }

    /// Whether to search the rows in doubt. Where only some rows have bounds, they stand for
    /// all, and the search that gives bounds to the others must pay for itself later.
    fn pays(&self, all: usize, doubtful: usize, dim: usize) -> bool {
        let (share, enough) = match self.probed {
            Some(probed) => (1.0 - (all - doubtful) as f64 / probed as f64, 0.5),
            None => (doubtful as f64 / all as f64, 1.0),
        };
        share * second(dim) <= enough
    }

    /// Moves the bounds to the new centres; the rows that are then in doubt.
    fn uncertain<B: Alloc<Elem = T>>(
        &mut self,
        input: &Input<'_, B>,
        centers: Rows<'_, Values<B>>,
        host: &[T],
        labels: &[u32],
    ) -> Result<Vec<usize>, Error<B::Error>> {
        let shifts = self.shifts(host, input.dim);
        let gaps = self.gaps(input.backend, centers)?;
        let far = Farthest::of(&shifts);
        let mut rows = Vec::new();
        for (i, (&label, (upper, lower))) in labels.iter().zip(&mut self.row).enumerate() {
            let own = label as usize;
            *upper = (*upper + shifts[own]) * (1.0 + FEW);
            *lower = ((*lower - far.other_than(own)) * (1.0 - FEW)).max(0.0);
            *lower = lower.max((gaps[own] - *upper) * (1.0 - FEW));
            if !self.error.certain((*upper, *lower)) {
                rows.push(i);
            }
        }
        Ok(rows)
    }

    /// How far each centre has moved, from above.
    fn shifts(&self, host: &[T], dim: usize) -> Vec<f64> {
        let slack = 1.0 + (dim as f64 + 8.0) * f64::EPSILON;
        let pairs = host.chunks_exact(dim).zip(self.centers.chunks_exact(dim));
        let tiny = dim as f64 * f64::MIN_POSITIVE;
        let shift = |(a, b): (&[T], &[T])| {
            // Centres that stay put, the rule in late iterations, cost no slack.
            if a == b { 0.0 } else { libm::sqrt(squared(a, b) + tiny) * slack }
        };
        pairs.map(shift).collect()
    }

    /// The distance of each centre to the nearest other one, from below.
    fn gaps<B: Alloc<Elem = T>>(
        &self,
        backend: &B,
        centers: Rows<'_, Values<B>>,
    ) -> Result<Vec<f64>, Error<B::Error>> {
        let (dist, _) = nearest(backend, centers, centers, 2)?;
        Ok(dist.chunks_exact(2).map(|two| self.error.below(two[1].as_f64())).collect())
    }

    /// Gathers the rows in doubt and searches them in full.
    fn search<B: Alloc<Elem = T>>(
        &mut self,
        input: &Input<'_, B>,
        centers: Rows<'_, Values<B>>,
        rows: &[usize],
        labels: &mut [u32],
    ) -> Result<usize, Error<B::Error>> {
        let step = (GATHERED / input.dim).clamp(64, rows.len().max(64));
        let mut scratch: B::Owned<T> = input.alloc(step * input.dim)?;
        let (mut dist, mut index): (B::Owned<T>, B::Owned<u32>) =
            (input.alloc(step * 2)?, input.alloc(step * 2)?);
        let (mut d, mut j) = (vec![T::zero(); step * 2], vec![0; step * 2]);
        let mut moved = 0;
        for some in rows.chunks(step) {
            gather(input, some, scratch.borrow_mut())?;
            empty(input.backend, dist.borrow_mut(), index.borrow_mut())?;
            let x = crate::rows::rows::<B>(scratch.borrow(), input.dim)?.range(0, some.len())?;
            let best = Nearest { k: 2, dist: dist.borrow_mut(), index: index.borrow_mut() };
            let pairs = Pairs::new(x, centers, Metric::SqEuclidean)?;
            input.backend.nearest(pairs, best).map_err(Error::Backend)?;
            input.backend.read(dist.borrow(), 0, &mut d).map_err(Error::Backend)?;
            input.backend.read(index.borrow(), 0, &mut j).map_err(Error::Backend)?;
            moved += self.take(some.iter().copied(), &d, &j, labels);
        }
        Ok(moved)
    }

    /// Takes over what a search found for these rows.
    fn take(
        &mut self,
        rows: impl Iterator<Item = usize>,
        dist: &[T],
        index: &[u32],
        labels: &mut [u32],
    ) -> usize {
        let mut moved = 0;
        for (i, (d, j)) in rows.zip(dist.chunks_exact(2).zip(index.chunks_exact(2))) {
            moved += usize::from(labels[i] != j[0]);
            labels[i] = j[0];
            self.row[i] = (self.error.above(d[0].as_f64()), self.error.below(d[1].as_f64()));
        }
        moved
    }
}

/// The two largest shifts, and whose the largest is.
struct Farthest {
    who: usize,
    first: f64,
    second: f64,
}

impl Farthest {
    fn of(shifts: &[f64]) -> Self {
        let mut far = Self { who: 0, first: 0.0, second: 0.0 };
        for (who, &shift) in shifts.iter().enumerate() {
            if shift > far.first {
                far = Self { who, first: shift, second: far.first };
            } else if shift > far.second {
                far.second = shift;
            }
        }
        far
    }

    /// The most that any other centre has moved.
    fn other_than(&self, who: usize) -> f64 {
        if who == self.who { self.second } else { self.first }
    }
}

/// Copies rows next to each other, neighbours in one go.
fn gather<B: Alloc>(
    input: &Input<'_, B>,
    rows: &[usize],
    to: &mut Values<B>,
) -> Result<(), Error<B::Error>> {
    let (data, dim) = (input.rows()?.data(), input.dim);
    let mut at = 0;
    for run in rows.chunk_by(|a, b| a + 1 == *b) {
        input
            .backend
            .copy(data, run[0] * dim, to, at * dim, run.len() * dim)
            .map_err(Error::Backend)?;
        at += run.len();
    }
    Ok(())
}
