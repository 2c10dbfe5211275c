//! Which blocks can hold one of the k nearest rows, round by round.
//!
//! After a first look at the blocks nearby, every block of x has a radius: the largest k-th
//! distance of its rows. The two trees are then walked together, a pair of nodes at a time, and
//! what is nearer than the radius is listed for each block of x, the most promising first. A
//! round takes up to [`AT_ONCE`] blocks of each list; between rounds the radii are asked for
//! again and shrink, and what is no longer near is dropped. Run to the end the answer is exact;
//! stopped early it is the nearest of what was looked at.
//!
//! Bounds are those of [`Order::lower`]: never above a canonical distance, so that nothing has to
//! be widened. A block is left out when its bound *equals* the k-th distance, too: it cannot
//! change a distance, only who is named among equals ([`Order::lowest_at`] settles that).
//!
//! Source: dual-tree traversal, Gray and Moore 2000; Curtin et al. 2013 ("Tree-independent
//! dual-tree algorithms").

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Node, Order, boxes};
use crate::element::Element;
use crate::rows::{Block, Metric};

/// Blocks of y that a round lists for a block of x, at most.
pub const AT_ONCE: usize = 32;
/// Blocks of x that are worked on together: what bounds the memory of the lists.
const SLAB: usize = 2048;

impl<T: Element> Order<T> {
    /// The runs of neighbouring blocks, of at least `rows` rows each where there are as many, as
    /// ranges of blocks. Looking at a row's own run first makes radii small.
    #[must_use]
    pub fn homes(&self, rows: usize) -> Vec<Range<usize>> {
        let (blocks, run) = (self.blocks(), rows.div_ceil(self.leaf).next_power_of_two());
        let mut homes: Vec<Range<usize>> =
            (0..blocks).step_by(run).map(|first| first..(first + run).min(blocks)).collect();
        // A short last run would not fill its lists.
        if homes.len() > 1 && homes[homes.len() - 1].len() < run {
            let last = homes.pop().unwrap_or_default();
            let before = homes.len() - 1;
            homes[before].end = last.end;
        }
        homes
    }

    /// Ranges of blocks that [`Rounds`] are made for, one after the other.
    pub fn slabs(&self) -> impl Iterator<Item = Range<usize>> + use<T> {
        let blocks = self.blocks();
        (0..blocks).step_by(SLAB).map(move |first| first..(first + SLAB).min(blocks))
    }

    /// The positions of the rows of some blocks.
    #[must_use]
    pub fn positions(&self, blocks: &Range<usize>) -> Range<usize> {
        let (start, end) = self.span_of(blocks.start as u32..blocks.end as u32);
        start as usize..(end as usize).max(start as usize)
    }

    /// The block of `self` that is nearest to a node of `x`, going down to the nearer half.
    #[must_use]
    pub fn nearest_block(&self, x: &Self, node: Node, metric: Metric) -> usize {
        let Some(mut at) = self.root() else { return 0 };
        while let Some([left, right]) = at.halves() {
            let (l, r) = (x.lower(node, self, left, metric), x.lower(node, self, right, metric));
            at = if r < l { right } else { left };
        }
        at.blocks().start as usize
    }
}

/// What is left to look at for a range of blocks of x.
#[derive(Debug)]
pub struct Rounds<'a, T> {
    x: &'a Order<T>,
    y: &'a Order<T>,
    metric: Metric,
    slab: Range<usize>,
    /// (bound, block of y) for each block of x in turn, nearest first.
    pending: Vec<(T, u32)>,
    /// Where the rest of each block's list is in `pending`.
    rest: Vec<Range<usize>>,
    blocks: Vec<Block>,
}

impl<'a, T: Element> Rounds<'a, T> {
    /// The rounds of the blocks `slab` of x. `worst` are the k-th distances of their rows,
    /// `seen(b)` the blocks of y that block b of x has met. `O(pairs of near nodes)`.
    #[must_use]
    pub fn new(
        (x, y): (&'a Order<T>, &'a Order<T>),
        metric: Metric,
        slab: Range<usize>,
        worst: &[T],
        seen: impl Fn(usize) -> Range<usize>,
    ) -> Self {
        let mut rounds = Self { x, y, metric, slab, pending: vec![], rest: vec![], blocks: vec![] };
        let radii: Vec<T> = rounds.slab.clone().map(|b| rounds.radius(b, worst)).collect();
        let mut lists = Lists { rounds: &mut rounds, radii: &radii, seen };
        if let (Some(root), Some(y)) = (x.root(), y.root()) {
            lists.descend(root, &mut vec![y], 0);
        }
        rounds
    }

    /// The largest k-th distance of a block of x.
    fn radius(&self, block: usize, worst: &[T]) -> T {
        let first = self.x.positions(&self.slab).start;
        let rows = self.x.positions(&(block..block + 1));
        let worst = &worst[rows.start - first..rows.end - first];
        worst.iter().fold(T::zero(), |most, &d| if d > most { d } else { most })
    }

    /// The rectangles of the next round, in positions; none when the answer is exact.
    pub fn next(&mut self, worst: &[T]) -> &[Block] {
        let mut blocks = core::mem::take(&mut self.blocks);
        blocks.clear();
        for at in 0..self.rest.len() {
            let block = self.slab.start + at;
            let radius = self.radius(block, worst);
            let list = &self.pending[self.rest[at].clone()];
            let near = list.partition_point(|&(bound, _)| bound < radius);
            let x = self.x.span(self.x.block(block));
            for &(_, other) in &list[..near.min(AT_ONCE)] {
                blocks.push(Block { x, y: self.y.span(self.y.block(other as usize)) });
            }
            let rest = &mut self.rest[at];
            *rest = rest.start + near.min(AT_ONCE)..rest.start + near;
        }
        self.blocks = blocks;
        &self.blocks
    }
}

