//! What goes wrong is a typed error, and the process lives.

mod common;

use common::{get, open, put};
use enfold_core::{Alloc, Backend, BackendError, ErrorKind};
use enfold_wgpu::{Options, Wgpu, WgpuError};

#[test]
fn a_lost_device_stays_lost() {
    let Some(gpu) = open(&Options::new()) else { return };
    let mut buf = put(&gpu, &[1.0f32; 100]);
    gpu.destroy();
    for turn in 0..2 {
        let kind = |done: Result<(), WgpuError>| done.map_err(|e| e.kind());
        let lost = Err(ErrorKind::DeviceLost);
        assert_eq!(kind(gpu.sync()), lost, "turn {turn}");
        assert_eq!(kind(gpu.read(&buf, 0, &mut [0.0; 100])), lost, "turn {turn}");
        assert_eq!(kind(gpu.read(&buf, 0, &mut [0.0; 3])), lost, "turn {turn}");
        assert_eq!(kind(gpu.write(&mut buf, 0, &[2.0])), lost, "turn {turn}");
        assert_eq!(kind(gpu.fill(&mut buf, 2.0)), lost, "turn {turn}");
        assert_eq!(kind(gpu.alloc::<f32>(1).map(drop)), lost, "turn {turn}");
        assert_eq!(kind(gpu.clone().sync()), lost, "a clone shares the device");
    }
    // Another device is none the worse.
    let Some(other) = open(&Options::new()) else { return };
    assert_eq!(get(&other, &put(&other, &[5u32])), [5]);
}

#[test]
fn a_device_lost_with_work_under_way_says_so() {
    let Some(gpu) = open(&Options::new()) else { return };
    let mut buf = put(&gpu, &[1.0f32; 1000]);
    gpu.fill(&mut buf, 3.0).expect("a pass");
    gpu.destroy();
    let error = gpu.sync().expect_err("the device is gone");
    assert_eq!(error.kind(), ErrorKind::DeviceLost);
    assert!(error.to_string().contains("lost"), "{error}");
}

#[test]
fn too_much_memory_is_an_error_and_not_the_end() {
    let Some(gpu) = open(&Options::new().buffer_limit(1 << 20)) else { return };
    for len in [(1 << 18) + 1, 1 << 40, usize::MAX / 4, usize::MAX] {
        let error = gpu.alloc::<f32>(len).expect_err("more than a buffer may hold");
        assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{len}");
    }
    let whole = put(&gpu, &vec![7u32; 1 << 18]);
    assert_eq!(get(&gpu, &whole)[(1 << 18) - 1], 7);
}

#[test]
fn no_such_adapter_says_what_was_looked_for() {
    let error = Options::new().name("Voodoo 2").index(4).open().expect_err("no such adapter");
    let WgpuError::NoAdapter { wanted, found } = &error else { panic!("{error:?}") };
    assert!(wanted.contains("Voodoo 2") && wanted.contains('4'), "{wanted}");
    assert_eq!(found.len(), Wgpu::adapters().len());
    assert!(error.to_string().contains("Voodoo 2"));
}

#[test]
fn adapters_are_opened_by_index_and_by_name() {
    let Some(best) = open(&Options::new()) else { return };
    for adapter in Wgpu::adapters() {
        let gpu = Options::new().index(adapter.index).open().expect("a listed adapter");
        assert_eq!(gpu.adapter(), &adapter);
    }
    let name = best.adapter().name.to_uppercase();
    let named = Options::new().name(&name).open().expect("the name of an adapter");
    assert_eq!(named.adapter().name, best.adapter().name);
}

#[test]
fn a_buffer_of_another_device_is_refused() {
    let (Some(one), Some(two)) = (open(&Options::new()), open(&Options::new())) else { return };
    let (src, mut dst) = (put(&one, &[1.0f32; 8]), put(&two, &[0.0f32; 8]));
    assert_eq!(two.copy(&src, 0, &mut dst, 0, 8), Err(WgpuError::Foreign));
    assert_eq!(get(&two, &dst), [0.0; 8]);
}
