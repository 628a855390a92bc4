//! The timeline: one line a thing that happened, with the drift of stances left out.

use std::fmt::Write as _;

use crate::engine::{begin_step, evolve};
use crate::model::{
    ActorId, Amount, CommitmentId, Entry, Event, EventKind, Gift, InstanceId, Model, Payload, ResourceId, Setup,
    ShockId, World,
};

use super::wording::{actor, actors, amount, count, escaped, group, listed, named, plain_number};

/// Which events of a log are shown.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those of these actors, and those of no actor in particular (shocks, outcomes); none: of all.
    pub only: Option<Vec<ActorId>>,
    /// Those of these kinds; none: of all.
    pub kinds: Option<Vec<EventKind>>,
}

impl Filter {
    fn shows(&self, model: &Model, event: Event) -> bool {
        let of_kind = self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&event.kind()));
        of_kind && self.only.as_ref().is_none_or(|only| concerns(model, event, only))
    }
}

/// Whether an event is of one of these actors, or of nobody in particular.
fn concerns(model: &Model, event: Event, actors: &[ActorId]) -> bool {
    let group = |id: crate::model::GroupId| model.groups[id.index()].members.iter().any(|one| actors.contains(one));
    let deed = |instance: InstanceId| {
        let creditor = model.commitment_of(instance).creditor;
        actors.contains(&model.instances[instance.index()].debtor) || creditor.is_some_and(group)
    };
    match event.payload() {
        Payload::Opinion { actor, .. } => actors.contains(&actor),
        Payload::Pair { truster, trusted, .. } => actors.contains(&truster) || actors.contains(&trusted),
        Payload::Meeting(meeting) | Payload::Package { meeting, .. } => {
            group(model.meetings[meeting.index()].attendees)
        }
        Payload::Instance(instance) | Payload::Gift { instance, .. } => deed(instance),
        Payload::Move(which) => model.moves[which.index()].binds.iter().any(|bind| deed(bind.instance)),
        Payload::Nothing | Payload::Draw { .. } | Payload::Shock(_) | Payload::Outcome(_) | Payload::Ending(_) => true,
    }
}

/// The timeline of a log, by steps.
#[must_use]
pub fn timeline(model: &Model, setup: &Setup, log: &[Entry]) -> String {
    timeline_from(model, setup, log, 0, &Filter::default())
}

