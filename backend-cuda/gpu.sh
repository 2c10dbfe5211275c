#!/usr/bin/env bash
# Tests, sanitizes and measures enfold-cuda on the GPU of this machine: gpu.sh [OUT]
#
# For a bare machine: a driver and, for compute-sanitizer and the baseline, CUDA and Python with
# torch or cupy, each left out where missing. No network and no Rust: the programs are those that
# `ci.sh cuda-kit` put beside this script, in `kit/`. Everything is written to OUT (here, `out/`).
# Every step has a limit, and all of them together have nine minutes less ten seconds. The exit
# status is that of the tests and of the sanitizer.

set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kit=$here/kit
out=${1:-$here/out}
mkdir -p "$out"
export ENFOLD_REQUIRE_GPU=1 RUST_BACKTRACE=1
failed=0
: >"$out/summary.txt"

say() { printf '%s\n' "$*" | tee -a "$out/summary.txt"; }
# limit in seconds, name, command…: keeps the output and says how it went.
step() {
    local limit=$1 name=$2 start=$SECONDS status=0 left=$((530 - SECONDS))
    shift 2
    [ "$left" -gt 0 ] || { say "$name: no time left"; return 1; }
    [ "$limit" -le "$left" ] || limit=$left
    timeout "$limit" "$@" >"$out/$name.txt" 2>&1 || status=$?
    say "$name: status $status, $((SECONDS - start)) s, $(tail -n 1 "$out/$name.txt")"
    return "$status"
}
must() { step "$@" || failed=1; }

nvidia-smi >"$out/machine.txt" 2>&1 || { echo "no NVIDIA driver here" >&2; exit 1; }
for test in agreement limits overlap failures traffic; do
    must 40 "$test" "$kit/$test"
done
must 150 conformance "$kit/conformance"

step 120 measures "$kit/measure" "${SHARE:-1}"
if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
    step 40 torch python3 "$kit/baseline.py"
else
    say "torch: not here"
fi
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -n 1)
if [ -n "$sanitizer" ]; then
    # Folds that every kernel takes part in; the whole suite would take hours under it.
    laws=(is_the_fold_of_the_distances accumulate_is_exact layout_agrees sums_are_sums what_is_written)
    for tool in memcheck racecheck; do
        must 40 "$tool" "$sanitizer" --tool "$tool" --error-exitcode 9 "$kit/limits" filters_give few_blocks
        must 40 "$tool-laws" "$sanitizer" --tool "$tool" --error-exitcode 9 \
            "$kit/conformance" "${laws[@]}"
    done
else
    say "compute-sanitizer: not here"
fi

say "took $SECONDS s"
exit "$failed"
