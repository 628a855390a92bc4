//! The compiled scenario and the state of a run: plain data over ids, without names to look up and without a wire
//! format.
//!
//! A [`Model`] is compiled from a file by `scenario`; a [`Setup`] holds the numbers of one run (constants, parameters
//! and draws); a [`World`] is the state that events change.

mod amount;
mod clock;
mod columns;
mod declarations;
mod event;
mod evidence;
mod expression;
mod field;
mod ids;
mod numbers;
mod quantity;
mod setup;
mod state;
mod trust;
mod world;

use std::sync::Arc;

pub use amount::{Amount, MAX_AMOUNT, MAX_TOTAL};
pub use clock::{Clock, Date, StepLength};
pub use columns::Columns;
pub use declarations::{
    Bind, Clause, Commitment, Effect, Gift, Instance, Meeting, Move, Series, Shock, Trigger, TrustEffect,
};
pub use event::{Ending, Entry, Event, EventKind, InstanceEvent, Payload, PayloadKind, Phase, Seq};
pub use evidence::Evidence;
pub use expression::{
    Comparison, Condition, Expression, Node, NodeId, NotANumber, Reader, Scope, Values, curve_goes, on_curve,
};
pub use field::{Distribution, Domain, Field, FieldError, FieldSource, Scalar, Shape, Targets};
pub use ids::{
    Actor, ActorId, Actors, AttributeId, CommitmentId, DataId, DrawId, GroupId, InstanceId, IssueId, MeanId, MeetingId,
    MoveId, OutcomeId, ParameterId, ResourceId, ShockId, SlotId, TextIndex, Texts,
};
pub use numbers::{GiftSlots, Numbers};
pub use quantity::{Arguments, Dependency, Monotonicity, Promises, Quantity, Range, Signature};
pub use setup::{Setup, Target};
pub use state::{Standing, State};
pub use trust::{Beta, Trust};
pub use world::{
    Facts, InstanceState, LEAST_CHANGE, Moment, Occurrence, World, begin_step, evolve, is_change, move_all_stances,
    move_stances, recount,
};

pub mod limits {
    //! Named limits on scenarios and runs, so that no file can exhaust a machine.

