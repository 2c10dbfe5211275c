//! What the tests share: a device if there is one, rows on it, and data to fold.
#![allow(dead_code, reason = "each test file uses a part")]

use enfold_core::random::Draws;
use enfold_core::{Alloc, Backend};
use enfold_cuda::{Cuda, CudaBuf, Options};

/// A device with `options`; None where the machine has no device, unless one is demanded.
pub(crate) fn open(options: &Options) -> Option<Cuda> {
    match options.open() {
        Ok(gpu) => Some(gpu),
        Err(e) => {
            let demanded = std::env::var("ENFOLD_REQUIRE_GPU").is_ok_and(|v| v == "1");
            assert!(!demanded, "ENFOLD_REQUIRE_GPU=1 demands a device: {e}");
            eprintln!("skipped: {e}");
            None
        }
    }
}

/// A buffer that holds `data`.
pub(crate) fn put<T: bytemuck::Pod>(gpu: &Cuda, data: &[T]) -> CudaBuf<T> {
    let mut buf = gpu.alloc(data.len()).expect("memory");
    gpu.write(&mut buf, 0, data).expect("a write");
    buf
}

/// What a buffer holds.
pub(crate) fn get<T: bytemuck::Pod>(gpu: &Cuda, buf: &CudaBuf<T>) -> Vec<T> {
    let mut data = vec![T::zeroed(); buf.len()];
    gpu.read(buf, 0, &mut data).expect("a read");
    data
}

/// Uniform numbers in (-1, 1).
pub(crate) fn uniform(len: usize, seed: u64) -> Vec<f32> {
    let draws = Draws::new(seed, 1);
    (0..len as u64).map(|at| 2.0 * draws.unit(at, 0) - 1.0).collect()
}

/// `groups` groups of rows around centres in (-10, 10).
pub(crate) fn groups(rows: usize, dim: usize, groups: usize, spread: f32, seed: u64) -> Vec<f32> {
    let (draws, centers) = (Draws::new(seed, 2), uniform(groups * dim, seed + 1));
    let cell = |at: usize| {
        let (row, t) = (at / dim, at % dim);
        let group = draws.below(row as u64, u32::MAX, groups as u64) as usize;
        let noise = 2.0 * draws.unit(at as u64, 1) - 1.0;
        10.0 * centers[group * dim + t] + spread * noise
    };
    (0..rows * dim).map(cell).collect()
}
