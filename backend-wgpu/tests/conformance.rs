//! A GPU signs the contract: the whole suite, on a device shared by all laws.

use std::sync::OnceLock;

use enfold_wgpu::Wgpu;

fn device() -> Option<Wgpu> {
    static DEVICE: OnceLock<Option<Wgpu>> = OnceLock::new();
    DEVICE.get_or_init(|| Wgpu::new().ok()).clone()
}

enfold_core::conformance!(device);
