// Counts within up to eight radii per row.
#include "tile.cuh"

#define RADII 8

// The least bits that are not within a radius: 0 where it is NaN or negative.
DEVICE u32 limit_of(f32 radius) {
    u32 v = bits(radius);
    if ((v & 0x7fffffffu) == 0) return 1;
    if (v > INF) return 0;
    return v < INF ? v + 1 : INF;
}

struct Count {
    const f32* radii;
    u32* counts;
    u64 k, first;
    u32 many;
    u32 limit[RADII], found[RADII];

    METHOD void open(u64 i) {
#pragma unroll
        for (u32 s = 0; s < RADII; s++) {
            limit[s] = s < many ? limit_of(radii[i * k + first + s]) : 0;
            found[s] = 0;
        }
    }
    METHOD void meet(u64, u64, u32 d) {
#pragma unroll
        for (u32 s = 0; s < RADII; s++) found[s] += d < limit[s];
    }
    METHOD void close(u64 i) {
#pragma unroll
        for (u32 s = 0; s < RADII; s++) {
            if (s >= many) continue;
            u32* count = counts + i * k + first + s;
            u32 sum = *count + found[s];
            *count = sum < found[s] ? NONE : sum;
        }
    }
};

#define MAKE(form, Form)                                                                          \
    FOLD_ENTRIES(count, form, Form,                                                               \
                 WITH(const f32* radii, u32* counts, u64 k, u64 first, u32 many), Count, radii,   \
                 counts, k, first, many)
FOR_EACH_FORM(MAKE)
