//! A stream as bytes.
//!
//! ```text
//! options and sizes · parts u32 · for each part, by stream number: length u64 · part
//! part: stream u32 · head · micro-clusters · uniform sample · cost sample
//! ```
//!
//! The bytes are canonical: equal states, equal bytes. The batch size is not among them.

use super::{HalfLife, Head, NonFinite, Rebuild, Stream, StreamOptions, TILE, Work, sample, sums};
use crate::backend::Backend;
use crate::element::Element;
use crate::error::{Error, SnapshotError};
use crate::snapshot::{FRAME, Reader, Writer};
use crate::store::{Kept, Micro, Sizes, Store};

/// Kind of snapshot.
const KIND: u16 = 1;
const VERSION: u16 = 1;
/// Bytes of options and sizes.
const OPTIONS: usize = 5 * 4 + 8 + 4 * 4 + 4 * 8;
/// Bytes of a part's stream number and head.
const HEAD: usize = 4 + 19 * 8;

/// Bytes of one micro-cluster besides its elements and offsets.
const MICRO: usize = 4 + 8 + 8 + 8;
/// Bytes of one sampled row besides its elements.
const KEPT: usize = 4 + 8 + 3 * 8;

impl<B: Backend, S: Store<B>> Stream<B, S> {
    /// Options and sizes as bytes: what two states must agree on.
    fn terms(&self) -> [u8; OPTIONS] {
        let Sizes { capacity, sample, lists, .. } = self.sizes();
        let mut out = [0; OPTIONS];
        // The buffer has the very length: writing cannot fail.
        let _ = write_terms::<B::Elem>(
            &mut Writer::bare(&mut out),
            &self.options,
            [self.dim, capacity, sample, lists],
        );
        out
    }

