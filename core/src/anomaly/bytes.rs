//! A detector as bytes: the frame of [`snapshot`](crate::snapshot), and in it
//!
//! ```text
//! cell code u32 · K u32 · D u32                      what the reader was built for
//! front, train, beyond, memory u32 · gate, ridge, price, raise, clear f32 · hold u32
//! rows, novelty, alarm on, quiet, fitted, cells u32 · price, median, edge f32 · scale i32 ·
//! rows of the front u32
//! running, mean, inverse, pivot: D f32 each · square: D·D f32
//! for each of K cells: mass u32, D words (f32 bits, or i16 with 16 more bits of the centre)
//! 64 counters, two to a u32
//! ```
//!
//! All sizes are fixed by K and D, so a slot in flash can be laid out at compile time.

use super::{Alarm, Cell, Cells, DEAREST, Detector, LARGEST, Phase, histogram::COUNTERS};
use crate::error::SnapshotError;
use crate::snapshot::{FRAME, Reader, Writer};

/// Kind of snapshot.
const KIND: u16 = 4;
const VERSION: u16 = 2;
/// Words before the arrays: shape, options, scalars.
const SCALARS: usize = 3 + 10 + 11;

impl<T: Cell, const K: usize, const D: usize> Detector<T, K, D> {
    /// Bytes of a checkpoint, a constant of K and D.
    pub const CHECKPOINT: usize =
        FRAME + 4 * (SCALARS + 4 * D + D * D + K * (1 + D) + COUNTERS / 2);

    /// Writes everything into `out`: little-endian, versioned, with a CRC-32; returns
    /// [`CHECKPOINT`](Self::CHECKPOINT). What [`begin`](Self::begin) left to do is done before, on
    /// a copy: [`BYTES`](Self::BYTES) of stack. [`durable`](crate::durable) keeps such bytes over a
    /// power cut.
    ///
    /// ```
    /// use enfold_core::anomaly::{Detector, Options};
    /// type Small = Detector<f32, 4, 1>;
    ///
    /// let mut detector = Small::new(Options::new());
    /// for t in 0..500u32 {
    ///     detector.watch(&[(t % 7) as f32])?;
    /// }
    /// let mut bytes = [0; Small::CHECKPOINT];
    /// detector.checkpoint(&mut bytes)?;
    /// let mut other = Small::EMPTY;
    /// other.restore(&bytes)?;
    /// assert_eq!(other.score(&[3.0]), detector.score(&[3.0]));
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `out` is shorter than that.
    pub fn checkpoint(&self, out: &mut [u8]) -> Result<usize, SnapshotError> {
        if self.is_finished() { self.write(out) } else { self.write_finished(out) }
    }

    /// On its own, so that the copy takes stack only while it is needed.
    #[inline(never)]
    fn write_finished(&self, out: &mut [u8]) -> Result<usize, SnapshotError> {
        let mut copy = self.clone();
        copy.finish_step(u32::MAX);
        copy.write(out)
    }

    fn write(&self, out: &mut [u8]) -> Result<usize, SnapshotError> {
        let mut to = Writer::start(out, KIND, VERSION, Self::CHECKPOINT - FRAME)?;
        self.shape().into_iter().try_for_each(|v| to.u32(v))?;
        self.settings().into_iter().try_for_each(|v| to.u32(v))?;
        self.scalars().into_iter().try_for_each(|v| to.u32(v))?;
        let front = &self.front;
        let vectors = [&front.running, &front.mean, &front.inverse, &front.pivot];
        for &value in vectors.into_iter().chain(&front.square).flatten() {
            to.u32(value.to_bits())?;
        }
        let cells = self.cells.centers.iter().zip(&self.cells.rests).zip(&self.cells.mass);
        for ((center, rest), &mass) in cells {
            to.u32(mass)?;
            center.iter().zip(rest).try_for_each(|(c, r)| to.u32(c.to_bits(*r)))?;
        }
        for pair in self.normal.counts.as_chunks::<2>().0 {
            to.u32(u32::from(pair[0]) | u32::from(pair[1]) << 16)?;
        }
        to.finish()
    }

