//! Every fold × shape × backend: time, rates against what this machine can do, error against the
//! definition in `f64`, and agreement with the reference backend.

mod limits;
mod on;

use enfold_core::Alloc;
use serde_json::json;

use crate::backends::{self, REFERENCE, Work};
use crate::clock::least_and_median;
use crate::failure::Outcome;
use crate::memory::peak_mib;
use crate::output::Output;
use crate::shape::Shape;
use crate::suite::Plan;
use limits::Limits;
use on::On;
pub(crate) use on::{Fold, Runner};

/// Shapes of a whole run, and of a quick one.
pub(crate) const SHAPES: [&str; 6] = [
    "1000000x2x16",
    "1000000x8x16",
    "200000x32x64",
    "100000x128x256",
    "50000x400x500",
    "5000x784x10",
];
pub(crate) const QUICK: [&str; 3] = ["200000x2x16", "50000x32x64", "10000x128x256"];

/// Runners of one shape, made by name.
struct Open<'a>(&'a Shape);

impl<'a> Work for Open<'a> {
    type Out = Box<dyn Runner + 'a>;

    fn on<B>(self, backend: B, afar: bool) -> Outcome<Self::Out>
    where
        B: Alloc<Elem = f32> + Clone + 'static,
        B::Error: 'static,
    {
        Ok(Box::new(On::new(backend, self.0, afar)?))
    }
}

/// A backend by name, ready for one shape.
pub(crate) fn open<'a>(name: &str, shape: &'a Shape) -> Outcome<Box<dyn Runner + 'a>> {
    backends::with(name, Open(shape))
}

/// Measures the limits of the machine, then every shape.
pub(crate) fn run(plan: &Plan, output: &mut Output) -> Outcome<()> {
    let limits = Limits::measure();
    println!("{limits}");
    output.push(limits.json())?;
    for size in &plan.shapes {
        measure(&Shape::make(*size), plan, &limits, output)?;
    }
    Ok(())
}

/// All folds of a shape on all backends, in turn.
fn measure(shape: &Shape, plan: &Plan, limits: &Limits, output: &mut Output) -> Outcome<()> {
    let mut reference = open(REFERENCE, shape)?;
    let mut all = Vec::new();
    for name in &plan.backends {
        all.push((name, open(name, shape)?));
    }
    for fold in Fold::ALL {
        let mut times = vec![Vec::new(); all.len()];
        for _ in plan.turns() {
            for ((_, runner), times) in all.iter_mut().zip(&mut times) {
                times.push(runner.time(fold, shape)?);
            }
        }
        let expected = reference.answer(fold, shape)?;
        for ((name, runner), ms) in all.iter_mut().zip(times) {
            let (least, median) = least_and_median(ms);
            let found = runner.answer(fold, shape)?;
            let (flops, bytes) = fold.work(shape);
            let (gflops, gbytes) = (flops / least / 1e6, bytes / least / 1e6);
            output.push(json!({
                "task": "fold", "fold": fold.name(), "shape": shape.name, "n": shape.rows(),
                "d": shape.dim, "k": shape.centers(), "backend": name,
                "threads": rayon::current_num_threads(), "ms_least": least,
                "ms_median": median, "gflops": gflops, "gbytes": gbytes,
                "of_limit": (gflops / limits.gflops).max(gbytes / limits.gbytes),
                "error": found.error, "differ": found.differ(&expected),
                "compared": expected.bits.len(), "peak_mib": peak_mib(),
            }))?;
        }
    }
    Ok(())
}
