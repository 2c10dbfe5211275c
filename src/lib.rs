#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod any;
#[cfg(feature = "pca")]
pub mod correlation;
pub mod data;
mod device;
pub mod feed;
#[cfg(feature = "pca")]
pub mod pca;
pub mod select;
#[cfg(feature = "trials")]
pub mod trials;

#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub use any::{Any, AnyBuf, AnyError};
pub use data::{DataError, Table};
pub use device::Device;
pub use enfold_core::*;
pub use enfold_cpu::Cpu;
#[cfg(feature = "cuda")]
pub use enfold_cuda::{Cuda, CudaError, Gpu};
#[cfg(feature = "wgpu")]
pub use enfold_wgpu::{Adapter, Wgpu, WgpuError};
