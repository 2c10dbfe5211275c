//! Every level of vector instructions against the definition of a distance and the provided
//! bodies, bit for bit.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use common::{Bare, Case, cases, levels, threads};
use enfold_core::distance::distance;
use enfold_core::{Backend, Block, Metric, NONE, Nearest, Pairs, Rows, Sums, Visit};
use enfold_cpu::Cpu;

/// The visits of a case: all, off the diagonal, a list of rectangles, one rectangle.
fn visits(case: &Case) -> Vec<(&'static str, Vec<Block>)> {
    let (n, m) = (case.rows.1 - case.rows.0, case.others.1 - case.others.0);
    let (x, y) = (case.rows.0, case.others.0);
    let half = |n: u32| n / 2;
    let blocks = vec![
        Block { x: (x, x + half(n)), y: (y + half(m), y + m) },
        Block { x: (x + half(n), x + n), y: (y, y + m) },
    ];
    vec![
        ("all", vec![]),
        ("off the diagonal", vec![]),
        ("one block", blocks[1..].to_vec()),
        ("blocks", blocks),
    ]
}

/// Calls `check` for every case, metric and visit.
fn each(mut check: impl FnMut(&Case, Pairs<'_, [f32]>, &str)) {
    for (at, case) in cases().into_iter().enumerate() {
        let x = Rows::new(&case.data[..], case.dim).unwrap();
        let rows = x.range(case.rows.0 as usize, case.rows.1 as usize).unwrap();
        let others = x.range(case.others.0 as usize, case.others.1 as usize).unwrap();
        for metric in Metric::of_dim(case.dim) {
            if case.long && !matches!(metric, Metric::SqEuclidean | Metric::Euclidean) {
                continue;
            }
            // Those without a form here take one path on every level, through the definition.
            let listed = Metric::ALL.iter().position(|&m| m == metric).unwrap_or(0);
            if listed >= 5 && !(at + listed).is_multiple_of(8) {
                continue;
            }
            for (name, blocks) in visits(&case) {
                let visit = match name {
                    "all" => Visit::All,
                    "off the diagonal" => Visit::OffDiagonal,
                    _ => Visit::Blocks(&blocks),
                };
                let pairs = Pairs::new(rows, others, metric).unwrap().visit(visit).unwrap();
                check(&case, pairs, &format!("{} {metric:?} {name}", case.name));
            }
        }
    }
}

/// Something that finds neighbours: pairs, distances, row numbers.
type Fold<'a> = dyn Fn(Pairs<'_, [f32]>, &mut [f32], &mut [u32]) + 'a;

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| if v.is_nan() { NONE } else { v.to_bits() }).collect()
}

#[test]
fn distances_are_the_numbers_of_the_definition() {
    each(|case, pairs, what| {
        let (x, y) = (pairs.x(), pairs.y());
        let mut want = vec![-1f32; x.len() * y.len()];
        for block in pairs.rectangles() {
            for i in block.x.0 as usize..block.x.1 as usize {
                for j in block.y.0 as usize..block.y.1 as usize {
                    if !(matches!(pairs.visited(), Visit::OffDiagonal) && i == j) {
                        want[(i - x.start()) * y.len() + j - y.start()] =
                            distance(pairs.metric(), x.row(i), y.row(j));
                    }
                }
            }
        }
        for isa in levels() {
            let mut got = vec![-1f32; x.len() * y.len()];
            let cpu = Cpu::<f32>::with_isa(isa).unwrap();
            cpu.distances(pairs, &mut got).unwrap();
            assert_eq!(bits(&got), bits(&want), "{isa:?} {what} {}", case.dim);
        }
    });
}

