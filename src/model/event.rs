//! Events. A log is a list of events, and applying them in order reproduces every state.
//!
//! A new kind of event is a line of the table `events!`; the compiler then requires its effect on the state, and its
//! sentence. When a log may contain it, and how it is read, written and hashed, follows from the table.

use super::ids::{ActorId, DrawId, InstanceId, IssueId, MeetingId, MoveId, OutcomeId, ShockId};
use super::state::State;
use super::{Amount, Clause};

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
    /// The name of a deadlock in tables. No outcome may have it.
    pub const DEADLOCK: &'static str = "deadlock";
    /// The name of a stalemate in tables. No outcome may have it.
    pub const STALEMATE: &'static str = "stalemate";
}

/// A phase of a step. The phases of the events in a step never decrease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The beginning of a run.
    Start,
    /// The events of `initial`, before the phases of step 0.
    Initial,
    /// Calendar: sessions of meetings.
    Sessions,
    /// Calendar: shocks and their effects.
    Shocks,
    /// Stances.
    Stances,
    /// Review.
    Review,
    /// Exchange.
    Exchange,
    /// Meetings, each with the Exchange after it.
    Meetings,
    /// Delivery.
    Delivery,
    /// Outcomes.
    Outcomes,
    /// The end of a run.
    End,
}

/// The data of an event. Events of different kinds with the same payload are written, read and hashed alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Payload {
    /// Nothing.
    Nothing,
    /// A drawn value.
    Draw {
        /// The draw.
        draw: DrawId,
        /// The value as drawn and clipped to the field's domain.
        value: f64,
    },
    /// A meeting.
    Meeting(MeetingId),
    /// A shock.
    Shock(ShockId),
    /// A move.
    Move(MoveId),
    /// A stance or an anchor.
    Opinion {
        /// The instance.
        actor: ActorId,
        /// The issue.
        issue: IssueId,
        /// The new value, in [0, 1].
        value: f64,
    },
    /// Trust of one actor in another.
    Pair {
        /// The trusting actor.
        truster: ActorId,
        /// The trusted actor.
        trusted: ActorId,
        /// The new mean, in [0, 1].
        value: f64,
    },
    /// A commitment instance.
    Instance(InstanceId),
    /// An amount of one resource of a commitment instance.
    Gift {
        /// The instance.
        instance: InstanceId,
        /// The position of the resource in `gives`.
        gift: u32,
        /// The amount.
        amount: Amount,
    },
    /// A package of a meeting.
    Package {
        /// The meeting.
        meeting: MeetingId,
        /// Number of its members.
        size: u32,
    },
    /// An outcome.
    Outcome(OutcomeId),
    /// How the run ended.
    Ending(Ending),
}

/// The variant of a [`Payload`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each stands for the payload of that name")]
pub enum PayloadKind {
    Nothing,
    Draw,
    Meeting,
    Shock,
    Move,
    Opinion,
    Pair,
    Instance,
    Gift,
    Package,
    Outcome,
    Ending,
}

