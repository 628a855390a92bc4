//! The wire format of events: rows of `events.csv`, written and read, and numbers as the shortest
//! decimal that reads back to the same bits.

use std::cell::{self, OnceCell};
use std::collections::BTreeMap;

use crate::model::{
    ActorId, Amount, DrawId, Ending, Event, EventKind, InstanceId, IssueId, MeetingId, Model, MoveId, OutcomeId,
    Payload, PayloadKind, ShockId, TextIndex,
};
use crate::scenario::SetValue;
use crate::table::Cell;
use crate::text::quoted;

/// The cells of a row that follow from the event alone: all except run, seq, step, date and cause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cells<'a> {
    /// The kind of event.
    pub event: &'a str,
    /// The debtor, the actor that changes, or the truster.
    pub actor: &'a str,
    /// The creditor or the trusted actor.
    pub counterpart: &'a str,
    /// The commitment, meeting, shock, outcome or drawn path.
    pub subject: &'a str,
    /// The issue of a stance or an anchor.
    pub issue: &'a str,
    /// The resource of an increment or a withdrawal.
    pub resource: &'a str,
    /// The new stance, anchor or trust, the drawn value, the amount, or the size of a package.
    pub value: Option<f64>,
}

impl Cells<'_> {
    /// The text of the value; empty if there is none.
    #[must_use]
    pub fn value_text(&self) -> String {
        self.value.map(number).unwrap_or_default()
    }
}

/// The reason why a row is not a valid event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError(pub String);

/// Converts between names and ids of one model.
#[derive(Debug)]
pub struct Namer<'a> {
    model: &'a Model,
    /// The actors; made when the first is looked for, since most events name a commitment.
    actors: OnceCell<TextIndex>,
    issues: BTreeMap<&'a str, IssueId>,
    instances: TextIndex,
    /// The instance that was found last.
    latest: cell::Cell<usize>,
    meetings: BTreeMap<&'a str, MeetingId>,
    shocks: BTreeMap<&'a str, ShockId>,
    moves: BTreeMap<&'a str, MoveId>,
    outcomes: BTreeMap<&'a str, OutcomeId>,
    draws: BTreeMap<&'a str, DrawId>,
}

impl<'a> Namer<'a> {
    /// Builds the maps for a model.
    #[must_use]
    pub fn new(model: &'a Model) -> Self {
        Self {
            model,
            actors: OnceCell::new(),
            issues: model.issues.iter().enumerate().map(|(at, i)| (i.as_str(), IssueId::at(at))).collect(),
            instances: TextIndex::of(&model.instance_names),
            latest: cell::Cell::new(0),
            meetings: model.meetings.iter().enumerate().map(|(at, m)| (m.id.as_str(), MeetingId::at(at))).collect(),
            moves: model.moves.iter().enumerate().map(|(at, m)| (m.id.as_str(), MoveId::at(at))).collect(),
            shocks: model.shocks.iter().enumerate().map(|(at, s)| (s.id.as_str(), ShockId::at(at))).collect(),
            outcomes: model.outcomes.iter().enumerate().map(|(at, o)| (o.id.as_str(), OutcomeId::at(at))).collect(),
            draws: model.draws.iter().enumerate().map(|(at, d)| (d.as_str(), DrawId::at(at))).collect(),
        }
    }

