//! A machine chosen at run time: the CPU or a GPU, behind one type.

use std::fmt::{self, Display, Formatter};

use bytemuck::Pod;
use enfold_core::{
    Alloc, Backend, BackendError, Epoch, ErrorKind, Graph, Nearest, Pairs, Rows, ShapeError, Sums,
};
use enfold_cpu::Cpu;
use enfold_wgpu::{Adapter, Kind, Options, Wgpu, WgpuBuf, WgpuError};

use crate::Device;

/// The CPU or a GPU, chosen at run time. A cheap handle; clones share the machine.
///
/// ```
/// use enfold::{Any, Device, KMeans, Table};
///
/// let table = Table::from_arrays(&[[0.0f32, 0.0], [0.1, 0.0], [9.0, 9.0], [9.1, 9.0]]);
/// let machine: Any = Device::best();
/// let rows = machine.upload(table.rows())?;
/// let fit = KMeans::new(2).fit(&machine, enfold::rows::<Any>(&rows, 2)?)?;
/// assert_eq!(fit.labels[0], fit.labels[1]);
/// assert_ne!(fit.labels[0], fit.labels[2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone)]
pub enum Any {
    /// The CPU, with all its cores.
    Cpu(Cpu<f32>),
    /// A GPU.
    Wgpu(Wgpu),
}

/// A buffer of the machine that made it.
#[non_exhaustive]
#[derive(Debug)]
pub enum AnyBuf<T> {
    /// In the host's memory.
    Cpu(Vec<T>),
    /// On a GPU.
    Wgpu(WgpuBuf<T>),
}

/// What a machine reports.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyError {
    /// The GPU's.
    Wgpu(WgpuError),
    /// A buffer of another machine was handed over.
    Foreign,
    /// A view that does not fit its buffer.
    Shape(ShapeError),
}

impl Display for AnyError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wgpu(e) => e.fmt(f),
            Self::Foreign => f.write_str("a buffer of another machine"),
            Self::Shape(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for AnyError {}

impl BackendError for AnyError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Wgpu(e) => e.kind(),
            _ => ErrorKind::Other,
        }
    }
}

impl From<WgpuError> for AnyError {
    fn from(e: WgpuError) -> Self {
        Self::Wgpu(e)
    }
}

impl From<core::convert::Infallible> for AnyError {
    fn from(e: core::convert::Infallible) -> Self {
        match e {}
    }
}

impl From<ShapeError> for AnyError {
    fn from(e: ShapeError) -> Self {
        Self::Shape(e)
    }
}

impl Device {
    /// The best GPU of this machine, through Vulkan, Metal or DX12.
    ///
    /// # Errors
    /// There is none, and what was looked for; or it does not open.
    pub fn wgpu() -> Result<Any, WgpuError> {
        Wgpu::new().map(Any::Wgpu)
    }

    /// The GPU with this place in [`adapters`](Self::adapters).
    ///
    /// # Errors
    /// As [`wgpu`](Self::wgpu).
    pub fn wgpu_at(index: usize) -> Result<Any, WgpuError> {
        Options::new().index(index).open().map(Any::Wgpu)
    }

    /// The first GPU whose name or driver contains `name`.
    ///
    /// # Errors
    /// As [`wgpu`](Self::wgpu).
    pub fn wgpu_named(name: &str) -> Result<Any, WgpuError> {
        Options::new().name(name).open().map(Any::Wgpu)
    }

    /// Every adapter that can compute.
    #[must_use]
    pub fn adapters() -> Vec<Adapter> {
        Wgpu::adapters()
    }

    /// A GPU where there is one that opens, the CPU otherwise. A driver that computes on the CPU
    /// is no GPU: the CPU backend is faster.
    #[must_use]
    pub fn best() -> Any {
        match Wgpu::new() {
            Ok(gpu) if gpu.adapter().kind != Kind::Cpu => Any::Wgpu(gpu),
            _ => Any::Cpu(Cpu::new()),
        }
    }
}

impl Any {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Cpu(_) => "CPU",
            Self::Wgpu(gpu) => &gpu.adapter().name,
        }
    }

    /// A buffer with a copy of rows of the host.
    ///
    /// # Errors
    /// The machine's.
    pub fn upload(&self, rows: Rows<'_, [f32]>) -> Result<AnyBuf<f32>, AnyError> {
        let mut buf = self.alloc(rows.len() * rows.dim())?;
        self.write(&mut buf, 0, rows.as_slice())?;
        Ok(buf)
    }
}

type Done = Result<(), AnyError>;
type Values = AnyBuf<f32>;
type Indices = AnyBuf<u32>;

impl<T> AnyBuf<T> {
    fn cpu(&self) -> Result<&[T], AnyError> {
        if let Self::Cpu(buf) = self { Ok(buf) } else { Err(AnyError::Foreign) }
    }

    fn cpu_mut(&mut self) -> Result<&mut [T], AnyError> {
        if let Self::Cpu(buf) = self { Ok(buf) } else { Err(AnyError::Foreign) }
    }

