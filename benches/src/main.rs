//! `enfold-bench`: measures enfold, and its peers in the same run.

#![forbid(unsafe_code)]

mod assign;
mod clock;
mod peer;
mod sets;

use std::path::Path;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Nearest centre and a whole Lloyd step, against FAISS and scikit-learn.
    Assign {
        /// Shapes; all five where none is named.
        shapes: Vec<String>,
        /// Rounds of ours and theirs in turn.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// A python that has the peers (benches/against/requirements.txt).
        #[arg(long)]
        python: Option<String>,
        /// Where sets are kept for the peers.
        #[arg(long, default_value = "target/sets")]
        data: String,
    },
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match Args::parse().task {
        Task::Assign { mut shapes, rounds, python, data } => {
            if shapes.is_empty() {
                shapes = sets::SHAPES.iter().map(ToString::to_string).collect();
            }
            assign::run(&assign::Plan { shapes, rounds, python, data })?;
        }
    }
    Ok(())
}

/// Writes a set where the peers can read it: a NumPy file of f32.
fn write_npy(path: &Path, set: &sets::Set) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let shape = format!("({}, {})", set.rows(), set.dim);
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(set.data.iter().flat_map(|v| v.to_le_bytes()));
    std::fs::write(path, bytes)
}
