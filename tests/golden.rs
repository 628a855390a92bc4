//! Golden tests: the bytes of the log of every shipped scenario and the explanation of every deadlock among them are
//! kept, since simulation results are an API.
//!
//! `tests/golden/logs.csv` holds, of every scenario under the seeds 0 and 1, the status and outcome, the number
//! of events, the history hash and the SHA-256 of `events.csv`; the logs of fewer than 60 events stand in full in
//! `logs.txt`, once where the seed makes no difference, each after a line `==== NAME SEED`. `explained.txt` has what
//! `explain` says of each that ends in a deadlock. After a change that is meant to change them,
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
use common::program::stdout_of;
use common::{run_shipped, scenarios, shipped};

/// The seeds of the kept logs.
const SEEDS: [u64; 2] = [0, 1];

/// Logs with fewer events than this are kept in full.
const SMALL: usize = 60;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The kept data of the logs, by file name.
fn logs() -> BTreeMap<&'static str, String> {
    let mut table = String::from("scenario,seed,outcome,events,history_hash,events_sha256\n");
    let mut full: BTreeMap<String, String> = BTreeMap::new();
    for name in shipped() {
        for seed in SEEDS {
            let ran = run_shipped(&name, &[], seed);
            let log = ran.events();
            let (events, hash, sha) = (ran.run.log.len(), ran.run.history.text(), digest(&log).0);
            writeln!(table, "{name},{seed},{},{events},{hash},{sha}", ran.outcome()).expect("a string is writable");
            let log = String::from_utf8(log).expect("the log is UTF-8");
            // If a scenario has no random numbers, one log is enough.
            let is_new = !full.values().any(|kept| *kept == log);
            if events < SMALL && is_new {
                full.insert(format!("{name} {seed}"), log);
            }
        }
    }
    assert!(full.len() > 10, "there are small logs");
    BTreeMap::from([("logs.csv", table), ("logs.txt", joined(&full))])
}

/// The texts joined, each after its name.
fn joined(texts: &BTreeMap<String, String>) -> String {
    texts.iter().map(|(name, text)| format!("==== {name}\n{text}")).collect()
}

/// Compares texts with those kept under these names, or stores them when blessing.
fn compare(now: &BTreeMap<&'static str, String>) {
    let bless = std::env::var_os("BACKSTOP_BLESS").is_some();
    let mut complaints = Vec::new();
    for (name, text) in now {
        let path = folder().join(name);
        if bless {
            fs::write(&path, text).expect("a golden file can be written");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        if kept != *text {
            complaints.push(format!("{name}: {}", difference(&kept, text)));
        }
    }
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    assert!(
        complaints.is_empty(),
        "in the {profile} build {} golden files differ (`BACKSTOP_BLESS=1` accepts that):\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

/// The first line in which two texts differ, from both.
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
    compare(&logs());
}

#[test]
fn deadlocks_are_explained_as_ever() {
    let gap = |name: String| {
        let ran = run_shipped(&name, &[], 0);
        (ran.outcome() == "deadlock").then_some((name, ran.run.gap.unwrap_or(0)))
    };
    let deadlocks: Vec<(String, u32)> = shipped().into_iter().filter_map(gap).collect();
    assert!(deadlocks.len() >= 5, "{deadlocks:?}");
    let explained = |(name, gap): (String, u32)| {
        // The search for summit sets of many actors takes long.
        let more: &[&str] = if gap <= 24 { &["--summit", "--keystones"] } else { &["--keystones"] };
        let text = stdout_of(&scenarios(), &[&["explain", &format!("{name}.toml")], more].concat());
        assert!(text.lines().count() < 40, "{name}: too long to read\n{text}");
        (name, text)
    };
    compare(&BTreeMap::from([("explained.txt", joined(&deadlocks.into_iter().map(explained).collect()))]));
}

/// Every golden file belongs to a test.
#[test]
fn no_golden_file_is_stale() {
    let entries = fs::read_dir(folder()).expect("the golden files are there");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["explained.txt", "logs.csv", "logs.txt"]);
}
