//! Rows by their coordinates along leading directions: fewer numbers that keep most of a distance.
//!
//! Directions are the leading principal ones of a sample, by two steps of subspace iteration
//! (Halko, Martinsson, Tropp 2011). Coordinates come from distances, the one product that every
//! backend has: with anchors μ and μ + σv, `(x − μ)·v = (|x − μ|² − |x − μ − σv|² + σ²) / 2σ`.
//! A sketch decides nothing: it says whose distance is worth taking.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::Borrow;

use num_traits::Zero;

use crate::backend::{Alloc, Values, upload};
use crate::distance::dot;
use crate::element::Element;
use crate::error::Error;
use crate::rows::{Metric, Pairs, Rows};

/// Directions, at most; rows of up to so many coordinates are their own sketch.
const DIRECTIONS: usize = 64;
/// Rows that directions are taken from, at most.
const SAMPLE: usize = 1024;
/// Steps of the iteration.
const STEPS: usize = 2;
/// Rows whose coordinates are taken together.
const PART: usize = 4096;
/// What is left of a row without its share in the directions so far makes a new one from here on.
const NEW: f64 = 1e-3;

/// Rows in few coordinates, on the host.
#[derive(Debug)]
pub(super) struct Sketch<T> {
    pub(super) data: Vec<T>,
    pub(super) dim: usize,
    /// What to compare sketches by.
    pub(super) metric: Metric,
}

impl<T: Element> Sketch<T> {
    /// The sketch of finite rows; none where no direction stands out of the rounding, or squares
    /// could overflow.
    pub(super) fn new<B: Alloc<Elem = T>>(
        backend: &B,
        rows: Rows<'_, Values<B>>,
        metric: Metric,
    ) -> Result<Option<Self>, Error<B::Error>> {
        let dim = rows.dim();
        let sketch = if dim <= DIRECTIONS {
            let mut data = vec![T::zero(); rows.len() * dim];
            backend.read(rows.data(), rows.start() * dim, &mut data).map_err(Error::Backend)?;
            Self { data, dim, metric }
        } else {
            let Some(anchors) = Anchors::of(&sample(backend, rows)?, dim) else { return Ok(None) };
            let data = anchors.coordinates(backend, rows)?;
            Self { data, dim: anchors.len(), metric: Metric::SqEuclidean }
        };
        // Cells take squares, whatever the metric.
        let fits = |row: &[T]| Metric::SqEuclidean.takes(row);
        Ok(Some(sketch).filter(|sketch| sketch.data.chunks_exact(sketch.dim).all(fits)))
    }
}

/// The coordinates of all rows along `dim` leading principal directions of a sample, zeros where
/// the rows spread along fewer; none where none stands out of the rounding.
pub(crate) fn leading<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    dim: usize,
) -> Result<Option<Vec<f64>>, Error<B::Error>> {
    let sample = sample(backend, rows)?;
    let Some(anchors) = Anchors::of(&sample, rows.dim()) else { return Ok(None) };
    let all = anchors.coordinates(backend, rows)?;
    let row = |row: &[B::Elem]| (0..dim).map(|t| row.get(t).map_or(0.0, |v| v.as_f64())).collect();
    let out: Vec<f64> =
        all.chunks_exact(anchors.len()).flat_map(|r| -> Vec<f64> { row(r) }).collect();
    Ok(out.iter().all(|v| v.is_finite()).then_some(out))
}

/// Some of the rows, evenly spaced.
fn sample<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
) -> Result<Vec<B::Elem>, Error<B::Error>> {
    let (dim, step) = (rows.dim(), rows.len().div_ceil(SAMPLE).max(1));
    let mut some = vec![B::Elem::zero(); rows.len().div_ceil(step) * dim];
    for (row, i) in some.chunks_exact_mut(dim).zip((rows.start()..rows.end()).step_by(step)) {
        backend.read(rows.data(), i * dim, row).map_err(Error::Backend)?;
    }
    Ok(some)
}

/// μ, and then μ + σv for every direction v.
struct Anchors<T> {
    dim: usize,
    rows: Vec<T>,
    /// σ² as what is added to the difference of two distances.
    square: T,
}

impl<T: Element> Anchors<T> {
    /// From sampled rows, at least one.
    fn of(sample: &[T], dim: usize) -> Option<Self> {
        let n = (sample.len() / dim) as f64;
        let mut mean = vec![0f64; dim];
        for row in sample.chunks_exact(dim) {
            mean.iter_mut().zip(row).for_each(|(sum, v)| *sum += v.as_f64() / n);
        }
        let gap = |(v, m): (&T, &f64)| v.as_f64() - m;
        let squares = sample.chunks_exact(dim).flat_map(|row| row.iter().zip(&mean).map(gap));
        let sigma = libm::sqrt(squares.map(|gap| gap * gap).sum::<f64>() / n);
        if !(sigma > T::min_positive_value().as_f64() && sigma.is_finite()) {
            return None;
        }
        let unit = |pair| T::of_f64(gap(pair) / sigma);
        let scaled: Vec<T> =
            sample.chunks_exact(dim).flat_map(|row| row.iter().zip(&mean).map(unit)).collect();
        let directions = directions(&scaled, dim);
        let mut rows: Vec<T> = mean.iter().map(|&m| T::of_f64(m)).collect();
        for v in directions.chunks_exact(dim) {
            rows.extend(v.iter().zip(&mean).map(|(v, m)| T::of_f64(m + sigma * v.as_f64())));
        }
        let square = T::of_f64(sigma * sigma);
        let usable = !directions.is_empty() && rows.iter().all(|v| v.is_finite());
        (usable && square.is_normal()).then_some(Self { dim, rows, square })
    }