/// The walk that makes the lists.
struct Lists<'r, 'a, T, F> {
    rounds: &'r mut Rounds<'a, T>,
    radii: &'r [T],
    seen: F,
}

impl<T: Element, F: Fn(usize) -> Range<usize>> Lists<'_, '_, T, F> {
    /// The largest radius of a node of x; none outside the slab.
    fn reach(&self, x: Node) -> Option<T> {
        let (slab, blocks) = (&self.rounds.slab, x.blocks());
        let (start, end) =
            (slab.start.max(blocks.start as usize), slab.end.min(blocks.end as usize));
        let radii = self.radii.get(start - slab.start..end.max(start) - slab.start)?;
        let most = |most: T, &r: &T| if r > most { r } else { most };
        (start < end).then(|| radii.iter().fold(T::zero(), most))
    }

    /// `near[from..]` hold every block of y that is near `x`; they are taken off at the end.
    fn descend(&mut self, x: Node, near: &mut Vec<Node>, from: usize) {
        let end = near.len();
        if let Some(halves) = x.halves() {
            for half in halves {
                if let Some(reach) = self.reach(half) {
                    self.refine(half, reach, near, from..end);
                    self.descend(half, near, end);
                }
            }
        } else {
            let reach = self.reach(x).unwrap_or_else(T::zero);
            let mut first = from;
            while near[first..].iter().any(|y| !y.is_leaf()) {
                let last = near.len();
                self.refine(x, reach, near, first..last);
                first = last;
            }
            self.list(x, &near[first..]);
        }
        near.truncate(from);
    }

    /// Adds those of `near[of]`, or their halves, that are near.
    fn refine(&self, x: Node, reach: T, near: &mut Vec<Node>, of: Range<usize>) {
        let Rounds { x: order, y, metric, .. } = *self.rounds;
        let is_near = |node: &Node| order.lower(x, y, *node, metric) < reach;
        for at in of {
            match near[at].halves() {
                Some(halves) => near.extend(halves.into_iter().filter(is_near)),
                None => near.extend(Some(near[at]).filter(is_near)),
            }
        }
    }

    /// Lists the blocks `near` for the block `x`, nearest first.
    fn list(&mut self, x: Node, near: &[Node]) {
        let seen = (self.seen)(x.blocks().start as usize);
        let Rounds { x: order, y, metric, .. } = *self.rounds;
        let start = self.rounds.pending.len();
        for node in near {
            let block = node.blocks().start;
            if !seen.contains(&(block as usize)) {
                self.rounds.pending.push((order.lower(x, y, *node, metric), block));
            }
        }
        let by_bound = |a: &(T, u32), b: &(T, u32)| {
            a.0.partial_cmp(&b.0).unwrap_or(core::cmp::Ordering::Equal).then(a.1.cmp(&b.1))
        };
        self.rounds.pending[start..].sort_unstable_by(by_bound);
        self.rounds.rest.push(start..self.rounds.pending.len());
    }
}

/// The least row number in every node.
#[derive(Debug)]
pub struct Least(Vec<u32>);

impl<T: Element> Order<T> {
    /// The least row number in every node, for [`lowest_at`](Self::lowest_at). `O(n)`.
    #[must_use]
    pub fn least(&self) -> Least {
        let mut least = vec![u32::MAX; self.nodes()];
        if let Some(root) = self.root() {
            self.least_of(root, &mut least);
        }
        Least(least)
    }

    fn least_of(&self, node: Node, least: &mut [u32]) -> u32 {
        let low = match node.halves() {
            Some([left, right]) => self.least_of(left, least).min(self.least_of(right, least)),
            None => {
                let (start, end) = self.span(node);
                let rows = &self.rows[start as usize..end as usize];
                rows.iter().copied().min().unwrap_or(u32::MAX)
            }
        };
        least[node.index()] = low;
        low
    }

    /// The lowest row numbers at exactly `distance` of a row: calls `visit(block)` for blocks
    /// that can hold one, in order of their least number, until that is not below what `visit`
    /// returned last.
    ///
    /// # Errors
    /// Those of `visit`.
    pub fn lowest_at<E>(
        &self,
        least: &Least,
        row: &[T],
        (metric, distance): (Metric, T),
        mut visit: impl FnMut(usize) -> Result<u32, E>,
    ) -> Result<(), E> {
        let mut open: Vec<Node> = self.root().into_iter().collect();
        let mut above = u32::MAX;
        let key = |node: &Node| least.0[node.index()];
        // The nodes open at a time are few: the least is looked for.
        while let Some(at) = (0..open.len()).min_by_key(|&at| key(&open[at])) {
            let node = open.swap_remove(at);
            if key(&node) >= above {
                break;
            }
            match node.halves() {
                Some(halves) => open.extend(halves.into_iter().filter(|half| {
                    boxes::lower(metric, (row, row), self.bounds(*half)) <= distance
                })),
                None => above = visit(node.blocks().start as usize)?,
            }
        }
        Ok(())
    }
}
