//! Laws of UMAP: what comes out is finite, repeats itself, and keeps neighbours together.
#![cfg(feature = "conformance")]

use std::ops::ControlFlow;

use enfold_core::conformance::decorators::{Bare, Call, Traced};
use enfold_core::neighbors::{Csr, Lists};
use enfold_core::random::Draws;
use enfold_core::scores::{Silhouette, trustworthiness};
use enfold_core::umap::{Model, Positions, Start};
use enfold_core::{Error, Metric, NONE, Rows, Umap};
use enfold_cpu::{Cpu, Isa};

const CPU: Cpu<f32> = Cpu::new();

/// `groups` clouds far from each other, `each` rows of `dim` in turn.
fn clouds(groups: usize, each: usize, dim: usize) -> (Vec<f32>, Vec<u32>) {
    let draws = Draws::new(3, 1);
    let value = |i: usize, t: usize| {
        let far = if i % groups == t % groups { 30.0 } else { 0.0 };
        far + 4.0 * draws.unit(i as u64, t as u32)
    };
    let n = groups * each;
    let data = (0..n).flat_map(|i| (0..dim).map(move |t| value(i, t))).collect();
    (data, (0..n).map(|i| (i % groups) as u32).collect())
}

/// A surface of two directions in 12 coordinates.
fn surface(n: usize) -> Vec<f32> {
    let draws = Draws::new(5, 2);
    let wave = |u: f32, v: f32, t: usize| match t % 3 {
        0 => (u * (1.0 + t as f32 / 4.0)).sin(),
        1 => v * (u * 0.5 + t as f32).cos(),
        _ => v - 0.3 * u,
    };
    let row = |i: usize| (3.0 * draws.unit(i as u64, 0), 2.0 * draws.unit(i as u64, 1));
    (0..n).flat_map(|i| (0..12).map(move |t| wave(row(i).0, row(i).1, t))).collect()
}

