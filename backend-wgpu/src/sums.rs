//! Passes over rows: integer sums by label, sums of chunks, a layout epoch, counts, a fill.

use bytemuck::Pod;
use enfold_core::distance::{LANES, fold_lanes};
use enfold_core::{Epoch, Graph, Rows, Sums};

use crate::Wgpu;
use crate::buffer::WgpuBuf;
use crate::folds::{Done, Tried, range_params};
use crate::queue::{Params, Part, Pass};
use crate::shader::Shader;
use crate::windows::{GROUP, Window, windows};

type Values = WgpuBuf<f32>;

/// Rows that an invocation takes in turn.
const TURNS: usize = 16;
/// Coordinates that the layout shader has room for.
const LAYOUT_DIM: usize = enfold_core::host::layout::MAX_DIM;
/// Chunks whose sums are read at once.
const CHUNKS: usize = 1 << 16;

impl Wgpu {
    pub(crate) fn try_accumulate(
        &self,
        x: Rows<'_, Values>,
        labels: &WgpuBuf<u32>,
        weights: Option<&Values>,
        origins: Rows<'_, Values>,
        scale: f32,
        into: &Sums<'_, Self>,
    ) -> Tried {
        let (words, dim) = (self.shared.binding_words(), x.dim() as u64);
        let sums = [&*into.offsets, &*into.mass].into_iter().chain(into.scatter.as_deref());
        let longest = sums.map(|s| s.raw.len() / 4).max().unwrap_or(0);
        if longest.max(origins.data().raw.len() / 4) > words {
            return Ok(false);
        }
        let most = (words / dim).min(self.shared.most_groups() * GROUP as u64);
        if self.shared.turns.is_some_and(|turns| turns < dim * TURNS as u64) {
            return Ok(false);
        }
        let Some(parts) = windows(x.start(), x.end(), most) else { return Ok(false) };
        for window in parts {
            self.accumulate_window((x, window), labels, weights, origins, scale, into)?;
        }
        Ok(true)
    }

