//! Optimized methods give the same results as simple ones: crowds whose thresholds are sorted, overrides that are
//! applied to a compiled model instead of compiling each point, and the hand-written loop of the benches.

#[path = "../benches/baseline/mod.rs"]
mod baseline;
#[path = "../benches/baseline/cascade.rs"]
mod cascade;
mod common;

use std::path::{Path, PathBuf};

use backstop::analysis::{self, Question};
use backstop::engine::{Plan, RunOptions, RunSeed, Simulation, View};
use backstop::model::{Amount, Event, ParameterId, Target};
use backstop::scenario::{Document, Options, Override, Recheck, compile};
use backstop::store::{LogFile, RunRow, RunTable, SingleFile, write_log};
use backstop::sweep::{
    Axis, DesignRecord, DesignSource, Experiment, Output, Request, Schedule, Shard, Sort, Sweep, Tables,
};
use backstop::table::Csv;
use common::{Ran, run_text};

/// A crowd of 400 with 600 promises: half of it counts heads and may promise more, half counts what is given.
fn crowd(seed: u64, more: &str) -> Ran {
    let text = r#"
format = 1
[time]
steps = 2
[resources]
word = {}
[cohorts.head]
size = 200
attributes = { least = { uniform = [-1, 150] }, other = { uniform = [0, 400] } }
[cohorts.hand]
size = 200
attributes = { least = { normal = [70, 60] }, other = { uniform = [0, 400] } }
[groups]
all = ["head", "hand"]
[commitments.counts]
debtor = "head"
gives = { word = 1 }
when = "parties(word) >= own(least) or not (bonds(gives) <= own(other))"
[commitments.gives]
debtor = "hand"
gives = { word = 0.5 }
when = "bound(word, all) > own(least) and bonds(counts) + parties(word, hand) >= own(other) / 8"
[commitments.more]
debtor = "head"
gives = { word = 2 }
when = "MORE"
"#;
    run_text(&text.replace("MORE", more), &[], seed)
}

/// The condition of the second promise, with a threshold that can be read off, and with one that needs bisection.
const MORE: [&str; 2] = ["bound(word) >= own(other)", "(3 - 0.125 * bound(word)) / 2 <= 1 - own(other) / 17"];

/// The number of promises that a debtor observes; its own do not count.
struct Seen<'a> {
    bound: &'a [bool],
    own: [usize; 2],
}

impl Seen<'_> {
    fn others(&self, of: std::ops::Range<usize>) -> usize {
        of.filter(|at| self.bound[*at] && !self.own.contains(at)).count()
    }

    fn agrees(&self, promise: usize, least: f64, other: f64, is_sought: bool) -> bool {
        let number = |count: usize| f64::from(u32::try_from(count).expect("few"));
        let heads = (0..200).filter(|at| (self.bound[*at] || self.bound[at + 400]) && !self.own.contains(at)).count();
        let hands = self.others(200..400);
        let halves = 2 * self.others(0..200) + hands + 4 * self.others(400..600);
        let amount = number(halves) / 2.0;
        match promise {
            0..200 => number(heads + hands) >= least || number(hands) > other,
            200..400 => amount > least && number(self.others(0..200) + hands) >= other / 8.0,
            _ if is_sought => (3.0 - 0.125 * amount) / 2.0 <= 1.0 - other / 17.0,
            _ => amount >= other,
        }
    }
}

/// The rounds of one Exchange, evaluating every offer in each: the instances bound, in order.
fn rounds(ran: &Ran, is_sought: bool) -> Vec<usize> {
    let actors = ran.model.actors.len();
    let attribute = |name: &str, actor: usize| {
        let at = ran.model.attributes.iter().position(|known| known == name).expect("an attribute");
        ran.run.setup.attributes[at * actors + actor]
    };
    let mut bound = vec![false; 600];
    let mut order = Vec::new();
    loop {
        let agrees = |at: usize| {
            let actor = at % 400;
            let seen = Seen { bound: &bound, own: [actor, if actor < 200 { actor + 400 } else { actor }] };
            seen.agrees(at, attribute("least", actor), attribute("other", actor), is_sought)
        };
        let joining: Vec<usize> = (0..600).filter(|&at| !bound[at] && agrees(at)).collect();
        if joining.is_empty() {
            return order;
        }
        joining.iter().for_each(|&at| bound[at] = true);
        order.extend(joining);
    }
}

