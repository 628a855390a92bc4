//! The plot scripts draw what real output folders hold, and refuse those that do not fit.
//!
//! They run where Python with pandas and matplotlib is there: the interpreter that `BACKSTOP_PYTHON` names, else
//! `python3`. Elsewhere they are left out, and each test says so.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SCRIPTS: [&str; 5] = ["commitments.py", "heatmap.py", "shares.py", "survival.py", "trajectories.py"];

/// Looks at a picture: how many colours it has, and how much of it is not background.
const LOOK: &str = r#"
import sys
import matplotlib.image
import numpy
picture = (matplotlib.image.imread(sys.argv[1])[:, :, :3] * 15).round().astype(int)
codes = picture @ numpy.array([256, 16, 1])
print(len(numpy.unique(codes)), (codes != codes[0, 0]).mean(), *picture.shape[:2])
"#;

#[test]
fn every_script_stands_alone_and_is_described() {
    let mut found: Vec<String> = std::fs::read_dir(root().join("plots"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".py"))
        .collect();
    found.sort();
    assert_eq!(found, SCRIPTS);
    let page = std::fs::read_to_string(root().join("plots/README.md")).unwrap();
    for script in SCRIPTS {
        let text = std::fs::read_to_string(root().join("plots").join(script)).unwrap();
        let header = "#!/usr/bin/env python3\n# /// script\n# requires-python = ";
        assert!(text.starts_with(header), "{script} has no inline metadata");
        assert!(page.contains(&format!("| `{script}` |")), "plots/README.md does not name {script}");
        let known = ["argparse", "json", "math", "matplotlib", "pandas", "pathlib", "re", "sys", "textwrap", "tomllib"];
        let imports =
            text.lines().filter_map(|line| line.strip_prefix("import ").or_else(|| line.strip_prefix("from ")));
        for import in imports {
            let module = import.split([' ', '.']).next().unwrap();
            assert!(known.contains(&module), "{script} imports {module}");
        }
    }
}

#[test]
fn runs_are_drawn() {
    let Some(python) = python("runs_are_drawn") else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = |scenario: &str, name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        backstop(&[&["run", &scenario_path(scenario), "--out", out.to_str().unwrap(), "--quiet"], more].concat());
        out
    };
    let jeddah = run("jeddah-falling-out", "jeddah", &["--stances"]);
    draws(&python, "trajectories.py", &jeddah, &[]);
    draws(&python, "trajectories.py", &jeddah, &["--only", "troops_bound,us_willingness"]);
    draws(&python, "trajectories.py", &jeddah, &["--stances"]);
    draws(&python, "trajectories.py", &jeddah, &["--stances", "--only", "us,uk"]);
    draws(&python, "commitments.py", &jeddah, &[]);
    draws(&python, "commitments.py", &jeddah, &["--only", "us_backstop,partner_troops"]);
    // Without dates; with a violation; with offers that lapse.
    let adversary = run("adversary", "adversary", &["--set", "reinforcement=10"]);
    draws(&python, "trajectories.py", &adversary, &[]);
    draws(&python, "commitments.py", &adversary, &[]);
    let lapsed = run("assurance-contract", "lapsed", &["--set", "provision_point=1100"]);
    draws(&python, "commitments.py", &lapsed, &[]);
}

#[test]
fn sweeps_are_drawn() {
    let Some(python) = python("sweeps_are_drawn") else { return };
    let folder = tempfile::tempdir().unwrap();
    let sweep = |scenario: &str, name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        backstop(&[&["sweep", &scenario_path(scenario), "--out", out.to_str().unwrap(), "--quiet"], more].concat());
        out
    };
    let jeddah = "jeddah-2025";
    let line = sweep(jeddah, "line", &["--vary", "backstop_share=0:0.6:7", "-r", "12", "--events", "--series"]);
    draws(&python, "shares.py", &line, &[]);
    draws(&python, "shares.py", &line, &["--only", "framework,deadlock"]);
    draws(&python, "survival.py", &line, &["--by", "backstop_share"]);
    draws(&python, "trajectories.py", &line, &["--point", "3"]);
    draws(&python, "commitments.py", &line, &["--run", "3"]);
    let map = sweep(jeddah, "map", &["--vary", "backstop_share=0:1:4", "--vary", "effort_asked=0.2,1,2", "-r", "5"]);
    draws(&python, "heatmap.py", &map, &["--outcome", "framework"]);
    draws(&python, "heatmap.py", &map, &["--by", "effort_asked,backstop_share"]);
    draws(&python, "shares.py", &map, &["--by", "backstop_share", "--at", "effort_asked=0.2"]);
    draws(&python, "shares.py", &map, &["--by", "backstop_share", "--bins", "4"]);
    let sample = sweep(jeddah, "sample", &["--sample", "lhs:60", "--over", "backstop_share,effort_asked,caution"]);
    draws(&python, "heatmap.py", &sample, &["--by", "backstop_share,caution", "--bins", "6"]);
    draws(&python, "shares.py", &sample, &["--by", "caution", "--bins", "6"]);
    // One point, no dates, and an outcome that some runs reach.
    let luck = sweep("normal-thresholds", "luck", &["-r", "200"]);
    draws(&python, "survival.py", &luck, &[]);

    refuses(&python, "shares.py", &map, &[], "the sweep varies more than one name");
    refuses(&python, "shares.py", &map, &["--by", "backstop_share"], "there are several points for one value");
    refuses(&python, "shares.py", &map, &["--by", "floor"], "the sweep does not vary `floor`");
    refuses(
        &python,
        "shares.py",
        &map,
        &["--by", "backstop_share", "--at", "effort_asked=3"],
        "the sweep has no point at",
    );
    refuses(&python, "shares.py", &sample, &["--by", "caution"], "the points are a sample");
    refuses(&python, "shares.py", &line, &["--only", "peace"], "there is no outcome `peace`");
    refuses(&python, "heatmap.py", &line, &[], "a heat map needs a sweep over two names");
    refuses(&python, "heatmap.py", &sample, &["--by", "caution,backstop_share"], "the sweep varies effort_asked too");
    refuses(&python, "survival.py", &luck, &["--by", "sd"], "the sweep does not vary `sd`");
    refuses(&python, "commitments.py", &map, &[], "has no events.csv");
    refuses(&python, "trajectories.py", &map, &[], "has no series.csv");
}

