//! Which run is shown: what makes one useful, and which of those is the best.

use enfold::trials::{Goal, Leaderboard, Trial, Trials};

use crate::sweep::Settings;

/// More segments than that nobody treats differently.
pub(crate) const MOST: usize = 12;

/// Mean silhouettes up to this speak of no substantial structure (Kaufman and Rousseeuw, *Finding
/// Groups in Data*, 1990, chapter 2).
pub(crate) const NOTHING: f64 = 0.25;

/// All trials by score – the mean silhouette, where customers in no segment count 0, so that
/// leaving some out costs in proportion – and equal ones by trustworthiness.
pub(crate) fn leaderboard(trials: &Trials) -> Leaderboard<'_> {
    trials.leaderboard(&[Goal::max("score"), Goal::max("trustworthiness")])
}

/// What a segmentation must be to be of use: neither too few segments nor too many, and a score
/// that says that they are there.
pub(crate) fn useful(trial: &Trial, settings: &Settings) -> bool {
    counted(trial, settings) && trial.metric("score").is_some_and(|score| score > NOTHING)
}

fn counted(trial: &Trial, settings: &Settings) -> bool {
    let clusters = trial.metric("clusters").unwrap_or(0.0) as usize;
    (settings.least..=MOST).contains(&clusters)
}

/// The run to show: the best useful one of DBSCAN on an embedding, as DBSCAN need not be told how
/// many segments there are. If density finds none, the best of k-means, which cuts up anything;
/// [`is_dense`] tells which it is.
pub(crate) fn answer<'a>(trials: &'a Trials, settings: &Settings) -> Option<&'a Trial> {
    let board = leaderboard(trials).filter(embedded);
    let mut all = board.trials().iter().copied();
    let dense = all.clone().find(|trial| is_dense(trial) && useful(trial, settings));
    dense.or_else(|| all.find(|trial| !is_dense(trial) && counted(trial, settings)))
}

/// Whether DBSCAN ran.
pub(crate) fn is_dense(trial: &Trial) -> bool {
    trial.params().text("algorithm").is_ok_and(|name| name == "dbscan")
}

/// Whether it ran on an embedding.
pub(crate) fn embedded(trial: &Trial) -> bool {
    trial.params().text("space").is_ok_and(|space| space == "umap")
}
