//! A machine chosen at run time: the CPU or a GPU, behind one type.

mod error;

use bytemuck::Pod;
use enfold_core::{Alloc, Backend, Epoch, Graph, Nearest, Pairs, Rows, Sums};
use enfold_cpu::Cpu;
#[cfg(feature = "cuda")]
use enfold_cuda::{Cuda, CudaBuf, CudaError, Gpu};
#[cfg(feature = "wgpu")]
use enfold_wgpu::{Adapter, Kind, Options, Wgpu, WgpuBuf, WgpuError};

use crate::Device;
pub use error::AnyError;

/// The CPU or a GPU, chosen at run time. A cheap handle; clones share the machine.
///
/// ```
/// use enfold::{Any, Device, KMeans, Table};
///
/// let table = Table::from_arrays(&[[0.0f32, 0.0], [0.1, 0.0], [9.0, 9.0], [9.1, 9.0]])?;
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
    /// An NVIDIA GPU, through CUDA.
    #[cfg(feature = "cuda")]
    Cuda(Cuda),
    /// A GPU, through Vulkan, Metal or DX12.
    #[cfg(feature = "wgpu")]
    Wgpu(Wgpu),
}

/// A buffer of the machine that made it.
#[non_exhaustive]
#[derive(Debug)]
pub enum AnyBuf<T> {
    /// In the host's memory.
    Cpu(Vec<T>),
    /// On an NVIDIA GPU.
    #[cfg(feature = "cuda")]
    Cuda(CudaBuf<T>),
    /// On a GPU.
    #[cfg(feature = "wgpu")]
    Wgpu(WgpuBuf<T>),
}

#[cfg(feature = "cuda")]
impl Device {
    /// The first NVIDIA GPU of this machine, through CUDA.
    ///
    /// # Errors
    /// What is missing: a driver, a new enough one, a device.
    pub fn cuda() -> Result<Any, CudaError> {
        Cuda::new().map(Any::Cuda)
    }

    /// The NVIDIA GPU with this place in [`gpus`](Self::gpus).
    ///
    /// # Errors
    /// As [`cuda`](Self::cuda).
    pub fn cuda_at(index: usize) -> Result<Any, CudaError> {
        enfold_cuda::Options::new().index(index).open().map(Any::Cuda)
    }

    /// Every NVIDIA GPU.
    ///
    /// # Errors
    /// There is no driver, or an old one.
    pub fn gpus() -> Result<Vec<Gpu>, CudaError> {
        Cuda::devices()
    }
}

#[cfg(feature = "wgpu")]
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
}

impl Device {
    /// The fastest kind of machine there is and that opens: an NVIDIA GPU through CUDA, a GPU through
    /// Vulkan, Metal or DX12 – each with its feature –, or the CPU. A driver that computes on the
    /// CPU is no GPU: the CPU backend is faster.
    #[must_use]
    pub fn best() -> Any {
        #[cfg(feature = "cuda")]
        if let Ok(gpu) = Self::cuda() {
            return gpu;
        }
        #[cfg(feature = "wgpu")]
        match Wgpu::new() {
            Ok(gpu) if gpu.adapter().kind != Kind::Cpu => return Any::Wgpu(gpu),
            _ => {}
        }
        Any::Cpu(Cpu::new())
    }
}

impl Any {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Cpu(_) => "CPU",
            #[cfg(feature = "cuda")]
            Self::Cuda(gpu) => &gpu.gpu().name,
            #[cfg(feature = "wgpu")]
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

/// What a backend's buffers and views are, from those of any machine.
trait Views: Backend<Elem = f32> {
    /// # Errors
    /// Another machine's.
    fn buf<'a, T: Pod>(&self, of: &'a AnyBuf<T>) -> Result<&'a Self::Buf<T>, AnyError>;

    /// # Errors
    /// Another machine's.
    fn out<'a, T: Pod>(&self, of: &'a mut AnyBuf<T>) -> Result<&'a mut Self::Buf<T>, AnyError>;

    fn rows<'a>(&self, of: Rows<'a, Values>) -> Result<Rows<'a, Self::Buf<f32>>, AnyError> {
        let all = enfold_core::rows::<Self>(self.buf(of.data())?, of.dim())?;
        Ok(all.range(of.start(), of.end())?)
    }

    fn pairs<'a>(&self, of: &Pairs<'a, Values>) -> Result<Pairs<'a, Self::Buf<f32>>, AnyError> {
        let (x, y) = (self.rows(of.x())?, self.rows(of.y())?);
        Ok(Pairs::new(x, y, of.metric())?.visit(of.visited())?)
    }
}

