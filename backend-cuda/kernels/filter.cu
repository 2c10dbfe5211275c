// The nearest row by a certified filter (filter.cuh): a centre, packed rows of y, the sweep, and the
// rows that it leaves open.
#include "sweep.cuh"

// Rows that the centre is the mean of, at most: any centre is right, a near one is tight.
#define SAMPLE 256

KERNEL(256) centre_rows(const f32* y, u64 y0, u64 y1, u64 dim, f32* centre) {
    u64 step = (y1 - y0 + SAMPLE - 1) / SAMPLE, padded = (dim + 15) / 16 * 16;
    for (u64 t = thread_of_grid(); t < padded; t += threads_of_grid()) {
        f64 sum = 0.0;
        u32 count = 0;
        for (u64 j = y0; t < dim && j < y1; j += step) {
            f32 v = y[j * dim + t];
            // What is not finite, or near it, would spoil every row.
            if (fabsf(v) < 1e30f) sum += (f64)v, count++;
        }
        centre[t] = count ? (f32)(sum / count) : 0.0f;
    }
}
ENTRY(centre_rows, 256)

// A warp packs a row, times −2.
template <class Kind>
DEVICE void pack(const f32* y, u64 y0, u64 y1, u64 dim, const f32* centre, void* rows, f32* start) {
    u64 steps = (dim + Kind::STEP - 1) / Kind::STEP, all = (y1 - y0 + SIDE - 1) / SIDE * SIDE;
    u32 lane = threadIdx.x % 32;
    for (u64 at = thread_of_grid() / 32; at < all; at += threads_of_grid() / 32) {
        bool is = y0 + at < y1;
        const f32* row = y + (is ? y0 + at : y0) * dim;
        f32 norm = 0.0f, poison = 0.0f;
        for (u64 t = lane; t < dim; t += 32) {
            f32 v = row[t] - centre[t];
            norm = norm + v * v;
            poison = poison + row[t] * 0.0f;
        }
        for (u32 half = 16; half > 0; half /= 2) {
            f32 other[2] = {norm, poison};
            swap_with(other, half);
            norm = norm + other[0], poison = poison + other[1];
        }
        bool finite = is && poison == 0.0f, tame = finite && norm < TAME;
        for (u64 t = 4 * lane; t < steps * Kind::STEP; t += 128) {
            float4 v = {0.0f, 0.0f, 0.0f, 0.0f};
            if (tame) v = shifted(row, centre, dim, t);
            v.x = v.x * -2.0f, v.y = v.y * -2.0f, v.z = v.z * -2.0f, v.w = v.w * -2.0f;
            Kind::pack(rows, at, steps, t, v);
        }
        // A row too long for the filter is always the lowest: it is measured, or the row is open.
        f32 own = norm * (1.0f - relative_of(dim, Kind::tensor));
        if (lane == 0) start[at] = tame ? own : finite ? -number(INF) : number(INF);
    }
}

KERNEL(256)
pack_fp32(const f32* y, u64 y0, u64 y1, u64 dim, const f32* centre, void* rows, f32* start) {
    pack<Fp32>(y, y0, y1, dim, centre, rows, start);
}
ENTRY(pack_fp32, 256)

KERNEL(256)
pack_tensor(const f32* y, u64 y0, u64 y1, u64 dim, const f32* centre, void* rows, f32* start) {
    pack<Tensor>(y, y0, y1, dim, centre, rows, start);
}
ENTRY(pack_tensor, 256)

// Keeps the lowest bounds of 128 rows, each thread those of its pairs.
template <class Kind> struct Compare {
    Two found[8];

    METHOD void meet(const f32 (&sum)[64], const Pairs& p, const Packed& packed, u64 i0, u64 group);
};

template <class Kind>
METHOD void Compare<Kind>::meet(const f32 (&sum)[64], const Pairs& p, const Packed& packed, u64 i0,
                                u64 group) {
    u64 j0 = p.y0 + group * SIDE;
    // Only groups that meet the diagonal look for it.
    bool off = p.off && i0 < j0 + SIDE && j0 < i0 + SIDE;
#pragma unroll
    for (int q = 0; q < 8; q++) {
        u32 column = Kind::column_of(q);
        f32 start = packed.start[group * SIDE + column];
#pragma unroll
        for (int r = 0; r < 8; r++) {
            f32 bound = sum[r * 8 + q] + start;
            if (off && i0 + Kind::row_of(r) == j0 + column) bound = number(INF);
            found[r].meet(bound, (u32)(j0 + column));
        }
    }
}

// Bytes of what the threads of all rows found.
#define FOUND (3 * SIDE * (SLOTS + 1) * 4)

// What the sixteen threads of each row found, by slot.
template <class Kind> DEVICE void lay_down(f32* shared, const Two (&found)[8]) {
#pragma unroll
    for (int r = 0; r < 8; r++) {
        u32 at = Kind::row_of(r) * (SLOTS + 1) + Kind::slot();
        shared[at] = found[r].low;
        shared[SIDE * (SLOTS + 1) + at] = found[r].second;
        shared[2 * SIDE * (SLOTS + 1) + at] = number(found[r].who);
    }
}

DEVICE Two take_up(const f32* shared, u32 row, u32 lane) {
    u32 at = row * (SLOTS + 1) + lane;
    Two two;
    two.low = shared[at];
    two.second = shared[SIDE * (SLOTS + 1) + at];
    two.who = bits(shared[2 * SIDE * (SLOTS + 1) + at]);
    for (u32 half = SLOTS / 2; half > 0; half /= 2) {
        f32 other[3] = {two.low, two.second, number(two.who)};
        swap_with(other, half);
        // The same on both sides: of equals the lower row.
        u32 who = bits(other[2]);
        if (other[0] == two.low && who < two.who) two.who = who;
        two.merge(other[0], other[1], who);
    }
    return two;
}

