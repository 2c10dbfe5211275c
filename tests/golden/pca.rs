//! Components and correlations against golden files: scikit-learn, numpy and scipy in f64
//! (`README.md`).

use enfold::correlation::Correlation;
use enfold::pca::{Covariance, Pca, PcaModel};
use enfold::{Rows, StreamState};

use crate::{COMMITTED, Golden, Other, SMALL, others};

/// What products in `f32` leave: of variances and correlations, and of directions.
const NEAR: f64 = 2e-6;
const DIRECTION: f64 = 2e-5;

fn single(data: &[f64]) -> Vec<f32> {
    data.iter().map(|&v| v as f32).collect()
}

fn covariances(data: &[f32], dim: usize) -> Covariance {
    let mut state = Covariance::new(dim).expect("columns");
    state.push(Rows::new(data, dim).expect("rows"), None).expect("finite rows");
    state
}

/// Asserts numbers, relative to `unit`.
fn near(golden: &Golden, pointer: &str, found: &[f64], unit: f64, tolerance: f64) {
    let expected = golden.numbers::<f64>(pointer);
    assert_eq!(found.len(), expected.len(), "{} {pointer}", golden.name);
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let fine = (found - expected).abs() <= tolerance * unit;
        assert!(fine, "{} {pointer} {i}: {found} for {expected}", golden.name);
    }
}

/// Components up to sign: where the two largest elements are as large, rounding decides on it.
fn directions(golden: &Golden, pointer: &str, model: &PcaModel) {
    let expected = golden.numbers::<f64>(pointer);
    for (found, expected) in model.components().zip(expected.chunks(model.dim())) {
        let product: f64 = found.iter().zip(expected).map(|(a, b)| a * b).sum();
        let sign = product.signum();
        for (a, b) in found.iter().zip(expected) {
            assert!((a * sign - b).abs() <= DIRECTION, "{}: {a} for {b}", golden.name);
        }
    }
}

#[test]
fn components_are_the_golden_ones() {
    for golden in COMMITTED.map(|name| Golden::of("pca", name)) {
        let (data, dim) = golden.rows();
        let (data, k) = (single(&data), golden.numbers::<f64>("/variances").len());
        let model = Pca::new(k).finish(&covariances(&data, dim)).expect("a model");
        let total = model.total_variance();
        near(&golden, "/means", model.means(), total.sqrt(), NEAR);
        near(&golden, "/variances", model.variances(), total, NEAR);
        near(&golden, "/ratios", &model.ratios(), 1.0, NEAR);
        directions(&golden, "/components", &model);
        let first = Rows::new(&data[..20 * dim], dim).expect("rows");
        let along = model.transform(first).expect("rows along");
        let found: Vec<f64> = along.values().iter().map(|&v| f64::from(v)).collect();
        near(&golden, "/first", &found, total.sqrt(), DIRECTION);
    }
}

#[test]
fn correlations_are_the_golden_ones() {
    for golden in COMMITTED.map(|name| Golden::of("pca", name)) {
        let (data, dim) = golden.rows();
        let data = single(&data);
        let pearson = Correlation::of(&covariances(&data, dim)).expect("correlations");
        near(&golden, "/pearson", pearson.values(), 1.0, NEAR);
        let rows = Rows::new(&data[..], dim).expect("rows");
        let spearman = Correlation::spearman(rows).expect("correlations");
        near(&golden, "/spearman", spearman.values(), 1.0, 1e-11);
    }
}

#[test]
fn more_components_are_met_where_they_are() {
    for Other { golden, data, dim } in others(&SMALL) {
        let state = covariances(&single(&data), dim);
        let k = golden.numbers::<f64>("/pca/explained_variance").len();
        let model = Pca::new(k).finish(&state).expect("a model");
        near(&golden, "/pca/mean", model.means(), model.total_variance().sqrt(), NEAR);
        let total = model.total_variance();
        near(&golden, "/pca/explained_variance", model.variances(), total, NEAR);
        let pearson = Correlation::of(&state).expect("correlations");
        near(&golden, "/corr", pearson.values(), 1.0, NEAR);
    }
}
