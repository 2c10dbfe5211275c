//! Rows and centres that folds and algorithms are measured on.

use crate::failure::{Outcome, usage};
use crate::sets::{norm, unif};

/// Rows and centres of a mixture.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) dim: usize,
    pub(crate) x: Vec<f32>,
    pub(crate) y: Vec<f32>,
    /// About as far as the nearest centre of a row in the middle.
    pub(crate) radius: f32,
}

impl Shape {
    /// Rows, elements and centres, by name.
    pub(crate) fn parse(name: &str) -> Outcome<[usize; 3]> {
        let parts: Result<Vec<usize>, _> = name.split('x').map(str::parse).collect();
        let wrong = || format!("--shape {name}: wanted ROWSxELEMENTSxCENTRES, such as 50000x32x64");
        let parts = parts.map_err(|_| usage(wrong()))?;
        let &[n, dim, k] = &parts[..] else { return Err(usage(wrong())) };
        if n == 0
            || dim == 0
            || k == 0
            || k > n
            || n.checked_mul(dim).is_none_or(|all| all > 1 << 31)
        {
            let limits = "all above 0, centres ≤ rows ≤ 2^31 / elements";
            return Err(usage(format!("{}; {limits}", wrong())));
        }
        Ok([n, dim, k])
    }

    pub(crate) fn make([n, dim, k]: [usize; 3]) -> Self {
        let center = |c: usize, t: usize| 4.0 * unif(1, c * dim + t) - 2.0;
        let value = |at: usize| (center(at / dim % k, at % dim) + norm(2, at)) as f32;
        let x: Vec<f32> = (0..n * dim).map(value).collect();
        let y = spread(&x, dim, k);
        let name = format!("{n}x{dim}x{k}");
        let mut new = Self { name, dim, x, y, radius: 0.0 };
        new.radius = new.middle() as f32;
        new
    }

    pub(crate) fn rows(&self) -> usize {
        self.x.len() / self.dim
    }

    pub(crate) fn centers(&self) -> usize {
        self.y.len() / self.dim
    }

    /// The definition: squared distance in f64.
    pub(crate) fn squared(&self, i: usize, j: usize) -> f64 {
        squared(&self.x[i * self.dim..][..self.dim], &self.y[j * self.dim..][..self.dim])
    }

    /// The nearest centre of a row, in f64.
    pub(crate) fn nearest(&self, i: usize) -> f64 {
        (0..self.centers()).map(|j| self.squared(i, j)).fold(f64::INFINITY, f64::min)
    }

    fn middle(&self) -> f64 {
        let mut least: Vec<f64> =
            (0..self.rows()).step_by((self.rows() / 101).max(1)).map(|i| self.nearest(i)).collect();
        least.sort_unstable_by(f64::total_cmp);
        least[least.len() / 2]
    }
}

/// k rows as centres, spread over all.
pub(crate) fn spread(x: &[f32], dim: usize, k: usize) -> Vec<f32> {
    let step = x.len() / dim / k;
    (0..k).flat_map(|c| &x[c * step * dim..][..dim]).copied().collect()
}

/// A squared distance in f64.
pub(crate) fn squared(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}
