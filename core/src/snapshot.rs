//! Bytes of states: little-endian, versioned, checksummed, free of alignment.
//!
//! ```text
//! magic "ENFD" · kind u16 · version u16 · length u64 · payload · CRC-32 of all before it
//! ```
//!
//! A state writes its payload with a [`Writer`] and reads it back with a [`Reader`], which
//! returns an error – never panics – on any bytes.

use bytemuck::NoUninit;

use crate::element::Element;
use crate::error::SnapshotError;

/// First bytes of every snapshot.
pub const MAGIC: [u8; 4] = *b"ENFD";
/// Bytes around a payload: header and checksum.
pub const FRAME: usize = HEADER + 4;

const HEADER: usize = 16;

/// CRC-32 (ISO 3309, reflected polynomial 0xEDB88320), four bits at a time: a 64-byte table.
///
/// ```
/// assert_eq!(enfold_core::snapshot::crc32(b"123456789"), 0xCBF4_3926);
/// ```
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    crc32_of(&[bytes])
}

/// CRC-32 of several pieces, one after another.
#[must_use]
pub fn crc32_of(pieces: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in pieces.iter().copied().flatten() {
        crc ^= u32::from(byte);
        crc = (crc >> 4) ^ NIBBLES[(crc & 15) as usize];
        crc = (crc >> 4) ^ NIBBLES[(crc & 15) as usize];
    }
    !crc
}

const NIBBLES: [u32; 16] = {
    let mut table = [0u32; 16];
    let mut i = 0;
    while i < 16 {
        let (mut crc, mut bit) = (i as u32, 0);
        while bit < 4 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// Writes numbers one after another into a slice.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    /// A writer that starts a snapshot of `kind` and `version` with `payload` bytes.
    ///
    /// # Errors
    /// `out` is shorter than payload and frame.
    pub fn start(
        out: &'a mut [u8],
        kind: u16,
        version: u16,
        payload: usize,
    ) -> Result<Self, SnapshotError> {
        let needed = payload + FRAME;
        if out.len() < needed {
            return Err(SnapshotError::Room { needed });
        }
        let mut writer = Self { out, at: 0 };
        writer.bytes(&MAGIC)?;
        writer.bytes(&kind.to_le_bytes())?;
        writer.bytes(&version.to_le_bytes())?;
        writer.u64(needed as u64)?;
        Ok(writer)
    }

    /// A writer of bare numbers, without header and checksum.
    #[must_use]
    pub fn bare(out: &'a mut [u8]) -> Self {
        Self { out, at: 0 }
    }

    /// Adds the checksum; returns the length of the whole.
    ///
    /// # Errors
    /// There is no room left for it.
    pub fn finish(mut self) -> Result<usize, SnapshotError> {
        let written = self.out.get(..self.at).ok_or(SnapshotError::Room { needed: self.at })?;
        let crc = crc32(written);
        self.u32(crc)?;
        Ok(self.at)
    }

    /// Bytes written so far.
    #[must_use]
    pub fn written(&self) -> usize {
        self.at
    }

    /// Raw bytes.
    ///
    /// # Errors
    /// There is no room left, here and below.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let end = self.at.saturating_add(bytes.len());
        let room = self.out.get_mut(self.at..end).ok_or(SnapshotError::Room { needed: end })?;
        // A copy in a loop: it cannot panic, and is small on a microcontroller.
        room.iter_mut().zip(bytes).for_each(|(to, &from)| *to = from);
        self.at = end;
        Ok(())
    }

    /// One `u32`.
    pub fn u32(&mut self, value: u32) -> Result<(), SnapshotError> {
        self.bytes(&value.to_le_bytes())
    }

    /// One `u64`.
    pub fn u64(&mut self, value: u64) -> Result<(), SnapshotError> {
        self.bytes(&value.to_le_bytes())
    }

    /// One `i64`.
    pub fn i64(&mut self, value: i64) -> Result<(), SnapshotError> {
        self.bytes(&value.to_le_bytes())
    }

    /// One `f64`, as its bits.
    pub fn f64(&mut self, value: f64) -> Result<(), SnapshotError> {
        self.bytes(&value.to_le_bytes())
    }

    /// Elements, as their bits.
    pub fn elements<T: Element + NoUninit>(&mut self, values: &[T]) -> Result<(), SnapshotError> {
        for value in values {
            let bytes = bytemuck::bytes_of(value);
            if cfg!(target_endian = "little") {
                self.bytes(bytes)?;
            } else {
                for &byte in bytes.iter().rev() {
                    self.bytes(&[byte])?;
                }
            }
        }
        Ok(())
    }
}

