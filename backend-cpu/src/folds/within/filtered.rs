//! Rows within a radius by bounds, and by distances where bounds do not decide.

use enfold_core::Element;

use super::Near;
use crate::bounds::Bounds;
use crate::direct::{self, finite};
use crate::filter::{Filter, Group, TILE, Tile};
use crate::lanes::Lanes;
use crate::sweep::Job;

/// Decides by bounds where they decide.
pub(super) struct Inside<'a, 'j, 'n, E> {
    pub(super) job: &'j Job<'a, E>,
    pub(super) bounds: Bounds<E>,
    pub(super) near: &'n mut dyn Near<E>,
    pub(super) counts: bool,
}

/// Limits of the rows of a tile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits<L: Lanes, const V: usize> {
    /// Bounds above this are outside.
    above: [L::V; V],
    /// Bounds up to this, less twice e·|y − c|², are inside.
    below: [L::V; V],
    count: [L::V; V],
}

impl<E: Element> Filter<E> for Inside<'_, '_, '_, E> {
    type State<L: Lanes<E = E>, const V: usize> = Limits<L, V>;

    #[inline(always)]
    fn open<L: Lanes<E = E>, const V: usize>(&mut self, l: L, tile: &Tile<L, V>) -> Limits<L, V> {
        let norms = tile.norms(l);
        let none = E::nan();
        let (mut above, mut below) = ([none; TILE], [none; TILE]);
        for r in 0..tile.n {
            if !norms[r].is_nan() {
                let (least, most) = self.near.radii(tile.rows[r] as usize);
                above[r] = self.bounds.above(finite(most), norms[r]);
                below[r] = self.bounds.below(finite(least), norms[r]);
            }
        }
        let none = [l.splat(E::zero()); V];
        let mut limits = Limits { above: none, below: none, count: none };
        for v in 0..V {
            limits.above[v] = l.load(&above[v * L::WIDTH..]);
            limits.below[v] = l.load(&below[v * L::WIDTH..]);
        }
        limits
    }

    #[inline(always)]
    fn meet<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(
        &mut self,
        l: L,
        state: &mut Limits<L, V>,
        tile: &Tile<L, V>,
        group: Group<E>,
        bound: &[[L::V; V]; G],
    ) {
        let (zero, one) = (l.splat(E::zero()), l.splat(E::one()));
        let wide = l.splat(self.bounds.wide(group.most));
        for v in 0..V {
            let mut low = bound[0][v];
            for q in 1..G {
                low = l.min(low, bound[q][v]);
            }
            if l.le(low, state.above[v]) == 0 {
                continue;
            }
            let below = l.sub(state.below[v], wide);
            for q in 0..G {
                let sure = l.le(bound[q][v], below);
                let mut maybe = l.le(bound[q][v], state.above[v]) & !sure;
                if self.counts {
                    let more = l.if_less(below, bound[q][v], zero, one);
                    state.count[v] = l.add(state.count[v], more);
                } else {
                    let mut sure = sure;
                    while sure != 0 {
                        let at = v * L::WIDTH + sure.trailing_zeros() as usize;
                        sure &= sure - 1;
                        self.near.hit(tile.rows[at] as usize, group.first + q);
                    }
                }
                while maybe != 0 {
                    let at = v * L::WIDTH + maybe.trailing_zeros() as usize;
                    maybe &= maybe - 1;
                    let (i, j) = (tile.rows[at] as usize, group.first + q);
                    if q < group.n && !(self.job.off_diagonal && i == j) {
                        self.check::<L, S>(l, i, j);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn close<L: Lanes<E = E>, const S: usize, const V: usize>(
        &mut self,
        l: L,
        state: &Limits<L, V>,
        tile: &Tile<L, V>,
    ) {
        if self.counts {
            let (mut count, mut above) = ([E::zero(); TILE], [E::nan(); TILE]);
            for v in 0..V {
                l.store(state.count[v], &mut count[v * L::WIDTH..]);
                l.store(state.above[v], &mut above[v * L::WIDTH..]);
            }
            for r in 0..tile.n {
                if !above[r].is_nan() {
                    self.near.add(tile.rows[r] as usize, count[r].as_f64() as u32);
                }
            }
        }
    }
}

impl<E: Element> Inside<'_, '_, '_, E> {
    /// Decides a pair by its distance.
    #[inline(always)]
    fn check<L: Lanes<E = E>, const S: usize>(&mut self, l: L, i: usize, j: usize) {
        let (x, y) = (self.job.x.row(i), self.job.y.row(j));
        let [d] = direct::euclidean::<L, S, 1>(l, self.bounds.root, [x], [y]);
        self.near.meet(i, j, d);
    }
}
