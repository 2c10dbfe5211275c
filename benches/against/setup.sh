#!/usr/bin/env bash
# The peers in the pinned versions: Python's in a virtual environment (.venv, or the folder named),
# Rust's in benches/peers/target. Then:
#   target/release/enfold-bench algorithms --against sklearn,faiss,onedal,pynndescent,grid,umap \
#       --also benches/peers/target/release/enfold-peers
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${1:-.venv}
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --requirement benches/against/requirements.txt
"$venv/bin/python" -c 'import dbscan, faiss, pynndescent, sklearn, sklearnex, umap'
if command -v cargo >/dev/null; then
    cargo build --release --locked --manifest-path benches/peers/Cargo.toml
fi
echo "peers: $venv/bin/python, benches/peers/target/release/enfold-peers"
