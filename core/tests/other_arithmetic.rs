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
    match metric {
        Metric::SqEuclidean => dot(&gaps, &gaps),
        Metric::Euclidean => dot(&gaps, &gaps).sqrt(),
        Metric::Manhattan => gaps.iter().sum(),
        Metric::Chebyshev if gaps.iter().any(|g| !g.is_finite()) => f32::INFINITY,
        Metric::Chebyshev => gaps.iter().fold(0.0, |m, g| m.max(*g)),
        _ => cosine(dot(x, y), dot(x, x), dot(y, y)),
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
