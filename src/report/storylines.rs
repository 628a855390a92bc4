//! The most common storylines of a sweep, each in a few lines with an example run.

use std::fmt::Write as _;

use crate::engine::{StorylineEntry, Subject};
use crate::model::{EventKind, Model};
use crate::sweep::{Summary, Tally};
use crate::trace::ending_name;

use super::wording::{count, listed, named, whole};

/// The largest number of subjects that are named for events of one kind in a row.
const NAMED: usize = 5;
/// The largest number of parts of a storyline that are printed.
const PARTS: usize = 14;
/// The approximate width of a line.
const WIDTH: usize = 110;

/// A storyline with an example run.
#[derive(Debug)]
pub struct Example {
    /// The number of runs with this storyline, and the first of them.
    pub tally: Tally,
    /// The model of that run.
    pub model: Model,
    /// The entries of the storyline.
    pub entries: Vec<StorylineEntry>,
    /// The command that shows the example run.
    pub command: String,
}

/// The most common storylines.
#[must_use]
pub fn text(summary: &Summary, examples: &[Example]) -> String {
    let number = summary.tallies().len();
    let runs: u64 = (0..summary.points()).map(|point| summary.runs(point)).sum();
    let mut text = match (number, summary.untallied()) {
        (0, _) => return String::new(),
        (1, 0) if runs == 1 => return String::new(),
        (1, 0) => format!("One storyline: all {} runs have the same", whole(runs)),
        (number, 0) => format!("{} in {}", count(number, "storyline"), count_of(runs, "run")),
        (number, others) => format!(
            "More than {} in {}, {} of which have other storylines",
            count(number, "storyline"),
            count_of(runs, "run"),
            whole(others)
        ),
    };
    if examples.len() < number {
        let _ = write!(text, "; the {} most common", examples.len());
    }
    text.push('\n');
    let shared = shared(examples);
    if shared > 0 && examples.len() > 1 {
        let first = &examples[0];
        let _ = writeln!(text, "All of these begin:");
        text += &paragraph(&parts(&first.model, &first.entries[..shared]), "  ");
    }
    for example in examples {
        let Tally { runs: hits, ending, .. } = example.tally;
        let ending = ending.map_or("failed", |ending| ending_name(&example.model, ending));
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit behind the point")]
        let share = 100.0 * hits as f64 / runs as f64;
        let _ = writeln!(text, "\n  {share:.1} %, {}: {ending}", count_of(hits, "run"));
        let own = if examples.len() > 1 { &example.entries[shared..] } else { &example.entries };
        let parts = parts(&example.model, own);
        text += &if parts.is_empty() { "    nothing more\n".to_owned() } else { paragraph(&parts, "    ") };
        let _ = writeln!(text, "    {}", example.command);
    }
    text
}

fn count_of(number: u64, noun: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

/// The number of entries with which all of them begin, cut at the end of a part.
fn shared(examples: &[Example]) -> usize {
    let Some(first) = examples.first() else { return 0 };
    let mut shared = first.entries.len();
    for example in examples {
        shared = shared.min(first.entries.iter().zip(&example.entries).take_while(|(a, b)| a == b).count());
    }
    // A part is kept whole.
    let goes_on = |at: usize| {
        examples
            .iter()
            .any(|example| example.entries.get(at).is_some_and(|entry| entry.kind == first.entries[at - 1].kind))
    };
    while shared > 0 && shared < first.entries.len() && goes_on(shared) {
        shared -= 1;
    }
    shared
}

/// The entries in words; consecutive ones of one kind form a part.
fn parts(model: &Model, entries: &[StorylineEntry]) -> Vec<String> {
    let entries = entries.iter().filter(|entry| entry.kind != EventKind::Ended).collect::<Vec<_>>();
    let mut parts: Vec<String> = entries
        .chunk_by(|a, b| a.kind == b.kind)
        .map(|group| {
            let mut names: Vec<String> = group.iter().take(NAMED).map(|entry| name(model, entry.subject)).collect();
            if group.len() > NAMED {
                names.push(format!("{} more", group.len() - NAMED));
            }
            format!("{} {}", words(group[0].kind), listed(&names))
        })
        .collect();
    if parts.len() > PARTS {
        let more = parts.len() - PARTS;
        parts.truncate(PARTS);
        parts.push(format!("and so on, {more} more"));
    }
    parts
}

fn words(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Created => "offered:",
        EventKind::Cancelled => "taken back:",
        EventKind::Expired => "lapsed:",
        EventKind::Detached => "bound:",
        EventKind::Suspended => "suspended:",
        EventKind::Reactivated => "taken up again:",
        EventKind::Satisfied => "fulfilled:",
        EventKind::Violated => "broken:",
        EventKind::Released => "released:",
        EventKind::Renewed => "renewed:",
        EventKind::Met => "a meeting:",
        EventKind::Agreed => "a package is agreed at",
        EventKind::Failed => "a package fails at",
        EventKind::Shock => "a shock:",
        EventKind::Moved => "a move:",
        EventKind::Reached => "reached:",
        EventKind::Started
        | EventKind::Drawn
        | EventKind::Stance
        | EventKind::Anchor
        | EventKind::Trust
        | EventKind::Delivered
        | EventKind::Withdrawn
        | EventKind::Raised
        | EventKind::Ended => "",
    }
}

fn name(model: &Model, subject: Subject) -> String {
    match subject {
        Subject::Commitment(commitment) => model.commitments[commitment.index()].id.clone(),
        Subject::Meeting(meeting) => {
            let meeting = &model.meetings[meeting.index()];
            named(&meeting.id, meeting.name.as_deref())
        }
        Subject::Shock(shock) => {
            let shock = &model.shocks[shock.index()];
            named(&shock.id, shock.name.as_deref())
        }
        Subject::Move(which) => model.moves[which.index()].id.clone(),
        Subject::Outcome(outcome) => {
            let outcome = &model.outcomes[outcome.index()];
            named(&outcome.id, outcome.name.as_deref())
        }
        Subject::Ending(ending) => ending_name(model, ending).to_owned(),
    }
}

/// The parts joined into lines of similar length.
fn paragraph(parts: &[String], indent: &str) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for (at, part) in parts.iter().enumerate() {
        let part = format!("{part}{}", if at + 1 < parts.len() { ";" } else { "" });
        for word in part.split(' ') {
            if !line.is_empty() && indent.len() + line.chars().count() + 1 + word.chars().count() > WIDTH {
                let _ = writeln!(text, "{indent}{line}");
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
    }
    let _ = writeln!(text, "{indent}{line}");
    text
}
