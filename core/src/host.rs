//! The provided bodies: every fold, written over the four required functions.
//!
//! Slow on a device (a launch per row) and right everywhere: the bring-up path of a backend, the
//! cross-check of its overrides, and the fallback for what it has not specialised. Stack only.

pub mod layout;
#[cfg(feature = "alloc")]
pub(crate) mod parts;

use bytemuck::Pod;
use num_traits::{Float, One, Zero};

use crate::backend::{
    Backend, Indices, Integers, NONE, Nearest, SCATTER_SHIFT, Sums, Values, WEIGHT_BITS,
};
use crate::distance::{LANES, fold_lanes};
use crate::element::Element;
use crate::rows::{Block, Pairs, Rows, Visit};

/// Distances looked at together.
const TILE: usize = 64;

/// Walks the visited pairs: calls `fold(i, j0, d(i, j0..))` with up to [`TILE`] distances.
/// The diagonal is infinite where the visit leaves it out.
fn sweep<B: Backend>(
    b: &B,
    pairs: Pairs<'_, Values<B>>,
    mut fold: impl FnMut(usize, usize, &[B::Elem]) -> Result<(), B::Error>,
) -> Result<(), B::Error> {
    for block in pairs.rectangles() {
        for i in block.x.0..block.x.1 {
            let row = Block { x: (i, i + 1), ..block };
            sweep_row(b, &pairs, row, |j0, tile| fold(i as usize, j0, tile))?;
        }
    }
    Ok(())
}

/// Walks the visited pairs of one row of x.
fn sweep_row<B: Backend>(
    b: &B,
    pairs: &Pairs<'_, Values<B>>,
    row: Block,
    mut fold: impl FnMut(usize, &[B::Elem]) -> Result<(), B::Error>,
) -> Result<(), B::Error> {
    let mut tile = [B::Elem::zero(); TILE];
    let off_diagonal = matches!(pairs.visited(), Visit::OffDiagonal);
    let (i, last) = (row.x.0 as usize, row.y.1 as usize);
    for j in (row.y.0 as usize..last).step_by(TILE) {
        let end = (j + TILE).min(last);
        let tile = &mut tile[..end - j];
        b.distances(one_row(pairs, i, j, end), tile)?;
        if off_diagonal && (j..end).contains(&i) {
            tile[i - j] = B::Elem::infinity();
        }
        fold(j, tile)?;
    }
    Ok(())
}

/// Row `i` of x against rows `j..end` of y, all pairs.
fn one_row<'a, V: ?Sized>(pairs: &Pairs<'a, V>, i: usize, j: usize, end: usize) -> Pairs<'a, V> {
    pairs.narrow(Block { x: (i as u32, i as u32 + 1), y: (j as u32, end as u32) })
}

fn read_one<B: Backend, T: Pod>(b: &B, src: &B::Buf<T>, at: usize) -> Result<T, B::Error> {
    let mut one = [T::zeroed()];
    b.read(src, at, &mut one)?;
    Ok(one[0])
}

/// Body of [`Backend::nearest`].
///
/// # Errors
/// The machine's, as in every body here.
pub fn nearest<B: Backend>(
    b: &B,
    pairs: Pairs<'_, Values<B>>,
    best: Nearest<'_, Values<B>, Indices<B>>,
) -> Result<(), B::Error> {
    let Nearest { k, dist, index } = best;
    sweep(b, pairs, |i, j0, tile| {
        let last = i * k + k - 1;
        let mut worst = (read_one(b, dist, last)?, read_one(b, index, last)?);
        for (j, &d) in (j0..).zip(tile) {
            if precedes((d, j as u32), worst) {
                insert(b, dist, index, i * k..i * k + k, (d, j as u32))?;
                worst = (read_one(b, dist, last)?, read_one(b, index, last)?);
            }
        }
        Ok(())
    })
}

/// Whether a comes before b in the order of a [`Nearest`]: finite, and lower by (distance, row).
#[inline]
pub fn precedes<T: Element>(a: (T, u32), b: (T, u32)) -> bool {
    a.0 < T::infinity() && (a.0 < b.0 || (a.0 == b.0 && a.1 < b.1))
}

