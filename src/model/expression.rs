//! Compiled expressions: a flat arena of nodes over ids, and their evaluation on a state.
//!
//! The front end (`scenario`) has checked types, names and contexts. The only failure that remains is a part that is
//! not a number (`0/0`, `ln(-1)`): [`NotANumber`].

use std::cell::Cell;

use super::ids::{ActorId, InstanceId, ParameterId, SlotId};
use super::quantity::Quantity;
use super::state::State;
use super::world::World;
use super::{Evidence, Model, Setup};

/// Index of a node in its expression's arena; children precede their parents.
pub type NodeId = u32;

/// A comparison of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Comparison {
    /// Whether the comparison of `left` and `right` is true.
    #[inline]
    #[must_use]
    #[expect(clippy::float_cmp, reason = "the language's own `==` compares numbers exactly")]
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
        }
    }

    /// Its operator in the language.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

/// One operation of a compiled expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node {
    /// A number as written.
    Number(f64),
    /// `true` or `false`.
    Truth(bool),
    /// A parameter's value in this run.
    Parameter(ParameterId),
    /// A quantity of the state.
    Read(Quantity),
    /// `-a`
    Negate(NodeId),
    /// `a + b`
    Add(NodeId, NodeId),
    /// `a - b`
    Subtract(NodeId, NodeId),
    /// `a * b`
    Multiply(NodeId, NodeId),
    /// `a / b`
    Divide(NodeId, NodeId),
    /// `a < b` and the other comparisons
    Compare(Comparison, NodeId, NodeId),
    /// `a and b`
    And(NodeId, NodeId),
    /// `a or b`
    Or(NodeId, NodeId),
    /// `not a`
    Not(NodeId),
    /// `min(a, b)`
    Min(NodeId, NodeId),
    /// `max(a, b)`
    Max(NodeId, NodeId),
    /// `clamp(a, low, high)`, which is `min(max(a, low), high)`
    Clamp(NodeId, NodeId, NodeId),
    /// `abs(a)`
    Abs(NodeId),
    /// `sqrt(a)`
    Sqrt(NodeId),
    /// `exp(a)`
    Exp(NodeId),
    /// `ln(a)`
    Ln(NodeId),
    /// `if(c, a, b)`
    If(NodeId, NodeId, NodeId),
    /// `curve(a, x1, y1, …)`: the operand, the node of `x1`, and the number of points. The nodes from `x1` on are the
    /// numbers `x1`, `y1`, `x2`, `y2` …
    Curve(NodeId, NodeId, u32),
}

/// A node that is a condition, and not a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Condition {
    /// `true` or `false`.
    Truth(bool),
    /// `a < b` and its kin.
    Compare(Comparison, NodeId, NodeId),
    /// `a and b`
    And(NodeId, NodeId),
    /// `a or b`
    Or(NodeId, NodeId),
    /// `not a`
    Not(NodeId),
    /// `if(c, a, b)`, which is a condition where `a` and `b` are.
    If(NodeId, NodeId, NodeId),
}

impl Node {
    /// The node as a condition; `None` if it is a number for any operands.
    #[inline]
    #[must_use]
    pub fn condition(self) -> Option<Condition> {
        match self {
            Self::Truth(truth) => Some(Condition::Truth(truth)),
            Self::Compare(comparison, a, b) => Some(Condition::Compare(comparison, a, b)),
            Self::And(a, b) => Some(Condition::And(a, b)),
            Self::Or(a, b) => Some(Condition::Or(a, b)),
            Self::Not(a) => Some(Condition::Not(a)),
            Self::If(c, a, b) => Some(Condition::If(c, a, b)),
            Self::Number(_)
            | Self::Parameter(_)
            | Self::Read(_)
            | Self::Negate(_)
            | Self::Add(..)
            | Self::Subtract(..)
            | Self::Multiply(..)
            | Self::Divide(..)
            | Self::Min(..)
            | Self::Max(..)
            | Self::Clamp(..)
            | Self::Abs(_)
            | Self::Sqrt(_)
            | Self::Exp(_)
            | Self::Ln(_)
            | Self::Curve(..) => None,
        }
    }