    /// The model that the names belong to.
    #[must_use]
    pub fn model(&self) -> &'a Model {
        self.model
    }

    /// The event that cells describe, with its value as text. Cells that the event does not determine are not checked
    /// here; comparing with [`cells`] of the result checks them all.
    ///
    /// # Errors
    /// A [`RecordError`] if the kind, a name or a value is unknown.
    ///
    /// # Panics
    /// Never: the payload is read in the form that the kind requires.
    pub fn event(&self, cells: &Cells<'_>, value: &str) -> Result<Event, RecordError> {
        let Some(kind) = EventKind::named(cells.event) else {
            return Err(RecordError(format!("there is no event {}", quoted(cells.event))));
        };
        let payload = match kind.payload_kind() {
            PayloadKind::Nothing => Payload::Nothing,
            PayloadKind::Draw => {
                Payload::Draw { draw: find(&self.draws, "drawn field", cells.subject)?, value: read_number(value)? }
            }
            PayloadKind::Meeting => Payload::Meeting(find(&self.meetings, "meeting", cells.subject)?),
            PayloadKind::Move => Payload::Move(find(&self.moves, "move", cells.subject)?),
            PayloadKind::Shock => Payload::Shock(find(&self.shocks, "shock", cells.subject)?),
            PayloadKind::Opinion => Payload::Opinion {
                actor: self.actor(cells.actor)?,
                issue: find(&self.issues, "issue", cells.issue)?,
                value: read_number(value)?,
            },
            PayloadKind::Pair => Payload::Pair {
                truster: self.actor(cells.actor)?,
                trusted: self.actor(cells.counterpart)?,
                value: read_number(value)?,
            },
            PayloadKind::Instance => Payload::Instance(self.instance(cells.subject)?),
            PayloadKind::Gift => self.gift(cells, value)?,
            PayloadKind::Package => {
                Payload::Package { meeting: find(&self.meetings, "meeting", cells.subject)?, size: size(value)? }
            }
            PayloadKind::Outcome => Payload::Outcome(find(&self.outcomes, "outcome", cells.subject)?),
            PayloadKind::Ending => Payload::Ending(match cells.subject {
                Ending::DEADLOCK => Ending::Deadlock,
                Ending::STALEMATE => Ending::Stalemate,
                outcome => Ending::Outcome(find(&self.outcomes, "outcome", outcome)?),
            }),
        };
        Ok(kind.with(payload).expect("the payload has the form of the kind"))
    }

    fn actor(&self, name: &str) -> Result<ActorId, RecordError> {
        let ids = self.model.actors.ids();
        let found = self.actors.get_or_init(|| TextIndex::of(ids)).find(ids, name).map(ActorId::at);
        found.ok_or_else(|| unknown("actor", name))
    }

    fn instance(&self, name: &str) -> Result<InstanceId, RecordError> {
        let names = &self.model.instance_names;
        // Most events are of the same instance as the one before, or of the next one.
        let latest = self.latest.get();
        let is_near = |at: &usize| *at < names.len() && names.text(*at) == name;
        let found = [latest, latest + 1].into_iter().find(is_near).or_else(|| self.instances.find(names, name));
        let found = found.ok_or_else(|| unknown("commitment", name))?;
        self.latest.set(found);
        Ok(InstanceId::at(found))
    }

    /// Looks up the instances that events may be of, given the subjects of their rows, and reads what their rows are
    /// compared with. Of events that follow each other, so the processor waits for the memory of all at once. The result
    /// is for [`Namer::expect`].
    pub(super) fn expected<'s>(&self, subjects: impl Iterator<Item = &'s str>) -> Vec<Option<usize>> {
        let found = self.instances.guesses(subjects);
        let first = |text: &str| text.as_bytes().first().copied().unwrap_or_default();
        let debtor = |at: usize| self.model.instances[at].debtor;
        let numbers = || found.iter().flatten().copied();
        std::hint::black_box(numbers().fold(0, |all, at| all ^ debtor(at).0));
        let texts = |at| first(self.model.instance_names.text(at)) ^ first(self.model.actors.id(debtor(at)));
        std::hint::black_box(numbers().fold(0, |all, at| all ^ texts(at)));
        found
    }

    /// Looks at this instance first when the next event is read.
    pub(super) fn expect(&self, instance: Option<usize>) {
        if let Some(instance) = instance {
            self.latest.set(instance);
        }
    }

    fn gift(&self, cells: &Cells<'_>, value: &str) -> Result<Payload, RecordError> {
        let instance = self.instance(cells.subject)?;
        let mut gifts = self.model.gifts(instance);
        let gift = gifts.find(|gift| self.model.resources[gift.resource.index()].id == cells.resource);
        let gift = gift
            .ok_or_else(|| RecordError(format!("`{}` gives no resource {}", cells.subject, quoted(cells.resource))))?;
        let number = u32::try_from(gift.number).expect("the number of resources is limited");
        Ok(Payload::Gift { instance, gift: number, amount: Amount::from_written(read_number(value)?) })
    }
}

/// An event as cells.
#[must_use]
pub fn cells(model: &Model, event: Event) -> Cells<'_> {
    let mut cells = Cells { event: event.kind().name(), ..Cells::default() };
    match event.payload() {
        Payload::Nothing => {}
        Payload::Draw { draw, value } => {
            cells.subject = &model.draws[draw.index()];
            cells.value = Some(value);
        }
        Payload::Meeting(meeting) => cells.subject = &model.meetings[meeting.index()].id,
        Payload::Move(which) => cells.subject = &model.moves[which.index()].id,
        Payload::Shock(shock) => cells.subject = &model.shocks[shock.index()].id,
        Payload::Opinion { actor, issue, value } => {
            cells.actor = model.actors.id(actor);
            cells.issue = &model.issues[issue.index()];
            cells.value = Some(value);
        }
        Payload::Pair { truster, trusted, value } => {
            cells.actor = model.actors.id(truster);
            cells.counterpart = model.actors.id(trusted);
            cells.value = Some(value);
        }
        Payload::Package { meeting, size } => {
            cells.subject = &model.meetings[meeting.index()].id;
            cells.value = Some(f64::from(size));
        }
        Payload::Outcome(outcome) => cells.subject = &model.outcomes[outcome.index()].id,
        Payload::Ending(ending) => cells.subject = ending_name(model, ending),
        Payload::Gift { instance, gift, amount: value } => {
            parties(model, instance, &mut cells);
            let resource = model.gift(instance, gift as usize).resource;
            cells.resource = &model.resources[resource.index()].id;
            cells.value = Some(value.to_units());
        }
        Payload::Instance(instance) => parties(model, instance, &mut cells),
    }
    cells
}

