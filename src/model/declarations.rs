//! What a scenario declares: commitments, and their instances, one for each debtor; what happens at a time or on a
//! condition, meetings, shocks and moves; and data over time.

use super::Pairs;
use super::expression::Expression;
use super::ids::{ActorId, CommitmentId, GroupId, InstanceId, IssueId, ResourceId};
use super::state::State;

/// A commitment as declared: C(debtor, creditor, antecedent, consequent) (Singh 2008).
#[derive(Clone, Debug, PartialEq)]
pub struct Commitment {
    /// Its id.
    pub id: String,
    /// The id of the debtor as declared, an actor's or a group's.
    pub debtor: String,
    /// The creditor, if there is one.
    pub creditor: Option<GroupId>,
    /// The resources that it gives, in the order of `gives`.
    pub gives: Vec<ResourceId>,
    /// The `as` of each graded amount, in the order of `gives`; empty if none is graded.
    pub levels: Vec<Option<Expression>>,
    /// `offer`; `None` always holds.
    pub offer: Option<Expression>,
    /// `when`; `None` always holds.
    pub when: Option<Expression>,
    /// `while`; `None` always holds.
    pub stay: Option<Expression>,
    /// `until` of a maintained commitment; `None` never holds.
    pub until: Option<Expression>,
    /// `release`; `None` never holds.
    pub release: Option<Expression>,
    /// `renew`; `None` never holds.
    pub renew: Option<Expression>,
    /// The state that it is put into before the phases of step 0: null, conditional or detached.
    pub initial: State,
    /// Whether it is maintained rather than delivered once.
    pub maintain: bool,
    /// Whether a package may resume it while it is suspended.
    pub resumable: bool,
    /// The issue of the debtor's own `stance`.
    pub issue: IssueId,
}

/// A clause of a commitment: a condition that decides about events of its instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clause {
    /// Whether it is offered.
    Offer,
    /// Whether it can be bound.
    When,
    /// Whether it stays in force.
    While,
    /// Whether a maintained commitment is satisfied.
    Until,
    /// Whether the creditor releases it.
    Release,
    /// Whether it begins a new round.
    Renew,
}

impl Clause {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Offer, Self::When, Self::While, Self::Until, Self::Release, Self::Renew];

    /// Its key in a scenario.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::When => "when",
            Self::While => "while",
            Self::Until => "until",
            Self::Release => "release",
            Self::Renew => "renew",
        }
    }
}

impl Commitment {
    /// The condition of a clause; `None` if the scenario does not declare it.
    #[must_use]
    pub fn clause(&self, clause: Clause) -> Option<&Expression> {
        match clause {
            Clause::Offer => self.offer.as_ref(),
            Clause::When => self.when.as_ref(),
            Clause::While => self.stay.as_ref(),
            Clause::Until => self.until.as_ref(),
            Clause::Release => self.release.as_ref(),
            Clause::Renew => self.renew.as_ref(),
        }
    }

    /// Whether an amount is graded, that is, depends on the amounts of others.
    #[inline]
    #[must_use]
    pub fn is_graded(&self) -> bool {
        !self.levels.is_empty()
    }

    /// The `as` of an amount; `None` if the amount is fixed.
    #[inline]
    #[must_use]
    pub fn level(&self, number: usize) -> Option<&Expression> {
        self.levels.get(number)?.as_ref()
    }

    /// The expressions that must be monotone in evidence, each with its key.
    pub fn monotone(&self) -> impl Iterator<Item = (&'static str, &Expression)> {
        let stay = self.stay.as_ref().filter(|_| self.resumable);
        let levels = self.levels.iter().flatten().map(|level| ("as", level));
        self.when.iter().map(|when| ("when", when)).chain(levels).chain(stay.map(|stay| ("while", stay)))
    }

    /// Its expressions that are evaluated during a run.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        Clause::ALL.into_iter().filter_map(|clause| self.clause(clause)).chain(self.levels.iter().flatten())
    }
}

/// One debtor's instance of a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The commitment.
    pub commitment: CommitmentId,
    /// The debtor.
    pub debtor: ActorId,
    /// Flat position of its first gift.
    pub first_gift: u32,
}

/// One resource that an instance gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gift {
    /// Flat position among the gifts of all instances.
    pub position: usize,
    /// Position in the commitment's `gives`.
    pub number: usize,
    /// The resource.
    pub resource: ResourceId,
}

