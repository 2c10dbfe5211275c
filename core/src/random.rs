//! Draws without order: every number is a pure function of a seed and counters.
//!
//! Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011). It needs only 32 × 32-bit multiplies, so a microcontroller, WGSL and CUDA give the
//! same draws as a server; and a row's draw does not depend on the batch or thread it came in.

const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// One block of Philox4x32-10: four words for a key and a counter.
///
/// ```
/// assert_eq!(enfold_core::random::philox([0, 0], [0; 4])[0], 0x6627_e8d5);
/// ```
#[must_use]
pub fn philox(key: [u32; 2], counter: [u32; 4]) -> [u32; 4] {
    let ([mut k0, mut k1], mut c) = (key, counter);
    for _ in 0..10 {
        let (h0, l0) = multiply(MULTIPLIER[0], c[0]);
        let (h1, l1) = multiply(MULTIPLIER[1], c[2]);
        c = [h1 ^ c[1] ^ k0, l1, h0 ^ c[3] ^ k1, l0];
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    c
}

fn multiply(a: u32, b: u32) -> (u32, u32) {
    let product = u64::from(a) * u64::from(b);
    ((product >> 32) as u32, product as u32)
}

/// A family of draws: a seed and a purpose, so that no two uses share numbers.
///
/// `purpose` is a small constant that each algorithm chooses for each of its uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws {
    key: [u32; 2],
    purpose: u32,
}

impl Draws {
    /// The draws of `seed` for one purpose.
    #[must_use]
    pub const fn new(seed: u64, purpose: u32) -> Self {
        Self { key: [seed as u32, (seed >> 32) as u32], purpose }
    }

    /// 128 bits for a 64-bit number (a row, say) and a 32-bit one (a stream, a round).
    #[must_use]
    pub fn block(&self, number: u64, lane: u32) -> [u32; 4] {
        philox(self.key, [number as u32, (number >> 32) as u32, lane, self.purpose])
    }

    /// 64 bits.
    #[must_use]
    pub fn bits(&self, number: u64, lane: u32) -> u64 {
        let [a, b, ..] = self.block(number, lane);
        u64::from(a) << 32 | u64::from(b)
    }

    /// A uniform `f32` strictly between 0 and 1, on a grid of 2²³ midpoints.
    #[must_use]
    pub fn unit(&self, number: u64, lane: u32) -> f32 {
        unit(self.block(number, lane)[0])
    }

    /// A uniform `f64` strictly between 0 and 1, on a grid of 2⁵² midpoints.
    #[must_use]
    pub fn unit64(&self, number: u64, lane: u32) -> f64 {
        ((self.bits(number, lane) >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    /// A normal `f64` of mean 0 and deviation 1 (Box and Muller 1958), from lanes 0 and 1.
    #[must_use]
    pub fn normal(&self, number: u64) -> f64 {
        let (u, turn) = (self.unit64(number, 0), self.unit64(number, 1));
        libm::sqrt(-2.0 * libm::log(u)) * libm::cos(core::f64::consts::TAU * turn)
    }

    /// A uniform integer below `bound` (0 when `bound` is 0), by multiply-and-shift.
    #[must_use]
    pub fn below(&self, number: u64, lane: u32, bound: u64) -> u64 {
        ((u128::from(self.bits(number, lane)) * u128::from(bound)) >> 64) as u64
    }
}

/// A uniform `f32` strictly between 0 and 1 from one word: exact in 24 bits, never 0 or 1.
#[must_use]
pub fn unit(word: u32) -> f32 {
    ((word >> 9) as f32 + 0.5) / (1u32 << 23) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that come with Random123.
    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(philox([0, 0], [0; 4]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(
            philox([u32::MAX; 2], [u32::MAX; 4]),
            [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]
        );
        assert_eq!(
            philox([0xa4093822, 0x299f31d0], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]),
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
        );
    }

    #[test]
    fn units_stay_inside_the_open_interval() {
        assert!(unit(0) > 0.0);
        assert!(unit(u32::MAX) < 1.0);
        let draws = Draws::new(7, 1);
        let mean = (0..4096).map(|i| f64::from(draws.unit(i, 0))).sum::<f64>() / 4096.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert!((0..4096).all(|i| draws.below(i, 3, 10) < 10));
        assert_eq!(draws.below(1, 1, 0), 0);
    }
}
