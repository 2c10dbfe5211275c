//! Bugs that other k-means libraries had, one test each (numbered as in `docs/bugs.md`).

use enfold_core::kmeans::init::plus_plus;
use enfold_core::kmeans::{EmptyCluster, Fit, Init, MiniBatch};
use enfold_core::{Error, KMeans, Metric, Rows};
use enfold_cpu::Cpu;
use proptest::prelude::*;

type Failure = Error<core::convert::Infallible>;

fn try_fit(options: &KMeans, data: &[f32], dim: usize) -> Result<Fit<f32>, Failure> {
    options.fit(&Cpu::<f32>::new(), Rows::new(data, dim)?)
}

fn fit(options: &KMeans, data: &[f32], dim: usize) -> Fit<f32> {
    try_fit(options, data, dim).expect("fits")
}

/// What holds for every fit, whatever the data.
fn is_sound(found: &Fit<f32>, data: &[f32], dim: usize) {
    let model = &found.model;
    assert!(model.centers.iter().all(|c| c.is_finite()), "{model:?}");
    assert_eq!(model.centers.len(), model.k() * dim);
    assert!(model.k() >= 1 && model.k() <= model.requested);
    assert!(model.cost.is_finite() && model.cost >= 0.0);
    assert!(model.clusters.iter().all(|c| c.weight > 0.0 && c.rms.is_finite()));
    let again = model.predict(&Cpu::new(), Rows::new(data, dim).expect("rows")).expect("labels");
    assert_eq!(again, found.labels, "labels are those of the final centres");
}

fn distinct(data: &[f32], dim: usize) -> usize {
    let mut rows: Vec<Vec<u32>> =
        data.chunks(dim).map(|row| row.iter().map(|v| v.to_bits()).collect()).collect();
    rows.sort();
    rows.dedup();
    rows.len()
}

fn starts() -> [Init; 4] {
    [
        Init::default(),
        Init::PlusPlus { trials: Some(1) },
        Init::Parallel { rounds: 2, oversampling: 2.0 },
        Init::Random,
    ]
}

/// 7, 8, 16: `TheAlgorithms` PR#12976, fast-kmeans#3, `ClusterR`#25, faiss#436.
#[test]
fn fewer_distinct_rows_than_k_give_fewer_clusters() {
    for init in starts() {
        let equal = fit(&KMeans::new(5).init(init.clone()), &[3.5f32; 40], 2);
        assert_eq!((equal.model.k(), equal.model.requested), (1, 5), "{init:?}");
        assert_eq!(equal.model.centers, [3.5, 3.5]);
        assert_eq!(equal.model.cost, 0.0);
        let two: Vec<f32> = (0..50).map(|i| if i % 3 == 0 { 1.0 } else { 2.0 }).collect();
        let two = fit(&KMeans::new(5).init(init), &two, 1);
        assert_eq!(two.model.centers, [2.0, 1.0]);
        assert_eq!(two.model.cost, 0.0);
    }
}

#[test]
fn seeding_stops_when_nobody_pays() {
    let rows = Rows::new(&[1.0f32, 2.0, 1.0, 2.0, 1.0][..], 1).expect("rows");
    for seed in 0..30 {
        let drawn = plus_plus(&Cpu::new(), rows, None, 4, None, seed).expect("drawn");
        assert_eq!(drawn.len(), 2);
        assert_ne!(drawn[0] % 2, drawn[1] % 2);
    }
}

/// 17: faiss#842, scikit-learn PR#3064.
#[test]
fn extreme_sizes_work_or_say_why_not() {
    let data: Vec<f32> = (0..12).map(|i| (i * i) as f32).collect();
    for init in starts() {
        for (k, dim) in [(1, 1), (12, 1), (1, 12), (2, 12), (6, 2), (100, 3), (1, 3)] {
            let found = fit(&KMeans::new(k).init(init.clone()).tolerance(0.0), &data, dim);
            is_sound(&found, &data, dim);
            assert_eq!(found.model.k(), k.min(12 / dim), "{init:?} {k} {dim}");
            if k >= 12 / dim {
                assert_eq!(found.model.cost, 0.0);
            }
        }
    }
    let one = fit(&KMeans::new(1), &[7.0, -1.0], 2);
    assert_eq!(one.model.centers, [7.0, -1.0]);
}

