//! A collection of trials, and how it grows.

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::journal::{Journal, Recovered};
use super::{Fingerprint, Id, Outcome, Params, Trial, TrialError};

/// Trials, each id once, in the order in which they finished.
#[derive(Debug)]
pub struct Trials {
    data: Fingerprint,
    trials: Vec<Trial>,
    by_id: BTreeMap<Id, usize>,
    journal: Option<Journal>,
}

/// How far a sweep has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// Trials done, skipped ones included.
    pub done: usize,
    /// Of these, how many were there before and did not run.
    pub skipped: usize,
    /// Trials asked for.
    pub total: usize,
    /// The one just done.
    pub trial: &'a Trial,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ran {
    /// Trials that ran.
    pub ran: usize,
    /// Trials that were there before.
    pub skipped: usize,
    /// The callback stopped it.
    pub cancelled: bool,
}

impl Trials {
    /// An empty collection, kept in memory only. Its trials run on the data with this fingerprint.
    #[must_use]
    pub fn new(data: Fingerprint) -> Self {
        Self { data, trials: Vec::new(), by_id: BTreeMap::new(), journal: None }
    }

    /// The trials of a file, which then grows by a line per trial; it is made where there is
    /// none. One process at a time may have it open.
    ///
    /// Trials of other data stay in the collection; they are told apart by
    /// [`Trial::data`] and never taken for one on this data.
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// use enfold::trials::{Fingerprint, Grid, Outcome, TrialError, Trials};
    ///
    /// # let folder = std::env::temp_dir().join(format!("enfold-trials-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let path = folder.join("trials.ndjson");
    /// let (data, grid) = (Fingerprint::default(), Grid::new().axis("k", [2, 3]));
    /// let mut runs = 0;
    /// for _start in 0..2 {
    ///     let (mut trials, _recovered) = Trials::open(&path, data)?;
    ///     let mut work = |_: &_| { runs += 1; Ok::<_, TrialError>(Outcome::new()) };
    ///     trials.run(&grid, &mut work, |_| ControlFlow::Continue(()))?;
    /// }
    /// assert_eq!(runs, 2); // the second start found them done
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The file cannot be read or written, or a line but the last is no trial; then it is left
    /// as it is. A last line that was cut short is removed and reported.
    pub fn open(
        path: impl AsRef<Path>,
        data: Fingerprint,
    ) -> Result<(Self, Recovered), TrialError> {
        let (journal, found, recovered) = Journal::open(path.as_ref())?;
        let mut trials = Self::new(data);
        found.into_iter().for_each(|trial| {
            trials.keep(trial);
        });
        trials.journal = Some(journal);
        Ok((trials, recovered))
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Trial] {
        &self.trials
    }

    /// The trial of an id.
    #[must_use]
    pub fn get(&self, id: Id) -> Option<&Trial> {
        self.by_id.get(&id).map(|&at| &self.trials[at])
    }

    /// Adds a finished trial, in place of one of the same id, and to the file if there is one.
    ///
    /// # Errors
    /// A parameter is not finite, or the file cannot be written; the trial is not added.
    pub fn add(&mut self, trial: Trial) -> Result<&Trial, TrialError> {
        trial.params.check()?;
        if let Some(journal) = &mut self.journal {
            journal.append(&trial)?;
        }
        Ok(self.keep(trial))
    }

    /// Runs every set of parameters that has no trial yet, in order; a [`Grid`](super::Grid) is
    /// such a list. `progress` is called after each, skipped ones too, and may stop with `Break`.
    ///
    /// # Errors
    /// The first run that fails, or the file cannot be written; what finished before stays. A
    /// sweep that should go on returns an [`Outcome`] with a tag that says so instead.
    pub fn run<E: Into<Box<dyn Error + Send + Sync>>>(
        &mut self,
        params: impl IntoIterator<Item = Params>,
        mut work: impl FnMut(&Params) -> Result<Outcome, E>,
        mut progress: impl FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Ran, TrialError> {
        let (params, mut ran) = (params.into_iter().collect::<Vec<_>>(), Ran::default());
        let total = params.len();
        for params in params {
            let id = Id::of(&params, self.data);
            if self.by_id.contains_key(&id) {
                ran.skipped += 1;
            } else {
                let trial = timed(params, self.data, &mut work)?;
                self.add(trial)?;
                ran.ran += 1;
            }
            let (done, skipped) = (ran.ran + ran.skipped, ran.skipped);
            let trial = &self.trials[self.by_id[&id]];
            if progress(Progress { done, skipped, total, trial }).is_break() {
                ran.cancelled = true;
                break;
            }
        }
        Ok(ran)
    }

    fn keep(&mut self, trial: Trial) -> &Trial {
        let at = *self.by_id.entry(trial.id).or_insert(self.trials.len());
        if at == self.trials.len() {
            self.trials.push(trial);
        } else {
            self.trials[at] = trial;
        }
        &self.trials[at]
    }
}

/// Runs one set of parameters and notes when.
fn timed<E: Into<Box<dyn Error + Send + Sync>>>(
    params: Params,
    data: Fingerprint,
    work: impl FnOnce(&Params) -> Result<Outcome, E>,
) -> Result<Trial, TrialError> {
    params.check()?;
    let began = now_ms();
    match work(&params) {
        Ok(outcome) => Ok(Trial::new(params, data, outcome, (began, now_ms()))),
        Err(source) => Err(TrialError::Run { params: Box::new(params), source: source.into() }),
    }
}

/// Milliseconds since 1970; 0 where the clock stands before that.
fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_millis() as u64)
}
