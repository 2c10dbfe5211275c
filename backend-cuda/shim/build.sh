#!/usr/bin/env bash
# The kernels as a library for the CPU: shim/build.sh OUT.so (or a folder)
set -euo pipefail
out=${1:?where to}
here=$(cd "$(dirname "$0")" && pwd)
kernels=$here/../kernels
[ -d "$out" ] && out=$out/libenfold_cuda_shim.so
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
# No fused steps, as on the device; -w would hide what the device's compiler does not tell.
flags=(-std=c++17 -O3 -fPIC -fvisibility=hidden -ffp-contract=off -fno-strict-aliasing -Wall
    -Wno-unknown-pragmas -I "$kernels" -I "$here")
for source in "$kernels"/*.cu; do
    "${CXX:-g++}" "${flags[@]}" -x c++ -include "$here/cuda_host.h" -c "$source" \
        -o "$objects/$(basename "$source" .cu).o"
done
"${CXX:-g++}" "${flags[@]}" -c "$here/shim.cpp" -o "$objects/shim.o"
"${CXX:-g++}" -shared -o "$out" "$objects"/*.o
