//! Whether a device's distances are the defined ones, to the bit: asked of the device itself.

use enfold_core::distance::distance;
use enfold_core::random::Draws;
use enfold_core::{Alloc, Backend, Metric, Pairs, rows};

use crate::Wgpu;
use crate::error::WgpuError;
use crate::shader::Form;

const ROWS: usize = 48;

impl Wgpu {
    /// Whether this device gives the numbers of [`distance`] bit for bit on a set of rows made to
    /// show it: sums that round, products that a fused multiply-add would not round, subnormal
    /// numbers, square roots and quotients. `O(1)`, a few milliseconds.
    ///
    /// A sample, not a proof; the suite's `ieee` law asks far more.
    ///
    /// # Errors
    /// The device's.
    pub fn is_exact(&self) -> Result<bool, WgpuError> {
        for (dim, factor) in [(7, 1.0), (19, 1.0), (67, 3e5), (33, 1e-19), (6, 1e-39)] {
            let data = sample(dim, factor);
            let mut buf = self.alloc::<f32>(data.len())?;
            self.write(&mut buf, 0, &data)?;
            for metric in Metric::ALL.into_iter().filter(|&m| Form::of(m).is_some()) {
                if !self.agrees(&buf, &data, dim, metric)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn agrees(
        &self,
        buf: &crate::WgpuBuf<f32>,
        data: &[f32],
        dim: usize,
        metric: Metric,
    ) -> Result<bool, WgpuError> {
        let shape = |e: enfold_core::ShapeError| WgpuError::Device(e.to_string());
        let all = rows::<Self>(buf, dim).map_err(shape)?;
        let mut found = vec![0f32; ROWS * ROWS];
        self.distances(Pairs::new(all, all, metric).map_err(shape)?, &mut found)?;
        let row = |i: usize| &data[i * dim..(i + 1) * dim];
        let same = |(at, d): (usize, &f32)| {
            d.to_bits() == distance(metric, row(at / ROWS), row(at % ROWS)).to_bits()
        };
        Ok(found.iter().enumerate().all(same))
    }
}

/// Rows of uniform numbers times `factor`.
fn sample(dim: usize, factor: f32) -> Vec<f32> {
    let draws = Draws::new(1, dim as u32);
    (0..(ROWS * dim) as u64).map(|at| (2.0 * draws.unit(at, 0) - 1.0) * factor).collect()
}
