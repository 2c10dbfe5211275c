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

/// GPUs, by the names of the features that bring them.
const GPUS: [&str; 2] = ["wgpu", "cuda"];

/// Does it on the backend of a name.
pub(crate) fn with<W: Work>(name: &str, work: W) -> Outcome<W::Out> {
    match name {
        "wgpu" => work.on(wgpu()?, true),
        "cuda" => work.on(cuda()?, true),
        HOST => work.on(Cpu::<f32>::new(), false),
        _ => {
            let isa = Isa::ALL.into_iter().find(|isa| level(*isa) == name);
            let cpu = isa.and_then(Cpu::<f32>::with_isa);
            work.on(cpu.ok_or("this machine has not got it")?, false)
        }
    }
}

#[cfg(feature = "wgpu")]
fn wgpu() -> Outcome<enfold_wgpu::Wgpu> {
    Ok(enfold_wgpu::Wgpu::new()?)
}

/// Without the feature there is none; the type only has to be some backend.
#[cfg(not(feature = "wgpu"))]
fn wgpu() -> Outcome<Cpu<f32>> {
    Err("not in this build; build with --features wgpu".into())
}

#[cfg(feature = "cuda")]
fn cuda() -> Outcome<enfold_cuda::Cuda> {
    Ok(enfold_cuda::Cuda::new()?)
}

/// As above.
#[cfg(not(feature = "cuda"))]
fn cuda() -> Outcome<Cpu<f32>> {
    Err("not in this build; build with --features cuda".into())
}

fn level(isa: Isa) -> String {
    format!("{isa:?}").to_lowercase()
}

/// All names there are, the reference first.
fn known() -> Vec<String> {
    Isa::ALL.into_iter().map(level).chain(GPUS.map(String::from)).collect()
}

/// Opens a backend and does nothing on it.
struct Open;

impl Work for Open {
    type Out = ();

    fn on<B>(self, _: B, _: bool) -> Outcome<()>
    where
        B: Alloc<Elem = f32> + Clone + 'static,
        B::Error: 'static,
    {
        Ok(())
    }
}

/// Why there is no backend of this name; None where there is one.
fn lacking(name: &str) -> Option<String> {
    with(name, Open).err().map(|why| why.to_string())
}

/// The names asked for, each of them present; all that are present where none is asked for.
pub(crate) fn chosen(wanted: &[String]) -> Outcome<Vec<String>> {
    let known = known();
    if let Some(name) = wanted.iter().find(|name| !known.contains(name)) {
        return Err(usage(format!("--backend {name}: there are {}", known.join(", "))));
    }
    let present = || known.iter().filter(|name| lacking(name).is_none()).cloned();
    for name in wanted {
        if let Some(why) = lacking(name) {
            let here = present().collect::<Vec<_>>().join(", ");
            return Err(format!("--backend {name}: {why}; here are {here}").into());
        }
    }
    Ok(if wanted.is_empty() { present().collect() } else { wanted.to_vec() })
}
