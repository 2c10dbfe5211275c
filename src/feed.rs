//! Batches from an iterator into a state, in bounded memory, with progress and a way to stop.
//!
//! [`feed`] pushes; [`read_ahead`] lets a second thread read and parse the next batch meanwhile.
//!
//! ```
//! use std::ops::ControlFlow;
//! use enfold::{DataError, Table, data::Scaler, feed::{feed, read_ahead}};
//!
//! let batches = (0..10).map(|i| Table::from_arrays(&[[i as f32, 1.0], [0.0, 2.0]]));
//! let mut scaler = Scaler::new(2)?;
//! let fed = feed(&mut scaler, read_ahead(batches), |progress| {
//!     if progress.rows >= 12 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
//! })?;
//! assert!(fed.cancelled);
//! assert_eq!(fed.progress.rows, 12);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt::{self, Display, Formatter};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};
use std::{error, panic};

use enfold_core::{Backend, Error, StateError, StreamState};

use crate::data::{DataError, Table};

/// How far a [`feed`] has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Batches pushed.
    pub batches: u64,
    /// Rows taken in.
    pub rows: u64,
    /// Rows that the state skipped by its policy.
    pub skipped: u64,
}

/// What a [`feed`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fed {
    /// What was pushed.
    pub progress: Progress,
    /// The callback stopped it; all that was pushed until then counts.
    pub cancelled: bool,
}

/// Why a [`feed`] stopped before the end. What was pushed before stays in the state.
#[derive(Debug)]
pub enum FeedError<E> {
    /// A batch could not be had.
    Data(DataError),
    /// The state refused a batch, which left it as it was.
    State(Error<E>),
}

impl<E: Display> Display for FeedError<E> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(e) => write!(f, "reading: {e}"),
            Self::State(e) => write!(f, "pushing: {e}"),
        }
    }
}

impl<E: error::Error + 'static> error::Error for FeedError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Data(e) => Some(e),
            Self::State(e) => Some(e),
        }
    }
}

/// The error of feeding a state.
pub type FeedErrorOf<S> = FeedError<<<S as StreamState>::Backend as Backend>::Error>;

/// Pushes every batch in order, each row with weight 1; `progress` is called after each batch
/// and may stop with `Break`. Memory: one batch besides the state.
///
/// # Errors
/// The first batch that cannot be had or is refused.
pub fn feed<S>(
    state: &mut S,
    batches: impl IntoIterator<Item = Result<Table, DataError>>,
    mut progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Fed, FeedErrorOf<S>>
where
    S: StreamState<Backend: Backend<Elem = f32, Buf<f32> = [f32]>>,
{
    let mut fed = Fed::default();
    for batch in batches {
        let batch = batch.map_err(FeedError::Data)?;
        push(state, &batch, &mut fed.progress).map_err(FeedError::State)?;
        if progress(fed.progress).is_break() {
            fed.cancelled = true;
            break;
        }
    }
    Ok(fed)
}

fn push<S>(state: &mut S, batch: &Table, done: &mut Progress) -> Result<(), StateError<S>>
where
    S: StreamState<Backend: Backend<Elem = f32, Buf<f32> = [f32]>>,
{
    let pushed = state.push(batch.rows(), None)?;
    done.batches += 1;
    done.rows += pushed.rows as u64;
    done.skipped += pushed.skipped as u64;
    Ok(())
}

/// Runs an iterator on a thread of its own, one item ahead. Memory: at most three items.
///
/// The order and number of items stay the same. Dropping it ends the thread after the item it
/// is at; a panic of the iterator arrives in the thread that asks for the next item.
pub fn read_ahead<I>(items: I) -> ReadAhead<I::Item>
where
    I: IntoIterator<IntoIter: Send + 'static, Item: Send + 'static>,
{
    let (sender, receiver) = sync_channel(1);
    let mut items = items.into_iter();
    // A failed send means that nobody listens any more.
    let work = move || {
        let _gone = items.try_for_each(|item| sender.send(item));
    };
    ReadAhead { receiver: Some(receiver), thread: Some(thread::spawn(work)) }
}

/// The iterator of [`read_ahead`].
#[derive(Debug)]
pub struct ReadAhead<T> {
    receiver: Option<Receiver<T>>,
    thread: Option<JoinHandle<()>>,
}

impl<T> Iterator for ReadAhead<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let item = self.receiver.as_ref()?.recv().ok();
        if item.is_none()
            && let Some(Err(cause)) = self.thread.take().map(JoinHandle::join)
        {
            panic::resume_unwind(cause);
        }
        item
    }
}

impl<T> Drop for ReadAhead<T> {
    fn drop(&mut self) {
        // First stop listening, or the thread would wait for ever for room.
        self.receiver = None;
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}
