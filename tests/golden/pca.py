"""Makes tests/golden/pca/*.json: components and correlations in f64.

usage: pca.py scores/NAME.json K OUT.json

Rows are those of a file of scores. Components are scikit-learn's PCA(K, svd_solver="full");
Pearson's correlations numpy's, Spearman's those of mean ranks by scipy; NaN, which a constant
column gives, is written as 0, and 1 on the diagonal.
"""
import json, sys
import numpy as np
import scipy, scipy.stats
import sklearn
from sklearn.decomposition import PCA

source, k, out = sys.argv[1:]
with open(source) as file:
    scores = json.load(file)
x = np.array(scores["rows"], float).reshape(-1, scores["dim"])
model = PCA(int(k), svd_solver="full").fit(x)


def defined(matrix):
    matrix = np.where(np.isfinite(matrix), matrix, 0.0)
    np.fill_diagonal(matrix, 1.0)
    return np.round(matrix, 12).tolist()


with np.errstate(invalid="ignore", divide="ignore"):
    pearson = defined(np.corrcoef(x.T))
    spearman = defined(np.corrcoef(scipy.stats.rankdata(x, axis=0).T))
json.dump({
    "rows": source, "dim": x.shape[1],
    "means": model.mean_.tolist(),
    "variances": model.explained_variance_.tolist(),
    "ratios": model.explained_variance_ratio_.tolist(),
    "components": np.round(model.components_, 12).tolist(),
    "first": np.round(model.transform(x[:20]), 10).tolist(),
    "pearson": pearson, "spearman": spearman,
    "versions": {"sklearn": sklearn.__version__, "numpy": np.__version__, "scipy": scipy.__version__},
}, open(out, "w"), separators=(",", ":"))
