//! Uploads run beside kernels, and nobody meets bytes that are still on their way. The stand-in
//! driver runs nothing before it is waited for, so a wait too few shows as old numbers there.

mod common;

use common::{get, open, put, uniform};
use enfold_core::{Alloc, Backend, Metric, NONE, Nearest, Pairs, rows};
use enfold_cuda::{Cuda, CudaBuf, Options};

/// 300 kB: far past what goes with the kernels.
const LONG: usize = 75_000;

fn numbers(gpu: &Cuda, from: u32) -> (CudaBuf<u32>, Vec<u32>) {
    let data: Vec<u32> = (from..from + LONG as u32).collect();
    (put(gpu, &data), data)
}

#[test]
fn a_long_write_is_read_whether_or_not_a_kernel_came_between() {
    let Some(gpu) = open(&Options::new()) else { return };
    let (mut buf, first) = numbers(&gpu, 1);
    assert_eq!(get(&gpu, &buf), first);
    gpu.fill(&mut buf, 7).expect("a kernel");
    let second: Vec<u32> = first.iter().map(|v| v * 3).collect();
    // The upload waits for the kernel that filled the buffer before.
    gpu.write(&mut buf, 0, &second).expect("a write");
    assert_eq!(get(&gpu, &buf), second);
    gpu.write(&mut buf, 0, &first).expect("a write");
    // The kernel waits for the upload.
    gpu.fill(&mut buf, 9).expect("a kernel");
    assert_eq!(get(&gpu, &buf), vec![9; LONG]);
}

#[test]
fn writes_of_any_length_act_in_order() {
    let Some(gpu) = open(&Options::new()) else { return };
    let (mut buf, mut expected) = numbers(&gpu, 5);
    for (at, len, value) in
        [(0, LONG, 1), (10, 3, 2), (5, LONG - 5, 3), (100, 20_000, 4), (7, 1, 5)]
    {
        gpu.write(&mut buf, at, &vec![value; len]).expect("a write");
        expected[at..at + len].fill(value);
    }
    assert_eq!(get(&gpu, &buf), expected);
}

#[test]
fn a_write_past_both_blocks_arrives_whole() {
    let Some(gpu) = open(&Options::new()) else { return };
    let len = 11 << 20; // 44 MB: three blocks of 16
    let data: Vec<u32> = (0..len).map(|i: u32| i.wrapping_mul(2_654_435_761)).collect();
    let buf = put(&gpu, &data);
    let other = put(&gpu, &data[1..]);
    assert!(get(&gpu, &buf) == data);
    assert!(get(&gpu, &other) == data[1..]);
}

#[test]
fn batches_in_turn_have_the_answers_of_batches_one_by_one() {
    let Some(gpu) = open(&Options::new()) else { return };
    let (dim, n) = (5, 8000);
    let y = put(&gpu, &uniform(40 * dim, 1));
    let batches: Vec<Vec<f32>> = (2..8).map(|seed| uniform(n * dim, seed)).collect();
    let fold = |x: &CudaBuf<f32>| {
        let (mut dist, mut index) = (put(&gpu, &vec![f32::INFINITY; n]), put(&gpu, &vec![NONE; n]));
        let (x, y) = (rows::<Cuda>(x, dim).expect("rows"), rows::<Cuda>(&y, dim).expect("rows"));
        let pairs = Pairs::new(x, y, Metric::SqEuclidean).expect("pairs");
        gpu.nearest(pairs, Nearest { k: 1, dist: &mut dist, index: &mut index }).expect("a fold");
        index
    };
    let mut turn =
        [gpu.alloc::<f32>(n * dim), gpu.alloc::<f32>(n * dim)].map(|b| b.expect("memory"));
    let mut found = Vec::new();
    for (at, batch) in batches.iter().enumerate() {
        let buf = &mut turn[at % 2];
        gpu.write(buf, 0, batch).expect("a write");
        found.push(fold(buf));
    }
    for (batch, found) in batches.iter().zip(&found) {
        assert_eq!(get(&gpu, found), get(&gpu, &fold(&put(&gpu, batch))));
    }
}

#[test]
fn a_buffer_may_go_before_its_bytes_came() {
    let Some(gpu) = open(&Options::new()) else { return };
    for turn in 0..20 {
        drop(numbers(&gpu, turn));
        let (buf, data) = numbers(&gpu, 100 * turn);
        assert_eq!(get(&gpu, &buf), data);
    }
    gpu.sync().expect("nothing came too late");
}
