//! The folds of one backend over one shape, timed one at a time.

use std::borrow::{Borrow, BorrowMut};

use enfold_core::{Alloc, Backend, Metric, NONE, Nearest, Pairs, Rows, Sums, rows};

use crate::clock::timed_on;
use crate::failure::Outcome;
use crate::shape::Shape;

/// Neighbours of `nearest_16`.
const MANY: usize = 16;
/// Labels of `sum_by_label`.
const LABELS: usize = 8;
/// Rows whose answers are compared; rows that are joined.
const COMPARED: usize = 2048;
const JOINED: usize = 8192;
/// Rows whose error is taken against f64.
const JUDGED: usize = 64;
/// Terms of a chunk of `sums`.
const CHUNK: usize = 4096;
const SCALE: f32 = 65536.0;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    /// The nearest centre.
    Nearest,
    /// The nearest centres, sixteen of them.
    Nearest16,
    /// Centres within a radius.
    CountWithin,
    /// The lowest centre within a radius.
    LowestWithin,
    /// Union-find over rows.
    JoinWithin,
    /// Sums of distances to groups of centres.
    SumByLabel,
    /// Integer sums of rows by label.
    Accumulate,
    /// Sums of chunks.
    Sums,
}

impl Fold {
    pub(crate) const ALL: [Self; 8] = [
        Self::Nearest,
        Self::Nearest16,
        Self::CountWithin,
        Self::LowestWithin,
        Self::JoinWithin,
        Self::SumByLabel,
        Self::Accumulate,
        Self::Sums,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Nearest16 => "nearest_16",
            Self::CountWithin => "count_within",
            Self::LowestWithin => "lowest_within",
            Self::JoinWithin => "join_within",
            Self::SumByLabel => "sum_by_label",
            Self::Accumulate => "accumulate",
            Self::Sums => "sums",
        }
    }

    /// Operations – two to a coordinate of a pair – and the bytes that must be read and written.
    pub(crate) fn work(self, shape: &Shape) -> (f64, f64) {
        let [n, d, k] = [shape.rows(), shape.dim, shape.centers()].map(|v| v as f64);
        let (pairs, data) = (2.0 * n * k * d, 4.0 * (n + k) * d);
        match self {
            Self::Nearest => (pairs, data + 8.0 * n),
            Self::Nearest16 => (pairs, data + 16.0 * n * k.min(MANY as f64)),
            Self::CountWithin => (pairs, data + 12.0 * n),
            Self::LowestWithin => (pairs, data + 8.0 * n + 4.0 * k),
            Self::JoinWithin => {
                let m = n.min(JOINED as f64);
                (2.0 * m * m * d, 4.0 * m * (d + 2.0))
            }
            Self::SumByLabel => (pairs, data + 8.0 * n * LABELS as f64),
            Self::Accumulate => (2.0 * n * d, data + 4.0 * n + 16.0 * k * d),
            Self::Sums => (2.0 * n, 4.0 * n),
        }
    }
}

/// What a fold gave for the first rows, to the bit, and how far it is from the definition.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) bits: Vec<u64>,
    /// The largest relative error of a distance or a sum; None for what is whole numbers.
    pub(crate) error: Option<f64>,
}

impl Answer {
    /// In how many places two answers are not the same.
    pub(crate) fn differ(&self, other: &Self) -> usize {
        self.bits.iter().zip(&other.bits).filter(|(a, b)| a != b).count()
    }
}

/// A backend with one shape on it.
pub(crate) trait Runner {
    /// Milliseconds of one call, from clean buffers to the end of the work.
    fn time(&mut self, fold: Fold, shape: &Shape) -> Outcome<f64>;
    /// What it gives for the first rows.
    fn answer(&mut self, fold: Fold, shape: &Shape) -> Outcome<Answer>;
}

