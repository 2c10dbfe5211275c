//! The header of a .npy file: a Python dictionary of three keys, read strictly.

use std::io::Read;

use crate::data::{DataError, NpyError};

/// Longer headers belong to record arrays, which are not read here.
const MAX_HEADER: u64 = 1 << 16;

/// What the elements are, with their size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Float(u8),
    Signed(u8),
    Unsigned(u8),
}

impl Kind {
    pub(super) fn size(self) -> usize {
        let (Self::Float(size) | Self::Signed(size) | Self::Unsigned(size)) = self;
        usize::from(size)
    }
}

/// A header that agrees with the length of its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
    pub(super) columns_first: bool,
    pub(super) rows: u64,
    pub(super) dim: usize,
    /// Where the elements begin.
    pub(super) start: u64,
}

impl Header {
    /// Reads the header of a file of `len` bytes.
    pub(super) fn read(reader: &mut impl Read, len: u64) -> Result<Self, DataError> {
        let (text, start) = dictionary_text(reader, len)?;
        let dictionary = Parser { rest: &text }.dictionary();
        let (descr, columns_first, sizes) = dictionary.ok_or(NpyError::Header)?;
        let (kind, big_endian) = element_type(&descr)?;
        let (rows, dim) = shape(&sizes)?;
        let header = Self { kind, big_endian, columns_first, rows, dim, start };
        header.check_length(len)?;
        Ok(header)
    }

    fn check_length(&self, len: u64) -> Result<(), DataError> {
        let bytes = self.rows.checked_mul(self.dim as u64);
        let bytes = bytes.and_then(|n| n.checked_mul(self.kind.size() as u64));
        let (expected, found) = (bytes.ok_or(NpyError::Shape)?, len - self.start);
        if expected != found {
            return Err(NpyError::Length { expected, found }.into());
        }
        // Only now do the sizes mean anything.
        if self.dim == 0 {
            return Err(DataError::NoColumns);
        }
        if self.rows == 0 { Err(DataError::Empty) } else { Ok(()) }
    }
}

/// The text of the dictionary and where it ends.
fn dictionary_text(reader: &mut impl Read, len: u64) -> Result<(Vec<u8>, u64), DataError> {
    let [m0, m1, m2, m3, m4, m5, version, _minor] = bytes(reader, NpyError::Magic)?;
    if [m0, m1, m2, m3, m4, m5] != *b"\x93NUMPY" {
        return Err(NpyError::Magic.into());
    }
    let (size, start) = match version {
        1 => (u64::from(u16::from_le_bytes(bytes(reader, NpyError::Header)?)), 10),
        2 | 3 => (u64::from(u32::from_le_bytes(bytes(reader, NpyError::Header)?)), 12),
        other => return Err(NpyError::Version(other).into()),
    };
    if size > MAX_HEADER || start + size > len {
        return Err(NpyError::Header.into());
    }
    let mut text = vec![0; size as usize];
    reader.read_exact(&mut text).map_err(|_| NpyError::Header)?;
    Ok((text, start + size))
}

fn bytes<const N: usize>(reader: &mut impl Read, e: NpyError) -> Result<[u8; N], NpyError> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(|_| e)?;
    Ok(bytes)
}

/// `"<f4"` and its like; true for big-endian.
fn element_type(descr: &str) -> Result<(Kind, bool), NpyError> {
    let unknown = || NpyError::Type(descr.chars().take(40).collect());
    let [order, kind, size] = *descr.as_bytes() else { return Err(unknown()) };
    let kind = match (kind, size) {
        (b'f', b'4' | b'8') => Kind::Float(size - b'0'),
        (b'i', b'1' | b'2' | b'4' | b'8') => Kind::Signed(size - b'0'),
        (b'u', b'1' | b'2' | b'4' | b'8') => Kind::Unsigned(size - b'0'),
        _ => return Err(unknown()),
    };
    match order {
        b'<' | b'>' => Ok((kind, order == b'>')),
        b'|' if size == b'1' => Ok((kind, false)),
        _ => Err(unknown()),
    }
}

fn shape(sizes: &[u64]) -> Result<(u64, usize), NpyError> {
    let (rows, dim) = match *sizes {
        [rows] => (rows, 1),
        [rows, dim] => (rows, dim),
        _ => return Err(NpyError::Shape),
    };
    Ok((rows, usize::try_from(dim).map_err(|_| NpyError::Shape)?))
}

/// The three keys of the dictionary.
#[derive(Default)]
struct Fields {
    descr: Option<String>,
    fortran_order: Option<bool>,
    shape: Option<Vec<u64>>,
}

/// A reader of the few Python literals that occur. `None` means: not one of them.
struct Parser<'a> {
    rest: &'a [u8],
}

impl Parser<'_> {
    /// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }`, and nothing after it.
    fn dictionary(&mut self) -> Option<(String, bool, Vec<u64>)> {
        let mut fields = Fields::default();
        self.token(b"{")?;
        while self.token(b"}").is_none() {
            self.entry(&mut fields)?;
            if self.token(b",").is_none() {
                self.token(b"}")?;
                break;
            }
        }
        self.rest.trim_ascii().is_empty().then_some(())?;
        Some((fields.descr?, fields.fortran_order?, fields.shape?))
    }

    /// One entry; each key once.
    fn entry(&mut self, fields: &mut Fields) -> Option<()> {
        let key = self.string()?;
        self.token(b":")?;
        match key.as_str() {
            "descr" => fields.descr.replace(self.string()?).is_none(),
            "fortran_order" => fields.fortran_order.replace(self.boolean()?).is_none(),
            "shape" => fields.shape.replace(self.tuple()?).is_none(),
            _ => false,
        }
        .then_some(())
    }

    /// Skips blanks and then exactly `token`.
    fn token(&mut self, token: &[u8]) -> Option<()> {
        self.rest = self.rest.trim_ascii_start().strip_prefix(token)?;
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        self.rest = self.rest.trim_ascii_start();
        let (&quote, rest) = self.rest.split_first()?;
        let end = rest.iter().position(|&b| b == quote)?;
        self.rest = &rest[end + 1..];
        let text = std::str::from_utf8(&rest[..end]).ok()?;
        matches!(quote, b'\'' | b'"').then(|| text.to_owned())
    }

    fn boolean(&mut self) -> Option<bool> {
        match self.token(b"True") {
            Some(()) => Some(true),
            None => self.token(b"False").map(|()| false),
        }
    }

    fn tuple(&mut self) -> Option<Vec<u64>> {
        let mut sizes = Vec::new();
        self.token(b"(")?;
        while self.token(b")").is_none() {
            sizes.push(self.integer()?);
            if self.token(b",").is_none() {
                self.token(b")")?;
                break;
            }
        }
        Some(sizes)
    }

    /// Decimal digits; Python 2 wrote an `L` after them.
    fn integer(&mut self) -> Option<u64> {
        self.rest = self.rest.trim_ascii_start();
        let end = self.rest.iter().position(|b| !b.is_ascii_digit())?;
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix(b"L").unwrap_or(rest);
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
}

/// The header of version 1 for n × dim `f32`, padded so that the elements begin at a multiple
/// of 64 bytes.
pub(super) fn write(rows: usize, dim: usize) -> Vec<u8> {
    let mut text =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dim}), }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    // Two 20-digit numbers and the fixed text stay far below 2¹⁶ bytes.
    let size = text.len() as u16;
    [&b"\x93NUMPY\x01\x00"[..], &size.to_le_bytes(), text.as_bytes()].concat()
}
