//! Property tests on random scenarios and, where they are few enough, on all.
//!
//! The cases are fresh in every run; `PROPTEST_CASES=N` sets how many, and a failing one is shown as the smallest
//! scenario that fails.

mod common;
#[path = "common/generate.rs"]
#[expect(dead_code, reason = "each test file uses its own part")]
mod generate;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use backstop::analysis;
use backstop::engine::{self, Checkpoint, Plan, Run, RunOptions, RunSeed, Simulation, Stage, View};
use backstop::model::{Event, InstanceId, Model, Reader, Scope, Setup, State, World};
use backstop::scenario::{Document, Options, compile};
use backstop::store::{RunRow, RunTable, Sampler, commitment_layout, events_csv, write_commitments, write_series};
use backstop::table::{Csv, SeriesColumn, fixed_columns};
use backstop::trace::{Namer, Recorded, cells};
use common::{Ran, compiled, run_text, shipped, stored_cases, text};
use generate::{Allowed, Sketch, sketch, sketches};
use proptest::prelude::*;

const ALL: RunOptions = RunOptions { log: true, series: true, exchanged: true };

/// Generated scenarios cover every kind of event.
#[test]
fn generated_scenarios_show_every_kind_of_event() {
    let mut runs: BTreeMap<&str, u32> = BTreeMap::new();
    // Knuth's multiplicative generator is sufficient to choose alternatives.
    let mut state = 1_u64;
    for seed in 0..400 {
        let words: Vec<u16> = (0..500)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                u16::try_from(state >> 48).expect("16 bits")
            })
            .collect();
        let ran = run_text(&sketch(&words, Allowed::ALL).text(), &[], seed);
        let mut seen: BTreeSet<&str> = ran.run.log.iter().map(|entry| entry.event.kind().name()).collect();
        if ran.run.gap.is_some_and(|gap| gap > 0) {
            seen.insert("(deadlock)");
        }
        if ran.run.result.is_err() {
            seen.insert("(failure)");
        }
        seen.into_iter().for_each(|kind| *runs.entry(kind).or_default() += 1);
    }
    assert_eq!(runs.len(), 24, "{runs:?}");
    assert!(runs.values().all(|&count| count >= 8), "{runs:?}");
}

// ---------------------------------------------------------------- a run and its replay

/// The states of a run, and the run.
fn run_watched(model: &Model, plan: &Plan, seed: u64) -> (Run, Sampler, Vec<(Checkpoint, World)>) {
    let mut sampler = Sampler::new(model, true, true).expect("a small series");
    let mut worlds = Vec::new();
    let run = engine::run_watched(model, plan, RunSeed { seed, replicate: 0 }, ALL, &mut |moment, world, _| {
        if moment == Checkpoint::Ended {
            sampler.sample(model, world);
        }
        worlds.push((moment, world.clone()));
    });
    (run, sampler, worlds)
}

/// The other tables, from data that a run and a replay both have.
fn tables(model: &Model, sampler: &Sampler, samples: &[f64], setup: &Setup, world: &World, row: &RunRow<'_>) -> String {
    let runs = RunTable::new(model, &[]);
    let tables = [
        Csv::table(&fixed_columns::<SeriesColumn>(), |sink| write_series(sink, model, 0, samples, sampler)),
        Csv::table(commitment_layout(model).columns(), |sink| write_commitments(sink, model, 0, setup, world)),
        Csv::table(runs.columns(), |sink| runs.write(sink, model, row)),
    ];
    String::from_utf8(tables.map(|table| table.expect("memory is writable")).concat()).expect("UTF-8")
}

/// A state without its gap, which is only computed if something reads it.
fn without_gap(world: &World) -> World {
    let mut world = world.clone();
    world.keep_gap(0);
    world
}

