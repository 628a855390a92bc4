//! What conditions can depend on, by number: who watches a thing is told by its signal.

use crate::model::{ActorId, CommitmentId, IssueId, Model, Quantity, Source};

/// A kind of change that conditions may depend on; see [`Signals`].
pub(super) type Signal = u32;

/// The numbering of signals: one for each thing whose change may turn a condition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signals {
    pub(super) actors: u32,
    pub(super) commitments: u32,
    pub(super) stances: u32,
    pub(super) means: u32,
    pub(super) meetings: u32,
    pub(super) shocks: u32,
    pub(super) moves: u32,
    pub(super) outcomes: u32,
    /// Trust between any two actors.
    pub(super) trust: Signal,
    /// The size of the gap.
    pub(super) gap: Signal,
    /// The clock.
    pub(super) tick: Signal,
}

impl Signals {
    /// Numbers the things of a model.
    pub(super) fn new(model: &Model) -> Self {
        let count = |n: usize| u32::try_from(n).expect("tables are limited to far less than 2^32 entries");
        let commitments = count(model.slots.len());
        let stances = commitments + count(model.commitments.len());
        let means = stances + count(model.issues.len() * model.actors.len());
        let meetings = means + count(model.means.len());
        let shocks = meetings + count(model.meetings.len());
        let moves = shocks + count(model.shocks.len());
        let outcomes = moves + count(model.moves.len());
        let trust = outcomes + count(model.outcomes.len());
        let actors = count(model.actors.len());
        Self {
            actors,
            commitments,
            stances,
            means,
            meetings,
            shocks,
            moves,
            outcomes,
            trust,
            gap: trust + 1,
            tick: trust + 2,
        }
    }

    /// How many signals there are.
    pub(super) fn count(&self) -> usize {
        self.tick as usize + 1
    }

    /// The signal that a commitment's events go by.
    pub(super) fn commitment(&self, commitment: CommitmentId) -> Signal {
        self.commitments + commitment.0
    }

    /// The signal of a stance.
    pub(super) fn stance(&self, actor: ActorId, issue: IssueId) -> Signal {
        self.stances + issue.0 * self.actors + actor.0
    }

    /// The signals that a quantity's change goes by; `reader` is the debtor in a commitment's conditions.
    pub(super) fn of(&self, quantity: Quantity, reader: ActorId) -> [Option<Signal>; 2] {
        let one = |signal| [Some(signal), None];
        match quantity.source() {
            Source::Slot(slot) => one(slot.0),
            Source::SlotAndTrust(slot) => [Some(slot.0), Some(self.trust)],
            Source::Commitment(c) => one(self.commitments + c.commitment.0),
            Source::Outcome(outcome) => one(self.outcomes + outcome.0),
            Source::OwnStance(issue) => one(self.stance(reader, issue)),
            Source::Stance(actor, issue) => one(self.stance(actor, issue)),
            Source::Mean(mean) => one(self.means + mean.0),
            Source::Trust => one(self.trust),
            Source::Meeting(meeting) => one(self.meetings + meeting.0),
            Source::Shock(shock) => one(self.shocks + shock.0),
            Source::Move(which) => one(self.moves + which.0),
            Source::MoveOrClock(which) => [Some(self.moves + which.0), Some(self.tick)],
            Source::MeetingOrClock(meeting) => [Some(self.meetings + meeting.0), Some(self.tick)],
            Source::ShockOrClock(shock) => [Some(self.shocks + shock.0), Some(self.tick)],
            Source::Gap => one(self.gap),
            Source::Clock => one(self.tick),
            Source::Fixed => [None, None],
        }
    }
}
