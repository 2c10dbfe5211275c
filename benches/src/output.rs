//! Where the lines of a run go: the terminal, a file of JSON lines, a page.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

use crate::failure::Outcome;
use crate::page;
use crate::table::Table;

/// The lines so far. Each is written when it is known, so an interrupted run leaves whole lines.
#[derive(Debug)]
pub(crate) struct Output {
    lines: Vec<Value>,
    json: Option<File>,
    html: Option<PathBuf>,
}

impl Output {
    /// Files that cannot be written are refused before anything is measured.
    pub(crate) fn open(json: Option<&str>, html: Option<&str>) -> Outcome<Self> {
        let create = |option: &str, path: Option<&str>| {
            let make = |path| File::create(path).map_err(|e| format!("{option} {path}: {e}"));
            path.map(make).transpose()
        };
        let json_file = create("--json", json)?;
        create("--html", html)?;
        Ok(Self { lines: Vec::new(), json: json_file, html: html.map(PathBuf::from) })
    }

    /// Prints, writes and keeps a line.
    pub(crate) fn push(&mut self, line: Value) -> Outcome<()> {
        if let Some(table) = Table::of(&line) {
            if self.lines.last().is_none_or(|last| last["task"] != line["task"]) {
                println!("{}", table.header());
            }
            println!("{}", table.line(&line));
        }
        if let Some(file) = &mut self.json {
            file.write_all(format!("{line}\n").as_bytes())?;
        }
        self.lines.push(line);
        Ok(())
    }

    /// Writes the page, where one is wanted.
    pub(crate) fn finish(self) -> Outcome<()> {
        let Some(path) = self.html else { return Ok(()) };
        let written = std::fs::write(&path, page::page(&self.lines));
        written.map_err(|e| format!("--html {}: {e}", path.display()).into())
    }
}
