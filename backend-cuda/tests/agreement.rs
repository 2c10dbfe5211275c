//! Whole algorithms on the CPU and on a GPU: the same bits, but for scores in `f32` sums.

mod common;

use common::{differing, groups, open, put};
use enfold_core::conformance::stories;
use enfold_core::{KMeans, Rows, rows};
use enfold_cpu::Cpu;
use enfold_cuda::{Cuda, Filter, Options};

const CPU: Cpu<f32> = Cpu::new();

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
    stories::kmeans_is_the_same_fit(&CPU, &gpu, true);
}

#[test]
fn a_stream_has_the_same_state() {
    let Some(gpu) = open(&Options::new()) else { return };
    stories::streams_have_the_same_state(&CPU, &gpu, true);
}

#[test]
fn neighbours_are_the_same() {
    let Some(gpu) = open(&Options::new()) else { return };
    stories::neighbours_are_the_same(&CPU, &gpu, true);
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
