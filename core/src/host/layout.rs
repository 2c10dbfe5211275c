//! The provided layout epoch: UMAP's forces, gathered.
//!
//! Every vertex sums its own forces from the positions before, so there are no races and no
//! atomics, and the result does not depend on the order of vertices. An edge of weight w in
//! (0, 1] is active in epoch e when ⌊(e+1)·w⌋ > ⌊e·w⌋: w of all epochs, evenly spread, which is
//! what the sampling of McInnes, Healy, Melville (2018) does.
//!
//! A force is one defined number ([`Curve`]): products and sums in a fixed order, none of them
//! fused, so that every CPU gives the same bits, in lanes or not.

use crate::backend::{Backend, Epoch, Graph, Indices, Values};
use crate::element::Element;
use crate::random::Draws;
use crate::rows::Rows;

/// Largest number of coordinates a layout has.
pub const MAX_DIM: usize = 32;
/// Purpose of the draws of negatives.
const NEGATIVES: u32 = 0x756d_6170;
/// A force is clipped to this, per coordinate.
const CLIP: f64 = 4.0;
/// Squared distances below this count as this: a force has no direction there anyhow.
const NEAREST: f64 = 1e-30;
/// Keeps a push finite.
const SOFT: f64 = 1e-3;

type Point<T> = [T; MAX_DIM];

/// The forces of one epoch: constants of the curve 1 / (1 + a·d^(2b)).
#[derive(Debug, Clone, Copy)]
pub struct Curve<T> {
    a: T,
    b: T,
    pull: T,
    push: T,
    nearest: T,
    soft: T,
    clip: T,
}

impl<T: Element> Curve<T> {
    /// Of an epoch.
    #[must_use]
    pub fn of(epoch: &Epoch) -> Self {
        let (a, b) = (f64::from(epoch.a), f64::from(epoch.b));
        Self {
            a: T::of_f64(a),
            b: T::of_f64(b),
            pull: T::of_f64(-2.0 * a * b),
            push: T::of_f64(2.0 * f64::from(epoch.repulsion) * b),
            nearest: T::of_f64(NEAREST),
            soft: T::of_f64(SOFT),
            clip: T::of_f64(CLIP),
        }
    }

    /// What the gap to the other end of an edge is multiplied with: −2ab d^{2(b−1)} / (1 + a d^{2b}).
    #[inline(always)]
    #[must_use]
    pub fn pull(&self, d2: T) -> T {
        let d2 = if d2 > self.nearest { d2 } else { self.nearest };
        let power = d2.swift_power(self.b);
        self.pull * power / (d2 * (T::one() + self.a * power))
    }

    /// What the gap to a drawn row is multiplied with: 2γb / ((0.001 + d²)(1 + a d^{2b})).
    #[inline(always)]
    #[must_use]
    pub fn push(&self, d2: T) -> T {
        let far = if d2 > self.nearest { d2 } else { self.nearest };
        let power = far.swift_power(self.b);
        self.push / ((self.soft + d2) * (T::one() + self.a * power))
    }

    /// A force along one coordinate.
    #[inline(always)]
    #[must_use]
    pub fn clip(&self, force: T) -> T {
        let force = if force > self.clip { self.clip } else { force };
        if force < -self.clip { -self.clip } else { force }
    }
}

/// Whether an edge is active.
#[inline(always)]
#[must_use]
pub fn active<T: Element>(weight: T, epoch: u32) -> bool {
    let (w, e) = (weight.as_f64(), f64::from(epoch));
    floor((e + 1.0) * w) > floor(e * w)
}

/// The floor of a number from 0 to 2⁵¹, in lanes, too: adding 2⁵² leaves no bits for a fraction.
#[inline(always)]
fn floor(x: f64) -> f64 {
    const SHIFT: f64 = (1u64 << 52) as f64;
    let nearest = (x + SHIFT) - SHIFT;
    if nearest > x { nearest - 1.0 } else { nearest }
}

/// Which rows push in an epoch: turn s of row i is row `(i + shift(s)) mod pool` for rows of the
/// pool, and `shift(s)` for others.
///
/// The draws of an epoch are one list of shifts for all rows: rows next to each other meet rows
/// next to each other, which is one wide load; and what a row outside the pool meets does not
/// depend on where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Shifts {
    draws: Draws,
    number: u64,
    pool: u64,
}

impl Shifts {
    /// Of an epoch.
    #[must_use]
    pub fn of(epoch: &Epoch) -> Self {
        let draws = Draws::new(epoch.seed, NEGATIVES);
        Self { draws, number: u64::from(epoch.number), pool: u64::from(epoch.pool) }
    }

