//! The folds over pairs: buffers, windows and parameters of their dispatches.

use enfold_core::jobs::{Jobs, clip, limit};
use enfold_core::{Metric, Nearest, Pairs, Visit};

use crate::Wgpu;
use crate::buffer::{Raw, WgpuBuf};
use crate::error::WgpuError;
use crate::queue::{Params, Part, Pass, WORK};
use crate::shader::{
    BANK, Fold, Form, From, HALF, Pairs as Kernel, RADII, Shader, TOGETHER, Width, rows_of_a_bank,
};
use crate::windows::{GROUP, Window, windows};

/// Passes that make a forest flat, however deep: 2^12 steps each, so 2^36 in all.
const FLATTENINGS: usize = 3;

pub(crate) type Done = Result<(), WgpuError>;
/// Whether the device has done it; what it cannot do goes to the provided body.
pub(crate) type Tried = Result<bool, WgpuError>;

/// Which part of a buffer a fold sees in a window.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    /// So many words for each row of x.
    X(u64),
    /// One word for each row of y.
    Y,
    /// Seen as a whole.
    Whole,
}

/// A buffer of a fold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound<'a> {
    raw: &'a Raw,
    side: Side,
    written: bool,
}

/// A fold over pairs: the piece, its buffers and its words from `Params::a` on.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    fold: Fold,
    bound: &'a [Bound<'a>],
    words: [u32; 3],
    /// Words of scratch memory for each row of x.
    scratch: u64,
}

impl Work<'_> {
    /// Distances to the host: no buffer but the rows.
    pub(crate) const DISTANCES: Self =
        Self { fold: Fold::Distances, bound: &[], words: [0; 3], scratch: 0 };
}

fn reads(raw: &Raw, side: Side) -> Bound<'_> {
    Bound { raw, side, written: false }
}

fn writes(raw: &Raw, side: Side) -> Bound<'_> {
    Bound { raw, side, written: true }
}

impl Wgpu {
    pub(crate) fn try_nearest(
        &self,
        pairs: &Pairs<'_, WgpuBuf<f32>>,
        best: &Nearest<'_, WgpuBuf<f32>, WgpuBuf<u32>>,
    ) -> Tried {
        let side = Side::X(best.k as u64);
        let bound = [writes(&best.dist.raw, side), writes(&best.index.raw, side)];
        let fold = if best.k == 1 { Fold::Nearest } else { Fold::Select };
        let words = [best.k as u32, 0, 0];
        self.run(pairs, &Work { fold, bound: &bound, words, scratch: 0 })
    }

