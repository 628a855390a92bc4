//! What an unlock set is to reach, and how it moves with what is bound.

use crate::engine::{Failure, Hypothesis, View, evolve};
use crate::model::{Amount, Bearing, Expression, InstanceId, Node, NodeId, Quantity, Range, Scope, World, curve_goes};

/// What is to be reached.
#[derive(Clone, Debug)]
pub(super) enum Goal<'a> {
    /// All of these are bound, and their graded amounts are as good as these, given by position in the plan.
    Bound(Vec<InstanceId>, Vec<Amount>),
    /// An outcome's condition holds.
    Outcome(&'a Expression),
}

/// How something moves when more is bound, everything else fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trend {
    /// It does not move.
    Fixed,
    /// It never falls; of a condition: it never turns false.
    Up,
    /// It never rises; of a condition: it never turns true.
    Down,
    /// It may do either.
    Either,
}

impl Trend {
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fixed, trend) | (trend, Self::Fixed) => trend,
            (a, b) if a == b => a,
            _ => Self::Either,
        }
    }

    fn reversed(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
            other => other,
        }
    }
}

impl Goal<'_> {
    /// How the goal moves when more is bound in the state of `scope`.
    pub(super) fn trend(&self, scope: &Scope<'_>) -> Trend {
        match self {
            Self::Bound(..) => Trend::Up,
            Self::Outcome(expression) => trend(expression, scope),
        }
    }
}

/// Tests a goal on hypotheses.
#[derive(Clone, Debug)]
pub(super) struct GoalTest<'a> {
    /// The state that hypotheses are about.
    pub(super) view: View<'a>,
    pub(super) goal: Goal<'a>,
    /// A member of the goal that was missing at the last look.
    pub(super) missing: usize,
    /// Whether the outcome reads what only a whole state has.
    pub(super) reads_state: bool,
}

impl<'a> GoalTest<'a> {
    pub(super) fn new(view: View<'a>, goal: Goal<'a>) -> Self {
        let reads_state = match &goal {
            Goal::Bound(..) => false,
            Goal::Outcome(expression) => {
                expression.reads().iter().any(|q| matches!(q, Quantity::BoundAt(_) | Quantity::Deadlocked))
            }
        };
        Self { view, goal, missing: 0, reads_state }
    }

    /// Whether the goal is reached if what the hypothesis says is bound.
    pub(super) fn reached(&mut self, hypothesis: &Hypothesis<'_>) -> Result<bool, Failure> {
        match &self.goal {
            Goal::Bound(members, amounts) => {
                let is_missing = |&member: &InstanceId| {
                    if amounts.is_empty() && !hypothesis.knows_more() {
                        !hypothesis.is_bound(member)
                    } else {
                        !hypothesis.is_as_good(member, amounts)
                    }
                };
                if members.get(self.missing).is_some_and(is_missing) {
                    return Ok(false);
                }
                let missing = members.iter().position(is_missing);
                self.missing = missing.unwrap_or(self.missing);
                Ok(missing.is_none())
            }
            Goal::Outcome(expression) => {
                if self.reads_state {
                    return self.reached_in(&self.state_of(hypothesis), expression);
                }
                self.truth(expression, &hypothesis.scope())
            }
        }
    }

    /// The state in which what the hypothesis says is bound in fact.
    fn state_of(&self, hypothesis: &Hypothesis<'_>) -> World {
        let View { model, setup, .. } = self.view;
        let mut world = self.view.world.clone();
        for event in hypothesis.events() {
            evolve(model, setup, &mut world, event);
        }
        world
    }

    /// Whether an outcome holds in a state after an Exchange, with its own gap.
    pub(super) fn reached_in(&self, world: &World, expression: &Expression) -> Result<bool, Failure> {
        let with_gap = if self.reads_state {
            let gap = super::gap(View { world, ..self.view })?.len();
            let gap = u32::try_from(gap).expect("the number of instances is limited");
            let mut world = world.clone();
            world.keep_gap(gap);
            Some(world)
        } else {
            None
        };
        let world = with_gap.as_ref().unwrap_or(world);
        self.truth(expression, &View { world, ..self.view }.scope())
    }

    fn truth(&self, expression: &Expression, scope: &Scope<'_>) -> Result<bool, Failure> {
        expression.truth(scope).map_err(|fault| Failure::Expression { fault, step: self.view.world.step })
    }
}

/// How a condition moves when more is bound, by a sign analysis with the values of everything fixed.
fn trend(expression: &Expression, scope: &Scope<'_>) -> Trend {
    let mut facts: Vec<Fact> = Vec::with_capacity(expression.nodes.len());
    for (at, node) in expression.nodes.iter().enumerate() {
        let id = NodeId::try_from(at).expect("the size of an expression is limited");
        let fact = Fact::of(node, id, &facts, expression, scope);
        facts.push(fact);
    }
    facts.last().map_or(Trend::Fixed, |fact| fact.trend)
}

/// What is known of a node.
#[derive(Clone, Copy)]
struct Fact {
    trend: Trend,
    /// Never less than 0.
    positive: bool,
}

