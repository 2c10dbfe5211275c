//! Streaming k-means: one pass, bounded memory, any k afterwards.
//!
//! The stream keeps up to K *micro-clusters* ("extra centres"). A row opens a new one with a
//! probability that grows with its squared distance D to the nearest – a facility-location price
//! `f` decides – and is absorbed otherwise. When K is reached the price rises and the pairs that
//! cost least are merged. [`finish`](Stream::finish) reads k clusters out of the state, for any k
//! and as often as wanted.
//!
//! ```text
//! push:   D_i, j_i = nearest anchor of every row              one fold, batch × K
//!         row i opens an anchor where u_i·f < w_i·D_i         few, in order, on the host
//!         the others are absorbed                             integer sums
//!         both samples are offered every row                  their D is known already
//!         no room left: rebuild – anchors move to their means, f rises, Ward merges to 0.8 K
//! ```
//!
//! # Laws
//!
//! - **The state is a pure function of (rows in order, options).** Anchors stand still between
//!   rebuilds, D only falls as anchors open, a rebuild happens at a row that the stream fixes,
//!   draws are a function of the row's index, sums are integers, and every decision is taken on
//!   *one distance* ([`distance`](crate::distance)). So batches, threads, tiles and instruction
//!   sets leave the same bytes.
//! - **Weight is conserved exactly**, in units of 2⁻¹⁶.
//! - **Merging** separate streams is a union ([`Merge::Deferred`]: commutative, associative,
//!   idempotent, the same bytes for any merge tree) or goes on within the capacity
//!   ([`Merge::Compact`]).
//!
//! # Units
//!
//! Let ρ = f/unit be the price as a squared distance (`unit`: the power of two below the mean
//! weight when the price was first set). Sums are integers in units of 1/scale with
//! `scale = 2^(22 − ⌈log₂√ρ⌉)`: a row of usual weight is absorbed only while D < ρ, so its offset
//! has norm ≤ 2²². A row of weight w < unit may be absorbed at D up to ρ·unit/w; it must open
//! once D ≥ 64 ρ, which keeps the norm at 2²⁵, the limit of
//! [`accumulate`](crate::Backend::accumulate). At 2²² a coordinate is rounded at 2⁻²³ of the
//! radius, below the round-off of `f32` rows.
//!
//! # Sources
//!
//! Meyerson 2001 (online facility location); Charikar, O'Callaghan, Panigrahy 2003; Braverman et
//! al. 2011; Shindler, Wong, Meyerson 2011 (the [`Rebuild::Facility`] mode and its constant
//! factor); Ward 1963; Duffield, Lund, Thorup 2007 (priority sampling); Cormode et al. 2009
//! (forward decay); Feldman, Langberg 2011 (sensitivity sampling). The setting – extra centres,
//! one pass, half-life – is the documented algorithm of SageMaker's k-means.

mod bytes;
mod decay;
mod facility;
#[cfg(feature = "alloc")]
mod finish;
mod input;
mod merge;
mod open;
mod options;
mod rebuild;
mod sample;
mod score;
mod sums;
mod ward;

use num_traits::ConstZero;

use crate::backend::{Backend, Values};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::random::Draws;
use crate::rows::Rows;
use crate::state::{Pushed, StreamState};
use crate::store::{Fixed, Parts, Sizes, Store};

#[cfg(feature = "alloc")]
pub use finish::Clusters;
pub use options::{HalfLife, Merge, NonFinite, Rebuild, StreamOptions};

/// What draws of a stream are for.
const PURPOSE: u32 = 0x5354_524D;
/// Elements that are moved between host and backend together.
const TILE: usize = 64;

/// A k-means stream over rows of `dim` elements. See the [module](self).
///
/// Memory is that of the store ([`Sizes::required_bytes`]). A push costs `2·K·dim` flops per row
/// in one fold and `O(dim)` besides; a rebuild about `2·K²·dim`, every 0.2 K openings.
///
/// ```
/// use enfold_core::store::{Sizes, Slots};
/// use enfold_core::stream::{Stream, StreamOptions};
/// use enfold_core::{Rows, StreamState};
/// use enfold_cpu::Cpu;
///
/// let cpu = Cpu::<f32>::new();
/// let store = Slots::alloc(&cpu, 2, Sizes { capacity: 32, batch: 16, sample: 64, lists: 4 })?;
/// let mut stream = Stream::new(cpu, store, 2, StreamOptions::new().seed(7))?;
/// for i in 0..500u32 {
///     let corner = (i % 3) as f32 * 10.0;
///     let wobble = (i % 7) as f32 * 0.1;
///     stream.push(Rows::new(&[corner, wobble], 2)?, None)?;
/// }
/// let clusters = stream.finish(3)?;
/// assert_eq!(clusters.len(), 3);
/// assert_eq!(clusters.model.clusters.iter().map(|c| c.weight).sum::<f64>(), 500.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Stream<B: Backend, S: Store<B>> {
    backend: B,
    store: S,
    dim: usize,
    options: StreamOptions,
    head: Head,
    lists: usize,
    /// The machine failed in the middle of a change.
    torn: bool,
    /// Other shards of a deferred merge: stream number → its encoded part.
    #[cfg(feature = "alloc")]
    others: alloc::collections::BTreeMap<u32, alloc::vec::Vec<u8>>,
}

