//! Tests of sweeps through the library: the same bytes on any number of threads, equality with single runs, and
//! resuming.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backstop::scenario::{Document, Options, Override, SetValue, compile};
use backstop::sweep::{
    Axis, Comparison, DesignRecord, DesignSource, Experiment, Output, Report, Request, Sample, Schedule, Shard, Sort,
    Sweep, Tables, merge,
};
use backstop::table::Format;
use common::edit_manifest;
use common::program::succeeds;
use toml::de::{DeTable, DeValue};

/// Noise, draws, shocks, a meeting, trust, and at some points runs that fail.
const SCENARIO: &str = r#"
format = 1
title = "A small crowd"
[time]
start = 2025-03-10
steps = 12
[parameters]
floor = { value = 3, range = [1, 5] }
risk  = { value = 0.1, range = [0, 0.5] }
share = { triangular = [0.2, 0.5, 0.9] }
edge  = 1
[resources]
troops = {}
[cohorts.crowd]
size = 6
stance = { uniform = [0.3, 0.7] }
volatility = 0.1
susceptibility = 0.9
[groups]
all = ["crowd"]
[[influence]]
from = "all"
on = "all"
[commitments.join]
debtor = "crowd"
creditor = "crowd"
gives = { troops = "share" }
offer = "stance >= 0.4"
when = "parties(troops, crowd) >= floor - index_free"
over = 2
[meetings.summit]
on = [3, 7]
attend = ["crowd"]
package = true
success = 0.5
influence = 0.2
[shocks.raid]
rate = "risk"
stance = { crowd = -0.05 }
trust = [{ of = "crowd", in = "crowd", by = -0.1 }]
[definitions]
index_free = "if(stance > 0.5, 1, 0)"
[outcomes.alliance]
when = "bound(troops, crowd) >= floor * share"
[outcomes.mood]
when = "stance(crowd) >= 0.5"
[metrics]
troops_bound = "bound(troops, crowd)"
mean_stance = "ln(edge - stance(crowd) + 0.01 * step) + stance(crowd)"
"#;

fn document() -> Document {
    Document::parse("crowd.toml", SCENARIO.as_bytes()).unwrap()
}

fn grid(axes: &[&str]) -> (DesignSource, DesignRecord) {
    let vary: Vec<Axis> = axes.iter().map(|axis| Axis::parse(axis).unwrap()).collect();
    let request = Request { vary, ..Request::default() };
    let design = DesignRecord {
        kind: request.kind().into(),
        vary: axes.iter().map(ToString::to_string).collect(),
        ..DesignRecord::default()
    };
    (DesignSource::Request(request), design)
}

/// A sweep over the floor and the edge; at an edge of 0.5 many runs fail.
fn sweep(axes: &[&str], replicates: u64) -> Sweep {
    let (source, design) = grid(axes);
    let sets = [Override { name: "risk".into(), value: 0.2.into() }];
    let experiment = Experiment::new(document(), &sets, source, 7, 2).unwrap_or_else(|error| panic!("{error:?}"));
    let schedule = Schedule { points: experiment.points().count(), replicates, seed: 7, independent: false };
    Sweep {
        experiment,
        schedule,
        shard: Shard::WHOLE,
        tables: ALL,
        sort: Sort::Run,
        design,
        scenario: "crowd.toml".into(),
    }
}

const AXES: [&str; 2] = ["floor=1:4:4", "edge=1,0.5"];

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())).collect()
}

fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn new(folder: &Path) -> Output<'_> {
    Output::New { folder, force: false }
}

fn whole(sweep: &Sweep, output: Output<'_>, jobs: usize) -> Report {
    let report = sweep.run(output, jobs, &mut |_| true).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.is_complete());
    report
}

#[track_caller]
fn same(a: &Path, b: &Path) {
    let (a, b) = (contents(a), contents(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "`{name}` differs:\n{}\n---\n{}", lossy(bytes), lossy(&b[name]));
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)]).into_owned()
}

#[test]
fn bytes_are_the_same_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let mut sweep = sweep(&AXES, 40);
    sweep.tables = TYPED;
    for jobs in [1, 2, 8] {
        whole(&sweep, new(&folder.path().join(jobs.to_string())), jobs);
    }
    same(&folder.path().join("1"), &folder.path().join("2"));
    same(&folder.path().join("1"), &folder.path().join("8"));
    let runs = text(&folder.path().join("1"), "runs.csv");
    assert_eq!(runs.lines().count(), 1 + 8 * 40);
    assert!(runs.contains(",ok,") && runs.contains(",not_a_number,"), "{runs}");
}