proptest! {
    /// Replaying the log gives, without random numbers, every state and every table of the run.
    #[test]
    fn a_run_equals_its_replay(sketch in sketches(Allowed::ALL), seed in 0_u64..1_000) {
        let model = compiled(&sketch.text(), &[]).model;
        let plan = Plan::new(&model);
        let (run, sampler, mut worlds) = run_watched(&model, &plan, seed);
        let events = events_csv(&model, &run.log);

        let recorded = Recorded::of(&run, RunSeed { seed, replicate: 0 });
        let mut replayed_sampler = Sampler::new(&model, true, true).expect("a small series");
        let mut replayed_worlds = Vec::new();
        let fold = backstop::trace::replay(&Namer::new(&model), &plan, &[], &*events, &recorded, &mut |moment, world, _| {
            if moment == Checkpoint::Ended {
                replayed_sampler.sample(&model, world);
            }
            replayed_worlds.push((moment, world.clone()));
        });
        let fold = fold.map_err(|refusal| TestCaseError::fail(format!("{refusal:?}")))?;
        let Run { log, result, steps, gap, samples, metrics, history, events, world, setup, before, .. } = fold;
        prop_assert!(before.is_empty(), "no fork came before");
        prop_assert_eq!(events, run.events);

        prop_assert_eq!(&log, &run.log);
        prop_assert_eq!((result, steps, gap, history), (run.result.clone(), run.steps, run.gap, run.history));
        prop_assert_eq!(format!("{setup:?}"), format!("{:?}", run.setup));
        if run.result.is_err() {
            // The replay cannot know how far the run got in the step in which it failed.
            let completed = worlds.iter().rposition(|(at, _)| *at == Checkpoint::Ended).map_or(0, |last| last + 1);
            worlds.truncate(completed);
        }
        prop_assert_eq!(replayed_worlds.len(), worlds.len());
        for ((replayed_at, replayed), (at, world)) in replayed_worlds.iter().zip(&worlds) {
            prop_assert_eq!(replayed_at, at);
            if model.reads_gap {
                prop_assert_eq!(replayed, world);
            } else {
                prop_assert_eq!(without_gap(replayed), without_gap(world));
            }
        }
        let row = RunRow::of(&run, (0, 0), RunSeed { seed, replicate: 0 }, &[]);
        let replayed_row = RunRow { metrics: &metrics, ..row };
        prop_assert_eq!(
            tables(&model, &replayed_sampler, &samples, &setup, &world, &replayed_row),
            tables(&model, &sampler, &run.samples, &run.setup, &run.world, &row)
        );
    }

    /// Recording the log, series or causes does not change the run.
    #[test]
    fn recording_options_do_not_change_a_run(sketch in sketches(Allowed::ALL), seed in 0_u64..1_000) {
        let model = compiled(&sketch.text(), &[]).model;
        let plan = Plan::new(&model);
        let run_seed = RunSeed { seed, replicate: 0 };
        let (full, bare) = (engine::run(&model, &plan, run_seed, ALL), engine::run(&model, &plan, run_seed, RunOptions::default()));
        prop_assert_eq!((full.history, full.events, full.steps), (bare.history, bare.events, bare.steps));
        prop_assert_eq!((full.gap, full.metrics), (bare.gap, bare.metrics));
        prop_assert_eq!((full.result, full.world), (bare.result, bare.world));
    }
}

// ---------------------------------------------------------------- order and random numbers

/// An event as text, without its position in the log.
fn row(model: &Model, entry: &backstop::model::Entry) -> String {
    let cells = cells(model, entry.event);
    let parts = [cells.actor, cells.counterpart, cells.subject, cells.issue, cells.resource, &cells.value_text()];
    parts.iter().fold(format!("{} {}", entry.step, cells.event), |text, part| text + "," + part)
}

fn rows(ran: &Ran) -> Vec<String> {
    ran.run.log.iter().map(|entry| row(&ran.model, entry)).collect()
}

/// Commitments bound by the end of each step.
fn bound_sets(ran: &Ran) -> Vec<BTreeSet<String>> {
    let mut sets = vec![BTreeSet::new(); ran.run.steps as usize + 1];
    for entry in &ran.run.log {
        if let Event::Detached(instance) = entry.event {
            sets[entry.step as usize].insert(ran.model.name_of(instance).to_owned());
        }
    }
    sets
}

/// An actor and a shock that nothing else refers to.
const STRANGER: &str = "stance = { uniform = [0, 1] }\nvolatility = 0.2\nattributes = { zeal = 1 }\n";
const STRANGE: &str = "rate = 0.4\nstance = { stranger = { uniform = [-0.3, 0.3] } }\n";

/// All rows but those of the strangers, and their causes, are the same with and without them.
fn strangers_change_nothing(alone: &str, among: &str, seed: u64) -> Result<(), TestCaseError> {
    let (of_alone, of_among) = (with_causes(&run_text(alone, &[], seed)), with_causes(&run_text(among, &[], seed)));
    prop_assert!(of_among.len() > of_alone.len(), "the stranger is drawn");
    let rest: Vec<String> = of_among.into_iter().filter(|row| !row.contains("strange")).collect();
    prop_assert_eq!(of_alone, rest);
    Ok(())
}

/// A meeting with influence, attended by everybody but the stranger, and an influence on an actor whose susceptibility
/// is drawn: a generated case in which a stranger once did change a stance.
const MEETING: &str = r#"format = 1
title = "Generated"
[time]
steps = 9

[parameters]
share = 0.62
level = { uniform = [0.5, 2.5] }

[resources]
troops = { unit = "units" }
backstop = { unit = "units" }

[actors.us]
stance = { normal = [0.31, 0.2] }
anchor = "1 - share / 2"
attributes = { zeal = 1 }

