//! The tables of the report.

use enfold::correlation::{Dropped, Pruned};
use enfold::trials::{Param, Trial, Trials, compare};

use super::chart::color;
use super::{amount, percent};
use crate::choice::{embedded, is_dense, leaderboard, useful};
use crate::prepare::{COLUMNS, Prepared};
use crate::segments::{Segments, letter};
use crate::sweep::Settings;

/// Runs that the leaderboard shows.
const SHOWN: usize = 10;
/// Standard deviations at which a colour is full.
const FULL: f64 = 1.5;

/// Means of every column by segment, coloured by how far they are from all customers.
pub(crate) fn profiles(segments: &Segments) -> String {
    let head: String = (0..segments.all.len())
        .map(|c| format!("<th style='color:{}'>{}</th>", color(c), letter(c)))
        .collect();
    let line = |t: usize| {
        let column = &COLUMNS[t];
        let cell = |c: &crate::segments::Segment| {
            let (back, said) = (shade(c.scores[t]), amount(c.means[t], column.unit));
            format!(
                "<td style='background:{back}' title='{:+.2} deviations'>{said}</td>",
                c.scores[t]
            )
        };
        let cells: String = segments.all.iter().map(cell).collect();
        let all = amount(segments.means[t], column.unit);
        format!("<tr><td>{}</td>{cells}<td class='soft'>{all}</td></tr>", column.label)
    };
    let sizes: String =
        segments.all.iter().map(|c| format!("<td>{}</td>", super::number(c.size as f64))).collect();
    let body: String = (0..COLUMNS.len()).map(line).collect();
    let customers = super::number(segments.labels.len() as f64);
    format!(
        "<div class='wide'><table class='heat'><tr><th>Mean of</th>{head}<th>all</th></tr>\
         <tr><td>Customers</td>{sizes}<td class='soft'>{customers}</td></tr>{body}</table></div>"
    )
}

/// What the colours of the profiles mean.
pub(crate) fn scale() -> String {
    let box_of = |z: f64| {
        format!(
            "<span><i style='background:{};border:1px solid #c5cdd5'></i>{z:+.1}</span>",
            shade(z)
        )
    };
    let boxes: String = [-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5].map(box_of).concat();
    format!(
        "<div class='legend'>{boxes}<span>standard deviations from the mean of all</span></div>"
    )
}

/// White at 0, blue below, orange above; light enough for dark letters on it.
fn shade(score: f64) -> String {
    let share = (score.abs() / FULL).min(1.0);
    let full = if score < 0.0 { [120.0, 180.0, 222.0] } else { [246.0, 178.0, 95.0] };
    let [r, g, b] = full.map(|v: f64| (255.0 + (v - 255.0) * share).round() as u8);
    format!("rgb({r},{g},{b})")
}

/// The best useful runs, that of the report shaded; ★ where no other run beats one.
pub(crate) fn best(trials: &Trials, settings: &Settings, answer: &Trial) -> String {
    let board = leaderboard(trials).filter(|trial| useful(trial, settings));
    let front = board.clone().pareto();
    let starred = |trial: &Trial| front.trials().iter().any(|other| other.id() == trial.id());
    let shown = board.trials().iter().take(SHOWN);
    let of = |trial: &&Trial| line(trial, trial.id() == answer.id(), starred(trial));
    let rows: String = shown.map(of).collect();
    format!("<div class='wide'><table>{HEAD}{rows}</table></div>")
}

/// What the algorithms find without an embedding.
pub(crate) fn rows_only(trials: &Trials) -> String {
    let board = leaderboard(trials).filter(|trial| !embedded(trial));
    let rows: String = board.trials().iter().map(|trial| line(trial, false, false)).collect();
    format!("<div class='wide'><table>{HEAD}{rows}</table></div>")
}

/// What differs between the two best useful runs.
pub(crate) fn comparison(trials: &Trials, settings: &Settings) -> String {
    let board = leaderboard(trials).filter(|trial| useful(trial, settings));
    let [first, second, ..] = board.trials() else { return "There is only one.".into() };
    let Ok(both) = compare(first, second) else { return "They label different rows.".into() };
    let said = |value: &Option<Param>| value.as_ref().map_or("–".into(), Param::to_string);
    let params = both.params.iter();
    let params = params.map(|c| format!("{}: {} → {}\n", c.name, said(&c.before), said(&c.after)));
    let metrics = both.metrics.iter().map(|d| {
        let (a, b, more) = (d.before, d.after, d.difference());
        format!("{}: {a:.4} → {b:.4} ({more:+.4})\n", d.name)
    });
    let same = both.adjusted_rand.map(|index| format!("labels: adjusted Rand {index:.3}\n"));
    params.chain(metrics).chain(same).collect()
}

/// The columns that went, each with the one that says the same.
pub(crate) fn dropped(pruned: &Pruned) -> String {
    let one = |d: &Dropped| {
        let (gone, stays) = (COLUMNS[d.column].name, COLUMNS[d.because].name);
        format!("<code>{gone}</code> says what <code>{stays}</code> says ({:.2})", d.correlation)
    };
    let all: Vec<String> = pruned.dropped.iter().map(one).collect();
    if all.is_empty() { "none does".into() } else { all.join(", ") }
}

/// The correlations of all columns as a coloured table.
pub(crate) fn correlations(prepared: &Prepared) -> String {
    let count = COLUMNS.len();
    let cell = |a: usize, b: usize| {
        let r = prepared.correlation.at(a, b);
        format!("<td style='background:{}'>{:.0}</td>", shade(r * FULL), 100.0 * r)
    };
    let line = |a: usize| {
        let gone = prepared.pruned.kept.binary_search(&a).is_err();
        let name =
            if gone { format!("<s>{}</s>", COLUMNS[a].name) } else { COLUMNS[a].name.into() };
        let cells: String = (0..count).map(|b| cell(a, b)).collect();
        format!("<tr><td>{name}</td>{cells}</tr>")
    };
    let lines: String = (0..count).map(line).collect();
    format!(
        "<table class='pairs'>{lines}</table><small>In percent; columns in the order of the lines.</small>"
    )
}

const HEAD: &str = "<tr><th>Algorithm</th><th class='left'>Options</th><th class='left'>UMAP, min_dist</th>\
                    <th>Segments</th><th>Smallest</th><th>In none</th><th>Silhouette</th>\
                    <th>Score</th><th>Trust</th><th></th></tr>";

fn line(trial: &Trial, shown: bool, starred: bool) -> String {
    let said = |name: &str| trial.params().get(name).map_or(String::new(), |p| p.to_string());
    let metric = |name: &str| trial.metric(name).map_or("–".into(), |v| format!("{v:.3}"));
    let share = |name: &str| trial.metric(name).map_or("–".into(), percent);
    let (algorithm, options) = match is_dense(trial) {
        true => {
            let (eps, beyond, least) = (metric("eps"), share("beyond"), said("min_samples"));
            ("DBSCAN", format!("radius {eps} ({beyond} beyond), {least} within"))
        }
        false => ("k-means", format!("k = {}", said("k"))),
    };
    let umap = match embedded(trial) {
        true => format!("{} neighbours, {}", said("neighbors"), said("min_dist")),
        false => "none".into(),
    };
    format!(
        "<tr{}><td>{algorithm}</td><td class='left'>{options}</td><td class='left'>{umap}</td>\
         <td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        if shown { " class='shown'" } else { "" },
        trial.metric("clusters").unwrap_or(0.0),
        share("smallest"),
        share("noise"),
        metric("silhouette"),
        metric("score"),
        metric("trustworthiness"),
        if starred { "★" } else { "" }
    )
}
