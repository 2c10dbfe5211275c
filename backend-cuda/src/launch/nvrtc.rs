//! NVRTC, looked for when it is asked for. Its eight functions are called here and not through
//! cudarc, which looks for other names of the library than this machine may have, and panics.

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use libloading::{Library, Symbol};

use crate::error::CudaError;

/// Names of its library, the newest first.
#[cfg(not(windows))]
const LIBRARIES: &[&str] = &["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"];
#[cfg(windows)]
const LIBRARIES: &[&str] = &["nvrtc64_130_0.dll", "nvrtc64_120_0.dll"];
/// Every symbol of it that is called here.
const SYMBOLS: &[&str] = &[
    "nvrtcVersion",
    "nvrtcCreateProgram",
    "nvrtcCompileProgram",
    "nvrtcDestroyProgram",
    "nvrtcGetCUBIN",
    "nvrtcGetCUBINSize",
    "nvrtcGetProgramLog",
    "nvrtcGetProgramLogSize",
];

type Program = *mut c_void;
// The functions' types, as nvrtc.h of every version declares them; `get` below pairs each with its name.
// SAFETY: calls keep what NVRTC's documentation asks for; each says how.
type Version = unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int;
// SAFETY: as above.
type Destroy = unsafe extern "C" fn(*mut Program) -> c_int;
// SAFETY: as above.
type Compile = unsafe extern "C" fn(Program, c_int, *const *const c_char) -> c_int;
// SAFETY: as above.
type Size = unsafe extern "C" fn(Program, *mut usize) -> c_int;
// SAFETY: as above.
type Get = unsafe extern "C" fn(Program, *mut c_char) -> c_int;
// SAFETY: as above.
type Create = unsafe extern "C" fn(
    *mut Program,
    *const c_char,
    *const c_char,
    c_int,
    *const *const c_char,
    *const *const c_char,
) -> c_int;

/// The compiler of this machine.
#[derive(Debug)]
pub(crate) struct Compiler {
    library: Library,
    /// Its version, as 12.1 is written.
    pub(crate) version: String,
}

/// A source, its headers by name, and the options to compile it with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) name: &'a str,
    pub(crate) source: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) options: &'a [&'a str],
}

impl Compiler {
    /// Looks for it.
    ///
    /// # Errors
    /// It is not there, or too old to make machine code.
    pub(crate) fn find() -> Result<Self, CudaError> {
        let missing = |why| CudaError::NoCompiler { why };
        let library = super::library(LIBRARIES, SYMBOLS).map_err(missing)?;
        let (mut major, mut minor) = (0, 0);
        // SAFETY: this is the signature of that function in every version of NVRTC.
        let version = unsafe { library.get::<Version>(b"nvrtcVersion") };
        let version = version.map_err(|e| missing(e.to_string()))?;
        // SAFETY: both pointers are to integers of ours.
        match unsafe { version(&raw mut major, &raw mut minor) } {
            0 => Ok(Self { library, version: format!("{major}.{minor}") }),
            code => Err(missing(format!("it reports {code}"))),
        }
    }

    /// A function of the library.
    ///
    /// # Safety
    /// `F` is its type.
    unsafe fn get<F>(&self, name: &str) -> Result<Symbol<'_, F>, CudaError> {
        // SAFETY: the caller's.
        unsafe { self.library.get(name.as_bytes()) }
            .map_err(|e| CudaError::NoCompiler { why: e.to_string() })
    }

    /// Machine code of a source.
    ///
    /// # Errors
    /// It does not compile; the log.
    pub(crate) fn compile(&self, work: Work<'_>) -> Result<Vec<u8>, CudaError> {
        let program = self.program(work)?;
        let made = self.run(program, work.options);
        // SAFETY: this is the type of that function (see above).
        let destroy = unsafe { self.get::<Destroy>("nvrtcDestroyProgram") }?;
        let mut program = program;
        // SAFETY: the program was made by `program`, and is destroyed once.
        unsafe { destroy(&raw mut program) };
        made
    }

    fn program(&self, work: Work<'_>) -> Result<Program, CudaError> {
        let (name, source) = (text(work.name), text(work.source));
        let names: Vec<CString> = work.headers.iter().map(|h| text(h.0)).collect();
        let texts: Vec<CString> = work.headers.iter().map(|h| text(h.1)).collect();
        let (names, texts) = (pointers(&names), pointers(&texts));
        // SAFETY: this is the type of that function (see above).
        let create: Symbol<'_, Create> = unsafe { self.get("nvrtcCreateProgram") }?;
        let (mut program, count) = (std::ptr::null_mut(), names.len() as c_int);
        // SAFETY: NVRTC copies these texts, which live during the call, each with its zero.
        let code = unsafe {
            create(
                &raw mut program,
                source.as_ptr(),
                name.as_ptr(),
                count,
                texts.as_ptr(),
                names.as_ptr(),
            )
        };
        if code == 0 { Ok(program) } else { Err(CudaError::Compile(format!("error {code}"))) }
    }

    fn run(&self, program: Program, options: &[&str]) -> Result<Vec<u8>, CudaError> {
        let options: Vec<CString> = options.iter().map(|o| text(o)).collect();
        let options = pointers(&options);
        // SAFETY: this is the type of that function (see above).
        let compile: Symbol<'_, Compile> = unsafe { self.get("nvrtcCompileProgram") }?;
        // SAFETY: the program lives until `compile` destroys it, the options during the call.
        match unsafe { compile(program, options.len() as c_int, options.as_ptr()) } {
            0 => self.bytes(program, "nvrtcGetCUBIN"),
            code => {
                let log = self.bytes(program, "nvrtcGetProgramLog")?;
                let log = CStr::from_bytes_until_nul(&log).unwrap_or_default().to_string_lossy();
                Err(CudaError::Compile(format!("error {code}: {}", log.trim())))
            }
        }
    }

    /// What a pair of functions, one for the size, gives of a program.
    fn bytes(&self, program: Program, name: &str) -> Result<Vec<u8>, CudaError> {
        // SAFETY: this is the type of that function (see above).
        let size: Symbol<'_, Size> = unsafe { self.get(&format!("{name}Size")) }?;
        // SAFETY: this is the type of that function (see above).
        let get: Symbol<'_, Get> = unsafe { self.get(name) }?;
        let mut count = 0;
        // SAFETY: the program is not yet destroyed, and the pointer is to a number of ours.
        let first = unsafe { size(program, &raw mut count) };
        let mut bytes = vec![0u8; count];
        // SAFETY: as above, and there is room for as many bytes as it said.
        let second = unsafe { get(program, bytes.as_mut_ptr().cast()) };
        match (first, second) {
            (0, 0) => Ok(bytes),
            codes => Err(CudaError::Compile(format!("{name}: errors {codes:?}"))),
        }
    }
}

fn text(text: &str) -> CString {
    CString::new(text).unwrap_or_default()
}

fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts.iter().map(|t| t.as_ptr()).collect()
}
