//! Explains why something happened or did not: the chain of causes of an event, back to its root.

use std::fmt::Write as _;

use super::ending::{values, when};
use super::explained::lacks;
use super::timeline::{label, sentence};
use super::wording::Unknown;
use super::wording::{condition, listed, plain_number};
use crate::analysis::{self, Situation};
use crate::engine::View;
use crate::model::{
    ActorId, Amount, Clause, CommitmentId, Entry, Event, Expression, InstanceId, Model, OutcomeId, Payload, Reader,
    Scope, Seq, State, Values as _,
};
use crate::store::Verified;
use crate::table::{Cell, ChainColumn, Csv, Declared as _, Sink as _, fixed_columns};
use crate::text::{quoted, suggestion};
use crate::trace::States;

/// Describes what led to an event, given by its `seq` or by a name: what bound a commitment, what reached an outcome or
/// stood in its way, or what an actor did.
///
/// # Errors
/// [`Unknown`] if there is no such event or name.
pub fn why(verified: &Verified, name: &str) -> Result<String, Unknown> {
    Ok(match find(verified, name)? {
        Subject::Event(seq) => tree(verified, seq),
        Subject::Bound(instance, seq) => tree(verified, seq) + &since(verified, instance),
        Subject::Unbound(instance) => never_bound(verified, instance),
        Subject::Instances(commitment) => instances(verified, commitment),
        Subject::Actor(actor) => promises_of(verified, actor),
        Subject::Unreached(outcome) => never_reached(verified, outcome),
        Subject::NeverOccurred(what) => format!("{what} never occurred in the run\n"),
    })
}

/// The chain as CSV: each event and its cause. Only the header if there is no event.
///
/// # Errors
/// As [`why`].
///
/// # Panics
/// Never: memory takes every row.
pub fn chain_csv(verified: &Verified, name: &str) -> Result<Vec<u8>, Unknown> {
    let found = match find(verified, name)? {
        Subject::Event(seq) | Subject::Bound(_, seq) => chain(&verified.fold.log, seq),
        Subject::Unbound(_)
        | Subject::Instances(_)
        | Subject::Actor(_)
        | Subject::Unreached(_)
        | Subject::NeverOccurred(_) => Vec::new(),
    };
    let rows = |sink: &mut Csv<'_>| {
        found.iter().try_for_each(|&seq| {
            sink.row(ChainColumn::ALL.iter().map(|column| match column {
                ChainColumn::Event => Cell::Whole(seq.into()),
                ChainColumn::Cause => Cell::whole(verified.fold.log[seq as usize].cause()),
            }))
        })
    };
    Ok(Csv::table(&fixed_columns::<ChainColumn>(), rows).expect("memory takes every row"))
}

/// The subject of a question.
enum Subject {
    Event(Seq),
    /// A commitment, and the event that bound it last.
    Bound(InstanceId, Seq),
    /// A commitment that was never bound.
    Unbound(InstanceId),
    /// A commitment of several debtors.
    Instances(CommitmentId),
    /// An actor.
    Actor(ActorId),
    /// An outcome that was never reached.
    Unreached(OutcomeId),
    /// A meeting or shock without an event.
    NeverOccurred(String),
}

fn find(verified: &Verified, name: &str) -> Result<Subject, Unknown> {
    let log = &verified.fold.log;
    let model = verified.course.first();
    if let Ok(seq) = name.parse::<Seq>() {
        if (seq as usize) < log.len() {
            return Ok(Subject::Event(seq));
        }
        let help = format!("the last event of the log is {}", log.len() - 1);
        return Err(Unknown::new(format!("the log has no event {seq}"), help));
    }
    if let Some(instance) = model.instance_ids().find(|at| model.name_of(*at) == name) {
        let bound = latest(log, |event| event == Event::Detached(instance));
        return Ok(bound.map_or(Subject::Unbound(instance), |seq| Subject::Bound(instance, seq)));
    }
    if let Some(at) = model.commitments.iter().position(|commitment| commitment.id == name) {
        return Ok(Subject::Instances(CommitmentId::at(at)));
    }
    if let Some(at) = model.outcomes.iter().position(|outcome| outcome.id == name) {
        let outcome = OutcomeId::at(at);
        return Ok(
            latest(log, |event| event == Event::Reached(outcome)).map_or(Subject::Unreached(outcome), Subject::Event)
        );
    }
    if let Some(at) = model.actors.iter().position(|actor| actor.id == name) {
        return Ok(Subject::Actor(ActorId::at(at)));
    }
    let happened = |event: Event| {
        if let Event::Met(meeting) = event {
            model.meetings[meeting.index()].id == name
        } else if let Event::Shock(shock) = event {
            model.shocks[shock.index()].id == name
        } else if let Event::Moved(which) = event {
            model.moves[which.index()].id == name
        } else {
            false
        }
    };
    let happenings = || {
        model
            .meetings
            .iter()
            .map(|m| &*m.id)
            .chain(model.shocks.iter().map(|s| &*s.id))
            .chain(model.moves.iter().map(|m| &*m.id))
    };
    if happenings().any(|id| id == name) {
        return Ok(latest(log, happened).map_or(Subject::NeverOccurred(name.to_owned()), Subject::Event));
    }
    let names = model.instance_names.iter();
    let names = names.chain(model.commitments.iter().map(|commitment| commitment.id.as_str()));
    let names = names.chain(model.actors.iter().map(|actor| actor.id));
    let outcomes = model.outcomes.iter().map(|outcome| outcome.id.as_str());
    let help = match suggestion(name, names.chain(outcomes).chain(happenings())) {
        Some(suggestion) => format!("{suggestion} The `seq` of an event will do too"),
        None => {
            "give the name of a commitment, an actor, an outcome, a meeting or a shock, or the `seq` of an event".into()
        }
    };
    Err(Unknown::new(format!("there is nothing called {}", quoted(name)), help))
}

