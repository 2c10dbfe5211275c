//! Work of the host in parts, on the threads of a machine.
//!
//! What a part gives does not depend on how many there are, so that any number of threads gives the
//! same bits.

use alloc::vec::Vec;
use core::ops::Range;

use crate::backend::Backend;

/// Rows of a part.
const PART: usize = 1 << 10;

/// What `of` says of every part of `0..n`, in order.
pub(crate) fn map<B: Backend, R: Send>(
    backend: &B,
    n: usize,
    of: impl Fn(Range<usize>) -> R + Sync,
) -> Vec<R> {
    let mut out: Vec<Option<R>> = Vec::new();
    out.resize_with(n.div_ceil(PART), || None);
    backend.each(out.iter_mut().enumerate(), |(at, out)| {
        *out = Some(of(at * PART..n.min((at + 1) * PART)));
    });
    out.into_iter().flatten().collect()
}

/// Hands every `len` elements of `out` to `write`, with their number.
pub(crate) fn fill<B: Backend, T: Send>(
    backend: &B,
    out: &mut [T],
    len: usize,
    write: impl Fn(usize, &mut [T]) + Sync,
) {
    backend.each(out.chunks_mut(len).enumerate(), |(at, out)| write(at, out));
}
