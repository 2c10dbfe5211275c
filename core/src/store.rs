//! Where a stream keeps its state: whoever can lend the memory can hold a stream.
//!
//! A [`Store`] lends buffers of the backend – arrays, borrowed slices, vectors, device
//! allocations – and a few host slices for what only the host looks at. [`Fixed`] is arrays inside
//! the value (firmware, `static`), [`Slots`] is any owners, [`Slots::alloc`] asks the backend.
//! Nothing grows: the lengths of the buffers *are* the capacities.

use core::borrow::BorrowMut;

use num_traits::ConstZero;

use crate::backend::{Backend, Indices, Integers, Values};
use crate::error::ShapeError;

/// What the host knows of one micro-cluster: its key, and scratch for rebuilds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Micro {
    /// Index of the row that opened it, within its stream.
    pub id: u64,
    /// Number of the stream ([`StreamOptions::stream`](crate::StreamOptions::stream)) that the row
    /// came from.
    pub stream: u32,
    /// Rebuild scratch: the partner it would merge with, or the survivor it merged into.
    pub partner: u32,
    /// Rebuild scratch: what that merge costs; NaN once merged away.
    pub cost: f64,
}

impl Micro {
    const EMPTY: Self = Self { id: 0, stream: 0, partner: 0, cost: 0.0 };

    /// The canonical key, unique over all streams.
    pub(crate) fn key(&self) -> (u32, u64) {
        (self.stream, self.id)
    }
}

/// What the host knows of one sampled row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kept {
    /// The sample keeps the rows with the smallest keys.
    pub key: f64,
    /// Weight of the row, relative to the landmark of the decay.
    pub weight: f64,
    /// Squared distance to its nearest micro-cluster when it passed.
    pub gap: f64,
    /// Index within its stream.
    pub row: u64,
    /// Number of the stream that the row came from.
    pub stream: u32,
    /// Which row of the sample buffer holds it.
    pub slot: u32,
}

impl Kept {
    const EMPTY: Self = Self { key: 0.0, weight: 0.0, gap: 0.0, row: 0, stream: 0, slot: 0 };
}

/// The buffers of a stream, lent for writing. Lengths in elements.
///
/// An *anchor* is the fixed point of a micro-cluster that the offsets of its rows are counted from;
/// anchors move to the means in a rebuild only.
#[non_exhaustive]
pub struct Parts<'a, B: Backend> {
    /// capacity × dim: where offsets are counted from.
    pub anchors: &'a mut Values<B>,
    /// capacity × dim: Σ w(x − anchor), in units of 1/scale.
    pub offsets: &'a mut Integers<B>,
    /// capacity: Σ w, in units of 2⁻¹⁶.
    pub mass: &'a mut Integers<B>,
    /// capacity: Σ w|x − anchor|², in units of 2²⁴/scale².
    pub scatter: &'a mut Integers<B>,
    /// batch × dim: the rows being taken in.
    pub batch: &'a mut Values<B>,
    /// batch: their weights.
    pub weights: &'a mut Values<B>,
    /// batch: their distances.
    pub dist: &'a mut Values<B>,
    /// batch: their anchors.
    pub index: &'a mut Indices<B>,
    /// capacity × lists: distances between micro-clusters, for rebuilds.
    pub near_dist: &'a mut Values<B>,
    /// capacity × lists: neighbours of micro-clusters, for rebuilds.
    pub near_index: &'a mut Indices<B>,
    /// sample × dim: sampled rows.
    pub kept: &'a mut Values<B>,
    /// 2 × batch, on the host: distances and weights of the rows being taken in.
    pub host: &'a mut [B::Elem],
    /// capacity, on the host: keys of the micro-clusters.
    pub micro: &'a mut [Micro],
    /// sample, on the host: what is known of the sampled rows.
    pub sample: &'a mut [Kept],
}

impl<B: Backend> core::fmt::Debug for Parts<'_, B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Parts").field("sizes", &self.sizes()).finish_non_exhaustive()
    }
}

