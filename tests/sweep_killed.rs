//! Tests of sweeps through the program: killed, interrupted, without disk space, and resumed.
#![cfg(unix)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use common::program::PROGRAM;

const SCENARIO: &str = r#"
format = 1
[time]
steps = 30
[parameters]
floor = 3
[resources]
troops = {}
[cohorts.crowd]
size = 8
stance = { uniform = [0.3, 0.7] }
volatility = 0.1
[commitments.join]
debtor = "crowd"
gives = { troops = 1 }
offer = "stance >= 0.4"
when = "parties(troops, crowd) >= floor"
over = 2
[outcomes.alliance]
when = "bound(troops, crowd) >= floor"
[metrics]
troops_bound = "bound(troops, crowd)"
"#;

struct Case {
    folder: tempfile::TempDir,
    replicates: u64,
}

impl Case {
    fn new(replicates: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("crowd.toml"), SCENARIO).unwrap();
        Self { folder, replicates }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn arguments(&self, out: &str, more: &[&str]) -> Vec<String> {
        let replicates = self.replicates.to_string();
        let fixed =
            ["sweep", "crowd.toml", "--vary", "floor=1:6:6", "--replicates", &replicates, "--series", "--out", out];
        fixed.iter().chain(more).map(ToString::to_string).collect()
    }

    fn start(&self, out: &str, more: &[&str]) -> Child {
        let mut command = Command::new(PROGRAM);
        command.args(self.arguments(out, more)).current_dir(self.folder.path());
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn finish(&self, out: &str, more: &[&str]) -> Output {
        self.start(out, more).wait_with_output().unwrap()
    }

    #[track_caller]
    fn done(&self, out: &str, more: &[&str]) {
        let output = self.finish(out, more);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[track_caller]
    fn same(&self, a: &str, b: &str) {
        let (a, b) = (contents(&self.path(a)), contents(&self.path(b)));
        assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
        for (name, bytes) in &a {
            assert!(*bytes == b[name], "`{name}` differs");
        }
    }

    fn is_complete(&self, out: &str) -> bool {
        std::fs::read_to_string(self.path(out).join("manifest.json"))
            .is_ok_and(|text| text.contains("\"complete\": true"))
    }
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())).collect()
}

/// Times at which to kill, spread by a linear congruential sequence.
fn moments(count: u64, longest: u64) -> impl Iterator<Item = Duration> {
    let mut state = 12_345_u64;
    (0..count).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((state >> 33) % longest)
    })
}

#[test]
fn a_sweep_that_is_killed_again_and_again_ends_with_the_same_bytes() {
    let case = Case::new(800);
    case.done("whole", &["--jobs", "2"]);
    let mut killed = 0;
    for moment in moments(30, 150) {
        if case.is_complete("killed") {
            break;
        }
        let mut child = case.start("killed", &["--resume", "--jobs", "2"]);
        std::thread::sleep(moment);
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(killed >= 10, "killed {killed} times only");
    case.done("killed", &["--resume", "--jobs", "1"]);
    case.same("whole", "killed");
}

#[test]
fn an_interrupt_keeps_finished_runs() {
    let case = Case::new(3_000);
    let child = case.start("out", &["--jobs", "2"]);
    while !case.path("out").join("runs.csv").metadata().is_ok_and(|metadata| metadata.len() > 1_000) {
        std::thread::sleep(Duration::from_millis(5));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("error: interrupted: ") && said.contains("`--resume` with the same arguments continues"),
        "{said}"
    );
    let rows = std::fs::read_to_string(case.path("out").join("runs.csv")).unwrap();
    assert!(rows.ends_with('\n') && rows.lines().count() > 10);
    assert!(case.path("out").join("summary.csv").exists() && !case.is_complete("out"));
    case.done("out", &["--resume"]);
    case.done("whole", &[]);
    case.same("whole", "out");
}

#[test]
fn a_full_disk_keeps_finished_runs() {
    let case = Case::new(300);
    // A limit on the size of a file simulates a full disk.
    let script = format!("trap '' XFSZ; ulimit -f 60; exec '{}' {}", PROGRAM, case.arguments("out", &[]).join(" "));
    let output = Command::new("bash").args(["-c", &script]).current_dir(case.folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write") && said.contains("`--resume` with the same arguments continues"), "{said}");
    assert!(!case.is_complete("out"));
    case.done("out", &["--resume"]);
    case.done("whole", &[]);
    case.same("whole", "out");
}

#[test]
fn two_sweeps_do_not_write_into_one_folder() {
    let case = Case::new(3_000);
    let mut first = case.start("out", &["--jobs", "1"]);
    while !case.path("out").join("sweep.journal").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(50));
    let second = case.finish("out", &["--resume"]);
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("another command is writing into"), "{said}");
}
