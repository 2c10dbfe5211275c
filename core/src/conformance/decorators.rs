//! Backends around backends: bare, counted, failing, and one whose memory nobody sees.

mod opaque;

use core::fmt::{self, Display, Formatter};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

use bytemuck::Pod;

use crate::backend::{Alloc, Backend, Epoch, Graph, Indices, Integers, Nearest, Sums, Values};
use crate::error::{BackendError, ErrorKind};
use crate::rows::{Pairs, Rows};
pub use opaque::{Handle, Opaque};

/// Only the four required functions of a backend: every fold is the provided body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bare<B>(
    /// The backend inside.
    pub B,
);

impl<B: Backend> Backend for Bare<B> {
    type Elem = B::Elem;
    type Error = B::Error;
    type Buf<T: Pod> = B::Buf<T>;

    fn len<T: Pod>(buf: &B::Buf<T>) -> usize {
        B::len::<T>(buf)
    }

    fn write<T: Pod>(&self, dst: &mut B::Buf<T>, at: usize, src: &[T]) -> Result<(), B::Error> {
        self.0.write(dst, at, src)
    }

    fn read<T: Pod>(&self, src: &B::Buf<T>, at: usize, dst: &mut [T]) -> Result<(), B::Error> {
        self.0.read(src, at, dst)
    }

    fn distances(
        &self,
        pairs: Pairs<'_, Values<Self>>,
        out: &mut [B::Elem],
    ) -> Result<(), B::Error> {
        self.0.distances(pairs, out)
    }
}

impl<B: Alloc> Alloc for Bare<B> {
    type Owned<T: Pod> = B::Owned<T>;

    fn alloc<T: Pod>(&self, len: usize) -> Result<B::Owned<T>, B::Error> {
        self.0.alloc(len)
    }
}

/// A function of the contract that can fail, as decorators name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// [`Backend::write`].
    Write,
    /// [`Backend::read`].
    Read,
    /// [`Backend::distances`].
    Distances,
    /// [`Backend::nearest`].
    Nearest,
    /// [`Backend::count_within`].
    CountWithin,
    /// [`Backend::lowest_within`].
    LowestWithin,
    /// [`Backend::join_within`].
    JoinWithin,
    /// [`Backend::sum_by_label`].
    SumByLabel,
    /// [`Backend::accumulate`].
    Accumulate,
    /// [`Backend::layout`].
    Layout,
    /// [`Backend::sums`].
    Sums,
    /// [`Backend::count_changed`].
    CountChanged,
    /// [`Backend::copy`].
    Copy,
    /// [`Backend::fill`].
    Fill,
    /// [`Backend::read_all`].
    ReadAll,
    /// [`Backend::sync`].
    Sync,
    /// [`Alloc::alloc`].
    Alloc,
}

/// How many [`Call`]s there are.
const CALLS: usize = Call::Alloc as usize + 1;

#[derive(Debug, Default)]
struct Counters {
    calls: [AtomicU64; CALLS],
    written: AtomicU64,
    read: AtomicU64,
    allocated: AtomicU64,
}

/// A backend that counts what is asked of it. Clones share their counters.
#[derive(Debug, Clone, Default)]
pub struct Traced<B> {
    inner: B,
    counters: Arc<Counters>,
}

impl<B> Traced<B> {
    /// Counts what is asked of `inner`.
    pub fn new(inner: B) -> Self {
        Self { inner, counters: Arc::default() }
    }

    /// Calls of one function so far.
    pub fn calls(&self, call: Call) -> u64 {
        self.counters.calls[call as usize].load(Relaxed)
    }

    /// Calls of any function so far: on a device, launches and transfers.
    pub fn total(&self) -> u64 {
        self.counters.calls.iter().map(|c| c.load(Relaxed)).sum()
    }

    /// Waits so far: reads, results of `distances` and `sums`, and `sync`.
    pub fn waits(&self) -> u64 {
        let waiting = [Call::Read, Call::ReadAll, Call::Distances, Call::Sums, Call::Sync];
        waiting.map(|c| self.calls(c)).iter().sum()
    }

    /// Bytes written by the host so far.
    pub fn bytes_written(&self) -> u64 {
        self.counters.written.load(Relaxed)
    }

    /// Bytes read back by the host so far.
    pub fn bytes_read(&self) -> u64 {
        self.counters.read.load(Relaxed)
    }

    /// Bytes allocated so far.
    pub fn bytes_allocated(&self) -> u64 {
        self.counters.allocated.load(Relaxed)
    }

    /// Starts again at zero.
    pub fn reset(&self) {
        let Counters { calls, written, read, allocated } = &*self.counters;
        calls.iter().chain([written, read, allocated]).for_each(|c| c.store(0, Relaxed));
    }

