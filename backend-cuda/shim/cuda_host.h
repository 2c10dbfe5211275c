// What the kernels need of CUDA, for a C++ compiler: see shim.cpp for how blocks are run.
// Included before every source by build.sh.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#define ENFOLD_SHIM
#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
// One block runs at a time, so there is one memory for all.
#define __shared__ static

struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct Dim {
    unsigned x = 1, y = 1, z = 1;
};

// Where the running fibre is, and what it can wait for.
struct Place {
    Dim thread, block, block_size, grid_size;
};
extern Place* shim_place;
#define threadIdx (shim_place->thread)
#define blockIdx (shim_place->block)
#define blockDim (shim_place->block_size)
#define gridDim (shim_place->grid_size)

void shim_meet_block();
void shim_meet_warp();
// Room of this fibre, and of the one whose number differs in `mask`, for words that are swapped.
uint32_t* shim_slot(unsigned mask);
void* shim_dynamic();

#define __syncthreads() shim_meet_block()
#define __syncwarp() shim_meet_warp()
#define DYNAMIC(type, name) type* name = (type*)shim_dynamic()

template <class To, class From> inline To shim_cast(From v) {
    static_assert(sizeof(To) == sizeof(From), "");
    To to;
    std::memcpy(&to, &v, sizeof(to));
    return to;
}
inline unsigned __float_as_uint(float v) { return shim_cast<unsigned>(v); }
inline float __uint_as_float(unsigned v) { return shim_cast<float>(v); }
inline int __float_as_int(float v) { return shim_cast<int>(v); }
inline float __int_as_float(int v) { return shim_cast<float>(v); }
inline float __fsqrt_rn(float v) { return std::sqrt(v); }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline long long __float2ll_rn(float v) { return std::llrint(v); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}

inline int __ffsll(long long v) { return __builtin_ffsll(v); }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }

// Fibres are never interrupted, so plain steps are atomic.
template <class T> inline T atomicAdd(T* at, T v) {
    T old = *at;
    *at = old + v;
    return old;
}
template <class T> inline T atomicMin(T* at, T v) {
    T old = *at;
    if (v < old) *at = v;
    return old;
}
template <class T> inline T atomicMax(T* at, T v) {
    T old = *at;
    if (v > old) *at = v;
    return old;
}

// Words of the other fibre, which calls this with as many.
inline void shim_swap(uint32_t* words, unsigned n, unsigned mask) {
    std::memcpy(shim_slot(0), words, 4 * n);
    shim_meet_warp();
    std::memcpy(words, shim_slot(mask), 4 * n);
    shim_meet_warp();
}
template <int N> inline void swap_with(float (&v)[N], unsigned mask) {
    static_assert(N <= 64, "the slot's size");
    shim_swap((uint32_t*)v, N, mask);
}
template <class T> inline T __shfl_xor_sync(unsigned, T v, unsigned mask) {
    shim_swap((uint32_t*)&v, sizeof(T) / 4, mask);
    return v;
}

// The twins of units.cuh. A product of two bf16 is exact; sums are rounded one by one here, and as the
// unit pleases there: the bound has room for both.
inline float shim_bf16(const uint32_t* words, unsigned at) {
    return shim_cast<float>(at % 2 ? words[at / 2] & 0xffff0000u : words[at / 2] << 16);
}
inline void mma_tile(float& c0, float& c1, float& c2, float& c3, const unsigned (&a)[4],
                     const unsigned (&b)[2]) {
    unsigned lane = threadIdx.x % 32;
    std::memcpy(shim_slot(0), a, 16);
    std::memcpy(shim_slot(0) + 4, b, 8);
    shim_meet_warp();
    float* c[4] = {&c0, &c1, &c2, &c3};
    for (unsigned n = 0; n < 4; n++) {
        unsigned column = lane % 4 * 2 + n % 2;
        for (unsigned t = 0; t < 4; t++) {
            // Words 0 and 2 are of row g, 1 and 3 of row g + 8; 4 and 5 of the column.
            const uint32_t* row = shim_slot(lane ^ (lane / 4 * 4 + t)) + n / 2;
            const uint32_t* of_b = shim_slot(lane ^ (column * 4 + t)) + 4;
            for (unsigned half = 0; half < 2; half++) {
                for (unsigned e = 0; e < 2; e++) {
                    *c[n] += shim_bf16(row + 2 * half, e) * shim_bf16(of_b + half, e);
                }
            }
        }
    }
    shim_meet_warp();
}
inline unsigned shim_bf16_bits(float v) {
    unsigned bits = __float_as_uint(v);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
inline unsigned bf16_pair(float low, float high) {
    return shim_bf16_bits(low) | shim_bf16_bits(high) << 16;
}
inline void copy_async(void* to, const void* from) { std::memcpy(to, from, 16); }
inline void wait_copies() {}

// The list of kernels: a call is made of the pointers to its arguments.
typedef void (*ShimCall)(const void* kernel, void** args);
void shim_register(const char* name, unsigned block, const void* kernel, ShimCall call);

template <class... A> struct ShimArgs {
    template <std::size_t... I>
    static void spread(const void* kernel, void** args, std::index_sequence<I...>) {
        ((void (*)(A...))kernel)(*(A*)args[I]...);
    }
    static void call(const void* kernel, void** args) {
        spread(kernel, args, std::index_sequence_for<A...>());
    }
};
struct ShimEntry {
    template <class... A> ShimEntry(const char* name, unsigned block, void (*kernel)(A...)) {
        shim_register(name, block, (const void*)kernel, &ShimArgs<A...>::call);
    }
};
#define ENTRY(name, block) static ShimEntry shim_entry_##name(#name, block, name);
