//! What the peers are asked, and where their time is in the answer.

use serde_json::{Value, json};

use super::data::{Data, NEED};
use super::on::{Algorithm, BATCH, NEIGHBORS, SEED, STEPS};

/// Milliseconds and what says how good it is.
pub(super) type Answer = (f64, Value);

/// What a peer is asked; None where it has no such algorithm, or none for such rows.
pub(super) fn request(algorithm: Algorithm, peer: &str, data: &Data<'_>) -> Option<Value> {
    let mut ask = match (algorithm, peer) {
        (Algorithm::KMeans, "sklearn" | "faiss" | "linfa" | "ann-search-rs") => {
            json!({"task": "kmeans", "k": data.k, "steps": STEPS, "way": peer})
        }
        (Algorithm::Seeding, "sklearn" | "ann-search-rs") => {
            json!({"task": "seeding", "k": data.k, "seed": SEED, "way": peer})
        }
        (Algorithm::Stream, "sklearn" | "linfa") => {
            json!({"task": "one_pass", "k": data.k, "seed": SEED, "batch": BATCH, "way": peer})
        }
        (Algorithm::Knn, "sklearn" | "faiss" | "onedal" | "pynndescent") => {
            let way = if peer == "sklearn" { "sklearn_auto" } else { peer };
            json!({"task": "knn", "k": NEIGHBORS, "queries": data.rows(), "ways": [way]})
        }
        // Trees, for few coordinates: of kiddo's the number is part of its type.
        (Algorithm::Knn, "kiddo") if [2, 3, 4, 8, 16].contains(&data.dim) => nearest(peer),
        (Algorithm::Knn, "linfa") if data.dim <= 8 => nearest(peer),
        (Algorithm::Knn, "ann-search-rs") => nearest(peer),
        (Algorithm::Dbscan, "sklearn") => radius(data, "auto"),
        (Algorithm::Dbscan, "linfa" | "rustyml") => radius(data, peer),
        (Algorithm::Dbscan, "grid") if (2..=20).contains(&data.dim) => radius(data, peer),
        (Algorithm::Silhouette, "sklearn" | "linfa" | "rustyml") => {
            let labels = data.path.with_extension("labels");
            json!({"task": "silhouette", "labels": labels, "way": peer})
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

/// What a peer in Rust is asked for neighbours.
fn nearest(way: &str) -> Value {
    json!({"task": "knn", "k": NEIGHBORS, "way": way})
}

fn radius(data: &Data<'_>, way: &str) -> Value {
    json!({"task": "dbscan", "eps": data.eps, "need": NEED, "way": way})
}

/// The time in an answer – the least where a peer has several ways – and what else it says.
pub(super) fn answer(algorithm: Algorithm, answer: &Value) -> Option<Answer> {
    match algorithm {
        // Python's, which has several ways; one in Rust has one, and answers as all the others.
        Algorithm::Knn if answer.get("ms").is_none() => {
            let is_time = |name: &str| !name.ends_with("_recall") && !name.ends_with("_build");
            let times = answer.as_object()?.iter().filter(|(name, _)| is_time(name));
            let least = times.filter_map(|(_, s)| s.as_f64()).fold(f64::INFINITY, f64::min);
            let recall = answer.get("pynndescent_recall");
            let said = recall.map_or(json!({}), |recall| json!({"recall": recall}));
            least.is_finite().then_some((1e3 * least, said))
        }
        Algorithm::Umap => Some((1e3 * answer["total"].as_f64()?, json!({}))),
        _ => {
            let said = ["cost_per_row", "kth", "clusters", "noise", "score"].into_iter();
            let said = said.filter_map(|key| Some((key.to_string(), answer.get(key)?.clone())));
            Some((answer["ms"].as_f64()?, Value::Object(said.collect())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;

    #[test]
    fn peers_are_asked_for_what_they_have() {
        let has = |rows: &str, peer: &str| {
            let shape = Shape::make(Shape::parse(rows).expect("a shape"));
            let data = Data::new(&shape, shape.rows());
            let asked = Algorithm::ALL.into_iter().filter(|a| request(*a, peer, &data).is_some());
            asked.map(Algorithm::name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(has("64x3x4", "linfa"), "kmeans stream knn dbscan silhouette");
        assert_eq!(has("64x9x4", "linfa"), "kmeans stream dbscan silhouette");
        assert_eq!(has("64x3x4", "kiddo"), "knn");
        assert_eq!(has("64x5x4", "kiddo"), "");
        assert_eq!(has("64x5x4", "ann-search-rs"), "kmeans seeding knn");
        assert_eq!(has("64x5x4", "rustyml"), "dbscan silhouette");
    }

    #[test]
    fn the_least_way_counts_and_what_is_no_time_does_not() {
        let said = json!({"onedal_kd_tree": 3.0, "onedal_brute": 2.0});
        assert_eq!(answer(Algorithm::Knn, &said), Some((2000.0, json!({}))));
        let said = json!({"pynndescent": 4.0, "pynndescent_recall": 0.5});
        assert_eq!(answer(Algorithm::Knn, &said), Some((4000.0, json!({"recall": 0.5}))));
        let said = json!({"ms": 7.0, "score": 0.25});
        assert_eq!(answer(Algorithm::Silhouette, &said), Some((7.0, json!({"score": 0.25}))));
        let said = json!({"ms": 7.0, "build_ms": 3.0, "kth": 0.5});
        assert_eq!(answer(Algorithm::Knn, &said), Some((7.0, json!({"kth": 0.5}))));
        for algorithm in Algorithm::ALL {
            assert_eq!(answer(algorithm, &json!({})), None, "{algorithm:?}");
        }
    }
}