[actors.uk]
stance = 0.34
attributes = { zeal = 1 }

[actors.fr]
stance = { normal = [0.90, 0.2] }
susceptibility = { choice = [0.2, 0.4, 0.9] }
attributes = { zeal = 1 }

[actors.de]
stance = { normal = [0.07, 0.2] }
susceptibility = { uniform = [0.1, 0.9] }
attributes = { zeal = 1 }

[actors.pl]
stance = "share"
credit = { offer = 0.25, bond = 0.75 }
attributes = { zeal = 0.5 }

[groups]
core = ["us"]

[definitions]
half = "0.5"
double = "level * 2"

[[influence]]
from = "uk"
on = "pl"
weight = 0.5

[[influence]]
from = "core"
on = "de"
weight = { uniform = [0, 2] }

[commitments.c0_pl]
debtor = "pl"
gives = { troops = 2.0 }
while = "not (trust(de, de) < 0.5)"
lead = 3
due = 3

[commitments.c1_core]
debtor = "core"
gives = { troops = 0.1, backstop = 2 }
when = "if(trust(uk, fr) >= 0.7, 2.0 <= min(bound(troops, pl), delivered(troops, fr)) and step < 8, 0.1 <= bonds(c1_core))"
initial = "conditional"
lead = 2
grace = 3
maintain = true

[meetings.meeting_0]
attend = ["core", "de", "fr", "pl", "uk", "us"]
from = 6
to = 7
package = true
success = "share"
influence = 0.3

[metrics]
m0 = "trust(us, fr)"
m1 = "exp(-offered(troops, de)) + ln(1 + level)"
m2 = "step / steps"
m3 = "bound(troops)"
"#;

#[test]
fn a_stranger_does_not_change_a_meeting_with_influence() {
    let among = format!("{MEETING}\n[actors.stranger]\n{STRANGER}\n[shocks.strange]\n{STRANGE}");
    strangers_change_nothing(MEETING, &among, 593).unwrap_or_else(|error| panic!("{error}"));
}

proptest! {
    /// The declaration order of commitments does not change which of them bind, nor anything else except the order of
    /// rows. (If trust is read, sums of deliveries in another order may round differently.)
    #[test]
    fn the_order_of_commitments_does_not_matter(
        sketch in sketches(Allowed { trust: false, failures: false }),
        keys in proptest::collection::vec(any::<u16>(), 1..8),
        seed in 0_u64..1_000,
    ) {
        let permuted = sketch.permuted("commitments", &keys);
        let (one, other) = (run_text(&sketch.text(), &[], seed), run_text(&permuted.text(), &[], seed));
        prop_assert_eq!(bound_sets(&one), bound_sets(&other));
        let (mut rows_of_one, mut rows_of_other) = (rows(&one), rows(&other));
        rows_of_one.sort();
        rows_of_other.sort();
        prop_assert_eq!(rows_of_one, rows_of_other);
        prop_assert_eq!(one.run.gap, other.run.gap);
    }

    /// A run has the same bits if everything is evaluated in every step, and so has one without a log, which computes
    /// stances and metrics in a faster way, and one after others, from which it takes over what is the same.
    #[test]
    fn evaluating_everything_changes_nothing(sketch in sketches(Allowed::ALL), seed in 0_u64..1_000) {
        let model = compiled(&sketch.text(), &[]).model;
        let plan = Plan::new(&model);
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let run_seed = RunSeed { seed, replicate: 3 };
        for want in [ALL, RunOptions::default()] {
            let mut simulation = Simulation::new(&model, &plan, want);
            for replicate in 0..3 {
                simulation.run(&[], RunSeed { replicate, ..run_seed });
            }
            let run = simulation.run(&[], run_seed).clone();
            let mut thorough = Simulation::new(&model, &plan, want).thorough();
            let thorough = thorough.run(&[], run_seed);
            prop_assert_eq!(&run.log, &thorough.log);
            prop_assert_eq!(&run.result, &thorough.result);
            prop_assert_eq!((run.history, run.events, run.gap), (thorough.history, thorough.events, thorough.gap));
            prop_assert_eq!(bits(&run.samples), bits(&thorough.samples));
            prop_assert_eq!(&run.world, &thorough.world);
            let metrics = |run: &Run| run.metrics.iter().map(|value| value.map(f64::to_bits)).collect::<Vec<_>>();
            prop_assert_eq!(metrics(&run), metrics(thorough));
        }
    }

    /// An unrelated actor and shock do not change the random numbers of others: all other rows and their causes are the
    /// same, bit by bit, wherever the two are declared.
    #[test]
    fn unrelated_actors_and_shocks_change_nothing(
        sketch in sketches(Allowed::ALL),
        (actor_at, shock_at) in (0_usize..20, 0_usize..20),
        seed in 0_u64..1_000,
    ) {
        let more = sketch.with(actor_at, "actors", "stranger", STRANGER).with(shock_at, "shocks", "strange", STRANGE);
        strangers_change_nothing(&sketch.text(), &more.text(), seed)?;
    }

    /// Removing a shock does not change the random numbers of others: parameters drawn at the start are equal, nothing
    /// differs before its first occurrence, and shocks at constant rates occur at the same steps.
    #[test]
    fn removing_a_shock_keeps_the_random_numbers_of_others(
        sketch in sketches(Allowed::ALL),
        which in 0_usize..4,
        seed in 0_u64..1_000,
    ) {
        let names = sketch.names("shocks");
        if names.is_empty() {
            return Ok(());
        }
        let gone = names[which % names.len()].to_owned();
        let less = sketch.without("shocks", &gone);
        // A shock that is counted cannot be removed.
        if !is_valid(&less) {
            return Ok(());
        }
        let (with, without) = (run_text(&sketch.text(), &[], seed), run_text(&less.text(), &[], seed));
        let drawn = |ran: &Ran| -> Vec<String> {
            let of_others = |row: &String| row.starts_with("0 drawn") && !row.contains(&format!("shocks.{gone}."));
            rows(ran).into_iter().filter(of_others).collect()
        };
        prop_assert_eq!(drawn(&with), drawn(&without));

        let strikes = |ran: &Ran, name: &str| -> Vec<u32> {
            let row = format!(" shock,,,{name},,,");
            let of_it = |entry: &&backstop::model::Entry| self::row(&ran.model, entry).ends_with(&row);
            ran.run.log.iter().filter(of_it).map(|entry| entry.step).collect()
        };
        let is_before = |ran: &Ran| -> Vec<String> {
            let first = strikes(&with, &gone).first().copied().unwrap_or(u32::MAX);
            let before = ran.run.log.iter().filter(|entry| entry.step < first);
            before.map(|entry| row(&ran.model, entry)).filter(|row| !row.contains(&format!("shocks.{gone}."))).collect()
        };
        prop_assert_eq!(is_before(&with), is_before(&without));

        let both = with.run.steps.min(without.run.steps);
        for name in less.names("shocks") {
            if less.table("shocks", name).contains("rate = 0.3") {
                let until = |ran: &Ran| strikes(ran, name).into_iter().filter(|&step| step < both).collect::<Vec<_>>();
                prop_assert_eq!(until(&with), until(&without), "{}", name);
            }
        }
    }
}

