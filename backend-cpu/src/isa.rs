//! Instruction sets: which there are, which this machine has, and the one way into each.
//!
//! A kernel is a [`Task`]: written once over [`Lanes`], instantiated per instruction set. The
//! functions `on_*` below carry the `#[target_feature]`; everything a task calls is
//! `#[inline(always)]` and so is compiled with the features of the entry.

use enfold_core::Element;

use crate::lanes::{Lanes, Scalar};

/// A level of vector instructions.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isa {
    /// No intrinsics: arrays, and what the compiler makes of them. Everywhere.
    Scalar,
    /// x86-64 with AVX2 and FMA: 8 lanes.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL: 16 lanes.
    Avx512,
    /// AVX-512 and the matrix unit AMX with bf16, which Linux lends on request.
    Amx,
    /// 64-bit Arm with Advanced SIMD: 4 lanes.
    Neon,
    /// WebAssembly `simd128`: 4 lanes, no fused multiply-add.
    WasmSimd128,
}

impl Isa {
    /// Every level, the best last.
    pub const ALL: [Self; 6] =
        [Self::Scalar, Self::WasmSimd128, Self::Neon, Self::Avx2, Self::Avx512, Self::Amx];

    /// The best level of this machine: asked at run time with `std`, else what it was compiled
    /// for.
    #[must_use]
    pub fn detect() -> Self {
        Self::ALL.into_iter().rev().find(|isa| isa.is_available()).unwrap_or(Self::Scalar)
    }

    /// Whether this machine has this level.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            Self::Avx2 => has_avx2(),
            Self::Avx512 => has_avx512(),
            Self::Amx => has_amx(),
            Self::Neon => cfg!(all(target_arch = "aarch64", target_feature = "neon")),
            Self::WasmSimd128 => cfg!(all(target_arch = "wasm32", target_feature = "simd128")),
        }
    }
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
fn has_avx2() -> bool {
    std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma")
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(crate) fn has_avx512() -> bool {
    has_avx2()
        && std::is_x86_feature_detected!("avx512f")
        && std::is_x86_feature_detected!("avx512bw")
        && std::is_x86_feature_detected!("avx512dq")
        && std::is_x86_feature_detected!("avx512vl")
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
fn has_amx() -> bool {
    crate::lanes::amx::Amx::get().is_some()
}

#[cfg(not(all(target_arch = "x86_64", feature = "std")))]
fn has_amx() -> bool {
    false
}

#[cfg(not(all(target_arch = "x86_64", feature = "std")))]
fn has_avx2() -> bool {
    cfg!(all(target_arch = "x86_64", target_feature = "avx2", target_feature = "fma"))
}

#[cfg(not(all(target_arch = "x86_64", feature = "std")))]
fn has_avx512() -> bool {
    cfg!(all(
        target_arch = "x86_64",
        target_feature = "avx2",
        target_feature = "fma",
        target_feature = "avx512f",
        target_feature = "avx512bw",
        target_feature = "avx512dq",
        target_feature = "avx512vl"
    ))
}

/// A kernel, written once for all lanes.
///
/// `S` vectors make the 16 running sums of a distance; a register tile of the filter is `V`
/// vectors of points by `G` rows of y. They are parameters because an associated constant
/// cannot be the length of an array.
pub(crate) trait Task<E: Element> {
    /// What it returns.
    type Out;

    /// The kernel. Implementations are `#[inline(always)]`.
    fn run<L: Lanes<E = E>, const S: usize, const V: usize, const G: usize>(
        self,
        lanes: L,
    ) -> Self::Out;
}

/// Elements with a way into their lanes.
pub(crate) trait Native: Element {
    /// Runs a task on the lanes of a level, which must be available: [`Cpu::isa`](crate::Cpu::isa)
    /// gives no other.
    fn enter<K: Task<Self>>(isa: Isa, task: K) -> K::Out;
}

impl Native for f32 {
    fn enter<K: Task<Self>>(isa: Isa, task: K) -> K::Out {
        debug_assert!(isa.is_available());
        match isa {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the level is that of a `Cpu`: `with_isa` asked for its features, or `detect` did.
            Isa::Avx2 => unsafe { x86::f32_on_avx2(task) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Isa::Avx512 | Isa::Amx => unsafe { x86::f32_on_avx512(task) },
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Isa::Neon => task.run::<_, 4, 4, 6>(crate::lanes::neon::Neon::new()),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Isa::WasmSimd128 => task.run::<_, 4, 2, 4>(crate::lanes::wasm::Simd128::new()),
            _ => task.run::<_, 2, 1, 4>(Scalar::<f32>::new()),
        }
    }
}

impl Native for f64 {
    fn enter<K: Task<Self>>(isa: Isa, task: K) -> K::Out {
        match isa {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the level is that of a `Cpu`: `with_isa` asked for its features, or `detect` did.
            Isa::Avx2 => unsafe { x86::f64_on_avx2(task) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Isa::Avx512 | Isa::Amx => unsafe { x86::f64_on_avx512(task) },
            _ => task.run::<_, 2, 1, 4>(Scalar::<f64>::new()),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Scalar, Task};
    use crate::lanes::{avx2::Avx2, avx512::Avx512};

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn f32_on_avx2<K: Task<f32>>(task: K) -> K::Out {
        // SAFETY: this function is compiled for the features, so its caller vouches for them.
        task.run::<_, 2, 2, 6>(unsafe { Avx2::new() })
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) fn f32_on_avx512<K: Task<f32>>(task: K) -> K::Out {
        // SAFETY: this function is compiled for the features, so its caller vouches for them.
        task.run::<_, 1, 2, 12>(unsafe { Avx512::new() })
    }

    /// Arrays of f64, which the compiler may keep in 256-bit registers here.
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn f64_on_avx2<K: Task<f64>>(task: K) -> K::Out {
        task.run::<_, 2, 1, 4>(Scalar::<f64>::new())
    }

    /// Arrays of f64, which the compiler may keep in 512-bit registers here.
    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) fn f64_on_avx512<K: Task<f64>>(task: K) -> K::Out {
        task.run::<_, 2, 1, 4>(Scalar::<f64>::new())
    }
}