    limits! {
        /// Size of a scenario file, in bytes.
        pub const FILE_BYTES: u64 = 4 << 20;
        /// Characters of an id.
        pub const ID_LENGTH: usize = 100;
        /// Characters of a title, a name or a unit.
        pub const NAME_LENGTH: usize = 200;
        /// Depth to which expressions nest.
        pub const NESTING: usize = 256;
        /// Depth of an expression with its definitions expanded.
        pub const UNFOLDED_DEPTH: usize = 1_024;
        /// Operations in an expression with its definitions expanded.
        pub const UNFOLDED_SIZE: usize = 100_000;
        /// Actors, cohorts' members included.
        pub const ACTORS: usize = 2_000_000;
        /// Issues.
        pub const ISSUES: usize = 1_000;
        /// Stances: actors times issues.
        pub const STANCES: usize = 2_000_000;
        /// Actors times attributes.
        pub const ATTRIBUTES: usize = 20_000_000;
        /// Actors times resources.
        pub const LEDGER: usize = 4_000_000;
        /// Commitment instances.
        pub const INSTANCES: usize = 2_000_000;
        /// Memberships of groups that expressions, tables and meetings refer to.
        pub const MEMBERSHIPS: usize = 10_000_000;
        /// Pairs of actors in the trust table, in one shock's or one meeting's effects.
        pub const PAIRS: usize = 4_000_000;
        /// Pairs of actors in the influence table, or in it and the meetings of a step that have influence.
        pub const TIES: usize = 20_000_000;
        /// Steps of a run.
        pub const STEPS: u32 = 1_000_000;
        /// Events of a run.
        pub const EVENTS: u32 = 10_000_000;
        /// Rows of a run's series: steps times metrics.
        pub const SAMPLES: u64 = 20_000_000;
        /// Operations of a run: nodes of expressions evaluated, and numbers of other actors read.
        pub const WORK: u64 = 1_000_000_000;
        /// Sweeps in which graded amounts settle, the last one included.
        pub const SWEEPS: u32 = 100_000;
        /// Pairs of actors whose trust differs from the prior.
        pub const TRUST_PAIRS: usize = 5_000_000;
        /// Errors shown of one file.
        pub const DIAGNOSTICS: usize = 100;
        /// Gifts: resources given by all instances of all commitments.
        pub const GIFTS: usize = 4_000_000;
        /// Numeric fields that are expressions or distributions, members counted.
        pub const FIELDS: usize = 2_500_000;
        /// Instances that all moves of a scenario bind together.
        pub const BOUND: usize = 2_000_000;
        /// Operations of all compiled expressions together, members counted.
        pub const OPERATIONS: usize = 50_000_000;
        /// Words of 64 bits in the membership masks of all groups.
        pub const MASK_WORDS: usize = 16_000_000;
        /// Pairs of a gift and a slot that it may count in.
        pub const SLOT_PAIRS: usize = 500_000_000;
        /// Size of a table that a scenario refers to, in bytes.
        pub const TABLE_BYTES: u64 = 1 << 30;
        /// Rows of a table that a scenario refers to.
        pub const TABLE_ROWS: usize = 20_000_000;
        /// Members that a table makes.
        pub const TABLE_MEMBERS: usize = 2_000_000;
        /// Columns of a table that a scenario refers to.
        pub const TABLE_COLUMNS: usize = 10_000;
        /// Tables that a scenario refers to.
        pub const TABLES: usize = 100;
        /// Length of a chain of scenarios that extend each other.
        pub const EXTENDED: usize = 8;
    }
}

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
    pub actors: Actors,
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
    /// Their names: the commitment, or `commitment/actor` for an instance of a group's.
    pub instance_names: Texts,
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
    /// The slots that gifts count in, by flat position.
    pub gift_slots: GiftSlots,
    /// The numbers that are the same in all runs, with defaults in place of those that differ.
    /// Shared with the runs that change none of them.
    pub setup: Arc<Setup>,
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
    /// Its unit, shown in texts.
    pub unit: Option<String>,
    /// A note from the scenario.
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
    /// The name shown in texts; the id if there is none.
    pub name: Option<String>,
    /// Its unit, shown in texts.
    pub unit: Option<String>,
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

/// A named condition that a run may reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Its id.
    pub id: String,
    /// The name shown in texts; the id if there is none.
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
    /// The numbers, to be changed; copies them if a run shares them.
    pub fn setup_mut(&mut self) -> &mut Setup {
        Arc::make_mut(&mut self.setup)
    }

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
            instance_names,
            meetings,
            shocks,
            moves,
            outcomes,
            metrics,
            slots,
            means,
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
            && *instance_names == other.instance_names
            && *meetings == other.meetings
            && *shocks == other.shocks
            && *moves == other.moves
            && *outcomes == other.outcomes
            && *metrics == other.metrics
            && *slots == other.slots
            && *means == other.means
            && *gift_slots == other.gift_slots
            && *fields == other.fields
            && *draws == other.draws
            && *reads_trust == other.reads_trust
            && *reads_gap == other.reads_gap
    }

    /// Number of gifts of all instances.
    #[must_use]
    pub fn gift_count(&self) -> usize {
        self.gift_slots.gifts()
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
        self.slots_at(self.instances[instance.index()].first_gift as usize + number)
    }

    /// The slots that a gift counts in, by its flat position.
    #[inline]
    #[must_use]
    pub fn slots_at(&self, position: usize) -> &[SlotId] {
        self.gift_slots.of(position..position + 1)
    }

    /// The slots that the gifts of an instance count in, gift by gift.
    #[inline(always)]
    #[must_use]
    pub fn all_slots_of(&self, instance: InstanceId) -> &[SlotId] {
        let declared = &self.instances[instance.index()];
        let first = declared.first_gift as usize;
        let end = first + self.commitments[declared.commitment.index()].gives.len();
        self.gift_slots.of(first..end)
    }

    /// The name of an instance: the commitment, or `commitment/actor` for an instance of a group's.
    #[inline]
    #[must_use]
    pub fn name_of(&self, instance: InstanceId) -> &str {
        self.instance_names.text(instance.index())
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

    /// Whether there are so many instances that what belongs to them does not fit into the cache of a processor.
    #[must_use]
    pub fn is_scattered(&self) -> bool {
        self.instances.len() >= 1 << 15
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
