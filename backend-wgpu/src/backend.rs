//! The contract, handed to the device; what it cannot do goes to the provided bodies.

use bytemuck::Pod;
use enfold_core::{Alloc, Backend, Epoch, Graph, Nearest, Pairs, Rows, Sums, host};

use crate::Wgpu;
use crate::buffer::WgpuBuf;
use crate::distances;
use crate::error::WgpuError;

type Done = Result<(), WgpuError>;
type Values = WgpuBuf<f32>;
type Indices = WgpuBuf<u32>;

impl Backend for Wgpu {
    type Elem = f32;
    type Error = WgpuError;
    type Buf<T: Pod> = WgpuBuf<T>;

    fn len<T: Pod>(buf: &WgpuBuf<T>) -> usize {
        buf.len()
    }

    fn write<T: Pod>(&self, dst: &mut WgpuBuf<T>, at: usize, src: &[T]) -> Done {
        dst.raw.write(at * size_of::<T>(), bytemuck::cast_slice(src))
    }

    fn read<T: Pod>(&self, src: &WgpuBuf<T>, at: usize, dst: &mut [T]) -> Done {
        src.raw.read(at * size_of::<T>(), bytemuck::cast_slice_mut(dst))
    }

    fn distances(&self, pairs: Pairs<'_, Values>, out: &mut [f32]) -> Done {
        if self.measure(&pairs, out)? { Ok(()) } else { distances::on_host(self, &pairs, out) }
    }

    fn nearest(&self, pairs: Pairs<'_, Values>, best: Nearest<'_, Values, Indices>) -> Done {
        if self.try_nearest(&pairs, &best)? { Ok(()) } else { host::nearest(self, pairs, best) }
    }

    fn count_within(
        &self,
        pairs: Pairs<'_, Values>,
        radii: &Values,
        k: usize,
        counts: &mut Indices,
    ) -> Done {
        if self.try_count_within(&pairs, radii, k, counts)? {
            return Ok(());
        }
        host::count_within(self, pairs, radii, k, counts)
    }

    fn lowest_within(
        &self,
        pairs: Pairs<'_, Values>,
        radius: f32,
        values: &Indices,
        lowest: &mut Indices,
    ) -> Done {
        if self.try_lowest_within(&pairs, radius, values, lowest)? {
            return Ok(());
        }
        host::lowest_within(self, pairs, radius, values, lowest)
    }

    fn join_within(
        &self,
        pairs: Pairs<'_, Values>,
        radius: f32,
        member: &Indices,
        parent: &mut Indices,
    ) -> Done {
        if self.try_join_within(&pairs, radius, member, parent)? {
            return Ok(());
        }
        host::join_within(self, pairs, radius, member, parent)
    }

    fn sum_by_label(
        &self,
        pairs: Pairs<'_, Values>,
        labels: &Indices,
        k: usize,
        sums: &mut Values,
    ) -> Done {
        if self.try_sum_by_label(&pairs, labels, k, sums)? {
            return Ok(());
        }
        host::sum_by_label(self, pairs, labels, k, sums)
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
        if self.try_accumulate(x, labels, weights, origins, scale, &into)? {
            return Ok(());
        }
        host::accumulate(self, x, labels, weights, origins, scale, into)
    }

    fn layout(
        &self,
        graph: Graph<'_, Values, Indices>,
        epoch: Epoch,
        from: Rows<'_, Values>,
        to: &mut Values,
    ) -> Done {
        if self.try_layout(&graph, epoch, from, to)? {
            return Ok(());
        }
        host::layout::layout(self, graph, epoch, from, to)
    }

    fn sums(
        &self,
        values: &Values,
        weights: Option<&Values>,
        len: usize,
        chunk: usize,
        out: &mut [f64],
    ) -> Done {
        if self.try_sums(values, weights, len, chunk, out)? {
            return Ok(());
        }
        host::sums(self, values, weights, len, chunk, out)
    }

    fn count_changed(
        &self,
        earlier: &Indices,
        later: &Indices,
        len: usize,
        count: &mut WgpuBuf<i64>,
    ) -> Done {
        if self.try_count_changed(earlier, later, len, count)? {
            return Ok(());
        }
        host::count_changed(self, earlier, later, len, count)
    }

    fn read_all<T: Pod>(&self, parts: &mut [(&WgpuBuf<T>, &mut [T])]) -> Done {
        let bytes = parts.iter_mut().map(|(src, dst)| (&src.raw, bytemuck::cast_slice_mut(dst)));
        self.shared.read_all(bytes.collect())
    }

    fn copy(&self, src: &Values, from: usize, dst: &mut Values, to: usize, len: usize) -> Done {
        if len == 0 {
            return Ok(());
        }
        let shared = &self.shared;
        let (src, dst) = (src.raw.reading(shared)?, dst.raw.writing(shared)?);
        shared.check()?;
        shared.copy((src, 4 * from as u64), (dst, 4 * to as u64), 4 * len as u64);
        Ok(())
    }

    fn fill<T: Pod>(&self, dst: &mut WgpuBuf<T>, value: T) -> Done {
        if self.try_fill(dst, value)? { Ok(()) } else { host::fill(self, dst, value) }
    }

    fn sync(&self) -> Done {
        self.shared.sync()
    }
}

impl Alloc for Wgpu {
    type Owned<T: Pod> = WgpuBuf<T>;

    fn alloc<T: Pod>(&self, len: usize) -> Result<WgpuBuf<T>, WgpuError> {
        WgpuBuf::new(&self.shared, len)
    }
}
