//! The tables of `docs/performance.md`.

mod growth;
mod instructions;

use std::fmt::Write as _;
use std::path::Path;

use backstop::engine::{Normals, Plan, RunOptions, RunSeed, Simulation, stream};
use backstop::scenario::{Document, Options, compile};
use backstop::sweep::Sweep;

use crate::baseline::Prescribed;
use crate::baseline::ziggurat::Ziggurat;
use crate::{ENSEMBLE, FLAGSHIP, cascade, cores, read, run, run_by_hand, sweep};

/// The shortest of five times that a thing takes, in seconds.
fn best(thing: impl FnMut()) -> f64 {
    best_of(5, thing)
}

/// The shortest of some times that a thing takes, in seconds.
fn best_of(times: usize, mut thing: impl FnMut()) -> f64 {
    #[expect(clippy::disallowed_types, reason = "the clock is what a bench is about")]
    let once = || {
        let began = std::time::Instant::now();
        thing();
        began.elapsed().as_secs_f64()
    };
    std::iter::repeat_with(once).take(times).fold(f64::INFINITY, f64::min)
}

/// The ensemble with other numbers of actors, steps, and commitments for each actor.
fn ensemble(actors: u32, steps: u32, commitments: u32) -> String {
    let mut text = read(ENSEMBLE).replace("steps = 60", &format!("steps = {steps}"));
    text = text.replace("= 30\n", &format!("= {actors}\n")).replace("/ 30", &format!("/ {actors}"));
    text = text.replace(">= 20", &format!(">= {}", actors * 2 / 3));
    for number in 1..commitments {
        let _ = write!(
            text,
            "[commitments.join_{number}]\ndebtor = \"member\"\ngives = {{ effort = 1 }}\n\
             when = \"stance + pressure * parties(effort, member) / {actors} >= bar\"\n"
        );
    }
    text
}

/// Microseconds that a run takes on one core.
fn cost(actors: u32, steps: u32, commitments: u32) -> f64 {
    let runs = (3_000_000 / (u64::from(actors) * u64::from(steps) * u64::from(commitments))).clamp(50, 2_000);
    let sweep = sweep("ensemble.toml", &ensemble(actors, steps, commitments), runs);
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let runs = runs as f64;
    best(|| run(&sweep, 1)) / runs * 1e6
}

fn per_second(runs: u64, seconds: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let runs = runs as f64;
    runs / seconds
}

/// A ratio as it is written.
fn ratio(value: f64) -> String {
    format!("{value:.2}")
}

/// The instructions of some sweeps, for people.
pub(crate) fn instructions() -> String {
    instructions::section()
}

/// Where the time of a run of the ensemble goes, for people.
pub(crate) fn timings() -> String {
    let mut text = String::new();
    parts(&mut text);
    text
}

/// Measures everything and writes the page.
pub(crate) fn write(path: &Path) {
    let mut page = String::from(
        "# Performance\n\n\
         This page is written by `cargo bench --bench sweep`; do not edit it by hand. Times are the best of several, and\n\
         include writing the files. The machine is shared and noisy: compare what stands in one table, which was measured\n\
         in turns, and trust the [instructions](#instructions) rather than the times.\n\n",
    );
    let _ = writeln!(page, "Measured on {} with {} cores.\n", machine(), cores());
    speed(&mut page);
    parts(&mut page);
    page.push_str(&instructions::section());
    growth(&mut page);
    page.push('\n');
    growth::section(&mut page);
    std::fs::write(path, page.trim_end().to_owned() + "\n").expect("the page can be written");
}

/// Times of several things, each the best of some rounds in which they take turns.
fn in_turns<const N: usize>(mut things: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut times = [f64::INFINITY; N];
    for _ in 0..15 {
        for (time, thing) in times.iter_mut().zip(&mut things) {
            *time = time.min(best_of(1, &mut **thing));
        }
    }
    times
}

fn speed(page: &mut String) {
    const RUNS: u64 = 3_000;
    let all = cores();
    let [ensemble, flagship] = [ENSEMBLE, FLAGSHIP].map(|path| sweep(path, &read(path), RUNS));
    let [hand, free, one, many, flagship_one, flagship_many] = in_turns([
        &mut || run_by_hand(RUNS, Prescribed::new()),
        &mut || run_by_hand(RUNS, Ziggurat::new()),
        &mut || run(&ensemble, 1),
        &mut || run(&ensemble, all),
        &mut || run(&flagship, 1),
        &mut || run(&flagship, all),
    ])
    .map(|seconds| per_second(RUNS, seconds));
    let _ = write!(
        page,
        "## Runs per second\n\n\
         The ensemble (`benches/scenarios/ensemble.toml`) has 30 actors with noisy stances, dense influence, 60 steps and\n\
         30 commitments. The hand-written loop (`benches/baseline`) does the same arithmetic with the same random numbers\n\
         and writes the same rows; a test compares them byte by byte. The second loop is free to choose its normals\n\
         (ziggurat, one stream of ChaCha8 a run), and leaves the hash of the history out.\n\n\
         | what | 1 core | {all} cores | scaling | speed of the loop | of the free loop |\n\
         | --- | --: | --: | --: | --: | --: |\n\
         | ensemble, hand-written loop | {hand:.0} | | | | |\n\
         | ensemble, free hand-written loop | {free:.0} | | | | |\n\
         | ensemble, `backstop sweep` | {one:.0} | {many:.0} | {} | {} | {} |\n\
         | flagship, `backstop sweep` | {flagship_one:.0} | {flagship_many:.0} | {} | | |\n\n",
        ratio(many / one),
        ratio(one / hand),
        ratio(one / free),
        ratio(flagship_many / flagship_one),
    );
}

