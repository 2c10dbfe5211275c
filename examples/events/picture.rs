//! The elbow, as a picture: two panels, two curves each, the chosen k marked.

use std::error::Error;
use std::path::Path;

use plotters::chart::{ChartBuilder, ChartContext, SeriesLabelPosition};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::fits::{Curve, Fit};

const SIZE: (u32, u32) = (1040, 480);
const ONE_PASS: RGBColor = RGBColor(0x1b, 0x66, 0xb0);
const MULTI_PASS: RGBColor = RGBColor(0xd9, 0x6a, 0x12);
const CHOSEN: RGBColor = RGBColor(0x55, 0x55, 0x55);
const FONT: &str = "sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// What the picture tells.
pub(crate) struct Story<'a> {
    pub(crate) streamed: &'a Curve,
    pub(crate) fitted: &'a Curve,
    pub(crate) chosen: Option<usize>,
}

/// One panel: a caption, the name of its vertical axis, and a curve.
struct Panel<'a> {
    caption: &'a str,
    axis: &'a str,
    of: fn(&Fit) -> f64,
}

impl Story<'_> {
    pub(crate) fn draw(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let area = area.margin(8, 0, 0, 0).titled(&self.title(), (FONT, 22))?;
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        let cost = |fit: &Fit| fit.cost / fit.rows();
        let squared = "mean squared distance";
        self.panel(&left, &Panel { caption: "What k-means minimises", axis: squared, of: cost })?;
        let mean = |fit: &Fit| fit.mean_distance;
        self.panel(
            &right,
            &Panel { caption: "SageMaker's elbow", axis: "mean distance", of: mean },
        )?;
        Ok(area.present()?)
    }

    fn title(&self) -> String {
        let rows = self.streamed.fits.first().map_or(0.0, Fit::rows);
        format!("Distance of {rows} rows to the nearest of k centres")
    }

    fn panel(&self, area: &Area<'_>, panel: &Panel<'_>) -> Result<(), Box<dyn Error>> {
        let (one, many) = (self.streamed.points(panel.of), self.fitted.points(panel.of));
        let top = one.iter().chain(&many).map(|p| p.1).fold(0.0, f64::max);
        let (first, last) = (one[0].0 as f64, one[one.len() - 1].0 as f64);
        let mut chart = ChartBuilder::on(area)
            .caption(panel.caption, (FONT, 17))
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(first - 0.5..last + 0.5, 0.0..1.08 * top.max(f64::MIN_POSITIVE))?;
        mesh(&mut chart, panel.axis, one.len())?;
        self.mark(&mut chart, 1.08 * top)?;
        curve(&mut chart, &many, "a multi-pass fit for each k", Style::Rings)?;
        curve(&mut chart, &one, "one pass, all k from one state", Style::Dots)?;
        legend(&mut chart)
    }

    /// A vertical line at the chosen k.
    fn mark<'a, 'b: 'a>(&self, chart: &mut Chart<'a, 'b>, top: f64) -> Result<(), Box<dyn Error>> {
        let Some(k) = self.chosen else { return Ok(()) };
        let line = [(k as f64, 0.0), (k as f64, top)];
        chart
            .draw_series(DashedLineSeries::new(line, 5, 4, CHOSEN.stroke_width(1)))?
            .label(format!("chosen: k = {k}"))
            .legend(|(x, y)| {
                let dash = |from| PathElement::new([(x + from, y), (x + from + 5, y)], CHOSEN);
                EmptyElement::at((0, 0)) + dash(0) + dash(9) + dash(18)
            });
        Ok(())
    }
}

fn mesh(chart: &mut Chart<'_, '_>, axis: &str, ks: usize) -> Result<(), Box<dyn Error>> {
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .axis_style(BLACK.mix(0.6))
        .x_labels(ks.min(20) + 1)
        .y_labels(6)
        .x_label_formatter(&|k| format!("{k:.0}"))
        .y_label_formatter(&|v| short(*v))
        .x_desc("number of clusters k")
        .y_desc(axis)
        .label_style((FONT, 13))
        .axis_desc_style((FONT, 15))
        .draw()?;
    Ok(())
}

/// Thousands as `12k`, small numbers with as many digits as they need.
fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 1e4 => format!("{:.0}k", value / 1e3),
        v if v >= 10.0 || v == 0.0 => format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// Rings lie around dots, so that curves on top of each other are both seen.
#[derive(Clone, Copy)]
enum Style {
    Dots,
    Rings,
}

impl Style {
    fn color(self) -> RGBColor {
        match self {
            Self::Dots => ONE_PASS,
            Self::Rings => MULTI_PASS,
        }
    }

    fn point<C>(self, at: C) -> Circle<C, i32> {
        match self {
            Self::Dots => Circle::new(at, 3, self.color().filled()),
            Self::Rings => Circle::new(at, 7, self.color().stroke_width(2)),
        }
    }
}

fn curve(
    chart: &mut Chart<'_, '_>,
    points: &[(usize, f64)],
    label: &str,
    style: Style,
) -> Result<(), Box<dyn Error>> {
    let points: Vec<(f64, f64)> = points.iter().map(|&(k, v)| (k as f64, v)).collect();
    let line = style.color().stroke_width(2);
    if let Style::Dots = style {
        chart.draw_series(LineSeries::new(points.clone(), line))?;
    }
    chart
        .draw_series(points.into_iter().map(|at| style.point(at)))?
        .label(label)
        .legend(move |(x, y)| style.point((x + 11, y)));
    Ok(())
}

fn legend<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>) -> Result<(), Box<dyn Error>> {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.15))
        .label_font((FONT, 14))
        .draw()?;
    Ok(())
}
