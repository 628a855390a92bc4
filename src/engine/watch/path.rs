//! How a comparison depends on one stance: the operations from the stance up to the comparison.

use crate::model::{Comparison, Expression, Node, NodeId, Quantity, Scope, Values};

/// An operation whose other operand does not read the stance.
#[derive(Clone, Copy, Debug)]
enum Step {
    Negate,
    Add(NodeId),
    /// The value minus a number.
    Less(NodeId),
    /// A number minus the value.
    From(NodeId),
    Times(NodeId),
    Over(NodeId),
}

/// The path from a stance to a comparison that is monotone in it.
#[derive(Clone, Debug)]
pub(super) struct Path {
    comparison: Comparison,
    /// The side without the stance.
    other: NodeId,
    /// Whether the stance is on the left.
    is_left: bool,
    /// From the stance up.
    steps: Vec<Step>,
}

/// The numbers beside a stance: those of the operations, from the stance up, and that on the other side.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    beside: [f64; LONGEST + 1],
    other: f64,
    are_finite: bool,
}

impl Numbers {
    /// Whether they have the same bits as others, of which the first `count` count.
    #[inline]
    fn are_those(&self, others: &Self, count: usize) -> bool {
        let is_same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
        is_same((&self.other, &others.other)) && self.beside[..count].iter().zip(&others.beside).all(is_same)
    }
}

/// Where a comparison turns, given the numbers beside the stance: stances, with its truth there.
pub(super) struct Turn {
    numbers: Numbers,
    least: (f64, Option<bool>),
    most: (f64, Option<bool>),
    /// A little above and below the approximate stance at which both sides are equal.
    above: (f64, Option<bool>),
    below: (f64, Option<bool>),
}

impl Turn {
    /// An interval around a stance within which it does not change the truth of the comparison, as [`Path::look`] finds
    /// it.
    #[inline]
    pub(super) fn band(&self, truth: bool, now: f64) -> (f64, f64) {
        if !self.numbers.are_finite {
            return (now, now);
        }
        let is_same = |at: (f64, Option<bool>)| at.1 == Some(truth);
        let low = if is_same(self.least) {
            f64::NEG_INFINITY
        } else if self.above.0 < now && is_same(self.above) {
            self.above.0
        } else {
            now
        };
        let high = if is_same(self.most) {
            f64::INFINITY
        } else if self.below.0 > now && is_same(self.below) {
            self.below.0
        } else {
            now
        };
        (low, high)
    }
}

/// The largest number of operations between a stance and a comparison.
const LONGEST: usize = 8;

/// The distance before the stance at which a comparison changes where it is evaluated again.
const MARGIN: f64 = 1e-9;