    /// Its operands, in order.
    #[must_use]
    pub fn operands(self) -> impl DoubleEndedIterator<Item = NodeId> {
        let operands = match self {
            Self::Number(_) | Self::Truth(_) | Self::Parameter(_) | Self::Read(_) => [None; 3],
            Self::Negate(a)
            | Self::Not(a)
            | Self::Abs(a)
            | Self::Sqrt(a)
            | Self::Exp(a)
            | Self::Ln(a)
            | Self::Curve(a, ..) => [Some(a), None, None],
            Self::Add(a, b)
            | Self::Subtract(a, b)
            | Self::Multiply(a, b)
            | Self::Divide(a, b)
            | Self::Compare(_, a, b)
            | Self::And(a, b)
            | Self::Or(a, b)
            | Self::Min(a, b)
            | Self::Max(a, b) => [Some(a), Some(b), None],
            Self::Clamp(a, b, c) | Self::If(a, b, c) => [Some(a), Some(b), Some(c)],
        };
        operands.into_iter().flatten()
    }
}

/// A compiled expression. Each definition that it uses is compiled once into its arena.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// The operations, children before parents; the last is the root.
    pub nodes: Vec<Node>,
    /// The place of the expression in the file, as a dotted path (`commitments.uk_troops.when`).
    pub path: String,
    /// The text as written, for messages.
    pub text: String,
    /// The root nodes of definitions, with their names, for messages.
    pub named: Vec<(NodeId, String)>,
}

impl Expression {
    /// The root node.
    ///
    /// # Panics
    /// If the expression is empty, which the compiler never makes.
    #[must_use]
    #[inline]
    pub fn root(&self) -> NodeId {
        NodeId::try_from(self.nodes.len() - 1).expect("the size of an expression is limited")
    }

