//! Neighbours against an oracle that sorts all pairs by (distance, row number).

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod suited;

use enfold_core::distance::distance;
use enfold_core::neighbors::{
    Lists, MANY, NARROW, Neighbors, Search, count_within, k_distances, list_within,
};
use enfold_core::random::Draws;
use enfold_core::{Error, Metric, NONE, Power, Rows};
use enfold_cpu::Cpu;
use proptest::prelude::*;
use suited::suited;

const WAYS: [Search; 4] = [Search::Auto, Search::All, Search::Ordered, Search::Cells];

/// The k nearest by definition; `apart`: x and y are the same rows.
fn oracle(
    (x, y): (Rows<'_, [f32]>, Rows<'_, [f32]>),
    apart: bool,
    metric: Metric,
    k: usize,
) -> (Vec<u32>, Vec<u32>) {
    let (mut dist, mut index) = (vec![], vec![]);
    for i in x.start()..x.end() {
        let mut all: Vec<(f32, u32)> = (y.start()..y.end())
            .filter(|&j| !(apart && i == j))
            .map(|j| (distance(metric, x.row(i), y.row(j)), j as u32))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.resize(all.len().max(k), (f32::INFINITY, NONE));
        dist.extend(all[..k].iter().map(|e| e.0.to_bits()));
        index.extend(all[..k].iter().map(|e| e.1));
    }
    (dist, index)
}

fn bits(lists: &Lists<f32>) -> (Vec<u32>, Vec<u32>) {
    let dist = lists.distances().iter().map(|d| d.to_bits()).collect();
    (dist, lists.indices().to_vec())
}

/// Asserts that every way gives the oracle's lists, in a self-join and among other rows.
fn agrees(data: &[f32], dim: usize, metric: Metric, k: usize) {
    let (cpu, data) = (Cpu::<f32>::new(), &suited(metric, data)[..]);
    let rows = Rows::new(data, dim).unwrap();
    let (some, rest) =
        (rows.range(0, rows.len() / 3).unwrap(), rows.range(rows.len() / 4, rows.len()).unwrap());
    let own = oracle((rest, rest), true, metric, k);
    let other = oracle((some, rest), false, metric, k);
    for way in WAYS {
        let options = Neighbors::new(k).metric(metric).search(way);
        assert!(bits(&options.within(&cpu, rest).unwrap()) == own, "{metric:?} {k} {way:?}");
        let among = options.among(&cpu, some, rest).unwrap();
        assert!(bits(&among) == other, "among: {metric:?} {k} {way:?}");
    }
}

fn uniform(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let draws = Draws::new(seed, 1);
    (0..n * dim).map(|at| draws.unit(at as u64, 0) * 2.0 - 1.0).collect()
}

fn lattice(n: usize, dim: usize, side: u32, seed: u64) -> Vec<f32> {
    let draws = Draws::new(seed, 2);
    (0..n * dim).map(|at| draws.below(at as u64, 0, u64::from(side)) as f32).collect()
}

#[test]
fn lists_are_those_of_the_definition() {
    for (n, dim) in [(700, 1), (900, 2), (900, 3), (700, 5), (500, 8), (400, 17), (300, 64)] {
        for metric in Metric::of_dim(dim) {
            agrees(&uniform(n, dim, n as u64), dim, metric, 15);
        }
    }
}

#[test]
fn ties_go_to_the_lower_row_under_every_order() {
    for (dim, side) in [(1, 40), (2, 12), (3, 6), (4, 3), (12, 2)] {
        for metric in Metric::of_dim(dim) {
            for k in [1, 4, 16] {
                agrees(&lattice(700, dim, side, 3), dim, metric, k);
            }
        }
    }
}

#[test]
fn any_k_is_taken() {
    let data = lattice(400, 2, 15, 4);
    for k in [1, 2, 16, 17, 100, 254, 255, 256, 257, 299, 300, 301, 1000] {
        agrees(&data, 2, Metric::Euclidean, k);
    }
    let wide = uniform(400, 20, 5);
    for k in [2, 33, 256, 257] {
        agrees(&wide, 20, Metric::SqEuclidean, k);
    }
}

