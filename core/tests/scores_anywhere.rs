//! Scores on other backends: four functions suffice, a failing machine is an error, memory is
//! bounded.
#![cfg(feature = "conformance")]
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use core::borrow::{Borrow, BorrowMut};

use enfold_core::conformance::decorators::{Bare, Faulty, Opaque, Traced};
use enfold_core::scores::{
    Silhouette, calinski_harabasz, davies_bouldin, inertia, trustworthiness,
};
use enfold_core::{Alloc, Error, ErrorKind, Metric, rows};
use enfold_cpu::Cpu;

const DIM: usize = 3;

/// Small integers, so that duplicates and ties are many.
fn cell(at: usize) -> f32 {
    (at * at % 11 + at / DIM % 2 * 9) as f32
}

/// Every score of `n` rows that stand on the backend.
fn scores<B: Alloc<Elem = f32>>(b: &B, n: usize) -> Result<[f64; 7], Error<B::Error>> {
    let data: Vec<f32> = (0..n * DIM).map(cell).collect();
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
    let mut buffer = b.alloc::<f32>(data.len()).map_err(Error::Backend)?;
    b.write(buffer.borrow_mut(), 0, &data).map_err(Error::Backend)?;
    let rows = rows::<B>(buffer.borrow(), DIM)?;
    let silhouette = |metric| Silhouette::new().metric(metric).score(b, rows, &labels);
    Ok([
        silhouette(Metric::Euclidean)?,
        silhouette(Metric::SqEuclidean)?,
        silhouette(Metric::Chebyshev)?,
        calinski_harabasz(b, rows, &labels)?,
        davies_bouldin(b, rows, &labels)?,
        inertia(b, rows, rows.range(2, 5)?)?,
        trustworthiness(b, rows, Metric::Manhattan, rows, 4)?,
    ])
}

#[test]
fn four_functions_suffice() {
    let n = 130;
    let own = scores(&Cpu::<f32>::new(), n).unwrap();
    for found in
        [scores(&Bare(Cpu::<f32>::new()), n).unwrap(), scores(&Opaque::<f32>::new(), n).unwrap()]
    {
        for (at, (own, found)) in own.iter().zip(&found).enumerate() {
            assert!((own - found).abs() <= 1e-6 * own.abs(), "score {at}: {found} for {own}");
        }
        assert_eq!(found[3..], own[3..], "what hangs on decisions is the same to the bit");
    }
}

#[test]
fn every_failure_of_the_machine_is_an_error() {
    let counter = Faulty::never(Cpu::<f32>::new());
    scores(&counter, 20).unwrap();
    assert!(counter.calls() > 30);
    for failing in 0..counter.calls() {
        let b = Faulty::new(Cpu::<f32>::new(), failing, ErrorKind::OutOfMemory);
        assert!(matches!(scores(&b, 20), Err(Error::Backend(_))), "call {failing}");
    }
}

#[test]
fn a_silhouette_holds_rows_not_pairs() {
    let memory = |n: usize, k: u32| {
        let data: Vec<f32> = (0..n * DIM).map(cell).collect();
        let labels: Vec<u32> = (0..n as u32).map(|i| i % k).collect();
        let (b, rows) = (Traced::new(Cpu::<f32>::new()), enfold_core::Rows::new(&data[..], DIM));
        Silhouette::new().score(&b, rows.unwrap(), &labels).unwrap();
        b.bytes_allocated()
    };
    assert_eq!(memory(1000, 3), 4 * 1000 * (1 + 3));
    let tile = 4 << 22;
    assert!(memory(9000, 3000) <= 4 * 9000 + tile, "many clusters are scored in tiles");
}
