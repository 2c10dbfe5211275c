//! The driver: the only file with `unsafe`.
//!
//! Everything here is a thin owner of one thing of the driver – a context, a stream, an event, a
//! span of device memory, a page-locked block, a module – that gives it back when dropped. Spans
//! are opaque: an address leaves this file only as a kernel's argument, and every copy is checked
//! against its span. What is ordered after what is decided in `queue.rs`.
//!
//! cudarc panics where a library or a symbol is missing, so [`probe`] opens the library itself and
//! asks for every symbol used below before the first call goes to cudarc.

use std::ffi::{CString, c_void};
use std::sync::{Arc, OnceLock};

use cudarc::driver::result::{self, DriverError};
use cudarc::driver::sys::{
    self, CUdevice, CUdevice_attribute_enum as Attribute, CUdeviceptr, CUevent, CUevent_flags,
    CUevent_wait_flags, CUfunction, CUfunction_attribute_enum as FunctionAttribute, CUmodule,
    CUstream,
};
use libloading::Library;

use crate::error::CudaError;

#[cfg(feature = "nvrtc")]
pub(crate) mod nvrtc;

/// The least driver that loads the kernels: PTX 8.1, which came with CUDA 12.1.
const LEAST_DRIVER: i32 = 12010;
pub(crate) const NEEDED: &str = "a driver for CUDA 12.1 or newer (530 or newer)";
/// Names of the driver's library.
#[cfg(not(windows))]
const LIBRARIES: &[&str] = &["libcuda.so", "libcuda.so.1"];
#[cfg(windows)]
const LIBRARIES: &[&str] = &["nvcuda.dll"];
/// Every symbol of the driver that is called here.
const SYMBOLS: &[&str] = &[
    "cuCtxSetCurrent",
    "cuDeviceGet",
    "cuDeviceGetAttribute",
    "cuDeviceGetCount",
    "cuDeviceGetDefaultMemPool",
    "cuDeviceGetName",
    "cuDevicePrimaryCtxRelease_v2",
    "cuDevicePrimaryCtxRetain",
    "cuDeviceTotalMem_v2",
    "cuDriverGetVersion",
    "cuEventCreate",
    "cuEventDestroy_v2",
    "cuEventRecord",
    "cuEventSynchronize",
    "cuFuncSetAttribute",
    "cuGetErrorString",
    "cuInit",
    "cuLaunchKernel",
    "cuMemAllocAsync",
    "cuMemAlloc_v2",
    "cuMemFreeAsync",
    "cuMemFreeHost",
    "cuMemFree_v2",
    "cuMemHostAlloc",
    "cuMemPoolSetAttribute",
    "cuMemPoolTrimTo",
    "cuMemcpyDtoDAsync_v2",
    "cuMemcpyDtoHAsync_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemsetD8Async",
    "cuModuleGetFunction",
    "cuModuleLoadData",
    "cuModuleUnload",
    "cuStreamCreate",
    "cuStreamDestroy_v2",
    "cuStreamSynchronize",
    "cuStreamWaitEvent",
];

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

/// Opens the first library of a list of names that has all these symbols.
///
/// # Errors
/// What is missing.
pub(crate) fn library(names: &[&str], symbols: &[&str]) -> Result<Library, String> {
    // SAFETY: what runs on loading is NVIDIA's start-up code, which any program with CUDA runs.
    let open = |name: &&str| unsafe { Library::new(*name) }.ok();
    let Some(library) = names.iter().find_map(open) else {
        return Err(format!("no library {}", names.join(" or ")));
    };
    // SAFETY: the symbol is only looked for, never called through this type.
    let has = |s: &&&str| unsafe { library.get::<*const c_void>(s.as_bytes()) }.is_ok();
    match symbols.iter().find(|s| !has(s)) {
        Some(lacking) => Err(format!("its library has no {lacking}")),
        None => Ok(library),
    }
}

/// Whether there is a driver that can be asked anything at all; asked once for a process.
///
/// # Errors
/// There is none, it is too old, or it does not start.
pub(crate) fn probe() -> Done {
    static FOUND: OnceLock<Done> = OnceLock::new();
    FOUND.get_or_init(start).clone()
}

