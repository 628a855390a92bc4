//! Compares two runs: where they diverge, and what followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;

use super::timeline::{label, sentence};
use super::wording::{amount, count, listed, plain_number, set_value};
use crate::store::Verified;
use crate::table::{Cell, Csv, Declared as _, DifferenceColumn, Sink as _, fixed_columns};

use crate::model::{Amount, Entry, Event, InstanceId, Model};
use crate::scenario::AddedMove;
use crate::trace::{cells, ending_name};

/// Describes the first difference between two runs, what differs by outcome and commitment, and the events that only
/// one of them has.
#[must_use]
pub fn diff(one: &Verified, two: &Verified) -> String {
    let sides = [Side::new(one), Side::new(two)];
    let only = [sides[0].not_in(&sides[1]), sides[1].not_in(&sides[0])];
    difference_text(&sides, &only)
}

/// Every event that only one of two runs has, as CSV.
///
/// # Panics
/// Never: memory takes every row.
#[must_use]
pub fn diff_csv(one: &Verified, two: &Verified) -> Vec<u8> {
    let sides = [Side::new(one), Side::new(two)];
    let only = [sides[0].not_in(&sides[1]), sides[1].not_in(&sides[0])];
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
    /// The identity of each event: everything except its position in the log and its cause.
    keys: Vec<String>,
}

impl<'a> Side<'a> {
    fn new(verified: &'a Verified) -> Self {
        let model = verified.course.first();
        let key = |entry: &Entry| {
            let c = cells(model, entry.event);
            [&entry.step.to_string(), c.event, c.actor, c.counterpart, c.subject, c.issue, c.resource, &c.value_text()]
                .join(",")
        };
        Self { model, verified, keys: verified.fold.log.iter().map(key).collect() }
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

    /// The positions of the events that the other run lacks; an event that occurs twice counts twice.
    fn not_in(&self, other: &Self) -> Vec<usize> {
        let mut theirs: BTreeMap<&str, usize> = BTreeMap::new();
        for key in &other.keys {
            *theirs.entry(key).or_default() += 1;
        }
        let mut only = Vec::new();
        for (at, key) in self.keys.iter().enumerate() {
            match theirs.get_mut(key.as_str()) {
                Some(left) if *left > 0 => *left -= 1,
                _ => only.push(at),
            }
        }
        only
    }

    /// For each event of the log, whether one of these events is among its causes, direct or indirect.
    fn descended(&self, only: &[usize]) -> Vec<bool> {
        let mut roots = vec![false; self.log().len()];
        only.iter().for_each(|&at| roots[at] = true);
        let mut descended = vec![false; self.log().len()];
        // A cause precedes its effects, so one pass is enough.
        for (at, entry) in self.log().iter().enumerate() {
            descended[at] = entry.cause.is_some_and(|cause| roots[cause as usize] || descended[cause as usize]);
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

fn is_drift(entry: &Entry) -> bool {
    matches!(entry.event, Event::Stance { .. }) && entry.cause.is_none()
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

fn difference_text(sides: &[Side<'_>; 2], only: &[Vec<usize>; 2]) -> String {
    if only.iter().all(Vec::is_empty) && sides[0].keys == sides[1].keys {
        return format!("no difference\n{}{}", lineage(sides), promises(sides));
    }
    let mut text = lineage(sides);
    let part = sides[0].keys.iter().zip(&sides[1].keys).position(|(a, b)| a != b);
    let part = part.unwrap_or_else(|| sides[0].keys.len().min(sides[1].keys.len()));
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

/// Commitments that end in another state, or with another graded amount.
fn commitments(sides: &[Side<'_>; 2]) -> String {
    let ends = [how_they_end(&sides[0]), how_they_end(&sides[1])];
    let names: BTreeSet<&String> = ends.iter().flat_map(BTreeMap::keys).collect();
    let differing = names.into_iter().filter(|&name| ends[0].get(name) != ends[1].get(name));
    let end = |side: usize, name: &String| ends[side].get(name).map_or("absent", String::as_str);
    let rows: Vec<[&str; 3]> = differing.map(|name| [name.as_str(), end(0, name), end(1, name)]).collect();
    let width = rows.iter().map(|row| row[1].chars().count()).max().unwrap_or(0).max(12);
    let mut text = String::new();
    for [name, one, two] in rows {
        let _ = writeln!(text, "  {name:<28} 1: {one:<width$} 2: {two}");
    }
    if text.is_empty() { text } else { format!("\nCommitments that end differently\n{text}") }
}

/// The final state of each commitment, with current graded amounts: `detached, 2 000 of 15 000 soldiers`.
fn how_they_end(side: &Side<'_>) -> BTreeMap<String, String> {
    let (model, fold) = (side.model, &side.verified.fold);
    let end = |instance: InstanceId| {
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
        (model.name_of(instance).to_owned(), end)
    };
    model.instance_ids().map(end).collect()
}

/// Promises whose amounts differ. Runs with equal logs may have them too.
fn promises(sides: &[Side<'_>; 2]) -> String {
    let given = |side: &Side<'_>| -> BTreeMap<(String, String), Amount> {
        let mut given = BTreeMap::new();
        for instance in side.model.instance_ids() {
            for gift in side.model.gifts(instance) {
                let name = side.model.name_of(instance).to_owned();
                let resource = side.model.resources[gift.resource.index()].id.clone();
                given.insert((name, resource), side.verified.fold.setup.gives[gift.position]);
            }
        }
        given
    };
    let (one, two) = (given(&sides[0]), given(&sides[1]));
    let mut text = String::new();
    for ((name, resource), amount) in &one {
        if let Some(other) = two.get(&(name.clone(), resource.clone())).filter(|other| *other != amount) {
            let (one, two) = (plain_number(amount.to_units()), plain_number(other.to_units()));
            let _ = writeln!(text, "  {name} promises {one} in 1 and {two} in 2 of {resource}");
        }
    }
    text
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
