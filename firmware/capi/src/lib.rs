//! The anomaly detector for C.
//!
//! The state is a plain struct that the caller owns; nothing is allocated, nothing panics – both
//! are proven when the library is linked (`./ci.sh firmware`). The header `include/enfold.h` is
//! generated from this file by cbindgen and compared in CI.

#![no_std]

#[cfg(feature = "prove")]
pub mod cells;

use core::slice;

use enfold_core::anomaly::{Detector, Options, Reject, Verdict};

/// Features of a row: numbers that each keep their meaning and their place, such as the mean and the
/// deviation of each of eight sensors over the last samples.
pub const ENFOLD_FEATURES: usize = 16;
/// Bytes that a checkpoint takes.
pub const ENFOLD_CHECKPOINT: usize = 2068;
/// Words of 64 bits in a detector: enough on every target.
pub const ENFOLD_WORDS: usize = 265;

type Inner = Detector<f32, 8, ENFOLD_FEATURES>;

const _: () = assert!(Inner::CHECKPOINT == ENFOLD_CHECKPOINT);
const _: () = assert!(Inner::BYTES <= size_of::<EnfoldDetector>());
const _: () = assert!(align_of::<Inner>() <= align_of::<EnfoldDetector>());

/// What a call came to.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnfoldStatus {
    /// Done.
    EnfoldOk = 0,
    /// A pointer is null, the length of a row is not `ENFOLD_FEATURES`, or `front` or `train` is out of
    /// its range.
    EnfoldBadArgument = 1,
    /// A number is NaN, infinite or larger than 10¹²; nothing has changed.
    EnfoldNonFinite = 2,
    /// `enfold_score` before training is over, or a detector that was not initialised.
    EnfoldUntrained = 3,
    /// The buffer is shorter than `ENFOLD_CHECKPOINT`, or the bytes are no checkpoint, or a damaged one;
    /// nothing has changed.
    EnfoldBadBytes = 4,
}

/// A detector: what is normal, and whether the alarm is on. Its words are its own business. Zeroed
/// memory, such as a static, may be passed to every call: rows are `ENFOLD_UNTRAINED` until
/// `enfold_init` or `enfold_restore`.
#[repr(C)]
#[derive(Debug)]
pub struct EnfoldDetector {
    words: [u64; ENFOLD_WORDS],
}

/// What `enfold_push` and `enfold_begin` say of a row.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnfoldVerdict {
    /// How unusual the row is: 0 is typical, 1 the edge of normal, which 1 % of normal rows pass, and
    /// there is no largest one. 0 while in training.
    pub score: f32,
    /// Whether `score` means anything: training is over.
    pub scored: bool,
    /// Whether the alarm is on: from a score above 1.2 until one of 1 or below.
    pub alarm: bool,
    /// Whether this row switched it on.
    pub raised: bool,
}

impl From<Reject> for EnfoldStatus {
    fn from(reject: Reject) -> Self {
        match reject {
            Reject::NonFinite => Self::EnfoldNonFinite,
            Reject::Untrained => Self::EnfoldUntrained,
            _ => Self::EnfoldBadArgument,
        }
    }
}

/// Makes a detector that has seen nothing. It trains on the first `train` rows, all of which should be
/// normal, and scores after them; with the first `front` of these it learns which features move
/// together. `front` is at least 2 and `train` at least twice `front`: 96 and 384, say.
///
/// # Safety
/// `detector` is null or points to writable memory for one detector.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enfold_init(
    detector: *mut EnfoldDetector,
    front: u32,
    train: u32,
) -> EnfoldStatus {
    if detector.is_null() || front < 2 || train / 2 < front {
        return EnfoldStatus::EnfoldBadArgument;
    }
    // SAFETY: the caller promises memory for a detector; size and alignment are checked above.
    unsafe { detector.cast::<Inner>().write(Inner::EMPTY) };
    // SAFETY: it was written just now, and the caller has it to itself.
    let inner = unsafe { detector.cast::<Inner>().as_mut() };
    let options = Options::new().front(front).train(train);
    let started = inner.is_some_and(|inner| inner.start(options));
    if started { EnfoldStatus::EnfoldOk } else { EnfoldStatus::EnfoldBadArgument }
}

