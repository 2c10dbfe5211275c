"""A bound for the stack of functions in an image linked for Arm, from its code: what every function
pushes and reserves, and whom it calls. Fails where that cannot be told: recursion, calls through pointers.

    stack.py IMAGE FUNCTION...    one number of bytes per function
"""

import re
import subprocess
import sys

FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
LINE = re.compile(r"^ *([0-9a-f]+):\s+(.+)$")
TARGET = re.compile(r"<([^>+]+)(\+0x[0-9a-f]+)?>")
MARKS = ("$d", "$t", "$x", ".L")


class Code:
    def __init__(self, image):
        dump = ["llvm-objdump", "-d", "--no-show-raw-insn", image]
        text = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
        self.lines, self.words, name = {}, {}, None
        for line in text.splitlines():
            if head := FUNCTION.match(line):
                name = name if head[1].startswith(MARKS) else head[1]
                self.lines.setdefault(name, [])
            elif body := LINE.match(line):
                code = " ".join(body[2].split())
                self.lines[name].append(code)
                if word := re.search(r"\.word (0x[0-9a-f]+)", code):
                    self.words[int(body[1], 16)] = int(word[1], 16)

    def frame(self, name):
        """Bytes that the function takes itself: the sum over all its paths."""
        total, last = 0, {}
        for code in self.lines[name]:
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

    def callees(self, name):
        for code in self.lines[name]:
            op, _, rest = code.partition(" ")
            if op == "blx" and "<" not in rest:
                sys.exit(f"{name} calls through a pointer: {code}")
            target = TARGET.search(rest)
            branches = op[0] in "bc" and target and not target[2]
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
