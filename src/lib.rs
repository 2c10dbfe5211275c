//! enfold
pub use enfold_core::*;
