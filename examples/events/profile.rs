//! What is in each cluster, for people.

use std::cmp::Reverse;
use std::fmt::Write;

use enfold::Table;
use enfold::data::DataError;
use enfold::data::scale::Scaling;

use crate::codes;
use crate::fits::Fit;

/// Sums of the rows of one cluster.
struct Group {
    rows: f64,
    squares: f64,
    farthest: f32,
    /// Mean of every column, in the units of the file.
    means: Vec<f64>,
}

/// A table of the clusters, largest first.
pub(crate) fn describe(
    table: &Table,
    scaling: Option<&Scaling>,
    fit: &Fit,
) -> Result<String, DataError> {
    let mut raw = table.clone();
    if let Some(scaling) = scaling {
        scaling.invert(raw.values_mut())?;
    }
    let mut groups = groups(&raw, fit);
    groups.sort_by_key(|group| Reverse(group.rows as u64));
    let overall = Overall::of(&raw);
    let mut text = String::from(" #   rows   share     rms  radius   what it is\n");
    for (number, group) in (1..).zip(&groups) {
        let share = 100.0 * group.rows / fit.rows();
        let rms = (group.squares / group.rows).sqrt();
        let radius = group.farthest.sqrt();
        let head = format!("{number:>2} {:>6} {share:>6.1}% {rms:>7.2} {radius:>7.2}", group.rows);
        let mut lead = format!("{head}   ");
        for line in overall.words(raw.names(), group) {
            let _infallible = writeln!(text, "{lead}{line}");
            lead = " ".repeat(head.len() + 3);
        }
    }
    Ok(text)
}

fn groups(table: &Table, fit: &Fit) -> Vec<Group> {
    let empty = || Group { rows: 0.0, squares: 0.0, farthest: 0.0, means: vec![0.0; table.dim()] };
    let mut groups: Vec<Group> = (0..fit.k).map(|_| empty()).collect();
    for (i, (&label, &square)) in fit.labels.iter().zip(&fit.squares).enumerate() {
        if let Some(group) = groups.get_mut(label as usize) {
            group.add(table.row(i), square);
        }
    }
    groups.retain(|group| group.rows > 0.0);
    groups.iter_mut().for_each(Group::finish);
    groups
}

impl Group {
    fn add(&mut self, row: &[f32], square: f32) {
        self.rows += 1.0;
        self.squares += f64::from(square);
        self.farthest = self.farthest.max(square);
        self.means.iter_mut().zip(row).for_each(|(mean, &v)| *mean += f64::from(v));
    }

    fn finish(&mut self) {
        self.means.iter_mut().for_each(|mean| *mean /= self.rows);
    }
}

/// Mean and deviation of every column over all rows.
struct Overall {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl Overall {
    fn of(table: &Table) -> Self {
        let rows = table.rows().len() as f64;
        let mean = |t: usize| table.column(t).map(f64::from).sum::<f64>() / rows;
        let means: Vec<f64> = (0..table.dim()).map(mean).collect();
        let spread = |(t, mean): (usize, &f64)| {
            let squares = table.column(t).map(|v| (f64::from(v) - mean).powi(2));
            (squares.sum::<f64>() / rows).sqrt()
        };
        let deviations = means.iter().enumerate().map(spread).collect();
        Self { means, deviations }
    }

    /// Lines that say what sets a cluster apart.
    fn words(&self, names: &[String], group: &Group) -> Vec<String> {
        let mut lines: Vec<String> = places(names, group).into_iter().collect();
        lines.extend(events(names, group));
        lines.push(format!("stands out by {}", self.telling(names, group)));
        lines
    }

    /// The three columns whose mean is farthest from the overall mean, in deviations.
    fn telling(&self, names: &[String], group: &Group) -> String {
        let score = |t: usize| (group.means[t] - self.means[t]) / self.deviations[t];
        let mut columns: Vec<usize> =
            (0..self.means.len()).filter(|&t| self.deviations[t] > 0.0).collect();
        columns.sort_by(|&a, &b| score(b).abs().total_cmp(&score(a).abs()));
        let words = columns.iter().take(3).map(|&t| {
            let name = names.get(t).cloned().unwrap_or_else(|| format!("column {}", t + 1));
            format!("{name} {:+.1} sd", score(t))
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// Tone, articles and places, where the file has those columns.
fn places(names: &[String], group: &Group) -> Option<String> {
    let mean = |name: &str| names.iter().position(|n| n == name).map(|t| group.means[t]);
    let place = |actor: u8| {
        let lat = mean(&format!("Actor{actor}Geo_Lat"))?;
        let long = mean(&format!("Actor{actor}Geo_Long"))?;
        let (ns, ew) = (if lat < 0.0 { 'S' } else { 'N' }, if long < 0.0 { 'W' } else { 'E' });
        Some(format!("{:.0}°{ns} {:.0}°{ew}", lat.abs(), long.abs()))
    };
    Some(format!(
        "tone {:+.1}, {:.0} articles, {} → {}",
        mean("AvgTone")?,
        mean("NumArticles")?,
        place(1)?,
        place(2)?
    ))
}

/// The three most frequent kinds of events, where the file has event codes.
fn events(names: &[String], group: &Group) -> Option<String> {
    let mut shares: Vec<(f64, &str)> = names
        .iter()
        .zip(&group.means)
        .filter_map(|(name, &share)| Some((share, codes::event(name)?)))
        .collect();
    shares.sort_by(|a, b| b.0.total_cmp(&a.0));
    let words = shares.iter().take(3).filter(|(share, _)| *share > 0.0);
    let words = words.map(|(share, name)| format!("{name} {:.0} %", 100.0 * share));
    Some(words.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())
}
