//! Streams of arbitrary rows, weights, sizes and calls: no panic; weight is conserved; the state
//! does not depend on how rows were cut; a failed call changes nothing; snapshots come back.
#![no_main]

use arbitrary::Arbitrary;
use enfold::store::{Owned, Sizes, Slots};
use enfold::stream::{NonFinite, Rebuild};
use enfold::{Cpu, Rows, Stream, StreamOptions, StreamState};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    dim: u8,
    sizes: (u8, u8, u8),
    seed: u64,
    facility: bool,
    skip: bool,
    rows: Vec<Value>,
    weights: Option<Vec<u32>>,
    cut: u8,
    k: u8,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Value {
    Small(i8),
    Fine(i16),
    Bits(u32),
}

type Host = Stream<Cpu<f32>, Owned<Cpu<f32>>>;

fn open(input: &Input, dim: usize, batch: usize) -> Host {
    let rebuild = if input.facility { Rebuild::Facility } else { Rebuild::Ward };
    let policy = if input.skip { NonFinite::Skip } else { NonFinite::Reject };
    let options = StreamOptions::new().seed(input.seed).rebuild(rebuild).non_finite(policy);
    let sizes = Sizes {
        capacity: usize::from(input.sizes.0 % 40) + 2,
        batch,
        sample: usize::from(input.sizes.1 % 50),
        lists: usize::from(input.sizes.2 % 16) + 1,
    };
    let cpu = Cpu::new();
    Stream::new(cpu, Slots::alloc(&cpu, dim, sizes).unwrap(), dim, options).unwrap()
}

fuzz_target!(|input: Input| {
    let dim = usize::from(input.dim % 9) + 1;
    let value = |v: &Value| match *v {
        Value::Small(v) => f32::from(v),
        Value::Fine(v) => f32::from(v) / 512.0 - 3e4,
        Value::Bits(v) => f32::from_bits(v),
    };
    let data: Vec<f32> = input.rows.iter().map(value).collect();
    let n = data.len() / dim;
    let weights: Option<Vec<f32>> = input.weights.as_ref().map(|w| {
        (0..n).map(|i| f32::from_bits(w.get(i % w.len().max(1)).copied().unwrap_or(0))).collect()
    });
    let mut whole = open(&input, dim, 64);
    let mut cut = open(&input, dim, 1 + usize::from(input.cut % 7));
    let step = 1 + usize::from(input.cut);
    for from in (0..n).step_by(step) {
        let to = n.min(from + step);
        let rows = Rows::new(&data[from * dim..to * dim], dim).unwrap();
        let before = whole.to_bytes().unwrap();
        let result = whole.push(rows, weights.as_ref().map(|w| &w[from..to]));
        if result.is_err() {
            assert_eq!(before, whole.to_bytes().unwrap(), "a failed push changes nothing");
            continue;
        }
        // The same rows, one by one.
        for i in from..to {
            let row = Rows::new(&data[i * dim..][..dim], dim).unwrap();
            cut.push(row, weights.as_ref().map(|w| &w[i..=i])).unwrap();
        }
    }
    let bytes = whole.to_bytes().unwrap();
    assert_eq!(bytes, cut.to_bytes().unwrap(), "the state does not depend on the cuts");
    let mut back = open(&input, dim, 5);
    back.restore(&bytes).unwrap();
    assert_eq!(bytes, back.to_bytes().unwrap());
    if let Ok(found) = whole.finish(usize::from(input.k % 12) + 1) {
        assert!(found.model.centers.iter().all(|c| c.is_finite()));
        let (least, most) = (found.least_cost, found.most_cost);
        assert!(found.model.cost >= 0.0, "{}", found.model.cost);
        assert!(least <= most, "{least} {most}");
    }
});
