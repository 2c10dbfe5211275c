//! What the suite asks: sizes at the edges of lanes and tiles, families of numbers, visits.
//!
//! Everything is a pure function of the case, through [`Draws`], so that a failure can be asked
//! again. Rows outside a case's ranges are copies of rows inside: a backend that looks at them,
//! or numbers them from the wrong end, finds a neighbour it must not find.

use core::ops::Range;
use std::vec::Vec;

use crate::element::Element;
use crate::metric::Metric;
use crate::random::Draws;
use crate::rows::Block;

/// Rows of x, rows of y and dim: lane, tile and work-group widths −1, 0, +1, in a selection in
/// which each of the three takes each edge value.
pub const SHAPES: [(usize, usize, usize); 34] = [
    (0, 0, 1),
    (0, 5, 3),
    (5, 0, 3),
    (1, 1, 1),
    (1, 2, 2),
    (2, 1, 3),
    (3, 3, 4),
    (4, 7, 5),
    (5, 4, 7),
    (7, 9, 8),
    (8, 8, 9),
    (9, 15, 15),
    (15, 16, 16),
    (16, 17, 17),
    (17, 31, 31),
    (31, 32, 32),
    (32, 33, 33),
    (33, 63, 2),
    (63, 64, 63),
    (64, 65, 64),
    (65, 5, 65),
    (3, 127, 127),
    (127, 3, 128),
    (128, 129, 3),
    (129, 128, 1),
    (2, 17, 129),
    (9, 9, 255),
    (4, 5, 256),
    (5, 8, 257),
    (255, 16, 3),
    (16, 255, 7),
    (16, 256, 2),
    (257, 257, 2),
    (256, 4, 5),
];

/// What the numbers are like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Family {
    /// Small integers: sums are exact and ties abound.
    Lattice,
    /// Uniform in (−1, 1).
    Uniform,
    /// Four tight groups.
    Clustered,
    /// Three different rows, over and over.
    Duplicates,
    /// All columns but the first are constant.
    ConstantColumns,
    /// Every other row is zero.
    ZeroRows,
    /// Some rows hold NaN, ±∞ or numbers whose squares overflow.
    NotFinite,
    /// Uniform, times a factor: 1e-30 and 1e18 underflow and nearly overflow in squares.
    Scaled(f64),
    /// Multiples of the smallest positive number.
    Denormal,
    /// Uniform, plus an offset: where ‖x‖² + ‖y‖² − 2xy loses every digit.
    OffCentre(f64),
}

impl Family {
    /// Every family, in declaration order.
    pub const ALL: [Self; 14] = [
        Self::Lattice,
        Self::Uniform,
        Self::Clustered,
        Self::Duplicates,
        Self::ConstantColumns,
        Self::ZeroRows,
        Self::NotFinite,
        Self::Scaled(1e-30),
        Self::Scaled(1e-15),
        Self::Scaled(1e18),
        Self::Denormal,
        Self::OffCentre(1e3),
        Self::OffCentre(1e4),
        Self::OffCentre(1e5),
    ];

    /// Coordinate `t` of row `row`.
    fn value<T: Element>(self, draws: Draws, row: usize, t: usize) -> T {
        let lane = t as u32;
        let uniform = 2.0 * draws.unit64(row as u64, lane) - 1.0;
        let small = |n: usize| draws.below(n as u64, lane, 9) as f64 - 4.0;
        match self {
            Self::Lattice => T::of_f64(small(row)),
            Self::Uniform => T::of_f64(uniform),
            Self::Clustered => T::of_f64(3.0 * small(row % 4) + 0.1 * uniform),
            Self::Duplicates => T::of_f64(small(row * row % 3) + 0.1),
            Self::ConstantColumns => T::of_f64(if t == 0 { uniform } else { 0.7 }),
            Self::ZeroRows => T::of_f64(if row.is_multiple_of(2) { uniform } else { 0.0 }),
            Self::NotFinite => poison(draws, row, t).unwrap_or(T::of_f64(uniform)),
            Self::Scaled(factor) => T::of_f64(uniform * factor),
            Self::Denormal => smallest::<T>() * T::of_f64(small(row)),
            Self::OffCentre(offset) => T::of_f64(offset + uniform),
        }
    }
}

/// The number that spoils a row of [`Family::NotFinite`]; three rows in seven stay whole.
fn poison<T: Element>(draws: Draws, row: usize, t: usize) -> Option<T> {
    let here = draws.below(row as u64, u32::MAX, 4) == 0 || t == 0;
    let bad = match row % 7 {
        0 => T::nan(),
        2 => T::infinity(),
        3 => T::neg_infinity(),
        5 => T::max_value(),
        _ => return None,
    };
    here.then_some(bad)
}

