//! Tests of `fork`, `diff`, `why`, `tip` and `explain` through the program.

mod common;

use std::path::{Path, PathBuf};

use common::edit_manifest;
use common::program::{backstop, error_of, stdout_of};

fn scenario(name: &str) -> String {
    format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"))
}

/// A folder with a run of a shipped scenario in `past`.
fn with_run(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    stdout_of(folder.path(), &["run", &scenario(name), "--seed", "3", "--out", "past", "--quiet"]);
    folder
}

fn table(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).expect("a table")
}

#[test]
fn a_fork_keeps_the_past_and_changes_the_future() {
    let folder = with_run("jeddah-2025");
    let here = folder.path();
    let fork = ["fork", "past", "--at", "3", "--set", "backstop_share=0.3", "--out", "other"];
    assert!(stdout_of(here, &fork).contains("Outcome: framework"));
    let (past, other) = (table(here, "past/events.csv"), table(here, "other/events.csv"));
    let step =
        |line: &&str| line.split(',').nth(2).and_then(|step| step.parse::<u32>().ok()).is_some_and(|step| step < 3);
    let before = |text: &str| text.lines().filter(step).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(before(&past), before(&other));
    assert_ne!(past, other);
    assert!(stdout_of(here, &["replay", "other"]).starts_with("verified"));
    let header = table(here, "other/runs.csv");
    assert!(header.starts_with("run,point,replicate,seed,backstop_share,status"), "{header}");

    let told = stdout_of(here, &["diff", "past", "other"]);
    assert!(told.starts_with("2 is forked from 1 at Thu 2025-03-13, under backstop_share = 0.3."), "{told}");
    assert!(told.contains("1: deadlock") && told.contains("2: framework"));
    assert!(told.contains("follows:"), "what descends from the override is marked");
    assert_eq!(stdout_of(here, &["diff", "past", "past"]), "no difference\n");
}

#[test]
fn a_fork_of_a_fork_can_be_verified_and_forked_back() {
    let folder = with_run("jeddah-2025");
    let here = folder.path();
    stdout_of(here, &["fork", "past", "--at", "2", "--set", "backstop_share=0.3", "--out", "one", "--quiet"]);
    stdout_of(here, &["fork", "one", "--at", "5", "--set", "backstop_share=1", "--out", "two", "--quiet"]);
    assert!(stdout_of(here, &["replay", "two"]).starts_with("verified"));
    let manifest: serde_json::Value = serde_json::from_str(&table(here, "two/manifest.json")).expect("JSON");
    let steps: Vec<u64> =
        manifest["forks"].as_array().expect("forks").iter().filter_map(|f| f["at"].as_u64()).collect();
    assert_eq!(steps, [2, 5]);
    assert!(error_of(here, &["fork", "two", "--at", "4", "--out", "three"]).contains("forked at step 5"));
    // If the value is set back before it has an effect, the run continues as if nothing had been set.
    stdout_of(here, &["fork", "one", "--at", "2", "--set", "backstop_share=1", "--out", "back", "--quiet"]);
    assert_eq!(stdout_of(here, &["diff", "past", "back"]), "no difference\n");
}

#[test]
fn a_fork_that_cannot_be_is_refused() {
    let folder = with_run("chicken-and-egg");
    let here = folder.path();
    for (args, reason) in [
        (vec!["--at", "99", "--out", "x"], "the run has no step 99"),
        (vec!["--at", "1", "--set", "nonsense=1", "--out", "x"], "nonsense"),
        (vec!["--at", "1", "--out", "past"], "is not empty"),
    ] {
        let args: Vec<&str> = ["fork", "past"].into_iter().chain(args).collect();
        let error = error_of(here, &args);
        assert!(error.contains(reason), "{error}");
        assert!(!here.join("x").exists());
    }
}

/// Edits the manifest of the run in `past`.
fn edit(folder: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    edit_manifest(&folder.join("past"), change);
}

#[test]
fn the_library_verifies_a_folder() {
    let folder = with_run("jeddah-2025");
    let past = folder.path().join("past");
    let mut states = 0;
    let verified = backstop::store::verify(&past, &mut |_, _, _| states += 1).expect("it is as it was written");
    assert_eq!(verified.fold.log.len() + 1, table(folder.path(), "past/events.csv").lines().count());
    assert_eq!(states, 2 * verified.fold.steps);

    let table = table(folder.path(), "past/commitments.csv").replacen("conditional", "satisfied", 1);
    std::fs::write(past.join("commitments.csv"), table).expect("it can be written");
    let error = backstop::store::verify(&past, &mut |_, _, _| {}).expect_err("it was edited");
    assert_eq!(error.path, past.join("commitments.csv"));
    assert!(matches!(error.defect, backstop::store::Defect::LineDiffers(2..)), "{error}");
    let remedy = "the file was edited, or belongs to another run; restore it, or run the scenario again";
    assert_eq!(error.help(), Some(remedy));
    std::fs::remove_file(past.join("manifest.json")).expect("it is there");
    let error = backstop::store::verify(&past, &mut |_, _, _| {}).expect_err("it is not complete");
    assert!(matches!(error.defect, backstop::store::Defect::Missing), "{error}");
}

#[test]
fn files_that_cannot_be_verified_have_a_remedy() {
    let check = |damage: &dyn Fn(&Path), remedy: &str| {
        let folder = with_run("chicken-and-egg");
        let past = folder.path().join("past");
        damage(&past);
        let error = backstop::store::verify(&past, &mut |_, _, _| {}).expect_err("it was damaged");
        assert!(error.help().is_some_and(|help| help.contains(remedy)), "{error}: {:?}", error.help());
    };
    let enlarge = |path: PathBuf, bytes: u64| {
        let file = std::fs::OpenOptions::new().write(true).open(path).expect("it is there");
        file.set_len(bytes).expect("a sparse file takes no room");
    };
    check(&|past| std::fs::remove_file(past.join("events.csv")).expect("it is there"), "restore the file");
    check(
        &|past| {
            std::fs::remove_file(past.join("runs.csv")).expect("it is there");
            std::fs::create_dir(past.join("runs.csv")).expect("it is gone");
        },
        "a regular file",
    );
    check(&|past| enlarge(past.join("series.csv"), 3 << 30), "with fewer steps");
    check(&|past| enlarge(past.join("manifest.json"), 65 << 20), "give a folder that `run --out` wrote");
    check(
        &|past| {
            edit_manifest(past, |manifest| manifest["files"]["runs.csv"] = manifest["files"]["events.csv"].clone());
        },
        "the manifest or a file that it lists was edited",
    );
    check(
        &|past| {
            let log = std::fs::read_to_string(past.join("events.csv")).expect("it is there");
            std::fs::write(past.join("events.csv"), log.replace("ended", "started")).expect("it can be written");
        },
        "run the scenario again",
    );
}

