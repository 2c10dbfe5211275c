//! Means and covariances of a stream.

use std::mem::take;

use pulp::Arch;

use super::gram::{BLOCK, CHAIN, Panels};
use crate::data::{DataError, door};

/// Means and covariances of the columns of a stream, in one pass.
///
/// It is a [`StreamState`](crate::StreamState): push, merge, decay, snapshot, restore. What
/// [`Pca::finish`](super::Pca::finish) and
/// [`Correlation::of`](crate::correlation::Correlation::of) need is in it.
///
/// Rows are taken in blocks of fixed size, whatever the batches: the same rows in the same order
/// give the same bits for any cut into batches, any number of threads and any vector unit. A
/// merge gives what one state would have, up to rounding. Columns are centred by their mean in the
/// first block, unless 0 is within a deviation of it, and multiplied in `f32`, sums over blocks are
/// `f64`: each covariance is right to about 10⁻⁶ of the product of the two deviations. Columns that
/// differ by less than 10⁻¹⁸ count as constant.
///
/// Memory: 8·dim² bytes, 512 rows twice and 64 rows. Cost of a push: n·dim² operations, at the
/// speed of the vector unit, without those of columns that are 0 for a while.
///
/// ```
/// use enfold::{StreamState, Table, pca::Covariance};
/// let table = Table::from_arrays(&[[1.0, 7.0], [3.0, 7.0], [5.0, 7.0]])?;
/// let mut state = Covariance::new(2)?;
/// state.push(table.rows(), None)?;
/// assert_eq!(state.means(), [3.0, 7.0]);
/// assert_eq!(state.matrix(), Some(vec![4.0, 0.0, 0.0, 0.0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Covariance {
    pub(super) dim: usize,
    /// Rows that do not fill a block yet, and their weights.
    pub(super) pending: Vec<f32>,
    pub(super) weights: Vec<f32>,
    /// Σ weights of full blocks.
    pub(super) mass: f64,
    pub(super) blocks: Blocks,
    pub(super) time: f64,
    pub(super) half_life: Option<f64>,
    panels: Panels,
    centred: Vec<f32>,
}

/// What full blocks left. The offset q of a row is what it lies from the origin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Blocks {
    /// What columns are centred by, from the first block; 0 before it.
    pub(super) origin: Vec<f32>,
    /// Σ w·q.
    pub(super) sums: Vec<f64>,
    /// Σ w·q·qᵀ, of which only the lower triangle counts.
    pub(super) products: Vec<f64>,
    /// Whether there was one.
    pub(super) any: bool,
}

impl PartialEq for Covariance {
    /// Of what was seen; room for work does not count.
    fn eq(&self, other: &Self) -> bool {
        (&self.pending, &self.weights, self.mass) == (&other.pending, &other.weights, other.mass)
            && (self.time, self.half_life) == (other.time, other.half_life)
            && self.blocks == other.blocks
    }
}

impl Covariance {
    /// For rows of `dim` elements.
    ///
    /// # Errors
    /// `dim` is 0.
    pub fn new(dim: usize) -> Result<Self, DataError> {
        if dim == 0 {
            return Err(DataError::NoColumns);
        }
        let blocks = Blocks {
            origin: vec![0.0; dim],
            sums: vec![0.0; dim],
            products: vec![0.0; dim * dim],
            any: false,
        };
        Ok(Self {
            dim,
            pending: Vec::new(),
            weights: Vec::new(),
            mass: 0.0,
            blocks,
            time: 0.0,
            half_life: None,
            panels: Panels::new(dim),
            centred: vec![0.0; dim * CHAIN],
        })
    }

    /// Rows count half once the clock has moved on by `half_life`; a value that is not positive
    /// means never. Without it, moving the clock changes nothing.
    #[must_use]
    pub fn with_half_life(self, half_life: f64) -> Self {
        Self { half_life: door::half_life(half_life), ..self }
    }

