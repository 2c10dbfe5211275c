//! What the program says, writes and ends with when it is run, asked wrongly, or cannot.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// Small enough for every run here.
const SMALL: [&str; 4] = ["--shape", "64x3x4", "--rounds", "1"];

fn bench(args: &[&str]) -> Output {
    let small = if args.contains(&"--shape") { &[][..] } else { &SMALL[..] };
    let mut command = Command::new(env!("CARGO_BIN_EXE_enfold-bench"));
    command.args(args).args(small).env("RAYON_NUM_THREADS", "1").output().expect("it runs")
}

/// A file of this test.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(&folder).expect("a folder");
    folder.join(name)
}

/// It ends with this code and says all of this; it does not panic.
fn refused(args: &[&str], code: i32, says: &[&str]) {
    ended(args, &bench(args), code, says);
}

/// The same of a command that takes no shapes.
fn refused_alone(args: &[&str], code: i32, says: &[&str]) {
    let done = Command::new(env!("CARGO_BIN_EXE_enfold-bench")).args(args).output();
    ended(args, &done.expect("it runs"), code, says);
}

fn ended(args: &[&str], done: &Output, code: i32, says: &[&str]) {
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(code), "{args:?}: {text}");
    assert!(says.iter().all(|part| text.contains(part)), "{args:?}: {text}");
    assert!(!text.contains("panicked"), "{text}");
}

/// Lines of a file, all of them whole.
fn lines(path: &PathBuf) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("written");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn unknown_names_are_usage_errors() {
    for suite in ["folds", "algorithms", "stream", "agreement", "all"] {
        refused(&[suite, "--backend", "abacus"], 2, &["--backend abacus", "scalar"]);
    }
    refused(&["algorithms", "--against", "abacus"], 2, &["--against abacus", "sklearn"]);
    refused(&["abacus"], 2, &["abacus"]);
}

#[test]
fn impossible_shapes_are_usage_errors() {
    for shape in ["5x5", "0x2x1", "4x2x5", "axbxc", "4000000000x4000000000x1"] {
        refused(&["algorithms", "--shape", shape], 2, &["--shape", "ROWSxELEMENTSxCENTRES"]);
    }
    for option in ["--rounds=0", "--threads=0"] {
        refused(&["folds", "--shape", "64x3x4", option], 2, &[&option[..8]]);
    }
}

#[test]
fn a_backend_that_is_not_here_is_a_failure() {
    // No machine has both.
    let other = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
    refused(&["agreement", "--backend", other], 1, &[other, "here are scalar"]);
    #[cfg(not(feature = "wgpu"))]
    refused(&["agreement", "--backend", "wgpu"], 1, &["wgpu", "--features wgpu"]);
    #[cfg(not(feature = "cuda"))]
    refused(&["agreement", "--backend", "cuda"], 1, &["cuda", "--features cuda"]);
}

#[test]
fn what_one_measurement_cannot_take_is_refused_by_name() {
    let alone = refused_alone;
    alone(&["assign", "abacus"], 2, &["abacus", "s1_200k_32_64"]);
    alone(&["knn"], 2, &["<SETS>"]);
    alone(&["knn", "abacus"], 1, &["abacus.npy"]);
    alone(&["knn", "x", "--ways", "abacus"], 2, &["--ways abacus", "auto", "pynndescent", "kiddo"]);
    alone(&["knn", "x", "--ways", "faiss"], 2, &["--ways faiss", "--python"]);
    alone(&["umap"], 2, &["<SETS>"]);
    alone(&["dbscan", "x"], 2, &["x: wanted SET:EPS:MIN_SAMPLES"]);
    alone(&["dbscan", "x:0.1:ten"], 2, &["x:0.1:ten: wanted"]);
    alone(&["dbscan", "x:0.1:10", "--check"], 2, &["--python"]);
    alone(&["dbscan", "x:0.1:10", "--ways", "grid,linfa"], 2, &["--ways grid", "--python"]);
    alone(&["pca", "abacus"], 1, &["abacus.npy"]);
    alone(&["quality", "abacus.npy", "--reference", "abacus.json"], 1, &["abacus.json"]);
    alone(&["sweep", "abacus.data"], 1, &["abacus.data"]);
    alone(&["compare", "abacus", "x"], 1, &["abacus"]);
    alone(&["anomaly", "abacus"], 1, &["abacus/nab/windows.json"]);
    for zero in [["silhouette", "--k=0"], ["headline", "--dim=0"], ["assign", "--rounds=0"]] {
        alone(&zero, 2, &[zero[1].split('=').next().unwrap_or_default()]);
    }
}

#[test]
fn a_python_that_is_not_there_or_has_no_peers_is_a_failure() {
    let missing = ["algorithms", "--against", "sklearn", "--python", "/nonexistent/python"];
    refused(&missing, 1, &["--python /nonexistent/python"]);
    // A program that ends without an answer, as Python does without numpy.
    #[cfg(unix)]
    refused(&["stream", "--against", "sklearn", "--python", "true"], 1, &["the peer"]);
}

