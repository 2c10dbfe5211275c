//! Online facility location over the micro-clusters themselves.
//!
//! They are visited in the order of a hash; each stays with probability `min(1, w·D/f)`, D its
//! squared distance to the nearest that stayed, and joins that one otherwise. Too many left: the
//! price rises and the visit is repeated (Shindler, Wong, Meyerson 2011, after Meyerson 2001).

use num_traits::Float;

use super::{Work, draws, sums};
use crate::backend::{Backend, NONE, Nearest};
use crate::element::Element;
use crate::error::Error;
use crate::random;
use crate::rows::{Metric, Pairs, rows};

/// Draws for the order of a visit and for staying, beside those of rows.
const ORDER: u64 = 1 << 63;

impl<B: Backend> Work<'_, B> {
    /// Visits all until at most `target` micro-clusters are left.
    pub(super) fn facility(&mut self, target: usize) -> Result<(), Error<B::Error>> {
        let mut round = 0;
        while self.head.len > target {
            if round > 0 {
                self.set_price(self.head.price * self.options.growth)?;
            }
            self.visit(round, target)?;
            round += 1;
        }
        Ok(())
    }

    fn visit(&mut self, round: u32, target: usize) -> Result<(), Error<B::Error>> {
        self.shuffle(round)?;
        let (mut kept, all) = (1, self.head.len);
        for c in 1..all {
            let word = self.ticket(c, round)[1];
            let (gap, near) = self.nearest_kept(c, kept)?;
            let stake = sums::weight(self.mass(c)?) * gap;
            if f64::from(random::unit(word)) * self.head.price < stake {
                self.relocate(c, kept)?;
                kept += 1;
                continue;
            }
            let key = self.parts.micro[near].key().min(self.parts.micro[c].key());
            self.unite(near, c)?;
            (self.parts.micro[near].stream, self.parts.micro[near].id) = key;
            if kept + (all - c - 1) <= target {
                // Room enough: the rest stay as they are.
                for rest in c + 1..all {
                    self.relocate(rest, kept)?;
                    kept += 1;
                }
                break;
            }
        }
        self.head.len = kept;
        self.clear_from(kept)
    }

    /// Draws that belong to a micro-cluster and a round of a rebuild.
    fn ticket(&self, c: usize, round: u32) -> [u32; 4] {
        let (stream, id) = self.parts.micro[c].key();
        let number = ORDER | (id ^ (self.head.rebuilds << 40) ^ (u64::from(round) << 56)) >> 1;
        draws(self.options).block(number, stream)
    }

    /// Puts the micro-clusters into the order of their draws: a selection, swap by swap, for it
    /// needs no memory.
    fn shuffle(&mut self, round: u32) -> Result<(), Error<B::Error>> {
        for c in 0..self.head.len {
            self.parts.micro[c].cost = f64::from(self.ticket(c, round)[0]);
        }
        for c in 0..self.head.len {
            let place = |i: &usize| (self.parts.micro[*i].cost as u32, self.parts.micro[*i].key());
            if let Some(first) = (c..self.head.len).min_by_key(place) {
                self.swap(c, first)?;
            }
        }
        Ok(())
    }

    /// Nearest of the first `kept` anchors.
    fn nearest_kept(&mut self, c: usize, kept: usize) -> Result<(f64, usize), Error<B::Error>> {
        let (b, far) = (self.backend, [B::Elem::infinity()]);
        b.write(self.parts.near_dist, c, &far).map_err(Error::Backend)?;
        b.write(self.parts.near_index, c, &[NONE]).map_err(Error::Backend)?;
        let anchors = rows::<B>(self.parts.anchors, self.dim)?;
        let (x, y) = (anchors.range(c, c + 1)?, anchors.range(0, kept)?);
        let pairs = Pairs::new(x, y, Metric::SqEuclidean)?;
        let (dist, index) = (&mut *self.parts.near_dist, &mut *self.parts.near_index);
        b.nearest(pairs, Nearest { k: 1, dist, index }).map_err(Error::Backend)?;
        let (mut gap, mut near) = ([B::Elem::default()], [0u32]);
        self.read(self.parts.near_dist, c, &mut gap)?;
        self.read(self.parts.near_index, c, &mut near)?;
        Ok((gap[0].as_f64(), if near[0] == NONE { 0 } else { near[0] as usize }))
    }
}
