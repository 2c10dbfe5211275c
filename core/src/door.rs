//! The door: how algorithms read the caller's rows, and which rows they refuse.
//!
//! Rows live on a backend; what an algorithm must know about them before it begins – that they are
//! finite, how large they are – is read once, in parts that stay in a cache.

use alloc::vec;

use num_traits::Zero;

use crate::backend::{Alloc, Values};
use crate::element::Element;
use crate::error::Error;
use crate::metric::Metric;
use crate::rows::Rows;

/// Elements read at a time.
const PART: usize = 1 << 16;

/// Reads the rows in parts: calls `take(number of the first row in the range, its elements …)`.
pub(crate) fn each_part<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    mut take: impl FnMut(usize, &mut [B::Elem]) -> Result<(), Error<B::Error>>,
) -> Result<(), Error<B::Error>> {
    let (dim, step) = (rows.dim(), (PART / rows.dim()).max(1));
    let mut part = vec![B::Elem::zero(); step.min(rows.len()) * dim];
    for at in (0..rows.len()).step_by(step) {
        let part = &mut part[..step.min(rows.len() - at) * dim];
        backend.read(rows.data(), (rows.start() + at) * dim, part).map_err(Error::Backend)?;
        take(at, part)?;
    }
    Ok(())
}

/// Refuses rows that a metric does not [take](Metric::takes): a coordinate is NaN, infinite, or so
/// large that a distance could overflow. `first` is the number of the first of them.
pub(crate) fn suits<T: Element, E>(
    metric: Metric,
    (part, dim): (&[T], usize),
    first: usize,
) -> Result<(), Error<E>> {
    metric.refused(part, dim).map_or(Ok(()), |at| Err(Error::NotFinite { row: first + at }))
}
