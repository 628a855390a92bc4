//! The conditions of a commitment, prepared for watching, and which parts of them cannot fail in a run.

use crate::model::{Commitment, CommitmentId, Expression, Model, Quantity, State};

use super::super::ranges::{Grounds, safe_parts};
use super::condition::Watched;
use super::reasons::{ALL, Kind, Wake};

/// The kind of a condition of a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Which {
    Offer,
    When,
    Stay,
    Until,
    Release,
    Renew,
}

impl Which {
    pub(super) const ALL: [Self; 6] = [Self::Offer, Self::When, Self::Stay, Self::Until, Self::Release, Self::Renew];

    /// The condition; `None` if it is not declared.
    pub(in super::super) fn of(self, commitment: &Commitment) -> Option<&Expression> {
        match self {
            Self::Offer => commitment.offer.as_ref(),
            Self::When => commitment.when.as_ref(),
            Self::Stay => commitment.stay.as_ref(),
            Self::Until => commitment.until.as_ref(),
            Self::Release => commitment.release.as_ref(),
            Self::Renew => commitment.renew.as_ref(),
        }
    }

    fn kind(self) -> Kind {
        if self == Self::When { Kind::When } else { Kind::Review }
    }
}

/// The conditions of a commitment, prepared for watching.
#[derive(Clone, Debug)]
pub(in super::super) struct Conditions {
    /// By [`Which`].
    watched: [Option<Watched>; 6],
    /// By state, whether Review can affect an instance in that state, apart from deadlines.
    is_reviewed: [bool; State::ALL.len()],
    /// By kind, whether they read the stance of one actor.
    reads_stances: [bool; 2],
    /// Whether watching `when` can be more selective than watching all that it reads.
    pub(in super::super) has_parts: bool,
}

impl Conditions {
    /// Prepares the conditions of a commitment, which read these quantities, by kind.
    pub(in super::super) fn new(commitment: &Commitment, reads: &[Vec<Quantity>; 2]) -> Self {
        let watched = Which::ALL
            .map(|which| which.of(commitment).map(|condition| Watched::new(condition, &reads[which.kind() as usize])));
        let is_stance = |quantity: &Quantity| matches!(quantity, Quantity::OwnStance(_) | Quantity::Stance(..));
        let reads_stances = [0, 1].map(|kind: usize| reads[kind].iter().any(is_stance));
        let is_connected = watched[Which::When as usize].as_ref().is_some_and(|watched| watched.is_connected);
        let is_reviewed = State::ALL.map(|state| is_reviewed(commitment, state));
        Self { has_parts: is_connected || reads_stances[0], watched, is_reviewed, reads_stances }
    }

    /// What wakes an instance if the reasons were not computed.
    pub(in super::super) fn always(&self, kind: Kind) -> Wake {
        Wake { mask: ALL, next_step: self.reads_stances[kind as usize] }
    }

    /// Whether Review can affect an instance in a state, apart from deadlines.
    #[inline]
    pub(in super::super) fn is_reviewed(&self, state: State) -> bool {
        self.is_reviewed[state as usize]
    }

    /// The condition of a kind, decomposed.
    pub(in super::super) fn watched(&self, which: Which) -> Option<&Watched> {
        self.watched[which as usize].as_ref()
    }
}

/// By commitment, then [`Which`]: for each node, whether it cannot fail; empty if that does not matter.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Safety {
    parts: Vec<Vec<bool>>,
    /// The value of [`Grounds::changes`] for which they were computed.
    computed_for: Option<u64>,
}

impl Safety {
    /// Computes the parts for a setup.
    pub(in super::super) fn reset(&mut self, model: &Model, conditions: &[Conditions], grounds: &Grounds) {
        if self.computed_for.replace(grounds.changes()) == Some(grounds.changes()) {
            return;
        }
        self.parts.clear();
        for (commitment, conditions) in model.commitments.iter().zip(conditions) {
            self.parts.extend(Which::ALL.map(|which| match (which.of(commitment), conditions.watched(which)) {
                (Some(expression), Some(watched)) if watched.is_connected => safe_parts(expression, model, grounds),
                _ => Vec::new(),
            }));
        }
    }

    /// The parts of one condition.
    pub(in super::super) fn of(&self, commitment: CommitmentId, which: Which) -> &[bool] {
        self.parts.get(commitment.index() * Which::ALL.len() + which as usize).map_or(&[], Vec::as_slice)
    }
}

/// Whether Review evaluates a condition of a commitment, or its default, while an instance is in a state, or checks
/// anything other than deadlines.
fn is_reviewed(commitment: &Commitment, state: State) -> bool {
    let Commitment { offer, stay, until, release, renew, .. } = commitment;
    match state {
        // The default of an absent condition leads to a transition.
        State::Null | State::Pending => true,
        State::Conditional => release.is_some() || offer.is_some(),
        State::Detached => release.is_some() || until.is_some() || stay.is_some() || commitment.is_graded(),
        State::Satisfied | State::Violated | State::Expired | State::Terminated => renew.is_some(),
    }
}
