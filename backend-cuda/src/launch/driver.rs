//! Finding the driver, and what it says of the devices.
//!
//! cudarc panics where a library or a symbol is missing, so [`probe`] opens the library itself and
//! asks for every symbol used in this folder before the first call goes to cudarc.

use std::ffi::c_void;
use std::sync::OnceLock;

use cudarc::driver::result;
use cudarc::driver::sys::{self, CUdevice, CUdevice_attribute_enum as Attribute};
use libloading::Library;

use super::{Done, told};
use crate::error::CudaError;

/// The least driver that loads the kernels: PTX 8.1, which came with CUDA 12.1.
const LEAST_DRIVER: i32 = 12010;
pub(crate) const NEEDED: &str = "a driver for CUDA 12.1 or newer (530 or newer)";
/// Names of the driver's library.
#[cfg(not(windows))]
const LIBRARIES: &[&str] = &["libcuda.so", "libcuda.so.1"];
#[cfg(windows)]
const LIBRARIES: &[&str] = &["nvcuda.dll"];
/// Every symbol of the driver that is called in this folder.
const SYMBOLS: &[&str] = &[
    "cuCtxSetCurrent",
    "cuDeviceGet",
    "cuDeviceGetAttribute",
    "cuDeviceGetCount",
    "cuDeviceGetDefaultMemPool",
    "cuDeviceGetName",
    "cuDevicePrimaryCtxRelease_v2",
    "cuDevicePrimaryCtxRetain",
    "cuDeviceTotalMem_v2",
    "cuDriverGetVersion",
    "cuEventCreate",
    "cuEventDestroy_v2",
    "cuEventRecord",
    "cuEventSynchronize",
    "cuFuncSetAttribute",
    "cuGetErrorString",
    "cuInit",
    "cuLaunchKernel",
    "cuMemAllocAsync",
    "cuMemAlloc_v2",
    "cuMemFreeAsync",
    "cuMemFreeHost",
    "cuMemFree_v2",
    "cuMemHostAlloc",
    "cuMemPoolSetAttribute",
    "cuMemPoolTrimTo",
    "cuMemcpyDtoDAsync_v2",
    "cuMemcpyDtoHAsync_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemsetD8Async",
    "cuModuleGetFunction",
    "cuModuleLoadData",
    "cuModuleUnload",
    "cuStreamCreate",
    "cuStreamDestroy_v2",
    "cuStreamSynchronize",
    "cuStreamWaitEvent",
];

/// Opens the first library of a list of names that has all these symbols.
///
/// # Errors
/// What is missing.
pub(crate) fn library(names: &[&str], symbols: &[&str]) -> Result<Library, String> {
    // SAFETY: what runs on loading is NVIDIA's start-up code, which any program with CUDA runs.
    let open = |name: &&str| unsafe { Library::new(*name) }.ok();
    let Some(library) = names.iter().find_map(open) else {
        return Err(format!("no library {}", names.join(" or ")));
    };
    // SAFETY: the symbol is only looked for, never called through this type.
    let has = |s: &&&str| unsafe { library.get::<*const c_void>(s.as_bytes()) }.is_ok();
    match symbols.iter().find(|s| !has(s)) {
        Some(lacking) => Err(format!("its library has no {lacking}")),
        None => Ok(library),
    }
}

/// Whether there is a driver that can be asked anything at all; asked once for a process.
///
/// # Errors
/// There is none, it is too old, or it does not start.
pub(crate) fn probe() -> Done {
    static FOUND: OnceLock<Done> = OnceLock::new();
    FOUND.get_or_init(start).clone()
}

fn start() -> Done {
    if let Err(why) = library(LIBRARIES, &[]) {
        return Err(CudaError::NoDriver { why });
    }
    match library(LIBRARIES, SYMBOLS) {
        // Never unloaded: cudarc keeps its own handle.
        Ok(library) => std::mem::forget(library),
        Err(found) => return Err(CudaError::OldDriver { found, needed: NEEDED }),
    }
    result::init().map_err(|e| match told(e) {
        e @ CudaError::NoDevice { .. } => e,
        e => CudaError::NoDriver { why: e.to_string() },
    })?;
    match version()? {
        v if v < LEAST_DRIVER => {
            let found = format!("it is for CUDA {}.{}", v / 1000, v % 1000 / 10);
            Err(CudaError::OldDriver { found, needed: NEEDED })
        }
        _ => Ok(()),
    }
}

/// The newest CUDA that the driver knows, as 1000 · major + 10 · minor.
fn version() -> Result<i32, CudaError> {
    let mut version = 0;
    // SAFETY: `start` found the symbol, and the pointer is to an integer of ours.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }.result().map_err(told)?;
    Ok(version)
}

/// A device as the driver describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) capability: (u32, u32),
    pub(crate) memory: u64,
    pub(crate) processors: u32,
    pub(crate) driver: i32,
}

/// How many devices there are.
///
/// # Errors
/// As [`probe`].
pub(crate) fn count() -> Result<usize, CudaError> {
    match probe() {
        Ok(()) => {
            result::device::get_count().map(|n| usize::try_from(n).unwrap_or(0)).map_err(told)
        }
        Err(CudaError::NoDevice { .. }) => Ok(0),
        Err(e) => Err(e),
    }
}

pub(super) fn device(ordinal: usize) -> Result<CUdevice, CudaError> {
    probe()?;
    result::device::get(i32::try_from(ordinal).unwrap_or(i32::MAX)).map_err(told)
}

pub(super) fn attribute(device: CUdevice, attribute: Attribute) -> Result<u32, CudaError> {
    // SAFETY: the device came from `device`, so there is such a one.
    let value = unsafe { result::device::get_attribute(device, attribute) }.map_err(told)?;
    Ok(u32::try_from(value).unwrap_or(0))
}

/// What a device is.
///
/// # Errors
/// There is no such device, or no driver.
pub(crate) fn describe(ordinal: usize) -> Result<Described, CudaError> {
    let device = device(ordinal)?;
    // SAFETY: as above.
    let memory = unsafe { result::device::total_mem(device) }.map_err(told)?;
    let ask = |what| attribute(device, what);
    Ok(Described {
        name: result::device::get_name(device).map_err(told)?,
        capability: (
            ask(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            ask(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        ),
        memory: memory as u64,
        processors: ask(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
        driver: version()?,
    })
}