fn rows_equal_single_runs(sweep: &Sweep) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("out");
    whole(sweep, new(&folder), 2);
    assert_eq!(text(&folder, "runs.csv"), common::rows_alone(sweep));
}

#[test]
fn rows_equal_those_of_single_runs() {
    rows_equal_single_runs(&sweep(&AXES, 10));
    // Numbers in the setup, numbers that change the model, and a drawn parameter that is set.
    rows_equal_single_runs(&sweep(&["commitments.join.over=1:3:3", "floor=2,3"], 5));
    rows_equal_single_runs(&sweep(&["cohorts.crowd.size=4,8", "shocks.raid.rate=0.1,0.6"], 5));
    rows_equal_single_runs(&sweep(&["time.steps=5,12", "meetings.summit.success=0,1"], 5));
    rows_equal_single_runs(&sweep(&["share=0.3,0.6"], 5));
    rows_equal_single_runs(&sweep(&["meetings.summit.on=2025-03-12,2025-03-14T06:00,4"], 3));
    rows_equal_single_runs(&sweep(&["meetings.summit.package=true,false", "floor=2025-03-12,3"], 3));
    rows_equal_single_runs(&sweep(&["time.start=2025-03-10,2025-03-08T12:00"], 3));
    rows_equal_single_runs(&sweep(&[], 20));
}

#[test]
fn a_run_of_a_sweep_can_be_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let sweep = sweep(&["floor=2025-03-12,3", "cohorts.crowd.size=4,8"], 3);
    sweep.run(Output::New { folder: &out, force: false }, 2, &mut |_| true).unwrap();
    let rows = std::fs::read_to_string(out.join("runs.csv")).unwrap();
    for (number, row) in rows.lines().skip(1).enumerate() {
        let one = folder.path().join(format!("one-{number}"));
        succeeds(folder.path(), &format!("run out --quiet --run {number} --out one-{number}"));
        let text = std::fs::read_to_string(one.join("runs.csv")).unwrap();
        // Everything except the numbers of the run and of the point.
        let cells = |row: &str| row.splitn(3, ',').nth(2).unwrap().to_owned();
        assert_eq!(cells(text.lines().nth(1).unwrap()), cells(row));
        assert_eq!(text.lines().next(), rows.lines().next());
    }
    assert_eq!(rows.lines().count(), 13);
    assert!(rows.contains(",2025-03-12,4.0,"), "{rows}");
}

#[test]
fn models_that_differ_only_in_their_setup_are_alike() {
    let alike = |name: &str, a: f64, b: f64| {
        let model = |value: f64| {
            let overrides = vec![Override { name: name.into(), value: value.into() }];
            compile(&document(), &Options { overrides, ..Options::default() }).unwrap().model
        };
        model(a).is_like(&model(b))
    };
    assert!(alike("floor", 1.0, 2.0));
    assert!(alike("commitments.join.over", 2.0, 3.0));
    assert!(alike("meetings.summit.success", 0.5, 1.0));
    assert!(!alike("cohorts.crowd.size", 6.0, 7.0));
    assert!(!alike("shocks.raid.rate", 0.1, 0.2));
    assert!(alike("shocks.raid.rate", 0.0, -0.0), "a zero that is set has no sign");
    assert!(!alike("time.steps", 12.0, 13.0));
}

