//! What crosses the border between host and device, counted.

mod common;

use core::ops::ControlFlow;

use common::{groups, open, put};
use enfold_core::conformance::decorators::{Call, Traced};
use enfold_core::kmeans::lloyd::{Host, Parts, assign, update};
use enfold_core::{Alloc, KMeans, rows};
use enfold_cuda::{Cuda, Options};

const N: usize = 4096;
const DIM: usize = 8;
const K: usize = 16;

type Machine = Traced<Cuda>;

/// One step of Lloyd over explicit buffers reads the sums and the masses in one wait, nothing
/// else, and launches two kernels, whatever the number of rows.
#[test]
fn a_step_of_lloyd_reads_sums_and_masses_only() {
    let Some(gpu) = open(&Options::new()) else { return };
    let (data, b) = (groups(N, DIM, K, 1.0, 1), Traced::new(gpu.clone()));
    let x = put(&gpu, &data);
    let x = rows::<Machine>(&x, DIM).expect("rows");
    let (mut centers, mut sums, mut masses) =
        (data[..K * DIM].to_vec(), vec![0i64; K * DIM], vec![0i64; K]);
    let mut on = put(&gpu, &centers);
    let mut labels = gpu.alloc::<u32>(N).expect("memory");
    let mut dist = gpu.alloc::<f32>(N).expect("memory");
    let mut offsets = gpu.alloc::<i64>(K * DIM).expect("memory");
    let mut mass = gpu.alloc::<i64>(K).expect("memory");
    let mut step = || {
        let mut parts = Parts::<Machine> {
            centers: &mut on,
            labels: &mut labels,
            dist: &mut dist,
            offsets: &mut offsets,
            mass: &mut mass,
        };
        let mut host = Host { centers: &mut centers, offsets: &mut sums, mass: &mut masses };
        assign(&b, x, &mut parts).expect("labels");
        update(&b, x, None, 1048576.0, &mut parts, &mut host).expect("centres");
    };
    step();
    b.reset();
    let before = gpu.tally();
    step();
    let after = gpu.tally();
    println!("a Lloyd step: {} calls, {} read-backs", b.total(), b.calls(Call::ReadAll));
    assert_eq!(b.waits(), 1, "sums and masses");
    assert_eq!(b.bytes_read(), (8 * K * DIM + 8 * K) as u64);
    assert_eq!(b.bytes_written(), (4 * K * DIM) as u64);
    assert_eq!(b.bytes_allocated(), 0);
    assert_eq!(after.waits - before.waits, 1);
    assert!(after.launches - before.launches <= 6, "{before:?} {after:?}");
    assert_eq!(after.uploads - before.uploads, 1, "the centres");
}

/// An iteration of a fit reads how many rows moved in the same wait; a cost, where somebody looks
/// at it, in another.
#[test]
fn an_iteration_of_a_fit_waits_a_fixed_number_of_times() {
    let Some(gpu) = open(&Options::new()) else { return };
    let data = groups(N, DIM, 40, 6.0, 2);
    let x = put(&gpu, &data);
    for watched in [false, true] {
        let mut counts = Vec::new();
        for iterations in [4, 5, 6] {
            let (b, before) = (Traced::new(gpu.clone()), gpu.tally().waits);
            let options = KMeans::new(K).seed(1).max_iter(iterations).tolerance(0.0).bounds(false);
            let rows = rows::<Machine>(&x, DIM).expect("rows");
            let fit = match watched {
                true => options.fit_with(&b, rows, None, &mut |_| ControlFlow::Continue(())),
                false => options.fit(&b, rows),
            };
            assert_eq!(fit.expect("a fit").model.iterations, iterations, "data that need more");
            let waited = gpu.tally().waits - before;
            counts.push((b.waits(), b.bytes_read(), b.total(), waited));
        }
        check(watched, &counts);
    }
}

/// What one more iteration adds, twice.
fn check(watched: bool, counts: &[(u64, u64, u64, u64)]) {
    let (waits, bytes) = (counts[1].0 - counts[0].0, counts[1].1 - counts[0].1);
    println!(
        "an iteration of a fit: {waits} waits, {bytes} bytes, {} calls",
        counts[1].2 - counts[0].2
    );
    let cost = if watched { N.div_ceil(4096) } else { 0 };
    assert_eq!(waits, 1 + u64::from(watched), "sums, masses and moved rows; the cost");
    assert_eq!(bytes, 8 * (K * DIM + K + 1 + cost) as u64);
    // The first fit of a device also waits where it finds its ways.
    assert_eq!(counts[2].3 - counts[1].3, waits, "as the device counts");
    assert_eq!(counts[2].0 - counts[1].0, waits);
    assert_eq!(counts[2].1 - counts[1].1, bytes);
}
