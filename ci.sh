#!/usr/bin/env bash
# Every check of this repository, the same here and in CI: ./ci.sh <verb>…
#
#   fmt         formatting
#   lint        clippy without warnings, on every feature set that is promised
#   test        everything that `cargo test` runs
#   nostd       core and CPU backend for Cortex-M0, Cortex-M4 and wasm, without the standard library
#   msrv        the libraries on the oldest compiler that Cargo.toml promises
#   miri        undefined behaviour in core and the scalar CPU path (a few quick tests)
#   asan        reads and writes out of bounds in the CPU backend's vector paths (address sanitizer)
#   large       more than 2³¹ coordinates in one buffer: 9 GiB of memory
#   neon        the CPU backend's tests for AArch64, under qemu
#   wasm        the CPU backend's tests for wasm with simd128, under node
#   firmware    the detector on five microcontrollers, AArch64 and in wasm, under emulation; its C
#               API; proofs and budgets (firmware/check.sh)
#   wgpu        the GPU backend's tests on Mesa's llvmpipe, a Vulkan device on the CPU
#   cuda        the CUDA backend's tests on a driver on the CPU, which runs the kernels' own sources
#   cuda-kit    target/cuda-kit: gpu.sh and prebuilt tests and measures, for a bare machine with a GPU
#   ptx         the CUDA kernels, compiled by NVRTC (from PyPI) for every architecture: their text is
#               what is committed in backend-cuda/ptx
#   ptx-write   writes that text, and the record of registers and spills
#   mlflow      MLflow, from PyPI, reads what the example `trials` writes for it
#   docs        rustdoc without warnings
#   package     every crate that is published can be packed, with the others beside it
#   api         the public items of every published crate are those listed in docs/api
#   api-write   writes those lists
#   semver      nothing that callers of the last tag rely on breaks, unless the version says so; as
#               long as nothing is tagged, what broke since SEMVER_BASELINE (HEAD~20) is only said
#   explore     the property tests with new draws, EXPLORE_CASES (2000) of each; `test` repeats its own
#   fuzz-smoke  every fuzz target for FUZZ_SECONDS (20) each, two at a time, with the address sanitizer;
#               the build takes 400 s of one core's time, three quarters of it the CPU backend's kernels
#   deny        licences and advisories of all dependencies
#   peers       what is measured against in Rust (benches/peers), tested: six minutes to build
#   ci          what a change must pass, in two lists that go beside each other: all of the above but
#               asan, large, cuda-kit, ptx-write, mlflow, api, api-write, semver, explore, deny and
#               peers (api, semver and deny build tools for minutes)
#   all         what `ci` runs, and api, semver, asan, large, mlflow, explore, deny and peers
#
# A new machine needs rustup with a stable toolchain; each verb fetches the rest when missing.

set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never} CARGO_INCREMENTAL=0
# Nobody debugs here, and the information costs time and disk.
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0
# What a change must pass is the same on every run: new draws are for `explore`.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1}
# Where every instruction is emulated: fewer random cases, no sums of 2²⁴ rows, and not `isa`,
# whose large shapes take minutes there; the conformance suite compares the same folds.
EMULATED_CASES=16
EMULATED=(-- --skip past_what_f32_counts)
LOGS=$(mktemp -d) LANES=()
trap 'end_lanes; rm -rf "$LOGS"' EXIT
trap 'exit 130' INT TERM
MSRV=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

say() { printf '\n=== %s\n' "$*"; }
has() { command -v "$1" >/dev/null 2>&1; }

# One at a time, where two verbs are beside each other.
alone() { { flock 9; "$@" 9>&-; } 9>"$LOGS/lock"; }

