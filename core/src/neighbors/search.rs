//! The k nearest: every pair by one fold, or blocks in rounds.
//!
//! A fold over ordered rows gives ties to the lower *position*; what is promised is the lower
//! row number. So one neighbour more than wanted is looked for. Where it is further away than
//! the k-th, the k rows are the right ones, and sorting by (distance, number) is all there is to
//! do. Where it is as far, the rows at that distance are looked for again, by number.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};
use core::ops::Range;

use num_traits::{Float, Zero};

use super::{Lists, Neighbors, host};
use crate::backend::{Alloc, Indices, MAX_NEIGHBORS, NONE, Nearest, Values};
use crate::error::Error;
use crate::host::precedes;
use crate::order::rounds::{Least, Rounds};
use crate::order::{Order, Placed};
use crate::rows::{Block, Metric, Pairs, Rows, Visit};

/// Rows whose lists are read together: they stay in a cache.
const PART: usize = 1 << 14;

/// Every pair.
pub(super) fn all<B: Alloc>(
    backend: &B,
    (x, y): (Rows<'_, Values<B>>, Rows<'_, Values<B>>),
    apart: bool,
    options: &Neighbors,
) -> Result<Lists<B::Elem>, Error<B::Error>> {
    let &Neighbors { k, metric, .. } = options;
    if k > MAX_NEIGHBORS {
        return host::nearest(backend, (x, y), apart, (metric, k));
    }
    let mut held = Held::new(backend, x.end(), k)?;
    let visit = if apart { Visit::OffDiagonal } else { Visit::All };
    held.fold(Pairs::new(x, y, metric)?.visit(visit)?)?;
    held.read(x.start()..x.end())
}

/// Lists of the k nearest on a backend, by position, and the folds that fill them.
pub(crate) struct Held<'b, B: Alloc> {
    backend: &'b B,
    k: usize,
    dist: B::Owned<B::Elem>,
    index: B::Owned<u32>,
}

impl<'b, B: Alloc> Held<'b, B> {
    pub(crate) fn new(backend: &'b B, rows: usize, k: usize) -> Result<Self, Error<B::Error>> {
        let make = || -> Result<_, B::Error> {
            let (mut dist, mut index) = (backend.alloc(rows * k)?, backend.alloc(rows * k)?);
            backend.fill::<B::Elem>(dist.borrow_mut(), B::Elem::infinity())?;
            backend.fill::<u32>(index.borrow_mut(), NONE)?;
            Ok(Self { backend, k, dist, index })
        };
        make().map_err(Error::Backend)
    }

    pub(crate) fn fold(&mut self, pairs: Pairs<'_, Values<B>>) -> Result<(), Error<B::Error>> {
        let (dist, index) = (self.dist.borrow_mut(), self.index.borrow_mut());
        let best = Nearest { k: self.k, dist, index };
        self.backend.nearest(pairs, best).map_err(Error::Backend)
    }

    /// The lists of some rows, on the host.
    pub(crate) fn read(&self, rows: Range<usize>) -> Result<Lists<B::Elem>, Error<B::Error>> {
        let mut index = vec![0; rows.len() * self.k];
        let from: &Indices<B> = self.index.borrow();
        let dist = self.distances(rows.clone())?;
        self.backend.read::<u32>(from, rows.start * self.k, &mut index).map_err(Error::Backend)?;
        Ok(Lists { k: self.k, dist, index })
    }

    fn distances(&self, rows: Range<usize>) -> Result<Vec<B::Elem>, Error<B::Error>> {
        let mut dist = vec![B::Elem::zero(); rows.len() * self.k];
        let from: &Values<B> = self.dist.borrow();
        self.backend
            .read::<B::Elem>(from, rows.start * self.k, &mut dist)
            .map_err(Error::Backend)?;
        Ok(dist)
    }

    /// Empty lists again, for entries up to these distances.
    pub(super) fn restart(&mut self, limits: &[B::Elem]) -> Result<(), Error<B::Error>> {
        let of = |&limit: &B::Elem| core::iter::repeat_n(limit, self.k);
        let dist: Vec<B::Elem> = limits.iter().flat_map(of).collect();
        let mut write = || -> Result<_, B::Error> {
            self.backend.write::<B::Elem>(self.dist.borrow_mut(), 0, &dist)?;
            self.backend.fill::<u32>(self.index.borrow_mut(), NONE)
        };
        write().map_err(Error::Backend)
    }

