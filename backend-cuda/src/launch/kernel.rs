//! Kernels, their arguments, and how they are spread.

use std::ffi::{CString, c_void};
use std::sync::Arc;

use cudarc::driver::result;
use cudarc::driver::sys::{CUfunction, CUfunction_attribute_enum as FunctionAttribute, CUmodule};

use super::{Context, Span, told};
use crate::error::CudaError;

/// How a kernel is spread: blocks, threads of a block, bytes of dynamic shared memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) grid: u32,
    pub(crate) block: u32,
    pub(crate) shared: u32,
}

/// The arguments of a kernel: words of eight bytes, and where each argument begins.
#[derive(Debug, Default)]
pub(crate) struct Args {
    words: Vec<u64>,
    starts: Vec<usize>,
    inside: bool,
}

impl Args {
    /// A structure by value: what is pushed until [`end`](Self::end) is one argument.
    pub(crate) fn begin(&mut self) {
        self.starts.push(self.words.len());
        self.inside = true;
    }

    /// The end of a structure.
    pub(crate) fn end(&mut self) {
        self.inside = false;
    }

    /// An address; null where there is no span.
    pub(crate) fn span(&mut self, span: Option<&Span>) {
        self.long(span.map_or(0, |span| span.at));
    }

    /// A 64-bit number, or two of 32 in a structure, the first one low.
    pub(crate) fn long(&mut self, long: u64) {
        if !self.inside {
            self.starts.push(self.words.len());
        }
        self.words.push(long);
    }

    /// Where each argument is.
    pub(super) fn pointers(&mut self) -> Vec<*mut c_void> {
        let words = &mut self.words;
        self.starts.iter().map(|&at| (&raw mut words[at]).cast()).collect()
    }
}

/// Kernels on the device.
#[derive(Debug)]
pub(crate) struct Module {
    module: CUmodule,
    context: Arc<Context>,
}

// SAFETY: as for `Context`.
unsafe impl Send for Module {}
// SAFETY: as for `Context`.
unsafe impl Sync for Module {}

/// A kernel of a module, which whoever holds the function keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function(pub(super) CUfunction);

// SAFETY: as for `Context`.
unsafe impl Send for Function {}
// SAFETY: as for `Context`.
unsafe impl Sync for Function {}

impl Module {
    /// Loads PTX or a cubin; what has no zero at its end gets one.
    ///
    /// # Errors
    /// The driver is too old for it, or it is none for this device.
    pub(crate) fn load(context: &Arc<Context>, image: &[u8]) -> Result<Self, CudaError> {
        context.enter()?;
        let image = [image, &[0]].concat();
        // SAFETY: the image is PTX that ends in a zero or a cubin, which says its own length, and lives
        // during the call.
        let module = unsafe { result::module::load_data(image.as_ptr().cast()) }.map_err(told)?;
        Ok(Self { module, context: Arc::clone(context) })
    }

    /// The kernel of a name, allowed `shared` bytes of dynamic shared memory.
    ///
    /// # Errors
    /// The module has none of that name, or the device has less memory.
    pub(crate) fn function(&self, name: &str, shared: u32) -> Result<Function, CudaError> {
        self.context.enter()?;
        let text = CString::new(name).unwrap_or_default();
        // SAFETY: the module is loaded as long as this lives.
        let function = unsafe { result::module::get_function(self.module, text) }
            .map_err(|e| CudaError::Device(format!("kernel {name}: {}", told(e))))?;
        if shared > 0 {
            let what = FunctionAttribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            let bytes = i32::try_from(shared).unwrap_or(i32::MAX);
            // SAFETY: the function was just found.
            unsafe { result::function::set_function_attribute(function, what, bytes) }
                .map_err(told)?;
        }
        Ok(Function(function))
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let _ = self.context.enter();
        // SAFETY: loaded in `load`, unloaded once.
        let _ = unsafe { result::module::unload(self.module) };
    }
}