/// Events with their causes.
fn with_causes(ran: &Ran) -> Vec<String> {
    let rows = rows(ran);
    let cause = |at: usize| ran.run.log[at].cause().map_or("nothing", |cause| rows[cause as usize].as_str());
    (0..rows.len()).map(|at| format!("{} because of {}", rows[at], cause(at))).collect()
}

fn is_valid(sketch: &Sketch) -> bool {
    let text = sketch.text();
    Document::parse("test.toml", text.as_bytes()).is_ok_and(|document| compile(&document, &Options::default()).is_ok())
}

// ---------------------------------------------------------------- agreements, by brute force

/// All sets of commitments that could be bound in a state, for brute force. Of the engine, only the evaluation of one
/// condition in one state is used.
struct Table<'a> {
    ran: &'a Ran,
    world: &'a World,
    /// The conditional commitments.
    open: Vec<InstanceId>,
    /// `F(S)` for every set `S`, as bits.
    follows: Vec<u32>,
}

/// The largest number of conditional commitments for which all sets are tried.
const MOST: usize = 7;

impl<'a> Table<'a> {
    /// `None` if there are too many sets, or a condition has no value for one of them.
    fn new(ran: &'a Ran, world: &'a World) -> Option<Self> {
        let is_open = |&id: &InstanceId| world.instance(id).state == State::Conditional;
        let open: Vec<InstanceId> = ran.model.instance_ids().filter(is_open).collect();
        if open.len() > MOST {
            return None;
        }
        let mut table = Self { ran, world, open, follows: Vec::new() };
        table.follows = (0..1 << table.open.len()).map(|set| table.follow(set)).collect::<Option<_>>()?;
        Some(table)
    }

    /// `F(S)`: the commitments whose `when` holds if exactly those of `S` were detached in addition.
    fn follow(&self, set: u32) -> Option<u32> {
        let Ran { model, run, .. } = self.ran;
        let mut world = self.world.clone();
        for id in self.names(set) {
            engine::evolve(model, &run.setup, &mut world, Event::Detached(id));
        }
        let mut agreed = 0;
        for (at, &id) in self.open.iter().enumerate() {
            let reader = Some(Reader { actor: model.instances[id.index()].debtor, instance: id });
            let scope = Scope { model, setup: &run.setup, world: &world, evidence: &world.evidence, reader };
            let holds = match &model.commitment_of(id).when {
                None => true,
                Some(when) => when.truth(&scope).ok()?,
            };
            agreed |= u32::from(holds) << at;
        }
        Some(agreed)
    }

