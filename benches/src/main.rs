//! `enfold-bench`: measures enfold, and its peers in the same run.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    enfold_bench::main()
}
