//! Every fold × shape × backend of a quick run, for another program to time.

use std::time::Duration;

use crate::backends;
use crate::failure::Outcome;
use crate::folds::{Fold, QUICK, Runner, open};
use crate::shape::Shape;

/// One fold of one backend over one shape.
pub struct Case<'a> {
    fold: Fold,
    backend: &'a str,
    shape: &'a Shape,
    runner: &'a mut dyn Runner,
}

impl std::fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Case<'_> {
    /// Fold, shape and backend: `nearest/50000x32x64/avx2`.
    pub fn name(&self) -> [&str; 3] {
        [self.fold.name(), &self.shape.name, self.backend]
    }

    /// Operations of one call, two to a coordinate of a pair.
    pub fn operations(&self) -> u64 {
        self.fold.work(self.shape).0 as u64
    }

    /// The time of one call, from clean buffers to the end of the work: processor time with one
    /// thread, else wall time.
    ///
    /// # Errors
    ///
    /// What the backend answers.
    pub fn time(&mut self) -> Outcome<Duration> {
        Ok(Duration::from_secs_f64(self.runner.time(self.fold, self.shape)? * 1e-3))
    }
}

/// Visits every case on the backends of this machine.
///
/// # Errors
///
/// What a backend or the visitor answers.
pub fn each(mut visit: impl FnMut(&mut Case<'_>) -> Outcome<()>) -> Outcome<()> {
    for size in QUICK {
        let shape = Shape::make(Shape::parse(size)?);
        for backend in backends::chosen(&[])? {
            let mut runner = open(&backend, &shape)?;
            for fold in Fold::ALL {
                let runner = &mut *runner;
                visit(&mut Case { fold, backend: &backend, shape: &shape, runner })?;
            }
        }
    }
    Ok(())
}
