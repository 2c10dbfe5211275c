#!/usr/bin/env bash
# Installs the peers in the pinned versions: benches/against/setup.sh [FOLDER]
#   Python's (requirements.txt) into a virtual environment, .venv or the folder named: 800 MB
#   Rust's (benches/peers/Cargo.lock) into benches/peers/target, where there is a cargo: 160 crates,
#     six minutes of a core
# Needs Python 3.11 or newer with its module venv, and the network. Then:
#   target/release/enfold-bench algorithms \
#       --against sklearn,faiss,onedal,pynndescent,grid,umap,linfa,kiddo,ann-search-rs,rustyml
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${1:-.venv}
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --requirement benches/against/requirements.txt
# Each of them loads here.
"$venv/bin/python" -c 'import dbscan, faiss, pynndescent, sklearn, sklearnex, umap'
if command -v cargo >/dev/null; then
    cargo build --release --locked --manifest-path benches/peers/Cargo.toml
fi
echo "peers: $venv/bin/python, benches/peers/target/release/enfold-peers"
