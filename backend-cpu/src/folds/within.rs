//! Rows within a radius: how many, the lowest value among them, and joining them.
//!
//! Three ways: rows of few elements in lanes ([`narrow`]), bounds from a packed panel of y
//! ([`filtered`]), and the direct tier for everything else.

#[cfg(feature = "std")]
mod filtered;
mod narrow;
mod shares;

use core::ops::Range;

use enfold_core::host::within;
use enfold_core::{Element, NONE, Pairs};

use crate::direct::{TILE, finite};
use crate::isa::{Isa, Native};
use crate::small;
use crate::sweep::{self, Direct, Fold, Job, Panel};

/// What is done with pairs within a radius.
pub(crate) trait Near<E: Element> {
    /// Whether only the number of rows within the radius matters.
    fn counts(&self) -> bool {
        false
    }
    /// The smallest and the largest radius around row `i`; NaN or below 0 for none.
    fn radii(&self, i: usize) -> (E, E);
    /// Rows i and j are within the smallest radius.
    fn hit(&mut self, i: usize, j: usize);
    /// So many rows are, where only the number matters.
    fn add(&mut self, i: usize, count: u32) {
        let _ = (i, count);
    }
    /// Rows of x that come next, of which none is met before another call.
    fn open(&mut self, rows: Range<usize>) {
        let _ = rows;
    }
    /// Whether row j of y matters to the rows of x at hand.
    fn wants(&mut self, j: usize) -> bool {
        let _ = j;
        true
    }
    /// Rows i and j are at a distance that may be within a radius.
    fn meet(&mut self, i: usize, j: usize, d: E);
    /// Row i is at these distances from rows `j..`; only those with a bit in `near` matter.
    fn meet_all(&mut self, i: usize, j: usize, mut near: u64, dist: &[E; TILE]) {
        while near != 0 {
            let t = near.trailing_zeros() as usize;
            self.meet(i, j + t, dist[t]);
            near &= near - 1;
        }
    }
}

/// A [`Near`] for the direct tier.
struct Exact<'a, E>(&'a mut dyn Near<E>);

impl<E: Element> Fold<E> for Exact<'_, E> {
    fn limit(&self, i: usize) -> E {
        finite(self.0.radii(i).1)
    }

    fn meet(&mut self, i: usize, j: usize, near: u64, dist: &[E; TILE]) {
        self.0.meet_all(i, j, near, dist);
    }
}

/// Counts for `width` of the k radii of every row, from the `at`-th on.
struct Count<'a, E> {
    first: usize,
    k: usize,
    at: usize,
    width: usize,
    radii: &'a [E],
    counts: &'a mut [u32],
}

impl<E: Element> Count<'_, E> {
    fn radii_of(&self, i: usize) -> &[E] {
        &self.radii[i * self.k + self.at..][..self.width]
    }

    fn counts_of(&mut self, i: usize) -> &mut [u32] {
        &mut self.counts[(i - self.first) * self.k + self.at..][..self.width]
    }
}

impl<E: Element> Near<E> for Count<'_, E> {
    fn counts(&self) -> bool {
        true
    }

    fn radii(&self, i: usize) -> (E, E) {
        range(self.radii_of(i))
    }

    fn hit(&mut self, i: usize, _: usize) {
        self.add(i, 1);
    }

    fn add(&mut self, i: usize, count: u32) {
        for sum in self.counts_of(i) {
            *sum = sum.saturating_add(count);
        }
    }

    fn meet(&mut self, i: usize, _: usize, d: E) {
        for s in 0..self.width {
            if within(d, self.radii_of(i)[s]) {
                let sum = &mut self.counts_of(i)[s];
                *sum = sum.saturating_add(1);
            }
        }
    }

    fn meet_all(&mut self, i: usize, _: usize, near: u64, dist: &[E; TILE]) {
        for s in 0..self.width {
            let limit = finite(self.radii_of(i)[s]);
            let bit = |t: usize| u64::from(dist[t] <= limit) << t;
            let found = (0..TILE).fold(0, |bits, t| bits | bit(t)) & near;
            let sum = &mut self.counts_of(i)[s];
            *sum = sum.saturating_add(found.count_ones());
        }
    }
}

/// The smallest and the largest of radii; NaN where there is none.
fn range<E: Element>(radii: &[E]) -> (E, E) {
    let fold = |(low, high): (E, E), &r: &E| {
        (if r >= low { low } else { r }, if r <= high { high } else { r })
    };
    radii[1..].iter().fold((radii[0], radii[0]), fold)
}

/// [`count_within`](enfold_core::Backend::count_within).
pub(crate) fn count<E: Native>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    radii: &[E],
    k: usize,
    counts: &mut [u32],
) {
    let (start, end) = (pairs.x().start(), pairs.x().end());
    let counts = &mut counts[start * k..end * k];
    // Radii that are almost equal share a pass: few bounds fall between them.
    let width = if close(&radii[start * k..end * k], k) { k } else { 1 };
    let body = |job: Job<'_, E>, panel: Option<&Panel<E>>, counts: &mut [u32]| {
        for at in (0..k).step_by(width.max(1)) {
            let (first, counts) = (job.rows.start, &mut *counts);
            find(isa, &job, panel, &mut Count { first, k, at, width, radii, counts });
        }
    };
    if small::takes(pairs.metric(), pairs.dim()) {
        shares::each(pairs, counts, k, |share, counts| {
            E::enter(isa, narrow::Count { share, radii, k, counts });
        });
    } else {
        shares::panelled(isa, pairs, counts, k, body);
    }
}

