//! Small models built by hand, and an independent representation of their conditions.

use std::sync::Arc;

use crate::engine::{Plan, View, evolve};
use crate::model::{
    ActorId, Amount, Clock, Commitment, CommitmentId, Comparison, Event, Expression, GiftSlots, Group, GroupId,
    Instance, InstanceId, IssueId, Model, Node, NodeId, Numbers, Outcome, Promises, Quantity, Resource, ResourceId,
    Setup, Slot, SlotId, State, StepLength, Texts, World,
};

/// A condition or a number. Groups, actors and commitments are given by position.
#[derive(Clone, Debug)]
pub(super) enum E {
    Number(f64),
    Offered(usize, usize),
    Bound(usize, usize),
    Delivered(usize, usize),
    Parties(usize, usize),
    /// Resource, group, observer outside of commitments.
    Assured(usize, usize, Option<usize>),
    Offers(usize),
    Bonds(usize),
    BoundAt(usize),
    Deadlocked,
    Add(Box<E>, Box<E>),
    Is(Comparison, Box<E>, Box<E>),
    And(Box<E>, Box<E>),
    Or(Box<E>, Box<E>),
    Not(Box<E>),
    If(Box<E>, Box<E>, Box<E>),
}

impl E {
    pub(super) fn at_least(self, bound: f64) -> Self {
        Self::Is(Comparison::GreaterOrEqual, Box::new(self), Box::new(Self::Number(bound)))
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self::And(Box::new(self), Box::new(other))
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self::Or(Box::new(self), Box::new(other))
    }

    /// Joins conditions by `join`.
    pub(super) fn join(all: impl IntoIterator<Item = Self>, join: fn(Self, Self) -> Self) -> Option<Self> {
        all.into_iter().reduce(join)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Promise {
    pub(super) debtor: usize,
    /// Resources with whole numbers of units.
    pub(super) gives: Vec<(usize, i64)>,
    pub(super) when: Option<E>,
    pub(super) stay: Option<E>,
    pub(super) maintain: bool,
    pub(super) cost: f64,
    pub(super) state: State,
    /// Units delivered of each gift.
    pub(super) delivered: Vec<i64>,
}

impl Promise {
    pub(super) fn new(debtor: usize, gives: &[(usize, i64)], when: Option<E>) -> Self {
        Self {
            debtor,
            gives: gives.to_vec(),
            when,
            stay: None,
            maintain: false,
            cost: 1.0,
            state: State::Conditional,
            delivered: vec![0; gives.len()],
        }
    }
}

/// A small scenario in a state. Actor `i` is `a<i>`, commitment `i` is `c<i>`, unless named.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketch {
    pub(super) actors: usize,
    pub(super) resources: usize,
    /// Members of each group.
    pub(super) groups: Vec<Vec<usize>>,
    pub(super) promises: Vec<Promise>,
    pub(super) goal: Option<E>,
    pub(super) trust: f64,
    pub(super) credit_offer: f64,
    pub(super) credit_bond: f64,
    pub(super) names: Vec<&'static str>,
}

pub(super) struct Built {
    pub(super) model: Model,
    pub(super) plan: Plan,
    pub(super) setup: Arc<Setup>,
    pub(super) world: World,
}

impl Built {
    pub(super) fn view(&self) -> View<'_> {
        let Self { model, plan, setup, world } = self;
        View { model, plan, setup, world }
    }
}

impl Sketch {
    pub(super) fn new(actors: usize, resources: usize) -> Self {
        Self { actors, resources, trust: 1.0, credit_bond: 1.0, ..Self::default() }
    }

    /// One commitment per actor, each giving one unit of its own resource; `when` says whose bonds it needs.
    pub(super) fn graph(whens: Vec<Option<E>>) -> Self {
        let mut sketch = Self::new(whens.len(), 1);
        sketch.promises = whens.into_iter().enumerate().map(|(at, when)| Promise::new(at, &[(0, 1)], when)).collect();
        sketch
    }

    pub(super) fn build(&self) -> Built {
        let model = self.model();
        let plan = Plan::new(&model);
        let setup = model.setup.clone();
        let mut world = World::new(&model, &setup);
        for (at, promise) in self.promises.iter().enumerate() {
            let id = InstanceId::at(at);
            let mut happen = |event| evolve(&model, &setup, &mut world, event);
            for event in events_to(promise.state, id) {
                happen(event);
            }
            for (gift, &units) in (0..).zip(&promise.delivered) {
                if units > 0 {
                    happen(Event::Delivered { instance: id, gift, amount: Amount(units * 1_000_000) });
                }
            }
        }
        Built { model, plan, setup, world }
    }