fn parties<'a>(model: &'a Model, instance: InstanceId, cells: &mut Cells<'a>) {
    let own = &model.instances[instance.index()];
    cells.actor = model.actors.id(own.debtor);
    cells.counterpart = creditor_name(model, instance);
    cells.subject = model.name_of(instance);
}

fn find<T: Copy>(names: &BTreeMap<&str, T>, what: &str, name: &str) -> Result<T, RecordError> {
    names.get(name).copied().ok_or_else(|| unknown(what, name))
}

fn unknown(what: &str, name: &str) -> RecordError {
    RecordError(format!("the scenario has no {what} {}", quoted(name)))
}

fn read_number(text: &str) -> Result<f64, RecordError> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(RecordError(format!("{} is not a number", quoted(text)))),
    }
}

fn size(text: &str) -> Result<u32, RecordError> {
    let whole = |value: &f64| (0.0..=f64::from(u32::MAX)).contains(value) && value.fract() == 0.0;
    match text.parse::<f64>().ok().filter(whole) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within range")]
        Some(value) => Ok(value as u32),
        None => Err(RecordError(format!("{} is not a number of commitments", quoted(text)))),
    }
}

/// The name of a final outcome.
#[must_use]
pub fn ending_name(model: &Model, ending: Ending) -> &str {
    match ending {
        Ending::Outcome(outcome) => &model.outcomes[outcome.index()].id,
        Ending::Deadlock => Ending::DEADLOCK,
        Ending::Stalemate => Ending::STALEMATE,
    }
}

/// The declared id of an instance's creditor; empty if it has none.
#[must_use]
pub fn creditor_name(model: &Model, instance: InstanceId) -> &str {
    model.commitment_of(instance).creditor.map_or("", |group| &model.groups[group.index()].id)
}

/// A real number in the form used in tables: always with a point or an exponent, so that no reader infers an integer
/// column from whole values and rounds the rest. Infinity is `inf`.
///
/// ```
/// assert_eq!(backstop::trace::number(30_000.0), "30000.0");
/// assert_eq!(backstop::trace::number(1e300), "1e+300");
/// ```
#[must_use]
pub fn number(value: f64) -> String {
    zmij::Buffer::new().format(value).to_owned()
}

/// A number in the form used in arguments and messages: whole ones have no point.
#[must_use]
pub fn plain_number(value: f64) -> String {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format(value);
    text.strip_suffix(".0").unwrap_or(text).to_owned()
}

/// A value that was set, in the form used in arguments and messages.
#[must_use]
pub fn plain_set_value(value: SetValue) -> String {
    if let SetValue::Number(number) = value { plain_number(number) } else { value.to_string() }
}

/// A value that was set as a table cell; numbers as [`number`] writes them.
#[must_use]
pub fn set_cell(value: SetValue) -> Cell<'static> {
    if let SetValue::Number(number) = value { Cell::Real(number) } else { value.to_string().into() }
}

/// The text of [`set_cell`].
#[must_use]
pub fn set_value(value: SetValue) -> String {
    if let SetValue::Number(value) = value { number(value) } else { value.to_string() }
}

/// An amount in units.
#[must_use]
pub fn amount(value: Amount) -> String {
    number(value.to_units())
}

/// The reason why a log is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayError {
    /// The line of the file, counted from 1 including the header; `None` if no single row is wrong.
    pub line: Option<u64>,
    /// The reason.
    pub reason: String,
}

impl ReplayError {
    pub(super) fn header(reason: impl Into<String>) -> Self {
        Self { line: Some(1), reason: reason.into() }
    }

    pub(super) fn row(row: usize, reason: impl Into<String>) -> Self {
        Self { line: Some(row as u64 + 2), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_read_back() {
        for (value, text, plain) in [
            (30000.0, "30000.0", "30000"),
            (0.1, "0.1", "0.1"),
            (-0.5, "-0.5", "-0.5"),
            (f64::INFINITY, "inf", "inf"),
            (0.0, "0.0", "0"),
            (-0.0, "-0.0", "-0"),
        ] {
            assert_eq!(number(value), text);
            assert_eq!(plain_number(value), plain);
        }
        for value in [1e300, 1e-300, 0.1 + 0.2, 1.0 / 3.0, 5e-324, 123_456_789_012_345_680.0, 1e16, 1e15, 1e22] {
            let text = number(value);
            assert!(text.contains(['.', 'e']), "{text}");
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
            assert_eq!(plain_number(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
    }
}
