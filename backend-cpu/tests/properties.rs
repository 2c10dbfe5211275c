//! Properties of the CPU's folds on shapes and numbers that chance picks.

use enfold_core::conformance::bed::{self, Bed, Entries, bits};
use enfold_core::conformance::cases::{Case, Family, Scene, Visiting};
use enfold_core::conformance::decorators::Bare;
use enfold_core::conformance::oracle;
use enfold_core::{Metric, NONE, Visit};
use enfold_cpu::Cpu;
use proptest::prelude::*;

/// Numbers of every kind that a float can be.
fn number() -> BoxedStrategy<f32> {
    let special = [
        0.0,
        -0.0,
        1.0,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::MIN_POSITIVE,
        1e-45,
    ];
    prop_oneof![
        8 => -2.0f32..2.0,
        4 => (-3i8..4).prop_map(f32::from),
        1 => proptest::sample::select(special.to_vec()),
        1 => any::<f32>(),
    ]
    .boxed()
}

/// Numbers whose squares stay in range, even those of their differences and after scaling.
fn plain() -> BoxedStrategy<f32> {
    prop_oneof![(-8i8..9).prop_map(f32::from), (1e-3f32..2.0), (-2.0f32..-1e-3)].boxed()
}

fn metric() -> impl Strategy<Value = Metric> {
    proptest::sample::select(Metric::ALL.to_vec())
}

fn visiting() -> impl Strategy<Value = Visiting> {
    use Visiting::{All, Blocks, Gaps, OffDiagonal};
    proptest::sample::select(vec![All, OffDiagonal, Blocks, Gaps])
}

/// A scene of up to 70 × 70 rows with numbers from `numbers`.
fn scene(numbers: BoxedStrategy<f32>) -> impl Strategy<Value = Scene<f32>> {
    let shape = (0usize..70, 0usize..70, 1usize..40, metric(), visiting());
    let switches = (any::<bool>(), any::<bool>(), 0u64..3);
    (shape, switches).prop_flat_map(move |((n, m, dim, metric, visiting), (w, s, seed))| {
        let dim = if metric.check_dim(dim).is_ok() { dim } else { 2 };
        let (windowed, shared, family) = (w, s, Family::Uniform);
        let case = Case { n, m, dim, metric, family, visiting, windowed, shared, seed };
        let scene = Scene::new(case);
        let values = |len| proptest::collection::vec(numbers.clone(), len);
        (values(scene.x.len()), values(scene.y.len())).prop_map(move |(x, y)| {
            let y = if shared { x.clone() } else { y };
            Scene { x, y, ..scene.clone() }
        })
    })
}

