//! What every state asks of rows, of a clock and of a half-life.

use std::convert::Infallible;

use enfold_core::{Error, Rows, SnapshotError};

type Fail = Error<Infallible>;

/// Names the first row that is not finite.
pub(crate) fn check_finite(rows: Rows<'_, [f32]>) -> Result<(), Fail> {
    match rows.as_slice().iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::NotFinite { row: rows.start() + at / rows.dim() }),
        None => Ok(()),
    }
}

/// Moves a clock; returns by how much.
pub(crate) fn advance(clock: &mut f64, time: f64) -> Result<f64, Fail> {
    if !time.is_finite() || time < *clock {
        return Err(Error::Parameter {
            name: "time",
            why: "must be finite and never go backwards",
        });
    }
    Ok(time - std::mem::replace(clock, time))
}

/// A half-life, where that is one.
pub(crate) fn half_life(value: f64) -> Option<f64> {
    Some(value).filter(|h| *h > 0.0 && h.is_finite())
}

/// What a weight is multiplied with after so long, where anything fades.
pub(crate) fn faded(passed: f64, half_life: Option<f64>) -> Option<f64> {
    half_life.filter(|_| passed > 0.0).map(|half_life| (-passed / half_life).exp2())
}

/// A half-life as it stands in a snapshot: 0 for none.
pub(crate) fn period(value: f64) -> Result<Option<f64>, SnapshotError> {
    let sane = value >= 0.0 && value.is_finite();
    sane.then_some(half_life(value)).ok_or(SnapshotError::Value)
}
