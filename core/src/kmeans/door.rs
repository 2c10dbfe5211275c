//! The door of k-means: rows and weights are read once, judged, and brought into the form that Lloyd
//! works on.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use num_traits::Zero;

use crate::backend::{Alloc, Backend, Indices, Values, WEIGHT_BITS, upload};
use crate::door::{each_part, suits};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::host::mass_of;
use crate::rows::{Metric, Rows};

/// A buffer of elements that is ours.
pub(super) type Held<B> = <B as Alloc>::Owned<<B as Backend>::Elem>;

/// The largest weight a row may have: 2³⁰.
pub(super) const HEAVIEST: f64 = (1u32 << 30) as f64;

/// Rows and weights that passed the door: finite, counted from 0, of unit length where spherical.
pub(super) struct Input<'a, B: Alloc> {
    pub(super) backend: &'a B,
    data: Data<'a, B>,
    pub(super) n: usize,
    pub(super) dim: usize,
    pub(super) metric: Metric,
    pub(super) weights: Option<Weights<B>>,
    /// The smallest and the largest value of each coordinate.
    pub(super) range: Vec<(B::Elem, B::Elem)>,
    /// Weighted variance of a coordinate, averaged over coordinates.
    pub(super) variance: f64,
}

/// The caller's buffer, or a copy where a form of its own is needed.
enum Data<'a, B: Alloc> {
    Lent(&'a Values<B>),
    Own(B::Owned<B::Elem>),
}

/// Weights times a power of two, as fine as the fixed point of sums can hold them.
pub(super) struct Weights<B: Alloc> {
    pub(super) buf: B::Owned<B::Elem>,
    pub(super) host: Vec<B::Elem>,
    /// What a weight of 1 in here stands for.
    pub(super) unit: f64,
}

impl<'a, B: Alloc> Input<'a, B> {
    /// Reads everything once. `O(n·dim)`.
    ///
    /// A range that does not begin with row 0 and spherical rows are copied.
    pub(super) fn admit(
        backend: &'a B,
        rows: Rows<'a, Values<B>>,
        weights: Option<&Values<B>>,
        metric: Metric,
    ) -> Result<Self, Error<B::Error>> {
        check_metric(metric)?;
        ShapeError::at_least("rows", 1, rows.len())?;
        let weights = weights.map(|w| Weights::admit(backend, rows, w)).transpose()?;
        let own = rows.start() > 0 || metric == Metric::Cosine;
        let mut copy = if own { Some(alloc_for(backend, rows)?) } else { None };
        let mut scan = Scan::new(rows.dim());
        each_part(backend, rows, |at, part| {
            suits(Metric::SqEuclidean, (part, rows.dim()), at + rows.start())?;
            if metric == Metric::Cosine {
                normalize(part, rows.dim())?;
            }
            let host = weights.as_ref().map(|w| &w.host[at..]);
            scan.take(part, host);
            match &mut copy {
                Some(own) => {
                    backend.write(own.borrow_mut(), at * rows.dim(), part).map_err(Error::Backend)
                }
                None => Ok(()),
            }
        })?;
        let data = copy.map_or(Data::Lent(rows.data()), Data::Own);
        let (n, dim) = (rows.len(), rows.dim());
        let variance = scan.variance();
        Ok(Self { backend, data, n, dim, metric, weights, range: scan.range, variance })
    }

