//! Distances against other libraries, against definitions in f64, and where they divide 0 by 0.
#![cfg(feature = "conformance")]

use enfold_core::conformance::oracle;
use enfold_core::conformance::tolerance::{Expected, expected};
use enfold_core::distance::{accuracy, distance};
use enfold_core::{Dbscan, Element, Error, KMeans, Metric, Pairs, Power, Rows, ShapeError};
use enfold_core::{neighbors::Neighbors, neighbors::count_within, neighbors::list_within};
use enfold_core::{scores::Silhouette, scores::trustworthiness};
use enfold_cpu::Cpu;
use proptest::prelude::*;

/// One line of `tests/golden/distances.csv`.
struct Golden {
    metric: Metric,
    x: Vec<f64>,
    y: Vec<f64>,
    distance: f64,
}

fn golden() -> impl Iterator<Item = Golden> {
    let lines = include_str!("../../tests/golden/distances.csv").lines();
    lines.filter(|line| !line.starts_with('#')).map(|line| {
        let (name, rest) = line.split_once(',').expect("a name");
        let numbers: Vec<f64> = rest.split(',').map(|v| v.parse().expect("a number")).collect();
        let dim = numbers[0] as usize;
        let named = |m: &Metric| format!("{m:?}") == name;
        Golden {
            metric: Metric::ALL.into_iter().find(named).expect("a metric"),
            x: numbers[1..=dim].to_vec(),
            y: numbers[dim + 1..=2 * dim].to_vec(),
            distance: numbers[2 * dim + 1],
        }
    })
}

#[test]
fn distances_are_those_of_other_libraries() {
    let mut met = 0;
    for Golden { metric, x, y, distance: expected } in golden() {
        let single = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<_>>();
        let found = distance(metric, &x, &y);
        let near = 1e-13 * expected.max(1.0);
        assert!((found - expected).abs() <= near, "{metric:?} {x:?} {y:?}: {found} {expected}");
        let found = f64::from(distance(metric, &single(&x), &single(&y)));
        let scale = if metric.is_absolute() { 1.0 } else { expected };
        let near = accuracy::<f32>(metric, x.len()) * scale;
        assert!((found - expected).abs() <= near, "{metric:?} {x:?} {y:?}: {found} {expected}");
        met += 1;
    }
    assert!(met > 100, "{met} lines");
}

#[test]
fn nothing_divided_by_nothing_is_what_the_documents_say() {
    let d = |metric, x: &[f32], y: &[f32]| distance(metric, x, y);
    let zero = [0.0f32; 3];
    let one = [0.0f32, 2.0, 0.0];
    assert_eq!(d(Metric::Jaccard, &zero, &zero), 0.0);
    assert_eq!(d(Metric::Jaccard, &zero, &one), 1.0);
    assert_eq!(d(Metric::Jaccard, &[5.0, 1.0, 0.0], &[0.0, 7.0, 0.0]), 0.5);
    assert_eq!(d(Metric::Hamming, &zero, &one), 1.0 / 3.0);
    assert_eq!(d(Metric::Canberra, &zero, &zero), 0.0);
    assert_eq!(d(Metric::Canberra, &zero, &one), 1.0);
    assert_eq!(d(Metric::BrayCurtis, &zero, &zero), 0.0);
    // Σ |x+y| is 0 here; Σ (|x|+|y|) is not.
    assert_eq!(d(Metric::BrayCurtis, &[1.0, -2.0, 3.0], &[-1.0, 2.0, -3.0]), 1.0);
    for constant in [0.1f32, 7e5] {
        let flat = [constant; 37];
        let mut other = flat;
        assert_eq!(d(Metric::Correlation, &flat, &[3.3; 37]), 0.0);
        other[5] = other[5].next_up();
        assert_eq!(d(Metric::Correlation, &flat, &other), 1.0, "{constant}");
    }
}