need_component() { grep -q "^$1" <<<"$(rustup component list --installed)" || alone rustup component add "$1"; }
need_target() { grep -qx "$1" <<<"$(rustup target list --installed)" || alone rustup target add "$1"; }
need_toolchain() { alone toolchain "$@"; }
toolchain() { # name, components…
    local name=$1; shift
    if ! rustup run "$name" rustc --version >/dev/null 2>&1; then
        rustup toolchain install "$name" --profile minimal --no-self-update
    fi
    local part
    for part in "$@"; do rustup component add --toolchain "$name" "$part"; done
}
need_tool() { # crate, version
    grep -q "^$1 v$2:" <<<"$(cargo install --list)" || cargo install --locked --version "$2" "$1"
}
need_package() { # command, Debian packages…
    local command=$1; shift
    has "$command" || alone install_packages "$@"
}
install_packages() {
    local root=(); [ "$(id -u)" = 0 ] || root=(sudo)
    "${root[@]}" apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Runs tests and keeps their output for the totals at the end.
counted() { "$@" 2>&1 | tee -a "$LOGS/tests-$VERB"; }

do_fmt() {
    need_component rustfmt
    cargo fmt --all --check
}

do_lint() {
    need_component clippy
    # Beside `test`, which has the other folder.
    export CARGO_TARGET_DIR=target/lint
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    cargo clippy -p enfold-core --no-default-features -- -D warnings
    cargo clippy -p enfold-core --no-default-features --features alloc -- -D warnings
    cargo clippy -p enfold-cpu --no-default-features -- -D warnings
    local features
    for features in "" csv npy ndarray pca trials wgpu cuda; do
        cargo clippy -p enfold --features "$features" -- -D warnings
    done
    unset CARGO_TARGET_DIR
}

do_test() {
    counted cargo test
}

# What a GPU backend and the façade on it are built with, so that it is built upon what `test` has
# built: without these packages and features the core and the CPU backend would be built again, for
# minutes.
gpu_set() { # backend, more features
    echo -p enfold -p "enfold-$1" --features "enfold/$1,enfold-core/default,enfold-cpu/default$2"
}

gpu_test() { # backend, more features, its tests…
    local set tests=() test
    read -ra set <<<"$(gpu_set "$1" "$2")"
    for test in "${@:3}"; do tests+=(--test "$test"); done
    counted cargo test "${set[@]}" --lib --test any "${tests[@]}"
    # The examples of the backend, and those of the façade that choose a machine.
    counted cargo test "${set[@]}" --doc -- "backend-$1" any.rs README
}

do_explore() {
    PROPTEST_RNG_SEED=$RANDOM PROPTEST_CASES=${EXPLORE_CASES:-2000} cargo test --tests
}

do_nostd() {
    local target
    # `firmware` builds and runs whole programs for these.
    for target in thumbv6m-none-eabi thumbv7em-none-eabihf wasm32-unknown-unknown; do
        need_target "$target"
        cargo check --target "$target" -p enfold-core --no-default-features
        cargo check --target "$target" -p enfold-core --no-default-features --features alloc
        cargo check --target "$target" -p enfold-cpu --no-default-features
    done
}

do_msrv() {
    need_toolchain "$MSRV.0"
    # The lock file and the libraries only: tools for tests may ask for more.
    CARGO_TARGET_DIR=target/msrv cargo "+$MSRV.0" check --locked \
        -p enfold -p enfold-core -p enfold-cpu -p enfold-wgpu -p enfold-cuda --features enfold-cuda/nvrtc,enfold/cuda,enfold/csv,enfold/npy,enfold/ndarray,enfold/pca,enfold/trials
}

do_miri() {
    need_toolchain nightly miri rust-src
    export MIRIFLAGS="-Zmiri-disable-isolation" CARGO_TARGET_DIR=target/miri
    counted cargo +nightly miri test -p enfold-core --lib -- \
        distance::tests rint_rounds philox snapshot:: shifts_round_half_up
    # Under miri no vector unit is detected: this is the scalar path.
    counted cargo +nightly miri test -p enfold-cpu --test conformance -- \
        single::copy_and_fill single::what_is_written single::new_buffers single::empty_sides
    unset MIRIFLAGS CARGO_TARGET_DIR
}

do_asan() {
    need_toolchain nightly
    # Its own folder: the flags are others, and what they build is not for other verbs. A target is
    # named so that macros and build scripts go without.
    export CARGO_TARGET_DIR=target/asan RUSTFLAGS=-Zsanitizer=address
    local test=(cargo +nightly test -p enfold-cpu --target x86_64-unknown-linux-gnu)
    counted "${test[@]}" --test conformance --test blocks --test layout
    # Every level of instructions, as far as that goes in a minute.
    counted "${test[@]}" --test isa -- accumulate distances any_number counts_are f64_decides
    unset CARGO_TARGET_DIR RUSTFLAGS
}

do_large() {
    counted cargo test -p enfold-cpu --test large -- --ignored
}

do_neon() {
    need_target aarch64-unknown-linux-gnu
    need_package aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    need_package qemu-aarch64-static qemu-user-static
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu" \
        CARGO_TARGET_DIR=target/cross PROPTEST_CASES=$EMULATED_CASES \
        counted cargo test -p enfold-cpu --test conformance --test properties --target aarch64-unknown-linux-gnu "${EMULATED[@]}"
}

do_wasm() {
    need_target wasm32-wasip1
    need_package node nodejs
    CARGO_TARGET_WASM32_WASIP1_RUNNER="node --no-warnings $PWD/.ci/wasi.mjs" \
    RUSTFLAGS="-C target-feature=+simd128" CARGO_TARGET_DIR=target/cross PROPTEST_CASES=$EMULATED_CASES \
        counted cargo test -p enfold-cpu --test conformance --test properties --target wasm32-wasip1 "${EMULATED[@]}"
}

do_firmware() {
    local target
    for target in thumbv{6m,7m}-none-eabi thumbv7em-none-eabihf thumbv8m.main-none-eabihf \
        riscv32imac-unknown-none-elf aarch64-unknown-linux-gnu wasm32-unknown-unknown; do
        need_target "$target"
    done
    need_package aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    need_package qemu-aarch64-static qemu-user-static
    need_package qemu-system-arm qemu-system-arm
    need_package qemu-system-riscv32 qemu-system-misc
    need_package arm-none-eabi-gcc gcc-arm-none-eabi libnewlib-arm-none-eabi
    need_package ld.lld lld
    need_package llvm-objdump llvm
    need_package python3 python3
    need_package node nodejs
    has cbindgen || cargo install --locked --version 0.29.4 cbindgen
    firmware/check.sh
}

# A driver is a manifest that the Vulkan loader finds.
has_vulkan() { compgen -G '/usr/share/vulkan/icd.d/*.json' >/dev/null; }

do_wgpu() {
    has_vulkan || alone install_packages mesa-vulkan-drivers libvulkan1
    # Mesa complains without a folder of the user's.
    XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$LOGS} ENFOLD_REQUIRE_GPU=1 \
        gpu_test wgpu "" agreement conformance failures limits shaders traffic
}

