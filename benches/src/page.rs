//! The page of a run: pictures and tables of the lines there are.

mod chart;
mod scaling;

use serde_json::Value;

use crate::table::{Table, number, text};

/// What the columns of the tables are.
const FOLD: &str = "ms: one call, the least of the rounds, and their median; of limit: the larger of \
    its shares in the two limits (what fits a cache may pass that of memory); error: the largest \
    relative error of 64 rows against f64; differ: values of the first 2048 rows that are not the \
    scalar level's, of so many compared.";
const ALGORITHM: &str = "rows: those taken, fewer where all pairs are visited; ms: the least of the \
    rounds, and their median; times: as long as the quickest backend; result: how good the answer is; \
    differ: labels, row numbers or numbers to the bit, on the first rows, that are not the scalar \
    level's; apart: the largest relative difference of the result's figures from the scalar level's; \
    ARI: the adjusted Rand index with its labels; MiB: memory above what was held before.";
const STREAM: &str = "ms: the pass without its end, the least of the rounds, and their median; finish: \
    from the state to k clusters, in ms; of peer's: cost beside the peer's; snapshot: bytes; differ: \
    bytes of a snapshot after the first rows that are not the scalar level's; MiB: memory above what \
    was held before.";
const AGREEMENT: &str = "The nearest centre of the first 2048 rows. Uncertain: rows whose two nearest \
    centres are so nearly as far that rounding may exchange them; bits differ: distances that are not \
    the scalar level's; error: the largest relative error of a distance against f64, and what is \
    allowed.";

/// A whole document, without anything outside it.
pub(crate) fn page(lines: &[Value]) -> String {
    let of = |task: &str| lines.iter().filter(|l| text(l, "task") == task).collect::<Vec<_>>();
    let sections = [
        folds(&of("fold"), lines.iter().find(|l| text(l, "task") == "limits")),
        algorithms(&of("algorithm")),
        section(&of("stream"), "One pass over a stream", STREAM),
        section(&of("agreement"), "Agreement with the scalar level", AGREEMENT),
    ];
    format!(
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>enfold-bench</title>\
         <style>{}</style></head><body><h1>enfold on this machine</h1>\n{}</body></html>\n",
        include_str!("page/page.css"),
        sections.concat(),
    )
}

/// The table of lines of one kind.
fn table(lines: &[&Value]) -> String {
    lines.first().and_then(|line| Table::of(line)).map_or(String::new(), |all| all.html(lines))
}

fn folds(lines: &[&Value], limits: Option<&Value>) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let limits =
        limits.map_or((f64::NAN, f64::NAN), |l| (number(l, "gflops"), number(l, "gbytes")));
    let differing = lines.iter().filter(|l| l["differ"] != 0 && text(l, "fold") != "sum_by_label");
    format!(
        "<h2>Folds: rates against the two limits</h2><p>A dot is a fold over a shape on a backend. \
         The line is what this machine can do at most, as measured: {:.1} GFLOP/s in single \
         precision, {:.1} GB/s read from memory. {} lines; {} of them differ from the scalar level \
         where they must not.</p>{}\n<h2>Folds: speed of each backend</h2><p>A dot is a shape.</p>\
         {}\n{}<h2>Folds: all figures</h2><p>{FOLD}</p>{}\n",
        limits.0,
        limits.1,
        lines.len(),
        differing.count(),
        chart::roofline(lines, limits),
        chart::speeds(lines),
        scaling::all("Folds", lines),
        table(lines),
    )
}

fn algorithms(lines: &[&Value]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!(
        "<h2>Algorithms: times of backends and peers</h2><p>A dot is a shape. The quickest backend \
         is at 1; higher is slower.</p>{}\n{}<h2>Algorithms: all figures</h2><p>{ALGORITHM}</p>{}\n",
        chart::times(lines),
        scaling::all("Algorithms", lines),
        table(lines),
    )
}

/// A table alone, with what its columns mean.
fn section(lines: &[&Value], head: &str, meaning: &str) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!("<h2>{head}</h2><p>{meaning}</p>{}\n", table(lines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_has_the_sections_of_its_lines_only() {
        let line = json!({"task": "agreement", "shape": "8x2x2", "backend": "scalar",
            "threads": 1, "differ": 3, "compared": 8});
        let page = page(&[line]);
        assert!(page.contains("3/8") && page.contains("Agreement"));
        assert!(!page.contains("Folds") && !page.contains("Algorithms"));
    }

    #[test]
    fn a_run_without_lines_still_is_a_page() {
        assert!(page(&[]).ends_with("</body></html>\n"));
    }
}
