// One epoch of a layout (core/src/host/layout.rs), to the bit: every vertex gathers its forces from
// the positions before, edges in order and then pushes in order. No step is fused.
#include "base.cuh"

#define MOST_DIM 32
// Shifts that a block works out once for all its vertices.
#define SHIFTS 512

struct Epoch {
    f32 a, b, repulsion, rate;
    u32 negatives, pool, number, pad;
    u64 seed;
};

struct Curve {
    f32 a, b, pull, push;
};

// The constants are taken in f64, as everywhere.
DEVICE Curve curve_of(const Epoch& e) {
    Curve c;
    c.a = e.a, c.b = e.b;
    c.pull = (f32)(-2.0 * (f64)e.a * (f64)e.b);
    c.push = (f32)(2.0 * (f64)e.repulsion * (f64)e.b);
    return c;
}

// With the mantissa m in [√½, √2) and t = (m − 1)/(m + 1): e + (2/ln 2)·artanh t.
DEVICE f32 log2_of(f32 x) {
    int bits = __float_as_int(x);
    int exponent = (bits - 0x3f3504f3) >> 23;
    f32 m = __int_as_float(bits - exponent * (1 << 23));
    f32 t = __fdiv_rn(m - 1.0f, m + 1.0f);
    f32 u = t * t;
    f32 p = ((0.41219857f * u + 0.57707802f) * u + 0.9617967f) * u + 2.88539f;
    return (f32)exponent + t * p;
}

// 2^r · 2^f with r the nearest integer: adding 1.5·2^23 leaves no bits for a fraction.
DEVICE f32 exp2_of(f32 x) {
    const f32 SHIFT = 12582912.0f;
    x = x > 126.0f ? 126.0f : x;
    x = x < -126.0f ? -126.0f : x;
    f32 shifted = x + SHIFT;
    f32 f = x - (shifted - SHIFT);
    f32 p = ((1.5353362e-4f * f + 1.3398874e-3f) * f + 9.618437e-3f) * f + 5.5503325e-2f;
    p = ((p * f + 0.24022648f) * f + 0.693147180559945309417f) * f + 1.0f;
    u32 r = __float_as_uint(shifted) - __float_as_uint(SHIFT);
    return __uint_as_float(__float_as_uint(p) + (r << 23));
}

DEVICE f32 power(f32 x, f32 p) { return exp2_of(p * log2_of(x)); }

// −2ab d^{2(b−1)} / (1 + a d^{2b}).
DEVICE f32 pull_of(const Curve& c, f32 d2) {
    d2 = d2 > 1e-30f ? d2 : 1e-30f;
    f32 raised = power(d2, c.b);
    return __fdiv_rn(c.pull * raised, d2 * (1.0f + c.a * raised));
}

// 2γb / ((0.001 + d²)(1 + a d^{2b})).
DEVICE f32 push_of(const Curve& c, f32 d2) {
    f32 raised = power(d2 > 1e-30f ? d2 : 1e-30f, c.b);
    return __fdiv_rn(c.push, (1e-3f + d2) * (1.0f + c.a * raised));
}

DEVICE f32 clip(f32 force) {
    force = force > 4.0f ? 4.0f : force;
    return force < -4.0f ? -4.0f : force;
}

// The floor of a number from 0 to 2^51: adding 2^52 leaves no bits for a fraction.
DEVICE f64 floor_of(f64 x) {
    const f64 SHIFT = 4503599627370496.0;
    f64 nearest = (x + SHIFT) - SHIFT;
    return nearest > x ? nearest - 1.0 : nearest;
}

DEVICE bool active(f32 weight, u32 epoch) {
    f64 w = (f64)weight, e = (f64)epoch;
    return floor_of((e + 1.0) * w) > floor_of(e * w);
}

// The shift of a turn, below the pool: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011).
DEVICE u32 shift_of(const Epoch& e, u32 turn) {
    u32 k0 = (u32)e.seed, k1 = (u32)(e.seed >> 32);
    u32 c0 = e.number, c1 = 0, c2 = turn, c3 = 0x756d6170u;
    for (int round = 0; round < 10; round++) {
        u64 a = (u64)c0 * 0xD2511F53u, b = (u64)c2 * 0xCD9E8D57u;
        c0 = (u32)(b >> 32) ^ c1 ^ k0, c1 = (u32)b;
        c2 = (u32)(a >> 32) ^ c3 ^ k1, c3 = (u32)a;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    return (u32)__umul64hi((u64)c0 << 32 | c1, (u64)e.pool);
}

// D is the dim, 0 for any up to MOST_DIM.
template <int D> struct Vertex {
    static const int SIZE = D ? D : MOST_DIM;
    f32 at[SIZE], force[SIZE];
    u32 dim;

    METHOD void open(const f32* from, u64 i, u32 n) {
        dim = D ? D : n;
        for (u32 t = 0; t < dim; t++) at[t] = from[i * dim + t], force[t] = 0.0f;
    }
    METHOD f32 squared(const f32* other) const {
        f32 d2 = 0.0f;
        for (u32 t = 0; t < dim; t++) {
            f32 gap = at[t] - other[t];
            d2 = d2 + gap * gap;
        }
        return d2;
    }
    METHOD void add(const f32* other, f32 coefficient) {
        for (u32 t = 0; t < dim; t++) force[t] = force[t] + clip(coefficient * (at[t] - other[t]));
    }
};

template <int D>
DEVICE void move(const u32* offsets, const u32* targets, const f32* weights, const f32* from, u64 i,
                 u32 dim, const Epoch& e, const u32* shifts, f32* to) {
    Vertex<D> v;
    Curve curve = curve_of(e);
    v.open(from, i, dim);
    u32 met = 0;
    for (u32 edge = offsets[i]; edge < offsets[i + 1]; edge++) {
        if (!active(weights[edge], e.number)) continue;
        const f32* other = from + (u64)targets[edge] * v.dim;
        v.add(other, pull_of(curve, v.squared(other)));
        met++;
    }
    u64 base = i < e.pool ? i : 0;
    u32 turns = e.pool ? met * e.negatives : 0;
    for (u32 turn = 0; turn < turns; turn++) {
        u64 j = base + (turn < SHIFTS ? shifts[turn] : shift_of(e, turn));
        const f32* other = from + (j < e.pool ? j : j - e.pool) * v.dim;
        v.add(other, push_of(curve, v.squared(other)));
    }
    for (u32 t = 0; t < v.dim; t++) to[i * v.dim + t] = v.at[t] + e.rate * v.force[t];
}

KERNEL(128)
layout(const u32* offsets, const u32* targets, const f32* weights, const f32* from, u64 x0, u64 x1,
       u64 dim, Epoch e, f32* to) {
    __shared__ u32 shifts[SHIFTS];
    for (u32 turn = threadIdx.x; turn < SHIFTS; turn += blockDim.x) shifts[turn] = shift_of(e, turn);
    __syncthreads();
    for (u64 i = x0 + thread_of_grid(); i < x1; i += threads_of_grid()) {
        if (dim == 2) {
            move<2>(offsets, targets, weights, from, i, 2, e, shifts, to);
        } else if (dim == 3) {
            move<3>(offsets, targets, weights, from, i, 3, e, shifts, to);
        } else {
            move<0>(offsets, targets, weights, from, i, (u32)dim, e, shifts, to);
        }
    }
}
ENTRY(layout, 128)
