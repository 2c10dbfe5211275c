// Integer sums by label. Integer addition has no order, so any order gives the same sums; a block
// may hold sums of its own in shared memory and give them at the end.
#include "base.cuh"

// Units of 2^-16: weight 1.
#define ONE 65536ll

// To the nearest integer, ties to even; saturates, and NaN gives 0.
DEVICE i64 rint_of(f32 v) {
    if (v != v) return 0;
    if (v >= 9223372036854775808.0f) return 0x7fffffffffffffffll;
    if (v <= -9223372036854775808.0f) return -0x7fffffffffffffffll - 1;
    return __float2ll_rn(v);
}

// One offset times a weight in fixed point, rounded to the nearest integer.
DEVICE i64 weighted(i64 q, i64 m) {
    // Products wrap, which signed numbers may not.
    return m == ONE ? q : (i64)((u64)q * (u64)m + 0x8000ull) >> 16;
}

// (squares · m + 2^39) >> 40, of a product of 128 bits.
DEVICE i64 scatter_of(u64 squares, i64 m) {
    u64 low = squares * (u64)m;
    // The high half of an unsigned by a signed number.
    u64 high = __umul64hi(squares, (u64)m) - (m < 0 ? squares : 0);
    u64 rounded = low + (1ull << 39);
    high += rounded < low;
    return (i64)(rounded >> 40 | high << 24);
}

DEVICE void add(i64* to, i64 value) {
    if (value != 0) atomicAdd((u64*)to, (u64)value);
}

// Threads of a warp that share a row: as many as it has coordinates, up to a power of two.
DEVICE u32 width_of(u64 dim) {
    u32 width = 1;
    while (width < 32 && width < dim) width *= 2;
    return width;
}

// The sum over the threads of a row; all of a warp take part.
DEVICE u64 sum_of_row(u64 v, u32 width) {
    for (u32 half = width / 2; half > 0; half /= 2) v += __shfl_xor_sync(0xffffffffu, v, half);
    return v;
}

KERNEL(256)
accumulate(const f32* x, u64 x0, u64 x1, u64 dim, const u32* labels, const f32* weights,
           const f32* origins, u64 k, f32 scale, i64* offsets, i64* mass, i64* scatter, u32 held) {
    DYNAMIC(i64, shared);
    u64 all = k * (dim + 2);
    for (u64 at = threadIdx.x; held && at < all; at += blockDim.x) shared[at] = 0;
    __syncthreads();
    i64* to_offsets = held ? shared : offsets;
    i64* to_mass = held ? shared + k * dim : mass;
    i64* to_scatter = !scatter ? 0 : held ? shared + k * (dim + 1) : scatter;
    u32 width = width_of(dim), lane = threadIdx.x % width, rows = 32 / width;
    // A warp goes on as long as it has a row.
    u64 first = x0 + thread_of_grid() / 32 * rows, step = threads_of_grid() / 32 * rows;
    for (; first < x1; first += step) {
        u64 i = first + threadIdx.x % 32 / width;
        u32 label = i < x1 ? labels[i] : NONE;
        bool live = label != NONE;
        i64 m = live && weights ? rint_of(weights[i] * 65536.0f) : ONE;
        u64 squares = 0;
        for (u64 t = lane; live && t < dim; t += width) {
            f32 gap = x[i * dim + t] - origins[label * dim + t];
            i64 q = rint_of(gap * scale);
            add(to_offsets + label * dim + t, weighted(q, m));
            squares += (u64)q * (u64)q;
        }
        if (scatter) squares = sum_of_row(squares, width);
        if (live && lane == 0) add(to_mass + label, m);
        if (live && lane == 0 && scatter) add(to_scatter + label, scatter_of(squares, m));
    }
    __syncthreads();
    for (u64 at = threadIdx.x; held && at < all; at += blockDim.x) {
        if (at < k * dim) {
            add(offsets + at, shared[at]);
        } else if (at < k * (dim + 1)) {
            add(mass + (at - k * dim), shared[at]);
        } else if (scatter) {
            add(scatter + (at - k * (dim + 1)), shared[at]);
        }
    }
}
ENTRY(accumulate, 256)