/// The latest event of a kind.
fn latest(log: &[Entry], is_one: impl Fn(Event) -> bool) -> Option<Seq> {
    log.iter().rposition(|entry| is_one(entry.event)).and_then(|at| Seq::try_from(at).ok())
}

/// The event and its causes, the latest first.
fn chain(log: &[Entry], seq: Seq) -> Vec<Seq> {
    std::iter::successors(Some(seq), |&seq| log[seq as usize].cause()).collect()
}

/// The deepest indentation of a chain of causes; further causes are not indented more.
const DEEPEST: usize = 20;

fn tree(verified: &Verified, seq: Seq) -> String {
    let Verified { course, fold, .. } = verified;
    let model = course.first();
    let chain = chain(&fold.log, seq);
    let mut reasons = reasons(verified, &chain);
    let mut text = String::new();
    for (depth, seq) in chain.into_iter().enumerate() {
        let entry = &fold.log[seq as usize];
        let indent = "  ".repeat(depth.min(DEEPEST));
        let said = sentence(model, fold.setup_at(entry.step), entry);
        let _ = writeln!(text, "{indent}{}  {said} (event {seq})", label(model, entry.step));
        let (because, changed) = reasons.pop().unwrap_or_default();
        let _ = writeln!(text, "{indent}  {because}");
        for line in changed {
            let _ = writeln!(text, "{indent}    {line}");
        }
    }
    text
}

/// Of each event of a chain, the latest last, the text between it and its cause, and the comparisons that turned.
fn reasons(verified: &Verified, chain: &[Seq]) -> Vec<(String, Vec<String>)> {
    let model = verified.course.first();
    let log = &verified.fold.log;
    // The chain may be as long as the log, so the states of the run are passed through once, forwards: before a cause,
    // after it, and after amounts have settled.
    let states = || States::new(verified.course.legs(), &verified.fold);
    let (mut before, mut after, mut settled) = (None, None, None);
    let reason = |&seq: &Seq| {
        let entry = &log[seq as usize];
        let is_raised = matches!(entry.event, Event::Raised { .. });
        let level = if is_raised { level(verified, settled.get_or_insert_with(states), seq) } else { None };
        let because = level.unwrap_or_else(|| because(model, log, entry));
        let cause = entry.cause().filter(|_| is_caused_by_condition(model, entry, log));
        let changed = cause.map(|cause| {
            let before = before.get_or_insert_with(states).before(cause as usize);
            changed_by(before, after.get_or_insert_with(states).after(cause as usize), entry.event)
        });
        (because, changed.unwrap_or_default())
    };
    chain.iter().rev().map(reason).collect()
}

/// The text between an event and its cause, which is printed next.
fn because(model: &Model, log: &[Entry], entry: &Entry) -> String {
    if entry.cause().is_none() {
        return root(entry);
    }
    if !is_caused_by_condition(model, entry, log) {
        return "because of:".into();
    }
    if let (Some(instance), Some((clause, holds))) = (entry.event.instance(), entry.event.kind().clause())
        && let Some(written) = model.commitment_of(instance).clause(clause)
    {
        let what = if clause == Clause::When { "condition".into() } else { format!("`{}`", clause.key()) };
        let turned = match (clause, holds) {
            (_, false) => "no longer held",
            (Clause::While, true) => "held again",
            (_, true) => "came to hold",
        };
        return format!("because its {what} {turned}, {}, after:", condition(&written.text));
    }
    if let Event::Reached(outcome) = entry.event {
        let when = &model.outcomes[outcome.index()].when;
        return format!("because its condition came to hold, {}, after:", condition(&when.text));
    }
    "because of:".into()
}

