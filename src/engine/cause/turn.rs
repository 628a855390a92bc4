//! When a condition took its current truth: the latest changes of its comparisons, combined by its connectives.

use std::cell::Cell;

use super::history::{LogPosition, unordered};
use super::track::{HistorySource, NONE, OwnPart, TrackId, Tracks, Unit, is_of_debtor};
use crate::model::{Amount, Comparison, Expression, Node, NodeId, ParameterId, Quantity, Reader, Scope, Values};

/// A truth value, and the position since which the condition has had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// `None` if a part of the condition is not a number.
    pub(super) truth: Option<bool>,
    /// The position at which it took that truth.
    pub(super) moment: LogPosition,
}

/// The stored result of an earlier search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// The position for which it was computed.
    pub(super) at: LogPosition,
    /// The truth of the comparison there, and when it had taken it.
    pub(super) turn: Turn,
}

/// A comparison of a condition, with what it reads.
#[derive(Clone, Debug)]
pub(super) struct Compared {
    /// The comparison in the arena of its expression.
    pub(super) node: NodeId,
    /// What it reads.
    reads: Vec<Read>,
    /// What it reads that is the same throughout a run.
    fixed: Vec<Quantity>,
    /// The latest search; `None` before the first, and if the histories differ from debtor to debtor.
    latest: Option<Searched>,
}

/// A search with all that its result depends on. In a cascade, many readers in a row have the same numbers.
#[derive(Clone, Debug)]
struct Searched {
    /// Where the cursors began.
    cursors: Vec<Cursor>,
    /// The values of [`Compared::fixed`].
    fixed: Vec<f64>,
    found: (Turn, u64),
}

impl Searched {
    /// Unlike any search.
    fn new(fixed: usize) -> Self {
        let found = (Turn { truth: None, moment: LogPosition::START }, 0);
        Self { cursors: vec![Cursor::NOWHERE], fixed: vec![f64::NAN; fixed], found }
    }

    /// Takes the inputs of another search; returns whether they are the same.
    fn is_like(&mut self, cursors: &[Cursor], fixed: impl Iterator<Item = f64>) -> bool {
        let mut is_like = self.cursors == cursors;
        if !is_like {
            cursors.clone_into(&mut self.cursors);
        }
        for (known, value) in self.fixed.iter_mut().zip(fixed) {
            is_like &= known.to_bits() == value.to_bits();
            *known = value;
        }
        is_like
    }
}

/// A quantity that a comparison reads.
#[derive(Clone, Copy, Debug)]
struct Read {
    quantity: Quantity,
    /// Whether the truth of the comparison is monotone in this quantity alone.
    is_monotone: bool,
    /// Where its history is; `None` if that depends on the debtor.
    source: Option<HistorySource<TrackId>>,
}

/// The comparisons of a condition; `reader` is any of its readers.
pub(super) fn comparisons(expression: &Expression, tracks: &Tracks, reader: Option<Reader>) -> Vec<Compared> {
    let variations: Vec<(Quantity, Vec<Variation>)> =
        expression.reads().into_iter().map(|read| (read, variations(expression, read))).collect();
    let mut found = Vec::new();
    for (at, node) in expression.nodes.iter().enumerate() {
        if let Node::Compare(comparison, left, right) = *node {
            let node = NodeId::try_from(at).expect("the size of an expression is limited");
            let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
            let is_monotone = |read: Quantity| {
                let course = variations.iter().find(|(quantity, _)| *quantity == read).map(|(_, course)| course);
                let sides = course.map(|course| (course[left as usize], course[right as usize]));
                ordered && sides.is_some_and(|sides| turns_once(sides.0, sides.1))
            };
            let debtor = reader.map(|reader| reader.actor);
            let read = |quantity: Quantity| {
                let source = (!is_of_debtor(quantity)).then(|| tracks.source(quantity, debtor));
                Read { quantity, is_monotone: is_monotone(quantity), source }
            };
            let all = expression.reads_at(node);
            let reads: Vec<Read> = all.iter().copied().map(read).collect();
            let is_fixed = |read: &Read| matches!(read.source, Some(HistorySource::Fixed));
            let fixed: Vec<Quantity> = reads.iter().filter(|read| is_fixed(read)).map(|read| read.quantity).collect();
            let latest = reads.iter().all(|read| read.source.is_some()).then(|| Searched::new(fixed.len()));
            let reads = reads.into_iter().filter(|read| !is_fixed(read)).collect();
            found.push(Compared { node, reads, fixed, latest });
        }
    }
    found
}

/// How a number depends on one quantity while all others are fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variation {
    Constant,
    /// Never decreases or never increases.
    Monotone,
    Any,
}

/// Whether a comparison of two such sides changes at most once as the quantity grows.
fn turns_once(left: Variation, right: Variation) -> bool {
    matches!(
        (left, right),
        (Variation::Monotone | Variation::Constant, Variation::Constant) | (Variation::Constant, Variation::Monotone)
    )
}