    /// The last distances of some lists.
    pub(super) fn worst(&self, rows: Range<usize>) -> Result<Vec<B::Elem>, Error<B::Error>> {
        let mut worst = Vec::with_capacity(rows.len());
        for part in parts(rows) {
            let dist = self.distances(part)?;
            worst.extend(dist.chunks_exact(self.k).map(|list| list[self.k - 1]));
        }
        Ok(worst)
    }
}

/// Ranges of at most [`PART`] rows.
fn parts(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(PART).map(move |start| start..(start + PART).min(end))
}

/// Ordered rows, which may be the same ones. Numbers of y count from `first`.
pub(super) fn ordered<B: Alloc>(
    backend: &B,
    (x, y): (&Placed<B>, &Placed<B>),
    first: usize,
    options: &Neighbors,
) -> Result<Lists<B::Elem>, Error<B::Error>> {
    let &Neighbors { k, metric, .. } = options;
    let mut held = Held::new(backend, x.order.len(), k + 1)?;
    let seen = if core::ptr::eq(x, y) {
        at_home(x, metric, &mut held)?
    } else {
        nearby((x, y), metric, &mut held)?
    };
    let pairs = Pairs::new(x.rows()?, y.rows()?, metric)?;
    for slab in x.order.slabs() {
        let rows = x.order.positions(&slab);
        let worst = held.worst(rows.clone())?;
        let orders = (&x.order, &y.order);
        let mut rounds = Rounds::new(orders, metric, slab, &worst, |b| seen[b].clone());
        let mut worst = worst;
        loop {
            let blocks = rounds.next(&worst);
            if blocks.is_empty() {
                break;
            }
            held.fold(pairs.visit(Visit::Blocks(blocks))?)?;
            worst = held.worst(rows.clone())?;
        }
    }
    Named { backend, x, y, metric, first }.lists(&held)
}

/// A self-join begins with the run of blocks that each row stands in, without the row itself.
/// Returns the blocks that each block has seen.
fn at_home<B: Alloc>(
    x: &Placed<B>,
    metric: Metric,
    held: &mut Held<'_, B>,
) -> Result<Vec<Range<usize>>, Error<B::Error>> {
    let (order, rows) = (&x.order, x.rows()?);
    let mut seen = Vec::with_capacity(order.blocks());
    for home in order.homes(2 * held.k) {
        let span = order.positions(&home);
        let run = rows.range(span.start, span.end)?;
        held.fold(Pairs::new(run, run, metric)?.visit(Visit::OffDiagonal)?)?;
        seen.resize(home.end, home);
    }
    Ok(seen)
}

/// Other rows begin with the run of blocks around the nearest block.
fn nearby<B: Alloc>(
    (x, y): (&Placed<B>, &Placed<B>),
    metric: Metric,
    held: &mut Held<'_, B>,
) -> Result<Vec<Range<usize>>, Error<B::Error>> {
    let homes = y.order.homes(2 * held.k);
    let seen: Vec<Range<usize>> = (0..x.order.blocks())
        .map(|block| {
            let near = y.order.nearest_block(&x.order, x.order.block(block), metric);
            let at = homes.partition_point(|home| home.end <= near);
            homes.get(at).cloned().unwrap_or(0..0)
        })
        .collect();
    let span = |order: &Order<B::Elem>, blocks: &Range<usize>| {
        let rows = order.positions(blocks);
        (rows.start as u32, rows.end as u32)
    };
    let block = |(b, home): (usize, &Range<usize>)| {
        let x = span(&x.order, &(b..b + 1));
        Block { x, y: span(&y.order, home) }
    };
    let blocks: Vec<Block> = seen.iter().enumerate().map(block).collect();
    held.fold(Pairs::new(x.rows()?, y.rows()?, metric)?.visit(Visit::Blocks(&blocks))?)?;
    Ok(seen)
}

/// What is kept from list to list.
#[derive(Default)]
struct Ties<T> {
    list: Vec<(T, u32)>,
    least: Option<Least>,
}

/// From lists by position to lists by number.
struct Named<'a, B: Alloc> {
    backend: &'a B,
    x: &'a Placed<B>,
    y: &'a Placed<B>,
    metric: Metric,
    first: usize,
}