#[test]
fn forks_in_a_manifest_are_limited_and_keep_to_the_model() {
    let fork = |overrides: serde_json::Value| serde_json::json!({ "at": 1, "overrides": overrides, "parent_history_hash": "" });
    let folder = with_run("chicken-and-egg");
    let here = folder.path();
    edit(here, |manifest| manifest["forks"] = vec![fork(serde_json::json!([])); 100].into());
    assert!(
        error_of(here, &["replay", "past"])
            .contains("the parent of the fork at step 1 has another history than the manifest records")
    );
    edit(here, |manifest| {
        let mut fork = fork(serde_json::json!([]));
        fork["parent_history_hash"] = manifest["history_hash"].clone();
        manifest["forks"] = vec![fork; 100].into();
    });
    assert!(stdout_of(here, &["replay", "past"]).starts_with("verified"));
    assert!(
        error_of(here, &["fork", "past", "--at", "1", "--out", "x"])
            .contains("at most 100 forks, and this one has 101")
    );
    edit(here, |manifest| manifest["forks"] = vec![fork(serde_json::json!([])); 101].into());
    assert!(error_of(here, &["replay", "past"]).contains("past/manifest.json: a run can have at most 100 forks"));

    let set = serde_json::json!({ "name": "nonsense", "value": 1.0 });
    edit(here, |manifest| manifest["forks"] = vec![fork(vec![set; 1_001].into())].into());
    assert!(error_of(here, &["replay", "past"]).contains("at most 1000 overrides, and this one has 1001"));

    // Debtors cannot be added during a run.
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let text = "format = 1\n[time]\nsteps = 5\n[resources.aid]\n[cohorts.donor]\nsize = 3\n[actors.us]\n\
        [commitments.c]\ndebtor = \"donor\"\ngives = { aid = 1 }\nwhen = \"true\"\n";
    std::fs::write(here.join("donors.toml"), text).expect("it can be written");
    stdout_of(here, &["run", "donors.toml", "--out", "past", "--quiet"]);
    let more = serde_json::json!([{ "name": "cohorts.donor.size", "value": 6.0 }]);
    edit(here, |manifest| manifest["forks"] = vec![fork(more)].into());
    let error = error_of(here, &["replay", "past"]);
    assert!(error.contains("past/manifest.json: an override changes which actors or commitments there are"), "{error}");
}

#[test]
fn causes_lead_to_their_roots() {
    let folder = with_run("jeddah-summit");
    let here = folder.path();
    let told = stdout_of(here, &["why", "past", "us_backstop"]);
    assert!(told.contains("agreed at") && told.contains("meeting") && told.contains("a root"), "{told}");
    let edges = stdout_of(here, &["why", "past", "us_backstop", "--csv"]);
    let rows: Vec<Vec<&str>> = edges.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert!(rows.len() > 1);
    assert!(rows.windows(2).all(|pair| pair[0][1] == pair[1][0]), "each cause is the next event: {edges}");
    assert_eq!(rows[rows.len() - 1][1], "", "the last is a root");
    let log = table(here, "past/events.csv");
    for row in &rows {
        let line = log.lines().nth(row[0].parse::<usize>().expect("a seq") + 1).expect("a row of the log");
        assert_eq!(line.rsplit(',').next(), Some(row[1]), "the cause is that of the log");
    }
    assert!(error_of(here, &["why", "past", "us_backstp"]).contains("did you mean `us_backstop`?"));
    assert!(stdout_of(here, &["why", "past", "framework"]).contains("outcome framework is reached"));
    let members = stdout_of(here, &["why", "past", "partner_troops"]);
    let bound =
        members.lines().filter(|line| line.starts_with("partner_troops/partner_") && line.contains(": bound on"));
    assert_eq!(bound.count(), 8, "{members}");
    assert!(stdout_of(here, &["why", "past", "jeddah_talks"]).contains("it is in the calendar"));
    assert!(error_of(here, &["why", "past", "zebra"]).contains("give the name of a commitment, an actor, an outcome"));
    assert!(error_of(here, &["why", "past", "999999"]).contains("no event 999999"));
    let folder = with_run("chicken-and-egg");
    let never = stdout_of(folder.path(), &["why", "past", "us_backstop"]);
    assert!(never.contains("never bound") && never.contains("wants at least 30 000 soldiers"), "{never}");
    let never = stdout_of(folder.path(), &["why", "past", "framework"]);
    assert!(never.starts_with("framework was never reached: ") && never.contains("at the end bound(troops"), "{never}");
}

