"""Peers in Python, answering one measurement per line, so that a run can interleave: started by
enfold-bench (`--python`), and not meant to be called by hand.

A request is a JSON line on standard input, the answer one on standard output; what goes wrong is
answered as {"error": text}. `path` is an .npy file of f32. "task" says which:

    versions      packages                                   their versions, null where not installed
    assign        path, k, lloyd                             milliseconds of each peer
    kmeans        path, k, steps, way                        ms, cost_per_row: Lloyd steps from given centres
    seeding       path, k, seed                              ms, cost_per_row: k-means++
    one_pass      path, k, batch, seed                       ms, cost_per_row: MiniBatchKMeans
    knn           path, k, ways, queries                     seconds of each way
    dbscan        path, eps, need, way                       ms, clusters, noise
    dbscan_check  path, eps, need, labels, ways              what is wrong by the definition in f64
    sweep         path (text), labels, eps, min_samples      ari, clusters, noise over the grid
    silhouette    path, labels (u32, little-endian)          ms, score
    umap          path, rows, components, seed, embedding    total; with an embedding, quality of both
    pca           path, components, way (svd_solver)         ms, variances
    reference     path, k, restarts                          ms, cost_per_row of the best multi-pass fit

Threads come from OMP_NUM_THREADS; enfold-bench sets it, and the OPENBLAS_CORETYPE that fits. One
thread is timed by processor time, more by wall time.
"""
import json, os, sys, time
import numpy as np

THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
DATA = {}
# What has been compiled by a first run, and the seconds of the last fit's stages.
WARM, STAGES = set(), {}


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


def knn(request):
    """Seconds for the k nearest of every row without the row itself (asked for as k + 1).

    Ways over all pairs answer the first `queries` rows, and their time is scaled to all rows.
    """
    x = np.load(request["path"]) if request["path"] not in DATA else DATA[request["path"]]
    DATA[request["path"]] = x
    n, d = x.shape
    k, ways = request["k"] + 1, request["ways"]
    few = x[: request["queries"]]
    out = {}

    def add(name, work, rows):
        out[name] = timed(work)[0] * 1e-3 * n / rows

    if "faiss" in ways:
        import faiss
        faiss.omp_set_num_threads(THREADS)

        def flat():
            index = faiss.IndexFlatL2(d)
            index.add(x)
            index.search(few, k)

        add("faiss_flat", flat, len(few))
    if "sklearn" in ways:
        from sklearn.neighbors import NearestNeighbors
        tree = lambda: NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(x).kneighbors(x)
        add("sklearn_kd_tree", tree, n)
    if "sklearn_auto" in ways:
        from sklearn.neighbors import NearestNeighbors
        add("sklearn_auto", lambda: NearestNeighbors(n_neighbors=k).fit(x).kneighbors(x), n)
    if "onedal" in ways:
        from sklearnex.neighbors import NearestNeighbors
        asked = x if d <= 3 else few
        model = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(x)
        built = timed(lambda: NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(x))[0] * 1e-3
        add("onedal_kd_tree", lambda: model.kneighbors(asked), len(asked))
        out["onedal_kd_tree"] += built
        if d > 3:
            model = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x)
            add("onedal_brute", lambda: model.kneighbors(asked), len(asked))
    if "pynndescent" in ways:
        import pynndescent
        build = lambda: pynndescent.NNDescent(x, n_neighbors=k, random_state=1, n_jobs=THREADS)
        if "pynndescent" not in WARM:
            build()
            WARM.add("pynndescent")
        seconds, graph = timed(build)
        out["pynndescent"] = seconds * 1e-3
        out["pynndescent_recall"] = recall(x, graph.neighbor_graph[0], k)
    return out


def recall(x, found, k):
    """Share of the true neighbours that are there, on 500 rows, by f64."""
    rows, hit = np.linspace(0, len(x) - 1, 500).astype(int), 0
    wide = x.astype(np.float64)
    norms = (wide * wide).sum(1)
    for i in rows:
        gap = norms - 2 * (wide @ wide[i])
        gap[i] = np.inf
        true = set(np.argpartition(gap, k - 1)[: k - 1])
        hit += len(true & set(found[i]))
    return hit / (len(rows) * (k - 1))


def dbscan_of(way, x, eps, need):
    """Labels (-1 for noise) and the mask of core rows."""
    if way == "grid":  # Wang, Gu, Shun 2020, in f64
        os.environ["PARLAY_NUM_THREADS"] = str(THREADS)
        import dbscan
        rows = x.astype(np.float64)
        ms, (labels, core) = timed(lambda: dbscan.DBSCAN(rows, eps=eps, min_samples=need))
        return ms, np.asarray(labels), np.asarray(core).astype(bool)
    from sklearn.cluster import DBSCAN
    ms, model = timed(lambda: DBSCAN(eps=eps, min_samples=need, algorithm=way, n_jobs=1).fit(x))
    core = np.zeros(len(x), bool)
    core[model.core_sample_indices_] = True
    return ms, model.labels_, core


