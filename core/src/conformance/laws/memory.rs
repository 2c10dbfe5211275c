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

/// Several buffers, also none and empty ones, read at once are what each holds from its start.
pub fn read_all_reads_each_from_its_start<B: Alloc>(b: &B) {
    b.read_all::<i64>(&mut []).expect(FINE);
    for lens in LENGTHS.windows(3) {
        let kept: Vec<Vec<i64>> =
            lens.iter().map(|&len| (0..len).map(|i| (i as i64 - 9) << 33).collect()).collect();
        let on: Vec<_> = kept.iter().map(|kept| put(b, kept)).collect();
        // The second is read in part.
        let wanted = [lens[0], lens[1] / 2, lens[2]];
        let mut read = wanted.map(|len| vec![0; len]);
        let mut parts: Vec<_> =
            on.iter().map(view::<B, i64>).zip(read.iter_mut().map(Vec::as_mut_slice)).collect();
        b.read_all(&mut parts).expect(FINE);
        for ((kept, read), len) in kept.iter().zip(&read).zip(wanted) {
            assert_eq!(kept[..len], read[..], "{lens:?}");
        }
    }
}

/// Every job is done, none twice, and all before the call returns; also none and one. Those that are
/// handed the machine find what is theirs on it.
pub fn each_does_every_job_once<B: Alloc>(b: &B) {
    for len in LENGTHS.into_iter().chain([70_001]) {
        for part in [1, 3, 64, len.max(1)] {
            let mut done = vec![0u32; len];
            b.each(done.chunks_mut(part).enumerate(), |(at, part)| {
                part.iter_mut().for_each(|times| *times += 1 + at as u32);
            });
            let once = (0..len).map(|i| 1 + (i / part) as u32);
            assert!(done.iter().copied().eq(once), "{len} in parts of {part}");
        }
    }
    for jobs in [0, 1, 2, 9] {
        let mut done = vec![vec![]; jobs];
        b.each_with(done.iter_mut().enumerate(), |b, (at, done)| {
            let held = put(b, &vec![at as u32; 1 + at]);
            done.extend(get::<B, u32>(b, &held));
        });
        let own = (0..jobs).map(|at| vec![at as u32; 1 + at]);
        assert!(done.into_iter().eq(own), "{jobs} jobs with the machine");
    }
}

/// What differs is counted, added to the count, and nothing beside it changes.
pub fn count_changed_counts_positions_that_differ<B: Alloc>(b: &B) {
    for len in LENGTHS.into_iter().chain([70_001]) {
        let before: Vec<u32> = (0..len as u32).map(|i| i.wrapping_mul(0x9E37_79B9)).collect();
        for every in [1, 2, 7, usize::MAX] {
            let after: Vec<u32> =
                before.iter().enumerate().map(|(i, v)| v ^ u32::from(i % every == 0)).collect();
            for part in [len, len - len / 3] {
                let (old, new) = (put(b, &before), put(b, &after));
                let start = [(1i64 << 33) - 1, -4];
                let mut count = put(b, &start);
                let (x, y) = (view::<B, u32>(&old), view::<B, u32>(&new));
                b.count_changed(x, y, part, view_mut::<B, i64>(&mut count)).expect(FINE);
                let expected = start[0] + part.div_ceil(every) as i64;
                assert_eq!(get(b, &count), [expected, start[1]], "{part} of {len} by {every}");
            }
        }
    }
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
