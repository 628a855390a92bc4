//! When a condition took the truth that it has: the latest turn of its comparisons, put together by its connectives.

use std::cell::Cell;

use super::history::{Moment, unordered};
use super::track::{Form, NONE, OwnPart, TrackId, Tracks, Unit, form};
use crate::model::{Amount, Comparison, Expression, Node, NodeId, ParameterId, Quantity, Reader, Scope, Values};

/// A truth, and the moment from which on the condition has had it without a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// None where a part of the condition is not a number.
    pub(super) truth: Option<bool>,
    /// When it took that truth.
    pub(super) moment: Moment,
}

/// What is known of a comparison from an earlier search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// The moment that it is about.
    pub(super) at: Moment,
    /// The truth that it had then, and when it had taken it.
    pub(super) turn: Turn,
}

/// A comparison of a condition, with what it reads.
#[derive(Clone, Debug)]
pub(super) struct Compared {
    /// The comparison in the arena of its expression.
    pub(super) node: NodeId,
    /// Each quantity that it reads, and whether its truth is monotone in it while all others stand still.
    reads: Vec<(Quantity, bool)>,
}

/// The comparisons of a condition.
pub(super) fn comparisons(expression: &Expression) -> Vec<Compared> {
    let courses: Vec<(Quantity, Vec<Course>)> =
        expression.reads().into_iter().map(|read| (read, courses(expression, read))).collect();
    let mut found = Vec::new();
    for (at, node) in expression.nodes.iter().enumerate() {
        if let Node::Compare(comparison, left, right) = *node {
            let node = NodeId::try_from(at).expect("the size of an expression is limited");
            let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
            let is_monotone = |read: Quantity| {
                let course = courses.iter().find(|(quantity, _)| *quantity == read).map(|(_, course)| course);
                let sides = course.map(|course| (course[left as usize], course[right as usize]));
                ordered && sides.is_some_and(|sides| turns_once(sides.0, sides.1))
            };
            let reads = expression.reads_at(node).into_iter().map(|read| (read, is_monotone(read))).collect();
            found.push(Compared { node, reads });
        }
    }
    found
}

/// How a number moves with a quantity while everything else stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Constant,
    /// Never falls or never rises.
    Monotone,
    Any,
}

/// Whether a comparison of such sides turns at most once as the quantity grows.
fn turns_once(left: Course, right: Course) -> bool {
    matches!(
        (left, right),
        (Course::Monotone | Course::Constant, Course::Constant) | (Course::Constant, Course::Monotone)
    )
}

/// The course of every node of an expression with a quantity; children stand before their parents.
fn courses(expression: &Expression, quantity: Quantity) -> Vec<Course> {
    let mut courses: Vec<Course> = Vec::with_capacity(expression.nodes.len());
    for node in &expression.nodes {
        let of = |node: NodeId| courses[node as usize];
        let mut moving = node.operands().map(of).filter(|course| *course != Course::Constant);
        let course = match (*node, moving.next(), moving.next()) {
            (Node::Read(read), ..) if read == quantity => Course::Monotone,
            (_, None, _) => Course::Constant,
            (
                Node::Negate(_)
                | Node::Add(..)
                | Node::Subtract(..)
                | Node::Multiply(..)
                | Node::Min(..)
                | Node::Max(..)
                | Node::Clamp(..)
                | Node::Sqrt(_),
                Some(Course::Monotone),
                None,
            ) => Course::Monotone,
            (Node::Divide(_, divisor), Some(Course::Monotone), None) if of(divisor) == Course::Constant => {
                Course::Monotone
            }
            _ => Course::Any,
        };
        courses.push(course);
    }
    courses
}

/// Something that changes on the way back: a tracked number, a reader's own part of one, the step.
#[derive(Clone, Copy, Debug)]
enum Source {
    Track(TrackId),
    Own,
    Steps,
}

/// A place in the past of something that changes.
#[derive(Clone, Copy, Debug)]
struct Line {
    source: Source,
    /// Position in the history, of the own change, or the step.
    at: usize,
    /// Since when it has had the value there.
    moment: Moment,
    value: i64,
    /// Whether the comparison is monotone in it.
    monotone: bool,
}

