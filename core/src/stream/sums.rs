//! The integer sums of micro-clusters: moving an anchor, uniting two, changing the scale.
//!
//! Let r, w, s be the offset, weight and scatter about an anchor a. About another anchor μ, with
//! δ = μ − a, they are r − wδ, w, and s − 2δ·r + w|δ|² (the parallel-axis rule). What is computed
//! in `f64` here uses only +, −, ×, ÷ and rounding, each one IEEE operation, term by term in
//! order: the same integers on every machine.

use bytemuck::Pod;
use num_traits::Float;

use super::{TILE, Work, elem};
use crate::backend::{Backend, SCATTER_SHIFT, WEIGHT_BITS};
use crate::element::Element;
use crate::error::Error;

/// Bits of an offset as long as the reach √ρ; see the [module](super).
const OFFSET_BITS: i32 = 22;

/// A mass in units of weight.
pub(super) fn weight(mass: i64) -> f64 {
    mass as f64 / f64::from(1u32 << WEIGHT_BITS)
}

/// 2ᵉ, exactly, for |e| ≤ 1022.
pub(super) fn power(e: i32) -> f64 {
    f64::from_bits(((1023 + i64::from(e.clamp(-1022, 1023))) as u64) << 52)
}

/// ⌊log₂ x⌋ for normal x > 0.
pub(super) fn floor_log2(x: f64) -> i32 {
    ((x.to_bits() >> 52) & 0x7ff) as i32 - 1023
}

/// log₂ of the scale that fits a reach: `22 − ⌈log₂ √ρ⌉`.
pub(super) fn exponent_for(reach: f64) -> i32 {
    let floor = floor_log2(reach);
    let ceil = if power(floor) == reach { floor } else { floor + 1 };
    OFFSET_BITS - (ceil + 1).div_euclid(2)
}

/// `value / 2^bits`, rounded half up; times `2^−bits` where bits are negative.
pub(super) fn shift(value: i64, bits: i32) -> i64 {
    match bits {
        ..=-63 => 0,
        -62..=0 => value.wrapping_shl(bits.unsigned_abs()),
        1..=62 => (value >> bits) + ((value >> (bits - 1)) & 1),
        _ => 0,
    }
}

/// One unit of a scatter, in q².
pub(super) fn scatter_unit() -> f64 {
    f64::from(1u32 << SCATTER_SHIFT)
}

/// About another anchor: the change of the offset, and what the scatter loses (in q²).
fn rebase(offset: i64, weight: f64, gap: f64) -> (i64, f64) {
    let moved = offset.wrapping_sub(libm::rint(weight * gap) as i64);
    (moved, 2.0 * gap * offset as f64 - weight * gap * gap)
}

