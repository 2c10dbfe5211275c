//! Rows within a radius.
