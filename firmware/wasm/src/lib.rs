//! The story for WebAssembly: two functions without arguments, no imports.

use enfold_story::{Cell, Device, FIXED, FLOAT, Flash, Outcome};

fn told<T: Cell>(expected: Outcome) -> u32 {
    let found = Device::<T>::new().run(&mut Flash::new());
    if found == expected { found.state } else { 0 }
}

/// CRC-32 of the state with cells of `f32`; 0 where anything differs from what is expected.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub extern "C" fn float() -> u32 {
    told::<f32>(FLOAT)
}

/// The same in fixed point.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub extern "C" fn fixed() -> u32 {
    told::<i16>(FIXED)
}
