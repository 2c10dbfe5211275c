//! Several machines as one.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};
use core::ops::Range;

use bytemuck::Pod;

use crate::backend::{Alloc, Backend, Epoch, Graph, Indices, Integers, Nearest, Sums, Values};
use crate::forest::Forest;
use crate::jobs::{ROWS, clip};
use crate::rows::{Pairs, Rows, Visit};

/// Several machines as one backend: the rows of x are split over them, y is on each.
///
/// Every machine holds every buffer, so what is too large for one of them is too large for all:
/// this shares out work, not memory. A fold starts on all machines before anything is waited for;
/// then each hands what it found for its rows to the others, through the host. Integer sums are
/// added in the order of the machines, which does not matter to integers. So all answers have the
/// bits of one machine; only float sums by label of a backend whose bits depend on how x is cut –
/// none of enfold's – could differ.
///
/// Cost: that of the largest part, and twice the results across the border of every machine.
///
/// ```
/// use enfold_core::{KMeans, Sharded, rows};
/// use enfold_core::conformance::decorators::Opaque;
/// # use core::borrow::BorrowMut;
/// # use enfold_core::{Alloc, Backend};
///
/// let two = Sharded::new(Opaque::<f32>::new(), [Opaque::new()]);
/// let mut x = two.alloc::<f32>(4)?;
/// two.write(&mut x, 0, &[0.0, 0.1, 5.0, 5.1])?;
/// let fit = KMeans::new(2).fit(&two, rows::<Sharded<Opaque<f32>>>(&x, 1)?)?;
/// assert_eq!(fit.labels[0], fit.labels[1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sharded<B> {
    machines: Vec<B>,
}

/// A buffer on each of several machines, the same content in all.
#[derive(Debug)]
pub struct ShardedBuf<O> {
    copies: Vec<O>,
}

type Done<B> = Result<(), <B as Backend>::Error>;
type Copies<B, T> = ShardedBuf<<B as Alloc>::Owned<T>>;

impl<B: Alloc> Sharded<B> {
    /// A machine and others beside it.
    #[must_use]
    pub fn new(first: B, others: impl IntoIterator<Item = B>) -> Self {
        Self { machines: core::iter::once(first).chain(others).collect() }
    }

    /// The machines with the rows of each, those without rows left out.
    fn parts(&self, rows: Range<usize>) -> impl Iterator<Item = (usize, &B, Range<usize>)> {
        let step = rows.len().div_ceil(self.machines.len()).next_multiple_of(ROWS);
        let part = move |(s, b): (usize, _)| {
            let start = (rows.start + s * step).min(rows.end);
            (s, b, start..(start + step).min(rows.end))
        };
        self.machines.iter().enumerate().map(part).filter(|part| !part.2.is_empty())
    }

    /// Runs a fold on every machine with its rows of x, and its choice among the pairs.
    fn fold(
        &self,
        pairs: &Pairs<'_, Copies<B, B::Elem>>,
        mut run: impl FnMut(usize, &B, Pairs<'_, Values<B>>) -> Done<B>,
    ) -> Done<B> {
        let (x, y) = (pairs.x(), pairs.y());
        for (s, b, part) in self.parts(x.start()..x.end()) {
            let blocks;
            let visit = match pairs.visited() {
                Visit::Blocks(all) => {
                    let own = (part.start as u32, part.end as u32);
                    blocks = clip(all, own, (y.start() as u32, y.end() as u32));
                    Visit::Blocks(&blocks)
                }
                Visit::OffDiagonal => Visit::OffDiagonal,
                Visit::All => Visit::All,
            };
            let own = x.on_another(x.data().on(s)).narrowed(part);
            run(s, b, pairs.on_others(own, y.on_another(y.data().on(s)), visit))?;
        }
        Ok(())
    }

    /// Hands elements `per_row · rows` of each part to the machines that did not compute them.
    fn exchange<T: Pod>(
        &self,
        rows: Range<usize>,
        per_row: usize,
        of: &mut Copies<B, T>,
    ) -> Done<B> {
        if self.machines.len() == 1 {
            return Ok(());
        }
        for (s, b, part) in self.parts(rows) {
            let mut found = vec![T::zeroed(); part.len() * per_row];
            b.read(of.on(s), part.start * per_row, &mut found)?;
            for (to, other) in self.machines.iter().enumerate().filter(|(to, _)| *to != s) {
                other.write(of.on_mut(to), part.start * per_row, &found)?;
            }
        }
        Ok(())
    }

    /// Writes the same to all.
    fn write_all<T: Pod>(&self, dst: &mut Copies<B, T>, at: usize, src: &[T]) -> Done<B> {
        let mut all = self.machines.iter().zip(&mut dst.copies);
        all.try_for_each(|(b, copy)| b.write(copy.borrow_mut(), at, src))
    }

    /// Adds what the machines after the first have in `partial` to the sums of the first, on all.
    fn add(&self, partial: &[B::Owned<i64>], sums: &mut Copies<B, i64>) -> Done<B> {
        let len = <Self as Backend>::len::<i64>(sums);
        let (mut all, mut part) = (vec![0i64; len], vec![0i64; len]);
        self.machines[0].read(sums.on(0), 0, &mut all)?;
        for (b, own) in self.machines[1..].iter().zip(partial) {
            b.read(own.borrow(), 0, &mut part)?;
            all.iter_mut().zip(&part).for_each(|(sum, part)| *sum = sum.wrapping_add(*part));
        }
        self.write_all(sums, 0, &all)
    }

    /// Zeros for the machines after the first.
    fn zeros<T: Pod>(&self, len: usize) -> Result<Vec<B::Owned<T>>, B::Error> {
        self.machines[1..].iter().map(|b| b.alloc(len)).collect()
    }
}

impl<O> ShardedBuf<O> {
    fn on<V: ?Sized>(&self, machine: usize) -> &V
    where
        O: Borrow<V>,
    {
        self.copies[machine].borrow()
    }

