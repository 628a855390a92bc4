//! The compiled scenario and the state of a run: plain data over ids, without names to look up and without a wire
//! format.
//!
//! A [`Model`] is compiled from a file by `scenario`; a [`Setup`] holds the numbers of one run (constants, parameters
//! and draws); a [`World`] is the state that events change.

mod amount;
mod clock;
mod columns;
mod event;
mod evidence;
mod expression;
mod field;
mod ids;
pub mod limits;
mod quantity;
mod setup;
mod state;
mod trust;
mod world;

pub use amount::{Amount, MAX_AMOUNT, MAX_TOTAL};
pub use clock::{Clock, Date, StepLength};
pub use columns::Columns;
pub use event::{Ending, Entry, Event, EventKind, Form, InstanceEvent, Payload, Phase, Seq};
pub use evidence::Evidence;
pub use expression::{
    Comparison, Condition, Expression, Node, NodeId, NotANumber, Reader, Scope, Values, curve_goes, on_curve,
};
pub use field::{Distribution, Domain, Field, FieldError, FieldSource, Scalar, Shape, Targets};
pub use ids::{
    ActorId, AttributeId, CommitmentId, DataId, DrawId, GroupId, InstanceId, IssueId, MeanId, MeetingId, MoveId,
    OutcomeId, ParameterId, ResourceId, ShockId, SlotId,
};
pub use quantity::{Arguments, Dependency, Monotonicity, Promises, Quantity, Range, Signature};
pub use setup::{Setup, Target};
pub use state::{Standing, State};
pub use trust::{Beta, Trust};
pub use world::{Facts, InstanceState, Occurrence, World, begin_step, evolve, is_change, move_stances, recount};

/// A scenario, compiled.
#[derive(Clone, Debug)]
pub struct Model {
    /// The scenario's title.
    pub title: String,
    /// The description; may be empty.
    pub about: String,
    /// Steps and dates.
    pub clock: Clock,
    /// Parameters, in declaration order.
    pub parameters: Vec<Parameter>,
    /// Issues; `main` alone where none is declared.
    pub issues: Vec<String>,
    /// Resources, in declaration order.
    pub resources: Vec<Resource>,
    /// Names of attributes, in order of first appearance.
    pub attributes: Vec<String>,
    /// Actors in declaration order, then cohorts' members.
    pub actors: Vec<Actor>,
    /// Every set of actors that something refers to.
    pub groups: Vec<Group>,
    /// Influence between actors, in file order.
    pub influence: Vec<Influence>,
    /// Series of data over time, in declaration order.
    pub data: Vec<Series>,
    /// Exceptions from the default trust, in file order.
    pub trust_pairs: Vec<Pairs>,
    /// Commitments as declared.
    pub commitments: Vec<Commitment>,
    /// The instances of all commitments, in declaration order.
    pub instances: Vec<Instance>,
    /// Meetings, in declaration order.
    pub meetings: Vec<Meeting>,
    /// Shocks, in declaration order.
    pub shocks: Vec<Shock>,
    /// Moves, in declaration order.
    pub moves: Vec<Move>,
    /// Outcomes, in declaration order.
    pub outcomes: Vec<Outcome>,
    /// Metrics, in declaration order.
    pub metrics: Vec<Metric>,
    /// Pairs of resource and group whose totals expressions read.
    pub slots: Vec<Slot>,
    /// Pairs of group and issue whose mean stance expressions read.
    pub means: Vec<Mean>,
    /// For each gift (flat position), where its slots begin in `gift_slots`; one entry more than gifts.
    pub gift_slot_starts: Vec<u32>,
    /// The slots that gifts count in.
    pub gift_slots: Vec<SlotId>,
    /// The numbers that are the same in all runs, with defaults in place of those that differ.
    pub setup: Setup,
    /// The numeric fields that are expressions or distributions, in order of evaluation.
    pub fields: Vec<Field>,
    /// Paths of the fields that are drawn, sorted by their bytes.
    pub draws: Vec<String>,
    /// Whether trust must be tracked, because an expression reads it or it is reported.
    pub reads_trust: bool,
    /// Whether an expression reads `deadlocked`, so that the gap is needed after every Exchange.
    pub reads_gap: bool,
}

/// A named number that sweeps may vary.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its id.
    pub id: String,
    /// Its unit, for people.
    pub unit: Option<String>,
    /// A remark, for people.
    pub note: Option<String>,
    /// The range that samples are drawn from.
    pub range: Option<(f64, f64)>,
    /// Whether samples take the whole numbers of the range only.
    pub whole: bool,
    /// The declared distribution. It is drawn from unless the parameter is set or swept.
    pub distribution: Option<Distribution>,
    /// Whether `--set` (or a sweep) gave its value.
    pub overridden: bool,
}