#[test]
fn replicates_have_the_same_random_numbers_at_every_point() {
    let folder = tempfile::tempdir().unwrap();
    // Only a metric reads the edge, so equal random numbers give equal histories.
    let mut common = sweep(&["edge=1,2"], 30);
    common.tables = Tables::default();
    whole(&common, new(&folder.path().join("common")), 2);
    common.schedule.independent = true;
    whole(&common, new(&folder.path().join("independent")), 2);
    let column = |name: &str, column: usize| -> Vec<String> {
        let rows = text(&folder.path().join(name), "runs.csv");
        rows.lines().skip(1).map(|row| row.split(',').nth(column).unwrap().to_owned()).collect()
    };
    assert_eq!(column("common", 2)[..4], ["0", "0", "1", "1"]);
    assert_eq!(column("independent", 2)[..4], ["0", "1", "2", "3"]);
    let last = text(&folder.path().join("common"), "runs.csv").lines().next().unwrap().split(',').count() - 1;
    let (common, independent) = (column("common", last), column("independent", last));
    assert!(common.chunks(2).all(|pair| pair[0] == pair[1]), "{common:?}");
    assert!(independent.chunks(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn a_sweep_without_a_folder_gives_the_same_summary() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = sweep(&AXES, 10);
    let nowhere = whole(&sweep, Output::Nowhere, 2);
    whole(&sweep, new(&folder.path().join("out")), 1);
    let summary = sweep.experiment.summary_csv(&nowhere.summary);
    assert_eq!(String::from_utf8(summary).unwrap(), text(&folder.path().join("out"), "summary.csv"));
}

#[test]
fn a_sample_covers_parameters_with_a_range_or_a_distribution() {
    let request = Request { sample: Some(Sample::parse("lhs:20").unwrap()), ..Request::default() };
    let sets = [Override { name: "risk".into(), value: 0.2.into() }];
    let experiment = Experiment::new(document(), &sets, DesignSource::Request(request), 7, 2).unwrap();
    assert_eq!(experiment.points().names, ["floor", "share"]);
    for point in 0..20 {
        let &[SetValue::Number(floor), SetValue::Number(share)] = experiment.points().values(point) else { panic!() };
        assert!((1.0..5.0).contains(&floor) && (0.2..0.9).contains(&share), "{floor} {share}");
    }
    let request =
        Request { sample: Some(Sample::parse("sobol:4").unwrap()), over: vec!["floor".into()], ..Request::default() };
    let experiment = Experiment::new(document(), &[], DesignSource::Request(request), 7, 2).unwrap();
    assert_eq!(experiment.points().to_csv(), b"point,floor\n0,1.0\n1,3.0\n2,4.0\n3,2.0\n");
}

#[test]
fn a_bad_point_is_named_before_anything_runs() {
    let refused = |axes: &[&str]| {
        let error = Experiment::new(document(), &[], grid(axes).0, 7, 2).unwrap_err();
        let first = error.diagnostics().first().map_or(String::new(), |diagnostic| diagnostic.message.clone());
        (error.message().to_owned(), first)
    };
    let (message, first) = refused(&["floor=1,2", "actors_missing=1"]);
    assert_eq!(message, "the design varies a name that the scenario does not have");
    assert!(first.contains("`actors_missing`"), "{first}");
    let (message, first) = refused(&["commitments.join.over=1,2,2.5"]);
    assert_eq!(message, "the scenario is not valid at point 2 (commitments.join.over = 2.5)");
    assert!(first.contains("commitments.join.over"), "{first}");
    let (message, _) = refused(&["share=0.5,-1,-2"]);
    assert_eq!(message, "the scenario is not valid at point 1 (share = -1)");
    // The first of many bad points is reported, whichever thread is first.
    for (axis, name) in [("share=0.5:-1:400", "share"), ("commitments.join.over=300:-99:400", "commitments.join.over")]
    {
        let named = |jobs| Experiment::new(document(), &[], grid(&[axis]).0, 7, jobs).unwrap_err().message().to_owned();
        assert!(named(1).starts_with("the scenario is not valid at point ") && named(1).contains(name), "{}", named(1));
        assert_eq!((named(2), named(7)), (named(1), named(1)));
    }
    let both = Experiment::new(
        document(),
        &[Override { name: "floor".into(), value: 1.0.into() }],
        grid(&["floor=1"]).0,
        7,
        1,
    );
    assert_eq!(both.unwrap_err().message(), "`floor` is both set and varied");
}

/// Stops a sweep after about this number of runs.
fn stopped(sweep: &Sweep, output: Output<'_>, runs: u64) -> Report {
    sweep
        .run(output, 3, &mut |progress| progress.done - progress.before < runs)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Stops a sweep, changes its folder, resumes it, and compares with an uninterrupted one.
#[track_caller]
fn resumed(tables: Tables, sort: Sort, spoil: impl Fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let (whole_folder, folder) = (folder.path().join("whole"), folder.path().join("resumed"));
    let mut sweep = sweep(&AXES, 60);
    (sweep.tables, sweep.sort) = (tables, sort);
    whole(&sweep, new(&whole_folder), 2);
    let report = stopped(&sweep, new(&folder), 1);
    assert!(!report.is_complete() && report.progress.done > 0, "{:?}", report.progress);
    assert!(text(&folder, "manifest.json").contains("\"complete\": false"));
    spoil(&folder);
    let report = whole(&sweep, Output::Resumed(&folder), 2);
    assert!(report.progress.before <= report.progress.total);
    same(&whole_folder, &folder);
    // When it is resumed again, nothing is left to do except removing files that a crash at the very end leaves.
    std::fs::write(folder.join("sweep.journal"), "left over").unwrap();
    std::fs::write(folder.join(".backstop-partial-c"), "left over").unwrap();
    whole(&sweep, Output::Resumed(&folder), 2);
    same(&whole_folder, &folder);
}

const ALL: Tables = Tables { events: true, series: true, format: Format::Csv };

/// All tables, and each as Parquet too, which an unoptimised build writes slowly.
const TYPED: Tables = Tables { format: Format::Parquet, ..ALL };

fn append(folder: &Path, name: &str, bytes: &[u8]) {
    let mut file = std::fs::File::options().append(true).open(folder.join(name)).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
}

/// Cuts bytes off the end of a file, but leaves its first line.
fn cut(folder: &Path, name: &str, by: usize) {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let header = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    std::fs::write(folder.join(name), &bytes[..bytes.len().saturating_sub(by).max(header)]).unwrap();
}

#[test]
fn a_stopped_sweep_goes_on_to_the_same_bytes() {
    resumed(ALL, Sort::Run, |_| ());
    resumed(Tables::default(), Sort::Run, |_| ());
    resumed(Tables { events: false, ..TYPED }, Sort::Point, |_| ());
}

#[test]
fn rows_beyond_the_journal_are_cut_off() {
    resumed(ALL, Sort::Run, |folder| append(folder, "runs.csv", b"17,1,0,7,0.2,"));
    resumed(ALL, Sort::Run, |folder| append(folder, "events.csv", &[0; 4096]));
    resumed(ALL, Sort::Run, |folder| append(folder, "sweep.journal", b"99,12"));
    resumed(ALL, Sort::Run, |folder| append(folder, "sweep.journal", b"\xff\xff\n"));
    resumed(ALL, Sort::Run, |folder| cut(folder, "sweep.journal", 10));
    resumed(ALL, Sort::Run, |folder| cut(folder, "events.csv", 1));
    resumed(ALL, Sort::Run, |folder| cut(folder, "series.csv", 3_000));
    resumed(ALL, Sort::Run, |folder| cut(folder, "runs.csv", 50));
    // After a power failure a file may have its full length, but zeros in place of its last bytes.
    resumed(ALL, Sort::Run, |folder| {
        let whole = std::fs::read(folder.join("runs.csv")).unwrap().len();
        cut(folder, "runs.csv", 64);
        let left = std::fs::read(folder.join("runs.csv")).unwrap().len();
        append(folder, "runs.csv", &vec![0; whole - left]);
    });
    resumed(Tables::default(), Sort::Point, |folder| cut(folder, "runs.unsorted.csv", 50));
    resumed(ALL, Sort::Run, |folder| {
        std::fs::write(folder.join(".backstop-partial-a"), "half a summary").unwrap();
        std::fs::create_dir_all(folder.join(".backstop-partial-b/old")).unwrap();
    });
}

#[test]
fn a_folder_that_is_not_there_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = sweep(&AXES, 3);
    whole(&sweep, Output::Resumed(&folder.path().join("a")), 2);
    whole(&sweep, new(&folder.path().join("b")), 2);
    same(&folder.path().join("a"), &folder.path().join("b"));
}

#[test]
fn replicates_can_be_added() {
    for (sort, independent) in [(Sort::Run, false), (Sort::Point, false), (Sort::Run, true)] {
        let folder = tempfile::tempdir().unwrap();
        let (at_once, grown) = (folder.path().join("at_once"), folder.path().join("grown"));
        let make = |replicates| {
            let mut sweep = sweep(&AXES, replicates);
            (sweep.sort, sweep.schedule.independent) = (sort, independent);
            sweep.tables = if independent { Tables { events: false, ..TYPED } } else { ALL };
            sweep
        };
        whole(&make(30), new(&at_once), 2);
        whole(&make(7), new(&grown), 2);
        // Extended, stopped, resumed and extended again.
        stopped(&make(20), Output::Resumed(&grown), 1);
        whole(&make(30), Output::Resumed(&grown), 2);
        same(&at_once, &grown);
    }
}

fn refusal(change: impl Fn(&mut Sweep)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("out");
    whole(&sweep(&AXES, 3), new(&folder), 2);
    let before = contents(&folder);
    let mut other = sweep(&AXES, 3);
    change(&mut other);
    let error = other.run(Output::Resumed(&folder), 2, &mut |_| true).unwrap_err();
    assert_eq!(contents(&folder), before, "a refusal leaves the folder alone");
    error.message().replace(&folder.display().to_string(), "DIR")
}

#[test]
fn another_sweep_is_refused() {
    let other = |axes: &[&str]| sweep(axes, 3).experiment;
    let differs = |what: &str| format!("`DIR` holds another sweep: {what}");
    assert_eq!(refusal(|s| s.schedule.seed = 8), differs("the seed was 7, and is 8"));
    assert_eq!(refusal(|s| s.schedule.replicates = 2), differs("there were 3 replicates, and 2 are asked for"));
    assert_eq!(refusal(|s| s.tables.events = false), differs("`--events` was given, and is not given"));
    assert_eq!(refusal(|s| s.tables.format = Format::Parquet), differs("`--format` was csv, and is parquet"));
    assert_eq!(refusal(|s| s.sort = Sort::Point), differs("`--sort point` was not given, and is given"));
    assert_eq!(refusal(|s| s.schedule.independent = true), differs("`--independent` was not given, and is given"));
    assert_eq!(refusal(|s| s.shard = Shard { number: 1, of: 2 }), differs("the shard was 1/1, and is 1/2"));
    assert_eq!(
        refusal(|s| s.experiment = other(&["floor=1:4:4"])),
        differs("what varies was `floor`, `edge`, and is `floor`")
    );
    assert_eq!(
        refusal(|s| s.experiment = other(&["floor=1:4:4", "edge=1,0.4"])),
        differs("the points of the design have changed")
    );
    assert_eq!(
        refusal(|s| s.experiment = other(&["floor=1:4:7", "edge=1,0.4"])),
        differs("the design had 8 points, and has 14")
    );
    let text = SCENARIO.replace("crowd.\"", "crowd!\"").replace("small", "large");
    let document = || Document::parse("crowd.toml", text.as_bytes()).unwrap();
    assert_eq!(
        refusal(|s| {
            let sets = [Override { name: "risk".into(), value: 0.3.into() }];
            s.experiment = Experiment::new(document(), &sets, grid(&AXES).0, 7, 1).unwrap();
            s.schedule.seed = 1;
        }),
        differs("the scenario's text has changed; `--set` was `risk=0.2`, and is `risk=0.3`; the seed was 7, and is 1")
    );
}

#[test]
fn another_version_or_a_changed_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("out");
    let message = |sweep: &Sweep| {
        let error = sweep.run(Output::Resumed(&folder), 2, &mut |_| true).unwrap_err();
        error.message().replace(&folder.display().to_string(), "DIR")
    };
    whole(&sweep(&AXES, 3), new(&folder), 2);
    append(&folder, "series.csv", b"x");
    assert_eq!(message(&sweep(&AXES, 4)), "`DIR/series.csv` was changed after the sweep");
    let manifest = text(&folder, "manifest.json");
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    std::fs::write(folder.join("manifest.json"), manifest.replace(&version, "\"version\": \"9.9.9\"")).unwrap();
    let found = message(&sweep(&AXES, 3));
    assert!(found.starts_with("`DIR` was written by backstop 9.9.9 "), "{found}");
    std::fs::write(folder.join("manifest.json"), "{").unwrap();
    assert!(message(&sweep(&AXES, 3)).starts_with("the manifest is not valid"));
    std::fs::remove_file(folder.join("manifest.json")).unwrap();
    assert!(message(&sweep(&AXES, 3)).starts_with("cannot read `DIR/manifest.json`"));
}

#[test]
fn a_folder_that_is_not_empty_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = sweep(&AXES, 3);
    whole(&sweep, new(&folder.path().join("out")), 2);
    let error = sweep.run(new(&folder.path().join("out")), 2, &mut |_| true).unwrap_err();
    assert!(error.message().ends_with("is not empty"), "{error}");
    whole(&sweep, Output::New { folder: &folder.path().join("out"), force: true }, 2);
}

