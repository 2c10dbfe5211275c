//! What is printed line by line, and the page of a whole run.

mod chart;

use serde_json::Value;

pub(crate) const HEADER: &str = "fold           shape            backend       ms (least/median)   GFLOP/s    \
GB/s  of limit     error   differ";

fn number(line: &Value, key: &str) -> f64 {
    line[key].as_f64().unwrap_or(f64::NAN)
}

fn text<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().unwrap_or_default()
}

/// One line of the table.
pub(crate) fn line(line: &Value) -> String {
    let error = line["error"].as_f64().map_or("–".into(), |e| format!("{e:.1e}"));
    format!(
        "{:<14} {:<16} {:<8} {:>9.3} {:>9.3}  {:>9.1} {:>7.1} {:>8.0}% {:>9} {:>4}/{}",
        text(line, "fold"),
        text(line, "shape"),
        text(line, "backend"),
        number(line, "ms_least"),
        number(line, "ms_median"),
        number(line, "gflops"),
        number(line, "gbytes"),
        100.0 * number(line, "of_limit"),
        error,
        line["differ"],
        line["compared"],
    )
}

/// The page: limits, the roofline, times against the widest rows, the table.
pub(crate) fn page(lines: &[Value]) -> String {
    let limits = lines.iter().find(|l| text(l, "task") == "limits");
    let folds: Vec<&Value> = lines.iter().filter(|l| text(l, "task") == "fold").collect();
    let limits =
        limits.map_or((f64::NAN, f64::NAN), |l| (number(l, "gflops"), number(l, "gbytes")));
    let differing = folds.iter().filter(|l| l["differ"] != 0 && text(l, "fold") != "sum_by_label");
    let differing = differing.count();
    format!(
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>Folds</title><style>{}\
         </style></head><body><h1>Folds on this machine</h1><p>Limits as measured: {:.1} GFLOP/s in \
         single precision, {:.1} GB/s read from memory. {} lines; {} of them differ from the \
         reference backend where they must not.</p>\n<h2>Rates against the two limits</h2>{}\n\
         <h2>Speed of each backend</h2>{}\n<h2>All figures</h2>{}</body></html>\n",
        include_str!("report/page.css"),
        limits.0,
        limits.1,
        folds.len(),
        differing,
        chart::roofline(&folds, limits),
        chart::speeds(&folds),
        table(&folds),
    )
}

fn table(folds: &[&Value]) -> String {
    let head = [
        "fold", "shape", "backend", "threads", "ms", "median", "GFLOP/s", "GB/s", "of limit",
        "error", "differ",
    ];
    let head: String = head
        .iter()
        .enumerate()
        .map(|(at, h)| format!("<th{}>{h}</th>", if at < 3 { "" } else { " class='n'" }))
        .collect();
    let rows: String = folds.iter().map(|line| row(line)).collect();
    format!("<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
}

fn row(line: &Value) -> String {
    let names = ["fold", "shape", "backend"].map(|key| format!("<td>{}</td>", text(line, key)));
    let figures = [
        line["threads"].to_string(),
        format!("{:.3}", number(line, "ms_least")),
        format!("{:.3}", number(line, "ms_median")),
        format!("{:.1}", number(line, "gflops")),
        format!("{:.1}", number(line, "gbytes")),
        format!("{:.0} %", 100.0 * number(line, "of_limit")),
        line["error"].as_f64().map_or("–".into(), |e| format!("{e:.1e}")),
        format!("{} of {}", line["differ"], line["compared"]),
    ];
    let figures: String = figures.iter().map(|v| format!("<td class='n'>{v}</td>")).collect();
    format!("<tr>{}{figures}</tr>\n", names.concat())
}
