//! The test bed: a scene's numbers on a backend, and each fold as a function of plain vectors.

use core::borrow::{Borrow, BorrowMut};
use core::ops::Range;
use std::vec;
use std::vec::Vec;

use bytemuck::Pod;
use num_traits::Zero;

use crate::backend::{Alloc, Integers, NONE, Nearest, Values};
use crate::element::Element;
use crate::rows::{Pairs, Rows, Visit};

use super::cases::{Case, Scene, Visiting};
use super::oracle::{Sums, Table, Weighed};

/// What the suite says where a backend reports an error on input that has none.
pub(super) const FINE: &str = "this call cannot fail by its input";

/// A buffer as the contract's functions take it.
pub fn view<B: Alloc, T: Pod>(owned: &B::Owned<T>) -> &B::Buf<T> {
    owned.borrow()
}

/// A buffer as the contract's functions write it.
pub fn view_mut<B: Alloc, T: Pod>(owned: &mut B::Owned<T>) -> &mut B::Buf<T> {
    owned.borrow_mut()
}

/// A new buffer that holds `data`.
pub fn put<B: Alloc, T: Pod>(b: &B, data: &[T]) -> B::Owned<T> {
    let mut owned = b.alloc(data.len()).expect(FINE);
    b.write(view_mut::<B, T>(&mut owned), 0, data).expect(FINE);
    owned
}

/// What a buffer holds.
pub fn get<B: Alloc, T: Pod>(b: &B, owned: &B::Owned<T>) -> Vec<T> {
    let mut data = vec![T::zeroed(); B::len::<T>(view::<B, T>(owned))];
    b.read(view::<B, T>(owned), 0, &mut data).expect(FINE);
    data
}

/// The bits of numbers, all that are not finite being one.
pub fn bits<T: Element>(values: &[T]) -> Vec<u64> {
    let one = |v: &T| if v.is_finite() { v.as_f64().to_bits() } else { u64::MAX };
    values.iter().map(one).collect()
}

/// A scene on a backend.
pub struct Bed<'b, B: Alloc> {
    /// The backend.
    pub b: &'b B,
    /// The numbers.
    pub scene: Scene<B::Elem>,
    x: B::Owned<B::Elem>,
    y: Option<B::Owned<B::Elem>>,
}

impl<B: Alloc> core::fmt::Debug for Bed<'_, B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Bed").field("scene", &self.scene).finish_non_exhaustive()
    }
}

impl<'b, B: Alloc> Bed<'b, B> {
    /// The scene of `case` on `b`.
    pub fn new(b: &'b B, case: Case) -> Self {
        Self::of(b, Scene::new(case))
    }

    /// A scene on `b`.
    pub fn of(b: &'b B, scene: Scene<B::Elem>) -> Self {
        let (x, y) = (put(b, &scene.x), (!scene.case.shared).then(|| put(b, &scene.y)));
        Self { b, scene, x, y }
    }