/// A meeting: an occasion with dates and attendees.
#[derive(Clone, Debug, PartialEq)]
pub struct Meeting {
    /// Its id.
    pub id: String,
    /// The name shown in texts; the id if there is none.
    pub name: Option<String>,
    /// First and last step of each session within the run, sorted by first step; no two sessions begin at one step.
    pub sessions: Vec<(u32, u32)>,
    /// The attendees.
    pub attendees: GroupId,
    /// Whether the attendees may bind a package.
    pub package: bool,
}

/// A number that changes over time, read from a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its id.
    pub id: String,
    /// Whether it is linearly interpolated; otherwise each value holds until the next row.
    pub linear: bool,
    /// Times (minutes since the start of the run, or step numbers without dates) in ascending order, with values. At
    /// least one.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// Its value at a time. The first value also holds before the first row, and the last after the last row.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        let next = self.points.partition_point(|&(moment, _)| moment <= x);
        let (Some(&(x0, v0)), Some(&(x1, v1))) =
            (next.checked_sub(1).and_then(|at| self.points.get(at)), self.points.get(next))
        else {
            let nearest = if next == 0 { self.points.first() } else { self.points.last() };
            return nearest.map_or(f64::NAN, |&(_, value)| value);
        };
        if self.linear { v0 + (v1 - v0) * ((x - x0) / (x1 - x0)) } else { v0 }
    }
}

/// The trigger of a shock or move.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// At these steps, in ascending order and within the run.
    On(Vec<u32>),
    /// With probability `1 − exp(−rate)` each step.
    Rate(Expression),
    /// When a condition becomes true.
    When {
        /// The condition.
        condition: Expression,
        /// Whether it fires only the first time.
        once: bool,
    },
}

impl Trigger {
    /// Its expression, a rate or a condition; `None` if it strikes at given steps.
    #[must_use]
    pub fn expression(&self) -> Option<&Expression> {
        match self {
            Self::On(_) => None,
            Self::Rate(expression) | Self::When { condition: expression, .. } => Some(expression),
        }
    }

    /// Its condition; `None` if it strikes at given steps or with a rate.
    #[must_use]
    pub fn condition(&self) -> Option<&Expression> {
        match self {
            Self::On(_) | Self::Rate(_) => None,
            Self::When { condition, .. } => Some(condition),
        }
    }
}

/// An effect of a shock on stances or anchors; its size is in the [`Setup`](super::Setup).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The affected actors.
    pub group: GroupId,
    /// The affected issue; `None` affects all.
    pub issue: Option<IssueId>,
    /// Position of its size in [`Setup::effects`](super::Setup::effects).
    pub size: u32,
}

/// An effect of a shock on trust; its size is in the [`Setup`](super::Setup).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustEffect {
    /// The affected pairs.
    pub pairs: Pairs,
    /// Position of its size in [`Setup::effects`](super::Setup::effects).
    pub size: u32,
}

/// A shock: an event from outside the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Shock {
    /// Its id.
    pub id: String,
    /// The name shown in texts; the id if there is none.
    pub name: Option<String>,
    /// When it strikes.
    pub trigger: Trigger,
    /// Effects on stances, in file order.
    pub stance: Vec<Effect>,
    /// Effects on anchors, in file order.
    pub anchor: Vec<Effect>,
    /// Effects on trust, in file order.
    pub trust: Vec<TrustEffect>,
}

/// An intervention: commitments are bound regardless of their conditions.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// Its id.
    pub id: String,
    /// The name shown in texts; the id if there is none.
    pub name: Option<String>,
    /// When it is made: at given steps, or once when a condition becomes true.
    pub trigger: Trigger,
    /// The bound instances, each once, in the order given.
    pub binds: Vec<Bind>,
    /// Whether instances that have lapsed, were released or are not offered are offered first.
    pub any: bool,
}

/// An instance that a move binds.
#[derive(Clone, Debug, PartialEq)]
pub struct Bind {
    /// The instance.
    pub instance: InstanceId,
    /// The graded amounts that are given explicitly instead of raised to their limit: the number of the gift, and the
    /// position of its amount in [`Setup::moved`](super::Setup::moved).
    pub amounts: Vec<(u32, usize)>,
}
