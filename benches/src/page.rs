//! The page of a run: pictures and tables of the lines there are.

mod chart;
mod scaling;

use serde_json::Value;

use crate::table::{Table, number, text};

/// A whole document, without anything outside it.
pub(crate) fn page(lines: &[Value]) -> String {
    let of = |task: &str| lines.iter().filter(|l| text(l, "task") == task).collect::<Vec<_>>();
    let sections = [
        folds(&of("fold"), lines.iter().find(|l| text(l, "task") == "limits")),
        algorithms(&of("algorithm")),
        section(
            &of("stream"),
            "One pass over a stream",
            "Milliseconds are those of the pass; differ: bytes of the snapshot that are not the \
             reference's.",
        ),
        section(
            &of("agreement"),
            "Agreement with the reference backend",
            "Uncertain: rows whose two nearest centres are nearer to each other than rounding can \
             tell.",
        ),
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
        "<h2>Folds: rates against the two limits</h2><p>Limits as measured: {:.1} GFLOP/s in \
         single precision, {:.1} GB/s read from memory. {} lines; {} of them differ from the \
         reference backend where they must not.</p>{}\n<h2>Folds: speed of each backend</h2>{}\n\
         {}<h2>Folds: all figures</h2>{}\n",
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
        "<h2>Algorithms: times of backends and peers</h2><p>The quickest backend is at 1; higher \
         is slower.</p>{}\n{}<h2>Algorithms: all figures</h2>{}\n",
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
