//! Instructions counted by callgrind. Unlike times they do not depend on the load of the machine.
//!
//! Valgrind does not support vectors of 512 bits, so programs use those of 256 bits under it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{ENSEMBLE, FLAGSHIP};

/// The numbers of runs. The difference of their counts excludes the work that the program does once.
const RUNS: [u64; 2] = [50, 250];
/// The number of files in the table of shares.
const FILES: usize = 14;

/// The section of the page. Without valgrind it states that nothing was counted.
pub(super) fn section(text: &mut String) {
    text.push_str("## Instructions\n\n");
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        text.push_str("Not counted: `valgrind` is not installed.\n\n");
        return;
    }
    text.push_str(
        "Counted by callgrind (vectors of 256 bits), one thread: the instructions that each further run of a sweep\n\
         adds. These numbers do not depend on the load of the machine.\n\n\
         | what | instructions a run |\n| --- | --: |\n",
    );
    let by_hand = |which: &'static str| {
        move |runs: u64, out: &Path| {
            let program = std::env::current_exe().expect("a program has a path");
            count(program.as_os_str(), &[which, &runs.to_string()], out)
        }
    };
    let sweep = |scenario: &'static str| {
        move |runs: u64, out: &Path| {
            let folder = out.with_extension("runs");
            let _ = std::fs::remove_dir_all(&folder);
            let (runs, folder) = (runs.to_string(), folder.display().to_string());
            let arguments = ["sweep", scenario, "--replicates", &runs, "--jobs", "1", "--quiet", "--out", &folder];
            count(env!("CARGO_BIN_EXE_backstop").as_ref(), &arguments, out)
        }
    };
    let mut row = |what: &str, counted: BTreeMap<String, u64>| {
        let _ = writeln!(text, "| {what} | {} |", counted.values().sum::<u64>());
        counted
    };
    row("ensemble, hand-written loop", a_run(&by_hand("--by-hand")));
    row("ensemble, hand-written loop with its own normals and no history", a_run(&by_hand("--by-hand-free")));
    let ensemble = row("ensemble, `backstop sweep`", a_run(&sweep(ENSEMBLE)));
    row("flagship, `backstop sweep`", a_run(&sweep(FLAGSHIP)));
    text.push_str(
        "\nThe instructions of the ensemble by source file. The phases of a step are the files of `decide` and `run` with\n\
         their names; `core` and the like are loops and sorts of the standard library, wherever they are called.\n\n\
         | file | share |\n| --- | --: |\n",
    );
    let all: u64 = ensemble.values().sum();
    let mut shares: Vec<(&String, &u64)> = ensemble.iter().collect();
    shares.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (file, &count) in shares.into_iter().take(FILES) {
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let share = 100.0 * count as f64 / all as f64;
        let _ = writeln!(text, "| `{file}` | {share:.1} % |");
    }
    text.push('\n');
}

/// Instructions by file that one run adds.
fn a_run(of: &dyn Fn(u64, &Path) -> BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [few, many] = RUNS.map(|runs| of(runs, &folder.path().join("counted")));
    let added = |file: &String, count: u64| count.saturating_sub(few.get(file).copied().unwrap_or(0));
    many.iter().map(|(file, &count)| (file.clone(), added(file, count) / (RUNS[1] - RUNS[0]))).collect()
}

/// Runs a program under callgrind; its instructions by source file.
fn count(program: &std::ffi::OsStr, arguments: &[&str], out: &Path) -> BTreeMap<String, u64> {
    let mut output = std::ffi::OsString::from("--callgrind-out-file=");
    output.push(out);
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no", "--quiet"])
        .arg(output)
        .arg(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.expect("valgrind starts").success(), "callgrind: {arguments:?}");
    by_file(&std::fs::read_to_string(out).expect("callgrind writes its counts"))
}

/// Adds up the costs in a file of callgrind: the own costs of lines, not the inclusive costs of calls.
fn by_file(counts: &str) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut file = String::new();
    let mut is_call = false;
    for line in counts.lines() {
        if let Some(name) = ["fl=", "fi=", "fe="].iter().find_map(|key| line.strip_prefix(key)) {
            file = short(name);
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok());
            if !std::mem::take(&mut is_call) {
                *found.entry(file.clone()).or_default() += cost.unwrap_or(0);
            }
        }
    }
    found
}

/// The displayed name of a path: from `src` on for this project, the name of the crate for others.
fn short(path: &str) -> String {
    let own = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).map(|path| path.trim_start_matches('/'));
    let own = own
        .or_else(|| path.starts_with("src/").then_some(path))
        .or_else(|| path.starts_with("benches/").then_some(path));
    if let Some(own) = own {
        return own.to_owned();
    }
    for mark in ["/library/", "/src/index.crates.io-", "/glibc"] {
        if let Some((_, rest)) = path.split_once(mark) {
            let at = usize::from(mark.starts_with("/src"));
            let name = rest.split('/').nth(at).unwrap_or(rest);
            return name.to_owned();
        }
    }
    "others".into()
}
