//! What crosses the border between host and device, counted.

mod common;

use common::{get, open, put, uniform};
use enfold_core::conformance::stories;
use enfold_core::{Alloc, Backend, Metric, NONE, Nearest, Pairs, rows};
use enfold_wgpu::{Options, Wgpu};

const DIM: usize = 8;

/// And it launches six passes in three submissions at most, whatever the number of rows.
#[test]
fn a_step_of_lloyd_reads_sums_and_masses_only() {
    let Some(gpu) = open(&Options::new()) else { return };
    stories::a_step_of_lloyd_reads_sums_and_masses_only(
        &gpu,
        |gpu| gpu.tally(),
        |before, after| {
            assert_eq!(after.waits - before.waits, 1);
            assert!(after.passes - before.passes <= 6, "{before:?} {after:?}");
            assert!(after.submissions - before.submissions <= 3, "{before:?} {after:?}");
        },
    );
}

#[test]
fn an_iteration_of_a_fit_waits_a_fixed_number_of_times() {
    let Some(gpu) = open(&Options::new()) else { return };
    stories::an_iteration_of_a_fit_waits_a_fixed_number_of_times(&gpu, |gpu| gpu.tally().waits);
}

/// Data beyond a device come in batches through one buffer: a write waits for none of the folds
/// before it, and no fold sees the rows of another batch.
#[test]
fn batches_are_uploaded_while_earlier_folds_run() {
    let Some(gpu) = open(&Options::new()) else { return };
    let (rows_of, turns, m) = (1000, 20, 40);
    let y = put(&gpu, &uniform(m * DIM, 9));
    let y = rows::<Wgpu>(&y, DIM).expect("rows");
    let mut batch = gpu.alloc::<f32>(rows_of * DIM).expect("memory");
    let mut found = Vec::new();
    let before = gpu.tally();
    for turn in 0..turns {
        gpu.write(&mut batch, 0, &uniform(rows_of * DIM, turn)).expect("a write");
        let mut dist = gpu.alloc::<f32>(rows_of).expect("memory");
        let mut index = gpu.alloc::<u32>(rows_of).expect("memory");
        gpu.fill(&mut dist, f32::INFINITY).expect("a fill");
        gpu.fill(&mut index, NONE).expect("a fill");
        let x = rows::<Wgpu>(&batch, DIM).expect("rows");
        let pairs = Pairs::new(x, y, Metric::SqEuclidean).expect("pairs");
        let best = Nearest { k: 1, dist: &mut dist, index: &mut index };
        gpu.nearest(pairs, best).expect("a fold");
        found.push(index);
    }
    assert_eq!(gpu.tally().waits, before.waits, "a write or a fold waited");
    for (turn, index) in (0..turns).zip(&found) {
        let x = put(&gpu, &uniform(rows_of * DIM, turn));
        let pairs = Pairs::new(rows::<Wgpu>(&x, DIM).expect("rows"), y, Metric::SqEuclidean);
        let mut dist = put(&gpu, &vec![f32::INFINITY; rows_of]);
        let mut alone = put(&gpu, &vec![NONE; rows_of]);
        let best = Nearest { k: 1, dist: &mut dist, index: &mut alone };
        gpu.nearest(pairs.expect("pairs"), best).expect("a fold");
        assert!(get(&gpu, index) == get(&gpu, &alone), "batch {turn}");
    }
}

/// A long upload waits for the oldest of its parts only where four are under way.
#[test]
fn a_long_upload_waits_for_its_own_parts_only() {
    let Some(gpu) = open(&Options::new()) else { return };
    let data: Vec<u32> = (0..(6 << 23) + 5).collect();
    let mut buf = gpu.alloc::<u32>(data.len()).expect("memory");
    let before = gpu.tally();
    gpu.write(&mut buf, 0, &data).expect("a write");
    assert_eq!(gpu.tally().waits - before.waits, 2, "six parts, four of them under way");
    let mut end = [0; 5];
    gpu.read(&buf, 6 << 23, &mut end).expect("a read");
    assert_eq!(end, core::array::from_fn(|t| (6 << 23) + t as u32));
}
