//! Scores against golden files: scikit-learn's numbers in f64 (`tests/golden/README.md`).
//!
//! The files in `tests/golden/scores` hold their rows. More, whose rows may not be passed on, are
//! read where `ENFOLD_DATA` names a folder that has them.

use std::fs;
use std::path::{Path, PathBuf};

use enfold::scores::{
    Agreement, Silhouette, calinski_harabasz, davies_bouldin, inertia, trustworthiness,
};
use enfold::{Cpu, Element, Metric, Rows};
use enfold_cpu::Folds;
use serde_json::Value;

/// A golden file.
struct Golden {
    name: String,
    json: Value,
}

impl Golden {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a readable file");
        let json = serde_json::from_str(&text).expect("JSON");
        Self { name: path.display().to_string(), json }
    }

    fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or_else(|| panic!("{}: no {pointer}", self.name))
    }

    fn number(&self, pointer: &str) -> f64 {
        self.at(pointer).as_f64().expect("a number")
    }

    /// All numbers below a node.
    fn numbers<T: Element>(&self, pointer: &str) -> Vec<T> {
        fn collect<T: Element>(node: &Value, into: &mut Vec<T>) {
            match node {
                Value::Array(nodes) => nodes.iter().for_each(|node| collect(node, into)),
                node => into.push(T::of_f64(node.as_f64().expect("a number"))),
            }
        }
        let mut numbers = Vec::new();
        collect(self.at(pointer), &mut numbers);
        numbers
    }

    fn labels(&self, pointer: &str) -> Vec<u32> {
        self.numbers::<f64>(pointer).into_iter().map(|label| label as u32).collect()
    }

    /// Asserts that `found` is the number at `pointer`, relative to numbers above 1.
    fn near(&self, pointer: &str, found: f64, tolerance: f64) {
        let expected = self.number(pointer);
        let near = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
        assert!(near, "{} {pointer}: {found} for {expected}", self.name);
    }

    fn near_rows(&self, pointer: &str, found: &[f64], tolerance: f64) {
        let expected = self.numbers::<f64>(pointer);
        assert_eq!(found.len(), expected.len());
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let near = (found - expected).abs() <= tolerance;
            assert!(near, "{} {pointer} row {i}: {found} for {expected}", self.name);
        }
    }
}

fn committed() -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/scores");
    let names = ["customers400", "digits300", "gdelt26"];
    names.iter().map(|name| Golden::read(&folder.join(format!("{name}.json")))).collect()
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

/// The first rows and columns of a table: separated by commas with a head, or by blanks.
fn table(path: &Path, skip: usize, rows: usize, columns: usize) -> Vec<f64> {
    let text = fs::read_to_string(path).expect("a readable file");
    let comma = path.extension().is_some_and(|e| e == "csv");
    let fields = |line: &str| -> Vec<f64> {
        let parse = |field: &str| field.parse().expect("a number");
        if comma {
            line.split(',').skip(skip).take(columns).map(parse).collect()
        } else {
            line.split_whitespace().map(parse).collect()
        }
    };
    text.lines().skip(usize::from(comma)).take(rows).flat_map(fields).collect()
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
    let Some(folder) = std::env::var_os("ENFOLD_DATA").map(PathBuf::from) else {
        eprintln!("skipped: ENFOLD_DATA is not set");
        return;
    };
    // The files break ties in ranks as a sort happened to: by so much may trustworthiness differ,
    // most where values are tenths of a centimetre.
    let sets = [
        ("iris5", "clustering/other/iris5.data", 0, 3e-4),
        ("lsun", "clustering/fcps/lsun.data", 0, 1e-12),
        ("wine", "clustering/uci/wine.data", 0, 1e-5),
        ("digits300", "digits/digits.csv", 0, 2e-5),
        ("gdelt26", "gdelt/train26.csv", 0, 2e-5),
        ("customers400", "online_retail/customers.csv", 1, 1e-12),
    ];
    for (name, file, skip, ties) in sets {
        let golden = Golden::read(&folder.join(format!("golden/{name}.json")));
        let (n, dim) = (golden.number("/n") as usize, golden.number("/d") as usize);
        let data = table(&folder.join(file), skip, n, dim);
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