    /// The distinct quantities that occur in it, sorted.
    #[must_use]
    pub fn reads(&self) -> Vec<Quantity> {
        let mut found: Vec<Quantity> = self
            .nodes
            .iter()
            .filter_map(|node| if let Node::Read(quantity) = node { Some(*quantity) } else { None })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The distinct quantities under a node, sorted.
    #[must_use]
    pub fn reads_at(&self, node: NodeId) -> Vec<Quantity> {
        let mut seen = vec![false; node as usize + 1];
        let mut found = Vec::new();
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            if std::mem::replace(&mut seen[node as usize], true) {
                continue;
            }
            let operation = self.nodes[node as usize];
            if let Node::Read(quantity) = operation {
                found.push(quantity);
            }
            stack.extend(operation.operands());
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The value of a numeric expression.
    ///
    /// # Errors
    /// A [`NotANumber`] if a part that was evaluated is not a number.
    #[inline]
    pub fn number(&self, values: &impl Values) -> Result<f64, NotANumber> {
        let faulty = Cell::new(NodeId::MAX);
        let value = Evaluation { nodes: &self.nodes, values, faulty: &faulty }.number(self.root());
        self.checked(value, faulty.get())
    }

    /// The value of a condition.
    ///
    /// # Errors
    /// A [`NotANumber`] if a part that was evaluated is not a number.
    #[inline]
    pub fn truth(&self, values: &impl Values) -> Result<bool, NotANumber> {
        let faulty = Cell::new(NodeId::MAX);
        let value = Evaluation { nodes: &self.nodes, values, faulty: &faulty }.truth(self.root());
        self.checked(value, faulty.get())
    }

    /// The truth of one condition inside the expression, for explanations (`node` is a comparison or a connective).
    ///
    /// # Errors
    /// A [`NotANumber`] if a part that was evaluated is not a number.
    pub fn truth_at(&self, node: NodeId, values: &impl Values) -> Result<bool, NotANumber> {
        let faulty = Cell::new(NodeId::MAX);
        let value = Evaluation { nodes: &self.nodes, values, faulty: &faulty }.truth(node);
        self.checked(value, faulty.get())
    }

    /// The value of one number inside the expression, for explanations.
    ///
    /// # Errors
    /// A [`NotANumber`] if a part that was evaluated is not a number.
    pub fn number_at(&self, node: NodeId, values: &impl Values) -> Result<f64, NotANumber> {
        let faulty = Cell::new(NodeId::MAX);
        let value = Evaluation { nodes: &self.nodes, values, faulty: &faulty }.number(node);
        self.checked(value, faulty.get())
    }

    #[inline]
    fn checked<T>(&self, value: T, faulty: NodeId) -> Result<T, NotANumber> {
        if faulty == NodeId::MAX { Ok(value) } else { Err(self.fault(faulty)) }
    }

    #[cold]
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other operations are told alike")]
    fn fault(&self, node: NodeId) -> NotANumber {
        let what = match self.nodes[node as usize] {
            Node::Divide(..) => "a division whose result is not a number",
            Node::Ln(_) => "the logarithm of a negative number",
            Node::Sqrt(_) => "the square root of a negative number",
            Node::Add(..) | Node::Subtract(..) => "a difference of two infinities",
            Node::Multiply(..) => "zero times infinity",
            _ => "a value that is not a number",
        };
        NotANumber { path: self.path.clone(), text: self.text.clone(), what }
    }
}

/// An evaluated part of an expression is not a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotANumber {
    /// The dotted path of the expression.
    pub path: String,
    /// Its text.
    pub text: String,
    /// The operation that failed.
    pub what: &'static str,
}

/// The reader: the instance whose condition is evaluated, and its debtor.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// The debtor, whose own commitments do not count.
    pub actor: ActorId,
    /// The reading instance.
    pub instance: InstanceId,
}

/// The inputs of an expression.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The compiled scenario.
    pub model: &'a Model,
    /// The numbers of this run.
    pub setup: &'a Setup,
    /// The state.
    pub world: &'a World,
    /// The evidence, separate from the world so that hypothetical evidence can be used.
    pub evidence: &'a Evidence,
    /// The instance with the condition, for conditions of a commitment.
    pub reader: Option<Reader>,
}

/// A source of values for parameters and quantities.
pub trait Values {
    /// The value of a parameter.
    fn parameter(&self, parameter: ParameterId) -> f64;
    /// The value of a quantity; NaN if it has none.
    fn read(&self, quantity: Quantity) -> f64;
}

struct Evaluation<'a, V> {
    nodes: &'a [Node],
    values: &'a V,
    /// First node whose value was not a number; a cell instead of a `Result` keeps evaluation fast.
    faulty: &'a Cell<NodeId>,
}

