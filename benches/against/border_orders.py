"""How much of the best ARI of scikit-learn's DBSCAN hangs on the order of the rows.

A border row between two clusters goes to the one found first there. This repeats the grid of
`enfold-bench sweep` in the order of the file and in shuffled ones, and prints the best of each as
JSON lines: python border_orders.py FILE.data…
"""
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

NEIGHBOR, RADII, LEAST, ORDERS = 5, 12, (3, 5, 10, 20), 10


def radii(x):
    """The grid of `enfold-bench sweep`: between two quantiles of the distance to the 5th row."""
    curve = np.sort(NearestNeighbors(n_neighbors=NEIGHBOR + 1).fit(x).kneighbors(x)[0][:, -1])[::-1]
    apart = int((curve > 0).sum())
    low, high = (curve[round((apart - 1) * (1 - share))] for share in (0.01, 0.99))
    return [low * (high / low) ** (i / (RADII - 1)) for i in range(RADII)]


def best(x, truths, eps):
    scores = []
    for e in eps:
        for least in LEAST:
            found = DBSCAN(eps=e, min_samples=least).fit(x).labels_
            scores += [adjusted_rand_score(t[t > 0], found[t > 0]) for t in truths]
    return max(scores)


for name in map(Path, sys.argv[1:]):
    x = np.loadtxt(name, ndmin=2)
    truths = []
    while (path := name.with_suffix(f".labels{len(truths)}")).exists():
        truths.append(np.loadtxt(path).astype(int))
    eps = radii(x)
    shuffled = []
    for seed in range(ORDERS):
        order = np.random.default_rng(seed).permutation(len(x))
        shuffled.append(best(x[order], [t[order] for t in truths], eps))
    print(json.dumps({"task": "border orders", "set": f"{name.parent.name}/{name.stem}",
                      "as_in_the_file": best(x, truths, eps), "shuffled": shuffled}), flush=True)
