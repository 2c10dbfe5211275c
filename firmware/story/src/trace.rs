//! A trace of eight sensors, made when the program is compiled, so that it lies in flash.
//!
//! A motor that runs in cycles: a load that all sensors share, noise of their own, and at
//! [`FAULT`] a bearing that starts to shake – three sensors become restless, none leaves its range.

/// Samples.
pub const LEN: usize = 480;
/// Samples from here …
pub const FAULT: usize = 400;
/// … to here are of a damaged machine.
pub const REPAIR: usize = 440;

/// One row of readings, as a converter of 16 bits gives them.
pub type Sample = [i16; 8];

/// The readings.
pub static TRACE: [Sample; LEN] = made();

const fn made() -> [Sample; LEN] {
    let mut out = [[0; 8]; LEN];
    let mut word = 0x2545_F491u32;
    let mut load = 0;
    let mut t = 0;
    while t < LEN {
        word = next(word);
        load += (word >> 24) as i32 - 128 - load / 4;
        let mut s = 0;
        while s < 8 {
            word = next(word);
            let noise = (word >> 25) as i32 - 64;
            let shaking = t >= FAULT && t < REPAIR && s < 3;
            let shake = if !shaking {
                0
            } else if t % 2 == 0 {
                400
            } else {
                -400
            };
            out[t][s] = (1000 * s as i32 + load * (s as i32 - 3) + noise + shake) as i16;
            s += 1;
        }
        t += 1;
    }
    out
}

/// Xorshift (Marsaglia 2003).
const fn next(mut word: u32) -> u32 {
    word ^= word << 13;
    word ^= word >> 17;
    word ^ (word << 5)
}
