//! Uniting streams.
//!
//! Deferred: a set of parts, keyed by stream number; of two parts of the same stream the one that
//! has seen more rows stays (their bytes decide between equals). Taking a maximum is commutative,
//! associative and idempotent, so any merge tree leaves the same bytes. Compact: the other's
//! micro-clusters come in one by one, as they stand; where there is no room, a rebuild makes some.

use super::{Head, Merge, Stream, TILE, Work, sample, sums};
use crate::backend::Backend;
use crate::error::Error;
use crate::store::{Kept, Store, View};

#[cfg(feature = "alloc")]
use crate::snapshot::{Reader, Writer};
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

impl Merge {
    #[cfg(feature = "alloc")]
    pub(super) fn is_deferred(self) -> bool {
        self == Self::Deferred
    }

    #[cfg(not(feature = "alloc"))]
    #[expect(clippy::unused_self, reason = "without `alloc` no merge is deferred")]
    pub(super) fn is_deferred(self) -> bool {
        false
    }
}

impl<B: Backend, S: Store<B>> Stream<B, S> {
    pub(super) fn merge_with(&mut self, other: &Self) -> Result<(), Error<B::Error>> {
        if let Some(what) = self.difference(other) {
            return Err(Error::Mismatch { what });
        }
        #[cfg(feature = "alloc")]
        if self.options.merge == Merge::Deferred {
            return self.unite_parts(other);
        }
        if other.head == Head::EMPTY {
            return Ok(());
        }
        if self.options.stream == other.options.stream {
            // Two states of one stream share rows and draws: merging them counts rows twice.
            return Err(Error::Mismatch { what: "stream number, which is the same" });
        }
        self.work().take_over(&other.store.view(), &other.head)
    }
}

#[cfg(feature = "alloc")]
impl<B: Backend, S: Store<B>> Stream<B, S> {
    /// Parts of other streams that a deferred merge holds.
    pub fn parts(&self) -> usize {
        self.others.len()
    }

    /// The own part as bytes; `None` where there is nothing in it.
    pub(super) fn own_part(&self) -> Result<Option<Vec<u8>>, Error<B::Error>> {
        if self.head == Head::EMPTY {
            return Ok(None);
        }
        let mut part = alloc::vec![0; self.part_len()];
        self.encode_part(&mut Writer::bare(&mut part))?;
        Ok(Some(part))
    }

    fn unite_parts(&mut self, other: &Self) -> Result<(), Error<B::Error>> {
        let own = other.own_part()?;
        for part in own.iter().chain(other.others.values()) {
            let stream = Reader::bare(part).u32()?;
            if stream == self.options.stream {
                let mine = self.own_part()?;
                if mine.is_none_or(|mine| rank(part) > rank(&mine)) {
                    self.load(Some(part))?;
                }
            } else if self.others.get(&stream).is_none_or(|held| rank(part) > rank(held)) {
                self.others.insert(stream, part.clone());
            }
        }
        Ok(())
    }
}

/// What decides between two parts of one stream: rows pushed, then the bytes.
#[cfg(feature = "alloc")]
fn rank(part: &[u8]) -> (u64, &[u8]) {
    let row =
        part.get(12..20).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
    (row, part)
}

impl<B: Backend> Work<'_, B> {
    /// Takes over everything that another state holds.
    pub(super) fn take_over(
        &mut self,
        view: &View<'_, B>,
        head: &Head,
    ) -> Result<(), Error<B::Error>> {
        // Both relative to the later landmark.
        self.head.clock = self.head.clock.max(head.clock);
        if head.halvings > self.head.halvings {
            self.advance_to(head.halvings)?;
        }
        let aged = (self.head.halvings - head.halvings).clamp(0, 1000) as i32;
        self.agree_on_price(head)?;
        for c in 0..head.len {
            self.take_micro(view, head, c, aged)?;
        }
        self.head.expired = self.head.expired.saturating_add(sums::shift(head.expired, aged));
        self.head.mass = self.head.mass.saturating_add(sums::shift(head.expired, aged));
        self.head.rows += head.rows;
        self.head.skipped += head.skipped;
        self.head.opened += head.opened;
        self.head.rebuilds += head.rebuilds;
        self.take_samples(view, head, sums::power(aged))
    }

    /// The higher of both prices.
    fn agree_on_price(&mut self, head: &Head) -> Result<(), Error<B::Error>> {
        if head.price == 0.0 {
            return Ok(());
        }
        if self.head.price == 0.0 {
            self.head.unit = head.unit;
        }
        let reach = self.head.reach().max(head.reach());
        self.set_price(reach * self.head.unit)
    }

    fn take_micro(
        &mut self,
        view: &View<'_, B>,
        head: &Head,
        c: usize,
        aged: i32,
    ) -> Result<(), Error<B::Error>> {
        let mass = sums::shift(self.integer(view.mass, c)?, aged);
        if mass == 0 {
            return Ok(());
        }
        if self.head.len == self.sizes.capacity {
            self.rebuild()?;
        }
        let (b, slot, dim) = (self.backend, self.head.len, self.dim);
        let bits = head.exponent - self.head.exponent;
        let scatter = sums::shift(self.integer(view.scatter, c)?, aged + 2 * bits);
        b.write(self.parts.mass, slot, &[mass]).map_err(Error::Backend)?;
        b.write(self.parts.scatter, slot, &[scatter]).map_err(Error::Backend)?;
        let (mut anchor, mut offset) = ([B::Elem::default(); TILE], [0i64; TILE]);
        for t in (0..dim).step_by(TILE) {
            let n = TILE.min(dim - t);
            self.read(view.anchors, c * dim + t, &mut anchor[..n])?;
            self.read(view.offsets, c * dim + t, &mut offset[..n])?;
            offset[..n].iter_mut().for_each(|r| *r = sums::shift(*r, aged + bits));
            b.write(self.parts.anchors, slot * dim + t, &anchor[..n]).map_err(Error::Backend)?;
            b.write(self.parts.offsets, slot * dim + t, &offset[..n]).map_err(Error::Backend)?;
        }
        self.parts.micro[slot] = view.micro[c];
        self.head.len += 1;
        self.head.mass = self.head.mass.saturating_add(mass);
        Ok(())
    }

    fn take_samples(
        &mut self,
        view: &View<'_, B>,
        head: &Head,
        factor: f64,
    ) -> Result<(), Error<B::Error>> {
        if self.sizes.sample == 0 {
            return Ok(());
        }
        for (half, (start, _)) in sample::halves(view.sample.len()).into_iter().enumerate() {
            let threshold = &mut self.head.threshold[half];
            *threshold = threshold.min(head.threshold[half] * factor);
            for kept in &view.sample[start..start + head.kept[half]] {
                let (key, weight) = (kept.key * factor, kept.weight / factor);
                if let Some(slot) = self.admit(half, Kept { key, weight, ..*kept }) {
                    let (dim, from) = (self.dim, kept.slot as usize);
                    self.backend
                        .copy(view.kept, from * dim, self.parts.kept, slot * dim, dim)
                        .map_err(Error::Backend)?;
                }
            }
        }
        Ok(())
    }
}