/// Buffers of a shape on a machine.
pub(crate) struct On<B: Alloc<Elem = f32>> {
    b: B,
    x: B::Owned<f32>,
    y: B::Owned<f32>,
    dist: B::Owned<f32>,
    index: B::Owned<u32>,
    labels: B::Owned<u32>,
    values: B::Owned<f32>,
    offsets: B::Owned<i64>,
    mass: B::Owned<i64>,
    chunks: Vec<f64>,
    /// It does not compute on this processor, whose time says nothing.
    afar: bool,
}

impl<B: Alloc<Elem = f32>> On<B>
where
    B::Error: 'static,
{
    pub(crate) fn new(b: B, shape: &Shape, afar: bool) -> Outcome<Self> {
        let (n, k) = (shape.rows(), shape.centers());
        let labels: Vec<u32> = (0..n as u32).map(|i| i % k.min(LABELS) as u32).collect();
        let mut new = Self {
            x: b.alloc(shape.x.len())?,
            y: b.alloc(shape.y.len())?,
            dist: b.alloc(n * MANY)?,
            index: b.alloc(n * MANY)?,
            labels: b.alloc(n)?,
            values: b.alloc(n * LABELS)?,
            offsets: b.alloc(k * shape.dim)?,
            mass: b.alloc(k)?,
            chunks: vec![0.0; n.div_ceil(CHUNK)],
            afar,
            b,
        };
        new.b.write(new.x.borrow_mut(), 0, &shape.x)?;
        new.b.write(new.y.borrow_mut(), 0, &shape.y)?;
        new.b.write(new.labels.borrow_mut(), 0, &labels)?;
        Ok(new)
    }

    /// Outputs as the contract calls them empty.
    fn clear(&mut self, fold: Fold, shape: &Shape) -> Outcome<()> {
        let b = &self.b;
        let dist = if fold == Fold::CountWithin { shape.radius } else { f32::INFINITY };
        b.fill(self.dist.borrow_mut(), dist)?;
        let index = if fold == Fold::CountWithin { 0 } else { NONE };
        b.fill(self.index.borrow_mut(), index)?;
        if fold == Fold::JoinWithin {
            let own: Vec<u32> = (0..shape.rows() as u32).collect();
            b.write(self.index.borrow_mut(), 0, &own)?;
        }
        b.fill(self.values.borrow_mut(), 0.0f32)?;
        b.fill(self.offsets.borrow_mut(), 0i64)?;
        b.fill(self.mass.borrow_mut(), 0i64)?;
        Ok(b.sync()?)
    }

    /// One call over the first `n` rows.
    fn call(&mut self, fold: Fold, shape: &Shape, n: usize) -> Outcome<()> {
        let dim = shape.dim;
        let x = rows::<B>(self.x.borrow(), dim)?.range(0, n)?;
        let y = rows::<B>(self.y.borrow(), dim)?;
        let pairs = Pairs::new(x, y, Metric::SqEuclidean)?;
        let (dist, index) = (self.dist.borrow_mut(), self.index.borrow_mut());
        let labels = self.labels.borrow();
        match fold {
            Fold::Nearest => self.b.nearest(pairs, Nearest { k: 1, dist, index })?,
            Fold::Nearest16 => self.b.nearest(pairs, Nearest { k: MANY, dist, index })?,
            Fold::CountWithin => self.b.count_within(pairs, dist, 1, index)?,
            Fold::LowestWithin => self.b.lowest_within(pairs, shape.radius, labels, index)?,
            Fold::JoinWithin => {
                let m = n.min(JOINED);
                let both = Pairs::new(x.range(0, m)?, x.range(0, m)?, Metric::SqEuclidean)?;
                // Labels from 1 up are members: all but one row in eight.
                self.b.join_within(both, shape.radius, labels, index)?;
            }
            Fold::SumByLabel => {
                self.b.sum_by_label(pairs, labels, LABELS, self.values.borrow_mut())?;
            }
            Fold::Accumulate => self.accumulate(n, dim)?,
            Fold::Sums => {
                let values: &B::Buf<f32> = self.x.borrow();
                let chunks = &mut self.chunks[..n.div_ceil(CHUNK)];
                self.b.sums(values, None, n, CHUNK, chunks)?;
            }
        }
        Ok(self.b.sync()?)
    }

    fn accumulate(&mut self, n: usize, dim: usize) -> Outcome<()> {
        let x: Rows<'_, B::Buf<f32>> = rows::<B>(self.x.borrow(), dim)?.range(0, n)?;
        let origins = rows::<B>(self.y.borrow(), dim)?;
        let (offsets, mass) = (self.offsets.borrow_mut(), self.mass.borrow_mut());
        let into = Sums { offsets, mass, scatter: None };
        Ok(self.b.accumulate(x, self.labels.borrow(), None, origins, SCALE, into)?)
    }

    fn read<T: bytemuck::Pod>(&self, from: &B::Buf<T>, len: usize) -> Outcome<Vec<T>> {
        let mut to = vec![T::zeroed(); len.min(<B as Backend>::len::<T>(from))];
        self.b.read(from, 0, &mut to)?;
        Ok(to)
    }
}

