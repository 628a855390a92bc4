//! Tests of the plot scripts: they draw real output folders and reject unsuitable ones.
//!
//! They need Python with pandas and matplotlib: the interpreter given by `BACKSTOP_PYTHON`, or else `python3`. Without
//! it they are ignored.

mod common;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::OnceLock;

use common::program::{Need, run, test};

fn main() -> ExitCode {
    run(vec![
        test("every_script_stands_alone_and_is_described", every_script_stands_alone_and_is_described),
        test("runs_are_drawn", runs_are_drawn).needs(needs_python),
        test("sweeps_are_drawn", sweeps_are_drawn).needs(needs_python),
        test("the_pictures_of_the_tutorial_are_made_as_it_says", the_pictures_of_the_tutorial_are_made_as_it_says)
            .needs(needs_python),
        test("folders_that_do_not_fit_are_refused", folders_that_do_not_fit_are_refused).needs(needs_python),
        test("awkward_names_and_runs_that_end_early_are_drawn", awkward_names_and_runs_that_end_early_are_drawn)
            .needs(needs_python),
        test("damaged_folders_are_refused", damaged_folders_are_refused).needs(needs_python),
        test("types_of_long_tables_are_inferred_correctly", types_of_long_tables_are_inferred_correctly)
            .needs(needs_python),
    ])
}

const SCRIPTS: [&str; 7] =
    ["commitments.py", "heatmap.py", "importance.py", "shares.py", "survival.py", "tips.py", "trajectories.py"];

/// Runs scripts one after the other in one interpreter, since starting Python takes most of the time, and returns for
/// each picture the number of colours and the share that is not background.
const DRIVER: &str = r#"
import contextlib, io, json, os, runpy, sys
import matplotlib, matplotlib.image, matplotlib.pyplot, numpy

def look(path):
    picture = (matplotlib.image.imread(path)[:, :, :3] * 15).round().astype(int)
    codes = picture @ numpy.array([256, 16, 1])
    ink = float((codes != codes[0, 0]).mean())
    return {"colours": len(numpy.unique(codes)), "ink": ink, "height": len(picture), "width": len(picture[0])}

for line in sys.stdin:
    case = json.loads(line)
    said, code = io.StringIO(), 0
    if case["script"]:
        matplotlib.rcdefaults()
        matplotlib.pyplot.close("all")
        sys.argv = [case["script"], *case["arguments"]]
        with contextlib.redirect_stderr(said):
            try:
                runpy.run_path(case["script"], run_name="__main__")
            except SystemExit as end:
                code = end.code or 0
                if isinstance(code, str):
                    said.write(code)
                    code = 1
    seen = look(case["picture"]) if os.path.exists(case["picture"]) else None
    print(json.dumps({"code": code, "said": said.getvalue(), "seen": seen}))
"#;

fn every_script_stands_alone_and_is_described() {
    let mut found: Vec<String> = std::fs::read_dir(root().join("plots"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| std::path::Path::new(name).extension().is_some_and(|extension| extension == "py"))
        .collect();
    found.sort();
    assert_eq!(found, SCRIPTS);
    let page = std::fs::read_to_string(root().join("plots/README.md")).unwrap();
    for script in SCRIPTS {
        let text = std::fs::read_to_string(root().join("plots").join(script)).unwrap();
        let header = "#!/usr/bin/env python3\n# /// script\n# requires-python = ";
        assert!(text.starts_with(header), "{script} has no inline metadata");
        assert!(page.contains(&format!("| `{script}` |")), "plots/README.md does not name {script}");
        let known = [
            "argparse",
            "json",
            "math",
            "matplotlib",
            "pandas",
            "pathlib",
            "re",
            "sys",
            "textwrap",
            "tomllib",
            "warnings",
        ];
        let imports =
            text.lines().filter_map(|line| line.strip_prefix("import ").or_else(|| line.strip_prefix("from ")));
        for import in imports {
            let module = import.split([' ', '.']).next().unwrap();
            assert!(known.contains(&module), "{script} imports {module}");
        }
    }
}

fn runs_are_drawn() {
    let python = python();
    let mut cases = Cases::default();
    let folder = tempfile::tempdir().unwrap();
    let run = |scenario: &str, name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        backstop(&[&["run", &scenario_path(scenario), "--out", out.to_str().unwrap(), "--quiet"], more].concat());
        out
    };
    let jeddah = run("jeddah-falling-out", "jeddah", &["--stances"]);
    cases.draws("trajectories.py", &jeddah, &[]);
    cases.draws("trajectories.py", &jeddah, &["--only", "troops_bound,us_willingness"]);
    cases.draws("trajectories.py", &jeddah, &["--stances"]);
    cases.draws("trajectories.py", &jeddah, &["--stances", "--only", "us,uk"]);
    cases.draws("commitments.py", &jeddah, &[]);
    cases.draws("commitments.py", &jeddah, &["--only", "us_backstop,partner_troops"]);
    // Without dates; with a violation; with offers that lapse.
    let adversary = run("adversary", "adversary", &["--set", "reinforcement=10"]);
    cases.draws("trajectories.py", &adversary, &[]);
    cases.draws("commitments.py", &adversary, &[]);
    let lapsed = run("assurance-contract", "lapsed", &["--set", "provision_point=1100"]);
    cases.draws("commitments.py", &lapsed, &[]);
    cases.check(python);
}