/// Reads numbers one after another out of a slice.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The payload of a whole snapshot, after checking its frame.
    ///
    /// # Errors
    /// Wrong length, magic, kind, version or checksum.
    pub fn open(bytes: &'a [u8], kind: u16, version: u16) -> Result<Self, SnapshotError> {
        let mut reader = Self { bytes };
        if reader.take::<4>()? != MAGIC || reader.u16()? != kind {
            return Err(SnapshotError::Magic);
        }
        let found = reader.u16()?;
        if found != version {
            return Err(SnapshotError::Version(found));
        }
        if reader.u64()? != bytes.len() as u64 || bytes.len() < FRAME {
            return Err(SnapshotError::Length);
        }
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or(SnapshotError::Length)?;
        if u32::from_le_bytes(*crc) != crc32(body) {
            return Err(SnapshotError::Checksum);
        }
        let (_, payload) = body.split_at_checked(HEADER).ok_or(SnapshotError::Length)?;
        Ok(Self { bytes: payload })
    }

    /// A reader of bare numbers, without header and checksum.
    #[must_use]
    pub fn bare(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Bytes not read yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    /// `Ok` when everything has been read.
    ///
    /// # Errors
    /// Bytes are left.
    pub fn end(&self) -> Result<(), SnapshotError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(SnapshotError::Length) }
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// The bytes end early, here and below.
    pub fn slice(&mut self, len: usize) -> Result<&'a [u8], SnapshotError> {
        let (head, tail) = self.bytes.split_at_checked(len).ok_or(SnapshotError::Length)?;
        self.bytes = tail;
        Ok(head)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (head, tail) = self.bytes.split_first_chunk::<N>().ok_or(SnapshotError::Length)?;
        self.bytes = tail;
        Ok(*head)
    }

    /// One `u16`.
    pub fn u16(&mut self) -> Result<u16, SnapshotError> {
        self.take().map(u16::from_le_bytes)
    }

    /// One `u32`.
    pub fn u32(&mut self) -> Result<u32, SnapshotError> {
        self.take().map(u32::from_le_bytes)
    }

    /// One `u64`.
    pub fn u64(&mut self) -> Result<u64, SnapshotError> {
        self.take().map(u64::from_le_bytes)
    }

    /// One `i64`.
    pub fn i64(&mut self) -> Result<i64, SnapshotError> {
        self.take().map(i64::from_le_bytes)
    }

    /// One `f64`.
    pub fn f64(&mut self) -> Result<f64, SnapshotError> {
        self.take().map(f64::from_le_bytes)
    }

    /// Elements, from their bits.
    pub fn elements<T: Element>(&mut self, out: &mut [T]) -> Result<(), SnapshotError> {
        for value in out {
            let source = self.slice(size_of::<T>())?;
            let bytes = bytemuck::bytes_of_mut(value);
            bytes.copy_from_slice(source);
            if cfg!(target_endian = "big") {
                bytes.reverse();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut out = [0u8; 64];
        let mut writer = Writer::start(&mut out, 7, 2, 20).unwrap();
        writer.f64(-0.5).unwrap();
        writer.elements(&[1.5f32, 2.5]).unwrap();
        writer.u32(9).unwrap();
        let len = writer.finish().unwrap();
        let mut reader = Reader::open(&out[..len], 7, 2).unwrap();
        let mut pair = [0f32; 2];
        assert_eq!(reader.f64().unwrap(), -0.5);
        reader.elements(&mut pair).unwrap();
        assert_eq!(pair, [1.5, 2.5]);
        assert_eq!(reader.u32().unwrap(), 9);
        reader.end().unwrap();
    }

    #[test]
    fn every_damage_is_named() {
        let mut out = [0u8; FRAME];
        Writer::start(&mut out, 7, 2, 0).unwrap().finish().unwrap();
        assert_eq!(Reader::open(&out, 8, 2).unwrap_err(), SnapshotError::Magic);
        assert_eq!(Reader::open(&out, 7, 3).unwrap_err(), SnapshotError::Version(2));
        for len in 0..FRAME {
            assert_eq!(Reader::open(&out[..len], 7, 2).unwrap_err(), SnapshotError::Length);
        }
        for bit in 0..FRAME * 8 {
            let mut bad = out;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Reader::open(&bad, 7, 2).is_err(), "{bit}");
        }
    }
}
