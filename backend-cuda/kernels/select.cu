// The k nearest rows.
#include "entries.cuh"
#include "tile.cuh"

#define MAKE(form, Form)                                                                          \
    FOLD_ENTRIES(select, form, Form, WITH(f32* dist, u32* index, u64 k), Entries, dist, index, k,  \
                 0, 0)
FOR_EACH_FORM(MAKE)