fn sweeps_are_drawn() {
    let python = python();
    let mut cases = Cases::default();
    let folder = tempfile::tempdir().unwrap();
    let sweep = |scenario: &str, name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        backstop(&[&["sweep", &scenario_path(scenario), "--out", out.to_str().unwrap(), "--quiet"], more].concat());
        out
    };
    let jeddah = "jeddah-2025";
    let line = sweep(jeddah, "line", &["--vary", "backstop_share=0:0.6:7", "-r", "12", "--events", "--series"]);
    cases.draws("shares.py", &line, &[]);
    cases.draws("shares.py", &line, &["--only", "framework,deadlock"]);
    cases.draws("survival.py", &line, &["--by", "backstop_share"]);
    cases.draws("trajectories.py", &line, &["--point", "3"]);
    cases.draws("commitments.py", &line, &["--run", "3"]);
    let map = sweep(jeddah, "map", &["--vary", "backstop_share=0:1:4", "--vary", "effort_asked=0.2,1,2", "-r", "5"]);
    cases.draws("heatmap.py", &map, &["--outcome", "framework"]);
    cases.draws("heatmap.py", &map, &["--by", "effort_asked,backstop_share"]);
    cases.draws("shares.py", &map, &["--by", "backstop_share", "--at", "effort_asked=0.2"]);
    cases.draws("shares.py", &map, &["--by", "backstop_share", "--bins", "4"]);
    let sample = sweep(jeddah, "sample", &["--sample", "lhs:60", "--over", "backstop_share,effort_asked,caution"]);
    cases.draws("heatmap.py", &sample, &["--by", "backstop_share,caution", "--bins", "6"]);
    cases.draws("shares.py", &sample, &["--by", "caution", "--bins", "6"]);
    cases.draws("importance.py", &sample, &[]);
    cases.draws("importance.py", &sample, &["--metric", "troops_bound", "--top", "2", "--bins", "4"]);
    cases.draws("importance.py", &sample, &["--metric", "reached_step", "--only", "caution"]);
    cases.draws("importance.py", &map, &["--outcome", "framework"]);
    let tip = ["--vary", "backstop_share=0:1", "--points", "6", "--vary", "caution=0.2,0.3", "--csv"];
    let tips = folder.path().join("tips.csv");
    std::fs::write(&tips, backstop(&[&["tip", &scenario_path(jeddah)], tip.as_slice()].concat())).unwrap();
    cases.draws("tips.py", &tips, &[]);
    let tip = ["--vary", "time.end=2016-10-15:2016-12-01", "--csv"];
    let tips = folder.path().join("dates.csv");
    std::fs::write(&tips, backstop(&[&["tip", &scenario_path("paris-agreement/paris")], tip.as_slice()].concat()))
        .unwrap();
    cases.draws("tips.py", &tips, &[]);
    // One point, no dates, and an outcome that some runs reach.
    let thresholds = sweep("normal-thresholds", "thresholds", &["-r", "200"]);
    cases.draws("survival.py", &thresholds, &[]);

    cases.refuses("shares.py", &map, &[], "the sweep varies more than one name");
    cases.refuses("shares.py", &map, &["--by", "backstop_share"], "there are several points for one value");
    cases.refuses("shares.py", &map, &["--by", "floor"], "the sweep does not vary `floor`");
    cases.refuses(
        "shares.py",
        &map,
        &["--by", "backstop_share", "--at", "effort_asked=3"],
        "the sweep has no point at",
    );
    cases.refuses("shares.py", &sample, &["--by", "caution"], "the points are a sample");
    cases.refuses("shares.py", &line, &["--only", "peace"], "there is no outcome `peace`");
    cases.refuses("heatmap.py", &line, &[], "a heat map needs a sweep over two names");
    cases.refuses("heatmap.py", &sample, &["--by", "caution,backstop_share"], "the sweep varies effort_asked too");
    cases.refuses("survival.py", &thresholds, &["--by", "sd"], "the sweep does not vary `sd`");
    cases.refuses("importance.py", &thresholds, &[], "the sweep varies nothing");
    cases.refuses("importance.py", &sample, &["--metric", "peace"], "there is no metric `peace`");
    cases.refuses("importance.py", &sample, &["--outcome", "peace"], "there is no outcome `peace`");
    cases.refuses("importance.py", &sample, &["--only", "floor"], "the sweep does not vary `floor`");
    cases.refuses("commitments.py", &map, &[], "has no events.csv");
    cases.refuses("trajectories.py", &map, &[], "has no series.csv");
    cases.check(python);
}

