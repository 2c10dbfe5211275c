//! Order: an index is a permutation of the rows plus bounds of equal blocks.
//!
//! [`Order::kd`] puts rows that are close to each other next to each other and cuts them into
//! blocks of equal length. Over the blocks stands an implicit balanced tree of boxes, so that
//! [`pairs_within`](Order::pairs_within) finds the pairs of blocks that can hold close rows
//! without looking at all of them. What it finds are [`Block`](crate::Block)s for
//! [`Visit::Blocks`](crate::Visit::Blocks): backends do not know that there is an index, and a
//! CPU and a GPU run the same one.
//!
//! # Bounds need no margin
//!
//! A box bounds every coordinate of its rows. The largest and the smallest difference that two
//! boxes allow go through the very operations that define a [distance](crate::distance), in the
//! same order. Rounding is monotone, so each operation keeps what was below below: the bound
//! never exceeds the *canonical* distance of any pair, bit for bit, and needs no slack. Powers need
//! not be monotone to the last bit, so the bounds of Minkowski distances have a margin of four
//! times their accuracy. Metrics without [bounds](Metric::has_bounds), such as cosine, are not
//! bounded by boxes: there the bounds are 0 and ∞, and nothing is pruned.
//!
//! Sources: median splits, Bentley 1975 (k-d trees); blocks of equal length and pairs of nodes,
//! Gray and Moore 2000 ("N-body problems in statistical learning").

mod boxes;
pub mod cells;
mod kd;
mod placed;
pub(crate) mod reach;
pub mod rounds;
mod walk;

use alloc::vec;
use alloc::vec::Vec;

use crate::element::Element;
use crate::error::ShapeError;
use crate::rows::Metric;

pub use placed::Placed;
pub(crate) use walk::{Judge, walk};

/// A permutation of rows, cut into blocks of equal length (the last may be shorter), with a box
/// around every block and around every node of the balanced tree over the blocks.
///
/// Rows with a coordinate that is not finite stand apart, behind the blocks.
///
/// ```
/// use enfold_core::{Metric, order::Order};
///
/// let mut data = [0.0f32, 9.0, 1.0, 8.0];
/// let order = Order::kd(&mut data, 1, 2)?;
/// assert_eq!(data, [0.0, 1.0, 9.0, 8.0]);
/// assert_eq!(order.rows(), [0, 2, 1, 3]);
/// let mut found = vec![];
/// order.pairs_within(&order, Metric::Euclidean, 2.0, |block| found.push((block.x, block.y)));
/// assert_eq!(found, [((0, 2), (0, 2)), ((2, 4), (2, 4))]);
/// # Ok::<(), enfold_core::ShapeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Order<T> {
    dim: usize,
    leaf: usize,
    /// Number of the row at each position; those apart come last.
    rows: Vec<u32>,
    /// Rows in blocks.
    len: usize,
    /// `dim` lows and `dim` highs for every node.
    boxes: Vec<T>,
}

/// A node of the balanced tree over blocks: the blocks `first..end`, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Node {
    first: u32,
    end: u32,
}

impl Node {
    /// Numbers of its blocks.
    #[must_use]
    pub fn blocks(self) -> core::ops::Range<u32> {
        self.first..self.end
    }

    /// Whether it is a single block.
    #[must_use]
    pub fn is_leaf(self) -> bool {
        self.end - self.first == 1
    }

    /// Its two children; none of a single block.
    #[must_use]
    pub fn halves(self) -> Option<[Self; 2]> {
        let middle = self.middle();
        let halves = [Self { end: middle, ..self }, Self { first: middle, ..self }];
        (!self.is_leaf()).then_some(halves)
    }

    fn middle(self) -> u32 {
        self.first.midpoint(self.end)
    }

    /// A number of its own among all nodes of the tree, below 2·blocks − 1: blocks have even
    /// numbers, and the node that is cut before block m has number 2m − 1.
    #[must_use]
    pub fn index(self) -> usize {
        let (first, middle) = (self.first as usize, self.middle() as usize);
        if self.is_leaf() { 2 * first } else { 2 * middle - 1 }
    }
}

impl<T: Element> Order<T> {
    /// Puts rows of `dim` elements into the order of a k-d tree, in place: `O(n log n)` time, and
    /// half a copy of `data` and three words per row beside it.
    ///
    /// Nodes are cut at the median of their widest coordinate, so that each side holds whole
    /// blocks of `leaf` rows; ties go by row number. The same rows give the same order on every
    /// machine.
    ///
    /// # Errors
    /// `dim` is 0 or does not divide the length; `leaf` is 0; 2³²−1 rows or more.
    pub fn kd(data: &mut [T], dim: usize, leaf: usize) -> Result<Self, ShapeError> {
        let n = crate::rows::Rows::new(&*data, dim)?.len();
        let mut order = Self::blank((0..n as u32).collect(), dim, leaf)?;
        order.set_apart(data);
        kd::build(&mut order, data);
        Ok(order)
    }

