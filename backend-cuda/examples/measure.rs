//! What a GPU does in a second: JSON lines, one for each measure of `gpu.sh`.
//!
//! measure [SHARE]: rows as 1/SHARE of the full sizes (1); every answer is as right at any size.

use std::time::Instant;

use enfold_core::neighbors::Neighbors;
use enfold_core::random::Draws;
use enfold_core::scores::Silhouette;
use enfold_core::umap::Umap;
use enfold_core::{Alloc, Backend, Dbscan, Metric, NONE, Nearest, Pairs, Rows, Sums, rows};
use enfold_cuda::{Cuda, CudaBuf, Filter, Options};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Rows that are drawn; longer tables repeat them with a shift.
const DRAWN: usize = 1 << 18;

fn main() -> Outcome {
    let share: usize = std::env::args().nth(1).map_or(Ok(1), |s| s.parse())?;
    let gpu = Options::new().open()?;
    println!("{{\"device\": \"{}\", \"share\": {share}}}", gpu.gpu().name);
    for filter in [Filter::Off, Filter::Single, Filter::Matrix] {
        assignment(filter, 8_000_000 / share, 128, 1024)?;
    }
    headline(&gpu, 23_000_000 / share, 400, 500)?;
    streamed(&gpu, 4_000_000 / share, 400, 500)?;
    dbscan(&gpu, 37_000_000 / share)?;
    knn(&gpu, 60_000 / share, 784, 15)?;
    silhouette(&gpu, 1_000_000 / share, 16)?;
    umap(&gpu, 60_000 / share)
}

fn uniform(len: usize, seed: u64) -> Vec<f32> {
    let draws = Draws::new(seed, 1);
    (0..len as u64).map(|at| draws.unit(at, 0)).collect()
}

/// A table on the device, of `n` rows: drawn ones, again and again.
fn table(gpu: &Cuda, n: usize, dim: usize) -> Result<CudaBuf<f32>, Box<dyn std::error::Error>> {
    let drawn = uniform(n.min(DRAWN) * dim, 7);
    let mut buf = gpu.alloc::<f32>(n * dim)?;
    for at in (0..n * dim).step_by(drawn.len().max(1)) {
        gpu.write(&mut buf, at, &drawn[..drawn.len().min(n * dim - at)])?;
    }
    gpu.sync()?;
    Ok(buf)
}

/// The least of three runs after one that warms up, in seconds.
fn seconds(mut run: impl FnMut() -> Outcome) -> Result<f64, Box<dyn std::error::Error>> {
    run()?;
    let mut least = f64::INFINITY;
    for _ in 0..3 {
        let start = Instant::now();
        run()?;
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok(least)
}

fn report(what: &str, seconds: f64, unit: &str, value: f64) {
    println!("{{\"measure\": \"{what}\", \"seconds\": {seconds:.6}, \"{unit}\": {value:.3}}}");
}

/// Everything that an assignment writes, and where it begins.
struct Best {
    dist: CudaBuf<f32>,
    index: CudaBuf<u32>,
}

impl Best {
    fn new(gpu: &Cuda, n: usize) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self { dist: gpu.alloc(n)?, index: gpu.alloc(n)? })
    }

    fn find(&mut self, gpu: &Cuda, x: Rows<'_, CudaBuf<f32>>, y: &CudaBuf<f32>) -> Outcome {
        gpu.fill(&mut self.dist, f32::INFINITY)?;
        gpu.fill(&mut self.index, NONE)?;
        let pairs = Pairs::new(x, rows::<Cuda>(y, x.dim())?, Metric::SqEuclidean)?;
        gpu.nearest(pairs, Nearest { k: 1, dist: &mut self.dist, index: &mut self.index })?;
        Ok(())
    }
}

fn assignment(filter: Filter, n: usize, dim: usize, k: usize) -> Outcome {
    let gpu = Options::new().filter(filter).open()?;
    let (x, y) = (table(&gpu, n, dim)?, table(&gpu, k, dim)?);
    let mut best = Best::new(&gpu, n)?;
    let took = seconds(|| {
        best.find(&gpu, rows::<Cuda>(&x, dim)?, &y)?;
        Ok(gpu.sync()?)
    })?;
    let mut labels = vec![0u32; n];
    gpu.read(&best.index, 0, &mut labels)?;
    let sum = labels.iter().fold(0u64, |s, &l| s.wrapping_mul(31).wrapping_add(u64::from(l)));
    let teraflops = 2.0 * n as f64 * dim as f64 * k as f64 / took / 1e12;
    report(
        &format!("assign {n}x{dim} to {k}, {filter:?}, labels {sum:016x}"),
        took,
        "tflops",
        teraflops,
    );
    Ok(())
}