#[test]
fn explanations_come_in_every_form() {
    let folder = with_run("jeddah-2025");
    let here = folder.path();
    let text = stdout_of(here, &["explain", "past", "--summit", "--keystones"]);
    assert!(text.lines().count() < 40, "{text}");
    let json = stdout_of(here, &["explain", "past", "--json", "--summit", "--keystones"]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let gap = value["gap"].as_array().expect("a gap").len();
    let runs = table(here, "past/runs.csv");
    let column = runs.lines().next().and_then(|head| head.split(',').position(|name| name == "gap")).expect("a column");
    assert_eq!(runs.lines().nth(1).and_then(|row| row.split(',').nth(column)), Some(gap.to_string().as_str()));
    assert!(value["unlock"]["proved"].as_bool().expect("a flag"));
    assert!(!value["summit"]["sets"].as_array().expect("sets").is_empty());
    // The explanation from the file equals the one from the folder.
    let fresh =
        stdout_of(here, &["explain", &scenario("jeddah-2025"), "--seed", "3", "--json", "--summit", "--keystones"]);
    assert_eq!(fresh, json);
    let rows = stdout_of(here, &["explain", "past", "--csv"]);
    let waits = rows.lines().filter(|row| row.starts_with("wait,")).count();
    assert_eq!(waits, value["waits"].as_array().expect("waits").len());
    let early = stdout_of(here, &["explain", "past", "--at", "0", "--json"]);
    assert_ne!(early, json);
    assert!(error_of(here, &["explain", "past", "--at", "77"]).contains("no step 77"));
    assert!(error_of(here, &["explain", "past", "--goal", "framwork"]).contains("did you mean `framework`?"));
    assert!(error_of(here, &["explain", "past", "--goal", "zebra"]).contains("there is `framework`"));
    assert!(error_of(here, &["explain", "past", "--cost", "trops"]).contains("did you mean `troops`?"));
}

/// The explanation of a file at a step equals that of the folder of its run.
#[test]
fn a_file_is_explained_as_its_folder_is() {
    for name in ["jeddah-2025", "chicken-and-egg", "aid-flow", "jeddah-summit"] {
        let folder = with_run(name);
        let here = folder.path();
        let steps = table(here, "past/events.csv").lines().last().and_then(|row| row.split(',').nth(2)?.parse().ok());
        let last: u32 = steps.expect("the step of the last event");
        for step in [0, last / 2, last] {
            let at = step.to_string();
            let fresh = stdout_of(here, &["explain", &scenario(name), "--seed", "3", "--at", &at, "--json", "--any"]);
            assert_eq!(
                fresh,
                stdout_of(here, &["explain", "past", "--at", &at, "--json", "--any"]),
                "{name} at {step}"
            );
        }
        let beyond = (last + 1).to_string();
        let error = error_of(here, &["explain", &scenario(name), "--seed", "3", "--at", &beyond]);
        assert_eq!(error, error_of(here, &["explain", "past", "--at", &beyond]), "{name}");
    }
}

/// The JSON is valid even if a name contains control characters.
#[test]
fn hidden_characters_are_escaped_in_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = "a\u{202e}b\u{e0041}.toml";
    std::fs::write(folder.path().join(name), "format = 1\n").expect("it can be written");
    let output = backstop(folder.path(), &["check", name, "--json"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(!text.contains(|c| backstop::text::is_hidden(c) && c != '\n'), "{text:?}");
    let value: serde_json::Value = serde_json::from_str(text.lines().next().expect("an error")).expect("JSON");
    assert_eq!(value["file"], name);
}

/// The graph is read by a parser of the DOT language, and has the edges of the explanation.
#[test]
fn the_graph_is_dot() {
    let folder = with_run("jeddah-2025");
    let dot = stdout_of(folder.path(), &["explain", "past", "--dot"]);
    let parsed = dot_parser::ast::Graph::try_from(dot.as_str()).expect("the graph is in the DOT language");
    let graph = dot_parser::canonical::Graph::from(parsed);
    assert!(graph.is_digraph);
    let json = stdout_of(folder.path(), &["explain", "past", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(graph.nodes.set.len(), value["gap"].as_array().expect("a gap").len());
    assert_eq!(graph.edges.set.len(), value["waits"].as_array().expect("waits").len());
}

/// A coup suspends one promise, and thereby another, while stances drift in between.
const COUP: &str = r#"
format = 1
title = "A truce and a coup"
time = { steps = 8 }
resources = { calm = {} }
[actors.a]
stance = 0.9
anchor = 0.9
[actors.b]
stance = 0.7
volatility = 0.02
[actors.c]
volatility = 0.02
[commitments.truce]
debtor = "a"
gives = { calm = 1 }
initial = "detached"
maintain = true
while = "stance >= 0.5"
[commitments.answer]
debtor = "b"
gives = { calm = 1 }
initial = "detached"
maintain = true
while = "bonds(truce) >= 1 and stance >= 0.1 and stance(c) >= 0.01"
[shocks.coup]
on = [4]
stance = { a = -0.8 }
anchor = { a = -0.8 }
"#;

#[test]
fn the_shock_is_the_root_cause_of_the_suspensions() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::write(here.join("coup.toml"), COUP).expect("written");
    stdout_of(here, &["run", "coup.toml", "--seed", "1", "--out", "run", "--quiet"]);
    let events = table(here, "run/events.csv");
    let rows: Vec<Vec<&str>> = events.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let row = |kind: &str, subject: &str| {
        rows.iter().find(|row| (row[4], row[7]) == (kind, subject)).unwrap_or_else(|| panic!("{kind} {subject}"))
    };
    let drift = rows.iter().filter(|row| row[4] == "stance" && row[5] == "b" && row[11].is_empty()).count();
    assert!(drift >= 4, "the stance of b drifts all the time");
    // answer ← truce ← a's stance ← coup.
    let (answer, truce, coup) = (row("suspended", "answer"), row("suspended", "truce"), row("shock", "coup"));
    assert_eq!(answer[11], truce[1]);
    let why = stdout_of(here, &["why", "run", answer[1]]);
    assert!(why.contains("bonds(truce) >= 1 no longer held: 1 against 1 before, 0 against 1 after"), "{why}");
    let stance = rows.iter().find(|row| row[1] == truce[11]).expect("its cause");
    assert_eq!((stance[4], stance[5], stance[11]), ("stance", "a", coup[1]));
}

/// The US binds from 0.3 on, the UK from 0.55 on.
const LADDER: &str = r#"
format = 1
time = { steps = 3 }
resources = { backstop = { unit = "share" }, troops = {} }
actors = { us = {}, uk = {} }
parameters = { share = { value = 0.5, range = [0, 1] }, days = { value = 2, range = [0, 9], whole = true } }
[commitments]
first = { debtor = "us", gives = { backstop = "share" }, when = "share >= 0.3" }
second = { debtor = "uk", gives = { troops = 1 }, when = "bound(backstop, us) >= 0.55 or days >= 7" }
[outcomes]
both = { when = "bonds(second) >= 1 and bonds(first) >= 1" }
half = { when = "bonds(first) >= 1" }
"#;

#[test]
fn tipping_points_are_where_the_conditions_say_and_can_be_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::write(here.join("ladder.toml"), LADDER).expect("written");
    let tip = ["tip", "ladder.toml", "--vary", "share=0:1", "--tolerance", "1e-6", "--points", "5", "--csv"];
    let text = stdout_of(here, &tip);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<std::collections::BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let found: Vec<[&str; 5]> = rows
        .iter()
        .map(|row| ["outcome_below", "outcome_above", "subject", "side", "comparison"].map(|name| row[name].as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ["stalemate", "half", "first", "above", "share >= 0.3"],
            ["half", "both", "second", "above", "bound(backstop, us) >= 0.55"],
        ]
    );
    for (row, cut) in rows.iter().zip([0.3, 0.55]) {
        let [below, above] = ["below", "above"].map(|name| row[name].parse::<f64>().unwrap());
        assert!(below < cut && cut <= above && above - below <= 1e-6, "{below} {above}");
        // The printed commands can be run.
        for side in ["below", "above"] {
            let set = format!("share={}", row[side]);
            let run = stdout_of(here, &["run", "ladder.toml", "--set", &set, "--quiet"]);
            assert!(run.contains(&format!("Outcome: {}", row[&format!("outcome_{side}")])), "{run}");
        }
    }
    let whole = stdout_of(here, &["tip", "ladder.toml", "--vary", "days=0:9", "--points", "2"]);
    assert!(whole.contains("between 6 and 7: half below, both above"), "{whole}");
    let curve = stdout_of(here, &["tip", "ladder.toml", "--vary", "share=0:1", "--vary", "days=2,8", "--csv"]);
    assert_eq!(curve.lines().count(), 1 + 2 + 1, "with 8 days the second cut is no cut any more");
    let one =
        stdout_of(here, &["tip", "ladder.toml", "--vary", "share=0:1", "--replicates", "7", "--jobs", "1", "--csv"]);
    let many =
        stdout_of(here, &["tip", "ladder.toml", "--vary", "share=0:1", "--replicates", "7", "--jobs", "8", "--csv"]);
    assert_eq!(one, many);
}

#[test]
fn tipping_points_between_dates_are_dates() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let scenario = r#"format = 1
[time]
start = 2025-01-31
step = "1 month"
steps = 24
[actors]
a = {}
[resources]
x = {}
[commitments.p]
debtor = "a"
gives = { x = 1 }
when = "step >= 2025-06-01"
expires = 2025-12-31
[outcomes.given]
when = "parties(x) >= 1"
"#;
    std::fs::write(here.join("treaty.toml"), scenario).expect("written");
    let tip = ["tip", "treaty.toml", "--vary", "commitments.p.expires=2025-01-31:2026-01-31"];
    // Steps begin on the last day of each month; that of 31 May contains 1 June, and an offer that expires in a step
    // lapses before it can be bound.
    let text = stdout_of(here, &tip);
    assert!(text.contains("from 2025-01-31 to 2026-01-31: a grid of 13 values, down to neighbours"), "{text}");
    assert!(text.contains("between 2025-05-31 and 2025-06-30: stalemate below, given above"), "{text}");
    let table = stdout_of(here, &[tip.as_slice(), &["--csv"]].concat());
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<std::collections::BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1);
    for side in ["below", "above"] {
        let set = format!("commitments.p.expires={}", rows[0][side]);
        let run = stdout_of(here, &["run", "treaty.toml", "--set", &set, "--quiet"]);
        let outcome = rows[0][&format!("outcome_{side}")].as_str();
        assert!(run.to_lowercase().contains(outcome), "{outcome}: {run}");
    }
    let steps = stdout_of(here, &["tip", "treaty.toml", "--vary", "commitments.p.expires=0:12"]);
    assert!(steps.contains("stalemate below, given above"), "{steps}");
}

