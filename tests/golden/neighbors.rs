//! Neighbours against golden files: exact lists in f64 (`README.md`).
//!
//! The files order neighbours by (distance, row number), as enfold does. Distances may differ in
//! their last digits, so rows that are as far but for these may change places.

use enfold::neighbors::{Neighbors, Search, k_distances};
use enfold::{Cpu, Metric, Rows};
use enfold_cpu::Folds;

use crate::{COMMITTED, Golden, SMALL, others};

/// Neighbours in a list of the files.
const K: usize = 15;

/// Asserts that every way finds the lists of a file: at each place the row of the file, or one
/// that is as far to a part `tolerance` of the distance, and none twice.
fn check<T: Folds>(name: &str, data: &[f64], dim: usize, lists: &[Vec<f64>; 2], tolerance: f64) {
    let rounded: Vec<T> = data.iter().map(|&v| T::of_f64(v)).collect();
    let (cpu, rows) = (Cpu::<T>::new(), Rows::new(&rounded[..], dim).expect("whole rows"));
    let [index, dist] = lists;
    assert_eq!(dist.len(), rows.len() * K, "{name}");
    let row = |i: usize| &data[i * dim..(i + 1) * dim];
    let far = |i, j| row(i).iter().zip(row(j)).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
    for search in [Search::All, Search::Ordered] {
        let options = Neighbors::new(K).metric(Metric::Euclidean).search(search);
        let lists = options.within(&cpu, rows).expect("lists");
        for i in 0..rows.len() {
            let (found, mut others) = (lists.row(i).0, lists.row(i).1.to_vec());
            for (at, &expected) in dist[i * K..][..K].iter().enumerate() {
                let near = |d: f64| (d - expected).abs() <= tolerance * expected;
                assert!(near(found[at].as_f64()), "{name} {search:?}: distance {at} of row {i}");
                let same = f64::from(others[at]) == index[i * K + at];
                assert!(same || near(far(i, others[at] as usize)), "{name} {search:?}: row {i}");
            }
            others.sort_unstable();
            others.dedup();
            assert_eq!(others.len(), K, "{name} {search:?}: row {i}");
        }
    }
}

/// Asserts that the curve of the fourth neighbour is the one of the file.
fn check_curve<T: Folds>(name: &str, data: &[f64], dim: usize, mut curve: Vec<f64>, near: f64) {
    let data: Vec<T> = data.iter().map(|&v| T::of_f64(v)).collect();
    let rows = Rows::new(&data[..], dim).expect("whole rows");
    let found = k_distances(&Cpu::<T>::new(), rows, Metric::Euclidean, 4).expect("a curve");
    curve.sort_unstable_by(|a, b| b.total_cmp(a));
    assert_eq!(found.len(), curve.len(), "{name}");
    for (found, expected) in found.iter().zip(&curve) {
        let gap = (found.as_f64() - expected).abs();
        assert!(gap <= near * expected, "{name}: {found:?} for {expected}");
    }
}

#[test]
fn neighbours_are_the_golden_ones() {
    for name in COMMITTED {
        let golden = Golden::of("neighbors", name);
        let (data, dim) = golden.rows();
        let lists = ["/index", "/dist"].map(|list| golden.numbers(list));
        let fourth: Vec<f64> = lists[1].iter().copied().skip(3).step_by(K).collect();
        check::<f64>(name, &data, dim, &lists, 1e-12);
        check_curve::<f64>(name, &data, dim, fourth.clone(), 1e-12);
        // In f32 rows that are nearly as far may change places.
        check::<f32>(name, &data, dim, &lists, 1e-5);
        check_curve::<f32>(name, &data, dim, fourth, 1e-5);
    }
}

#[test]
fn neighbours_in_sets_that_may_not_be_passed_on_are_the_golden_ones() {
    for other in others(&SMALL) {
        let (golden, data, dim) = (&other.golden, &other.data, other.dim);
        let lists = ["/knn15/index", "/knn15/dist"].map(|list| golden.numbers(list));
        // The files have twelve decimals.
        check::<f64>(&golden.name, data, dim, &lists, 1e-11);
        check_curve::<f64>(&golden.name, data, dim, golden.numbers("/kdist4_sorted"), 1e-11);
    }
}