/// The timeline of what is shown of a log, from a step on.
#[must_use]
pub fn timeline_from(model: &Model, setup: &Setup, log: &[Entry], from: u32, filter: &Filter) -> String {
    let mut text = String::new();
    let mut world = World::new(model, setup);
    for step in log.chunk_by(|a, b| a.step == b.step) {
        begin_step(&mut world, step[0].step);
        let lines = step_lines(model, setup, &mut world, step, filter);
        if world.step < from {
            continue;
        }
        let label = label(model, world.step);
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
    match entry.event {
        Event::Started => "the run begins".into(),
        Event::Drawn { draw, value } => format!("{} is drawn: {}", model.draws[draw.index()], plain_number(value)),
        Event::Stance { actor, issue, value } => stance(actor, issue, "stance", value),
        Event::Anchor { actor, issue, value } => stance(actor, issue, "anchor", value),
        Event::Trust { truster, trusted, value } => {
            format!(
                "the trust of {} in {} is now {}",
                actor(model, truster),
                actor(model, trusted),
                plain_number(value)
            )
        }
        Event::Ended(ending) => format!("the run ends: {}", crate::trace::ending_name(model, ending)),
        Event::Delivered { instance, gift, amount: part } => {
            let own = &model.instances[instance.index()];
            let gift = model.gift(instance, gift as usize);
            let what = amount(model, gift.resource, part);
            let declared = &model.commitments[own.commitment.index()].id;
            format!("{} hands over {what} [{declared}]", actor(model, own.debtor))
        }
        Event::Created(_)
        | Event::Cancelled(_)
        | Event::Expired(_)
        | Event::Detached(_)
        | Event::Suspended(_)
        | Event::Reactivated(_)
        | Event::Satisfied(_)
        | Event::Violated(_)
        | Event::Released(_)
        | Event::Renewed(_)
        | Event::Met(_)
        | Event::Shock(_)
        | Event::Moved(_)
        | Event::Withdrawn { .. }
        | Event::Agreed { .. }
        | Event::Failed { .. }
        | Event::Raised { .. }
        | Event::Reached(_) => {
            let mut lines = Vec::new();
            add(model, setup, &World::new(model, setup), entry, &mut lines);
            lines.first().map(|line| written(model, setup, line)).unwrap_or_default()
        }
    }
}

/// The date of a step, or its number where the scenario has no dates.
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

/// What becomes one line: things of one kind that happen in one step to instances of one commitment.
enum Line {
    Said(String),
    Deed { kind: Deed, commitment: CommitmentId, instances: Vec<InstanceId>, amounts: Vec<(ResourceId, Amount)> },
    Shock { shock: ShockId, stances: usize, anchors: usize, trust: usize },
    Raises { commitment: CommitmentId, resource: ResourceId, ones: Vec<Raise> },
}

/// A graded amount that rises, in one or several steps.
struct Raise {
    instance: InstanceId,
    from: Amount,
    to: Amount,
    upto: Amount,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Offers,
    TakesBack,
    Lapses,
    IsBound,
    Suspends,
    TakesUp,
    Begins,
    Completes,
    HandsOver,
    Withdraws,
    Keeps,
    Ends,
    Breaks,
    IsReleased,
    Renews,
}

fn step_lines(model: &Model, setup: &Setup, world: &mut World, entries: &[Entry], filter: &Filter) -> Vec<String> {
    let mut lines: Vec<Line> = Vec::new();
    for entry in entries {
        // What a shock moves is a part of the shock's own line.
        let is_part =
            entry.cause.is_some() && matches!(entry.event.payload(), Payload::Opinion { .. } | Payload::Pair { .. });
        if is_part && matches!(lines.last(), Some(Line::Shock { .. })) || filter.shows(model, entry.event) {
            add(model, setup, world, entry, &mut lines);
        }
        evolve(model, setup, world, entry.event);
    }
    lines.iter().map(|line| written(model, setup, line)).collect()
}

fn add(model: &Model, setup: &Setup, world: &World, entry: &Entry, lines: &mut Vec<Line>) {
    match entry.event {
        Event::Met(meeting) => {
            let meeting = &model.meetings[meeting.index()];
            let who = actors(model, &model.groups[meeting.attendees.index()].members);
            lines.push(Line::Said(format!("meeting {}: {who}", named(&meeting.id, meeting.name.as_deref()))));
        }
        Event::Moved(which) => {
            let one = &model.moves[which.index()];
            lines.push(Line::Said(format!("move {}", named(&one.id, one.name.as_deref()))));
        }
        Event::Shock(shock) => lines.push(Line::Shock { shock, stances: 0, anchors: 0, trust: 0 }),
        Event::Stance { .. } | Event::Anchor { .. } | Event::Trust { .. } => {
            if let (Some(_), Some(Line::Shock { stances, anchors, trust, .. })) = (entry.cause, lines.last_mut()) {
                let count = if matches!(entry.event, Event::Stance { .. }) {
                    stances
                } else if matches!(entry.event, Event::Anchor { .. }) {
                    anchors
                } else {
                    trust
                };
                *count += 1;
            }
        }
        Event::Agreed { meeting, size } => {
            let size = count(size as usize, "commitment");
            lines.push(Line::Said(format!("agreed at {}: a package of {size}", model.meetings[meeting.index()].id)));
        }
        Event::Failed { meeting, size } => {
            let size = count(size as usize, "commitment");
            let meeting = &model.meetings[meeting.index()].id;
            lines.push(Line::Said(format!("no agreement at {meeting}: a package of {size} was possible and failed")));
        }
        Event::Reached(outcome) => {
            let outcome = &model.outcomes[outcome.index()];
            lines.push(Line::Said(format!("outcome {} is reached", named(&outcome.id, outcome.name.as_deref()))));
        }
        Event::Started | Event::Drawn { .. } | Event::Ended(_) => {}
        Event::Raised { instance, gift, amount } => {
            let gift = model.gift(instance, gift as usize);
            let (from, upto) = (world.evidence.graded(gift.position), setup.gives[gift.position]);
            let commitment = model.instances[instance.index()].commitment;
            add_raise((commitment, gift.resource), Raise { instance, from, to: amount, upto }, lines);
        }
        Event::Created(_)
        | Event::Cancelled(_)
        | Event::Expired(_)
        | Event::Detached(_)
        | Event::Suspended(_)
        | Event::Reactivated(_)
        | Event::Satisfied(_)
        | Event::Violated(_)
        | Event::Released(_)
        | Event::Renewed(_)
        | Event::Delivered { .. }
        | Event::Withdrawn { .. } => {
            if let (Some(deed), Some(instance)) = (deed(model, setup, world, entry.event), entry.event.instance()) {
                add_deed((model, setup, world), deed, instance, entry.event, lines);
            }
        }
    }
}

/// What an event of a commitment is called; increments between the first and the last are left out.
fn deed(model: &Model, setup: &Setup, world: &World, event: Event) -> Option<Deed> {
    Some(match event {
        Event::Created(_) => Deed::Offers,
        Event::Cancelled(_) => Deed::TakesBack,
        Event::Expired(_) => Deed::Lapses,
        Event::Detached(_) => Deed::IsBound,
        Event::Suspended(_) => Deed::Suspends,
        Event::Reactivated(_) => Deed::TakesUp,
        Event::Withdrawn { .. } => Deed::Withdraws,
        Event::Satisfied(instance) if model.commitment_of(instance).maintain => Deed::Ends,
        Event::Satisfied(_) => Deed::Keeps,
        Event::Violated(_) => Deed::Breaks,
        Event::Released(_) => Deed::IsReleased,
        Event::Renewed(_) => Deed::Renews,
        Event::Delivered { instance, gift, amount } => {
            let position = model.gift(instance, gift as usize).position;
            let before = world.evidence.handed_over(position);
            let gift = model.gift(instance, gift as usize);
            let whole = world.evidence.amount(model, setup, instance, gift);
            if amount == whole {
                Deed::HandsOver
            } else if before == Amount::ZERO {
                Deed::Begins
            } else if before.0 + amount.0 == whole.0 {
                Deed::Completes
            } else {
                return None;
            }
        }
        Event::Started
        | Event::Drawn { .. }
        | Event::Met(_)
        | Event::Shock(_)
        | Event::Moved(_)
        | Event::Stance { .. }
        | Event::Anchor { .. }
        | Event::Trust { .. }
        | Event::Agreed { .. }
        | Event::Failed { .. }
        | Event::Raised { .. }
        | Event::Reached(_)
        | Event::Ended(_) => return None,
    })
}

/// Several steps of one amount, and the amounts of one commitment, are one line.
fn add_raise((commitment, resource): (CommitmentId, ResourceId), raise: Raise, lines: &mut Vec<Line>) {
    let same = lines.iter_mut().find_map(|line| match line {
        Line::Raises { commitment: of, resource: what, ones } if (*of, *what) == (commitment, resource) => Some(ones),
        _ => None,
    });
    match same {
        None => lines.push(Line::Raises { commitment, resource, ones: vec![raise] }),
        Some(ones) => match ones.iter_mut().find(|one| one.instance == raise.instance) {
            Some(one) => one.to = raise.to,
            None => ones.push(raise),
        },
    }
}

fn written_raises(model: &Model, commitment: CommitmentId, resource: ResourceId, ones: &[Raise]) -> String {
    let declared = &model.commitments[commitment.index()].id;
    let debtors: Vec<ActorId> = ones.iter().map(|one| model.instances[one.instance.index()].debtor).collect();
    let sum = |part: fn(&Raise) -> Amount| Amount(ones.iter().map(|one| part(one).0).sum());
    let (from, to, upto) = (sum(|one| one.from), sum(|one| one.to), sum(|one| one.upto));
    let from = plain_number(from.to_units());
    let (to, upto) = (plain_number(to.to_units()), amount(model, resource, upto));
    match debtors.as_slice() {
        [one] => format!("{} raises its promise from {from} to {to} of {upto} [{declared}]", actor(model, *one)),
        all => {
            let who = actors(model, all);
            format!("{who} raise their promises from {from} to {to} of {upto} in all [{declared}]")
        }
    }
}

fn add_deed(
    (model, setup, world): (&Model, &Setup, &World),
    deed: Deed,
    instance: InstanceId,
    event: Event,
    lines: &mut Vec<Line>,
) {
    let commitment = model.instances[instance.index()].commitment;
    // Of an offer and of a new bond the most that it can be, then what a graded amount has come to.
    let is_open = matches!(deed, Deed::Offers | Deed::TakesBack | Deed::Lapses | Deed::IsBound);
    let promised = |gift: Gift| {
        if is_open { setup.gives[gift.position] } else { world.evidence.amount(model, setup, instance, gift) }
    };
    let moved: Vec<(ResourceId, Amount)> = if let Payload::Gift { gift, amount, .. } = event.payload() {
        let gift = model.gift(instance, gift as usize);
        let whole = matches!(event, Event::Delivered { .. });
        vec![(gift.resource, if whole { promised(gift) } else { amount })]
    } else {
        model.gifts(instance).map(|gift| (gift.resource, promised(gift))).collect()
    };
    let same = lines.iter_mut().find_map(|line| match line {
        Line::Deed { kind, commitment: of, instances, amounts } if *kind == deed && *of == commitment => {
            Some((instances, amounts))
        }
        _ => None,
    });
    let Some((instances, amounts)) = same else {
        lines.push(Line::Deed { kind: deed, commitment, instances: vec![instance], amounts: moved });
        return;
    };
    if instances.last() != Some(&instance) {
        instances.push(instance);
    }
    for (resource, amount) in moved {
        match amounts.iter_mut().find(|(of, _)| *of == resource) {
            Some((_, sum)) => sum.0 += amount.0,
            None => amounts.push((resource, amount)),
        }
    }
}

fn written(model: &Model, setup: &Setup, line: &Line) -> String {
    match line {
        Line::Said(text) => text.clone(),
        Line::Shock { shock, stances, anchors, trust } => {
            let mut parts = Vec::new();
            for (number, noun) in [(stances, "stance"), (anchors, "anchor"), (trust, "trust")] {
                if *number > 0 {
                    let plural = if noun == "trust" { "pair's trust" } else { noun };
                    parts.push(if noun == "trust" && *number > 1 {
                        format!("the trust of {number} pairs")
                    } else {
                        count(*number, plural)
                    });
                }
            }
            let shock = &model.shocks[shock.index()];
            let shock = named(&shock.id, shock.name.as_deref());
            let moves = if parts.is_empty() { String::new() } else { format!(": it moves {}", listed(&parts)) };
            format!("shock {shock}{moves}")
        }
        Line::Raises { commitment, resource, ones } => written_raises(model, *commitment, *resource, ones),
        Line::Deed { kind, commitment, instances, amounts } => {
            written_deed(model, setup, *kind, *commitment, instances, amounts)
        }
    }
}

fn written_deed(
    model: &Model,
    setup: &Setup,
    kind: Deed,
    commitment: CommitmentId,
    instances: &[InstanceId],
    amounts: &[(ResourceId, Amount)],
) -> String {
    let declared = &model.commitments[commitment.index()];
    let debtors: Vec<ActorId> = instances.iter().map(|i| model.instances[i.index()].debtor).collect();
    let many = debtors.len() > 1;
    let who = if many { actors(model, &debtors) } else { actor(model, debtors[0]) };
    // Of several amounts those that are nothing are not told; where all are nothing, that is.
    let all_nothing = amounts.iter().all(|&(_, amount)| amount == Amount::ZERO);
    let told = amounts.iter().filter(|&&(_, amount)| all_nothing || amount != Amount::ZERO);
    let what = listed(&told.map(|&(r, a)| amount(model, r, a)).collect::<Vec<_>>());
    let what = if many { format!("{what} in all") } else { what };
    let is_open = matches!(kind, Deed::Offers | Deed::TakesBack | Deed::Lapses | Deed::IsBound);
    let what = if declared.is_graded() && is_open { format!("up to {what}") } else { what };
    let to = declared.creditor.map(|creditor| group(model, creditor));
    let to_whom = to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
    let verb = |one: &str, more: &str| if many { more.to_owned() } else { one.to_owned() };
    let parts = instances.iter().map(|i| setup.over[i.index()]).max().unwrap_or(1);
    let sentence = match kind {
        Deed::Offers => {
            let condition = declared.when.as_ref().map(|when| format!(", if {}", condition(&when.text)));
            format!("{who} {} {what}{to_whom}{}", verb("offers", "offer"), condition.unwrap_or_default())
        }
        Deed::TakesBack => format!("{who} {} back the offer of {what}", verb("takes", "take")),
        Deed::Lapses => format!("the offer of {what} by {who} lapses"),
        Deed::IsBound => format!("{who} {} bound to give {what}{to_whom}", verb("is", "are")),
        Deed::Suspends => {
            let condition = declared.stay.as_ref().map(|stay| format!(", no longer true: {}", condition(&stay.text)));
            format!("{who} {} {what}{}", verb("suspends", "suspend"), condition.unwrap_or_default())
        }
        Deed::TakesUp => format!("{who} {} up {what} again", verb("takes", "take")),
        Deed::Begins => format!("{who} {} to hand over {what}, in {parts} parts", verb("begins", "begin")),
        Deed::Completes | Deed::HandsOver if declared.maintain => {
            format!("{who} now {} up {what}, all that was promised", verb("keeps", "keep"))
        }
        Deed::Completes => format!("{who} {} over the last of {what}", verb("hands", "hand")),
        Deed::HandsOver => format!("{who} {} over {what}{to_whom}", verb("hands", "hand")),
        Deed::Withdraws => format!("{who} no longer {} up {what}", verb("keeps", "keep")),
        Deed::Keeps => format!("{who} {} kept the promise of {what}", verb("has", "have")),
        Deed::Ends => format!("{who} {} done with {what}, as agreed", verb("is", "are")),
        Deed::Breaks => format!("{who} {} the promise of {what}", verb("breaks", "break")),
        Deed::Renews => format!("{who} {} a new round of {what}", verb("begins", "begin")),
        Deed::IsReleased => {
            let by = to.map(|to| format!(" by {to}")).unwrap_or_default();
            format!("{who} {} released from {what}{by}", verb("is", "are"))
        }
    };
    format!("{sentence} [{}]", declared.id)
}

/// A condition's text on one line.
#[must_use]
pub fn condition(text: &str) -> String {
    escaped(&text.split_whitespace().collect::<Vec<_>>().join(" "))
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
    let luck = if replicate == 0 { format!("seed {seed}") } else { format!("seed {seed}, replicate {replicate}") };
    let _ = writeln!(text, "{span}; {actors}, {commitments}; {luck}");
    text.push('\n');
    text
}
