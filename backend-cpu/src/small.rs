//! Few coordinates, many rows: rows stand in lanes and coordinates are broadcast, in the order
//! that defines a distance. Below sixteen coordinates term t has running sum t to itself, so
//! folding in half is a fixed tree: `(d0 + d2) + d1` for three, `(d0 + d2) + (d1 + d3)` for four.

use enfold_core::host::precedes;
use enfold_core::{Element, Metric};

use crate::direct::{Gaps, Largest, Squares, TILE, Table, Term};
use crate::isa::Task;
use crate::lanes::{Lanes, MOST};
use crate::sweep::Job;

/// The most coordinates that this module takes.
pub(crate) const MOST_DIM: usize = 8;

/// Whether rows of `dim` elements go here: of the metrics that [`by_shape`] knows.
#[inline(always)]
pub(crate) fn takes(metric: Metric, dim: usize) -> bool {
    let known = matches!(
        metric,
        Metric::SqEuclidean | Metric::Euclidean | Metric::Manhattan | Metric::Chebyshev
    );
    known && dim <= MOST_DIM
}

/// The distances of as many pairs as there are lanes, before any square root.
#[inline(always)]
pub(crate) fn lanewise<L: Lanes, T: Term, const D: usize>(
    l: L,
    x: [L::V; D],
    y: [L::V; D],
) -> T::Sum<L> {
    let mut sum = [T::zero(l); D];
    for t in 0..D {
        sum[t] = T::first(l, x[t], y[t]);
    }
    let mut half = MOST_DIM / 2;
    while half > 0 {
        for t in 0..half {
            if t + half < D {
                sum[t] = T::join(l, sum[t], sum[t + half]);
            }
        }
        half /= 2;
    }
    sum[0]
}

/// Calls `$f::<L, Term, D>` for the metric and the next of the sizes 2, 3, 4 and 8; of 4 and 8
/// for metrics that are asked for less, since every size is compiled for every level.
macro_rules! by_shape {
    ($f:ident::<$l:ty>, $metric:expr, $dim:expr, $args:tt) => {
        match ($metric, $dim) {
            (Metric::Manhattan, 1..=4) => $f::<$l, Gaps, 4> $args,
            (Metric::Manhattan, _) => $f::<$l, Gaps, 8> $args,
            (Metric::Chebyshev, 1..=4) => $f::<$l, Largest, 4> $args,
            (Metric::Chebyshev, _) => $f::<$l, Largest, 8> $args,
            (Metric::SqEuclidean | Metric::Euclidean, 1..=2) => $f::<$l, Squares, 2> $args,
            (Metric::SqEuclidean | Metric::Euclidean, 3) => $f::<$l, Squares, 3> $args,
            (Metric::SqEuclidean | Metric::Euclidean, 4) => $f::<$l, Squares, 4> $args,
            (Metric::SqEuclidean | Metric::Euclidean, _) => $f::<$l, Squares, 8> $args,
            _ => debug_assert!(false, "`small::takes` says which metrics come here"),
        }
    };
}

pub(crate) use by_shape;

/// Up to [`TILE`] rows of y by columns, zeros after the last column and row.
pub(crate) type Columns<E> = [[E; TILE]; MOST_DIM];

/// Writes rows `j..j + n` of y by columns.
#[inline(always)]
pub(crate) fn columns<E: Copy + Default>(
    y: Table<'_, E>,
    (j, n): (usize, usize),
    columns: &mut Columns<E>,
) {
    for at in 0..n {
        for (column, &value) in columns.iter_mut().zip(y.row(j + at)) {
            column[at] = value;
        }
    }
}

/// Distances of one row to a tile of columns.
#[inline(always)]
pub(crate) fn row<L: Lanes>(
    l: L,
    metric: Metric,
    x: &[L::E],
    n: usize,
    columns: &Columns<L::E>,
    out: &mut [L::E; TILE],
) {
    let root = metric == Metric::Euclidean;
    by_shape!(row_of::<L>, metric, x.len(), (l, x, n, root, columns, out));
}

#[inline(always)]
fn row_of<L: Lanes, T: Term, const D: usize>(
    l: L,
    x: &[L::E],
    n: usize,
    root: bool,
    columns: &Columns<L::E>,
    out: &mut [L::E; TILE],
) {
    let mut xs = [l.splat(L::E::default()); D];
    for (to, &x) in xs.iter_mut().zip(x) {
        *to = l.splat(x);
    }
    let mut at = 0;
    while at < n {
        let mut ys = [l.splat(L::E::default()); D];
        for t in 0..D {
            ys[t] = l.load(&columns[t][at..]);
        }
        let mut d = T::each(l, lanewise::<L, T, D>(l, xs, ys));
        if root {
            d = l.sqrt(d);
        }
        l.store(d, &mut out[at..]);
        at += L::WIDTH;
    }
}

