//! Distances to the host: one dispatch and one read-back for each rectangle that fits.

use enfold_core::distance::distance;
use enfold_core::{Backend, Block, Pairs, Rows, Visit};

use crate::Wgpu;
use crate::buffer::WgpuBuf;
use crate::folds::{Done, Tried, Work, rows_params};
use crate::queue::{Part, Pass, STAGE};
use crate::shader::{Fold, Form, Shader};
use crate::windows::{GROUP, Window, windows};

impl Wgpu {
    /// The distances of every visited pair, rectangle by rectangle.
    pub(crate) fn measure(&self, pairs: &Pairs<'_, WgpuBuf<f32>>, out: &mut [f32]) -> Tried {
        let Some(form) = Form::of(pairs.metric()) else { return Ok(false) };
        if self.windows(pairs, &Work::DISTANCES).is_none() || self.room() < (GROUP * GROUP) as u64 {
            return Ok(false);
        }
        for block in pairs.rectangles() {
            self.rectangle(pairs, form, block, out)?;
        }
        Ok(true)
    }

    /// Distances of one dispatch and one read-back.
    fn room(&self) -> u64 {
        let shared = &self.shared;
        let words = shared.binding_words().min(shared.limits.max_buffer_size / 4);
        (STAGE / 4).min(words).min(shared.most_groups() * GROUP as u64)
    }

    fn rectangle(
        &self,
        pairs: &Pairs<'_, WgpuBuf<f32>>,
        form: Form,
        block: Block,
        out: &mut [f32],
    ) -> Done {
        let most = self.room();
        let rows = self.shared.binding_words() / pairs.dim() as u64;
        let range = |(from, to): (u32, u32), most| windows(from as usize, to as usize, most);
        // Columns first: as many as fit beside 64 rows.
        for y in range(block.y, rows.min(most / GROUP as u64)).unwrap_or_default() {
            let columns = (y.to - y.from) as u64;
            for x in range(block.x, rows.min(most / columns)).unwrap_or_default() {
                self.tile(pairs, form, (x, y), out)?;
            }
        }
        Ok(())
    }

    /// One rectangle that fits into a read-back.
    fn tile(
        &self,
        pairs: &Pairs<'_, WgpuBuf<f32>>,
        form: Form,
        (x, y): (Window, Window),
        out: &mut [f32],
    ) -> Done {
        let (rows, columns) = (x.to - x.from, y.to - y.from);
        let found = self.shared.scratch(4 * (rows * columns) as u64)?;
        let dim = pairs.dim() as u64;
        let parts = [
            self.window(&pairs.x().data().raw, x, dim, false)?,
            self.window(&pairs.y().data().raw, y, dim, false)?,
            Part { buffer: &found, offset: 0, size: 4 * (rows * columns) as u64 },
        ];
        let all = (rows * columns) as u64;
        let kernel = self.kernel(Fold::Distances, form, pairs.dim(), false, all * dim);
        self.shared.dispatch(&Pass {
            shader: Shader::Pairs(kernel),
            parts: &parts,
            params: rows_params(pairs, x, y),
            groups: all.div_ceil(GROUP as u64),
            work: all * dim,
        })?;
        let mut bits = vec![0f32; rows * columns];
        self.shared.download(&found, 0, bytemuck::cast_slice_mut(&mut bits))?;
        self.shared.keep(found);
        let off = matches!(pairs.visited(), Visit::OffDiagonal);
        for (i, row) in (x.from..).zip(bits.chunks_exact(columns)) {
            let to = (i - pairs.x().start()) * pairs.y().len() + y.from - pairs.y().start();
            for (j, (out, &d)) in (y.from..).zip(out[to..].iter_mut().zip(row)) {
                if !(off && i == j) {
                    *out = d;
                }
            }
        }
        Ok(())
    }
}

/// Distances of a metric without a shader: on the host, as they are defined.
pub(crate) fn on_host(b: &Wgpu, pairs: &Pairs<'_, WgpuBuf<f32>>, out: &mut [f32]) -> Done {
    let dim = pairs.dim();
    let read = |rows: Rows<'_, WgpuBuf<f32>>, (from, to): (u32, u32)| {
        let mut host = vec![0f32; (to - from) as usize * dim];
        b.read(rows.data(), from as usize * dim, &mut host).map(|()| host)
    };
    let off = matches!(pairs.visited(), Visit::OffDiagonal);
    for block in pairs.rectangles() {
        let (xs, ys) = (read(pairs.x(), block.x)?, read(pairs.y(), block.y)?);
        for (i, x) in (block.x.0 as usize..).zip(xs.chunks_exact(dim)) {
            let to = (i - pairs.x().start()) * pairs.y().len();
            for (j, y) in (block.y.0 as usize..).zip(ys.chunks_exact(dim)) {
                if !(off && i == j) {
                    out[to + j - pairs.y().start()] = distance(pairs.metric(), x, y);
                }
            }
        }
    }
    Ok(())
}
