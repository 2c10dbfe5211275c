//! # enfold-cuda: folds over distances on an NVIDIA GPU
//!
//! Builds on every machine and needs no toolkit: the driver's library is looked for when a device is
//! opened, and where it is missing or too old that is a [`CudaError`]. The kernels come as PTX,
//! which the driver compiles for its device.
//!
//! Buffers stay on the device. A fold is a launch or a few, in one stream; a large
//! [`write`](enfold_core::Backend::write) goes through page-locked memory in a second stream, while
//! kernels on other buffers run. Only [`read`](enfold_core::Backend::read),
//! [`sums`](enfold_core::Backend::sums), [`distances`](enfold_core::Backend::distances) and
//! [`sync`](enfold_core::Backend::sync) wait.
//!
//! # The same distance
//!
//! Kernels compute the distance of [`enfold_core::distance`] operation by operation – sixteen
//! running sums, products and sums rounded on their own – and CUDA promises IEEE arithmetic, so
//! distances, labels and integer sums are the CPU's to the bit.
//!
//! What has no kernel – a metric beyond the first five, a layout of more than 32 coordinates – is
//! computed on the host, on copies: slow, and the same answer.
//!
//! ```
//! use enfold_core::{Alloc, Backend, Metric, NONE, Nearest, Pairs, rows};
//! use enfold_cuda::{Cuda, CudaError};
//!
//! let gpu = match Cuda::new() {
//!     Ok(gpu) => gpu,
//!     Err(CudaError::NoDriver { .. } | CudaError::NoDevice { .. }) => return Ok(()),
//!     Err(e) => return Err(e.into()),
//! };
//! let put = |data: &[f32]| {
//!     let mut buf = gpu.alloc::<f32>(data.len())?;
//!     gpu.write(&mut buf, 0, data)?;
//!     Ok::<_, CudaError>(buf)
//! };
//! let (x, y) = (put(&[0.0, 0.9, 2.2])?, put(&[0.0, 1.0, 2.0])?);
//! let (mut dist, mut index) = (put(&[f32::INFINITY; 3])?, gpu.alloc::<u32>(3)?);
//! gpu.fill(&mut index, NONE)?;
//! let pairs = Pairs::new(rows::<Cuda>(&x, 1)?, rows::<Cuda>(&y, 1)?, Metric::SqEuclidean)?;
//! gpu.nearest(pairs, Nearest { k: 1, dist: &mut dist, index: &mut index })?;
//! let mut found = [0; 3];
//! gpu.read(&index, 0, &mut found)?;
//! assert_eq!(found, [0, 1, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

mod backend;
mod buffer;
mod device;
mod distances;
mod error;
mod filter;
mod folds;
#[expect(unsafe_code, reason = "the driver is C")]
mod launch;
mod module;
mod passes;
mod plain;
mod queue;
mod work;

pub use buffer::CudaBuf;
pub use device::{Gpu, Options};
pub use error::CudaError;
pub use filter::Filter;

/// A GPU. A cheap handle: clones share the device.
#[derive(Debug, Clone)]
pub struct Cuda {
    pub(crate) shared: Arc<queue::Shared>,
}

/// What a device was asked for since it was opened.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Kernels.
    pub launches: u64,
    /// Writes.
    pub uploads: u64,
    /// Waits of the host for the device.
    pub waits: u64,
}

impl Cuda {
    /// The first device of this machine.
    ///
    /// # Errors
    /// There is no driver, an old one, or no device; or it does not open.
    pub fn new() -> Result<Self, CudaError> {
        Options::new().open()
    }

    /// Every device; none where there is a driver and no device.
    ///
    /// # Errors
    /// There is no driver, or an old one.
    pub fn devices() -> Result<Vec<Gpu>, CudaError> {
        device::every()
    }

    /// The device in use.
    #[must_use]
    pub fn gpu(&self) -> &Gpu {
        &self.shared.gpu
    }

    /// What the device was asked for so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let tally = &self.shared.tally;
        Tally {
            launches: tally.launches.load(Relaxed),
            uploads: tally.uploads.load(Relaxed),
            waits: tally.waits.load(Relaxed),
        }
    }
}