#[test]
fn a_cascade_equals_evaluating_every_offer_in_each_round() {
    let (mut stuck, mut long) = (0, 0);
    for (seed, is_sought) in (0..60).zip([false, true].into_iter().cycle()) {
        let ran = crowd(seed, MORE[usize::from(is_sought)]);
        let bound: Vec<usize> = ran
            .run
            .log
            .iter()
            .filter(|entry| entry.step == 0)
            .filter_map(|entry| if let Event::Detached(instance) = entry.event { Some(instance.index()) } else { None })
            .collect();
        assert_eq!(bound, rounds(&ran, is_sought), "seed {seed}");
        stuck += usize::from(bound.len() < 600);
        long += usize::from(bound.len() > 300);
        // The remaining offers have a gap: all that would hold if all others did.
        if bound.len() < 600 {
            assert!(ran.run.gap.expect("the run ended") as usize <= 600 - bound.len());
        }
    }
    assert!(stuck > 5 && long > 5, "both kinds occur: {stuck} stuck, {long} long");
}

/// More rounds than the engine does before it computes thresholds by bisection: one further promise in each.
#[test]
fn a_long_cascade_goes_on_by_thresholds() {
    let text = "format = 1\n[time]\nsteps = 1\n[resources]\nword = {}\n[cohorts.c]\nsize = 160\n\
        attributes = { place = \"index\" }\n\
        [commitments.join]\ndebtor = \"c\"\ngives = { word = 1 }\nwhen = \"0.1 * parties(word) >= (own(place) - 1) / 10\"\n\
        [commitments.again]\ndebtor = \"c\"\ngives = { word = 1 }\nwhen = \"bound(word) / 2 >= 50 + own(place)\"\n";
    let ran = run_text(text, &[], 0);
    let detached = ran.run.log.iter().filter(|entry| matches!(entry.event, Event::Detached(_)));
    let found: Vec<usize> =
        detached.filter_map(|entry| entry.event.instance()).map(backstop::model::InstanceId::index).collect();
    let (mut bound, mut order, mut count) = (vec![false; 320], Vec::new(), 0);
    loop {
        let agrees = |at: usize| {
            let place = at % 160;
            let others = (0..160).filter(|of| *of != place);
            if at < 160 {
                others.filter(|of| bound[*of] || bound[of + 160]).count() >= place
            } else {
                others.map(|of| usize::from(bound[of]) + usize::from(bound[of + 160])).sum::<usize>() >= 102 + 2 * place
            }
        };
        let joining: Vec<usize> = (0..320).filter(|at| !bound[*at] && agrees(*at)).collect();
        if joining.is_empty() {
            break;
        }
        joining.iter().for_each(|at| bound[*at] = true);
        order.extend(joining);
        count += 1;
    }
    assert_eq!(found, order);
    assert!(count > 100 && order.len() > 200, "{count} rounds, {} bound", order.len());
}

/// The greatest agreement with two promises for each actor, of which only the promises of others count.
#[test]
fn the_gap_of_two_promises_is_that_of_brute_force() {
    let text = |when: &str| {
        format!(
            "format = 1\n[time]\nsteps = 1\n[resources]\nword = {{}}\n[cohorts.c]\nsize = 200\n\
             attributes = {{ least = {{ uniform = [1, 420] }}, other = {{ uniform = [1, 420] }} }}\n\
             [commitments.one]\ndebtor = \"c\"\ngives = {{ word = 1 }}\nwhen = \"{when}\"\n\
             [commitments.two]\ndebtor = \"c\"\ngives = {{ word = 1 }}\nwhen = \"bound(word) >= own(other)\"\n"
        )
    };
    for (seed, when) in (0..40).zip(["bound(word) >= own(least)", "2 * bound(word) >= 2 * own(least)"].iter().cycle()) {
        let ran = run_text(&text(when), &[], seed);
        // The attributes are stored in the order of the promises.
        let mut left: Vec<bool> = vec![true; 400];
        loop {
            let count = left.iter().filter(|is| **is).count();
            let stays = |at: usize| {
                let own = usize::from(left[at]) + usize::from(left[(at + 200) % 400]);
                f64::from(u32::try_from(count - own).expect("few")) >= ran.run.setup.attributes[at]
            };
            let next: Vec<bool> = (0..400).map(|at| left[at] && stays(at)).collect();
            if next == left {
                break;
            }
            left = next;
        }
        let expected = left.iter().filter(|is| **is).count();
        assert_eq!(ran.run.gap.expect("the run ended") as usize, expected, "seed {seed}");
    }
}

