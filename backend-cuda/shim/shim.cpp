// Runs blocks of kernels on the CPU. The threads of a block are fibres: each runs until it meets a
// barrier, and the last to come lets all go on. Blocks run one after another, launches too.
#include "cuda_host.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "the switch between fibres is written for x86-64 and AArch64"
#endif

extern "C" void shim_switch(void** from, void* to);
extern "C" void shim_begin();

// Saves what a call must keep, swaps stacks, and returns on the other.
#if defined(__x86_64__)
asm(R"(
    .text
    .globl shim_switch
    .type shim_switch, @function
shim_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size shim_switch, .-shim_switch
)");
static const size_t SAVED = 6, RETURN = 6;
#else
asm(R"(
    .text
    .globl shim_switch
    .type shim_switch, %function
shim_switch:
    sub sp, sp, #160
    stp x19, x20, [sp]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
    .size shim_switch, .-shim_switch
)");
static const size_t SAVED = 20, RETURN = 11;
#endif

namespace {

const unsigned WARP = 32, MOST_THREADS = 1024, SLOT = 64;
const size_t STACK = 64 << 10;

struct Kernel {
    unsigned block;
    const void* kernel;
    ShimCall call;
};

std::map<std::string, Kernel>& kernels() {
    static std::map<std::string, Kernel> all;
    return all;
}

// Where some fibres wait for each other.
struct Meeting {
    unsigned expected = 0, arrived = 0, turn = 0;

    void let_go() {
        if (expected > 0 && arrived == expected) {
            arrived = 0;
            turn++;
        }
    }
    void leave() {
        expected--;
        let_go();
    }
};

struct Fibre {
    void* stack = nullptr; // where it stopped
    char* memory = nullptr;
    Place place;
    bool done = true;
    uint32_t slot[SLOT];
};

// The one block that runs.
struct Machine {
    std::vector<Fibre> fibres{MOST_THREADS};
    Meeting block, warp[MOST_THREADS / WARP];
    unsigned threads = 0, current = 0, left = 0;
    void* home = nullptr;
    const Kernel* kernel = nullptr;
    void** args = nullptr;
    std::vector<uint64_t> dynamic;

    ~Machine() {
        for (Fibre& fibre : fibres) std::free(fibre.memory);
    }
    void go(unsigned to, void** from) {
        current = to;
        shim_place = &fibres[to].place;
        shim_switch(from, fibres[to].stack);
    }
    // The next of `span` fibres from `first` on that is not done.
    unsigned next(unsigned first, unsigned span) {
        unsigned at = current;
        do at = at + 1 < first + span ? at + 1 : first;
        while (fibres[at].done && at != current);
        return at;
    }
    void wait(Meeting& meeting, unsigned first, unsigned span) {
        unsigned turn = meeting.turn;
        meeting.arrived++;
        meeting.let_go();
        while (meeting.turn == turn) {
            unsigned other = next(first, span);
            // Nobody of the warp is left to run: the others of the block must come first.
            if (other == current) other = next(0, threads);
            if (other == current) std::abort();
            go(other, &fibres[current].stack);
        }
    }
    void finish() {
        Fibre& own = fibres[current];
        own.done = true;
        block.leave();
        warp[current / WARP].leave();
        void* nowhere;
        if (--left == 0) shim_switch(&own.stack, home);
        go(next(0, threads), &nowhere);
    }
    void prepare(unsigned thread) {
        Fibre& fibre = fibres[thread];
        if (!fibre.memory) fibre.memory = (char*)std::aligned_alloc(64, STACK);
        // Of a called function the stack is 8 off a multiple of 16.
        void** top = (void**)(fibre.memory + STACK) - 8;
        top[-1] = nullptr;
        fibre.stack = top - 2 - SAVED;
        void** saved = (void**)fibre.stack;
        for (size_t at = 0; at < SAVED; at++) saved[at] = nullptr;
        saved[RETURN] = (void*)shim_begin;
        fibre.done = false;
        warp[thread / WARP].expected++;
    }
    void run(Dim at, Dim grid, Dim size) {
        threads = left = size.x;
        block = Meeting();
        for (Meeting& meeting : warp) meeting = Meeting();
        block.expected = threads;
        for (unsigned thread = 0; thread < threads; thread++) {
            prepare(thread);
            fibres[thread].place = Place{Dim{thread, 0, 0}, at, size, grid};
        }
        go(0, &home);
    }
};

Machine m;
std::mutex launching;

} // namespace

Place* shim_place;

extern "C" void shim_begin() {
    m.kernel->call(m.kernel->kernel, m.args);
    m.finish();
}

void shim_meet_block() {
    m.wait(m.block, 0, m.threads);
}

void shim_meet_warp() {
    unsigned first = m.current / WARP * WARP;
    m.wait(m.warp[m.current / WARP], first, m.threads - first < WARP ? m.threads - first : WARP);
}

uint32_t* shim_slot(unsigned mask) {
    return m.fibres[m.current ^ mask].slot;
}

void* shim_dynamic() { return m.dynamic.data(); }

void shim_register(const char* name, unsigned block, const void* kernel, ShimCall call) {
    kernels()[name] = Kernel{block, kernel, call};
}

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED int enfold_shim_launch(const char* name, const unsigned grid[3], const unsigned block[3],
                                unsigned shared_bytes, void** args) {
    auto found = kernels().find(name);
    if (found == kernels().end()) return 1;
    bool flat = block[1] == 1 && block[2] == 1 && grid[1] == 1 && grid[2] == 1;
    if (!flat || block[0] != found->second.block || grid[0] == 0) return 2;
    std::lock_guard<std::mutex> alone(launching);
    m.kernel = &found->second;
    m.args = args;
    for (unsigned at = 0; at < grid[0]; at++) {
        // What a block finds in its memory is anything: here, what breaks a sum.
        m.dynamic.assign((shared_bytes + 7) / 8, ~0ull);
        m.run(Dim{at, 0, 0}, Dim{grid[0], 1, 1}, Dim{block[0], 1, 1});
    }
    return 0;
}

EXPORTED void* enfold_shim_alloc(unsigned long long bytes) {
    return std::calloc(bytes ? bytes : 1, 1);
}
EXPORTED void enfold_shim_free(void* at) { std::free(at); }
EXPORTED void enfold_shim_copy(void* to, const void* from, unsigned long long bytes) {
    std::memmove(to, from, bytes);
}
