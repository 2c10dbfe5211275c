//! Grids of options, one row of results for each.

use enfold_core::{Alloc, Dbscan, Error, KMeans, NONE, Rows, Values};

/// What DBSCAN gives for one point of a grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Density {
    /// The radius.
    pub eps: f64,
    /// The least number of rows within it.
    pub min_samples: usize,
    /// Clusters found.
    pub clusters: u32,
    /// Rows in none of them.
    pub noise: usize,
    /// What the caller makes of the labels.
    pub score: f64,
}

/// What k-means gives for one k.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    /// Clusters asked for.
    pub k: usize,
    /// Σ w·d² to the nearest centre.
    pub cost: f64,
    /// What the caller makes of the labels.
    pub score: f64,
}

/// Runs DBSCAN for every pair of a radius and a least number; `score` judges labels, of which
/// [`NONE`] is noise.
///
/// `options` makes the options of a pair: [`Dbscan::new`] where nothing else is wanted. Rows come
/// in the order of the grid, radii first.
///
/// ```
/// use enfold::{Cpu, Dbscan, Rows, select};
///
/// let data = [0.0f32, 0.1, 0.2, 5.0, 5.1, 5.2];
/// let rows = Rows::new(&data[..], 1)?;
/// let table = select::densities(&Cpu::new(), rows, &[0.15, 9.0], &[2], Dbscan::new, |_| 0.0)?;
/// assert_eq!(table.iter().map(|row| row.clusters).collect::<Vec<_>>(), [2, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`Dbscan::fit`]; the first ends the sweep.
pub fn densities<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    eps: &[f64],
    min_samples: &[usize],
    options: impl Fn(f64, usize) -> Dbscan,
    mut score: impl FnMut(&[u32]) -> f64,
) -> Result<Vec<Density>, Error<B::Error>> {
    let grid = eps.iter().flat_map(|&eps| min_samples.iter().map(move |&least| (eps, least)));
    grid.map(|(eps, min_samples)| {
        let fit = options(eps, min_samples).fit(backend, rows)?;
        let noise = fit.labels.iter().filter(|&&label| label == NONE).count();
        let (clusters, score) = (fit.model.clusters(), score(&fit.labels));
        Ok(Density { eps, min_samples, clusters, noise, score })
    })
    .collect()
}

/// Runs k-means for every k; `score` judges labels.
///
/// `options` makes the options of a k: [`KMeans::new`] where nothing else is wanted. The costs
/// make an [`Elbow`](super::Elbow).
///
/// ```
/// use enfold::{Cpu, KMeans, Rows, select};
///
/// let data = [0.0f32, 0.1, 0.2, 5.0, 5.1, 5.2, 9.0, 9.1];
/// let rows = Rows::new(&data[..], 1)?;
/// let table = select::counts(&Cpu::new(), rows, 1..=5, KMeans::new, |_| 0.0)?;
/// let knee = select::Elbow::new(table.iter().map(|row| (row.k, row.cost))).knee();
/// assert_eq!(knee, Some(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`KMeans::fit`]; the first ends the sweep.
pub fn counts<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    ks: impl IntoIterator<Item = usize>,
    options: impl Fn(usize) -> KMeans,
    mut score: impl FnMut(&[u32]) -> f64,
) -> Result<Vec<Count>, Error<B::Error>> {
    let run = |k| {
        let fit = options(k).fit(backend, rows)?;
        Ok(Count { k, cost: fit.model.cost, score: score(&fit.labels) })
    };
    ks.into_iter().map(run).collect()
}