    pub(crate) fn try_count_within(
        &self,
        pairs: &Pairs<'_, WgpuBuf<f32>>,
        radii: &WgpuBuf<f32>,
        k: usize,
        counts: &WgpuBuf<u32>,
    ) -> Tried {
        let side = Side::X(k as u64);
        let bound = [reads(&radii.raw, side), writes(&counts.raw, side)];
        for first in (0..k).step_by(RADII) {
            let fold = Fold::Count(RADII.min(k - first) as u8);
            let words = [k as u32, first as u32, 0];
            if !self.run(pairs, &Work { fold, bound: &bound, words, scratch: 0 })? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn try_lowest_within(
        &self,
        pairs: &Pairs<'_, WgpuBuf<f32>>,
        radius: f32,
        values: &WgpuBuf<u32>,
        lowest: &WgpuBuf<u32>,
    ) -> Tried {
        let bound = [reads(&values.raw, Side::Y), writes(&lowest.raw, Side::X(1))];
        let words = [limit(radius), 0, 0];
        self.run(pairs, &Work { fold: Fold::Lowest, bound: &bound, words, scratch: 0 })
    }

    pub(crate) fn try_join_within(
        &self,
        pairs: &Pairs<'_, WgpuBuf<f32>>,
        radius: f32,
        member: &WgpuBuf<u32>,
        parent: &WgpuBuf<u32>,
    ) -> Tried {
        let bound = [reads(&member.raw, Side::Whole), writes(&parent.raw, Side::Whole)];
        let words = [limit(radius), 0, 0];
        let work = Work { fold: Fold::Join, bound: &bound, words, scratch: 0 };
        if self.windows(pairs, &work).is_none() || Form::of(pairs.metric()).is_none() {
            return Ok(false);
        }
        // Flat before, so that no walk is long; flat after, so that nothing tells who came first.
        let rows = pairs.x().end().max(pairs.y().end());
        self.flatten(parent, rows)?;
        self.run(pairs, &work)?;
        self.flatten(parent, rows)?;
        Ok(true)
    }

    /// Hangs the first `rows` rows on their roots: a forest that does not depend on who came first.
    fn flatten(&self, parent: &WgpuBuf<u32>, rows: usize) -> Done {
        let mut params: Params = [0; 20];
        params[2] = rows as u32;
        let part = self.whole(&parent.raw, true)?;
        let groups = rows.div_ceil(GROUP) as u64;
        for _ in 0..FLATTENINGS {
            let (shader, parts) = (Shader::Flatten, &[part]);
            self.shared.dispatch(&Pass { shader, parts, params, groups, work: rows as u64 })?;
        }
        Ok(())
    }

    pub(crate) fn try_sum_by_label(
        &self,
        pairs: &Pairs<'_, WgpuBuf<f32>>,
        labels: &WgpuBuf<u32>,
        k: usize,
        sums: &WgpuBuf<f32>,
    ) -> Tried {
        if k == 0 {
            return Ok(true);
        }
        let bound = [reads(&labels.raw, Side::Y), writes(&sums.raw, Side::Whole)];
        let words = [k as u32, 0, pairs.x().start() as u32];
        self.run(pairs, &Work { fold: Fold::Labels, bound: &bound, words, scratch: 2 * k as u64 })
    }

    /// Walks the windows of a fold. False, and nothing is done, where the device cannot.
    fn run(&self, pairs: &Pairs<'_, WgpuBuf<f32>>, work: &Work<'_>) -> Tried {
        let Some(form) = Form::of(pairs.metric()) else { return Ok(false) };
        let Some((xs, ys)) = self.windows(pairs, work) else { return Ok(false) };
        if ys.is_empty() {
            return Ok(true);
        }
        let most = xs.iter().map(|w| w.to - w.base).max().unwrap_or(0) as u64;
        let scratch = match work.scratch {
            0 => None,
            words => Some(Raw::new(&self.shared, most * words * 4)?),
        };
        for x in &xs {
            for y in &ys {
                self.fold(pairs, form, work, scratch.as_ref(), (*x, *y))?;
            }
        }
        Ok(true)
    }

    /// Windows of x and of y in which every binding is short enough.
    pub(crate) fn windows(
        &self,
        pairs: &Pairs<'_, WgpuBuf<f32>>,
        work: &Work<'_>,
    ) -> Option<(Vec<Window>, Vec<Window>)> {
        let words = self.shared.binding_words();
        let (mut of_x, mut of_y) = ((pairs.dim() as u64).max(work.scratch), pairs.dim() as u64);
        for bound in work.bound {
            match bound.side {
                Side::X(each) => of_x = of_x.max(each),
                Side::Y => of_y = of_y.max(1),
                Side::Whole if bound.raw.len() / 4 > words => return None,
                Side::Whole => {}
            }
        }
        let blocks = matches!(pairs.visited(), Visit::Blocks(_));
        let from = self.from(work.fold, Width::of(pairs.dim()), blocks);
        let mut most = (words / of_x).min(self.shared.most_groups() * GROUP as u64);
        if from.together(work.fold) > 1 {
            most = most.min(2 * rows_of_a_bank(pairs.dim()));
        }
        let xs = windows(pairs.x().start(), pairs.x().end(), most)?;
        let longest = xs.iter().map(|w| w.to - w.base).max().unwrap_or(0) as u64;
        let mut most = (words / of_y).min(self.reach(pairs, work, longest));
        if from == From::Bank {
            most = most.min(4 * BANK / pairs.dim() as u64);
        }
        Some((xs, windows(pairs.y().start(), pairs.y().end(), most)?))
    }

    /// Rows of y that a dispatch for `rows` rows of x may meet: what a watchdog has patience for,
    /// and what a driver's limit on the turns of loops leaves.
    fn reach(&self, pairs: &Pairs<'_, WgpuBuf<f32>>, work: &Work<'_>, rows: u64) -> u64 {
        let patient = (WORK / (rows * pairs.dim() as u64).max(1)).max(GROUP as u64);
        let Some(turns) = self.shared.turns else { return patient };
        if work.fold == Fold::Distances {
            // One pair to an invocation.
            return patient;
        }
        let vectors = 4 * (pairs.dim() as u64).div_ceil(16) * 2;
        let (each, once) = match work.fold {
            Fold::Select => (2 * u64::from(work.words[0]), 0),
            Fold::Count(radii) => (u64::from(radii), 2 * u64::from(radii)),
            Fold::Join => (64, 0),
            Fold::Labels => (0, 2 * u64::from(work.words[0])),
            Fold::Distances | Fold::Nearest | Fold::Lowest => (0, 0),
        };
        // Square roots and quotients are corrected in loops, and leaving a loop counts as a turn.
        let corrected = match pairs.metric() {
            Metric::Euclidean | Metric::Cosine => 34 * TOGETHER,
            _ if work.fold == Fold::Join => 34,
            _ => 4,
        };
        patient.min(turns.saturating_sub(once) / (vectors + each + corrected))
    }

    /// One window of x against one of y.
    fn fold(
        &self,
        pairs: &Pairs<'_, WgpuBuf<f32>>,
        form: Form,
        work: &Work<'_>,
        scratch: Option<&Raw>,
        (x, y): (Window, Window),
    ) -> Done {
        let Visit::Blocks(blocks) = pairs.visited() else {
            return self.send(pairs, form, work, scratch, (x, y), None);
        };
        let most = self.reach(pairs, work, (x.to - x.base) as u64);
        for jobs in Jobs::new(&clip(blocks, x.rows(), y.rows()), most) {
            self.send(pairs, form, work, scratch, (x, y), Some(&jobs))?;
        }
        Ok(())
    }

    /// One dispatch.
    fn send(
        &self,
        pairs: &Pairs<'_, WgpuBuf<f32>>,
        form: Form,
        work: &Work<'_>,
        scratch: Option<&Raw>,
        (x, y): (Window, Window),
        jobs: Option<&Jobs>,
    ) -> Done {
        let list = jobs.map(|jobs| self.list(jobs)).transpose()?;
        let dim = pairs.dim() as u64;
        let all = (x.to - x.from) as u64 * (y.to - y.from) as u64;
        let seen = jobs.map_or(all, |jobs| jobs.pairs);
        let of_x = self.window(&pairs.x().data().raw, x, dim, false)?;
        let of_y = self.window(&pairs.y().data().raw, y, dim, false)?;
        let kernel = self.kernel(work.fold, form, pairs.dim(), jobs.is_some(), seen * dim);
        let (kernel, mut parts) = match seen_by(&kernel, dim, of_x, of_y) {
            Some(parts) => (kernel, parts),
            None => (kernel.plain(), vec![of_x, of_y]),
        };
        if let Some(list) = &list {
            parts.push(self.whole(list, false)?);
        }
        for (at, bound) in work.bound.iter().enumerate() {
            if let (1, Some(scratch)) = (at, scratch) {
                parts.push(self.whole(scratch, true)?);
            }
            parts.push(self.part(bound, x, y)?);
        }
        let mut params = rows_params(pairs, x, y);
        params[10..13].copy_from_slice(&work.words);
        if scratch.is_some() {
            params[11] = x.base as u32;
        }
        let mut groups =
            jobs.map_or((x.to - x.from).div_ceil(GROUP) as u64, |jobs| u64::from(jobs.count));
        if kernel.together() > 1 {
            let bank = rows_of_a_bank(pairs.dim());
            params[11] = bank as u32;
            groups = bank.min((x.to - x.base) as u64).div_ceil(HALF);
        }
        params[19] = groups as u32;
        let shader = Shader::Pairs(kernel);
        let pass = Pass { shader, parts: &parts, params, groups, work: seen * dim };
        self.shared.dispatch(&pass)
    }

    /// The shader for so many multiplications: one made for these rows once it pays.
    pub(crate) fn kernel(
        &self,
        fold: Fold,
        form: Form,
        dim: usize,
        blocks: bool,
        work: u64,
    ) -> Kernel {
        let width = Width::of(dim);
        let fast = Kernel { fold, form, width, blocks, from: self.from(fold, width, blocks) };
        if self.shared.pays(Shader::Pairs(fast), work) {
            return fast;
        }
        fast.plain()
    }

    /// Where an invocation finds rows of y.
    fn from(&self, fold: Fold, width: Width, blocks: bool) -> From {
        let Width::Narrow(dim) = width else { return From::Buffer };
        let held = u32::from(dim).div_ceil(4) * 16 * GROUP as u32;
        match (fold, self.shared.staged) {
            (Fold::Distances, _) => From::Buffer,
            (_, true) if held <= self.shared.limits.max_compute_workgroup_storage_size => {
                From::Staged
            }
            (_, false) if !blocks && self.shared.banked => From::Bank,
            _ => From::Buffer,
        }
    }

    /// A work list on the device.
    fn list(&self, jobs: &Jobs) -> Result<Raw, WgpuError> {
        let raw = Raw::new(&self.shared, 4 * jobs.words.len() as u64)?;
        raw.write(0, bytemuck::cast_slice(&jobs.words))?;
        Ok(raw)
    }

    fn part<'a>(&self, bound: &Bound<'a>, x: Window, y: Window) -> Result<Part<'a>, WgpuError> {
        match bound.side {
            Side::X(words) => self.window(bound.raw, x, words, bound.written),
            Side::Y => self.window(bound.raw, y, 1, bound.written),
            Side::Whole => self.whole(bound.raw, bound.written),
        }
    }

