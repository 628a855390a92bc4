//! Quantities: the values that expressions read from the state, declared in one table.
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
    /// The instance, if only one is meant.
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

/// The range of a quantity over all states of all runs.
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
    /// An integer up to the number of actors in a slot's group.
    Actors(SlotId),
    /// An integer up to the number of instances.
    Instances(Promises),
    /// An integer up to the number of steps.
    Times,
    /// Converts a step or date to the number of a step.
    Step,
    /// The number of steps.
    Steps,
    /// From the smallest to the largest value of a series.
    Data(DataId),
}

/// How a quantity changes during an Exchange, while everything else is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Monotonicity {
    /// It is evidence that rises as commitments bind themselves: it never falls, and must occur positively in a `when`.
    Evidence,
    /// It is evidence that rises with deliveries alone, and must occur positively in a `when` all the same.
    Deeds,
    /// It does not change.
    Fixed,
    /// It changes, and must not occur in a `when`, for the given reason (which follows its name in a message).
    Forbidden(&'static str),
}

/// The part of the state on which a quantity depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// Nothing in a run.
    Fixed,
    /// The commitments that count in a slot.
    Slot(SlotId),
    /// Deliveries of the commitments that count in a slot.
    Deeds(SlotId),
    /// The commitments that count in a slot, their deliveries, and trust in its actors.
    SlotAndTrust(SlotId),
    /// The instances of a commitment.
    Commitment(Promises),
    /// An outcome.
    Outcome(OutcomeId),
    /// The stance of the reader's debtor.
    OwnStance(IssueId),
    /// The stance of one actor.
    Stance(ActorId, IssueId),
    /// The stances of a group.
    Mean(MeanId),
    /// Trust in an actor.
    Trust(ActorId),
    /// Sessions of a meeting.
    Meeting(MeetingId),
    /// Occurrences of a shock.
    Shock(ShockId),
    /// Occurrences of a move.
    Move(MoveId),
    /// Occurrences of a move, and the step.
    MoveOrClock(MoveId),
    /// Sessions of a meeting, and the step.
    MeetingOrClock(MeetingId),
    /// Occurrences of a shock, and the step.
    ShockOrClock(ShockId),
    /// The size of the gap, which no event changes directly.
    Gap,
    /// The step.
    Clock,
}

/// What a dependency refers to.
#[derive(Default)]
struct Referents {
    slot: Option<SlotId>,
    promises: Option<Promises>,
    actor: Option<ActorId>,
    trust: bool,
}

impl Dependency {
    /// The slot whose commitments, deliveries or actors it depends on, if any.
    #[must_use]
    pub fn slot(self) -> Option<SlotId> {
        self.referents().slot
    }

    /// The commitment whose instances it depends on, if any.
    #[must_use]
    pub fn promises(self) -> Option<Promises> {
        self.referents().promises
    }

    /// The single actor whose stance it depends on, or trust in whom, if any.
    #[must_use]
    pub fn actor(self) -> Option<ActorId> {
        self.referents().actor
    }

    /// Whether it depends on trust.
    #[must_use]
    pub fn has_trust(self) -> bool {
        self.referents().trust
    }

    fn referents(self) -> Referents {
        let nothing = Referents::default();
        match self {
            Self::Slot(slot) | Self::Deeds(slot) => Referents { slot: Some(slot), ..nothing },
            Self::SlotAndTrust(slot) => Referents { slot: Some(slot), trust: true, ..nothing },
            Self::Commitment(promises) => Referents { promises: Some(promises), ..nothing },
            Self::Stance(actor, _) => Referents { actor: Some(actor), ..nothing },
            Self::Trust(actor) => Referents { actor: Some(actor), trust: true, ..nothing },
            Self::Fixed
            | Self::Outcome(_)
            | Self::OwnStance(_)
            | Self::Mean(_)
            | Self::Meeting(_)
            | Self::Shock(_)
            | Self::Move(_)
            | Self::MoveOrClock(_)
            | Self::MeetingOrClock(_)
            | Self::ShockOrClock(_)
            | Self::Gap
            | Self::Clock => nothing,
        }
    }
}