    fn wgpu(&self) -> Result<&WgpuBuf<T>, AnyError> {
        if let Self::Wgpu(buf) = self { Ok(buf) } else { Err(AnyError::Foreign) }
    }

    fn wgpu_mut(&mut self) -> Result<&mut WgpuBuf<T>, AnyError> {
        if let Self::Wgpu(buf) = self { Ok(buf) } else { Err(AnyError::Foreign) }
    }
}

/// What a backend's views are made of, from views of any machine's buffers.
trait Views: Backend<Elem = f32> {
    fn values(buf: &Values) -> Result<&Self::Buf<f32>, AnyError>;

    fn rows(rows: Rows<'_, Values>) -> Result<Rows<'_, Self::Buf<f32>>, AnyError> {
        let all = enfold_core::rows::<Self>(Self::values(rows.data())?, rows.dim())?;
        Ok(all.range(rows.start(), rows.end())?)
    }

    fn pairs<'a>(pairs: &Pairs<'a, Values>) -> Result<Pairs<'a, Self::Buf<f32>>, AnyError> {
        let (x, y) = (Self::rows(pairs.x())?, Self::rows(pairs.y())?);
        Ok(Pairs::new(x, y, pairs.metric())?.visit(pairs.visited())?)
    }
}

impl Views for Cpu<f32> {
    fn values(buf: &Values) -> Result<&[f32], AnyError> {
        buf.cpu()
    }
}

impl Views for Wgpu {
    fn values(buf: &Values) -> Result<&WgpuBuf<f32>, AnyError> {
        buf.wgpu()
    }
}

impl Backend for Any {
    type Elem = f32;
    type Error = AnyError;
    type Buf<T: Pod> = AnyBuf<T>;

    fn len<T: Pod>(buf: &AnyBuf<T>) -> usize {
        match buf {
            AnyBuf::Cpu(buf) => buf.len(),
            AnyBuf::Wgpu(buf) => buf.len(),
        }
    }

    fn write<T: Pod>(&self, dst: &mut AnyBuf<T>, at: usize, src: &[T]) -> Done {
        match self {
            Self::Cpu(b) => b.write(dst.cpu_mut()?, at, src)?,
            Self::Wgpu(b) => b.write(dst.wgpu_mut()?, at, src)?,
        }
        Ok(())
    }

    fn read<T: Pod>(&self, src: &AnyBuf<T>, at: usize, dst: &mut [T]) -> Done {
        match self {
            Self::Cpu(b) => b.read(src.cpu()?, at, dst)?,
            Self::Wgpu(b) => b.read(src.wgpu()?, at, dst)?,
        }
        Ok(())
    }

    fn fill<T: Pod>(&self, dst: &mut AnyBuf<T>, value: T) -> Done {
        match self {
            Self::Cpu(b) => b.fill(dst.cpu_mut()?, value)?,
            Self::Wgpu(b) => b.fill(dst.wgpu_mut()?, value)?,
        }
        Ok(())
    }

    fn distances(&self, pairs: Pairs<'_, Values>, out: &mut [f32]) -> Done {
        match self {
            Self::Cpu(b) => b.distances(Cpu::<f32>::pairs(&pairs)?, out)?,
            Self::Wgpu(b) => b.distances(Wgpu::pairs(&pairs)?, out)?,
        }
        Ok(())
    }

    fn nearest(&self, pairs: Pairs<'_, Values>, best: Nearest<'_, Values, Indices>) -> Done {
        match self {
            Self::Cpu(b) => {
                let Nearest { k, dist, index } = best;
                let best = Nearest { k, dist: dist.cpu_mut()?, index: index.cpu_mut()? };
                b.nearest(Cpu::<f32>::pairs(&pairs)?, best)?
            }
            Self::Wgpu(b) => {
                let Nearest { k, dist, index } = best;
                let best = Nearest { k, dist: dist.wgpu_mut()?, index: index.wgpu_mut()? };
                b.nearest(Wgpu::pairs(&pairs)?, best)?
            }
        }
        Ok(())
    }

    fn count_within(
        &self,
        pairs: Pairs<'_, Values>,
        radii: &Values,
        k: usize,
        counts: &mut Indices,
    ) -> Done {
        match self {
            Self::Cpu(b) => {
                b.count_within(Cpu::<f32>::pairs(&pairs)?, radii.cpu()?, k, counts.cpu_mut()?)?
            }
            Self::Wgpu(b) => {
                b.count_within(Wgpu::pairs(&pairs)?, radii.wgpu()?, k, counts.wgpu_mut()?)?
            }
        }
        Ok(())
    }

    fn lowest_within(
        &self,
        pairs: Pairs<'_, Values>,
        radius: f32,
        values: &Indices,
        lowest: &mut Indices,
    ) -> Done {
        match self {
            Self::Cpu(b) => b.lowest_within(
                Cpu::<f32>::pairs(&pairs)?,
                radius,
                values.cpu()?,
                lowest.cpu_mut()?,
            )?,
            Self::Wgpu(b) => {
                b.lowest_within(Wgpu::pairs(&pairs)?, radius, values.wgpu()?, lowest.wgpu_mut()?)?
            }
        }
        Ok(())
    }

