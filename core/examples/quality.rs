//! One pass over a matrix in a `.npy` file, against the cost of the result on all rows.
//!
//! `quality FILE K ORDER SEED [CAPACITY] [SAMPLE] [GROWTH]`, with ORDER one of `given`, `random`, `sorted`
//! (by the labels in FILE.lab.npy), `reversed`, `bursty`. Prints one line of JSON.

use std::error::Error;
use std::time::Instant;

use enfold_core::random::Draws;
use enfold_core::store::{Sizes, Slots};
use enfold_core::stream::{Stream, StreamOptions};
use enfold_core::{Backend, Metric, NONE, Nearest, Pairs, Rows, StreamState};
use enfold_cpu::Cpu;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A little-endian, C-ordered array of `f4`, `f8`, `i4` or `i8`: rows, elements per row, values.
fn npy(path: &str) -> Result<(usize, usize, Vec<f64>)> {
    let bytes = std::fs::read(path)?;
    let wide = bytes.get(6) == Some(&2);
    let (start, len) = if wide {
        (12, u32::from_le_bytes(bytes[8..12].try_into()?) as usize)
    } else {
        (10, usize::from(u16::from_le_bytes(bytes[8..10].try_into()?)))
    };
    let header = std::str::from_utf8(&bytes[start..start + len])?;
    let field = |name: &str| header.split(name).nth(1).unwrap_or("").to_owned();
    let shape: Vec<usize> = field("'shape': (")
        .split(')')
        .next()
        .unwrap_or("")
        .split(',')
        .filter_map(|size| size.trim().parse().ok())
        .collect();
    let kind = field("'descr': '").split('\'').next().unwrap_or("").to_owned();
    let data = &bytes[start + len..];
    let values = match kind.as_str() {
        "<f4" => data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b).into()).collect(),
        "<f8" => data.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        "<i4" => data.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect(),
        "<i8" => data.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(),
        other => return Err(format!("{path}: element type {other}").into()),
    };
    let rows = shape.first().copied().unwrap_or(0);
    Ok((rows, shape.iter().skip(1).product(), values))
}

fn order(
    name: &str,
    n: usize,
    seed: u64,
    labels: impl Fn() -> Result<Vec<f64>>,
) -> Result<Vec<usize>> {
    let draws = Draws::new(seed, 77);
    let mut rows: Vec<usize> = (0..n).collect();
    match name {
        "given" => {}
        "reversed" => rows.reverse(),
        "random" => rows.sort_by_key(|&i| draws.bits(i as u64, 0)),
        "sorted" => {
            let labels = labels()?;
            rows.sort_by(|&a, &b| labels[a].total_cmp(&labels[b]).then(a.cmp(&b)));
        }
        // Runs of one label, 200 rows long, in random order.
        "bursty" => {
            let labels = labels()?;
            rows.sort_by(|&a, &b| labels[a].total_cmp(&labels[b]).then(a.cmp(&b)));
            let mut runs: Vec<&[usize]> = rows.chunks(200).collect();
            runs.sort_by_key(|run| draws.bits(run[0] as u64, 1));
            rows = runs.concat();
        }
        other => return Err(format!("no order `{other}`").into()),
    }
    Ok(rows)
}

fn cost(cpu: &Cpu<f32>, data: &[f32], dim: usize, centers: &[f32]) -> Result<f64> {
    let (rows, centers) = (Rows::new(data, dim)?, Rows::new(centers, dim)?);
    let (mut dist, mut index) = (vec![f32::INFINITY; rows.len()], vec![NONE; rows.len()]);
    let pairs = Pairs::new(rows, centers, Metric::SqEuclidean)?;
    cpu.nearest(pairs, Nearest { k: 1, dist: &mut dist[..], index: &mut index[..] })?;
    Ok(dist.iter().map(|&d| f64::from(d)).sum())
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, k, how, seed, rest @ ..] = &args[..] else {
        return Err("usage: quality FILE K ORDER SEED [CAPACITY] [SAMPLE] [GROWTH]".into());
    };
    let (k, seed): (usize, u64) = (k.parse()?, seed.parse()?);
    let (n, dim, values) = npy(file)?;
    let label_file = file.replace(".npy", ".lab.npy");
    let rows = order(how, n, seed, || Ok(npy(&label_file)?.2))?;
    let data: Vec<f32> =
        rows.iter().flat_map(|&i| &values[i * dim..(i + 1) * dim]).map(|&v| v as f32).collect();

    let mut sizes = Sizes::for_clusters(k);
    let number = |i: usize| rest.get(i).and_then(|text| text.parse().ok());
    sizes.capacity = number(0).unwrap_or(sizes.capacity);
    sizes.sample = number(1).unwrap_or(sizes.sample);
    let growth = rest.get(2).and_then(|text| text.parse().ok()).unwrap_or(1.5);
    let options = StreamOptions::new().seed(seed).growth(growth);
    let cpu = Cpu::<f32>::new();
    let store = Slots::alloc(&cpu, dim, sizes)?;
    let mut stream = Stream::new(cpu, store, dim, options)?;
    let start = Instant::now();
    for part in data.chunks(20_000 * dim) {
        stream.push(Rows::new(part, dim)?, None)?;
    }
    let push = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let found = stream.finish(k)?;
    let finish = start.elapsed().as_secs_f64();
    println!(
        "{{\"set\":\"{}\",\"k\":{k},\"order\":\"{how}\",\"seed\":{seed},\"cost_per_row\":{:.6e},\
         \"estimate\":{:.6e},\"low\":{:.6e},\"high\":{:.6e},\"rebuilds\":{},\"opened\":{},\
         \"push_s\":{push:.3},\"finish_s\":{finish:.3}}}",
        file.rsplit('/').next().unwrap_or(file).trim_end_matches(".npy"),
        cost(&cpu, &data, dim, &found.model.centers)? / n as f64,
        found.model.cost / n as f64,
        found.least_cost / n as f64,
        found.most_cost / n as f64,
        stream.rebuilds(),
        stream.opened(),
    );
    Ok(())
}