#[test]
fn large_numbers_do_not_become_small_distances() {
    let (a, b) = ([f32::MAX, 1.0], [f32::MAX / 2.0, 1.0]);
    assert!((distance(Metric::Canberra, &a, &b) - 1.0 / 3.0).abs() < 1e-6);
    assert!(distance(Metric::BrayCurtis, &a, &b).is_nan(), "the sum overflows");
    let cube = Metric::Minkowski(Power::new(3.0).expect("a power"));
    assert!((distance(cube, &[3e30f32, 0.0], &[0.0, 3e30]) / 3.7797633e30 - 1.0).abs() < 1e-6);
    assert!((distance(cube, &[3e-30f32, 0.0], &[0.0, 3e-30]) / 3.779_763e-30 - 1.0).abs() < 1e-6);
    let steep = Metric::Minkowski(Power::new(1e300).expect("a power"));
    assert_eq!(distance(steep, &[1.0f32, 5.0, 2.0], &[0.0; 3]), 5.0, "Chebyshev at last");
}

#[test]
fn the_sphere_keeps_its_digits_near_and_opposite() {
    let d = |x: [f64; 2], y: [f64; 2]| distance(Metric::Haversine, &x, &y);
    let pi = std::f64::consts::PI;
    for tiny in [1e-3, 1e-7, 1e-12] {
        let relative = |found: f64, expected: f64| (found / expected - 1.0).abs();
        assert!(relative(d([0.3, 0.1], [0.3 + tiny, 0.1]), (0.3 + tiny) - 0.3) < 1e-13);
        let short = pi - d([0.0, 0.0], [0.0, pi - tiny]);
        assert!((short - tiny).abs() < 1e-15, "{short:e} short of the antipode for {tiny:e}");
        let across = d([0.0, pi - tiny], [0.0, tiny - pi]);
        assert!((across - 2.0 * tiny).abs() < 1e-15, "{across:e} over the date line");
    }
    let pole = core::f32::consts::FRAC_PI_2;
    let found = distance(Metric::Haversine, &[pole, 0.0f32], &[pole, 3.0]);
    assert!(found < 1e-6, "{found:e} between two names of the pole");
    assert!(distance(Metric::Haversine, &[0.1f32; 3], &[0.2; 3]).is_nan());
}

/// Another dim than two is refused by everything that takes rows and a metric.
#[test]
fn haversine_takes_pairs_only() {
    let (cpu, data) = (Cpu::<f32>::new(), [0.1f32; 12]);
    let (metric, wrong) = (Metric::Haversine, Rows::new(&data[..], 3).expect("rows"));
    let pairs = Rows::new(&data[..8], 2).expect("rows");
    let shape = ShapeError { what: "dim of latitude and longitude", expected: 2, found: 3 };
    assert_eq!(Pairs::new(wrong, wrong, metric).err(), Some(shape));
    let refused = |outcome: Option<Error<_>>| assert_eq!(outcome, Some(Error::Shape(shape)));
    refused(Neighbors::new(1).metric(metric).within(&cpu, wrong).err());
    refused(Neighbors::new(1).metric(metric).among(&cpu, wrong, wrong).err());
    refused(Neighbors::new(1).metric(metric).roughly(&cpu, wrong, 0.9).err());
    refused(count_within(&cpu, wrong, wrong, true, metric, 1.0).err());
    refused(list_within(&cpu, wrong, wrong, true, (metric, 1.0), 99).err());
    refused(Dbscan::new(1.0, 1).metric(metric).fit(&cpu, wrong).err());
    refused(Silhouette::new().metric(metric).score(&cpu, wrong, &[0, 0, 1, 1]).err());
    refused(trustworthiness(&cpu, wrong, metric, pairs, 1).err());
    let means = KMeans::new(2).metric(metric).fit(&cpu, pairs);
    assert!(matches!(means, Err(Error::Parameter { name: "metric", .. })));
}

/// Degrees, and latitudes where longitudes belong, are refused row by row.
#[test]
fn haversine_takes_radians_only() {
    let (cpu, data) = (Cpu::<f32>::new(), [0.8f32, 0.2, 0.7, 0.1, 48.1, 11.6, 0.6, 0.3]);
    let (metric, rows) = (Metric::Haversine, Rows::new(&data[..], 2).expect("rows"));
    let refused = |outcome: Option<Error<_>>| {
        assert_eq!(outcome, Some(Error::NotFinite { row: 2 }));
    };
    refused(Neighbors::new(1).metric(metric).within(&cpu, rows).err());
    refused(count_within(&cpu, rows, rows, true, metric, 1.0).err());
    refused(Dbscan::new(1.0, 1).metric(metric).fit(&cpu, rows).err());
    refused(Silhouette::new().metric(metric).score(&cpu, rows, &[0, 0, 1, 1]).err());
    refused(trustworthiness(&cpu, rows, metric, rows, 1).err());
}

