//! More than 2³¹ coordinates in one buffer: offsets of 32 bits would go wrong here.
//!
//! Takes 9 GiB of memory and is therefore run by name: `./ci.sh large`.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use enfold_core::kmeans::Init;
use enfold_core::store::{Sizes, Slots};
use enfold_core::{
    Backend, KMeans, Metric, NONE, Nearest, Pairs, Rows, Stream, StreamOptions, StreamState, Sums,
};
use enfold_cpu::Cpu;

const DIM: usize = 54;
const N: usize = 40_000_000;
/// The first row that begins past 2³¹ coordinates.
const EDGE: usize = (1usize << 31).div_ceil(DIM);
/// Clusters; the last two have rows only from the edge on.
const K: usize = 6;

fn label(row: usize) -> u32 {
    (if row < EDGE { row % 4 } else { 4 + row % 2 }) as u32
}

/// How far a row lies from its centre, along the last coordinate.
fn step(row: usize) -> u32 {
    (row / 8 % 3) as u32
}

/// Small whole numbers: every distance and sum below is exact.
fn data() -> Vec<f32> {
    let mut data = vec![0.0; N * DIM];
    for (i, row) in data.chunks_exact_mut(DIM).enumerate() {
        row[0] = 10.0 * label(i) as f32;
        row[DIM - 1] = step(i) as f32;
    }
    data
}

fn centres() -> Vec<f32> {
    (0..K * DIM).map(|i| if i % DIM == 0 { (10 * (i / DIM)) as f32 } else { 0.0 }).collect()
}

/// Rows, their steps, and the squares of these, by label.
fn totals(from: usize) -> [[u64; 3]; K] {
    let mut totals = [[0; 3]; K];
    for i in from..N {
        let (of, step) = (&mut totals[label(i) as usize], u64::from(step(i)));
        of.iter_mut().zip([1, step, step * step]).for_each(|(sum, v)| *sum += v);
    }
    totals
}

/// Rows, then centres, in one buffer would be a copy: x and y are buffers of their own.
fn labels_and_distances(
    cpu: &Cpu<f32>,
    rows: Rows<'_, [f32]>,
    centres: Rows<'_, [f32]>,
) -> Vec<u32> {
    let (mut dist, mut index) = (vec![f32::INFINITY; N], vec![NONE; N]);
    let best = Nearest { k: 1, dist: &mut dist[..], index: &mut index[..] };
    cpu.nearest(Pairs::new(rows, centres, Metric::SqEuclidean).unwrap(), best).unwrap();
    let wrong = (0..N).find(|&i| index[i] != label(i) || dist[i] != (step(i) * step(i)) as f32);
    assert_eq!(wrong, None);
    index
}

fn sums_are_those_of(
    cpu: &Cpu<f32>,
    rows: Rows<'_, [f32]>,
    centres: Rows<'_, [f32]>,
    labels: &[u32],
) {
    let (mut offsets, mut mass) = (vec![0i64; K * DIM], vec![0i64; K]);
    let into = Sums { offsets: &mut offsets[..], mass: &mut mass[..], scatter: None };
    cpu.accumulate(rows, labels, None, centres, 16.0, into).unwrap();
    for (c, [count, steps, _]) in totals(0).into_iter().enumerate() {
        assert_eq!(mass[c], (count << 16) as i64);
        let (last, others) = offsets[c * DIM..(c + 1) * DIM].split_last().unwrap();
        assert_eq!(*last, 16 * steps as i64, "centre {c}");
        assert!(others.iter().all(|&sum| sum == 0));
    }
}

fn k_means_is_that_of(cpu: &Cpu<f32>, rows: Rows<'_, [f32]>) {
    let fit = KMeans::new(K).init(Init::given(&centres())).max_iter(2).fit(cpu, rows).unwrap();
    assert_eq!((0..N).find(|&i| fit.labels[i] != label(i)), None);
    let mut cost = 0.0;
    for (cluster, [count, steps, squares]) in fit.model.clusters.iter().zip(totals(0)) {
        let [count, steps, squares] = [count, steps, squares].map(|v| v as f64);
        assert_eq!(cluster.weight, count);
        cost += squares - steps * steps / count;
    }
    assert!((fit.model.cost / cost - 1.0).abs() < 1e-6, "{} for {cost}", fit.model.cost);
}

/// Fewer rows differ than there is room for: every micro-cluster is one of them, exactly.
fn a_stream_of_the_last_is_that_of(cpu: Cpu<f32>, rows: Rows<'_, [f32]>, from: usize) {
    let sizes = Sizes { capacity: 32, batch: 1024, sample: 64, lists: 4 };
    let store = Slots::alloc(&cpu, DIM, sizes).unwrap();
    let mut stream = Stream::new(cpu, store, DIM, StreamOptions::new()).unwrap();
    stream.push(rows.range(from, N).unwrap(), None).unwrap();
    let found = stream.finish(3 * K).unwrap();
    let mut weight = [0.0; K];
    for (centre, cluster) in found.model.centers.chunks(DIM).zip(&found.model.clusters) {
        weight[(centre[0] / 10.0) as usize] += cluster.weight;
    }
    assert_eq!(weight, totals(from).map(|[count, ..]| count as f64));
}

#[test]
#[ignore = "takes 9 GiB of memory"]
fn rows_past_two_to_the_31_coordinates() {
    const { assert!(N * DIM > 1 << 31 && EDGE < N) };
    let (data, centres, cpu) = (data(), centres(), Cpu::new());
    let (rows, centres) =
        (Rows::new(&data[..], DIM).unwrap(), Rows::new(&centres[..], DIM).unwrap());
    let labels = labels_and_distances(&cpu, rows, centres);
    sums_are_those_of(&cpu, rows, centres, &labels);
    k_means_is_that_of(&cpu, rows);
    a_stream_of_the_last_is_that_of(cpu, rows, EDGE - 200_000);
}