impl Parameter {
    /// Whether a value is valid: finite, and an integer if only integers are.
    #[must_use]
    pub fn takes(&self, value: f64) -> bool {
        value.is_finite() && (!self.whole || libm::trunc(value).to_bits() == value.to_bits())
    }
}

/// A kind of contribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: Option<String>,
    /// Its unit, for people.
    pub unit: Option<String>,
}

/// An actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: Option<String>,
}

/// A set of actors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The id in the file; an actor's own id for one actor; empty for everyone and for ad-hoc lists.
    pub id: String,
    /// Its members, in declaration order.
    pub members: Vec<ActorId>,
    /// One bit per actor; empty for groups with few or consecutive members.
    mask: Vec<u64>,
}

impl Group {
    /// Creates a group from `members`, which are sorted here. `actors` is the number of all actors.
    #[must_use]
    pub fn new(id: String, mut members: Vec<ActorId>, actors: usize) -> Self {
        members.sort_unstable();
        members.dedup();
        let words = Self::mask_words(&members, actors);
        let mut mask = vec![0; words];
        if words > 0 {
            for member in &members {
                mask[member.index() / 64] |= 1 << (member.index() % 64);
            }
        }
        Self { id, members, mask }
    }

    /// The number of 64-bit words in the mask of these members (sorted, without repetition). The mask never takes more
    /// memory than the members themselves, so many small groups stay small.
    #[must_use]
    pub fn mask_words(members: &[ActorId], actors: usize) -> usize {
        let words = actors.div_ceil(64);
        let is_span = match (members.first(), members.last()) {
            (Some(first), Some(last)) => last.index() - first.index() + 1 == members.len(),
            _ => true,
        };
        if is_span || (members.len() < words / 2 && words > 16) { 0 } else { words }
    }

    /// Whether `actor` is a member.
    #[inline]
    #[must_use]
    pub fn contains(&self, actor: ActorId) -> bool {
        if let Some(word) = self.mask.get(actor.index() / 64) {
            return word & (1 << (actor.index() % 64)) != 0;
        }
        let (Some(&first), Some(&last)) = (self.members.first(), self.members.last()) else { return false };
        if actor < first || actor > last {
            return false;
        }
        last.index() - first.index() + 1 == self.members.len() || self.members.binary_search(&actor).is_ok()
    }
}

/// All ordered pairs of different actors from two groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairs {
    /// The first of each pair (`of`: who trusts; `on`: who is influenced).
    pub first: GroupId,
    /// The second of each pair (`in`: who is trusted; `from`: who influences).
    pub second: GroupId,
}

impl Pairs {
    /// The pairs, in the actors' order.
    pub fn ordered(self, model: &Model) -> impl Iterator<Item = (ActorId, ActorId)> + '_ {
        let second = &model.groups[self.second.index()].members;
        model.groups[self.first.index()]
            .members
            .iter()
            .flat_map(move |&a| second.iter().filter(move |&&b| a != b).map(move |&b| (a, b)))
    }
}

/// One entry of the influence table; its weight is in the [`Setup`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Influence {
    /// An actor's weight on itself.
    Own(ActorId),
    /// The weight of one actor, `from`, in the row of another, `on`.
    Tie {
        /// The influenced actor.
        on: ActorId,
        /// The influencing actor.
        from: ActorId,
    },
    /// The weight of each of `second` (`from`) in the row of each of `first` (`on`).
    Between(Pairs),
}

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

/// A dated occasion with attendees.
#[derive(Clone, Debug, PartialEq)]
pub struct Meeting {
    /// Its id.
    pub id: String,
    /// Its name, for people.
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

/// An effect of a shock on stances or anchors; its size is in the [`Setup`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The affected actors.
    pub group: GroupId,
    /// The affected issue; `None` affects all.
    pub issue: Option<IssueId>,
    /// Position of its size in [`Setup::effects`].
    pub size: u32,
}

/// An effect of a shock on trust; its size is in the [`Setup`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustEffect {
    /// The affected pairs.
    pub pairs: Pairs,
    /// Position of its size in [`Setup::effects`].
    pub size: u32,
}

/// A shock: an event from outside the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Shock {
    /// Its id.
    pub id: String,
    /// Its name, for people.
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
    /// Its name, for people.
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
    /// position of its amount in [`Setup::moved`].
    pub amounts: Vec<(u32, usize)>,
}