#[test]
fn a_search_for_tipping_points_that_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::write(here.join("ladder.toml"), LADDER).expect("written");
    for (arguments, code, says) in [
        (vec!["--vary", "share"], 2, "has no range"),
        (vec!["--vary", "share=1:0"], 2, "does not rise"),
        (vec!["--vary", "share=0:x"], 2, "has an end that is no number"),
        (vec!["--vary", "shore=0:1"], 1, "called `shore`"),
        (vec!["--vary", "days=0.5:9"], 2, "takes whole numbers only"),
        (vec!["--vary", "share=0:1", "--vary", "share=0:1:3"], 2, "is varied twice"),
        (vec!["--vary", "share=0:1", "--tolerance", "0"], 2, "`--tolerance` must be a number above 0"),
        (vec!["--vary", "share=0:1", "--replicates", "1000000"], 1, "the grids alone take 51000000 runs"),
    ] {
        let output = backstop(here, &[vec!["tip", "ladder.toml"], arguments.clone()].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
}

#[test]
fn why_explains_events_that_never_happened() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::write(here.join("ladder.toml"), LADDER).expect("written");
    stdout_of(here, &["run", "ladder.toml", "--set", "share=0.4", "--out", "run", "--quiet"]);
    let why = stdout_of(here, &["why", "run", "second"]);
    let way = "bound(backstop, us) >= 0.55: from 0 to 0.4 over the run, 0.4 against 0.55 at the end, nearest at step 0";
    assert!(why.contains(way), "{why}");
    assert!(why.contains("last moved at step 0") && why.contains("[first]"), "{why}");
    let why = stdout_of(here, &["why", "run", "both"]);
    assert!(why.contains("both was never reached"), "{why}");
    assert!(why.contains("bonds(second) >= 1: from 0 to 0 over the run, 0 against 1 at the end"), "{why}");
    let why = stdout_of(here, &["why", "run", "uk"]);
    assert!(why.starts_with("second: never bound, at the end conditional"), "{why}");
    let error = error_of(here, &["why", "run", "usa"]);
    assert!(error.contains("there is nothing called `usa`"), "{error}");
}

/// The rows of an event log for moves and their effects, with steps and subjects.
fn deeds(folder: &Path, run: &str) -> Vec<String> {
    let events = table(folder, &format!("{run}/events.csv"));
    let header: Vec<&str> = events.lines().next().expect("a header").split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).expect("a column");
    let (step, event, subject) = (at("step"), at("event"), at("subject"));
    let rows = events.lines().map(|line| line.split(',').collect::<Vec<_>>());
    rows.filter(|row| ["moved", "created", "detached"].contains(&row[event]))
        .map(|row| format!("{} {} {}", row[step], row[event], row[subject]))
        .collect()
}

const MUTUAL: &str = "format = 1\n[time]\nsteps = 6\n[resources]\nmoney = {}\n[actors.a]\n[actors.b]\n[actors.c]\n\
    [commitments.one]\ndebtor = \"a\"\ngives = { money = 1 }\nwhen = \"bonds(two) >= 1\"\n\
    [commitments.two]\ndebtor = \"b\"\ngives = { money = 1 }\nwhen = \"bonds(one) >= 1\"\n\
    [commitments.late]\ndebtor = \"c\"\ngives = { money = 1 }\noffer = \"step > 9\"\nwhen = \"step > 9\"\n\
    [shocks.move_2]\non = 9\n";

