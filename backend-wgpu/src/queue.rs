//! The device's side of a backend: passes wait in an encoder, `read` and `sync` submit and wait.

mod transfer;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wgpu::{
    BindGroupDescriptor, BindGroupEntry, Buffer, BufferDescriptor, BufferUsages, CommandEncoder,
    ComputePipeline, ComputePipelineDescriptor, DeviceDescriptor, PollType, ShaderModuleDescriptor,
    ShaderSource, SubmissionIndex,
};

use crate::adapter::{Adapter, Kind, Limits};
use crate::error::WgpuError;
use crate::shader::{BANK, Shader};
pub(crate) use transfer::STAGE;

/// Bytes of one parameter block, at the largest alignment that an adapter may ask for.
const SLOT: u64 = 256;
/// Passes to a submission at most.
const SLOTS: u64 = 256;
/// Multiplications of one submission: half a second of a slow GPU, short of its watchdog.
pub(crate) const WORK: u64 = 1 << 37;
/// Turns of its loops, all together, after which llvmpipe (Mesa 22.3) ends an invocation wherever it
/// is; less some, for loops outside of folds.
const TURNS: u64 = 60_000;

/// Multiplications that take about as long as compiling a shader.
const WORTH: u64 = 1 << 26;

/// Words that every pass gets. What each means is written in `wgsl/head.wgsl`.
pub(crate) type Params = [u32; 20];

/// One device, shared by all handles and buffers.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) adapter: Adapter,
    pub(crate) device: wgpu::Device,
    pub(crate) limits: wgpu::Limits,
    /// Whether rows of y are staged in workgroup memory.
    pub(crate) staged: bool,
    /// Whether rows are read as uniforms: the adapter has uniforms of 64 KiB, and buffers have room
    /// for one, or two, that begin at their last row.
    pub(crate) banked: bool,
    /// Turns that the loops of an invocation may take in all, where the driver has such a limit.
    pub(crate) turns: Option<u64>,
    queue: wgpu::Queue,
    failure: Arc<Mutex<Option<WgpuError>>>,
    /// Multiplications after which a shader of its own pays.
    worth: u64,
    /// Multiplications that such a shader would have done so far.
    done: Mutex<HashMap<Shader, u64>>,
    pipelines: Mutex<HashMap<Shader, Ready>>,
    pending: Mutex<Pending>,
    params: Buffer,
    staging: Mutex<Vec<Buffer>>,
    free: Mutex<Vec<Buffer>>,
    uploads: Mutex<VecDeque<SubmissionIndex>>,
    pub(crate) tally: Tallies,
}

/// A compiled shader.
#[derive(Debug, Clone)]
struct Ready {
    pipeline: ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// What was asked of the device so far.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    pub(crate) passes: AtomicU64,
    pub(crate) submissions: AtomicU64,
    pub(crate) waits: AtomicU64,
}

/// Passes that are recorded and not submitted.
#[derive(Debug, Default)]
struct Pending {
    encoder: Option<CommandEncoder>,
    params: Vec<u8>,
    work: u64,
}

/// A part of a buffer that a shader sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) buffer: &'a Buffer,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl<'a> Part<'a> {
    /// The bank that begins `bytes` later, if the buffer has room for it.
    pub(crate) fn bank(self, bytes: u64) -> Option<Self> {
        let (offset, size) = (self.offset + bytes, 16 * BANK);
        let uniform = self.buffer.usage().contains(BufferUsages::UNIFORM);
        (uniform && offset + size <= self.buffer.size()).then_some(Self { offset, size, ..self })
    }

    fn entry(self, binding: u32) -> BindGroupEntry<'a> {
        let Self { buffer, offset, size } = self;
        let size = wgpu::BufferSize::new(size);
        let bound = wgpu::BufferBinding { buffer, offset, size };
        BindGroupEntry { binding, resource: wgpu::BindingResource::Buffer(bound) }
    }
}

/// One dispatch.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    pub(crate) shader: Shader,
    pub(crate) parts: &'a [Part<'a>],
    pub(crate) params: Params,
    /// Workgroups; spread over two sides where one is too short.
    pub(crate) groups: u64,
    /// Multiplications, roughly.
    pub(crate) work: u64,
}

