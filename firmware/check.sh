#!/usr/bin/env bash
# Builds the firmware for every target, runs it under emulation, and holds it to its budgets.
# Called by `./ci.sh firmware`, which has fetched the tools.
set -euo pipefail
cd "$(dirname "$0")"
OUT=$PWD/target/check
mkdir -p "$OUT"

TARGETS=(thumbv6m-none-eabi thumbv7m-none-eabi thumbv7em-none-eabihf
    thumbv8m.main-none-eabihf riscv32imac-unknown-none-elf)
declare -A NAME=([thumbv6m-none-eabi]="Cortex-M0" [thumbv7m-none-eabi]="Cortex-M3"
    [thumbv7em-none-eabihf]="Cortex-M4F" [thumbv8m.main-none-eabihf]="Cortex-M33"
    [riscv32imac-unknown-none-elf]="RV32IMAC")
declare -A MACHINE=([thumbv6m-none-eabi]=microbit [thumbv7m-none-eabi]=mps2-an385
    [thumbv7em-none-eabihf]=mps2-an386 [thumbv8m.main-none-eabihf]=mps2-an505)
API=(enfold_init enfold_push enfold_begin enfold_finish_step enfold_score enfold_checkpoint enfold_restore)
KERNELS=(score_f32 worst_f32 learn_f32 score_i16 worst_i16 learn_i16)
# Calls that the story makes of each kernel.
CALLS=64
failed=0

fail() { echo "FAILED: $*" >&2; failed=1; }

emulate() { # target, image, more options …
    local target=$1 image=$2; shift 2
    local common=(-nographic -semihosting-config enable=on,target=native -kernel "$image" "$@")
    case $target in
        riscv32*) timeout 120 qemu-system-riscv32 -machine virt -bios none "${common[@]}" ;;
        *) timeout 120 qemu-system-arm -machine "${MACHINE[$target]}" "${common[@]}" ;;
    esac
}