# The driver on the CPU is looked for before the machine's.
CUDA_DRIVER=$PWD/target/cuda-driver

do_cuda() {
    need_package g++ g++
    need_nvrtc
    backend-cuda/tests/driver/build.sh "$CUDA_DRIVER"
    local nvrtc path
    # NVRTC 13 asks the driver things that the stand-in does not know; 12.1 asks nothing.
    nvrtc=$(dirname "$(find "$PWD/$NVRTC" -name libnvrtc.so.12)")
    path=$CUDA_DRIVER/shim:$nvrtc
    LD_LIBRARY_PATH=$path ENFOLD_REQUIRE_GPU=1 ENFOLD_REQUIRE_NVRTC=1 \
        ENFOLD_CUDA_CACHE=$LOGS/cubins gpu_test cuda ,enfold-cuda/nvrtc \
        agreement conformance failures limits overlap traffic
    local set
    read -ra set <<<"$(gpu_set cuda ,enfold-cuda/nvrtc)"
    cargo build --profile test "${set[@]}" --example measure
    LD_LIBRARY_PATH=$path target/debug/examples/measure 20000
}

do_cuda_kit() {
    local kit=target/cuda-kit test built
    rm -rf $kit
    mkdir -p $kit/kit
    cargo build --release -p enfold-cuda --example measure
    cp target/release/examples/measure backend-cuda/baseline.py $kit/kit/
    for test in conformance agreement limits overlap failures traffic; do
        built=$(cargo test --release --no-run -p enfold-cuda --test $test 2>&1 | tee /dev/stderr \
            | sed -n 's/.*Executable.*(\(.*\))$/\1/p')
        cp "$built" $kit/kit/$test
    done
    cp backend-cuda/gpu.sh $kit/
}