    /// Replaces everything by a checkpoint, options included. Any bytes are safe. The new state is
    /// built beside the old one: [`BYTES`](Self::BYTES) of stack.
    ///
    /// # Errors
    /// Why the bytes are no checkpoint of this type; the state is as it was.
    #[inline(never)]
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut from = Reader::open(bytes, KIND, VERSION)?;
        let mut new = Self::EMPTY;
        if words::<3>(&mut from)? != self.shape() {
            return Err(SnapshotError::Shape);
        }
        new.take_settings(words(&mut from)?)?;
        new.take_scalars(words(&mut from)?)?;
        new.take_front(&mut from)?;
        new.take_cells(&mut from)?;
        for pair in new.normal.counts.as_chunks_mut::<2>().0 {
            let word = from.u32()?;
            *pair = [word as u16, (word >> 16) as u16];
        }
        from.end()?;
        new.check()?;
        *self = new;
        Ok(())
    }

    fn shape(&self) -> [u32; 3] {
        [u32::from(T::CODE), K as u32, D as u32]
    }

    fn settings(&self) -> [u32; 10] {
        let o = &self.options;
        let [gate, ridge, price] = [o.gate, o.ridge, o.price].map(f32::to_bits);
        let [raise, clear] = [o.alarm.raise, o.alarm.clear].map(f32::to_bits);
        let beyond = u32::from(o.beyond);
        [o.front, o.train, beyond, o.memory, gate, ridge, price, raise, clear, o.alarm.hold]
    }

    fn take_settings(&mut self, words: [u32; 10]) -> Result<(), SnapshotError> {
        let [front, train, beyond, memory, gate, ridge, price, raise, clear, hold] = words;
        let o = &mut self.options;
        (o.front, o.train, o.memory) = (front, train, memory);
        o.beyond = u16::try_from(beyond).map_err(|_| SnapshotError::Value)?;
        [o.gate, o.ridge, o.price] = [gate, ridge, price].map(f32::from_bits);
        [o.alarm.raise, o.alarm.clear] = [raise, clear].map(f32::from_bits);
        o.alarm.hold = hold;
        Ok(())
    }

    fn scalars(&self) -> [u32; 11] {
        let [median, edge] = self.span.map(f32::to_bits);
        let flags = [self.alarm.on, self.front.fitted].map(u32::from);
        let Cells { len, scale, .. } = self.cells;
        let (price, scale) = (self.price.to_bits(), scale as u32);
        let (rows, novelty, quiet) = (self.rows, self.novelty, self.alarm.quiet);
        let [on, fitted] = flags;
        let learned = self.front.rows;
        [rows, novelty, on, quiet, fitted, len, price, median, edge, scale, learned]
    }

    fn take_scalars(&mut self, words: [u32; 11]) -> Result<(), SnapshotError> {
        let [rows, novelty, on, quiet, fitted, len, price, median, edge, scale, learned] = words;
        let scale = scale as i32;
        if on > 1 || fitted > 1 || len > K as u32 || !T::is_scale(scale) {
            return Err(SnapshotError::Value);
        }
        (self.rows, self.novelty, self.front.rows) = (rows, novelty, learned);
        (self.alarm, self.front.fitted) = (Alarm { on: on == 1, quiet }, fitted == 1);
        (self.cells.len, self.cells.scale) = (len, scale);
        self.price = f32::from_bits(price);
        self.span = [median, edge].map(f32::from_bits);
        Ok(())
    }

    fn take_front(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let front = &mut self.front;
        take_within(from, &mut front.running, LARGEST)?;
        take_within(from, &mut front.mean, LARGEST)?;
        take_within(from, &mut front.inverse, 1e23)?;
        take_within(from, &mut front.pivot, 1e3)?;
        for (i, line) in front.square.iter_mut().enumerate() {
            let (factor, moments) = line.split_at_mut_checked(i).unwrap_or((&mut [], &mut []));
            take_within(from, factor, 4.0)?;
            take_within(from, moments, 1e35)?;
        }
        Ok(())
    }

    fn take_cells(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let cells = self.cells.centers.iter_mut().zip(&mut self.cells.rests);
        for ((center, rest), mass) in cells.zip(&mut self.cells.mass) {
            *mass = from.u32()?;
            for (center, rest) in center.iter_mut().zip(rest) {
                let parts = T::from_bits(from.u32()?);
                (*center, *rest) = parts.ok_or(SnapshotError::Value)?;
            }
        }
        Ok(())
    }

    /// The rules that every state obeys.
    fn check(&self) -> Result<(), SnapshotError> {
        let [median, edge] = self.span;
        let spread = edge - median;
        let masses = self.cells.mass.iter().take(self.cells.len()).all(|&mass| mass > 0);
        // Else there would never be a fit, or a score.
        let fitted = self.front.fitted == (self.rows >= self.options.front);
        // In training the front learns every row, later none that is not watched.
        let learned = (self.rows.min(self.options.train)..=self.rows).contains(&self.front.rows);
        let trained = match self.phase() {
            Phase::Front => self.cells.is_empty(),
            Phase::Cells => self.front.is_sound(),
            Phase::Watch => self.front.is_sound() && !self.cells.is_empty(),
        };
        let good = self.options.is_valid()
            && masses
            && fitted
            && learned
            && trained
            && (0.0..=DEAREST).contains(&self.price)
            && median.abs() <= 128.0
            && (0.25..=128.0).contains(&spread);
        if good { Ok(()) } else { Err(SnapshotError::Value) }
    }
}

/// Reads numbers whose sizes do not pass what a sound state has; NaN does.
fn take_within(from: &mut Reader<'_>, to: &mut [f32], most: f32) -> Result<(), SnapshotError> {
    for value in to {
        *value = f32::from_bits(from.u32()?);
        if !(-most..=most).contains(value) {
            return Err(SnapshotError::Value);
        }
    }
    Ok(())
}

fn words<const N: usize>(from: &mut Reader<'_>) -> Result<[u32; N], SnapshotError> {
    let mut out = [0; N];
    for word in &mut out {
        *word = from.u32()?;
    }
    Ok(out)
}
