//! Clusters: core rows within eps of each other, united.
//!
//! Nodes whose members have one root already are skipped, and nodes wholly within eps of each
//! other are united without a distance, so dense data costs less than its pairs. What remains
//! goes to the fold. Pairs in the band of eps are decided afterwards, in f64: only rows that the
//! count found to have such a pair, and only where they are not united yet.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use super::Pass;
use super::count::Cores;
use super::eps::widen;
use crate::backend::{Alloc, NONE};
use crate::error::Error;
use crate::forest::Forest;
use crate::order::{Judge, Node, walk};
use crate::rows::{Block, Pairs, Visit};

/// The root of every row: core rows of one cluster have the same, all others their own.
pub(super) fn unite<B: Alloc>(
    pass: &Pass<'_, B>,
    cores: &Cores,
) -> Result<Vec<u32>, Error<B::Error>> {
    let n = pass.order().len();
    let mut forest = Forest::of_rows(n);
    let mut member = pass.indices(n)?;
    let host: Vec<u32> = cores.is_core.iter().map(|&core| u32::from(core)).collect();
    pass.backend.write(member.borrow_mut(), 0, &host).map_err(Error::Backend)?;
    drop(host);
    let by_fold = Means::Fold { member, parent: pass.indices(n)? };
    forest = Joiner::run(pass, &cores.is_core, forest, by_fold)?;
    let both = cores.is_core.iter().zip(&cores.unsure);
    let unsure: Vec<bool> = both.map(|(&core, &unsure)| core && unsure).collect();
    forest = Joiner::run(pass, &unsure, forest, Means::Exact)?;
    Ok((0..n as u32).map(|i| forest.root(i)).collect())
}

/// How pairs of blocks are joined.
enum Means<B: Alloc> {
    /// By the fold, up to the low side of the band.
    Fold { member: B::Owned<u32>, parent: B::Owned<u32> },
    /// In f64 on the host, up to the high side.
    Exact,
}

struct Joiner<'a, 'b, B: Alloc> {
    pass: &'a Pass<'b, B>,
    member: &'a [bool],
    forest: Forest,
    means: Means<B>,
    /// By node: its first member, or [`NONE`].
    first: Vec<u32>,
    /// By node: whether its members are known to have one root.
    uniform: Vec<bool>,
    batch: Vec<Block>,
    failed: Option<Error<B::Error>>,
}

impl<'a, 'b, B: Alloc> Joiner<'a, 'b, B> {
    fn run(
        pass: &'a Pass<'b, B>,
        member: &'a [bool],
        forest: Forest,
        means: Means<B>,
    ) -> Result<Forest, Error<B::Error>> {
        let nodes = pass.order().nodes();
        let (first, uniform) = (vec![NONE; nodes], vec![false; nodes]);
        let (batch, failed) = (Vec::new(), None);
        let mut joiner = Self { pass, member, forest, means, first, uniform, batch, failed };
        if let Some(root) = pass.order().root() {
            joiner.find_first(root);
            joiner.join_dense(root);
            joiner.refresh(root);
            walk(root, Some(root), &mut joiner);
            joiner.flush();
        }
        joiner.failed.map_or(Ok(joiner.forest), Err)
    }

    fn find_first(&mut self, node: Node) -> u32 {
        let first = match node.halves() {
            Some([left, right]) => self.find_first(left).min(self.find_first(right)),
            None => self.members(node).next().unwrap_or(NONE),
        };
        self.first[node.index()] = first;
        first
    }

