//! Sweeps of the ensemble: compared with the hand-written loops, part by part, and with one number doubled at a time.

use std::fmt::Write as _;

use backstop::engine::{Normals, Plan, RunOptions, RunSeed, Simulation, stream};
use backstop::model::Model;
use backstop::scenario::{Document, Options, compile};

use super::{ENSEMBLE, FLAGSHIP, Turns, best_of, cores, exponent, ratio, read, run, run_by_hand, sweep};
use crate::baseline::{Prescribed, Ziggurat};

/// The number of runs a second.
fn per_second(runs: u64, seconds: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let runs = runs as f64;
    runs / seconds
}

/// Runs per second compared with the hand-written loops, on one core and on all cores.
pub(super) fn speed(page: &mut String) {
    // Both sweeps take about a second, so that the milliseconds that a sweep takes once hardly count.
    const RUNS: u64 = 40_000;
    const OF_FLAGSHIP: u64 = RUNS / 2;
    let all = cores();
    let ensemble = sweep(ENSEMBLE, &read(ENSEMBLE), RUNS);
    let flagship = sweep(FLAGSHIP, &read(FLAGSHIP), OF_FLAGSHIP);
    let single = sweep(ENSEMBLE, &read(ENSEMBLE), 1);
    let turns = Turns::take(
        7,
        [
            &mut || run_by_hand(RUNS, Prescribed::new()),
            &mut || run_by_hand(RUNS, Ziggurat::new()),
            &mut || run(&ensemble, 1),
            &mut || run(&ensemble, all),
            &mut || run(&flagship, 1),
            &mut || run(&flagship, all),
            &mut || run(&single, 1),
        ],
    );
    let [hand, free, one, many, flagship_one, flagship_many, _] = std::array::from_fn(|at| {
        let runs = if (4..6).contains(&at) { OF_FLAGSHIP } else { RUNS };
        let [best, median] = [turns.best(), turns.median()].map(|seconds| per_second(runs, seconds[at]));
        format!("{best:.0} ({median:.0})")
    });
    let [.., start] = turns.median();
    let _ = write!(
        page,
        "## Runs per second\n\n\
         The ensemble (`benches/scenarios/ensemble.toml`) has 30 actors with noisy stances, dense influence, 60 steps and\n\
         30 commitments. The hand-written loop (`benches/baseline`) does the same arithmetic with the same random numbers\n\
         and writes the same rows; a test compares them byte by byte. The free loop draws its normals by another method\n\
         (ziggurat, one stream of ChaCha8 a run) and does not hash the history. Sweeps of {RUNS} runs, of the flagship\n\
         {OF_FLAGSHIP}; the best of {} turns, in brackets the median.\n\n\
         | what | 1 core | {all} cores | {all} cores against 1 | speed of the loop | of the free loop |\n\
         | --- | --: | --: | --: | --: | --: |\n\
         | ensemble, hand-written loop | {hand} | | | | |\n\
         | ensemble, free hand-written loop | {free} | | | | |\n\
         | ensemble, `backstop sweep` | {one} | {many} | {} | {} | {} |\n\
         | flagship, `backstop sweep` | {flagship_one} | {flagship_many} | {} | | |\n\n\
         A sweep of a single run takes {:.0} ms (median), nearly all of it to sync its files at the beginning and the\n\
         end. The numbers above include this time.\n\n",
        turns.0.len(),
        ratio(turns.ratio(2, 3)),
        ratio(turns.ratio(0, 2)),
        ratio(turns.ratio(1, 2)),
        ratio(turns.ratio(4, 5)),
        start * 1e3,
    );
}

/// A scenario, compiled.
fn compiled(text: &str) -> Model {
    let document = Document::parse(ENSEMBLE, text.as_bytes()).expect("the scenario is TOML");
    compile(&document, &Options::default()).expect("it is valid").model
}

