//! Sweeps on a real Slurm of one node; `tests/slurm/run` starts it.
#![cfg(target_os = "linux")]

mod common;

use std::process::{Command, ExitCode};

use common::program::{Need, PROGRAM, run, test};

fn main() -> ExitCode {
    run(vec![
        test("sweeps_run_on_a_cluster", sweeps_run_on_a_cluster).needs(slurm),
        test("a_banner_and_a_cluster_do_not_hide_the_job", a_banner_and_a_cluster_do_not_hide_the_job),
        test("a_task_that_still_holds_its_shard_is_awaited", a_task_that_still_holds_its_shard_is_awaited),
        test("requests_to_a_busy_cluster_are_retried", requests_to_a_busy_cluster_are_retried),
        test(
            "an_unreadable_job_id_is_refused_and_leaves_no_files",
            an_unreadable_job_id_is_refused_and_leaves_no_files,
        ),
        test(
            "the_folder_of_an_array_is_replaced_only_if_it_is_one",
            the_folder_of_an_array_is_replaced_only_if_it_is_one,
        ),
        test("the_script_is_printed_as_it_is", the_script_is_printed_as_it_is),
    ])
}

/// Whether Slurm is installed, and may be started.
fn slurm() -> Need {
    let is_there = |tool: &&str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
    };
    let tools = ["munged", "munge", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo"];
    if let Some(tool) = tools.iter().find(|tool| !is_there(tool)) {
        return Need::Missing(format!("{tool} is not installed"));
    }
    let output = Command::new("id").arg("-u").output();
    let is_root = output.is_ok_and(|output| output.stdout == b"0\n");
    if is_root { Need::Met } else { Need::Forbidden("only root starts Slurm".into()) }
}

fn sweeps_run_on_a_cluster() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slurm/run");
    let output = Command::new("bash").args([script, PROGRAM]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", String::from_utf8_lossy(&output.stdout));
    assert!(!output.stdout.is_empty(), "the script says what it did");
}

/// Replacements for Slurm's commands: `sbatch` runs each task at once in the background, `squeue` lists those that run.
const SBATCH: &str = r#"#!/bin/bash
state=$(dirname "$0")/state; mkdir -p "$state"
echo sbatch >> "$state/log"
if [ -e "$state/busy" ]; then
    rm "$state/busy"
    echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2
    exit 1
fi
[ -e "$state/mute" ] && { echo "Queued."; exit 0; }
for last; do :; done
for task in 1 2; do
    touch "$state/alive_7_$task"
    ( sleep 5; SLURM_ARRAY_TASK_ID=$task bash "$last" > "$state/said_$task" 2>&1
      [ -e "$state/slow" ] && flock "$(dirname "$last")/shard-$task" sleep 3
      rm "$state/alive_7_$task" ) > /dev/null 2>&1 &
done
echo "Welcome; the cluster is open"
echo "7;serial"
"#;
const SQUEUE: &str = r#"#!/bin/bash
state=$(dirname "$0")/state
for last; do :; done
if [ "$last" != 7 ] || [[ " $* " != *" --clusters=serial "* ]]; then
    echo "slurm_load_jobs error: Invalid job id specified" >&2
    exit 1
fi
echo "CLUSTER: serial"
for file in "$state"/alive_*; do [ -e "$file" ] && echo "${file##*alive_} RUNNING"; done
exit 0
"#;
const SCENARIO: &str = "format = 1\n[time]\nsteps = 2\n[parameters]\np = 0\n[metrics]\nm = \"p\"\n";

/// A folder with the two commands, and a scenario whose name looks like an option and like a file of the array.
fn field() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("sbatch", SBATCH), ("squeue", SQUEUE)] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::fs::create_dir_all(folder.path().join("state")).unwrap();
    std::fs::create_dir_all(folder.path().join("# 1")).unwrap();
    for name in ["-x.toml", "job.sh"] {
        std::fs::write(folder.path().join(name), SCENARIO).unwrap();
    }
    std::fs::write(folder.path().join("# 1/job.sh"), "p\n1\n2\n").unwrap();
    folder
}

fn sweep(folder: &std::path::Path, arguments: &[&str]) -> std::process::Output {
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    Command::new(PROGRAM)
        .arg("sweep")
        .args(["--slurm", "2", "--quiet"])
        .args(arguments)
        .current_dir(folder)
        .env("PATH", path)
        .output()
        .unwrap()
}

fn submissions(folder: &std::path::Path) -> usize {
    std::fs::read_to_string(folder.join("state/log")).unwrap().lines().count()
}

fn a_banner_and_a_cluster_do_not_hide_the_job() {
    let folder = field();
    let here = folder.path();
    let arguments = ["--design", "# 1/job.sh", "-r", "3", "--out", "out", "job.sh"];
    let output = sweep(here, &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(submissions(here), 1);
    let runs = std::fs::read_to_string(here.join("out/runs.csv")).unwrap();
    assert_eq!(runs.lines().count(), 7, "{runs}");
    assert!(!here.join("out.slurm").exists());
}

fn a_task_that_still_holds_its_shard_is_awaited() {
    let folder = field();
    let here = folder.path();
    std::fs::write(here.join("state/slow"), "").unwrap();
    let output = sweep(here, &["--vary", "p=1,2", "--out", "out", "job.sh"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(submissions(here), 1);
    assert!(here.join("out/runs.csv").exists());
}

fn requests_to_a_busy_cluster_are_retried() {
    let folder = field();
    let here = folder.path();
    std::fs::write(here.join("state/busy"), "").unwrap();
    let output = sweep(here, &["--vary", "p=1,2", "--out", "# 1/out", "--", "-x.toml"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(submissions(here), 2);
    assert!(here.join("# 1/out/runs.csv").exists());
}

fn an_unreadable_job_id_is_refused_and_leaves_no_files() {
    let folder = field();
    let here = folder.path();
    std::fs::write(here.join("state/mute"), "").unwrap();
    let output = sweep(here, &["--vary", "p=1,2", "--out", "out", "job.sh"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("sbatch gives no job id, but says: Queued."), "{said}");
    assert!(!here.join("out.slurm").exists() && !here.join("out").exists());
    assert_eq!(submissions(here), 1);
}

fn the_folder_of_an_array_is_replaced_only_if_it_is_one() {
    let folder = field();
    let here = folder.path();
    std::fs::create_dir(here.join("out.slurm")).unwrap();
    std::fs::write(here.join("out.slurm/thesis.txt"), "years").unwrap();
    let output = sweep(here, &["--vary", "p=1,2", "--out", "out", "--force", "job.sh"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("was not written by this program"), "{said}");
    assert_eq!(std::fs::read_to_string(here.join("out.slurm/thesis.txt")).unwrap(), "years");
}

fn the_script_is_printed_as_it_is() {
    let folder = field();
    let output = sweep(folder.path(), &["--vary", "p=1,2", "--out", "zero\u{200b}width", "--print-slurm", "job.sh"]);
    let script = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && script.contains("zero\u{200b}width"), "{script}");
}