/// Takes in a row: scores it, steps the alarm, learns from it what is normal. `row` has `len` =
/// `ENFOLD_FEATURES` numbers; what is said of it goes to `verdict`, unless that is null. In training the
/// answer is `ENFOLD_OK` too, and `scored` is false.
///
/// # Safety
/// `detector` is null or was initialised and is not used by anybody else during the call; `row`
/// is null or points to `len` floats; `verdict` is null or points to writable memory for one.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enfold_push(
    detector: *mut EnfoldDetector,
    row: *const f32,
    len: usize,
    verdict: *mut EnfoldVerdict,
) -> EnfoldStatus {
    // SAFETY: what the caller promises here is what is asked for there.
    unsafe { pushed(detector, row, len, verdict, Inner::watch) }
}

/// As `enfold_push`, but leaves what takes longer than a score to `enfold_finish_step`, with the
/// same bits in the end. What is still left when the next row comes is done first.
///
/// # Safety
/// As for `enfold_push`.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enfold_begin(
    detector: *mut EnfoldDetector,
    row: *const f32,
    len: usize,
    verdict: *mut EnfoldVerdict,
) -> EnfoldStatus {
    // SAFETY: what the caller promises here is what is asked for there.
    unsafe { pushed(detector, row, len, verdict, Inner::begin) }
}

/// Does at most `budget` steps, each of about the time of a score, of what `enfold_begin` left to do.
/// Returns how many are left, at most 41; 0 for null.
///
/// # Safety
/// `detector` is null or was initialised and is not used by anybody else during the call.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enfold_finish_step(detector: *mut EnfoldDetector, budget: u32) -> u32 {
    // SAFETY: the caller promises an initialised detector of its own, or null.
    let inner = unsafe { detector.cast::<Inner>().as_mut() };
    inner.map_or(0, |inner| inner.finish_step(budget))
}

/// Takes in a row by one of two ways.
///
/// # Safety
/// As for `enfold_push`.
unsafe fn pushed(
    detector: *mut EnfoldDetector,
    row: *const f32,
    len: usize,
    verdict: *mut EnfoldVerdict,
    way: impl FnOnce(&mut Inner, &[f32]) -> Result<Verdict, Reject>,
) -> EnfoldStatus {
    // SAFETY: the caller promises an initialised detector of its own, or null.
    let inner = unsafe { detector.cast::<Inner>().as_mut() };
    // SAFETY: the caller promises `len` floats, or null.
    let row = unsafe { features(row, len) };
    let (Some(inner), Some(row)) = (inner, row) else { return EnfoldStatus::EnfoldBadArgument };
    match way(inner, row) {
        Ok(found) => {
            let score = found.score.map_or(0.0, |score| score.value);
            let scored = found.score.is_some();
            let told = EnfoldVerdict { score, scored, alarm: found.alarm, raised: found.raised };
            // SAFETY: the caller promises memory for a verdict, or null.
            if let Some(verdict) = unsafe { verdict.as_mut() } {
                *verdict = told;
            }
            EnfoldStatus::EnfoldOk
        }
        Err(reject) => reject.into(),
    }
}

/// Writes the score of a row to `score`; learns nothing, and leaves the alarm as it is.
///
/// # Safety
/// As for `enfold_push`; `score` is null or points to a writable float.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enfold_score(
    detector: *const EnfoldDetector,
    row: *const f32,
    len: usize,
    score: *mut f32,
) -> EnfoldStatus {
    // SAFETY: the caller promises an initialised detector, or null.
    let inner = unsafe { detector.cast::<Inner>().as_ref() };
    // SAFETY: the caller promises `len` floats, or null.
    let row = unsafe { features(row, len) };
    // SAFETY: the caller promises a writable float, or null.
    let score = unsafe { score.as_mut() };
    let (Some(inner), Some(row), Some(score)) = (inner, row, score) else {
        return EnfoldStatus::EnfoldBadArgument;
    };
    match inner.score(row) {
        Ok(found) => {
            *score = found.value;
            EnfoldStatus::EnfoldOk
        }
        Err(reject) => reject.into(),
    }
}

