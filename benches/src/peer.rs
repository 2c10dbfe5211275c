//! The peers, kept running beside us so that rounds can alternate.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A running `against/peers.py`, or another program that answers its requests.
#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts `python` on the script beside this crate.
    pub(crate) fn start(python: &str) -> std::io::Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/against/peers.py");
        Self::spawn(Command::new(python).arg(script))
    }

    /// Starts a program that answers the same requests.
    pub(crate) fn program(path: &str) -> std::io::Result<Self> {
        Self::spawn(&mut Command::new(path))
    }

    fn spawn(command: &mut Command) -> std::io::Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (ask, out) = pipes.ok_or_else(|| std::io::Error::other("no pipes to the peer"))?;
        Ok(Self { child, ask, answer: BufReader::new(out) })
    }

    /// One request, one answer.
    pub(crate) fn ask(&mut self, request: &Value) -> std::io::Result<Value> {
        writeln!(self.ask, "{request}")?;
        self.ask.flush()?;
        let mut line = String::new();
        self.answer.read_line(&mut line)?;
        serde_json::from_str(&line).map_err(|e| std::io::Error::other(format!("peer: {e}: {line}")))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A peer that has already ended is no trouble.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
