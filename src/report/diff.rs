//! Compares two runs: where they diverge, and what followed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;

use super::timeline::{label, sentence};
use super::wording::{amount, count, listed, plain_number, set_value};
use crate::store::Verified;
use crate::table::{Cell, Csv, Declared as _, DifferenceColumn, Sink as _, fixed_columns};

use crate::model::{Amount, Ending, Entry, Event, InstanceId, Model, Payload, TextIndex, Texts};
use crate::scenario::AddedMove;
use crate::trace::{cells, creditor_name, ending_name};

/// Describes the first difference between two runs, what differs by outcome and commitment, and the events that only
/// one of them has.
#[must_use]
pub fn diff(one: &Verified, two: &Verified) -> String {
    let sides = [Side::new(one), Side::new(two)];
    let (part, only) = only(&sides);
    difference_text(&sides, part, &only)
}

/// Every event that only one of two runs has, as CSV.
///
/// # Panics
/// Never: memory takes every row.
#[must_use]
pub fn diff_csv(one: &Verified, two: &Verified) -> Vec<u8> {
    let sides = [Side::new(one), Side::new(two)];
    let (_, only) = only(&sides);
    let rows = |sink: &mut Csv<'_>| {
        for (history, (side, only)) in (1..).zip(sides.iter().zip(&only)) {
            let descended = side.descended(only);
            only.iter().try_for_each(|&at| side.row(sink, history, at, descended[at]))?;
        }
        Ok(())
    };
    Csv::table(&fixed_columns::<DifferenceColumn>(), rows).expect("memory takes every row")
}

/// One of the two runs.
struct Side<'a> {
    model: &'a Model,
    verified: &'a Verified,
}

impl<'a> Side<'a> {
    fn new(verified: &'a Verified) -> Self {
        Self { model: verified.course.first(), verified }
    }

    fn log(&self) -> &'a [Entry] {
        &self.verified.fold.log
    }

    fn sentence_of(&self, at: usize) -> String {
        let entry = &self.log()[at];
        sentence(self.model, self.verified.fold.setup_at(entry.step), entry)
    }

    /// Writes the row of an event.
    fn row(&self, sink: &mut Csv<'_>, history: u64, at: usize, descended: bool) -> io::Result<()> {
        let entry = &self.log()[at];
        let cells = cells(self.model, entry.event);
        sink.row(DifferenceColumn::ALL.iter().map(|column| match column {
            DifferenceColumn::History => Cell::Whole(history),
            DifferenceColumn::Seq => Cell::Whole(at as u64),
            DifferenceColumn::Step => Cell::Whole(entry.step.into()),
            DifferenceColumn::Event => cells.event.into(),
            DifferenceColumn::Actor => cells.actor.into(),
            DifferenceColumn::Counterpart => cells.counterpart.into(),
            DifferenceColumn::Subject => cells.subject.into(),
            DifferenceColumn::Issue => cells.issue.into(),
            DifferenceColumn::Resource => cells.resource.into(),
            DifferenceColumn::Value => Cell::real(cells.value),
            DifferenceColumn::Descended => Cell::Truth(descended),
        }))
    }

    /// For each event of the log, whether one of these events is among its causes, direct or indirect.
    fn descended(&self, only: &[usize]) -> Vec<bool> {
        let mut roots = vec![false; self.log().len()];
        only.iter().for_each(|&at| roots[at] = true);
        let mut descended = vec![false; self.log().len()];
        // A cause precedes its effects, so one pass is enough.
        for (at, entry) in self.log().iter().enumerate() {
            descended[at] = entry.cause().is_some_and(|cause| roots[cause as usize] || descended[cause as usize]);
        }
        descended
    }

    fn outcome(&self) -> String {
        match self.verified.fold.ending() {
            Some(ending) => ending_name(self.model, ending).to_owned(),
            None => self.verified.manifest.status.clone().unwrap_or_default(),
        }
    }
}

