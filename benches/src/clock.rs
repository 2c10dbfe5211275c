//! The clock that neighbours on a shared machine disturb least.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value};

/// Milliseconds: processor time of this process with one thread, else wall time.
///
/// The peers' script does the same, so the figures compare.
pub(crate) fn now_ms() -> f64 {
    let one = rayon::current_num_threads() == 1;
    let time = clock_gettime(if one { ClockId::ProcessCPUTime } else { ClockId::Monotonic });
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 * 1e-6
}

/// Runs `work` and returns what it took, in milliseconds.
pub(crate) fn timed<R>(work: impl FnOnce() -> R) -> (f64, R) {
    let start = now_ms();
    let result = work();
    (now_ms() - start, result)
}

/// The same for a backend that may work while this process waits: wall time then.
pub(crate) fn timed_on<R>(afar: bool, work: impl FnOnce() -> R) -> (f64, R) {
    if !afar {
        return timed(work);
    }
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64() * 1e3, result)
}

/// Keeps the least of a way's times.
pub(crate) fn keep_least(times: &mut Map<String, Value>, way: &str, took: f64) {
    let least = times.get(way).and_then(Value::as_f64).unwrap_or(f64::INFINITY).min(took);
    times.insert(way.into(), least.into());
}

/// The least and the median of the rounds; there is one at least.
pub(crate) fn least_and_median(mut ms: Vec<f64>) -> (f64, f64) {
    ms.sort_unstable_by(f64::total_cmp);
    (ms[0], ms[ms.len() / 2])
}
