//! Interval arithmetic: the range of values of an expression.
//!
//! Every operation of the language is monotone in each of its operands where a sign is known, also after rounding, so
//! the ends of an interval are computed with the operation itself.

use crate::model::{
    AttributeId, Comparison, Distribution, Field, FieldSource, Instance, Model, Node, ParameterId, Quantity, Range,
    Scalar, Shape, Target, on_curve,
};

/// Numbers from `low` to `high`; the ends may be infinite. Zeros are signed, since the sign decides that of a quotient:
/// if the lower end is +0, −0 is not in the interval, and if the upper end is −0, +0 is not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Every number.
    pub const ALL: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };
    /// 0 and more.
    pub const NON_NEGATIVE: Self = Self { low: 0.0, high: f64::INFINITY };
    /// From 0 to 1.
    pub const UNIT: Self = Self { low: 0.0, high: 1.0 };

    /// One number; every number if it is NaN.
    #[must_use]
    pub fn point(value: f64) -> Self {
        if value.is_nan() { Self::ALL } else { Self { low: value, high: value } }
    }

    /// From `low` to `high`; an end that is NaN is unbounded.
    #[must_use]
    pub fn new(low: f64, high: f64) -> Self {
        Self {
            low: if low.is_nan() { f64::NEG_INFINITY } else { low },
            high: if high.is_nan() { f64::INFINITY } else { high },
        }
    }

    /// The smallest interval around two.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self { low: least(self.low, other.low), high: most(self.high, other.high) }
    }

    /// Whether dividing by it keeps the sign of the dividend: it contains no number below 0, and not −0.
    #[must_use]
    pub fn divides_positively(self) -> bool {
        self.low.is_sign_positive()
    }

    /// Whether dividing by it inverts the sign of the dividend: it contains no number above 0, and not +0.
    #[must_use]
    pub fn divides_negatively(self) -> bool {
        self.high.is_sign_negative()
    }

    /// Whether no number in it is below 0.
    #[must_use]
    pub fn is_non_negative(self) -> bool {
        self.low >= 0.0
    }

    /// Whether no number in it is above 0.
    #[must_use]
    pub fn is_non_positive(self) -> bool {
        self.high <= 0.0
    }

    fn negate(self) -> Self {
        Self { low: -self.high, high: -self.low }
    }

    /// The result of an operation that is monotone in each operand, computed from the ends. If a result is not a
    /// number, one operand is 0 or both are infinite, and the results of the other ends give the interval.
    fn around(self, other: Self, operation: fn(f64, f64) -> f64) -> Self {
        let mut found = Self { low: f64::INFINITY, high: f64::NEG_INFINITY };
        for (a, b) in [(self.low, other.low), (self.low, other.high), (self.high, other.low), (self.high, other.high)] {
            let value = operation(a, b);
            let sign = if a.is_sign_negative() == b.is_sign_negative() { 0.0 } else { -0.0 };
            let value = if value.is_nan() { sign } else { value };
            found = Self { low: least(found.low, value), high: most(found.high, value) };
        }
        found
    }

    fn multiply(self, other: Self) -> Self {
        self.around(other, |a, b| a * b)
    }

    fn divide(self, other: Self) -> Self {
        if other.low <= 0.0 && other.high >= 0.0 {
            // A divisor that may be 0 from above gives quotients of one sign, unbounded.
            return match (other.divides_positively(), self.is_non_negative(), self.is_non_positive()) {
                (true, true, _) => {
                    Self { low: if other.high > 0.0 { self.low / other.high } else { 0.0 }, high: f64::INFINITY }
                }
                (true, _, true) => {
                    Self { low: f64::NEG_INFINITY, high: if other.high > 0.0 { self.high / other.high } else { 0.0 } }
                }
                _ => Self::ALL,
            };
        }
        self.around(other, |a, b| a / b)
    }

    fn map(self, function: fn(f64) -> f64) -> Self {
        Self::new(function(self.low), function(self.high))
    }

    /// `sqrt` of the part that is not below 0; that of −0 is −0.
    fn root(self) -> Self {
        let root = |end: f64| if end < 0.0 { -0.0 } else { libm::sqrt(end) };
        Self { low: root(self.low), high: root(self.high) }
    }

    fn absolute(self) -> Self {
        if self.is_non_negative() {
            Self { low: self.low.abs(), high: self.high.abs() }
        } else if self.is_non_positive() {
            Self { low: self.high.abs(), high: self.low.abs() }
        } else {
            Self { low: 0.0, high: self.high.max(-self.low) }
        }
    }
}

