//! # enfold-core: one idea
//!
//! 1. Everything heavy here is **one thing**: visit distances between rows of x and rows of y,
//!    and fold them per row of x – nearest, count, join, sum by label.
//! 2. So a [`Backend`] is *memory + distances + a handful of folds*. Four functions are required;
//!    every fold has a body on the host, and a backend overrides folds one by one for speed.
//! 3. Every fold is **running**: it merges into the state it is given. That single rule gives
//!    k-means++, streaming, out-of-core data, tiling, several devices and indexes.
//! 4. `Buf<T>` is `[T]` on a CPU and a handle on a device; whoever can lend it – an array, a
//!    slice, a vector, a device allocation – can store state. Firmware, server and GPU share one
//!    implementation.
//! 5. Each algorithm is written once, over the contract, here; backends never know algorithms.
//!
//! ```
//! use enfold_core::{KMeans, Rows};
//! use enfold_cpu::Cpu; // a backend: SIMD and threads; any other does as well
//!
//! let data = [1.0f32, 1.0, 1.2, 0.8, 8.0, 8.0, 8.2, 7.9];
//! let fit = KMeans::new(2).fit(&Cpu::new(), Rows::new(&data[..], 2)?)?;
//! assert_eq!(fit.labels[0], fit.labels[1]);
//! assert_ne!(fit.labels[0], fit.labels[2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! | for | see |
//! |---|---|
//! | clusters of rows in memory | [`KMeans`], [`kmeans`]; [`Dbscan`], [`dbscan`] |
//! | clusters of an endless stream | [`Stream`], [`stream`]; its memory: [`store`] |
//! | near rows, graphs of them, an embedding | [`neighbors`]; [`Umap`], [`umap`] |
//! | how good a result is | [`scores`] |
//! | anomalies on a microcontroller | [`anomaly`]; states that survive a power cut: [`durable`] |
//! | what a distance is, and which there are | [`distance`]; [`Metric`] |
//! | rows as algorithms take them | [`Rows`], [`Pairs`] |
//! | a backend of your own | [`Backend`], [`mod@backend`]; its tests: the feature `conformance` |
//! | an index, several devices, bytes, draws | [`order`], [`Sharded`], [`snapshot`], [`random`] |
//!
//! # Features
//!
//! - `alloc`: what returns vectors – models, fits, reading a model out of a stream.
//! - `std` (default): implies `alloc`.
//! - `serde`: derives on options and models.
//! - `conformance`: the suite that every backend runs.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod anomaly;
pub mod backend;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "alloc")]
pub mod dbscan;
pub mod distance;
#[cfg(feature = "alloc")]
mod door;
pub mod durable;
pub mod element;
pub mod error;
#[cfg(feature = "alloc")]
mod forest;
pub mod host;
#[cfg(feature = "alloc")]
pub mod jobs;
#[cfg(feature = "alloc")]
pub mod kmeans;
pub mod metric;
#[cfg(feature = "alloc")]
pub mod neighbors;
#[cfg(feature = "alloc")]
pub mod order;
pub mod random;
pub mod rows;
#[cfg(feature = "alloc")]
pub mod scores;
#[cfg(feature = "alloc")]
pub mod sharded;
pub mod snapshot;
pub mod state;
pub mod store;
pub mod stream;
#[cfg(feature = "alloc")]
pub mod umap;

pub use backend::{
    Alloc, Backend, Epoch, Graph, Indices, Integers, MAX_NEIGHBORS, NONE, Nearest, Sums, Values,
};
#[cfg(feature = "alloc")]
pub use dbscan::Dbscan;
pub use element::Element;
pub use error::{BackendError, Error, ErrorKind, ShapeError, SnapshotError};
#[cfg(feature = "alloc")]
pub use kmeans::KMeans;
pub use metric::{Metric, Power, PowerError};
#[cfg(feature = "alloc")]
pub use order::Order;
pub use rows::{Block, Pairs, Rows, Visit, rows};
#[cfg(feature = "alloc")]
pub use sharded::Sharded;
pub use state::{Pushed, StateError, StreamState};
pub use store::{Fixed, Sizes, Slots, Store};
pub use stream::{Stream, StreamOptions};
#[cfg(feature = "alloc")]
pub use umap::Umap;
