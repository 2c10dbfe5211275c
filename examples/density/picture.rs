//! The k-distance curve with the radius, and the map with a colour for each region.

use std::error::Error;
use std::path::Path;

use enfold::NONE;
use enfold::select::Reach;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::places::Place;

const SIZE: (u32, u32) = (1240, 480);
const CURVE: RGBColor = RGBColor(0x1b, 0x66, 0xb0);
const CHOSEN: RGBColor = RGBColor(0x55, 0x55, 0x55);
const ALONE: RGBColor = RGBColor(0xb8, 0xb8, 0xb8);
const FONT: &str = "sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What the picture tells.
pub(crate) struct Story<'a> {
    pub(crate) places: &'a [Place],
    pub(crate) labels: &'a [u32],
    pub(crate) reach: &'a Reach,
    pub(crate) eps: f64,
    /// Which neighbour the curve is about.
    pub(crate) nth: usize,
}

impl Story<'_> {
    pub(crate) fn draw(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let title =
            format!("{} places in the news, dense within {:.0} km", self.places.len(), self.eps);
        let area = area.margin(8, 0, 0, 0).titled(&title, (FONT, 22))?;
        let (left, right) = area.split_horizontally(420);
        self.curve(&left)?;
        self.map(&right)?;
        Ok(area.present()?)
    }

    fn curve(&self, area: &Area<'_>) -> Result<(), Box<dyn Error>> {
        let distances = self.reach.distances();
        let (n, top) = (distances.len() as f64, distances.last().copied().unwrap_or(1.0));
        let mut chart = ChartBuilder::on(area)
            .caption(format!("Distance to neighbour {}", self.nth), (FONT, 17))
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..n, 0.0..1.05 * top.max(f64::MIN_POSITIVE))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .axis_style(BLACK.mix(0.6))
            .x_labels(5)
            .y_labels(6)
            .x_label_formatter(&|v| format!("{v:.0}"))
            .y_label_formatter(&|v| format!("{v:.0}"))
            .x_desc("places, by distance")
            .y_desc("km")
            .label_style((FONT, 13))
            .axis_desc_style((FONT, 15))
            .draw()?;
        let points = distances.iter().enumerate().map(|(i, &d)| (i as f64, d));
        chart.draw_series(LineSeries::new(points, CURVE.stroke_width(2)))?;
        let line = [(0.0, self.eps), (n, self.eps)];
        chart.draw_series(DashedLineSeries::new(line, 5, 4, CHOSEN.stroke_width(1)))?;
        Ok(())
    }

    fn map(&self, area: &Area<'_>) -> Result<(), Box<dyn Error>> {
        let mut chart = ChartBuilder::on(area)
            .caption("Regions", (FONT, 17))
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(54)
            .build_cartesian_2d(-180f32..180f32, -60f32..80f32)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.08))
            .axis_style(BLACK.mix(0.6))
            .x_labels(9)
            .y_labels(7)
            .x_label_formatter(&|v| format!("{v:.0}°"))
            .y_label_formatter(&|v| format!("{v:.0}°"))
            .x_desc("longitude")
            .y_desc("latitude")
            .label_style((FONT, 13))
            .axis_desc_style((FONT, 15))
            .draw()?;
        let points = self.places.iter().zip(self.labels);
        chart.draw_series(points.map(|(place, &label)| {
            let at = (place.longitude, place.latitude);
            if label == NONE {
                Circle::new(at, 2, ALONE.filled())
            } else {
                Circle::new(at, 3, color(label).filled())
            }
        }))?;
        Ok(())
    }
}

/// Colours that people with any colour vision tell apart (Okabe and Ito 2008), for the first
/// regions; then steps of the golden angle.
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(120, 94, 40),
];

fn color(label: u32) -> RGBColor {
    if let Some(&color) = COLORS.get(label as usize) {
        return color;
    }
    let hue = f64::from(label) * 0.618_033_988_749_895 % 1.0;
    let (r, g, b) = HSLColor(hue, 0.7, 0.42 + 0.12 * f64::from(label % 3)).rgb();
    RGBColor(r, g, b)
}
