"""The fuzzy graph of umap-learn for exact neighbours, and its curves: fuzzy.py ROWS.json UMAP.json

Lists have 15 entries, the row itself first. umap-learn computes in f32; its neighbours here come
from all pairs by direct differences in f64, of rows as far the lower number first.
"""
import json, sys, warnings
import numpy as np
from scipy.spatial.distance import cdist
warnings.filterwarnings("ignore")
from umap.umap_ import find_ab_params, fuzzy_simplicial_set

K = 15
CURVES = [(0.0, 1.0), (0.001, 1.0), (0.1, 1.0), (0.25, 2.0), (0.5, 1.0), (0.8, 1.5), (0.99, 1.0)]
source, target = sys.argv[1:]
with open(source) as file:
    rows = json.load(file)
x = np.array(rows["rows"], np.float64).reshape(-1, rows["dim"])
gap = cdist(x, x)
np.fill_diagonal(gap, -1)
index = gap.argsort(axis=1, kind="stable")[:, :K]
np.fill_diagonal(gap, 0)
dist = np.take_along_axis(gap, index, axis=1).astype(np.float32)
graph, sigma, rho, *_ = fuzzy_simplicial_set(
    x, K, 0, "euclidean", knn_indices=index, knn_dists=dist, return_dists=False)
graph = graph.tocsr()
graph.sort_indices()
short = lambda v: [float(f"{f:.8g}") for f in np.asarray(v, np.float64)]
out = {"rows": "scores/" + source.split("/")[-1], "sigma": short(sigma), "rho": short(rho),
       "offsets": graph.indptr.tolist(), "targets": graph.indices.tolist(),
       "weights": short(graph.data),
       "curves": [[d, s, *map(float, find_ab_params(s, d))] for d, s in CURVES]}
with open(target, "w") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
