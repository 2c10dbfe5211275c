//! The clock that enfold-bench reads for itself.

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds: processor time of this process with one thread, else wall time.
pub(crate) fn now() -> f64 {
    let one = std::env::var("RAYON_NUM_THREADS").is_ok_and(|threads| threads == "1");
    let time = clock_gettime(if one { ClockId::ProcessCPUTime } else { ClockId::Monotonic });
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 * 1e-6
}

/// What it took, in milliseconds, and what came of it.
pub(crate) fn timed<R>(work: impl FnOnce() -> R) -> (f64, R) {
    let start = now();
    let result = black_box(work());
    (now() - start, result)
}
