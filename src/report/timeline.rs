//! The timeline: one line for each event of interest, without the drift of stances.

use std::fmt::Write as _;

use crate::analysis::wording::untrue_parts;
use crate::engine::{begin_step, evolve};
use crate::model::{
    ActorId, Amount, Bind, Entry, Event, EventKind, Gift, Group, InstanceEvent, InstanceId, Model, Move, Payload,
    Phase, Reader, Scope, Setup, World,
};

use super::explained::{instances, with_amounts};
use super::lines::Lines;
use super::sentence::{Verb, VerbAmount};
use super::wording::{actor, actors, amount, condition, count, escaped, listed, named, plain_number};

/// Up to this many promises with amounts that a move binds are named one by one.
const NAMES: usize = 8;

/// Which events of a log are shown.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only events of these actors, and events without an actor (shocks, outcomes); `None` shows all.
    pub only: Option<Vec<ActorId>>,
    /// Only events of these kinds; `None` shows all.
    pub kinds: Option<Vec<EventKind>>,
}

/// A filter, by the number of an actor and of a group.
struct Shown<'a> {
    kinds: Option<&'a [EventKind]>,
    /// The actors, and the groups with one of them; none if all are shown.
    only: Option<(Vec<bool>, Vec<bool>)>,
}

impl<'a> Shown<'a> {
    fn new(model: &Model, filter: &'a Filter) -> Self {
        let only = filter.only.as_ref().map(|only| {
            let mut actors = vec![false; model.actors.len()];
            only.iter().for_each(|actor| actors[actor.index()] = true);
            let has_one = |group: &Group| group.members.iter().any(|one| actors[one.index()]);
            let groups = model.groups.iter().map(has_one).collect();
            (actors, groups)
        });
        Self { kinds: filter.kinds.as_deref(), only }
    }

    fn shows(&self, model: &Model, event: Event) -> bool {
        let of_kind = self.kinds.is_none_or(|kinds| kinds.contains(&event.kind()));
        of_kind && self.only.as_ref().is_none_or(|only| concerns(model, event, only))
    }
}

/// Whether an event belongs to one of these actors or to no actor.
fn concerns(model: &Model, event: Event, (actors, groups): &(Vec<bool>, Vec<bool>)) -> bool {
    let actor = |id: ActorId| actors[id.index()];
    let is_shown = |instance: InstanceId| {
        let creditor = model.commitment_of(instance).creditor;
        actor(model.instances[instance.index()].debtor) || creditor.is_some_and(|group| groups[group.index()])
    };
    match event.payload() {
        Payload::Opinion { actor: who, .. } => actor(who),
        Payload::Pair { truster, trusted, .. } => actor(truster) || actor(trusted),
        Payload::Meeting(meeting) | Payload::Package { meeting, .. } => {
            groups[model.meetings[meeting.index()].attendees.index()]
        }
        Payload::Instance(instance) | Payload::Gift { instance, .. } => is_shown(instance),
        Payload::Move(which) => model.moves[which.index()].binds.iter().any(|bind| is_shown(bind.instance)),
        Payload::Nothing | Payload::Draw { .. } | Payload::Shock(_) | Payload::Outcome(_) | Payload::Ending(_) => true,
    }
}

/// The timeline of a log, by steps.
#[must_use]
pub fn timeline(model: &Model, setup: &Setup, log: &[Entry]) -> String {
    timeline_from(model, setup, log, 0, &Filter::default())
}

/// The timeline of the events of a log that the filter selects, from a step on.
#[must_use]
pub fn timeline_from(model: &Model, setup: &Setup, log: &[Entry], from: u32, filter: &Filter) -> String {
    let mut text = String::new();
    let shown = Shown::new(model, filter);
    let mut world = depends_on_state(model, setup, log).then(|| World::new(model, setup));
    let mut lines = Lines::default();
    for entries in log.chunk_by(|a, b| a.step == b.step) {
        let step = entries[0].step;
        if let Some(world) = &mut world {
            begin_step(world, step);
        }
        add_step((model, setup, world.as_mut()), entries, &shown, &mut lines);
        let lines = lines.take(model, setup);
        if step < from {
            continue;
        }
        let label = label(model, step);
        for (at, line) in lines.iter().enumerate() {
            let label = if at == 0 { label.as_str() } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{label:<width$}  {line}", width = label_width(model));
        }
    }
    text
}

