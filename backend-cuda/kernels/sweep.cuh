// The sweep of the filter: products of 128 rows of x with 128 of y at a time, in registers.
#pragma once
#include "filter.cuh"

// Two stages of rows of x and y.
template <class Kind> struct Stages {
    static const u32 BYTES = Kind::BYTES_X + Kind::BYTES_Y, SIZE = 2 * BYTES;
};

// Sends a step of packed rows of y on its way.
template <class Kind> DEVICE void fetch_y(char* to, const char* from) {
#pragma unroll
    for (u32 at = 0; at < Kind::BYTES_Y; at += 16 * WIDE) {
        copy_async(to + at + threadIdx.x * 16, from + at + threadIdx.x * 16);
    }
}

// The quads of x that a thread brings.
template <class Kind> struct Brought {
    static const u32 QUADS = Kind::STEP / 4, MANY = SIDE * QUADS / WIDE;
    float4 quad[MANY];

    METHOD void fetch(const Pairs& p, const Following& rows, const f32* centre, u64 t) {
#pragma unroll
        for (u32 n = 0; n < MANY; n++) {
            u32 at = threadIdx.x + n * WIDE;
            const f32* row = p.x + rows.at(at / QUADS) * p.dim;
            quad[n] = shifted(row, centre, p.dim, t + at % QUADS * 4);
        }
    }
    METHOD void store(char* to) const {
#pragma unroll
        for (u32 n = 0; n < MANY; n++) {
            u32 at = threadIdx.x + n * WIDE;
            Kind::store(to, at / QUADS, at % QUADS, quad[n]);
        }
    }
};

// 128 rows with all of y, one group and one step after another; the next step is on its way while
// one is worked on. The sums of a group are handed to `fold`.
template <class Kind, class Fold>
DEVICE void sweep(Fold& fold, char* shared, const Pairs& p, const Packed& packed,
                  const Following& rows) {
    u32 steps = (u32)((p.dim + Kind::STEP - 1) / Kind::STEP);
    u32 groups = (u32)((p.y1 - p.y0 + SIDE - 1) / SIDE), stage = 0;
    const char* of_y = (const char*)packed.rows;
    f32 sum[64];
    Brought<Kind> next;
    next.fetch(p, rows, packed.centre, 0);
    fetch_y<Kind>(shared + Kind::BYTES_X, of_y);
    next.store(shared);
#pragma unroll 1
    for (u32 group = 0; group < groups; group++) {
#pragma unroll
        for (int s = 0; s < 64; s++) sum[s] = 0.0f;
#pragma unroll 1
        for (u32 step = 1; step <= steps; step++) {
            char* now = shared + stage * Stages<Kind>::BYTES;
            char* then = shared + (stage ^= 1) * Stages<Kind>::BYTES;
            bool more = step < steps || group + 1 < groups;
            wait_copies();
            __syncthreads();
            if (more) {
                of_y += Kind::BYTES_Y;
                fetch_y<Kind>(then + Kind::BYTES_X, of_y);
                next.fetch(p, rows, packed.centre, step < steps ? step * Kind::STEP : 0);
            }
            Kind::products(now, now + Kind::BYTES_X, sum);
            if (more) next.store(then);
        }
        fold.meet(sum, p, packed, rows.first, group);
    }
}
