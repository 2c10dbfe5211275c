//! A layout epoch gives the same bits on every level of instructions, for any number of threads,
//! any cut of the rows, and in the provided body.

mod common;

use common::threads;
use enfold_core::conformance::decorators::Bare;
use enfold_core::random::Draws;
use enfold_core::{Backend, Element, Epoch, Graph, Rows};
use enfold_cpu::{Cpu, Folds, Isa};

const ROWS: usize = 6000;

/// A graph with rows of 0 to 40 edges.
struct Scene<T> {
    offsets: Vec<u32>,
    targets: Vec<u32>,
    weights: Vec<T>,
    at: Vec<T>,
    dim: usize,
}

impl<T: Element> Scene<T> {
    fn new(dim: usize) -> Self {
        let draws = Draws::new(dim as u64, 1);
        let (mut offsets, mut targets, mut weights) = (vec![0], vec![], vec![]);
        for i in 0..ROWS as u64 {
            for s in 0..draws.below(i, 0, 41) as u32 {
                targets.push(draws.below(i, 2 * s + 1, ROWS as u64) as u32);
                weights.push(T::of_f64(draws.unit64(i, 2 * s + 2)));
            }
            offsets.push(targets.len() as u32);
        }
        // Some rows stand at the same place, some next to each other, some far away.
        let place = |at: u64| match at % 5 {
            0 => 1.0,
            1 => 1.0 + 1e-6 * draws.unit64(at, 90),
            4 => 1e4 * draws.unit64(at, 91),
            _ => 10.0 * draws.unit64(at, 92),
        };
        let at = (0..(ROWS * dim) as u64).map(|at| T::of_f64(place(at / dim as u64))).collect();
        Self { offsets, targets, weights, at, dim }
    }

    /// Where rows go, those outside the range staying at −1.
    fn step<B>(&self, b: &B, rows: std::ops::Range<usize>, pool: usize) -> Vec<u64>
    where
        B: Backend<Elem = T, Buf<T> = [T]> + Backend<Buf<u32> = [u32]>,
    {
        let epoch = Epoch {
            a: 1.577,
            b: 0.895,
            repulsion: 1.0,
            rate: 0.7,
            negatives: 5,
            pool: pool as u32,
            number: 6,
            seed: 3,
        };
        let graph = Graph {
            offsets: &self.offsets[..],
            targets: &self.targets[..],
            weights: &self.weights[..],
        };
        let mut to = vec![-T::one(); ROWS * self.dim];
        let from = Rows::new(&self.at[..], self.dim).expect("whole rows");
        let from = from.range(rows.start, rows.end).expect("a range");
        b.layout(graph, epoch, from, &mut to).expect("infallible");
        to.iter().map(|v| v.as_f64().to_bits()).collect()
    }
}

fn same_bits<T: Folds>(dim: usize) {
    let (scene, cpu) = (Scene::<T>::new(dim), Cpu::<T>::new());
    for (rows, pool) in [(0..ROWS, ROWS), (5..ROWS - 3, 4001), (4000..ROWS, 4000), (7..9, 0)] {
        let expected = scene.step(&Bare(cpu), rows.clone(), pool);
        for isa in Isa::ALL {
            let Some(cpu) = Cpu::<T>::with_isa(isa) else { continue };
            assert!(scene.step(&cpu, rows.clone(), pool) == expected, "{isa:?} {rows:?} {pool}");
        }
        for count in [1, 2, 7] {
            let found = threads(count, || scene.step(&cpu, rows.clone(), pool));
            assert!(found == expected, "{count} threads {rows:?} {pool}");
        }
        // In two parts.
        let middle = (rows.start + rows.end) / 2;
        let low = scene.step(&cpu, rows.start..middle, pool);
        let high = scene.step(&cpu, middle..rows.end, pool);
        let cut = middle * dim;
        assert!([&low[..cut], &high[cut..]].concat() == expected, "{rows:?} {pool}");
    }
}

#[test]
fn f32_in_2_3_and_5_coordinates() {
    for dim in [2, 3, 5] {
        same_bits::<f32>(dim);
    }
}

#[test]
fn f64_in_2_and_33_coordinates() {
    same_bits::<f64>(2);
    // More than there is room for: they stay, in either body.
    same_bits::<f64>(33);
}
