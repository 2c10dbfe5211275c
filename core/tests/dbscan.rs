//! DBSCAN against its definition, in f64 over all pairs; and everything that comes in badly.
#![cfg(feature = "conformance")]

mod suited;

use enfold_core::conformance::decorators::Bare;
use enfold_core::dbscan::Fit;
use enfold_core::distance::distance;
use enfold_core::{Dbscan, Element, Error, Metric, NONE, Rows};
use enfold_cpu::{Cpu, Folds};
use proptest::prelude::*;
use suited::suited;

/// Which rows are core, and the cluster of every row, by the definition.
fn oracle<T: Element>(
    rows: &[T],
    dim: usize,
    metric: Metric,
    eps: f64,
    need: f64,
    weights: &[f64],
) -> (Vec<u32>, Vec<u32>) {
    let rows: Vec<Vec<f64>> =
        rows.chunks(dim).map(|row| row.iter().map(|v| v.as_f64()).collect()).collect();
    let n = rows.len();
    let d = |i: usize, j: usize| distance(metric, &rows[i], &rows[j]);
    // What tells equally near core rows apart: for the cosine distance and correlation, which know
    // no lengths, their coordinates at one length.
    let place = |j: usize| -> Vec<f64> {
        let most = rows[j].iter().fold(0.0, |most: f64, v| most.max(v.abs()));
        let angular = matches!(metric, Metric::Cosine | Metric::Correlation);
        let scale = if angular && most > 0.0 { most.log2().floor() } else { 0.0 };
        rows[j].iter().map(|v| v * (-scale).exp2()).collect()
    };
    let weight = |i| (0..n).filter(|&j| d(i, j) <= eps).map(|j| weights[j]).sum::<f64>();
    let core: Vec<bool> = (0..n).map(|i| weight(i) >= need).collect();
    let mut labels = vec![NONE; n];
    let mut clusters = 0;
    for i in 0..n {
        let mut open = vec![i];
        if !core[i] || labels[i] != NONE {
            continue;
        }
        while let Some(i) = open.pop() {
            labels[i] = clusters;
            let near = (0..n).filter(|&j| core[j] && labels[j] == NONE && d(i, j) <= eps);
            open.extend(near.collect::<Vec<_>>());
        }
        clusters += 1;
    }
    for i in (0..n).filter(|&i| !core[i]) {
        let near = (0..n).filter(|&j| core[j] && d(i, j) <= eps);
        let best = near.min_by(|&a, &b| {
            d(i, a).total_cmp(&d(i, b)).then(place(a).partial_cmp(&place(b)).expect("numbers"))
        });
        labels[i] = best.map_or(NONE, |j| labels[j]);
    }
    (labels, (0..n as u32).filter(|&i| core[i as usize]).collect())
}

fn fit<T: Folds>(rows: &[T], dim: usize, options: Dbscan) -> Fit<T> {
    let rows = Rows::new(rows, dim).expect("whole rows");
    options.fit(&Cpu::<T>::new(), rows).expect("a fit")
}

fn line(rows: &[f32], eps: f64, min_samples: usize) -> Vec<u32> {
    fit(rows, 1, Dbscan::new(eps, min_samples)).labels
}

/// Labels up to renumbering, by first appearance.
fn renumbered(labels: &[u32]) -> Vec<u32> {
    let mut seen: Vec<u32> = vec![];
    let mut number = |label| match seen.iter().position(|&s| s == label) {
        Some(at) => at as u32,
        None => {
            seen.push(label);
            seen.len() as u32 - 1
        }
    };
    labels.iter().map(|&l| if l == NONE { NONE } else { number(l) }).collect()
}

/// Rows on a lattice, on a fine one far from the origin, or anywhere.
fn rows() -> impl Strategy<Value = (usize, Vec<f32>)> {
    let value = prop_oneof![
        Just(0u8).prop_flat_map(|_| (-4i8..4).prop_map(f32::from)).boxed(),
        (-9i8..9).prop_map(|v| 1000.0 + f32::from(v) * 0.1).boxed(),
        (-3f32..3.0).boxed(),
    ];
    (0usize..3, 1usize..5, 0usize..90).prop_flat_map(move |(kind, dim, n)| {
        let value = match kind {
            0 => (-4i8..4).prop_map(f32::from).boxed(),
            1 => (-9i8..9).prop_map(|v| 1000.0 + f32::from(v) * 0.1).boxed(),
            _ => value.clone().boxed(),
        };
        (Just(dim), prop::collection::vec(value, n * dim))
    })
}