    fn accumulate_window(
        &self,
        (x, window): (Rows<'_, Values>, Window),
        labels: &WgpuBuf<u32>,
        weights: Option<&Values>,
        origins: Rows<'_, Values>,
        scale: f32,
        into: &Sums<'_, Self>,
    ) -> Done {
        let mut parts = vec![
            self.window(&x.data().raw, window, x.dim() as u64, false)?,
            self.window(&labels.raw, window, 1, false)?,
            self.whole(&origins.data().raw, false)?,
            self.whole(&into.offsets.raw, true)?,
            self.whole(&into.mass.raw, true)?,
        ];
        if let Some(weights) = weights {
            parts.push(self.window(&weights.raw, window, 1, false)?);
        }
        if let Some(scatter) = &into.scatter {
            parts.push(self.whole(&scatter.raw, true)?);
        }
        let (k, rows) = (origins.end(), window.to - window.from);
        let held = self.held(k, x.dim(), rows);
        let turns = if held > 0 { TURNS } else { 1 };
        let mut params = range_params(window, x.dim());
        params[10..13].copy_from_slice(&[turns as u32, scale.to_bits(), k as u32]);
        let (weighted, scatter) = (weights.is_some(), into.scatter.is_some());
        self.shared.dispatch(&Pass {
            shader: Shader::Accumulate { weighted, scatter, held },
            parts: &parts,
            params,
            groups: rows.div_ceil(GROUP * turns) as u64,
            work: (rows * x.dim()) as u64,
        })
    }

    /// Words of workgroup memory that hold the sums of a workgroup, 0 where they are too many or
    /// the rows too few to make up for bringing them together.
    fn held(&self, k: usize, dim: usize, rows: usize) -> u32 {
        let words = (2 * k * (dim + 2)).next_power_of_two().max(256);
        let most = self.shared.limits.max_compute_workgroup_storage_size.min(16 << 10) as usize / 4;
        if words <= most && rows >= 4 * GROUP * TURNS && self.shared.staged {
            words as u32
        } else {
            0
        }
    }

    pub(crate) fn try_sums(
        &self,
        values: &Values,
        weights: Option<&Values>,
        len: usize,
        chunk: usize,
        out: &mut [f64],
    ) -> Tried {
        let chunk = chunk.max(1);
        let fit = (self.shared.binding_words() as usize).saturating_sub(GROUP) / chunk;
        let of_lanes = self.shared.binding_words() as usize / (2 * LANES);
        let groups = usize::try_from(self.shared.most_groups()).unwrap_or(usize::MAX);
        let at_once = fit.min(of_lanes).min(groups.saturating_mul(GROUP / LANES)).min(CHUNKS);
        let endless = self.shared.turns.is_some_and(|turns| turns < (chunk / LANES) as u64);
        if at_once == 0 || endless {
            return Ok(false);
        }
        let starts = (0..len).step_by(chunk * at_once);
        for (out, from) in out.chunks_mut(at_once).zip(starts) {
            let to = len.min(from + chunk * at_once);
            let window = Window { base: from / GROUP * GROUP, from, to };
            self.sums_window(values, weights, window, chunk, out)?;
        }
        Ok(true)
    }

    /// The sums of the chunks in a window: sixteen to a chunk on the device, folded here.
    fn sums_window(
        &self,
        values: &Values,
        weights: Option<&Values>,
        window: Window,
        chunk: usize,
        out: &mut [f64],
    ) -> Done {
        let chunks = (window.to - window.from).div_ceil(chunk).min(out.len());
        let size = (chunks * LANES * 8) as u64;
        let lanes = self.shared.scratch(size)?;
        let mut parts = vec![
            self.window(&values.raw, window, 1, false)?,
            Part { buffer: &lanes, offset: 0, size },
        ];
        if let Some(weights) = weights {
            parts.push(self.window(&weights.raw, window, 1, false)?);
        }
        let mut params = range_params(window, 1);
        params[10] = chunk as u32;
        self.shared.dispatch(&Pass {
            shader: Shader::Sums { weighted: weights.is_some() },
            parts: &parts,
            params,
            groups: (chunks * LANES).div_ceil(GROUP) as u64,
            work: 32 * (window.to - window.from) as u64,
        })?;
        let mut found = vec![[0f64; LANES]; chunks];
        self.shared.download(&lanes, 0, bytemuck::cast_slice_mut(&mut found))?;
        self.shared.keep(lanes);
        for (out, lanes) in out.iter_mut().zip(found) {
            *out = fold_lanes(lanes);
        }
        Ok(())
    }

    pub(crate) fn try_layout(
        &self,
        graph: &Graph<'_, Values, WgpuBuf<u32>>,
        epoch: Epoch,
        from: Rows<'_, Values>,
        to: &Values,
    ) -> Tried {
        let raws = [&graph.offsets.raw, &graph.targets.raw, &graph.weights.raw, &from.data().raw];
        let longest = raws.iter().map(|raw| raw.len() / 4).max().unwrap_or(0);
        let groups = from.len().div_ceil(GROUP) as u64;
        if longest > self.shared.binding_words()
            || from.dim() > LAYOUT_DIM
            || groups > self.shared.most_groups()
        {
            return Ok(false);
        }
        if from.is_empty() {
            return Ok(true);
        }
        let mut parts = Vec::new();
        for raw in raws {
            parts.push(self.whole(raw, false)?);
        }
        parts.push(self.whole(&to.raw, true)?);
        let mut params =
            range_params(Window { base: 0, from: from.start(), to: from.end() }, from.dim());
        let curve = [epoch.a, epoch.b, epoch.repulsion, epoch.rate].map(f32::to_bits);
        params[10..14].copy_from_slice(&curve);
        let seed = [epoch.seed as u32, (epoch.seed >> 32) as u32];
        params[14..18].copy_from_slice(&[epoch.negatives, epoch.number, seed[0], seed[1]]);
        params[18] = epoch.pool;
        let edges = graph.targets.len() as u64 * (1 + u64::from(epoch.negatives));
        let work = edges * from.dim() as u64;
        let shader = Shader::Layout;
        self.shared.dispatch(&Pass { shader, parts: &parts, params, groups, work })?;
        Ok(true)
    }

    pub(crate) fn try_count_changed(
        &self,
        earlier: &WgpuBuf<u32>,
        later: &WgpuBuf<u32>,
        len: usize,
        count: &WgpuBuf<i64>,
    ) -> Tried {
        let most = self.shared.binding_words().min(self.shared.most_groups() * GROUP as u64);
        let Some(parts) = windows(0, len, most) else { return Ok(false) };
        for window in parts {
            let mut params = range_params(window, 1);
            params[10] = TURNS as u32;
            self.shared.dispatch(&Pass {
                shader: Shader::Changed,
                parts: &[
                    self.window(&earlier.raw, window, 1, false)?,
                    self.window(&later.raw, window, 1, false)?,
                    self.whole(&count.raw, true)?,
                ],
                params,
                groups: (window.to - window.from).div_ceil(GROUP * TURNS) as u64,
                work: (window.to - window.from) as u64,
            })?;
        }
        Ok(true)
    }

    /// Sets every element; false where an element is not one word or two.
    pub(crate) fn try_fill<T: Pod>(&self, to: &WgpuBuf<T>, value: T) -> Tried {
        let words = size_of::<T>() / 4;
        if !size_of::<T>().is_multiple_of(4) || !(1..=2).contains(&words) {
            return Ok(false);
        }
        let bytes = bytemuck::bytes_of(&value);
        let part = self.whole(&to.raw, true)?;
        if bytes.iter().all(|b| *b == 0) {
            self.shared.check()?;
            self.shared.clear(part.buffer, 0, part.buffer.size());
            return Ok(true);
        }
        let word = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&bytes[4 * at..][..4]);
            u32::from_ne_bytes(word)
        };
        let all = to.raw.len() / 4;
        for from in (0..all).step_by((self.shared.binding_words() / 64 * 64) as usize) {
            let len = (all - from).min(self.shared.binding_words() / 64 * 64);
            let mut params: Params = [0; 20];
            params[2] = len as u32;
            params[10..13].copy_from_slice(&[words as u32, word(0), word(words - 1)]);
            self.shared.dispatch(&Pass {
                shader: Shader::Fill,
                parts: &[Part { buffer: part.buffer, offset: 4 * from, size: 4 * len }],
                params,
                groups: len.div_ceil(16 * GROUP as u64),
                work: len,
            })?;
        }
        Ok(true)
    }
}
