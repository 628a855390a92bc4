//! Tests of output folders under faults: on a full disk, when the program is killed, and when other files are in the
//! way, a folder is complete or does not exist. Errors are reported with exit code 1.
//!
//! Tests that need to mount a file system are ignored without the permission.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_types, reason = "processes are killed at random moments of the clock")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use common::program::{Need, PROGRAM, run, test};
use common::{catalogue, scenarios};

fn main() -> ExitCode {
    run(vec![
        test("a_file_that_cannot_grow_leaves_nothing", a_file_that_cannot_grow_leaves_nothing),
        test(
            "a_full_disk_creates_nothing_and_keeps_existing_files",
            a_full_disk_creates_nothing_and_keeps_existing_files,
        )
        .needs(small_disk),
        test("a_killed_program_leaves_a_complete_folder_or_none", a_killed_program_leaves_a_complete_folder_or_none),
        test("a_folder_that_is_not_empty_is_refused_and_kept", a_folder_that_is_not_empty_is_refused_and_kept),
        test("invalid_places_for_a_folder_are_rejected", invalid_places_for_a_folder_are_rejected),
        test("a_parent_that_may_not_be_written_is_refused", a_parent_that_may_not_be_written_is_refused)
            .needs(bound_by_permissions),
        test("empty_folders_of_every_kind_are_filled", empty_folders_of_every_kind_are_filled),
        test("a_mounted_folder_is_filled", a_mounted_folder_is_filled).needs(small_disk),
        test("permissions_of_files_follow_the_umask", permissions_of_files_follow_the_umask),
        test("events_that_cannot_be_written_fail_the_command", events_that_cannot_be_written_fail_the_command),
        test("a_long_log_that_cannot_be_written_leaves_nothing", a_long_log_that_cannot_be_written_leaves_nothing),
        test("a_full_standard_output_fails_every_command", a_full_standard_output_fails_every_command),
        test("results_and_warnings_have_streams_of_their_own", results_and_warnings_have_streams_of_their_own),
        test("a_closed_pipe_is_not_an_error", a_closed_pipe_is_not_an_error),
        test("a_full_standard_error_changes_no_exit_code", a_full_standard_error_changes_no_exit_code),
    ])
}

/// The files of a complete folder.
const FILES: [&str; 5] = ["commitments.csv", "events.csv", "manifest.json", "runs.csv", "series.csv"];

fn scenario(name: &str) -> String {
    scenarios().join(format!("{name}.toml")).display().to_string()
}

/// A folder on the disk of the build directory.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

/// A scenario file with an error, in a folder.
fn bad_file(folder: &tempfile::TempDir) -> String {
    let case = catalogue::cases("domain").into_iter().find(|case| case.name == "amount_negative");
    let file = folder.path().join("bad.toml");
    fs::write(&file, case.expect("the case is there").bytes).expect("a file can be written");
    file.display().to_string()
}

fn backstop(arguments: &[&str]) -> Output {
    common::program::backstop(Path::new("."), arguments)
}

fn shell(script: &str) -> Output {
    Command::new("bash").args(["-c", script]).output().expect("bash starts")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts that the program failed with exit code 1 and reported the reason.
#[track_caller]
fn assert_failed(output: &Output, words: &str) {
    let said = errors(output);
    assert_eq!(output.status.code(), Some(1), "{:?}: {said}", output.status);
    assert!(said.starts_with("error: ") && said.contains(words), "expected `{words}`: {said}");
}

/// Every file of a folder with its bytes; `None` if the folder does not exist.
fn contents(path: &Path) -> Option<BTreeMap<String, Vec<u8>>> {
    let entries = fs::read_dir(path).ok()?.map(|entry| entry.expect("an entry").path());
    let named = entries.filter(|path| path.is_file()).map(|path| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read(&path).expect("a file can be read"))
    });
    Some(named.collect())
}

