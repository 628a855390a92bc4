//! Tests of every command that writes files: killed at every system call and without disk space, its output is
//! complete, absent or can be resumed. Long sweeps are also killed at any time, again and again, and interrupted.
//! `tests/folders.rs` tests that other files are kept.
//!
//! The list of commands comes from the program itself, so a new one cannot be forgotten.
#![cfg(target_os = "linux")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::Duration;

use common::program::{Need, PROGRAM, Subcommand, run, subcommands, test};
use common::writers::{
    Kind, READ, READERS, WRITERS, Writer, differing, done, errors, plainly, reset, through, tree, workplace, writers,
};

fn main() -> ExitCode {
    run(vec![
        test("every_command_that_writes_is_known", every_command_that_writes_is_known),
        test(
            "a_kill_at_any_call_leaves_nothing_a_complete_folder_or_a_resumable_one",
            a_kill_at_any_call_leaves_nothing_a_complete_folder_or_a_resumable_one,
        )
        .needs(strace),
        test(
            "a_disk_error_at_any_call_is_reported_and_keeps_existing_files",
            a_disk_error_at_any_call_is_reported_and_keeps_existing_files,
        )
        .needs(strace),
        test(
            "a_file_that_cannot_grow_is_reported_and_keeps_existing_files",
            a_file_that_cannot_grow_is_reported_and_keeps_existing_files,
        ),
        test(
            "a_sweep_that_is_killed_again_and_again_ends_with_the_same_bytes",
            a_sweep_that_is_killed_again_and_again_ends_with_the_same_bytes,
        ),
        test("an_interrupt_keeps_finished_runs", an_interrupt_keeps_finished_runs),
        test("a_full_disk_keeps_finished_runs", a_full_disk_keeps_finished_runs),
        test("two_sweeps_do_not_write_into_one_folder", two_sweeps_do_not_write_into_one_folder),
    ])
}

fn every_command_that_writes_is_known() {
    let mut unknown = Vec::new();
    for Subcommand { name, flags } in &subcommands() {
        let known = |flag: &str| WRITERS.iter().any(|(command, own, _)| command == name && *own == flag);
        if !READERS.contains(&name.as_str()) && WRITERS.iter().all(|(command, ..)| command != name) {
            unknown.push(name.clone());
        }
        for flag in flags {
            let is_read = READ.iter().any(|&(command, own)| command == name && own == flag.name);
            let writes = flag.takes_path && !is_read && !known(&flag.name);
            if writes || ["--force", "--resume"].contains(&flag.name.as_str()) && READERS.contains(&name.as_str()) {
                unknown.push(format!("{name} {}", flag.name));
            }
        }
    }
    assert_eq!(unknown, Vec::<String>::new(), "what this file does not know");
}

// ---------------------------------------------------------------- killed, and without room

/// System calls that write. A full disk is not a reason for those after the fourth to fail.
const CALLS: [&str; 7] = ["write", "fsync", "rename", "mkdir", "unlink", "rmdir", "flock"];

/// Whether `strace` can make calls fail here.
fn strace() -> Need {
    let trial = Command::new("strace").args(["-qq", "-o", "/dev/null", "-e", "trace=write", "true"]).output();
    match trial {
        Ok(output) if output.status.success() => Need::Met,
        Ok(_) => Need::Forbidden("strace may not trace".into()),
        Err(error) => Need::Missing(format!("strace: {error}")),
    }
}

/// The contents of the destination before the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// A whole output of the same kind, with other bytes.
    Old,
}

/// One writer in a folder of its own.
struct Trial<'a> {
    here: &'a Path,
    writer: Writer,
    before: Before,
    /// The contents of the folder before and after the command without faults.
    old: BTreeMap<PathBuf, Vec<u8>>,
    new: BTreeMap<PathBuf, Vec<u8>>,
}

impl<'a> Trial<'a> {
    fn new(here: &'a Path, writer: Writer, before: Before) -> Self {
        let mut trial = Self { here, writer, before, old: BTreeMap::new(), new: BTreeMap::new() };
        trial.set_up();
        trial.old = tree(here);
        done(here, &trial.line(), "undisturbed");
        trial.new = tree(here);
        assert_ne!(trial.old, trial.new, "{}", writer.line);
        trial
    }

    fn line(&self) -> String {
        let force = if self.before == Before::Old { " --force" } else { "" };
        format!("{}{force}", self.writer.line)
    }