fn radius() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(1.0),
        Just(2.0),
        Just(0.1),
        Just(f64::from(0.1f32)),
        Just(2f64.sqrt()),
        0.05..3.0
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_definition_is_met((dim, data) in rows(), eps in radius(), need in 1usize..7) {
        for metric in Metric::of_dim(dim) {
            let data = suited(metric, &data);
            let options = Dbscan::new(eps, need).metric(metric);
            let found = fit(&data, dim, options);
            let ones = vec![1.0; data.len() / dim];
            let (labels, cores) = oracle(&data, dim, metric, eps, need as f64, &ones);
            prop_assert_eq!(&found.cores, &cores, "{:?}", metric);
            prop_assert_eq!(&found.labels, &labels, "{:?}", metric);
            let rows = Rows::new(&data[..], dim).unwrap();
            prop_assert_eq!(&found.model.predict(&Cpu::new(), rows).unwrap(), &labels);
            let wide: Vec<f64> = data.iter().map(|&v| f64::from(v)).collect();
            let wide = fit(&wide, dim, options);
            prop_assert_eq!((wide.labels, wide.cores), (labels, cores));
        }
    }

    #[test]
    fn weights_count_as_copies((dim, data) in rows(), eps in radius(), need in 1usize..7,
        weights in prop::collection::vec(-1i8..4, 90))
    {
        let n = data.len() / dim;
        let weights: Vec<f32> = weights[..n].iter().map(|&w| f32::from(w) / 2.0).collect();
        let wide: Vec<f64> = weights.iter().map(|&w| f64::from(w)).collect();
        let metric = Metric::Euclidean;
        let (labels, cores) = oracle(&data, dim, metric, eps, need as f64, &wide);
        let rows = Rows::new(&data[..], dim).unwrap();
        let found = Dbscan::new(eps, need).fit_weighted(&Cpu::new(), rows, Some(&weights[..]));
        let found = found.unwrap();
        prop_assert_eq!((found.labels, found.cores), (labels, cores));
    }

    #[test]
    fn the_order_of_rows_does_not_matter((dim, data) in rows(), eps in radius(),
        need in 1usize..6, places in prop::collection::vec(0u32.., 90))
    {
        let n = data.len() / dim;
        let mut at: Vec<usize> = (0..n).collect();
        at.sort_by_key(|&i| places[i]);
        let moved: Vec<f32> = at.iter().flat_map(|&i| data[i * dim..][..dim].to_vec()).collect();
        let here = fit(&data, dim, Dbscan::new(eps, need)).labels;
        let there = fit(&moved, dim, Dbscan::new(eps, need)).labels;
        let back: Vec<u32> = at.iter().map(|&i| here[i]).collect();
        prop_assert_eq!(renumbered(&back), renumbered(&there));
    }
}

#[test]
fn long_rows_in_many_blocks_meet_the_definition() {
    for (dim, eps) in [(9, 1.0), (10, 1.1), (16, 1.5), (40, 2.6)] {
        // Blobs that touch, so that some bounds do not decide, and noise between them.
        let draw =
            |i: usize, t: usize| ((i * 7919 + t * 104_729 + i * i * 31) % 1009) as f32 / 1009.0;
        let blob = |i: usize| if i.is_multiple_of(5) { 2.0 } else { 0.6 };
        let data: Vec<f32> = (0..700)
            .flat_map(|i| (0..dim).map(move |t| blob(i) * draw(i, t) + (i % 3) as f32 * 0.5))
            .collect();
        for metric in [Metric::Euclidean, Metric::SqEuclidean, Metric::Manhattan] {
            let eps = if metric == Metric::Manhattan { 3.0 * eps } else { eps };
            let options = Dbscan::new(eps, 12).metric(metric);
            let found = fit(&data, dim, options);
            let (labels, cores) = oracle(&data, dim, metric, eps, 12.0, &[1.0; 700]);
            assert_eq!(found.cores, cores, "{metric:?} {dim}");
            assert_eq!(found.labels, labels, "{metric:?} {dim}");
            let bare = options.fit(&Bare(Cpu::<f32>::new()), Rows::new(&data[..], dim).unwrap());
            assert_eq!(bare.unwrap(), found, "{metric:?} {dim}");
        }
    }
}

