//! Trials: what was tried, with which parameters, and what came out of it.
//!
//! A [`Trial`] is one run: its parameters, what it measured, tags, and optionally labels. Its
//! [`Id`] is a hash of the parameters and of the data, so the same run has the same id on every
//! machine and on every day. [`Trials`] is a collection of them that runs a [`Grid`], keeps every
//! finished trial in a file of one JSON line each, skips on a restart what it finds there, and
//! makes [leaderboards](Trials::leaderboard), [Pareto fronts](Leaderboard::pareto) and
//! [comparisons](compare). [`mlflow`] writes a folder that MLflow reads.
//!
//! ```
//! use std::ops::ControlFlow;
//! use enfold::trials::{Fingerprint, Goal, Grid, Outcome, Trials, compare};
//! use enfold::{Device, Error, KMeans, Table, scores::Silhouette};
//!
//! let pairs = [[0.0, 0.1], [0.2, 0.0], [9.0, 9.1], [9.2, 9.0], [5.0, 0.0], [5.1, 0.2]];
//! let table = Table::from_arrays(&pairs)?;
//! let device = Device::cpu();
//! let grid = Grid::new().axis("k", [2, 3, 4]).axis("restarts", [1, 5]);
//! let mut trials = Trials::new(Fingerprint::of(table.rows()));
//! trials.run(
//!     &grid,
//!     |params| {
//!         let (k, restarts) = (params.int("k")? as usize, params.int("restarts")? as u32);
//!         let fit = KMeans::new(k).restarts(restarts).fit(&device, table.rows())?;
//!         let clear = Silhouette::new().score(&device, table.rows(), &fit.labels)?;
//!         let outcome = Outcome::new().metric("cost", fit.model.cost).metric("silhouette", clear);
//!         Ok::<_, Box<dyn std::error::Error + Send + Sync>>(outcome.labels(fit.labels))
//!     },
//!     |progress| {
//!         println!("{} of {}", progress.done, progress.total);
//!         ControlFlow::Continue(())
//!     },
//! )?;
//!
//! let board = trials.leaderboard(&[Goal::max("silhouette"), Goal::min("cost")]);
//! println!("{}", board.markdown());
//! let best = board.trials()[0];
//! assert_eq!(best.params().int("k")?, 3);
//! println!("{}", compare(best, board.trials()[1])?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod board;
mod compare;
mod grid;
mod hash;
mod journal;
pub mod mlflow;
mod param;
mod run;

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::{error, io};

pub use board::{Direction, Goal, Leaderboard};
pub use compare::{Change, Comparison, Delta, compare};
pub use grid::{Combinations, Grid};
pub use hash::{Fingerprint, Id};
pub use journal::Recovered;
pub use param::{Param, Params};
pub use run::{Progress, Ran, Trials};

/// What a run gives back.
///
/// ```
/// use enfold::trials::Outcome;
/// let outcome = Outcome::new().metric("noise", 0.25).tag("backend", "cpu").labels(vec![0, 0, 1]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    metrics: BTreeMap<String, f64>,
    tags: BTreeMap<String, String>,
    labels: Option<Vec<u32>>,
}

impl Outcome {
    /// Nothing measured yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number. One that is not finite is left out, as no table could place it: a trial
    /// without a metric stands below all that have it.
    #[must_use]
    pub fn metric(mut self, name: impl Into<String>, value: f64) -> Self {
        if value.is_finite() {
            self.metrics.insert(name.into(), value);
        }
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn tag(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.tags.insert(name.into(), text.into());
        self
    }

    /// Keeps the labels, one per row, so that trials can be compared by them. They make the file
    /// larger by some bytes per row.
    #[must_use]
    pub fn labels(self, labels: Vec<u32>) -> Self {
        Self { labels: Some(labels), ..self }
    }
}

/// One finished run.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    id: Id,
    data: Fingerprint,
    params: Params,
    outcome: Outcome,
    began_ms: u64,
    ended_ms: u64,
}

impl Trial {
    /// A finished run of `params` on the data of a fingerprint.
    ///
    /// The times, in milliseconds since 1970, are for the record only: the id does not depend on
    /// them.
    #[must_use]
    pub fn new(params: Params, data: Fingerprint, outcome: Outcome, times: (u64, u64)) -> Self {
        let id = Id::of(&params, data);
        Self { id, data, params, outcome, began_ms: times.0, ended_ms: times.1 }
    }

    /// The hash of the parameters and the data.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// What it ran on.
    #[must_use]
    pub fn data(&self) -> Fingerprint {
        self.data
    }

    /// What it ran with.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// A number that it measured.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.outcome.metrics.get(name).copied()
    }

    /// All numbers that it measured, by name.
    pub fn metrics(&self) -> impl Iterator<Item = (&str, f64)> {
        self.outcome.metrics.iter().map(|(name, &value)| (name.as_str(), value))
    }

    /// Its tags, by name.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.outcome.tags.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The labels, one per row of the data, where they were kept.
    #[must_use]
    pub fn labels(&self) -> Option<&[u32]> {
        self.outcome.labels.as_deref()
    }

    /// When it began and ended, in milliseconds since 1970.
    #[must_use]
    pub fn times(&self) -> (u64, u64) {
        (self.began_ms, self.ended_ms)
    }
}

/// Why trials could not be run, read or written.
#[non_exhaustive]
#[derive(Debug)]
pub enum TrialError {
    /// There is no parameter of this name.
    NoParam(String),
    /// A parameter is of another kind than was asked for.
    ParamKind {
        /// Its name.
        name: String,
        /// The kind that was asked for.
        wanted: &'static str,
    },
    /// A parameter is NaN or infinite.
    NotFinite(String),
    /// A line of a file of trials, not the last, is no trial.
    Line {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A name or a text that MLflow does not take.
    Name {
        /// The name.
        name: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// A file could not be read or written.
    Io(io::Error),
    /// The run itself failed.
    Run {
        /// The parameters it was given.
        params: Box<Params>,
        /// What it said.
        source: Box<dyn error::Error + Send + Sync>,
    },
}

impl Display for TrialError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoParam(name) => write!(f, "there is no parameter `{name}`"),
            Self::ParamKind { name, wanted } => write!(f, "parameter `{name}` is no {wanted}"),
            Self::NotFinite(name) => write!(f, "parameter `{name}` is not finite"),
            Self::Line { line, why } => write!(f, "line {line}: {why}"),
            Self::Name { name, why } => write!(f, "`{name}`: {why}"),
            Self::Io(e) => write!(f, "{e}"),
            Self::Run { params, source } => write!(f, "{params}: {source}"),
        }
    }
}

impl error::Error for TrialError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io(e) => Some(e),
            Self::Run { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl From<io::Error> for TrialError {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}