#[test]
fn moves_are_added_to_runs_and_to_forks() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::write(here.join("mutual.toml"), MUTUAL).expect("it can be written");
    stdout_of(here, &["run", "mutual.toml", "--out", "past", "--quiet"]);
    assert!(deeds(here, "past").iter().all(|row| row.starts_with("0 created")));
    let declared = MUTUAL.to_owned() + "[moves.gesture]\non = 2\nbind = [\"two/b\"]\nany = true\n";
    std::fs::write(here.join("declared.toml"), declared).expect("it can be written");
    stdout_of(here, &["run", "declared.toml", "--out", "declared", "--quiet"]);

    stdout_of(here, &["run", "mutual.toml", "--move", "two/b@2", "--out", "moved", "--quiet"]);
    stdout_of(here, &["fork", "past", "--at", "2", "--move", "two/b", "--out", "fork", "--quiet"]);
    let same = table(here, "declared/events.csv").replace("gesture", "move_1");
    assert_eq!(table(here, "moved/events.csv"), same);
    assert_eq!(table(here, "fork/events.csv"), same);

    // `move_2` is already used; a commitment that was never offered is created, in a fork of a fork.
    stdout_of(here, &["fork", "fork", "--at", "4", "--move", "late", "--out", "twice", "--quiet"]);
    let then: Vec<String> = deeds(here, "twice").into_iter().filter(|row| row.starts_with('4')).collect();
    assert_eq!(then, ["4 moved move_3", "4 created late", "4 detached late"]);
    for run in ["moved", "fork", "twice"] {
        assert!(stdout_of(here, &["replay", run]).starts_with("verified"));
    }
    let told = stdout_of(here, &["diff", "fork", "twice"]);
    assert!(told.starts_with("2 is forked from 1 at step 4, under a move that binds late."), "{told}");
    assert!(stdout_of(here, &["why", "twice", "late"]).contains("move_3"));
}

#[test]
fn a_move_that_cannot_be_added_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::write(here.join("mutual.toml"), MUTUAL).expect("it can be written");
    stdout_of(here, &["run", "mutual.toml", "--out", "past", "--quiet"]);
    let error = error_of(here, &["run", "mutual.toml", "--move", "tow@1", "--out", "x"]);
    assert!(error.contains("`tow`, which is no commitment") && error.contains("did you mean `two`?"), "{error}");
    assert!(error.contains("tow@1"), "{error}");
    let error = error_of(here, &["fork", "past", "--at", "1", "--move", "two/c", "--out", "x"]);
    assert!(error.contains("`two/c`, but `c` makes no such promise"), "{error}");
    let error = error_of(here, &["run", "mutual.toml", "--move", "two@1.5", "--out", "x"]);
    assert!(error.contains("two@1.5"), "{error}");
    assert!(!here.join("x").exists());
}

/// A maintained promise has been built up in two steps, which earned (2 + 1)/5. The amount that a fork adds is
/// delivered at once and earns no more.
#[test]
fn amounts_added_by_a_fork_earn_no_trust() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let text = "format = 1\n[time]\nsteps = 6\n[resources]\nmoney = {}\n[actors.a]\n[actors.b]\n[trust]\ndefault = 0.5\n\
                [commitments.aid]\ndebtor = \"a\"\ncreditor = \"b\"\ngives = { money = 4 }\nover = 2\nmaintain = true\n\
                [metrics]\ntrust = \"trust(b, a)\"\nmoney = \"delivered(money)\"\n";
    std::fs::write(here.join("s.toml"), text).expect("a file can be written");
    stdout_of(here, &["run", "s.toml", "--out", "past", "--quiet"]);
    stdout_of(
        here,
        &["fork", "past", "--at", "4", "--set", "commitments.aid.gives.money=10", "--out", "more", "--quiet"],
    );
    let series = table(here, "more/series.csv");
    let values = |name: &str| -> Vec<f64> {
        let rows = series.lines().filter(|row| row.contains(&format!(",{name},")));
        rows.map(|row| row.rsplit(',').next().expect("a value").parse().expect("a number")).collect()
    };
    assert_eq!(values("money"), [2.0, 4.0, 4.0, 4.0, 10.0, 10.0]);
    assert_eq!(values("trust"), [2.5 / 4.5, 0.6, 0.6, 0.6, 0.6, 0.6]);
    stdout_of(here, &["replay", "more"]);
}

/// The result of a fork as counted by `explain --forward`: the outcomes that it reaches with the first step of each,
/// its ending, and the promises that are broken at the step of the fork or later.
struct Future {
    reached: std::collections::BTreeMap<String, u64>,
    end: String,
    broken: std::collections::BTreeSet<String>,
}

impl Future {
    fn of(folder: &Path, at: u64) -> Self {
        let cells = |file: &str| -> Vec<std::collections::BTreeMap<String, String>> {
            let mut reader = csv::Reader::from_path(folder.join(file)).expect("a table");
            reader.deserialize().map(|row| row.expect("a row")).collect()
        };
        let (mut reached, mut broken) = (std::collections::BTreeMap::new(), std::collections::BTreeSet::new());
        for event in cells("events.csv") {
            let step: u64 = event["step"].parse().expect("a step");
            if event["event"] == "reached" {
                reached.entry(event["subject"].clone()).or_insert(step);
            } else if event["event"] == "violated" && step >= at {
                broken.insert(event["subject"].clone());
            }
        }
        let row = cells("runs.csv").remove(0);
        let end = if row["status"] == "ok" { row["outcome"].clone() } else { "failed".into() };
        Self { reached, end, broken }
    }
}

