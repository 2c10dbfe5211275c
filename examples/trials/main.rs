//! Which k, and does standardising pay? A sweep of k-means over GDELT events, kept and compared.
//!
//! Every trial goes into a file of JSON lines as it finishes: interrupt the program and start it
//! again, and it goes on where it was. At the end: a leaderboard, the trials that no other beats
//! by every measure, what the best two do differently, and a folder for MLflow.
//!
//! ```sh
//! cargo run --release --example trials
//! MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri target/trials/mlruns
//! ```

use std::error::Error;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Parser;
use enfold::data::csv::{CsvOptions, read_table};
use enfold::data::scale::Mode;
use enfold::data::{Scaler, Table};
use enfold::scores::{Silhouette, calinski_harabasz};
use enfold::trials::{Fingerprint, Goal, Grid, Outcome, Params, Trials, compare, mlflow};
use enfold::{Device, KMeans, StreamState};

/// Sweeps k-means over a table.
#[derive(Debug, Parser)]
#[command(about)]
struct Args {
    /// A CSV file of numbers with a head
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/gdelt_train26.csv"), hide_default_value = true)]
    file: PathBuf,
    /// Where the trials go
    #[arg(long, default_value = "target/trials")]
    out: PathBuf,
}

fn main() {
    if let Err(e) = run(&Args::parse()) {
        eprintln!("error: {e}");
        std::process::exit(1);
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let table = read_table(&args.file, CsvOptions::default())?;
    fs::create_dir_all(&args.out)?;
    let data = Fingerprint::of(table.rows());
    let (mut trials, found) = Trials::open(args.out.join("trials.ndjson"), data)?;
    if found.dropped > 0 {
        println!("the last trial was cut short; it runs again");
    }
    let grid = Grid::new().axis("k", [3, 5, 7, 9, 12]).axis("standardise", [false, true]);
    let ran = trials.run(
        &grid,
        |params| fit(&table, params),
        |progress| {
            println!("{:>2} of {}  {}", progress.done, progress.total, progress.trial.params());
            ControlFlow::Continue(())
        },
    )?;
    println!("{} ran, {} were there\n", ran.ran, ran.skipped);
    report(&trials, data, &args.out)
}

/// One trial: a fit, and what it is worth.
fn fit(table: &Table, params: &Params) -> Result<Outcome, Box<dyn Error + Send + Sync>> {
    let (device, mut table) = (Device::cpu(), table.clone());
    if params.bool("standardise")? {
        let mut scaler = Scaler::new(table.dim())?;
        scaler.push(table.rows(), None)?;
        scaler.scaling(Mode::Standardise).apply(table.values_mut())?;
    }
    let k = usize::try_from(params.int("k")?)?;
    let fit = KMeans::new(k).seed(1).restarts(3).fit(&device, table.rows())?;
    let clear = Silhouette::new().score(&device, table.rows(), &fit.labels)?;
    let ratio = calinski_harabasz(&device, table.rows(), &fit.labels)?;
    let outcome = Outcome::new().metric("silhouette", clear).metric("calinski_harabasz", ratio);
    Ok(outcome.tag("version", env!("CARGO_PKG_VERSION")).labels(fit.labels))
}

fn report(trials: &Trials, data: Fingerprint, out: &Path) -> Result<(), Box<dyn Error>> {
    let goals = [Goal::max("silhouette"), Goal::max("calinski_harabasz")];
    let board = trials.leaderboard(&goals).filter(|trial| trial.data() == data);
    println!("{}", board.markdown());
    println!("Beaten by no other:\n\n{}", board.clone().pareto().markdown());
    if let [first, second, ..] = board.trials() {
        println!("From the best to the next:\n\n{}", compare(first, second)?);
    }
    fs::write(out.join("trials.csv"), board.csv())?;
    let folder = out.join("mlruns");
    mlflow::write(&folder, "events", board.trials().iter().copied())?;
    println!(
        "{} has the labels, {} is for MLflow",
        out.join("trials.ndjson").display(),
        folder.display()
    );
    Ok(())
}
