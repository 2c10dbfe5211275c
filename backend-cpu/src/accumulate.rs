//! Integer sums by label.

use enfold_core::host::{mass_of, scatter_of, weighted};
use enfold_core::{Element, NONE, Rows};

use crate::isa::{Isa, Native, Task};
use crate::lanes::{Lanes, MOST};

/// What is summed: rows of x from `rows.start()` on, their labels and weights by row number.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a, E> {
    pub(crate) x: Rows<'a, [E]>,
    pub(crate) labels: &'a [u32],
    pub(crate) weights: Option<&'a [E]>,
    pub(crate) origins: Rows<'a, [E]>,
    pub(crate) scale: E,
}

/// Where it is added.
#[derive(Debug)]
pub struct Output<'a> {
    pub(crate) offsets: &'a mut [i64],
    pub(crate) mass: &'a mut [i64],
    pub(crate) scatter: Option<&'a mut [i64]>,
}

/// Elements of x below which a second thread does not pay.
#[cfg(feature = "std")]
const WORTH: usize = 1 << 20;

/// [`accumulate`](enfold_core::Backend::accumulate).
pub(crate) fn accumulate<E: Native>(isa: Isa, input: Input<'_, E>, into: Output<'_>) {
    #[cfg(feature = "std")]
    if input.x.len() * input.x.dim() >= WORTH && rayon::current_num_threads() > 1 {
        return in_parts(isa, input, into);
    }
    E::enter(isa, Add { input, into });
}

/// Sums of one part of the rows.
#[cfg(feature = "std")]
struct Part {
    offsets: Vec<i64>,
    mass: Vec<i64>,
    scatter: Option<Vec<i64>>,
}

/// Private sums for every part of the rows, then added: integers do not mind the order.
#[cfg(feature = "std")]
fn in_parts<E: Native>(isa: Isa, input: Input<'_, E>, into: Output<'_>) {
    use rayon::prelude::*;
    let x = input.x;
    // A part reads at least as much of x as its sums take, and is worth waking a thread for.
    let least = (2 * into.offsets.len()).max(WORTH / 4) / x.dim();
    let parts = (x.len() / least.max(1)).clamp(1, 2 * rayon::current_num_threads());
    if parts == 1 {
        return E::enter(isa, Add { input, into });
    }
    let cut = |part: usize| x.start() + x.len() * part / parts;
    let sums: Vec<Part> = (0..parts)
        .into_par_iter()
        .filter_map(|part| {
            let x = x.range(cut(part), cut(part + 1)).ok()?;
            let mut sum = Part {
                offsets: vec![0; into.offsets.len()],
                mass: vec![0; into.mass.len()],
                scatter: into.scatter.as_ref().map(|scatter| vec![0; scatter.len()]),
            };
            let into = Output {
                offsets: &mut sum.offsets,
                mass: &mut sum.mass,
                scatter: sum.scatter.as_deref_mut(),
            };
            E::enter(isa, Add { input: Input { x, ..input }, into });
            Some(sum)
        })
        .collect();
    let Output { offsets, mass, mut scatter } = into;
    for part in &sums {
        add(offsets, &part.offsets);
        add(mass, &part.mass);
        if let (Some(to), Some(from)) = (scatter.as_deref_mut(), &part.scatter) {
            add(to, from);
        }
    }
}

#[cfg(feature = "std")]
fn add(to: &mut [i64], from: &[i64]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = to.wrapping_add(from);
    }
}

struct Add<'a, 'b, E> {
    input: Input<'a, E>,
    into: Output<'b>,
}

impl<E: Element> Task<E> for Add<'_, '_, E> {
    type Out = ();

