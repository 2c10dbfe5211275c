"""Makes tests/golden/distances.csv: distances by scipy and scikit-learn in f64.

usage: distances.py > distances.csv

A line is a metric, dim, the coordinates of both rows, and the distance. Coordinates are such that
f32 has them exactly. Jaccard is of the rows as sets (not zero: a member). Bray-Curtis is given only
for rows without negative coordinates, where there is no other definition. Left out is what scipy
gives NaN for: the correlation of constant rows, and Bray-Curtis of two zero rows.
"""
import numpy as np
import scipy
import sklearn
from scipy.spatial import distance as of
from sklearn.metrics.pairwise import haversine_distances

draw = np.random.default_rng(3)
METRICS = {
    "Minkowski(3.0)": lambda x, y: of.minkowski(x, y, 3),
    "Minkowski(1.5)": lambda x, y: of.minkowski(x, y, 1.5),
    "Correlation": of.correlation,
    "Hamming": of.hamming,
    "Jaccard": lambda x, y: of.jaccard(x != 0, y != 0),
    "Canberra": of.canberra,
    "BrayCurtis": of.braycurtis,
}
KINDS = [
    lambda n: draw.integers(0, 5, n).astype(float),
    lambda n: draw.integers(0, 2, n).astype(float),
    lambda n: np.round(draw.normal(size=n) * 64) / 64,
    lambda n: 1000 + np.round(draw.normal(size=n) * 64) / 64,
]
print(f"# scipy {scipy.__version__}, scikit-learn {sklearn.__version__}, numpy {np.__version__}")


def line(name, x, y, d):
    print(",".join([name, str(len(x)), *(repr(float(v)) for v in [*x, *y, d])]))


for dim in (2, 7, 20):
    for kind in KINDS:
        for _ in range(2):
            x, y = kind(dim), kind(dim)
            for name, metric in METRICS.items():
                empty = name == "BrayCurtis" and not (x.any() or y.any())
                constant = np.ptp(x) == 0 or np.ptp(y) == 0
                signed = min(x.min(), y.min()) < 0
                unlike = name == "Correlation" and constant or name == "BrayCurtis" and signed
                if not (unlike or empty):
                    line(name, x, y, metric(x, y))
for _ in range(12):
    half = np.array([np.pi / 2, np.pi])
    x, y = (np.float32(draw.uniform(-1, 1, 2) * half).astype(float) for _ in range(2))
    line("Haversine", x, y, haversine_distances([x], [y])[0, 0])