    /// Elements per row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Total weight seen: the number of rows where no weights were given.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weights.iter().fold(self.mass, |sum, &w| sum + f64::from(w))
    }

    /// The mean of each column; 0 while nothing has been seen.
    #[must_use]
    pub fn means(&self) -> Vec<f64> {
        let mut state = self.clone();
        state.close();
        state.means_closed()
    }

    /// The covariances, row by row, divided by the weight less 1; `None` where the weight is not
    /// above 1.
    #[must_use]
    pub fn matrix(&self) -> Option<Vec<f64>> {
        self.moments().map(|(_, matrix)| matrix)
    }

    /// Means and covariances.
    pub(crate) fn moments(&self) -> Option<(Vec<f64>, Vec<f64>)> {
        let mut state = self.clone();
        state.close();
        let (n, free) = (state.mass, state.mass - 1.0);
        if free <= 0.0 {
            return None;
        }
        let means = state.means_closed();
        let Blocks { sums, mut products, .. } = state.blocks;
        for i in 0..state.dim {
            for j in 0..=i {
                let at = i * state.dim + j;
                let value = (products[at] - sums[i] * sums[j] / n) / free;
                let value = if i == j { value.max(0.0) } else { value };
                (products[at], products[j * state.dim + i]) = (value, value);
            }
        }
        Some((means, products))
    }

    /// The means where no block is open.
    fn means_closed(&self) -> Vec<f64> {
        let Blocks { origin, sums, .. } = &self.blocks;
        let mean = |(&o, &s): (&f32, &f64)| f64::from(o) + s / self.mass;
        if self.mass == 0.0 {
            vec![0.0; self.dim]
        } else {
            origin.iter().zip(sums).map(mean).collect()
        }
    }

    /// Takes in rows that were checked, with weights that are not 0.
    pub(super) fn take(&mut self, rows: &[f32], weights: impl Iterator<Item = f32>) {
        for (row, weight) in rows.chunks_exact(self.dim).zip(weights) {
            if weight == 0.0 {
                continue;
            }
            self.pending.extend_from_slice(row);
            self.weights.push(weight);
            if self.weights.len() == BLOCK {
                self.close();
            }
        }
    }

    /// Takes in rows of weight 1 that were checked: whole blocks from where they lie.
    pub(super) fn take_all(&mut self, rows: &[f32]) {
        let open = (BLOCK - self.weights.len()) % BLOCK;
        let (first, rest) = rows.split_at(rows.len().min(open * self.dim));
        self.take(first, std::iter::repeat(1.0));
        let mut blocks = rest.chunks_exact(BLOCK * self.dim);
        for block in &mut blocks {
            self.add_block(block, &[1.0; BLOCK]);
        }
        self.take(blocks.remainder(), std::iter::repeat(1.0));
    }

    /// Ends the block, full or not.
    pub(super) fn close(&mut self) {
        let (rows, weights) = (take(&mut self.pending), take(&mut self.weights));
        if !weights.is_empty() {
            self.add_block(&rows, &weights);
        }
        (self.pending, self.weights) = (rows, weights);
        self.pending.clear();
        self.weights.clear();
    }

    fn add_block(&mut self, rows: &[f32], weights: &[f32]) {
        if !self.blocks.any {
            self.blocks.origin = origin(rows, weights, self.dim);
            self.blocks.any = true;
        }
        let Self { dim, panels, blocks, centred, .. } = self;
        panels.clear();
        for (rows, weights) in rows.chunks(CHAIN * *dim).zip(weights.chunks(CHAIN)) {
            let centred = &mut centred[..rows.len()];
            let each = rows.chunks_exact(*dim).zip(weights).zip(centred.chunks_exact_mut(*dim));
            Arch::new().dispatch(|| {
                for ((values, &weight), to) in each {
                    centre(values, weight, blocks, to);
                }
            });
            panels.push(centred);
        }
        weights.iter().for_each(|&weight| self.mass += f64::from(weight));
        panels.add_products(&mut blocks.products);
    }
}

/// Writes √w·q of a row, and adds w·q.
#[inline(always)]
fn centre(values: &[f32], weight: f32, blocks: &mut Blocks, row: &mut [f32]) {
    let Blocks { origin, sums, .. } = blocks;
    let (weight, root) = (f64::from(weight), weight.sqrt());
    for (((to, sum), value), origin) in row.iter_mut().zip(sums).zip(values).zip(origin) {
        let offset = value - *origin;
        *sum += weight * f64::from(offset);
        *to = root * offset;
    }
}

/// The mean of each column; 0 where that is within a deviation of it: an offset so small costs no
/// digits, and what is 0 stays 0.
fn origin(rows: &[f32], weights: &[f32], dim: usize) -> Vec<f32> {
    let (mut sums, mut squares, mut mass) = (vec![0.0f64; dim], vec![0.0f64; dim], 0.0);
    for (row, &weight) in rows.chunks_exact(dim).zip(weights) {
        for ((sum, square), &value) in sums.iter_mut().zip(&mut squares).zip(row) {
            let weighted = f64::from(weight) * f64::from(value);
            *sum += weighted;
            *square += weighted * f64::from(value);
        }
        mass += f64::from(weight);
    }
    let of = |(sum, square): (f64, f64)| {
        let mean = sum / mass;
        if 2.0 * mean * mean <= square / mass { 0.0 } else { mean as f32 }
    };
    sums.into_iter().zip(squares).map(of).collect()
}

impl Blocks {
    /// Adds what others left: `theirs` moves from its origin to this one.
    pub(super) fn merge(&mut self, theirs: &Self, mass: f64) {
        let dim = self.sums.len();
        let ways = self.origin.iter().zip(&theirs.origin);
        let way: Vec<f64> = ways.map(|(&to, &from)| f64::from(from) - f64::from(to)).collect();
        for i in 0..dim {
            for j in 0..=i {
                let moved =
                    theirs.sums[i] * way[j] + way[i] * theirs.sums[j] + mass * way[i] * way[j];
                self.products[i * dim + j] += theirs.products[i * dim + j] + moved;
            }
        }
        for ((sum, theirs), way) in self.sums.iter_mut().zip(&theirs.sums).zip(&way) {
            *sum += theirs + mass * way;
        }
    }

    pub(super) fn shrink(&mut self, factor: f64) {
        self.sums.iter_mut().chain(&mut self.products).for_each(|sum| *sum *= factor);
    }
}
