//! Every fold × shape × backend: time, rates against what this machine can do, error against the
//! definition in `f64`, and agreement with the reference backend.

mod limits;
mod on;
mod report;

use std::fs::File;
use std::io::Write;

use enfold_core::Alloc;
use enfold_cpu::{Cpu, Isa};
use serde_json::{Value, json};

use crate::headline::peak_mib;
use crate::sets::{norm, unif};
use limits::Limits;
use on::{Fold, On, Runner};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Names of backends; all that are present where none is given.
    pub(crate) backends: Vec<String>,
    /// `NxDxK`: rows, elements per row, centres.
    pub(crate) shapes: Vec<String>,
    /// Rounds in turn.
    pub(crate) rounds: usize,
    /// JSON lines are written here, each when it is known.
    pub(crate) json: Option<String>,
    /// A page with plots.
    pub(crate) html: Option<String>,
}

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

/// Rows and centres of a mixture.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) dim: usize,
    pub(crate) x: Vec<f32>,
    pub(crate) y: Vec<f32>,
    /// About as far as the nearest centre of a row in the middle.
    pub(crate) radius: f32,
}

impl Shape {
    /// Rows, elements and centres, by name.
    fn parse(name: &str) -> Outcome<[usize; 3]> {
        let parts: Result<Vec<usize>, _> = name.split('x').map(str::parse).collect();
        let wrong = || format!("--shape {name}: wanted ROWSxELEMENTSxCENTRES, such as 50000x32x64");
        let parts = parts.map_err(|_| wrong())?;
        let &[n, dim, k] = &parts[..] else { return Err(wrong().into()) };
        if n == 0
            || dim == 0
            || k == 0
            || k > n
            || n.checked_mul(dim).is_none_or(|all| all > 1 << 31)
        {
            return Err(
                format!("{}; all above 0, centres ≤ rows ≤ 2^31 / elements", wrong()).into()
            );
        }
        Ok([n, dim, k])
    }

    fn make([n, dim, k]: [usize; 3]) -> Self {
        let center = |c: usize, t: usize| 4.0 * unif(1, c * dim + t) - 2.0;
        let value = |at: usize| (center(at / dim % k, at % dim) + norm(2, at)) as f32;
        let x: Vec<f32> = (0..n * dim).map(value).collect();
        // Rows as centres, spread over all.
        let y = (0..k).flat_map(|c| x[c * (n / k) * dim..][..dim].to_vec()).collect();
        let name = format!("{n}x{dim}x{k}");
        let mut new = Self { name, dim, x, y, radius: 0.0 };
        new.radius = new.middle() as f32;
        new
    }

    pub(crate) fn rows(&self) -> usize {
        self.x.len() / self.dim
    }

    pub(crate) fn centers(&self) -> usize {
        self.y.len() / self.dim
    }

    /// The definition: squared distance in f64.
    pub(crate) fn squared(&self, i: usize, j: usize) -> f64 {
        let (a, b) = (&self.x[i * self.dim..][..self.dim], &self.y[j * self.dim..][..self.dim]);
        a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
    }

    /// The nearest centre of a row, in f64.
    pub(crate) fn nearest(&self, i: usize) -> f64 {
        (0..self.centers()).map(|j| self.squared(i, j)).fold(f64::INFINITY, f64::min)
    }

    fn middle(&self) -> f64 {
        let mut least: Vec<f64> =
            (0..self.rows()).step_by((self.rows() / 101).max(1)).map(|i| self.nearest(i)).collect();
        least.sort_unstable_by(f64::total_cmp);
        least[least.len() / 2]
    }
}

/// A backend by name, ready for one shape.
fn open<'a>(name: &str, shape: &'a Shape) -> Outcome<Option<Box<dyn Runner + 'a>>> {
    fn on<'a, B>(b: B, shape: &'a Shape, afar: bool) -> Outcome<Box<dyn Runner + 'a>>
    where
        B: Alloc<Elem = f32> + 'a,
        B::Error: 'static,
    {
        Ok(Box::new(On::new(b, shape, afar)?))
    }
    if name == "wgpu" {
        return gpu().map(|gpu| on(gpu, shape, true)).transpose();
    }
    let isa = Isa::ALL.into_iter().find(|isa| level(*isa) == name);
    isa.and_then(Cpu::<f32>::with_isa).map(|cpu| on(cpu, shape, false)).transpose()
}

#[cfg(feature = "wgpu")]
fn gpu() -> Option<enfold_wgpu::Wgpu> {
    enfold_wgpu::Wgpu::new().ok()
}