/// The commands in the tutorial make pictures of the same size as those that it shows.
fn the_pictures_of_the_tutorial_are_made_as_it_says() {
    let page = std::fs::read_to_string(root().join("docs/tutorial.md")).unwrap();
    let block = page.split("<!-- pictures -->\n```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let shown: Vec<&str> = page.split("](pictures/").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert_eq!(shown.len(), 2);
    for picture in &shown {
        assert!(block.contains(&format!("docs/pictures/{picture}")), "no command makes {picture}");
        let bytes = std::fs::metadata(root().join("docs/pictures").join(picture)).unwrap().len();
        assert!(bytes < 150_000, "{picture} has {bytes} bytes");
    }
    let python = python();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("docs/pictures")).unwrap();
    for line in block.lines() {
        let mut words: Vec<String> = line.split_whitespace().map(ToOwned::to_owned).collect();
        for word in &mut words {
            if word.starts_with("scenarios/") || word.starts_with("plots/") {
                root().join(&*word).to_str().unwrap().clone_into(word);
            }
        }
        let mut command = match words[0].as_str() {
            "backstop" => Command::new(common::program::PROGRAM),
            "python3" => Command::new(python),
            other => panic!("the tutorial says `{other}`"),
        };
        let output = command.args(&words[1..]).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let all = [folder.path().to_path_buf(), root()].map(|place| place.join("docs/pictures"));
    let places = all.iter().flat_map(|place| shown.iter().map(|picture| place.join(picture)));
    let cases: Vec<serde_json::Value> =
        places.map(|picture| serde_json::json!({ "script": null, "picture": picture })).collect();
    let seen = drive(python, &cases);
    let (made, kept) = seen.split_at(shown.len());
    for ((made, kept), case) in made.iter().zip(kept).zip(&cases) {
        assert_not_blank(&made["seen"], case);
        assert_not_blank(&kept["seen"], case);
        for key in ["width", "height"] {
            assert_eq!(made["seen"][key], kept["seen"][key], "{case}");
        }
    }
}

fn folders_that_do_not_fit_are_refused() {
    let python = python();
    let mut cases = Cases::default();
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    backstop(&["run", &scenario_path("chicken-and-egg"), "--out", run.to_str().unwrap(), "--quiet"]);
    let hollow = folder.path().join("hollow");
    std::fs::create_dir(&hollow).unwrap();
    let foreign = folder.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("manifest.json"), "[1, 2]").unwrap();
    cases.refuses("tips.py", &folder.path().join("nowhere"), &[], "is no file");
    cases.refuses("tips.py", &foreign.join("manifest.json"), &[], "has no column `replicate`");
    for script in SCRIPTS.into_iter().filter(|script| *script != "tips.py") {
        cases.refuses(script, &folder.path().join("nowhere"), &[], "is no folder");
        cases.refuses(script, &hollow, &[], "has no manifest.json of backstop");
        cases.refuses(script, &foreign, &[], "has no manifest.json of backstop");
        match script {
            "commitments.py" => cases.refuses(script, &run, &["--only", "peace"], "there is no commitment `peace`"),
            "trajectories.py" => cases.refuses(script, &run, &["--stances"], "series.csv has no"),
            _ => cases.refuses(script, &run, &[], "is the folder of a single run"),
        }
    }
    cases.check(python);
}

/// Runs of different lengths, a parameter and an outcome with names of columns, and terminal escapes in the title.
const AWKWARD: &str = r#"
format = 1
title = "red\u001b[31m and\u0007 loud"
[time]
steps = 10
[parameters]
n = { value = 0.5, range = [0, 1] }
share_sold = 1
[actors.a]
[shocks.s]
rate = "n"
[outcomes.sold]
when = "count(s) >= share_sold"
stop = true
[metrics]
mean = "count(s)"
"#;

