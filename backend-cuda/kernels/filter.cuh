// The filter of `nearest`: a lower bound of every distance from |x − c|² + |y − c|² − 2(x−c)·(y−c),
// the lowest of each row, who has it, and the second lowest. The distance of the lowest is taken as
// it is defined; where the second bound lies above it the winner is certain, and other rows go to a
// list of open ones, which nearest_open looks at exactly.
//
// The error model is that of backend-cpu/src/bounds.rs, with u = 2^-24, a = |x − c|, b = |y − c|:
//
//     D ≥ bound + a²(1 − e) − tiny,    bound = |y − c|²(1 − e) − 2(x − c)·(y − c)
//
// with e = (2.25·dim + 32)·u where products are added in f32. Where rows are split into two bf16,
// x' = hi + lo + rest, and a matrix unit adds hi·hi + hi·lo + lo·hi, there is besides
//
//   | lo·lo and the rests, 3 · 2^-18 · ab, twice         | 192·u·(a² + b²)          |
//   | of each 16 products and their sum so far, all cut  |                          |
//   | off at 2^-22 of the largest, in two steps of 8:    |                          |
//   | 20 · 2^-22 · 2ab, for 3·⌈dim/16⌉ of them           | 15·(dim + 15)·u·(a² + b²)|
//
// so e grows by (16·dim + 512)·u. That a unit keeps that many bits is what was measured of units up
// to the A100 (Fasi, Higham, Mikaitis, Pranesh 2021), and not promised by anybody; it may lose
// subnormal numbers, for which `tiny` has room.
#pragma once
#include "tile.cuh"
#include "units.cuh"

// A block looks at 128 × 128 pairs; a thread has sums for 8 rows and 8 columns.
#define SIDE 128
// Slots of a row: threads that have sums for it.
#define SLOTS 16
// The unit round-off.
#define ROUNDOFF 5.9604644775390625e-8f
// Squared lengths from here on may overflow: max^(3/4).
#define TAME 7.9e28f

DEVICE f32 relative_of(u64 dim, bool tensor) {
    f64 roundings = 2.25 * (f64)dim + 32.0 + (tensor ? 16.0 * (f64)dim + 512.0 : 0.0);
    return (f32)(roundings * (f64)ROUNDOFF);
}

// Bounds above this belong to distances above `limit`; NaN for a limit that is NaN.
DEVICE f32 above(f32 limit, bool root, f32 norm, f32 relative, u64 dim) {
    const f32 slack = 8.0f * ROUNDOFF;
    f32 tiny = (f32)(4 * dim + 64) * 1.17549435e-38f;
    f32 square = root ? limit * limit : limit;
    return square * (1.0f + slack) - norm * (1.0f - relative - slack) + tiny;
}

// What a packed row and a step of products are made of: see the two kinds below.
struct Packed {
    const f32* centre; // of dim elements, zeros up to a multiple of 16
    const void* rows;  // groups of 128 rows, steps of STEP elements
    const f32* start;  // |y − c|²(1 − e); ∞ for rows that are nobody's neighbour
};

// Elements t..t + 3 of a row less the centre; zeros beyond dim.
DEVICE float4 shifted(const f32* row, const f32* centre, u64 dim, u64 t) {
    float4 v = {0.0f, 0.0f, 0.0f, 0.0f};
    if (t >= dim) return v;
    if (dim % 4 == 0) {
        v = *(const float4*)(row + t);
    } else {
        v.x = row[t];
        if (t + 1 < dim) v.y = row[t + 1];
        if (t + 2 < dim) v.z = row[t + 2];
        if (t + 3 < dim) v.w = row[t + 3];
    }
    float4 c = *(const float4*)(centre + t);
    v.x = v.x - c.x, v.y = v.y - c.y, v.z = v.z - c.z, v.w = v.w - c.w;
    return v;
}

// Products in f32: rows of y stand by columns, 128 at a time.
struct Fp32 {
    static const bool tensor = false;
    static const int STEP = 8;
    // Eight columns of x in shared memory, four rows apart in banks.
    static const int PITCH_X = SIDE + 4;
    static const u32 BYTES_X = STEP * PITCH_X * 4, BYTES_Y = STEP * SIDE * 4;

    MEMBER u32 row_of(u32 r) { return threadIdx.x / 16 * 4 + r % 4 + r / 4 * 64; }
    MEMBER u32 column_of(u32 q) { return threadIdx.x % 16 * 4 + q % 4 + q / 4 * 64; }
    MEMBER u32 slot() { return threadIdx.x % 16; }