/// The number of equal events at the beginning of both runs, and of each run the positions of the events that the other
/// lacks; an event that occurs twice counts twice.
fn only(sides: &[Side<'_>; 2]) -> (usize, [Vec<usize>; 2]) {
    let [one, two] = sides;
    let (own, other) = (Numbers::new(one.model, one.model), Numbers::new(two.model, one.model));
    let of_one = |entry: &Entry| own.key(one.model, entry);
    let of_two = |entry: &Entry| other.key(two.model, entry);
    let part = one.log().iter().zip(two.log()).take_while(|(a, b)| of_one(a) == of_two(b)).count();
    // Equal beginnings cancel each other out.
    let mut rest: [Vec<(Key, usize)>; 2] = [
        one.log().iter().map(of_one).zip(0..).skip(part).collect(),
        two.log().iter().map(of_two).zip(0..).skip(part).collect(),
    ];
    rest.iter_mut().for_each(|keys| keys.sort_unstable());
    let mut only = [Vec::new(), Vec::new()];
    let [mut first, mut second] = rest.each_ref().map(|keys| keys.iter().peekable());
    while let (Some((a, _)), Some((b, _))) = (first.peek(), second.peek()) {
        let order = a.cmp(b);
        let (a, b) = (first.next_if(|_| order.is_le()), second.next_if(|_| order.is_ge()));
        only[0].extend(a.filter(|_| order.is_lt()).map(|(_, at)| *at));
        only[1].extend(b.filter(|_| order.is_gt()).map(|(_, at)| *at));
    }
    only[0].extend(first.map(|(_, at)| *at));
    only[1].extend(second.map(|(_, at)| *at));
    only.iter_mut().for_each(|only| only.sort_unstable());
    (part, only)
}

/// All of an event but its position in the log and its cause, in numbers that mean the same in both runs: the step, the
/// code of its kind, what it is about, and the bits of its value.
type Key = (u32, u32, [u32; 2], u64);

/// What the numbers of one model are in another: of a name that the other lacks, one that it does not use either.
struct Numbers {
    actors: Vec<u32>,
    issues: Vec<u32>,
    resources: Vec<u32>,
    instances: Vec<u32>,
    meetings: Vec<u32>,
    shocks: Vec<u32>,
    moves: Vec<u32>,
    outcomes: Vec<u32>,
    draws: Vec<u32>,
}

impl Numbers {
    fn new(of: &Model, other: &Model) -> Self {
        let of_all = |names: fn(&Model) -> Texts| numbers(&names(of), &names(other));
        let mut instances = numbers(&of.instance_names, &other.instance_names);
        for (own, number) in of.instance_ids().zip(&mut instances) {
            let is_known = (*number as usize) < other.instances.len();
            if is_known && parties(of, own) != parties(other, InstanceId(*number)) {
                *number = u32::MAX - own.0;
            }
        }
        Self {
            actors: numbers(of.actors.ids(), other.actors.ids()),
            issues: of_all(|model| model.issues.iter().collect()),
            resources: of_all(|model| model.resources.iter().map(|one| &one.id).collect()),
            instances,
            meetings: of_all(|model| model.meetings.iter().map(|one| &one.id).collect()),
            shocks: of_all(|model| model.shocks.iter().map(|one| &one.id).collect()),
            moves: of_all(|model| model.moves.iter().map(|one| &one.id).collect()),
            outcomes: of_all(|model| model.outcomes.iter().map(|one| &one.id).collect()),
            draws: of_all(|model| model.draws.iter().collect()),
        }
    }

    fn key(&self, model: &Model, entry: &Entry) -> Key {
        let (about, value) = match entry.event.payload() {
            Payload::Nothing => ([0, 0], 0.0),
            Payload::Draw { draw, value } => ([self.draws[draw.index()], 0], value),
            Payload::Meeting(meeting) => ([self.meetings[meeting.index()], 0], 0.0),
            Payload::Package { meeting, size } => ([self.meetings[meeting.index()], 0], f64::from(size)),
            Payload::Shock(shock) => ([self.shocks[shock.index()], 0], 0.0),
            Payload::Move(which) => ([self.moves[which.index()], 0], 0.0),
            Payload::Opinion { actor, issue, value } => {
                ([self.actors[actor.index()], self.issues[issue.index()]], value)
            }
            Payload::Pair { truster, trusted, value } => {
                ([self.actors[truster.index()], self.actors[trusted.index()]], value)
            }
            Payload::Instance(instance) => ([self.instances[instance.index()], 0], 0.0),
            Payload::Gift { instance, gift, amount } => {
                let resource = model.gift(instance, gift as usize).resource;
                ([self.instances[instance.index()], self.resources[resource.index()]], amount.to_units())
            }
            Payload::Outcome(outcome) | Payload::Ending(Ending::Outcome(outcome)) => {
                ([self.outcomes[outcome.index()], 0], 0.0)
            }
            Payload::Ending(Ending::Deadlock) => ([0, 1], 0.0),
            Payload::Ending(Ending::Stalemate) => ([0, 2], 0.0),
        };
        (entry.step, entry.event.kind().code(), about, value.to_bits())
    }
}

/// The cells of an instance beside its name.
fn parties(model: &Model, instance: InstanceId) -> (&str, &str) {
    (model.actors.id(model.instances[instance.index()].debtor), creditor_name(model, instance))
}

/// For each name its number among others, counted down from the largest one for names that are not among them.
fn numbers(names: &Texts, others: &Texts) -> Vec<u32> {
    let mut index = None;
    let number = |(at, name): (usize, &str)| {
        if at < others.len() && others.text(at) == name {
            return Some(at);
        }
        index.get_or_insert_with(|| TextIndex::of(others)).find(others, name)
    };
    let numbers = names.iter().enumerate().map(number);
    let number =
        |(own, number): (u32, Option<usize>)| number.and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX - own);
    (0..).zip(numbers).map(number).collect()
}

