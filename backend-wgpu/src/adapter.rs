//! Which GPU: the list of adapters, and the choice of one.

use std::sync::Arc;

use wgpu::{Backends, DeviceType, Instance, InstanceDescriptor};

use crate::Wgpu;
use crate::error::WgpuError;
use crate::queue::Shared;

/// What an adapter is made of.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A card with memory of its own.
    Discrete,
    /// A GPU that shares the memory of the CPU.
    Integrated,
    /// A GPU lent by a hypervisor.
    Virtual,
    /// Something else.
    Other,
    /// A driver that computes on the CPU.
    Cpu,
}

/// An adapter of this machine, as [`Wgpu::adapters`] lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// Its place in the list.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its driver and the driver's version.
    pub driver: String,
    /// The interface it is reached through: `"vulkan"`, `"metal"`, `"dx12"`.
    pub interface: &'static str,
    /// What it is made of.
    pub kind: Kind,
}

/// Which adapter to open, and with which limits.
///
/// ```
/// use enfold_wgpu::{Options, Wgpu, WgpuError};
///
/// match Options::new().name("no such adapter").open() {
///     Err(WgpuError::NoAdapter { wanted, .. }) => assert!(wanted.contains("no such adapter")),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    name: Option<String>,
    index: Option<usize>,
    limits: Limits,
}

/// Limits to ask for, below those of the adapter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) binding: Option<u64>,
    pub(crate) buffer: Option<u64>,
    pub(crate) groups: Option<u32>,
    pub(crate) workgroup: Option<u32>,
    pub(crate) staged: Option<bool>,
    pub(crate) worth: Option<u64>,
}

impl Options {
    /// The best adapter: a card before an integrated GPU before a driver on the CPU.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An adapter whose name or driver contains `part`, whatever the case of its letters.
    #[must_use]
    pub fn name(mut self, part: impl Into<String>) -> Self {
        self.name = Some(part.into());
        self
    }

    /// The adapter with this place in the list.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    /// At most so many bytes of a buffer in one shader binding; more are walked in windows.
    #[must_use]
    pub fn binding_limit(mut self, bytes: u64) -> Self {
        self.limits.binding = Some(bytes);
        self
    }

    /// At most so many bytes in one buffer.
    #[must_use]
    pub fn buffer_limit(mut self, bytes: u64) -> Self {
        self.limits.buffer = Some(bytes);
        self
    }

    /// At most so many workgroups along one side of a dispatch.
    #[must_use]
    pub fn dispatch_limit(mut self, groups: u32) -> Self {
        self.limits.groups = Some(groups);
        self
    }

    /// At most so many bytes of workgroup memory.
    #[must_use]
    pub fn workgroup_limit(mut self, bytes: u32) -> Self {
        self.limits.workgroup = Some(bytes);
        self
    }

    /// Whether rows of y are staged in workgroup memory: by default on a GPU, and not where the
    /// CPU stands in for one, which has no such memory. The answers are the same.
    #[must_use]
    pub fn staged(mut self, staged: bool) -> Self {
        self.limits.staged = Some(staged);
        self
    }

    /// After how many multiplications of one kind a shader is compiled for just that fold and
    /// length of rows, which is faster; by default some tens of millions. The answers are the same.
    #[must_use]
    pub fn specialize_after(mut self, multiplications: u64) -> Self {
        self.limits.worth = Some(multiplications);
        self
    }

    /// Opens the adapter.
    ///
    /// # Errors
    /// [`WgpuError::NoAdapter`] says what was looked for and what there is;
    /// [`WgpuError::Open`] why the adapter refused.
    pub fn open(&self) -> Result<Wgpu, WgpuError> {
        let all = every();
        let names = || all.iter().map(|a| describe(a).line()).collect();
        let none = || WgpuError::NoAdapter { wanted: self.wanted(), found: names() };
        let fits = |a: &&(usize, wgpu::Adapter)| self.fits(&describe(a));
        let best = all.iter().filter(fits).min_by_key(|a| (describe(a).kind, a.0));
        let adapter = best.ok_or_else(none)?;
        Shared::open(describe(adapter), &adapter.1, self.limits)
            .map(|s| Wgpu { shared: Arc::new(s) })
    }

    fn fits(&self, adapter: &Adapter) -> bool {
        let named = |part: &String| {
            let part = part.to_lowercase();
            [&adapter.name, &adapter.driver].iter().any(|s| s.to_lowercase().contains(&part))
        };
        self.name.as_ref().is_none_or(named) && self.index.is_none_or(|i| i == adapter.index)
    }

    fn wanted(&self) -> String {
        match (&self.name, self.index) {
            (Some(name), Some(index)) => format!("adapter {index} named like {name:?}"),
            (Some(name), None) => format!("an adapter named like {name:?}"),
            (None, Some(index)) => format!("adapter {index}"),
            (None, None) => "any adapter with compute shaders (Vulkan, Metal, DX12)".into(),
        }
    }
}

impl Adapter {
    fn line(&self) -> String {
        format!("{}: {} ({})", self.index, self.name, self.interface)
    }
}

/// Every adapter that can compute, with its place.
pub(crate) fn every() -> Vec<(usize, wgpu::Adapter)> {
    let wanted = Backends::VULKAN | Backends::METAL | Backends::DX12;
    let mut desc = InstanceDescriptor::new_without_display_handle();
    desc.backends = wanted;
    let all = pollster::block_on(Instance::new(desc).enumerate_adapters(wanted));
    let computes = |a: &wgpu::Adapter| {
        a.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
    };
    all.into_iter().filter(computes).enumerate().collect()
}

pub(crate) fn describe((index, adapter): &(usize, wgpu::Adapter)) -> Adapter {
    let info = adapter.get_info();
    let kind = match info.device_type {
        DeviceType::DiscreteGpu => Kind::Discrete,
        DeviceType::IntegratedGpu => Kind::Integrated,
        DeviceType::VirtualGpu => Kind::Virtual,
        DeviceType::Cpu => Kind::Cpu,
        DeviceType::Other => Kind::Other,
    };
    let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
    Adapter { index: *index, name: info.name, driver, interface: info.backend.to_str(), kind }
}
