//! Whole algorithms on the CPU and on a GPU: the same bits, but for scores in `f32` sums.

mod common;

use common::{groups, open, put};
use enfold_core::neighbors::Neighbors;
use enfold_core::scores::Silhouette;
use enfold_core::stream::{Stream, StreamOptions};
use enfold_core::{Dbscan, KMeans, Metric, Rows, Sizes, Slots, StreamState, rows};
use enfold_cpu::Cpu;
use enfold_cuda::{Cuda, Filter, Options};

const N: usize = 3000;
const DIM: usize = 5;
const CPU: Cpu<f32> = Cpu::new();

fn data() -> Vec<f32> {
    groups(N, DIM, 12, 1.5, 4)
}

fn host(data: &[f32]) -> Rows<'_, [f32]> {
    Rows::new(data, DIM).expect("rows")
}

fn differing(a: &[u32], b: &[u32]) -> usize {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).filter(|(a, b)| a != b).count()
}

#[test]
fn labels_of_given_centres_are_the_same_with_every_filter() {
    let data = groups(3000, 33, 40, 6.0, 7);
    let host = Rows::new(&data[..], 33).expect("rows");
    let fit = KMeans::new(40).seed(3).max_iter(3).fit(&CPU, host).expect("a fit");
    let labels = fit.model.predict(&CPU, host).expect("labels");
    for filter in [Filter::Off, Filter::Auto, Filter::Single, Filter::Matrix] {
        let Some(gpu) = open(&Options::new().filter(filter)) else { return };
        let on = put(&gpu, &data);
        let found = fit.model.predict(&gpu, rows::<Cuda>(&on, 33).expect("rows")).expect("labels");
        assert_eq!(differing(&found, &labels), 0, "{filter:?}");
    }
}

#[test]
fn kmeans_is_the_same_fit() {
    let Some(gpu) = open(&Options::new()) else { return };
    let data = data();
    let on = put(&gpu, &data);
    for seed in [1, 2] {
        let options = KMeans::new(12).seed(seed);
        let here = options.fit(&CPU, host(&data)).expect("a fit");
        let there = options.fit(&gpu, rows::<Cuda>(&on, DIM).expect("rows")).expect("a fit");
        let off = (here.model.cost / there.model.cost - 1.0).abs();
        println!("k-means, seed {seed}: costs differ by {off:e}");
        assert!(here == there, "the same fit");
    }
    let spherical = KMeans::new(5).seed(1).metric(Metric::Cosine);
    let here = spherical.fit(&CPU, host(&data)).expect("a fit");
    let there = spherical.fit(&gpu, rows::<Cuda>(&on, DIM).expect("rows")).expect("a fit");
    assert!(here == there, "spherical");
}

#[test]
fn a_stream_has_the_same_state() {
    let Some(gpu) = open(&Options::new()) else { return };
    let data = data();
    let sizes = Sizes { capacity: 60, batch: 512, sample: 200, lists: 6 };
    let options = StreamOptions::new().seed(5);
    let store = Slots::alloc(&CPU, DIM, sizes).expect("memory");
    let mut here = Stream::new(CPU, store, DIM, options).expect("a stream");
    let store = Slots::alloc(&gpu, DIM, sizes).expect("memory");
    let mut there = Stream::new(gpu.clone(), store, DIM, options).expect("a stream");
    here.push(host(&data), None).expect("a push");
    let on = put(&gpu, &data);
    there.push(rows::<Cuda>(&on, DIM).expect("rows"), None).expect("a push");
    let (a, b) = (here.finish(6).expect("clusters"), there.finish(6).expect("clusters"));
    let off = (a.model.cost / b.model.cost - 1.0).abs();
    println!("stream: costs differ by {off:e}");
    assert_eq!(here.to_bytes().expect("bytes"), there.to_bytes().expect("bytes"));
    assert_eq!(a.model, b.model);
}

#[test]
fn neighbours_are_the_same() {
    let Some(gpu) = open(&Options::new()) else { return };
    let data = data();
    let on = put(&gpu, &data);
    let x = rows::<Cuda>(&on, DIM).expect("rows");
    for (k, metric) in [(1, Metric::Euclidean), (15, Metric::SqEuclidean), (7, Metric::Manhattan)] {
        let options = Neighbors::new(k).metric(metric);
        let here = options.within(&CPU, host(&data)).expect("lists");
        let there = options.within(&gpu, x).expect("lists");
        let differ = differing(here.indices(), there.indices());
        println!("{k} neighbours, {metric:?}: {differ} of {} entries differ", N * k);
        assert!(here == there, "{k} {metric:?}");
        for (a, b) in here.distances().iter().zip(there.distances()) {
            assert!((a - b).abs() <= 1e-5 * a, "{a} {b}");
        }
    }
}

/// DBSCAN settles what is near eps on the host in `f64`, so its labels hang on no machine.
#[test]
fn dbscan_has_the_same_labels() {
    let Some(gpu) = open(&Options::new()) else { return };
    let data = data();
    let on = put(&gpu, &data);
    for (eps, metric) in [(0.9, Metric::Euclidean), (1.5, Metric::Manhattan)] {
        let options = Dbscan::new(eps, 5).metric(metric);
        let here = options.fit(&CPU, host(&data)).expect("a fit");
        let there = options.fit(&gpu, rows::<Cuda>(&on, DIM).expect("rows")).expect("a fit");
        assert_eq!(differing(&here.labels, &there.labels), 0, "{eps} {metric:?}");
        assert_eq!(here.cores, there.cores);
        assert!(here.model.clusters() > 1);
    }
}

#[test]
fn silhouettes_are_near() {
    let Some(gpu) = open(&Options::new()) else { return };
    let data = data();
    let labels: Vec<u32> = KMeans::new(6).fit(&CPU, host(&data)).expect("a fit").labels;
    let on = put(&gpu, &data);
    let here = Silhouette::new().score(&CPU, host(&data), &labels).expect("a score");
    let there = Silhouette::new().score(&gpu, rows::<Cuda>(&on, DIM).expect("rows"), &labels);
    let off = (here - there.expect("a score")).abs();
    println!("silhouette: {here}, off by {off:e}");
    assert!(off < 1e-5);
}
