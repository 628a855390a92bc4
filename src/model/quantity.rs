//! What expressions read from the state, as one table.
//!
//! A new quantity is a line of `quantities!` and its value in `Scope::read`. Its syntax, its sign, its largest value, its
//! signals, its causes and its words in explanations follow from the table. Only arguments of a new kind need more: a
//! variant of [`Arguments`], after which the compiler asks how they are read and written.

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
    /// An amount, up to what the commitments of a slot give together.
    Amount(SlotId),
    /// A sum over the actors of a slot, each up to what its commitments give.
    Expected(SlotId),
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
    /// It is evidence that rises as commitments bind themselves: it never falls, and must occur positively in a `when`.
    Evidence,
    /// It is evidence that rises with deliveries alone, and must occur positively in a `when` all the same.
    Deeds,
    /// It does not move.
    Fixed,
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

/// What a quantity takes as arguments. Quantities that take the same are read, written and explained in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// None.
    Nothing,
    /// A resource, and perhaps an actor or a group.
    Slot(SlotId),
    /// A resource, perhaps an actor or a group, and perhaps an observer.
    Observed {
        /// The resource and the group.
        slot: SlotId,
        /// The observer, where one is written.
        observer: Option<ActorId>,
    },
    /// A commitment, or one instance of it: `c/a`.
    Promises(Promises),
    /// None; the reader and the issue are those of the commitment whose condition it is.
    OwnStance(IssueId),
    /// An actor, and perhaps an issue.
    Stance(ActorId, IssueId),
    /// A group, and perhaps an issue.
    Mean(MeanId),
    /// Two actors.
    Pair(ActorId, ActorId),
    /// An attribute of the reader.
    Attribute(AttributeId),
    /// A meeting.
    Meeting(MeetingId),
    /// A shock.
    Shock(ShockId),
    /// A move.
    Move(MoveId),
    /// An outcome.
    Outcome(OutcomeId),
    /// A series of data.
    Data(DataId),
    /// None; it tells the members of a cohort apart in their numeric fields.
    Member,
}

/// The kind of [`Arguments`] that a quantity takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the variant of that name of `Arguments`")]
pub enum Signature {
    Nothing,
    Slot,
    Observed,
    Promises,
    OwnStance,
    Stance,
    Mean,
    Pair,
    Attribute,
    Meeting,
    Shock,
    Move,
    Outcome,
    Data,
    Member,
}