/// Integer sums by label and what they are added into.
struct Parts {
    offsets: CudaBuf<i64>,
    mass: CudaBuf<i64>,
}

fn pass(
    gpu: &Cuda,
    x: Rows<'_, CudaBuf<f32>>,
    y: &CudaBuf<f32>,
    best: &mut Best,
    to: &mut Parts,
) -> Outcome {
    best.find(gpu, x, y)?;
    let into = Sums::<Cuda> { offsets: &mut to.offsets, mass: &mut to.mass, scatter: None };
    gpu.accumulate(x, &best.index, None, rows::<Cuda>(y, x.dim())?, 1024.0, into)?;
    Ok(())
}

fn headline(gpu: &Cuda, n: usize, dim: usize, k: usize) -> Outcome {
    let (x, y) = (table(gpu, n, dim)?, table(gpu, k, dim)?);
    let (mut best, mut to) =
        (Best::new(gpu, n)?, Parts { offsets: gpu.alloc(k * dim)?, mass: gpu.alloc(k)? });
    let took = seconds(|| {
        pass(gpu, rows::<Cuda>(&x, dim)?, &y, &mut best, &mut to)?;
        Ok(gpu.sync()?)
    })?;
    report(&format!("pass {n}x{dim}, k {k}, resident"), took, "mrows_per_s", n as f64 / took / 1e6);
    Ok(())
}

/// Batches from the host, two buffers in turn, against the same bytes alone.
fn streamed(gpu: &Cuda, n: usize, dim: usize, k: usize) -> Outcome {
    let batch = DRAWN.min(n);
    let (host, y) = (uniform(batch * dim, 3), table(gpu, k, dim)?);
    let mut turn = [gpu.alloc::<f32>(batch * dim)?, gpu.alloc::<f32>(batch * dim)?];
    let (mut best, mut to) =
        (Best::new(gpu, batch)?, Parts { offsets: gpu.alloc(k * dim)?, mass: gpu.alloc(k)? });
    let mut run = |work: bool| {
        seconds(|| {
            for at in 0..n.div_ceil(batch) {
                let buf = &mut turn[at % 2];
                gpu.write(buf, 0, &host)?;
                if work {
                    pass(gpu, rows::<Cuda>(buf, dim)?, &y, &mut best, &mut to)?;
                }
            }
            Ok(gpu.sync()?)
        })
    };
    let (copies, both) = (run(false)?, run(true)?);
    report(&format!("pass {n}x{dim}, k {k}, streamed"), both, "times_the_copies", both / copies);
    Ok(())
}

fn dbscan(gpu: &Cuda, n: usize) -> Outcome {
    let data = uniform(n * 3, 5);
    let mut x = gpu.alloc::<f32>(data.len())?;
    gpu.write(&mut x, 0, &data)?;
    // About ten rows within eps of a row.
    let eps = (10.0 / (4.19 * n as f64)).cbrt();
    let start = Instant::now();
    let fit = Dbscan::new(eps, 5).fit(gpu, rows::<Cuda>(&x, 3)?).map_err(|e| format!("{e:?}"))?;
    let took = start.elapsed().as_secs_f64();
    let what = format!("DBSCAN {n}x3, {} clusters", fit.model.clusters());
    report(&what, took, "mrows_per_s", n as f64 / took / 1e6);
    Ok(())
}

fn knn(gpu: &Cuda, n: usize, dim: usize, k: usize) -> Outcome {
    let x = table(gpu, n, dim)?;
    let took = seconds(|| {
        let lists = Neighbors::new(k).within(gpu, rows::<Cuda>(&x, dim)?);
        lists.map(drop).map_err(|e| format!("{e:?}").into())
    })?;
    report(&format!("{k} neighbours of {n}x{dim}"), took, "mrows_per_s", n as f64 / took / 1e6);
    Ok(())
}

fn silhouette(gpu: &Cuda, n: usize, dim: usize) -> Outcome {
    let x = table(gpu, n, dim)?;
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 8).collect();
    let start = Instant::now();
    let score = Silhouette::new().score(gpu, rows::<Cuda>(&x, dim)?, &labels);
    let score = score.map_err(|e| format!("{e:?}"))?;
    let what = format!("silhouette {n}x{dim}, {score:.6}");
    report(&what, start.elapsed().as_secs_f64(), "rows", n as f64);
    Ok(())
}

fn umap(gpu: &Cuda, n: usize) -> Outcome {
    let x = table(gpu, n, 50)?;
    let start = Instant::now();
    let fit = Umap::new(2).fit(gpu, rows::<Cuda>(&x, 50)?);
    fit.map_err(|e| format!("{e:?}"))?;
    report(&format!("UMAP {n}x50"), start.elapsed().as_secs_f64(), "rows", n as f64);
    Ok(())
}
