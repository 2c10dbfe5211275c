// Words set and compared.
#include "base.cuh"

KERNEL(256) fill_words(u32* to, u64 len, u32 even, u32 odd) {
    for (u64 at = thread_of_grid(); at < len; at += threads_of_grid()) to[at] = at % 2 ? odd : even;
}
ENTRY(fill_words, 256)

// Adds the number of positions where two lists differ.
KERNEL(256) count_changed(const u32* a, const u32* b, u64 len, u64* moved) {
    __shared__ u64 found[256];
    u64 own = 0;
    for (u64 at = thread_of_grid(); at < len; at += threads_of_grid()) own += a[at] != b[at];
    found[threadIdx.x] = own;
    for (u32 half = 128; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) found[threadIdx.x] += found[threadIdx.x + half];
    }
    if (threadIdx.x == 0 && found[0] != 0) atomicAdd(moved, found[0]);
}
ENTRY(count_changed, 256)
