// The k nearest rows by the filter (filter.cuh): pairs whose bound is not above what a row's last
// entry allows are measured as it is defined, and entered if they come before it.
#include "entries.cuh"
#include "sweep.cuh"

// Pairs that wait to be measured, for each of sixteen rows in turn.
#define WAITING 64

struct Queue {
    u32 count[SLOTS];
    u32 more;
    unsigned short pair[SLOTS][WAITING];
    // Bounds above this are of no interest: −∞ for rows that have no neighbours.
    f32 limit[SIDE];
    f32 norm[SIDE];
};

template <class Form, class Kind> struct Few {
    Queue& queue;
    Entries entries;
    const Following& rows;

    METHOD void limit_of(const Pairs& p, u32 row) {
        f32 worst = entries.dist[rows.at(row) * entries.k + entries.k - 1];
        f32 relative = relative_of(p.dim, Kind::tensor), norm = queue.norm[row];
        // A row too long for the filter is measured with all others.
        bool tame = norm < TAME;
        queue.limit[row] = tame ? above(worst, Form::root, norm, relative, p.dim) : number(INF);
    }

    // Sixteen threads to a row.
    METHOD void open(const Pairs& p, const Packed& packed) {
        u32 lane = threadIdx.x % LANES;
#pragma unroll 1
        for (u32 row = threadIdx.x / LANES; row < SIDE; row += WIDE / LANES) {
            const f32* x = p.x + rows.at(row) * p.dim;
            f32 norm = 0.0f, poison = 0.0f;
            for (u64 t = lane; t < p.dim; t += LANES) {
                f32 v = x[t] - packed.centre[t];
                norm = norm + v * v, poison = poison + x[t] * 0.0f;
            }
            norm = fold_lanes<Squares>(norm), poison = fold_lanes<Squares>(poison);
            if (lane != 0) continue;
            queue.norm[row] = norm;
            limit_of(p, row);
            if (row >= rows.count || poison != 0.0f) queue.limit[row] = -number(INF);
        }
    }

    METHOD void meet(const f32 (&sum)[64], const Pairs& p, const Packed& packed, u64 i0, u64 group) {
        u64 left = ~0ull, j0 = p.y0 + group * SIDE;
        bool again = true;
        while (again) {
            __syncthreads();
            if (threadIdx.x < SLOTS) queue.count[threadIdx.x] = 0;
            if (threadIdx.x == 0) queue.more = 0;
            __syncthreads();
            // Those that found no room, as far as what was found meanwhile leaves them.
            left = wait(left & near(sum, packed, group * SIDE), p, i0, j0);
            if (left != 0) queue.more = 1;
            __syncthreads();
            again = queue.more != 0;
            judge(p, j0);
        }
    }

    // One bit for each pair of this thread whose bound is not above the limit.
    METHOD u64 near(const f32 (&sum)[64], const Packed& packed, u64 from) {
        u64 all = 0;
#pragma unroll
        for (int r = 0; r < 8; r++) {
            f32 limit = queue.limit[Kind::row_of(r)];
            u32 few = 0;
#pragma unroll
            for (int q = 0; q < 8; q++) {
                f32 start = packed.start[from + Kind::column_of(q)];
                bool out = start == number(INF) || sum[r * 8 + q] + start > limit;
                few |= (u32)!out << q;
            }
            if (limit > -number(INF)) all |= (u64)few << (r * 8);
        }
        return all;
    }

    // Puts pairs on the queue; returns those that found no room.
    METHOD u64 wait(u64 pairs, const Pairs& p, u64 i0, u64 j0) {
        u64 late = 0;
        for (; pairs != 0; pairs &= pairs - 1) {
            u32 pair = __ffsll((i64)pairs) - 1;
            u32 row = Kind::row_of(pair / 8), column = Kind::column_of(pair % 8);
            if (p.off && i0 + row == j0 + column) continue;
            u32 at = atomicAdd(&queue.count[row % SLOTS], 1u);
            if (at < WAITING) {
                queue.pair[row % SLOTS][at] = (unsigned short)(row * SIDE + column);
            } else {
                late |= 1ull << pair;
            }
        }
        return late;
    }

    // Measures the pairs on the queue. Two rows share a warp, which goes on for both.
    METHOD void judge(const Pairs& p, u64 j0) {
        u32 lane = threadIdx.x % LANES, own = threadIdx.x / LANES;
        u32 mine = min(queue.count[own], WAITING), its = min(queue.count[own ^ 1], WAITING);
        for (u32 at = 0; at < mine || at < its; at++) {
            u32 pair = at < mine ? queue.pair[own][at] : 0, row = pair / SIDE;
            u64 i = rows.at(row), j = j0 + pair % SIDE;
            const f32 *x = p.x + i * p.dim, *y = p.y + j * p.dim;
            f32 sum = 0.0f;
            for (u64 t = lane; t < p.dim; t += LANES) {
                sum = Form::join(sum, Form::term(x[t], y[t]));
            }
            sum = fold_lanes<Form>(sum);
            if (at >= mine || lane != 0) continue;
            entries.open(i);
            entries.meet(i, j, Form::finish(sum, 0.0f, 0.0f));
            limit_of(p, row);
        }
    }
};

template <class Form, class Kind>
DEVICE void few(const Pairs& p, const Packed& packed, Entries entries) {
    __shared__ __align__(16) char shared[Stages<Kind>::SIZE];
    __shared__ Queue queue;
    u64 all = (p.x1 - p.x0 + SIDE - 1) / SIDE;
    for (u64 at = blockIdx.x; at < all; at += gridDim.x) {
        u64 first = p.x0 + at * SIDE;
        Following rows = {first, first + SIDE < p.x1 ? SIDE : (u32)(p.x1 - first)};
        Few<Form, Kind> fold = {queue, entries, rows};
        fold.open(p, packed);
        sweep<Kind>(fold, shared, p, packed, rows);
        __syncthreads();
    }
}

#define FEW_ENTRIES(kind, Kind, form, Form)                                                       \
    KERNEL_TWICE(WIDE)                                                                            \
    select_##kind##_##form(Pairs p, Packed packed, f32* dist, u32* index, u64 k) {                \
        few<Form, Kind>(p, packed, Entries{dist, index, k, 0, 0});                                \
    }                                                                                             \
    ENTRY(select_##kind##_##form, WIDE)
FEW_ENTRIES(fp32, Fp32, squares, Squares)
FEW_ENTRIES(fp32, Fp32, root, Root)
FEW_ENTRIES(tensor, Tensor, squares, Squares)
FEW_ENTRIES(tensor, Tensor, root, Root)
