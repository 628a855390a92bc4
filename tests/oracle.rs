//! Comparison with an independent implementation in Python, `tests/oracle/`, written from the specification alone.
//!
//! `tests/oracle/cases.txt` contains generated scenarios with the oracle's tables and its answers about states of their
//! runs (written by `store.py`). If python3 of at least 3.11 is installed, fresh scenarios are compared too:
//! `BACKSTOP_ORACLE_SEEDS=A..B` selects them, by default 15.

mod common;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use backstop::analysis::{self, Cost, Explanation, Question, Sets};
use backstop::engine::View;
use backstop::model::{InstanceId, OutcomeId, ResourceId};
use backstop::scenario::{Document, Options, compile};
use backstop::table::{Declared as _, RunColumn};
use common::program::{Need, run, test};
use common::{Ran, StoredCase, run_shipped, run_text, scenarios, shipped, stored_cases};
use serde_json::Value;

fn main() -> ExitCode {
    run(vec![
        test("stored_cases_give_the_rows_of_the_oracle", stored_cases_give_the_rows_of_the_oracle),
        test(
            "stored_cases_with_moves_and_forks_give_the_rows_of_the_oracle",
            stored_cases_with_moves_and_forks_give_the_rows_of_the_oracle,
        ),
        test(
            "fresh_cases_with_moves_and_forks_give_the_rows_of_the_oracle",
            fresh_cases_with_moves_and_forks_give_the_rows_of_the_oracle,
        )
        .needs(needs_python),
        test("trust_that_nobody_reads_changes_no_event", trust_that_nobody_reads_changes_no_event),
        test("stored_states_are_explained_as_by_the_oracle", stored_states_are_explained_as_by_the_oracle),
        test("fresh_cases_give_the_rows_of_the_oracle", fresh_cases_give_the_rows_of_the_oracle).needs(needs_python),
        test("shipped_scenarios_give_the_rows_of_the_oracle", shipped_scenarios_give_the_rows_of_the_oracle)
            .needs(needs_python),
    ])
}

/// The tables that the oracle writes.
const TABLES: [&str; 4] = ["events.csv", "series.csv", "commitments.csv", "runs.csv"];

fn oracle() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn records(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    reader.records().map(|record| record.expect("CSV").iter().map(ToOwned::to_owned).collect()).collect()
}

/// Whether cells are equal as texts, or as numbers in every bit.
fn same(ours: &str, theirs: &str) -> bool {
    let bits = |text: &str| text.parse::<f64>().ok().map(f64::to_bits);
    ours == theirs || bits(ours).is_some_and(|ours| Some(ours) == bits(theirs))
}

/// The first row in which two tables differ.
fn difference(table: &str, ours: &[u8], theirs: &[u8]) -> Option<String> {
    let (mut ours, theirs) = (records(ours), records(theirs));
    if table == "runs.csv" {
        // The oracle has no history hash, and other names for failures.
        let hash = ours[0].iter().position(|name| name == RunColumn::HistoryHash.name()).expect("a column");
        ours.iter_mut().for_each(|row| drop(row.remove(hash)));
        let status = theirs[0].iter().position(|name| name == "status").expect("a column");
        if ours[1][status] != "ok" && theirs[1][status] != "ok" {
            ours[1][status].clone_from(&theirs[1][status]);
        }
    }
    let rows = ours.len().max(theirs.len());
    (0..rows).find_map(|at| {
        let (left, right) = (ours.get(at), theirs.get(at));
        let equal = match (left, right) {
            (Some(left), Some(right)) => left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same(a, b)),
            _ => false,
        };
        let shown = |row: Option<&Vec<String>>| row.map_or("(no row)".to_owned(), |row| row.join(","));
        (!equal).then(|| format!("{table}, line {}\n  ours   {}\n  oracle {}", at + 1, shown(left), shown(right)))
    })
}

