//! Which pairs a launch visits: a rectangle, or jobs of at most 64 rows of x.

use core::ops::Range;

use enfold_core::{Block, Metric, Pairs, Visit};

use crate::Cuda;
use crate::buffer::{CudaBuf, Raw};
use crate::error::CudaError;
use crate::queue::Call;

/// Rows of x that a block of threads looks at.
pub(crate) const ROWS: usize = 64;
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

/// The bits below which a distance is within a radius.
pub(crate) fn limit(radius: f32) -> u32 {
    const INFINITE: u32 = f32::INFINITY.to_bits();
    match radius {
        r if r.is_nan() || r < 0.0 => 0,
        r => INFINITE.min((r + 0.0).to_bits() + 1),
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
            Visit::Blocks(blocks) => Some(jobs(&clip(blocks, (from as u32, to as u32)))),
            _ => None,
        };
        if from == to || y.is_empty() || jobs.as_ref().is_some_and(|(_, count)| *count == 0) {
            return Ok(None);
        }
        Ok(Some(Self {
            off: matches!(pairs.visited(), Visit::OffDiagonal),
            jobs: jobs
                .map(|(words, count)| gpu.list(&words).map(|raw| (raw, count)))
                .transpose()?,
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

/// The rectangles inside a range of rows of x.
fn clip(blocks: &[Block], (from, to): (u32, u32)) -> Vec<Block> {
    let cut = |b: &Block| Block { x: (b.x.0.max(from), b.x.1.min(to)), y: b.y };
    let some = |b: &Block| b.x.0 < b.x.1 && b.y.0 < b.y.1;
    blocks.iter().map(cut).filter(some).collect()
}

/// Cuts x at every edge of a rectangle, so that the rows between two cuts meet the same rows of y,
/// and cuts that into jobs: `[from, to, first, last]` each, and then the ranges of y.
fn jobs(blocks: &[Block]) -> (Vec<u32>, u32) {
    let mut edges: Vec<u32> = blocks.iter().flat_map(|b| [b.x.0, b.x.1]).collect();
    edges.sort_unstable();
    edges.dedup();
    let mut starts: Vec<&Block> = blocks.iter().collect();
    starts.sort_unstable_by_key(|b| (b.x.0, b.y.0));
    let (mut live, mut next): (Vec<&Block>, _) = (Vec::new(), starts.iter().peekable());
    let (mut jobs, mut ranges): (Vec<[u32; 4]>, Vec<[u32; 2]>) = (Vec::new(), Vec::new());
    for span in edges.windows(2) {
        live.retain(|b| b.x.1 > span[0]);
        while let Some(b) = next.next_if(|b| b.x.0 == span[0]) {
            live.push(b);
        }
        let first = ranges.len() as u32;
        ranges.extend(live.iter().map(|b| [b.y.0, b.y.1]));
        let rows = if live.is_empty() { span[0]..span[0] } else { span[0]..span[1] };
        for row in rows.step_by(ROWS) {
            let end = span[1].min(row.saturating_add(ROWS as u32));
            jobs.push([row, end, first, ranges.len() as u32]);
        }
    }
    // Ranges are numbered in pairs of words from the start of the list.
    let before = 2 * jobs.len() as u32;
    let job = |j: &[u32; 4]| [j[0], j[1], j[2] + before, j[3] + before];
    let words = jobs.iter().flat_map(job).chain(ranges.iter().flatten().copied()).collect();
    (words, jobs.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_radius_becomes_the_bits_below_which_distances_are_within() {
        let within = |d: f32, radius: f32| d.to_bits() < limit(radius);
        for radius in [0.0f32, -0.0, 1e-45, 1.5, f32::MAX, f32::INFINITY, -1.0, f32::NAN] {
            for d in [0.0f32, 1e-45, 1.0, 1.5, 1.5000001, f32::MAX, f32::INFINITY, f32::NAN] {
                let expected = d <= radius && d < f32::INFINITY;
                assert_eq!(within(d, radius), expected, "{d} within {radius}");
            }
        }
    }

    #[test]
    fn jobs_meet_every_pair_once_and_no_row_twice() {
        let block = |x, y| Block { x, y };
        let blocks = [block((0, 100), (5, 9)), block((30, 40), (0, 5)), block((200, 201), (1, 2))];
        let (words, count) = jobs(&blocks);
        let mut met = std::collections::BTreeMap::new();
        let mut rows = std::collections::BTreeSet::new();
        for job in words[..4 * count as usize].chunks(4) {
            assert!(job[0] < job[1] && job[1] - job[0] <= ROWS as u32);
            for i in job[0]..job[1] {
                assert!(rows.insert(i), "row {i} twice");
                for range in (job[2]..job[3]).map(|at| &words[2 * at as usize..][..2]) {
                    (range[0]..range[1]).for_each(|j| *met.entry((i, j)).or_insert(0) += 1);
                }
            }
        }
        assert_eq!(met.len(), 100 * 4 + 10 * 5 + 1);
        assert!(met.values().all(|&times| times == 1));
        assert_eq!(jobs(&clip(&blocks, (101, 200))), (vec![], 0));
        assert_eq!(jobs(&clip(&blocks, (35, 39))).1, 1);
    }
}
