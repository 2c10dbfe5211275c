//! Golden files: what scikit-learn and exact sums say in f64 (`README.md` beside this).
//!
//! Files in the folders here hold their rows, or name the file that does. More, whose rows may
//! not be passed on, are read where `ENFOLD_DATA` names a folder that has them.

mod dbscan;
mod neighbors;
mod pca;
mod scores;
mod umap;

use std::fs;
use std::path::{Path, PathBuf};

use enfold::Element;
use serde_json::Value;

/// The sets that every folder here has a file of.
const COMMITTED: [&str; 3] = ["customers400", "digits300", "gdelt26"];

/// Small sets whose rows may not be passed on, and their tables.
const SMALL: [(&str, &str); 3] = [
    ("lsun", "clustering/fcps/lsun.data"),
    ("iris5", "clustering/other/iris5.data"),
    ("wine", "clustering/uci/wine.data"),
];

/// A golden file.
struct Golden {
    name: String,
    json: Value,
}

impl Golden {
    fn read(path: &Path) -> Self {
        let json = serde_json::from_str(&read(path)).expect("JSON");
        Self { name: path.display().to_string(), json }
    }

    /// The file of a set in a folder here.
    fn of(folder: &str, name: &str) -> Self {
        Self::read(&here().join(format!("{folder}/{name}.json")))
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

    /// Numbers of clusters; −1, which is noise, becomes `NONE`.
    fn labels(&self, pointer: &str) -> Vec<u32> {
        self.numbers::<f64>(pointer).into_iter().map(|l| l as i64 as u32).collect()
    }

    /// The rows, and how many elements each has: in this file, or in the one it names.
    fn rows(&self) -> (Vec<f64>, usize) {
        match self.at("/rows") {
            Value::String(file) => Self::read(&here().join(file)).rows(),
            _ => (self.numbers("/rows"), self.number("/dim") as usize),
        }
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

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A set whose rows may not be passed on.
struct Other {
    golden: Golden,
    data: Vec<f64>,
    dim: usize,
}

/// Sets whose rows may not be passed on, by name and table; none where `ENFOLD_DATA` is not set.
fn others<'a>(sets: &'a [(&str, &str)]) -> impl Iterator<Item = Other> + 'a {
    let folder = std::env::var_os("ENFOLD_DATA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: ENFOLD_DATA is not set");
    }
    sets.iter().filter_map(move |(name, file)| {
        let folder = folder.as_deref()?;
        let golden = Golden::read(&folder.join(format!("golden/{name}.json")));
        let dim = golden.number("/d") as usize;
        let mut data = table(&folder.join(file), dim);
        data.truncate(golden.number("/n") as usize * dim);
        Some(Other { golden, data, dim })
    })
}

/// The first `columns` of a table: separated by commas with a head, or by blanks. Customers have
/// a number in front.
fn table(path: &Path, columns: usize) -> Vec<f64> {
    let text = read(path);
    let parse = |field: &str| field.parse().expect("a number");
    if path.extension().is_none_or(|e| e != "csv") {
        return text.split_whitespace().map(parse).collect();
    }
    let mut lines = text.lines();
    let skip = usize::from(lines.next().is_some_and(|head| head.starts_with("CustomerID")));
    lines.flat_map(|line| line.split(',').skip(skip).take(columns).map(parse)).collect()
}
