//! The suite asks no more than the contract: a machine that fuses multiply-adds, adds from left
//! to right and flushes denormals keeps every law but the one for IEEE machines.
#![cfg(feature = "conformance")]

use std::convert::Infallible;

use bytemuck::Pod;
use enfold_core::distance::cosine;
use enfold_core::{Alloc, Backend, Metric, Pairs, Visit};

/// A device as shading languages allow it to be.
#[derive(Debug, Clone)]
struct Shader;

fn flush(v: f32) -> f32 {
    if v.is_subnormal() { 0.0 } else { v }
}

fn dot(x: &[f32], y: &[f32]) -> f32 {
    x.iter().zip(y).fold(0.0, |s, (a, b)| flush(flush(*a).mul_add(flush(*b), s)))
}

fn distance(metric: Metric, x: &[f32], y: &[f32]) -> f32 {
    let gaps: Vec<f32> = x.iter().zip(y).map(|(a, b)| flush(flush(*a) - flush(*b)).abs()).collect();
    let sizes = x.iter().zip(y).map(|(a, b)| flush(a.abs()) + flush(b.abs()));
    match metric {
        _ if !x.iter().chain(y).all(|v| v.is_finite()) => f32::NAN,
        Metric::SqEuclidean => dot(&gaps, &gaps),
        Metric::Euclidean => dot(&gaps, &gaps).sqrt(),
        Metric::Manhattan => gaps.iter().sum(),
        Metric::Chebyshev if gaps.iter().any(|g| !g.is_finite()) => f32::INFINITY,
        Metric::Chebyshev => gaps.iter().fold(0.0, |m, g| m.max(*g)),
        Metric::Cosine => cosine(dot(x, y), dot(x, x), dot(y, y)),
        Metric::Minkowski(power) => minkowski(&gaps, power.get() as f32),
        Metric::Correlation => {
            let (x, y) = (centred(x), centred(y));
            cosine(dot(&x, &y), dot(&x, &x), dot(&y, &y))
        }
        Metric::Hamming => share(x, y, |a, b| (a != b, true)),
        Metric::Jaccard => share(x, y, |a, b| ((a != 0.0) != (b != 0.0), a != 0.0 || b != 0.0)),
        Metric::Canberra => gaps.iter().zip(sizes).map(|(g, s)| g / s.max(f32::MIN_POSITIVE)).sum(),
        Metric::BrayCurtis => match sizes.sum::<f32>() {
            0.0 => 0.0,
            f32::INFINITY => f32::INFINITY,
            sum => gaps.iter().sum::<f32>() / sum,
        },
        Metric::Haversine => haversine([x[0], x[1]], [y[0], y[1]]),
        other => panic!("no form of {other:?} here"),
    }
}

/// v^p as shading languages have it.
fn power(v: f32, p: f32) -> f32 {
    (p * v.log2()).exp2()
}

fn minkowski(gaps: &[f32], p: f32) -> f32 {
    let most = gaps.iter().fold(0.0f32, |m, g| m.max(*g));
    if most == 0.0 || most == f32::INFINITY {
        return most;
    }
    most * power(gaps.iter().map(|g| flush(power(g / most, p))).sum(), 1.0 / p)
}

/// A row less its mean, from differences with its last coordinate.
fn centred(row: &[f32]) -> Vec<f32> {
    let last = row[row.len() - 1];
    let gaps: Vec<f32> = row.iter().map(|v| flush(flush(*v) - flush(last))).collect();
    let mean = gaps.iter().sum::<f32>() / row.len() as f32;
    gaps.iter().map(|g| flush(g - mean)).collect()
}

fn share(x: &[f32], y: &[f32], of: impl Fn(f32, f32) -> (bool, bool)) -> f32 {
    let (mut differ, mut count) = (0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        let (d, c) = of(flush(*a), flush(*b));
        (differ, count) = (differ + f32::from(u8::from(d)), count + f32::from(u8::from(c)));
    }
    if count == 0.0 { 0.0 } else { differ * (1.0 / count) }
}

/// By the arcsine, from whichever end is nearer.
fn haversine([p, l]: [f32; 2], [q, m]: [f32; 2]) -> f32 {
    let square = |v: f32| v * v;
    let both = p.cos() * q.cos();
    let turn = (l - m) / 2.0;
    let near = square(((p - q) / 2.0).sin()) + both * square(turn.sin());
    let far = square(((p + q) / 2.0).sin()) + both * square(turn.cos());
    if near < far {
        2.0 * near.max(0.0).sqrt().min(1.0).asin()
    } else {
        std::f32::consts::PI - 2.0 * far.max(0.0).sqrt().min(1.0).asin()
    }
}

impl Backend for Shader {
    type Elem = f32;
    type Error = Infallible;
    type Buf<T: Pod> = [T];

    fn len<T: Pod>(buf: &[T]) -> usize {
        buf.len()
    }

    fn write<T: Pod>(&self, dst: &mut [T], at: usize, src: &[T]) -> Result<(), Infallible> {
        dst[at..at + src.len()].copy_from_slice(src);
        Ok(())
    }

    fn read<T: Pod>(&self, src: &[T], at: usize, dst: &mut [T]) -> Result<(), Infallible> {
        dst.copy_from_slice(&src[at..at + dst.len()]);
        Ok(())
    }

    fn distances(&self, pairs: Pairs<'_, [f32]>, out: &mut [f32]) -> Result<(), Infallible> {
        let (x, y) = (pairs.x(), pairs.y());
        let off = matches!(pairs.visited(), Visit::OffDiagonal);
        for block in pairs.rectangles() {
            for i in block.x.0 as usize..block.x.1 as usize {
                for j in (block.y.0 as usize..block.y.1 as usize).filter(|&j| i != j || !off) {
                    out[(i - x.start()) * y.len() + j - y.start()] =
                        distance(pairs.metric(), x.row(i), y.row(j));
                }
            }
        }
        Ok(())
    }
}

impl Alloc for Shader {
    type Owned<T: Pod> = Vec<T>;

    fn alloc<T: Pod>(&self, len: usize) -> Result<Vec<T>, Infallible> {
        Ok(vec![T::zeroed(); len])
    }
}

enfold_core::conformance!(|| Some(Shader));

#[test]
#[should_panic(expected = "d(")]
fn it_is_no_ieee_machine() {
    enfold_core::conformance::laws::ieee_distances_are_the_definition(&Shader);
}
