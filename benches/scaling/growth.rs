//! How the cost of commands grows: rows of `docs/performance.md` that are measured on the program itself, with its start
//! and all its files.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{best_of, cascade, ratio};

/// A folder with scenarios, and what a command in it takes.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("the disk has room");
    }

    /// Seconds of a command, the best of some; its arguments are separated by spaces.
    fn time(&self, times: usize, command: &str) -> f64 {
        best_of(times, || {
            let status = Command::new(env!("CARGO_BIN_EXE_backstop"))
                .args(command.split(' '))
                .current_dir(self.folder.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            // A run that fails, as settling without end must, is measured too.
            assert!(status.expect("the program starts").code().is_some(), "{command}");
        })
    }
}

/// A table, a row for each size and a column for each command, each with how many times the one before it is.
fn table(page: &mut String, what: &str, sizes: &[u32], columns: &[&str], row: &dyn Fn(&Bench, u32) -> Vec<f64>) {
    let _ = writeln!(page, "| {what} | {} |", columns.join(" | "));
    let _ = writeln!(page, "| --: |{}", " --: |".repeat(columns.len()));
    let mut before: Option<Vec<f64>> = None;
    for &size in sizes {
        let now = row(&Bench::new(), size);
        let cells = now.iter().enumerate().map(|(at, seconds)| {
            if seconds.is_nan() {
                return "beyond the size of a file".to_owned();
            }
            let times = before.as_ref().map(|before| format!(" (× {})", ratio(seconds / before[at])));
            format!("{seconds:.3}{}", times.unwrap_or_default())
        });
        let _ = writeln!(page, "| {size} | {} |", cells.collect::<Vec<_>>().join(" | "));
        before = Some(now);
    }
    page.push('\n');
}

/// All tables.
pub(super) fn section(page: &mut String) {
    page.push_str("## How the cost of commands grows\n\nSeconds, of the whole command; in brackets how many times the row before.\n\n");
    crowds(page);
    gaps(page);
    settling(page);
    million(page);
}

/// Thresholds and sparse influence, ten steps.
fn crowds(page: &mut String) {
    page.push_str(
        "Actors with thresholds, and noisy stances that four neighbours influence; ten steps. `run` writes the events, their\n\
         causes and the series of two metrics; `replay` folds and verifies them.\n\n",
    );
    let columns = ["`check`", "`run`, nothing written", "`run --out`", "`replay`"];
    table(page, "actors", &[1_000, 10_000, 100_000], &columns, &|bench, actors| {
        bench.write("crowd.toml", &crowd(actors));
        bench.write("ties.csv", &ties(actors));
        let times = if actors > 10_000 { 2 } else { 5 };
        vec![
            bench.time(times, "check crowd.toml"),
            bench.time(times, "run crowd.toml --quiet"),
            bench.time(times, "run crowd.toml --quiet --force --out out"),
            bench.time(times, "replay out"),
        ]
    });
}

fn crowd(actors: u32) -> String {
    format!(
        "format = 1\n[time]\nsteps = 10\n[resources]\nvoice = {{}}\n[cohorts.c]\nsize = {actors}\n\
         stance = \"0.2 + 0.6 * index / size\"\nvolatility = 0.02\nsusceptibility = 0.5\n\
         attributes = {{ least = {{ uniform = [-100, {actors}] }} }}\n[[influence]]\ntable = \"ties.csv\"\n\
         [commitments.join]\ndebtor = \"c\"\ngives = {{ voice = 1 }}\nwhen = \"parties(voice) >= own(least) and stance >= 0.1\"\n\
         [outcomes.half]\nwhen = \"parties(voice) >= {actors} / 2\"\n\
         [metrics]\njoined = \"parties(voice)\"\nmood = \"stance(c)\"\n"
    )
}

fn ties(actors: u32) -> String {
    let mut text = String::from("from,on,weight\n");
    for on in 0..actors {
        for way in [1, 2, actors - 1, actors - 2] {
            let _ = writeln!(text, "c_{},c_{},1", (on + way) % actors + 1, on + 1);
        }
    }
    text
}

/// Deadlocks of ever larger gaps.
fn gaps(page: &mut String) {
    page.push_str(
        "`explain` on a gap of so many commitments: a riot in which one is missing, a ring in which each waits for the next,\n\
         and two promises of each member that wait for each other.\n\n",
    );
    let columns = ["thresholds", "ring", "two promises"];
    table(page, "commitments in the gap", &[10, 100, 1_000, 10_000, 100_000], &columns, &|bench, gap| {
        let times = if gap > 1_000 { 1 } else { 5 };
        let mut cells = Vec::new();
        for (name, text) in [("riot", riot(gap)), ("ring", ring(gap)), ("two", two_promises(gap / 2))] {
            if text.len() as u64 > backstop::model::limits::FILE_BYTES {
                cells.push(f64::NAN);
                continue;
            }
            bench.write(&format!("{name}.toml"), &text);
            bench.time(1, &format!("run {name}.toml --quiet --out {name}"));
            cells.push(bench.time(times, &format!("explain {name}")));
        }
        cells
    });
}

const HEAD: &str = "format = 1\n[time]\nsteps = 1\n[resources]\nword = {}\n";