#[test]
fn folders_that_do_not_fit_are_refused() {
    let Some(python) = python("folders_that_do_not_fit_are_refused") else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    backstop(&["run", &scenario_path("chicken-and-egg"), "--out", run.to_str().unwrap(), "--quiet"]);
    let hollow = folder.path().join("hollow");
    std::fs::create_dir(&hollow).unwrap();
    let foreign = folder.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("manifest.json"), "[1, 2]").unwrap();
    for script in SCRIPTS {
        refuses(&python, script, &folder.path().join("nowhere"), &[], "is no folder");
        refuses(&python, script, &hollow, &[], "has no manifest.json of backstop");
        refuses(&python, script, &foreign, &[], "has no manifest.json of backstop");
        match script {
            "commitments.py" => refuses(&python, script, &run, &["--only", "peace"], "there is no commitment `peace`"),
            "trajectories.py" => refuses(&python, script, &run, &["--stances"], "series.csv has no"),
            _ => refuses(&python, script, &run, &[], "is the folder of a single run"),
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn scenario_path(name: &str) -> String {
    root().join(format!("scenarios/{name}.toml")).to_str().unwrap().to_owned()
}

/// An interpreter with what the scripts need.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn python(test: &str) -> Option<OsString> {
    let named = std::env::var_os("BACKSTOP_PYTHON");
    let is_named = named.is_some();
    let python = named.unwrap_or_else(|| "python3".into());
    let probe = "import sys, tomllib, pandas, matplotlib; assert sys.version_info >= (3, 11)";
    let found = Command::new(&python).args(["-c", probe]).output();
    if found.as_ref().is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(!is_named, "BACKSTOP_PYTHON cannot draw: {found:?}");
    eprintln!("LEFT OUT: {test}: python3 (3.11 or later) with pandas and matplotlib is not there");
    None
}

fn backstop(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_backstop")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn script(python: &OsString, name: &str, folder: &Path, more: &[&str], picture: &Path) -> Output {
    let mut command = Command::new(python);
    command.arg(root().join("plots").join(name)).arg(folder).arg("--out").arg(picture).args(more);
    command.output().unwrap()
}

/// The script says nothing and writes a picture that is not blank.
#[track_caller]
fn draws(python: &OsString, name: &str, folder: &Path, more: &[&str]) {
    let pictures = tempfile::tempdir().unwrap();
    let picture = pictures.path().join("picture.png");
    let output = script(python, name, folder, more, &picture);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{name} {more:?}: {said}");
    let look = Command::new(python).args(["-c", LOOK]).arg(&picture).output().unwrap();
    let found = String::from_utf8_lossy(&look.stdout).into_owned();
    let numbers: Vec<f64> = found.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [colours, ink, height, width] = numbers[..] else {
        panic!("{name} {more:?}: {}", String::from_utf8_lossy(&look.stderr))
    };
    assert!(colours > 10.0, "{name} {more:?}: {colours} colours");
    assert!((0.01..0.9).contains(&ink), "{name} {more:?}: {ink} of it is drawn on");
    assert!(width >= 600.0 && height >= 300.0, "{name} {more:?}: {width} by {height}");
}

/// The script ends with this message and a remedy, and writes nothing.
#[track_caller]
fn refuses(python: &OsString, name: &str, folder: &Path, more: &[&str], message: &str) {
    let pictures = tempfile::tempdir().unwrap();
    let picture = pictures.path().join("picture.png");
    let output = script(python, name, folder, more, &picture);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{name} {more:?}: {said}");
    assert!(said.starts_with("error: ") && said.contains(message), "{name} {more:?}: {said}");
    assert!(said.contains("= help: ") && !said.contains("Traceback"), "{name} {more:?}: {said}");
    assert!(!picture.exists());
}
