//! The distance of a first move from being made unasked: how far its owner's own conditions are from being true.

use super::waits::{Blocked, lacking};
use crate::engine::Hypothesis;
use crate::model::{Amount, Comparison, Condition, Dependency, Expression, InstanceId, Model, NodeId, Scope, State};

/// A first move with its distance from being made unasked.
#[derive(Clone, Debug, PartialEq)]
pub struct MoveDistance {
    /// The move.
    pub instance: InstanceId,
    /// At least 0, and infinite if the owner would never make the move. See [`distance`] for conditions.
    pub distance: f64,
    /// The comparisons that fail. For a commitment that is not on offer, those of its `offer` and of its `when`.
    pub lacks: Blocked,
}

/// The distance of a condition from being true in a state: the sum of its relative shortfalls.
///
/// - A comparison that holds has distance 0. Otherwise its distance is the difference of its two sides, divided by the
///   larger of their absolute values. For a quantity of which there is too little, this is the missing share: a count
///   that must reach 2 and is 0 has distance 1, and so has a commitment that must be bound and is not. The distance is
///   1 if a side is infinite, or if two sides must differ and are equal, and never less than a millionth.
/// - A comparison that reads nothing that can change during a run has infinite distance, and so have `false` and a
///   condition that cannot be evaluated.
/// - `a and b` has the sum of the two distances, and `a or b` the smaller one. `not a` has the distance of `a` from
///   being false, in which `and` and `or` are exchanged and comparisons negated. `if(c, a, b)` has the smaller of `c
///   and a` and `not c and b`. Definitions are expanded, so a comparison that occurs twice counts twice.
#[must_use]
pub fn distance(condition: &Expression, scope: &Scope<'_>) -> f64 {
    // For each node, the distance from being false and from being true.
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
            // Numeric nodes have no truth value; they enter through the comparisons that use them.
            None => [0.0, 0.0],
        };
        found.push(own);
    }
    found.last().map_or(0.0, |distances| distances[1])
}

/// The smallest distance of a comparison that does not hold.
const LEAST: f64 = 1e-6;

/// The distances of a comparison from being false and from being true.
fn of_comparison(
    condition: &Expression,
    (at, comparison, a, b): (NodeId, Comparison, NodeId, NodeId),
    scope: &Scope<'_>,
) -> [f64; 2] {
    let (Ok(left), Ok(right)) = (condition.number_at(a, scope), condition.number_at(b, scope)) else {
        return [f64::INFINITY; 2];
    };
    let shortfall = if condition.reads_at(at).iter().all(|quantity| quantity.dependency() == Dependency::Fixed) {
        f64::INFINITY
    } else if left.is_infinite() || right.is_infinite() || left.to_bits() == right.to_bits() {
        let must_differ = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if must_differ || left.is_infinite() || right.is_infinite() { 1.0 } else { LEAST }
    } else {
        ((left - right).abs() / left.abs().max(right.abs())).max(LEAST)
    };
    if comparison.holds(left, right) { [shortfall, 0.0] } else { [0.0, shortfall] }
}

/// The distance of a possible first move from being made unasked. `amounts` are the graded amounts of first moves, by
/// position in the plan.
pub(super) fn move_distance(
    model: &Model,
    hypothesis: &Hypothesis<'_>,
    instance: InstanceId,
    amounts: &[Amount],
) -> MoveDistance {
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
    MoveDistance { instance, distance, lacks }
}

/// The relative differences between the graded amounts of a bound commitment and those of a first move, summed.
fn below(model: &Model, hypothesis: &Hypothesis<'_>, instance: InstanceId, amounts: &[Amount]) -> f64 {
    let commitment = model.commitment_of(instance);
    let graded = model.gifts(instance).filter(|gift| commitment.level(gift.number).is_some());
    let missing = graded.zip(hypothesis.positions_of(instance)).filter_map(|(gift, position)| {
        let (now, then) = (hypothesis.evidence().graded(gift.position), *amounts.get(position)?);
        (then > now).then(|| (then.to_units() - now.to_units()) / then.to_units())
    });
    missing.sum()
}

/// Converts a distance to the cost of a move, in millionths.
pub(super) fn cost(distance: f64) -> Amount {
    if distance.is_infinite() { Amount(super::limits::NEVER) } else { Amount::from_units(distance) }
}
