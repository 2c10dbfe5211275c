#!/usr/bin/env bash
# The stand-in driver, in folders for LD_LIBRARY_PATH: tests/driver/build.sh OUT
#   OUT/shim     with the kernels of the shim
#   OUT/empty    no device          OUT/old      a driver for CUDA 11.4
#   OUT/lacking  a driver without cuMemAllocAsync
set -euo pipefail
out=${1:?where to}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"/{shim,empty,old,lacking}
"$here/../../shim/build.sh" "$out/shim/libenfold_cuda_shim.so"
make() { # folder, flags…
    local folder=$1
    shift
    "${CXX:-g++}" -std=c++17 -O2 -fPIC -shared -fvisibility=hidden -Wall "$@" "$here/driver.cpp" \
        -o "$out/$folder/libcuda.so.1" -L "$out/shim" -lenfold_cuda_shim \
        '-Wl,-rpath,$ORIGIN:$ORIGIN/../shim'
}
make shim
make empty -DNO_DEVICES
make old -DOLD
make lacking -DLACKING