/// Writes the state as `ENFOLD_CHECKPOINT` bytes, the same on every target, to `out`, which has room for
/// `len`. It takes more stack between `enfold_begin` and the last `enfold_finish_step`.
///
/// # Safety
/// `detector` is null or was initialised; `out` is null or points to `len` writable bytes.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enfold_checkpoint(
    detector: *const EnfoldDetector,
    out: *mut u8,
    len: usize,
) -> EnfoldStatus {
    // SAFETY: the caller promises an initialised detector, or null.
    let inner = unsafe { detector.cast::<Inner>().as_ref() };
    let Some(inner) = inner.filter(|_| !out.is_null() && len <= isize::MAX as usize) else {
        return EnfoldStatus::EnfoldBadArgument;
    };
    // SAFETY: the caller promises `len` writable bytes; null was refused above.
    let out = unsafe { slice::from_raw_parts_mut(out, len) };
    match inner.checkpoint(out) {
        Ok(_) => EnfoldStatus::EnfoldOk,
        Err(_) => EnfoldStatus::EnfoldBadBytes,
    }
}

/// Replaces the state by a checkpoint, `front` and `train` with it. Any bytes are safe: what is no
/// checkpoint, or a damaged one, is refused.
///
/// # Safety
/// `detector` is null or was initialised and is not used by anybody else during the call; `bytes`
/// is null or points to `len` bytes.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enfold_restore(
    detector: *mut EnfoldDetector,
    bytes: *const u8,
    len: usize,
) -> EnfoldStatus {
    // SAFETY: the caller promises an initialised detector of its own, or null.
    let inner = unsafe { detector.cast::<Inner>().as_mut() };
    let Some(inner) = inner.filter(|_| !bytes.is_null() && len <= isize::MAX as usize) else {
        return EnfoldStatus::EnfoldBadArgument;
    };
    // SAFETY: the caller promises `len` bytes; null was refused above.
    let bytes = unsafe { slice::from_raw_parts(bytes, len) };
    match inner.restore(bytes) {
        Ok(()) => EnfoldStatus::EnfoldOk,
        Err(_) => EnfoldStatus::EnfoldBadBytes,
    }
}

/// The floats at `row`; `None` for null or another number of them.
///
/// # Safety
/// `row` is null or points to `len` floats.
unsafe fn features<'a>(row: *const f32, len: usize) -> Option<&'a [f32]> {
    if row.is_null() || len != ENFOLD_FEATURES {
        return None;
    }
    // SAFETY: the caller promises `len` floats; null was refused above.
    Some(unsafe { slice::from_raw_parts(row, len) })
}

/// Panics for a byte past the end: the proof must notice.
///
/// cbindgen:ignore
///
/// # Safety
/// `bytes` points to 16 bytes.
// SAFETY: no other symbol has this name.
#[cfg(feature = "broken")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enfold_broken(bytes: *const [u8; 16], at: usize) -> u8 {
    // SAFETY: the caller promises 16 bytes.
    let bytes = unsafe { &*bytes };
    bytes[at]
}

#[cfg(not(test))]
mod panic {
    use core::panic::PanicInfo;

    #[cfg(feature = "prove")]
    #[panic_handler]
    fn panic(_: &PanicInfo<'_>) -> ! {
        // SAFETY: the signature is of our own making; nobody defines it.
        unsafe extern "C" {
            fn enfold_panicked() -> !;
        }
        // SAFETY: nobody defines it, so that whatever calls this does not link.
        unsafe { enfold_panicked() }
    }

    #[cfg(not(feature = "prove"))]
    #[panic_handler]
    fn panic(_: &PanicInfo<'_>) -> ! {
        loop {}
    }
}