    fn enter<E>(&self, call: Call) -> Result<(), E> {
        self.counters.calls[call as usize].fetch_add(1, Relaxed);
        Ok(())
    }

    fn write_of<T>(&self, len: usize) {
        self.counters.written.fetch_add((len * size_of::<T>()) as u64, Relaxed);
    }

    fn read_of<T>(&self, len: usize) {
        self.counters.read.fetch_add((len * size_of::<T>()) as u64, Relaxed);
    }

    fn alloc_of<T>(&self, len: usize) {
        self.counters.allocated.fetch_add((len * size_of::<T>()) as u64, Relaxed);
    }

    fn outcome<T, E>(&self, result: Result<T, E>) -> Result<T, E> {
        result
    }
}

/// What a [`Faulty`] backend reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault<E> {
    /// The planned failure.
    Planned(ErrorKind),
    /// A failure of the backend inside.
    Inner(E),
}

impl<E: Display> Display for Fault<E> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Planned(kind) => write!(f, "planned failure: {kind:?}"),
            Self::Inner(e) => e.fmt(f),
        }
    }
}

impl<E: BackendError> core::error::Error for Fault<E> {}

impl<E: BackendError> BackendError for Fault<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Planned(kind) => *kind,
            Self::Inner(e) => e.kind(),
        }
    }
}

/// A backend whose n-th call fails. A lost device stays lost; other failures happen once.
///
/// Clones share the count. Calls that can fail count from 0, allocations among them.
#[derive(Debug, Clone)]
pub struct Faulty<B> {
    inner: B,
    made: Arc<AtomicU64>,
    failing: u64,
    kind: ErrorKind,
}

impl<B> Faulty<B> {
    /// Fails the call number `failing` with `kind`.
    pub fn new(inner: B, failing: u64, kind: ErrorKind) -> Self {
        Self { inner, made: Arc::default(), failing, kind }
    }

    /// A backend that never fails, to count the calls of something.
    pub fn never(inner: B) -> Self {
        Self::new(inner, u64::MAX, ErrorKind::Other)
    }

    /// Calls made so far, failed ones included.
    pub fn calls(&self) -> u64 {
        self.made.load(Relaxed)
    }

    fn enter<E>(&self, _: Call) -> Result<(), Fault<E>> {
        let number = self.made.fetch_add(1, Relaxed);
        let lost = self.kind == ErrorKind::DeviceLost && number > self.failing;
        if number == self.failing || lost { Err(Fault::Planned(self.kind)) } else { Ok(()) }
    }

    fn write_of<T>(&self, _: usize) {}

    fn read_of<T>(&self, _: usize) {}

    fn alloc_of<T>(&self, _: usize) {}

    fn outcome<T, E>(&self, result: Result<T, E>) -> Result<T, Fault<E>> {
        result.map_err(Fault::Inner)
    }
}

