//! The contract: memory, distances, and folds over distances.
//!
//! A backend writes **four functions** – [`len`](Backend::len), [`write`](Backend::write),
//! [`read`](Backend::read), [`distances`](Backend::distances) – and has every algorithm of this
//! crate. Each fold has a body in [`host`] that is slow and right; a backend
//! overrides the folds one by one where speed is wanted, and the conformance suite compares each
//! override with the body it replaces and with an `f64` oracle.
//!
//! # What every backend signs
//!
//! Each of these is a law of the conformance suite (feature `conformance`).
//!
//! 1. **Running.** Folds merge into what the buffers hold. Empty is `dist = ∞, index = NONE`,
//!    `counts = 0`, `lowest = NONE`, `parent[i] = i`, sums 0. Hence the *split law*: folding y₁
//!    and then y₂ gives, bit for bit, what folding y gives; likewise for any partition into
//!    blocks, in any order. (Float sums of [`sum_by_label`](Backend::sum_by_label): within the
//!    accuracy of 9.)
//! 2. **Absolute rows.** Row numbers are positions in the buffer, for inputs and outputs. What
//!    lies outside x's range is not touched. Buffers hold fewer than 2³²−1 rows; element offsets
//!    are 64 bits wide.
//! 3. **Ties** go to the lower row number: a `Nearest` is ascending by (distance, row).
//! 4. **Non-finite input.** A row with NaN or ∞ – or one so large that its distance is not
//!    finite – is nobody's neighbour and finds none. Never a panic, a hang or an access out of
//!    bounds.
//! 5. **Order.** Calls act as if executed one after another. They may return before they are
//!    done; `read` and `sync` wait. An error of unfinished work surfaces at any later call, at
//!    the latest at `read` or `sync`; a lost device stays lost.
//! 6. **Errors are only what a caller cannot foresee.** Shapes are checked by the constructors
//!    of [`Rows`] and [`Pairs`] and by algorithms; labels are below k, or [`NONE`].
//! 7. **Aliasing cannot happen**: outputs are `&mut`, inputs `&`, buffers are never split.
//! 8. **Repeatable.** Same machine, same input, same bits, for any number of threads. Sums by
//!    label are integers and therefore the same on every machine.
//! 9. **Accuracy, and one distance.** The distance of a pair is *one number*: the same bits from
//!    every function, tile, block and batch it is met in. It differs from the true distance by
//!    no more than the bound of the suite's tolerance model. Backends with IEEE arithmetic give
//!    the number of [`distance`](crate::distance) and so agree with each other bit for bit.
//!    Float sums have a relative error that does not grow with n: a plain `f32` counter would
//!    stop at 2²⁴. What [`sum_by_label`](Backend::sum_by_label) adds may be distances rounded in
//!    another way, as long as the sum keeps that error: no decision hangs on it, so its last bits
//!    are the one number that may differ between levels of instructions.
//! 10. **Draws** are a pure function of (seed, counters): [`random`](crate::random).

use core::borrow::BorrowMut;

use bytemuck::Pod;

use crate::element::Element;
#[cfg(feature = "alloc")]
use crate::error::Error;
use crate::error::{BackendError, ShapeError};
use crate::host;
use crate::rows::{Pairs, Rows};

/// Coordinates, distances, weights.
pub type Values<B> = <B as Backend>::Buf<<B as Backend>::Elem>;
/// Labels, row numbers, counts.
pub type Indices<B> = <B as Backend>::Buf<u32>;
/// Fixed-point sums.
pub type Integers<B> = <B as Backend>::Buf<i64>;

/// No row, noise, ignored.
pub const NONE: u32 = u32::MAX;
/// Every backend accepts `k` up to this in [`Backend::nearest`].
pub const MAX_NEIGHBORS: usize = 256;
/// Fractional bits of a weight in [`Sums::mass`]: weight 1 is `1 << WEIGHT_BITS`.
pub const WEIGHT_BITS: u32 = 16;
/// How far [`Sums::scatter`] is shifted down from the sum of squared offsets.
pub const SCATTER_SHIFT: u32 = 24;

