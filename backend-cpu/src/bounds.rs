//! How far the filter's number can be from the canonical one.
//!
//! The filter shifts rows by a centre c, `x' = fl(x − c)`, `y' = fl(y − c)`, and accumulates
//! `|y'|² − 2 x'·y'` term after term. With a = |x − c|, b = |y − c|, the unit round-off u and the
//! canonical number D of the pair,
//!
//! | source | error, at most |
//! |---|---|
//! | accumulation, dim + 1 roundings of partial sums ≤ b² + 2ab | (dim + 1)·u·(a² + 2b²) |
//! | the shift moves x − y by u(a + b) | 4u·(a² + b²) |
//! | roundings in D itself, dim/16 + 8 of them, D ≤ 2(a² + b²) | (dim/8 + 16)·u·(a² + b²) |
//! | \|x'\|², dim + 1 roundings | (dim + 1)·u·a² |
//! | \|y'\|², 16 strided sums (f64: in f64), and its rounding | (dim/16 + 7)·u·b² |
//!
//! which is below e·(a² + b²) with **e = (2.25·dim + 32)·u** for dim ≤ 2¹⁸, where the second
//! order stays inside the slack of the first. Underflow adds at most half the least positive
//! number per operation, `tiny` in all. Hence, with the accumulator started at |y'|²·(1 − e),
//!
//! ```text
//! bound_j = fl(|y'|²(1 − e) − 2x'·y')        D_j ≥ bound_j + |x'|²(1 − e) − tiny
//!                                             D_j ≤ bound_j + |x'|²(1 + e) + 2e|y'|² + tiny
//! ```
//!
//! `tests/isa.rs` checks both sides through what depends on them: no override ever differs from
//! the canonical decision, on data made to hit the edges.

use enfold_core::{Element, Metric};

use crate::lanes::Lanes;

/// Rows longer than this go to the direct tier.
pub(crate) const MOST_DIM: usize = 1 << 18;

/// The error model of one panel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds<E> {
    /// e.
    pub(crate) relative: E,
    tiny: E,
    /// A few roundings of the thresholds themselves.
    slack: E,
    /// Whether distances are square roots.
    pub(crate) root: bool,
}

impl<E: Element> Bounds<E> {
    pub(crate) fn new(metric: Metric, dim: usize) -> Self {
        let relative = (2.25 * dim as f64 + 32.0) * E::ROUNDOFF;
        let least = E::min_positive_value().as_f64() * 2.0 * E::ROUNDOFF;
        Self {
            relative: E::of_f64(relative),
            tiny: E::of_f64((4 * dim + 64) as f64 * least),
            slack: E::of_f64(8.0 * E::ROUNDOFF),
            root: metric == Metric::Euclidean,
        }
    }

    /// The same model with larger errors.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn wider(self, relative: E, tiny: E) -> Self {
        Self { relative: self.relative + relative, tiny: self.tiny + tiny, ..self }
    }

    /// Bounds above this belong to distances above `limit`, for a row of squared length `norm`;
    /// NaN, which no bound is at most, where the limit is NaN or negative.
    #[inline(always)]
    pub(crate) fn above(&self, limit: E, norm: E) -> E {
        if limit >= E::zero() {
            let square = if self.root { limit * limit } else { limit };
            square * (E::one() + self.slack) - norm * (E::one() - self.relative - self.slack)
                + self.tiny
        } else {
            E::nan()
        }
    }

    /// [`above`](Self::above) lane by lane, for limits that are not negative.
    #[inline(always)]
    pub(crate) fn above_each<L: Lanes<E = E>>(&self, l: L, limit: L::V, norm: L::V) -> L::V {
        let square = if self.root { l.mul(limit, limit) } else { limit };
        let high = l.mul(square, l.splat(E::one() + self.slack));
        let low = l.mul(norm, l.splat(E::one() - self.relative - self.slack));
        l.add(l.sub(high, low), l.splat(self.tiny))
    }

    /// Bounds up to this, less [`wide`](Self::wide) of the row of y, belong to finite distances
    /// up to `limit`, for a row of squared length `norm`; NaN as above.
    #[inline(always)]
    pub(crate) fn below(&self, limit: E, norm: E) -> E {
        if limit >= E::zero() {
            let square = if self.root { limit * limit } else { limit };
            let gap = norm * (E::one() + self.relative + self.slack) + self.tiny;
            let bound = square * (E::one() - self.slack) - gap;
            if bound < E::max_value() { bound } else { E::max_value() }
        } else {
            E::nan()
        }
    }

    /// How far a bound can be below the distance for the sake of a row of y of squared length
    /// `norm`.
    #[inline(always)]
    pub(crate) fn wide(&self, norm: E) -> E {
        norm * (self.relative + self.relative + self.slack)
    }
}

/// Rows of squared length up to this cannot overflow in the filter; others are looked at
/// directly.
pub(crate) fn tame<E: Element>() -> E {
    E::max_value().sqrt().sqrt() * E::max_value().sqrt()
}