impl<B: Alloc> Named<'_, B> {
    /// Lists of k entries in the caller's order, from lists of k + 1 entries by position.
    fn lists(&self, held: &Held<'_, B>) -> Result<Lists<B::Elem>, Error<B::Error>> {
        let (k, n) = (held.k - 1, self.x.order.len());
        let (mut out, mut ties) = (Lists::empty(n, k), Ties::default());
        for part in parts(0..n) {
            let first = part.start;
            let lists = held.read(part)?;
            let each = lists.dist.chunks_exact(k + 1).zip(lists.index.chunks_exact(k + 1));
            for (at, list) in (first..).zip(each) {
                let to = self.x.order.rows()[at] as usize * k;
                let to = (&mut out.dist[to..to + k], &mut out.index[to..to + k]);
                self.list(at, list, to, &mut ties)?;
            }
        }
        Ok(out)
    }

    /// One list, by number.
    fn list(
        &self,
        at: usize,
        (dist, index): (&[B::Elem], &[u32]),
        (dist_to, index_to): (&mut [B::Elem], &mut [u32]),
        ties: &mut Ties<B::Elem>,
    ) -> Result<(), Error<B::Error>> {
        let k = dist_to.len();
        dist_to.copy_from_slice(&dist[..k]);
        let mut tied = false;
        for pair in dist.windows(2) {
            tied |= pair[0] == pair[1];
        }
        if tied {
            self.break_ties(at, (dist, index), index_to, ties)?;
        } else {
            let (numbers, first) = (self.y.order.rows(), self.first as u32);
            for (to, &j) in index_to.iter_mut().zip(index) {
                *to = if j == NONE { NONE } else { numbers[j as usize] + first };
            }
        }
        Ok(())
    }

    /// The numbers of a list with equal distances.
    fn break_ties(
        &self,
        at: usize,
        (dist, index): (&[B::Elem], &[u32]),
        to: &mut [u32],
        Ties { list, least }: &mut Ties<B::Elem>,
    ) -> Result<(), Error<B::Error>> {
        let (k, numbers) = (to.len(), self.y.order.rows());
        let number = |j: u32| if j == NONE { NONE } else { numbers[j as usize] };
        list.clear();
        list.extend(dist.iter().zip(index).map(|(&d, &j)| (d, number(j))).take(k));
        if dist[k] == dist[k - 1] && dist[k] < B::Elem::infinity() {
            let least = least.get_or_insert_with(|| self.y.order.least());
            self.settle(at, least, list)?;
        }
        // Runs of equal distances are short, and lists are sorted but for them.
        for run in list.chunk_by_mut(|a, b| a.0 == b.0) {
            run.sort_unstable_by_key(|e| e.1);
        }
        for (to, entry) in to.iter_mut().zip(list) {
            *to = if entry.1 == NONE { NONE } else { entry.1 + self.first as u32 };
        }
        Ok(())
    }

    /// Fills the places at the largest distance of a list with the lowest numbers there.
    fn settle(
        &self,
        at: usize,
        least: &Least,
        list: &mut Vec<(B::Elem, u32)>,
    ) -> Result<(), Error<B::Error>> {
        let (k, far) = (list.len(), list[list.len() - 1].0);
        list.retain(|e| e.0 < far);
        let places = k - list.len();
        let (x, y) = (self.x.rows()?, self.y.rows()?);
        let me = core::ptr::eq(self.x, self.y).then(|| self.x.order.rows()[at]);
        let mut row = vec![B::Elem::zero(); x.dim()];
        self.backend.read::<B::Elem>(x.data(), at * x.dim(), &mut row).map_err(Error::Backend)?;
        let mut dist = vec![B::Elem::zero(); self.y.order.leaf()];
        let mut lowest: Vec<u32> = Vec::with_capacity(places + 1);
        let (order, one) = (&self.y.order, x.range(at, at + 1)?);
        order.lowest_at(least, &row, (self.metric, far), |block| {
            let span = order.positions(&(block..block + 1));
            let dist = &mut dist[..span.len()];
            let pairs = Pairs::new(one, y.range(span.start, span.end)?, self.metric)?;
            self.backend.distances(pairs, dist).map_err(Error::Backend)?;
            for (&d, &number) in dist.iter().zip(&order.rows()[span]) {
                if d == far && Some(number) != me {
                    let place = lowest.partition_point(|&other| other < number);
                    lowest.insert(place, number);
                    lowest.truncate(places);
                }
            }
            Ok::<u32, Error<B::Error>>(if lowest.len() < places {
                NONE
            } else {
                lowest[places - 1]
            })
        })?;
        debug_assert!(precedes((far, 0), (B::Elem::infinity(), NONE)));
        list.extend(lowest.into_iter().map(|number| (far, number)));
        Ok(())
    }
}
