//! Weights as integers, so that their sums have no order.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use num_traits::Zero;

use crate::backend::{Backend, Values};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::rows::Rows;

/// Fractional bits of a weight.
const BITS: u32 = 32;
/// The largest size of a weight.
const HEAVIEST: f64 = (1u32 << 30) as f64;

/// The weight of every row by position, in units of 2⁻³²; rows without weights weigh 1.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    /// Sums over the rows before each position, and over all; empty where every row weighs 1.
    sums: Vec<i128>,
    /// Whether a weight is below 0.
    pub(super) signed: bool,
}

impl Weights {
    /// Reads the weights of `rows`, judges them and puts them into order.
    pub(super) fn read<B: Backend>(
        backend: &B,
        rows: Rows<'_, Values<B>>,
        weights: Option<&Values<B>>,
        order: &[u32],
    ) -> Result<Self, Error<B::Error>> {
        let Some(weights) = weights else { return Ok(Self { sums: Vec::new(), signed: false }) };
        ShapeError::at_least("weights", rows.end(), B::len::<B::Elem>(weights))?;
        let mut host = vec![B::Elem::zero(); rows.len()];
        backend.read(weights, rows.start(), &mut host).map_err(Error::Backend)?;
        let fits = |w: &B::Elem| w.as_f64().abs() <= HEAVIEST;
        if let Some(at) = host.iter().position(|w| !fits(w)) {
            return Err(Error::Weight { row: rows.start() + at });
        }
        let mut sums = Vec::with_capacity(order.len() + 1);
        sums.push(0);
        for &row in order {
            let fixed = libm::rint(libm::ldexp(host[row as usize].as_f64(), BITS as i32)) as i128;
            sums.push(sums[sums.len() - 1] + fixed);
        }
        Ok(Self { sums, signed: host.iter().any(|w| w.as_f64() < 0.0) })
    }

    /// Whether every row weighs 1.
    pub(super) fn are_equal(&self) -> bool {
        self.sums.is_empty()
    }

    /// The weight of the rows at these positions.
    pub(super) fn sum(&self, rows: Range<usize>) -> i128 {
        if self.are_equal() {
            return Self::of_count(rows.len() as u64);
        }
        self.sums[rows.end] - self.sums[rows.start]
    }

    /// The weight of so many rows of weight 1.
    pub(super) fn of_count(count: u64) -> i128 {
        i128::from(count) << BITS
    }
}