fn metric() -> impl Strategy<Value = Metric> {
    let power = (1.0f64..40.0).prop_map(|p| Metric::Minkowski(Power::new(p).expect("a power")));
    prop_oneof![3 => proptest::sample::select(Metric::ALL.to_vec()), 1 => power]
}

/// Pairs of rows of all kinds of numbers; of angles too.
fn rows() -> impl Strategy<Value = (Metric, Vec<f32>, Vec<f32>)> {
    let value = prop_oneof![
        (-4i8..5).prop_map(f32::from).boxed(),
        (-1.5f32..1.5).boxed(),
        (-1.5f32..1.5).prop_map(|v| 1e5 + v).boxed(),
        (0.0f32..1e-30).boxed(),
        any::<f32>().boxed(),
    ];
    (metric(), 1usize..50, 0usize..5).prop_flat_map(move |(metric, dim, _)| {
        let dim = if metric.check_dim(dim).is_ok() { dim } else { 2 };
        let one = prop::collection::vec(value.clone(), dim);
        (Just(metric), one.clone(), one)
    })
}

fn check<T: Element>(metric: Metric, x: &[T], y: &[T]) -> Result<(), TestCaseError> {
    let (found, back) = (distance(metric, x, y).as_f64(), distance(metric, y, x).as_f64());
    prop_assert!(found.to_bits() == back.to_bits() || found.is_nan() && back.is_nan());
    prop_assert!(found >= 0.0 || found.is_nan(), "{}", found);
    let model = expected(metric, x, y);
    prop_assert!(model.admits(found), "{:?} {} {:?}", metric, found, model);
    if metric.takes(x) && metric.takes(y) {
        prop_assert!(found.is_finite(), "{:?} {}", metric, found);
        prop_assert_eq!(distance(metric, x, x), T::zero());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn distances_are_as_accurate_as_is_signed((metric, x, y) in rows()) {
        check(metric, &x, &y)?;
        let wide = |v: &[f32]| v.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        check(metric, &wide(&x), &wide(&y))?;
    }

    /// Closer than is signed, where the numbers are not extreme: what is signed leaves room for
    /// machines with looser functions.
    #[test]
    fn distances_are_closer_than_is_signed(
        metric in metric(),
        angles in prop::array::uniform4(-1.5f32..1.5),
        rows in prop::collection::vec((-9.0f32..9.0, -9.0f32..9.0), 1..60),
    ) {
        let (mut x, mut y): (Vec<f32>, Vec<f32>) = rows.into_iter().unzip();
        if metric == Metric::Haversine {
            (x, y) = (angles[..2].to_vec(), angles[2..].to_vec());
        }
        if let Expected::Near { truth, .. } = expected(metric, &x, &y) {
            let scale = if metric.is_absolute() { 1.0 } else { truth };
            let error = (f64::from(distance(metric, &x, &y)) - truth).abs();
            let most = (x.len() as f64 / 8.0 + 12.0) * f32::ROUNDOFF * scale;
            prop_assert!(error <= most, "{:?}: {} > {}", metric, error / f32::ROUNDOFF, most);
        }
    }

    #[test]
    fn minkowski_of_one_and_two_are_old_friends(
        x in prop::collection::vec(-9.0f64..9.0, 1..40), shift in 0usize..9,
    ) {
        let mut y = x.clone();
        y.rotate_left(shift % x.len());
        let at = |p| distance(Metric::Minkowski(Power::new(p).expect("a power")), &x, &y);
        for (p, other) in [(1.0, Metric::Manhattan), (2.0, Metric::Euclidean)] {
            let expected = oracle::distance(other, &x, &y);
            prop_assert!((at(p) - expected).abs() <= 1e-14 * expected);
        }
        // Never more for a larger power.
        prop_assert!(at(3.0) <= at(2.5) * (1.0 + 1e-14) && at(2.5) <= at(1.5) * (1.0 + 1e-14));
    }
}
