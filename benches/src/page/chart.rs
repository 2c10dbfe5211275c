//! The pictures of the page.

use plotters::coord::combinators::WithKeyPoints;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use serde_json::Value;

use crate::table::{number, text, what, who};

const SIZE: (u32, u32) = (1000, 460);
/// Okabe and Ito's, and grey for the reference.
pub(super) const COLORS: [RGBColor; 13] = [
    RGBColor(0x99, 0x99, 0x99),
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x33, 0x33, 0x33),
    RGBColor(0xBB, 0xAA, 0x00),
    RGBColor(0x33, 0x22, 0x88),
    RGBColor(0x88, 0x22, 0x55),
    RGBColor(0x66, 0x99, 0x00),
    RGBColor(0xFF, 0x77, 0x77),
];

pub(super) type Drawn = Result<(), Box<dyn std::error::Error>>;
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
/// A logarithmic axis, labelled where it is told to be.
pub(super) type Log = WithKeyPoints<LogCoord<f64>>;
type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Log, Log>>;

/// A picture as text; what went wrong, in its place.
pub(super) fn picture(draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(Into::into).and_then(|()| draw(&area))
    };
    match drawn {
        Ok(()) => svg,
        Err(e) => format!("<p>No picture: {e}</p>"),
    }
}

/// Backends and peers, in the order they come.
fn all_of<'a>(lines: &[&'a Value]) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for line in lines {
        if !all.contains(&who(line)) {
            all.push(who(line));
        }
    }
    all
}

/// Rates over operations per byte, below the two limits.
pub(super) fn roofline(folds: &[&Value], (gflops, gbytes): (f64, f64)) -> String {
    let point = |fold: &Value| {
        let rate = number(fold, "gflops");
        (rate / number(fold, "gbytes"), rate)
    };
    let all: Vec<(f64, f64)> = folds.iter().map(|f| point(f)).collect();
    let least = all.iter().map(|p| p.0).fold(0.1, f64::min);
    let most = all.iter().map(|p| p.0).fold(1000.0, f64::max);
    let low = all.iter().map(|p| p.1).fold(1.0, f64::min) / 2.0;
    picture(|area| {
        let x = (log(least / 2.0, most * 2.0), "operations per byte that must be moved");
        let mut chart = axes(area, x, (log(low, gflops * 2.0), "GFLOP/s"))?;
        let roof = [least / 2.0, gflops / gbytes, most * 2.0].map(|x| (x, gflops.min(x * gbytes)));
        chart.draw_series(LineSeries::new(roof, BLACK.stroke_width(2)))?;
        points(&mut chart, folds, point)
    })
}

/// A logarithmic axis, labelled at 1, 2 and 5 times every power of ten, or at the powers alone where
/// there are many: left to itself the library labels powers, of which a short axis has none.
pub(super) fn log(from: f64, to: f64) -> Log {
    let digits: &[f64] = if to / from < 1e4 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let powers = from.log10().floor() as i32..=to.log10().ceil() as i32;
    let labels = powers.flat_map(|power| digits.iter().map(move |d| d * 10f64.powi(power)));
    log_at(from, to, labels.filter(|v| (from..=to).contains(v)).collect())
}

/// A logarithmic axis with these labels.
pub(super) fn log_at(from: f64, to: f64, labels: Vec<f64>) -> Log {
    (from..to).log_scale().with_key_points(labels)
}

/// A label: as few digits as a single-precision number needs.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as the library wants its formatters")]
fn shown(value: &f64) -> String {
    (*value as f32).to_string()
}

/// Two logarithmic axes and what they are of.
pub(super) fn axes<'a, 'b>(
    area: &'a Area<'b>,
    (x, what_x): (Log, &str),
    (y, what_y): (Log, &str),
) -> Result<Plane<'a, 'b>, Box<dyn std::error::Error>>
where
    'b: 'a,
{
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(x, y)?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc(what_x).y_desc(what_y).light_line_style(WHITE);
    mesh.x_label_formatter(&shown).y_label_formatter(&shown).draw()?;
    Ok(chart)
}

fn points<'a, 'b: 'a>(
    chart: &mut Plane<'a, 'b>,
    folds: &[&Value],
    point: impl Fn(&Value) -> (f64, f64),
) -> Drawn {
    for (backend, color) in all_of(folds).into_iter().zip(COLORS.into_iter().cycle()) {
        let own = folds.iter().filter(|f| who(f) == backend);
        let dots = own.map(|f| Circle::new(point(f), 4, color.filled()));
        chart
            .draw_series(dots)?
            .label(backend)
            .legend(move |at| Circle::new(at, 4, color.filled()));
    }
    legend(chart, SeriesLabelPosition::LowerRight)
}

