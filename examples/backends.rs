//! The same work on every machine that is present: time, and whether the answers agree.
//!
//! ```sh
//! cargo run --release --features wgpu --example backends -- 100000 16 64
//! ```
//!
//! Arguments: rows, coordinates, clusters. `--features cuda` adds NVIDIA's GPUs; without either
//! feature only the CPU is present.

use std::error::Error;
use std::time::Instant;

use enfold::neighbors::Neighbors;
use enfold::random::Draws;
use enfold::scores::Silhouette;
use enfold::{Alloc, Device, KMeans, Rows, Table, Values, rows};

/// What one machine answers, and how long it takes.
struct Answers {
    labels: Vec<u32>,
    cost: f64,
    neighbors: Vec<u32>,
    silhouette: f64,
    seconds: [f64; 3],
}

fn timed<T>(seconds: &mut f64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    *seconds = start.elapsed().as_secs_f64();
    done
}

/// k-means, the neighbours of some rows, and a silhouette of those.
fn work<B: Alloc<Elem = f32>>(
    backend: &B,
    x: Rows<'_, Values<B>>,
    k: usize,
) -> Result<Answers, Box<dyn Error>> {
    let (mut seconds, few) = ([0.0; 3], x.range(0, x.len().min(4000))?);
    let fit = timed(&mut seconds[0], || KMeans::new(k).seed(1).max_iter(20).fit(backend, x))?;
    let lists = timed(&mut seconds[1], || Neighbors::new(10).among(backend, few, x))?;
    let labels = &fit.labels[..few.len()];
    let score = timed(&mut seconds[2], || Silhouette::new().score(backend, few, labels))?;
    Ok(Answers {
        cost: fit.model.cost,
        neighbors: lists.indices().to_vec(),
        silhouette: score,
        seconds,
        labels: fit.labels,
    })
}

fn report(name: &str, found: &Answers, first: &Answers) {
    let differing = |a: &[u32], b: &[u32]| a.iter().zip(b).filter(|(a, b)| a != b).count();
    let [fit, near, score] = found.seconds;
    println!("{name}");
    println!(
        "  k-means      {fit:8.3} s   cost {:.6e}, {} labels differ from the first machine's",
        found.cost,
        differing(&found.labels, &first.labels)
    );
    let off = differing(&found.neighbors, &first.neighbors);
    println!("  neighbours   {near:8.3} s   {off} of {} differ", found.neighbors.len());
    let off = (found.silhouette - first.silhouette).abs();
    println!("  silhouette   {score:8.3} s   {:.6}, off by {off:.1e}", found.silhouette);
}

/// Rows in groups of spread 1 around centres up to 10 away.
fn table(n: usize, dim: usize, k: usize) -> Table {
    let (draws, centers) = (Draws::new(7, 1), Draws::new(8, 1));
    let cell = |at: usize| {
        let group = draws.below((at / dim) as u64, u32::MAX, k as u64);
        let center = 20.0 * centers.unit(group, (at % dim) as u32) - 10.0;
        center + 2.0 * draws.unit(at as u64, 0) - 1.0
    };
    Table::new((0..n * dim).map(cell).collect(), dim).expect("whole rows")
}

/// The GPUs of this build, each with what it is called.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn present() -> Result<Vec<(String, enfold::Any)>, Box<dyn Error>> {
    let mut all = Vec::new();
    #[cfg(feature = "cuda")]
    match Device::gpus() {
        Ok(gpus) => {
            for gpu in gpus {
                let (major, minor) = gpu.capability;
                let what = format!("{} (CUDA, compute {major}.{minor})", gpu.name);
                all.push((what, Device::cuda_at(gpu.index)?));
            }
        }
        Err(why) => println!("(no GPU through CUDA: {why})"),
    }
    #[cfg(feature = "wgpu")]
    for adapter in Device::adapters() {
        let what = format!("{} ({}, {})", adapter.name, adapter.interface, adapter.driver);
        all.push((what, Device::wgpu_at(adapter.index)?));
    }
    Ok(all)
}

#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn gpus(table: &Table, k: usize, first: &Answers) -> Result<(), Box<dyn Error>> {
    for (name, gpu) in present()? {
        let x = gpu.upload(table.rows())?;
        report(&name, &work(&gpu, rows::<enfold::Any>(&x, table.dim())?, k)?, first);
    }
    Ok(())
}

#[cfg(not(any(feature = "cuda", feature = "wgpu")))]
fn gpus(_: &Table, _: usize, _: &Answers) -> Result<(), Box<dyn Error>> {
    println!("(GPUs are left out: build with --features wgpu, cuda, or both)");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<usize> = std::env::args().skip(1).map(|a| a.parse()).collect::<Result<_, _>>()?;
    let [n, dim, k] = [0, 1, 2].map(|at| args.get(at).copied().unwrap_or([20_000, 8, 16][at]));
    println!("{n} rows of {dim}, {k} clusters");
    let (table, cpu) = (table(n, dim, k), Device::cpu());
    let x = rows::<Device>(table.rows().data(), dim)?;
    let first = work(&cpu, x, k)?;
    report("CPU", &first, &first);
    gpus(&table, k, &first)
}
