"""scikit-learn and FAISS, answering one measurement per line, so that a run can interleave.

A request is a JSON line {"task": "assign", "path": x.npy, "k": k, "lloyd": bool}; the answer is
one JSON line {peer: milliseconds, ...}, each peer run once. `{"task": "reference", ...}` answers
with the cost per row of the best of `restarts` multi-pass fits.

Threads come from OMP_NUM_THREADS. An inherited OPENBLAS_CORETYPE can halve a peer: set the one
that fits the machine (SkylakeX with AVX-512, Haswell or Zen with AVX2).
"""
import json, os, sys, time
import numpy as np

THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
DATA = {}


def clock():
    return time.process_time() if THREADS == 1 else time.perf_counter()


def timed(work):
    start = clock()
    result = work()
    return (clock() - start) * 1e3, result


def load(path, k):
    if (path, k) not in DATA:
        DATA.clear()
        x = np.load(path)
        DATA[path, k] = (x, x[np.linspace(0, len(x) - 1, k).astype(int)].copy())
    return DATA[path, k]


def assign(request):
    import faiss
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits
    faiss.omp_set_num_threads(THREADS)
    x, c = load(request["path"], request["k"])
    n, d = x.shape
    k = len(c)

    def search():
        index = faiss.IndexFlatL2(d)
        index.add(c)
        return index.search(x, 1)[1]

    model = KMeans(k, init=c, n_init=1, max_iter=1, tol=0).fit(x[: max(k * 10, 5000)])
    model.cluster_centers_ = c
    rows = max(256, min(n, (1 << 18) // k))
    block = np.empty((rows, k), np.float32)
    ct = np.ascontiguousarray(c.T)

    def product():
        for a in range(0, n, rows):
            np.dot(x[a:a + rows], ct, out=block[: min(rows, n - a)])

    with threadpool_limits(THREADS):
        out = {
            "faiss_flat": timed(search)[0],
            "sklearn_predict": timed(lambda: model.predict(x))[0],
            "numpy_gemm_only": timed(product)[0],
        }
        if request.get("lloyd"):
            fit = lambda m: KMeans(k, init=c, n_init=1, max_iter=m, tol=0, algorithm="lloyd").fit(x)
            out["sklearn_lloyd"] = max((timed(lambda: fit(7))[0] - timed(lambda: fit(2))[0]) / 5, 1e-6)
            km = lambda m: faiss.Kmeans(d, k, niter=m, nredo=1, max_points_per_centroid=10**9, seed=1).train(x, init_centroids=c)
            out["faiss_lloyd"] = max((timed(lambda: km(7))[0] - timed(lambda: km(2))[0]) / 5, 1e-6)
    return out


def cost(x, c):
    """Mean squared distance to the nearest centre, in f64."""
    total, norms = 0.0, (c.astype(np.float64) ** 2).sum(1)
    for a in range(0, len(x), 8192):
        rows = x[a:a + 8192].astype(np.float64)
        total += np.maximum((rows * rows).sum(1) + (norms - 2 * rows @ c.T.astype(np.float64)).min(1), 0).sum()
    return total / len(x)


def reference(request):
    from sklearn.cluster import KMeans
    x = np.load(request["path"])
    fit = lambda: KMeans(request["k"], n_init=request.get("restarts", 10), random_state=0).fit(x)
    ms, model = timed(fit)
    return {"cost_per_row": cost(x, model.cluster_centers_), "ms": ms}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"assign": assign, "reference": reference}[request["task"]](request)), flush=True)
