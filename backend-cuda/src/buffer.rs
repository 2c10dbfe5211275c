//! Memory of the device.

use core::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytemuck::Pod;

use crate::error::CudaError;
use crate::launch::{Done, Span};
use crate::queue::Shared;

/// A buffer on a device, of `len` elements.
#[derive(Debug)]
pub struct CudaBuf<T> {
    pub(crate) raw: Raw,
    len: usize,
    element: PhantomData<T>,
}

/// Bytes on a device.
#[derive(Debug)]
pub(crate) struct Raw {
    span: Span,
    pub(crate) shared: Arc<Shared>,
    /// The mark after the last kernel that used it.
    pub(crate) used: AtomicU64,
    /// The mark after an upload that no kernel has waited for yet; 0 where there is none.
    pub(crate) arriving: AtomicU64,
}

impl<T: Pod> CudaBuf<T> {
    pub(crate) fn new(shared: &Arc<Shared>, len: usize) -> Result<Self, CudaError> {
        let bytes = len.checked_mul(size_of::<T>());
        let bytes = bytes.ok_or(CudaError::OutOfMemory { bytes: u64::MAX })?;
        Ok(Self { raw: Raw::new(shared, bytes, true)?, len, element: PhantomData })
    }

    /// Elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Raw {
    /// Memory, filled with zeros where `cleared`.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        bytes: usize,
        cleared: bool,
    ) -> Result<Self, CudaError> {
        let (span, mark) = shared.allocate(bytes, cleared)?;
        Ok(Self {
            span,
            shared: Arc::clone(shared),
            used: AtomicU64::new(mark),
            arriving: AtomicU64::new(0),
        })
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    pub(crate) fn write(&self, at: usize, from: &[u8]) -> Done {
        self.shared.upload(self, at, from)
    }

    pub(crate) fn read(&self, at: usize, to: &mut [u8]) -> Done {
        self.shared.download(self, at, to)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.shared.free(&mut self.span, self.arriving.load(Relaxed));
    }
}
