//! Limits of an adapter, made small: what does not fit is walked in windows, with the same answer.

mod common;

use common::{get, open, put, uniform};
use enfold_core::conformance::laws;
use enfold_core::conformance::stories::{Found, nearest_of, sums_of};
use enfold_core::{Backend, Block, Metric, NONE, Nearest, Pairs, Visit, rows};
use enfold_cpu::Cpu;
use enfold_wgpu::{Options, Wgpu};

/// Bindings of 64 KiB, 16 workgroups to a side, and the least workgroup memory.
fn small() -> Options {
    Options::new().binding_limit(1 << 16).dispatch_limit(16).workgroup_limit(1 << 10)
}

const CPU: Cpu<f32> = Cpu::new();

fn on_gpu(gpu: &Wgpu, x: &[f32], y: &[f32], dim: usize, k: usize, visit: Visit<'_>) -> Found {
    nearest_of(gpu, (x, y), (dim, k), visit)
}

fn on_cpu(x: &[f32], y: &[f32], dim: usize, k: usize, visit: Visit<'_>) -> Found {
    nearest_of(&CPU, (x, y), (dim, k), visit)
}

/// Compares bits where the device is exact, rows by their distance otherwise.
fn same(gpu: &Wgpu, found: &Found, expected: &Found, what: &str) {
    if gpu.is_exact().expect("a device") {
        assert!(found.1 == expected.1, "rows: {what}");
        assert!(found.0 == expected.0, "distances: {what}");
    }
    for (found, expected) in found.0.iter().zip(&expected.0) {
        let near = found == expected || (found - expected).abs() <= 1e-5 * expected;
        assert!(near, "{found} for {expected}: {what}");
    }
}

#[test]
fn inputs_at_the_edges_of_groups_and_dispatches_have_the_answers_of_the_cpu() {
    let Some(gpu) = open(&Options::new()) else { return };
    let y = uniform(5 * 3, 9);
    let edges = [0, 1, 63, 64, 65, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, (1 << 18) - 1, 1 << 18];
    for n in edges.into_iter().chain([(1 << 18) + 1]) {
        let x = uniform(n * 3, n as u64);
        let (found, expected) =
            (on_gpu(&gpu, &x, &y, 3, 1, Visit::All), on_cpu(&x, &y, 3, 1, Visit::All));
        same(&gpu, &found, &expected, &format!("{n} rows"));
    }
    for m in [0, 1, 63, 64, 65, (1 << 16) - 1, 1 << 16, (1 << 16) + 1] {
        let (x, y) = (uniform(3 * 2, 1), uniform(m * 2, m as u64));
        let (found, expected) =
            (on_gpu(&gpu, &x, &y, 2, 2, Visit::All), on_cpu(&x, &y, 2, 2, Visit::All));
        same(&gpu, &found, &expected, &format!("{m} rows of y"));
    }
}

#[test]
fn more_neighbours_than_every_backend_must_take_are_found_all_the_same() {
    let Some(gpu) = open(&Options::new()) else { return };
    let (x, y) = (uniform(3 * 4, 1), uniform(400 * 4, 2));
    let found = on_gpu(&gpu, &x, &y, 4, 257, Visit::All);
    same(&gpu, &found, &on_cpu(&x, &y, 4, 257, Visit::All), "k = 257");
}

#[test]
fn rows_past_a_binding_are_walked_in_windows() {
    let Some(gpu) = open(&small()) else { return };
    // 16 384 numbers fit a binding: windows of 2304 rows of 7, and of 128 rows of 100.
    for (n, m, dim, k) in [(5000, 3000, 7, 1), (700, 900, 100, 3), (300, 40, 256, 1)] {
        let (x, y) = (uniform(n * dim, 3), uniform(m * dim, 4));
        let (found, expected) =
            (on_gpu(&gpu, &x, &y, dim, k, Visit::All), on_cpu(&x, &y, dim, k, Visit::All));
        same(&gpu, &found, &expected, &format!("{n} × {m} × {dim}"));
    }
    let block = |x, y| Block { x, y };
    let blocks =
        [block((0, 4000), (100, 130)), block((4000, 5000), (0, 3000)), block((7, 2500), (0, 64))];
    let (x, y) = (uniform(5000 * 7, 3), uniform(3000 * 7, 4));
    let visit = || Visit::Blocks(&blocks);
    let found = on_gpu(&gpu, &x, &y, 7, 2, visit());
    same(&gpu, &found, &on_cpu(&x, &y, 7, 2, visit()), "blocks");
    let found = on_gpu(&gpu, &x, &x, 7, 2, Visit::OffDiagonal);
    same(&gpu, &found, &on_cpu(&x, &x, 7, 2, Visit::OffDiagonal), "off the diagonal");
}

#[test]
fn rows_longer_than_a_binding_holds_go_through_the_host() {
    let Some(gpu) = open(&small()) else { return };
    let (x, y) = (uniform(3 * 300, 3), uniform(5 * 300, 4));
    let found = on_gpu(&gpu, &x, &y, 300, 2, Visit::All);
    same(&gpu, &found, &on_cpu(&x, &y, 300, 2, Visit::All), "64 rows of 300 are 75 KiB");
}

#[test]
fn integer_sums_have_the_bits_of_the_cpu_in_workgroup_memory_and_out_of_it() {
    let n = 20_011;
    for (dim, k) in [(2, 3), (9, 40), (33, 100)] {
        let x = uniform(n * dim, 5);
        let labels: Vec<u32> =
            (0..n).map(|i| if i % 11 == 0 { NONE } else { (i * i % k) as u32 }).collect();
        let expected = sums_of(&CPU, &x, &labels, (dim, k));
        for options in [Options::new().staged(true), Options::new().staged(false), small()] {
            let Some(gpu) = open(&options) else { return };
            let found = sums_of(&gpu, &x, &labels, (dim, k));
            assert!(found == expected, "{dim} × {k}: {options:?}");
        }
    }
}

