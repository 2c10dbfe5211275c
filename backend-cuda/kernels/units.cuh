// The instructions that C++ has no word for, each behind one function; the shim has plain twins.
#pragma once
#include "base.cuh"

#ifndef ENFOLD_SHIM

// c += a · b for a tile of 16 × 8 pairs and 16 elements in bf16. With g = lane / 4 and t = lane % 4
// a thread has of c rows g and g + 8, columns 2t and 2t + 1; of a rows g and g + 8, and of b column
// g, both elements 2t, 2t + 1 and 2t + 8, 2t + 9.
DEVICE void mma_tile(f32& c0, f32& c1, f32& c2, f32& c3, const u32 (&a)[4], const u32 (&b)[2]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c0), "+f"(c1), "+f"(c2), "+f"(c3)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Two numbers rounded to bf16, to nearest even; the first in the low half.
DEVICE u32 bf16_pair(f32 low, f32 high) {
    u32 pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

// 16 bytes to shared memory, on their way until `wait_copies`.
DEVICE void copy_async(void* to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((u32)__cvta_generic_to_shared(to)),
                 "l"(from)
                 : "memory");
}
DEVICE void wait_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

#endif
