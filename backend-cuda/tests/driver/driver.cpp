// A stand-in for the CUDA driver: the functions that enfold-cuda calls, on the CPU.
//
// It is as unhelpful as a driver may be. A stream does nothing until somebody waits for it, and then
// only as much as was waited for: what should have waited for another stream, and did not, finds
// old bytes. Page-locked memory is read when the copy runs, not when it was asked for. New memory is
// full of 0xA5, and so is memory that was given back; every span has guards around it. Memory that
// was given back counts as used until the pool is trimmed. Kernels are those of the shim, with as
// many bytes of each argument as the PTX says.
//
// Devices: 0 is large, 1 has 256 MB; 2 is small and has no memory pool; 3 fails at its fifth launch, for
// good. Built with -DNO_DEVICES there is none, with -DOLD the driver knows CUDA 11.4 only, and with
// -DLACKING it has no cuMemAllocAsync, as drivers before 11.2.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

extern "C" int enfold_shim_launch(const char*, const unsigned[3], const unsigned[3], unsigned,
                                  void**);

namespace {

enum Code {
    FINE = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100,
    INVALID_DEVICE = 101, INVALID_CONTEXT = 201, INVALID_PTX = 218, NOT_FOUND = 500,
    ILLEGAL_ADDRESS = 700, LAUNCH_FAILED = 719,
};

constexpr size_t GUARD = 64;
constexpr unsigned char DIRT = 0xA5, FENCE = 0x5C;
// What a block may have of shared memory unasked, and in all: that of sm_86, which has least.
constexpr unsigned SHARED = 48 << 10, MOST_SHARED = 99 << 10;

struct Stream;

struct Span {
    unsigned char* all;
    size_t bytes;
    bool whole() const {
        for (size_t at = 0; at < GUARD; at++)
            if (all[at] != FENCE || all[GUARD + bytes + at] != FENCE) return false;
        return true;
    }
};

struct Device {
    const char* name;
    size_t memory;
    bool pools;
    int lives; // launches until it fails; negative: for ever
    size_t used = 0, kept = 0;
    Code dead = FINE;
    std::map<uint64_t, Span> spans = {};
};

Device devices[] = {
    {"enfold stand-in", size_t(8) << 30, true, -1},
    {"enfold stand-in, the second", size_t(256) << 20, true, -1},
    {"small stand-in", size_t(64) << 20, false, -1},
    {"mortal stand-in", size_t(1) << 30, true, 4},
};
#ifdef NO_DEVICES
constexpr int COUNT = 0;
#else
constexpr int COUNT = 4;
#endif

struct Event {
    Stream* stream = nullptr;
    uint64_t at = 0;
};

struct Stream {
    Device* device;
    std::deque<std::function<Code()>> queue;
    uint64_t done = 0, asked = 0;

    void push(std::function<Code()> what) {
        asked++;
        queue.push_back(std::move(what));
    }
    void run_to(uint64_t at) {
        while (done < at && !queue.empty()) {
            auto what = std::move(queue.front());
            queue.pop_front();
            done++;
            Code code = device->dead ? FINE : what();
            if (code) device->dead = code;
        }
    }
};

struct Function {
    std::string name;
    std::vector<size_t> sizes;
    // Shared memory that it has, and that launches may add.
    unsigned fixed = 0, shared = 0;
};

struct Module {
    std::string ptx;
    std::map<std::string, Function> functions;
};

bool initialized = false;
std::recursive_mutex everything;
thread_local Device* current = nullptr;
std::vector<Stream*> streams;
std::map<const unsigned char*, size_t> locked;

using Guard = std::lock_guard<std::recursive_mutex>;

Code alive() { return !current ? INVALID_CONTEXT : current->dead; }

// Whether a range lies in one span.
bool inside(Device* device, uint64_t at, size_t bytes) {
    auto next = device->spans.upper_bound(at);
    if (next == device->spans.begin()) return false;
    auto& [start, span] = *--next;
    return at + bytes <= start + span.bytes;
}

bool is_locked(const void* from, size_t bytes) {
    auto at = (const unsigned char*)from;
    auto next = locked.upper_bound(at);
    if (next == locked.begin()) return false;
    --next;
    return at + bytes <= next->first + next->second;
}

Code allocate(uint64_t* to, size_t bytes) {
    if (Code code = alive()) return code;
    Device& d = *current;
    if (bytes == 0) return INVALID_VALUE;
    if (bytes > d.memory || d.used + d.kept + bytes > d.memory) return OUT_OF_MEMORY;
    auto all = (unsigned char*)std::malloc(bytes + 2 * GUARD);
    if (!all) return OUT_OF_MEMORY;
    std::memset(all, FENCE, GUARD);
    std::memset(all + GUARD, DIRT, bytes);
    std::memset(all + GUARD + bytes, FENCE, GUARD);
    d.used += bytes;
    *to = (uint64_t)(all + GUARD);
    d.spans[*to] = {all, bytes};
    return FINE;
}

Code release(Device& d, uint64_t at, bool keep) {
    auto found = d.spans.find(at);
    if (found == d.spans.end()) return INVALID_VALUE;
    Span span = found->second;
    Code code = span.whole() ? FINE : ILLEGAL_ADDRESS;
    d.spans.erase(found);
    d.used -= span.bytes;
    if (keep) d.kept += span.bytes;
    std::memset(span.all, DIRT, span.bytes + 2 * GUARD);
    std::free(span.all);
    return code;
}

// How many bytes each parameter of an entry has.
std::vector<size_t> sizes_of(const std::string& ptx, size_t from) {
    std::vector<size_t> sizes;
    size_t end = ptx.find(')', from);
    for (size_t at = ptx.find(".param", from); at < end; at = ptx.find(".param", at + 1)) {
        std::string line = ptx.substr(at, ptx.find_first_of(",\n)", at) - at);
        size_t bracket = line.find('[');
        if (bracket != std::string::npos) sizes.push_back(std::stoul(line.substr(bracket + 1)));
        else sizes.push_back(line.find("64") < line.find("param_") ? 8 : 4);
    }
    return sizes;
}

// How many bytes of shared memory an entry has without asking.
unsigned fixed_of(const std::string& ptx, size_t from) {
    unsigned bytes = 0;
    size_t end = ptx.find(".entry ", from + 1);
    for (size_t at = ptx.find(".shared .align", from); at < end; at = ptx.find(".shared .align", at + 1))
        bytes += unsigned(std::stoul(ptx.substr(ptx.find('[', at) + 1)));
    return bytes;
}

} // namespace