/// Defines the kinds of events from one table: number in the history hash, variant, name in logs, payload, phase; of
/// what happens to one commitment instance also the states in which that may be, the state that it leads to, and the
/// clause of the commitment that decides it, with whether it is that the clause holds.
macro_rules! events {
    ($(
        $(#[$doc:meta])*
        $code:literal $kind:ident $(($only:ident: $type:ty))? $({ $($field:ident: $field_type:ty),+ })?
        = $name:literal, $payload:ident, $phase:ident
        $(, $($from:ident)|+ $(=> $to:ident)? $(: $clause:ident $turn:ident)?)?;
    )*) => {
        /// An event.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Event {
            $(
                $(#[$doc])*
                $kind $(($type))? $({
                    $(
                        #[doc = concat!("As in [`Payload::", stringify!($payload), "`].")]
                        $field: $field_type
                    ),+
                })?,
            )*
        }

        /// The kind of an event, without its payload.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $kind,)*
        }

        /// A kind of event that happens to one commitment instance.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum InstanceEvent {
            $($(
                #[doc = concat!("[`EventKind::", stringify!($kind), "`], which happens in:" $(, " ", stringify!($from))+)]
                $kind,
            )?)*
        }

        impl EventKind {
            /// Every kind, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// Its name in logs.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// Its code in the history hash.
            #[inline]
            #[must_use]
            pub const fn code(self) -> u32 {
                match self {
                    $(Self::$kind => $code,)*
                }
            }

            /// The payload variant of this kind.
            #[must_use]
            pub const fn payload_kind(self) -> PayloadKind {
                match self {
                    $(Self::$kind => PayloadKind::$payload,)*
                }
            }

            /// The usual phase; the replay handles the exceptions.
            #[must_use]
            pub const fn phase(self) -> Phase {
                match self {
                    $(Self::$kind => Phase::$phase,)*
                }
            }

            /// The same as an event of an instance; none if it does not happen to one instance.
            #[must_use]
            pub const fn of_instance(self) -> Option<InstanceEvent> {
                match self {
                    $(Self::$kind => events!(@of_instance $kind $($($from)+)?),)*
                }
            }

            /// The states in which an instance may be for this to happen to it; none if it does not happen to one
            /// instance.
            #[must_use]
            pub const fn happens_in(self) -> Option<&'static [State]> {
                match self {
                    $(Self::$kind => events!(@states $($($from)+)?),)*
                }
            }

            /// The state that a life-cycle event leads to; `None` for all other events.
            #[must_use]
            pub const fn leads_to(self) -> Option<State> {
                match self {
                    $(Self::$kind => events!(@state $($($to)?)?),)*
                }
            }

            /// The clause of a commitment that decides it, and whether by coming to hold; none where it is not a clause
            /// that does.
            #[must_use]
            pub const fn clause(self) -> Option<(Clause, bool)> {
                match self {
                    $(Self::$kind => events!(@clause $($($clause $turn)?)?),)*
                }
            }

            /// The event of this kind with a payload; `None` if the payload does not fit the kind.
            #[must_use]
            pub fn with(self, payload: Payload) -> Option<Event> {
                match (self, payload) {
                    $(
                        (Self::$kind, Payload::$payload $(($only))? $({ $($field),+ })?) => {
                            Some(Event::$kind $(($only))? $({ $($field),+ })?)
                        }
                    )*
                    $((Self::$kind, _) => None,)*
                }
            }
        }

        impl Event {
            /// Its kind.
            #[inline]
            #[must_use]
            pub const fn kind(self) -> EventKind {
                match self {
                    $(Self::$kind $({ $($field: _),+ })? $((events!(@any $only)))? => EventKind::$kind,)*
                }
            }

            /// Its payload.
            #[inline]
            #[must_use]
            pub const fn payload(self) -> Payload {
                match self {
                    $(
                        Self::$kind $(($only))? $({ $($field),+ })? => {
                            Payload::$payload $(($only))? $({ $($field),+ })?
                        }
                    )*
                }
            }
        }
    };
    (@any $only:ident) => { _ };
    (@of_instance $kind:ident) => { None };
    (@of_instance $kind:ident $($from:ident)+) => { Some(InstanceEvent::$kind) };
    (@states) => { None };
    (@states $($from:ident)+) => { Some(&[$(State::$from),+]) };
    (@state) => { None };
    (@state $to:ident) => { Some(State::$to) };
    (@clause) => { None };
    (@clause $clause:ident holds) => { Some((Clause::$clause, true)) };
    (@clause $clause:ident fails) => { Some((Clause::$clause, false)) };
}

