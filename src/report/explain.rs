//! Explanations of a state as text, as JSON, as CSV and as a graph.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;

use serde_json::{Value, json};

use super::explained::{explained, standing, suspended, uncounted};
use super::timeline::label;
use super::wording::Unknown;
use super::wording::{actor, actors, count, escaped, listed};
use crate::analysis::{self, Cost, Explanation, Keystone, Question, Sets};
use crate::engine::{Failure, View};
use crate::model::{ActorId, Amount, InstanceId, Model, OutcomeId, ResourceId};
use crate::table::{Cell, Csv, Declared as _, Sink as _, WaitColumn, fixed_columns};
use crate::text;

/// Builds the question for [`analysis::explain`] from names: a goal, a cost, and commitments to leave out.
///
/// # Errors
/// [`Unknown`] if there is no such outcome, resource or commitment.
pub fn question(model: &Model, goal: Option<&str>, cost: &str, not: &[String]) -> Result<Question, Unknown> {
    let goal = match goal {
        None => None,
        Some(name) => {
            let at = model.outcomes.iter().position(|outcome| outcome.id == name);
            let known = model.outcomes.iter().map(|outcome| outcome.id.as_str());
            Some(OutcomeId::at(at.ok_or_else(|| unknown("outcome", name, known))?))
        }
    };
    let cost = match cost {
        "moves" => Cost::Moves,
        "declared" => Cost::Declared,
        "distance" => Cost::Distance,
        name => {
            let at = model.resources.iter().position(|resource| resource.id == name);
            let known =
                model.resources.iter().map(|resource| resource.id.as_str()).chain(["moves", "declared", "distance"]);
            Cost::Resource(ResourceId::at(at.ok_or_else(|| unknown("cost", name, known))?))
        }
    };
    let not = left_out(model, not)?;
    Ok(Question { goal, cost, not, ..Question::default() })
}

