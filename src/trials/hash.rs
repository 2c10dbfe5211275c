//! Names made of contents: what a trial ran with, and on which data.
//!
//! FNV-1a with 128 bits (Fowler, Noll, Vo; RFC 9923): short, the same everywhere, good against
//! accidents and none against forgers.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use enfold_core::Rows;

use super::{Param, Params};

const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

fn mix(hash: u128, bytes: &[u8]) -> u128 {
    bytes.iter().fold(hash, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

/// A hash of rows in order, and of how many elements each has.
///
/// The same rows in pieces give the same one; in another order, another one, as what is found
/// in rows may depend on their order. Cost: some nanoseconds per value.
///
/// ```
/// use enfold::{Table, trials::Fingerprint};
/// let table = Table::from_arrays(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])?;
/// let pieces = table.batches(2).fold(Fingerprint::default(), Fingerprint::and);
/// assert_eq!(pieces, Fingerprint::of(table.rows()));
/// # Ok::<(), enfold::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u128);

impl Default for Fingerprint {
    /// Of no rows.
    fn default() -> Self {
        Self(BASIS)
    }
}

impl Fingerprint {
    /// Of these rows.
    #[must_use]
    pub fn of(rows: Rows<'_, [f32]>) -> Self {
        Self::default().and(rows)
    }

    /// Of what came before, and these rows.
    #[must_use]
    pub fn and(self, rows: Rows<'_, [f32]>) -> Self {
        let row = |hash, i| {
            let hash = mix(hash, &(rows.dim() as u64).to_le_bytes());
            rows.row(i).iter().fold(hash, |hash, value| mix(hash, &value.to_le_bytes()))
        };
        Self((rows.start()..rows.end()).fold(self.0, row))
    }
}

/// The name of a trial: a hash of its parameters and its data, 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u128);

impl Id {
    /// Of a run of `params` on the data of a fingerprint.
    #[must_use]
    pub fn of(params: &Params, data: Fingerprint) -> Self {
        let hash = mix(BASIS, &data.0.to_le_bytes());
        Self(params.iter().fold(hash, |hash, (name, value)| with(text(hash, name), value)))
    }

    /// Its lower half, where a shorter number is wanted.
    pub(super) fn low_bits(self) -> u64 {
        self.0 as u64
    }
}

/// With the length in front, so that no two lists of texts run together.
fn text(hash: u128, text: &str) -> u128 {
    mix(mix(hash, &(text.len() as u64).to_le_bytes()), text.as_bytes())
}

fn with(hash: u128, value: &Param) -> u128 {
    match value {
        Param::Int(value) => mix(mix(hash, b"i"), &value.to_le_bytes()),
        // Zero has one name.
        Param::Float(value) => mix(mix(hash, b"f"), &(value + 0.0).to_le_bytes()),
        Param::Bool(value) => mix(mix(hash, b"b"), &[u8::from(*value)]),
        Param::Text(value) => text(mix(hash, b"t"), value),
    }
}

/// 32 hexadecimal digits, and back.
macro_rules! hexadecimal {
    ($($type:ident),*) => {$(
        impl Display for $type {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl FromStr for $type {
            type Err = std::num::ParseIntError;

            fn from_str(digits: &str) -> Result<Self, Self::Err> {
                u128::from_str_radix(digits, 16).map(Self)
            }
        }
    )*};
}

hexadecimal!(Fingerprint, Id);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values_are_met() {
        // RFC 9923, appendix C: the hashes of nothing, of "a" and of "foobar".
        assert_eq!(mix(BASIS, b""), BASIS);
        assert_eq!(mix(BASIS, b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(mix(BASIS, b"foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    #[test]
    fn kinds_and_borders_count() {
        let id = |params: Params| Id::of(&params, Fingerprint::default());
        let names = [
            id(Params::new()),
            id(Params::new().with("k", 1)),
            id(Params::new().with("k", 1.0)),
            id(Params::new().with("k", "1")),
            id(Params::new().with("k", true)),
            id(Params::new().with("ab", "c")),
            id(Params::new().with("a", "bc")),
        ];
        let mut different = names.to_vec();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), names.len());
        let zeros = [0.0, -0.0].map(|zero: f64| id(Params::new().with("x", zero)));
        assert_eq!(zeros[0], zeros[1]);
    }
}
