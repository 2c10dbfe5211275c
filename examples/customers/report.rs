//! The report: one page that needs nothing beside itself, to be shown to whoever asked.

mod chart;
mod look;
mod tables;

use enfold::trials::{Trial, Trials};

use crate::choice::{MOST, NOTHING};
use crate::prepare::{COLUMNS, FAR, Prepared, SAME};
use crate::segments::{Segment, Segments, letter};
use crate::sweep::{COMPONENTS, Density, Embedding, SMALLEST, Settings, TRUSTED};

use chart::color;

/// All that the report tells.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) prepared: &'a Prepared,
    pub(crate) settings: &'a Settings,
    pub(crate) trials: &'a Trials,
    /// The trial whose clusters are shown.
    pub(crate) answer: &'a Trial,
    pub(crate) segments: &'a Segments,
    pub(crate) embedding: &'a Embedding,
    /// Where its radius came from, if it is one of DBSCAN.
    pub(crate) density: Option<&'a Density>,
    /// The silhouette of every customer.
    pub(crate) silhouettes: &'a [f64],
    /// Adjusted Rand index against the same run with other seeds.
    pub(crate) stability: &'a [f64],
    /// What the whole run took.
    pub(crate) seconds: f64,
}

impl Report<'_> {
    /// The page.
    pub(crate) fn page(&self) -> String {
        let style = include_str!("report/page.css");
        let parts = [
            self.headline(),
            section("The map of the customers", &self.map()),
            section("What makes each segment differ", &self.profiles()),
            section("From the file to comparable rows", &self.cleaning()),
            section("Columns that say the same", &self.columns()),
            section("How the segments were found", &self.finding()),
            section("What was tried", &self.tried()),
            section("To get the same again", &self.again()),
        ];
        format!(
            "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>\
             <meta name='viewport' content='width=device-width, initial-scale=1'>\
             <title>Which kinds of customers are there?</title><style>{style}</style></head>\n\
             <body><main>{}<footer>Data: Online Retail, UCI Machine Learning Repository \
             (D. Chen 2015), CC BY 4.0, as one row per customer. Made with enfold {}.</footer>\
             </main></body></html>\n",
            parts.join("\n"),
            env!("CARGO_PKG_VERSION")
        )
    }

    /// The answer in words, and a card for each segment.
    fn headline(&self) -> String {
        let (count, customers) = (self.segments.all.len(), self.segments.labels.len());
        let first = &self.segments.all[0];
        let cards: String =
            (0..).zip(&self.segments.all).map(|(i, segment)| self.card(i, segment)).collect();
        format!(
            "<h1>Which kinds of customers are there?</h1>\
             <p class='soft'>{} customers of a UK online shop, December 2010 to December 2011</p>\
             <p class='lead'>{}<b>{count} segments.</b> {} customers fall into {count} groups, and \
             {} into none. Segment A – {} – is {} of the customers and {} of the turnover. \
             Silhouette {:.2} (1 is perfectly separate, 0 is none); {}.</p>\
             <div class='cards'>{cards}</div>",
            number(self.prepared.dropped.read as f64),
            self.caveat(),
            number((customers - self.segments.noise()) as f64),
            number(self.segments.noise() as f64),
            first.name(),
            percent(first.share),
            percent(first.spent),
            self.answer.metric("silhouette").unwrap_or(f64::NAN),
            self.steadiness()
        )
    }

    /// What must be said first where density found nothing.
    fn caveat(&self) -> &'static str {
        match self.density {
            Some(_) => "",
            None => {
                "<b>Density finds no such segments here:</b> no run of DBSCAN was of use. Those below \
                 are k-means', which cuts up anything, gaps or none. "
            }
        }
    }

    fn steadiness(&self) -> String {
        let ends = self.stability.iter().copied();
        let (least, most) = (ends.clone().fold(1.0, f64::min), ends.fold(0.0, f64::max));
        format!(
            "{} other seeds agree with it to an adjusted Rand index of {least:.2} to {most:.2} (1 is \
             the same segments, 0 is chance)",
            self.stability.len()
        )
    }

    fn card(&self, i: usize, segment: &Segment) -> String {
        let line = |t: usize| {
            let (here, all) = (segment.medians[t], self.segments.medians[t]);
            format!(
                "<li>{}: <b style='font-size:14px'>{}</b> <span class='soft'>(all: {})</span></li>",
                COLUMNS[t].label,
                amount(here, COLUMNS[t].unit),
                amount(all, COLUMNS[t].unit)
            )
        };
        let lines: String = segment.differs.iter().copied().map(line).collect();
        format!(
            "<div class='card' style='--c:{}' data-segment='{i}'><b>{} · {}</b><br>\
             <span class='big'>{}</span> customers<br><span class='soft'>{} of all, {} of the \
             turnover</span><ul>{lines}</ul></div>",
            color(i),
            letter(i),
            segment.name(),
            number(segment.size as f64),
            percent(segment.share),
            percent(segment.spent)
        )
    }

    fn map(&self) -> String {
        let legend: String = (0..)
            .zip(&self.segments.all)
            .map(|(i, s)| {
                let (color, letter, name) = (color(i), letter(i), s.name());
                format!("<span data-segment='{i}'><i style='background:{color}'></i>{letter} · {name}</span>")
            })
            .collect();
        let colors: Vec<&str> = (0..self.segments.all.len()).map(color).collect();
        format!(
            "<p>Every dot is a customer, and customers who behave alike lie close together: UMAP \
             brought {} numbers per customer down to {COMPONENTS}. Of the {TRUSTED} nearest dots \
             around a dot, those that are true neighbours make the trustworthiness: \
             <b>{:.3}</b> of 1. <b>Drag to turn; point at a name to see one segment.</b></p>\
             <canvas id='cloud' role='img' aria-label='Customers in three dimensions'></canvas>\
             <div class='legend'>{legend}<span><i style='background:#9aa4ae'></i>in no segment\
             </span></div>\n<script>\n{}({}, {colors:?});\n</script>",
            self.prepared.compared.dim(),
            self.embedding.trust,
            include_str!("report/scatter.js").trim_end(),
            look::cloud(self.embedding.model.embedding(), &self.segments.labels)
        )
    }

    fn profiles(&self) -> String {
        format!(
            "<p>Means in the units of the file. The colour says how far a segment lies from all \
             customers, in standard deviations (as compared, so of logarithms where a column \
             spans orders of magnitude): blue below, orange above.</p>{}{}",
            tables::profiles(self.segments),
            tables::scale()
        )
    }

    fn cleaning(&self) -> String {
        let dropped = &self.prepared.dropped;
        let (heavy, even): (Vec<_>, Vec<_>) = COLUMNS.iter().partition(|column| column.heavy);
        let names = |columns: Vec<&crate::prepare::Column>| {
            columns
                .iter()
                .map(|c| format!("<code>{}</code>", c.name))
                .collect::<Vec<_>>()
                .join(", ")
        };
        format!(
            "<p>{} customers were read. <b>{}</b> were left out because they cancelled all that \
             they had bought: their orders say nothing. <b>{}</b> more lie over {FAR} standard \
             deviations from the mean in some column, too far to have \
             neighbours. <b>{}</b> remain.</p>\
             <p>Logarithms, ln(1 + x), because these columns span orders of magnitude, so that \
             twice as much counts like half as much: {}. As they are: {}. Then every column has \
             mean 0 and standard deviation 1. Cancelled amounts are stored as negative numbers; \
             their size is used. Country and monthly turnover are not compared, as they say where \
             and when, not how, somebody buys.</p>",
            number(dropped.read as f64),
            dropped.cancelled,
            dropped.far,
            number(self.segments.labels.len() as f64),
            names(heavy),
            names(even)
        )
    }

    fn columns(&self) -> String {
        let prepared = self.prepared;
        let shares = prepared.pca.ratios();
        let sums = shares.iter().scan(0.0, |sum, share| {
            *sum += share;
            Some(*sum)
        });
        let needed = 1 + sums.take_while(|&sum| sum < 0.9).count();
        format!(
            "<p>Of two columns whose correlation (Pearson, after logarithms) is over {SAME}, the \
             later one goes: {}. The other {} are compared.</p><div class='two'>\
             <figure style='margin:0'><h3>Correlations</h3>{}<figcaption>Blue: one falls as the \
             other rises; orange: they rise together. Struck out: columns that went.</figcaption>\
             </figure><figure style='margin:0'><h3>Principal components</h3>{}<figcaption>The share \
             of each component in the variance. <b>{needed}</b> of {} are needed \
             for 90 % of it; the first {COMPONENTS} hold {}.</figcaption></figure></div>",
            tables::dropped(&prepared.pruned),
            prepared.compared.dim(),
            tables::correlations(prepared),
            look::scree(&shares),
            shares.len(),
            percent(shares.iter().take(COMPONENTS).sum())
        )
    }

    fn finding(&self) -> String {
        format!(
            "<div class='two'>{}\
             <figure style='margin:0'><h3>How clear are the segments?</h3>{}<figcaption>The \
             silhouette of every customer, sorted within the segment: near 1, far from all other \
             segments; near 0, between two; below 0, nearer to another. The dashed line is the \
             mean.</figcaption></figure></div>",
            self.density.map_or(String::new(), nearness),
            look::silhouettes(self.segments, self.silhouettes)
        )
    }

    fn tried(&self) -> String {
        format!(
            "<p>{} runs on {} shared neighbour lists: DBSCAN and k-means, on the rows themselves \
             and on {} embeddings. A cluster below {} of the customers is no segment: its \
             customers are in none. The score is the mean silhouette of all customers, where those \
             in no segment count 0. Useful is a result with {} to {MOST} segments and a score over \
             {NOTHING}. Here are the best useful ones by score; shaded is the run that this page \
             shows: the best of DBSCAN on an embedding, which need not be told how many segments \
             there are, or, were none of use, of k-means. ★: no other useful run is at least as \
             good in score and trustworthiness, and better in one.</p>{}\
             <h3>On the rows themselves</h3>\
             <p>The same algorithms without UMAP, in {} dimensions. Silhouettes of different spaces \
             compare only roughly.</p>\
             {}<h3>The two best, compared</h3><pre>{}</pre>",
            self.trials.all().len(),
            number(self.segments.labels.len() as f64),
            self.settings.neighbors.len() * self.settings.min_dists.len(),
            percent(SMALLEST),
            self.settings.least,
            tables::best(self.trials, self.settings, self.answer),
            self.prepared.compared.dim(),
            tables::rows_only(self.trials),
            tables::comparison(self.trials, self.settings)
        )
    }

    fn again(&self) -> String {
        let entry = |name: &str, text: &str| format!("<dt>{name}</dt><dd>{text}</dd>");
        let list = [
            entry("Command", "<code>cargo run --release --example customers</code>"),
            entry("Shown run", &format!("<code>{}</code>", self.answer.params())),
            entry("Its id", &format!("<code>{}</code>", self.answer.id())),
            entry(
                "Data",
                &format!("<code>{}</code> (fingerprint of the rows)", self.answer.data()),
            ),
            entry("Seed", &self.settings.seed.to_string()),
            entry(
                "Layout",
                &format!("{} epochs from {}", self.embedding.model.epochs(), self.start()),
            ),
            entry("enfold", env!("CARGO_PKG_VERSION")),
            entry(
                "Beside this page",
                "<code>trials.ndjson</code>, <code>mlruns</code>, <code>segments.csv</code>",
            ),
            entry("Time", &format!("{:.1} s for everything", self.seconds)),
        ];
        format!(
            "<p>The same file and seed give the same page, to the byte, on any number of threads – \
             but for the time in the last line.</p><dl>{}</dl>",
            list.concat()
        )
    }

    fn start(&self) -> String {
        let began = self.embedding.model.began();
        began.map_or("given positions".into(), |start| format!("a {start:?} start").to_lowercase())
    }
}