fn start() -> Done {
    if let Err(why) = library(LIBRARIES, &[]) {
        return Err(CudaError::NoDriver { why });
    }
    match library(LIBRARIES, SYMBOLS) {
        // Never unloaded: cudarc keeps its own handle.
        Ok(library) => std::mem::forget(library),
        Err(found) => return Err(CudaError::OldDriver { found, needed: NEEDED }),
    }
    result::init().map_err(|e| match told(e) {
        e @ CudaError::NoDevice { .. } => e,
        e => CudaError::NoDriver { why: e.to_string() },
    })?;
    match version()? {
        v if v < LEAST_DRIVER => {
            let found = format!("it is for CUDA {}.{}", v / 1000, v % 1000 / 10);
            Err(CudaError::OldDriver { found, needed: NEEDED })
        }
        _ => Ok(()),
    }
}

/// The newest CUDA that the driver knows, as 1000 · major + 10 · minor.
fn version() -> Result<i32, CudaError> {
    let mut version = 0;
    // SAFETY: the symbol is there, and the pointer is to an integer of ours.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }.result().map_err(told)?;
    Ok(version)
}

/// A device as the driver describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) capability: (u32, u32),
    pub(crate) memory: u64,
    pub(crate) processors: u32,
    pub(crate) driver: i32,
}

/// How many devices there are.
///
/// # Errors
/// As [`probe`].
pub(crate) fn count() -> Result<usize, CudaError> {
    match probe() {
        Ok(()) => {
            result::device::get_count().map(|n| usize::try_from(n).unwrap_or(0)).map_err(told)
        }
        Err(CudaError::NoDevice { .. }) => Ok(0),
        Err(e) => Err(e),
    }
}

fn device(ordinal: usize) -> Result<CUdevice, CudaError> {
    probe()?;
    result::device::get(i32::try_from(ordinal).unwrap_or(i32::MAX)).map_err(told)
}

fn attribute(device: CUdevice, attribute: Attribute) -> Result<u32, CudaError> {
    // SAFETY: the device came from `result::device::get`.
    let value = unsafe { result::device::get_attribute(device, attribute) }.map_err(told)?;
    Ok(u32::try_from(value).unwrap_or(0))
}

