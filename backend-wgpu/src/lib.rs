//! # enfold-wgpu: folds over distances on a GPU
//!
//! Any vendor's GPU, through Vulkan, Metal or DX12. Buffers stay on the device; a fold is one
//! dispatch, or a few where a buffer is longer than the adapter lets a shader see; dispatches are
//! collected and sent together; only [`read`](enfold_core::Backend::read),
//! [`sums`](enfold_core::Backend::sums), [`distances`](enfold_core::Backend::distances) and
//! [`sync`](enfold_core::Backend::sync) wait.
//!
//! # The same distance
//!
//! Shaders compute the distance of [`enfold_core::distance`] operation by operation: sixteen
//! running sums, products rounded on their own (a fused multiply-add with a zero that no compiler
//! knows), square roots and quotients corrected to the nearest by integer remainders, comparisons
//! on bit patterns, so that NaN is what it is whatever a shader compiler assumes. Where a driver
//! rounds sums and products as IEEE does, keeps subnormal numbers and does not reorder sums, the
//! bits are those of the CPU: [`Wgpu::is_exact`] asks the device. It is so on Mesa's llvmpipe, on
//! which the suite runs. WGSL does not promise it. Elsewhere distances keep the accuracy that the
//! contract asks for, and labels may differ from the CPU's where two distances differ by less.
//! Integer sums and float sums by chunk have the CPU's bits wherever differences and products of
//! two numbers are rounded as IEEE does.
//!
//! What has no shader – a metric beyond the first five – or does not fit what a shader may see at once
//! – very long rows – goes through the provided bodies: slow, and the same answer.
//!
//! ```
//! use enfold_core::{Alloc, Backend, Metric, NONE, Nearest, Pairs, rows};
//! use enfold_wgpu::{Wgpu, WgpuError};
//!
//! let gpu = match Wgpu::new() {
//!     Ok(gpu) => gpu,
//!     Err(WgpuError::NoAdapter { .. }) => return Ok(()), // a machine without any
//!     Err(e) => return Err(e.into()),
//! };
//! let put = |data: &[f32]| {
//!     let mut buf = gpu.alloc::<f32>(data.len())?;
//!     gpu.write(&mut buf, 0, data)?;
//!     Ok::<_, WgpuError>(buf)
//! };
//! let (x, y) = (put(&[0.0, 0.9, 2.2])?, put(&[0.0, 1.0, 2.0])?);
//! let (mut dist, mut index) = (put(&[f32::INFINITY; 3])?, gpu.alloc::<u32>(3)?);
//! gpu.fill(&mut index, NONE)?;
//! let pairs = Pairs::new(rows::<Wgpu>(&x, 1)?, rows::<Wgpu>(&y, 1)?, Metric::SqEuclidean)?;
//! gpu.nearest(pairs, Nearest { k: 1, dist: &mut dist, index: &mut index })?;
//! let mut found = [0; 3];
//! gpu.read(&index, 0, &mut found)?;
//! assert_eq!(found, [0, 1, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

mod adapter;
mod backend;
mod buffer;
mod distances;
mod error;
mod exact;
mod folds;
mod queue;
#[doc(hidden)]
pub mod shader;
mod sums;
mod windows;

pub use adapter::{Adapter, Kind, Options};
pub use buffer::WgpuBuf;
pub use error::WgpuError;

/// A GPU. A cheap handle: clones share the device.
#[derive(Debug, Clone)]
pub struct Wgpu {
    pub(crate) shared: Arc<queue::Shared>,
}

/// What a device was asked for since it was opened.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Dispatches.
    pub passes: u64,
    /// Submissions: dispatches and copies sent together.
    pub submissions: u64,
    /// Waits of the host for the device.
    pub waits: u64,
}

impl Wgpu {
    /// The best adapter of this machine.
    ///
    /// # Errors
    /// There is none, or it does not open.
    pub fn new() -> Result<Self, WgpuError> {
        Options::new().open()
    }

    /// Every adapter that can compute. Those of one GPU through two interfaces are two.
    #[must_use]
    pub fn adapters() -> Vec<Adapter> {
        adapter::every().iter().map(adapter::describe).collect()
    }

    /// The adapter in use.
    #[must_use]
    pub fn adapter(&self) -> &Adapter {
        &self.shared.adapter
    }

    /// Gives the device and its memory back at once: this and every other handle, and all
    /// buffers, report a lost device from now on.
    pub fn destroy(&self) {
        self.shared.destroy();
    }

    /// What the device was asked for so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let tally = &self.shared.tally;
        Tally {
            passes: tally.passes.load(Relaxed),
            submissions: tally.submissions.load(Relaxed),
            waits: tally.waits.load(Relaxed),
        }
    }
}