#[test]
fn options_are_checked_at_the_door() {
    let data = [0.0f32, 1.0, 2.0, 3.0];
    let name = |options: KMeans| match try_fit(&options, &data, 2) {
        Err(Error::Parameter { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(name(KMeans::new(0)), "k");
    assert_eq!(name(KMeans::new(2).restarts(0)), "restarts");
    assert_eq!(name(KMeans::new(2).tolerance(-1.0)), "tolerance");
    assert_eq!(name(KMeans::new(2).tolerance(f64::NAN)), "tolerance");
    assert_eq!(name(KMeans::new(2).metric(Metric::Manhattan)), "metric");
    assert_eq!(name(KMeans::new(2).init(Init::PlusPlus { trials: Some(0) })), "trials");
    let parallel = |rounds, oversampling| Init::Parallel { rounds, oversampling };
    assert_eq!(name(KMeans::new(2).init(parallel(0, 2.0))), "rounds");
    assert_eq!(name(KMeans::new(2).init(parallel(1, f64::NAN))), "oversampling");
    assert_eq!(name(KMeans::new(1).init(Init::Given(vec![0.0, f64::NAN]))), "init");
    let short = try_fit(&KMeans::new(2).init(Init::Given(vec![0.0; 3])), &data, 2);
    assert!(matches!(short, Err(Error::Shape(_))));
    assert!(matches!(try_fit(&KMeans::new(1), &[], 2), Err(Error::Shape(_))));
}

/// 15, 41: cuml#2050, lance#9406; squares that overflow.
#[test]
fn rows_that_are_not_finite_are_named() {
    let clean: Vec<f32> = (0..400).map(|i| (i % 17) as f32).collect();
    let batches = MiniBatch::new(3);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e19, -3e38] {
        for row in [0, 1, 57, 99] {
            for t in 0..4 {
                let mut data = clean.clone();
                data[row * 4 + t] = bad;
                let expected = Err(Error::NotFinite { row });
                assert_eq!(try_fit(&KMeans::new(3), &data, 4).map(|_| ()), expected);
                let rows = Rows::new(&data[..], 4).expect("rows");
                assert_eq!(batches.fit(&Cpu::new(), rows, None).map(|_| ()), expected);
                let model = fit(&KMeans::new(3), &clean, 4).model;
                assert_eq!(model.predict(&Cpu::new(), rows).map(|_| ()), expected);
            }
        }
    }
}

#[test]
fn weights_that_are_none_are_named() {
    let data: Vec<f32> = (0..20).map(|i| i as f32).collect();
    let rows = Rows::new(&data[..], 2).expect("rows");
    let with = |weights: &[f32]| KMeans::new(2).fit_weighted(&Cpu::new(), rows, Some(weights));
    for bad in [f32::NAN, f32::INFINITY, -1.0, -1e-30, 2e9] {
        let mut weights = [1.0f32; 10];
        weights[6] = bad;
        assert_eq!(with(&weights).map(|_| ()), Err(Error::Weight { row: 6 }), "{bad}");
    }
    assert!(matches!(with(&[1.0; 9]), Err(Error::Shape(_))));
    assert!(matches!(with(&[0.0; 10]), Err(Error::Parameter { name: "weights", .. })));
    assert!(with(&[1.0 * (1u32 << 30) as f32; 10]).is_ok());
}

/// 40: values whose squares are subnormal or 0 do no harm.
#[test]
fn tiny_and_huge_rows_are_sound() {
    for size in [1e-38f32, 1e-30, 1e-22, 1e-19, 1e-15, 1e15, 1e18] {
        let data: Vec<f32> = (0..60).map(|i| (i % 10) as f32 * size / 10.0).collect();
        for k in [1, 3, 10, 20] {
            is_sound(&fit(&KMeans::new(k), &data, 2), &data, 2);
        }
    }
}

/// A start in which one centre is nobody's nearest.
fn with_an_idle_centre() -> (Vec<f32>, Init) {
    let data = vec![0.0, 0.1, 0.2, 5.0, 5.1, 5.2, 9.0];
    (data, Init::given(&[0.1f32, 5.1, 1000.0]))
}

/// 9, 10: linfa PR#105, kmcuda#24, scikit-learn#28055.
#[test]
fn idle_centres_go_to_the_row_that_pays_most() {
    let (data, init) = with_an_idle_centre();
    let options = KMeans::new(3).init(init);
    let found = fit(&options, &data, 1);
    assert_eq!(found.labels, [0, 0, 0, 1, 1, 1, 2]);
    assert_eq!(found.model.centers[2], 9.0);
    assert!(found.model.converged);
    let dropped = fit(&options.clone().empty(EmptyCluster::Drop), &data, 1);
    assert_eq!(dropped.model.k(), 2);
    let kept = fit(&options.empty(EmptyCluster::Keep), &data, 1).model;
    assert_eq!((kept.k(), kept.centers[2], kept.clusters[2].weight), (3, 1000.0, 0.0));
}

/// 12: scikit-learn PR#13486.
#[test]
fn idle_centres_respect_weights() {
    let data = [0.0f32, 1.0, 10.0, 12.0, 30.0];
    let init = Init::given(&[1.0f32, 500.0]);
    let rows = Rows::new(&data[..], 1).expect("rows");
    let centers = |weights: &[f32]| {
        let options = KMeans::new(2).init(init.clone()).max_iter(1);
        let found = options.fit_weighted(&Cpu::new(), rows, Some(weights)).expect("fits");
        found.model.centers
    };
    // One update: all rows belong to 1, the idle centre goes to the largest w·d².
    assert!(centers(&[1.0, 1.0, 1.0, 1.0, 1.0]).contains(&30.0));
    assert!(centers(&[1.0, 1.0, 100.0, 1.0, 1.0]).contains(&10.0));
    assert!(centers(&[1.0, 1.0, 1.0, 1.0, 0.0]).contains(&12.0));
}

#[test]
fn several_idle_centres_take_different_rows() {
    let data: Vec<f32> = (0..30).map(|i| i as f32).collect();
    let init = Init::given(&[0.0f32, 1e4, 2e4, 3e4, 4e4]);
    let found = fit(&KMeans::new(5).init(init).tolerance(0.0), &data, 1);
    assert_eq!(found.model.k(), 5);
    assert!(found.model.converged);
    is_sound(&found, &data, 1);
}

/// 18: faiss#150, #1928.
#[test]
fn symmetric_pairs_are_split() {
    for data in [[2.0f32, 0.0, 0.0, 2.0], [0.0, 0.0, 2.0, 2.0]] {
        for init in starts() {
            assert_eq!(fit(&KMeans::new(2).init(init), &data, 2).model.cost, 0.0);
        }
    }
}

/// 39: the longest possible offsets, at several dims, with debug overflow checks on.
#[test]
fn the_widest_range_does_not_overflow_sums() {
    for dim in [1, 2, 15, 16, 17, 400] {
        let most = (f32::MAX / (4.2 * dim as f32)).sqrt();
        let data: Vec<f32> = (0..8).flat_map(|i| vec![[most, -most][i % 2]; dim]).collect();
        let found = fit(&KMeans::new(2), &data, dim);
        assert_eq!(found.model.k(), 2);
        let one = fit(&KMeans::new(1).init(Init::given(&vec![most; dim])), &data, dim);
        assert!(one.model.centers.iter().all(|c| c.abs() <= most * 1e-6), "{dim}");
    }
}

/// 21: faiss#1196: single precision stops counting at 2²⁴.
#[test]
fn counts_go_on_beyond_two_to_the_24() {
    let cpu = Cpu::<f32>::new();
    let rows = Rows::new(&[0.0f32, 1.0][..], 1).expect("rows");
    let many = (1u32 << 24) as f32;
    let fit = KMeans::new(1).fit_weighted(&cpu, rows, Some(&[many, many / 3.0][..]));
    let model = fit.expect("fits").model;
    assert_eq!(model.clusters[0].weight, f64::from(many) + f64::from(many / 3.0));
    assert!((model.centers[0] - 0.25).abs() < 1e-7);

    let mut state = MiniBatch::new(1).start::<f32>();
    let zero = Rows::new(&[0.0f32][..], 1).expect("rows");
    state.partial_fit(&cpu, zero, Some(&[many][..])).expect("taken in");
    let one = Rows::new(&[1.0f32][..], 1).expect("rows");
    for count in 1..=10 {
        state.partial_fit(&cpu, one, None).expect("taken in");
        let model = state.model();
        assert_eq!(model.clusters[0].weight, f64::from(many) + f64::from(count));
        let mean = f64::from(count) / (f64::from(many) + f64::from(count));
        assert!((f64::from(model.centers[0]) / mean - 1.0).abs() < 1e-6, "{count}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// 9, 10, 11: any lattice – full of ties and duplicates – gives a sound model.
    #[test]
    fn any_lattice_is_sound(
        dim in 1usize..4,
        cells in prop::collection::vec(-3i32..4, 1..120),
        k in 1usize..14,
        seed in 0u64..1000,
    ) {
        let mut data: Vec<f32> = cells.iter().map(|&c| c as f32).collect();
        data.resize(data.len().div_ceil(dim) * dim, 0.0);
        for init in starts() {
            let found = fit(&KMeans::new(k).seed(seed).init(init).tolerance(0.0), &data, dim);
            is_sound(&found, &data, dim);
            prop_assert!(found.model.converged);
            prop_assert_eq!(found.model.k(), k.min(distinct(&data, dim)));
        }
    }

    /// 13: scikit-learn#9795: bounds stay right through relocations and ties.
    #[test]
    fn bounds_change_nothing(
        dim in 1usize..4,
        cells in prop::collection::vec(-4i32..5, 30..300),
        idle in prop::collection::vec(-100i32..100, 8 * 3),
        seed in 0u64..1000,
        grid in prop::bool::ANY,
    ) {
        let unit = if grid { 1.0 } else { 0.1 };
        let mut data: Vec<f32> = cells.iter().map(|&c| c as f32 * unit).collect();
        data.resize(data.len().div_ceil(dim) * dim, 0.0);
        let given: Vec<f32> = idle[..8 * dim].iter().map(|&c| c as f32).collect();
        for init in [Init::default(), Init::given(&given)] {
            let options = KMeans::new(8).seed(seed).tolerance(0.0).init(init);
            let plain = fit(&options.clone().bounds(false), &data, dim);
            prop_assert_eq!(fit(&options, &data, dim), plain);
        }
    }

    /// 12: weight w is w copies, wherever the copies stand.
    #[test]
    fn weights_are_copies(
        cells in prop::collection::vec((-50i32..50, 0u8..4), 4..60),
        k in 1usize..5,
    ) {
        let data: Vec<f32> = cells.iter().map(|c| c.0 as f32).collect();
        let weights: Vec<f32> = cells.iter().map(|c| f32::from(c.1)).collect();
        let mut copies = Vec::new();
        for pass in 0..3 {
            copies.extend(cells.iter().filter(|c| c.1 > pass).map(|c| c.0 as f32));
        }
        prop_assume!(!copies.is_empty());
        let given: Vec<f32> = (0..k).map(|c| c as f32 * 20.0 - 40.0).collect();
        let options = KMeans::new(k).init(Init::given(&given)).empty(EmptyCluster::Drop);
        let options = options.tolerance(0.0);
        let rows = Rows::new(&data[..], 1).expect("rows");
        let a = options.fit_weighted(&Cpu::new(), rows, Some(&weights)).expect("fits").model;
        let b = fit(&options, &copies, 1).model;
        let sorted = |centers: &[f32]| {
            let mut centers = centers.to_vec();
            centers.sort_by(f32::total_cmp);
            centers
        };
        // The scale of sums may differ where a row of weight 0 is the widest.
        for (a, b) in sorted(&a.centers).iter().zip(&sorted(&b.centers)) {
            prop_assert!((a - b).abs() <= 1e-4, "{a} {b}");
        }
        prop_assert!((a.cost - b.cost).abs() <= 1e-3 * (1.0 + b.cost));
    }
}
