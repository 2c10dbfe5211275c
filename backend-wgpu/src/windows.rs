//! What an adapter cannot see at once is walked in windows; listed rectangles become jobs.

use enfold_core::Block;

/// Rows of a workgroup.
pub(crate) const GROUP: usize = 64;

/// A part of a range of rows, and where a binding of it begins: at a multiple of 64 rows, so that
/// its byte offset suits every adapter whatever the length of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) base: usize,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// Cuts `from..to` into windows of at most `most` rows, counted from their base. None where not
/// even one workgroup's rows fit.
pub(crate) fn windows(from: usize, to: usize, most: u64) -> Option<Vec<Window>> {
    let most = usize::try_from(most).unwrap_or(usize::MAX) / GROUP * GROUP;
    if most == 0 {
        return None;
    }
    let (mut all, mut at) = (Vec::new(), from);
    while at < to {
        let base = at / GROUP * GROUP;
        let end = to.min(base.saturating_add(most));
        all.push(Window { base, from: at, to: end });
        at = end;
    }
    Some(all)
}

/// The rectangles inside two windows.
pub(crate) fn clip(blocks: &[Block], x: Window, y: Window) -> Vec<Block> {
    let cut = |(from, to): (u32, u32), w: Window| {
        (from.max(w.from as u32), to.min(w.to as u32))
    };
    let cut = |b: &Block| Block { x: cut(b.x, x), y: cut(b.y, y) };
    let some = |b: &Block| b.x.0 < b.x.1 && b.y.0 < b.y.1;
    blocks.iter().map(cut).filter(some).collect()
}

/// Work lists: jobs of at most 64 rows of x, each with its ranges of y.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Jobs {
    /// Four words per job – rows from, to; ranges from, to – and then two per range.
    pub(crate) words: Vec<u32>,
    /// How many jobs.
    pub(crate) count: u32,
    /// Pairs of rows in all.
    pub(crate) pairs: u64,
}

impl Jobs {
    /// Cuts x at every edge of a rectangle, so that the rows between two cuts meet the same rows
    /// of y, and cuts that into workgroups.
    pub(crate) fn new(blocks: &[Block]) -> Self {
        let mut edges: Vec<u32> = blocks.iter().flat_map(|b| [b.x.0, b.x.1]).collect();
        edges.sort_unstable();
        edges.dedup();
        let mut starts: Vec<&Block> = blocks.iter().collect();
        starts.sort_unstable_by_key(|b| (b.x.0, b.y.0));
        let (mut live, mut next): (Vec<&Block>, usize) = (Vec::new(), 0);
        let (mut jobs, mut ranges, mut pairs) = (Vec::new(), Vec::new(), 0);
        for span in edges.windows(2) {
            live.retain(|b| b.x.1 > span[0]);
            while next < starts.len() && starts[next].x.0 == span[0] {
                live.push(starts[next]);
                next += 1;
            }
            if live.is_empty() {
                continue;
            }
            let first = ranges.len() as u32;
            ranges.extend(live.iter().map(|b| [b.y.0, b.y.1]));
            let seen: u64 = live.iter().map(|b| u64::from(b.y.1 - b.y.0)).sum();
            pairs += seen * u64::from(span[1] - span[0]);
            for row in (span[0]..span[1]).step_by(GROUP) {
                let end = span[1].min(row + GROUP as u32);
                jobs.push([row, end, first, ranges.len() as u32]);
            }
        }
        Self::lay(&jobs, &ranges, pairs)
    }

    /// One array of words; ranges are numbered in pairs of words from its start.
    fn lay(jobs: &[[u32; 4]], ranges: &[[u32; 2]], pairs: u64) -> Self {
        let before = 2 * jobs.len() as u32;
        let job = |j: &[u32; 4]| [j[0], j[1], j[2] + before, j[3] + before];
        let words = jobs.iter().flat_map(job).chain(ranges.iter().flatten().copied());
        Self { words: words.collect(), count: jobs.len() as u32, pairs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_and_begin_at_workgroups() {
        let all = windows(70, 400, 130).expect("128 rows fit");
        let ends: Vec<_> = all.iter().map(|w| (w.base, w.from, w.to)).collect();
        assert_eq!(ends, [(64, 70, 192), (192, 192, 320), (320, 320, 400)]);
        assert_eq!(windows(0, 5, 63), None);
        assert_eq!(windows(5, 5, 64), Some(Vec::new()));
    }

    #[test]
    fn jobs_meet_every_pair_once() {
        let block = |x, y| Block { x, y };
        let blocks = [block((0, 100), (5, 9)), block((30, 40), (0, 5)), block((200, 201), (1, 2))];
        let jobs = Jobs::new(&blocks);
        let mut met = std::collections::BTreeMap::new();
        for job in jobs.words[..4 * jobs.count as usize].chunks(4) {
            assert!(job[1] - job[0] <= GROUP as u32);
            for at in job[2]..job[3] {
                let range = &jobs.words[2 * at as usize..][..2];
                for (i, j) in (job[0]..job[1]).flat_map(|i| (range[0]..range[1]).map(move |j| (i, j))) {
                    *met.entry((i, j)).or_insert(0) += 1;
                }
            }
        }
        let inside = |(i, j): (u32, u32)| {
            blocks.iter().any(|b| b.x.0 <= i && i < b.x.1 && b.y.0 <= j && j < b.y.1)
        };
        assert!(met.iter().all(|(&at, &times)| times == 1 && inside(at)));
        assert_eq!(met.len() as u64, jobs.pairs);
        assert_eq!(met.len(), 100 * 4 + 10 * 5 + 1);
    }
}
