//! Batch k-means: an exact reference, and the laws of weights, order, scale and bounds.

use core::convert::Infallible;
use core::ops::ControlFlow;

use enfold_core::kmeans::init::plus_plus;
use enfold_core::kmeans::{EmptyCluster, Fit, Init, MiniBatch, Progress};
use enfold_core::{Alloc, Backend, Element, Error, KMeans, Metric, Pairs, Rows, Values};
use enfold_cpu::{Cpu, Folds};

/// A linear congruential generator: the data of the exact reference, in any language.
fn lcg(state: &mut u32) -> u32 {
    *state = state.wrapping_mul(1_103_515_245).wrapping_add(12345) & 0x7fff_ffff;
    *state >> 16
}

/// 120 rows of multiples of 1/64 around four centres.
fn reference_rows<T: Element>() -> Vec<T> {
    const BASES: [[u32; 3]; 4] = [[0, 0, 0], [160, 40, 0], [80, 170, 90], [120, 60, 150]];
    let mut state = 7;
    let rows = (0..120).flat_map(|i| BASES[i % 4]);
    rows.map(|b| T::of_f64(f64::from(b + lcg(&mut state) % 128) / 64.0)).collect()
}

/// Uniform noise around `groups` centres.
fn blobs<T: Element>(n: usize, dim: usize, groups: u32, seed: u32) -> Vec<T> {
    let mut state = seed;
    let centers: Vec<f64> =
        (0..groups as usize * dim).map(|_| f64::from(lcg(&mut state) % 1000)).collect();
    let mut data = Vec::with_capacity(n * dim);
    for _ in 0..n {
        let group = (lcg(&mut state) % groups) as usize;
        for t in 0..dim {
            let noise = f64::from(lcg(&mut state) % 4096) / 4096.0 * 300.0;
            data.push(T::of_f64(centers[group * dim + t] + noise));
        }
    }
    data
}

fn fit<T: Folds>(options: &KMeans, data: &[T], dim: usize) -> Fit<T> {
    options.fit(&Cpu::<T>::new(), Rows::new(data, dim).expect("whole rows")).expect("fits")
}

fn fit_weighted<T: Folds>(options: &KMeans, data: &[T], dim: usize, w: &[T]) -> Fit<T> {
    let rows = Rows::new(data, dim).expect("whole rows");
    options.fit_weighted(&Cpu::<T>::new(), rows, Some(w)).expect("fits")
}

/// A fit, and what its progress said.
fn watched<T: Folds>(options: &KMeans, data: &[T], dim: usize) -> (Fit<T>, Vec<Progress>) {
    let mut seen = Vec::new();
    let mut note = |p| {
        seen.push(p);
        ControlFlow::Continue(())
    };
    let rows = Rows::new(data, dim).expect("whole rows");
    let fit = options.fit_with(&Cpu::<T>::new(), rows, None, &mut note).expect("fits");
    (fit, seen)
}

fn five_from_the_first_rows<T: Element>(data: &[T]) -> KMeans {
    KMeans::new(5).init(Init::given(&data[..15])).tolerance(0.0)
}

/// Computed in exact rational arithmetic from the same generator.
mod reference {
    pub(super) const INERTIA: [f64; 5] = [
        209.052734375,
        122.42574924481511,
        110.88840121282558,
        109.57761463905732,
        109.47859562440875,
    ];
    pub(super) const SIZES: [f64; 5] = [31.0, 30.0, 29.0, 16.0, 14.0];
    pub(super) const CENTERS: [[f64; 3]; 5] = [
        [3.5287298387096775, 1.8034274193548387, 0.9264112903225806],
        [2.2119791666666666, 3.6822916666666665, 2.504166666666667],
        [2.8814655172413794, 2.0932112068965516, 3.4401939655172415],
        [1.1650390625, 1.5078125, 0.8115234375],
        [0.8203125, 0.46205357142857145, 0.9408482142857143],
    ];
}

