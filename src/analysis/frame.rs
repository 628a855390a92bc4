//! What an explanation holds as it is now, although in a run it would move.

use crate::model::{Expression, InstanceId, Model, Quantity};

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
    match quantity {
        Quantity::Delivered(_)
        | Quantity::Kept(_)
        | Quantity::Violated(_)
        | Quantity::Expired(_)
        | Quantity::Terminated(_)
        | Quantity::Rounds(_) => Some(Held::Deeds),
        Quantity::Assured { .. } | Quantity::Trust(..) => Some(Held::Trust),
        Quantity::OwnStance(_) | Quantity::Stance(..) | Quantity::MeanStance(_) => Some(Held::Stances),
        Quantity::MeetingCount(_) | Quantity::ShockCount(_) | Quantity::MoveCount(_) | Quantity::Reached(_) => {
            Some(Held::Counts)
        }
        Quantity::SinceMove(_)
        | Quantity::SinceMeeting(_)
        | Quantity::SinceShock(_)
        | Quantity::Step
        | Quantity::Data(_) => Some(Held::Time),
        // What binding changes, and what nothing does.
        Quantity::Offered(_)
        | Quantity::Bound(_)
        | Quantity::Parties(_)
        | Quantity::Offers(_)
        | Quantity::Bonds(_)
        | Quantity::Pending(_)
        | Quantity::BoundAt(_)
        | Quantity::Deadlocked
        | Quantity::Own(_)
        | Quantity::Steps
        | Quantity::Index
        | Quantity::Size => None,
    }
}
