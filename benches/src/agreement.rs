//! Every backend against the reference and the definition in `f64`: the nearest centre of rows.

use enfold_core::Metric;
use enfold_core::distance::accuracy;
use serde_json::{Value, json};

use crate::backends::REFERENCE;
use crate::failure::Outcome;
use crate::folds::{self, Fold};
use crate::output::Output;
use crate::shape::Shape;
use crate::suite::Plan;

/// Runs the plan.
pub(crate) fn run(plan: &Plan, output: &mut Output) -> Outcome<()> {
    for size in &plan.shapes {
        let shape = Shape::make(*size);
        let expected = folds::open(REFERENCE, &shape)?.answer(Fold::Nearest, &shape)?.bits;
        let truth = Truth::of(&shape, expected.len() / 2);
        for name in &plan.backends {
            let found = folds::open(name, &shape)?.answer(Fold::Nearest, &shape)?.bits;
            output.push(truth.line(&shape, name, &expected, &found))?;
        }
    }
    Ok(())
}

/// What rows are to be, in `f64`.
struct Truth {
    /// The squared distance of each row to its nearest centre.
    nearest: Vec<f64>,
    /// Rows whose two nearest centres rounding may exchange.
    uncertain: usize,
    /// The largest relative error of a distance that the contract allows.
    allowed: f64,
}

impl Truth {
    fn of(shape: &Shape, rows: usize) -> Self {
        let allowed = accuracy::<f32>(Metric::SqEuclidean, shape.dim);
        let pairs: Vec<[f64; 2]> = (0..rows).map(|i| two_nearest(shape, i)).collect();
        let close = |pair: &&[f64; 2]| pair[1] - pair[0] <= allowed * (pair[0] + pair[1]);
        let uncertain = pairs.iter().filter(close).count();
        Self { nearest: pairs.iter().map(|pair| pair[0]).collect(), uncertain, allowed }
    }

    /// Answers are distances to the bit, then labels.
    fn line(&self, shape: &Shape, name: &str, expected: &[u64], found: &[u64]) -> Value {
        let rows = self.nearest.len();
        let differ =
            |range: std::ops::Range<usize>| range.filter(|at| expected[*at] != found[*at]).count();
        let off = |(bits, truth): (&u64, &f64)| {
            let distance = f64::from(f32::from_bits(*bits as u32));
            (distance - truth).abs() / truth.max(f64::from(f32::MIN_POSITIVE))
        };
        let error = found.iter().zip(&self.nearest).map(off).fold(0.0, f64::max);
        json!({"task": "agreement", "shape": shape.name, "n": shape.rows(), "d": shape.dim,
            "k": shape.centers(), "backend": name, "threads": rayon::current_num_threads(),
            "differ": differ(rows..2 * rows), "compared": rows, "uncertain": self.uncertain,
            "bits_differ": differ(0..rows), "error": error, "allowed": self.allowed})
    }
}

/// The two least squared distances of a row; the second is ∞ with one centre.
fn two_nearest(shape: &Shape, i: usize) -> [f64; 2] {
    (0..shape.centers())
        .map(|j| shape.squared(i, j))
        .fold([f64::INFINITY; 2], |[a, b], v| if v < a { [v, a] } else { [a, b.min(v)] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_label_and_a_wrong_distance_are_counted() {
        let shape = Shape::make([64, 3, 4]);
        let truth = Truth::of(&shape, 64);
        let bits = |v: &f64| u64::from((*v as f32).to_bits());
        let mut found: Vec<u64> = truth.nearest.iter().map(bits).chain([0; 64]).collect();
        let expected = found.clone();
        let line = truth.line(&shape, "x", &expected, &found);
        assert_eq!((&line["differ"], &line["bits_differ"]), (&json!(0), &json!(0)));
        assert!(line["error"].as_f64() < Some(truth.allowed));
        found[5] = bits(&(2.0 * truth.nearest[5] + 1.0));
        found[70] = 3;
        let line = truth.line(&shape, "x", &expected, &found);
        assert_eq!((&line["differ"], &line["bits_differ"]), (&json!(1), &json!(1)));
        assert!(line["error"].as_f64() > Some(truth.allowed));
    }
}
