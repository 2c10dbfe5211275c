//! Arbitrary bytes as CSV and .npy files: rows, or an error; never a panic.
#![no_main]

use std::io::Cursor;

use enfold::data::csv::{CsvBatches, CsvOptions};
use enfold::data::npy::NpyBatches;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(batches) = CsvBatches::new(bytes, CsvOptions::default()) {
        for batch in batches.take_while(Result::is_ok) {
            assert!(batch.is_ok_and(|table| table.dim() > 0));
        }
    }
    if let Ok(batches) = NpyBatches::new(Cursor::new(bytes), 16) {
        for batch in batches.take_while(Result::is_ok) {
            assert!(batch.is_ok_and(|table| table.dim() > 0));
        }
    }
    // Anything after a valid header.
    let header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n";
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    npy.extend((header.len() as u16).to_le_bytes());
    npy.extend(header);
    npy.extend(bytes);
    if let Ok(batches) = NpyBatches::new(Cursor::new(npy), 2) {
        for batch in batches.take_while(Result::is_ok) {
            assert!(batch.is_ok_and(|table| table.rows().len() <= 3));
        }
    }
});
