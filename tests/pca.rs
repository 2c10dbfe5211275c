//! Principal components, covariances and correlations: laws, definitions, bad input.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use enfold::correlation::Correlation;
use enfold::data::DataError;
use enfold::pca::{Covariance, Pca, PcaModel, Randomized};
use enfold::random::Draws;
use enfold::{Error, Rows, SnapshotError, StreamState, Table};
use proptest::prelude::*;

/// Rows with a few strong directions, an offset per column, and noise.
fn made(n: usize, dim: usize, seed: u64) -> Table {
    let draws = Draws::new(seed, 1);
    let value = |i: usize, t: usize| {
        let factor = |f: usize| draws.unit64(i as u64, f as u32) - 0.5;
        let load = |f: usize| draws.unit64(t as u64, 100 + f as u32) - 0.5;
        let strong: f64 = (0..3).map(|f| factor(f) * load(f) * 10.0 / (1 + f) as f64).sum();
        (strong + 0.1 * draws.unit64((i * dim + t) as u64, 50) + t as f64) as f32
    };
    Table::new((0..n * dim).map(|i| value(i / dim, i % dim)).collect(), dim).unwrap()
}

fn state_of(table: &Table) -> Covariance {
    let mut state = Covariance::new(table.dim()).unwrap();
    state.push(table.rows(), None).unwrap();
    state
}

/// Means and covariances by their definition, with weights.
fn oracle(table: &Table, weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (dim, mass) = (table.dim(), weights.iter().sum::<f64>());
    let rows = || table.values().chunks(dim).zip(weights);
    let mean = |t: usize| rows().map(|(row, w)| w * f64::from(row[t])).sum::<f64>() / mass;
    let means: Vec<f64> = (0..dim).map(mean).collect();
    let offset = |row: &[f32], t: usize| f64::from(row[t]) - means[t];
    let both = |i: usize, j: usize| {
        rows().map(|(row, w)| w * offset(row, i) * offset(row, j)).sum::<f64>() / (mass - 1.0)
    };
    let matrix = (0..dim * dim).map(|at| both(at / dim, at % dim)).collect();
    (means, matrix)
}

/// Asserts that covariances are those of the definition, relative to the deviations.
fn check(state: &Covariance, table: &Table, weights: &[f64], tolerance: f64) {
    let ((means, expected), found) = (oracle(table, weights), state.matrix().unwrap());
    let dim = table.dim();
    let deviation = |t: usize| expected[t * dim + t].sqrt();
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let unit = deviation(at / dim) * deviation(at % dim);
        assert!((found - expected).abs() <= tolerance * unit, "{at}: {found} for {expected}");
    }
    for (t, (found, expected)) in state.means().iter().zip(&means).enumerate() {
        assert!((found - expected).abs() <= tolerance * deviation(t), "{t}: {found}, {expected}");
    }
}

fn bits(model: &PcaModel) -> Vec<u64> {
    model.components().flatten().chain(model.variances()).map(|v| v.to_bits()).collect()
}

// ---- covariances --------------------------------------------------------------------------------

#[test]
fn covariances_are_those_of_the_definition() {
    for (n, dim) in [(2, 1), (3, 7), (511, 2), (512, 16), (513, 17), (1300, 33), (700, 130)] {
        let table = made(n, dim, 3);
        check(&state_of(&table), &table, &vec![1.0; n], 1e-6);
    }
}

#[test]
fn a_large_offset_costs_no_digits_but_those_that_f32_lacks() {
    // A million and a half with steps of 1/8, which f32 has exactly.
    let draws = Draws::new(5, 0);
    let value = |i: usize| 1.5e6 + draws.below(i as u64, 0, 64) as f32 / 8.0;
    let table = Table::new((0..4000).map(value).collect(), 2).unwrap();
    check(&state_of(&table), &table, &[1.0; 2000], 1e-6);
}