#[test]
fn nearest_is_the_provided_body_bit_for_bit() {
    each(|case, pairs, what| {
        // Places for rows up to a distance that occurs, where a search starts again.
        let (x, y) = (pairs.x(), pairs.y());
        let far = f32::INFINITY;
        let some = if x.is_empty() || y.is_empty() {
            far
        } else {
            distance(pairs.metric(), x.row(x.start()), y.row((y.start() + y.end()) / 2)).min(far)
        };
        for (k, limit) in [(1, far), (5, far), (5, some), (16, far), (16, some), (40, far)] {
            // Long lists are slow in the provided body, and the fill does not matter to them.
            if k > 5 && !["uniform", "ties", "broken"].iter().any(|f| case.name.starts_with(f)) {
                continue;
            }
            let n = pairs.x().data().len() / case.dim;
            let run = |backend: &Fold<'_>| {
                let mut dist = vec![limit; n * k];
                let mut index = vec![NONE; n * k];
                // What is there already must stay, and must not be entered twice.
                backend(pairs, &mut dist, &mut index);
                backend(pairs, &mut dist, &mut index);
                (bits(&dist), index)
            };
            let want = run(&|pairs, dist, index| {
                Bare.nearest(pairs, Nearest { k, dist, index }).unwrap();
            });
            for isa in levels() {
                let cpu = Cpu::<f32>::with_isa(isa).unwrap();
                let got = run(&|pairs, dist, index| {
                    cpu.nearest(pairs, Nearest { k, dist, index }).unwrap();
                });
                assert_eq!(got, want, "{isa:?} k {k} up to {limit} {what}");
            }
        }
    });
}

/// Radii at, just below and just above distances that occur, and some that mean nothing.
fn radii(pairs: &Pairs<'_, [f32]>, n: usize, k: usize) -> Vec<f32> {
    let (x, y) = (pairs.x(), pairs.y());
    let mut radii = vec![0f32; n * k];
    for (at, radius) in radii.iter_mut().enumerate() {
        let i = x.start() + at / k % x.len();
        let j = y.start() + at * 7 % y.len();
        let d = distance(pairs.metric(), x.row(i), y.row(j));
        *radius = match at % 9 {
            0 => f32::NAN,
            1 => f32::INFINITY,
            2 => -1.0,
            3 => d.next_down(),
            4 => d.next_up(),
            5 => 0.0,
            _ => d,
        };
    }
    radii
}

#[test]
fn counts_are_those_of_the_provided_body() {
    each(|case, pairs, what| {
        let n = pairs.x().data().len() / case.dim;
        for k in [1, 3] {
            let radii = radii(&pairs, n, k);
            let mut want = vec![5u32; n * k];
            Bare.count_within(pairs, &radii, k, &mut want).unwrap();
            for isa in levels() {
                let mut got = vec![5u32; n * k];
                let cpu = Cpu::<f32>::with_isa(isa).unwrap();
                cpu.count_within(pairs, &radii, k, &mut got).unwrap();
                assert_eq!(got, want, "{isa:?} k {k} {what}");
            }
        }
    });
}

#[test]
fn lowest_and_join_are_those_of_the_provided_body() {
    each(|case, pairs, what| {
        let n = pairs.x().data().len() / case.dim;
        let values: Vec<u32> =
            (0..n as u32).map(|i| i.wrapping_mul(2_654_435_761) % 1000).collect();
        let member: Vec<u32> = (0..n as u32).map(|i| u32::from(i % 5 != 1)).collect();
        let forest: Vec<u32> = (0..n as u32).collect();
        for radius in radii(&pairs, 1, 5) {
            let mut want = vec![NONE; n];
            Bare.lowest_within(pairs, radius, &values, &mut want).unwrap();
            let mut trees = forest.clone();
            Bare.join_within(pairs, radius, &member, &mut trees).unwrap();
            for isa in levels() {
                let cpu = Cpu::<f32>::with_isa(isa).unwrap();
                let mut got = vec![NONE; n];
                cpu.lowest_within(pairs, radius, &values, &mut got).unwrap();
                assert_eq!(got, want, "{isa:?} radius {radius} {what}");
                let mut grown = forest.clone();
                cpu.join_within(pairs, radius, &member, &mut grown).unwrap();
                assert_eq!(roots(&grown), roots(&trees), "{isa:?} radius {radius} {what}");
            }
        }
    });
}

fn roots(parent: &[u32]) -> Vec<u32> {
    let root = |mut i: u32| {
        while parent[i as usize] != i {
            i = parent[i as usize];
        }
        i
    };
    (0..parent.len() as u32).map(root).collect()
}