NVRTC=target/nvrtc
# NVRTC 12.1 writes PTX 8.1, which drivers from 530 on take; NVRTC 13 knows the newest devices.
need_nvrtc() { alone nvrtc; }
nvrtc() {
    [ -x $NVRTC/bin/python ] || python3 -m venv $NVRTC
    $NVRTC/bin/pip install -q 'nvidia-cuda-nvrtc-cu12==12.1.*' 'nvidia-cuda-nvrtc==13.*'
}

do_ptx() {
    need_nvrtc
    $NVRTC/bin/python backend-cuda/kernels/ptx.py check backend-cuda/ptx
    $NVRTC/bin/python backend-cuda/kernels/ptx.py registers "$LOGS/registers"
}

do_ptx_write() {
    need_nvrtc
    $NVRTC/bin/python backend-cuda/kernels/ptx.py write backend-cuda/ptx
    $NVRTC/bin/python backend-cuda/kernels/ptx.py registers \
        "benches/record/any-machine/$(date +%F)-cuda-registers.jsonl"
}

do_mlflow() {
    local venv=target/mlflow out=target/trials
    [ -x $venv/bin/python ] || python3 -m venv $venv
    $venv/bin/python -c 'import mlflow' 2>/dev/null || $venv/bin/pip install -q "mlflow-skinny>=3,<4"
    rm -rf $out
    # Twice: the second run finds every trial done.
    cargo run --release --example trials -- --out $out
    grep '^0 ran, 10 were there$' <<<"$(cargo run --release --example trials -- --out $out)"
    $venv/bin/python .ci/read_mlflow.py $out
}

do_docs() {
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features
}

do_package() {
    CARGO_TARGET_DIR=target/package cargo package --no-verify --allow-dirty \
        -p enfold-core -p enfold-cpu -p enfold-wgpu -p enfold-cuda -p enfold
}

PUBLISHED=(enfold-core enfold-cpu enfold-wgpu enfold-cuda enfold)
# Lists are read from rustdoc's JSON, whose format changes with the compiler.
API_DAY=2026-05-20 API_COMPILER='e50aa6fba 2026-05-19'

# A toolchain of that day, by whatever name it is installed.
api_toolchain() {
    if grep -qF "$API_COMPILER" <<<"$(rustup run nightly rustc --version 2>/dev/null)"; then
        echo nightly
    else
        need_toolchain nightly-$API_DAY >&2
        echo nightly-$API_DAY
    fi
}

# Without what is derived, automatic or blanket: a line is something that was written.
write_api() { # folder
    local crate toolchain
    need_tool cargo-public-api 0.52.0
    toolchain=$(api_toolchain)
    mkdir -p "$1"
    for crate in "${PUBLISHED[@]}"; do
        CARGO_TARGET_DIR=target/api cargo "+$toolchain" public-api -p "$crate" --all-features -sss \
            --color=never >"$1/$crate.txt"
    done
}

do_api() {
    write_api "$LOGS/api"
    diff -ru docs/api "$LOGS/api" || {
        echo "The public items changed. If they should: ./ci.sh api-write, and a line in the changelog." >&2
        return 1
    }
}

do_api_write() { write_api docs/api; }

do_semver() {
    local tag code=0
    need_tool cargo-semver-checks 0.51.0
    tag=$(git describe --tags --abbrev=0 2>/dev/null) || tag=
    CARGO_TARGET_DIR=target/semver cargo semver-checks "${PUBLISHED[@]/#/--package=}" \
        --baseline-rev "${tag:-${SEMVER_BASELINE:-HEAD~20}}" || code=$?
    # 100: callers break.
    if [ $code = 100 ] && [ -z "$tag" ]; then
        echo "Nothing is tagged and so nothing is promised: what breaks is only said."
        code=0
    fi
    return $code
}