#[test]
fn lines_and_grids_are_no_trouble() {
    let line: Vec<f32> = (0..3000).flat_map(|i| [i as f32, 2.0 * i as f32, -3.0]).collect();
    agrees(&line, 3, Metric::SqEuclidean, 6);
    let grid: Vec<f32> = (0..2500).flat_map(|i| [(i % 50) as f32, (i / 50) as f32]).collect();
    agrees(&grid, 2, Metric::Manhattan, 15);
    let near: Vec<f32> = (0..2000).map(|i| f32::from_bits(1.0f32.to_bits() + i % 7)).collect();
    agrees(&near, 1, Metric::Euclidean, 5);
}

/// Two groups far apart and tight: what eight bits of a coordinate cannot tell apart.
#[test]
fn tight_groups_far_apart_are_told_apart() {
    let mut data = uniform(1500, 12, 9);
    for (i, row) in data.chunks_exact_mut(12).enumerate() {
        let side = if i % 2 == 0 { 1e3 } else { -1e3 };
        row.iter_mut().for_each(|v| *v = side + *v * 0.05);
    }
    agrees(&data, 12, Metric::Euclidean, 5);
}

#[test]
fn a_rough_search_finds_what_it_says() {
    let cpu = Cpu::<f32>::new();
    let n = 3000;
    let mut data = uniform(n, 24, 10);
    for (i, row) in data.chunks_exact_mut(24).enumerate() {
        row.iter_mut().enumerate().for_each(|(t, v)| *v += 3.0 * ((i % 9 * t) as f32).sin());
    }
    let rows = Rows::new(&data[..], 24).unwrap();
    let options = Neighbors::new(10).metric(Metric::Euclidean);
    let exact = options.within(&cpu, rows).unwrap();
    let rough = options.roughly(&cpu, rows, 0.9).unwrap();
    assert_eq!(rough, options.roughly(&cpu, rows, 0.9).unwrap());
    let mut found = 0;
    for i in 0..n {
        let ((dist, index), truth) = (rough.lists.row(i), exact.row(i).1);
        found += index.iter().filter(|j| truth.contains(j)).count();
        for (&d, &j) in dist.iter().zip(index) {
            assert_ne!(i, j as usize);
            assert_eq!(d, distance(Metric::Euclidean, rows.row(i), rows.row(j as usize)));
        }
    }
    let share = found as f64 / (n * 10) as f64;
    assert!(share >= 0.88 && rough.recall >= 0.9 && rough.visited < 1.0, "{share} {rough:?}");
    let all = options.roughly(&cpu, rows, 1.0).unwrap();
    assert!((all.recall, all.visited) == (1.0, 1.0));
    assert_eq!(bits(&all.lists), bits(&exact));
    for wrong in [0.0, 1.1, f64::NAN] {
        let error = options.roughly(&cpu, rows, wrong);
        assert!(matches!(error, Err(Error::Parameter { name: "recall", .. })));
    }
}

#[test]
fn many_equal_rows_are_found_in_rounds() {
    let n = 100_000;
    let cpu = Cpu::<f32>::new();
    let data = vec![0.25f32; 2 * n];
    let rows = Rows::new(&data[..], 2).unwrap();
    let lists = Neighbors::new(3).within(&cpu, rows).unwrap();
    let first = |i: usize| (0..4).filter(move |&j| j != i).take(3).map(|j| j as u32);
    for i in 0..n {
        assert!(lists.row(i).1.iter().copied().eq(first(i)), "{i}");
        assert_eq!(lists.row(i).0, [0.0; 3]);
    }
}