/// Enters `new` among the ascending entries `range`, dropping the last, unless it is there.
fn insert<B: Backend>(
    b: &B,
    dist: &mut Values<B>,
    index: &mut Indices<B>,
    range: core::ops::Range<usize>,
    new: (B::Elem, u32),
) -> Result<(), B::Error> {
    let mut at = range.end - 1;
    while at > range.start {
        let before = (read_one(b, dist, at - 1)?, read_one(b, index, at - 1)?);
        if before == new {
            return Ok(());
        }
        if !precedes(new, before) {
            break;
        }
        at -= 1;
    }
    for to in (at + 1..range.end).rev() {
        let (d, j) = (read_one(b, dist, to - 1)?, read_one(b, index, to - 1)?);
        b.write::<B::Elem>(dist, to, &[d])?;
        b.write::<u32>(index, to, &[j])?;
    }
    b.write(dist, at, &[new.0])?;
    b.write(index, at, &[new.1])
}

/// Whether a distance counts as within a radius: NaN and ∞ never do.
#[inline]
pub fn within<T: Element>(distance: T, radius: T) -> bool {
    distance <= radius && distance < T::infinity()
}

/// Body of [`Backend::count_within`].
///
/// # Errors
/// The machine's.
pub fn count_within<B: Backend>(
    b: &B,
    pairs: Pairs<'_, Values<B>>,
    radii: &Values<B>,
    k: usize,
    counts: &mut Indices<B>,
) -> Result<(), B::Error> {
    sweep(b, pairs, |i, _, tile| {
        for at in i * k..i * k + k {
            let radius = read_one(b, radii, at)?;
            let found = tile.iter().filter(|&&d| within(d, radius)).count() as u32;
            let count: u32 = read_one(b, counts, at)?;
            b.write(counts, at, &[count.saturating_add(found)])?;
        }
        Ok(())
    })
}

/// Body of [`Backend::lowest_within`].
///
/// # Errors
/// The machine's.
pub fn lowest_within<B: Backend>(
    b: &B,
    pairs: Pairs<'_, Values<B>>,
    radius: B::Elem,
    values: &Indices<B>,
    lowest: &mut Indices<B>,
) -> Result<(), B::Error> {
    let mut value = [NONE; TILE];
    sweep(b, pairs, |i, j0, tile| {
        b.read(values, j0, &mut value[..tile.len()])?;
        let old: u32 = read_one(b, lowest, i)?;
        let near = tile.iter().zip(&value).filter(|(d, _)| within(**d, radius));
        let new = near.fold(old, |low, (_, &v)| low.min(v));
        if new < old { b.write(lowest, i, &[new]) } else { Ok(()) }
    })
}

/// Body of [`Backend::join_within`].
///
/// # Errors
/// The machine's.
pub fn join_within<B: Backend>(
    b: &B,
    pairs: Pairs<'_, Values<B>>,
    radius: B::Elem,
    member: &Indices<B>,
    parent: &mut Indices<B>,
) -> Result<(), B::Error> {
    let mut is_member = [0u32; TILE];
    sweep(b, pairs, |i, j0, tile| {
        if read_one::<B, u32>(b, member, i)? == 0 {
            return Ok(());
        }
        b.read(member, j0, &mut is_member[..tile.len()])?;
        for (t, &d) in tile.iter().enumerate() {
            if is_member[t] != 0 && within(d, radius) {
                unite(b, parent, i as u32, (j0 + t) as u32)?;
            }
        }
        Ok(())
    })
}

fn unite<B: Backend>(b: &B, parent: &mut Indices<B>, i: u32, j: u32) -> Result<(), B::Error> {
    let (i, j) = (root(b, parent, i)?, root(b, parent, j)?);
    if i == j { Ok(()) } else { b.write(parent, i.max(j) as usize, &[i.min(j)]) }
}

/// The root of `i`, halving the path on the way.
fn root<B: Backend>(b: &B, parent: &mut Indices<B>, mut i: u32) -> Result<u32, B::Error> {
    loop {
        let up: u32 = read_one(b, parent, i as usize)?;
        if up == i {
            return Ok(i);
        }
        let next: u32 = read_one(b, parent, up as usize)?;
        b.write(parent, i as usize, &[next])?;
        i = next;
    }
}

