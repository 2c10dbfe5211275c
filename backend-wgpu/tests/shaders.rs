//! Every shader that this crate can assemble is valid, asked of naga without a device.

use naga::front::wgsl;
use naga::valid::{Capabilities, ValidationFlags, Validator};

#[test]
fn every_shader_is_valid() {
    let all = enfold_wgpu::shader::every();
    assert!(all.len() > 4000, "{} shaders", all.len());
    let complaints = all.iter().filter_map(|(name, text)| complaint(name, text));
    let first: Vec<String> = complaints.take(3).collect();
    assert!(first.is_empty(), "{}", first.join("\n"));
}

/// What naga has to say against a shader.
fn complaint(name: &str, text: &str) -> Option<String> {
    let module = match wgsl::parse_str(text) {
        Ok(module) => module,
        Err(e) => return Some(format!("{name}: {}", e.emit_to_string(text))),
    };
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
    let invalid = validator.validate(&module).err();
    invalid.map(|e| format!("{name}: {}", e.emit_to_string(text)))
}

#[test]
fn a_broken_shader_is_noticed() {
    let (_, text) = enfold_wgpu::shader::every().swap_remove(0);
    assert!(wgsl::parse_str(&text.replace("fn pair(", "fn pear(")).is_err());
}
