// The drivers of the folds: every visited pair of rows, its distance, and a fold that takes it.
//
// A block has up to 64 rows of x; thread r keeps what is folded for row r in registers:
//     open(i)         the state of row i from memory
//     meet(i, j, d)   one distance, as bits
//     close(i)        the state back to memory
#pragma once
#include "metric.cuh"

// Threads of a block for rows of any length, and for rows of up to 16 elements.
#define WIDE 256
#define NARROW 64

// ---- rows of any length -------------------------------------------------------------------------
//
// A tile is 64 rows of x by 16 of y. Thread = one of 16 groups of 8 × 8 pairs × one of the 16
// running sums: a sum needs its own elements alone, so a warp reads sixteen elements in a row of
// a row without a conflict, and a thread has 64 sums for 16 elements read.

#define COLUMNS 16
// Elements staged together, and the distance of rows in shared memory: eight rows are half the
// banks apart.
#define CHUNK 32
#define PITCH 34

struct Tile {
    f32 x[ROWS * PITCH];
    f32 y[COLUMNS * PITCH];
    u32 distance[ROWS * (COLUMNS + 1)];
    f32 size_x[ROWS];
    f32 size_y[COLUMNS];
};

// Rows one after another, or those of a list; the last again beyond the last.
struct Following {
    u64 first;
    u32 count;
    METHOD u64 at(u32 row) const { return first + (row < count ? row : count - 1); }
};
struct Listed {
    const u32* list;
    u32 count;
    METHOD u64 at(u32 row) const { return list[row < count ? row : count - 1]; }
};

// Elements t.. of up to `most` rows; zeros beyond dim.
template <class Rows>
DEVICE void stage(f32* to, const f32* from, const Rows& rows, u32 most, u64 dim, u64 t) {
    for (u32 at = threadIdx.x; at < most * CHUNK; at += WIDE) {
        u32 row = at / CHUNK, element = at % CHUNK;
        f32 v = t + element < dim ? from[rows.at(row) * dim + t + element] : 0.0f;
        to[row * PITCH + element] = v;
    }
}

// Folds sixteen running sums in half, across sixteen threads; each has the whole.
template <class Form> DEVICE f32 fold_lanes(f32 sum) {
    for (u32 half = LANES / 2; half > 0; half /= 2) {
        f32 other[1] = {sum};
        swap_with(other, half);
        sum = Form::join(sum, other[0]);
    }
    return sum;
}

// The products of rows with themselves.
DEVICE void measure_sizes(f32* to, const f32* from, Following rows, u32 most, u64 dim) {
    u32 lane = threadIdx.x % LANES;
    for (u32 row = threadIdx.x / LANES; row < most; row += WIDE / LANES) {
        const f32* own = from + rows.at(row) * dim;
        f32 sum = 0.0f;
        for (u64 t = lane; t < dim; t += LANES) sum = sum + own[t] * own[t];
        sum = fold_lanes<Cosine>(sum);
        if (lane == 0) to[row] = sum;
    }
}

// Half of 2N sums go to the thread with the bit `half` different, which gives as many.
template <class Form, int N> DEVICE void fold_half(f32* sum, u32 lane, u32 half) {
    bool upper = lane & half;
    f32 given[N];
#pragma unroll
    for (int i = 0; i < N; i++) given[i] = upper ? sum[i] : sum[i + N];
    swap_with(given, half);
#pragma unroll
    for (int i = 0; i < N; i++) sum[i] = Form::join(upper ? sum[i + N] : sum[i], given[i]);
}

// The distances of rows of x and rows of y. Whoever reads them meets a barrier first.
template <class Form, class Rows>
DEVICE void measure(Tile& tile, const Pairs& p, const Rows& of_x, Following of_y) {
    u32 lane = threadIdx.x % LANES, group = threadIdx.x / LANES;
    u32 row = group / 2 * 8, column = group % 2 * 8;
    f32 sum[64];
#pragma unroll
    for (int s = 0; s < 64; s++) sum[s] = 0.0f;
    if (Form::sizes) measure_sizes(tile.size_y, p.y, of_y, COLUMNS, p.dim);
    for (u64 t = 0; t < p.dim; t += CHUNK) {
        __syncthreads();
        stage(tile.x, p.x, of_x, ROWS, p.dim, t);
        stage(tile.y, p.y, of_y, COLUMNS, p.dim, t);
        __syncthreads();
        u32 end = p.dim - t < CHUNK ? (u32)(p.dim - t) : CHUNK;
        for (u32 at = lane; at < (end + LANES - 1) / LANES * LANES; at += LANES) {
            f32 a[8], b[8];
#pragma unroll
            for (int r = 0; r < 8; r++) a[r] = tile.x[(row + r) * PITCH + at];
#pragma unroll
            for (int q = 0; q < 8; q++) b[q] = tile.y[(column + q) * PITCH + at];
#pragma unroll
            for (int s = 0; s < 64; s++) sum[s] = Form::join(sum[s], Form::term(a[s / 8], b[s % 8]));
        }
    }
    // Each stage leaves a thread half the pairs: in the end four, those from 4 · lane on.
    fold_half<Form, 32>(sum, lane, 8);
    fold_half<Form, 16>(sum, lane, 4);
    fold_half<Form, 8>(sum, lane, 2);
    fold_half<Form, 4>(sum, lane, 1);
    row += lane / 2, column += lane % 2 * 4;
#pragma unroll
    for (int s = 0; s < 4; s++) {
        f32 yy = Form::sizes ? tile.size_y[column + s] : 0.0f;
        u32 distance = Form::finish(sum[s], Form::sizes ? tile.size_x[row] : 0.0f, yy);
        tile.distance[row * (COLUMNS + 1) + column + s] = distance;
    }
}

