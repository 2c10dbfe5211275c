//! States that survive a power cut: two slots, written in turn.
//!
//! A record is `magic "ENF2" · sequence u32 · length u32 · CRC-32 of those and of the payload ·
//! payload`, little-endian. The next record always goes to the slot that does not hold the newest
//! good one, so whatever moment the power fails, one good record is left. Which memory the slots
//! are in – flash, FRAM, a file – is the caller's business.
//!
//! ```
//! use enfold_core::durable::{self, HEADER};
//! let (mut a, mut b) = ([0xFF; HEADER + 4], [0xFF; HEADER + 4]); // erased flash
//! for state in [*b"one!", *b"two!", *b"last"] {
//!     let next = durable::next([&a, &b]);
//!     let slot = if next.slot == 0 { &mut a } else { &mut b };
//!     slot[HEADER..].copy_from_slice(&state);
//!     durable::seal(slot, next.sequence, 4)?;
//! }
//! b[HEADER] ^= 1; // the other one rots
//! assert_eq!(durable::newest([&a, &b]).next(), Some(&b"last"[..]));
//! # Ok::<(), enfold_core::SnapshotError>(())
//! ```

use crate::error::SnapshotError;
use crate::snapshot::{Reader, Writer, crc32_of};

/// Bytes before the payload of a record.
pub const HEADER: usize = 16;

const MAGIC: [u8; 4] = *b"ENF2";

/// Where the next record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// 0 or 1.
    pub slot: usize,
    /// Its sequence number.
    pub sequence: u32,
}

/// Which slot to write next, and with which sequence number: the one without a good record, or
/// else the one with the older.
#[must_use]
pub fn next(slots: [&[u8]; 2]) -> Next {
    match slots.map(|slot| open(slot).ok()) {
        [None, None] => Next { slot: 0, sequence: 1 },
        [Some((first, _)), None] => Next { slot: 1, sequence: first.wrapping_add(1) },
        [None, Some((second, _))] => Next { slot: 0, sequence: second.wrapping_add(1) },
        [Some((first, _)), Some((second, _))] if is_newer(first, second) => {
            Next { slot: 1, sequence: first.wrapping_add(1) }
        }
        [_, Some((second, _))] => Next { slot: 0, sequence: second.wrapping_add(1) },
    }
}

/// The payloads of the good records, the newest first: where the newest does not load, try the
/// other.
pub fn newest(slots: [&[u8]; 2]) -> impl Iterator<Item = &[u8]> {
    let [mut first, mut second] = slots.map(|slot| open(slot).ok());
    if let (Some((a, _)), Some((b, _))) = (first, second)
        && is_newer(b, a)
    {
        core::mem::swap(&mut first, &mut second);
    }
    [first, second].into_iter().flatten().map(|(_, payload)| payload)
}

/// Writes the header before a payload of `len` bytes that stands at [`HEADER`] in `slot`; returns
/// the bytes of the record. On flash, where the header is programmed after the payload, a record
/// is good only when it is whole; in any order, only when the checksum fits.
///
/// # Errors
/// The slot is shorter than header and payload.
pub fn seal(slot: &mut [u8], sequence: u32, len: usize) -> Result<usize, SnapshotError> {
    let needed = HEADER.saturating_add(len);
    let (header, rest) = slot.split_at_mut_checked(HEADER).ok_or(SnapshotError::Room { needed })?;
    let payload = rest.get(..len).ok_or(SnapshotError::Room { needed })?;
    let mut head = [0; HEADER - 4];
    write_head(&mut head, sequence, len as u32)?;
    let sum = crc32_of(&[&head, payload]);
    let mut writer = Writer::bare(header);
    writer.bytes(&head)?;
    writer.u32(sum)?;
    Ok(needed)
}

fn write_head(out: &mut [u8], sequence: u32, len: u32) -> Result<(), SnapshotError> {
    let mut writer = Writer::bare(out);
    writer.bytes(&MAGIC)?;
    writer.u32(sequence)?;
    writer.u32(len)
}

/// Sequence number and payload of a good record.
///
/// # Errors
/// Why it is none.
pub fn open(slot: &[u8]) -> Result<(u32, &[u8]), SnapshotError> {
    let mut reader = Reader::bare(slot);
    let head = reader.clone().slice(HEADER - 4)?;
    if reader.slice(4)? != MAGIC {
        return Err(SnapshotError::Magic);
    }
    let (sequence, len, sum) = (reader.u32()?, reader.u32()?, reader.u32()?);
    let payload = reader.slice(len as usize)?;
    if crc32_of(&[head, payload]) != sum {
        return Err(SnapshotError::Checksum);
    }
    Ok((sequence, payload))
}

/// Whether a sequence number comes after another; they may wrap around.
fn is_newer(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = 40;

    fn write(slots: &mut [[u8; HEADER + LEN]; 2], byte: u8) {
        let Next { slot, sequence } = next([&slots[0], &slots[1]]);
        slots[slot][HEADER..].fill(byte);
        seal(&mut slots[slot], sequence, LEN).unwrap();
    }

    fn read(slots: &[[u8; HEADER + LEN]; 2]) -> Option<u8> {
        newest([&slots[0], &slots[1]]).next().map(|payload| payload[0])
    }

    #[test]
    fn records_alternate_and_the_newest_wins() {
        let mut slots = [[0xFF; HEADER + LEN]; 2];
        assert_eq!(read(&slots), None);
        for byte in 0..10 {
            write(&mut slots, byte);
            assert_eq!(read(&slots), Some(byte));
        }
    }

    #[test]
    fn sequence_numbers_wrap_around() {
        let mut slots = [[0xFF; HEADER + LEN]; 2];
        slots[0][HEADER..].fill(1);
        seal(&mut slots[0], u32::MAX, LEN).unwrap();
        write(&mut slots, 2);
        assert_eq!((open(&slots[1]).unwrap().0, read(&slots)), (0, Some(2)));
        write(&mut slots, 3);
        assert_eq!(read(&slots), Some(3));
    }

    #[test]
    fn a_write_cut_at_any_byte_leaves_the_older_record() {
        let mut before = [[0xFF; HEADER + LEN]; 2];
        write(&mut before, 1);
        write(&mut before, 2);
        let mut after = before;
        write(&mut after, 3);
        let old = [before[0], before[1]].concat();
        let new = [after[0], after[1]].concat();
        let written: std::vec::Vec<usize> = (0..old.len()).filter(|&i| old[i] != new[i]).collect();
        // Bytes arrive in order, or in the opposite order.
        for order in [written.clone(), written.iter().rev().copied().collect()] {
            let mut now = old.clone();
            for &at in &order[..order.len() - 1] {
                now[at] = new[at];
                let (a, b) = now.split_at(HEADER + LEN);
                assert_eq!(newest([a, b]).next().map(|p| p[0]), Some(2), "cut at {at}");
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut slots = [[0xFF; HEADER + LEN]; 2];
        write(&mut slots, 1);
        write(&mut slots, 2);
        for bit in 0..(HEADER + LEN) * 8 {
            let mut bad = slots;
            bad[1][bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&bad), Some(1), "{bit}");
        }
    }

    #[test]
    fn slots_that_are_too_short_are_refused() {
        let mut slot = [0; HEADER + 3];
        let needed = HEADER + 4;
        assert_eq!(seal(&mut slot, 1, 4), Err(SnapshotError::Room { needed }));
        assert_eq!(seal(&mut slot[..7], 1, 4), Err(SnapshotError::Room { needed }));
        for len in 0..=slot.len() {
            assert!(open(&slot[..len]).is_err());
        }
    }
}