fn shards(folder: &Path, of: u64, change: impl Fn(&mut Sweep)) -> Vec<PathBuf> {
    (1..=of)
        .map(|number| {
            let mut part = sweep(&AXES, 10);
            change(&mut part);
            part.shard = Shard { number, of };
            let place = folder.join(format!("part{number}"));
            whole(&part, new(&place), 2);
            place
        })
        .collect()
}

#[test]
fn shards_and_merge_equal_the_undivided_sweep() {
    for (of, sort, axes) in [(3, Sort::Run, &AXES[..]), (7, Sort::Point, &AXES[..]), (100, Sort::Run, &[])] {
        let folder = tempfile::tempdir().unwrap();
        let change = |s: &mut Sweep| {
            s.sort = sort;
            if axes.is_empty() {
                *s = sweep(axes, 10);
            }
            s.tables.format = if of == 7 { Format::Parquet } else { Format::Csv };
        };
        let mut parts = shards(folder.path(), of, change);
        parts.reverse();
        let mut undivided = sweep(&AXES, 10);
        change(&mut undivided);
        let (one, merged) = (folder.path().join("one"), folder.path().join("merged"));
        whole(&undivided, new(&one), 2);
        merge(&parts, &merged, false, &mut |_| true).unwrap_or_else(|error| panic!("{error}"));
        same(&one, &merged);
        // A merged sweep can be extended like any other.
        undivided.schedule.replicates = 12;
        whole(&undivided, Output::Resumed(&merged), 2);
    }
}

