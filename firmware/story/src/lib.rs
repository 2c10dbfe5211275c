//! What the firmware demo does, told the same way on every target: learn from a trace, raise an
//! alarm, survive a power cut in the middle of a checkpoint – and leave the same bytes everywhere.

#![no_std]
#![forbid(unsafe_code)]

pub mod trace;

pub use enfold_core::anomaly::Cell;
use enfold_core::anomaly::{AlarmOptions, Cells, Detector, Feature, Near, Options, Reject, Window};
use enfold_core::durable;
use enfold_core::snapshot::crc32;

/// Features per sensor.
pub const KINDS: [Feature; 2] = [Feature::Mean, Feature::Deviation];
/// What the detectors are told.
pub const OPTIONS: Options = Options::new().front(48).train(192);
/// Bytes of one slot for a checkpoint.
pub const SLOT: usize = durable::HEADER + Detector::<f32, 8, 16>::CHECKPOINT;

/// What a device keeps in RAM, for cells of `T`: zeros until it starts, so a `static` of it costs
/// no flash.
#[derive(Debug)]
pub struct Device<T: Cell> {
    window: Window<8, 16>,
    detector: Detector<T, 8, 16>,
}

/// Two sectors of flash and the buffer in front of them, played by RAM.
#[derive(Debug)]
pub struct Flash {
    slots: [[u8; SLOT]; 2],
    buffer: [u8; SLOT],
}

impl Default for Flash {
    fn default() -> Self {
        Self::new()
    }
}

impl Flash {
    /// Not yet erased.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: [[0; SLOT]; 2], buffer: [0; SLOT] }
    }

    /// The payloads of the good records, the newest first.
    fn records(&self) -> impl Iterator<Item = &[u8]> {
        let [a, b] = &self.slots;
        durable::newest([&a[..], &b[..]])
    }

    /// Programs `len` bytes of payload behind their header; the power fails after `power` bytes.
    fn program(&mut self, len: usize, power: usize) {
        let [a, b] = &mut self.slots;
        let next = durable::next([&a[..], &b[..]]);
        if durable::seal(&mut self.buffer, next.sequence, len).is_ok() {
            let slot = if next.slot == 0 { a } else { b };
            slot.iter_mut().zip(&self.buffer).take(power).for_each(|(to, &from)| *to = from);
        }
    }
}

/// The sample before which the power fails.
pub const CUT: u32 = 349;

/// What came of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Alarms raised.
    pub alarms: u32,
    /// The sample that raised the first one.
    pub first: u32,
    /// CRC-32 of all numbers of samples with the alarm on.
    pub during: u32,
    /// CRC-32 of the last checkpoint.
    pub state: u32,
    /// Rows in the state found after the power cut.
    pub survived: u32,
}

impl<T: Cell> Default for Device<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Cell> Device<T> {
    /// A device without power.
    #[must_use]
    pub const fn new() -> Self {
        Self { window: Window::new(), detector: Detector::EMPTY }
    }

    /// Takes in one sample; whether the alarm is on and whether this sample raised it.
    ///
    /// # Errors
    /// A bad sample; nothing has changed. [`Reject::Untrained`] until the window is full.
    pub fn sample(&mut self, readings: &trace::Sample) -> Result<(bool, bool), Reject> {
        watch(&mut self.window, &mut self.detector, &readings.map(f32::from))
    }

    /// Forgets everything and takes in the whole trace, without checkpoints; the rows taken in.
    pub fn learn(&mut self) -> u32 {
        self.window.clear();
        self.detector.start(OPTIONS);
        trace::TRACE.iter().filter(|readings| self.sample(readings).is_ok()).count() as u32
    }

    /// The score of what the window holds, or 0.
    pub fn score(&self) -> f32 {
        let mut row = [0.0; 16];
        let scored = self.window.features(&KINDS, &mut row);
        scored.and_then(|()| self.detector.score(&row)).map_or(0.0, |score| score.value)
    }

