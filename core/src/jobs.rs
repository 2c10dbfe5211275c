//! What GPU backends need besides the contract: work lists of listed rectangles, and radii as bits.

use alloc::vec::Vec;

use crate::rows::Block;

/// Rows of x in a job: those of a workgroup, or of a block of threads.
pub const ROWS: usize = 64;

/// The bits below which a distance is within a radius. Distances are never negative, so their order
/// is that of their bits; infinity and NaN are within none.
#[must_use]
pub fn limit(radius: f32) -> u32 {
    const INFINITE: u32 = f32::INFINITY.to_bits();
    match radius {
        r if r.is_nan() || r < 0.0 => 0,
        r => INFINITE.min((r + 0.0).to_bits() + 1),
    }
}

/// The parts of rectangles inside some rows of x and of y.
#[must_use]
pub fn clip(blocks: &[Block], x: (u32, u32), y: (u32, u32)) -> Vec<Block> {
    let cut = |a: (u32, u32), b: (u32, u32)| (a.0.max(b.0), a.1.min(b.1));
    let cut = |b: &Block| Block { x: cut(b.x, x), y: cut(b.y, y) };
    let some = |b: &Block| b.x.0 < b.x.1 && b.y.0 < b.y.1;
    blocks.iter().map(cut).filter(some).collect()
}

/// Work lists: jobs of at most 64 rows of x, each with its ranges of y.
#[derive(Debug)]
pub struct Jobs {
    /// Four words per job – rows from, to; ranges from, to – and then two per range.
    pub words: Vec<u32>,
    /// How many jobs.
    pub count: u32,
    /// Pairs of rows in all.
    pub pairs: u64,
}

/// Jobs of one dispatch while they are collected.
#[derive(Debug, Default)]
struct Round {
    jobs: Vec<[u32; 4]>,
    ranges: Vec<[u32; 2]>,
    pairs: u64,
}

impl Jobs {
    /// Cuts x at every edge of a rectangle, so that the rows between two cuts meet the same rows
    /// of y, and cuts that into workgroups. A job meets at most `most` rows of y: what is beyond
    /// comes in further dispatches, since two jobs of one must not have a row in common.
    #[must_use]
    pub fn new(blocks: &[Block], most: u64) -> Vec<Self> {
        let mut edges: Vec<u32> = blocks.iter().flat_map(|b| [b.x.0, b.x.1]).collect();
        edges.sort_unstable();
        edges.dedup();
        let mut starts: Vec<&Block> = blocks.iter().collect();
        starts.sort_unstable_by_key(|b| (b.x.0, b.y.0));
        let (mut live, mut next): (Vec<&Block>, usize) = (Vec::new(), 0);
        let mut rounds: Vec<Round> = Vec::new();
        for span in edges.windows(2) {
            live.retain(|b| b.x.1 > span[0]);
            while next < starts.len() && starts[next].x.0 == span[0] {
                live.push(starts[next]);
                next += 1;
            }
            for (turn, ranges) in portions(&live, most).into_iter().enumerate() {
                if turn == rounds.len() {
                    rounds.push(Round::default());
                }
                rounds[turn].add((span[0], span[1]), &ranges);
            }
        }
        rounds.iter().map(Round::lay).collect()
    }
}

/// The rows of y of some rectangles, in portions of at most `most` rows.
fn portions(blocks: &[&Block], most: u64) -> Vec<Vec<[u32; 2]>> {
    let (mut all, mut room) = (Vec::new(), 0);
    for block in blocks {
        let (mut from, to) = block.y;
        while from < to {
            if room == 0 {
                all.push(Vec::new());
                room = most.max(1);
            }
            let taken = u64::from(to - from).min(room);
            if let Some(last) = all.last_mut() {
                last.push([from, from + taken as u32]);
            }
            from += taken as u32;
            room -= taken;
        }
    }
    all
}

impl Round {
    fn add(&mut self, (from, to): (u32, u32), ranges: &[[u32; 2]]) {
        let first = self.ranges.len() as u32;
        self.ranges.extend_from_slice(ranges);
        let seen: u64 = ranges.iter().map(|r| u64::from(r[1] - r[0])).sum();
        self.pairs += seen * u64::from(to - from);
        for row in (from..to).step_by(ROWS) {
            let end = to.min(row.saturating_add(ROWS as u32));
            self.jobs.push([row, end, first, self.ranges.len() as u32]);
        }
    }

    /// One array of words; ranges are numbered in pairs of words from its start.
    fn lay(&self) -> Jobs {
        let before = 2 * self.jobs.len() as u32;
        let job = |j: &[u32; 4]| [j[0], j[1], j[2] + before, j[3] + before];
        let words = self.jobs.iter().flat_map(job).chain(self.ranges.iter().flatten().copied());
        Jobs { words: words.collect(), count: self.jobs.len() as u32, pairs: self.pairs }
    }
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
    fn jobs_meet_every_pair_once() {
        let block = |x, y| Block { x, y };
        let blocks = [block((0, 100), (5, 9)), block((30, 40), (0, 5)), block((200, 201), (1, 2))];
        let mut met = std::collections::BTreeMap::new();
        for most in [1000, 3] {
            let rounds = Jobs::new(&blocks, most);
            assert_eq!(rounds.len(), if most == 3 { 3 } else { 1 });
            met.clear();
            for jobs in &rounds {
                meet(jobs, most, &mut met);
            }
            let all: u64 = rounds.iter().map(|jobs| jobs.pairs).sum();
            assert_eq!(met.len() as u64, all);
            assert_eq!(met.len(), 100 * 4 + 10 * 5 + 1);
        }
        assert!(Jobs::new(&clip(&blocks, (101, 200), (0, 9)), 1000).is_empty());
        assert_eq!(Jobs::new(&clip(&blocks, (35, 39), (0, 9)), 1000)[0].count, 1);
        let inside = |(i, j): (u32, u32)| {
            blocks.iter().any(|b| b.x.0 <= i && i < b.x.1 && b.y.0 <= j && j < b.y.1)
        };
        assert!(met.iter().all(|(&at, &times)| times == 1 && inside(at)));
    }

    type Met = std::collections::BTreeMap<(u32, u32), u32>;

    /// Walks jobs as a shader does; no row of x is in two of them.
    fn meet(jobs: &Jobs, most: u64, met: &mut Met) {
        let mut rows = std::collections::BTreeSet::new();
        for job in jobs.words[..4 * jobs.count as usize].chunks(4) {
            assert!(job[0] < job[1] && job[1] - job[0] <= ROWS as u32);
            assert!((job[0]..job[1]).all(|i| rows.insert(i)));
            let mut seen = 0;
            for at in job[2]..job[3] {
                let range = &jobs.words[2 * at as usize..][..2];
                seen += u64::from(range[1] - range[0]);
                for i in job[0]..job[1] {
                    (range[0]..range[1]).for_each(|j| *met.entry((i, j)).or_insert(0) += 1);
                }
            }
            assert!(seen <= most);
        }
    }
}