#[test]
fn shards_that_do_not_belong_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let parts = shards(folder.path(), 3, |_| ());
    let place = |name: &str| folder.path().join(name);
    let refused = |parts: &[PathBuf]| {
        let error = merge(parts, &place("out"), false, &mut |_| true).unwrap_err();
        assert!(!place("out").exists());
        error.message().replace(&folder.path().display().to_string(), "DIR")
    };
    assert_eq!(refused(&parts[1..2]), "shards are missing: 1/3, 3/3");
    let error = merge(&parts[..2], &place("out"), false, &mut |_| true).unwrap_err();
    assert_eq!(error.remedy(), Some("give `sweep` the arguments of the others and `--shard 3/3`"));
    assert_eq!(refused(&[parts[0].clone(), parts[0].clone()]), "`DIR/part1` and `DIR/part1` are both shard 1/3");
    let mut other = sweep(&AXES, 10);
    (other.shard, other.schedule.seed) = (Shard { number: 2, of: 3 }, 8);
    whole(&other, new(&place("other")), 2);
    assert_eq!(
        refused(&[parts[0].clone(), place("other")]),
        "`DIR/part1` and `DIR/other` do not belong together: the seed was 7, and is 8"
    );
    let mut unfinished = sweep(&AXES, 10);
    unfinished.shard = Shard { number: 2, of: 3 };
    whole(&unfinished, new(&place("unfinished")), 2);
    edit_manifest(&place("unfinished"), |manifest| manifest["complete"] = false.into());
    let three = [parts[0].clone(), place("unfinished"), parts[2].clone()];
    assert_eq!(refused(&three), "the shard in `DIR/unfinished` is not complete");
    append(&parts[2], "runs.csv", b"x\n");
    assert_eq!(refused(&parts), "`DIR/part3/runs.csv` was changed after the sweep");
}

