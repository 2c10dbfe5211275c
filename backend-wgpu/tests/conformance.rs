//! A GPU signs the contract: the whole suite, on a device shared by all laws.

use std::sync::OnceLock;

use enfold_wgpu::Wgpu;

fn device() -> Option<Wgpu> {
    static DEVICE: OnceLock<Option<Wgpu>> = OnceLock::new();
    DEVICE.get_or_init(|| Wgpu::new().ok()).clone()
}

enfold_core::conformance!(device);

/// A device that says it is exact keeps the law for IEEE machines as well.
#[test]
fn an_exact_device_gives_the_defined_distances() {
    enfold_core::conformance::check("an_exact_device", device, |gpu| {
        if gpu.is_exact().expect("a device") {
            enfold_core::conformance::laws::ieee_distances_are_the_definition(gpu);
        } else {
            println!("{}: other arithmetic", gpu.adapter().name);
        }
    });
}
