//! The contract, handed to the device; what has no kernel goes to the host.

use core::convert::Infallible;

use bytemuck::Pod;
use enfold_core::{Alloc, Backend, Epoch, Graph, Nearest, Pairs, Rows, Sums, host};

use crate::Cuda;
use crate::buffer::CudaBuf;
use crate::error::CudaError;
use crate::plain::{Copied, Plain, copy_of, put_back, rows};

type Done = Result<(), CudaError>;
type Values = CudaBuf<f32>;
type Indices = CudaBuf<u32>;

impl Backend for Cuda {
    type Elem = f32;
    type Error = CudaError;
    type Buf<T: Pod> = CudaBuf<T>;

    fn len<T: Pod>(buf: &CudaBuf<T>) -> usize {
        buf.len()
    }

    fn write<T: Pod>(&self, dst: &mut CudaBuf<T>, at: usize, src: &[T]) -> Done {
        dst.raw.write(at * size_of::<T>(), bytemuck::cast_slice(src))
    }

    fn read<T: Pod>(&self, src: &CudaBuf<T>, at: usize, dst: &mut [T]) -> Done {
        src.raw.read(at * size_of::<T>(), bytemuck::cast_slice_mut(dst))
    }

    fn distances(&self, pairs: Pairs<'_, Values>, out: &mut [f32]) -> Done {
        if self.try_distances(&pairs, out)? { Ok(()) } else { self.distances_on_host(&pairs, out) }
    }

    fn nearest(&self, pairs: Pairs<'_, Values>, best: Nearest<'_, Values, Indices>) -> Done {
        if self.try_nearest(&pairs, &best)? {
            return Ok(());
        }
        let (here, k) = (Copied::of(&pairs)?, best.k);
        let (mut dist, mut index) = (copy_of(best.dist)?, copy_of(best.index)?);
        let copy = Nearest { k, dist: &mut dist[..], index: &mut index[..] };
        sure(host::nearest(&Plain, here.pairs(&pairs)?, copy));
        put_back(best.dist, &dist)?;
        put_back(best.index, &index)
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
        let (here, radii, mut copy) = (Copied::of(&pairs)?, copy_of(radii)?, copy_of(counts)?);
        sure(host::count_within(&Plain, here.pairs(&pairs)?, &radii, k, &mut copy));
        put_back(counts, &copy)
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
        let (here, values, mut copy) = (Copied::of(&pairs)?, copy_of(values)?, copy_of(lowest)?);
        sure(host::lowest_within(&Plain, here.pairs(&pairs)?, radius, &values, &mut copy));
        put_back(lowest, &copy)
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
        let (here, member, mut copy) = (Copied::of(&pairs)?, copy_of(member)?, copy_of(parent)?);
        sure(host::join_within(&Plain, here.pairs(&pairs)?, radius, &member, &mut copy));
        put_back(parent, &copy)
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
        let (here, labels, mut copy) = (Copied::of(&pairs)?, copy_of(labels)?, copy_of(sums)?);
        sure(host::sum_by_label(&Plain, here.pairs(&pairs)?, &labels, k, &mut copy));
        put_back(sums, &copy)
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
        self.add_up(x, labels, weights, origins, scale, &into)
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
        let (offsets, targets) = (copy_of(graph.offsets)?, copy_of(graph.targets)?);
        let (weights, mut copy) = (copy_of(graph.weights)?, copy_of(to)?);
        let graph = Graph { offsets: &offsets[..], targets: &targets[..], weights: &weights[..] };
        let here = copy_of(from.data())?;
        sure(host::layout::layout(&Plain, graph, epoch, rows(&here, from)?, &mut copy));
        put_back(to, &copy)
    }

    fn sums(
        &self,
        values: &Values,
        weights: Option<&Values>,
        len: usize,
        chunk: usize,
        out: &mut [f64],
    ) -> Done {
        self.chunk_sums(values, weights, len, chunk, out)
    }

    fn count_changed(
        &self,
        earlier: &Indices,
        later: &Indices,
        len: usize,
        count: &mut CudaBuf<i64>,
    ) -> Done {
        self.changed(earlier, later, len, count)
    }

    fn read_all<T: Pod>(&self, parts: &mut [(&CudaBuf<T>, &mut [T])]) -> Done {
        let bytes = parts.iter_mut().map(|(src, dst)| (&src.raw, bytemuck::cast_slice_mut(dst)));
        self.gather(bytes.collect())
    }

    fn copy(&self, src: &Values, from: usize, dst: &mut Values, to: usize, len: usize) -> Done {
        self.shared.copy((&src.raw, 4 * from), (&dst.raw, 4 * to), 4 * len)
    }

    fn fill<T: Pod>(&self, dst: &mut CudaBuf<T>, value: T) -> Done {
        if self.try_fill(dst, value)? {
            return Ok(());
        }
        put_back(dst, &vec![value; dst.len()])
    }

    fn sync(&self) -> Done {
        self.shared.sync()
    }
}

/// What runs in the host's memory cannot fail.
fn sure<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

impl Alloc for Cuda {
    type Owned<T: Pod> = CudaBuf<T>;

    fn alloc<T: Pod>(&self, len: usize) -> Result<CudaBuf<T>, CudaError> {
        CudaBuf::new(&self.shared, len)
    }
}
