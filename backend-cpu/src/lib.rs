//! The CPU backend.

#![cfg_attr(not(feature = "std"), no_std)]

use core::convert::Infallible;
use core::marker::PhantomData;

use bytemuck::Pod;
use enfold_core::distance::distance;
use enfold_core::{Backend, Element, Pairs, Visit};

/// The CPU: `Buf<T>` is `[T]`, nothing can fail.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu<T>(PhantomData<T>);

impl<T: Element> Cpu<T> {
    /// The CPU this runs on.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Element> Backend for Cpu<T> {
    type Elem = T;
    type Error = Infallible;
    type Buf<U: Pod> = [U];

    fn len<U: Pod>(buf: &[U]) -> usize {
        buf.len()
    }

    fn write<U: Pod>(&self, dst: &mut [U], at: usize, src: &[U]) -> Result<(), Infallible> {
        dst[at..at + src.len()].copy_from_slice(src);
        Ok(())
    }

    fn read<U: Pod>(&self, src: &[U], at: usize, dst: &mut [U]) -> Result<(), Infallible> {
        dst.copy_from_slice(&src[at..at + dst.len()]);
        Ok(())
    }

    fn distances(&self, pairs: Pairs<'_, [T]>, out: &mut [T]) -> Result<(), Infallible> {
        let (x, y) = (pairs.x(), pairs.y());
        for block in pairs.rectangles() {
            for i in block.x.0 as usize..block.x.1 as usize {
                for j in block.y.0 as usize..block.y.1 as usize {
                    if i != j || !matches!(pairs.visited(), Visit::OffDiagonal) {
                        out[(i - x.start()) * y.len() + j - y.start()] =
                            distance(pairs.metric(), x.row(i), y.row(j));
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(feature = "std")]
impl<T: Element> enfold_core::Alloc for Cpu<T> {
    type Owned<U: Pod> = Vec<U>;

    fn alloc<U: Pod>(&self, len: usize) -> Result<Vec<U>, Infallible> {
        Ok(vec![U::zeroed(); len])
    }
}
