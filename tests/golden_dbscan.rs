//! DBSCAN against golden files: scikit-learn's labels in f64 (`tests/golden/README.md`).
//!
//! Labels are equal up to the numbers of the clusters – those of the files go by the lowest row,
//! enfold's by the lowest core row – and but for border rows that are within eps of several
//! clusters: there scikit-learn takes the first cluster and enfold the nearest core row. The
//! files say how many such rows there are.

use std::fs;
use std::path::{Path, PathBuf};

use enfold::{Cpu, Dbscan, NONE, Rows};
use enfold_cpu::Folds;
use serde_json::Value;

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a readable file")).expect("JSON")
}

fn number(of: &Value, name: &str) -> f64 {
    of[name].as_f64().unwrap_or_else(|| panic!("no number {name}"))
}

fn check<T: Folds>(name: &str, data: &[f64], dim: usize, fits: &Value) {
    let data: Vec<T> = data.iter().map(|&v| T::of_f64(v)).collect();
    let rows = Rows::new(&data[..], dim).expect("whole rows");
    for golden in fits.as_array().expect("fits") {
        let options = Dbscan::new(number(golden, "eps"), number(golden, "min_samples") as usize);
        let fit = options.fit(&Cpu::<T>::new(), rows).expect("a fit");
        let labels = golden["labels"].as_array().expect("labels").iter();
        let labels: Vec<u32> =
            labels.map(|l| u32::try_from(l.as_i64().expect("a label")).unwrap_or(NONE)).collect();
        assert_eq!(fit.cores.len(), number(golden, "n_core") as usize, "{name} {options:?}");
        let noise = |labels: &[u32]| labels.iter().map(|&l| l == NONE).collect::<Vec<_>>();
        assert_eq!(noise(&fit.labels), noise(&labels), "{name} {options:?}");
        // What each cluster of the file is called here, by its core rows.
        let mut name_of = vec![NONE; fit.model.clusters() as usize];
        let mut names = vec![NONE; name_of.len()];
        for &i in &fit.cores {
            let (here, there) = (fit.labels[i as usize], labels[i as usize]);
            let (a, b) = (&mut name_of[there as usize], &mut names[here as usize]);
            assert!([NONE, here].contains(a) && [NONE, there].contains(b), "{name} {options:?}");
            (*a, *b) = (here, there);
        }
        let there = |i: usize| name_of.get(labels[i] as usize).copied().unwrap_or(NONE);
        let differ = |i: &usize| fit.labels[*i] != there(*i);
        let differing: Vec<usize> = (0..labels.len()).filter(differ).collect();
        let ambiguous = number(golden, "ambiguous_border") as usize;
        assert!(differing.len() <= ambiguous, "{name} {options:?}: rows {differing:?}");
        assert!(differing.iter().all(|&i| fit.cores.binary_search(&(i as u32)).is_err()));
    }
}

#[test]
fn labels_are_the_golden_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for name in ["customers400", "digits300", "gdelt26"] {
        let golden = read(&folder.join(format!("dbscan/{name}.json")));
        let source = read(&folder.join(golden["rows"].as_str().expect("a file of rows")));
        let values = source["rows"].as_array().expect("rows").iter();
        let data: Vec<f64> = values.map(|v| v.as_f64().expect("a number")).collect();
        let dim = number(&source, "dim") as usize;
        check::<f64>(name, &data, dim, &golden["fits"]);
        check::<f32>(name, &data, dim, &golden["fits"]);
    }
}

#[test]
fn labels_of_sets_that_may_not_be_passed_on_are_the_golden_ones() {
    let Some(folder) = std::env::var_os("ENFOLD_DATA").map(PathBuf::from) else {
        eprintln!("skipped: ENFOLD_DATA names no folder");
        return;
    };
    for (name, table) in [("lsun", "fcps/lsun"), ("iris5", "other/iris5"), ("wine", "uci/wine")] {
        let golden = read(&folder.join(format!("golden/{name}.json")));
        let text = fs::read_to_string(folder.join(format!("clustering/{table}.data")));
        let text = text.expect("a readable table");
        let data: Vec<f64> =
            text.split_whitespace().map(|v| v.parse().expect("a number")).collect();
        // In f64 only: rounded to f32, these rows have other distances, some beyond eps.
        check::<f64>(name, &data, number(&golden, "d") as usize, &golden["dbscan"]);
    }
}