/// The content of a lock, also where a thread panicked that held it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn open(
        adapter: Adapter,
        gpu: &wgpu::Adapter,
        wanted: Limits,
    ) -> Result<Self, WgpuError> {
        let required_limits = limits(&gpu.limits(), wanted);
        let desc = DeviceDescriptor { required_limits, ..DeviceDescriptor::default() };
        let opened = pollster::block_on(gpu.request_device(&desc));
        let (device, queue) = opened.map_err(|e| WgpuError::Open(e.to_string()))?;
        let failure = Arc::default();
        watch(&device, &failure);
        let params = device.create_buffer(&BufferDescriptor {
            label: Some("parameters"),
            size: SLOT * SLOTS,
            usage: BufferUsages::UNIFORM | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let staged = wanted.staged.unwrap_or(adapter.kind != Kind::Cpu);
        let banked = !staged && device.limits().max_uniform_buffer_binding_size >= 16 * BANK;
        Ok(Self {
            limits: device.limits(),
            staged,
            banked,
            turns: (adapter.kind == Kind::Cpu).then_some(TURNS),
            adapter,
            device,
            queue,
            failure,
            params,
            worth: wanted.worth.unwrap_or(WORTH),
            done: Mutex::default(),
            pipelines: Mutex::default(),
            pending: Mutex::default(),
            staging: Mutex::default(),
            free: Mutex::default(),
            uploads: Mutex::default(),
            tally: Tallies::default(),
        })
    }

    /// Words of a binding at most.
    pub(crate) fn binding_words(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size / 4
    }

    /// Workgroups of a dispatch at most.
    pub(crate) fn most_groups(&self) -> u64 {
        let side = u64::from(self.limits.max_compute_workgroups_per_dimension);
        side * side
    }

    /// The failure of earlier work, if there was one.
    pub(crate) fn check(&self) -> Result<(), WgpuError> {
        lock(&self.failure).clone().map_or(Ok(()), Err)
    }

    /// A zero-filled buffer of at least `bytes` bytes.
    pub(crate) fn create(&self, bytes: u64) -> Result<Buffer, WgpuError> {
        self.check()?;
        let size = bytes.max(16).checked_next_multiple_of(16);
        let size = size.filter(|&size| size <= self.limits.max_buffer_size);
        let mut size = size.ok_or(WgpuError::OutOfMemory { bytes })?;
        let mut usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
        let padded = size.saturating_add(2 * 16 * BANK);
        if self.banked && padded <= self.limits.max_buffer_size {
            usage |= BufferUsages::UNIFORM;
            size = padded;
        }
        let buffer = self.make(None, size, usage).ok_or(WgpuError::OutOfMemory { bytes })?;
        self.check().map(|()| buffer)
    }

    /// A buffer of exactly `size` bytes, if there is so much memory.
    fn make(&self, label: Option<&str>, size: u64, usage: BufferUsages) -> Option<Buffer> {
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let desc = BufferDescriptor { label, size, usage, mapped_at_creation: false };
        let buffer = self.device.create_buffer(&desc);
        pollster::block_on(memory.pop()).is_none().then_some(buffer)
    }

    /// Copies bytes between buffers.
    pub(crate) fn copy(&self, (src, from): (&Buffer, u64), (dst, to): (&Buffer, u64), len: u64) {
        self.record(|encoder| encoder.copy_buffer_to_buffer(src, from, dst, to, len));
    }

    /// Sets bytes to 0.
    pub(crate) fn clear(&self, buffer: &Buffer, from: u64, len: u64) {
        self.record(|encoder| encoder.clear_buffer(buffer, from, Some(len)));
    }

    fn record(&self, what: impl FnOnce(&mut CommandEncoder)) {
        what(self.encoder(&mut lock(&self.pending).encoder));
    }

    /// The encoder that passes wait in.
    fn encoder<'a>(&self, pending: &'a mut Option<CommandEncoder>) -> &'a mut CommandEncoder {
        let new = || self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        pending.get_or_insert_with(new)
    }

    /// Records a dispatch; submits where enough has come together.
    pub(crate) fn dispatch(&self, pass: &Pass<'_>) -> Result<(), WgpuError> {
        self.check()?;
        let ready = self.ready(pass.shader);
        let (wide, high) = self.spread(pass.groups);
        let mut params = pass.params;
        params[0] = wide;
        let mut pending = lock(&self.pending);
        let slot = pending.params.len() as u64;
        pending.params.extend_from_slice(bytemuck::cast_slice(&params));
        pending.params.resize((slot + SLOT) as usize, 0);
        pending.work += pass.work;
        let group = self.bind(&ready.layout, slot, pass.parts);
        let encoder = self.encoder(&mut pending.encoder);
        let mut recorded = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        recorded.set_pipeline(&ready.pipeline);
        recorded.set_bind_group(0, &group, &[]);
        recorded.dispatch_workgroups(wide, high, 1);
        drop(recorded);
        self.tally.passes.fetch_add(1, Relaxed);
        if pending.params.len() as u64 == SLOT * SLOTS || pending.work >= WORK {
            self.flush(&mut pending);
        }
        Ok(())
    }

    /// Workgroups along the two sides of a dispatch.
    fn spread(&self, groups: u64) -> (u32, u32) {
        let most = u64::from(self.limits.max_compute_workgroups_per_dimension);
        let high = groups.div_ceil(most).max(1);
        (groups.div_ceil(high) as u32, high as u32)
    }

    fn bind(
        &self,
        layout: &wgpu::BindGroupLayout,
        slot: u64,
        parts: &[Part<'_>],
    ) -> wgpu::BindGroup {
        let params = Part { buffer: &self.params, offset: slot, size: size_of::<Params>() as u64 };
        let all = [params].into_iter().chain(parts.iter().copied());
        let entries: Vec<_> = (0..).zip(all).map(|(binding, part)| part.entry(binding)).collect();
        self.device.create_bind_group(&BindGroupDescriptor {
            label: None,
            layout,
            entries: &entries,
        })
    }

    /// Whether `shader` has had work enough to be compiled, this work included.
    pub(crate) fn pays(&self, shader: Shader, work: u64) -> bool {
        let mut done = lock(&self.done);
        let sum = done.entry(shader).or_default();
        *sum = sum.saturating_add(work);
        *sum >= self.worth
    }

    fn ready(&self, shader: Shader) -> Ready {
        let build = || {
            let text = shader.text();
            let module = self.device.create_shader_module(ShaderModuleDescriptor {
                label: None,
                source: ShaderSource::Wgsl(text.into()),
            });
            let pipeline = self.device.create_compute_pipeline(&ComputePipelineDescriptor {
                label: None,
                layout: None,
                module: &module,
                entry_point: None,
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            });
            Ready { layout: pipeline.get_bind_group_layout(0), pipeline }
        };
        lock(&self.pipelines).entry(shader).or_insert_with(build).clone()
    }

    /// Sends what is recorded.
    pub(crate) fn submit(&self) -> Option<SubmissionIndex> {
        self.flush(&mut lock(&self.pending))
    }

    fn flush(&self, pending: &mut Pending) -> Option<SubmissionIndex> {
        pending.work = 0;
        let encoder = pending.encoder.take()?;
        // All of these land before the first command of the submission.
        if !pending.params.is_empty() {
            self.queue.write_buffer(&self.params, 0, &pending.params);
            pending.params.clear();
        }
        self.tally.submissions.fetch_add(1, Relaxed);
        Some(self.queue.submit([encoder.finish()]))
    }

    fn poll(&self, how: PollType) -> Result<(), WgpuError> {
        let polled = self.device.poll(how);
        self.check()?;
        polled.map(|_| ()).map_err(|e| WgpuError::Device(e.to_string()))
    }

    /// Sends what is recorded and waits for it.
    pub(crate) fn sync(&self) -> Result<(), WgpuError> {
        self.submit();
        self.tally.waits.fetch_add(1, Relaxed);
        self.poll(PollType::wait_indefinitely())
    }

    /// Gives the device back: everything later fails.
    pub(crate) fn destroy(&self) {
        let mut failure = lock(&self.failure);
        failure.get_or_insert(WgpuError::Lost("it was given back".into()));
        drop(failure);
        self.device.destroy();
    }
}

