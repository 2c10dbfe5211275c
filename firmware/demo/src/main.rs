//! The story on a microcontroller. Output and exit go over semihosting, so that it runs under
//! QEMU and under a debugger alike; with the feature `defmt` output is frames for `defmt-print`.

#![no_std]
#![no_main]
#![allow(missing_docs, reason = "the entry macro makes a public function")]

mod stack;

use core::ptr::addr_of_mut;

use enfold_story::{Cell, Device, FIXED, FLOAT, Flash, Outcome, SLOT, kernels, recorded};
use semihosting::process;

// Text among frames would spoil them: either, or.
#[cfg(all(feature = "defmt", target_arch = "arm"))]
use defmt::println;
#[cfg(not(all(feature = "defmt", target_arch = "arm")))]
use semihosting::println;

/// Named here so that they are linked: where frames go, and how their writer is not interrupted.
#[cfg(all(feature = "defmt", target_arch = "arm"))]
use {cortex_m as _, defmt_semihosting as _};

/// A recorded trace, named when the demo is built; empty otherwise.
static TRACE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/trace.bin"));

static mut FLOATS: Device<f32> = Device::new();
static mut FIXEDS: Device<i16> = Device::new();
static mut FLASH: Flash = Flash::new();

#[cfg(target_arch = "arm")]
use cortex_m_rt::entry;
#[cfg(target_arch = "riscv32")]
use riscv_rt::entry;

#[entry]
fn main() -> ! {
    // SAFETY: `main` runs once, there are no interrupts, and nothing else names the statics.
    let floats = unsafe { &mut *addr_of_mut!(FLOATS) };
    // SAFETY: as above.
    let fixeds = unsafe { &mut *addr_of_mut!(FIXEDS) };
    // SAFETY: as above.
    let flash = unsafe { &mut *addr_of_mut!(FLASH) };
    println!("ram: device f32 {} B, q15 {} B", size_of_val(floats), size_of_val(fixeds));
    let same = [told("f32", floats.run(flash), FLOAT), told("q15", fixeds.run(flash), FIXED)];
    println!("kernels {:08x}", kernels());
    depths("f32", floats, flash);
    depths("q15", fixeds, flash);
    if !TRACE.is_empty() {
        for (name, (alarms, during)) in
            [("f32", recorded(floats, TRACE)), ("q15", recorded(fixeds, TRACE))]
        {
            println!("recorded {}: {} samples with an alarm, {:08x}", name, alarms, during);
        }
    }
    process::exit(if same == [true, true] { 0 } else { 1 })
}

/// Bytes of stack under each call.
fn depths<T: Cell>(name: &str, device: &mut Device<T>, flash: &mut Flash) {
    let sample = stack::depth(|| device.learn());
    let score = stack::depth(|| device.score());
    let checkpoint = stack::depth(|| device.save(flash, SLOT));
    let restore = stack::depth(|| device.restart(flash));
    println!("stack {}: {} {} {} {}", name, score, sample, checkpoint, restore);
}

fn told(name: &str, found: Outcome, expected: Outcome) -> bool {
    let Outcome { alarms, first, during, state, survived } = found;
    println!(
        "{}: {} alarms, the first at {}; survived with {} rows",
        name, alarms, first, survived
    );
    println!("{}: alarms {:08x}, state {:08x}", name, during, state);
    found == expected
}
