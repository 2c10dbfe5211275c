//! The command line.

use clap::builder::{PossibleValuesParser, RangedU64ValueParser};
use clap::{Parser, Subcommand};

use crate::order::Order;
use crate::sets;

/// Printed after the list of commands.
const AFTER: &str = "\
Start with `all --quick`; `folds`, `algorithms`, `stream` and `agreement` are its parts, which need no
files and no peers. The other commands repeat one measurement of the records each, most of them on
sets that are read from files. benches/README.md has examples, the peers, and what the JSON lines mean.

Ends with 2 where something is asked for that there is not (a backend, peer, shape or option), with 1
where it cannot be done (no GPU, no Python, a file that cannot be read or written).";

/// Where cargo leaves the program of the peers in Rust.
const RUST_PEERS: &str = "benches/peers/target/release/enfold-peers";

#[derive(Debug, Parser)]
#[command(about, after_help = AFTER)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// A number that is not 0.
fn some<T: TryFrom<u64>>() -> RangedU64ValueParser<T> {
    RangedU64ValueParser::new().range(1..)
}

/// What a run is compared with.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Against {
    /// Rounds of ours and theirs in turn; the least time of each counts.
    #[arg(long, default_value_t = 3, value_parser = some::<usize>())]
    pub(crate) rounds: usize,
    /// A Python that has the peers (benches/against/setup.sh makes one); without it only enfold runs.
    #[arg(long)]
    pub(crate) python: Option<String>,
    /// The folder of sets; peers read from it, and what they need besides is written there.
    #[arg(long, default_value = "target/sets")]
    pub(crate) data: String,
}

/// What is measured on what.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct On {
    /// Backends, separated by commas: levels of the CPU (scalar, avx2, avx512, amx, neon,
    /// wasmsimd128), wgpu, cuda; by default all that this build and this machine have.
    #[arg(long, value_delimiter = ',')]
    pub(crate) backend: Vec<String>,
    /// Shapes, separated by commas: 50000x32x64 is 50 000 rows of 32 elements and 64 centres; by
    /// default a few that differ much.
    #[arg(long, value_delimiter = ',', value_name = "ROWSxELEMENTSxCENTRES")]
    pub(crate) shape: Vec<String>,
    /// Numbers of threads, separated by commas: the whole run with each; by default one number, that
    /// of the cores.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Vec<u16>,
    /// Rounds over all backends and peers in turn, at most; by default 5 for folds, 3 for the rest.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: Option<u16>,
    /// Few small shapes and two rounds.
    #[arg(long)]
    pub(crate) quick: bool,
}

/// Peers on the same data in the same run.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Beside {
    /// Peers, separated by commas. In Python sklearn, faiss, onedal, pynndescent, grid (the package
    /// dbscan), umap; in Rust linfa, kiddo, ann-search-rs, rustyml. By default none.
    #[arg(long, value_delimiter = ',')]
    pub(crate) against: Vec<String>,
    /// A Python that has them (benches/against/setup.sh makes this one).
    #[arg(long, default_value = ".venv/bin/python")]
    pub(crate) python: String,
    /// The program of those in Rust (benches/against/setup.sh builds this one).
    #[arg(long, value_name = "PROGRAM", default_value = RUST_PEERS)]
    pub(crate) rust_peers: String,
    /// The folder where rows are written for the peers.
    #[arg(long, default_value = "target/sets")]
    pub(crate) data: String,
}

/// How much is measured besides, and of what.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extent {
    /// Shapes that grow, besides.
    pub(crate) scaling: bool,
    /// Rows at most of what visits all pairs; the usual number by default.
    pub(crate) pairs: Option<usize>,
}

