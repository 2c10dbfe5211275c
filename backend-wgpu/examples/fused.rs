//! What fusing is worth: `nearest` in one pass against a matrix of distances that is written and
//! then reduced, and against the CPU backend, in alternating rounds. One JSON line per shape.
//!
//! ```sh
//! cargo run --release -p enfold-wgpu --example fused -- 5
//! ```
//!
//! The unfused pass is the fused shader with its fold replaced by a store, so both compute a
//! distance by the same code and bring rows the same way; the matrix is reduced by a shader that
//! reads it once. Of its time, that of the reduction alone is told besides, and the time of the
//! backend's own `distances`, which provided bodies reduce on the host.

use std::error::Error;
use std::ops::Range;
use std::time::Instant;

use enfold_core::random::Draws;
use enfold_core::{Alloc, Backend, Metric, NONE, Nearest, Pairs, Rows, rows};
use enfold_cpu::Cpu;
use enfold_wgpu::shader::{self, From};
use enfold_wgpu::{Kind, Options, Wgpu};
use wgpu::util::{BufferInitDescriptor, DeviceExt};

/// Rows, coordinates, centres.
const SHAPES: [(usize, usize, usize); 5] =
    [(200_000, 2, 16), (200_000, 8, 16), (100_000, 16, 64), (100_000, 32, 64), (20_000, 128, 256)];

/// The shader that reduces a row of the matrix.
const REDUCE: &str = "
struct Params { wide: u32, x0: u32, x1: u32, xb: u32, y0: u32, y1: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> matrix: array<u32>;
@group(0) @binding(2) var<storage, read_write> dist: array<u32>;
@group(0) @binding(3) var<storage, read_write> index: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let i = (group.x + group.y * p.wide) * 64u + lane;
    if (i >= p.x1) { return; }
    var low = 0x7f800000u;
    var low_row = 0xffffffffu;
    for (var j = 0u; j < p.y1; j++) {
        let d = matrix[i * p.y1 + j];
        if (d < low) {
            low = d;
            low_row = j;
        }
    }
    dist[i] = low;
    index[i] = low_row;
}";

/// Distances written to memory, then reduced: a device of its own, with the shaders of the crate.
struct Unfused {
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// Passes that write the matrix, window of x after window of x, and the one that reduces it.
    passes: Vec<Pass>,
}

/// A pipeline, what it is bound to, and its workgroups.
struct Pass {
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    sides: (u32, u32),
}

/// Numbers of a bank: a uniform of 64 KiB.
const BANK: usize = 16 << 10;

/// So many workgroups along the two sides of a dispatch.
fn sides(groups: u32) -> (u32, u32) {
    let high = groups.div_ceil(65_535);
    (groups.div_ceil(high), high)
}

/// The words that say which rows a pass looks at; rows of the second bank are `later`.
fn words(x: Range<usize>, (m, dim): (usize, usize), wide: u32, later: usize) -> [u32; 20] {
    let mut words = [0; 20];
    let from = x.start as u32;
    words[..8].copy_from_slice(&[wide, from, x.end as u32, from, 0, m as u32, 0, dim as u32]);
    words[11] = later as u32;
    words
}

impl Unfused {
    fn new(x: &[f32], y: &[f32], dim: usize, from: From) -> Result<Self, Box<dyn Error>> {
        let (n, m) = (x.len() / dim, y.len() / dim);
        let desc = wgpu::InstanceDescriptor::new_without_display_handle();
        let instance = wgpu::Instance::new(desc);
        let adapter =
            pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()))?;
        let desc =
            wgpu::DeviceDescriptor { required_limits: adapter.limits(), ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&desc))?;
        let (_, text) = shader::nearest_and_unfused(dim, from);
        let buffer = |bytes: &[u8], usage| {
            device.create_buffer_init(&BufferInitDescriptor { label: None, contents: bytes, usage })
        };
        let (storage, uniform) = (wgpu::BufferUsages::STORAGE, wgpu::BufferUsages::UNIFORM);
        let room = |len: usize| {
            let size = 4 * len as u64;
            device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size,
                usage: storage,
                mapped_at_creation: false,
            })
        };
        let (matrix, dist, index) = (room(n * m), room(n), room(n));
        let banks = shader::banks_of_x(dim, from);
        let usage = if banks.is_some() { uniform } else { storage };
        let bank = |rows: &[f32]| {
            let mut bank = rows.to_vec();
            bank.resize(if banks.is_some() { BANK } else { rows.len() }, 0.0);
            buffer(bytemuck::cast_slice(&bank), usage)
        };
        let pipelines = [&*text, REDUCE].map(|text| pipeline(&device, text));
        let pass = |which: usize, x: Range<usize>, groups, later, bound: &[&wgpu::Buffer]| {
            let sides = sides(groups);
            let words = words(x, (m, dim), sides.0, later);
            let params = buffer(bytemuck::cast_slice(&words), uniform);
            let bound: Vec<_> = [&params].into_iter().chain(bound.iter().copied()).collect();
            let pipeline = pipelines[which].clone();
            Pass { group: bind(&device, &pipeline, &bound), pipeline, sides }
        };
        let ys = bank(y);
        let part = |rows: Range<usize>| bank(&x[rows.start.min(n) * dim..rows.end.min(n) * dim]);
        let all = (n as u32).div_ceil(64);
        let mut passes = match banks {
            None => vec![pass(0, 0..n, all, 0, &[&part(0..n), &ys, &matrix])],
            Some((rows, each)) => (0..n)
                .step_by(2 * rows)
                .map(|at| {
                    let (near, far) = (part(at..at + rows), part(at + rows..at + 2 * rows));
                    let (end, groups) = (n.min(at + 2 * rows), rows.min(n - at).div_ceil(each));
                    pass(0, at..end, groups as u32, rows, &[&near, &ys, &far, &matrix])
                })
                .collect(),
        };
        passes.push(pass(1, 0..n, all, 0, &[&matrix, &dist, &index]));
        Ok(Self { device, queue, passes })
    }

    /// All passes, or the reduction alone.
    fn run(&self, reduction: bool) -> Result<(), Box<dyn Error>> {
        let mut encoder =
            self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let first = if reduction { self.passes.len() - 1 } else { 0 };
        for Pass { pipeline, group, sides } in &self.passes[first..] {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.dispatch_workgroups(sides.0, sides.1, 1);
        }
        self.queue.submit([encoder.finish()]);
        self.device.poll(wgpu::PollType::wait_indefinitely())?;
        Ok(())
    }
}