/// Whether a condition or an `as` caused an event, rather than a package, a move or a renewal.
fn is_caused_by_condition(model: &Model, entry: &Entry, log: &[Entry]) -> bool {
    let Some(cause) = entry.cause().map(|cause| &log[cause as usize]) else { return true };
    match (cause.event, entry.event.instance()) {
        (Event::Agreed { .. }, _) => false,
        (Event::Moved(which), Some(instance)) => {
            let is_bound = model.moves[which.index()].binds.iter().any(|bind| bind.instance == instance);
            cause.step != entry.step || !is_bound
        }
        (Event::Renewed(of), Some(instance)) => of != instance || !matches!(entry.event, Event::Created(_)),
        _ => true,
    }
}

/// The value to which the `as` of a settled amount came, with the values that it read.
fn level(verified: &Verified, states: &mut States<'_>, seq: Seq) -> Option<String> {
    let log = &verified.fold.log;
    let entry = &log[seq as usize];
    let Event::Raised { instance, gift, .. } = entry.event else { return None };
    if !is_caused_by_condition(verified.course.first(), entry, log) {
        return None;
    }
    // The amounts of a round are settled when all of them have risen.
    let settled = log[seq as usize..].iter().take_while(|one| matches!(one.event, Event::Raised { .. })).count();
    let (model, setup, world) = states.after(seq as usize + settled - 1);
    let gift = model.gift(instance, gift as usize);
    let expression = model.commitment_of(instance).level(gift.number)?;
    let reader = Some(Reader { actor: model.instances[instance.index()].debtor, instance });
    let scope = Scope { model, setup, world, evidence: &world.evidence, reader };
    let value = expression.number(&scope).ok()?;
    let reads = expression.reads().into_iter().map(|quantity| {
        format!("{} at {}", analysis::wording::quantity_text(model, quantity), plain_number(scope.read(quantity)))
    });
    let with = listed(&reads.collect::<Vec<_>>());
    let with = if with.is_empty() { with } else { format!(" with {with}") };
    let beyond = if value > setup.gives[gift.position].to_units() { ", which is beyond its limit" } else { "" };
    let by = setup.by[gift.position];
    let steps = if by > Amount(1) && beyond.is_empty() {
        format!(", given in steps of {}", plain_number(by.to_units()))
    } else {
        String::new()
    };
    let after = if entry.cause().is_some() { ", after:" } else { "" };
    let (text, value) = (condition(&expression.text), plain_number(value));
    Some(format!("because its `as`, {text}, came to {value}{with}{beyond}{steps}{after}"))
}

/// The comparisons of an event's condition whose truth its cause changed, with their values before and after.
fn changed_by(before: Situation<'_>, after: Situation<'_>, event: Event) -> Vec<String> {
    let changed = analysis::changed_comparisons(before, after, event);
    let lines = changed.iter().map(|changed| {
        let values = |(left, right): (f64, f64)| format!("{} against {}", plain_number(left), plain_number(right));
        let (before, after) = (values(changed.first), values(changed.second));
        let holds = if changed.holds_in_second { "came to hold" } else { "no longer held" };
        format!("{} {holds}: {before} before, {after} after", changed.text)
    });
    lines.collect()
}

/// How the comparisons on which a condition fails moved over the run.
fn in_the_way(verified: &Verified, expression: &Expression, reader: Option<Reader>) -> String {
    let mut states = States::new(verified.course.legs(), &verified.fold);
    let stood = analysis::failing_comparison_histories(&mut states, expression, reader);
    let (model, _) = verified.course.last();
    let mut text = String::new();
    for one in &stood {
        let (nearest, (left, right)) = one.nearest;
        let _ = writeln!(
            text,
            "  {}: from {} to {} over the run, {} against {} at the end, nearest {} with {} against {}",
            one.text,
            plain_number(one.range.0),
            plain_number(one.range.1),
            plain_number(one.last.0),
            plain_number(one.last.1),
            when(model, nearest),
            plain_number(left),
            plain_number(right),
        );
        if let Some(seq) = one.moved_by {
            let entry = &verified.fold.log[seq as usize];
            let said = sentence(model, verified.fold.setup_at(entry.step), entry);
            let _ = writeln!(text, "    last moved {} (event {seq}): {said}", when(model, entry.step));
        }
    }
    if text.is_empty() { text } else { format!("What stood in the way, over the run:\n{text}") }
}

