//! What ends a run, and the code it ends with.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::process::ExitCode;

/// Anything that goes wrong: exit code 1.
pub(crate) type Failure = Box<dyn Error>;
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Something was asked for that there is not: exit code 2, as for a wrong option.
#[derive(Debug)]
struct Usage(String);

impl Display for Usage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Usage {}

/// A failure that is the caller's.
pub(crate) fn usage(text: impl Into<String>) -> Failure {
    Box::new(Usage(text.into()))
}

/// Says what went wrong; gives the code to end with.
pub(crate) fn report(failure: &(dyn Error + 'static)) -> ExitCode {
    eprintln!("enfold-bench: {failure}");
    ExitCode::from(if failure.is::<Usage>() { 2 } else { 1 })
}
