"""Makes tests/golden/scores/*.json: scores by scikit-learn in f64.

usage: scores.py NAME K FILE.csv SKIP_COLUMNS COLUMNS ROWS OUT.json

Rows are the first ROWS of the file, rounded to f32 and then scored in f64, so that f32 and f64
have the same input. Labels are those of KMeans started from the first K distinct rows; `others`
those of a second fit with K + 2 clusters. The embedding is the first two principal components,
rounded to f32. Trustworthiness is computed by its definition with a stable sort: of rows at the
same distance those with lower numbers come first; scikit-learn breaks ties as its sort happens to.
"""
import json, sys
import numpy as np
import sklearn
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

name, k, path, skip, columns, rows, out = sys.argv[1:]
k, skip, columns, rows = int(k), int(skip), int(columns), int(rows)
x = np.loadtxt(path, delimiter=",", skiprows=1)[:rows, skip:skip + columns]
x = x.astype(np.float32).astype(np.float64)
first = np.sort(np.unique(x, axis=0, return_index=True)[1])[:k]
labels = KMeans(k, init=x[first], n_init=1, max_iter=300, tol=0).fit(x).labels_
others = KMeans(k + 2, n_init=3, random_state=0).fit(x).labels_
embedded = PCA(2, svd_solver="full").fit_transform(x).astype(np.float32).astype(np.float64)


def ranked(z):
    d = ((z[:, None] - z[None]) ** 2).sum(-1)
    np.fill_diagonal(d, np.inf)
    return np.argsort(d, 1, kind="stable")


def trust(neighbours):
    """By the definition, ties to the lower row."""
    n, near, here = len(x), ranked(x), ranked(embedded)[:, :neighbours]
    rank = np.empty((n, n), int)
    np.put_along_axis(rank, near, np.arange(1, n + 1)[None], 1)
    far = np.maximum(np.take_along_axis(rank, here, 1) - neighbours, 0).sum()
    score = 1 - 2 * far / (n * neighbours * (2 * n - 3 * neighbours - 1))
    print(name, neighbours, score, trustworthiness(x, embedded, n_neighbors=neighbours))
    return score


centers = np.array([x[labels == c].mean(0) for c in range(k)])
NAMES = {"SqEuclidean": "sqeuclidean", "Euclidean": "euclidean", "Cosine": "cosine",
         "Manhattan": "manhattan", "Chebyshev": "chebyshev"}
golden = {
    "made": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}",
    "dim": columns, "k": k,
    "rows": x.ravel().tolist(), "embedded": embedded.ravel().tolist(),
    "labels": labels.tolist(), "others": others.tolist(),
    "silhouette": {ours: metrics.silhouette_score(x, labels, metric=m) for ours, m in NAMES.items()},
    "per_row": metrics.silhouette_samples(x, labels).tolist(),
    "calinski_harabasz": metrics.calinski_harabasz_score(x, labels),
    "davies_bouldin": metrics.davies_bouldin_score(x, labels),
    "inertia": float(((x[:, None] - centers[None]) ** 2).sum(-1).min(1).sum()),
    "centers": centers.ravel().tolist(),
    "trustworthiness": {str(n): trust(n) for n in (5, 12)},
    "adjusted_rand": metrics.adjusted_rand_score(labels, others),
    "normalized_mutual_information": metrics.normalized_mutual_info_score(labels, others),
    "adjusted_mutual_information": metrics.adjusted_mutual_info_score(labels, others),
    "homogeneity": metrics.homogeneity_score(labels, others),
    "completeness": metrics.completeness_score(labels, others),
    "v_measure": metrics.v_measure_score(labels, others),
}
text = json.dumps(golden, separators=(",", ":"))
open(out, "w").write(text.replace('.0,', ',').replace('.0]', ']').replace(',"', ',\n"') + "\n")