/// The tables of a run against those of the oracle, by name.
fn compare(ran: &Ran, seed: u64, theirs: impl Fn(&str) -> String) -> Vec<String> {
    let ours = [ran.events(), ran.series_csv(), ran.commitments_csv(), ran.runs_csv(seed)];
    let compared = TABLES.iter().zip(&ours).filter_map(|(table, ours)| {
        difference(table, ours, theirs(table).as_bytes()).map(|text| format!("seed {seed}: {text}"))
    });
    compared.collect()
}

fn assert_none(what: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{} {what}:\n{}", complaints.len(), complaints.join("\n"));
}

fn stored_cases_give_the_rows_of_the_oracle() {
    let mut kinds = std::collections::BTreeSet::new();
    let (mut failed, mut deadlocked) = (0, 0);
    let mut complaints = Vec::new();
    for case in stored_cases() {
        let ran = run_text(&case.scenario, &[], case.seed);
        complaints.extend(compare(&ran, case.seed, |table| case.files[table].clone()));
        kinds.extend(ran.run.log.iter().map(|entry| entry.event.kind().name()));
        failed += usize::from(ran.run.result.is_err());
        deadlocked += usize::from(ran.run.gap.is_some_and(|gap| gap > 0));
    }
    assert_none("tables differ", &complaints);
    assert_eq!(kinds.len(), 25, "every kind of event occurs: {kinds:?}");
    assert!(failed >= 5 && deadlocked >= 5, "{failed} failing and {deadlocked} deadlocked runs");
}

/// The moves that are added to a run, and its fork, as arguments of both programs.
#[derive(serde::Deserialize)]
struct Arguments {
    run: Vec<String>,
    at: Option<u32>,
    set: Vec<String>,
    r#move: Vec<String>,
}

impl Arguments {
    fn of_run(&self) -> Vec<String> {
        options("--move", &self.run)
    }

