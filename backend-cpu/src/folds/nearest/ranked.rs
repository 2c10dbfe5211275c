//! The first rows of a list: each goes straight to its rank, the number of those before it.
//!
//! Entered one by one, most rows of the first tile move others that will be moved again, and each
//! waits for the one before. Ranks are counted independently of each other, and only for rows that
//! can be among the first k: where every lane has k / WIDTH rows at most as far as a limit, so
//! have the k first.

use num_traits::Float;

use super::Best;
use crate::direct::TILE;
use crate::lanes::{Lanes, MOST};

/// Enters rows `j + t` for the bits t of `near`, at least one, into the blank list of row `i`, of
/// at most two vectors. Other elements of `dist` are lost.
#[inline(always)]
pub(super) fn enter<L: Lanes>(
    l: L,
    best: &mut Best<'_, L::E>,
    (i, j): (usize, usize),
    near: u64,
    dist: &mut [L::E; TILE],
) {
    let mut far = !near;
    while far != 0 {
        dist[far.trailing_zeros() as usize] = L::E::infinity();
        far &= far - 1;
    }
    let limit = l.splat(enough(l, best.k, dist));
    let mut first = 0;
    for at in (0..TILE).step_by(L::WIDTH) {
        first |= u64::from(l.le(l.load(&dist[at..]), limit)) << at;
    }
    first &= near;
    let (mut of, mut who, mut n) = ([L::E::infinity(); TILE], [0; TILE], 0);
    while first != 0 {
        let t = first.trailing_zeros() as usize;
        first &= first - 1;
        (of[n], who[n]) = (dist[t], (j + t) as u32);
        n += 1;
    }
    let start = (i - best.first) * best.k;
    for c in 0..n {
        let rank = rank(l, &of, n, c);
        if rank < best.k {
            (best.dist[start + rank], best.index[start + rank]) = (of[c], who[c]);
        }
    }
}

/// A distance that k of the elements are at most.
#[inline(always)]
fn enough<L: Lanes>(l: L, k: usize, dist: &[L::E; TILE]) -> L::E {
    let far = l.splat(L::E::infinity());
    let (mut low, mut second) = (far, far);
    for at in (0..TILE).step_by(L::WIDTH) {
        let d = l.load(&dist[at..]);
        second = l.min(l.max(d, low), second);
        low = l.min(d, low);
    }
    let mut each = [-L::E::infinity(); MOST];
    l.store(if k <= L::WIDTH { low } else { second }, &mut each);
    each.into_iter().fold(-L::E::infinity(), |a, b| if b > a { b } else { a })
}

/// How many of the first n are nearer than the c-th, or as near and before it.
#[inline(always)]
fn rank<L: Lanes>(l: L, of: &[L::E; TILE], n: usize, c: usize) -> usize {
    let me = l.splat(of[c]);
    let (mut not_above, mut not_below) = (0u64, 0u64);
    for at in (0..n).step_by(L::WIDTH) {
        let d = l.load(&of[at..]);
        not_above |= u64::from(l.le(d, me)) << at;
        not_below |= u64::from(l.le(me, d)) << at;
    }
    let tied_before = not_below & ((1 << c) - 1);
    (not_above & (!not_below | tied_before)).count_ones() as usize
}