    fn names(&self, set: u32) -> Vec<InstanceId> {
        let members = self.open.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
        members.map(|(_, &id)| id).collect()
    }

    /// The union of all sets `S` with `S ⊆ F(S)`.
    fn greatest(&self) -> u32 {
        let sets = (0_u32..).zip(&self.follows);
        sets.filter(|&(set, follows)| set & !follows == 0).fold(0, |union, (set, _)| union | set)
    }

    /// The intersection of all sets that contain the moves and are closed under `F`.
    fn least(&self, moves: u32) -> u32 {
        let sets = (0_u32..).zip(&self.follows);
        let closed = sets.filter(|&(set, follows)| follows & !set == 0 && moves & !set == 0);
        closed.fold(u32::MAX, |common, (set, _)| common & set)
    }
}

/// The state just before the Exchange of a step, if it bound something.
fn before_exchange(ran: &Ran, step: u32) -> Option<World> {
    let is_round = |entry: &backstop::model::Entry| entry.step == step && matches!(entry.event, Event::Detached(_));
    let first = ran.run.log.iter().position(is_round)?;
    // At step 0 the first may be an initial one; in a meeting it follows an `agreed`.
    let in_step = ran.run.log[..first].iter().filter(|entry| entry.step == step);
    if step == 0 || in_step.clone().any(|entry| matches!(entry.event, Event::Agreed { .. })) {
        return None;
    }
    let mut world = World::new(&ran.model, &ran.run.setup);
    for entry in &ran.run.log[..first] {
        engine::begin_step(&mut world, entry.step);
        engine::evolve(&ran.model, &ran.run.setup, &mut world, entry.event);
    }
    engine::begin_step(&mut world, step);
    Some(world)
}

/// The commitments bound by the Exchange of a step, before any meeting.
fn exchanged(ran: &Ran, step: u32) -> Vec<InstanceId> {
    let in_step = ran.run.log.iter().filter(|entry| entry.step == step);
    let until = in_step.take_while(|entry| !matches!(entry.event, Event::Agreed { .. } | Event::Failed { .. }));
    let mut bound: Vec<InstanceId> = until
        .filter_map(|entry| match entry.event {
            Event::Detached(instance) => Some(instance),
            _ => None,
        })
        .collect();
    bound.sort_unstable();
    bound
}

/// Compares the fixed points of a state with brute force.
fn check_fixed_points(table: &Table<'_>) -> Result<(), TestCaseError> {
    let Ran { model, plan, run } = table.ran;
    let view = View { model, plan, setup: &run.setup, world: table.world };
    let (least, greatest) = (table.least(0), table.greatest());
    prop_assert_eq!(least & !greatest, 0, "the least agreement is part of the greatest");
    let gap = engine::greatest_agreement(view).expect("every condition has a value");
    prop_assert_eq!(gap, table.names(greatest));
    let gap = analysis::gap(view).expect("every condition has a value");
    prop_assert_eq!(gap, table.names(greatest & !least));
    for moves in 0..1 << table.open.len() {
        let found = analysis::least(view, &table.names(moves)).expect("conditions have values");
        prop_assert_eq!(found, table.names(table.least(moves)), "after the moves {:?}", table.names(moves));
    }
    Ok(())
}

proptest! {
    #[test]
    fn fixed_points_are_those_of_brute_force(sketch in sketches(Allowed::ALL), seed in 0_u64..1_000) {
        let ran = run_text(&sketch.text(), &[], seed);
        // The states at the first and the last step with open offers, and all states before an Exchange that bound
        // something.
        let states: Vec<(u32, World)> = (0..ran.run.steps).map(|step| (step, ran.after_exchange(step))).collect();
        let tables: Vec<Table<'_>> = states.iter().filter_map(|(_, world)| Table::new(&ran, world)).collect();
        let mut open = tables.iter().filter(|table| !table.open.is_empty());
        for table in open.next().into_iter().chain(open.next_back()) {
            prop_assert_eq!(table.least(0), 0, "after an Exchange nothing more binds by itself");
            check_fixed_points(table)?;
        }
        for step in 1..ran.run.steps {
            let Some(world) = before_exchange(&ran, step) else { continue };
            let Some(table) = Table::new(&ran, &world) else { continue };
            prop_assert_eq!(exchanged(&ran, step), table.names(table.least(0)), "the Exchange of step {}", step);
            check_fixed_points(&table)?;
        }
    }
}

