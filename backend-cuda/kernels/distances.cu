// The distances themselves, row by row of a rectangle.
#include "tile.cuh"

struct Distances {
    f32* out;
    u64 x0, y0, width;

    METHOD void open(u64) {}
    METHOD void meet(u64 i, u64 j, u32 d) { out[(i - x0) * width + (j - y0)] = number(d); }
    METHOD void close(u64) {}
};

#define MAKE(form, Form)                                                                          \
    FOLD_ENTRIES(distances, form, Form, WITH(f32* out), Distances, out, p.x0, p.y0, p.y1 - p.y0)
FOR_EACH_FORM(MAKE)
