//! # enfold-cpu: folds over distances on a CPU
//!
//! Every fold decides on the canonical distances of [`enfold_core::distance`] and returns them,
//! so results have the same bits on every instruction set, in every batch, for any number of
//! threads. There are two ways to get there:
//!
//! - the **direct** tier computes canonical distances at vector width: every metric, no heap,
//!   also without the standard library; up to eight coordinates, rows stand in lanes;
//! - the **filter** tier (feature `std`, Euclidean, more than eight coordinates) computes a
//!   lower bound of each distance by fused multiply-adds on packed panels, and canonical
//!   distances only for the pairs that the bounds do not decide.
//!
//! | level | lanes of f32 | register tile, points × rows of y |
//! |---|---|---|
//! | AVX-512 with AMX | 16 | 32 × 32, products of bf16, for `nearest` |
//! | AVX-512 | 16 | 32 × 12 |
//! | AVX2 + FMA | 8 | 16 × 6 |
//! | NEON | 4 | 16 × 6 |
//! | wasm `simd128` | 4 | 8 × 4 |
//! | scalar, `f64` | arrays of 8 | 8 × 4 |
//!
//! Threads: with `std`, large calls cut the rows of x into chunks for the pool that the caller
//! runs in – rayon's default pool otherwise. No pool is built and nothing spins. A caller outside the
//! pool works beside its threads and is one more than there are cores: what calls often – UMAP does
//! thousands of times – scales better inside `rayon::scope` or `ThreadPool::install`.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(feature = "std"),
    allow(dead_code, unused_imports, reason = "without a heap only the direct tier is built")
)]
// Kernels index registers by constants; iterators there hide which register is meant.
#![allow(clippy::needless_range_loop, reason = "register tiles are indexed by constants")]

use core::marker::PhantomData;

use enfold_core::Element;

mod accumulate;
mod backend;
#[cfg(feature = "std")]
mod bounds;
mod direct;
#[cfg(feature = "std")]
mod filter;
mod folds;
mod isa;
mod lanes;
#[cfg(feature = "std")]
mod layout;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
mod matrix;
#[cfg(feature = "std")]
mod pack;
mod small;
mod sums;
mod sweep;
mod threads;

pub use backend::Folds;
pub use isa::Isa;

/// The CPU: `Buf<T>` is `[T]`, nothing can fail.
///
/// ```
/// use enfold_cpu::{Cpu, Isa};
///
/// let cpu = Cpu::<f32>::new();
/// assert_eq!(cpu.isa(), Isa::detect());
/// assert!(Cpu::<f32>::with_isa(Isa::Scalar).is_some());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu<T> {
    /// A level to use instead of the best one; it was found available.
    forced: Option<Isa>,
    element: PhantomData<T>,
}

impl<T: Element> Cpu<T> {
    /// The CPU this runs on, at its best level.
    #[must_use]
    pub const fn new() -> Self {
        Self { forced: None, element: PhantomData }
    }

    /// The CPU this runs on, held to one level; None where it has not got it.
    #[must_use]
    pub fn with_isa(isa: Isa) -> Option<Self> {
        isa.is_available().then_some(Self { forced: Some(isa), element: PhantomData })
    }

    /// The level in use.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.forced.unwrap_or_else(Isa::detect)
    }
}

/// Rows that the filter certified or swept again since the last call: (all, again). For reports.
#[cfg(feature = "std")]
#[doc(hidden)]
#[must_use]
pub fn take_tally() -> (u64, u64) {
    folds::nearest::take_tally()
}
