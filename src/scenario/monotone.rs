//! The sign analysis behind 'monotone by construction': a `when` must not become false as evidence grows.
//!
//! If a condition could turn false when others commit, there need be no least and greatest agreement; with monotone
//! conditions both exist (Knaster–Tarski). The analysis walks the compiled nodes from the root down with the direction
//! in which each may move, and takes the signs of factors from intervals. The same analysis determines how an outcome
//! changes when more is bound ([`trend`]).

use super::interval::{Bounds, Interval, attribute_interval, bounds, quantity_interval};
use crate::model::{
    AttributeId, CommitmentId, Comparison, Expression, Instance, Model, Monotonicity, Node, NodeId, Quantity,
    curve_goes,
};

/// A term that may make the condition false as evidence grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The offending node.
    pub node: NodeId,
    /// The reason, which follows the term in the message.
    pub reason: String,
    /// Whether it is a violation only because a sign is not known.
    pub unknown_sign: bool,
}

impl Violation {
    /// The reason for an expression under this key of a commitment.
    #[must_use]
    pub fn reason_in(&self, key: &str) -> String {
        match key {
            "as" => self
                .reason
                .replace("can turn `when` from true to false", "can lower `as`")
                .replace("`when`", "`as`")
                .replace("the condition", "the amount"),
            _ => self.reason.replace("`when`", &format!("`{key}`")),
        }
    }
}

/// Checks the `when` of a commitment with these instances, for parameters in these intervals.
///
/// # Errors
/// The first term, in the order of the nodes, at which evidence may count against the condition.
pub fn check(
    model: &Model,
    debtors: &[Instance],
    expression: &Expression,
    parameters: &[Interval],
) -> Result<(), Violation> {
    match violations(model, debtors, expression, parameters).into_iter().next() {
        None => Ok(()),
        Some(violation) => Err(violation),
    }
}

/// Checks every commitment of a model for parameters in these intervals, as a sweep does for its values.
///
/// # Errors
/// The first commitment with such a term.
pub fn check_all(model: &Model, parameters: &[Interval]) -> Result<(), (CommitmentId, Violation)> {
    for (at, commitment) in model.commitments.iter().enumerate() {
        let debtors = &model.instances[model.instances_of(CommitmentId::at(at))];
        for (_, expression) in commitment.monotone() {
            check(model, debtors, expression, parameters).map_err(|violation| (CommitmentId::at(at), violation))?;
        }
    }
    Ok(())
}

/// Every such term, in the order of the nodes.
#[must_use]
pub fn violations(
    model: &Model,
    debtors: &[Instance],
    expression: &Expression,
    parameters: &[Interval],
) -> Vec<Violation> {
    let owns = own_intervals(model, debtors, expression, parameters);
    let read = |quantity| {
        if let Quantity::Own(attribute) = quantity {
            owns.iter().find(|(known, _)| *known == attribute).map_or(Interval::ALL, |&(_, interval)| interval)
        } else {
            quantity_interval(model, quantity)
        }
    };
    let nodes = &expression.nodes;
    let bounds = bounds(nodes, parameters, &read);
    let motion = |quantity: Quantity| if quantity.is_evidence() { Trend::Up } else { Trend::Fixed };
    let mut analysis = Analysis::new(nodes, &bounds, &motion);
    analysis.forbidden();
    analysis.run(expression.root(), Direction::Up);
    analysis.found.sort_by_key(|violation| violation.node);
    analysis.found.dedup_by_key(|violation| violation.node);
    analysis.found
}

/// How a value changes when more is bound and everything else is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trend {
    /// It does not change.
    Fixed,
    /// It never falls; of a condition: it never turns false.
    Up,
    /// It never rises; of a condition: it never turns true.
    Down,
    /// It may rise or fall.
    Either,
}

/// How an expression changes if each quantity changes according to `motion`, with the results of nodes in `bounds`.
#[must_use]
pub fn trend(expression: &Expression, bounds: &[Bounds], motion: &dyn Fn(Quantity) -> Trend) -> Trend {
    let nodes = &expression.nodes;
    let goes = |direction| {
        let mut analysis = Analysis::new(nodes, bounds, motion);
        analysis.run(expression.root(), direction);
        analysis.found.is_empty()
    };
    if moving(nodes, motion).last() == Some(&false) {
        return Trend::Fixed;
    }
    if goes(Direction::Up) {
        Trend::Up
    } else if goes(Direction::Down) {
        Trend::Down
    } else {
        Trend::Either
    }
}