fn awkward_names_and_runs_that_end_early_are_drawn() {
    let python = python();
    let mut cases = Cases::default();
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("awkward.toml");
    std::fs::write(&scenario, AWKWARD).unwrap();
    let out = folder.path().join("out");
    let vary = ["--vary", "n=0.2,0.4", "--vary", "share_sold=1,2", "-r", "20", "--events", "--series"];
    let base = ["sweep", scenario.to_str().unwrap(), "--out", out.to_str().unwrap(), "--quiet"];
    backstop(&[&base[..], &vary].concat());
    cases.draws("shares.py", &out, &["--by", "n", "--at", "share_sold=2"]);
    cases.draws("heatmap.py", &out, &["--outcome", "sold"]);
    cases.draws("trajectories.py", &out, &[]);
    cases.draws("trajectories.py", &out, &["--hold", "--point", "1"]);
    cases.draws("survival.py", &out, &["--by", "n"]);
    cases.draws("survival.py", &out, &["--hold"]);
    cases.draws("importance.py", &out, &["--metric", "mean"]);
    cases.draws("commitments.py", &out, &[]);
    cases.cases.last_mut().unwrap().1 = Some("there are no commitments".into());
    cases.check(python);
}

/// Every table and the manifest of a sweep, cut or overwritten: each gives an error, never a traceback.
fn damaged_folders_are_refused() {
    let python = python();
    let mut cases = Cases::default();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let vary = ["--vary", "caution=0.1,0.2", "--vary", "effort_asked=0,1", "--events", "--series", "--quiet"];
    backstop(&[&["sweep", &scenario_path("jeddah-2025"), "--out", out.to_str().unwrap()], &vary[..]].concat());
    let reads = [
        ("shares.py", "summary.csv", &["--by", "caution", "--at", "effort_asked=1"][..]),
        ("heatmap.py", "summary.csv", &[]),
        ("importance.py", "runs.csv", &[]),
        ("survival.py", "runs.csv", &["--outcome", "framework"]),
        ("trajectories.py", "series.csv", &[]),
        ("commitments.py", "events.csv", &[]),
    ];
    let texts = ["", "a,b\n1\n1,2,3\n", "\u{1b}[2J,\u{1b}\nx,y\n"];
    for (script, table, more) in reads {
        for (at, text) in texts.iter().enumerate() {
            let damaged = copy(&out, &folder.path().join(format!("{script}-{at}")));
            std::fs::write(damaged.join(table), text).unwrap();
            cases.refuses(script, &damaged, more, "");
        }
        let manifest = std::fs::read_to_string(out.join("manifest.json")).unwrap();
        let damaged = copy(&out, &folder.path().join(format!("{script}-manifest")));
        let edited =
            manifest.replace("\"overrides\": []", "\"overrides\": 7").replace("\"names\": [", "\"names\": [[], ");
        assert_ne!(edited, manifest);
        std::fs::write(damaged.join("manifest.json"), edited).unwrap();
        cases.refuses(script, &damaged, more, "");
    }
    cases.check(python);
}

fn copy(from: &Path, to: &Path) -> PathBuf {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    to.to_owned()
}

/// A table longer than the part from which readers infer types is read with every digit.
fn types_of_long_tables_are_inferred_correctly() {
    let python = python();
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("s.toml");
    std::fs::write(&scenario, "format = 1\n[time]\nsteps = 1\n[parameters]\np = 0\n[metrics]\nm = \"p\"\n").unwrap();
    let mut design = String::from("p\n");
    design.extend((0..20_600).map(|row| if row < 20_500 { "0\n" } else { "0.4\n" }));
    std::fs::write(folder.path().join("d.csv"), design).unwrap();
    let [scenario, design, out] = ["s.toml", "d.csv", "out"].map(|name| folder.path().join(name));
    let paths = [&scenario, &design, &out].map(|path| path.to_str().unwrap());
    backstop(&["sweep", paths[0], "--design", paths[1], "--series", "--quiet", "--out", paths[2]]);
    let script = r#"
import os, sys
import pandas
columns = {"design": ["p"], "runs": ["p", "m"], "series": ["value"], "summary": ["p", "mean/m", "max/m"]}
os.chdir(sys.argv[1])
for table, names in columns.items():
    for name in names:
        assert abs(pandas.read_csv(f"{table}.csv")[name].sum() - 40) < 1e-6, ("pandas", table, name)
        assert pandas.read_csv(f"{table}.csv", nrows=100)[name].dtype == float, ("pandas", table, name)
try:
    import duckdb
except ImportError:
    sys.exit()
for table, names in columns.items():
    for name in names:
        found = duckdb.sql(f"select sum(\"{name}\") from '{table}.csv'").fetchall()[0][0]
        assert abs(found - 40) < 1e-6, ("duckdb", table, name, found)
whole = duckdb.sql("select typeof(run), typeof(point), typeof(steps), typeof(gap) from 'runs.csv' limit 1").fetchall()[0]
assert set(whole) == {"BIGINT"}, whole
"#;
    let output = Command::new(python).args(["-c", script, paths[2]]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn scenario_path(name: &str) -> String {
    root().join(format!("scenarios/{name}.toml")).to_str().unwrap().to_owned()
}

/// An interpreter with the required packages, or the reason why there is none.
fn interpreter() -> &'static Result<OsString, String> {
    static FOUND: OnceLock<Result<OsString, String>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let python = std::env::var_os("BACKSTOP_PYTHON").unwrap_or_else(|| "python3".into());
        let probe = "import sys, tomllib, pandas, matplotlib; assert sys.version_info >= (3, 11)";
        let found = Command::new(&python).args(["-c", probe]).output();
        let can_draw = found.is_ok_and(|output| output.status.success());
        let lacks = || format!("{} is no Python from 3.11 with pandas and matplotlib", python.display());
        if can_draw { Ok(python) } else { Err(lacks()) }
    })
}

