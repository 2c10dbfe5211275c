//! Charts as text: a frame with axes in SVG, and what stands in it.

use std::fmt::Write;

/// Room left of, above, right of and below the frame, in pixels.
const MARGIN: [f64; 4] = [62.0, 14.0, 18.0, 46.0];

/// Colours that people with any colour vision tell apart (Okabe and Ito 2008), then more.
const COLORS: [&str; 12] = [
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#785e28", "#6a51a3",
    "#8c8c00", "#a50f15", "#1b7837", "#444444",
];

/// The colour of a segment.
pub(crate) fn color(segment: usize) -> &'static str {
    COLORS[segment % COLORS.len()]
}

/// A chart under construction.
#[derive(Debug)]
pub(crate) struct Chart {
    size: (f64, f64),
    x: (f64, f64),
    y: (f64, f64),
    body: String,
}

impl Chart {
    /// An empty frame of a size in pixels that shows `x` and `y`, each from its low to its high.
    pub(crate) fn new(size: (f64, f64), x: (f64, f64), y: (f64, f64)) -> Self {
        Self { size, x, y, body: String::new() }
    }

    fn px(&self, x: f64) -> f64 {
        let width = self.size.0 - MARGIN[0] - MARGIN[2];
        MARGIN[0] + (x - self.x.0) / (self.x.1 - self.x.0) * width
    }

    fn py(&self, y: f64) -> f64 {
        let height = self.size.1 - MARGIN[1] - MARGIN[3];
        MARGIN[1] + (self.y.1 - y) / (self.y.1 - self.y.0) * height
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(text);
    }

    /// Ticks below, with lines across, and the name of the axis.
    pub(crate) fn axis_x(&mut self, ticks: &[f64], name: &str, said: impl Fn(f64) -> String) {
        let (top, bottom) = (self.py(self.y.1), self.py(self.y.0));
        for &tick in ticks {
            let (x, label) = (self.px(tick), said(tick));
            self.put(format_args!(
                "<line class='grid' x1='{x:.1}' x2='{x:.1}' y1='{top:.1}' y2='{bottom:.1}'/>\
                 <text class='tick' x='{x:.1}' y='{:.1}' text-anchor='middle'>{label}</text>",
                bottom + 16.0
            ));
        }
        let middle = (self.px(self.x.0) + self.px(self.x.1)) / 2.0;
        let below = self.size.1 - 8.0;
        self.put(format_args!(
            "<text class='name' x='{middle:.1}' y='{below:.1}' text-anchor='middle'>{name}</text>"
        ));
    }

    /// Ticks on the left, with lines across, and the name of the axis.
    pub(crate) fn axis_y(&mut self, ticks: &[f64], name: &str, said: impl Fn(f64) -> String) {
        let (left, right) = (self.px(self.x.0), self.px(self.x.1));
        for &tick in ticks {
            let (y, label) = (self.py(tick), said(tick));
            self.put(format_args!(
                "<line class='grid' x1='{left:.1}' x2='{right:.1}' y1='{y:.1}' y2='{y:.1}'/>\
                 <text class='tick' x='{:.1}' y='{:.1}' text-anchor='end'>{label}</text>",
                left - 7.0,
                y + 4.0
            ));
        }
        let middle = (self.py(self.y.0) + self.py(self.y.1)) / 2.0;
        self.put(format_args!(
            "<text class='name' transform='translate(15 {middle:.1}) rotate(-90)' \
             text-anchor='middle'>{name}</text>"
        ));
    }

    /// A line through points.
    pub(crate) fn line(&mut self, points: impl IntoIterator<Item = (f64, f64)>, color: &str) {
        let path = self.path(points);
        self.put(format_args!(
            "<polyline points='{path}' fill='none' stroke='{color}' stroke-width='2'/>"
        ));
    }

    /// A filled outline.
    pub(crate) fn area(&mut self, points: impl IntoIterator<Item = (f64, f64)>, color: &str) {
        let path = self.path(points);
        self.put(format_args!("<polygon points='{path}' fill='{color}'/>"));
    }

    /// A dashed straight line.
    pub(crate) fn mark(&mut self, from: (f64, f64), to: (f64, f64), color: &str) {
        let (x1, y1, x2, y2) = (self.px(from.0), self.py(from.1), self.px(to.0), self.py(to.1));
        self.put(format_args!(
            "<line x1='{x1:.1}' y1='{y1:.1}' x2='{x2:.1}' y2='{y2:.1}' stroke='{color}' \
             stroke-width='1.5' stroke-dasharray='5 4'/>"
        ));
    }

    /// A dot.
    pub(crate) fn dot(&mut self, at: (f64, f64), color: &str) {
        let (x, y) = (self.px(at.0), self.py(at.1));
        self.put(format_args!("<circle cx='{x:.1}' cy='{y:.1}' r='5' fill='{color}'/>"));
    }

    /// Words at a place, moved by some pixels; `anchor` is `start`, `middle` or `end`.
    pub(crate) fn words(&mut self, at: (f64, f64), by: (f64, f64), anchor: &str, words: &str) {
        let (x, y) = (self.px(at.0) + by.0, self.py(at.1) + by.1);
        self.put(format_args!(
            "<text class='note' x='{x:.1}' y='{y:.1}' text-anchor='{anchor}'>{words}</text>"
        ));
    }

    fn path(&self, points: impl IntoIterator<Item = (f64, f64)>) -> String {
        let point = |(x, y)| format!("{:.1},{:.1}", self.px(x), self.py(y));
        points.into_iter().map(point).collect::<Vec<_>>().join(" ")
    }

    /// The picture, with what it shows in words for those who cannot see it.
    pub(crate) fn svg(self, title: &str) -> String {
        let (width, height) = self.size;
        format!(
            "<svg viewBox='0 0 {width} {height}' role='img' aria-label='{title}'>{}</svg>",
            self.body
        )
    }
}

/// About `count` round numbers from `low` to `high`.
pub(crate) fn ticks((low, high): (f64, f64), count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|f| f * power).into_iter().find(|&s| s >= rough);
    let step = step.unwrap_or(rough);
    let (first, last) = ((low / step).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}