    fn of_fork(&self, set: &str, moved: &str) -> Vec<String> {
        [options(set, &self.set), options(moved, &self.r#move)].concat()
    }
}

fn options(name: &str, values: &[String]) -> Vec<String> {
    values.iter().flat_map(|value| [name.to_owned(), value.clone()]).collect()
}

/// Runs the program, which may fail in the run itself.
fn backstop(folder: &Path, arguments: &[&str], more: &[String]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backstop"));
    let output = command.current_dir(folder).args(arguments).args(more).output().expect("the program starts");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs a scenario with moves, forks it, and compares the tables with those of the oracle, where it has them.
fn compare_moved(
    text: &str,
    seed: u64,
    given: &Arguments,
    theirs: impl Fn(&str, &str) -> Option<String>,
) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    fs::write(here.join("scenario.toml"), text).expect("a file can be written");
    let number = seed.to_string();
    backstop(here, &["run", "scenario.toml", "-q", "--out", "moved", "--seed", &number], &given.of_run());
    if let (Some(at), Some(_)) = (given.at, theirs("forked", TABLES[0])) {
        let fork = ["fork", "moved", "-q", "--out", "forked", "--at", &at.to_string()];
        backstop(here, &fork, &given.of_fork("--set", "--move"));
    }
    let mut complaints = Vec::new();
    for kind in ["moved", "forked"] {
        for table in TABLES {
            let Some(theirs) = theirs(kind, table) else { continue };
            let ours = read(&here.join(kind).join(table));
            let difference = difference(table, ours.as_bytes(), theirs.as_bytes());
            complaints.extend(difference.map(|text| format!("seed {seed}, {kind}: {text}")));
        }
        if here.join(kind).exists() {
            backstop(here, &["replay", kind], &[]);
        }
    }
    complaints
}

fn stored_cases_with_moves_and_forks_give_the_rows_of_the_oracle() {
    let mut complaints = Vec::new();
    let (mut moved, mut forked) = (0, 0);
    for case in stored_cases() {
        let Some(given) = case.files.get("arguments.json") else { continue };
        let given: Arguments = serde_json::from_str(given).expect("arguments");
        let theirs = |kind: &str, table: &str| case.files.get(&format!("{kind}.{table}")).cloned();
        complaints.extend(compare_moved(&case.scenario, case.seed, &given, theirs));
        moved += given.run.len() + given.r#move.len();
        forked += usize::from(theirs("forked", TABLES[0]).is_some());
    }
    assert_none("tables differ", &complaints);
    assert!(moved >= 10 && forked >= 4, "{moved} moves, {forked} forks");
}

/// Whether a run, of the table of runs, was completed and goes beyond a step.
fn completes(runs: &str, step: u32) -> bool {
    let rows = records(runs.as_bytes());
    let cell = |name: &str| rows[0].iter().position(|column| column == name).map_or("", |at| rows[1][at].as_str());
    cell("status") == "ok" && cell("steps").parse::<f64>().is_ok_and(|steps| steps > f64::from(step))
}

fn fresh_cases_with_moves_and_forks_give_the_rows_of_the_oracle() {
    let folder = tempfile::tempdir().expect("a folder");
    for seed in fresh_seeds().step_by(3).map(|seed| seed + 10_000) {
        let mut generator = python();
        let text = output(generator.arg("generate.py").arg(seed.to_string()));
        let file = folder.path().join("scenario.toml");
        fs::write(&file, &text).expect("a file can be written");
        let mut generator = python();
        let given = output(generator.arg("generate.py").arg(seed.to_string()).arg("--arguments"));
        let given: Arguments = serde_json::from_str(&given).expect("arguments");
        let (moved, forked) = (folder.path().join("moved"), folder.path().join("forked"));
        run_oracle_with(&file, seed, &given.of_run(), &moved);
        let can_fork = given.at.is_some_and(|at| completes(&read(&moved.join("runs.csv")), at));
        if let (Some(at), true) = (given.at, can_fork) {
            let arguments =
                [given.of_run(), vec!["--at".into(), at.to_string()], given.of_fork("--then-set", "--then-move")];
            run_oracle_with(&file, seed, &arguments.concat(), &forked);
        }
        let theirs = |kind: &str, table: &str| {
            let is_there = kind == "moved" || can_fork;
            is_there.then(|| read(&folder.path().join(kind).join(table)))
        };
        assert_none("tables differ", &compare_moved(&text, seed, &given, theirs));
    }
}

/// Tracking trust that nothing reads does not change any event.
fn trust_that_nobody_reads_changes_no_event() {
    for StoredCase { seed, scenario: text, .. } in stored_cases() {
        let document = Document::parse("test.toml", text.as_bytes()).expect("a scenario");
        let model = compile(&document, &Options::default()).expect("a scenario").model;
        let plan = backstop::engine::Plan::new(&model);
        let run_seed = backstop::engine::RunSeed { seed, replicate: 0 };
        let run = backstop::engine::run(&model, &plan, run_seed, backstop::engine::RunOptions::default());
        assert_eq!(run.history, run_text(&text, &[], seed).run.history, "seed {seed}");
    }
}

// ---------------------------------------------------------------- explanations

fn question(ran: &Ran, answer: &Value) -> Question {
    let at = |name: &str, names: Vec<&str>| names.iter().position(|other| *other == name).expect("a known name");
    let goal = answer["goal"]
        .as_str()
        .map(|name| OutcomeId::at(at(name, ran.model.outcomes.iter().map(|outcome| outcome.id.as_str()).collect())));
    let cost = match answer["cost"].as_str().expect("a cost") {
        "moves" => Cost::Moves,
        "declared" => Cost::Declared,
        name => Cost::Resource(ResourceId::at(at(name, ran.model.resources.iter().map(|r| r.id.as_str()).collect()))),
    };
    let wanted = |key: &str| answer.get(key).is_some();
    Question { goal, cost, summit: wanted("summit"), keystones: wanted("keystones"), ..Question::default() }
}

/// Sets in the format of `explain --json`.
fn sets<T: Copy>(sets: &Sets<T>, key: &str, name: impl Fn(T) -> String) -> Value {
    let cost = |cost: Option<backstop::model::Amount>| cost.map(backstop::model::Amount::to_units);
    let listed = sets.sets.iter().map(|set| {
        let members: Vec<String> = set.members.iter().map(|&member| name(member)).collect();
        serde_json::json!({ "cost": set.cost.to_units(), key: members })
    });
    serde_json::json!({
        "lower": cost(sets.lower),
        "upper": cost(sets.upper),
        "proved": sets.proved,
        "count": sets.count,
        "sets": listed.collect::<Vec<_>>(),
    })
}

/// An explanation in the shape of the oracle's.
fn shown(ran: &Ran, explanation: &Explanation) -> Value {
    let instance = |id: InstanceId| ran.model.name_of(id).to_owned();
    let actor = |id: backstop::model::ActorId| ran.model.actors.id(id).to_owned();
    let names = |ids: &[InstanceId]| ids.iter().map(|&id| instance(id)).collect::<Vec<_>>();
    let waits = explanation.waits.iter();
    let waits = waits.map(|wait| serde_json::json!({ "from": instance(wait.from), "to": instance(wait.to) }));
    let mut shown = serde_json::json!({
        "gap": names(&explanation.gap),
        "waits": waits.collect::<Vec<_>>(),
        "circles": explanation.circles.iter().map(|circle| names(circle)).collect::<Vec<_>>(),
        "unlock": sets(&explanation.unlock, "moves", instance),
    });
    if let Some(summit) = &explanation.summit {
        shown["summit"] = sets(summit, "actors", actor);
    }
    if let Some(keystones) = &explanation.keystones {
        let listed = keystones.iter().map(|keystone| {
            let waves: Vec<Vec<String>> = keystone.waves.iter().map(|wave| names(wave)).collect();
            serde_json::json!({ "actor": actor(keystone.actor), "waves": waves })
        });
        shown["keystones"] = listed.collect();
    }
    shown
}

/// Whether two answers agree, as far as the oracle's goes; costs are millionths here and floats there.
fn agrees(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.iter().all(|(key, value)| theirs.get(key).is_some_and(|other| agrees(value, other)))
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| agrees(a, b))
        }
        (Value::Number(ours), Value::Number(theirs)) => {
            let (ours, theirs) = (ours.as_f64().expect("a number"), theirs.as_f64().expect("a number"));
            (ours - theirs).abs() <= 1e-5
        }
        (ours, theirs) => ours == theirs,
    }
}