impl<B: Backend, S: Store<B>> core::fmt::Debug for Stream<B, S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stream")
            .field("dim", &self.dim)
            .field("options", &self.options)
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

/// The scalars of a state.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Head {
    /// Micro-clusters.
    len: usize,
    /// f, in units of weight × squared distance; 0 while there is room for every distinct row.
    price: f64,
    /// What a usual row weighs: a power of two.
    unit: f64,
    /// log₂ of the scale of the integer sums.
    exponent: i32,
    /// Index of the next row of this stream.
    row: u64,
    /// Rows taken in, with those of merged streams.
    rows: u64,
    /// Rows skipped.
    skipped: u64,
    /// Micro-clusters opened.
    opened: u64,
    /// Rebuilds so far.
    rebuilds: u64,
    /// `row` at the last rebuild.
    rebuilt: u64,
    /// Σ w, in units of 2⁻¹⁶, with what was evicted, relative to the landmark.
    mass: i64,
    /// What was evicted of it.
    expired: i64,
    /// The clock of the decay.
    clock: f64,
    /// Half-lives that the landmark has advanced.
    halvings: i64,
    /// Rows in the uniform and in the cost sample.
    kept: [usize; 2],
    /// The smallest keys that the samples had to let go.
    threshold: [f64; 2],
}

impl Head {
    const EMPTY: Self = Self {
        len: 0,
        price: 0.0,
        unit: 1.0,
        exponent: 0,
        row: 0,
        rows: 0,
        skipped: 0,
        opened: 0,
        rebuilds: 0,
        rebuilt: 0,
        mass: 0,
        expired: 0,
        clock: 0.0,
        halvings: 0,
        kept: [0; 2],
        threshold: [f64::INFINITY; 2],
    };

    /// ρ: the price as a squared distance.
    fn reach(&self) -> f64 {
        self.price / self.unit
    }
}

/// The pieces of a stream that an operation works on, borrowed apart.
struct Work<'a, B: Backend> {
    backend: &'a B,
    parts: Parts<'a, B>,
    head: &'a mut Head,
    options: &'a StreamOptions,
    sizes: Sizes,
    dim: usize,
}

impl<B, T, const CAP: usize, const DIM: usize, const BATCH: usize, const SAMPLE: usize>
    Stream<B, Fixed<T, CAP, DIM, BATCH, SAMPLE>>
where
    B: Backend<Elem = T, Buf<T> = [T]> + Backend<Buf<u32> = [u32]> + Backend<Buf<i64> = [i64]>,
    T: Element + ConstZero,
{
    /// An empty stream in arrays, made when the program is compiled: a `static` in `.bss`.
    ///
    /// Work is bounded, but not evenly: a row takes `O(CAP·DIM)`, and one that finds no room takes
    /// a rebuild, `O(CAP²·DIM)`, within its push. Reading clusters out ([`finish`](Self::finish))
    /// needs a heap. Where calls must be short, [`Detector`](crate::anomaly::Detector) does such
    /// work in steps; its cells, and snapshots of this stream, are for a machine with a heap.
    ///
    /// # Panics
    /// An option is out of range – when the program is compiled, in a `static`.
    ///
    /// ```
    /// use enfold_core::{Fixed, Rows, Stream, StreamOptions, StreamState};
    /// use enfold_cpu::Cpu;
    /// use std::sync::Mutex;
    ///
    /// type Device = Stream<Cpu<f32>, Fixed<f32, 16, 3>>;
    /// static STREAM: Mutex<Device> = Mutex::new(Stream::fixed(Cpu::new(), StreamOptions::new()));
    ///
    /// let mut stream = STREAM.lock().unwrap();
    /// stream.push(Rows::new(&[1.0, 2.0, 3.0], 3)?, None)?;
    /// assert_eq!(stream.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn fixed(backend: B, options: StreamOptions) -> Self {
        const { assert!(CAP >= 2 && DIM >= 1 && BATCH >= 1, "at least 2, 1 and 1") };
        assert!(options.is_valid(), "an option is out of range");
        Self {
            backend,
            store: Fixed::new(),
            dim: DIM,
            options,
            head: Head::EMPTY,
            lists: 1,
            torn: false,
            #[cfg(feature = "alloc")]
            others: alloc::collections::BTreeMap::new(),
        }
    }
}

