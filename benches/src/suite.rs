//! What a run consists of: which suites, on which shapes, with how many threads.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use crate::args::{Beside, Extent, On, Out};
use crate::failure::Outcome;
use crate::output::Output;
use crate::peers::{self, Peers};
use crate::shape::Shape;
use crate::{agreement, algorithms, backends, folds, stream};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    Folds,
    Algorithms,
    Stream,
    Agreement,
}

/// One suite on some shapes.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Names of backends.
    pub(crate) backends: Vec<String>,
    /// Rows, elements and centres.
    pub(crate) shapes: Vec<[usize; 3]>,
    /// Rounds in turn, at most.
    rounds: usize,
    /// Rows at most of what visits all pairs.
    pub(crate) pairs: usize,
}

/// Shapes of algorithms and streams.
const SHAPES: [&str; 4] = ["100000x2x16", "100000x16x32", "50000x64x64", "20000x256x128"];
const QUICK: [&str; 2] = ["10000x2x16", "5000x32x32"];
/// What grows from a quarter or an eighth of this to this or four times this.
const BASE: [usize; 3] = [20_000, 32, 32];
const QUICK_BASE: [usize; 3] = [4_000, 16, 16];

/// A case that took so long gets no further round.
const ENOUGH: Duration = Duration::from_secs(12);

impl Plan {
    /// The rounds of one case.
    pub(crate) fn turns(&self) -> impl Iterator<Item = usize> {
        let start = Instant::now();
        (0..self.rounds).take_while(move |round| *round == 0 || start.elapsed() < ENOUGH)
    }
}

impl Suite {
    pub(crate) const ALL: [Self; 4] =
        [Self::Folds, Self::Algorithms, Self::Stream, Self::Agreement];

    fn shapes(self, quick: bool) -> &'static [&'static str] {
        match (self, quick) {
            (Self::Folds | Self::Agreement, false) => &folds::SHAPES,
            (Self::Folds | Self::Agreement, true) => &folds::QUICK,
            (_, false) => &SHAPES,
            (_, true) => &QUICK,
        }
    }

    fn grows(self) -> bool {
        matches!(self, Self::Folds | Self::Algorithms)
    }

    fn plan(self, on: &On, pairs: Option<usize>) -> Outcome<Plan> {
        let usual = || self.shapes(on.quick).iter().map(ToString::to_string).collect();
        let names = if on.shape.is_empty() { usual() } else { on.shape.clone() };
        let shapes: Outcome<Vec<_>> = names.iter().map(|name| Shape::parse(name)).collect();
        let rounds = match (on.rounds, on.quick, self) {
            (Some(rounds), ..) => usize::from(rounds),
            (None, true, _) => 2,
            (None, false, Self::Folds) => 5,
            (None, false, _) => 3,
        };
        let pairs = pairs.unwrap_or(if on.quick { 2_000 } else { 10_000 });
        Ok(Plan { backends: backends::chosen(&on.backend)?, shapes: shapes?, rounds, pairs })
    }

    fn run(self, plan: &Plan, peers: &mut Peers, output: &mut Output) -> Outcome<()> {
        match self {
            Self::Folds => folds::run(plan, output),
            Self::Algorithms => algorithms::run(plan, peers, output),
            Self::Stream => stream::run(plan, peers, output),
            Self::Agreement => agreement::run(plan, output),
        }
    }
}

/// Shapes that differ from a base in one way each.
fn growing([n, d, k]: [usize; 3]) -> Vec<[usize; 3]> {
    let rows = [n / 8, n / 4, n / 2, n].map(|n| [n, d, k]);
    let wide = [[n, d / 4, k], [n, 4 * d, k]];
    let many = [[n, d, k / 4], [n, d, 4 * k]];
    [&rows[..], &wide, &many].concat()
}

/// Runs the suites with each number of threads, then what grows.
pub(crate) fn run(
    suites: &[Suite],
    on: &On,
    extent: Extent,
    beside: Option<&Beside>,
    out: &Out,
) -> Outcome<()> {
    let plans: Outcome<Vec<_>> =
        suites.iter().map(|suite| Ok((*suite, suite.plan(on, extent.pairs)?))).collect();
    let plans = plans?;
    beside.map_or(Ok(()), |beside| peers::check(&beside.against))?;
    let mut output = Output::open(out.json.as_deref(), out.html.as_deref())?;
    let cores = available_parallelism().map_or(1, NonZero::get);
    let mut asked: Vec<usize> = on.threads.iter().map(|threads| usize::from(*threads)).collect();
    if asked.is_empty() {
        asked.push(rayon::current_num_threads());
    }
    for threads in asked {
        with(threads, || {
            let mut peers = beside.map_or(Ok(Peers::default()), Peers::start)?;
            plans.iter().try_for_each(|(suite, plan)| suite.run(plan, &mut peers, &mut output))
        })?;
    }
    for (suite, plan) in plans.iter().filter(|(suite, _)| extent.scaling && suite.grows()) {
        let base = if on.quick { QUICK_BASE } else { BASE };
        let plan = Plan { shapes: growing(base), ..plan.clone() };
        with(cores, || suite.run(&plan, &mut Peers::default(), &mut output))?;
        if cores > 1 {
            let plan = Plan { shapes: vec![base], ..plan };
            with(1, || suite.run(&plan, &mut Peers::default(), &mut output))?;
        }
    }
    output.finish()
}

/// Does it with so many threads.
fn with(threads: usize, work: impl FnOnce() -> Outcome<()> + Send) -> Outcome<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    // Failures of backends need not be fit to change threads; their words are.
    Ok(pool.install(|| work().map_err(|failure| failure.to_string()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_grows_alone() {
        for base in [BASE, QUICK_BASE] {
            let shapes = growing(base);
            let changed = |s: &[usize; 3]| s.iter().zip(base).filter(|(a, b)| **a != *b).count();
            assert!(shapes.iter().all(|s| changed(s) <= 1 && s[2] <= s[0]));
            assert_eq!(shapes.iter().filter(|s| changed(s) == 0).count(), 1);
        }
    }
}