/// Body of [`Backend::sum_by_label`]. A row adds up in `f64`: an `f32` sum would stop at 2²⁴.
///
/// `TILE` labels at a time, so more labels than that walk the distances again.
///
/// # Errors
/// The machine's.
pub fn sum_by_label<B: Backend>(
    b: &B,
    pairs: Pairs<'_, Values<B>>,
    labels: &Indices<B>,
    k: usize,
    sums: &mut Values<B>,
) -> Result<(), B::Error> {
    let first = pairs.x().start();
    for block in pairs.rectangles() {
        for i in block.x.0..block.x.1 {
            let row = Block { x: (i, i + 1), ..block };
            for c in (0..k).step_by(TILE) {
                let parts = sums_of_row(b, &pairs, row, labels, c)?;
                let at = (i as usize - first) * k + c;
                add_floats(b, sums, at, &parts[..TILE.min(k - c)])?;
            }
        }
    }
    Ok(())
}

/// The sums of one row for the labels `first..first + TILE`.
fn sums_of_row<B: Backend>(
    b: &B,
    pairs: &Pairs<'_, Values<B>>,
    row: Block,
    labels: &Indices<B>,
    first: usize,
) -> Result<[f64; TILE], B::Error> {
    let (mut label, mut sum) = ([NONE; TILE], [0.0; TILE]);
    sweep_row(b, pairs, row, |j0, tile| {
        b.read(labels, j0, &mut label[..tile.len()])?;
        for (d, &l) in tile.iter().zip(&label).filter(|(d, _)| d.is_finite()) {
            // NONE is beyond every window.
            if let Some(sum) = (l as usize).checked_sub(first).and_then(|at| sum.get_mut(at)) {
                *sum += d.as_f64();
            }
        }
        Ok(())
    })?;
    Ok(sum)
}

fn add_floats<B: Backend>(
    b: &B,
    to: &mut Values<B>,
    at: usize,
    parts: &[f64],
) -> Result<(), B::Error> {
    let mut sum = [B::Elem::zero(); TILE];
    let sum = &mut sum[..parts.len()];
    b.read(to, at, sum)?;
    for (sum, part) in sum.iter_mut().zip(parts) {
        *sum = B::Elem::of_f64(sum.as_f64() + part);
    }
    b.write(to, at, sum)
}

/// Body of [`Backend::accumulate`].
///
/// # Errors
/// The machine's.
pub fn accumulate<B: Backend>(
    b: &B,
    x: Rows<'_, Values<B>>,
    labels: &Indices<B>,
    weights: Option<&Values<B>>,
    origins: Rows<'_, Values<B>>,
    scale: B::Elem,
    into: Sums<'_, B>,
) -> Result<(), B::Error> {
    let Sums { offsets, mass, mut scatter } = into;
    let dim = x.dim();
    let (mut row, mut origin) = ([B::Elem::zero(); TILE], [B::Elem::zero(); TILE]);
    let mut sum = [0i64; TILE];
    for i in x.start()..x.end() {
        let label: u32 = read_one(b, labels, i)?;
        if label == NONE {
            continue;
        }
        let c = label as usize;
        let weight = weights.map_or(Ok(B::Elem::one()), |w| read_one(b, w, i))?;
        let m = mass_of(weight);
        add(b, mass, c, m)?;
        let mut squares = 0u64;
        for t in (0..dim).step_by(TILE) {
            let n = TILE.min(dim - t);
            b.read(x.data(), i * dim + t, &mut row[..n])?;
            b.read(origins.data(), c * dim + t, &mut origin[..n])?;
            b.read(offsets, c * dim + t, &mut sum[..n])?;
            for ((s, &a), &o) in sum.iter_mut().zip(&row[..n]).zip(&origin) {
                let q = ((a - o) * scale).rint();
                *s = s.wrapping_add(weighted(q, m));
                squares = squares.wrapping_add(q.wrapping_mul(q) as u64);
            }
            b.write(offsets, c * dim + t, &sum[..n])?;
        }
        if let Some(scatter) = scatter.as_deref_mut() {
            add(b, scatter, c, scatter_of(squares, m))?;
        }
    }
    Ok(())
}