impl<B: Backend> Work<'_, B> {
    /// Scale of the integer sums.
    pub(super) fn scale(&self) -> f64 {
        power(self.head.exponent)
    }

    pub(super) fn mass(&self, c: usize) -> Result<i64, Error<B::Error>> {
        self.integer(self.parts.mass, c)
    }

    pub(super) fn integer(&self, from: &B::Buf<i64>, at: usize) -> Result<i64, Error<B::Error>> {
        let mut one = [0i64];
        self.read(from, at, &mut one)?;
        Ok(one[0])
    }

    pub(super) fn read<T: Pod>(
        &self,
        from: &B::Buf<T>,
        at: usize,
        to: &mut [T],
    ) -> Result<(), Error<B::Error>> {
        self.backend.read(from, at, to).map_err(Error::Backend)
    }

    /// Moves the anchor of micro-cluster c to its mean.
    pub(super) fn settle(&mut self, c: usize) -> Result<(), Error<B::Error>> {
        let (b, scale, weight) = (self.backend, self.scale(), weight(self.mass(c)?));
        let (mut anchor, mut offset) = ([B::Elem::default(); TILE], [0i64; TILE]);
        let mut lost = 0.0;
        for t in (0..self.dim).step_by(TILE) {
            let (at, n) = (c * self.dim + t, TILE.min(self.dim - t));
            self.read(self.parts.anchors, at, &mut anchor[..n])?;
            self.read(self.parts.offsets, at, &mut offset[..n])?;
            for (a, r) in anchor[..n].iter_mut().zip(&mut offset) {
                let old = a.as_f64();
                *a = elem(old + *r as f64 / (weight * scale));
                let (moved, part) = rebase(*r, weight, (a.as_f64() - old) * scale);
                *r = moved;
                lost += part;
            }
            b.write(self.parts.anchors, at, &anchor[..n]).map_err(Error::Backend)?;
            b.write(self.parts.offsets, at, &offset[..n]).map_err(Error::Backend)?;
        }
        let scatter = self.integer(self.parts.scatter, c)?;
        self.put_scatter(c, scatter, lost)
    }

    fn put_scatter(&mut self, c: usize, sum: i64, lost: f64) -> Result<(), Error<B::Error>> {
        let scatter = sum.saturating_sub(libm::rint(lost / scatter_unit()) as i64).max(0);
        self.backend.write(self.parts.scatter, c, &[scatter]).map_err(Error::Backend)
    }

    /// Unites micro-cluster `gone` into `stays`, whose anchor moves to the mean of both.
    pub(super) fn unite(&mut self, stays: usize, gone: usize) -> Result<(), Error<B::Error>> {
        let (b, scale) = (self.backend, self.scale());
        let mass = [self.mass(stays)?, self.mass(gone)?];
        let w = mass.map(weight);
        let mut x = [[B::Elem::default(); TILE]; 2];
        let mut r = [[0i64; TILE]; 2];
        let mut lost = 0.0;
        for t in (0..self.dim).step_by(TILE) {
            let n = TILE.min(self.dim - t);
            for (side, c) in [stays, gone].into_iter().enumerate() {
                self.read(self.parts.anchors, c * self.dim + t, &mut x[side][..n])?;
                self.read(self.parts.offsets, c * self.dim + t, &mut r[side][..n])?;
            }
            for i in 0..n {
                let (pair, sums) = ([x[0][i].as_f64(), x[1][i].as_f64()], [r[0][i], r[1][i]]);
                let inside = sums[0].wrapping_add(sums[1]) as f64 / scale;
                let mean = (w[0] * pair[0] + w[1] * pair[1] + inside) / (w[0] + w[1]);
                x[0][i] = elem(mean);
                let gap = pair.map(|a| (x[0][i].as_f64() - a) * scale);
                let (first, second) =
                    (rebase(sums[0], w[0], gap[0]), rebase(sums[1], w[1], gap[1]));
                r[0][i] = first.0.wrapping_add(second.0);
                lost += first.1 + second.1;
            }
            let at = stays * self.dim + t;
            b.write(self.parts.anchors, at, &x[0][..n]).map_err(Error::Backend)?;
            b.write(self.parts.offsets, at, &r[0][..n]).map_err(Error::Backend)?;
        }
        let scatter = self.integer(self.parts.scatter, stays)?;
        let sum = scatter.saturating_add(self.integer(self.parts.scatter, gone)?);
        b.write(self.parts.mass, stays, &[mass[0].wrapping_add(mass[1])])
            .map_err(Error::Backend)?;
        self.put_scatter(stays, sum, lost)
    }

    /// Changes the price; the sums follow where the scale changes.
    pub(super) fn set_price(&mut self, price: f64) -> Result<(), Error<B::Error>> {
        // As an element, because rows are compared with it as one.
        let least = B::Elem::min_positive_value();
        let most = B::Elem::max_value();
        self.head.price = elem::<B::Elem>(price).max(least).min(most).as_f64();
        let exponent = exponent_for(self.head.reach());
        let bits = self.head.exponent - exponent;
        self.head.exponent = exponent;
        if bits == 0 { Ok(()) } else { self.shift_sums(0, bits, 2 * bits) }
    }

    /// Shifts every sum down: masses, offsets, scatters by that many bits.
    pub(super) fn shift_sums(
        &mut self,
        mass: i32,
        offset: i32,
        scatter: i32,
    ) -> Result<(), Error<B::Error>> {
        let (b, len) = (self.backend, self.head.len);
        shift_all(b, self.parts.mass, len, mass)?;
        shift_all(b, self.parts.offsets, len * self.dim, offset)?;
        shift_all(b, self.parts.scatter, len, scatter)
    }

    /// Moves micro-cluster `from` to slot `to`.
    pub(super) fn relocate(&mut self, from: usize, to: usize) -> Result<(), Error<B::Error>> {
        let (b, dim) = (self.backend, self.dim);
        relocate::<B, B::Elem>(b, self.parts.anchors, from * dim, to * dim, dim)?;
        relocate::<B, i64>(b, self.parts.offsets, from * dim, to * dim, dim)?;
        relocate::<B, i64>(b, self.parts.mass, from, to, 1)?;
        relocate::<B, i64>(b, self.parts.scatter, from, to, 1)?;
        self.parts.micro[to] = self.parts.micro[from];
        Ok(())
    }

    /// Exchanges two micro-clusters.
    pub(super) fn swap(&mut self, a: usize, b: usize) -> Result<(), Error<B::Error>> {
        if a == b {
            return Ok(());
        }
        let (on, dim) = (self.backend, self.dim);
        swap_rows::<B, B::Elem>(on, self.parts.anchors, a * dim, b * dim, dim)?;
        swap_rows::<B, i64>(on, self.parts.offsets, a * dim, b * dim, dim)?;
        swap_rows::<B, i64>(on, self.parts.mass, a, b, 1)?;
        swap_rows::<B, i64>(on, self.parts.scatter, a, b, 1)?;
        self.parts.micro.swap(a, b);
        Ok(())
    }

    /// Closes the gaps: keeps the micro-clusters that `alive` says, in no stated order.
    pub(super) fn compact(
        &mut self,
        mut alive: impl FnMut(&Self, usize) -> Result<bool, Error<B::Error>>,
    ) -> Result<(), Error<B::Error>> {
        let mut slot = 0;
        while slot < self.head.len {
            if alive(self, slot)? {
                slot += 1;
                continue;
            }
            self.head.len -= 1;
            let last = self.head.len;
            if last != slot {
                self.relocate(last, slot)?;
            }
        }
        self.clear_from(self.head.len)
    }

    /// Empties the slots from `first` on: folds and sums start from nothing there.
    pub(super) fn clear_from(&mut self, first: usize) -> Result<(), Error<B::Error>> {
        let (b, zero, end) = (self.backend, [0i64; TILE], self.sizes.capacity);
        let clear = |buf: &mut B::Buf<i64>, width: usize| {
            for at in (first * width..end * width).step_by(TILE) {
                let n = TILE.min(end * width - at);
                b.write(buf, at, &zero[..n]).map_err(Error::Backend)?;
            }
            Ok::<_, Error<B::Error>>(())
        };
        clear(self.parts.offsets, self.dim)?;
        clear(self.parts.mass, 1)?;
        clear(self.parts.scatter, 1)
    }
}