def dbscan(request):
    x = np.load(request["path"])
    ms, labels, _ = dbscan_of(request["way"], x, request["eps"], request["need"])
    return {"ms": ms, "clusters": int(labels.max()) + 1, "noise": int((labels < 0).sum())}


def dbscan_check(request):
    """Against the definition: all pairs by direct differences in f64, a row counts itself."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree
    from sklearn.metrics import adjusted_rand_score
    x, eps, need = np.load(request["path"]), request["eps"], request["need"]
    n, rows = len(x), x.astype(np.float64)
    tree = cKDTree(rows)
    core = tree.query_ball_point(rows, eps, return_length=True) >= need
    at = np.flatnonzero(core)
    pairs = cKDTree(rows[core]).query_pairs(eps, output_type="ndarray")
    ones = np.ones(len(pairs), np.int8)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(at), len(at)))
    clusters, of_core = connected_components(graph, directed=False)
    near, who = cKDTree(rows[core]).query(rows, distance_upper_bound=np.nextafter(eps, 9e9))
    noise = ~np.isfinite(near)
    label = np.where(noise, -1, of_core[np.minimum(who, len(at) - 1)])
    out = {"core": int(core.sum()), "noise": int(noise.sum()), "clusters": int(clusters)}

    def judge(labels, is_core):
        return {"core_wrong": int((is_core != core).sum()),
                "noise_wrong": int(((labels < 0) != noise).sum()),
                "clusters": int(labels.max()) + 1,
                "ari_core": adjusted_rand_score(of_core, labels[core]),
                "ari_all": adjusted_rand_score(label, labels)}

    words = np.fromfile(request["labels"], np.uint32)
    mask = np.zeros(n, bool)
    mask[words[n:]] = True
    out["enfold"] = judge(words[:n].view(np.int32), mask)
    for way in request["ways"]:
        out[way] = judge(*dbscan_of(way, x, eps, need)[1:])
    return out


def sweep(request):
    """A grid of DBSCAN: clusters, noise and the adjusted Rand index with the labelling that fits
    best, without the rows that it puts nowhere (0)."""
    from sklearn.cluster import DBSCAN
    from sklearn.metrics import adjusted_rand_score
    x = np.loadtxt(request["path"], ndmin=2)
    truths = [np.loadtxt(path).astype(int) for path in request["labels"]]
    out = {"ari": [], "clusters": [], "noise": []}
    for eps in request["eps"]:
        for need in request["min_samples"]:
            found = DBSCAN(eps=eps, min_samples=need).fit(x).labels_
            ari = [adjusted_rand_score(t[t > 0], found[t > 0]) for t in truths]
            out["ari"].append(float(max(ari)))
            out["clusters"].append(int(found.max()) + 1)
            out["noise"].append(int((found < 0).sum()))
    return out


def silhouette(request):
    from sklearn.metrics import silhouette_score
    from threadpoolctl import threadpool_limits
    x, labels = np.load(request["path"]), np.fromfile(request["labels"], np.uint32)
    with threadpool_limits(THREADS):
        ms, score = timed(lambda: silhouette_score(x, labels))
    return {"ms": ms, "score": float(score)}


def judged(x, y, labels, k=15):
    """Of 2000 rows against all: trustworthiness, shared neighbours, silhouette of the labels; and
    how many points of all lie further from the median than ten median distances."""
    from sklearn.metrics import silhouette_score
    n = len(x)
    rows = np.linspace(0, n - 1, min(n, 2000)).astype(int)
    gaps = lambda a, b: np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T, 0)
    excess = shared = 0.0
    y = y.astype(np.float64)
    for a in range(0, len(rows), 200):
        i = rows[a:a + 200]
        dx, dy = gaps(x[i], x), gaps(y[i], y)
        dx[np.arange(len(i)), i] = dy[np.arange(len(i)), i] = -1
        near = lambda d: np.argpartition(d, k + 1, 1)[:, :k + 1]
        nx, ny = near(dx), near(dy)
        for r in range(len(i)):
            mine = [j for j in ny[r] if j != i[r]][:k]
            shared += len((set(nx[r]) - {i[r]}) & set(mine)) / k
            rank = np.searchsorted(np.sort(dx[r]), dx[r][mine], side="left")
            excess += np.maximum(rank - k, 0).sum()
    far = np.sqrt(((y - np.median(y, 0)) ** 2).sum(1))
    out = {"trustworthiness": 1 - 2.0 / (len(rows) * k * (2.0 * n - 3 * k - 1)) * excess,
           "preservation": shared / len(rows), "far_points": int((far > 10 * np.median(far)).sum())}
    if labels is not None:
        out["silhouette"] = float(silhouette_score(y[rows], labels[rows]))
    return out


def umap_fit(request):
    """Seconds of a seeded fit and of its stages, after a first fit has compiled everything; its
    quality, and that of another embedding."""
    import umap, umap.umap_ as stages_of
    x = np.ascontiguousarray(np.load(request["path"])[: request["rows"]])
    path = request["path"].replace(".npy", ".lab.npy")
    labels = np.load(path)[: request["rows"]] if os.path.exists(path) else None
    key = ("umap", request["path"], len(x), request["components"], request["seed"])
    if "umap" not in WARM:
        WARM.add("umap")
        for name in ["nearest_neighbors", "fuzzy_simplicial_set", "spectral_layout", "optimize_layout_euclidean"]:
            work = getattr(stages_of, name)

            def wrapped(*a, work=work, name=name, **b):
                ms, out = timed(lambda: work(*a, **b))
                STAGES[name] = ms * 1e-3
                return out
            setattr(stages_of, name, wrapped)
        umap.UMAP(random_state=1, n_jobs=1).fit(x[:4500])
    model = umap.UMAP(n_components=request["components"], random_state=request["seed"], n_jobs=1)
    ms, y = timed(lambda: model.fit_transform(x))
    theirs = {"total": ms * 1e-3, "stages": dict(STAGES)}
    if "embedding" not in request:
        return {"total": ms * 1e-3}
    if key not in DATA:
        DATA[key] = judged(x, y, labels)
    theirs["quality"] = DATA[key]
    return {"theirs": theirs, "total": ms * 1e-3,
            "quality": judged(x, np.load(request["embedding"]), labels)}


def pca(request):
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits
    if request["path"] not in DATA:
        DATA.clear()
        DATA[request["path"]] = np.load(request["path"])
    x, model = DATA[request["path"]], PCA(request["components"], svd_solver=request["way"], random_state=0)
    with threadpool_limits(THREADS):
        ms, model = timed(lambda: model.fit(x))
    return {"ms": ms, "variances": model.explained_variance_.astype(float).tolist()}


def start(request):
    """The rows, and every (n div k)-th of them, k in all."""
    if DATA.get("path") != request["path"]:
        DATA["path"], DATA["rows"] = request["path"], np.load(request["path"])
    x, k = DATA["rows"], request["k"]
    return x, x[np.arange(k) * (len(x) // k)].copy()


def kmeans(request):
    """So many Lloyd steps from given centres."""
    from threadpoolctl import threadpool_limits
    (x, c), steps = start(request), request["steps"]
    k, d = c.shape
    with threadpool_limits(THREADS):
        if request["way"] == "faiss":
            import faiss
            faiss.omp_set_num_threads(THREADS)
            model = faiss.Kmeans(d, k, niter=steps, max_points_per_centroid=10**9, seed=1)
            ms, _ = timed(lambda: model.train(x, init_centroids=c))
            return {"ms": ms, "cost_per_row": cost(x, model.centroids)}
        from sklearn.cluster import KMeans
        model = KMeans(k, init=c, n_init=1, max_iter=steps, tol=0, algorithm="lloyd")
        ms, _ = timed(lambda: model.fit(x))
        return {"ms": ms, "cost_per_row": cost(x, model.cluster_centers_)}


def seeding(request):
    from sklearn.cluster import kmeans_plusplus
    from threadpoolctl import threadpool_limits
    x, _ = start(request)
    with threadpool_limits(THREADS):
        ms, (c, _) = timed(lambda: kmeans_plusplus(x, request["k"], random_state=request["seed"]))
    return {"ms": ms, "cost_per_row": cost(x, c)}


def one_pass(request):
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits
    x, _ = start(request)
    size = max(request["batch"], request["k"])
    model = MiniBatchKMeans(request["k"], random_state=request["seed"], n_init=1)

    def push():
        for a in range(0, len(x), size):
            model.partial_fit(x[a:a + size])

    with threadpool_limits(THREADS):
        ms, _ = timed(push)
    return {"ms": ms, "cost_per_row": cost(x, model.cluster_centers_)}


def versions(request):
    from importlib.metadata import PackageNotFoundError, version
    out = {}
    for name in request["packages"]:
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            out[name] = None
    return out


TASKS = {"assign": assign, "reference": reference, "knn": knn, "silhouette": silhouette,
         "dbscan": dbscan, "dbscan_check": dbscan_check, "sweep": sweep, "umap": umap_fit, "pca": pca,
         "kmeans": kmeans, "seeding": seeding, "one_pass": one_pass, "versions": versions}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = TASKS[request["task"]](request)
    except Exception as e:
        answer = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(answer), flush=True)
