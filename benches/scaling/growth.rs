//! How the cost of commands grows: the rows of `docs/performance.md` for whole commands, including the start of the program
//! and its files.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{ENSEMBLE, Turns, cascade, exponent, ratio, read, seconds};

/// A cost is worse than linear if the exponent between the last two rows of a table is larger than this.
const LINEAR: f64 = 1.15;

/// A folder with scenarios, in which commands are measured.
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

    /// Runs a command, whose arguments are separated by spaces.
    fn run(&self, command: &str) {
        let status = Command::new(env!("CARGO_BIN_EXE_backstop"))
            .args(command.split(' '))
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        // A run that fails is measured too: one of them does not settle.
        assert!(status.expect("the program starts").code().is_some(), "{command}");
    }

    /// The seconds that a command takes: the best of five runs, or of fewer if they are long.
    fn time(&self, command: &str) -> f64 {
        const ENOUGH: f64 = 1.5;
        let mut best = f64::INFINITY;
        let mut all = 0.0;
        for _ in 0..5 {
            let took = seconds(|| self.run(command));
            best = best.min(took);
            all += took;
            if all + took > ENOUGH {
                break;
            }
        }
        best
    }
}

/// A column of a table: its heading, and the reason to print if it grows faster than the size.
type Measured = (&'static str, &'static str);

/// A table with a row for each size and a column for each command, each with the exponent of its growth from the
/// row before; then the columns that are worse than linear, with the reason.
fn table(page: &mut String, what: &str, sizes: &[u32], columns: &[Measured], row: &dyn Fn(&Bench, u32) -> Vec<f64>) {
    let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
    let _ = writeln!(page, "| {what} | {} |", heads.join(" | "));
    let _ = writeln!(page, "| --: |{}", " --: |".repeat(columns.len()));
    let mut before: Option<(u32, Vec<f64>)> = None;
    let mut powers = vec![f64::NAN; columns.len()];
    for &size in sizes {
        let now = row(&Bench::new(), size);
        let mut cells = Vec::new();
        for (at, &seconds) in now.iter().enumerate() {
            if seconds.is_nan() {
                cells.push("a file too large".to_owned());
                continue;
            }
            let power = before.as_ref().map(|(less, costs)| {
                powers[at] = exponent([f64::from(*less), f64::from(size)], [costs[at], seconds]);
                format!(" ({})", ratio(powers[at]))
            });
            cells.push(format!("{seconds:.3}{}", power.unwrap_or_default()));
        }
        let _ = writeln!(page, "| {size} | {} |", cells.join(" | "));
        before = Some((size, now));
    }
    page.push('\n');
    let worse: Vec<(&Measured, f64)> = columns.iter().zip(powers).filter(|(_, power)| *power > LINEAR).collect();
    if worse.is_empty() {
        page.push_str("None of them is worse than linear.\n\n");
        return;
    }
    page.push_str("Worse than linear:\n\n");
    for ((head, reason), power) in worse {
        let _ = writeln!(page, "- {head}, exponent {}: {reason}", ratio(power));
    }
    page.push('\n');
}

/// Thresholds and sparse influence, ten steps.
pub(super) fn crowds(page: &mut String) {
    page.push_str(
        "## How the cost of commands grows\n\n\
         Seconds of the whole command; in brackets the exponent of the growth from the row before to this one.\n\n\
         Actors with thresholds, and noisy stances that four neighbours influence; ten steps. `run --out` writes the events,\n\
         their causes and the series of two metrics; `replay` recomputes and verifies them.\n\n",
    );
    let columns =
        [("`check`", CACHES), ("`run`, nothing written", ENDING), ("`run --out`", ENDING), ("`replay`", CACHES)];
    table(page, "actors", &[1_000, 10_000, 100_000], &columns, &|bench, actors| {
        bench.write("crowd.toml", &crowd(actors));
        bench.write("ties.csv", &ties(actors));
        vec![
            bench.time("check crowd.toml"),
            bench.time("run crowd.toml --quiet"),
            bench.time("run crowd.toml --quiet --force --out out"),
            bench.time("replay out"),
        ]
    });
}

/// The reasons why an explanation grows faster than its gap.
const SEARCH: &str = "each first move is simulated with everything that follows from it, up to a budget of work, and \
                      every comparison of each commitment in the gap is listed.";
const RING: &str = "every move opens the ring, and each is simulated until all others have followed, so that the \
                    work is the square of the gap up to the budget.";
/// The reason why a run grows faster than its number of actors.
const ENDING: &str = "at the end of a run in a deadlock every single move is simulated with everything that follows \
                      from it, up to a budget of work, to find those that open it.";
