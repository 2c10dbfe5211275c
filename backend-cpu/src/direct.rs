//! The direct tier: canonical distances at vector width, for every metric, without a heap.
//!
//! The sixteen running sums of [`enfold_core::distance`] are one, two or four registers; each
//! step is a multiplication and an addition of its own, as the definition says, so every level
//! gives its bits. Metrics that have no such form are computed by the definition, pair by pair.

use enfold_core::distance::{LANES, cosine, distance};
use enfold_core::{Element, Metric};
use num_traits::Float;

use crate::lanes::Lanes;

/// Rows of x or y: a buffer of rows and their length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<'a, E> {
    pub(crate) data: &'a [E],
    pub(crate) dim: usize,
}

impl<'a, E> Table<'a, E> {
    /// Row `i`.
    #[inline(always)]
    pub(crate) fn row(self, i: usize) -> &'a [E] {
        &self.data[i * self.dim..][..self.dim]
    }
}

/// One term of a distance, lane by lane.
pub(crate) trait Term {
    /// Running sums of one vector.
    type Sum<L: Lanes>: Copy;
    fn zero<L: Lanes>(l: L) -> Self::Sum<L>;
    /// `step` from zero: no term is −0, so the addition of zero is left out.
    fn first<L: Lanes>(l: L, x: L::V, y: L::V) -> Self::Sum<L>;
    fn step<L: Lanes>(l: L, sum: Self::Sum<L>, x: L::V, y: L::V) -> Self::Sum<L>;
    /// The sum of two vectors of running sums.
    fn join<L: Lanes>(l: L, a: Self::Sum<L>, b: Self::Sum<L>) -> Self::Sum<L>;
    /// The lanes of one vector folded in half.
    fn fold<L: Lanes>(l: L, sum: Self::Sum<L>) -> L::E;
    /// What the sums stand for, lane by lane, where every lane is a pair of its own.
    fn each<L: Lanes>(l: L, sum: Self::Sum<L>) -> L::V;
}

/// Σ (x−y)².
pub(crate) struct Squares;
/// Σ |x−y|.
pub(crate) struct Gaps;
/// Σ xy.
pub(crate) struct Products;
/// max |x−y|, and a sum that is NaN where a gap is not finite.
pub(crate) struct Largest;

macro_rules! sum {
    ($name:ty, |$l:ident, $x:ident, $y:ident| $term:expr) => {
        impl Term for $name {
            type Sum<L: Lanes> = L::V;
            #[inline(always)]
            fn zero<L: Lanes>(l: L) -> L::V {
                l.splat(L::E::default())
            }
            #[inline(always)]
            fn first<L: Lanes>($l: L, $x: L::V, $y: L::V) -> L::V {
                $term
            }
            #[inline(always)]
            fn step<L: Lanes>(l: L, sum: L::V, x: L::V, y: L::V) -> L::V {
                l.add(sum, Self::first(l, x, y))
            }
            #[inline(always)]
            fn join<L: Lanes>(l: L, a: L::V, b: L::V) -> L::V {
                l.add(a, b)
            }
            #[inline(always)]
            fn fold<L: Lanes>(l: L, sum: L::V) -> L::E {
                l.fold(sum)
            }
            #[inline(always)]
            fn each<L: Lanes>(_: L, sum: L::V) -> L::V {
                sum
            }
        }
    };
}

sum!(Squares, |l, x, y| {
    let gap = l.sub(x, y);
    l.mul(gap, gap)
});
sum!(Gaps, |l, x, y| l.abs(l.sub(x, y)));
sum!(Products, |l, x, y| l.mul(x, y));

