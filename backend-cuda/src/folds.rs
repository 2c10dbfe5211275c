//! The folds over pairs: a launch each, more where radii are many or sums need scratch memory.

use enfold_core::jobs::{ROWS, limit};
use enfold_core::{Nearest, Pairs};

use crate::Cuda;
use crate::buffer::{CudaBuf, Raw};
use crate::error::CudaError;
use crate::launch::Done;
use crate::queue::Call;
use crate::work::{Visited, form};

/// Radii of a launch.
const RADII: usize = 8;
/// Labels whose sums fit into the shared memory of a block.
const LABELS: usize = 80;
/// Bytes of scratch memory for the sums of more labels.
const SCRATCH: usize = 256 << 20;

/// Whether the device has done it; what has no kernel is done on the host.
pub(crate) type Tried = Result<bool, CudaError>;
type Values = CudaBuf<f32>;
type Indices = CudaBuf<u32>;

impl Cuda {
    /// Launches what `calls` makes of the visited pairs.
    fn fold(&self, pairs: &Pairs<'_, Values>, calls: impl FnOnce(&Visited<'_>) -> Done) -> Tried {
        let Some(form) = form(pairs.metric()) else { return Ok(false) };
        let rows = (pairs.x().start(), pairs.x().end());
        match Visited::new(self, pairs, form, rows)? {
            Some(visited) => calls(&visited).map(|()| true),
            None => self.shared.check().map(|()| true),
        }
    }

    pub(crate) fn try_nearest(
        &self,
        pairs: &Pairs<'_, Values>,
        best: &Nearest<'_, Values, Indices>,
    ) -> Tried {
        if self.try_filtered(pairs, best)? {
            return Ok(true);
        }
        let (dist, index) = (&best.dist.raw, &best.index.raw);
        self.fold(pairs, |visited| {
            let call = |name| visited.call(name).raw(dist).raw(index);
            self.shared.launch(match best.k {
                1 => call("nearest"),
                k => call("select").long(k as u64),
            })
        })
    }

    pub(crate) fn try_count_within(
        &self,
        pairs: &Pairs<'_, Values>,
        radii: &Values,
        k: usize,
        counts: &Indices,
    ) -> Tried {
        self.fold(pairs, |visited| {
            (0..k).step_by(RADII).try_for_each(|first| {
                let many = RADII.min(k - first) as u32;
                let call = visited.call("count").raw(&radii.raw).raw(&counts.raw);
                self.shared.launch(call.long(k as u64).long(first as u64).word(many))
            })
        })
    }

    pub(crate) fn try_lowest_within(
        &self,
        pairs: &Pairs<'_, Values>,
        radius: f32,
        values: &Indices,
        lowest: &Indices,
    ) -> Tried {
        self.fold(pairs, |visited| {
            let call = visited.call("lowest").word(limit(radius));
            self.shared.launch(call.raw(&values.raw).raw(&lowest.raw))
        })
    }

    pub(crate) fn try_join_within(
        &self,
        pairs: &Pairs<'_, Values>,
        radius: f32,
        member: &Indices,
        parent: &Indices,
    ) -> Tried {
        let rows = pairs.x().end().max(pairs.y().end());
        // Flat before, so that no walk is long; flat after, so that nothing tells who came first.
        self.fold(pairs, |visited| {
            self.flatten(parent, rows)?;
            let call = visited.call("join").word(limit(radius));
            self.shared.launch(call.raw(&member.raw).raw(&parent.raw))?;
            self.flatten(parent, rows)
        })
    }

    /// Hangs the first `rows` rows on their roots: a forest that does not depend on who came first.
    fn flatten(&self, parent: &Indices, rows: usize) -> Done {
        let call = Call::new("flatten", rows.div_ceil(256) as u64, 256);
        self.shared.launch(call.raw(&parent.raw).long(rows as u64))
    }

    pub(crate) fn try_sum_by_label(
        &self,
        pairs: &Pairs<'_, Values>,
        labels: &Indices,
        k: usize,
        sums: &Values,
    ) -> Tried {
        let Some(form) = form(pairs.metric()) else { return Ok(false) };
        let (start, end) = (pairs.x().start(), pairs.x().end());
        let (step, scratch) = self.room_for(k, end - start)?;
        for from in (start..end).step_by(step) {
            let rows = (from, end.min(from + step));
            let Some(visited) = Visited::new(self, pairs, form, rows)? else { continue };
            let shared = if scratch.is_none() { 8 * (ROWS * k) as u32 } else { 0 };
            let call = visited.call("labels").shared(shared).raw(&labels.raw).long(k as u64);
            let call = call.maybe(scratch.as_ref()).raw(&sums.raw).long(start as u64);
            self.shared.launch(call)?;
        }
        Ok(true)
    }

    /// How many rows of x a launch sums by label, and memory for their sums where that is needed.
    fn room_for(&self, k: usize, rows: usize) -> Result<(usize, Option<Raw>), CudaError> {
        if k <= LABELS || rows == 0 {
            return Ok((rows.max(1), None));
        }
        let step = (SCRATCH / (8 * k) / ROWS * ROWS).clamp(ROWS, rows.next_multiple_of(ROWS));
        Ok((step, Some(Raw::new(&self.shared, 8 * k * step, false)?)))
    }
}
