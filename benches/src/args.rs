//! The command line.

use clap::{Parser, Subcommand};

use crate::order::Order;

#[derive(Debug, Parser)]
#[command(about)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// What a run is compared with.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Against {
    /// Rounds of ours and theirs in turn; the least of them counts.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// A python that has the peers (benches/against/requirements.txt).
    #[arg(long)]
    pub(crate) python: Option<String>,
    /// Another program that answers the same requests.
    #[arg(long)]
    pub(crate) also: Option<String>,
    /// Where the sets are.
    #[arg(long, default_value = "target/sets")]
    pub(crate) data: String,
}

/// What is measured on what.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct On {
    /// Backends: scalar, avx2, avx512, amx, neon, wgpu; all that are present by default.
    #[arg(long, value_delimiter = ',')]
    pub(crate) backend: Vec<String>,
    /// `ROWSxELEMENTSxCENTRES`; the usual ones by default.
    #[arg(long, value_delimiter = ',')]
    pub(crate) shape: Vec<String>,
    /// Shapes that grow in n, d and k, besides, on all cores, and one of them on one thread.
    #[arg(long)]
    pub(crate) scaling: bool,
    /// Numbers of threads, the whole run with each; as many as there are cores by default.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Vec<u16>,
    /// Rounds over all backends and peers in turn.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: Option<u16>,
    /// Few small shapes, two rounds.
    #[arg(long)]
    pub(crate) quick: bool,
}

/// Peers on the same data in the same run.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Beside {
    /// Peers: sklearn, faiss, onedal, pynndescent, grid, umap.
    #[arg(long, value_delimiter = ',')]
    pub(crate) against: Vec<String>,
    /// A python that has them (benches/against/setup.sh).
    #[arg(long, default_value = ".venv/bin/python")]
    pub(crate) python: String,
    /// Another program that answers the requests for neighbours and DBSCAN.
    #[arg(long)]
    pub(crate) also: Option<String>,
    /// Where sets are kept for the peers.
    #[arg(long, default_value = "target/sets")]
    pub(crate) data: String,
    /// Rows at most of what visits all pairs of rows.
    #[arg(long)]
    pub(crate) pairs: Option<usize>,
}

/// Where the lines go besides the terminal.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Out {
    /// Where to write JSON lines.
    #[arg(long)]
    pub(crate) json: Option<String>,
    /// Where to write a page with plots.
    #[arg(long)]
    pub(crate) html: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
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
        /// Puts them, and the tables of times, into README.md and COMPARE.md.
        #[arg(long)]
        write: bool,
        /// Fails where those have others.
        #[arg(long, conflicts_with = "write")]
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
        #[command(flatten)]
        on: On,
        #[command(flatten)]
        out: Out,
    },
    /// Every algorithm × shape × backend, beside its peers: time, memory, agreement.
    Algorithms {
        #[command(flatten)]
        on: On,
        #[command(flatten)]
        beside: Beside,
        #[command(flatten)]
        out: Out,
    },
    /// One pass in batches: rows a second, cost beside mini-batch k-means, bytes of a snapshot.
    Stream {
        #[command(flatten)]
        on: On,
        #[command(flatten)]
        beside: Beside,
        #[command(flatten)]
        out: Out,
    },
    /// Every backend against the reference: labels, distances, and what rounding may decide.
    Agreement {
        #[command(flatten)]
        on: On,
        #[command(flatten)]
        out: Out,
    },
    /// Folds, algorithms, streams and agreement in one run, with scaling; then the bars.
    All {
        #[command(flatten)]
        on: On,
        #[command(flatten)]
        beside: Beside,
        #[command(flatten)]
        out: Out,
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