# Bytes of code and constants in a linked image.
flash_of() {
    local total=0 size
    for size in $(readelf -SW "$1" | sed 's/^ *\[ *[0-9]*\]//' |
        awk '$1 ~ /^\.(text|rodata|ARM\.ex)/ { print $5 }'); do
        total=$((total + 16#$size))
    done
    echo "$total"
}

count_of() { awk -v name="$2" -v n="$CALLS" '$1 == "icount" && $3 ~ name { s += $2 } END { print s / n }' "$1"; }

story() { # target
    local target=$1 log=$OUT/$1.log counts=$OUT/$1.icount
    cargo build --quiet --release --target "$target" -p enfold-demo
    local image=target/$target/release/enfold-demo
    if emulate "$target" "$image" -plugin "$OUT/icount.so" -d plugin -D "$counts" >"$log" 2>&1; then
        sed "s/^/${NAME[$target]}: /" "$log"
    else
        cat "$log"
        fail "${NAME[$target]}: the story ends differently"
    fi
}

# Links the entry points and what they need; a panic that is left has no symbol to go to.
link() { # target, image, library, symbols …
    local target=$1 image=$2 library=$3; shift 3
    local mode=armelf
    [[ $target == riscv32* ]] && mode=elf32lriscv
    local roots=()
    local symbol
    for symbol in "$@"; do roots+=(-u "$symbol"); done
    ld.lld -m "$mode" --gc-sections -e "$1" "${roots[@]}" -o "$image" "$library"
}

prove() { # target
    local target=$1 library=target/$1/release/libenfold.a
    cargo build --quiet --release --target "$target" -p enfold-capi --features broken
    if link "$target" "$OUT/$target.broken" "$library" enfold_broken 2>"$OUT/$target.broken.log"; then
        fail "${NAME[$target]}: the proof does not notice a panic"
    fi
    grep -q enfold_panicked "$OUT/$target.broken.log" || fail "${NAME[$target]}: failed otherwise"
    cargo build --quiet --release --target "$target" -p enfold-capi --features prove
    link "$target" "$OUT/$target.api" "$library" "${API[@]}" || fail "${NAME[$target]}: can panic"
    link "$target" "$OUT/$target.watch" "$library" enfold_{init,push,score} || fail "${NAME[$target]}: can panic"
    cells "$target" release
}

# Score and learn of the cells alone, in either kind of coordinates.
cells() { # target, profile
    local target=$1 profile=$2 kind
    for kind in f32 i16; do
        link "$target" "$OUT/$target.$profile.$kind" "target/$target/$profile/libenfold.a" \
            "cells_score_$kind" "cells_learn_$kind" || fail "${NAME[$target]}: cells can panic"
    done
}

# The same for less flash.
smaller() { # target
    local profile
    for profile in small least; do
        cargo build --quiet --profile "$profile" --target "$1" -p enfold-capi --features prove
        cells "$1" "$profile"
    done
}

under() { # what, found, most
    awk -v f="$2" -v m="$3" 'BEGIN { exit !(f > 0 && f <= m) }' || fail "$1: $2, allowed $3"
}

# Bytes of stack that a call writes to, the deeper of f32 and i16.
stack_of() { # target, 1 score, 2 sample, 3 checkpoint, 4 restore
    awk -v at="$(($2 + 2))" '$1 == "stack" && $at > most { most = $at } END { print most }' "$OUT/$1.log"
}

# What was measured and a little more: a step back must fail.
budgets() {
    local m0=thumbv6m-none-eabi m4=thumbv7em-none-eabihf
    under "score f32 on M4F" "$(count_of "$OUT/$m4.icount" score_f32)" 396
    under "score f32 on M4F at worst" "$(count_of "$OUT/$m4.icount" worst_f32)" 515
    under "score q15 on M0" "$(count_of "$OUT/$m0.icount" score_i16)" 750
    under "score q15 on M0 at worst" "$(count_of "$OUT/$m0.icount" worst_i16)" 960
    under "flash of cells q15 on M0" "$(flash_of "$OUT/$m0.release.i16")" 4096
    under "flash of cells f32 on M4F" "$(flash_of "$OUT/$m4.release.f32")" 2048
    local target score
    for target in "${TARGETS[@]}"; do
        under "stack of score on $target" "$(stack_of "$target" 1)" 1088
        under "stack of push on $target" "$(stack_of "$target" 2)" 1536
        under "stack of checkpoint on $target" "$(stack_of "$target" 3)" 240
        under "stack of restore on $target" "$(stack_of "$target" 4)" 2560
    done
    local calls=(enfold_{score,begin,finish_step,push,checkpoint,restore}) most=(560 1024 800 1088 3584 2560) at
    for target in "${TARGETS[@]}"; do
        local found=($(python3 stack.py "$OUT/$target.api" "${calls[@]}" | tee "$OUT/$target.bounds"))
        for at in "${!calls[@]}"; do
            under "bound of the stack of ${calls[at]} on $target" "${found[at]:-0}" "${most[at]}"
        done
    done
    for target in $m0:i16 $m4:f32; do
        local counts=$OUT/${target%:*}.icount kind=${target#*:}
        score=$(count_of "$counts" "score_$kind")
        under "learn on $target" "$(count_of "$counts" "learn_$kind")" "$(awk "BEGIN { print 1.3 * $score }")"
    done
}

instructions() {
    echo "| instructions | score f32 | at worst | learn f32 | score i16 | at worst | learn i16 |"
    echo "|---|---|---|---|---|---|---|"
    local target kernel
    for target in "${TARGETS[@]}"; do
        printf '| %s |' "${NAME[$target]}"
        for kernel in "${KERNELS[@]}"; do
            printf ' %.0f |' "$(count_of "$OUT/$target.icount" "$kernel")"
        done
        echo
    done
}

# Bytes of stack that a call can take at most, from the code of the linked C API.
bounds() {
    local calls=(score begin finish_step push checkpoint restore) target
    printf '| stack at most, bytes |'; printf ' %s |' "${calls[@]}"; echo
    echo "|---|---|---|---|---|---|---|"
    for target in "${TARGETS[@]}"; do
        printf '| %s |' "${NAME[$target]}"
        printf ' %s |' $(cat "$OUT/$target.bounds"); echo
    done
}

bytes() {
    echo "| bytes | flash: cells f32 | cells i16 | init, push, score | the C API | stack: score | push | checkpoint | restore |"
    echo "|---|---|---|---|---|---|---|---|---|"
    local target image
    for target in "${TARGETS[@]}"; do
        printf '| %s |' "${NAME[$target]}"
        for image in release.f32 release.i16 watch api; do
            printf ' %s' "$(flash_of "$OUT/$target.$image")"
            if [ -f "$OUT/$target.small.${image#*.}" ]; then
                printf ' (s %s, z %s)' "$(flash_of "$OUT/$target.small.${image#*.}")" \
                    "$(flash_of "$OUT/$target.least.${image#*.}")"
            fi
            printf ' |'
        done
        printf ' %s |' "$(stack_of "$target" 1)" "$(stack_of "$target" 2)" \
            "$(stack_of "$target" 3)" "$(stack_of "$target" 4)"
        echo
    done
}

# The same bytes on a 64-bit Arm, whose compiler likes to fuse products and sums.
aarch64() {
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu" \
        cargo test --quiet --release --target aarch64-unknown-linux-gnu -p enfold-story --lib ||
        fail "AArch64: the story ends differently"
}

wasm() {
    cargo build --quiet --release --target wasm32-unknown-unknown -p enfold-wasm
    node wasm/run.mjs target/wasm32-unknown-unknown/release/enfold_wasm.wasm || fail "wasm differs"
}

c_example() {
    cbindgen --quiet --config capi/cbindgen.toml --output "$OUT/enfold.h" capi
    diff -u capi/include/enfold.h "$OUT/enfold.h" || fail "include/enfold.h is not what cbindgen makes"
    cargo build --quiet --release -p enfold-capi
    cc -std=c99 -Wall -Wextra -Werror -Icapi/include capi/example/watch.c target/release/libenfold.a \
        -Wl,--defsym=rust_eh_personality=0 -o "$OUT/watch"
    "$OUT/watch" || fail "the C example on the host"
    local target=thumbv7em-none-eabihf
    cargo build --quiet --release --target "$target" -p enfold-capi
    arm-none-eabi-gcc -std=c99 -Wall -Wextra -Werror -O2 -mcpu=cortex-m4 -mthumb -mfloat-abi=hard \
        -mfpu=fpv4-sp-d16 --specs=rdimon.specs -Wl,--gc-sections,--no-warnings -T capi/example/mps2.ld -Icapi/include \
        capi/example/watch.c capi/example/vectors.c "target/$target/release/libenfold.a" -o "$OUT/watch.elf"
    emulate "$target" "$OUT/watch.elf" || fail "the C example on the Cortex-M4"
}

# Where ENFOLD_SKAB names an experiment of SKAB: the same alarms on the Cortex-M4F as on the host.
recorded() {
    local target=thumbv7em-none-eabihf
    cargo run --quiet --release -p enfold-story --example recorded -- "$ENFOLD_SKAB" "$OUT/trace.bin" >"$OUT/host.txt"
    ENFOLD_TRACE=$OUT/trace.bin cargo build --quiet --release --target "$target" -p enfold-demo
    emulate "$target" "target/$target/release/enfold-demo" | grep recorded >"$OUT/device.txt"
    diff "$OUT/host.txt" "$OUT/device.txt" || fail "the recorded trace ends differently on the device"
    sed 's/^/Cortex-M4F as the host, /' "$OUT/device.txt"
}

# The same story told in frames of defmt, on the Cortex-M4F.
frames() {
    local target=thumbv7em-none-eabihf
    cargo build --quiet --release --target "$target" -p enfold-demo --features defmt
    emulate "$target" "target/$target/release/enfold-demo" >"$OUT/frames" || fail "the story in frames"
    [ -s "$OUT/frames" ] || fail "no frames came"
    echo "Cortex-M4F: $(wc -c <"$OUT/frames") bytes of defmt instead of $(wc -c <"$OUT/$target.log") of text"
}

cc -shared -fPIC -O2 -o "$OUT/icount.so" icount.c
cargo test --quiet --release -p enfold-story
for target in "${TARGETS[@]}"; do story "$target"; prove "$target"; done
for target in thumbv6m-none-eabi thumbv7em-none-eabihf; do smaller "$target"; done
aarch64
wasm
c_example
frames
[ -z "${ENFOLD_SKAB:-}" ] || recorded
budgets
{ instructions; echo; bytes; echo; bounds; } | tee "$OUT/table.md"
exit $failed
