//! Pairs of blocks within a radius, without looking at all pairs.

use alloc::vec::Vec;

use super::{Node, Order};
use crate::element::Element;
use crate::rows::{Block, Metric};

/// What a walk over pairs of nodes asks.
pub(crate) trait Judge {
    /// Whether the pairs below `x` are of interest at all; asked before its children are paired.
    fn enter(&mut self, x: Node) -> bool {
        let _ = x;
        true
    }
    /// No node is of interest to `x`; the nodes below it are not asked about.
    fn alone(&mut self, x: Node) {
        let _ = x;
    }
    /// Whether the pairs of a row of `x` and a row of `y` are still of interest.
    fn near(&mut self, x: Node, y: Node) -> bool;
    /// Block `x` meets these blocks, ascending.
    fn meet(&mut self, x: Node, near: &[Node]);
}

impl<T: Element> Order<T> {
    /// Calls `found` with rectangles that hold every pair of a row here and a row of `other`
    /// whose canonical distance is at most `radius`.
    ///
    /// Rectangles are one block of x wide and ascend by (x, y); neighbouring blocks of y are one
    /// rectangle. The tree of x is walked once; every node carries the list of the nodes of y
    /// that are near it, so a level costs as many bounds as it has near pairs.
    pub fn pairs_within(&self, other: &Self, metric: Metric, radius: T, found: impl FnMut(Block)) {
        if let Some(x) = self.root() {
            self.pairs_of(x, other, metric, radius, found);
        }
    }

    /// [`pairs_within`](Self::pairs_within) for the rows of one node.
    pub fn pairs_of(
        &self,
        node: Node,
        other: &Self,
        metric: Metric,
        radius: T,
        found: impl FnMut(Block),
    ) {
        let mut within = Within { x: self, y: other, metric, radius, found };
        walk(node, other.root(), &mut within);
    }

    /// Calls `found` with a rectangle for each run of neighbouring blocks of `other`.
    pub(crate) fn runs(&self, x: Node, other: &Self, near: &[Node], mut found: impl FnMut(Block)) {
        for run in near.chunk_by(|a, b| a.end == b.first) {
            let blocks = run[0].first..run[run.len() - 1].end;
            found(Block { x: self.span(x), y: other.span_of(blocks) });
        }
    }
}

struct Within<'a, T, F> {
    x: &'a Order<T>,
    y: &'a Order<T>,
    metric: Metric,
    radius: T,
    found: F,
}

impl<T: Element, F: FnMut(Block)> Judge for Within<'_, T, F> {
    fn near(&mut self, x: Node, y: Node) -> bool {
        self.x.lower(x, self.y, y, self.metric) <= self.radius
    }

    fn meet(&mut self, x: Node, near: &[Node]) {
        self.x.runs(x, self.y, near, &mut self.found);
    }
}

/// Walks the tree below `x` with the lists of the nodes below `y` that are of interest.
pub(crate) fn walk(x: Node, y: Option<Node>, judge: &mut impl Judge) {
    let mut near = Vec::new();
    near.extend(y.filter(|&y| judge.near(x, y)));
    descend(x, 0, &mut near, judge);
}

/// `near[from..]` are of interest to `x`; they are taken off before it returns.
fn descend(x: Node, from: usize, near: &mut Vec<Node>, judge: &mut impl Judge) {
    let end = near.len();
    if end == from {
        return judge.alone(x);
    }
    if !judge.enter(x) {
        return near.truncate(from);
    }
    if let Some(halves) = x.halves() {
        for half in halves {
            (from..end).for_each(|at| refine(half, near[at], near, judge));
            descend(half, end, near, judge);
        }
    } else if near[from..].iter().all(|y| y.is_leaf()) {
        judge.meet(x, &near[from..]);
    } else {
        (from..end).for_each(|at| refine(x, near[at], near, judge));
        descend(x, end, near, judge);
    }
    near.truncate(from);
}

/// Adds what is of interest of the children of `y`, or of `y` itself where it has none.
fn refine(x: Node, y: Node, near: &mut Vec<Node>, judge: &mut impl Judge) {
    match y.halves() {
        Some(halves) => near.extend(halves.into_iter().filter(|&half| judge.near(x, half))),
        None if judge.near(x, y) => near.push(y),
        None => {}
    }
}