impl<V: Values> Evaluation<'_, V> {
    /// [`Self::number`], without a call for what needs none.
    #[inline(always)]
    fn operand(&self, id: NodeId) -> f64 {
        if let Node::Number(value) = self.nodes[id as usize] {
            value
        } else if let Node::Parameter(parameter) = self.nodes[id as usize] {
            self.values.parameter(parameter)
        } else {
            self.number(id)
        }
    }

    fn number(&self, id: NodeId) -> f64 {
        let value = match self.nodes[id as usize] {
            Node::Number(value) => return value,
            Node::Parameter(parameter) => return self.values.parameter(parameter),
            Node::Read(quantity) => self.values.read(quantity),
            Node::Negate(a) => return -self.number(a),
            Node::Add(a, b) => self.operand(a) + self.operand(b),
            Node::Subtract(a, b) => self.operand(a) - self.operand(b),
            Node::Multiply(a, b) => self.operand(a) * self.operand(b),
            Node::Divide(a, b) => self.operand(a) / self.operand(b),
            Node::Min(a, b) => smaller(self.operand(a), self.operand(b)),
            Node::Max(a, b) => larger(self.operand(a), self.operand(b)),
            Node::Clamp(a, low, high) => clamped(self.number(a), self.number(low), self.number(high)),
            Node::Abs(a) => return self.number(a).abs(),
            Node::Sqrt(a) => libm::sqrt(self.number(a)),
            Node::Exp(a) => libm::exp(self.number(a)),
            Node::Ln(a) => libm::log(self.number(a)),
            Node::If(c, a, b) => return if self.truth(c) { self.number(a) } else { self.number(b) },
            Node::Curve(a, points, count) => on_curve(self.number(a), points, count, |id| self.number(id)),
            Node::Truth(_) | Node::Compare(..) | Node::And(..) | Node::Or(..) | Node::Not(_) => {
                debug_assert!(false, "types are checked before evaluation");
                f64::NAN
            }
        };
        if value.is_nan() && self.faulty.get() == NodeId::MAX {
            self.faulty.set(id);
        }
        value
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "types are checked before evaluation")]
    fn truth(&self, id: NodeId) -> bool {
        match self.nodes[id as usize] {
            Node::Truth(value) => value,
            Node::Compare(comparison, a, b) => comparison.holds(self.operand(a), self.operand(b)),
            Node::And(a, b) => self.truth(a) && self.truth(b),
            Node::Or(a, b) => self.truth(a) || self.truth(b),
            Node::Not(a) => !self.truth(a),
            Node::If(c, a, b) => {
                if self.truth(c) {
                    self.truth(a)
                } else {
                    self.truth(b)
                }
            }
            _ => {
                debug_assert!(false, "types are checked before evaluation");
                false
            }
        }
    }
}

/// The value of a piecewise linear curve whose corners are the numbers of the nodes from `points` on. It is constant
/// outside the corners, and clamped to the two surrounding corners so that rounding cannot break monotonicity.
pub fn on_curve(x: f64, points: NodeId, count: u32, number: impl Fn(NodeId) -> f64) -> f64 {
    let corner = |at: u32| (number(points + 2 * at), number(points + 2 * at + 1));
    let (mut x0, mut y0) = corner(0);
    if x.is_nan() || x <= x0 {
        return if x.is_nan() { x } else { y0 };
    }
    for at in 1..count {
        let (x1, y1) = corner(at);
        if x < x1 {
            let y = y0 + (y1 - y0) * ((x - x0) / (x1 - x0));
            return clamped(y, smaller(y0, y1), larger(y0, y1));
        }
        (x0, y0) = (x1, y1);
    }
    y0
}

/// Whether a curve ever rises, and whether it ever falls.
pub fn curve_goes(points: NodeId, count: u32, number: impl Fn(NodeId) -> f64) -> (bool, bool) {
    let y = |at: u32| number(points + 2 * at + 1);
    let pairs = || (1..count).map(|at| (y(at - 1), y(at)));
    (pairs().any(|(a, b)| b > a), pairs().any(|(a, b)| b < a))
}

