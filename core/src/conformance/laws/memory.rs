//! Laws of memory: what is written is read, in order, and nothing else changes.

use std::vec;
use std::vec::Vec;

use bytemuck::Pod;
use num_traits::{Float, One};

use crate::backend::{Alloc, Backend};
use crate::conformance::bed::{Entries, FINE, bits, get, put, view, view_mut};
use crate::conformance::cases::{Family, of};
use crate::element::Element;

use super::on;

const LENGTHS: [usize; 12] = [0, 1, 2, 3, 7, 63, 64, 65, 127, 128, 129, 1000];

/// A new buffer has the length that was asked for and holds zeros.
pub fn new_buffers_hold_zeros<B: Alloc>(b: &B) {
    for len in LENGTHS {
        assert_eq!(fresh::<B, u32>(b, len), vec![0; len]);
        assert_eq!(fresh::<B, i64>(b, len), vec![0; len]);
        assert_eq!(bits(&fresh::<B, B::Elem>(b, len)), vec![0; len]);
    }
}

fn fresh<B: Alloc, T: Pod>(b: &B, len: usize) -> Vec<T> {
    get(b, &b.alloc::<T>(len).expect(FINE))
}

/// A write changes its range and nothing beside it; a read gives what was written.
pub fn what_is_written_is_read<B: Alloc>(b: &B) {
    round_trip::<B, u32>(b, |v| v as u32);
    round_trip::<B, i64>(b, |v| (v as i64) << 33);
    round_trip::<B, f64>(b, |v| v as f64 / 7.0);
    round_trip::<B, f32>(b, |v| v as f32 / 7.0);
}

fn round_trip<B: Alloc, T: Pod + PartialEq + core::fmt::Debug>(b: &B, of: impl Fn(usize) -> T) {
    for len in LENGTHS {
        for (at, part) in [(0, len), (len / 2, len - len / 2), (len / 3, len / 3), (len, 0)] {
            let mut expected: Vec<T> = (0..len).map(|i| of(i + 1)).collect();
            let mut buffer = put(b, &expected);
            let new: Vec<T> = (0..part).map(|i| of(1000 + i)).collect();
            b.write(view_mut::<B, T>(&mut buffer), at, &new).expect(FINE);
            expected[at..at + part].copy_from_slice(&new);
            assert_eq!(get(b, &buffer), expected, "{part} of {len} at {at}");
            let mut read = vec![T::zeroed(); part];
            b.read(view::<B, T>(&buffer), at, &mut read).expect(FINE);
            assert_eq!(read, new, "read {part} of {len} at {at}");
        }
    }
}

/// `copy` moves its range, to the bit, and leaves the rest; `fill` sets every element.
pub fn copy_and_fill_do_what_they_say<B: Alloc>(b: &B) {
    for len in LENGTHS {
        let src: Vec<B::Elem> = (0..len).map(|i| B::Elem::of_f64(i as f64 - 0.1)).collect();
        for (from, to, part) in [(0, 0, len), (len / 2, 0, len / 3), (len / 4, len / 2, len / 3)] {
            let (source, mut target) = (put(b, &src), put(b, &vec![B::Elem::one(); len]));
            let (s, d) = (view::<B, B::Elem>(&source), view_mut::<B, B::Elem>(&mut target));
            b.copy(s, from, d, to, part).expect(FINE);
            let mut expected = vec![B::Elem::one(); len];
            expected[to..to + part].copy_from_slice(&src[from..from + part]);
            assert_eq!(bits(&get(b, &target)), bits(&expected), "{part} from {from} to {to}");
        }
        filled::<B, u32>(b, len, 7);
        filled::<B, i64>(b, len, i64::MIN + 5);
        filled::<B, f32>(b, len, -0.25);
    }
}

fn filled<B: Alloc, T: Pod + PartialEq + core::fmt::Debug>(b: &B, len: usize, value: T) {
    let mut buffer = b.alloc::<T>(len).expect(FINE);
    b.fill(view_mut::<B, T>(&mut buffer), value).expect(FINE);
    assert_eq!(get(b, &buffer), vec![value; len]);
}

/// Calls act one after another, whether or not the caller waits in between (semantics 5).
pub fn calls_act_in_order<B: Alloc>(b: &B) {
    on(b, of(Family::Clustered), |bed| {
        let run = |wait: bool| {
            let pause = || {
                if wait {
                    b.sync().expect(FINE);
                }
            };
            let empty = Entries::<B::Elem>::empty(bed.x_rows(), 2, &(0..bed.x_rows()));
            let (mut dist, mut index) = (put(b, &empty.dist), put(b, &empty.index));
            let parts = bed.narrowed();
            let (d, i) = (view_mut::<B, B::Elem>(&mut dist), view_mut::<B, u32>(&mut index));
            for pairs in parts {
                let best = crate::backend::Nearest { k: 2, dist: &mut *d, index: &mut *i };
                b.nearest(pairs, best).expect(FINE);
                pause();
            }
            let mut kept = b.alloc::<B::Elem>(empty.dist.len()).expect(FINE);
            let k = view_mut::<B, B::Elem>(&mut kept);
            b.copy(d, 0, k, 0, <B as Backend>::len::<B::Elem>(d)).expect(FINE);
            pause();
            b.fill(d, B::Elem::infinity()).expect(FINE);
            pause();
            (bits(&get(b, &dist)), bits(&get(b, &kept)), get(b, &index))
        };
        assert_eq!(run(false), run(true), "{:?}", bed.scene.case);
    });
}
