//! Threads: rows of x in chunks of a fixed size, on the caller's pool.
//!
//! What a fold decides about a row does not depend on the chunk it is in, so any chunk size and
//! any number of threads gives the same bits. No pool is built here and nothing spins: the caller
//! is one of the threads, for one that slept would have to be woken twice.

use core::ops::Range;

use bytemuck::{Pod, cast_slice, cast_slice_mut};

/// Multiply-adds below which a second thread does not pay for being woken.
#[cfg(feature = "std")]
const WORTH: usize = 1 << 22;
/// Multiply-adds in a chunk, about: a quarter of a millisecond.
#[cfg(feature = "std")]
const CHUNK: usize = 1 << 23;
/// Chunks that every thread gets, at least, as long as they have [`LEAST`] multiply-adds.
#[cfg(feature = "std")]
const EACH: usize = 8;
#[cfg(feature = "std")]
const LEAST: usize = 1 << 19;
/// Bytes that a thread copies at a time.
const COPIED: usize = 1 << 20;
/// Rows in a chunk are a multiple of this, which every register tile divides.
#[cfg(feature = "std")]
pub(crate) const STEP: usize = 96;

/// Runs `body(range, a, b)` over `rows`, where `a` and `b` hold `per.0` and `per.1` elements
/// for each row and are cut along.
pub(crate) fn rows<A: Send, B: Send>(
    rows: Range<usize>,
    work_per_row: usize,
    (a, b): (&mut [A], &mut [B]),
    per: (usize, usize),
    body: impl Fn(Range<usize>, &mut [A], &mut [B]) + Sync,
) {
    let n = rows.len();
    debug_assert!(a.len() == n * per.0 && b.len() == n * per.1);
    if n == 0 {
        return;
    }
    #[cfg(feature = "std")]
    if let Some(piece) = piece(work_per_row.saturating_mul(n)) {
        let chunk = (CHUNK / work_per_row.max(1)).div_ceil(STEP).max(1) * STEP;
        if chunk < n {
            // As many for every thread, and all as long.
            let chunks = n.div_ceil(chunk).max(work_per_row.saturating_mul(n) / piece);
            let chunks = chunks.next_multiple_of(rayon::current_num_threads());
            let chunk = n.div_ceil(chunks).next_multiple_of(STEP);
            let starts = rows.clone().step_by(chunk);
            return pieces(
                starts.map(|start| start..(start + chunk).min(rows.end)),
                (a, b),
                per,
                body,
            );
        }
    }
    let _ = work_per_row;
    body(rows, a, b);
}

/// The same over pieces of the rows that follow each other, on all threads.
#[cfg(feature = "std")]
pub(crate) fn pieces<A: Send, B: Send>(
    pieces: impl Iterator<Item = Range<usize>> + Send,
    (mut a, mut b): (&mut [A], &mut [B]),
    per: (usize, usize),
    body: impl Fn(Range<usize>, &mut [A], &mut [B]) + Sync,
) {
    let jobs = pieces.map(|piece| {
        let len = piece.len();
        let a = a.split_off_mut(..len * per.0).unwrap_or_default();
        (piece, a, b.split_off_mut(..len * per.1).unwrap_or_default())
    });
    share(jobs, |(piece, a, b)| body(piece, a, b));
}

/// Multiply-adds of a piece, where rows that take so many are cut into pieces: several for every
/// thread, for threads are not as fast as each other.
#[cfg(feature = "std")]
pub(crate) fn piece(work: usize) -> Option<usize> {
    if work < WORTH {
        return None;
    }
    let threads = rayon::current_num_threads();
    (threads > 1).then(|| (work / (EACH * threads)).max(LEAST))
}

/// Copies between slices of one length.
pub(crate) fn copy<T: Pod>(from: &[T], to: &mut [T]) {
    if size_of_val(to) <= COPIED {
        return to.copy_from_slice(from);
    }
    let (from, to): (&[u8], &mut [u8]) = (cast_slice(from), cast_slice_mut(to));
    each(to.chunks_mut(COPIED).zip(from.chunks(COPIED)), |(to, from)| to.copy_from_slice(from));
}

/// Does jobs on as many threads as there are.
pub(crate) fn each<J>(jobs: impl Iterator<Item = J> + Send, body: impl Fn(J) + Sync) {
    #[cfg(feature = "std")]
    // The pool is asked last: asking makes it.
    if jobs.size_hint().1.is_none_or(|most| most > 1) && rayon::current_num_threads() > 1 {
        share(jobs, body);
        return;
    }
    jobs.for_each(body);
}

/// Does the jobs on this thread and on others, each taking the next that is left.
#[cfg(feature = "std")]
fn share<J>(jobs: impl Iterator<Item = J> + Send, body: impl Fn(J) + Sync) {
    use std::sync::{Mutex, PoisonError};
    let jobs = Mutex::new(jobs);
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(job) = next() {
            body(job);
        }
    };
    rayon::in_place_scope(|scope| {
        for _ in 1..rayon::current_num_threads() {
            scope.spawn(|_| work());
        }
        work();
    });
}
