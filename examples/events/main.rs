//! World news in one pass: how many kinds of events are there, and what are they?
//!
//! Follows the story of the SageMaker k-means announcement: GDELT events with 26 features each,
//! clusterings for k = 2…12, an elbow, a choice. There, every k was a training job of its own
//! and the elbow was read off by eye. Here, the events stream by once; the state they leave
//! answers for every k; the knee is found by rule; and a separate multi-pass k-means (k-means++,
//! Lloyd, best of ten) for every k says what the single pass cost.
//!
//! ```sh
//! cargo run --release --example events
//! cargo run --release --example events -- --file other.csv --k-max 20 --standardise
//! ```

mod codes;
mod fits;
mod picture;
mod profile;

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Parser;
use enfold::data::csv::{CsvOptions, Missing};
use enfold::select::Elbow;

use fits::Curve;

/// Clusters the rows of a CSV file in one pass and says how many clusters there are.
#[derive(Debug, Parser)]
#[command(about)]
struct Args {
    /// Numbers, one row per line, with or without a line of names
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/gdelt_train26.csv"), hide_default_value = true)]
    file: PathBuf,
    /// The smallest k to look at
    #[arg(long, default_value_t = 2)]
    k_min: usize,
    /// The largest
    #[arg(long, default_value_t = 12)]
    k_max: usize,
    /// Shows this many clusters instead of the knee's choice
    #[arg(long)]
    k: Option<usize>,
    /// Seed of every draw
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Starts of each multi-pass fit, of which the best counts
    #[arg(long, default_value_t = 10)]
    restarts: u32,
    /// Rows read at a time
    #[arg(long, default_value_t = 256)]
    batch: usize,
    /// Rows that the stream keeps as a sample, to polish centres with
    #[arg(long, default_value_t = 512)]
    sample: usize,
    /// Brings every column to mean 0 and deviation 1 (one more pass); raw if absent
    #[arg(long)]
    standardise: bool,
    /// Leaves out rows with missing values instead of stopping at the first
    #[arg(long)]
    skip_missing: bool,
    /// Where the picture goes
    #[arg(long, default_value = "target/events")]
    out: PathBuf,
}

impl Args {
    fn csv(&self) -> CsvOptions {
        let missing = if self.skip_missing { Missing::Skip } else { Missing::Error };
        CsvOptions { batch: self.batch, missing, ..CsvOptions::default() }
    }

    fn check(&self) -> Result<(), String> {
        let shown = self.k.is_none_or(|k| (self.k_min..=self.k_max).contains(&k));
        if self.k_min >= 1 && self.k_min <= self.k_max && shown {
            return Ok(());
        }
        Err("k-min ≥ 1, k-max ≥ k-min, and k between them".into())
    }
}

fn main() {
    if let Err(e) = run(&Args::parse()) {
        eprintln!("error: {e}");
        std::process::exit(1);
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    args.check()?;
    let one = fits::one_pass(args)?;
    println!("{}", one.summary);
    let table = fits::whole(args, one.scaling.as_ref())?;
    let streamed = fits::measure(&table, &one)?;
    let fitted = fits::multi_pass(args, &table)?;
    print_curves(&streamed, &fitted);

    let knee = Elbow::new(streamed.points(|fit| fit.mean_distance)).knee();
    let chosen = args.k.or(knee);
    println!("\n{}", verdict(args, knee));
    if let Some(fit) = chosen.and_then(|k| streamed.at(k)) {
        println!("\n{}", profile::describe(&table, one.scaling.as_ref(), fit)?);
    }
    let path = save(&args.out, &picture::Story { streamed: &streamed, fitted: &fitted, chosen })?;
    println!("picture: {}", path.display());
    Ok(())
}

fn save(dir: &Path, story: &picture::Story<'_>) -> Result<PathBuf, Box<dyn Error>> {
    std::fs::create_dir_all(dir)?;
    let path = dir.join("elbow.svg");
    story.draw(&path)?;
    Ok(path)
}

fn verdict(args: &Args, knee: Option<usize>) -> String {
    let found = match knee {
        Some(k) => format!("The curve bends at k = {k} (Kneedle on the mean distance)"),
        None => "The curve has no knee: no number of clusters stands out".into(),
    };
    match args.k {
        Some(k) => format!("{found}; shown is k = {k}, as asked."),
        None => format!("{found}."),
    }
}

fn print_curves(streamed: &Curve, fitted: &Curve) {
    println!("\n        cost per row             mean distance");
    println!("  k   one pass  multi-pass  ratio   one pass  multi-pass");
    for (a, b) in streamed.fits.iter().zip(&fitted.fits) {
        let (cost, best) = (a.cost / a.rows(), b.cost / b.rows());
        let ratio = cost / best;
        let (mean, other) = (a.mean_distance, b.mean_distance);
        println!("{:>3}  {cost:>9.4}  {best:>10.4}  {ratio:.3}  {mean:>9.4}  {other:>10.4}", a.k);
    }
    let (one, many) = (streamed.seconds * 1e3, fitted.seconds * 1e3);
    println!("all k  {one:.1} ms, one reading   {many:.1} ms, {} readings", fitted.passes);
}