#[test]
fn sums_by_label_are_near_the_sums_in_f64() {
    each(|case, pairs, what| {
        let n = pairs.x().data().len() / case.dim;
        let k = 5;
        let labels: Vec<u32> =
            (0..n as u32).map(|i| if i % 7 == 3 { NONE } else { i * i % k as u32 }).collect();
        let (x, y) = (pairs.x(), pairs.y());
        let mut want = vec![0f64; x.len() * k];
        for block in pairs.rectangles() {
            for i in block.x.0 as usize..block.x.1 as usize {
                for j in block.y.0 as usize..block.y.1 as usize {
                    let left_out = matches!(pairs.visited(), Visit::OffDiagonal) && i == j;
                    let d = distance(pairs.metric(), x.row(i), y.row(j));
                    if labels[j] != NONE && !left_out && d.is_finite() {
                        want[(i - x.start()) * k + labels[j] as usize] += f64::from(d);
                    }
                }
            }
        }
        for isa in levels() {
            let mut got = vec![0f32; x.len() * k];
            let cpu = Cpu::<f32>::with_isa(isa).unwrap();
            cpu.sum_by_label(pairs, &labels, k, &mut got).unwrap();
            for (&got, &want) in got.iter().zip(&want) {
                let near = (f64::from(got) - want).abs() <= 1e-5 * want + 1e-44;
                assert!(near || want > 3e38, "{isa:?} {got} {want} {what}");
            }
        }
    });
}

#[test]
fn accumulate_gives_the_integers_of_the_provided_body() {
    for case in cases() {
        let n = case.data.len() / case.dim;
        let x = Rows::new(&case.data[..], case.dim).unwrap();
        let x = x.range(case.rows.0 as usize, case.rows.1 as usize).unwrap();
        let k = 7.min(n);
        let origins = Rows::new(&case.data[..k * case.dim], case.dim).unwrap();
        let labels: Vec<u32> =
            (0..n as u32).map(|i| if i % 11 == 3 { NONE } else { i * i % k as u32 }).collect();
        let weights: Vec<f32> = (0..n).map(|i| [1.0, 0.37, 2.5, 1.0][i % 4]).collect();
        for weights in [None, Some(&weights[..])] {
            for scale in [1024.0, 3.7e-3] {
                let mut sums = (vec![1i64; k * case.dim], vec![2i64; k], vec![3i64; k]);
                let into = Sums {
                    offsets: &mut sums.0[..],
                    mass: &mut sums.1[..],
                    scatter: Some(&mut sums.2[..]),
                };
                Bare.accumulate(x, &labels, weights, origins, scale, into).unwrap();
                for isa in levels() {
                    let mut got = (vec![1i64; k * case.dim], vec![2i64; k], vec![3i64; k]);
                    let into = Sums {
                        offsets: &mut got.0[..],
                        mass: &mut got.1[..],
                        scatter: Some(&mut got.2[..]),
                    };
                    let cpu = Cpu::<f32>::with_isa(isa).unwrap();
                    cpu.accumulate(x, &labels, weights, origins, scale, into).unwrap();
                    assert_eq!(got, sums, "{isa:?} {} {:?}", case.name, weights.is_some());
                }
            }
        }
    }
}

#[test]
fn sums_give_the_bits_of_the_provided_body() {
    let values: Vec<f32> = (0..5000).map(|i| (i as f32 * 0.37).sin() * 100.0).collect();
    let weights: Vec<f32> = (0..5000).map(|i| (i % 13) as f32 * 0.1).collect();
    for (len, chunk) in [(5000, 1000), (4999, 37), (17, 16), (1, 5), (0, 4), (333, 5000)] {
        for weights in [None, Some(&weights[..])] {
            let mut want = vec![-1f64; len / chunk + 2];
            Bare.sums(&values, weights, len, chunk, &mut want).unwrap();
            for isa in levels() {
                let mut got = vec![-1f64; len / chunk + 2];
                let cpu = Cpu::<f32>::with_isa(isa).unwrap();
                cpu.sums(&values, weights, len, chunk, &mut got).unwrap();
                assert_eq!(got, want, "{isa:?} {len} {chunk}");
            }
        }
    }
}