/// The arguments of a quantity. Quantities with the same kind of arguments are read, written and explained in the same way.
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
    /// None; it differs between the members of a cohort, in their numeric fields.
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

/// Defines the quantities from one table: variant, name as written, what it takes as arguments, its monotonicity, its
/// range, its dependency.
macro_rules! quantities {
    ($(
        $(#[$doc:meta])*
        $kind:ident $(($($part:ident: $type:ty),+))? $({ $($field:ident: $field_type:ty),+ })? = $name:literal, $signature:ident, $monotonicity:expr, $range:expr, $dependency:expr;
    )*) => {
        /// A value that an expression reads from the state.
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

            /// Its arguments.
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

            /// Its name in the language.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind $(($($part),+))? $({ $($field),+ })? => $name,)*
                }
            }

            /// How it changes during an Exchange.
            #[must_use]
            pub fn monotonicity(self) -> Monotonicity {
                match self {
                    $(Self::$kind $(($($part),+))? $({ $($field),+ })? => $monotonicity,)*
                }
            }

            /// Whether it is evidence, that is, counts offers, bonds and deliveries.
            #[must_use]
            pub fn is_evidence(self) -> bool {
                matches!(self.monotonicity(), Monotonicity::Evidence | Monotonicity::Deeds)
            }

            /// Its range.
            #[must_use]
            pub fn range(self) -> Range {
                match self {
                    $(Self::$kind $(($($part),+))? $({ $($field),+ })? => $range,)*
                }
            }

            /// The part of the state on which it depends.
            #[must_use]
            pub fn dependency(self) -> Dependency {
                match self {
                    $(Self::$kind $(($($part),+))? $({ $($field),+ })? => $dependency,)*
                }
            }
        }
    };
}

