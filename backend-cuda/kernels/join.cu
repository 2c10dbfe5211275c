// Unites the members whose bits are below a limit. The smaller root wins, so the roots in the end
// do not depend on who came first; a pass over the rows then makes the forest flat.
#include "tile.cuh"

// Others write meanwhile: not from a cache that does not see it.
DEVICE u32 parent_of(const u32* parent, u32 row) { return *(const volatile u32*)(parent + row); }

DEVICE u32 find(u32* parent, u32 at) {
    for (;;) {
        u32 up = parent_of(parent, at);
        if (up == at) return at;
        u32 next = parent_of(parent, up);
        if (next != up) atomicMin(parent + at, next);
        at = next;
    }
}

DEVICE void unite(u32* parent, u32 a, u32 b) {
    u32 x = find(parent, a), y = find(parent, b);
    while (x != y) {
        u32 high = x > y ? x : y, low = x > y ? y : x;
        u32 met = atomicMin(parent + high, low);
        if (met == high) return;
        // Somebody hung it elsewhere meanwhile, and perhaps now it hangs lower: unite those too.
        x = find(parent, met);
        y = find(parent, low);
    }
}

struct Join {
    u32 limit;
    const u32* member;
    u32* parent;
    bool own;

    METHOD void open(u64 i) { own = member[i] != 0; }
    METHOD void meet(u64 i, u64 j, u32 d) {
        if (d < limit && own && member[j] != 0) unite(parent, (u32)i, (u32)j);
    }
    METHOD void close(u64) {}
};

#define MAKE(form, Form)                                                                          \
    FOLD_ENTRIES(join, form, Form, WITH(u32 limit, const u32* member, u32* parent), Join, limit,  \
                 member, parent, false)
FOR_EACH_FORM(MAKE)

// Every row of a forest to its root. Nobody changes a root meanwhile.
KERNEL(256) flatten(u32* parent, u64 rows) {
    for (u64 row = thread_of_grid(); row < rows; row += threads_of_grid()) {
        u32 at = (u32)row, up = parent_of(parent, at);
        while (up != at) {
            at = up;
            up = parent_of(parent, at);
        }
        parent[row] = at;
    }
}
ENTRY(flatten, 256)
