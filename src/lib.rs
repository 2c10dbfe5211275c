#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod data;
mod device;
pub mod feed;
pub mod select;

pub use data::{DataError, Table};
pub use device::Device;
pub use enfold_core::*;
pub use enfold_cpu::Cpu;