// Measures who had the lowest bound; notes the row if that does not settle it. Sixteen threads to a
// row, each with a running sum.
template <class Form, class Kind>
DEVICE void settle(const Pairs& p, const Packed& packed, Two two, u64 i, bool speaks, u32 lane,
                   f32* dist, u32* index, u32* open, u32* count) {
    const f32* x = p.x + i * p.dim;
    const f32* y = p.y + (two.who == NONE ? p.y0 : two.who) * p.dim;
    f32 sum = 0.0f, norm = 0.0f;
#pragma unroll 1
    for (u64 t = lane; t < p.dim; t += LANES) {
        f32 v = x[t] - packed.centre[t];
        sum = Form::join(sum, Form::term(x[t], y[t]));
        norm = norm + v * v;
    }
    sum = fold_lanes<Form>(sum);
    norm = fold_lanes<Form>(norm);
    if (!speaks) return;
    u32 d = Form::finish(sum, 0.0f, 0.0f), best = bits(dist[i]);
    if (two.who != NONE && (d < best || (d == best && two.who < index[i] && d < INF))) {
        best = d;
        dist[i] = number(d), index[i] = two.who;
    }
    f32 limit = above(number(best), Form::root, norm, relative_of(p.dim, Kind::tensor), p.dim);
    // No for NaN, too.
    bool sure = norm < TAME && (two.second > limit || two.low == number(INF));
    if (!sure) open[atomicAdd(count, 1u)] = (u32)i;
}

template <class Form, class Kind>
DEVICE void filter(const Pairs& p, const Packed& packed, f32* dist, u32* index, u32* open,
                   u32* count) {
    const u32 SIZE = Stages<Kind>::SIZE > FOUND ? Stages<Kind>::SIZE : FOUND;
    __shared__ __align__(16) char shared[SIZE];
    u64 all = (p.x1 - p.x0 + SIDE - 1) / SIDE;
    for (u64 at = blockIdx.x; at < all; at += gridDim.x) {
        u64 first = p.x0 + at * SIDE;
        Following rows = {first, first + SIDE < p.x1 ? SIDE : (u32)(p.x1 - first)};
        Compare<Kind> compare;
#pragma unroll
        for (int r = 0; r < 8; r++) compare.found[r].clear();
        sweep<Kind>(compare, shared, p, packed, rows);
        __syncthreads();
        lay_down<Kind>((f32*)shared, compare.found);
        __syncthreads();
        u32 lane = threadIdx.x % LANES;
#pragma unroll 1
        for (u32 row = threadIdx.x / LANES; row < SIDE; row += WIDE / LANES) {
            Two two = take_up((f32*)shared, row, lane);
            bool live = row < rows.count;
            // Beyond the last row threads go along with the last.
            settle<Form, Kind>(p, packed, two, rows.at(row), live && lane == 0, lane, dist, index,
                               open, count);
        }
        __syncthreads();
    }
}

// Rows of a list, exactly.
template <class Form>
DEVICE void look_at(const Pairs& p, f32* dist, u32* index, const u32* open, const u32* count) {
    __shared__ Tile tile;
    for (u64 at = (u64)blockIdx.x * ROWS; at < *count; at += (u64)gridDim.x * ROWS) {
        Listed rows = {open + at, *count - at < ROWS ? (u32)(*count - at) : ROWS};
        bool own = threadIdx.x < rows.count;
        u64 i = own ? rows.at(threadIdx.x) : 0;
        u32 low = own ? bits(dist[i]) : 0, who = own ? index[i] : 0;
        for (u64 j0 = p.y0; j0 < p.y1; j0 += COLUMNS) {
            u32 columns = p.y1 - j0 < COLUMNS ? (u32)(p.y1 - j0) : COLUMNS;
            measure<Form>(tile, p, rows, Following{j0, columns});
            __syncthreads();
            for (u32 q = 0; own && q < columns; q++) {
                u32 d = tile.distance[threadIdx.x * (COLUMNS + 1) + q], j = (u32)(j0 + q);
                bool before = d < low || (d == low && j < who && d < INF);
                if (before && !(p.off && j == i)) low = d, who = j;
            }
        }
        if (own) dist[i] = number(low), index[i] = who;
        __syncthreads();
    }
}

#define FILTER_ENTRIES(form, Form)                                                                \
    KERNEL_TWICE(WIDE)                                                                            \
    nearest_fp32_##form(Pairs p, Packed packed, f32* dist, u32* index, u32* open, u32* count) {   \
        filter<Form, Fp32>(p, packed, dist, index, open, count);                                  \
    }                                                                                             \
    ENTRY(nearest_fp32_##form, WIDE)                                                              \
    KERNEL_TWICE(WIDE)                                                                            \
    nearest_tensor_##form(Pairs p, Packed packed, f32* dist, u32* index, u32* open, u32* count) { \
        filter<Form, Tensor>(p, packed, dist, index, open, count);                                \
    }                                                                                             \
    ENTRY(nearest_tensor_##form, WIDE)                                                            \
    KERNEL(WIDE)                                                                                  \
    nearest_open_##form(Pairs p, f32* dist, u32* index, const u32* open, const u32* count) {      \
        look_at<Form>(p, dist, index, open, count);                                               \
    }                                                                                             \
    ENTRY(nearest_open_##form, WIDE)
FILTER_ENTRIES(squares, Squares)
FILTER_ENTRIES(root, Root)
