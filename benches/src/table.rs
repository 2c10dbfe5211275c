//! The tables of every kind of line: columns once, for the terminal and for the page.

use serde_json::Value;

/// A column: its head, its width on the terminal, how its cell reads.
#[derive(Debug)]
struct Column {
    head: &'static str,
    width: usize,
    /// Words stand left, figures right.
    word: bool,
    cell: fn(&Value) -> String,
}

/// The columns of one kind of line.
#[derive(Debug)]
pub(crate) struct Table(&'static [Column]);

const fn word(head: &'static str, width: usize, cell: fn(&Value) -> String) -> Column {
    Column { head, width, word: true, cell }
}

const fn figure(head: &'static str, width: usize, cell: fn(&Value) -> String) -> Column {
    Column { head, width, word: false, cell }
}

const WHO: Column = word("backend", 20, named);
const SHAPE: Column = word("shape", 16, |l| text(l, "shape").into());
const THREADS: Column = figure("threads", 7, |l| whole(l, "threads"));
const MS: Column = figure("ms", 10, |l| fixed(l, "ms_least", 3));
const MEDIAN: Column = figure("median", 10, |l| fixed(l, "ms_median", 3));
const MIB: Column = figure("MiB", 8, |l| fixed(l, "peak_mib", 1));

const FOLDS: Table = Table(&[
    word("fold", 13, |l| text(l, "fold").into()),
    SHAPE,
    WHO,
    THREADS,
    MS,
    MEDIAN,
    figure("GFLOP/s", 8, |l| fixed(l, "gflops", 1)),
    figure("GB/s", 7, |l| fixed(l, "gbytes", 1)),
    figure("of limit", 8, |l| format!("{:.0}%", 100.0 * number(l, "of_limit"))),
    figure("error", 8, |l| small(l, "error")),
    figure("differ", 9, differ),
]);

const ALGORITHMS: Table = Table(&[
    word("algorithm", 10, |l| text(l, "algorithm").into()),
    SHAPE,
    figure("rows", 8, |l| whole(l, "n")),
    WHO,
    THREADS,
    MS,
    MEDIAN,
    figure("times", 7, |l| fixed(l, "times", 2)),
    word("result", 24, result),
    figure("differ", 9, differ),
    figure("apart", 8, |l| small(l, "apart")),
    figure("ARI", 6, |l| fixed(l, "ari", 3)),
    MIB,
]);

const STREAMS: Table = Table(&[
    SHAPE,
    WHO,
    THREADS,
    figure("batch", 6, |l| whole(l, "batch")),
    figure("rows/s", 11, |l| fixed(l, "rows_per_s", 0)),
    MS,
    MEDIAN,
    figure("finish", 9, |l| fixed(l, "finish_ms", 1)),
    figure("cost/row", 12, |l| fixed(l, "cost_per_row", 4)),
    figure("of peer's", 9, |l| fixed(l, "cost_share", 3)),
    figure("snapshot", 10, |l| whole(l, "snapshot_bytes")),
    figure("differ", 9, differ),
    MIB,
]);

const AGREEMENT: Table = Table(&[
    SHAPE,
    WHO,
    THREADS,
    figure("labels differ", 13, differ),
    figure("uncertain", 9, |l| whole(l, "uncertain")),
    figure("bits differ", 11, |l| whole(l, "bits_differ")),
    figure("error", 8, |l| small(l, "error")),
    figure("allowed", 8, |l| small(l, "allowed")),
]);

impl Table {
    /// The table a line belongs to, if any.
    pub(crate) fn of(line: &Value) -> Option<&'static Self> {
        match text(line, "task") {
            "fold" => Some(&FOLDS),
            "algorithm" => Some(&ALGORITHMS),
            "stream" => Some(&STREAMS),
            "agreement" => Some(&AGREEMENT),
            _ => None,
        }
    }

    fn join(&self, cell: impl Fn(&Column) -> String) -> String {
        let pad = |column: &Column| match column {
            Column { width, word: true, .. } => format!("{:<width$}", cell(column)),
            Column { width, .. } => format!("{:>width$}", cell(column)),
        };
        let cells: Vec<String> = self.0.iter().map(pad).collect();
        cells.join(" ").trim_end().into()
    }

    /// The heads, for the terminal.
    pub(crate) fn header(&self) -> String {
        self.join(|column| column.head.into())
    }

    /// A line, for the terminal.
    pub(crate) fn line(&self, line: &Value) -> String {
        self.join(|column| (column.cell)(line))
    }

    /// All lines, for a page.
    pub(crate) fn html(&self, lines: &[&Value]) -> String {
        let row = |tag: &str, cell: &dyn Fn(&Column) -> String| -> String {
            let one = |column: &Column| {
                let class = if column.word { "" } else { " class='n'" };
                format!("<{tag}{class}>{}</{tag}>", cell(column))
            };
            self.0.iter().map(one).collect()
        };
        let head = row("th", &|column| column.head.into());
        let body: String = lines
            .iter()
            .map(|line| format!("<tr>{}</tr>\n", row("td", &|column| (column.cell)(line))))
            .collect();
        format!("<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    }
}

/// A number of a line; NaN where it has none.
pub(crate) fn number(line: &Value, key: &str) -> f64 {
    line[key].as_f64().unwrap_or(f64::NAN)
}

/// A word of a line; nothing where it has none.
pub(crate) fn text<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().unwrap_or_default()
}

/// What is measured: the fold or the algorithm.
pub(crate) fn what(line: &Value) -> &str {
    line["fold"].as_str().unwrap_or_else(|| text(line, "algorithm"))
}

/// Who is measured: a backend or a peer.
pub(crate) fn who(line: &Value) -> &str {
    line["backend"].as_str().unwrap_or_else(|| text(line, "peer"))
}

/// The same, a peer with its version.
fn named(line: &Value) -> String {
    format!("{} {}", who(line), text(line, "version")).trim_end().into()
}

fn fixed(line: &Value, key: &str, digits: usize) -> String {
    line[key].as_f64().map_or("–".into(), |v| format!("{v:.digits$}"))
}

fn small(line: &Value, key: &str) -> String {
    line[key].as_f64().map_or("–".into(), |v| format!("{v:.1e}"))
}

fn whole(line: &Value, key: &str) -> String {
    line[key].as_u64().map_or("–".into(), |v| v.to_string())
}

fn differ(line: &Value) -> String {
    let some = line["compared"] != 0;
    line["differ"]
        .as_u64()
        .filter(|_| some)
        .map_or("–".into(), |v| format!("{v}/{}", line["compared"]))
}

fn result(line: &Value) -> String {
    let figures = line["result"].as_object().into_iter().flatten();
    let shown = figures.map(|(name, v)| match v.as_u64() {
        Some(whole) => format!("{name} {whole}"),
        None => format!("{name} {:.5}", v.as_f64().unwrap_or(f64::NAN)),
    });
    shown.collect::<Vec<String>>().join(", ")
}
