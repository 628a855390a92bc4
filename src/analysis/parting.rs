//! Where two runs of a scenario part that differ in a number: the first event that only one of them has, and the
//! comparisons that stand otherwise in the other.

use super::turning::{TurnedComparison, turned};
use crate::engine::{begin_step, evolve};
use crate::model::{Entry, Event, EventKind, Model, Payload, Setup, World};

/// A run of the two: its model, its numbers, its log.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The model.
    pub model: &'a Model,
    /// The numbers of the run.
    pub setup: &'a Setup,
    /// Its events.
    pub log: &'a [Entry],
}

/// Where two runs part.
#[derive(Clone, Debug, PartialEq)]
pub struct Parting {
    /// Whether it is the second run that has the event.
    pub in_second: bool,
    /// Position of the event in that run's log.
    pub seq: usize,
    /// The comparisons of its condition that are true in one of the runs and false in the other.
    pub turned: Vec<TurnedComparison>,
}

/// What an event is, apart from the numbers in it.
type Identity = (EventKind, u32, u32);

fn identity(event: Event) -> Identity {
    let (first, second) = match event.payload() {
        Payload::Nothing | Payload::Ending(_) => (0, 0),
        Payload::Draw { draw, .. } => (draw.0, 0),
        Payload::Meeting(meeting) | Payload::Package { meeting, .. } => (meeting.0, 0),
        Payload::Shock(shock) => (shock.0, 0),
        Payload::Move(which) => (which.0, 0),
        Payload::Opinion { actor, issue, .. } => (actor.0, issue.0),
        Payload::Pair { truster, trusted, .. } => (truster.0, trusted.0),
        Payload::Instance(instance) => (instance.0, 0),
        Payload::Gift { instance, gift, .. } => (instance.0, gift),
        Payload::Outcome(outcome) => (outcome.0, 0),
    };
    (event.kind(), first, second)
}

/// Whether an event only moves a number, as drift and draws do.
fn is_drift(event: Event) -> bool {
    matches!(event, Event::Stance { .. } | Event::Anchor { .. } | Event::Trust { .. } | Event::Drawn { .. })
}

/// Where two runs part: none where they tell the same, apart from stances, anchors, trust and amounts.
#[must_use]
pub fn parting(first: Side<'_>, second: Side<'_>) -> Option<Parting> {
    let told = |side: Side<'_>| -> Vec<(usize, u32, Identity)> {
        let entries = side.log.iter().enumerate();
        entries.filter(|(_, e)| !is_drift(e.event)).map(|(at, e)| (at, e.step, identity(e.event))).collect()
    };
    let (one, two) = (told(first), told(second));
    let same = one.iter().zip(&two).take_while(|(a, b)| (a.1, a.2) == (b.1, b.2)).count();
    let in_second = match (one.get(same), two.get(same)) {
        (None, None) => return None,
        (Some(_), None) => false,
        (None, Some(_)) => true,
        (Some(a), Some(b)) if a.1 != b.1 => b.1 < a.1,
        // In one step: the event that the other run lacks.
        (Some(a), Some(_)) => two[same..].iter().take_while(|b| b.1 == a.1).any(|b| b.2 == a.2),
    };
    let (has, lacks) = if in_second { (&two, &one) } else { (&one, &two) };
    let (seq, step, _) = has[same];
    let sides = if in_second { [second, first] } else { [first, second] };
    let ends = [seq, lacks.get(same).map_or(sides[1].log.len(), |event| event.0)];
    let event = sides[0].log[seq].event;
    let worlds: [World; 2] = std::array::from_fn(|at| state_before(sides[at], ends[at], step));
    let [one, two] = [0, 1].map(|at| (sides[at].model, sides[at].setup, &worlds[at]));
    let mut turned = turned(one, two, event);
    if in_second {
        for comparison in &mut turned {
            std::mem::swap(&mut comparison.first, &mut comparison.second);
            comparison.holds_in_second = !comparison.holds_in_second;
        }
    }
    Some(Parting { in_second, seq, turned })
}

/// The state before an event of a log, in a step.
fn state_before(side: Side<'_>, end: usize, step: u32) -> World {
    let mut world = World::new(side.model, side.setup);
    for entry in side.log[..end].iter().take_while(|entry| entry.step <= step) {
        begin_step(&mut world, entry.step);
        evolve(side.model, side.setup, &mut world, entry.event);
    }
    begin_step(&mut world, step);
    world
}