/// The possible results of an operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bounds {
    /// A number between two.
    Number(Interval),
    /// A condition: whether it may be false, whether it may be true.
    Truth {
        /// It may be false.
        may_fail: bool,
        /// It may be true.
        may_hold: bool,
    },
}

impl Bounds {
    /// The numbers; every number for a condition.
    #[must_use]
    pub fn interval(self) -> Interval {
        match self {
            Self::Number(interval) => interval,
            Self::Truth { .. } => Interval::ALL,
        }
    }

    /// Whether it may be false, whether it may be true.
    #[must_use]
    pub fn truth(self) -> (bool, bool) {
        match self {
            Self::Truth { may_fail, may_hold } => (may_fail, may_hold),
            Self::Number(_) => (true, true),
        }
    }

    fn hull(self, other: Self) -> Self {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => Self::Number(a.hull(b)),
            (a, b) => {
                let ((a_fails, a_holds), (b_fails, b_holds)) = (a.truth(), b.truth());
                Self::Truth { may_fail: a_fails || b_fails, may_hold: a_holds || b_holds }
            }
        }
    }
}

/// The possible results of every node, given the intervals of parameters and quantities.
#[must_use]
pub fn bounds(nodes: &[Node], parameters: &[Interval], read: &dyn Fn(Quantity) -> Interval) -> Vec<Bounds> {
    let mut found: Vec<Bounds> = Vec::with_capacity(nodes.len());
    for &node in nodes {
        let next = node_bounds(node, &found, parameters, read);
        found.push(next);
    }
    found
}

fn node_bounds(node: Node, found: &[Bounds], parameters: &[Interval], read: &dyn Fn(Quantity) -> Interval) -> Bounds {
    let number = |id: u32| found[id as usize].interval();
    let truth = |id: u32| found[id as usize].truth();
    let interval = match node {
        Node::Number(value) => Interval::point(value),
        Node::Parameter(ParameterId(at)) => parameters.get(at as usize).copied().unwrap_or(Interval::ALL),
        Node::Read(quantity) => read(quantity),
        Node::Negate(a) => number(a).negate(),
        Node::Add(a, b) => Interval::new(number(a).low + number(b).low, number(a).high + number(b).high),
        Node::Subtract(a, b) => Interval::new(number(a).low - number(b).high, number(a).high - number(b).low),
        Node::Multiply(a, b) => number(a).multiply(number(b)),
        Node::Divide(a, b) => number(a).divide(number(b)),
        Node::Min(a, b) => smaller(number(a), number(b)),
        Node::Max(a, b) => larger(number(a), number(b)),
        Node::Clamp(a, low, high) => smaller(larger(number(a), number(low)), number(high)),
        Node::Abs(a) => number(a).absolute(),
        Node::Sqrt(a) => number(a).root(),
        Node::Exp(a) => number(a).map(libm::exp),
        Node::Ln(a) => larger(number(a), Interval::point(0.0)).map(libm::log),
        Node::Curve(a, points, count) => {
            let inside = number(a);
            let at = |x: f64| on_curve(x, points, count, |id| number(id).low);
            let corners = (0..count).map(|corner| points + 2 * corner);
            let corners = corners.filter(|&x| (inside.low..=inside.high).contains(&number(x).low));
            let ends = Interval::new(at(inside.low).min(at(inside.high)), at(inside.low).max(at(inside.high)));
            corners.fold(ends, |all, x| Interval::new(all.low.min(number(x + 1).low), all.high.max(number(x + 1).low)))
        }
        Node::If(c, a, b) => {
            return match truth(c) {
                (false, _) => found[a as usize],
                (_, false) => found[b as usize],
                _ => found[a as usize].hull(found[b as usize]),
            };
        }
        Node::Truth(value) => return Bounds::Truth { may_fail: !value, may_hold: value },
        Node::Compare(comparison, a, b) => return compare(comparison, number(a), number(b)),
        Node::And(a, b) => {
            let ((a_fails, a_holds), (b_fails, b_holds)) = (truth(a), truth(b));
            return Bounds::Truth { may_fail: a_fails || b_fails, may_hold: a_holds && b_holds };
        }
        Node::Or(a, b) => {
            let ((a_fails, a_holds), (b_fails, b_holds)) = (truth(a), truth(b));
            return Bounds::Truth { may_fail: a_fails && b_fails, may_hold: a_holds || b_holds };
        }
        Node::Not(a) => {
            let (fails, holds) = truth(a);
            return Bounds::Truth { may_fail: holds, may_hold: fails };
        }
    };
    Bounds::Number(interval)
}

