//! Boxes and the bounds of distances between them.

use crate::distance::further::{raised, root};
use crate::distance::{LANES, accuracy, fold_lanes};
use crate::element::Element;
use crate::metric::{Metric, Power};

/// Lows and highs of a box.
type Bounds<'a, T> = (&'a [T], &'a [T]);

/// Writes the lows and highs of rows, at least one, to `into`.
pub(super) fn around<T: Element>(rows: &[T], into: &mut [T]) {
    let dim = into.len() / 2;
    let (low, high) = into.split_at_mut(dim);
    low.copy_from_slice(&rows[..dim]);
    high.copy_from_slice(&rows[..dim]);
    for row in rows.chunks_exact(dim).skip(1) {
        for ((low, high), &v) in low.iter_mut().zip(&mut *high).zip(row) {
            *low = if v < *low { v } else { *low };
            *high = if v > *high { v } else { *high };
        }
    }
}

/// Widens a box, lows and then highs, to hold another.
pub(super) fn enclose<T: Element>(joint: &mut [T], other: Bounds<'_, T>) {
    let (low, high) = joint.split_at_mut(other.0.len());
    for (low, &v) in low.iter_mut().zip(other.0) {
        *low = low.min(v);
    }
    for (high, &v) in high.iter_mut().zip(other.1) {
        *high = high.max(v);
    }
}

/// The canonical distance of the smallest differences that two boxes allow.
#[inline]
pub(super) fn lower<T: Element>(metric: Metric, x: Bounds<'_, T>, y: Bounds<'_, T>) -> T {
    let (x, y) = (trim(x, y.0.len()), trim(y, x.0.len()));
    let gap = |t: usize| {
        let (above, below) = (y.0[t] - x.1[t], x.0[t] - y.1[t]);
        let most = if above > below { above } else { below };
        if most > T::zero() { most } else { T::zero() }
    };
    match metric {
        Metric::Minkowski(power) => less(metric, x.0.len(), of_powers(power, x.0.len(), gap)),
        _ => of_gaps(metric, x.0.len(), gap, T::zero()),
    }
}

/// The canonical distance of the largest differences that two boxes allow.
#[inline]
pub(super) fn upper<T: Element>(metric: Metric, x: Bounds<'_, T>, y: Bounds<'_, T>) -> T {
    let (x, y) = (trim(x, y.0.len()), trim(y, x.0.len()));
    let gap = |t: usize| {
        let (above, below) = (y.1[t] - x.0[t], x.1[t] - y.0[t]);
        if above > below { above } else { below }
    };
    match metric {
        Metric::Minkowski(power) => more(metric, x.0.len(), of_powers(power, x.0.len(), gap)),
        _ => of_gaps(metric, x.0.len(), gap, T::infinity()),
    }
}

/// Equal lengths, for the compiler to see.
#[inline]
fn trim<T>((low, high): Bounds<'_, T>, dim: usize) -> Bounds<'_, T> {
    (&low[..dim], &high[..dim])
}

/// The distance of rows whose coordinates are `gap(t)` apart, none of them negative.
#[inline]
fn of_gaps<T: Element>(metric: Metric, dim: usize, gap: impl Fn(usize) -> T, unknown: T) -> T {
    let square = |t| gap(t) * gap(t);
    match metric {
        Metric::SqEuclidean => strided(dim, square),
        Metric::Euclidean => strided(dim, square).sqrt(),
        Metric::Manhattan => strided(dim, gap),
        Metric::Chebyshev => (0..dim).map(gap).fold(T::zero(), |a, b| if b > a { b } else { a }),
        _ => unknown,
    }
}

/// The Minkowski distance of rows whose coordinates are `gap(t)` apart. Powers need not be
/// monotone to the last bit, so that bounds made of it need a margin.
fn of_powers<T: Element>(power: Power, dim: usize, gap: impl Fn(usize) -> T) -> T {
    let most = (0..dim).map(&gap).fold(T::zero(), |a, b| if b > a { b } else { a });
    if !(most > T::zero() && most < T::infinity()) {
        return most;
    }
    most * root(strided(dim, |t| raised(gap(t) / most, power)), power)
}

/// Below every distance of which the true one is at least that of `found`.
fn less<T: Element>(metric: Metric, dim: usize, found: T) -> T {
    let (relative, least) = margin::<T>(metric, dim);
    let low = T::of_f64(found.as_f64() * (1.0 - relative) - least);
    if low > T::zero() { low } else { T::zero() }
}

/// Above every distance of which the true one is at most that of `found`.
fn more<T: Element>(metric: Metric, dim: usize, found: T) -> T {
    let (relative, least) = margin::<T>(metric, dim);
    T::of_f64(found.as_f64() * (1.0 + relative) + least)
}

/// The errors of the bound and of the distance, with room for those of the margin itself.
fn margin<T: Element>(metric: Metric, dim: usize) -> (f64, f64) {
    (4.0 * accuracy::<T>(metric, dim), dim as f64 * T::min_positive_value().as_f64())
}

/// Σ term(t) in the order that defines a distance; the first sizes without the zeros.
#[inline]
fn strided<T: Element>(dim: usize, term: impl Fn(usize) -> T) -> T {
    match dim {
        1 => term(0),
        2 => term(0) + term(1),
        3 => (term(0) + term(2)) + term(1),
        4 => (term(0) + term(2)) + (term(1) + term(3)),
        _ => {
            let mut lanes = [T::zero(); LANES];
            for t in 0..dim {
                lanes[t % LANES] = lanes[t % LANES] + term(t);
            }
            fold_lanes(lanes)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::distance::distance;
    use crate::random::Draws;

    /// Coordinates that round: near each other, far from the origin, of all sizes.
    fn rows(draws: &Draws, case: u64, n: usize, dim: usize) -> Vec<f32> {
        let scale = [1.0, 1e-3, 1e6, 3e-20][draws.below(case, 0, 4) as usize];
        let offset = [0.0, 1.0, -7e5][draws.below(case, 1, 3) as usize];
        let one = |at| (draws.unit(case, 2 + at as u32) - 0.5) * scale + offset;
        (0..n * dim).map(one).collect()
    }

    #[test]
    fn no_pair_leaves_the_bounds_of_its_boxes() {
        let draws = Draws::new(7, 0);
        for case in 0..2000 {
            let dim = [1, 2, 3, 4, 5, 16, 17, 40][case % 8];
            let case = 2 * case as u64;
            let (x, y) = (rows(&draws, case, 3, dim), rows(&draws, case + 1, 3, dim));
            let (mut a, mut b) = (std::vec![0.0; 2 * dim], std::vec![0.0; 2 * dim]);
            around(&x, &mut a);
            around(&y, &mut b);
            for metric in Metric::of_dim(dim) {
                let low = lower(metric, a.split_at(dim), b.split_at(dim));
                let high = upper(metric, a.split_at(dim), b.split_at(dim));
                for i in x.chunks(dim) {
                    for j in y.chunks(dim) {
                        let d = distance(metric, i, j);
                        assert!(low <= d && d <= high, "{metric:?} {dim}: {low} {d} {high}");
                    }
                }
                // Single rows: both bounds are the distance itself.
                let powers = matches!(metric, Metric::Minkowski(_));
                if metric.has_bounds() && !powers {
                    let (i, j) = (&x[..dim], &y[..dim]);
                    assert_eq!(lower(metric, (i, i), (j, j)), distance(metric, i, j));
                    assert_eq!(upper(metric, (i, i), (j, j)), distance(metric, i, j));
                }
            }
        }
    }
}