/// The greatest agreement, by removing failing promises until none fails.
#[test]
fn the_gap_of_a_crowd_is_that_of_brute_force() {
    let text = |least: &str| {
        format!(
            "format = 1\n[time]\nsteps = 1\n[resources]\nword = {{}}\n[cohorts.c]\nsize = 400\nattributes = {{ least = {least} }}\n\
             [commitments.join]\ndebtor = \"c\"\ngives = {{ word = 1 }}\nwhen = \"parties(word) >= own(least)\"\n"
        )
    };
    for seed in 0..30 {
        let ran = run_text(&text("{ uniform = [1, 460] }"), &[], seed);
        let mut left: Vec<f64> = ran.run.setup.attributes.clone();
        loop {
            let others = f64::from(u32::try_from(left.len()).expect("few")) - 1.0;
            let before = left.len();
            left.retain(|least| *least <= others);
            if left.len() == before {
                break;
            }
        }
        assert_eq!(ran.run.gap.expect("the run ended") as usize, left.len(), "seed {seed}");
    }
}

/// What is left after a cascade that went on by thresholds, whether more can be bound together or not.
#[test]
fn the_gap_after_a_cascade_is_that_of_brute_force() {
    let text = |when: &str, least: &str| {
        format!(
            "format = 1\n[time]\nsteps = 1\n[resources]\nword = {{}}\n[cohorts.c]\nsize = 600\n\
             attributes = {{ least = {{ choice = {least} }} }}\n\
             [commitments.join]\ndebtor = \"c\"\ngives = {{ word = 1 }}\nwhen = \"{when}\"\n"
        )
    };
    let forms = [
        "parties(word) >= own(least)",
        "bound(word) >= own(least)",
        "bonds(join) >= own(least)",
        "2 * parties(word) >= 2 * own(least)",
        "not (bound(word) < own(least)) or bonds(join) > 599",
    ];
    // About a hundred members have each of these numbers.
    let numbers = ["[0, 0, 200, 350, 380, 700]", "[0, 0, 200, 500, 599, 700]", "[0, 0, 0.5, 200, 300, 598.5]"];
    let mut gaps = [0; 2];
    for ((seed, form), least) in (0..60).zip(forms.iter().cycle()).zip(numbers.iter().cycle()) {
        let ran = run_text(&text(form, least), &[], seed);
        let others = |count: usize| f64::from(u32::try_from(count).expect("few"));
        let mut left: Vec<f64> = ran.run.setup.attributes.clone();
        let mut bound = 0;
        loop {
            let now = others(bound);
            left.retain(|least| *least > now);
            let before = std::mem::replace(&mut bound, 600 - left.len());
            if bound == before {
                break;
            }
        }
        loop {
            let (before, others) = (left.len(), others((bound + left.len()).saturating_sub(1)));
            left.retain(|least| *least <= others);
            if left.len() == before {
                break;
            }
        }
        let detached = ran.run.log.iter().filter(|entry| matches!(entry.event, Event::Detached(_))).count();
        assert_eq!((detached, ran.run.gap.expect("the run ended") as usize), (bound, left.len()), "seed {seed}");
        gaps[usize::from(left.is_empty())] += usize::from(bound < 600);
    }
    assert!(gaps.iter().all(|count| *count > 10), "with and without a gap: {gaps:?}");
}

/// A deadlock of `count` promises in which each waits for one other, `next` of it.
fn waiting(count: usize, next: impl Fn(usize) -> usize) -> Ran {
    use std::fmt::Write as _;
    let mut text = String::from("format = 1\n[time]\nsteps = 1\n[resources]\nword = {}\n");
    for at in 0..count {
        let _ = write!(
            text,
            "[actors.a{at}]\n[commitments.c{at}]\ndebtor = \"a{at}\"\ngives = {{ word = 1 }}\nwhen = \"bonds(c{}) >= 1\"\n",
            next(at)
        );
    }
    run_text(&text, &[], 0)
}

