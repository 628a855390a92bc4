//! Tests of output folders: everything that the program writes it can read back.

mod common;
#[path = "common/generate.rs"]
#[expect(dead_code, reason = "each test file uses its own part")]
mod generate;

use std::path::Path;

use backstop::engine::{self, Checkpoint, Plan, RunOptions, RunSeed};
use backstop::scenario::{Document, NoAttachments, Options, Override, compile};
use backstop::store::{Folder, ForkRecord, Lineage, Manifest, OverrideRecord, RunTables, Sampler, verify};
use backstop::sweep::{DesignRecord, DesignSource, Experiment, Output, Points, Schedule, Shard, Sort, Sweep, Tables};
#[cfg(unix)]
use backstop::table::Format;
use common::program::{backstop, fails, succeeds};
#[cfg(unix)]
use common::writers::{folder_writers, plainly, tree, workplace, writers};
#[cfg(unix)]
use common::{edit_manifest, resealed};
use generate::{Allowed, Sketch, sketches};
use proptest::prelude::*;

const ALL: RunOptions = RunOptions { log: true, series: true, exchanged: true };

/// Adds features that generated scenarios lack: amounts up to the limit, draws that others depend on, and failures of
/// every phase.
fn spiced(sketch: &Sketch, spice: usize, amount: f64) -> String {
    let drawn = "floor = 0.2\nhigh = 0.9\ndrawn = { uniform = [\"floor\", \"high\"] }\n";
    let large = format!("debtor = \"us\"\ngives = {{ troops = {amount} }}\nover = 3\n");
    let sketch = sketch.extended("parameters", drawn).with(99, "commitments", "large", &large);
    let lines = |lines: &str| format!("debtor = \"us\"\ngives = {{ troops = \"drawn\" }}\n{lines}");
    let fails = "sqrt(2.5 - step) >= 0";
    let (kind, text) = match spice {
        0 => ("shocks", "rate = \"1.5 - step\"\nstance = { us = 0.1 }\n".to_owned()),
        1 => ("shocks", format!("when = \"{fails}\"\nstance = {{ us = 0.1 }}\n")),
        2 => ("outcomes", format!("when = \"{fails} and step > 5\"\n")),
        3 => ("commitments", lines(&format!("offer = \"{fails}\"\n"))),
        4 => ("commitments", lines(&format!("when = \"{fails} and bound(troops) > 1\"\n"))),
        5 => ("commitments", lines(&format!("stay = \"{fails}\"\n"))),
        // Some draws are out of their domain: the run fails before its first step.
        6 => ("commitments", "debtor = \"us\"\ngives = { troops = \"drawn - 0.5\" }\n".to_owned()),
        7 => {
            ("commitments", "debtor = \"us\"\ngives = { troops = { uniform = [0, \"high\"] } }\nover = 2\n".to_owned())
        }
        _ => ("commitments", lines("maintain = true\n")),
    };
    sketch.with(99, kind, "spice", &text).text()
}

/// Runs a scenario and writes its folder, as `run --out` does; `None` if it is not valid with these values.
fn write_run(text: &str, sets: &[Override], run_seed: RunSeed, out: &Path) -> Option<()> {
    let document = Document::parse("test.toml", text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
    let options = Options { overrides: sets.to_vec(), track_trust: true, ..Options::default() };
    let model = compile(&document, &options).ok()?.model;
    let mut sampler = Sampler::new(&model, true, true).expect("a small series");
    let run = engine::run_watched(&model, &Plan::new(&model), run_seed, ALL, &mut |moment, world, _| {
        if moment == Checkpoint::Ended {
            sampler.sample(&model, world);
        }
    });
    let tables = RunTables { first: &model, last: &model, run: &run, run_seed, sampler: &sampler, sets };
    let overrides = sets.iter().map(OverrideRecord::from).collect();
    let manifest = Manifest {
        stances: true,
        trust: true,
        table_format: Format::Parquet,
        replicate: run_seed.replicate,
        ..Manifest::new("test.toml", &document, overrides, run_seed.seed)
    };
    let folder = Folder::claim(out, false).expect("nothing is there");
    backstop::store::write_run(&folder, &tables, &document, &manifest.of_run(&run)).expect("it can be written");
    Some(())
}

/// Forks the run of a folder, as `fork` does; `None` if the run cannot be forked with these values.
fn write_fork(parent: &Path, at: u32, sets: &[Override], out: &Path) -> Option<()> {
    let parent = verify(parent, &mut |_, _, _| {}).unwrap_or_else(|error| panic!("{error}"));
    if at >= parent.fold.steps {
        return None;
    }
    let mut manifest = parent.manifest.clone();
    manifest.forks.push(ForkRecord {
        at,
        overrides: sets.iter().map(OverrideRecord::from).collect(),
        moves: Vec::new(),
        replicate: None,
        parent_history_hash: parent.fold.history.text(),
    });
    let course = Lineage::new(&manifest, &mut NoAttachments).ok()?;
    let mut sampler = Sampler::new(course.last().0, true, true).expect("a small series");
    let run = course.run(manifest.run_seed(), ALL, &mut |moment, world, _| {
        if moment == Checkpoint::Ended {
            sampler.sample(course.first(), world);
        }
    });
    let (first, last, sets) = (course.first(), course.last().0, manifest.all_overrides());
    let tables = RunTables { first, last, run: &run, run_seed: manifest.run_seed(), sampler: &sampler, sets: &sets };
    let folder = Folder::claim(out, false).expect("nothing is there");
    let document = course.document().expect("it was compiled from one");
    backstop::store::write_run(&folder, &tables, document, &manifest.of_run(&run)).expect("it can be written");
    Some(())
}

#[track_caller]
fn read_back(folder: &Path, text: &str) {
    if let Err(error) = verify(folder, &mut |_, _, _| {}) {
        panic!("{error}\n{text}\n{}", std::fs::read_to_string(folder.join("events.csv")).expect("it is there"));
    }
}

/// Paths in generated scenarios that can be set.
const SETTABLE: [&str; 14] = [
    "share",
    "level",
    "floor",
    "high",
    "drawn",
    "pace",
    "actors.us.stance",
    "actors.us.anchor",
    "actors.us.volatility",
    "actors.us.attributes.zeal",
    "commitments.large.gives.troops",
    "commitments.large.over",
    "commitments.spice.gives.troops",
    "trust.default",
];

/// Numbers in full precision, most of them from 0 to 1.
fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![6 => 0.0..1.0_f64, 1 => 1.0..1e3_f64, 1 => 1e9..1e12_f64, 1 => (1_u32..9).prop_map(f64::from)]
}