/// The interval of `min`, which may return either of +0 and −0.
fn smaller(a: Interval, b: Interval) -> Interval {
    Interval { low: least(a.low, b.low), high: if a.high < b.high { a.high } else { either_zero(b.high, a.high) } }
}

/// The interval of `max`, which may return either of +0 and −0.
fn larger(a: Interval, b: Interval) -> Interval {
    Interval { low: if a.low > b.low { a.low } else { -either_zero(-b.low, -a.low) }, high: most(a.high, b.high) }
}

/// The smaller end of two that are no NaN, −0 before +0.
fn least(a: f64, b: f64) -> f64 {
    if a.total_cmp(&b).is_lt() { a } else { b }
}

fn most(a: f64, b: f64) -> f64 {
    if a.total_cmp(&b).is_gt() { a } else { b }
}

/// `a`, which is at most `b`; +0 where both are zeros and one is +0.
fn either_zero(a: f64, b: f64) -> f64 {
    if a < b { a } else { most(a, b) }
}

fn compare(comparison: Comparison, a: Interval, b: Interval) -> Bounds {
    let apart = a.high < b.low || b.high < a.low;
    let same = a.low >= b.high && a.high <= b.low;
    let (may_fail, may_hold) = match comparison {
        Comparison::Less => (a.high >= b.low, a.low < b.high),
        Comparison::LessOrEqual => (a.high > b.low, a.low <= b.high),
        Comparison::Greater => (a.low <= b.high, a.high > b.low),
        Comparison::GreaterOrEqual => (a.low < b.high, a.high >= b.low),
        Comparison::Equal => (!same, !apart),
        Comparison::NotEqual => (!apart, !same),
    };
    Bounds::Truth { may_fail, may_hold }
}

/// The interval of a quantity over all states of all runs.
#[must_use]
pub fn quantity_interval(model: &Model, quantity: Quantity) -> Interval {
    let steps = f64::from(model.clock.steps);
    match quantity.range() {
        Range::Any => Interval::ALL,
        Range::NonNegative | Range::Amount(_) | Range::Expected(_) => Interval::NON_NEGATIVE,
        Range::Unit => Interval::UNIT,
        Range::FromOne => Interval { low: 1.0, high: f64::INFINITY },
        Range::Actors(slot) => {
            let group = model.slots.get(slot.index()).and_then(|slot| model.groups.get(slot.group.index()));
            up_to(group.map(|group| group.members.len()))
        }
        Range::Instances(c) => up_to(Some(c.instances(model).len())),
        Range::Times => Interval { low: 0.0, high: steps },
        Range::Step => Interval { low: 0.0, high: (steps - 1.0).max(0.0) },
        Range::Steps => Interval::point(steps),
        Range::Data(data) => {
            let values = model.data.get(data.index()).map_or(&[][..], |series| series.points.as_slice());
            values.iter().map(|&(_, value)| Interval::point(value)).reduce(Interval::hull).unwrap_or(Interval::ALL)
        }
    }
}

/// From 0 to a count, or without an upper end if the count is not known.
fn up_to(all: Option<usize>) -> Interval {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let high = all.map_or(f64::INFINITY, |all| all as f64);
    Interval { low: 0.0, high }
}

/// The interval of each parameter: its value, or the support of its distribution.
#[must_use]
pub fn parameter_intervals(model: &Model) -> Vec<Interval> {
    parameter_intervals_at(model, &model.setup.parameters)
}

/// As above, if the parameters that are not drawn have these values.
#[must_use]
pub fn parameter_intervals_at(model: &Model, values: &[f64]) -> Vec<Interval> {
    let mut intervals: Vec<Interval> = values.iter().map(|&value| Interval::point(value)).collect();
    for (at, parameter) in model.parameters.iter().enumerate() {
        if let (Some(distribution), false) = (&parameter.distribution, parameter.overridden) {
            intervals[at] = support(distribution, &intervals, &|_| Interval::ALL);
        }
    }
    intervals
}

/// The values that a distribution can give.
#[must_use]
pub fn support(distribution: &Distribution, parameters: &[Interval], read: &dyn Fn(Quantity) -> Interval) -> Interval {
    if distribution.shape == Shape::Normal {
        return Interval::ALL;
    }
    let arguments = distribution.arguments.iter().map(|argument| match argument {
        Scalar::Constant(value) => Interval::point(*value),
        Scalar::Expression(expression) => root_interval(&expression.nodes, parameters, read),
    });
    arguments.reduce(Interval::hull).unwrap_or(Interval::ALL)
}

