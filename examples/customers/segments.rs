//! What the clusters are: sizes, typical customers, and what makes each differ.

use enfold::{NONE, Table};

use crate::prepare::{COLUMNS, Prepared};

/// Columns that a description names at most.
const NAMED: usize = 3;
/// Standard deviations from which on a segment differs from all customers.
const DIFFERENT: f64 = 0.25;

/// One segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) size: usize,
    /// Its share of all customers.
    pub(crate) share: f64,
    /// Its share of all that is spent.
    pub(crate) spent: f64,
    /// The mean of each column, in the units of the file.
    pub(crate) means: Vec<f64>,
    /// The median of each column, in the units of the file.
    pub(crate) medians: Vec<f64>,
    /// How many standard deviations each column lies from all customers, as compared: of
    /// logarithms where the column is heavy.
    pub(crate) scores: Vec<f64>,
    /// The columns, of those compared, that differ most from all customers.
    pub(crate) differs: Vec<usize>,
}

/// The segments, and the customers' place in them.
#[derive(Debug)]
pub(crate) struct Segments {
    /// Those who spend most first.
    pub(crate) all: Vec<Segment>,
    /// The segment of each customer; [`NONE`] for none.
    pub(crate) labels: Vec<u32>,
    /// The median of each column over all customers.
    pub(crate) medians: Vec<f64>,
    /// The mean of each column over all customers.
    pub(crate) means: Vec<f64>,
}

impl Segments {
    /// Describes clusters; they are numbered anew, so that 0 is the one that spends most.
    pub(crate) fn of(prepared: &Prepared, labels: &[u32]) -> Self {
        let raw = &prepared.raw;
        let clusters = crate::sweep::sizes(labels).len() as u32;
        let members = |c: u32| (0..labels.len()).filter(|&i| labels[i] == c).collect::<Vec<_>>();
        let total = spent(raw, &(0..labels.len()).collect::<Vec<_>>());
        let mut found: Vec<(u32, Segment)> = (0..clusters)
            .map(|c| (c, describe(prepared, &members(c), (labels.len(), total))))
            .collect();
        found.sort_by(|a, b| b.1.spent.total_cmp(&a.1.spent).then(a.0.cmp(&b.0)));
        let mut place = vec![NONE; clusters as usize];
        (0..).zip(&found).for_each(|(new, (old, _))| place[*old as usize] = new);
        let labels = labels.iter().map(|&l| place.get(l as usize).copied().unwrap_or(NONE));
        let everyone: Vec<usize> = (0..raw.rows().len()).collect();
        Self {
            labels: labels.collect(),
            medians: each(|t| median(raw, t, &everyone)),
            means: each(|t| mean(raw, t, &everyone)),
            all: found.into_iter().map(|(_, segment)| segment).collect(),
        }
    }

    /// Customers in no segment.
    pub(crate) fn noise(&self) -> usize {
        self.labels.iter().filter(|&&label| label == NONE).count()
    }
}

impl Segment {
    /// A name made of what differs.
    pub(crate) fn name(&self) -> String {
        let mut words: Vec<&str> = Vec::new();
        for t in self.differs.iter().copied() {
            let (low, high) = COLUMNS[t].words;
            let word = if self.scores[t] > 0.0 { high } else { low };
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let name = words[..words.len().min(2)].join(", ");
        if name.is_empty() { "much like everybody".into() } else { name }
    }
}

/// A letter for a segment: A is the one that spends most.
pub(crate) fn letter(segment: usize) -> char {
    char::from(b'A' + (segment % 26) as u8)
}

fn describe(prepared: &Prepared, members: &[usize], of: (usize, f64)) -> Segment {
    let (raw, scores) = (&prepared.raw, each(|t| mean(&prepared.scaled, t, members)));
    Segment {
        differs: differences(&scores, &prepared.pruned.kept),
        size: members.len(),
        share: members.len() as f64 / of.0 as f64,
        spent: spent(raw, members) / of.1,
        means: each(|t| mean(raw, t, members)),
        medians: each(|t| median(raw, t, members)),
        scores,
    }
}

/// The compared columns by how much they differ, most first.
fn differences(scores: &[f64], compared: &[usize]) -> Vec<usize> {
    let differs = |t: &usize| scores[*t].abs() >= DIFFERENT;
    let mut columns: Vec<usize> = compared.iter().copied().filter(differs).collect();
    columns.sort_by(|&a, &b| scores[b].abs().total_cmp(&scores[a].abs()));
    columns.truncate(NAMED);
    columns
}

fn each(of: impl Fn(usize) -> f64) -> Vec<f64> {
    (0..COLUMNS.len()).map(of).collect()
}

fn spent(raw: &Table, members: &[usize]) -> f64 {
    members.iter().map(|&i| f64::from(crate::prepare::at(raw.row(i), "monetary"))).sum()
}

fn mean(table: &Table, t: usize, members: &[usize]) -> f64 {
    members.iter().map(|&i| f64::from(table.row(i)[t])).sum::<f64>() / members.len().max(1) as f64
}

fn median(table: &Table, t: usize, members: &[usize]) -> f64 {
    let mut values: Vec<f32> = members.iter().map(|&i| table.row(i)[t]).collect();
    values.sort_unstable_by(f32::total_cmp);
    values.get(values.len() / 2).copied().map_or(0.0, f64::from)
}