    fn on_mut<V: ?Sized>(&mut self, machine: usize) -> &mut V
    where
        O: BorrowMut<V>,
    {
        self.copies[machine].borrow_mut()
    }
}

impl<B: Alloc> Backend for Sharded<B> {
    type Elem = B::Elem;
    type Error = B::Error;
    type Buf<T: Pod> = Copies<B, T>;

    fn len<T: Pod>(buf: &Copies<B, T>) -> usize {
        B::len::<T>(buf.on(0))
    }

    fn write<T: Pod>(&self, dst: &mut Copies<B, T>, at: usize, src: &[T]) -> Done<B> {
        self.write_all(dst, at, src)
    }

    fn read<T: Pod>(&self, src: &Copies<B, T>, at: usize, dst: &mut [T]) -> Done<B> {
        self.machines[0].read(src.on(0), at, dst)
    }

    fn distances(&self, pairs: Pairs<'_, Values<Self>>, out: &mut [B::Elem]) -> Done<B> {
        let (first, wide) = (pairs.x().start(), pairs.y().len());
        self.fold(&pairs, |_, b, own| {
            let rows = own.x();
            b.distances(own, &mut out[(rows.start() - first) * wide..(rows.end() - first) * wide])
        })
    }

    fn nearest(
        &self,
        pairs: Pairs<'_, Values<Self>>,
        best: Nearest<'_, Values<Self>, Indices<Self>>,
    ) -> Done<B> {
        let (Nearest { k, dist, index }, x) = (best, pairs.x());
        self.fold(&pairs, |s, b, own| {
            b.nearest(own, Nearest { k, dist: dist.on_mut(s), index: index.on_mut(s) })
        })?;
        self.exchange(x.start()..x.end(), k, dist)?;
        self.exchange(x.start()..x.end(), k, index)
    }

    fn count_within(
        &self,
        pairs: Pairs<'_, Values<Self>>,
        radii: &Values<Self>,
        k: usize,
        counts: &mut Indices<Self>,
    ) -> Done<B> {
        let x = pairs.x();
        self.fold(&pairs, |s, b, own| b.count_within(own, radii.on(s), k, counts.on_mut(s)))?;
        self.exchange(x.start()..x.end(), k, counts)
    }

    fn lowest_within(
        &self,
        pairs: Pairs<'_, Values<Self>>,
        radius: B::Elem,
        values: &Indices<Self>,
        lowest: &mut Indices<Self>,
    ) -> Done<B> {
        let x = pairs.x();
        self.fold(&pairs, |s, b, own| {
            b.lowest_within(own, radius, values.on(s), lowest.on_mut(s))
        })?;
        self.exchange(x.start()..x.end(), 1, lowest)
    }

    fn join_within(
        &self,
        pairs: Pairs<'_, Values<Self>>,
        radius: B::Elem,
        member: &Indices<Self>,
        parent: &mut Indices<Self>,
    ) -> Done<B> {
        self.fold(&pairs, |s, b, own| b.join_within(own, radius, member.on(s), parent.on_mut(s)))?;
        if self.machines.len() == 1 {
            return Ok(());
        }
        let rows = <Self as Backend>::len::<u32>(parent);
        let (mut forest, mut own) = (Forest::of_rows(rows), vec![0u32; rows]);
        self.machines[0].read(parent.on(0), 0, &mut forest.parent)?;
        for (s, b) in self.machines.iter().enumerate().skip(1) {
            b.read(parent.on(s), 0, &mut own)?;
            (0..).zip(&own).for_each(|(i, &up)| forest.unite(i, up));
        }
        self.write_all(parent, 0, &forest.parent)
    }

    fn sum_by_label(
        &self,
        pairs: Pairs<'_, Values<Self>>,
        labels: &Indices<Self>,
        k: usize,
        sums: &mut Values<Self>,
    ) -> Done<B> {
        // Sums count from the first row of a call, so a part begins at the start of its own.
        let first = pairs.x().start();
        self.fold(&pairs, |s, b, own| {
            let (from, len) = ((own.x().start() - first) * k, own.x().len() * k);
            let mut part: B::Owned<B::Elem> = b.alloc(len)?;
            b.copy(sums.on(s), from, part.borrow_mut(), 0, len)?;
            b.sum_by_label(own, labels.on(s), k, part.borrow_mut())?;
            b.copy(part.borrow(), 0, sums.on_mut(s), from, len)
        })?;
        let rows = pairs.x().len();
        // Parts are those of the rows, counted from 0: they begin at the same places.
        self.exchange(0..rows, k, sums)
    }

