//! The fuzzy graph and the curve against umap-learn's.

use enfold::{Cpu, Rows, Umap};

use super::{COMMITTED, Golden};

/// umap-learn computes strengths in f32, and ends its search for a width at 1e-5.
const NEAR: f64 = 3e-5;

#[test]
fn fuzzy_graphs_are_those_of_umap_learn() {
    for name in COMMITTED {
        let golden = Golden::of("umap", name);
        let (data, dim) = golden.rows();
        let rows = Rows::new(&data[..], dim).expect("whole rows");
        let (umap, cpu) = (Umap::new(2), Cpu::<f64>::new());
        let lists = umap.lists(&cpu, rows).expect("finite rows");
        let graph = umap.graph(&cpu, &lists).expect("neighbours");
        let offsets: Vec<usize> =
            golden.numbers::<f64>("/offsets").iter().map(|&o| o as usize).collect();
        let targets = golden.numbers::<f64>("/targets");
        let weights = golden.numbers::<f64>("/weights");
        let (mut edges, mut only) = (0, 0);
        for i in 0..rows.len() {
            let theirs = offsets[i]..offsets[i + 1];
            let of = |j: u32| {
                let at = theirs.clone().find(|&e| targets[e] == f64::from(j));
                at.map_or(0.0, |e| weights[e])
            };
            let (to, mine) = graph.row(i);
            for (&j, &w) in to.iter().zip(mine) {
                assert!((of(j) - w).abs() < NEAR, "{name} {i}–{j}: {w} for {}", of(j));
                edges += 1;
            }
            only +=
                theirs.filter(|&e| weights[e] > NEAR && !to.contains(&(targets[e] as u32))).count();
        }
        assert!(only == 0 && edges > 15 * rows.len(), "{name}: {edges} edges, {only} missing");
    }
}

#[test]
fn curves_are_those_of_umap_learn() {
    let golden = Golden::of("umap", COMMITTED[0]);
    let curves = golden.numbers::<f64>("/curves");
    assert!(curves.len() >= 28);
    for curve in curves.chunks_exact(4) {
        let (a, b) = Umap::new(2).spread(curve[1]).min_dist(curve[0]).curve();
        let near = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-4;
        assert!(near(a, curve[2]) && near(b, curve[3]), "{curve:?}: {a} {b}");
    }
}