impl Term for Largest {
    type Sum<L: Lanes> = (L::V, L::V);
    #[inline(always)]
    fn zero<L: Lanes>(l: L) -> (L::V, L::V) {
        (l.splat(L::E::default()), l.splat(L::E::default()))
    }
    #[inline(always)]
    fn first<L: Lanes>(l: L, x: L::V, y: L::V) -> (L::V, L::V) {
        Self::step(l, Self::zero(l), x, y)
    }
    #[inline(always)]
    fn step<L: Lanes>(l: L, sum: (L::V, L::V), x: L::V, y: L::V) -> (L::V, L::V) {
        let gap = l.abs(l.sub(x, y));
        let zero = l.splat(L::E::default());
        (l.max(gap, sum.0), l.add(sum.1, l.mul(gap, zero)))
    }
    #[inline(always)]
    fn join<L: Lanes>(l: L, a: (L::V, L::V), b: (L::V, L::V)) -> (L::V, L::V) {
        (l.max(a.0, b.0), l.add(a.1, b.1))
    }
    #[inline(always)]
    fn fold<L: Lanes>(l: L, sum: (L::V, L::V)) -> L::E {
        let mut most = [L::E::default(); LANES];
        l.store(sum.0, &mut most);
        let most = most.into_iter().fold(L::E::default(), |a, b| if b > a { b } else { a });
        most + l.fold(sum.1)
    }
    #[inline(always)]
    fn each<L: Lanes>(l: L, sum: (L::V, L::V)) -> L::V {
        l.add(sum.0, sum.1)
    }
}

/// `N` distances of one row: the running sums side by side, so that additions overlap.
#[inline(always)]
pub(crate) fn sums<L: Lanes, T: Term, const S: usize, const N: usize>(
    l: L,
    x: &[L::E],
    ys: [&[L::E]; N],
) -> [L::E; N] {
    pair_sums::<L, T, S, N>(l, [x; N], ys)
}

/// `N` distances of as many pairs of rows of one length.
#[inline(always)]
fn pair_sums<L: Lanes, T: Term, const S: usize, const N: usize>(
    l: L,
    xs: [&[L::E]; N],
    ys: [&[L::E]; N],
) -> [L::E; N] {
    let dim = xs[0].len();
    let mut lanes = [[T::zero(l); S]; N];
    let xs = xs.map(|x| &x[..dim]);
    let ys = ys.map(|y| &y[..dim]);
    let mut t = 0;
    while t + LANES <= dim {
        for s in 0..S {
            let at = t + s * L::WIDTH;
            for n in 0..N {
                let (x, y) = (l.load(&xs[n][at..at + L::WIDTH]), l.load(&ys[n][at..at + L::WIDTH]));
                lanes[n][s] = T::step(l, lanes[n][s], x, y);
            }
        }
        t += LANES;
    }
    if t < dim {
        for s in 0..S {
            let (at, end) = (t + s * L::WIDTH, (t + (s + 1) * L::WIDTH).min(dim));
            if at < end {
                for n in 0..N {
                    let (x, y) = (l.load_part(&xs[n][at..end]), l.load_part(&ys[n][at..end]));
                    lanes[n][s] = T::step(l, lanes[n][s], x, y);
                }
            }
        }
    }
    let mut out = [L::E::default(); N];
    for n in 0..N {
        let mut half = S / 2;
        while half > 0 {
            for s in 0..half {
                lanes[n][s] = T::join(l, lanes[n][s], lanes[n][s + half]);
            }
            half /= 2;
        }
        out[n] = T::fold(l, lanes[n][0]);
    }
    out
}

/// The canonical (squared) Euclidean distances of as many pairs.
#[cfg(feature = "std")]
#[inline(always)]
pub(crate) fn euclidean<L: Lanes, const S: usize, const N: usize>(
    l: L,
    root: bool,
    xs: [&[L::E]; N],
    ys: [&[L::E]; N],
) -> [L::E; N] {
    let mut distances = pair_sums::<L, Squares, S, N>(l, xs, ys);
    if root {
        for distance in &mut distances {
            *distance = distance.sqrt();
        }
    }
    distances
}

/// The same of as many pairs as `out` has room for, four at a time, so that the long wait of one for
/// its additions is spent on three others. What is done with them is the caller's loop: a closure
/// for it might be compiled without the features of this level.
#[cfg(feature = "std")]
#[inline(always)]
pub(crate) fn euclidean_each<'a, L: Lanes, const S: usize>(
    l: L,
    root: bool,
    pair: impl Fn(usize) -> (&'a [L::E], &'a [L::E]),
    out: &mut [L::E],
) where
    L::E: 'a,
{
    const TOGETHER: usize = 4;
    let n = out.len();
    for (first, out) in (0..n).step_by(TOGETHER).zip(out.chunks_mut(TOGETHER)) {
        let mut xs: [&[L::E]; TOGETHER] = [&[]; TOGETHER];
        let mut ys = xs;
        for p in 0..TOGETHER {
            (xs[p], ys[p]) = pair((first + p).min(n - 1));
        }
        let distances = euclidean::<L, S, TOGETHER>(l, root, xs, ys);
        out.copy_from_slice(&distances[..out.len()]);
    }
}