/// Defines the quantities from one table: variant, name as written, what it takes as arguments, its bearing, its range,
/// its source.
macro_rules! quantities {
    ($(
        $(#[$doc:meta])*
        $kind:ident $(($($part:ident: $type:ty),+))? $({ $($field:ident: $field_type:ty),+ })? = $name:literal, $signature:ident, $bearing:expr, $range:expr, $source:expr;
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
            /// The name and the signature of every quantity, in the order of the table. Several quantities may have one
            /// name, with different signatures.
            pub const SIGNATURES: &'static [(&'static str, Signature)] = &[$(($name, Signature::$signature)),*];

            /// The quantity of a name with these arguments; none where it takes others.
            #[must_use]
            pub fn of(name: &str, arguments: Arguments) -> Option<Self> {
                match (name, arguments) {
                    $(
                        ($name, Arguments::$signature $(($($part),+))? $({ $($field),+ })?) => {
                            Some(Self::$kind $(($($part),+))? $({ $($field),+ })?)
                        }
                    )*
                    _ => None,
                }
            }

            /// What it takes as arguments.
            #[must_use]
            pub fn arguments(self) -> Arguments {
                match self {
                    $(
                        Self::$kind $(($($part),+))? $({ $($field),+ })? => {
                            Arguments::$signature $(($($part),+))? $({ $($field),+ })?
                        }
                    )*
                }
            }

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
                matches!(self.bearing(), Bearing::Evidence | Bearing::Deeds)
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
    Offered(slot: SlotId) = "offered", Slot, Bearing::Evidence, Range::Amount(slot), Source::Slot(slot);
    /// `bound(r, g)`
    Bound(slot: SlotId) = "bound", Slot, Bearing::Evidence, Range::Amount(slot), Source::Slot(slot);
    /// `delivered(r, g)`
    Delivered(slot: SlotId) = "delivered", Slot, Bearing::Deeds, Range::Amount(slot), Source::Slot(slot);
    /// `parties(r, g)`
    Parties(slot: SlotId) = "parties", Slot, Bearing::Evidence, Range::Actors(slot), Source::Slot(slot);
    /// `assured(r, g)`, or `assured(r, g, observer)` outside of commitments: the observer is written there; in a
    /// commitment's conditions it is the debtor.
    Assured { slot: SlotId, observer: Option<ActorId> } = "assured", Observed, Bearing::Evidence, Range::Expected(slot), Source::SlotAndTrust(slot);
    /// `offers(c)`
    Offers(c: Promises) = "offers", Promises, Bearing::Evidence, Range::Instances(c), Source::Commitment(c);
    /// `bonds(c)`
    Bonds(c: Promises) = "bonds", Promises, Bearing::Evidence, Range::Instances(c), Source::Commitment(c);
    /// `kept(c)`
    Kept(c: Promises) = "kept", Promises, Bearing::Deeds, Range::Instances(c), Source::Commitment(c);
    /// `pending(c)`
    Pending(c: Promises) = "pending", Promises, Bearing::Barred("falls when what is suspended is resumed"), Range::Instances(c), Source::Commitment(c);
    /// `violated(c)`
    Violated(c: Promises) = "violated", Promises, Bearing::Fixed, Range::Instances(c), Source::Commitment(c);
    /// `expired(c)`
    Expired(c: Promises) = "expired", Promises, Bearing::Fixed, Range::Instances(c), Source::Commitment(c);
    /// `terminated(c)`
    Terminated(c: Promises) = "terminated", Promises, Bearing::Fixed, Range::Instances(c), Source::Commitment(c);
    /// `rounds(c)`
    Rounds(c: Promises) = "rounds", Promises, Bearing::Fixed, Range::NonNegative, Source::Commitment(c);
    /// `bound_at(c)`
    BoundAt(c: Promises) = "bound_at", Promises, Bearing::Barred("falls from infinity when others bind themselves"), Range::NonNegative, Source::Commitment(c);
    /// `stance`: the debtor's own on the commitment's issue
    OwnStance(issue: IssueId) = "stance", OwnStance, Bearing::Fixed, Range::Unit, Source::OwnStance(issue);
    /// `stance(a, issue)` of one actor
    Stance(actor: ActorId, issue: IssueId) = "stance", Stance, Bearing::Fixed, Range::Unit, Source::Stance(actor, issue);
    /// `stance(g, issue)` of a group: the mean
    MeanStance(mean: MeanId) = "stance", Mean, Bearing::Fixed, Range::Unit, Source::Mean(mean);
    /// `trust(a, b)`
    Trust(truster: ActorId, trusted: ActorId) = "trust", Pair, Bearing::Fixed, Range::Unit, Source::Trust;
    /// `own(name)`
    Own(attribute: AttributeId) = "own", Attribute, Bearing::Fixed, Range::Any, Source::Fixed;
    /// `count(meeting)`
    MeetingCount(meeting: MeetingId) = "count", Meeting, Bearing::Fixed, Range::Times, Source::Meeting(meeting);
    /// `count(shock)`
    ShockCount(shock: ShockId) = "count", Shock, Bearing::Fixed, Range::Times, Source::Shock(shock);
    /// `count(move)`
    MoveCount(which: MoveId) = "count", Move, Bearing::Fixed, Range::Times, Source::Move(which);
    /// `since(move)`
    SinceMove(which: MoveId) = "since", Move, Bearing::Fixed, Range::NonNegative, Source::MoveOrClock(which);
    /// `since(meeting)`
    SinceMeeting(meeting: MeetingId) = "since", Meeting, Bearing::Fixed, Range::NonNegative, Source::MeetingOrClock(meeting);
    /// `since(shock)`
    SinceShock(shock: ShockId) = "since", Shock, Bearing::Fixed, Range::NonNegative, Source::ShockOrClock(shock);
    /// `reached(o)`, 1 or 0
    Reached(outcome: OutcomeId) = "reached", Outcome, Bearing::Fixed, Range::Unit, Source::Outcome(outcome);
    /// `deadlocked`
    Deadlocked = "deadlocked", Nothing, Bearing::Barred("is worked out from the conditions themselves"), Range::NonNegative, Source::Gap;
    /// `step`
    Step = "step", Nothing, Bearing::Fixed, Range::Step, Source::Clock;
    /// `steps`
    Steps = "steps", Nothing, Bearing::Fixed, Range::Steps, Source::Fixed;
    /// `data(x)`
    Data(data: DataId) = "data", Data, Bearing::Fixed, Range::Data(data), Source::Clock;
    /// `index`, in a cohort's numeric fields
    Index = "index", Member, Bearing::Fixed, Range::FromOne, Source::Fixed;
    /// `size`, in a cohort's numeric fields
    Size = "size", Member, Bearing::Fixed, Range::FromOne, Source::Fixed;
}

impl Quantity {
    /// Whether it differs from reader to reader: their own promises are no evidence to them, and some quantities are
    /// their own.
    #[must_use]
    pub fn depends_on_reader(self) -> bool {
        match self.arguments() {
            Arguments::OwnStance(_) | Arguments::Attribute(_) => true,
            Arguments::Nothing
            | Arguments::Slot(_)
            | Arguments::Observed { .. }
            | Arguments::Promises(_)
            | Arguments::Stance(..)
            | Arguments::Mean(_)
            | Arguments::Pair(..)
            | Arguments::Meeting(_)
            | Arguments::Shock(_)
            | Arguments::Move(_)
            | Arguments::Outcome(_)
            | Arguments::Data(_)
            | Arguments::Member => self.is_evidence(),
        }
    }

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
