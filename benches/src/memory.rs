//! How much memory there was, as Linux counts it; NaN elsewhere, which is `null` in JSON.

/// Most bytes this process has had in memory, in MiB.
pub(crate) fn peak_mib() -> f64 {
    of_status("VmHWM:")
}

/// The most that was held while `work` ran, above what was held before, in MiB.
pub(crate) fn above<R>(work: impl FnOnce() -> R) -> (f64, R) {
    // The peak is counted anew from here. Where that is not allowed, an older peak counts.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = of_status("VmRSS:");
    let done = work();
    (peak_mib() - before, done)
}

fn of_status(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with(key)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|v| v.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}