impl<B: Backend, S: Store<B>> Stream<B, S> {
    /// An empty stream over rows of `dim` elements; the capacities are those of `store`.
    ///
    /// # Errors
    /// A buffer of the store does not fit `dim` and the capacities, or an option is out of range.
    pub fn new(
        backend: B,
        mut store: S,
        dim: usize,
        options: StreamOptions,
    ) -> Result<Self, Error<B::Error>> {
        let parts = store.parts();
        parts.check(dim)?;
        options.check()?;
        let lists = parts.sizes().lists;
        let mut stream = Self {
            backend,
            store,
            dim,
            options,
            head: Head::EMPTY,
            lists,
            torn: false,
            #[cfg(feature = "alloc")]
            others: alloc::collections::BTreeMap::new(),
        };
        stream.work().clear_from(0)?;
        Ok(stream)
    }

    /// Refuses a state that a failure left half changed.
    fn check_whole(&self) -> Result<(), Error<B::Error>> {
        if self.torn { Err(Error::Torn) } else { Ok(()) }
    }

    /// Makes a change that a failing machine may leave half made.
    fn change<R>(
        &mut self,
        make: impl FnOnce(&mut Self) -> Result<R, Error<B::Error>>,
    ) -> Result<R, Error<B::Error>> {
        let made = make(self);
        match made {
            Ok(_) => self.torn = false,
            Err(Error::Backend(_)) => self.torn = true,
            Err(_) => {}
        }
        made
    }

    fn work(&mut self) -> Work<'_, B> {
        let parts = self.store.parts();
        Work {
            backend: &self.backend,
            sizes: parts.sizes(),
            parts,
            head: &mut self.head,
            options: &self.options,
            dim: self.dim,
        }
    }

    /// Elements per row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The options it was made with.
    pub fn options(&self) -> &StreamOptions {
        &self.options
    }

    /// Micro-clusters now.
    pub fn len(&self) -> usize {
        self.head.len
    }

    /// Whether there is no micro-cluster.
    pub fn is_empty(&self) -> bool {
        self.head.len == 0
    }

    /// Most micro-clusters it can hold.
    pub fn capacity(&self) -> usize {
        self.store.view().micro.len()
    }

    /// Rows taken in, those of compactly merged streams included.
    pub fn rows(&self) -> u64 {
        self.head.rows
    }

    /// Rows skipped: not finite, or of weight 0.
    pub fn skipped(&self) -> u64 {
        self.head.skipped
    }

    /// Micro-clusters opened so far: per 1000 rows, a signal of drift.
    pub fn opened(&self) -> u64 {
        self.head.opened
    }

    /// Rebuilds so far.
    pub fn rebuilds(&self) -> u64 {
        self.head.rebuilds
    }

    /// The price of opening, as a squared distance; 0 while every distinct row has its own.
    pub fn price(&self) -> f64 {
        self.head.reach()
    }

    /// Weight taken in and not expired, as of now.
    pub fn weight(&self) -> f64 {
        sums::weight(self.head.mass - self.head.expired) / self.factor()
    }

    /// Weight that decay has evicted with its micro-clusters, as of now.
    pub fn expired(&self) -> f64 {
        sums::weight(self.head.expired) / self.factor()
    }

    /// The store, given back.
    pub fn into_store(self) -> S {
        self.store
    }
}

impl<B: Backend, S: Store<B>> StreamState for Stream<B, S> {
    type Backend = B;

    /// See [`StreamState::push`]. Where the *machine* fails in the middle, the state answers
    /// [`Error::Torn`] until a snapshot is restored into it; every other error leaves it as it was.
    fn push(
        &mut self,
        rows: Rows<'_, Values<B>>,
        weights: Option<&Values<B>>,
    ) -> Result<Pushed, Error<B::Error>> {
        ShapeError::check("dim of rows", self.dim, rows.dim())?;
        if let Some(weights) = weights {
            ShapeError::at_least("weights", rows.end(), B::len::<B::Elem>(weights))?;
        }
        self.check_whole()?;
        self.work().inspect(rows, weights)?;
        self.change(|stream| stream.work().push(rows, weights))
    }

    fn merge(&mut self, other: &Self) -> Result<(), Error<B::Error>> {
        self.check_whole()?;
        other.check_whole()?;
        self.change(|stream| stream.merge_with(other))
    }

    fn decay(&mut self, time: f64) -> Result<(), Error<B::Error>> {
        self.check_whole()?;
        self.change(|stream| stream.work().decay(time))
    }

    fn snapshot_len(&self) -> usize {
        self.encoded_len()
    }

    fn snapshot(&self, out: &mut [u8]) -> Result<usize, Error<B::Error>> {
        self.check_whole()?;
        self.encode(out)
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), Error<B::Error>> {
        self.change(|stream| stream.decode(bytes))
    }
}

/// The draws of a stream.
fn draws(options: &StreamOptions) -> Draws {
    Draws::new(options.seed, PURPOSE)
}

fn elem<T: Element>(value: f64) -> T {
    T::of_f64(value)
}