/// A condition of one of three actors on the two others, as a set of sets: minimal ones that are enough.
const WISHES: [(&str, &[&[usize]]); 6] = [
    ("true", &[&[]]),
    ("A", &[&[0]]),
    ("B", &[&[1]]),
    ("A and B", &[&[0, 1]]),
    ("A or B", &[&[0], &[1]]),
    ("false", &[]),
];

/// All 216 ways in which three actors can wait for one another, each against a closure on bits.
#[test]
fn three_actors_in_every_way_they_can_wait() {
    for code in 0..216_usize {
        let wishes = [code % 6, code / 6 % 6, code / 36];
        let others = [[1, 2], [0, 2], [0, 1]];
        let mut text = String::from("format = 1\n[time]\nsteps = 1\n[resources]\nword = {}\n");
        for actor in 0..3 {
            let bound = |other: usize| format!("bonds(c{}) >= 1", others[actor][other]);
            let when = WISHES[wishes[actor]].0.replace('A', &bound(0)).replace('B', &bound(1));
            text += &format!(
                "[actors.a{actor}]\n[commitments.c{actor}]\ndebtor = \"a{actor}\"\ngives = {{ word = 1 }}\nwhen = \"{when}\"\n"
            );
        }
        let agrees = |actor: usize, set: usize| {
            WISHES[wishes[actor]].1.iter().any(|needs| needs.iter().all(|&n| set >> others[actor][n] & 1 == 1))
        };
        let follow = |set: usize| (0..3).filter(|&actor| agrees(actor, set)).fold(0, |all, actor| all | 1 << actor);
        let (mut least, mut greatest) = (0, 7);
        for _ in 0..3 {
            (least, greatest) = (least | follow(least), greatest & follow(greatest));
        }
        let ran = run_text(&text, &[], 0);
        let bits = |ids: &[InstanceId]| ids.iter().fold(0, |all, id| all | 1 << id.index());
        assert_eq!(bits(&exchanged(&ran, 0)), least, "{text}");
        assert_eq!(ran.run.gap, Some((greatest & !least).count_ones()), "{text}");
        let world = ran.after_exchange(0);
        let gap = engine::greatest_agreement(View {
            model: &ran.model,
            plan: &ran.plan,
            setup: &ran.run.setup,
            world: &world,
        })
        .expect("every condition has a value");
        assert_eq!(bits(&gap), greatest & !least, "{text}");
    }
}

// ---------------------------------------------------------------- forks

/// A fork without changes gives the same run, at every step of every shipped scenario.
#[test]
fn a_fork_without_overrides_is_the_same_run() {
    let mut forks = 0;
    // Generated ones with graded promises, renewal and moves as well.
    let stored = stored_cases().into_iter().filter(|case| case.files.contains_key("arguments.json"));
    let stored = stored.map(|case| (format!("case {}", case.seed), case.scenario, case.seed));
    let all = shipped().into_iter().map(|name| (name.clone(), text(&name), 1)).chain(stored);
    for (name, text, seed) in all {
        let first = compiled(&text, &[]).model;
        let second = compiled(&text, &[]).model;
        let (first_plan, second_plan) = (Plan::new(&first), Plan::new(&second));
        let run_seed = RunSeed { seed, replicate: 0 };
        let whole = engine::run(&first, &first_plan, run_seed, ALL);
        for step in 0..=whole.steps {
            let stages = [
                Stage { model: &first, plan: &first_plan, from: 0, run_seed: None },
                Stage { model: &second, plan: &second_plan, from: step, run_seed: None },
            ];
            let forked = engine::run_staged(&stages[0], &stages[1..], run_seed, ALL, &mut |_, _, _| {});
            let differs = forked.log.iter().zip(&whole.log).find(|(forked, whole)| forked != whole);
            assert_eq!(differs, None, "{name} forked at step {step}");
            assert_eq!((forked.history, forked.log.len()), (whole.history, whole.log.len()), "{name} at step {step}");
            assert_eq!(
                (forked.samples, forked.world),
                (whole.samples.clone(), whole.world.clone()),
                "{name} at {step}"
            );
            forks += 1;
        }
    }
    assert!(forks > 300, "{forks} forks");
}

proptest! {
    /// The same for generated scenarios, at one step each.
    #[test]
    fn a_fork_without_overrides_changes_no_generated_run(
        sketch in sketches(Allowed::ALL),
        at in 0_u32..12,
        seed in 0_u64..1_000,
    ) {
        let model = compiled(&sketch.text(), &[]).model;
        let plan = Plan::new(&model);
        let run_seed = RunSeed { seed, replicate: 0 };
        let whole = engine::run(&model, &plan, run_seed, ALL);
        let stage = |from| Stage { model: &model, plan: &plan, from, run_seed: None };
        let forked = engine::run_staged(&stage(0), &[stage(at)], run_seed, ALL, &mut |_, _, _| {});
        prop_assert_eq!(&forked.log, &whole.log);
        prop_assert_eq!((forked.result, forked.samples, forked.gap), (whole.result, whole.samples, whole.gap));
    }
}

