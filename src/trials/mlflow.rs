//! A folder that MLflow reads: its file store, written by hand.
//!
//! `mlflow ui --backend-store-uri FOLDER` shows it, `mlflow.search_runs` finds in it, and
//! `mlflow migrate-filestore` carries it over into a database. MLflow 3 reads such folders where
//! `MLFLOW_ALLOW_FILE_STORE=true` is set.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Fingerprint, Id, Params, Trial, TrialError};

/// MLflow's limits, in characters.
const NAME: usize = 250;
const PARAM: usize = 6000;
const TAG: usize = 8000;

/// Writes trials as the runs of one experiment.
///
/// The number of the experiment follows from its name, and a run's from its trial: writing once
/// more replaces, and adds what is new. A run has the trial's parameters, metrics and tags, the
/// fingerprint of the data as tag `enfold.data`, and its labels, one per line, as the artifact
/// `labels.txt`.
///
/// ```
/// use enfold::trials::{Fingerprint, Outcome, Params, Trial, mlflow};
/// let outcome = Outcome::new().metric("cost", 7.5).tag("backend", "cpu");
/// let trial = Trial::new(Params::new().with("k", 3), Fingerprint::default(), outcome, (0, 9));
/// let folder = std::env::temp_dir().join(format!("enfold-mlflow-{}", std::process::id()));
/// mlflow::write(&folder, "customers", [&trial])?;
/// let run = folder.join(mlflow::experiment_id("customers")).join(trial.id().to_string());
/// assert_eq!(std::fs::read_to_string(run.join("params/k"))?, "3");
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A name or a text that MLflow does not take – then nothing of that trial is written – or the
/// folder cannot be written.
pub fn write<'a>(
    folder: impl AsRef<Path>,
    experiment: &str,
    trials: impl IntoIterator<Item = &'a Trial>,
) -> Result<(), TrialError> {
    let id = experiment_id(experiment);
    let folder = made(&folder.as_ref().join(&id))?;
    let meta = format!(
        "artifact_location: {}\nexperiment_id: '{id}'\nlifecycle_stage: active\nname: {}\n",
        quoted(&folder.to_string_lossy()),
        quoted(experiment)
    );
    fs::write(folder.join("meta.yaml"), meta)?;
    trials.into_iter().try_for_each(|trial| write_run(&folder, &id, trial))
}

/// The number by which MLflow knows the experiment of a name: 18 digits.
#[must_use]
pub fn experiment_id(name: &str) -> String {
    let hash = Id::of(&Params::new().with("experiment", name), Fingerprint::default());
    format!("{:018}", hash.low_bits() % 1_000_000_000_000_000_000)
}

fn write_run(experiment: &Path, experiment_id: &str, trial: &Trial) -> Result<(), TrialError> {
    check(trial)?;
    let id = trial.id().to_string();
    let run = made(&experiment.join(&id))?;
    let artifacts = made(&run.join("artifacts"))?;
    let (began, ended) = trial.times();
    let meta = format!(
        "artifact_uri: {}\nend_time: {ended}\nentry_point_name: ''\nexperiment_id: \
         '{experiment_id}'\nlifecycle_stage: active\nrun_id: '{id}'\nrun_name: {name}\n\
         source_name: ''\nsource_type: 4\nsource_version: ''\nstart_time: {began}\nstatus: 3\n\
         tags: []\nuser_id: ''\n",
        quoted(&artifacts.to_string_lossy()),
        name = quoted(&trial.params().to_string()),
    );
    fs::write(run.join("meta.yaml"), meta)?;
    for (name, value) in trial.params().iter() {
        entry(&run, "params", name, &value.to_string())?;
    }
    for (name, value) in trial.metrics() {
        entry(&run, "metrics", name, &format!("{ended} {value} 0\n"))?;
    }
    for (name, text) in trial.tags() {
        entry(&run, "tags", name, text)?;
    }
    entry(&run, "tags", "mlflow.runName", &trial.params().to_string())?;
    entry(&run, "tags", "enfold.data", &trial.data().to_string())?;
    if let Some(labels) = trial.labels() {
        let lines: String = labels.iter().map(|label| format!("{label}\n")).collect();
        fs::write(artifacts.join("labels.txt"), lines)?;
    }
    Ok(())
}

/// Writes one small file; a name may have slashes, which are folders.
fn entry(run: &Path, kind: &str, name: &str, text: &str) -> Result<(), TrialError> {
    let path = run.join(kind).join(name);
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    Ok(fs::write(path, text)?)
}

/// The folder, made where there is none, by its full path.
fn made(folder: &Path) -> Result<PathBuf, TrialError> {
    fs::create_dir_all(folder)?;
    Ok(folder.canonicalize()?)
}

/// Text between quotes as YAML has it, which is as JSON has it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn check(trial: &Trial) -> Result<(), TrialError> {
    let params = trial.params().iter().map(|(name, value)| (name, value.to_string(), PARAM));
    let metrics = trial.metrics().map(|(name, _)| (name, String::new(), 0));
    let tags = trial.tags().map(|(name, text)| (name, text.to_string(), TAG));
    params.chain(metrics).chain(tags).try_for_each(|(name, text, most)| {
        let why = wrong_name(name).or((text.chars().count() > most).then_some("too long a text"));
        why.map_or(Ok(()), |why| Err(TrialError::Name { name: name.into(), why }))
    })
}

/// The rule that a name breaks: it becomes a path below the run.
fn wrong_name(name: &str) -> Option<&'static str> {
    let fine = |c: char| c.is_alphanumeric() || "_-. :/".contains(c);
    if name.is_empty() || name.chars().count() > NAME {
        return Some("a name has 1 to 250 characters");
    }
    if !name.chars().all(fine) {
        return Some("only letters, digits and `_-. :/`");
    }
    let bad = |part: &str| ["", ".", ".."].contains(&part);
    name.split('/').any(bad).then_some("parts between slashes are not empty, `.` or `..`")
}
