//! Data that hits the edges, and the plainest backend there is.

#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "shared by several tests"
)]

use std::convert::Infallible;

use enfold_core::distance::distance;
use enfold_core::{Backend, Pairs, Visit};
use enfold_cpu::Isa;

/// The levels this machine has.
pub fn levels() -> Vec<Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available()).collect()
}

/// Runs `body` in a pool of its own.
pub fn threads<R: Send>(count: usize, body: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap().install(body)
}

/// Only the four required functions, each as short as it can be.
#[derive(Debug, Clone, Copy)]
pub struct Bare;

impl Backend for Bare {
    type Elem = f32;
    type Error = Infallible;
    type Buf<U: bytemuck::Pod> = [U];

    fn len<U: bytemuck::Pod>(buf: &[U]) -> usize {
        buf.len()
    }

    fn write<U: bytemuck::Pod>(
        &self,
        dst: &mut [U],
        at: usize,
        src: &[U],
    ) -> Result<(), Infallible> {
        dst[at..at + src.len()].copy_from_slice(src);
        Ok(())
    }

    fn read<U: bytemuck::Pod>(
        &self,
        src: &[U],
        at: usize,
        dst: &mut [U],
    ) -> Result<(), Infallible> {
        dst.copy_from_slice(&src[at..at + dst.len()]);
        Ok(())
    }

    fn distances(&self, pairs: Pairs<'_, [f32]>, out: &mut [f32]) -> Result<(), Infallible> {
        let (x, y) = (pairs.x(), pairs.y());
        for block in pairs.rectangles() {
            for i in block.x.0 as usize..block.x.1 as usize {
                for j in block.y.0 as usize..block.y.1 as usize {
                    if i != j || !matches!(pairs.visited(), Visit::OffDiagonal) {
                        out[(i - x.start()) * y.len() + j - y.start()] =
                            distance(pairs.metric(), x.row(i), y.row(j));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Rows in one buffer; x and y are ranges of it that overlap.
pub struct Case {
    pub name: String,
    pub dim: usize,
    pub data: Vec<f32>,
    pub rows: (u32, u32),
    pub others: (u32, u32),
    /// Worth fewer metrics.
    pub long: bool,
}

/// Uniform in (−1, 1), the same numbers every time.
pub fn uniform(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
    };
    (0..len).map(|_| next()).collect()
}

/// A way of filling rows.
type Fill = fn(f32, usize) -> f32;

/// Shapes at the edges of every tile, filled in ways that hurt.
pub fn cases() -> Vec<Case> {
    let fills: [(&str, Fill); 9] = [
        ("uniform", |v, _| v),
        ("far off", |v, _| 1e5 + v),
        ("tiny", |v, _| v * 1e-30),
        ("denormal", |v, _| v * 1e-40),
        ("huge", |v, _| v * 1e18),
        ("too huge", |v, _| v * 3e38),
        ("ties", |v, _| (v * 2.0).round()),
        ("equal", |_, _| 0.3),
        ("broken", |v, at| match at % 97 {
            0 => f32::NAN,
            31 => f32::INFINITY,
            71 => f32::NEG_INFINITY,
            _ => v,
        }),
    ];
    let mut cases = Vec::new();
    let dims = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64];
    for (name, fill) in fills {
        for (d, &dim) in dims.iter().enumerate() {
            // Sizes differ between dims so that every tile meets every remainder.
            let n = [70, 41, 27, 131][d % 4] + d;
            cases.push(case(name, fill, n, dim, false));
        }
        cases.push(case(name, fill, 90, 400, true));
        cases.push(case(name, fill, 400, 13, true));
    }
    cases.push(case("one", |v, _| v, 1, 5, false));
    cases.push(case("two", |v, _| v, 2, 20, false));
    cases
}

fn case(name: &str, fill: Fill, n: usize, dim: usize, long: bool) -> Case {
    let mut data = uniform(n * dim, (n * 1000 + dim) as u64);
    for (at, v) in data.iter_mut().enumerate() {
        *v = fill(*v, at);
    }
    let n = n as u32;
    let name = format!("{name} n {n} dim {dim}");
    Case { name, dim, data, rows: (n / 9, n), others: (n / 4, n - n / 7), long }
}
