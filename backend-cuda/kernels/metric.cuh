// One distance (core/src/distance.rs), step by step: terms go to sixteen running sums, term t to
// sum t % 16, and these are folded in half. No step is fused (--fmad=false); quotients and roots
// are the rounded ones.
#pragma once
#include "base.cuh"

// How many running sums a distance has.
#define LANES 16

DEVICE u32 bits(f32 v) { return __float_as_uint(v); }
DEVICE f32 number(u32 v) { return __uint_as_float(v); }

// A form says what a term is, how terms are joined, and what is made of their sum. `sizes` says that it
// needs the products of each row with itself, `lengths` that rows of up to 4 and up to 8 elements have
// code of their own (tile.cuh).

// Σ (x−y)².
struct Squares {
    static const bool sizes = false, lengths = true, root = false;
    MEMBER f32 term(f32 a, f32 b) {
        f32 gap = a - b;
        return gap * gap;
    }
    MEMBER f32 join(f32 a, f32 b) { return a + b; }
    MEMBER u32 finish(f32 sum, f32, f32) { return bits(sum); }
};

// √Σ (x−y)².
struct Root : Squares {
    static const bool root = true;
    MEMBER u32 finish(f32 sum, f32, f32) { return bits(__fsqrt_rn(sum)); }
};

// Σ |x−y|.
struct Sizes {
    static const bool sizes = false, lengths = false;
    MEMBER f32 term(f32 a, f32 b) { return fabsf(a - b); }
    MEMBER f32 join(f32 a, f32 b) { return a + b; }
    MEMBER u32 finish(f32 sum, f32, f32) { return bits(sum); }
};

// max |x−y|: sizes are compared as bits, so that what is not finite is the largest.
struct Most {
    static const bool sizes = false, lengths = false;
    MEMBER f32 term(f32 a, f32 b) { return fabsf(a - b); }
    MEMBER f32 join(f32 a, f32 b) { return bits(a) > bits(b) ? a : b; }
    MEMBER u32 finish(f32 most, f32, f32) {
        return bits(most) < INF ? bits(most) : NAN_BITS;
    }
};

// 1 − x·y / (|x| |y|).
struct Cosine {
    static const bool sizes = true, lengths = false;
    MEMBER f32 term(f32 a, f32 b) { return a * b; }
    MEMBER f32 join(f32 a, f32 b) { return a + b; }
    MEMBER u32 finish(f32 xy, f32 xx, f32 yy) {
        if (xx == 0.0f || yy == 0.0f) {
            return xx == yy ? 0 : bits(1.0f + (xx + yy) * 0.0f);
        }
        // Equal rows: the product of the roots would be off by a rounding.
        if (xy == xx && xy == yy && xy < number(INF)) return 0;
        f32 product = xx * yy;
        // A normal number has a product whose root is exact to the last bit.
        bool normal = product >= 1.17549435e-38f && product < number(INF);
        f32 norms = normal ? __fsqrt_rn(product) : __fsqrt_rn(xx) * __fsqrt_rn(yy);
        f32 distance = 1.0f - __fdiv_rn(xy, norms);
        if (norms == number(INF)) return NAN_BITS;
        return distance < 0.0f ? 0 : bits(distance);
    }
};

// An entry point for each form, for rows of any length and for short ones.
#define FOR_EACH_FORM(MAKE)                                                                       \
    MAKE(squares, Squares)                                                                        \
    MAKE(root, Root)                                                                              \
    MAKE(cosine, Cosine)                                                                          \
    MAKE(sizes, Sizes)                                                                            \
    MAKE(most, Most)