    /// Directions.
    fn len(&self) -> usize {
        self.rows.len() / self.dim - 1
    }

    /// The coordinates of all rows, in units of σ.
    fn coordinates<B: Alloc<Elem = T>>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
    ) -> Result<Vec<T>, Error<B::Error>> {
        let anchors = upload(backend, &self.rows)?;
        let y = crate::rows::rows::<B>(anchors.borrow(), self.dim)?;
        let mut out = Vec::with_capacity(rows.len() * self.len());
        let mut gaps = vec![T::zero(); PART.min(rows.len()) * y.len()];
        for start in (rows.start()..rows.end()).step_by(PART) {
            let x = rows.range(start, (start + PART).min(rows.end()))?;
            let gaps = &mut gaps[..x.len() * y.len()];
            backend
                .distances(Pairs::new(x, y, Metric::SqEuclidean)?, gaps)
                .map_err(Error::Backend)?;
            for gaps in gaps.chunks_exact(y.len()) {
                let twice = self.square + self.square;
                out.extend(gaps[1..].iter().map(|&d| (gaps[0] - d + self.square) / twice));
            }
        }
        Ok(out)
    }
}

/// Orthonormal directions that the rows, of mean zero and length about 1, spread along most.
fn directions<T: Element>(rows: &[T], dim: usize) -> Vec<T> {
    let step = (rows.len() / dim / DIRECTIONS).max(1);
    let first = rows.chunks_exact(dim).step_by(step).take(DIRECTIONS);
    let mut basis = orthonormal(&first.flatten().copied().collect::<Vec<T>>(), dim);
    for _ in 0..STEPS {
        let mut next = vec![T::zero(); basis.len()];
        for row in rows.chunks_exact(dim) {
            for (v, next) in basis.chunks_exact(dim).zip(next.chunks_exact_mut(dim)) {
                add(next, dot(row, v), row);
            }
        }
        basis = orthonormal(&next, dim);
    }
    basis
}

/// An orthonormal basis of the span of rows (Gram and Schmidt, one after the other).
fn orthonormal<T: Element>(rows: &[T], dim: usize) -> Vec<T> {
    let mut basis: Vec<T> = Vec::with_capacity(rows.len());
    for row in rows.chunks_exact(dim) {
        let mut rest = row.to_vec();
        for v in basis.chunks_exact(dim) {
            let share = dot(&rest, v);
            add(&mut rest, -share, v);
        }
        let (all, left) = (dot(row, row).sqrt(), dot(&rest, &rest).sqrt());
        if left > all * T::of_f64(NEW) && left.is_normal() {
            basis.extend(rest.iter().map(|&v| v / left));
        }
    }
    basis
}

/// `to += share · row`.
fn add<T: Element>(to: &mut [T], share: T, row: &[T]) {
    for (to, &v) in to.iter_mut().zip(row) {
        *to = *to + share * v;
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::random::Draws;

    const DIM: usize = 90;

    /// Rows in the span of five directions.
    fn flat(n: u64) -> Vec<f32> {
        let draws = Draws::new(1, 1);
        let direction = |s: u64, t: usize| draws.unit(1_000_000 + s, t as u32) - 0.5;
        let share = |i: u64, s: u64| (draws.unit(i, s as u32) - 0.5) / (1 + s) as f32;
        let value = |i, t| (0..5).map(|s| share(i, s) * direction(s, t)).sum::<f32>();
        (0..n).flat_map(|i| (0..DIM).map(move |t| value(i, t))).collect()
    }

    #[test]
    fn directions_are_orthonormal_and_span_the_rows() {
        let rows = flat(400);
        let basis = directions(&rows, DIM);
        assert_eq!(basis.len(), 5 * DIM);
        for (a, v) in basis.chunks(DIM).enumerate() {
            for (b, w) in basis.chunks(DIM).enumerate() {
                assert!((dot(v, w) - f32::from(u8::from(a == b))).abs() < 1e-4, "{a} {b}");
            }
        }
        for row in rows.chunks(DIM) {
            let kept: f32 = basis.chunks(DIM).map(|v| dot(row, v) * dot(row, v)).sum();
            assert!((kept / dot(row, row) - 1.0).abs() < 1e-3, "{kept} {}", dot(row, row));
        }
    }

    #[test]
    fn equal_rows_have_no_direction() {
        assert!(Anchors::of(&[2.5f32; 4 * DIM], DIM).is_none());
        assert!(Anchors::of(&[f32::MAX / 1e3; 4 * DIM], DIM).is_none());
    }
}
