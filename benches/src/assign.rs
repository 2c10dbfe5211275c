//! Assignment and a whole Lloyd step, against FAISS and scikit-learn in alternating rounds.

use std::path::Path;

use enfold_core::{Backend, Metric, NONE, Nearest, Pairs, Rows, Sums};
use enfold_cpu::Cpu;
use serde_json::{Map, json};

use crate::clock::{keep_least, timed};
use crate::failure::Outcome;
use crate::file;
use crate::peer::Peer;
use crate::sets::{self, Set};

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Names of shapes, of [`sets::SHAPES`].
    pub(crate) shapes: Vec<String>,
    /// Rounds; the least of them counts.
    pub(crate) rounds: usize,
    /// Python with the peers installed, if they are to run.
    pub(crate) python: Option<String>,
    /// Where the peers find the sets.
    pub(crate) data: String,
}

/// Buffers of one shape, reused over rounds.
struct Bench {
    set: Set,
    centers: Vec<f32>,
    dist: Vec<f32>,
    index: Vec<u32>,
    offsets: Vec<i64>,
    mass: Vec<i64>,
}

impl Bench {
    fn new(set: Set) -> Self {
        let (n, d, k) = (set.rows(), set.dim, set.k);
        // The rows at linspace(0, n−1, k), rounded down, as the peers take them.
        let pick = |c: usize| ((n - 1) as f64 * c as f64 / (k - 1) as f64) as usize;
        let centers = (0..k).flat_map(|c| set.data[pick(c) * d..][..d].to_vec()).collect();
        let (dist, index) = (vec![f32::INFINITY; n], vec![NONE; n]);
        Self { set, centers, dist, index, offsets: vec![0; k * d], mass: vec![0; k] }
    }

    fn assign(&mut self, cpu: &Cpu<f32>) -> Outcome<()> {
        let dim = self.set.dim;
        self.dist.fill(f32::INFINITY);
        self.index.fill(NONE);
        let (x, y) = (Rows::new(&self.set.data[..], dim)?, Rows::new(&self.centers[..], dim)?);
        let best = Nearest { k: 1, dist: &mut self.dist[..], index: &mut self.index[..] };
        cpu.nearest(Pairs::new(x, y, Metric::SqEuclidean)?, best)?;
        Ok(())
    }

    fn lloyd(&mut self, cpu: &Cpu<f32>) -> Outcome<()> {
        self.assign(cpu)?;
        let dim = self.set.dim;
        self.offsets.fill(0);
        self.mass.fill(0);
        let (x, y) = (Rows::new(&self.set.data[..], dim)?, Rows::new(&self.centers[..], dim)?);
        let sums = Sums { offsets: &mut self.offsets[..], mass: &mut self.mass[..], scatter: None };
        cpu.accumulate(x, &self.index[..], None, y, 1048576.0, sums)?;
        let mut costs = vec![0.0; self.dist.len().div_ceil(1024)];
        cpu.sums(&self.dist[..], None, self.dist.len(), 1024, &mut costs)?;
        let k = self.set.k;
        for (c, (m, row)) in self.mass.iter().zip(self.offsets.chunks_exact(dim)).enumerate() {
            let scale = if *m == 0 { 0.0 } else { 1.0 / (*m as f64 / 65536.0 * 1048576.0) };
            for (t, &o) in row.iter().enumerate() {
                std::hint::black_box(f64::from(self.centers[c * dim + t]) + o as f64 * scale);
            }
        }
        std::hint::black_box((k, costs));
        Ok(())
    }
}

/// Runs the plan and prints one JSON line per shape.
pub(crate) fn run(plan: &Plan) -> Outcome<()> {
    let mut peer = plan.python.as_deref().map(Peer::start).transpose()?;
    let cpu = Cpu::<f32>::new();
    for name in &plan.shapes {
        let set = sets::make(name).ok_or("unknown shape")?;
        let path = Path::new(&plan.data).join(format!("{name}.npy"));
        if peer.is_some() && !path.exists() {
            file::write_rows(&path, &set.data, set.dim)?;
        }
        let flops = 2.0 * set.rows() as f64 * set.dim as f64 * set.k as f64;
        let (n, d, k) = (set.rows(), set.dim, set.k);
        let mut bench = Bench::new(set);
        let mut ms = Map::new();
        for _ in 0..plan.rounds {
            for _ in 0..3 {
                let (took, done) = timed(|| bench.assign(&cpu));
                done?;
                keep_least(&mut ms, "enfold_assign", took);
                let (took, done) = timed(|| bench.lloyd(&cpu));
                done?;
                keep_least(&mut ms, "enfold_lloyd", took);
            }
            if let Some(peer) = &mut peer {
                let request = json!({"task": "assign", "path": path, "k": k, "lloyd": true});
                for (name, value) in peer.ask(&request)?.as_object().ok_or("not an object")? {
                    keep_least(&mut ms, name, value.as_f64().unwrap_or(f64::INFINITY));
                }
            }
        }
        let gflops = flops / ms["enfold_assign"].as_f64().unwrap_or(f64::NAN) / 1e6;
        let row = json!({"task": "assign", "shape": name, "n": n, "d": d, "k": k,
            "isa": format!("{:?}", cpu.isa()), "threads": rayon::current_num_threads(),
            "gflops": gflops, "ms": ms});
        println!("{row}");
    }
    Ok(())
}
