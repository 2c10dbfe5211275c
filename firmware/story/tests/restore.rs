//! Whatever stands in flash, `restore` answers: an error that changes nothing, or a state that
//! works. `ENFOLD_RESTORE_RUNS` says how many times.

use enfold_core::anomaly::{Cell, Detector, Options};
use enfold_core::durable::{self, HEADER};
use enfold_core::random::Draws;
use enfold_core::snapshot::crc32;

type Small<T> = Detector<T, 3, 2>;

const LEN: usize = Small::<f32>::CHECKPOINT;
const OPTIONS: Options = Options::new().front(8).train(20).price(0.5).gate(f32::INFINITY);
/// Words that break arithmetic: zeros, ones, the ends, NaN, infinities, subnormal and huge floats.
const WORDS: [u32; 12] = [
    0,
    1,
    u32::MAX,
    1 << 31,
    0x7FC0_0000,
    0x7F80_0000,
    0xFF80_0000,
    0x7F7F_FFFF,
    0x7149_F2CA,
    0x0080_0000,
    4096,
    65535,
];

fn runs() -> u64 {
    let runs = std::env::var("ENFOLD_RESTORE_RUNS").ok();
    runs.map_or(1_000_000, |runs| runs.parse().expect("a number of runs"))
}

fn saved<T: Cell>(detector: &Small<T>) -> [u8; LEN] {
    let mut out = [0; LEN];
    assert_eq!(detector.checkpoint(&mut out), Ok(LEN));
    out
}

fn row(t: u64) -> [f32; 2] {
    [(t * 7 % 11) as f32 + (t / 9 % 3) as f32 * 20.0, (t * 5 % 13) as f32]
}

fn after<T: Cell>(rows: u64) -> Small<T> {
    let mut detector = Small::new(OPTIONS);
    (0..rows).for_each(|t| assert!(detector.watch(&row(t)).is_ok()));
    detector
}

/// A state as bytes, damaged: bytes and words replaced, bits flipped, cut short or too long, and
/// often a checksum that fits.
fn damaged(good: &[u8; LEN], draws: &Draws, run: u64) -> Vec<u8> {
    let mut bad = good.to_vec();
    let below = |j, n: usize| draws.below(run, j, n as u64) as usize;
    for edit in 0..below(0, 6) as u32 {
        let (kind, at, value) = (1 + 3 * edit, 2 + 3 * edit, 3 + 3 * edit);
        match below(kind, 3) {
            0 => bad[below(at, LEN)] = below(value, 256) as u8,
            1 => bad[below(at, LEN)] ^= 1 << below(value, 8),
            _ => {
                let word = WORDS[below(value, WORDS.len())].to_le_bytes();
                let place = 4 * below(at, LEN / 4);
                bad[place..place + 4].copy_from_slice(&word);
            }
        }
    }
    match below(30, 8) {
        0 => bad.truncate(below(31, LEN)),
        1 => bad.extend(core::iter::repeat_n(below(31, 256) as u8, below(32, 40))),
        2..=5 => seal(&mut bad),
        _ => {}
    }
    bad
}

/// Makes the checksum at the end fit.
fn seal(bytes: &mut [u8]) {
    if let Some((body, sum)) = bytes.split_last_chunk_mut::<4>() {
        *sum = crc32(body).to_le_bytes();
    }
}

fn noise(draws: &Draws, run: u64) -> Vec<u8> {
    let len = draws.below(run, 40, 2 * LEN as u64);
    (0..len).map(|at| draws.below(run, 100 + at as u32, 256) as u8).collect()
}

/// Restores; whether the bytes were a state.
fn try_restore<T: Cell>(detector: &mut Small<T>, bytes: &[u8]) -> bool {
    let before = detector.clone();
    let good = detector.restore(bytes).is_ok();
    if good {
        assert_eq!(saved(detector), *bytes, "what loads is what was written");
        for t in 0..24 {
            let verdict = detector.watch(&row(t * 31)).expect("a good row");
            assert!(verdict.score.is_none_or(|score| score.value.is_finite()), "{bytes:?}");
        }
    }
    // NaN anywhere in it would differ from itself.
    assert!(*detector == detector.clone(), "NaN after {bytes:?}");
    assert!(good || *detector == before, "an error changes nothing");
    good
}

/// Damaged records in both slots: what is found is what was written, or nothing.
fn try_slots(good: &[u8; LEN], draws: &Draws, run: u64) {
    let mut slots = [[0xFF; HEADER + LEN]; 2];
    for (slot, sequence) in slots.iter_mut().zip(1..) {
        slot[HEADER..].copy_from_slice(good);
        assert_eq!(durable::seal(slot, sequence, LEN), Ok(HEADER + LEN));
        let cut = draws.below(run, 50 + sequence, 3 * LEN as u64) as usize;
        if let Some(rest) = slot.get_mut(cut..) {
            rest.fill(0xFF);
        }
        let bit = draws.below(run, 60 + sequence, 16 * LEN as u64) as usize;
        if let Some(byte) = slot.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    }
    let [a, b] = &slots;
    for payload in durable::newest([&a[..], &b[..]]) {
        assert_eq!(payload, good, "a damaged record passes for a good one");
    }
}

fn shaken<T: Cell>(runs: u64) -> u64 {
    let draws = Draws::new(11, u32::from(T::CODE));
    let states = [0, 5, 8, 15, 20, 60].map(after::<T>);
    let goods = states.each_ref().map(saved);
    let mut detector = states[5].clone();
    let mut loaded = 0;
    for run in 0..runs {
        let good = &goods[draws.below(run, 90, 6) as usize];
        let bytes = if run % 8 == 7 { noise(&draws, run) } else { damaged(good, &draws, run) };
        loaded += u64::from(try_restore(&mut detector, &bytes));
        try_slots(good, &draws, run);
    }
    loaded
}

#[test]
fn no_bytes_break_restore() {
    let runs = runs();
    for loaded in [shaken::<f32>(runs / 2), shaken::<i16>(runs / 2)] {
        // Both sides are met.
        assert!(loaded > runs / 50 && loaded < runs / 3, "{loaded} of {} loaded", runs / 2);
    }
}

#[test]
fn every_cut_and_every_flipped_bit_is_refused() {
    let good = saved(&after::<i16>(60));
    let mut detector = after::<i16>(5);
    (0..LEN).for_each(|len| assert!(!try_restore(&mut detector, &good[..len])));
    for bit in 0..8 * LEN {
        let mut bad = good;
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(!try_restore(&mut detector, &bad), "bit {bit}");
        // The same with a checksum that fits: refused, or a state that works.
        seal(&mut bad);
        try_restore(&mut after::<i16>(5), &bad);
    }
}
