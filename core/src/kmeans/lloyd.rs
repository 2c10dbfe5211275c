//! Lloyd's iteration (Lloyd 1957, 1982): every row to its nearest centre, every centre to the
//! mean of its rows.
//!
//! Rows are summed as integers relative to their current centre, so a mean has the same bits
//! for any order of the rows, any number of threads and any machine, and data far from the
//! origin loses nothing.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use num_traits::{Float, Zero};

use super::bounds::Bounds;
use super::door::{Input, normalize_row, read_indices};
use super::init::empty;
use crate::backend::{Alloc, Backend, Indices, Integers, NONE, Nearest, Sums, Values, WEIGHT_BITS};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::rows::{Metric, Pairs, Rows};

/// What one step of Lloyd works on, as buffers of the backend: no allocation in a step.
pub struct Parts<'a, B: Backend> {
    /// k × dim centres.
    pub centers: &'a mut Values<B>,
    /// The nearest centre of each row; as long as the rows' buffer.
    pub labels: &'a mut Indices<B>,
    /// The squared distance to it.
    pub dist: &'a mut Values<B>,
    /// k × dim sums.
    pub offsets: &'a mut Integers<B>,
    /// k masses.
    pub mass: &'a mut Integers<B>,
}

impl<B: Backend> core::fmt::Debug for Parts<'_, B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// Host copies that one step of Lloyd needs.
#[derive(Debug)]
pub struct Host<'a, T> {
    /// k × dim centres, equal to those of [`Parts`].
    pub centers: &'a mut [T],
    /// k × dim sums.
    pub offsets: &'a mut [i64],
    /// k masses, in units of 2⁻¹⁶; 0 marks a centre without rows, which stays where it is.
    pub mass: &'a mut [i64],
}

/// Every row finds its nearest centre: fills `labels` and `dist`. `O(n·k·dim)`.
///
/// # Errors
/// Buffers that do not fit; the machine's.
pub fn assign<B: Backend>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    parts: &mut Parts<'_, B>,
) -> Result<(), Error<B::Error>> {
    let centers = crate::rows::rows::<B>(parts.centers, rows.dim())?;
    let pairs = Pairs::new(rows, centers, Metric::SqEuclidean)?;
    backend.fill(parts.dist, B::Elem::infinity()).map_err(Error::Backend)?;
    backend.fill(parts.labels, NONE).map_err(Error::Backend)?;
    let best = Nearest { k: 1, dist: &mut *parts.dist, index: &mut *parts.labels };
    best.check::<B>(rows)?;
    backend.nearest(pairs, best).map_err(Error::Backend)
}

/// Every centre moves to the weighted mean of its rows; returns Σ |step|². `O(n·dim)`.
///
/// `scale` is a power of two for which `|x − centre| · scale` stays below 2³⁰ per coordinate;
/// the mean of N rows is then right to 2⁻³⁰ of that range, before its rounding to an element.
///
/// # Errors
/// Buffers that do not fit; the machine's.
pub fn update<B: Backend>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    weights: Option<&Values<B>>,
    scale: B::Elem,
    parts: &mut Parts<'_, B>,
    host: &mut Host<'_, B::Elem>,
) -> Result<f64, Error<B::Error>> {
    let [centers, offsets, mass] =
        [host.centers.len(), host.offsets.len(), host.mass.len() * rows.dim()];
    ShapeError::check("host centres", B::len::<B::Elem>(parts.centers), centers)?;
    ShapeError::check("host sums", centers, offsets)?;
    ShapeError::check("host masses", centers, mass)?;
    sum_up(backend, rows, weights, scale, parts)?;
    let mut both = [(&*parts.offsets, &mut *host.offsets), (&*parts.mass, &mut *host.mass)];
    backend.read_all(&mut both).map_err(Error::Backend)?;
    let shift = move_all(rows.dim(), scale, host, |_| true);
    backend.write(parts.centers, 0, host.centers).map_err(Error::Backend)?;
    Ok(shift)
}

/// Sums rows by label, on the machine.
fn sum_up<B: Backend>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    weights: Option<&Values<B>>,
    scale: B::Elem,
    parts: &mut Parts<'_, B>,
) -> Result<(), Error<B::Error>> {
    let origins = crate::rows::rows::<B>(parts.centers, rows.dim())?;
    backend.fill(parts.offsets, 0i64).map_err(Error::Backend)?;
    backend.fill(parts.mass, 0i64).map_err(Error::Backend)?;
    let into = Sums { offsets: &mut *parts.offsets, mass: &mut *parts.mass, scatter: None };
    backend.accumulate(rows, parts.labels, weights, origins, scale, into).map_err(Error::Backend)
}

