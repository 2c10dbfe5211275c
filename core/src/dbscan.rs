//! DBSCAN (Ester, Kriegel, Sander, Xu 1996): clusters of any shape, and noise.
//!
//! - A row's *neighbourhood* are the rows within `eps` of it (distance ≤ eps), itself included.
//! - A *core row* has a neighbourhood of at least `min_samples` rows, or of that weight.
//! - Core rows within eps of each other are in one cluster. Clusters are numbered by their
//!   lowest core row, from 0.
//! - Any other row belongs to the cluster of its **nearest core row within eps**; without any it
//!   is *noise*, [`NONE`]. Of core rows that are equally near, the one with the lower coordinates
//!   counts, compared from the first coordinate on. (The cosine distance knows no lengths: there
//!   coordinates are compared after each row was scaled by a power of two, so that its largest is
//!   in [1, 2).)
//!
//! This border rule asks for no row number. So labels do not depend on the order of the rows, up to
//! renumbering, and [`Model::predict`] gives rows of the fit the labels of the fit. A cluster may
//! have fewer than `min_samples` rows, where border rows within eps of its core rows are nearer to
//! core rows of others.
//!
//! # Exact
//!
//! "Within eps" is decided as if every distance were computed in `f64` by direct differences, on
//! every backend: folds decide pairs clear of eps by more than the accuracy they sign, the few
//! others are decided on the host. Why not the rounded distance itself: eps need not be a number
//! of the element type, and near eps a sum in `f32` is a matter of luck.
//!
//! # Cost
//!
//! `O(n log n)` for the [order](crate::order), then the pairs of blocks within eps. Dense regions
//! cost less than their pairs. Memory is `O(n)`: see [`Dbscan::required_bytes`]. Cosine has no
//! bounds, so there all pairs are looked at.
//!
//! The index by blocks and the shortcut of dense nodes follow Gunawan 2013 and Gan and Tao 2015,
//! who do it with grid cells; union-find over close pairs follows Patwary et al. 2012.

mod assign;
mod count;
mod eps;
mod join;
mod weights;

use alloc::vec;
use alloc::vec::Vec;

use num_traits::Zero;

use self::assign::Cores;
use self::eps::{Eps, rescale};
use self::weights::Weights;
use crate::backend::{Alloc, Backend, NONE, Values};
use crate::door::suits;
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::order::{Node, Order, Placed};
use crate::rows::{Block, Metric, Rows};

/// Rectangles to a fold.
const BATCH: usize = 1 << 16;

/// Options of DBSCAN. See the [module](self) for the rules.
///
/// ```
/// use enfold_core::{Dbscan, NONE, Rows};
/// use enfold_cpu::Cpu;
///
/// let data = [0.0f32, 0.1, 0.2, 5.0, 9.0, 9.1, 9.2, 9.3];
/// let fit = Dbscan::new(0.15, 3).fit(&Cpu::<f32>::new(), Rows::new(&data[..], 1)?)?;
/// assert_eq!(fit.labels, [0, 0, 0, NONE, 1, 1, 1, 1]);
/// assert_eq!(fit.cores, [1, 5, 6]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dbscan {
    eps: f64,
    min_samples: usize,
    metric: Metric,
    budget: Option<usize>,
}

/// Labels of the rows, and what is needed to label others.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit<T> {
    /// The cluster of every row; [`NONE`] for noise.
    pub labels: Vec<u32>,
    /// Numbers of the core rows, ascending.
    pub cores: Vec<u32>,
    /// The clusters, for rows that come later.
    pub model: Model<T>,
}

/// Clusters as their core rows: plain host data.
#[derive(Debug, Clone, PartialEq)]
pub struct Model<T> {
    clusters: u32,
    metric: Metric,
    eps: f64,
    order: Order<T>,
    /// Core rows in order.
    rows: Vec<T>,
    /// The label of each.
    labels: Vec<u32>,
}

impl Dbscan {
    /// Neighbourhoods of radius `eps` that hold at least `min_samples` rows; Euclidean.
    #[must_use]
    pub fn new(eps: f64, min_samples: usize) -> Self {
        Self { eps, min_samples, metric: Metric::Euclidean, budget: None }
    }