#[test]
fn peers_in_rust_that_are_not_there_are_a_failure() {
    let nowhere = ["--rust-peers", "/nonexistent/peers"];
    let says = ["--rust-peers /nonexistent/peers", "benches/against/setup.sh"];
    for peer in ["linfa", "kiddo", "ann-search-rs", "rustyml"] {
        let mixed = format!("{peer},linfa");
        refused(&[&["algorithms", "--against", &mixed][..], &nowhere].concat(), 1, &says);
        refused(&[&["stream", "--against", peer][..], &nowhere].concat(), 1, &says);
    }
    refused_alone(&[&["knn", "x", "--ways", "kiddo"][..], &nowhere].concat(), 1, &says);
    refused_alone(&[&["dbscan", "x:0.1:10", "--ways", "linfa"][..], &nowhere].concat(), 1, &says);
    // A program that ends without an answer.
    #[cfg(unix)]
    refused(&["stream", "--against", "linfa", "--rust-peers", "true"], 1, &["the peer ended"]);
}

/// A peer that answers this to every request but that for versions.
#[cfg(unix)]
fn peer_that(name: &str, answers: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = file(name);
    let script = format!(
        "#!/bin/sh\nwhile read -r line; do case \"$line\" in\n\
         *versions*) echo '{{\"linfa\":\"0.8.9\",\"rustyml\":\"0.17.9\"}}';;\n\
         *) {answers};;\nesac; done\n"
    );
    fs::write(&path, script).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("may run");
    path.display().to_string()
}

/// The lines of a run beside that peer, and what it said besides.
#[cfg(unix)]
fn beside(suite: &str, name: &str, answers: &str) -> (Vec<Value>, Output) {
    let (peer, json) = (peer_that(&format!("{name}.sh"), answers), file(&format!("{name}.jsonl")));
    let (path, sets) = (json.display().to_string(), file("sets").display().to_string());
    let args = [suite, "--against", "linfa,rustyml", "--rust-peers", &peer, "--json", &path];
    let done = bench(&[&args[..], &["--data", &sets]].concat());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    (lines(&json), done)
}

#[test]
#[cfg(unix)]
fn peers_have_their_names_versions_and_figures() {
    let answers = r#"echo '{"ms":7.5,"cost_per_row":2.5,"kth":0.5}'"#;
    for (suite, times) in [("algorithms", 5 + 2), ("stream", 2)] {
        let (lines, done) = beside(suite, &format!("named-{suite}"), answers);
        let theirs: Vec<&Value> = lines.iter().filter(|line| line["peer"].is_string()).collect();
        assert_eq!(theirs.len(), times, "{suite}: {theirs:?}");
        assert!(theirs.iter().all(|line| line["ms_least"] == 7.5));
        let linfa: Vec<_> = theirs.iter().filter(|line| line["peer"] == "linfa").collect();
        assert!(!linfa.is_empty() && linfa.iter().all(|line| line["version"] == "0.8.9"));
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(text.contains("linfa 0.8.9"), "{text}");
    }
}

#[test]
#[cfg(unix)]
fn a_peer_that_fails_is_said_and_the_run_goes_on() {
    for (name, answers, says) in [
        ("answers-errors", r#"echo '{"error":"too wide"}'"#, "too wide"),
        ("ends", "exit", "the peer ended"),
        ("has-no-time", "echo '{}'", "no time"),
    ] {
        for suite in ["algorithms", "stream"] {
            let (lines, done) = beside(suite, &format!("{suite}-{name}"), answers);
            let text = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(text.contains("without linfa") && text.contains(says), "{name}: {text}");
            assert!(lines.iter().all(|line| line["peer"].is_null()), "{lines:?}");
            assert!(lines.iter().any(|line| line["backend"].is_string()));
        }
    }
}

#[test]
fn files_that_cannot_be_written_are_refused_before_anything_is_measured() {
    for option in ["--json", "--html"] {
        let done = bench(&["agreement", option, "/nonexistent/folder/file"]);
        assert_eq!(done.status.code(), Some(1));
        assert!(done.stdout.is_empty());
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(text.contains(option) && text.contains("/nonexistent/folder/file"), "{text}");
    }
}

#[test]
fn every_suite_writes_its_lines_and_a_page() {
    let suites = [
        ("folds", "fold", "gflops"),
        ("algorithms", "algorithm", "times"),
        ("stream", "stream", "snapshot_bytes"),
        ("agreement", "agreement", "uncertain"),
    ];
    for (suite, task, key) in suites {
        let (json, html) = (file(&format!("{suite}.jsonl")), file(&format!("{suite}.html")));
        let (json_path, html_path) = (json.display().to_string(), html.display().to_string());
        let done = bench(&[suite, "--json", &json_path, "--html", &html_path]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let all = lines(&json);
        let own: Vec<&Value> = all.iter().filter(|line| line["task"] == task).collect();
        assert!(!own.is_empty() && own.iter().all(|line| line[key].is_number()), "{all:?}");
        assert!(own.iter().all(|line| line["differ"] == 0 || line["differ"].is_null()), "{own:?}");
        let page = fs::read_to_string(&html).expect("a page");
        assert!(page.contains("64x3x4") && page.ends_with("</html>\n"));
    }
}

#[test]
fn a_run_that_ends_early_leaves_whole_lines() {
    let json = file("ended.jsonl");
    let path = json.display().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_enfold-bench"))
        .args(["folds", "--shape", "64x3x4,200000x64x512", "--json", &path])
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it runs");
    let full = |path: &PathBuf| fs::read_to_string(path).unwrap_or_default().lines().count() > 8;
    while !full(&json) && child.try_wait().expect("asked").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().expect("ended");
    child.wait().expect("ended");
    assert!(lines(&json).len() > 8);
}

#[test]
fn the_texts_have_the_tables_of_the_records() {
    let done = Command::new(env!("CARGO_BIN_EXE_enfold-bench")).args(["bars", "--check"]).output();
    let done = done.expect("it runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
