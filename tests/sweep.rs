//! Sweeps through the library: the same bytes on any number of threads, equal to single runs, taken up again.

use std::collections::BTreeMap;
use std::path::Path;

use backstop::engine::Want;
use backstop::log::{RunRow, write_runs};
use backstop::scenario::{Document, Override};
use backstop::sweep::{
    Asked, Axis, Experiment, Output, Report, Request, Sample, Schedule, Shard, Slot, Sort, Source, Sweep, Tables,
};

/// Noise, draws, shocks, a meeting, trust, and at some points runs that fail.
const SCENARIO: &str = r#"
format = 1
title = "A small crowd"
[time]
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

fn grid(axes: &[&str]) -> (Source, Asked) {
    let vary: Vec<Axis> = axes.iter().map(|axis| Axis::parse(axis).unwrap()).collect();
    let request = Request { vary, ..Request::default() };
    let asked =
        Asked { kind: request.kind().into(), vary: axes.iter().map(ToString::to_string).collect(), ..Asked::default() };
    (Source::Request(request), asked)
}

/// A sweep over the floor and the edge; at an edge of 0.5 many runs fail.
fn sweep(axes: &[&str], replicates: u64) -> Sweep {
    let (source, asked) = grid(axes);
    let sets = [Override { name: "risk".into(), value: 0.2 }];
    let experiment = Experiment::new(document(), &sets, source, 7, 2).unwrap_or_else(|error| panic!("{error:?}"));
    let schedule = Schedule { points: experiment.points().count(), replicates, seed: 7, independent: false };
    Sweep {
        experiment,
        schedule,
        shard: Shard::WHOLE,
        tables: Tables { events: true, series: true },
        sort: Sort::Run,
        asked,
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
    let sweep = sweep(&AXES, 40);
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
    let mut expected = Vec::new();
    let columns = sweep.experiment.columns();
    let mut rows = Vec::new();
    for run in 0..sweep.schedule.runs() {
        let slot @ Slot { point, luck, .. } = sweep.schedule.slot(run);
        let found = sweep.experiment.single(slot, Want { log: true, series: true, exchanged: true });
        let mut values: Vec<f64> = sweep.experiment.sets().iter().map(|set| set.value).collect();
        values.extend_from_slice(sweep.experiment.points().values(point));
        rows.push(RunRow::new(&found, (run, point, luck.replicate, luck.seed), values));
    }
    write_runs(&mut expected, sweep.experiment.model(), Some(&columns), &rows).unwrap();
    assert_eq!(text(&folder, "runs.csv"), String::from_utf8(expected).unwrap());
}

#[test]
fn rows_equal_those_of_single_runs() {
    rows_equal_single_runs(&sweep(&AXES, 10));
    // Numbers that stand in the setup, others that change the model, a drawn parameter that is set.
    rows_equal_single_runs(&sweep(&["commitments.join.over=1:3:3", "floor=2,3"], 5));
    rows_equal_single_runs(&sweep(&["cohorts.crowd.size=4,8", "shocks.raid.rate=0.1,0.6"], 5));
    rows_equal_single_runs(&sweep(&["time.steps=5,12", "meetings.summit.success=0,1"], 5));
    rows_equal_single_runs(&sweep(&["share=0.3,0.6"], 5));
    rows_equal_single_runs(&sweep(&[], 20));
}

#[test]
fn replicates_meet_the_same_luck_at_every_point() {
    let folder = tempfile::tempdir().unwrap();
    // The edge is read by a metric alone, so equal luck means equal histories.
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
    let summary = nowhere.summary.to_csv(sweep.experiment.points());
    assert_eq!(String::from_utf8(summary).unwrap(), text(&folder.path().join("out"), "summary.csv"));
}

#[test]
fn a_sample_runs_over_what_declares_a_range_or_a_distribution() {
    let request = Request { sample: Some(Sample::parse("lhs:20").unwrap()), ..Request::default() };
    let sets = [Override { name: "risk".into(), value: 0.2 }];
    let experiment = Experiment::new(document(), &sets, Source::Request(request), 7, 2).unwrap();
    assert_eq!(experiment.points().names, ["floor", "share"]);
    for point in 0..20 {
        let values = experiment.points().values(point);
        assert!((1.0..5.0).contains(&values[0]) && (0.2..0.9).contains(&values[1]), "{values:?}");
    }
    let request =
        Request { sample: Some(Sample::parse("sobol:4").unwrap()), over: vec!["floor".into()], ..Request::default() };
    let experiment = Experiment::new(document(), &[], Source::Request(request), 7, 2).unwrap();
    assert_eq!(experiment.points().to_csv(), b"point,floor\n0,1\n1,3\n2,4\n3,2\n");
}

#[test]
fn a_bad_point_is_named_before_anything_runs() {
    let refused = |axes: &[&str]| {
        let error = Experiment::new(document(), &[], grid(axes).0, 7, 2).unwrap_err();
        let first = error.diagnostics().first().map_or(String::new(), |diagnostic| diagnostic.message.clone());
        (error.message().to_owned(), first)
    };
    let (message, first) = refused(&["floor=1,2", "actors_missing=1"]);
    assert_eq!(message, "the scenario is not valid at point 0 (floor = 1, actors_missing = 1)");
    assert!(first.contains("`actors_missing`"), "{first}");
    let (message, first) = refused(&["commitments.join.over=1,2,2.5"]);
    assert_eq!(message, "the scenario is not valid at point 2 (commitments.join.over = 2.5)");
    assert!(first.contains("commitments.join.over"), "{first}");
    let (message, _) = refused(&["share=0.5,-1,-2"]);
    assert_eq!(message, "the scenario is not valid at point 1 (share = -1)");
    let both =
        Experiment::new(document(), &[Override { name: "floor".into(), value: 1.0 }], grid(&["floor=1"]).0, 7, 1);
    assert_eq!(both.unwrap_err().message(), "`floor` is both set and varied");
}
