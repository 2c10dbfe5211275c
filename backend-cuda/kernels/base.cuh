// What every kernel starts with: short names, the arguments of folds over pairs, and the seam to
// the shim, which compiles the same sources with a C++ compiler and runs blocks on the CPU.
// Nothing is included: NVRTC has no headers.
#pragma once

typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
typedef float f32;
typedef double f64;

// No row, noise, ignored.
#define NONE 0xffffffffu
// Bits of infinity. A distance is never negative, so distances are kept and compared as bits: the
// order is that of the numbers, and NaN is beyond infinity.
#define INF 0x7f800000u
// Bits of a NaN.
#define NAN_BITS 0x7fc00000u

#ifndef ENFOLD_SHIM
// The shim keeps a list of kernels and checks the size of their blocks.
#define ENTRY(name, block)
// Memory that a launch asks for.
#define DYNAMIC(type, name)                                                                       \
    extern __shared__ u64 dynamic_shared[];                                                       \
    type* name = (type*)dynamic_shared
#endif

#define DEVICE static __device__ __forceinline__
#define MEMBER static __device__ __forceinline__
#define METHOD __device__ __forceinline__
// Two blocks of a multiprocessor's registers, so that one computes while the other waits.
#define KERNEL_TWICE(block) extern "C" __global__ void __launch_bounds__(block, 2)
#define KERNEL(block) extern "C" __global__ void __launch_bounds__(block)

// Which rows a fold over pairs looks at. Row numbers are those of the whole buffers.
struct Pairs {
    const f32* x;
    const f32* y;
    const u32* jobs; // null: rows x0..x1 with rows y0..y1
    u64 x0, x1;
    u64 y0, y1;
    u64 dim;
    u32 count; // jobs in the list
    u32 off;   // 1: leave out pairs of equal row numbers
};

// Rows of x that a block looks at together.
#define ROWS 64

// Rows `from..to` of x, and where the ranges of y stand that they meet.
struct Job {
    u64 from, to;
    u32 first, last;
};

DEVICE u64 jobs_of(const Pairs& p) {
    return p.jobs ? p.count : (p.x1 - p.x0 + ROWS - 1) / ROWS;
}

DEVICE Job job_at(const Pairs& p, u64 at) {
    Job job;
    if (p.jobs) {
        const u32* words = p.jobs + 4 * at;
        job.from = words[0], job.to = words[1], job.first = words[2], job.last = words[3];
    } else {
        job.from = p.x0 + at * ROWS;
        job.to = job.from + ROWS < p.x1 ? job.from + ROWS : p.x1;
        job.first = 0, job.last = 1;
    }
    return job;
}

// Rows `from..to` of y.
struct Range {
    u64 from, to;
};

DEVICE Range range_at(const Pairs& p, u32 at) {
    Range range;
    range.from = p.jobs ? p.jobs[2 * (u64)at] : p.y0;
    range.to = p.jobs ? p.jobs[2 * (u64)at + 1] : p.y1;
    return range;
}

// The first thread of the grid's stride, and the stride.
DEVICE u64 thread_of_grid() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }
DEVICE u64 threads_of_grid() { return (u64)gridDim.x * blockDim.x; }

// Values of the thread whose number differs in the bit `mask`. All of a warp call it together.
// The shim has a twin that gives all N at one meeting.
#ifndef ENFOLD_SHIM
template <int N> DEVICE void swap_with(f32 (&v)[N], u32 mask) {
#pragma unroll
    for (int i = 0; i < N; i++) v[i] = __shfl_xor_sync(0xffffffffu, v[i], mask);
}
#endif