/// For each attribute that the expression reads, its interval over the debtors.
fn own_intervals(
    model: &Model,
    debtors: &[Instance],
    expression: &Expression,
    parameters: &[Interval],
) -> Vec<(AttributeId, Interval)> {
    let attributes = expression
        .reads()
        .into_iter()
        .filter_map(|quantity| if let Quantity::Own(attribute) = quantity { Some(attribute) } else { None });
    attributes.map(|attribute| (attribute, attribute_interval(model, attribute, debtors, parameters))).collect()
}

/// For each node, whether it contains a quantity that changes.
fn moving(nodes: &[Node], motion: &dyn Fn(Quantity) -> Trend) -> Vec<bool> {
    let mut found = vec![false; nodes.len()];
    for (at, &node) in nodes.iter().enumerate() {
        found[at] = if let Node::Read(quantity) = node {
            motion(quantity) != Trend::Fixed
        } else {
            node.operands().any(|operand| found[operand as usize])
        };
    }
    found
}

/// The direction in which a node may move as evidence grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Direction {
    fn flip(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// The directions in which a node has been checked. Definitions are shared, so a node may be checked in both.
#[derive(Clone, Copy, Debug, Default)]
struct Directions {
    up: bool,
    down: bool,
}

struct Analysis<'a> {
    nodes: &'a [Node],
    bounds: &'a [Bounds],
    motion: &'a dyn Fn(Quantity) -> Trend,
    /// By node: whether it contains a quantity that changes.
    moves: Vec<bool>,
    directions: Vec<Directions>,
    found: Vec<Violation>,
}

const AGAINST: &str = "counts against the condition here: more of it can turn `when` from true to false";
const UNKNOWN_SIGN: &str = "is multiplied or divided by a number whose sign is not known";
const UNKNOWN_DIVISOR: &str = "is part of a divisor that may be 0 or change its sign";
const UNKNOWN_INSIDE: &str = "is inside `abs` of a number whose sign is not known";
const UNKNOWN_BRANCHES: &str = "decides an `if` whose first branch may be below its second";

impl<'a> Analysis<'a> {
    fn new(nodes: &'a [Node], bounds: &'a [Bounds], motion: &'a dyn Fn(Quantity) -> Trend) -> Self {
        let moves = moving(nodes, motion);
        Self { nodes, bounds, motion, moves, directions: vec![Directions::default(); nodes.len()], found: Vec::new() }
    }

    /// Quantities that must not occur at all.
    fn forbidden(&mut self) {
        for (at, node) in self.nodes.iter().enumerate() {
            if let Node::Read(quantity) = node
                && let Monotonicity::Forbidden(reason) = quantity.monotonicity()
            {
                self.violation(at, format!("{reason}, and must not occur in `when`"));
            }
        }
    }

    /// Parents come after their operands, so one pass from the root down is enough.
    fn run(&mut self, root: NodeId, direction: Direction) {
        self.ask(root, direction);
        for at in (0..self.nodes.len()).rev() {
            let Directions { up, down } = self.directions[at];
            if up {
                self.visit(at, Direction::Up);
            }
            if down {
                self.visit(at, Direction::Down);
            }
        }
    }

    fn ask(&mut self, node: NodeId, direction: Direction) {
        let at = node as usize;
        if !self.moves[at] {
            return;
        }
        match direction {
            Direction::Up => self.directions[at].up = true,
            Direction::Down => self.directions[at].down = true,
        }
    }

    fn violation(&mut self, at: usize, reason: String) {
        let node = NodeId::try_from(at).unwrap_or(NodeId::MAX);
        let unknown_sign = [UNKNOWN_SIGN, UNKNOWN_DIVISOR, UNKNOWN_INSIDE, UNKNOWN_BRANCHES].contains(&reason.as_str());
        self.found.push(Violation { node, reason, unknown_sign });
    }

    /// Reports the quantities that change in an operand in which none may change.
    fn refuse(&mut self, operand: NodeId, reason: &str) {
        let mut inside = vec![operand];
        while let Some(node) = inside.pop() {
            let at = node as usize;
            if matches!(self.nodes[at], Node::Read(_)) {
                self.violation(at, reason.to_owned());
                return;
            }
            let next = self.nodes[at].operands().find(|&operand| self.moves[operand as usize]);
            inside.extend(next);
        }
    }