/// The instances to leave out, in declaration order.
fn left_out(model: &Model, not: &[String]) -> Result<Vec<InstanceId>, Unknown> {
    let mut out = Vec::new();
    for name in not {
        let name = name.trim();
        let of = |instance: &InstanceId| {
            let own = &model.instances[instance.index()];
            model.name_of(*instance) == name || model.commitments[own.commitment.index()].id == name
        };
        let before = out.len();
        out.extend(model.instance_ids().filter(of));
        if out.len() == before {
            let commitments = model.commitments.iter().map(|commitment| commitment.id.as_str());
            let instances = model.instance_names.iter();
            return Err(unknown("commitment", name, commitments.chain(instances.filter(|name| name.contains('/')))));
        }
    }
    out.sort_unstable();
    out.dedup();
    Ok(out)
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Unknown {
    let known: Vec<&str> = known.collect();
    let suggestion = text::suggestion(name, known.iter().copied());
    let help = suggestion.unwrap_or_else(|| format!("there is {}", text::listed(known)));
    Unknown::new(format!("there is no {what} {}", text::quoted(name)), help)
}

fn name(model: &Model, instance: InstanceId) -> &str {
    model.name_of(instance)
}

fn names(model: &Model, instances: &[InstanceId]) -> Vec<String> {
    instances.iter().map(|&instance| name(model, instance).to_owned()).collect()
}

fn actor_ids(model: &Model, actors: &[ActorId]) -> Vec<String> {
    actors.iter().map(|actor| model.actors.id(*actor).to_owned()).collect()
}

/// A cost as a JSON number: an integer if it is whole, and `"inf"` if it is infinite.
fn cost_value(cost: Amount) -> Value {
    if cost.0 >= analysis::limits::NEVER {
        return json!("inf");
    }
    if cost.0 % 1_000_000 == 0 { json!(cost.0 / 1_000_000) } else { json!(cost.to_units()) }
}

/// The explanation as data, for `--json`.
#[must_use]
pub fn object(model: &Model, explanation: &Explanation) -> Value {
    let all = |instances: &[InstanceId]| names(model, instances);
    let blocked = explanation.blocked.iter().map(|blocked| {
        let lacks: Vec<&str> = blocked.wants.iter().map(|want| &*want.text).collect();
        json!({ "commitment": name(model, blocked.commitment), "lacks": lacks })
    });
    let waits =
        explanation.waits.iter().map(|wait| json!({ "from": name(model, wait.from), "to": name(model, wait.to) }));
    let partial = explanation.partial.iter().map(|partial| {
        let resource = &model.resources[partial.resource.index()].id;
        let (amount, least) = (cost_value(partial.amount), cost_value(partial.least));
        json!({ "commitment": name(model, partial.instance), "resource": resource, "amount": amount, "least": least })
    });
    let mut object = json!({
        "step": explanation.step,
        "goal": explanation.goal.map(|goal| model.outcomes[goal.index()].id.clone()),
        "gap": all(&explanation.gap),
        "waits": waits.collect::<Vec<_>>(),
        "circles": explanation.circles.iter().map(|circle| all(circle)).collect::<Vec<_>>(),
        "blocked": blocked.collect::<Vec<_>>(),
        "unlock": sets_value(&explanation.unlock, "moves", |members| all(members)),
        "partial": partial.collect::<Vec<_>>(),
    });
    object["waits_are_complete"] = explanation.waits_are_complete.into();
    object["partial_is_complete"] = explanation.partial_is_complete.into();
    let move_distance = explanation.move_distance.iter().map(|move_distance| {
        let lacks: Vec<&str> = move_distance.lacks.wants.iter().map(|want| &*want.text).collect();
        json!({ "commitment": name(model, move_distance.instance), "distance": distance(move_distance.distance), "lacks": lacks })
    });
    object["unasked"] = move_distance.collect();
    object["held"] = explanation.held.iter().map(|held| held.name()).collect();
    object["with_any"] = explanation.with_any.as_ref().map(|choice| all(&choice.members)).into();
    if !explanation.suspended.is_empty() {
        object["suspended"] = all(&explanation.suspended).into();
    }
    if !explanation.move_amounts.is_empty() {
        let mut amounts = serde_json::Map::new();
        for given in &explanation.move_amounts {
            let resource = &model.resources[given.resource.index()].id;
            amounts.entry(name(model, given.instance)).or_insert_with(|| json!({}))[resource] =
                cost_value(given.amount);
        }
        object["amounts"] = amounts.into();
    }
    if let Some(summit) = &explanation.summit {
        object["summit"] = sets_value(summit, "actors", |members| actor_ids(model, members));
    }
    if let Some(keystones) = &explanation.keystones {
        let one = |keystone: &Keystone| {
            let waves: Vec<Vec<String>> = keystone.waves.iter().map(|wave| all(wave)).collect();
            json!({ "actor": model.actors.id(keystone.actor), "waves": waves })
        };
        object["keystones"] = keystones.iter().map(one).collect();
        object["keystones_are_complete"] = explanation.keystones_are_complete.into();
    }
    object
}

/// A distance as a JSON number, or `"inf"` if it is infinite.
fn distance(distance: f64) -> Value {
    if distance.is_infinite() { json!("inf") } else { json!(distance) }
}

/// The conditions that the next step evaluates, with the comparisons on which they fail, as JSON.
///
/// # Errors
/// If a condition has no value in the state, as [`analysis::conditions`].
pub fn conditions_value(view: View<'_>) -> Result<Value, Failure> {
    let status = analysis::conditions(view)?;
    let one = |status: &analysis::ConditionStatus| {
        let lacks: Vec<&str> = status.lacks.wants.iter().map(|want| &*want.text).collect();
        json!({
            "commitment": name(view.model, status.instance),
            "key": status.key,
            "holds": status.holds,
            "distance": distance(status.distance),
            "lacks": lacks,
        })
    };
    Ok(status.iter().map(one).collect())
}

fn sets_value<T>(sets: &Sets<T>, members: &str, named: impl Fn(&[T]) -> Vec<String>) -> Value {
    let one = |set: &analysis::Choice<T>| json!({ "cost": cost_value(set.cost), members: named(&set.members) });
    json!({
        "lower": sets.lower.map(cost_value),
        "upper": sets.upper.map(cost_value),
        "proved": sets.proved,
        "count": sets.count,
        "count_is_exact": sets.count_is_exact,
        "sets": sets.sets.iter().map(one).collect::<Vec<_>>(),
    })
}

/// The graph's edges, the circles and the sets as CSV, one member a row.
///
/// # Panics
/// Never: memory takes every row.
#[must_use]
pub fn table(model: &Model, explanation: &Explanation) -> Vec<u8> {
    let rows = |sink: &mut Csv<'_>| -> io::Result<()> {
        for wait in &explanation.waits {
            row(sink, ("wait", None, None), name(model, wait.from), name(model, wait.to))?;
        }
        for (at, circle) in explanation.circles.iter().enumerate() {
            circle.iter().try_for_each(|one| row(sink, ("circle", Some(at), None), name(model, *one), ""))?;
        }
        rows_of_sets("unlock", &explanation.unlock, |members| names(model, members), sink)?;
        if let Some(summit) = &explanation.summit {
            rows_of_sets("summit", summit, |members| actor_ids(model, members), sink)?;
        }
        for keystone in explanation.keystones.iter().flatten() {
            let actor = model.actors.id(keystone.actor);
            for (at, wave) in keystone.waves.iter().enumerate() {
                wave.iter().try_for_each(|one| row(sink, ("keystone", Some(at), None), actor, name(model, *one)))?;
            }
        }
        Ok(())
    };
    Csv::table(&fixed_columns::<WaitColumn>(), rows).expect("memory takes every row")
}

fn rows_of_sets<T>(
    part: &str,
    sets: &Sets<T>,
    named: impl Fn(&[T]) -> Vec<String>,
    sink: &mut Csv<'_>,
) -> io::Result<()> {
    for (at, set) in sets.sets.iter().enumerate() {
        let cost = if set.cost.0 >= analysis::limits::NEVER { f64::INFINITY } else { set.cost.to_units() };
        named(&set.members).iter().try_for_each(|one| row(sink, (part, Some(at), Some(cost)), one, ""))?;
    }
    Ok(())
}

