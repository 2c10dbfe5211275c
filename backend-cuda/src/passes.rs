//! Passes over rows: integer sums by label, sums of chunks, counts, a layout epoch, a fill.

use bytemuck::Pod;
use enfold_core::host::layout::MAX_DIM;
use enfold_core::{Epoch, Graph, Rows, Sums};

use crate::Cuda;
use crate::buffer::{CudaBuf, Raw};
use crate::folds::Tried;
use crate::launch::Done;
use crate::module::DYNAMIC;
use crate::queue::Call;

type Values = CudaBuf<f32>;
type Indices = CudaBuf<u32>;

/// Blocks of `accumulate` for each multiprocessor.
const BLOCKS: u32 = 4;
/// Bytes that several buffers give to one read at most.
const TOGETHER: usize = 16 << 20;

impl Cuda {
    /// Integer sums by label.
    pub(crate) fn add_up(
        &self,
        x: Rows<'_, Values>,
        labels: &Indices,
        weights: Option<&Values>,
        origins: Rows<'_, Values>,
        scale: f32,
        into: &Sums<'_, Self>,
    ) -> Done {
        if x.is_empty() {
            return self.shared.check();
        }
        let (k, gpu) = (origins.end(), &self.shared.gpu);
        let held = 8 * k.saturating_mul(x.dim() + 2);
        let held = if held <= DYNAMIC as usize { held as u32 } else { 0 };
        // A warp to a row.
        let blocks = (x.len().div_ceil(8) as u64).min(u64::from(BLOCKS * gpu.processors.max(1)));
        let call = Call::new("accumulate", blocks, 256).shared(held);
        let call = call.raw(&x.data().raw).long(x.start() as u64).long(x.end() as u64);
        let call = call.long(x.dim() as u64).raw(&labels.raw).maybe(weights.map(|w| &w.raw));
        let call = call.raw(&origins.data().raw).long(k as u64).word(scale.to_bits());
        let call = call.raw(&into.offsets.raw).raw(&into.mass.raw);
        let call = call.maybe(into.scatter.as_ref().map(|s| &s.raw)).word(u32::from(held > 0));
        self.shared.launch(call)
    }

    /// Sums of chunks: one read-back.
    pub(crate) fn chunk_sums(
        &self,
        values: &Values,
        weights: Option<&Values>,
        len: usize,
        chunk: usize,
        out: &mut [f64],
    ) -> Done {
        self.shared.check()?;
        let chunk = chunk.max(1);
        let count = len.div_ceil(chunk).min(out.len());
        if count == 0 {
            return Ok(());
        }
        let found = Raw::new(&self.shared, 8 * count, false)?;
        let call = Call::new("sums", count.div_ceil(16) as u64, 256);
        let call = call.raw(&values.raw).maybe(weights.map(|w| &w.raw)).long(len as u64);
        self.shared.launch(call.long(chunk as u64).long(count as u64).raw(&found))?;
        found.read(0, bytemuck::cast_slice_mut(&mut out[..count]))
    }

    /// Adds the positions that differ to a count.
    pub(crate) fn changed(
        &self,
        earlier: &Indices,
        later: &Indices,
        len: usize,
        count: &CudaBuf<i64>,
    ) -> Done {
        if len == 0 {
            return self.shared.check();
        }
        let call = Call::new("count_changed", (len.div_ceil(1024) as u64).min(1024), 256);
        let call = call.raw(&earlier.raw).raw(&later.raw).long(len as u64);
        self.shared.launch(call.raw(&count.raw))
    }

    /// Reads the starts of several buffers: brought together on the device, where they are small,
    /// so that the host waits once.
    pub(crate) fn gather(&self, parts: Vec<(&Raw, &mut [u8])>) -> Done {
        let bytes: usize = parts.iter().map(|(_, to)| to.len()).sum();
        if parts.len() < 2 || bytes > TOGETHER {
            return parts.into_iter().try_for_each(|(from, to)| from.read(0, to));
        }
        if bytes == 0 {
            return self.shared.check();
        }
        let (together, mut at) = (Raw::new(&self.shared, bytes, false)?, 0);
        for (from, to) in parts.iter().filter(|(_, to)| !to.is_empty()) {
            self.shared.copy((from, 0), (&together, at), to.len())?;
            at += to.len();
        }
        let mut all = vec![0; bytes];
        together.read(0, &mut all)?;
        let mut rest = &all[..];
        for (_, to) in parts {
            let (own, others) = rest.split_at(to.len());
            to.copy_from_slice(own);
            rest = others;
        }
        Ok(())
    }

    /// One epoch of a layout.
    pub(crate) fn try_layout(
        &self,
        graph: &Graph<'_, Values, Indices>,
        epoch: Epoch,
        from: Rows<'_, Values>,
        to: &Values,
    ) -> Tried {
        if from.dim() > MAX_DIM {
            return Ok(false);
        }
        if from.is_empty() {
            return self.shared.check().map(|()| true);
        }
        let call = Call::new("layout", from.len().div_ceil(128) as u64, 128);
        let call = call.raw(&graph.offsets.raw).raw(&graph.targets.raw).raw(&graph.weights.raw);
        let call = call.raw(&from.data().raw).long(from.start() as u64).long(from.end() as u64);
        let call = call.long(from.dim() as u64).group(|call| {
            call.two(epoch.a.to_bits(), epoch.b.to_bits())
                .two(epoch.repulsion.to_bits(), epoch.rate.to_bits())
                .two(epoch.negatives, epoch.pool)
                .two(epoch.number, 0)
                .long(epoch.seed)
        });
        self.shared.launch(call.raw(&to.raw))?;
        Ok(true)
    }

    /// Sets every element; false where an element is not one word or two.
    pub(crate) fn try_fill<T: Pod>(&self, to: &CudaBuf<T>, value: T) -> Tried {
        let bytes = bytemuck::bytes_of(&value);
        if bytes.iter().all(|b| *b == 0) {
            return self.shared.clear(&to.raw).map(|()| true);
        }
        let words = bytes.len() / 4;
        if !bytes.len().is_multiple_of(4) || !(1..=2).contains(&words) || to.is_empty() {
            return Ok(to.is_empty());
        }
        let word = |at: usize| bytemuck::pod_read_unaligned::<u32>(&bytes[4 * at..4 * at + 4]);
        let len = to.len() as u64 * words as u64;
        let call = Call::new("fill_words", len.div_ceil(1024), 256).raw(&to.raw).long(len);
        self.shared.launch(call.word(word(0)).word(word(words - 1)))?;
        Ok(true)
    }
}
