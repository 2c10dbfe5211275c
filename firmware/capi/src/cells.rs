//! The cells alone, linked to see what score and learn take of the flash, and that they cannot
//! panic.

use enfold_core::anomaly::{Cell, Cells, Near};

/// One copy for both, as in a firmware that is short of flash.
#[inline(never)]
fn nearest<T: Cell>(cells: &Cells<T, 8, 16>, row: &[T; 16]) -> Option<Near> {
    cells.nearest(row)
}

fn score<T: Cell>(cells: &Cells<T, 8, 16>, row: &[T; 16]) -> f32 {
    nearest(cells, row).map_or(-1.0, |near| near.square)
}

fn learn<T: Cell>(cells: &mut Cells<T, 8, 16>, row: &[T; 16]) {
    if let Some(near) = nearest(cells, row) {
        cells.follow(near.cell, row, 10);
    }
}

/// The squared distance to the nearest of eight cells of sixteen coordinates; −1 without cells.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub fn cells_score_f32(cells: &Cells<f32, 8, 16>, row: &[f32; 16]) -> f32 {
    score(cells, row)
}

/// The same for fixed point.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub fn cells_score_i16(cells: &Cells<i16, 8, 16>, row: &[i16; 16]) -> f32 {
    score(cells, row)
}

/// The nearest cell follows the row.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub fn cells_learn_f32(cells: &mut Cells<f32, 8, 16>, row: &[f32; 16]) {
    learn(cells, row);
}

/// The same for fixed point.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub fn cells_learn_i16(cells: &mut Cells<i16, 8, 16>, row: &[i16; 16]) {
    learn(cells, row);
}
