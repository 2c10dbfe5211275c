//! Which rows can be near the rows of a cell: bounds of single rows by the triangle inequality.
//!
//! A row j is known by its distances to the centres alone. With c the centre of a cell, h that of
//! the cell that j lives in, and u(p) = |p−c|² − |p−h|², for every row x of the cell
//!
//! | bound | of \|x − j\|, at least |
//! |---|---|
//! | ball | \|j−c\| − max \|x−c\| |
//! | axis | (u(j) − max u(x)) / 2\|h−c\|: the gap along the line through both centres |
//!
//! The second takes the largest u over the rows that are there, not the plane between the centres
//! (where u = 0), which left three times as many pairs. Both become limits of |j−c|², so that a
//! row is compared with a cell without a root.
//!
//! Limits are taken in `f64` from canonical distances widened by what
//! [`accuracy`] allows, and rounded up: a row at a canonical distance within the
//! radius is never left out.
//!
//! Source: Elkan 2003 (ball and plane, for k-means).

use alloc::vec;
use alloc::vec::Vec;

use num_traits::{Float, Zero};

use crate::backend::{Alloc, Values};
use crate::distance::accuracy;
use crate::element::Element;
use crate::error::Error;
use crate::metric::Metric;
use crate::rows::{Pairs, Rows};

/// Rows whose distances to the centres are taken together.
const PART: usize = 512;

/// Centres, and how far the rows of their cells reach.
pub(crate) struct Reach<'a, B: Alloc> {
    backend: &'a B,
    centres: Rows<'a, Values<B>>,
    /// |c−h| for each pair of centres, rounded up.
    gaps: Vec<f64>,
    margin: Margin<B::Elem>,
    /// The largest |x−c|² of each cell, canonical.
    ball: Vec<B::Elem>,
    /// The largest |x−c|² − |x−h|² of each cell c and centre h, rounded up.
    axis: Vec<B::Elem>,
}

