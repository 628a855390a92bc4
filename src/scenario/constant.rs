//! Constant parts of an expression, which are known before a run once the parameters have their values.

use crate::model::{Node, NodeId, ParameterId, on_curve};

/// A known value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    Number(f64),
    Truth(bool),
}

/// A constant part that has no value, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UndefinedConstant {
    pub(super) node: NodeId,
    pub(super) what: &'static str,
}

/// The constant parts that divide by zero or are not a number.
pub(super) fn undefined_constants(
    nodes: &[Node],
    parameter: &dyn Fn(ParameterId) -> Option<f64>,
) -> Vec<UndefinedConstant> {
    let mut known: Vec<Option<Known>> = Vec::with_capacity(nodes.len());
    let mut found = Vec::new();
    for (at, &node) in nodes.iter().enumerate() {
        let (value, what) = fold(node, &known, parameter);
        known.push(value);
        if let (Some(what), Ok(node)) = (what, NodeId::try_from(at)) {
            found.push(UndefinedConstant { node, what });
        }
    }
    let seen = looked_at(nodes, &known);
    found.retain(|fault| seen[fault.node as usize]);
    found
}

/// The value of a node whose operands are known, and its error, if any.
fn fold(
    node: Node,
    known: &[Option<Known>],
    parameter: &dyn Fn(ParameterId) -> Option<f64>,
) -> (Option<Known>, Option<&'static str>) {
    let number = |id: NodeId| match known[id as usize] {
        Some(Known::Number(value)) => Some(value),
        _ => None,
    };
    let truth = |id: NodeId| match known[id as usize] {
        Some(Known::Truth(value)) => Some(value),
        _ => None,
    };
    let two = |a, b, operation: fn(f64, f64) -> f64| Some(operation(number(a)?, number(b)?));
    let value = match node {
        Node::Truth(value) => return (Some(Known::Truth(value)), None),
        Node::Compare(comparison, a, b) => {
            let value = number(a).zip(number(b)).map(|(a, b)| Known::Truth(comparison.holds(a, b)));
            return (value, None);
        }
        Node::Not(a) => return (truth(a).map(|value| Known::Truth(!value)), None),
        Node::And(a, b) => return (connected(truth(a), truth(b), false), None),
        Node::Or(a, b) => return (connected(truth(a), truth(b), true), None),
        Node::If(c, a, b) => {
            let branch = truth(c).and_then(|holds| known[if holds { a } else { b } as usize]);
            return (branch, None);
        }
        Node::Read(_) => None,
        Node::Number(value) => Some(value),
        Node::Parameter(id) => parameter(id),
        Node::Negate(a) => number(a).map(|a| -a),
        Node::Add(a, b) => two(a, b, |a, b| a + b),
        Node::Subtract(a, b) => two(a, b, |a, b| a - b),
        Node::Multiply(a, b) => two(a, b, |a, b| a * b),
        Node::Divide(a, b) => two(a, b, |a, b| a / b),
        Node::Min(a, b) => two(a, b, f64::min),
        Node::Max(a, b) => two(a, b, f64::max),
        Node::Clamp(a, low, high) => two(a, low, f64::max).zip(number(high)).map(|(a, high)| a.min(high)),
        Node::Abs(a) => number(a).map(f64::abs),
        Node::Sqrt(a) => number(a).map(libm::sqrt),
        Node::Exp(a) => number(a).map(libm::exp),
        Node::Ln(a) => number(a).map(libm::log),
        Node::Curve(a, points, count) => {
            number(a).map(|a| on_curve(a, points, count, |id| number(id).unwrap_or(f64::NAN)))
        }
    };
    let what = match (node, value) {
        (Node::Divide(_, b), _) if number(b) == Some(0.0) => Some("division by zero"),
        (Node::Ln(_), Some(value)) if value.is_nan() => Some("`ln` of a negative number"),
        (Node::Sqrt(_), Some(value)) if value.is_nan() => Some("`sqrt` of a negative number"),
        (_, Some(value)) if value.is_nan() => Some("a part that is not a number"),
        _ => None,
    };
    // A fault is reported at the innermost node only.
    (value.filter(|value| !value.is_nan() && what.is_none()).map(Known::Number), what)
}

/// The value of `and` or `or`, known as soon as one side decides it.
fn connected(a: Option<bool>, b: Option<bool>, deciding: bool) -> Option<Known> {
    match (a, b) {
        (Some(value), _) if value == deciding => Some(Known::Truth(deciding)),
        (Some(_), Some(value)) => Some(Known::Truth(value)),
        _ => None,
    }
}

/// For each node, whether it can be evaluated: all but those that a known condition excludes.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other operations look at all of their operands")]
fn looked_at(nodes: &[Node], known: &[Option<Known>]) -> Vec<bool> {
    let mut seen = vec![false; nodes.len()];
    if let Some(root) = seen.last_mut() {
        *root = true;
    }
    let see = |seen: &mut [bool], id: NodeId| seen[id as usize] = true;
    for at in (0..nodes.len()).rev() {
        if !seen[at] {
            continue;
        }
        match nodes[at] {
            Node::If(c, a, b) => {
                see(&mut seen, c);
                let decided = known[c as usize];
                if decided != Some(Known::Truth(false)) {
                    see(&mut seen, a);
                }
                if decided != Some(Known::Truth(true)) {
                    see(&mut seen, b);
                }
            }
            Node::And(a, b) | Node::Or(a, b) => {
                see(&mut seen, a);
                let deciding = matches!(nodes[at], Node::Or(..));
                if known[a as usize] != Some(Known::Truth(deciding)) {
                    see(&mut seen, b);
                }
            }
            node => {
                for operand in node.operands() {
                    see(&mut seen, operand);
                }
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(nodes: &[Node], expected: &[(NodeId, &str)]) {
        let found = undefined_constants(nodes, &|_| None);
        let found: Vec<(NodeId, &str)> = found.into_iter().map(|fault| (fault.node, fault.what)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_evaluated_parts_of_constants_can_fail() {
        let zero_by_zero = [Node::Number(0.0), Node::Number(0.0), Node::Divide(0, 1)];
        check(&zero_by_zero, &[(2, "division by zero")]);
        let mut guarded = zero_by_zero.to_vec();
        guarded.extend([Node::Truth(false), Node::Number(1.0), Node::If(3, 2, 4)]);
        check(&guarded, &[]);
        guarded[3] = Node::Truth(true);
        check(&guarded, &[(2, "division by zero")]);
        check(&[Node::Number(-1.0), Node::Ln(0)], &[(1, "`ln` of a negative number")]);
    }
}
