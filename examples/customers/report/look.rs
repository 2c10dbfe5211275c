//! The pictures of the report.

use enfold::NONE;

use super::chart::{Chart, color, ticks};
use crate::segments::{Segments, letter};
use crate::sweep::{COMPONENTS, Density};

/// Pixels of the pictures that stand side by side.
const HALF: (f64, f64) = (480.0, 360.0);
/// Points of a curve that are drawn: more than that no eye tells apart.
const DRAWN: usize = 400;

/// Points in thousandths of the largest coordinate, around their middle, each with its segment
/// or −1: a flat list as JSON.
pub(crate) fn cloud(points: &[f32], labels: &[u32]) -> String {
    let ends = |t: usize| {
        let values = || points.iter().skip(t).step_by(COMPONENTS);
        let low = values().fold(f32::INFINITY, |a, &b| a.min(b));
        (low, values().fold(f32::NEG_INFINITY, |a, &b| a.max(b)))
    };
    let ends: Vec<(f32, f32)> = (0..COMPONENTS).map(ends).collect();
    let half = ends.iter().map(|(low, high)| (high - low) / 2.0).fold(f32::MIN_POSITIVE, f32::max);
    let mut flat = Vec::new();
    for (point, &label) in points.chunks_exact(COMPONENTS).zip(labels) {
        for (value, (low, high)) in point.iter().zip(&ends) {
            flat.push(((value - (low + high) / 2.0) / half * 1000.0).round() as i32);
        }
        flat.push(if label == NONE { -1 } else { label as i32 });
    }
    let text: Vec<String> = flat.iter().map(i32::to_string).collect();
    format!("[{}]", text.join(","))
}

/// The k-distance curve with its knee and the radius.
pub(crate) fn k_distances(density: &Density) -> String {
    let curve = density.reach.distances();
    let last = curve.len() - 1;
    let high = curve[last].max(density.eps) * 1.02;
    let mut chart = Chart::new(HALF, (0.0, last as f64), (0.0, high));
    chart.axis_x(&ticks((0.0, last as f64), 5), "customers", super::number);
    chart.axis_y(&ticks((0.0, high), 5), "distance on the map", |v| format!("{v:.1}"));
    let at = |i: usize| i * last / DRAWN;
    chart.line((0..=DRAWN).map(|i| (at(i) as f64, curve[at(i)])), color(0));
    chart.mark((0.0, density.eps), (last as f64, density.eps), color(3));
    chart.words((0.0, density.eps), (8.0, -7.0), "start", &format!("radius {:.3}", density.eps));
    if let Some(knee) = density.knee {
        let place = curve.partition_point(|&d| d < knee) as f64;
        chart.dot((place, knee), color(3));
        chart.words((place, knee), (-10.0, -8.0), "end", &format!("knee {knee:.3}"));
    }
    chart.svg("The k-distance curve")
}

/// The silhouette of every customer, by segment.
pub(crate) fn silhouettes(segments: &Segments, scores: &[f64]) -> String {
    let groups: Vec<Vec<f64>> =
        (0..segments.all.len()).map(|c| sorted(segments, scores, c)).collect();
    let rows: usize = groups.iter().map(Vec::len).sum();
    let gap = rows as f64 * 0.02;
    let height = rows as f64 + gap * (groups.len() + 1) as f64;
    let lowest = groups.iter().flatten().copied().fold(0.0, f64::min);
    let low = if lowest < -0.02 { (lowest * 5.0).floor() / 5.0 } else { 0.0 };
    let mut chart = Chart::new(HALF, (low, 1.0), (height, 0.0));
    chart.axis_x(&ticks((low, 1.0), 6), "silhouette", |v| format!("{v:.1}"));
    let mut top = gap;
    for (c, group) in groups.iter().enumerate() {
        let bottom = top + group.len() as f64;
        let step = (group.len() / DRAWN).max(1);
        let edge = (0..group.len()).step_by(step).map(|i| (group[i], top + i as f64));
        let outline = [(0.0, top)].into_iter().chain(edge).chain([(0.0, bottom)]);
        chart.area(outline, color(c));
        let middle = (0.0f64.min(low), (top + bottom) / 2.0);
        chart.words(middle, (-10.0, 5.0), "end", &letter(c).to_string());
        top = bottom + gap;
    }
    let mean = groups.iter().flatten().sum::<f64>() / rows as f64;
    chart.mark((mean, 0.0), (mean, height), "#1c2733");
    chart.svg("Silhouettes by segment")
}

/// The silhouettes of a segment, largest first.
fn sorted(segments: &Segments, scores: &[f64], segment: usize) -> Vec<f64> {
    let members = segments.labels.iter().zip(scores).filter(|p| *p.0 == segment as u32);
    let mut found: Vec<f64> = members.map(|p| *p.1).collect();
    found.sort_unstable_by(|a, b| b.total_cmp(a));
    found
}

/// The share of every principal component, and the sum up to it.
pub(crate) fn scree(shares: &[f64]) -> String {
    let count = shares.len() as f64;
    let mut chart = Chart::new(HALF, (0.4, count + 0.6), (0.0, 1.0));
    let whole: Vec<f64> = (1..=shares.len()).map(|i| i as f64).collect();
    chart.axis_x(&whole, "component", super::number);
    chart.axis_y(&ticks((0.0, 1.0), 5), "share of the variance", super::percent);
    let mut sum = 0.0;
    let mut sums = Vec::new();
    for (&at, &share) in whole.iter().zip(shares) {
        let (left, right) = (at - 0.35, at + 0.35);
        chart.area([(left, 0.0), (left, share), (right, share), (right, 0.0)], color(0));
        sum += share;
        sums.push((at, sum));
    }
    chart.line(sums, color(1));
    chart.words((count, 1.0), (0.0, 18.0), "end", "sum");
    chart.svg("Shares of the principal components")
}
