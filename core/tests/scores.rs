//! Scores against slow f64 oracles, against scikit-learn's numbers, and on bad input.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod suited;

use enfold_core::distance::distance;
use enfold_core::scores::{
    Agreement, Noise, Silhouette, calinski_harabasz, davies_bouldin, inertia, trustworthiness,
};
use enfold_core::{Element, Error, Metric, NONE, Rows, ShapeError};
use enfold_cpu::{Cpu, Folds};
use proptest::prelude::*;
use suited::suited;

/// Draws of a fixed pattern, from 0 to 1.
fn draw(at: usize, salt: u64) -> f64 {
    let mut z = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ salt.wrapping_mul(0xD134_2543_DE82_EF95);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Rows in `k` clusters of unequal size, `away` from the origin, and their labels.
fn clusters<T: Element>(n: usize, dim: usize, k: usize, away: f64) -> (Vec<T>, Vec<u32>) {
    let label = |i: usize| (draw(i, 1).powi(2) * k as f64) as u32;
    let value = |i: usize, t: usize| {
        let centre = draw(label(i) as usize * dim + t, 2) * 8.0;
        away + centre + draw(i * dim + t, 3) + draw(i * dim + t, 4)
    };
    let data = (0..n * dim).map(|at| T::of_f64(value(at / dim, at % dim))).collect();
    (data, (0..n).map(label).collect())
}

/// The silhouette as its definition reads, in f64.
fn silhouettes<T: Element>(data: &[T], dim: usize, labels: &[u32], metric: Metric) -> Vec<f64> {
    let x: Vec<f64> = data.iter().map(|v| v.as_f64()).collect();
    let row = |i: usize| &x[i * dim..(i + 1) * dim];
    let one = |i: usize| {
        let mean = |c: u32| {
            let others = (0..labels.len()).filter(|&j| j != i && labels[j] == c);
            let d: Vec<f64> = others.map(|j| distance(metric, row(i), row(j))).collect();
            if d.is_empty() { f64::NAN } else { d.iter().sum::<f64>() / d.len() as f64 }
        };
        let a = mean(labels[i]);
        let rest = labels.iter().copied().filter(|&c| c != labels[i] && c != NONE);
        let mut rest: Vec<u32> = rest.collect();
        rest.sort_unstable();
        rest.dedup();
        let b = rest.into_iter().map(mean).fold(f64::INFINITY, f64::min);
        if labels[i] == NONE || a.is_nan() || a.max(b) == 0.0 { 0.0 } else { (b - a) / a.max(b) }
    };
    (0..labels.len()).map(one).collect()
}

fn check_silhouettes<T: Folds>(data: &[T], dim: usize, labels: &[u32], tolerance: f64) {
    let cpu = Cpu::<T>::new();
    // Far from the origin all directions are one: f32 cosines have no digits left.
    let far = data.iter().any(|v| v.as_f64() > 1e4);
    // Two coordinates go up or down: correlations are 1 and −1, and the rest is round-off.
    let definite = |m: &Metric| match m {
        Metric::Cosine => !far,
        Metric::Correlation => dim > 2,
        _ => true,
    };
    for metric in Metric::of_dim(dim).filter(definite) {
        let data = &suited(metric, data)[..];
        let rows = Rows::new(data, dim).unwrap();
        let found = Silhouette::new().metric(metric).per_row(&cpu, rows, labels).unwrap();
        let expected = silhouettes(data, dim, labels, metric);
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let near = (found - expected).abs() <= tolerance;
            assert!(near, "{metric:?} dim {dim} row {i}: {found} for {expected}");
        }
        let mean = Silhouette::new().metric(metric).score(&cpu, rows, labels).unwrap();
        let scored = labels.iter().filter(|&&l| l != NONE).count() as f64;
        assert!((mean - expected.iter().sum::<f64>() / scored).abs() <= tolerance, "{metric:?}");
    }
}