/// The names in a folder.
fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The complete folder of a run without faults, and its bytes.
fn whole(name: &str, seed: &str) -> (tempfile::TempDir, BTreeMap<String, Vec<u8>>) {
    let parent = folder();
    let out = parent.path().join("run");
    let output = backstop(&["run", &scenario(name), "--seed", seed, "-q", "--out", &out.display().to_string()]);
    assert!(output.status.success(), "{}", errors(&output));
    let files = contents(&out).expect("it is there");
    assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), FILES);
    (parent, files)
}

// ---------------------------------------------------------------- a full disk

/// A limit on the size of files simulates a disk that becomes full in the middle of a file.
fn a_file_that_cannot_grow_leaves_nothing() {
    let (_keep, expected) = whole("jeddah-2025", "0");
    let (mut refused, mut written) = (0, 0);
    for kib in [0, 1, 2, 4, 8, 16, 32, 64, 128, 256] {
        let parent = folder();
        let out = parent.path().join("run");
        // Errors go through a pipe, which has no limit.
        let output = shell(&format!(
            "trap '' XFSZ; ulimit -f {kib}; exec '{PROGRAM}' run '{}' -q --out '{}'",
            scenario("jeddah-2025"),
            out.display()
        ));
        if output.status.success() {
            assert_eq!(contents(&out).as_ref(), Some(&expected), "{kib} KiB");
            written += 1;
        } else {
            assert_failed(&output, "cannot write");
            assert_eq!(names(parent.path()), Vec::<String>::new(), "{kib} KiB");
            refused += 1;
        }
    }
    assert!(refused >= 4 && written >= 1, "{refused} refused, {written} written");
}

/// Runs a script in which `/mnt` is a file system with this many bytes.
fn on_small_disk(bytes: u32, script: &str) -> Output {
    let mount = format!("mount -t tmpfs -o size={bytes} tmpfs /mnt && cd /mnt || exit 77\n{script}");
    Command::new("unshare").args(["-r", "-m", "bash", "-c", &mount]).output().expect("unshare starts")
}

/// Whether a file system can be mounted.
fn small_disk() -> Need {
    let mount = "mount -t tmpfs -o size=4096 tmpfs /mnt";
    match Command::new("unshare").args(["-r", "-m", "bash", "-c", mount]).output() {
        Ok(output) if output.status.success() => Need::Met,
        Ok(_) => Need::Forbidden("nothing can be mounted".into()),
        Err(error) => Need::Missing(format!("unshare: {error}")),
    }
}

/// Whether permissions on folders apply to the user of the tests.
fn bound_by_permissions() -> Need {
    let output = Command::new("id").arg("-u").output();
    let is_root = output.is_ok_and(|output| output.stdout == b"0\n");
    if is_root { Need::Forbidden("root may write everywhere".into()) } else { Need::Met }
}

/// On a full disk nothing is created, and existing files are kept.
fn a_full_disk_creates_nothing_and_keeps_existing_files() {
    let run = format!("'{PROGRAM}' run '{}' -q", scenario("jeddah-2025"));
    let (mut refused, mut written) = (0, 0);
    for kib in [4, 12, 20, 40, 64, 100, 160, 400] {
        let script = format!("{run} --out run >out; echo \"exit $?\"; ls -A; '{PROGRAM}' replay run");
        let output = on_small_disk(kib << 10, &script);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        if shown.starts_with("exit 0\n") {
            assert!(shown.contains("out\nrun\nverified:"), "{kib} KiB: {shown}");
            written += 1;
        } else {
            assert_eq!(shown, "exit 1\nout\n", "{kib} KiB: {}", errors(&output));
            assert!(errors(&output).contains("No space left on device"), "{kib} KiB: {}", errors(&output));
            refused += 1;
        }
    }
    assert!(refused >= 3 && written >= 1, "{refused} refused, {written} written");

    // The old folder fits; a second one beside it does not.
    let script = format!(
        "{run} --out run >/dev/null && cp -r run /tmp/old-$$ && dd if=/dev/zero of=filler bs=1k 2>/dev/null
        {run} --seed 1 --out run --force >/dev/null; echo \"exit $?\"; ls -A . run
        diff -r run /tmp/old-$$ && echo unchanged; rm -r /tmp/old-$$"
    );
    let output = on_small_disk(300 << 10, &script);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let listing = format!("filler\nrun\n\nrun:\n{}\n", FILES.join("\n"));
    assert_eq!(shown, format!("exit 1\n.:\n{listing}unchanged\n"), "{}", errors(&output));
}

