//! A device whose memory nobody sees.

use std::vec::Vec;

use bytemuck::Pod;

use crate::backend::{Alloc, Backend};
use crate::distance::distance;
use crate::element::Element;
use crate::rows::{Pairs, Visit};

/// A device as small as the contract allows: memory behind handles, four functions, no fold.
#[derive(Debug, Clone, Copy, Default)]
pub struct Opaque<T>(core::marker::PhantomData<T>);

/// Memory of an [`Opaque`] device: no slice of it can be had.
#[derive(Debug)]
pub struct Handle<T> {
    cells: Vec<T>,
}

impl<T: Element> Opaque<T> {
    /// The device.
    #[must_use]
    pub const fn new() -> Self {
        Self(core::marker::PhantomData)
    }
}

impl<E: Element> Backend for Opaque<E> {
    type Elem = E;
    type Error = core::convert::Infallible;
    type Buf<T: Pod> = Handle<T>;

    fn len<T: Pod>(buf: &Handle<T>) -> usize {
        buf.cells.len()
    }

    fn write<T: Pod>(&self, dst: &mut Handle<T>, at: usize, src: &[T]) -> Result<(), Self::Error> {
        dst.cells[at..][..src.len()].copy_from_slice(src);
        Ok(())
    }

    fn read<T: Pod>(&self, src: &Handle<T>, at: usize, dst: &mut [T]) -> Result<(), Self::Error> {
        dst.copy_from_slice(&src.cells[at..][..dst.len()]);
        Ok(())
    }

    fn distances(&self, pairs: Pairs<'_, Handle<E>>, out: &mut [E]) -> Result<(), Self::Error> {
        let (x, y, dim) = (pairs.x(), pairs.y(), pairs.dim());
        let off_diagonal = matches!(pairs.visited(), Visit::OffDiagonal);
        for block in pairs.rectangles() {
            // Columns first: nothing may depend on the order of pairs.
            for j in block.y.0 as usize..block.y.1 as usize {
                for i in block.x.0 as usize..block.x.1 as usize {
                    if i == j && off_diagonal {
                        continue;
                    }
                    let (a, b) = (&x.data().cells[i * dim..], &y.data().cells[j * dim..]);
                    out[(i - x.start()) * y.len() + j - y.start()] =
                        distance(pairs.metric(), &a[..dim], &b[..dim]);
                }
            }
        }
        Ok(())
    }
}

impl<E: Element> Alloc for Opaque<E> {
    type Owned<T: Pod> = Handle<T>;

    fn alloc<T: Pod>(&self, len: usize) -> Result<Handle<T>, Self::Error> {
        Ok(Handle { cells: std::vec![T::zeroed(); len] })
    }
}
