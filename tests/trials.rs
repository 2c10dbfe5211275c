//! Trials: what a sweep keeps, how it goes on after a kill, and what its tables say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use enfold::Table;
use enfold::trials::{
    Fingerprint, Goal, Grid, Outcome, Param, Params, Ran, Trial, TrialError, Trials, compare,
    mlflow,
};
use proptest::prelude::*;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("enfold-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("trials.ndjson")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn data(seed: f32) -> Fingerprint {
    Fingerprint::of(Table::from_arrays(&[[seed, 1.0], [2.0, 3.0]]).unwrap().rows())
}

fn grid() -> Grid {
    Grid::new().axis("k", [2, 3, 4]).axis("eps", [0.1, 1.0 / 3.0])
}

/// A run whose answers follow from its parameters.
fn work(params: &Params) -> Result<Outcome, TrialError> {
    let (k, eps) = (params.int("k")?, params.float("eps")?);
    let outcome = Outcome::new().metric("cost", eps / k as f64).metric("size", k as f64);
    Ok(outcome.tag("made by", "a \"test\"\n").labels(vec![0, k as u32, u32::MAX]))
}

fn go_on(_: enfold::trials::Progress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn swept() -> Trials {
    let mut trials = Trials::new(data(0.0));
    trials.run(&grid(), work, go_on).unwrap();
    trials
}

/// A trial with these metrics.
fn trial(number: i32, metrics: &[(&str, f64)]) -> Trial {
    let outcome = metrics.iter().fold(Outcome::new(), |o, &(name, value)| o.metric(name, value));
    Trial::new(Params::new().with("n", number), data(0.0), outcome, (0, 0))
}

fn collection(trials: impl IntoIterator<Item = Trial>) -> Trials {
    let mut all = Trials::new(data(0.0));
    for trial in trials {
        all.add(trial).unwrap();
    }
    all
}

// ---- sweeps -------------------------------------------------------------------------------------

#[test]
fn ids_are_the_same_everywhere_and_for_ever() {
    let trials = swept();
    let names: Vec<String> = trials.all().iter().map(|t| t.id().to_string()).collect();
    assert_eq!(names[0], FIRST_ID, "{names:?}");
    let other = Trials::new(data(1.0));
    assert!(other.get(trials.all()[0].id()).is_none());
}

#[test]
fn progress_counts_and_may_stop() {
    let mut trials = Trials::new(data(0.0));
    let mut seen = vec![];
    let ran = trials.run(&grid(), work, |p| {
        seen.push((p.done, p.skipped, p.total, p.trial.params().int("k").unwrap()));
        if p.done == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(ran.unwrap(), Ran { ran: 3, skipped: 0, cancelled: true });
    assert_eq!(seen, [(1, 0, 6, 2), (2, 0, 6, 2), (3, 0, 6, 3)]);
    let ran = trials.run(&grid(), work, go_on).unwrap();
    assert_eq!(ran, Ran { ran: 3, skipped: 3, cancelled: false });
}

#[test]
fn a_failed_run_stops_the_sweep_and_keeps_what_was_done() {
    let mut trials = Trials::new(data(0.0));
    let failing = |params: &Params| match params.int("k")? {
        3 => Err(TrialError::NoParam("at three".into())),
        _ => work(params),
    };
    let failed = trials.run(&grid(), failing, go_on);
    assert!(matches!(failed, Err(TrialError::Run { params, .. }) if params.int("k").unwrap() == 3));
    assert_eq!(trials.all().len(), 2);
}

#[test]
fn parameters_are_asked_for_by_name_and_kind() {
    let params = Params::new().with("k", 3).with("fast", true).with("metric", "cosine");
    assert_eq!((params.int("k").unwrap(), params.float("k").unwrap()), (3, 3.0));
    assert!(params.bool("fast").unwrap());
    assert_eq!(params.text("metric").unwrap(), "cosine");
    assert!(matches!(params.int("eps"), Err(TrialError::NoParam(name)) if name == "eps"));
    assert!(matches!(params.int("fast"), Err(TrialError::ParamKind { .. })));
    let nan = Grid::new().axis("eps", [f64::NAN]);
    let refused = Trials::new(data(0.0)).run(&nan, work, go_on);
    assert!(matches!(refused, Err(TrialError::NotFinite(name)) if name == "eps"));
}

#[test]
fn a_grid_has_every_combination_once() {
    assert_eq!(Grid::new().iter().count(), 1);
    assert!(Grid::new().axis("k", [1, 2]).axis("eps", [0.0; 0]).is_empty());
    let replaced = grid().axis("k", [9]);
    assert_eq!(replaced.iter().map(|p| p.int("k").unwrap()).collect::<Vec<_>>(), [9, 9]);
}

// ---- the file -----------------------------------------------------------------------------------

#[test]
fn a_file_gives_back_the_same_trials_and_nothing_runs_twice() {
    let folder = Folder::new("same");
    let (mut first, recovered) = Trials::open(folder.file(), data(0.0)).unwrap();
    assert_eq!(recovered.trials, 0);
    first.run(&grid(), work, go_on).unwrap();
    let (mut second, recovered) = Trials::open(folder.file(), data(0.0)).unwrap();
    assert_eq!((recovered.trials, recovered.dropped), (6, 0));
    assert_eq!(first.all(), second.all());
    let ran = second.run(&grid(), work, go_on).unwrap();
    assert_eq!((ran.ran, ran.skipped), (0, 6));
    let (mut other, _) = Trials::open(folder.file(), data(1.0)).unwrap();
    assert_eq!(other.run(&grid(), work, go_on).unwrap().ran, 6);
    assert_eq!(other.all().len(), 12);
}

/// Cuts a file of trials at every byte: what was whole is there, the rest runs again.
#[test]
fn a_write_that_was_cut_short_costs_one_trial() {
    let folder = Folder::new("cut");
    let (mut trials, _) = Trials::open(folder.file(), data(0.0)).unwrap();
    trials.run(&grid(), work, go_on).unwrap();
    let whole = fs::read(folder.file()).unwrap();
    let ends: Vec<usize> = (0..whole.len()).filter(|&i| whole[i] == b'\n').collect();
    for cut in (0..whole.len()).step_by(7).chain(ends.iter().flat_map(|&e| [e, e + 1])) {
        fs::write(folder.file(), &whole[..cut]).unwrap();
        let (mut again, recovered) = Trials::open(folder.file(), data(0.0)).unwrap();
        // A line that lacks nothing but its end counts.
        let complete = ends.iter().filter(|&&end| end <= cut).count();
        assert_eq!(recovered.trials, complete, "cut at {cut}");
        let last = ends[..complete].last().map_or(0, |end| end + 1);
        assert_eq!(recovered.dropped as usize, cut.saturating_sub(last), "cut at {cut}");
        let ran = again.run(&grid(), work, go_on).unwrap();
        assert_eq!((ran.skipped, ran.ran), (complete, 6 - complete));
        let (read, recovered) = Trials::open(folder.file(), data(0.0)).unwrap();
        assert_eq!((read.all().len(), recovered.dropped), (6, 0), "cut at {cut}");
    }
}

#[test]
fn a_damaged_line_is_named_and_the_file_left_alone() {
    let folder = Folder::new("damaged");
    let (mut trials, _) = Trials::open(folder.file(), data(0.0)).unwrap();
    trials.run(&grid(), work, go_on).unwrap();
    let whole = fs::read_to_string(folder.file()).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let other_k = lines[1].replace("\"k\":2", "\"k\":5");
    let no_times = lines[1].replace("began_ms", "began");
    let bad_label = lines[1].replace("4294967295", "4294967296");
    for bad in ["{", "7", "{}", "\u{0}\u{0}", &other_k, &no_times, &bad_label] {
        let text = format!("{}\n{bad}\n{}\n", lines[0], lines[2]);
        fs::write(folder.file(), &text).unwrap();
        let opened = Trials::open(folder.file(), data(0.0));
        assert!(matches!(opened, Err(TrialError::Line { line: 2, .. })), "{bad}");
        assert_eq!(fs::read_to_string(folder.file()).unwrap(), text);
    }
    let no_folder = Trials::open(folder.0.join("none/trials.ndjson"), data(0.0));
    assert!(matches!(no_folder, Err(TrialError::Io(_))));
}

proptest! {
    /// Numbers and texts come back as they were, to the bit.
    #[test]
    fn any_trial_comes_back(
        float in any::<f64>().prop_filter("finite", |v| v.is_finite()),
        int in any::<i64>(),
        text in any::<String>(),
        labels in proptest::option::of(proptest::collection::vec(any::<u32>(), 0..5)),
        times in any::<(u64, u64)>(),
    ) {
        let folder = Folder::new("any");
        let _gone = fs::remove_file(folder.file());
        let params = Params::new().with("f", float).with("i", int).with(text.clone(), text.clone());
        let outcome = Outcome::new().metric(text.clone(), float).tag("t", text);
        let outcome = labels.into_iter().fold(outcome, Outcome::labels);
        let (mut trials, _) = Trials::open(folder.file(), data(0.0)).unwrap();
        trials.add(Trial::new(params, data(0.0), outcome, times)).unwrap();
        let (read, _) = Trials::open(folder.file(), data(0.0)).unwrap();
        prop_assert_eq!(trials.all(), read.all());
    }
}

// ---- tables -------------------------------------------------------------------------------------

#[test]
fn a_leaderboard_sorts_by_goals_then_by_age() {
    let all = collection([
        trial(0, &[("s", 0.5), ("c", 2.0)]),
        trial(1, &[("s", 0.7), ("c", 3.0)]),
        trial(2, &[("c", 0.0)]),
        trial(3, &[("s", 0.7), ("c", 1.0)]),
        trial(4, &[("s", 0.5), ("c", 2.0)]),
        trial(5, &[("s", f64::NAN), ("c", 1.0)]),
    ]);
    let board = all.leaderboard(&[Goal::max("s"), Goal::min("c")]);
    let order = |board: &enfold::trials::Leaderboard<'_>| {
        board.trials().iter().map(|t| t.params().int("n").unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(order(&board), [3, 1, 0, 4, 2, 5]);
    assert_eq!(order(&board.clone().top(2)), [3, 1]);
    assert_eq!(order(&board.filter(|t| t.metric("c") == Some(2.0))), [0, 4]);
}

#[test]
fn tables_have_a_row_per_trial_and_quote_what_needs_it() {
    let odd = Params::new().with("m", "a|b,\"c\"").with("same", 1);
    let plain = Params::new().with("m", "d").with("same", 1);
    let made =
        |params, cost| Trial::new(params, data(0.0), Outcome::new().metric("cost", cost), (0, 0));
    let all = collection([made(odd, 0.125), made(plain, 2.0)]);
    let (board, id) = (all.leaderboard(&[Goal::min("cost")]), |i: usize| all.all()[i].id());
    let expected =
        format!("rank,id,m,cost\r\n1,{},\"a|b,\"\"c\"\"\",0.125\r\n2,{},d,2\r\n", id(0), id(1));
    assert_eq!(board.csv(), expected);
    let markdown = board.markdown();
    let lines: Vec<&str> = markdown.lines().collect();
    assert_eq!(lines[..2], ["| rank | id | m | cost |", "| --- | --- | --- | --- |"]);
    assert_eq!(lines[2], format!("| 1 | {} | a\\|b,\"c\" | 0.125 |", id(0)));
    assert_eq!(Trials::new(data(0.0)).leaderboard(&[]).csv(), "rank,id\r\n");
}

proptest! {
    /// The front by its definition: nobody in it is beaten, and everybody else is.
    #[test]
    fn a_pareto_front_is_what_nobody_beats(points in proptest::collection::vec((0..6, 0..6), 1..20)) {
        let of = |(i, &(a, b)): (usize, &(i32, i32))| {
            trial(i as i32, &[("a", f64::from(a)), ("b", f64::from(b))])
        };
        let all = collection(points.iter().enumerate().map(of));
        let front = all.leaderboard(&[Goal::max("a"), Goal::min("b")]).pareto();
        let inside = |i: usize| front.trials().iter().any(|t| t.params().int("n").unwrap() == i as i64);
        for (i, p) in points.iter().enumerate() {
            let beaten = points.iter().any(|q| q.0 >= p.0 && q.1 <= p.1 && q != p);
            prop_assert_eq!(inside(i), !beaten);
        }
    }
}

#[test]
fn a_comparison_says_what_changed() {
    let made = |params: Params, cost, labels: &[u32]| {
        let outcome = Outcome::new().metric("cost", cost).labels(labels.to_vec());
        Trial::new(params, data(0.0), outcome, (0, 0))
    };
    let a = made(Params::new().with("k", 2).with("seed", 1), 9.0, &[0, 0, 1, 1]);
    let b = made(
        Params::new().with("k", 3).with("seed", 1).with("metric", "cosine"),
        7.5,
        &[5, 5, 2, 2],
    );
    let both = compare(&a, &b).unwrap();
    assert_eq!(both.params.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["k", "metric"]);
    assert_eq!((&both.params[0].before, &both.params[1].before), (&Some(Param::Int(2)), &None));
    assert_eq!(both.adjusted_rand, Some(1.0));
    let said = "k: 2 → 3\nmetric: – → cosine\ncost: 9 → 7.5 (-1.5)\nlabels: adjusted Rand 1.0000\n";
    assert_eq!(both.to_string(), said);
    let shorter = made(Params::new(), 1.0, &[0]);
    assert!(compare(&a, &shorter).is_err());
    let elsewhere = Trial::new(Params::new(), data(1.0), Outcome::new().labels(vec![0]), (0, 0));
    let apart = compare(&a, &elsewhere).unwrap();
    assert_eq!((apart.same_data, apart.adjusted_rand), (false, None));
}

// ---- MLflow -------------------------------------------------------------------------------------

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_folder_for_mlflow_has_every_run() {
    let (folder, trials) = (Folder::new("mlflow"), swept());
    for _twice in 0..2 {
        mlflow::write(&folder.0, "a \"sweep\"", trials.all()).unwrap();
    }
    let experiment = folder.0.join(mlflow::experiment_id("a \"sweep\""));
    assert!(text(&experiment.join("meta.yaml")).contains("name: \"a \\\"sweep\\\"\"\n"));
    assert_eq!(fs::read_dir(&experiment).unwrap().count(), 1 + trials.all().len());
    for trial in trials.all() {
        let run = experiment.join(trial.id().to_string());
        assert_eq!(text(&run.join("params/k")), trial.params().get("k").unwrap().to_string());
        assert_eq!(text(&run.join("tags/enfold.data")), trial.data().to_string());
        let metric = text(&run.join("metrics/cost"));
        let value: f64 = metric.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(Some(value), trial.metric("cost"));
        assert_eq!(text(&run.join("artifacts/labels.txt")).lines().count(), 3);
    }
}

#[test]
fn names_that_would_leave_the_folder_are_refused() {
    let folder = Folder::new("names");
    let long = "x".repeat(251);
    for name in ["", "..", "../up", "a//b", "/root", "a/./b", "a\\b", "a\nb", &long] {
        let trial = Trial::new(Params::new().with(name, 1), data(0.0), Outcome::new(), (0, 0));
        let refused = mlflow::write(&folder.0, "x", [&trial]);
        assert!(matches!(refused, Err(TrialError::Name { .. })), "{name}");
    }
    let wordy = Params::new().with("k", "x".repeat(6001));
    let trial = Trial::new(wordy, data(0.0), Outcome::new(), (0, 0));
    assert!(matches!(mlflow::write(&folder.0, "x", [&trial]), Err(TrialError::Name { .. })));
}

/// Of `k=2 eps=0.1` on `data(0.0)`; another value would make every kept sweep run again.
const FIRST_ID: &str = "6ad1399c958b1503968350d262551034";
