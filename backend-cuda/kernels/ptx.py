#!/usr/bin/env python3
"""Compiles the kernels with NVRTC, found as a PyPI wheel beside this interpreter.

ptx.py write FOLDER            the text that is shipped, one file per module
ptx.py check FOLDER            compares: nothing else may have been committed
ptx.py registers FILE.jsonl    registers and spills of every kernel on every architecture

No CUDA, no GPU and no header is needed.
"""
import ctypes
import glob
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# The text is for the oldest architecture that is supported; drivers make of it what they have.
SHIPPED = "compute_80"
# Those of which the record has figures; the last ones only where a newer wheel is installed, too.
ARCHITECTURES = ["sm_80", "sm_90", "sm_100", "sm_120"]
# Every step of a distance is rounded on its own.
OPTIONS = ["--std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true"]

# Steps that say no rounding may be fused by the driver that compiles the text.
LOOSE = re.compile(r"\b(add|sub|mul|div|sqrt)\.f(32|64)\b|\.approx|\.ftz|\bdiv\.full")


def libraries():
    """The NVRTCs of installed wheels, the oldest first: it writes what is shipped."""
    found = set()
    for folder in sys.path:
        found |= set(glob.glob(os.path.join(folder, "nvidia", "**", "libnvrtc.so.*"), recursive=True))
    if not found:
        sys.exit("no NVRTC: pip install 'nvidia-cuda-nvrtc-cu12==12.1.*'")
    return sorted(found, key=lambda path: int(path.rsplit(".", 1)[1]))


class Compiler:
    def __init__(self, path=None):
        self.nvrtc = ctypes.CDLL(path or libraries()[0])
        major, minor = ctypes.c_int(), ctypes.c_int()
        self.nvrtc.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        self.version = f"{major.value}.{minor.value}"
        headers = sorted(glob.glob(os.path.join(HERE, "*.cuh")))
        self.names = [os.path.basename(header).encode() for header in headers]
        self.texts = [open(header, "rb").read() for header in headers]

    def supported(self):
        count = ctypes.c_int()
        self.nvrtc.nvrtcGetNumSupportedArchs(ctypes.byref(count))
        archs = (ctypes.c_int * count.value)()
        self.nvrtc.nvrtcGetSupportedArchs(archs)
        return {f"sm_{arch}" for arch in archs}

    def compile(self, source, architecture, more=()):
        """The output (PTX or machine code, as the architecture asks) and the log."""
        text, program = open(source, "rb").read(), ctypes.c_void_p()
        strings = lambda items: (ctypes.c_char_p * len(items))(*items)
        self.nvrtc.nvrtcCreateProgram(
            ctypes.byref(program), text, os.path.basename(source).encode(), len(self.names),
            strings(self.texts), strings(self.names))
        options = [f"--gpu-architecture={architecture}", *OPTIONS, *more]
        status = self.nvrtc.nvrtcCompileProgram(
            program, len(options), strings([option.encode() for option in options]))
        log = self.get(program, "ProgramLog").decode(errors="replace").rstrip("\0\n")
        if status != 0:
            sys.exit(f"{source} for {architecture}: {log}")
        kind = "PTX" if architecture.startswith("compute") else "CUBIN"
        output = self.get(program, kind)
        self.nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
        return output, log

    def get(self, program, what):
        size = ctypes.c_size_t()
        getattr(self.nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        getattr(self.nvrtc, f"nvrtcGet{what}")(program, buffer)
        return buffer.raw


def sources():
    return sorted(glob.glob(os.path.join(HERE, "*.cu")))


def module(source):
    return os.path.basename(source).removesuffix(".cu") + ".ptx"


def shipped(compiler, source):
    text, log = compiler.compile(source, SHIPPED)
    if log:
        print(log)
    # Names of temporary files and the like are in comments.
    lines = text.decode().rstrip("\0").splitlines()
    loose = [line.strip() for line in lines if LOOSE.search(line)]
    if loose:
        sys.exit(f"{source}: a driver may fuse or approximate this: {loose[0]}")
    return "\n".join(line for line in lines if not line.startswith("//")).strip() + "\n"


def write(folder):
    compiler = Compiler()
    os.makedirs(folder, exist_ok=True)
    for old in glob.glob(os.path.join(folder, "*.ptx")):
        os.remove(old)
    for source in sources():
        with open(os.path.join(folder, module(source)), "w") as out:
            out.write(shipped(compiler, source))


def check(folder):
    compiler, wrong = Compiler(), []
    wanted = {module(source): source for source in sources()}
    for name in sorted(wanted.keys() | set(os.listdir(folder))):
        path = os.path.join(folder, name)
        if name not in wanted or not os.path.exists(path):
            wrong.append(name)
        elif shipped(compiler, wanted[name]) != open(path).read():
            wrong.append(name)
    if wrong:
        sys.exit(f"not what the sources give: {', '.join(wrong)}; run ./ci.sh ptx-write")
    print(f"NVRTC {compiler.version}: {len(wanted)} modules are what the sources give")


def figures(log):
    """Kernel, registers, spilled bytes, stack and shared memory of each kernel in a log."""
    entry = re.compile(
        r"Function properties for (\w+)\s+(?:ptxas\s*\.\s*)?(\d+) bytes stack frame, (\d+) bytes spill stores, "
        r"(\d+) bytes spill loads\s+ptxas info\s*: Used (\d+) registers([^\n]*)")
    for name, stack, stores, loads, registers, rest in entry.findall(log):
        shared = re.search(r"(\d+) bytes smem", rest)
        yield {
            "kernel": name, "registers": int(registers), "spilled": int(stores) + int(loads),
            "stack": int(stack), "shared": int(shared.group(1)) if shared else 0,
        }


def measured(compiler, source, arch):
    """A line of the record for each kernel of a module."""
    code, log = compiler.compile(source, arch, ["--ptxas-options=-v"])
    found = list(figures(log))
    if not found or not code.startswith(b"\x7fELF"):
        sys.exit(f"{source} for {arch}: no figures in the log:\n{log[:2000]}")
    head = {"nvrtc": compiler.version, "architecture": arch, "module": module(source)}
    return [json.dumps({**head, **figure}) for figure in found]


def registers(path):
    lines, archs = [], []
    for compiler in map(Compiler, libraries()):
        mine = [a for a in ARCHITECTURES if a in compiler.supported() and a not in archs]
        archs += mine
        for arch in mine:
            for source in sources():
                lines += measured(compiler, source, arch)
    with open(path, "w") as out:
        out.write("\n".join(lines) + "\n")
    worst = max((json.loads(line) for line in lines), key=lambda f: f["spilled"])
    print(f"{len(lines)} kernels for {', '.join(archs)}; "
          f"most spilled: {worst['kernel']} {worst['spilled']} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("write", "check", "registers"):
        sys.exit(__doc__)
    {"write": write, "check": check, "registers": registers}[sys.argv[1]](sys.argv[2])
