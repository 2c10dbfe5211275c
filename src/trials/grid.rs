//! Every combination of lists of values.

use std::ops::Range;

use super::{Param, Params};

/// The product of lists of values, one list per parameter.
///
/// Combinations come in a fixed order: the last axis changes fastest. An empty list leaves no
/// combination; a grid without axes has one, without parameters.
///
/// ```
/// use enfold::trials::Grid;
/// let grid = Grid::new().axis("eps", [0.1, 0.2]).axis("k", [3, 5]);
/// let all: Vec<String> = grid.iter().map(|params| params.to_string()).collect();
/// assert_eq!(all, ["eps=0.1 k=3", "eps=0.1 k=5", "eps=0.2 k=3", "eps=0.2 k=5"]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grid {
    axes: Vec<(String, Vec<Param>)>,
}

impl Grid {
    /// No axis yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more list of values; an axis of the same name is replaced where it stands.
    #[must_use]
    pub fn axis<P: Into<Param>>(
        mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = P>,
    ) -> Self {
        let (name, values) = (name.into(), values.into_iter().map(Into::into).collect());
        match self.axes.iter_mut().find(|axis| axis.0 == name) {
            Some(axis) => axis.1 = values,
            None => self.axes.push((name, values)),
        }
        self
    }

    /// Number of combinations; `usize::MAX` where there are more than that.
    #[must_use]
    pub fn len(&self) -> usize {
        self.axes.iter().fold(1, |product: usize, axis| product.saturating_mul(axis.1.len()))
    }

    /// Whether there is no combination.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every combination, one after the other.
    #[must_use]
    pub fn iter(&self) -> Combinations<'_> {
        Combinations { grid: self, left: 0..self.len() }
    }

    /// Combination `number`: its digits in the mixed base of the axes' lengths, last axis lowest.
    fn at(&self, number: usize) -> Params {
        let (mut rest, mut params) = (number, Params::new());
        for (name, values) in self.axes.iter().rev() {
            params = params.with(name, values[rest % values.len()].clone());
            rest /= values.len();
        }
        params
    }
}

/// The combinations of a [`Grid`].
#[derive(Debug, Clone)]
pub struct Combinations<'a> {
    grid: &'a Grid,
    left: Range<usize>,
}

impl Iterator for Combinations<'_> {
    type Item = Params;

    fn next(&mut self) -> Option<Params> {
        self.left.next().map(|number| self.grid.at(number))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl ExactSizeIterator for Combinations<'_> {}

impl<'a> IntoIterator for &'a Grid {
    type Item = Params;
    type IntoIter = Combinations<'a>;

    fn into_iter(self) -> Combinations<'a> {
        self.iter()
    }
}
