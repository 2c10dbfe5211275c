//! What can be wrong with data, said so that the place can be found.

use std::fmt::{self, Display, Formatter};
use std::{error, io};

/// Why rows could not be had from a slice, an iterator or a file.
#[non_exhaustive]
#[derive(Debug)]
pub enum DataError {
    /// There is no row.
    Empty,
    /// There is no column.
    NoColumns,
    /// A row of another length than the first.
    Ragged {
        /// Its number, from 0.
        row: usize,
        /// Elements of the first row.
        expected: usize,
        /// Elements of this one.
        found: usize,
    },
    /// A slice that is not whole rows.
    Length {
        /// Its length.
        len: usize,
        /// Elements per row.
        dim: usize,
    },
    /// 2³²−1 rows or more in one table.
    TooManyRows {
        /// How many.
        rows: usize,
    },
    /// Not as many names as columns.
    Names {
        /// Columns.
        expected: usize,
        /// Names.
        found: usize,
    },
    /// A coordinate that is NaN, infinite, or too large for `f32`.
    NotFinite {
        /// The first such row, from 0.
        row: u64,
        /// Its first such column, from 0.
        column: usize,
    },
    /// A cell of a text file.
    Cell {
        /// Its line, from 1.
        line: u64,
        /// Its column, from 1.
        column: usize,
        /// The name of the column, where the file has names.
        name: Option<String>,
        /// What is wrong with it.
        problem: CellError,
    },
    /// A line of a text file with more or fewer cells than the first.
    Fields {
        /// Its number, from 1.
        line: u64,
        /// Cells of the first line.
        expected: usize,
        /// Cells of this one.
        found: usize,
    },
    /// A column was asked for that the file does not have.
    UnknownColumn(String),
    /// Bytes that are no .npy file that can be read here.
    Npy(NpyError),
    /// The file could not be read or written.
    Io(io::Error),
}

/// What is wrong with a cell of a text file.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellError {
    /// Empty, `NA`, `N/A`, `null` or `NaN`.
    Missing,
    /// No number; the first 40 characters of what stands there.
    Text(String),
    /// An infinity, or a number too large for `f32`.
    NotFinite,
}

/// What is wrong with a .npy file.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NpyError {
    /// It does not begin with `\x93NUMPY`.
    Magic,
    /// A version other than 1, 2 and 3.
    Version(u8),
    /// The header is cut short, longer than 64 KiB, or no dictionary of the three known keys.
    Header,
    /// An element type that is not a real number of 1, 2, 4 or 8 bytes (`f4`, `f8`, `i…`, `u…`).
    Type(String),
    /// Not one or two dimensions, or sizes whose product overflows.
    Shape,
    /// The file holds more or fewer bytes than its shape needs.
    Length {
        /// Bytes of elements that the header promises.
        expected: u64,
        /// Bytes that follow the header.
        found: u64,
    },
}

impl Display for DataError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no row"),
            Self::NoColumns => f.write_str("there is no column"),
            Self::Ragged { row, expected, found } => {
                write!(f, "row {row} has {found} elements, the first has {expected}")
            }
            Self::Length { len, dim } => write!(f, "{len} elements are no rows of {dim}"),
            Self::TooManyRows { rows } => write!(f, "{rows} rows are too many for one table"),
            Self::Names { expected, found } => write!(f, "{found} names for {expected} columns"),
            Self::NotFinite { row, column } => {
                write!(f, "row {row}, column {column}: not finite, or too large for f32")
            }
            Self::Cell { line, column, name, problem } => {
                write!(f, "line {line}, column {column}")?;
                name.iter().try_for_each(|name| write!(f, " ({name})"))?;
                write!(f, ": {problem}")
            }
            Self::Fields { line, expected, found } => {
                write!(f, "line {line} has {found} cells, the first line has {expected}")
            }
            Self::UnknownColumn(name) => write!(f, "there is no column `{name}`"),
            Self::Npy(e) => write!(f, "npy: {e}"),
            Self::Io(e) => write!(f, "{e}"),
        }
    }
}

impl Display for CellError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("a value is missing"),
            Self::Text(text) => write!(f, "`{text}` is no number"),
            Self::NotFinite => f.write_str("infinite, or too large for f32"),
        }
    }
}

impl Display for NpyError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("not a .npy file"),
            Self::Version(v) => write!(f, "unknown version {v}"),
            Self::Header => f.write_str("damaged header"),
            Self::Type(t) => write!(f, "elements of type `{t}` cannot be read as f32"),
            Self::Shape => f.write_str("not an array of one or two dimensions"),
            Self::Length { expected, found } => {
                write!(f, "the shape needs {expected} bytes, the file has {found}")
            }
        }
    }
}

impl error::Error for NpyError {}

impl error::Error for DataError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Npy(e) => Some(e),
            Self::Io(e) => Some(e),
            _ => None,
        }
    }
}

impl From<io::Error> for DataError {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

impl From<NpyError> for DataError {
    fn from(e: NpyError) -> Self {
        Self::Npy(e)
    }
}
