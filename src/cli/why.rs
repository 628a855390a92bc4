//! `why`: the chain of causes that led to an event, back to its roots.

use std::fmt::Write as _;
use std::path::PathBuf;

use backstop::log::Verified;
use backstop::model::{Entry, Event, InstanceId, Model, Seq, State};
use backstop::text::{quoted, suggestion};

use super::console::{Failed, emit, fail};
use super::explained::lacks;
use super::past::verify;
use super::timeline::{condition, label, sentence};

/// Shows the chain of causes that led to an event
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of a run
    dir: PathBuf,
    /// The `seq` of an event, or the name of a commitment: what bound it, or why nothing did
    event: String,
    /// Print the chain as CSV: event and cause
    #[arg(long)]
    csv: bool,
}

pub(crate) fn why(args: &Args) -> Result<(), Failed> {
    let verified = verify(&args.dir, &mut |_, _, _| {})?;
    match find(&verified, &args.event)? {
        Asked::Event(seq) if args.csv => emit(&edges(&verified.fold.log, seq)),
        Asked::Event(seq) => emit(&tree(&verified, seq)),
        Asked::Never(_) if args.csv => emit("event,cause\n"),
        Asked::Never(instance) => emit(&never(&verified, instance)),
    }
}

enum Asked {
    Event(Seq),
    /// A commitment that was never bound.
    Never(InstanceId),
}

fn find(verified: &Verified, asked: &str) -> Result<Asked, Failed> {
    let log = &verified.fold.log;
    let model = verified.course.first();
    if let Ok(seq) = asked.parse::<Seq>() {
        if (seq as usize) < log.len() {
            return Ok(Asked::Event(seq));
        }
        let help = format!("the last event of the log is {}", log.len() - 1);
        return Err(fail(&format!("the log has no event {seq}"), Some(&help)));
    }
    let named = |instance: &InstanceId| model.instances[instance.index()].name == asked;
    let Some(instance) = model.instance_ids().find(named) else {
        let names = model.instances.iter().map(|instance| instance.name.as_str());
        let help = match suggestion(asked, names) {
            Some(suggestion) => format!("{suggestion} or give the `seq` of an event"),
            None => "give the name of a commitment, or the `seq` of an event".into(),
        };
        return Err(fail(&format!("there is no commitment {}", quoted(asked)), Some(&help)));
    };
    let bound = log.iter().rposition(|entry| entry.event == Event::Detached(instance));
    Ok(match bound.and_then(|at| Seq::try_from(at).ok()) {
        Some(seq) => Asked::Event(seq),
        None => Asked::Never(instance),
    })
}

/// The event and its causes, the latest first.
fn chain(log: &[Entry], seq: Seq) -> Vec<Seq> {
    std::iter::successors(Some(seq), |&seq| log[seq as usize].cause).collect()
}

fn edges(log: &[Entry], seq: Seq) -> String {
    let mut text = String::from("event,cause\n");
    for seq in chain(log, seq) {
        let cause = log[seq as usize].cause.map(|cause| cause.to_string()).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{seq},{cause}");
    }
    text
}

fn tree(verified: &Verified, seq: Seq) -> String {
    let Verified { course, fold, .. } = verified;
    let model = course.first();
    let mut text = String::new();
    for (depth, seq) in chain(&fold.log, seq).into_iter().enumerate() {
        let entry = &fold.log[seq as usize];
        let indent = "  ".repeat(depth);
        let said = sentence(model, &fold.setup, entry);
        let _ = writeln!(text, "{indent}{}  {said} (event {seq})", label(model, entry.step));
        let _ = writeln!(text, "{indent}  {}", because(model, &fold.log, entry));
    }
    text
}

/// How an event hangs together with its cause, which is told next.
fn because(model: &Model, log: &[Entry], entry: &Entry) -> String {
    let Some(cause) = entry.cause else { return root(entry) };
    let packaged = matches!(log[cause as usize].event, Event::Agreed { .. });
    let rule = entry.event.instance().and_then(|instance| {
        let declared = model.commitment_of(instance);
        match entry.event {
            Event::Detached(_) if !packaged => declared.when.as_ref().map(|e| ("its condition came to hold", e)),
            Event::Created(_) => declared.offer.as_ref().map(|e| ("its `offer` came to hold", e)),
            Event::Cancelled(_) => declared.offer.as_ref().map(|e| ("its `offer` no longer held", e)),
            Event::Suspended(_) => declared.stay.as_ref().map(|e| ("its `while` no longer held", e)),
            Event::Reactivated(_) => declared.stay.as_ref().map(|e| ("its `while` held again", e)),
            Event::Released(_) => declared.release.as_ref().map(|e| ("its `release` came to hold", e)),
            Event::Satisfied(_) => declared.until.as_ref().map(|e| ("its `until` came to hold", e)),
            _ => None,
        }
    });
    match (rule, entry.event) {
        (Some((what, expression)), _) => format!("because {what}, {}, after:", condition(&expression.text)),
        (None, Event::Reached(outcome)) => {
            format!(
                "because its condition came to hold, {}, after:",
                condition(&model.outcomes[outcome.index()].when.text)
            )
        }
        _ => "because of:".into(),
    }
}

/// Why an event has no cause in the run.
fn root(entry: &Entry) -> String {
    let why = match entry.event {
        Event::Met(_) => "it stands in the calendar",
        Event::Shock(_) => "it comes from outside",
        Event::Stance { .. } => "stances drift by influence, anchors and noise",
        Event::Created(_) => "nothing in the run had to happen first: the offer stands on the state as it was",
        Event::Ended(_) => "no outcome held at the end",
        Event::Started | Event::Drawn { .. } => "every run begins so",
        _ => "nothing in the run had to happen first; time alone or the first state was enough",
    };
    format!("a root: {why}")
}

fn never(verified: &Verified, instance: InstanceId) -> String {
    let Verified { course, fold, .. } = verified;
    let (model, plan) = course.last();
    let name = &model.instances[instance.index()].name;
    let own = fold.world.instance(instance);
    let mut text = format!("{name} was never bound; at the end it is {}\n", own.state.name());
    if own.state == State::Conditional {
        text += &lacks(model, plan, &fold.setup, &fold.world, instance);
    } else if own.state == State::Null
        && let Some(offer) = &model.commitment_of(instance).offer
    {
        let _ = writeln!(text, "  it is not on the table: its `offer`, {}, does not hold", condition(&offer.text));
    }
    let last = fold.log.iter().rposition(|entry| entry.event.instance() == Some(instance));
    if let Some(seq) = last.and_then(|at| Seq::try_from(at).ok()) {
        text += "\nThe last that happened to it:\n";
        text += &tree(verified, seq);
    }
    text
}
