//! Sweeps over the shipped scenarios: what is laid over a compiled model gives what compiling each point gives.

mod common;

use std::path::{Path, PathBuf};

use backstop::scenario::{Document, Options, Override, Recheck, compile};
use backstop::sweep::{Asked, Axis, DesignSource, Experiment, Output, Request, Schedule, Shard, Sort, Sweep, Tables};

fn scenarios() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios")).unwrap();
    let mut found: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    found.sort();
    assert!(found.len() > 10);
    found
}

fn document(path: &Path) -> Document {
    common::open(path)
}

/// Numbers to try for a parameter: its own, the ends of its range, and some that are surely wrong for many.
fn values(range: Option<(f64, f64)>, value: f64) -> Vec<f64> {
    let ends = range.map_or(vec![value * 0.9, value * 1.1], |(low, high)| vec![low, f64::midpoint(low, high), high]);
    ends.into_iter().chain([value, 0.0, -1.0, 1.5, 1e13]).collect()
}

/// A yes must be right; a no may be asked about, but for what is shipped it should be right too.
#[test]
fn rechecking_agrees_with_compiling() {
    let (mut yes, mut no) = (0, 0);
    for path in scenarios() {
        let document = document(&path);
        let plain = compile(&document, &Options::default()).unwrap().model;
        for at in 0..plain.parameters.len() {
            let declared = &plain.parameters[at];
            let all = values(declared.range, plain.setup.parameters[at]);
            let with = |value: f64| {
                let overrides = vec![Override { name: declared.id.clone(), value: value.into() }];
                compile(&document, &Options { overrides, ..Options::default() })
            };
            let Some(base) = all.iter().find_map(|&value| with(value).ok()) else { continue };
            let mut recheck = Recheck::new(&base.model);
            for value in all {
                let mut parameters = base.model.setup.parameters.clone();
                parameters[at] = value;
                let (quick, slow) = (recheck.holds(&parameters), with(value).is_ok());
                assert_eq!(quick, slow, "{}: {} = {value}", path.display(), declared.id);
                if quick { yes += 1 } else { no += 1 }
            }
        }
    }
    assert!(yes > 100 && no > 20, "{yes} yes, {no} no");
}

#[test]
fn points_equal_single_runs() {
    let mut compared = 0;
    for path in scenarios() {
        let plain = compile(&document(&path), &Options::default()).unwrap().model;
        // One parameter at a time, and a number that is no parameter.
        let mut axes: Vec<String> = plain
            .parameters
            .iter()
            .zip(&plain.setup.parameters)
            .take(6)
            .map(|(parameter, value)| {
                let (low, high) = parameter.range.unwrap_or((*value, value * 1.1));
                format!("{}={low},{high}", parameter.id)
            })
            .collect();
        axes.push("time.steps=2,3".into());
        axes.push("pace=0.5,1".into());
        for axis in axes {
            let request = Request { vary: vec![Axis::parse(&axis).unwrap()], ..Request::default() };
            let Ok(experiment) = Experiment::new(document(&path), &[], DesignSource::Request(request), 5, 1) else {
                continue;
            };
            same_as_single_runs(experiment);
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
}

fn same_as_single_runs(experiment: Experiment) {
    let schedule = Schedule { points: 2, replicates: 2, seed: 5, independent: false };
    let sweep = Sweep {
        experiment,
        schedule,
        shard: Shard::WHOLE,
        tables: Tables::default(),
        sort: Sort::Run,
        asked: Asked::default(),
        scenario: "scenario.toml".into(),
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("out");
    sweep.run(Output::New { folder: &folder, force: false }, 2, &mut |_| true).unwrap();
    let found = std::fs::read_to_string(folder.join("runs.csv")).unwrap();
    assert_eq!(found, common::rows_alone(&sweep), "{}", sweep.experiment.document().source().name());
}