    /// The shift of a turn, below the pool.
    #[must_use]
    pub fn get(&self, turn: u32) -> u32 {
        self.draws.below(self.number, turn, self.pool) as u32
    }
}

/// Body of [`Backend::layout`]; positions of up to [`MAX_DIM`] coordinates, more stay in place.
///
/// # Errors
/// The machine's.
#[expect(clippy::needless_pass_by_value, reason = "views are handed over, as in the contract")]
pub fn layout<B: Backend>(
    b: &B,
    graph: Graph<'_, Values<B>, Indices<B>>,
    epoch: Epoch,
    from: Rows<'_, Values<B>>,
    to: &mut Values<B>,
) -> Result<(), B::Error> {
    let dim = from.dim().min(MAX_DIM);
    let curve = Curve::of(&epoch);
    for i in from.start()..from.end() {
        let mut vertex = Vertex { at: point(b, from, i)?, force: [B::Elem::default(); MAX_DIM] };
        let active = pulls(b, &graph, (&epoch, &curve), (i, from), &mut vertex)?;
        pushes(b, active * epoch.negatives, (&epoch, &curve), (i, from), &mut vertex)?;
        for t in 0..dim {
            let moved = vertex.at[t] + B::Elem::of_f64(f64::from(epoch.rate)) * vertex.force[t];
            b.write(to, i * from.dim() + t, &[moved])?;
        }
    }
    Ok(())
}

/// Where a row is, and what moves it.
struct Vertex<T> {
    at: Point<T>,
    force: Point<T>,
}

/// Adds the pulls of the active edges of row `i`; returns how many there are.
fn pulls<B: Backend>(
    b: &B,
    graph: &Graph<'_, Values<B>, Indices<B>>,
    (epoch, curve): (&Epoch, &Curve<B::Elem>),
    (i, from): (usize, Rows<'_, Values<B>>),
    vertex: &mut Vertex<B::Elem>,
) -> Result<u32, B::Error> {
    let (mut ends, mut count) = ([0u32; 2], 0);
    b.read(graph.offsets, i, &mut ends)?;
    for edge in ends[0]..ends[1] {
        let (mut weight, mut target) = ([B::Elem::default()], [0u32]);
        b.read(graph.weights, edge as usize, &mut weight)?;
        if active(weight[0], epoch.number) {
            b.read(graph.targets, edge as usize, &mut target)?;
            let other = point(b, from, target[0] as usize)?;
            vertex.add(&other, from.dim(), |d2| curve.pull(d2), curve);
            count += 1;
        }
    }
    Ok(count)
}

/// Adds the pushes of the rows drawn for row `i`.
fn pushes<B: Backend>(
    b: &B,
    turns: u32,
    (epoch, curve): (&Epoch, &Curve<B::Elem>),
    (i, from): (usize, Rows<'_, Values<B>>),
    vertex: &mut Vertex<B::Elem>,
) -> Result<(), B::Error> {
    let (shifts, pool) = (Shifts::of(epoch), epoch.pool as usize);
    let base = if i < pool { i } else { 0 };
    for turn in 0..if pool > 0 { turns } else { 0 } {
        let j = (base + shifts.get(turn) as usize) % pool;
        let other = point(b, from, j)?;
        vertex.add(&other, from.dim(), |d2| curve.push(d2), curve);
    }
    Ok(())
}

fn point<B: Backend>(
    b: &B,
    rows: Rows<'_, Values<B>>,
    i: usize,
) -> Result<Point<B::Elem>, B::Error> {
    let mut at = [B::Elem::default(); MAX_DIM];
    b.read(rows.data(), i * rows.dim(), &mut at[..rows.dim().min(MAX_DIM)])?;
    Ok(at)
}

impl<T: Element> Vertex<T> {
    /// Adds `coefficient(|gap|²) · gap`, clipped per coordinate.
    fn add(&mut self, other: &Point<T>, dim: usize, of: impl Fn(T) -> T, curve: &Curve<T>) {
        let (mut gap, mut d2) = ([T::zero(); MAX_DIM], T::zero());
        for t in 0..dim.min(MAX_DIM) {
            gap[t] = self.at[t] - other[t];
            d2 = d2 + gap[t] * gap[t];
        }
        let coefficient = of(d2);
        for (force, &gap) in self.force.iter_mut().zip(&gap) {
            *force = *force + curve.clip(coefficient * gap);
        }
    }
}
