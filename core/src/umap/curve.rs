//! The curve 1 / (1 + a·x^(2b)) that stands for "near" in the embedding.

/// The a and b whose curve comes closest to 1 up to `min_dist` and `exp(−(x − min_dist)/spread)`
/// beyond it, by least squares at 300 places up to 3·spread (McInnes, Healy, Melville 2018).
///
/// Levenberg and Marquardt's method: with a bounded number of steps, so it always ends.
pub(super) fn fit(min_dist: f64, spread: f64) -> (f64, f64) {
    let points: [(f64, f64); 300] = core::array::from_fn(|i| {
        let x = 3.0 * spread * i as f64 / 299.0;
        (x, if x < min_dist { 1.0 } else { libm::exp(-(x - min_dist) / spread) })
    });
    let (mut at, mut damping) = ((1.0, 1.0), 1e-3);
    let mut cost = cost_of(&points, at);
    for _ in 0..200 {
        let next = step(&points, at, damping);
        let tried = cost_of(&points, next);
        if tried < cost {
            let done = cost - tried <= 1e-15 * cost;
            (at, cost, damping) = (next, tried, damping * 0.1);
            if done {
                break;
            }
        } else if damping > 1e12 {
            break;
        } else {
            damping *= 10.0;
        }
    }
    at
}

fn value(x: f64, (a, b): (f64, f64)) -> f64 {
    1.0 / (1.0 + a * libm::pow(x, 2.0 * b))
}

/// Sum of squared residuals; infinite where a or b is not positive.
fn cost_of(points: &[(f64, f64)], at: (f64, f64)) -> f64 {
    if !(at.0 > 0.0 && at.1 > 0.0) {
        return f64::INFINITY;
    }
    points.iter().map(|&(x, y)| (value(x, at) - y) * (value(x, at) - y)).sum()
}

/// Where a damped step of Gauss and Newton leads.
fn step(points: &[(f64, f64)], (a, b): (f64, f64), damping: f64) -> (f64, f64) {
    let (mut jj, mut jr) = ([0.0; 3], [0.0; 2]);
    for &(x, y) in points.iter().filter(|p| p.0 > 0.0) {
        let (power, f) = (libm::pow(x, 2.0 * b), value(x, (a, b)));
        let (da, db) = (-f * f * power, -f * f * a * power * 2.0 * libm::log(x));
        let r = f - y;
        jj = [jj[0] + da * da, jj[1] + da * db, jj[2] + db * db];
        jr = [jr[0] + da * r, jr[1] + db * r];
    }
    let (aa, bb) = (jj[0] * (1.0 + damping), jj[2] * (1.0 + damping));
    let det = aa * bb - jj[1] * jj[1];
    (a - (bb * jr[0] - jj[1] * jr[1]) / det, b - (aa * jr[1] - jj[1] * jr[0]) / det)
}