    /// The rows, counted from 0.
    pub(super) fn rows(&self) -> Result<Rows<'_, Values<B>>, Error<B::Error>> {
        let data = match &self.data {
            Data::Lent(data) => data,
            Data::Own(data) => data.borrow(),
        };
        Ok(crate::rows::rows::<B>(data, self.dim)?.range(0, self.n)?)
    }

    /// The scaled weights where they are.
    pub(super) fn weight_buf(&self) -> Option<&Values<B>> {
        self.weights.as_ref().map(|w| w.buf.borrow())
    }

    /// The scaled weights on the host.
    pub(super) fn weight_host(&self) -> Option<&[B::Elem]> {
        self.weights.as_ref().map(|w| &w.host[..])
    }

    /// What a scaled weight of 1 stands for.
    pub(super) fn unit(&self) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w.unit)
    }

    /// The scaled weight of row `i`.
    pub(super) fn weight(&self, i: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w.host[i].as_f64())
    }

    /// The scale of fixed-point offsets: differences of rows, and of rows and `centers`, stay
    /// below 2³⁰ in size.
    pub(super) fn scale(&self, centers: &[B::Elem]) -> B::Elem {
        let mut widest = 0f64;
        for (t, &(low, high)) in self.range.iter().enumerate() {
            let of_t = centers.iter().skip(t).step_by(self.dim);
            let (low, high) = of_t.fold((low, high), |(l, h), &c| {
                (if c < l { c } else { l }, if c > h { c } else { h })
            });
            widest = widest.max(high.as_f64() - low.as_f64());
        }
        fixed_scale(widest)
    }

    /// A new buffer of `len` elements.
    pub(super) fn alloc<T: bytemuck::Pod>(
        &self,
        len: usize,
    ) -> Result<B::Owned<T>, Error<B::Error>> {
        self.backend.alloc(len).map_err(Error::Backend)
    }

    /// Copies one row to row `to` of `dst`.
    pub(super) fn copy_row(
        &self,
        row: usize,
        dst: &mut Values<B>,
        to: usize,
    ) -> Result<(), Error<B::Error>> {
        let dim = self.dim;
        self.backend
            .copy(self.rows()?.data(), row * dim, dst, to * dim, dim)
            .map_err(Error::Backend)
    }
}

/// The largest power of two that keeps differences up to `widest` below 2³⁰ in size.
pub(super) fn fixed_scale<T: Element>(widest: f64) -> T {
    if widest <= 0.0 {
        return T::one();
    }
    let most = libm::frexp(T::max_value().as_f64()).1 - 2;
    let power = 30 - libm::frexp(widest).1;
    T::of_f64(libm::ldexp(1.0, power.clamp(-most, most)))
}

/// Only squared Euclidean distances have means as centres; cosine becomes them on unit rows.
pub(super) fn check_metric<E>(metric: Metric) -> Result<(), Error<E>> {
    match metric {
        Metric::SqEuclidean | Metric::Cosine => Ok(()),
        _ => Err(Error::Parameter { name: "metric", why: "must be SqEuclidean or Cosine" }),
    }
}

/// A buffer for as many rows as these.
pub(super) fn alloc_for<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
) -> Result<B::Owned<B::Elem>, Error<B::Error>> {
    backend.alloc(rows.len() * rows.dim()).map_err(Error::Backend)
}

/// Brings every row to length 1: norms in f64, one rounding per coordinate.
pub(super) fn normalize<T: Element, E>(part: &mut [T], dim: usize) -> Result<(), Error<E>> {
    for row in part.chunks_exact_mut(dim) {
        if !normalize_row(row) {
            return Err(Error::Parameter {
                name: "rows",
                why: "must not be zero: such a row has no direction",
            });
        }
    }
    Ok(())
}

/// Brings one row to length 1; false, and nothing is changed, where it is zero.
pub(super) fn normalize_row<T: Element>(row: &mut [T]) -> bool {
    let most = row.iter().fold(0f64, |m, v| m.max(v.abs().as_f64()));
    if most <= 0.0 {
        return false;
    }
    // A power of two first, so that no square under- or overflows.
    let (_, power) = libm::frexp(most);
    let norm = libm::sqrt(row.iter().map(|v| square(libm::ldexp(v.as_f64(), -power))).sum::<f64>());
    for v in row {
        *v = T::of_f64(libm::ldexp(v.as_f64(), -power) / norm);
    }
    true
}

fn square(v: f64) -> f64 {
    v * v
}

/// Ranges and variances on the way through the door.
struct Scan<T> {
    range: Vec<(T, T)>,
    shift: Vec<T>,
    sum: Vec<(f64, f64)>,
    mass: f64,
}

impl<T: Element> Scan<T> {
    fn new(dim: usize) -> Self {
        let range = vec![(T::infinity(), T::neg_infinity()); dim];
        Self { range, shift: Vec::new(), sum: vec![(0.0, 0.0); dim], mass: 0.0 }
    }

    fn take(&mut self, part: &[T], weights: Option<&[T]>) {
        let dim = self.range.len();
        if self.shift.is_empty() {
            // Sums of squares are taken about the first row: an offset must not cancel them.
            self.shift.extend_from_slice(&part[..dim]);
        }
        for (i, row) in part.chunks_exact(dim).enumerate() {
            self.take_row(row, weights.map_or(1.0, |w| w[i].as_f64()));
        }
    }