    /// The pairs of the case.
    pub fn pairs(&self) -> Pairs<'_, Values<B>> {
        self.part(self.scene.x_range.clone(), self.scene.y_range.clone(), self.visit())
    }

    /// Which pairs the case visits.
    pub fn visit(&self) -> Visit<'_> {
        match self.scene.case.visiting {
            Visiting::All => Visit::All,
            Visiting::OffDiagonal => Visit::OffDiagonal,
            Visiting::Blocks | Visiting::Gaps => Visit::Blocks(&self.scene.blocks),
        }
    }

    /// Some of the rows of the case.
    pub fn part<'a>(
        &'a self,
        x: Range<usize>,
        y: Range<usize>,
        visit: Visit<'a>,
    ) -> Pairs<'a, Values<B>> {
        let rows = |owned, r: Range<usize>| {
            let all = Rows::on::<B>(view::<B, B::Elem>(owned), self.scene.case.dim).expect(FINE);
            all.range(r.start, r.end).expect(FINE)
        };
        let (x, y) = (rows(&self.x, x), rows(self.y.as_ref().unwrap_or(&self.x), y));
        Pairs::new(x, y, self.scene.case.metric).and_then(|p| p.visit(visit)).expect(FINE)
    }

    /// The distances of pairs, −1 where they are not written.
    pub fn distances(&self, pairs: Pairs<'_, Values<B>>) -> Vec<B::Elem> {
        let mut out = vec![-B::Elem::of_f64(1.0); pairs.x().len() * pairs.y().len()];
        self.b.distances(pairs, &mut out).expect(FINE);
        out
    }

    /// The table of the case's distances, as the backend reports them.
    pub fn table(&self) -> Table {
        let (x, y) = (self.scene.x_range.clone(), self.scene.y_range.clone());
        let found = self.distances(self.part(x.clone(), y.clone(), Visit::All));
        let at = |i: usize, j: usize| (i - x.start) * y.len() + j - y.start;
        Table::new(&self.scene, |i, j| found[at(i, j)].as_f64())
    }

    /// The visited pairs cut into calls, in several ways that keep x's range.
    pub fn splits(&self) -> Vec<Vec<Pairs<'_, Values<B>>>> {
        let (x, y) = (self.scene.x_range.clone(), self.scene.y_range.clone());
        let cut = |n: usize, of: usize| y.start + y.len() * n / of;
        let by_y = |from, to| self.part(x.clone(), from..to, self.visit());
        let block = |at: usize| Visit::Blocks(&self.scene.blocks[at..=at]);
        let by_block = |at| self.part(x.clone(), y.clone(), block(at));
        let (two, thirds) = (cut(1, 2), (cut(1, 3), cut(2, 3)));
        let in_y = || {
            let three = [(thirds.1, y.end), (y.start, thirds.0), thirds];
            let three = three.map(|(from, to)| by_y(from, to)).to_vec();
            vec![vec![by_y(y.start, two), by_y(two, y.end)], three]
        };
        let blocks: Vec<_> = (0..self.scene.blocks.len()).map(by_block).collect();
        let backwards = blocks.iter().rev().copied().collect();
        match self.scene.case.visiting {
            Visiting::OffDiagonal => in_y(),
            Visiting::All => [in_y(), vec![blocks, backwards]].concat(),
            Visiting::Blocks | Visiting::Gaps => vec![blocks, backwards],
        }
    }

    /// The visited pairs with each rectangle as ranges of its own.
    pub fn narrowed(&self) -> Vec<Pairs<'_, Values<B>>> {
        let range = |(from, to): (u32, u32)| from as usize..to as usize;
        let off = self.scene.case.visiting == Visiting::OffDiagonal;
        let visit = if off { Visit::OffDiagonal } else { Visit::All };
        let blocks = self.scene.blocks.iter().rev();
        blocks.map(|b| self.part(range(b.x), range(b.y), visit)).collect()
    }

    /// Every way to cut the visited pairs into calls.
    pub fn cuts(&self) -> Vec<Vec<Pairs<'_, Values<B>>>> {
        let mut cuts = self.splits();
        cuts.push(self.narrowed());
        cuts
    }

    /// Rows in x's buffer.
    pub fn x_rows(&self) -> usize {
        self.scene.x.len() / self.scene.case.dim
    }

    /// Rows in y's buffer.
    pub fn y_rows(&self) -> usize {
        self.scene.y.len() / self.scene.case.dim
    }

    /// A few distances that occur, for radii: ties with them are what is asked.
    pub fn radius(&self, table: &Table, turn: usize) -> B::Elem {
        let finite: Vec<f64> =
            table.cells.iter().flatten().copied().filter(|d| d.is_finite()).collect();
        let at = finite.len() * (turn % 4 + 1) / 9;
        finite.get(at).map_or(B::Elem::zero(), |d| B::Elem::of_f64(*d))
    }
}

/// The entries of a nearest fold, one vector per buffer.
#[derive(Debug, Clone)]
pub struct Entries<T> {
    /// Entries per row.
    pub k: usize,
    /// Distances.
    pub dist: Vec<T>,
    /// Rows.
    pub index: Vec<u32>,
}

impl<T: Element> Entries<T> {
    /// Empty entries for the rows in `range`, and for the others marks that must stay.
    #[must_use]
    pub fn empty(rows: usize, k: usize, range: &Range<usize>) -> Self {
        let inside = |at: usize| range.contains(&(at / k));
        let dist = |at| if inside(at) { T::infinity() } else { -T::of_f64(3.0) };
        let index = |at| if inside(at) { NONE } else { 77 };
        Self {
            k,
            dist: (0..rows * k).map(dist).collect(),
            index: (0..rows * k).map(index).collect(),
        }
    }

    /// Distances and rows in pairs, as the oracle has them.
    #[must_use]
    pub fn pairs(&self) -> Vec<(f64, u32)> {
        self.dist.iter().zip(&self.index).map(|(d, &i)| (d.as_f64(), i)).collect()
    }

    /// Comparable bits.
    #[must_use]
    pub fn bits(&self) -> (Vec<u64>, Vec<u32>) {
        (bits(&self.dist), self.index.clone())
    }

    /// Folds `pairs` into these entries on `b`, one call for each.
    #[must_use]
    pub fn fold<'a, B: Alloc<Elem = T>>(
        &self,
        b: &B,
        pairs: impl IntoIterator<Item = Pairs<'a, Values<B>>>,
    ) -> Self
    where
        Values<B>: 'a,
    {
        let (mut dist, mut index) = (put(b, &self.dist), put(b, &self.index));
        for pairs in pairs {
            let (dist, index) = (view_mut::<B, T>(&mut dist), view_mut::<B, u32>(&mut index));
            b.nearest(pairs, Nearest { k: self.k, dist, index }).expect(FINE);
        }
        Self { k: self.k, dist: get(b, &dist), index: get(b, &index) }
    }
}

