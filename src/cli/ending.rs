//! How a run ended, and why.

use std::fmt::Write as _;

use backstop::analysis::{self, Blocked, Cost, Explanation, Question, Sets, words};
use backstop::engine::{Plan, Run};
use backstop::model::{Amount, Ending, InstanceId, Model, OutcomeId, Scope, Setup, State, Values, World};

use super::timeline::{condition, label};
use super::words::{actor, count, escaped, listed, plain_number};

/// Lists longer than this are cut on the screen.
const SHOWN: usize = 8;

/// Most commitments whose needs are listed on the screen.
const LINES: usize = 60;

/// The outcome with its reason.
pub(crate) fn ending(model: &Model, plan: &Plan, run: &Run) -> String {
    let mut text = String::new();
    match run.result {
        Ok(Ending::Outcome(outcome)) => {
            let since = run.reached_step().map(|step| format!(", reached {} {}", on(model), label(model, step)));
            let _ = writeln!(text, "Outcome: {}{}", model.outcomes[outcome.index()].id, since.unwrap_or_default());
            text += &holds(model, &run.setup, &run.world, outcome);
        }
        Ok(Ending::Deadlock) => {
            let _ = writeln!(text, "Outcome: deadlock");
            match analysis::explain(model, plan, &run.setup, run.exchanged(), &Question::default()) {
                Ok(explanation) => text += &explained(model, &explanation),
                Err(failure) => {
                    let _ = writeln!(text, "  it cannot be explained: {failure}");
                }
            }
        }
        Ok(Ending::Stalemate) => {
            let _ = writeln!(text, "Outcome: stalemate");
            text += "  No declared outcome holds, and no set of the offers that stand would bind together.\n";
            text += &standing_offers(model, plan, &run.setup, run.exchanged());
        }
        Err(_) => {
            let _ = writeln!(text, "The run failed at {}; what came before it is kept.", label(model, run.world.step));
        }
    }
    text
}

/// How a day or a step is spoken of.
fn on(model: &Model) -> &'static str {
    if model.clock.start.is_some() { "on" } else { "at" }
}

/// The condition of an outcome with the values that make it hold.
fn holds(model: &Model, setup: &Setup, world: &World, outcome: OutcomeId) -> String {
    let when = &model.outcomes[outcome.index()].when;
    let scope = Scope { model, setup, world, evidence: &world.evidence, reader: None };
    let mut text = format!("  It holds at the end: {}\n", condition(&when.text));
    let values = when
        .reads()
        .into_iter()
        .map(|quantity| format!("{} is {}", words::quantity_text(model, quantity), plain_number(scope.read(quantity))));
    let values: Vec<String> = values.collect();
    if !values.is_empty() {
        let _ = writeln!(text, "  {}", listed(&values));
    }
    text
}

/// What stands on the table at the end, and what each offer lacks.
fn standing_offers(model: &Model, plan: &Plan, setup: &Setup, world: &World) -> String {
    let offers: Vec<InstanceId> =
        model.instance_ids().filter(|&instance| world.instance(instance).state == State::Conditional).collect();
    if offers.is_empty() {
        return "  No offer stands that waits for anything.\n".into();
    }
    match analysis::lacks(model, plan, setup, world, &offers) {
        Ok(blocked) => format!("\nOffers that stand, and what each lacks\n{}", lacking(model, &blocked)),
        Err(failure) => format!("  They cannot be explained: {failure}\n"),
    }
}

/// What one commitment lacks.
pub(crate) fn lacks(model: &Model, plan: &Plan, setup: &Setup, world: &World, instance: InstanceId) -> String {
    match analysis::lacks(model, plan, setup, world, &[instance]) {
        Ok(blocked) => lacking(model, &blocked),
        Err(failure) => format!("  it cannot be explained: {failure}\n"),
    }
}

/// One line a commitment and what it lacks; instances of a group's commitment share a line.
fn lacking(model: &Model, blocked: &[Blocked]) -> String {
    let mut lines: Vec<(u32, String, Vec<InstanceId>)> = Vec::new();
    let mut place = vec![None; model.commitments.len()];
    for one in blocked {
        let declared = model.instances[one.commitment.index()].commitment;
        if let Some(at) = place[declared.index()] {
            let (.., instances): &mut (_, _, Vec<InstanceId>) = &mut lines[at];
            instances.push(one.commitment);
        } else {
            place[declared.index()] = Some(lines.len());
            lines.push((declared.0, one.text.clone(), vec![one.commitment]));
        }
    }
    let left_out = lines.len().saturating_sub(LINES);
    let mut text = String::new();
    for (declared, said, instances) in lines.into_iter().take(LINES) {
        let who = match instances.as_slice() {
            [one] => actor(model, model.instances[one.index()].debtor),
            many => format!("{} debtors; {}", many.len(), actor(model, model.instances[many[0].index()].debtor)),
        };
        let name = match instances.as_slice() {
            [one] => &model.instances[one.index()].name,
            _ => &model.commitments[declared as usize].id,
        };
        let _ = writeln!(text, "  {name} ({who}) {said}");
    }
    if left_out > 0 {
        let _ = writeln!(text, "  and {} more", words::number(f64::from(u32::try_from(left_out).unwrap_or(u32::MAX))));
    }
    text
}