    fn join_within(
        &self,
        pairs: Pairs<'_, Values>,
        radius: f32,
        member: &Indices,
        parent: &mut Indices,
    ) -> Done {
        match self {
            Self::Cpu(b) => {
                b.join_within(Cpu::<f32>::pairs(&pairs)?, radius, member.cpu()?, parent.cpu_mut()?)?
            }
            Self::Wgpu(b) => {
                b.join_within(Wgpu::pairs(&pairs)?, radius, member.wgpu()?, parent.wgpu_mut()?)?
            }
        }
        Ok(())
    }

    fn sum_by_label(
        &self,
        pairs: Pairs<'_, Values>,
        labels: &Indices,
        k: usize,
        sums: &mut Values,
    ) -> Done {
        match self {
            Self::Cpu(b) => {
                b.sum_by_label(Cpu::<f32>::pairs(&pairs)?, labels.cpu()?, k, sums.cpu_mut()?)?
            }
            Self::Wgpu(b) => {
                b.sum_by_label(Wgpu::pairs(&pairs)?, labels.wgpu()?, k, sums.wgpu_mut()?)?
            }
        }
        Ok(())
    }

    fn accumulate(
        &self,
        x: Rows<'_, Values>,
        labels: &Indices,
        weights: Option<&Values>,
        origins: Rows<'_, Values>,
        scale: f32,
        into: Sums<'_, Self>,
    ) -> Done {
        match self {
            Self::Cpu(b) => {
                let (x, origins) = (Cpu::<f32>::rows(x)?, Cpu::<f32>::rows(origins)?);
                let weights = weights.map(AnyBuf::cpu).transpose()?;
                let scatter = into.scatter.map(AnyBuf::cpu_mut).transpose()?;
                let into =
                    Sums { offsets: into.offsets.cpu_mut()?, mass: into.mass.cpu_mut()?, scatter };
                b.accumulate(x, labels.cpu()?, weights, origins, scale, into)?
            }
            Self::Wgpu(b) => {
                let (x, origins) = (Wgpu::rows(x)?, Wgpu::rows(origins)?);
                let weights = weights.map(AnyBuf::wgpu).transpose()?;
                let scatter = into.scatter.map(AnyBuf::wgpu_mut).transpose()?;
                let into = Sums {
                    offsets: into.offsets.wgpu_mut()?,
                    mass: into.mass.wgpu_mut()?,
                    scatter,
                };
                b.accumulate(x, labels.wgpu()?, weights, origins, scale, into)?
            }
        }
        Ok(())
    }

    fn layout(
        &self,
        graph: Graph<'_, Values, Indices>,
        epoch: Epoch,
        from: Rows<'_, Values>,
        to: &mut Values,
    ) -> Done {
        match self {
            Self::Cpu(b) => {
                let Graph { offsets, targets, weights } = graph;
                let graph = Graph {
                    offsets: offsets.cpu()?,
                    targets: targets.cpu()?,
                    weights: weights.cpu()?,
                };
                b.layout(graph, epoch, Cpu::<f32>::rows(from)?, to.cpu_mut()?)?
            }
            Self::Wgpu(b) => {
                let Graph { offsets, targets, weights } = graph;
                let graph = Graph {
                    offsets: offsets.wgpu()?,
                    targets: targets.wgpu()?,
                    weights: weights.wgpu()?,
                };
                b.layout(graph, epoch, Wgpu::rows(from)?, to.wgpu_mut()?)?
            }
        }
        Ok(())
    }

    fn sums(
        &self,
        values: &Values,
        weights: Option<&Values>,
        len: usize,
        chunk: usize,
        out: &mut [f64],
    ) -> Done {
        match self {
            Self::Cpu(b) => {
                let weights = weights.map(AnyBuf::cpu).transpose()?;
                b.sums(values.cpu()?, weights, len, chunk, out)?
            }
            Self::Wgpu(b) => {
                let weights = weights.map(AnyBuf::wgpu).transpose()?;
                b.sums(values.wgpu()?, weights, len, chunk, out)?
            }
        }
        Ok(())
    }

    fn copy(&self, src: &Values, from: usize, dst: &mut Values, to: usize, len: usize) -> Done {
        match self {
            Self::Cpu(b) => b.copy(src.cpu()?, from, dst.cpu_mut()?, to, len)?,
            Self::Wgpu(b) => b.copy(src.wgpu()?, from, dst.wgpu_mut()?, to, len)?,
        }
        Ok(())
    }

    fn sync(&self) -> Done {
        match self {
            Self::Cpu(b) => b.sync()?,
            Self::Wgpu(b) => b.sync()?,
        }
        Ok(())
    }
}

impl Alloc for Any {
    type Owned<T: Pod> = AnyBuf<T>;

    fn alloc<T: Pod>(&self, len: usize) -> Result<AnyBuf<T>, AnyError> {
        Ok(match self {
            Self::Cpu(b) => AnyBuf::Cpu(b.alloc(len)?),
            Self::Wgpu(b) => AnyBuf::Wgpu(b.alloc(len)?),
        })
    }
}
