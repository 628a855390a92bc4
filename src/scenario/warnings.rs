//! Warnings about valid models that probably do not mean what their author intends.

use super::diagnostic::{Diagnostic, quoted};
use super::interval::parameter_intervals;
use super::names::Names;
use super::script::Scripts;
use super::toml_tree::Table;
use super::upper_bounds::UpperBounds;
use crate::model::{ActorId, CommitmentId, Influence, Model, State};

/// The warnings about a complete model.
pub(super) fn warnings(model: &Model, names: &Names, scripts: &Scripts<'_>, root: &Table) -> Vec<Diagnostic> {
    let mut found = hopeless(model, scripts);
    found.extend(unused_groups(names));
    found.extend(swap(model, root));
    found
}

/// Warns of commitments whose `when` is false even if everything is bound and delivered.
fn hopeless(model: &Model, scripts: &Scripts<'_>) -> Vec<Diagnostic> {
    let most = UpperBounds::new(model, parameter_intervals(model));
    let mut warnings = Vec::new();
    for (at, commitment) in model.commitments.iter().enumerate() {
        let Some(when) = &commitment.when else { continue };
        if commitment.initial == State::Detached || most.can_hold(model, CommitmentId::at(at), when) {
            continue;
        }
        let Some(script) = scripts.of(&when.path) else { continue };
        let name = quoted(&commitment.id);
        let message =
            format!("no evidence can ever detach {name}: its `when` is false even if all is bound and delivered");
        let help = "lower what it asks for, or let others promise more";
        let warning = Diagnostic::warning("meaning/hopeless", message, None).help(help);
        warnings.push(script.met(when.root(), scripts.definitions, warning));
    }
    warnings
}

/// Warns of groups that nothing refers to.
fn unused_groups(names: &Names) -> impl Iterator<Item = Diagnostic> {
    names.groups.iter().filter(|group| !group.cohort && !group.used).map(|group| {
        let message = format!("nobody uses the group {}", quoted(&group.id));
        Diagnostic::warning("meaning/unused-group", message, Some(group.span.clone())).help("use it, or remove it")
    })
}

/// Warns of two actors each of which is pulled by the other alone and all the way, so that their stances merely
/// change places from step to step.
fn swap(model: &Model, root: &Table) -> Option<Diagnostic> {
    let setup = &model.setup;
    let swaps = |actor: ActorId| setup.susceptibility[actor.index()] >= 1.0;
    if setup.pace < 1.0 {
        return None;
    }
    let sources = only_sources(model);
    let pair = sources.iter().enumerate().find_map(|(at, source)| {
        let (one, Pull::From(other)) = (ActorId::at(at), *source) else { return None };
        let is_mutual = one < other && sources[other.index()] == Pull::From(one);
        (is_mutual && swaps(one) && swaps(other)).then_some((one, other))
    });
    let (one, other) = pair?;
    // Two single ties are written on purpose; only groups hide that there is no weight on oneself.
    let is_of_a_group = model.influence.iter().any(|entry| match *entry {
        Influence::Between(pairs) => [pairs.first, pairs.second].iter().all(|id| {
            let members = &model.groups[id.index()].members;
            members.contains(&one) && members.contains(&other)
        }),
        Influence::Own(_) | Influence::Tie { .. } => false,
    });
    if !is_of_a_group {
        return None;
    }
    let [one, other] = [one, other].map(|actor| &model.actors[actor.index()].id);
    let message = format!("`{one}` and `{other}` only swap their stances: each is pulled by the other alone");
    let span = root.get("influence").map(|entry| entry.key_span.clone());
    let help = format!("list the weight of each on itself too, such as `from = \"{one}\", on = \"{one}\"`");
    Some(Diagnostic::warning("meaning/swap", message, span).help(help))
}

/// By actor: the only one whose stance has a weight in its row, if there is only one.
fn only_sources(model: &Model) -> Vec<Pull> {
    let mut sources = vec![Pull::Nobody; model.actors.len()];
    let mut add = |on: ActorId, from: ActorId| {
        let source = &mut sources[on.index()];
        *source = if matches!(*source, Pull::Nobody) || *source == Pull::From(from) {
            Pull::From(from)
        } else {
            Pull::Several
        };
    };
    let entries = model.influence.iter().zip(&model.setup.influence);
    for (entry, _) in entries.filter(|(_, weight)| **weight > 0.0) {
        match *entry {
            Influence::Own(actor) => add(actor, actor),
            Influence::Tie { on, from } => add(on, from),
            Influence::Between(pairs) => {
                let [on, from] = [pairs.first, pairs.second].map(|id| &model.groups[id.index()].members);
                // Three members are enough to distinguish one source from several.
                for &on in on {
                    from.iter().filter(|&&from| from != on).take(3).for_each(|&from| add(on, from));
                }
            }
        }
    }
    sources
}

/// The actors whose stances have a weight in an actor's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pull {
    Nobody,
    From(ActorId),
    Several,
}
