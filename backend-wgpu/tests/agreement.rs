//! Whole algorithms on the CPU and on a GPU. On a device that keeps IEEE's rules the results are
//! the same bits; on another, labels may differ where two distances differ by less than the bound.

mod common;

use common::{data, differing, open, put};
use enfold_core::conformance::stories;
use enfold_core::conformance::tolerance::relative;
use enfold_core::{KMeans, Metric, Rows, rows};
use enfold_cpu::Cpu;
use enfold_wgpu::{Options, Wgpu};

const CPU: Cpu<f32> = Cpu::new();
const DIM: usize = stories::DIM;

fn exact(gpu: &Wgpu) -> bool {
    gpu.is_exact().expect("a device")
}

/// How many rows have two centres that are equally far within twice the accuracy of a distance.
fn uncertain(data: &[f32], centers: &[f32]) -> usize {
    let bound = 2.0 * relative::<f32>(Metric::SqEuclidean, DIM);
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    let far = |row: &[f32], c: &[f32]| row.iter().zip(c).map(square).sum::<f64>();
    let close = |row: &&[f32]| {
        let mut all: Vec<f64> = centers.chunks(DIM).map(|c| far(row, c)).collect();
        all.sort_by(f64::total_cmp);
        all[1] - all[0] <= bound * all[1]
    };
    data.chunks(DIM).filter(close).count()
}

#[test]
fn labels_of_given_centres_differ_only_in_uncertain_rows() {
    let Some(gpu) = open(&Options::new()) else { return };
    let data = data();
    let host = Rows::new(&data[..], DIM).expect("rows");
    let fit = KMeans::new(12).seed(3).fit(&CPU, host).expect("a fit");
    let on = put(&gpu, &data);
    let found = fit.model.predict(&gpu, rows::<Wgpu>(&on, DIM).expect("rows")).expect("labels");
    let labels = fit.model.predict(&CPU, host).expect("labels");
    let (differ, unsure) = (differing(&found, &labels), uncertain(&data, &fit.model.centers));
    println!("k-means: {differ} of {} labels differ, {unsure} rows are uncertain", labels.len());
    assert!(differ <= unsure);
}

#[test]
fn kmeans_is_the_same_fit() {
    let Some(gpu) = open(&Options::new()) else { return };
    stories::kmeans_is_the_same_fit(&CPU, &gpu, exact(&gpu));
}

#[test]
fn a_stream_has_the_same_state() {
    let Some(gpu) = open(&Options::new()) else { return };
    stories::streams_have_the_same_state(&CPU, &gpu, exact(&gpu));
}

#[test]
fn neighbours_are_the_same() {
    let Some(gpu) = open(&Options::new()) else { return };
    stories::neighbours_are_the_same(&CPU, &gpu, exact(&gpu));
}

#[test]
fn dbscan_has_the_same_labels() {
    let Some(gpu) = open(&Options::new()) else { return };
    stories::dbscan_has_the_same_labels(&CPU, &gpu);
}

#[test]
fn silhouettes_are_near() {
    let Some(gpu) = open(&Options::new()) else { return };
    stories::silhouettes_are_near(&CPU, &gpu);
}