fn follows_the_reference<T: Folds>(accuracy: f64) {
    let data = reference_rows::<T>();
    let (found, seen) = watched(&five_from_the_first_rows(&data), &data, 3);
    let costs: Vec<f64> = seen.iter().map(|p| p.cost.expect("measured")).collect();
    assert_eq!(costs.len(), 5);
    for (cost, exact) in costs.iter().zip(reference::INERTIA) {
        assert!((cost - exact).abs() <= accuracy * exact, "{cost} {exact}");
    }
    let sizes: Vec<f64> = found.model.clusters.iter().map(|c| c.weight).collect();
    assert_eq!(sizes, reference::SIZES);
    for (c, exact) in reference::CENTERS.as_flattened().iter().enumerate() {
        let gap = (found.model.centers[c].as_f64() - exact).abs();
        assert!(gap <= accuracy * 4.0, "{c}: {gap}");
    }
    assert!(found.model.converged);
    assert_eq!(found.model.iterations, 4);
}

#[test]
fn lloyd_follows_the_exact_path_in_f64() {
    follows_the_reference::<f64>(1e-9);
}

#[test]
fn lloyd_follows_the_exact_path_in_f32() {
    follows_the_reference::<f32>(3e-7);
}

#[test]
fn three_groups_on_a_line_are_found() {
    let data: Vec<f32> = (0..300).map(|i| (i % 3) as f32 * 100.0 + (i / 3) as f32 * 0.01).collect();
    for seed in 0..20 {
        let found = fit(&KMeans::new(3).seed(seed), &data, 1);
        assert_eq!(found.model.k(), 3);
        assert!(found.model.converged);
        assert!(found.labels.iter().enumerate().all(|(i, &l)| l as usize == i % 3));
    }
}

#[test]
fn cost_never_rises_and_adds_up() {
    let data = blobs::<f32>(2000, 5, 12, 3);
    for seed in 0..5 {
        let options = KMeans::new(12).seed(seed).tolerance(0.0).bounds(false);
        let (found, seen) = watched(&options, &data, 5);
        let costs: Vec<f64> = seen.iter().filter_map(|p| p.cost).collect();
        assert_eq!(costs.len(), seen.len());
        assert!(costs.windows(2).all(|two| two[1] <= two[0] * (1.0 + 1e-6)), "{costs:?}");
        let model = &found.model;
        let parts: f64 = model.clusters.iter().map(|c| c.cost).sum();
        assert!((parts - model.cost).abs() <= 1e-9 * model.cost);
        assert_eq!(model.clusters.iter().map(|c| c.weight).sum::<f64>(), 2000.0);
        assert!(model.clusters.is_sorted_by(|a, b| a.weight >= b.weight));
        assert!(model.clusters.iter().all(|c| c.rms <= c.radius));
    }
}

#[test]
fn weight_w_is_w_copies() {
    let data = blobs::<f32>(200, 3, 6, 11);
    let weights: Vec<f32> = (0..200).map(|i| (i * 7 % 5) as f32).collect();
    let mut copies = Vec::new();
    for (row, &w) in data.chunks(3).zip(&weights) {
        (0..w as usize).for_each(|_| copies.extend_from_slice(row));
    }
    let options = KMeans::new(6).init(Init::given(&data[..18])).tolerance(0.0);
    let (a, b) = (fit_weighted(&options, &data, 3, &weights), fit(&options, &copies, 3));
    assert_eq!(a.model.centers, b.model.centers);
    assert_eq!(a.model.iterations, b.model.iterations);
    assert!((a.model.cost - b.model.cost).abs() <= 1e-9 * b.model.cost);
}

#[test]
fn only_ratios_of_weights_matter_down_to_tiny_ones() {
    let data = blobs::<f32>(300, 2, 5, 5);
    let weights: Vec<f32> = (0..300).map(|i| 0.1 + (i % 13) as f32).collect();
    let options = KMeans::new(5).seed(3);
    let whole = fit_weighted(&options, &data, 2, &weights);
    for power in [-80, -20, 3, 25] {
        let scaled: Vec<f32> = weights.iter().map(|w| w * 2f32.powi(power)).collect();
        let other = fit_weighted(&options, &data, 2, &scaled);
        assert_eq!(other.labels, whole.labels);
        assert_eq!(other.model.centers, whole.model.centers);
        let ratio = other.model.cost / whole.model.cost / 2f64.powi(power);
        assert!((ratio - 1.0).abs() < 1e-9, "{ratio}");
    }
}

#[test]
fn equal_weights_change_nothing() {
    let data = blobs::<f64>(300, 4, 5, 9);
    let options = KMeans::new(5).seed(1);
    let (a, b) = (fit(&options, &data, 4), fit_weighted(&options, &data, 4, &[1.0; 300]));
    assert_eq!((a.labels, a.model.centers), (b.labels, b.model.centers));
}

