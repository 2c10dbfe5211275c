//! Mini-batch k-means: running means, starved centres, and its place next to Lloyd.

use enfold_core::kmeans::{Init, MiniBatch};
use enfold_core::{Error, KMeans, Rows};
use enfold_cpu::Cpu;

const CPU: Cpu<f32> = Cpu::new();

fn groups(n: usize, k: usize) -> Vec<f32> {
    let noise = |i: usize| (i * 7919 % 1000) as f32 / 1000.0;
    (0..n).flat_map(|i| [(i % k) as f32 * 10.0 + noise(i), noise(i * 31 + 7)]).collect()
}

/// `fast_pytorch_kmeans`#12: with counts still 0, the first batch gives plain means.
#[test]
fn the_first_batch_gives_exact_means() {
    let data = [1.0f32, 2.0, 4.0, 101.0, 103.0];
    let options = MiniBatch::new(2).init(Init::given(&[0.0f32, 90.0]));
    let mut state = options.start::<f32>();
    state.partial_fit(&CPU, Rows::new(&data[..], 1).expect("rows"), None).expect("taken in");
    assert_eq!(state.model().centers, [7.0 / 3.0, 102.0]);
}

#[test]
fn centres_are_running_means_whatever_the_batches() {
    let data = groups(600, 3);
    let start = Init::given(&[0.5f32, 0.5, 10.5, 0.5, 20.5, 0.5]);
    let means = |size: usize| {
        let mut state = MiniBatch::new(3).init(start.clone()).start::<f32>();
        for batch in data.chunks(size * 2) {
            state.partial_fit(&CPU, Rows::new(batch, 2).expect("rows"), None).expect("taken in");
        }
        state.model()
    };
    let whole = means(600);
    for size in [1, 7, 100] {
        let parts = means(size);
        assert_eq!(parts.clusters.len(), 3);
        for (a, b) in parts.centers.iter().zip(&whole.centers) {
            assert!((a - b).abs() <= 4e-6, "{size}: {a} {b}");
        }
        assert!(parts.clusters.iter().all(|c| c.weight == 200.0));
    }
}

#[test]
fn a_failed_batch_changes_nothing() {
    let mut state = MiniBatch::new(2).start::<f32>();
    let bad = [1.0f32, f32::NAN];
    let error = state.partial_fit(&CPU, Rows::new(&bad[..], 1).expect("rows"), None);
    assert_eq!(error, Err(Error::NotFinite { row: 1 }));
    assert_eq!(state, MiniBatch::new(2).start());
    state.partial_fit(&CPU, Rows::new(&[1.0f32, 5.0][..], 1).expect("rows"), None).expect("ok");
    let before = state.clone();
    let error = state.partial_fit(&CPU, Rows::new(&[1.0f32, 5.0][..], 2).expect("rows"), None);
    assert!(matches!(error, Err(Error::Shape(_))));
    assert_eq!(state, before);
}

/// scikit-learn PR#1682, PR#2355: starved centres, with none, one and many rows to put them on.
#[test]
fn starved_and_missing_centres_are_put_on_far_rows() {
    let options = MiniBatch::new(3).reassign(0.5).seed(1);
    let mut state = options.start::<f32>();
    let same = [0.0f32; 40];
    state.partial_fit(&CPU, Rows::new(&same[..], 1).expect("rows"), None).expect("taken in");
    assert_eq!(state.k(), 1, "equal rows leave nothing to put a centre on");
    let mut data = [0.0f32; 40];
    (data[3], data[4]) = (50.0, -50.0);
    for _ in 0..20 {
        state.partial_fit(&CPU, Rows::new(&data[..], 1).expect("rows"), None).expect("taken in");
    }
    assert_eq!(state.k(), 3);
    let mut centers = state.model().centers;
    centers.sort_by(f32::total_cmp);
    assert!(centers[0] < -20.0 && centers[1].abs() < 1.0 && centers[2] > 20.0, "{centers:?}");
}

#[test]
fn a_fit_comes_close_to_lloyd() {
    let data = groups(20_000, 10);
    let rows = Rows::new(&data[..], 2).expect("rows");
    let full = KMeans::new(10).seed(1).fit(&CPU, rows).expect("fits").model;
    let fit = MiniBatch::new(10).seed(1).batch(256).fit(&CPU, rows, None).expect("fits");
    assert_eq!(fit.model.k(), 10);
    assert!(fit.model.cost < full.cost * 1.05, "{} {}", fit.model.cost, full.cost);
    assert_eq!(fit.model.predict(&CPU, rows).expect("labels"), fit.labels);
    let same = MiniBatch::new(10).seed(1).batch(256).fit(&CPU, rows, None).expect("fits");
    assert_eq!(same, fit);
}

#[test]
fn rows_are_drawn_by_weight() {
    let data = groups(1000, 2);
    let weights: Vec<f32> = (0..1000).map(|i| if i % 2 == 0 { 1.0 } else { 0.0 }).collect();
    let rows = Rows::new(&data[..], 2).expect("rows");
    let options = MiniBatch::new(1).batch(64);
    let model = options.fit(&CPU, rows, Some(&weights)).expect("fits").model;
    assert!((model.centers[0] - 0.5).abs() < 0.1, "{:?}", model.centers);
    assert_eq!(model.clusters[0].weight, 500.0);
}

#[test]
fn options_are_checked() {
    let rows = Rows::new(&[1.0f32, 2.0][..], 1).expect("rows");
    let fails = |options: MiniBatch| options.fit(&CPU, rows, None).is_err();
    assert!(fails(MiniBatch::new(0)));
    assert!(fails(MiniBatch::new(1).batch(0)));
    assert!(fails(MiniBatch::new(1).reassign(1.0)));
    assert!(fails(MiniBatch::new(1).reassign(f64::NAN)));
}
