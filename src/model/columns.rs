//! Vectorised evaluation: a condition for many debtors at once, operation by operation, each over a column of numbers.
//!
//! The result equals that of [`Expression::truth`] for each debtor, with one difference: all parts are evaluated. If a
//! part is not a number, the evaluation is abandoned and the caller must evaluate the debtors one by one, which shows
//! whether that part is needed.

use super::Amount;
use super::expression::{
    Comparison, Expression, Node, NodeId, Reader, Scope, Values, clamped, larger, on_curve, smaller,
};
use super::quantity::Quantity;

/// Working memory: a column for each operation, or one number if it is the same for all debtors.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// For each operation, its number if it is the same for all debtors.
    same: Vec<Option<f64>>,
    /// By operation, then debtor. Truth values are 1 and 0.
    values: Vec<f64>,
}

impl Columns {
    /// Evaluates a condition for each reader; returns `false` if that must be done one by one.
    pub fn truths(
        &mut self,
        expression: &Expression,
        scope: &Scope<'_>,
        readers: &[Reader],
        truths: &mut Vec<bool>,
    ) -> bool {
        truths.clear();
        let Some(parts) = self.parts(expression, scope, readers) else { return false };
        match parts.get(expression.root()) {
            Operand::Same(value) => truths.resize(readers.len(), value > 0.5),
            Operand::Each(values) => truths.extend(values.iter().map(|&value| value > 0.5)),
        }
        true
    }

    /// Evaluates a number for each reader; returns `false` if that must be done one by one.
    pub fn numbers(
        &mut self,
        expression: &Expression,
        scope: &Scope<'_>,
        readers: &[Reader],
        numbers: &mut Vec<f64>,
    ) -> bool {
        numbers.clear();
        let Some(parts) = self.parts(expression, scope, readers) else { return false };
        match parts.get(expression.root()) {
            Operand::Same(value) => numbers.resize(readers.len(), value),
            Operand::Each(values) => numbers.extend_from_slice(values),
        }
        numbers.iter().fold(true, |all, value| all & !value.is_nan())
    }

    /// Evaluates every part of an expression for each reader; none if that must be done one by one.
    pub fn parts(&mut self, expression: &Expression, scope: &Scope<'_>, readers: &[Reader]) -> Option<Parts<'_>> {
        let width = readers.len();
        let nodes = &expression.nodes;
        self.same.clear();
        self.values.resize(nodes.len() * width, 0.0);
        for (at, &node) in nodes.iter().enumerate() {
            let (before, rest) = self.values.split_at_mut(at * width);
            let parts = Parts { same: &self.same, values: before, width };
            if !hidden(node).into_iter().flatten().all(|operand| parts.are_numbers(operand)) {
                return None;
            }
            let same = evaluate(node, &parts, scope, readers, &mut rest[..width]);
            self.same.push(same);
        }
        Some(Parts { same: &self.same, values: &self.values, width })
    }
}

/// The operands that may be NaN without making the result NaN. Every other operation propagates NaN.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other operations propagate it")]
fn hidden(node: Node) -> [Option<NodeId>; 3] {
    match node {
        Node::Compare(_, a, b) | Node::Min(a, b) | Node::Max(a, b) | Node::If(_, a, b) => [Some(a), Some(b), None],
        Node::Clamp(a, b, c) => [Some(a), Some(b), Some(c)],
        Node::Curve(a, ..) => [Some(a), None, None],
        _ => [None; 3],
    }
}

/// The results of operations, for each reader.
pub struct Parts<'a> {
    same: &'a [Option<f64>],
    values: &'a [f64],
    width: usize,
}

/// One number for all debtors, or one for each.
#[derive(Clone, Copy)]
enum Operand<'a> {
    Same(f64),
    Each(&'a [f64]),
}

