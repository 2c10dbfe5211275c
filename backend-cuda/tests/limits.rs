//! Sizes at the edges of blocks, grids and scratch memory have the answers of the CPU.

mod common;

use common::{get, open, put, uniform};
use enfold_core::conformance::stories::{Found, nearest_of, sums_of};
use enfold_core::{Alloc, Backend, Block, Metric, NONE, Nearest, Pairs, Rows, Visit, rows};
use enfold_cpu::Cpu;
use enfold_cuda::{Cuda, Filter, Options};

const CPU: Cpu<f32> = Cpu::new();

fn on_gpu(gpu: &Cuda, x: &[f32], y: &[f32], dim: usize, k: usize, visit: Visit<'_>) -> Found {
    nearest_of(gpu, (x, y), (dim, k), visit)
}

fn on_cpu(x: &[f32], y: &[f32], dim: usize, k: usize, visit: Visit<'_>) -> Found {
    nearest_of(&CPU, (x, y), (dim, k), visit)
}

fn same(gpu: &Cuda, x: &[f32], y: &[f32], (dim, k): (usize, usize), visit: Visit<'_>) {
    let (found, expected) = (on_gpu(gpu, x, y, dim, k, visit), on_cpu(x, y, dim, k, visit));
    let what = format!("{} × {} rows of {dim}, k = {k}", x.len() / dim, y.len() / dim);
    assert!(found.1 == expected.1, "rows: {what}");
    assert!(found.0 == expected.0, "distances: {what}");
}

/// Rows at the edges of blocks of 64 and 128, and past 65 535 blocks of 64 rows.
#[test]
fn rows_at_the_edges_of_blocks_and_grids_have_the_answers_of_the_cpu() {
    let Some(gpu) = open(&Options::new()) else { return };
    let y = uniform(5 * 3, 9);
    for n in [0, 1, 63, 64, 65, 127, 128, 129, (1 << 16) - 1, 1 << 16, (1 << 18) + 1, 4_194_241] {
        same(&gpu, &uniform(n * 3, n as u64), &y, (3, 1), Visit::All);
    }
    for m in [0, 1, 63, 64, 65, 127, 128, 129, (1 << 16) + 1] {
        same(&gpu, &uniform(3 * 2, 1), &uniform(m * 2, m as u64), (2, 2), Visit::All);
    }
}

/// A grid of fewer blocks than there is work for is walked more than once.
#[test]
fn few_blocks_do_the_work_of_many() {
    let Some(gpu) = open(&Options::new().grid_limit(3)) else { return };
    for (n, m, dim, k) in [(1000, 300, 7, 1), (700, 90, 40, 3)] {
        same(&gpu, &uniform(n * dim, 3), &uniform(m * dim, 4), (dim, k), Visit::All);
    }
    let block = |x, y| Block { x, y };
    let blocks =
        [block((0, 400), (100, 130)), block((400, 500), (0, 300)), block((7, 250), (0, 64))];
    same(&gpu, &uniform(500 * 7, 3), &uniform(300 * 7, 4), (7, 2), Visit::Blocks(&blocks));
    let mut long = gpu.alloc::<u32>(100_001).expect("memory");
    gpu.fill(&mut long, 9).expect("a kernel");
    assert_eq!(get(&gpu, &long), vec![9; 100_001]);
}

#[test]
fn filters_give_the_numbers_of_plain_kernels_at_the_edges_of_their_tiles() {
    for filter in [Filter::Single, Filter::Matrix] {
        let Some(gpu) = open(&Options::new().filter(filter)) else { return };
        for dim in [17, 31, 32, 33, 100] {
            for (n, m) in [(1, 1), (127, 129), (128, 128), (129, 127), (300, 700)] {
                same(&gpu, &uniform(n * dim, 3), &uniform(m * dim, 4), (dim, 1), Visit::All);
                same(
                    &gpu,
                    &uniform(n * dim, 5),
                    &uniform(m * dim, 6),
                    (dim, 4),
                    Visit::OffDiagonal,
                );
            }
        }
    }
}

#[test]
fn more_neighbours_than_every_backend_must_take_are_found_all_the_same() {
    let Some(gpu) = open(&Options::new()) else { return };
    same(&gpu, &uniform(3 * 4, 1), &uniform(400 * 4, 2), (4, 257), Visit::All);
}

/// 80 labels fit the memory of a block, 81 do not.
#[test]
fn sums_by_label_are_the_same_in_a_block_and_in_scratch_memory() {
    let Some(gpu) = open(&Options::new()) else { return };
    let (n, m, dim) = (200, 500, 3);
    let (x, y) = (uniform(n * dim, 1), uniform(m * dim, 2));
    for k in [1, 79, 80, 81, 300] {
        let labels: Vec<u32> = (0..m as u32).map(|j| j * j % k as u32).collect();
        let (on_x, on_y, on_labels) = (put(&gpu, &x), put(&gpu, &y), put(&gpu, &labels));
        let mut on = gpu.alloc::<f32>(n * k).expect("memory");
        let (a, b) =
            (rows::<Cuda>(&on_x, dim).expect("rows"), rows::<Cuda>(&on_y, dim).expect("rows"));
        let pairs = Pairs::new(a, b, Metric::Euclidean).expect("pairs");
        gpu.sum_by_label(pairs, &on_labels, k, &mut on).expect("a fold");
        let mut sums = vec![0.0f32; n * k];
        let (a, b) = (Rows::new(&x[..], dim).expect("rows"), Rows::new(&y[..], dim).expect("rows"));
        let pairs = Pairs::new(a, b, Metric::Euclidean).expect("pairs");
        CPU.sum_by_label(pairs, &labels, k, &mut sums).expect("a fold");
        for (found, expected) in get(&gpu, &on).iter().zip(&sums) {
            assert!((found - expected).abs() <= 1e-6 * expected, "{found} for {expected}, k = {k}");
        }
    }
}