impl<B: Alloc<Elem = f32>> Runner for On<B>
where
    B::Error: 'static,
{
    fn time(&mut self, fold: Fold, shape: &Shape) -> Outcome<f64> {
        self.clear(fold, shape)?;
        let (ms, done) = timed_on(self.afar, || self.call(fold, shape, shape.rows()));
        done.map(|()| ms)
    }

    fn answer(&mut self, fold: Fold, shape: &Shape) -> Outcome<Answer> {
        let n = shape.rows().min(COMPARED);
        self.clear(fold, shape)?;
        self.call(fold, shape, n)?;
        let per_row = if fold == Fold::Nearest16 { MANY } else { 1 };
        let dist = self.read::<f32>(self.dist.borrow(), n * per_row)?;
        let index = self.read::<u32>(self.index.borrow(), n * per_row)?;
        let values = self.read::<f32>(self.values.borrow(), n * LABELS)?;
        let whole = |v: &[u32]| v.iter().map(|v| u64::from(*v)).collect::<Vec<u64>>();
        let bits = |v: &[f32]| v.iter().map(|v| u64::from(v.to_bits())).collect::<Vec<u64>>();
        let (bits, error) = match fold {
            Fold::Nearest | Fold::Nearest16 => {
                ([bits(&dist), whole(&index)].concat(), Some(shape.off(&dist, per_row)))
            }
            Fold::CountWithin | Fold::LowestWithin | Fold::JoinWithin => (whole(&index), None),
            Fold::SumByLabel => (bits(&values), Some(shape.sums_off(&values))),
            Fold::Accumulate => {
                let sums = self.read::<i64>(self.offsets.borrow(), usize::MAX)?;
                (sums.iter().map(|v| *v as u64).collect(), None)
            }
            Fold::Sums => {
                (self.chunks[..n.div_ceil(CHUNK)].iter().map(|v| v.to_bits()).collect(), None)
            }
        };
        Ok(Answer { bits, error })
    }
}

impl Shape {
    /// The largest relative error of the nearest distances.
    fn off(&self, dist: &[f32], per_row: usize) -> f64 {
        let off = |i: usize| {
            let exact = self.nearest(i);
            (f64::from(dist[i * per_row]) - exact).abs() / exact.max(f64::from(f32::MIN_POSITIVE))
        };
        (0..self.rows().min(JUDGED)).map(off).fold(0.0, f64::max)
    }

    /// The largest relative error of the sums by label.
    fn sums_off(&self, sums: &[f32]) -> f64 {
        let groups = self.centers().min(LABELS);
        let off = |at: usize| {
            let (i, group) = (at / groups, at % groups);
            let exact: f64 =
                (group..self.centers()).step_by(groups).map(|j| self.squared(i, j)).sum();
            (f64::from(sums[i * LABELS + group]) - exact).abs()
                / exact.max(f64::from(f32::MIN_POSITIVE))
        };
        (0..self.rows().min(JUDGED) * groups).map(off).fold(0.0, f64::max)
    }
}