/// Moves each centre with rows by its mean offset, then lets `keep` judge the new centre
/// (spherical: bring it to length 1); a refused step is taken back. Returns Σ |step|².
fn move_all<T: Element>(
    dim: usize,
    scale: T,
    host: &mut Host<'_, T>,
    keep: impl Fn(&mut [T]) -> bool,
) -> f64 {
    let mut old = vec![T::zero(); dim];
    let mut shift = 0.0;
    let sums = host.offsets.chunks_exact(dim).zip(host.mass.iter());
    for (center, (offsets, &mass)) in host.centers.chunks_exact_mut(dim).zip(sums) {
        if mass == 0 {
            continue;
        }
        old.copy_from_slice(center);
        let unit = mass as f64 / f64::from(1u32 << WEIGHT_BITS) * scale.as_f64();
        for (c, &offset) in center.iter_mut().zip(offsets) {
            *c = T::of_f64(c.as_f64() + offset as f64 / unit);
        }
        if !keep(center) {
            center.copy_from_slice(&old);
        }
        shift += squared(&old, center);
    }
    shift
}

/// Squared Euclidean distance in f64.
pub(super) fn squared<T: Element>(a: &[T], b: &[T]) -> f64 {
    let square = |(a, b): (&T, &T)| {
        let gap = a.as_f64() - b.as_f64();
        gap * gap
    };
    a.iter().zip(b).map(square).sum()
}

/// Distances and row numbers.
pub(crate) type Found<T> = (Vec<T>, Vec<u32>);

/// The k nearest rows of y for each row of x, on the host.
pub(crate) fn nearest<B: Alloc>(
    backend: &B,
    x: Rows<'_, Values<B>>,
    y: Rows<'_, Values<B>>,
    k: usize,
) -> Result<Found<B::Elem>, Error<B::Error>> {
    let (first, len) = (x.start() * k, x.len() * k);
    let mut dist: B::Owned<B::Elem> = backend.alloc(x.end() * k).map_err(Error::Backend)?;
    let mut index: B::Owned<u32> = backend.alloc(x.end() * k).map_err(Error::Backend)?;
    empty(backend, dist.borrow_mut(), index.borrow_mut())?;
    let best = Nearest { k, dist: dist.borrow_mut(), index: index.borrow_mut() };
    backend.nearest(Pairs::new(x, y, Metric::SqEuclidean)?, best).map_err(Error::Backend)?;
    let (mut d, mut i) = (vec![B::Elem::zero(); len], vec![NONE; len]);
    backend.read(dist.borrow(), first, &mut d).map_err(Error::Backend)?;
    backend.read(index.borrow(), first, &mut i).map_err(Error::Backend)?;
    Ok((d, i))
}

/// A Lloyd run: buffers on the machine, and their copies on the host.
pub(super) struct Lloyd<'a, B: Alloc> {
    pub(super) input: &'a Input<'a, B>,
    pub(super) centers: Vec<B::Elem>,
    /// The host's copy of the labels.
    labels: Vec<u32>,
    pub(super) scale: B::Elem,
    pub(super) offsets: Vec<i64>,
    pub(super) mass: Vec<i64>,
    on: Buffers<B>,
    /// Whether `dist` on the machine belongs to the current centres.
    measured: bool,
    /// Whether `labels` are the machine's.
    known: bool,
    /// Whether `offsets` and `mass` are of the current labels and centres.
    summed: bool,
}

/// The machine's side of a run.
struct Buffers<B: Alloc> {
    centers: B::Owned<B::Elem>,
    labels: B::Owned<u32>,
    /// The labels before the last assignment.
    before: B::Owned<u32>,
    /// How many of them changed.
    changed: B::Owned<i64>,
    dist: B::Owned<B::Elem>,
    offsets: B::Owned<i64>,
    mass: B::Owned<i64>,
}

impl<B: Alloc> Buffers<B> {
    fn new(input: &Input<'_, B>, k: usize) -> Result<Self, Error<B::Error>> {
        Ok(Self {
            centers: input.alloc(k * input.dim)?,
            labels: input.alloc(input.n)?,
            before: input.alloc(input.n)?,
            changed: input.alloc(1)?,
            dist: input.alloc(input.n)?,
            offsets: input.alloc(k * input.dim)?,
            mass: input.alloc(k)?,
        })
    }