events! {
    /// The run began.
    1 Started = "started", Nothing, Start;
    /// A field given as a distribution was drawn.
    2 Drawn { draw: DrawId, value: f64 } = "drawn", Draw, Start;
    /// A meeting's session began.
    3 Met(meeting: MeetingId) = "met", Meeting, Sessions;
    /// A shock struck.
    4 Shock(shock: ShockId) = "shock", Shock, Shocks;
    /// A stance changed.
    5 Stance { actor: ActorId, issue: IssueId, value: f64 } = "stance", Opinion, Stances;
    /// An anchor changed.
    6 Anchor { actor: ActorId, issue: IssueId, value: f64 } = "anchor", Opinion, Shocks;
    /// A shock moved trust.
    7 Trust { truster: ActorId, trusted: ActorId, value: f64 } = "trust", Pair, Shocks;
    /// An offer was made: null → conditional.
    8 Created(instance: InstanceId) = "created", Instance, Review, Null => Conditional: Offer holds;
    /// An offer was taken back: conditional → null.
    9 Cancelled(instance: InstanceId) = "cancelled", Instance, Review, Conditional => Null: Offer fails;
    /// An offer lapsed: conditional, null → expired.
    10 Expired(instance: InstanceId) = "expired", Instance, Review, Null | Conditional => Expired;
    /// A commitment was bound: conditional → detached.
    11 Detached(instance: InstanceId) = "detached", Instance, Exchange, Conditional => Detached: When holds;
    /// The debtor suspended it: detached → pending.
    12 Suspended(instance: InstanceId) = "suspended", Instance, Review, Detached => Pending: While fails;
    /// The debtor resumed it: pending → detached.
    13 Reactivated(instance: InstanceId) = "reactivated", Instance, Review, Pending => Detached: While holds;
    /// An increment was delivered.
    14 Delivered { instance: InstanceId, gift: u32, amount: Amount } = "delivered", Gift, Delivery, Detached;
    /// An amount that a maintained commitment had in force ended.
    15 Withdrawn { instance: InstanceId, gift: u32, amount: Amount } = "withdrawn", Gift, Review, Pending | Satisfied | Violated | Terminated;
    /// Everything was delivered, or a maintained commitment's `until` holds: detached → satisfied.
    16 Satisfied(instance: InstanceId) = "satisfied", Instance, Delivery, Detached => Satisfied: Until holds;
    /// Broken: detached, pending → violated.
    17 Violated(instance: InstanceId) = "violated", Instance, Review, Detached | Pending => Violated;
    /// Released by the creditor: conditional, detached, pending → terminated.
    18 Released(instance: InstanceId) = "released", Instance, Review, Conditional | Detached | Pending => Terminated: Release holds;
    /// A package was agreed at a meeting.
    19 Agreed { meeting: MeetingId, size: u32 } = "agreed", Package, Meetings;
    /// A package was possible at a meeting and failed.
    20 Failed { meeting: MeetingId, size: u32 } = "failed", Package, Meetings;
    /// A graded amount rose; the amount is the new one.
    25 Raised { instance: InstanceId, gift: u32, amount: Amount } = "raised", Gift, Exchange, Detached;
    /// An outcome's condition holds for the first time.
    21 Reached(outcome: OutcomeId) = "reached", Outcome, Outcomes;
    /// The run ended. In the hash, a deadlock and a stalemate have the codes 23 and 24.
    22 Ended(ending: Ending) = "ended", Ending, End;
    /// A finished commitment begins a new round: satisfied, violated, expired, terminated → null.
    26 Renewed(instance: InstanceId) = "renewed", Instance, Review, Satisfied | Violated | Expired | Terminated => Null: Renew holds;
    /// A move was made: commitments are bound regardless of their conditions.
    27 Moved(which: MoveId) = "moved", Move, Exchange;
}

impl EventKind {
    /// The kind with this name in logs.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl Event {
    /// The instance that it is about, if any.
    #[inline]
    #[must_use]
    pub const fn instance(self) -> Option<InstanceId> {
        match self.instance_and_gift() {
            Some((instance, _)) => Some(instance),
            None => None,
        }
    }

    /// The instance that it is about, if any, and the number of the gift if it is about one.
    #[inline]
    #[must_use]
    pub const fn instance_and_gift(self) -> Option<(InstanceId, Option<u32>)> {
        match self.payload() {
            Payload::Instance(instance) => Some((instance, None)),
            Payload::Gift { instance, gift, .. } => Some((instance, Some(gift))),
            Payload::Nothing
            | Payload::Draw { .. }
            | Payload::Meeting(_)
            | Payload::Shock(_)
            | Payload::Move(_)
            | Payload::Opinion { .. }
            | Payload::Pair { .. }
            | Payload::Package { .. }
            | Payload::Outcome(_)
            | Payload::Ending(_) => None,
        }
    }
}

/// Position of an event in its run's log, from 0.
pub type Seq = u32;

/// An event with its position in time and its cause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// The step in which it happened.
    pub step: u32,
    /// The event.
    pub event: Event,
    /// The event that caused it; [`Seq::MAX`] if none did. A log may have millions of entries.
    cause: Seq,
}

impl Entry {
    /// An event with the event that caused it, if one did.
    #[inline]
    #[must_use]
    pub fn new(step: u32, event: Event, cause: Option<Seq>) -> Self {
        Self { step, event, cause: cause.unwrap_or(Seq::MAX) }
    }

    /// The event that caused it, if one did.
    #[inline]
    #[must_use]
    pub fn cause(&self) -> Option<Seq> {
        (self.cause != Seq::MAX).then_some(self.cause)
    }
}
