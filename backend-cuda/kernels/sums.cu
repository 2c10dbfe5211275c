// Sums of chunks in f64: term i of a chunk to running sum i % 16, folded in half at the end.
// Sixteen threads to a chunk.
#include "base.cuh"

#define LANES 16

KERNEL(256)
sums(const f32* values, const f32* weights, u64 len, u64 chunk, u64 chunks, f64* out) {
    __shared__ f64 part[256];
    u32 lane = threadIdx.x % LANES;
    u64 all = (chunks + 15) / 16;
    for (u64 at = blockIdx.x; at < all; at += gridDim.x) {
        u64 c = at * 16 + threadIdx.x / LANES;
        u64 from = c * chunk, to = from + chunk < len ? from + chunk : len;
        f64 sum = 0.0;
        for (u64 t = from + lane; c < chunks && t < to; t += LANES) {
            // A product of two f32 is exact.
            sum += (f64)values[t] * (weights ? (f64)weights[t] : 1.0);
        }
        part[threadIdx.x] = sum;
        for (u32 half = LANES / 2; half > 0; half /= 2) {
            __syncthreads();
            if (lane < half) part[threadIdx.x] += part[threadIdx.x + half];
        }
        if (lane == 0 && c < chunks) out[c] = part[threadIdx.x];
        __syncthreads();
    }
}
ENTRY(sums, 256)