/// Rows looked at together: as many as a mask has bits.
pub(crate) const TILE: usize = 64;

/// The sums of `x` with rows `j..j + n` of y, n ≤ [`TILE`].
#[inline(always)]
fn row_sums<L: Lanes, T: Term, const S: usize>(
    l: L,
    x: &[L::E],
    y: Table<'_, L::E>,
    (j, n): (usize, usize),
    out: &mut [L::E; TILE],
) {
    let mut at = 0;
    while at + 4 <= n {
        let ys = [y.row(j + at), y.row(j + at + 1), y.row(j + at + 2), y.row(j + at + 3)];
        out[at..at + 4].copy_from_slice(&sums::<L, T, S, 4>(l, x, ys));
        at += 4;
    }
    while at < n {
        out[at] = sums::<L, T, S, 1>(l, x, [y.row(j + at)])[0];
        at += 1;
    }
}

/// Distances of one row to up to [`TILE`] rows: `y_norms` are their squared lengths (cosine).
#[inline(always)]
pub(crate) fn row<L: Lanes, const S: usize>(
    l: L,
    metric: Metric,
    x: &[L::E],
    y: Table<'_, L::E>,
    (j, n): (usize, usize),
    y_norms: &[L::E; TILE],
    out: &mut [L::E; TILE],
) {
    match metric {
        Metric::Euclidean => {
            row_sums::<L, Squares, S>(l, x, y, (j, n), out);
            roots(l, out);
        }
        Metric::Manhattan => row_sums::<L, Gaps, S>(l, x, y, (j, n), out),
        Metric::Chebyshev => row_sums::<L, Largest, S>(l, x, y, (j, n), out),
        Metric::Cosine => {
            let norm = sums::<L, Products, S, 1>(l, x, [x])[0];
            row_sums::<L, Products, S>(l, x, y, (j, n), out);
            for (out, &other) in out[..n].iter_mut().zip(y_norms) {
                *out = cosine(*out, norm, other);
            }
        }
        Metric::SqEuclidean => row_sums::<L, Squares, S>(l, x, y, (j, n), out),
        _ => defined(metric, x, y, (j, n), out),
    }
}

/// Metrics without a form of their own here: pair by pair, by the definition itself.
#[inline(never)]
fn defined<E: Element>(
    metric: Metric,
    x: &[E],
    y: Table<'_, E>,
    (j, n): (usize, usize),
    out: &mut [E; TILE],
) {
    for (at, out) in out[..n].iter_mut().enumerate() {
        *out = distance(metric, x, y.row(j + at));
    }
}

/// The squared lengths of rows `j..j + n`.
#[inline(always)]
pub(crate) fn norms<L: Lanes, const S: usize>(
    l: L,
    y: Table<'_, L::E>,
    (j, n): (usize, usize),
    out: &mut [L::E; TILE],
) {
    for (at, out) in out[..n].iter_mut().enumerate() {
        let y = y.row(j + at);
        *out = sums::<L, Products, S, 1>(l, y, [y])[0];
    }
}

/// Square roots in place.
#[inline(always)]
pub(crate) fn roots<L: Lanes>(l: L, tile: &mut [L::E; TILE]) {
    let mut at = 0;
    while at < TILE {
        let root = l.sqrt(l.load(&tile[at..]));
        l.store(root, &mut tile[at..]);
        at += L::WIDTH;
    }
}

/// One bit per distance that is at most `limit`.
#[inline(always)]
pub(crate) fn near<L: Lanes>(l: L, tile: &[L::E; TILE], limit: L::E) -> u64 {
    let (limit, mut bits, mut at) = (l.splat(limit), 0, 0);
    while at < TILE {
        bits |= u64::from(l.le(l.load(&tile[at..]), limit)) << at;
        at += L::WIDTH;
    }
    bits
}

/// `limit`, but no infinity: ∞ is not near anything. NaN stays NaN.
#[inline(always)]
pub(crate) fn finite<E: Element>(limit: E) -> E {
    if limit > E::max_value() { E::max_value() } else { limit }
}