/// Where the time of a run of the ensemble goes.
fn parts(page: &mut String) {
    const RUNS: u64 = 1_000;
    let document = Document::parse(ENSEMBLE, read(ENSEMBLE).as_bytes()).expect("the scenario is TOML");
    let compiled = |document: &Document| compile(document, &Options::default()).expect("it is valid").model;
    let model = compiled(&document);
    let without = |line: &str| {
        let text: String =
            read(ENSEMBLE).lines().filter(|at| !at.starts_with(line)).fold(String::new(), |text, at| text + at + "\n");
        compiled(&Document::parse(ENSEMBLE, text.as_bytes()).expect("the scenario is TOML"))
    };
    let still = without("volatility");
    let (plan, still_plan) = (Plan::new(&model), Plan::new(&still));
    let bare = RunOptions::default();
    let mut whole = Simulation::new(&model, &plan, bare);
    let mut quiet = Simulation::new(&still, &still_plan, bare);
    let streams: Vec<u64> = (1..=30).map(|at| stream(&format!("stance/member_{at}/main"))).collect();
    let mut normals = Normals::default();
    let run_seeds = || (0..RUNS).map(|replicate| RunSeed { seed: 1, replicate });
    let swept = sweep(ENSEMBLE, &read(ENSEMBLE), RUNS);
    let [noise, still, all, files] = in_turns([
        &mut || {
            for run_seed in run_seeds() {
                normals.reset(run_seed, streams.iter().copied());
                for step in 0..60 {
                    normals.look_ahead(step, 60);
                    std::hint::black_box(normals.of(step));
                }
            }
        },
        &mut || run_seeds().for_each(|run_seed| _ = std::hint::black_box(quiet.run(&[], run_seed))),
        &mut || run_seeds().for_each(|run_seed| _ = std::hint::black_box(whole.run(&[], run_seed))),
        &mut || run(&swept, 1),
    ])
    .map(|seconds| 1e6 / per_second(RUNS, seconds));
    let _ = write!(
        page,
        "Of a run of the ensemble, in microseconds: drawing the noise {noise:.1}; all of the run in memory {all:.1}, the same\n\
         without noise {still:.1}; with its row, its share of the files and of starting the sweep {files:.1}.\n\n"
    );
}

fn growth(page: &mut String) {
    page.push_str(
        "## How the cost grows\n\n\
         The ensemble with one number doubled at a time; one core. Influence is dense, so its part of the cost grows with\n\
         the square of the actors.\n\n\
         | what is doubled | value | µs a run | times the one before |\n| --- | --: | --: | --: |\n",
    );
    let mut series = |name: &str, values: &[u32], cost: &dyn Fn(u32) -> f64| {
        let mut before: Option<f64> = None;
        for &value in values {
            let now = cost(value);
            let ratio = before.map_or(String::new(), |before| format!("{:.2}", now / before));
            let _ = writeln!(page, "| {name} | {value} | {now:.1} | {ratio} |");
            before = Some(now);
        }
    };
    series("actors", &[15, 30, 60, 120, 240], &|actors| cost(actors, 60, 1));
    series("commitments of each actor", &[1, 2, 4, 8, 16], &|commitments| cost(30, 60, commitments));
    series("steps", &[30, 60, 120, 240, 480], &|steps| cost(30, steps, 1));
    page.push_str("\n| replicates | seconds, 1 core | times the one before |\n| --: | --: | --: |\n");
    let mut before: Option<f64> = None;
    for replicates in [2_500, 5_000, 10_000, 20_000, 40_000] {
        let sweep: Sweep = sweep(ENSEMBLE, &read(ENSEMBLE), replicates);
        let now = best(|| run(&sweep, 1));
        let ratio = before.map_or(String::new(), |before| format!("{:.2}", now / before));
        let _ = writeln!(page, "| {replicates} | {now:.3} | {ratio} |");
        before = Some(now);
    }
}

/// The processor, as far as the system says.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| "an unknown processor".to_owned(), |(_, name)| name.trim().to_owned())
}