/// Checked pair by pair from the rows themselves, in both orders of the rows.
#[test]
fn points_are_compared_with_common_random_numbers() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sort) in [("run", Sort::Run), ("point", Sort::Point)] {
        let out = folder.path().join(name);
        let mut sweep = sweep(&AXES, 30);
        sweep.sort = sort;
        whole(&sweep, new(&out), 2);
        let rows = text(&out, "runs.csv");
        let header: Vec<&str> = rows.lines().next().unwrap().split(',').collect();
        let at = |name: &str| header.iter().position(|column| *column == name).unwrap();
        let cells: Vec<Vec<&str>> = rows.lines().skip(1).map(|line| line.split(',').collect()).collect();
        let find = |point: usize, replicate: &str| {
            let is = |row: &&Vec<&str>| row[at("point")] == point.to_string() && row[at("replicate")] == replicate;
            cells.iter().find(is).unwrap()
        };
        // The axes are `floor`, of four values, and `edge`, of two.
        let (_, found) = Comparison::of(&out, "edge=0.5").unwrap();
        let outcome = found.outcomes().iter().position(|name| name == "deadlock").unwrap();
        for point in 0..8 {
            let base = point / 2 * 2 + 1;
            assert_eq!((found.base(point), found.pairs(point)), (base as u64, 30));
            let (mut gained, mut lost, mut gaps) = (0, 0, Vec::new());
            for row in cells.iter().filter(|row| row[at("point")] == point.to_string()) {
                let other = find(base, row[at("replicate")]);
                let ends = [row, other].map(|row| row[at("outcome")] == "deadlock");
                gained += u64::from(ends == [true, false]);
                lost += u64::from(ends == [false, true]);
                let gap = [row, other].map(|row| row[at("gap")].parse::<f64>());
                if let [Ok(own), Ok(base)] = gap {
                    gaps.push(own - base);
                }
            }
            assert_eq!(found.discordant(point, outcome), [gained, lost], "point {point}");
            let count = f64::from(u32::try_from(gaps.len()).unwrap());
            let mean = gaps.iter().sum::<f64>() / count;
            let squares: f64 = gaps.iter().map(|gap| (gap - mean) * (gap - mean)).sum();
            let half = 1.959_963_984_540_054 * (squares / (count - 1.0) / count).sqrt();
            let (ours, interval) = found.difference(point, 1);
            assert!((ours.unwrap() - mean).abs() < 1e-9);
            let (low, high) = interval.unwrap();
            assert!((low - (mean - half)).abs() < 1e-9 && (high - (mean + half)).abs() < 1e-9);
        }
    }
    let folder = folder.path().join("run");
    let refused = |base: &str| Comparison::of(&folder, base).unwrap_err().message().to_owned();
    assert_eq!(refused("8"), "there is no point `8`");
    assert_eq!(refused("risk=1"), "`risk` is not varied");
    assert_eq!(refused("edge=3"), "no point has `edge=3` and otherwise the values of point 0");
}

