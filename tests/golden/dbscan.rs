//! DBSCAN against golden files: scikit-learn's labels in f64 (`README.md`).
//!
//! Labels are equal up to the numbers of the clusters – those of the files go by the lowest row,
//! enfold's by the lowest core row – and but for border rows that are within eps of several
//! clusters: there scikit-learn takes the first cluster and enfold the nearest core row. The
//! files say how many such rows there are.

use enfold::{Cpu, Dbscan, NONE, Rows};
use enfold_cpu::Folds;

use crate::{COMMITTED, Golden, SMALL, others};

/// Asserts that the fits at `pointer` are found.
fn check<T: Folds>(golden: &Golden, pointer: &str, data: &[f64], dim: usize) {
    let data: Vec<T> = data.iter().map(|&v| T::of_f64(v)).collect();
    let rows = Rows::new(&data[..], dim).expect("whole rows");
    let name = &golden.name;
    for at in 0..golden.at(pointer).as_array().expect("fits").len() {
        let number = |field| golden.number(&format!("{pointer}/{at}/{field}"));
        let options = Dbscan::new(number("eps"), number("min_samples") as usize);
        let fit = options.fit(&Cpu::<T>::new(), rows).expect("a fit");
        let labels = golden.labels(&format!("{pointer}/{at}/labels"));
        assert_eq!(fit.cores.len(), number("n_core") as usize, "{name} {options:?}");
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
        let ambiguous = number("ambiguous_border") as usize;
        assert!(differing.len() <= ambiguous, "{name} {options:?}: rows {differing:?}");
        assert!(differing.iter().all(|&i| fit.cores.binary_search(&(i as u32)).is_err()));
    }
}

#[test]
fn labels_are_the_golden_ones() {
    for name in COMMITTED {
        let golden = Golden::of("dbscan", name);
        let (data, dim) = golden.rows();
        check::<f64>(&golden, "/fits", &data, dim);
        check::<f32>(&golden, "/fits", &data, dim);
    }
}

#[test]
fn labels_of_sets_that_may_not_be_passed_on_are_the_golden_ones() {
    for other in others(&SMALL) {
        // In f64 only: rounded to f32, these rows have other distances, some beyond eps.
        check::<f64>(&other.golden, "/dbscan", &other.data, other.dim);
    }
}
