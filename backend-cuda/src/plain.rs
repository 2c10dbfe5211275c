//! What has no kernel: the provided bodies on copies in the host's memory.
//!
//! A provided body asks for its buffers element by element, which on a device is a wait each. So
//! the buffers come over as a whole, the body runs on them there, and what it wrote goes back.

use core::convert::Infallible;

use bytemuck::Pod;
use enfold_core::distance::distance;
use enfold_core::{Backend, Pairs, Rows, ShapeError, Visit};

use crate::buffer::CudaBuf;
use crate::error::CudaError;
use crate::launch::Done;

/// The host's memory with the defined distances, and no fold of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain;

impl Backend for Plain {
    type Elem = f32;
    type Error = Infallible;
    type Buf<T: Pod> = [T];

    fn len<T: Pod>(buf: &[T]) -> usize {
        buf.len()
    }

    fn write<T: Pod>(&self, dst: &mut [T], at: usize, src: &[T]) -> Result<(), Infallible> {
        dst[at..at + src.len()].copy_from_slice(src);
        Ok(())
    }

    fn read<T: Pod>(&self, src: &[T], at: usize, dst: &mut [T]) -> Result<(), Infallible> {
        dst.copy_from_slice(&src[at..at + dst.len()]);
        Ok(())
    }

    fn distances(&self, pairs: Pairs<'_, [f32]>, out: &mut [f32]) -> Result<(), Infallible> {
        let (x, y) = (pairs.x(), pairs.y());
        let off = matches!(pairs.visited(), Visit::OffDiagonal);
        for block in pairs.rectangles() {
            for i in block.x.0 as usize..block.x.1 as usize {
                for j in block.y.0 as usize..block.y.1 as usize {
                    if !(off && i == j) {
                        let at = (i - x.start()) * y.len() + j - y.start();
                        out[at] = distance(pairs.metric(), x.row(i), y.row(j));
                    }
                }
            }
        }
        Ok(())
    }
}

/// A buffer's elements.
pub(crate) fn copy_of<T: Pod>(buf: &CudaBuf<T>) -> Result<Vec<T>, CudaError> {
    let mut copy = vec![T::zeroed(); buf.len()];
    buf.raw.read(0, bytemuck::cast_slice_mut(&mut copy))?;
    Ok(copy)
}

/// Copies elements into the whole of a buffer.
pub(crate) fn put_back<T: Pod>(buf: &CudaBuf<T>, copy: &[T]) -> Done {
    buf.raw.write(0, bytemuck::cast_slice(copy))
}

/// The rows of both sides, on the host.
#[derive(Debug)]
pub(crate) struct Copied {
    x: Vec<f32>,
    y: Option<Vec<f32>>,
}

impl Copied {
    /// Of pairs; a buffer that is both sides comes over once.
    pub(crate) fn of(pairs: &Pairs<'_, CudaBuf<f32>>) -> Result<Self, CudaError> {
        let (x, y) = (pairs.x().data(), pairs.y().data());
        let y = if std::ptr::eq(x, y) { None } else { Some(copy_of(y)?) };
        Ok(Self { x: copy_of(x)?, y })
    }

    /// The same pairs, of the copies.
    pub(crate) fn pairs<'a>(
        &'a self,
        of: &Pairs<'a, CudaBuf<f32>>,
    ) -> Result<Pairs<'a, [f32]>, CudaError> {
        let y = self.y.as_deref().unwrap_or(&self.x);
        let pairs = Pairs::new(rows(&self.x, of.x())?, rows(y, of.y())?, of.metric());
        pairs.and_then(|p| p.visit(of.visited())).map_err(odd)
    }
}

/// The same range of a copy.
pub(crate) fn rows<'a>(
    copy: &'a [f32],
    of: Rows<'_, CudaBuf<f32>>,
) -> Result<Rows<'a, [f32]>, CudaError> {
    Rows::new(copy, of.dim()).and_then(|all| all.range(of.start(), of.end())).map_err(odd)
}

/// Views of copies have the shapes of the views they copy: this cannot be met.
fn odd(e: ShapeError) -> CudaError {
    CudaError::Device(e.to_string())
}
