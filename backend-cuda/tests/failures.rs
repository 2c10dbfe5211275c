//! What goes wrong is a typed error, and the process lives. Drivers that are missing, old or without
//! a device are met in processes of their own, with the folders that `tests/driver/build.sh` made
//! beside that of the driver in use; without that stand-in those tests are skipped.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{get, open, put};
use enfold_core::{Alloc, Backend, BackendError, ErrorKind};
use enfold_cuda::{Cuda, CudaError, Options};

/// Whether the driver in use is the stand-in, which has devices of every kind.
fn stand_in() -> bool {
    Cuda::devices().is_ok_and(|all| all.iter().any(|g| g.name.contains("stand-in")))
}

fn small() -> Option<Cuda> {
    stand_in().then(|| Options::new().name("small").open().expect("the small device"))
}

#[test]
fn a_lost_device_stays_lost() {
    if !stand_in() {
        return;
    }
    let gpu = Options::new().name("mortal").open().expect("the mortal device");
    let mut buf = put(&gpu, &[1.0f32; 100]);
    for _ in 0..5 {
        // Its fifth kernel fails, and says so when it is waited for.
        gpu.fill(&mut buf, 2.0).expect("a kernel that is sent off");
    }
    let error = gpu.sync().expect_err("the kernel failed");
    assert_eq!(error.kind(), ErrorKind::DeviceLost);
    assert!(error.to_string().contains("lost"), "{error}");
    let lost = Err(ErrorKind::DeviceLost);
    let kind = |done: Result<(), CudaError>| done.map_err(|e| e.kind());
    assert_eq!(kind(gpu.sync()), lost);
    assert_eq!(kind(gpu.read(&buf, 0, &mut [0.0; 100])), lost);
    assert_eq!(kind(gpu.write(&mut buf, 0, &[2.0])), lost);
    assert_eq!(kind(gpu.fill(&mut buf, 2.0)), lost);
    assert_eq!(kind(gpu.alloc::<f32>(1).map(drop)), lost);
    assert_eq!(kind(gpu.clone().sync()), lost, "a clone shares the device");
    // Another device is none the worse.
    let other = Options::new().open().expect("the first device");
    assert_eq!(get(&other, &put(&other, &[5u32])), [5]);
}

#[test]
fn too_much_memory_is_an_error_and_not_the_end() {
    let Some(gpu) = open(&Options::new()) else { return };
    for len in [1 << 45, usize::MAX / 4, usize::MAX] {
        let error = gpu.alloc::<f32>(len).expect_err("more than any device has");
        assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{len}");
    }
    assert_eq!(get(&gpu, &put(&gpu, &[7u32; 1000])), [7; 1000]);
}

#[test]
fn memory_that_was_given_back_is_there_again() {
    let Some(gpu) = small() else { return };
    // 40 MB of 64: the second one does not fit beside the first.
    let len = 10 << 20;
    let first = gpu.alloc::<f32>(len).expect("memory");
    let error = gpu.alloc::<f32>(len).expect_err("not twice");
    assert_eq!(error, CudaError::OutOfMemory { bytes: 4 * len as u64 });
    assert_eq!(get(&gpu, &put(&gpu, &[3u32])), [3], "smaller work goes on");
    drop(first);
    assert_eq!(gpu.alloc::<f32>(len).expect("memory").len(), len);
    // A device with a pool keeps what it was given back until it runs short.
    let large = Options::new().index(1).open().expect("the second device");
    for _ in 0..5 {
        drop(large.alloc::<u8>(100 << 20).expect("given back before"));
    }
}

#[test]
fn no_such_device_says_what_was_looked_for() {
    match Options::new().name("Voodoo 2").index(4).open() {
        Err(CudaError::NoDevice { wanted, found }) => {
            assert!(wanted.contains("Voodoo 2") && wanted.contains('4'), "{wanted}");
            assert_eq!(found.len(), Cuda::devices().expect("a driver").len());
        }
        other => assert!(matches!(other, Err(CudaError::NoDriver { .. })), "{other:?}"),
    }
}

#[test]
fn devices_are_opened_by_index_and_by_name() {
    let Some(first) = open(&Options::new()) else { return };
    let lasting = |gpu: &enfold_cuda::Gpu| !gpu.name.contains("mortal");
    for gpu in Cuda::devices().expect("a driver").into_iter().filter(lasting) {
        let opened = Options::new().index(gpu.index).open().expect("a listed device");
        assert_eq!(opened.gpu(), &gpu);
    }
    let name = first.gpu().name.to_uppercase();
    assert_eq!(
        open(&Options::new().name(&name)).map(|g| g.gpu().clone()),
        Some(first.gpu().clone())
    );
}

#[test]
fn a_buffer_of_another_device_is_refused() {
    let (Some(one), Some(two)) = (open(&Options::new()), open(&Options::new())) else { return };
    let (src, mut dst) = (put(&one, &[1.0f32; 8]), put(&two, &[0.0f32; 8]));
    assert_eq!(two.copy(&src, 0, &mut dst, 0, 8), Err(CudaError::Foreign));
    assert_eq!(get(&two, &dst), [0.0; 8]);
}

/// Not a test: what a process with another driver says.
#[test]
#[ignore = "run by the test below, with a driver of its choice"]
fn says_what_it_finds() {
    println!("found: {:?}", Options::new().open().map(|gpu| gpu.gpu().name.clone()));
}

fn with_driver(folder: &PathBuf) -> String {
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.args(["--ignored", "--exact", "--nocapture", "says_what_it_finds"]);
    let out = child.env("LD_LIBRARY_PATH", folder).output().expect("a process");
    let out = String::from_utf8_lossy(&out.stdout).into_owned();
    let line = out.lines().find(|l| l.contains("found: "));
    line.unwrap_or_else(|| panic!("no answer in {out:?}")).to_owned()
}

#[test]
fn drivers_that_are_missing_old_or_without_a_device_are_named() {
    let beside = |path: &str| {
        let first = PathBuf::from(path.split(':').find(|p| p.ends_with("shim"))?);
        Some(first.parent()?.to_owned())
    };
    let path = std::env::var("LD_LIBRARY_PATH").unwrap_or_default();
    let (true, Some(all)) = (stand_in(), beside(&path)) else { return };
    let expected = [
        ("shim", "Ok(\"enfold stand-in\")"),
        ("empty", "NoDevice"),
        ("old", "OldDriver { found: \"it is for CUDA 11.4\""),
        ("lacking", "cuMemAllocAsync"),
        ("there is no such folder", "NoDriver"),
    ];
    for (folder, said) in expected {
        let found = with_driver(&all.join(folder));
        assert!(found.contains(said), "{folder}: {found}");
    }
}
