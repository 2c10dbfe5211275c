//! CUDA signs the contract: the whole suite, with the distances of the definition, on a device
//! shared by all laws – a GPU, or the stand-in driver of `tests/driver` (`ci.sh cuda`).

use std::sync::OnceLock;

use enfold_cuda::{Cuda, CudaError};

fn device() -> Option<Cuda> {
    static DEVICE: OnceLock<Result<Cuda, CudaError>> = OnceLock::new();
    match DEVICE.get_or_init(Cuda::new) {
        Ok(gpu) => Some(gpu.clone()),
        Err(e) => {
            eprintln!("{e}");
            None
        }
    }
}

enfold_core::conformance!(ieee device);