do_fuzz_smoke() {
    need_toolchain nightly
    has cargo-fuzz || cargo install --locked cargo-fuzz
    cargo +nightly fuzz build --codegen-units 16
    local target running=0
    for target in $(cargo +nightly fuzz list); do
        # Two at a time: a target keeps one core busy.
        if [ $running = 2 ]; then wait -n; running=1; fi
        fuzz_one "$target" &
        running=$((running + 1))
    done
    while [ $running -gt 0 ]; do wait -n; running=$((running - 1)); done
}

# One line of a target that holds, everything of one that does not.
fuzz_one() {
    local log=$LOGS/$1
    if cargo +nightly fuzz run --codegen-units 16 "$1" -- \
        -max_total_time="${FUZZ_SECONDS:-20}" >"$log" 2>&1; then
        echo "$1: $(tail -n 1 "$log")"
    else
        cat "$log"
        return 1
    fi
}

do_deny() {
    has cargo-deny || cargo install --locked cargo-deny
    local checks=(advisories bans licenses sources) folder code=0
    if ! cargo deny fetch db; then
        echo "No advisories are checked: their database is out of reach." >&2
        checks=(bans licenses sources)
    fi
    for folder in . firmware fuzz benches/peers; do
        echo "$folder:"
        cargo deny --manifest-path $folder/Cargo.toml check --hide-inclusion-graph "${checks[@]}" || code=1
    done
    return $code
}

do_peers() {
    local manifest=benches/peers/Cargo.toml
    cargo clippy --release --locked --all-targets --manifest-path $manifest -- -D warnings
    counted cargo test --release --locked --manifest-path $manifest
}

totals() {
    compgen -G "$LOGS/tests-*" >/dev/null || return 0
    awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
         END { printf "\ntests: %d passed, %d failed, %d ignored\n", passed, failed, ignored }' \
        "$LOGS"/tests-*
}

step() { # verb
    VERB=$1
    # How long, and how long cores were busy with it: of two, the rest was idle or others'.
    local TIMEFORMAT=$'\n'"=== $VERB: %0R s; of cores %0U s, and %0S s in the system"
    say "$VERB"
    time "do_${VERB//-/_}"
}

# What `ci` does, in two lists that go beside each other: what one leaves of two cores, the other
# takes. The second has folders of its own, so that neither waits for the other's builds.
CI=(fmt test nostd wgpu cuda docs package)
CI_BESIDE=(lint msrv miri neon wasm firmware ptx fuzz-smoke)

# A verb whose output comes in one piece, when it ends.
held() { # verb
    local code=0 log=$LOGS/said-$1
    alone echo "    ($1 begins)"
    step "$1" >"$log" 2>&1 &
    wait $! || code=$?
    alone cat "$log"
    [ $code = 0 ] || alone say "$1 FAILED"
    return $code
}

lane() { # verbs…
    local verb
    for verb in "$@"; do held "$verb"; done
}

end_lanes() {
    local lane
    for lane in "${LANES[@]}"; do kill -- "-$lane" 2>/dev/null || true; done
}

# Both lists; where one fails the other ends, too.
both() {
    # A process group each, which takes along whatever a lane has started.
    set -m
    lane "${CI[@]}" & LANES+=("$!")
    lane "${CI_BESIDE[@]}" & LANES+=("$!")
    set +m
    wait -n
    wait -n
    LANES=()
}

main() {
    [ $# -gt 0 ] || { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit 2; }
    local verb
    for verb in "$@"; do
        case $verb in
            ci | all) ;;
            *) declare -F "do_${verb//-/_}" >/dev/null || { echo "no verb $verb" >&2; exit 2; } ;;
        esac
    done
    for verb in "$@"; do
        case $verb in
            ci) both ;;
            all) both; lane api semver asan large mlflow explore deny peers ;;
            *) step "$verb" ;;
        esac
    done
    totals
}

main "$@"