    MEMBER void store(char* x, u32 row, u32 quad, float4 v) {
        f32* to = (f32*)x + quad * 4 * PITCH_X + row;
        to[0] = v.x, to[PITCH_X] = v.y, to[2 * PITCH_X] = v.z, to[3 * PITCH_X] = v.w;
    }
    MEMBER void pack(void* rows, u64 at, u64 steps, u64 t, float4 v) {
        f32* to = (f32*)rows + (at / SIDE * steps * STEP + t) * SIDE + at % SIDE;
        to[0] = v.x, to[SIDE] = v.y, to[2 * SIDE] = v.z, to[3 * SIDE] = v.w;
    }
    MEMBER void products(const char* x, const char* y, f32 (&sum)[64]) {
        u32 row = threadIdx.x / 16 * 4, column = threadIdx.x % 16 * 4;
#pragma unroll
        for (int t = 0; t < STEP; t++) {
            const f32* of_x = (const f32*)x + t * PITCH_X + row;
            const f32* of_y = (const f32*)y + t * SIDE + column;
            float4 a0 = *(const float4*)of_x, a1 = *(const float4*)(of_x + 64);
            float4 b0 = *(const float4*)of_y, b1 = *(const float4*)(of_y + 64);
            f32 a[8] = {a0.x, a0.y, a0.z, a0.w, a1.x, a1.y, a1.z, a1.w};
            f32 b[8] = {b0.x, b0.y, b0.z, b0.w, b1.x, b1.y, b1.z, b1.w};
#pragma unroll
            for (int s = 0; s < 64; s++) sum[s] = __fmaf_rn(a[s / 8], b[s % 8], sum[s]);
        }
    }
};

// Products of rows split into two bf16, on a matrix unit: four elements are 16 bytes, hi and then
// lo. A thread takes elements 4t..4t + 3 for the unit's 2t, 2t + 1, 2t + 8, 2t + 9, in x and y
// alike: a sum does not mind.
struct Tensor {
    static const bool tensor = true;
    static const int STEP = 16;
    static const u32 BYTES_X = SIDE * STEP * 4, BYTES_Y = SIDE * STEP * 4;

    // Warps stand two by four, with 64 × 32 pairs each.
    MEMBER u32 row_of(u32 r) {
        return threadIdx.x / 128 * 64 + r / 2 * 16 + r % 2 * 8 + threadIdx.x % 32 / 4;
    }
    MEMBER u32 column_of(u32 q) {
        return threadIdx.x / 32 % 4 * 32 + q / 2 * 8 + threadIdx.x % 4 * 2 + q % 2;
    }
    MEMBER u32 slot() { return threadIdx.x / 32 % 4 * 4 + threadIdx.x % 4; }

    MEMBER uint4 split(float4 v) {
        uint4 out;
        out.x = bf16_pair(v.x, v.y), out.y = bf16_pair(v.z, v.w);
        f32 x = v.x - number(out.x << 16), y = v.y - number(out.x & 0xffff0000u);
        f32 z = v.z - number(out.y << 16), w = v.w - number(out.y & 0xffff0000u);
        out.z = bf16_pair(x, y), out.w = bf16_pair(z, w);
        return out;
    }
    MEMBER void store(char* x, u32 row, u32 quad, float4 v) {
        ((uint4*)x)[row * (STEP / 4) + quad] = split(v);
    }
    MEMBER void pack(void* rows, u64 at, u64 steps, u64 t, float4 v) {
        u64 step = at / SIDE * steps + t / STEP;
        ((uint4*)rows)[(step * SIDE + at % SIDE) * (STEP / 4) + t % STEP / 4] = split(v);
    }
    MEMBER void products(const char* x, const char* y, f32 (&sum)[64]) {
        u32 g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
        const uint4* of_x = (const uint4*)x + (threadIdx.x / 128 * 64 + g) * (STEP / 4) + t;
        const uint4* of_y = (const uint4*)y + (threadIdx.x / 32 % 4 * 32 + g) * (STEP / 4) + t;
        uint4 b[4];
#pragma unroll
        for (int n = 0; n < 4; n++) b[n] = of_y[n * 8 * (STEP / 4)];
#pragma unroll
        for (int m = 0; m < 4; m++) {
            uint4 top = of_x[m * 16 * (STEP / 4)], low = of_x[(m * 16 + 8) * (STEP / 4)];
            u32 hi[4] = {top.x, low.x, top.y, low.y}, lo[4] = {top.z, low.z, top.w, low.w};
#pragma unroll
            for (int n = 0; n < 4; n++) {
                u32 hi_y[2] = {b[n].x, b[n].y}, lo_y[2] = {b[n].z, b[n].w};
                f32 *c = sum + m * 16 + n * 2, *d = c + 8;
                mma_tile(c[0], c[1], d[0], d[1], lo, hi_y);
                mma_tile(c[0], c[1], d[0], d[1], hi, lo_y);
                mma_tile(c[0], c[1], d[0], d[1], hi, hi_y);
            }
        }
    }
};

// The lowest bounds of a row so far.
struct Two {
    f32 low, second;
    u32 who;

    METHOD void clear() { low = second = number(INF), who = NONE; }
    METHOD void meet(f32 bound, u32 j) {
        second = fminf(second, fmaxf(bound, low));
        who = bound < low ? j : who;
        low = fminf(low, bound);
    }
    METHOD void merge(f32 other, f32 other_second, u32 other_who) {
        second = fminf(fmaxf(low, other), fminf(second, other_second));
        who = other < low ? other_who : who;
        low = fminf(low, other);
    }
};
