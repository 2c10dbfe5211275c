//! How deep a call goes: the stack below is painted before, and looked at afterwards.

use core::arch::asm;
use core::hint::black_box;
use core::ptr::addr_of;

const PAINT: u32 = 0xC0DE_F00D;
/// No call goes deeper, or it is not seen to.
const DEEPEST: usize = 8192;

// SAFETY: the runtimes' linker scripts define them: the first address behind the statics.
unsafe extern "C" {
    #[cfg_attr(target_arch = "arm", link_name = "__sheap")]
    #[cfg_attr(target_arch = "riscv32", link_name = "_sheap")]
    static STATICS_END: u32;
}

/// Bytes of stack that `call` writes to below the frame of its caller.
#[inline(never)]
pub fn depth<R>(call: impl FnOnce() -> R) -> usize {
    let top = stack_pointer();
    let end = addr_of!(STATICS_END) as usize;
    let bottom = end.max(top.saturating_sub(DEEPEST)).next_multiple_of(4);
    for at in (bottom..top).step_by(4) {
        // SAFETY: between statics and the stack pointer nobody keeps anything: there are no
        // interrupts, and this loop calls nothing.
        unsafe { (at as *mut u32).write_volatile(PAINT) };
    }
    apart(call);
    // SAFETY: as above, and every word was written.
    let is_painted = |at: &usize| unsafe { (*at as *const u32).read_volatile() } == PAINT;
    let untouched = (bottom..top).step_by(4).take_while(is_painted).count();
    top - bottom - 4 * untouched
}

/// In a frame of its own.
#[inline(never)]
fn apart<R>(call: impl FnOnce() -> R) {
    black_box(call());
}

#[inline(always)]
fn stack_pointer() -> usize {
    let top: usize;
    // SAFETY: reads a register.
    unsafe {
        #[cfg(target_arch = "arm")]
        asm!("mov {}, sp", out(reg) top, options(nomem, nostack, preserves_flags));
        #[cfg(target_arch = "riscv32")]
        asm!("mv {}, sp", out(reg) top, options(nomem, nostack, preserves_flags));
    }
    top
}