    fn members(&self, node: Node) -> impl Iterator<Item = u32> + use<'a, B> {
        let ((start, end), member) = (self.pass.order().span(node), self.member);
        (start..end).filter(|&i| member[i as usize])
    }

    /// Unites the members of nodes whose rows are all within eps of each other.
    fn join_dense(&mut self, node: Node) {
        let (order, eps) = (self.pass.order(), &self.pass.eps);
        if self.first[node.index()] == NONE {
            return;
        }
        if order.upper(node, order, node, eps.fold) <= eps.low {
            return self.unite_all(node);
        }
        for half in node.halves().into_iter().flatten() {
            self.join_dense(half);
        }
    }

    fn unite_all(&mut self, node: Node) {
        if !self.uniform[node.index()] {
            let first = self.first[node.index()];
            for i in self.members(node) {
                self.forest.unite(first, i);
            }
            self.mark(node);
        }
    }

    fn mark(&mut self, node: Node) {
        if !self.uniform[node.index()] {
            self.uniform[node.index()] = true;
            node.halves().into_iter().flatten().for_each(|half| self.mark(half));
        }
    }

    /// Finds the nodes whose members have one root.
    fn refresh(&mut self, node: Node) {
        let first = self.first[node.index()];
        if first == NONE || self.uniform[node.index()] {
            return;
        }
        self.uniform[node.index()] = match node.halves() {
            Some([left, right]) => {
                self.refresh(left);
                self.refresh(right);
                let empty = self.first[left.index()] == NONE || self.first[right.index()] == NONE;
                let each = [left, right]
                    .iter()
                    .all(|half| self.first[half.index()] == NONE || self.uniform[half.index()]);
                each && (empty || self.same(left, right))
            }
            None => {
                let root = self.forest.root(first);
                self.members(node).all(|i| self.forest.root(i) == root)
            }
        };
    }

    /// Whether all members of both nodes are known to have one root.
    fn same(&mut self, x: Node, y: Node) -> bool {
        let (x, y) = (x.index(), y.index());
        self.uniform[x]
            && self.uniform[y]
            && self.forest.root(self.first[x]) == self.forest.root(self.first[y])
    }

    fn flush(&mut self) {
        if self.failed.is_none() && !self.batch.is_empty() {
            self.failed = self.fold().err();
            if let Some(root) = self.pass.order().root() {
                self.refresh(root);
            }
        }
        self.batch.clear();
    }

    fn fold(&mut self) -> Result<(), Error<B::Error>> {
        let Means::Fold { member, parent } = &mut self.means else { return Ok(()) };
        let (backend, rows) = (self.pass.backend, self.pass.placed.rows()?);
        let last = self.batch[self.batch.len() - 1];
        let x = rows.range(self.batch[0].x.0 as usize, last.x.1 as usize)?;
        let pairs = Pairs::new(x, rows, self.pass.eps.fold)?.visit(Visit::Blocks(&self.batch))?;
        backend.write(parent.borrow_mut(), 0, &self.forest.parent).map_err(Error::Backend)?;
        let (member, low) = (B::Owned::<u32>::borrow(member), self.pass.eps.low);
        backend.join_within(pairs, low, member, parent.borrow_mut()).map_err(Error::Backend)?;
        backend.read((*parent).borrow(), 0, &mut self.forest.parent).map_err(Error::Backend)
    }

    /// Joins a block with blocks near it, pair by pair.
    fn settle(&mut self, x: Node, near: &[Node]) -> Result<(), Error<B::Error>> {
        let (order, dim) = (self.pass.order(), self.pass.order().dim());
        let mine = widen(&self.pass.read(order.span(x))?);
        for &y in near {
            let others = widen(&self.pass.read(order.span(y))?);
            for i in self.members(x) {
                let a = &mine[(i - order.span(x).0) as usize * dim..][..dim];
                for j in self.members(y) {
                    let b = &others[(j - order.span(y).0) as usize * dim..][..dim];
                    let apart = self.forest.root(i) != self.forest.root(j);
                    if apart && self.pass.eps.holds(a, b) {
                        self.forest.unite(i, j);
                    }
                }
            }
        }
        Ok(())
    }
}

impl<B: Alloc> Judge for Joiner<'_, '_, B> {
    fn near(&mut self, x: Node, y: Node) -> bool {
        let (order, eps) = (self.pass.order(), &self.pass.eps);
        let limit = if matches!(self.means, Means::Exact) { eps.high } else { eps.low };
        // Joining is symmetric: blocks before x have met it already.
        let empty = self.first[x.index()] == NONE || self.first[y.index()] == NONE;
        if y.blocks().end <= x.blocks().start || empty || self.same(x, y) {
            return false;
        }
        if order.lower(x, order, y, eps.fold) > limit {
            return false;
        }
        if order.upper(x, order, y, eps.fold) > eps.low {
            return true;
        }
        self.unite_all(x);
        self.unite_all(y);
        self.forest.unite(self.first[x.index()], self.first[y.index()]);
        false
    }

    fn meet(&mut self, x: Node, near: &[Node]) {
        if matches!(self.means, Means::Exact) {
            if self.failed.is_none() {
                self.failed = self.settle(x, near).err();
            }
            return;
        }
        let (order, batch) = (self.pass.order(), &mut self.batch);
        order.runs(x, order, near, |block| batch.push(block));
        if self.batch.len() >= self.pass.batch {
            self.flush();
        }
    }
}