fn fit(umap: &Umap, data: &[f32], dim: usize) -> Model<f32> {
    umap.fit(&CPU, Rows::new(data, dim).expect("whole rows")).expect("finite rows")
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn tame(model: &Model<f32>) {
    let most = model.embedding().iter().fold(0f32, |most, v| most.max(v.abs()));
    assert!(model.embedding().iter().all(|v| v.is_finite()) && most < 100.0, "{most}");
}

#[test]
fn clouds_come_out_as_clusters() {
    let (data, labels) = clouds(5, 120, 10);
    for components in [1, 2, 3, 7] {
        let model = fit(&Umap::new(components).seed(1), &data, 10);
        let rows = Rows::new(model.embedding(), components).expect("whole rows");
        let score = Silhouette::new().metric(Metric::Euclidean);
        let score = score.score(&CPU, rows, &labels).expect("five labels");
        // On a line a cluster cannot pass another.
        assert!(score > if components == 1 { 0.3 } else { 0.8 }, "{components}: {score}");
        tame(&model);
    }
}

#[test]
fn neighbours_of_a_surface_stay_together() {
    let data = surface(1500);
    let rows = Rows::new(&data[..], 12).expect("whole rows");
    for start in [Start::Spectral, Start::Principal, Start::Random] {
        let model = fit(&Umap::new(2).start_from(start), &data, 12);
        assert_eq!(model.began(), Some(start));
        let kept = trustworthiness(&CPU, rows, Metric::Euclidean, model.points(), 15);
        let kept = kept.expect("finite rows");
        assert!(kept > if start == Start::Random { 0.95 } else { 0.98 }, "{start:?}: {kept}");
    }
}

#[test]
fn every_level_every_body_and_every_number_of_threads_gives_the_same_bits() {
    let data = surface(700);
    let rows = Rows::new(&data[..], 12).expect("whole rows");
    for components in [2, 3, 5] {
        let umap = Umap::new(components).epochs(20).seed(9);
        let model = umap.fit(&CPU, rows).expect("finite rows");
        for isa in Isa::ALL {
            let Some(cpu) = Cpu::<f32>::with_isa(isa) else { continue };
            assert_eq!(umap.fit(&cpu, rows).as_ref(), Ok(&model), "{isa:?}");
        }
        let lists = umap.lists(&CPU, rows).expect("finite rows");
        let graph = umap.graph(&CPU, &lists).expect("neighbours");
        let start = umap.start(&CPU, &graph, None).expect("a graph");
        let laid = umap.layout(&Bare(CPU), &graph, &start, &mut |_| ControlFlow::Continue(()));
        assert_eq!(bits(laid.expect("infallible").embedding()), bits(model.embedding()));
        assert_ne!(fit(&umap.seed(10), &data, 12), model);
    }
}

#[test]
fn a_row_is_placed_without_regard_to_the_others() {
    let data = surface(900);
    let rows = Rows::new(&data[..], 12).expect("whole rows");
    let known = rows.range(0, 800).expect("a range");
    let model = Umap::new(2).fit(&CPU, known).expect("finite rows");
    let together = model.transform(&CPU, known, rows.range(800, 900).expect("a range"));
    let together = together.expect("finite rows");
    for (at, point) in (800..900).zip(together.chunks_exact(2)).step_by(7) {
        let alone = rows.range(at, at + 1).expect("a range");
        assert_eq!(model.transform(&CPU, known, alone).as_deref(), Ok(point), "row {at}");
    }
    // Where a known row is, its twin goes.
    let twins = model.transform(&CPU, known, known).expect("finite rows");
    let gap = |(a, b): (&[f32], &[f32])| (a[0] - b[0]).hypot(a[1] - b[1]);
    let mut gaps: Vec<f32> =
        twins.chunks_exact(2).zip(model.embedding().chunks_exact(2)).map(gap).collect();
    gaps.sort_by(f32::total_cmp);
    assert!(gaps[400] < 0.3, "{}", gaps[400]);
}

#[test]
fn little_data_has_an_embedding() {
    for n in 1..=40usize {
        for components in [1, 2, 3] {
            let data = surface(n);
            let model = fit(&Umap::new(components), &data, 12);
            assert_eq!(model.embedding().len(), n * components);
            tame(&model);
        }
    }
    assert_eq!(fit(&Umap::new(2), &[5.0, 5.0], 2).embedding(), [0.0, 0.0]);
}

#[test]
fn equal_collinear_and_constant_rows_have_an_embedding() {
    tame(&fit(&Umap::new(2), &vec![3.5; 4 * 10_000], 4));
    let line: Vec<f32> = (0..600).flat_map(|i| [i as f32, 2.0 * i as f32, -(i as f32)]).collect();
    tame(&fit(&Umap::new(2), &line, 3));
    let mut twins = surface(300);
    twins.extend_from_within(..);
    let model = fit(&Umap::new(3), &twins, 12);
    tame(&model);
    // More components than coordinates.
    tame(&fit(&Umap::new(5), &line[..300], 2));
}

#[test]
fn components_without_edges_between_them_lie_apart() {
    let (data, labels) = clouds(8, 40, 8);
    let umap = Umap::new(2).neighbors(5);
    let lists = umap.lists(&CPU, Rows::new(&data[..], 8).expect("whole rows")).expect("finite");
    let graph = umap.graph(&CPU, &lists).expect("neighbours");
    let crossing =
        (0..graph.len()).any(|i| graph.row(i).0.iter().any(|&j| labels[j as usize] != labels[i]));
    assert!(!crossing);
    let model = fit(&umap, &data, 8);
    tame(&model);
    let score = Silhouette::new().metric(Metric::Euclidean).score(&CPU, model.points(), &labels);
    assert!(score.expect("eight labels") > 0.7);
}

#[test]
fn classes_pull_rows_apart() {
    let data = surface(400);
    let labels: Vec<u32> = (0..400).map(|i| u32::from(data[i * 12 + 1] > 0.0)).collect();
    let rows = Rows::new(&data[..], 12).expect("whole rows");
    let umap = Umap::new(2).seed(4);
    let lists = umap.lists(&CPU, rows).expect("finite rows");
    let graph = umap.graph(&CPU, &lists).expect("neighbours");
    let score = |graph: &Csr<f32>| {
        let start = umap.start(&CPU, graph, Some(rows)).expect("a graph");
        let model = umap.layout(&CPU, graph, &start, &mut |_| ControlFlow::Continue(()));
        let model = model.expect("infallible");
        tame(&model);
        let score = Silhouette::new().metric(Metric::Euclidean);
        score.score(&CPU, model.points(), &labels).expect("two labels")
    };
    let free = score(&graph);
    let classes = umap.classes(&CPU, &graph, &labels, 0.9).expect("one for each");
    assert!(score(&classes) > free + 0.05, "{} {free}", score(&classes));
}

#[test]
fn a_target_of_no_weight_changes_no_edge_and_one_of_all_weight_is_all() {
    let data = surface(300);
    let umap = Umap::new(2);
    let graph = |data: &[f32], dim: usize| {
        let rows = Rows::new(data, dim).expect("whole rows");
        let lists = umap.lists(&CPU, rows).expect("finite rows");
        umap.graph(&CPU, &lists).expect("neighbours")
    };
    let target: Vec<f32> = (0..300).map(|i| (i * 7 % 31) as f32).collect();
    let (own, target) = (graph(&data, 12), graph(&target, 1));
    let met = |a: &Csr<f32>, b: &Csr<f32>, weight: f64| {
        umap.met(&CPU, a, b, weight).expect("as many rows")
    };
    let both = [(&own, met(&own, &own, 0.0), 0.0), (&target, met(&target, &target, 1.0), 1.0)];
    for (graph, alone, weight) in both {
        let mixed = met(&own, &target, weight);
        for i in 0..300 {
            let ((to, weights), (among, strengths)) = (alone.row(i), mixed.row(i));
            assert_eq!(to, graph.row(i).0);
            for (j, w) in to.iter().zip(weights) {
                let at = among.iter().position(|other| other == j).expect("every edge stays");
                assert_eq!(strengths[at], *w, "{i} {j} {weight}");
            }
        }
    }
}

#[test]
fn what_is_not_known_of_classes_counts_between_like_and_unlike() {
    let data = surface(400);
    let umap = Umap::new(2);
    let lists = umap.lists(&CPU, Rows::new(&data[..], 12).expect("whole rows")).expect("finite");
    let graph = umap.graph(&CPU, &lists).expect("neighbours");
    let class = |i: usize| if i % 3 == 2 { NONE } else { i as u32 % 3 };
    let classes: Vec<u32> = (0..400).map(class).collect();
    let known = umap.classes(&CPU, &graph, &classes, 0.5).expect("one for each");
    let (mut sums, mut counts) = ([0.0f64; 3], [0.0; 3]);
    for i in 0..400 {
        let (to, weights) = known.row(i);
        assert!(weights.iter().all(|w| (0.0..=1.0).contains(w)));
        for (&j, &w) in to.iter().zip(weights) {
            let kind = match (classes[i], classes[j as usize]) {
                (NONE, _) | (_, NONE) => 1,
                (a, b) => 2 * usize::from(a == b),
            };
            sums[kind] += f64::from(w);
            counts[kind] += 1.0;
        }
    }
    let [unlike, open, like] = [0, 1, 2].map(|kind| sums[kind] / counts[kind]);
    assert!(10.0 * unlike < open && open < like, "{unlike} {open} {like}");
    // Every row keeps a neighbour that it holds on to with all its strength.
    let most = |i: usize| known.row(i).1.iter().fold(0f32, |most, &w| most.max(w));
    assert!((0..400).all(|i| most(i) == 1.0));
}

#[test]
fn nothing_is_read_back_before_the_end_of_a_layout() {
    let data = surface(500);
    let umap = Umap::new(2).epochs(30);
    let lists = umap.lists(&CPU, Rows::new(&data[..], 12).expect("whole rows")).expect("finite");
    let graph = umap.graph(&CPU, &lists).expect("neighbours");
    let start = umap.start(&CPU, &graph, None).expect("a graph");
    let traced = Traced::new(CPU);
    let mut at_epoch = Vec::new();
    let mut seen = |_| {
        at_epoch.push((traced.waits(), traced.bytes_written(), traced.bytes_allocated()));
        ControlFlow::Continue(())
    };
    umap.layout(&traced, &graph, &start, &mut seen).expect("infallible");
    assert_eq!(at_epoch.len(), 30);
    assert!(at_epoch.iter().all(|epoch| *epoch == at_epoch[0] && epoch.0 == 0));
    let parts = traced.calls(Call::Layout) / 30;
    assert!((1..=16).contains(&parts) && traced.calls(Call::Copy) == 30 * parts);
    assert_eq!(traced.waits(), 1);
}

#[test]
fn a_layout_ends_where_it_is_told_to() {
    let data = surface(100);
    let rows = Rows::new(&data[..], 12).expect("whole rows");
    let mut stop = |p: enfold_core::umap::Progress| {
        if p.epoch == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let broken = Umap::new(2).fit_with(&CPU, rows, &mut stop).expect("finite rows");
    assert_eq!(broken.epochs(), 7);
    assert_eq!(fit(&Umap::new(2).epochs(0), &data, 12).epochs(), 0);
}

#[test]
fn bytes_are_the_model_and_damage_is_named() {
    let data = surface(60);
    let umap = Umap::new(3).metric(Metric::Minkowski(1.5.try_into().expect("a power"))).seed(6);
    let model = fit(&umap.epochs(5).with_curve(1.5, 0.9), &data, 12);
    let bytes = model.to_bytes();
    assert_eq!(Model::from_bytes(&bytes), Ok(model));
    assert!(Model::<f64>::from_bytes(&bytes).is_err());
    for len in 0..bytes.len() {
        assert!(Model::<f32>::from_bytes(&bytes[..len]).is_err(), "{len}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(Model::<f32>::from_bytes(&bad).is_err(), "{bit}");
    }
}

#[test]
fn bad_input_is_named() {
    let data = surface(30);
    let rows = Rows::new(&data[..], 12).expect("whole rows");
    let good = Umap::new(2);
    let bad = [
        ("components", Umap::new(0)),
        ("components", Umap::new(33)),
        ("neighbors", good.neighbors(1)),
        ("recall", good.recall(0.0)),
        ("spread", good.spread(f64::NAN)),
        ("min_dist", good.min_dist(-0.1)),
        ("min_dist", good.min_dist(1.5)),
        ("curve", good.with_curve(0.0, 1.0)),
        ("rate", good.rate(f64::INFINITY)),
        ("repulsion", good.repulsion(-1.0)),
        ("negatives", good.negatives(1001)),
        ("set_op_mix_ratio", good.set_op_mix_ratio(1.1)),
        ("local_connectivity", good.local_connectivity(f64::NAN)),
    ];
    for (name, umap) in bad {
        let found = umap.fit(&CPU, rows).map_err(|e| match e {
            Error::Parameter { name, .. } => name,
            _ => "another",
        });
        assert_eq!(found, Err(name));
    }
    let mut holes = data.clone();
    holes[12 * 17 + 3] = f32::NAN;
    let holes = Rows::new(&holes[..], 12).expect("whole rows");
    assert_eq!(good.fit(&CPU, holes), Err(Error::NotFinite { row: 17 }));
    assert!(matches!(good.fit(&CPU, rows.range(5, 5).expect("empty")), Err(Error::Shape(_))));
    let model = good.fit(&CPU, rows).expect("finite rows");
    let few = rows.range(0, 29).expect("a range");
    assert!(matches!(model.transform(&CPU, few, rows), Err(Error::Shape(_))));
    let lists: Lists<f32> = good.lists(&CPU, rows).expect("finite rows");
    let graph = good.graph(&CPU, &lists).expect("neighbours");
    assert!(good.classes(&CPU, &graph, &[0; 29], 0.5).is_err());
    assert!(good.classes(&CPU, &graph, &[0; 30], 1.5).is_err());
    let short = Positions::from(vec![0.0; 59]);
    let laid = good.layout(&CPU, &graph, &short, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(laid, Err(Error::Shape(_))));
}