fn row(
    sink: &mut Csv<'_>,
    (part, set, cost): (&str, Option<usize>, Option<f64>),
    from: &str,
    to: &str,
) -> io::Result<()> {
    sink.row(WaitColumn::ALL.iter().map(|column| match column {
        WaitColumn::Part => part.into(),
        WaitColumn::Set => Cell::whole(set.map(|at| at as u64 + 1)),
        WaitColumn::Cost => Cell::real(cost),
        WaitColumn::From => from.into(),
        WaitColumn::To => to.into(),
    }))
}

/// The wait-for graph in the DOT language. Members of a circle are drawn bold.
#[must_use]
pub fn graph(model: &Model, explanation: &Explanation) -> String {
    let mut text = String::from("digraph waits {\n  rankdir = LR;\n  node [shape = box];\n");
    let in_circle: BTreeSet<InstanceId> = explanation.circles.iter().flatten().copied().collect();
    for &instance in &explanation.gap {
        let own = &model.instances[instance.index()];
        let style = if in_circle.contains(&instance) { ", style = bold" } else { "" };
        let who = actor(model, own.debtor).replace('\\', "\\\\").replace('"', "\\\"");
        let name = model.name_of(instance);
        let _ = writeln!(text, "  \"{name}\" [label = \"{name}\\n{who}\"{style}];");
    }
    for wait in &explanation.waits {
        let _ = writeln!(text, "  \"{}\" -> \"{}\";", name(model, wait.from), name(model, wait.to));
    }
    if !explanation.waits_are_complete {
        let _ = writeln!(text, "  label = \"{}\";", uncounted());
    }
    text += "}\n";
    text
}

/// Sets of more actors than this are shown by their first few members.
const LARGE: usize = 12;

/// The longest list that is printed for each kind of set.
const SHOWN: usize = 8;

/// An explanation of a state as text.
#[must_use]
pub fn explanation_text(view: View<'_>, explanation: &Explanation) -> String {
    let model = view.model;
    let no_deadlock = explanation.gap.is_empty() && explanation.goal.is_none();
    let standing = if no_deadlock { standing(view) } else { String::new() } + &suspended(view, explanation);
    let when = format!("fter the last exchange of {}\n", label(model, explanation.step));
    let mut text =
        if model.title.is_empty() { format!("A{when}") } else { format!("{}, a{when}", escaped(&model.title)) };
    if let Some(goal) = explanation.goal {
        let _ = writeln!(text, "The goal: {}", model.outcomes[goal.index()].id);
    }
    text += &explained(model, explanation);
    text += &standing;
    if let Some(summit) = &explanation.summit {
        text += "\nWho must be in the room for a package\n";
        if explanation.gap.is_empty() && explanation.goal.is_none() {
            text += "  no package is possible: no set of the offers would bind together\n";
        } else {
            text += &summit_text(model, summit);
        }
    }
    if let Some(keystones) = &explanation.keystones {
        text += "\nWhat each actor's exit would suspend\n";
        match (keystones.is_empty(), explanation.keystones_are_complete) {
            (_, false) => text += "  (not every actor was examined before the search reached its limit)\n",
            (true, true) => text += "  no actor's exit would suspend a commitment of another\n",
            (false, true) => {}
        }
        for keystone in keystones.iter().take(SHOWN) {
            let waves: Vec<String> = keystone.waves.iter().map(|wave| listed(&names(model, wave))).collect();
            let _ = writeln!(text, "  {}: {}", actor(model, keystone.actor), waves.join("; then "));
        }
        if keystones.len() > SHOWN {
            let _ = writeln!(text, "  and {} more", keystones.len() - SHOWN);
        }
    }
    text
}

fn summit_text(model: &Model, summit: &Sets<ActorId>) -> String {
    let mut text = String::new();
    match (summit.sets.is_empty(), summit.lower, summit.upper) {
        (false, ..) => {}
        (true, None, _) => text += "  no set of actors reaches it\n",
        (true, Some(_), Some(_)) => {
            text += "  all of them together do; the search for a smaller set reached its limit\n";
            return text;
        }
        (true, Some(_), None) => {
            text += "  none was found before the search reached its limit\n";
            return text;
        }
    }
    for set in summit.sets.iter().take(SHOWN) {
        let who = match set.members.as_slice() {
            [] => "nobody: the goal holds already".into(),
            many if many.len() > LARGE => actors(model, many),
            few => listed(&few.iter().map(|&id| actor(model, id)).collect::<Vec<_>>()),
        };
        let _ = writeln!(text, "  {who}");
    }
    if !summit.proved {
        text += "  (a smaller set is not ruled out)\n";
    }
    let more = usize::try_from(summit.count).unwrap_or(usize::MAX).saturating_sub(SHOWN);
    if more > 0 {
        let at_least = if summit.count_is_exact { "" } else { "at least " };
        let _ = writeln!(text, "  and {at_least}{}", count(more, "other minimal set"));
    }
    text
}
