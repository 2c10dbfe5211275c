//! Scores: how good is a clustering or an embedding?
//!
//! | score | asks for | best | cost |
//! |---|---|---|---|
//! | [`Silhouette`] | rows, labels, any metric | 1 | `O(n²·dim)`; squared Euclidean `O(n·k·dim)` |
//! | [`calinski_harabasz`] | rows, labels | high | `O(n·dim)` |
//! | [`davies_bouldin`] | rows, labels | 0 | `O(n·dim + k²·dim)` |
//! | [`inertia`] | rows, centres | 0 | `O(n·k·dim)` |
//! | [`Agreement`]: adjusted Rand, mutual information, V-measure | two labellings | 1 | `O(n·log n)` |
//! | [`trustworthiness`] | rows, an embedding of them | 1 | `O(n²·dim)` |
//!
//! None of them forms an n × n matrix: what is held besides the rows grows with n, not with n².
//!
//! **Labels** are one number per row, of the i-th row of the range. Which numbers they are is of
//! no importance: rows with equal numbers belong together, so gaps and large labels do no harm, and
//! other names give the same bits.
//! [`NONE`] is noise; what becomes of it stands with each score.
//!
//! **Undefined cases** are typed errors, never NaN: scores of rows and labels need at least two
//! clusters and fewer clusters than rows, which also refuses zero rows, one row, a single label,
//! nothing but noise, and one member per cluster. Rows must be finite.
//!
//! ```
//! use enfold_core::scores::{Agreement, Silhouette};
//! use enfold_core::{Rows, rows};
//! use enfold_cpu::Cpu;
//!
//! let data = [0.0f32, 0.1, 1.0];
//! let cpu = Cpu::<f32>::new();
//! let each = Silhouette::new().per_row(&cpu, Rows::new(&data[..], 1)?, &[0, 0, 1])?;
//! assert!((each[0] - 0.9).abs() < 1e-6 && each[2] == 0.0);
//! assert_eq!(Agreement::of(&[0, 0, 1], &[5, 5, 2])?.adjusted_rand(), 1.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod agreement;
mod means;
mod silhouette;
mod trustworthiness;

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::{Alloc, NONE, Values};
use crate::door;
use crate::error::{Error, ShapeError};
use crate::rows::{Metric, Rows};

pub use agreement::Agreement;
pub use means::{calinski_harabasz, davies_bouldin, inertia};
pub use silhouette::{Noise, Silhouette};
pub use trustworthiness::trustworthiness;

/// Labels as numbers from 0 without gaps, in the order of their first rows: so that no score
/// depends on what labels are called, to the last bit. Noise is [`NONE`], or a label like others.
struct Groups {
    of: Vec<u32>,
    sizes: Vec<u32>,
}

impl Groups {
    /// `O(n·log n)`, no hashing.
    fn of(labels: impl Iterator<Item = u32> + Clone, noise_counts: bool) -> Self {
        let rows = (0..).zip(labels.clone()).filter(|&(_, l)| noise_counts || l != NONE);
        let mut known: Vec<(u32, u32)> = rows.map(|(i, label)| (label, i)).collect();
        known.sort_unstable();
        known.dedup_by_key(|&mut (label, _)| label);
        let mut first: Vec<u32> = known.iter().map(|&(_, i)| i).collect();
        first.sort_unstable();
        // The first row of each label becomes its number.
        for (_, i) in &mut known {
            *i = first.binary_search(i).unwrap_or_default() as u32;
        }
        let mut sizes = vec![0; known.len()];
        let mut number = |label: u32| match known.binary_search_by_key(&label, |&(l, _)| l) {
            Ok(at) => {
                let group = known[at].1;
                sizes[group as usize] += 1;
                group
            }
            Err(_) => NONE,
        };
        let of = labels.map(&mut number).collect();
        Self { of, sizes }
    }

    fn k(&self) -> usize {
        self.sizes.len()
    }

    /// How many rows are not noise.
    fn rows(&self) -> usize {
        self.sizes.iter().map(|&size| size as usize).sum()
    }

    /// Refuses what has no score: fewer than two clusters, or as many as rows.
    fn check<E>(self) -> Result<Self, Error<E>> {
        let why = if self.k() < 2 {
            "must make two clusters or more"
        } else if self.k() == self.rows() {
            "must make fewer clusters than there are rows"
        } else {
            return Ok(self);
        };
        Err(Error::Parameter { name: "labels", why })
    }
}

/// Refuses a length that is not that of the rows, and rows that are not finite.
fn admit<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    metric: Metric,
    labels: &[u32],
) -> Result<(), Error<B::Error>> {
    ShapeError::check("labels", rows.len(), labels.len())?;
    finite(backend, rows, metric)
}

/// Refuses rows that are not finite or whose distances overflow.
fn finite<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    metric: Metric,
) -> Result<(), Error<B::Error>> {
    metric.check_dim(rows.dim())?;
    door::each_part(backend, rows, |at, part| {
        let first = rows.start() + at;
        // Means and their spreads are taken under every metric.
        door::suits(Metric::SqEuclidean, (part, rows.dim()), first)?;
        door::suits(metric, (part, rows.dim()), first)
    })
}