fn riot(members: u32) -> String {
    format!(
        "{HEAD}[cohorts.c]\nsize = {members}\nattributes = {{ least = \"max(index - 1, 1)\" }}\n[commitments.join]\n\
         debtor = \"c\"\ngives = {{ word = 1 }}\nwhen = \"parties(word) >= own(least)\"\n"
    )
}

/// Each declares for itself for whom it waits, so that the file grows with them.
fn ring(members: u32) -> String {
    let mut text = String::from(HEAD);
    for at in 0..members {
        let next = (at + 1) % members;
        let _ = write!(
            text,
            "[actors.a{at}]\n[commitments.c{at}]\ndebtor=\"a{at}\"\ngives={{word=1}}\nwhen=\"bonds(c{next})>=1\"\n"
        );
    }
    text
}

fn two_promises(members: u32) -> String {
    let promise = |name: &str| {
        format!("[commitments.{name}]\ndebtor = \"c\"\ngives = {{ word = 1 }}\nwhen = \"bound(word) >= 1\"\n")
    };
    format!("{HEAD}[cohorts.c]\nsize = {members}\n{}{}", promise("one"), promise("other"))
}

/// Graded promises that answer each other.
fn settling(page: &mut String) {
    page.push_str(
        "Settling: 1,000 donors who each give 1 and match the mean of the others at some rate, in a `run` without files. At\n\
         0.999999 the amounts do not settle within the limit of sweeps, and the run fails as `unsettled`.\n\n\
         | rate | seconds |\n| --: | --: |\n",
    );
    let bench = Bench::new();
    for rate in ["0.99", "0.999", "0.999999"] {
        bench.write("donors.toml", &donors(rate));
        let seconds = bench.time(3, "run donors.toml --quiet");
        let _ = writeln!(page, "| {rate} | {seconds:.3} |");
    }
    bench.write(
        "plain.toml",
        &donors("0.99").replace("{ upto = 10000000, as = \"1 + 0.99 * bound(money) / 999\" }", "1"),
    );
    let seconds = bench.time(3, "run plain.toml --quiet");
    let _ = writeln!(page, "| none: plain amounts | {seconds:.3} |\n");
}

fn donors(rate: &str) -> String {
    format!(
        "format = 1\n[time]\nsteps = 1\n[resources]\nmoney = {{}}\n[cohorts.donor]\nsize = 1000\n[commitments.match]\n\
         debtor = \"donor\"\ngives = {{ money = {{ upto = 10000000, as = \"1 + {rate} * bound(money) / 999\" }} }}\n"
    )
}

/// The cascade of a million members read from a table.
fn million(page: &mut String) {
    const MEMBERS: u32 = 1_000_000;
    let bench = Bench::new();
    let members = cascade::table(MEMBERS);
    bench.write("people.csv", &members);
    bench.write("cascade.toml", cascade::SCENARIO);
    let out = bench.folder.path().join("by-hand.csv");
    let hand = best_of(3, || {
        let table = std::fs::read_to_string(bench.folder.path().join("people.csv")).expect("it is there");
        cascade::run(&table, std::fs::File::create(&out).expect("the disk has room")).expect("the disk has room");
    });
    let check = bench.time(2, "check cascade.toml");
    let run = bench.time(3, "run cascade.toml --quiet --force --events events.csv");
    let whole = bench.time(2, "run cascade.toml --quiet --force --out out");
    let replay = bench.time(1, "replay out");
    let same = std::fs::read(&out).ok() == std::fs::read(bench.folder.path().join("events.csv")).ok();
    assert!(same, "the loop writes the same events");
    let _ = write!(
        page,
        "A cascade of thresholds among a million members read from a table, 3,700,004 events (`benches/baseline/cascade.rs` is\n\
         the loop; it writes the same bytes).\n\n\
         | what | seconds | against the loop | peak memory |\n| --- | --: | --: | --: |\n\
         | plain loop, events written | {hand:.3} | | |\n"
    );
    let times = |seconds: f64| ratio(seconds / hand);
    let memory = |command: &str| memory(bench.folder.path(), command);
    let rows = [
        ("`check`", check, "check cascade.toml"),
        ("`run --events`", run, "run cascade.toml --quiet --force --events events.csv"),
        ("`run --out`: all tables, their hashes, the inputs", whole, "run cascade.toml --quiet --force --out out"),
        ("`replay`", replay, "replay out"),
    ];
    for (what, seconds, command) in rows {
        let _ = writeln!(page, "| {what} | {seconds:.3} | {} | {} |", times(seconds), memory(command));
    }
    page.push('\n');
}

/// The most memory that a command takes, by GNU time; empty where that is not installed.
fn memory(folder: &Path, command: &str) -> String {
    let output = Command::new("/usr/bin/time")
        .args(["--format", "%M"])
        .arg(env!("CARGO_BIN_EXE_backstop"))
        .args(command.split(' '))
        .current_dir(folder)
        .stdout(Stdio::null())
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
    let kilobytes = text.lines().last().and_then(|line| line.trim().parse::<u64>().ok());
    kilobytes.map_or_else(String::new, |kilobytes| format!("{} MiB", kilobytes / 1024))
}
