//! DBSCAN on arbitrary rows against its definition: all pairs in f64. Never a panic; bad input is
//! an error.
#![no_main]

use arbitrary::Arbitrary;
use enfold::{Cpu, Dbscan, NONE, Rows};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    dim: u8,
    eps: Eps,
    min_samples: u8,
    rows: Vec<Value>,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Eps {
    /// Squares of lattice distances: rows exactly eps apart.
    Lattice(u8),
    Bits(u64),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Value {
    Small(i8),
    Fine(i16),
    Bits(u32),
}

fn distance(x: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(y).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}

fuzz_target!(|input: Input| {
    let dim = usize::from(input.dim % 12) + 1;
    let value = |v: &Value| match *v {
        Value::Small(v) => f32::from(v % 16),
        Value::Fine(v) => f32::from(v) / 256.0,
        Value::Bits(v) => f32::from_bits(v),
    };
    let mut data: Vec<f32> = input.rows.iter().take(600).map(value).collect();
    data.truncate(data.len() / dim * dim);
    let eps = match input.eps {
        Eps::Lattice(v) => f64::from(v % 64).sqrt(),
        Eps::Bits(v) => f64::from_bits(v),
    };
    let need = usize::from(input.min_samples % 9);
    let rows = Rows::new(&data[..], dim).expect("whole rows");
    let Ok(fit) = Dbscan::new(eps, need).fit(&Cpu::<f32>::new(), rows) else {
        let far = data.iter().any(|v| !v.is_finite() || v.abs() > 1e15);
        assert!(far || need == 0 || !eps.is_finite() || eps <= 0.0, "refused without a reason");
        return;
    };
    let row = |i: usize| &data[i * dim..(i + 1) * dim];
    let n = rows.len();
    let near = |i: usize, j: usize| distance(row(i), row(j)) <= eps;
    let core: Vec<bool> = (0..n).map(|i| (0..n).filter(|&j| near(i, j)).count() >= need).collect();
    let found: Vec<u32> = (0..n as u32).filter(|&i| core[i as usize]).collect();
    // Sums of more than a few terms may round differently in the last bit of f64.
    if dim > 4 && matches!(input.eps, Eps::Bits(_)) {
        return;
    }
    assert_eq!(fit.cores, found);
    for i in 0..n {
        let reach = (0..n).any(|j| core[j] && near(i, j));
        assert_eq!(fit.labels[i] == NONE, !reach, "row {i}");
        for j in 0..i {
            if core[i] && core[j] && near(i, j) {
                assert_eq!(fit.labels[i], fit.labels[j]);
            }
        }
    }
});
