//! The tables of `docs/performance.md`.

use std::fmt::Write as _;
use std::path::Path;

use backstop::sweep::Sweep;

use crate::baseline::Prescribed;
use crate::baseline::ziggurat::Ziggurat;
use crate::{ENSEMBLE, FLAGSHIP, cores, read, run, run_by_hand, sweep};

/// The shortest of some times that a thing takes, in seconds.
fn best(mut thing: impl FnMut()) -> f64 {
    #[expect(clippy::disallowed_types, reason = "the clock is what a bench is about")]
    let once = || {
        let began = std::time::Instant::now();
        thing();
        began.elapsed().as_secs_f64()
    };
    std::iter::repeat_with(once).take(5).fold(f64::INFINITY, f64::min)
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

/// Measures everything and writes the page.
pub(crate) fn write(path: &Path) {
    let mut page = String::from(
        "# Performance\n\n\
         This page is written by `cargo bench --bench sweep`; do not edit it by hand. Times are the best of five, and\n\
         include writing the files.\n\n",
    );
    let _ = writeln!(page, "Measured on {} with {} cores.\n", machine(), cores());
    speed(&mut page);
    growth(&mut page);
    std::fs::write(path, page).expect("the page can be written");
}

fn speed(page: &mut String) {
    const RUNS: u64 = 10_000;
    let hand = per_second(RUNS, best(|| run_by_hand(RUNS, Prescribed::new())));
    let free = per_second(RUNS, best(|| run_by_hand(RUNS, Ziggurat::new())));
    let all = cores();
    let _ = write!(
        page,
        "## Runs per second\n\n\
         The ensemble (`benches/scenarios/ensemble.toml`) has 30 actors with noisy stances, dense influence, 60 steps and\n\
         30 commitments. The hand-written loop (`benches/baseline`) does the same arithmetic with the same random numbers\n\
         and writes the same rows; a test compares them byte by byte.\n\n\
         | what | 1 core | {all} cores | scaling | against the loop, 1 core |\n| --- | --: | --: | --: | --: |\n\
         | ensemble, hand-written loop | {hand:.0} | | | |\n\
         | ensemble, hand-written loop with its own normals and no history | {free:.0} | | | |\n"
    );
    for (name, path) in [("ensemble, `backstop sweep`", ENSEMBLE), ("flagship, `backstop sweep`", FLAGSHIP)] {
        let sweep = sweep(path, &read(path), RUNS);
        let one = per_second(RUNS, best(|| run(&sweep, 1)));
        let many = per_second(RUNS, best(|| run(&sweep, all)));
        let ratio = if path == ENSEMBLE { format!("{:.2} times the time", hand / one) } else { String::new() };
        let _ = writeln!(page, "| {name} | {one:.0} | {many:.0} | {:.2} | {ratio} |", many / one);
    }
    page.push('\n');
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