#[test]
fn bad_input_is_named() {
    let cpu = Cpu::<f32>::new();
    let none: [f32; 0] = [];
    let empty = Rows::new(&none[..], 3).unwrap();
    assert!(Neighbors::new(2).within(&cpu, empty).unwrap().is_empty());
    let one = Rows::new(&[1.0f32, 2.0, 3.0][..], 3).unwrap();
    for way in WAYS {
        let options = Neighbors::new(2).search(way);
        assert_eq!(options.within(&cpu, one).unwrap().indices(), [NONE; 2]);
        assert_eq!(options.within(&cpu, one).unwrap().row(0).1, [0; 0]);
        assert_eq!(options.among(&cpu, one, empty).unwrap().indices(), [NONE; 2]);
        assert!(options.among(&cpu, empty, one).unwrap().is_empty());
        assert_eq!(options.among(&cpu, one, one).unwrap().indices(), [0, NONE]);
    }
    let error = Neighbors::new(0).within(&cpu, one);
    assert!(matches!(error, Err(Error::Parameter { name: "k", .. })));
    for bad in [f32::NAN, f32::INFINITY, 1e38] {
        let data = [0.0, 0.0, bad, 1.0];
        let rows = Rows::new(&data[..], 2).unwrap();
        assert!(matches!(Neighbors::new(1).within(&cpu, rows), Err(Error::NotFinite { row: 1 })));
        let count = count_within(&cpu, rows, rows, true, Metric::Euclidean, 1.0);
        assert!(matches!(count, Err(Error::NotFinite { row: 1 })));
    }
    let plane = Rows::new(&[1.0f32, 2.0][..], 2).unwrap();
    assert!(matches!(Neighbors::new(1).among(&cpu, plane, one), Err(Error::Shape(_))));
    for radius in [-1.0, f32::NAN] {
        let count = count_within(&cpu, one, one, true, Metric::Euclidean, radius);
        assert!(matches!(count, Err(Error::Parameter { name: "radius", .. })));
    }
}

#[test]
fn radius_lists_are_those_of_the_definition() {
    let cpu = Cpu::<f32>::new();
    for (data, dim) in [(lattice(300, 2, 12, 6), 2), (uniform(300, 20, 7), 20)] {
        let asked =
            [(Metric::Euclidean, 2.0), (Metric::SqEuclidean, 0.0), (Metric::Manhattan, 3.0)];
        for (metric, radius) in asked.into_iter().chain(Metric::of_dim(dim).map(|m| (m, 0.5))) {
            let data = suited(metric, &data);
            let rows = Rows::new(&data[..], dim).unwrap();
            let (x, y) = (rows.range(20, 290).unwrap(), rows.range(10, 300).unwrap());
            for apart in [false, true] {
                let graph = list_within(&cpu, x, y, apart, (metric, radius), 1 << 20).unwrap();
                let counts = count_within(&cpu, x, y, apart, metric, radius).unwrap();
                for i in x.start()..x.end() {
                    let d = |j: usize| distance(metric, rows.row(i), rows.row(j));
                    let near =
                        (y.start()..y.end()).filter(|&j| d(j) <= radius && !(apart && i == j));
                    let (targets, weights) = graph.row(i - x.start());
                    assert!(near.clone().map(|j| j as u32).eq(targets.iter().copied()));
                    assert!(near.map(d).eq(weights.iter().copied()));
                    assert_eq!(counts[i - x.start()] as usize, targets.len());
                }
                let edges = graph.targets.len();
                let tight = list_within(&cpu, x, y, apart, (metric, radius), edges);
                assert_eq!(tight.unwrap(), graph);
                if edges > 0 {
                    let over = list_within(&cpu, x, y, apart, (metric, radius), edges - 1);
                    assert!(matches!(over, Err(Error::Shape(e)) if e.found == edges));
                }
            }
        }
    }
}

/// Asserts that counts and lists within a radius are those of all pairs, where trees are built.
fn radius_agrees(data: &[f32], dim: usize, (metric, radius): (Metric, f32)) {
    let (cpu, data) = (Cpu::<f32>::new(), &suited(metric, data)[..]);
    let rows = Rows::new(data, dim).unwrap();
    let n = rows.len();
    assert!(n - 5 >= MANY && dim <= NARROW, "no tree is built");
    let part = |start, end| rows.range(start, end).unwrap();
    let copy = data.to_vec();
    let elsewhere = Rows::new(&copy[..], dim).unwrap().range(3, n).unwrap();
    // The same rows, rows that overlap, few of them, and as many in another buffer.
    let pairs = [
        (part(5, n), part(5, n)),
        (part(0, 300), part(5, n)),
        (part(7, 8), rows),
        (elsewhere, part(5, n)),
    ];
    for (x, y) in pairs {
        for apart in [false, true] {
            let graph = list_within(&cpu, x, y, apart, (metric, radius), usize::MAX).unwrap();
            let counts = count_within(&cpu, x, y, apart, metric, radius).unwrap();
            let (mut targets, mut weights) = (vec![], vec![]);
            for i in x.start()..x.end() {
                let from = targets.len();
                for j in (y.start()..y.end()).filter(|&j| !(apart && i == j)) {
                    let d = distance(metric, x.row(i), y.row(j));
                    if d <= radius {
                        targets.push(j as u32);
                        weights.push(d.to_bits());
                    }
                }
                assert_eq!(counts[i - x.start()] as usize, targets.len() - from, "{metric:?} {i}");
            }
            assert!(graph.targets == targets, "{metric:?} {radius} apart: {apart}");
            assert!(graph.weights.iter().map(|w| w.to_bits()).eq(weights));
        }
    }
}