// ---------------------------------------------------------------- killed

/// Asserts that the folder does not exist or is complete after a fault.
fn assert_whole_or_nothing(out: &Path, expected: &BTreeMap<String, Vec<u8>>, what: &str) {
    let parent = out.parent().expect("a parent");
    for name in names(parent) {
        assert!(name == "run" || name.starts_with(".backstop-partial-"), "{what}: `{name}` is left");
    }
    if let Some(found) = contents(out) {
        assert_eq!(&found, expected, "{what}: the folder is not whole");
    }
}

/// Kills the program at about sixty random times.
fn a_killed_program_leaves_a_complete_folder_or_none() {
    let (_keep, expected) = whole("jeddah-2025", "0");
    let scenario = scenario("jeddah-2025");
    let began = Instant::now();
    let _whole = whole("jeddah-2025", "0");
    let lifetime = began.elapsed();
    let (mut killed, mut whole_folders) = (0, 0);
    let mut state = 0x9e37_79b9_u64;
    for _ in 0..60 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = f64::from(u32::try_from(state >> 32).expect("32 bits")) / f64::from(u32::MAX);
        let parent = folder();
        let out = parent.path().join("run");
        let mut child = Command::new(PROGRAM)
            .args(["run", &scenario, "-q", "--out", &out.display().to_string()])
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        std::thread::sleep(lifetime.mul_f64(share).max(Duration::from_micros(100)));
        child.kill().expect("it can be killed");
        killed += u32::from(child.wait().expect("it ends").signal() == Some(9));
        assert_whole_or_nothing(&out, &expected, "killed");
        whole_folders += u32::from(out.exists());
    }
    assert!(killed >= 10, "{killed} of 60 were killed in time, {whole_folders} folders were whole");
}

// ---------------------------------------------------------------- somebody is in the way

fn a_folder_that_is_not_empty_is_refused_and_kept() {
    let (parent, old) = whole("adversary", "0");
    let out = parent.path().join("run");
    let shown = out.display().to_string();
    let refused = backstop(&["run", &scenario("stag-hunt"), "--out", &shown]);
    assert_failed(&refused, "is not empty");
    assert!(errors(&refused).contains("--force"), "the remedy is named");
    assert!(refused.stdout.is_empty(), "nothing is run");
    assert_eq!(contents(&out).as_ref(), Some(&old));

    // With `--force` the files of the program are replaced and others kept; see also `tests/folders.rs`.
    fs::write(out.join("notes.txt"), "mine").expect("a file can be written");
    let forced = backstop(&["run", &scenario("stag-hunt"), "-q", "--out", &shown, "--force"]);
    assert!(forced.status.success(), "{}", errors(&forced));
    let mut expected: Vec<&str> = FILES.to_vec();
    expected.insert(3, "notes.txt");
    assert_eq!(names(&out), expected);
    assert!(backstop(&["replay", &shown]).status.success());
}

fn invalid_places_for_a_folder_are_rejected() {
    let parent = folder();
    let file = parent.path().join("file");
    fs::write(&file, "mine").expect("a file can be written");
    let run = |out: &Path| backstop(&["run", &scenario("adversary"), "--out", &out.display().to_string()]);
    assert_failed(&run(&file), "is a file, not a folder");
    assert_failed(&run(&file.join("run")), "");
    assert_failed(&run(Path::new("/proc/nobody/run")), "cannot write in");
    assert_failed(&run(Path::new("/dev/null")), "is a file, not a folder");
    std::os::unix::fs::symlink("nowhere", parent.path().join("dangling")).expect("a link can be made");
    assert_failed(&run(&parent.path().join("dangling")), "cannot write");
    assert_eq!(names(parent.path()), ["dangling", "file"]);
    assert_eq!(fs::read(&file).expect("it is there"), b"mine");
}

