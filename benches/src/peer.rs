//! The peers, kept running beside us so that rounds can alternate.

use std::io::{BufRead, BufReader, Error, ErrorKind, Result, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// `against/peers.py`, or the program of `peers/`, which answers the same kind of requests.
#[derive(Debug)]
pub(crate) struct Peer {
    /// What was started, for messages.
    name: String,
    /// What makes it anew.
    command: Command,
    /// None where it has ended.
    running: Option<Running>,
}

/// A process, and its ends of the conversation.
#[derive(Debug)]
struct Running {
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts `python` on the script beside this crate.
    pub(crate) fn start(python: &str) -> Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/against/peers.py");
        let mut command = Command::new(python);
        command.arg(script);
        Self::new(format!("--python {python}"), command)
    }

    /// Starts the program of the peers in Rust.
    pub(crate) fn rust(path: &str) -> Result<Self> {
        Self::new(format!("--rust-peers {path}"), Command::new(path))
    }

    /// With our number of threads, and with the kernels of `OpenBLAS` that fit this machine,
    /// whatever the shell says: wrong ones take twice the time or end the peer.
    fn new(name: String, mut command: Command) -> Result<Self> {
        let threads = rayon::current_num_threads().to_string();
        for library in ["OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON"] {
            command.env(format!("{library}_NUM_THREADS"), &threads);
        }
        command.env_remove("OPENBLAS_L2_SIZE").env_remove("OPENBLAS_CORETYPE");
        if let Some(core) = blas_core() {
            command.env("OPENBLAS_CORETYPE", core);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut new = Self { name, command, running: None };
        new.running()?;
        Ok(new)
    }

    /// What was started, by its option.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The process, started anew where it has ended.
    fn running(&mut self) -> Result<&mut Running> {
        let running = match self.running.take() {
            Some(running) => running,
            None => Running::spawn(&mut self.command).map_err(|e| self.wrong(&e.to_string()))?,
        };
        Ok(self.running.insert(running))
    }

    fn wrong(&self, what: &str) -> Error {
        Error::other(format!("{}: {what}", self.name()))
    }

    /// One request, one answer; what went wrong there is an error here.
    pub(crate) fn ask(&mut self, request: &Value) -> Result<Value> {
        let Ok(line) = self.running()?.say(request) else {
            self.running = None;
            let hint = "are the peers whole? benches/against/setup.sh installs them";
            let what = format!("the peer ended without an answer to {request}; {hint}");
            return Err(self.wrong(&what));
        };
        let answer: Value = serde_json::from_str(&line)
            .map_err(|e| self.wrong(&format!("the peer's answer is no JSON: {e}: {line}")))?;
        match answer["error"].as_str() {
            Some(error) => {
                Err(self.wrong(&format!("the peer could not answer {request}: {error}")))
            }
            None => Ok(answer),
        }
    }
}

impl Running {
    fn spawn(command: &mut Command) -> Result<Self> {
        let mut child = command.spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (ask, out) = pipes.ok_or_else(|| Error::other("no pipes to it"))?;
        Ok(Self { child, ask, answer: BufReader::new(out) })
    }

    /// A line there and a line back.
    fn say(&mut self, request: &Value) -> Result<String> {
        writeln!(self.ask, "{request}").and_then(|()| self.ask.flush())?;
        let mut line = String::new();
        match self.answer.read_line(&mut line)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
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

impl Drop for Running {
    fn drop(&mut self) {
        // A peer that has already ended is no trouble.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