/// A named condition that a run may reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: Option<String>,
    /// Its condition.
    pub when: Expression,
    /// Whether it ends the run after its step.
    pub stop: bool,
}

/// A named number sampled every step.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its id.
    pub id: String,
    /// Its value.
    pub value: Expression,
}

/// A resource and a group whose totals are maintained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The resource.
    pub resource: ResourceId,
    /// The group.
    pub group: GroupId,
}

/// A group and an issue whose mean stance is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mean {
    /// The group.
    pub group: GroupId,
    /// The issue.
    pub issue: IssueId,
}

impl Model {
    /// Whether another model of the same file differs from this one only in the numbers of its setup. `0` and `-0` are
    /// equal here: numbers that are set from outside are never `-0`.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let Self {
            title,
            about,
            clock,
            parameters,
            issues,
            resources,
            attributes,
            actors,
            groups,
            influence,
            data,
            trust_pairs,
            commitments,
            instances,
            meetings,
            shocks,
            moves,
            outcomes,
            metrics,
            slots,
            means,
            gift_slot_starts,
            gift_slots,
            setup: _,
            fields,
            draws,
            reads_trust,
            reads_gap,
        } = self;
        *title == other.title
            && *about == other.about
            && *clock == other.clock
            && *parameters == other.parameters
            && *issues == other.issues
            && *resources == other.resources
            && *attributes == other.attributes
            && *actors == other.actors
            && *groups == other.groups
            && *influence == other.influence
            && *data == other.data
            && *trust_pairs == other.trust_pairs
            && *commitments == other.commitments
            && *instances == other.instances
            && *meetings == other.meetings
            && *shocks == other.shocks
            && *moves == other.moves
            && *outcomes == other.outcomes
            && *metrics == other.metrics
            && *slots == other.slots
            && *means == other.means
            && *gift_slot_starts == other.gift_slot_starts
            && *gift_slots == other.gift_slots
            && *fields == other.fields
            && *draws == other.draws
            && *reads_trust == other.reads_trust
            && *reads_gap == other.reads_gap
    }

    /// Number of gifts of all instances.
    #[must_use]
    pub fn gift_count(&self) -> usize {
        self.gift_slot_starts.len() - 1
    }

    /// Whether any commitment is graded.
    #[must_use]
    pub fn has_graded(&self) -> bool {
        self.commitments.iter().any(Commitment::is_graded)
    }

    /// The gifts of an instance, in the order of `gives`.
    #[inline]
    pub fn gifts(&self, instance: InstanceId) -> impl Iterator<Item = Gift> + '_ {
        let first = self.instances[instance.index()].first_gift as usize;
        self.commitment_of(instance).gives.iter().enumerate().map(move |(number, &resource)| Gift {
            position: first + number,
            number,
            resource,
        })
    }

    /// One gift of an instance.
    #[inline]
    #[must_use]
    pub fn gift(&self, instance: InstanceId, number: usize) -> Gift {
        let position = self.instances[instance.index()].first_gift as usize + number;
        Gift { position, number, resource: self.commitment_of(instance).gives[number] }
    }

    /// The slots that a gift counts in.
    #[inline]
    #[must_use]
    pub fn slots_of(&self, instance: InstanceId, number: usize) -> &[SlotId] {
        let position = self.instances[instance.index()].first_gift as usize + number;
        let (from, to) = (self.gift_slot_starts[position], self.gift_slot_starts[position + 1]);
        &self.gift_slots[from as usize..to as usize]
    }

    /// Position of a resource and actor in the ledger.
    #[inline]
    #[must_use]
    pub fn ledger_index(&self, resource: ResourceId, actor: ActorId) -> usize {
        resource.index() * self.actors.len() + actor.index()
    }

    /// The declaration behind an instance.
    #[inline]
    #[must_use]
    pub fn commitment_of(&self, instance: InstanceId) -> &Commitment {
        &self.commitments[self.instances[instance.index()].commitment.index()]
    }

    /// The positions of a commitment's instances, which are consecutive.
    #[must_use]
    pub fn instances_of(&self, commitment: CommitmentId) -> std::ops::Range<usize> {
        let start = self.instances.partition_point(|instance| instance.commitment < commitment);
        start..self.instances.partition_point(|instance| instance.commitment <= commitment)
    }

    /// Every instance, in declaration order.
    pub fn instance_ids(&self) -> impl Iterator<Item = InstanceId> + use<> {
        (0..self.instances.len()).map(InstanceId::at)
    }

    /// Every actor, in declaration order.
    pub fn actor_ids(&self) -> impl Iterator<Item = ActorId> + use<> {
        (0..self.actors.len()).map(ActorId::at)
    }
}