/// Forwards every function of the contract through `enter`, the `_of` counts and `outcome`.
macro_rules! decorate {
    ($outer:ident, $error:ty) => {
        impl<B: Backend> Backend for $outer<B> {
            type Elem = B::Elem;
            type Error = $error;
            type Buf<T: Pod> = B::Buf<T>;

            fn len<T: Pod>(buf: &B::Buf<T>) -> usize {
                B::len::<T>(buf)
            }

            fn write<T: Pod>(
                &self,
                dst: &mut B::Buf<T>,
                at: usize,
                src: &[T],
            ) -> Result<(), $error> {
                self.enter(Call::Write)?;
                self.write_of::<T>(src.len());
                self.outcome(self.inner.write(dst, at, src))
            }

            fn read<T: Pod>(
                &self,
                src: &B::Buf<T>,
                at: usize,
                dst: &mut [T],
            ) -> Result<(), $error> {
                self.enter(Call::Read)?;
                self.read_of::<T>(dst.len());
                self.outcome(self.inner.read(src, at, dst))
            }

            fn distances(
                &self,
                pairs: Pairs<'_, Values<Self>>,
                out: &mut [B::Elem],
            ) -> Result<(), $error> {
                self.enter(Call::Distances)?;
                self.read_of::<B::Elem>(out.len());
                self.outcome(self.inner.distances(pairs, out))
            }

            fn nearest(
                &self,
                pairs: Pairs<'_, Values<Self>>,
                best: Nearest<'_, Values<Self>, Indices<Self>>,
            ) -> Result<(), $error> {
                self.enter(Call::Nearest)?;
                self.outcome(self.inner.nearest(pairs, best))
            }

            fn count_within(
                &self,
                pairs: Pairs<'_, Values<Self>>,
                radii: &Values<Self>,
                k: usize,
                counts: &mut Indices<Self>,
            ) -> Result<(), $error> {
                self.enter(Call::CountWithin)?;
                self.outcome(self.inner.count_within(pairs, radii, k, counts))
            }

            fn lowest_within(
                &self,
                pairs: Pairs<'_, Values<Self>>,
                radius: B::Elem,
                values: &Indices<Self>,
                lowest: &mut Indices<Self>,
            ) -> Result<(), $error> {
                self.enter(Call::LowestWithin)?;
                self.outcome(self.inner.lowest_within(pairs, radius, values, lowest))
            }

            fn join_within(
                &self,
                pairs: Pairs<'_, Values<Self>>,
                radius: B::Elem,
                member: &Indices<Self>,
                parent: &mut Indices<Self>,
            ) -> Result<(), $error> {
                self.enter(Call::JoinWithin)?;
                self.outcome(self.inner.join_within(pairs, radius, member, parent))
            }

            fn sum_by_label(
                &self,
                pairs: Pairs<'_, Values<Self>>,
                labels: &Indices<Self>,
                k: usize,
                sums: &mut Values<Self>,
            ) -> Result<(), $error> {
                self.enter(Call::SumByLabel)?;
                self.outcome(self.inner.sum_by_label(pairs, labels, k, sums))
            }

            fn accumulate(
                &self,
                x: Rows<'_, Values<Self>>,
                labels: &Indices<Self>,
                weights: Option<&Values<Self>>,
                origins: Rows<'_, Values<Self>>,
                scale: B::Elem,
                into: Sums<'_, Self>,
            ) -> Result<(), $error> {
                self.enter(Call::Accumulate)?;
                let Sums { offsets, mass, scatter } = into;
                let into = Sums { offsets, mass, scatter };
                self.outcome(self.inner.accumulate(x, labels, weights, origins, scale, into))
            }

            fn layout(
                &self,
                graph: Graph<'_, Values<Self>, Indices<Self>>,
                epoch: Epoch,
                from: Rows<'_, Values<Self>>,
                to: &mut Values<Self>,
            ) -> Result<(), $error> {
                self.enter(Call::Layout)?;
                self.outcome(self.inner.layout(graph, epoch, from, to))
            }

            fn sums(
                &self,
                values: &Values<Self>,
                weights: Option<&Values<Self>>,
                len: usize,
                chunk: usize,
                out: &mut [f64],
            ) -> Result<(), $error> {
                self.enter(Call::Sums)?;
                self.read_of::<f64>(out.len());
                self.outcome(self.inner.sums(values, weights, len, chunk, out))
            }

            fn count_changed(
                &self,
                a: &Indices<Self>,
                b: &Indices<Self>,
                len: usize,
                count: &mut Integers<Self>,
            ) -> Result<(), $error> {
                self.enter(Call::CountChanged)?;
                self.outcome(self.inner.count_changed(a, b, len, count))
            }

            fn copy(
                &self,
                src: &Values<Self>,
                from: usize,
                dst: &mut Values<Self>,
                to: usize,
                len: usize,
            ) -> Result<(), $error> {
                self.enter(Call::Copy)?;
                self.outcome(self.inner.copy(src, from, dst, to, len))
            }

            fn fill<T: Pod>(&self, dst: &mut B::Buf<T>, value: T) -> Result<(), $error> {
                self.enter(Call::Fill)?;
                self.outcome(self.inner.fill(dst, value))
            }

            fn read_all<T: Pod>(&self, parts: &mut [(&B::Buf<T>, &mut [T])]) -> Result<(), $error> {
                self.enter(Call::ReadAll)?;
                parts.iter().for_each(|(_, to)| self.read_of::<T>(to.len()));
                self.outcome(self.inner.read_all(parts))
            }

            fn each<J>(&self, jobs: impl Iterator<Item = J> + Send, work: impl Fn(J) + Sync) {
                self.inner.each(jobs, work);
            }

            fn sync(&self) -> Result<(), $error> {
                self.enter(Call::Sync)?;
                self.outcome(self.inner.sync())
            }
        }

        impl<B: Alloc> Alloc for $outer<B> {
            type Owned<T: Pod> = B::Owned<T>;

            fn alloc<T: Pod>(&self, len: usize) -> Result<B::Owned<T>, $error> {
                self.enter(Call::Alloc)?;
                self.alloc_of::<T>(len);
                self.outcome(self.inner.alloc(len))
            }
        }
    };
}

decorate!(Traced, B::Error);
decorate!(Faulty, Fault<B::Error>);