#[test]
fn ties_at_the_radius_are_within_it_in_a_tree() {
    // On a lattice many distances are exactly the radius.
    for (metric, radius) in [
        (Metric::Euclidean, 2.0),
        (Metric::SqEuclidean, 0.0),
        (Metric::Manhattan, 3.0),
        (Metric::Chebyshev, 1.0),
    ] {
        radius_agrees(&lattice(2100, 2, 40, 9), 2, (metric, radius));
    }
    radius_agrees(&vec![1.0; 2100 * 3], 3, (Metric::Euclidean, 0.0));
    radius_agrees(&uniform(2100, 2, 10), 2, (Metric::Euclidean, f32::INFINITY));
}

#[test]
fn graphs_and_curves_hold_what_the_lists_hold() {
    let cpu = Cpu::<f32>::new();
    let data = [0.0f32, 1.0, 3.0, 7.0];
    let rows = Rows::new(&data[..], 1).unwrap();
    let lists = Neighbors::new(5).metric(Metric::Euclidean).within(&cpu, rows).unwrap();
    let (graph, ones) = (lists.graph(), lists.connectivity());
    assert_eq!(graph.offsets, [0, 3, 6, 9, 12]);
    assert_eq!(graph.row(3), (&[2, 1, 0][..], &[4.0, 6.0, 7.0][..]));
    assert_eq!(ones.targets, graph.targets);
    assert!(ones.weights.iter().all(|&w| w == 1.0));
    assert_eq!(k_distances(&cpu, rows, Metric::Euclidean, 2).unwrap(), [6.0, 3.0, 3.0, 2.0]);
}

/// Rows on a machine whose memory the host cannot see.
#[cfg(feature = "conformance")]
#[test]
fn another_machine_gives_the_same_lists() {
    use enfold_core::conformance::decorators::Opaque;
    use enfold_core::{Alloc, Backend};

    let (data, dim) = (lattice(300, 2, 9, 8), 2);
    let device = Opaque::<f32>::default();
    let mut there = device.alloc::<f32>(data.len()).unwrap();
    device.write(&mut there, 0, &data).unwrap();
    let rows = Rows::on::<Opaque<f32>>(&there, dim).unwrap();
    let here = Rows::new(&data[..], dim).unwrap();
    for way in WAYS {
        let lists = Neighbors::new(9).search(way).within(&device, rows).unwrap();
        assert!(bits(&lists) == oracle((here, here), true, Metric::SqEuclidean, 9), "{way:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_way_gives_the_definition(
        (n, dim, side) in (1usize..260, 1usize..6, 1u32..9),
        k in 1usize..40,
        metric in proptest::sample::select(Metric::ALL.to_vec()),
        seed: u64,
    ) {
        prop_assume!(metric.check_dim(dim).is_ok());
        agrees(&lattice(n, dim, side, seed), dim, metric, k);
        agrees(&uniform(n, dim, seed), dim, metric, k);
    }
}

/// Metrics that trees are built for, but for powers, which take the definition a minute.
const BOUNDED: [Metric; 4] =
    [Metric::SqEuclidean, Metric::Euclidean, Metric::Manhattan, Metric::Chebyshev];

#[test]
fn trees_give_the_rows_within_a_radius_of_powers() {
    let power = Metric::Minkowski(Power::new(3.0).unwrap());
    assert!(power.has_bounds());
    radius_agrees(&uniform(2060, 2, 31), 2, (power, 0.25));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn trees_give_the_rows_within_a_radius(
        (n, dim, side) in (2060usize..2300, 1usize..6, 2u32..40),
        metric in proptest::sample::select(BOUNDED.to_vec()),
        radius in 0.0f32..3.0,
        seed: u64,
    ) {
        radius_agrees(&lattice(n, dim, side, seed), dim, (metric, radius.round()));
        radius_agrees(&uniform(n, dim, seed), dim, (metric, radius / 3.0));
    }
}
