#!/bin/sh
# Builds the self-check for WebAssembly with simd128 and without, and runs both in node.
# Needs: rustup target add wasm32-unknown-unknown; node.
set -eu
cd "$(dirname "$0")/.."
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
for feature in +simd128 -simd128; do
    RUSTFLAGS="-Ctarget-feature=$feature" cargo build --release --quiet \
        --target wasm32-unknown-unknown --example wasm_check
    node -e '
        const code = require("fs").readFileSync(process.argv[1]);
        WebAssembly.instantiate(code, {}).then(({ instance: { exports } }) => {
            const [level, failures] = [exports.level(), exports.check()];
            console.log(`wasm ${process.argv[2]}: level ${level}, failures ${failures}`);
            const wanted = process.argv[2][0] === "+" ? 2 : 0;
            process.exit(level === wanted && failures === 0 ? 0 : 1);
        });
    ' "$target/wasm32-unknown-unknown/release/examples/wasm_check.wasm" "$feature"
done