#[test]
fn rows_of_weight_zero_only_get_a_label() {
    let mut data = blobs::<f32>(100, 2, 3, 21);
    let options = KMeans::new(3).seed(2);
    let alone = fit(&options, &data, 2);
    let mut weights = vec![1.0f32; 100];
    data.extend([1e6, -1e6, 5e5, 5e5]);
    weights.extend([0.0, 0.0]);
    let found = fit_weighted(&options.init(Init::given(&alone.model.centers)), &data, 2, &weights);
    assert_eq!(found.labels[..100], alone.labels[..]);
    assert_eq!(found.labels.len(), 102);
    for (a, b) in found.model.centers.iter().zip(&alone.model.centers) {
        assert!((a - b).abs() < 1e-2, "{a} {b}");
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let data = blobs::<f32>(500, 3, 7, 2);
    let options = KMeans::new(7).init(Init::given(&data[..21])).tolerance(0.0);
    let straight = fit(&options, &data, 3);
    let order: Vec<usize> = (0..500).map(|i| i * 237 % 500).collect();
    let mixed: Vec<f32> = order.iter().flat_map(|&i| data[i * 3..i * 3 + 3].to_vec()).collect();
    let other = fit(&options, &mixed, 3);
    // Clusters of equal weight stand in the order of their first rows, which is another one.
    for (at, &i) in order.iter().enumerate() {
        let a = straight.model.center(straight.labels[i] as usize);
        assert_eq!(a, other.model.center(other.labels[at] as usize));
    }
}

/// scikit-learn#9354 and its kin: the offset of the data must not matter.
#[test]
fn offsets_change_no_label() {
    let data = reference_rows::<f32>();
    let near = fit(&five_from_the_first_rows(&data), &data, 3);
    for offset in [1e3f32, 1e4, 1e5] {
        // Multiples of 1/64 below 2¹⁷ are exact in f32, so this is the same data.
        let far: Vec<f32> = data.iter().map(|v| v + offset).collect();
        let found = fit(&five_from_the_first_rows(&far), &far, 3);
        assert_eq!(found.labels, near.labels);
        for (a, b) in found.model.centers.iter().zip(&near.model.centers) {
            assert!((a - offset - b).abs() <= offset * f32::EPSILON, "{a} {b}");
        }
        let gap = (found.model.cost - near.model.cost).abs() / near.model.cost;
        assert!(gap < 1e-3, "{gap}");
    }
}

#[test]
fn powers_of_two_scale_everything_exactly() {
    let data = blobs::<f32>(300, 4, 6, 8);
    let options = KMeans::new(6).seed(4);
    let one = fit(&options, &data, 4);
    for power in [-50, -20, -3, 10, 45] {
        let scaled: Vec<f32> = data.iter().map(|v| v * 2f32.powi(power)).collect();
        let found = fit(&options, &scaled, 4);
        assert_eq!(found.labels, one.labels, "2^{power}");
        let expected: Vec<f32> = one.model.centers.iter().map(|c| c * 2f32.powi(power)).collect();
        assert_eq!(found.model.centers, expected, "2^{power}");
    }
}

#[test]
fn a_range_is_what_its_rows_are() {
    let data = blobs::<f32>(400, 3, 5, 6);
    let weights: Vec<f32> = (0..400).map(|i| (i % 4) as f32 + 0.5).collect();
    let (cpu, options) = (Cpu::<f32>::new(), KMeans::new(5).seed(9));
    let part = Rows::new(&data[..], 3).expect("rows").range(100, 300).expect("inside");
    let a = options.fit_weighted(&cpu, part, Some(&weights)).expect("fits");
    let b = fit_weighted(&options, &data[300..900], 3, &weights[100..300]);
    assert_eq!(a, b);
    let drawn = plus_plus(&cpu, part, Some(&weights), 4, None, 1).expect("drawn");
    assert!(drawn.iter().all(|row| (100..300).contains(row)));
}

/// Rows along a line: centres move along it for many steps.
fn strand<T: Element>(n: usize, dim: usize, seed: u32) -> Vec<T> {
    let mut state = seed;
    let mut unit = || f64::from(lcg(&mut state) % 4096) / 4096.0;
    let mut data = Vec::with_capacity(n * dim);
    for _ in 0..n {
        let along = unit() * unit();
        data.extend((0..dim).map(|t| T::of_f64(along * (1 + t % 3) as f64 + unit() * 1e-3)));
    }
    data
}

fn bounds_change_nothing<T: Folds>(data: &[T], dim: usize, k: usize, seed: u64) -> usize {
    let options = KMeans::new(k).seed(seed).tolerance(0.0);
    let (plain, all) = watched(&options.clone().bounds(false), data, dim);
    let (pruned, some) = watched(&options, data, dim);
    assert_eq!(plain, pruned);
    let path = |seen: &[Progress]| seen.iter().map(|p| p.moved).collect::<Vec<_>>();
    assert_eq!(path(&all), path(&some));
    // Whether they were used at all: then some costs are not known.
    some.iter().filter(|p| p.cost.is_none()).count()
}

#[test]
fn bounds_give_the_same_labels_at_every_iteration() {
    let mut used = [0; 4];
    for seed in 0..6 {
        let start = seed as u32 + 1;
        used[0] += bounds_change_nothing::<f32>(&blobs(3000, 2, 4, start), 2, 60, seed);
        used[1] += bounds_change_nothing::<f32>(&strand(2000, 17, start), 17, 24, seed);
        used[2] += bounds_change_nothing::<f32>(&strand(2000, 50, start), 50, 24, seed);
        used[3] += bounds_change_nothing::<f64>(&blobs(3000, 3, 4, start), 3, 50, seed);
        // Groups that are clear: bounds are right where they are begun at all.
        bounds_change_nothing::<f32>(&blobs(1500, 50, 12, start), 50, 24, seed);
    }
    assert!(used.iter().all(|&used| used > 10), "{used:?}");
}

#[test]
fn limits_and_cancellation_end_a_fit() {
    let data = blobs::<f32>(800, 2, 9, 4);
    let none = fit(&KMeans::new(9).max_iter(0).seed(1), &data, 2);
    assert_eq!((none.model.iterations, none.model.converged), (0, false));
    let one = fit(&KMeans::new(9).max_iter(1).seed(1), &data, 2);
    assert_eq!(one.model.iterations, 1);
    assert!(one.model.cost <= none.model.cost);
    let mut calls = 0;
    let mut stop = |p: Progress| {
        calls += 1;
        if p.iteration == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let rows = Rows::new(&data[..], 2).expect("rows");
    let options = KMeans::new(9).seed(1).restarts(5);
    let cut = options.fit_with(&Cpu::<f32>::new(), rows, None, &mut stop).expect("fits");
    assert_eq!((calls, cut.model.converged), (2, false));
    assert_eq!(cut.model.centers, one.model.centers);
}

#[test]
fn tolerance_ends_earlier_than_rest() {
    let data = blobs::<f32>(3000, 2, 3, 14);
    let loose = fit(&KMeans::new(10).seed(5).tolerance(1e-2), &data, 2);
    let tight = fit(&KMeans::new(10).seed(5).tolerance(0.0), &data, 2);
    assert!(loose.model.converged && tight.model.converged);
    assert!(loose.model.iterations < tight.model.iterations);
    assert!(tight.model.cost <= loose.model.cost);
}

#[test]
fn more_restarts_are_never_worse() {
    let data = blobs::<f32>(400, 2, 10, 31);
    let cost = |restarts| fit(&KMeans::new(10).restarts(restarts), &data, 2).model.cost;
    let costs = [1, 2, 4, 8].map(cost);
    assert!(costs.is_sorted_by(|a, b| a >= b), "{costs:?}");
}

#[test]
fn every_start_finds_clear_groups() {
    let data: Vec<f64> = (0..600).map(|i| f64::from(i % 6) * 1e4 + f64::from(i / 6)).collect();
    let starts = [
        Init::PlusPlus { trials: None },
        Init::PlusPlus { trials: Some(1) },
        Init::Parallel { rounds: 5, oversampling: 2.0 },
        Init::Random,
    ];
    for init in starts {
        let found = fit(&KMeans::new(6).init(init.clone()).restarts(8), &data, 1);
        assert_eq!(found.model.k(), 6, "{init:?}");
        assert!(found.model.cost <= 6.0 * 83_325.0 + 1.0, "{init:?}: {}", found.model.cost);
    }
}

/// scikit-learn#17944, #26943: a seed gives the same draws in every version, on every machine.
#[test]
fn seeds_draw_the_rows_they_always_drew() {
    let data = reference_rows::<f64>();
    let (cpu, rows) = (Cpu::<f64>::new(), Rows::new(&data[..], 3).expect("rows"));
    let drawn = |seed| plus_plus(&cpu, rows, None, 5, None, seed).expect("drawn");
    assert_eq!(drawn(0), GOLDEN_DRAWS[0]);
    assert_eq!(drawn(12345), GOLDEN_DRAWS[1]);
    let single: Vec<f32> = data.iter().map(|&v| v as f32).collect();
    let rows = Rows::new(&single[..], 3).expect("rows");
    let drawn = plus_plus(&Cpu::<f32>::new(), rows, None, 5, None, 0).expect("drawn");
    assert_eq!(drawn, GOLDEN_DRAWS[0]);
}

const GOLDEN_DRAWS: [[u32; 5]; 2] = [[47, 45, 54, 4, 34], [17, 32, 114, 49, 95]];

#[test]
fn greedy_trials_seed_better_than_single_draws() {
    let data = blobs::<f32>(1000, 2, 20, 77);
    let cost = |trials, seed| {
        let options = KMeans::new(20).init(Init::PlusPlus { trials }).max_iter(0).seed(seed);
        fit(&options, &data, 2).model.cost
    };
    let sum = |trials| (0..10).map(|seed| cost(trials, seed)).sum::<f64>();
    assert!(sum(None) < sum(Some(1)));
}

#[test]
fn spherical_groups_by_direction_alone() {
    let angles = [0.1f64, 0.12, 0.14, 1.5, 1.52, 3.0, 3.02];
    let lengths = [1.0, 50.0, 1e-30, 3.0, 1e12, 0.2, 7.0];
    let data: Vec<f32> = angles
        .iter()
        .zip(lengths)
        .flat_map(|(a, l)| [(a.cos() * l) as f32, (a.sin() * l) as f32])
        .collect();
    let options = KMeans::new(3).metric(Metric::Cosine).seed(1).restarts(4);
    let found = fit(&options, &data, 2);
    assert_eq!(found.labels, [0, 0, 0, 1, 1, 2, 2]);
    for center in found.model.centers.chunks(2) {
        assert!((center[0].hypot(center[1]) - 1.0).abs() < 1e-6);
    }
    let cpu = Cpu::<f32>::new();
    let rows = Rows::new(&data[..], 2).expect("rows");
    assert_eq!(found.model.predict(&cpu, rows).expect("labels"), found.labels);
    let zero = options.fit(&cpu, Rows::new(&[0.0f32, 0.0, 1.0, 0.0][..], 2).expect("rows"));
    assert!(matches!(zero, Err(Error::Parameter { name: "rows", .. })));
}

#[test]
fn models_answer_for_other_rows() {
    let (cpu, data) = (Cpu::<f32>::new(), [0.0f32, 1.0, 10.0, 11.0]);
    let model = fit(&KMeans::new(2).init(Init::given(&[0.0f32, 10.0])), &data, 1).model;
    let rows = Rows::new(&[0.5f32, 4.5, 9.5][..], 1).expect("rows");
    let found = model.assign(&cpu, rows).expect("assigned");
    assert_eq!((found.index, found.dist), (vec![0, 0, 1], vec![0.0, 16.0, 1.0]));
    assert_eq!((found.second_index, found.second_dist), (vec![1, 1, 0], vec![100.0, 36.0, 81.0]));
    let every = model.distances(&cpu, rows).expect("distances");
    assert_eq!(every, [0.0, 100.0, 16.0, 36.0, 81.0, 1.0]);
    assert_eq!(model.score(&cpu, rows, None), Ok(17.0));
    assert_eq!(model.score(&cpu, rows, Some(&[1.0, 0.5, 2.0][..])), Ok(10.0));
    let own = Rows::new(&data[..], 1).expect("rows");
    assert_eq!(model.score(&cpu, own, None), Ok(model.cost));
}

/// A machine with the four required functions and memory that is no slice.
#[derive(Debug, Clone)]
struct Bare(Cpu<f32>);

/// Memory of [`Bare`]: words that only it reads.
struct Memory<T>(Vec<T>);

impl Backend for Bare {
    type Elem = f32;
    type Error = Infallible;
    type Buf<T: bytemuck::Pod> = Memory<T>;

    fn len<T: bytemuck::Pod>(buf: &Memory<T>) -> usize {
        buf.0.len()
    }

    fn write<T: bytemuck::Pod>(
        &self,
        dst: &mut Memory<T>,
        at: usize,
        src: &[T],
    ) -> Result<(), Infallible> {
        self.0.write::<T>(&mut dst.0[..], at, src)
    }

    fn read<T: bytemuck::Pod>(
        &self,
        src: &Memory<T>,
        at: usize,
        dst: &mut [T],
    ) -> Result<(), Infallible> {
        self.0.read::<T>(&src.0[..], at, dst)
    }

    fn distances(&self, p: Pairs<'_, Values<Self>>, out: &mut [f32]) -> Result<(), Infallible> {
        let on = |rows: Rows<'_, Memory<f32>>| (rows.start(), rows.end());
        let (x, y) = (on(p.x()), on(p.y()));
        let x = Rows::new(&p.x().data().0[..], p.dim()).and_then(|rows| rows.range(x.0, x.1));
        let y = Rows::new(&p.y().data().0[..], p.dim()).and_then(|rows| rows.range(y.0, y.1));
        let pairs = Pairs::new(x.expect("rows"), y.expect("rows"), p.metric());
        let pairs = pairs.and_then(|pairs| pairs.visit(p.visited()));
        self.0.distances(pairs.expect("dims"), out)
    }
}

impl Alloc for Bare {
    type Owned<T: bytemuck::Pod> = Box<Memory<T>>;

    fn alloc<T: bytemuck::Pod>(&self, len: usize) -> Result<Box<Memory<T>>, Infallible> {
        Ok(Box::new(Memory(vec![T::zeroed(); len])))
    }
}

#[test]
fn any_backend_gives_the_same_bits() {
    let data = blobs::<f32>(300, 3, 9, 1);
    let memory = Memory(data.clone());
    let rows = Rows::on::<Bare>(&memory, 3).expect("rows");
    let bare = Bare(Cpu::new());
    let starts = [Init::default(), Init::Parallel { rounds: 3, oversampling: 2.0 }, Init::Random];
    for init in starts {
        for empty in [EmptyCluster::Farthest, EmptyCluster::Drop, EmptyCluster::Keep] {
            let options = KMeans::new(9).seed(3).init(init.clone()).empty(empty);
            assert_eq!(options.fit(&bare, rows).expect("fits"), fit(&options, &data, 3));
        }
    }
    let batches = MiniBatch::new(5).batch(50).seed(2);
    let there = batches.fit(&bare, rows, None).expect("fits");
    let here = Rows::new(&data[..], 3).expect("rows");
    assert_eq!(there, batches.fit(&Cpu::new(), here, None).expect("fits"));
}

/// Eight clusters on a line, two of the given centres in one and none in the last: Lloyd never
/// gets out of that, a swap does.
#[test]
fn swaps_mend_two_centres_in_one_cluster() {
    let mut state = 3;
    let data: Vec<f32> =
        (0..400).map(|i| (i % 8 * 100) as f32 + (lcg(&mut state) % 64) as f32 / 16.0).collect();
    let start = [1.0f32, 3.0, 102.0, 202.0, 302.0, 402.0, 502.0, 602.0];
    let options = KMeans::new(8).init(Init::given(&start)).seed(1);
    let (stuck, free) = (fit(&options, &data, 1), fit(&options.clone().swaps(16), &data, 1));
    assert!(stuck.model.cost > 100.0 * free.model.cost);
    let mut found: Vec<f32> = free.model.centers.iter().map(|c| (c / 100.0).floor()).collect();
    found.sort_by(f32::total_cmp);
    assert_eq!(found, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
}

/// A swap is made only where it lowers the cost, for any weights and any k.
#[test]
fn swaps_never_raise_the_cost() {
    for (k, seed) in [(1, 5), (2, 6), (7, 7), (20, 8), (60, 9)] {
        let data = blobs::<f64>(60, 3, 9, seed);
        let weights: Vec<f64> = (0..60).map(|i| f64::from(i % 5)).collect();
        let cost = |swaps| {
            let options = KMeans::new(k).seed(u64::from(seed)).init(Init::Random).max_iter(0);
            fit_weighted(&options.swaps(swaps), &data, 3, &weights).model.cost
        };
        let costs: Vec<f64> = [0, 1, 4, 40].map(cost).to_vec();
        assert!(costs.is_sorted_by(|a, b| a >= b), "{k}: {costs:?}");
        assert!(![2, 7, 20].contains(&k) || costs[3] < costs[0], "{k}: {costs:?}");
    }
}
