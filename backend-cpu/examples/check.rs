//! A quick self-check: the best level of this machine against the scalar one, bit for bit.
//!
//! For machines that are slow or emulated, where the whole suite takes hours: a level that the
//! machine at hand lacks can be checked under an emulator in minutes. Ends with an error where
//! any comparison fails.

use enfold_core::distance::distance;
use enfold_core::{Backend, Metric, NONE, Nearest, Pairs, Rows, Sums};
use enfold_cpu::{Cpu, Isa};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scalar = Cpu::<f32>::with_isa(Isa::Scalar).ok_or("no scalar level")?;
    let best = Cpu::<f32>::new();
    let (mut checked, mut failed) = (0, 0);
    for dim in [1usize, 2, 3, 4, 7, 8, 9, 16, 17, 31, 40] {
        for (n, m) in [(70usize, 37usize), (5, 130), (130, 64)] {
            for metric in Metric::of_dim(dim) {
                checked += 1;
                if !agree(scalar, best, dim, (n, m), metric)? {
                    println!("{:?} differs: dim {dim}, {n} × {m}, {metric:?}", best.isa());
                    failed += 1;
                }
            }
        }
    }
    println!("{:?}: {checked} comparisons, {failed} failed", best.isa());
    if failed == 0 { Ok(()) } else { Err("levels differ".into()) }
}

type Outcome = Result<bool, Box<dyn std::error::Error>>;

fn agree(
    scalar: Cpu<f32>,
    best: Cpu<f32>,
    dim: usize,
    (n, m): (usize, usize),
    metric: Metric,
) -> Outcome {
    let mut state = 1u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // A coarse grid, so that there are ties, and a row that is not finite.
        (((state >> 40) as f32) / 1_048_576.0).round() * 0.3
    };
    let mut data: Vec<f32> = (0..(n + m) * dim).map(|_| next()).collect();
    data[2 * dim] = f32::NAN;
    let all = Rows::new(&data[..], dim)?;
    let pairs = Pairs::new(all.range(0, n)?, all.range(n - 4, n - 4 + m)?, metric)?;
    let run = |cpu: Cpu<f32>| -> Result<_, Box<dyn std::error::Error>> {
        let mut out = (Vec::new(), Vec::new());
        for k in [1, 4] {
            let (mut dist, mut index) = (vec![f32::INFINITY; n * k], vec![NONE; n * k]);
            cpu.nearest(pairs, Nearest { k, dist: &mut dist[..], index: &mut index[..] })?;
            out.0.extend(dist.iter().map(|d| d.to_bits()));
            out.1.extend(index);
        }
        let mut counts = vec![0; n];
        cpu.count_within(pairs, &vec![9.0; n], 1, &mut counts)?;
        out.1.extend(counts);
        let (mut offsets, mut mass) = (vec![0; 3 * dim], vec![0; 3]);
        let labels: Vec<u32> = (0..n as u32).map(|i| i % 3).collect();
        let into = Sums { offsets: &mut offsets[..], mass: &mut mass[..], scatter: None };
        cpu.accumulate(all.range(0, n)?, &labels, None, all.range(3, 6)?, 100.0, into)?;
        let mut table = vec![0f32; n * m];
        cpu.distances(pairs, &mut table)?;
        Ok((out, offsets, table))
    };
    let (a, b) = (run(scalar)?, run(best)?);
    let (x, y) = (pairs.x(), pairs.y());
    let right = (0..n * m).all(|at| {
        let d = distance(metric, x.row(at / m), y.row(n - 4 + at % m));
        let same = |v: f32| v.to_bits() == d.to_bits() || (v.is_nan() && d.is_nan());
        same(a.2[at]) && same(b.2[at])
    });
    Ok(right && a.0 == b.0 && a.1 == b.1)
}