    /// The first thing that keeps two states apart.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        let (mine, theirs) = (&self.options, &other.options);
        if self.dim != other.dim {
            Some("dim")
        } else if mine.seed != theirs.seed {
            Some("seed")
        } else if self.terms() != other.terms() {
            Some("options or sizes")
        } else {
            None
        }
    }

    pub(super) fn sizes(&self) -> Sizes {
        let view = self.store.view();
        let lists = self.lists;
        Sizes { capacity: view.micro.len(), batch: 0, sample: view.sample.len(), lists }
    }

    /// Bytes of the own part.
    pub(super) fn part_len(&self) -> usize {
        let elem = size_of::<B::Elem>();
        let kept = self.head.kept[0] + self.head.kept[1];
        HEAD + self.head.len * (MICRO + self.dim * (elem + 8)) + kept * (KEPT + self.dim * elem)
    }

    /// Whether the own part says anything.
    fn speaks(&self) -> bool {
        self.head != Head::EMPTY
    }

    pub(super) fn encoded_len(&self) -> usize {
        let own = if self.speaks() { 8 + self.part_len() } else { 0 };
        #[cfg(feature = "alloc")]
        let own = own + self.others.values().map(|part| 8 + part.len()).sum::<usize>();
        FRAME + OPTIONS + 4 + own
    }

    pub(super) fn encode(&self, out: &mut [u8]) -> Result<usize, Error<B::Error>> {
        let mut writer = Writer::start(out, KIND, VERSION, self.encoded_len() - FRAME)?;
        writer.bytes(&self.terms())?;
        #[cfg(feature = "alloc")]
        {
            let own = usize::from(self.speaks());
            writer.u32((own + self.others.len()) as u32)?;
            let later = self.options.stream..;
            for part in self.others.range(..self.options.stream).map(|(_, part)| part) {
                writer.u64(part.len() as u64)?;
                writer.bytes(part)?;
            }
            self.encode_own(&mut writer)?;
            for part in self.others.range(later).map(|(_, part)| part) {
                writer.u64(part.len() as u64)?;
                writer.bytes(part)?;
            }
        }
        #[cfg(not(feature = "alloc"))]
        {
            writer.u32(u32::from(self.speaks()))?;
            self.encode_own(&mut writer)?;
        }
        Ok(writer.finish()?)
    }

    fn encode_own(&self, writer: &mut Writer<'_>) -> Result<(), Error<B::Error>> {
        if self.speaks() {
            writer.u64(self.part_len() as u64)?;
            self.encode_part(writer)?;
        }
        Ok(())
    }

    /// The own part.
    pub(super) fn encode_part(&self, writer: &mut Writer<'_>) -> Result<(), Error<B::Error>> {
        let view = self.store.view();
        writer.u32(self.options.stream)?;
        write_head(writer, &self.head)?;
        for (c, micro) in view.micro[..self.head.len].iter().enumerate() {
            writer.u32(micro.stream)?;
            writer.u64(micro.id)?;
            self.put_integers(writer, view.mass, c, 1)?;
            self.put_integers(writer, view.scatter, c, 1)?;
            self.put_elements(writer, view.anchors, c)?;
            self.put_integers(writer, view.offsets, c * self.dim, self.dim)?;
        }
        for (half, (start, _)) in sample::halves(view.sample.len()).into_iter().enumerate() {
            for kept in &view.sample[start..start + self.head.kept[half]] {
                writer.u32(kept.stream)?;
                writer.u64(kept.row)?;
                [kept.key, kept.weight, kept.gap].into_iter().try_for_each(|v| writer.f64(v))?;
                self.put_elements(writer, view.kept, kept.slot as usize)?;
            }
        }
        Ok(())
    }

    fn put_elements(
        &self,
        writer: &mut Writer<'_>,
        from: &B::Buf<B::Elem>,
        row: usize,
    ) -> Result<(), Error<B::Error>> {
        let mut tile = [B::Elem::default(); TILE];
        for t in (0..self.dim).step_by(TILE) {
            let tile = &mut tile[..TILE.min(self.dim - t)];
            self.backend.read(from, row * self.dim + t, tile).map_err(Error::Backend)?;
            writer.elements(tile)?;
        }
        Ok(())
    }

    fn put_integers(
        &self,
        writer: &mut Writer<'_>,
        from: &B::Buf<i64>,
        at: usize,
        len: usize,
    ) -> Result<(), Error<B::Error>> {
        let mut tile = [0i64; TILE];
        for t in (0..len).step_by(TILE) {
            let tile = &mut tile[..TILE.min(len - t)];
            self.backend.read(from, at + t, tile).map_err(Error::Backend)?;
            tile.iter().try_for_each(|&v| writer.i64(v))?;
        }
        Ok(())
    }

    /// Replaces the state by the parts in `bytes`, after checking all of them.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Result<(), Error<B::Error>> {
        let mut reader = Reader::open(bytes, KIND, VERSION)?;
        if reader.slice(OPTIONS)? != self.terms() {
            return Err(SnapshotError::Shape.into());
        }
        let count = reader.u32()?;
        let (all, mut own, mut last) = (reader.clone(), None, None);
        for _ in 0..count {
            let part = next_part(&mut reader)?;
            let stream = self.check_part(part)?;
            if last.is_some_and(|last| last >= stream) {
                return Err(SnapshotError::Value.into());
            }
            last = Some(stream);
            if stream == self.options.stream {
                own = Some(part);
            } else if !self.options.merge.is_deferred() {
                return Err(SnapshotError::Shape.into());
            }
        }
        reader.end()?;
        self.load(own)?;
        self.adopt_all(all, count)
    }

    #[cfg(feature = "alloc")]
    fn adopt_all(&mut self, mut parts: Reader<'_>, count: u32) -> Result<(), Error<B::Error>> {
        self.others.clear();
        for _ in 0..count {
            let part = next_part(&mut parts)?;
            let stream = Reader::bare(part).u32()?;
            if stream != self.options.stream {
                self.others.insert(stream, part.into());
            }
        }
        Ok(())
    }

    #[cfg(not(feature = "alloc"))]
    #[expect(clippy::unused_self, reason = "without `alloc` there are no other parts")]
    fn adopt_all(&mut self, _: Reader<'_>, _: u32) -> Result<(), Error<B::Error>> {
        Ok(())
    }

    /// Checks that a part can be loaded; returns its stream number.
    pub(super) fn check_part(&self, part: &[u8]) -> Result<u32, SnapshotError> {
        let mut reader = Reader::bare(part);
        let stream = reader.u32()?;
        let head = read_head(&mut reader)?;
        let Sizes { capacity, sample, .. } = self.sizes();
        check_head(&head, capacity, sample)?;
        let mut live = head.expired;
        for _ in 0..head.len {
            live = live.saturating_add(check_micro::<B::Elem>(&mut reader, self.dim)?);
        }
        if live != head.mass {
            return Err(SnapshotError::Value);
        }
        for half in head.kept {
            check_sample::<B::Elem>(&mut reader, half, self.dim)?;
        }
        reader.end()?;
        Ok(stream)
    }

    /// Replaces the own part by a checked one, or by nothing.
    pub(super) fn load(&mut self, part: Option<&[u8]>) -> Result<(), Error<B::Error>> {
        let mut work = self.work();
        *work.head = Head::EMPTY;
        if let Some(part) = part {
            work.load(&mut Reader::bare(part))?;
        }
        work.clear_from(work.head.len)
    }
}