    /// The distance that eps is a radius in.
    #[must_use]
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = metric;
        self
    }

    /// The most bytes a fit may need beside its input; a fit that may need more is refused
    /// before it begins.
    #[must_use]
    pub fn budget(mut self, bytes: usize) -> Self {
        self.budget = Some(bytes);
        self
    }

    /// Bytes that a fit of `n` rows of `dim` elements needs at most, beside its input, on the
    /// host and the backend together.
    #[must_use]
    pub fn required_bytes<T: Element>(n: usize, dim: usize, weighted: bool) -> usize {
        let row = dim.saturating_mul(size_of::<T>());
        let each = row.saturating_mul(3).saturating_add(if weighted { 96 } else { 44 });
        n.saturating_mul(each).saturating_add(1 << 23)
    }

    /// Clusters rows.
    ///
    /// No rows give no labels; all noise is an answer.
    ///
    /// # Errors
    /// eps is not positive and finite, `min_samples` is 0; rows that are not finite; the budget
    /// is too small; the machine's.
    pub fn fit<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
    ) -> Result<Fit<B::Elem>, Error<B::Error>> {
        self.fit_weighted(backend, rows, None)
    }

    /// Clusters rows with a weight each; `weights` is as long as the buffer of the rows.
    ///
    /// A row is core where its neighbourhood weighs at least `min_samples`; weights may be
    /// negative. They are rounded to multiples of 2⁻³² and are at most 2³⁰ in size. Distances
    /// are added up on the host: slower than without weights.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); a weight that is not finite or too large.
    pub fn fit_weighted<B: Alloc>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
        weights: Option<&Values<B>>,
    ) -> Result<Fit<B::Elem>, Error<B::Error>> {
        self.check::<B>(rows, weights.is_some())?;
        let placed = admit(backend, rows, self.metric)?;
        let weights = Weights::read(backend, rows, weights, placed.order.rows())?;
        let eps = Eps::new(self.metric, self.eps, rows.dim());
        let pass = Pass { backend, placed: &placed, eps, batch: BATCH };
        let cores = count::find(&pass, &weights, Weights::of_count(self.min_samples as u64))?;
        drop(weights);
        let roots = join::unite(&pass, &cores)?;
        self.finish(backend, placed, &eps, &cores.is_core, roots)
    }

    fn check<B: Backend>(
        &self,
        rows: Rows<'_, Values<B>>,
        weighted: bool,
    ) -> Result<(), Error<B::Error>> {
        if !(self.eps > 0.0 && self.eps < f64::INFINITY) {
            return Err(Error::Parameter { name: "eps", why: "must be positive and finite" });
        }
        if self.min_samples == 0 {
            return Err(Error::Parameter { name: "min_samples", why: "must be at least 1" });
        }
        let needed = Self::required_bytes::<B::Elem>(rows.len(), rows.dim(), weighted);
        match self.budget {
            Some(allowed) if needed > allowed => Err(Error::Budget { needed, allowed }),
            _ => Ok(()),
        }
    }

    /// Numbers the clusters and labels the rows that are not core.
    fn finish<B: Alloc>(
        &self,
        backend: &B,
        placed: Placed<B>,
        eps: &Eps<B::Elem>,
        is_core: &[bool],
        mut roots: Vec<u32>,
    ) -> Result<Fit<B::Elem>, Error<B::Error>> {
        let clusters = number(placed.order.rows(), is_core, &mut roots);
        let of_core = |labels: &[u32]| {
            let both = labels.iter().zip(is_core).filter(|(_, core)| **core);
            both.map(|(&label, _)| label).collect::<Vec<u32>>()
        };
        let core_labels = of_core(&roots);
        drop(roots);
        let host = read(backend, &placed, (0, placed.order.len() as u32))?;
        let (core_order, core_rows) = part(&placed.order, &host, is_core, true)?;
        let (other_order, other_rows) = part(&placed.order, &host, is_core, false)?;
        let mut labels = vec![NONE; placed.order.len()];
        drop((host, placed));
        let others = Placed::of(backend, other_order, &other_rows)?;
        drop(other_rows);
        let model = Model {
            clusters,
            metric: self.metric,
            eps: self.eps,
            order: core_order,
            rows: core_rows,
            labels: core_labels,
        };
        for (&row, &label) in model.order.rows().iter().zip(&model.labels) {
            labels[row as usize] = label;
        }
        for (&row, label) in others.order.rows().iter().zip(model.label(backend, &others, eps)?) {
            labels[row as usize] = label;
        }
        let mut cores = model.order.rows().to_vec();
        cores.sort_unstable();
        Ok(Fit { labels, cores, model })
    }
}

impl<T: Element> Model<T> {
    /// How many clusters there are.
    #[must_use]
    pub fn clusters(&self) -> u32 {
        self.clusters
    }

    /// The cluster of the nearest core row within eps; [`NONE`] for noise. Rows of the fit get
    /// the labels of the fit.
    ///
    /// ```
    /// use enfold_core::{Dbscan, NONE, Rows};
    /// use enfold_cpu::Cpu;
    ///
    /// let (cpu, data) = (Cpu::<f32>::new(), [0.0f32, 0.1, 0.2, 5.0, 5.1, 5.2]);
    /// let fit = Dbscan::new(0.15, 2).fit(&cpu, Rows::new(&data[..], 1)?)?;
    /// let new = [5.25f32, 0.15, 2.0];
    /// assert_eq!(fit.model.predict(&cpu, Rows::new(&new[..], 1)?)?, [1, 0, NONE]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// `O(m log m)` for m rows and the pairs near core rows; the core rows are copied to the
    /// backend, so many rows at once are cheaper than one by one.
    ///
    /// # Errors
    /// Rows of another `dim`, or not finite; the machine's.
    pub fn predict<B: Alloc<Elem = T>>(
        &self,
        backend: &B,
        rows: Rows<'_, Values<B>>,
    ) -> Result<Vec<u32>, Error<B::Error>> {
        ShapeError::check("dim", self.order.dim(), rows.dim())?;
        let placed = admit(backend, rows, self.metric)?;
        let mut labels = vec![NONE; rows.len()];
        let eps = Eps::new(self.metric, self.eps, rows.dim());
        for (&row, label) in placed.order.rows().iter().zip(self.label(backend, &placed, &eps)?) {
            labels[row as usize] = label;
        }
        Ok(labels)
    }