/// One event in words, whatever its kind.
#[must_use]
pub fn sentence(model: &Model, setup: &Setup, entry: &Entry) -> String {
    let stance = |who: ActorId, issue: crate::model::IssueId, what: &str, value: f64| {
        let on = if model.issues.len() > 1 { format!(" on {}", model.issues[issue.index()]) } else { String::new() };
        format!("the {what} of {}{on} is now {}", actor(model, who), plain_number(value))
    };
    match entry.event.payload() {
        Payload::Nothing => "the run begins".into(),
        Payload::Draw { draw, value } => format!("{} is drawn: {}", model.draws[draw.index()], plain_number(value)),
        Payload::Opinion { actor, issue, value } => stance(actor, issue, entry.event.kind().name(), value),
        Payload::Pair { truster, trusted, value } => {
            format!(
                "the trust of {} in {} is now {}",
                actor(model, truster),
                actor(model, trusted),
                plain_number(value)
            )
        }
        Payload::Ending(ending) => format!("the run ends: {}", crate::trace::ending_name(model, ending)),
        Payload::Gift { instance, gift, amount: part } if matches!(entry.event, Event::Delivered { .. }) => {
            let own = &model.instances[instance.index()];
            let gift = model.gift(instance, gift as usize);
            let what = amount(model, gift.resource, part);
            let declared = &model.commitments[own.commitment.index()].id;
            format!("{} hands over {what} [{declared}]", actor(model, own.debtor))
        }
        Payload::Meeting(_)
        | Payload::Shock(_)
        | Payload::Move(_)
        | Payload::Instance(_)
        | Payload::Gift { .. }
        | Payload::Package { .. }
        | Payload::Outcome(_) => {
            let mut lines = Lines::default();
            add((model, setup, None), entry, None, &mut lines);
            lines.take(model, setup).into_iter().next().unwrap_or_default()
        }
    }
}

/// The date of a step, or its number if the scenario has no dates.
#[must_use]
pub fn label(model: &Model, step: u32) -> String {
    match model.clock.date_time(step) {
        Some(moment) if model.clock.plain => moment.strftime("%a %Y-%m-%d").to_string(),
        Some(moment) => moment.strftime("%a %Y-%m-%d %H:%M").to_string(),
        None => format!("step {step}"),
    }
}

fn label_width(model: &Model) -> usize {
    label(model, model.clock.steps.saturating_sub(1)).chars().count()
}

/// The state that the amounts of events depend on; none where the setup says them all.
type Followed<'a> = Option<&'a World>;

/// Whether amounts, or what is said of them, depend on the state: where they may rise, be handed over in parts, or be
/// suspended. Following the state of a million commitments takes longer than all else.
fn depends_on_state(model: &Model, setup: &Setup, log: &[Entry]) -> bool {
    let depends = |entry: &Entry| {
        if let Event::Delivered { instance, gift, amount } = entry.event {
            amount != setup.gives[model.gift(instance, gift as usize).position]
        } else {
            matches!(entry.event, Event::Suspended(_))
        }
    };
    model.has_graded() || log.iter().any(depends)
}

fn add_step(
    (model, setup, mut world): (&Model, &Setup, Option<&mut World>),
    entries: &[Entry],
    shown: &Shown<'_>,
    lines: &mut Lines,
) {
    // Conditions of the Review are evaluated in the state at its beginning.
    let mut at_review: Option<World> = None;
    let has_suspended = entries.iter().any(|entry| matches!(entry.event, Event::Suspended(_)));
    for entry in entries {
        if has_suspended && at_review.is_none() && entry.event.kind().phase() >= Phase::Review {
            at_review = world.as_deref().cloned();
        }
        // Numbers that a shock changes are part of the shock's own line.
        let is_part =
            entry.cause().is_some() && matches!(entry.event.payload(), Payload::Opinion { .. } | Payload::Pair { .. });
        if is_part && lines.last_shock().is_some() || shown.shows(model, entry.event) {
            let untrue = match (entry.event, &at_review) {
                (Event::Suspended(instance), Some(world)) => Some(untrue(model, setup, world, instance)),
                _ => None,
            };
            add((model, setup, world.as_deref()), entry, untrue, lines);
        }
        if let Some(world) = &mut world {
            evolve(model, setup, world, entry.event);
        }
    }
}