/// The reason why linear work takes more than linear time.
const CACHES: &str = "the work is linear, but the data no longer fit into the caches.";

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
pub(super) fn gaps(page: &mut String) {
    page.push_str(
        "`explain` on a gap of this many commitments: a crowd with thresholds in which one person is missing, a ring in\n\
         which each waits for the next, and a cohort whose members make two promises that wait for each other.\n\n",
    );
    let columns = [("thresholds", SEARCH), ("ring", RING), ("two promises", SEARCH)];
    table(page, "commitments in the gap", &[10, 100, 1_000, 10_000, 100_000], &columns, &|bench, gap| {
        let mut cells = Vec::new();
        for (name, text) in [("riot", riot(gap)), ("ring", ring(gap)), ("two", two_promises(gap / 2))] {
            if text.len() as u64 > backstop::model::limits::FILE_BYTES {
                cells.push(f64::NAN);
                continue;
            }
            bench.write(&format!("{name}.toml"), &text);
            bench.run(&format!("run {name}.toml --quiet --out {name}"));
            cells.push(bench.time(&format!("explain {name}")));
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

/// Each actor declares its own commitment, so that the file grows with their number.
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

/// Graded promises that depend on each other.
pub(super) fn settling(page: &mut String) {
    page.push_str(
        "Settling: 1,000 donors who each give 1 and match the mean of the others at some rate, in a `run` without files. At\n\
         0.999999 the amounts do not settle within the limit of sweeps, and the run fails as `unsettled`.\n\n\
         | rate | seconds |\n| --: | --: |\n",
    );
    let bench = Bench::new();
    for rate in ["0.99", "0.999", "0.999999"] {
        bench.write("donors.toml", &donors(rate));
        let seconds = bench.time("run donors.toml --quiet");
        let _ = writeln!(page, "| {rate} | {seconds:.3} |");
    }
    bench.write(
        "plain.toml",
        &donors("0.99").replace("{ upto = 10000000, as = \"1 + 0.99 * bound(money) / 999\" }", "1"),
    );
    let seconds = bench.time("run plain.toml --quiet");
    let _ = writeln!(page, "| none: plain amounts | {seconds:.3} |\n");
}

fn donors(rate: &str) -> String {
    format!(
        "format = 1\n[time]\nsteps = 1\n[resources]\nmoney = {{}}\n[cohorts.donor]\nsize = 1000\n[commitments.match]\n\
         debtor = \"donor\"\ngives = {{ money = {{ upto = 10000000, as = \"1 + {rate} * bound(money) / 999\" }} }}\n"
    )
}

/// More replicates, and more points.
pub(super) fn sweeps(page: &mut String) {
    page.push_str("Sweeps of the ensemble on one core, with all their files: this many replicates of one point, or this many points.\n\n");
    let columns = [("replicates", CACHES), ("points", CACHES)];
    table(page, "runs", &[1_000, 10_000, 100_000], &columns, &|bench, runs| {
        bench.write("ensemble.toml", &read(ENSEMBLE));
        let sweep = "sweep ensemble.toml --jobs 1 --quiet --force --out out";
        [format!("--replicates {runs}"), format!("--sample lhs:{runs}")]
            .map(|what| bench.time(&format!("{sweep} {what}")))
            .to_vec()
    });
}

/// The cascade of a million members read from a table.
pub(super) fn million(page: &mut String) {
    const MEMBERS: u32 = 1_000_000;
    let bench = Bench::new();
    let members = cascade::table(MEMBERS);
    bench.write("people.csv", &members);
    bench.write("cascade.toml", cascade::SCENARIO);
    let out = bench.folder.path().join("by-hand.csv");
    let mut by_hand = || {
        let table = std::fs::read_to_string(bench.folder.path().join("people.csv")).expect("it is there");
        cascade::run(&table, std::fs::File::create(&out).expect("the disk has room")).expect("the disk has room");
    };
    let commands = [
        ("`check`", "check cascade.toml"),
        ("`run --events`", "run cascade.toml --quiet --force --events events.csv"),
        ("`run --out`: all tables, their hashes, the inputs", "run cascade.toml --quiet --force --out out"),
        ("`replay`", "replay out"),
    ];
    let [check, run, whole, replay] = commands.map(|(_, command)| move |bench: &Bench| bench.run(command));
    let turns = Turns::take(
        3,
        [&mut by_hand, &mut || check(&bench), &mut || run(&bench), &mut || whole(&bench), &mut || replay(&bench)],
    );
    let same = std::fs::read(&out).ok() == std::fs::read(bench.folder.path().join("events.csv")).ok();
    assert!(same, "the loop writes the same events");
    let best = turns.best();
    let _ = write!(
        page,
        "A cascade of thresholds among a million members read from a table, 3,700,004 events. The plain loop\n\
         (`benches/baseline/cascade.rs`) writes the same bytes as `run --events`.\n\n\
         | what | seconds | against the loop | peak memory |\n| --- | --: | --: | --: |\n\
         | plain loop, events written | {:.3} | | |\n",
        best[0],
    );
    for (at, (what, command)) in commands.iter().enumerate() {
        let (times, memory) = (ratio(turns.ratio(at + 1, 0)), memory(bench.folder.path(), command));
        let _ = writeln!(page, "| {what} | {:.3} | {times} | {memory} |", best[at + 1]);
    }
    page.push('\n');
}

/// The peak memory of a command, measured by GNU time; empty if that is not installed.
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