fn a_parent_that_may_not_be_written_is_refused() {
    let parent = folder();
    let unwritable = parent.path().join("unwritable");
    fs::create_dir(&unwritable).expect("a folder can be made");
    fs::set_permissions(&unwritable, std::os::unix::fs::PermissionsExt::from_mode(0o555)).expect("it is ours");
    let out = unwritable.join("run").display().to_string();
    assert_failed(&backstop(&["run", &scenario("adversary"), "--out", &out]), "cannot write");
    assert_eq!(names(&unwritable), Vec::<String>::new());
}

fn empty_folders_of_every_kind_are_filled() {
    let (_keep, expected) = whole("adversary", "0");
    let parent = folder();
    let make = |name: &str| -> PathBuf {
        let path = parent.path().join(name);
        fs::create_dir(&path).expect("a folder can be made");
        path
    };
    let (plain, real, here) = (make("plain"), make("real"), make("here"));
    std::os::unix::fs::symlink("real", parent.path().join("link")).expect("a link can be made");
    let deep = parent.path().join("a/b/c/");
    for (cwd, out, place) in [
        (parent.path(), "plain", &plain),
        (parent.path(), "link", &real),
        (parent.path(), "a/b/c/", &deep),
        (&here, ".", &here),
    ] {
        let mut command = Command::new(PROGRAM);
        let output = command.current_dir(cwd).args(["run", &scenario("adversary"), "-q", "--out", out]).output();
        let output = output.expect("the program starts");
        assert!(output.status.success(), "{out}: {}", errors(&output));
        assert_eq!(contents(place).as_ref(), Some(&expected), "{out}");
    }
}

/// A mount point can be filled, but not replaced.
fn a_mounted_folder_is_filled() {
    let script =
        format!("'{PROGRAM}' run '{}' -q --out /mnt >/dev/null && '{PROGRAM}' replay /mnt", scenario("adversary"));
    let output = on_small_disk(1 << 20, &script);
    assert!(output.status.success(), "{}", errors(&output));
}

fn permissions_of_files_follow_the_umask() {
    let parent = folder();
    let (out, events) = (parent.path().join("run"), parent.path().join("events.csv"));
    let (out, events) = (out.display(), events.display());
    let run = shell(&format!(
        "umask 022; '{PROGRAM}' run '{}' -q --out '{out}' --events '{events}' >/dev/null && stat -c %a '{out}' '{out}'/* '{events}'",
        scenario("adversary")
    ));
    assert_eq!(String::from_utf8_lossy(&run.stdout), "755\n644\n644\n644\n644\n644\n644\n", "{}", errors(&run));
}

// ---------------------------------------------------------------- standard output

fn events_that_cannot_be_written_fail_the_command() {
    let full = backstop(&["run", &scenario("adversary"), "--events", "/dev/full"]);
    assert_failed(&full, "cannot write `/dev/full`");
    let parent = folder();
    let missing = parent.path().join("missing/events.csv");
    assert_failed(
        &backstop(&["run", &scenario("adversary"), "--events", &missing.display().to_string()]),
        "cannot write",
    );
    assert_failed(
        &backstop(&["run", &scenario("adversary"), "--events", &parent.path().display().to_string()]),
        "is a folder, not a file",
    );
    assert_eq!(names(parent.path()), Vec::<String>::new());
}