/// The part of a stream's buffers that outlives a push, lent for reading.
#[non_exhaustive]
pub struct View<'a, B: Backend> {
    /// See [`Parts::anchors`].
    pub anchors: &'a Values<B>,
    /// See [`Parts::offsets`].
    pub offsets: &'a Integers<B>,
    /// See [`Parts::mass`].
    pub mass: &'a Integers<B>,
    /// See [`Parts::scatter`].
    pub scatter: &'a Integers<B>,
    /// See [`Parts::kept`].
    pub kept: &'a Values<B>,
    /// See [`Parts::micro`].
    pub micro: &'a [Micro],
    /// See [`Parts::sample`].
    pub sample: &'a [Kept],
}

impl<B: Backend> core::fmt::Debug for View<'_, B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("View").field("capacity", &self.micro.len()).finish_non_exhaustive()
    }
}

/// Lends the buffers of a stream.
pub trait Store<B: Backend> {
    /// For writing.
    fn parts(&mut self) -> Parts<'_, B>;
    /// For reading.
    fn view(&self) -> View<'_, B>;
}

/// How much a store holds: the capacities of a stream.
///
/// ```
/// use enfold_core::store::Sizes;
/// let sizes = Sizes::for_clusters(50);
/// assert_eq!((sizes.capacity, sizes.sample), (500, 32768));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sizes {
    /// Micro-clusters (extra centres), at least 2. `10 × k` on a host, `3–5 × k` on firmware.
    pub capacity: usize,
    /// Rows taken in together, at least 1. The state does not depend on it.
    pub batch: usize,
    /// Sampled rows; 0 for none.
    pub sample: usize,
    /// Neighbours listed per micro-cluster in a rebuild, 1 to 16.
    pub lists: usize,
}

impl Sizes {
    /// What a host gives a stream that will be asked for up to `k_max` clusters: 10 extra centres
    /// per cluster (at least 32), batches of 4096, 32 768 sampled rows, 8 neighbours.
    #[must_use]
    pub const fn for_clusters(k_max: usize) -> Self {
        let capacity = if k_max < 4 { 32 } else { 10 * k_max };
        Self { capacity, batch: 4096, sample: 32_768, lists: 8 }
    }

    /// Bytes that a store of these sizes holds for rows of `dim` elements of `elem` bytes.
    ///
    /// `capacity·(dim·(elem + 8) + 48 + lists·(elem + 4)) + batch·(dim·elem + 4·elem + 4) +
    /// sample·(dim·elem + 48)`.
    #[must_use]
    pub const fn required_bytes(&self, dim: usize, elem: usize) -> usize {
        let micro = dim * (elem + 8) + 16 + size_of::<Micro>() + self.lists * (elem + 4);
        let row = dim * elem + 4 * elem + 4;
        self.capacity * micro + self.batch * row + self.sample * (dim * elem + size_of::<Kept>())
    }
}

impl<B: Backend> Parts<'_, B> {
    /// The capacities that the lengths amount to.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let capacity = self.micro.len();
        Sizes {
            capacity,
            batch: self.host.len() / 2,
            sample: self.sample.len(),
            lists: B::len::<u32>(self.near_index) / capacity.max(1),
        }
    }

    /// Checks that every buffer has the length that the host slices and `dim` call for.
    ///
    /// # Errors
    /// The first buffer that is too short.
    pub fn check(&self, dim: usize) -> Result<(), ShapeError> {
        let Sizes { capacity, batch, sample, lists } = self.sizes();
        ShapeError::at_least("dim", 1, dim)?;
        ShapeError::at_least("capacity", 2, capacity)?;
        ShapeError::at_least("batch", 1, batch)?;
        ShapeError::at_least("lists", 1, lists)?;
        // Whole rows: `Rows` over a buffer must divide it.
        let values =
            |what, rows: usize, buf| ShapeError::check(what, rows * dim, B::len::<B::Elem>(buf));
        values("anchors", capacity, self.anchors)?;
        values("batch", batch, self.batch)?;
        values("kept", sample, self.kept)?;
        ShapeError::check("offsets", capacity * dim, B::len::<i64>(self.offsets))?;
        ShapeError::at_least("mass", capacity, B::len::<i64>(self.mass))?;
        ShapeError::at_least("scatter", capacity, B::len::<i64>(self.scatter))?;
        ShapeError::at_least("weights", batch, B::len::<B::Elem>(self.weights))?;
        ShapeError::at_least("dist", batch, B::len::<B::Elem>(self.dist))?;
        ShapeError::at_least("index", batch, B::len::<u32>(self.index))?;
        ShapeError::at_least("near_dist", capacity * lists, B::len::<B::Elem>(self.near_dist))
    }
}

