//! Time of an assignment: the nearest of k centres for every row, by the least of many runs.
//!
//! `assign [--npy FILE] [--n N] [--dim D] [--k K] [--isa NAME] [--runs R]` – uniform data without
//! a file; centres are rows at equal distances. Prints one line of JSON.

use enfold_core::{Backend, Metric, NONE, Nearest, Pairs, Rows, Sums};
use enfold_cpu::{Cpu, Isa};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let text = |name: &str| args.iter().position(|a| a == name).and_then(|at| args.get(at + 1));
    let number = |name: &str, or: usize| text(name).and_then(|v| v.parse().ok()).unwrap_or(or);
    let (mut n, mut dim) = (number("--n", 50_000), number("--dim", 400));
    let (k, runs) = (number("--k", 500), number("--runs", 15));
    let data = match text("--npy") {
        Some(path) => {
            let (data, rows, columns) = read_npy(&std::fs::read(path)?)?;
            (n, dim) = (rows, columns);
            data
        }
        None => uniform(n * dim),
    };
    let isa = match text("--isa").map(String::as_str) {
        Some("scalar") => Isa::Scalar,
        Some("avx2") => Isa::Avx2,
        Some("avx512") => Isa::Avx512,
        _ => Isa::detect(),
    };
    let cpu = Cpu::<f32>::with_isa(isa).ok_or("this machine has not got that level")?;

    let row = |c: usize| (c * (n - 1)) / (k - 1).max(1) * dim;
    let centres: Vec<f32> = (0..k).flat_map(|c| data[row(c)..row(c) + dim].to_vec()).collect();
    let (x, y) = (Rows::new(&data[..], dim)?, Rows::new(&centres[..], dim)?);
    let pairs = Pairs::new(x, y, Metric::SqEuclidean)?;
    let (mut dist, mut index) = (vec![0f32; n], vec![0u32; n]);
    let (mut offsets, mut mass) = (vec![0i64; k * dim], vec![0i64; k]);
    let (mut assign, mut update) = (f64::INFINITY, f64::INFINITY);
    let _ = enfold_cpu::take_tally();
    for _ in 0..runs {
        dist.fill(f32::INFINITY);
        index.fill(NONE);
        let start = seconds();
        cpu.nearest(pairs, Nearest { k: 1, dist: &mut dist[..], index: &mut index[..] })?;
        assign = assign.min(seconds() - start);
        let into = Sums { offsets: &mut offsets[..], mass: &mut mass[..], scatter: None };
        let start = seconds();
        cpu.accumulate(x, &index, None, y, 1024.0, into)?;
        update = update.min(seconds() - start);
    }
    let (all, again) = enfold_cpu::take_tally();
    println!(
        "{{\"n\":{n},\"d\":{dim},\"k\":{k},\"isa\":\"{isa:?}\",\"threads\":{},\"ms_min\":{:.3},\
         \"gflops\":{:.1},\"mpts\":{:.1},\"uncertain_share\":{:.5},\"update_ms\":{:.3}}}",
        rayon::current_num_threads(),
        assign * 1e3,
        2.0 * (n * dim * k) as f64 / assign / 1e9,
        n as f64 / assign / 1e6,
        again as f64 / all.max(1) as f64,
        update * 1e3,
    );
    Ok(())
}

/// Seconds that this thread has run, or that have passed where that is not known or where
/// several threads work.
fn seconds() -> f64 {
    #[cfg(target_os = "linux")]
    if rayon::current_num_threads() == 1 {
        #[repr(C)]
        struct Time {
            seconds: i64,
            nanoseconds: i64,
        }
        unsafe extern "C" {
            fn clock_gettime(clock: i32, time: *mut Time) -> i32;
        }
        let mut time = Time { seconds: 0, nanoseconds: 0 };
        // SAFETY: `time` has the layout of a timespec on 64-bit Linux; 3 is this thread's clock.
        unsafe { clock_gettime(3, &raw mut time) };
        return time.seconds as f64 + time.nanoseconds as f64 * 1e-9;
    }
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed().as_secs_f64()
}

/// Uniform in (−1, 1), the same numbers every time.
fn uniform(len: usize) -> Vec<f32> {
    let mut state = 12_345u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f64 / 16_777_216.0 * 2.0 - 1.0) as f32
    };
    (0..len).map(|_| next()).collect()
}

/// A two-dimensional little-endian f32 array of NumPy: data, rows, columns.
fn read_npy(bytes: &[u8]) -> Result<(Vec<f32>, usize, usize), Box<dyn std::error::Error>> {
    let long = bytes.get(6) > Some(&1);
    let start = if long { 12 } else { 10 };
    let length = bytes.get(8..start).ok_or("no NumPy file")?;
    let length = length.iter().rev().fold(0usize, |n, &b| n << 8 | usize::from(b));
    let header = std::str::from_utf8(bytes.get(start..start + length).ok_or("cut short")?)?;
    if !header.contains("'<f4'") || header.contains("'fortran_order': True") {
        return Err("not little-endian f32 in rows".into());
    }
    let shape = header.split("'shape': (").nth(1).and_then(|s| s.split(')').next());
    let mut sizes = shape.ok_or("no shape")?.split(',').map(|s| s.trim().parse::<usize>());
    let (rows, columns) = (sizes.next().ok_or("rows")??, sizes.next().ok_or("columns")??);
    let (values, _) = bytes[start + length..].as_chunks::<4>();
    Ok((values.iter().map(|&v| f32::from_le_bytes(v)).collect(), rows, columns))
}