/// The dependence of every node of an expression on a quantity; children precede their parents.
fn variations(expression: &Expression, quantity: Quantity) -> Vec<Variation> {
    let mut variations: Vec<Variation> = Vec::with_capacity(expression.nodes.len());
    for node in &expression.nodes {
        let of = |node: NodeId| variations[node as usize];
        let mut moving = node.operands().map(of).filter(|course| *course != Variation::Constant);
        let course = match (*node, moving.next(), moving.next()) {
            (Node::Read(read), ..) if read == quantity => Variation::Monotone,
            (_, None, _) => Variation::Constant,
            (
                Node::Negate(_)
                | Node::Add(..)
                | Node::Subtract(..)
                | Node::Multiply(..)
                | Node::Min(..)
                | Node::Max(..)
                | Node::Clamp(..)
                | Node::Sqrt(_),
                Some(Variation::Monotone),
                None,
            ) => Variation::Monotone,
            (Node::Divide(_, divisor), Some(Variation::Monotone), None) if of(divisor) == Variation::Constant => {
                Variation::Monotone
            }
            _ => Variation::Any,
        };
        variations.push(course);
    }
    variations
}

/// What a cursor runs over: a tracked number, a reader's own part of one, or the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CursorSource {
    Track(TrackId),
    Own,
    Steps,
}

/// A cursor into a history, moved backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    source: CursorSource,
    /// The index in the history, of the own change, or the step.
    at: usize,
    /// The position since which it has had the value there.
    moment: LogPosition,
    value: i64,
    /// Whether the comparison is monotone in it.
    monotone: bool,
}

impl Cursor {
    /// Not at a place of any history.
    const NOWHERE: Self =
        Self { source: CursorSource::Own, at: usize::MAX, moment: LogPosition::START, value: 0, monotone: false };
}

/// How the value of a quantity is computed from cursors.
#[derive(Clone, Copy, Debug)]
struct Reading {
    quantity: Quantity,
    unit: Unit,
    cursor: usize,
    /// The cursor of the own part, or of the step.
    other: Option<usize>,
}

/// The values at an earlier position.
struct PastValues<'a> {
    scope: &'a Scope<'a>,
    readings: &'a [Reading],
    cursors: &'a [Cursor],
    evaluated: Cell<u64>,
}

impl Values for PastValues<'_> {
    fn parameter(&self, parameter: ParameterId) -> f64 {
        self.scope.parameter(parameter)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and steps are limited to far less than 2^53")]
    fn read(&self, quantity: Quantity) -> f64 {
        self.evaluated.set(self.evaluated.get() + 1);
        let Some(reading) = self.readings.iter().find(|reading| reading.quantity == quantity) else {
            return self.scope.read(quantity);
        };
        let value = self.cursors[reading.cursor].value;
        let other = reading.other.map_or(0, |cursor| self.cursors[cursor].value);
        match reading.unit {
            Unit::Float => unordered(value),
            Unit::Millionths => Amount(value - other).to_units(),
            Unit::Count => (value - other) as f64,
            Unit::LatestStep if value < 0 => f64::INFINITY,
            Unit::LatestStep => (other - value) as f64,
        }
    }
}

/// A search for the latest change of a comparison, with its working memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    readings: Vec<Reading>,
    cursors: Vec<Cursor>,
}

impl Search {
    /// Finds the latest change of a comparison; `known` is the result of an earlier search.
    /// Also returns the number of values read.
    pub(super) fn last_turn(
        &mut self,
        tracks: &mut Tracks,
        scope: &Scope<'_>,
        expression: &Expression,
        compared: &mut Compared,
        known: Option<Known>,
    ) -> (Turn, u64) {
        self.place(tracks, scope.reader, compared);
        let Compared { node, fixed, latest, .. } = compared;
        let mut latest = latest.as_mut().filter(|_| known.is_none());
        let fixed = fixed.iter().map(|&quantity| scope.read(quantity));
        let again = latest.as_mut().and_then(|latest| latest.is_like(&self.cursors, fixed).then_some(latest.found));
        let found = again.unwrap_or_else(|| self.search(tracks, scope, (expression, *node), known));
        if let Some(latest) = latest {
            latest.found = found;
        }
        tracks.spend(found.1);
        found
    }

