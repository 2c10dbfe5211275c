//! The laws: what every backend signs, each a function that panics where it is broken.
//!
//! A law walks the [cases] and names the case in its message. Three comparisons
//! meet in each fold: the override, the provided body it replaces (through
//! [`Bare`](super::decorators::Bare)), and the [oracle](super::oracle).

mod arrange;
mod distances;
mod memory;
mod nearest;
mod sums;
mod whole;
mod within;

pub use arrange::*;
pub use distances::*;
pub use memory::*;
pub use nearest::*;
pub use sums::*;
pub use whole::*;
pub use within::*;

use crate::backend::Alloc;

use super::bed::Bed;
use super::cases::{self, Case};

/// Runs `check` on every case.
fn each<B: Alloc>(b: &B, check: impl FnMut(&Bed<'_, B>)) {
    on(b, cases::all(), check);
}

/// Runs `check` on some cases.
fn on<B: Alloc>(b: &B, cases: impl Iterator<Item = Case>, mut check: impl FnMut(&Bed<'_, B>)) {
    cases.for_each(|case| check(&Bed::new(b, case)));
}
