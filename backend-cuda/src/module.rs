//! The kernels: which module a kernel is in, and where its code comes from.
//!
//! `ptx/` holds what `ci.sh ptx` made of `kernels/`; the driver compiles it for its device and keeps
//! the result. With feature `nvrtc`, [`Options::compile`](crate::Options) compiles the sources here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::device::Gpu;
use crate::error::CudaError;
use crate::launch::{Context, Function, Module};
use crate::queue::lock;

#[cfg(feature = "nvrtc")]
mod compile;

/// A source file of kernels.
#[derive(Debug)]
struct Part {
    name: &'static str,
    ptx: &'static str,
    #[cfg(feature = "nvrtc")]
    source: &'static str,
}

macro_rules! parts {
    ($($name:literal)*) => {
        &[$(Part {
            name: $name,
            ptx: include_str!(concat!("../ptx/", $name, ".ptx")),
            #[cfg(feature = "nvrtc")]
            source: include_str!(concat!("../kernels/", $name, ".cu")),
        }),*]
    };
}

const PARTS: &[Part] = parts! {
    "nearest" "select" "count" "lowest" "join" "labels" "distances"
    "filter" "few" "accumulate" "sums" "layout" "words"
};

/// Bytes of shared memory that launches ask for, at most.
pub(crate) const DYNAMIC: u32 = 48 << 10;

/// Where the code comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Source {
    /// The PTX of this crate.
    #[default]
    Shipped,
    /// NVRTC, for the device's own architecture.
    #[cfg(feature = "nvrtc")]
    Compiled,
}

/// The kernels of a device, loaded when first asked for.
#[derive(Debug)]
pub(crate) struct Kernels {
    source: Source,
    #[cfg_attr(not(feature = "nvrtc"), expect(dead_code, reason = "PTX is for every device"))]
    capability: (u32, u32),
    found: Mutex<Found>,
    context: Arc<Context>,
}

#[derive(Debug, Default)]
struct Found {
    functions: HashMap<String, Function>,
    modules: HashMap<&'static str, Module>,
}

impl Kernels {
    pub(crate) fn new(context: &Arc<Context>, gpu: &Gpu, source: Source) -> Self {
        let found = Mutex::default();
        Self { source, capability: gpu.capability, found, context: Arc::clone(context) }
    }

    /// The kernel of a name.
    ///
    /// # Errors
    /// Its module does not load or compile.
    pub(crate) fn find(&self, name: &str) -> Result<Function, CudaError> {
        let mut found = lock(&self.found);
        let Found { functions, modules } = &mut *found;
        if let Some(&function) = functions.get(name) {
            return Ok(function);
        }
        let part = part_of(name);
        if !modules.contains_key(part.name) {
            modules.insert(part.name, self.load(part)?);
        }
        // What these ask for at a launch comes on top of what they have: more than a block gets
        // unasked.
        let shared = if matches!(part.name, "labels" | "accumulate") { DYNAMIC } else { 0 };
        let function = modules[part.name].function(name, shared)?;
        functions.insert(name.to_owned(), function);
        Ok(function)
    }

    fn load(&self, part: &Part) -> Result<Module, CudaError> {
        match self.source {
            Source::Shipped => Module::load(&self.context, part.ptx.as_bytes()),
            #[cfg(feature = "nvrtc")]
            Source::Compiled => {
                let image = compile::image(part.name, part.source, self.capability)?;
                Module::load(&self.context, &image)
            }
        }
    }
}

/// The module of a kernel: what its name begins with, unless it lives with others.
fn part_of(name: &str) -> &'static Part {
    let begins = |part: &&str| name.starts_with(part);
    let first = match name {
        "flatten" => "join",
        "centre_rows" | "pack_fp32" | "pack_tensor" => "filter",
        _ if ["nearest_fp32", "nearest_tensor", "nearest_open"].iter().any(begins) => "filter",
        _ if ["select_fp32", "select_tensor"].iter().any(begins) => "few",
        "fill_words" | "count_changed" => "words",
        _ => name.split('_').next().unwrap_or_default(),
    };
    PARTS.iter().find(|part| part.name == first).unwrap_or(&PARTS[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words after `.version` and `.target` of PTX.
    fn said<'a>(ptx: &'a str, what: &str) -> Option<&'a str> {
        ptx.lines().find_map(|line| line.strip_prefix(what)).map(str::trim)
    }

    #[test]
    fn every_module_is_for_the_driver_and_the_devices_that_are_promised() {
        for part in PARTS {
            assert_eq!(said(part.ptx, ".version"), Some("8.1"), "{}", part.name);
            assert_eq!(said(part.ptx, ".target"), Some("sm_80"), "{}", part.name);
            assert!(part.ptx.contains(".address_size 64"), "{}", part.name);
        }
    }

    #[test]
    fn kernels_are_looked_for_where_they_are() {
        for part in PARTS {
            let entries = part.ptx.lines().filter_map(|line| line.split(".entry ").nth(1));
            let names: Vec<_> = entries.map(|e| e.trim_end_matches('(')).collect();
            assert!(!names.is_empty(), "{}", part.name);
            for name in names {
                assert_eq!(part_of(name).name, part.name, "{name}");
            }
        }
    }
}