    /// As [`Self::last_turn`], from where the cursors are.
    fn search(
        &mut self,
        tracks: &Tracks,
        scope: &Scope<'_>,
        (expression, node): (&Expression, NodeId),
        known: Option<Known>,
    ) -> (Turn, u64) {
        let Self { readings, cursors } = self;
        let mut work = 0;
        let mut truth_of = |cursors: &[Cursor]| {
            let past = PastValues { scope, readings, cursors, evaluated: Cell::new(1) };
            let truth = expression.truth_at(node, &past).ok();
            work += past.evaluated.get();
            truth
        };
        let truth = truth_of(cursors);
        // Steps without events share a position, which may be that of the earlier search.
        let floor = known.map_or(LogPosition::START, |known| known.at);
        let mut moment = known.map_or(floor, |known| if known.turn.truth == truth { known.turn.moment } else { floor });
        while let Some(latest) = cursors.iter().map(|cursor| cursor.moment).max().filter(|&latest| latest > floor) {
            let mut tied = cursors.iter().enumerate().filter(|(_, cursor)| cursor.moment == latest);
            let first = tied.next().map_or(0, |(at, _)| at);
            let alone = tied.next().is_none();
            if let Cursor { source: CursorSource::Track(track), monotone: true, at: position, .. } = cursors[first]
                && alone
            {
                let others = cursors.iter().map(|cursor| cursor.moment).filter(|&moment| moment != latest);
                let bound = others.max().unwrap_or(floor).max(floor);
                let history = tracks.history(track);
                let low = history.in_force(bound);
                let found = history.last_unlike(low, position - 1, |value| {
                    cursors[first].value = value;
                    truth_of(cursors) == truth
                });
                if let Some(found) = found {
                    moment = history.moment(found + 1);
                    break;
                }
                cursors[first] =
                    Cursor { at: low, moment: history.moment(low), value: history.value(low), ..cursors[first] };
                continue;
            }
            for cursor in cursors.iter_mut().filter(|cursor| cursor.moment == latest) {
                step_back(tracks, cursor);
            }
            if truth_of(cursors) != truth {
                moment = latest;
                break;
            }
        }
        (Turn { truth, moment }, work)
    }

    /// Places the cursors at the present.
    fn place(&mut self, tracks: &Tracks, reader: Option<Reader>, compared: &Compared) {
        let Self { readings, cursors } = self;
        readings.clear();
        cursors.clear();
        let mut steps = None;
        let mut step_line = |cursors: &mut Vec<Cursor>| {
            *steps.get_or_insert_with(|| {
                let at = tracks.steps().len() - 1;
                cursors.push(Cursor {
                    source: CursorSource::Steps,
                    at,
                    moment: tracks.steps()[at],
                    value: i64::try_from(at).expect("the number of steps is limited"),
                    monotone: false,
                });
                cursors.len() - 1
            })
        };
        for read in &compared.reads {
            let source = read.source.unwrap_or_else(|| tracks.source(read.quantity, reader.map(|reader| reader.actor)));
            let (unit, cursor, other) = match source {
                HistorySource::Fixed => continue,
                HistorySource::Step => (Unit::Count, step_line(cursors), None),
                HistorySource::Tracked { track, unit, own } => {
                    let history = tracks.history(track);
                    let at = history.latest();
                    cursors.push(Cursor {
                        source: CursorSource::Track(track),
                        at,
                        moment: history.moment(at),
                        value: history.value(at),
                        monotone: read.is_monotone && unit != Unit::LatestStep,
                    });
                    let cursor = cursors.len() - 1;
                    let other = match (unit, reader) {
                        (Unit::LatestStep, _) => Some(step_line(cursors)),
                        (_, Some(reader)) if own != OwnPart::None => {
                            cursors.push(own_line(tracks, tracks.own_change(track, own, reader)));
                            Some(cursors.len() - 1)
                        }
                        _ => None,
                    };
                    (unit, cursor, other)
                }
            };
            readings.push(Reading { quantity: read.quantity, unit, cursor, other });
        }
    }
}

fn own_line(tracks: &Tracks, change: u32) -> Cursor {
    let (moment, value) = tracks.own_value(change);
    Cursor { source: CursorSource::Own, at: change as usize, moment, value, monotone: false }
}

/// Moves to the previous value; the caller ensures that there is one.
fn step_back(tracks: &Tracks, cursor: &mut Cursor) {
    match cursor.source {
        CursorSource::Track(track) => {
            let history = tracks.history(track);
            cursor.at -= 1;
            (cursor.moment, cursor.value) = (history.moment(cursor.at), history.value(cursor.at));
        }
        CursorSource::Own => {
            let change = u32::try_from(cursor.at).unwrap_or(NONE);
            *cursor = own_line(tracks, tracks.own_before(change));
        }
        CursorSource::Steps => {
            cursor.at -= 1;
            (cursor.moment, cursor.value) = (tracks.steps()[cursor.at], cursor.value - 1);
        }
    }
}

/// When a condition took its current truth; `turn_of` gives that of each comparison, and `known` is working memory.
///
/// Operands that cannot be evaluated are ignored as long as the truth does not depend on them.
pub(super) fn turn_of_condition(
    expression: &Expression,
    known: &mut Vec<Option<Turn>>,
    mut turn_of: impl FnMut(NodeId) -> Turn,
) -> Turn {
    // Definitions are shared, so each node is evaluated once.
    known.clear();
    known.resize(expression.nodes.len(), None);
    turn_at(expression, expression.root(), known, &mut turn_of)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller provides the turns of all other operations")]
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
        Node::Truth(truth) => Turn { truth: Some(truth), moment: LogPosition::START },
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
