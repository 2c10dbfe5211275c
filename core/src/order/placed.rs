//! Rows in order on a backend.

use alloc::vec;
use core::borrow::Borrow;

use num_traits::Zero;

use super::Order;
use crate::backend::{Alloc, Values, upload};
use crate::error::Error;
use crate::rows::Rows;

/// An [`Order`] and the rows in that order, on a backend.
pub struct Placed<B: Alloc> {
    /// Positions, numbers, boxes.
    pub order: Order<B::Elem>,
    data: B::Owned<B::Elem>,
}

impl<B: Alloc> core::fmt::Debug for Placed<B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Placed").field("order", &self.order).finish_non_exhaustive()
    }
}

impl<B: Alloc> Placed<B> {
    /// Reads rows, puts them into the order of a k-d tree with blocks of `leaf` rows and writes
    /// them back as a copy. Numbers count from the first of `rows`.
    ///
    /// While it is built: two and a half copies of the rows; after that one.
    ///
    /// # Errors
    /// As [`Order::kd`]; the machine's.
    pub fn kd(
        backend: &B,
        rows: Rows<'_, Values<B>>,
        leaf: usize,
    ) -> Result<Self, Error<B::Error>> {
        let mut host = vec![B::Elem::zero(); rows.len() * rows.dim()];
        backend.read(rows.data(), rows.start() * rows.dim(), &mut host).map_err(Error::Backend)?;
        let order = Order::kd(&mut host, rows.dim(), leaf)?;
        Self::of(backend, order, &host)
    }

    /// Writes rows that stand in `order` to the backend.
    ///
    /// # Errors
    /// The machine's.
    pub fn of(
        backend: &B,
        order: Order<B::Elem>,
        host: &[B::Elem],
    ) -> Result<Self, Error<B::Error>> {
        Ok(Self { order, data: upload(backend, host)? })
    }

    /// The rows in blocks, by position.
    ///
    /// # Errors
    /// None for what the constructors made.
    pub fn rows(&self) -> Result<Rows<'_, Values<B>>, Error<B::Error>> {
        let all = crate::rows::rows::<B>(self.data.borrow(), self.order.dim())?;
        Ok(all.range(0, self.order.len())?)
    }
}
