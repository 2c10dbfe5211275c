//! What the peers are asked, and where their time is in the answer.

use serde_json::{Value, json};

use super::data::{Data, NEED};
use super::on::{Algorithm, BATCH, NEIGHBORS, SEED, STEPS};

/// Milliseconds and what says how good it is.
pub(super) type Answer = (f64, Value);

/// What a peer is asked; None where it has no such algorithm, or none for such rows.
pub(super) fn request(algorithm: Algorithm, peer: &str, data: &Data<'_>) -> Option<Value> {
    let mut ask = match (algorithm, peer) {
        (Algorithm::KMeans, "sklearn" | "faiss") => {
            json!({"task": "kmeans", "k": data.k, "steps": STEPS, "way": peer})
        }
        (Algorithm::Seeding, "sklearn") => json!({"task": "seeding", "k": data.k, "seed": SEED}),
        (Algorithm::Stream, "sklearn") => {
            json!({"task": "one_pass", "k": data.k, "seed": SEED, "batch": BATCH})
        }
        (Algorithm::Knn, "sklearn" | "faiss" | "onedal" | "pynndescent") => {
            let way = if peer == "sklearn" { "sklearn_auto" } else { peer };
            json!({"task": "knn", "k": NEIGHBORS, "queries": data.rows(), "ways": [way]})
        }
        (Algorithm::Dbscan, "sklearn") => radius(data, "auto"),
        (Algorithm::Dbscan, "grid") if (2..=20).contains(&data.dim) => radius(data, peer),
        (Algorithm::Silhouette, "sklearn") => {
            json!({"task": "silhouette", "labels": data.path.with_extension("labels")})
        }
        (Algorithm::Umap, "umap") => {
            json!({"task": "umap", "rows": data.rows(), "components": 2, "seed": SEED})
        }
        (Algorithm::Pca, "sklearn") => {
            let components = algorithm.k(data);
            json!({"task": "pca", "components": components, "way": "covariance_eigh"})
        }
        _ => return None,
    };
    ask["path"] = json!(data.path);
    Some(ask)
}

/// What another program is asked.
pub(super) fn also(algorithm: Algorithm, data: &Data<'_>) -> Option<Value> {
    let mut ask = match algorithm {
        Algorithm::Knn => json!({"task": "knn", "k": NEIGHBORS, "queries": data.rows(),
            "ways": ["kiddo", "kmknn"]}),
        Algorithm::Dbscan => radius(data, "also"),
        _ => return None,
    };
    ask["path"] = json!(data.path);
    Some(ask)
}

fn radius(data: &Data<'_>, way: &str) -> Value {
    json!({"task": "dbscan", "eps": data.eps, "need": NEED, "way": way})
}

/// The time in an answer – the least where a peer has several ways – and what else it says.
pub(super) fn answer(algorithm: Algorithm, answer: &Value) -> Option<Answer> {
    match algorithm {
        Algorithm::Knn => {
            let is_time = |name: &str| !name.ends_with("_recall") && !name.ends_with("_build");
            let times = answer.as_object()?.iter().filter(|(name, _)| is_time(name));
            let least = times.filter_map(|(_, s)| s.as_f64()).fold(f64::INFINITY, f64::min);
            let recall = answer.get("pynndescent_recall");
            Some((1e3 * least, recall.map_or(json!({}), |recall| json!({"recall": recall}))))
        }
        Algorithm::Umap => Some((1e3 * answer["total"].as_f64()?, json!({}))),
        _ => {
            let said = ["cost_per_row", "score"].into_iter();
            let said = said.filter_map(|key| Some((key.to_string(), answer.get(key)?.clone())));
            Some((answer["ms"].as_f64()?, Value::Object(said.collect())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_way_counts_and_what_is_no_time_does_not() {
        let said = json!({"onedal_kd_tree": 3.0, "onedal_brute": 2.0});
        assert_eq!(answer(Algorithm::Knn, &said), Some((2000.0, json!({}))));
        let said = json!({"pynndescent": 4.0, "pynndescent_recall": 0.5});
        assert_eq!(answer(Algorithm::Knn, &said), Some((4000.0, json!({"recall": 0.5}))));
        let said = json!({"ms": 7.0, "score": 0.25});
        assert_eq!(answer(Algorithm::Silhouette, &said), Some((7.0, json!({"score": 0.25}))));
        assert_eq!(answer(Algorithm::KMeans, &json!({})), None);
    }
}
