//! A [`Covariance`] as a streaming state.
//!
//! Payload of a snapshot: dim u64, half-life f64 (0 = none), time f64, mass f64, whether a block
//! was closed u64, rows of the open block u64; then origin f32, sums f64, the lower triangle of
//! the products f64, and weights and values of the open rows f32.

use std::convert::Infallible;

use enfold_core::snapshot::{FRAME, Reader, Writer};
use enfold_core::{Error, Pushed, Rows, ShapeError, SnapshotError, StreamState};
use enfold_cpu::Cpu;

use super::Covariance;
use super::gram::BLOCK;
use crate::data::door::{advance, faded, period};

const KIND: u16 = 66;
const VERSION: u16 = 1;

/// The largest value and weight: products of values twice as large, times the weight, summed over
/// a block, are finite in `f32`.
const VALUE: f32 = (1u64 << 47) as f32;
const WEIGHT: f32 = (1u32 << 20) as f32;

/// Values that are judged at once.
const PIECE: usize = 1024;

type Fail = Error<Infallible>;

impl StreamState for Covariance {
    type Backend = Cpu<f32>;

    /// Refuses rows with a value that is not finite or above 2⁴⁷ in size, and weights above 2²⁰.
    fn push(&mut self, rows: Rows<'_, [f32]>, weights: Option<&[f32]>) -> Result<Pushed, Fail> {
        ShapeError::check("dim", self.dim, rows.dim())?;
        let values = rows.as_slice();
        if let Some(at) = first_bad(values) {
            return Err(Error::NotFinite { row: rows.start() + at / self.dim });
        }
        let Some(weights) = weights else {
            self.take_all(values);
            return Ok(Pushed { rows: rows.len(), skipped: 0, opened: 0 });
        };
        ShapeError::at_least("weights", rows.end(), weights.len())?;
        let weights = &weights[rows.start()..rows.end()];
        if let Some(at) = weights.iter().position(|w| !(0.0..=WEIGHT).contains(w)) {
            return Err(Error::Weight { row: rows.start() + at });
        }
        self.take(values, weights.iter().copied());
        let skipped = weights.iter().filter(|&&w| w == 0.0).count();
        Ok(Pushed { rows: rows.len() - skipped, skipped, opened: 0 })
    }

    fn merge(&mut self, other: &Self) -> Result<(), Fail> {
        ShapeError::check("dim", self.dim, other.dim)?;
        if self.half_life != other.half_life {
            return Err(Error::Mismatch { what: "half-life" });
        }
        let (time, mut other) = (self.time.max(other.time), other.clone());
        self.decay(time)?;
        other.decay(time)?;
        other.close();
        if !other.blocks.any {
            return Ok(());
        }
        self.close();
        if self.blocks.any {
            self.blocks.merge(&other.blocks, other.mass);
        } else {
            self.blocks = other.blocks;
        }
        self.mass += other.mass;
        Ok(())
    }

    fn decay(&mut self, time: f64) -> Result<(), Fail> {
        let passed = advance(&mut self.time, time)?;
        if let Some(factor) = faded(passed, self.half_life) {
            self.close();
            self.blocks.shrink(factor);
            self.mass *= factor;
        }
        Ok(())
    }

    fn snapshot_len(&self) -> usize {
        let fixed = 48 + 4 * self.dim + 8 * self.dim + 4 * self.dim * (self.dim + 1);
        FRAME + fixed + 4 * (self.weights.len() + self.pending.len())
    }

    fn snapshot(&self, out: &mut [u8]) -> Result<usize, Fail> {
        let mut writer = Writer::start(out, KIND, VERSION, self.snapshot_len() - FRAME)?;
        writer.u64(self.dim as u64)?;
        writer.f64(self.half_life.unwrap_or(0.0))?;
        writer.f64(self.time)?;
        writer.f64(self.mass)?;
        writer.u64(self.blocks.any.into())?;
        writer.u64(self.weights.len() as u64)?;
        writer.elements(&self.blocks.origin)?;
        writer.elements(&self.blocks.sums)?;
        for (i, row) in self.blocks.products.chunks_exact(self.dim).enumerate() {
            writer.elements(&row[..=i])?;
        }
        writer.elements(&self.weights)?;
        writer.elements(&self.pending)?;
        Ok(writer.finish()?)
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), Fail> {
        let mut reader = Reader::open(bytes, KIND, VERSION)?;
        if reader.u64()? != self.dim as u64 {
            return Err(SnapshotError::Shape.into());
        }
        let mut new = self.clone();
        new.read(&mut reader)?;
        reader.end()?;
        *self = new;
        Ok(())
    }
}

/// The first value that a state refuses.
fn first_bad(values: &[f32]) -> Option<usize> {
    // NaN is in no range.
    let bad = |v: &f32| !(-VALUE..=VALUE).contains(v);
    // Pieces are judged without a branch for each value: in vectors.
    let pieces = values.chunks(PIECE).enumerate();
    let mut found = pieces.filter(|(_, piece)| piece.iter().fold(false, |any, v| any | bad(v)));
    let (number, piece) = found.next()?;
    piece.iter().position(bad).map(|at| number * PIECE + at)
}

impl Covariance {
    /// What follows the dim.
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let (half_life, time, mass) = (period(reader.f64()?)?, reader.f64()?, reader.f64()?);
        let (any, open) = (reader.u64()?, reader.u64()?);
        let sane = mass >= 0.0 && mass.is_finite() && time.is_finite();
        if !sane || any > 1 || open >= BLOCK as u64 {
            return Err(SnapshotError::Value);
        }
        (self.half_life, self.time) = (half_life, time);
        (self.mass, self.blocks.any) = (mass, any == 1);
        reader.elements(&mut self.blocks.origin)?;
        reader.elements(&mut self.blocks.sums)?;
        for (i, row) in self.blocks.products.chunks_exact_mut(self.dim).enumerate() {
            reader.elements(&mut row[..=i])?;
        }
        self.weights = vec![0.0; open as usize];
        self.pending = vec![0.0; open as usize * self.dim];
        reader.elements(&mut self.weights)?;
        reader.elements(&mut self.pending)?;
        if self.is_sane() { Ok(()) } else { Err(SnapshotError::Value) }
    }

    /// Whether rows can have led here.
    fn is_sane(&self) -> bool {
        let Self { blocks, dim, .. } = self;
        let small = |v: &f32| v.abs() <= VALUE;
        let squares = blocks.products.iter().step_by(dim + 1);
        blocks.origin.iter().chain(&self.pending).all(small)
            && self.weights.iter().all(|w| *w > 0.0 && *w <= WEIGHT)
            && blocks.sums.iter().chain(&blocks.products).all(|sum| sum.is_finite())
            && squares.into_iter().all(|square| *square >= 0.0)
    }
}
