//! Everything that can happen. The log is a list of these; folding it rebuilds every state.

use super::Amount;
use super::ids::{ActorId, DrawId, InstanceId, IssueId, MeetingId, OutcomeId, ShockId};

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// The first declared outcome that holds at the end.
    Outcome(OutcomeId),
    /// None holds, and the gap after the latest Exchange is not empty.
    Deadlock,
    /// None holds, and the gap is empty.
    Stalemate,
}

impl Ending {
    /// The name of a deadlock in tables, which no outcome may bear.
    pub const DEADLOCK: &'static str = "deadlock";
    /// The name of a stalemate in tables, which no outcome may bear.
    pub const STALEMATE: &'static str = "stalemate";
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// The run began.
    Started,
    /// A field given as a distribution was drawn.
    Drawn {
        /// Which draw.
        draw: DrawId,
        /// The value as drawn and clipped to the field's domain.
        value: f64,
    },
    /// A meeting's session began.
    Met(MeetingId),
    /// A shock struck.
    Shock(ShockId),
    /// A stance changed.
    Stance {
        /// Whose.
        actor: ActorId,
        /// On what.
        issue: IssueId,
        /// The new stance, in [0, 1].
        value: f64,
    },
    /// An anchor changed.
    Anchor {
        /// Whose.
        actor: ActorId,
        /// On what.
        issue: IssueId,
        /// The new anchor, in [0, 1].
        value: f64,
    },
    /// A shock moved trust.
    Trust {
        /// Who trusts.
        truster: ActorId,
        /// Whom.
        trusted: ActorId,
        /// The new mean, in [0, 1].
        value: f64,
    },
    /// An offer came on the table: null → conditional.
    Created(InstanceId),
    /// An offer was taken back: conditional → null.
    Cancelled(InstanceId),
    /// An offer lapsed: conditional, null → expired.
    Expired(InstanceId),
    /// A commitment was bound: conditional → detached.
    Detached(InstanceId),
    /// The debtor suspended it: detached → pending.
    Suspended(InstanceId),
    /// The debtor took it up again: pending → detached.
    Reactivated(InstanceId),
    /// An increment was handed over.
    Delivered {
        /// Of which commitment.
        instance: InstanceId,
        /// Which of its resources, by position in `gives`.
        gift: u32,
        /// The increment.
        amount: Amount,
    },
    /// What a maintained commitment had in force ended.
    Withdrawn {
        /// Of which commitment.
        instance: InstanceId,
        /// Which of its resources, by position in `gives`.
        gift: u32,
        /// What had been in force.
        amount: Amount,
    },
    /// Everything was delivered, or a maintained commitment's `until` holds: detached → satisfied.
    Satisfied(InstanceId),
    /// Broken: detached, pending → violated.
    Violated(InstanceId),
    /// Released by the creditor: conditional, detached, pending → terminated.
    Released(InstanceId),
    /// A package was agreed at a meeting.
    Agreed {
        /// At which.
        meeting: MeetingId,
        /// How many commitments it binds.
        size: u32,
    },
    /// A package was possible at a meeting and failed.
    Failed {
        /// At which.
        meeting: MeetingId,
        /// How many commitments it would have bound.
        size: u32,
    },
    /// An outcome's condition holds for the first time.
    Reached(OutcomeId),
    /// The run ended.
    Ended(Ending),
}

impl Event {
    /// The instance whose life cycle or deeds it belongs to.
    #[inline]
    #[must_use]
    pub fn instance(self) -> Option<InstanceId> {
        match self {
            Self::Created(instance)
            | Self::Cancelled(instance)
            | Self::Expired(instance)
            | Self::Detached(instance)
            | Self::Suspended(instance)
            | Self::Reactivated(instance)
            | Self::Satisfied(instance)
            | Self::Violated(instance)
            | Self::Released(instance)
            | Self::Delivered { instance, .. }
            | Self::Withdrawn { instance, .. } => Some(instance),
            _ => None,
        }
    }
}

/// Position of an event in its run's log, from 0.
pub type Seq = u32;

/// An event in its place in a log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// The step in which it happened.
    pub step: u32,
    /// What happened.
    pub event: Event,
    /// The event that brought it about, where something in the run did.
    pub cause: Option<Seq>,
}