/// Where the lines go besides the terminal.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Out {
    /// A file to write JSON lines to, each as soon as it is known.
    #[arg(long)]
    pub(crate) json: Option<String>,
    /// A file to write a page with plots and tables to, at the end.
    #[arg(long)]
    pub(crate) html: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// The anomaly detector on the collections SKAB and NAB, in f32 and fixed point.
    Anomaly {
        /// The folder that holds skab/ and nab/ (benches/README.md says in which form).
        data: String,
        /// Instead of scoring, tries settings on one half of each collection; scores are taken on the
        /// other half.
        #[arg(long)]
        choose: bool,
    },
    /// Nearest centre and a whole Lloyd step, against FAISS and scikit-learn.
    Assign {
        /// Shapes; all five where none is named.
        #[arg(value_parser = PossibleValuesParser::new(sets::SHAPES))]
        shapes: Vec<String>,
        /// Rounds of ours and theirs in turn; the least time of each counts.
        #[arg(long, default_value_t = 5, value_parser = some::<usize>())]
        rounds: usize,
        /// A Python that has the peers (benches/against/setup.sh makes one); without it only enfold
        /// runs.
        #[arg(long)]
        python: Option<String>,
        /// The folder where sets are written for the peers.
        #[arg(long, default_value = "target/sets")]
        data: String,
    },
    /// The bars that were set for speed and quality (benches/bars.json), met or missed by the
    /// records.
    Bars {
        /// Puts them, and the tables of times, into README.md and COMPARE.md.
        #[arg(long)]
        write: bool,
        /// Ends with 1 where the tables of README.md and COMPARE.md are others.
        #[arg(long, conflicts_with = "write")]
        check: bool,
    },
    /// Two runs' JSON lines: what became slower. Ends with 1 where something did.
    Compare {
        /// The lines of the earlier run.
        before: String,
        /// The lines of the later run.
        after: String,
        /// Times that differ by less than this share count as equal: 0.1 is a tenth.
        #[arg(long, default_value_t = 0.1)]
        tolerance: f64,
    },
    /// Every fold × shape × backend: rates, error, agreement.
    Folds {
        #[command(flatten)]
        on: On,
        /// Also shapes of which one size grows – rows, elements or centres – on all cores, and one of
        /// them on one thread: for the plots of time over size.
        #[arg(long)]
        scaling: bool,
        #[command(flatten)]
        out: Out,
    },
    /// Every algorithm × shape × backend, beside its peers: time, memory, agreement.
    Algorithms {
        #[command(flatten)]
        on: On,
        /// Also shapes of which one size grows – rows, elements or centres – on all cores, and one of
        /// them on one thread: for the plots of time over size.
        #[arg(long)]
        scaling: bool,
        /// Rows, at most, that are given to algorithms that visit all pairs of rows; by default 10 000, with
        /// --quick 2 000.
        #[arg(long, value_parser = some::<usize>())]
        pairs: Option<usize>,
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
    /// Folds, algorithms, streams and agreement in one run; then the bars.
    All {
        #[command(flatten)]
        on: On,
        /// Also shapes of which one size grows – rows, elements or centres – on all cores, and one of
        /// them on one thread: for the plots of time over size.
        #[arg(long)]
        scaling: bool,
        /// Rows, at most, that are given to algorithms that visit all pairs of rows; by default 10 000, with
        /// --quick 2 000.
        #[arg(long, value_parser = some::<usize>())]
        pairs: Option<usize>,
        #[command(flatten)]
        beside: Beside,
        #[command(flatten)]
        out: Out,
    },
    /// The 15 nearest rows of every row, against exact and approximate peers.
    Knn {
        /// Names of .npy files in the folder of sets, without the ending.
        #[arg(required = true)]
        sets: Vec<String>,
        #[command(flatten)]
        against: Against,
        /// Ways to search, separated by commas. Ours: auto (what the library chooses), all (pairs),
        /// fold (the same without the library around it), ordered (a k-d tree), cells, rough (at
        /// recall 0.99). The peers': faiss, sklearn, `sklearn_auto`, onedal, pynndescent; and in Rust
        /// kiddo, linfa, ann-search-rs.
        #[arg(long, value_delimiter = ',', default_value = "auto")]
        ways: Vec<String>,
        /// The program of the peers in Rust (benches/against/setup.sh builds this one).
        #[arg(long, value_name = "PROGRAM", default_value = RUST_PEERS)]
        rust_peers: String,
        /// Rows that ways over all pairs answer; their times are scaled to all rows.
        #[arg(long, default_value_t = 5000, value_parser = some::<usize>())]
        queries: usize,
        /// Checks 1000 rows drawn by this seed instead of 500 evenly spaced ones.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// UMAP of .npy files by stages, beside umap-learn.
    Umap {
        /// Names of .npy files in the folder of sets, without the ending.
        #[arg(required = true)]
        sets: Vec<String>,
        /// The first so many rows; 0 for all.
        #[arg(long, default_value_t = 0)]
        rows: usize,
        /// Coordinates of the embeddings: a fit for each number, separated by commas.
        #[arg(long, value_delimiter = ',', default_value = "2")]
        components: Vec<usize>,
        /// Seeds: a fit for each, separated by commas.
        #[arg(long, value_delimiter = ',', default_value = "42")]
        seeds: Vec<u64>,
        /// Epochs, where not the library's default.
        #[arg(long)]
        epochs: Option<u32>,
        /// Recall of the neighbours, from 0 to 1, where not the library's default.
        #[arg(long)]
        recall: Option<f64>,
        #[command(flatten)]
        against: Against,
    },
    /// DBSCAN against its peers, and against its definition in f64.
    Dbscan {
        /// .npy files in the folder of sets, without the ending, each with a radius and a least
        /// number of rows: `k_100k_2:0.05:10`; the recorded ones where none is given.
        #[arg(value_name = "SET:EPS:MIN_SAMPLES")]
        specs: Vec<String>,
        #[command(flatten)]
        against: Against,
        /// Peers to run, separated by commas: grid (the Python package dbscan), scikit-learn's
        /// algorithms, and in Rust linfa and rustyml.
        #[arg(long, value_delimiter = ',',
            value_parser = ["grid", "kd_tree", "ball_tree", "brute", "auto", "linfa", "rustyml"])]
        ways: Vec<String>,
        /// The program of the peers in Rust (benches/against/setup.sh builds this one).
        #[arg(long, value_name = "PROGRAM", default_value = RUST_PEERS)]
        rust_peers: String,
        /// Compares all labels with DBSCAN's definition in f64, which the script of the peers computes.
        #[arg(long, requires = "python")]
        check: bool,
    },
    /// Principal components against scikit-learn's.
    Pca {
        /// Names of .npy files in the folder of sets, without the ending.
        #[arg(required = true)]
        sets: Vec<String>,
        #[command(flatten)]
        against: Against,
        /// Components.
        #[arg(long, default_value_t = 50, value_parser = some::<usize>())]
        components: usize,
        /// scikit-learn's solvers (its `svd_solver`), separated by commas.
        #[arg(long, value_delimiter = ',', default_value = "covariance_eigh")]
        ways: Vec<String>,
    },
    /// The cost of one pass beside multi-pass fits, over sets, orders and seeds.
    Quality {
        /// Made sets by name (`q_blobs`, …), .npy or .data files; the seven made ones where none is
        /// given.
        sets: Vec<String>,
        /// Orders of arrival, one option each; all where none is given.
        #[arg(long)]
        order: Vec<Order>,
        /// Seeds per order.
        #[arg(long, default_value_t = 5, value_parser = some::<u64>())]
        seeds: u64,
        /// Micro-clusters that the stream keeps, per cluster.
        #[arg(long, default_value_t = 10, value_parser = some::<usize>())]
        extra: usize,
        /// Rows that the stream keeps as a sample.
        #[arg(long, default_value_t = 32_768)]
        sample: usize,
        /// A file with the costs per row of the multi-pass fits; sets that it lacks are fitted here.
        #[arg(long, default_value = "benches/against/reference.json")]
        reference: String,
        /// Clusters in files; by default as many as their labels have.
        #[arg(long, value_parser = some::<usize>())]
        k: Option<usize>,
    },
    /// The silhouette against scikit-learn's.
    Silhouette {
        /// Elements per row, a made set for each number.
        #[arg(default_values_t = [16, 64], value_parser = some::<usize>())]
        dims: Vec<usize>,
        /// Rows.
        #[arg(long, default_value_t = 50_000, value_parser = some::<usize>())]
        rows: usize,
        /// Clusters.
        #[arg(long, default_value_t = 10, value_parser = some::<usize>())]
        k: usize,
        /// Rounds of ours and theirs in turn; the least time of each counts.
        #[arg(long, default_value_t = 3, value_parser = some::<usize>())]
        rounds: usize,
        /// A Python that has scikit-learn (benches/against/setup.sh makes one); without it only enfold
        /// runs.
        #[arg(long)]
        python: Option<String>,
        /// The folder where sets are written for the peer.
        #[arg(long, default_value = "target/sets")]
        data: String,
    },
    /// The best agreement of DBSCAN with labels over a grid, against scikit-learn's.
    Sweep {
        /// Text files NAME.data, a row a line, with their labellings in NAME.labels0, NAME.labels1, …
        /// beside them.
        #[arg(required = true)]
        files: Vec<String>,
        /// A Python that has scikit-learn (benches/against/setup.sh makes one); without it only enfold
        /// runs.
        #[arg(long)]
        python: Option<String>,
    },
    /// One pass over a generated stream of the article's shape, in bounded memory.
    Headline {
        /// Rows; the article has 23 million.
        #[arg(long, default_value_t = 1_000_000, value_parser = some::<usize>())]
        rows: usize,
        /// Elements per row.
        #[arg(long, default_value_t = 400, value_parser = some::<usize>())]
        dim: usize,
        /// Clusters.
        #[arg(long, default_value_t = 500, value_parser = some::<usize>())]
        k: usize,
        /// Micro-clusters that the stream keeps, per cluster.
        #[arg(long, default_value_t = 10, value_parser = some::<usize>())]
        extra: usize,
        /// Rows that the stream keeps as a sample.
        #[arg(long, default_value_t = 32_768)]
        sample: usize,
    },
}
