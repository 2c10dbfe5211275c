//! `enfold-bench`: measures enfold, and its peers in the same run. A library for its program, and for
//! criterion's benches of the same [`cases`].

#![forbid(unsafe_code)]

mod agreement;
mod algorithms;
mod anomaly;
mod args;
mod assign;
mod backends;
mod bars;
pub mod cases;
mod clock;
mod compare;
mod dbscan;
mod failure;
mod file;
mod folds;
mod headline;
mod knn;
mod memory;
mod order;
mod output;
mod page;
mod pca;
mod peer;
mod peers;
mod quality;
mod record;
mod sets;
mod shape;
mod silhouette;
mod stream;
mod suite;
mod sweep;
mod table;
mod tables;
mod umap;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Extent, Task};
use crate::bars::Texts;
use crate::order::Order;
use crate::suite::Suite;

/// The program: what its arguments ask for, and the code to end with.
pub fn main() -> ExitCode {
    match run(Args::parse().task) {
        Ok(code) => code,
        Err(failure) => failure::report(&*failure),
    }
}

fn run(task: Task) -> failure::Outcome<ExitCode> {
    match task {
        Task::Anomaly { data, choose } => anomaly::run(&anomaly::Plan { data, choose })?,
        Task::Assign { mut shapes, rounds, python, data } => {
            if shapes.is_empty() {
                shapes = sets::SHAPES.iter().map(ToString::to_string).collect();
            }
            assign::run(&assign::Plan { shapes, rounds, python, data })?;
        }
        Task::Quality { mut sets, mut order, seeds, extra, sample, reference, k } => {
            if sets.is_empty() {
                sets = sets::QUALITY.iter().map(ToString::to_string).collect();
            }
            if order.is_empty() {
                order = Order::ALL.to_vec();
            }
            let reference = quality::reference(&reference)?;
            let plan = quality::Plan { sets, orders: order, seeds, extra, sample, reference, k };
            quality::run(&plan)?;
        }
        Task::Knn { sets, against, ways, rust_peers, queries, seed } => {
            knn::run(&knn::Plan { sets, ways, rust_peers, queries, seed, against })?;
        }
        Task::Umap { sets, rows, components, seeds, epochs, recall, against } => {
            umap::run(&umap::Plan { sets, rows, components, seeds, epochs, recall, against })?;
        }
        Task::Dbscan { mut specs, against, ways, rust_peers, check } => {
            if specs.is_empty() {
                specs = dbscan::SPECS.iter().map(ToString::to_string).collect();
            }
            dbscan::run(&dbscan::Plan { specs, against, ways, rust_peers, check })?;
        }
        Task::Pca { sets, against, components, ways } => {
            pca::run(&pca::Plan { sets, against, components, ways })?;
        }
        Task::Silhouette { dims, rows, k, rounds, python, data } => {
            silhouette::run(&silhouette::Plan { rows, dims, k, rounds, python, data })?;
        }
        Task::Bars { write, check } => bars::run(match (write, check) {
            (true, _) => Texts::Write,
            (_, true) => Texts::Check,
            _ => Texts::Alone,
        })?,
        Task::Compare { before, after, tolerance } => {
            if compare::run(&compare::Plan { before, after, tolerance })? > 0 {
                return Ok(ExitCode::FAILURE);
            }
        }
        Task::Folds { on, scaling, out } => {
            let extent = Extent { scaling, ..Extent::default() };
            suite::run(&[Suite::Folds], &on, extent, None, &out)?;
        }
        Task::Algorithms { on, scaling, pairs, beside, out } => {
            let extent = Extent { scaling, pairs };
            suite::run(&[Suite::Algorithms], &on, extent, Some(&beside), &out)?;
        }
        Task::Stream { on, beside, out } => {
            suite::run(&[Suite::Stream], &on, Extent::default(), Some(&beside), &out)?;
        }
        Task::Agreement { on, out } => {
            suite::run(&[Suite::Agreement], &on, Extent::default(), None, &out)?;
        }
        Task::All { on, scaling, pairs, beside, out } => {
            let extent = Extent { scaling, pairs };
            suite::run(&Suite::ALL, &on, extent, Some(&beside), &out)?;
            bars::run(Texts::Alone)?;
        }
        Task::Sweep { files, python } => sweep::run(&sweep::Plan { files, python })?,
        Task::Headline { rows, dim, k, extra, sample } => {
            println!("{}", headline::run(&headline::Plan { rows, dim, k, extra, sample })?);
        }
    }
    Ok(ExitCode::SUCCESS)
}