impl Path {
    /// The path from a stance to a comparison that reads it; `None` if the comparison is not monotone in it, or not
    /// simple enough.
    pub(super) fn new(
        expression: &Expression,
        (comparison, left, right): (Comparison, NodeId, NodeId),
        stance: Quantity,
    ) -> Option<Self> {
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            return None;
        }
        let reads = |node: NodeId| expression.reads_at(node).contains(&stance);
        let (is_left, other) = match (reads(left), reads(right)) {
            (true, false) => (true, right),
            (false, true) => (false, left),
            (true, true) | (false, false) => return None,
        };
        let mut at = if is_left { left } else { right };
        let mut steps = Vec::new();
        while steps.len() <= LONGEST {
            let (step, next) = match expression.nodes[at as usize] {
                Node::Read(quantity) if quantity == stance => {
                    steps.reverse();
                    return Some(Self { comparison, other, is_left, steps });
                }
                Node::Negate(a) => (Step::Negate, a),
                Node::Add(a, b) if !reads(b) => (Step::Add(b), a),
                Node::Add(a, b) if !reads(a) => (Step::Add(a), b),
                Node::Subtract(a, b) if !reads(b) => (Step::Less(b), a),
                Node::Subtract(a, b) if !reads(a) => (Step::From(a), b),
                Node::Multiply(a, b) if !reads(b) => (Step::Times(b), a),
                Node::Multiply(a, b) if !reads(a) => (Step::Times(a), b),
                Node::Divide(a, b) if !reads(b) => (Step::Over(b), a),
                // The stance is on both sides, or below an operation with a kink.
                Node::Read(_)
                | Node::Add(..)
                | Node::Subtract(..)
                | Node::Multiply(..)
                | Node::Divide(..)
                | Node::Number(_)
                | Node::Truth(_)
                | Node::Parameter(_)
                | Node::Compare(..)
                | Node::And(..)
                | Node::Or(..)
                | Node::Not(_)
                | Node::Min(..)
                | Node::Max(..)
                | Node::Clamp(..)
                | Node::Abs(_)
                | Node::Sqrt(_)
                | Node::Exp(_)
                | Node::Ln(_)
                | Node::If(..)
                | Node::Curve(..) => return None,
            };
            steps.push(step);
            at = next;
        }
        None
    }

    /// The truth of the comparison, and an interval within which the stance does not change it. `None` if a part of it
    /// is not a number.
    ///
    /// Each operation is monotone, including rounding, so the comparison has one truth between two stances at which it
    /// has the same truth.
    pub(super) fn look(
        &self,
        expression: &Expression,
        scope: &Scope<'_>,
        stance: Quantity,
    ) -> Option<(bool, f64, f64)> {
        let now = scope.read(stance);
        let Numbers { beside, other, are_finite } = self.numbers(|part| expression.number_at(part, scope).ok())?;
        let truth = self.truth(now, &beside, other)?;
        if !are_finite {
            // A value in between may not be a number.
            return Some((truth, now, now));
        }
        let is_same = |stance: f64| self.truth(stance, &beside, other) == Some(truth);
        // Stances are from 0 to 1.
        let (least, most) = (is_same(0.0), is_same(1.0));
        if least && most {
            return Some((truth, f64::NEG_INFINITY, f64::INFINITY));
        }
        let turn = self.solve(&beside, other);
        let (above, below) = (turn + MARGIN, turn - MARGIN);
        let low = match least {
            true => f64::NEG_INFINITY,
            false if above < now && is_same(above) => above,
            false => now,
        };
        let high = match most {
            true => f64::INFINITY,
            false if below > now && is_same(below) => below,
            false => now,
        };
        Some((truth, low, high))
    }

    /// [`Self::turn`] for one of many readers: that of the reader before, if it is the same.
    #[inline]
    pub(super) fn turn_again<'t>(&self, numbers: Numbers, latest: &'t mut Option<Turn>) -> &'t Turn {
        latest.take_if(|turn| !turn.numbers.are_those(&numbers, self.steps.len()));
        latest.get_or_insert_with(|| self.turn(numbers))
    }

    /// The numbers beside the stance; `None` if one of them is none.
    #[inline]
    pub(super) fn numbers(&self, value: impl Fn(NodeId) -> Option<f64>) -> Option<Numbers> {
        let mut numbers = Numbers { beside: [0.0; LONGEST + 1], other: value(self.other)?, are_finite: true };
        for (number, step) in numbers.beside.iter_mut().zip(&self.steps) {
            if let Step::Add(a) | Step::Less(a) | Step::From(a) | Step::Times(a) | Step::Over(a) = *step {
                *number = value(a)?;
                numbers.are_finite &= number.is_finite();
            }
        }
        Some(numbers)
    }

    /// Where the comparison turns, given the numbers beside the stance.
    #[inline(never)]
    pub(super) fn turn(&self, numbers: Numbers) -> Turn {
        let around = self.solve(&numbers.beside, numbers.other);
        let at = |stance: f64| (stance, self.truth(stance, &numbers.beside, numbers.other));
        Turn { least: at(0.0), most: at(1.0), above: at(around + MARGIN), below: at(around - MARGIN), numbers }
    }

    /// The truth of the comparison at a stance; `None` if a part of it is not a number there.
    #[inline]
    fn truth(&self, stance: f64, numbers: &[f64], other: f64) -> Option<bool> {
        let mut value = stance;
        for (step, &number) in self.steps.iter().zip(numbers) {
            value = match step {
                Step::Negate => -value,
                Step::Add(_) => value + number,
                Step::Less(_) => value - number,
                Step::From(_) => number - value,
                Step::Times(_) => value * number,
                Step::Over(_) => value / number,
            };
        }
        let (left, right) = if self.is_left { (value, other) } else { (other, value) };
        (!value.is_nan()).then(|| self.comparison.holds(left, right))
    }

    /// The approximate stance at which the two sides are equal.
    fn solve(&self, numbers: &[f64], other: f64) -> f64 {
        let mut value = other;
        for (step, &number) in self.steps.iter().zip(numbers).rev() {
            value = match step {
                Step::Negate => -value,
                Step::Add(_) => value - number,
                Step::Less(_) => value + number,
                Step::From(_) => number - value,
                Step::Times(_) => value / number,
                Step::Over(_) => value * number,
            };
        }
        value
    }
}