fn empty(bed: &Bed<'_, Cpu<f32>>, k: usize) -> Entries<f32> {
    Entries::empty(bed.x_rows(), k, &bed.scene.x_range)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn overrides_give_the_bits_of_the_provided_bodies(scene in scene(number()), k in 1usize..20) {
        let (cpu, bare) = (Cpu::<f32>::new(), Bare(Cpu::<f32>::new()));
        let bed = Bed::of(&cpu, scene);
        let radius = bed.radius(&bed.table(), k);
        let (start, rows) = (empty(&bed, k), bed.x_rows());
        let nearest = start.fold(&cpu, [bed.pairs()]).bits();
        prop_assert_eq!(nearest, start.fold(&bare, [bed.pairs()]).bits());
        let (radii, zeros) = (vec![radius; rows], vec![0; rows]);
        let count = bed::count_within(&cpu, [bed.pairs()], &radii, 1, &zeros);
        prop_assert_eq!(count, bed::count_within(&bare, [bed.pairs()], &radii, 1, &zeros));
        let (values, none) = ((0..bed.y_rows() as u32).rev().collect::<Vec<_>>(), vec![NONE; rows]);
        let low = bed::lowest_within(&cpu, [bed.pairs()], radius, &values, &none);
        prop_assert_eq!(low, bed::lowest_within(&bare, [bed.pairs()], radius, &values, &none));
        if bed.scene.case.shared {
            let (all, alone) = (vec![1; rows], (0..rows as u32).collect::<Vec<_>>());
            let joined = bed::join_within(&cpu, [bed.pairs()], radius, &all, &alone);
            let provided = bed::join_within(&bare, [bed.pairs()], radius, &all, &alone);
            prop_assert_eq!(oracle::roots(&joined), oracle::roots(&provided));
        }
    }

    #[test]
    fn any_cut_of_y_gives_the_same_neighbours(
        scene in scene(number()),
        k in 1usize..9,
        cut in 0.0f64..1.0,
    ) {
        let cpu = Cpu::<f32>::new();
        let bed = Bed::of(&cpu, scene);
        let (x, y) = (bed.scene.x_range.clone(), bed.scene.y_range.clone());
        let at = y.start + (y.len() as f64 * cut) as usize;
        let part = |from, to| bed.part(x.clone(), from..to, Visit::All);
        let whole = empty(&bed, k).fold(&cpu, [part(y.start, y.end)]).bits();
        let parts = empty(&bed, k).fold(&cpu, [part(at, y.end), part(y.start, at)]).bits();
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn turning_y_round_renumbers_the_neighbours(scene in scene(number()), k in 1usize..9) {
        let cpu = Cpu::<f32>::new();
        let (dim, rows) = (scene.case.dim, scene.y.len() / scene.case.dim);
        let y = scene.y.chunks(dim).rev().flatten().copied().collect();
        let y_range = rows - scene.y_range.end..rows - scene.y_range.start;
        let case = Case { shared: false, visiting: Visiting::All, ..scene.case };
        let turned = Bed::of(&cpu, Scene { y, y_range, case, ..scene.clone() });
        let bed = Bed::of(&cpu, Scene { case, ..scene });
        let found = empty(&bed, k).fold(&cpu, [bed.pairs()]);
        let back = empty(&turned, k).fold(&cpu, [turned.pairs()]);
        prop_assert_eq!(bits(&found.dist), bits(&back.dist));
        // Among equal distances other rows may be kept; where none is equal, they are the same.
        for (at, (&j, &b)) in found.index.iter().zip(&back.index).enumerate() {
            let row = &found.dist[at / k * k..][..k];
            let alone = row.iter().filter(|d| **d == found.dist[at]).count() == 1;
            let last = at % k == k - 1;
            let outside = !bed.scene.x_range.contains(&(at / k));
            let same = j == NONE && b == NONE || j as usize + b as usize + 1 == rows;
            prop_assert!(outside || !alone || last || same, "entry {}: {} and {}", at, j, b);
        }
    }

    #[test]
    fn powers_of_two_only_scale(scene in scene(plain()), power in -10i32..10, k in 1usize..9) {
        let cpu = Cpu::<f32>::new();
        let factor = 2f32.powi(power);
        let scaled = |v: &[f32]| v.iter().map(|v| v * factor).collect::<Vec<_>>();
        let (x, y) = (scaled(&scene.x), scaled(&scene.y));
        let large = Bed::of(&cpu, Scene { x, y, ..scene.clone() });
        let bed = Bed::of(&cpu, scene);
        let of_distance = match bed.scene.case.metric {
            Metric::SqEuclidean => factor * factor,
            Metric::Haversine => return Ok(()),
            Metric::Cosine | Metric::Correlation | Metric::Hamming => 1.0,
            Metric::Jaccard | Metric::Canberra | Metric::BrayCurtis => 1.0,
            _ => factor,
        };
        let found = empty(&bed, k).fold(&cpu, [bed.pairs()]);
        let scaled = empty(&large, k).fold(&cpu, [large.pairs()]);
        prop_assert_eq!(&found.index, &scaled.index);
        let inside = bed.scene.x_range.start * k..bed.scene.x_range.end * k;
        let expected: Vec<f32> = found.dist[inside.clone()].iter().map(|d| d * of_distance).collect();
        prop_assert_eq!(bits(&expected), bits(&scaled.dist[inside]));
    }

    #[test]
    fn sums_by_label_do_not_depend_on_the_order_of_rows(
        n in 0usize..80,
        dim in 1usize..40,
        values in proptest::collection::vec(-100.0f32..100.0, 80 * 40),
        weights in proptest::option::of(proptest::collection::vec(0.0f32..4.0, 80)),
        labels in proptest::collection::vec(prop_oneof![Just(NONE), 0u32..4], 80),
    ) {
        let zero = oracle::Sums { offsets: vec![0; 4 * dim], mass: vec![0; 4], scatter: vec![0; 4] };
        let given = oracle::Weighed {
            x: values[..80 * dim].to_vec(),
            dim,
            range: 0..n,
            labels,
            weights,
            origins: values[values.len() - 4 * dim..].to_vec(),
            scale: 1024.0,
        };
        let mut expected = zero.clone();
        oracle::accumulate(&given, &mut expected);
        let cpu = Cpu::<f32>::new();
        let whole = bed::accumulate(&cpu, &given, core::slice::from_ref(&given.range), true, &zero);
        prop_assert_eq!(&whole, &expected);
        let parts = [n / 2..n, n / 3..n / 2, 0..n / 3];
        prop_assert_eq!(&bed::accumulate(&cpu, &given, &parts, true, &zero), &expected);
    }
}