/// If each waits for one other, the minimum unlock set is a minimum feedback vertex set: one member of each cycle.
#[test]
#[cfg_attr(debug_assertions, ignore = "it takes long; `cargo test --release --test crowds` has it")]
fn deadlocks_of_thousands_are_opened() {
    for (ran, circles) in [(waiting(3_000, |at| (at + 1) % 3_000), 1), (waiting(1_000, |at| at ^ 1), 500)] {
        let view = View { model: &ran.model, plan: &ran.plan, setup: &ran.run.setup, world: ran.run.exchanged() };
        let unlock = analysis::explain(view, &Question::default()).expect("every condition has a value").unlock;
        assert_eq!((unlock.lower, unlock.upper), (Some(Amount(circles * 1_000_000)), unlock.lower));
        assert!(unlock.proved);
        assert_eq!(i64::try_from(unlock.sets[0].members.len()), Ok(circles));
    }
}

#[test]
fn the_hand_written_loop_writes_the_same_bytes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/scenarios/ensemble.toml");
    let document = Document::parse("ensemble.toml", &std::fs::read(path).unwrap()).unwrap();
    let model = compile(&document, &Options::default()).unwrap().model;
    assert_eq!((model.actors.len(), model.clock.steps), (baseline::ACTORS, baseline::STEPS));
    let plan = Plan::new(&model);
    let mut simulation = Simulation::new(&model, &plan, RunOptions::default());
    let table = RunTable::new(&model, &[]);
    let mut endings = std::collections::BTreeSet::new();
    for (bar, pressure) in [(0.8, 0.5), (0.6, 0.5), (0.62, 0.3), (0.9, 0.5), (1.0, 0.9), (1.0, 0.0), (0.65, 0.2)] {
        let mut program = baseline::Baseline::new(bar, pressure, baseline::Prescribed::new());
        let (mut by_hand, mut rows) = (Vec::new(), Vec::new());
        for replicate in 0..20 {
            program.run(replicate, 3, replicate, &mut by_hand);
            let settings = [(Target::Parameter(ParameterId(0)), bar), (Target::Parameter(ParameterId(1)), pressure)];
            let run_seed = RunSeed { seed: 3, replicate };
            let row = RunRow::of(simulation.run(&settings, run_seed), (replicate, 0), run_seed, &[]);
            endings.insert(row.ending);
            table.write(&mut Csv::rows(&mut rows), &model, &row).unwrap();
        }
        assert_eq!(String::from_utf8(by_hand).unwrap(), String::from_utf8(rows).unwrap(), "{bar} {pressure}");
    }
    assert_eq!(endings.len(), 3, "every way to end is compared");
}

/// The loop with its own generator of normals gives stances with the same distribution.
#[test]
fn the_free_loop_draws_normals() {
    let mut noise = baseline::Ziggurat::new();
    baseline::Noise::begin(&mut noise, RunSeed { seed: 1, replicate: 2 });
    let (mut sums, mut beyond) = ([0.0; 4], [0_u32; 4]);
    let (steps, count) = (20_000, 20_000.0 * 30.0);
    for step in 0..steps {
        for &z in baseline::Noise::step(&mut noise, step) {
            sums.iter_mut().zip([z, z * z, z * z * z, z * z * z * z]).for_each(|(sum, power)| *sum += power);
            beyond.iter_mut().zip([1.0, 2.0, 3.0, 3.7]).for_each(|(count, bar)| *count += u32::from(z.abs() > bar));
        }
    }
    // Moments 0, 1, 0, 3, and the shares beyond 1, 2, 3 and 3.7 deviations, each within five standard errors.
    let errors = [1.0, 1.414, 3.873, 9.798].map(|deviation: f64| 5.0 * deviation / libm::sqrt(count));
    for ((sum, moment), error) in sums.iter().zip([0.0, 1.0, 0.0, 3.0]).zip(errors) {
        assert!((sum / count - moment).abs() < error, "{sums:?}");
    }
    for (&found, share) in beyond.iter().zip([0.317_310_5, 0.045_500_26, 0.002_699_796, 0.000_215_6]) {
        let expected: f64 = share * count;
        assert!((f64::from(found) - expected).abs() < 5.0 * libm::sqrt(expected), "{beyond:?}");
    }
}