/// A weight in fixed point.
#[inline]
pub fn mass_of<T: Element>(weight: T) -> i64 {
    (weight * T::of_f64(f64::from(1u32 << WEIGHT_BITS))).rint()
}

/// One offset times a weight in fixed point, rounded to the nearest integer.
#[inline]
#[must_use]
pub fn weighted(q: i64, m: i64) -> i64 {
    if m == 1 << WEIGHT_BITS {
        q
    } else {
        q.wrapping_mul(m).wrapping_add(1 << (WEIGHT_BITS - 1)) >> WEIGHT_BITS
    }
}

/// The scatter of one row from its sum of squares and its weight in fixed point.
#[inline]
#[must_use]
pub fn scatter_of(squares: u64, m: i64) -> i64 {
    let shift = WEIGHT_BITS + SCATTER_SHIFT;
    ((i128::from(squares) * i128::from(m) + (1 << (shift - 1))) >> shift) as i64
}

fn add<B: Backend>(b: &B, to: &mut Integers<B>, at: usize, value: i64) -> Result<(), B::Error> {
    let sum: i64 = read_one(b, to, at)?;
    b.write(to, at, &[sum.wrapping_add(value)])
}

/// Body of [`Backend::sums`].
///
/// # Errors
/// The machine's.
pub fn sums<B: Backend>(
    b: &B,
    values: &Values<B>,
    weights: Option<&Values<B>>,
    len: usize,
    chunk: usize,
    out: &mut [f64],
) -> Result<(), B::Error> {
    let (mut value, mut weight) = ([B::Elem::zero(); TILE], [B::Elem::one(); TILE]);
    for (out, start) in out.iter_mut().zip((0..len).step_by(chunk.max(1))) {
        let mut lanes = [0f64; LANES];
        let end = (start + chunk.max(1)).min(len);
        for at in (start..end).step_by(TILE) {
            let n = TILE.min(end - at);
            b.read(values, at, &mut value[..n])?;
            if let Some(weights) = weights {
                b.read(weights, at, &mut weight[..n])?;
            }
            for (t, (v, w)) in value[..n].iter().zip(&weight).enumerate() {
                lanes[t % LANES] += v.as_f64() * w.as_f64();
            }
        }
        *out = fold_lanes(lanes);
    }
    Ok(())
}

/// Body of [`Backend::count_changed`].
///
/// # Errors
/// The machine's.
pub fn count_changed<B: Backend>(
    b: &B,
    before: &Indices<B>,
    after: &Indices<B>,
    len: usize,
    count: &mut Integers<B>,
) -> Result<(), B::Error> {
    let (mut old, mut new) = ([0u32; TILE], [0u32; TILE]);
    let mut changed = 0;
    for at in (0..len).step_by(TILE) {
        let n = TILE.min(len - at);
        b.read(before, at, &mut old[..n])?;
        b.read(after, at, &mut new[..n])?;
        changed += old[..n].iter().zip(&new[..n]).filter(|(old, new)| old != new).count();
    }
    add(b, count, 0, changed as i64)
}

/// Body of [`Backend::copy`].
///
/// # Errors
/// The machine's.
pub fn copy<B: Backend>(
    b: &B,
    src: &Values<B>,
    from: usize,
    dst: &mut Values<B>,
    to: usize,
    len: usize,
) -> Result<(), B::Error> {
    let mut part = [B::Elem::zero(); TILE];
    for at in (0..len).step_by(TILE) {
        let part = &mut part[..TILE.min(len - at)];
        b.read(src, from + at, part)?;
        b.write(dst, to + at, part)?;
    }
    Ok(())
}

/// Body of [`Backend::fill`].
///
/// # Errors
/// The machine's.
pub fn fill<B: Backend, T: Pod>(b: &B, dst: &mut B::Buf<T>, value: T) -> Result<(), B::Error> {
    let part = [value; TILE];
    let len = B::len::<T>(dst);
    for at in (0..len).step_by(TILE) {
        b.write(dst, at, &part[..TILE.min(len - at)])?;
    }
    Ok(())
}