fn is_drift(entry: &Entry) -> bool {
    matches!(entry.event, Event::Stance { .. }) && entry.cause().is_none()
}

/// Describes the fork if one run is a fork of the other.
fn lineage(sides: &[Side<'_>; 2]) -> String {
    let hash = |side: &Side<'_>| side.verified.fold.history.text();
    for (child, parent) in [(1, 0), (0, 1)] {
        let forks = &sides[child].verified.manifest.forks;
        let Some(fork) = forks.last().filter(|fork| fork.parent_history_hash == hash(&sides[parent])) else { continue };
        let set = fork.overrides.iter().map(|set| format!("{} = {}", set.name, set_value(set.value)));
        let moves = fork.moves.iter().map(|added| format!("a move that binds {}", AddedMove::from(added).bound()));
        let run_seed = fork.replicate.map(|replicate| format!("the random numbers of replicate {replicate}"));
        let set: Vec<String> = set.chain(moves).chain(run_seed).collect();
        let under = if set.is_empty() { "without overrides".into() } else { format!("under {}", listed(&set)) };
        let at = label(sides[child].model, fork.at);
        return format!("{} is forked from {} at {at}, {under}.\n", child + 1, parent + 1);
    }
    String::new()
}

/// The longest list of events that is printed for each run.
const SHOWN: usize = 20;

/// Describes the difference of runs that have the first `part` events in common.
fn difference_text(sides: &[Side<'_>; 2], part: usize, only: &[Vec<usize>; 2]) -> String {
    if sides.iter().all(|side| side.log().len() == part) {
        return format!("no difference\n{}{}", lineage(sides), promises(sides));
    }
    let mut text = lineage(sides);
    let _ = writeln!(text, "The histories are the same for {}; then they differ:", count(part, "event"));
    for (number, side) in sides.iter().enumerate() {
        let event = match side.log().get(part) {
            Some(entry) => format!("{}  {} (event {part})", label(side.model, entry.step), side.sentence_of(part)),
            None => "nothing more happens".into(),
        };
        let _ = writeln!(text, "  {}: {event}", number + 1);
    }
    text.push_str("\nOutcome\n");
    for (number, side) in sides.iter().enumerate() {
        let _ = writeln!(text, "  {}: {}", number + 1, side.outcome());
    }
    text += &reached(sides);
    text += &commitments(sides);
    for (number, (side, only)) in sides.iter().zip(only).enumerate() {
        text += &only_in(number + 1, side, only);
    }
    text
}

/// Outcomes that the two runs reached at different times, or that only one of them reached.
fn reached(sides: &[Side<'_>; 2]) -> String {
    let at = |side: &Side<'_>, id: &str| {
        let position = side.model.outcomes.iter().position(|outcome| outcome.id == id)?;
        side.verified.fold.world.reached[position]
    };
    let ids = sides.iter().flat_map(|side| side.model.outcomes.iter().map(|outcome| outcome.id.as_str()));
    let ids: BTreeSet<&str> = ids.collect();
    let mut text = String::new();
    for id in ids {
        let steps = [at(&sides[0], id), at(&sides[1], id)];
        if steps[0] == steps[1] {
            continue;
        }
        let said = |number: usize| match steps[number] {
            Some(step) => label(sides[number].model, step),
            None => "never".into(),
        };
        let _ = writeln!(text, "  {id:<28} 1: {:<16} 2: {}", said(0), said(1));
    }
    if text.is_empty() { text } else { format!("\nOutcomes that were reached at different times\n{text}") }
}

/// The instances of each run with the instance of that name in the other, if it has one.
fn in_both(sides: &[Side<'_>; 2]) -> impl Iterator<Item = (Option<InstanceId>, Option<InstanceId>)> {
    let [one, two] = sides.each_ref().map(|side| side.model);
    let other = |number: u32| Some(InstanceId(number)).filter(|id| id.index() < two.instances.len());
    let of_one = numbers(&one.instance_names, &two.instance_names);
    let of_two = numbers(&two.instance_names, &one.instance_names);
    let alone = two.instance_ids().zip(of_two).filter(|(_, number)| *number as usize >= one.instances.len());
    one.instance_ids()
        .zip(of_one)
        .map(move |(own, number)| (Some(own), other(number)))
        .chain(alone.map(|(own, _)| (None, Some(own))))
}

/// Commitments that end in another state, or with another graded amount, by name.
fn commitments(sides: &[Side<'_>; 2]) -> String {
    let end = |side: usize, instance: Option<InstanceId>| {
        instance.map_or_else(|| "absent".to_owned(), |instance| how_it_ends(&sides[side], instance))
    };
    let mut rows: Vec<(&str, [String; 2])> = Vec::new();
    for (one, two) in in_both(sides) {
        let ends = [end(0, one), end(1, two)];
        let name = one.map(|one| sides[0].model.name_of(one)).or(two.map(|two| sides[1].model.name_of(two)));
        rows.extend(name.filter(|_| ends[0] != ends[1]).map(|name| (name, ends)));
    }
    rows.sort_unstable();
    let width = rows.iter().map(|(_, ends)| ends[0].chars().count()).max().unwrap_or(0).max(12);
    let mut text = String::new();
    for (name, [one, two]) in rows {
        let _ = writeln!(text, "  {name:<28} 1: {one:<width$} 2: {two}");
    }
    if text.is_empty() { text } else { format!("\nCommitments that end differently\n{text}") }
}

/// The final state of a commitment, with current graded amounts: `detached, 2 000 of 15 000 soldiers`.
fn how_it_ends(side: &Side<'_>, instance: InstanceId) -> String {
    let (model, fold) = (side.model, &side.verified.fold);
    let mut end = fold.world.instance(instance).state.name().to_owned();
    let evidence = &fold.world.evidence;
    let graded = model.gifts(instance).filter(|gift| model.commitment_of(instance).level(gift.number).is_some());
    let some: Vec<String> = graded
        .filter(|gift| evidence.graded(gift.position) > Amount::ZERO)
        .map(|gift| {
            let upto = amount(model, gift.resource, fold.setup.gives[gift.position]);
            format!("{} of {upto}", plain_number(evidence.graded(gift.position).to_units()))
        })
        .collect();
    if !some.is_empty() {
        end += &format!(", {}", listed(&some));
    }
    end
}

/// Promises whose amounts differ, by name. Runs with equal logs may have them too.
fn promises(sides: &[Side<'_>; 2]) -> String {
    let [one, two] = sides.each_ref().map(|side| (side.model, &side.verified.fold.setup));
    let mut rows: Vec<(&str, &str, [String; 2])> = Vec::new();
    for pair in in_both(sides) {
        let (Some(own), Some(other)) = pair else { continue };
        for gift in one.0.gifts(own) {
            let resource = &one.0.resources[gift.resource.index()].id;
            let mut others = two.0.gifts(other);
            let Some(same) = others.find(|gift| two.0.resources[gift.resource.index()].id == *resource) else {
                continue;
            };
            let amounts = [one.1.gives[gift.position], two.1.gives[same.position]];
            if amounts[0] != amounts[1] {
                let amounts = amounts.map(|amount| plain_number(amount.to_units()));
                rows.push((one.0.name_of(own), resource, amounts));
            }
        }
    }
    rows.sort_unstable();
    let row = |(name, resource, [one, two]): &(&str, &str, [String; 2])| {
        format!("  {name} promises {one} in 1 and {two} in 2 of {resource}\n")
    };
    rows.iter().map(row).collect()
}

/// The events that only one run has: first those caused by the override or by chance, then those that follow from them.
fn only_in(number: usize, side: &Side<'_>, only: &[usize]) -> String {
    let drift = only.iter().filter(|&&at| is_drift(&side.log()[at])).count();
    let told: Vec<usize> = only.iter().copied().filter(|&at| !is_drift(&side.log()[at])).collect();
    if told.is_empty() && drift == 0 {
        return String::new();
    }
    let descended = side.descended(&told);
    let follows = told.iter().any(|&at| descended[at]);
    let marked = if follows { ", where `follows` marks what another of these brought about" } else { "" };
    let mut text = format!("\nOnly in {number}{marked}\n");
    for &at in told.iter().take(SHOWN) {
        let entry = &side.log()[at];
        let mark = if descended[at] { "  follows: " } else { "" };
        let _ = writeln!(text, "  {}  {mark}{} (event {at})", label(side.model, entry.step), side.sentence_of(at));
    }
    if told.len() > SHOWN {
        let _ = writeln!(text, "  and {} more; `--csv` lists them all", count(told.len() - SHOWN, "event"));
    }
    if drift > 0 {
        let _ = writeln!(text, "  and {} of stances", count(drift, "drift event"));
    }
    text
}
