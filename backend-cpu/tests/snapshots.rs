//! A stream's bytes: the same for every batch split, number of threads, instruction set and tree
//! of deferred merges, on rows that take the filtered and the narrow path.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use common::{levels, threads};
use enfold_core::random::Draws;
use enfold_core::store::{Owned, Sizes, Slots};
use enfold_core::stream::Merge;
use enfold_core::{Rows, Stream, StreamOptions, StreamState};
use enfold_cpu::{Cpu, Isa};

type Host = Stream<Cpu<f32>, Owned<Cpu<f32>>>;

const THREADS: [usize; 3] = [1, 2, 7];
/// Rows per push, and the rows that a stream takes together.
const SPLITS: [(usize, usize); 5] =
    [(12_000, 4096), (1, 512), (977, 1000), (4096, 37), (5000, 8000)];

/// Blobs, some of them far apart, with rows that occur twice.
fn blobs(n: usize, dim: usize) -> Vec<f32> {
    let draws = Draws::new(3, 77);
    let mut rows = Vec::with_capacity(n * dim);
    for i in 0..n as u64 {
        let i = if i % 11 == 10 { i - 7 } else { i };
        let blob = draws.below(i, 0, 40);
        for t in 0..dim as u32 {
            let center = draws.below(blob, 1000 + t, 9) as f32 * 4.0;
            rows.push(center + draws.unit(i, 1 + t) + draws.unit(i, 500 + t));
        }
    }
    rows
}

fn stream(isa: Isa, dim: usize, batch: usize, options: StreamOptions) -> Host {
    let cpu = Cpu::with_isa(isa).unwrap();
    let sizes = Sizes { capacity: 300, batch, sample: 700, lists: 8 };
    Stream::new(cpu, Slots::alloc(&cpu, dim, sizes).unwrap(), dim, options).unwrap()
}

fn push(stream: &mut Host, data: &[f32], dim: usize, rows: usize) {
    for batch in data.chunks(rows * dim) {
        stream.push(Rows::new(batch, dim).unwrap(), None).unwrap();
    }
}

#[test]
fn bytes_depend_on_rows_alone() {
    for dim in [3, 20] {
        let data = blobs(12_000, dim);
        let mut first: Option<Vec<u8>> = None;
        for isa in levels() {
            for count in THREADS {
                for (rows, batch) in SPLITS {
                    let bytes = threads(count, || {
                        let mut stream = stream(isa, dim, batch, StreamOptions::new().seed(9));
                        push(&mut stream, &data, dim, rows);
                        assert!(stream.rebuilds() > 2, "the stream has to work for it");
                        stream.to_bytes().unwrap()
                    });
                    let first = first.get_or_insert_with(|| bytes.clone());
                    assert!(*first == bytes, "{isa:?}, {count} threads, {rows} rows, dim {dim}");
                }
            }
        }
    }
}

/// Fits lie beside each other on the threads there are; which is cheapest does not depend on them.
#[test]
fn clusters_depend_on_the_state_alone() {
    let dim = 5;
    let data = blobs(6_000, dim);
    let mut first = None;
    for isa in levels() {
        for count in THREADS {
            let found = threads(count, || {
                let mut stream = stream(isa, dim, 512, StreamOptions::new().seed(4));
                push(&mut stream, &data, dim, 512);
                (stream.finish(9).unwrap(), stream.elbow(4).unwrap())
            });
            let first = first.get_or_insert_with(|| found.clone());
            assert!(*first == found, "{isa:?}, {count} threads");
        }
    }
}

#[test]
fn any_tree_of_deferred_merges_has_the_same_bytes_on_any_level() {
    let dim = 20;
    let data = blobs(12_000, dim);
    let levels = levels();
    let shard = |number: usize| {
        let options = StreamOptions::new().stream(number as u32).merge(Merge::Deferred);
        let mut shard = stream(levels[number % levels.len()], dim, 1024, options);
        push(&mut shard, &data[number * 3000 * dim..][..3000 * dim], dim, 700);
        shard
    };
    let union = |order: &[usize]| {
        let mut all = shard(order[0]);
        order[1..].iter().for_each(|&number| all.merge(&shard(number)).unwrap());
        all
    };
    let chain = union(&[0, 1, 2, 3]);
    let (mut left, right) = (union(&[3, 1]), union(&[2, 0]));
    left.merge(&right).unwrap();
    assert!(chain.to_bytes().unwrap() == left.to_bytes().unwrap());
    assert_eq!(chain.finish(40).unwrap(), left.finish(40).unwrap());
}