/// Whether the radii of every row are within a hundredth of each other.
fn close<E: Element>(radii: &[E], k: usize) -> bool {
    let near = |radii: &[E]| {
        let (low, high) = range(radii);
        high.as_f64() <= low.as_f64() * 1.01
    };
    k > 0 && (k == 1 || radii.chunks_exact(k).all(near))
}

/// The lowest value within the radius.
struct Lowest<'a, E> {
    first: usize,
    radius: E,
    values: &'a [u32],
    lowest: &'a mut [u32],
}

impl<E: Element> Near<E> for Lowest<'_, E> {
    fn radii(&self, _: usize) -> (E, E) {
        (self.radius, self.radius)
    }

    fn hit(&mut self, i: usize, j: usize) {
        let lowest = &mut self.lowest[i - self.first];
        *lowest = (*lowest).min(self.values[j]);
    }

    fn meet(&mut self, i: usize, j: usize, d: E) {
        if within(d, self.radius) {
            self.hit(i, j);
        }
    }
}

/// [`lowest_within`](enfold_core::Backend::lowest_within).
pub(crate) fn lowest<E: Native>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    radius: E,
    values: &[u32],
    lowest: &mut [u32],
) {
    let lowest = &mut lowest[pairs.x().start()..pairs.x().end()];
    if small::takes(pairs.metric(), pairs.dim()) {
        return shares::each(pairs, lowest, 1, |share, lowest| {
            let first = share.job.rows.start;
            let near = &mut Lowest { first, radius, values, lowest };
            E::enter(isa, narrow::Hits { share, near });
        });
    }
    shares::panelled(isa, pairs, lowest, 1, |job, panel, lowest| {
        let first = job.rows.start;
        find(isa, &job, panel, &mut Lowest { first, radius, values, lowest });
    });
}

/// Union-find: the smaller root wins.
struct Join<'a, E> {
    radius: E,
    member: &'a [u32],
    parent: &'a mut [u32],
    /// The root of all members of the rows of x at hand; [`NONE`] where they have several.
    root: u32,
}

impl<E: Element> Near<E> for Join<'_, E> {
    fn radii(&self, i: usize) -> (E, E) {
        let radius = if self.member[i] == 0 { E::nan() } else { self.radius };
        (radius, radius)
    }

    fn hit(&mut self, i: usize, j: usize) {
        // Most pairs of a dense neighbourhood have one root already, one step away.
        if self.member[j] != 0 && self.parent[i] != self.parent[j] {
            let (i, j) = (root(self.parent, i as u32), root(self.parent, j as u32));
            self.parent[i.max(j) as usize] = i.min(j);
        }
    }

    fn meet(&mut self, i: usize, j: usize, d: E) {
        if within(d, self.radius) {
            self.hit(i, j);
        }
    }

    fn open(&mut self, rows: Range<usize>) {
        let mut members = rows.filter(|&i| self.member[i] != 0);
        self.root = members.next().map_or(NONE, |i| root(self.parent, i as u32));
        if members.any(|i| root(self.parent, i as u32) != self.root) {
            self.root = NONE;
        }
    }

    fn wants(&mut self, j: usize) -> bool {
        let known = self.root != NONE;
        self.member[j] != 0 && !(known && root(self.parent, j as u32) == self.root)
    }
}

/// The root of `i`, halving the path on the way.
#[inline]
fn root(parent: &mut [u32], mut i: u32) -> u32 {
    loop {
        let up = parent[i as usize];
        if up == i {
            return i;
        }
        let next = parent[up as usize];
        parent[i as usize] = next;
        i = next;
    }
}

/// [`join_within`](enfold_core::Backend::join_within). One thread: the forest is shared.
pub(crate) fn join<E: Native>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    radius: E,
    member: &[u32],
    parent: &mut [u32],
) {
    let near = &mut Join { radius, member, parent, root: NONE };
    if small::takes(pairs.metric(), pairs.dim()) {
        return shares::whole(pairs, |share| E::enter(isa, narrow::Hits { share, near }));
    }
    shares::in_order(isa, pairs, |job, panel| find(isa, &job, panel, near));
}

/// One rectangle, or one panel of it.
fn find<E: Native>(isa: Isa, job: &Job<'_, E>, panel: Option<&Panel<E>>, near: &mut dyn Near<E>) {
    #[cfg(feature = "std")]
    if let Some(panel) = panel {
        let rows = crate::filter::Which::Range(job.rows.clone());
        let counts = near.counts();
        let bounds = crate::filter::bounds(job);
        let mut inside = filtered::Inside { job, bounds, near: &mut *near, counts };
        let sweep = crate::filter::Sweep { job, panel, rows, filter: &mut inside };
        let direct = E::enter(isa, sweep);
        return sweep::left_out(isa, job, &direct, &mut Exact(near));
    }
    let _ = panel;
    E::enter(isa, Direct { job, fold: &mut Exact(near) });
}
