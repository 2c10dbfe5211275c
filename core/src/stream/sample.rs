//! Two samples that cost no extra distance: uniform, and by cost.
//!
//! Every row has one draw u. The uniform sample keeps the rows with the smallest u/w, the cost
//! sample those with the smallest u/(w·D) (priority sampling: Duffield, Lund, Thorup 2007). Both
//! are order-free and merge by keeping the smallest keys. With the smallest keys let go, t and t',
//! a kept row was kept with probability `max(min(1, t·w), min(1, t'·w·D))`.

use super::{Work, draws};
use crate::backend::Backend;
use crate::element::Element;
use crate::error::Error;
use crate::store::Kept;

/// Whether `a` leaves a sample before `b`: the larger (key, stream, row).
pub(super) fn above(a: &Kept, b: &Kept) -> bool {
    (a.key, a.stream, a.row) > (b.key, b.stream, b.row)
}

/// Restores the order of a max-heap whose last entry is new.
fn sift_up(heap: &mut [Kept]) {
    let mut at = heap.len().saturating_sub(1);
    while at > 0 && above(&heap[at], &heap[(at - 1) / 2]) {
        heap.swap(at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

/// Restores the order of a max-heap whose first entry is new.
fn sift_down(heap: &mut [Kept]) {
    let mut at = 0;
    loop {
        let mut top = at;
        for child in [2 * at + 1, 2 * at + 2] {
            if child < heap.len() && above(&heap[child], &heap[top]) {
                top = child;
            }
        }
        if top == at {
            return;
        }
        heap.swap(at, top);
        at = top;
    }
}

/// Where the two samples lie among `sample` entries.
pub(super) fn halves(sample: usize) -> [(usize, usize); 2] {
    [(0, sample / 2), (sample / 2, sample)]
}

impl<B: Backend> Work<'_, B> {
    /// Offers rows `from..to` of the batch to both samples.
    pub(super) fn offer(&mut self, from: usize, to: usize) -> Result<(), Error<B::Error>> {
        if self.sizes.sample == 0 {
            return Ok(());
        }
        for row in from..to {
            let number = self.head.row + (row - from) as u64;
            let [.., high, low] = draws(self.options).block(number, self.options.stream);
            let bits = (u64::from(high) << 32 | u64::from(low)) >> 12;
            let draw = (bits as f64 + 0.5) / (1u64 << 52) as f64;
            let weight = self.parts.host[self.sizes.batch + row].as_f64();
            let gap = self.parts.host[row].as_f64();
            let new =
                Kept { key: 0.0, weight, gap, row: number, stream: self.options.stream, slot: 0 };
            for (half, key) in [draw / weight, draw / (weight * gap)].into_iter().enumerate() {
                let new = Kept { key, ..new };
                if let Some(slot) = self.admit(half, new) {
                    let dim = self.dim;
                    self.backend
                        .copy(self.parts.batch, row * dim, self.parts.kept, slot * dim, dim)
                        .map_err(Error::Backend)?;
                }
            }
        }
        Ok(())
    }

    /// Enters a row among the smallest keys; returns the slot that its elements go to.
    pub(super) fn admit(&mut self, half: usize, new: Kept) -> Option<usize> {
        if new.key == f64::INFINITY {
            return None;
        }
        let (start, end) = halves(self.sizes.sample)[half];
        let len = self.head.kept[half];
        let heap = &mut self.parts.sample[start..end];
        if len < heap.len() {
            heap[len] = Kept { slot: (start + len) as u32, ..new };
            self.head.kept[half] += 1;
            sift_up(&mut heap[..=len]);
            return Some(start + len);
        }
        let gone = heap.first().copied().filter(|top| above(top, &new));
        let threshold = &mut self.head.threshold[half];
        *threshold = threshold.min(gone.map_or(new.key, |top| top.key));
        let slot = gone?.slot;
        heap[0] = Kept { slot, ..new };
        sift_down(heap);
        Some(slot as usize)
    }

    /// Moves the landmark of the samples by 2ⁿ.
    pub(super) fn age_samples(&mut self, factor: f64) {
        for (half, (start, _)) in halves(self.sizes.sample).into_iter().enumerate() {
            let kept = self.head.kept[half];
            for entry in &mut self.parts.sample[start..start + kept] {
                entry.key *= factor;
                entry.weight /= factor;
            }
            self.head.threshold[half] *= factor;
        }
    }
}