#[test]
fn silhouettes_are_those_of_the_definition() {
    for (n, dim, k) in
        [(5, 1, 2), (60, 2, 3), (130, 8, 4), (400, 16, 5), (300, 17, 40), (200, 70, 3)]
    {
        let (data, labels) = clusters::<f32>(n, dim, k, 0.0);
        check_silhouettes(&data, dim, &labels, 1e-5);
        let (data, labels) = clusters::<f64>(n, dim, k, 0.0);
        check_silhouettes(&data, dim, &labels, 1e-12);
    }
}

#[test]
fn silhouettes_hold_far_from_the_origin() {
    let (data, labels) = clusters::<f32>(300, 20, 4, 1e5);
    check_silhouettes(&data, 20, &labels, 1e-5);
}

#[test]
fn silhouettes_of_duplicates_and_of_rows_on_a_line() {
    let data: Vec<f32> = (0..200 * 12).map(|at| ((at / 12 / 3) as f32) * 0.25).collect();
    let labels: Vec<u32> = (0..200).map(|i| i / 50).collect();
    check_silhouettes(&data, 12, &labels, 1e-5);
    let labels: Vec<u32> = (0..200).map(|i| i % 3).collect();
    check_silhouettes(&data, 12, &labels, 1e-5);
}

#[test]
fn a_row_alone_scores_zero() {
    let (cpu, data) = (Cpu::<f32>::new(), [0.0f32, 0.1, 1.0]);
    let rows = Rows::new(&data[..], 1).unwrap();
    for metric in [Metric::Euclidean, Metric::Manhattan] {
        let found = Silhouette::new().metric(metric).per_row(&cpu, rows, &[0, 0, 1]).unwrap();
        for (found, expected) in found.iter().zip([0.9, 8.0 / 9.0, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
    }
    let same = [2.0f32; 8];
    let rows = Rows::new(&same[..], 2).unwrap();
    let found = Silhouette::new().per_row(&cpu, rows, &[0, 0, 1, 1]).unwrap();
    assert_eq!(found, [0.0; 4], "all distances are zero");
}

#[test]
fn labels_may_have_gaps_and_rows_may_be_a_range() {
    let (data, labels) = clusters::<f32>(90, 3, 3, 0.0);
    let (cpu, rows) = (Cpu::<f32>::new(), Rows::new(&data[..], 3).unwrap());
    let wild: Vec<u32> = labels.iter().map(|&l| [4_000_000_000, 17, 5][l as usize]).collect();
    for metric in Metric::of_dim(3) {
        let silhouette = Silhouette::new().metric(metric);
        let each = silhouette.per_row(&cpu, rows, &labels).unwrap();
        assert_eq!(silhouette.per_row(&cpu, rows, &wild).unwrap(), each, "{metric:?}");
        let part = silhouette.per_row(&cpu, rows.range(7, 81).unwrap(), &labels[7..81]).unwrap();
        let alone = Rows::new(&data[21..243], 3).unwrap();
        assert_eq!(silhouette.per_row(&cpu, alone, &labels[7..81]).unwrap(), part, "{metric:?}");
    }
    let part = rows.range(7, 81).unwrap();
    let alone = Rows::new(&data[21..243], 3).unwrap();
    for score in [calinski_harabasz::<Cpu<f32>>, davies_bouldin] {
        let found = score(&cpu, part, &labels[7..81]).unwrap();
        assert_eq!(found, score(&cpu, alone, &labels[7..81]).unwrap());
    }
    let two = rows.range(3, 5).unwrap();
    assert_eq!(inertia(&cpu, part, two).unwrap(), inertia(&cpu, alone, two).unwrap());
    let trust = |rows| trustworthiness(&cpu, rows, Metric::Euclidean, rows, 3).unwrap();
    assert_eq!((trust(part), trust(alone)), (1.0, 1.0));
}

#[test]
fn noise_is_left_out_rejected_or_a_cluster() {
    let (data, mut labels) = clusters::<f32>(120, 5, 3, 0.0);
    (0..120).step_by(7).for_each(|i| labels[i] = NONE);
    let (cpu, rows) = (Cpu::<f32>::new(), Rows::new(&data[..], 5).unwrap());
    check_silhouettes(&data, 5, &labels, 1e-5);
    let own: Vec<u32> = labels.iter().map(|&l| if l == NONE { 99 } else { l }).collect();
    for metric in Metric::of_dim(5) {
        let silhouette = Silhouette::new().metric(metric);
        let as_cluster = silhouette.noise(Noise::Cluster).per_row(&cpu, rows, &labels).unwrap();
        assert_eq!(as_cluster, silhouette.per_row(&cpu, rows, &own).unwrap());
        let rejected = silhouette.noise(Noise::Reject).score(&cpu, rows, &labels);
        assert!(matches!(rejected, Err(Error::Parameter { name: "labels", .. })));
        silhouette.noise(Noise::Reject).score(&cpu, rows, &own).unwrap();
    }
    let kept: Vec<usize> = (0..120).filter(|&i| labels[i] != NONE).collect();
    let data_kept: Vec<f32> = kept.iter().flat_map(|&i| data[i * 5..i * 5 + 5].to_vec()).collect();
    let labels_kept: Vec<u32> = kept.iter().map(|&i| labels[i]).collect();
    let rows_kept = Rows::new(&data_kept[..], 5).unwrap();
    for score in [calinski_harabasz::<Cpu<f32>>, davies_bouldin] {
        let found = score(&cpu, rows, &labels).unwrap();
        assert_eq!(found, score(&cpu, rows_kept, &labels_kept).unwrap());
    }
}

#[test]
fn what_has_no_score_is_a_typed_error() {
    let (cpu, data) = (Cpu::<f32>::new(), [0.0f32, 1.0, 2.0, 3.0]);
    let rows = Rows::new(&data[..], 1).unwrap();
    let cases: [(&str, usize, &[u32]); 6] = [
        ("zero rows", 0, &[]),
        ("one row", 1, &[0]),
        ("a single label", 4, &[3, 3, 3, 3]),
        ("nothing but noise", 4, &[NONE; 4]),
        ("one label and noise", 4, &[0, 0, NONE, NONE]),
        ("one member per cluster", 4, &[0, 1, 2, 3]),
    ];
    for (what, n, labels) in cases {
        let rows = rows.range(0, n).unwrap();
        for metric in Metric::of_dim(rows.dim()) {
            let silhouette = Silhouette::new().metric(metric);
            let (mean, each) =
                (silhouette.score(&cpu, rows, labels), silhouette.per_row(&cpu, rows, labels));
            assert!(matches!(mean, Err(Error::Parameter { name: "labels", .. })), "{what}");
            assert!(matches!(each, Err(Error::Parameter { name: "labels", .. })), "{what}");
        }
        for score in [calinski_harabasz::<Cpu<f32>>, davies_bouldin] {
            let found = score(&cpu, rows, labels);
            assert!(matches!(found, Err(Error::Parameter { name: "labels", .. })), "{what}");
        }
    }
}

#[test]
fn lengths_and_rows_are_checked_at_the_door() {
    let (cpu, data) = (Cpu::<f32>::new(), [0.0f32, 1.0, f32::NAN, 3.0, 1e30, 0.0]);
    let rows = Rows::new(&data[..], 1).unwrap();
    let short = Silhouette::new().score(&cpu, rows, &[0, 1]);
    assert_eq!(short, Err(Error::Shape(ShapeError { what: "labels", expected: 6, found: 2 })));
    let labels = [0, 0, 1, 1, 0, 1];
    let bad = Error::NotFinite { row: 2 };
    assert_eq!(Silhouette::new().score(&cpu, rows, &labels), Err(bad.clone()));
    assert_eq!(calinski_harabasz(&cpu, rows, &labels), Err(bad.clone()));
    assert_eq!(davies_bouldin(&cpu, rows, &labels), Err(bad.clone()));
    assert_eq!(inertia(&cpu, rows, rows.range(0, 1).unwrap()), Err(bad.clone()));
    let good = Rows::new(&[0.0f32; 6][..], 1).unwrap();
    assert_eq!(trustworthiness(&cpu, rows, Metric::Euclidean, good, 2), Err(bad.clone()));
    assert_eq!(trustworthiness(&cpu, good, Metric::Euclidean, rows, 2), Err(bad));
    let far = Silhouette::new().score(&cpu, rows.range(3, 6).unwrap(), &[0, 0, 1]);
    assert_eq!(far, Err(Error::NotFinite { row: 4 }), "its distances overflow");
    assert!(matches!(Agreement::of(&[0], &[]), Err(ShapeError { what: "labels", .. })));
}

#[test]
fn inertia_is_the_sum_over_nearest_centres() {
    let (data, _) = clusters::<f32>(500, 9, 4, 0.0);
    let (cpu, rows) = (Cpu::<f32>::new(), Rows::new(&data[..], 9).unwrap());
    let centers = rows.range(10, 17).unwrap();
    let d = |i: usize, c: usize| f64::from(distance(Metric::SqEuclidean, rows.row(i), rows.row(c)));
    let nearest = |i| (10..17).map(|c| d(i, c)).fold(f64::INFINITY, f64::min);
    let expected: f64 = (0..500).map(nearest).sum();
    assert!((inertia(&cpu, rows, centers).unwrap() / expected - 1.0).abs() < 1e-12);
    assert_eq!(inertia(&cpu, rows.range(5, 5).unwrap(), centers), Ok(0.0));
    assert!(matches!(inertia(&cpu, rows, rows.range(1, 1).unwrap()), Err(Error::Shape(_))));
}

/// The rows that scikit-learn 1.9.1 scored in f64 for the next test.
fn scored_rows() -> Vec<f64> {
    let row = |i: usize| {
        let c = (i % 3) as f64;
        [
            (i * 37 % 101) as f64 / 10.0 + c * 20.0,
            (i * 53 % 89) as f64 / 7.0 - c * 9.0,
            (i * i % 97) as f64 / 13.0,
        ]
    };
    (0..60).flat_map(row).map(|v| f64::from(v as f32)).collect()
}

#[test]
fn scores_of_rows_are_those_of_scikit_learn() {
    let (cpu, data) = (Cpu::<f64>::new(), scored_rows());
    let rows = Rows::new(&data[..], 3).unwrap();
    let labels: Vec<u32> = (0..60).map(|i| i % 3).collect();
    let near = |found: f64, expected: f64| {
        assert!((found / expected - 1.0).abs() < 1e-12, "{found} for {expected}");
    };
    near(calinski_harabasz(&cpu, rows, &labels).unwrap(), 325.3406898485225);
    near(davies_bouldin(&cpu, rows, &labels).unwrap(), 0.4643275888161705);
    near(Silhouette::new().score(&cpu, rows, &labels).unwrap(), 0.6642316751517156);
    let labels: Vec<u32> = (0..60).map(|i| i * i % 4).collect();
    let expected = [
        -0.033111633164261044,
        -0.02656544563679923,
        -0.026234099115306542,
        -0.02826312767798298,
        -0.025202338021459884,
    ];
    for (metric, expected) in Metric::ALL.into_iter().zip(expected) {
        near(Silhouette::new().metric(metric).score(&cpu, rows, &labels).unwrap(), expected);
    }
}

#[test]
fn clusters_without_spread_have_definite_scores() {
    let (cpu, data) = (Cpu::<f32>::new(), [1.0f32, 1.0, 5.0, 5.0]);
    let rows = Rows::new(&data[..], 1).unwrap();
    assert_eq!(calinski_harabasz(&cpu, rows, &[0, 0, 1, 1]), Ok(1.0));
    assert_eq!(davies_bouldin(&cpu, rows, &[0, 0, 1, 1]), Ok(0.0));
    assert_eq!(davies_bouldin(&cpu, rows, &[0, 1, 0, 1]), Ok(0.0), "equal means");
    assert_eq!(Silhouette::new().score(&cpu, rows, &[0, 0, 1, 1]), Ok(1.0));
}

/// Labels and scikit-learn's adjusted Rand, mutual information, normalized and adjusted, then
/// homogeneity, completeness and V-measure with beta ½.
type Partition = (&'static str, fn(u32) -> (u32, u32), [f64; 7]);

#[rustfmt::skip]
const PARTITIONS: [Partition; 9] = [
    ("squares", |i| (i * i % 7, i % 5 + i / 50), [-0.004533187114629456, 0.031161350850891396,
        0.018736614328968098, -0.01574587459298736, 0.023027035786462695, 0.015793881722492156,
        0.01997734779302695]),
    ("independent", |i| (i % 2, i / 2 % 2),
        [-0.005050505050505051, 0.0, 0.0, -0.003647286119685077, 0.0, 0.0, 0.0]),
    ("nested", |i| (i / 20, i / 60), [0.43304843304843305, 1.3138340331927467, 0.726593897084088,
        0.7150646159671514, 0.5705908707523037, 1.0, 0.6659062831558051]),
    ("noisy", |i| (i / 25, if i % 9 == 0 { i * 7 % 8 } else { i / 25 }), [0.7908506923160241,
        1.6835363070591083, 0.8096487733821232, 0.7963842658225191, 0.8096098271168983,
        0.8096877233945472, 0.8096357908773861]),
    ("equal", |i| (i / 10, NONE - i / 10), [1.0, 2.9957322735539904, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("single", |_| (0, 4), [1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("one side", |i| (0, i % 3), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]),
    ("all single", |i| (i, 199 - i), [1.0, 5.298317366548037, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("single rows on one side", |i| (i, i % 4), [0.0, 1.3862943611198888, 0.41477184243385445,
        0.0, 0.2616480412956252, 1.0, 0.3470673197396383]),
];

fn agreements(found: &Agreement) -> [f64; 7] {
    [
        found.adjusted_rand(),
        found.mutual_information(),
        found.normalized_mutual_information(),
        found.adjusted_mutual_information(),
        found.homogeneity(),
        found.completeness(),
        found.v_measure(0.5),
    ]
}

#[test]
fn agreements_are_those_of_scikit_learn() {
    for (name, labels, expected) in PARTITIONS {
        let (a, b): (Vec<u32>, Vec<u32>) = (0..200).map(labels).unzip();
        let found = agreements(&Agreement::of(&a, &b).unwrap());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{name}: {found} for {expected}");
        }
    }
    let (a, b): (Vec<u32>, Vec<u32>) =
        (0..20_000u32).map(|i| (i / 40, i / 40 + u32::from(i % 11 == 0) * 3)).unzip();
    let found = agreements(&Agreement::of(&a, &b).unwrap());
    let expected = [
        0.8307472717232928,
        5.912550830654722,
        0.9512596155064462,
        0.9166839148892307,
        0.9513956048420562,
        0.9511236650410105,
        0.9513049409652515,
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-11, "{found} for {expected}");
    }
}

#[test]
fn agreement_of_nothing_is_perfect_and_noise_can_be_left_out() {
    assert_eq!(agreements(&Agreement::of(&[], &[]).unwrap()), [1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    let (a, b) = ([0, 0, 1, 1, NONE], [3, 3, NONE, 9, 9]);
    let without = Agreement::without_noise(&a, &b).unwrap();
    assert_eq!(agreements(&without), agreements(&Agreement::of(&[0, 0, 1], &[3, 3, 9]).unwrap()));
    let with = Agreement::of(&a, &b).unwrap();
    let renamed = Agreement::of(&[0, 0, 1, 1, 7], &[3, 3, 10, 9, 9]).unwrap();
    assert_eq!(agreements(&with), agreements(&renamed));
}

/// Trustworthiness as its definition reads, ranks by sorting (distance, row).
fn sorted_trust(x: &[f32], dim: usize, metric: Metric, y: &[f32], to: usize, k: usize) -> f64 {
    let n = x.len() / dim;
    let order = |data: &[f32], dim: usize, metric, i: usize| {
        let row = |i: usize| &data[i * dim..(i + 1) * dim];
        let mut near: Vec<(f32, usize)> =
            (0..n).filter(|&j| j != i).map(|j| (distance(metric, row(i), row(j)), j)).collect();
        near.sort_by(|a, b| a.partial_cmp(b).unwrap());
        near.into_iter().map(|(_, j)| j).collect::<Vec<_>>()
    };
    let mut sum = 0;
    for i in 0..n {
        let ranks = order(x, dim, metric, i);
        for j in &order(y, to, Metric::Euclidean, i)[..k] {
            let rank = 1 + ranks.iter().position(|other| other == j).unwrap();
            sum += rank.saturating_sub(k);
        }
    }
    let (n, k) = (n as f64, k as f64);
    1.0 - 2.0 * sum as f64 / (n * k * (2.0 * n - 3.0 * k - 1.0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Small integers tie everywhere; ranks still are those of (distance, row).
    #[test]
    fn trust_is_counted_as_it_is_sorted(
        n in 3usize..40, dim in 1usize..12, values in 1u64..6, seed in any::<u64>(), k in 1usize..20,
        metric in prop::sample::select(Metric::ALL.to_vec()), before in 0usize..3,
    ) {
        let cpu = Cpu::<f32>::new();
        let cell = |at, salt| (draw(at, seed ^ salt) * values as f64).floor() as f32;
        prop_assume!(metric.check_dim(dim).is_ok());
        let x: Vec<f32> = (0..(n + before) * dim).map(|at| cell(at, 1)).collect();
        let x = suited(metric, &x);
        let y: Vec<f32> = (0..n).map(|at| cell(at, 2)).collect();
        let rows = Rows::new(&x[..], dim).unwrap().range(before, before + n).unwrap();
        let found = trustworthiness(&cpu, rows, metric, Rows::new(&y[..], 1).unwrap(), k);
        if 2 * k >= n {
            let refused = matches!(found, Err(Error::Parameter { name: "k", .. }));
            prop_assert!(refused);
        } else {
            let (found, sorted) = (found.unwrap(), sorted_trust(rows.as_slice(), dim, metric, &y, 1, k));
            prop_assert_eq!(found, sorted);
            prop_assert!((0.0..=1.0).contains(&found));
        }
    }

    /// From −1 to 1, whatever the rows.
    #[test]
    fn silhouettes_stay_in_range(
        dim in 1usize..20, seed in any::<u64>(), scale in -15i32..15,
        labels in prop::collection::vec(0u32..5, 2..90),
        metric in prop::sample::select(Metric::ALL.to_vec()),
    ) {
        let value = |at| ((draw(at, seed) - 0.5) * 4.0).round() as f32 * 10f32.powi(scale);
        prop_assume!(metric.check_dim(dim).is_ok());
        let data: Vec<f32> = (0..labels.len() * dim).map(value).collect();
        let data = suited(metric, &data);
        let rows = Rows::new(&data[..], dim).unwrap();
        let labels: Vec<u32> = labels.iter().map(|&l| if l == 4 { NONE } else { l }).collect();
        match Silhouette::new().metric(metric).per_row(&Cpu::<f32>::new(), rows, &labels) {
            Ok(each) => prop_assert!(each.iter().all(|s| (-1.0..=1.0).contains(s)), "{:?}", each),
            Err(e) => {
                let refused = matches!(e, Error::Parameter { name: "labels", .. });
                prop_assert!(refused, "{e}");
            }
        }
    }
}
