//! Lines of records, and tables that texts have of them.

use std::path::Path;

use serde_json::{Map, Value};

use crate::failure::Outcome;
use crate::file;

/// What the last line of a record that fits, and of which something is known, says.
pub(crate) fn last<T>(
    path: &Path,
    of: &Map<String, Value>,
    known: impl Fn(&Value) -> Option<T>,
) -> Outcome<T> {
    let text = file::text(path)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines: Result<Vec<Value>, _> = lines.map(serde_json::from_str).collect();
    let lines = lines.map_err(|e| format!("{}: {e}", path.display()))?;
    let fits = |line: &&Value| of.iter().all(|(key, value)| line[key] == *value);
    let found = lines.iter().rev().filter(fits).find_map(known);
    Ok(found.ok_or_else(|| format!("{}: no line for {of:?}", path.display()))?)
}

/// A number by its path: `ms.enfold`.
pub(crate) fn figure(line: &Value, path: &str) -> Option<f64> {
    path.split('.').try_fold(line, |at, key| at.get(key))?.as_f64()
}

/// The machine that a record is of: the folder that it lies in.
pub(crate) fn machine(record: &str) -> &str {
    record.split('/').next().unwrap_or_default()
}

/// A text as it is, and as it is with a table between the marks of that name.
pub(crate) fn with(path: &Path, name: &str, table: &str) -> Outcome<(String, String)> {
    let text = file::text(path)?;
    let new = between(&text, name, table)
        .ok_or_else(|| format!("{} has no marks for {name}", path.display()))?;
    Ok((text, new))
}

/// The text with the table between the marks.
fn between(text: &str, name: &str, table: &str) -> Option<String> {
    let first = format!("<!-- {name}: made by `enfold-bench bars`, do not edit -->\n");
    let (before, rest) = text.split_once(&first)?;
    let (_, after) = rest.split_once("<!-- end -->")?;
    Some([before, &first, table, "<!-- end -->", after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_put_between_its_marks() {
        let marked = |a: &str, b: &str| {
            let mark =
                |name: &str| format!("<!-- {name}: made by `enfold-bench bars`, do not edit -->\n");
            format!("x\n{}{a}<!-- end -->\ny\n{}{b}<!-- end -->z", mark("a"), mark("b"))
        };
        assert_eq!(between(&marked("1", "2"), "a", "3").as_ref(), Some(&marked("3", "2")));
        assert_eq!(between(&marked("1", "2"), "b", "3").as_ref(), Some(&marked("1", "3")));
        assert_eq!(between(&marked("1", "2"), "c", "3"), None);
    }
}
