//! What goes to the device and comes back, and the memory kept for it.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use wgpu::{Buffer, BufferUsages, MapMode, PollType, SubmissionIndex};

use super::{Shared, lock};
use crate::error::WgpuError;

/// Bytes that one read-back moves at most.
pub(crate) const STAGE: u64 = 16 << 20;
/// Bytes handed to the driver before it is asked to take them.
const UPLOAD: usize = 32 << 20;
/// Uploads of that size that may be under way; one more waits for the oldest of them, not for all
/// work.
const UNDER_WAY: usize = 4;

impl Shared {
    /// Copies bytes to a buffer, after everything recorded before. The driver takes a copy, so the
    /// host goes on while earlier passes run. Offset and length are multiples of 4.
    pub(crate) fn upload(&self, to: &Buffer, at: u64, bytes: &[u8]) -> Result<(), WgpuError> {
        self.submit();
        for (turn, part) in bytes.chunks(UPLOAD).enumerate() {
            self.queue.write_buffer(to, at + (turn * UPLOAD) as u64, part);
            if part.len() == UPLOAD {
                self.hold_back(self.queue.submit([]))?;
            }
        }
        self.check()
    }

    /// Bounds the memory of uploads under way: where there are too many, waits for the oldest.
    fn hold_back(&self, sent: SubmissionIndex) -> Result<(), WgpuError> {
        let mut uploads = lock(&self.uploads);
        uploads.push_back(sent);
        if uploads.len() <= UNDER_WAY {
            drop(uploads);
            return self.poll(PollType::Poll);
        }
        let oldest = uploads.pop_front();
        drop(uploads);
        self.tally.waits.fetch_add(1, Relaxed);
        self.poll(PollType::Wait { submission_index: oldest, timeout: None })
    }

    /// Copies bytes to the host, waiting for everything before. Offset and length are multiples
    /// of 4.
    pub(crate) fn download(&self, from: &Buffer, at: u64, to: &mut [u8]) -> Result<(), WgpuError> {
        for (turn, part) in to.chunks_mut(STAGE as usize).enumerate() {
            self.check()?;
            let stage = self.stage(part.len() as u64)?;
            self.copy((from, at + turn as u64 * STAGE), (&stage, 0), part.len() as u64);
            let sent = self.submit();
            self.collect(&stage, sent, part)?;
            lock(&self.staging).push(stage);
        }
        Ok(())
    }

    /// Copies the starts of several buffers to the host, in one wait where one staging buffer has
    /// room for them. Lengths are multiples of 4.
    pub(crate) fn download_all(&self, parts: &mut [(&Buffer, &mut [u8])]) -> Result<(), WgpuError> {
        let bytes: u64 = parts.iter().map(|(_, to)| to.len() as u64).sum();
        if parts.len() < 2 || bytes > STAGE {
            return parts.iter_mut().try_for_each(|(from, to)| self.download(from, 0, to));
        }
        self.check()?;
        let (stage, mut at) = (self.stage(bytes)?, 0);
        for (from, to) in &*parts {
            self.copy((from, 0), (&stage, at), to.len() as u64);
            at += to.len() as u64;
        }
        let sent = self.submit();
        let mut all = vec![0; at as usize];
        self.collect(&stage, sent, &mut all)?;
        lock(&self.staging).push(stage);
        let mut rest = &all[..];
        for (_, to) in parts {
            let (own, others) = rest.split_at(to.len());
            to.copy_from_slice(own);
            rest = others;
        }
        Ok(())
    }

    /// A buffer that the host can map, used before if possible.
    fn stage(&self, bytes: u64) -> Result<Buffer, WgpuError> {
        if let Some(stage) = reused(&self.staging, bytes) {
            return Ok(stage);
        }
        let size = bytes.next_power_of_two().max(1 << 16);
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        self.make(Some("staging"), size, usage).ok_or(WgpuError::OutOfMemory { bytes })
    }

    /// Memory of at least so many bytes, whatever is in it.
    pub(crate) fn scratch(&self, bytes: u64) -> Result<Buffer, WgpuError> {
        if let Some(buffer) = reused(&self.free, bytes) {
            return Ok(buffer);
        }
        self.create(bytes.next_power_of_two().min(self.limits.max_buffer_size).max(bytes))
    }

    /// Takes memory back that no recorded pass uses.
    pub(crate) fn keep(&self, buffer: Buffer) {
        lock(&self.free).push(buffer);
    }

    /// Waits for the staging buffer and takes what is in it.
    fn collect(
        &self,
        stage: &Buffer,
        sent: Option<SubmissionIndex>,
        to: &mut [u8],
    ) -> Result<(), WgpuError> {
        let (send, receive) = mpsc::channel();
        let len = to.len() as u64;
        stage.map_async(MapMode::Read, ..len, move |result| {
            // Nobody listens any more only where the wait below failed.
            let _ = send.send(result);
        });
        self.tally.waits.fetch_add(1, Relaxed);
        self.poll(PollType::Wait { submission_index: sent, timeout: None })?;
        let failed = |why: String| WgpuError::Device(why);
        // Another thread's wait may be the one that answers, a moment after ours has ended.
        match receive.recv_timeout(Duration::from_secs(30)) {
            Ok(Ok(())) => {}
            Ok(Err(e)) => return Err(failed(e.to_string())),
            Err(_) => return Err(failed("a read-back was never answered".into())),
        }
        let view = stage.get_mapped_range(..len).map_err(|e| failed(e.to_string()))?;
        to.copy_from_slice(&view);
        drop(view);
        stage.unmap();
        Ok(())
    }
}

/// A buffer of at least so many bytes out of a list; where there is none the list is emptied, so
/// that what is too small does not stay.
fn reused(list: &Mutex<Vec<Buffer>>, bytes: u64) -> Option<Buffer> {
    let mut list = lock(list);
    let found = list.iter().position(|buffer| buffer.size() >= bytes);
    if found.is_none() {
        list.clear();
    }
    found.map(|at| list.swap_remove(at))
}
