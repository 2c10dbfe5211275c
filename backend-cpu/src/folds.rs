//! The folds of the contract over the tiers.

#[cfg(feature = "std")]
mod blocks;
pub(crate) mod labels;
pub(crate) mod nearest;
pub(crate) mod within;
