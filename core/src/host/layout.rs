//! The provided layout epoch: UMAP's forces, gathered.
//!
//! Every vertex sums its own forces from the previous epoch's positions, so there are no races and
//! no atomics, and the result does not depend on the order of vertices. An edge of weight w in
//! (0, 1] is active in epoch e when ⌊(e+1)·w⌋ > ⌊e·w⌋: w of all epochs, evenly spread, which is
//! what the sampling of McInnes, Healy, Melville (2018) does.

use crate::backend::{Backend, Epoch, Graph, Indices, Values};
use crate::element::Element;
use crate::random::Draws;
use crate::rows::Rows;

/// Largest number of output coordinates the stack body handles at once.
const MAX_DIM: usize = 32;
/// Purpose of the draws of negatives.
const NEGATIVES: u32 = 0x756d_6170;
/// Forces are clipped to this.
const CLIP: f64 = 4.0;

type Point = [f64; MAX_DIM];

/// Body of [`Backend::layout`]; positions of up to 32 coordinates, more are left in place.
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
    let draws = Draws::new(epoch.seed, NEGATIVES);
    let dim = from.dim().min(MAX_DIM);
    for i in from.start()..from.end() {
        let mine = point(b, from, i)?;
        let mut force = [0.0; MAX_DIM];
        let mut ends = [0u32; 2];
        b.read(graph.offsets, i, &mut ends)?;
        for edge in ends[0]..ends[1] {
            if active(b, &graph, edge, epoch.number)? {
                let mut target = [0u32];
                b.read(graph.targets, edge as usize, &mut target)?;
                let other = point(b, from, target[0] as usize)?;
                push(&mut force, &mine, &other, dim, |d2| pull_of(&epoch, d2));
                repel(b, &draws, &epoch, edge, (i, from), (&mine, &mut force))?;
            }
        }
        for (t, (f, m)) in force[..dim].iter().zip(&mine).enumerate() {
            let moved = m + f64::from(epoch.rate) * f;
            b.write(to, i * from.dim() + t, &[B::Elem::of_f64(moved)])?;
        }
    }
    Ok(())
}

/// Pushes `mine` away from the vertices drawn for `edge`.
fn repel<B: Backend>(
    b: &B,
    draws: &Draws,
    epoch: &Epoch,
    edge: u32,
    (i, from): (usize, Rows<'_, Values<B>>),
    (mine, force): (&Point, &mut Point),
) -> Result<(), B::Error> {
    for s in 0..epoch.negatives {
        let number = u64::from(epoch.number) << 32 | u64::from(edge);
        let j = from.start() + draws.below(number, s, from.len() as u64) as usize;
        if j != i {
            let other = point(b, from, j)?;
            push(force, mine, &other, from.dim().min(MAX_DIM), |d2| push_of(epoch, d2));
        }
    }
    Ok(())
}

fn active<B: Backend>(
    b: &B,
    graph: &Graph<'_, Values<B>, Indices<B>>,
    edge: u32,
    epoch: u32,
) -> Result<bool, B::Error> {
    let mut weight = [B::Elem::default()];
    b.read(graph.weights, edge as usize, &mut weight)?;
    let (w, e) = (weight[0].as_f64(), f64::from(epoch));
    Ok(libm::floor((e + 1.0) * w) > libm::floor(e * w))
}

fn point<B: Backend>(b: &B, rows: Rows<'_, Values<B>>, i: usize) -> Result<Point, B::Error> {
    let (mut raw, mut out) = ([B::Elem::default(); MAX_DIM], [0.0; MAX_DIM]);
    let dim = rows.dim().min(MAX_DIM);
    b.read(rows.data(), i * rows.dim(), &mut raw[..dim])?;
    for (o, r) in out.iter_mut().zip(raw) {
        *o = r.as_f64();
    }
    Ok(out)
}

/// Adds `coefficient(|a−b|²) · (a−b)`, clipped per coordinate.
fn push(force: &mut Point, a: &Point, b: &Point, dim: usize, coefficient: impl Fn(f64) -> f64) {
    let d2 = a[..dim].iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    let c = coefficient(d2);
    for (f, (a, b)) in force[..dim].iter_mut().zip(a.iter().zip(b)) {
        *f += (c * (a - b)).clamp(-CLIP, CLIP);
    }
}

fn pull_of(e: &Epoch, d2: f64) -> f64 {
    let (a, b) = (f64::from(e.a), f64::from(e.b));
    if d2 > 0.0 {
        -2.0 * a * b * libm::pow(d2, b - 1.0) / (1.0 + a * libm::pow(d2, b))
    } else {
        0.0
    }
}

fn push_of(e: &Epoch, d2: f64) -> f64 {
    let (a, b) = (f64::from(e.a), f64::from(e.b));
    2.0 * f64::from(e.repulsion) * b / ((0.001 + d2) * (1.0 + a * libm::pow(d2, b)))
}