#define API extern "C" __attribute__((visibility("default"))) int

API cuInit(unsigned) {
    if (COUNT == 0) return NO_DEVICE;
    initialized = true;
    return FINE;
}
#ifdef OLD
API cuDriverGetVersion(int* to) { return *to = 11040, FINE; }
#else
API cuDriverGetVersion(int* to) { return *to = 12010, FINE; }
#endif
API cuGetErrorString(int code, const char** to) {
    static std::map<int, std::string> texts;
    Guard guard(everything);
    auto& text = texts[code];
    text = code == OUT_OF_MEMORY ? "out of memory" : "error of the stand-in " + std::to_string(code);
    *to = text.c_str();
    return FINE;
}
API cuDeviceGetCount(int* to) { return initialized ? (*to = COUNT, FINE) : NOT_INITIALIZED; }
API cuDeviceGet(int* to, int at) {
    return at < 0 || at >= COUNT ? INVALID_DEVICE : (*to = at, FINE);
}
API cuDeviceGetName(char* to, int len, int at) {
    std::strncpy(to, devices[at].name, size_t(len));
    return FINE;
}
API cuDeviceTotalMem_v2(size_t* to, int at) { return *to = devices[at].memory, FINE; }
API cuDeviceGetAttribute(int* to, int what, int at) {
    switch (what) {
    case 16: *to = 2; return FINE;         // multiprocessors
    case 75: *to = 9; return FINE;         // compute capability
    case 76: *to = 0; return FINE;
    case 115: *to = devices[at].pools; return FINE;
    default: return INVALID_VALUE;
    }
}
API cuDevicePrimaryCtxRetain(Device** to, int at) { return *to = &devices[at], FINE; }
API cuDevicePrimaryCtxRelease_v2(int) { return FINE; }
API cuCtxSetCurrent(Device* to) { return current = to, FINE; }

API cuStreamCreate(Stream** to, unsigned) {
    Guard guard(everything);
    if (Code code = alive()) return code;
    streams.push_back(*to = new Stream{current, {}, 0, 0});
    return FINE;
}
// Events may remember a stream for ever, so it stays.
API cuStreamDestroy_v2(Stream*) { return FINE; }
API cuStreamSynchronize(Stream* stream) {
    Guard guard(everything);
    stream->run_to(stream->asked);
    return alive();
}
API cuStreamWaitEvent(Stream* stream, Event* event, unsigned) {
    Guard guard(everything);
    Event then = *event;
    if (then.stream) stream->push([=] { return then.stream->run_to(then.at), FINE; });
    return alive();
}
API cuEventCreate(Event** to, unsigned) { return *to = new Event, alive(); }
API cuEventDestroy_v2(Event* event) { return delete event, FINE; }
API cuEventRecord(Event* event, Stream* stream) {
    Guard guard(everything);
    *event = {stream, stream->asked};
    return alive();
}
API cuEventSynchronize(Event* event) {
    Guard guard(everything);
    if (event->stream) event->stream->run_to(event->at);
    return alive();
}

