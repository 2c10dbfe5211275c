//! The nearest rows.

mod entries;
#[cfg(feature = "std")]
mod filtered;
#[cfg(feature = "std")]
mod listed;
mod narrow;
mod ranked;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
mod tiled;

#[cfg(feature = "std")]
use self::entries::Entries;
use enfold_core::host::precedes;
use enfold_core::{Element, NONE, Nearest, Pairs};

use crate::direct::{TILE, finite};
use crate::isa::{Isa, Native};
#[cfg(feature = "std")]
use crate::lanes::{Lanes, MOST};
use crate::small;
use crate::sweep::{self, Direct, Fold, Job, Panel};

/// Sorted lists of the rows of x from `first` on.
struct Best<'a, E> {
    first: usize,
    k: usize,
    dist: &'a mut [E],
    index: &'a mut [u32],
}

impl<E: Element> Best<'_, E> {
    /// The last entry of row `i`: what a newcomer must precede.
    #[inline(always)]
    fn worst(&self, i: usize) -> (E, u32) {
        let last = (i - self.first) * self.k + self.k - 1;
        (self.dist[last], self.index[last])
    }

    /// Whether no row is in the list of row `i`, and all its places are for the same distances.
    #[inline(always)]
    fn is_blank(&self, i: usize) -> bool {
        let first = (i - self.first) * self.k;
        self.index[first] == NONE && self.dist[first] == self.dist[first + self.k - 1]
    }

    /// Enters `new` into the list of row `i`, unless it is there or not near enough.
    #[inline(always)]
    fn offer(&mut self, i: usize, new: (E, u32)) {
        let (start, k) = ((i - self.first) * self.k, self.k);
        let (dist, index) = (&mut self.dist[start..start + k], &mut self.index[start..start + k]);
        if !precedes(new, (dist[k - 1], index[k - 1])) {
            return;
        }
        if k > 1 {
            // Counted and not searched for: there is no branch to be guessed wrong.
            let not_above = dist.iter().map(|&d| u32::from(d <= new.0)).sum::<u32>();
            let mut at = (not_above as usize).min(k - 1);
            while at > 0 && precedes(new, (dist[at - 1], index[at - 1])) {
                at -= 1;
            }
            if at > 0 && (dist[at - 1], index[at - 1]) == new {
                return;
            }
            // One after the other: two calls to move a few bytes each cost more.
            let mut carried = new;
            for (d, j) in dist[at..].iter_mut().zip(&mut index[at..]) {
                carried = (core::mem::replace(d, carried.0), core::mem::replace(j, carried.1));
            }
        } else {
            (dist[0], index[0]) = new;
        }
    }
}

/// [`offer`](Best::offer), in registers where the list has a length that they have.
#[cfg(feature = "std")]
#[inline(always)]
fn offer<L: Lanes>(l: L, best: &mut Best<'_, L::E>, i: usize, new: (L::E, u32)) {
    if L::MOVES && best.k == MOST && 2 * L::WIDTH == MOST && new.0 <= finite(new.0) {
        let mut list = Entries::<L, 2>::load(l, best, i);
        list.offer(l, MOST, new);
        list.store(l, best, i);
    } else {
        best.offer(i, new);
    }
}

impl<E: Element> Fold<E> for Best<'_, E> {
    #[inline(always)]
    fn limit(&self, i: usize) -> E {
        finite(self.worst(i).0)
    }

    #[inline(always)]
    fn meet(&mut self, i: usize, j: usize, mut near: u64, dist: &[E; TILE]) {
        while near != 0 {
            let t = near.trailing_zeros() as usize;
            near &= near - 1;
            self.offer(i, (dist[t], (j + t) as u32));
        }
    }
}

/// [`nearest`](enfold_core::Backend::nearest).
pub(crate) fn nearest<E: Native>(isa: Isa, pairs: &Pairs<'_, [E]>, best: Nearest<'_, [E], [u32]>) {
    let Nearest { k, dist, index } = best;
    if k == 0 {
        return;
    }
    let (start, end) = (pairs.x().start() * k, pairs.x().end() * k);
    let out = (&mut dist[start..end], &mut index[start..end]);
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    if let Some(unit) = crate::matrix::unit(isa, pairs)
        && (k > 1 || pairs.dim() >= tiled::LEAST_DIM)
    {
        let out = (&mut *out.0, &mut *out.1);
        if tiled::nearest((isa, unit), pairs, k, out) {
            return;
        }
    }
    #[cfg(feature = "std")]
    if let Some(blocks) = listed::takes(pairs) {
        return listed::nearest(isa, pairs, blocks, k, out);
    }
    let least = if k == 1 { sweep::few(pairs.dim()) } else { sweep::MANY };
    sweep::each(isa, pairs, out, (k, k), Some(least), |job, panel, dist, index| {
        search(isa, &job, panel, Best { first: job.rows.start, k, dist, index });
    });
}

/// One rectangle, or one panel of it.
fn search<E: Native>(isa: Isa, job: &Job<'_, E>, panel: Option<&Panel<E>>, mut best: Best<'_, E>) {
    #[cfg(feature = "std")]
    if let Some(panel) = panel {
        return filtered::search(isa, job, panel, &mut best);
    }
    let _ = panel;
    let small = job.rows.len() >= 8 && !job.off_diagonal && small::takes(job.metric, job.x.dim);
    if best.k == 1 && small {
        E::enter(isa, small::Scan { job, dist: best.dist, index: best.index });
    } else if small::takes(job.metric, job.x.dim) {
        E::enter(isa, narrow::Lists { job, best });
    } else {
        E::enter(isa, Direct { job, fold: &mut best });
    }
}

/// Rows that the filter saw and rows that it swept again, since the last call.
#[cfg(feature = "std")]
pub(crate) use filtered::tally::take as take_tally;