/// Counts of comparisons, so that a test can assert that it compared something.
#[derive(Default)]
struct Compared {
    answers: usize,
    gaps: usize,
    unlocks: usize,
    summits: usize,
    keystones: usize,
}

/// Compares the oracle's answers about states of a run with ours.
fn compare_answers(ran: &Ran, seed: u64, answers: &Value, compared: &mut Compared) -> Vec<String> {
    let mut complaints = Vec::new();
    for answer in answers.as_array().expect("a list of answers") {
        let step = u32::try_from(answer["at"].as_u64().expect("a step")).expect("a step");
        let world = ran.after_exchange(step);
        let question = question(ran, answer);
        let explanation = {
            let view = View { model: &ran.model, plan: &ran.plan, setup: &ran.run.setup, world: &world };
            analysis::explain(view, &question)
        };
        let explanation = explanation.expect("the state can be explained");
        let ours = shown(ran, &explanation);
        if !agrees(&ours, answer) {
            complaints.push(format!("seed {seed}, step {step}\n  ours   {ours}\n  oracle {answer}"));
        }
        compared.answers += 1;
        compared.gaps += usize::from(!explanation.gap.is_empty());
        compared.unlocks += usize::from(explanation.unlock.sets.first().is_some_and(|set| !set.members.is_empty()));
        compared.summits += usize::from(explanation.summit.is_some_and(|summit| summit.count > 0));
        compared.keystones += usize::from(explanation.keystones.is_some_and(|keystones| !keystones.is_empty()));
    }
    complaints
}

