//! Decisions of a phase: events with their reasons.

use crate::model::{Event, InstanceId, MeetingId, MoveId, OutcomeId, Seq, ShockId};

/// An event that will be applied, and its reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decision {
    pub(super) event: Event,
    pub(super) why: Why,
}

impl Decision {
    pub(super) fn new(event: Event, why: Why) -> Self {
        Self { event, why }
    }
}

/// A condition of the scenario, as the trigger of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// A commitment's `offer`.
    Offer(InstanceId),
    /// A commitment's `when`.
    When(InstanceId),
    /// A commitment's `while`.
    Stay(InstanceId),
    /// A commitment's `until`.
    Until(InstanceId),
    /// A commitment's `release`.
    Release(InstanceId),
    /// A commitment's `renew`.
    Renew(InstanceId),
    /// A shock's `when`.
    Shock(ShockId),
    /// A move's `when`.
    Move(MoveId),
    /// An outcome's `when`.
    Outcome(OutcomeId),
}

/// The reason for a decision; the log records it as the `seq` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Nothing in the run.
    Nothing,
    /// The first event decided together with it: a shock, an agreement.
    First,
    /// The latest event of the commitment itself.
    Own(InstanceId),
    /// A condition became true or false.
    Rule(Rule),
    /// The session of a meeting.
    Session(MeetingId),
    /// An outcome was reached.
    Reached(OutcomeId),
    /// An event already in the log.
    Event(Seq),
}
