// The nearest row, in registers.
#include "tile.cuh"

struct Nearest {
    f32* dist;
    u32* index;
    u32 low, who;

    METHOD void open(u64 i) { low = bits(dist[i]), who = index[i]; }
    METHOD void meet(u64, u64 j, u32 d) {
        if (d < low || (d == low && (u32)j < who && d < INF)) low = d, who = (u32)j;
    }
    METHOD void close(u64 i) { dist[i] = number(low), index[i] = who; }
};

#define MAKE(form, Form)                                                                          \
    FOLD_ENTRIES(nearest, form, Form, WITH(f32* dist, u32* index), Nearest, dist, index, 0, 0)
FOR_EACH_FORM(MAKE)
