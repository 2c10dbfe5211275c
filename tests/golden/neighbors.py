"""The 15 nearest rows of every row, by definition: neighbors.py ROWS.json NEIGHBORS.json

All pairs by direct differences in f64, and a stable sort: of rows as far, the lower number first.
"""
import json, sys
import numpy as np
from scipy.spatial.distance import cdist

K = 15
source, target = sys.argv[1:]
with open(source) as file:
    rows = json.load(file)
x = np.array(rows["rows"], np.float64).reshape(-1, rows["dim"])
gap = cdist(x, x)
np.fill_diagonal(gap, np.inf)
index = gap.argsort(axis=1, kind="stable")[:, :K]
dist = np.take_along_axis(gap, index, axis=1)
out = {"rows": "scores/" + source.split("/")[-1], "index": index.tolist(),
       "dist": [[float(f"{d:.13g}") for d in row] for row in dist]}
with open(target, "w") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