/// Buffers of any owners: `&mut [T]`, `Vec<T>`, device allocations. Fields as in [`Parts`].
///
/// `V`, `I`, `L` own values, indices and integers of the backend; `H`, `M`, `K` own the host's
/// slices of elements, [`Micro`] and [`Kept`].
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of `Parts`, one for one")]
pub struct Slots<V, I, L, H, M, K> {
    pub anchors: V,
    pub offsets: L,
    pub mass: L,
    pub scatter: L,
    pub batch: V,
    pub weights: V,
    pub dist: V,
    pub index: I,
    pub near_dist: V,
    pub near_index: I,
    pub kept: V,
    pub host: H,
    pub micro: M,
    pub sample: K,
}

impl<B, V, I, L, H, M, K> Store<B> for Slots<V, I, L, H, M, K>
where
    B: Backend,
    V: BorrowMut<Values<B>>,
    I: BorrowMut<Indices<B>>,
    L: BorrowMut<Integers<B>>,
    H: BorrowMut<[B::Elem]>,
    M: BorrowMut<[Micro]>,
    K: BorrowMut<[Kept]>,
{
    fn parts(&mut self) -> Parts<'_, B> {
        Parts {
            anchors: self.anchors.borrow_mut(),
            offsets: self.offsets.borrow_mut(),
            mass: self.mass.borrow_mut(),
            scatter: self.scatter.borrow_mut(),
            batch: self.batch.borrow_mut(),
            weights: self.weights.borrow_mut(),
            dist: self.dist.borrow_mut(),
            index: self.index.borrow_mut(),
            near_dist: self.near_dist.borrow_mut(),
            near_index: self.near_index.borrow_mut(),
            kept: self.kept.borrow_mut(),
            host: self.host.borrow_mut(),
            micro: self.micro.borrow_mut(),
            sample: self.sample.borrow_mut(),
        }
    }

    fn view(&self) -> View<'_, B> {
        View {
            anchors: self.anchors.borrow(),
            offsets: self.offsets.borrow(),
            mass: self.mass.borrow(),
            scatter: self.scatter.borrow(),
            kept: self.kept.borrow(),
            micro: self.micro.borrow(),
            sample: self.sample.borrow(),
        }
    }
}

/// The store that a backend with [`Alloc`](crate::Alloc) makes.
#[cfg(feature = "alloc")]
pub type Owned<B> = Slots<
    <B as crate::Alloc>::Owned<<B as Backend>::Elem>,
    <B as crate::Alloc>::Owned<u32>,
    <B as crate::Alloc>::Owned<i64>,
    alloc::vec::Vec<<B as Backend>::Elem>,
    alloc::vec::Vec<Micro>,
    alloc::vec::Vec<Kept>,
>;

#[cfg(feature = "alloc")]
impl<V, I, L, T> Slots<V, I, L, alloc::vec::Vec<T>, alloc::vec::Vec<Micro>, alloc::vec::Vec<Kept>> {
    /// Buffers of `backend` for rows of `dim` elements.
    ///
    /// # Errors
    /// The machine has not that much memory.
    pub fn alloc<B>(backend: &B, dim: usize, sizes: Sizes) -> Result<Self, B::Error>
    where
        B: crate::Alloc<Elem = T, Owned<T> = V>
            + crate::Alloc<Owned<u32> = I>
            + crate::Alloc<Owned<i64> = L>,
        T: crate::Element,
    {
        let Sizes { capacity, batch, sample, lists } = sizes;
        Ok(Self {
            anchors: backend.alloc::<T>(capacity * dim)?,
            offsets: backend.alloc::<i64>(capacity * dim)?,
            mass: backend.alloc::<i64>(capacity)?,
            scatter: backend.alloc::<i64>(capacity)?,
            batch: backend.alloc::<T>(batch * dim)?,
            weights: backend.alloc::<T>(batch)?,
            dist: backend.alloc::<T>(batch)?,
            index: backend.alloc::<u32>(batch)?,
            near_dist: backend.alloc::<T>(capacity * lists)?,
            near_index: backend.alloc::<u32>(capacity * lists)?,
            kept: backend.alloc::<T>(sample * dim)?,
            host: alloc::vec![T::zero(); 2 * batch],
            micro: alloc::vec![Micro::EMPTY; capacity],
            sample: alloc::vec![Kept::EMPTY; sample],
        })
    }
}