/// The k nearest rows found so far for every row of x: two n × k buffers, each row of them
/// ascending by (distance, index), padded with (∞, [`NONE`]).
#[derive(Debug)]
pub struct Nearest<'a, V: ?Sized, I: ?Sized> {
    /// Entries per row, at least 1.
    pub k: usize,
    /// Distances.
    pub dist: &'a mut V,
    /// Row numbers in y's buffer.
    pub index: &'a mut I,
}

/// Integer sums by label, added into. Label c owns `offsets[c·dim..]`, `mass[c]`, `scatter[c]`.
pub struct Sums<'a, B: Backend> {
    /// Σ round(q·w): offsets from the origin in units of 1/scale.
    pub offsets: &'a mut Integers<B>,
    /// Σ w in units of 2⁻¹⁶.
    pub mass: &'a mut Integers<B>,
    /// Σ w·|q|² / 2²⁴, where wanted.
    pub scatter: Option<&'a mut Integers<B>>,
}

impl<B: Backend> core::fmt::Debug for Sums<'_, B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Sums").field("scatter", &self.scatter.is_some()).finish_non_exhaustive()
    }
}

/// A weighted graph in compressed rows: the edges of row i are `offsets[i]..offsets[i + 1]`.
#[derive(Debug)]
pub struct Graph<'a, V: ?Sized, I: ?Sized> {
    /// n + 1 positions.
    pub offsets: &'a I,
    /// The other end of each edge.
    pub targets: &'a I,
    /// Strength of each edge, in (0, 1].
    pub weights: &'a V,
}

/// One layout epoch of UMAP (McInnes, Healy, Melville 2018).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Curve parameter a.
    pub a: f32,
    /// Curve parameter b.
    pub b: f32,
    /// Strength of the pushes.
    pub repulsion: f32,
    /// Step size.
    pub rate: f32,
    /// Pushes drawn per active edge.
    pub negatives: u32,
    /// Rows that pushes are drawn from: the first so many of the buffer.
    pub pool: u32,
    /// Number of the epoch, from 0.
    pub number: u32,
    /// Seed of the draws.
    pub seed: u64,
}

