//! Which GPU: the list of devices, and the choice of one.

use crate::Cuda;
use crate::error::CudaError;
use crate::filter::Filter;
use crate::launch::{self, Described};
use crate::module::Source;
use crate::queue::Shared;

/// A device of this machine, as [`Cuda::devices`] lists it.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// Its place in the list, which is the driver's (`CUDA_VISIBLE_DEVICES` chooses and orders).
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its compute capability: (9, 0) is Hopper.
    pub capability: (u32, u32),
    /// Bytes of memory.
    pub memory: u64,
    /// Multiprocessors.
    pub processors: u32,
    /// The newest CUDA that its driver knows: (12, 4).
    pub driver: (u32, u32),
}

/// Which device to open, and how.
///
/// ```
/// use enfold_cuda::{CudaError, Options};
///
/// match Options::new().name("no such device").open() {
///     Err(CudaError::NoDevice { wanted, .. }) => assert!(wanted.contains("no such device")),
///     Err(CudaError::NoDriver { .. } | CudaError::OldDriver { .. }) => {} // nothing to look through
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    name: Option<String>,
    index: Option<usize>,
    grid: Option<u32>,
    filter: Filter,
    source: Source,
}

impl Options {
    /// The first device.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A device whose name contains `part`, whatever the case of its letters.
    #[must_use]
    pub fn name(mut self, part: impl Into<String>) -> Self {
        self.name = Some(part.into());
        self
    }

    /// The device with this place in the list.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    /// At most so many blocks in a launch; by default what CUDA allows, 2³¹ − 1. The answers are the
    /// same.
    #[must_use]
    pub fn grid_limit(mut self, blocks: u32) -> Self {
        self.grid = Some(blocks.max(1));
        self
    }

    /// How the nearest rows are looked for, [`Filter::Auto`] by default. The answers are the same.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Compiles the kernels for the device's own architecture with the NVRTC of this machine, and
    /// keeps what it made in a folder of the user's – `ENFOLD_CUDA_CACHE`, else `enfold-cuda` in
    /// `XDG_CACHE_HOME` or `~/.cache` –, one file for each kernel source, architecture and NVRTC.
    /// Without this, the driver compiles the PTX that comes with this crate, and keeps that itself.
    /// The answers are the same.
    #[cfg(feature = "nvrtc")]
    #[must_use]
    pub fn compile(mut self) -> Self {
        self.source = Source::Compiled;
        self
    }

    /// Opens the device.
    ///
    /// # Errors
    /// [`CudaError::NoDriver`] and [`CudaError::OldDriver`] say what this machine lacks;
    /// [`CudaError::NoDevice`] what was looked for and what there is; else the driver's.
    pub fn open(&self) -> Result<Cuda, CudaError> {
        let all = every()?;
        let found = all.iter().map(|g| format!("{}: {}", g.index, g.name)).collect();
        let none = || CudaError::NoDevice { wanted: self.wanted(), found };
        let gpu = all.iter().find(|g| self.fits(g)).ok_or_else(none)?.clone();
        let grid = self.grid.unwrap_or(i32::MAX as u32);
        Ok(Cuda { shared: Shared::open(gpu, self.source, grid, self.filter)? })
    }

    fn fits(&self, gpu: &Gpu) -> bool {
        let named = |part: &String| gpu.name.to_lowercase().contains(&part.to_lowercase());
        self.name.as_ref().is_none_or(named) && self.index.is_none_or(|i| i == gpu.index)
    }

    fn wanted(&self) -> String {
        match (&self.name, self.index) {
            (Some(name), Some(index)) => format!("device {index} named like {name:?}"),
            (Some(name), None) => format!("a device named like {name:?}"),
            (None, Some(index)) => format!("device {index}"),
            (None, None) => "any CUDA device".into(),
        }
    }
}

/// Every device, with its place.
pub(crate) fn every() -> Result<Vec<Gpu>, CudaError> {
    (0..launch::count()?).map(|index| launch::describe(index).map(|d| gpu(index, d))).collect()
}

fn gpu(index: usize, described: Described) -> Gpu {
    let Described { name, capability, memory, processors, driver } = described;
    let driver = u32::try_from(driver).unwrap_or(0);
    let driver = (driver / 1000, driver % 1000 / 10);
    Gpu { index, name, capability, memory, processors, driver }
}