impl<'a> Parts<'a> {
    /// The value of a part for a reader, by its position. Truth values are 1 and 0.
    #[inline]
    #[must_use]
    pub fn of(&self, part: NodeId, reader: usize) -> f64 {
        match self.get(part) {
            Operand::Same(value) => value,
            Operand::Each(values) => values[reader],
        }
    }

    /// The value of a part if it is known to be the same for all readers.
    #[inline]
    #[must_use]
    pub fn of_all(&self, part: NodeId) -> Option<f64> {
        match self.get(part) {
            Operand::Same(value) => Some(value),
            Operand::Each(values) => {
                let &first = values.first()?;
                values.iter().fold(true, |all, value| all & (value.to_bits() == first.to_bits())).then_some(first)
            }
        }
    }

    fn are_numbers(&self, id: NodeId) -> bool {
        match self.get(id) {
            Operand::Same(value) => !value.is_nan(),
            Operand::Each(values) => values.iter().fold(true, |all, value| all & !value.is_nan()),
        }
    }

    fn get(&self, id: NodeId) -> Operand<'a> {
        let at = id as usize;
        match self.same[at] {
            Some(value) => Operand::Same(value),
            None => Operand::Each(&self.values[at * self.width..(at + 1) * self.width]),
        }
    }

    /// An operation on one operand.
    #[inline(always)]
    fn one(&self, a: NodeId, out: &mut [f64], operation: impl Fn(f64) -> f64) -> Option<f64> {
        match self.get(a) {
            Operand::Same(a) => Some(operation(a)),
            Operand::Each(a) => {
                out.iter_mut().zip(a).for_each(|(out, &a)| *out = operation(a));
                None
            }
        }
    }

    /// An operation on two operands.
    #[inline(always)]
    fn two(&self, a: NodeId, b: NodeId, out: &mut [f64], operation: impl Fn(f64, f64) -> f64) -> Option<f64> {
        match (self.get(a), self.get(b)) {
            (Operand::Same(a), Operand::Same(b)) => return Some(operation(a, b)),
            (Operand::Same(a), Operand::Each(b)) => out.iter_mut().zip(b).for_each(|(out, &b)| *out = operation(a, b)),
            (Operand::Each(a), Operand::Same(b)) => out.iter_mut().zip(a).for_each(|(out, &a)| *out = operation(a, b)),
            (Operand::Each(a), Operand::Each(b)) => {
                out.iter_mut().zip(a).zip(b).for_each(|((out, &a), &b)| *out = operation(a, b));
            }
        }
        None
    }

    /// An operation on three operands.
    fn three(
        &self,
        (a, b, c): (NodeId, NodeId, NodeId),
        out: &mut [f64],
        operation: impl Fn(f64, f64, f64) -> f64,
    ) -> Option<f64> {
        let (a, b, c) = (self.get(a), self.get(b), self.get(c));
        if let (Operand::Same(a), Operand::Same(b), Operand::Same(c)) = (a, b, c) {
            return Some(operation(a, b, c));
        }
        let at = |operand: Operand<'_>, at: usize| match operand {
            Operand::Same(value) => value,
            Operand::Each(values) => values[at],
        };
        for (lane, out) in out.iter_mut().enumerate() {
            *out = operation(at(a, lane), at(b, lane), at(c, lane));
        }
        None
    }
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// Evaluates one operation: returns its number if that is the same for all, otherwise fills `out`.
fn evaluate(node: Node, operands: &Parts<'_>, scope: &Scope<'_>, readers: &[Reader], out: &mut [f64]) -> Option<f64> {
    let holds = |value: f64| value > 0.5;
    match node {
        Node::Number(value) => Some(value),
        Node::Truth(value) => Some(truth(value)),
        Node::Parameter(parameter) => Some(scope.parameter(parameter)),
        Node::Read(quantity) => read(quantity, scope, readers, out),
        Node::Negate(a) => operands.one(a, out, |a| -a),
        Node::Not(a) => operands.one(a, out, |a| truth(!holds(a))),
        Node::Abs(a) => operands.one(a, out, f64::abs),
        Node::Sqrt(a) => operands.one(a, out, libm::sqrt),
        Node::Exp(a) => operands.one(a, out, libm::exp),
        Node::Ln(a) => operands.one(a, out, libm::log),
        Node::Add(a, b) => operands.two(a, b, out, |a, b| a + b),
        Node::Subtract(a, b) => operands.two(a, b, out, |a, b| a - b),
        Node::Multiply(a, b) => operands.two(a, b, out, |a, b| a * b),
        Node::Divide(a, b) => operands.two(a, b, out, |a, b| a / b),
        Node::Min(a, b) => operands.two(a, b, out, smaller),
        Node::Max(a, b) => operands.two(a, b, out, larger),
        Node::And(a, b) => operands.two(a, b, out, |a, b| truth(holds(a) & holds(b))),
        Node::Or(a, b) => operands.two(a, b, out, |a, b| truth(holds(a) | holds(b))),
        Node::Compare(comparison, a, b) => compare(comparison, operands, a, b, out),
        Node::Clamp(a, low, high) => operands.three((a, low, high), out, clamped),
        Node::Curve(a, points, count) => {
            let corner = |id| if let Operand::Same(value) = operands.get(id) { value } else { f64::NAN };
            operands.one(a, out, |a| on_curve(a, points, count, corner))
        }
        Node::If(c, a, b) => operands.three((c, a, b), out, |c, a, b| if holds(c) { a } else { b }),
    }
}