#[test]
fn a_backend_with_four_functions_gives_the_same() {
    let data: Vec<f32> = (0..300).map(|i| ((i * i * 7919) % 1000) as f32 * 0.01).collect();
    let rows = Rows::new(&data[..], 2).unwrap();
    let options = Dbscan::new(0.7, 4);
    let bare = options.fit(&Bare(Cpu::<f32>::new()), rows).unwrap();
    assert_eq!(bare, fit(&data, 2, options));
}

#[test]
fn bad_options_are_refused() {
    let rows = Rows::new(&[0.0f32, 1.0][..], 1).unwrap();
    let cpu = Cpu::new();
    for eps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = Dbscan::new(eps, 1).fit(&cpu, rows);
        assert!(matches!(refused, Err(Error::Parameter { name: "eps", .. })), "{eps}");
    }
    let refused = Dbscan::new(1.0, 0).fit(&cpu, rows);
    assert!(matches!(refused, Err(Error::Parameter { name: "min_samples", .. })));
    let bad = [0.0f32, f32::NAN, 1.0, 2.0];
    let refused = Dbscan::new(1.0, 1).fit(&cpu, Rows::new(&bad[..], 2).unwrap());
    assert_eq!(refused.unwrap_err(), Error::NotFinite { row: 0 });
    let refused = Dbscan::new(1.0, 1).fit_weighted(&cpu, rows, Some(&[1.0, f32::NAN][..]));
    assert_eq!(refused.unwrap_err(), Error::Weight { row: 1 });
    assert!(Dbscan::new(1.0, 1).fit_weighted(&cpu, rows, Some(&[1.0][..])).is_err());
    let model = Dbscan::new(1.0, 1).fit(&cpu, rows).unwrap().model;
    assert!(model.predict(&cpu, Rows::new(&bad[..], 2).unwrap()).is_err(), "another dim");
}

#[test]
fn a_budget_is_asked_before_anything_is_done() {
    let rows = Rows::new(&[f32::NAN; 8][..], 2).unwrap();
    let needed = Dbscan::required_bytes::<f32>(4, 2, false);
    let refused = Dbscan::new(1.0, 1).budget(needed - 1).fit(&Cpu::new(), rows);
    assert_eq!(refused.unwrap_err(), Error::Budget { needed, allowed: needed - 1 });
    let begun = Dbscan::new(1.0, 1).budget(needed).fit(&Cpu::new(), rows);
    assert_eq!(begun.unwrap_err(), Error::NotFinite { row: 0 });
    assert_eq!(Dbscan::required_bytes::<f64>(usize::MAX / 2, 7, true), usize::MAX);
}

#[test]
fn few_rows() {
    assert_eq!(line(&[], 1.0, 1), []);
    assert_eq!(line(&[3.0], 1.0, 1), [0]);
    assert_eq!(line(&[3.0], 1.0, 2), [NONE]);
    assert_eq!(line(&[3.0, 3.0], 1e-30, 2), [0, 0]);
    let none = fit(&[0.0f32, 9.0, 20.0], 1, Dbscan::new(1.0, 2));
    assert_eq!((none.labels, none.cores, none.model.clusters()), (vec![NONE; 3], vec![], 0));
    assert_eq!(none.model.predict(&Cpu::new(), Rows::new(&[0.0][..], 1).unwrap()), Ok(vec![NONE]));
}

