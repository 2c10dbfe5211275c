//! The two pictures of the page.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use serde_json::Value;

use super::{number, text};

const SIZE: (u32, u32) = (1000, 460);
const COLORS: [RGBColor; 5] = [
    RGBColor(0x99, 0x99, 0x99),
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
];

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<LogCoord<f64>, LogCoord<f64>>>;

/// A picture as text; what went wrong, in its place.
fn picture(draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
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

fn backends<'a>(folds: &[&'a Value]) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for fold in folds {
        if !all.contains(&text(fold, "backend")) {
            all.push(text(fold, "backend"));
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
        let mut chart = axes(area, (least / 2.0, most * 2.0), (low, gflops * 2.0))?;
        chart
            .configure_mesh()
            .x_desc("operations per byte that must be moved")
            .y_desc("GFLOP/s")
            .light_line_style(WHITE)
            .draw()?;
        let roof = [least / 2.0, gflops / gbytes, most * 2.0].map(|x| (x, gflops.min(x * gbytes)));
        chart.draw_series(LineSeries::new(roof, BLACK.stroke_width(2)))?;
        points(&mut chart, folds, point)
    })
}

fn axes<'a, 'b>(
    area: &'a Area<'b>,
    x: (f64, f64),
    y: (f64, f64),
) -> Result<Plane<'a, 'b>, Box<dyn std::error::Error>>
where
    'b: 'a,
{
    let mut chart = ChartBuilder::on(area);
    chart.margin(12).x_label_area_size(44).y_label_area_size(60);
    Ok(chart.build_cartesian_2d((x.0..x.1).log_scale(), (y.0..y.1).log_scale())?)
}

fn points<'a, 'b: 'a>(
    chart: &mut Plane<'a, 'b>,
    folds: &[&Value],
    point: impl Fn(&Value) -> (f64, f64),
) -> Drawn {
    for (backend, color) in backends(folds).into_iter().zip(COLORS.into_iter().cycle()) {
        let own = folds.iter().filter(|f| text(f, "backend") == backend);
        let dots = own.map(|f| Circle::new(point(f), 4, color.filled()));
        chart
            .draw_series(dots)?
            .label(backend)
            .legend(move |at| Circle::new(at, 4, color.filled()));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE)
        .border_style(BLACK.mix(0.2))
        .position(SeriesLabelPosition::LowerRight)
        .draw()?;
    Ok(())
}

/// For each fold, how many times as fast as the reference every backend is, over the shapes.
pub(super) fn speeds(folds: &[&Value]) -> String {
    let Some(reference) = backends(folds).first().copied() else { return String::new() };
    let same = |a: &Value, b: &Value| a["fold"] == b["fold"] && a["shape"] == b["shape"];
    let speed = |fold: &Value| {
        let base = folds.iter().find(|f| text(f, "backend") == reference && same(f, fold));
        base.map_or(f64::NAN, |base| number(base, "ms_least") / number(fold, "ms_least"))
    };
    let mut names: Vec<&str> = folds.iter().map(|f| text(f, "fold")).collect();
    names.dedup();
    names.sort_unstable();
    names.dedup();
    let most = folds.iter().map(|f| speed(f)).filter(|s| s.is_finite()).fold(2.0, f64::max);
    let least = folds.iter().map(|f| speed(f)).filter(|s| s.is_finite()).fold(0.5, f64::min);
    picture(|area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(60)
            .build_cartesian_2d(
                -0.5..names.len() as f64 - 0.5,
                (least / 1.5..most * 1.5).log_scale(),
            )?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .x_labels(names.len() * 2)
            .x_label_formatter(&|x| label(&names, *x))
            .y_desc(format!("times as fast as {reference}"))
            .draw()?;
        bars(&mut chart, folds, &names, speed)
    })
}

/// The name at a whole position, nothing between.
fn label(names: &[&str], x: f64) -> String {
    let whole = (x - x.round()).abs() < 1e-6 && x >= 0.0;
    names.get(x.round() as usize).filter(|_| whole).map_or(String::new(), ToString::to_string)
}

type Bars<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, LogCoord<f64>>>;

/// A dot for each shape, backends beside each other.
fn bars<'a, 'b: 'a>(
    chart: &mut Bars<'a, 'b>,
    folds: &[&Value],
    names: &[&str],
    speed: impl Fn(&Value) -> f64,
) -> Drawn {
    let all = backends(folds);
    for (turn, (backend, color)) in all.iter().zip(COLORS.into_iter().cycle()).enumerate() {
        let own = folds.iter().filter(|f| text(f, "backend") == *backend);
        let side = 0.7 * (turn as f64 + 0.5) / all.len() as f64 - 0.35;
        let dots = own.filter_map(|f| {
            let at = names.iter().position(|name| *name == text(f, "fold"))?;
            Some(Circle::new((at as f64 + side, speed(f)), 4, color.filled()))
        });
        chart
            .draw_series(dots)?
            .label(*backend)
            .legend(move |at| Circle::new(at, 4, color.filled()));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE)
        .border_style(BLACK.mix(0.2))
        .position(SeriesLabelPosition::UpperLeft)
        .draw()?;
    Ok(())
}
