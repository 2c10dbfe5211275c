//! What is ordered after what: kernels in one stream, large uploads in another.
//!
//! A large write goes through two page-locked blocks into the copying stream, so that the device
//! computes meanwhile. It waits for the last kernel that used *its* buffer, and the next kernel
//! that uses that buffer waits for it; kernels on other buffers do not. For that every launch
//! leaves a mark in its stream: one of [`MARKS`] events in turn. A mark that was overwritten stands
//! later in the same stream, so that waiting for it is only longer than need be.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::buffer::Raw;
use crate::device::Gpu;
use crate::error::CudaError;
use crate::filter::Filter;
use crate::launch::{Args, Context, Done, Event, Pinned, Shape, Span, Stream};
use crate::module::{Kernels, Source};

/// Events of a stream.
const MARKS: u64 = 64;
/// Bytes of a write that the driver takes at once, without waiting for what is before it.
const SMALL: usize = 64 << 10;
/// Bytes of a page-locked block.
const BLOCK: usize = 16 << 20;
/// Threads that fill a block: one does not keep up with the bus.
const FILLERS: usize = 4;

/// A device that is open.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) gpu: Gpu,
    pub(crate) grid: u32,
    pub(crate) filter: Filter,
    pub(crate) tally: Tallies,
    order: Mutex<Order>,
    staging: Mutex<Vec<Pinned>>,
    lost: OnceLock<String>,
    work: Stream,
    copies: Stream,
    /// Unloaded after the streams have run dry.
    kernels: Kernels,
    context: Arc<Context>,
}

#[derive(Debug, Default)]
pub(crate) struct Tallies {
    pub(crate) launches: AtomicU64,
    pub(crate) uploads: AtomicU64,
    pub(crate) waits: AtomicU64,
}

/// The marks of both streams.
#[derive(Debug)]
struct Order {
    work: Marks,
    copies: Marks,
}

#[derive(Debug)]
struct Marks {
    events: Vec<Event>,
    made: u64,
}

impl Marks {
    fn new(context: &Arc<Context>) -> Result<Self, CudaError> {
        let events = (0..MARKS).map(|_| Event::new(context)).collect::<Result<_, _>>()?;
        Ok(Self { events, made: 0 })
    }

    /// Marks the end of a stream; numbers begin at 1.
    fn mark(&mut self, stream: &Stream) -> Result<u64, CudaError> {
        self.events[(self.made % MARKS) as usize].record(stream)?;
        self.made += 1;
        Ok(self.made)
    }

    /// What follows in `stream` waits for a mark; 0 is before everything.
    fn wait(&self, stream: &Stream, mark: u64) -> Done {
        match mark.checked_sub(1) {
            Some(at) => stream.wait(&self.events[(at % MARKS) as usize]),
            None => Ok(()),
        }
    }
}

/// A kernel, its shape and its arguments.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    name: String,
    shape: Shape,
    args: Args,
    touched: Vec<&'a Raw>,
}

impl<'a> Call<'a> {
    /// A kernel in `blocks` blocks of `block` threads.
    pub(crate) fn new(name: impl Into<String>, blocks: u64, block: u32) -> Self {
        let grid = u32::try_from(blocks).unwrap_or(u32::MAX).max(1);
        let shape = Shape { grid, block, shared: 0 };
        Self { name: name.into(), shape, args: Args::default(), touched: Vec::new() }
    }

    /// Bytes of dynamic shared memory.
    pub(crate) fn shared(mut self, bytes: u32) -> Self {
        self.shape.shared = bytes;
        self
    }

    /// A buffer's address.
    pub(crate) fn raw(mut self, raw: &'a Raw) -> Self {
        self.args.span(Some(raw.span()));
        self.touched.push(raw);
        self
    }

    /// A buffer's address, or null.
    pub(crate) fn maybe(mut self, raw: Option<&'a Raw>) -> Self {
        match raw {
            Some(raw) => self.raw(raw),
            None => {
                self.args.span(None);
                self
            }
        }
    }

