//! Union-find on the host: which rows are in one tree.

use alloc::vec::Vec;

/// A parent for every row; a root is its own. The smaller root wins, so the roots do not depend on
/// the order in which rows are united.
#[derive(Debug)]
pub(crate) struct Forest {
    pub(crate) parent: Vec<u32>,
}

impl Forest {
    /// Every row a tree of its own.
    pub(crate) fn of_rows(rows: usize) -> Self {
        Self { parent: (0..rows as u32).collect() }
    }

    /// The root of a row; the path to it is halved on the way.
    pub(crate) fn root(&mut self, mut i: u32) -> u32 {
        loop {
            let up = self.parent[i as usize];
            if up == i {
                return i;
            }
            let next = self.parent[up as usize];
            self.parent[i as usize] = next;
            i = next;
        }
    }

    /// Puts two rows into one tree.
    pub(crate) fn unite(&mut self, i: u32, j: u32) {
        let (i, j) = (self.root(i), self.root(j));
        self.parent[i.max(j) as usize] = i.min(j);
    }
}
