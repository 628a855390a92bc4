//! Commitments as declared, and their instances, one for each debtor.

use super::expression::Expression;
use super::ids::{ActorId, CommitmentId, GroupId, IssueId, ResourceId};
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

/// A clause of a commitment that decides what becomes of its instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clause {
    /// Whether it is on the table.
    Offer,
    /// Whether it can be bound.
    When,
    /// Whether it stays in force.
    While,
    /// Whether a maintained one is done.
    Until,
    /// Whether the creditor releases it.
    Release,
    /// Whether it begins anew.
    Renew,
}

impl Clause {
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
    /// The condition of a clause; none where it is not written.
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
        [&self.offer, &self.when, &self.stay, &self.until, &self.release, &self.renew]
            .into_iter()
            .flatten()
            .chain(self.levels.iter().flatten())
    }
}

/// One debtor's instance of a commitment.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// The commitment, or `commitment/actor` for an instance of a group's.
    pub name: String,
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
