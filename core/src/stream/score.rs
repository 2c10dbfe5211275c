//! How unusual a row is, judged by the micro-clusters.

use super::{Stream, TILE, Work, elem, sums};
use crate::backend::{Backend, NONE, Values};
use crate::element::Element;
use crate::error::{Error, ShapeError};
use crate::rows::Rows;
use crate::store::Store;

impl<B: Backend, S: Store<B>> Stream<B, S> {
    /// The anomaly score of each row: `|x − μ| / rms radius`, for the micro-cluster with the
    /// nearest anchor. About 1 is usual.
    ///
    /// A micro-cluster of few rows says little about its radius; one row's worth of the radius
    /// common to all is mixed in. NaN for a row that is not finite, ∞ where nothing is known or
    /// where every radius is 0 and the row is elsewhere. `O(K·dim)` per row. Takes `&mut self`
    /// for the batch buffers only: the state does not change.
    ///
    /// ```
    /// use enfold_core::{Fixed, Rows, Stream, StreamOptions, StreamState};
    /// use enfold_cpu::Cpu;
    ///
    /// let mut stream = Stream::fixed(Cpu::<f32>::new(), StreamOptions::new());
    /// # let _: &Stream<Cpu<f32>, Fixed<f32, 8, 1>> = &stream;
    /// for t in 0..200u32 {
    ///     stream.push(Rows::new(&[(t % 10) as f32 * 0.1], 1)?, None)?;
    /// }
    /// let (rows, mut scores) = ([0.5f32, 5.0], [0.0; 2]);
    /// stream.score(Rows::new(&rows[..], 1)?, &mut scores)?;
    /// assert!(scores[0] < 2.0 && scores[1] > 10.0, "{scores:?}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Rows of another dim, `out` of another length; the machine's.
    pub fn score(
        &mut self,
        rows: Rows<'_, Values<B>>,
        out: &mut [B::Elem],
    ) -> Result<(), Error<B::Error>> {
        ShapeError::check("dim of rows", self.dim, rows.dim())?;
        ShapeError::check("scores", rows.len(), out.len())?;
        self.check_whole()?;
        self.work().score(rows, out)
    }
}

impl<B: Backend> Work<'_, B> {
    fn score(
        &mut self,
        rows: Rows<'_, Values<B>>,
        out: &mut [B::Elem],
    ) -> Result<(), Error<B::Error>> {
        let common = self.common_radius()?;
        let batch = self.sizes.batch;
        for (part, out) in out.chunks_mut(batch).enumerate() {
            let (from, n, dim) = (rows.start() + part * batch, out.len(), self.dim);
            self.backend
                .copy(rows.data(), from * dim, self.parts.batch, 0, n * dim)
                .map_err(Error::Backend)?;
            self.look_up(0, n)?;
            for (row, out) in out.iter_mut().enumerate() {
                *out = elem(self.score_of(row, common)?);
            }
        }
        Ok(())
    }

    /// Mean squared distance to the anchor over all rows, in x².
    fn common_radius(&self) -> Result<f64, Error<B::Error>> {
        let (mut mass, mut scatter) = (0.0, 0.0);
        for c in 0..self.head.len {
            mass += sums::weight(self.mass(c)?);
            scatter += self.integer(self.parts.scatter, c)? as f64;
        }
        Ok(if mass > 0.0 { scatter * self.scatter_unit() / mass } else { 0.0 })
    }

    /// One unit of a scatter, in x².
    fn scatter_unit(&self) -> f64 {
        sums::scatter_unit() / self.scale() / self.scale()
    }

    fn score_of(&self, row: usize, common: f64) -> Result<f64, Error<B::Error>> {
        let mut index = [NONE];
        self.read(self.parts.index, row, &mut index)?;
        if index[0] == NONE {
            return Ok(if self.head.len == 0 { f64::INFINITY } else { f64::NAN });
        }
        let c = index[0] as usize;
        let (weight, scale) = (sums::weight(self.mass(c)?), self.scale());
        let (mut x, mut a) = ([B::Elem::default(); TILE], [B::Elem::default(); TILE]);
        let mut r = [0i64; TILE];
        let (mut gap, mut shift) = (0.0, 0.0);
        for t in (0..self.dim).step_by(TILE) {
            let n = TILE.min(self.dim - t);
            self.read(self.parts.batch, row * self.dim + t, &mut x[..n])?;
            self.read(self.parts.anchors, c * self.dim + t, &mut a[..n])?;
            self.read(self.parts.offsets, c * self.dim + t, &mut r[..n])?;
            for i in 0..n {
                let step = r[i] as f64 / (weight * scale);
                let away = x[i].as_f64() - a[i].as_f64() - step;
                gap += away * away;
                shift += step * step;
            }
        }
        let scatter = self.integer(self.parts.scatter, c)? as f64 * self.scatter_unit();
        let variance = (scatter - weight * shift).max(0.0);
        let radius = (variance + common) / (weight + 1.0);
        // At a mean of no radius nothing is unusual; elsewhere everything is.
        Ok(if gap == 0.0 { 0.0 } else { libm::sqrt(gap / radius) })
    }
}