    /// A number of 64 bits.
    pub(crate) fn long(mut self, long: u64) -> Self {
        self.args.long(long);
        self
    }

    /// A number of 32 bits.
    pub(crate) fn word(self, word: u32) -> Self {
        self.long(u64::from(word))
    }

    /// Two numbers of 32 bits that follow each other in a structure.
    pub(crate) fn two(self, low: u32, high: u32) -> Self {
        self.long(u64::from(low) | u64::from(high) << 32)
    }

    /// A structure by value, whose fields `fields` pushes.
    pub(crate) fn group(mut self, fields: impl FnOnce(Self) -> Self) -> Self {
        self.args.begin();
        let mut this = fields(self);
        this.args.end();
        this
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Opens a device.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn open(
        gpu: Gpu,
        source: Source,
        grid: u32,
        filter: Filter,
    ) -> Result<Arc<Self>, CudaError> {
        let context = Arc::new(Context::open(gpu.index)?);
        let order = Order { work: Marks::new(&context)?, copies: Marks::new(&context)? };
        Ok(Arc::new(Self {
            kernels: Kernels::new(&context, &gpu, source),
            grid,
            filter,
            gpu,
            tally: Tallies::default(),
            order: Mutex::new(order),
            staging: Mutex::default(),
            lost: OnceLock::new(),
            work: Stream::new(&context)?,
            copies: Stream::new(&context)?,
            context,
        }))
    }

    /// Whether the device is still there.
    ///
    /// # Errors
    /// It was lost.
    pub(crate) fn check(&self) -> Done {
        self.lost.get().map_or(Ok(()), |why| Err(CudaError::Lost(why.clone())))
    }

    /// Remembers a loss.
    fn noted<T>(&self, result: Result<T, CudaError>) -> Result<T, CudaError> {
        if let Err(CudaError::Lost(why)) = &result {
            let _ = self.lost.set(why.clone());
        }
        result
    }

    /// New memory, filled with zeros where `cleared`, and the mark after which it is there.
    pub(crate) fn allocate(&self, bytes: usize, cleared: bool) -> Result<(Span, u64), CudaError> {
        self.check()?;
        let mut order = lock(&self.order);
        let mut span = match self.noted(self.work.allocate(bytes)) {
            // What was freed may still be waited for, or kept by the pool.
            Err(CudaError::OutOfMemory { .. }) => {
                self.noted(self.work.sync().and_then(|()| self.context.trim()))?;
                self.noted(self.work.allocate(bytes))
            }
            other => other,
        }?;
        let cleared = if cleared && bytes > 0 { self.work.clear(&span) } else { Ok(()) };
        let marked = cleared.and_then(|()| order.work.mark(&self.work));
        match self.noted(marked) {
            Ok(mark) => Ok((span, mark)),
            Err(e) => self.work.free(&mut span).and(Err(e)),
        }
    }

    /// Gives memory back once everything that uses it is done.
    pub(crate) fn free(&self, span: &mut Span, arriving: u64) {
        let order = lock(&self.order);
        // Whoever drops a buffer asks for no result; a lost device keeps its memory.
        let _ = order.copies.wait(&self.work, arriving).and_then(|()| self.work.free(span));
    }

    /// Kernels that follow wait for uploads of these buffers.
    fn arrived(&self, order: &Order, raws: &[&Raw]) -> Done {
        for raw in raws {
            if !std::ptr::eq(&raw const *raw.shared, self) {
                return Err(CudaError::Foreign);
            }
            order.copies.wait(&self.work, raw.arriving.swap(0, Relaxed))?;
        }
        Ok(())
    }

    /// Does something in the working stream with these buffers.
    fn with(&self, raws: &[&Raw], what: impl FnOnce(&Stream) -> Done) -> Done {
        self.check()?;
        let mut order = lock(&self.order);
        let done = self.arrived(&order, raws).and_then(|()| what(&self.work));
        let mark = self.noted(done.and_then(|()| order.work.mark(&self.work)))?;
        raws.iter().for_each(|raw| raw.used.store(mark, Relaxed));
        Ok(())
    }

    /// Launches a kernel.
    pub(crate) fn launch(&self, mut call: Call<'_>) -> Done {
        self.check()?;
        let function = self.noted(self.kernels.find(&call.name))?;
        call.shape.grid = call.shape.grid.min(self.grid);
        self.tally.launches.fetch_add(1, Relaxed);
        self.with(&call.touched, |work| work.launch(function, call.shape, &mut call.args))
    }

    /// Copies bytes from buffer to buffer.
    pub(crate) fn copy(&self, from: (&Raw, usize), to: (&Raw, usize), bytes: usize) -> Done {
        let spans = ((from.0.span(), from.1), (to.0.span(), to.1));
        self.with(&[from.0, to.0], |work| work.copy(spans.0, spans.1, bytes))
    }

    /// Fills a buffer with zeros.
    pub(crate) fn clear(&self, raw: &Raw) -> Done {
        self.with(&[raw], |work| work.clear(raw.span()))
    }

    /// Copies bytes of the host into a buffer; they may change when this returns.
    pub(crate) fn upload(&self, to: &Raw, at: usize, from: &[u8]) -> Done {
        if from.is_empty() {
            return self.check();
        }
        self.tally.uploads.fetch_add(1, Relaxed);
        if from.len() > SMALL && self.upload_beside(to, at, from)? {
            return Ok(());
        }
        self.with(&[to], |work| work.send(to.span(), at, from))
    }

    /// Copies beside the kernels; false where the host has no memory to lock.
    fn upload_beside(&self, to: &Raw, at: usize, from: &[u8]) -> Result<bool, CudaError> {
        self.check()?;
        let mut staging = lock(&self.staging);
        if !self.staged(&mut staging) {
            return Ok(false);
        }
        self.noted(lock(&self.order).work.wait(&self.copies, to.used.load(Relaxed)))?;
        for (turn, part) in from.chunks(BLOCK).enumerate() {
            let block = &mut staging[turn % 2];
            let sent = block
                .fill(part.len(), |to| fill(to, part))
                .and_then(|()| self.copies.send_block(to.span(), at + turn * BLOCK, block));
            self.noted(sent)?;
        }
        // The block that is filled first next time is the one that was sent first.
        if from.chunks(BLOCK).len() % 2 == 1 {
            staging.swap(0, 1);
        }
        let mark = self.noted(lock(&self.order).copies.mark(&self.copies))?;
        to.arriving.store(mark, Relaxed);
        Ok(true)
    }

    /// Makes the two blocks unless they are there.
    fn staged(&self, staging: &mut Vec<Pinned>) -> bool {
        while staging.len() < 2 {
            match Pinned::new(&self.context, BLOCK) {
                Ok(block) => staging.push(block),
                Err(_) => return false,
            }
        }
        true
    }

    /// Copies bytes of a buffer to the host, and waits for them.
    pub(crate) fn download(&self, from: &Raw, at: usize, to: &mut [u8]) -> Done {
        self.check()?;
        if to.is_empty() {
            return Ok(());
        }
        self.tally.waits.fetch_add(1, Relaxed);
        self.noted(self.arrived(&lock(&self.order), &[from]))?;
        self.noted(self.work.fetch(from.span(), at, to))
    }

    /// Waits for both streams.
    pub(crate) fn sync(&self) -> Done {
        self.check()?;
        self.tally.waits.fetch_add(1, Relaxed);
        self.noted(self.copies.sync().and_then(|()| self.work.sync()))
    }
}

/// Copies bytes with a few threads.
fn fill(to: &mut [u8], from: &[u8]) {
    let part = from.len().div_ceil(FILLERS).max(1 << 20);
    std::thread::scope(|scope| {
        let mut parts = to.chunks_mut(part).zip(from.chunks(part));
        let first = parts.next();
        for (to, from) in parts {
            scope.spawn(|| to.copy_from_slice(from));
        }
        if let Some((to, from)) = first {
            to.copy_from_slice(from);
        }
    });
}
