//! How a run ended and why, and a state of it: stances, commitments, trust.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::explained::{explained, instances, standing};
use super::timeline::label;
use super::wording::{actor, actors, condition, listed, named, plain_number};
use crate::analysis::{self, Explanation, Question, wording};
use crate::engine::{Plan, Run, View};
use crate::model::{ActorId, Ending, InstanceId, IssueId, Model, OutcomeId, Scope, Setup, State, Values, World};

/// The largest number of metrics that are shown.
const METRICS: usize = 12;

/// The largest number of steps for which broken promises are shown.
const BROKEN: usize = 12;

/// The outcome with its reason.
#[must_use]
pub fn ending(model: &Model, plan: &Plan, run: &Run) -> String {
    let view = View { model, plan, setup: &run.setup, world: run.exchanged() };
    let mut text = String::new();
    match run.result {
        Ok(Ending::Outcome(outcome)) => {
            let since = run.reached_step().map(|step| format!(", reached {}", when(model, step)));
            let _ = writeln!(text, "Outcome: {}{}", outcome_name(model, outcome), since.unwrap_or_default());
            text += &holds(model, &run.setup, &run.world, outcome);
            text += &stopped(model, run);
        }
        Ok(Ending::Deadlock) => {
            let _ = writeln!(text, "Outcome: deadlock");
            text += &lost(model, run);
            match analysis::explain(view, &Question::default()) {
                Ok(explanation) => {
                    text += &explained(model, &explanation);
                    text += &beside(model, run.exchanged(), &explanation);
                }
                Err(failure) => {
                    let _ = writeln!(text, "  it cannot be explained: {failure}");
                }
            }
        }
        Ok(Ending::Stalemate) => {
            let none = if model.outcomes.is_empty() { "The file declares no outcome" } else { "No outcome holds" };
            let _ = writeln!(text, "Outcome: stalemate");
            if model.instances.is_empty() {
                let _ = writeln!(text, "  {none}, and there are no commitments.");
            } else {
                let _ = writeln!(text, "  {none}, and no set of the offers that stand would bind together.");
                text += &lost(model, run);
                text += &standing(view);
            }
        }
        Err(_) => {
            let _ = writeln!(text, "The run failed at {}; what came before it is kept.", label(model, run.world.step));
        }
    }
    text
}

/// A step with its preposition: `on Mon 2026-01-05` or `at step 3`.
#[must_use]
pub fn when(model: &Model, step: u32) -> String {
    format!("{} {}", if model.clock.start.is_some() { "on" } else { "at" }, label(model, step))
}

fn outcome_name(model: &Model, outcome: OutcomeId) -> String {
    let outcome = &model.outcomes[outcome.index()];
    named(&outcome.id, outcome.name.as_deref())
}

/// The condition of an outcome with the values that make it hold.
fn holds(model: &Model, setup: &Setup, world: &World, outcome: OutcomeId) -> String {
    let mut text = format!("  It holds at the end: {}\n", condition(&model.outcomes[outcome.index()].when.text));
    let values = values(model, setup, world, outcome);
    if !values.is_empty() {
        let _ = writeln!(text, "  {values}");
    }
    text
}

/// The largest number of values that are given for a condition.
const VALUES: usize = 6;

/// `bound(troops, europe) is 30 000 and bound(backstop, us) is 1`.
#[must_use]
pub fn values(model: &Model, setup: &Setup, world: &World, outcome: OutcomeId) -> String {
    let scope = Scope { model, setup, world, evidence: &world.evidence, reader: None };
    let reads = model.outcomes[outcome.index()].when.reads();
    let values = reads.iter().take(VALUES).map(|&quantity| {
        format!("{} is {}", wording::quantity_text(model, quantity), plain_number(scope.read(quantity)))
    });
    let others = reads.len().saturating_sub(VALUES);
    let more = (others > 0).then(|| format!("so on for {others} other quantities"));
    listed(&values.chain(more).collect::<Vec<_>>())
}

/// Outcomes that were reached and no longer hold, and promises that were broken or are suspended.
fn lost(model: &Model, run: &Run) -> String {
    let mut text = String::new();
    for outcome in (0..model.outcomes.len()).map(OutcomeId::at) {
        if let Some(step) = run.world.reached[outcome.index()] {
            let (name, when) = (outcome_name(model, outcome), when(model, step));
            let values = values(model, &run.setup, &run.world, outcome);
            let _ = writeln!(text, "  {name} was reached {when} and no longer holds: {values}.");
        }
    }
    text + &stopped(model, run)
}