    fn visit(&mut self, at: usize, direction: Direction) {
        match self.nodes[at] {
            Node::Read(quantity) => {
                let wanted = if direction == Direction::Up { Trend::Up } else { Trend::Down };
                if (self.motion)(quantity) != wanted {
                    self.violation(at, AGAINST.to_owned());
                }
            }
            Node::Negate(a) | Node::Not(a) => self.ask(a, direction.flip()),
            Node::Subtract(a, b) => {
                self.ask(a, direction);
                self.ask(b, direction.flip());
            }
            Node::Add(a, b) | Node::And(a, b) | Node::Or(a, b) | Node::Min(a, b) | Node::Max(a, b) => {
                self.ask(a, direction);
                self.ask(b, direction);
            }
            Node::Clamp(a, low, high) => {
                for operand in [a, low, high] {
                    self.ask(operand, direction);
                }
            }
            Node::Sqrt(a) | Node::Exp(a) | Node::Ln(a) => self.ask(a, direction),
            Node::Multiply(a, b) => {
                self.scaled(a, b, direction);
                self.scaled(b, a, direction);
            }
            Node::Divide(a, b) => self.divided(a, b, direction),
            Node::Abs(a) => self.absolute(a, direction),
            Node::Compare(comparison, a, b) => self.compared(comparison, a, b, direction),
            Node::If(c, a, b) => self.chosen(c, a, b, direction),
            Node::Curve(a, points, count) => {
                let number = |id: NodeId| if let Node::Number(y) = self.nodes[id as usize] { y } else { f64::NAN };
                match curve_goes(points, count, number) {
                    (_, false) => self.ask(a, direction),
                    (false, true) => self.ask(a, direction.flip()),
                    (true, true) => self.refuse(a, "stands in a `curve` that both rises and falls"),
                }
            }
            Node::Number(_) | Node::Truth(_) | Node::Parameter(_) => {}
        }
    }

    fn interval(&self, node: NodeId) -> Interval {
        self.bounds[node as usize].interval()
    }

    /// `term` multiplied by `factor`: the direction is that of the factor's sign.
    fn scaled(&mut self, term: NodeId, factor: NodeId, direction: Direction) {
        if !self.moves[term as usize] {
            return;
        }
        let sign = self.interval(factor);
        if sign.is_non_negative() {
            self.ask(term, direction);
        } else if sign.is_non_positive() {
            self.ask(term, direction.flip());
        } else {
            self.refuse(term, UNKNOWN_SIGN);
        }
    }

    fn divided(&mut self, a: NodeId, b: NodeId, direction: Direction) {
        let divisor = self.interval(b);
        if self.moves[a as usize] {
            if divisor.divides_positively() {
                self.ask(a, direction);
            } else if divisor.divides_negatively() {
                self.ask(a, direction.flip());
            } else {
                self.refuse(a, UNKNOWN_SIGN);
            }
        }
        if !self.moves[b as usize] {
            return;
        }
        if divisor.divides_positively() || divisor.divides_negatively() {
            self.scaled(b, a, direction.flip());
        } else {
            self.refuse(b, UNKNOWN_DIVISOR);
        }
    }

    fn absolute(&mut self, a: NodeId, direction: Direction) {
        let inside = self.interval(a);
        if inside.is_non_negative() {
            self.ask(a, direction);
        } else if inside.is_non_positive() {
            self.ask(a, direction.flip());
        } else {
            self.refuse(a, UNKNOWN_INSIDE);
        }
    }

    fn compared(&mut self, comparison: Comparison, a: NodeId, b: NodeId, direction: Direction) {
        match comparison {
            Comparison::Greater | Comparison::GreaterOrEqual => {
                self.ask(a, direction);
                self.ask(b, direction.flip());
            }
            Comparison::Less | Comparison::LessOrEqual => {
                self.ask(a, direction.flip());
                self.ask(b, direction);
            }
            Comparison::Equal | Comparison::NotEqual => {
                for operand in [a, b] {
                    if self.moves[operand as usize] {
                        let symbol = comparison.symbol();
                        self.refuse(operand, &format!("is compared with `{symbol}`, which more of it can turn false"));
                    }
                }
            }
        }
    }

    fn chosen(&mut self, c: NodeId, a: NodeId, b: NodeId, direction: Direction) {
        let (may_fail, may_hold) = self.bounds[c as usize].truth();
        if may_hold {
            self.ask(a, direction);
        }
        if may_fail {
            self.ask(b, direction);
        }
        if !(self.moves[c as usize] && may_fail && may_hold) || a == b {
            return;
        }
        let never_below = match (self.bounds[a as usize], self.bounds[b as usize]) {
            (Bounds::Number(a), Bounds::Number(b)) => a.low >= b.high,
            (a, b) => !a.truth().0 || !b.truth().1,
        };
        if never_below {
            self.ask(c, direction);
        } else {
            self.refuse(c, UNKNOWN_BRANCHES);
        }
    }
}