    fn accumulate(
        &self,
        x: Rows<'_, Values<Self>>,
        labels: &Indices<Self>,
        weights: Option<&Values<Self>>,
        origins: Rows<'_, Values<Self>>,
        scale: B::Elem,
        into: Sums<'_, Self>,
    ) -> Done<B> {
        let Sums { offsets, mass, mut scatter } = into;
        let of = |buf: &Copies<B, i64>| <Self as Backend>::len::<i64>(buf);
        let mut parts = (self.zeros(of(offsets))?, self.zeros(of(mass))?);
        let mut third = scatter.as_deref().map(|s| self.zeros(of(s))).transpose()?;
        for (s, b, rows) in self.parts(x.start()..x.end()) {
            let own = x.on_another(x.data().on(s)).narrowed(rows);
            let origins = origins.on_another(origins.data().on(s));
            let into = match s {
                0 => Sums {
                    offsets: offsets.on_mut(0),
                    mass: mass.on_mut(0),
                    scatter: scatter.as_deref_mut().map(|s| s.on_mut(0)),
                },
                s => Sums {
                    offsets: parts.0[s - 1].borrow_mut(),
                    mass: parts.1[s - 1].borrow_mut(),
                    scatter: third.as_mut().map(|third| third[s - 1].borrow_mut()),
                },
            };
            b.accumulate(own, labels.on(s), weights.map(|w| w.on(s)), origins, scale, into)?;
        }
        self.add(&parts.0, offsets)?;
        self.add(&parts.1, mass)?;
        scatter.zip(third).map_or(Ok(()), |(scatter, third)| self.add(&third, scatter))
    }

    fn layout(
        &self,
        graph: Graph<'_, Values<Self>, Indices<Self>>,
        epoch: Epoch,
        from: Rows<'_, Values<Self>>,
        to: &mut Values<Self>,
    ) -> Done<B> {
        for (s, b, rows) in self.parts(from.start()..from.end()) {
            let Graph { offsets, targets, weights } = graph;
            let (offsets, targets) = (offsets.on(s), targets.on(s));
            let graph = Graph { offsets, targets, weights: weights.on(s) };
            let own = from.on_another(from.data().on(s)).narrowed(rows);
            b.layout(graph, epoch, own, to.on_mut(s))?;
        }
        self.exchange(from.start()..from.end(), from.dim(), to)
    }

    fn sums(
        &self,
        values: &Values<Self>,
        weights: Option<&Values<Self>>,
        len: usize,
        chunk: usize,
        out: &mut [f64],
    ) -> Done<B> {
        self.machines[0].sums(values.on(0), weights.map(|w| w.on(0)), len, chunk, out)
    }

    fn count_changed(
        &self,
        a: &Indices<Self>,
        b: &Indices<Self>,
        len: usize,
        count: &mut Integers<Self>,
    ) -> Done<B> {
        let mut all = self.machines.iter().enumerate();
        all.try_for_each(|(s, m)| m.count_changed(a.on(s), b.on(s), len, count.on_mut(s)))
    }

    fn copy(
        &self,
        src: &Values<Self>,
        from: usize,
        dst: &mut Values<Self>,
        to: usize,
        len: usize,
    ) -> Done<B> {
        let mut all = self.machines.iter().enumerate();
        all.try_for_each(|(s, b)| b.copy(src.on(s), from, dst.on_mut(s), to, len))
    }

    fn fill<T: Pod>(&self, dst: &mut Copies<B, T>, value: T) -> Done<B> {
        let mut all = self.machines.iter().enumerate();
        all.try_for_each(|(s, b)| b.fill(dst.on_mut(s), value))
    }

    fn read_all<T: Pod>(&self, parts: &mut [(&Copies<B, T>, &mut [T])]) -> Done<B> {
        let mut of: Vec<_> = parts.iter_mut().map(|(src, to)| (src.on(0), &mut **to)).collect();
        self.machines[0].read_all(&mut of)
    }

    fn each<J>(&self, jobs: impl Iterator<Item = J> + Send, work: impl Fn(J) + Sync) {
        self.machines[0].each(jobs, work);
    }

    fn sync(&self) -> Done<B> {
        self.machines.iter().try_for_each(Backend::sync)
    }
}

impl<B: Alloc> Alloc for Sharded<B> {
    type Owned<T: Pod> = Copies<B, T>;

    fn alloc<T: Pod>(&self, len: usize) -> Result<Copies<B, T>, B::Error> {
        let copies: Result<Vec<_>, _> = self.machines.iter().map(|b| b.alloc(len)).collect();
        Ok(ShardedBuf { copies: copies? })
    }
}