/// Without the feature there is none; the type only has to be some backend.
#[cfg(not(feature = "wgpu"))]
fn gpu() -> Option<Cpu<f32>> {
    None
}

fn level(isa: Isa) -> String {
    format!("{isa:?}").to_lowercase()
}

/// Backends of this machine, the reference first.
fn present() -> Vec<String> {
    let mut all: Vec<String> =
        Isa::ALL.into_iter().filter(|isa| isa.is_available()).map(level).collect();
    if gpu().is_some() {
        all.push("wgpu".into());
    }
    all
}

/// The names asked for, each of them present.
fn chosen(wanted: &[String]) -> Outcome<Vec<String>> {
    let present = present();
    if wanted.is_empty() {
        return Ok(present);
    }
    match wanted.iter().find(|name| !present.contains(name)) {
        Some(name) => {
            Err(format!("--backend {name}: not here; here are {}", present.join(", ")).into())
        }
        None => Ok(wanted.to_vec()),
    }
}

/// Runs the plan: a table on the terminal, JSON lines and a page where asked for.
pub(crate) fn run(plan: &Plan) -> Outcome<()> {
    let backends = chosen(&plan.backends)?;
    let sizes: Outcome<Vec<_>> = plan.shapes.iter().map(|name| Shape::parse(name)).collect();
    let sizes = sizes?;
    let mut file = match &plan.json {
        Some(path) => Some(File::create(path).map_err(|e| format!("--json {path}: {e}"))?),
        None => None,
    };
    if let Some(path) = &plan.html {
        File::create(path).map_err(|e| format!("--html {path}: {e}"))?;
    }
    let limits = Limits::measure();
    let mut lines = vec![limits.json()];
    println!("{limits}\n{}", report::HEADER);
    for size in sizes {
        let shape = Shape::make(size);
        for line in rounds(&shape, &backends, plan.rounds.max(1), &limits)? {
            println!("{}", report::line(&line));
            lines.push(line);
        }
        if let Some(file) = &mut file {
            // The lines so far stay whole if the run ends here.
            let text: String = lines.drain(..).map(|line| format!("{line}\n")).collect();
            file.write_all(text.as_bytes())?;
            lines.clear();
        }
    }
    if let (Some(html), Some(json)) = (&plan.html, &plan.json) {
        let read = std::fs::read_to_string(json)?;
        let all: Result<Vec<Value>, _> = read.lines().map(serde_json::from_str).collect();
        lines = all?;
        std::fs::write(html, report::page(&lines))?;
    } else if let Some(html) = &plan.html {
        std::fs::write(html, report::page(&lines))?;
    }
    Ok(())
}

/// All folds of a shape on all backends, in turn.
fn rounds(
    shape: &Shape,
    backends: &[String],
    rounds: usize,
    limits: &Limits,
) -> Outcome<Vec<Value>> {
    let mut reference = open("scalar", shape)?.ok_or("no scalar level")?;
    let mut all = Vec::new();
    for name in backends {
        all.push((name, open(name, shape)?.ok_or_else(|| format!("--backend {name}: not here"))?));
    }
    let mut lines = Vec::new();
    for fold in Fold::ALL {
        let mut times = vec![Vec::new(); all.len()];
        for _ in 0..rounds {
            for ((_, runner), times) in all.iter_mut().zip(&mut times) {
                times.push(runner.time(fold, shape)?);
            }
        }
        let expected = reference.answer(fold, shape)?;
        for ((name, runner), mut ms) in all.iter_mut().zip(times) {
            ms.sort_unstable_by(f64::total_cmp);
            let found = runner.answer(fold, shape)?;
            let (flops, bytes) = fold.work(shape);
            let (gflops, gbytes) = (flops / ms[0] / 1e6, bytes / ms[0] / 1e6);
            lines.push(json!({
                "task": "fold", "fold": fold.name(), "shape": shape.name, "n": shape.rows(),
                "d": shape.dim, "k": shape.centers(), "backend": name,
                "threads": rayon::current_num_threads(), "ms_least": ms[0],
                "ms_median": ms[ms.len() / 2], "gflops": gflops, "gbytes": gbytes,
                "of_limit": (gflops / limits.gflops).max(gbytes / limits.gbytes),
                "error": found.error, "differ": found.differ(&expected),
                "compared": expected.bits.len(), "peak_mib": peak_mib(),
            }));
        }
    }
    Ok(lines)
}
