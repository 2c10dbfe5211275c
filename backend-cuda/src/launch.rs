//! The driver: this file and its folder are the only ones with `unsafe`.
//!
//! Everything here is a thin owner of one thing of the driver – a context, a stream, an event, a
//! span of device memory, a page-locked block, a module – that gives it back when dropped. Spans
//! are opaque: an address leaves this folder only as a kernel's argument, and every copy is checked
//! against its span. What is ordered after what is decided in `queue.rs`.

mod driver;
mod kernel;
mod memory;
#[cfg(feature = "nvrtc")]
pub(crate) mod nvrtc;

use std::sync::Arc;

use cudarc::driver::result::{self, DriverError};
use cudarc::driver::sys::{
    self, CUdevice, CUdevice_attribute_enum as Attribute, CUevent, CUevent_flags,
    CUevent_wait_flags, CUstream,
};

use crate::error::CudaError;
#[cfg(feature = "nvrtc")]
pub(crate) use driver::library;
pub(crate) use driver::{Described, NEEDED, count, describe};
use driver::{attribute, device};
pub(crate) use kernel::{Args, Function, Module, Shape};
pub(crate) use memory::{Pinned, Span};

pub(crate) type Done = Result<(), CudaError>;

/// Names the driver's own error. A device that faulted answers nothing else until the process ends.
fn told(e: DriverError) -> CudaError {
    let number = e.0 as u32;
    let why = match e.error_string() {
        Ok(text) => format!("{} ({number})", text.to_string_lossy()),
        Err(_) => format!("error {number}"),
    };
    match number {
        2 => CudaError::OutOfMemory { bytes: 0 },
        100 => CudaError::NoDevice { wanted: "any CUDA device".into(), found: Vec::new() },
        222 => CudaError::OldDriver { found: why, needed: NEEDED },
        4 | 46 | 201 | 214 | 220 | 700 | 702 | 709 | 710 | 714..=719 | 911 => CudaError::Lost(why),
        _ => CudaError::Device(why),
    }
}

/// The primary context of a device, held.
#[derive(Debug)]
pub(crate) struct Context {
    device: CUdevice,
    context: sys::CUcontext,
    /// The device's pool of memory, where it has one.
    pool: Option<sys::CUmemoryPool>,
}

// SAFETY: the driver's handles belong to the process and may be used from any thread that has entered
// their context; every call here enters it first.
unsafe impl Send for Context {}
// SAFETY: as above; the driver locks what it shares.
unsafe impl Sync for Context {}

impl Context {
    /// Retains the primary context of a device.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn open(ordinal: usize) -> Result<Self, CudaError> {
        let device = device(ordinal)?;
        // SAFETY: `device` had the number from the driver, so there is such a device.
        let context = unsafe { result::primary_ctx::retain(device) }.map_err(told)?;
        let mut this = Self { device, context, pool: None };
        this.enter()?;
        this.pool = this.memory_pool()?;
        Ok(this)
    }

    /// The pool, told to keep what is freed: algorithms ask for the same sizes again.
    fn memory_pool(&self) -> Result<Option<sys::CUmemoryPool>, CudaError> {
        let supported = Attribute::CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED;
        if attribute(self.device, supported)? == 0 {
            return Ok(None);
        }
        // SAFETY: there is such a device, and it said above that it has pools.
        let pool = unsafe { result::device::get_default_mem_pool(self.device) }.map_err(told)?;
        let mut keep = u64::MAX;
        let what = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        // SAFETY: the pool is the device's; this attribute is a 64-bit number, which lives during the
        // call.
        unsafe { result::mem_pool::set_attribute(pool, what, (&raw mut keep).cast()) }
            .map_err(told)?;
        Ok(Some(pool))
    }

    /// Makes the context that of this thread.
    fn enter(&self) -> Done {
        // SAFETY: the context is retained as long as this lives.
        unsafe { result::ctx::set_current(self.context) }.map_err(told)
    }

    /// Gives what the pool keeps and nobody uses back to the device.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn trim(&self) -> Done {
        self.enter()?;
        let Some(pool) = self.pool else { return Ok(()) };
        // SAFETY: the pool is the device's and lives as long as it.
        unsafe { result::mem_pool::trim_to(pool, 0) }.map_err(told)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: retained in `open`, released once. What it reports concerns nobody any more.
        let _ = unsafe { result::primary_ctx::release(self.device) };
    }
}

