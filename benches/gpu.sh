#!/usr/bin/env bash
# Tests and measures enfold-wgpu on the GPU of this machine, through Vulkan (Metal and DX12 elsewhere):
#   benches/gpu.sh [folder]
# Keeps the output in the folder, by default benches/record/<adapter>/. Needs a Rust toolchain and
# a driver; without a GPU it fails rather than measure a driver on the CPU. NVIDIA's GPUs through CUDA
# have a script of their own, backend-cuda/gpu.sh.

set -euo pipefail
cd "$(dirname "$0")/.."
export ENFOLD_REQUIRE_GPU=1 CARGO_TERM_COLOR=never

cargo build --release -p enfold-wgpu --examples
list=$(cargo run --quiet --release -p enfold-wgpu --example adapters)
printf '%s\n' "$list"
best=$(printf '%s\n' "$list" | grep -v 'Cpu' | head -1) || { echo "no GPU here" >&2; exit 1; }
name=$(printf '%s' "$best" | cut -f2 | tr -cs '[:alnum:]' '-' | tr '[:upper:]' '[:lower:]')
folder=${1:-benches/record/${name%-}}
day=$(date +%F)
mkdir -p "$folder"

cargo test -p enfold-wgpu 2>&1 | tee "$folder/$day-suite.txt"
cargo run --quiet --release -p enfold-wgpu --example fused -- 20 | tee "$folder/$day-fused.jsonl"
cargo run --quiet --release --features wgpu --example backends -- 1000000 128 1024 \
    | tee "$folder/$day-backends.txt"
cargo run --quiet --release -p enfold-bench --features wgpu -- all --backend wgpu \
    --json "$folder/$day-bench.jsonl" --html "$folder/$day-bench.html"
