//! Making room: anchors move to their means, the price rises, micro-clusters merge.

use num_traits::Float;

use super::{Rebuild, TILE, Work};
use crate::backend::{Backend, NONE, Nearest};
use crate::element::Element;
use crate::error::Error;
use crate::rows::{Metric, Pairs, Visit, rows};

/// Neighbours listed per micro-cluster, at most.
pub(super) const MAX_LIST: usize = 16;

impl<B: Backend> Work<'_, B> {
    /// Neighbours listed per micro-cluster.
    pub(super) fn lists(&self) -> usize {
        self.sizes.lists.clamp(1, MAX_LIST)
    }

    /// Leaves low water × capacity micro-clusters.
    pub(super) fn rebuild(&mut self) -> Result<(), Error<B::Error>> {
        let ward = self.options.rebuild == Rebuild::Ward;
        let mut light = self.head.len;
        if self.head.price > 0.0 {
            self.settle_all()?;
            let price = self.head.price * self.options.growth;
            self.set_price(price)?;
            if ward {
                light = self.light_first()?;
                self.list_neighbors(light)?;
            }
        } else {
            self.list_neighbors(light)?;
            self.head.unit = self.usual_weight();
            let price = self.median_gap()? * self.head.unit;
            self.set_price(price)?;
        }
        let capacity = self.sizes.capacity;
        let target = ((capacity as f64 * self.options.low_water) as usize).clamp(1, capacity - 1);
        if ward {
            self.ward(target, light)?
        } else {
            self.facility(target)?
        }
        self.head.rebuilds += 1;
        self.head.rebuilt = self.head.row;
        Ok(())
    }

    /// Moves every anchor to its mean.
    pub(super) fn settle_all(&mut self) -> Result<(), Error<B::Error>> {
        (0..self.head.len).try_for_each(|c| self.settle(c))
    }

    /// Brings the lighter half to the front; returns its number, those of the median included.
    ///
    /// The cheapest merges nearly always have a light side, so lists for that half find them, and
    /// the fold costs half.
    fn light_first(&mut self) -> Result<usize, Error<B::Error>> {
        let mut end = self.head.len;
        for c in 0..end {
            self.parts.micro[c].cost = self.mass(c)? as f64;
        }
        let (median, mut light) = (self.median_cost(), 0);
        while light < end {
            if self.parts.micro[light].cost <= median {
                light += 1;
            } else {
                end -= 1;
                self.swap(light, end)?;
            }
        }
        Ok(light)
    }

    /// The nearest other anchors of the first `light` anchors, into their lists.
    fn list_neighbors(&mut self, light: usize) -> Result<(), Error<B::Error>> {
        let infinity = B::Elem::infinity();
        self.backend.fill(self.parts.near_dist, infinity).map_err(Error::Backend)?;
        self.backend.fill(self.parts.near_index, NONE).map_err(Error::Backend)?;
        self.list_rows(0, light)
    }

    /// Folds all anchors into the lists of micro-clusters `from..to`.
    pub(super) fn list_rows(&mut self, from: usize, to: usize) -> Result<(), Error<B::Error>> {
        let k = self.lists();
        let anchors = rows::<B>(self.parts.anchors, self.dim)?;
        let (x, y) = (anchors.range(from, to)?, anchors.range(0, self.head.len)?);
        let pairs = Pairs::new(x, y, Metric::SqEuclidean)?.visit(Visit::OffDiagonal)?;
        let (dist, index) = (&mut *self.parts.near_dist, &mut *self.parts.near_index);
        self.backend.nearest(pairs, Nearest { k, dist, index }).map_err(Error::Backend)
    }

    /// Squared distance of two anchors.
    pub(super) fn gap(&self, a: usize, b: usize) -> Result<f64, Error<B::Error>> {
        let anchors = rows::<B>(self.parts.anchors, self.dim)?;
        let (x, y) = (anchors.range(a, a + 1)?, anchors.range(b, b + 1)?);
        let mut gap = [B::Elem::default()];
        self.backend
            .distances(Pairs::new(x, y, Metric::SqEuclidean)?, &mut gap)
            .map_err(Error::Backend)?;
        Ok(gap[0].as_f64())
    }

    /// The median of the squared distances to the nearest other anchor.
    fn median_gap(&mut self) -> Result<f64, Error<B::Error>> {
        let (k, len) = (self.lists(), self.head.len);
        let mut gaps = [B::Elem::default(); MAX_LIST];
        for c in 0..len {
            self.read(self.parts.near_dist, c * k, &mut gaps[..k])?;
            self.parts.micro[c].cost = gaps[0].as_f64();
        }
        Ok(self.median_cost())
    }

    /// The median of the costs noted for the micro-clusters, none of them negative.
    fn median_cost(&self) -> f64 {
        let micro = &self.parts.micro[..self.head.len];
        // Bits of non-negative floats are ordered like the floats: search the value by its bits,
        // which needs neither memory nor a reordering.
        let (mut low, mut high) = (0u64, f64::INFINITY.to_bits());
        while low < high {
            let middle = low + (high - low) / 2;
            let costs = micro.iter().map(|micro| micro.cost.to_bits());
            if costs.filter(|&cost| cost <= middle).count() * 2 >= micro.len() {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        f64::from_bits(low)
    }

    /// Takes an anchor out of every later fold: a row that is not finite is nobody's neighbour.
    pub(super) fn bury(&mut self, c: usize) -> Result<(), Error<B::Error>> {
        let nan = [B::Elem::nan(); TILE];
        for t in (0..self.dim).step_by(TILE) {
            let n = TILE.min(self.dim - t);
            self.backend
                .write(self.parts.anchors, c * self.dim + t, &nan[..n])
                .map_err(Error::Backend)?;
        }
        Ok(())
    }
}
