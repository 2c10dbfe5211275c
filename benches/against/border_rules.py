"""What the best ARI of DBSCAN over the grid of `enfold-bench sweep` owes to the rule for border rows.

scikit-learn gives a border row to the cluster that is found first there; the other rules know
nothing of the order of rows: the cluster of the nearest core row (enfold's), the one with most core
rows within eps, the largest one. JSON lines: python border_rules.py FILE.data…
"""
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

NEIGHBOR, RADII, LEAST = 5, 12, (3, 5, 10, 20)


def radii(x):
    """The grid of `enfold-bench sweep`: between two quantiles of the distance to the 5th row."""
    curve = np.sort(NearestNeighbors(n_neighbors=NEIGHBOR + 1).fit(x).kneighbors(x)[0][:, -1])[::-1]
    apart = int((curve > 0).sum())
    low, high = (curve[round((apart - 1) * (1 - share))] for share in (0.01, 0.99))
    return [low * (high / low) ** (i / (RADII - 1)) for i in range(RADII)]


def by_rules(found, core, dist, index):
    """Labels by each rule; cores and noise are what they are."""
    size = np.bincount(found[core])
    labels = {rule: found.copy() for rule in ("nearest", "most", "largest")}
    for i in np.where(~core & (found >= 0))[0]:
        near = core[index[i]]
        own = found[index[i][near]]
        labels["nearest"][i] = own[np.argmin(dist[i][near])]
        labels["most"][i] = np.bincount(own).argmax()
        labels["largest"][i] = own[np.argmax(size[own])]
    return labels


for name in map(Path, sys.argv[1:]):
    x = np.loadtxt(name, ndmin=2)
    truths = []
    while (path := name.with_suffix(f".labels{len(truths)}")).exists():
        truths.append(np.loadtxt(path).astype(int))
    best = {}
    for eps in radii(x):
        dist, index = NearestNeighbors(radius=eps).fit(x).radius_neighbors(x)
        for least in LEAST:
            fit = DBSCAN(eps=eps, min_samples=least).fit(x)
            core = np.zeros(len(x), bool)
            core[fit.core_sample_indices_] = True
            labels = {"first": fit.labels_}
            if core.any():
                labels |= by_rules(fit.labels_, core, dist, index)
            for rule, found in labels.items():
                score = max(adjusted_rand_score(t[t > 0], found[t > 0]) for t in truths)
                best[rule] = max(best.get(rule, -1.0), score)
    print(json.dumps({"task": "border rules", "set": f"{name.parent.name}/{name.stem}",
                      "best_ari": best}), flush=True)
