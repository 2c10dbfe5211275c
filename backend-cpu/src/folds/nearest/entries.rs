//! A short list in registers: N vectors of distances and as many of row numbers.

use enfold_core::NONE;
use num_traits::Float;

use super::Best;
use crate::lanes::{Lanes, MOST};

/// The entries of one row, ascending; ∞ after the last.
pub(super) struct Entries<L: Lanes, const N: usize> {
    dist: [L::V; N],
    number: [L::V; N],
}

impl<L: Lanes, const N: usize> Entries<L, N> {
    /// The list of row `i`, of at most N vectors.
    #[inline(always)]
    pub(super) fn load(l: L, best: &Best<'_, L::E>, i: usize) -> Self {
        let (start, k) = ((i - best.first) * best.k, best.k);
        let (mut dist, mut number) = ([L::E::infinity(); MOST], [NONE; MOST]);
        // A length that the compiler knows is two moves and no call.
        if k == MOST {
            dist.copy_from_slice(&best.dist[start..start + MOST]);
            number.copy_from_slice(&best.index[start..start + MOST]);
        } else {
            dist[..k].copy_from_slice(&best.dist[start..start + k]);
            number[..k].copy_from_slice(&best.index[start..start + k]);
        }
        Self::of(l, &dist, &number)
    }

    #[inline(always)]
    fn of(l: L, dist: &[L::E; MOST], number: &[u32; MOST]) -> Self {
        let far = l.splat(L::E::infinity());
        let mut list = Self { dist: [far; N], number: [far; N] };
        for v in 0..N {
            let mut part = [NONE; MOST];
            part[..L::WIDTH].copy_from_slice(&number[v * L::WIDTH..(v + 1) * L::WIDTH]);
            list.dist[v] = l.load(&dist[v * L::WIDTH..]);
            list.number[v] = l.load_index(&part);
        }
        list
    }

    /// Enters `new`, whose distance is finite, among the first `k`, unless it is there or not near
    /// enough.
    #[inline(always)]
    pub(super) fn offer(&mut self, l: L, k: usize, new: (L::E, u32)) {
        let (d, j) = (l.splat(new.0), l.splat_index(new.1));
        let (mut not_below, mut not_above) = (0, 0);
        for v in 0..N {
            not_below |= l.le(d, self.dist[v]) << (v * L::WIDTH);
            not_above |= l.le(self.dist[v], d) << (v * L::WIDTH);
        }
        // No list is all below it and full of ∞.
        let at = not_below.trailing_zeros() as usize;
        if at >= k {
            return;
        }
        if not_above & not_below != 0 {
            self.offer_tied(l, k, new);
            return;
        }
        let first = at / L::WIDTH;
        for v in (0..N).rev() {
            if v > first {
                self.dist[v] = l.insert(self.dist[v], 0, l.rotate(self.dist[v - 1]));
                self.number[v] = l.insert(self.number[v], 0, l.rotate(self.number[v - 1]));
            } else if v == first {
                self.dist[v] = l.insert(self.dist[v], at % L::WIDTH, d);
                self.number[v] = l.insert(self.number[v], at % L::WIDTH, j);
            }
        }
    }

    /// A tie, or an entry that is there.
    #[cold]
    #[inline(always)]
    fn offer_tied(&mut self, l: L, k: usize, new: (L::E, u32)) {
        let (mut dist, mut number) = self.lanes(l);
        let (of_dist, of_number) = (&mut dist[..k], &mut number[..k]);
        Best { first: 0, k, dist: of_dist, index: of_number }.offer(0, new);
        *self = Self::of(l, &dist, &number);
    }

    #[inline(always)]
    fn lanes(&self, l: L) -> ([L::E; MOST], [u32; MOST]) {
        let (mut dist, mut number) = ([L::E::infinity(); MOST], [NONE; MOST]);
        for v in 0..N {
            let mut part = [NONE; MOST];
            l.store_index(self.number[v], &mut part);
            number[v * L::WIDTH..(v + 1) * L::WIDTH].copy_from_slice(&part[..L::WIDTH]);
            l.store(self.dist[v], &mut dist[v * L::WIDTH..]);
        }
        (dist, number)
    }

    /// Writes the list of row `i` back.
    #[inline(always)]
    pub(super) fn store(&self, l: L, best: &mut Best<'_, L::E>, i: usize) {
        let (start, k) = ((i - best.first) * best.k, best.k);
        let (dist, number) = self.lanes(l);
        if k == MOST {
            best.dist[start..start + MOST].copy_from_slice(&dist);
            best.index[start..start + MOST].copy_from_slice(&number);
        } else {
            best.dist[start..start + k].copy_from_slice(&dist[..k]);
            best.index[start..start + k].copy_from_slice(&number[..k]);
        }
    }
}