/// A machine that can hold rows and fold the distances between them.
///
/// A cheap handle: clones share the machine. See the [module](self) for what it signs.
///
/// ```
/// use enfold_core::{Backend, Metric, Nearest, Pairs, Rows, NONE};
/// use enfold_cpu::Cpu;
///
/// let cpu = Cpu::<f32>::new();
/// let x = [0.0f32, 0.9, 2.2];
/// let y = [0.0f32, 1.0, 2.0];
/// let pairs = Pairs::new(Rows::new(&x[..], 1)?, Rows::new(&y[..], 1)?, Metric::SqEuclidean)?;
/// let (mut dist, mut index) = ([f32::INFINITY; 3], [NONE; 3]);
/// cpu.nearest(pairs, Nearest { k: 1, dist: &mut dist[..], index: &mut index[..] })?;
/// assert_eq!(index, [0, 1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Backend: Clone {
    /// Coordinates, distances and weights: `f32`, or `f64` where the machine has it.
    type Elem: Element;
    /// What can fail; `Infallible` on a CPU.
    type Error: BackendError;
    /// A buffer: `[T]` on a CPU, a handle on a device.
    type Buf<T: Pod>: ?Sized;

    // ---- required: memory and arithmetic ---------------------------------------------------

    /// Elements in a buffer.
    fn len<T: Pod>(buf: &Self::Buf<T>) -> usize;

    /// Copies `src` to `dst[at..]`.
    ///
    /// # Errors
    /// Only what the machine reports, here and in every function below.
    fn write<T: Pod>(
        &self,
        dst: &mut Self::Buf<T>,
        at: usize,
        src: &[T],
    ) -> Result<(), Self::Error>;

    /// Copies `src[at..]` to `dst`; waits for everything before it.
    fn read<T: Pod>(&self, src: &Self::Buf<T>, at: usize, dst: &mut [T])
    -> Result<(), Self::Error>;

    /// `out[(i − x.start)·y.len() + (j − y.start)] = d(i, j)`, to the host. `O(n·m·dim)`.
    ///
    /// Pairs that the visit leaves out are not written. Which number a distance is says
    /// [`distance`](crate::distance::distance), and how near to it
    /// [`accuracy`](crate::distance::accuracy); metrics that a machine has no form for may be
    /// computed by that function on the host. `core/examples/own_distance.rs` has a backend with
    /// a distance of its own.
    fn distances(
        &self,
        pairs: Pairs<'_, Values<Self>>,
        out: &mut [Self::Elem],
    ) -> Result<(), Self::Error>;

    // ---- provided: folds over pairs --------------------------------------------------------

    /// The k nearest rows of y for every row of x, merged into `best`. `O(n·m·dim)`.
    ///
    /// An entry that `best` already holds is not entered twice.
    fn nearest(
        &self,
        pairs: Pairs<'_, Values<Self>>,
        best: Nearest<'_, Values<Self>, Indices<Self>>,
    ) -> Result<(), Self::Error> {
        host::nearest(self, pairs, best)
    }

    /// `counts[i·k + s] += |{ j : d(i, j) ≤ radii[i·k + s] }|`, finite distances only.
    fn count_within(
        &self,
        pairs: Pairs<'_, Values<Self>>,
        radii: &Values<Self>,
        k: usize,
        counts: &mut Indices<Self>,
    ) -> Result<(), Self::Error> {
        host::count_within(self, pairs, radii, k, counts)
    }

    /// `lowest[i] = min(lowest[i], values[j])` over the j within `radius`.
    fn lowest_within(
        &self,
        pairs: Pairs<'_, Values<Self>>,
        radius: Self::Elem,
        values: &Indices<Self>,
        lowest: &mut Indices<Self>,
    ) -> Result<(), Self::Error> {
        host::lowest_within(self, pairs, radius, values, lowest)
    }

    /// Union-find: unites i and j when both are members (non-zero) and within `radius`; the
    /// smaller root wins. x and y are ranges of the same buffer.
    fn join_within(
        &self,
        pairs: Pairs<'_, Values<Self>>,
        radius: Self::Elem,
        member: &Indices<Self>,
        parent: &mut Indices<Self>,
    ) -> Result<(), Self::Error> {
        host::join_within(self, pairs, radius, member, parent)
    }

    /// `sums[(i − x.start)·k + labels[j]] += d(i, j)`; rows labelled [`NONE`] and distances that
    /// are not finite are left out.
    fn sum_by_label(
        &self,
        pairs: Pairs<'_, Values<Self>>,
        labels: &Indices<Self>,
        k: usize,
        sums: &mut Values<Self>,
    ) -> Result<(), Self::Error> {
        host::sum_by_label(self, pairs, labels, k, sums)
    }

    // ---- provided: passes over rows --------------------------------------------------------

    /// Integer sums by label. For every row i of x with label c ≠ [`NONE`] and weight w (1
    /// where None), with `m = rint(w·2¹⁶)` and `q_t = rint((x[i][t] − origins[c][t])·scale)`:
    ///
    /// ```text
    /// offsets[c·dim + t] += (q_t·m + 2¹⁵) >> 16        (= q_t for weight 1)
    /// mass[c]            += m
    /// scatter[c]         += (Σ_t q_t² · m + 2³⁹) >> 40  (where wanted)
    /// ```
    ///
    /// The difference and the product are single roundings, `rint` is ties-to-even, shifts are
    /// arithmetic: the same integers on every machine, and integer addition has no order. The
    /// caller picks `scale` so that every `q_t` is below 2³¹, every `q_t·m` below 2⁶³ and, where
    /// the scatter is wanted, the norm of q is at most 2²⁵.
    fn accumulate(
        &self,
        x: Rows<'_, Values<Self>>,
        labels: &Indices<Self>,
        weights: Option<&Values<Self>>,
        origins: Rows<'_, Values<Self>>,
        scale: Self::Elem,
        into: Sums<'_, Self>,
    ) -> Result<(), Self::Error> {
        host::accumulate(self, x, labels, weights, origins, scale, into)
    }

    /// One gather epoch: `to[i] = from[i] + rate · (pulls along edges + pushes from negatives)`
    /// for the rows of the range, whose edges and pushes may come from any row of the buffer.
    ///
    /// A row with m active edges takes m · negatives pushes; which rows push says
    /// [`Shifts`](host::layout::Shifts), what a force is [`Curve`](host::layout::Curve). Edges in
    /// order, then pushes in order: every CPU gives the same bits.
    fn layout(
        &self,
        graph: Graph<'_, Values<Self>, Indices<Self>>,
        epoch: Epoch,
        from: Rows<'_, Values<Self>>,
        to: &mut Values<Self>,
    ) -> Result<(), Self::Error> {
        host::layout::layout(self, graph, epoch, from, to)
    }

    /// `out[c] = Σ w_i·values[i]` over the c-th chunk of `values[..len]`, in f64: term `i` of the
    /// chunk to running sum `i % 16`, folded in half at the end.
    fn sums(
        &self,
        values: &Values<Self>,
        weights: Option<&Values<Self>>,
        len: usize,
        chunk: usize,
        out: &mut [f64],
    ) -> Result<(), Self::Error> {
        host::sums(self, values, weights, len, chunk, out)
    }

    /// `count[0] += |{ i < len : a[i] ≠ b[i] }|`. `O(len)`.
    fn count_changed(
        &self,
        a: &Indices<Self>,
        b: &Indices<Self>,
        len: usize,
        count: &mut Integers<Self>,
    ) -> Result<(), Self::Error> {
        host::count_changed(self, a, b, len, count)
    }

    /// Copies `src[from..from + len]` to `dst[to..]`.
    fn copy(
        &self,
        src: &Values<Self>,
        from: usize,
        dst: &mut Values<Self>,
        to: usize,
        len: usize,
    ) -> Result<(), Self::Error> {
        host::copy(self, src, from, dst, to, len)
    }

    /// Sets every element.
    fn fill<T: Pod>(&self, dst: &mut Self::Buf<T>, value: T) -> Result<(), Self::Error> {
        host::fill(self, dst, value)
    }

    /// Copies several buffers to the host, each from its start: a device waits once for all.
    fn read_all<T: Pod>(&self, parts: &mut [(&Self::Buf<T>, &mut [T])]) -> Result<(), Self::Error> {
        parts.iter_mut().try_for_each(|(src, dst)| self.read(src, 0, dst))
    }

    /// Does work of the host: jobs that know nothing of each other, in any order, on as many
    /// threads as the machine has. All are done when it returns. The provided body does one job
    /// after another.
    ///
    /// Core knows no threads; what algorithms do beside the folds goes through here.
    fn each<J>(&self, jobs: impl Iterator<Item = J> + Send, work: impl Fn(J) + Sync) {
        jobs.for_each(work);
    }

    /// [`each`](Self::each) for jobs that ask the machine for something: each is handed the machine,
    /// or a clone of it.
    fn each_with<J>(&self, jobs: impl Iterator<Item = J> + Send, work: impl Fn(&Self, J) + Sync) {
        jobs.for_each(|job| work(self, job));
    }

    /// Waits for everything submitted and reports late errors.
    fn sync(&self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Backends that can make their own buffers.
pub trait Alloc: Backend {
    /// An owned buffer: `Vec<T>`, or a device allocation.
    type Owned<T: Pod>: BorrowMut<Self::Buf<T>>;

    /// A zero-filled buffer of `len` elements.
    ///
    /// # Errors
    /// The machine has not that much memory.
    fn alloc<T: Pod>(&self, len: usize) -> Result<Self::Owned<T>, Self::Error>;
}

/// A buffer with a copy of `host`.
#[cfg(feature = "alloc")]
pub(crate) fn upload<B: Alloc, T: Pod>(
    backend: &B,
    host: &[T],
) -> Result<B::Owned<T>, Error<B::Error>> {
    let mut buf = backend.alloc(host.len()).map_err(Error::Backend)?;
    backend.write(buf.borrow_mut(), 0, host).map_err(Error::Backend)?;
    Ok(buf)
}

impl<V: ?Sized, I: ?Sized> Nearest<'_, V, I> {
    /// Checks that both buffers hold k entries for every row of x up to its end.
    ///
    /// # Errors
    /// k is 0, or a buffer is too short.
    pub fn check<B>(&self, x: Rows<'_, Values<B>>) -> Result<(), ShapeError>
    where
        B: Backend<Buf<u32> = I> + Backend<Buf<<B as Backend>::Elem> = V>,
    {
        ShapeError::at_least("k", 1, self.k)?;
        ShapeError::at_least("dist", x.end() * self.k, B::len::<B::Elem>(self.dist))?;
        ShapeError::at_least("index", x.end() * self.k, B::len::<u32>(self.index))
    }
}
