//! What an explanation holds as it is now, although in a run it would move.

use crate::model::{Bearing, Expression, InstanceId, Model, Quantity, Source};

/// A kind of quantity that no first move changes within a state, but what comes later does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// What has been delivered, kept, broken, or has lapsed.
    Deeds,
    /// Trust, also where it weighs what is promised.
    Trust,
    /// Stances.
    Stances,
    /// How often something has happened, and which outcomes have been reached.
    Counts,
    /// The clock, and data over time.
    Time,
}

impl Held {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deeds => "deeds",
            Self::Trust => "trust",
            Self::Stances => "stances",
            Self::Counts => "counts",
            Self::Time => "time",
        }
    }
}

/// What the goal and the conditions of possible moves read that is held, each kind once.
pub(super) fn held(model: &Model, goal: Option<&Expression>, moves: &[InstanceId]) -> Vec<Held> {
    let mut seen = vec![false; model.commitments.len()];
    let mut of_moves = Vec::new();
    for instance in moves {
        let commitment = model.instances[instance.index()].commitment.index();
        if !std::mem::replace(&mut seen[commitment], true) {
            of_moves.extend(model.commitments[commitment].monotone().map(|(_, expression)| expression));
        }
    }
    let reads = goal.into_iter().chain(of_moves).flat_map(Expression::reads);
    let mut held: Vec<Held> = reads.filter_map(kind).collect();
    held.sort_unstable();
    held.dedup();
    held
}

fn kind(quantity: Quantity) -> Option<Held> {
    match quantity.source() {
        Source::Slot(_) | Source::Commitment(_) => match quantity.bearing() {
            Bearing::Deeds | Bearing::Fixed => Some(Held::Deeds),
            // What binding changes.
            Bearing::Evidence | Bearing::Barred(_) => None,
        },
        Source::SlotAndTrust(_) | Source::Trust => Some(Held::Trust),
        Source::OwnStance(_) | Source::Stance(..) | Source::Mean(_) => Some(Held::Stances),
        Source::Meeting(_) | Source::Shock(_) | Source::Move(_) | Source::Outcome(_) => Some(Held::Counts),
        Source::MoveOrClock(_) | Source::MeetingOrClock(_) | Source::ShockOrClock(_) | Source::Clock => {
            Some(Held::Time)
        }
        Source::Gap | Source::Fixed => None,
    }
}
