//! What can go wrong, without heap or strings built at run time.

use core::convert::Infallible;
use core::error;
use core::fmt::{self, Display, Formatter};

/// The kind of a backend's own error: only what a caller cannot foresee.
///
/// There is no `Unsupported`: a backend that lacks something emulates it.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The machine could not give the memory.
    OutOfMemory,
    /// The device is gone; every later call on it reports this again.
    DeviceLost,
    /// Anything else the machine reports.
    Other,
}

/// An error of a machine, which any thread may report. `Infallible` where nothing can fail.
pub trait BackendError: error::Error + Send + Sync + 'static {
    /// Which kind it is.
    fn kind(&self) -> ErrorKind;
}

impl BackendError for Infallible {
    fn kind(&self) -> ErrorKind {
        match *self {}
    }
}

/// Lengths that do not fit together; made by the constructors of views and buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeError {
    /// What was measured: `"dim"`, `"rows"`, `"weights"` …
    pub what: &'static str,
    /// The length that would fit.
    pub expected: usize,
    /// The length that was given.
    pub found: usize,
}

impl ShapeError {
    /// `Ok` when `found` equals `expected`.
    pub fn check(what: &'static str, expected: usize, found: usize) -> Result<(), Self> {
        if expected == found { Ok(()) } else { Err(Self { what, expected, found }) }
    }

    /// `Ok` when `found` is at least `expected`.
    pub fn at_least(what: &'static str, expected: usize, found: usize) -> Result<(), Self> {
        if found >= expected { Ok(()) } else { Err(Self { what, expected, found }) }
    }
}

impl Display for ShapeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.what, self.expected, self.found)
    }
}

impl error::Error for ShapeError {}

/// An error of an algorithm; `E` is the backend's own error (`Infallible` on a CPU).
///
/// Not converged is not an error: results say how many iterations they took.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub enum Error<E> {
    /// Lengths that do not fit together.
    Shape(ShapeError),
    /// A parameter outside its range.
    Parameter {
        /// Its name, as in the options struct or the argument list.
        name: &'static str,
        /// The rule it breaks: "must be …".
        why: &'static str,
    },
    /// A coordinate is NaN, infinite, or so large that distances overflow; or it is no latitude or
    /// longitude in radians, under [`Metric::Haversine`](crate::Metric::Haversine).
    NotFinite {
        /// The first such row of the input.
        row: usize,
    },
    /// A weight is NaN, infinite, negative, or beyond the fixed-point range.
    Weight {
        /// The first such row of the input.
        row: usize,
    },
    /// Bytes that are no snapshot of this kind, version or shape, or are damaged.
    Snapshot(SnapshotError),
    /// States that cannot be merged.
    Mismatch {
        /// What stands in the way: their `"dim"`, `"seed"`, `"options"` …
        what: &'static str,
    },
    /// The work may need more memory than it was allowed; nothing was begun.
    Budget {
        /// Bytes it may need.
        needed: usize,
        /// Bytes it was allowed.
        allowed: usize,
    },
    /// The machine failed earlier, in the middle of a change: what the state holds is neither what
    /// it was nor what it should be. A snapshot can be restored into it.
    Torn,
    /// The machine failed.
    Backend(E),
}

/// Why bytes could not be restored.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotError {
    /// Fewer bytes than the header or the stated sizes need; or more.
    Length,
    /// Not a snapshot of this kind of state.
    Magic,
    /// A version this build cannot read.
    Version(u16),
    /// The checksum does not match the bytes.
    Checksum,
    /// Sizes or element type differ from those of the state restored into.
    Shape,
    /// A field holds a value that no state can have.
    Value,
    /// The buffer to write into is too short.
    Room {
        /// Bytes needed.
        needed: usize,
    },
}

impl Display for SnapshotError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("cut short or too long"),
            Self::Magic => f.write_str("not a snapshot of this kind"),
            Self::Version(v) => write!(f, "unknown version {v}"),
            Self::Checksum => f.write_str("checksum does not match"),
            Self::Shape => f.write_str("sizes differ from those of this state"),
            Self::Value => f.write_str("a field holds an impossible value"),
            Self::Room { needed } => write!(f, "buffer too short, {needed} bytes needed"),
        }
    }
}

impl error::Error for SnapshotError {}

impl<E: Display> Display for Error<E> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(e) => write!(f, "shape: {e}"),
            Self::Parameter { name, why } => write!(f, "parameter `{name}`: {why}"),
            Self::NotFinite { row } => {
                write!(f, "row {row} is not finite, or too large for the metric")
            }
            Self::Weight { row } => {
                write!(f, "weight of row {row} is negative, not finite or too large")
            }
            Self::Snapshot(e) => write!(f, "snapshot: {e}"),
            Self::Mismatch { what } => write!(f, "states cannot be merged because of their {what}"),
            Self::Budget { needed, allowed } => {
                write!(f, "{needed} bytes may be needed, {allowed} are allowed")
            }
            Self::Torn => f.write_str(
                "an earlier failure left the state half changed; restore a snapshot into it",
            ),
            Self::Backend(e) => write!(f, "backend: {e}"),
        }
    }
}

impl<E: error::Error + 'static> error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Shape(e) => Some(e),
            Self::Snapshot(e) => Some(e),
            Self::Backend(e) => Some(e),
            _ => None,
        }
    }
}

impl<E> From<ShapeError> for Error<E> {
    fn from(e: ShapeError) -> Self {
        Self::Shape(e)
    }
}

impl<E> From<SnapshotError> for Error<E> {
    fn from(e: SnapshotError) -> Self {
        Self::Snapshot(e)
    }
}