    fn set_up(&self) {
        reset(self.here);
        match (self.before, self.writer.kind) {
            (Before::Nothing, _) => {}
            (Before::Old, Kind::Folder) => done(self.here, "run s.toml --seed 7 --stances -q --out OUT", "before"),
            (Before::Old, Kind::Sweep) => done(self.here, "sweep s.toml --vary p=1,2,3 -q --out OUT", "before"),
            (Before::Old, _) => fs::write(self.here.join(self.writer.place), "old").expect("it can be written"),
        }
    }

    /// The output of a killed command is complete, or known to be incomplete, and the next command corrects it.
    fn check_killed(&self, what: &str) {
        let found = tree(self.here);
        let place = self.here.join(self.writer.place);
        let is_aside = |path: &Path| path.to_string_lossy().contains("/.backstop-partial-");
        let left: Vec<String> = differing(self.here, &self.old, &found)
            .into_iter()
            .filter(|name| !name.starts_with("OUT") && !is_aside(&self.here.join(name)))
            .collect();
        assert_eq!(left, Vec::<String>::new(), "{what}: something else is there");
        let of_place = |tree: &BTreeMap<PathBuf, Vec<u8>>| {
            let own = tree.iter().filter(|(path, _)| path.starts_with(&place) && !is_aside(path));
            own.map(|(path, bytes)| (path.clone(), bytes.clone())).collect::<BTreeMap<_, _>>()
        };
        let (old, new, now) = (of_place(&self.old), of_place(&self.new), of_place(&found));
        // The unsorted runs and the journal of a sweep are removed last; until then they are harmless.
        let mut without_leftovers = now.clone();
        for name in ["sweep.journal", "runs.unsorted.csv"] {
            without_leftovers.remove(&place.join(name));
        }
        let is_whole = now == old || without_leftovers == new;
        if !is_whole {
            let says_so = match fs::read_to_string(place.join("manifest.json")) {
                Err(_) => self.before == Before::Old || self.writer.grows(),
                // A merge is not resumed, but done again.
                Ok(manifest) => self.writer.grows() && manifest.contains("\"complete\": false"),
            };
            assert!(says_so && self.writer.kind != Kind::File, "{what}: {:?}", now.keys());
        }
        let is_there = place.exists() || self.here.join("OUT.slurm").exists();
        let again = match self.writer.kind {
            // The output was written, but the command was killed before it could report that.
            Kind::New if is_there => String::new(),
            Kind::Sweep if is_there && now != old => format!("{} --resume", self.writer.line),
            _ if is_there => format!("{} --force", self.writer.line),
            _ => self.writer.line.to_owned(),
        };
        if again.is_empty() || again.ends_with("--resume") && !self.can_resume(&again) {
            return;
        }
        done(self.here, &again, what);
        let left = differing(self.here, &tree(self.here), &self.new);
        assert_eq!(left, Vec::<String>::new(), "{what}: after `{again}`");
    }

    /// Whether a sweep was resumed; if its folder is known to be incomplete and cannot be resumed, it is started again.
    fn can_resume(&self, again: &str) -> bool {
        if plainly(self.here, again).status.success() {
            return true;
        }
        done(self.here, &format!("{} --force", self.writer.line), "begun anew");
        assert_eq!(differing(self.here, &tree(self.here), &self.new), Vec::<String>::new(), "begun anew");
        false
    }

    /// After a command without disk space, the former contents are unchanged, or it can be resumed.
    fn check_refused(&self, output: &Output, what: &str) {
        let said = errors(output);
        assert_eq!(output.status.code(), Some(1), "{what}: {said}");
        // A task on a cluster reports what it cannot write in its own log.
        let is_told = |line: &str| {
            line.starts_with("error: cannot ")
                || self.writer.line.contains("--slurm") && line.starts_with("error: task ")
        };
        assert!(said.lines().any(is_told), "{what}: {said}");
        let found = tree(self.here);
        let left = differing(self.here, &self.old, &found);
        if left.is_empty() || found == self.new {
            return;
        }
        let aside: Vec<&PathBuf> =
            found.keys().filter(|path| path.to_string_lossy().contains(".backstop-partial-")).collect();
        assert!(aside.is_empty(), "{what}: it clears up after itself: {aside:?}");
        assert!(self.writer.grows() || said.contains("cannot restore"), "{what}: {left:?} {said}");
        self.check_killed(what);
    }
}

/// All writers, into a new place and over existing output, each in a folder of its own.
fn try_all(question: impl Fn(&mut Trial<'_>) -> u32 + Sync) -> u32 {
    let olds = writers().filter(|writer| writer.kind != Kind::New).map(|writer| (writer, Before::Old));
    let all: Vec<_> = writers().map(|writer| (writer, Before::Nothing)).chain(olds).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let mut met = 0;
        while let Some(&(writer, before)) = all.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            let folder = workplace();
            let own = question(&mut Trial::new(folder.path(), writer, before));
            assert!(own > 0, "{}: nothing was met", writer.line);
            met += own;
        }
        met
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(4);
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        started.into_iter().map(|thread| thread.join().expect("no question fails")).sum()
    })
}

