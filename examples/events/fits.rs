//! The two ways to a curve: one pass for all k, and a multi-pass fit for each k.

use std::error::Error;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use enfold::data::csv::{CsvBatches, read_table};
use enfold::data::scale::{Mode, Scaling};
use enfold::data::{DataError, Scaler};
use enfold::feed::{feed, read_ahead};
use enfold::store::{Sizes, Slots};
use enfold::stream::{Stream, StreamOptions};
use enfold::{Backend, Device, KMeans, Metric, NONE, Nearest, Pairs, Rows, Table};
use indicatif::ProgressBar;

use crate::Args;

/// A clustering and how well it fits all rows.
#[derive(Debug)]
pub(crate) struct Fit {
    pub(crate) k: usize,
    pub(crate) labels: Vec<u32>,
    /// Squared distance of each row to its centre.
    pub(crate) squares: Vec<f32>,
    /// Σ d².
    pub(crate) cost: f64,
    /// Mean d: the curve that the announcement shows.
    pub(crate) mean_distance: f64,
}

impl Fit {
    pub(crate) fn rows(&self) -> f64 {
        self.labels.len() as f64
    }
}

/// Fits for ascending k and what they took.
#[derive(Debug)]
pub(crate) struct Curve {
    pub(crate) fits: Vec<Fit>,
    pub(crate) seconds: f64,
    /// Readings of all rows.
    pub(crate) passes: u64,
}

impl Curve {
    pub(crate) fn points(&self, of: impl Fn(&Fit) -> f64) -> Vec<(usize, f64)> {
        self.fits.iter().map(|fit| (fit.k, of(fit))).collect()
    }

    pub(crate) fn at(&self, k: usize) -> Option<&Fit> {
        self.fits.iter().find(|fit| fit.k == k)
    }
}

/// What one pass leaves: centres for every k.
#[derive(Debug)]
pub(crate) struct OnePass {
    pub(crate) centers: Vec<(usize, Vec<f32>)>,
    pub(crate) scaling: Option<Scaling>,
    pub(crate) summary: String,
    seconds: f64,
}

/// Streams the file by once and asks the state for every k.
pub(crate) fn one_pass(args: &Args) -> Result<OnePass, Box<dyn Error>> {
    let scaling = args.standardise.then(|| learn_scale(args)).transpose()?;
    let start = Instant::now();
    let batches = CsvBatches::open(&args.file, args.csv())?;
    let dim = batches.dim();
    let sizes = Sizes { batch: args.batch, sample: args.sample, ..Sizes::for_clusters(args.k_max) };
    let device = Device::cpu();
    let store = Slots::alloc(&device, dim, sizes)?;
    let mut stream = Stream::new(device, store, dim, StreamOptions::new().seed(args.seed))?;

    let scale = scaling.clone();
    let batches = read_ahead(batches.map(move |batch| scaled(batch?, scale.as_ref())));
    let mut wait = Patience::new("rows", None);
    feed(&mut stream, batches, |done| wait.tell(done.rows))?;
    let read = start.elapsed();
    let centers = (args.k_min..=args.k_max)
        .map(|k| Ok((k, stream.finish(k)?.model.centers)))
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let seconds = start.elapsed().as_secs_f64();
    let summary = format!(
        "{} rows of {dim} numbers in one pass of {:.1} ms; the state: {} micro-clusters and a \
         sample of {} rows, {:.0} kB",
        stream.rows(),
        read.as_secs_f64() * 1e3,
        stream.len(),
        args.sample.min(stream.rows() as usize),
        sizes.required_bytes(dim, 4) as f64 / 1e3
    );
    Ok(OnePass { centers, scaling, summary, seconds })
}

fn learn_scale(args: &Args) -> Result<Scaling, Box<dyn Error>> {
    let batches = CsvBatches::open(&args.file, args.csv())?;
    let mut scaler = Scaler::new(batches.dim())?;
    feed(&mut scaler, read_ahead(batches), |_| ControlFlow::Continue(()))?;
    Ok(scaler.scaling(Mode::Standardise))
}

fn scaled(mut table: Table, scaling: Option<&Scaling>) -> Result<Table, DataError> {
    if let Some(scaling) = scaling {
        scaling.apply(table.values_mut())?;
    }
    Ok(table)
}

/// All rows at once: what the comparison needs and the stream does not.
pub(crate) fn whole(args: &Args, scaling: Option<&Scaling>) -> Result<Table, DataError> {
    scaled(read_table(&args.file, args.csv())?, scaling)
}

/// How well the centres of the one pass fit all rows.
pub(crate) fn measure(table: &Table, one: &OnePass) -> Result<Curve, Box<dyn Error>> {
    let fits = one.centers.iter().map(|(k, centers)| assign(table, *k, centers));
    Ok(Curve { fits: fits.collect::<Result<_, _>>()?, seconds: one.seconds, passes: 1 })
}

/// A k-means++ and Lloyd fit for every k, from memory.
pub(crate) fn multi_pass(args: &Args, table: &Table) -> Result<Curve, Box<dyn Error>> {
    let (start, mut passes, mut fits) = (Instant::now(), 0, Vec::new());
    let total = (args.k_max - args.k_min + 1) as u64 * u64::from(args.restarts);
    let mut wait = Patience::new("fits", Some(total));
    for k in args.k_min..=args.k_max {
        let before = (k - args.k_min) as u64 * u64::from(args.restarts);
        let options = KMeans::new(k).seed(args.seed).restarts(args.restarts);
        let fit = options.fit_with(&Device::cpu(), table.rows(), None, &mut |progress| {
            passes += 1;
            wait.tell(before + u64::from(progress.restart))
        })?;
        fits.push((k, fit.model.centers));
    }
    let seconds = start.elapsed().as_secs_f64();
    let fits = fits.iter().map(|(k, centers)| assign(table, *k, centers));
    Ok(Curve { fits: fits.collect::<Result<_, _>>()?, seconds, passes })
}

/// Every row to its nearest centre.
fn assign(table: &Table, k: usize, centers: &[f32]) -> Result<Fit, Box<dyn Error>> {
    let rows = table.rows();
    let (mut squares, mut labels) = (vec![f32::INFINITY; rows.len()], vec![NONE; rows.len()]);
    let pairs = Pairs::new(rows, Rows::new(centers, table.dim())?, Metric::SqEuclidean)?;
    let best = Nearest { k: 1, dist: &mut squares[..], index: &mut labels[..] };
    Device::cpu().nearest(pairs, best)?;
    let cost = squares.iter().map(|&d| f64::from(d)).sum();
    let sum: f64 = squares.iter().map(|&d| f64::from(d).sqrt()).sum();
    let mean_distance = sum / rows.len() as f64;
    Ok(Fit { k, labels, squares, cost, mean_distance })
}

/// A progress bar for work that turns out to be long, on a terminal only.
#[derive(Debug)]
struct Patience {
    start: Instant,
    unit: &'static str,
    total: Option<u64>,
    bar: Option<ProgressBar>,
}

impl Patience {
    fn new(unit: &'static str, total: Option<u64>) -> Self {
        Self { start: Instant::now(), unit, total, bar: None }
    }

    fn tell(&mut self, done: u64) -> ControlFlow<()> {
        let late = self.start.elapsed() > Duration::from_secs(1);
        if self.bar.is_none() && late && std::io::stderr().is_terminal() {
            self.bar = Some(self.open());
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
        ControlFlow::Continue(())
    }

    fn open(&self) -> ProgressBar {
        match self.total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner().with_message(self.unit),
        }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
