//! Local search: single swaps that get a start out of a poor optimum.
//!
//! A row is drawn in proportion to what it pays, and takes the place of the centre that can best
//! be spared, if that lowers the cost (Lattanzi, Sohler: "A better k-means++ algorithm via local
//! search", 2019). Two centres in one cluster and none in another – where Lloyd's iteration gets
//! stuck for good – is mended by one swap.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use num_traits::Zero;

use super::door::Input;
use super::potential::Potential;
use crate::backend::Alloc;
use crate::element::Element;
use crate::error::Error;
use crate::random::Draws;
use crate::rows::{Metric, Pairs};

/// Purpose of draws.
const SWAPS: u32 = 0x4B4D_0005;
/// What a swap has to save, as a share of the cost: sums of floats are no truer than that.
const WORTH: f64 = 1e-6;

/// What every row pays, and what it would pay without its centre.
struct Paid<'a, B: Alloc> {
    now: Potential<'a, B::Elem>,
    second: Vec<B::Elem>,
    owner: Vec<u32>,
}

/// Tries `steps` swaps on `centers`. `O(n·dim)` each, and `O(n·k·dim)` for each one made.
pub(super) fn improve<B: Alloc>(
    input: &Input<'_, B>,
    centers: &mut [B::Elem],
    steps: u32,
    seed: u64,
) -> Result<(), Error<B::Error>> {
    if steps == 0 {
        return Ok(());
    }
    let (draws, dim) = (Draws::new(seed, SWAPS), input.dim);
    let mut candidate: B::Owned<B::Elem> = input.alloc(dim)?;
    let mut gaps = vec![B::Elem::zero(); input.n];
    let mut paid = look(input, centers)?;
    for step in 0..steps {
        let Some(row) = paid.now.pick(draws.unit64(u64::from(step), 0)) else { break };
        input.copy_row(row, candidate.borrow_mut(), 0)?;
        let y = crate::rows::rows::<B>(candidate.borrow(), dim)?;
        let pairs = Pairs::new(input.rows()?, y, Metric::SqEuclidean)?;
        input.backend.distances(pairs, &mut gaps).map_err(Error::Backend)?;
        let (spare, cost) = cheapest(input, &paid, &gaps, centers.len() / dim);
        if cost < paid.now.total() * (1.0 - WORTH) {
            let center = &mut centers[spare * dim..(spare + 1) * dim];
            input.backend.read(candidate.borrow(), 0, center).map_err(Error::Backend)?;
            paid = look(input, centers)?;
        }
    }
    Ok(())
}

/// The nearest two centres of every row.
fn look<'a, B: Alloc>(
    input: &'a Input<'_, B>,
    centers: &[B::Elem],
) -> Result<Paid<'a, B>, Error<B::Error>> {
    let mut on: B::Owned<B::Elem> = input.alloc(centers.len())?;
    input.backend.write(on.borrow_mut(), 0, centers).map_err(Error::Backend)?;
    let y = crate::rows::rows::<B>(on.borrow(), input.dim)?;
    let (dist, index) = super::lloyd::nearest(input.backend, input.rows()?, y, 2)?;
    let mut now = Potential::new(input.n, input.weight_host());
    now.dist = dist.iter().step_by(2).copied().collect();
    now.add_up();
    let second = dist.iter().skip(1).step_by(2).copied().collect();
    Ok(Paid { now, second, owner: index.iter().step_by(2).copied().collect() })
}

/// The centre that the candidate had best replace, and the cost then.
///
/// A row pays the least of candidate and centre; those of the replaced centre turn to their
/// second, so each centre has a price of its own and one pass finds them all.
fn cheapest<B: Alloc>(
    input: &Input<'_, B>,
    paid: &Paid<'_, B>,
    gaps: &[B::Elem],
    k: usize,
) -> (usize, f64) {
    let (mut with_all, mut price) = (0.0, vec![0f64; k]);
    for (i, &gap) in gaps.iter().enumerate() {
        let least = |d: B::Elem| if gap < d { gap } else { d }.as_f64() * input.weight(i);
        let kept = least(paid.now.dist[i]);
        with_all += kept;
        if let Some(price) = price.get_mut(paid.owner[i] as usize) {
            *price += least(paid.second[i]) - kept;
        }
    }
    let order = |a: &usize, b: &usize| price[*a].total_cmp(&price[*b]);
    let spare = (0..k).min_by(order).unwrap_or_default();
    (spare, with_all + price[spare])
}