    fn take_row(&mut self, row: &[T], weight: f64) {
        self.mass += weight;
        let state = self.range.iter_mut().zip(&mut self.sum).zip(&self.shift);
        for (&v, (((low, high), (sum, squares)), &shift)) in row.iter().zip(state) {
            *low = if v < *low { v } else { *low };
            *high = if v > *high { v } else { *high };
            let offset = v.as_f64() - shift.as_f64();
            *sum += weight * offset;
            *squares += weight * offset * offset;
        }
    }

    fn variance(&self) -> f64 {
        let of =
            |&(sum, squares): &(f64, f64)| (squares / self.mass - square(sum / self.mass)).max(0.0);
        self.sum.iter().map(of).sum::<f64>() / self.sum.len() as f64
    }
}

impl<B: Alloc> Weights<B> {
    fn admit(
        backend: &B,
        rows: Rows<'_, Values<B>>,
        weights: &Values<B>,
    ) -> Result<Self, Error<B::Error>> {
        let mut host = read_weights(backend, rows, weights)?;
        let scale = weight_scale(&host)?;
        let unit = f64::from(1u32 << WEIGHT_BITS);
        for w in &mut host {
            // Rounded to the fixed point here, so that sums, draws and costs see one weight.
            let scaled = B::Elem::of_f64(w.as_f64() * scale);
            *w = B::Elem::of_f64(mass_of(scaled) as f64 / unit);
        }
        Ok(Self { buf: upload(backend, &host)?, host, unit: 1.0 / scale })
    }
}

/// Rejects weights that are NaN, negative, or above 2³⁰.
fn judge_weights<T: Element, E>(weights: &[T], first: usize) -> Result<(), Error<E>> {
    let fits = |w: &T| (0.0..=HEAVIEST).contains(&w.as_f64());
    match weights.iter().position(|w| !fits(w)) {
        Some(at) => Err(Error::Weight { row: first + at }),
        None => Ok(()),
    }
}

/// The power of two that makes the heaviest weight at most 2¹⁵ and their sum at most 2³¹.
fn weight_scale<T: Element, E>(weights: &[T]) -> Result<f64, Error<E>> {
    let most = weights.iter().fold(0f64, |m, w| m.max(w.as_f64()));
    let total: f64 = weights.iter().map(|w| w.as_f64()).sum();
    if most <= 0.0 {
        return Err(Error::Parameter { name: "weights", why: "must not all be 0" });
    }
    let power = (15 - libm::frexp(most).1).min(31 - libm::frexp(total).1);
    Ok(libm::ldexp(1.0, power))
}

/// Labels or row numbers on the host.
pub(super) fn read_indices<B: Alloc>(
    backend: &B,
    src: &Indices<B>,
    dst: &mut [u32],
) -> Result<(), Error<B::Error>> {
    backend.read(src, 0, dst).map_err(Error::Backend)
}

/// Weights of these rows on the host, as they are.
pub(super) fn read_weights<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    weights: &Values<B>,
) -> Result<Vec<B::Elem>, Error<B::Error>> {
    ShapeError::at_least("weights", rows.end(), B::len::<B::Elem>(weights))?;
    let mut host = vec![B::Elem::zero(); rows.len()];
    backend.read(weights, rows.start(), &mut host).map_err(Error::Backend)?;
    judge_weights(&host, rows.start())?;
    Ok(host)
}

/// Judges rows to compare with centres; a copy of unit rows where spherical.
pub(super) fn prepare<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    metric: Metric,
) -> Result<Option<Held<B>>, Error<B::Error>> {
    let spherical = metric == Metric::Cosine;
    let mut copy = if spherical { Some(alloc_for(backend, rows)?) } else { None };
    each_part(backend, rows, |at, part| {
        suits(Metric::SqEuclidean, (part, rows.dim()), at + rows.start())?;
        let Some(own) = &mut copy else { return Ok(()) };
        normalize(part, rows.dim())?;
        backend.write(own.borrow_mut(), at * rows.dim(), part).map_err(Error::Backend)
    })?;
    Ok(copy)
}
