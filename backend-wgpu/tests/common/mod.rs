//! What the tests share: a device if there is one, rows on it, and data to fold.
#![allow(unused_imports, dead_code, reason = "each test file uses a part")]

pub(crate) use enfold_core::conformance::bed::{get, put};
pub(crate) use enfold_core::conformance::stories::{data, differing, groups, uniform};
use enfold_wgpu::{Options, Wgpu};

/// A device with `options`; None where the machine has no adapter, unless one is demanded.
pub(crate) fn open(options: &Options) -> Option<Wgpu> {
    match options.open() {
        Ok(gpu) => Some(gpu),
        Err(e) => {
            let demanded = std::env::var("ENFOLD_REQUIRE_GPU").is_ok_and(|v| v == "1");
            assert!(!demanded, "ENFOLD_REQUIRE_GPU=1 demands an adapter: {e}");
            eprintln!("skipped: {e}");
            None
        }
    }
}