pub(super) fn smaller(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

/// Monotone in all three arguments, also if `low` exceeds `high`; then `high` is the result.
pub(super) fn clamped(a: f64, low: f64, high: f64) -> f64 {
    smaller(larger(a, low), high)
}

pub(super) fn larger(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

impl Values for Scope<'_> {
    #[inline]
    fn parameter(&self, parameter: ParameterId) -> f64 {
        self.setup.parameters[parameter.index()]
    }

    fn read(&self, quantity: Quantity) -> f64 {
        let world = self.world;
        match quantity {
            Quantity::Offered(slot) => self.evidence.offered(self.model, slot, self.reader).to_units(),
            Quantity::Bound(slot) => self.evidence.bound(self.model, slot, self.reader).to_units(),
            Quantity::Delivered(slot) => self.evidence.delivered(self.model, slot, self.reader).to_units(),
            Quantity::Parties(slot) => f64::from(self.evidence.parties(self.model, slot, self.reader)),
            Quantity::Assured { slot, observer } => self.assured(slot, observer),
            Quantity::Offers(c) => f64::from(self.evidence.offers(self.model, c, self.reader)),
            Quantity::Bonds(c) => f64::from(self.evidence.bonds(self.model, c, self.reader)),
            Quantity::Kept(c) => f64::from(self.evidence.kept(self.model, c, self.reader)),
            Quantity::Pending(c) => f64::from(self.evidence.in_state(c, State::Pending)),
            Quantity::Violated(c) => f64::from(self.evidence.in_state(c, State::Violated)),
            Quantity::Expired(c) => f64::from(self.evidence.in_state(c, State::Expired)),
            Quantity::Terminated(c) => f64::from(self.evidence.in_state(c, State::Terminated)),
            Quantity::Rounds(c) => f64::from(self.evidence.rounds(c)),
            Quantity::Reached(outcome) => f64::from(u8::from(world.reached[outcome.index()].is_some())),
            Quantity::BoundAt(c) => world.bound_at(c).map_or(f64::INFINITY, f64::from),
            Quantity::OwnStance(issue) => self.reader.map_or(f64::NAN, |me| world.stance(me.actor, issue)),
            Quantity::Stance(actor, issue) => world.stance(actor, issue),
            Quantity::MeanStance(mean) => world.mean_stance(self.model, mean),
            Quantity::Trust(truster, trusted) => world.trust.of(truster, trusted),
            Quantity::Own(attribute) => {
                self.reader.map_or(f64::NAN, |me| self.setup.attribute(self.model, me.actor, attribute))
            }
            Quantity::MeetingCount(meeting) => f64::from(world.meetings[meeting.index()].count),
            Quantity::ShockCount(shock) => f64::from(world.shocks[shock.index()].count),
            Quantity::MoveCount(which) => f64::from(world.moves[which.index()].count),
            Quantity::SinceMove(which) => world.moves[which.index()].since(world.step),
            Quantity::SinceMeeting(meeting) => world.meetings[meeting.index()].since(world.step),
            Quantity::SinceShock(shock) => world.shocks[shock.index()].since(world.step),
            Quantity::Deadlocked => f64::from(world.gap()),
            Quantity::Step => f64::from(world.step),
            Quantity::Steps => f64::from(self.model.clock.steps),
            Quantity::Data(data) => self.model.data[data.index()].at(self.model.clock.moment_of(world.step)),
            // Only numeric fields may read these, and they are evaluated before there is a state.
            Quantity::Index | Quantity::Size => f64::NAN,
        }
    }
}

impl Scope<'_> {
    /// The amount that the observer expects of a group: deliveries in full, bonds and offers weighted by credit and
    /// trust.
    ///
    /// `Σ_j d + τ_ij·((κ_bond − κ_offer)·(b − d) + κ_offer·(o − d))`, an expectation under Beta
    /// reputation (Jøsang and Ismail 2002), in declaration order of the actors `j`.
    fn assured(&self, slot: SlotId, observer: Option<ActorId>) -> f64 {
        let Some(observer) = observer.or(self.reader.map(|me| me.actor)) else {
            return f64::NAN;
        };
        let credit_offer = self.setup.credit_offer[observer.index()];
        let bond_over_offer = self.setup.credit_bond[observer.index()] - credit_offer;
        let slot = &self.model.slots[slot.index()];
        let mut sum = 0.0;
        for &actor in &self.model.groups[slot.group.index()].members {
            if actor == observer {
                continue;
            }
            let (offered, bound, delivered) = self.evidence.table(self.model, slot.resource, actor);
            let over_delivered = bond_over_offer * bound.minus(delivered).to_units()
                + credit_offer * offered.minus(delivered).to_units();
            sum += delivered.to_units() + self.world.trust.of(observer, actor) * over_delivered;
        }
        sum
    }
}