/// Something of all that has a number, a moment or a truth.
const EVERYTHING: &str = r#"
format = 1
issues = ["peace"]
pace = 0.2
[time]
start = 2025-03-10
step = "1 day"
steps = 9
[parameters]
floor = { value = 3, range = [0, 9] }
level = { value = { uniform = [0.2, 0.4] }, range = [0, 1] }
opens = 2025-03-12
[resources]
troops = {}
money = {}
[actors.us]
stance = 0.4
anchor = { peace = 0.8 }
susceptibility = 0.6
volatility = 0.1
attributes = { weight = 2, joined = 2025-03-11 }
credit = { offer = 0.5, bond = 0.75 }
[actors.uk]
stance = { triangular = [0.1, 0.5, 0.9] }
[cohorts.crowd]
size = 3
stance = { uniform = [0.3, 0.7] }
volatility = 0.05
[groups]
all = ["us", "uk", "crowd"]
[trust]
default = 0.7
strength = 4
kept = 1
broken = 2
suspended = 0.5
witness = 0.25
pairs = [{ of = "uk", in = "us", value = 0.9 }]
[credit]
offer = 0.2
bond = 0.4
[[influence]]
from = "all"
on = "crowd"
weight = 0.5
[commitments.first]
debtor = "us"
creditor = "uk"
gives = { troops = 2, money = { uniform = [1, 3] } }
offer = "stance >= 0.2 and step >= opens"
when = "parties(troops) + trust(us, uk) >= level"
lead = 1
over = 2
grace = 2
due = 5
expires = 2025-03-17
cost = 1.5
renew = "kept(first) >= 1"
[commitments.second]
debtor = "uk"
gives = { money = { upto = 10, as = "2 + 0.5 * bound(money)", by = 1 } }
when = "bonds(first) >= 1"
[commitments.third]
debtor = "crowd"
gives = { troops = 1 }
when = "parties(troops) >= floor - 2"
while = "stance >= 0.1"
maintain = true
resumable = true
[meetings.summit]
on = [2025-03-13, 2025-03-16]
attend = ["us", "uk"]
package = true
success = 0.8
influence = 0.2
[meetings.talks]
from = 2025-03-11
to = 2025-03-15
attend = ["crowd"]
[shocks.raid]
rate = 0.3
stance = { us = -0.1, crowd = 0.2 }
trust = [{ of = "uk", in = "us", by = -0.2 }]
[shocks.news]
on = 2025-03-14
anchor = { us = 0.1 }
[shocks.turn]
when = "stance(all) > 0.45"
once = true
stance = { uk = 0.05 }
[moves.push]
on = 2025-03-15
bind = [{ commitment = "second", amount = 4 }]
[outcomes.peace_holds]
when = "bound(troops) >= 5 and step > 6"
stop = true
[metrics]
troops = "bound(troops)"
mood = "stance(all)"
"#;

