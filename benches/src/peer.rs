//! The peers, kept running beside us so that rounds can alternate.

use std::fs::{File, create_dir_all};
use std::io::{BufRead, BufReader, BufWriter, Error, Result, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use enfold::data::npy;
use enfold_core::Rows;
use serde_json::Value;

use crate::failure::Outcome;

/// Writes rows where the peers can read them.
pub(crate) fn write_rows(path: &Path, rows: &[f32], dim: usize) -> Outcome<()> {
    if let Some(folder) = path.parent() {
        create_dir_all(folder)?;
    }
    Ok(npy::write(BufWriter::new(File::create(path)?), Rows::new(rows, dim)?)?)
}

/// A running `against/peers.py`, or another program that answers its requests.
#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts `python` on the script beside this crate.
    pub(crate) fn start(python: &str) -> Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/against/peers.py");
        let wrong = |e| Error::other(format!("--python {python}: {e}"));
        Self::spawn(Command::new(python).arg(script)).map_err(wrong)
    }

    /// Starts a program that answers the same requests.
    pub(crate) fn program(path: &str) -> Result<Self> {
        let wrong = |e| Error::other(format!("--also {path}: {e}"));
        Self::spawn(&mut Command::new(path)).map_err(wrong)
    }

    /// With our number of threads, and with the kernels of `OpenBLAS` that fit this machine,
    /// whatever the shell says: wrong ones take twice the time or end the peer.
    fn spawn(command: &mut Command) -> Result<Self> {
        let threads = rayon::current_num_threads().to_string();
        for library in ["OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON"] {
            command.env(format!("{library}_NUM_THREADS"), &threads);
        }
        command.env_remove("OPENBLAS_L2_SIZE").env_remove("OPENBLAS_CORETYPE");
        if let Some(core) = blas_core() {
            command.env("OPENBLAS_CORETYPE", core);
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (ask, out) = pipes.ok_or_else(|| Error::other("no pipes to the peer"))?;
        Ok(Self { child, ask, answer: BufReader::new(out) })
    }

    /// One request, one answer; what went wrong there is an error here.
    pub(crate) fn ask(&mut self, request: &Value) -> Result<Value> {
        let ended = |_| Error::other("the peer has ended; is numpy installed there?");
        writeln!(self.ask, "{request}").and_then(|()| self.ask.flush()).map_err(ended)?;
        let mut line = String::new();
        if self.answer.read_line(&mut line)? == 0 {
            return Err(Error::other(format!("the peer ended at {request}")));
        }
        let answer: Value =
            serde_json::from_str(&line).map_err(|e| Error::other(format!("peer: {e}: {line}")))?;
        match answer["error"].as_str() {
            Some(error) => Err(Error::other(format!("peer: {error}, at {request}"))),
            None => Ok(answer),
        }
    }
}

/// What `OpenBLAS` calls the machine; it does not know newer ones by itself.
#[cfg(target_arch = "x86_64")]
fn blas_core() -> Option<&'static str> {
    match (is_x86_feature_detected!("avx512f"), is_x86_feature_detected!("avx2")) {
        (true, _) => Some("SkylakeX"),
        (false, true) => Some("Haswell"),
        _ => None,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn blas_core() -> Option<&'static str> {
    None
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A peer that has already ended is no trouble.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