quantities! {
    /// `offered(r, g)`
    Offered(slot: SlotId) = "offered", Slot, Monotonicity::Evidence, Range::Amount(slot), Dependency::Slot(slot);
    /// `bound(r, g)`
    Bound(slot: SlotId) = "bound", Slot, Monotonicity::Evidence, Range::Amount(slot), Dependency::Slot(slot);
    /// `delivered(r, g)`
    Delivered(slot: SlotId) = "delivered", Slot, Monotonicity::Deeds, Range::Amount(slot), Dependency::Deeds(slot);
    /// `parties(r, g)`
    Parties(slot: SlotId) = "parties", Slot, Monotonicity::Evidence, Range::Actors(slot), Dependency::Slot(slot);
    /// `assured(r, g)`, or `assured(r, g, observer)` outside of commitments: the observer is written there; in a
    /// commitment's conditions it is the debtor.
    Assured { slot: SlotId, observer: Option<ActorId> } = "assured", Observed, Monotonicity::Evidence, Range::Expected(slot), Dependency::SlotAndTrust(slot);
    /// `offers(c)`
    Offers(c: Promises) = "offers", Promises, Monotonicity::Evidence, Range::Instances(c), Dependency::Commitment(c);
    /// `bonds(c)`
    Bonds(c: Promises) = "bonds", Promises, Monotonicity::Evidence, Range::Instances(c), Dependency::Commitment(c);
    /// `kept(c)`
    Kept(c: Promises) = "kept", Promises, Monotonicity::Deeds, Range::Instances(c), Dependency::Commitment(c);
    /// `pending(c)`
    Pending(c: Promises) = "pending", Promises, Monotonicity::Forbidden("falls when what is suspended is resumed"), Range::Instances(c), Dependency::Commitment(c);
    /// `violated(c)`
    Violated(c: Promises) = "violated", Promises, Monotonicity::Fixed, Range::Instances(c), Dependency::Commitment(c);
    /// `expired(c)`
    Expired(c: Promises) = "expired", Promises, Monotonicity::Fixed, Range::Instances(c), Dependency::Commitment(c);
    /// `terminated(c)`
    Terminated(c: Promises) = "terminated", Promises, Monotonicity::Fixed, Range::Instances(c), Dependency::Commitment(c);
    /// `rounds(c)`
    Rounds(c: Promises) = "rounds", Promises, Monotonicity::Fixed, Range::NonNegative, Dependency::Commitment(c);
    /// `bound_at(c)`
    BoundAt(c: Promises) = "bound_at", Promises, Monotonicity::Forbidden("falls from infinity when others bind themselves"), Range::NonNegative, Dependency::Commitment(c);
    /// `stance`: the debtor's own on the commitment's issue
    OwnStance(issue: IssueId) = "stance", OwnStance, Monotonicity::Fixed, Range::Unit, Dependency::OwnStance(issue);
    /// `stance(a, issue)` of one actor
    Stance(actor: ActorId, issue: IssueId) = "stance", Stance, Monotonicity::Fixed, Range::Unit, Dependency::Stance(actor, issue);
    /// `stance(g, issue)` of a group: the mean
    MeanStance(mean: MeanId) = "stance", Mean, Monotonicity::Fixed, Range::Unit, Dependency::Mean(mean);
    /// `trust(a, b)`
    Trust(truster: ActorId, trusted: ActorId) = "trust", Pair, Monotonicity::Fixed, Range::Unit, Dependency::Trust(trusted);
    /// `own(name)`
    Own(attribute: AttributeId) = "own", Attribute, Monotonicity::Fixed, Range::Any, Dependency::Fixed;
    /// `count(meeting)`
    MeetingCount(meeting: MeetingId) = "count", Meeting, Monotonicity::Fixed, Range::Times, Dependency::Meeting(meeting);
    /// `count(shock)`
    ShockCount(shock: ShockId) = "count", Shock, Monotonicity::Fixed, Range::Times, Dependency::Shock(shock);
    /// `count(move)`
    MoveCount(which: MoveId) = "count", Move, Monotonicity::Fixed, Range::Times, Dependency::Move(which);
    /// `since(move)`
    SinceMove(which: MoveId) = "since", Move, Monotonicity::Fixed, Range::NonNegative, Dependency::MoveOrClock(which);
    /// `since(meeting)`
    SinceMeeting(meeting: MeetingId) = "since", Meeting, Monotonicity::Fixed, Range::NonNegative, Dependency::MeetingOrClock(meeting);
    /// `since(shock)`
    SinceShock(shock: ShockId) = "since", Shock, Monotonicity::Fixed, Range::NonNegative, Dependency::ShockOrClock(shock);
    /// `reached(o)`, 1 or 0
    Reached(outcome: OutcomeId) = "reached", Outcome, Monotonicity::Fixed, Range::Unit, Dependency::Outcome(outcome);
    /// `deadlocked`
    Deadlocked = "deadlocked", Nothing, Monotonicity::Forbidden("is worked out from the conditions themselves"), Range::NonNegative, Dependency::Gap;
    /// `step`
    Step = "step", Nothing, Monotonicity::Fixed, Range::Step, Dependency::Clock;
    /// `steps`
    Steps = "steps", Nothing, Monotonicity::Fixed, Range::Steps, Dependency::Fixed;
    /// `data(x)`
    Data(data: DataId) = "data", Data, Monotonicity::Fixed, Range::Data(data), Dependency::Clock;
    /// `index`, in a cohort's numeric fields
    Index = "index", Member, Monotonicity::Fixed, Range::FromOne, Dependency::Fixed;
    /// `size`, in a cohort's numeric fields
    Size = "size", Member, Monotonicity::Fixed, Range::FromOne, Dependency::Fixed;
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

    /// The slot that it sums over, if any.
    #[must_use]
    pub fn slot(self) -> Option<SlotId> {
        self.dependency().slot()
    }

    /// The number of values that must be read to compute it; `None` if it is maintained incrementally.
    #[must_use]
    pub fn lookups(self, model: &Model) -> Option<usize> {
        let (group, each) = if let Self::Assured { slot, .. } = self {
            // For each member: trust, and the offered, bound and delivered amounts.
            (model.slots[slot.index()].group, 4)
        } else if let Self::MeanStance(mean) = self {
            (model.means[mean.index()].group, 1)
        } else {
            return None;
        };
        Some(model.groups[group.index()].members.len() * each)
    }
}