    /// An order that the caller has made: `data` are rows as they stand, `rows` their numbers.
    /// Rows that are not finite must be last; `O(n·dim)`.
    ///
    /// # Errors
    /// As [`kd`](Self::kd); the lengths do not fit together.
    pub fn of(data: &[T], rows: Vec<u32>, dim: usize, leaf: usize) -> Result<Self, ShapeError> {
        let n = crate::rows::Rows::new(data, dim)?.len();
        ShapeError::check("numbers of rows", n, rows.len())?;
        let mut order = Self::blank(rows, dim, leaf)?;
        order.len = data.chunks_exact(dim).take_while(|row| finite(row)).count();
        order.boxes = vec![T::zero(); order.nodes() * 2 * dim];
        if let Some(root) = order.root() {
            order.bound(data, root);
        }
        Ok(order)
    }

    fn blank(rows: Vec<u32>, dim: usize, leaf: usize) -> Result<Self, ShapeError> {
        ShapeError::at_least("leaf", 1, leaf)?;
        Ok(Self { dim, leaf, len: rows.len(), rows, boxes: Vec::new() })
    }

    /// Moves rows that are not finite to the end; both parts keep their order.
    fn set_apart(&mut self, data: &mut [T]) {
        let dim = self.dim;
        let bad: Vec<u32> =
            self.rows.iter().copied().filter(|&r| !finite(row(data, dim, r as usize))).collect();
        if bad.is_empty() {
            return;
        }
        let apart: Vec<T> = bad.iter().flat_map(|&r| row(data, dim, r as usize)).copied().collect();
        let mut to = 0;
        for from in 0..self.rows.len() {
            if finite(row(data, dim, from)) {
                data.copy_within(from * dim..(from + 1) * dim, to * dim);
                self.rows[to] = self.rows[from];
                to += 1;
            }
        }
        self.rows[to..].copy_from_slice(&bad);
        data[to * dim..].copy_from_slice(&apart);
        self.len = to;
    }

    /// Elements per row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Rows in a block; the last block may be shorter.
    #[must_use]
    pub fn leaf(&self) -> usize {
        self.leaf
    }

    /// Rows that stand in blocks: positions `0..len`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no row stands in a block.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Blocks.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.len.div_ceil(self.leaf)
    }

    /// Nodes of the tree, blocks among them: a bound for [`Node::index`].
    #[must_use]
    pub fn nodes(&self) -> usize {
        (2 * self.blocks()).saturating_sub(1)
    }

    /// The caller's number of the row at each position.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows[..self.len]
    }

    /// The caller's numbers of the rows apart, ascending: those that are not finite.
    #[must_use]
    pub fn apart(&self) -> &[u32] {
        &self.rows[self.len..]
    }

    /// The whole tree; none without rows.
    #[must_use]
    pub fn root(&self) -> Option<Node> {
        let end = self.blocks() as u32;
        (end > 0).then_some(Node { first: 0, end })
    }

    /// Block number `at` as a node.
    #[must_use]
    pub fn block(&self, at: usize) -> Node {
        Node { first: at as u32, end: at as u32 + 1 }
    }

    /// The positions of a node's rows, half-open.
    #[must_use]
    pub fn span(&self, node: Node) -> (u32, u32) {
        self.span_of(node.blocks())
    }

    fn span_of(&self, blocks: core::ops::Range<u32>) -> (u32, u32) {
        let end = (blocks.end as usize * self.leaf).min(self.len);
        (blocks.start * self.leaf as u32, end as u32)
    }

    /// The lowest and the highest value of every coordinate in a node.
    #[must_use]
    pub fn bounds(&self, node: Node) -> (&[T], &[T]) {
        self.boxes[node.index() * 2 * self.dim..][..2 * self.dim].split_at(self.dim)
    }

    /// No canonical distance between a row of `x` and a row of `y` is below this. `O(dim)`.
    #[must_use]
    #[inline]
    pub fn lower(&self, x: Node, other: &Self, y: Node, metric: Metric) -> T {
        boxes::lower(metric, self.bounds(x), other.bounds(y))
    }

    /// No canonical distance between a row of `x` and a row of `y` is above this. `O(dim)`.
    #[must_use]
    #[inline]
    pub fn upper(&self, x: Node, other: &Self, y: Node, metric: Metric) -> T {
        boxes::upper(metric, self.bounds(x), other.bounds(y))
    }

    /// Writes the boxes of a node and all below it.
    fn bound(&mut self, data: &[T], node: Node) {
        let dim = self.dim;
        if let Some([left, right]) = node.halves() {
            self.bound(data, left);
            self.bound(data, right);
            let mut joint = self.boxes[left.index() * 2 * dim..][..2 * dim].to_vec();
            boxes::enclose(&mut joint, self.bounds(right));
            self.boxes[node.index() * 2 * dim..][..2 * dim].copy_from_slice(&joint);
        } else {
            let (start, end) = self.span(node);
            let rows = &data[start as usize * dim..end as usize * dim];
            boxes::around(rows, &mut self.boxes[node.index() * 2 * dim..][..2 * dim]);
        }
    }
}

fn row<T>(data: &[T], dim: usize, at: usize) -> &[T] {
    &data[at * dim..(at + 1) * dim]
}

fn finite<T: Element>(row: &[T]) -> bool {
    row.iter().all(|v| v.is_finite())
}