    #[inline(always)]
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(self, l: L) {
        let Self { input: Input { x, labels, weights, origins, scale }, mut into } = self;
        let dim = x.dim();
        let one = mass_of(E::one());
        for (i, row) in (x.start()..x.end()).zip(x.as_slice().chunks_exact(dim)) {
            if labels[i] == NONE {
                continue;
            }
            let c = labels[i] as usize;
            let m = weights.map_or(one, |weights| mass_of(weights[i]));
            let sums = &mut into.offsets[c * dim..(c + 1) * dim];
            let origin = origins.row(c);
            into.mass[c] = into.mass[c].wrapping_add(m);
            if m != one {
                let squares = add_weighted(l, row, origin, scale, m, sums);
                if let Some(scatter) = into.scatter.as_deref_mut() {
                    scatter[c] = scatter[c].wrapping_add(scatter_of(squares, m));
                }
            } else if let Some(scatter) = into.scatter.as_deref_mut() {
                let squares = add_row::<L, true>(l, row, origin, scale, sums);
                scatter[c] = scatter[c].wrapping_add(scatter_of(squares, m));
            } else {
                add_row::<L, false>(l, row, origin, scale, sums);
            }
        }
    }
}

/// Adds a row of weight 1; returns the sum of squares where they are wanted.
#[inline(always)]
fn add_row<L: Lanes, const SQUARES: bool>(
    l: L,
    x: &[L::E],
    o: &[L::E],
    scale: L::E,
    sums: &mut [i64],
) -> u64 {
    let mut squares = [0u64; 8];
    let factor = l.splat(scale);
    // What is not below this – NaN too – is rounded and saturated by the scalar path.
    let limit = l.splat(L::E::of_f64(f64::from(i32::MAX - 127)));
    let whole = x.len() / L::WIDTH * L::WIDTH;
    let mut t = 0;
    while t < whole {
        let end = t + L::WIDTH;
        let v = l.mul(l.sub(l.load(&x[t..end]), l.load(&o[t..end])), factor);
        if l.le(l.abs(v), limit).count_ones() as usize == L::WIDTH {
            l.add_rounded::<SQUARES>(v, &mut sums[t..end], &mut squares);
        } else {
            add_each(&x[t..end], &o[t..end], scale, &mut sums[t..end], &mut squares[0]);
        }
        t = end;
    }
    let n = x.len() - t;
    if n > 0 && n <= FEW {
        add_each(&x[t..], &o[t..], scale, &mut sums[t..], &mut squares[0]);
    } else if n > 0 {
        let v = l.mul(l.sub(l.load_part(&x[t..]), l.load_part(&o[t..])), factor);
        if l.le(l.abs(v), limit).count_ones() as usize == L::WIDTH {
            // Apart from the sums: these were just written one by one, which a wide load waits for.
            let mut part = [0i64; MOST];
            l.add_rounded::<SQUARES>(v, &mut part, &mut squares);
            for (sum, part) in sums[t..].iter_mut().zip(part) {
                *sum = sum.wrapping_add(part);
            }
        } else {
            add_each(&x[t..], &o[t..], scale, &mut sums[t..], &mut squares[0]);
        }
    }
    squares.into_iter().fold(0, u64::wrapping_add)
}

/// Elements left over that are not worth a masked vector.
const FEW: usize = 4;

/// The same, one by one.
#[inline(always)]
fn add_each<E: Element>(x: &[E], o: &[E], scale: E, sums: &mut [i64], squares: &mut u64) {
    for ((sum, &x), &o) in sums.iter_mut().zip(x).zip(o) {
        let q = ((x - o) * scale).rint();
        *sum = sum.wrapping_add(q);
        *squares = squares.wrapping_add(q.wrapping_mul(q) as u64);
    }
}

/// Adds a row of any weight; returns the sum of squares.
#[inline(always)]
fn add_weighted<L: Lanes>(
    l: L,
    x: &[L::E],
    o: &[L::E],
    scale: L::E,
    m: i64,
    sums: &mut [i64],
) -> u64 {
    let mut squares = 0u64;
    let rows = x.chunks(MOST).zip(o.chunks(MOST));
    for ((x, o), sums) in rows.zip(sums.chunks_mut(MOST)) {
        let mut rounded = [0i64; MOST];
        squares = squares.wrapping_add(add_row::<L, true>(l, x, o, scale, &mut rounded[..x.len()]));
        for (sum, q) in sums.iter_mut().zip(rounded) {
            *sum = sum.wrapping_add(weighted(q, m));
        }
    }
    squares
}
