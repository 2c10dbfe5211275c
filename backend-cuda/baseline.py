"""What a user of torch writes: a matrix product and an argmin, in blocks; JSON lines, as `measure`."""
import json
import time

import torch


def assign(x, y, block):
    squares = (y * y).sum(1)
    labels = [(squares - 2 * (part @ y.T)).argmin(1) for part in x.split(block)]
    return torch.cat(labels)


def main():
    torch.backends.cuda.matmul.allow_tf32 = False
    for n, dim, k in [(8_000_000, 128, 1024), (23_000_000, 400, 500)]:
        x, y = torch.rand(n, dim, device="cuda"), torch.rand(k, dim, device="cuda")
        for tf32 in [False, True]:
            torch.backends.cuda.matmul.allow_tf32 = tf32
            least = float("inf")
            for _ in range(4):
                torch.cuda.synchronize()
                start = time.perf_counter()
                assign(x, y, 1 << 18)
                torch.cuda.synchronize()
                least = min(least, time.perf_counter() - start)
            what = f"torch assign {n}x{dim} to {k}, tf32 {tf32}"
            print(json.dumps({"measure": what, "seconds": least,
                              "tflops": 2 * n * dim * k / least / 1e12}))
        del x, y


main()
