//! Which peers there are, and those of a run.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::args::Beside;
use crate::failure::{Outcome, usage};
use crate::peer::Peer;

/// Where peers live: which of the two programs answers for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    Python,
    Rust,
}

/// Names of peers, the packages that have them, and their homes.
const KNOWN: [(&str, &str, Home); 10] = [
    ("sklearn", "scikit-learn", Home::Python),
    ("faiss", "faiss-cpu", Home::Python),
    ("onedal", "scikit-learn-intelex", Home::Python),
    ("pynndescent", "pynndescent", Home::Python),
    ("grid", "dbscan", Home::Python),
    ("umap", "umap-learn", Home::Python),
    ("linfa", "linfa", Home::Rust),
    ("kiddo", "kiddo", Home::Rust),
    ("ann-search-rs", "ann-search-rs", Home::Rust),
    ("rustyml", "rustyml", Home::Rust),
];

/// What makes them.
const SETUP: &str = "benches/against/setup.sh";

/// A peer of this run.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) version: String,
    home: Home,
}

/// The peers of a run; by default none.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    pub(crate) names: Vec<Named>,
    programs: Vec<(Home, Peer)>,
    /// Where they find the sets.
    pub(crate) folder: PathBuf,
}

/// The home of a peer; None where nobody has it.
pub(crate) fn home(name: &str) -> Option<Home> {
    KNOWN.iter().find(|(known, ..)| *known == name).map(|(.., home)| *home)
}

/// Refuses names that nobody has.
pub(crate) fn check(names: &[String]) -> Outcome<()> {
    match names.iter().find(|name| home(name).is_none()) {
        Some(name) => {
            let known = KNOWN.map(|(name, ..)| name).join(", ");
            Err(usage(format!("--against {name}: there are {known}")))
        }
        None => Ok(()),
    }
}

/// The program of the peers in Rust, where one of these is among them; says what builds it.
pub(crate) fn in_rust(names: &[String], path: &str) -> Outcome<Option<Peer>> {
    if !names.iter().any(|name| home(name) == Some(Home::Rust)) {
        return Ok(None);
    }
    let build = "cargo build --release --locked --manifest-path benches/peers/Cargo.toml";
    let missing = |e| format!("{e}; {SETUP} builds it, by {build}");
    Ok(Some(Peer::rust(path).map_err(missing)?))
}

impl Peers {
    /// Starts those asked for; fails where one is not installed.
    pub(crate) fn start(beside: &Beside) -> Outcome<Self> {
        let mut new = Self { folder: (&beside.data).into(), ..Self::default() };
        if beside.against.iter().any(|name| home(name) == Some(Home::Python)) {
            new.join(&beside.against, Home::Python, Peer::start(&beside.python)?)?;
        }
        if let Some(peer) = in_rust(&beside.against, &beside.rust_peers)? {
            new.join(&beside.against, Home::Rust, peer)?;
        }
        Ok(new)
    }

    /// Those that live in this program, which says in which versions it has them.
    fn join(&mut self, names: &[String], home: Home, mut peer: Peer) -> Outcome<()> {
        let asked =
            || KNOWN.iter().filter(|known| known.2 == home && names.iter().any(|n| n == known.0));
        let packages: Vec<&str> = asked().map(|(_, package, _)| *package).collect();
        let versions = peer.ask(&json!({"task": "versions", "packages": packages}))?;
        for (name, package, _) in asked() {
            let version = versions[*package].as_str().ok_or_else(|| {
                let program = peer.name();
                format!(
                    "--against {name}: no {package} in {program}; {SETUP} makes one that has it"
                )
            })?;
            self.names.push(Named { name: (*name).into(), version: version.into(), home });
        }
        self.programs.push((home, peer));
        Ok(())
    }

    /// Whether anybody has to find sets.
    pub(crate) fn any(&self) -> bool {
        !self.programs.is_empty()
    }

    /// What this peer's program answers.
    fn ask(&mut self, peer: &Named, request: &Value) -> Outcome<Value> {
        let mut programs = self.programs.iter_mut();
        let (_, program) = programs.find(|(home, _)| *home == peer.home).ok_or("no peer")?;
        Ok(program.ask(request)?)
    }

    /// What is read from its answer. Where that goes wrong it is said, and the run goes on.
    pub(crate) fn answer<T>(
        &mut self,
        peer: &Named,
        request: &Value,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let answer = self.ask(peer, request);
        let read = answer.and_then(|said| Ok(read(&said).ok_or("its answer has no time")?));
        read.inspect_err(|failure| eprintln!("enfold-bench: without {}: {failure}", peer.name)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_peer_is_refused_by_name() {
        let failure = check(&["linfa".into(), "abacus".into()]).expect_err("refused");
        let text = failure.to_string();
        assert!(text.starts_with("--against abacus: there are sklearn"), "{text}");
        assert!(text.ends_with("linfa, kiddo, ann-search-rs, rustyml"), "{text}");
    }

    #[test]
    fn a_program_is_wanted_only_by_those_that_live_in_it() {
        let none = in_rust(&["sklearn".into(), "faiss".into()], "/nonexistent").expect("unasked");
        assert!(none.is_none());
        let failure = in_rust(&["sklearn".into(), "kiddo".into()], "/nonexistent");
        let text = failure.expect_err("refused").to_string();
        assert!(text.contains("--rust-peers /nonexistent") && text.contains(SETUP), "{text}");
    }
}
