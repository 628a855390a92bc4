//! Interval analysis: the parts of an expression that are always numbers.
//!
//! Ranges are computed by applying the operations of the expression to the ends of the ranges of their operands.
//! Rounding is monotone, so every result lies between the results at the ends.

use crate::model::{AttributeId, Expression, Model, Node, Quantity, Range, Setup};

/// The inputs of [`safe_parts`] other than the model. They are the same for many runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Grounds {
    parameters: Vec<f64>,
    /// By attribute, whether every actor has a value, and all are far from where sums overflow.
    are_tame: Vec<bool>,
    is_trust_tame: bool,
    /// The number of changes so far.
    changes: u64,
}

impl Grounds {
    /// Takes over the numbers of a run. `is_new` says that they may belong to another model than before.
    pub(super) fn update(&mut self, model: &Model, setup: &Setup, is_new: bool) {
        let is_same = |a: &f64, b: &f64| a.to_bits() == b.to_bits();
        // The counts behind a mean of trust cannot vanish or overflow.
        let is_trust_tame = setup.trust_strength > 1.0 / TAME
            && [setup.trust_kept, setup.trust_broken, setup.trust_suspended, setup.trust_witness, setup.trust_strength]
                .iter()
                .all(|&weight| weight < TAME);
        let of_actors = setup.attributes.chunks_exact(model.actors.len().max(1));
        let are_tame = of_actors.map(|values| values.iter().fold(true, |all, value| all & (value.abs() < TAME)));
        let as_before = !is_new
            && self.is_trust_tame == is_trust_tame
            && self.parameters.iter().zip(&setup.parameters).all(|(a, b)| is_same(a, b))
            && self.are_tame.iter().copied().eq(are_tame.clone());
        if !as_before {
            self.parameters.clone_from(&setup.parameters);
            self.are_tame = are_tame.collect();
            self.is_trust_tame = is_trust_tame;
            self.changes += 1;
        }
    }

    /// The number of changes so far.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    fn is_tame(&self, attribute: AttributeId) -> bool {
        self.are_tame.get(attribute.index()).copied().unwrap_or(false)
    }
}

/// The range of a part. It may also be NaN unless it `is_safe`.
#[derive(Clone, Copy, Debug)]
struct Values {
    low: f64,
    high: f64,
    /// Whether neither the part nor any node in it can be NaN.
    is_safe: bool,
}

const ANY: Values = Values { low: f64::NEG_INFINITY, high: f64::INFINITY, is_safe: false };

/// Sums and products of a few numbers up to this are far from overflow.
const TAME: f64 = 1e100;

/// For each node of an expression in a run, whether neither it nor any node in it can be NaN in any state.
pub(super) fn safe_parts(expression: &Expression, model: &Model, grounds: &Grounds) -> Vec<bool> {
    let mut found: Vec<Values> = Vec::with_capacity(expression.nodes.len());
    for &node in &expression.nodes {
        let values = values(node, &found, model, grounds);
        found.push(values);
    }
    found.into_iter().map(|values| values.is_safe).collect()
}

