//! The exact search by cells, and lists of rows that meet one row each, against all pairs.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use common::{levels, threads};
use enfold_core::neighbors::{Lists, Neighbors, Search};
use enfold_core::random::Draws;
use enfold_core::{Backend, Block, Metric, NONE, Nearest, Pairs, Rows, Visit};
use enfold_cpu::Cpu;
use proptest::prelude::*;

/// Curved sheets of three parameters in `dim` coordinates; one row in 64 is far out.
fn sheets(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let draws = Draws::new(seed, 3);
    let mut data = Vec::with_capacity(n * dim);
    for i in 0..n as u64 {
        let z = [0, 1, 2].map(|t| draws.unit(i, t) * 2.0 - 1.0);
        let out = if i % 64 == 7 { 3.0 } else { 0.02 };
        for t in 0..dim {
            let noise = draws.unit(i, 8 + t as u32) - 0.5;
            data.push(2.0 * (z[t % 3] * 2.0 + (t / 3) as f32).sin() + out * noise);
        }
    }
    data
}

fn lists(data: &[f32], dim: usize, options: Neighbors, search: Search) -> Lists<f32> {
    let rows = Rows::new(data, dim).unwrap();
    options.search(search).within(&Cpu::new(), rows).unwrap()
}

#[test]
fn many_rows_on_sheets_have_the_neighbours_of_all_pairs() {
    let (n, dim) = (1 << 14, 12);
    let data = sheets(n, dim, 1);
    for metric in [Metric::SqEuclidean, Metric::Euclidean] {
        let options = Neighbors::new(15).metric(metric);
        let truth = lists(&data, dim, options, Search::All);
        for search in [Search::Auto, Search::Cells] {
            assert!(lists(&data, dim, options, search) == truth, "{metric:?} {search:?}");
        }
    }
}

#[test]
fn many_rows_without_structure_are_searched_exactly() {
    let (n, dim) = (1 << 14, 20);
    let data = common::uniform(n * dim, 5);
    let options = Neighbors::new(5);
    assert!(lists(&data, dim, options, Search::Auto) == lists(&data, dim, options, Search::All));
}

#[test]
fn any_number_of_threads_gives_the_same_lists() {
    let data = sheets(5000, 10, 2);
    let of = |count| threads(count, || lists(&data, 10, Neighbors::new(7), Search::Cells));
    assert!(of(1) == of(3));
}

/// Rectangles one row high, those of a row one after the other or apart.
#[test]
fn rows_with_lists_of_their_own_meet_just_those() {
    let (n, dim, k) = (300, 21, 6);
    let data = sheets(n, dim, 3);
    let rows = Rows::new(&data[..], dim).unwrap();
    let draws = Draws::new(4, 1);
    let one = |at: u64| {
        let (x, y) = (draws.below(at / 3, 0, n as u64) as u32, draws.below(at, 1, 290) as u32);
        Block { x: (x, x + 1), y: (y, y + 1 + draws.below(at, 2, 9) as u32) }
    };
    let blocks: Vec<Block> = (0..2000).map(one).collect();
    for metric in [Metric::SqEuclidean, Metric::Euclidean, Metric::Manhattan] {
        let mut truth: Vec<Vec<(f32, u32)>> = vec![vec![]; n];
        for block in &blocks {
            let i = block.x.0 as usize;
            let of = |j| enfold_core::distance::distance(metric, rows.row(i), rows.row(j as usize));
            truth[i].extend((block.y.0..block.y.1).map(|j| (of(j), j)));
        }
        for isa in levels() {
            let cpu = Cpu::<f32>::with_isa(isa).unwrap();
            let (mut dist, mut index) = (vec![f32::INFINITY; n * k], vec![NONE; n * k]);
            let pairs = Pairs::new(rows, rows, metric).unwrap();
            let best = Nearest { k, dist: &mut dist[..], index: &mut index[..] };
            cpu.nearest(pairs.visit(Visit::Blocks(&blocks)).unwrap(), best).unwrap();
            for (i, all) in truth.iter_mut().enumerate() {
                all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                all.dedup();
                all.resize(all.len().max(k), (f32::INFINITY, NONE));
                let found = dist[i * k..].iter().copied().zip(index[i * k..].iter().copied());
                assert!(found.take(k).eq(all[..k].iter().copied()), "{metric:?} {isa:?} {i}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Few rows, many rows at one place, rows far from the origin and of all sizes.
    #[test]
    fn any_shape_has_the_neighbours_of_all_pairs(
        (n, dim, k) in (2usize..600, 1usize..20, 1usize..40),
        seed in 0u64..1000,
        (side, offset, scale) in (0u32..6, prop::sample::select(vec![0.0f32, 1e3, -1e6]), -12i32..12),
    ) {
        let draws = Draws::new(seed, 9);
        let size = 2f32.powi(3 * scale);
        let value = |at: u64| match side {
            0 => draws.unit(at, 0) - 0.5,
            1 => (draws.unit(at / 5, 0) - 0.5) * 4.0 + (draws.unit(at, 1) - 0.5) * 0.01,
            _ => draws.below(at, 0, u64::from(side)) as f32,
        };
        let data: Vec<f32> = (0..(n * dim) as u64).map(|at| value(at) * size + offset).collect();
        for metric in [Metric::SqEuclidean, Metric::Euclidean] {
            let options = Neighbors::new(k).metric(metric);
            let truth = lists(&data, dim, options, Search::All);
            prop_assert!(lists(&data, dim, options, Search::Cells) == truth);
        }
    }
}