impl<B: Backend> Work<'_, B> {
    fn load(&mut self, reader: &mut Reader<'_>) -> Result<(), Error<B::Error>> {
        reader.u32()?;
        let head = read_head(reader)?;
        *self.head = head;
        for c in 0..head.len {
            let (stream, id) = (reader.u32()?, reader.u64()?);
            self.parts.micro[c] = Micro { id, stream, partner: 0, cost: 0.0 };
            let sums = [reader.i64()?, reader.i64()?];
            self.backend.write(self.parts.mass, c, &sums[..1]).map_err(Error::Backend)?;
            self.backend.write(self.parts.scatter, c, &sums[1..]).map_err(Error::Backend)?;
            get_elements(self.backend, reader, self.parts.anchors, c * self.dim, self.dim)?;
            for t in 0..self.dim {
                let offset = [reader.i64()?];
                let at = c * self.dim + t;
                self.backend.write(self.parts.offsets, at, &offset).map_err(Error::Backend)?;
            }
        }
        for (half, (start, _)) in sample::halves(self.sizes.sample).into_iter().enumerate() {
            for slot in start..start + head.kept[half] {
                let kept = read_kept(reader)?;
                self.parts.sample[slot] = Kept { slot: slot as u32, ..kept };
                get_elements(self.backend, reader, self.parts.kept, slot * self.dim, self.dim)?;
            }
        }
        Ok(())
    }
}

/// The next length-prefixed part.
fn next_part<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], SnapshotError> {
    let len = usize::try_from(reader.u64()?).map_err(|_| SnapshotError::Length)?;
    reader.slice(len)
}

fn get_elements<B: Backend>(
    b: &B,
    reader: &mut Reader<'_>,
    to: &mut B::Buf<B::Elem>,
    at: usize,
    len: usize,
) -> Result<(), Error<B::Error>> {
    let mut tile = [B::Elem::default(); TILE];
    for t in (0..len).step_by(TILE) {
        let tile = &mut tile[..TILE.min(len - t)];
        reader.elements(tile)?;
        b.write(to, at + t, tile).map_err(Error::Backend)?;
    }
    Ok(())
}

fn write_terms<T: Element>(
    writer: &mut Writer<'_>,
    options: &StreamOptions,
    sizes: [usize; 4],
) -> Result<(), SnapshotError> {
    let (kind, period) = match options.half_life {
        HalfLife::Never => (0, 0.0),
        HalfLife::Rows(h) => (1, h),
        HalfLife::Batches(h) => (2, h),
        HalfLife::Time(h) => (3, h),
    };
    writer.u32(size_of::<T>() as u32)?;
    sizes.into_iter().try_for_each(|size| writer.u32(size as u32))?;
    writer.u64(options.seed)?;
    writer.u32(kind)?;
    writer.u32(u32::from(options.non_finite == NonFinite::Skip))?;
    writer.u32(u32::from(options.rebuild == Rebuild::Facility))?;
    writer.u32(u32::from(options.merge.is_deferred()))?;
    [period, options.evict, options.growth, options.low_water]
        .into_iter()
        .try_for_each(|value| writer.f64(value))
}

fn write_head(writer: &mut Writer<'_>, head: &Head) -> Result<(), SnapshotError> {
    let Head { len, price, unit, exponent, row, rows, skipped, opened, rebuilds, rebuilt, .. } =
        *head;
    let Head { mass, expired, clock, halvings, kept, threshold, .. } = *head;
    [len as u64, row, rows, skipped, opened, rebuilds, rebuilt, kept[0] as u64, kept[1] as u64]
        .into_iter()
        .try_for_each(|v| writer.u64(v))?;
    [i64::from(exponent), mass, expired, halvings, 0]
        .into_iter()
        .try_for_each(|v| writer.i64(v))?;
    [price, unit, clock, threshold[0], threshold[1]].into_iter().try_for_each(|v| writer.f64(v))
}

