//! The peers, kept running beside us so that rounds can alternate.

use std::io::{BufRead, BufReader, Error, Result, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A running `against/peers.py`, or another program that answers its requests.
#[derive(Debug)]
pub(crate) struct Peer {
    /// What was started, for messages.
    name: String,
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts `python` on the script beside this crate.
    pub(crate) fn start(python: &str) -> Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/against/peers.py");
        Self::spawn(format!("--python {python}"), Command::new(python).arg(script))
    }

    /// Starts a program that answers the same requests.
    pub(crate) fn program(path: &str) -> Result<Self> {
        Self::spawn(format!("--also {path}"), &mut Command::new(path))
    }

    /// With our number of threads, and with the kernels of `OpenBLAS` that fit this machine,
    /// whatever the shell says: wrong ones take twice the time or end the peer.
    fn spawn(name: String, command: &mut Command) -> Result<Self> {
        let threads = rayon::current_num_threads().to_string();
        for library in ["OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON"] {
            command.env(format!("{library}_NUM_THREADS"), &threads);
        }
        command.env_remove("OPENBLAS_L2_SIZE").env_remove("OPENBLAS_CORETYPE");
        if let Some(core) = blas_core() {
            command.env("OPENBLAS_CORETYPE", core);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| Error::other(format!("{name}: {e}")))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (ask, out) = pipes.ok_or_else(|| Error::other(format!("{name}: no pipes to it")))?;
        Ok(Self { name, child, ask, answer: BufReader::new(out) })
    }

    /// One request, one answer; what went wrong there is an error here.
    pub(crate) fn ask(&mut self, request: &Value) -> Result<Value> {
        let wrong = |what: String| Error::other(format!("{}: {what}", self.name));
        let ended = || {
            let hint = "is numpy there? benches/against/setup.sh makes a Python that has it";
            wrong(format!("the peer ended without an answer to {request}; {hint}"))
        };
        writeln!(self.ask, "{request}").and_then(|()| self.ask.flush()).map_err(|_| ended())?;
        let mut line = String::new();
        if self.answer.read_line(&mut line)? == 0 {
            return Err(ended());
        }
        let answer: Value = serde_json::from_str(&line)
            .map_err(|e| wrong(format!("the peer's answer is no JSON: {e}: {line}")))?;
        match answer["error"].as_str() {
            Some(error) => Err(wrong(format!("the peer could not answer {request}: {error}"))),
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