/// The reason why an event has no cause in the run.
fn root(entry: &Entry) -> String {
    let why = match entry.event.payload() {
        Payload::Meeting(_) => "it is in the calendar",
        Payload::Shock(_) | Payload::Move(_) => "it comes from outside the model",
        Payload::Opinion { .. } => "stances drift by influence, anchors and noise",
        Payload::Instance(_) if matches!(entry.event, Event::Created(_)) => {
            "no event had to come first: the offer holds from the initial state on"
        }
        Payload::Ending(_) => "no outcome held at the end",
        Payload::Nothing | Payload::Draw { .. } => "every run begins with it",
        Payload::Pair { .. }
        | Payload::Instance(_)
        | Payload::Gift { .. }
        | Payload::Package { .. }
        | Payload::Outcome(_) => "no event had to come first; the time or the initial state was enough",
    };
    format!("a root: {why}")
}

/// The later history of a commitment that was bound and is bound no more.
fn since(verified: &Verified, instance: InstanceId) -> String {
    let Verified { course, fold, .. } = verified;
    let state = fold.world.instance(instance).state;
    if state == State::Detached {
        return String::new();
    }
    let (model, _) = course.last();
    let name = model.name_of(instance);
    let last = fold.log.iter().rposition(|entry| entry.event.instance() == Some(instance)).unwrap_or(0);
    let seen = when(model, fold.log[last].step);
    format!("\nAt the end {name} is {}; the last that happened to it was {seen} (event {last}).\n", state.name())
}

fn never_bound(verified: &Verified, instance: InstanceId) -> String {
    let Verified { course, fold, .. } = verified;
    let (model, plan) = course.last();
    let name = model.name_of(instance);
    let own = fold.world.instance(instance);
    let declared = model.commitment_of(instance);
    let reader = Some(Reader { actor: model.instances[instance.index()].debtor, instance });
    let mut text = format!("{name} was never bound; at the end it is {}\n", own.state.name());
    if own.state == State::Conditional {
        text += &lacks(View { model, plan, setup: &fold.setup, world: &fold.world }, instance);
        if let Some(when) = &declared.when {
            text += &in_the_way(verified, when, reader);
        }
    } else if own.state == State::Null
        && let Some(offer) = &declared.offer
    {
        let _ = writeln!(text, "  it is not on the table: its `offer`, {}, does not hold", condition(&offer.text));
        text += &in_the_way(verified, offer, reader);
    }
    let last = fold.log.iter().rposition(|entry| entry.event.instance() == Some(instance));
    if let Some(seq) = last.and_then(|at| Seq::try_from(at).ok()) {
        text += "\nThe last that happened to it:\n";
        text += &tree(verified, seq);
    }
    text
}

/// The history of each instance of a commitment with several debtors.
fn instances(verified: &Verified, commitment: CommitmentId) -> String {
    let (model, _) = verified.course.last();
    became(verified, model.instances_of(commitment).map(InstanceId::at))
}

/// The promises of an actor with their states.
fn promises_of(verified: &Verified, actor: ActorId) -> String {
    let (model, _) = verified.course.last();
    let own: Vec<InstanceId> =
        model.instance_ids().filter(|instance| model.instances[instance.index()].debtor == actor).collect();
    if own.is_empty() {
        return format!("{} promises nothing in this scenario\n", model.actors.id(actor));
    }
    became(verified, own.into_iter())
}

/// The histories of these commitments.
fn became(verified: &Verified, all: impl Iterator<Item = InstanceId>) -> String {
    let Verified { course, fold, .. } = verified;
    let (model, _) = course.last();
    let mut text = String::new();
    let mut bound: Vec<Option<Seq>> = vec![None; model.instances.len()];
    for (seq, entry) in (0..).zip(&fold.log) {
        if let Event::Detached(instance) = entry.event {
            bound[instance.index()] = Some(seq);
        }
    }
    let mut first = None;
    for instance in all {
        let name = model.name_of(instance);
        let state = fold.world.instance(instance).state.name();
        let _ = match bound[instance.index()] {
            Some(seq) => {
                let when = when(model, fold.log[seq as usize].step);
                writeln!(text, "{name}: bound {when} (event {seq}), at the end {state}")
            }
            None => writeln!(text, "{name}: never bound, at the end {state}"),
        };
        first.get_or_insert(name);
    }
    if let Some(name) = first {
        let _ = writeln!(text, "\n`why` with one of these names, such as {name}, says more.");
    }
    text
}

fn never_reached(verified: &Verified, outcome: OutcomeId) -> String {
    let Verified { course, fold, .. } = verified;
    let (model, _) = course.last();
    let declared = &model.outcomes[outcome.index()];
    let values = values(model, &fold.setup, &fold.world, outcome);
    let mut text = format!("{} was never reached: {}\n", declared.id, condition(&declared.when.text));
    if !values.is_empty() {
        let _ = writeln!(text, "  at the end {values}");
    }
    text + &in_the_way(verified, &declared.when, None)
}
