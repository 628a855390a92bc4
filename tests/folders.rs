//! Output folders: whatever the program writes it reads back.

#[path = "common/generate.rs"]
#[expect(dead_code, reason = "each test file uses its own part")]
mod generate;

use std::path::Path;

use backstop::engine::{self, Checkpoint, Plan, RunOptions, RunSeed};
use backstop::scenario::{Document, NoAttachments, Options, Override, compile};
use backstop::store::{Files, Folder, ForkRecord, Lineage, Manifest, OverrideRecord, Sampler, verify};
use backstop::sweep::{Asked, DesignSource, Experiment, Output, Points, Schedule, Shard, Sort, Sweep, Tables};
use generate::{Allowed, Sketch, sketches};
use proptest::prelude::*;

const ALL: RunOptions = RunOptions { log: true, series: true, exchanged: true };

/// What generated scenarios lack: amounts up to the limit, draws that others depend on, and failures of every phase.
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
        // Some draws are out of the domain: the run fails before its first step.
        6 => ("commitments", "debtor = \"us\"\ngives = { troops = \"drawn - 0.5\" }\n".to_owned()),
        7 => {
            ("commitments", "debtor = \"us\"\ngives = { troops = { uniform = [0, \"high\"] } }\nover = 2\n".to_owned())
        }
        _ => ("commitments", lines("maintain = true\n")),
    };
    sketch.with(99, kind, "spice", &text).text()
}

/// Runs a scenario and writes its folder, as `run --out` does; none where it is not valid with these numbers.
fn write_run(text: &str, sets: &[Override], luck: RunSeed, out: &Path) -> Option<()> {
    let document = Document::parse("test.toml", text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
    let options = Options { overrides: sets.to_vec(), track_trust: true, ..Options::default() };
    let model = compile(&document, &options).ok()?.model;
    let mut sampler = Sampler::new(&model, true, true).expect("a small series");
    let run = engine::run_watched(&model, &Plan::new(&model), luck, ALL, &mut |moment, world, _| {
        if moment == Checkpoint::Ended {
            sampler.sample(&model, world);
        }
    });
    let files = Files::of_run((&model, &model), &run, luck, &sampler, sets);
    let overrides = sets.iter().map(OverrideRecord::from).collect();
    let manifest = Manifest {
        stances: true,
        trust: true,
        replicate: luck.replicate,
        ..Manifest::new("test.toml", &document, overrides, luck.seed)
    };
    let folder = Folder::claim(out, false).expect("nothing is there");
    files.write(&folder, &document, &manifest.of_run(&run, files.digests())).expect("it can be written");
    Some(())
}

/// Forks the run of a folder, as `fork` does; none where the run cannot go on under these numbers.
fn write_fork(parent: &Path, at: u32, sets: &[Override], out: &Path) -> Option<()> {
    let parent = verify(parent, &mut |_, _, _| {}).unwrap_or_else(|error| panic!("{error}"));
    if at >= parent.fold.steps {
        return None;
    }
    let mut manifest = parent.manifest.clone();
    manifest.forks.push(ForkRecord {
        at,
        overrides: sets.iter().map(OverrideRecord::from).collect(),
        parent_history_hash: parent.fold.history.text(),
    });
    let course = Lineage::new(&manifest, &mut NoAttachments).ok()?;
    let mut sampler = Sampler::new(course.last().0, true, true).expect("a small series");
    let run = course.run(manifest.luck(), ALL, &mut |moment, world, _| {
        if moment == Checkpoint::Ended {
            sampler.sample(course.first(), world);
        }
    });
    let models = (course.first(), course.last().0);
    let files = Files::of_run(models, &run, manifest.luck(), &sampler, &manifest.all_overrides());
    let folder = Folder::claim(out, false).expect("nothing is there");
    let document = course.document().expect("it was compiled from one");
    files.write(&folder, document, &manifest.of_run(&run, files.digests())).expect("it can be written");
    Some(())
}

#[track_caller]
fn read_back(folder: &Path, text: &str) {
    if let Err(error) = verify(folder, &mut |_, _, _| {}) {
        panic!("{error}\n{text}\n{}", std::fs::read_to_string(folder.join("events.csv")).expect("it is there"));
    }
}

/// What can be set, of what generated scenarios have.
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

/// Numbers with all of their digits, most of them from 0 to 1.
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

    /// Runs with numbers of all digits, amounts up to the limit, failures in every phase, and forks of whatever can be
    /// set are verified, to the byte.
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

    /// Sweeps with such numbers are taken up again, merged to the bytes of the undivided one, and their runs are run
    /// again from what the folder says.
    #[test]
    fn sweeps_are_read_back(
        sketch in sketches(Allowed::ALL),
        (spice, amount) in (0_usize..9, prop_oneof![0.0..2.0_f64, 1e9..1e12_f64]),
        set in settings(),
        (varied, values) in (0..SETTABLE.len(), proptest::collection::vec(numbers(), 1..4)),
        seed in any::<u64>(),
    ) {
        let text = spiced(&sketch, spice, amount);
        let sweep = |shard: Shard| {
            let document = Document::parse("test.toml", text.as_bytes()).expect("it is valid");
            let points = Points::new(vec![SETTABLE[varied].into()], values.iter().map(|&value| vec![value.into()]));
            let source = DesignSource::Points(points.expect("a few points"));
            let experiment = Experiment::new(document, &set, source, seed, 1).ok()?;
            let schedule = Schedule { points: values.len() as u64, replicates: 2, seed, independent: false };
            let asked = Asked { kind: "file".into(), file: Some("design.csv".into()), ..Asked::default() };
            let tables = Tables { events: true, series: true };
            Some(Sweep { experiment, schedule, shard, tables, sort: Sort::Point, asked, scenario: "test.toml".into() })
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
            let sets: Vec<Override> = recorded.experiment.sets().iter().cloned()
                .chain(point.iter().map(|&value| Override { name: SETTABLE[varied].into(), value }))
                .collect();
            let out = path(&format!("run-{run}"));
            write_run(&text, &sets, slot.luck, &out).expect("the point is valid");
            read_back(&out, &text);
            let row = |folder: &Path, run: u64| {
                let table = std::fs::read_to_string(folder.join("runs.csv")).expect("a table");
                let rows = table.lines().skip(1).map(str::to_owned);
                let mut own = rows.filter(|row| row.split(',').next() == Some(&run.to_string()));
                own.next().and_then(|row| row.splitn(3, ',').nth(2).map(str::to_owned))
            };
            prop_assert_eq!(row(&path("whole"), run), row(&out, 0));
        }
    }
}

// ---------------------------------------------------------------- through the program

fn backstop(folder: &Path, args: &[&str]) -> std::process::Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_backstop"));
    command.current_dir(folder).args(args).output().expect("the program starts")
}

/// Runs a command line that must succeed.
#[track_caller]
fn succeeds(folder: &Path, line: &str) -> String {
    let output = backstop(folder, &line.split(' ').collect::<Vec<_>>());
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

const SMALL: &str = "format = 1\n[time]\nsteps = 5\n[actors.us]\n[resources]\nr = {}\n[parameters]\np = 0.5\nq = 1\n\
                     drawn = { uniform = [0, 1] }\n[metrics]\nm = \"p + q + step + drawn\"\n";

/// One of each kind of folder that was once refused, through every command that reads one.
#[test]
fn what_a_command_writes_every_command_reads() {
    for (more, sets) in [
        // A double that a reader of JSON without exact floats takes for its neighbour.
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