/// The nearest row of y for every row of a rectangle, merged into `dist` and `index`, which begin
/// with the first row of it.
pub(crate) struct Scan<'a, 'b, E> {
    pub(crate) job: &'b Job<'a, E>,
    pub(crate) dist: &'b mut [E],
    pub(crate) index: &'b mut [u32],
}

impl<E: Element> Task<E> for Scan<'_, '_, E> {
    type Out = ();

    #[inline(always)]
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(self, l: L) {
        let Self { job, dist, index } = self;
        by_shape!(nearest_of::<L>, job.metric, job.x.dim, (l, job, dist, index));
    }
}

#[inline(always)]
fn nearest_of<L: Lanes, T: Term, const D: usize>(
    l: L,
    job: &Job<'_, L::E>,
    dist: &mut [L::E],
    index: &mut [u32],
) {
    let (first, end) = (job.rows.start, job.rows.end);
    let mut i = first;
    while i < end {
        // Two vectors of rows hide the latency of each other's comparisons.
        let step = if end - i > L::WIDTH { 2 * L::WIDTH } else { L::WIDTH };
        let n = step.min(end - i);
        let a = points::<L, D>(l, job.x, i, n.min(L::WIDTH));
        if n > L::WIDTH {
            let b = points::<L, D>(l, job.x, i + L::WIDTH, n - L::WIDTH);
            scan_block::<L, T, D, 2>(l, job, [a, b], i, n, (first, dist, index));
        } else {
            scan_block::<L, T, D, 1>(l, job, [a], i, n, (first, dist, index));
        }
        i += n;
    }
}

/// Rows `i..i + n` by columns, n at most a vector.
#[inline(always)]
pub(crate) fn points<L: Lanes, const D: usize>(
    l: L,
    x: Table<'_, L::E>,
    i: usize,
    n: usize,
) -> [L::V; D] {
    if n == L::WIDTH && x.dim == D {
        return l.columns::<D>(&x.data[i * D..(i + L::WIDTH) * D]);
    }
    let mut lanes = [[L::E::default(); MOST]; D];
    for r in 0..n {
        for (lanes, &value) in lanes.iter_mut().zip(x.row(i + r)) {
            lanes[r] = value;
        }
    }
    let mut columns = [l.splat(L::E::default()); D];
    for t in 0..D {
        columns[t] = l.load(&lanes[t]);
    }
    columns
}

#[inline(always)]
fn scan_block<L: Lanes, T: Term, const D: usize, const V: usize>(
    l: L,
    job: &Job<'_, L::E>,
    x: [[L::V; D]; V],
    i: usize,
    n: usize,
    (first, dist, index): (usize, &mut [L::E], &mut [u32]),
) {
    use num_traits::Float;
    let root = job.metric == Metric::Euclidean;
    let mut low = [l.splat(L::E::infinity()); V];
    let mut who = [l.splat_index(enfold_core::NONE); V];
    let dim = job.y.dim;
    let ys = &job.y.data[job.others.start * dim..job.others.end * dim];
    for (j, row) in (job.others.start..).zip(ys.chunks_exact(dim)) {
        let mut y = [l.splat(L::E::default()); D];
        for (t, y) in y.iter_mut().enumerate() {
            if t < dim {
                *y = l.splat(row[t]);
            }
        }
        let number = l.splat_index(j as u32);
        for v in 0..V {
            let mut d = T::each(l, lanewise::<L, T, D>(l, x[v], y));
            if root {
                d = l.sqrt(d);
            }
            who[v] = l.if_less(d, low[v], number, who[v]);
            low[v] = l.min(d, low[v]);
        }
    }
    for v in 0..V {
        let (mut d, mut j) = ([L::E::default(); MOST], [0; MOST]);
        l.store(low[v], &mut d);
        l.store_index(who[v], &mut j);
        for r in 0..L::WIDTH.min(n.saturating_sub(v * L::WIDTH)) {
            let at = i - first + v * L::WIDTH + r;
            if precedes((d[r], j[r]), (dist[at], index[at])) {
                (dist[at], index[at]) = (d[r], j[r]);
            }
        }
    }
}