fn settings() -> impl Strategy<Value = Vec<Override>> {
    let one = (0..SETTABLE.len(), numbers());
    let set = one.prop_map(|(at, value)| Override { name: SETTABLE[at].into(), value: value.into() });
    proptest::collection::vec(set, 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Runs with numbers in full precision, amounts up to the limit, failures in every phase, and forks with any
    /// possible override are verified byte for byte.
    #[test]
    fn runs_and_forks_are_read_back(
        sketch in sketches(Allowed::ALL),
        (spice, amount) in (0_usize..9, prop_oneof![0.0..2.0_f64, 1e9..1e12_f64]),
        (sets, first, second) in (settings(), settings(), settings()),
        (at, later) in (0_u32..8, 0_u32..4),
        (seed, replicate) in (0_u64..1_000, 0_u64..3),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let text = spiced(&sketch, spice, amount);
        if write_run(&text, &sets, RunSeed { seed, replicate }, &path("run")).is_some() {
            read_back(&path("run"), &text);
            if write_fork(&path("run"), at, &first, &path("fork")).is_some() {
                read_back(&path("fork"), &text);
                if write_fork(&path("fork"), at + later, &second, &path("again")).is_some() {
                    read_back(&path("again"), &text);
                }
            }
        }
    }

    /// Sweeps with such numbers are resumed, merged to the bytes of the undivided one, and their runs are repeated from
    /// the folder.
    #[test]
    fn sweeps_are_read_back(
        sketch in sketches(Allowed::ALL),
        (spice, amount) in (0_usize..9, prop_oneof![0.0..2.0_f64, 1e9..1e12_f64]),
        set in settings(),
        (varied, values) in (0..SETTABLE.len(), proptest::collection::vec(numbers(), 1..4)),
        seed in any::<u64>(),
    ) {
        sweep_is_read_back(&spiced(&sketch, spice, amount), &set, SETTABLE[varied], &values, seed)?;
    }
}

/// A sweep is resumed, merged to the bytes of the undivided one, and its runs are repeated from the folder.
fn sweep_is_read_back(
    text: &str,
    set: &[Override],
    varied: &str,
    values: &[f64],
    seed: u64,
) -> Result<(), TestCaseError> {
    let sweep = |shard: Shard| {
        let document = Document::parse("test.toml", text.as_bytes()).expect("it is valid");
        let points = Points::new(vec![varied.into()], values.iter().map(|&value| vec![value.into()]));
        let source = DesignSource::Points(points.expect("a few points"));
        let experiment = Experiment::new(document, set, source, seed, 1).ok()?;
        let schedule = Schedule { points: values.len() as u64, replicates: 2, seed, independent: false };
        let design = DesignRecord { kind: "file".into(), file: Some("design.csv".into()), ..DesignRecord::default() };
        let tables = Tables { events: true, series: true, format: Format::Parquet };
        Some(Sweep { experiment, schedule, shard, tables, sort: Sort::Point, design, scenario: "test.toml".into() })
    };
    let Some(whole) = sweep(Shard::WHOLE) else { return Ok(()) };
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let write = |sweep: &Sweep, out: &Path| {
        let output = Output::New { folder: out, force: false };
        sweep.run(output, 1, &mut |_| true).unwrap_or_else(|error| panic!("{error}\n{text}"));
    };
    write(&whole, &path("whole"));
    let again = whole.run(Output::Resumed(&path("whole")), 1, &mut |_| true);
    prop_assert!(again.is_ok_and(|report| report.is_complete()));
    let shards = [1, 2].map(|number| {
        write(&sweep(Shard { number, of: 2 }).expect("as the whole"), &path(&format!("shard-{number}")));
        path(&format!("shard-{number}"))
    });
    let merged = backstop::sweep::merge(&shards, &path("merged"), false, &mut |_| true);
    merged.unwrap_or_else(|error| panic!("{error}\n{text}"));
    for name in ["manifest.json", "runs.csv", "events.csv", "series.csv", "design.csv", "summary.csv"] {
        let read = |folder: &str| std::fs::read_to_string(path(folder).join(name)).expect("a table");
        prop_assert_eq!(read("whole"), read("merged"), "{}", name);
    }
    let recorded = backstop::sweep::recorded(&path("whole")).unwrap_or_else(|error| panic!("{error}\n{text}"));
    for run in 0..whole.schedule.runs() {
        let slot = recorded.schedule.slot(run);
        let point = recorded.experiment.points().values(slot.point);
        let sets: Vec<Override> = recorded
            .experiment
            .sets()
            .iter()
            .cloned()
            .chain(point.iter().map(|&value| Override { name: varied.into(), value }))
            .collect();
        let out = path(&format!("run-{run}"));
        write_run(text, &sets, slot.run_seed, &out).expect("the point is valid");
        read_back(&out, text);
        let row = |folder: &Path, run: u64| {
            let table = std::fs::read_to_string(folder.join("runs.csv")).expect("a table");
            let rows = table.lines().skip(1).map(str::to_owned);
            let mut own = rows.filter(|row| row.split(',').next() == Some(&run.to_string()));
            own.next().and_then(|row| row.splitn(3, ',').nth(2).map(str::to_owned))
        };
        prop_assert_eq!(row(&path("whole"), run), row(&out, 0));
    }
    Ok(())
}

/// A parameter that is drawn from the range between two others is varied, while an anchor that would be drawn is set.
const DRAWN: &str = r#"format = 1
title = "Generated"
issues = ["guarantee", "talks"]
[time]
steps = 4

[parameters]
share = 0.75
level = { uniform = [0.5, 2.5] }
floor = 0.2
high = 0.9
drawn = { uniform = ["floor", "high"] }

[resources]
troops = { unit = "units" }

[actors.us]
stance = 0.37
volatility = 0.05
anchor = { uniform = [0.1, 0.9] }
susceptibility = "1 - share / 2"
credit = { offer = 0.25, bond = 0.75 }
attributes = { zeal = 1 }

[actors.uk]
stance = 0.14
attributes = { zeal = 0.5 }

[actors.fr]
stance = { uniform = [0.1, 0.9] }
volatility = 0.1
attributes = { zeal = 1 }

[groups]
core = ["fr", "us"]

[trust]
default = 0.80
witness = 0.5
pairs = [{ of = "core", in = "uk", value = 0.30 }]

[[influence]]
from = "core"
on = "us"
weight = { uniform = [0, 2] }

[commitments.c0_core]
debtor = "core"
creditor = "us"
gives = { troops = 3.0 }
when = "bonds(c1_core) >= 1"
issue = "talks"

[commitments.c1_core]
debtor = "core"
creditor = "fr"
gives = { troops = 1.0 }
when = "bonds(c2_uk) >= 1"
initial = "conditional"
expires = 4

[commitments.c2_uk]
debtor = "uk"
gives = { troops = "own(zeal) * level" }
when = "bonds(c3_core) >= 1"
while = "bonds(c3_core) >= 1"
over = 5

[commitments.c3_core]
debtor = "core"
gives = { troops = 0.1 }
when = "bonds(c0_core) >= 1 or (not (bound(troops, core) < 2.0))"
over = 4
grace = 1

[commitments.c4_us]
debtor = "us"
creditor = "core"
gives = { troops = 2.0 }
when = "if(stance(us, guarantee) > 0.5, not (parties(troops, core) < 0.1), bonds(c2_uk) >= 1.0)"

[commitments.large]
debtor = "us"
gives = { troops = 1.9514305886910945 }
over = 3

[meetings.meeting_0]
attend = ["us"]
on = 0
package = true

[shocks.shock_0]
on = 0
stance = { us = -0.2 }

[shocks.spice]
when = "sqrt(2.5 - step) >= 0"
stance = { us = 0.1 }

[metrics]
m0 = "bound(troops)"
"#;

#[test]
fn a_sweep_over_a_drawn_parameter_is_read_back() {
    let anchor = Override { name: "actors.us.anchor".into(), value: 0.935_767_655_056_861_5.into() };
    let values = [0.398_349_458_068_535_83, 0.197_142_445_860_510_8];
    sweep_is_read_back(DRAWN, &[anchor], "drawn", &values, 10_643_431_376_774_835_851)
        .unwrap_or_else(|error| panic!("{error}"));
}

// ---------------------------------------------------------------- through the program

const SMALL: &str = "format = 1\n[time]\nsteps = 5\n[actors.us]\n[resources]\nr = {}\n[parameters]\np = 0.5\nq = 1\n\
                     drawn = { uniform = [0, 1] }\n[metrics]\nm = \"p + q + step + drawn\"\n";

/// One folder of each kind that was once rejected by mistake, through every command that reads one.
#[test]
fn every_command_reads_what_others_write() {
    for (more, sets) in [
        // A double that a JSON reader without exact floats reads as its neighbour.
        ("", "--set p=0.9452706955539223"),
        // Increments of more than 2^53 millionths.
        ("[commitments.c]\ndebtor = \"us\"\ngives = { r = 77583138111.74 }\nover = 3\n", ""),
        // A failure outside of sampling.
        ("[shocks.storm]\nrate = \"1 - step\"\nstance = { us = 0.1 }\n", ""),
        ("[commitments.c]\ndebtor = \"us\"\ngives = { r = { uniform = [1, \"1 + q\"] } }\nover = 5\n", ""),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path();
        std::fs::write(here.join("s.toml"), SMALL.to_owned() + more).expect("it can be written");
        let fails = more.contains("rate");
        let run = backstop(here, &format!("run s.toml {sets} -q --out run").split_whitespace().collect::<Vec<_>>());
        assert_eq!(run.status.success(), !fails, "{}", String::from_utf8_lossy(&run.stderr));
        let fork =
            backstop(here, &"fork run --at 1 --set q=20 --set p=0.1 --out fork -q".split(' ').collect::<Vec<_>>());
        assert_eq!(fork.status.success(), !fails, "{}", String::from_utf8_lossy(&fork.stderr));
        for dir in ["run", "fork"] {
            assert!(succeeds(here, &format!("replay {dir}")).starts_with("verified: "), "{more}");
            succeeds(here, &format!("replay {dir} --at 0"));
            succeeds(here, &format!("explain {dir} --at 0"));
            succeeds(here, &format!("why {dir} 0"));
        }
        succeeds(here, "diff run fork");
    }
}

// ---------------------------------------------------------------- data of others

#[cfg(unix)]
#[test]
fn force_replaces_nothing_that_the_program_did_not_write() {
    for line in folder_writers().map(|writer| writer.line) {
        let folder = workplace();
        let here = folder.path();
        let out = here.join("OUT");
        let forced = format!("{line} --force");
        // A folder of another program that uses the same names.
        std::fs::create_dir(&out).expect("a folder");
        for name in ["design.csv", "summary.csv", "sweep.journal", "runs.unsorted.csv", "events.csv", "runs.csv"] {
            std::fs::write(out.join(name), "my own").expect("it can be written");
        }
        let before = tree(here);
        fails(here, &forced, "has no `manifest.json`");
        for (manifest, words) in [
            ("{}", "was not written by this program"),
            ("{\"program\": \"other\", \"files\": {}}", "was written by another program"),
            (
                "{\"program\": \"backstop\", \"files\": {\"../s.toml\": \"\"}, \"complete\": true}",
                "not among the files",
            ),
        ] {
            std::fs::write(out.join("manifest.json"), manifest).expect("it can be written");
            fails(here, &forced, words);
            std::fs::remove_file(out.join("manifest.json")).expect("it is there");
        }
        assert_eq!(tree(here), before, "{line}");
        // A folder of this program with a file of the user under a name that the program uses.
        std::fs::remove_dir_all(&out).expect("it is there");
        succeeds(here, line);
        fails(here, line, "is not empty");
        std::fs::write(out.join("notes.txt"), "my own").expect("it can be written");
        std::fs::write(out.join("runs.unsorted.csv"), "my own").expect("it can be written");
        if !line.starts_with("sweep") && !line.starts_with("merge") {
            let before = tree(here);
            fails(here, &forced, "not among the files");
            assert_eq!(tree(here), before, "{line}");
            std::fs::remove_file(out.join("runs.unsorted.csv")).expect("it is there");
        }
        succeeds(here, &forced);
        assert_eq!(std::fs::read(out.join("notes.txt")).expect("it stays"), b"my own");
    }
}

#[cfg(unix)]
#[test]
fn a_single_file_is_replaced_only_with_force_and_never_if_it_is_an_input() {
    let folder = workplace();
    let here = folder.path();
    std::fs::write(here.join("mine.csv"), "my own").expect("it can be written");
    std::os::unix::fs::symlink("mine.csv", here.join("link.csv")).expect("a link");
    std::fs::hard_link(here.join("s.toml"), here.join("same.toml")).expect("a link");
    let before = tree(here);
    fails(here, "run s.toml -q --events mine.csv", "already exists");
    fails(here, "run s.toml -q --events link.csv --force", "is a link");
    for input in ["s.toml", "./s.toml", "same.toml"] {
        fails(here, &format!("run s.toml -q --events {input} --force"), "is an input of this command");
    }
    for line in [
        "run s.toml -q --events d.csv --force",
        "run SWEEP --run 1 -q --events SWEEP/runs.csv --force",
        "run SWEEP --run 1 -q --events SWEEP/inputs/d.csv --force",
        "page RUN --out RUN/events.csv --force",
        "page SWEEP RUN --out RUN/manifest.json --force",
        "page SWEEP --out SWEEP/inputs/d.csv --force",
    ] {
        fails(here, line, "is an input of this command");
    }
    fails(here, "run s.toml -q --events nowhere/x.csv", "cannot write");
    fails(here, "page RUN --out mine.csv", "already exists");
    assert_eq!(tree(here), before);
    succeeds(here, "run s.toml -q --events mine.csv --force");
    assert_eq!(std::fs::read(here.join("mine.csv")).ok(), std::fs::read(here.join("RUN/events.csv")).ok());
}

/// Replaces a file by a link, a pipe or a folder.
#[cfg(unix)]
fn replace_by_special(path: &Path, with: &str) {
    let _ = std::fs::remove_file(path);
    let made = match with {
        "fifo" => std::process::Command::new("mkfifo").arg(path).status().map(|status| assert!(status.success())),
        "folder" => std::fs::create_dir(path),
        target => std::os::unix::fs::symlink(target, path),
    };
    made.expect("it can be made");
}

/// An unfinished sweep as left by a killed command, with a forged manifest and journal.
#[cfg(unix)]
fn unfinished(here: &Path) {
    succeeds(here, "sweep s.toml --vary q=1,2 -q --events --out OUT");
    edit_manifest(&here.join("OUT"), |manifest| {
        manifest["complete"] = false.into();
        let design = manifest["files"]["design.csv"].clone();
        manifest["files"] = serde_json::json!({ "design.csv": design });
    });
    let mut line = "0".to_owned();
    for name in ["runs.csv", "events.csv"] {
        let table = std::fs::read_to_string(here.join("OUT").join(name)).expect("a table");
        let header = table.lines().next().expect("a header").to_owned() + "\n";
        std::fs::write(here.join("OUT").join(name), &header).expect("it can be written");
        let hash = backstop::store::digest(header.as_bytes()).0;
        line += &format!(",{},{}", header.len(), &hash[..32]);
    }
    let journal = format!("backstop sweep journal 1\n{line}\n");
    std::fs::write(here.join("OUT/sweep.journal"), journal).expect("it can be written");
}

#[cfg(unix)]
#[test]
fn a_hostile_folder_neither_reaches_outside_nor_hangs() {
    let resume = "sweep s.toml --vary q=1,2 -q --events --out OUT --resume";
    let folder = workplace();
    let here = folder.path();
    unfinished(here);
    succeeds(here, resume);
    std::fs::write(here.join("victim.txt"), "precious").expect("it can be written");
    for name in ["runs.csv", "events.csv", "sweep.journal", "design.csv", "manifest.json", "summary.csv"] {
        for with in ["../victim.txt", "/dev/zero", "fifo", "folder"] {
            std::fs::remove_dir_all(here.join("OUT")).expect("it is there");
            unfinished(here);
            replace_by_special(&here.join("OUT").join(name), with);
            fails(here, resume, name);
            assert_eq!(std::fs::read(here.join("victim.txt")).expect("it stays"), b"precious", "{name} {with}");
        }
    }
    // A hard link to a file elsewhere.
    std::fs::remove_dir_all(here.join("OUT")).expect("it is there");
    unfinished(here);
    let table = std::fs::read(here.join("OUT/runs.csv")).expect("a table");
    std::fs::remove_file(here.join("OUT/runs.csv")).expect("it is there");
    std::fs::write(here.join("victim.csv"), &table).expect("it can be written");
    std::fs::hard_link(here.join("victim.csv"), here.join("OUT/runs.csv")).expect("a link");
    fails(here, resume, "runs.csv");
    assert_eq!(std::fs::read(here.join("victim.csv")).expect("it stays"), table);
    // The commands that read, and shards that are merged.
    for (line, dir) in [
        ("replay RUN", "RUN"),
        ("fork RUN --at 1 -q --out NEW", "RUN"),
        ("merge SHARD1 SHARD2 -q --out NEW", "SHARD2"),
        ("run SWEEP --run 1 -q --out NEW", "SWEEP"),
        ("page RUN --out NEW", "RUN"),
        ("page SWEEP --out NEW", "SWEEP"),
    ] {
        let names = tree(&here.join(dir)).into_keys().filter(|path| path.is_file());
        for path in names.collect::<Vec<_>>() {
            for with in ["../victim.txt", "fifo"] {
                let kept = std::fs::read(&path).expect("a file");
                replace_by_special(&path, with);
                fails(here, line, &path.file_name().expect("a name").to_string_lossy());
                assert!(!here.join("NEW").exists(), "{line}: {}", path.display());
                std::fs::remove_file(&path).expect("it is there");
                std::fs::write(&path, kept).expect("it can be written");
            }
        }
    }
}

/// A sweep's manifest is compared byte for byte, and files that it does not list are not used.
#[cfg(unix)]
#[test]
fn files_that_a_sweep_does_not_list_are_rejected() {
    let folder = workplace();
    let here = folder.path();
    let commands = [
        ("SHARD2", "merge SHARD1 SHARD2 -q --out NEW"),
        ("SWEEP", "run SWEEP --run 1 -q --out NEW"),
        ("SWEEP", "sweep s.toml --vary q=1,2 -q --out SWEEP --resume"),
    ];
    for (dir, line) in commands {
        let path = here.join(dir).join("manifest.json");
        let manifest = std::fs::read_to_string(&path).expect("a manifest");
        let runs = manifest.lines().find(|line| line.contains("\"runs.csv\"")).expect("a line").to_owned();
        let mut edits = vec![
            manifest.replace('\n', "\r\n"),
            manifest.replacen("{\n", "{\n  \"junk\": 1,\n", 1),
            manifest.replacen("\"kind\"", "\"junk\": 1,\n    \"kind\"", 1),
            manifest.replacen(&runs, &format!("{runs}\n{runs}"), 1),
            manifest.replacen("\"files\": {", "\"files\": {\n    \"other.csv\": \"00\",", 1),
            manifest.replacen("\"replicate\": 0", "\"replicate\": 1", 1),
            manifest.replacen("\"runs\": ", "\"runs\": 1", 1),
            manifest.trim_end().to_owned(),
        ];
        for name in ["runs.csv", "design.csv", "summary.csv"] {
            // A manifest without the entry, in the form that the program writes.
            let mut value: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
            value["files"].as_object_mut().expect("a table").shift_remove(name);
            edits.push(resealed(value));
        }
        for edited in edits {
            assert_ne!(edited, manifest);
            std::fs::write(&path, &edited).expect("it can be written");
            fails(here, line, "");
            assert!(!here.join("NEW").exists(), "{line}: {edited}");
        }
        std::fs::write(&path, &manifest).expect("it can be written");
        for table in ["runs.csv", "design.csv"] {
            let table = here.join(dir).join(table);
            let text = std::fs::read_to_string(&table).expect("a table");
            std::fs::write(&table, text.replacen("\n0,", "\n9,", 1) + "\n").expect("it can be written");
            fails(here, line, "");
            std::fs::write(&table, text).expect("it can be written");
        }
    }
    // The design of an unfinished sweep.
    unfinished(here);
    let design = here.join("OUT/design.csv");
    std::fs::write(&design, "point,q\n0,1\n1,3\n").expect("it can be written");
    fails(here, "sweep s.toml --vary q=1,2 -q --events --out OUT --resume", "design.csv");
}

/// While one command writes into a folder, every other writer is rejected.
#[cfg(unix)]
#[test]
fn a_folder_has_one_writer_at_a_time() {
    let folder = workplace();
    let here = folder.path();
    for line in folder_writers().map(|writer| writer.line) {
        let _ = std::fs::remove_dir_all(here.join("OUT"));
        succeeds(here, line);
        let before = tree(here);
        let lock = backstop::store::Lock::to_write(&here.join("OUT")).expect("nobody else has it");
        fails(here, &format!("{line} --force"), "another command is writing");
        if line.starts_with("sweep") {
            fails(here, &format!("{line} --resume"), "another command is writing");
        }
        assert_eq!(tree(here), before, "{line}");
        drop(lock);
        succeeds(here, &format!("{line} --force"));
    }
    let _lock = backstop::store::Lock::to_write(&here.join("SHARD1")).expect("nobody else has it");
    fails(here, "merge SHARD1 SHARD2 -q --out NEW", "another command is writing");
}

/// Folders follow the umask, as files do.
#[cfg(unix)]
#[test]
fn written_files_follow_the_umask() {
    use std::os::unix::fs::PermissionsExt as _;
    for (umask, folder_mode, file_mode) in [("002", 0o775, 0o664), ("077", 0o700, 0o600), ("022", 0o755, 0o644)] {
        let folder = workplace();
        let here = folder.path();
        for line in folder_writers().map(|writer| writer.line) {
            let script = format!("umask {umask}; rm -rf OUT; exec '{}' {line}", env!("CARGO_BIN_EXE_backstop"));
            let output = std::process::Command::new("bash").current_dir(here).args(["-c", &script]).output();
            assert!(output.expect("bash starts").status.success(), "{line}");
            let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
            assert_eq!(mode(&here.join("OUT")), folder_mode, "{line} under {umask}");
            for path in tree(&here.join("OUT")).into_keys() {
                let expected = if path.is_dir() { folder_mode } else { file_mode };
                assert_eq!(mode(&path), expected, "{line}: {}", path.display());
            }
        }
    }
}

/// Files that a killed command leaves in or beside a folder are removed by the next command that writes there.
#[cfg(unix)]
#[test]
fn leftovers_are_taken_away() {
    let folder = workplace();
    let here = folder.path();
    for line in folder_writers().map(|writer| writer.line) {
        let _ = std::fs::remove_dir_all(here.join("OUT"));
        std::fs::create_dir(here.join(".backstop-partial-OUT-abc")).expect("a folder");
        std::fs::write(here.join(".backstop-partial-OUT-abc/events.csv"), "half").expect("it can be written");
        let other = here.join(".backstop-partial-OTHER-abc");
        std::fs::write(&other, "of another command").expect("it can be written");
        succeeds(here, line);
        assert!(!here.join(".backstop-partial-OUT-abc").exists(), "{line}");
        assert!(other.exists(), "{line}");
        std::fs::create_dir(here.join("OUT/.backstop-partial-x")).expect("a folder");
        succeeds(here, &format!("{line} --force"));
        assert!(!here.join("OUT/.backstop-partial-x").exists(), "{line}");
    }
}

// ---------------------------------------------------------------- nothing hangs, nothing exhausts the machine

/// Crafted folders and small files that would need hours or gigabytes reach a named limit first.
#[cfg(unix)]
#[test]
fn excessive_inputs_reach_a_limit() {
    let folder = workplace();
    let here = folder.path();
    // Millions of small values take a hundred times their size in memory.
    edit_manifest(&here.join("RUN"), |manifest| manifest["design"] = vec![serde_json::json!({}); 250_000].into());
    fails(here, "replay RUN", "it has more than 200000 values");
    // A model for each fork.
    let crowd = "format = 1\n[time]\nsteps = 3\n[cohorts.c]\nsize = 90000\n";
    std::fs::write(here.join("crowd.toml"), crowd).expect("it can be written");
    succeeds(here, "run crowd.toml -q --out CROWD");
    edit_manifest(&here.join("CROWD"), |manifest| {
        let hash = manifest["history_hash"].clone();
        let fork = serde_json::json!({ "at": 1, "overrides": [], "parent_history_hash": hash });
        manifest["forks"] = vec![fork; 100].into();
    });
    fails(here, "replay CROWD", "more than 5000000");
    // A summary of gigabytes, also in what `check` says of a `[sweep]` table.
    let metrics: String = (0..1_000).map(|at| format!("m{at} = \"1\"\n")).collect();
    let wide = format!("format = 1\n[time]\nsteps = 1\n[parameters]\np = 1\n[metrics]\n{metrics}");
    std::fs::write(here.join("wide.toml"), &wide).expect("it can be written");
    fails(here, "sweep wide.toml --vary p=1:100000:100000 -q", "the summary of 100000 points");
    std::fs::write(here.join("table.toml"), wide + "[sweep]\nvary = { p = \"1:100000:100000\" }\n").expect("written");
    fails(here, "check table.toml", "the summary of 100000 points");
}

/// A signal that was ignored when the program was started, as `nohup` does, stays ignored; the others are handled.
#[cfg(target_os = "linux")]
#[test]
fn ignored_signals_stay_ignored_and_others_are_handled() {
    let folder = workplace();
    let sweep = |ignored: &str, sent: &str| {
        let script = format!(
            "trap '' {ignored}; '{}' sweep s.toml --vary q=1:40:40 -r 2000 -j 1 -q --out {ignored}-{sent} &
            while [ ! -e {ignored}-{sent}/sweep.journal ]; do sleep 0.02; done; kill -{sent} $!; wait $!",
            common::program::PROGRAM
        );
        let output = std::process::Command::new("bash").current_dir(folder.path()).args(["-c", &script]).output();
        let output = output.expect("bash starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for ignored in ["HUP", "TERM", "INT"] {
        let (code, said) = sweep(ignored, ignored);
        assert_eq!(code, Some(0), "{ignored}: {said}");
        // A shell without job control starts what it does not wait for with SIGINT ignored.
        for sent in ["HUP", "TERM"].into_iter().filter(|sent| *sent != ignored) {
            let (code, said) = sweep(ignored, sent);
            assert_eq!(code, Some(1), "{ignored} {sent}: {said}");
            assert!(said.starts_with("error: interrupted: "), "{ignored} {sent}: {said}");
        }
    }
}

/// The name of the scenario is only in the manifest, and must not be another one.
#[cfg(unix)]
#[test]
fn a_forged_name_is_refused() {
    let folder = workplace();
    let here = folder.path();
    for (dir, line) in [
        ("RUN", "replay RUN"),
        ("RUN", "fork RUN --at 1 -q --out NEW"),
        ("RUN", "page RUN --out NEW"),
        ("SWEEP", "run SWEEP --run 1 -q --out NEW"),
        ("SHARD2", "merge SHARD1 SHARD2 -q --out NEW"),
    ] {
        let path = here.join(dir).join("manifest.json");
        let manifest = std::fs::read_to_string(&path).expect("a manifest");
        let forged = manifest.replacen("\"scenario\": \"s.toml\"", "\"scenario\": \"treaty.toml\"", 1);
        assert_ne!(forged, manifest);
        std::fs::write(&path, forged).expect("it can be written");
        fails(here, line, "does not match its own hash");
        assert!(!here.join("NEW").exists(), "{line}");
        std::fs::write(&path, manifest).expect("it can be written");
    }
}

/// Values in a manifest that no command writes, with a matching hash: the answer is a result or an error.
#[cfg(unix)]
#[test]
fn a_manifest_of_odd_values_is_answered() {
    type Edit = fn(&mut serde_json::Value);
    let edits: [Edit; 18] = [
        |m| m["scenario"] = "</script><script>alert(1)</script>".into(),
        |m| m["scenario"] = "\u{1b}[31m\u{202e}".into(),
        |m| m["seed"] = u64::MAX.into(),
        |m| m["replicate"] = u64::MAX.into(),
        |m| m["steps"] = u32::MAX.into(),
        |m| m["steps"] = 0.into(),
        |m| m["runs"] = 0.into(),
        |m| m["runs"] = 1_000_000_000_000_000_000_u64.into(),
        |m| m["status"] = "nonsense".into(),
        |m| m["design"] = serde_json::json!({}),
        |m| m["moves"] = vec![serde_json::json!({ "bind": "c", "on": 0 }); 1_001].into(),
        |m| m["moves"] = serde_json::json!([{ "bind": "\u{1b}", "on": "9999-99-99" }]),
        |m| m["overrides"] = serde_json::json!([{ "name": "p", "value": "inf" }]),
        |m| m["overrides"] = serde_json::json!([{ "name": "..", "value": true }]),
        |m| m["forks"] = serde_json::json!([{ "at": u32::MAX, "overrides": [], "parent_history_hash": "h0" }]),
        |m| m["inputs"] = serde_json::json!([{ "path": "../../x", "file": "../../x", "sha256": "00" }]),
        |m| m["files"]["../../x"] = "00".into(),
        |m| m["files"] = serde_json::json!({}),
    ];
    let folder = workplace();
    let here = folder.path();
    for (dir, lines) in [
        ("RUN", &["replay RUN", "explain RUN", "why RUN 0", "fork RUN --at 0 -q --out NEW", "page RUN --out NEW"][..]),
        ("SWEEP", &["run SWEEP --run 0 -q --out NEW", "page SWEEP --out NEW"]),
        ("SHARD1", &["merge SHARD1 SHARD2 -q --out NEW"]),
    ] {
        let path = here.join(dir).join("manifest.json");
        let kept = std::fs::read(&path).expect("a manifest");
        for (at, edit) in edits.iter().enumerate() {
            edit_manifest(&here.join(dir), edit);
            for line in lines {
                let output = plainly(here, line);
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(matches!(output.status.code(), Some(0 | 1)), "{line} after edit {at}: {said}");
                assert!(!said.contains(['\u{1b}', '\u{202e}']), "{line} after edit {at}: {said}");
                // A forger who recomputes the hash can change the name of the scenario, but nothing else of a run.
                let is_trusted = at < 2 || dir != "RUN";
                assert!(is_trusted || output.status.code() == Some(1), "{line} takes edit {at}");
                let new = here.join("NEW");
                let _ = if new.is_dir() { std::fs::remove_dir_all(new) } else { std::fs::remove_file(new) };
            }
            std::fs::write(&path, &kept).expect("it can be written");
        }
    }
}

/// A run that replaces another one warns that the page of the other still exists.
#[cfg(unix)]
#[test]
fn an_old_page_gives_a_warning() {
    let folder = workplace();
    let here = folder.path();
    for (dir, line) in [
        ("RUN", "run s.toml -q --seed 3 --force --out RUN"),
        ("SWEEP", "sweep s.toml --vary q=1,2 -r 2 -q --resume --out SWEEP"),
    ] {
        succeeds(here, &format!("page {dir}"));
        let page = std::fs::read(here.join(dir).join("page.html")).expect("a page");
        let told = backstop(here, &line.split(' ').collect::<Vec<_>>());
        let said = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(told.status.success() && said.contains("page.html` shows the former contents of the folder"), "{said}");
        assert_eq!(std::fs::read(here.join(dir).join("page.html")).ok(), Some(page), "it is nobody's but the user's");
        succeeds(here, &format!("page {dir} --force"));
    }
}

/// If any of its input files is changed, cut or missing, a command that writes reports it and writes nothing.
#[cfg(unix)]
#[test]
fn commands_that_write_reject_tampered_inputs() {
    for writer in writers() {
        let reads = ["RUN", "SWEEP", "SHARD1", "SHARD2"]
            .into_iter()
            .filter(|dir| writer.line.split(' ').any(|word| word == *dir));
        let folder = workplace();
        let here = folder.path();
        for dir in reads {
            for path in tree(&here.join(dir)).into_keys().filter(|path| path.is_file()) {
                // The summary is computed from the rows and never read.
                let kept = std::fs::read(&path).expect("a file");
                let middle = kept.len() / 2;
                let flipped = [&kept[..middle], &[kept[middle] ^ 1], &kept[middle + 1..]].concat();
                let cut = kept[..middle].to_vec();
                let longer = [&kept[..], b"\n"].concat();
                for bytes in [Some(flipped), Some(cut), Some(longer), Some(Vec::new()), None] {
                    match &bytes {
                        Some(bytes) => std::fs::write(&path, bytes).expect("it can be written"),
                        None => std::fs::remove_file(&path).expect("it is there"),
                    }
                    let before = tree(here);
                    let output = plainly(here, writer.line);
                    let said = String::from_utf8_lossy(&output.stderr).into_owned();
                    let what =
                        format!("{} with {} of {:?}: {said}", writer.line, path.display(), bytes.map(|b| b.len()));
                    assert_eq!(output.status.code(), Some(1), "{what}");
                    assert!(said.starts_with("error: ") && !said.contains("panicked"), "{what}");
                    assert_eq!(tree(here), before, "{what}");
                }
                std::fs::write(&path, kept).expect("it can be written");
            }
        }
    }
}