fn needs_python() -> Need {
    match interpreter() {
        Ok(_) => Need::Met,
        Err(why) => Need::Missing(why.clone()),
    }
}

fn python() -> &'static OsString {
    interpreter().as_ref().expect("the test needs it")
}

/// The standard output of a command that must succeed.
fn backstop(arguments: &[&str]) -> Vec<u8> {
    common::program::stdout_of(Path::new("."), arguments).into_bytes()
}

/// Calls of scripts with the expected results.
#[derive(Default)]
struct Cases {
    pictures: Option<tempfile::TempDir>,
    cases: Vec<(serde_json::Value, Option<String>)>,
}

impl Cases {
    fn add(&mut self, name: &str, folder: &Path, more: &[&str], message: Option<&str>) {
        let pictures = self.pictures.get_or_insert_with(|| tempfile::tempdir().unwrap());
        let picture = pictures.path().join(format!("{}.png", self.cases.len()));
        let picture = picture.to_str().unwrap();
        let arguments = [&[folder.to_str().unwrap(), "--out", picture], more].concat();
        let script = root().join("plots").join(name);
        let case = serde_json::json!({ "script": script, "arguments": arguments, "picture": picture });
        self.cases.push((case, message.map(ToOwned::to_owned)));
    }

    /// The script prints nothing and writes a picture that is not blank.
    fn draws(&mut self, name: &str, folder: &Path, more: &[&str]) {
        self.add(name, folder, more, None);
    }

    /// The script ends with this message and a remedy, and writes nothing.
    fn refuses(&mut self, name: &str, folder: &Path, more: &[&str], message: &str) {
        self.add(name, folder, more, Some(message));
    }

    fn check(self, python: &OsString) {
        let asked: Vec<serde_json::Value> = self.cases.iter().map(|(case, _)| case.clone()).collect();
        for ((case, message), answer) in self.cases.iter().zip(drive(python, &asked)) {
            let (said, seen) = (answer["said"].as_str().unwrap(), &answer["seen"]);
            match message {
                None => {
                    assert!(answer["code"] == 0 && said.is_empty(), "{case}: {said}");
                    assert_not_blank(seen, case);
                }
                Some(message) => {
                    assert!(answer["code"] == 1 && seen.is_null(), "{case}: {answer}");
                    assert!(said.starts_with("error: ") && said.contains(message), "{case}: {said}");
                    assert!(said.contains("= help: ") || message.starts_with("there are no"), "{case}: {said}");
                    assert!(!said.contains('\u{1b}'), "{case}: {said:?}");
                }
            }
        }
    }
}

/// One answer for each case.
fn drive(python: &OsString, cases: &[serde_json::Value]) -> Vec<serde_json::Value> {
    let mut command = Command::new(python);
    command.args(["-c", DRIVER]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = cases.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n") + "\n";
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len());
    answers
}

fn assert_not_blank(seen: &serde_json::Value, case: &serde_json::Value) {
    let number = |key: &str| seen[key].as_f64().unwrap_or_else(|| panic!("{case}: no picture"));
    assert!(number("colours") > 10.0 && (0.01..0.9).contains(&number("ink")), "{case}: {seen}");
    assert!(number("width") >= 600.0 && number("height") >= 300.0, "{case}: {seen}");
}
