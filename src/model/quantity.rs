//! What expressions read from the state, as one table.
//!
//! A new quantity is a line of `quantities!`, its value in `Scope::read`, its columns in `columns.rs` and its syntax in
//! `scenario`; its sign, its signals and its causes follow from the table.

use super::Model;
use super::ids::{
    ActorId, AttributeId, CommitmentId, DataId, InstanceId, IssueId, MeanId, MeetingId, MoveId, OutcomeId, ShockId,
    SlotId,
};

/// All instances of a commitment, or one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Promises {
    /// The commitment.
    pub commitment: CommitmentId,
    /// The instance, where it is one alone.
    pub instance: Option<InstanceId>,
}

impl Promises {
    /// All instances of a commitment.
    #[must_use]
    pub fn all(commitment: CommitmentId) -> Self {
        Self { commitment, instance: None }
    }

    /// The positions of the instances.
    #[must_use]
    pub fn instances(self, model: &Model) -> std::ops::Range<usize> {
        match self.instance {
            None => model.instances_of(self.commitment),
            Some(instance) => instance.index()..instance.index() + 1,
        }
    }
}

/// What values a quantity can have, in any state of any run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Any number.
    Any,
    /// 0 or more, infinity included.
    NonNegative,
    /// From 0 to 1.
    Unit,
    /// 1 or more.
    FromOne,
    /// A whole number up to the number of actors that a slot's group has.
    Actors(SlotId),
    /// A whole number up to the number of instances.
    Instances(Promises),
    /// A whole number up to the number of steps.
    Times,
    /// The number of a step.
    Step,
    /// The number of steps.
    Steps,
    /// From the least to the largest value of a series.
    Data(DataId),
}

/// How a quantity moves while commitments bind themselves, everything else fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearing {
    /// It is evidence: it never falls, and must occur positively in a `when`.
    Evidence,
    /// It does not move.
    Fixed,
    /// It is fixed during an Exchange and may occur with any sign, but first moves may change it either way.
    Moved,
    /// It moves, and must not occur in a `when`, for the reason given (to follow its name).
    Barred(&'static str),
}

/// What has to change for a quantity to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nothing in a run.
    Fixed,
    /// Commitments that count in a slot.
    Slot(SlotId),
    /// Commitments that count in a slot, or trust.
    SlotAndTrust(SlotId),
    /// Instances of a commitment.
    Commitment(Promises),
    /// An outcome.
    Outcome(OutcomeId),
    /// The reader's stance.
    OwnStance(IssueId),
    /// One stance.
    Stance(ActorId, IssueId),
    /// The stances of a group.
    Mean(MeanId),
    /// Trust of some actor.
    Trust,
    /// Sessions of a meeting.
    Meeting(MeetingId),
    /// Strikes of a shock.
    Shock(ShockId),
    /// Times of a move.
    Move(MoveId),
    /// Times of a move, or the clock.
    MoveOrClock(MoveId),
    /// Sessions of a meeting, or the clock.
    MeetingOrClock(MeetingId),
    /// Strikes of a shock, or the clock.
    ShockOrClock(ShockId),
    /// The size of the gap, which no event changes.
    Gap,
    /// The clock.
    Clock,
}

/// Defines the quantities from one table: variant, name as written, its bearing, its range, its source.
macro_rules! quantities {
    ($(
        $(#[$doc:meta])*
        $kind:ident $(($($part:ident: $type:ty),+))? $({ $($field:ident: $field_type:ty),+ })? = $name:literal, $bearing:expr, $range:expr, $source:expr;
    )*) => {
        /// What an expression reads from the state.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Quantity {
            $(
                $(#[$doc])*
                $kind $(($($type),+))? $({
                    $(
                        #[doc = concat!("The ", stringify!($field), ".")]
                        $field: $field_type
                    ),+
                })?,
            )*
        }

        #[expect(unused_variables, reason = "not every column of the table needs every part of a quantity")]
        impl Quantity {
            /// Its name as written.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind $(($($part),+))? $({ $($field),+ })? => $name,)*
                }
            }

            /// How it moves while commitments bind themselves.
            #[must_use]
            pub fn bearing(self) -> Bearing {
                match self {
                    $(Self::$kind $(($($part),+))? $({ $($field),+ })? => $bearing,)*
                }
            }

            /// Whether it is evidence: what others have put on the table.
            #[must_use]
            pub fn is_evidence(self) -> bool {
                self.bearing() == Bearing::Evidence
            }

            /// What values it can have.
            #[must_use]
            pub fn range(self) -> Range {
                match self {
                    $(Self::$kind $(($($part),+))? $({ $($field),+ })? => $range,)*
                }
            }

            /// What has to change for it to change.
            #[must_use]
            pub fn source(self) -> Source {
                match self {
                    $(Self::$kind $(($($part),+))? $({ $($field),+ })? => $source,)*
                }
            }
        }
    };
}

