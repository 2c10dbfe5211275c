//! What CUDA reports.

use std::fmt::{self, Display, Formatter};

use enfold_core::{BackendError, ErrorKind};

/// An error of the GPU, of its driver, or of looking for one.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CudaError {
    /// This machine has no NVIDIA driver.
    NoDriver {
        /// The names under which its library was looked for, or why it did not start.
        why: String,
    },
    /// The driver is older than what the kernels were made for.
    OldDriver {
        /// What it has, or lacks.
        found: String,
        /// What is needed.
        needed: &'static str,
    },
    /// No device is as wanted.
    NoDevice {
        /// What was looked for.
        wanted: String,
        /// The devices there are, one `index: name` each.
        found: Vec<String>,
    },
    /// NVRTC was asked for and is not there.
    NoCompiler {
        /// The names under which its library was looked for, or what it lacks.
        why: String,
    },
    /// NVRTC did not compile the kernels; its log.
    Compile(String),
    /// The device could not give this many bytes.
    OutOfMemory {
        /// Bytes asked for.
        bytes: u64,
    },
    /// The device is gone, or in a state that only a new process leaves; later calls say so again.
    Lost(String),
    /// A buffer of another device was handed over.
    Foreign,
    /// Anything else the driver reports.
    Device(String),
}

impl Display for CudaError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDriver { why } => write!(f, "no CUDA driver: {why}"),
            Self::OldDriver { found, needed } => {
                write!(f, "the CUDA driver is too old: {found}; needed is {needed}")
            }
            Self::NoDevice { wanted, found } if found.is_empty() => {
                write!(f, "no CUDA device: looked for {wanted}, and this machine has none at all")
            }
            Self::NoDevice { wanted, found } => {
                write!(f, "no CUDA device: looked for {wanted}, found {}", found.join("; "))
            }
            Self::NoCompiler { why } => write!(f, "no NVRTC: {why}"),
            Self::Compile(log) => write!(f, "NVRTC does not compile the kernels: {log}"),
            Self::OutOfMemory { bytes } => write!(f, "the GPU cannot give {bytes} bytes"),
            Self::Lost(why) => write!(f, "the GPU device is lost: {why}"),
            Self::Foreign => f.write_str("a buffer of another device"),
            Self::Device(why) => write!(f, "the CUDA driver reports: {why}"),
        }
    }
}

impl std::error::Error for CudaError {}

impl BackendError for CudaError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::OutOfMemory { .. } => ErrorKind::OutOfMemory,
            Self::Lost(_) => ErrorKind::DeviceLost,
            _ => ErrorKind::Other,
        }
    }
}
