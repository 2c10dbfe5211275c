//! Scores against golden files: scikit-learn's numbers in f64 (`README.md`).

use enfold::scores::{
    Agreement, Silhouette, calinski_harabasz, davies_bouldin, inertia, trustworthiness,
};
use enfold::{Cpu, Metric, Rows};
use enfold_cpu::Folds;

use crate::{COMMITTED, Golden, Other, others};

fn committed() -> impl Iterator<Item = Golden> {
    COMMITTED.iter().map(|name| Golden::of("scores", name))
}

/// Scores of rows and labels; `exact` is what f64 rows deserve.
fn scores_of_rows<T: Folds>(golden: &Golden, tolerance: f64) {
    let (cpu, dim) = (Cpu::<T>::new(), golden.number("/dim") as usize);
    let (data, centers) = (golden.numbers::<T>("/rows"), golden.numbers::<T>("/centers"));
    let (rows, labels) = (Rows::new(&data[..], dim).expect("rows"), golden.labels("/labels"));
    for metric in Metric::ALL {
        let pointer = format!("/silhouette/{metric:?}");
        if golden.json.pointer(&pointer).is_some() {
            let found = Silhouette::new().metric(metric).score(&cpu, rows, &labels);
            golden.near(&pointer, found.expect("a score"), tolerance);
        }
    }
    let each = Silhouette::new().per_row(&cpu, rows, &labels).expect("scores");
    golden.near_rows("/per_row", &each, tolerance);
    let found = calinski_harabasz(&cpu, rows, &labels).expect("a score");
    golden.near("/calinski_harabasz", found, 1e-9);
    let found = davies_bouldin(&cpu, rows, &labels).expect("a score");
    golden.near("/davies_bouldin", found, 1e-9);
    let centers = Rows::new(&centers[..], dim).expect("centers");
    golden.near("/inertia", inertia(&cpu, rows, centers).expect("a score"), tolerance);
}

fn trust<T: Folds>(golden: &Golden, tolerance: f64) {
    let (cpu, dim) = (Cpu::<T>::new(), golden.number("/dim") as usize);
    let (data, embedded) = (golden.numbers::<T>("/rows"), golden.numbers::<T>("/embedded"));
    let rows = Rows::new(&data[..], dim).expect("rows");
    let embedded = Rows::new(&embedded[..], 2).expect("rows");
    for k in [5, 12] {
        let found = trustworthiness(&cpu, rows, Metric::Euclidean, embedded, k).expect("a score");
        golden.near(&format!("/trustworthiness/{k}"), found, tolerance);
    }
}

#[test]
fn scores_of_rows_are_the_golden_ones() {
    for golden in committed() {
        scores_of_rows::<f64>(&golden, 1e-10);
        scores_of_rows::<f32>(&golden, 1e-5);
    }
}

#[test]
fn trustworthiness_is_the_golden_one() {
    for golden in committed() {
        trust::<f64>(&golden, 1e-12);
        // In f32 neighbours that are nearly as far may change places.
        trust::<f32>(&golden, 1e-4);
    }
}

#[test]
fn agreements_are_the_golden_ones() {
    for golden in committed() {
        let (a, b) = (golden.labels("/labels"), golden.labels("/others"));
        let found = Agreement::of(&a, &b).expect("equal lengths");
        golden.near("/adjusted_rand", found.adjusted_rand(), 1e-12);
        let normalized = found.normalized_mutual_information();
        golden.near("/normalized_mutual_information", normalized, 1e-12);
        golden.near("/adjusted_mutual_information", found.adjusted_mutual_information(), 1e-11);
        golden.near("/homogeneity", found.homogeneity(), 1e-12);
        golden.near("/completeness", found.completeness(), 1e-12);
        golden.near("/v_measure", found.v_measure(1.0), 1e-12);
    }
}

/// The first two principal components by a golden file's own mean and axes.
fn embedding(golden: &Golden, data: &[f64], dim: usize) -> Vec<f64> {
    let (mean, axes) =
        (golden.numbers::<f64>("/pca/mean"), golden.numbers::<f64>("/pca/components"));
    let along = |row: &[f64], axis: &[f64]| -> f64 {
        row.iter().zip(&mean).zip(axis).map(|((v, m), a)| (v - m) * a).sum()
    };
    let both = |row| axes.chunks(dim).take(2).map(move |axis| along(row, axis)).collect::<Vec<_>>();
    data.chunks(dim).flat_map(both).collect()
}

#[test]
fn more_golden_files_are_met_where_they_are() {
    let sets = [
        ("iris5", "clustering/other/iris5.data"),
        ("lsun", "clustering/fcps/lsun.data"),
        ("wine", "clustering/uci/wine.data"),
        ("digits300", "digits/digits.csv"),
        ("gdelt26", "gdelt/train26.csv"),
        ("customers400", "online_retail/customers.csv"),
    ];
    // The files break ties in ranks as a sort happened to: by so much may trustworthiness differ,
    // most where values are tenths of a centimetre.
    let ties = [3e-4, 1e-12, 1e-5, 2e-5, 2e-5, 1e-12];
    for (Other { golden, data, dim }, ties) in others(&sets).zip(ties) {
        let (rows, labels) =
            (Rows::new(&data[..], dim).expect("rows"), golden.labels("/lloyd/labels"));
        let cpu = Cpu::<f64>::new();
        let each = Silhouette::new().per_row(&cpu, rows, &labels).expect("scores");
        golden.near_rows("/silhouette/samples", &each, 1e-9);
        let mean = Silhouette::new().score(&cpu, rows, &labels).expect("a score");
        golden.near("/silhouette/mean", mean, 1e-10);
        let centers = golden.numbers::<f64>("/lloyd/centers");
        let centers = Rows::new(&centers[..], dim).expect("centers");
        let found = inertia(&cpu, rows, centers).expect("a score");
        golden.near("/lloyd/inertia_sklearn", found, 1e-9);
        let embedded = embedding(&golden, &data, dim);
        let embedded = Rows::new(&embedded[..], 2).expect("rows");
        for k in [5, 12] {
            let found = trustworthiness(&cpu, rows, Metric::Euclidean, embedded, k);
            golden.near(&format!("/trustworthiness_pca2/{k}"), found.expect("a score"), ties);
        }
        let single: Vec<f32> = data.iter().map(|&v| v as f32).collect();
        let rows = Rows::new(&single[..], dim).expect("rows");
        let each = Silhouette::new().per_row(&Cpu::<f32>::new(), rows, &labels).expect("scores");
        golden.near_rows("/silhouette/samples", &each, 1e-5);
    }
}