impl Fact {
    fn of(node: &Node, id: NodeId, facts: &[Self], expression: &Expression, scope: &Scope<'_>) -> Self {
        let at = |child: NodeId| facts[child as usize];
        let value = |child: NodeId| expression.number_at(child, scope).unwrap_or(f64::NAN);
        let trend = match *node {
            Node::Number(_) | Node::Truth(_) | Node::Parameter(_) => Trend::Fixed,
            Node::Read(Quantity::BoundAt(_)) => Trend::Down,
            Node::Read(quantity) => match quantity.bearing() {
                Bearing::Evidence => Trend::Up,
                Bearing::Fixed => Trend::Fixed,
                Bearing::Moved | Bearing::Barred(_) => Trend::Either,
            },
            Node::Negate(a) | Node::Not(a) => at(a).trend.reversed(),
            Node::Add(a, b) | Node::Min(a, b) | Node::Max(a, b) | Node::And(a, b) | Node::Or(a, b) => {
                at(a).trend.with(at(b).trend)
            }
            Node::Subtract(a, b) => at(a).trend.with(at(b).trend.reversed()),
            Node::Multiply(a, b) => product(at(a), at(b), || value(a), || value(b)),
            Node::Divide(a, b) => quotient(at(a), at(b), || value(a), || value(b)),
            Node::Clamp(a, b, c) => at(a).trend.with(at(b).trend).with(at(c).trend),
            Node::Abs(a) if at(a).positive => at(a).trend,
            Node::Abs(a) => Trend::Either.with_fixed(at(a).trend),
            Node::Sqrt(a) | Node::Exp(a) | Node::Ln(a) => at(a).trend,
            Node::Curve(a, points, count) => match curve_goes(points, count, value) {
                (_, false) => at(a).trend,
                (false, true) => at(a).trend.reversed(),
                (true, true) => Trend::Either.with_fixed(at(a).trend),
            },
            Node::If(c, a, b) if at(c).trend == Trend::Fixed => {
                if expression.truth_at(c, scope).unwrap_or(false) {
                    at(a).trend
                } else {
                    at(b).trend
                }
            }
            Node::If(..) => Trend::Either,
            Node::Compare(comparison, a, b) => {
                use crate::model::Comparison as C;
                let difference = at(a).trend.with(at(b).trend.reversed());
                match comparison {
                    C::Greater | C::GreaterOrEqual => difference,
                    C::Less | C::LessOrEqual => difference.reversed(),
                    C::Equal | C::NotEqual => Trend::Either.with_fixed(difference),
                }
            }
        };
        Self { trend, positive: Self::is_positive(node, id, trend, facts, expression, scope) }
    }

    fn is_positive(
        node: &Node,
        id: NodeId,
        trend: Trend,
        facts: &[Self],
        expression: &Expression,
        scope: &Scope<'_>,
    ) -> bool {
        let at = |child: NodeId| facts[child as usize].positive;
        match *node {
            Node::Compare(..) | Node::And(..) | Node::Or(..) | Node::Not(_) | Node::Truth(_) => false,
            Node::If(_, a, b) => at(a) && at(b),
            Node::Read(quantity) if quantity.range() != Range::Any => true,
            Node::Abs(_) | Node::Sqrt(_) | Node::Exp(_) => true,
            Node::Add(a, b) | Node::Multiply(a, b) | Node::Divide(a, b) | Node::Min(a, b) if at(a) && at(b) => true,
            Node::Max(a, b) if at(a) || at(b) => true,
            Node::Clamp(a, b, c) => at(a) && at(b) && at(c),
            Node::Curve(_, points, count) => (0..count)
                .all(|corner| expression.number_at(points + 2 * corner + 1, scope).is_ok_and(|value| value >= 0.0)),
            _ => trend == Trend::Fixed && expression.number_at(id, scope).is_ok_and(|value| value >= 0.0),
        }
    }
}

impl Trend {
    /// Either way, unless what it is made of is fixed.
    fn with_fixed(self, of: Self) -> Self {
        if of == Self::Fixed { Self::Fixed } else { self }
    }
}

fn scaled(trend: Trend, factor: f64) -> Trend {
    if factor >= 0.0 {
        trend
    } else if factor < 0.0 {
        trend.reversed()
    } else {
        Trend::Either
    }
}

fn product(a: Fact, b: Fact, left: impl Fn() -> f64, right: impl Fn() -> f64) -> Trend {
    match (a.trend, b.trend) {
        (Trend::Fixed, Trend::Fixed) => Trend::Fixed,
        (Trend::Fixed, other) => scaled(other, left()),
        (other, Trend::Fixed) => scaled(other, right()),
        (x, y) if x == y && a.positive && b.positive => x,
        _ => Trend::Either,
    }
}

fn quotient(a: Fact, b: Fact, left: impl Fn() -> f64, right: impl Fn() -> f64) -> Trend {
    match (a.trend, b.trend) {
        (Trend::Fixed, Trend::Fixed) => Trend::Fixed,
        (other, Trend::Fixed) => scaled(other, right()),
        (Trend::Fixed, other) if b.positive => scaled(other.reversed(), left()),
        (x, y) if x == y.reversed() && a.positive && b.positive => x,
        _ => Trend::Either,
    }
}
