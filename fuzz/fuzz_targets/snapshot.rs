//! Arbitrary bytes, and damaged snapshots, into `restore`: an error that changes nothing, or a
//! state that works and writes the same bytes.
#![no_main]

use enfold::snapshot::crc32;
use enfold::store::{Owned, Sizes, Slots};
use enfold::{Cpu, Rows, Stream, StreamOptions, StreamState};
use libfuzzer_sys::fuzz_target;

type Host = Stream<Cpu<f32>, Owned<Cpu<f32>>>;

fn open() -> Host {
    let sizes = Sizes { capacity: 6, batch: 8, sample: 4, lists: 3 };
    let cpu = Cpu::new();
    Stream::new(cpu, Slots::alloc(&cpu, 2, sizes).unwrap(), 2, StreamOptions::new()).unwrap()
}

fn filled() -> Host {
    let mut stream = open();
    let data: Vec<f32> = (0..60u32).map(|i| (i * 37 % 23) as f32).collect();
    stream.push(Rows::new(&data[..], 2).unwrap(), None).unwrap();
    stream
}

fn try_restore(bytes: &[u8]) {
    let mut stream = filled();
    let before = stream.to_bytes().unwrap();
    match stream.restore(bytes) {
        Err(_) => assert_eq!(before, stream.to_bytes().unwrap(), "an error changes nothing"),
        Ok(()) => {
            let again = stream.to_bytes().unwrap();
            let mut twin = open();
            twin.restore(&again).unwrap();
            assert_eq!(again, twin.to_bytes().unwrap());
            let _ = stream.push(Rows::new(&[1.0f32, 2.0, -3.0, 4e4][..], 2).unwrap(), None);
            let _ = stream.finish(3);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    try_restore(bytes);
    // A valid snapshot with some bytes replaced, and a checksum that fits them.
    let mut damaged = filled().to_bytes().unwrap();
    let end = damaged.len() - 4;
    for edit in bytes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % end;
        damaged[at] = edit[2];
    }
    let sum = crc32(&damaged[..end]);
    damaged[end..].copy_from_slice(&sum.to_le_bytes());
    try_restore(&damaged);
});