    #[expect(clippy::too_many_lines, reason = "a whole model, table by table")]
    fn model(&self) -> Model {
        let name = |at: usize, letter: char| {
            self.names.get(at).map_or_else(|| format!("{letter}{at}"), |name| (*name).to_owned())
        };
        let ids = |members: &[usize]| members.iter().map(|&at| ActorId::at(at)).collect::<Vec<_>>();
        let mut groups = vec![Group::new(String::new(), ids(&(0..self.actors).collect::<Vec<_>>()), self.actors)];
        groups.extend(
            self.groups.iter().enumerate().map(|(at, members)| Group::new(format!("g{at}"), ids(members), self.actors)),
        );
        let mut compiler = Compiler { slots: Vec::new(), groups: groups.len() };
        let commitments: Vec<Commitment> = self
            .promises
            .iter()
            .enumerate()
            .map(|(at, promise)| Commitment {
                id: name(at, 'c'),
                debtor: format!("a{}", promise.debtor),
                creditor: None,
                gives: promise.gives.iter().map(|&(resource, _)| ResourceId::at(resource)).collect(),
                levels: Vec::new(),
                resumable: false,
                offer: None,
                when: promise.when.as_ref().map(|when| compiler.compile(when)),
                stay: promise.stay.as_ref().map(|stay| compiler.compile(stay)),
                until: None,
                release: None,
                renew: None,
                initial: State::Null,
                maintain: promise.maintain,
                issue: IssueId(0),
            })
            .collect();
        let outcomes = self.goal.iter().map(|goal| Outcome {
            id: "goal".into(),
            name: None,
            when: compiler.compile(goal),
            stop: false,
        });
        let outcomes = outcomes.collect();
        let slots = compiler.slots;
        let (mut instances, mut starts, mut gift_slots, mut gives) = (Vec::new(), vec![0], Vec::new(), Vec::new());
        for (at, promise) in self.promises.iter().enumerate() {
            instances.push(Instance {
                commitment: CommitmentId::at(at),
                debtor: ActorId::at(promise.debtor),
                first_gift: u32::try_from(gives.len()).unwrap(),
            });
            for &(resource, units) in &promise.gives {
                gives.push(Amount(units * 1_000_000));
                let counts = |slot: &Slot| {
                    slot.resource.index() == resource
                        && groups[slot.group.index()].contains(ActorId::at(promise.debtor))
                };
                gift_slots.extend((0..slots.len()).filter(|&at| counts(&slots[at])).map(SlotId::at));
                starts.push(u32::try_from(gift_slots.len()).unwrap());
            }
        }
        let count = self.promises.len();
        Model {
            title: "sketch".into(),
            about: String::new(),
            clock: Clock { start: None, plain: false, step: StepLength::DAY, steps: 1 },
            parameters: Vec::new(),
            issues: vec!["main".into()],
            resources: (0..self.resources)
                .map(|at| Resource { id: format!("r{at}"), name: None, unit: None })
                .collect(),
            attributes: Vec::new(),
            actors: (0..self.actors).map(|at| format!("a{at}")).collect::<Texts>().into(),
            groups,
            influence: Vec::new(),
            data: Vec::new(),
            trust_pairs: Vec::new(),
            commitments,
            instances,
            instance_names: (0..count).map(|at| name(at, 'c')).collect(),
            meetings: Vec::new(),
            shocks: Vec::new(),
            moves: Vec::new(),
            outcomes,
            metrics: Vec::new(),
            slots,
            means: Vec::new(),
            gift_slots: GiftSlots::new(starts, gift_slots, self.resources),
            setup: Arc::new(Setup {
                by: Numbers::default(),
                parameters: Vec::new(),
                stances: vec![0.5; self.actors],
                anchors: Numbers::new(0.5, self.actors),
                susceptibility: vec![1.0; self.actors],
                volatility: vec![0.0; self.actors],
                credit_offer: Numbers::new(self.credit_offer, self.actors),
                credit_bond: Numbers::new(self.credit_bond, self.actors),
                attributes: Vec::new(),
                pace: 1.0,
                trust_default: self.trust,
                trust_strength: 4.0,
                trust_kept: 0.0,
                trust_broken: 0.0,
                trust_suspended: 0.0,
                trust_witness: 0.0,
                trust_pairs: Vec::new(),
                influence: Vec::new(),
                gives: gives.into(),
                lead: Numbers::new(0, count),
                over: Numbers::new(1, count),
                grace: Numbers::new(None, count),
                due: Numbers::new(None, count),
                expires: Numbers::new(f64::INFINITY, count),
                cost: self.promises.iter().map(|promise| promise.cost).collect::<Vec<_>>().into(),
                success: Vec::new(),
                meeting_influence: Vec::new(),
                effects: Vec::new(),
                moved: Vec::new(),
            }),
            fields: Vec::new(),
            draws: Vec::new(),
            reads_trust: true,
            reads_gap: false,
        }
    }
}

