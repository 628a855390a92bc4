//! Measures the speed of the program, compared with hand-written loops, and how its cost grows.
//!
//! `cargo bench --bench sweep` measures the sections of `docs/performance.md`, prints its progress to standard error,
//! and rewrites the page, which takes about five minutes on an idle machine with two cores. Options after `--`:
//!
//! * `--only NAME` measures one section and prints it; it may be given several times. `--list` lists the sections.
//! * `--instructions` and `--timings` are short for `--only instructions` and `--only timings`.
//! * `--criterion` lets Criterion measure, so that two versions can be compared.

mod baseline;
#[path = "baseline/cascade.rs"]
mod cascade;
mod scaling;

use std::io::Write as _;
use std::path::Path;

use backstop::scenario::Document;
use backstop::sweep::{DesignRecord, DesignSource, Experiment, Output, Request, Schedule, Shard, Sort, Sweep, Tables};
use baseline::{Prescribed, Ziggurat};
use criterion::{BenchmarkId, Criterion, Throughput};

/// The flagship.
const FLAGSHIP: &str = "scenarios/jeddah-2025.toml";
/// Thirty actors, sixty steps, thirty commitments.
const ENSEMBLE: &str = "benches/scenarios/ensemble.toml";

/// A sweep of a scenario at one point.
fn sweep(name: &str, text: &str, replicates: u64) -> Sweep {
    let document = Document::parse(name, text.as_bytes()).expect("the scenario is TOML");
    let experiment =
        Experiment::new(document, &[], DesignSource::Request(Request::default()), 1, 1).expect("it is valid");
    Sweep {
        experiment,
        schedule: Schedule { points: 1, replicates, seed: 1, independent: false },
        shard: Shard::WHOLE,
        tables: Tables::default(),
        sort: Sort::Run,
        design: DesignRecord::default(),
        scenario: name.into(),
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the scenario is there")
}

/// Runs a sweep into a temporary folder.
fn run(sweep: &Sweep, jobs: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = Output::New { folder: &folder.path().join("out"), force: false };
    sweep.run(output, jobs, &mut |_| true).expect("the sweep runs");
}

/// Runs the hand-written program with the same work, into a temporary file.
fn run_by_hand(replicates: u64, noise: impl baseline::Noise) {
    let mut file = tempfile::tempfile().expect("a temporary file");
    let mut program = baseline::Baseline::new(0.8, 0.5, noise);
    let mut rows = Vec::new();
    for replicate in 0..replicates {
        program.run(replicate, 1, replicate, &mut rows);
        if rows.len() > 1 << 16 {
            file.write_all(&rows).expect("the disk has room");
            rows.clear();
        }
    }
    file.write_all(&rows).expect("the disk has room");
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn measure(criterion: &mut Criterion) {
    const RUNS: u64 = 2_000;
    let mut group = criterion.benchmark_group("sweep");
    group.throughput(Throughput::Elements(RUNS)).sample_size(10);
    group.bench_function("ensemble/by hand", |bench| bench.iter(|| run_by_hand(RUNS, Prescribed::new())));
    group.bench_function("ensemble/by hand, free", |bench| bench.iter(|| run_by_hand(RUNS, Ziggurat::new())));
    for (name, path) in [("ensemble", ENSEMBLE), ("flagship", FLAGSHIP)] {
        let sweep = sweep(path, &read(path), RUNS);
        for jobs in [1, cores()] {
            group.bench_function(BenchmarkId::new(name, jobs), |bench| bench.iter(|| run(&sweep, jobs)));
        }
    }
    group.finish();
}

/// The sections that `--only` and its short forms select.
fn selected(arguments: &[String]) -> Vec<&str> {
    let mut sections = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--only" => sections.extend(arguments.next().map(String::as_str)),
            "--instructions" => sections.push("instructions"),
            "--timings" => sections.push("timings"),
            _ => {}
        }
    }
    sections
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    if let [which, runs] = &arguments[..] {
        // The program that callgrind runs.
        let runs = runs.parse().unwrap_or(0);
        match which.as_str() {
            "--by-hand" => return run_by_hand(runs, Prescribed::new()),
            "--by-hand-free" => return run_by_hand(runs, Ziggurat::new()),
            _ => {}
        }
    }
    // `cargo test` runs benches too, without this argument.
    if !has("--bench") {
        return;
    }
    if has("--criterion") {
        let mut criterion = Criterion::default();
        measure(&mut criterion);
        criterion.final_summary();
        return;
    }
    let sections = selected(&arguments);
    let text = if has("--list") {
        scaling::names()
    } else if sections.is_empty() {
        return scaling::write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md"));
    } else {
        scaling::some(&sections)
    };
    // An error in writing to standard output cannot be reported.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
