"""What bounds of k-means cells leave of an exact search for the 15 nearest: cell_bounds.py X.npy...

Shares of the pairs that are not excluded, on 400 rows and 2 * sqrt(n) cells: by the ball around a
cell, by the plane between two centres, by the distances of both rows to a centre (sorted cells),
and by whole cells against whole cells, whose rows share one bound.
"""
import json, os, sys
import faiss
import numpy as np

K = 15
faiss.omp_set_num_threads(1)


def between(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.sqrt(np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T, 0))


def nearest(x, y, k):
    index = faiss.IndexFlatL2(x.shape[1])
    index.add(y)
    dist, found = index.search(x, k)
    return np.sqrt(dist), found


for path in sys.argv[1:]:
    x = np.load(path)
    n, d = x.shape
    cells = int(2 * n**0.5)
    rows = np.linspace(0, n - 1, 400).astype(int)
    radius = nearest(x[rows], x, K + 1)[0][:, K]
    kmeans = faiss.Kmeans(d, cells, niter=8, seed=1, max_points_per_centroid=48)
    kmeans.train(x)
    centres = kmeans.centroids
    home, cell = (part[:, 0] for part in nearest(x, centres, 1))
    size, ball = np.bincount(cell, minlength=cells), np.zeros(cells)
    np.maximum.at(ball, cell, home)
    gap, to = between(centres, centres), between(x[rows], centres)
    own = to[np.arange(len(rows)), cell[rows]][:, None]
    plane = (to**2 - own**2) / (2 * np.maximum(gap[cell[rows]], 1e-9))
    by_ball, by_plane = to - ball <= radius[:, None], plane <= radius[:, None]
    share = lambda left: round(float((left * size).sum(1).mean() / n), 4)
    ring = lambda a: np.abs(to[a][cell] - home) <= radius[a]
    rings = [ring(a).mean() for a in range(len(rows))]
    both = [(ring(a) & by_plane[a][cell]).mean() for a in range(len(rows))]
    whole = gap - ball[:, None] - ball <= np.median(radius)
    print(json.dumps({
        "task": "cell_bounds", "set": os.path.basename(path).removesuffix(".npy"), "n": n, "d": d,
        "k": K, "cells": cells, "rows": len(rows), "share_of_pairs_left": {
            "row_and_ball": share(by_ball), "row_and_plane": share(by_plane),
            "row_and_both": share(by_ball & by_plane), "pair_by_distance_to_centre":
            round(float(np.mean(rings)), 4), "pair_by_that_and_plane": round(float(np.mean(both)), 4),
            "cell_and_cell": round(float((whole * size[:, None] * size).sum() / n / n), 4)}}), flush=True)