fn shift_all<B: Backend>(
    b: &B,
    buf: &mut B::Buf<i64>,
    len: usize,
    bits: i32,
) -> Result<(), Error<B::Error>> {
    let mut tile = [0i64; TILE];
    if bits == 0 {
        return Ok(());
    }
    for at in (0..len).step_by(TILE) {
        let tile = &mut tile[..TILE.min(len - at)];
        b.read(buf, at, tile).map_err(Error::Backend)?;
        for value in tile.iter_mut() {
            *value = shift(*value, bits);
        }
        b.write(buf, at, tile).map_err(Error::Backend)?;
    }
    Ok(())
}

fn relocate<B: Backend, T: Pod>(
    b: &B,
    buf: &mut B::Buf<T>,
    from: usize,
    to: usize,
    len: usize,
) -> Result<(), Error<B::Error>> {
    let mut tile = [T::zeroed(); TILE];
    for at in (0..len).step_by(TILE) {
        let tile = &mut tile[..TILE.min(len - at)];
        b.read(buf, from + at, tile).map_err(Error::Backend)?;
        b.write(buf, to + at, tile).map_err(Error::Backend)?;
    }
    Ok(())
}

fn swap_rows<B: Backend, T: Pod>(
    b: &B,
    buf: &mut B::Buf<T>,
    first: usize,
    second: usize,
    len: usize,
) -> Result<(), Error<B::Error>> {
    let mut tiles = [[T::zeroed(); TILE]; 2];
    for at in (0..len).step_by(TILE) {
        let n = TILE.min(len - at);
        b.read(buf, first + at, &mut tiles[0][..n]).map_err(Error::Backend)?;
        b.read(buf, second + at, &mut tiles[1][..n]).map_err(Error::Backend)?;
        b.write(buf, first + at, &tiles[1][..n]).map_err(Error::Backend)?;
        b.write(buf, second + at, &tiles[0][..n]).map_err(Error::Backend)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_keeps_offsets_below_22_bits() {
        for reach in [1e-44f32, 1e-20, 0.25, 0.3, 1.0, 1.5, 2.0, 4.0, 7.0, 1e20, 3e38] {
            let longest = f64::from(reach).sqrt() * power(exponent_for(f64::from(reach)));
            assert!((2f64.powi(21)..=2f64.powi(22)).contains(&longest), "{reach} {longest}");
        }
    }

    #[test]
    fn shifts_round_half_up() {
        assert_eq!([5, 6, -5, -6, 7].map(|v| shift(v, 2)), [1, 2, -1, -1, 2]);
        assert_eq!(shift(3, -2), 12);
        assert_eq!((shift(i64::MAX, 62), shift(i64::MIN, 70)), (2, 0));
    }
}
