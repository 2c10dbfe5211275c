//! Which kinds of customers are there? From a file of purchases to a report one can show.
//!
//! Follows the story of a real segmentation: clean the rows, look for columns that say the same,
//! find that few principal components do not hold the picture, embed with UMAP in three
//! dimensions, take DBSCAN's radius from the curve of neighbour distances, judge by silhouette –
//! customers whom no segment takes count 0 –, and keep a record of everything that was tried. Where
//! density finds no segments, the report says so and shows those of k-means. There it took a rented GPU, several hundred
//! runs and a service to keep track of them; here it is one command.
//!
//! ```sh
//! cargo run --release --example customers
//! cargo run --release --example customers -- --min-segments 3 --seed 7 --resume
//! ```
//!
//! Writes `report.html` (one page that needs nothing else), `segments.csv` (who is where),
//! `trials.ndjson` (a line per run) and `mlruns` (the runs as MLflow reads them).

mod choice;
mod prepare;
mod report;
mod segments;
mod sweep;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use enfold::scores::{Agreement, Silhouette};
use enfold::trials::{Trial, Trials, mlflow};
use enfold::{Device, NONE};

use choice::MOST;
use prepare::Prepared;
use report::{Report, number, percent};
use segments::{Segments, letter};
use sweep::{Bench, Density, Settings};

/// Anything that can go wrong.
type Fault = Box<dyn Error + Send + Sync>;

/// Finds segments of customers and writes a report about them.
#[derive(Debug, Parser)]
#[command(about)]
struct Args {
    /// One row per customer, with the columns that examples/data/README.md describes
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/customers.csv"), hide_default_value = true)]
    file: PathBuf,
    /// Seed of every draw
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The fewest segments that are of use
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(2..=MOST as i64))]
    min_segments: u8,
    /// Takes runs that an earlier start finished from its file instead of running them again
    #[arg(long)]
    resume: bool,
    /// Where the report goes
    #[arg(long, default_value = "target/customers")]
    out: PathBuf,
}

impl Args {
    fn settings(&self) -> Settings {
        let least = usize::from(self.min_segments);
        Settings {
            neighbors: vec![15, 30, 60],
            min_dists: vec![0.0, 0.1],
            min_samples: vec![10, 20, 40],
            tails: vec![0.5, 1.0, 2.0],
            clusters: vec![least, least + 1, least + 2, least + 4],
            least,
            seed: self.seed,
        }
    }
}

fn main() {
    if let Err(e) = run(&Args::parse()) {
        eprintln!("error: {e}");
        std::process::exit(1);
    }
}

fn run(args: &Args) -> Result<(), Fault> {
    let (start, settings) = (Instant::now(), args.settings());
    let prepared = prepare::prepare(&args.file)?;
    std::fs::create_dir_all(&args.out)?;
    let mut bench = Bench::new(&prepared.compared, &settings)?;
    let (known, _) = Trials::open(journal(args)?, bench.data())?;
    let trials = sweep::run(&mut bench, &settings.runs(), known)?;
    mlflow::write(args.out.join("mlruns"), "customers", trials.all())?;

    let answer = choice::answer(&trials, &settings).ok_or("too few customers for segments")?;
    let labels = answer.labels().ok_or("the best run kept no labels")?;
    let segments = Segments::of(&prepared, labels);
    describe(&prepared, &segments, &trials, answer);

    let stability = stability(&bench, answer, args.seed)?;
    let embedding = bench.embedding(
        answer.params().int("neighbors")? as usize,
        answer.params().float("min_dist")?,
    )?;
    let (device, points) = (Device::cpu(), embedding.model.points());
    let density = match choice::is_dense(answer) {
        true => Some(Density::of(&device, points, answer.params())?),
        false => None,
    };
    let silhouettes = Silhouette::new().per_row(&device, points, &segments.labels)?;
    let report = Report {
        prepared: &prepared,
        settings: &settings,
        trials: &trials,
        answer,
        segments: &segments,
        embedding,
        density: density.as_ref(),
        silhouettes: &silhouettes,
        stability: &stability,
        seconds: start.elapsed().as_secs_f64(),
    };
    save(&args.out, &report)
}

/// The file of trials; an old one is removed unless its runs are to be taken.
fn journal(args: &Args) -> Result<PathBuf, Fault> {
    let path = args.out.join("trials.ndjson");
    if !args.resume && path.exists() {
        std::fs::remove_file(&path)?;
    }
    Ok(path)
}

/// How far the same run with two other seeds puts the same customers together.
fn stability(bench: &Bench<'_>, answer: &Trial, seed: u64) -> Result<Vec<f64>, Fault> {
    let labels = answer.labels().unwrap_or_default();
    let neighbors = answer.params().int("neighbors")? as usize;
    let again = |seed| {
        let embedding = bench.embed(neighbors, answer.params().float("min_dist")?, seed)?;
        let points = embedding.model.points();
        let (others, _) = sweep::labels(&Device::cpu(), points, answer.params())?;
        Ok(Agreement::of(labels, &others)?.adjusted_rand())
    };
    [1, 2].map(|more| again(seed + more)).into_iter().collect()
}

fn describe(prepared: &Prepared, segments: &Segments, trials: &Trials, answer: &Trial) {
    let score = |name| answer.metric(name).unwrap_or(f64::NAN);
    println!(
        "{} customers read, {} compared; {} runs",
        prepared.dropped.read,
        segments.labels.len(),
        trials.all().len()
    );
    if !choice::is_dense(answer) {
        println!("no run of DBSCAN found segments of use: these are cut by k-means");
    }
    println!("shown: {}", answer.params());
    println!(
        "silhouette {:.3}, trustworthiness {:.4}, {} customers in no segment\n",
        score("silhouette"),
        score("trustworthiness"),
        segments.noise()
    );
    for (i, segment) in segments.all.iter().enumerate() {
        println!(
            "  {}  {:>5} customers, {:>6} of the turnover: {}",
            letter(i),
            number(segment.size as f64),
            percent(segment.spent),
            segment.name()
        );
    }
}

fn save(folder: &Path, report: &Report<'_>) -> Result<(), Fault> {
    let name = |label: u32| match label {
        NONE => String::new(),
        label => letter(label as usize).to_string(),
    };
    let rows = report.prepared.ids.iter().zip(&report.segments.labels);
    let lines: String = rows.map(|(id, &label)| format!("{id},{}\n", name(label))).collect();
    std::fs::write(folder.join("segments.csv"), format!("CustomerID,segment\n{lines}"))?;
    let path = folder.join("report.html");
    std::fs::write(&path, report.page())?;
    println!("\nreport: {} ({:.1} s)", path.display(), report.seconds);
    Ok(())
}