/// Every call of every kind fails once, at its `nth` occurrence.
fn at_every_call(trial: &Trial<'_>, fault: &str, calls: &[&str], check: impl Fn(&Output, &str)) -> u32 {
    let mut met = 0;
    for call in calls {
        for nth in 1.. {
            assert!(nth < 200, "the faults come to an end");
            trial.set_up();
            // Some systems have the call only under another name.
            let inject = format!("inject=?{call},?{call}at,?{call}at2:{fault}:when={nth}");
            let output = through(trial.here, "strace", &["-qq", "-o", "/dev/null", "-e", &inject], &trial.line());
            let what = format!("`{}` with {fault} at {call} {nth}: {}", trial.line(), errors(&output));
            if output.status.success() {
                let left = differing(trial.here, &tree(trial.here), &trial.new);
                // If only the final cleanup fails, the output is complete.
                let is_met = left.iter().any(|name| name.starts_with(".backstop-partial-"));
                assert!(left.iter().all(|name| name.starts_with(".backstop-partial-")), "{what}: {left:?}");
                if is_met {
                    met += 1;
                    continue;
                }
                break;
            }
            check(&output, &what);
            met += 1;
        }
    }
    met
}

fn a_kill_at_any_call_leaves_nothing_a_complete_folder_or_a_resumable_one() {
    let met = try_all(|trial| {
        at_every_call(trial, "signal=SIGKILL", &CALLS, |output, what| {
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(9), "{what}");
            trial.check_killed(what);
        })
    });
    assert!(met >= 300, "{met} kills");
}

fn a_disk_error_at_any_call_is_reported_and_keeps_existing_files() {
    let met = try_all(|trial| {
        at_every_call(trial, "error=ENOSPC", &CALLS[..4], |output, what| trial.check_refused(output, what))
    });
    assert!(met >= 300, "{met} faults");
}

/// A limit on the size of files simulates a disk that becomes full in the middle of a file.
fn a_file_that_cannot_grow_is_reported_and_keeps_existing_files() {
    let met = try_all(|trial| {
        let mut met = 0;
        for kib in [0, 1, 2, 3, 5] {
            trial.set_up();
            let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
            let output = through(trial.here, "bash", &["-c", &script], &trial.line());
            let what = format!("`{}` with {kib} KiB: {}", trial.line(), errors(&output));
            if output.status.success() {
                assert_eq!(differing(trial.here, &tree(trial.here), &trial.new), Vec::<String>::new(), "{what}");
            } else {
                // The arguments of a cluster's task belong to the task.
                trial.check_refused(&output, &what);
                met += 1;
            }
        }
        met
    });
    assert!(met >= 20, "{met} refused");
}

// ---------------------------------------------------------------- long sweeps

/// A crowd, a metric, and a parameter to vary.
const CROWD: &str = r#"
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

/// A sweep of the crowd in a folder of its own.
struct Case {
    folder: tempfile::TempDir,
    replicates: u64,
}

impl Case {
    fn new(replicates: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("crowd.toml"), CROWD).unwrap();
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
        fs::read_to_string(self.path(out).join("manifest.json")).is_ok_and(|text| text.contains("\"complete\": true"))
    }
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
}

/// Times at which to kill, spread by a linear congruential sequence.
fn moments(count: u64, longest: u64) -> impl Iterator<Item = Duration> {
    let mut state = 12_345_u64;
    (0..count).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((state >> 33) % longest)
    })
}

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

fn an_interrupt_keeps_finished_runs() {
    let case = Case::new(3_000);
    let child = case.start("out", &["--jobs", "2"]);
    while !case.path("out").join("runs.csv").metadata().is_ok_and(|metadata| metadata.len() > 1_000) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Not SIGINT, which a shell that starts the tests in the background sets to be ignored.
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("error: interrupted: ") && said.contains("`--resume` with the same arguments continues"),
        "{said}"
    );
    let rows = fs::read_to_string(case.path("out").join("runs.csv")).unwrap();
    assert!(rows.ends_with('\n') && rows.lines().count() > 10);
    assert!(case.path("out").join("summary.csv").exists() && !case.is_complete("out"));
    case.done("out", &["--resume"]);
    case.done("whole", &[]);
    case.same("whole", "out");
}

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
