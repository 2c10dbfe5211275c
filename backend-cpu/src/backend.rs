//! The contract, handed to the folds.

use core::convert::Infallible;

use bytemuck::Pod;
use enfold_core::{Backend, Nearest, Pairs, Rows, Sums};

use crate::Cpu;
use crate::accumulate::{self, Input, Output};
use crate::folds;
use crate::isa::Native;
use crate::sums::Total;

impl<T: Native> Backend for Cpu<T> {
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
        folds::labels::distances(self.isa(), &pairs, out);
        Ok(())
    }

    fn nearest(
        &self,
        pairs: Pairs<'_, [T]>,
        best: Nearest<'_, [T], [u32]>,
    ) -> Result<(), Infallible> {
        folds::nearest::nearest(self.isa(), &pairs, best);
        Ok(())
    }

    fn accumulate(
        &self,
        x: Rows<'_, [T]>,
        labels: &[u32],
        weights: Option<&[T]>,
        origins: Rows<'_, [T]>,
        scale: T,
        into: Sums<'_, Self>,
    ) -> Result<(), Infallible> {
        let Sums { offsets, mass, scatter } = into;
        let input = Input { x, labels, weights, origins, scale };
        accumulate::accumulate(self.isa(), input, Output { offsets, mass, scatter });
        Ok(())
    }

    fn sums(
        &self,
        values: &[T],
        weights: Option<&[T]>,
        len: usize,
        chunk: usize,
        out: &mut [f64],
    ) -> Result<(), Infallible> {
        let (values, weights) = (&values[..len], weights.map(|weights| &weights[..len]));
        T::enter(self.isa(), Total { values, weights, chunk, out });
        Ok(())
    }

    fn copy(
        &self,
        src: &[T],
        from: usize,
        dst: &mut [T],
        to: usize,
        len: usize,
    ) -> Result<(), Infallible> {
        dst[to..to + len].copy_from_slice(&src[from..from + len]);
        Ok(())
    }

    fn fill<U: Pod>(&self, dst: &mut [U], value: U) -> Result<(), Infallible> {
        dst.fill(value);
        Ok(())
    }
}

#[cfg(feature = "std")]
impl<T: Native> enfold_core::Alloc for Cpu<T> {
    type Owned<U: Pod> = Vec<U>;

    fn alloc<U: Pod>(&self, len: usize) -> Result<Vec<U>, Infallible> {
        Ok(vec![U::zeroed(); len])
    }
}