    fn parts(&mut self) -> Parts<'_, B> {
        Parts {
            centers: self.centers.borrow_mut(),
            labels: self.labels.borrow_mut(),
            dist: self.dist.borrow_mut(),
            offsets: self.offsets.borrow_mut(),
            mass: self.mass.borrow_mut(),
        }
    }
}

/// What an update did.
pub(super) struct Step {
    /// Σ |step|² over the centres.
    pub(super) shift: f64,
    /// Centres that had no rows and were put elsewhere.
    pub(super) relocated: usize,
}

impl<'a, B: Alloc> Lloyd<'a, B> {
    /// Starts from `centers`, k × dim.
    pub(super) fn new(
        input: &'a Input<'a, B>,
        centers: Vec<B::Elem>,
    ) -> Result<Self, Error<B::Error>> {
        let k = centers.len() / input.dim;
        let mut new = Self {
            scale: input.scale(&centers),
            labels: vec![NONE; input.n],
            offsets: vec![0; centers.len()],
            mass: vec![0; k],
            on: Buffers::new(input, k)?,
            input,
            centers,
            measured: false,
            known: true,
            summed: false,
        };
        input.backend.fill(new.on.labels.borrow_mut(), NONE).map_err(Error::Backend)?;
        new.write_centers()?;
        Ok(new)
    }

    pub(super) fn k(&self) -> usize {
        self.mass.len()
    }

    fn write_centers(&mut self) -> Result<(), Error<B::Error>> {
        let centers = self.on.centers.borrow_mut();
        self.input.backend.write(centers, 0, &self.centers).map_err(Error::Backend)
    }

    /// Every row to its nearest centre; returns how many labels changed. What `sums` asks for
    /// comes in the same read: a machine far away waits once.
    pub(super) fn assign(&mut self, sums: bool) -> Result<usize, Error<B::Error>> {
        let (input, n) = (self.input, self.input.n);
        core::mem::swap(&mut self.on.labels, &mut self.on.before);
        self.measure()?;
        self.known = false;
        let Buffers { labels, before, changed, .. } = &mut self.on;
        let (labels, before, changed) =
            ((*labels).borrow(), (*before).borrow(), changed.borrow_mut());
        input.backend.fill(changed, 0i64).map_err(Error::Backend)?;
        input.backend.count_changed(before, labels, n, changed).map_err(Error::Backend)?;
        let mut moved = [0];
        if sums {
            self.start_sums()?;
            self.read_sums(&mut moved)?;
        } else {
            input.backend.read(self.on.changed.borrow(), 0, &mut moved).map_err(Error::Backend)?;
        }
        Ok(moved[0] as usize)
    }

    /// The label of every row.
    pub(super) fn labels(&mut self) -> Result<&[u32], Error<B::Error>> {
        if !self.known {
            read_indices(self.input.backend, self.on.labels.borrow(), &mut self.labels)?;
            self.known = true;
        }
        Ok(&self.labels)
    }

    fn measure(&mut self) -> Result<(), Error<B::Error>> {
        assign(self.input.backend, self.input.rows()?, &mut self.on.parts())?;
        self.measured = true;
        Ok(())
    }

    /// Bounds of a few rows, to find out whether bounds would pay.
    pub(super) fn probe(&mut self) -> Result<Bounds<B::Elem>, Error<B::Error>> {
        self.labels()?;
        let centers = crate::rows::rows::<B>(self.on.centers.borrow(), self.input.dim)?;
        Bounds::probe(self.input, centers, &self.centers, &mut self.labels)
    }

    /// The same labels as [`assign`](Self::assign), looking only at rows that may change; None,
    /// and nothing is done, where those are too many.
    pub(super) fn assign_bounded(
        &mut self,
        bounds: &mut Bounds<B::Elem>,
    ) -> Result<Option<usize>, Error<B::Error>> {
        self.labels()?;
        let centers = crate::rows::rows::<B>(self.on.centers.borrow(), self.input.dim)?;
        let found = bounds.assign(self.input, centers, &self.centers, &mut self.labels)?;
        if found.is_some() {
            let labels = self.on.labels.borrow_mut();
            self.input.backend.write(labels, 0, &self.labels).map_err(Error::Backend)?;
            (self.measured, self.summed) = (false, false);
        }
        Ok(found)
    }

    /// Σ w·d² of the last assignment; None where some rows were not measured.
    pub(super) fn cost(&self) -> Result<Option<f64>, Error<B::Error>> {
        if !self.measured {
            return Ok(None);
        }
        let (input, n) = (self.input, self.input.n);
        let cost = total(input.backend, self.on.dist.borrow(), input.weight_buf(), n)?;
        Ok(Some(cost * input.unit()))
    }