/// Arrays inside the value: no heap, no lender; `const`, so a `static` costs no flash.
///
/// CAP micro-clusters of DIM elements, BATCH rows at a time, SAMPLE sampled rows.
#[derive(Debug, Clone)]
pub struct Fixed<
    T,
    const CAP: usize,
    const DIM: usize,
    const BATCH: usize = 1,
    const SAMPLE: usize = 0,
> {
    anchors: [[T; DIM]; CAP],
    offsets: [[i64; DIM]; CAP],
    mass: [i64; CAP],
    scatter: [i64; CAP],
    batch: [[T; DIM]; BATCH],
    weights: [T; BATCH],
    dist: [T; BATCH],
    index: [u32; BATCH],
    near_dist: [T; CAP],
    near_index: [u32; CAP],
    kept: [[T; DIM]; SAMPLE],
    host: [[T; 2]; BATCH],
    micro: [Micro; CAP],
    sample: [Kept; SAMPLE],
}

impl<T, const CAP: usize, const DIM: usize, const BATCH: usize, const SAMPLE: usize>
    Fixed<T, CAP, DIM, BATCH, SAMPLE>
where
    T: ConstZero + Copy,
{
    /// An empty store.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            anchors: [[T::ZERO; DIM]; CAP],
            offsets: [[0; DIM]; CAP],
            mass: [0; CAP],
            scatter: [0; CAP],
            batch: [[T::ZERO; DIM]; BATCH],
            weights: [T::ZERO; BATCH],
            dist: [T::ZERO; BATCH],
            index: [0; BATCH],
            near_dist: [T::ZERO; CAP],
            near_index: [0; CAP],
            kept: [[T::ZERO; DIM]; SAMPLE],
            host: [[T::ZERO; 2]; BATCH],
            micro: [Micro::EMPTY; CAP],
            sample: [Kept::EMPTY; SAMPLE],
        }
    }
}

impl<T, const CAP: usize, const DIM: usize, const BATCH: usize, const SAMPLE: usize> Default
    for Fixed<T, CAP, DIM, BATCH, SAMPLE>
where
    T: ConstZero + Copy,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<B, T, const CAP: usize, const DIM: usize, const BATCH: usize, const SAMPLE: usize> Store<B>
    for Fixed<T, CAP, DIM, BATCH, SAMPLE>
where
    B: Backend<Elem = T, Buf<T> = [T]> + Backend<Buf<u32> = [u32]> + Backend<Buf<i64> = [i64]>,
    T: crate::Element,
{
    fn parts(&mut self) -> Parts<'_, B> {
        Parts {
            anchors: self.anchors.as_flattened_mut(),
            offsets: self.offsets.as_flattened_mut(),
            mass: &mut self.mass,
            scatter: &mut self.scatter,
            batch: self.batch.as_flattened_mut(),
            weights: &mut self.weights,
            dist: &mut self.dist,
            index: &mut self.index,
            near_dist: &mut self.near_dist,
            near_index: &mut self.near_index,
            kept: self.kept.as_flattened_mut(),
            host: self.host.as_flattened_mut(),
            micro: &mut self.micro,
            sample: &mut self.sample,
        }
    }

    fn view(&self) -> View<'_, B> {
        View {
            anchors: self.anchors.as_flattened(),
            offsets: self.offsets.as_flattened(),
            mass: &self.mass,
            scatter: &self.scatter,
            kept: self.kept.as_flattened(),
            micro: &self.micro,
            sample: &self.sample,
        }
    }
}
