//! Kernels compiled here, for the device's own architecture, and kept on disk.
//!
//! A file's name says everything that its bytes depend on: the version of this crate, a sum over the
//! source, its headers and the options, the architecture, the version of NVRTC. It is written under
//! another name and then renamed, so that a process sees a whole file or none; of two processes that
//! compile at once, the last one's bytes stay, which are as good.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::error::CudaError;
use crate::launch::nvrtc::{Compiler, Work};

/// Headers by the names that sources include them by.
const HEADERS: &[(&str, &str)] = &[
    ("base.cuh", include_str!("../../kernels/base.cuh")),
    ("metric.cuh", include_str!("../../kernels/metric.cuh")),
    ("tile.cuh", include_str!("../../kernels/tile.cuh")),
    ("units.cuh", include_str!("../../kernels/units.cuh")),
    ("filter.cuh", include_str!("../../kernels/filter.cuh")),
    ("entries.cuh", include_str!("../../kernels/entries.cuh")),
    ("sweep.cuh", include_str!("../../kernels/sweep.cuh")),
];
/// As `kernels/ptx.py` has them: every step of a distance is rounded on its own.
const OPTIONS: &[&str] =
    &["--std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true"];

/// Machine code of a module: the kept one, or a new one.
///
/// # Errors
/// There is no NVRTC, or it does not compile the module.
pub(super) fn image(
    name: &str,
    source: &str,
    (major, minor): (u32, u32),
) -> Result<Vec<u8>, CudaError> {
    // Looked for once: a library that was loaded stays.
    static FOUND: OnceLock<Result<Compiler, CudaError>> = OnceLock::new();
    let compiler = FOUND.get_or_init(Compiler::find).as_ref().map_err(Clone::clone)?;
    let architecture = format!("--gpu-architecture=sm_{major}{minor}");
    let options: Vec<&str> = OPTIONS.iter().copied().chain([&architecture[..]]).collect();
    let work = Work { name, source, headers: HEADERS, options: &options };
    let file = format!(
        "enfold-cuda-{}-{name}-{:016x}-sm_{major}{minor}-nvrtc{}.cubin",
        env!("CARGO_PKG_VERSION"),
        sum_of(work),
        compiler.version
    );
    match folder() {
        Some(folder) => kept(&folder, &file, || compiler.compile(work)),
        None => compiler.compile(work),
    }
}

/// Where files are kept; None where the user has no such place.
fn folder() -> Option<PathBuf> {
    let from = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = || from("XDG_CACHE_HOME").or_else(|| Some(from("HOME")?.join(".cache")));
    from("ENFOLD_CUDA_CACHE").or_else(|| Some(cache()?.join("enfold-cuda")))
}

/// A file's bytes, or those that `make` makes, which are kept if the disk lets them.
fn kept(
    folder: &Path,
    file: &str,
    make: impl FnOnce() -> Result<Vec<u8>, CudaError>,
) -> Result<Vec<u8>, CudaError> {
    let path = folder.join(file);
    if let Ok(image) = fs::read(&path)
        && image.starts_with(b"\x7fELF")
    {
        return Ok(image);
    }
    let image = make()?;
    // A name that no other process and no other thread writes to.
    static TURN: AtomicU64 = AtomicU64::new(0);
    let turn = TURN.fetch_add(1, Relaxed);
    let part = folder.join(format!("{file}.{}-{turn}.part", std::process::id()));
    let put = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(&part, &image)?;
        fs::rename(&part, &path)
    };
    if put().is_err() {
        // A cache that cannot be written costs time and nothing else.
        let _ = fs::remove_file(&part);
    }
    Ok(image)
}

/// FNV-1a (Fowler, Noll, Vo) over everything that is compiled.
fn sum_of(work: Work<'_>) -> u64 {
    let headers = work.headers.iter().flat_map(|h| [h.0, h.1]);
    let texts = [work.source].into_iter().chain(headers).chain(work.options.iter().copied());
    let bytes = texts.flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, b| (sum ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("enfold-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn every_header_is_handed_over() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
        let files = fs::read_dir(folder).expect("the kernels").filter_map(Result::ok);
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        let mut there: Vec<_> = names.filter(|name| name.ends_with(".cuh")).collect();
        let mut handed: Vec<_> = HEADERS.iter().map(|h| h.0).collect();
        there.sort();
        handed.sort_unstable();
        assert_eq!(there, handed);
    }

    #[test]
    fn what_is_kept_is_made_once_and_torn_files_are_made_again() {
        let folder = empty("kept");
        let fresh = |text: &'static [u8]| kept(&folder, "a.cubin", move || Ok(text.to_vec()));
        assert_eq!(fresh(b"\x7fELF one"), Ok(b"\x7fELF one".to_vec()));
        assert_eq!(fresh(b"\x7fELF two"), Ok(b"\x7fELF one".to_vec()));
        fs::write(folder.join("a.cubin"), b"").expect("a torn file");
        assert_eq!(fresh(b"\x7fELF two"), Ok(b"\x7fELF two".to_vec()));
        let files = fs::read_dir(&folder).expect("the folder").count();
        assert_eq!(files, 1, "nothing is left over");
        fs::remove_dir_all(&folder).expect("the folder");
    }

    #[test]
    fn threads_that_make_the_same_file_at_once_all_get_it() {
        let folder = empty("race");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let made = kept(&folder, "b.cubin", || {
                        Ok([b"\x7fELF".to_vec(), vec![7; 9999]].concat())
                    });
                    assert_eq!(made.map(|image| image.len()), Ok(10_003));
                });
            }
        });
        fs::remove_dir_all(&folder).expect("the folder");
    }

    #[test]
    fn a_folder_that_cannot_be_written_costs_nothing_but_time() {
        let made = kept(Path::new("/dev/null/no"), "c.cubin", || Ok(b"\x7fELF".to_vec()));
        assert_eq!(made, Ok(b"\x7fELF".to_vec()));
    }

    /// With an NVRTC at hand (`ci.sh cuda` has one), the sources compile to machine code.
    #[test]
    fn the_kernels_compile_here() {
        let demanded = std::env::var("ENFOLD_REQUIRE_NVRTC").is_ok_and(|v| v == "1");
        match image("words", include_str!("../../kernels/words.cu"), (9, 0)) {
            Ok(image) => assert!(image.starts_with(b"\x7fELF")),
            Err(e) => {
                assert!(!demanded, "{e}");
                assert!(matches!(e, CudaError::NoCompiler { .. }), "{e}");
                eprintln!("skipped: {e}");
            }
        }
        let broken = image("broken", "this is no C++", (9, 0));
        assert!(matches!(broken, Err(CudaError::Compile(_) | CudaError::NoCompiler { .. })));
    }
}