    /// The rows of a window, each of so many words.
    pub(crate) fn window<'a>(
        &self,
        raw: &'a Raw,
        window: Window,
        words: u64,
        written: bool,
    ) -> Result<Part<'a>, WgpuError> {
        let shared = &self.shared;
        let buffer = if written { raw.writing(shared)? } else { raw.reading(shared)? };
        let offset = window.base as u64 * words * 4;
        let size = (window.to - window.base) as u64 * words * 4;
        Ok(Part { buffer, offset, size })
    }

    pub(crate) fn whole<'a>(&self, raw: &'a Raw, written: bool) -> Result<Part<'a>, WgpuError> {
        let shared = &self.shared;
        let buffer = if written { raw.writing(shared)? } else { raw.reading(shared)? };
        Ok(Part { buffer, offset: 0, size: raw.len().max(4) })
    }
}

/// Parts of x and of y as a shader sees them; None where a bank would end beyond its buffer.
fn seen_by<'a>(kernel: &Kernel, dim: u64, x: Part<'a>, y: Part<'a>) -> Option<Vec<Part<'a>>> {
    let later = 4 * dim * rows_of_a_bank(dim as usize);
    match (kernel.from, kernel.together()) {
        (From::Bank, 1) => Some(vec![x, y.bank(0)?]),
        (From::Bank, _) => Some(vec![x.bank(0)?, y.bank(0)?, x.bank(later)?]),
        _ => Some(vec![x, y]),
    }
}

/// The words that say which rows a pass over rows looks at.
pub(crate) fn range_params(window: Window, dim: usize) -> Params {
    let mut params: Params = [0; 20];
    params[1..4].copy_from_slice(&[window.from, window.to, window.base].map(|row| row as u32));
    params[7] = dim as u32;
    params
}

/// The words that say which rows a fold over pairs looks at.
pub(crate) fn rows_params(pairs: &Pairs<'_, WgpuBuf<f32>>, x: Window, y: Window) -> Params {
    let mut params = range_params(x, pairs.dim());
    params[4..7].copy_from_slice(&[y.from, y.to, y.base].map(|row| row as u32));
    params[9] = u32::from(matches!(pairs.visited(), Visit::OffDiagonal));
    params
}