fn values(node: Node, of: &[Values], model: &Model, grounds: &Grounds) -> Values {
    let get = |id: u32| of[id as usize];
    let spans = |values: &[f64], is_safe: bool| {
        if values.iter().any(|value| value.is_nan()) {
            return ANY;
        }
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        Values { low, high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max), is_safe }
    };
    let one = |value: f64| spans(&[value], true);
    let ends = |a: Values, b: Values, operation: fn(f64, f64) -> f64| {
        let corners = [(a.low, b.low), (a.low, b.high), (a.high, b.low), (a.high, b.high)];
        spans(&corners.map(|(a, b)| operation(a, b)), a.is_safe && b.is_safe)
    };
    let holds_zero = |values: Values| values.low <= 0.0 && values.high >= 0.0;
    let is_infinite = |values: Values| values.low == f64::NEG_INFINITY || values.high == f64::INFINITY;
    let truth = |is_safe: bool| Values { low: 0.0, high: 1.0, is_safe };
    match node {
        Node::Number(value) => one(value),
        Node::Truth(_) => truth(true),
        Node::Parameter(parameter) => one(grounds.parameters[parameter.index()]),
        Node::Read(quantity) => read(quantity, model, grounds),
        Node::Negate(a) => spans(&[-get(a).high, -get(a).low], get(a).is_safe),
        Node::Add(a, b) => ends(get(a), get(b), |a, b| a + b),
        Node::Subtract(a, b) => ends(get(a), get(b), |a, b| a - b),
        Node::Multiply(a, b) => {
            let (a, b) = (get(a), get(b));
            if (holds_zero(a) && is_infinite(b)) || (holds_zero(b) && is_infinite(a)) {
                return ANY;
            }
            ends(a, b, |a, b| a * b)
        }
        Node::Divide(a, b) => {
            let (a, b) = (get(a), get(b));
            if holds_zero(b) || (is_infinite(a) && is_infinite(b)) {
                // A non-zero number divided by 0 is infinite, which is not yet a failure.
                return Values { is_safe: a.is_safe && b.is_safe && !holds_zero(a) && !is_infinite(b), ..ANY };
            }
            ends(a, b, |a, b| a / b)
        }
        Node::Min(a, b) => ends(get(a), get(b), f64::min),
        Node::Max(a, b) => ends(get(a), get(b), f64::max),
        Node::Clamp(a, low, high) => {
            let (a, low, high) = (get(a), get(low), get(high));
            let all = [a.low.max(low.low).min(high.low), a.high.max(low.high).min(high.high)];
            spans(&all, a.is_safe && low.is_safe && high.is_safe)
        }
        Node::Abs(a) => {
            let a = get(a);
            let low = if holds_zero(a) { 0.0 } else { a.low.abs().min(a.high.abs()) };
            Values { low, high: a.low.abs().max(a.high.abs()), is_safe: a.is_safe }
        }
        Node::Sqrt(a) => {
            let a = get(a);
            Values { low: 0.0, high: libm::sqrt(a.high.max(0.0)), is_safe: a.is_safe && a.low >= 0.0 }
        }
        Node::Exp(a) => Values { low: 0.0, high: f64::INFINITY, is_safe: get(a).is_safe },
        Node::Ln(a) => Values { is_safe: get(a).is_safe && get(a).low >= 0.0, ..ANY },
        Node::Compare(_, a, b) | Node::And(a, b) | Node::Or(a, b) => truth(get(a).is_safe && get(b).is_safe),
        Node::Not(a) => truth(get(a).is_safe),
        Node::If(c, a, b) => {
            let (c, a, b) = (get(c), get(a), get(b));
            spans(&[a.low, a.high, b.low, b.high], c.is_safe && a.is_safe && b.is_safe)
        }
        Node::Curve(a, points, count) => {
            let corners = (points..points + 2 * count).map(get);
            let is_tame = corners.clone().all(|corner| corner.low.abs() < TAME && corner.high <= corner.low);
            let heights: Vec<f64> = corners.skip(1).step_by(2).map(|corner| corner.low).collect();
            spans(&heights, get(a).is_safe && is_tame)
        }
    }
}

fn read(quantity: Quantity, model: &Model, grounds: &Grounds) -> Values {
    let safe = |low, high| Values { low, high, is_safe: true };
    match (quantity, quantity.range()) {
        (Quantity::Own(attribute), _) if grounds.is_tame(attribute) => safe(-TAME, TAME),
        (Quantity::Own(_) | Quantity::Index | Quantity::Size, _) => ANY,
        (Quantity::Trust(..) | Quantity::Assured { .. }, _) if !grounds.is_trust_tame => ANY,
        (Quantity::MeanStance(mean), _) => {
            let group = model.means[mean.index()].group;
            if model.groups[group.index()].members.is_empty() { ANY } else { safe(0.0, 1.0) }
        }
        (Quantity::Data(data), _) => {
            let values = || model.data[data.index()].points.iter().map(|&(_, value)| value);
            if values().all(|value| value.abs() < TAME) {
                safe(values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
            } else {
                ANY
            }
        }
        (_, Range::Unit) => safe(0.0, 1.0),
        (_, Range::Amount(_) | Range::Expected(_)) => safe(0.0, TAME),
        (_, Range::NonNegative) => safe(0.0, f64::INFINITY),
        (_, Range::Actors(_) | Range::Instances(_) | Range::Times | Range::Step | Range::Steps) => {
            safe(0.0, f64::from(u32::MAX))
        }
        (_, Range::Any | Range::FromOne | Range::Data(_)) => ANY,
    }
}
