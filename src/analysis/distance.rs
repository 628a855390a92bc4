//! How far a promise is from being made unasked: what its owner's own conditions lack, in one number.

use super::wants::{Blocked, lacking};
use crate::engine::Hypothesis;
use crate::model::{Amount, Comparison, Condition, Expression, InstanceId, Model, NodeId, Scope, Source, State};

/// A first move, and how far its owner is from making it unasked.
#[derive(Clone, Debug, PartialEq)]
pub struct Unasked {
    /// The move.
    pub instance: InstanceId,
    /// The distance: 0 or more, infinite where its owner never would. [`distance`] says what it is of a condition.
    pub distance: f64,
    /// What is lacking, in words; of what is not on offer both what its offer lacks and what it would lack then.
    pub lacks: Blocked,
}

/// How far a condition is from being true in a state: the sum of its shortfalls, each relative to what is wanted.
///
/// - Of a comparison that holds it is 0. Of one that does not it is the difference of its two sides relative to the
///   larger of them in size: of what there is too little of, the share of what is wanted that is missing, so that a
///   count that wants 2 and sees 0, or a promise that is not bound, is at 1. It is 1 where a side is infinite and where
///   two sides must differ and do not, and at least a millionth.
/// - Of a comparison that reads nothing that can change in a run it is infinite, and so it is of `false` and of what
///   cannot be worked out.
/// - Of `a and b` it is the sum, of `a or b` the less of the two, of `not a` that of `a` being false, where `and` and
///   `or` change places and comparisons are turned; of `if(c, a, b)` the less of the two ways: `c` and `a`, or not `c`
///   and `b`. Definitions are unfolded, so what stands in a condition twice counts twice.
#[must_use]
pub fn distance(condition: &Expression, scope: &Scope<'_>) -> f64 {
    // By node: how far it is from being false, and from being true.
    let mut found: Vec<[f64; 2]> = Vec::with_capacity(condition.nodes.len());
    for (at, node) in (0..).zip(&condition.nodes) {
        let of = |child: NodeId| found[child as usize];
        let own = match node.condition() {
            Some(Condition::Truth(truth)) => [truth, !truth].map(|other| if other { f64::INFINITY } else { 0.0 }),
            Some(Condition::Not(a)) => [of(a)[1], of(a)[0]],
            Some(Condition::And(a, b)) => [of(a)[0].min(of(b)[0]), of(a)[1] + of(b)[1]],
            Some(Condition::Or(a, b)) => [of(a)[0] + of(b)[0], of(a)[1].min(of(b)[1])],
            Some(Condition::If(c, a, b)) => {
                [0, 1].map(|wanted| (of(c)[1] + of(a)[wanted]).min(of(c)[0] + of(b)[wanted]))
            }
            Some(Condition::Compare(comparison, a, b)) => of_comparison(condition, (at, comparison, a, b), scope),
            // Numbers have no truth; what is made of them is a comparison.
            None => [0.0, 0.0],
        };
        found.push(own);
    }
    found.last().map_or(0.0, |distances| distances[1])
}

/// The least distance of what does not hold.
const LEAST: f64 = 1e-6;

/// How far a comparison is from being false, and from being true.
fn of_comparison(
    condition: &Expression,
    (at, comparison, a, b): (NodeId, Comparison, NodeId, NodeId),
    scope: &Scope<'_>,
) -> [f64; 2] {
    let (Ok(left), Ok(right)) = (condition.number_at(a, scope), condition.number_at(b, scope)) else {
        return [f64::INFINITY; 2];
    };
    let shortfall = if condition.reads_at(at).iter().all(|quantity| quantity.source() == Source::Fixed) {
        f64::INFINITY
    } else if left.is_infinite() || right.is_infinite() || left.to_bits() == right.to_bits() {
        let must_differ = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if must_differ || left.is_infinite() || right.is_infinite() { 1.0 } else { LEAST }
    } else {
        ((left - right).abs() / left.abs().max(right.abs())).max(LEAST)
    };
    if comparison.holds(left, right) { [shortfall, 0.0] } else { [0.0, shortfall] }
}

/// How far a possible first move is from being made unasked; `amounts` are the graded amounts of first moves, by
/// position in the plan.
pub(super) fn unasked(model: &Model, hypothesis: &Hypothesis<'_>, instance: InstanceId, amounts: &[Amount]) -> Unasked {
    let commitment = model.commitment_of(instance);
    let scope = hypothesis.scope_of(instance);
    let state = hypothesis.state_of(instance);
    let conditions: Vec<&Expression> = match state {
        State::Conditional => commitment.when.iter().collect(),
        State::Pending => commitment.stay.iter().collect(),
        State::Detached => Vec::new(),
        State::Null => commitment.offer.iter().chain(&commitment.when).collect(),
        State::Satisfied | State::Violated | State::Expired | State::Terminated => {
            commitment.renew.iter().chain(&commitment.offer).chain(&commitment.when).collect()
        }
    };
    let is_over = !matches!(state, State::Null | State::Conditional | State::Detached | State::Pending);
    let distance = if is_over && commitment.renew.is_none() {
        f64::INFINITY
    } else if state == State::Detached {
        below(model, hypothesis, instance, amounts)
    } else {
        conditions.iter().map(|condition| distance(condition, &scope)).sum()
    };
    let mut lacks = lacking(model, hypothesis, instance, &conditions, amounts);
    if is_over && commitment.renew.is_none() {
        lacks.text = "is over, and is not renewed".into();
    }
    Unasked { instance, distance, lacks }
}

/// How far the graded amounts of a bound promise are from those of a first move, each relative to that one.
fn below(model: &Model, hypothesis: &Hypothesis<'_>, instance: InstanceId, amounts: &[Amount]) -> f64 {
    let commitment = model.commitment_of(instance);
    let graded = model.gifts(instance).filter(|gift| commitment.level(gift.number).is_some());
    let missing = graded.zip(hypothesis.positions_of(instance)).filter_map(|(gift, position)| {
        let (now, then) = (hypothesis.evidence().graded(gift.position), *amounts.get(position)?);
        (then > now).then(|| (then.to_units() - now.to_units()) / then.to_units())
    });
    missing.sum()
}

/// A distance as the cost of a move, in millionths.
pub(super) fn cost(distance: f64) -> Amount {
    if distance.is_infinite() { Amount(super::limits::NEVER) } else { Amount::from_units(distance) }
}