#[test]
fn weights_count_as_repeated_rows() {
    let table = made(900, 5, 1);
    let weights: Vec<f32> = (0..900).map(|i| [0.0, 1.0, 2.0, 0.5][i % 4]).collect();
    let mut state = Covariance::new(5).unwrap();
    let pushed = state.push(table.rows(), Some(&weights)).unwrap();
    assert_eq!((pushed.rows, pushed.skipped), (675, 225));
    let wide: Vec<f64> = weights.iter().map(|&w| f64::from(w)).collect();
    assert_eq!(state.weight(), wide.iter().sum::<f64>());
    check(&state, &table, &wide, 1e-6);
}

/// Pushes in pieces of these sizes, in turn.
fn in_pieces(table: &Table, sizes: &[usize]) -> Covariance {
    let (mut state, mut start) = (Covariance::new(table.dim()).unwrap(), 0);
    for size in sizes.iter().cycle() {
        let end = table.rows().len().min(start + size);
        state.push(table.rows().range(start, end).unwrap(), None).unwrap();
        start = end;
        if end == table.rows().len() {
            return state;
        }
    }
    state
}

#[test]
fn batches_and_threads_do_not_matter() {
    for dim in [3, 100] {
        let table = made(1500, dim, 2);
        let whole = state_of(&table);
        for sizes in [&[1][..], &[7, 512, 0, 90], &[1499, 1]] {
            let pieces = in_pieces(&table, sizes);
            assert_eq!(whole, pieces);
            assert_eq!(whole.to_bytes().unwrap(), pieces.to_bytes().unwrap());
        }
        let fits: Vec<Vec<u64>> = [1, 2, 5]
            .map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap())
            .iter()
            .map(|pool| {
                pool.install(|| {
                    let randomized = Pca::new(2).randomized(Randomized::default());
                    let model = Pca::new(3).fit(table.rows()).unwrap();
                    let other = randomized.fit(table.rows()).unwrap();
                    let rows = model.transform(table.rows()).unwrap();
                    let rows = rows.values().iter().map(|v| u64::from(v.to_bits()));
                    bits(&model).into_iter().chain(bits(&other)).chain(rows).collect()
                })
            })
            .collect();
        assert!(fits.iter().all(|fit| *fit == fits[0]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Any cut, any merge tree of two, and going on after a snapshot.
    #[test]
    fn merges_and_snapshots_lose_nothing(
        n in 2usize..1400,
        dim in 1usize..20,
        cut in 0.0f64..1.0,
        seed in any::<u64>(),
    ) {
        let table = made(n, dim, seed);
        let at = (cut * n as f64) as usize;
        let part = |from, to| {
            let mut state = Covariance::new(dim).unwrap();
            state.push(table.rows().range(from, to).unwrap(), None).unwrap();
            state
        };
        let (first, second) = (part(0, at), part(at, n));
        let (mut one, mut other) = (first.clone(), second.clone());
        one.merge(&second).unwrap();
        other.merge(&first).unwrap();
        check(&one, &table, &vec![1.0; n], 1e-6);
        check(&other, &table, &vec![1.0; n], 1e-6);
        prop_assert_eq!(one.weight(), n as f64);

        let mut restored = Covariance::new(dim).unwrap();
        restored.restore(&first.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(&restored, &first);
        restored.push(table.rows().range(at, n).unwrap(), None).unwrap();
        prop_assert_eq!(restored, state_of(&table));
    }
}

#[test]
fn old_rows_fade_by_half_lives() {
    let table = made(600, 4, 9);
    let mut state = Covariance::new(4).unwrap().with_half_life(2.0);
    state.push(table.rows().range(0, 300).unwrap(), None).unwrap();
    state.decay(4.0).unwrap();
    state.push(table.rows().range(300, 600).unwrap(), None).unwrap();
    let weights: Vec<f64> = (0..600).map(|i| if i < 300 { 0.25 } else { 1.0 }).collect();
    check(&state, &table, &weights, 1e-6);
    assert!(matches!(state.decay(3.0), Err(Error::Parameter { name: "time", .. })));
    let apart = Covariance::new(4).unwrap();
    assert!(matches!(state.merge(&apart), Err(Error::Mismatch { .. })));
}

#[test]
fn refused_rows_and_bytes_change_nothing() {
    let table = made(700, 3, 4);
    let mut state = state_of(&table);
    let before = state.to_bytes().unwrap();
    for bad in [f32::NAN, f32::INFINITY, 1e30] {
        let rows = [0.0, 1.0, 2.0, 3.0, bad, 5.0];
        let pushed = state.push(Rows::new(&rows[..], 3).unwrap(), None);
        assert_eq!(pushed, Err(Error::NotFinite { row: 1 }));
    }
    let rows = [0.0f32; 6];
    for bad in [f32::NAN, -1.0, 1e9] {
        let pushed = state.push(Rows::new(&rows[..], 3).unwrap(), Some(&[1.0, bad]));
        assert_eq!(pushed, Err(Error::Weight { row: 1 }));
    }
    let short = state.push(Rows::new(&rows[..], 3).unwrap(), Some(&[1.0]));
    assert!(matches!(short, Err(Error::Shape(_))));
    assert!(matches!(state.push(Rows::new(&rows[..], 2).unwrap(), None), Err(Error::Shape(_))));
    for at in (0..before.len()).step_by(11) {
        let mut damaged = before.clone();
        damaged[at] ^= 0x10;
        assert!(matches!(state.restore(&damaged), Err(Error::Snapshot(_))), "{at}");
        assert!(matches!(state.restore(&before[..at]), Err(Error::Snapshot(_))), "{at}");
    }
    let wider = Covariance::new(4).unwrap().to_bytes().unwrap();
    assert_eq!(state.restore(&wider), Err(Error::Snapshot(SnapshotError::Shape)));
    assert_eq!(state.to_bytes().unwrap(), before);
    assert!(matches!(Covariance::new(0), Err(DataError::NoColumns)));
}

// ---- components ---------------------------------------------------------------------------------

/// Asserts that components are orthogonal units of the stated variances.
fn check_model(model: &PcaModel, covariances: &[f64], tolerance: f64) {
    let components: Vec<&[f64]> = model.components().collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for (i, a) in components.iter().enumerate() {
        for (j, b) in components.iter().enumerate() {
            assert!((dot(a, b) - f64::from(u8::from(i == j))).abs() < 1e-12, "{i} {j}");
        }
        let image: Vec<f64> = covariances.chunks(model.dim()).map(|row| dot(row, a)).collect();
        let value = model.variances()[i];
        let off = image.iter().zip(*a).map(|(x, v)| (x - value * v).abs()).fold(0.0, f64::max);
        assert!(off <= tolerance * model.total_variance(), "{i}: {off}");
        let largest = a.iter().fold(0.0f64, |m, v| if v.abs() > m.abs() { *v } else { m });
        assert!(largest > 0.0);
    }
}

#[test]
fn components_are_eigenvectors_with_stated_signs() {
    for (n, dim, k) in [(300, 6, 6), (40, 60, 39), (1000, 30, 4)] {
        let table = made(n, dim, 8);
        let state = state_of(&table);
        let model = Pca::new(k).finish(&state).unwrap();
        let matrix = state.matrix().unwrap();
        check_model(&model, &matrix, 1e-12);
        let trace: f64 = matrix.iter().step_by(dim + 1).sum();
        assert!((model.total_variance() - trace).abs() <= 1e-12 * trace);
        assert!(model.ratios().iter().sum::<f64>() <= 1.0 + 1e-9);
    }
}

#[test]
fn the_randomized_solver_finds_the_strong_directions() {
    let table = made(700, 50, 6);
    let exact = Pca::new(3).fit(table.rows()).unwrap();
    let quick = Pca::new(3).randomized(Randomized::default().seed(1)).fit(table.rows()).unwrap();
    for (a, b) in exact.variances().iter().zip(quick.variances()) {
        assert!((a / b - 1.0).abs() < 1e-5, "{a} {b}");
    }
    for (a, b) in exact.components().flatten().zip(quick.components().flatten()) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
    assert!((exact.total_variance() / quick.total_variance() - 1.0).abs() < 1e-5);
    // More directions than there are.
    let all = Pca::new(4).randomized(Randomized::default().passes(0));
    let model = all.fit(made(30, 4, 1).rows()).unwrap();
    check_model(&model, &state_of(&made(30, 4, 1)).matrix().unwrap(), 1e-5);
}

#[test]
fn shares_are_reached_by_as_few_as_can_be() {
    let table = made(500, 12, 5);
    let all = Pca::new(12).fit(table.rows()).unwrap().ratios();
    for share in [0.1, 0.5, 0.9, 0.99, 1.0 - 1e-9] {
        let count = Pca::share(share).fit(table.rows()).unwrap().count();
        let sum = |k: usize| all[..k].iter().sum::<f64>();
        assert!(sum(count) >= share && (count == 1 || sum(count - 1) < share), "{share} {count}");
    }
    assert!(Pca::share(1.0).fit(table.rows()).unwrap().count() <= 12);
}

#[test]
fn all_components_there_and_back_are_the_rows() {
    let table = made(200, 9, 2);
    for whiten in [false, true] {
        let model = Pca::new(9).whiten(whiten).fit(table.rows()).unwrap();
        let back = model.invert(model.transform(table.rows()).unwrap().rows()).unwrap();
        for (a, b) in back.values().iter().zip(table.values()) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }
    let model = Pca::new(3).whiten(true).fit(table.rows()).unwrap();
    let white = state_of(&model.transform(table.rows()).unwrap()).matrix().unwrap();
    for (at, value) in white.iter().enumerate() {
        let expected = f64::from(u8::from(at / 3 == at % 3));
        assert!((value - expected).abs() < 1e-4, "{at} {value}");
    }
}

#[test]
fn constant_columns_and_constant_rows_are_fine() {
    let some = Table::from_rows((0..600).map(|i| [7.25e5, i as f32, -0.1])).unwrap();
    let matrix = state_of(&some).matrix().unwrap();
    assert_eq!((matrix[0], matrix[1], matrix[8]), (0.0, 0.0, 0.0));
    let model = Pca::new(3).whiten(true).fit(some.rows()).unwrap();
    assert_eq!(model.variances()[1..], [0.0, 0.0]);
    let white = model.transform(some.rows()).unwrap();
    assert!(white.values().chunks(3).all(|row| row[1..] == [0.0, 0.0]));
    let none = Table::from_arrays(&[[3.0, 4.0]; 5]).unwrap();
    for pca in [Pca::new(2), Pca::share(0.9), Pca::new(2).randomized(Randomized::default())] {
        let model = pca.whiten(true).fit(none.rows()).unwrap();
        assert!(model.ratios().iter().all(|r| *r == 0.0));
        assert!(model.transform(none.rows()).unwrap().values().iter().all(|v| *v == 0.0));
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let table = made(5, 8, 1);
    let parameter = |pca: Pca, table: &Table| match pca.fit(table.rows()) {
        Err(Error::Parameter { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    for randomized in [false, true] {
        let with = |k| match randomized {
            true => Pca::new(k).randomized(Randomized::default()),
            false => Pca::new(k),
        };
        assert_eq!(parameter(with(0), &table), "components");
        assert_eq!(parameter(with(6), &table), "components");
        assert_eq!(parameter(with(9), &made(20, 8, 1)), "components");
        assert_eq!(parameter(with(1), &made(1, 8, 1)), "rows");
        let nan = Table::from_arrays(&[[0.0, 1.0], [f32::NAN, 1.0], [2.0, 2.0]]).unwrap();
        assert_eq!(with(1).fit(nan.rows()), Err(Error::NotFinite { row: 1 }));
    }
    for share in [0.0, -1.0, 1.5, f64::NAN] {
        assert_eq!(parameter(Pca::share(share), &table), "share");
    }
    assert_eq!(parameter(Pca::share(0.5).randomized(Randomized::default()), &table), "share");
    assert_eq!(parameter(Pca::share(0.5), &made(1, 8, 1)), "rows");
    let state = Pca::new(2).randomized(Randomized::default()).finish(&state_of(&table));
    assert!(matches!(state, Err(Error::Parameter { name: "randomized", .. })));
    let model = Pca::new(2).fit(table.rows()).unwrap();
    assert!(matches!(model.transform(made(5, 7, 1).rows()), Err(Error::Shape(_))));
    assert!(matches!(model.invert(made(5, 3, 1).rows()), Err(Error::Shape(_))));
    let nan = Table::new(vec![f32::NAN; 8], 8).unwrap();
    assert_eq!(model.transform(nan.rows()), Err(Error::NotFinite { row: 0 }));
}

// ---- correlations -------------------------------------------------------------------------------

#[test]
fn correlations_are_free_of_nan_and_symmetric() {
    let table = Table::from_rows((0..50).map(|i| {
        let x = (i * i % 17) as f32;
        [x, -2.0 * x, 5.0, x + (i % 3) as f32, 0.0]
    }))
    .unwrap();
    let pearson = Correlation::of(&state_of(&table)).unwrap();
    for found in [pearson, Correlation::spearman(table.rows()).unwrap()] {
        for a in 0..5 {
            assert_eq!(found.at(a, a), 1.0);
            for b in 0..5 {
                assert!(found.at(a, b).abs() <= 1.0);
                assert_eq!(found.at(a, b), found.at(b, a));
            }
        }
        assert!((found.at(0, 1) + 1.0).abs() < 1e-6);
        assert_eq!([found.at(0, 2), found.at(2, 4), found.at(4, 3)], [0.0; 3]);
        assert_eq!(found.pairs()[0].0, 0);
        assert_eq!(found.pairs().len(), 10);
    }
}

#[test]
fn ranks_share_their_mean_where_values_are_equal() {
    // Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: covariance 4.5, squares 4.5 and 5.
    let table = Table::from_arrays(&[[0.0, 1.0], [7.0, 2.0], [7.0, 30.0], [9.0, 400.0]]).unwrap();
    let found = Correlation::spearman(table.rows()).unwrap().at(0, 1);
    assert!((found - 4.5 / (4.5f64 * 5.0).sqrt()).abs() < 1e-15);
    let zeros = Table::from_arrays(&[[0.0, 1.0], [-0.0, 2.0]]).unwrap();
    assert_eq!(Correlation::spearman(zeros.rows()).unwrap().at(0, 1), 0.0);
}

proptest! {
    #[test]
    fn pruning_leaves_no_pair_and_drops_none_without_cause(
        seed in any::<u64>(),
        dim in 1usize..12,
        threshold in 0.0f64..1.1,
    ) {
        let found = Correlation::spearman(made(20, dim, seed).rows()).unwrap();
        let pruned = found.prune(threshold);
        for (i, &a) in pruned.kept.iter().enumerate() {
            for &b in &pruned.kept[..i] {
                prop_assert!(found.at(a, b).abs() <= threshold);
            }
        }
        for dropped in &pruned.dropped {
            prop_assert!(pruned.kept.contains(&dropped.because) && dropped.because < dropped.column);
            prop_assert_eq!(found.at(dropped.because, dropped.column), dropped.correlation);
            prop_assert!(dropped.correlation.abs() > threshold);
        }
        prop_assert_eq!(pruned.kept.len() + pruned.dropped.len(), dim);
    }
}

#[test]
fn pruned_tables_keep_their_names() {
    let table =
        Table::from_rows((0..9).map(|i| [i as f32, 2.0 * i as f32, (i % 2) as f32])).unwrap();
    let table = table.with_names(["a", "b", "c"]).unwrap();
    let found = Correlation::of(&state_of(&table)).unwrap().with_names(table.names()).unwrap();
    let kept = found.prune(0.95).apply(&table).unwrap();
    assert_eq!((kept.names(), kept.row(3)), (&["a".into(), "c".into()][..], &[3.0, 1.0][..]));
    assert!(matches!(found.prune(0.95).apply(&kept), Err(DataError::Ragged { .. })));
    assert!(matches!(found.with_names(&["a"]), Err(DataError::Names { expected: 3, found: 1 })));
    let one = Table::from_arrays(&[[1.0, 2.0]]).unwrap();
    assert!(matches!(Correlation::spearman(one.rows()), Err(Error::Parameter { .. })));
    assert!(matches!(Correlation::of(&state_of(&one)), Err(Error::Parameter { .. })));
}
