//! Memory of the device, and the host's copy of what is small.
//!
//! A part of a small buffer that the host reads brings the whole buffer; later reads come from that
//! copy, later writes go to it and reach the device with the next pass that needs them. So code
//! that walks a buffer element by element – the provided bodies do – waits once, not at each.

use core::marker::PhantomData;
use core::ops::Range;
use std::sync::{Arc, Mutex};

use bytemuck::Pod;
use wgpu::Buffer;

use crate::error::WgpuError;
use crate::queue::{Shared, lock};

/// Bytes of the largest buffer that is copied to the host as a whole.
const MIRRORED: u64 = 4 << 20;

/// A buffer on a device, of `len` elements.
#[derive(Debug)]
pub struct WgpuBuf<T> {
    pub(crate) raw: Raw,
    len: usize,
    element: PhantomData<T>,
}

/// Bytes on a device.
#[derive(Debug)]
pub(crate) struct Raw {
    buffer: Buffer,
    bytes: u64,
    shared: Arc<Shared>,
    mirror: Mutex<Mirror>,
}

/// The host's copy, empty where there is none, and what of it the device has not got.
#[derive(Debug, Default)]
struct Mirror {
    copy: Vec<u8>,
    dirty: Range<usize>,
}

impl<T: Pod> WgpuBuf<T> {
    pub(crate) fn new(shared: &Arc<Shared>, len: usize) -> Result<Self, WgpuError> {
        let bytes = (len as u64).checked_mul(size_of::<T>() as u64);
        let bytes = bytes.ok_or(WgpuError::OutOfMemory { bytes: u64::MAX })?;
        Ok(Self { raw: Raw::new(shared, bytes)?, len, element: PhantomData })
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

impl Shared {
    /// Copies the starts of several buffers to the host in one wait, where they are small.
    pub(crate) fn read_all(&self, parts: Vec<(&Raw, &mut [u8])>) -> Result<(), WgpuError> {
        let mut together: Vec<(&Buffer, &mut [u8])> = Vec::with_capacity(parts.len());
        for (raw, to) in parts {
            match raw.direct(to.len()) {
                Some(buffer) => together.push((buffer, to)),
                None => raw.read(0, to)?,
            }
        }
        self.download_all(&mut together)
    }
}

impl Raw {
    pub(crate) fn new(shared: &Arc<Shared>, bytes: u64) -> Result<Self, WgpuError> {
        let buffer = shared.create(bytes)?;
        Ok(Self { buffer, bytes, shared: Arc::clone(shared), mirror: Mutex::default() })
    }

    /// Bytes.
    pub(crate) fn len(&self) -> u64 {
        self.bytes
    }

    /// The buffer for a pass that reads it: what the host wrote is there.
    pub(crate) fn reading(&self, shared: &Arc<Shared>) -> Result<&Buffer, WgpuError> {
        if !Arc::ptr_eq(shared, &self.shared) {
            return Err(WgpuError::Foreign);
        }
        self.flush(&mut lock(&self.mirror))?;
        Ok(&self.buffer)
    }

    /// The buffer for a pass that writes it: the host's copy is void.
    pub(crate) fn writing(&self, shared: &Arc<Shared>) -> Result<&Buffer, WgpuError> {
        self.reading(shared)?;
        *lock(&self.mirror) = Mirror::default();
        Ok(&self.buffer)
    }

    fn flush(&self, mirror: &mut Mirror) -> Result<(), WgpuError> {
        let dirty = core::mem::take(&mut mirror.dirty);
        if dirty.is_empty() {
            return Ok(());
        }
        // The copy is as long as the buffer, which is a multiple of 16.
        let (start, end) = (dirty.start / 4 * 4, dirty.end.next_multiple_of(4));
        self.shared.upload(&self.buffer, start as u64, &mirror.copy[start..end])
    }

    /// Copies the buffer to the host unless that is done.
    fn fetch(&self, mirror: &mut Mirror) -> Result<(), WgpuError> {
        if mirror.copy.is_empty() {
            let mut copy = vec![0; self.buffer.size() as usize];
            self.shared.download(&self.buffer, 0, &mut copy)?;
            mirror.copy = copy;
        }
        Ok(())
    }

    /// Copies bytes to the host.
    pub(crate) fn read(&self, at: usize, to: &mut [u8]) -> Result<(), WgpuError> {
        self.shared.check()?;
        let mut mirror = lock(&self.mirror);
        let aligned = at.is_multiple_of(4) && to.len().is_multiple_of(4);
        let part = (to.len() as u64) < self.bytes && self.bytes <= MIRRORED;
        if part || !aligned {
            self.fetch(&mut mirror)?;
        }
        if mirror.copy.is_empty() {
            return self.shared.download(&self.buffer, at as u64, to);
        }
        to.copy_from_slice(&mirror.copy[at..at + to.len()]);
        Ok(())
    }

    /// What has to be copied from the device for bytes from the start; None where the host's copy
    /// has them, or [`read`](Self::read) must see to it.
    fn direct(&self, bytes: usize) -> Option<&Buffer> {
        let fresh = lock(&self.mirror).copy.is_empty();
        (fresh && bytes > 0 && bytes.is_multiple_of(4)).then_some(&self.buffer)
    }

    /// Copies bytes to the device, now or with the next pass that needs them.
    pub(crate) fn write(&self, at: usize, from: &[u8]) -> Result<(), WgpuError> {
        self.shared.check()?;
        let mut mirror = lock(&self.mirror);
        let end = at + from.len();
        if !(at.is_multiple_of(4) && end.is_multiple_of(4)) {
            self.fetch(&mut mirror)?;
        }
        if mirror.copy.is_empty() {
            return self.shared.upload(&self.buffer, at as u64, from);
        }
        mirror.copy[at..end].copy_from_slice(from);
        mirror.dirty = if mirror.dirty.is_empty() {
            at..end
        } else {
            mirror.dirty.start.min(at)..mirror.dirty.end.max(end)
        };
        Ok(())
    }
}