fn pipeline(device: &wgpu::Device, text: &str) -> wgpu::ComputePipeline {
    let source = wgpu::ShaderSource::Wgsl(text.into());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: None,
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    })
}

fn bind(
    device: &wgpu::Device,
    pipeline: &wgpu::ComputePipeline,
    buffers: &[&wgpu::Buffer],
) -> wgpu::BindGroup {
    let bound = (0..).zip(buffers);
    let entries: Vec<_> = bound
        .map(|(binding, b)| wgpu::BindGroupEntry { binding, resource: b.as_entire_binding() })
        .collect();
    let layout = pipeline.get_bind_group_layout(0);
    let desc = wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries };
    device.create_bind_group(&desc)
}

fn milliseconds(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// The least of `rounds` rounds of each kind, in milliseconds: fused, unfused, its reduction, CPU,
/// `distances` alone.
fn shape(
    gpu: &Wgpu,
    (n, dim, k): (usize, usize, usize),
    rounds: usize,
) -> Result<[f64; 5], Box<dyn Error>> {
    let draws = Draws::new(1, 1);
    let uniform =
        |len: usize, lane| (0..len as u64).map(|i| draws.unit(i, lane)).collect::<Vec<f32>>();
    let (x, y) = (uniform(n * dim, 0), uniform(k * dim, 1));
    let from = if gpu.adapter().kind == Kind::Cpu { From::Bank } else { From::Staged };
    let unfused = Unfused::new(&x, &y, dim, from)?;
    let (mut on_x, mut on_y) = (gpu.alloc::<f32>(n * dim)?, gpu.alloc::<f32>(k * dim)?);
    gpu.write(&mut on_x, 0, &x)?;
    gpu.write(&mut on_y, 0, &y)?;
    let (mut dist, mut index) = (gpu.alloc::<f32>(n)?, gpu.alloc::<u32>(n)?);
    let pairs =
        Pairs::new(rows::<Wgpu>(&on_x, dim)?, rows::<Wgpu>(&on_y, dim)?, Metric::SqEuclidean)?;
    let here = Pairs::new(Rows::new(&x[..], dim)?, Rows::new(&y[..], dim)?, Metric::SqEuclidean)?;
    let (mut best, mut least) = ((vec![0f32; n], vec![0u32; n]), [f64::INFINITY; 5]);
    let mut matrix = vec![0f32; n * k];
    for _ in 0..=rounds {
        gpu.fill(&mut dist, f32::INFINITY)?;
        gpu.fill(&mut index, NONE)?;
        gpu.sync()?;
        let took = [
            milliseconds(|| {
                gpu.nearest(pairs, Nearest { k: 1, dist: &mut dist, index: &mut index })?;
                Ok(gpu.sync()?)
            })?,
            milliseconds(|| unfused.run(false))?,
            milliseconds(|| unfused.run(true))?,
            milliseconds(|| {
                best.0.fill(f32::INFINITY);
                best.1.fill(NONE);
                let into = Nearest { k: 1, dist: &mut best.0[..], index: &mut best.1[..] };
                Ok(Cpu::<f32>::new().nearest(here, into)?)
            })?,
            milliseconds(|| Ok(gpu.distances(pairs, &mut matrix)?))?,
        ];
        for (least, took) in least.iter_mut().zip(took) {
            *least = least.min(took);
        }
    }
    let mut found = vec![0u32; n];
    gpu.read(&index, 0, &mut found)?;
    let differ = found.iter().zip(&best.1).filter(|(a, b)| a != b).count();
    assert!(differ * 1000 <= n, "{differ} of {n} rows differ");
    Ok(least)
}

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(5), |a| a.parse())?;
    let gpu = Options::new().specialize_after(0).open()?;
    let (name, driver) = (&gpu.adapter().name, &gpu.adapter().driver);
    // A driver on the CPU takes seconds for long rows, which it reads lane by lane.
    let most = if gpu.adapter().kind == Kind::Cpu { 32 } else { usize::MAX };
    for (n, dim, k) in SHAPES.into_iter().filter(|&(_, dim, _)| dim <= most) {
        let [fused, unfused, reduce, cpu, distances] = shape(&gpu, (n, dim, k), rounds)?;
        // As for the CPU: 2 operations per coordinate of a pair.
        let rate = |ms: f64| 2.0 * (n * dim * k) as f64 / ms / 1e6;
        println!(
            "{{\"task\":\"fused\",\"adapter\":\"{name}\",\"driver\":\"{driver}\",\"n\":{n},\"d\":{dim},\"k\":{k},\
             \"ms\":{{\"fused\":{fused:.3},\"unfused\":{unfused:.3},\"reduce\":{reduce:.3},\"cpu\":{cpu:.3},\"distances\":{distances:.3}}},\
             \"gflops\":{{\"fused\":{:.2},\"cpu\":{:.2}}},\"unfused_to_fused\":{:.2}}}",
            rate(fused),
            rate(cpu),
            unfused / fused
        );
    }
    Ok(())
}
