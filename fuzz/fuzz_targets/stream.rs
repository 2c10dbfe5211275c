//! Streams of arbitrary sizes under arbitrary calls – rows with weights, the clock, merges,
//! snapshots – against a mirror that takes rows one by one through the provided bodies: the same
//! bytes after every call, also where one is refused; never a panic.
#![no_main]

use arbitrary::Arbitrary;
use enfold::store::{Owned, Sizes, Slots};
use enfold::stream::{HalfLife, Merge, NonFinite, Rebuild};
use enfold::{Alloc, Cpu, Rows, Stream, StreamOptions, StreamState};
use enfold_core::conformance::decorators::Bare;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    dim: u8,
    sizes: (u8, u8, u8),
    seed: u64,
    facility: bool,
    skip: bool,
    deferred: bool,
    half_life: Option<(bool, u8)>,
    batch: u8,
    calls: Vec<Call>,
    k: u8,
}

#[derive(Debug, Arbitrary)]
enum Call {
    Push(Vec<Value>, Option<Vec<Value>>),
    Decay(u16),
    Merge(u8, Vec<Value>),
    Restore,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Value {
    Small(i8),
    Fine(i16),
    Bits(u32),
}

impl Value {
    fn get(self) -> f32 {
        match self {
            Self::Small(v) => f32::from(v),
            Self::Fine(v) => f32::from(v) / 512.0 - 3e4,
            Self::Bits(v) => f32::from_bits(v),
        }
    }

    /// Mostly a weight that is taken.
    fn weight(self) -> f32 {
        match self {
            Self::Small(v) => f32::from(v.unsigned_abs()) / 4.0,
            other => other.get(),
        }
    }
}

impl Input {
    fn dim(&self) -> usize {
        usize::from(self.dim % 9) + 1
    }

    fn options(&self) -> StreamOptions {
        let life = |(rows, v): (bool, u8)| {
            let period = f64::from(v) + 0.5;
            if rows { HalfLife::Rows(period) } else { HalfLife::Time(period) }
        };
        StreamOptions::new()
            .seed(self.seed)
            .rebuild(if self.facility { Rebuild::Facility } else { Rebuild::Ward })
            .non_finite(if self.skip { NonFinite::Skip } else { NonFinite::Reject })
            .merge(if self.deferred { Merge::Deferred } else { Merge::Compact })
            .half_life(self.half_life.map_or(HalfLife::Never, life))
    }

    fn open<B: Alloc<Elem = f32> + Copy>(&self, b: B, batch: usize, number: u32) -> Host<B> {
        let sizes = Sizes {
            capacity: usize::from(self.sizes.0 % 40) + 2,
            batch,
            sample: usize::from(self.sizes.1 % 50),
            lists: usize::from(self.sizes.2 % 16) + 1,
        };
        let store = Slots::alloc(&b, self.dim(), sizes).unwrap();
        Stream::new(b, store, self.dim(), self.options().stream(number)).unwrap()
    }
}

type Host<B> = Stream<B, Owned<B>>;
type Machine = Cpu<f32>;

/// A stream and its mirror.
struct Both {
    fast: Host<Machine>,
    slow: Host<Bare<Machine>>,
    dim: usize,
}

impl Both {
    fn open(input: &Input, number: u32) -> Self {
        let batch = 1 + usize::from(input.batch % 7);
        let fast = input.open(Cpu::new(), 64, number);
        Self { fast, slow: input.open(Bare(Cpu::new()), batch, number), dim: input.dim() }
    }

    fn push(&mut self, values: &[Value], weights: Option<&[Value]>) {
        let data: Vec<f32> = values.iter().map(|v| v.get()).collect();
        let n = data.len() / self.dim;
        let of = |(i, w): (usize, &[Value])| w.get(i % w.len().max(1)).map_or(1.0, |w| w.weight());
        let weights: Option<Vec<f32>> = weights.map(|w| (0..n).map(|i| of((i, w))).collect());
        let rows = |from: usize, to: usize| {
            Rows::new(&data[from * self.dim..to * self.dim], self.dim).unwrap()
        };
        if self.fast.push(rows(0, n), weights.as_deref()).is_ok() {
            for i in 0..n {
                let weight = weights.as_ref().map(|w| &w[i..=i]);
                self.slow.push(rows(i, i + 1), weight).unwrap();
            }
        }
    }

    fn call(&mut self, call: &Call, input: &Input) {
        match call {
            Call::Push(rows, weights) => self.push(rows, weights.as_deref()),
            Call::Decay(time) => {
                let time = f64::from(*time) / 4.0;
                let done = self.fast.decay(time).is_ok();
                assert_eq!(done, self.slow.decay(time).is_ok());
            }
            Call::Merge(number, rows) => {
                let mut other = Self::open(input, u32::from(*number));
                other.push(rows, None);
                let done = self.fast.merge(&other.fast).is_ok();
                assert_eq!(done, self.slow.merge(&other.slow).is_ok());
            }
            Call::Restore => {
                let bytes = self.fast.to_bytes().unwrap();
                self.fast = input.open(Cpu::new(), 5, 0);
                self.fast.restore(&bytes).unwrap();
            }
        }
    }
}

fuzz_target!(|input: Input| {
    let mut both = Both::open(&input, 0);
    for call in input.calls.iter().take(20) {
        let before = (both.fast.weight(), both.fast.rows());
        both.call(call, &input);
        let bytes = both.fast.to_bytes().unwrap();
        assert_eq!(bytes, both.slow.to_bytes().unwrap(), "the state depends on the rows alone");
        if matches!(call, Call::Restore) {
            assert_eq!(before, (both.fast.weight(), both.fast.rows()));
        }
    }
    if let Ok(found) = both.fast.finish(usize::from(input.k % 12) + 1) {
        assert!(found.model.centers.iter().all(|c| c.is_finite()));
        let (least, most) = (found.least_cost, found.most_cost);
        assert!(found.model.cost >= 0.0, "{}", found.model.cost);
        assert!(least <= most, "{least} {most}");
    }
});