    /// Writes a checkpoint; the power fails after `power` bytes.
    pub fn save(&self, flash: &mut Flash, power: usize) {
        let (_, payload) = flash.buffer.split_at_mut(durable::HEADER);
        if let Ok(len) = self.detector.checkpoint(payload) {
            flash.program(len, power);
        }
    }

    /// Starts again after a power cut: RAM is gone, the newest good state is loaded. Rows in it.
    pub fn restart(&mut self, flash: &Flash) -> u32 {
        self.window.clear();
        self.detector.start(OPTIONS);
        // The first that loads.
        flash.records().find(|record| self.detector.restore(record).is_ok());
        self.detector.rows()
    }

    /// The whole trace: a checkpoint every 50 samples, and a power cut in the middle of the one
    /// at [`CUT`].
    pub fn run(&mut self, flash: &mut Flash) -> Outcome {
        let mut outcome = Outcome::default();
        let mut during = 0u32;
        flash.slots.as_flattened_mut().fill(0xFF);
        self.restart(flash);
        for (t, readings) in (0u32..).zip(&trace::TRACE) {
            if t % 50 == 49 {
                self.save(flash, if t == CUT { SLOT / 2 } else { SLOT });
            }
            if t == CUT {
                outcome.survived = self.restart(flash);
            }
            let Ok((alarm, raised)) = self.sample(readings) else { continue };
            if raised {
                outcome.alarms += 1;
                outcome.first = if outcome.alarms == 1 { t } else { outcome.first };
            }
            if alarm {
                during = chained(during, t);
            }
        }
        self.save(flash, SLOT);
        outcome.during = during;
        // Without the checksum at its end, which would make the sum of any state the same.
        outcome.state = flash.records().next().and_then(Self::summed).map_or(0, crc32);
        outcome
    }

    /// What the checksum at the end of a checkpoint is of.
    fn summed(checkpoint: &[u8]) -> Option<&[u8]> {
        checkpoint.split_last_chunk::<4>().map(|(body, _)| body)
    }
}

fn watch<T: Cell, const W: usize>(
    window: &mut Window<8, W>,
    detector: &mut Detector<T, 8, 16>,
    readings: &[f32; 8],
) -> Result<(bool, bool), Reject> {
    window.push(readings)?;
    let mut row = [0.0; 16];
    window.features(&KINDS, &mut row)?;
    let verdict = detector.watch(&row)?;
    Ok((verdict.alarm, verdict.raised))
}

/// What the detectors are told for a recorded trace, whose windows have 32 samples: as the
/// benchmark on SKAB.
pub const RECORDED: Options = Options::new()
    .front(92)
    .train(368)
    .gate(0.0)
    .ridge(0.2)
    .price(8.0)
    .alarm(AlarmOptions::new().between(0.6, 1.0));

/// Watches a recorded trace – samples of eight `f32`, little-endian – with a new detector; the
/// number of samples with the alarm on and the CRC-32 over all of their numbers.
pub fn recorded<T: Cell>(device: &mut Device<T>, trace: &[u8]) -> (u32, u32) {
    let (mut alarms, mut during) = (0, 0);
    let mut window = Window::<8, 32>::new();
    device.detector.start(RECORDED);
    for (t, bytes) in (0u32..).zip(trace.as_chunks::<32>().0) {
        let mut readings = [0.0; 8];
        for (reading, bytes) in readings.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *reading = f32::from_le_bytes(*bytes);
        }
        if watch(&mut window, &mut device.detector, &readings).is_ok_and(|(alarm, _)| alarm) {
            (alarms, during) = (alarms + 1, chained(during, t));
        }
    }
    (alarms, during)
}

/// A checksum of a sequence of numbers.
fn chained(sum: u32, next: u32) -> u32 {
    let [[a, b, c, d], [e, f, g, h]] = [next.to_le_bytes(), sum.to_le_bytes()];
    crc32(&[a, b, c, d, e, f, g, h])
}

/// The outcome of the trace on every machine.
pub const FLOAT: Outcome =
    Outcome { alarms: 1, first: 401, during: 0x8ea9cef7, state: 0x278af367, survived: 284 };