/// What a device is.
///
/// # Errors
/// There is no such device, or no driver.
pub(crate) fn describe(ordinal: usize) -> Result<Described, CudaError> {
    let device = device(ordinal)?;
    // SAFETY: the device came from `result::device::get`.
    let memory = unsafe { result::device::total_mem(device) }.map_err(told)?;
    let ask = |what| attribute(device, what);
    Ok(Described {
        name: result::device::get_name(device).map_err(told)?,
        capability: (
            ask(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            ask(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        ),
        memory: memory as u64,
        processors: ask(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
        driver: version()?,
    })
}

/// The primary context of a device, held.
#[derive(Debug)]
pub(crate) struct Context {
    device: CUdevice,
    context: sys::CUcontext,
    /// The device's pool of memory, where it has one.
    pool: Option<sys::CUmemoryPool>,
}

// SAFETY: the driver's handles belong to the process and may be used from any thread; every call
// enters the context on its own thread first.
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
        // SAFETY: the device came from `result::device::get`.
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
        // SAFETY: the device came from `result::device::get` and has pools.
        let pool = unsafe { result::device::get_default_mem_pool(self.device) }.map_err(told)?;
        let mut keep = u64::MAX;
        let what = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        // SAFETY: the pool is the device's, and this attribute is a 64-bit number.
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
        // SAFETY: the stream lives as long as this.
        unsafe { result::stream::synchronize(self.stream) }.map_err(told)
    }

    /// What follows here waits for what was before `event`.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn wait(&self, event: &Event) -> Done {
        self.context.enter()?;
        let flags = CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;
        // SAFETY: both live as long as their owners.
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
            // SAFETY: a kernel may read what nobody wrote: bytes of any value are numbers.
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
        // SAFETY: the span is as long as it says.
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
        // SAFETY: both ranges are inside their spans, which are two.
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
        // SAFETY: the function is of a module that is loaded as long as it; the driver copies the
        // arguments before it returns. That a kernel stays inside its buffers is what its row
        // ranges say, and those come from checked `Rows`.
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

/// How a kernel is spread: blocks, threads of a block, bytes of dynamic shared memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) grid: u32,
    pub(crate) block: u32,
    pub(crate) shared: u32,
}

/// The arguments of a kernel: words of eight bytes, and where each argument begins.
#[derive(Debug, Default)]
pub(crate) struct Args {
    words: Vec<u64>,
    starts: Vec<usize>,
    inside: bool,
}

impl Args {
    /// A structure by value: what is pushed until [`end`](Self::end) is one argument.
    pub(crate) fn begin(&mut self) {
        self.starts.push(self.words.len());
        self.inside = true;
    }

    /// The end of a structure.
    pub(crate) fn end(&mut self) {
        self.inside = false;
    }

    /// An address; null where there is no span.
    pub(crate) fn span(&mut self, span: Option<&Span>) {
        self.long(span.map_or(0, |span| span.at));
    }

    /// A 64-bit number, or two of 32 in a structure, the first one low.
    pub(crate) fn long(&mut self, long: u64) {
        if !self.inside {
            self.starts.push(self.words.len());
        }
        self.words.push(long);
    }

    /// Where each argument is.
    fn pointers(&mut self) -> Vec<*mut c_void> {
        let words = &mut self.words;
        self.starts.iter().map(|&at| (&raw mut words[at]).cast()).collect()
    }
}

/// Memory of the device.
#[derive(Debug)]
pub(crate) struct Span {
    at: CUdeviceptr,
    bytes: usize,
}

impl Span {
    /// The address of a range.
    fn part(&self, at: usize, bytes: usize) -> Result<CUdeviceptr, CudaError> {
        match at.checked_add(bytes) {
            Some(end) if end <= self.bytes => Ok(self.at + at as u64),
            _ => Err(CudaError::Device(format!("bytes {at}+{bytes} of {}", self.bytes))),
        }
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
        // SAFETY: both live as long as their owners.
        unsafe { result::event::record(self.event, stream.stream) }.map_err(told)
    }

    /// Waits for what was before it.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn sync(&self) -> Done {
        self.context.enter()?;
        // SAFETY: the event lives as long as this.
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

/// A block of the host's memory that the device copies from while the host goes on.
#[derive(Debug)]
pub(crate) struct Pinned {
    at: *mut u8,
    len: usize,
    filled: usize,
    /// After the last copy out of it.
    left: Event,
}

// SAFETY: the memory belongs to the block alone.
unsafe impl Send for Pinned {}

impl Pinned {
    /// A block of so many bytes.
    ///
    /// # Errors
    /// The host has not so much that can be locked.
    pub(crate) fn new(context: &Arc<Context>, len: usize) -> Result<Self, CudaError> {
        let left = Event::new(context)?;
        // SAFETY: the memory is written below, before anybody reads it.
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
        // SAFETY: `len` bytes are ours and were written in `new`; the device has left them, and nobody
        // else reads or writes them while the slice lives.
        write(unsafe { std::slice::from_raw_parts_mut(self.at, self.filled) });
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
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

/// Kernels on the device.
#[derive(Debug)]
pub(crate) struct Module {
    module: CUmodule,
    context: Arc<Context>,
}

// SAFETY: as for `Context`.
unsafe impl Send for Module {}
// SAFETY: as for `Context`.
unsafe impl Sync for Module {}

/// A kernel of a module, which whoever holds the function keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function(CUfunction);

// SAFETY: as for `Context`.
unsafe impl Send for Function {}
// SAFETY: as for `Context`.
unsafe impl Sync for Function {}

impl Module {
    /// Loads PTX or a cubin; what has no zero at its end gets one.
    ///
    /// # Errors
    /// The driver is too old for it, or it is none for this device.
    pub(crate) fn load(context: &Arc<Context>, image: &[u8]) -> Result<Self, CudaError> {
        context.enter()?;
        let image = [image, &[0]].concat();
        // SAFETY: the image ends in a zero and lives during the call.
        let module = unsafe { result::module::load_data(image.as_ptr().cast()) }.map_err(told)?;
        Ok(Self { module, context: Arc::clone(context) })
    }

    /// The kernel of a name, allowed `shared` bytes of dynamic shared memory.
    ///
    /// # Errors
    /// The module has none of that name, or the device has less memory.
    pub(crate) fn function(&self, name: &str, shared: u32) -> Result<Function, CudaError> {
        self.context.enter()?;
        let text = CString::new(name).unwrap_or_default();
        // SAFETY: the module is loaded as long as this lives.
        let function = unsafe { result::module::get_function(self.module, text) }
            .map_err(|e| CudaError::Device(format!("kernel {name}: {}", told(e))))?;
        if shared > 0 {
            let what = FunctionAttribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            let bytes = i32::try_from(shared).unwrap_or(i32::MAX);
            // SAFETY: the function was just found.
            unsafe { result::function::set_function_attribute(function, what, bytes) }
                .map_err(told)?;
        }
        Ok(Function(function))
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let _ = self.context.enter();
        // SAFETY: loaded in `load`, unloaded once.
        let _ = unsafe { result::module::unload(self.module) };
    }
}
