//! Eight lanes as an array: safe code for every machine, and for `f64`.

use core::marker::PhantomData;

use enfold_core::Element;
use num_traits::Float;

use super::{Lanes, MOST};

const WIDTH: usize = 8;

/// Lanes without intrinsics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scalar<E>(PhantomData<E>);

impl<E: Element> Scalar<E> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

macro_rules! lanewise {
    ($name:ident, |$($a:ident),+| $value:expr) => {
        #[inline(always)]
        fn $name(self, $($a: [E; WIDTH]),+) -> [E; WIDTH] {
            let mut out = [E::default(); WIDTH];
            for t in 0..WIDTH {
                $(let $a = $a[t];)+
                out[t] = $value;
            }
            out
        }
    };
}

impl<E: Element> Lanes for Scalar<E> {
    type E = E;
    type V = [E; WIDTH];
    const WIDTH: usize = WIDTH;

    lanewise!(add, |a, b| a + b);
    lanewise!(sub, |a, b| a - b);
    lanewise!(mul, |a, b| a * b);
    lanewise!(mul_add, |a, b, c| a * b + c);
    lanewise!(abs, |a| Float::abs(a));
    lanewise!(sqrt, |a| Float::sqrt(a));
    lanewise!(min, |a, b| if a < b { a } else { b });
    lanewise!(max, |a, b| if a > b { a } else { b });
    lanewise!(if_less, |a, b, then, other| if a < b { then } else { other });

    #[inline(always)]
    fn splat(self, value: E) -> [E; WIDTH] {
        [value; WIDTH]
    }

    #[inline(always)]
    fn load(self, from: &[E]) -> [E; WIDTH] {
        let mut v = [E::default(); WIDTH];
        v.copy_from_slice(&from[..WIDTH]);
        v
    }

    #[inline(always)]
    fn load_part(self, from: &[E]) -> [E; WIDTH] {
        let mut v = [E::default(); WIDTH];
        for (v, &x) in v.iter_mut().zip(from) {
            *v = x;
        }
        v
    }

    #[inline(always)]
    fn store(self, v: [E; WIDTH], to: &mut [E]) {
        to[..WIDTH].copy_from_slice(&v);
    }

    #[inline(always)]
    fn le(self, a: [E; WIDTH], b: [E; WIDTH]) -> u32 {
        let mut bits = 0;
        for t in 0..WIDTH {
            bits |= u32::from(a[t] <= b[t]) << t;
        }
        bits
    }

    #[inline(always)]
    fn fold(self, v: [E; WIDTH]) -> E {
        let half = [v[0] + v[4], v[1] + v[5], v[2] + v[6], v[3] + v[7]];
        (half[0] + half[2]) + (half[1] + half[3])
    }

    #[inline(always)]
    fn transpose(self, block: &mut [[E; WIDTH]; MOST]) {
        for r in 0..WIDTH {
            for c in 0..r {
                let (a, b) = (block[r][c], block[c][r]);
                (block[r][c], block[c][r]) = (b, a);
            }
        }
    }

    #[inline(always)]
    fn splat_index(self, index: u32) -> [E; WIDTH] {
        let mut lane = E::default();
        bytemuck::bytes_of_mut(&mut lane)[..4].copy_from_slice(&index.to_ne_bytes());
        [lane; WIDTH]
    }

    #[inline(always)]
    fn load_index(self, from: &[u32; MOST]) -> [E; WIDTH] {
        let mut v = [E::default(); WIDTH];
        for (v, index) in v.iter_mut().zip(from) {
            bytemuck::bytes_of_mut(v)[..4].copy_from_slice(&index.to_ne_bytes());
        }
        v
    }

    #[inline(always)]
    fn store_index(self, v: [E; WIDTH], to: &mut [u32; MOST]) {
        for (to, v) in to.iter_mut().zip(v) {
            let mut index = [0; 4];
            index.copy_from_slice(&bytemuck::bytes_of(&v)[..4]);
            *to = u32::from_ne_bytes(index);
        }
    }
}