#[test]
fn integer_sums_have_the_bits_of_the_cpu_in_a_block_and_out_of_it() {
    let Some(gpu) = open(&Options::new()) else { return };
    let n = 20_011;
    for (dim, k) in [(2, 3), (9, 40), (33, 100), (70, 200)] {
        let x = uniform(n * dim, 5);
        let labels: Vec<u32> =
            (0..n).map(|i| if i % 11 == 0 { NONE } else { (i * i % k) as u32 }).collect();
        let expected = sums_of(&CPU, &x, &labels, (dim, k));
        assert!(sums_of(&gpu, &x, &labels, (dim, k)) == expected, "{dim} × {k}");
    }
}

#[test]
fn sums_of_chunks_have_the_bits_of_the_cpu() {
    let Some(gpu) = open(&Options::new()) else { return };
    let values = uniform(100_003, 6);
    for chunk in [1, 17, 4096, 50_000, usize::MAX] {
        let count = values.len().div_ceil(chunk);
        let (mut found, mut expected) = (vec![0.0; count], vec![0.0; count]);
        let on = put(&gpu, &values);
        gpu.sums(&on, None, values.len(), chunk, &mut found).expect("a pass");
        let cpu = CPU;
        if chunk < usize::MAX {
            cpu.sums(&values, None, values.len(), chunk, &mut expected).expect("a pass");
        } else {
            cpu.sums(&values, None, values.len(), values.len(), &mut expected).expect("a pass");
        }
        assert!(found == expected, "chunks of {chunk}");
    }
}

/// What has no kernel: on the host, with the same answer.
#[test]
fn a_metric_without_a_kernel_has_the_answers_of_the_cpu() {
    let Some(gpu) = open(&Options::new()) else { return };
    let (x, y) = (uniform(50 * 6, 1), uniform(70 * 6, 2));
    let (on_x, on_y) = (put(&gpu, &x), put(&gpu, &y));
    for metric in [Metric::Canberra, Metric::BrayCurtis, Metric::Correlation] {
        let (mut dist, mut index) = (put(&gpu, &[f32::INFINITY; 150]), put(&gpu, &[NONE; 150]));
        let (a, b) = (rows::<Cuda>(&on_x, 6).expect("rows"), rows::<Cuda>(&on_y, 6).expect("rows"));
        let pairs = Pairs::new(a, b, metric).expect("pairs");
        gpu.nearest(pairs, Nearest { k: 3, dist: &mut dist, index: &mut index }).expect("a fold");
        let (mut near, mut at) = ([f32::INFINITY; 150], [NONE; 150]);
        let (a, b) = (Rows::new(&x[..], 6).expect("rows"), Rows::new(&y[..], 6).expect("rows"));
        let pairs = Pairs::new(a, b, metric).expect("pairs");
        let best = Nearest { k: 3, dist: &mut near[..], index: &mut at[..] };
        CPU.nearest(pairs, best).expect("a fold");
        assert_eq!(
            (get(&gpu, &dist), get(&gpu, &index)),
            (near.to_vec(), at.to_vec()),
            "{metric:?}"
        );
    }
}

/// Element offsets are 64 bits wide, on a device with the memory to show it.
#[test]
fn rows_past_two_to_the_31_elements_have_the_answers_of_the_cpu() {
    let Some(gpu) = open(&Options::new()) else { return };
    if gpu.gpu().memory < 24 << 30 {
        eprintln!("skipped: 9 GB of rows are too many for {}", gpu.gpu().name);
        return;
    }
    let (dim, n, last) = (64, (1 << 31) / 64 + 1000, 500);
    let (part, y) = (uniform(dim << 16, 3), uniform(40 * dim, 4));
    let mut x = gpu.alloc::<f32>(n * dim).expect("memory");
    for at in (0..n * dim).step_by(part.len()) {
        gpu.write(&mut x, at, &part[..part.len().min(n * dim - at)]).expect("a write");
    }
    let (mut dist, mut index) = (gpu.alloc(n).expect("memory"), gpu.alloc(n).expect("memory"));
    gpu.fill(&mut dist, f32::INFINITY).expect("a kernel");
    gpu.fill(&mut index, NONE).expect("a kernel");
    let (of_y, all) = (put(&gpu, &y), rows::<Cuda>(&x, dim).expect("rows"));
    let (end, of_y) = (all.range(n - last, n).expect("rows"), rows::<Cuda>(&of_y, dim));
    let pairs = Pairs::new(end, of_y.expect("rows"), Metric::SqEuclidean).expect("pairs");
    let best = Nearest { k: 1, dist: &mut dist, index: &mut index };
    gpu.nearest(pairs, best).expect("a fold");
    let (mut near, mut at) = (vec![0.0f32; last], vec![0u32; last]);
    gpu.read(&dist, n - last, &mut near).expect("a read");
    gpu.read(&index, n - last, &mut at).expect("a read");
    let cell = |at: usize| part[((n - last) * dim + at) % part.len()];
    let here: Vec<f32> = (0..last * dim).map(cell).collect();
    assert!((near, at) == on_cpu(&here, &y, dim, 1, Visit::All));
}
