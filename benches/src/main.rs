//! `enfold-bench`: measures enfold, and its peers in the same run.

#![forbid(unsafe_code)]

mod anomaly;
mod assign;
mod bars;
mod clock;
mod compare;
mod dbscan;
mod folds;
mod headline;
mod knn;
mod order;
mod pca;
mod peer;
mod quality;
mod sets;
mod silhouette;
mod sweep;
mod umap;

use std::path::Path;

use clap::{Parser, Subcommand};

use crate::order::Order;

#[derive(Debug, Parser)]
#[command(about)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

/// What a run is compared with.
#[derive(Debug, Clone, clap::Args)]
struct Against {
    /// Rounds of ours and theirs in turn; the least of them counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A python that has the peers (benches/against/requirements.txt).
    #[arg(long)]
    python: Option<String>,
    /// Another program that answers the same requests.
    #[arg(long)]
    also: Option<String>,
    /// Where the sets are.
    #[arg(long, default_value = "target/sets")]
    data: String,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// The anomaly detector on SKAB and NAB, in `f32` and fixed point.
    Anomaly {
        /// The folder that holds `skab/` and `nab/`.
        data: String,
        /// Tries settings on the half of each that chooses them, instead of scoring.
        #[arg(long)]
        choose: bool,
    },
    /// Nearest centre and a whole Lloyd step, against FAISS and scikit-learn.
    Assign {
        /// Shapes; all five where none is named.
        shapes: Vec<String>,
        /// Rounds of ours and theirs in turn.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// A python that has the peers (benches/against/requirements.txt).
        #[arg(long)]
        python: Option<String>,
        /// Where sets are kept for the peers.
        #[arg(long, default_value = "target/sets")]
        data: String,
    },
    /// The bars that were set, met or missed by the newest records.
    Bars {
        /// The list of bars.
        #[arg(long, default_value = "benches/bars.json")]
        bars: String,
        /// The folder of records.
        #[arg(long, default_value = "benches/record")]
        record: String,
        /// A text to put the table into, between its marks.
        #[arg(long)]
        markdown: Option<String>,
        /// Do not write; fail where the text's table is not this one.
        #[arg(long)]
        check: bool,
    },
    /// Two runs' JSON lines: what became slower. Ends with 1 where something did.
    Compare {
        /// The earlier run.
        before: String,
        /// The later run.
        after: String,
        /// Times that differ by less than this share count as equal.
        #[arg(long, default_value_t = 0.1)]
        tolerance: f64,
    },
    /// Every fold × shape × backend: rates, error, agreement.
    Folds {
        /// Backends: scalar, avx2, avx512, amx, neon, wgpu; all that are present by default.
        #[arg(long, value_delimiter = ',')]
        backend: Vec<String>,
        /// `ROWSxELEMENTSxCENTRES`; six shapes by default.
        #[arg(long, value_delimiter = ',')]
        shape: Vec<String>,
        /// Rounds over all backends in turn.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Three small shapes, two rounds.
        #[arg(long)]
        quick: bool,
        /// Where to write JSON lines.
        #[arg(long)]
        json: Option<String>,
        /// Where to write a page with plots.
        #[arg(long)]
        html: Option<String>,
    },
    /// The 15 nearest rows of every row, against exact and approximate peers.
    Knn {
        /// Names of .npy files in the folder of sets.
        sets: Vec<String>,
        #[command(flatten)]
        against: Against,
        /// Ways to run: fold, all, ordered, auto, rough; of the peers faiss,
        /// sklearn, onedal, pynndescent; what another program has.
        #[arg(long, value_delimiter = ',')]
        ways: Vec<String>,
        /// Rows that ways over all pairs answer; their times are scaled to all rows.
        #[arg(long, default_value_t = 5000)]
        queries: usize,
        /// Checks 1000 rows drawn by this seed instead of 500 evenly spaced ones.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// UMAP of .npy files by stages, beside umap-learn.
    Umap {
        /// Names of .npy files in the folder of sets.
        sets: Vec<String>,
        /// The first so many rows; 0 for all.
        #[arg(long, default_value_t = 0)]
        rows: usize,
        /// Coordinates of the embeddings.
        #[arg(long, value_delimiter = ',', default_value = "2")]
        components: Vec<usize>,
        /// Seeds.
        #[arg(long, value_delimiter = ',', default_value = "42")]
        seeds: Vec<u64>,
        /// Epochs, if not the library's.
        #[arg(long)]
        epochs: Option<u32>,
        /// Recall of neighbours, if not the library's.
        #[arg(long)]
        recall: Option<f64>,
        #[command(flatten)]
        against: Against,
    },
    /// DBSCAN against its peers, and against its definition in f64.
    Dbscan {
        /// `set:eps:min_samples` of .npy files in the folder of sets; the recorded ones where
        /// none is given.
        specs: Vec<String>,
        #[command(flatten)]
        against: Against,
        /// Peers to run: grid, `kd_tree`, `ball_tree`, brute.
        #[arg(long, value_delimiter = ',')]
        ways: Vec<String>,
        /// Compare labels with the definition in f64.
        #[arg(long)]
        check: bool,
    },
    /// Principal components against scikit-learn's.
    Pca {
        /// Names of .npy files in the folder of sets.
        #[arg(required = true)]
        sets: Vec<String>,
        #[command(flatten)]
        against: Against,
        /// Components.
        #[arg(long, default_value_t = 50)]
        components: usize,
        /// The peer's solvers.
        #[arg(long, value_delimiter = ',', default_value = "covariance_eigh")]
        ways: Vec<String>,
    },
    /// One pass against multi-pass fits, over sets, orders and seeds.
    Quality {
        /// Made sets by name, .npy or .data files; the seven made ones where none is given.
        sets: Vec<String>,
        /// Orders of arrival; all where none is given.
        #[arg(long)]
        order: Vec<Order>,
        /// Seeds per order.
        #[arg(long, default_value_t = 5)]
        seeds: u64,
        /// Micro-clusters per cluster.
        #[arg(long, default_value_t = 10)]
        extra: usize,
        /// Sampled rows.
        #[arg(long, default_value_t = 32_768)]
        sample: usize,
        /// Reference costs per row.
        #[arg(long, default_value = "benches/against/reference.json")]
        reference: String,
        /// k for files.
        #[arg(long)]
        k: Option<usize>,
    },
    /// The silhouette against scikit-learn's.
    Silhouette {
        /// Elements per row, a set each.
        #[arg(default_values_t = [16, 64])]
        dims: Vec<usize>,
        /// Rows.
        #[arg(long, default_value_t = 50_000)]
        rows: usize,
        /// Clusters.
        #[arg(long, default_value_t = 10)]
        k: usize,
        /// Rounds of ours and theirs in turn.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// A python that has scikit-learn (benches/against/requirements.txt).
        #[arg(long)]
        python: Option<String>,
        /// Where sets are kept for the peer.
        #[arg(long, default_value = "target/sets")]
        data: String,
    },
    /// The best agreement of DBSCAN with labels over a grid, against scikit-learn's.
    Sweep {
        /// `.data` text files with `.labels0`, `.labels1`, … beside them.
        #[arg(required = true)]
        files: Vec<String>,
        /// A python that has scikit-learn (benches/against/requirements.txt).
        #[arg(long)]
        python: Option<String>,
    },
    /// One pass over a generated stream of the article's shape, in bounded memory.
    Headline {
        /// Rows.
        #[arg(long, default_value_t = 1_000_000)]
        rows: usize,
        /// Elements per row.
        #[arg(long, default_value_t = 400)]
        dim: usize,
        /// Clusters.
        #[arg(long, default_value_t = 500)]
        k: usize,
        /// Micro-clusters per cluster.
        #[arg(long, default_value_t = 10)]
        extra: usize,
        /// Sampled rows.
        #[arg(long, default_value_t = 32_768)]
        sample: usize,
    },
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match Args::parse().task {
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
            let reference = serde_json::from_str(&std::fs::read_to_string(reference)?)?;
            let plan = quality::Plan { sets, orders: order, seeds, extra, sample, reference, k };
            quality::run(&plan)?;
        }
        Task::Knn { sets, against, ways, queries, seed } => {
            knn::run(&knn::Plan { sets, ways, queries, seed, against })?;
        }
        Task::Umap { sets, rows, components, seeds, epochs, recall, against } => {
            umap::run(&umap::Plan { sets, rows, components, seeds, epochs, recall, against })?;
        }
        Task::Dbscan { mut specs, against, ways, check } => {
            if specs.is_empty() {
                specs = dbscan::SPECS.iter().map(ToString::to_string).collect();
            }
            dbscan::run(&dbscan::Plan { specs, against, ways, check })?;
        }
        Task::Pca { sets, against, components, ways } => {
            pca::run(&pca::Plan { sets, against, components, ways })?;
        }
        Task::Silhouette { dims, rows, k, rounds, python, data } => {
            silhouette::run(&silhouette::Plan { rows, dims, k, rounds, python, data })?;
        }
        Task::Bars { bars, record, markdown, check } => {
            bars::run(&bars::Plan { bars, record, markdown, check })?;
        }
        Task::Compare { before, after, tolerance } => {
            if compare::run(&compare::Plan { before, after, tolerance })? > 0 {
                std::process::exit(1);
            }
        }
        Task::Folds { backend, mut shape, rounds, quick, json, html } => {
            if shape.is_empty() {
                let usual: &[&str] = if quick { &folds::QUICK } else { &folds::SHAPES };
                shape = usual.iter().map(ToString::to_string).collect();
            }
            let rounds = if quick { 2 } else { rounds };
            folds::run(&folds::Plan { backends: backend, shapes: shape, rounds, json, html })?;
        }
        Task::Sweep { files, python } => sweep::run(&sweep::Plan { files, python })?,
        Task::Headline { rows, dim, k, extra, sample } => {
            println!("{}", headline::run(&headline::Plan { rows, dim, k, extra, sample })?);
        }
    }
    Ok(())
}

/// Writes a set where the peers can read it: a NumPy file of f32.
fn write_npy(path: &Path, set: &sets::Set) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let shape = format!("({}, {})", set.rows(), set.dim);
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(set.data.iter().flat_map(|v| v.to_le_bytes()));
    std::fs::write(path, bytes)
}
