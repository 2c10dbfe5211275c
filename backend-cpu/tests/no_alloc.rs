//! The direct tier asks for no memory: every fold of a build without `std`, small calls of any.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use enfold_core::{Backend, Metric, NONE, Nearest, Pairs, Rows, Sums, Visit};
use enfold_cpu::Cpu;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is handed to the system's allocator; counting asks for no memory.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: the caller promises what the system's allocator asks for.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as above.
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Rows in all tests: few where the filter would take many.
const N: usize = if cfg!(feature = "std") { 20 } else { 300 };

fn every_fold<const LEN: usize>(dim: usize, metric: Metric, visit: Visit<'_>) {
    let data: [f32; LEN] = core::array::from_fn(|at| (at as f32 * 0.7).sin());
    let x = Rows::new(&data[..N * dim], dim).unwrap();
    let y = x.range(0, 15).unwrap();
    let pairs = Pairs::new(x, y, metric).unwrap().visit(visit).unwrap();
    let cpu = Cpu::<f32>::new();
    let before = COUNT.with(Cell::get);

    let (mut dist, mut index) = ([f32::INFINITY; 3 * N], [NONE; 3 * N]);
    for k in [1, 3] {
        let best = Nearest { k, dist: &mut dist[..k * N], index: &mut index[..k * N] };
        cpu.nearest(pairs, best).unwrap();
    }
    let (ones, mut counts) = ([1u32; N], [0u32; N]);
    cpu.count_within(pairs, &[0.5; N], 1, &mut counts).unwrap();
    cpu.lowest_within(pairs, 0.5, &ones, &mut counts).unwrap();
    cpu.join_within(pairs, 0.5, &ones, &mut core::array::from_fn::<u32, N, _>(|i| i as u32))
        .unwrap();
    cpu.sum_by_label(pairs, &ones, 2, &mut [0.0; 2 * N]).unwrap();
    let mut all = [0f32; N * 15];
    cpu.distances(pairs, &mut all).unwrap();
    let (mut offsets, mut mass, mut scatter) = ([0i64; 2 * 40], [0i64; 2], [0i64; 2]);
    let into = Sums {
        offsets: &mut offsets[..2 * dim],
        mass: &mut mass[..],
        scatter: Some(&mut scatter[..]),
    };
    cpu.accumulate(x, &ones, None, y, 100.0, into).unwrap();
    cpu.sums(&dist, None, N, 16, &mut [0.0; 4]).unwrap();

    assert_eq!(COUNT.with(Cell::get) - before, 0, "{metric:?} dim {dim}");
}

#[test]
fn no_fold_asks_for_memory() {
    for metric in Metric::ALL {
        for visit in [Visit::All, Visit::OffDiagonal] {
            every_fold::<{ N * 2 }>(2, metric, visit);
            if metric != Metric::Haversine {
                every_fold::<{ N * 3 }>(3, metric, visit);
                every_fold::<{ N * 40 }>(40, metric, visit);
            }
        }
    }
}
