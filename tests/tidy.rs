//! The house rules that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines a file may have.
const LONGEST: usize = 580;

/// Where `unsafe` may stand.
const UNSAFE_LIVES: [&str; 7] = [
    "backend-cpu/src/lanes",
    "backend-cpu/src/isa.rs",
    "backend-cpu/tests/no_alloc.rs",
    "backend-cuda/src/launch",
    "firmware/capi/src",
    "firmware/demo/src",
    "firmware/wasm/src",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of the repository, as (path from the root, text).
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    assert!(found.len() > 10, "the walk found {} files", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, found);
        } else if name.ends_with(".rs") {
            let short = path.strip_prefix(root()).expect("below the root").to_string_lossy();
            found.push((short.replace('\\', "/"), fs::read_to_string(&path).expect("text")));
        }
    }
}

/// Asserts that `broken` gives no complaint on any file.
fn none(broken: impl Fn(&str, &str) -> Vec<String>) {
    let complain = |(path, text): (String, String)| {
        broken(&path, &text).into_iter().map(move |c| format!("{path}: {c}")).collect::<Vec<_>>()
    };
    let complaints: Vec<String> = sources().into_iter().flat_map(complain).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_file_starts_by_saying_what_it_is() {
    none(|_, text| {
        let said = text.starts_with("//!") || text.starts_with("#![doc = include_str!(");
        if said { vec![] } else { vec!["does not start with //!".into()] }
    });
}

#[test]
fn every_class_of_bugs_has_a_test_that_is_there() {
    let table = fs::read_to_string(root().join("docs/bugs.md")).expect("the table");
    let tests: String = sources().into_iter().map(|(_, text)| text).collect();
    let there = |name: &str| {
        let ways = [format!("fn {name}("), format!("fn {name}<"), format!("\n    {name}: ")];
        ways.iter().any(|def| tests.contains(def))
    };
    for class in 1..=45 {
        let row = table.lines().find(|line| line.starts_with(&format!("| {class} |")));
        let tests = row.and_then(|row| row.rsplit(" | ").next()).expect("a row for each class");
        let names = tests.split('`').skip(1).step_by(2).filter(|name| name.contains('_'));
        let missing: Vec<&str> = names.clone().filter(|name| !there(name)).collect();
        assert!(names.count() > 0 && missing.is_empty(), "class {class}: no {missing:?}");
    }
}

#[test]
fn no_test_stands_where_none_is_built() {
    none(|path, text| {
        let skipped = path.starts_with("backend-cpu/src/") && text.contains("#[cfg(test)]");
        if skipped { vec!["its Cargo.toml says `test = false`".into()] } else { vec![] }
    });
}

#[test]
fn no_file_is_too_long() {
    none(|_, text| {
        let lines = text.lines().count();
        if lines <= LONGEST { vec![] } else { vec![format!("{lines} lines")] }
    });
}

/// The numbers of lines with `unsafe` code, from 0. Comments and attributes are not code.
fn unsafe_lines(text: &str) -> Vec<usize> {
    let word = |code: &str| {
        code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
    };
    let code = |line: &str| {
        let line = line.trim_start();
        let code = line.split("//").next().unwrap_or_default();
        let quoted = code.split('"').step_by(2).collect::<String>();
        !line.starts_with("#[") && !line.starts_with("#!") && word(&quoted)
    };
    text.lines().enumerate().filter(|(_, line)| code(line)).map(|(at, _)| at).collect()
}

#[test]
fn unsafe_has_an_address() {
    none(|path, text| {
        if UNSAFE_LIVES.iter().any(|home| path.starts_with(home)) {
            return vec![];
        }
        unsafe_lines(text).into_iter().map(|at| format!("unsafe in line {}", at + 1)).collect()
    });
}

/// Whether the comments and attributes right above line `at` (or the line itself) give a reason:
/// `SAFETY:` at a use, `# Safety` in the doc of a function that passes the duty on.
fn has_reason(lines: &[&str], at: usize) -> bool {
    let reason = |line: &str| line.contains("SAFETY:") || line.contains("# Safety");
    let above = lines[..at].iter().rev().map(|line| line.trim_start());
    let lead = |line: &&str| line.starts_with("//") || line.starts_with("#[");
    reason(lines[at]) || above.take_while(lead).any(reason)
}

#[test]
fn every_unsafe_says_why_it_is_sound() {
    none(|_, text| {
        let lines: Vec<&str> = text.lines().collect();
        let bare = unsafe_lines(text).into_iter().filter(|&at| !has_reason(&lines, at));
        bare.map(|at| format!("line {} has no SAFETY comment", at + 1)).collect()
    });
}

#[test]
fn no_path_of_a_machine_is_written_down() {
    let homes = [["/ho", "me/"], ["/Us", "ers/"], ["/ro", "ot/"], ["/wo", "rk/"], ["C:", "\\"]];
    none(|_, text| {
        let homes = homes.map(|parts| parts.concat());
        let met = |line: &str| homes.iter().any(|home| line.contains(home.as_str()));
        let lines = text.lines().enumerate().filter(|(_, line)| met(line));
        lines.map(|(at, line)| format!("line {}: {}", at + 1, line.trim())).collect()
    });
}

#[test]
fn the_rules_notice_what_they_forbid() {
    let text = "// SAFETY: held\nunsafe { a() }\nlet s = \"unsafe\"; // unsafe\nunsafe fn f() {}\n";
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(unsafe_lines(text), [1, 3]);
    assert!(has_reason(&lines, 1) && !has_reason(&lines, 3));
    assert!(unsafe_lines("#![deny(unsafe_op_in_unsafe_fn)]\nlet unsafely = 1;").is_empty());
}
