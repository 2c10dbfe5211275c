//! Which pairs a launch visits: a rectangle, or jobs of at most 64 rows of x.

use core::ops::Range;

use enfold_core::jobs::{Jobs, ROWS, clip};
use enfold_core::{Metric, Pairs, Visit};

use crate::Cuda;
use crate::buffer::{CudaBuf, Raw};
use crate::error::CudaError;
use crate::queue::Call;

/// Rows with no more elements than this have kernels of their own.
const NARROW: usize = 16;

/// The word of a metric in a kernel's name; None where the kernels have no form for it.
pub(crate) fn form(metric: Metric) -> Option<&'static str> {
    match metric {
        Metric::SqEuclidean => Some("squares"),
        Metric::Euclidean => Some("root"),
        Metric::Cosine => Some("cosine"),
        Metric::Manhattan => Some("sizes"),
        Metric::Chebyshev => Some("most"),
        _ => None,
    }
}

/// Rows of x and y, and the jobs of listed rectangles on the device.
#[derive(Debug)]
pub(crate) struct Visited<'a> {
    x: &'a Raw,
    y: &'a Raw,
    rows: (u64, u64),
    columns: (u64, u64),
    dim: u64,
    off: bool,
    jobs: Option<(Raw, u32)>,
    form: &'static str,
}

impl<'a> Visited<'a> {
    /// What `pairs` visits of the rows `from..to` of x; None where there is nothing.
    pub(crate) fn new(
        gpu: &Cuda,
        pairs: &Pairs<'a, CudaBuf<f32>>,
        form: &'static str,
        (from, to): (usize, usize),
    ) -> Result<Option<Self>, CudaError> {
        let y = pairs.y();
        let jobs = match pairs.visited() {
            Visit::Blocks(blocks) => {
                let of_y = (y.start() as u32, y.end() as u32);
                let blocks = clip(blocks, (from as u32, to as u32), of_y);
                // Without a bound on the rows of y that a job meets there is one list, or none.
                let Some(jobs) = Jobs::new(&blocks, u64::MAX).pop() else { return Ok(None) };
                Some((gpu.list(&jobs.words)?, jobs.count))
            }
            _ => None,
        };
        if from == to || y.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            off: matches!(pairs.visited(), Visit::OffDiagonal),
            jobs,
            ..Self::rectangle(pairs, form, (&(from..to), &(y.start()..y.end())))
        }))
    }

    /// Every pair of some rows of x and some of y, which are not empty.
    pub(crate) fn rectangle(
        pairs: &Pairs<'a, CudaBuf<f32>>,
        form: &'static str,
        (x, y): (&Range<usize>, &Range<usize>),
    ) -> Self {
        Self {
            x: &pairs.x().data().raw,
            y: &pairs.y().data().raw,
            rows: (x.start as u64, x.end as u64),
            columns: (y.start as u64, y.end as u64),
            dim: pairs.dim() as u64,
            off: false,
            jobs: None,
            form,
        }
    }

    /// The call of a fold, with its first argument.
    pub(crate) fn call(&self, fold: &str) -> Call<'_> {
        let (narrow, threads) = if self.dim <= NARROW as u64 { ("_narrow", 64) } else { ("", 256) };
        let blocks = match &self.jobs {
            Some((_, count)) => u64::from(*count),
            None => (self.rows.1 - self.rows.0).div_ceil(ROWS as u64),
        };
        self.named(format!("{fold}_{}{narrow}", self.form), blocks, threads)
    }

    /// The call of a kernel that knows no narrow rows, in so many blocks.
    pub(crate) fn wide(&self, name: &str, blocks: u64) -> Call<'_> {
        self.named(format!("{name}_{}", self.form), blocks, 256)
    }

    fn named(&self, name: String, blocks: u64, threads: u32) -> Call<'_> {
        let count = self.jobs.as_ref().map_or(0, |jobs| jobs.1);
        Call::new(name, blocks, threads).group(|call| {
            call.raw(self.x)
                .raw(self.y)
                .maybe(self.jobs.as_ref().map(|jobs| &jobs.0))
                .long(self.rows.0)
                .long(self.rows.1)
                .long(self.columns.0)
                .long(self.columns.1)
                .long(self.dim)
                .two(count, u32::from(self.off))
        })
    }
}

impl Cuda {
    /// A work list on the device.
    fn list(&self, words: &[u32]) -> Result<Raw, CudaError> {
        let raw = Raw::new(&self.shared, size_of_val(words), false)?;
        raw.write(0, bytemuck::cast_slice(words))?;
        Ok(raw)
    }
}