fn events_to(state: State, id: InstanceId) -> Vec<Event> {
    match state {
        State::Null => vec![],
        State::Conditional => vec![Event::Created(id)],
        State::Detached => vec![Event::Created(id), Event::Detached(id)],
        State::Pending => vec![Event::Created(id), Event::Detached(id), Event::Suspended(id)],
        State::Satisfied => vec![Event::Created(id), Event::Detached(id), Event::Satisfied(id)],
        State::Violated => vec![Event::Created(id), Event::Detached(id), Event::Violated(id)],
        State::Expired => vec![Event::Created(id), Event::Expired(id)],
        State::Terminated => vec![Event::Created(id), Event::Released(id)],
    }
}

struct Compiler {
    slots: Vec<Slot>,
    groups: usize,
}

impl Compiler {
    fn compile(&mut self, e: &E) -> Expression {
        let mut nodes = Vec::new();
        self.push(e, &mut nodes);
        Expression { nodes, path: "sketch".into(), text: format!("{e:?}"), named: Vec::new() }
    }

    /// Group 0 of the model is everyone; the sketch's groups follow.
    fn slot(&mut self, resource: usize, group: usize) -> SlotId {
        assert!(group < self.groups);
        let slot = Slot { resource: ResourceId::at(resource), group: GroupId::at(group) };
        let at = self.slots.iter().position(|known| *known == slot).unwrap_or_else(|| {
            self.slots.push(slot);
            self.slots.len() - 1
        });
        SlotId::at(at)
    }

    fn push(&mut self, e: &E, nodes: &mut Vec<Node>) -> NodeId {
        let node = match e {
            E::Number(value) => Node::Number(*value),
            E::Offered(r, g) => Node::Read(Quantity::Offered(self.slot(*r, *g))),
            E::Bound(r, g) => Node::Read(Quantity::Bound(self.slot(*r, *g))),
            E::Delivered(r, g) => Node::Read(Quantity::Delivered(self.slot(*r, *g))),
            E::Parties(r, g) => Node::Read(Quantity::Parties(self.slot(*r, *g))),
            E::Assured(r, g, observer) => {
                let slot = self.slot(*r, *g);
                Node::Read(Quantity::Assured { slot, observer: observer.map(ActorId::at) })
            }
            E::Offers(c) => Node::Read(Quantity::Offers(Promises::all(CommitmentId::at(*c)))),
            E::Bonds(c) => Node::Read(Quantity::Bonds(Promises::all(CommitmentId::at(*c)))),
            E::BoundAt(c) => Node::Read(Quantity::BoundAt(Promises::all(CommitmentId::at(*c)))),
            E::Deadlocked => Node::Read(Quantity::Deadlocked),
            E::Add(a, b) => Node::Add(self.push(a, nodes), self.push(b, nodes)),
            E::Is(comparison, a, b) => Node::Compare(*comparison, self.push(a, nodes), self.push(b, nodes)),
            E::And(a, b) => Node::And(self.push(a, nodes), self.push(b, nodes)),
            E::Or(a, b) => Node::Or(self.push(a, nodes), self.push(b, nodes)),
            E::Not(a) => Node::Not(self.push(a, nodes)),
            E::If(c, a, b) => Node::If(self.push(c, nodes), self.push(a, nodes), self.push(b, nodes)),
        };
        nodes.push(node);
        NodeId::try_from(nodes.len() - 1).unwrap()
    }
}
