//! The machine that computes.

use std::convert::Infallible;

use bytemuck::Pod;
use enfold_core::{Alloc, Backend, Epoch, Graph, Indices, Nearest, Pairs, Rows, Sums, Values};
use enfold_cpu::Cpu;

/// The machine that computes, as a value: applications name this one type.
///
/// A cheap handle; clones share the machine. Today it is the CPU with all its cores and the
/// widest vector unit it has; `Buf<T>` is `[T]`, so rows in memory need no upload.
///
/// ```
/// use enfold::{Backend, Device, Metric, Pairs, data};
/// let device = Device::cpu();
/// let (x, y) = ([[0.0f32, 0.0]], [[3.0f32, 4.0]]);
/// let pairs = Pairs::new(data::array_rows(&x)?, data::array_rows(&y)?, Metric::Euclidean)?;
/// let mut distance = [0.0];
/// device.distances(pairs, &mut distance)?;
/// assert_eq!(distance, [5.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Device {
    cpu: Cpu<f32>,
}

impl Device {
    /// The CPU this runs on.
    #[must_use]
    pub fn cpu() -> Self {
        Self::default()
    }
}

/// Hands each function on to the CPU, so that its overrides count and not the provided bodies.
macro_rules! delegate {
    ($(fn $name:ident($($arg:ident: $type:ty),* $(,)?);)*) => {$(
        fn $name(&self, $($arg: $type),*) -> Result<(), Infallible> {
            self.cpu.$name($($arg),*)
        }
    )*};
}

impl Backend for Device {
    type Elem = f32;
    type Error = Infallible;
    type Buf<T: Pod> = [T];

    fn len<T: Pod>(buf: &[T]) -> usize {
        buf.len()
    }

    fn write<T: Pod>(&self, dst: &mut [T], at: usize, src: &[T]) -> Result<(), Infallible> {
        self.cpu.write(dst, at, src)
    }

    fn read<T: Pod>(&self, src: &[T], at: usize, dst: &mut [T]) -> Result<(), Infallible> {
        self.cpu.read(src, at, dst)
    }

    fn fill<T: Pod>(&self, dst: &mut [T], value: T) -> Result<(), Infallible> {
        self.cpu.fill(dst, value)
    }

    fn read_all<T: Pod>(&self, parts: &mut [(&[T], &mut [T])]) -> Result<(), Infallible> {
        self.cpu.read_all(parts)
    }

    fn each<J>(&self, jobs: impl Iterator<Item = J> + Send, work: impl Fn(J) + Sync) {
        self.cpu.each(jobs, work);
    }

    fn each_with<J>(&self, jobs: impl Iterator<Item = J> + Send, work: impl Fn(&Self, J) + Sync) {
        self.cpu.each(jobs, |job| work(self, job));
    }

    fn accumulate(
        &self,
        x: Rows<'_, [f32]>,
        labels: &[u32],
        weights: Option<&[f32]>,
        origins: Rows<'_, [f32]>,
        scale: f32,
        into: Sums<'_, Self>,
    ) -> Result<(), Infallible> {
        let Sums { offsets, mass, scatter } = into;
        let into = Sums { offsets, mass, scatter };
        self.cpu.accumulate(x, labels, weights, origins, scale, into)
    }

    delegate! {
        fn distances(pairs: Pairs<'_, Values<Self>>, out: &mut [f32]);
        fn nearest(pairs: Pairs<'_, Values<Self>>, best: Nearest<'_, Values<Self>, Indices<Self>>);
        fn count_within(pairs: Pairs<'_, [f32]>, radii: &[f32], k: usize, counts: &mut [u32]);
        fn lowest_within(pairs: Pairs<'_, [f32]>, radius: f32, values: &[u32], lowest: &mut [u32]);
        fn join_within(pairs: Pairs<'_, [f32]>, radius: f32, member: &[u32], parent: &mut [u32]);
        fn sum_by_label(pairs: Pairs<'_, [f32]>, labels: &[u32], k: usize, sums: &mut [f32]);
        fn layout(graph: Graph<'_, [f32], [u32]>, epoch: Epoch, from: Rows<'_, [f32]>, to: &mut [f32]);
        fn sums(values: &[f32], weights: Option<&[f32]>, len: usize, chunk: usize, out: &mut [f64]);
        fn count_changed(a: &[u32], b: &[u32], len: usize, count: &mut [i64]);
        fn copy(src: &[f32], from: usize, dst: &mut [f32], to: usize, len: usize);
        fn sync();
    }
}

impl Alloc for Device {
    type Owned<T: Pod> = Vec<T>;

    fn alloc<T: Pod>(&self, len: usize) -> Result<Vec<T>, Infallible> {
        self.cpu.alloc(len)
    }
}