/// The paths of the numbers, moments and truths of a document, with what stands there.
fn leaves(value: &DeValue<'_>, path: &str, found: &mut Vec<(String, String)>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        DeValue::Table(table) => {
            table.iter().for_each(|(key, value)| leaves(value.get_ref(), &below(key.get_ref()), found));
        }
        DeValue::Array(array) => {
            array.iter().enumerate().for_each(|(at, value)| leaves(value.get_ref(), &below(&at.to_string()), found));
        }
        DeValue::Integer(number) => found.push((path.to_owned(), number.as_str().to_owned())),
        DeValue::Float(number) => found.push((path.to_owned(), number.as_str().to_owned())),
        DeValue::Boolean(value) => found.push((path.to_owned(), value.to_string())),
        DeValue::Datetime(moment) => found.push((path.to_owned(), moment.to_string())),
        DeValue::String(_) => {}
    }
}

/// Other values that may stand in a place, the likeliest first.
fn others(old: &str) -> Vec<String> {
    if let Ok(number) = old.parse::<f64>() {
        return [number + 1.0, number + 0.05, number - 0.05, number - 1.0].map(|number| number.to_string()).to_vec();
    }
    match old {
        "true" => vec!["false".into()],
        "false" => vec!["true".into()],
        date => {
            let day: u32 = date[8..].parse().expect("a date");
            [day + 1, day - 1].map(|day| format!("{}{day:02}", &date[..8])).to_vec()
        }
    }
}

/// A sweep lays the values of its points over a model that is there; a single run under `--set` compiles the file anew.
#[test]
fn whatever_can_be_set_can_be_varied_to_the_same_runs() {
    let document = Document::parse("everything.toml", EVERYTHING.as_bytes()).unwrap();
    let is_valid = |name: &str, value: &str| {
        let overrides = vec![Override { name: name.into(), value: SetValue::parse(value).unwrap() }];
        compile(&document, &Options { overrides, ..Options::default() })
            .map(drop)
            .map_err(|errors| format!("{errors:?}"))
    };
    let mut all = Vec::new();
    leaves(&DeValue::Table(DeTable::parse(EVERYTHING).unwrap().into_inner()), "", &mut all);
    let mut differing = 0;
    for (name, old) in &all {
        if name == "format" {
            continue;
        }
        let tried = others(old);
        let new = tried.iter().find(|new| is_valid(name, new).is_ok());
        let new = new.unwrap_or_else(|| panic!("`{name}`, which is {old}: {:?}", is_valid(name, &tried[0])));
        let (source, design) = grid(&[&format!("{name}={old},{new}")]);
        let experiment = Experiment::new(document.clone(), &[], source, 7, 1);
        let experiment = experiment.unwrap_or_else(|error| panic!("`{name}={old},{new}`: {error:?}"));
        let sweep = Sweep {
            schedule: Schedule { points: experiment.points().count(), replicates: 2, seed: 7, independent: false },
            experiment,
            shard: Shard::WHOLE,
            tables: Tables::default(),
            sort: Sort::Run,
            design,
            scenario: "everything.toml".into(),
        };
        let folder = tempfile::tempdir().unwrap();
        whole(&sweep, Output::New { folder: &folder.path().join("out"), force: false }, 1);
        let rows = text(&folder.path().join("out"), "runs.csv");
        assert_eq!(rows, common::rows_alone(&sweep), "{name}={old},{new}");
        let hashes: Vec<&str> = rows.lines().skip(1).map(|row| row.rsplit(',').nth(1).expect("a hash")).collect();
        differing += usize::from(hashes[..2] != hashes[2..]);
    }
    assert!(all.len() >= 60 && differing >= all.len() * 3 / 4, "{differing} of {} change a run", all.len());
}