    /// Labels by position.
    fn label<B: Alloc<Elem = T>>(
        &self,
        backend: &B,
        rows: &Placed<B>,
        eps: &Eps<T>,
    ) -> Result<Vec<u32>, Error<B::Error>> {
        if self.order.is_empty() || rows.order.is_empty() {
            return Ok(vec![NONE; rows.order.len()]);
        }
        let placed = Placed::of(backend, self.order.clone(), &self.rows)?;
        Cores { backend, placed: &placed, labels: &self.labels, eps }.label(rows)
    }
}

/// Rows on their way through a fit.
struct Pass<'a, B: Alloc> {
    backend: &'a B,
    placed: &'a Placed<B>,
    eps: Eps<B::Elem>,
    /// Rectangles to a fold.
    batch: usize,
}

impl<B: Alloc> Pass<'_, B> {
    fn order(&self) -> &Order<B::Elem> {
        &self.placed.order
    }

    /// A buffer of zeros.
    fn indices(&self, len: usize) -> Result<B::Owned<u32>, Error<B::Error>> {
        self.backend.alloc(len).map_err(Error::Backend)
    }

    fn read(&self, span: (u32, u32)) -> Result<Vec<B::Elem>, Error<B::Error>> {
        read(self.backend, self.placed, span)
    }

    /// Rectangles of a node with what may be within eps of it.
    fn near(&self, node: Node) -> Vec<Block> {
        let (order, mut blocks) = (self.order(), Vec::new());
        order.pairs_of(node, order, self.eps.fold, self.eps.high, |block| blocks.push(block));
        blocks
    }
}

/// Reads rows by position.
fn read<B: Alloc>(
    backend: &B,
    placed: &Placed<B>,
    (start, end): (u32, u32),
) -> Result<Vec<B::Elem>, Error<B::Error>> {
    let dim = placed.order.dim();
    let mut host = vec![B::Elem::zero(); (end - start) as usize * dim];
    let data = placed.rows()?.data();
    backend.read(data, start as usize * dim, &mut host).map_err(Error::Backend)?;
    Ok(host)
}

/// Reads rows, judges them and puts them into order.
fn admit<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    metric: Metric,
) -> Result<Placed<B>, Error<B::Error>> {
    let dim = rows.dim();
    metric.check_dim(dim)?;
    let mut host = vec![B::Elem::zero(); rows.len() * dim];
    backend.read(rows.data(), rows.start() * dim, &mut host).map_err(Error::Backend)?;
    suits(Metric::SqEuclidean, (&host, dim), rows.start())?;
    if metric.ignores_length() {
        rescale(&mut host, dim);
    }
    suits(metric, (&host, dim), rows.start())?;
    let order = Order::kd(&mut host, dim, leaf(dim))?;
    Placed::of(backend, order, &host)
}

/// Rows in a block: few where boxes prune well, many where distances are long; of many, a
/// multiple of what register tiles are made of.
fn leaf(dim: usize) -> usize {
    match dim {
        0..=3 => 16,
        4..=8 => 32,
        _ => 96,
    }
}

/// Replaces roots by numbers of clusters: by the lowest core row. Returns how many there are.
fn number(rows: &[u32], is_core: &[bool], roots: &mut [u32]) -> u32 {
    let mut lowest = vec![NONE; rows.len()];
    for ((&row, &root), _) in rows.iter().zip(&*roots).zip(is_core).filter(|(_, core)| **core) {
        lowest[root as usize] = lowest[root as usize].min(row);
    }
    let mut found: Vec<(u32, u32)> = (0..).zip(lowest.iter().copied()).collect();
    found.retain(|&(_, low)| low != NONE);
    found.sort_unstable_by_key(|&(_, low)| low);
    for (label, &(root, _)) in (0..).zip(&found) {
        lowest[root as usize] = label;
    }
    for root in roots {
        *root = lowest[*root as usize];
    }
    found.len() as u32
}

/// The core rows, or the others, in the order they stand in.
fn part<T: Element>(
    order: &Order<T>,
    host: &[T],
    is_core: &[bool],
    kind: bool,
) -> Result<(Order<T>, Vec<T>), ShapeError> {
    let dim = order.dim();
    let len = is_core.iter().filter(|&&core| core == kind).count();
    let (mut numbers, mut rows) = (Vec::with_capacity(len), Vec::with_capacity(len * dim));
    let all = host.chunks_exact(dim).zip(order.rows()).zip(is_core);
    for ((row, &number), _) in all.filter(|(_, core)| **core == kind) {
        numbers.push(number);
        rows.extend_from_slice(row);
    }
    Ok((Order::of(&rows, numbers, dim, order.leaf())?, rows))
}
