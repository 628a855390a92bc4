//! The storylines of a sweep: the most common ones, each in a few lines, with a run that tells it.

use std::fmt::Write as _;

use crate::engine::{Subject, Told};
use crate::model::{EventKind, Model};
use crate::sweep::{Summary, Tally};
use crate::trace::ending_name;

use super::wording::{count, listed, named, whole};

/// Things that are named of those that happened to one after the other, at most.
const NAMED: usize = 5;
/// Parts of a storyline that are told, at most.
const PARTS: usize = 14;
/// Columns of a line, about.
const WIDTH: usize = 110;

/// One storyline, with a run that tells it.
#[derive(Debug)]
pub struct Example {
    /// How many runs tell it, and which is the first.
    pub tally: Tally,
    /// The model of that run.
    pub model: Model,
    /// What it tells.
    pub told: Vec<Told>,
    /// The command that shows the run.
    pub command: String,
}

/// The most common storylines.
#[must_use]
pub fn told(summary: &Summary, examples: &[Example]) -> String {
    let number = summary.tallies().len();
    let runs: u64 = (0..summary.points()).map(|point| summary.runs(point)).sum();
    let mut text = match (number, summary.untallied()) {
        (0, _) => return String::new(),
        (1, 0) if runs == 1 => return String::new(),
        (1, 0) => format!("One storyline: all {} runs tell the same", whole(runs)),
        (number, 0) => format!("{} in {}", count(number, "storyline"), count_of(runs, "run")),
        (number, others) => format!(
            "More than {} in {}, {} of which tell others",
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
        text += &paragraph(&parts(&first.model, &first.told[..shared]), "  ");
    }
    for example in examples {
        let Tally { runs: hits, ending, .. } = example.tally;
        let ending = ending.map_or("failed", |ending| ending_name(&example.model, ending));
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit behind the point")]
        let share = 100.0 * hits as f64 / runs as f64;
        let _ = writeln!(text, "\n  {share:.1} %, {}: {ending}", count_of(hits, "run"));
        let own = if examples.len() > 1 { &example.told[shared..] } else { &example.told };
        let parts = parts(&example.model, own);
        text += &if parts.is_empty() { "    nothing more\n".to_owned() } else { paragraph(&parts, "    ") };
        let _ = writeln!(text, "    {}", example.command);
    }
    text
}

fn count_of(number: u64, noun: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

/// How many entries all of them begin with, up to the end of a part.
fn shared(examples: &[Example]) -> usize {
    let Some(first) = examples.first() else { return 0 };
    let mut shared = first.told.len();
    for example in examples {
        shared = shared.min(first.told.iter().zip(&example.told).take_while(|(a, b)| a == b).count());
    }
    // A part is not torn.
    let goes_on = |at: usize| {
        examples.iter().any(|example| example.told.get(at).is_some_and(|told| told.kind == first.told[at - 1].kind))
    };
    while shared > 0 && shared < first.told.len() && goes_on(shared) {
        shared -= 1;
    }
    shared
}

/// What happened, those of one kind that follow one another together.
fn parts(model: &Model, told: &[Told]) -> Vec<String> {
    let told = told.iter().filter(|told| told.kind != EventKind::Ended).collect::<Vec<_>>();
    let mut parts: Vec<String> = told
        .chunk_by(|a, b| a.kind == b.kind)
        .map(|group| {
            let mut names: Vec<String> = group.iter().take(NAMED).map(|told| name(model, told.subject)).collect();
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

/// The parts one after the other, in lines of about equal length.
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