API cuMemAlloc_v2(uint64_t* to, size_t bytes) {
    Guard guard(everything);
    return allocate(to, bytes);
}
API cuMemFree_v2(uint64_t at) {
    Guard guard(everything);
    // As the real one: nothing may be under way.
    for (Stream* stream : streams)
        if (stream->device == current) stream->run_to(stream->asked);
    if (Code code = alive()) return code;
    return release(*current, at, false);
}
#ifndef LACKING
API cuMemAllocAsync(uint64_t* to, size_t bytes, Stream*) {
    Guard guard(everything);
    return current && !current->pools ? INVALID_VALUE : allocate(to, bytes);
}
#endif
API cuMemFreeAsync(uint64_t at, Stream* stream) {
    Guard guard(everything);
    Device* d = stream->device;
    stream->push([=] { return release(*d, at, true); });
    return alive();
}
API cuDeviceGetDefaultMemPool(void** to, int at) { return *to = &devices[at], FINE; }
API cuMemPoolSetAttribute(void*, int, void*) { return FINE; }
API cuMemPoolTrimTo(Device* device, size_t keep) {
    Guard guard(everything);
    device->kept = device->kept < keep ? device->kept : keep;
    return FINE;
}
API cuMemHostAlloc(void** to, size_t bytes, unsigned) {
    Guard guard(everything);
    *to = std::malloc(bytes);
    locked[(unsigned char*)*to] = bytes;
    return alive();
}
API cuMemFreeHost(void* at) {
    Guard guard(everything);
    locked.erase((unsigned char*)at);
    std::free(at);
    return FINE;
}

API cuMemsetD8Async(uint64_t at, unsigned char value, size_t bytes, Stream* stream) {
    Guard guard(everything);
    Device* d = stream->device;
    if (!inside(d, at, bytes)) return INVALID_VALUE;
    stream->push([=] { return std::memset((void*)at, value, bytes), FINE; });
    return alive();
}
API cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, Stream* stream) {
    Guard guard(everything);
    Device* d = stream->device;
    if (!inside(d, to, bytes)) return INVALID_VALUE;
    if (is_locked(from, bytes)) {
        stream->push([=] { return std::memcpy((void*)to, from, bytes), FINE; });
        return alive();
    }
    std::string copy((const char*)from, bytes);
    stream->push([=] { return std::memcpy((void*)to, copy.data(), bytes), FINE; });
    return alive();
}
API cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, Stream* stream) {
    Guard guard(everything);
    if (!inside(stream->device, from, bytes)) return INVALID_VALUE;
    stream->run_to(stream->asked);
    if (!stream->device->dead) std::memcpy(to, (const void*)from, bytes);
    return alive();
}
API cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, Stream* stream) {
    Guard guard(everything);
    Device* d = stream->device;
    if (!inside(d, to, bytes) || !inside(d, from, bytes)) return INVALID_VALUE;
    stream->push([=] { return std::memcpy((void*)to, (void*)from, bytes), FINE; });
    return alive();
}

API cuModuleLoadData(Module** to, const char* image) {
    std::string ptx = image;
    if (ptx.find(".version") == std::string::npos) return INVALID_PTX;
    *to = new Module{ptx, {}};
    return alive();
}
API cuModuleUnload(Module* module) { return delete module, FINE; }
API cuModuleGetFunction(Function** to, Module* module, const char* name) {
    Guard guard(everything);
    size_t at = module->ptx.find(".entry " + std::string(name) + "(");
    if (at == std::string::npos) return NOT_FOUND;
    auto& function = module->functions[name];
    function.name = name;
    function.sizes = sizes_of(module->ptx, at);
    function.fixed = fixed_of(module->ptx, at);
    function.shared = function.fixed < SHARED ? SHARED - function.fixed : 0;
    *to = &function;
    return FINE;
}
API cuFuncSetAttribute(Function* function, int what, int value) {
    if (what != 8) return INVALID_VALUE; // most dynamic shared memory
    if (function->fixed + unsigned(value) > MOST_SHARED) return INVALID_VALUE;
    function->shared = unsigned(value);
    return FINE;
}
API cuLaunchKernel(Function* f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, Stream* stream, void** params, void**) {
    Guard guard(everything);
    if (shared > f->shared || gx == 0 || gx > 0x7fffffffu || gy > 65535) return INVALID_VALUE;
    std::vector<std::string> args;
    for (size_t at = 0; at < f->sizes.size(); at++)
        args.emplace_back((const char*)params[at], f->sizes[at]);
    Device* d = stream->device;
    std::string name = f->name;
    stream->push([=] {
        if (d->lives == 0) return LAUNCH_FAILED;
        if (d->lives > 0) d->lives--;
        std::vector<void*> at;
        for (auto& arg : args) at.push_back((void*)arg.data());
        unsigned grid[3] = {gx, gy, gz}, block[3] = {bx, by, bz};
        return enfold_shim_launch(name.c_str(), grid, block, shared, at.data()) ? LAUNCH_FAILED
                                                                                : FINE;
    });
    return alive();
}
