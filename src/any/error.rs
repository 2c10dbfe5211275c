//! What the machine that was chosen reports.

use std::fmt::{self, Display, Formatter};

use enfold_core::{BackendError, ErrorKind, ShapeError};
#[cfg(feature = "cuda")]
use enfold_cuda::CudaError;
#[cfg(feature = "wgpu")]
use enfold_wgpu::WgpuError;

/// What a machine reports.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyError {
    /// CUDA's.
    #[cfg(feature = "cuda")]
    Cuda(CudaError),
    /// The GPU's.
    #[cfg(feature = "wgpu")]
    Wgpu(WgpuError),
    /// A buffer of another machine was handed over.
    Foreign,
    /// A view that does not fit its buffer.
    Shape(ShapeError),
}

impl Display for AnyError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "cuda")]
            Self::Cuda(e) => e.fmt(f),
            #[cfg(feature = "wgpu")]
            Self::Wgpu(e) => e.fmt(f),
            Self::Foreign => f.write_str("a buffer of another machine"),
            Self::Shape(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for AnyError {}

impl BackendError for AnyError {
    fn kind(&self) -> ErrorKind {
        match self {
            #[cfg(feature = "cuda")]
            Self::Cuda(e) => e.kind(),
            #[cfg(feature = "wgpu")]
            Self::Wgpu(e) => e.kind(),
            _ => ErrorKind::Other,
        }
    }
}

#[cfg(feature = "cuda")]
impl From<CudaError> for AnyError {
    fn from(e: CudaError) -> Self {
        Self::Cuda(e)
    }
}

#[cfg(feature = "wgpu")]
impl From<WgpuError> for AnyError {
    fn from(e: WgpuError) -> Self {
        Self::Wgpu(e)
    }
}

impl From<core::convert::Infallible> for AnyError {
    fn from(e: core::convert::Infallible) -> Self {
        match e {}
    }
}

impl From<ShapeError> for AnyError {
    fn from(e: ShapeError) -> Self {
        Self::Shape(e)
    }
}
