//! Which rows of a batch open a micro-cluster, and the absorption of the others.
//!
//! A row opens where `u·f < w·D`. As D only falls while anchors open, a row that is no candidate
//! before the batch never becomes one; so candidates alone are looked at in order, in blocks: a
//! block's own distances settle who opens, then the rows after each opened one are shown the new
//! anchors – exactly the rows after it, so that the result is that of one row at a time.

use num_traits::Float;

use super::{Work, draws, elem};
use crate::backend::{Backend, NONE, Nearest, Sums};
use crate::element::Element;
use crate::error::Error;
use crate::random;
use crate::rows::{Metric, Pairs, rows};

/// Candidates decided together.
const BLOCK: usize = 16;
/// A row at 64 times the price, as a distance, opens whatever its weight.
const FAR: f64 = 64.0;

/// Some rows of the batch, in order.
struct Block {
    rows: [u32; BLOCK],
    len: usize,
}

impl Block {
    fn as_slice(&self) -> &[u32] {
        &self.rows[..self.len]
    }
}

impl<B: Backend> Work<'_, B> {
    /// Takes in rows `0..n` of the batch buffer.
    pub(super) fn take(&mut self, n: usize, weighted: bool) -> Result<(), Error<B::Error>> {
        let mut from = 0;
        while from < n {
            self.measure(from, n)?;
            let stop = self.open(from, n)?;
            self.absorb(from, stop, weighted)?;
            self.offer(from, stop)?;
            self.pass(from, stop);
            if stop < n {
                self.rebuild()?;
            }
            from = stop;
        }
        Ok(())
    }

    /// Nearest anchor of rows `from..n`; distances come to the host.
    fn measure(&mut self, from: usize, n: usize) -> Result<(), Error<B::Error>> {
        self.look_up(from, n)?;
        self.fetch(from, n)
    }

    /// Nearest anchor of rows `from..n` of the batch; none where there is no anchor.
    pub(super) fn look_up(&mut self, from: usize, n: usize) -> Result<(), Error<B::Error>> {
        let infinity = B::Elem::infinity();
        self.backend.fill(self.parts.dist, infinity).map_err(Error::Backend)?;
        self.backend.fill(self.parts.index, NONE).map_err(Error::Backend)?;
        self.show(from, n, 0, self.head.len)
    }

    /// Shows rows `from..to` the anchors `first..last`.
    fn show(
        &mut self,
        from: usize,
        to: usize,
        first: usize,
        last: usize,
    ) -> Result<(), Error<B::Error>> {
        if from == to || first == last {
            return Ok(());
        }
        let x = rows::<B>(self.parts.batch, self.dim)?.range(from, to)?;
        let y = rows::<B>(self.parts.anchors, self.dim)?.range(first, last)?;
        let best = Nearest { k: 1, dist: &mut *self.parts.dist, index: &mut *self.parts.index };
        let pairs = Pairs::new(x, y, Metric::SqEuclidean)?;
        self.backend.nearest(pairs, best).map_err(Error::Backend)
    }

    fn fetch(&mut self, from: usize, n: usize) -> Result<(), Error<B::Error>> {
        let host = &mut self.parts.host[from..n];
        self.backend.read(self.parts.dist, from, host).map_err(Error::Backend)
    }

    /// Opens anchors among rows `from..n`; returns the first row that found no room.
    fn open(&mut self, from: usize, n: usize) -> Result<usize, Error<B::Error>> {
        let mut at = from;
        loop {
            let block = self.candidates(from, at, n);
            let Some(&last) = block.as_slice().last() else { return Ok(n) };
            if self.head.len == self.sizes.capacity {
                return Ok(block.rows[0] as usize);
            }
            let opened = self.decide(from, &block)?;
            self.reveal(&opened, n)?;
            at = last as usize + 1;
        }
    }

    /// The next candidates from row `at` on: no more than there is room for.
    fn candidates(&self, from: usize, at: usize, n: usize) -> Block {
        let room = self.sizes.capacity - self.head.len;
        let mut block = Block { rows: [0; BLOCK], len: 0 };
        for row in at..n {
            if block.len == room.clamp(1, BLOCK) {
                break;
            }
            if self.would_open(from, row, self.parts.host[row]) {
                block.rows[block.len] = row as u32;
                block.len += 1;
            }
        }
        block
    }

    /// Whether a row at squared distance `gap` opens an anchor.
    fn would_open(&self, from: usize, row: usize, gap: B::Elem) -> bool {
        let weight = self.parts.host[self.sizes.batch + row];
        let number = self.head.row + (row - from) as u64;
        let [word, ..] = draws(self.options).block(number, self.options.stream);
        let draw: B::Elem = elem(f64::from(random::unit(word)));
        let price: B::Elem = elem(self.head.price);
        draw * price < weight * gap
            || self.head.price > 0.0 && gap.as_f64() >= FAR * self.head.reach()
    }

    /// Opens those of the block that still want to when their turn comes; returns them.
    fn decide(&mut self, from: usize, block: &Block) -> Result<Block, Error<B::Error>> {
        let (first, c) = (self.head.len, block.len);
        let mut apart = [B::Elem::default(); BLOCK * BLOCK];
        for (place, &row) in block.as_slice().iter().enumerate() {
            self.place(row, first + place)?;
        }
        if c > 1 {
            let new = rows::<B>(self.parts.anchors, self.dim)?.range(first, first + c)?;
            let pairs = Pairs::new(new, new, Metric::SqEuclidean)?;
            self.backend.distances(pairs, &mut apart[..c * c]).map_err(Error::Backend)?;
        }
        let (mut opened, mut at) = (Block { rows: [0; BLOCK], len: 0 }, [0usize; BLOCK]);
        for (i, &row) in block.as_slice().iter().enumerate() {
            let old = self.parts.host[row as usize];
            let near = at[..opened.len].iter().map(|j| apart[i * c + j]);
            let gap = near.fold(old, |least, d| if d < least { d } else { least });
            if self.would_open(from, row as usize, gap) {
                self.parts.host[row as usize] = gap;
                at[opened.len] = i;
                opened.rows[opened.len] = row;
                opened.len += 1;
            }
        }
        for (place, &i) in at[..opened.len].iter().enumerate() {
            if place != i {
                self.place(opened.rows[place], first + place)?;
            }
            let micro = &mut self.parts.micro[first + place];
            micro.stream = self.options.stream;
            micro.id = self.head.row + u64::from(opened.rows[place]) - from as u64;
        }
        self.head.len += opened.len;
        self.head.opened += opened.len as u64;
        Ok(opened)
    }

    /// Copies a row of the batch to an anchor.
    fn place(&mut self, row: u32, slot: usize) -> Result<(), Error<B::Error>> {
        let dim = self.dim;
        self.backend
            .copy(self.parts.batch, row as usize * dim, self.parts.anchors, slot * dim, dim)
            .map_err(Error::Backend)
    }

    /// Shows the rows after each opened one the anchors opened up to it.
    fn reveal(&mut self, opened: &Block, n: usize) -> Result<(), Error<B::Error>> {
        let Some(&start) = opened.as_slice().first() else { return Ok(()) };
        let (first, start) = (self.head.len - opened.len, start as usize);
        let mut gaps = [B::Elem::default(); BLOCK];
        for (place, &row) in opened.as_slice().iter().enumerate() {
            gaps[place] = self.parts.host[row as usize];
            let next = opened.as_slice().get(place + 1).map_or(n, |&r| r as usize);
            self.show(row as usize, next, first, first + place + 1)?;
        }
        self.fetch(start, n)?;
        // The samples want to know how far an opened row was, within the price.
        let reach: B::Elem = elem(self.head.reach());
        for (&row, &gap) in opened.as_slice().iter().zip(&gaps) {
            self.parts.host[row as usize] = if gap < reach { gap } else { reach };
        }
        Ok(())
    }

    /// Adds rows `from..to` to their micro-clusters.
    fn absorb(&mut self, from: usize, to: usize, weighted: bool) -> Result<(), Error<B::Error>> {
        if from == to {
            return Ok(());
        }
        let scale = elem(self.scale());
        let x = rows::<B>(self.parts.batch, self.dim)?.range(from, to)?;
        let origins = rows::<B>(self.parts.anchors, self.dim)?;
        let into = Sums {
            offsets: &mut *self.parts.offsets,
            mass: &mut *self.parts.mass,
            scatter: Some(&mut *self.parts.scatter),
        };
        let weights = weighted.then_some(&*self.parts.weights);
        self.backend
            .accumulate(x, self.parts.index, weights, origins, scale, into)
            .map_err(Error::Backend)
    }

    /// Counts rows `from..to` as taken in.
    fn pass(&mut self, from: usize, to: usize) {
        self.head.mass = self.head.mass.saturating_add(self.batch_mass(from, to));
        self.head.row += (to - from) as u64;
        self.head.rows += (to - from) as u64;
        if self.options.half_life.counts_rows() {
            self.head.clock += (to - from) as f64;
        }
    }
}
