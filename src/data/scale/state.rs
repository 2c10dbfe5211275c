//! A [`Scaler`] as a streaming state.
//!
//! Payload of a snapshot: dim u64, half-life f64 (0 = none), time f64, mass u64, then per column
//! the digits of both sums (31 × i64).

use std::convert::Infallible;

use enfold_core::backend::WEIGHT_BITS;
use enfold_core::snapshot::{FRAME, Reader, Writer};
use enfold_core::{Error, Pushed, Rows, ShapeError, SnapshotError, StreamState};
use enfold_cpu::Cpu;

use super::{Column, Scaler};
use crate::data::door::{advance, check_finite, faded, period};
use crate::data::exact::{DIGITS, Linear, Parts, Square};

/// Kinds of the façade begin at 64.
const KIND: u16 = 64;
const VERSION: u16 = 1;

type Fail = Error<Infallible>;

impl StreamState for Scaler {
    type Backend = Cpu<f32>;

    fn push(&mut self, rows: Rows<'_, [f32]>, weights: Option<&[f32]>) -> Result<Pushed, Fail> {
        ShapeError::check("dim", self.dim(), rows.dim())?;
        check_finite(rows)?;
        let masses = masses(rows, weights)?;
        let total = masses.iter().try_fold(self.mass, |sum, &m| sum.checked_add(m));
        let fits = total.filter(|&sum| i64::try_from(sum).is_ok());
        self.mass = fits.ok_or(Error::Weight { row: rows.start() })?;
        for (i, &mass) in (rows.start()..).zip(&masses) {
            self.add(rows.row(i), mass);
        }
        self.columns.iter_mut().for_each(Column::carry);
        let skipped = masses.iter().filter(|&&m| m == 0).count();
        Ok(Pushed { rows: masses.len() - skipped, skipped, opened: 0 })
    }

    fn merge(&mut self, other: &Self) -> Result<(), Fail> {
        ShapeError::check("dim", self.dim(), other.dim())?;
        if self.half_life != other.half_life {
            return Err(Error::Mismatch { what: "half-life" });
        }
        let (time, mut other) = (self.time.max(other.time), other.clone());
        let sum = self.mass.checked_add(other.mass).filter(|&sum| i64::try_from(sum).is_ok());
        sum.ok_or(Error::Mismatch { what: "weights, whose sum is too large" })?;
        self.decay(time)?;
        other.decay(time)?;
        self.mass += other.mass;
        self.columns.iter_mut().zip(&other.columns).for_each(|(a, b)| a.merge(b));
        Ok(())
    }

    fn decay(&mut self, time: f64) -> Result<(), Fail> {
        let passed = advance(&mut self.time, time)?;
        if let Some(factor) = faded(passed, self.half_life) {
            self.shrink(factor);
        }
        Ok(())
    }

    fn snapshot_len(&self) -> usize {
        FRAME + self.payload()
    }

    fn snapshot(&self, out: &mut [u8]) -> Result<usize, Fail> {
        let mut writer = Writer::start(out, KIND, VERSION, self.payload())?;
        writer.u64(self.dim() as u64)?;
        writer.f64(self.half_life.unwrap_or(0.0))?;
        writer.f64(self.time)?;
        writer.u64(self.mass)?;
        for column in &self.columns {
            let mut digits = column.sum.digits().iter().chain(column.squares.digits());
            digits.try_for_each(|&digit| writer.i64(digit))?;
        }
        Ok(writer.finish()?)
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), Fail> {
        let mut reader = Reader::open(bytes, KIND, VERSION)?;
        if bytes.len() != self.snapshot_len() || reader.u64()? != self.dim() as u64 {
            return Err(SnapshotError::Shape.into());
        }
        let (half_life, time) = (period(reader.f64()?)?, reader.f64()?);
        let mass = reader.u64()?;
        if !time.is_finite() || i64::try_from(mass).is_err() {
            return Err(SnapshotError::Value.into());
        }
        let columns =
            (0..self.dim()).map(|_| Column::read(&mut reader)).collect::<Result<_, _>>()?;
        *self = Self { columns, mass, time, half_life };
        Ok(())
    }
}

impl Scaler {
    fn add(&mut self, row: &[f32], mass: u64) {
        for (column, &value) in self.columns.iter_mut().zip(row) {
            let parts = Parts::of(value);
            column.sum.add(parts, mass);
            column.squares.add(parts, mass);
        }
    }

    fn shrink(&mut self, factor: f64) {
        let old = self.mass;
        self.mass = (old as f64 * factor).round_ties_even() as u64;
        // Sums shrink by what the mass shrank by, so that means stay what they are.
        let factor = if old == 0 { 0.0 } else { self.mass as f64 / old as f64 };
        for column in &mut self.columns {
            column.sum.shrink(factor);
            column.squares.shrink(factor);
        }
    }

    fn payload(&self) -> usize {
        32 + self.dim() * 8 * DIGITS
    }
}

impl Column {
    fn carry(&mut self) {
        self.sum.carry();
        self.squares.carry();
    }

    fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let (mut sum, mut squares) = ([0; 11], [0; 20]);
        for digit in sum.iter_mut().chain(&mut squares) {
            *digit = reader.i64()?;
        }
        let sum = Linear::default().with_digits(sum).ok_or(SnapshotError::Value)?;
        let squares = Square::default().with_digits(squares).ok_or(SnapshotError::Value)?;
        Ok(Self { sum, squares })
    }
}

/// The weights in units of 2⁻¹⁶, one per row; `weights` are by absolute row, like every buffer.
pub(super) fn masses(rows: Rows<'_, [f32]>, weights: Option<&[f32]>) -> Result<Vec<u64>, Fail> {
    let Some(weights) = weights else { return Ok(vec![1 << WEIGHT_BITS; rows.len()]) };
    ShapeError::at_least("weights", rows.end(), weights.len())?;
    (rows.start()..rows.end()).map(|row| mass(weights[row]).ok_or(Error::Weight { row })).collect()
}

/// A weight below 2³¹ in units of 2⁻¹⁶.
fn mass(weight: f32) -> Option<u64> {
    let mass = (f64::from(weight) * f64::from(1u32 << WEIGHT_BITS)).round_ties_even();
    (0.0..(1u64 << 47) as f64).contains(&mass).then_some(mass as u64)
}