/// [`Backend::count_within`](crate::Backend::count_within) on vectors, one call for each of `pairs`.
pub fn count_within<'a, B: Alloc>(
    b: &B,
    pairs: impl IntoIterator<Item = Pairs<'a, Values<B>>>,
    radii: &[B::Elem],
    k: usize,
    counts: &[u32],
) -> Vec<u32>
where
    Values<B>: 'a,
{
    let (radii, mut counts) = (put(b, radii), put(b, counts));
    for pairs in pairs {
        let (radii, counts) = (view::<B, B::Elem>(&radii), view_mut::<B, u32>(&mut counts));
        b.count_within(pairs, radii, k, counts).expect(FINE);
    }
    get(b, &counts)
}

/// [`Backend::lowest_within`](crate::Backend::lowest_within) on vectors, one call for each of `pairs`.
pub fn lowest_within<'a, B: Alloc>(
    b: &B,
    pairs: impl IntoIterator<Item = Pairs<'a, Values<B>>>,
    radius: B::Elem,
    values: &[u32],
    lowest: &[u32],
) -> Vec<u32>
where
    Values<B>: 'a,
{
    let (values, mut lowest) = (put(b, values), put(b, lowest));
    for pairs in pairs {
        let (values, lowest) = (view::<B, u32>(&values), view_mut::<B, u32>(&mut lowest));
        b.lowest_within(pairs, radius, values, lowest).expect(FINE);
    }
    get(b, &lowest)
}

/// [`Backend::join_within`](crate::Backend::join_within) on vectors, one call for each of `pairs`.
pub fn join_within<'a, B: Alloc>(
    b: &B,
    pairs: impl IntoIterator<Item = Pairs<'a, Values<B>>>,
    radius: B::Elem,
    member: &[u32],
    parent: &[u32],
) -> Vec<u32>
where
    Values<B>: 'a,
{
    let (member, mut parent) = (put(b, member), put(b, parent));
    for pairs in pairs {
        let (member, parent) = (view::<B, u32>(&member), view_mut::<B, u32>(&mut parent));
        b.join_within(pairs, radius, member, parent).expect(FINE);
    }
    get(b, &parent)
}

/// [`Backend::sum_by_label`](crate::Backend::sum_by_label) on vectors, one call for each of `pairs`.
pub fn sum_by_label<'a, B: Alloc>(
    b: &B,
    pairs: impl IntoIterator<Item = Pairs<'a, Values<B>>>,
    labels: &[u32],
    k: usize,
    sums: &[B::Elem],
) -> Vec<B::Elem>
where
    Values<B>: 'a,
{
    let (labels, mut sums) = (put(b, labels), put(b, sums));
    for pairs in pairs {
        let (labels, sums) = (view::<B, u32>(&labels), view_mut::<B, B::Elem>(&mut sums));
        b.sum_by_label(pairs, labels, k, sums).expect(FINE);
    }
    get(b, &sums)
}

/// [`Backend::accumulate`](crate::Backend::accumulate) on vectors, over `ranges` one after another.
pub fn accumulate<B: Alloc>(
    b: &B,
    given: &Weighed<B::Elem>,
    ranges: &[Range<usize>],
    scatter: bool,
    sums: &Sums,
) -> Sums {
    let (x, labels, origins) = (put(b, &given.x), put(b, &given.labels), put(b, &given.origins));
    let weights = given.weights.as_ref().map(|w| put(b, w));
    let (mut offsets, mut mass) = (put(b, &sums.offsets), put(b, &sums.mass));
    let mut squares = put(b, &sums.scatter);
    let origins = Rows::on::<B>(view::<B, B::Elem>(&origins), given.dim).expect(FINE);
    let rows = Rows::on::<B>(view::<B, B::Elem>(&x), given.dim).expect(FINE);
    for range in ranges {
        let into = crate::backend::Sums::<B> {
            offsets: view_mut::<B, i64>(&mut offsets),
            mass: view_mut::<B, i64>(&mut mass),
            scatter: scatter.then(|| -> &mut Integers<B> { view_mut::<B, i64>(&mut squares) }),
        };
        let (labels, weights) = (view::<B, u32>(&labels), weights.as_ref().map(view::<B, B::Elem>));
        let x = rows.range(range.start, range.end).expect(FINE);
        b.accumulate(x, labels, weights, origins, given.scale, into).expect(FINE);
    }
    Sums { offsets: get(b, &offsets), mass: get(b, &mass), scatter: get(b, &squares) }
}

/// [`Backend::sums`](crate::Backend::sums) on vectors.
pub fn sums<B: Alloc>(
    b: &B,
    values: &[B::Elem],
    weights: Option<&[B::Elem]>,
    len: usize,
    chunk: usize,
) -> Vec<f64> {
    let mut out = vec![-1.0; len.div_ceil(chunk)];
    let (values, weights) = (put(b, values), weights.map(|w| put(b, w)));
    let weights = weights.as_ref().map(view::<B, B::Elem>);
    b.sums(view::<B, B::Elem>(&values), weights, len, chunk, &mut out).expect(FINE);
    out
}