#[test]
fn the_plain_cascade_writes_the_same_events() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("cascade.toml"), cascade::SCENARIO).unwrap();
    // Of the larger one more deliver than the program lets deliver together.
    let scrambled = [301, 74_000].map(cascade::table);
    for table in [&scrambled[0], &scrambled[1], "id,least\na,3\nb,0\nc,1\nd,9\ne,1\nf,2\ng,2\n", "id,least\na,5\nb,5\n"]
    {
        std::fs::write(at("people.csv"), table).unwrap();
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_backstop"))
            .args(["run", "cascade.toml", "--quiet", "--force", "--out", "out", "--events", "events.csv"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let mut events = Vec::new();
        cascade::run(table, &mut events).unwrap();
        // The one is written after the run, the other while it goes on.
        for written in [at("out/events.csv"), at("events.csv")] {
            assert!(events == std::fs::read(&written).unwrap(), "{} differs", written.display());
        }
    }
}

/// The end is explained by the state before the last deliveries, which is computed from the log where that is kept.
#[test]
fn a_deadlock_is_explained_alike_whether_the_log_is_kept_or_not() {
    let text = "format = 1\n[time]\nsteps = 2\n[resources]\nr = {}\n[cohorts.c]\nsize = 9000\n[actors.x]\n[actors.y]\n\
        [commitments.join]\ndebtor = \"c\"\ngives = { r = 1 }\nover = 2\n\
        [commitments.one]\ndebtor = \"x\"\ngives = { r = 1 }\nwhen = \"bonds(two) >= 1 or delivered(r) >= 8000\"\n\
        [commitments.two]\ndebtor = \"y\"\ngives = { r = 1 }\nwhen = \"bonds(one) >= 1\"\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.toml"), text).unwrap();
    let run = |arguments: &[&str]| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_backstop"));
        let run = program.args(["run", "s.toml", "-q"]).args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    };
    let (kept, given) = (run(&["--out", "out"]), run(&["--events", "events.csv"]));
    assert_eq!(kept, given);
    assert!(kept.starts_with("Outcome: deadlock"), "{kept}");
    let [kept, given] = ["out/events.csv", "events.csv"].map(|name| std::fs::read(folder.path().join(name)).unwrap());
    assert!(kept == given);
}

/// The thread that writes a log may get to it only when the run is over.
#[test]
fn the_file_of_a_log_does_not_depend_on_when_its_events_are_written() {
    let text = "format = 1\n[time]\nsteps = 1\n[resources]\nr = {}\n[cohorts.c]\nsize = 200\n\
        [commitments.join]\ndebtor = \"c\"\ngives = { r = 1 }\n";
    let Ran { model, mut run, .. } = run_text(text, &[], 0);
    let log = std::mem::take(&mut run.log);
    let mut expected = Vec::new();
    write_log(&mut expected, &model, &log).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.csv");
    for pass in 0..80 {
        let file = SingleFile::claim(&path, true, &[]).unwrap();
        let mut given = LogFile::new(&file, &model);
        let keeps = pass % 2 == 0;
        run.log.clone_from(&log);
        given.during(keeps, |follow| {
            // All of the events, or all but some that come at the end of the run.
            let later = run.log.split_off(if pass % 4 < 2 { log.len() } else { 100 });
            follow(&mut run.log);
            if pass % 8 < 4 {
                std::thread::yield_now();
            }
            run.log.extend(later);
        });
        given.finish(&run).unwrap();
        assert!(std::fs::read(&path).unwrap() == expected, "pass {pass}");
    }
}

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

/// The recheck may reject valid values, which are then compiled, but must not accept invalid ones; for the shipped
/// scenarios it is exact.
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
        design: DesignRecord::default(),
        scenario: "scenario.toml".into(),
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("out");
    sweep.run(Output::New { folder: &folder, force: false }, 2, &mut |_| true).unwrap();
    let found = std::fs::read_to_string(folder.join("runs.csv")).unwrap();
    assert_eq!(found, common::rows_alone(&sweep), "{}", sweep.experiment.document().source().name());
}