/// The k-distance curve and what was read off it.
fn nearness(density: &Density) -> String {
    let Density { eps, min_samples, .. } = *density;
    let knee = match density.knee {
        Some(_) => "at the knee, neighbours stop being near",
        None => "neighbours would stop being near, but it has no knee",
    };
    format!(
        "<figure style='margin:0'><h3>How near is near?</h3>{}<figcaption>Distance of every dot \
         to its {}th nearest other dot, ascending. Where the curve turns upwards, {knee}. \
         DBSCAN's radius: {eps:.3}, beyond which {} of the curve lie; a dense place has \
         {min_samples} customers within it.</figcaption></figure>",
        look::k_distances(density),
        min_samples - 1,
        percent(density.beyond())
    )
}

fn section(title: &str, body: &str) -> String {
    format!("<section><h2>{title}</h2>{body}</section>")
}

/// A share in percent.
pub(crate) fn percent(share: f64) -> String {
    let value = 100.0 * share;
    if value < 10.0 { format!("{value:.1} %") } else { format!("{value:.0} %") }
}

/// A number for people: three digits or so, thousands apart.
pub(crate) fn number(value: f64) -> String {
    let whole = value.fract() == 0.0;
    let text = match value.abs() {
        v if v >= 100.0 || whole => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    let (whole, rest) =
        text.split_once('.').map_or((&text[..], ""), |(w, _)| (w, &text[w.len()..]));
    let mut apart = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart + rest
}

/// A number with its unit.
pub(crate) fn amount(value: f64, unit: &str) -> String {
    match unit {
        "£" => format!("£{}", number(value)),
        "" => number(value),
        _ => format!("{} {unit}", number(value)),
    }
}