impl Views for Cpu<f32> {
    fn buf<'a, T: Pod>(&self, of: &'a AnyBuf<T>) -> Result<&'a [T], AnyError> {
        if let AnyBuf::Cpu(buf) = of { Ok(buf) } else { Err(AnyError::Foreign) }
    }

    fn out<'a, T: Pod>(&self, of: &'a mut AnyBuf<T>) -> Result<&'a mut [T], AnyError> {
        if let AnyBuf::Cpu(buf) = of { Ok(buf) } else { Err(AnyError::Foreign) }
    }
}

#[cfg(feature = "cuda")]
impl Views for Cuda {
    fn buf<'a, T: Pod>(&self, of: &'a AnyBuf<T>) -> Result<&'a CudaBuf<T>, AnyError> {
        if let AnyBuf::Cuda(buf) = of { Ok(buf) } else { Err(AnyError::Foreign) }
    }

    fn out<'a, T: Pod>(&self, of: &'a mut AnyBuf<T>) -> Result<&'a mut CudaBuf<T>, AnyError> {
        if let AnyBuf::Cuda(buf) = of { Ok(buf) } else { Err(AnyError::Foreign) }
    }
}

#[cfg(feature = "wgpu")]
impl Views for Wgpu {
    fn buf<'a, T: Pod>(&self, of: &'a AnyBuf<T>) -> Result<&'a WgpuBuf<T>, AnyError> {
        if let AnyBuf::Wgpu(buf) = of { Ok(buf) } else { Err(AnyError::Foreign) }
    }

    fn out<'a, T: Pod>(&self, of: &'a mut AnyBuf<T>) -> Result<&'a mut WgpuBuf<T>, AnyError> {
        if let AnyBuf::Wgpu(buf) = of { Ok(buf) } else { Err(AnyError::Foreign) }
    }
}

/// Does the same on whichever machine it is.
macro_rules! on {
    ($machine:expr, $b:ident => $call:expr) => {
        match $machine {
            Any::Cpu($b) => $call?,
            #[cfg(feature = "cuda")]
            Any::Cuda($b) => $call?,
            #[cfg(feature = "wgpu")]
            Any::Wgpu($b) => $call?,
        }
    };
}

impl Backend for Any {
    type Elem = f32;
    type Error = AnyError;
    type Buf<T: Pod> = AnyBuf<T>;

    fn len<T: Pod>(buf: &AnyBuf<T>) -> usize {
        match buf {
            AnyBuf::Cpu(buf) => buf.len(),
            #[cfg(feature = "cuda")]
            AnyBuf::Cuda(buf) => buf.len(),
            #[cfg(feature = "wgpu")]
            AnyBuf::Wgpu(buf) => buf.len(),
        }
    }

    fn write<T: Pod>(&self, dst: &mut AnyBuf<T>, at: usize, src: &[T]) -> Done {
        on!(self, b => b.write(b.out(dst)?, at, src));
        Ok(())
    }

    fn read<T: Pod>(&self, src: &AnyBuf<T>, at: usize, dst: &mut [T]) -> Done {
        on!(self, b => b.read(b.buf(src)?, at, dst));
        Ok(())
    }

    fn fill<T: Pod>(&self, dst: &mut AnyBuf<T>, value: T) -> Done {
        on!(self, b => b.fill(b.out(dst)?, value));
        Ok(())
    }

    fn distances(&self, pairs: Pairs<'_, Values>, out: &mut [f32]) -> Done {
        on!(self, b => b.distances(b.pairs(&pairs)?, out));
        Ok(())
    }

    fn nearest(&self, pairs: Pairs<'_, Values>, best: Nearest<'_, Values, Indices>) -> Done {
        let Nearest { k, dist, index } = best;
        on!(self, b => {
            let best = Nearest { k, dist: b.out(dist)?, index: b.out(index)? };
            b.nearest(b.pairs(&pairs)?, best)
        });
        Ok(())
    }

    fn count_within(
        &self,
        pairs: Pairs<'_, Values>,
        radii: &Values,
        k: usize,
        counts: &mut Indices,
    ) -> Done {
        on!(self, b => b.count_within(b.pairs(&pairs)?, b.buf(radii)?, k, b.out(counts)?));
        Ok(())
    }