/// How a quantity's value is made from the lines.
#[derive(Clone, Copy, Debug)]
struct Reading {
    quantity: Quantity,
    unit: Unit,
    line: usize,
    /// The line of the own part, or of the step.
    other: Option<usize>,
}

/// The values of a moment in the past.
struct Past<'a> {
    scope: &'a Scope<'a>,
    readings: &'a [Reading],
    lines: &'a [Line],
    evaluated: Cell<u64>,
}

impl Values for Past<'_> {
    fn parameter(&self, parameter: ParameterId) -> f64 {
        self.scope.parameter(parameter)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and steps are limited to far less than 2^53")]
    fn read(&self, quantity: Quantity) -> f64 {
        self.evaluated.set(self.evaluated.get() + 1);
        let Some(reading) = self.readings.iter().find(|reading| reading.quantity == quantity) else {
            return self.scope.read(quantity);
        };
        let value = self.lines[reading.line].value;
        let other = reading.other.map_or(0, |line| self.lines[line].value);
        match reading.unit {
            Unit::Float => unordered(value),
            Unit::Millionths => Amount(value - other).to_units(),
            Unit::Count => (value - other) as f64,
            Unit::LatestStep if value < 0 => f64::INFINITY,
            Unit::LatestStep => (other - value) as f64,
        }
    }
}

/// Looks for the latest turn of a comparison; `known` is what an earlier search found.
/// Also gives how many values it read.
pub(super) fn last_turn(
    tracks: &mut Tracks,
    scope: &Scope<'_>,
    expression: &Expression,
    compared: &Compared,
    known: Option<Known>,
) -> (Turn, u64) {
    let (readings, mut lines) = lines(tracks, scope.reader, compared);
    let mut work = 0;
    let mut truth_of = |lines: &[Line]| {
        let past = Past { scope, readings: &readings, lines, evaluated: Cell::new(1) };
        let truth = expression.truth_at(compared.node, &past).ok();
        work += past.evaluated.get();
        truth
    };
    let truth = truth_of(&lines);
    // Steps that passed without an event share a moment, which may be that of the earlier search.
    let floor = known.map_or(Moment::START, |known| known.at);
    let mut moment = known.map_or(floor, |known| if known.turn.truth == truth { known.turn.moment } else { floor });
    while let Some(latest) = lines.iter().map(|line| line.moment).max().filter(|&latest| latest > floor) {
        let mut tied = lines.iter().enumerate().filter(|(_, line)| line.moment == latest);
        let first = tied.next().map_or(0, |(at, _)| at);
        let alone = tied.next().is_none();
        if let Line { source: Source::Track(track), monotone: true, at: position, .. } = lines[first]
            && alone
        {
            let others = lines.iter().map(|line| line.moment).filter(|&moment| moment != latest);
            let bound = others.max().unwrap_or(floor).max(floor);
            let history = tracks.history(track);
            let low = history.in_force(bound);
            let found = history.last_unlike(low, position - 1, |value| {
                lines[first].value = value;
                truth_of(&lines) == truth
            });
            if let Some(found) = found {
                moment = history.moment(found + 1);
                break;
            }
            lines[first] = Line { at: low, moment: history.moment(low), value: history.value(low), ..lines[first] };
            continue;
        }
        for line in lines.iter_mut().filter(|line| line.moment == latest) {
            step_back(tracks, line);
        }
        if truth_of(&lines) != truth {
            moment = latest;
            break;
        }
    }
    tracks.spend(work);
    (Turn { truth, moment }, work)
}

