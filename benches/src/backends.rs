//! The backends of this build and this machine, by name.

use enfold_core::Alloc;
use enfold_cpu::{Cpu, Isa};

use crate::failure::{Outcome, usage};

/// What is done with a backend, whichever it is.
pub(crate) trait Work {
    type Out;

    /// `afar`: it works while this thread waits, so only wall time says how long.
    fn on<B>(self, backend: B, afar: bool) -> Outcome<Self::Out>
    where
        B: Alloc<Elem = f32> + Clone + 'static,
        B::Error: 'static;
}

/// The level that others are compared with.
pub(crate) const REFERENCE: &str = "scalar";
/// The best level, for what runs on the host alone.
pub(crate) const HOST: &str = "cpu";

/// Does it on the backend of a name.
pub(crate) fn with<W: Work>(name: &str, work: W) -> Outcome<W::Out> {
    if name == "wgpu" {
        return work.on(gpu().ok_or("wgpu: no GPU")?, true);
    }
    if name == HOST {
        return work.on(Cpu::<f32>::new(), false);
    }
    let isa = Isa::ALL.into_iter().find(|isa| level(*isa) == name);
    let cpu = isa.and_then(Cpu::<f32>::with_isa);
    work.on(cpu.ok_or_else(|| format!("{name}: not on this machine"))?, false)
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

/// All names there are.
fn known() -> Vec<String> {
    Isa::ALL.into_iter().map(level).chain(["wgpu".into()]).collect()
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

/// The names asked for, each of them present; all that are present where none is asked for.
pub(crate) fn chosen(wanted: &[String]) -> Outcome<Vec<String>> {
    let (known, present) = (known(), present());
    if let Some(name) = wanted.iter().find(|name| !known.contains(name)) {
        return Err(usage(format!("--backend {name}: there are {}", known.join(", "))));
    }
    if let Some(name) = wanted.iter().find(|name| !present.contains(name)) {
        let why = match (name.as_str(), cfg!(feature = "wgpu")) {
            ("wgpu", false) => "this build has no GPUs; build with --features wgpu",
            ("wgpu", true) => "no GPU was found",
            _ => "this machine has not got it",
        };
        return Err(format!("--backend {name}: {why}; here are {}", present.join(", ")).into());
    }
    Ok(if wanted.is_empty() { present } else { wanted.to_vec() })
}
