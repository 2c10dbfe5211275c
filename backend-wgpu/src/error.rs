//! What a GPU reports.

use std::fmt::{self, Display, Formatter};

use enfold_core::{BackendError, ErrorKind};

/// An error of the GPU, or of looking for one.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WgpuError {
    /// No adapter is as wanted.
    NoAdapter {
        /// What was looked for.
        wanted: String,
        /// The adapters there are, one `index: name` each.
        found: Vec<String>,
    },
    /// The adapter did not open, or not with these limits.
    Open(String),
    /// The device could not give this many bytes, or no buffer may be so long.
    OutOfMemory {
        /// Bytes asked for.
        bytes: u64,
    },
    /// The device is gone; every later call says so again.
    Lost(String),
    /// A buffer of another device was handed over.
    Foreign,
    /// Anything else the device reports.
    Device(String),
}

impl Display for WgpuError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAdapter { wanted, found } if found.is_empty() => {
                write!(f, "no GPU adapter: looked for {wanted}, and this machine has none at all")
            }
            Self::NoAdapter { wanted, found } => {
                write!(f, "no GPU adapter: looked for {wanted}, found {}", found.join("; "))
            }
            Self::Open(why) => write!(f, "the GPU adapter does not open: {why}"),
            Self::OutOfMemory { bytes } => write!(f, "the GPU cannot give {bytes} bytes"),
            Self::Lost(why) => write!(f, "the GPU device is lost: {why}"),
            Self::Foreign => f.write_str("a buffer of another device"),
            Self::Device(why) => write!(f, "the GPU device reports: {why}"),
        }
    }
}

impl std::error::Error for WgpuError {}

impl BackendError for WgpuError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::OutOfMemory { .. } => ErrorKind::OutOfMemory,
            Self::Lost(_) => ErrorKind::DeviceLost,
            _ => ErrorKind::Other,
        }
    }
}