fn add(
    (model, setup, world): (&Model, &Setup, Followed<'_>),
    entry: &Entry,
    untrue: Option<String>,
    lines: &mut Lines,
) {
    match entry.event.payload() {
        Payload::Meeting(meeting) => {
            let meeting = &model.meetings[meeting.index()];
            let who = actors(model, &model.groups[meeting.attendees.index()].members);
            lines.push_text(format!("meeting {}: {who}", named(&meeting.id, meeting.name.as_deref())));
        }
        Payload::Move(which) => {
            let one = &model.moves[which.index()];
            let bound = bound(model, setup, one);
            lines.push_text(format!("move {} binds {bound}", named(&one.id, one.name.as_deref())));
        }
        Payload::Shock(shock) => lines.push_shock(shock),
        Payload::Opinion { .. } | Payload::Pair { .. } => {
            if let (Some(_), Some(shock)) = (entry.cause(), lines.last_shock()) {
                let count = if matches!(entry.event, Event::Stance { .. }) {
                    &mut shock.stances
                } else if matches!(entry.event, Event::Anchor { .. }) {
                    &mut shock.anchors
                } else {
                    &mut shock.trust
                };
                *count += 1;
            }
        }
        Payload::Package { meeting, size } => {
            let size = count(size as usize, "commitment");
            let meeting = &model.meetings[meeting.index()];
            let name = named(&meeting.id, meeting.name.as_deref());
            lines.push_text(if matches!(entry.event, Event::Agreed { .. }) {
                format!("agreed at {name}: a package of {size}")
            } else if matches!(entry.event, Event::Failed { .. }) {
                format!("no agreement at {name}: a package of {size} was possible and failed")
            } else {
                format!("{} at {name}: a package of {size}", entry.event.kind().name())
            });
        }
        Payload::Outcome(outcome) => {
            let outcome = &model.outcomes[outcome.index()];
            lines.push_text(format!("outcome {} is reached", named(&outcome.id, outcome.name.as_deref())));
        }
        Payload::Instance(instance) | Payload::Gift { instance, .. } => {
            if let Some(verb) = verb(model, setup, world, entry.event) {
                lines.add(model, instance, (verb, untrue), |into| {
                    parts((model, setup, world), verb, (instance, entry.event), into);
                });
            }
        }
        Payload::Nothing | Payload::Draw { .. } | Payload::Ending(_) => {}
    }
}

/// The false parts of a commitment's `while` in a state, or all of it if it cannot be split.
fn untrue(model: &Model, setup: &Setup, world: &World, instance: InstanceId) -> String {
    let Some(stay) = &model.commitment_of(instance).stay else { return String::new() };
    let reader = Some(Reader { actor: model.instances[instance.index()].debtor, instance });
    let scope = Scope { model, setup, world, evidence: &world.evidence, reader };
    let parts = untrue_parts(model, stay, &scope);
    if parts.is_empty() { condition(&stay.text) } else { listed(&parts) }
}

/// The commitments that a move binds, with amounts in the syntax of `--move`.
fn bound(model: &Model, setup: &Setup, one: &Move) -> String {
    let (plain, chosen): (Vec<&Bind>, Vec<&Bind>) = one.binds.iter().partition(|bind| bind.amounts.is_empty());
    let plain: Vec<InstanceId> = plain.into_iter().map(|bind| bind.instance).collect();
    let mut names = if plain.is_empty() { Vec::new() } else { vec![instances(model, &plain)] };
    for bind in chosen.iter().take(NAMES) {
        let name = model.name_of(bind.instance);
        let amount = |&(gift, at): &(u32, usize)| {
            let resource = model.gift(bind.instance, gift as usize).resource;
            (resource, setup.moved.get(at).copied().unwrap_or_default())
        };
        names.push(with_amounts(model, bind.instance, name, &bind.amounts.iter().map(amount).collect::<Vec<_>>()));
    }
    if chosen.len() > NAMES {
        names.push(count(chosen.len() - NAMES, "other"));
    }
    listed(&names)
}

/// The verb that an event of a commitment stands for; `None` for increments between the first and the last.
fn verb(model: &Model, setup: &Setup, world: Followed<'_>, event: Event) -> Option<Verb> {
    let instance = event.instance()?;
    Some(match event.kind().of_instance()? {
        InstanceEvent::Created => Verb::Offers,
        InstanceEvent::Cancelled => Verb::TakesBack,
        InstanceEvent::Expired => Verb::Lapses,
        InstanceEvent::Detached => Verb::IsBound,
        InstanceEvent::Raised => Verb::Raises,
        InstanceEvent::Suspended => Verb::Suspends,
        InstanceEvent::Reactivated => Verb::TakesUp,
        InstanceEvent::Withdrawn => Verb::Withdraws,
        InstanceEvent::Satisfied if model.commitment_of(instance).maintain => Verb::Ends,
        InstanceEvent::Satisfied => Verb::Keeps,
        InstanceEvent::Violated => Verb::Breaks,
        InstanceEvent::Released => Verb::IsReleased,
        InstanceEvent::Renewed => Verb::Renews,
        InstanceEvent::Delivered => {
            let Payload::Gift { gift, amount, .. } = event.payload() else { return None };
            let gift = model.gift(instance, gift as usize);
            let before = world.map_or(Amount::ZERO, |world| world.evidence.delivered_amount(gift.position));
            let whole = promised((model, setup, world), instance, gift);
            if amount == whole {
                Verb::HandsOver
            } else if before == Amount::ZERO {
                Verb::Begins
            } else if before.0 + amount.0 == whole.0 {
                Verb::Completes
            } else {
                return None;
            }
        }
    })
}

/// The promised amount of a gift; without a state that at the beginning.
fn promised((model, setup, world): (&Model, &Setup, Followed<'_>), instance: InstanceId, gift: Gift) -> Amount {
    match world {
        Some(world) => world.evidence.amount(model, setup, instance, gift),
        None if model.commitment_of(instance).level(gift.number).is_some() => Amount::ZERO,
        None => setup.gives[gift.position],
    }
}

/// Adds the amounts of an event of a commitment: the upper limits for an offer or a new bond, otherwise the current
/// amounts.
fn parts(
    (model, setup, world): (&Model, &Setup, Followed<'_>),
    verb: Verb,
    (instance, event): (InstanceId, Event),
    into: &mut Vec<VerbAmount>,
) {
    let promised = |gift: Gift| {
        if verb.names_limit() { setup.gives[gift.position] } else { promised((model, setup, world), instance, gift) }
    };
    let Payload::Gift { gift, amount, .. } = event.payload() else {
        into.extend(model.gifts(instance).map(|gift| VerbAmount::of(gift.resource, promised(gift))));
        return;
    };
    let gift = model.gift(instance, gift as usize);
    into.push(if verb == Verb::Raises {
        let from = world.map_or(Amount::ZERO, |world| world.evidence.graded(gift.position));
        VerbAmount { resource: gift.resource, amount, from, upto: setup.gives[gift.position] }
    } else {
        let whole = matches!(event, Event::Delivered { .. });
        VerbAmount::of(gift.resource, if whole { promised(gift) } else { amount })
    });
}

/// The title and the frame of a run.
#[must_use]
pub fn heading(model: &Model, seed: u64, replicate: u64) -> String {
    let mut text = format!("{}\n", escaped(&model.title));
    if !model.about.trim().is_empty() {
        let _ = writeln!(text, "{}", escaped(model.about.trim()).replace("\\u{a}", "\n"));
    }
    let steps = count(model.clock.steps as usize, "step");
    let span = match model.clock.start {
        Some(_) => format!("{} to {}, {steps}", label(model, 0), label(model, model.clock.steps.saturating_sub(1))),
        None => steps,
    };
    let commitments = count(model.instances.len(), "commitment");
    let actors = count(model.actors.len(), "actor");
    let random = if replicate == 0 { format!("seed {seed}") } else { format!("seed {seed}, replicate {replicate}") };
    let _ = writeln!(text, "{span}; {actors}, {commitments}; {random}");
    text.push('\n');
    text
}
