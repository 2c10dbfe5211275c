//! Median splits, in place.
//!
//! Every node is partitioned *stably*, so rows of equal key stay in the order of their numbers
//! and the result does not depend on how a median is found. Keys are offsets from the low side
//! of the node's box, rounded to `f32` and read as integers: any monotone key cuts well, and
//! selecting among 32-bit integers is fast.

use alloc::vec;
use alloc::vec::Vec;

use super::{Node, Order, boxes};
use crate::element::Element;

/// Buffers for the largest node.
struct Scratch<T> {
    keys: Vec<u32>,
    sorted: Vec<u32>,
    rows: Vec<u32>,
    data: Vec<T>,
}

/// Brings `data` and the numbers of its rows into order and fills in the boxes.
pub(super) fn build<T: Element>(order: &mut Order<T>, data: &mut [T]) {
    order.boxes = vec![T::zero(); order.nodes() * 2 * order.dim];
    let mut scratch = Scratch {
        keys: Vec::with_capacity(order.len),
        sorted: Vec::with_capacity(order.len),
        rows: Vec::with_capacity(order.len.div_ceil(2)),
        data: Vec::with_capacity(order.len.div_ceil(2) * order.dim),
    };
    if let Some(root) = order.root() {
        split(order, data, root, &mut scratch);
    }
}

fn split<T: Element>(order: &mut Order<T>, data: &mut [T], node: Node, scratch: &mut Scratch<T>) {
    let dim = order.dim;
    let (start, end) = order.span(node);
    let (start, end) = (start as usize, end as usize);
    let rows = &mut data[start * dim..end * dim];
    let bounds = &mut order.boxes[node.index() * 2 * dim..][..2 * dim];
    boxes::around(rows, bounds);
    let Some([left, right]) = node.halves() else { return };
    if let Some((t, low)) = widest(bounds.split_at(dim)) {
        let left_rows = order.span(left).1 as usize - start;
        find_keys(rows, (dim, t), low, &mut scratch.keys);
        let cut = median(scratch, left_rows);
        partition(rows, &mut order.rows[start..end], dim, cut, scratch);
    }
    // A node of equal rows needs no cut, nor does any below it, but boxes.
    split(order, data, left, scratch);
    split(order, data, right, scratch);
}

/// The widest coordinate and its lowest value; none where all rows are equal.
fn widest<T: Element>((low, high): (&[T], &[T])) -> Option<(usize, f64)> {
    let mut best = (0.0, None);
    for (t, (low, high)) in low.iter().zip(high).enumerate() {
        let width = high.as_f64() - low.as_f64();
        if width > best.0 {
            best = (width, Some((t, low.as_f64())));
        }
    }
    best.1
}

/// Bits of a number that is not negative ascend with it.
fn find_keys<T: Element>(rows: &[T], (dim, t): (usize, usize), low: f64, keys: &mut Vec<u32>) {
    keys.clear();
    keys.extend(rows[t..].iter().step_by(dim).map(|v| ((v.as_f64() - low) as f32).to_bits()));
}

/// Which rows go left: keys below the pivot, and the first `equal` of those equal to it.
struct Cut {
    pivot: u32,
    equal: usize,
    /// How many that is.
    left: usize,
}

/// The cut that sends `left` rows to the left, fewer than there are.
fn median<T>(scratch: &mut Scratch<T>, left: usize) -> Cut {
    let Scratch { keys, sorted, .. } = scratch;
    sorted.clear();
    sorted.extend_from_slice(keys);
    let (_, &mut pivot, _) = sorted.select_nth_unstable(left);
    let below = sorted[..left].iter().filter(|&&key| key < pivot).count();
    Cut { pivot, equal: left - below, left }
}

/// Moves rows to their sides; both keep their order.
fn partition<T: Element>(
    data: &mut [T],
    rows: &mut [u32],
    dim: usize,
    cut: Cut,
    scratch: &mut Scratch<T>,
) {
    match dim {
        2 => partition_arrays::<T, 2>(data, rows, cut, scratch),
        3 => partition_arrays::<T, 3>(data, rows, cut, scratch),
        4 => partition_arrays::<T, 4>(data, rows, cut, scratch),
        _ => partition_slices(data, rows, dim, cut, scratch),
    }
}

/// Rows of a length that the compiler knows. Which side a row goes to cannot be guessed, so it is
/// written to both, and only one of the two moves on.
fn partition_arrays<T: Element, const D: usize>(
    data: &mut [T],
    rows: &mut [u32],
    mut cut: Cut,
    scratch: &mut Scratch<T>,
) {
    let (data, _) = data.as_chunks_mut::<D>();
    let most = data.len() - cut.left + 1;
    scratch.rows.resize(most, 0);
    scratch.data.resize(most * D, T::zero());
    let (aside, _) = scratch.data.as_chunks_mut::<D>();
    let (mut to, mut right) = (0, 0);
    for (from, &key) in scratch.keys.iter().enumerate() {
        let (row, number) = (data[from], rows[from]);
        let tie = (key == cut.pivot) & (cut.equal > 0);
        cut.equal -= usize::from(tie);
        (data[to], rows[to]) = (row, number);
        (aside[right], scratch.rows[right]) = (row, number);
        let left = (key < cut.pivot) | tie;
        to += usize::from(left);
        right += usize::from(!left);
    }
    rows[to..].copy_from_slice(&scratch.rows[..right]);
    data[to..].copy_from_slice(&aside[..right]);
}

/// The same for rows of any length.
fn partition_slices<T: Element>(
    data: &mut [T],
    rows: &mut [u32],
    dim: usize,
    mut cut: Cut,
    scratch: &mut Scratch<T>,
) {
    scratch.rows.clear();
    scratch.data.clear();
    let mut to = 0;
    for (from, &key) in scratch.keys.iter().enumerate() {
        let tie = key == cut.pivot && cut.equal > 0;
        cut.equal -= usize::from(tie);
        if key < cut.pivot || tie {
            data.copy_within(from * dim..(from + 1) * dim, to * dim);
            rows[to] = rows[from];
            to += 1;
        } else {
            scratch.data.extend_from_slice(&data[from * dim..(from + 1) * dim]);
            scratch.rows.push(rows[from]);
        }
    }
    rows[to..].copy_from_slice(&scratch.rows);
    data[to * dim..].copy_from_slice(&scratch.data);
}
