//! Every level of vector instructions against the definition of a distance and the provided
//! bodies, bit for bit.

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
    for case in cases() {
        let x = Rows::new(&case.data[..], case.dim).unwrap();
        let rows = x.range(case.rows.0 as usize, case.rows.1 as usize).unwrap();
        let others = x.range(case.others.0 as usize, case.others.1 as usize).unwrap();
        for metric in Metric::ALL {
            if case.long && !matches!(metric, Metric::SqEuclidean | Metric::Euclidean) {
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
        for k in [1, 2, 5, 40] {
            if case.long && k > 5 {
                continue;
            }
            let n = pairs.x().data().len() / case.dim;
            let run = |backend: &dyn Fn(Pairs<'_, [f32]>, &mut [f32], &mut [u32])| {
                let mut dist = vec![f32::INFINITY; n * k];
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
                assert_eq!(got, want, "{isa:?} k {k} {what}");
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
            let run = |count| {
                threads(count, || {
                    let cpu = Cpu::<f32>::new();
                    let (mut dist, mut index) = (vec![f32::INFINITY; 3 * n], vec![NONE; 3 * n]);
                    let best = Nearest { k: 3, dist: &mut dist[..], index: &mut index[..] };
                    cpu.nearest(pairs, best).unwrap();
                    let mut all = vec![0f32; n * m];
                    cpu.distances(pairs, &mut all).unwrap();
                    (bits(&dist), index, bits(&all))
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
