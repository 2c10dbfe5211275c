//! Selection on the host, from distances read back: for more neighbours than a fold takes.

use alloc::vec;
use alloc::vec::Vec;

use num_traits::Zero;

use super::{Lists, empty};
use crate::backend::{Backend, Values};
use crate::error::Error;
use crate::host::precedes;
use crate::rows::{Metric, Pairs, Rows};

/// The k nearest of `y` for each row of `x`, one row at a time. `O(n·m·dim)`.
pub(super) fn nearest<B: Backend>(
    backend: &B,
    (x, y): (Rows<'_, Values<B>>, Rows<'_, Values<B>>),
    apart: bool,
    (metric, k): (Metric, usize),
) -> Result<Lists<B::Elem>, Error<B::Error>> {
    let mut found = Lists { k, dist: Vec::new(), index: Vec::new() };
    let mut dist = vec![B::Elem::zero(); y.len()];
    for i in x.start()..x.end() {
        let pairs = Pairs::new(x.range(i, i + 1)?, y, metric)?;
        backend.distances(pairs, &mut dist).map_err(Error::Backend)?;
        let all = (y.start() as u32..).zip(&dist).filter(|&(j, _)| !(apart && j as usize == i));
        let mut near: Vec<(B::Elem, u32)> =
            all.filter(|(_, d)| precedes((**d, 0), empty())).map(|(j, &d)| (d, j)).collect();
        let order = |a: &(B::Elem, u32), b: &(B::Elem, u32)| {
            if precedes(*a, *b) { core::cmp::Ordering::Less } else { core::cmp::Ordering::Greater }
        };
        if near.len() > k {
            near.select_nth_unstable_by(k, order);
            near.truncate(k);
        }
        near.sort_unstable_by(order);
        near.resize(k, empty());
        found.dist.extend(near.iter().map(|n| n.0));
        found.index.extend(near.iter().map(|n| n.1));
    }
    Ok(found)
}
