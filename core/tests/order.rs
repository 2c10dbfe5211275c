//! Orders: permutations, boxes, and that no close pair is lost.

use enfold_core::order::Node;
use enfold_core::{Block, Metric, Order};
use proptest::prelude::*;

/// Rows on a coarse lattice (ties and duplicates), with some that are not finite.
fn rows() -> impl Strategy<Value = (usize, Vec<f32>)> {
    let value = prop_oneof![20 => (-6i8..6).prop_map(f32::from), 20 => -3f32..3.0,
        1 => Just(f32::NAN), 1 => Just(f32::INFINITY)];
    (1usize..6, 0usize..60)
        .prop_flat_map(move |(dim, n)| (Just(dim), prop::collection::vec(value.clone(), n * dim)))
}

fn finite(row: &[f32]) -> bool {
    row.iter().all(|v| v.is_finite())
}

fn check_nodes(order: &Order<f32>, data: &[f32], node: Node) {
    let dim = order.dim();
    let (start, end) = order.span(node);
    assert!(start < end, "an empty node");
    let (low, high) = order.bounds(node);
    let rows = || data[start as usize * dim..end as usize * dim].chunks(dim);
    for t in 0..dim {
        assert_eq!(low[t], rows().map(|row| row[t]).fold(f32::INFINITY, f32::min));
        assert_eq!(high[t], rows().map(|row| row[t]).fold(f32::NEG_INFINITY, f32::max));
    }
    for half in node.halves().into_iter().flatten() {
        check_nodes(order, data, half);
    }
}

fn pairs(order: &Order<f32>, other: &Order<f32>, metric: Metric, radius: f32) -> Vec<Block> {
    let mut found = vec![];
    order.pairs_within(other, metric, radius, |block| found.push(block));
    found
}

proptest! {
    #[test]
    fn an_order_is_a_permutation_in_equal_blocks((dim, data) in rows(), leaf in 1usize..9) {
        let mut sorted = data.clone();
        let order = Order::kd(&mut sorted, dim, leaf).unwrap();
        let mut met: Vec<u32> = order.rows().iter().chain(order.apart()).copied().collect();
        for (row, &number) in sorted.chunks(dim).zip(&met) {
            let source = &data[number as usize * dim..][..dim];
            prop_assert!(row.iter().zip(source).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
        prop_assert!(sorted.chunks(dim).take(order.len()).all(finite));
        prop_assert!(!sorted.chunks(dim).skip(order.len()).any(finite));
        prop_assert!(order.apart().is_sorted());
        for block in order.rows().chunks(leaf) {
            prop_assert!(block.is_sorted(), "{block:?}");
        }
        met.sort_unstable();
        prop_assert!(met.iter().enumerate().all(|(i, &r)| i == r as usize));
        if let Some(root) = order.root() {
            check_nodes(&order, &sorted, root);
        }
        let again = Order::of(&sorted, order.rows().iter().chain(order.apart()).copied().collect(),
            dim, leaf).unwrap();
        prop_assert_eq!(again, order);
    }

    #[test]
    fn no_close_pair_is_lost((dim, x) in rows(), (_, y) in rows(), leaf in 1usize..9,
        radius in prop_oneof![Just(0.0f32), Just(1.0), Just(2.0), 0f32..9.0])
    {
        let (mut x, mut y) = (x, y);
        y.truncate(y.len() / dim * dim);
        let a = Order::kd(&mut x, dim, leaf).unwrap();
        let b = Order::kd(&mut y, dim, 3).unwrap();
        for metric in Metric::of_dim(dim) {
            let found = pairs(&a, &b, metric, radius);
            let mut visited = vec![0u8; a.len() * b.len()];
            for block in &found {
                prop_assert_eq!(block.x.0 as usize % leaf, 0);
                for i in block.x.0..block.x.1 {
                    for j in block.y.0..block.y.1 {
                        visited[i as usize * b.len() + j as usize] += 1;
                    }
                }
            }
            prop_assert!(found.is_sorted_by_key(|block| (block.x, block.y)));
            for (at, &times) in visited.iter().enumerate() {
                let (i, j) = (at / b.len(), at % b.len());
                let (i, j) = (&x[i * dim..][..dim], &y[j * dim..][..dim]);
                let near = enfold_core::distance::distance(metric, i, j) <= radius;
                prop_assert!(times == 1 || (times == 0 && !near), "{metric:?} {i:?} {j:?}");
            }
        }
    }
}

#[test]
fn few_block_pairs_are_near_where_rows_spread() {
    let mut data: Vec<f32> = (0..4096).flat_map(|i| [(i % 64) as f32, (i / 64) as f32]).collect();
    let order = Order::kd(&mut data, 2, 16).unwrap();
    let area = |b: Block| (b.x.1 - b.x.0) * (b.y.1 - b.y.0);
    let found = pairs(&order, &order, Metric::Euclidean, 1.0);
    let visited: u32 = found.iter().copied().map(area).sum();
    assert!(visited < 4096 * 16 * 10, "{visited} pairs");
}

#[test]
fn rows_without_extent_and_adjacent_floats_are_rows_like_others() {
    let n = 100_000;
    let mut same = vec![0.1f32; 2 * n];
    let order = Order::kd(&mut same, 2, 16).unwrap();
    assert!(order.rows().is_sorted());
    let mut line: Vec<f32> = (0..n).flat_map(|i| [i as f32 * 0.1, 7.0]).rev().collect();
    let order = Order::kd(&mut line, 2, 16).unwrap();
    assert_eq!(order.blocks(), n / 16);
    let mut close: Vec<f32> = (0..n as u32).map(|i| f32::from_bits(0x3f80_0000 + i % 3)).collect();
    let order = Order::kd(&mut close, 1, 1).unwrap();
    assert!(close.is_sorted() && order.len() == n);
    let mut wide = [f32::MAX, f32::MIN, 0.0, f32::MIN_POSITIVE];
    assert_eq!(Order::kd(&mut wide, 1, 1).unwrap().rows(), [1, 2, 3, 0]);
}

#[test]
fn shapes_are_checked() {
    let mut data = [0.0f32; 6];
    assert!(Order::kd(&mut data, 0, 4).is_err());
    assert!(Order::kd(&mut data, 4, 4).is_err());
    assert!(Order::kd(&mut data, 2, 0).is_err());
    assert!(Order::of(&data, vec![0, 1], 2, 4).is_err());
    let none = Order::<f32>::kd(&mut [], 3, 4).unwrap();
    assert!(none.is_empty() && none.root().is_none() && none.blocks() == 0 && none.nodes() == 0);
    none.pairs_within(&none, Metric::Euclidean, 1.0, |_| panic!("nothing is near"));
    let apart = Order::kd(&mut [f32::NAN, f32::INFINITY], 1, 4).unwrap();
    assert!(apart.is_empty() && apart.apart() == [0, 1]);
}
