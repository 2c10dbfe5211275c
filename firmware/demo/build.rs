//! Lays out memory for the machine that is emulated.

use std::{env, fs, path::PathBuf};

fn main() {
    let target = env::var("TARGET").unwrap_or_default();
    let out = PathBuf::from(env::var("OUT_DIR").unwrap_or_default());
    let (flash, ram) = match target.as_str() {
        // microbit, mps2-an385 and an386, mps2-an505, virt
        "thumbv6m-none-eabi" => ("0x00000000, LENGTH = 256K", "0x20000000, LENGTH = 16K"),
        "thumbv8m.main-none-eabihf" => ("0x10000000, LENGTH = 4M", "0x38000000, LENGTH = 4M"),
        "riscv32imac-unknown-none-elf" => ("0x80000000, LENGTH = 1M", "0x80100000, LENGTH = 64K"),
        _ => ("0x00000000, LENGTH = 4M", "0x20000000, LENGTH = 4M"),
    };
    let mut text = format!("MEMORY\n{{\n  FLASH : ORIGIN = {flash}\n  RAM : ORIGIN = {ram}\n}}\n");
    if target.starts_with("riscv") {
        for (region, place) in [
            ("TEXT", "FLASH"),
            ("RODATA", "FLASH"),
            ("DATA", "RAM"),
            ("BSS", "RAM"),
            ("HEAP", "RAM"),
            ("STACK", "RAM"),
        ] {
            text += &format!("REGION_ALIAS(\"REGION_{region}\", {place});\n");
        }
    }
    fs::write(out.join("memory.x"), text).expect("a writable folder");
    // A recorded trace to watch besides, where one is named.
    let trace = env::var("ENFOLD_TRACE")
        .map_or_else(|_| Vec::new(), |path| fs::read(path).expect("a trace"));
    fs::write(out.join("trace.bin"), trace).expect("a writable folder");
    println!("cargo:rerun-if-env-changed=ENFOLD_TRACE");
    println!("cargo:rustc-link-search={}", out.display());
    if target.starts_with("riscv") {
        println!("cargo:rustc-link-arg-bins=-Tmemory.x");
    }
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() && target.starts_with("thumb") {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