/// The promises that were broken, by whom and when, and those that are suspended.
fn stopped(model: &Model, run: &Run) -> String {
    let mut text = String::new();
    let broken = in_state(model, &run.world, State::Violated);
    let mut by_step: BTreeMap<u32, Vec<InstanceId>> = BTreeMap::new();
    for instance in broken {
        if let Some(step) = run.world.instance(instance).settled.step() {
            by_step.entry(step).or_default().push(instance);
        }
    }
    for (&step, of) in by_step.iter().take(BROKEN) {
        let mut debtors: Vec<ActorId> = of.iter().map(|one| model.instances[one.index()].debtor).collect();
        debtors.sort_unstable();
        debtors.dedup();
        let (when, who) = (when(model, step), actors(model, &debtors));
        let _ = writeln!(text, "  Broken {when} by {who}: {}.", instances(model, of));
    }
    if by_step.len() > BROKEN {
        let more: usize = by_step.values().skip(BROKEN).map(Vec::len).sum();
        let _ = writeln!(text, "  Broken later: {more} more.");
    }
    let suspended = in_state(model, &run.world, State::Pending);
    if !suspended.is_empty() {
        let _ = writeln!(text, "  Suspended, and not taken up again: {}.", instances(model, &suspended));
    }
    text
}

fn in_state(model: &Model, world: &World, state: State) -> Vec<InstanceId> {
    model.instance_ids().filter(|&instance| world.instance(instance).state == state).collect()
}

/// The offers on the table that are not part of the deadlock.
fn beside(model: &Model, world: &World, explanation: &Explanation) -> String {
    let mut others = in_state(model, world, State::Conditional);
    others.retain(|instance| explanation.gap.binary_search(instance).is_err());
    if others.is_empty() {
        return String::new();
    }
    format!("\nOther offers that stand, and would not bind with these\n  {}\n", instances(model, &others))
}

/// The last value of each metric.
#[must_use]
pub fn metrics(model: &Model, run: &Run, is_written: bool) -> String {
    let sampled: Vec<(&str, f64)> =
        model.metrics.iter().zip(&run.metrics).filter_map(|(metric, value)| Some((&*metric.id, (*value)?))).collect();
    if sampled.is_empty() {
        return String::new();
    }
    let shown = &sampled[..sampled.len().min(METRICS)];
    let width = shown.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
    let mut text = String::from("\nMetrics at the end\n");
    for (id, value) in shown {
        let _ = writeln!(text, "  {id:<width$}  {}", plain_number(*value));
    }
    if sampled.len() > METRICS {
        let all = if is_written { "series.csv has them all" } else { "`--out` writes them all" };
        let _ = writeln!(text, "  and {} more; {all}", sampled.len() - METRICS);
    }
    text
}

/// The display name of a state.
#[must_use]
pub fn state(model: &Model, setup: &Setup, world: &World) -> String {
    let mut text = format!("The state at the end of {}\n", label(model, world.step));
    text.push_str("\nStances\n");
    for id in model.actor_ids() {
        let issues = model.issues.iter().enumerate().map(|(at, issue)| {
            let value = plain_number(world.stance(id, IssueId::at(at)));
            if model.issues.len() == 1 { value } else { format!("{issue} {value}") }
        });
        let _ = writeln!(text, "  {:<24} {}", actor(model, id), issues.collect::<Vec<_>>().join(", "));
    }
    text.push_str("\nCommitments\n");
    for instance in model.instance_ids() {
        let own = world.instance(instance);
        let gifts: Vec<String> = model
            .gifts(instance)
            .map(|gift| {
                let resource = &model.resources[gift.resource.index()].id;
                let given = plain_number(world.evidence.delivered_amount(gift.position).to_units());
                format!("{resource} {given} of {}", plain_number(setup.gives[gift.position].to_units()))
            })
            .collect();
        let name = model.name_of(instance);
        let _ = writeln!(text, "  {name:<28} {:<12} {}", own.state.name(), gifts.join(", "));
    }
    let pairs = distrust(model, world);
    if !pairs.is_empty() {
        text.push_str("\nTrust, where it is not 1\n");
        for (a, b, value) in pairs {
            let _ = writeln!(text, "  {} in {}: {}", actor(model, a), actor(model, b), plain_number(value));
        }
    }
    text
}

fn distrust(model: &Model, world: &World) -> Vec<(ActorId, ActorId, f64)> {
    let mut pairs = Vec::new();
    // If nothing reads trust, it is not tracked.
    if !model.reads_trust {
        return pairs;
    }
    for a in model.actor_ids() {
        for b in model.actor_ids() {
            let value = world.trust.of(a, b);
            if value < 1.0 && pairs.len() < 1_000 {
                pairs.push((a, b, value));
            }
        }
    }
    pairs
}
