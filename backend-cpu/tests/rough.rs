//! The rough search: what it finds against an exact search, on rows made to be easy and hard.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use common::threads;
use enfold_core::distance::distance;
use enfold_core::neighbors::{Lists, Neighbors, Rough};
use enfold_core::random::Draws;
use enfold_core::{Metric, Rows};
use enfold_cpu::Cpu;
use proptest::prelude::*;

/// Curved sheets of four parameters in `dim` coordinates, with a little noise.
fn sheets(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let draws = Draws::new(seed, 3);
    let mut data = Vec::with_capacity(n * dim);
    for i in 0..n as u64 {
        let z = [0, 1, 2, 3].map(|t| draws.unit(i, t) * 2.0 - 1.0);
        for t in 0..dim {
            let (at, phase) = (t % 4, (t / 4) as f32);
            let noise = draws.unit(i, 8 + t as u32) - 0.5;
            data.push(3.0 * (z[at] + phase + (i % 5) as f32).sin() + 0.05 * noise);
        }
    }
    data
}

fn exact(rows: Rows<'_, [f32]>, options: Neighbors) -> Lists<f32> {
    options.within(&Cpu::new(), rows).unwrap()
}

/// The share of the exact lists that is found, by distance; distances must be the right ones.
fn recall(rows: Rows<'_, [f32]>, found: &Lists<f32>, truth: &Lists<f32>, metric: Metric) -> f64 {
    let (mut hits, mut all) = (0, 0);
    for i in 0..rows.len() {
        let ((dist, index), true_dist) = (found.row(i), truth.row(i).0);
        let me = rows.start() + i;
        for (&d, &j) in dist.iter().zip(index) {
            assert_ne!(me, j as usize);
            assert_eq!(d, distance(metric, rows.row(me), rows.row(j as usize)));
        }
        assert!(dist.is_sorted());
        hits += dist.iter().filter(|d| *d <= true_dist.last().unwrap()).count();
        all += true_dist.len();
    }
    hits as f64 / all as f64
}

fn rough(data: &[f32], dim: usize, options: Neighbors, share: f64) -> Rough<f32> {
    options.roughly(&Cpu::new(), Rows::new(data, dim).unwrap(), share).unwrap()
}

/// Three standard errors of a sample of 256 rows, whose neighbours are missed together.
const SLACK: f64 = 0.02;

#[test]
fn sketches_of_wide_rows_find_the_share_that_is_asked() {
    let (n, dim) = (6000, 150);
    let data = sheets(n, dim, 1);
    let rows = Rows::new(&data[..], dim).unwrap();
    let options = Neighbors::new(10);
    let truth = exact(rows, options);
    for share in [0.8, 0.95, 0.99] {
        let found = rough(&data, dim, options, share);
        let all = recall(rows, &found.lists, &truth, Metric::SqEuclidean);
        assert!(found.recall >= share && all >= share - SLACK, "{share} {} {all}", found.recall);
        assert!(found.visited < 0.6, "{share} {}", found.visited);
    }
}

#[test]
fn far_from_the_origin_distances_are_still_those_of_the_rows() {
    let (n, dim) = (3000, 80);
    let data: Vec<f32> = sheets(n, dim, 2).iter().map(|v| v + 3000.0).collect();
    let rows = Rows::new(&data[..], dim).unwrap();
    for metric in [Metric::Euclidean, Metric::Manhattan, Metric::Chebyshev] {
        let options = Neighbors::new(7).metric(metric);
        let found = rough(&data, dim, options, 0.9);
        let all = recall(rows, &found.lists, &exact(rows, options), metric);
        assert!(found.recall >= 0.9 && all >= 0.9 - SLACK, "{metric:?} {all}");
    }
}

#[test]
fn rows_without_structure_are_searched_exactly() {
    let (n, dim) = (2500, 300);
    let draws = Draws::new(4, 4);
    let data: Vec<f32> = (0..n * dim).map(|at| draws.unit(at as u64, 0)).collect();
    let options = Neighbors::new(15);
    let found = rough(&data, dim, options, 0.99);
    assert_eq!((found.recall, found.visited), (1.0, 1.0));
    assert_eq!(found.lists, exact(Rows::new(&data[..], dim).unwrap(), options));
}

#[test]
fn equal_rows_are_neighbours_at_distance_zero() {
    let (n, dim) = (3000, 70);
    for distinct in [1, 2, 40, 1500] {
        let few = sheets(distinct, dim, 5);
        let data: Vec<f32> =
            (0..n).flat_map(|i| few[i % distinct * dim..][..dim].to_vec()).collect();
        let rows = Rows::new(&data[..], dim).unwrap();
        let options = Neighbors::new(3);
        let found = rough(&data, dim, options, 0.9);
        let all = recall(rows, &found.lists, &exact(rows, options), Metric::SqEuclidean);
        assert!(all >= 0.9 - SLACK, "{distinct}: {all}");
    }
}

#[test]
fn any_number_of_threads_gives_the_same_lists() {
    let (n, dim) = (5000, 90);
    let data = sheets(n, dim, 6);
    let one = threads(1, || rough(&data, dim, Neighbors::new(8), 0.95));
    assert!(one.visited < 1.0);
    for count in [2, 7] {
        assert_eq!(one, threads(count, || rough(&data, dim, Neighbors::new(8), 0.95)));
    }
}

/// Rows that do not begin the buffer are numbered by their place in it.
#[test]
fn a_part_of_a_buffer_is_numbered_by_the_buffer() {
    let (n, dim) = (4000, 20);
    let data = sheets(n, dim, 7);
    let part = Rows::new(&data[..], dim).unwrap().range(1000, n).unwrap();
    let options = Neighbors::new(5);
    let found = options.roughly(&Cpu::new(), part, 0.95).unwrap();
    let all = recall(part, &found.lists, &exact(part, options), Metric::SqEuclidean);
    assert!(found.visited < 1.0 && all >= 0.95 - SLACK, "{all}");
    assert!(found.lists.indices().iter().all(|&j| j as usize >= 1000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_is_asked_is_found_on_any_shape(
        n in 2048usize..4000, dim in prop_oneof![1usize..12, 60usize..70, Just(129)],
        k in 1usize..20, share in 0.5f64..0.99, scale in -18i32..18, seed in 0u64..1000,
    ) {
        let data: Vec<f32> =
            sheets(n, dim, seed).iter().map(|v| v * 10f32.powi(scale / 2)).collect();
        let rows = Rows::new(&data[..], dim).unwrap();
        let options = Neighbors::new(k).metric(Metric::Euclidean);
        let found = rough(&data, dim, options, share);
        let all = recall(rows, &found.lists, &exact(rows, options), Metric::Euclidean);
        // A sample of 256 lists of k at a recall of one half: three standard errors.
        let slack = SLACK + 1.5 / 256f64.sqrt();
        prop_assert!(found.recall >= share && all >= share - slack, "{share} {all} {found:?}");
    }
}