/// What to ask of the adapter: all it has of what matters here, or less where that is wanted.
fn limits(most: &wgpu::Limits, wanted: Limits) -> wgpu::Limits {
    let less = |most: u64, wanted: Option<u64>| wanted.map_or(most, |w| w.min(most));
    let less32 = |most: u32, wanted: Option<u32>| wanted.map_or(most, |w| w.min(most));
    let binding = less(most.max_storage_buffer_binding_size, wanted.binding);
    wgpu::Limits {
        max_storage_buffer_binding_size: binding,
        max_buffer_size: less(most.max_buffer_size, wanted.buffer),
        max_compute_workgroups_per_dimension: less32(
            most.max_compute_workgroups_per_dimension,
            wanted.groups,
        ),
        max_compute_workgroup_storage_size: less32(
            most.max_compute_workgroup_storage_size,
            wanted.workgroup,
        ),
        ..most.clone()
    }
}

/// Keeps the first failure that nobody waits for.
fn watch(device: &wgpu::Device, failure: &Arc<Mutex<Option<WgpuError>>>) {
    let kept = Arc::clone(failure);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        lock(&kept).get_or_insert(WgpuError::Device(error.to_string()));
    }));
    let kept = Arc::clone(failure);
    device.set_device_lost_callback(move |_, why| {
        lock(&kept).replace(WgpuError::Lost(why));
    });
}
