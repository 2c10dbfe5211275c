"""A bound for the stack of functions in an image linked for Arm or RISC-V, from its code: what every
function pushes and reserves, and whom it calls. Fails where that cannot be told: recursion, calls
through pointers.

    stack.py IMAGE FUNCTION...    one number of bytes per function
"""

import re
import subprocess
import sys

FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
LINE = re.compile(r"^ *([0-9a-f]+):\s+(.+)$")
TARGET = re.compile(r"<([^>+]+)(\+0x[0-9a-f]+)?>")
MARKS = ("$d", "$t", "$x", ".L")
# RISC-V: a call further than a jump reaches, in two instructions; and a pointer that is moved otherwise.
PAGE = re.compile(r"auipc (\w+), (\d+)$")
FAR = re.compile(r"(?:jalr|jr) (-?\d+)\((\w+)\)$")
MOVES_SP = re.compile(r"(add|sub|mv|and|or|li|lw)\w* sp, ")
ARM = 40


class Code:
    def __init__(self, image):
        with open(image, "rb") as file:
            self.is_arm = int.from_bytes(file.read(20)[18:], "little") == ARM
        # Has the instructions of all Cortex-M here.
        machine = ["--mcpu=cortex-m33"] if self.is_arm else []
        dump = ["llvm-objdump", "-d", "--no-show-raw-insn", *machine, image]
        text = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
        self.lines, self.words, self.starts, name = {}, {}, {}, None
        for line in text.splitlines():
            if head := FUNCTION.match(line):
                if not head[1].startswith(MARKS):
                    name = head[1]
                    self.starts[int(line.split()[0], 16)] = name
                self.lines.setdefault(name, [])
            elif body := LINE.match(line):
                code = " ".join(body[2].split())
                self.lines[name].append((int(body[1], 16), code))
                if word := re.search(r"\.word (0x[0-9a-f]+)", code):
                    self.words[int(body[1], 16)] = int(word[1], 16)

    def frame(self, name):
        """Bytes that the function takes itself: the sum over all its paths."""
        return self.arm_frame(name) if self.is_arm else self.riscv_frame(name)

    def arm_frame(self, name):
        total, last = 0, {}
        for _, code in self.lines[name]:
            op, _, rest = code.partition(" ")
            if op.startswith("push"):
                total += 4 * registers(rest)
            elif op.startswith("vpush"):
                total += (8 if "d" in rest else 4) * registers(rest)
            elif written := re.search(r"\[sp, #-(\d+)\]!", rest):
                total += int(written[1])
            elif op.startswith("sub") and rest.startswith("sp"):
                total += int(re.search(r"#(0x[0-9a-f]+|\d+)", rest)[1], 0)
            elif load := re.match(r"(r\d+), \[pc, .*@ (0x[0-9a-f]+)", rest):
                last[load[1]] = self.words.get(int(load[2], 16), 0)
            elif op == "add" and (by := re.match(r"sp, (r\d+)$", rest)):
                total += -last[by[1]] % 2**32 if last[by[1]] >= 2**31 else 0
            elif re.match(r"(sub|add)\S* sp, r\d+$", code):
                sys.exit(f"{name} reserves what its code does not tell: {code}")
        return total

    def riscv_frame(self, name):
        total = 0
        for _, code in self.lines[name]:
            if by := re.match(r"addi sp, sp, (-?\d+)$", code):
                total += max(0, -int(by[1]))
            elif MOVES_SP.match(code):
                sys.exit(f"{name} reserves what its code does not tell: {code}")
        return total

    def callees(self, name):
        pages = {}
        for at, code in self.lines[name]:
            op, _, rest = code.partition(" ")
            if page := PAGE.match(code):
                pages[page[1]] = at + (int(page[2]) << 12)
            elif far := FAR.match(code):
                start = (pages.get(far[2], 0) + int(far[1])) % 2**32
                if start not in self.starts:
                    sys.exit(f"{name} calls through a pointer: {code}")
                yield self.starts[start]
            elif op in ("blx", "jalr", "jr") and "<" not in rest:
                sys.exit(f"{name} calls through a pointer: {code}")
            target = TARGET.search(rest)
            branches = op[0] in "bcj" and target and not target[2]
            if branches and target[1] in self.lines and target[1] != name:
                yield target[1]

    def bound(self, name, above=()):
        if name in above:
            sys.exit(f"{name} calls itself")
        below = [self.bound(callee, (*above, name)) for callee in set(self.callees(name))]
        return self.frame(name) + max(below, default=0)


def registers(text):
    """How many a list such as {r4, r5-r7, lr} names."""
    count = 0
    for part in re.search(r"\{(.*)\}", text)[1].split(","):
        ends = [int(end) for end in re.findall(r"\d+", part)]
        count += ends[-1] - ends[0] + 1 if "-" in part else 1
    return count


code = Code(sys.argv[1])
print(*(code.bound(name) for name in sys.argv[2:]))