template <class Form, class Fold> DEVICE void sweep_wide(const Pairs& p, Fold fold) {
    __shared__ Tile tile;
    for (u64 at = blockIdx.x; at < jobs_of(p); at += gridDim.x) {
        Job job = job_at(p, at);
        Following rows = {job.from, (u32)(job.to - job.from)};
        u64 i = job.from + threadIdx.x;
        if (i < job.to) fold.open(i);
        if (Form::sizes) measure_sizes(tile.size_x, p.x, rows, ROWS, p.dim);
        for (u32 r = job.first; r < job.last; r++) {
            Range range = range_at(p, r);
            for (u64 j0 = range.from; j0 < range.to; j0 += COLUMNS) {
                u32 columns = range.to - j0 < COLUMNS ? (u32)(range.to - j0) : COLUMNS;
                measure<Form>(tile, p, rows, Following{j0, columns});
                __syncthreads();
                for (u32 q = 0; i < job.to && q < columns; q++) {
                    if (p.off && j0 + q == i) continue;
                    fold.meet(i, j0 + q, tile.distance[threadIdx.x * (COLUMNS + 1) + q]);
                }
            }
        }
        if (i < job.to) fold.close(i);
        __syncthreads();
    }
}

// ---- rows of up to 16 elements ------------------------------------------------------------------
//
// A running sum has one term at most, so the terms themselves are folded; a thread has its row of
// x in registers and meets 64 rows of y in shared memory. D is the dim, rounded up: zeros add
// nothing. (A product may be −0 where a running sum would be 0; no distance tells them apart.)

// A step is a function: a loop over them is not unrolled, and terms would leave the registers.
template <class Form, int D, int HALF> DEVICE void fold_step(f32 (&term)[D]) {
#pragma unroll
    for (int t = 0; t < HALF; t++) {
        if (t + HALF < D) term[t] = Form::join(term[t], term[t + HALF]);
    }
}

template <class Form, int D> DEVICE f32 fold_terms(f32 (&term)[D]) {
    fold_step<Form, D, 8>(term);
    fold_step<Form, D, 4>(term);
    fold_step<Form, D, 2>(term);
    fold_step<Form, D, 1>(term);
    return term[0];
}

template <class Form, int D> DEVICE f32 sum_terms(const f32 (&a)[D], const f32* b) {
    f32 term[D];
#pragma unroll
    for (int t = 0; t < D; t++) term[t] = Form::term(a[t], b[t]);
    return fold_terms<Form, D>(term);
}

template <class Form, class Fold, int D> DEVICE void sweep_short(const Pairs& p, Fold fold) {
    __shared__ __align__(16) f32 y[NARROW * D];
    __shared__ f32 size_y[NARROW];
    u32 dim = (u32)p.dim;
    for (u64 at = blockIdx.x; at < jobs_of(p); at += gridDim.x) {
        Job job = job_at(p, at);
        u64 i = job.from + threadIdx.x;
        f32 x[D];
#pragma unroll
        for (int t = 0; t < D; t++) x[t] = i < job.to && (u32)t < dim ? p.x[i * dim + t] : 0.0f;
        f32 size_x = Form::sizes ? sum_terms<Form, D>(x, x) : 0.0f;
        if (i < job.to) fold.open(i);
        for (u32 r = job.first; r < job.last; r++) {
            Range range = range_at(p, r);
            for (u64 j0 = range.from; j0 < range.to; j0 += NARROW) {
                u32 columns = range.to - j0 < NARROW ? (u32)(range.to - j0) : NARROW;
                __syncthreads();
                for (u32 e = threadIdx.x; e < columns * D; e += NARROW) {
                    u32 row = e / D, t = e % D;
                    y[e] = t < dim ? p.y[(j0 + row) * dim + t] : 0.0f;
                }
                __syncthreads();
                if (Form::sizes) {
                    f32 own[D];
#pragma unroll
                    for (int t = 0; t < D; t++) own[t] = y[threadIdx.x * D + t];
                    size_y[threadIdx.x] = sum_terms<Form, D>(own, own);
                    __syncthreads();
                }
                for (u32 q = 0; i < job.to && q < columns; q++) {
                    if (p.off && j0 + q == i) continue;
                    f32 sum = sum_terms<Form, D>(x, y + q * D);
                    fold.meet(i, j0 + q, Form::finish(sum, size_x, Form::sizes ? size_y[q] : 0.0f));
                }
            }
        }
        if (i < job.to) fold.close(i);
    }
}

template <class Form, class Fold> DEVICE void sweep_narrow(const Pairs& p, Fold fold) {
    // Each length is code of its own: only the forms that clouds of points are measured by have it.
    if constexpr (Form::lengths) {
        if (p.dim <= 4) return sweep_short<Form, Fold, 4>(p, fold);
        if (p.dim <= 8) return sweep_short<Form, Fold, 8>(p, fold);
    }
    sweep_short<Form, Fold, 16>(p, fold);
}

// The entry points of a fold for one form. PARAMETERS follow the pairs; MADE is the fold.
#define FOLD_ENTRIES(name, form, Form, PARAMETERS, Fold, ...)                                     \
    KERNEL_TWICE(WIDE) name##_##form(Pairs p, PARAMETERS) {                                       \
        Fold fold = {__VA_ARGS__};                                                                \
        sweep_wide<Form>(p, fold);                                                                \
    }                                                                                             \
    ENTRY(name##_##form, WIDE)                                                                    \
    KERNEL(NARROW) name##_##form##_narrow(Pairs p, PARAMETERS) {                                  \
        Fold fold = {__VA_ARGS__};                                                                \
        sweep_narrow<Form>(p, fold);                                                              \
    }                                                                                             \
    ENTRY(name##_##form##_narrow, NARROW)
#define WITH(...) __VA_ARGS__