    /// Σ w·d² of the last assignment, measured where that has not been done.
    pub(super) fn measured_cost(&mut self) -> Result<f64, Error<B::Error>> {
        if !self.measured {
            self.measure()?;
        }
        Ok(self.cost()?.unwrap_or_default())
    }

    /// Squared distances of the last assignment.
    pub(super) fn dist(&self) -> Result<Vec<B::Elem>, Error<B::Error>> {
        let mut dist = vec![B::Elem::zero(); self.input.n];
        self.input.backend.read(self.on.dist.borrow(), 0, &mut dist).map_err(Error::Backend)?;
        Ok(dist)
    }

    /// Sums the rows by label, into `offsets` and `mass`.
    fn sum(&mut self) -> Result<(), Error<B::Error>> {
        if self.summed {
            return Ok(());
        }
        self.start_sums()?;
        self.read_sums(&mut [])
    }

    fn start_sums(&mut self) -> Result<(), Error<B::Error>> {
        let (input, scale) = (self.input, self.scale);
        sum_up(input.backend, input.rows()?, input.weight_buf(), scale, &mut self.on.parts())
    }

    /// Reads the sums, and how many labels changed where there is room for it, in one wait.
    fn read_sums(&mut self, changed: &mut [i64]) -> Result<(), Error<B::Error>> {
        let on = &self.on;
        let mut parts = [
            (on.changed.borrow(), changed),
            (on.offsets.borrow(), &mut self.offsets[..]),
            (on.mass.borrow(), &mut self.mass[..]),
        ];
        self.input.backend.read_all(&mut parts).map_err(Error::Backend)?;
        self.summed = true;
        Ok(())
    }

    /// Every centre to the mean of its rows; centres without rows are put on far rows where
    /// `reseed` says so. Never raises the cost.
    pub(super) fn update(&mut self, reseed: bool) -> Result<Step, Error<B::Error>> {
        self.sum()?;
        let spherical = self.input.metric == Metric::Cosine;
        let (dim, scale) = (self.input.dim, self.scale);
        let mut host =
            Host { centers: &mut self.centers, offsets: &mut self.offsets, mass: &mut self.mass };
        let shift = move_all(dim, scale, &mut host, |c| !spherical || normalize_row(c));
        let relocated = if reseed && self.mass.contains(&0) { self.relocate()? } else { 0 };
        self.write_centers()?;
        (self.measured, self.summed) = (false, false);
        Ok(Step { shift, relocated })
    }

    /// Puts centres without rows on the rows that pay most – weight × squared distance to the
    /// centres before this update, lower row first – each on another one, while any pays.
    fn relocate(&mut self) -> Result<usize, Error<B::Error>> {
        if !self.measured {
            self.measure()?;
        }
        let input = self.input;
        let paid = |(i, d): (usize, B::Elem)| (d.as_f64() * input.weight(i), i);
        let mut far: Vec<(f64, usize)> = self.dist()?.into_iter().enumerate().map(paid).collect();
        far.retain(|(cost, _)| *cost > 0.0);
        far.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut relocated = 0;
        let empty = (0..self.mass.len()).filter(|&c| self.mass[c] == 0);
        for (c, (_, row)) in empty.zip(&far) {
            let center = &mut self.centers[c * input.dim..(c + 1) * input.dim];
            let data = input.rows()?;
            input.backend.read(data.data(), *row * input.dim, center).map_err(Error::Backend)?;
            relocated += 1;
        }
        Ok(relocated)
    }

    /// Keeps the centres that `keep` lists, in that order.
    pub(super) fn select(&mut self, keep: &[usize]) -> Result<(), Error<B::Error>> {
        let dim = self.input.dim;
        let of = |&c: &usize| self.centers[c * dim..(c + 1) * dim].iter().copied();
        let centers: Vec<B::Elem> = keep.iter().flat_map(of).collect();
        *self = Self::new(self.input, centers)?;
        Ok(())
    }
}

/// Σ w·v over the first n values, in chunks.
pub(super) fn total<B: Backend>(
    backend: &B,
    values: &Values<B>,
    weights: Option<&Values<B>>,
    n: usize,
) -> Result<f64, Error<B::Error>> {
    const CHUNK: usize = 4096;
    let mut sums = vec![0f64; n.div_ceil(CHUNK)];
    backend.sums(values, weights, n, CHUNK, &mut sums).map_err(Error::Backend)?;
    Ok(sums.iter().sum())
}