/// Checks that every row of `explain --forward` equals the result of forks with these moves, one for each replicate.
fn rows_are_forks(here: &Path, at: u64, replicates: Option<u64>, budget: u64) -> usize {
    let (at_text, budget, run_seeds) = (at.to_string(), budget.to_string(), replicates.map(|count| count.to_string()));
    let mut args = vec!["explain", "past", "--forward", "--at", &at_text, "--json", "--budget", &budget];
    args.extend(run_seeds.iter().flat_map(|count| ["--replicates", count]));
    let answer = stdout_of(here, &args);
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    let tables = answer["tables"].as_array().expect("tables");
    let mut futures: std::collections::BTreeMap<String, Vec<Future>> = std::collections::BTreeMap::new();
    for table in tables {
        let outcome = table["outcome"].as_str().expect("an outcome");
        for row in table["rows"].as_array().expect("rows") {
            let moves: Vec<&str> =
                row["moves"].as_array().expect("moves").iter().filter_map(|of| of.as_str()).collect();
            let futures = futures.entry(moves.join(" ")).or_insert_with(|| {
                let of_seed = |run_seed: Option<u64>| {
                    let run_seed = run_seed.map(|run_seed| run_seed.to_string());
                    let mut args = vec!["fork", "past", "--at", &at_text, "--out", "future", "--force", "--quiet"];
                    args.extend(moves.iter().flat_map(|one| ["--move", one]));
                    args.extend(run_seed.iter().flat_map(|run_seed| ["--replicate", run_seed]));
                    // A fork may fail; its folder records that.
                    backstop(here, &args);
                    Future::of(&here.join("future"), at)
                };
                let run_seeds: Vec<Option<u64>> = replicates.map_or(vec![None], |count| (0..count).map(Some).collect());
                run_seeds.into_iter().map(of_seed).collect()
            });
            let count = |of: &dyn Fn(&Future) -> bool| futures.iter().filter(|future| of(future)).count() as u64;
            let what = format!("{moves:?} at {at}, {outcome}: {row}");
            let mut steps: Vec<u64> =
                futures.iter().filter_map(|future| future.reached.get(outcome).copied()).collect();
            steps.sort_unstable();
            if outcome.is_empty() {
                assert_eq!(
                    row["ended"]["runs"],
                    count(&|future| !["deadlock", "failed"].contains(&&*future.end)),
                    "{what}"
                );
            } else {
                assert_eq!(row["reached"]["runs"], steps.len() as u64, "{what}");
                assert_eq!(row["ended"]["runs"], count(&|future| future.end == outcome), "{what}");
                assert_eq!(
                    row["median_step"].as_u64(),
                    steps.get(steps.len().saturating_sub(1) / 2).copied(),
                    "{what}"
                );
            }
            assert_eq!(row["runs"], futures.len() as u64);
            assert_eq!(row["reached"]["interval"].is_null(), replicates.is_none(), "{what}");
            assert_eq!(row["deadlock"], count(&|future| future.end == "deadlock"), "{what}");
            assert_eq!(row["stalemate"], count(&|future| future.end == "stalemate"), "{what}");
            assert_eq!(row["failed"], count(&|future| future.end == "failed"), "{what}");
            for broken in row["broken"].as_array().expect("a list") {
                let name = broken["commitment"].as_str().expect("a name");
                assert_eq!(broken["runs"], count(&|future| future.broken.contains(name)), "{what}");
            }
            let named =
                futures.iter().flat_map(|future| &future.broken).collect::<std::collections::BTreeSet<_>>().len();
            assert_eq!(row["broken"].as_array().expect("a list").len(), named.min(20), "{what}");
        }
    }
    futures.len()
}

#[test]
fn forward_results_equal_those_of_forks() {
    let mut rows = 0;
    for (at, case) in (0_u64..).zip(common::stored_cases()).filter(|(at, _)| at % 6 == 1) {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path();
        std::fs::write(here.join("case.toml"), &case.scenario).expect("it can be written");
        for (name, content) in case.files.iter().filter(|(name, _)| case.scenario.contains(&format!("\"{name}\""))) {
            std::fs::write(here.join(name), content).expect("it can be written");
        }
        backstop(here, &["run", "case.toml", "--seed", &case.seed.to_string(), "--out", "past", "--quiet"]);
        let manifest: serde_json::Value = serde_json::from_str(&table(here, "past/manifest.json")).expect("JSON");
        let steps = manifest["steps"].as_u64().expect("steps");
        if steps > 0 {
            let replicates = (at % 4 == 3).then_some(2);
            rows += rows_are_forks(here, at % steps, replicates, 12);
        }
    }
    assert!(rows > 40, "{rows} sets were played");
}