/// The interval of a numeric field, without regard to its domain.
#[must_use]
pub fn field_interval(field: &Field, parameters: &[Interval], own: &dyn Fn(Quantity) -> Interval) -> Interval {
    let read = |quantity| {
        let number = field.member.and_then(|(index, size)| {
            if quantity == Quantity::Index {
                Some(index)
            } else if quantity == Quantity::Size {
                Some(size)
            } else {
                None
            }
        });
        number.map_or_else(|| own(quantity), |number| Interval::point(f64::from(number)))
    };
    let interval = match &field.source {
        FieldSource::Expression(expression) => root_interval(&expression.nodes, parameters, &read),
        FieldSource::Draw { distribution, .. } => support(distribution, parameters, &read),
    };
    Interval { low: field.domain.clip(interval.low), high: field.domain.clip(interval.high) }
}

fn root_interval(nodes: &[Node], parameters: &[Interval], read: &dyn Fn(Quantity) -> Interval) -> Interval {
    bounds(nodes, parameters, read).last().map_or(Interval::ALL, |root| root.interval())
}

/// The interval of an attribute over the debtors of some instances, from its values and the fields that set it.
#[must_use]
pub fn attribute_interval(
    model: &Model,
    attribute: AttributeId,
    instances: &[Instance],
    parameters: &[Interval],
) -> Interval {
    let count = model.actors.len();
    let first = attribute.index() * count;
    let actor = |target: &Target| {
        let Target::Attribute(at) = *target else { return None };
        (first..first + count).contains(&at).then(|| at - first)
    };
    // By actor, whether a field that sets the attribute is still to be looked for. Most attributes are plain numbers.
    let mut wanted: Vec<bool> = Vec::new();
    let mut found: Option<Interval> = None;
    let mut add = |interval: Interval| found = Some(found.map_or(interval, |found| found.hull(interval)));
    for field in &model.fields {
        let mut hits = 0;
        for actor in field.targets.iter().filter_map(actor) {
            if wanted.is_empty() {
                wanted.resize(count, false);
                instances.iter().for_each(|instance| wanted[instance.debtor.index()] = true);
            }
            hits += usize::from(std::mem::take(&mut wanted[actor]));
        }
        if hits > 0 {
            add(field_interval(field, parameters, &|_| Interval::ALL));
        }
    }
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for actor in instances.iter().map(|instance| instance.debtor.index()) {
        if wanted.get(actor).copied().unwrap_or(true) {
            let value = model.setup.attributes.get(first + actor).copied().unwrap_or(f64::NAN);
            if value.is_nan() {
                return Interval::ALL;
            }
            (low, high) = (least(value, low), most(value, high));
        }
    }
    // None of them was left where the lower end is still above.
    if low <= high {
        add(Interval { low, high });
    }
    found.unwrap_or(Interval::ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(low: f64, high: f64) -> Interval {
        Interval { low, high }
    }

    #[test]
    fn products_and_quotients_keep_their_signs() {
        assert_eq!(interval(0.0, f64::INFINITY).multiply(interval(0.0, 2.0)), interval(0.0, f64::INFINITY));
        assert_eq!(interval(-1.0, 2.0).multiply(interval(-3.0, 1.0)), interval(-6.0, 3.0));
        assert_eq!(interval(1.0, 2.0).divide(interval(0.0, 4.0)), interval(0.25, f64::INFINITY));
        assert_eq!(interval(1.0, 2.0).divide(interval(-1.0, 4.0)), Interval::ALL);
        assert_eq!(interval(1.0, 2.0).divide(interval(-4.0, -2.0)), interval(-1.0, -0.25));
    }

    #[test]
    fn comparisons_of_disjoint_intervals_are_decided() {
        let truth = |a, b, comparison| compare(comparison, a, b).truth();
        assert_eq!(truth(interval(0.0, 1.0), interval(2.0, 3.0), Comparison::GreaterOrEqual), (true, false));
        assert_eq!(truth(interval(0.0, 2.0), interval(2.0, 3.0), Comparison::GreaterOrEqual), (true, true));
        assert_eq!(truth(interval(2.0, 2.0), interval(2.0, 2.0), Comparison::Equal), (false, true));
        assert_eq!(truth(interval(0.0, 1.0), interval(2.0, 3.0), Comparison::NotEqual), (false, true));
    }
}