fn stored_states_are_explained_as_by_the_oracle() {
    let mut compared = Compared::default();
    let mut complaints = Vec::new();
    for case in stored_cases() {
        let ran = run_text(&case.scenario, &[], case.seed);
        let answers = serde_json::from_str(&case.files["explain.json"]).expect("JSON");
        complaints.extend(compare_answers(&ran, case.seed, &answers, &mut compared));
    }
    assert_none("answers differ", &complaints);
    let Compared { answers, gaps, unlocks, summits, keystones } = compared;
    assert!(
        answers > 300 && gaps > 100 && unlocks > 100 && summits > 50 && keystones > 10,
        "{answers} answers, {gaps} gaps, {unlocks} unlocks, {summits} summits, {keystones} with keystones"
    );
}

// ---------------------------------------------------------------- live

/// A Python that can run the oracle.
fn python() -> Command {
    let mut command = Command::new("python3");
    command.current_dir(oracle()).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Whether there is one.
fn needs_python() -> Need {
    let check = "import sys; sys.exit(sys.version_info < (3, 11))";
    match Command::new("python3").args(["-c", check]).status() {
        Ok(status) if status.success() => Need::Met,
        Ok(_) => Need::Missing("python3 is older than 3.11".into()),
        Err(error) => Need::Missing(format!("python3: {error}")),
    }
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("python3 starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn fresh_seeds() -> Range<u64> {
    let Ok(text) = std::env::var("BACKSTOP_ORACLE_SEEDS") else { return 5_000..5_015 };
    let range = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    range.expect("BACKSTOP_ORACLE_SEEDS is A..B")
}

/// Runs the oracle; if the run fails, it exits with 1, which its tables record too.
fn run_oracle(file: &Path, seed: u64, out: &Path) {
    run_oracle_with(file, seed, &[], out);
}

fn run_oracle_with(file: &Path, seed: u64, arguments: &[String], out: &Path) {
    let mut command = python();
    command.arg("oracle.py").arg("run").arg(file).args(["--seed", &seed.to_string()]).args(arguments);
    command.arg("--out").arg(out);
    let output = command.output().expect("python3 starts");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() || !error.contains("Traceback"), "{command:?}: {error}");
}

fn fresh_cases_give_the_rows_of_the_oracle() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut complaints = Vec::new();
    let mut compared = Compared::default();
    for seed in fresh_seeds() {
        let mut generator = python();
        let text = output(generator.arg("generate.py").arg(seed.to_string()));
        let file = folder.path().join("scenario.toml");
        fs::write(&file, &text).expect("a file can be written");
        let out = folder.path().join("out");
        run_oracle(&file, seed, &out);
        let ran = run_text(&text, &[], seed);
        complaints.extend(compare(&ran, seed, |table| read(&out.join(table))));
        if seed % 3 == 0 {
            let mut solver = python();
            let answers = output(solver.args(["store.py", "--explain", &seed.to_string()]));
            let answers = serde_json::from_str(&answers).expect("JSON");
            complaints.extend(compare_answers(&ran, seed, &answers, &mut compared));
        }
    }
    assert_none("tables or answers differ", &complaints);
    assert!(compared.answers > 0, "some states were explained");
}

fn shipped_scenarios_give_the_rows_of_the_oracle() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut complaints = Vec::new();
    for name in shipped() {
        let file = scenarios().join(format!("{name}.toml"));
        let ran = run_shipped(&name, &[], 2);
        // The oracle evaluates everything in every round, which takes a minute for large scenarios; these are covered
        // by `published.rs`.
        if ran.model.actors.len() > 50 {
            continue;
        }
        run_oracle(&file, 2, folder.path());
        complaints.extend(
            compare(&ran, 2, |table| read(&folder.path().join(table))).iter().map(|text| format!("{name}: {text}")),
        );
    }
    assert_none("tables differ", &complaints);
}