#[test]
fn first_moves_are_played_from_a_fork_and_on_any_number_of_threads() {
    let folder = with_run("jeddah-2025");
    let here = folder.path();
    stdout_of(
        here,
        &["fork", "past", "--at", "2", "--set", "backstop_share=0.4", "--replicate", "7", "--out", "one", "--quiet"],
    );
    assert!(stdout_of(here, &["replay", "one"]).starts_with("verified"));
    assert!(
        stdout_of(here, &["diff", "past", "one"])
            .contains("under backstop_share = 0.4 and the random numbers of replicate 7")
    );
    let explain = ["explain", "one", "--forward", "--moves", "1", "--replicates", "3", "--csv"];
    let alone = stdout_of(here, &[&explain[..], &["--jobs", "1"]].concat());
    assert_eq!(alone, stdout_of(here, &[&explain[..], &["--jobs", "3"]].concat()));
    assert!(alone.starts_with("outcome,rank,moves,alike,runs,"), "{alone}");
    assert!(error_of(here, &["explain", "one", "--forward", "--at", "1"]).contains("was itself forked at step 2"));

    // Excluded commitments are not moves; a small budget leaves sets out and reports it.
    let told = stdout_of(
        here,
        &["explain", "past", "--forward", "--not", "partner_troops,us_backstop", "--goal", "framework"],
    );
    assert!(told.contains("uk_defence_spending") && !told.contains("us_backstop"), "{told}");
    let told = stdout_of(here, &["explain", "past", "--forward", "--budget", "10"]);
    assert!(told.contains("Simulated: 9 of 39 moves alone and 0 of 741 pairs; 10 runs"), "{told}");
    assert!(told.contains("Not simulated: 771 sets"), "{told}");
    let output = backstop(here, &["explain", "past", "--forward", "--budget", "10", "--replicates", "11"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(error_of(here, &["explain", "past", "--not", "us_backstopp"]).contains("us_backstop"));
}

/// A scenario of two cohorts whose promises wait for each other, lapse, are broken and suspended; some have a deviating
/// member.
fn crowds(seed: u64) -> String {
    let mut state = seed;
    let mut one_of = |texts: &[&str]| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        texts[usize::try_from(state >> 33).expect("31 bits") % texts.len()].to_owned()
    };
    let when = [
        "bonds(up) >= 2",
        "bonds(down) >= 1",
        "parties(aid, everyone) >= 3",
        "bound(aid, low) >= 2 or bonds(up) >= 2",
        "offers(up) >= 1 and delivered(aid, everyone) >= 1",
        "bonds(down) >= 3 and stance(low) > 0.2",
    ];
    let stay = ["step < 3", "bonds(up) + bonds(down) >= 2", "violated(down) < 1", "delivered(aid, high) <= 2"];
    let mut text =
        String::from("format = 1\n[time]\nsteps = 7\n[resources.aid]\n[groups]\neveryone = [\"high\", \"low\"]\n");
    for (cohort, name) in [("high", "up"), ("low", "down")] {
        let (size, stance, over) = (one_of(&["2", "3"]), one_of(&["0.3", "0.8", "0.1 * index"]), one_of(&["1", "3"]));
        let share = one_of(&["1", "2", "index"]);
        let (gives, due) = (one_of(&["1", "own(share)"]), one_of(&["2", "4", "9"]));
        text += &format!(
            "[cohorts.{cohort}]\nsize = {size}\nstance = \"{stance}\"\nvolatility = 0\nattributes = {{ share = \"{share}\" }}\n"
        );
        text += &format!("[commitments.{name}]\ndebtor = \"{cohort}\"\ngives = {{ aid = \"{gives}\" }}\n");
        text += &format!("when = \"{}\"\nwhile = \"{}\"\nover = {over}\n", one_of(&when), one_of(&stay));
        text += &format!("due = {due}\ngrace = {}\n", one_of(&["0", "1"]));
    }
    if one_of(&["", "odd"]) == "odd" {
        text += "[[influence]]\non = \"high_1\"\nfrom = \"low\"\nweight = 2\n";
    }
    text + "[outcomes.much]\nwhen = \"delivered(aid, everyone) >= 4\"\n[outcomes.some]\nwhen = \"bonds(down) >= 2\"\n"
}

/// Exchanging two interchangeable moves changes nothing but names: each set that was skipped has the same result as its
/// representative.
#[test]
fn interchangeable_first_moves_have_the_same_futures() {
    use backstop::analysis::{Question, interchangeable, possible_moves};
    use backstop::engine::{Checkpoint, Plan, RunOptions, RunSeed, View, run_watched};
    use backstop::sweep::{Forward, MoveSet, simulate};

    let mut alike = 0;
    for text in (0..30).map(crowds) {
        let model = common::compiled(&text, &[]).model;
        let plan = Plan::new(&model);
        let run_seed = RunSeed { seed: 1, replicate: 0 };
        let mut first = None;
        let mut keep = |moment, world: &backstop::model::World, setup: &backstop::model::Setup| {
            if moment == Checkpoint::Exchanged && first.is_none() {
                first = Some((world.clone(), setup.clone()));
            }
        };
        let _ = run_watched(&model, &plan, run_seed, RunOptions::default(), &mut keep);
        let Some((world, setup)) = first else { continue };
        let view = View { model: &model, plan: &plan, setup: &setup, world: &world };
        let Ok(moves) = possible_moves(view, &Question::default()) else { continue };
        let classes = interchangeable(view, &moves, false);
        let members = |class: u32| classes.iter().filter(|&&other| other == class).count();
        // Two members of a large class are enough, and moves in a class of their own need no check.
        let chosen: Vec<usize> = (0..moves.len())
            .filter(|&at| {
                members(classes[at]) > 1 && classes[..at].iter().filter(|&&other| other == classes[at]).count() < 2
            })
            .take(4)
            .collect();
        let moves: Vec<_> = chosen.iter().map(|&at| moves[at]).collect();
        let kinds: Vec<u32> = chosen.iter().map(|&at| classes[at]).collect();
        let apart: Vec<u32> = (0..).take(moves.len()).collect();
        let lineage = backstop::store::Lineage::single(model.clone());
        let forward = Forward {
            lineage: &lineage,
            run_seed,
            at: 0,
            moves: &moves,
            classes: &apart,
            largest: 2,
            replicates: None,
            budget: 1_000,
        };
        let futures = simulate(forward, 1, &mut |_| true).expect("there is a step 0");
        let mut known: std::collections::BTreeMap<Vec<u32>, &MoveSet> = std::collections::BTreeMap::new();
        for set in &futures.sets {
            let mut of: Vec<u32> = set.classes.iter().map(|&at| kinds[at as usize]).collect();
            of.sort_unstable();
            let Some(other) = known.insert(of, set) else { continue };
            let broken = |set: &MoveSet| set.broken.iter().map(|(_, times)| times).sum::<u64>();
            assert_eq!(other.outcomes, set.outcomes, "{text}");
            assert_eq!(
                (other.failed, other.deadlocks, other.stalemates, broken(other)),
                (set.failed, set.deadlocks, set.stalemates, broken(set)),
                "{text}"
            );
            alike += 1;
        }
    }
    assert!(alike > 30, "{alike} sets were alike");
}

#[test]
fn why_and_diff_show_graded_amounts() {
    let folder = with_run("ammunition-initiative");
    let here = folder.path();
    stdout_of(here, &["fork", "past", "--at", "2", "--move", "norway_pays=30", "--out", "other", "--quiet"]);
    let events = table(here, "other/events.csv");
    let raised = |who: &str| {
        let row =
            events.lines().find(|row| row.contains(&format!(",raised,{who},")) && row.contains(",2,")).expect(who);
        stdout_of(here, &["why", "other", row.split(',').nth(1).expect("a number")])
    };
    let norway = raised("norway");
    assert!(norway.contains("raises its promise to 30 of 100 million EUR"), "{norway}");
    assert!(norway.contains("move move_1 binds norway_pays=30"), "{norway}");
    let netherlands = raised("netherlands");
    // 0.3 of 450 from Germany, 150 from Denmark, 100 from Norway and 100 from Czechia, once all have settled.
    let quoted =
        "because its `as`, 0.3 * bound(money), came to 240 with bound(money) at 800, given in steps of 50, after:";
    assert!(netherlands.contains(quoted), "{netherlands}");
    let told = stdout_of(here, &["diff", "past", "other"]);
    assert!(told.contains("under a move that binds norway_pays=30."), "{told}");
    let alone =
        ["fork", "past", "--at", "2", "--set", "meetings.conference.package=false", "--out", "third", "--quiet"];
    stdout_of(here, &alone);
    let told = stdout_of(here, &["diff", "past", "third"]);
    let line = "germany_pays                 1: detached, 500 of 600 million EUR  2: detached, 50 of 600 million EUR";
    assert!(told.contains(line), "{told}");
}

#[test]
fn a_timeline_names_the_part_that_is_no_longer_true_and_resources_by_their_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "format = 1\n[time]\nsteps = 4\n[resources.votes]\nname = \"Votes cast\"\n[resources.electors]\n\
                unit = \"electors\"\n[actors.a]\n[actors.b]\n[definitions]\nearly = \"step < 2\"\n\
                [commitments.one]\ndebtor = \"a\"\ngives = { votes = 5, electors = 9 }\nover = 9\n\
                while = \"early and bonds(two) >= 1 and not violated(two) > 0\"\n\
                [commitments.two]\ndebtor = \"b\"\ngives = { votes = 2 }\nover = 9\n\
                while = \"step < 3 or bonds(one) >= 1\"\n";
    std::fs::write(folder.path().join("s.toml"), text).expect("a file can be written");
    let told = stdout_of(folder.path(), &["run", "s.toml"]);
    assert!(told.contains("a suspends 5 Votes cast and 9 electors, no longer true: early [one]"), "{told}");
    assert!(told.contains("b suspends 2 Votes cast, no longer true: step < 3 or bonds(one) >= 1 [two]"), "{told}");
}

