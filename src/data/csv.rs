//! CSV in batches: a file of any size through bounded memory.
//!
//! Every complaint names line and column (from 1), so that the cell can be looked at. Cells are
//! trimmed and read as `f32`. `NA`, `N/A`, `null`, `NaN` (in any case) and nothing at all mean
//! *missing*; infinities and numbers beyond `f32` are errors whatever the policy.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use ::csv::{ByteRecord, Reader, ReaderBuilder};

use super::{CellError, DataError, Table};

/// Whether the first line holds names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Header {
    /// Names if not one of its cells is a number.
    #[default]
    Detect,
    /// Names.
    Present,
    /// Data.
    Absent,
}

/// What to do about a row with a missing value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// Stop with its line and column.
    #[default]
    Error,
    /// Leave the row out and count it.
    Skip,
}

/// How to read a CSV file.
///
/// ```
/// use enfold::data::csv::{CsvOptions, Missing};
/// let options = CsvOptions { delimiter: b';', missing: Missing::Skip, ..Default::default() };
/// # let _ = options;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// What stands between cells: `b','` unless told.
    pub delimiter: u8,
    /// Whether the first line holds names.
    pub header: Header,
    /// What to do about missing values.
    pub missing: Missing,
    /// The columns to read, by name, in this order; all where empty.
    pub columns: Vec<String>,
    /// Rows per batch, at least 1: 4096 unless told.
    pub batch: usize,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: b',',
            header: Header::default(),
            missing: Missing::default(),
            columns: Vec::new(),
            batch: 4096,
        }
    }
}

/// An iterator over the batches of a CSV file. Memory: one batch. Ends after the first error.
///
/// ```
/// use enfold::data::csv::{CsvBatches, CsvOptions};
/// let text = "lat,long\n52.5,13.4\n48.9,2.4\n";
/// let batches = CsvBatches::new(text.as_bytes(), CsvOptions::default())?;
/// assert_eq!(batches.names(), ["lat", "long"]);
/// for table in batches {
///     assert_eq!(table?.rows().len(), 2);
/// }
/// # Ok::<(), enfold::DataError>(())
/// ```
#[derive(Debug)]
pub struct CsvBatches<R> {
    reader: Reader<Lines<R>>,
    record: ByteRecord,
    /// Line that the record begins in.
    line: u64,
    /// The first record is data and has not been taken yet.
    held: bool,
    picked: Vec<usize>,
    width: usize,
    names: Arc<[String]>,
    options: CsvOptions,
    skipped: u64,
    done: bool,
}

impl CsvBatches<File> {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be read, is empty, or lacks a column that is asked for.
    pub fn open(path: impl AsRef<Path>, options: CsvOptions) -> Result<Self, DataError> {
        Self::new(File::open(path)?, options)
    }
}

impl<R: Read> CsvBatches<R> {
    /// Reads from anything; no need to buffer it.
    ///
    /// # Errors
    /// It cannot be read, is empty, or lacks a column that is asked for.
    pub fn new(reader: R, options: CsvOptions) -> Result<Self, DataError> {
        let mut builder = ReaderBuilder::new();
        builder.delimiter(options.delimiter).has_headers(false).flexible(true);
        let (mut reader, mut record) = (builder.from_reader(Lines::new(reader)), ByteRecord::new());
        if !read(&mut reader, &mut record)? {
            return Err(DataError::Empty);
        }
        let line = line(&mut reader, &record);
        let header = is_header(&record, options.header);
        let names = if header { cells(&record).collect() } else { Vec::new() };
        let picked = pick(&options.columns, &names, record.len())?;
        let names = if header { picked.iter().map(|&t| names[t].clone()).collect() } else { names };
        let (width, names) = (record.len(), names.into());
        let (held, skipped, done) = (!header, 0, false);
        Ok(Self { reader, record, line, held, picked, width, names, options, skipped, done })
    }

    /// The names of the columns that are read; empty where the file has none.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Elements per row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.picked.len()
    }

    /// Rows left out so far because of missing values.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Fills one batch; `None` at the end of the file.
    fn batch(&mut self) -> Result<Option<Table>, DataError> {
        let (mut values, mut rows) = (Vec::new(), 0);
        while rows < self.options.batch.max(1) && self.advance()? {
            let start = values.len();
            match self.parse(&mut values) {
                Ok(()) => rows += 1,
                Err(e) => {
                    self.forgive(e)?;
                    values.truncate(start);
                }
            }
        }
        if rows == 0 {
            return Ok(None);
        }
        let table = Table::new(values, self.dim())?;
        if self.names.is_empty() {
            return Ok(Some(table));
        }
        table.with_shared_names(Arc::clone(&self.names)).map(Some)
    }

    /// Moves to the next record of data.
    fn advance(&mut self) -> Result<bool, DataError> {
        if std::mem::take(&mut self.held) {
            return Ok(true);
        }
        if !read(&mut self.reader, &mut self.record)? {
            return Ok(false);
        }
        self.line = line(&mut self.reader, &self.record);
        let (expected, found) = (self.width, self.record.len());
        if found != expected {
            return Err(DataError::Fields { line: self.line, expected, found });
        }
        Ok(true)
    }

    /// Appends the picked cells of the current record.
    fn parse(&self, values: &mut Vec<f32>) -> Result<(), DataError> {
        for (i, &t) in self.picked.iter().enumerate() {
            let value = parse(&self.record[t]).map_err(|problem| DataError::Cell {
                line: self.line,
                column: t + 1,
                name: self.names.get(i).cloned(),
                problem,
            })?;
            values.push(value);
        }
        Ok(())
    }

    /// Counts a row that the policy leaves out; gives back any other error.
    fn forgive(&mut self, e: DataError) -> Result<(), DataError> {
        let missing = matches!(e, DataError::Cell { problem: CellError::Missing, .. });
        if !missing || self.options.missing == Missing::Error {
            return Err(e);
        }
        self.skipped += 1;
        Ok(())
    }
}