/// Which colour is whose.
pub(super) fn legend<'a, 'b: 'a, X: CoordTranslate>(
    chart: &mut ChartContext<'a, SVGBackend<'b>, X>,
    at: SeriesLabelPosition,
) -> Drawn {
    let mut labels = chart.configure_series_labels();
    labels.background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.2)).position(at).draw()?;
    Ok(())
}

/// For each fold, how many times as fast as the reference every backend is, over the shapes.
pub(super) fn speeds(folds: &[&Value]) -> String {
    let Some(reference) = all_of(folds).first().copied() else { return String::new() };
    let same =
        |a: &Value, b: &Value| ["fold", "shape", "threads"].iter().all(|key| a[*key] == b[*key]);
    let speed = |fold: &Value| {
        let base = folds.iter().find(|f| text(f, "backend") == reference && same(f, fold));
        base.map_or(f64::NAN, |base| number(base, "ms_least") / number(fold, "ms_least"))
    };
    dots(folds, &format!("times as fast as {reference}"), speed)
}

/// For each algorithm, how many times as long as the quickest backend all take, over the shapes.
pub(super) fn times(lines: &[&Value]) -> String {
    dots(lines, "times as long as the quickest backend", |line| number(line, "times"))
}

/// A ratio of every line, over what is measured.
fn dots(lines: &[&Value], ratios: &str, ratio: impl Fn(&Value) -> f64) -> String {
    let mut names: Vec<&str> = lines.iter().map(|f| what(f)).collect();
    names.sort_unstable();
    names.dedup();
    // Room on the left, for the legend.
    let places = names.len() as f64;
    let room = 0.17 * places;
    let all = || lines.iter().map(|line| ratio(line)).filter(|r| r.is_finite());
    let (least, most) = (all().fold(0.5, f64::min), all().fold(2.0, f64::max));
    picture(|area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(60)
            .build_cartesian_2d(-0.5 - room..places - 0.5, log(least / 1.5, most * 1.5))?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .x_labels(names.len() * 2)
            .x_label_formatter(&|x| label(&names, *x))
            .y_label_formatter(&shown)
            .y_desc(ratios)
            .draw()?;
        beside(&mut chart, lines, &names, ratio)
    })
}

/// The name at a whole position, nothing between.
fn label(names: &[&str], x: f64) -> String {
    let whole = (x - x.round()).abs() < 1e-6 && x >= 0.0;
    names.get(x.round() as usize).filter(|_| whole).map_or(String::new(), ToString::to_string)
}

type Places<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, Log>>;

/// A dot for each line, backends and peers beside each other.
fn beside<'a, 'b: 'a>(
    chart: &mut Places<'a, 'b>,
    lines: &[&Value],
    names: &[&str],
    ratio: impl Fn(&Value) -> f64,
) -> Drawn {
    let all = all_of(lines);
    for (turn, (name, color)) in all.iter().zip(COLORS.into_iter().cycle()).enumerate() {
        let own = lines.iter().filter(|line| who(line) == *name);
        let side = 0.7 * (turn as f64 + 0.5) / all.len() as f64 - 0.35;
        let dots = own.filter_map(|line| {
            let at = names.iter().position(|name| *name == what(line))?;
            let ratio = Some(ratio(line)).filter(|ratio| ratio.is_finite())?;
            Some(Circle::new((at as f64 + side, ratio), 4, color.filled()))
        });
        chart.draw_series(dots)?.label(*name).legend(move |at| Circle::new(at, 4, color.filled()));
    }
    legend(chart, SeriesLabelPosition::UpperLeft)
}

#[cfg(test)]
mod tests {
    use plotters::coord::ranged1d::{BoldPoints, Ranged};

    use super::*;

    #[test]
    fn every_axis_has_labels() {
        let labels = |from, to| log(from, to).key_points(BoldPoints(10));
        assert_eq!(labels(3.0, 40.0), [5.0, 10.0, 20.0]);
        assert_eq!(labels(0.4, 3.0), [0.5, 1.0, 2.0]);
        assert_eq!(labels(0.5, 2e4), [1.0, 10.0, 100.0, 1e3, 1e4]);
        assert_eq!([0.02, 5.0, 1e6].map(|v| shown(&v)), ["0.02", "5", "1000000"]);
    }
}
