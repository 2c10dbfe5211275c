//! Rows within a radius: how many, the lowest value among them, and joining them.

use enfold_core::{Element, Pairs};

use crate::direct::{TILE, finite};
use crate::isa::{Isa, Native};
use crate::sweep::{self, Direct, Fold, Job, Panel};

/// What is done with pairs within a radius.
pub(crate) trait Near<E> {
    /// Whether only the number of rows within the radius matters.
    fn counts(&self) -> bool {
        false
    }
    /// The radius around row `i`; NaN or below 0 for none.
    fn radius(&self, i: usize) -> E;
    /// Rows i and j are within the radius.
    fn hit(&mut self, i: usize, j: usize);
    /// So many rows are, where only the number matters.
    fn add(&mut self, i: usize, count: u32) {
        let _ = (i, count);
    }
}

/// A [`Near`] for the direct tier.
struct Exact<'a, E>(&'a mut dyn Near<E>);

impl<E: Element> Fold<E> for Exact<'_, E> {
    fn limit(&self, i: usize) -> E {
        finite(self.0.radius(i))
    }

    fn meet(&mut self, i: usize, j: usize, mut near: u64, _: &[E; TILE]) {
        if self.0.counts() {
            self.0.add(i, near.count_ones());
            return;
        }
        while near != 0 {
            self.0.hit(i, j + near.trailing_zeros() as usize);
            near &= near - 1;
        }
    }
}

/// Counts for the `at`-th of k radii of every row.
struct Count<'a, E> {
    first: usize,
    k: usize,
    at: usize,
    radii: &'a [E],
    counts: &'a mut [u32],
}

impl<E: Element> Near<E> for Count<'_, E> {
    fn counts(&self) -> bool {
        true
    }

    fn radius(&self, i: usize) -> E {
        self.radii[i * self.k + self.at]
    }

    fn hit(&mut self, i: usize, _: usize) {
        self.add(i, 1);
    }

    fn add(&mut self, i: usize, count: u32) {
        let at = (i - self.first) * self.k + self.at;
        self.counts[at] = self.counts[at].saturating_add(count);
    }
}

/// [`count_within`](enfold_core::Backend::count_within).
pub(crate) fn count<E: Native>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    radii: &[E],
    k: usize,
    counts: &mut [u32],
) {
    let counts = &mut counts[pairs.x().start() * k..pairs.x().end() * k];
    let out = (counts, &mut [(); 0][..]);
    sweep::each(isa, pairs, out, (k, 0), true, |job, panel, counts, _| {
        for at in 0..k {
            let mut near = Count { first: job.rows.start, k, at, radii, counts: &mut *counts };
            find(isa, &job, panel, &mut near);
        }
    });
}

/// The lowest value within the radius.
struct Lowest<'a, E> {
    first: usize,
    radius: E,
    values: &'a [u32],
    lowest: &'a mut [u32],
}

impl<E: Element> Near<E> for Lowest<'_, E> {
    fn radius(&self, _: usize) -> E {
        self.radius
    }

    fn hit(&mut self, i: usize, j: usize) {
        let lowest = &mut self.lowest[i - self.first];
        *lowest = (*lowest).min(self.values[j]);
    }
}

/// [`lowest_within`](enfold_core::Backend::lowest_within).
pub(crate) fn lowest<E: Native>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    radius: E,
    values: &[u32],
    lowest: &mut [u32],
) {
    let lowest = &mut lowest[pairs.x().start()..pairs.x().end()];
    let out = (lowest, &mut [(); 0][..]);
    sweep::each(isa, pairs, out, (1, 0), true, |job, panel, lowest, _| {
        let mut near = Lowest { first: job.rows.start, radius, values, lowest };
        find(isa, &job, panel, &mut near);
    });
}

/// Union-find: the smaller root wins.
struct Join<'a, E> {
    radius: E,
    member: &'a [u32],
    parent: &'a mut [u32],
}

impl<E: Element> Near<E> for Join<'_, E> {
    fn radius(&self, i: usize) -> E {
        if self.member[i] == 0 { E::nan() } else { self.radius }
    }

    fn hit(&mut self, i: usize, j: usize) {
        // Most pairs of a dense neighbourhood have one root already, one step away.
        if self.member[j] != 0 && self.parent[i] != self.parent[j] {
            let (i, j) = (root(self.parent, i as u32), root(self.parent, j as u32));
            self.parent[i.max(j) as usize] = i.min(j);
        }
    }
}

/// The root of `i`, halving the path on the way.
#[inline]
fn root(parent: &mut [u32], mut i: u32) -> u32 {
    loop {
        let up = parent[i as usize];
        if up == i {
            return i;
        }
        let next = parent[up as usize];
        parent[i as usize] = next;
        i = next;
    }
}

/// [`join_within`](enfold_core::Backend::join_within). One thread: the forest is shared.
pub(crate) fn join<E: Native>(
    isa: Isa,
    pairs: &Pairs<'_, [E]>,
    radius: E,
    member: &[u32],
    parent: &mut [u32],
) {
    let mut near = Join { radius, member, parent };
    sweep::in_order(isa, pairs, |job, panel| {
        find(isa, &job, panel, &mut near);
    });
}

/// One rectangle, or one panel of it.
fn find<E: Native>(isa: Isa, job: &Job<'_, E>, panel: Option<&Panel<E>>, near: &mut dyn Near<E>) {
    #[cfg(feature = "std")]
    if let Some(panel) = panel {
        let rows = crate::filter::Which::Range(job.rows.clone());
        let counts = near.counts();
        let bounds = crate::filter::bounds(job);
        let mut inside = filtered::Inside { job, bounds, near: &mut *near, counts };
        let sweep = crate::filter::Sweep { job, panel, rows, filter: &mut inside };
        let direct = E::enter(isa, sweep);
        return sweep::left_out(isa, job, &direct, &mut Exact(near));
    }
    let _ = panel;
    E::enter(isa, Direct { job, fold: &mut Exact(near) });
}

#[cfg(feature = "std")]
mod filtered {
    use enfold_core::host::within;

    use super::{Element, Near, finite};
    use crate::bounds::Bounds;
    use crate::direct;
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
        fn open<L: Lanes<E = E>, const V: usize>(
            &mut self,
            l: L,
            tile: &Tile<L, V>,
        ) -> Limits<L, V> {
            let norms = tile.norms(l);
            let none = E::nan();
            let (mut above, mut below) = ([none; TILE], [none; TILE]);
            for r in 0..tile.n {
                if !norms[r].is_nan() {
                    let radius = finite(self.near.radius(tile.rows[r] as usize));
                    above[r] = self.bounds.above(radius, norms[r]);
                    below[r] = self.bounds.below(radius, norms[r]);
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
            let d = direct::euclidean::<L, S>(l, self.bounds.root, x, y);
            if within(d, self.near.radius(i)) {
                self.near.hit(i, j);
            }
        }
    }
}
