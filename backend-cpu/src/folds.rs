//! The folds of the contract over the tiers.

pub(crate) mod labels;
pub(crate) mod nearest;
pub(crate) mod within;