// ---------------------------------------------------------------- logs that were tampered with

/// The folder of a run, with its log as lines.
struct Logged {
    name: String,
    folder: tempfile::TempDir,
    header: String,
    rows: Vec<Vec<String>>,
}

fn backstop(arguments: &[&str]) -> (Option<i32>, String) {
    let output = common::program::backstop(Path::new("."), arguments);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

impl Logged {
    fn new(name: &str, file: &Path, seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("run");
        let (file, out) = (file.to_str().expect("UTF-8"), out.to_str().expect("UTF-8"));
        let (code, errors) = backstop(&["run", file, "--seed", &seed.to_string(), "--out", out, "--quiet"]);
        assert!(matches!(code, Some(0 | 1)), "{name}: {errors}");
        let log = std::fs::read_to_string(Path::new(out).join("events.csv")).expect("the log is there");
        let mut lines = log.lines().map(ToOwned::to_owned);
        let header = lines.next().expect("a header");
        // No cell of these logs needs quotes.
        let rows = lines.map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect();
        assert!(!log.contains('"'), "{name}");
        let logged = Self { name: name.into(), folder, header, rows };
        let (code, errors) = logged.replay(&logged.rows);
        assert_eq!(code, Some(0), "{name}, as it was written: {errors}");
        logged
    }

    /// Replays the folder with other rows in its log.
    fn replay(&self, rows: &[Vec<String>]) -> (Option<i32>, String) {
        let out = self.folder.path().join("run");
        let lines = rows.iter().fold(self.header.clone() + "\n", |text, row| text + &row.join(",") + "\n");
        std::fs::write(out.join("events.csv"), lines).expect("the log can be written");
        backstop(&["replay", out.to_str().expect("UTF-8")])
    }

    /// The problem in the answer to a log with other rows, if there is one.
    fn complaint(&self, what: &str, rows: &[Vec<String>]) -> Option<String> {
        let differs = rows.iter().zip(&self.rows).position(|(edited, own)| edited != own);
        // Equal bytes are not a mutation.
        let first = differs.or_else(|| (rows.len() != self.rows.len()).then(|| rows.len().min(self.rows.len())))?;
        let (code, errors) = self.replay(rows);
        let place = format!("events.csv:{}:1: ", first + 2);
        let refused = code == Some(1) && errors.starts_with("error: ") && errors.contains(&place);
        (!refused).then(|| format!("{}, {what}: expected {place}, got {code:?} and {errors}", self.name))
    }
}

/// Rows with renumbered `seq` and adjusted causes, as a careful forger would write them.
fn renumbered(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut places: BTreeMap<&str, String> = BTreeMap::new();
    rows.iter()
        .enumerate()
        .map(|(at, row)| {
            places.insert(&row[1], at.to_string());
            let mut row = row.clone();
            row[11] = places.get(row[11].as_str()).cloned().unwrap_or_default();
            row[1] = at.to_string();
            row
        })
        .collect()
}

/// Every kind of mutation, in several places of a log.
fn mutations(rows: &[Vec<String>], pick: &mut dyn FnMut(usize) -> usize) -> Vec<(String, Vec<Vec<String>>)> {
    let mut mutants = Vec::new();
    let columns = [
        "run",
        "seq",
        "step",
        "date",
        "event",
        "actor",
        "counterpart",
        "subject",
        "issue",
        "resource",
        "value",
        "cause",
    ];
    for (column, name) in columns.iter().enumerate() {
        let of_column: BTreeSet<&String> = rows.iter().map(|row| &row[column]).collect();
        let of_column: Vec<&String> = of_column.into_iter().collect();
        let filled: Vec<usize> = (0..rows.len()).filter(|&at| !rows[at][column].is_empty()).collect();
        let place = if filled.is_empty() { pick(rows.len()) } else { filled[pick(filled.len())] };
        let other = of_column[pick(of_column.len())].clone();
        for (at, cell) in [(place, other), (place, String::new()), (place, "7".into()), (pick(rows.len()), "x".into())]
        {
            let mut edited = rows.to_vec();
            let what = format!("`{name}` of row {at} from `{}` to `{cell}`", edited[at][column]);
            edited[at][column] = cell;
            mutants.push((what, edited));
        }
    }
    let last = rows.len() - 1;
    for at in [0, pick(rows.len()), pick(rows.len()), last] {
        let mut removed = rows.to_vec();
        removed.remove(at);
        mutants.push((format!("row {at} removed and the rest renumbered"), renumbered(&removed)));
        mutants.push((format!("row {at} removed"), removed));
        let mut doubled = rows.to_vec();
        doubled.insert(at, rows[at].clone());
        mutants.push((format!("row {at} doubled and the rest renumbered"), renumbered(&doubled)));
        mutants.push((format!("row {at} doubled"), doubled));
    }
    for (one, other) in [(pick(last), None), (pick(last), None), (pick(rows.len()), Some(pick(rows.len())))] {
        let other = other.unwrap_or(one + 1);
        let mut swapped = rows.to_vec();
        swapped.swap(one, other);
        mutants.push((format!("rows {one} and {other} swapped and renumbered"), renumbered(&swapped)));
        mutants.push((format!("rows {one} and {other} swapped"), swapped));
    }
    mutants.push(("half of it cut off".into(), rows[..rows.len() / 2].to_vec()));
    mutants
}

/// A log with one cell changed, or a row removed, duplicated or moved, is rejected at the first row that differs.
#[test]
fn tampered_logs_are_refused_with_the_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scenarios =
        ["adversary", "aid-flow", "beta-reputation", "chicken-and-egg", "gradualism-small-steps", "guarantee-toy"];
    let mut logged: Vec<Logged> =
        scenarios.iter().map(|name| Logged::new(name, &root.join(format!("scenarios/{name}.toml")), 0)).collect();
    // Generated ones with draws, shocks, packages and failures.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scenario.toml");
    for case in stored_cases().iter().filter(|case| [23, 49, 72, 168, 294, 10022, 10101].contains(&case.seed)) {
        std::fs::write(&file, &case.scenario).expect("a file can be written");
        logged.push(Logged::new(&format!("case {}", case.seed), &file, case.seed));
    }
    let mut state = 7_u64;
    let mut pick = |count: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % count
    };
    let mut tried = 0;
    let mut complaints = Vec::new();
    for logged in &logged {
        for (what, rows) in mutations(&logged.rows, &mut pick) {
            tried += 1;
            complaints.extend(logged.complaint(&what, &rows));
        }
    }
    assert!(complaints.is_empty(), "{} of {tried} mutants:\n{}", complaints.len(), complaints.join("\n"));
}