/// The smallest positive number, which is denormal.
fn smallest<T: Element>() -> T {
    T::min_positive_value() * T::epsilon()
}

/// Which pairs a case visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visiting {
    /// All.
    All,
    /// All with different numbers.
    OffDiagonal,
    /// A partition into rectangles, in no order.
    Blocks,
    /// A partition from which rectangles are missing.
    Gaps,
}

/// One question of the suite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case {
    /// Rows of x.
    pub n: usize,
    /// Rows of y.
    pub m: usize,
    /// Elements per row.
    pub dim: usize,
    /// Distance.
    pub metric: Metric,
    /// Numbers.
    pub family: Family,
    /// Pairs.
    pub visiting: Visiting,
    /// Whether the ranges stand in the middle of their buffers.
    pub windowed: bool,
    /// Whether x and y are ranges of one buffer.
    pub shared: bool,
    /// Where the numbers come from.
    pub seed: u64,
}

/// The metrics that meet every shape: those that backends have forms of their own for. The others
/// meet every family, on shapes of few pairs in turn: they cost the more.
const ON_EVERY_SHAPE: usize = 5;

/// Every case: for each shape and metric one on the lattice and two of other families; for each
/// further metric one of each family.
pub fn all() -> impl Iterator<Item = Case> {
    let first = SHAPES.len() * ON_EVERY_SHAPE * 3;
    let of_family = move |(turn, family)| further(first, turn, family);
    (0..first).map(nth).chain((0..).zip(Family::ALL).flat_map(of_family))
}

/// The cases of one family: every fifth shape under each metric, two under further ones.
pub fn of(family: Family) -> impl Iterator<Item = Case> {
    let picks = (0..SHAPES.len() * ON_EVERY_SHAPE).step_by(3);
    let picked = picks.map(move |i| Case { family, ..nth(3 * i + 1) });
    picked.chain([5, 14].into_iter().flat_map(move |turn| further(0, turn, family)))
}

fn nth(i: usize) -> Case {
    let (turn, metric) = (i / 3, Metric::ALL[i / 3 % ON_EVERY_SHAPE]);
    let other = Family::ALL[1 + (i - turn) % (Family::ALL.len() - 1)];
    let family = if i.is_multiple_of(3) { Family::Lattice } else { other };
    arranged(i, SHAPES[turn / ON_EVERY_SHAPE], i + turn / 5, (metric, family))
}

/// One case under each metric from [`ON_EVERY_SHAPE`] on, numbered from `first` on.
fn further(first: usize, turn: usize, family: Family) -> impl Iterator<Item = Case> {
    let metrics = &Metric::ALL[ON_EVERY_SHAPE..];
    let few = |(n, m, _): &(usize, usize, usize)| (1..1100).contains(&(n * m));
    let shapes: Vec<_> = SHAPES.into_iter().filter(few).collect();
    metrics.iter().enumerate().map(move |(at, &metric)| {
        let i = first + turn * metrics.len() + at;
        let (n, m, dim) = shapes[(9 * turn + 5 * at + 7) % shapes.len()];
        let dim = if metric.check_dim(dim).is_ok() { dim } else { 2 };
        arranged(i, (n, m, dim), turn + at, (metric, family))
    })
}

/// Case number `i`; `visit` chooses the pairs.
fn arranged(
    i: usize,
    (n, m, dim): (usize, usize, usize),
    visit: usize,
    (metric, family): (Metric, Family),
) -> Case {
    let visiting = match visit % 4 {
        0 => Visiting::All,
        1 => Visiting::OffDiagonal,
        2 => Visiting::Blocks,
        _ => Visiting::Gaps,
    };
    let shared = visiting == Visiting::OffDiagonal || i % 7 < 2;
    Case { n, m, dim, metric, family, visiting, windowed: i % 2 == 1, shared, seed: i as u64 }
}

/// The numbers and ranges of a case.
#[derive(Debug, Clone)]
pub struct Scene<T> {
    /// The question.
    pub case: Case,
    /// x's buffer.
    pub x: Vec<T>,
    /// y's buffer; the same numbers as `x` where they share it.
    pub y: Vec<T>,
    /// x's rows.
    pub x_range: Range<usize>,
    /// y's rows.
    pub y_range: Range<usize>,
    /// The rectangles, for visits by block.
    pub blocks: Vec<Block>,
}