    fn lowest_within(
        &self,
        pairs: Pairs<'_, Values>,
        radius: f32,
        values: &Indices,
        lowest: &mut Indices,
    ) -> Done {
        on!(self, b => b.lowest_within(b.pairs(&pairs)?, radius, b.buf(values)?, b.out(lowest)?));
        Ok(())
    }

    fn join_within(
        &self,
        pairs: Pairs<'_, Values>,
        radius: f32,
        member: &Indices,
        parent: &mut Indices,
    ) -> Done {
        on!(self, b => b.join_within(b.pairs(&pairs)?, radius, b.buf(member)?, b.out(parent)?));
        Ok(())
    }

    fn sum_by_label(
        &self,
        pairs: Pairs<'_, Values>,
        labels: &Indices,
        k: usize,
        sums: &mut Values,
    ) -> Done {
        on!(self, b => b.sum_by_label(b.pairs(&pairs)?, b.buf(labels)?, k, b.out(sums)?));
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
        let Sums { offsets, mass, scatter } = into;
        on!(self, b => {
            let scatter = scatter.map(|scatter| b.out(scatter)).transpose()?;
            let into = Sums { offsets: b.out(offsets)?, mass: b.out(mass)?, scatter };
            let weights = weights.map(|weights| b.buf(weights)).transpose()?;
            b.accumulate(b.rows(x)?, b.buf(labels)?, weights, b.rows(origins)?, scale, into)
        });
        Ok(())
    }

    fn layout(
        &self,
        graph: Graph<'_, Values, Indices>,
        epoch: Epoch,
        from: Rows<'_, Values>,
        to: &mut Values,
    ) -> Done {
        let Graph { offsets, targets, weights } = graph;
        on!(self, b => {
            let (offsets, targets) = (b.buf(offsets)?, b.buf(targets)?);
            let graph = Graph { offsets, targets, weights: b.buf(weights)? };
            b.layout(graph, epoch, b.rows(from)?, b.out(to)?)
        });
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
        on!(self, b => {
            let weights = weights.map(|weights| b.buf(weights)).transpose()?;
            b.sums(b.buf(values)?, weights, len, chunk, out)
        });
        Ok(())
    }

    fn count_changed(
        &self,
        before: &Indices,
        after: &Indices,
        len: usize,
        count: &mut AnyBuf<i64>,
    ) -> Done {
        on!(self, b => b.count_changed(b.buf(before)?, b.buf(after)?, len, b.out(count)?));
        Ok(())
    }

    fn read_all<T: Pod>(&self, parts: &mut [(&AnyBuf<T>, &mut [T])]) -> Done {
        on!(self, b => {
            let mut of: Vec<_> = Vec::with_capacity(parts.len());
            for (src, dst) in parts {
                of.push((b.buf(src)?, &mut **dst));
            }
            b.read_all(&mut of)
        });
        Ok(())
    }

    fn copy(&self, src: &Values, from: usize, dst: &mut Values, to: usize, len: usize) -> Done {
        on!(self, b => b.copy(b.buf(src)?, from, b.out(dst)?, to, len));
        Ok(())
    }

    fn each<J>(&self, jobs: impl Iterator<Item = J> + Send, work: impl Fn(J) + Sync) {
        match self {
            Self::Cpu(b) => b.each(jobs, work),
            #[cfg(feature = "cuda")]
            Self::Cuda(b) => b.each(jobs, work),
            #[cfg(feature = "wgpu")]
            Self::Wgpu(b) => b.each(jobs, work),
        }
    }

    fn each_with<J>(&self, jobs: impl Iterator<Item = J> + Send, work: impl Fn(&Self, J) + Sync) {
        match self {
            Self::Cpu(b) => b.each_with(jobs, |b, job| work(&Self::Cpu(*b), job)),
            #[cfg(any(feature = "cuda", feature = "wgpu"))]
            _ => jobs.for_each(|job| work(self, job)),
        }
    }

    fn sync(&self) -> Done {
        on!(self, b => b.sync());
        Ok(())
    }
}

impl Alloc for Any {
    type Owned<T: Pod> = AnyBuf<T>;

    fn alloc<T: Pod>(&self, len: usize) -> Result<AnyBuf<T>, AnyError> {
        Ok(match self {
            Self::Cpu(b) => AnyBuf::Cpu(b.alloc(len)?),
            #[cfg(feature = "cuda")]
            Self::Cuda(b) => AnyBuf::Cuda(b.alloc(len)?),
            #[cfg(feature = "wgpu")]
            Self::Wgpu(b) => AnyBuf::Wgpu(b.alloc(len)?),
        })
    }
}