impl<R: Read> Iterator for CsvBatches<R> {
    type Item = Result<Table, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let batch = self.batch();
        self.done = !matches!(batch, Ok(Some(_)));
        batch.transpose()
    }
}

/// Reads a whole file into one table. Memory: the table.
///
/// # Errors
/// As [`CsvBatches`]; [`DataError::Empty`] where no row is left.
pub fn read_table(path: impl AsRef<Path>, options: CsvOptions) -> Result<Table, DataError> {
    let mut batches = CsvBatches::open(path, options)?;
    let mut values = Vec::new();
    for batch in batches.by_ref() {
        values.extend_from_slice(batch?.values());
    }
    let table = Table::new(values, batches.dim())?;
    if batches.names.is_empty() { Ok(table) } else { table.with_shared_names(batches.names) }
}

/// A reader that remembers where lines end, until they are asked for. The csv crate counts from
/// before the blank lines that it skips and does not see the second half of a `\r\n` in time.
#[derive(Debug)]
struct Lines<R> {
    inner: R,
    read: u64,
    ends: VecDeque<u64>,
    passed: u64,
}

impl<R> Lines<R> {
    fn new(inner: R) -> Self {
        Self { inner, read: 0, ends: VecDeque::new(), passed: 0 }
    }

    /// The line of the last byte before `offset`.
    fn line_before(&mut self, offset: u64) -> u64 {
        let mut last = None;
        while self.ends.front().is_some_and(|&end| end < offset) {
            last = self.ends.pop_front();
            self.passed += 1;
        }
        let closed = last.is_some_and(|end| end + 1 == offset);
        1 + self.passed - u64::from(closed)
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(out)?;
        let ends = (self.read..).zip(&out[..len]).filter(|(_, byte)| **byte == b'\n');
        self.ends.extend(ends.map(|(at, _)| at));
        self.read += len as u64;
        Ok(len)
    }
}

fn read<R: Read>(reader: &mut Reader<R>, record: &mut ByteRecord) -> Result<bool, DataError> {
    reader.read_byte_record(record).map_err(|e| DataError::Io(io::Error::from(e)))
}

/// The line that the record just read begins in.
fn line<R: Read>(reader: &mut Reader<Lines<R>>, record: &ByteRecord) -> u64 {
    let end = reader.position().byte();
    let breaks = record.as_slice().iter().filter(|byte| **byte == b'\n').count();
    reader.get_mut().line_before(end) - breaks as u64
}

fn cells(record: &ByteRecord) -> impl Iterator<Item = String> {
    record.iter().map(|cell| String::from_utf8_lossy(cell.trim_ascii()).into_owned())
}

fn is_header(first: &ByteRecord, header: Header) -> bool {
    match header {
        Header::Present => true,
        Header::Absent => false,
        // A missing cell is no name either, but a column without one is common.
        Header::Detect => {
            first
                .iter()
                .all(|cell| matches!(parse(cell), Err(CellError::Text(_) | CellError::Missing)))
                && first.iter().any(|cell| matches!(parse(cell), Err(CellError::Text(_))))
        }
    }
}

/// Where the asked columns stand; all of them where none are asked for.
fn pick(asked: &[String], names: &[String], width: usize) -> Result<Vec<usize>, DataError> {
    if asked.is_empty() {
        return Ok((0..width).collect());
    }
    let find = |name: &String| names.iter().position(|n| n == name);
    asked
        .iter()
        .map(|name| find(name).ok_or_else(|| DataError::UnknownColumn(name.clone())))
        .collect()
}

fn parse(cell: &[u8]) -> Result<f32, CellError> {
    let cell = cell.trim_ascii();
    let missing = [&b""[..], b"na", b"n/a", b"null", b"nan"];
    if missing.iter().any(|word| cell.eq_ignore_ascii_case(word)) {
        return Err(CellError::Missing);
    }
    let value = std::str::from_utf8(cell).ok().and_then(|text| text.parse::<f32>().ok());
    match value {
        Some(value) if value.is_finite() => Ok(value),
        Some(_) => Err(CellError::NotFinite),
        None => Err(CellError::Text(excerpt(cell))),
    }
}

fn excerpt(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell).chars().take(40).collect()
}
