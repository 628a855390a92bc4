//! The bytes of every shipped scenario's log, kept: simulation results are an API.
//!
//! `tests/golden/logs.csv` holds, of every scenario under the seeds 0 and 1, the status and outcome, the number
//! of events, the history hash and the SHA-256 of `events.csv`; the logs of fewer than 60 events stand beside it
//! in full, once where the seed makes no difference. After a change that is meant to change results,
//!
//!     BACKSTOP_BLESS=1 cargo test --test golden
//!
//! writes them anew; the changelog then names the change under 'Changes to results'.
//!
//! The files are the same for every profile and every machine. `cargo test` compares a debug build with them
//! and `.ci/run` a release build (`cargo test --release --test golden`), so that the two give the same bytes.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use backstop::store::digest;
use common::{run_shipped, shipped};

/// Seeds under which every scenario is kept.
const SEEDS: [u64; 2] = [0, 1];

/// Logs with fewer events than this are kept in full.
const SMALL: usize = 60;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// What the folder has to hold, by file name.
fn expected() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut table = String::from("scenario,seed,outcome,events,history_hash,events_sha256\n");
    for name in shipped() {
        for seed in SEEDS {
            let ran = run_shipped(&name, &[], seed);
            let log = ran.events();
            let (events, hash, sha) = (ran.run.log.len(), ran.run.history.text(), digest(&log).0);
            writeln!(table, "{name},{seed},{},{events},{hash},{sha}", ran.outcome()).expect("a string is writable");
            let log = String::from_utf8(log).expect("the log is UTF-8");
            // Where there is no luck in a scenario, one text is enough.
            let is_new = !files.values().any(|kept| *kept == log);
            if events < SMALL && is_new {
                files.insert(format!("{name}.{seed}.events.csv"), log);
            }
        }
    }
    files.insert("logs.csv".into(), table);
    files
}

/// What the folder holds, by file name.
fn kept() -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder()).expect("the golden files are there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a text"))
        })
        .collect()
}

fn bless(expected: &BTreeMap<String, String>) {
    for name in kept().keys().filter(|name| !expected.contains_key(*name)) {
        fs::remove_file(folder().join(name)).expect("an old file can be removed");
    }
    for (name, text) in expected {
        fs::write(folder().join(name), text).expect("a golden file can be written");
    }
}

/// The first line in which two texts differ, of both.
fn difference(kept: &str, now: &str) -> String {
    let (mut kept, mut now) = (kept.lines(), now.lines());
    for line in 1.. {
        match (kept.next(), now.next()) {
            (None, None) => break,
            (kept, now) if kept != now => {
                let shown = |line: Option<&str>| line.unwrap_or("(the end)").to_owned();
                return format!("line {line}\n    kept {}\n    now  {}", shown(kept), shown(now));
            }
            _ => {}
        }
    }
    "line ends".into()
}

#[test]
fn every_shipped_scenario_gives_the_same_bytes_as_ever() {
    let now = expected();
    assert!(now.len() > 10, "the small logs are among the files");
    if std::env::var_os("BACKSTOP_BLESS").is_some() {
        bless(&now);
    }
    let kept = kept();
    let mut complaints = Vec::new();
    for (name, text) in &now {
        match kept.get(name) {
            None => complaints.push(format!("{name} is missing")),
            Some(kept) if kept != text => complaints.push(format!("{name}: {}", difference(kept, text))),
            Some(_) => {}
        }
    }
    complaints.extend(kept.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("{name} is stale")));
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    assert!(
        complaints.is_empty(),
        "in the {profile} build {} golden files differ (`BACKSTOP_BLESS=1` accepts that):\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}