/// The three nearest – distances as bits, and rows – and how many are within a radius, one for
/// each row.
fn near(cpu: &Cpu<f32>, pairs: Pairs<'_, [f32]>, radii: &[f32]) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let n = radii.len();
    let (mut dist, mut index) = (vec![f32::INFINITY; 3 * n], vec![NONE; 3 * n]);
    let best = Nearest { k: 3, dist: &mut dist[..], index: &mut index[..] };
    cpu.nearest(pairs, best).unwrap();
    let mut counts = vec![0u32; n];
    cpu.count_within(pairs, radii, 1, &mut counts).unwrap();
    (bits(&dist), index, counts)
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    // Large enough to be cut into chunks.
    let (n, m, dim) = (3000, 150, 33);
    let data = common::uniform(n * dim, 5);
    let x = Rows::new(&data[..], dim).unwrap();
    let y = x.range(0, m).unwrap();
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 5).collect();
    for metric in [Metric::SqEuclidean, Metric::Manhattan] {
        for visit in [Visit::All, Visit::OffDiagonal] {
            let pairs = Pairs::new(x, y, metric).unwrap().visit(visit).unwrap();
            let radii = vec![18f32; n];
            let run = |count| {
                threads(count, || {
                    let cpu = Cpu::<f32>::new();
                    let found = near(&cpu, pairs, &radii);
                    let mut all = vec![0f32; n * m];
                    cpu.distances(pairs, &mut all).unwrap();
                    let mut sums = vec![0f32; n * 5];
                    cpu.sum_by_label(pairs, &labels, 5, &mut sums).unwrap();
                    (found, bits(&all), bits(&sums))
                })
            };
            let one = run(1);
            for count in [2, 3, 7] {
                assert!(run(count) == one, "{count} threads {metric:?}");
            }
        }
    }
    let wide = common::uniform(1 << 21, 6);
    let x = Rows::new(&wide[..], 32).unwrap();
    let origins = x.range(0, 5).unwrap();
    let labels: Vec<u32> = labels.iter().cycle().take(x.len()).copied().collect();
    let run = |count| {
        threads(count, || {
            let mut sums = (vec![0i64; 5 * 32], vec![0i64; 5], vec![0i64; 5]);
            let into = Sums {
                offsets: &mut sums.0[..],
                mass: &mut sums.1[..],
                scatter: Some(&mut sums.2[..]),
            };
            Cpu::<f32>::new().accumulate(x, &labels, None, origins, 1e4, into).unwrap();
            sums
        })
    };
    let one = run(1);
    for count in [2, 3, 7] {
        assert_eq!(run(count), one);
    }
}

#[test]
fn rectangles_are_met_wherever_threads_cut_them() {
    let (n, m, dim) = (2400, 300, 24);
    let data = common::uniform(n * dim, 8);
    let rows = Rows::new(&data[..], dim).unwrap();
    let y = (0, m);
    let block = |start: u32, end: u32| Block { x: (start, end), y };
    let cells: Vec<Block> = (0..24).map(|at| block(at * 100, at * 100 + 100)).collect();
    // One that is more than a thread's share, an empty one, and rows that are in none.
    let uneven = [block(7, 107), block(107, 107), block(300, 2200), block(2390, 2400)];
    let back = [block(1200, 2400), block(0, 1200), Block { x: (600, 1800), y: (300, 500) }];
    for blocks in [&cells[..], &uneven, &back] {
        let pairs = Pairs::new(rows, rows, Metric::SqEuclidean).unwrap();
        let pairs = pairs.visit(Visit::Blocks(blocks)).unwrap();
        let radii = vec![3f32; n];
        let run = |count| threads(count, || near(&Cpu::new(), pairs, &radii));
        let one = run(1);
        let met = |i: u32| blocks.iter().any(|block| (block.x.0..block.x.1).contains(&i));
        assert!((0..n as u32).all(|i| (one.1[3 * i as usize] != NONE) == met(i)));
        for count in [2, 3, 7] {
            assert!(run(count) == one, "{count} threads, {} rectangles", blocks.len());
        }
    }
}