/// Debtors who do the same share a line, which gives the sum of their amounts; those who do less have their own.
#[test]
fn a_line_of_the_timeline_sums_the_amounts_of_all_who_do_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let votes = [3, 5, 5, 3, 3, 7, 11, 5];
    let table: String = votes.iter().enumerate().map(|(at, votes)| format!("m{at},{votes}\n")).collect();
    std::fs::write(folder.path().join("m.csv"), format!("id,votes\n{table}")).expect("a file can be written");
    let text = "format = 1\n[time]\nsteps = 2\n[resources.votes]\n[resources.hours]\n[cohorts.all]\n\
                table = \"m.csv\"\nid = \"id\"\nattributes = { votes = { column = \"votes\" } }\n[commitments.join]\n\
                debtor = \"all\"\ngives = { votes = \"own(votes)\", hours = 2 }\nwhen = \"own(votes) < 10\"\n";
    std::fs::write(folder.path().join("s.toml"), text).expect("a file can be written");
    let told = stdout_of(folder.path(), &["run", "s.toml"]);
    let (sum, bound) = (votes.iter().sum::<i32>() - 11, votes.len() - 1);
    let first = format!(
        "m0, m1, m2 and 4 others offer, are bound to give {sum} votes and {} hours in all, hand them over",
        2 * bound
    );
    assert!(told.contains(&first), "{told}");
    assert!(told.contains("m6 offers 11 votes and 2 hours, if own(votes) < 10 [join]"), "{told}");
}

/// The sets of first moves that an explanation prints, each move as printed.
fn printed_sets(explanation: &str) -> Vec<Vec<String>> {
    let sets = explanation.lines().skip_while(|line| !line.starts_with("What would open the deadlock")).skip(2);
    let sets = sets.map_while(|line| line.strip_prefix("    ")).filter(|line| !line.starts_with("and "));
    let moves = sets.map(|line| line.split(" (").next().unwrap_or(line).replace(" and ", ", "));
    moves.map(|line| line.split(", ").map(ToOwned::to_owned).collect()).collect()
}

/// The text printed for a first move is valid for `--move`, and each printed set resolves the deadlock.
#[test]
fn the_first_moves_that_are_explained_can_be_made() {
    let head = "format = 1\n[time]\nsteps = 3\n[resources]\nmoney = {}\nmen = {}\n[actors.a]\n[actors.b]\n[actors.c]\n\
                [cohorts.d]\nsize = 3\n";
    let promise = |name: &str, debtor: &str, gives: &str| {
        format!("[commitments.{name}]\ndebtor = \"{debtor}\"\ngives = {{ {gives} }}\n")
    };
    // Burden keys; two resources, and a plain promise; a cohort that answers one actor.
    let keys = promise("half", "a", "money = { upto = 50, as = \"bound(money)\" }")
        + &promise("third", "b", "money = { upto = 40, as = \"0.3 / 0.7 * bound(money)\" }")
        + &promise("fifth", "c", "money = { upto = 10, as = \"0.2 / 0.8 * bound(money)\" }");
    let two =
        promise("both", "a", "money = { upto = 8, as = \"bound(men)\" }, men = { upto = 6, as = \"bound(money)\" }")
            + &promise(
                "other",
                "b",
                "money = { upto = 5, as = \"bound(men)\", by = 0.3 }, men = { upto = 7, as = \"bound(money)\" }",
            )
            + &promise("plain", "c", "men = 1")
            + "when = \"bound(money) >= 9\"\n";
    let crowd = promise("lead", "a", "money = { upto = 9, as = \"bound(money, d)\" }")
        + &promise("follow", "d", "money = { upto = 2, as = \"bound(money, a) / 3\" }");
    let shipped = ["backstop-and-troops", "truce-resumed", "guarantee-toy"];
    let texts = [keys, two, crowd].map(|body| head.to_owned() + &body);
    let shipped = shipped.map(|name| std::fs::read_to_string(scenario(name)).expect("a scenario"));
    for (text, at) in texts.iter().zip([0; 3]).chain(shipped.iter().zip([0, 5, 0])) {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path();
        std::fs::write(here.join("s.toml"), text).expect("a file can be written");
        stdout_of(here, &["run", "s.toml", "--out", "past", "--quiet"]);
        let (at, next) = (at.to_string(), (at + 1).to_string());
        let explanation = stdout_of(here, &["explain", "past", "--at", &at]);
        let sets = printed_sets(&explanation);
        assert!(!sets.is_empty(), "{explanation}");
        for (number, set) in sets.iter().enumerate() {
            let out = format!("out{number}");
            let mut args = vec!["fork", "past", "--at", &next, "--out", &out, "--quiet"];
            set.iter().for_each(|one| args.extend(["--move", one]));
            stdout_of(here, &args);
            let after = stdout_of(here, &["explain", &out, "--at", &next]);
            assert!(after.contains("No deadlock"), "{set:?}\n{after}");
        }
    }
}