/// The time of each part of a run of the ensemble: the difference between runs with and without it.
pub(super) fn timings(page: &mut String) {
    const RUNS: u64 = 1_000;
    let text = read(ENSEMBLE);
    let without = |keep: &dyn Fn(&str) -> bool| -> String {
        text.lines().filter(|line| keep(line)).fold(String::new(), |text, line| text + line + "\n")
    };
    // The file declares commitments, outcomes and metrics after the influence.
    let talk = text.split("[commitments.join]").next().expect("a beginning").replace("[resources]\neffort = {}\n", "");
    let models = [
        compiled(&text),
        compiled(&without(&|line| !line.starts_with("volatility"))),
        compiled(&talk),
        compiled(&text.replace("steps = 60", "steps = 1")),
    ];
    let plans = models.each_ref().map(Plan::new);
    let mut pairs = models.iter().zip(&plans);
    let [mut whole, mut still, mut talk, mut short] = std::array::from_fn(|_| {
        let (model, plan) = pairs.next().expect("as many as models");
        Simulation::new(model, plan, RunOptions::default())
    });
    let streams: Vec<u64> = (1..=30).map(|at| stream(&format!("stance/member_{at}/main"))).collect();
    let mut normals = Normals::default();
    let run_seeds = || (0..RUNS).map(|replicate| RunSeed { seed: 1, replicate });
    let [few, many] = [1, 1 + 5 * RUNS].map(|runs| sweep(ENSEMBLE, &text, runs));
    let runs = |simulation: &mut Simulation<'_>| {
        run_seeds().for_each(|run_seed| _ = std::hint::black_box(simulation.run(&[], run_seed)));
    };
    let turns = Turns::take(
        15,
        [
            &mut || {
                for run_seed in run_seeds() {
                    normals.reset(run_seed, streams.iter().copied());
                    for step in 0..60 {
                        normals.look_ahead(step, 60);
                        std::hint::black_box(normals.of(step));
                    }
                }
            },
            &mut || runs(&mut whole),
            &mut || runs(&mut still),
            &mut || runs(&mut talk),
            &mut || runs(&mut short),
            &mut || run(&few, 1),
            &mut || run(&many, 1),
        ],
    );
    let [noise, all, still, talk, short, few, many] = turns.best().map(|seconds| 1e6 / per_second(RUNS, seconds));
    let swept = (many - few) / 5.0;
    let _ = write!(
        page,
        "The time of the parts of a run of the ensemble, measured by leaving them out:\n\n\
         | part | µs a run |\n| --- | --: |\n\
         | all of it in a sweep, without what a sweep does once | {swept:.1} |\n\
         | the same in memory, without rows and journal | {all:.1} |\n\
         | a run of one step: its numbers, its first offers, its gap | {short:.1} |\n\
         | drawing the noise | {noise:.1} |\n\
         | the noise and what it moves: without volatility a run takes {still:.1} | {:.1} |\n\
         | stances alone, without commitments, outcomes and metrics | {talk:.1} |\n\
         | commitments, outcomes and metrics | {:.1} |\n\n",
        all - still,
        all - talk,
    );
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

/// Microseconds that a run takes in memory on one core.
fn cost(actors: u32, steps: u32, commitments: u32) -> f64 {
    let runs = (3_000_000 / (u64::from(actors) * u64::from(steps) * u64::from(commitments))).clamp(20, 2_000);
    let model = compiled(&ensemble(actors, steps, commitments));
    let plan = Plan::new(&model);
    let mut simulation = Simulation::new(&model, &plan, RunOptions::default());
    let seconds = best_of(5, || {
        for replicate in 0..runs {
            std::hint::black_box(simulation.run(&[], RunSeed { seed: 1, replicate }));
        }
    });
    1e6 / per_second(runs, seconds)
}

/// The ensemble with one number doubled at a time.
pub(super) fn doubling(page: &mut String) {
    page.push_str(
        "## How the cost of a run grows\n\n\
         The ensemble in memory, one core, with one number doubled at a time. The exponent is that of the growth of the cost\n\
         from the row before to this one: 1 is linear.\n\n\
         | what is doubled | value | µs a run | exponent |\n| --- | --: | --: | --: |\n",
    );
    let mut series = |name: &str, values: &[u32], cost: &dyn Fn(u32) -> f64| {
        let mut before: Option<(u32, f64)> = None;
        for &value in values {
            let now = cost(value);
            let power =
                before.map_or(String::new(), |(less, cost)| ratio(exponent([less, value].map(f64::from), [cost, now])));
            let _ = writeln!(page, "| {name} | {value} | {now:.1} | {power} |");
            before = Some((value, now));
        }
    };
    series("actors", &[15, 30, 60, 120, 240, 480], &|actors| cost(actors, 60, 1));
    series("commitments of each actor", &[1, 2, 4, 8, 16], &|commitments| cost(30, 60, commitments));
    series("steps", &[30, 60, 120, 240, 480], &|steps| cost(30, steps, 1));
    page.push_str(
        "\nWorse than linear: actors, since every actor is influenced by every other one, so that influence alone takes\n\
         the product of a matrix and a vector in every step.\n\n",
    );
}
