//! Files that are read and written; what goes wrong names them.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use enfold::Table;
use enfold::data::npy;
use enfold_core::Rows;

use crate::failure::Outcome;

/// The text of a file.
pub(crate) fn text(path: &Path) -> Outcome<String> {
    Ok(fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?)
}

/// The rows of an .npy file.
pub(crate) fn table(path: &Path) -> Outcome<Table> {
    Ok(npy::read_table(path).map_err(|e| format!("{}: {e}", path.display()))?)
}

/// The rows of `NAME.npy` in the folder of sets, and the path for the peers.
pub(crate) fn set(folder: &str, name: &str) -> Outcome<(PathBuf, Table)> {
    let path = Path::new(folder).join(format!("{name}.npy"));
    let table = table(&path)?;
    Ok((path, table))
}

/// Writes rows where the peers can read them.
pub(crate) fn write_rows(path: &Path, rows: &[f32], dim: usize) -> Outcome<()> {
    let write = || -> Outcome<()> {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        Ok(npy::write(BufWriter::new(File::create(path)?), Rows::new(rows, dim)?)?)
    };
    Ok(write().map_err(|e| format!("{}: {e}", path.display()))?)
}