fn read_head(reader: &mut Reader<'_>) -> Result<Head, SnapshotError> {
    let size = |v: u64| usize::try_from(v).map_err(|_| SnapshotError::Value);
    let mut u = [0u64; 9];
    for v in &mut u {
        *v = reader.u64()?;
    }
    let mut i = [0i64; 5];
    for v in &mut i {
        *v = reader.i64()?;
    }
    let mut f = [0f64; 5];
    for v in &mut f {
        *v = reader.f64()?;
    }
    Ok(Head {
        len: size(u[0])?,
        price: f[0],
        unit: f[1],
        exponent: i32::try_from(i[0]).map_err(|_| SnapshotError::Value)?,
        row: u[1],
        rows: u[2],
        skipped: u[3],
        opened: u[4],
        rebuilds: u[5],
        rebuilt: u[6],
        mass: i[1],
        expired: i[2],
        clock: f[2],
        halvings: i[3],
        kept: [size(u[7])?, size(u[8])?],
        threshold: [f[3], f[4]],
    })
}

/// The rules that every head obeys.
fn check_head(head: &Head, capacity: usize, sample: usize) -> Result<(), SnapshotError> {
    let priced = head.price > 0.0;
    let exponent = if priced { sums::exponent_for(head.reach()) } else { 0 };
    let good = head.len <= capacity
        && (0.0..f64::INFINITY).contains(&head.price)
        && (1e-30..=1e30).contains(&head.unit)
        && head.unit == sums::power(sums::floor_log2(head.unit))
        && head.exponent == exponent
        && (0..=1 << 61).contains(&head.mass)
        && (0..=head.mass).contains(&head.expired)
        && (0.0..=9e15).contains(&head.clock)
        && head.halvings >= 0
        && head.rebuilt <= head.row
        && head.row <= 1 << 62
        && head.rows <= 1 << 62
        && head.threshold.iter().all(|&t| t >= 0.0);
    let fits = sample::halves(sample)
        .into_iter()
        .zip(head.kept)
        .all(|((start, end), kept)| kept <= end - start);
    if good && fits { Ok(()) } else { Err(SnapshotError::Value) }
}

/// Checks one micro-cluster; returns its mass.
fn check_micro<T: Element>(reader: &mut Reader<'_>, dim: usize) -> Result<i64, SnapshotError> {
    reader.u32()?;
    reader.u64()?;
    let (mass, scatter) = (reader.i64()?, reader.i64()?);
    check_finite::<T>(reader, dim)?;
    reader.slice(8 * dim)?;
    if (1..=1 << 61).contains(&mass) && scatter >= 0 { Ok(mass) } else { Err(SnapshotError::Value) }
}

fn check_finite<T: Element>(reader: &mut Reader<'_>, dim: usize) -> Result<(), SnapshotError> {
    let (mut value, limit) = ([T::zero()], super::input::limit::<T>(dim));
    for _ in 0..dim {
        reader.elements(&mut value)?;
        if !super::input::fits(value[0], limit) {
            return Err(SnapshotError::Value);
        }
    }
    Ok(())
}

fn check_sample<T: Element>(
    reader: &mut Reader<'_>,
    len: usize,
    dim: usize,
) -> Result<(), SnapshotError> {
    let all = reader.clone();
    let at = |i: usize| {
        let mut reader = all.clone();
        reader.slice(i * (KEPT + dim * size_of::<T>()))?;
        read_kept(&mut reader)
    };
    for i in 0..len {
        let kept = read_kept(reader)?;
        check_finite::<T>(reader, dim)?;
        let good = kept.key >= 0.0
            && (0.0..f64::INFINITY).contains(&kept.weight)
            && (0.0..f64::INFINITY).contains(&kept.gap);
        if !good || i > 0 && sample::above(&kept, &at((i - 1) / 2)?) {
            return Err(SnapshotError::Value);
        }
    }
    Ok(())
}

fn read_kept(reader: &mut Reader<'_>) -> Result<Kept, SnapshotError> {
    let (stream, row) = (reader.u32()?, reader.u64()?);
    let (key, weight, gap) = (reader.f64()?, reader.f64()?, reader.f64()?);
    Ok(Kept { key, weight, gap, row, stream, slot: 0 })
}
