//! What a run costs: the flagship with its log and without, a network of thirty actors beside the same written by
//! hand, and the rows a second that a log is written and replayed at.
//!
//! `cargo bench --bench run` measures; before it does, it makes sure that the hand-written network comes to the same
//! numbers, bit by bit, and at the end it prints how many times longer the general program takes.
#![expect(clippy::disallowed_types, reason = "a bench looks at the clock")]

#[path = "baseline/network.rs"]
mod network;

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use backstop::engine::{self, Plan, RunOptions, RunSeed};
use backstop::model::{ActorId, IssueId, Model};
use backstop::scenario::{Document, Options, compile};
use backstop::store::{events_csv, write_events};
use backstop::table::Csv;
use backstop::trace::{Namer, Recorded};
use criterion::{Criterion, Throughput, criterion_group};
use network::Baseline;

const LOGGED: RunOptions = RunOptions { log: true, series: true, exchanged: false };
const BARE: RunOptions = RunOptions { log: false, series: false, exchanged: false };

fn compiled(text: &str) -> (Model, Plan) {
    let document = Document::parse("bench.toml", text.as_bytes()).expect("a scenario");
    let model = compile(&document, &Options::default()).expect("a scenario").model;
    let plan = Plan::new(&model);
    (model, plan)
}

fn luck(seed: u64) -> RunSeed {
    RunSeed { seed, replicate: 0 }
}

fn flagship(criterion: &mut Criterion) {
    let text = include_str!("../scenarios/jeddah-2025.toml");
    let (model, plan) = compiled(text);
    let mut group = criterion.benchmark_group("flagship");
    let mut seed = 0;
    let mut next = || {
        seed += 1;
        luck(seed)
    };
    group.bench_function("run, log in memory", |b| b.iter(|| engine::run(&model, &plan, next(), LOGGED)));
    group.bench_function("run, no log", |b| b.iter(|| engine::run(&model, &plan, next(), BARE)));
    group.bench_function("compile", |b| b.iter(|| compiled(black_box(text))));
    group.finish();
}

fn log(criterion: &mut Criterion) {
    for (name, text) in
        [("flagship", include_str!("../scenarios/jeddah-2025.toml").to_owned()), ("network", network::scenario())]
    {
        let (model, plan) = compiled(&text);
        let run = engine::run(&model, &plan, luck(0), LOGGED);
        let bytes = events_csv(&Namer::new(&model), &run.log);
        let mut group = criterion.benchmark_group(format!("log of the {name}"));
        group.throughput(Throughput::Elements(u64::from(run.events)));
        let mut out = Vec::with_capacity(bytes.len());
        let namer = Namer::new(&model);
        group.bench_function("write, rows", |b| {
            b.iter(|| {
                out.clear();
                write_events(&mut Csv::rows(&mut out), &namer, 0, &run.log).expect("memory is writable");
            });
        });
        let recorded = Recorded::of(&run, luck(0));
        group.bench_function("replay, rows", |b| {
            b.iter(|| {
                let fold = backstop::trace::replay(&namer, &plan, &[], &*bytes, &recorded, &mut |_, _, _| {});
                assert_eq!(fold.expect("the log is whole").history, run.history);
            });
        });
        group.finish();
    }
}

fn same_numbers(model: &Model, plan: &Plan, baseline: &Baseline) {
    let (mut bound, mut gaps) = (0, 0);
    for seed in 0..50 {
        let (run, by_hand) = (engine::run(model, plan, luck(seed), BARE), baseline.run(seed));
        for (at, stance) in by_hand.stances.iter().enumerate() {
            let ours = run.world.stance(ActorId::at(at), IssueId(0));
            assert_eq!(ours.to_bits(), stance.to_bits(), "the stance of a{at} under seed {seed}");
        }
        let delivered: Vec<i64> = (0..network::ACTORS).map(|at| run.world.evidence.handed_over(at).0).collect();
        assert_eq!(delivered, by_hand.delivered, "what was delivered under seed {seed}");
        assert_eq!((run.gap, run.world.reached[0]), (Some(by_hand.gap), by_hand.reached), "seed {seed}");
        let metrics: Vec<u64> = run.metrics.iter().map(|value| value.expect("it was sampled").to_bits()).collect();
        assert_eq!(metrics, by_hand.metrics.map(f64::to_bits), "the metrics under seed {seed}");
        bound += delivered.iter().filter(|&&amount| amount > 0).count();
        gaps += by_hand.gap;
    }
    assert!(bound > 500 && bound < 1_500, "some bind and some do not: {bound} of 1500, gaps {gaps}");
}

fn network_beside_baseline(criterion: &mut Criterion) {
    let (model, plan) = compiled(&network::scenario());
    let baseline = Baseline::new();
    same_numbers(&model, &plan, &baseline);
    let mut group = criterion.benchmark_group("network of 30 over 60 steps");
    let mut seed = 0;
    group.bench_function("run, no log", |b| {
        b.iter(|| {
            seed += 1;
            engine::run(&model, &plan, luck(seed), BARE)
        });
    });
    group.bench_function("run, log in memory", |b| {
        b.iter(|| {
            seed += 1;
            engine::run(&model, &plan, luck(seed), LOGGED)
        });
    });
    group.bench_function("by hand", |b| {
        b.iter(|| {
            seed += 1;
            baseline.run(seed)
        });
    });
    group.finish();
    ratio(&model, &plan, &baseline);
}

/// Both in turns, so that whatever else the machine does is shared between them; the fastest of each counts.
fn ratio(model: &Model, plan: &Plan, baseline: &Baseline) {
    let (mut ours, mut by_hand) = (Duration::MAX, Duration::MAX);
    for round in 0..200 {
        let began = Instant::now();
        for seed in 0..20 {
            black_box(engine::run(model, plan, luck(round * 20 + seed), BARE));
        }
        let between = Instant::now();
        for seed in 0..20 {
            black_box(baseline.run(round * 20 + seed));
        }
        ours = ours.min(between - began);
        by_hand = by_hand.min(between.elapsed());
    }
    let micros = |twenty: Duration| twenty.as_secs_f64() * 1e6 / 20.0;
    let ratio = ours.as_secs_f64() / by_hand.as_secs_f64();
    // Nobody to tell where there is no standard output.
    let _ = writeln!(
        std::io::stdout(),
        "network of 30 over 60 steps: {:.1} µs a run, {:.1} µs by hand: ratio {ratio:.2}",
        micros(ours),
        micros(by_hand)
    );
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).measurement_time(Duration::from_secs(3));
    targets = network_beside_baseline, flagship, log
}

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
}