/// A state explained: who waits for whom, the circles, the smallest first moves.
pub(crate) fn explained(model: &Model, explanation: &Explanation) -> String {
    let gap = explanation.gap.len();
    if gap == 0 {
        return "  No deadlock: no set of the offers that stand would bind together.\n".into();
    }
    let mut text = match gap {
        1 => "  One offer stands that would hold if it were bound, and will not bind by itself.\n".into(),
        _ => format!("  {gap} offers stand that would all bind if they bound together; none of them will by itself.\n"),
    };
    let _ = writeln!(text, "\nWho waits for what");
    text += &lacking(model, &explanation.blocked);
    if !explanation.circles.is_empty() {
        let noun = if explanation.circles.len() == 1 { "The circle" } else { "The circles" };
        let _ = writeln!(text, "\n{noun}");
        for circle in explanation.circles.iter().take(SHOWN) {
            let _ = writeln!(text, "  {}", circle_text(model, circle));
        }
        if explanation.circles.len() > SHOWN {
            let _ = writeln!(text, "  and {} more", explanation.circles.len() - SHOWN);
        }
    }
    text += &unlocks(model, explanation);
    text
}

/// A circle as the promises in it; many instances of one commitment are named once.
fn circle_text(model: &Model, circle: &[InstanceId]) -> String {
    let mut names: Vec<(u32, usize, String)> = Vec::new();
    for &instance in circle {
        let own = &model.instances[instance.index()];
        match names.iter_mut().find(|(of, ..)| *of == own.commitment.0) {
            Some((_, number, name)) => {
                *number += 1;
                name.clone_from(&model.commitments[own.commitment.index()].id);
            }
            None => names.push((own.commitment.0, 1, own.name.clone())),
        }
    }
    let names = names.into_iter().map(|(_, number, name)| if number > 1 { format!("{name} ({number})") } else { name });
    let names: Vec<String> = names.collect();
    match names.as_slice() {
        [one, other] => format!("{one} and {other} wait for each other"),
        _ => format!("{} wait for each other", listed(&names)),
    }
}

/// Whether anything costs less.
fn cheaper(proved: bool) -> &'static str {
    if proved { "no cheaper set does" } else { "a cheaper set is not ruled out" }
}

/// The smallest sets of first moves, and how much of each is enough.
fn unlocks(model: &Model, explanation: &Explanation) -> String {
    let Sets { sets, proved, count: number, .. } = &explanation.unlock;
    let mut text = String::from("\nWhat would open it\n");
    let Some(cheapest) = sets.first() else {
        text += "  no set of first moves does\n";
        return text;
    };
    if cheapest.members.is_empty() {
        text += "  nothing needs to: the goal holds already\n";
        return text;
    }
    let same = sets.iter().filter(|set| set.cost == cheapest.cost).collect::<Vec<_>>();
    let named = |set: &[InstanceId]| {
        let names = set.iter().map(|i| model.instances[i.index()].name.clone()).collect::<Vec<_>>();
        listed(&names)
    };
    let proof = if *proved { "no smaller set does" } else { "a smaller set is not ruled out" };
    let moves = count(cheapest.members.len(), "first move");
    let choice = if same.len() > 1 { ", any of these" } else { "" };
    let moves = match explanation.cost {
        Cost::Moves => moves,
        Cost::Declared => format!("{moves} of a cost of {}", plain_number(cheapest.cost.to_units())),
        Cost::Resource(resource) => {
            format!("{moves} that give {}", words::amount(model, resource, cheapest.cost.to_units()))
        }
    };
    let proof = if matches!(explanation.cost, Cost::Moves) { proof } else { cheaper(*proved) };
    let _ = writeln!(text, "  {moves}, made without waiting for the others ({proof}){choice}:");
    for set in same.iter().take(SHOWN) {
        let _ = writeln!(text, "    {}", named(&set.members));
    }
    let more = usize::try_from(*number).unwrap_or(usize::MAX).saturating_sub(same.len().min(SHOWN));
    if more > 0 {
        let at_least = if explanation.unlock.count_is_exact { "" } else { "at least " };
        let _ = writeln!(text, "    and {at_least}{}", count(more, "other minimal set"));
    }
    for partial in explanation.partial.iter().filter(|partial| partial.least < partial.amount) {
        let name = &model.instances[partial.instance.index()].name;
        if partial.least == Amount::ZERO {
            let _ = writeln!(text, "  Of {name}, to be bound is enough, whatever the amount.");
            continue;
        }
        let resource = &model.resources[partial.resource.index()];
        let unit = resource.unit.as_deref().map(|unit| format!(" {}", escaped(unit))).unwrap_or_default();
        let _ = writeln!(
            text,
            "  Of {name}, {} of {}{unit} of {} is enough.",
            plain_number(partial.least.to_units()),
            plain_number(partial.amount.to_units()),
            resource.id,
        );
    }
    text
}
