// Adds distances up by label, in f64: an f32 sum would stop at 2^24. A row has its sums for
// itself, in shared memory where they are few.
#include "tile.cuh"

struct Labels {
    const u32* labels;
    u64 k;
    f64* scratch;
    f32* sums;
    u64 base, x0;
    f64* held;
    u64 step;

    // In shared memory label c of 64 rows stands together.
    METHOD void open(u64 i) {
        DYNAMIC(f64, shared);
        held = scratch ? scratch + (i - x0) * k : shared + threadIdx.x;
        step = scratch ? 1 : ROWS;
        for (u64 c = 0; c < k; c++) held[c * step] = 0.0;
    }
    METHOD void meet(u64, u64 j, u32 d) {
        u32 label = labels[j];
        if (label != NONE && d < INF) held[label * step] += (f64)number(d);
    }
    METHOD void close(u64 i) {
        f32* to = sums + (i - base) * k;
        for (u64 c = 0; c < k; c++) to[c] = (f32)((f64)to[c] + held[c * step]);
    }
};

#define MAKE(form, Form)                                                                          \
    FOLD_ENTRIES(labels, form, Form,                                                              \
                 WITH(const u32* labels, u64 k, f64* scratch, f32* sums, u64 base), Labels,       \
                 labels, k, scratch, sums, base, p.x0, 0, 0)
FOR_EACH_FORM(MAKE)
