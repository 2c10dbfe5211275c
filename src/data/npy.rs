//! NumPy's .npy in batches: a file of any size through bounded memory; and a writer.
//!
//! Versions 1 to 3; `f4`, `f8`, `i1` … `i8`, `u1` … `u8` of either byte order; rows or columns
//! first. An array of one dimension is one column. The header is believed only where the length
//! of the file agrees with it, so a lying header cannot ask for memory. Format: `numpy.lib.format`
//! (NEP 1).
//!
//! ```
//! use std::io::Cursor;
//! use enfold::data::npy::{self, NpyBatches};
//! use enfold::Table;
//!
//! let table = Table::from_arrays(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])?;
//! let mut file = Cursor::new(Vec::new());
//! npy::write(&mut file, table.rows())?;
//! let rows: Vec<usize> = NpyBatches::new(file, 2)?
//!     .map(|batch| batch.map(|table| table.rows().len()))
//!     .collect::<Result<_, _>>()?;
//! assert_eq!(rows, [2, 1]);
//! # Ok::<(), enfold::DataError>(())
//! ```

mod header;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use enfold_core::Rows;

use super::{DataError, Table};
use header::{Header, Kind};

/// An iterator over the batches of a .npy file. Memory: one batch. Ends after the first error.
#[derive(Debug)]
pub struct NpyBatches<R> {
    reader: R,
    header: Header,
    next: u64,
    batch: u64,
    bytes: Vec<u8>,
}

impl NpyBatches<BufReader<File>> {
    /// Opens a file, to be read `batch` rows at a time (0 counts as 1).
    ///
    /// # Errors
    /// It cannot be read or is no .npy file of real numbers.
    pub fn open(path: impl AsRef<Path>, batch: usize) -> Result<Self, DataError> {
        Self::new(BufReader::new(File::open(path)?), batch)
    }
}

impl<R: Read + Seek> NpyBatches<R> {
    /// Reads from the beginning of `reader`, `batch` rows at a time (0 counts as 1).
    ///
    /// # Errors
    /// It cannot be read or is no .npy file of real numbers.
    pub fn new(mut reader: R, batch: usize) -> Result<Self, DataError> {
        let len = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(0))?;
        let header = Header::read(&mut reader, len)?;
        Ok(Self { reader, header, next: 0, batch: batch.max(1) as u64, bytes: Vec::new() })
    }

    /// Rows in the file.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.header.rows
    }

    /// Elements per row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.header.dim
    }

    fn batch(&mut self) -> Result<Table, DataError> {
        let start = self.next;
        let rows = self.batch.min(self.header.rows - start) as usize;
        self.next += rows as u64;
        let dim = self.header.dim;
        let mut values = vec![0.0; rows * dim];
        if self.header.columns_first {
            for t in 0..dim {
                let at = t as u64 * self.header.rows + start;
                self.run(at, rows, |i, value| values[i * dim + t] = value)?;
            }
        } else {
            self.run(start * dim as u64, rows * dim, |i, value| values[i] = value)?;
        }
        finite(Table::new(values, dim)?, start)
    }

    /// Reads `len` elements that stand next to each other in the file.
    fn run(&mut self, at: u64, len: usize, put: impl FnMut(usize, f32)) -> Result<(), DataError> {
        let size = self.header.kind.size();
        self.bytes.resize(len * size, 0);
        self.reader.seek(SeekFrom::Start(self.header.start + at * size as u64))?;
        self.reader.read_exact(&mut self.bytes)?;
        self.header.kind.decode(self.header.big_endian, &mut self.bytes, put);
        Ok(())
    }
}

impl<R: Read + Seek> Iterator for NpyBatches<R> {
    type Item = Result<Table, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.header.rows {
            return None;
        }
        let batch = self.batch();
        if batch.is_err() {
            self.next = self.header.rows;
        }
        Some(batch)
    }
}

/// Reads a whole file into one table. Memory: twice the table where the elements are `f8`.
///
/// # Errors
/// As [`NpyBatches`].
pub fn read_table(path: impl AsRef<Path>) -> Result<Table, DataError> {
    let batches = NpyBatches::open(path, 4096)?;
    let (mut values, dim) = (Vec::new(), batches.dim());
    for batch in batches {
        values.extend_from_slice(batch?.values());
    }
    Table::new(values, dim)
}

/// Writes rows as a .npy file: version 1, `<f4`, rows first.
///
/// # Errors
/// The writer's.
pub fn write(mut writer: impl Write, rows: Rows<'_, [f32]>) -> Result<(), DataError> {
    writer.write_all(&header::write(rows.len(), rows.dim()))?;
    for i in rows.start()..rows.end() {
        let bytes: Vec<u8> = rows.row(i).iter().flat_map(|v| v.to_le_bytes()).collect();
        writer.write_all(&bytes)?;
    }
    Ok(writer.flush()?)
}

/// The table, if all of it is finite; the row of the error counts from the start of the file.
fn finite(table: Table, start: u64) -> Result<Table, DataError> {
    match table.check_finite() {
        Err(DataError::NotFinite { row, column }) => {
            Err(DataError::NotFinite { row: row + start, column })
        }
        _ => Ok(table),
    }
}

impl Kind {
    /// Hands out the elements of `bytes` as `f32`, which for `f8`, `i4`, `i8` rounds.
    fn decode(self, big_endian: bool, bytes: &mut [u8], mut put: impl FnMut(usize, f32)) {
        let size = self.size();
        for (i, bytes) in bytes.chunks_exact_mut(size).enumerate() {
            if big_endian {
                bytes.reverse();
            }
            put(i, self.element(bytes));
        }
    }

    /// One element from its little-endian bytes.
    fn element(self, bytes: &[u8]) -> f32 {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        let bits = u64::from_le_bytes(word);
        // Shifting left and back again spreads the sign of a short integer.
        let unused = 64 - 8 * bytes.len() as u32;
        match self {
            Self::Float(4) => f32::from_bits(bits as u32),
            Self::Float(_) => f64::from_bits(bits) as f32,
            Self::Signed(_) => ((bits << unused) as i64 >> unused) as f32,
            Self::Unsigned(_) => bits as f32,
        }
    }
}
