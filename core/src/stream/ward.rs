//! Ward's merges, from lists of near neighbours.
//!
//! Merging a and b costs `w_a·w_b/(w_a + w_b) · |μ_a − μ_b|²` (Ward 1963). Partners are sought in
//! lists of the nearest neighbours by distance, which one fold fills; a union inherits both lists.
//! Ward's cost is reducible – a union is never nearer to a third than its nearer part was – so a
//! cost from before a merge is a lower bound, and is worked out anew only when it is the least.
//! Where a list runs out (always, with lists of one) a fold of that one row fills it again.

use num_traits::Float;

use super::{Work, rebuild::MAX_LIST, sums};
use crate::backend::{Backend, NONE};
use crate::error::Error;

/// No partner is known, or it has changed.
const STALE: u32 = NONE;
/// Sums stay within 62 bits while a merge costs at most this many times the price.
const DEAREST: f64 = (1u64 << 40) as f64;

/// Neighbours with the costs of merging with them, cheapest first.
struct Partners {
    entries: [(f64, u32); MAX_LIST],
    len: usize,
}

impl Partners {
    /// Enters a partner where it belongs; the dearest of too many is dropped.
    fn enter(&mut self, cost: f64, slot: u32, most: usize) {
        let at = self.entries[..self.len].partition_point(|&entry| entry < (cost, slot));
        if self.entries[..self.len].iter().any(|entry| entry.1 == slot) || at >= most {
            return;
        }
        self.len = (self.len + 1).min(most);
        self.entries[at..self.len].rotate_right(1);
        self.entries[at] = (cost, slot);
    }
}

impl<B: Backend> Work<'_, B> {
    /// Merges the cheapest pair until `target` micro-clusters are left. The first `light` have
    /// lists; the others wait to be found on one.
    pub(super) fn ward(&mut self, target: usize, light: usize) -> Result<(), Error<B::Error>> {
        let mut left = self.head.len;
        for micro in &mut self.parts.micro[..left] {
            (micro.cost, micro.partner) = (f64::INFINITY, STALE);
        }
        for c in 0..light {
            self.seek(c, None)?;
        }
        while left > target {
            let Some(c) = self.cheapest() else { break };
            match self.parts.micro[c].partner {
                STALE => self.seek(c, None)?,
                partner => {
                    self.merge_pair(c, partner as usize)?;
                    left -= 1;
                }
            }
        }
        self.compact(|work, c| Ok(!work.parts.micro[c].cost.is_nan()))
    }

    /// The micro-cluster with the cheapest partner; the lower key among equals.
    fn cheapest(&self) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for (c, micro) in self.parts.micro[..self.head.len].iter().enumerate() {
            // NaN – merged away – is below nothing.
            let better = best.is_none_or(|(b, cost)| {
                micro.cost < cost || micro.cost == cost && micro.key() < self.parts.micro[b].key()
            });
            if better && !micro.cost.is_nan() {
                best = Some((c, micro.cost));
            }
        }
        best.map(|(c, _)| c)
    }

    /// Where slot c has been merged into.
    fn survivor(&self, mut c: u32) -> u32 {
        while self.parts.micro[c as usize].cost.is_nan() {
            c = self.parts.micro[c as usize].partner;
        }
        c
    }

    fn merge_pair(&mut self, a: usize, b: usize) -> Result<(), Error<B::Error>> {
        let (stays, gone) = (a.min(b), a.max(b));
        let cost = self.parts.micro[a].cost;
        if cost > self.head.price * DEAREST {
            self.set_price(cost / DEAREST)?;
        }
        self.unite(stays, gone)?;
        self.bury(gone)?;
        let key = self.parts.micro[stays].key().min(self.parts.micro[gone].key());
        (self.parts.micro[stays].stream, self.parts.micro[stays].id) = key;
        self.parts.micro[gone].cost = f64::NAN;
        self.parts.micro[gone].partner = stays as u32;
        for micro in &mut self.parts.micro[..self.head.len] {
            let touched = micro.partner == stays as u32 || micro.partner == gone as u32;
            if touched && !micro.cost.is_nan() {
                micro.partner = STALE;
            }
        }
        self.seek(stays, Some(gone))
    }

    /// Finds the cheapest partner of c in its list (and in that of `heir`, which it inherits).
    fn seek(&mut self, c: usize, heir: Option<usize>) -> Result<(), Error<B::Error>> {
        let mut partners = self.partners(c, heir)?;
        if partners.len == 0 {
            self.clear_list(c)?;
            self.list_rows(c, c + 1)?;
            partners = self.partners(c, None)?;
        }
        if heir.is_some() {
            self.write_list(c, &partners)?;
        }
        let micro = &mut self.parts.micro[c];
        (micro.cost, micro.partner) = partners.entries[0];
        if partners.len == 0 {
            // No neighbour at a finite distance: the dearest of merges, with any other.
            let micro = &self.parts.micro[..self.head.len];
            let other = (0..micro.len()).find(|&i| i != c && !micro[i].cost.is_nan());
            let partner = other.map_or(STALE, |i| i as u32);
            self.parts.micro[c].cost = if other.is_some() { f64::MAX } else { f64::INFINITY };
            self.parts.micro[c].partner = partner;
        }
        Ok(())
    }

    /// The survivors on the list of c (and of `heir`), cheapest first.
    fn partners(&self, c: usize, heir: Option<usize>) -> Result<Partners, Error<B::Error>> {
        let k = self.lists();
        let mut found = Partners { entries: [(0.0, 0); MAX_LIST], len: 0 };
        let mut list = [NONE; MAX_LIST];
        let weight = sums::weight(self.mass(c)?);
        for owner in [Some(c), heir].into_iter().flatten() {
            self.read(self.parts.near_index, owner * k, &mut list[..k])?;
            for &entry in list[..k].iter().filter(|&&entry| entry != NONE) {
                let slot = self.survivor(entry);
                let known = found.entries[..found.len].iter().any(|entry| entry.1 == slot);
                if slot as usize != c && !known {
                    let other = sums::weight(self.mass(slot as usize)?);
                    let gap = self.gap(c, slot as usize)?;
                    found.enter(weight * other / (weight + other) * gap, slot, k);
                }
            }
        }
        Ok(found)
    }

    fn clear_list(&mut self, c: usize) -> Result<(), Error<B::Error>> {
        let k = self.lists();
        let infinity = [B::Elem::infinity(); MAX_LIST];
        self.backend.write(self.parts.near_dist, c * k, &infinity[..k]).map_err(Error::Backend)?;
        self.write_list(c, &Partners { entries: [(0.0, NONE); MAX_LIST], len: 0 })
    }

    fn write_list(&mut self, c: usize, partners: &Partners) -> Result<(), Error<B::Error>> {
        let k = self.lists();
        let mut list = [NONE; MAX_LIST];
        for (to, entry) in list.iter_mut().zip(&partners.entries[..partners.len]) {
            *to = entry.1;
        }
        self.backend.write(self.parts.near_index, c * k, &list[..k]).map_err(Error::Backend)
    }
}
