//! The least and the largest value of each column.
//!
//! Payload of a snapshot: dim u64, time f64, rows u64, then the lows and the highs, f32.

use std::convert::Infallible;

use enfold_core::snapshot::{FRAME, Reader, Writer};
use enfold_core::{Error, Pushed, Rows, ShapeError, SnapshotError, StreamState};
use enfold_cpu::Cpu;

use super::Scaling;
use super::state::masses;
use crate::data::DataError;
use crate::data::door::{advance, check_finite};

const KIND: u16 = 65;
const VERSION: u16 = 1;

type Fail = Error<Infallible>;

/// The least and the largest value of every column of a stream, exactly.
///
/// It is a [`StreamState`](crate::StreamState); the state is the same for any order of the rows,
/// any cut into batches and any tree of merges. Extremes do not fade: the clock moves, and
/// nothing else. A row of weight 0 does not count, any other weight counts as much as 1.
/// Memory: 8 bytes per column.
///
/// ```
/// use enfold::{StreamState, Table, data::scale::Extremes};
/// let mut table = Table::from_arrays(&[[1.0, 7.0], [3.0, 7.0], [2.0, 7.0]])?;
/// let mut extremes = Extremes::new(2)?;
/// extremes.push(table.rows(), None)?;
/// assert_eq!((extremes.lows(), extremes.highs()), (&[1.0, 7.0][..], &[3.0, 7.0][..]));
///
/// extremes.scaling().apply(table.values_mut())?;
/// assert_eq!(table.values(), [0.0, 0.0, 1.0, 0.0, 0.5, 0.0]); // a constant column becomes 0
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Extremes {
    lows: Vec<f32>,
    highs: Vec<f32>,
    rows: u64,
    time: f64,
}

impl Extremes {
    /// For rows of `dim` elements.
    ///
    /// # Errors
    /// `dim` is 0.
    pub fn new(dim: usize) -> Result<Self, DataError> {
        if dim == 0 {
            return Err(DataError::NoColumns);
        }
        Ok(Self { lows: vec![0.0; dim], highs: vec![0.0; dim], rows: 0, time: 0.0 })
    }

    /// Elements per row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.lows.len()
    }

    /// Rows seen.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The least value of each column; 0 while nothing has been seen.
    #[must_use]
    pub fn lows(&self) -> &[f32] {
        &self.lows
    }

    /// The largest value of each column; 0 while nothing has been seen.
    #[must_use]
    pub fn highs(&self) -> &[f32] {
        &self.highs
    }

    /// To between 0 and 1: subtracts the least value and divides by the range. A constant column
    /// becomes 0.
    #[must_use]
    pub fn scaling(&self) -> Scaling {
        let range = |(&low, &high): (&f32, &f32)| f64::from(high) - f64::from(low);
        let unit = |range: f64| if range > 0.0 { range } else { 1.0 };
        Scaling {
            means: self.lows.iter().map(|&low| low.into()).collect(),
            units: self.lows.iter().zip(&self.highs).map(range).map(unit).collect(),
        }
    }

    /// Widens by the extremes of `rows` more rows.
    fn widen(&mut self, lows: &[f32], highs: &[f32], rows: u64) {
        if self.rows == 0 {
            self.lows.copy_from_slice(lows);
            self.highs.copy_from_slice(highs);
        }
        self.lows.iter_mut().zip(lows).for_each(|(low, &other)| *low = low.min(other));
        self.highs.iter_mut().zip(highs).for_each(|(high, &other)| *high = high.max(other));
        self.rows = self.rows.saturating_add(rows);
    }
}

impl StreamState for Extremes {
    type Backend = Cpu<f32>;

    fn push(&mut self, rows: Rows<'_, [f32]>, weights: Option<&[f32]>) -> Result<Pushed, Fail> {
        ShapeError::check("dim", self.dim(), rows.dim())?;
        check_finite(rows)?;
        let masses = masses(rows, weights)?;
        let mut skipped = 0;
        for (i, &mass) in (rows.start()..).zip(&masses) {
            if mass == 0 {
                skipped += 1;
                continue;
            }
            // Zero has one sign, or the state would depend on the order.
            let row: Vec<f32> = rows.row(i).iter().map(|value| value + 0.0).collect();
            self.widen(&row, &row, 1);
        }
        Ok(Pushed { rows: masses.len() - skipped, skipped, opened: 0 })
    }

    fn merge(&mut self, other: &Self) -> Result<(), Fail> {
        ShapeError::check("dim", self.dim(), other.dim())?;
        self.time = self.time.max(other.time);
        if other.rows > 0 {
            self.widen(&other.lows, &other.highs, other.rows);
        }
        Ok(())
    }

    fn decay(&mut self, time: f64) -> Result<(), Fail> {
        advance(&mut self.time, time).map(|_| ())
    }

    fn snapshot_len(&self) -> usize {
        FRAME + 24 + 8 * self.dim()
    }

    fn snapshot(&self, out: &mut [u8]) -> Result<usize, Fail> {
        let mut writer = Writer::start(out, KIND, VERSION, self.snapshot_len() - FRAME)?;
        writer.u64(self.dim() as u64)?;
        writer.f64(self.time)?;
        writer.u64(self.rows)?;
        writer.elements(&self.lows)?;
        writer.elements(&self.highs)?;
        Ok(writer.finish()?)
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), Fail> {
        let mut reader = Reader::open(bytes, KIND, VERSION)?;
        if bytes.len() != self.snapshot_len() || reader.u64()? != self.dim() as u64 {
            return Err(SnapshotError::Shape.into());
        }
        let mut new = Self { time: reader.f64()?, rows: reader.u64()?, ..self.clone() };
        reader.elements(&mut new.lows)?;
        reader.elements(&mut new.highs)?;
        let ends = || new.lows.iter().zip(&new.highs);
        let ordered = ends().all(|(low, high)| low <= high && low.is_finite() && high.is_finite());
        let unseen = new.rows > 0 || ends().all(|(&low, &high)| low == 0.0 && high == 0.0);
        if !ordered || !unseen || !new.time.is_finite() {
            return Err(SnapshotError::Value.into());
        }
        *self = new;
        Ok(())
    }
}
