//! Which peers there are, and those of a run.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::args::Beside;
use crate::failure::{Outcome, usage};
use crate::peer::Peer;

/// Names of peers, and of the packages that have them.
const KNOWN: [(&str, &str); 6] = [
    ("sklearn", "scikit-learn"),
    ("faiss", "faiss-cpu"),
    ("onedal", "scikit-learn-intelex"),
    ("pynndescent", "pynndescent"),
    ("grid", "dbscan"),
    ("umap", "umap-learn"),
];

/// A peer of this run.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The peers of a run; by default none.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    pub(crate) names: Vec<Named>,
    python: Option<Peer>,
    also: Option<Peer>,
    /// Where they find the sets.
    pub(crate) folder: PathBuf,
}

/// Refuses names that nobody has.
pub(crate) fn check(names: &[String]) -> Outcome<()> {
    let known = KNOWN.map(|(name, _)| name);
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(usage(format!("--against {name}: there are {}", known.join(", ")))),
        None => Ok(()),
    }
}

impl Peers {
    /// Starts those asked for; fails where one is not installed.
    pub(crate) fn start(beside: &Beside) -> Outcome<Self> {
        let also = beside.also.as_deref().map(Peer::program).transpose()?;
        let mut new = Self { also, folder: (&beside.data).into(), ..Self::default() };
        if beside.against.is_empty() {
            return Ok(new);
        }
        let mut python = Peer::start(&beside.python)?;
        let asked = || KNOWN.iter().filter(|(name, _)| beside.against.iter().any(|a| a == name));
        let packages: Vec<&str> = asked().map(|(_, package)| *package).collect();
        let versions = python.ask(&json!({"task": "versions", "packages": packages}))?;
        for (name, package) in asked() {
            let version = versions[*package].as_str().ok_or_else(|| {
                let python = &beside.python;
                let hint = "benches/against/setup.sh makes a Python that has it";
                format!("--against {name}: {python} has no {package}; {hint}")
            })?;
            new.names.push(Named { name: (*name).into(), version: version.into() });
        }
        new.python = Some(python);
        Ok(new)
    }

    /// Whether anybody has to find sets.
    pub(crate) fn any(&self) -> bool {
        self.python.is_some() || self.also.is_some()
    }

    /// What the script answers.
    pub(crate) fn ask(&mut self, request: &Value) -> Outcome<Value> {
        Ok(self.python.as_mut().ok_or("no peer")?.ask(request)?)
    }

    /// What the other program answers, where there is one.
    pub(crate) fn also(&mut self, request: &Value) -> Outcome<Option<Value>> {
        Ok(self.also.as_mut().map(|also| also.ask(request)).transpose()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_peer_is_refused_by_name() {
        let failure = check(&["sklearn".into(), "abacus".into()]).expect_err("refused");
        assert!(failure.to_string().starts_with("--against abacus: there are sklearn"));
    }
}
