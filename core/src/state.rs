//! What every mergeable streaming state can do.

use crate::backend::{Backend, Values};
use crate::error::Error;
use crate::rows::Rows;

/// What a push did with the rows it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pushed {
    /// Rows taken in.
    pub rows: usize,
    /// Rows skipped by policy: not finite, or of weight 0.
    pub skipped: usize,
    /// New centres opened on the way (k-means stream); 0 for other states.
    pub opened: usize,
}

/// A summary of endless rows in bounded memory: k-means stream, scaler, covariance, histogram.
///
/// Laws, which the tests of each state check: the state is a pure function of the rows in order
/// and of its options – not of how they were cut into batches; `merge` is commutative and
/// associative up to the state's stated tolerance; a failed call changes nothing – where the
/// machine fails in the middle of a change, every call but `restore` is [`Error::Torn`] from then
/// on; restoring a snapshot and going on equals going on.
pub trait StreamState {
    /// Where the rows live.
    type Backend: Backend;

    /// Takes in rows, in order, with a weight each (1 where None).
    ///
    /// # Errors
    /// Rows of another dim, rows or weights that the state's policy rejects; nothing is taken in.
    fn push(
        &mut self,
        rows: Rows<'_, Values<Self::Backend>>,
        weights: Option<&Values<Self::Backend>>,
    ) -> Result<Pushed, StateError<Self>>;

    /// Adds what another state has seen.
    ///
    /// # Errors
    /// The states differ in dim, options or version; nothing is changed.
    fn merge(&mut self, other: &Self) -> Result<(), StateError<Self>>;

    /// Moves the state's clock to `time`, in the unit of its half-life: older rows weigh less.
    ///
    /// # Errors
    /// Time goes backwards or is not finite.
    fn decay(&mut self, time: f64) -> Result<(), StateError<Self>>;

    /// Bytes that [`snapshot`](Self::snapshot) needs now.
    fn snapshot_len(&self) -> usize;

    /// Writes the state as versioned, checksummed, little-endian bytes; returns their number.
    ///
    /// # Errors
    /// `out` is too short.
    fn snapshot(&self, out: &mut [u8]) -> Result<usize, StateError<Self>>;

    /// Replaces the state by one written by [`snapshot`](Self::snapshot). Any bytes are safe.
    ///
    /// # Errors
    /// The bytes are no such snapshot, or are damaged; nothing is changed.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), StateError<Self>>;

    /// [`snapshot`](Self::snapshot) into a new vector.
    ///
    /// # Errors
    /// The machine's.
    #[cfg(feature = "alloc")]
    fn to_bytes(&self) -> Result<alloc::vec::Vec<u8>, StateError<Self>> {
        let mut bytes = alloc::vec![0; self.snapshot_len()];
        let len = self.snapshot(&mut bytes)?;
        if len == bytes.len() { Ok(bytes) } else { Err(crate::SnapshotError::Length.into()) }
    }
}

/// The error of a state's backend, wrapped.
pub type StateError<S> = Error<<<S as StreamState>::Backend as Backend>::Error>;
