//! What is different between two trials.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use enfold_core::ShapeError;
use enfold_core::scores::Agreement;

use super::{Param, Trial};

/// A parameter that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// Its value in the first trial, where it has it.
    pub before: Option<Param>,
    /// Its value in the second.
    pub after: Option<Param>,
}

/// A metric of both trials.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    /// Its name.
    pub name: String,
    /// Its value in the first trial.
    pub before: f64,
    /// Its value in the second.
    pub after: f64,
}

impl Delta {
    /// How much more the second has.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.after - self.before
    }
}

/// What is different between two trials. `Display` gives a line for each thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Whether both ran on the same data.
    pub same_data: bool,
    /// Parameters that differ, by name.
    pub params: Vec<Change>,
    /// Metrics that both have, by name.
    pub metrics: Vec<Delta>,
    /// The adjusted Rand index of the labels – 1 for the same clusters under any numbers, 0
    /// expected of chance – where both kept theirs and ran on the same data. Noise counts as a
    /// cluster.
    pub adjusted_rand: Option<f64>,
}

/// Compares two trials.
///
/// ```
/// use enfold::trials::{Fingerprint, Outcome, Params, Trial, compare};
/// let trial = |k: i32, cost, labels: [u32; 4]| {
///     let outcome = Outcome::new().metric("cost", cost).labels(labels.to_vec());
///     Trial::new(Params::new().with("k", k), Fingerprint::default(), outcome, (0, 0))
/// };
/// let both = compare(&trial(2, 9.0, [0, 0, 1, 1]), &trial(3, 7.5, [1, 1, 0, 0]))?;
/// assert_eq!((both.params.len(), both.metrics[0].difference()), (1, -1.5));
/// assert_eq!(both.adjusted_rand, Some(1.0));
/// # Ok::<(), enfold::ShapeError>(())
/// ```
///
/// # Errors
/// Both ran on the same data and kept labels of different lengths.
pub fn compare(a: &Trial, b: &Trial) -> Result<Comparison, ShapeError> {
    let same_data = a.data() == b.data();
    let agreement = match (a.labels(), b.labels()) {
        (Some(a), Some(b)) if same_data => Some(Agreement::of(a, b)?.adjusted_rand()),
        _ => None,
    };
    Ok(Comparison {
        same_data,
        params: changes(a, b),
        metrics: deltas(a, b),
        adjusted_rand: agreement,
    })
}

fn changes(a: &Trial, b: &Trial) -> Vec<Change> {
    let names = a.params().iter().chain(b.params().iter()).map(|(name, _)| name);
    let names: BTreeSet<&str> = names.collect();
    let change = |name: &str| {
        let (before, after) = (a.params().get(name).cloned(), b.params().get(name).cloned());
        (before != after).then(|| Change { name: name.into(), before, after })
    };
    names.into_iter().filter_map(change).collect()
}

fn deltas(a: &Trial, b: &Trial) -> Vec<Delta> {
    let delta = |(name, before): (&str, f64)| {
        b.metric(name).map(|after| Delta { name: name.into(), before, after })
    };
    a.metrics().filter_map(delta).collect()
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let said = |value: &Option<Param>| value.as_ref().map_or("–".into(), |v| v.to_string());
        if !self.same_data {
            writeln!(f, "data: different")?;
        }
        for Change { name, before, after } in &self.params {
            writeln!(f, "{name}: {} → {}", said(before), said(after))?;
        }
        for delta in &self.metrics {
            let Delta { name, before, after } = delta;
            writeln!(f, "{name}: {before} → {after} ({:+})", delta.difference())?;
        }
        match self.adjusted_rand {
            Some(index) => writeln!(f, "labels: adjusted Rand {index:.4}"),
            None => Ok(()),
        }
    }
}
