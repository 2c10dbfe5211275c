//! Trials in order of merit.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::{Trial, Trials};

/// Which way a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// More is better.
    Max,
    /// Less is better.
    Min,
}

/// A metric, and which way it is better.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Goal {
    /// The name of the metric.
    pub metric: String,
    /// Which way it is better.
    pub direction: Direction,
}

impl Goal {
    /// More of this metric is better.
    pub fn max(metric: impl Into<String>) -> Self {
        Self { metric: metric.into(), direction: Direction::Max }
    }

    /// Less of this metric is better.
    pub fn min(metric: impl Into<String>) -> Self {
        Self { metric: metric.into(), direction: Direction::Min }
    }

    /// The better of two trials first; one without the metric after one that has it.
    fn order(&self, a: &Trial, b: &Trial) -> Ordering {
        match (a.metric(&self.metric), b.metric(&self.metric), self.direction) {
            (Some(a), Some(b), Direction::Max) => b.total_cmp(&a),
            (Some(a), Some(b), Direction::Min) => a.total_cmp(&b),
            (a, b, _) => b.is_some().cmp(&a.is_some()),
        }
    }
}

/// Trials in order of merit, best first, and what merit is.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaderboard<'a> {
    trials: Vec<&'a Trial>,
    goals: Vec<Goal>,
}

impl Trials {
    /// All trials by the first goal, equal ones by the next, at last by which finished first.
    #[must_use]
    pub fn leaderboard(&self, goals: &[Goal]) -> Leaderboard<'_> {
        let mut trials: Vec<&Trial> = self.all().iter().collect();
        let by_goals = |a: &&Trial, b: &&Trial| {
            goals.iter().map(|goal| goal.order(a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        };
        trials.sort_by(by_goals);
        Leaderboard { trials, goals: goals.to_vec() }
    }
}

impl<'a> Leaderboard<'a> {
    /// The trials, best first.
    #[must_use]
    pub fn trials(&self) -> &[&'a Trial] {
        &self.trials
    }

    /// Only the trials that `keep` says yes to.
    #[must_use]
    pub fn filter(mut self, keep: impl Fn(&Trial) -> bool) -> Self {
        self.trials.retain(|trial| keep(trial));
        self
    }

    /// At most the first `n`.
    #[must_use]
    pub fn top(mut self, n: usize) -> Self {
        self.trials.truncate(n);
        self
    }

    /// The trials that no other beats: none is at least as good by every goal and better by one.
    /// Only trials that have the metrics of all goals count. `O(n²)`.
    #[must_use]
    pub fn pareto(mut self) -> Self {
        let has_all = |trial: &&Trial| self.goals.iter().all(|g| trial.metric(&g.metric).is_some());
        self.trials.retain(has_all);
        let all = self.trials.clone();
        self.trials.retain(|trial| !all.iter().any(|other| beats(&self.goals, other, trial)));
        self
    }

    /// A table for people: rank, id, what differs between the parameters, metrics. Numbers have
    /// six digits.
    #[must_use]
    pub fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let clean = |cell: String| cell.replace('|', "\\|").replace(['\n', '\r'], " ");
        let [head, rows @ ..] = &self.table(short)[..] else { return String::new() };
        let rule = line(vec!["---".into(); head.len()]);
        let of = |row: &Vec<String>| line(row.iter().cloned().map(clean).collect());
        of(head) + &rule + &rows.iter().map(of).collect::<String>()
    }

    /// The same table for programs, as RFC 4180 has it. Numbers are written in full.
    #[must_use]
    pub fn csv(&self) -> String {
        let quote = |cell: String| match cell.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell,
        };
        let line = |row: Vec<String>| row.into_iter().map(quote).collect::<Vec<_>>().join(",");
        self.table(|value| value.to_string()).into_iter().map(|row| line(row) + "\r\n").collect()
    }

    /// The head and a row per trial.
    fn table(&self, number: impl Fn(f64) -> String) -> Vec<Vec<String>> {
        let (params, metrics) = (self.params(), self.metrics());
        let head = ["rank", "id"].into_iter().chain(params.iter().chain(&metrics).copied());
        let mut table = vec![head.map(String::from).collect()];
        for (rank, trial) in (1..).zip(&self.trials) {
            let mut row: Vec<String> = vec![rank.to_string(), trial.id().to_string()];
            let param = |name: &&str| trial.params().get(name).map_or("".into(), |p| p.to_string());
            row.extend(params.iter().map(param));
            row.extend(metrics.iter().map(|m| trial.metric(m).map_or("".into(), &number)));
            table.push(row);
        }
        table
    }

    /// Names of parameters that are not the same in all trials.
    fn params(&self) -> Vec<&'a str> {
        let names = self.trials.iter().flat_map(|t| t.params().iter().map(|(name, _)| name));
        let names: BTreeSet<&str> = names.collect();
        let differs = |name: &&str| {
            let mut values = self.trials.iter().map(|trial| trial.params().get(name));
            let first = values.next();
            values.any(|value| Some(value) != first)
        };
        names.into_iter().filter(differs).collect()
    }

    /// Names of metrics, those of the goals first.
    fn metrics(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.goals.iter().map(|goal| goal.metric.as_str()).collect();
        let all: BTreeSet<&str> =
            self.trials.iter().flat_map(|t| t.metrics().map(|m| m.0)).collect();
        let others: Vec<&str> = all.into_iter().filter(|name| !names.contains(name)).collect();
        names.extend(others);
        names
    }
}

/// Whether `a` is at least as good as `b` by every goal and better by one.
fn beats(goals: &[Goal], a: &Trial, b: &Trial) -> bool {
    let orders = || goals.iter().map(|goal| goal.order(a, b));
    orders().all(Ordering::is_le) && orders().any(Ordering::is_lt)
}

/// Six digits, with a power of ten where there would be many noughts.
fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e9).contains(&size) {
        return format!("{value:.5e}");
    }
    let digits = 5 - size.max(1.0).log10().floor() as i32;
    let text = format!("{value:.*}", digits.max(0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').into(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn numbers_have_six_digits() {
        let shorts = [0.0, 1.5, -0.123456789, 1234.56789, 98765432.1, 1e12, -2.5e-7].map(short);
        let expected = ["0", "1.5", "-0.12346", "1234.57", "98765432", "1.00000e12", "-2.50000e-7"];
        assert_eq!(shorts, expected);
    }
}