quantities! {
    /// `offered(r, g)`
    Offered(slot: SlotId) = "offered", Bearing::Evidence, Range::NonNegative, Source::Slot(slot);
    /// `bound(r, g)`
    Bound(slot: SlotId) = "bound", Bearing::Evidence, Range::NonNegative, Source::Slot(slot);
    /// `delivered(r, g)`
    Delivered(slot: SlotId) = "delivered", Bearing::Evidence, Range::NonNegative, Source::Slot(slot);
    /// `parties(r, g)`
    Parties(slot: SlotId) = "parties", Bearing::Evidence, Range::Actors(slot), Source::Slot(slot);
    /// `assured(r, g)`, or `assured(r, g, observer)` outside of commitments: the observer is written there; in a
    /// commitment's conditions it is the debtor.
    Assured { slot: SlotId, observer: Option<ActorId> } = "assured", Bearing::Evidence, Range::NonNegative, Source::SlotAndTrust(slot);
    /// `offers(c)`
    Offers(c: Promises) = "offers", Bearing::Evidence, Range::Instances(c), Source::Commitment(c);
    /// `bonds(c)`
    Bonds(c: Promises) = "bonds", Bearing::Evidence, Range::Instances(c), Source::Commitment(c);
    /// `kept(c)`
    Kept(c: Promises) = "kept", Bearing::Evidence, Range::Instances(c), Source::Commitment(c);
    /// `pending(c)`
    Pending(c: Promises) = "pending", Bearing::Barred("falls when what is suspended is resumed"), Range::Instances(c), Source::Commitment(c);
    /// `violated(c)`
    Violated(c: Promises) = "violated", Bearing::Fixed, Range::Instances(c), Source::Commitment(c);
    /// `expired(c)`
    Expired(c: Promises) = "expired", Bearing::Fixed, Range::Instances(c), Source::Commitment(c);
    /// `terminated(c)`
    Terminated(c: Promises) = "terminated", Bearing::Fixed, Range::Instances(c), Source::Commitment(c);
    /// `rounds(c)`
    Rounds(c: Promises) = "rounds", Bearing::Fixed, Range::NonNegative, Source::Commitment(c);
    /// `bound_at(c)`
    BoundAt(c: Promises) = "bound_at", Bearing::Barred("falls from infinity when others bind themselves"), Range::NonNegative, Source::Commitment(c);
    /// `stance`: the debtor's own on the commitment's issue
    OwnStance(issue: IssueId) = "stance", Bearing::Fixed, Range::Unit, Source::OwnStance(issue);
    /// `stance(a, issue)` of one actor
    Stance(actor: ActorId, issue: IssueId) = "stance", Bearing::Fixed, Range::Unit, Source::Stance(actor, issue);
    /// `stance(g, issue)` of a group: the mean
    MeanStance(mean: MeanId) = "stance", Bearing::Fixed, Range::Unit, Source::Mean(mean);
    /// `trust(a, b)`
    Trust(truster: ActorId, trusted: ActorId) = "trust", Bearing::Fixed, Range::Unit, Source::Trust;
    /// `own(name)`
    Own(attribute: AttributeId) = "own", Bearing::Fixed, Range::Any, Source::Fixed;
    /// `count(meeting)`
    MeetingCount(meeting: MeetingId) = "count", Bearing::Fixed, Range::Times, Source::Meeting(meeting);
    /// `count(shock)`
    ShockCount(shock: ShockId) = "count", Bearing::Fixed, Range::Times, Source::Shock(shock);
    /// `count(move)`
    MoveCount(which: MoveId) = "count", Bearing::Fixed, Range::Times, Source::Move(which);
    /// `since(move)`
    SinceMove(which: MoveId) = "since", Bearing::Fixed, Range::NonNegative, Source::MoveOrClock(which);
    /// `since(meeting)`
    SinceMeeting(meeting: MeetingId) = "since", Bearing::Fixed, Range::NonNegative, Source::MeetingOrClock(meeting);
    /// `since(shock)`
    SinceShock(shock: ShockId) = "since", Bearing::Fixed, Range::NonNegative, Source::ShockOrClock(shock);
    /// `reached(o)`, 1 or 0
    Reached(outcome: OutcomeId) = "reached", Bearing::Fixed, Range::Unit, Source::Outcome(outcome);
    /// `deadlocked`
    Deadlocked = "deadlocked", Bearing::Barred("is worked out from the conditions themselves"), Range::NonNegative, Source::Gap;
    /// `step`
    Step = "step", Bearing::Fixed, Range::Step, Source::Clock;
    /// `steps`
    Steps = "steps", Bearing::Fixed, Range::Steps, Source::Fixed;
    /// `data(x)`
    Data(data: DataId) = "data", Bearing::Fixed, Range::Data(data), Source::Clock;
    /// `index`, in a cohort's numeric fields
    Index = "index", Bearing::Fixed, Range::FromOne, Source::Fixed;
    /// `size`, in a cohort's numeric fields
    Size = "size", Bearing::Fixed, Range::FromOne, Source::Fixed;
}

impl Quantity {
    /// The slot of a resource and a group whose commitments it adds up.
    #[must_use]
    pub fn slot(self) -> Option<SlotId> {
        match self.source() {
            Source::Slot(slot) | Source::SlotAndTrust(slot) => Some(slot),
            Source::Fixed
            | Source::Commitment(_)
            | Source::Outcome(_)
            | Source::OwnStance(_)
            | Source::Stance(..)
            | Source::Mean(_)
            | Source::Trust
            | Source::Meeting(_)
            | Source::Shock(_)
            | Source::Move(_)
            | Source::MoveOrClock(_)
            | Source::MeetingOrClock(_)
            | Source::ShockOrClock(_)
            | Source::Gap
            | Source::Clock => None,
        }
    }

    /// How many numbers it is made of each time that it is read; none where it is kept up.
    #[must_use]
    pub fn lookups(self, model: &Model) -> Option<usize> {
        let (group, each) = if let Self::Assured { slot, .. } = self {
            // The trust in a member, and what it offers, is bound to and has delivered.
            (model.slots[slot.index()].group, 4)
        } else if let Self::MeanStance(mean) = self {
            (model.means[mean.index()].group, 1)
        } else {
            return None;
        };
        Some(model.groups[group.index()].members.len() * each)
    }
}
