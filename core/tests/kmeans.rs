//! Batch k-means: answers known from elsewhere, and laws.

use enfold_core::kmeans::{Fit, Init};
use enfold_core::{KMeans, Rows};
use enfold_cpu::Cpu;

fn fit(options: &KMeans, data: &[f32], dim: usize) -> Fit<f32> {
    options.fit(&Cpu::<f32>::new(), Rows::new(data, dim).expect("fits")).unwrap()
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
fn a_given_start_is_taken() {
    let data = [0.0f32, 1.0, 10.0, 11.0];
    let options = KMeans::new(2).init(Init::given(&[0.0f32, 1.0]));
    let found = fit(&options, &data, 1);
    assert_eq!(found.model.centers, [0.5, 10.5]);
    assert_eq!(found.model.cost, 1.0);
}