#[test]
fn rows_exactly_eps_apart_are_neighbours() {
    assert_eq!(line(&[0.0, 1.0, 2.0, 3.0], 1.0, 2), [0; 4]);
    assert_eq!(line(&[0.0, 1.0, 2.0, 3.0], 1.0f64.next_down(), 2), [NONE; 4]);
    // 0.1 in f32 is above 0.1 in f64, so these are more than 0.1 apart.
    assert_eq!(line(&[0.0, 0.1], 0.1, 2), [NONE; 2]);
    assert_eq!(line(&[0.0, 0.1], f64::from(0.1f32), 2), [0; 2]);
    let near = [1.0f32, 1.0f32.next_up()];
    let step = f64::from(near[1]) - 1.0;
    assert_eq!(line(&near, step, 2), [0; 2]);
    assert_eq!(line(&near, step.next_down(), 2), [NONE; 2]);
    let grid: Vec<f32> = (0..400).flat_map(|i| [(i % 20) as f32, (i / 20) as f32]).collect();
    let all = fit(&grid, 2, Dbscan::new(1.0, 5));
    let noise: Vec<usize> = (0..400).filter(|&i| all.labels[i] == NONE).collect();
    assert_eq!((noise, all.cores.len()), (vec![0, 19, 380, 399], 18 * 18));
    assert_eq!(fit(&grid, 2, Dbscan::new(2f64.sqrt(), 9)).cores.len(), 18 * 18);
    assert_eq!(fit(&grid, 2, Dbscan::new(2f64.sqrt().next_down(), 9)).cores.len(), 0);
}

#[test]
fn squares_below_the_least_number_are_told_apart() {
    let tiny = [0.0f32, 1e-30, 1e-25];
    assert_eq!(line(&tiny, 2e-30, 2), [0, 0, NONE]);
    assert_eq!(line(&tiny, 9e-31, 2), [NONE; 3]);
}

#[test]
fn a_border_row_between_two_clusters_goes_to_the_nearer_core() {
    let mut rows = [0.0f32, 0.3, 0.5, 1.0, 1.9, 3.0, 3.5, 3.7, 4.0];
    assert_eq!(line(&rows, 1.2, 4), [0, 0, 0, 0, 0, 1, 1, 1, 1]);
    rows[4] = 2.1;
    assert_eq!(line(&rows, 1.2, 4), [0, 0, 0, 0, 1, 1, 1, 1, 1]);
    // In the middle: the core row of lower coordinates, whatever its number.
    rows[4] = 2.0;
    assert_eq!(line(&rows, 1.0, 4), [0, 0, 0, 0, 0, 1, 1, 1, 1]);
    rows.reverse();
    assert_eq!(line(&rows, 1.0, 4), [0, 0, 0, 0, 1, 1, 1, 1, 1]);
}

#[test]
fn a_cluster_may_be_smaller_than_min_samples() {
    // A core row in the middle of four border rows, each of which is nearer to the core of its arm.
    let mut rows = vec![0.0f32, 0.0];
    for (x, y) in [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)] {
        rows.extend([0.9f32, 1.5, 2.3, 2.4, 2.5].iter().flat_map(|at| [x * at, y * at]));
    }
    let found = fit(&rows, 2, Dbscan::new(1.0, 5));
    assert_eq!(found.labels, std::array::from_fn::<_, 21, _>(|i| (i as u32).div_ceil(5)));
    assert!(found.cores.contains(&0));
}

#[test]
fn equal_rows_collinear_rows_and_noise_by_the_hundred_thousand() {
    let n = 100_000;
    let same = fit(&vec![0.3f32; 2 * n], 2, Dbscan::new(0.1, 5));
    assert!(same.labels.iter().all(|&l| l == 0) && same.cores.len() == n);
    let row: Vec<f32> = (0..n).flat_map(|i| [i as f32, 2.0 * i as f32, 0.0]).collect();
    let line = fit(&row, 3, Dbscan::new(5f64.sqrt(), 3));
    assert!(line.labels.iter().all(|&l| l == 0) && line.cores.len() == n - 2);
    let noise = fit(&row, 3, Dbscan::new(2.0, 2));
    assert!(noise.labels.iter().all(|&l| l == NONE) && noise.model.clusters() == 0);
    // Everything within eps of everything: no pair is looked at twice.
    let all = fit(&row, 3, Dbscan::new(1e6, n));
    assert!(all.labels.iter().all(|&l| l == 0) && all.cores.len() == n);
}