/// The same as [`nearest_is_the_provided_body_bit_for_bit`] in double precision, against the
/// definition.
#[test]
fn f64_decides_on_the_definition_too() {
    let data: Vec<f64> = common::uniform(200 * 40, 3).iter().map(|&v| f64::from(v)).collect();
    for dim in [2, 8, 13, 40] {
        for offset in [0.0, 1e9] {
            let data: Vec<f64> = data.iter().map(|v| v + offset).collect();
            let all = Rows::new(&data[..data.len() / dim * dim], dim).unwrap();
            let (x, y) = (all.range(3, 90).unwrap(), all.range(50, 127).unwrap());
            for metric in Metric::of_dim(dim) {
                let pairs = Pairs::new(x, y, metric).unwrap().visit(Visit::OffDiagonal).unwrap();
                for isa in levels() {
                    let cpu = Cpu::<f64>::with_isa(isa).unwrap();
                    for k in [1, 4] {
                        let mut dist = vec![f64::INFINITY; all.len() * k];
                        let mut index = vec![NONE; all.len() * k];
                        let best = Nearest { k, dist: &mut dist[..], index: &mut index[..] };
                        cpu.nearest(pairs, best).unwrap();
                        for i in 3..90 {
                            let mut want: Vec<(f64, u32)> = (50..127)
                                .filter(|&j| j != i)
                                .map(|j| (distance(metric, x.row(i), y.row(j)), j as u32))
                                .collect();
                            want.sort_by(|a, b| a.partial_cmp(b).unwrap());
                            for s in 0..k {
                                let got = (dist[i * k + s], index[i * k + s]);
                                assert_eq!(got, want[s], "{isa:?} {metric:?} dim {dim} k {k}");
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        /// Rows a few roundings apart, far from the origin or not: what the bounds must not
        /// decide wrongly.
        #[test]
        fn nearly_equal_rows_are_told_apart_as_the_definition_does(
            dim in 9usize..70,
            scale in -20i32..20,
            offset in prop_oneof![Just(0f32), Just(1.0), Just(1e3), Just(-1e5)],
            seed in 0u64..1 << 40,
            metric in prop_oneof![Just(Metric::SqEuclidean), Just(Metric::Euclidean)],
        ) {
            let (n, m) = (48, 30);
            let noise = common::uniform((n + m) * dim, seed);
            let base = common::uniform(dim, seed + 1);
            let step = f32::powi(2.0, scale);
            let data: Vec<f32> = noise
                .iter()
                .enumerate()
                .map(|(at, v)| (base[at % dim] + offset) * step * (1.0 + (v * 4.0).round() * 1e-7))
                .collect();
            let all = Rows::new(&data[..], dim).unwrap();
            let (x, y) = (all.range(0, n).unwrap(), all.range(n, n + m).unwrap());
            let pairs = Pairs::new(x, y, metric).unwrap();
            let d = |i: usize, j: usize| distance(metric, x.row(i), y.row(n + j));
            let radii: Vec<f32> = (0..n).map(|i| d(i, i % m)).collect();
            for isa in levels() {
                let cpu = Cpu::<f32>::with_isa(isa).unwrap();
                let (mut dist, mut index) = (vec![f32::INFINITY; n], vec![NONE; n]);
                let best = Nearest { k: 1, dist: &mut dist[..], index: &mut index[..] };
                cpu.nearest(pairs, best).unwrap();
                let mut counts = vec![0; n];
                cpu.count_within(pairs, &radii, 1, &mut counts).unwrap();
                for i in 0..n {
                    let first = (0..m).min_by(|&a, &b| d(i, a).total_cmp(&d(i, b))).unwrap();
                    prop_assert_eq!((dist[i], index[i]), (d(i, first), (n + first) as u32));
                    let within = (0..m).filter(|&j| d(i, j) <= radii[i]).count() as u32;
                    prop_assert_eq!(counts[i], within);
                }
            }
        }
    }
}