/// The same with cells in fixed point.
pub const FIXED: Outcome =
    Outcome { alarms: 1, first: 401, during: 0x8ea9cef7, state: 0x80821416, survived: 284 };

/// Calls that are counted.
pub const CALLS: u32 = 64;

/// `score`, where instructions are counted: the nearest of 8 cells of 16 coordinates.
#[inline(never)]
pub fn score_f32(cells: &Cells<f32, 8, 16>, row: &[f32; 16]) -> Option<Near> {
    cells.nearest(row)
}

/// The same for fixed point.
#[inline(never)]
pub fn score_i16(cells: &Cells<i16, 8, 16>, row: &[i16; 16]) -> Option<Near> {
    cells.nearest(row)
}

/// `learn`: a score, and the cell follows.
#[inline(never)]
pub fn learn_f32(cells: &mut Cells<f32, 8, 16>, row: &[f32; 16]) {
    if let Some(near) = cells.nearest(row) {
        cells.follow(near.cell, row, 10);
    }
}

/// The same for fixed point.
#[inline(never)]
pub fn learn_i16(cells: &mut Cells<i16, 8, 16>, row: &[i16; 16]) {
    if let Some(near) = cells.nearest(row) {
        cells.follow(near.cell, row, 10);
    }
}

/// `score` where no cell can be given up half way: every one is nearer than those before.
#[inline(never)]
pub fn worst_f32(cells: &Cells<f32, 8, 16>, row: &[f32; 16]) -> f32 {
    cells.nearest(row).map_or(0.0, |near| near.square)
}

/// The same for fixed point.
#[inline(never)]
pub fn worst_i16(cells: &Cells<i16, 8, 16>, row: &[i16; 16]) -> f32 {
    cells.nearest(row).map_or(0.0, |near| near.square)
}

/// Row t, evenly spread.
fn row(t: u32) -> [i16; 16] {
    core::array::from_fn(|d| ((t * 37 + d as u32 * 101) % 512) as i16 - 256)
}

/// Eight cells in both kinds of coordinates.
fn eight(center: impl Fn(u32) -> [i16; 16]) -> (Cells<f32, 8, 16>, Cells<i16, 8, 16>) {
    let (mut float, mut fixed) = (Cells::new(), Cells::new());
    for c in 0..8 {
        fixed.open(&center(c));
        float.open(&center(c).map(f32::from));
    }
    (float, fixed)
}

/// Runs each of the six [`CALLS`] times on eight full cells; something that depends on all.
#[inline(never)]
pub fn kernels() -> u32 {
    let (mut float, mut fixed) = eight(|c| row(c * 11));
    let mut sum = 0u32;
    for t in 0..CALLS {
        let x = row(t);
        let y = x.map(f32::from);
        sum = sum.wrapping_add(score_f32(&float, &y).map_or(0, |near| near.square as u32));
        sum = sum.wrapping_add(score_i16(&fixed, &x).map_or(0, |near| near.cell as u32));
        learn_f32(&mut float, &y);
        learn_i16(&mut fixed, &x);
    }
    for t in 0..CALLS {
        let x = row(t);
        let (float, fixed) = eight(|c| x.map(|x| x + 16 - c as i16));
        sum = sum.wrapping_add(worst_f32(&float, &x.map(f32::from)) as u32);
        sum = sum.wrapping_add(worst_i16(&fixed, &x) as u32);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T: Cell>() -> Outcome {
        Device::<T>::new().run(&mut Flash::new())
    }

    #[test]
    fn the_story_ends_here_as_on_every_target() {
        assert_eq!([told::<f32>(), told::<i16>()], [FLOAT, FIXED]);
    }

    #[test]
    fn the_fault_is_noticed_and_the_power_cut_survived() {
        for outcome in [told::<f32>(), told::<i16>()] {
            let first = outcome.first as usize;
            assert!((trace::FAULT..trace::FAULT + 16).contains(&first), "{outcome:?}");
            // The checkpoint at 349 was cut in half; the one at 299 had seen 284 full windows.
            assert_eq!(outcome.survived, 284, "{outcome:?}");
        }
    }
}
