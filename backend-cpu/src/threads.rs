//! Threads: rows of x in chunks of a fixed size, on the caller's pool.
//!
//! What a fold decides about a row does not depend on the chunk it is in, so any chunk size and
//! any number of threads gives the same bits. No pool is built here and nothing spins.

use core::ops::Range;

/// Multiply-adds below which a second thread does not pay for being woken.
#[cfg(feature = "std")]
const WORTH: usize = 1 << 22;
/// Multiply-adds in a chunk, about: a quarter of a millisecond.
#[cfg(feature = "std")]
const CHUNK: usize = 1 << 23;
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
    if work_per_row.saturating_mul(n) >= WORTH && rayon::current_num_threads() > 1 {
        use rayon::prelude::*;
        let chunk = (CHUNK / work_per_row.max(1)).div_ceil(STEP).max(1) * STEP;
        if chunk < n {
            let cuts = (0..n.div_ceil(chunk)).into_par_iter();
            let a = cut(a, chunk * per.0, n.div_ceil(chunk));
            let b = cut(b, chunk * per.1, n.div_ceil(chunk));
            cuts.zip(a).zip(b).for_each(|((c, a), b)| {
                let start = rows.start + c * chunk;
                body(start..(start + chunk).min(rows.end), a, b);
            });
            return;
        }
    }
    let _ = work_per_row;
    body(rows, a, b);
}

/// `parts` slices of `len` elements each, the last one shorter; empty ones where `len` is 0.
#[cfg(feature = "std")]
fn cut<T: Send>(mut rest: &mut [T], len: usize, parts: usize) -> Vec<&mut [T]> {
    let mut out = Vec::with_capacity(parts);
    for _ in 0..parts {
        let (head, tail) = rest.split_at_mut(len.min(rest.len()));
        out.push(head);
        rest = tail;
    }
    out
}
