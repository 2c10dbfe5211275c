//! Arbitrary bytes, and damaged checkpoints, into a detector; arbitrary rows into what loads:
//! errors change nothing, scores are finite.
#![no_main]

use enfold_core::anomaly::{Detector, Options};
use enfold_core::durable;
use enfold_core::snapshot::crc32;
use libfuzzer_sys::fuzz_target;

type Small = Detector<i16, 3, 2>;

fn saved(detector: &Small) -> Vec<u8> {
    let mut out = vec![0; Small::CHECKPOINT];
    detector.checkpoint(&mut out).unwrap();
    out
}

fn trained() -> Small {
    let mut detector = Small::new(Options::new().front(8).train(20));
    for t in 0..40u32 {
        detector.watch(&[(t * 7 % 11) as f32, (t * 5 % 13) as f32]).unwrap();
    }
    detector
}

fn try_restore(bytes: &[u8], rows: &[u8]) {
    let mut detector = trained();
    let before = saved(&detector);
    if detector.restore(bytes).is_err() {
        assert_eq!(before, saved(&detector), "an error changes nothing");
    } else {
        assert_eq!(bytes, saved(&detector));
    }
    for row in rows.chunks_exact(8) {
        let value = |at: usize| f32::from_le_bytes(row[at..at + 4].try_into().unwrap());
        let before = detector.clone();
        match detector.watch(&[value(0), value(4)]) {
            Ok(verdict) => assert!(verdict.score.is_none_or(|score| score.value.is_finite())),
            Err(_) => assert_eq!(saved(&before), saved(&detector), "a reject changes nothing"),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (edits, rows) = bytes.split_at(bytes.len() / 2);
    try_restore(bytes, rows);
    let _ = durable::open(bytes);
    let _ = durable::newest([edits, rows]).count();
    // A good checkpoint with some bytes replaced, and a checksum that fits them.
    let mut damaged = saved(&trained());
    let end = damaged.len() - 4;
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % end;
        damaged[at] = edit[2];
    }
    let sum = crc32(&damaged[..end]);
    damaged[end..].copy_from_slice(&sum.to_le_bytes());
    try_restore(&damaged, rows);
});
