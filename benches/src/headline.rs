//! The article's headline shape – 23M × 400, k = 500, one pass – from a generator.

use std::time::Instant;

use enfold_core::store::{Owned, Sizes};
use enfold_core::{Rows, Stream, StreamOptions, StreamState};
use enfold_cpu::Cpu;
use serde_json::{Value, json};

use crate::failure::Outcome;
use crate::memory::peak_mib;
use crate::sets::Mixture;

/// Rows per second in the article: 23M rows in 7 minutes.
const ARTICLE: f64 = 23e6 / 420.0;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Rows in all.
    pub(crate) rows: usize,
    /// Elements per row.
    pub(crate) dim: usize,
    /// Clusters in the data and asked for.
    pub(crate) k: usize,
    /// Micro-clusters per cluster.
    pub(crate) extra: usize,
    /// Rows sampled.
    pub(crate) sample: usize,
}

/// The share of time that pushes with a rebuild took beyond the middle one without.
fn rebuild_share(pushes: &[(bool, f64)]) -> f64 {
    let mut plain: Vec<f64> = pushes.iter().filter(|p| !p.0).map(|p| p.1).collect();
    plain.sort_by(f64::total_cmp);
    let middle = plain.get(plain.len() / 2).copied().unwrap_or(0.0);
    let excess: f64 = pushes.iter().filter(|p| p.0).map(|p| (p.1 - middle).max(0.0)).sum();
    excess / pushes.iter().map(|p| p.1).sum::<f64>()
}

/// Streams generated rows through bounded memory and reads one model out of the state.
pub(crate) fn run(plan: &Plan) -> Outcome<Value> {
    const BATCH: usize = 4096;
    let Plan { rows, dim, k, extra, sample } = *plan;
    let cpu = Cpu::<f32>::new();
    let sizes = Sizes { capacity: extra * k, sample, ..Sizes::for_clusters(k) };
    let store = Owned::<Cpu<f32>>::alloc(&cpu, dim, sizes)?;
    let mut stream = Stream::new(cpu, store, dim, StreamOptions::new().seed(1))?;
    let source = Mixture::blobs(rows, dim, k);
    let mut batch = vec![0f32; BATCH * dim];
    let (mut made, mut pushed, mut pushes) = (0.0, 0.0, Vec::new());
    for at in (0..rows).step_by(BATCH) {
        let count = BATCH.min(rows - at);
        let start = Instant::now();
        source.fill(at, &mut batch[..count * dim]);
        made += start.elapsed().as_secs_f64();
        let (start, before) = (Instant::now(), stream.rebuilds());
        stream.push(Rows::new(&batch[..count * dim], dim)?, None)?;
        let took = start.elapsed().as_secs_f64();
        pushed += took;
        pushes.push((stream.rebuilds() > before, took));
    }
    let start = Instant::now();
    let clusters = stream.finish(k)?;
    let finish = start.elapsed().as_secs_f64();
    let rate = rows as f64 / pushed;
    Ok(json!({"task": "headline", "rows": rows, "d": dim, "k": k, "capacity": extra * k,
        "sample": sample, "isa": format!("{:?}", cpu.isa()),
        "threads": rayon::current_num_threads(), "push_s": pushed, "generate_s": made,
        "finish_s": finish, "rows_per_s": rate, "ratio_to_article": rate / ARTICLE,
        "extrapolated_23m_s": 23e6 / rate, "peak_mib": peak_mib(),
        "rebuilds": stream.rebuilds(), "rebuild_share": rebuild_share(&pushes), "clusters": clusters.len(),
        "cost_per_row": clusters.model.cost / rows as f64}))
}