impl<T: Element> Scene<T> {
    /// The scene of a case.
    #[must_use]
    pub fn new(case: Case) -> Self {
        let (before_x, before_y) = if case.windowed { (2, 3) } else { (0, 0) };
        let (x_range, y_range) = (before_x..before_x + case.n, before_y..before_y + case.m);
        let after = if case.windowed { 2 } else { 0 };
        let (mut x_rows, mut y_rows) = (x_range.end + after, y_range.end + after);
        if case.shared {
            (x_rows, y_rows) = (x_rows.max(y_rows), x_rows.max(y_rows));
        }
        let x = fill(&case, 1, x_rows, &x_range);
        let y = if case.shared { x.clone() } else { fill(&case, 2, y_rows, &y_range) };
        let blocks = blocks(&case, &x_range, &y_range);
        Self { case, x, y, x_range, y_range, blocks }
    }

    /// Row `i` of x's buffer.
    #[must_use]
    pub fn x_row(&self, i: usize) -> &[T] {
        &self.x[i * self.case.dim..][..self.case.dim]
    }

    /// Row `j` of y's buffer.
    #[must_use]
    pub fn y_row(&self, j: usize) -> &[T] {
        &self.y[j * self.case.dim..][..self.case.dim]
    }

    /// Whether the visit meets the pair.
    #[must_use]
    pub fn visits(&self, i: usize, j: usize) -> bool {
        let inside = |b: &Block| {
            (b.x.0 as usize..b.x.1 as usize).contains(&i)
                && (b.y.0 as usize..b.y.1 as usize).contains(&j)
        };
        match self.case.visiting {
            Visiting::All => true,
            Visiting::OffDiagonal => i != j,
            Visiting::Blocks | Visiting::Gaps => self.blocks.iter().any(inside),
        }
    }
}

/// A buffer of `rows` rows; those outside `range` copy rows inside.
fn fill<T: Element>(case: &Case, purpose: u32, rows: usize, range: &Range<usize>) -> Vec<T> {
    let draws = Draws::new(case.seed, purpose);
    let inside = |row: usize| {
        if range.is_empty() || range.contains(&row) || case.shared {
            row
        } else {
            range.start + row % range.len()
        }
    };
    // Poles, opposite points, and both sides of the meridian where longitudes begin.
    let angles = case.metric == Metric::Haversine && case.family == Family::Lattice;
    let cell = |at: usize| {
        let (row, t) = (inside(at / case.dim), at % case.dim);
        let value: T = case.family.value(draws, row, t);
        let angle = core::f64::consts::FRAC_PI_8 * (t + 1) as f64;
        if angles { T::of_f64(value.as_f64() * angle) } else { value }
    };
    (0..rows * case.dim).map(cell).collect()
}

/// Rectangles from cutting x at a third and y at a quarter and two thirds, in no order; one of
/// them is empty.
fn blocks(case: &Case, x: &Range<usize>, y: &Range<usize>) -> Vec<Block> {
    let cut = |r: &Range<usize>, num: usize, den: usize| (r.start + r.len() * num / den) as u32;
    let xs = [x.start as u32, cut(x, 1, 3), x.end as u32];
    let ys = [y.start as u32, cut(y, 1, 4), cut(y, 2, 3), y.end as u32];
    let mut out = Vec::new();
    for place in [4, 1, 5, 0, 3, 2] {
        if case.visiting == Visiting::Gaps && (place as u64 + case.seed).is_multiple_of(3) {
            continue;
        }
        let (a, b) = (place / 3, place % 3);
        out.push(Block { x: (xs[a], xs[a + 1]), y: (ys[b], ys[b + 1]) });
    }
    out.push(Block { x: (xs[1], xs[1]), y: (ys[0], ys[3]) });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_meets_every_metric_and_every_visit() {
        let cases: Vec<Case> = all().collect();
        for family in Family::ALL {
            for metric in Metric::ALL {
                let met = cases.iter().any(|c| c.family == family && c.metric == metric);
                assert!(met, "{family:?} {metric:?}");
            }
            for visiting in [Visiting::All, Visiting::OffDiagonal, Visiting::Blocks, Visiting::Gaps]
            {
                let met = cases.iter().any(|c| c.family == family && c.visiting == visiting);
                assert!(met, "{family:?} {visiting:?}");
            }
        }
    }

    #[test]
    fn scenes_stay_inside_their_buffers_and_are_the_same_each_time() {
        for case in all() {
            let scene = Scene::<f32>::new(case);
            assert!(scene.x_range.end * case.dim <= scene.x.len(), "{case:?}");
            assert!(scene.y_range.end * case.dim <= scene.y.len(), "{case:?}");
            let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&scene.x), bits(&Scene::<f32>::new(case).x));
        }
    }
}
