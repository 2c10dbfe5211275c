//! Distances to the host: one launch and one read-back for each rectangle that fits.

use enfold_core::jobs::ROWS;
use enfold_core::{Backend, Block, Pairs, Visit};

use crate::Cuda;
use crate::buffer::{CudaBuf, Raw};
use crate::error::CudaError;
use crate::folds::Tried;
use crate::launch::Done;
use crate::plain::{Copied, Plain};
use crate::work::{Visited, form};

/// Distances of a read-back.
const ROOM: usize = 32 << 20;

impl Cuda {
    /// The distances of every visited pair, rectangle by rectangle.
    pub(crate) fn try_distances(&self, pairs: &Pairs<'_, CudaBuf<f32>>, out: &mut [f32]) -> Tried {
        let Some(form) = form(pairs.metric()) else { return Ok(false) };
        self.shared.check()?;
        for block in pairs.rectangles() {
            self.rectangle(pairs, form, block, out)?;
        }
        Ok(true)
    }

    fn rectangle(
        &self,
        pairs: &Pairs<'_, CudaBuf<f32>>,
        form: &'static str,
        block: Block,
        out: &mut [f32],
    ) -> Done {
        let (x, y) =
            (block.x.0 as usize..block.x.1 as usize, block.y.0 as usize..block.y.1 as usize);
        // Columns first: as many as fit beside 64 rows.
        let columns = y.len().clamp(1, ROOM / ROWS);
        let rows = (ROOM / columns).min(x.len()).max(1);
        for from_y in y.clone().step_by(columns) {
            for from_x in x.clone().step_by(rows) {
                let x = from_x..x.end.min(from_x + rows);
                let y = from_y..y.end.min(from_y + columns);
                self.tile(pairs, form, (x, y), out)?;
            }
        }
        Ok(())
    }

    /// One rectangle that fits into a read-back.
    fn tile(
        &self,
        pairs: &Pairs<'_, CudaBuf<f32>>,
        form: &'static str,
        (x, y): (core::ops::Range<usize>, core::ops::Range<usize>),
        out: &mut [f32],
    ) -> Done {
        let (width, all) = (pairs.y().len(), x.len() * y.len());
        let found = Raw::new(&self.shared, 4 * all, false)?;
        let visited = Visited::rectangle(pairs, form, (&x, &y));
        self.shared.launch(visited.call("distances").raw(&found))?;
        let at = (x.start - pairs.x().start()) * width + y.start - pairs.y().start();
        let off = matches!(pairs.visited(), Visit::OffDiagonal);
        if y.len() == width && !off {
            return found.read(0, bytemuck::cast_slice_mut(&mut out[at..at + all]));
        }
        let mut tile = vec![0f32; all];
        found.read(0, bytemuck::cast_slice_mut(&mut tile))?;
        for (i, (turn, row)) in x.zip(tile.chunks_exact(y.len()).enumerate()) {
            let out = &mut out[at + turn * width..][..y.len()];
            for (j, (out, &d)) in y.clone().zip(out.iter_mut().zip(row)) {
                if !(off && i == j) {
                    *out = d;
                }
            }
        }
        Ok(())
    }

    /// Distances of a metric without a kernel: on the host, as they are defined.
    pub(crate) fn distances_on_host(
        &self,
        pairs: &Pairs<'_, CudaBuf<f32>>,
        out: &mut [f32],
    ) -> Result<(), CudaError> {
        let copied = Copied::of(pairs)?;
        let Ok(()) = Plain.distances(copied.pairs(pairs)?, out);
        Ok(())
    }
}
