//! The nearest rows by a filter whose decisions are certified.
//!
//! Rows of y are packed once per call, around their centre; products of rows – in `f32`, or split
//! into bf16 on the matrix unit – bound all distances, and what the bounds leave open is looked at
//! exactly. The numbers are those of the plain kernel (`kernels/filter.cuh` has the bound).

use enfold_core::jobs::ROWS;
use enfold_core::{Nearest, Pairs, Visit};

use crate::Cuda;
use crate::buffer::{CudaBuf, Raw};
use crate::error::CudaError;
use crate::folds::Tried;
use crate::launch::Done;
use crate::queue::Call;
use crate::work::{Visited, form};

/// Rows that the filter's blocks look at together, of x and of y.
const TILE: usize = 128;
/// Lengths of rows that it takes.
const DIMS: core::ops::RangeInclusive<usize> = 17..=1 << 18;
/// Rows of x and of y from which on it pays.
const WORTH: (usize, usize) = (1024, 32);

/// How bounds of distances are computed before distances are. The answers are the same.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Filter {
    /// On the matrix unit where rows are many enough to pay, not at all elsewhere.
    #[default]
    Auto,
    /// Not at all: every distance is computed as it is defined.
    Off,
    /// By products in `f32`, however few the rows.
    Single,
    /// By products of bf16 on the matrix unit, however few the rows.
    Matrix,
}

/// Rows of y as the filter wants them.
#[derive(Debug)]
struct Packed {
    kind: &'static str,
    centre: Raw,
    rows: Raw,
    start: Raw,
}

impl Cuda {
    /// The nearest rows, where the filter takes these pairs.
    pub(crate) fn try_filtered(
        &self,
        pairs: &Pairs<'_, CudaBuf<f32>>,
        best: &Nearest<'_, CudaBuf<f32>, CudaBuf<u32>>,
    ) -> Tried {
        let (Some(kind), Some(form)) = (self.kind(pairs), form(pairs.metric())) else {
            return Ok(false);
        };
        let rows = (pairs.x().start(), pairs.x().end());
        let Some(visited) = Visited::new(self, pairs, form, rows)? else { return Ok(false) };
        let packed = self.pack(pairs, kind)?;
        match best.k {
            1 => self.nearest_of(&visited, &packed, best, rows.1 - rows.0)?,
            k => {
                let call = self.bounded(&visited, "select", &packed, rows.1 - rows.0);
                let call = call.raw(&best.dist.raw).raw(&best.index.raw).long(k as u64);
                self.shared.launch(call)?;
            }
        }
        Ok(true)
    }

    /// Which filter these pairs are for.
    fn kind(&self, pairs: &Pairs<'_, CudaBuf<f32>>) -> Option<&'static str> {
        let takes = matches!(form(pairs.metric()), Some("squares" | "root"))
            && !matches!(pairs.visited(), Visit::Blocks(_))
            && DIMS.contains(&pairs.dim())
            && !pairs.x().is_empty()
            && !pairs.y().is_empty();
        let many = pairs.x().len() >= WORTH.0 && pairs.y().len() >= WORTH.1;
        match self.shared.filter {
            Filter::Single if takes => Some("fp32"),
            Filter::Matrix if takes => Some("tensor"),
            Filter::Auto if takes && many => Some("tensor"),
            _ => None,
        }
    }

    fn pack(
        &self,
        pairs: &Pairs<'_, CudaBuf<f32>>,
        kind: &'static str,
    ) -> Result<Packed, CudaError> {
        let (y, dim) = (pairs.y(), pairs.dim());
        let padded = y.len().next_multiple_of(TILE);
        let pitch = dim.next_multiple_of(if kind == "fp32" { 8 } else { 16 });
        let room = |words: usize| Raw::new(&self.shared, 4 * words, false);
        let packed = Packed {
            kind,
            centre: room(dim.next_multiple_of(16))?,
            rows: room(padded * pitch)?,
            start: room(padded)?,
        };
        let of = |name: String, blocks: usize| {
            let call = Call::new(name, blocks as u64, 256).raw(&y.data().raw);
            call.long(y.start() as u64).long(y.end() as u64).long(dim as u64).raw(&packed.centre)
        };
        self.shared.launch(of("centre_rows".into(), dim.div_ceil(256)))?;
        let call = of(format!("pack_{kind}"), y.len().div_ceil(8));
        self.shared.launch(call.raw(&packed.rows).raw(&packed.start))?;
        Ok(packed)
    }

    /// A kernel over all pairs with the packed rows after them.
    fn bounded<'a>(
        &self,
        visited: &'a Visited<'_>,
        name: &str,
        packed: &'a Packed,
        rows: usize,
    ) -> Call<'a> {
        let name = format!("{name}_{}", packed.kind);
        let call = visited.wide(&name, rows.div_ceil(TILE) as u64);
        call.group(|call| call.raw(&packed.centre).raw(&packed.rows).raw(&packed.start))
    }

    /// The nearest row by the bounds, and exactly for the rows that those leave open.
    fn nearest_of(
        &self,
        visited: &Visited<'_>,
        packed: &Packed,
        best: &Nearest<'_, CudaBuf<f32>, CudaBuf<u32>>,
        rows: usize,
    ) -> Done {
        let (dist, index) = (&best.dist.raw, &best.index.raw);
        let open = Raw::new(&self.shared, 4 * rows, false)?;
        let count = Raw::new(&self.shared, 4, true)?;
        let call = self.bounded(visited, "nearest", packed, rows).raw(dist).raw(index);
        self.shared.launch(call.raw(&open).raw(&count))?;
        let most = 4 * u64::from(self.shared.gpu.processors.max(1));
        let call = visited.wide("nearest_open", most.min(rows.div_ceil(ROWS) as u64));
        self.shared.launch(call.raw(dist).raw(index).raw(&open).raw(&count))
    }
}
