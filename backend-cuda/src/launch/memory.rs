//! Memory of the device, and page-locked memory of the host.

use std::sync::Arc;

use cudarc::driver::result;
use cudarc::driver::sys::CUdeviceptr;

use super::{Context, Done, Event, told};
use crate::error::CudaError;

/// Memory of the device.
#[derive(Debug)]
pub(crate) struct Span {
    pub(super) at: CUdeviceptr,
    pub(super) bytes: usize,
}

impl Span {
    /// The address of a range.
    pub(super) fn part(&self, at: usize, bytes: usize) -> Result<CUdeviceptr, CudaError> {
        match at.checked_add(bytes) {
            Some(end) if end <= self.bytes => Ok(self.at + at as u64),
            _ => Err(CudaError::Device(format!("bytes {at}+{bytes} of {}", self.bytes))),
        }
    }
}

/// A block of the host's memory that the device copies from while the host goes on.
#[derive(Debug)]
pub(crate) struct Pinned {
    at: *mut u8,
    len: usize,
    pub(super) filled: usize,
    /// After the last copy out of it.
    pub(super) left: Event,
}

// SAFETY: nobody else has the address, and the driver takes the memory back from any thread.
unsafe impl Send for Pinned {}

impl Pinned {
    /// A block of so many bytes.
    ///
    /// # Errors
    /// The host has not so much that can be locked.
    pub(crate) fn new(context: &Arc<Context>, len: usize) -> Result<Self, CudaError> {
        let left = Event::new(context)?;
        // SAFETY: the caller has entered the context, for the event; the memory is written below, before
        // anybody reads it.
        let at = unsafe { result::malloc_host(len, 0) }.map_err(told)?.cast::<u8>();
        // SAFETY: the driver gave so many bytes.
        unsafe { at.write_bytes(0, len) };
        Ok(Self { at, len, filled: 0, left })
    }

    /// Waits until the device has taken what it held, and fills it with `write`.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn fill(&mut self, len: usize, write: impl FnOnce(&mut [u8])) -> Done {
        self.left.sync()?;
        self.filled = len.min(self.len);
        // SAFETY: `len` bytes are ours and were written in `new`; the device has left them, since `left`
        // stands after the last copy, and `self` is borrowed exclusively while the slice lives.
        write(unsafe { std::slice::from_raw_parts_mut(self.at, self.filled) });
        Ok(())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: `filled` bytes of ours were written by `fill`.
        unsafe { std::slice::from_raw_parts(self.at, self.filled) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = self.left.sync();
        // SAFETY: made in `new`, freed once, and the device has left it.
        let _ = unsafe { result::free_host(self.at.cast()) };
    }
}