/// A queue of the device: what is in one runs in order.
#[derive(Debug)]
pub(crate) struct Stream {
    stream: CUstream,
    context: Arc<Context>,
}

// SAFETY: as for `Context`.
unsafe impl Send for Stream {}
// SAFETY: as for `Context`.
unsafe impl Sync for Stream {}

impl Stream {
    /// A stream that does not wait for the legacy default stream.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn new(context: &Arc<Context>) -> Result<Self, CudaError> {
        context.enter()?;
        let kind = result::stream::StreamKind::NonBlocking;
        let stream = result::stream::create(kind).map_err(told)?;
        Ok(Self { stream, context: Arc::clone(context) })
    }

    /// Waits for everything in it.
    ///
    /// # Errors
    /// The driver's, late ones of what was in it among them.
    pub(crate) fn sync(&self) -> Done {
        self.context.enter()?;
        // SAFETY: the stream was made in `new` and is destroyed only when this is dropped.
        unsafe { result::stream::synchronize(self.stream) }.map_err(told)
    }

    /// What follows here waits for what was before `event`.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn wait(&self, event: &Event) -> Done {
        self.context.enter()?;
        let flags = CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;
        // SAFETY: stream and event are destroyed only when their owners are, which are borrowed here; they
        // are of one context, since a device has one (`Shared`).
        unsafe { result::stream::wait_event(self.stream, event.event, flags) }.map_err(told)
    }

    /// New memory, of which nothing is known, for what follows here.
    ///
    /// # Errors
    /// The device has not so much, or the driver's.
    pub(crate) fn allocate(&self, bytes: usize) -> Result<Span, CudaError> {
        self.context.enter()?;
        let size = bytes.max(1);
        let at = match self.context.pool {
            // SAFETY: the stream is alive and the size is not 0. What is in the memory matters to nobody:
            // the host never reads it but as bytes, and to a kernel any bytes are numbers.
            Some(_) => unsafe { result::malloc_async(self.stream, size) },
            // SAFETY: as above.
            None => unsafe { result::malloc_sync(size) },
        };
        let at = at.map_err(|e| match told(e) {
            CudaError::OutOfMemory { .. } => CudaError::OutOfMemory { bytes: bytes as u64 },
            e => e,
        })?;
        Ok(Span { at, bytes })
    }

    /// Gives memory back after what is before here; a span that was given back has none.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn free(&self, span: &mut Span) -> Done {
        self.context.enter()?;
        let at = std::mem::take(&mut span.at);
        span.bytes = 0;
        let freed = match (at, self.context.pool) {
            (0, _) => Ok(()),
            // SAFETY: a span is made by `allocate` alone, cannot be copied, and forgets its address
            // here: it is freed once.
            (at, Some(_)) => unsafe { result::free_async(at, self.stream) },
            // SAFETY: as above.
            (at, None) => unsafe { result::free_sync(at) },
        };
        freed.map_err(told)
    }

    /// Fills a span with zeros.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn clear(&self, span: &Span) -> Done {
        self.context.enter()?;
        // SAFETY: a span that was not given back is the device's, and as long as it says; one that was
        // given back has no bytes.
        unsafe { result::memset_d8_async(span.at, 0, span.bytes, self.stream) }.map_err(told)
    }

    /// Copies bytes of the host to a span; they may change when this returns.
    ///
    /// # Errors
    /// The range leaves the span, or the driver's.
    pub(crate) fn send(&self, to: &Span, at: usize, from: &[u8]) -> Done {
        let to = to.part(at, from.len())?;
        self.context.enter()?;
        // SAFETY: the range is inside the span. The bytes are pageable: the driver has taken its own
        // copy of them when the call returns.
        unsafe { result::memcpy_htod_async(to, from, self.stream) }.map_err(told)
    }

    /// Copies what a page-locked block was filled with to a span.
    ///
    /// # Errors
    /// The range leaves the span, or the driver's.
    pub(crate) fn send_block(&self, to: &Span, at: usize, from: &mut Pinned) -> Done {
        let to = to.part(at, from.filled)?;
        self.context.enter()?;
        // SAFETY: the range is inside the span; `fill` waits for `left` before the block changes,
        // and so does its end.
        unsafe { result::memcpy_htod_async(to, from.bytes(), self.stream) }.map_err(told)?;
        from.left.record(self)
    }

    /// Copies a span's bytes to the host, and waits for them.
    ///
    /// # Errors
    /// The range leaves the span, or the driver's.
    pub(crate) fn fetch(&self, from: &Span, at: usize, to: &mut [u8]) -> Done {
        let from = from.part(at, to.len())?;
        self.context.enter()?;
        // SAFETY: the range is inside the span, and the bytes stay borrowed until `sync` returns.
        let sent = unsafe { result::memcpy_dtoh_async(to, from, self.stream) }.map_err(told);
        self.sync().and(sent)
    }

    /// Copies bytes from one span to another.
    ///
    /// # Errors
    /// A range leaves its span, or the driver's.
    pub(crate) fn copy(&self, from: (&Span, usize), to: (&Span, usize), bytes: usize) -> Done {
        let (from, to) = (from.0.part(from.1, bytes)?, to.0.part(to.1, bytes)?);
        self.context.enter()?;
        // SAFETY: both ranges are inside their spans; these are two, since callers have the one to be
        // written to themselves (`Backend::copy` borrows it exclusively, a new one has no other owner).
        unsafe { result::memcpy_dtod_async(to, from, bytes, self.stream) }.map_err(told)
    }

    /// Sends a kernel off.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn launch(&self, function: Function, shape: Shape, args: &mut Args) -> Done {
        self.context.enter()?;
        // The driver reads as many bytes of an argument as the kernel's parameter has: a number of
        // 32 bits stands low in its word, and every machine with CUDA is little-endian.
        let mut at = args.pointers();
        let (grid, block) = ((shape.grid, 1, 1), (shape.block, 1, 1));
        // SAFETY: the function's module stays loaded as long as the device is open (`Kernels`), and so
        // do the buffers, which the call borrows and the stream frees in order. Arguments are pushed in
        // the order and the sizes of `kernels/KERNELS.md`, and the driver copies them before it returns.
        // That a kernel stays inside its buffers is what its row ranges say, which come from checked
        // `Rows` and `Block`s.
        unsafe {
            result::launch_kernel(function.0, grid, block, shape.shared, self.stream, &mut at)
        }
        .map_err(told)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.sync();
        // SAFETY: made in `new`, destroyed once.
        let _ = unsafe { result::stream::destroy(self.stream) };
    }
}

/// A point in a stream.
#[derive(Debug)]
pub(crate) struct Event {
    event: CUevent,
    context: Arc<Context>,
}

// SAFETY: as for `Context`.
unsafe impl Send for Event {}
// SAFETY: as for `Context`.
unsafe impl Sync for Event {}

impl Event {
    /// An event before everything.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn new(context: &Arc<Context>) -> Result<Self, CudaError> {
        context.enter()?;
        let flags = CUevent_flags::CU_EVENT_DISABLE_TIMING;
        let event = result::event::create(flags).map_err(told)?;
        Ok(Self { event, context: Arc::clone(context) })
    }

    /// Moves it to the end of a stream.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn record(&self, stream: &Stream) -> Done {
        self.context.enter()?;
        // SAFETY: as in `wait`.
        unsafe { result::event::record(self.event, stream.stream) }.map_err(told)
    }

    /// Waits for what was before it.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn sync(&self) -> Done {
        self.context.enter()?;
        // SAFETY: the event was made in `new` and is destroyed only when this is dropped.
        unsafe { result::event::synchronize(self.event) }.map_err(told)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let _ = self.context.enter();
        // SAFETY: made in `new`, destroyed once.
        let _ = unsafe { result::event::destroy(self.event) };
    }
}
