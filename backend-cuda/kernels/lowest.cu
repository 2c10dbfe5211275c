// The lowest value of the rows whose bits are below a limit.
#include "tile.cuh"

struct Lowest {
    u32 limit;
    const u32* values;
    u32* lowest;
    u32 low;

    METHOD void open(u64 i) { low = lowest[i]; }
    METHOD void meet(u64, u64 j, u32 d) {
        if (d < limit && values[j] < low) low = values[j];
    }
    METHOD void close(u64 i) { lowest[i] = low; }
};

#define MAKE(form, Form)                                                                          \
    FOLD_ENTRIES(lowest, form, Form, WITH(u32 limit, const u32* values, u32* lowest), Lowest,     \
                 limit, values, lowest, 0)
FOR_EACH_FORM(MAKE)