impl<'a, B: Alloc> Reach<'a, B> {
    /// Of `rows`, which live in the cells `homes`; `host` are the centres, too.
    pub(crate) fn new(
        backend: &'a B,
        (centres, host): (Rows<'a, Values<B>>, &[B::Elem]),
        rows: Rows<'_, Values<B>>,
        homes: &[u32],
    ) -> Result<Self, Error<B::Error>> {
        let (n, dim) = (centres.len(), centres.dim());
        let margin = Margin::new(dim);
        let low = B::Elem::neg_infinity();
        let (ball, axis) = (vec![B::Elem::zero(); n], vec![low; n * n]);
        let mut reach = Self { backend, centres, gaps: gaps(host, dim), margin, ball, axis };
        let mut add = Widest { margin, ball: vec![low; n], axis: core::mem::take(&mut reach.axis) };
        reach.each(rows, |at, dist| add.row(homes[at] as usize, dist))?;
        (reach.ball, reach.axis) = (add.ball, add.axis);
        Ok(reach)
    }

    /// Calls `visit(at, distances to the centres)` for the `at`-th of the rows and all others.
    fn each(
        &self,
        rows: Rows<'_, Values<B>>,
        mut visit: impl FnMut(usize, &[B::Elem]),
    ) -> Result<(), Error<B::Error>> {
        let n = self.centres.len();
        let mut dist = vec![B::Elem::zero(); PART.min(rows.len()) * n];
        for start in (rows.start()..rows.end()).step_by(PART) {
            let part = rows.range(start, (start + PART).min(rows.end()))?;
            let dist = &mut dist[..part.len() * n];
            let pairs = Pairs::new(part, self.centres, Metric::SqEuclidean)?;
            self.backend.distances(pairs, dist).map_err(Error::Backend)?;
            for (at, dist) in dist.chunks_exact(n).enumerate() {
                visit(start - rows.start() + at, dist);
            }
        }
        Ok(())
    }

    /// Calls `enter(at, cell)` for every cell that can hold a row whose canonical distance to the
    /// `at`-th of `rows` is at most the radius of the cell; radii are squared Euclidean.
    pub(crate) fn entered(
        &self,
        rows: Rows<'_, Values<B>>,
        homes: &[u32],
        radii: &[B::Elem],
        mut enter: impl FnMut(usize, u32),
    ) -> Result<(), Error<B::Error>> {
        let n = self.centres.len();
        let (ball, axis) = (self.balls(radii), self.axes(radii));
        self.each(rows, |at, dist| {
            let home = homes[at] as usize;
            let (axis, own) = (&axis[home * n..][..n], self.margin.up(dist[home]));
            for (cell, ((&d, &ball), &axis)) in dist.iter().zip(&ball).zip(axis).enumerate() {
                if d <= ball && d <= axis + own {
                    enter(at, cell as u32);
                }
            }
        })
    }

    /// The largest |j−c|² that the ball of each cell allows; none for cells without rows.
    fn balls(&self, radii: &[B::Elem]) -> Vec<B::Elem> {
        let limit = |(&ball, &radius): (&B::Elem, &B::Elem)| {
            let reach = self.margin.length(ball) + self.margin.length(radius);
            if ball < B::Elem::zero() { ball } else { self.margin.limit(reach * reach) }
        };
        self.ball.iter().zip(radii).map(limit).collect()
    }

    /// What may be added to |j−h|² for the largest |j−c|² that the axis of c and h allows, by h.
    fn axes(&self, radii: &[B::Elem]) -> Vec<B::Elem> {
        let n = self.centres.len();
        let mut out = vec![B::Elem::infinity(); n * n];
        for (cell, &radius) in radii.iter().enumerate() {
            let radius = self.margin.length(radius);
            for home in 0..n {
                let gap = self.gaps[cell * n + home];
                let most = self.axis[cell * n + home].as_f64();
                // One centre twice says nothing.
                if gap > 0.0 && radius < f64::INFINITY {
                    out[home * n + cell] = self.margin.limit(2.0 * gap * radius + most);
                }
            }
        }
        out
    }
}

/// What is being collected for a [`Reach`].
struct Widest<T> {
    margin: Margin<T>,
    ball: Vec<T>,
    axis: Vec<T>,
}

impl<T: Element> Widest<T> {
    fn row(&mut self, home: usize, dist: &[T]) {
        let (own, n) = (dist[home], dist.len());
        self.ball[home] = self.ball[home].max(own);
        let (own, down) = (self.margin.up(own), self.margin.down);
        for (axis, &d) in self.axis[home * n..][..n].iter_mut().zip(dist) {
            let lean = own - d * down;
            *axis = if lean > *axis { lean } else { *axis };
        }
    }
}

/// What roundings allow.
#[derive(Debug, Clone, Copy)]
struct Margin<T> {
    /// The relative error of a distance.
    relative: f64,
    /// What underflow adds at most, several times.
    tiny: f64,
    /// 1 + the relative error, twice and more.
    up: T,
    /// 1 − the same.
    down: T,
}

impl<T: Element> Margin<T> {
    fn new(dim: usize) -> Self {
        let relative = accuracy::<T>(Metric::SqEuclidean, dim);
        let wide = 4.0 * relative + 16.0 * T::ROUNDOFF;
        let tiny = 4.0 * (dim as f64 + 16.0) * T::min_positive_value().as_f64();
        Self { relative, tiny, up: T::of_f64(1.0 + wide), down: T::of_f64(1.0 - wide) }
    }

    /// Above a squared distance, roundings of a sum with it included.
    fn up(self, d: T) -> T {
        d * self.up + T::of_f64(2.0 * self.tiny)
    }

    /// Above the true distance.
    fn length(self, square: T) -> f64 {
        libm::sqrt((square.as_f64() * (1.0 + 2.0 * self.relative) + self.tiny) * (1.0 + 1e-12))
    }

    /// Above the canonical number of a true square of at most `most`, and the roundings of a sum.
    fn limit(self, most: f64) -> T {
        let wide = 2.0 * self.relative + 8.0 * T::ROUNDOFF;
        let limit = most + most.abs() * wide + 2.0 * self.tiny;
        if limit.is_nan() { T::infinity() } else { T::of_f64(limit) }
    }
}

/// The distances of the centres, rounded up.
fn gaps<T: Element>(centres: &[T], dim: usize) -> Vec<f64> {
    let up = 1.0 + (dim as f64 + 8.0) * f64::EPSILON;
    let gap = |(a, b): (&T, &T)| (a.as_f64() - b.as_f64()) * (a.as_f64() - b.as_f64());
    let between = |a: &[T], b: &[T]| libm::sqrt(a.iter().zip(b).map(gap).sum::<f64>()) * up;
    let rows = || centres.chunks_exact(dim);
    rows().flat_map(|a| rows().map(move |b| between(a, b))).collect()
}