fn lines(tracks: &Tracks, reader: Option<Reader>, compared: &Compared) -> (Vec<Reading>, Vec<Line>) {
    let mut readings = Vec::new();
    let mut lines = Vec::new();
    let mut steps = None;
    let mut step_line = |lines: &mut Vec<Line>| {
        *steps.get_or_insert_with(|| {
            let at = tracks.steps().len() - 1;
            lines.push(Line {
                source: Source::Steps,
                at,
                moment: tracks.steps()[at],
                value: i64::try_from(at).expect("the number of steps is limited"),
                monotone: false,
            });
            lines.len() - 1
        })
    };
    for &(quantity, monotone) in &compared.reads {
        let (unit, line, other) = match form(quantity, reader.map(|reader| reader.actor)) {
            Form::Fixed => continue,
            Form::Step => (Unit::Count, step_line(&mut lines), None),
            Form::Tracked { key, unit, own } => {
                let Some(track) = tracks.find(&key) else { continue };
                let history = tracks.history(track);
                let at = history.latest();
                lines.push(Line {
                    source: Source::Track(track),
                    at,
                    moment: history.moment(at),
                    value: history.value(at),
                    monotone: monotone && unit != Unit::LatestStep,
                });
                let line = lines.len() - 1;
                let other = match (unit, reader) {
                    (Unit::LatestStep, _) => Some(step_line(&mut lines)),
                    (_, Some(reader)) if own != OwnPart::None => {
                        lines.push(own_line(tracks, tracks.own_change(track, own, reader)));
                        Some(lines.len() - 1)
                    }
                    _ => None,
                };
                (unit, line, other)
            }
        };
        readings.push(Reading { quantity, unit, line, other });
    }
    (readings, lines)
}

fn own_line(tracks: &Tracks, change: u32) -> Line {
    let (moment, value) = tracks.own_value(change);
    Line { source: Source::Own, at: change as usize, moment, value, monotone: false }
}

/// One value further back; the caller sees to it that there is one.
fn step_back(tracks: &Tracks, line: &mut Line) {
    match line.source {
        Source::Track(track) => {
            let history = tracks.history(track);
            line.at -= 1;
            (line.moment, line.value) = (history.moment(line.at), history.value(line.at));
        }
        Source::Own => {
            let change = u32::try_from(line.at).unwrap_or(NONE);
            *line = own_line(tracks, tracks.own_before(change));
        }
        Source::Steps => {
            line.at -= 1;
            (line.moment, line.value) = (tracks.steps()[line.at], line.value - 1);
        }
    }
}

/// When a condition took the truth that it has; `turn_of` gives that of each comparison.
///
/// Operands that cannot be worked out are left out, as long as the truth does not hang on them.
pub(super) fn turn_of_condition(expression: &Expression, mut turn_of: impl FnMut(NodeId) -> Turn) -> Turn {
    // Definitions are shared: each node is looked at once, however many ways lead to it.
    let mut known = vec![None; expression.nodes.len()];
    turn_at(expression, expression.root(), &mut known, &mut turn_of)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other operations are told by the caller")]
fn turn_at(
    expression: &Expression,
    node: NodeId,
    known: &mut [Option<Turn>],
    turn_of: &mut impl FnMut(NodeId) -> Turn,
) -> Turn {
    if let Some(turn) = known[node as usize] {
        return turn;
    }
    let turn = match expression.nodes[node as usize] {
        Node::Truth(truth) => Turn { truth: Some(truth), moment: Moment::START },
        Node::And(a, b) => {
            let a = turn_at(expression, a, known, turn_of);
            connective(a, turn_at(expression, b, known, turn_of), false)
        }
        Node::Or(a, b) => {
            let a = turn_at(expression, a, known, turn_of);
            connective(a, turn_at(expression, b, known, turn_of), true)
        }
        Node::Not(a) => {
            let turn = turn_at(expression, a, known, turn_of);
            Turn { truth: turn.truth.map(|truth| !truth), ..turn }
        }
        Node::If(condition, a, b) => {
            let chosen = turn_at(expression, condition, known, turn_of);
            match chosen.truth {
                None => chosen,
                Some(truth) => {
                    let branch = turn_at(expression, if truth { a } else { b }, known, turn_of);
                    Turn { truth: branch.truth, moment: chosen.moment.max(branch.moment) }
                }
            }
        }
        _ => turn_of(node),
    };
    known[node as usize] = Some(turn);
    turn
}

/// `and` (decided by a false operand) or `or` (decided by a true one).
fn connective(a: Turn, b: Turn, decisive: bool) -> Turn {
    let decides = |turn: Turn| turn.truth == Some(decisive);
    match (decides(a), decides(b)) {
        (true, true) => Turn { truth: Some(decisive), moment: a.moment.min(b.moment) },
        (true, false) => a,
        (false, true) => b,
        (false, false) => {
            let truth = (a.truth.is_some() && b.truth.is_some()).then_some(!decisive);
            Turn { truth, moment: a.moment.max(b.moment) }
        }
    }
}