#[test]
fn sums_of_chunks_have_the_bits_of_the_cpu_past_a_binding() {
    let Some(gpu) = open(&small()) else { return };
    let values = uniform(100_003, 6);
    for chunk in [1, 17, 4096, 50_000] {
        let count = values.len().div_ceil(chunk);
        let (mut found, mut expected) = (vec![0.0; count], vec![0.0; count]);
        let on = put(&gpu, &values);
        gpu.sums(&on, None, values.len(), chunk, &mut found).expect("a pass");
        let cpu = CPU;
        cpu.sums(&values, None, values.len(), chunk, &mut expected).expect("a pass");
        assert!(found == expected, "chunks of {chunk}");
    }
}

/// Cases of the suite with rows in registers, staged and out of a uniform that holds 512 rows of 32,
/// and with small limits.
#[test]
fn shaders_made_for_one_length_of_rows_give_the_same_numbers() {
    for staged in [false, true] {
        let options = small().workgroup_limit(16 << 10).staged(staged).specialize_after(0);
        let Some(gpu) = open(&options) else { return };
        for dim in [1, 3, 4, 8, 15, 17, 32, 36] {
            let (x, y) = (uniform(300 * dim, 3), uniform(600 * dim, 4));
            let block = |x, y| Block { x, y };
            let blocks = [block((0, 100), (3, 130)), block((70, 130), (130, 200))];
            for k in [1, 2] {
                for visit in [Visit::All, Visit::Blocks(&blocks)] {
                    let found = on_gpu(&gpu, &x, &y, dim, k, visit);
                    let expected = on_cpu(&x, &y, dim, k, visit);
                    let what = format!("{dim}, k {k}, staged: {staged}, {visit:?}");
                    same(&gpu, &found, &expected, &what);
                }
                let found = on_gpu(&gpu, &y, &y, dim, k, Visit::OffDiagonal);
                let expected = on_cpu(&y, &y, dim, k, Visit::OffDiagonal);
                same(&gpu, &found, &expected, &format!("{dim}, k {k}, off the diagonal"));
            }
        }
        laws::new_buffers_hold_zeros(&gpu);
        assert!(
            gpu.is_exact().expect("a device")
                == Wgpu::new().and_then(|g| g.is_exact()).expect("a device")
        );
    }
}

/// What is in the buffers wins ties by its row number, NaN never wins, and equal rows of y give the
/// lowest: where several rows of x share what is brought of y, too.
#[test]
fn ties_and_what_is_no_number_are_settled_as_on_the_cpu() {
    let Some(gpu) = open(&Options::new().specialize_after(0)) else { return };
    for dim in [2, 5, 32] {
        let mut y = uniform(70 * dim, 4);
        y.copy_within(0..30 * dim, 40 * dim);
        let mut x = [y.clone(), uniform(230 * dim, 5)].concat();
        x[7 * dim] = f32::NAN;
        y[9 * dim + 1] = f32::INFINITY;
        let found = on_gpu(&gpu, &x, &y, dim, 1, Visit::All);
        let expected = on_cpu(&x, &y, dim, 1, Visit::All);
        assert!(found.1[7] == NONE && expected.1[7] == NONE, "a row with NaN has no nearest");
        same(&gpu, &found, &expected, &format!("ties at {dim}"));
    }
    for (row, wins) in [(0, true), (2, false), (NONE, false)] {
        let (x, y) = (put(&gpu, &[1.0f32, 5.0]), put(&gpu, &[9.0f32, 2.0, 4.0]));
        let (mut dist, mut index) = (put(&gpu, &[1.0f32, f32::NAN]), put(&gpu, &[row, row]));
        let pairs = Pairs::new(
            rows::<Wgpu>(&x, 1).expect("rows"),
            rows::<Wgpu>(&y, 1).expect("rows"),
            Metric::SqEuclidean,
        );
        let best = Nearest { k: 1, dist: &mut dist, index: &mut index };
        gpu.nearest(pairs.expect("pairs"), best).expect("a fold");
        assert_eq!(get(&gpu, &index), [if wins { row } else { 1 }, 2], "{row} was there");
        assert_eq!(get(&gpu, &dist), [1.0, 1.0]);
    }
}

/// Rows that begin within a workgroup and are more than two banks hold: those before and after are
/// left as they were.
#[test]
fn rows_around_a_range_are_not_touched() {
    let Some(gpu) = open(&Options::new().specialize_after(0)) else { return };
    let (n, dim, range) = (2500, 32, 70..2450);
    let (x, y) = (uniform(n * dim, 7), uniform(40 * dim, 8));
    let (_, expected) = on_cpu(&x, &y, dim, 1, Visit::All);
    let (on_x, on_y) = (put(&gpu, &x), put(&gpu, &y));
    let (mut dist, mut index) = (put(&gpu, &vec![f32::INFINITY; n]), put(&gpu, &vec![NONE; n]));
    let all = rows::<Wgpu>(&on_x, dim).expect("rows");
    let part = all.range(range.start, range.end).expect("a range");
    let pairs = Pairs::new(part, rows::<Wgpu>(&on_y, dim).expect("rows"), Metric::SqEuclidean);
    let best = Nearest { k: 1, dist: &mut dist, index: &mut index };
    gpu.nearest(pairs.expect("pairs"), best).expect("a fold");
    let wanted = |i: usize| if range.contains(&i) { expected[i] } else { NONE };
    let wanted: Vec<u32> = (0..n).map(wanted).collect();
    assert!(get(&gpu, &index) == wanted);
}