/// Of a log of 120,002 events, most is written while the run goes on.
fn a_long_log_that_cannot_be_written_leaves_nothing() {
    let parent = folder();
    let (file, out) = (parent.path().join("s.toml"), parent.path().join("events.csv"));
    let crowd = "format = 1\n[time]\nsteps = 1\n[resources]\nr = {}\n[cohorts.c]\nsize = 30000\n\
        [commitments.join]\ndebtor = \"c\"\ngives = { r = 1 }\n";
    fs::write(&file, crowd).expect("a file can be written");
    let (file, events) = (file.display(), out.display());
    for kib in [0, 64, 1_024, 2_048, 4_096] {
        let output =
            shell(&format!("trap '' XFSZ; ulimit -f {kib}; exec '{PROGRAM}' run '{file}' -q --events '{events}'"));
        assert_failed(&output, "cannot write");
        assert_eq!(names(parent.path()), ["s.toml"], "{kib} KiB");
    }
    fs::write(&out, "mine").expect("a file can be written");
    let output =
        shell(&format!("trap '' XFSZ; ulimit -f 1024; exec '{PROGRAM}' run '{file}' -q --force --events '{events}'"));
    assert_failed(&output, "cannot write");
    assert_eq!((names(parent.path()).len(), fs::read(&out).expect("it is there")), (2, b"mine".to_vec()));
    let output = shell(&format!("exec '{PROGRAM}' run '{file}' -q --force --events '{events}'"));
    assert!(output.status.success(), "{}", errors(&output));
    let lines = fs::read_to_string(&out).expect("text").lines().count();
    assert_eq!((names(parent.path()).len(), lines), (2, 120_003));
}

fn a_full_standard_output_fails_every_command() {
    let (parent, _) = whole("jeddah-2025", "0");
    let run = parent.path().join("run").display().to_string();
    let jeddah = scenario("jeddah-2025");
    let bad = bad_file(&parent);
    for command in [
        format!("run '{jeddah}'"),
        format!("run '{jeddah}' -q"),
        format!("run '{jeddah}' --events -"),
        format!("replay '{run}'"),
        format!("replay '{run}' --at 5"),
        format!("replay '{run}' --metric 'm=step'"),
        format!("why '{run}' 100"),
        format!("check --json '{bad}'"),
        "schema".into(),
        "completions bash".into(),
    ] {
        let output = shell(&format!("exec '{PROGRAM}' {command} >/dev/full"));
        assert_eq!(output.status.code(), Some(1), "{command}: {}", errors(&output));
        assert!(errors(&output).contains("error: cannot write to standard output"), "{command}: {}", errors(&output));
    }
}

/// Warnings go to standard error, and results to standard output.
fn results_and_warnings_have_streams_of_their_own() {
    let folder = folder();
    let text = "format = 1\n[time]\nsteps = 2\n[actors.us]\n[groups]\nnobody_reads_this = [\"us\"]\n";
    fs::write(folder.path().join("warned.toml"), text).expect("a file can be written");
    let output = common::program::backstop(folder.path(), &["run", "warned.toml"]);
    assert_eq!(output.status.code(), Some(0));
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(shown.trim_start().split('\n').next(), Some("2 steps; 1 actor, 0 commitments; seed 0"));
    assert!(shown.contains("Outcome: stalemate") && !shown.contains("warning"), "{shown}");
    let said = errors(&output);
    assert!(said.starts_with("warning: the group `nobody_reads_this` is never used\n --> warned.toml:6:1\n"), "{said}");
    assert!(!said.contains("Outcome"), "{said}");
}

fn a_closed_pipe_is_not_an_error() {
    let jeddah = scenario("jeddah-2025");
    for command in [format!("run '{jeddah}'"), format!("run '{jeddah}' --events -"), "schema".into()] {
        let output = shell(&format!("set -o pipefail; '{PROGRAM}' {command} | head -n 1"));
        assert_eq!(output.status.code(), Some(0), "{command}: {}", errors(&output));
        assert_eq!(errors(&output), "", "{command}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
    }
    let closed = shell(&format!("exec '{PROGRAM}' run '{jeddah}' >&-"));
    assert!(closed.status.code() != Some(101), "{}", errors(&closed));
}

/// If standard error cannot be written, the exit code is still right.
fn a_full_standard_error_changes_no_exit_code() {
    let parent = folder();
    let bad = bad_file(&parent);
    for (command, code) in [(format!("check '{bad}'"), 1), (format!("run '{bad}'"), 1), ("replay /nowhere".into(), 1)] {
        let output = shell(&format!("exec '{PROGRAM}' {command} 2>/dev/full"));
        assert_eq!(output.status.code(), Some(code), "{command}");
        let output = shell(&format!("exec '{PROGRAM}' {command} >/dev/full 2>/dev/full"));
        assert_eq!(output.status.code(), Some(code), "{command}");
    }
}
