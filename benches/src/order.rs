//! The orders a stream can arrive in.

use enfold_core::random::Draws;

use crate::sets::Set;

/// An order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Order {
    /// As the set is stored (`q_drift` drifts, `q_sorted` is sorted).
    Stream,
    /// Shuffled.
    Random,
    /// One component after the other.
    Sorted,
    /// The stored order, last row first.
    Reversed,
    /// Runs of 200 to 1000 rows of one component, runs shuffled.
    Bursty,
    /// The mix of components changes slowly: sorted by component with a wide random offset.
    Drifting,
}

impl Order {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Stream, Self::Random, Self::Sorted, Self::Reversed, Self::Bursty, Self::Drifting];

    /// The row numbers in this order.
    pub(crate) fn rows(self, set: &Set, seed: u64) -> Vec<usize> {
        let draws = Draws::new(seed, 0x6f72_6465);
        let mut rows: Vec<usize> = (0..set.rows()).collect();
        match self {
            Self::Stream => {}
            Self::Reversed => rows.reverse(),
            Self::Random => rows.sort_by_key(|&i| draws.bits(i as u64, 0)),
            Self::Sorted => rows.sort_by_key(|&i| (set.labels[i], i)),
            Self::Bursty => rows = bursts(set, &draws),
            Self::Drifting => {
                let span = f64::from(set.labels.iter().copied().max().unwrap_or(0)) * 0.3;
                let place = |i: usize| f64::from(set.labels[i]) + span * draws.unit64(i as u64, 1);
                rows.sort_by(|&a, &b| place(a).total_cmp(&place(b)));
            }
        }
        rows
    }

    /// The set's data in this order.
    pub(crate) fn apply(self, set: &Set, seed: u64) -> Vec<f32> {
        let rows = self.rows(set, seed);
        rows.iter().flat_map(|&i| &set.data[i * set.dim..(i + 1) * set.dim]).copied().collect()
    }
}

fn bursts(set: &Set, draws: &Draws) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..set.rows()).collect();
    rows.sort_by_key(|&i| (set.labels[i], draws.bits(i as u64, 2)));
    let (mut runs, mut rest) = (Vec::new(), &rows[..]);
    while !rest.is_empty() {
        let label = set.labels[rest[0]];
        let same = rest.iter().take_while(|&&i| set.labels[i] == label).count();
        let length = 200 + draws.below(runs.len() as u64, 3, 801) as usize;
        let (run, after) = rest.split_at(length.min(same));
        runs.push(run);
        rest = after;
    }
    let mut turn: Vec<usize> = (0..runs.len()).collect();
    turn.sort_by_key(|&r| draws.bits(r as u64, 4));
    turn.iter().flat_map(|&r| runs[r]).copied().collect()
}