/// Evaluates a comparison, matching on its kind outside of the loop.
fn compare(comparison: Comparison, operands: &Parts<'_>, a: NodeId, b: NodeId, out: &mut [f64]) -> Option<f64> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    match comparison {
        Less => operands.two(a, b, out, |a, b| truth(Less.holds(a, b))),
        LessOrEqual => operands.two(a, b, out, |a, b| truth(LessOrEqual.holds(a, b))),
        Greater => operands.two(a, b, out, |a, b| truth(Greater.holds(a, b))),
        GreaterOrEqual => operands.two(a, b, out, |a, b| truth(GreaterOrEqual.holds(a, b))),
        Equal => operands.two(a, b, out, |a, b| truth(Equal.holds(a, b))),
        NotEqual => operands.two(a, b, out, |a, b| truth(NotEqual.holds(a, b))),
    }
}

fn read(quantity: Quantity, scope: &Scope<'_>, readers: &[Reader], out: &mut [f64]) -> Option<f64> {
    let Scope { model, setup, world, evidence, .. } = *scope;
    if !quantity.depends_on_reader() {
        return Some(scope.read(quantity));
    }
    let named = readers.iter().zip(out);
    // Quick ways for what is read most. Where the total is 0, so is the own share of every reader.
    if let Quantity::OwnStance(issue) = quantity {
        named.for_each(|(me, out)| *out = world.stance(me.actor, issue));
    } else if let Quantity::Own(attribute) = quantity {
        named.for_each(|(me, out)| *out = setup.attribute(model, me.actor, attribute));
    } else if let Quantity::Parties(slot) = quantity {
        if evidence.parties(model, slot, None) == 0 {
            return Some(0.0);
        }
        named.for_each(|(me, out)| *out = f64::from(evidence.parties(model, slot, Some(*me))));
    } else if let Quantity::Bound(slot) = quantity {
        if evidence.bound(model, slot, None) == Amount::ZERO {
            return Some(0.0);
        }
        named.for_each(|(me, out)| *out = evidence.bound(model, slot, Some(*me)).to_units());
    } else if let Quantity::Offered(slot) = quantity {
        if evidence.offered(model, slot, None) == Amount::ZERO {
            return Some(0.0);
        }
        named.for_each(|(me, out)| *out = evidence.offered(model, slot, Some(*me)).to_units());
    } else {
        named.for_each(|(me, out)| *out = Scope { reader: Some(*me), ..*scope }.read(quantity));
    }
    None
}