/// The same events in other notation are rejected too.
#[test]
fn logs_that_are_spelt_otherwise_are_refused_with_the_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let logged = Logged::new("aid-flow", &root.join("scenarios/aid-flow.toml"), 0);
    let path = logged.folder.path().join("run/events.csv");
    let own = std::fs::read_to_string(&path).expect("the log is there");
    let in_row = |row: usize, change: &dyn Fn(&str) -> String| {
        let lines = own.split('\n').enumerate();
        let lines: Vec<String> = lines.map(|(at, line)| if at == row { change(line) } else { line.into() }).collect();
        lines.join("\n")
    };
    let spelt = [
        in_row(9, &|line| line.replacen(",4,,", ",+4,,", 1)),
        in_row(12, &|line| line.replacen("0,", "00,", 1)),
        in_row(12, &|line| format!("\"0\"{}", &line[1..])),
        in_row(12, &|line| format!("{line},")),
        in_row(12, &|line| format!("{line} ")),
        in_row(12, &|line| format!("{line}\r")),
        in_row(12, &|line| format!("\n{line}")),
        own.replace('\n', "\r\n"),
        own.trim_end().to_owned(),
        own.clone() + "\n",
        format!("\u{feff}{own}"),
    ];
    for text in spelt {
        assert_ne!(text, own);
        let line = text.split('\n').zip(own.split('\n')).position(|(other, own)| other != own);
        let line = line.unwrap_or(own.split('\n').count().min(text.split('\n').count())) + 1;
        std::fs::write(&path, &text).expect("the log can be written");
        let (code, errors) = backstop(&["replay", logged.folder.path().join("run").to_str().expect("UTF-8")]);
        let place = format!("events.csv:{line}:1: ");
        assert!(code == Some(1) && errors.contains(&place), "expected {place}, got {code:?} and {errors}");
    }
}

/// A complete log of another seed, scenario or setup is rejected.
#[test]
fn logs_of_other_runs_are_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let jeddah = Logged::new("jeddah-2025", &root.join("jeddah-2025.toml"), 0);
    let other_seed = Logged::new("jeddah-2025", &root.join("jeddah-2025.toml"), 1);
    let variant = Logged::new("jeddah-first-mover", &root.join("jeddah-first-mover.toml"), 0);
    let foreign = Logged::new("adversary", &root.join("adversary.toml"), 0);
    for other in [&other_seed, &variant, &foreign] {
        assert_eq!(jeddah.complaint(&format!("the log of {}", other.name), &other.rows), None);
    }
}
